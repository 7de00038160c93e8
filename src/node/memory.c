/* Events gather in an open block, and beside it in the history's journal, where searches find them and a crash leaves
 * them. A full block, or one that is open for long, is handed to a thread that seals it and writes it, while the next one
 * fills; only when that is full too whoever brings events waits. Indicators that became known wait in
 * a list; another thread hunts for all that wait in one pass. What it finds takes the same way as a live hit, with the
 * event's own time.
 *
 * Who must acknowledge to a sender asks memory_settle: one sync serves all that was added until it began. */
#include "node/memory.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "detect/history.h"
#include "detect/hunt.h"
#include "node/detector.h"
#include "node/finds.h"

#define SEAL_AFTER (30 * USEC_PER_SEC)
#define HAND_ON_AFTER (3 * USEC_PER_SEC)
#define HURRY_BELOW USEC_PER_SEC /* a block that fills in less is sealed in a hurry: events come faster than they compress well */
#define EXPIRE_EACH (60 * USEC_PER_SEC)
#define AGAIN_EACH USEC_PER_SEC
#define LOOK_EACH USEC_PER_SEC
#define WAITING_FIRST 1024u
#define WAITING_MAX 1000000u             /* indicators that wait for one hunt; more are counted, and not looked for */
#define WAITING_BYTES ((size_t)512 << 20)
#define REPLAY_EVENTS 300000u             /* for correlations at the start: so many */
#define REPLAY_TIME (10 * USEC_PER_SEC)
#define DAY ((usec)86400 * USEC_PER_SEC)

enum closing {
	CLOSING_NONE,
	CLOSING_SEALS,          /* the sealer has `full`, without the lock */
	CLOSING_WRITES,         /* its bytes are in `sealed` and go to the disk, which may not take them for a while */
};

struct memory {
	struct detector *detector;
	pthread_t thread, sealer;
	pthread_mutex_t disk;   /* of the history's segments; taken before `lock` */
	pthread_mutex_t lock;   /* of the open block, the journal and all up to `added` */
	pthread_cond_t turned;  /* something of it changed */
	struct history *history;
	struct block_maker *maker, *full; /* events go into `maker` */
	enum closing closing;
	uint32_t closing_events;
	struct buf sealed;
	enum rc trouble;        /* why the closing block is not written yet */
	struct err why;
	bool again, ending;     /* for the sealer: try at once; nothing more will come */
	uint64_t added;         /* events ever, under the lock */
	pthread_mutex_t sync_lock;
	uint64_t durable;       /* of them, under sync_lock */
	pthread_mutex_t list_lock;
	pthread_cond_t bell;
	struct arena *waiting_arena;
	struct image_indicator *waiting;
	size_t n_waiting, waiting_room;
	bool was_told;
	usec upto, hunted_upto; /* what the list holds, and what was looked for and told: memory_learned_upto */
	bool stop;
	usec expired;
	_Atomic uint64_t hunts, hunted, found, not_waited;
};

/* --- writing; under the lock --- */

/* The open block is closed and the next one begins: the sealer's from now on. */
static enum rc turn(struct memory *m, struct err *err)
{
	struct block_maker *full = m->maker;
	uint64_t mark = history_mark(m->history);

	TRY(history_turn(m->history, err));
	block_maker_mark(full, mark);
	block_maker_hurry(full, block_maker_full(full) && time_mono() - block_maker_since(full) < HURRY_BELOW);
	m->maker = m->full;
	m->full = full;
	m->closing_events = block_maker_events(full);
	m->closing = CLOSING_SEALS;
	pthread_cond_broadcast(&m->turned);
	return RC_OK;
}

/* Until the block that was closed is written, or the disk said why not. */
static enum rc wait_for_disk(struct memory *m, struct err *err)
{
	while (m->closing != CLOSING_NONE && m->trouble == RC_OK)
		pthread_cond_wait(&m->turned, &m->lock);
	if (m->closing != CLOSING_NONE)
		return FAIL(err, m->trouble, "%s", m->why.text);
	return RC_OK;
}

/* The open block is closed, as soon as the one before it is written. */
static enum rc close_block(struct memory *m, struct err *err)
{
	const struct block_maker *maker = m->maker;

	TRY(wait_for_disk(m, err));
	/* While this one waited another may have closed it. */
	return m->maker != maker || block_maker_events(m->maker) == 0 ? RC_OK : turn(m, err);
}

/* All that was added is in written blocks. What the disk did not take before is tried once more. */
static enum rc seal(struct memory *m, struct err *err)
{
	if (m->closing != CLOSING_NONE && m->trouble != RC_OK) {
		m->again = true;
		m->trouble = RC_OK;
		pthread_cond_broadcast(&m->turned);
	}
	TRY(close_block(m, err));
	return wait_for_disk(m, err);
}

/* The journal first: what it does not take is not taken. */
static enum rc add_to_open(struct memory *m, const struct block_event *e, struct flat *f, struct str place, struct err *err)
{
	enum rc rc;

	TRY(history_keep(m->history, e, place, err));
	rc = block_maker_add(m->maker, e, f, err);
	if (rc != RC_OK) {
		history_unkeep(m->history);
		return rc;
	}
	m->added++;
	return place.n == 0 ? RC_OK : block_maker_place(m->maker, e->source, place, err);
}

static enum rc add(struct memory *m, const struct block_event *e, struct flat *f, struct str place, struct err *err)
{
	enum rc rc;

	for (;;) {
		while (block_maker_full(m->maker))
			TRY(close_block(m, err));
		rc = add_to_open(m, e, f, place, err);
		if (rc != RC_BUSY || block_maker_events(m->maker) == 0)
			return rc;
		TRY(close_block(m, err));
	}
}

enum rc memory_add(struct memory *m, const struct block_event *e, struct flat *f, struct str place, struct err *err)
{
	bool said = false;

	for (;;) {
		enum rc rc;

		pthread_mutex_lock(&m->lock);
		rc = add(m, e, f, place, err);
		pthread_mutex_unlock(&m->lock);
		if (rc != RC_FULL && rc != RC_IO)
			return rc;
		if (!said)
			log_line(LOG_LEVEL_ERROR, "history", "reading waits: %s", err->text);
		said = true;
		if (atomic_load(&m->detector->stopping))
			return RC_BUSY;
		time_nap(AGAIN_EACH);
	}
}

/* A journal that cannot be synced any more: what is open is sealed instead, which begins it anew. */
static enum rc sync_kept(struct memory *m, struct err *err)
{
	enum rc rc = history_keep_sync(m->history, err);

	if (rc != RC_IO)
		return rc;
	pthread_mutex_lock(&m->lock);
	rc = seal(m, err);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

enum rc memory_settle(struct memory *m, struct err *err)
{
	uint64_t mine, all;
	enum rc rc;

	pthread_mutex_lock(&m->lock);
	mine = m->added;
	rc = history_keep_flush(m->history, err);
	pthread_mutex_unlock(&m->lock);
	if (rc != RC_OK)
		return rc;
	pthread_mutex_lock(&m->sync_lock);
	if (m->durable < mine) {
		pthread_mutex_lock(&m->lock);
		rc = history_keep_flush(m->history, err);
		all = m->added;
		pthread_mutex_unlock(&m->lock);
		if (rc == RC_OK)
			rc = sync_kept(m, err);
		if (rc == RC_OK)
			m->durable = all;
	}
	pthread_mutex_unlock(&m->sync_lock);
	return rc;
}

/* Both locks are held. A block that the disk did not take yet tells too. */
static bool find_place(struct memory *m, struct str input, struct arena *a, struct str *ret)
{
	struct str name;

	while (m->closing == CLOSING_SEALS && !m->ending)
		pthread_cond_wait(&m->turned, &m->lock);
	if (block_maker_known(m->maker, input, ret))
		return true;
	for (uint32_t i = 0; m->closing == CLOSING_WRITES && block_source(buf_view(&m->sealed), i, &name, ret); i++)
		if (ret->n > 0 && str_eq(name, input))
			return true;
	return history_place(m->history, input, a, ret, NULL) == RC_OK;
}

bool memory_place(struct memory *m, struct str input, char *out, size_t room)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(1 << 16);
	struct str place;
	bool known;

	pthread_mutex_lock(&m->disk);
	pthread_mutex_lock(&m->lock);
	known = a != NULL && find_place(m, input, a, &place) && place.n < room;
	if (known)
		snprintf(out, room, "%.*s", STR(place));
	pthread_mutex_unlock(&m->lock);
	pthread_mutex_unlock(&m->disk);
	return known;
}

/* --- hunting --- */

static bool room_for_waiting(struct memory *m)
{
	size_t room = m->waiting_room == 0 ? WAITING_FIRST : 2 * m->waiting_room;
	struct image_indicator *more;

	if (m->n_waiting < m->waiting_room)
		return true;
	if (m->n_waiting >= WAITING_MAX)
		return false;
	more = mem_resize(m->waiting, room * sizeof *more);
	if (more == NULL)
		return false;
	m->waiting = more;
	m->waiting_room = room;
	return true;
}

void memory_learned(struct memory *m, const struct image_indicator *i)
{
	struct image_indicator copy = *i;

	if (m == NULL || i->revoked)
		return;
	pthread_mutex_lock(&m->list_lock);
	copy.id = arena_dup(m->waiting_arena, i->id);
	copy.pattern = arena_dup(m->waiting_arena, i->pattern);
	if (copy.id.p != NULL && copy.pattern.p != NULL && room_for_waiting(m))
		m->waiting[m->n_waiting++] = copy;
	else if (atomic_fetch_add(&m->not_waited, 1) == 0)
		log_line(LOG_LEVEL_ERROR, "history", "more new indicators wait than can be looked for in the past: hunt for them by hand");
	pthread_cond_signal(&m->bell);
	pthread_mutex_unlock(&m->list_lock);
}

void memory_learned_upto(struct memory *m, usec upto)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->list_lock);
	m->upto = upto;
	m->was_told = true;
	pthread_cond_signal(&m->bell);
	pthread_mutex_unlock(&m->list_lock);
}

bool memory_upto(struct memory *m, usec *ret)
{
	bool told;

	if (m == NULL)
		return false;
	pthread_mutex_lock(&m->list_lock);
	told = m->was_told;
	*ret = m->upto;
	pthread_mutex_unlock(&m->list_lock);
	return told;
}

/* After a crash, what was learned since is hunted again. */
static void tell_hunted(struct memory *m, usec upto)
{
	const struct sink *to = &m->detector->sink;
	struct err err = { 0 };

	if (upto == m->hunted_upto || atomic_load(&m->detector->stopping))
		return;
	if (to->hunted(to->ctx, upto, &err) == RC_OK)
		m->hunted_upto = upto;
	else
		log_line(LOG_LEVEL_WARN, "history", "%s", err.text);
}

/* What cannot be matched live was told already. */
static void on_refused(void *ctx, size_t i UNUSED, const struct err *why UNUSED)
{
	size_t *refused = ctx;

	(*refused)++;
}

static enum rc hunt(struct memory *m, const struct image_indicator *list, size_t n, size_t *ret_refused, struct err *err)
{
	struct history_opts o = { .dir = m->detector->history };
	struct history *h CLEANUP(history_closep) = NULL;
	struct hunt_matcher *matcher CLEANUP(hunt_matcher_freep) = NULL;
	struct finds *finds;
	struct hunt_opts how = { 0 };
	struct hunt_stats st = { 0 };
	enum rc rc;

	TRY(hunt_for_indicators(list, n, on_refused, ret_refused, &matcher, err));
	TRY(history_open(&o, &h, err));
	TRY(finds_new(&m->detector->sink, &m->detector->stopping, "history", &finds, err));
	rc = hunt_run(h, matcher, &how, finds_take, finds, &st, err);
	atomic_fetch_add(&m->found, finds_end(finds));
	finds_free(finds);
	return rc;
}

void memory_replay(struct memory *m)
{
	struct hunt_replay what = { .events = REPLAY_EVENTS, .time = REPLAY_TIME };
	struct history_opts o = { 0 };
	struct history *h CLEANUP(history_closep) = NULL;
	struct hunt_replayed done;
	struct err err = { 0 };
	usec begun = time_mono();
	enum rc rc;

	if (m == NULL)
		return;
	what.live = m->detector->live;
	what.patterns = m->detector->patterns;
	if ((what.live == NULL || live_span(what.live) == 0) && (what.patterns == NULL || patterns_span(what.patterns) == 0))
		return;
	o.dir = m->detector->history;
	rc = history_open(&o, &h, &err);
	if (rc == RC_OK)
		rc = hunt_replay(h, &what, &done, &err);
	if (rc != RC_OK && rc != RC_NOTFOUND)
		log_line(LOG_LEVEL_WARN, "history", "correlations begin anew: %s", err.text);
	else if (rc == RC_OK && done.events > 0)
		log_line(done.cut ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "history", "%llu events counted again for correlations, in %lld ms%s",
			 (unsigned long long)done.events, (long long)((time_mono() - begun) / 1000), done.cut ? "; older ones of their timespan are not" : "");
}

static void hunt_all(struct memory *m, const struct image_indicator *list, size_t n)
{
	struct err err = { 0 };
	size_t refused = 0;
	enum rc rc = hunt(m, list, n, &refused, &err);

	if (rc == RC_OK)
		atomic_fetch_add(&m->hunted, n - refused);
	else if (rc != RC_UNSUPPORTED && rc != RC_NOTFOUND)
		log_line(LOG_LEVEL_ERROR, "history", "hunt: %s", err.text);
	atomic_fetch_add(&m->hunts, 1);
}

/* The list as it is now becomes the thread's own, with its arena; a new one begins. False: nothing waits, or there is no memory yet. */
static bool take_waiting(struct memory *m, struct arena **ret_arena, struct image_indicator **ret, size_t *ret_n)
{
	struct arena *fresh = arena_new(WAITING_BYTES);
	bool any;

	pthread_mutex_lock(&m->list_lock);
	any = m->n_waiting > 0 && fresh != NULL;
	if (any) {
		*ret_arena = m->waiting_arena;
		*ret = m->waiting;
		*ret_n = m->n_waiting;
		m->waiting_arena = fresh;
		m->waiting = NULL;
		m->n_waiting = m->waiting_room = 0;
	}
	pthread_mutex_unlock(&m->list_lock);
	if (!any)
		arena_free(fresh);
	return any;
}

/* --- the thread that seals --- */

static void note_trouble(struct memory *m, enum rc rc, const struct err *err)
{
	m->trouble = rc;
	if (rc != RC_OK)
		m->why = *err;
	pthread_cond_broadcast(&m->turned);
}

/* The next block to seal or write; false: nothing more comes. After trouble not at once. */
static bool wait_for_block(struct memory *m)
{
	usec begun = time_mono();

	while (m->closing != CLOSING_NONE && m->trouble != RC_OK && !m->again && !m->ending)
		if (!cond_wait_for(&m->turned, &m->lock, begun + AGAIN_EACH - time_mono()))
			break;
	m->again = false;
	while (m->closing == CLOSING_NONE && !m->ending)
		pthread_cond_wait(&m->turned, &m->lock);
	return !m->ending;
}

/* Without locks: nobody else looks at `full` meanwhile. */
static void seal_full(struct memory *m)
{
	struct err err = { 0 };
	enum rc rc;

	buf_clear(&m->sealed);
	rc = block_maker_seal(m->full, time_now(), 0, &m->sealed, &err);
	pthread_mutex_lock(&m->lock);
	if (rc == RC_OK)
		m->closing = CLOSING_WRITES;
	note_trouble(m, rc, &err);
	pthread_mutex_unlock(&m->lock);
}

static void write_sealed(struct memory *m)
{
	struct err err = { 0 };
	enum rc rc;

	pthread_mutex_lock(&m->disk);
	rc = history_append(m->history, buf_view(&m->sealed), &err);
	pthread_mutex_lock(&m->lock);
	if (rc == RC_OK)
		m->closing = CLOSING_NONE;
	note_trouble(m, rc, &err);
	pthread_mutex_unlock(&m->lock);
	pthread_mutex_unlock(&m->disk);
}

static void *run_sealer(void *arg)
{
	struct memory *m = arg;

	for (;;) {
		enum closing closing;
		bool more;

		pthread_mutex_lock(&m->lock);
		more = wait_for_block(m);
		closing = m->closing;
		pthread_mutex_unlock(&m->lock);
		if (!more)
			return NULL;
		if (closing == CLOSING_SEALS)
			seal_full(m);
		else
			write_sealed(m);
	}
}

/* --- the thread that hunts --- */

/* An event whose matching began before the indicators were live is not in the history yet: what is in the works comes first, or
 * neither would find it. */
static void let_pass(struct memory *m)
{
	for (size_t i = 0; i < m->detector->conf->n_inputs; i++) {
		_Atomic uint64_t *turn = &m->detector->turn[i];
		uint64_t seen = atomic_load(turn);

		while (seen % 2 == 1 && atomic_load(turn) == seen && !atomic_load(&m->detector->stopping))
			time_nap(USEC_PER_SEC / 2000);
	}
}

/* Searches of other processes see what was flushed. */
static void flush(struct memory *m)
{
	struct err err = { 0 };

	pthread_mutex_lock(&m->lock);
	if (history_keep_flush(m->history, &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "history", "%s", err.text);
	pthread_mutex_unlock(&m->lock);
}

bool memory_seal(struct memory *m)
{
	struct err err = { 0 };
	bool good;

	pthread_mutex_lock(&m->lock);
	good = seal(m, &err) == RC_OK;
	pthread_mutex_unlock(&m->lock);
	if (!good)
		log_line(LOG_LEVEL_ERROR, "history", "%s", err.text);
	return good;
}

static void expire(struct memory *m)
{
	struct err err = { 0 };

	if (time_mono() - m->expired <= EXPIRE_EACH)
		return;
	m->expired = time_mono();
	pthread_mutex_lock(&m->disk);
	if (history_expire(m->history, time_now(), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "history", "%s", err.text);
	pthread_mutex_unlock(&m->disk);
}

static void keep_house(struct memory *m, bool now)
{
	usec since, after = m->detector->hands_on ? HAND_ON_AFTER : SEAL_AFTER;
	struct err err = { 0 };

	pthread_mutex_lock(&m->lock);
	since = block_maker_since(m->maker);
	if ((now || (since != 0 && time_mono() - since > after)) && (now ? seal(m, &err) : close_block(m, &err)) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "history", "%s", err.text);
	pthread_mutex_unlock(&m->lock);
	expire(m);
}

static void *run(void *arg)
{
	struct memory *m = arg;
	bool stop = false;

	while (!stop) {
		struct image_indicator *list;
		struct arena *a;
		usec until = time_mono() + LOOK_EACH, upto;
		size_t n;

		pthread_mutex_lock(&m->list_lock);
		while (!m->stop && m->n_waiting == 0 && cond_wait_for(&m->bell, &m->list_lock, until - time_mono()))
			;
		stop = m->stop;
		upto = m->upto;
		pthread_mutex_unlock(&m->list_lock);
		if (!stop && take_waiting(m, &a, &list, &n)) {
			let_pass(m);
			flush(m);
			hunt_all(m, list, n);
			mem_free(list);
			arena_free(a);
		}
		tell_hunted(m, upto);
		keep_house(m, stop);
		flush(m);
	}
	return NULL;
}

static enum rc memory_open(struct memory *m, struct err *err)
{
	const struct config *conf = m->detector->conf;
	struct history_opts o = { .dir = m->detector->history, .write = true, .max_bytes = (uint64_t)conf->history_mb << 20,
				  .max_age = conf->history_days * DAY };

	pthread_mutex_init(&m->disk, NULL);
	pthread_mutex_init(&m->lock, NULL);
	cond_init(&m->turned);
	pthread_mutex_init(&m->sync_lock, NULL);
	pthread_mutex_init(&m->list_lock, NULL);
	cond_init(&m->bell);
	buf_init(&m->sealed, BLOCK_BYTES_MAX);
	m->waiting_arena = arena_new(WAITING_BYTES);
	if (m->waiting_arena == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	TRY(block_maker_new(&m->maker, err));
	TRY(block_maker_new(&m->full, err));
	return history_open(&o, &m->history, err);
}

void memory_free(struct memory *m)
{
	if (m == NULL)
		return;
	history_close(m->history);
	block_maker_free(m->maker);
	block_maker_free(m->full);
	buf_done(&m->sealed);
	arena_free(m->waiting_arena);
	mem_free(m->waiting);
	pthread_cond_destroy(&m->bell);
	pthread_mutex_destroy(&m->list_lock);
	pthread_mutex_destroy(&m->sync_lock);
	pthread_cond_destroy(&m->turned);
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->disk);
	mem_free(m);
}

static void end_sealer(struct memory *m)
{
	pthread_mutex_lock(&m->lock);
	m->ending = true;
	pthread_cond_broadcast(&m->turned);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->sealer, NULL);
}

static enum rc start_threads(struct memory *m, struct err *err)
{
	if (pthread_create(&m->sealer, NULL, run_sealer, m) != 0)
		return FAIL(err, RC_IO, "history: cannot start a thread");
	if (pthread_create(&m->thread, NULL, run, m) == 0)
		return RC_OK;
	end_sealer(m);
	return FAIL(err, RC_IO, "history: cannot start a thread");
}

enum rc memory_start(struct detector *d, struct memory **ret, struct err *err)
{
	struct memory *m;
	enum rc rc;

	*ret = NULL;
	if (d->conf->history_mb == 0)
		return RC_OK;
	m = mem_alloc(sizeof *m);
	if (m == NULL)
		return FAIL(err, RC_NOMEM, "history: out of memory");
	m->detector = d;
	rc = memory_open(m, err);
	if (rc == RC_OK)
		rc = start_threads(m, err);
	if (rc != RC_OK) {
		memory_free(m);
		return rc;
	}
	*ret = m;
	return RC_OK;
}

void memory_stop(struct memory *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->list_lock);
	m->stop = true;
	pthread_cond_signal(&m->bell);
	pthread_mutex_unlock(&m->list_lock);
	pthread_join(m->thread, NULL);
	end_sealer(m);
}

void memory_status(struct memory *m, struct jsonw *w)
{
	struct history_stats st;
	uint32_t open;

	if (m == NULL)
		return;
	pthread_mutex_lock(&m->disk);
	pthread_mutex_lock(&m->lock);
	history_stats(m->history, &st);
	open = block_maker_events(m->maker) + (m->closing == CLOSING_NONE ? 0 : m->closing_events);
	pthread_mutex_unlock(&m->lock);
	pthread_mutex_unlock(&m->disk);
	jsonw_name(w, "history");
	jsonw_object(w);
	jsonw_m_int(w, "events", (int64_t)(st.events + open));
	jsonw_m_int(w, "unsealed", open);
	jsonw_m_int(w, "blocks", (int64_t)st.blocks);
	jsonw_m_int(w, "bytes", (int64_t)st.disk);
	jsonw_m_int(w, "expired_events", (int64_t)st.expired_events);
	jsonw_m_int(w, "hunts", (int64_t)atomic_load(&m->hunts));
	jsonw_m_int(w, "indicators_hunted", (int64_t)atomic_load(&m->hunted));
	jsonw_m_int(w, "found", (int64_t)atomic_load(&m->found));
	jsonw_m_int(w, "held_back", (int64_t)atomic_load(&m->not_waited));
	jsonw_object_end(w);
}
