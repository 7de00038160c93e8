#include "sys/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"

uint32_t totp_code(struct str key, int64_t step)
{
	unsigned char counter[8], mac[EVP_MAX_MD_SIZE] = { 0 };
	unsigned int n = SHA1_LEN, at;
	uint32_t code;

	for (int i = 7; i >= 0; i--, step >>= 8)
		counter[i] = (unsigned char)(step & 0xff);
	HMAC(EVP_sha1(), key.p, (int)key.n, counter, sizeof counter, mac, &n);
	at = mac[SHA1_LEN - 1] & 0xf;
	code = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3];
	return code % 1000000;
}

bool totp_check(struct str key, struct str code, usec now, int64_t *ret_step)
{
	int64_t middle = now / TOTP_STEP;
	bool good = false;

	if (code.n != TOTP_DIGITS)
		return false;
	for (int64_t step = middle - TOTP_WINDOW; step <= middle + TOTP_WINDOW; step++) {
		char want[16];

		snprintf(want, sizeof want, "%06u", (unsigned)totp_code(key, step));
		if (str_eq_secret(code, str_of(want))) {
			*ret_step = step;
			good = true;
		}
	}
	return good;
}

void base32_put(struct buf *b, struct str bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0;
	int n = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		bits = bits << 8 | (unsigned char)bytes.p[i];
		for (n += 8; n >= 5; n -= 5)
			buf_char(b, digits[bits >> (n - 5) & 31]);
	}
	if (n > 0)
		buf_char(b, digits[bits << (5 - n) & 31]);
}
