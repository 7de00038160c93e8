/* Any text as the message of a community, signed, so that what lies behind the signature is read too. */
#include "desk/community.h"

#include "base/jsonw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct arena *a = arena_new((size_t)64 << 20);
	struct community_message *m = a == NULL ? NULL : arena_alloc(a, sizeof *m);
	unsigned char pub[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN], sig[SIGN_LEN];
	const struct json *v;
	struct buf b, hex;
	struct jsonw w;

	sign_keypair(pub, sec);
	sign_make(sec, text, sig);
	buf_init(&b, (size_t)4 << 20);
	buf_init(&hex, 4096);
	for (size_t i = 0; i < SIGN_PUBLIC_LEN + SIGN_LEN; i++)
		buf_fmt(&hex, "%02x", i < SIGN_PUBLIC_LEN ? pub[i] : sig[i - SIGN_PUBLIC_LEN]);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "message", text);
	jsonw_m_str(&w, "signer", str_slice(buf_view(&hex), 0, 2 * SIGN_PUBLIC_LEN));
	jsonw_m_str(&w, "signature", str_slice(buf_view(&hex), 2 * SIGN_PUBLIC_LEN, hex.n));
	jsonw_object_end(&w);
	if (m != NULL && b.bad == RC_OK && json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL) == RC_OK && community_read(a, v, m, NULL) == RC_OK &&
	    (m->n_told > m->n_handles || m->n_handles > COMMUNITY_HANDLES_MAX || m->n_with > COMMUNITY_WITH_MAX))
		__builtin_trap();
	buf_done(&b);
	buf_done(&hex);
	arena_free(a);
	return 0;
}
