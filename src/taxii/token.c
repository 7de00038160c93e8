#include "taxii/token.h"

#include <sodium.h>

#include "base/rd.h"
#include "base/text.h"

#define TOKEN_FORMAT 1
#define TOKEN_SEAL_LEN 16
#define TOKEN_HEAD_LEN 9
#define TOKEN_LEN (TOKEN_HEAD_LEN + TOKEN_SEAL_LEN)

static void seal(const unsigned char key[static TOKEN_KEY_LEN], struct str head, struct str bound_to,
		 unsigned char out[static TOKEN_SEAL_LEN])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, key, TOKEN_KEY_LEN, TOKEN_SEAL_LEN);
	crypto_generichash_update(&state, (const unsigned char *)head.p, head.n);
	crypto_generichash_update(&state, (const unsigned char *)bound_to.p, bound_to.n);
	crypto_generichash_final(&state, out, TOKEN_SEAL_LEN);
}

void token_make(const unsigned char key[static TOKEN_KEY_LEN], usec position, struct str bound_to, struct buf *out)
{
	struct buf raw;
	unsigned char sum[TOKEN_SEAL_LEN];

	buf_init(&raw, TOKEN_LEN);
	buf_char(&raw, TOKEN_FORMAT);
	buf_le64(&raw, (uint64_t)position);
	seal(key, buf_view(&raw), bound_to, sum);
	buf_put(&raw, sum, sizeof sum);
	if (raw.bad == RC_OK)
		base64url_put(out, buf_view(&raw));
	else
		out->bad = raw.bad;
	buf_done(&raw);
}

bool token_read(const unsigned char key[static TOKEN_KEY_LEN], struct str text, struct str bound_to, usec *ret_position)
{
	struct buf raw;
	struct rd r;
	unsigned char sum[TOKEN_SEAL_LEN];
	bool good;

	if (text.n > TOKEN_TEXT_MAX)
		return false;
	buf_init(&raw, TOKEN_TEXT_MAX);
	good = base64url_get(&raw, text) && raw.bad == RC_OK && raw.n == TOKEN_LEN && raw.p[0] == TOKEN_FORMAT;
	if (good) {
		seal(key, str_make(raw.p, TOKEN_HEAD_LEN), bound_to, sum);
		good = sodium_memcmp(sum, raw.p + TOKEN_HEAD_LEN, sizeof sum) == 0;
	}
	if (good) {
		rd_init(&r, buf_view(&raw));
		rd_skip(&r, 1);
		*ret_position = (usec)rd_le64(&r);
	}
	buf_done(&raw);
	return good;
}
