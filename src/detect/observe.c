/* Log formats differ in names, not in what an address or a hash looks like. So
 * nothing here knows Suricata from Zeek from Sysmon, except where one value is
 * spread over two members (host and path of a request) or several stand in one
 * ("SHA1=...,MD5=..."). A value typed wrongly ("cmd.exe" as a domain) costs one
 * look-up and hits nothing, because look-ups are exact. */
#include "detect/observe.h"

#include <math.h>

#include "base/ascii.h"
#include "base/text.h"
#include "model/observable.h"

#define TOKENS_MAX 4096    /* looked at in one string */
#define VALUE_LEAST 4      /* "a.bc" */
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
static bool worth_typing(struct str s)
{
	if (s.n < VALUE_LEAST || s.n > VALUE_MAX)
		return false;
	if (hash_length(s.n))
		return true;
	if (is_clock(s))
		return false;
	/* Paths of Windows, names with their domain: of what we know only a URL may hold a backslash. */
	if (memchr(s.p, '\\', s.n) != NULL && memchr(s.p, '/', s.n) == NULL)
		return false;
	return memchr(s.p, '.', s.n) != NULL || memchr(s.p, ':', s.n) != NULL;
}

static bool try_type(struct typer *t, struct str s)
{
	const struct str mapped = S("::ffff:");
	enum observable_kind kind;
	struct str value;

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

/* What a byte means to a string that is cut into tokens. */
enum { SPLITS = 1, DOT = 2, COLON = 4 };
static const uint8_t meaning[256] = {
	[' '] = SPLITS, ['\t'] = SPLITS, ['\r'] = SPLITS, ['\n'] = SPLITS, [','] = SPLITS, [';'] = SPLITS, ['='] = SPLITS, ['|'] = SPLITS,
	['"'] = SPLITS, ['\''] = SPLITS, ['('] = SPLITS, [')'] = SPLITS, ['<'] = SPLITS, ['>'] = SPLITS, ['{'] = SPLITS, ['}'] = SPLITS,
	['`'] = SPLITS, ['.'] = DOT, [':'] = COLON,
};

static bool splits(char c)
{
	return meaning[(unsigned char)c] == SPLITS;
}

/* Ends a URL also where "," and "=" do not: RFC 3986 §2 has no blanks, quotes, <>, {}, | or `. */
static size_t url_end(struct str s, size_t at)
{
	while (at < s.n && (s.p[at] == ',' || s.p[at] == ';' || s.p[at] == '=' || s.p[at] == '(' || s.p[at] == ')' || !splits(s.p[at])))
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

/* A URL may hold what splits ("http://a.example/?q=1"); which of the two was meant, nobody knows, so both are tried. */
static void try_long_url(struct typer *t, struct str s, size_t from, size_t i)
{
	size_t end;

	if (i == s.n || memchr(s.p + from, '/', i - from) == NULL || str_find(str_slice(s, from, i), S("://"), 0) == SIZE_MAX)
		return;
	end = url_end(s, i);
	if (end != i)
		(void)try_type(t, str_slice(s, from, end));
}

static void find_in_string(struct typer *t, struct str s)
{
	size_t from = 0, tokens = 0;
	unsigned met = 0; /* in the token */

	if (s.n < VALUE_LEAST)
		return;
	for (size_t i = 0; i <= s.n && tokens < TOKENS_MAX; i++) {
		unsigned means = i < s.n ? meaning[(unsigned char)s.p[i]] : SPLITS;

		met |= means;
		if (means != SPLITS)
			continue;
		/* Most tokens can be nothing that we know, and are not looked at again (worth_typing). */
		if ((met & (DOT | COLON)) != 0 || hash_length(i - from))
			try_token(t, str_slice(s, from, i));
		if ((met & COLON) != 0)
			try_long_url(t, s, from, i);
		tokens += i > from;
		from = i + 1;
		met = 0;
	}
	if (tokens == TOKENS_MAX)
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

/* --- time and place --- */

/* "2026-11-22T01:02:03.123456+0800" (EVE) and "2026-11-22 01:02:03.123" (Sysmon UtcTime) as well as RFC 3339. */
static usec parse_time(struct arena *a, struct str s)
{
	struct str head = str_slice(s, 0, 19), zone;
	usec t, hours = 0;
	size_t end = 19;
	uint64_t hh = 0, mm = 0;

	if (s.n < 19)
		return 0;
	while (end < s.n && (s.p[end] == '.' || (s.p[end] >= '0' && s.p[end] <= '9')))
		end++;
	zone = str_slice(s, end, s.n);
	s = arena_fmt(a, "%.*sT%.*s%.*sZ", STR(str_slice(head, 0, 10)), STR(str_slice(head, 11, 19)), STR(str_slice(s, 19, end)));
	if (s.p == NULL || time_parse(s, &t, NULL, NULL) != RC_OK)
		return 0;
	if (zone.n >= 5 && (zone.p[0] == '+' || zone.p[0] == '-')) {
		struct str minutes = zone.n == 6 ? str_slice(zone, 4, 6) : str_slice(zone, 3, 5);

		if (!str_to_u64(str_slice(zone, 1, 3), &hh) || !str_to_u64(minutes, &mm) || hh > 14 || mm > 59)
			return 0;
		hours = (usec)(hh * 60 + mm) * 60 * USEC_PER_SEC;
	}
	return zone.n > 0 && zone.p[0] == '-' ? t + hours : t - hours;
}

static usec event_time(struct arena *a, const struct json *v)
{
	static const char *const names[] = { "timestamp", "@timestamp", "ts", "UtcTime", "winlog.event_data.UtcTime", "EventTime", "time",
					     "Event.System.TimeCreated.#attributes.SystemTime", "TimeCreated" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		const struct json *t = json_path(v, names[i]);
		double seconds;
		usec at;

		if (json_is(t, JSON_NUMBER) && json_double(t, &seconds) && seconds > 0 && seconds < 253402300800.0)
			return (usec)llround(seconds * 1e6);
		at = json_is(t, JSON_STRING) ? parse_time(a, json_str(t)) : 0;
		if (at != 0)
			return at;
	}
	return 0;
}

static struct str event_where(const struct json *v)
{
	static const char *const names[] = { "host.name", "Computer", "winlog.computer_name", "Hostname", "agent.hostname", "host",
					     "Event.System.Computer", "hostname", "dvchost", "dvc", "sensor", "sensor_name", "src_ip", "id.orig_h" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		const struct json *m = json_path(v, names[i]);

		if (!json_is(m, JSON_STRING))
			m = json_get(v, str_of(names[i])); /* Zeek's names hold dots */
		if (json_is(m, JSON_STRING) && m->n > 0)
			return json_str(m);
	}
	return S("");
}

enum rc event_observe(struct arena *a, struct str line, struct event_view *ret, struct err *err)
{
	struct buf normal;
	struct walk w = { .a = a, .out = ret, .typer = { .fn = add, .ctx = &w, .normal = &normal } };
	const struct json *v;

	*ret = (struct event_view){ .where = S("") };
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
	ret->at = event_time(a, v);
	ret->where = event_where(v);
	return RC_OK;
}
