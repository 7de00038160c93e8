/* What a detect role in other hands may send to core: a frame that is taken says the same when it is written and read again. */
#include "base/hash.h"
#include "base/mem.h"
#include "node/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new((size_t)1 << 20);
	struct buf b, again;
	struct frame f, g;

	buf_init(&b, FRAME_MAX + 4);
	buf_init(&again, FRAME_MAX + 4);
	if (a != NULL && frame_get(str_make((const char *)data, n), a, &f, NULL) == RC_OK) {
		frame_put(&b, &f);
		if (b.bad == RC_OK && frame_get(str_slice(buf_view(&b), 4, b.n), a, &g, NULL) != RC_OK)
			__builtin_trap();
		frame_put(&again, &g);
		if (!str_eq(buf_view(&b), buf_view(&again)))
			__builtin_trap();
	}
	buf_done(&b);
	buf_done(&again);
	arena_free(a);
	return 0;
}
