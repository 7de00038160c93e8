/* Digests by which relatives are found. Of a file that is packed as a whole they say nothing, so packed children have none; the
 * submission itself always has, for that is what people look up. */
#include "lab/make.h"
#include "lab/similar.h"

#define PIECE ((size_t)1 << 20) /* between two looks at the clock */
#define PACKED \
	(LAB_TYPE(LAB_ZIP) | LAB_TYPE(LAB_GZIP) | LAB_TYPE(LAB_BZIP2) | LAB_TYPE(LAB_XZ) | LAB_TYPE(LAB_ZSTD) | LAB_TYPE(LAB_LZ4) | \
	 LAB_TYPE(LAB_7Z) | LAB_TYPE(LAB_RAR) | LAB_TYPE(LAB_CAB))

/* The piece at `at`; empty: the end, or no time is left. */
static struct str piece(const struct lab_node *n, size_t at)
{
	return lab_over(n) ? S("") : str_part(n->bytes, at, PIECE);
}

static void make_ctph(struct lab_node *n)
{
	struct ctph c;
	char text[CTPH_TEXT_MAX];

	ctph_begin(&c, n->bytes.n);
	do {
		for (size_t at = 0; at < n->bytes.n; at += PIECE)
			ctph_add(&c, piece(n, at));
	} while (!lab_over(n) && !ctph_end(&c, text));
	if (!lab_over(n))
		lab_fact(n, "ctph", str_of(text));
}

static void make_tlsh(struct lab_node *n)
{
	struct tlsh t;
	char text[TLSH_TEXT_MAX];

	tlsh_begin(&t);
	for (size_t at = 0; at < n->bytes.n; at += PIECE)
		tlsh_add(&t, piece(n, at));
	if (!lab_over(n) && tlsh_end(&t, text))
		lab_fact(n, "tlsh", str_of(text));
}

static enum rc make(struct lab_node *n, struct err *err)
{
	(void)err;
	if (n->bytes.n == 0 || (n->parent != NULL && (n->types & PACKED) != 0))
		return RC_OK;
	make_ctph(n);
	make_tlsh(n);
	return RC_OK;
}

const struct lab_maker LAB_MAKE_SIMILAR = { "similar", LAB_ANY_TYPE, make, NULL };
