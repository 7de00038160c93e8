/* ZIP (APPNOTE 6.3.10) by what lies in the file and not only by what its directory says. Readers differ in whom they believe
 * when the central directory and a local header disagree, so a member that hides from one reader shows itself to another: here both are
 * read, every local header is found (those that the directory does not list stand in gaps, which are walked as ZIP again),
 * and each disagreement is a feature.
 *
 * Stored members are borrowed, deflated ones unpacked by zlib. Other methods and strong encryption are for libarchive's reader, one
 * member at a time by name (zip_other). */
#include <zlib.h>

#include "base/mem.h"
#include "base/rd.h"
#include "lab/walk_zip.h"

#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define CENTRAL_SIZE 46
#define LOCAL_SIZE 30
#define COMMENT_MAX 65535
#define UNPACK ((size_t)64 << 10)
#define NAME_SHOWN 60

#define FLAG_ENCRYPTED 1u
#define FLAG_DESCRIPTOR 8u

struct directory {
	uint64_t at, size, entries, base; /* base: what stands before the first byte that offsets count from */
	uint64_t end_at;
};

/* --- the end records --- */

static bool read_end64(struct str all, uint64_t end_at, struct directory *d)
{
	uint64_t at;
	struct str e;

	if (end_at < LOCATOR_SIZE || str_le32(all, end_at - LOCATOR_SIZE) != 0x07064b50)
		return false;
	at = str_le64(all, end_at - LOCATOR_SIZE + 8);
	if (at > end_at - LOCATOR_SIZE || str_le32(all, at) != 0x06064b50) {
		/* Something stands before the archive: the record is right before its locator. */
		if (end_at < LOCATOR_SIZE + END64_SIZE || str_le32(all, end_at - LOCATOR_SIZE - END64_SIZE) != 0x06064b50)
			return false;
		at = end_at - LOCATOR_SIZE - END64_SIZE;
	}
	e = str_slice(all, at, end_at);
	d->entries = str_le64(e, 32);
	d->size = str_le64(e, 40);
	d->at = str_le64(e, 48);
	d->end_at = at;
	return true;
}

/* The last end record whose directory is where it says, or right before it. */
static bool find_directory(struct lab_node *n, struct directory *ret)
{
	struct str all = n->bytes;
	size_t least = all.n > END_SIZE + COMMENT_MAX ? all.n - END_SIZE - COMMENT_MAX : 0;

	for (size_t at = all.n < END_SIZE ? 0 : all.n - END_SIZE + 1; at-- > least && all.n >= END_SIZE;) {
		struct directory d = { 0 };
		uint64_t end = at;

		if (str_le32(all, at) != 0x06054b50)
			continue;
		d = (struct directory){ .entries = str_le16(all, at + 10), .size = str_le32(all, at + 12), .at = str_le32(all, at + 16), .end_at = at };
		if ((d.at == UINT32_MAX || d.entries == UINT16_MAX || d.size == UINT32_MAX) && read_end64(all, at, &d))
			end = d.end_at;
		if (d.size > end || (d.size > 0 && str_le32(all, end - d.size) != 0x02014b50 && str_le32(all, d.at) != 0x02014b50))
			continue;
		if (d.at <= end - d.size && (d.size == 0 || str_le32(all, end - d.size) == 0x02014b50))
			d.base = end - d.size - d.at;
		d.at += d.base;
		lab_claim(n, end, at - end + END_SIZE + str_le16(all, at + 20));
		*ret = d;
		return true;
	}
	return false;
}

/* --- members --- */

/* Sizes and place of 64 bits (4.5.3), in the order of those that the header says are there. */
static void read_extra64(struct str extra, struct zip_member *m, bool central)
{
	struct rd r;

	rd_init(&r, extra);
	while (rd_left(&r) >= 4) {
		uint16_t id = rd_le16(&r), n = rd_le16(&r);
		struct rd x;

		rd_init(&x, rd_bytes(&r, n));
		if (id == 0x9901)
			m->method_inside = str_le16(str_make((const char *)x.p, x.n), 5);
		if (id != 1)
			continue;
		if (m->size == UINT32_MAX)
			m->size = rd_le64(&x);
		if (m->packed == UINT32_MAX)
			m->packed = rd_le64(&x);
		if (central && m->at == UINT32_MAX)
			m->at = rd_le64(&x);
	}
}

/* What both headers have in this order, from the flags on (APPNOTE 4.3.7, 4.3.12). */
static void read_common(struct str h, size_t at, struct zip_member *m, size_t *ret_names, size_t *ret_extras)
{
	m->flags = str_le16(h, at);
	m->method = str_le16(h, at + 2);
	m->crc = str_le32(h, at + 8);
	m->packed = str_le32(h, at + 12);
	m->size = str_le32(h, at + 16);
	*ret_names = str_le16(h, at + 20);
	*ret_extras = str_le16(h, at + 22);
}

static bool read_central(struct rd *r, struct zip_member *m)
{
	struct str h = rd_bytes(r, CENTRAL_SIZE);
	size_t names, extras, comments;

	*m = (struct zip_member){ 0 };
	if (h.n < CENTRAL_SIZE || str_le32(h, 0) != 0x02014b50)
		return false;
	read_common(h, 8, m, &names, &extras);
	comments = str_le16(h, 32);
	m->at = str_le32(h, 42);
	m->name = rd_bytes(r, names);
	read_extra64(rd_bytes(r, extras), m, true);
	rd_skip(r, comments);
	return !r->bad;
}

/* The local header at `at`; data_at is 0 when there is none. */
static bool read_local(struct str all, uint64_t at, struct zip_member *m)
{
	struct str h = at > all.n ? S("") : str_slice(all, at, at + LOCAL_SIZE);
	size_t names, extras;

	*m = (struct zip_member){ .at = at };
	if (h.n < LOCAL_SIZE || str_le32(h, 0) != 0x04034b50)
		return false;
	read_common(h, 6, m, &names, &extras);
	m->data_at = at + LOCAL_SIZE + names + extras;
	if (m->data_at > all.n)
		return false;
	m->name = str_slice(all, at + LOCAL_SIZE, at + LOCAL_SIZE + names);
	read_extra64(str_slice(all, at + LOCAL_SIZE + names, m->data_at), m, false);
	return true;
}

/* Unpacks until the stream's own end. The packed bytes that it took; what it makes goes to the child. */
static uint64_t inflate_to(struct lab_child *c, struct str packed, bool *ret_whole)
{
	z_stream z = { 0 };
	unsigned char *out = mem_alloc(UNPACK);
	uint64_t took = 0;
	int rc = Z_OK;

	*ret_whole = false;
	if (out == NULL || inflateInit2(&z, -MAX_WBITS) != Z_OK) {
		mem_free(out);
		return 0;
	}
	z.next_in = (Bytef *)(uintptr_t)packed.p;
	while (rc == Z_OK) {
		uInt piece = packed.n - took > (1u << 30) ? 1u << 30 : (uInt)(packed.n - took);

		z.avail_in = piece;
		z.next_out = out;
		z.avail_out = (uInt)UNPACK;
		rc = inflate(&z, Z_NO_FLUSH);
		took += piece - z.avail_in;
		lab_child_took(c, took);
		if (z.avail_out < UNPACK && !lab_child_write(c, str_make((const char *)out, UNPACK - z.avail_out)))
			break;
		if (rc == Z_BUF_ERROR)
			break;
	}
	*ret_whole = rc == Z_STREAM_END;
	inflateEnd(&z);
	mem_free(out);
	return took;
}

static void tell_differences(struct lab_node *n, const struct zip_member *central, const struct zip_member *local)
{
	if (!str_eq(central->name, local->name))
		lab_feature(n, LAB_SUSPICIOUS, "zip.names-differ", local->at, LOCAL_SIZE + local->name.n, "directory and member call one file by two names");
	if (central->method != local->method)
		lab_feature(n, LAB_SUSPICIOUS, "zip.methods-differ", local->at, LOCAL_SIZE, "directory and member differ in how it is packed");
	if ((local->flags & FLAG_DESCRIPTOR) == 0 && (central->packed != local->packed || central->size != local->size))
		lab_feature(n, LAB_SUSPICIOUS, "zip.sizes-differ", local->at, LOCAL_SIZE, "directory and member differ in its size");
	if (((central->flags ^ local->flags) & FLAG_ENCRYPTED) != 0)
		lab_feature(n, LAB_SUSPICIOUS, "zip.encryption-differs", local->at, LOCAL_SIZE, "directory and member differ in whether it is encrypted");
}

/* "PK\7\8" is allowed to be there or not (4.3.9.3); with it or without, of 32 or 64 bits. */
static uint64_t descriptor_size(struct str all, uint64_t at, const struct zip_member *m)
{
	uint64_t mark = str_le32(all, at) == 0x08074b50 ? 4 : 0;

	(void)m;
	/* What follows is a header or the directory: that tells how long it was. */
	for (uint64_t n = mark + 12; n <= mark + 20; n += 8) {
		uint32_t next = str_le32(all, at + n);

		if (next == 0x04034b50 || next == 0x02014b50 || next == 0x08064b50 || next == 0x06064b50)
			return n;
	}
	return mark > 0 ? mark + 12 : 0;
}

/* A member whose local header was read. Returns where it ends. */
static uint64_t take_member(struct lab_node *n, const struct zip_member *m, struct zip_others *others)
{
	struct str rest = str_slice(n->bytes, m->data_at, n->bytes.n);
	struct lab_origin from = { .name = m->name, .how = "member", .at = m->data_at, .length = m->packed };
	bool known = m->packed > 0 || (m->flags & FLAG_DESCRIPTOR) == 0, whole;
	struct lab_child *c;
	uint64_t took;

	lab_claim(n, m->at, m->data_at - m->at);
	if (known && m->packed > rest.n) {
		lab_feature(n, LAB_NOTE, "zip.cut", m->at, LOCAL_SIZE, "a member ends behind the file");
		from.length = rest.n;
		lab_unseen(n, m->data_at, rest.n, "%.*s: its end is missing", STR(str_slice(m->name, 0, NAME_SHOWN)));
	}
	if (m->name.n > 0 && m->name.p[m->name.n - 1] == '/' && from.length == 0)
		return m->data_at;
	if ((m->flags & FLAG_ENCRYPTED) != 0 || (m->method != 0 && m->method != 8)) {
		zip_others_add(n, others, m);
		return m->data_at + from.length;
	}
	if (m->method == 0) {
		if (!known)
			from.length = m->size <= rest.n ? m->size : rest.n;
		lab_child_borrow(n, &from, str_slice(rest, 0, from.length));
		took = from.length;
	} else {
		c = lab_child_open(n, &from);
		if (c == NULL)
			return m->data_at + from.length;
		took = inflate_to(c, known ? str_slice(rest, 0, from.length) : rest, &whole);
		if (!whole)
			lab_child_broken(c, "%.*s: does not unpack to its end", STR(str_slice(m->name, 0, NAME_SHOWN)));
		lab_child_close(c);
		/* Behind the end of the stream another file may hide in what counts as this member's bytes. */
		if (whole && known && took < from.length) {
			struct lab_origin hidden = { .name = S("behind the stream"), .how = "gap", .at = m->data_at + took, .length = from.length - took };

			lab_feature(n, LAB_NOTE, "zip.slack", hidden.at, hidden.length, "bytes behind the end of a member's stream");
			lab_child_borrow(n, &hidden, str_slice(n->bytes, hidden.at, hidden.at + hidden.length));
		}
	}
	if (!known)
		lab_claim(n, m->data_at, took);
	took = known ? from.length : took;
	if ((m->flags & FLAG_DESCRIPTOR) != 0) {
		uint64_t d = descriptor_size(n->bytes, m->data_at + took, m);

		lab_claim(n, m->data_at + took, d);
		took += d;
	}
	return m->data_at + took;
}

/* A member of the directory: sizes are the directory's, because a local header may leave them to a descriptor. */
static void take_listed(struct lab_node *n, const struct directory *d, struct zip_member *central, struct zip_others *others)
{
	struct zip_member local;

	if (central->at + d->base < central->at || !read_local(n->bytes, central->at + d->base, &local)) {
		lab_unseen(n, 0, UINT64_MAX, "zip: %.*s: is listed, and not where the directory says", STR(str_slice(central->name, 0, NAME_SHOWN)));
		return;
	}
	tell_differences(n, central, &local);
	if (str_find(central->name, S("../"), 0) != SIZE_MAX || str_starts(central->name, S("/")))
		lab_feature(n, LAB_SUSPICIOUS, "zip.leaves-folder", local.at, LOCAL_SIZE + local.name.n, "a member's name leads out of the folder");
	if ((local.flags & FLAG_DESCRIPTOR) != 0 || local.packed != central->packed) {
		local.packed = central->packed;
		local.size = central->size;
	}
	take_member(n, &local, others);
}

static enum rc walk_directory(struct lab_node *n, const struct directory *d, struct zip_others *others, struct err *err)
{
	struct str bytes = str_slice(n->bytes, d->at, d->at + d->size);
	struct zip_member m;
	struct rd r;
	uint64_t count = 0;

	rd_init(&r, bytes);
	while (rd_left(&r) > 0 && !lab_over(n)) {
		size_t begun = r.pos;

		if (!read_central(&r, &m)) {
			if (rd_left(&r) == 0 && r.bad)
				return FAIL(err, RC_BAD, "the directory is damaged at byte %llu", (unsigned long long)(d->at + begun));
			break; /* a digital signature, or what a gap will show */
		}
		lab_claim(n, d->at + begun, r.pos - begun);
		take_listed(n, d, &m, others);
		count++;
	}
	if (!lab_over(n) && count != d->entries)
		lab_feature(n, LAB_NOTE, "zip.count-differs", d->end_at, END_SIZE, "the end record counts other members than the directory has");
	return RC_OK;
}

/* Header by header through what the directory did not lead to: all of it when there is none. */
static size_t walk_headers(struct lab_node *n, struct zip_others *others)
{
	uint64_t at = 0, from, to;
	size_t found = 0;

	while (!lab_over(n) && lab_unclaimed(n, &at, &from, &to)) {
		struct zip_member m;
		size_t header = str_find(str_slice(n->bytes, 0, to + 3), S("PK\3\4"), from);

		if (header == SIZE_MAX)
			continue;
		at = header + 4;
		if (read_local(n->bytes, header, &m)) {
			at = take_member(n, &m, others);
			found++;
		} else {
			lab_unseen(n, header, UINT64_MAX, "a member's header is cut");
		}
	}
	return found;
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct zip_others others = { 0 };
	struct directory d;
	enum rc rc = RC_OK;
	bool listed = find_directory(n, &d);
	size_t found;

	/* Code that reads archives has their marks in it: without a member listed or one at its beginning a file is none. */
	if (!str_starts(n->bytes, S("PK")) && (!listed || d.size == 0))
		return RC_UNSUPPORTED;
	if (listed) {
		lab_fact_u64(n, "zip.entries", d.entries);
		rc = walk_directory(n, &d, &others, err);
	}
	found = walk_headers(n, &others);
	if (found > 0 && !lab_over(n))
		lab_feature(n, LAB_NOTE, listed ? "zip.not-listed" : "zip.no-directory", 0, 4, "members that no directory lists");
	/* Where it was cut, others may have followed. */
	if (!listed && found > 0 && !lab_over(n))
		lab_unseen(n, n->bytes.n - 1, 1, "has no end record: what followed is not known");
	zip_others_open(n, &others);
	return rc;
}

const struct lab_walker LAB_WALK_ZIP = { "zip", LAB_TYPE(LAB_ZIP), walk, NULL };
