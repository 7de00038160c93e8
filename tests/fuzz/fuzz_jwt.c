/* What an identity provider gives: a token, under keys that it published. */
#include "web/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char published[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
					"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	const struct jwt_want want = { .issuer = S("joe"), .audience = S("a"), .nonce = S("n"), .now = 1300819000 * (usec)USEC_PER_SEC };
	struct arena *a = arena_new(1 << 20);
	struct str text = str_make((const char *)data, size), rest = text, token, subject;
	const struct json *keys;

	if (a == NULL)
		return 0;
	if (json_parse(a, str_of(published), &JSON_LIMITS, &keys, NULL) == RC_OK)
		(void)!jwt_check(a, text, keys, &want, &subject, NULL);
	/* A line of token, then keys of its own. */
	if (str_next(&rest, '\n', &token) && json_parse(a, rest, &JSON_LIMITS, &keys, NULL) == RC_OK)
		(void)!jwt_check(a, token, keys, &want, &subject, NULL);
	arena_free(a);
	return 0;
}
