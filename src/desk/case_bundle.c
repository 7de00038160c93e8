/* A bundle on media: a STIX bundle of the objects that the exchange would carry, and behind them a seal over all of them. Over a
 * connection the certificate proves who delivers; here its key signs. */
#include "desk/case_int.h"

#include "base/hash.h"
#include "base/text.h"
#include "base/uuid.h"

#define CERT_MAX 8000
#define SIG_MAX 600
#define OBJECT_MEMORY ((size_t)4 << 20)
#define OBJECTS_MAX 100000

/* SHA-256 over the hashes of the objects, in order. */
struct digest {
	struct hash_sha256_ctx *ctx;
	struct arena *a; /* for one object at a time */
	char hex[CASE_HASH_LEN + 1];
};

static enum rc digest_new(struct digest *d, struct err *err)
{
	d->ctx = hash_sha256_new();
	d->a = arena_new(OBJECT_MEMORY);
	return d->ctx == NULL || d->a == NULL ? FAIL(err, RC_NOMEM, "bundle: out of memory") : RC_OK;
}

static void digest_free(struct digest *d)
{
	hash_sha256_free(d->ctx);
	arena_free(d->a);
}

static enum rc digest_add(struct digest *d, const struct json *object, struct err *err)
{
	char hash[CASE_HASH_LEN + 1];

	arena_reset(d->a);
	TRY(case_hash(d->a, object, hash, err));
	hash_sha256_add(d->ctx, str_make(hash, CASE_HASH_LEN));
	return RC_OK;
}

static void digest_end(struct digest *d)
{
	unsigned char hash[SHA256_LEN];

	hash_sha256_end(d->ctx, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(d->hex + 2 * i, 3, "%02x", hash[i]);
}

static enum rc put_seal(const struct case_seal *s, const char *key_pem, struct str digest, size_t n, struct buf *out, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(OBJECT_MEMORY);
	CLEANUP(buf_done) struct buf bytes = { 0 }, sig = { 0 };
	char id[CASE_ID_MAX];
	size_t from = out->n;
	const struct json *v;
	struct jsonw w;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "bundle: out of memory");
	if (!case_make_id(CASE_SEAL, s->author, s->incident, digest, id))
		return FAIL(err, RC_BAD, "bundle: '%.*s' is no identity", STR(s->author));
	case_begin(&w, out, CASE_SEAL, str_of(id), s->author, s->at, s->at);
	jsonw_m_str(&w, "incident", s->incident);
	jsonw_m_int(&w, "object_count", (int64_t)n);
	jsonw_m_str(&w, "objects_sha256", digest);
	jsonw_m_str(&w, "certificate", s->cert);
	case_end(&w, s->tlp);
	TRY(buf_check(out, err, "bundle"));
	TRY(json_parse(a, str_slice(buf_view(out), from, out->n), &JSON_LIMITS, &v, err));
	buf_init(&bytes, CASE_OBJECT_MAX * 2);
	buf_init(&sig, SIG_MAX);
	TRY(case_signed_bytes(a, v, &bytes, err));
	TRY(keys_cert_sign(key_pem, buf_view(&bytes), &sig, err));
	buf_cut(out, out->n - 1);
	buf_cstr(out, ",\"signature\":\"");
	base64_put(out, buf_view(&sig));
	buf_cstr(out, "\"}");
	return buf_check(out, err, "bundle");
}

static enum rc put_objects(struct digest *d, const struct str *objects, size_t n, struct buf *out, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(OBJECT_MEMORY);

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "bundle: out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct json *v;

		arena_reset(a);
		TRY(json_parse(a, objects[i], &JSON_LIMITS, &v, err));
		TRY(digest_add(d, v, err));
		buf_str(out, objects[i]);
		buf_char(out, ',');
	}
	digest_end(d);
	return buf_check(out, err, "bundle");
}

enum rc case_bundle_write(const struct case_seal *s, const char *key_pem, const struct str *objects, size_t n, struct buf *out, struct err *err)
{
	char text[UUID_TEXT_LEN + 1];
	struct digest d = { NULL, NULL, "" };
	struct uuid u;
	enum rc rc = digest_new(&d, err);

	uuid_v4(&u);
	buf_fmt(out, "{\"type\":\"bundle\",\"id\":\"bundle--%s\",\"objects\":[", uuid_format(&u, text).p);
	if (rc == RC_OK)
		rc = put_objects(&d, objects, n, out, err);
	if (rc == RC_OK)
		rc = put_seal(s, key_pem, str_of(d.hex), n, out, err);
	digest_free(&d);
	TRY(rc);
	buf_cstr(out, "]}\n");
	return buf_check(out, err, "bundle");
}

static enum rc read_seal(struct arena *a, const struct json *v, struct case_seal *ret, struct str *ret_digest, int64_t *ret_n, struct err *err)
{
	CLEANUP(buf_done) struct buf bytes = { 0 }, sig = { 0 };
	struct str id;

	TRY(case_read_head(v, CASE_SEAL, &id, &ret->author, &ret->at, err));
	TRY(case_read_id(v, "incident", "incident", &ret->incident, err));
	ret->cert = json_get_str(v, S("certificate"));
	*ret_digest = json_get_str(v, S("objects_sha256"));
	if (ret->cert.n == 0 || ret->cert.n > CERT_MAX || !json_int(json_get(v, S("object_count")), ret_n))
		return FAIL(err, RC_BAD, "expected a certificate and a number of objects");
	TRY(case_check_id(id, CASE_SEAL, ret->author, ret->incident, *ret_digest, err));
	buf_init(&bytes, CASE_OBJECT_MAX * 2);
	buf_init(&sig, SIG_MAX);
	TRY(case_signed_bytes(a, v, &bytes, err));
	return base64_get(&sig, json_get_str(v, S("signature"))) && sig.bad == RC_OK && keys_cert_signed(ret->cert, buf_view(&bytes), buf_view(&sig)) ?
	       RC_OK : FAIL(err, RC_BAD, "is not signed by the certificate in it");
}

static enum rc check_objects(const struct json *objects, struct str digest, struct err *err)
{
	struct digest d = { NULL, NULL, "" };
	enum rc rc = digest_new(&d, err);
	uint32_t left = objects->n - 1;

	JSON_EACH(one, objects)
		if (rc == RC_OK && left-- > 0)
			rc = one->type == JSON_OBJECT ? digest_add(&d, one, err) : FAIL(err, RC_BAD, "bundle: an object is none");
	if (rc == RC_OK)
		digest_end(&d);
	if (rc == RC_OK && !str_eq(digest, str_of(d.hex)))
		rc = FAIL(err, RC_BAD, "bundle: its objects are not those that were sealed");
	digest_free(&d);
	return rc;
}

enum rc case_bundle_read(struct arena *a, const struct json *bundle, struct case_seal *ret, uint32_t *ret_n, struct err *err)
{
	const struct json *objects = json_get(bundle, S("objects"));
	struct str digest;
	int64_t n;
	enum rc rc;

	if (!str_eq(json_get_str(bundle, S("type")), S("bundle")) || !json_is(objects, JSON_ARRAY) || objects->n < 1 || objects->n > OBJECTS_MAX)
		return FAIL(err, RC_BAD, "expected a bundle of 1 to %d objects", OBJECTS_MAX);
	*ret = (struct case_seal){ .at = 0 };
	rc = read_seal(a, json_item(objects, objects->n - 1), ret, &digest, &n, err);
	if (rc != RC_OK)
		err_prefix(err, "the bundle's last object, its seal");
	TRY(rc);
	if (n != (int64_t)objects->n - 1)
		return FAIL(err, RC_BAD, "bundle: %lld objects were sealed, %u are there", (long long)n, objects->n - 1);
	*ret_n = objects->n - 1;
	return check_objects(objects, digest, err);
}
