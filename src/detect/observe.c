/* Log formats differ in names, not in what an address or a hash looks like. So
 * nothing here knows Suricata from Zeek from Sysmon, except where one value is
 * spread over two members (host and path of a request) or several stand in one
 * ("SHA1=...,MD5=..."). A value typed wrongly ("cmd.exe" as a domain) costs one
 * look-up and hits nothing, because look-ups are exact. */
#include "detect/observe.h"

#include "base/ascii.h"
#include "base/text.h"
#include "detect/glance.h"
#include "model/observable.h"

#define TOKENS_MAX 4096    /* of one string that are tried */
#define URL_BYTES_MAX ((size_t)256 << 10) /* of URLs in one string that hold what splits */
#define PATH_MAX_BYTES 512 /* dotted path of a field */

/* Finds the observables of strings. */
struct typer {
	observe_fn fn;
	void *ctx;
	struct buf *normal; /* scratch */
	bool cut;
};

struct walk {
	struct arena *a;
	struct event_view *out;
	struct buf path;
	struct typer typer;
	size_t holder;     /* length of the string that is looked at */
	size_t *holders;   /* of each observable, that of the string it was found in */
	enum rc rc;
};

/* "DestinationIp" says more than a "Message" that repeats the whole event: the shorter string names the field. */
static void name_better_field(struct walk *w, size_t i)
{
	struct str field;

	if (w->holder >= w->holders[i])
		return;
	field = arena_dup(w->a, buf_view(&w->path));
	if (field.p == NULL) {
		w->rc = RC_NOMEM;
		return;
	}
	w->out->list[i].field = field;
	w->holders[i] = w->holder;
}

static void add(void *ctx, enum observable_kind kind, struct str value)
{
	struct walk *w = ctx;
	struct observable *o;

	if (w->out->n == EVENT_OBSERVABLES_MAX) {
		w->out->cut = true;
		return;
	}
	for (size_t i = 0; i < w->out->n; i++)
		if (w->out->list[i].kind == kind && str_eq(w->out->list[i].value, value)) {
			name_better_field(w, i);
			return;
		}
	o = &w->out->list[w->out->n];
	o->kind = kind;
	o->value = arena_dup(w->a, value);
	o->field = arena_dup(w->a, buf_view(&w->path));
	w->holders[w->out->n] = w->holder;
	if (o->value.p == NULL || o->field.p == NULL)
		w->rc = RC_NOMEM;
	else
		w->out->n++;
}

static bool hash_length(size_t n)
{
	return n == 32 || n == 40 || n == 64 || n == 128;
}

/* "05:00:01.967": in every text of an event, and neither an address nor a name. */
static bool is_clock(struct str s)
{
	if (s.n < 8 || s.n > 16 || s.p[2] != ':' || s.p[5] != ':' || (s.n > 8 && s.p[8] != '.'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (i != 2 && i != 5 && i != 8 && !ascii_digit(s.p[i]))
			return false;
	return true;
}

/* Could it be one at all? Everything we know has a dot, a colon, an at sign, or is hexadecimal of a hash's length. */
enum { MARK = 1, SLASH = 2, BACKSLASH = 4 };
static const uint8_t held[256] = { ['.'] = MARK, [':'] = MARK, ['/'] = SLASH, ['\\'] = BACKSLASH };

static bool worth_typing(struct str s)
{
	unsigned seen = 0;

	if (s.n < GLANCE_LEAST || s.n > VALUE_MAX)
		return false;
	if (hash_length(s.n))
		return true;
	if (is_clock(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		seen |= held[(unsigned char)s.p[i]];
	/* Paths of Windows, names with their domain: of what we know only a URL may hold a backslash. */
	return (seen & MARK) != 0 && (seen & (BACKSLASH | SLASH)) != BACKSLASH;
}

static bool try_type(struct typer *t, struct str s)
{
	const struct str mapped = S("::ffff:");
	enum observable_kind kind;
	unsigned char address[4];
	struct str value;

	if (value_ipv4(s, address)) { /* most of what logs hold, and in its normal form as it stands */
		t->fn(t->ctx, OBS_IPV4, s);
		return true;
	}
	if (!worth_typing(s))
		return false;
	buf_clear(t->normal);
	if (value_detect(s, &kind, t->normal, NULL) != RC_OK)
		return false;
	value = buf_view(t->normal);
	/* What a dual-stack socket calls an IPv4 peer (RFC 4291 §2.5.5.2); inet_ntop writes it with dots. */
	if (kind == OBS_IPV6 && str_starts(value, mapped) && memchr(value.p, '.', value.n) != NULL) {
		kind = OBS_IPV4;
		value = str_slice(value, mapped.n, value.n);
	}
	t->fn(t->ctx, kind, value);
	return true;
}

/* "198.51.100.7:443" and "[2001:db8::1]:443" */
static struct str without_port(struct str s)
{
	size_t i = s.n;

	while (i > 0 && s.p[i - 1] >= '0' && s.p[i - 1] <= '9')
		i--;
	if (i == s.n || i < 2 || s.p[i - 1] != ':')
		return s;
	if (s.p[0] == '[' && s.p[i - 2] == ']')
		return str_slice(s, 1, i - 2);
	return memchr(s.p, ':', i - 1) == NULL ? str_slice(s, 0, i - 1) : s;
}

/* Ends a URL also where "," and "=" do not: RFC 3986 §2 has no blanks, quotes, <>, {}, | or `. */
static size_t url_end(struct str s, size_t at)
{
	while (at < s.n && (s.p[at] == ',' || s.p[at] == ';' || s.p[at] == '=' || s.p[at] == '(' || s.p[at] == ')' || !glance_splits(s.p[at])))
		at++;
	return at;
}

static void try_token(struct typer *t, struct str token)
{
	while (token.n > 0 && (token.p[token.n - 1] == '.' || token.p[token.n - 1] == ':'))
		token.n--;
	if (!try_type(t, token)) {
		struct str bare = without_port(token);

		if (bare.n != token.n)
			(void)try_type(t, bare);
	}
}

/* "://", in a token that has a colon. */
static bool has_scheme(struct str s)
{
	const char *end = s.p + s.n, *colon = s.p;

	while ((colon = memchr(colon, ':', (size_t)(end - colon))) != NULL) {
		colon++;
		if (end - colon >= 2 && colon[0] == '/' && colon[1] == '/')
			return true;
	}
	return false;
}

/* What is known of the token under way from the blocks before, and of the string so far. */
struct token {
	size_t from, tried;
	bool marked, colon;
	size_t url_end;   /* where a URL that begins before it would end: looked for once, however many begin */
	size_t url_bytes; /* of long URLs that were tried: each may hold all that follow */
};

/* A URL may hold what splits ("http://a.example/?q=1"); which of the two was meant, nobody knows, so both are tried. */
static void try_long_url(struct typer *t, struct str s, struct token *k, size_t i)
{
	size_t n;

	if (i == s.n || !has_scheme(str_slice(s, k->from, i)))
		return;
	if (i >= k->url_end)
		k->url_end = url_end(s, i);
	n = k->url_end - k->from;
	if (k->url_end == i || n > VALUE_MAX)
		return;
	k->url_bytes += n;
	if (k->url_bytes > URL_BYTES_MAX)
		t->cut = true;
	else
		(void)try_type(t, str_slice(s, k->from, k->url_end));
}

static void end_token(struct typer *t, struct str s, struct token *k, size_t end)
{
	if (k->marked || hash_length(end - k->from)) {
		try_token(t, str_slice(s, k->from, end));
		k->tried++;
	}
	if (k->colon)
		try_long_url(t, s, k, end);
	k->from = end + 1;
	k->marked = k->colon = false;
}

/* Could a token that ends in this block be as long as a hash? Else its splits need not be looked at one by one. */
static bool long_token(const struct token *k, size_t base, uint64_t splits)
{
	uint64_t gap = ~splits;

	for (unsigned by = 1; by < GLANCE_RUN; by *= 2)
		gap &= gap >> by;
	return gap != 0 || base + (size_t)__builtin_ctzll(splits) - k->from >= GLANCE_RUN;
}

static void end_tokens(struct typer *t, struct str s, struct token *k, size_t base, const struct glance *g)
{
	uint64_t marks = g->dots | g->colons, seen = 0; /* `seen`: bits of the tokens that have ended */

	if (g->splits != 0 && marks == 0 && !k->marked && !long_token(k, base, g->splits)) {
		k->from = base + 64 - (size_t)__builtin_clzll(g->splits);
		return;
	}
	for (uint64_t left = g->splits; left != 0 && k->tried < TOKENS_MAX; left &= left - 1) {
		uint64_t below = (left & -left) - 1, token = below & ~seen;

		k->marked |= (marks & token) != 0;
		k->colon |= (g->colons & token) != 0;
		end_token(t, s, k, base + (size_t)__builtin_ctzll(left));
		seen = below;
	}
	k->marked |= (marks & ~seen) != 0;
	k->colon |= (g->colons & ~seen) != 0;
}

static void find_in_string(struct typer *t, struct str s)
{
	struct token k = { .from = 0 };

	if (s.n < GLANCE_LEAST)
		return;
	for (size_t base = 0; base <= s.n && k.tried < TOKENS_MAX; base += 64) {
		size_t n = s.n - base < 64 ? s.n - base : 64;
		struct glance g = glance_bytes(s.p + base, n);

		if (n < 64)
			g.splits |= (uint64_t)1 << n; /* the end of the string */
		end_tokens(t, s, &k, base, &g);
	}
	if (k.tried == TOKENS_MAX)
		t->cut = true;
}

bool observe_string(struct str s, struct buf *normal, observe_fn fn, void *ctx)
{
	struct typer t = { .fn = fn, .ctx = ctx, .normal = normal };

	find_in_string(&t, s);
	return !t.cut;
}

static void look_at(struct walk *w, struct str s)
{
	w->holder = s.n;
	find_in_string(&w->typer, s);
}

const struct observe_pair observe_pairs[OBSERVE_PAIRS] = { { S("hostname"), S("url") }, { S("host"), S("uri") } };

/* A request's host and path are one URL: EVE http.hostname + http.url, Zeek host + uri. */
static void look_at_request(struct walk *w, const struct json *object)
{
	for (size_t i = 0; i < OBSERVE_PAIRS; i++) {
		const struct observe_pair *pair = &observe_pairs[i];
		struct str host = json_get_str(object, pair->host), path = json_get_str(object, pair->path), url;
		size_t kept = w->path.n;

		if (host.n == 0 || path.n == 0 || path.p[0] != '/')
			continue;
		url = arena_fmt(w->a, "http://%.*s%.*s", STR(host), STR(path));
		if (url.p == NULL) {
			w->rc = RC_NOMEM;
			return;
		}
		buf_fmt(&w->path, "%s%.*s", kept > 0 ? "." : "", STR(pair->path));
		w->holder = url.n;
		(void)try_type(&w->typer, url);
		buf_cut(&w->path, kept);
	}
}

static void walk_value(struct walk *w, const struct json *v, int depth);

static void walk_members(struct walk *w, const struct json *v, int depth)
{
	size_t kept = w->path.n;

	look_at_request(w, v);
	JSON_MEMBERS(name, value, v) {
		buf_fmt(&w->path, "%s%.*s", kept > 0 ? "." : "", STR(str_slice(json_str(name), 0, 64)));
		walk_value(w, value, depth + 1);
		buf_cut(&w->path, kept);
		w->path.bad = RC_OK; /* a path cut at its maximum is still a fair name */
	}
}

static void walk_items(struct walk *w, const struct json *v, int depth)
{
	size_t kept = w->path.n, i = 0;

	JSON_EACH(item, v) {
		buf_fmt(&w->path, ".%zu", i++);
		walk_value(w, item, depth + 1);
		buf_cut(&w->path, kept);
		w->path.bad = RC_OK;
	}
}

static void walk_value(struct walk *w, const struct json *v, int depth)
{
	if (depth > EVENT_DEPTH) {
		w->out->cut = true;
		return;
	}
	if (v->type == JSON_OBJECT)
		walk_members(w, v, depth);
	else if (v->type == JSON_ARRAY)
		walk_items(w, v, depth);
	else if (v->type == JSON_STRING)
		look_at(w, json_str(v));
}

enum rc event_observe(struct arena *a, struct str line, struct event_view *ret, struct err *err)
{
	struct buf normal;
	struct walk w = { .a = a, .out = ret, .typer = { .fn = add, .ctx = &w, .normal = &normal } };
	const struct json *v;

	*ret = (struct event_view){ 0 };
	TRY(json_parse(a, line, &JSON_LIMITS, &v, err));
	if (!json_is(v, JSON_OBJECT))
		return FAIL(err, RC_BAD, "an event is a JSON object");
	ret->list = arena_array(a, EVENT_OBSERVABLES_MAX, sizeof *ret->list);
	w.holders = arena_array(a, EVENT_OBSERVABLES_MAX, sizeof *w.holders);
	if (ret->list == NULL || w.holders == NULL)
		return FAIL(err, RC_NOMEM, "event: out of memory");
	buf_init(&w.path, PATH_MAX_BYTES);
	buf_init(&normal, OBSERVE_NORMAL_MAX);
	walk_value(&w, v, 0);
	ret->cut |= w.typer.cut;
	buf_done(&w.path);
	buf_done(&normal);
	if (w.rc != RC_OK)
		return FAIL(err, w.rc, "event: out of memory");
	ret->tree = v;
	return RC_OK;
}
