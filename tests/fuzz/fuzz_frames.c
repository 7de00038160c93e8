/* A stream in pieces of the first byte's size: frames never grow beyond their limit and every message is within it. */
#include "input/frames.h"
#include "input/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size), m;
	size_t piece = size == 0 ? 1 : (size_t)data[0] % 64 + 1;
	struct frames f;

	frames_init(&f, true);
	for (size_t at = 0; at < s.n; at += piece) {
		if (frames_put(&f, str_slice(s, at, at + piece)) != RC_OK)
			break;
		for (; frames_next(&f, &m); frames_taken(&f))
			if (m.n == 0 || m.n > INPUT_MESSAGE_MAX)
				__builtin_trap();
	}
	if (frames_last(&f, &m) && m.n > INPUT_MESSAGE_MAX)
		__builtin_trap();
	frames_done(&f);
	return 0;
}
