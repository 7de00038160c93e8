#include "web/passkey.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/rd.h"
#include "base/text.h"
#include "sys/pubkey.h"
#include "wire/cbor.h"

#define AAGUID 16
#define SIGNED_MAX 65536
#define KEY_PAIRS_MAX 16

/* Authenticator data, §6.1. */
enum { FLAG_PRESENT = 0x01, FLAG_VERIFIED = 0x04, FLAG_MADE = 0x40 };

/* COSE: labels of a key (RFC 9052 §7, RFC 9053 §7) and the algorithms that we ask for. */
enum { COSE_KTY = 1, COSE_ALG = 3, COSE_A = -1, COSE_B = -2, COSE_C = -3 };
enum { KTY_OKP = 1, KTY_EC2 = 2, KTY_RSA = 3, ALG_ES256 = -7, ALG_EDDSA = -8, ALG_RS256 = -257, CRV_P256 = 1, CRV_ED25519 = 6 };

struct data {
	unsigned flags;
	uint32_t counter;
	struct str id, key; /* of a passkey that was made */
};

/* Keys that were met while a COSE map was read. */
struct cose {
	int64_t kty, alg, crv;
	struct str a, b, c;
};

static bool read_pair(struct rd *r, struct cose *k)
{
	struct cbor label, value;
	int64_t name, number = 0;
	bool is_number;

	if (!cbor_next(r, &label) || !cbor_int(&label, &name) || !cbor_next(r, &value))
		return false;
	is_number = cbor_int(&value, &number);
	if (name == COSE_KTY && is_number)
		k->kty = number;
	else if (name == COSE_ALG && is_number)
		k->alg = number;
	else if (name == COSE_A && is_number)
		k->crv = number;
	else if (name == COSE_A && value.type == CBOR_BYTES)
		k->a = value.bytes;
	else if (name == COSE_B && value.type == CBOR_BYTES)
		k->b = value.bytes;
	else if (name == COSE_C && value.type == CBOR_BYTES)
		k->c = value.bytes;
	else
		return false; /* what we did not ask for */
	return true;
}

static bool key_of(struct str text, struct pubkey *ret)
{
	struct cose k = { .a = S(""), .b = S(""), .c = S("") };
	struct cbor head;
	struct rd r;

	rd_init(&r, text);
	if (!cbor_next(&r, &head) || head.type != CBOR_MAP || head.n > KEY_PAIRS_MAX)
		return false;
	for (uint64_t i = 0; i < head.n; i++)
		if (!read_pair(&r, &k))
			return false;
	if (rd_left(&r) != 0)
		return false;
	if (k.kty == KTY_EC2 && k.alg == ALG_ES256 && k.crv == CRV_P256)
		*ret = (struct pubkey){ .kind = PUBKEY_ES256, .a = k.b, .b = k.c };
	else if (k.kty == KTY_OKP && k.alg == ALG_EDDSA && k.crv == CRV_ED25519)
		*ret = (struct pubkey){ .kind = PUBKEY_EDDSA, .a = k.b, .b = S("") };
	else if (k.kty == KTY_RSA && k.alg == ALG_RS256)
		*ret = (struct pubkey){ .kind = PUBKEY_RS256, .a = k.a, .b = k.b };
	else
		return false;
	return true;
}

/* §5.8.1: what the browser saw. */
static enum rc check_client(struct arena *a, const struct passkey_want *want, struct str text, const char *type, struct err *err)
{
	const struct json *v;
	struct buf challenge;
	bool cross = false, same;

	TRY(json_parse(a, text, &JSON_LIMITS, &v, err));
	if (!str_eq(json_get_str(v, S("type")), str_of(type)))
		return FAIL(err, RC_BAD, "passkey: the browser did something else than '%s'", type);
	buf_init(&challenge, 2 * SHA256_LEN);
	base64url_put(&challenge, want->challenge);
	same = challenge.bad == RC_OK && str_eq_secret(json_get_str(v, S("challenge")), buf_view(&challenge));
	buf_done(&challenge);
	if (!same)
		return FAIL(err, RC_BAD, "passkey: not the challenge that was given");
	if (!str_eq(json_get_str(v, S("origin")), want->origin))
		return FAIL(err, RC_BAD, "passkey: made for another site");
	if (json_bool(json_get(v, S("crossOrigin")), &cross) && cross)
		return FAIL(err, RC_BAD, "passkey: asked from within another site");
	return RC_OK;
}

static bool read_made(struct rd *r, struct data *d)
{
	size_t began;

	rd_skip(r, AAGUID);
	d->id = rd_bytes(r, rd_be16(r));
	began = r->pos;
	if (r->bad || !cbor_skip(r))
		return false;
	d->key = str_make((const char *)r->p + began, r->pos - began);
	return d->id.n > 0 && d->id.n <= PASSKEY_ID_MAX && d->key.n <= PASSKEY_KEY_MAX;
}

/* §6.1. Extensions, of which none was asked for, may follow; they are signed with the rest. */
static enum rc read_data(const struct passkey_want *want, struct str text, struct data *ret, struct err *err)
{
	unsigned char here[SHA256_LEN];
	struct data d = { .id = S(""), .key = S("") };
	struct str hash;
	struct rd r;

	rd_init(&r, text);
	hash = rd_bytes(&r, SHA256_LEN);
	d.flags = rd_u8(&r);
	d.counter = rd_be32(&r);
	if (r.bad || ((d.flags & FLAG_MADE) != 0 && !read_made(&r, &d)))
		return FAIL(err, RC_BAD, "passkey: the authenticator's data is not readable");
	hash_sha256(want->rp_id, here);
	if (!str_eq(hash, str_make((const char *)here, sizeof here)))
		return FAIL(err, RC_BAD, "passkey: bound to another host");
	if ((d.flags & FLAG_PRESENT) == 0 || (d.flags & FLAG_VERIFIED) == 0)
		return FAIL(err, RC_BAD, "passkey: the authenticator did not verify who is there");
	*ret = d;
	return RC_OK;
}

/* The member of an attestation object that we use (§6.5); format and statement are passed over. */
static bool data_of(struct str attestation, struct str *ret)
{
	struct cbor head, name, value;
	bool found = false;
	struct rd r;

	rd_init(&r, attestation);
	if (!cbor_next(&r, &head) || head.type != CBOR_MAP)
		return false;
	for (uint64_t i = 0; i < head.n; i++) {
		if (!cbor_next(&r, &name) || name.type != CBOR_TEXT)
			return false;
		if (!str_eq(name.bytes, S("authData"))) {
			if (!cbor_skip(&r))
				return false;
			continue;
		}
		if (found || !cbor_next(&r, &value) || value.type != CBOR_BYTES)
			return false;
		*ret = value.bytes;
		found = true;
	}
	return found && rd_left(&r) == 0;
}

enum rc passkey_read(struct arena *a, const struct passkey_want *want, struct str client_data, struct str attestation,
		     struct passkey_made *ret, struct err *err)
{
	struct pubkey key;
	struct str text;
	struct data d;

	TRY(check_client(a, want, client_data, "webauthn.create", err));
	if (!data_of(attestation, &text))
		return FAIL(err, RC_BAD, "passkey: the attestation is not readable");
	TRY(read_data(want, text, &d, err));
	if (d.id.n == 0 || !key_of(d.key, &key))
		return FAIL(err, RC_BAD, "passkey: none was made, or with a key of a kind that was not asked for");
	*ret = (struct passkey_made){ .id = d.id, .key = d.key, .counter = d.counter };
	return RC_OK;
}

static enum rc check(struct arena *a, const struct passkey_want *want, struct str key, const struct passkey_proof *p, struct data *ret,
		     struct err *err)
{
	unsigned char sum[SHA256_LEN];
	struct pubkey k;
	struct buf text;
	bool good;

	TRY(check_client(a, want, p->client_data, "webauthn.get", err));
	TRY(read_data(want, p->authenticator_data, ret, err));
	if (!key_of(key, &k))
		return FAIL(err, RC_CORRUPT, "passkey: the key that was kept is not readable");
	hash_sha256(p->client_data, sum);
	buf_init(&text, SIGNED_MAX);
	buf_str(&text, p->authenticator_data);
	buf_put(&text, sum, sizeof sum);
	good = text.bad == RC_OK && pubkey_signed(&k, buf_view(&text), p->signature, false);
	buf_done(&text);
	return good ? RC_OK : FAIL(err, RC_BAD, "passkey: the signature is not right");
}

enum rc passkey_check(struct arena *a, const struct passkey_want *want, struct str key, const struct passkey_proof *p,
		      uint32_t *ret_counter, struct err *err)
{
	struct data d;
	enum rc rc = check(a, want, key, p, &d, err);

	if (rc == RC_OK)
		*ret_counter = d.counter;
	return rc == RC_BAD || rc == RC_LIMIT ? RC_DENIED : rc;
}
