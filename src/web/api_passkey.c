/* Passkeys over REST: two calls each, to make one and to sign in by one. The browser's side is web/src/passkey.ts; names of
 * members are those of Web Authentication where it has any. */
#include "web/signing.h"

#include "base/hash.h"
#include "base/text.h"
#include "store/credentials.h"
#include "web/auth.h"
#include "web/passkey.h"

#define CLIENT_DATA_MAX 8192
#define ATTESTATION_MAX 16384
#define SIGNATURE_MAX 1200
#define NAME_LONGEST 100

static const char BEGIN_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"ceremony\",\"challenge\",\"rp_id\"],\"properties\":{\"ceremony\":{\"type\":\"string\",\"description\":"
	"\"to be given back within five minutes, once\"},\"challenge\":{\"type\":\"string\",\"description\":\"base64url, as are all bytes\"},"
	"\"rp_id\":{\"type\":\"string\"},\"user_id\":{\"type\":\"string\"},\"user\":{\"type\":\"string\"},\"exclude\":{\"type\":\"array\",\"items\":"
	"{\"type\":\"string\"}}}}";
static const char PROVE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"password\"],\"properties\":{\"password\":{\"type\":\"string\"}}}";
static const char NEW_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"ceremony\",\"client_data\",\"attestation\"],\"properties\":{\"ceremony\":{\"type\":\"string\"},"
	"\"name\":{\"type\":\"string\"},\"client_data\":{\"type\":\"string\"},\"attestation\":{\"type\":\"string\"}}}";
static const char SIGN_IN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"ceremony\",\"id\",\"client_data\",\"authenticator_data\",\"signature\"],\"properties\":{\"ceremony\":"
	"{\"type\":\"string\"},\"id\":{\"type\":\"string\"},\"client_data\":{\"type\":\"string\"},\"authenticator_data\":{\"type\":\"string\"},"
	"\"signature\":{\"type\":\"string\"}}}";
static const char LIST_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"passkeys\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},"
	"\"name\":{\"type\":\"string\"},\"rp_id\":{\"type\":\"string\"},\"created\":{\"type\":\"string\"},\"used\":{\"type\":\"string\"}}}}}}";
static const char DONE_SCHEMA[] = "{\"type\":\"object\"}";

/* Where the browser thinks it is: the page it shows came from there, or it would not have sent this. A passkey is bound to that
 * host by the browser and by its own data, so another host that passes our words on gains nothing. */
static enum rc where(struct api_call *c, struct passkey_want *ret, struct err *err)
{
	struct str host = http_header(c->req, "Host");
	size_t colon = str_find(host, S(":"), 0);

	if (host.n == 0 || host.n > 255 || host.p[0] == '[')
		return FAIL(err, RC_UNSUPPORTED, "passkeys belong to a host's name: open the console by one, not by an address");
	ret->origin = arena_fmt(c->req->arena, "https://%.*s", STR(host));
	ret->rp_id = str_slice(host, 0, colon == SIZE_MAX ? host.n : colon);
	return ret->origin.p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "passkey: out of memory");
}

static void put_bytes(struct jsonw *w, const char *name, const unsigned char *bytes, size_t n)
{
	struct buf b;

	buf_init(&b, 2048);
	base64url_put(&b, str_make((const char *)bytes, n));
	jsonw_m_str(w, name, buf_view(&b));
	buf_done(&b);
}

/* Begins the reply; the caller ends it. */
static enum rc begin(struct api_call *c, enum begun_kind kind, struct str user, struct err *err)
{
	struct begun x = { .kind = kind };
	struct passkey_want want;
	char id[BEGUN_ID_MAX];

	if (c->api->auth == NULL)
		return FAIL(err, RC_UNSUPPORTED, "the node does not run");
	TRY(where(c, &want, err));
	random_bytes(x.challenge, sizeof x.challenge);
	snprintf(x.user, sizeof x.user, "%.*s", STR(user));
	begun_put(auth_begun(c->api->auth), &x, str_of(c->req->peer.addr), time_mono(), id);
	jsonw_object(&c->out);
	jsonw_m_cstr(&c->out, "ceremony", id);
	put_bytes(&c->out, "challenge", x.challenge, sizeof x.challenge);
	jsonw_m_str(&c->out, "rp_id", want.rp_id);
	return RC_OK;
}

/* What was begun, taken out of the table; `x` holds the challenge that `want` borrows. */
static bool take(struct api_call *c, enum begun_kind kind, struct begun *x, struct passkey_want *want, struct err *err, enum rc *ret)
{
	struct str ceremony;

	*ret = api_text(c, "ceremony", true, &ceremony, err);
	if (*ret == RC_OK)
		*ret = where(c, want, err);
	if (*ret != RC_OK)
		return false;
	want->challenge = str_make((const char *)x->challenge, sizeof x->challenge);
	return begun_take(auth_begun(c->api->auth), ceremony, kind, time_mono(), x);
}

/* --- one's own --- */

/* Says nothing about who the user is, and is the same for all of their passkeys (WebAuthn §14.6.1). */
static void put_handle(struct api_call *c, struct str user)
{
	struct str text = arena_fmt(c->req->arena, "lianfang user %s %.*s", c->api->identity, STR(user));
	unsigned char sum[SHA256_LEN];

	hash_sha256(text, sum);
	put_bytes(&c->out, "user_id", sum, sizeof sum);
}

static enum rc new_begin_post(struct api_call *c, struct err *err)
{
	struct passkey *list;
	size_t n;
	bool done;

	TRY(signing_prove(c, &done, err));
	if (done)
		return RC_OK;
	TRY(passkey_list(c->api->store, c->viewer->name, c->req->arena, &list, &n, err));
	TRY(begin(c, BEGUN_PASSKEY_NEW, c->viewer->name, err));
	put_handle(c, c->viewer->name);
	jsonw_m_str(&c->out, "user", c->viewer->name);
	jsonw_name(&c->out, "exclude");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		jsonw_str(&c->out, list[i].id);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static struct str as_text(struct api_call *c, struct str bytes)
{
	struct str text;
	struct buf b;

	buf_init(&b, 2 * PASSKEY_KEY_MAX);
	base64url_put(&b, bytes);
	text = b.bad == RC_OK ? arena_dup(c->req->arena, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	return text;
}

static enum rc new_post(struct api_call *c, struct err *err)
{
	struct passkey p = { .user = c->viewer->name, .created = time_now() };
	struct str client_data, attestation;
	struct passkey_want want;
	struct passkey_made made;
	struct begun x;
	enum rc rc;

	TRY(signing_is_user(c, err));
	TRY(signing_bytes(c, "client_data", CLIENT_DATA_MAX, &client_data, err));
	TRY(signing_bytes(c, "attestation", ATTESTATION_MAX, &attestation, err));
	TRY(api_text(c, "name", false, &p.name, err));
	if (!take(c, BEGUN_PASSKEY_NEW, &x, &want, err, &rc) || !str_eq(str_of(x.user), c->viewer->name))
		return rc != RC_OK ? rc : FAIL(err, RC_BAD, "/ceremony: not begun, or too long ago");
	TRY(passkey_read(c->req->arena, &want, client_data, attestation, &made, err));
	p.name = p.name.n == 0 ? S("passkey") : str_slice(p.name, 0, NAME_LONGEST);
	if (!utf8_valid(p.name, NULL))
		return FAIL(err, RC_BAD, "/name: expected at most %d bytes", NAME_LONGEST);
	p.rp_id = want.rp_id;
	p.id = as_text(c, made.id);
	p.key = as_text(c, made.key);
	p.counter = made.counter;
	if (p.id.p == NULL || p.key.p == NULL)
		return FAIL(err, RC_NOMEM, "passkey: out of memory");
	TRY(passkey_add(c->api->store, &p, err));
	TRY(api_fact(c, "user.passkey", p.user, S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc list_get(struct api_call *c, struct err *err)
{
	struct passkey *list;
	size_t n;

	TRY(signing_is_user(c, err));
	TRY(passkey_list(c->api->store, c->viewer->name, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "passkeys");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "id", list[i].id);
		jsonw_m_str(&c->out, "name", list[i].name);
		jsonw_m_str(&c->out, "rp_id", list[i].rp_id);
		jsonw_m_time(&c->out, "created", list[i].created);
		if (list[i].used != 0)
			jsonw_m_time(&c->out, "used", list[i].used);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc take_away(struct api_call *c, struct str user, struct str id, struct err *err)
{
	TRY(passkey_remove(c->api->store, user, id, err));
	TRY(api_fact(c, "user.passkey-removed", user, S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc remove_post(struct api_call *c, struct err *err)
{
	bool done;

	TRY(signing_prove(c, &done, err));
	return done ? RC_OK : take_away(c, c->viewer->name, c->params[0], err);
}

static enum rc user_delete_all(struct api_call *c, struct err *err)
{
	struct user u;

	TRY(user_get(c->api->store, c->params[0], c->req->arena, &u, err));
	return take_away(c, u.name, S(""), err);
}

/* --- signing in --- */

static enum rc begin_post(struct api_call *c, struct err *err)
{
	TRY(begin(c, BEGUN_PASSKEY, S(""), err));
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* RC_DENIED for all that is not right about it; `*ret` is whose it is. */
static enum rc check(struct api_call *c, const struct passkey_want *want, struct str id, const struct passkey_proof *proof, struct user *ret,
		     struct err *err)
{
	struct passkey p;
	struct buf key;
	uint32_t counter = 0;
	enum rc rc = passkey_get(c->api->store, id, c->req->arena, &p, err);

	if (rc == RC_NOTFOUND || rc == RC_BAD || (rc == RC_OK && !str_eq(p.rp_id, want->rp_id)))
		return FAIL(err, RC_DENIED, "passkey: not known here");
	TRY(rc);
	buf_init(&key, PASSKEY_KEY_MAX);
	rc = base64url_get(&key, p.key) ? passkey_check(c->req->arena, want, buf_view(&key), proof, &counter, err)
					: FAIL(err, RC_CORRUPT, "passkey: the key that was kept is not readable");
	buf_done(&key);
	TRY(rc);
	rc = passkey_used(c->api->store, id, counter, time_now(), err);
	if (rc == RC_CONFLICT)
		return RC_DENIED;
	TRY(rc);
	rc = user_get(c->api->store, p.user, c->req->arena, ret, err);
	return rc == RC_NOTFOUND || (rc == RC_OK && !user_is_open(ret, time_now())) ? FAIL(err, RC_DENIED, "passkey: its user may not sign in") : rc;
}

static enum rc sign_in_post(struct api_call *c, struct err *err)
{
	struct user u = { .name = S("") };
	struct passkey_proof proof;
	struct passkey_want want;
	struct viewer v;
	struct begun x;
	struct str id;
	enum rc rc;

	TRY(api_text(c, "id", true, &id, err));
	TRY(signing_bytes(c, "client_data", CLIENT_DATA_MAX, &proof.client_data, err));
	TRY(signing_bytes(c, "authenticator_data", ATTESTATION_MAX, &proof.authenticator_data, err));
	TRY(signing_bytes(c, "signature", SIGNATURE_MAX, &proof.signature, err));
	if (c->api->auth == NULL)
		return FAIL(err, RC_UNSUPPORTED, "the node does not run");
	if (auth_wait(c->api->auth, c->req) > 0)
		return signing_wait(c, auth_wait(c->api->auth, c->req));
	if (take(c, BEGUN_PASSKEY, &x, &want, err, &rc))
		rc = check(c, &want, id, &proof, &u, err);
	else if (rc == RC_OK)
		rc = RC_DENIED;
	if (rc == RC_DENIED) {
		auth_came(c->api->auth, c->req, u.name, false, "passkey");
		return signing_refuse(c, 401, "sign-in", "this passkey does not sign in here");
	}
	TRY(rc);
	auth_came(c->api->auth, c->req, u.name, true, "passkey");
	auth_viewer_of(&u, &v);
	return signing_begin(c, &v, err);
}

const struct api_route API_ROUTES_PASSKEY[] = {
	{ "POST", "/session/passkey/begin", API_ANY, begin_post, "Begin to sign in by a passkey: the challenge", NULL, NULL, BEGIN_SCHEMA },
	{ "POST", "/session/passkey", API_ANY, sign_in_post, "Sign in by a passkey: the reply sets a cookie", NULL, SIGN_IN_REQUEST, DONE_SCHEMA },
	{ "GET", "/session/passkeys", API_READER, list_get, "One's own passkeys", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/session/passkeys/begin", API_ANY, new_begin_post, "Begin to make a passkey of one's own: the challenge", NULL, PROVE_REQUEST, BEGIN_SCHEMA },
	{ "POST", "/session/passkeys", API_ANY, new_post, "Keep the passkey that the authenticator made", NULL, NEW_REQUEST, DONE_SCHEMA },
	{ "POST", "/session/passkeys/{id}/remove", API_ANY, remove_post, "Remove one of one's own passkeys", NULL, PROVE_REQUEST, DONE_SCHEMA },
	{ "DELETE", "/users/{name}/passkeys", API_ADMIN, user_delete_all, "Remove a user's passkeys (they are lost)", NULL, NULL, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
