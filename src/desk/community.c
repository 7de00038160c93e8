#include "desk/community.h"

#include "base/hash.h"
#include "base/jsonw.h"
#include "base/rd.h"
#include "base/text.h"
#include "stix/marking.h"
#include "stix/write.h"

#define EXTENSION "extension-definition--0b0f8a7e-6a35-4c8e-9d0e-3c1f6f0a5d21"
#define MESSAGE_MAX ((size_t)1 << 20)
#define CHECK_LEN 8 /* of the name's digest, in front of it: tells whether two halves belong together */

static const char *const KIND_NAMES[COMMUNITY_KINDS] = { "card", "key", "handles", "match" };

struct str community_pseudonym(const unsigned char pub[static SIGN_PUBLIC_LEN], char out[static PSEUDONYM_LEN + 1])
{
	unsigned char digest[SHA256_LEN];

	hash_sha256(str_make((const char *)pub, SIGN_PUBLIC_LEN), digest);
	for (size_t i = 0; i < PSEUDONYM_LEN / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return str_make(out, PSEUDONYM_LEN);
}

/* --- writing --- */

static void put_hex(struct jsonw *w, const char *name, struct str bytes)
{
	char text[2 * SIGN_LEN + 1] = "";

	for (size_t i = 0; i < bytes.n && i < SIGN_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)bytes.p[i]);
	if (name != NULL)
		jsonw_name(w, name);
	jsonw_cstr(w, text);
}

static void put_base64(struct jsonw *w, struct buf *scratch, const char *name, struct str bytes)
{
	buf_clear(scratch);
	base64_put(scratch, bytes);
	if (name != NULL)
		jsonw_name(w, name);
	jsonw_str(w, buf_view(scratch));
}

static void put_handles(struct jsonw *w, const char *name, const unsigned char *handles, size_t n)
{
	jsonw_name(w, name);
	jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		put_hex(w, NULL, str_make((const char *)handles + i * KEYED_HANDLE_LEN, KEYED_HANDLE_LEN));
	jsonw_array_end(w);
}

static void put_body(struct jsonw *w, struct buf *scratch, const struct community_message *m)
{
	if (m->kind == COMMUNITY_CARD) {
		jsonw_name(w, "sealed");
		jsonw_array(w);
		for (size_t i = 0; i < COMMUNITY_ROLES; i++)
			put_base64(w, scratch, NULL, m->half[i]);
		jsonw_array_end(w);
		return;
	}
	jsonw_m_int(w, "generation", m->generation);
	jsonw_m_int(w, "epoch", m->epoch);
	if (m->kind == COMMUNITY_HANDLES) {
		put_handles(w, "handles", m->handles, m->n_told);
		put_handles(w, "counted", m->handles + m->n_told * KEYED_HANDLE_LEN, m->n_handles - m->n_told);
		return;
	}
	jsonw_m_str(w, "to", m->to);
	if (m->kind == COMMUNITY_KEY) {
		put_base64(w, scratch, "box", m->box);
		return;
	}
	put_handles(w, "handles", m->handles, 1);
	jsonw_m_int(w, "others", (int64_t)m->others);
	jsonw_name(w, "with");
	jsonw_array(w);
	for (size_t i = 0; i < m->n_with; i++)
		jsonw_str(w, m->with[i]);
	jsonw_array_end(w);
}

enum rc community_write(struct arena *a, const struct community_message *m, const struct community_self *self, struct str id, usec now, struct str *ret,
			struct err *err)
{
	struct buf text, out, scratch;
	unsigned char sig[SIGN_LEN];
	struct jsonw w;
	enum rc rc;

	buf_init(&text, MESSAGE_MAX);
	buf_init(&out, 2 * MESSAGE_MAX);
	buf_init(&scratch, MESSAGE_MAX);
	jsonw_init(&w, &text);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "kind", KIND_NAMES[m->kind]);
	jsonw_m_str(&w, "community", m->community);
	put_body(&w, &scratch, m);
	jsonw_object_end(&w);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	stix_write_head(&w, COMMUNITY_TYPE, id, S(""), now, now);
	stix_write_tlp(&w, TLP_GREEN);
	stix_write_new_sdo(&w, EXTENSION);
	jsonw_m_str(&w, "message", buf_view(&text));
	if (self != NULL) {
		sign_make(self->sec, buf_view(&text), sig);
		put_hex(&w, "signer", str_make((const char *)self->pub, sizeof self->pub));
		put_hex(&w, "signature", str_make((const char *)sig, sizeof sig));
	}
	jsonw_object_end(&w);
	rc = text.bad != RC_OK ? buf_check(&text, err, "message") : buf_check(&out, err, "message");
	if (rc == RC_OK) {
		*ret = arena_dup(a, buf_view(&out));
		rc = ret->p == NULL ? FAIL(err, RC_NOMEM, "community: out of memory") : RC_OK;
	}
	buf_done(&text);
	buf_done(&out);
	buf_done(&scratch);
	return rc;
}

/* --- reading --- */

/* Exactly `n` bytes. */
static bool get_hex(struct str text, unsigned char *out, size_t n)
{
	if (text.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(text.p[2 * i]), low = hex_value(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static enum rc get_base64(struct arena *a, const struct json *v, const char *what, struct str *ret, struct err *err)
{
	struct buf b;
	bool good;

	buf_init(&b, MESSAGE_MAX);
	good = v != NULL && v->type == JSON_STRING && base64_get(&b, json_str(v)) && b.n > 0;
	if (good)
		*ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return good && ret->p != NULL ? RC_OK : FAIL(err, RC_BAD, "/message: %s: no base64", what);
}

static enum rc get_handles(const struct json *list, unsigned char *out, size_t *n, struct err *err)
{
	if (list == NULL || list->type != JSON_ARRAY)
		return FAIL(err, RC_BAD, "/message: handles: expected an array");
	JSON_EACH(one, list) {
		if (*n == COMMUNITY_HANDLES_MAX)
			return FAIL(err, RC_BAD, "/message: more than %d handles", COMMUNITY_HANDLES_MAX);
		if (!get_hex(json_str(one), out + *n * KEYED_HANDLE_LEN, KEYED_HANDLE_LEN))
			return FAIL(err, RC_BAD, "/message: handle %zu: expected %d hexadecimal digits", *n, 2 * KEYED_HANDLE_LEN);
		++*n;
	}
	return RC_OK;
}

static bool is_pseudonym(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(s.p[i]) < 0)
			return false;
	return s.n == PSEUDONYM_LEN;
}

static enum rc get_match(const struct json *v, struct community_message *m, struct err *err)
{
	const struct json *with = json_get(v, S("with"));
	int64_t others;

	if (with == NULL || with->type != JSON_ARRAY)
		return FAIL(err, RC_BAD, "/message: with: expected an array");
	if (m->n_handles != 1 || !json_int(json_get(v, S("others")), &others) || others < 1)
		return FAIL(err, RC_BAD, "/message: expected one handle and others");
	m->others = (uint64_t)others;
	JSON_EACH(one, with) {
		if (m->n_with == COMMUNITY_WITH_MAX || !is_pseudonym(json_str(one)))
			return FAIL(err, RC_BAD, "/message: with: expected at most %d pseudonyms", COMMUNITY_WITH_MAX);
		m->with[m->n_with++] = json_str(one);
	}
	return RC_OK;
}

static enum rc get_card(struct arena *a, const struct json *v, struct community_message *m, struct err *err)
{
	const struct json *list = json_get(v, S("sealed"));
	size_t i = 0;

	if (list == NULL || list->type != JSON_ARRAY || list->n != COMMUNITY_ROLES)
		return FAIL(err, RC_BAD, "/message: sealed: expected %d halves", COMMUNITY_ROLES);
	JSON_EACH(one, list)
		TRY(get_base64(a, one, "sealed", &m->half[i++], err));
	return RC_OK;
}

static enum rc get_body(struct arena *a, const struct json *v, struct community_message *m, struct err *err)
{
	unsigned char *handles;

	if (m->kind == COMMUNITY_CARD)
		return get_card(a, v, m, err);
	if (!json_int(json_get(v, S("generation")), &m->generation) || !json_int(json_get(v, S("epoch")), &m->epoch) || m->generation < 0 || m->epoch < 0)
		return FAIL(err, RC_BAD, "/message: expected generation and epoch");
	m->to = json_get_str(v, S("to"));
	if (m->kind != COMMUNITY_HANDLES && !is_pseudonym(m->to))
		return FAIL(err, RC_BAD, "/message: to: expected a pseudonym");
	if (m->kind == COMMUNITY_KEY)
		return get_base64(a, json_get(v, S("box")), "box", &m->box, err);
	handles = arena_alloc(a, (size_t)COMMUNITY_HANDLES_MAX * KEYED_HANDLE_LEN);
	if (handles == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	m->handles = handles;
	TRY(get_handles(json_get(v, S("handles")), handles, &m->n_handles, err));
	m->n_told = m->n_handles;
	if (m->kind == COMMUNITY_MATCH)
		return get_match(v, m, err);
	return get_handles(json_get(v, S("counted")), handles, &m->n_handles, err);
}

/* A match is the collector's, which has no key here: who delivered it is the exchange's to prove. */
static enum rc check_signature(const struct json *object, struct str text, struct community_message *m, struct err *err)
{
	unsigned char sig[SIGN_LEN];

	if (m->kind == COMMUNITY_MATCH)
		return RC_OK;
	if (!get_hex(json_get_str(object, S("signer")), m->by, sizeof m->by) || !get_hex(json_get_str(object, S("signature")), sig, sizeof sig) ||
	    !sign_verify(m->by, text, sig))
		return FAIL(err, RC_BAD, "/signature: does not fit");
	return RC_OK;
}

enum rc community_read(struct arena *a, const struct json *object, struct community_message *ret, struct err *err)
{
	struct community_message *m = arena_alloc(a, sizeof *m);
	struct str text = json_get_str(object, S("message")), kind;
	const struct json *v;

	if (m == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	*m = (struct community_message){ .kind = COMMUNITY_CARD };
	TRY(json_parse(a, text, &JSON_LIMITS, &v, err));
	kind = json_get_str(v, S("kind"));
	while (m->kind < COMMUNITY_KINDS && !str_eq(kind, str_of(KIND_NAMES[m->kind])))
		m->kind++;
	m->community = json_get_str(v, S("community"));
	if (m->kind == COMMUNITY_KINDS || m->community.n == 0 || m->community.n > COMMUNITY_NAME_MAX)
		return FAIL(err, RC_BAD, "/message: expected kind and community");
	TRY(check_signature(object, text, m, err));
	TRY(get_body(a, v, m, err));
	*ret = *m;
	return RC_OK;
}

/* --- what is sealed --- */

bool community_key_seal(const struct keyed_key *k, const unsigned char pub[static SIGN_PUBLIC_LEN], struct buf *out)
{
	struct buf b;
	bool good;

	buf_init(&b, 256);
	buf_le64(&b, (uint64_t)k->generation);
	buf_le64(&b, (uint64_t)k->epoch);
	buf_put(&b, k->key, sizeof k->key);
	good = b.bad == RC_OK && seal_put(out, pub, buf_view(&b));
	secret_wipe(b.p, b.n);
	buf_done(&b);
	return good;
}

bool community_key_open(const struct community_self *self, struct str box, struct keyed_key *ret)
{
	struct buf b;
	bool good;

	buf_init(&b, 4096);
	good = seal_get(&b, self->pub, self->sec, box) && b.n == 16 + sizeof ret->key;
	if (good) {
		struct rd r;

		rd_init(&r, buf_view(&b));
		ret->generation = (int64_t)rd_le64(&r);
		ret->epoch = (int64_t)rd_le64(&r);
		memcpy(ret->key, rd_bytes(&r, sizeof ret->key).p, sizeof ret->key);
		good = ret->generation >= 0 && ret->epoch >= 0;
	}
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	return good;
}

enum rc community_name_seal(struct arena *a, struct str name, const unsigned char roles[COMMUNITY_ROLES][SIGN_PUBLIC_LEN],
			    struct str ret[COMMUNITY_ROLES], struct err *err)
{
	unsigned char digest[SHA256_LEN];
	char half[COMMUNITY_ROLES][CHECK_LEN + COMMUNITY_HALF_MAX];
	struct buf box[COMMUNITY_ROLES];
	size_t n = CHECK_LEN + COMMUNITY_HALF_MAX; /* always all of it: the length of a name tells something, too */
	bool good = name.n > 0 && name.n < COMMUNITY_HALF_MAX;

	if (!good)
		return FAIL(err, RC_BAD, "a name has 1 to %d bytes", COMMUNITY_HALF_MAX - 1);
	random_bytes(half[0], n);
	memset(half[1], 0, n);
	hash_sha256(name, digest);
	memcpy(half[1], digest, CHECK_LEN);
	memcpy(half[1] + CHECK_LEN, name.p, name.n);
	for (size_t i = 0; i < n; i++)
		half[1][i] = (char)(half[1][i] ^ half[0][i]);
	for (size_t i = 0; i < COMMUNITY_ROLES; i++) {
		buf_init(&box[i], 4096);
		good = good && seal_put(&box[i], roles[i], str_make(half[i], n));
		ret[i] = arena_dup(a, buf_view(&box[i]));
		good = good && ret[i].p != NULL;
		buf_done(&box[i]);
	}
	secret_wipe(half, sizeof half);
	return good ? RC_OK : FAIL(err, RC_BAD, "a role's key is no key");
}

enum rc community_name_join(struct arena *a, const struct str half[COMMUNITY_ROLES], struct str *ret, struct err *err)
{
	size_t n = CHECK_LEN + COMMUNITY_HALF_MAX;
	unsigned char digest[SHA256_LEN];
	char *name = arena_alloc(a, n);
	struct str text;

	if (name == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	if (half[0].n != n || half[1].n != n)
		return FAIL(err, RC_BAD, "a half of a name has %zu bytes", n);
	for (size_t i = 0; i < n; i++)
		name[i] = (char)(half[0].p[i] ^ half[1].p[i]);
	name[n - 1] = '\0';
	text = str_of(name + CHECK_LEN);
	hash_sha256(text, digest);
	if (memcmp(name, digest, CHECK_LEN) != 0)
		return FAIL(err, RC_BAD, "these are not the halves of one name");
	*ret = text;
	return RC_OK;
}
