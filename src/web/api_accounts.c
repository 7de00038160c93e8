/* Users and tokens over REST. Secrets come in, never go out: a new token's text
 * is shown once, in the reply that made it. */
#include "web/api.h"

#include "base/text.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/accounts.h"
#include "store/sessions.h"
#include "sys/keys.h"
#include "web/signing.h"

#define PASSWORD_MAX 1024
#define TOKEN_BYTES 32

static const char USER_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"role\":{\"type\":\"string\",\"enum\":[\"admin\","
	"\"analyst\",\"feeder\",\"reader\",\"peer\"]},\"org\":{\"type\":\"string\"},\"tlp_max\":{\"type\":\"string\"},"
	"\"disabled\":{\"type\":\"boolean\"},\"locked_until\":{\"type\":\"string\"},\"has_password\":{\"type\":\"boolean\"},"
	"\"cert_sha256\":{\"type\":\"string\"},\"expires\":{\"type\":\"string\"}}}";
static const char USER_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"name\",\"role\"],\"properties\":{\"name\":{\"type\":\"string\"},\"role\":{\"type\":"
	"\"string\"},\"org\":{\"type\":\"string\"},\"password\":{\"type\":\"string\"},\"tlp_max\":{\"type\":\"string\"},"
	"\"cert_sha256\":{\"type\":\"string\"},\"disabled\":{\"type\":\"boolean\"},\"expires\":{\"type\":\"string\",\"description\":"
	"\"a date (its end, UTC) or an instant from which on the account is shut; empty: none\"}}}";
static const char USERS_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"users\":{\"type\":\"array\"}}}";
/* A token may do less than its user. */
#define SCOPE "\"days\":{\"type\":\"integer\"},\"role\":{\"type\":\"string\"},\"tlp_max\":{\"type\":\"string\"}"
static const char TOKEN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"user\"],\"properties\":{\"user\":{\"type\":\"string\"},\"note\":{\"type\":\"string\"},"
	SCOPE "}}";
static const char OWN_TOKEN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"password\"],\"properties\":{\"password\":{\"type\":\"string\"},\"note\":{\"type\":\"string\"}," SCOPE "}}";
static const char TOKENS_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"tokens\":{\"type\":\"array\"}}}";
static const char TOKEN_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"secret\":{\"type\":\"string\"}}}";
static const char DONE_SCHEMA[] = "{\"type\":\"object\"}";

static void put_user(struct jsonw *w, const struct user *u)
{
	jsonw_object(w);
	jsonw_m_str(w, "name", u->name);
	jsonw_m_str(w, "role", u->role);
	jsonw_m_str(w, "org", u->org);
	jsonw_m_cstr(w, "tlp_max", tlp_name((enum tlp)u->tlp_max));
	jsonw_m_bool(w, "has_password", u->pass_hash.n > 0);
	if (u->cert_sha256.n > 0)
		jsonw_m_str(w, "cert_sha256", u->cert_sha256);
	jsonw_m_bool(w, "disabled", u->disabled);
	if (u->locked_until != 0)
		jsonw_m_time(w, "locked_until", u->locked_until);
	if (u->expires != 0)
		jsonw_m_time(w, "expires", u->expires);
	jsonw_m_time(w, "created", u->created);
	jsonw_object_end(w);
}

static enum rc users_get(struct api_call *c, struct err *err)
{
	struct user *list;
	size_t n;

	TRY(user_list(c->api->store, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "users");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		put_user(&c->out, &list[i]);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc user_get_one(struct api_call *c, struct err *err)
{
	struct user u;

	TRY(user_get(c->api->store, c->params[0], c->req->arena, &u, err));
	put_user(&c->out, &u);
	return RC_OK;
}

static enum rc check_role(struct str role, struct err *err)
{
	static const char *const roles[] = { "admin", "analyst", "feeder", "reader", "peer" };

	for (size_t i = 0; i < COUNTOF(roles); i++)
		if (str_eq(role, str_of(roles[i])))
			return RC_OK;
	return FAIL(err, RC_BAD, "/role: expected admin, analyst, feeder, reader or peer");
}

static enum rc set_password(struct api_call *c, struct user *u, struct err *err)
{
	struct str password;
	char hash[PASSWORD_HASH_MAX];

	TRY(api_text(c, "password", false, &password, err));
	if (password.p == NULL)
		return RC_OK;
	/* Who sits at the node may set what its own scripts need (tests, recovery); from the network the rules hold. */
	if (c->viewer->kind != VIEWER_LOCAL)
		TRY(signing_password(c, password, u->name, err));
	else if (password.n < 1 || password.n > PASSWORD_MAX)
		return FAIL(err, RC_BAD, "/password: expected at most %d bytes", PASSWORD_MAX);
	TRY(password_hash(password, hash, err));
	u->pass_hash = arena_dup(c->req->arena, str_of(hash));
	u->failures = 0;
	u->locked_until = 0;
	return u->pass_hash.p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "user: out of memory");
}

/* Without a TLP given: who may change all levels sees all, members see AMBER, peers GREEN. */
static uint8_t usual_tlp(struct str role)
{
	return str_eq(role, S("admin")) ? TLP_RED : str_eq(role, S("peer")) ? TLP_GREEN : TLP_AMBER;
}

static enum rc user_fill(struct api_call *c, struct user *u, bool is_new, struct err *err)
{
	struct str text;

	TRY(api_text(c, "role", is_new, &text, err));
	if (text.p != NULL) {
		TRY(check_role(text, err));
		u->role = text;
	}
	TRY(api_text(c, "org", false, &text, err));
	if (text.p != NULL || is_new)
		u->org = text.p == NULL ? S("") : text;
	TRY(api_fingerprint(c, "cert_sha256", false, &text, err));
	if (text.p != NULL)
		u->cert_sha256 = text;
	TRY(api_tlp(c, "tlp_max", is_new ? usual_tlp(u->role) : u->tlp_max, &u->tlp_max, err));
	TRY(api_bool(c, "disabled", u->disabled, &u->disabled, err));
	TRY(api_text(c, "expires", false, &text, err));
	if (text.p != NULL)
		TRY(api_time(text, "/expires", true, &u->expires, err));
	return set_password(c, u, err);
}

static enum rc users_post(struct api_call *c, struct err *err)
{
	struct user u = { .created = time_now(), .pass_hash = S(""), .cert_sha256 = S("") };
	struct str name;
	bool is_new;

	TRY(api_text(c, "name", true, &name, err));
	TRY(api_name(name, "/name", err));
	is_new = user_get(c->api->store, name, c->req->arena, &u, NULL) != RC_OK;
	u.name = name;
	TRY(user_fill(c, &u, is_new, err));
	TRY(user_put(c->api->store, &u, err));
	/* Who gave the account a new password, or shut it, meant every browser that has it open. */
	if (!user_is_open(&u, time_now()) || json_get(c->body, S("password")) != NULL)
		TRY(sessions_end_of(c->api->store, name, S(""), err));
	TRY(api_fact(c, is_new ? "user.add" : "user.change", name, S(""), err));
	if (c->api->changed != NULL)
		c->api->changed(c->api->ctx);
	put_user(&c->out, &u);
	return RC_OK;
}

static enum rc users_delete(struct api_call *c, struct err *err)
{
	TRY(user_delete(c->api->store, c->params[0], err));
	TRY(api_fact(c, "user.remove", c->params[0], S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

/* Of one user, or of all ("" as `user`). */
static enum rc tell_tokens(struct api_call *c, struct str user, struct err *err)
{
	struct token *list;
	size_t n;

	TRY(token_list(c->api->store, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "tokens");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		if (user.n > 0 && !str_eq(user, list[i].user))
			continue;
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "id", list[i].id);
		jsonw_m_str(&c->out, "user", list[i].user);
		jsonw_m_str(&c->out, "note", list[i].note);
		if (list[i].role.n > 0)
			jsonw_m_str(&c->out, "role", list[i].role);
		jsonw_m_cstr(&c->out, "tlp_max", tlp_name((enum tlp)list[i].tlp_max));
		jsonw_m_time(&c->out, "created", list[i].created);
		if (list[i].expires != 0)
			jsonw_m_time(&c->out, "expires", list[i].expires);
		if (list[i].last_used != 0)
			jsonw_m_time(&c->out, "last_used", list[i].last_used);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc tokens_get(struct api_call *c, struct err *err)
{
	return tell_tokens(c, S(""), err);
}

static enum rc own_tokens_get(struct api_call *c, struct err *err)
{
	TRY(signing_is_user(c, err));
	return tell_tokens(c, c->viewer->name, err);
}

static enum rc token_days(struct api_call *c, int64_t *ret, struct err *err)
{
	const struct json *v = json_get(c->body, S("days"));

	*ret = 90;
	if (v != NULL && (!json_int(v, ret) || *ret < 0 || *ret > 3650))
		return FAIL(err, RC_BAD, "/days: expected 0 (never ends) to 3650");
	return RC_OK;
}

static enum rc make_token(struct api_call *c, struct str user, struct err *err)
{
	unsigned char raw[TOKEN_BYTES], id[6], digest[SHA256_LEN];
	struct token t = { .created = time_now(), .user = user };
	struct buf secret, hex, id_text;
	struct user u;
	int64_t days;
	enum rc rc;

	TRY(api_text(c, "note", false, &t.note, err));
	TRY(api_text(c, "role", false, &t.role, err));
	if (t.role.n > 0)
		TRY(check_role(t.role, err));
	TRY(api_tlp(c, "tlp_max", TLP_RED, &t.tlp_max, err));
	TRY(token_days(c, &days, err));
	TRY(user_get(c->api->store, t.user, c->req->arena, &u, err));
	if (t.note.p == NULL)
		t.note = S("");
	t.expires = days == 0 ? 0 : t.created + days * 86400 * USEC_PER_SEC;
	random_bytes(raw, sizeof raw);
	random_bytes(id, sizeof id);
	buf_init(&secret, 256);
	buf_init(&hex, 256);
	buf_init(&id_text, 64);
	buf_cstr(&secret, "lf_");
	base64url_put(&secret, str_make((char *)raw, sizeof raw));
	hash_sha256(buf_view(&secret), digest);
	hex_put(&hex, str_make((char *)digest, sizeof digest));
	hex_put(&id_text, str_make((char *)id, sizeof id));
	t.secret_sha256 = buf_view(&hex);
	t.id = buf_view(&id_text);
	rc = token_put(c->api->store, &t, err);
	if (rc == RC_OK)
		rc = api_fact(c, "token.add", t.user, S(""), err);
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "id", t.id);
		jsonw_m_str(&c->out, "user", t.user);
		jsonw_m_str(&c->out, "secret", buf_view(&secret));
		if (t.expires != 0)
			jsonw_m_time(&c->out, "expires", t.expires);
		jsonw_object_end(&c->out);
	}
	secret_wipe(raw, sizeof raw);
	if (secret.p != NULL)
		secret_wipe(secret.p, secret.n);
	buf_done(&secret);
	buf_done(&hex);
	buf_done(&id_text);
	return rc;
}

static enum rc tokens_post(struct api_call *c, struct err *err)
{
	struct str user;

	TRY(api_text(c, "user", true, &user, err));
	return make_token(c, user, err);
}

/* A token would outlive the session that was left open: so the password is wanted. */
static enum rc own_tokens_post(struct api_call *c, struct err *err)
{
	bool done;

	TRY(signing_prove(c, &done, err));
	return done ? RC_OK : make_token(c, c->viewer->name, err);
}

static enum rc own_tokens_delete(struct api_call *c, struct err *err)
{
	struct token *list;
	size_t n;

	TRY(signing_is_user(c, err));
	TRY(token_list(c->api->store, c->req->arena, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].id, c->params[0]) && str_eq(list[i].user, c->viewer->name)) {
			TRY(token_delete(c->api->store, c->params[0], err));
			TRY(api_fact(c, "token.remove", c->params[0], S(""), err));
			jsonw_raw(&c->out, S("{}"));
			return RC_OK;
		}
	return FAIL(err, RC_NOTFOUND, "token %.*s: not known", STR(str_slice(c->params[0], 0, 64)));
}

static enum rc tokens_delete(struct api_call *c, struct err *err)
{
	TRY(token_delete(c->api->store, c->params[0], err));
	TRY(api_fact(c, "token.remove", c->params[0], S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

const struct api_route API_ROUTES_ACCOUNTS[] = {
	{ "GET", "/users", API_ADMIN, users_get, "All users", NULL, NULL, USERS_SCHEMA },
	{ "POST", "/users", API_ADMIN, users_post, "Add a user, or change the one of that name", NULL, USER_REQUEST, USER_SCHEMA },
	{ "GET", "/users/{name}", API_ADMIN, user_get_one, "One user", NULL, NULL, USER_SCHEMA },
	{ "DELETE", "/users/{name}", API_ADMIN, users_delete, "Remove a user", NULL, NULL, DONE_SCHEMA },
	{ "GET", "/tokens", API_ADMIN, tokens_get, "API tokens, without their secrets", NULL, NULL, TOKENS_SCHEMA },
	{ "POST", "/tokens", API_ADMIN, tokens_post, "Make a token; its secret is in this reply only", NULL, TOKEN_REQUEST, TOKEN_SCHEMA },
	{ "GET", "/session/tokens", API_READER, own_tokens_get, "One's own API tokens", NULL, NULL, TOKENS_SCHEMA },
	{ "POST", "/session/tokens", API_ANY, own_tokens_post, "Make a token of one's own; its secret is in this reply only", NULL, OWN_TOKEN_REQUEST, TOKEN_SCHEMA },
	{ "DELETE", "/session/tokens/{id}", API_ANY, own_tokens_delete, "Withdraw one of one's own tokens", NULL, NULL, DONE_SCHEMA },
	{ "DELETE", "/tokens/{id}", API_ADMIN, tokens_delete, "Withdraw a token", NULL, NULL, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
