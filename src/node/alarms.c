/* The desk's alarms: a thread looks whenever the next rung of some clock is due, keeps that it was, and tells of it. What was
 * told is kept by (incident, clock, rung) before anybody is told, and in the wall's time, so that neither a restart, nor a step of the
 * clock, nor two nodes on one database tell it twice; what fell due while the node was down is told at the start. */
#include "node/alarms.h"

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/cases.h"
#include "node/core.h"
#include "web/casefile.h"

#define LOOK_EACH USEC_PER_SEC /* the wall's clock may be set at any time */
#define AT_A_TIME 100
#define PUT_OFF (60 * USEC_PER_SEC)
#define MEMORY_MAX ((size_t)256 << 20)
#define RUNGS_MAX 4096

struct alarms {
	struct core *core;
	pthread_t thread;
	struct bell bell;
};

/* Rungs that are due, of all packs. */
static size_t gather(const struct desk_view *v, struct arena *a, usec now, struct incident_alarm *out)
{
	size_t n = 0;

	for (size_t p = 0; p < v->n; p++)
		for (size_t i = 0; i < v->views[p]->n_clocks; i++)
			for (size_t r = 0; r < ALARM_RUNGS && n < RUNGS_MAX; r++) {
				const struct clock_view *k = &v->views[p]->clocks[i];
				usec at = alarm_at(k, r);

				if (at != NO_TIME && at <= now)
					out[n++] = (struct incident_alarm){ .clock = alarm_key(a, v->packs[p], k), .percent = ALARM_PERCENT[r],
									    .due = k->due, .at = now };
			}
	return n;
}

static void tell(const struct incident_row *r, const struct incident_alarm *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char due[TIME_TEXT_MAX];

		if (!list[i].fresh)
			continue;
		time_format(list[i].due, due);
		log_line(list[i].percent == 100 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "alarm", "%s%.*s: clock %.*s %s, due %.19sZ",
			 r->exercise ? "[EXERCISE 演練] " : "", STR(r->number), STR(list[i].clock), alarm_words(list[i].percent)->en, due);
	}
}

/* What was told of a clock in an incident that this one was merged with or split from is not told again here. A breach of
 * another due instant is another breach. */
static enum rc drop_told(struct alarms *m, struct arena *a, const struct desk_view *v, struct incident_alarm *list, size_t *n, struct err *err)
{
	for (size_t k = 0; k < v->n_kin && *n > 0; k++) {
		struct incident_alarm *told;
		struct incident_row kin;
		size_t n_told, kept = 0;
		enum rc rc = incident_get(m->core->node.store, v->kin[k], a, &kin, err);

		if (rc == RC_NOTFOUND || rc == RC_BAD)
			continue;
		TRY(rc);
		TRY(incident_alarms(m->core->node.store, kin.row, a, &told, &n_told, err));
		for (size_t i = 0; i < *n; i++) {
			bool again = false;

			for (size_t j = 0; j < n_told && !again; j++)
				again = told[j].percent == list[i].percent && told[j].due == list[i].due && str_eq(told[j].clock, list[i].clock);
			if (!again)
				list[kept++] = list[i];
		}
		*n = kept;
	}
	return RC_OK;
}

/* *ret_into: the incident that this one is merged into, or "". */
static enum rc ring(struct alarms *m, struct arena *a, const struct incident_row *r, usec now, struct str *ret_into, struct err *err)
{
	struct incident_alarm *list = arena_array(a, RUNGS_MAX, sizeof *list);
	struct incident_derived d;
	struct desk_view v;
	size_t n;

	if (list == NULL)
		return FAIL(err, RC_NOMEM, "alarms: out of memory");
	TRY(casefile_look(m->core->api.desk, m->core->node.store, a, r, NULL, 0, now, &v, err));
	n = v.into.n > 0 ? 0 : gather(&v, a, now, list);
	TRY(drop_told(m, a, &v, list, &n, err));
	d = casefile_derived(&v, casefile_next(&v, now));
	for (size_t i = 0; i < n; i++)
		list[i].told = m->core->notify == NULL;
	TRY(incident_alarm_put(m->core->node.store, r->row, r->facts, list, n, &d, err));
	tell(r, list, n);
	cases_wake(m->core); /* a breach is for the tier above too */
	notify_wake(m->core->notify);
	*ret_into = v.into;
	return RC_OK;
}

/* Rings an incident whose time has come, and the one that it is merged into, whose facts are as old as its own. */
static enum rc ring_with(struct alarms *m, struct arena *a, const struct incident_row *r, usec now, struct err *err)
{
	struct incident_row row = *r;
	struct str into;

	for (int depth = 0; depth < JOIN_MAX; depth++) {
		TRY(ring(m, a, &row, now, &into, err));
		if (into.n == 0 || r->now.rung > 0) /* 0: a fact came */
			break;
		TRY(incident_get(m->core->node.store, into, a, &row, err));
	}
	return RC_OK;
}

/* One that cannot be derived (its pack is gone, it has too many clocks) does not hold up the others: it is looked at again later. `alone`: it had
 * all the memory for itself. False: the store fails, so all of them would. */
static bool put_off(struct alarms *m, const struct incident_row *r, usec now, enum rc rc, bool alone, const struct err *why)
{
	struct incident_derived d = r->now;
	struct err err = { 0 };

	log_line(LOG_LEVEL_ERROR, "alarm", "%.*s: %s", STR(r->number), why->text);
	if (rc == RC_IO || rc == RC_FULL || (rc == RC_NOMEM && !alone))
		return false;
	d.rung = now + PUT_OFF;
	rc = incident_alarm_put(m->core->node.store, r->row, r->facts, NULL, 0, &d, &err);
	if (rc != RC_OK && rc != RC_BUSY)
		log_line(LOG_LEVEL_ERROR, "alarm", "%.*s: %s", STR(r->number), err.text);
	return rc == RC_OK || rc == RC_BUSY;
}

/* False: nothing is due any more. */
static bool ring_all(struct alarms *m, struct arena *a)
{
	struct incident_row *rows;
	struct err err = { 0 };
	usec now = time_now();
	size_t n;

	if (incident_ringing(m->core->node.store, now, AT_A_TIME, a, &rows, &n, &err) != RC_OK) {
		log_line(LOG_LEVEL_ERROR, "alarm", "%s", err.text);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		enum rc rc = ring_with(m, a, &rows[i], now, &err);

		/* RC_BUSY: a fact came meanwhile; it is looked at again at once. */
		if (rc != RC_OK && rc != RC_BUSY && !put_off(m, &rows[i], now, rc, i == 0, &err))
			return rc == RC_NOMEM;
	}
	return n > 0;
}

static void *run(void *ctx)
{
	struct alarms *m = ctx;
	struct arena *a = arena_new(MEMORY_MAX);

	while (a != NULL && !atomic_load(&m->core->stopping)) {
		bool more = ring_all(m, a);

		arena_reset(a);
		if (!more)
			(void)bell_wait(&m->bell, LOOK_EACH);
	}
	arena_free(a);
	return NULL;
}

enum rc alarms_start(struct core *c, struct alarms **ret, struct err *err)
{
	struct alarms *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return FAIL(err, RC_NOMEM, "alarms: out of memory");
	m->core = c;
	bell_init(&m->bell);
	if (pthread_create(&m->thread, NULL, run, m) != 0) {
		bell_done(&m->bell);
		mem_free(m);
		return FAIL(err, RC_IO, "alarms: cannot start a thread");
	}
	*ret = m;
	return RC_OK;
}

void alarms_wake(struct alarms *m)
{
	if (m != NULL)
		bell_ring(&m->bell);
}

void alarms_stop(struct alarms *m)
{
	if (m == NULL)
		return;
	bell_stop(&m->bell);
	pthread_join(m->thread, NULL);
	bell_done(&m->bell);
	mem_free(m);
}
