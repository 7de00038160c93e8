#include "web/oidc.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/httpc.h"
#include "sys/keys.h"
#include "web/jwt.h"

#define REPLY_MAX ((size_t)256 << 10)
#define ARENA_MAX ((size_t)4 << 20)
#define FORM_MAX 8192
#define FRESH (3600 * USEC_PER_SEC)      /* what the provider said counts so long */
#define ASK_AGAIN (60 * USEC_PER_SEC)    /* least time between two looks for new keys */
#define CONNECT_TIME (5 * USEC_PER_SEC)
#define TOTAL_TIME (10 * USEC_PER_SEC)

struct oidc {
	char *issuer, *client_id, *secret, *name, *ca_pem;
	pthread_mutex_t lock; /* of what follows */
	char *authorize, *token, *jwks; /* addresses, as the provider publishes them; NULL: not asked yet */
	char *keys;
	usec asked, keys_asked; /* time_mono() */
};

/* One request of ours under way. */
struct talk {
	struct oidc *o;
	struct httpc *http;
	struct arena *a;
};

static bool is_address(struct str url)
{
	/* httpc lets http:// go to loopback only. */
	return (str_starts(url, S("https://")) || str_starts(url, S("http://127.")) || str_starts(url, S("http://[::1]"))) && url.n < 1000 &&
	       str_find(url, S("#"), 0) == SIZE_MAX;
}

enum rc oidc_new(const struct oidc_config *c, struct oidc **ret, struct err *err)
{
	struct oidc *o;

	if (!is_address(str_of(c->issuer)))
		return FAIL(err, RC_BAD, "[sign_in] provider: expected https://...");
	if (c->client_id[0] == '\0')
		return FAIL(err, RC_BAD, "[sign_in] client_id: the provider knows this node by a name");
	o = mem_alloc(sizeof *o);
	if (o == NULL)
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	pthread_mutex_init(&o->lock, NULL);
	o->issuer = mem_strdup(c->issuer);
	o->client_id = mem_strdup(c->client_id);
	o->secret = mem_strdup(c->secret);
	o->name = mem_strdup(c->name[0] == '\0' ? c->issuer : c->name);
	o->ca_pem = c->ca_pem == NULL ? NULL : mem_strdup(c->ca_pem);
	if (o->issuer == NULL || o->client_id == NULL || o->secret == NULL || o->name == NULL || (c->ca_pem != NULL && o->ca_pem == NULL)) {
		oidc_free(o);
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	}
	*ret = o;
	return RC_OK;
}

void oidc_free(struct oidc *o)
{
	if (o == NULL)
		return;
	if (o->secret != NULL)
		secret_wipe(o->secret, strlen(o->secret));
	mem_free(o->issuer);
	mem_free(o->client_id);
	mem_free(o->secret);
	mem_free(o->name);
	mem_free(o->ca_pem);
	mem_free(o->authorize);
	mem_free(o->token);
	mem_free(o->jwks);
	mem_free(o->keys);
	pthread_mutex_destroy(&o->lock);
	mem_free(o);
}

const char *oidc_name(const struct oidc *o)
{
	return o->name;
}

const char *oidc_issuer(const struct oidc *o)
{
	return o->issuer;
}

/* --- talking to it --- */

static enum rc talk_begin(struct oidc *o, bool secret, struct talk *t, struct err *err)
{
	struct httpc_config hc = { .ca_pem = o->ca_pem, .connect_timeout = CONNECT_TIME, .total_timeout = TOTAL_TIME, .max_response = REPLY_MAX,
				   .allow_plain_loopback = true };
	struct buf id, pass;
	enum rc rc;

	/* RFC 6749 §2.3.1: both are escaped as in forms before they go into Basic. */
	buf_init(&id, 1024);
	buf_init(&pass, 2048);
	percent_put(&id, str_of(o->client_id));
	percent_put(&pass, str_of(o->secret));
	if (secret && o->secret[0] != '\0') {
		hc.user = id.p;
		hc.password = pass.p;
	}
	*t = (struct talk){ .o = o, .a = arena_new(ARENA_MAX) };
	rc = id.bad != RC_OK || pass.bad != RC_OK || t->a == NULL ? FAIL(err, RC_NOMEM, "provider: out of memory") : httpc_new(&hc, &t->http, err);
	if (pass.p != NULL)
		secret_wipe(pass.p, pass.n);
	buf_done(&id);
	buf_done(&pass);
	return rc;
}

static void talk_end(struct talk *t)
{
	httpc_free(t->http);
	arena_free(t->a);
}

/* A JSON object in the talk's arena. RC_DENIED: 400 and 401, what a token endpoint says to a bad code. */
static enum rc ask(struct talk *t, const char *method, const char *url, struct str form, const struct json **ret, struct str *ret_text, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL };
	struct httpc_res res = { 0 };
	enum rc rc = httpc_do(t->http, method, url, form.p == NULL ? headers + 1 : headers, form, &res, err);
	struct str text = { NULL, 0 };
	int status = res.status;

	if (rc == RC_OK)
		text = arena_dup(t->a, buf_view(&res.body));
	httpc_res_done(&res);
	if (rc != RC_OK) {
		err_prefix(err, "provider");
		return RC_PEER;
	}
	if (text.p == NULL)
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	if (status == 400 || status == 401)
		return FAIL(err, RC_DENIED, "provider: refused the code (%d)", status);
	if (status != 200)
		return FAIL(err, RC_PEER, "provider: %s answers %d", url, status);
	if (json_parse(t->a, text, &JSON_LIMITS, ret, err) != RC_OK || !json_is(*ret, JSON_OBJECT))
		return FAIL(err, RC_PEER, "provider: %s answers no JSON", url);
	*ret_text = text;
	return RC_OK;
}

static enum rc take_address(const struct json *v, const char *name, char **to, struct err *err)
{
	struct str url = json_get_str(v, str_of(name));
	char *copy = is_address(url) ? mem_alloc(url.n + 1) : NULL;

	if (copy == NULL)
		return FAIL(err, RC_PEER, "provider: publishes no good %s", name);
	memcpy(copy, url.p, url.n);
	mem_free(*to);
	*to = copy;
	return RC_OK;
}

/* OpenID Connect Discovery 1.0 §4; with the lock held, so that a hundred sign-ins ask once. */
static enum rc discover(struct oidc *o, struct talk *t, struct err *err)
{
	struct str issuer = str_of(o->issuer), text, url;
	const struct json *v;

	if (o->authorize != NULL && time_mono() - o->asked < FRESH)
		return RC_OK;
	if (str_ends(issuer, S("/")))
		issuer.n--;
	url = arena_fmt(t->a, "%.*s/.well-known/openid-configuration", STR(issuer));
	if (url.p == NULL)
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	TRY(ask(t, "GET", url.p, (struct str){ NULL, 0 }, &v, &text, err));
	if (!str_eq(json_get_str(v, S("issuer")), str_of(o->issuer)))
		return FAIL(err, RC_PEER, "provider: calls itself '%.*s'", STR(str_slice(json_get_str(v, S("issuer")), 0, 200)));
	TRY(take_address(v, "authorization_endpoint", &o->authorize, err));
	TRY(take_address(v, "token_endpoint", &o->token, err));
	TRY(take_address(v, "jwks_uri", &o->jwks, err));
	o->asked = time_mono();
	return RC_OK;
}

/* With the lock held. `again`: those at hand did not do. */
static enum rc fetch_keys(struct oidc *o, struct talk *t, bool again, struct err *err)
{
	usec age = time_mono() - o->keys_asked;
	const struct json *v;
	struct str text;
	char *copy;

	if (o->keys != NULL && age < (again ? ASK_AGAIN : FRESH))
		return again ? FAIL(err, RC_DENIED, "ID token: signed with a key that is not published") : RC_OK;
	TRY(ask(t, "GET", o->jwks, (struct str){ NULL, 0 }, &v, &text, err));
	copy = mem_strdup(text.p);
	if (copy == NULL)
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	mem_free(o->keys);
	o->keys = copy;
	o->keys_asked = time_mono();
	return RC_OK;
}

static enum rc prepare(struct oidc *o, struct talk *t, bool keys, bool again, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&o->lock);
	rc = discover(o, t, err);
	if (rc == RC_OK && keys)
		rc = fetch_keys(o, t, again, err);
	pthread_mutex_unlock(&o->lock);
	return rc;
}

/* --- one sign-in --- */

static void put_field(struct buf *b, char before, const char *name, struct str value)
{
	buf_fmt(b, "%c%s=", before, name);
	percent_put(b, value);
}

static void put_challenge(struct buf *b, struct str verifier)
{
	unsigned char sum[SHA256_LEN];

	hash_sha256(verifier, sum);
	buf_cstr(b, "&code_challenge_method=S256&code_challenge=");
	base64url_put(b, str_make((const char *)sum, sizeof sum));
}

enum rc oidc_begin(struct oidc *o, const struct oidc_trip *trip, struct buf *ret_url, struct err *err)
{
	struct talk t = { 0 };
	enum rc rc = talk_begin(o, false, &t, err);

	if (rc == RC_OK)
		rc = prepare(o, &t, false, false, err);
	if (rc == RC_OK) {
		pthread_mutex_lock(&o->lock);
		buf_cstr(ret_url, o->authorize);
		put_field(ret_url, strchr(o->authorize, '?') == NULL ? '?' : '&', "client_id", str_of(o->client_id));
		pthread_mutex_unlock(&o->lock);
		buf_cstr(ret_url, "&response_type=code&scope=openid");
		put_field(ret_url, '&', "redirect_uri", trip->redirect_uri);
		put_field(ret_url, '&', "state", trip->state);
		put_field(ret_url, '&', "nonce", trip->nonce);
		put_challenge(ret_url, trip->verifier);
		rc = buf_check(ret_url, err, "provider: address");
	}
	talk_end(&t);
	return rc;
}

static enum rc trade(struct talk *t, const struct oidc_trip *trip, struct str code, struct str *ret_token, struct err *err)
{
	const struct json *v;
	struct str text, url;
	struct buf form;
	enum rc rc;

	pthread_mutex_lock(&t->o->lock);
	url = arena_dup(t->a, str_of(t->o->token));
	pthread_mutex_unlock(&t->o->lock);
	buf_init(&form, FORM_MAX);
	buf_cstr(&form, "grant_type=authorization_code");
	put_field(&form, '&', "code", code);
	put_field(&form, '&', "redirect_uri", trip->redirect_uri);
	put_field(&form, '&', "code_verifier", trip->verifier);
	if (t->o->secret[0] == '\0')
		put_field(&form, '&', "client_id", str_of(t->o->client_id));
	rc = url.p == NULL ? FAIL(err, RC_NOMEM, "provider: out of memory") : buf_check(&form, err, "provider: form");
	if (rc == RC_OK)
		rc = ask(t, "POST", url.p, buf_view(&form), &v, &text, err);
	buf_done(&form);
	TRY(rc);
	*ret_token = json_get_str(v, S("id_token"));
	return ret_token->n > 0 ? RC_OK : FAIL(err, RC_PEER, "provider: gave no ID token");
}

static enum rc check_token(struct talk *t, const struct oidc_trip *trip, struct str token, struct str *ret, struct err *err)
{
	const struct jwt_want want = { .issuer = str_of(t->o->issuer), .audience = str_of(t->o->client_id), .nonce = trip->nonce, .now = time_now() };
	const struct json *keys;
	struct str text;

	pthread_mutex_lock(&t->o->lock);
	text = arena_dup(t->a, str_of(t->o->keys));
	pthread_mutex_unlock(&t->o->lock);
	if (text.p == NULL)
		return FAIL(err, RC_NOMEM, "provider: out of memory");
	TRY(json_parse(t->a, text, &JSON_LIMITS, &keys, err));
	return jwt_check(t->a, token, keys, &want, ret, err);
}

enum rc oidc_finish(struct oidc *o, const struct oidc_trip *trip, struct str code, struct arena *a, struct str *ret_subject, struct err *err)
{
	struct talk t = { 0 };
	struct str token, subject;
	enum rc rc = talk_begin(o, true, &t, err);

	if (rc == RC_OK)
		rc = prepare(o, &t, true, false, err);
	if (rc == RC_OK)
		rc = trade(&t, trip, code, &token, err);
	if (rc == RC_OK)
		rc = check_token(&t, trip, token, &subject, err);
	if (rc == RC_NOTFOUND) { /* the provider may have changed its keys */
		rc = prepare(o, &t, true, true, err);
		if (rc == RC_OK)
			rc = check_token(&t, trip, token, &subject, err);
	}
	if (rc == RC_NOTFOUND)
		rc = RC_DENIED;
	if (rc == RC_OK) {
		*ret_subject = arena_dup(a, subject);
		if (ret_subject->p == NULL)
			rc = FAIL(err, RC_NOMEM, "provider: out of memory");
	}
	talk_end(&t);
	return rc;
}
