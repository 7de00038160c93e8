/* What libmagic calls it, for people: no decision rests on it. Its tables are mapped once in the zygote. Of a submission with
 * thousands of children only the first get this name, because it costs more than everything else said of a small file. */
#include <magic.h>

#include "lab/make.h"

#define NAMED 200
#define LOOKED_AT ((size_t)128 << 10) /* it makes four bytes of one where it looks for letters */

/* Loaded once before any file is near; a worker is a fork and has a copy of its own. */
static magic_t words, mime;

static enum rc prepare(struct err *err)
{
	words = magic_open(MAGIC_NO_CHECK_COMPRESS | MAGIC_ERROR | MAGIC_NO_CHECK_ELF);
	mime = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_ERROR | MAGIC_NO_CHECK_ELF);
	if (words == NULL || mime == NULL)
		return FAIL(err, RC_NOMEM, "libmagic: out of memory");
	if (magic_load(words, NULL) != 0 || magic_load(mime, NULL) != 0)
		return FAIL(err, RC_IO, "libmagic: %s", magic_error(words) != NULL ? magic_error(words) : "no tables");
	return RC_OK;
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct str head = str_slice(n->bytes, 0, LOOKED_AT);
	const char *said;

	(void)err;
	if (words == NULL || n->number > NAMED)
		return RC_OK;
	said = magic_buffer(words, head.p, head.n);
	if (said != NULL)
		lab_fact(n, "type", str_of(said));
	said = magic_buffer(mime, head.p, head.n);
	if (said != NULL)
		lab_fact(n, "type.mime", str_of(said));
	return RC_OK;
}

const struct lab_maker LAB_MAKE_MAGIC = { "magic", LAB_ANY_TYPE, make, prepare };
