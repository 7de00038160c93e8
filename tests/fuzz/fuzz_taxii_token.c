/* No token but our own is taken, and our own is. The first 8 bytes are a position, the rest token and binding. */
#include <stdlib.h>

#include "taxii/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const unsigned char key[TOKEN_KEY_LEN] = "0123456789abcdef0123456789abcde";
	struct str rest = str_make((const char *)bytes, n);
	struct buf b;
	usec position = 0, got = 0;

	if (token_read(key, rest, S("x"), &got))
		abort(); /* 128 bits guessed */
	if (n < 8)
		return 0;
	memcpy(&position, bytes, 8);
	buf_init(&b, TOKEN_TEXT_MAX);
	token_make(key, position, str_slice(rest, 8, n), &b);
	if (b.bad != RC_OK || !token_read(key, buf_view(&b), str_slice(rest, 8, n), &got) || got != position)
		abort();
	if (token_read(key, buf_view(&b), str_slice(rest, 7, n), &got))
		abort();
	buf_done(&b);
	return 0;
}
