/* Signatures of the standards' own examples (RFC 7515 A.2, A.3; RFC 8032 §7.1), and each with one thing changed. */
#include "tap.h"

#include "base/text.h"
#include "sys/pubkey.h"

#define JOE ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define ROOM 1024

static const struct row {
	const char *name;
	enum pubkey_kind kind;
	const char *a, *b, *message, *sig; /* base64url, but the message */
} rows[] = {
	{ "ES256", PUBKEY_ES256, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "eyJhbGciOiJFUzI1NiJ9" JOE,
	  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q" },
	{ "RS256", PUBKEY_RS256,
	  "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_"
	  "YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv"
	  "b3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
	  "AQAB", "eyJhbGciOiJSUzI1NiJ9" JOE,
	  "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
	  "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
	  "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw" },
	{ "Ed25519", PUBKEY_EDDSA, "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw", "", "r",
	  "kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA" },
};

static struct str get(const char *text, char room[static ROOM])
{
	struct buf b;
	size_t n;

	buf_init(&b, ROOM);
	OK(base64url_get(&b, str_of(text)), "base64url");
	n = b.n;
	if (n > 0)
		memcpy(room, b.p, n);
	buf_done(&b);
	return str_make(room, n);
}

int main(void)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct row *x = &rows[i];
		char a[ROOM], b[ROOM], s[ROOM];
		struct pubkey k = { .kind = x->kind };
		struct str message = str_of(x->message), sig = get(x->sig, s);

		k.a = get(x->a, a);
		k.b = get(x->b, b);
		OK(pubkey_signed(&k, message, sig, true), "%s: signed", x->name);
		OK(!pubkey_signed(&k, str_slice(message, 0, message.n - 1), sig, true), "%s: not that message", x->name);
		OK(!pubkey_signed(&k, message, str_slice(sig, 0, sig.n - 1), true), "%s: not that signature", x->name);
		OK(!pubkey_signed(&k, message, S(""), true), "%s: nor none", x->name);
		OK(x->kind != PUBKEY_ES256 || !pubkey_signed(&k, message, sig, false), "%s: not in the other form", x->name);
		s[sig.n / 2] ^= 1;
		OK(!pubkey_signed(&k, message, sig, true), "%s: nor with one bit changed", x->name);
		s[sig.n / 2] ^= 1;
		a[3] ^= 1;
		OK(!pubkey_signed(&k, message, sig, true), "%s: nor by another key", x->name);
		a[3] ^= 1;
		k.a.n--;
		OK(!pubkey_signed(&k, message, sig, true), "%s: nor by a key that is cut", x->name);
	}
	return tap_done();
}
