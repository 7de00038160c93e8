#include "web/jwt.h"

#include "base/text.h"
#include "sys/pubkey.h"

#define SUBJECT_MAX 255 /* OpenID Connect Core §2 */
#define KEYS_MAX 64

static bool decode(struct arena *a, struct str text, struct str *ret)
{
	struct buf b;
	bool good;

	buf_init(&b, JWT_MAX);
	good = base64url_get(&b, text) && b.bad == RC_OK;
	*ret = good ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	return ret->p != NULL;
}

static bool number(struct arena *a, const struct json *key, const char *name, struct str *ret)
{
	return decode(a, json_get_str(key, str_of(name)), ret);
}

/* A key of the set as numbers; false when it is of another kind, or for another use. */
static bool key_of(struct arena *a, const struct json *v, bool es256, struct pubkey *ret)
{
	struct str kty = json_get_str(v, S("kty")), use = json_get_str(v, S("use")), alg = json_get_str(v, S("alg"));

	if ((use.n > 0 && !str_eq(use, S("sig"))) || (alg.n > 0 && !str_eq(alg, es256 ? S("ES256") : S("RS256"))))
		return false;
	if (es256) {
		*ret = (struct pubkey){ .kind = PUBKEY_ES256 };
		return str_eq(kty, S("EC")) && str_eq(json_get_str(v, S("crv")), S("P-256")) && number(a, v, "x", &ret->a) && number(a, v, "y", &ret->b);
	}
	*ret = (struct pubkey){ .kind = PUBKEY_RS256 };
	return str_eq(kty, S("RSA")) && number(a, v, "n", &ret->a) && number(a, v, "e", &ret->b);
}

/* A token that names its key is checked with that one; else with each that fits. */
static enum rc check_signature(struct arena *a, const struct json *head, const struct json *keys, struct str text, struct str sig, struct err *err)
{
	struct str alg = json_get_str(head, S("alg")), kid = json_get_str(head, S("kid"));
	const struct json *list = json_get(keys, S("keys"));
	bool es256 = str_eq(alg, S("ES256")), met = false;
	int n = 0;

	if (!es256 && !str_eq(alg, S("RS256")))
		return FAIL(err, RC_DENIED, "ID token: signed by '%.*s', taken are RS256 and ES256", STR(str_slice(alg, 0, 20)));
	if (json_get(head, S("crit")) != NULL) /* RFC 7515 §4.1.11 */
		return FAIL(err, RC_DENIED, "ID token: asks for an extension that is not known");
	if (!json_is(list, JSON_ARRAY))
		return FAIL(err, RC_DENIED, "ID token: the provider publishes no keys");
	JSON_EACH(v, list) {
		struct pubkey k;

		if (++n > KEYS_MAX || (kid.p != NULL && !str_eq(kid, json_get_str(v, S("kid")))) || !key_of(a, v, es256, &k))
			continue;
		met = true;
		if (pubkey_signed(&k, text, sig, true))
			return RC_OK;
	}
	return met ? FAIL(err, RC_DENIED, "ID token: the signature is not right") : FAIL(err, RC_NOTFOUND, "ID token: signed with a key that is not published");
}

static bool is_for(const struct json *body, struct str client)
{
	const struct json *aud = json_get(body, S("aud"));
	struct str azp = json_get_str(body, S("azp"));
	bool found = false;

	if (json_is(aud, JSON_STRING))
		return str_eq(json_str(aud), client) && (azp.p == NULL || str_eq(azp, client));
	if (!json_is(aud, JSON_ARRAY))
		return false;
	JSON_EACH(v, aud)
		found = found || str_eq(json_str(v), client);
	/* For several: the provider says whom of them it was made for (§3.1.3.7, 4 and 5). */
	return found && (azp.p != NULL ? str_eq(azp, client) : aud->n == 1);
}

/* Seconds since 1970 as the token says them; false without. */
static bool instant(const struct json *body, const char *name, usec *ret)
{
	double d;

	if (!json_double(json_get(body, str_of(name)), &d) || !(d >= 0) || d > 1e11)
		return false;
	*ret = (usec)(d * (double)USEC_PER_SEC);
	return true;
}

static enum rc check_claims(const struct json *body, const struct jwt_want *want, struct err *err)
{
	usec ends, made, from;

	if (!str_eq(json_get_str(body, S("iss")), want->issuer))
		return FAIL(err, RC_DENIED, "ID token: of another provider");
	if (!is_for(body, want->audience))
		return FAIL(err, RC_DENIED, "ID token: made for another client");
	if (!instant(body, "exp", &ends) || !instant(body, "iat", &made))
		return FAIL(err, RC_DENIED, "ID token: without its times");
	if (ends + JWT_SKEW <= want->now)
		return FAIL(err, RC_DENIED, "ID token: over");
	if (made > want->now + JWT_SKEW || (instant(body, "nbf", &from) && from > want->now + JWT_SKEW))
		return FAIL(err, RC_DENIED, "ID token: of the future: look at the clocks");
	if (want->nonce.n == 0 || !str_eq_secret(json_get_str(body, S("nonce")), want->nonce))
		return FAIL(err, RC_DENIED, "ID token: not of this sign-in");
	return RC_OK;
}

static enum rc parse(struct arena *a, struct str part, const struct json **ret, struct err *err)
{
	struct str text;

	if (!decode(a, part, &text))
		return FAIL(err, RC_DENIED, "ID token: not base64url");
	if (json_parse(a, text, &JSON_LIMITS, ret, err) != RC_OK || !json_is(*ret, JSON_OBJECT))
		return FAIL(err, RC_DENIED, "ID token: not JSON");
	return RC_OK;
}

enum rc jwt_check(struct arena *a, struct str token, const struct json *keys, const struct jwt_want *want, struct str *ret_subject,
		  struct err *err)
{
	size_t first = str_find(token, S("."), 0), second = first == SIZE_MAX ? SIZE_MAX : str_find(token, S("."), first + 1);
	const struct json *head, *body;
	struct str sig, subject;

	if (token.n > JWT_MAX || second == SIZE_MAX)
		return FAIL(err, RC_DENIED, "ID token: expected three parts");
	TRY(parse(a, str_slice(token, 0, first), &head, err));
	if (!decode(a, str_slice(token, second + 1, token.n), &sig))
		return FAIL(err, RC_DENIED, "ID token: not base64url");
	TRY(check_signature(a, head, keys, str_slice(token, 0, second), sig, err));
	TRY(parse(a, str_slice(token, first + 1, second), &body, err));
	TRY(check_claims(body, want, err));
	subject = json_get_str(body, S("sub"));
	if (subject.n == 0 || subject.n > SUBJECT_MAX)
		return FAIL(err, RC_DENIED, "ID token: without a subject");
	*ret_subject = arena_dup(a, subject);
	return ret_subject->p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "ID token: out of memory");
}
