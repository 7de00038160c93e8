/* What a browser brings back from an authenticator: an attestation, and a proof under a key that it chose itself. */
#include "web/passkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct passkey_want want = { .challenge = S("01234567890123456789012345678901"), .origin = S("https://localhost"), .rp_id = S("localhost") };
	static const struct str seen = S("{\"type\":\"webauthn.create\",\"challenge\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE\",\"origin\":\"https://localhost\"}");
	struct arena *a = arena_new(1 << 20);
	struct str text = str_make((const char *)data, size);
	struct passkey_proof proof = { .client_data = text, .authenticator_data = text, .signature = text };
	struct passkey_made made;
	uint32_t counter;

	if (a == NULL)
		return 0;
	if (passkey_read(a, &want, seen, text, &made, NULL) == RC_OK)
		(void)!passkey_check(a, &want, made.key, &proof, &counter, NULL);
	(void)!passkey_read(a, &want, text, text, &made, NULL);
	(void)!passkey_check(a, &want, text, &proof, &counter, NULL);
	arena_free(a);
	return 0;
}
