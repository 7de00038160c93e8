/* What has to go out is a question to the store (bulletin_errands), never a queue of its own: an errand is done when the object
 * lies in the outbox, and the same errand makes the same object, so a crash in between sends nothing twice. */
#include "node/bulletins.h"

#include <stdio.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/bulletin_object.h"
#include "node/core.h"

#define DRILL "[EXERCISE 演練] "
#define AT_A_TIME 200
#define LOOK_EACH (5 * USEC_PER_SEC)
#define AGAIN (2 * USEC_PER_SEC)
#define LIST_MEMORY ((size_t)4 << 20)
#define ONE_MEMORY ((size_t)64 << 20)
#define CLOCK_SLACK (5 * 60 * USEC_PER_SEC) /* how far ahead a peer's clock may be */

struct bulletins {
	struct core *core;
	pthread_t thread;
	struct bell bell;
	bool said;  /* that something cannot go */
};

/* --- out --- */

static enum rc object_of(struct core *c, struct arena *a, const struct bulletin_errand *e, struct str *ret, struct err *err)
{
	const struct bulletin_receipt r = { .bulletin = e->id, .received = e->received, .read = e->read };
	struct bulletin_row row;

	if (e->receipt)
		return bulletin_receipt_object(a, &r, e->tlp, str_of(c->node.config.identity), ret, err);
	TRY(bulletin_get(c->node.store, e->id, a, &row, err));
	return bulletin_object(a, &row, str_of(c->node.config.identity), ret, err);
}

static enum rc carry(struct core *c, struct arena *a, const struct bulletin_errand *e, struct err *err)
{
	struct str object;

	TRY(object_of(c, a, e, &object, err));
	TRY(exchange_send(c, e->to, object, err));
	return bulletin_errand_done(c->node.store, e, err);
}

/* True: all that waited is on its way. */
static bool carry_all(struct bulletins *b, struct arena *list_memory, struct arena *a)
{
	struct core *c = b->core;
	struct bulletin_errand *list, last = { .row = 0 };
	struct err err = { 0 };
	char to[128] = "";
	size_t n, left = 0;

	do {
		arena_reset(list_memory);
		last.to = str_of(to);
		if (bulletin_errands(c->node.store, &last, AT_A_TIME, list_memory, &list, &n, &err) != RC_OK) {
			log_line(LOG_LEVEL_ERROR, "alert", "%s", err.text);
			return false;
		}
		for (size_t i = 0; i < n && !atomic_load(&c->stopping); i++) {
			arena_reset(a);
			if (carry(c, a, &list[i], &err) == RC_OK)
				continue;
			if (!b->said)
				log_line(LOG_LEVEL_WARN, "alert", "%.*s waits to go to %.*s: %s", STR(list[i].number), STR(list[i].to), err.text);
			left++;
		}
		if (n > 0) {
			last.row = list[n - 1].row;
			snprintf(to, sizeof to, "%.*s", STR(list[n - 1].to));
		}
	} while (n == AT_A_TIME && !atomic_load(&c->stopping));
	b->said = left > 0;
	return left == 0;
}

/* --- answers that did not come --- */

static void tell_late(const struct bulletin_late *l)
{
	char due[TIME_TEXT_MAX];

	time_format_ms(l->due, due);
	if (l->who.n > 0)
		log_line(LOG_LEVEL_WARN, "alert", "%s%.*s: %.*s has not answered, which was due by %s", l->exercise ? DRILL : "", STR(l->number), STR(l->who), due);
	else
		log_line(LOG_LEVEL_WARN, "alert", "%s%.*s is not answered, which was due by %s", l->exercise ? DRILL : "", STR(l->number), due);
}

/* Noted before it is told, so that no restart tells it twice. */
static void look_for_late(struct core *c, struct arena *list_memory)
{
	struct bulletin_late *list;
	struct err err = { 0 };
	enum rc rc;
	size_t n;

	do {
		arena_reset(list_memory);
		rc = bulletin_late_list(c->node.store, time_now(), AT_A_TIME, list_memory, &list, &n, &err);
		for (size_t i = 0; rc == RC_OK && i < n && !atomic_load(&c->stopping); i++) {
			list[i].tell = c->notify != NULL;
			rc = bulletin_late_put(c->node.store, &list[i], &err);
			if (rc == RC_OK && list[i].fresh) {
				tell_late(&list[i]);
				notify_wake(c->notify);
			}
		}
	} while (rc == RC_OK && n == AT_A_TIME && !atomic_load(&c->stopping));
	if (rc != RC_OK)
		log_line(LOG_LEVEL_ERROR, "alert", "%s", err.text);
}

static void *run(void *ctx)
{
	struct bulletins *b = ctx;
	struct arena *list CLEANUP(arena_freep) = arena_new(LIST_MEMORY), *a CLEANUP(arena_freep) = arena_new(ONE_MEMORY);
	bool on = list != NULL && a != NULL;

	if (!on)
		log_line(LOG_LEVEL_ERROR, "alert", "out of memory: alerts wait for the next start");
	while (on) {
		bool said = b->said, all = carry_all(b, list, a);

		look_for_late(b->core, list);
		on = bell_wait(&b->bell, all || said ? LOOK_EACH : AGAIN);
	}
	return NULL;
}

enum rc bulletins_start(struct core *c, struct bulletins **ret, struct err *err)
{
	struct bulletins *b = mem_alloc(sizeof *b);

	if (b == NULL)
		return FAIL(err, RC_NOMEM, "alerts: out of memory");
	b->core = c;
	bell_init(&b->bell);
	if (pthread_create(&b->thread, NULL, run, b) != 0) {
		bell_done(&b->bell);
		mem_free(b);
		return FAIL(err, RC_IO, "alerts: cannot start a thread");
	}
	*ret = b;
	return RC_OK;
}

void bulletins_wake(struct bulletins *b)
{
	if (b != NULL)
		bell_ring(&b->bell);
}

void bulletins_stop(struct bulletins *b)
{
	if (b == NULL)
		return;
	bell_stop(&b->bell);
	pthread_join(b->thread, NULL);
	bell_done(&b->bell);
	mem_free(b);
}

/* --- in --- */

/* What no later try would change is refused for good. */
static enum rc for_good(enum rc rc)
{
	return rc == RC_LIMIT || rc == RC_CONFLICT || rc == RC_NOTFOUND || rc == RC_DENIED || rc == RC_UNSUPPORTED ? RC_BAD : rc;
}

static void tell(const struct bulletin_row *b, const struct exchange_from *from)
{
	char due[TIME_TEXT_MAX];
	bool asks = b->due > 0;

	if (asks)
		time_format_ms(b->due, due);
	log_line(LOG_LEVEL_INFO, "alert", "%s%.*s came from %.*s%s%s", b->exercise ? DRILL : "", STR(b->number), STR(from->peer),
		 asks ? ", answer by " : "", asks ? due : "");
}

/* The answer in a feedback on a bulletin of ours; RC_NOTFOUND: it speaks of none. */
static enum rc answer_of(struct core *c, struct arena *a, const struct exchange_from *from, const struct bulletin *b, struct bulletin_answer *ret, struct err *err)
{
	struct bulletin_row source;
	usec now = time_now();

	if (b->code != BULLETIN_FBI || b->text[BT_DISPOSITION].n == 0)
		return RC_NOTFOUND;
	TRY(bulletin_get(c->node.store, b->text[BT_SOURCE], a, &source, err));
	if (!source.is_out)
		return RC_NOTFOUND;
	*ret = (struct bulletin_answer){ .id = source.id, .who = from->peer, .disposition = b->text[BT_DISPOSITION], .reason = b->text[BT_REASON],
					 .incident = b->text[BT_INCIDENT], .at = b->at[BW_REPORTED] != 0 ? b->at[BW_REPORTED] : b->at[BW_ISSUED] };
	if (ret->at > now + CLOCK_SLACK)
		return FAIL(err, RC_BAD, "/reported: lies in the future");
	return RC_OK;
}

static enum rc keep(struct core *c, struct arena *a, const struct exchange_from *from, const struct bulletin *b, struct bulletin_row *row, struct err *err)
{
	struct str actor = arena_fmt(a, "peer:%.*s", STR(from->peer));
	struct bulletin_answer x;
	bool fresh = false;
	enum rc rc;

	if (actor.p == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	rc = answer_of(c, a, from, b, &x, err);
	if (rc == RC_OK)
		TRY(bulletin_answer(c->node.store, S(""), &x, row, actor, &fresh, err));
	else if (rc == RC_NOTFOUND)
		TRY(bulletin_keep(c->node.store, row, actor, &fresh, err));
	else
		return rc;
	if (fresh) {
		tell(row, from);
		notify_wake(c->notify);
	}
	return RC_OK;
}

enum rc bulletin_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ONE_MEMORY);
	struct bulletin_row row = { .origin = from->peer, .tell = c->notify != NULL };
	struct bulletin b;
	enum rc rc;

	(void)id;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	rc = bulletin_of_object(a, object, &row.id, &row.number, &b, err);
	if (rc == RC_OK)
		rc = bulletin_pack(a, &b, &row, err);
	if (rc == RC_OK)
		rc = keep(c, a, from, &b, &row, err);
	if (rc == RC_OK)
		bulletins_wake(c->bulletins);
	return for_good(rc);
}

enum rc bulletin_receipt_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct str actor = a == NULL ? S("") : arena_fmt(a, "peer:%.*s", STR(from->peer));
	struct bulletin_receipt r;
	enum rc rc;

	(void)id;
	if (actor.n == 0)
		return FAIL(err, RC_NOMEM, "receipt: out of memory");
	rc = bulletin_receipt_read(object, &r, err);
	if (rc == RC_OK)
		rc = bulletin_reach(c->node.store, r.bulletin, from->peer, BULLETIN_RECEIVED, r.received, actor, err);
	if (rc == RC_OK && r.read > 0)
		rc = bulletin_reach(c->node.store, r.bulletin, from->peer, BULLETIN_READ, r.read, actor, err);
	return for_good(rc);
}
