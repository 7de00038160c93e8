/* Nothing is queued here: the collections that came in and a durable cursor for each are all the state, so a crash costs at
 * most that the last objects are handed over again. One peer whose object cannot be taken in now holds up itself alone, and of
 * its two lanes only the one. What came by the urgent lane of any peer is handed over before the next object of another lane. */
#include "node/exchange.h"

#include <pthread.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/bulletin_object.h"
#include "gate/admit.h"
#include "gate/own.h"
#include "node/bulletins.h"
#include "desk/case.h"
#include "node/cases.h"
#include "node/community.h"
#include "desk/community.h"
#include "node/core.h"
#include "intel/loaded_object.h"
#include "node/detector.h"
#include "node/loaded.h"
#include "node/ticket_share.h"
#include "soc/ticket_object.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/facts.h"
#include "store/peers.h"

#define PEERS_MAX 5000
#define NAME_MAX_ 64
#define PAGE 200
#define PAGE_BYTES ((size_t)8 << 20)
#define MEMORY ((size_t)128 << 20)
#define LOOK_EACH (30 * USEC_PER_SEC) /* looks by itself so often, should a ring be lost */
#define AGAIN_LEAST (USEC_PER_SEC / 4)
#define AGAIN_MOST (30 * USEC_PER_SEC)

static const struct exchange_kind KINDS[] = {
	{ BULLETIN_TYPE, bulletin_came },
	{ BULLETIN_RECEIPT_TYPE, bulletin_receipt_came },
	{ CASE_NODE, case_node_came },
	{ CASE_FACT, case_fact_came },
	{ CASE_RECEIPT, case_receipt_came },
	{ COMMUNITY_TYPE, community_came },
	{ LOADED_TYPE, loaded_came },
	{ TICKET_TYPE, ticket_came },
	{ TICKET_FEEDBACK_TYPE, ticket_feedback_came },
	{ "incident", case_incident_came },
	{ NULL, NULL },
};

/* What one peer delivers by one lane. */
struct box {
	char peer[NAME_MAX_ + 1], relation[16];
	enum share_lane lane;
	uint32_t collection;
	usec at;            /* the cursor: date_added of the last object that was handed over */
	usec pause, again;  /* after a failure: how long, and until when (time_mono) */
	bool due;           /* under lock */
};

struct exchange {
	struct core *core;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool rung, reload, stop, started; /* under lock */
	struct box *boxes;  /* changed by the thread under lock */
	size_t n;
	struct arena *urgent;      /* the thread's, for what is handed over in between */
	_Atomic bool urgent_came;
};

/* --- out --- */

static enum rc out_of(struct core *c, enum share_lane lane, struct str peer, struct arena *a, uint32_t *ret, struct err *err)
{
	struct collection k;
	struct peer p;

	TRY(peer_get(c->node.store, peer, a, &p, err));
	TRY(collection_get(c->node.store, S(OWN_ROOT), share_out(lane, peer, a), a, &k, err));
	*ret = k.row;
	return RC_OK;
}

enum rc exchange_send_by(struct core *c, enum share_lane lane, struct str peer, struct str object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(object.n * 8 + ((size_t)1 << 20));
	struct admit_opts o = { .tlp_ceiling = TLP_RED, .default_tlp = (uint8_t)c->node.config.default_tlp };
	struct admitted *done;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	TRY(out_of(c, lane, peer, a, &o.collection, err));
	TRY(store_source_id(c->node.store, S("node:desk"), &o.source, err));
	TRY(admit_objects(c->node.store, a, &o, &object, 1, &done, err));
	if (done[0].result == ADMIT_FAILED)
		return FAIL(err, RC_BAD, "to %.*s: %.*s", STR(peer), STR(done[0].message));
	return RC_OK;
}

enum rc exchange_send(struct core *c, struct str peer, struct str object, struct err *err)
{
	return exchange_send_by(c, SHARE_PLAIN, peer, object, err);
}

enum rc exchange_way(struct core *c, enum share_lane lane, struct str peer, uint32_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);

	return a == NULL ? FAIL(err, RC_NOMEM, "exchange: out of memory") : out_of(c, lane, peer, a, ret, err);
}

enum rc exchange_peers(struct core *c, struct str relation, struct arena *a, struct str **ret, size_t *ret_n, struct err *err)
{
	struct peer *list;
	struct str *names;
	size_t n, kept = 0;

	TRY(peer_list(c->node.store, a, &list, &n, err));
	names = arena_array(a, n + 1, sizeof *names);
	if (names == NULL)
		return FAIL(err, RC_NOMEM, "peers: the caller's memory is full");
	for (size_t i = 0; i < n; i++)
		if (!list[i].disabled && (relation.n == 0 || str_eq(relation, list[i].relation)))
			names[kept++] = list[i].name;
	*ret = names;
	*ret_n = kept;
	return RC_OK;
}

/* --- in --- */

/* By the collection's number, which is never used again: a peer that is removed and added begins anew, as its collections do. */
static struct str cursor_key(const struct box *b, char out[static 40])
{
	int n = snprintf(out, 40, "exchange:%u", b->collection);

	return str_make(out, (size_t)n);
}

static void keep_cursor(struct exchange *x, const struct box *b)
{
	char key[40], text[24];
	struct err err = { 0 };
	int n = snprintf(text, sizeof text, "%lld", (long long)b->at);

	if (cursor_put(x->core->node.store, cursor_key(b, key), str_make(text, (size_t)n), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "exchange", "cannot keep the cursor of %s: %s", b->peer, err.text);
}

static void note_refused(struct exchange *x, const struct box *b, const struct page_entry *e, const char *why)
{
	char actor[NAME_MAX_ + 8];
	struct fact f = { .kind = S("exchange.refuse"), .subject = e->id };
	struct jsonw w;
	struct buf body;

	snprintf(actor, sizeof actor, "peer:%s", b->peer);
	f.actor = str_of(actor);
	buf_init(&body, 4096);
	jsonw_init(&w, &body);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "why", why);
	jsonw_object_end(&w);
	f.body = buf_view(&body);
	/* What cannot be noted is refused all the same. */
	if (body.bad == RC_OK)
		(void)!fact_append(x->core->node.store, &f, NULL);
	buf_done(&body);
	log_line(LOG_LEVEL_WARN, "exchange", "%.*s of %s is refused: %s", STR(log_id(e->id, e->tlp, e->flags)), b->peer, why);
}

static enum rc hand_over(struct exchange *x, struct arena *a, const struct box *b, const struct page_entry *e, struct err *err)
{
	const struct exchange_from from = { .peer = str_of(b->peer), .relation = str_of(b->relation), .lane = b->lane };
	const struct exchange_kind *k = KINDS;
	const struct json *object;

	while (k->type != NULL && !str_eq(e->type, str_of(k->type)))
		k++;
	if (k->type == NULL)
		return RC_OK;
	TRY(json_parse(a, e->body, &JSON_LIMITS, &object, err));
	return k->came(x->core, &from, e->id, object, err);
}

static void take_urgent(struct exchange *x);

/* RC_OK: the page is done. */
static enum rc take_page(struct exchange *x, struct arena *a, struct box *b, const struct page *page)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; i < page->n && rc == RC_OK && !atomic_load(&x->core->stopping); i++) {
		struct err err = { 0 };

		if (b->lane != SHARE_URGENT)
			take_urgent(x);
		arena_reset(a);
		rc = hand_over(x, a, b, &page->entries[i], &err);
		if (rc == RC_BAD) {
			note_refused(x, b, &page->entries[i], err.text);
			rc = RC_OK;
		}
		if (rc == RC_OK)
			b->at = page->entries[i].added;
		else if (b->pause == 0)
			log_line(LOG_LEVEL_WARN, "exchange", "what %s sends waits: %s", b->peer, err.text);
	}
	return rc;
}

static bool is_due(struct exchange *x, struct box *b, bool all)
{
	bool due;

	pthread_mutex_lock(&x->lock);
	due = b->due || all || b->again != 0;
	b->due = false;
	pthread_mutex_unlock(&x->lock);
	return due && (b->again == 0 || time_mono() >= b->again);
}

static void take_in(struct exchange *x, struct arena *a, struct box *b)
{
	struct err err = { 0 };
	enum rc rc = RC_OK;
	bool more = true;

	while (more && rc == RC_OK && !atomic_load(&x->core->stopping)) {
		struct page_query q = { .collection = b->collection, .added_after = b->at, .want_all = true, .tlp_mask = UINT32_MAX,
					.limit = PAGE, .max_bytes = PAGE_BYTES, .bodies = true };
		struct page page;
		usec had = b->at;

		rc = store_page(x->core->node.store, &q, &page, &err);
		if (rc != RC_OK) {
			log_line(LOG_LEVEL_ERROR, "exchange", "%s: %s", b->peer, err.text);
			break;
		}
		more = page.more;
		rc = take_page(x, a, b, &page);
		page_done(&page);
		if (b->at != had)
			keep_cursor(x, b);
	}
	b->pause = rc == RC_OK ? 0 : b->pause == 0 ? AGAIN_LEAST : b->pause >= AGAIN_MOST / 2 ? AGAIN_MOST : b->pause * 2;
	b->again = rc == RC_OK ? 0 : time_mono() + b->pause;
}

/* Between two objects of another lane, however many of them wait: boxes stay where they are, since only this thread changes them. */
static void take_urgent(struct exchange *x)
{
	if (!atomic_exchange(&x->urgent_came, false))
		return;
	for (size_t i = 0; i < x->n && !atomic_load(&x->core->stopping); i++)
		if (x->boxes[i].lane == SHARE_URGENT && is_due(x, &x->boxes[i], false)) {
			take_in(x, x->urgent, &x->boxes[i]);
			if (x->boxes[i].again != 0) /* not only behind everything else */
				atomic_store(&x->urgent_came, true);
		}
}

/* --- which peers there are --- */

static enum rc read_cursor(struct exchange *x, struct arena *a, struct box *b, struct err *err)
{
	char key[40];
	struct str text;
	enum rc rc = cursor_get(x->core->node.store, cursor_key(b, key), a, &text, err);

	b->at = INT64_MIN;
	if (rc == RC_OK && !str_to_i64(text, &b->at))
		return FAIL(err, RC_CORRUPT, "exchange: cursor '%.*s'", STR(text));
	return rc == RC_NOTFOUND ? RC_OK : rc;
}

/* Its collections are made when they are missing: peers of a node that was made before there were any. */
static enum rc read_lanes(struct exchange *x, struct arena *a, const struct peer *p, struct box *boxes, struct err *err)
{
	struct share shares[SHARE_LANES];

	TRY(share_with(x->core->node.store, p->name, shares, err));
	for (enum share_lane lane = SHARE_PLAIN; lane < SHARE_LANES; lane++) {
		struct box *b = &boxes[lane];

		*b = (struct box){ .due = true, .lane = lane, .collection = shares[lane].in };
		snprintf(b->peer, sizeof b->peer, "%.*s", STR(p->name));
		snprintf(b->relation, sizeof b->relation, "%.*s", STR(p->relation));
		TRY(read_cursor(x, a, b, err));
	}
	return RC_OK;
}

static enum rc read_boxes(struct exchange *x, struct box **ret, size_t *ret_n, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)16 << 20);
	struct peer *list;
	struct box *boxes;
	size_t n, kept = 0;
	enum rc rc = RC_OK;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	TRY(peer_list(x->core->node.store, a, &list, &n, err));
	boxes = mem_array((n + 1) * SHARE_LANES, sizeof *boxes);
	if (boxes == NULL)
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	for (size_t i = 0; i < n && kept < PEERS_MAX * SHARE_LANES && rc == RC_OK; i++) {
		if (list[i].disabled)
			continue;
		rc = read_lanes(x, a, &list[i], &boxes[kept], err);
		kept += SHARE_LANES;
	}
	if (rc != RC_OK) {
		mem_free(boxes);
		return rc;
	}
	*ret = boxes;
	*ret_n = kept;
	return RC_OK;
}

static enum rc look_for_peers(struct exchange *x, struct err *err)
{
	struct box *boxes, *old;
	size_t n;

	TRY(read_boxes(x, &boxes, &n, err));
	pthread_mutex_lock(&x->lock);
	old = x->boxes;
	x->boxes = boxes;
	x->n = n;
	atomic_store(&x->urgent_came, true); /* all are looked at */
	pthread_mutex_unlock(&x->lock);
	mem_free(old);
	return RC_OK;
}

/* --- the thread --- */

static usec next_look(const struct exchange *x)
{
	usec now = time_mono(), least = LOOK_EACH;

	for (size_t i = 0; i < x->n; i++)
		if (x->boxes[i].again != 0 && x->boxes[i].again - now < least)
			least = x->boxes[i].again - now;
	return least < 1000 ? 1000 : least;
}

/* True: nothing rang, so all are looked at. */
static bool wait_for_bell(struct exchange *x, bool *ret_reload)
{
	usec until = time_mono() + next_look(x);
	bool rung;

	pthread_mutex_lock(&x->lock);
	while (!x->rung && !x->stop && cond_wait_for(&x->bell, &x->lock, until - time_mono()))
		;
	rung = x->rung;
	*ret_reload = x->reload;
	x->rung = x->reload = false;
	pthread_mutex_unlock(&x->lock);
	return !rung;
}

static void *run(void *ctx)
{
	struct exchange *x = ctx;
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	bool reload = false, all = true;

	if (a == NULL || (x->urgent = arena_new(MEMORY)) == NULL)
		log_line(LOG_LEVEL_ERROR, "exchange", "out of memory: what peers send to the desk waits for the next start");
	while (a != NULL && x->urgent != NULL && !atomic_load(&x->core->stopping)) {
		struct err err = { 0 };

		if (reload && look_for_peers(x, &err) != RC_OK)
			log_line(LOG_LEVEL_ERROR, "exchange", "%s", err.text);
		for (size_t i = 0; i < x->n && !atomic_load(&x->core->stopping); i++)
			if (is_due(x, &x->boxes[i], all))
				take_in(x, a, &x->boxes[i]);
		all = wait_for_bell(x, &reload);
	}
	arena_free(x->urgent);
	return NULL;
}

static void ring(struct exchange *x, bool reload, bool stop)
{
	pthread_mutex_lock(&x->lock);
	x->rung = true;
	x->reload |= reload;
	x->stop |= stop;
	pthread_cond_signal(&x->bell);
	pthread_mutex_unlock(&x->lock);
}

void exchange_came(struct core *c, uint32_t collection)
{
	struct exchange *x = c->exchange;

	if (x == NULL)
		return;
	pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < x->n; i++)
		if (x->boxes[i].collection == collection) {
			x->boxes[i].due = x->rung = true;
			if (x->boxes[i].lane == SHARE_URGENT)
				atomic_store(&x->urgent_came, true);
			pthread_cond_signal(&x->bell);
		}
	pthread_mutex_unlock(&x->lock);
}

void exchange_reload(struct core *c)
{
	if (c->exchange != NULL)
		ring(c->exchange, true, false);
}

enum rc exchange_open(struct core *c, struct err *err)
{
	struct exchange *x = mem_alloc(sizeof *x);

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	x->core = c;
	pthread_mutex_init(&x->lock, NULL);
	cond_init(&x->bell);
	c->exchange = x;
	return look_for_peers(x, err);
}

enum rc exchange_start(struct core *c, struct err *err)
{
	struct exchange *x = c->exchange;

	if (pthread_create(&x->thread, NULL, run, x) != 0)
		return FAIL(err, RC_IO, "exchange: cannot start a thread");
	x->started = true;
	return RC_OK;
}

void exchange_stop(struct core *c)
{
	struct exchange *x = c->exchange;

	if (x == NULL || !x->started)
		return;
	ring(x, false, true);
	pthread_join(x->thread, NULL);
	x->started = false;
}

void exchange_free(struct core *c)
{
	struct exchange *x = c->exchange;

	if (x == NULL)
		return;
	c->exchange = NULL;
	pthread_cond_destroy(&x->bell);
	pthread_mutex_destroy(&x->lock);
	mem_free(x->boxes);
	mem_free(x);
}
