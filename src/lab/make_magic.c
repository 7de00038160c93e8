/* What libmagic calls it, for people: no decision rests on it. Its tables are mapped once in the zygote. It costs more than everything
 * else said of a small file (its regular expressions do), so that the submission itself gets its words and
 * a media type, and of its children the first ones that our own table does not know; of texts it sees the beginning. */
#include <limits.h>
#include <magic.h>
#include <string.h>
#include <sys/mman.h>

#include "lab/make.h"
#include "sys/file.h"

#define NAMED 16
#define HUGE ((size_t)2 << 20) /* a large page */
#define TABLES_MAX ((size_t)64 << 20)
#define PATH_BYTES 512
#define TEXT_LOOKED_AT ((size_t)4 << 10)
#define LOOKED_AT ((size_t)64 << 10) /* it makes four bytes of one where it looks for letters */

/* Loaded once before any file is near; a worker is a fork and has a copy of its own. */
static magic_t words, mime;

/* Of the places where libmagic looks, "/etc/magic:/usr/share/misc/magic", the first that has compiled ones. */
static bool read_tables(struct buf *ret)
{
	const char *path = magic_getpath(NULL, 0);
	struct str rest = str_of(path != NULL ? path : ""), place;
	char full[PATH_BYTES];

	while (str_next(&rest, ':', &place)) {
		char real[PATH_MAX];

		snprintf(full, sizeof full, "%.*s%s", STR(place), str_ends(place, S(".mgc")) ? "" : ".mgc");
		if (realpath(full, real) != NULL && file_read(real, TABLES_MAX, ret, NULL) == RC_OK)
			return true;
	}
	return false;
}

/* The tables, once for both, in large pages: a worker is a fork, and every page of a mapped file is a fault in each of them. */
static enum rc load(magic_t m[2], struct err *err)
{
	struct buf b;
	size_t room;
	void *at;

	if (!read_tables(&b))
		return RC_NOTFOUND;
	room = (b.n + 2 * HUGE) & ~(HUGE - 1);
	at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) {
		buf_done(&b);
		return FAIL(err, RC_NOMEM, "libmagic: out of memory");
	}
	(void)madvise(at, room, MADV_HUGEPAGE);
	at = (char *)at + (HUGE - (uintptr_t)at % HUGE) % HUGE;
	memcpy(at, b.p, b.n);
	for (int i = 0; i < 2; i++) {
		size_t n = b.n;

		if (magic_load_buffers(m[i], &at, &n, 1) != 0) {
			buf_done(&b);
			return FAIL(err, RC_IO, "libmagic: %s", magic_error(m[i]) != NULL ? magic_error(m[i]) : "no tables");
		}
	}
	buf_done(&b);
	return RC_OK;
}

static enum rc prepare(struct err *err)
{
	enum rc rc;

	words = magic_open(MAGIC_NO_CHECK_COMPRESS | MAGIC_ERROR | MAGIC_NO_CHECK_ELF);
	mime = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_ERROR | MAGIC_NO_CHECK_ELF);
	if (words == NULL || mime == NULL)
		return FAIL(err, RC_NOMEM, "libmagic: out of memory");
	rc = load((magic_t[]){ words, mime }, err);
	if (rc != RC_NOTFOUND)
		return rc;
	if (magic_load(words, NULL) != 0 || magic_load(mime, NULL) != 0)
		return FAIL(err, RC_IO, "libmagic: %s", magic_error(words) != NULL ? magic_error(words) : "no tables");
	return RC_OK;
}

/* The media type of what our own table and libmagic's words leave no doubt about: asking libmagic for it takes as long as the words. NULL: ask. */
static const char *plain_mime(uint64_t types, const char *said)
{
	static const struct { enum lab_type type; const char *mime; } known[] = {
		{ LAB_PNG, "image/png" }, { LAB_JPEG, "image/jpeg" }, { LAB_GIF, "image/gif" }, { LAB_GZIP, "application/gzip" }, { LAB_BZIP2, "application/x-bzip2" },
		{ LAB_XZ, "application/x-xz" }, { LAB_ZSTD, "application/zstd" }, { LAB_PDF, "application/pdf" }, { LAB_RTF, "text/rtf" },
	};
	static const char *const other[] = { "script", "source", "program", "document", "data", "mail", "message", "module", "makefile", "executable", "key", "troff", "CSV", "batch" };

	for (size_t i = 0; i < COUNTOF(known); i++)
		if (types == LAB_TYPE(known[i].type))
			return known[i].mime;
	if (types != LAB_TYPE(LAB_TEXT) || said == NULL || strstr(said, " text") == NULL)
		return NULL;
	for (size_t i = 0; i < COUNTOF(other); i++)
		if (strcasestr(said, other[i]) != NULL)
			return NULL;
	return "text/plain";
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct str head = str_slice(n->bytes, 0, (n->types & LAB_TYPE(LAB_TEXT)) != 0 ? TEXT_LOOKED_AT : LOOKED_AT);
	const char *said, *plain;

	(void)err;
	if (words == NULL || n->number > NAMED || (n->parent != NULL && n->types != 0))
		return RC_OK;
	said = magic_buffer(words, head.p, head.n);
	if (said != NULL)
		lab_fact(n, "type", str_of(said));
	if (n->parent != NULL)
		return RC_OK;
	plain = plain_mime(n->types, said);
	said = plain != NULL ? plain : magic_buffer(mime, head.p, head.n);
	if (said != NULL)
		lab_fact(n, "type.mime", str_of(said));
	return RC_OK;
}

const struct lab_maker LAB_MAKE_MAGIC = { "magic", LAB_ANY_TYPE, make, prepare };
