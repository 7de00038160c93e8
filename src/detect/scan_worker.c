/* One thread's work: match an event, and keep of it what a person or a correlation will want to see. */
#include <time.h>

#include "base/mem.h"
#include "detect/scan_int.h"
#include "detect/stix_rules.h"
#include "detect/where.h"

#define WHY_MAX SCAN_FIELDS_MAX
#define PLACE_ARENA ((size_t)256 << 20)
#define TIMED_ALL 4096 /* so many events are all timed, */
#define TIMED_EACH 64  /* of those behind them one of so many */

enum rc findings_new(struct findings *f, struct err *err)
{
	*f = (struct findings){ .a = arena_new(FINDINGS_MAX) };
	f->last = &f->first;
	return f->a == NULL ? FAIL(err, RC_NOMEM, "scan: out of memory") : RC_OK;
}

void findings_done(struct findings *f)
{
	arena_free(f->a);
	mem_free(f->inputs.p);
	*f = (struct findings){ 0 };
}

void findings_clear(struct findings *f)
{
	arena_reset(f->a);
	f->first = NULL;
	f->last = &f->first;
	f->inputs.n = 0;
}

enum rc scan_worker_new(struct scan_worker *w, const struct scan_opts *o, const struct correlator *wishes, struct err *err)
{
	*w = (struct scan_worker){ .o = o, .wishes = wishes, .now = time_now(), .where = S("") };
	w->place = arena_new(PLACE_ARENA);
	if (w->place == NULL)
		return FAIL(err, RC_NOMEM, "detect: out of memory");
	if (o->lists != NULL || o->indicators != NULL)
		TRY(spotter_new(o->lists, o->indicators, &w->spotter, err));
	TRY(engine_new(o->image, &w->engine, err));
	return source_reader_new(engine_image_fields(o->image), time_now(), &w->reader, err);
}

void scan_worker_done(struct scan_worker *w)
{
	engine_free(w->engine);
	spotter_free(w->spotter);
	source_reader_free(w->reader);
	arena_free(w->place);
	w->spotter = NULL;
	w->engine = NULL;
	w->reader = NULL;
	w->place = NULL;
}

static struct str keep(struct arena *a, struct str s)
{
	return arena_dup(a, str_slice(s, 0, SCAN_FIELD_BYTES));
}

/* Many rules may match one event: it is looked at once. */
static struct str find_host(struct scan_worker *w, struct flat *f)
{
	if (!w->placed) {
		arena_reset(w->place);
		w->where = flat_where(w->place, f);
		w->placed = true;
	}
	return w->where;
}

static struct str event_text(struct arena *a, struct flat *f)
{
	struct str text = f->raw;
	struct buf b;

	buf_init(&b, SOURCE_LINE_MAX * 2);
	if (f->format == LOG_EVTX) {
		flat_json_print(f, &b);
		text = buf_view(&b);
	}
	text = arena_dup(a, text);
	buf_done(&b);
	return text;
}

/* Fields and values that made the rule match, each once. */
static bool keep_why(struct scan_worker *w, struct flat *f, uint32_t rule, struct scan_match *m)
{
	struct engine_why why[WHY_MAX];
	size_t n = engine_explain(w->engine, f, rule, why, COUNTOF(why)), kept = 0;
	struct scan_field *list;

	/* What kind of event it is says nothing of why a pattern was met. */
	for (size_t i = 0; i < n; i++)
		if (w->o->patterns == NULL || w->o->rules->rules[rule].indicator == NULL || !stix_rules_is_place(w->o->patterns, why[i].test))
			why[kept++] = why[i];
	kept = engine_why_once(why, kept);
	list = arena_array(w->out->a, kept + 1, sizeof *list);
	if (list == NULL)
		return false;
	for (size_t i = 0; i < kept; i++) {
		list[i] = (struct scan_field){ keep(w->out->a, why[i].field), keep(w->out->a, why[i].value) };
		if (list[i].name.p == NULL || list[i].value.p == NULL)
			return false;
	}
	m->n_fields = (uint32_t)kept;
	m->fields = list;
	return true;
}

/* What every match shows, whatever it is of. NULL: out of memory. */
static struct finding *new_match(struct scan_worker *w, struct flat *f, usec at)
{
	struct finding *x = arena_alloc(w->out->a, sizeof *x);

	if (x == NULL)
		return NULL;
	x->m = (struct scan_match){ .record = w->out->events + w->out->bad, .time = at, .host = keep(w->out->a, find_host(w, f)) };
	if (w->o->with_event)
		x->m.event = event_text(w->out->a, f);
	return x->m.host.p == NULL || (w->o->with_event && x->m.event.p == NULL) ? NULL : x;
}

static void append(struct findings *out, struct finding *x)
{
	*out->last = x;
	out->last = &x->next;
}

static bool keep_match(struct scan_worker *w, struct flat *f, uint32_t rule, usec at)
{
	struct finding *x = new_match(w, f, at);

	if (x == NULL || !keep_why(w, f, rule, &x->m))
		return false;
	x->m.rule = &w->o->rules->rules[rule];
	append(w->out, x);
	w->out->matches++;
	return true;
}

static bool keep_spot(struct scan_worker *w, struct flat *f, const struct spot *spot, usec at)
{
	struct finding *x = new_match(w, f, at);
	struct spot *copy = arena_alloc(w->out->a, sizeof *copy);
	struct scan_field *field = arena_alloc(w->out->a, sizeof *field);

	if (x == NULL || copy == NULL || field == NULL)
		return false;
	*copy = *spot;
	copy->what.value = keep(w->out->a, spot->what.value);
	copy->what.field = keep(w->out->a, spot->what.field);
	copy->matched = keep(w->out->a, spot->matched);
	if (copy->what.value.p == NULL || copy->what.field.p == NULL || copy->matched.p == NULL)
		return false;
	*field = (struct scan_field){ copy->what.field, copy->what.value };
	x->m.spot = copy;
	x->m.fields = field;
	x->m.n_fields = 1;
	append(w->out, x);
	w->out->matches++;
	return true;
}

static bool keep_input(struct scan_worker *w, struct flat *f, uint32_t rule, usec at)
{
	const struct str *want = NULL;
	size_t n = correlator_fields(w->wishes, rule, &want);
	struct scan_field *fields = arena_array(w->out->a, n + 1, sizeof *fields);
	struct corr_input in = { at, rule, w->file, w->out->events + w->out->bad, fields, 0 };

	if (fields == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct str value;

		if (!engine_field(w->engine, f, rule, want[i], &value))
			continue;
		fields[in.n_fields].name = want[i];
		fields[in.n_fields].value = keep(w->out->a, value);
		if (fields[in.n_fields++].value.p == NULL)
			return false;
	}
	if (w->out->inputs.n == w->out->inputs.cap) {
		size_t cap = w->out->inputs.cap == 0 ? 64 : w->out->inputs.cap * 2;
		struct corr_input *p = mem_resize(w->out->inputs.p, cap * sizeof *p);

		if (p == NULL)
			return false;
		w->out->inputs.p = p;
		w->out->inputs.cap = cap;
	}
	w->out->inputs.p[w->out->inputs.n++] = in;
	return true;
}

/* Indicators are shown whatever their level: it is no more than what their source thinks of its confidence. */
bool scan_shows(const struct scan_opts *o, const struct sigma_rule *r)
{
	return r->indicator != NULL || r->level >= o->least;
}

/* A line of plain text has no fields: it meets no rule by those it lacks ("the address is not one of ours"). */
static bool says_something(struct scan_worker *w, struct flat *f, uint32_t rule)
{
	struct engine_why why;

	return f->format != LOG_TEXT || engine_explain(w->engine, f, rule, &why, 1) > 0;
}

static bool take_match(struct scan_worker *w, struct flat *f, uint32_t rule, usec at)
{
	const struct sigma_rule *r = &w->o->rules->rules[rule];
	bool wanted = correlator_wants(w->wishes, rule);

	if (!stix_rule_counts(r, w->now, at))
		return true;
	if (!r->hidden && scan_shows(w->o, r) && !keep_match(w, f, rule, at))
		w->out->left_out++;
	if (wanted && w->live == NULL && !keep_input(w, f, rule, at))
		w->out->left_out++;
	return !wanted || w->live == NULL || w->live(w, f, rule, at, w->out->events + w->out->bad);
}

static bool take_spots(struct scan_worker *w, struct flat *f)
{
	const struct spot *spots;
	size_t n;

	w->rc = spotter_end(w->spotter, w->now, &spots, &n, &w->err);
	for (size_t i = 0; i < n && w->rc == RC_OK; i++) {
		if (spots[i].suppressed.n > 0)
			w->out->suppressed++;
		else if (!keep_spot(w, f, &spots[i], flat_time(f)))
			w->out->left_out++;
	}
	return w->rc == RC_OK;
}

static bool take_event(struct scan_worker *w, struct flat *f)
{
	const uint32_t *rules;
	size_t n = engine_run(w->engine, f, &rules);
	usec at;

	if (n == 0)
		return true;
	at = flat_time(f);
	for (size_t i = 0; i < n; i++)
		if (says_something(w, f, rules[i]) && !take_match(w, f, rules[i], at))
			return false;
	return true;
}

static bool take_bad(struct scan_worker *w, const struct err *why)
{
	struct finding *x = arena_alloc(w->out->a, sizeof *x);

	w->out->altered += why->rc == RC_CORRUPT;
	w->out->bad += why->rc != RC_CORRUPT;
	if (x != NULL) {
		x->rc = why->rc;
		x->m.record = w->out->events + w->out->bad;
		x->why = arena_dup(w->out->a, str_of(why->text)).p;
	}
	if (x == NULL || x->why == NULL)
		return true; /* counted all the same */
	append(w->out, x);
	return true;
}

/* Long values are looked for in long events only. */
static bool is_cut(const struct flat *f)
{
	if (f->left_out > 0)
		return true;
	for (uint32_t i = 0; f->raw.n > FLAT_VALUE_MAX && i < f->n; i++)
		if ((f->v[i].flags & FLAT_CUT) != 0)
			return true;
	return false;
}

double scan_clock(const struct scan_worker *w)
{
	struct timespec ts = { 0 };

	if (w->o->measure)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void count_time(struct scan_worker *w, double took)
{
	if (w->turn <= TIMED_ALL) {
		w->match += took;
	} else {
		w->sampled += took;
		w->n_sampled++;
	}
}

void scan_worker_times(const struct scan_worker *w, double *ret_parse, double *ret_match)
{
	double busy = w->busy - w->waited, match = w->match, beyond = w->turn > TIMED_ALL ? (double)(w->turn - TIMED_ALL) : 0;

	match += beyond * (w->n_sampled > 0 ? w->sampled / (double)w->n_sampled : w->match / TIMED_ALL);
	*ret_match = match < busy ? match : busy;
	*ret_parse = busy - *ret_match;
}

bool scan_worker_event(void *worker, struct flat *f, const struct err *why)
{
	struct scan_worker *w = worker;
	bool timed = w->o->measure && (++w->turn <= TIMED_ALL || w->turn % TIMED_EACH == 0), go;
	double begun = timed ? scan_clock(w) : 0;

	if (f != NULL) {
		w->out->events++;
		w->out->cut += is_cut(f);
		w->placed = false;
		if (w->spotter != NULL)
			spotter_begin(w->spotter, f);
		go = take_event(w, f) && (w->spotter == NULL || take_spots(w, f));
	} else {
		go = take_bad(w, why);
	}
	if (timed)
		count_time(w, scan_clock(w) - begun);
	if (go && arena_used(w->out->a) > FINDINGS_FULL) {
		begun = scan_clock(w);
		go = w->full(w);
		w->waited += scan_clock(w) - begun;
	}
	return go;
}
