#include "web/window.h"

#include <pthread.h>
#include <stdio.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/incidents.h"
#include "sys/keys.h"
#include "web/window_pages.h"

#define HOUR (3600 * USEC_PER_SEC)
#define SLOTS 4096               /* addresses counted apart; two that meet share what they may */
#define MEMBERS_MAX 8

/* How often in this hour. */
struct counter {
	usec began;
	int64_t n;
};

struct window {
	struct store *store;
	char *name;
	int64_t per_address, per_hour;
	void (*came)(void *ctx, struct str number);
	void *ctx;
	pthread_mutex_t lock;
	struct counter all, reports[SLOTS], asked[SLOTS];
};

enum rc window_new(const struct window_config *c, struct window **ret, struct err *err)
{
	struct window *w = mem_alloc(sizeof *w);

	if (w != NULL)
		w->name = mem_strdup(c->name);
	if (w == NULL || w->name == NULL || pthread_mutex_init(&w->lock, NULL) != 0) {
		if (w != NULL)
			mem_free(w->name);
		mem_free(w);
		return FAIL(err, RC_NOMEM, "window: out of memory");
	}
	w->store = c->store;
	w->per_address = c->per_address;
	w->per_hour = c->per_hour;
	w->came = c->came;
	w->ctx = c->ctx;
	*ret = w;
	return RC_OK;
}

void window_free(struct window *w)
{
	if (w == NULL)
		return;
	pthread_mutex_destroy(&w->lock);
	mem_free(w->name);
	mem_free(w);
}

bool window_is_path(struct str path)
{
	return str_eq(path, S("/window")) || str_starts(path, S("/window/"));
}

/* --- how often --- */

/* One more within the hour, or false. */
static bool count(struct counter *k, int64_t most, usec now)
{
	if (now - k->began >= HOUR || now < k->began) {
		k->began = now;
		k->n = 0;
	}
	if (k->n >= most)
		return false;
	k->n++;
	return true;
}

/* A network of IPv6 (/64) is one customer. The address itself is not kept. */
static size_t slot_of(const struct http_req *r)
{
	struct str addr = str_of(r->peer.addr);
	int colons = 0;

	if (str_find(addr, S("::"), 0) == SIZE_MAX)
		for (size_t i = 0; i < addr.n; i++)
			if (addr.p[i] == ':' && ++colons == 4)
				addr = str_slice(addr, 0, i);
	return (size_t)(hash_table(addr) % SLOTS);
}

static bool may_report(struct window *w, const struct http_req *r)
{
	usec now = time_mono();
	bool good;

	pthread_mutex_lock(&w->lock);
	good = count(&w->reports[slot_of(r)], w->per_address, now) && count(&w->all, w->per_hour, now);
	pthread_mutex_unlock(&w->lock);
	return good;
}

static bool may_ask(struct window *w, const struct http_req *r)
{
	bool good;

	pthread_mutex_lock(&w->lock);
	good = count(&w->asked[slot_of(r)], WINDOW_ASKED_AN_HOUR, time_mono());
	pthread_mutex_unlock(&w->lock);
	return good;
}

/* --- codes --- */

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: nothing that looks like another */

static void digest_of(struct str plain, unsigned char digest[static SHA256_LEN])
{
	hash_sha256(plain, digest);
}

void window_code_draw(char code[static WINDOW_CODE_MAX], unsigned char digest[static SHA256_LEN])
{
	unsigned char bytes[16];
	char plain[16];
	size_t n = 0;

	random_bytes(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof plain; i++) {
		plain[i] = ALPHABET[bytes[i] % 32];
		if (i > 0 && i % 4 == 0)
			code[n++] = '-';
		code[n++] = plain[i];
	}
	code[n] = '\0';
	digest_of(str_make(plain, sizeof plain), digest);
	secret_wipe(plain, sizeof plain);
	secret_wipe(bytes, sizeof bytes);
}

void window_code_digest(struct str typed, unsigned char digest[static SHA256_LEN])
{
	char plain[64];
	size_t n = 0;

	for (size_t i = 0; i < typed.n && n < sizeof plain; i++) {
		char c = typed.p[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 0x20);
		if (c == '-' || c == ' ')
			continue;
		plain[n++] = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
	}
	digest_of(str_make(plain, n), digest);
}

const char *window_state_word(struct str state, bool zh)
{
	static const struct { const char *state, *en, *zh; } words[] = {
		{ "received", "received: it waits to be read", "已收件，待審閱" },
		{ "opened", "in work: it is part of an incident", "處理中：已列入事件" },
		{ "closed", "closed: the incident is dealt with", "已結案：事件處理完成" },
		{ "duplicate", "known already: it is dealt with together with an earlier report", "已知悉：與先前之通報併案處理" },
		{ "dismissed", "closed: it was read, and no incident was made of it", "已結案：經審閱，未列為事件" },
	};

	for (size_t i = 0; i < COUNTOF(words); i++)
		if (str_eq(state, str_of(words[i].state)))
			return zh ? words[i].zh : words[i].en;
	return zh ? "未知" : "unknown";
}

/* --- what was sent --- */

struct sent {
	struct str names[MEMBERS_MAX], values[MEMBERS_MAX];
	size_t n;
	bool form;   /* the answer is a page */
};

static struct str member(const struct sent *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->names[i], str_of(name)))
			return s->values[i];
	return S("");
}

static enum rc take(struct sent *s, struct str name, struct str value, const char *const *known, struct err *err)
{
	for (; *known != NULL; known++)
		if (str_eq(name, str_of(*known)))
			break;
	if (*known == NULL || s->n == MEMBERS_MAX)
		return FAIL(err, RC_BAD, "a member that nobody asked for");
	if (member(s, *known).n > 0)
		return FAIL(err, RC_BAD, "%s: twice", *known);
	s->names[s->n] = str_of(*known);
	s->values[s->n++] = value;
	return RC_OK;
}

static enum rc read_json(struct http_req *r, const char *const *known, struct sent *s, struct err *err)
{
	const struct json *v;

	TRY(json_parse(r->arena, r->body, &JSON_LIMITS, &v, err));
	if (v->type != JSON_OBJECT)
		return FAIL(err, RC_BAD, "expected a JSON object");
	JSON_MEMBERS(name, value, v) {
		bool yes = false, is_bool = str_eq(json_str(name), S("exercise")) && json_bool(value, &yes);

		if (!is_bool && value->type != JSON_STRING && value->type != JSON_NULL)
			return FAIL(err, RC_BAD, "expected texts");
		TRY(take(s, json_str(name), value->type == JSON_STRING ? json_str(value) : yes ? S("yes") : S(""), known, err));
	}
	return RC_OK;
}

static enum rc decoded(struct http_req *r, struct str text, struct str *ret, struct err *err)
{
	struct buf b;
	bool good;

	buf_init(&b, WINDOW_BODY_MAX);
	good = percent_get(&b, text, true) && utf8_valid(buf_view(&b), NULL);
	*ret = arena_dup(r->arena, buf_view(&b));
	buf_done(&b);
	if (!good)
		return FAIL(err, RC_BAD, "the form is malformed");
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "out of memory") : RC_OK;
}

static enum rc read_form(struct http_req *r, const char *const *known, struct sent *s, struct err *err)
{
	struct str rest = r->body, pair;

	while (str_next(&rest, '&', &pair)) {
		size_t equals = str_find(pair, S("="), 0);
		struct str name, value;

		if (pair.n == 0)
			continue;
		TRY(decoded(r, str_slice(pair, 0, equals), &name, err));
		TRY(decoded(r, equals == SIZE_MAX ? S("") : str_slice(pair, equals + 1, pair.n), &value, err));
		TRY(take(s, name, value, known, err));
	}
	return RC_OK;
}

static bool is_type(const struct http_req *r, struct str type)
{
	struct str is = http_header(r, "content-type"), first;

	return str_next(&is, ';', &first) && str_eq_nocase(str_trim(first), type);
}

static enum rc read_sent(struct http_req *r, const char *const *known, struct sent *s, struct err *err)
{
	*s = (struct sent){ .form = is_type(r, S("application/x-www-form-urlencoded")) };
	if (s->form)
		return read_form(r, known, s, err);
	if (!is_type(r, S("application/json")))
		return FAIL(err, RC_UNSUPPORTED, "send application/json, or the form");
	return read_json(r, known, s, err);
}

/* --- answers --- */

static int status_of(enum rc rc)
{
	switch (rc) {
	case RC_OK: return 200;
	case RC_BAD: return 400;
	case RC_LIMIT: return 413;
	case RC_NOTFOUND: return 404;
	case RC_UNSUPPORTED: return 415;
	case RC_BUSY: case RC_FULL: return 503;
	case RC_CONFLICT: case RC_DENIED: case RC_PEER: case RC_NOMEM: case RC_IO: case RC_CORRUPT: case RC_INTERNAL: break;
	}
	return 500;
}

static void fail(struct window *w, const struct http_req *r, struct http_res *res, bool form, int status, const char *why)
{
	struct jsonw out;

	res->status = status;
	if (form) {
		page_message(w->name, page_is_zh(r), why, res);
		return;
	}
	jsonw_init(&out, &res->body);
	jsonw_object(&out);
	jsonw_name(&out, "error");
	jsonw_object(&out);
	jsonw_m_cstr(&out, "message", why);
	jsonw_object_end(&out);
	jsonw_object_end(&out);
	res->content_type = "application/json";
}

static void too_often(struct window *w, const struct http_req *r, struct http_res *res, bool form)
{
	http_res_header(res, "Retry-After", "3600");
	fail(w, r, res, form, 429, page_is_zh(r) ? "本時段通報過於頻繁，請稍後再試，或改以電話通報" : "Too many within the hour: try again later, or telephone");
}

static void fail_rc(struct window *w, const struct http_req *r, struct http_res *res, bool form, enum rc rc, const struct err *err)
{
	bool zh = page_is_zh(r), ours = status_of(rc) >= 500;

	/* What is wrong inside is the log's business, not a stranger's. */
	if (ours)
		log_line(LOG_LEVEL_ERROR, "window", "a request failed: %s", err->text);
	fail(w, r, res, form, status_of(rc), !ours ? err->text : zh ? "目前無法收件，您的通報未留存，請稍後再試或改以電話通報" :
	     "It could not be kept: try again later, or telephone. Nothing was taken in");
}

static void put_receipt(struct window *w, const struct http_req *r, struct http_res *res, bool form, const struct intake_report *x, const char *code)
{
	struct jsonw out;

	res->status = 201;
	if (form) {
		page_receipt(w->name, page_is_zh(r), x, code, res);
		return;
	}
	jsonw_init(&out, &res->body);
	jsonw_object(&out);
	jsonw_m_str(&out, "number", x->number);
	jsonw_m_cstr(&out, "code", code);
	jsonw_m_str(&out, "state", x->state);
	jsonw_m_bool(&out, "exercise", x->exercise);
	jsonw_m_time(&out, "received", x->at);
	jsonw_object_end(&out);
	res->content_type = "application/json";
}

/* The receipt goes out when the report is on the disk, and not before. */
static void report_post(struct window *w, struct http_req *r, struct http_res *res)
{
	static const char *const known[] = { "what", "when", "contact", "exercise", NULL };
	struct intake_report x = { .channel = S("window") };
	char code[WINDOW_CODE_MAX];
	struct err err = { 0 };
	struct sent s;
	enum rc rc = read_sent(r, known, &s, &err);

	x.what = member(&s, "what");
	x.when = member(&s, "when");
	x.contact = member(&s, "contact");
	x.exercise = str_eq(member(&s, "exercise"), S("yes"));
	if (rc == RC_OK && !x.exercise && member(&s, "exercise").n > 0)
		rc = FAIL(&err, RC_BAD, "exercise: expected yes or true");
	if (rc == RC_OK && str_trim(x.what).n == 0)
		rc = FAIL(&err, RC_BAD, "%s", page_is_zh(r) ? "請敘明發生何事" : "what: say what happened");
	if (rc == RC_OK && !may_report(w, r)) {
		too_often(w, r, res, s.form);
		return;
	}
	window_code_draw(code, x.code);
	if (rc == RC_OK)
		rc = intake_put(w->store, &x, S("window"), &err);
	if (rc != RC_OK) {
		fail_rc(w, r, res, s.form, rc, &err);
	} else {
		put_receipt(w, r, res, s.form, &x, code);
		if (w->came != NULL)
			w->came(w->ctx, x.number);
	}
	secret_wipe(code, sizeof code);
}

/* An incident that is closed is what its reporters want to hear of. */
static struct str state_told(struct window *w, const struct intake_report *x, struct arena *a)
{
	struct incident_row row;

	if (!str_eq(x->state, S("opened")) || incident_get(w->store, x->incident, a, &row, NULL) != RC_OK || row.now.open)
		return x->state;
	return S("closed");
}

/* A wrong number and a wrong code are answered alike. */
static enum rc find_report(struct window *w, struct http_req *r, const struct sent *s, struct intake_report *ret, struct err *err)
{
	unsigned char digest[SHA256_LEN];
	enum rc rc = intake_get(w->store, str_trim(member(s, "number")), r->arena, ret, err);

	window_code_digest(member(s, "code"), digest);
	if (rc == RC_OK && !str_eq_secret(str_make((const char *)digest, SHA256_LEN), str_make((const char *)ret->code, SHA256_LEN)))
		rc = RC_NOTFOUND;
	if (rc == RC_NOTFOUND || rc == RC_BAD)
		return FAIL(err, RC_NOTFOUND, "%s", page_is_zh(r) ? "查無此編號與查詢碼" : "no report has this number and code");
	return rc;
}

static void status_post(struct window *w, struct http_req *r, struct http_res *res)
{
	static const char *const known[] = { "number", "code", NULL };
	struct intake_report x;
	struct err err = { 0 };
	struct jsonw out;
	struct str state;
	struct sent s;
	enum rc rc = read_sent(r, known, &s, &err);

	if (rc == RC_OK && !may_ask(w, r)) {
		too_often(w, r, res, s.form);
		return;
	}
	if (rc == RC_OK)
		rc = find_report(w, r, &s, &x, &err);
	if (rc != RC_OK) {
		fail_rc(w, r, res, s.form, rc, &err);
		return;
	}
	state = state_told(w, &x, r->arena);
	if (s.form) {
		page_status(w->name, page_is_zh(r), &x, window_state_word(state, page_is_zh(r)), res);
		return;
	}
	jsonw_init(&out, &res->body);
	jsonw_object(&out);
	jsonw_m_str(&out, "number", x.number);
	jsonw_m_str(&out, "state", state);
	jsonw_m_bool(&out, "exercise", x.exercise);
	jsonw_m_cstr(&out, "words", window_state_word(state, page_is_zh(r)));
	jsonw_m_time(&out, "received", x.at);
	jsonw_m_time(&out, "changed", x.changed);
	jsonw_object_end(&out);
	res->content_type = "application/json";
}

void window_handle(struct window *w, struct http_req *r, struct http_res *res)
{
	bool get = str_eq(r->method, S("GET")) || str_eq(r->method, S("HEAD")), post = str_eq(r->method, S("POST"));
	bool form = str_eq(r->path, S("/window")) || str_eq(r->path, S("/window/"));
	bool reports = str_eq(r->path, S("/window/v1/reports")), status = str_eq(r->path, S("/window/v1/status"));

	page_headers(res);
	if (form && get)
		page_form(w->name, page_is_zh(r), res);
	else if (str_eq(r->path, S("/window/style.css")) && get)
		page_style(res);
	else if (reports && post)
		report_post(w, r, res);
	else if (status && post)
		status_post(w, r, res);
	else if (form || reports || status)
		fail(w, r, res, false, 405, "this path does not take that method");
	else
		fail(w, r, res, false, 404, "no such path");
}
