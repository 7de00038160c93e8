/* libmicrohttpd 0.9.75 lets through, even when told to be strict: Content-Length beside
 * Transfer-Encoding, two different lengths, "Host : a", folded lines (whose second half it
 * drops), lines without a name (which it drops), and NULs (behind which it sees nothing).
 * Each of them is a way to make a proxy in front and this server disagree on what a request
 * says or where it ends. So every head is judged here again from the library's parsed lines;
 * what those cannot show is found by accounting for every byte of the head in memory.
 * tests/sys/test_http_gate.c and test_http_probe.c hold the probes. */
#include "sys/http_gate.h"


/* RFC 9110 §5.6.2 */
static bool is_tchar(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* RFC 9110 §5.5: visible characters, obs-text, space and tab. */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* RFC 3986 knows printable ASCII only; a fragment never travels. */
static bool is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '#')
			return false;
	}
	return s.n > 0;
}

/* reg-name, address literals and a port; user information has no place here (RFC 9110 §4.2.4). */
static bool is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || strchr("\"#/<>?@\\^`{|}", c) != NULL)
			return false;
	}
	return s.n > 0;
}

static struct str only_value(const struct http_head *h, const char *name, size_t *ret_count)
{
	struct str found = { NULL, 0 }, want = str_of(name);

	*ret_count = 0;
	for (size_t i = 0; i < h->n_headers; i++) {
		if (!str_eq_nocase(h->headers[i].name, want))
			continue;
		if ((*ret_count)++ == 0)
			found = h->headers[i].value;
	}
	return found;
}

static int refuse(const char **ret_why, int status, const char *why)
{
	*ret_why = why;
	return status;
}

static int judge_line(const struct http_head *h, const char **ret_why)
{
	struct str path, query;

	if (!is_token(h->method))
		return refuse(ret_why, 400, "the method is not a token");
	if (!str_eq(h->version, S("HTTP/1.1")) && !str_eq(h->version, S("HTTP/1.0")))
		return refuse(ret_why, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (!is_target(h->target) || !http_gate_target(h->target, &path, &query))
		return refuse(ret_why, 400, "the request target is malformed");
	return 0;
}

/* Where does the body end? Exactly one answer, or none (RFC 9112 §6.3, §11.2). */
static int judge_framing(const struct http_head *h, const char **ret_why)
{
	size_t lengths, codings;
	struct str length = only_value(h, "content-length", &lengths);
	struct str coding = only_value(h, "transfer-encoding", &codings);

	if (lengths > 1)
		return refuse(ret_why, 400, "more than one Content-Length");
	if (codings > 1)
		return refuse(ret_why, 400, "more than one Transfer-Encoding");
	if (lengths == 1 && codings == 1)
		return refuse(ret_why, 400, "both Content-Length and Transfer-Encoding");
	if (lengths == 1 && !is_digits(str_trim(length)))
		return refuse(ret_why, 400, "malformed Content-Length");
	if (codings == 1 && !str_eq_nocase(str_trim(coding), S("chunked")))
		return refuse(ret_why, 400, "a Transfer-Encoding other than chunked");
	if (codings == 1 && !str_eq(h->version, S("HTTP/1.1")))
		return refuse(ret_why, 400, "Transfer-Encoding with HTTP/1.0");
	return 0;
}

static int judge_host(const struct http_head *h, const char **ret_why)
{
	size_t hosts;
	struct str host = str_trim(only_value(h, "host", &hosts));

	if (hosts > 1)
		return refuse(ret_why, 400, "more than one Host");
	if (hosts == 0 && str_eq(h->version, S("HTTP/1.1")))
		return refuse(ret_why, 400, "HTTP/1.1 without Host");
	if (hosts == 1 && !is_host(host))
		return refuse(ret_why, 400, "malformed Host");
	return 0;
}

int http_gate(const struct http_head *h, const char **ret_why)
{
	int status = judge_line(h, ret_why);

	if (status != 0)
		return status;
	if (h->n_headers > HTTP_HEADERS_MAX)
		return refuse(ret_why, 431, "too many header lines");
	for (size_t i = 0; i < h->n_headers; i++) {
		if (!is_token(h->headers[i].name))
			return refuse(ret_why, 400, "a header name is not a token");
		if (!is_value(h->headers[i].value))
			return refuse(ret_why, 400, "a control character in a header value");
	}
	status = judge_framing(h, ret_why);
	return status != 0 ? status : judge_host(h, ret_why);
}

/* Moves `*at` over `n` NULs, which were delimiters. */
static bool skip_nuls(const char **at, const char *end, int n)
{
	for (; n > 0; n--, ++*at)
		if (*at >= end || **at != '\0')
			return false;
	return true;
}

static bool skip_piece(const char **at, const char *end, struct str piece)
{
	if (piece.p != *at || piece.n > (size_t)(end - *at))
		return false;
	*at += piece.n;
	return true;
}

static bool skip_header(const char **at, const char *end, const struct http_header_line *h)
{
	if (!skip_piece(at, end, h->name) || !skip_nuls(at, end, 1))
		return false;
	while (*at < end && *at < h->value.p && (**at == ' ' || **at == '\t'))
		++*at;
	return skip_piece(at, end, h->value) && skip_nuls(at, end, 2);
}

bool http_gate_whole(const char *begin, size_t size, const struct http_head *h)
{
	const char *at = begin, *end = begin + size;

	if (!skip_piece(&at, end, h->method) || !skip_nuls(&at, end, 1))
		return false;
	/* The target itself was taken apart in place: only its length still says something. */
	if (h->target.n > (size_t)(end - at))
		return false;
	at += h->target.n;
	if (!skip_nuls(&at, end, 1) || !skip_piece(&at, end, h->version) || !skip_nuls(&at, end, 2))
		return false;
	for (size_t i = 0; i < h->n_headers; i++)
		if (!skip_header(&at, end, &h->headers[i]))
			return false;
	return skip_nuls(&at, end, 2) && at == end;
}

/* Behind "http://host" only; other schemes would make us a proxy. */
static bool skip_authority(struct str *target)
{
	size_t slash;
	struct str rest;

	if (target->n >= 7 && str_eq_nocase(str_slice(*target, 0, 7), S("http://")))
		rest = str_slice(*target, 7, target->n);
	else if (target->n >= 8 && str_eq_nocase(str_slice(*target, 0, 8), S("https://")))
		rest = str_slice(*target, 8, target->n);
	else
		return false;
	for (slash = 0; slash < rest.n && rest.p[slash] != '/'; slash++)
		if (rest.p[slash] == '?')
			return false;
	if (slash == 0 || slash == rest.n)
		return false;
	*target = str_slice(rest, slash, rest.n);
	return true;
}

bool http_gate_target(struct str target, struct str *ret_path, struct str *ret_query)
{
	const char *mark;

	if (target.n == 0 || (target.p[0] != '/' && !skip_authority(&target)))
		return false;
	mark = memchr(target.p, '?', target.n);
	if (mark == NULL) {
		*ret_path = target;
		*ret_query = S("");
		return true;
	}
	*ret_path = str_make(target.p, (size_t)(mark - target.p));
	*ret_query = str_make(mark + 1, target.n - ret_path->n - 1);
	return true;
}

uint64_t http_gate_length(const struct http_head *h)
{
	size_t count;
	struct str text = str_trim(only_value(h, "content-length", &count));
	uint64_t n;

	if (count == 0)
		return 0;
	return str_to_u64(text, &n) ? n : UINT64_MAX;
}
