/* Signing in at an identity provider over REST: the browser is sent there and brings a code back to the page
 * /console/sign-in, which hands it on here. Which account that is was said beforehand: by its owner, who linked it with the
 * password at hand, or by an administrator. A name or an e-mail address that the provider passes on proves nothing here. */
#include "web/signing.h"

#include "base/hash.h"
#include "base/text.h"
#include "store/credentials.h"
#include "sys/keys.h"
#include "web/auth.h"
#include "web/oidc.h"
#include "web/session.h"

#define CODE_MAX 4096

static const char BEGIN_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"url\"],\"properties\":{\"url\":{\"type\":\"string\"}}}";
static const char PROVE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"password\"],\"properties\":{\"password\":{\"type\":\"string\"}}}";
static const char FINISH_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"state\",\"code\"],\"properties\":{\"state\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
	"\"iss\":{\"type\":\"string\"}}}";
static const char SUBJECT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"subject\"],\"properties\":{\"subject\":{\"type\":\"string\",\"description\":\"who it is at the provider: "
	"the claim sub\"}}}";
static const char LIST_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"identities\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"issuer\":{\"type\":"
	"\"string\"},\"subject\":{\"type\":\"string\"},\"created\":{\"type\":\"string\"},\"used\":{\"type\":\"string\"}}}}}}";
static const char DONE_SCHEMA[] = "{\"type\":\"object\"}";

static enum rc need_provider(const struct api_call *c, struct err *err)
{
	return c->api->provider != NULL && c->api->auth != NULL ? RC_OK : FAIL(err, RC_UNSUPPORTED, "no identity provider: [sign_in] provider");
}

/* All of one trip but its state comes from 32 random bytes, so that only those are kept. */
static enum rc trip_of(struct api_call *c, const struct begun *x, struct str state, struct oidc_trip *ret, struct err *err)
{
	unsigned char sum[SHA256_LEN];
	struct str host = http_header(c->req, "Host");
	struct buf verifier, nonce;

	buf_init(&verifier, 64);
	buf_init(&nonce, 2 * SHA256_LEN);
	base64url_put(&verifier, str_make((const char *)x->challenge, sizeof x->challenge));
	/* The verifier cannot be told from the nonce, which everybody on the way may see. */
	hash_sha256(arena_fmt(c->req->arena, "nonce %.*s", STR(buf_view(&verifier))), sum);
	hex_put(&nonce, str_make((const char *)sum, sizeof sum));
	*ret = (struct oidc_trip){ .redirect_uri = arena_fmt(c->req->arena, "https://%.*s/console/sign-in", STR(host)),
				   .state = arena_dup(c->req->arena, state), .nonce = arena_dup(c->req->arena, buf_view(&nonce)),
				   .verifier = arena_dup(c->req->arena, buf_view(&verifier)) };
	buf_done(&verifier);
	buf_done(&nonce);
	if (host.n == 0 || host.n > 255)
		return FAIL(err, RC_BAD, "Host: expected");
	return ret->redirect_uri.p != NULL && ret->state.p != NULL && ret->nonce.p != NULL && ret->verifier.p != NULL
		       ? RC_OK : FAIL(err, RC_NOMEM, "provider: out of memory");
}

/* The browser that began gets a cookie, so that nobody can hand another's code to it. */
static enum rc mark_browser(struct api_call *c, struct begun *x, struct err *err)
{
	unsigned char raw[BEGUN_SECRET];
	struct str line;
	struct buf text;

	random_bytes(raw, sizeof raw);
	buf_init(&text, 64);
	base64url_put(&text, str_make((const char *)raw, sizeof raw));
	hash_sha256(buf_view(&text), x->browser);
	line = arena_fmt(c->req->arena, BEGUN_COOKIE "=%.*s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%d", STR(buf_view(&text)),
			 (int)(BEGUN_SPAN / USEC_PER_SEC));
	buf_done(&text);
	secret_wipe(raw, sizeof raw);
	if (line.p == NULL)
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	http_res_header(c->res, "Set-Cookie", line.p);
	return RC_OK;
}

static enum rc begin(struct api_call *c, struct str user, struct err *err)
{
	struct begun x = { .kind = BEGUN_PROVIDER };
	struct oidc_trip trip;
	char id[BEGUN_ID_MAX];
	struct buf url;
	enum rc rc;

	TRY(need_provider(c, err));
	random_bytes(x.challenge, sizeof x.challenge);
	snprintf(x.user, sizeof x.user, "%.*s", STR(user));
	TRY(mark_browser(c, &x, err));
	begun_put(auth_begun(c->api->auth), &x, str_of(c->req->peer.addr), time_mono(), id);
	TRY(trip_of(c, &x, str_of(id), &trip, err));
	buf_init(&url, 8192);
	rc = oidc_begin(c->api->provider, &trip, &url, err);
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "url", buf_view(&url));
		jsonw_object_end(&c->out);
	}
	buf_done(&url);
	return rc;
}

static enum rc begin_post(struct api_call *c, struct err *err)
{
	if (c->api->auth != NULL && auth_wait(c->api->auth, c->req) > 0)
		return signing_wait(c, auth_wait(c->api->auth, c->req));
	return begin(c, S(""), err);
}

static enum rc link_begin_post(struct api_call *c, struct err *err)
{
	bool done;

	TRY(need_provider(c, err));
	TRY(signing_prove(c, &done, err));
	return done ? RC_OK : begin(c, c->viewer->name, err);
}

/* --- back again --- */

static bool same_browser(const struct api_call *c, const struct begun *x)
{
	unsigned char sum[SHA256_LEN];
	struct str value;

	if (!session_cookie(c->req, S(BEGUN_COOKIE), &value))
		return false;
	hash_sha256(value, sum);
	return str_eq_secret(str_make((const char *)sum, sizeof sum), str_make((const char *)x->browser, sizeof x->browser));
}

/* RC_DENIED for all that is not right; the texts go to the log of facts only in kind. */
static enum rc subject_of(struct api_call *c, struct begun *x, struct str *ret, struct err *err)
{
	struct str state, code, iss;
	struct oidc_trip trip;

	TRY(api_text(c, "state", true, &state, err));
	TRY(api_text(c, "code", true, &code, err));
	TRY(api_text(c, "iss", false, &iss, err));
	if (code.n == 0 || code.n > CODE_MAX)
		return FAIL(err, RC_BAD, "/code: expected what the provider gave");
	if (!begun_take(auth_begun(c->api->auth), state, BEGUN_PROVIDER, time_mono(), x) || !same_browser(c, x))
		return FAIL(err, RC_DENIED, "not begun in this browser, or too long ago");
	if (iss.p != NULL && !str_eq(iss, str_of(oidc_issuer(c->api->provider)))) /* RFC 9207 §2.4 */
		return FAIL(err, RC_DENIED, "the answer is of another provider");
	TRY(trip_of(c, x, state, &trip, err));
	return oidc_finish(c->api->provider, &trip, code, c->req->arena, ret, err);
}

static enum rc link_to(struct api_call *c, struct str user, struct str subject, struct err *err)
{
	TRY(identity_add(c->api->store, &(struct identity){ .issuer = str_of(oidc_issuer(c->api->provider)), .subject = subject, .user = user,
							    .created = time_now() }, err));
	TRY(api_fact(c, "user.identity", user, S(""), err));
	jsonw_raw(&c->out, S("{\"linked\":true}"));
	return RC_OK;
}

static enum rc sign_in(struct api_call *c, struct str subject, struct user *u, struct err *err)
{
	struct str issuer = str_of(oidc_issuer(c->api->provider));
	struct identity who;
	struct viewer v;
	enum rc rc = identity_find(c->api->store, issuer, subject, c->req->arena, &who, err);

	if (rc == RC_OK)
		rc = user_get(c->api->store, who.user, c->req->arena, u, err);
	if (rc == RC_NOTFOUND || (rc == RC_OK && !user_is_open(u, time_now())))
		return FAIL(err, RC_DENIED, "this account at the provider belongs to no account here");
	TRY(rc);
	TRY(identity_used(c->api->store, issuer, subject, time_now(), err));
	auth_came(c->api->auth, c->req, u->name, true, "provider");
	auth_viewer_of(u, &v);
	return signing_begin(c, &v, err);
}

static enum rc finish_post(struct api_call *c, struct err *err)
{
	struct user u = { .name = S("") };
	struct begun x = { .kind = BEGUN_NOTHING };
	struct str subject = S("");
	enum rc rc;

	TRY(need_provider(c, err));
	rc = subject_of(c, &x, &subject, err);
	if (rc == RC_OK && x.user[0] != '\0')
		return c->viewer->kind == VIEWER_USER && str_eq(c->viewer->name, str_of(x.user))
			       ? link_to(c, c->viewer->name, subject, err)
			       : FAIL(err, RC_DENIED, "sign in as who began this");
	if (rc == RC_OK)
		rc = sign_in(c, subject, &u, err);
	if (rc != RC_DENIED)
		return rc;
	auth_came(c->api->auth, c->req, u.name, false, "provider");
	return signing_refuse(c, 401, "sign-in", "this account at the provider does not sign in here");
}

/* --- what is linked --- */

static enum rc list_get(struct api_call *c, struct err *err)
{
	struct identity *list;
	size_t n;

	TRY(signing_is_user(c, err));
	TRY(identity_list(c->api->store, c->viewer->name, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "identities");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "issuer", list[i].issuer);
		jsonw_m_str(&c->out, "subject", list[i].subject);
		jsonw_m_time(&c->out, "created", list[i].created);
		if (list[i].used != 0)
			jsonw_m_time(&c->out, "used", list[i].used);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc take_away(struct api_call *c, struct str user, struct err *err)
{
	TRY(identity_remove(c->api->store, user, S(""), S(""), err));
	TRY(api_fact(c, "user.identity-removed", user, S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc remove_post(struct api_call *c, struct err *err)
{
	bool done;

	TRY(signing_prove(c, &done, err));
	return done ? RC_OK : take_away(c, c->viewer->name, err);
}

static enum rc user_post(struct api_call *c, struct err *err)
{
	struct str subject;
	struct user u;

	TRY(need_provider(c, err));
	TRY(api_text(c, "subject", true, &subject, err));
	TRY(user_get(c->api->store, c->params[0], c->req->arena, &u, err));
	return link_to(c, u.name, subject, err);
}

static enum rc user_delete_all(struct api_call *c, struct err *err)
{
	struct user u;

	TRY(user_get(c->api->store, c->params[0], c->req->arena, &u, err));
	return take_away(c, u.name, err);
}

const struct api_route API_ROUTES_PROVIDER[] = {
	{ "POST", "/session/provider/begin", API_ANY, begin_post, "Begin to sign in at the identity provider: where to go", NULL, NULL, BEGIN_SCHEMA },
	{ "POST", "/session/provider", API_ANY, finish_post, "Sign in, or link, by the code that the provider gave", NULL, FINISH_REQUEST, DONE_SCHEMA },
	{ "GET", "/session/identities", API_READER, list_get, "Who one is at the identity provider", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/session/identities/begin", API_ANY, link_begin_post, "Begin to link one's account at the provider: where to go", NULL, PROVE_REQUEST, BEGIN_SCHEMA },
	{ "POST", "/session/identities/remove", API_ANY, remove_post, "Unlink one's account at the provider", NULL, PROVE_REQUEST, DONE_SCHEMA },
	{ "POST", "/users/{name}/identities", API_ADMIN, user_post, "Say who a user is at the identity provider", NULL, SUBJECT_REQUEST, DONE_SCHEMA },
	{ "DELETE", "/users/{name}/identities", API_ADMIN, user_delete_all, "Unlink a user from the identity provider", NULL, NULL, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
