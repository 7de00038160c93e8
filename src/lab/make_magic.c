/* What libmagic calls it, for people: no decision rests on it. Its tables are mapped once in the zygote. It costs more than everything
 * else said of a small file (its regular expressions do), so that the submission itself gets its words and
 * a media type, and of its children the first ones that our own table does not know; of texts it sees the beginning. */
#include <magic.h>

#include "lab/make.h"

#define NAMED 16
#define TEXT_LOOKED_AT ((size_t)4 << 10)
#define LOOKED_AT ((size_t)64 << 10) /* it makes four bytes of one where it looks for letters */

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
	struct str head = str_slice(n->bytes, 0, (n->types & LAB_TYPE(LAB_TEXT)) != 0 ? TEXT_LOOKED_AT : LOOKED_AT);
	const char *said;

	(void)err;
	if (words == NULL || n->number > NAMED || (n->parent != NULL && n->types != 0))
		return RC_OK;
	said = magic_buffer(words, head.p, head.n);
	if (said != NULL)
		lab_fact(n, "type", str_of(said));
	said = n->parent == NULL ? magic_buffer(mime, head.p, head.n) : NULL;
	if (said != NULL)
		lab_fact(n, "type.mime", str_of(said));
	return RC_OK;
}

const struct lab_maker LAB_MAKE_MAGIC = { "magic", LAB_ANY_TYPE, make, prepare };
