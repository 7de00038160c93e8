/* Any text as YAML: the short cut and libyaml read the same. Where a character that YAML has not stands in a later
 * document, libyaml, which reads ahead, does not even give the one before: that is no difference to speak of. */
#include "base/mem.h"
#include "detect/yaml_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct arena *a = arena_new((size_t)256 << 20);
	struct buf quick, slow;

	buf_init(&quick, 16 << 20);
	buf_init(&slow, 16 << 20);
	if (a != NULL && size < 65536) {
		yaml_whole(a, text, false, &quick);
		yaml_whole(a, text, true, &slow);
		if (!str_eq(buf_view(&quick), buf_view(&slow)) && str_find(buf_view(&slow), S("control characters"), 0) == SIZE_MAX &&
		    str_find(buf_view(&slow), S("UTF-"), 0) == SIZE_MAX && str_find(buf_view(&slow), S("Unicode"), 0) == SIZE_MAX)
			__builtin_trap();
	}
	buf_done(&quick);
	buf_done(&slow);
	arena_free(a);
	return 0;
}
