/* A subscriber is a cursor. One thread serves them all, each in turn one event: what
 * lies behind its cursor, through the gate, is queued on its stream - but only while
 * little waits there. So a slow reader keeps its place and costs no memory, and a
 * quick one with a long way to go does not hold up the others.
 *
 * A stream lives for weeks, rights do not: before anything goes out, peer, account and
 * right are looked at again. Who lost one of them is ended in good order, comes again
 * and is told no at the door. */
#include "fed/stream.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/bell.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "gate/own.h"
#include "store/accounts.h"
#include "store/peers.h"

#define LOOK_EVERY (10 * USEC_PER_SEC)    /* should a ring be lost */
#define DRAIN_EVERY (USEC_PER_SEC / 100)  /* while a stream has more than its reader took yet */
#define SUBSCRIBER_MEMORY 16384
#define CHECK_MEMORY 65536

struct subscriber {
	struct http_stream *stream;
	struct arena *memory;    /* holds the texts below */
	struct viewer viewer;
	struct str root, id;     /* of the collection */
	struct str name;         /* "root/collection" for facts */
	uint32_t collection;
	usec after;
	bool due;                /* under the lock: something may lie behind the cursor */
};

struct streams {
	struct store *store;
	struct arena *check;     /* the thread's own */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool rung, stop;
	struct subscriber *subs[STREAM_SUBSCRIBERS_MAX];
	size_t n;
};

static void subscriber_free(struct subscriber *s)
{
	http_stream_close(s->stream);
	arena_free(s->memory);
	mem_free(s);
}

/* --- may it still? --- */

static bool peer_stands(struct streams *st, const struct viewer *v)
{
	struct peer p;

	return v->kind != VIEWER_PEER || (peer_get(st->store, v->name, st->check, &p, NULL) == RC_OK && !p.disabled && p.tlp_max >= v->tlp_max);
}

static bool account_stands(struct streams *st, const struct viewer *v)
{
	struct str account = v->kind == VIEWER_PEER ? v->account : v->kind == VIEWER_USER ? v->name : S("");
	struct user u;

	return account.n == 0 || (user_get(st->store, account, st->check, &u, NULL) == RC_OK && user_is_open(&u, time_now()) &&
				  u.tlp_max >= v->tlp_max && str_eq(u.role, v->role));
}

static bool may_read(struct streams *st, const struct subscriber *s)
{
	const struct viewer *v = &s->viewer;
	bool can_read = false, can_write = false;
	struct collection k;

	return collection_get(st->store, s->root, s->id, st->check, &k, NULL) == RC_OK && k.row == s->collection &&
	       own_or_right(st->store, v, &k, &can_read, &can_write, NULL) == RC_OK && can_read;
}

static bool still_may(struct streams *st, const struct subscriber *s)
{
	arena_reset(st->check);
	return peer_stands(st, &s->viewer) && account_stands(st, &s->viewer) && may_read(st, s);
}

/* --- sending --- */

/* {"objects": [...]} as one event whose id is the place behind its last object. */
static enum rc send_page(struct subscriber *s, const struct page *page)
{
	char id[TIME_TEXT_MAX];
	struct buf b;
	enum rc rc;

	buf_init(&b, STREAM_QUEUE_MAX);
	time_format(page->last, id);
	buf_fmt(&b, "id: %s\nevent: objects\ndata: {\"objects\":[", id);
	for (size_t i = 0; i < page->n_runs; i++) {
		if (i > 0)
			buf_char(&b, ',');
		buf_str(&b, page->runs[i]);
	}
	buf_cstr(&b, "]}\n\n");
	rc = b.bad != RC_OK ? b.bad : http_stream_send(s->stream, buf_view(&b));
	buf_done(&b);
	return rc;
}

enum turn { TURN_IDLE, TURN_BEHIND, TURN_GONE };

static enum turn send_next(struct streams *st, struct subscriber *s)
{
	struct page_query q = { .collection = s->collection, .added_after = s->after, .want_all = true,
				.limit = STREAM_EVENT_OBJECTS, .max_bytes = STREAM_EVENT_BYTES, .bodies = true };
	struct page page;
	enum turn turn;
	enum rc rc = RC_OK;

	if (!still_may(st, s))
		return TURN_GONE;
	/* The store's trouble is not the reader's: looked at again later. */
	if (gate_page(st->store, &s->viewer, PATH_STREAM, s->viewer.tlp_max, s->name, &q, &page, NULL) != RC_OK)
		return TURN_IDLE;
	if (page.n > 0)
		rc = send_page(s, &page);
	if (rc == RC_OK && page.last != 0)
		s->after = page.last;
	turn = rc != RC_OK && rc != RC_NOMEM ? TURN_GONE : page.more && page.last != 0 ? TURN_BEHIND : TURN_IDLE;
	page_done(&page);
	return turn;
}

static enum turn serve(struct streams *st, struct subscriber *s, bool due)
{
	if (http_stream_gone(s->stream))
		return TURN_GONE;
	if (!due)
		return TURN_IDLE;
	return http_stream_queued(s->stream) >= STREAM_EVENT_BYTES ? TURN_BEHIND : send_next(st, s);
}

/* --- the thread --- */

/* Only this thread takes subscribers out, so an index stays good while it is served. */
static struct subscriber *take_turn(struct streams *st, size_t i, bool look, bool *ret_due)
{
	struct subscriber *s;

	pthread_mutex_lock(&st->lock);
	s = i < st->n && !st->stop ? st->subs[i] : NULL;
	if (s != NULL) {
		*ret_due = s->due || look;
		s->due = false;
	}
	pthread_mutex_unlock(&st->lock);
	return s;
}

static void end_turn(struct streams *st, size_t *i, struct subscriber *s, enum turn turn)
{
	pthread_mutex_lock(&st->lock);
	if (turn == TURN_GONE)
		st->subs[*i] = st->subs[--st->n];
	else
		(*i)++;
	s->due = s->due || turn == TURN_BEHIND;
	pthread_mutex_unlock(&st->lock);
	if (turn == TURN_GONE)
		subscriber_free(s);
}

/* False when nothing rang within `span`. */
static bool wait_for_bell(struct streams *st, usec span)
{
	usec until = time_mono() + span;
	bool rung;

	pthread_mutex_lock(&st->lock);
	while (!st->rung && !st->stop && cond_wait_for(&st->bell, &st->lock, until - time_mono()))
		;
	rung = st->rung;
	st->rung = false;
	pthread_mutex_unlock(&st->lock);
	return rung;
}

static bool is_stopping(struct streams *st)
{
	bool stop;

	pthread_mutex_lock(&st->lock);
	stop = st->stop;
	pthread_mutex_unlock(&st->lock);
	return stop;
}

static void *pump(void *ctx)
{
	struct streams *st = ctx;
	bool look = false;

	while (!is_stopping(st)) {
		struct subscriber *s;
		bool behind = false, due = false;

		for (size_t i = 0; (s = take_turn(st, i, look, &due)) != NULL;) {
			enum turn turn = serve(st, s, due);

			behind |= turn == TURN_BEHIND;
			end_turn(st, &i, s, turn);
		}
		look = !wait_for_bell(st, behind ? DRAIN_EVERY : LOOK_EVERY) && !behind;
	}
	return NULL;
}

/* --- life --- */

enum rc streams_new(struct store *store, struct streams **ret, struct err *err)
{
	struct streams *st = mem_alloc(sizeof *st);

	if (st == NULL)
		return FAIL(err, RC_NOMEM, "streams: out of memory");
	st->store = store;
	st->check = arena_new(CHECK_MEMORY);
	pthread_mutex_init(&st->lock, NULL);
	cond_init(&st->bell);
	if (st->check == NULL || pthread_create(&st->thread, NULL, pump, st) != 0) {
		arena_free(st->check);
		mem_free(st);
		return FAIL(err, RC_NOMEM, "streams: cannot start");
	}
	*ret = st;
	return RC_OK;
}

void streams_free(struct streams *st)
{
	if (st == NULL)
		return;
	pthread_mutex_lock(&st->lock);
	st->stop = true;
	pthread_cond_signal(&st->bell);
	pthread_mutex_unlock(&st->lock);
	pthread_join(st->thread, NULL);
	for (size_t i = 0; i < st->n; i++)
		subscriber_free(st->subs[i]);
	arena_free(st->check);
	pthread_mutex_destroy(&st->lock);
	pthread_cond_destroy(&st->bell);
	mem_free(st);
}

void streams_wake(struct streams *st, uint32_t collection)
{
	pthread_mutex_lock(&st->lock);
	for (size_t i = 0; i < st->n; i++)
		if (st->subs[i]->collection == collection)
			st->rung = st->subs[i]->due = true;
	if (st->rung)
		pthread_cond_signal(&st->bell);
	pthread_mutex_unlock(&st->lock);
}

static bool keep_texts(struct subscriber *s, const struct viewer *v, const struct collection *k)
{
	struct str *all[] = { &s->viewer.name, &s->viewer.account, &s->viewer.role, &s->viewer.org, &s->root, &s->id };

	s->viewer = *v;
	s->root = k->root;
	s->id = k->id;
	for (size_t i = 0; i < COUNTOF(all); i++) {
		*all[i] = arena_dup(s->memory, *all[i]);
		if (all[i]->p == NULL)
			return false;
	}
	s->name = arena_fmt(s->memory, "%.*s/%.*s", STR(k->root), STR(k->alias.n > 0 ? k->alias : k->id));
	return s->name.p != NULL;
}

/* Where it begins; says too that the stream stands. */
static enum rc send_begin(struct subscriber *s)
{
	char id[TIME_TEXT_MAX], text[128];
	int n;

	if (s->after == INT64_MIN)
		return http_stream_send(s->stream, S("event: begin\ndata: {}\n\n"));
	time_format(s->after, id);
	n = snprintf(text, sizeof text, "id: %s\nevent: begin\ndata: {}\n\n", id);
	return http_stream_send(s->stream, str_make(text, (size_t)n));
}

static struct subscriber *subscriber_new(const struct viewer *v, const struct collection *k, usec after)
{
	struct subscriber *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->memory = arena_new(SUBSCRIBER_MEMORY);
	s->stream = http_stream_new(STREAM_QUEUE_MAX);
	s->collection = k->row;
	s->after = after;
	s->due = true;
	if (s->memory != NULL && s->stream != NULL && keep_texts(s, v, k) && send_begin(s) == RC_OK)
		return s;
	subscriber_free(s);
	return NULL;
}

enum rc streams_add(struct streams *st, const struct viewer *v, const struct collection *k, usec after, struct http_res *res,
		    struct err *err)
{
	struct subscriber *s = subscriber_new(v, k, after);
	bool room;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "streams: out of memory");
	pthread_mutex_lock(&st->lock);
	room = st->n < STREAM_SUBSCRIBERS_MAX && !st->stop;
	if (room) {
		http_res_stream(res, s->stream);
		st->subs[st->n++] = s;
		st->rung = true;
		pthread_cond_signal(&st->bell);
	}
	pthread_mutex_unlock(&st->lock);
	if (room)
		return RC_OK;
	subscriber_free(s);
	return FAIL(err, RC_BUSY, "streams: too many");
}
