/* A shard is a correlator of its own and two numbers: the block it has counted up
 * to here, in memory, and what the queue knows (blockq_shard). Counting is a
 * function of the blocks alone - their steps in the order of their numbers, after
 * each block its time - so whoever counts again from a saved state comes to the
 * same, and only tells what was not told.
 *
 * The one thing that does not come from blocks is the clock while nothing comes:
 * what fires by it is written together with the state. */
#include "detect/spread.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "detect/correlate.h"
#include "detect/hunt.h"

#define MARKS 256                        /* blocks in one turn */
#define ALERTS_ARENA ((size_t)1 << 30)
#define STATE_ARENA ((size_t)1 << 30)
#define SAVE_EVERY (10 * USEC_PER_SEC)
#define SAVE_ANYWAY 6                    /* a shard without news is saved so many times more seldom: it need not look at old blocks again */
#define TAKE_EVERY (USEC_PER_SEC / 2)
#define IDLE_EVERY USEC_PER_SEC
#define DAY ((usec)86400 * USEC_PER_SEC)

struct fired {
	struct fired *next;
	uint32_t rule;
	usec at, first;
	double value;
	struct str *group;
	uint32_t n_group, n_events;
	uint64_t *events;
};

struct owned {
	struct owned *next;
	struct blockq_shard row;
	struct correlator *correlator;
	int64_t counted;       /* all of the blocks up to this one */
	uint64_t late, left_out; /* of `row` when it was taken; what came since is the correlator's to tell */
	uint64_t unknown;
	bool news;             /* steps were counted that are not saved */
	usec saved_at;         /* time_mono() */
	struct fired *fired, **fired_end; /* of this turn */
	size_t n_fired;
	bool told;             /* while counting: the block at hand was told before */
};

struct spread {
	struct spread_opts o;
	char name[BLOCKQ_NAME_MAX];
	struct owned *owned;
	uint32_t n_owned, share;
	usec beat, took, idled;         /* time_mono() */
	int64_t upto;                   /* everything is done up to this block */
	usec newest, newest_mono;       /* the newest time of a block, and when it was seen here */
	struct arena *a;                /* of a turn */
	struct blockq_mark marks[MARKS];
	size_t n_marks;
	struct spread_stats stats;
};

enum rc spread_new(const struct spread_opts *o, struct spread **ret, struct err *err)
{
	struct spread *s = mem_alloc(sizeof *s);

	if (s == NULL || o->name.n > sizeof s->name || (s->a = arena_new(ALERTS_ARENA)) == NULL) {
		spread_free(s);
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	}
	s->o = *o;
	memcpy(s->name, o->name.p, o->name.n);
	s->o.name = str_make(s->name, o->name.n);
	s->o.save_every = o->save_every == 0 ? SAVE_EVERY : o->save_every;
	s->newest = INT64_MIN;
	*ret = s;
	return RC_OK;
}

static void drop(struct spread *s, struct owned **at)
{
	struct owned *x = *at;

	*at = x->next;
	correlator_free(x->correlator);
	mem_free(x);
	s->n_owned--;
}

/* What is in memory may be ahead of what was written: it is taken anew. */
static void forget(struct spread *s)
{
	while (s->owned != NULL)
		drop(s, &s->owned);
	s->beat = s->took = 0;
}

void spread_free(struct spread *s)
{
	if (s == NULL)
		return;
	forget(s);
	arena_free(s->a);
	mem_free(s);
}

/* --- what fires --- */

/* Inside of correlator calls. */
struct counting {
	struct spread *s;
	struct owned *x;
	size_t mark; /* the next that is told */
};

/* Keeps a copy: what it says needs the database, which is busy with the steps. */
static void on_fire(void *ctx, const struct correlation *c)
{
	struct counting *at = ctx;
	struct arena *a = at->s->a;
	struct fired *f = arena_alloc(a, sizeof *f);

	if (at->x->told || at->s->o.rules->rules[c->rule].hidden)
		return;
	at->x->n_fired++;
	if (f == NULL)
		return; /* counted and not kept: put_alerts finds it short */
	*f = (struct fired){ .rule = c->rule, .at = c->at, .first = c->first, .value = c->value, .n_group = c->n_group, .n_events = c->n_events };
	f->group = arena_array(a, c->n_group + 1, sizeof *f->group);
	f->events = arena_array(a, c->n_events + 1, sizeof *f->events);
	if (f->group == NULL || f->events == NULL)
		return;
	for (uint32_t i = 0; i < c->n_group; i++)
		f->group[i] = arena_dup(a, c->group[i]);
	memcpy(f->events, c->events, c->n_events * sizeof *f->events);
	*at->x->fired_end = f;
	at->x->fired_end = &f->next;
}

/* "events": each by its block and its place in it. */
static enum rc put_events(struct spread *s, const struct fired *f, struct jsonw *w, struct err *err)
{
	int64_t known = 0;
	struct str id = S("");

	jsonw_name(w, "events");
	jsonw_array(w);
	for (uint32_t i = 0; i < f->n_events; i++) {
		int64_t block = (int64_t)(f->events[i] >> HUNT_EVENT_BITS);

		if (block != known)
			TRY(blockq_id(s->o.q, block, s->a, &id, err));
		known = block;
		jsonw_object(w);
		jsonw_m_str(w, "block", id);
		jsonw_m_int(w, "event", (int64_t)(f->events[i] & ((UINT64_C(1) << HUNT_EVENT_BITS) - 1)));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	return RC_OK;
}

/* The pattern of an indicator over several events. */
static void put_indicator(struct jsonw *w, const struct sigma_indicator *i)
{
	jsonw_m_str(w, "matched", i->pattern);
	if (i->tlp != UINT8_MAX)
		jsonw_m_int(w, "tlp", i->tlp);
	if (i->confidence != UINT8_MAX)
		jsonw_m_int(w, "confidence", i->confidence);
}

static enum rc put_body(struct spread *s, const struct fired *f, struct jsonw *w, struct err *err)
{
	const struct sigma_rule *r = &s->o.rules->rules[f->rule];
	struct correlation c = { .rule = f->rule, .at = f->at, .first = f->first, .value = f->value, .group = f->group, .n_group = f->n_group };

	jsonw_object(w);
	jsonw_m_cstr(w, "type", r->indicator != NULL ? "indicator" : "correlation");
	jsonw_m_str(w, r->indicator != NULL ? "indicator_id" : "rule_id", r->id.n > 0 ? r->id : r->title);
	if (r->indicator != NULL)
		put_indicator(w, r->indicator);
	jsonw_m_str(w, "title", r->title);
	jsonw_m_cstr(w, "level", sigma_level_name(r->level));
	jsonw_m_str(w, "author", r->author);
	jsonw_name(w, "tags");
	jsonw_array(w);
	for (uint32_t i = 0; i < r->n_tags; i++)
		jsonw_str(w, r->tags[i]);
	jsonw_array_end(w);
	jsonw_name(w, "fields");
	jsonw_object(w);
	for (uint32_t i = 0; i < f->n_group; i++) {
		jsonw_name_str(w, r->corr->group_by[i]);
		jsonw_str(w, f->group[i]);
	}
	jsonw_object_end(w);
	correlated_put(&(struct correlated){ s->o.rules, &c }, w);
	jsonw_m_time(w, "time", f->at);
	TRY(put_events(s, f, w, err));
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc body_of(struct spread *s, const struct fired *f, struct str *ret, struct err *err)
{
	struct buf b CLEANUP(buf_done);
	struct jsonw w;

	buf_init(&b, (size_t)16 << 20);
	jsonw_init(&w, &b);
	TRY(put_body(s, f, &w, err));
	TRY(buf_check(&b, err, "correlation"));
	*ret = arena_dup(s->a, buf_view(&b));
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "correlation: out of memory") : RC_OK;
}

static enum rc put_alerts(struct spread *s, const struct owned *x, struct blockq_progress *p, struct err *err)
{
	struct blockq_alert *list = arena_array(s->a, x->n_fired + 1, sizeof *list);
	struct blockq_sighting *seen = arena_array(s->a, x->n_fired + 1, sizeof *seen);
	size_t n = 0;

	for (const struct fired *f = x->fired; f != NULL && list != NULL && seen != NULL; f = f->next, n++) {
		const struct sigma_rule *r = &s->o.rules->rules[f->rule];

		list[n].what = r->id.n > 0 ? r->id : r->title;
		TRY(body_of(s, f, &list[n].body, err));
		if (r->indicator != NULL)
			seen[p->n_sightings++] = (struct blockq_sighting){ r->id, S(""), f->at / DAY, 1, f->first, f->at };
	}
	if (n < x->n_fired || list == NULL || seen == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	p->alerts = list;
	p->n_alerts = n;
	p->sightings = seen;
	return RC_OK;
}

/* --- counting --- */

static enum rc advance(struct counting *c, usec to, struct err *err)
{
	if (to == INT64_MIN || to <= correlator_time(c->x->correlator))
		return RC_OK;
	return correlator_advance(c->x->correlator, to, on_fire, c, err);
}

/* Times of the blocks before `number`. */
static enum rc tell_times(struct counting *c, int64_t number, struct err *err)
{
	for (; c->mark < c->s->n_marks && c->s->marks[c->mark].number < number; c->mark++) {
		const struct blockq_mark *m = &c->s->marks[c->mark];

		if (m->number <= c->x->counted)
			continue;
		c->x->told = m->number <= c->x->row.after;
		TRY(advance(c, m->newest, err));
	}
	return RC_OK;
}

static enum rc on_steps(void *ctx, int64_t block, struct str steps, struct err *err)
{
	struct counting *c = ctx;
	enum rc rc;

	TRY(tell_times(c, block, err));
	c->x->told = block <= c->x->row.after;
	c->x->news = true;
	rc = correlator_take(c->x->correlator, steps, &c->x->unknown, on_fire, c, err);
	c->x->unknown += rc == RC_CORRUPT;
	return rc == RC_CORRUPT ? RC_OK : rc;
}

static enum rc count(struct spread *s, struct owned *x, struct err *err)
{
	struct counting c = { .s = s, .x = x };

	TRY(blockq_shard_steps(s->o.q, x->row.number, x->counted, s->upto, on_steps, &c, err));
	TRY(tell_times(&c, s->upto + 1, err));
	x->counted = s->upto;
	x->told = x->counted < x->row.after;
	return RC_OK;
}

/* Nothing comes: event time goes on by the clock, so that what waits does not wait for ever. */
static enum rc count_idle(struct spread *s, struct owned *x, struct err *err)
{
	struct counting c = { .s = s, .x = x };

	x->told = false;
	if (s->newest == INT64_MIN || x->counted < x->row.after)
		return RC_OK;
	return advance(&c, s->newest + (time_mono() - s->newest_mono), err);
}

/* --- writing --- */

static void left_out(const struct owned *x, struct blockq_progress *p)
{
	struct correlator_stats st;

	correlator_stats(x->correlator, &st);
	p->late = (int64_t)(x->late + st.late);
	p->left_out = (int64_t)(x->left_out + x->unknown + st.evicted + st.forced + st.values_lost);
}

static enum rc write_state(struct spread *s, struct owned *x, struct blockq_progress *p, struct err *err)
{
	struct buf b CLEANUP(buf_done);

	buf_init(&b, 2 * SPREAD_STATE_MAX);
	TRY(correlator_save(x->correlator, &b, err));
	p->state = arena_dup(s->a, buf_view(&b));
	p->with_state = true;
	left_out(x, p);
	return p->state.p == NULL ? FAIL(err, RC_NOMEM, "correlation: out of memory") : RC_OK;
}

static bool state_due(const struct spread *s, const struct owned *x)
{
	usec age = time_mono() - x->saved_at;

	return x->counted > x->row.saved && age >= s->o.save_every * (x->news ? 1 : SAVE_ANYWAY);
}

enum writing { WRITE_DUE, WRITE_STATES, WRITE_BY_CLOCK, WRITE_END };

/* Where a shard is counted again up to what was told, there is nothing to write. */
static bool state_wanted(const struct spread *s, const struct owned *x, enum writing how)
{
	if (x->counted < x->row.after)
		return false;
	switch (how) {
	case WRITE_DUE:
		return state_due(s, x);
	case WRITE_STATES:
		return x->counted > x->row.saved;
	case WRITE_BY_CLOCK:
		return x->n_fired > 0;
	case WRITE_END:
		return x->row.ended < x->counted;
	}
	return false;
}

static enum rc write_one(struct spread *s, struct owned *x, enum writing how, struct blockq_progress *list, size_t *n, struct err *err)
{
	struct blockq_progress *p = &list[*n];
	bool state = state_wanted(s, x, how);

	if (x->n_fired == 0 && !state)
		return RC_OK;
	*p = (struct blockq_progress){ .shard = &x->row, .after = x->counted, .ended = how == WRITE_END ? x->counted : x->row.ended };
	TRY(put_alerts(s, x, p, err));
	if (state)
		TRY(write_state(s, x, p, err));
	++*n;
	return RC_OK;
}

static void note_written(struct spread *s, const struct blockq_progress *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct owned **at = &s->owned;

		while (&(*at)->row != list[i].shard)
			at = &(*at)->next;
		if (list[i].lost) {
			s->stats.lost++;
			drop(s, at);
			continue;
		}
		s->stats.fired += list[i].n_alerts;
		if (!list[i].with_state)
			continue;
		(*at)->news = false;
		(*at)->saved_at = time_mono();
	}
}

static enum rc write_all(struct spread *s, enum writing how, struct err *err)
{
	struct blockq_progress *list = arena_array(s->a, s->n_owned + 1, sizeof *list);
	size_t n = 0;

	if (list == NULL)
		return FAIL(err, RC_NOMEM, "correlation: out of memory");
	for (struct owned *x = s->owned; x != NULL; x = x->next)
		TRY(write_one(s, x, how, list, &n, err));
	if (n > 0)
		TRY(blockq_shards_save(s->o.q, s->o.name, list, n, err));
	note_written(s, list, n);
	return RC_OK;
}

static void begin_turn(struct spread *s)
{
	arena_reset(s->a);
	for (struct owned *x = s->owned; x != NULL; x = x->next) {
		x->fired = NULL;
		x->fired_end = &x->fired;
		x->n_fired = 0;
	}
}

/* --- shards --- */

static enum rc load(struct spread *s, struct owned *x, struct err *err)
{
	const struct correlator_opts o = { .tolerance = blockq_tolerance(s->o.q), .seed = blockq_seed(s->o.q), .any_time = true,
					   .max_bytes = SPREAD_STATE_MAX };
	uint64_t left = 0;

	x->counted = x->row.saved;
	x->late = (uint64_t)x->row.late;
	x->left_out = (uint64_t)x->row.left_out;
	x->saved_at = time_mono();
	x->fired_end = &x->fired;
	TRY(correlator_new(s->o.rules, &o, &x->correlator, err));
	if (x->row.state.n > 0)
		TRY(correlator_load(x->correlator, x->row.state, &left, err));
	x->left_out += left;
	if (correlator_time(x->correlator) > s->newest) {
		s->newest = correlator_time(x->correlator);
		s->newest_mono = time_mono();
	}
	x->row.state = S("");
	return RC_OK;
}

static enum rc take_one(struct spread *s, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(STATE_ARENA);
	struct owned *x = mem_alloc(sizeof *x);
	enum rc rc;

	rc = a == NULL || x == NULL ? FAIL(err, RC_NOMEM, "correlation: out of memory")
				    : blockq_shard_take(s->o.q, s->o.name, s->o.lease, a, &x->row, err);
	if (rc != RC_OK) {
		mem_free(x);
		return rc;
	}
	x->next = s->owned;
	s->owned = x;
	s->n_owned++;
	return load(s, x, err);
}

static enum rc give_one(struct spread *s, struct err *err)
{
	TRY(blockq_shard_return(s->o.q, s->o.name, &s->owned->row, err));
	drop(s, &s->owned);
	return RC_OK;
}

/* Says that this one lives, and how many shards it should have. */
static enum rc beat(struct spread *s, struct err *err)
{
	uint32_t workers = 1;

	if (s->beat != 0 && time_mono() - s->beat < s->o.lease / 4 && time_mono() - s->beat < 5 * USEC_PER_SEC)
		return RC_OK;
	if (s->beat == 0)
		TRY(blockq_shard_return(s->o.q, s->o.name, NULL, err)); /* of before a failure */
	TRY(blockq_worker(s->o.q, s->o.name, s->o.lease, &workers, err));
	TRY(blockq_shards_keep(s->o.q, s->o.name, s->o.lease, err));
	workers = workers == 0 ? 1 : workers;
	s->share = (blockq_shards(s->o.q) + workers - 1) / workers;
	s->beat = time_mono();
	if (s->n_owned > s->share)
		TRY(write_all(s, WRITE_STATES, err));
	while (s->n_owned > s->share)
		TRY(give_one(s, err));
	return RC_OK;
}

static enum rc take_share(struct spread *s, struct err *err)
{
	enum rc rc = RC_OK;

	if (s->n_owned >= s->share || (s->took != 0 && time_mono() - s->took < TAKE_EVERY))
		return RC_OK;
	s->took = time_mono();
	while (s->n_owned < s->share && (rc = take_one(s, err)) == RC_OK)
		;
	return rc == RC_NOTFOUND ? RC_OK : rc;
}

/* --- a turn --- */

static int64_t least_counted(const struct spread *s)
{
	int64_t least = INT64_MAX;

	for (const struct owned *x = s->owned; x != NULL; x = x->next)
		least = x->counted < least ? x->counted : least;
	return least == INT64_MAX ? 0 : least;
}

static enum rc read_marks(struct spread *s, struct err *err)
{
	TRY(blockq_marks(s->o.q, least_counted(s), MARKS, s->marks, &s->n_marks, &s->upto, err));
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].newest > s->newest) {
			s->newest = s->marks[i].newest;
			s->newest_mono = time_mono();
		}
	return RC_OK;
}

static enum rc turn(struct spread *s, bool *ret_any, struct err *err)
{
	bool idle = true;

	begin_turn(s);
	TRY(beat(s, err));
	TRY(take_share(s, err));
	if (s->owned == NULL)
		return RC_OK;
	TRY(read_marks(s, err));
	for (struct owned *x = s->owned; x != NULL; x = x->next) {
		if (x->counted >= s->upto)
			continue;
		TRY(count(s, x, err));
		idle = false;
	}
	*ret_any = !idle;
	TRY(write_all(s, WRITE_DUE, err));
	if (!idle || time_mono() - s->idled < IDLE_EVERY)
		return RC_OK;
	s->idled = time_mono();
	begin_turn(s);
	for (struct owned *x = s->owned; x != NULL; x = x->next)
		TRY(count_idle(s, x, err));
	return write_all(s, WRITE_BY_CLOCK, err);
}

enum rc spread_turn(struct spread *s, bool *ret_any, struct err *err)
{
	enum rc rc;

	*ret_any = false;
	rc = turn(s, ret_any, err);
	if (rc != RC_OK)
		forget(s);
	return rc;
}

/* --- the end --- */

static enum rc end_all(struct spread *s, struct err *err)
{
	for (struct owned *x = s->owned; x != NULL; x = x->next) {
		struct counting c = { .s = s, .x = x };

		x->told = x->counted < x->row.after;
		if (x->row.ended < x->counted)
			TRY(correlator_end(x->correlator, on_fire, &c, err));
	}
	return write_all(s, WRITE_END, err);
}

enum rc spread_save(struct spread *s, bool end, bool *ret_all, struct err *err)
{
	struct blockq_stats st;
	int64_t saved = 0, ended = 0;
	enum rc rc;

	*ret_all = false;
	begin_turn(s);
	rc = write_all(s, WRITE_STATES, err);
	if (rc == RC_OK)
		rc = blockq_stats(s->o.q, &st, err);
	begin_turn(s);
	if (rc == RC_OK && end && st.ready + st.taken == 0 && s->upto == st.blocks && least_counted(s) == s->upto)
		rc = end_all(s, err);
	if (rc == RC_OK)
		rc = blockq_shards_behind(s->o.q, &saved, &ended, err);
	*ret_all = rc == RC_OK && saved >= st.blocks && (!end || ended >= st.blocks);
	if (rc != RC_OK)
		forget(s);
	return rc;
}

enum rc spread_leave(struct spread *s, struct err *err)
{
	uint32_t workers;

	begin_turn(s);
	TRY(write_all(s, WRITE_STATES, err));
	forget(s);
	TRY(blockq_shard_return(s->o.q, s->o.name, NULL, err));
	return blockq_worker(s->o.q, s->o.name, 0, &workers, err);
}

void spread_stats(const struct spread *s, struct spread_stats *ret)
{
	*ret = s->stats;
	ret->shards = s->n_owned;
}
