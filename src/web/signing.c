#include "web/signing.h"

#include "base/text.h"
#include "stix/marking.h"
#include "store/accounts.h"
#include "store/sessions.h"
#include "sys/keys.h"
#include "web/auth.h"
#include "web/oidc.h"
#include "web/session.h"

#define PASSWORD_LEAST 12
#define PASSWORD_MOST 1024
#define PHRASE_LEAST 20
#define KINDS_LEAST 3
#define DIFFERENT_LEAST 5

/* A form is refused with 401, not with what the return code would give: the caller has no rights to be denied. */
enum rc signing_refuse(struct api_call *c, int status, const char *code, const char *message)
{
	api_error(c->res, status, code, message);
	return RC_OK;
}

enum rc signing_wrong(struct api_call *c)
{
	return signing_refuse(c, 401, "sign-in", "name, password or code is not right, or the account is locked");
}

enum rc signing_wait(struct api_call *c, usec wait)
{
	struct str seconds = arena_fmt(c->req->arena, "%lld", (long long)(wait / USEC_PER_SEC + 1));

	if (seconds.p != NULL)
		http_res_header(c->res, "Retry-After", seconds.p);
	return signing_refuse(c, 429, "wait", "too many refused sign-ins: wait before the next");
}

enum rc signing_is_user(const struct api_call *c, struct err *err)
{
	if (c->viewer->kind != VIEWER_USER)
		return FAIL(err, RC_DENIED, "only for a user who is signed in");
	return c->api->auth != NULL ? RC_OK : FAIL(err, RC_UNSUPPORTED, "the node does not run");
}

enum rc signing_prove(struct api_call *c, bool *ret_done, struct err *err)
{
	struct str password;
	struct viewer v = { .kind = VIEWER_ANONYMOUS, .name = S(""), .role = S(""), .org = S("") };
	usec wait = 0;
	enum rc rc;

	*ret_done = true;
	TRY(signing_is_user(c, err));
	TRY(api_text(c, "password", true, &password, err));
	rc = auth_password(c->api->auth, c->req, c->viewer->name, password, &v, &wait, err);
	if (rc == RC_BUSY && wait > 0)
		return signing_wait(c, wait);
	if (rc == RC_DENIED)
		return signing_refuse(c, 403, "denied", "the password is not right");
	*ret_done = false;
	return rc;
}

enum rc signing_tell(struct api_call *c, const struct viewer *v, struct err *err)
{
	struct factor f = { S(""), S("") };

	if (v->kind == VIEWER_USER)
		TRY(factor_get(c->api->store, v->name, c->req->arena, &f, err));
	jsonw_object(&c->out);
	jsonw_m_bool(&c->out, "signed_in", v->kind != VIEWER_ANONYMOUS);
	jsonw_m_cstr(&c->out, "node", c->api->node_name);
	jsonw_m_cstr(&c->out, "tier", c->api->tier);
	if (c->api->provider != NULL)
		jsonw_m_cstr(&c->out, "provider", oidc_name(c->api->provider));
	if (v->kind != VIEWER_ANONYMOUS) {
		jsonw_m_str(&c->out, "user", v->name);
		jsonw_m_str(&c->out, "role", v->role);
		jsonw_m_str(&c->out, "org", v->org);
		jsonw_m_cstr(&c->out, "tlp_max", tlp_name((enum tlp)v->tlp_max));
		jsonw_m_bool(&c->out, "second_factor", f.key.n > 0);
	}
	jsonw_object_end(&c->out);
	return RC_OK;
}

enum rc signing_begin(struct api_call *c, const struct viewer *v, struct err *err)
{
	/* A session that the browser had before is not taken over: the new one has a new id (no fixation). */
	struct str old;

	if (session_hash(c->req, &old))
		TRY(session_end(c->api->store, old, err));
	TRY(session_begin(c->api->store, c->req, v->name, c->res, err));
	TRY(passlink_remove(c->api->store, v->name, err));
	return signing_tell(c, v, err);
}

/* domain.md §2.9, schedule 10: length, complexity, not the last three. A long phrase is as good as a short one of many kinds. */
static enum rc check_text(struct str password, struct str user, struct err *err)
{
	bool seen[256] = { false }, lower = false, upper = false, digit = false, other = false;
	int different = 0;

	if (password.n < PASSWORD_LEAST || password.n > PASSWORD_MOST)
		return FAIL(err, RC_BAD, "/password: expected %d to %d bytes", PASSWORD_LEAST, PASSWORD_MOST);
	for (size_t i = 0; i < password.n; i++) {
		unsigned char ch = (unsigned char)password.p[i];

		different += !seen[ch];
		seen[ch] = true;
		if (ch >= 'a' && ch <= 'z')
			lower = true;
		else if (ch >= 'A' && ch <= 'Z')
			upper = true;
		else if (ch >= '0' && ch <= '9')
			digit = true;
		else
			other = true;
	}
	if (different < DIFFERENT_LEAST)
		return FAIL(err, RC_BAD, "/password: fewer than five different characters");
	if (password.n < PHRASE_LEAST && lower + upper + digit + other < KINDS_LEAST)
		return FAIL(err, RC_BAD, "/password: expected three of small letters, capitals, digits and others, or %d bytes", PHRASE_LEAST);
	if (user.n >= 4 && str_find(password, user, 0) != SIZE_MAX)
		return FAIL(err, RC_BAD, "/password: holds the user's name");
	return RC_OK;
}

enum rc signing_password(struct api_call *c, struct str password, struct str user, struct err *err)
{
	struct str past[PASSWORDS_PAST];
	struct user u;
	size_t n;
	enum rc rc;

	TRY(check_text(password, user, err));
	rc = user_get(c->api->store, user, c->req->arena, &u, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	TRY(user_passwords_past(c->api->store, user, c->req->arena, past, &n, err));
	if (u.pass_hash.n > 0 && password_verify(u.pass_hash.p, password))
		return FAIL(err, RC_BAD, "/password: is the present one");
	for (size_t i = 0; i < n; i++)
		if (password_verify(past[i].p, password))
			return FAIL(err, RC_BAD, "/password: was one of the last %d", PASSWORDS_PAST);
	return RC_OK;
}

enum rc signing_bytes(struct api_call *c, const char *name, size_t most, struct str *ret, struct err *err)
{
	struct str text;
	struct buf b;
	bool good;

	TRY(api_text(c, name, true, &text, err));
	buf_init(&b, most);
	good = base64url_get(&b, text) && b.bad == RC_OK;
	*ret = good ? arena_dup(c->req->arena, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	if (!good)
		return FAIL(err, RC_BAD, "/%s: expected at most %zu bytes as base64url", name, most);
	return ret->p != NULL ? RC_OK : FAIL(err, RC_NOMEM, "/%s: out of memory", name);
}
