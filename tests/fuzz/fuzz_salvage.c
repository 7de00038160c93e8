/* What is left of a broken document is the same however its text comes in pieces, and no piece is longer than an event may be. */
#include <stdlib.h>

#include "detect/salvage.h"

#define MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool keep(void *ctx, struct str piece)
{
	if (piece.n > MAX)
		abort();
	buf_str(ctx, piece.p == NULL ? S("too long") : piece), buf_char(ctx, '\0');
	return true;
}

static void all(struct str text, size_t step, struct buf *out)
{
	struct salvage s;

	salvage_init(&s, 4, MAX, keep, out);
	for (size_t at = 0; at < text.n && salvage_feed(&s, str_slice(text, at, at + step), at == 0); at += step)
		;
	(void)salvage_end(&s);
	salvage_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = str_make((const char *)bytes, n);
	struct buf one, few;

	buf_init(&one, 4 << 20), buf_init(&few, 4 << 20);
	all(text, n + 1, &one);
	all(text, 1 + n % 7, &few);
	/* A text in one go has its first line open; in pieces too, since only the first of them is. */
	if (!str_eq(buf_view(&one), buf_view(&few)))
		abort();
	buf_done(&one), buf_done(&few);
	return 0;
}
