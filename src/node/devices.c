#include "node/devices.h"

#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/desk.h"
#include "node/core.h"
#include "node/tickets.h"
#include "store/peers.h"

#define DAY ((usec)86400 * USEC_PER_SEC)
#define EACH (60 * USEC_PER_SEC)
#define STATUS_MAX ((size_t)8 << 20)
#define MEMORY ((size_t)64 << 20)
#define MONTH_LEN 7

enum heard { READING, SILENT, AWAY, UNWATCHED, HEARD };
static const char *const heard_names[HEARD] = { "reading", "silent", "away", "unwatched" };

enum counter { MESSAGES, EVENTS, LOST, COUNTERS };
static const char *const counter_names[COUNTERS] = { "messages", "events", "lost" };

struct record { /* of one input in one month; spans in microseconds */
	usec since;              /* first sample of the month */
	usec span[HEARD];
	int64_t count[COUNTERS], raw[COUNTERS]; /* raw: as the counter stood, which may begin anew */
	usec last;               /* message; 0: none */
	int64_t gaps;
	usec gap, longest;       /* gap: the one that lasts */
};

struct device {
	char month[MONTH_LEN + 1]; /* of `r`; "": not read yet */
	struct record r;
};

struct devices {
	struct core *core;
	pthread_mutex_t lock;
	usec sampled, tried;     /* by the wall; by time_mono */
	struct device list[CONFIG_INPUTS_MAX];
};

enum rc devices_new(struct core *c, struct devices **ret, struct err *err)
{
	struct devices *d = mem_alloc(sizeof *d);

	if (d == NULL)
		return FAIL(err, RC_NOMEM, "devices: out of memory");
	d->core = c;
	pthread_mutex_init(&d->lock, NULL);
	*ret = d;
	return RC_OK;
}

void devices_free(struct devices *d)
{
	if (d == NULL)
		return;
	pthread_mutex_destroy(&d->lock);
	mem_free(d);
}

/* --- months --- */

static const struct calendar *calendar_of(const struct core *c)
{
	static const struct calendar utc = { .zone = { 0 } };
	struct str packs = str_of(c->node.config.desk_pack), first;
	const struct pack *p = c->api.desk != NULL && str_next(&packs, ' ', &first) ? desk_pack(c->api.desk, first) : NULL;

	return p == NULL ? &utc : &p->calendar;
}

static void month_of(const struct calendar *k, usec at, char out[static MONTH_LEN + 1])
{
	char text[TIME_TEXT_MAX];
	usec of_day;

	time_format(calendar_day(k, at, &of_day) * DAY, text);
	snprintf(out, MONTH_LEN + 1, "%.*s", MONTH_LEN, text);
}

/* Its first instant; RC_BAD: no month. */
static enum rc month_begin(const struct calendar *k, struct str month, usec *ret, struct err *err)
{
	char text[32];
	usec at;

	snprintf(text, sizeof text, "%.*s-01T00:00:00Z", STR(str_slice(month, 0, 16)));
	if (month.n != MONTH_LEN || time_parse(str_of(text), &at, NULL, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "month: expected a year and a month, 2026-11");
	*ret = calendar_instant(k, at / DAY, 0);
	return RC_OK;
}

static usec month_end(const struct calendar *k, usec begin)
{
	char next[MONTH_LEN + 1];
	usec end = begin + 32 * DAY;

	month_of(k, begin + 32 * DAY, next);
	return month_begin(k, str_of(next), &end, NULL) == RC_OK ? end : begin + 32 * DAY;
}

/* --- records --- */

static struct str key_of(const char *month, const char *input, char out[static 256])
{
	int n = snprintf(out, 256, "device:%s:%s", month, input);

	return str_make(out, n < 256 ? (size_t)n : 255);
}

static void number(const struct json *v, const char *name, int64_t *ret)
{
	if (!json_int(json_get(v, str_of(name)), ret))
		*ret = 0;
}

/* All zero where there is none. */
static struct record read_record(struct devices *d, const char *month, const char *input)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct record r = { 0 };
	const struct json *v;
	struct str text;
	char key[256];

	if (a == NULL || cursor_get(d->core->node.store, key_of(month, input, key), a, &text, NULL) != RC_OK ||
	    json_parse(a, text, &JSON_LIMITS, &v, NULL) != RC_OK)
		return r;
	number(v, "since", &r.since);
	for (int i = 0; i < HEARD; i++)
		number(v, heard_names[i], &r.span[i]);
	for (int i = 0; i < COUNTERS; i++) {
		char raw[32];

		snprintf(raw, sizeof raw, "raw_%s", counter_names[i]);
		number(v, counter_names[i], &r.count[i]);
		number(v, raw, &r.raw[i]);
	}
	number(v, "last", &r.last);
	number(v, "gaps", &r.gaps);
	number(v, "gap", &r.gap);
	number(v, "longest", &r.longest);
	return r;
}

static enum rc write_record(struct devices *d, const struct device *x, const char *input, struct err *err)
{
	char key[256];
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_int(&w, "since", x->r.since);
	for (int i = 0; i < HEARD; i++)
		jsonw_m_int(&w, heard_names[i], x->r.span[i]);
	for (int i = 0; i < COUNTERS; i++) {
		char raw[32];

		snprintf(raw, sizeof raw, "raw_%s", counter_names[i]);
		jsonw_m_int(&w, counter_names[i], x->r.count[i]);
		jsonw_m_int(&w, raw, x->r.raw[i]);
	}
	jsonw_m_int(&w, "last", x->r.last);
	jsonw_m_int(&w, "gaps", x->r.gaps);
	jsonw_m_int(&w, "gap", x->r.gap);
	jsonw_m_int(&w, "longest", x->r.longest);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "devices");
	if (rc == RC_OK)
		rc = cursor_put(d->core->node.store, key_of(x->month, input, key), buf_view(&b), err);
	buf_done(&b);
	return rc;
}

/* --- samples; the lock is held --- */

static const struct json *inputs_now(struct devices *d, struct arena *a)
{
	const struct json *v = NULL;
	struct jsonw w;
	struct buf b;
	struct str text;

	buf_init(&b, STATUS_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	detect_link_status(d->core->link, &w);
	jsonw_object_end(&w);
	text = b.bad == RC_OK ? arena_dup(a, buf_view(&b)) : S("");
	buf_done(&b);
	return text.n > 0 && json_parse(a, text, &JSON_LIMITS, &v, NULL) == RC_OK ? json_get(v, S("inputs")) : NULL;
}

static const struct json *input_named(const struct json *inputs, const char *name)
{
	if (json_is(inputs, JSON_ARRAY))
		JSON_EACH(one, inputs)
			if (str_eq(json_get_str(one, S("name")), str_of(name)))
				return one;
	return NULL;
}

static enum heard heard_of(const struct json *input, bool connected)
{
	struct str state = json_get_str(input, S("state"));

	if (input == NULL || !connected)
		return UNWATCHED;
	return str_eq(state, S("silent")) ? SILENT : str_eq(state, S("away")) ? AWAY : READING;
}

static void count(struct record *r, const struct json *input)
{
	usec last;

	for (int i = 0; input != NULL && i < COUNTERS; i++) {
		int64_t now;

		number(input, counter_names[i], &now);
		r->count[i] += now >= r->raw[i] ? now - r->raw[i] : now;
		r->raw[i] = now;
	}
	if (time_parse(json_get_str(input, S("last_message")), &last, NULL, NULL) == RC_OK && last > r->last)
		r->last = last;
}

static void add_span(struct record *r, enum heard h, usec span)
{
	r->span[h] += span;
	if (h == READING) {
		r->gap = 0;
		return;
	}
	r->gaps += r->gap == 0 && span > 0;
	r->gap += span;
	r->longest = r->gap > r->longest ? r->gap : r->longest;
}

/* Of a new month only the counters' state is carried over. */
static void turn_to(struct devices *d, struct device *x, const char *input, const char *month)
{
	struct record before = x->r;
	bool first = x->month[0] == '\0';

	if (strcmp(x->month, month) == 0)
		return;
	x->r = read_record(d, month, input);
	if (!first && x->r.since == 0)
		memcpy(x->r.raw, before.raw, sizeof x->r.raw);
	snprintf(x->month, sizeof x->month, "%s", month);
}

static enum rc sample(struct devices *d, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	const struct config *conf = &d->core->node.config;
	const struct json *inputs = a == NULL ? NULL : inputs_now(d, a);
	bool connected = detect_link_now(d->core->link) != 0;
	usec now = time_now(), span = d->sampled == 0 || now < d->sampled ? 0 : now - d->sampled;
	char month[MONTH_LEN + 1];
	enum rc rc = RC_OK;

	month_of(calendar_of(d->core), now, month);
	for (size_t i = 0; i < conf->n_inputs; i++) {
		struct device *x = &d->list[i];
		const struct json *input = input_named(inputs, conf->inputs[i].name);
		enum rc wrote;

		turn_to(d, x, conf->inputs[i].name, month);
		x->r.since = x->r.since == 0 ? now : x->r.since;
		add_span(&x->r, heard_of(input, connected), span < 2 * EACH ? span : 2 * EACH);
		count(&x->r, input);
		wrote = write_record(d, x, conf->inputs[i].name, err);
		rc = rc == RC_OK ? wrote : rc;
	}
	d->sampled = now;
	d->tried = time_mono();
	return rc;
}

void devices_run(struct devices *d)
{
	struct err err = { 0 };

	if (d == NULL || d->core->node.config.n_inputs == 0 || (d->tried != 0 && time_mono() - d->tried < EACH))
		return;
	pthread_mutex_lock(&d->lock);
	if (sample(d, &err) != RC_OK)
		log_line(LOG_LEVEL_WARN, "devices", "the state of the inputs is not kept: %s", err.text);
	pthread_mutex_unlock(&d->lock);
}

/* --- the sheet --- */

static int64_t seconds(usec t)
{
	return t / USEC_PER_SEC;
}

static void put_reasons(struct jsonw *w, const struct record *r, usec down)
{
	const struct { usec span; const char *reason; } all[] = {
		{ r->span[SILENT], "silent" }, { r->span[AWAY], "source away" }, { r->span[UNWATCHED], "detector away" }, { down, "node down" },
	};

	jsonw_name(w, "reasons");
	jsonw_array(w);
	for (size_t i = 0; i < COUNTOF(all); i++)
		if (seconds(all[i].span) > 0)
			jsonw_cstr(w, all[i].reason);
	jsonw_array_end(w);
}

static void put_type(struct devices *d, struct jsonw *w, const char *protection)
{
	const struct rsit_device *t = d->core->tickets == NULL ? NULL : rsit_device_of(tickets_rsit(d->core->tickets), str_of(protection));

	jsonw_m_cstr(w, "type", strcmp(protection, "auto") == 0 ? "" : protection);
	if (t == NULL)
		return;
	jsonw_name(w, "type_name");
	jsonw_object(w);
	jsonw_m_str(w, "en", t->en);
	jsonw_m_str(w, "zh", t->zh);
	jsonw_object_end(w);
}

/* `until`: the end of the month, or now. */
static void put_device(struct devices *d, struct jsonw *w, const struct config_input *in, const char *month, usec until)
{
	struct record r = read_record(d, month, in->name);
	usec heard = 0, all = r.since == 0 ? 0 : until - r.since, down;

	for (int i = 0; i < HEARD; i++)
		heard += r.span[i];
	all = all > heard ? all : heard;
	down = all - heard < 2 * EACH ? 0 : all - heard; /* between two samples nothing is known to be missing */
	jsonw_object(w);
	jsonw_m_cstr(w, "code", in->device[0] != '\0' ? in->device : in->name);
	jsonw_m_cstr(w, "input", in->name);
	put_type(d, w, in->protection);
	jsonw_m_cstr(w, "vendor", in->vendor);
	if (r.since != 0)
		jsonw_m_time(w, "since", r.since);
	jsonw_name(w, "continuity");
	if (heard + down > 0)
		jsonw_double(w, (double)(r.span[READING] * 10000 / (heard + down)) / 100);
	else
		jsonw_null(w);
	for (int i = 0; i < HEARD; i++) {
		char name[32];

		snprintf(name, sizeof name, "%s_seconds", heard_names[i]);
		jsonw_m_int(w, name, seconds(r.span[i]));
	}
	jsonw_m_int(w, "down_seconds", seconds(down));
	jsonw_m_int(w, "gaps", r.gaps);
	jsonw_m_int(w, "longest_gap_seconds", seconds(r.longest));
	for (int i = 0; i < COUNTERS; i++)
		jsonw_m_int(w, counter_names[i], r.count[i]);
	if (r.last != 0)
		jsonw_m_time(w, "last_message", r.last);
	put_reasons(w, &r, down);
	jsonw_object_end(w);
}

enum rc devices_sheet(struct devices *d, struct str month, struct jsonw *w, struct err *err)
{
	const struct calendar *k = calendar_of(d->core);
	const struct config *conf = &d->core->node.config;
	char text[MONTH_LEN + 1];
	usec now = time_now(), begin, end;

	month_of(k, now, text);
	TRY(month_begin(k, str_of(text), &begin, err));
	if (month.n == 0)
		month_of(k, begin - DAY, text);
	else
		snprintf(text, sizeof text, "%.*s", STR(str_slice(month, 0, MONTH_LEN)));
	TRY(month_begin(k, month.n == 0 ? str_of(text) : month, &begin, err));
	end = month_end(k, begin);
	pthread_mutex_lock(&d->lock);
	if (now >= begin && now < end && sample(d, err) != RC_OK) {
		pthread_mutex_unlock(&d->lock);
		return err == NULL ? RC_IO : err->rc;
	}
	jsonw_object(w);
	jsonw_m_cstr(w, "month", text);
	jsonw_m_cstr(w, "org", conf->name);
	jsonw_m_cstr(w, "org_id", conf->oid[0] != '\0' ? conf->oid : conf->identity);
	jsonw_m_cstr(w, "sector", conf->sector);
	jsonw_m_time(w, "from", begin);
	jsonw_m_time(w, "to", end);
	jsonw_m_time(w, "due", end + 5 * DAY - USEC_PER_SEC); /* the fifth of the month behind it */
	jsonw_name(w, "devices");
	jsonw_array(w);
	for (size_t i = 0; i < conf->n_inputs; i++)
		put_device(d, w, &conf->inputs[i], text, now < end ? now : end);
	jsonw_array_end(w);
	jsonw_object_end(w);
	pthread_mutex_unlock(&d->lock);
	return RC_OK;
}
