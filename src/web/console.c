#include "web/console.h"

#include "base/embedded.h"
#include "base/hash.h"
#include "base/text.h"

#define PAGE "index.html"
#define ASSETS "/console/assets/"
#define ETAG_BYTES 12

/* Scripts and styles are the program's own files, all of them: no inline script or style, no eval, no other host, no frame,
 * and no text becomes markup (Trusted Types without a policy). */
#define POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

/* First segment of a link below /console/; the console's script tells the views apart by the same names. */
static const char *const views[] = {
	"today",
	"boards",
	"wall",
	"incidents",
	"tickets",
	"alerts",
	"events",
	"rules",
	"intelligence",
	"lab",
	"members",
	"account",
	"users",
	"settings",
	"audit",
	"sign-in",
	"set-up",
	NULL,
};

static const struct { const char *end, *type; } types[] = {
	{ ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },   { ".svg", "image/svg+xml" },
};

bool console_has(struct str path)
{
	return str_eq(path, S("/")) || str_eq(path, S("/console")) || str_starts(path, S("/console/"));
}

static bool is_view(struct str path)
{
	struct str rest, first;

	if (str_eq(path, S("/")) || str_eq(path, S("/console")) || str_eq(path, S("/console/")))
		return true;
	rest = str_slice(path, sizeof "/console/" - 1, path.n);
	if (!str_next(&rest, '/', &first))
		return false;
	for (size_t i = 0; views[i] != NULL; i++)
		if (str_eq(first, str_of(views[i])))
			return true;
	return false;
}

static const struct embedded *file_of(struct str name, const char *end)
{
	for (const struct embedded *f = console_files; f->name != NULL; f++) {
		struct str have = str_of(f->name);

		if (have.n == name.n + strlen(end) && str_starts(have, name) && str_ends(have, str_of(end)))
			return f;
	}
	return NULL;
}

/* "br" among what the client takes (RFC 9110 §12.5.3); with ";q=0" it does not. */
static bool takes_brotli(const struct http_req *r)
{
	struct str rest = http_header(r, "Accept-Encoding"), one;

	while (rest.p != NULL && str_next(&rest, ',', &one)) {
		struct str coding;

		one = str_trim(one);
		if (str_next(&one, ';', &coding) && str_eq_nocase(str_trim(coding), S("br")))
			return !str_eq(str_trim(one), S("q=0"));
	}
	return false;
}

static void guard(struct http_res *res)
{
	http_res_header(res, "Content-Security-Policy", POLICY);
	http_res_header(res, "X-Content-Type-Options", "nosniff");
	http_res_header(res, "Referrer-Policy", "no-referrer");
	http_res_header(res, "Cross-Origin-Opener-Policy", "same-origin");
	http_res_header(res, "Cross-Origin-Resource-Policy", "same-origin");
	http_res_header(res, "Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
}

static void refuse(struct http_res *res, int status, const char *text)
{
	res->status = status;
	res->content_type = "text/plain; charset=utf-8";
	buf_cstr(&res->body, text);
	http_res_header(res, "Cache-Control", "no-store");
}

/* Of the bytes that are sent: the plain and the packed form have each their own (RFC 9110 §8.8.3.3). */
static const char *etag_of(const struct http_req *r, const struct embedded *f)
{
	unsigned char sum[SHA256_LEN];
	struct str text;
	struct buf hex;

	hash_sha256(str_make(f->text, f->n), sum);
	buf_init(&hex, 64);
	hex_put(&hex, str_make((const char *)sum, ETAG_BYTES));
	text = arena_fmt(r->arena, "\"%.*s\"", STR(buf_view(&hex)));
	buf_done(&hex);
	return text.p;
}

static bool matches(const struct http_req *r, const char *etag)
{
	struct str rest = http_header(r, "If-None-Match"), one;

	while (rest.p != NULL && str_next(&rest, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, S("W/")))
			one = str_slice(one, 2, one.n);
		if (str_eq(one, str_of(etag)))
			return true;
	}
	return false;
}

static void give(const struct http_req *r, struct str name, bool for_ever, struct http_res *res)
{
	const struct embedded *f = takes_brotli(r) ? file_of(name, ".br") : NULL;
	const char *etag;

	if (f != NULL)
		http_res_header(res, "Content-Encoding", "br");
	else
		f = file_of(name, "");
	etag = f == NULL ? NULL : etag_of(r, f);
	if (etag == NULL) {
		refuse(res, f == NULL ? 404 : 503, f == NULL ? "no such file\n" : "no memory\n");
		return;
	}
	for (size_t i = 0; i < COUNTOF(types); i++)
		if (str_ends(name, str_of(types[i].end)))
			res->content_type = types[i].type;
	http_res_header(res, "ETag", etag);
	http_res_header(res, "Vary", "Accept-Encoding");
	http_res_header(res, "Cache-Control", for_ever ? "public, max-age=31536000, immutable" : "no-cache");
	if (matches(r, etag))
		res->status = 304;
	else
		buf_str(&res->body, str_make(f->text, f->n));
}

void console_handle(const struct http_req *r, struct http_res *res)
{
	struct str name;

	guard(res);
	if (!str_eq(r->method, S("GET")) && !str_eq(r->method, S("HEAD"))) {
		refuse(res, 405, "only GET and HEAD\n");
		http_res_header(res, "Allow", "GET, HEAD");
	} else if (str_starts(r->path, S(ASSETS))) {
		name = str_slice(r->path, sizeof ASSETS - 1, r->path.n);
		/* Packed forms have no address of their own. */
		if (str_ends(name, S(".br")) || str_eq(name, S(PAGE)))
			refuse(res, 404, "no such file\n");
		else
			give(r, name, str_find(name, S("-"), 0) != SIZE_MAX, res);
	} else if (is_view(r->path)) {
		give(r, S(PAGE), false, res);
	} else {
		refuse(res, 404, "no such view\n");
	}
}
