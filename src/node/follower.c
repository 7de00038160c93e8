/* The follower: what newly stored objects mean to this node.
 *
 * The store's listener only rings a bell; a thread of its own then reads what is
 * new behind its cursors. So a burst of a million objects costs the writer
 * nothing, nothing can overflow, and the start of the node is the same code with
 * the cursor at the beginning: the detector's image fills while the node already
 * serves.
 *
 * Two things are followed: everything the node holds, for the detector's image
 * (cursor in memory), and the collection that goes up, for automatic release
 * downward (cursor durable: a release is done once). */
#include "base/bell.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "intel/decay.h"
#include "model/observable.h"
#include "node/community.h"
#include "node/core.h"
#include "node/exchange.h"
#include "node/loaded.h"
#include "stix/marking.h"
#include "store/facts.h"
#include "store/peers.h"
#include "store/verdicts.h"

#define FOLLOW_PAGE 1000
#define REMOVED_MAX 65536
#define VERDICTS_MAX 1000000u
#define VERDICT_PAGE 1000
#define VERDICT_MEMORY ((size_t)4 << 20)
#define TOLD_AT_ONCE ((size_t)64 << 10)
#define RELEASE_CURSOR S("release")
#define ROUND_LOOK (USEC_PER_SEC / 100)
#define BELL_EACH (5 * USEC_PER_SEC) /* looks by itself so often, should a ring be lost */

struct follower {
	struct core *core;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool rung, stop;
	bool reload_image;        /* too many removals at once: build anew */
	char (*removed)[64];      /* indicator ids deleted since the last look */
	size_t n_removed;
	usec image_at, release_at;/* date_added behind which is new */
	usec hunted;              /* what was added behind this is looked for in the past too */
	uint64_t link;            /* the connection that was told all up to image_at; 0: none */
	struct buf out;           /* frames for it */
	usec full_at;             /* it knows all there was up to here, */
	bool full;                /* if it does */
	_Atomic uint64_t loaded;
	uint64_t begun, told;     /* under lock: looks through the store, and the latest of which the detect role knows all */
	struct map *verdicts;     /* indicator → confirmations << 32 | false positives; the thread's own */
	_Atomic bool verdicts_old;
};

/* --- telling --- */

static bool flush(struct follower *f, struct err *err)
{
	bool good = f->out.bad == RC_OK && detect_link_tell(f->core->link, f->link, buf_view(&f->out));

	buf_clear(&f->out);
	if (!good) {
		f->link = 0;
		err_set(err, RC_PEER, "the detect role is away");
	}
	return good;
}

static enum rc tell(struct follower *f, const struct frame *frame, struct err *err)
{
	frame_put(&f->out, frame);
	return f->out.n < TOLD_AT_ONCE || flush(f, err) ? RC_OK : RC_PEER;
}

static enum rc tell_learn(struct follower *f, const struct image_indicator *i, bool fresh, struct err *err)
{
	if (f->core->detector != NULL)
		return detector_learn(f->core->detector, i, fresh, err);
	if (i->pattern.n > FRAME_PATTERN_MAX)
		return FAIL(err, RC_LIMIT, "indicator: a pattern of %zu bytes", i->pattern.n);
	return tell(f, &(struct frame){ .kind = FRAME_LEARN, .value = fresh, .learn = *i }, err);
}

void follower_ring(struct core *c)
{
	struct follower *f = c->follower;

	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->rung = true;
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
}

/* On the store's writer thread: must be quick. */
static void heard(void *ctx, const struct object_event *events, size_t n)
{
	struct follower *f = ctx;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < n && !f->stop; i++)
		if (!events[i].removed && str_eq(events[i].entry.type, S("indicator"))) {
			lab_loop_ring(f->core->lab_loop);
			break;
		}
	for (size_t i = 0; i < n; i++)
		if (events[i].removed && str_eq(events[i].entry.type, S("indicator")) && events[i].entry.id.n < sizeof f->removed[0]) {
			if (f->n_removed == REMOVED_MAX) {
				f->reload_image = true;
				continue;
			}
			memcpy(f->removed[f->n_removed], events[i].entry.id.p, events[i].entry.id.n);
			f->removed[f->n_removed++][events[i].entry.id.n] = '\0';
		}
	f->rung = true;
	pthread_cond_signal(&f->bell);
	/* Under the lock: after follower_stop the exchange may be gone. */
	for (size_t i = 0; i < n && !f->stop; i++)
		if (i == 0 || events[i].collection != events[i - 1].collection) {
			if (f->core->fed_server != NULL)
				fed_server_wake(f->core->fed_server, events[i].collection);
			if (f->core->fed != NULL)
				fed_wake(f->core->fed, events[i].collection);
			exchange_came(f->core, events[i].collection);
		}
	if (!f->stop)
		community_stored(f->core->community);
	if (!f->stop)
		loaded_wake(f->core->loaded);
	pthread_mutex_unlock(&f->lock);
}

static usec instant_of(const struct json *v, const char *name, usec fallback)
{
	struct str text = json_get_str(v, str_of(name));
	usec t;

	return text.p != NULL && time_parse(text, &t, NULL, NULL) == RC_OK ? t : fallback;
}

/* The end of an indicator that names none: its kind's lifetime behind its newest date. 0 = open. */
static usec lifetime_end(struct arena *a, const struct json *v, const struct image_indicator *ind)
{
	struct decay_facts facts = { .confidence = ind->confidence, .seen = instant_of(v, "modified", ind->valid_from) };
	struct value *values;
	size_t n;

	if (value_named_in_pattern(a, ind->pattern, &values, &n, NULL) != RC_OK || n == 0)
		return 0;
	facts.kind = values[0].kind;
	if (ind->valid_from > facts.seen)
		facts.seen = ind->valid_from;
	return decay_expiry(&facts);
}

/* What tickets came to, so that the detector's image carries it too. Without memory for it, the old one goes on. */
static void read_verdicts(struct follower *f)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(VERDICT_MEMORY);
	struct map *fresh = map_new(VERDICTS_MAX);
	char after[64] = "";
	struct verdict *list;
	size_t n = VERDICT_PAGE;

	while (a != NULL && fresh != NULL && n == VERDICT_PAGE &&
	       verdict_list(f->core->node.store, str_of(after), VERDICT_PAGE, a, &list, &n, NULL) == RC_OK) {
		for (size_t i = 0; i < n; i++) {
			uint64_t k = (uint64_t)list[i].confirmed & UINT32_MAX, wrong = (uint64_t)list[i].false_positives & UINT32_MAX;

			(void)!map_put(fresh, list[i].indicator, k << 32 | wrong);
			snprintf(after, sizeof after, "%.*s", STR(list[i].indicator));
		}
		arena_reset(a);
	}
	if (fresh == NULL)
		return;
	map_free(f->verdicts);
	f->verdicts = fresh;
}

static uint8_t confidence_of(const struct follower *f, struct str id, uint8_t stated)
{
	uint64_t v;

	if (f->verdicts == NULL || !map_get(f->verdicts, id, &v))
		return stated;
	return decay_confidence(stated, (int64_t)(v >> 32), (int64_t)(v & UINT32_MAX));
}

static enum rc learn_indicator(struct follower *f, struct arena *a, const struct page_entry *e, struct err *err)
{
	const struct json *v;
	struct image_indicator ind = { .id = e->id, .tlp = e->tlp, .confidence = confidence_of(f, e->id, e->confidence),
				       .revoked = (e->flags & OBJECT_REVOKED) != 0 };
	enum rc rc;

	arena_reset(a);
	if (json_parse(a, e->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return RC_OK;
	/* Of another language now: what an earlier version said is not true any more. */
	if (!str_eq(json_get_str(v, S("pattern_type")), S("stix")) && json_get(v, S("pattern_type")) != NULL)
		ind.revoked = true;
	ind.pattern = json_get_str(v, S("pattern"));
	ind.valid_from = instant_of(v, "valid_from", INT64_MIN);
	ind.valid_until = instant_of(v, "valid_until", 0);
	if (ind.valid_until == 0 && f->core->node.config.expire)
		ind.valid_until = lifetime_end(a, v, &ind);
	rc = tell_learn(f, &ind, e->added > f->hunted, err);
	if (rc == RC_PEER)
		return rc;
	if (rc != RC_OK && rc != RC_UNSUPPORTED)
		log_line(LOG_LEVEL_WARN, "detect", "%.*s is not live: %s", STR(log_id(e->id, e->tlp, e->flags)), rc_name(rc));
	atomic_fetch_add(&f->loaded, 1);
	return RC_OK;
}

/* Reads everything new for the image. */
static enum rc follow_image(struct follower *f, struct arena *a, struct err *err)
{
	static const struct str types[] = { S("indicator") };
	enum rc rc = RC_OK;

	for (bool more = true; more && !atomic_load(&f->core->stopping);) {
		struct page_query q = { .collection = NO_COLLECTION, .added_after = f->image_at, .types = types, .n_types = 1,
					.tlp_mask = UINT32_MAX, .limit = FOLLOW_PAGE, .bodies = true };
		struct page page;

		TRY(store_page(f->core->node.store, &q, &page, err));
		for (size_t i = 0; i < page.n && rc == RC_OK; i++)
			rc = learn_indicator(f, a, &page.entries[i], err);
		if (page.n > 0)
			f->image_at = page.entries[page.n - 1].added;
		more = page.more && page.n > 0;
		page_done(&page);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* Deleted from one collection it may still lie in another, or in an earlier version. */
static enum rc forget_one(struct follower *f, struct arena *a, struct str id, struct err *err)
{
	static const struct str types[] = { S("indicator") };
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .types = types,
				.n_types = 1, .tlp_mask = UINT32_MAX, .limit = 1, .bodies = true };
	struct page page;
	enum rc rc = RC_OK;

	TRY(store_page(f->core->node.store, &q, &page, err));
	if (page.n > 0)
		rc = learn_indicator(f, a, &page.entries[0], err);
	else
		rc = tell(f, &(struct frame){ .kind = FRAME_FORGET, .text = id }, err);
	page_done(&page);
	return rc;
}

/* Takes the latest removal off the list. */
static bool next_removed(struct follower *f, char id[static 64])
{
	bool any;

	pthread_mutex_lock(&f->lock);
	any = f->n_removed > 0;
	if (any)
		memcpy(id, f->removed[--f->n_removed], 64);
	pthread_mutex_unlock(&f->lock);
	return any;
}

static void forget_removed(struct follower *f, struct arena *a)
{
	struct err err = { 0 };
	char id[64];

	while (f->link != 0 && next_removed(f, id))
		if (forget_one(f, a, str_of(id), &err) != RC_OK && f->link != 0)
			log_line(LOG_LEVEL_ERROR, "detect", "a deleted indicator is still live: %s", rc_name(err.rc));
}

/* A role that stayed while core was away may know more than core wrote down. */
static void read_hunted(struct follower *f)
{
	usec knew = detect_link_knew(f->core->link);
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;

	if (a != NULL && cursor_get(f->core->node.store, HUNTED_CURSOR, a, &text, NULL) == RC_OK)
		(void)!str_to_i64(text, &f->hunted);
	if (knew != INT64_MIN && (knew > f->hunted || f->hunted == INT64_MAX))
		f->hunted = knew;
}

/* A detector that is new knows nothing. And when more was deleted at once than the list holds, everything is read again: until
 * that is done, less is live. */
static enum rc begin_anew(struct follower *f, struct err *err)
{
	uint64_t link = detect_link_now(f->core->link);
	bool many, anew;

	pthread_mutex_lock(&f->lock);
	many = f->reload_image;
	anew = many || link != f->link;
	f->reload_image = false;
	if (anew)
		f->n_removed = 0;
	pthread_mutex_unlock(&f->lock);
	if (!anew)
		return RC_OK;
	if (many)
		log_line(LOG_LEVEL_INFO, "detect", "many deletions: reading all indicators again");
	if (link != f->link)
		read_hunted(f);
	buf_clear(&f->out);
	f->image_at = INT64_MIN;
	f->link = link;
	f->full = false;
	return link == 0 ? RC_OK : tell(f, &(struct frame){ .kind = FRAME_CLEAR }, err);
}

static void save_release_cursor(struct follower *f)
{
	char text[24];
	struct err err = { 0 };
	int n = snprintf(text, sizeof text, "%lld", (long long)f->release_at);

	if (cursor_put(f->core->node.store, RELEASE_CURSOR, str_make(text, (size_t)n), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "release", "cannot keep the cursor: %s", err.text);
}

/* Links what may go down into the collection that goes down. */
static enum rc release_page(struct follower *f, const struct page *page, struct err *err)
{
	struct object_in in[FOLLOW_PAGE];
	enum put_result results[FOLLOW_PAGE];
	struct object_batch b = { .collection = f->core->down, .objects = in, .results = results };
	size_t n = 0;

	for (size_t i = 0; i < page->n; i++) {
		const struct page_entry *e = &page->entries[i];

		in[n++] = (struct object_in){ .id = e->id, .type = e->type, .version = e->version, .body = e->body, .spec = e->spec,
					      .tlp = e->tlp, .flags = e->flags, .confidence = e->confidence };
	}
	b.n = n;
	TRY(store_source_id(f->core->node.store, S("node:release"), &b.source, err));
	TRY(store_put(f->core->node.store, &b, err));
	for (size_t i = 0; i < n; i++)
		if (results[i] == PUT_LINKED || results[i] == PUT_STORED) {
			struct fact fact = { .kind = S("intel.release"), .actor = S("node"), .subject = in[i].id,
					     .body = S("{\"policy\":\"auto\"}") };

			TRY(fact_append_soon(f->core->node.store, &fact, err));
			log_line(LOG_LEVEL_INFO, "release", "%.*s goes down", STR(log_id(in[i].id, in[i].tlp, in[i].flags)));
		}
	return RC_OK;
}

static void follow_release(struct follower *f)
{
	static const struct str types[] = { S("indicator") };
	uint32_t mask = (2u << f->core->node.config.release_tlp) - 1;
	struct err err = { 0 };

	for (bool more = true; more && !atomic_load(&f->core->stopping);) {
		struct page_query q = { .collection = f->core->up, .added_after = f->release_at, .types = types, .n_types = 1,
					.tlp_mask = mask, .limit = FOLLOW_PAGE, .bodies = true };
		struct page page;
		enum rc rc = store_page(f->core->node.store, &q, &page, &err);

		if (rc == RC_OK) {
			more = page.more && page.n > 0;
			if (page.n > 0)
				rc = release_page(f, &page, &err);
			if (rc == RC_OK && page.n > 0) {
				f->release_at = page.entries[page.n - 1].added;
				save_release_cursor(f);
			}
			page_done(&page);
		}
		if (rc != RC_OK) {
			log_line(LOG_LEVEL_ERROR, "release", "%s", err.text);
			return;
		}
	}
}

static void wait_for_bell(struct follower *f)
{
	usec until = time_mono() + BELL_EACH;

	pthread_mutex_lock(&f->lock);
	while (!f->rung && !f->stop && cond_wait_for(&f->bell, &f->lock, until - time_mono()))
		;
	f->rung = false;
	pthread_mutex_unlock(&f->lock);
}

enum rc follower_read_once(struct core *c, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct follower once = { .core = c, .image_at = INT64_MIN, .hunted = INT64_MAX };

	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "detect: out of memory");
	read_verdicts(&once);
	rc = follow_image(&once, a, err);
	map_free(once.verdicts);
	return rc;
}

/* Everything new to the detect role, if it is here. */
static enum rc follow_for_detector(struct follower *f, struct arena *a, struct err *err)
{
	TRY(begin_anew(f, err));
	if (f->link == 0)
		return RC_OK;
	TRY(follow_image(f, a, err));
	forget_removed(f, a);
	if (f->link != 0 && (!f->full || f->full_at != f->image_at)) {
		TRY(tell(f, &(struct frame){ .kind = FRAME_FULL, .value = f->image_at }, err));
		f->full = true;
		f->full_at = f->image_at;
		f->hunted = f->image_at;
	}
	return f->out.n == 0 || flush(f, err) ? RC_OK : RC_PEER;
}

static void note_round(struct follower *f, bool told)
{
	pthread_mutex_lock(&f->lock);
	if (told)
		f->told = f->begun;
	else
		f->begun++;
	pthread_mutex_unlock(&f->lock);
}

bool follower_caught_up(struct core *c, usec until)
{
	struct follower *f = c->follower;
	uint64_t want;
	bool told = false;

	pthread_mutex_lock(&f->lock);
	want = f->begun + 1; /* one that begins from now on */
	f->rung = true;
	pthread_cond_signal(&f->bell);
	while (!(told = f->told >= want) && !f->stop && time_mono() < until) {
		pthread_mutex_unlock(&f->lock);
		time_nap(ROUND_LOOK);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return told;
}

static void *follow(void *ctx)
{
	struct follower *f = ctx;
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	bool release = str_eq(str_of(f->core->node.config.release), S("auto"));

	if (a == NULL) {
		log_line(LOG_LEVEL_ERROR, "detect", "out of memory: no indicator is live");
		return NULL;
	}
	while (!atomic_load(&f->core->stopping)) {
		struct err err = { 0 };

		if (atomic_exchange(&f->verdicts_old, false))
			read_verdicts(f);
		note_round(f, false);
		if (follow_for_detector(f, a, &err) == RC_OK)
			note_round(f, f->link != 0);
		else if (f->link != 0)
			log_line(LOG_LEVEL_ERROR, "detect", "cannot read indicators: %s", err.text);
		if (release)
			follow_release(f);
		wait_for_bell(f);
	}
	return NULL;
}

static enum rc read_release_cursor(struct follower *f, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;
	enum rc rc;

	f->release_at = INT64_MIN;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "release: out of memory");
	rc = cursor_get(f->core->node.store, RELEASE_CURSOR, a, &text, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	if (rc == RC_OK && !str_to_i64(text, &f->release_at))
		return FAIL(err, RC_CORRUPT, "release: cursor '%.*s'", STR(text));
	return rc;
}

enum rc follower_start(struct core *c, struct err *err)
{
	struct follower *f = mem_alloc(sizeof *f);
	enum rc rc;

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "follower: out of memory");
	*f = (struct follower){ .core = c, .image_at = INT64_MIN, .hunted = INT64_MAX, .verdicts_old = true };
	buf_init(&f->out, TOLD_AT_ONCE + FRAME_MAX);
	f->removed = mem_array(REMOVED_MAX, sizeof *f->removed);
	if (f->removed == NULL) {
		mem_free(f);
		return FAIL(err, RC_NOMEM, "follower: out of memory");
	}
	pthread_mutex_init(&f->lock, NULL);
	cond_init(&f->bell);
	c->follower = f; /* before the thread, which may be rung */
	rc = read_release_cursor(f, err);
	if (rc == RC_OK)
		rc = store_listen(c->node.store, heard, f, err);
	if (rc == RC_OK && pthread_create(&f->thread, NULL, follow, f) != 0)
		rc = FAIL(err, RC_IO, "follower: cannot start a thread");
	if (rc != RC_OK) {
		mem_free(f->removed);
		mem_free(f);
		c->follower = NULL;
	}
	return rc;
}

void follower_relearn(struct core *c, struct str id)
{
	struct follower *f = c->follower;

	if (f == NULL || id.n >= sizeof f->removed[0])
		return;
	pthread_mutex_lock(&f->lock);
	if (f->n_removed == REMOVED_MAX) {
		f->reload_image = true;
	} else {
		memcpy(f->removed[f->n_removed], id.p, id.n);
		f->removed[f->n_removed++][id.n] = '\0';
	}
	atomic_store(&f->verdicts_old, true);
	f->rung = true;
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
}

/* The thread ends here; the memory stays until the store is closed, because the store still rings. */
void follower_stop(struct core *c)
{
	struct follower *f = c->follower;

	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
}

void follower_free(struct core *c)
{
	if (c->follower == NULL)
		return;
	buf_done(&c->follower->out);
	map_free(c->follower->verdicts);
	mem_free(c->follower->removed);
	mem_free(c->follower);
	c->follower = NULL;
}
