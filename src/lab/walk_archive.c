/* What libarchive opens. A layer is a layer: compression alone gives one child ("unpacked"), which is then looked at as what it is;
 * formats are read without any filter under them. libarchive skips over what it does not understand, so each kind has its own say
 * of how far its bytes can be claimed. */
#include <archive.h>
#include <archive_entry.h>

#include "lab/walk.h"

#define HOLE ((size_t)64 << 10)
#define NAME_SHOWN 60

enum span {
	SPAN_IN_ORDER, /* members stand one behind the other: what was read is claimed, what follows is a gap */
	SPAN_ALL,      /* the directory is elsewhere: a walk to the end claims all */
};

static int rar_any(struct archive *a)
{
	archive_read_support_format_rar(a);
	return archive_read_support_format_rar5(a);
}

static const struct format {
	enum lab_type type;
	int (*filter)(struct archive *); /* of what is compressed only: its one child is read raw */
	int (*support)(struct archive *);
	enum span span;
	bool sure; /* nothing else begins like it: what libarchive does not recognize then is damaged, not of another type */
} FORMATS[] = {
	{ LAB_GZIP, archive_read_support_filter_gzip, archive_read_support_format_raw, SPAN_IN_ORDER, true },
	{ LAB_BZIP2, archive_read_support_filter_bzip2, archive_read_support_format_raw, SPAN_IN_ORDER, false },
	{ LAB_XZ, archive_read_support_filter_xz, archive_read_support_format_raw, SPAN_IN_ORDER, true },
	{ LAB_ZSTD, archive_read_support_filter_zstd, archive_read_support_format_raw, SPAN_IN_ORDER, true },
	{ LAB_LZ4, archive_read_support_filter_lz4, archive_read_support_format_raw, SPAN_IN_ORDER, false },
	{ LAB_LZIP, archive_read_support_filter_lzip, archive_read_support_format_raw, SPAN_IN_ORDER, false },
	{ LAB_LZMA, archive_read_support_filter_lzma, archive_read_support_format_raw, SPAN_IN_ORDER, false },
	{ LAB_COMPRESS, archive_read_support_filter_compress, archive_read_support_format_raw, SPAN_IN_ORDER, false },
	{ LAB_RPM, archive_read_support_filter_rpm, archive_read_support_format_raw, SPAN_ALL, true },
	{ LAB_TAR, NULL, archive_read_support_format_tar, SPAN_IN_ORDER, false },
	{ LAB_CPIO, NULL, archive_read_support_format_cpio, SPAN_IN_ORDER, false },
	{ LAB_AR, NULL, archive_read_support_format_ar, SPAN_IN_ORDER, false },
	{ LAB_7Z, NULL, archive_read_support_format_7zip, SPAN_ALL, true },
	{ LAB_RAR, NULL, rar_any, SPAN_ALL, true },
	{ LAB_CAB, NULL, archive_read_support_format_cab, SPAN_ALL, true },
	{ LAB_ISO, NULL, archive_read_support_format_iso9660, SPAN_ALL, false },
	{ LAB_XAR, NULL, archive_read_support_format_xar, SPAN_ALL, true },
	{ LAB_LHA, NULL, archive_read_support_format_lha, SPAN_ALL, false },
	{ LAB_WARC, NULL, archive_read_support_format_warc, SPAN_ALL, false },
};

static void archive_freep(struct archive **a)
{
	archive_read_free(*a);
}

static struct str shown(struct str name)
{
	return str_slice(name, 0, NAME_SHOWN);
}

struct block {
	const void *p;
	size_t n;
	int64_t at;
	int rc;
};

static struct block next_block(struct archive *a)
{
	struct block b = { 0 };

	b.rc = archive_read_data_block(a, &b.p, &b.n, &b.at);
	return b;
}

/* Blocks in order from `b` on, with the holes of sparse files, until the end, damage or a limit, which the ledger knows. */
static void copy_data(struct archive *a, struct lab_child *c, struct str name, struct block b, bool packed)
{
	static const char zeros[HOLE];

	for (int64_t have = 0; b.rc != ARCHIVE_EOF; b = next_block(a)) {
		if (b.rc < ARCHIVE_WARN) {
			lab_child_broken(c, "%.*s: %.100s", STR(shown(name)), archive_error_string(a) == NULL ? "damaged" : archive_error_string(a));
			return;
		}
		for (; b.at > have; have += (int64_t)HOLE)
			if (!lab_child_write(c, str_make(zeros, (size_t)(b.at - have < (int64_t)HOLE ? b.at - have : (int64_t)HOLE))))
				return;
		have = b.at + (int64_t)b.n;
		if (packed)
			lab_child_took(c, (uint64_t)archive_filter_bytes(a, -1));
		if (b.n > 0 && !lab_child_write(c, str_make(b.p, b.n)))
			return;
	}
}

/* A member that stands in the file as it is (tar, ar, cpio) needs no copy: libarchive hands out places in our own bytes. */
static bool stands_in(const struct lab_node *n, const struct block *b, uint64_t size)
{
	uintptr_t p = (uintptr_t)b->p, first = (uintptr_t)n->bytes.p;

	return b->rc == ARCHIVE_OK && b->at == 0 && b->n == size && size > 0 && p >= first && p + b->n <= first + n->bytes.n;
}

static struct str name_of(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);

	if (name == NULL)
		name = archive_entry_pathname_utf8(e);
	return name == NULL ? S("") : str_of(name);
}

static void take_link(struct lab_node *n, struct archive_entry *e)
{
	const char *to = archive_entry_symlink(e) != NULL ? archive_entry_symlink(e) : archive_entry_hardlink(e);

	if (to != NULL)
		lab_fact(n, "archive.link", str_of(to));
}

static void take_entry(struct lab_node *n, struct archive *a, struct archive_entry *e, const struct format *f)
{
	struct lab_origin from = { .name = name_of(e), .how = "member" };
	struct lab_child *c;
	struct block b;

	if (f->filter != NULL) {
		from = (struct lab_origin){ .name = S("unpacked"), .how = "unpacked" };
	} else if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) != NULL) {
		take_link(n, e);
		return;
	}
	if (f->span == SPAN_IN_ORDER && f->filter == NULL) {
		from.at = (uint64_t)archive_read_header_position(a);
		from.length = archive_entry_size_is_set(e) && archive_entry_size(e) > 0 ? (uint64_t)archive_entry_size(e) : 1;
	}
	if (archive_entry_is_data_encrypted(e) > 0) {
		lab_unseen(n, from.at, from.length, "encrypted: %.*s", STR(shown(from.name)));
		lab_fact(n, "archive.encrypted", from.name);
		return;
	}
	b = next_block(a);
	if (f->filter == NULL && archive_entry_size_is_set(e) && stands_in(n, &b, (uint64_t)archive_entry_size(e))) {
		from.at = (uint64_t)((const char *)b.p - n->bytes.p);
		from.length = b.n;
		lab_child_borrow(n, &from, str_make(b.p, b.n));
		return;
	}
	c = lab_child_open(n, &from);
	if (c == NULL)
		return;
	copy_data(a, c, from.name, b, f->filter != NULL);
	lab_child_close(c);
}

static enum rc entries(struct lab_node *n, struct archive *a, const struct format *f, struct err *err)
{
	struct archive_entry *e;
	int rc;

	while (!lab_over(n)) {
		rc = archive_read_next_header(a, &e);
		if (rc == ARCHIVE_EOF) {
			lab_claim(n, 0, f->span == SPAN_ALL ? UINT64_MAX : (uint64_t)archive_filter_bytes(a, -1));
			return RC_OK;
		}
		if (rc < ARCHIVE_WARN)
			return FAIL(err, RC_BAD, "%s", archive_error_string(a) == NULL ? "damaged" : archive_error_string(a));
		take_entry(n, a, e, f);
	}
	return RC_OK;
}

static enum rc none_of_it(const struct format *f, struct err *err)
{
	return f->sure ? FAIL(err, RC_BAD, "it begins like %s and goes on as nothing", lab_type_name(f->type)) : RC_UNSUPPORTED;
}

/* Of one format; RC_UNSUPPORTED: the first bytes meant something else. */
static enum rc walk_as(struct lab_node *n, const struct format *f, struct err *err)
{
	struct archive *a CLEANUP(archive_freep) = archive_read_new();
	struct archive_entry *e;
	int rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	if ((f->filter != NULL && f->filter(a) < ARCHIVE_WARN) || f->support(a) < ARCHIVE_WARN ||
	     archive_read_open_memory(a, n->bytes.p, n->bytes.n) != ARCHIVE_OK)
		return FAIL(err, RC_NOMEM, "%s", archive_error_string(a) == NULL ? "out of memory" : archive_error_string(a));
	rc = archive_read_next_header(a, &e);
	if (rc == ARCHIVE_EOF) {
		lab_claim(n, 0, f->span == SPAN_ALL ? UINT64_MAX : (uint64_t)archive_filter_bytes(a, -1));
		return RC_OK;
	}
	if (rc < ARCHIVE_WARN && archive_error_string(a) != NULL && str_eq(str_of(archive_error_string(a)), S("Unrecognized archive format")))
		return none_of_it(f, err);
	/* The raw format takes everything: without a filter that recognized it, it is not compressed at all. */
	if (f->filter != NULL && archive_filter_count(a) <= 1)
		return none_of_it(f, err);
	if (rc < ARCHIVE_WARN)
		return FAIL(err, RC_BAD, "%s", archive_error_string(a) == NULL ? "damaged" : archive_error_string(a));
	take_entry(n, a, e, f);
	return entries(n, a, f, err);
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	enum rc worst = RC_UNSUPPORTED;

	for (size_t i = 0; i < COUNTOF(FORMATS); i++) {
		enum rc rc;

		if ((n->types & LAB_TYPE(FORMATS[i].type)) == 0)
			continue;
		rc = walk_as(n, &FORMATS[i], err);
		if (rc != RC_OK && rc != RC_UNSUPPORTED)
			return rc;
		if (rc == RC_OK)
			worst = RC_OK;
	}
	return worst;
}

const struct lab_walker LAB_WALK_ARCHIVE = {
	"libarchive",
	LAB_TYPE(LAB_GZIP) | LAB_TYPE(LAB_BZIP2) | LAB_TYPE(LAB_XZ) | LAB_TYPE(LAB_ZSTD) | LAB_TYPE(LAB_LZ4) | LAB_TYPE(LAB_LZIP) | LAB_TYPE(LAB_LZMA) |
		LAB_TYPE(LAB_COMPRESS) | LAB_TYPE(LAB_RPM) | LAB_TYPE(LAB_TAR) | LAB_TYPE(LAB_CPIO) | LAB_TYPE(LAB_AR) |
		LAB_TYPE(LAB_7Z) | LAB_TYPE(LAB_RAR) | LAB_TYPE(LAB_CAB) | LAB_TYPE(LAB_ISO) | LAB_TYPE(LAB_XAR) | LAB_TYPE(LAB_LHA) | LAB_TYPE(LAB_WARC),
	walk, NULL,
};
