/* One cursor on the chain of facts says which incidents, tickets and registers changed, three on the objects say what came in. What
 * is derived from an incident is put in place of what was derived before, so a fact costs one derivation and not all of them.
 *
 * The picture is read by all requests and changed by whichever comes first after a commit; a lock keeps them apart, and boards are
 * quick. */
#include "web/situation.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "intel/loaded_object.h"
#include "store/cases.h"
#include "store/facts.h"
#include "store/incidents.h"
#include "store/objects.h"
#include "store/peers.h"
#include "store/tickets.h"
#include "web/casefile.h"
#include "web/situation_members.h"

#define MEMORY ((size_t)64 << 20)
#define PAGE 1000
#define CHANGED_MAX 200000
#define HEARD_EVERY (5 * USEC_PER_SEC)

struct situation {
	const struct api *api;
	pthread_mutex_t lock;
	struct picture *picture;
	struct roll *roll;
	bool read;               /* everything, once */
	uint64_t commits, fact;  /* as of the last look */
	usec looked;             /* by time_mono */
	usec sightings, objects, released, loads; /* cursors */
	struct map *changed;     /* subjects that facts named: id of an incident, "ticket:NUMBER" */
	bool who_changed;        /* registers, peers, authors */
	pthread_t keeper;
	struct bell bell;
	bool kept;
	_Atomic bool stop;       /* what is being read is left */
};

enum rc situation_new(const struct api *api, struct situation **ret, struct err *err)
{
	struct situation *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	*s = (struct situation){ .api = api, .picture = picture_new(), .changed = map_new(CHANGED_MAX), .sightings = INT64_MIN, .objects = INT64_MIN,
				 .released = INT64_MIN, .loads = INT64_MIN };
	pthread_mutex_init(&s->lock, NULL);
	bell_init(&s->bell);
	if (s->picture == NULL || s->changed == NULL || roll_new(api, s->picture, &s->roll, NULL) != RC_OK) {
		situation_free(s);
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	}
	*ret = s;
	return RC_OK;
}

void situation_free(struct situation *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->stop, true);
	bell_stop(&s->bell);
	if (s->kept)
		pthread_join(s->keeper, NULL);
	bell_done(&s->bell);
	roll_free(s->roll);
	picture_free(s->picture);
	map_free(s->changed);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

/* --- an incident --- */

static enum picture_time time_of(enum fact_type type)
{
	switch ((int)type) {
	case FACT_AWARE: return PICTURE_AWARE;
	case FACT_REPORTED: return PICTURE_NOTIFIED;
	case FACT_REVIEWED: return PICTURE_REVIEWED;
	case FACT_CONTAINED: return PICTURE_CONTAINED;
	case FACT_RECOVERED: return PICTURE_RECOVERED;
	case FACT_FINAL_REPORT: return PICTURE_REPORTED;
	case FACT_CLOSED: return PICTURE_CLOSED;
	default: return PICTURE_TIMES;
	}
}

static bool counts(const struct desk_view *v, const struct desk_fact *f)
{
	for (size_t i = 0; i < v->facts.n_problems; i++)
		if (!v->facts.problems[i].counted && str_eq(v->facts.problems[i].id, f->id))
			return false;
	return true;
}

/* When it happened, as last corrected. */
static usec happened(const struct desk_view *v, const struct desk_fact *f)
{
	usec at = f->claimed, recorded = INT64_MIN;

	for (size_t i = 0; i < v->facts.n; i++) {
		const struct desk_fact *c = &v->facts.f[i];

		if (c->type == FACT_CORRECTED && c->at >= recorded && str_eq(c->ref, f->id) && counts(v, c)) {
			recorded = c->at;
			at = c->claimed;
		}
	}
	return at;
}

/* The earliest of each kind; when it began, where awareness names the first event. */
static void put_times(const struct desk_view *v, struct picture_incident *x)
{
	for (int t = 0; t < PICTURE_TIMES; t++)
		x->at[t] = PICTURE_NEVER;
	for (size_t i = 0; i < v->facts.n; i++) {
		const struct desk_fact *f = &v->facts.f[i];
		enum picture_time t = time_of(f->type);
		usec at, first;

		x->reopened = (uint16_t)(x->reopened + (f->type == FACT_REOPENED));
		if (t == PICTURE_TIMES || !counts(v, f))
			continue;
		at = happened(v, f);
		if (x->at[t] == PICTURE_NEVER || at < x->at[t])
			x->at[t] = at;
		if (t == PICTURE_AWARE && time_parse_offset(json_get_str(f->source, S("first_event")), &first, NULL) == RC_OK &&
		    (x->at[PICTURE_OCCURRED] == PICTURE_NEVER || first < x->at[PICTURE_OCCURRED]))
			x->at[PICTURE_OCCURRED] = first;
	}
}

static uint8_t stops_what(const struct clock_view *k)
{
	static const struct { enum fact_type fact; enum picture_time t; } order[] = {
		{ FACT_REPORTED, PICTURE_NOTIFIED }, { FACT_REVIEWED, PICTURE_REVIEWED }, { FACT_CONTAINED, PICTURE_CONTAINED },
		{ FACT_RECOVERED, PICTURE_RECOVERED }, { FACT_FINAL_REPORT, PICTURE_REPORTED },
	};

	for (size_t i = 0; i < COUNTOF(order); i++)
		if (k->clock->stop.facts >> order[i].fact & 1)
			return (uint8_t)order[i].t;
	return PICTURE_TIMES;
}

static usec maybe(usec t)
{
	return t == NO_TIME || t == INT64_MAX ? PICTURE_NEVER : t;
}

static enum rc put_clock(struct situation *s, const struct clock_view *k, struct picture_clock *ret)
{
	static const uint8_t verdicts[] = { [CLOCK_RUNNING] = PICTURE_RUNNING, [CLOCK_MET] = PICTURE_MET, [CLOCK_BREACHED] = PICTURE_BREACHED, [CLOCK_VOID] = PICTURE_VOID };
	enum rc rc = picture_word(s->picture, k->clock->term.id, &ret->id);

	if (rc == RC_OK)
		rc = picture_word(s->picture, k->clock->who, &ret->who);
	ret->start = maybe(k->start);
	ret->due = maybe(k->due);
	ret->stop = maybe(k->stop);
	ret->verdict = verdicts[k->verdict];
	ret->stops = stops_what(k);
	return rc;
}

/* The incident under one of its laws. */
static enum rc put_view(struct situation *s, struct picture_incident *x, const struct pack *pack, const struct incident_view *v, struct arena *a, struct err *err)
{
	struct picture_clock *clocks = arena_array(a, v->n_clocks + 1, sizeof *clocks);
	enum rc rc = clocks == NULL ? RC_NOMEM : picture_word(s->picture, pack->id, &x->pack);

	x->level = v->overall > PICTURE_LEVELS ? PICTURE_LEVELS : v->overall;
	for (size_t i = 0; rc == RC_OK && i < v->n_clocks; i++)
		rc = put_clock(s, &v->clocks[i], &clocks[i]);
	if (rc == RC_OK)
		rc = picture_put_incident(s->picture, x, clocks, v->n_clocks);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "situation: no room for incident");
}

static enum rc put_incident(struct situation *s, const struct incident_row *r, struct arena *a, struct err *err)
{
	struct desk_view *v = arena_alloc(a, sizeof *v);
	struct picture_incident x = { .exercise = r->exercise, .opened = r->opened };
	struct case_info info = { .opened_by = S(""), .from = S("") };
	enum rc rc;

	if (v == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	TRY(casefile_look(s->api->desk, s->api->store, a, r, NULL, 0, time_now(), v, err));
	rc = case_info_get(s->api->store, r->id, a, &info, err);
	if (rc != RC_OK && rc != RC_NOTFOUND)
		return rc;
	if (info.from.n == 0)
		info.opened_by = S("");
	TRY(roll_member(s->roll, info.opened_by, info.from, &x.member, err));
	put_times(v, &x);
	x.open = v->open;
	rc = picture_word(s->picture, r->number, &x.number);
	if (rc == RC_OK)
		rc = picture_word(s->picture, r->title, &x.title);
	if (rc != RC_OK)
		return FAIL(err, rc, "situation: no room for incident");
	for (size_t i = 0; i < v->n; i++) {
		x.void_ = v->into.n > 0 || strcmp(v->views[i]->state, "false_alarm") == 0 || strcmp(v->views[i]->state, "merged") == 0;
		TRY(put_view(s, &x, v->packs[i], v->views[i], a, err));
	}
	return RC_OK;
}

/* One that cannot be derived any more (its pack is gone) is left as it was; the rest of the picture stands. */
static enum rc take_incident(struct situation *s, const struct incident_row *r, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	enum rc rc = a == NULL ? FAIL(err, RC_NOMEM, "situation: out of memory") : put_incident(s, r, a, err);

	return rc == RC_BAD ? RC_OK : rc;
}

static enum rc go_on(const struct situation *s, struct err *err)
{
	return atomic_load(&s->stop) ? FAIL(err, RC_BUSY, "situation: the node stops") : RC_OK;
}

static enum rc read_incidents(struct situation *s, struct err *err)
{
	struct incident_query q = { .all = true, .order = INCIDENT_BY_NEWEST, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY, .limit = PAGE };
	size_t n;

	do {
		struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
		struct incident_row *list;

		if (a == NULL)
			return FAIL(err, RC_NOMEM, "situation: out of memory");
		TRY(incident_list(s->api->store, &q, a, &list, &n, err));
		for (size_t i = 0; i < n; i++) {
			TRY(go_on(s, err));
			TRY(take_incident(s, &list[i], err));
		}
		if (n > 0)
			q.after_row = list[n - 1].row;
	} while (n == PAGE);
	return RC_OK;
}

/* --- a ticket --- */

/* Of a member's ticket whose it is: the identity it names, as its peer told. */
static enum rc ticket_member(struct situation *s, const struct ticket *t, uint32_t *ret, struct err *err)
{
	bool came = false;

	for (size_t i = 0; i < t->n_refs; i++)
		came = came || str_eq(t->refs[i].kind, S("member"));
	if (!came)
		return roll_member(s->roll, S(""), S(""), ret, err);
	if (!str_starts(t->victim, S("identity--")))
		return roll_member(s->roll, S(""), t->reporter, ret, err);
	TRY(roll_name(s->roll, t->victim, t->victim_name, err));
	return roll_member(s->roll, t->victim, t->reporter, ret, err);
}

static enum rc take_ticket(struct situation *s, struct str number, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
	struct picture_ticket x;
	struct ticket t;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	rc = ticket_get(s->api->store, number, a, &t, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	x = (struct picture_ticket){ .closed = str_eq(t.state, S("closed")), .first = t.first, .opened = t.opened, .hits = t.hits };
	x.false_alarm = str_eq(t.disposition, S("false-positive")) || str_eq(t.disposition, S("merged"));
	TRY(ticket_member(s, &t, &x.member, err));
	rc = picture_word(s->picture, t.number, &x.number);
	for (size_t i = 0; rc == RC_OK && i < t.n_refs && x.n_techniques < PICTURE_TECHNIQUES_MAX; i++)
		if (str_eq(t.refs[i].kind, S("technique")))
			rc = picture_word(s->picture, t.refs[i].value, &x.techniques[x.n_techniques++]);
	if (rc == RC_OK)
		rc = picture_put_ticket(s->picture, &x);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "situation: no room for tickets");
}

static enum rc read_tickets(struct situation *s, struct err *err)
{
	struct ticket_query q = { .limit = PAGE };
	size_t n;

	do {
		struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
		struct ticket *list;

		if (a == NULL)
			return FAIL(err, RC_NOMEM, "situation: out of memory");
		TRY(go_on(s, err));
		TRY(ticket_list(s->api->store, &q, a, &list, &n, err));
		for (size_t i = 0; i < n; i++)
			TRY(take_ticket(s, list[i].number, err));
		if (n > 0)
			q.before = list[n - 1].row;
	} while (n == PAGE);
	return RC_OK;
}

/* --- objects --- */

static enum rc put_sighting(struct situation *s, const struct page_entry *e, struct str peer, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct picture_seen x = { .hits = 1 };
	const struct json *v;
	struct str who;
	uint32_t key;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	if (json_parse(a, e->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return RC_OK;
	who = json_str(json_item(json_get(v, S("where_sighted_refs")), 0));
	if (who.n == 0)
		who = json_get_str(v, S("created_by_ref"));
	(void)json_int(json_get(v, S("count")), &x.hits);
	if (time_parse(json_get_str(v, S("first_seen")), &x.first, NULL, NULL) != RC_OK ||
	    time_parse(json_get_str(v, S("last_seen")), &x.last, NULL, NULL) != RC_OK || x.last < x.first)
		return RC_OK;
	TRY(roll_member(s->roll, who, peer, &x.member, err));
	rc = picture_word(s->picture, json_get_str(v, S("sighting_of_ref")), &x.indicator);
	if (rc == RC_OK)
		rc = picture_word(s->picture, e->id, &key);
	if (rc == RC_OK)
		rc = picture_put_sighting(s->picture, key, &x);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "situation: no room for sightings");
}

static enum rc put_object(struct situation *s, const struct page_entry *e, struct str source, struct str peer, struct err *err)
{
	uint32_t word;
	enum rc rc;

	if (peer.n > 0)
		TRY(roll_heard(s->roll, peer, e->added, err));
	/* What the exchange of desks carries is no intelligence. */
	if (str_starts(e->type, S("x-lianfang-")))
		return RC_OK;
	rc = picture_word(s->picture, source, &word);
	if (rc == RC_OK)
		rc = picture_delivered(s->picture, word, e->added, 1);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "situation: no room for sources");
}

static enum rc put_released(struct situation *s, const struct page_entry *e, struct err *err)
{
	uint32_t word;
	enum rc rc = picture_word(s->picture, e->id, &word);

	if (rc == RC_OK)
		rc = picture_offered(s->picture, word, e->added);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "situation: no room for indicators");
}

/* A child tells what its detector has, or somebody behind it; whoever else says so is not listened to. */
static enum rc put_loads(struct situation *s, const struct page_entry *e, struct str name, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
	struct loaded_statement x;
	const struct json *v;
	uint32_t member, who, word;
	struct peer peer;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	if (name.n == 0 || peer_get(s->api->store, name, a, &peer, NULL) != RC_OK || !str_eq(peer.relation, S("child")) ||
	    json_parse(a, e->body, &JSON_LIMITS, &v, NULL) != RC_OK || loaded_read(a, v, &x, NULL) != RC_OK)
		return RC_OK;
	TRY(roll_peer(s->roll, name, &member, err));
	rc = picture_word(s->picture, x.member, &who);
	if (rc == RC_OK)
		rc = picture_teller(s->picture, member, who, x.since, x.out);
	for (size_t i = 0; rc == RC_OK && i < x.n; i++) {
		rc = picture_word(s->picture, x.indicators[i], &word);
		if (rc == RC_OK)
			rc = picture_loaded(s->picture, member, who, word, x.at);
	}
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "situation: no room for what members have loaded");
}

enum stream { SIGHTINGS, OBJECTS, RELEASED, LOADS };

static enum rc put_entry(struct situation *s, enum stream which, const struct page_entry *e, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str source = S(""), peer;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	if (store_source_name(s->api->store, e->source, a, &source) != RC_OK)
		source = S("");
	peer = str_starts(source, S("peer:")) ? str_slice(source, 5, source.n) : S("");
	switch (which) {
	case SIGHTINGS: return put_sighting(s, e, peer, err);
	case OBJECTS: return put_object(s, e, source, peer, err);
	case RELEASED: return put_released(s, e, err);
	case LOADS: return put_loads(s, e, peer, err);
	}
	return RC_OK;
}

static enum rc read_objects(struct situation *s, enum stream which, struct err *err)
{
	static const struct str types[] = { [SIGHTINGS] = { "sighting", 8 }, [OBJECTS] = { NULL, 0 }, [RELEASED] = { "indicator", 9 },
					    [LOADS] = { LOADED_TYPE, sizeof LOADED_TYPE - 1 } };
	usec *const cursors[] = { [SIGHTINGS] = &s->sightings, [OBJECTS] = &s->objects, [RELEASED] = &s->released, [LOADS] = &s->loads }, *cursor = cursors[which];
	struct page_query q = { .collection = which == RELEASED ? s->api->down : NO_COLLECTION, .types = &types[which], .n_types = which != OBJECTS,
				.want_all = which == OBJECTS, .tlp_mask = UINT32_MAX, .limit = PAGE, .bodies = which == SIGHTINGS || which == LOADS };
	bool more = true;

	while (more) {
		struct page page;
		enum rc rc = RC_OK;

		TRY(go_on(s, err));
		q.added_after = *cursor;
		TRY(store_page(s->api->store, &q, &page, err));
		for (size_t i = 0; rc == RC_OK && i < page.n; i++)
			rc = put_entry(s, which, &page.entries[i], err);
		if (rc == RC_OK && page.last != 0)
			*cursor = page.last;
		more = rc == RC_OK && page.more;
		page_done(&page);
		TRY(rc);
	}
	return RC_OK;
}

/* --- what changed --- */

static bool note_fact(void *ctx, const struct fact *f)
{
	struct situation *s = ctx;

	if ((str_starts(f->kind, S("incident.")) || str_starts(f->kind, S("ticket."))) && map_put(s->changed, f->subject, 1) != RC_OK)
		return false; /* the rest the next time */
	s->who_changed = s->who_changed || str_starts(f->kind, S("register.")) || str_starts(f->kind, S("peer.")) || str_starts(f->kind, S("case."));
	s->fact = f->seq;
	return true;
}

static enum rc take_changed(struct situation *s, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct str key;
	uint64_t v;
	size_t it = 0;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	while (map_each(s->changed, &it, &key, &v)) {
		struct incident_row r;
		enum rc rc;

		if (str_starts(key, S("ticket:"))) {
			TRY(take_ticket(s, str_slice(key, 7, key.n), err));
			continue;
		}
		arena_reset(a);
		rc = incident_get(s->api->store, key, a, &r, err);
		if (rc == RC_OK)
			rc = take_incident(s, &r, err);
		if (rc != RC_OK && rc != RC_NOTFOUND)
			return rc;
	}
	return RC_OK;
}

static bool first_fact(void *ctx, const struct fact *f)
{
	picture_since(ctx, f->at);
	return false;
}

/* The chain's head is taken before anything is read: what comes meanwhile is read again. */
static enum rc read_all(struct situation *s, struct err *err)
{
	struct store_stats st;

	store_stats(s->api->store, &st);
	s->fact = st.facts;
	TRY(fact_each(s->api->store, 0, S(""), first_fact, s->picture, err));
	TRY(roll_again(s->roll, err));
	TRY(read_incidents(s, err));
	TRY(read_tickets(s, err));
	s->read = true;
	return RC_OK;
}

static enum rc read_changes(struct situation *s, struct err *err)
{
	map_free(s->changed);
	s->changed = map_new(CHANGED_MAX);
	if (s->changed == NULL)
		return FAIL(err, RC_NOMEM, "situation: out of memory");
	TRY(fact_each(s->api->store, s->fact, S(""), note_fact, s, err));
	return take_changed(s, err);
}

static enum rc refresh(struct situation *s, struct err *err)
{
	struct store_stats st;
	usec now = time_mono();

	store_stats(s->api->store, &st);
	if (s->read && st.commits == s->commits && now - s->looked < HEARD_EVERY)
		return RC_OK;
	TRY(s->read ? read_changes(s, err) : read_all(s, err));
	TRY(read_objects(s, OBJECTS, err));
	TRY(read_objects(s, SIGHTINGS, err));
	TRY(read_objects(s, RELEASED, err));
	TRY(read_objects(s, LOADS, err));
	if (s->who_changed)
		TRY(roll_again(s->roll, err));
	s->who_changed = false;
	TRY(roll_listen(s->roll, err));
	s->looked = now;
	s->commits = st.commits;
	return RC_OK;
}

enum rc situation_lock(struct situation *s, const struct picture **ret, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&s->lock);
	rc = refresh(s, err);
	if (rc != RC_OK)
		pthread_mutex_unlock(&s->lock);
	else
		*ret = s->picture;
	return rc;
}

void situation_unlock(struct situation *s)
{
	pthread_mutex_unlock(&s->lock);
}

static void *keep(void *ctx)
{
	struct situation *s = ctx;
	usec began = time_mono();
	bool said = false;

	do {
		const struct picture *p;
		struct err err = { 0 };

		if (situation_lock(s, &p, &err) == RC_OK) {
			if (!said)
				log_line(LOG_LEVEL_INFO, "boards", "all records are read for the boards, in %.1f s", (double)(time_mono() - began) / 1e6);
			said = true;
			situation_unlock(s);
		}
	} while (bell_wait(&s->bell, HEARD_EVERY));
	return NULL;
}

enum rc situation_keep(struct situation *s, struct err *err)
{
	if (s->kept)
		return RC_OK;
	s->kept = pthread_create(&s->keeper, NULL, keep, s) == 0;
	return s->kept ? RC_OK : FAIL(err, RC_IO, "situation: cannot start a thread");
}
