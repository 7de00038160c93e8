/* An event stream from a hostile server, torn where the first byte says. */
#include "sys/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool hear(void *ctx, struct str id, struct str event, struct str data)
{
	size_t *bytes = ctx;

	*bytes += id.n + event.n + data.n;
	return *bytes < 100000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(sse_done) struct sse s;
	struct str bytes = str_make((const char *)data, size);
	size_t heard = 0, step = size == 0 ? 1 : (size_t)data[0] % 17 + 1;
	struct err err;

	sse_init(&s, 4096, hear, &heard);
	for (size_t at = 0; at < size; at += step)
		if (sse_feed(&s, str_slice(bytes, at, at + step), &err) != RC_OK)
			break;
	return 0;
}
