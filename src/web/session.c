#include "web/session.h"

#include "base/hash.h"
#include "base/text.h"
#include "sys/keys.h"

#define ID_BYTES 32
#define ID_TEXT 43 /* of base64url */

struct str secret_hash(struct arena *a, struct str secret)
{
	unsigned char sum[SHA256_LEN];
	struct buf hex;
	struct str text = { NULL, 0 };

	hash_sha256(secret, sum);
	buf_init(&hex, 2 * SHA256_LEN);
	hex_put(&hex, str_make((const char *)sum, sizeof sum));
	if (hex.bad == RC_OK)
		text = arena_dup(a, buf_view(&hex));
	buf_done(&hex);
	return text;
}

bool session_cookie(const struct http_req *r, struct str name, struct str *ret)
{
	struct str rest = http_header(r, "Cookie"), one;
	int found = 0;

	if (http_header_count(r, "Cookie") != 1)
		return false;
	while (str_next(&rest, ';', &one)) {
		one = str_trim(one);
		if (!str_starts(one, name) || one.n == name.n || one.p[name.n] != '=')
			continue;
		*ret = str_slice(one, name.n + 1, one.n);
		found++;
	}
	return found == 1 && ret->n == ID_TEXT;
}

bool session_hash(const struct http_req *r, struct str *ret)
{
	struct str value;

	if (!session_cookie(r, S(SESSION_COOKIE), &value))
		return false;
	*ret = secret_hash(r->arena, value);
	return ret->p != NULL;
}

enum rc session_begin(struct store *s, struct http_req *r, struct str user, struct http_res *res, struct err *err)
{
	struct session x = { .user = user, .from = str_of(r->peer.addr), .created = time_now() };
	unsigned char raw[ID_BYTES];
	struct str line;
	struct buf id;
	enum rc rc = RC_OK;

	x.seen = x.created;
	random_bytes(raw, sizeof raw);
	buf_init(&id, ID_TEXT);
	base64url_put(&id, str_make((const char *)raw, sizeof raw));
	x.hash = secret_hash(r->arena, buf_view(&id));
	line = arena_fmt(r->arena, SESSION_COOKIE "=%.*s; Path=/; Secure; HttpOnly; SameSite=Strict", STR(buf_view(&id)));
	if (id.bad != RC_OK || x.hash.p == NULL || line.p == NULL)
		rc = FAIL(err, RC_NOMEM, "session: out of memory");
	if (rc == RC_OK)
		rc = session_add(s, &x, err);
	if (rc == RC_OK)
		http_res_header(res, "Set-Cookie", line.p);
	secret_wipe(raw, sizeof raw);
	buf_done(&id);
	return rc;
}

enum rc session_finish(struct store *s, struct http_req *r, struct http_res *res, struct err *err)
{
	struct str hash;

	http_res_header(res, "Set-Cookie", SESSION_COOKIE "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
	return session_hash(r, &hash) ? session_end(s, hash, err) : RC_OK;
}

bool request_is_foreign(const struct http_req *r)
{
	struct str site = http_header(r, "Sec-Fetch-Site"), origin = http_header(r, "Origin"), host = http_header(r, "Host");
	size_t at;

	if (site.p != NULL)
		return !str_eq(site, S("same-origin")) && !str_eq(site, S("none"));
	if (origin.p == NULL)
		return false;
	at = str_find(origin, S("://"), 0);
	return at == SIZE_MAX || !str_eq_nocase(str_slice(origin, at + 3, origin.n), host);
}

bool request_is_console(const struct http_req *r)
{
	return http_header_count(r, CONSOLE_HEADER) == 1;
}
