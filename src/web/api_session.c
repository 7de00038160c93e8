/* Signing in and out by a form, the second factor, and links that set a password.
 *
 * A wrong name, password, code or link is answered in the same words, so that nobody
 * learns which accounts exist; that a code is wanted is said only after the password. */
#include "web/api.h"

#include <qrencode.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/text.h"
#include "store/accounts.h"
#include "sys/keys.h"
#include "sys/seal.h"
#include "sys/totp.h"
#include "web/auth.h"
#include "web/session.h"
#include "web/signing.h"

#define LINK_BYTES 24
#define RECOVERY_BYTES 10
#define SEALED "sealed:"
#define QR_WIDTH_MAX 177 /* version 40, ISO/IEC 18004 */

static const char SESSION_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"signed_in\",\"node\",\"tier\"],\"properties\":{\"signed_in\":{\"type\":\"boolean\"},"
	"\"node\":{\"type\":\"string\"},\"tier\":{\"type\":\"string\"},\"user\":{\"type\":\"string\"},\"role\":{\"type\":\"string\"},"
	"\"provider\":{\"type\":\"string\"},\"org\":{\"type\":\"string\"},\"tlp_max\":{\"type\":\"string\"},\"second_factor\":{\"type\":\"boolean\"}}}";
static const char SIGN_IN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"user\",\"password\"],\"properties\":{\"user\":{\"type\":\"string\"},\"password\":{\"type\":"
	"\"string\"},\"code\":{\"type\":\"string\",\"description\":\"six digits, or a recovery code\"},\"new_password\":{\"type\":\"string\",\"description\":"
	"\"in place of one that is too old\"}}}";
static const char SET_UP_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"token\",\"password\"],\"properties\":{\"token\":{\"type\":\"string\"},\"password\":{\"type\":"
	"\"string\"}}}";
static const char PASSWORD_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"password\",\"new_password\"],\"properties\":{\"password\":{\"type\":\"string\"},"
	"\"new_password\":{\"type\":\"string\"}}}";
static const char PROVE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"password\"],\"properties\":{\"password\":{\"type\":\"string\"}}}";
static const char CODE_REQUEST[] = "{\"type\":\"object\",\"required\":[\"code\"],\"properties\":{\"code\":{\"type\":\"string\"}}}";
static const char FACTOR_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"secret\":{\"type\":\"string\"},\"uri\":{\"type\":\"string\"},"
	"\"qr\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"the uri as a QR code: rows of 0 and 1\"}}}";
static const char CODES_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"recovery_codes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";
static const char LINK_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"token\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},\"url\":{\"type\":\"string\"},\"expires\":{\"type\":\"string\"}}}";
static const char DONE_SCHEMA[] = "{\"type\":\"object\"}";

/* --- what is in force --- */

static enum rc session_get(struct api_call *c, struct err *err)
{
	return signing_tell(c, c->viewer, err);
}

/* --- signing in --- */

/* The user's name goes into the box, so that nobody who may write records gives one user another's key. */
static struct str seal_of(struct api_call *c, struct str user, struct str raw)
{
	struct str text = { NULL, 0 };
	struct buf plain, box, hex;

	buf_init(&plain, 256);
	buf_init(&box, 512);
	buf_init(&hex, FACTOR_TEXT_MAX);
	buf_str(&plain, raw);
	buf_str(&plain, user);
	buf_cstr(&hex, SEALED);
	if (c->api->seal_pub != NULL && plain.bad == RC_OK && seal_put(&box, c->api->seal_pub, buf_view(&plain)))
		hex_put(&hex, buf_view(&box));
	if (hex.bad == RC_OK && hex.n > sizeof SEALED)
		text = arena_dup(c->req->arena, buf_view(&hex));
	if (plain.p != NULL)
		secret_wipe(plain.p, plain.n);
	buf_done(&plain);
	buf_done(&box);
	buf_done(&hex);
	return text;
}

static bool unseal(const struct api_call *c, struct str user, struct str text, struct buf *ret)
{
	struct buf box;
	bool good;

	if (!str_starts(text, S(SEALED))) /* of before they were sealed */
		return hex_get(ret, text) && ret->n == FACTOR_KEY_LEN;
	buf_init(&box, 512);
	good = c->api->seal_sec != NULL && hex_get(&box, str_slice(text, sizeof SEALED - 1, text.n)) &&
	       seal_get(ret, c->api->seal_pub, c->api->seal_sec, buf_view(&box)) && ret->bad == RC_OK && ret->n == FACTOR_KEY_LEN + user.n &&
	       str_eq(str_slice(buf_view(ret), FACTOR_KEY_LEN, ret->n), user);
	buf_done(&box);
	return good;
}

static bool key_of(const struct api_call *c, struct str user, struct str text, char out[static FACTOR_KEY_LEN], struct str *ret)
{
	struct buf b;
	bool good;

	buf_init(&b, 256);
	good = unseal(c, user, text, &b);
	if (good)
		memcpy(out, b.p, FACTOR_KEY_LEN);
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	*ret = str_make(out, FACTOR_KEY_LEN);
	return good;
}

/* A key that was written before they were sealed is, from its first use on. */
static enum rc seal_late(struct api_call *c, struct str user, struct str text, struct str raw, struct err *err)
{
	struct str sealed;

	if (str_starts(text, S(SEALED)))
		return RC_OK;
	sealed = seal_of(c, user, raw);
	return sealed.p == NULL ? RC_OK : factor_rekey(c->api->store, user, text, sealed, err);
}

/* Six digits, or one of the codes for the day the phone is lost. RC_DENIED when it is neither. */
static enum rc check_code(struct api_call *c, struct str user, struct str key_hex, struct str code, struct err *err)
{
	char raw[FACTOR_KEY_LEN];
	struct str key, hash;
	int64_t step;
	enum rc rc;

	if (code.n == TOTP_DIGITS) {
		if (!key_of(c, user, key_hex, raw, &key))
			return FAIL(err, RC_CORRUPT, "second factor: its key is not readable");
		rc = totp_check(key, code, time_now(), &step) ? factor_use(c->api->store, user, step, err) : RC_DENIED;
		if (rc == RC_OK)
			rc = seal_late(c, user, key_hex, key, err);
		secret_wipe(raw, sizeof raw);
		return rc == RC_CONFLICT ? RC_DENIED : rc;
	}
	hash = secret_hash(c->req->arena, code);
	if (hash.p == NULL)
		return FAIL(err, RC_NOMEM, "second factor: out of memory");
	rc = factor_recover(c->api->store, user, hash, err);
	if (rc == RC_OK)
		return api_fact(c, "user.recovery-code", user, S(""), err);
	return rc == RC_NOTFOUND ? RC_DENIED : rc;
}

static enum rc set_own(struct api_call *c, struct user *u, struct str password, struct err *err)
{
	char hash[PASSWORD_HASH_MAX];
	struct str here = S("");

	TRY(signing_password(c, password, u->name, err));
	TRY(password_hash(password, hash, err));
	u->pass_hash = str_of(hash);
	TRY(user_put(c->api->store, u, err));
	(void)session_hash(c->req, &here);
	TRY(sessions_end_of(c->api->store, u->name, here, err));
	return api_fact(c, "user.password", u->name, S(""), err);
}

/* Who proved the old password at this sign-in sets the next: the fact names them, though no session is there yet. */
static enum rc renew(struct api_call *c, struct user *u, struct str password, struct err *err)
{
	const struct viewer *was = c->viewer;
	struct viewer v;
	enum rc rc;

	auth_viewer_of(u, &v);
	c->viewer = &v;
	rc = set_own(c, u, password, err);
	c->viewer = was;
	return rc;
}

static enum rc session_post(struct api_call *c, struct err *err)
{
	struct str user, password, code, next;
	struct factor f;
	struct user u;
	bool old;
	struct viewer v = { .kind = VIEWER_ANONYMOUS, .name = S(""), .role = S(""), .org = S("") };
	usec wait = 0;
	enum rc rc;

	TRY(api_text(c, "user", true, &user, err));
	TRY(api_text(c, "password", true, &password, err));
	TRY(api_text(c, "code", false, &code, err));
	TRY(api_text(c, "new_password", false, &next, err));
	if (c->api->auth == NULL)
		return FAIL(err, RC_UNSUPPORTED, "the node does not run");
	rc = auth_password(c->api->auth, c->req, user, password, &v, &wait, err);
	if (rc == RC_BUSY && wait > 0)
		return signing_wait(c, wait);
	if (rc == RC_DENIED)
		return signing_wrong(c);
	TRY(rc);
	TRY(user_get(c->api->store, v.name, c->req->arena, &u, err));
	old = auth_password_is_old(c->api->auth, &u);
	TRY(factor_get(c->api->store, v.name, c->req->arena, &f, err));
	if (old && next.p == NULL)
		return signing_refuse(c, 401, "password-old", "the password is too old: give a new_password with it");
	if (old)
		TRY(signing_password(c, next, v.name, err));
	if (f.key.n > 0 && code.n == 0)
		return signing_refuse(c, 401, "code", "a code of the second factor is wanted");
	rc = f.key.n == 0 ? RC_OK : check_code(c, v.name, f.key, code, err);
	if (rc == RC_DENIED) {
		auth_attempt(c->api->auth, c->req, v.name, false);
		return signing_wrong(c);
	}
	TRY(rc);
	auth_attempt(c->api->auth, c->req, v.name, true);
	if (old)
		TRY(renew(c, &u, next, err));
	return signing_begin(c, &v, err);
}

static enum rc session_delete(struct api_call *c, struct err *err)
{
	TRY(session_finish(c->api->store, c->req, c->res, err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

/* --- passwords --- */

static enum rc password_post(struct api_call *c, struct err *err)
{
	struct str password;
	struct user u;
	bool done;

	TRY(signing_prove(c, &done, err));
	if (done)
		return RC_OK;
	TRY(api_text(c, "new_password", true, &password, err));
	TRY(user_get(c->api->store, c->viewer->name, c->req->arena, &u, err));
	if (u.pass_at > 0 && time_now() - u.pass_at < c->api->password_least)
		return FAIL(err, RC_DENIED, "/new_password: the present one is too new to be changed");
	TRY(set_own(c, &u, password, err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc set_up_post(struct api_call *c, struct err *err)
{
	char pass_hash[PASSWORD_HASH_MAX];
	struct str token, password, hash, name;
	struct user u;
	enum rc rc;

	TRY(api_text(c, "token", true, &token, err));
	TRY(api_text(c, "password", true, &password, err));
	hash = secret_hash(c->req->arena, token);
	if (hash.p == NULL)
		return FAIL(err, RC_NOMEM, "link: out of memory");
	rc = passlink_find(c->api->store, hash, time_now(), c->req->arena, &name, err);
	if (rc == RC_NOTFOUND)
		return signing_refuse(c, 401, "link", "this link is not known, was used, or is older than a day");
	TRY(rc);
	TRY(signing_password(c, password, name, err));
	TRY(user_get(c->api->store, name, c->req->arena, &u, err));
	if (!user_is_open(&u, time_now()))
		return FAIL(err, RC_DENIED, "the account is disabled");
	TRY(password_hash(password, pass_hash, err));
	rc = passlink_use(c->api->store, hash, time_now(), str_of(pass_hash), err);
	if (rc == RC_NOTFOUND)
		return signing_refuse(c, 401, "link", "this link was used");
	TRY(rc);
	TRY(api_fact(c, "user.set-up", name, S(""), err));
	/* The link proves who it is but not that the second factor is at hand: then the form asks for it. */
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "user", name);
	jsonw_object_end(&c->out);
	return RC_OK;
}

enum rc api_link_make(struct store *s, struct arena *a, struct str user, bool first, struct str *ret_token, usec *ret_expires, struct err *err)
{
	unsigned char raw[LINK_BYTES];
	struct str hash;
	struct buf token;
	enum rc rc;

	random_bytes(raw, sizeof raw);
	buf_init(&token, 64);
	base64url_put(&token, str_make((const char *)raw, sizeof raw));
	*ret_token = token.bad == RC_OK ? arena_dup(a, buf_view(&token)) : (struct str){ NULL, 0 };
	*ret_expires = time_now() + LINK_SPAN;
	hash = ret_token->p == NULL ? (struct str){ NULL, 0 } : secret_hash(a, *ret_token);
	rc = hash.p == NULL ? FAIL(err, RC_NOMEM, "link: out of memory") : passlink_put(s, user, hash, *ret_expires, first, err);
	secret_wipe(raw, sizeof raw);
	if (token.p != NULL)
		secret_wipe(token.p, token.n);
	buf_done(&token);
	return rc;
}

static enum rc link_post(struct api_call *c, struct err *err)
{
	const char *url = atomic_load(&c->api->url);
	struct str token, path;
	struct user u;
	usec expires;

	TRY(user_get(c->api->store, c->params[0], c->req->arena, &u, err));
	TRY(api_link_make(c->api->store, c->req->arena, u.name, false, &token, &expires, err));
	TRY(api_fact(c, "user.link", u.name, S(""), err));
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "token", token);
	path = arena_fmt(c->req->arena, "/console/set-up#%.*s", STR(token));
	jsonw_m_str(&c->out, "path", path);
	jsonw_m_str(&c->out, "url", arena_fmt(c->req->arena, "%s%.*s", url == NULL ? "" : url, STR(path)));
	jsonw_m_time(&c->out, "expires", expires);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- the second factor --- */

/* The same as a picture: rows of modules, dark ones "1"; without the quiet zone of four modules around it. A failure leaves the key
 * that can be typed. */
static void write_qr(struct api_call *c, struct str uri)
{
	struct str text = arena_dup(c->req->arena, uri);
	QRcode *qr = text.p == NULL ? NULL : QRcode_encodeString8bit(text.p, 0, QR_ECLEVEL_M);

	jsonw_name(&c->out, "qr");
	jsonw_array(&c->out);
	for (int y = 0; qr != NULL && y < qr->width; y++) {
		char row[QR_WIDTH_MAX];

		for (int x = 0; x < qr->width && x < QR_WIDTH_MAX; x++)
			row[x] = (qr->data[y * qr->width + x] & 1) != 0 ? '1' : '0';
		jsonw_str(&c->out, str_make(row, (size_t)qr->width));
	}
	jsonw_array_end(&c->out);
	if (qr != NULL)
		secret_wipe(qr->data, (size_t)qr->width * (size_t)qr->width);
	QRcode_free(qr);
}

/* otpauth://totp/ISSUER:USER?secret=..&issuer=..: what authenticator apps take from a QR code. */
static void write_uri(struct api_call *c, struct str user, struct str secret)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_cstr(&b, "otpauth://totp/");
	percent_put(&b, str_of(c->api->node_name));
	buf_cstr(&b, ":");
	percent_put(&b, user);
	buf_fmt(&b, "?secret=%.*s&issuer=", STR(secret));
	percent_put(&b, str_of(c->api->node_name));
	jsonw_m_str(&c->out, "uri", buf_view(&b));
	write_qr(c, buf_view(&b));
	buf_done(&b);
}

static enum rc factor_post(struct api_call *c, struct err *err)
{
	unsigned char raw[FACTOR_KEY_LEN];
	struct str sealed;
	struct buf secret;
	struct factor f;
	bool done;
	enum rc rc;

	TRY(signing_prove(c, &done, err));
	if (done)
		return RC_OK;
	TRY(factor_get(c->api->store, c->viewer->name, c->req->arena, &f, err));
	if (f.key.n > 0)
		return FAIL(err, RC_CONFLICT, "there is a second factor; remove it first");
	random_bytes(raw, sizeof raw);
	buf_init(&secret, 64);
	sealed = seal_of(c, c->viewer->name, str_make((const char *)raw, sizeof raw));
	base32_put(&secret, str_make((const char *)raw, sizeof raw));
	rc = sealed.p != NULL && secret.bad == RC_OK ? factor_propose(c->api->store, c->viewer->name, sealed, err)
						     : FAIL(err, RC_NOMEM, "second factor: out of memory");
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "secret", buf_view(&secret));
		write_uri(c, c->viewer->name, buf_view(&secret));
		jsonw_object_end(&c->out);
	}
	secret_wipe(raw, sizeof raw);
	if (secret.p != NULL)
		secret_wipe(secret.p, secret.n);
	buf_done(&secret);
	return rc;
}

/* Ten codes of 80 bits, as base32 in groups of four: "ABCD-EFGH-…". */
static enum rc draw_codes(struct arena *a, struct str codes[static RECOVERY_CODES], struct str hashes[static RECOVERY_CODES], struct err *err)
{
	for (size_t i = 0; i < RECOVERY_CODES; i++) {
		unsigned char raw[RECOVERY_BYTES];
		struct buf b;

		random_bytes(raw, sizeof raw);
		buf_init(&b, 64);
		base32_put(&b, str_make((const char *)raw, sizeof raw));
		codes[i] = b.bad == RC_OK ? arena_fmt(a, "%.4s-%.4s-%.4s-%.4s", b.p, b.p + 4, b.p + 8, b.p + 12) : (struct str){ NULL, 0 };
		buf_done(&b);
		hashes[i] = codes[i].p == NULL ? codes[i] : secret_hash(a, codes[i]);
		if (hashes[i].p == NULL)
			return FAIL(err, RC_NOMEM, "recovery codes: out of memory");
	}
	return RC_OK;
}

static enum rc factor_confirm_post(struct api_call *c, struct err *err)
{
	struct str code, key, codes[RECOVERY_CODES], hashes[RECOVERY_CODES];
	char raw[FACTOR_KEY_LEN];
	struct factor f;
	int64_t step;
	bool good;

	TRY(signing_is_user(c, err));
	TRY(api_text(c, "code", true, &code, err));
	TRY(factor_get(c->api->store, c->viewer->name, c->req->arena, &f, err));
	good = f.proposed.n > 0 && key_of(c, c->viewer->name, f.proposed, raw, &key) && totp_check(key, code, time_now(), &step);
	secret_wipe(raw, sizeof raw);
	if (!good)
		return FAIL(err, RC_BAD, "/code: is not the one that the app shows now");
	TRY(draw_codes(c->req->arena, codes, hashes, err));
	TRY(factor_confirm(c->api->store, c->viewer->name, step, hashes, RECOVERY_CODES, err));
	TRY(api_fact(c, "user.second-factor", c->viewer->name, S(""), err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "recovery_codes");
	jsonw_array(&c->out);
	for (size_t i = 0; i < RECOVERY_CODES; i++)
		jsonw_str(&c->out, codes[i]);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc drop_factor(struct api_call *c, struct str user, struct err *err)
{
	TRY(factor_remove(c->api->store, user, err));
	TRY(api_fact(c, "user.second-factor-removed", user, S(""), err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc factor_remove_post(struct api_call *c, struct err *err)
{
	bool done;

	TRY(signing_prove(c, &done, err));
	return done ? RC_OK : drop_factor(c, c->viewer->name, err);
}

static enum rc user_factor_delete(struct api_call *c, struct err *err)
{
	struct user u;

	TRY(user_get(c->api->store, c->params[0], c->req->arena, &u, err));
	return drop_factor(c, u.name, err);
}

const struct api_route API_ROUTES_SESSION[] = {
	{ "GET", "/session", API_ANY, session_get, "Who is signed in, and at which node", NULL, NULL, SESSION_SCHEMA },
	{ "POST", "/session", API_ANY, session_post, "Sign in by password (and code): the reply sets a cookie", NULL, SIGN_IN_REQUEST, SESSION_SCHEMA },
	{ "DELETE", "/session", API_ANY, session_delete, "Sign out", NULL, NULL, DONE_SCHEMA },
	{ "POST", "/session/set-up", API_ANY, set_up_post, "Set a password by a link, once", NULL, SET_UP_REQUEST, DONE_SCHEMA },
	{ "POST", "/session/password", API_ANY, password_post, "Change one's own password; other sessions end", NULL, PASSWORD_REQUEST, DONE_SCHEMA },
	{ "POST", "/session/factor", API_ANY, factor_post, "Begin a second factor (RFC 6238): its key, for an app", NULL, PROVE_REQUEST, FACTOR_SCHEMA },
	{ "POST", "/session/factor/confirm", API_ANY, factor_confirm_post, "Confirm it by a code; recovery codes are in this reply only", NULL,
	  CODE_REQUEST, CODES_SCHEMA },
	{ "POST", "/session/factor/remove", API_ANY, factor_remove_post, "Remove one's own second factor", NULL, PROVE_REQUEST, DONE_SCHEMA },
	{ "POST", "/users/{name}/link", API_ADMIN, link_post, "A link by which the user sets a password: once, within a day", NULL, NULL, LINK_SCHEMA },
	{ "DELETE", "/users/{name}/factor", API_ADMIN, user_factor_delete, "Remove a user's second factor (the phone is lost)", NULL, NULL, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
