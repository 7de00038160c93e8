/* The configured inputs: one thread follows one log, keeps its place durably and
 * hands hits on. A place is kept after the hits of what was read are stored, so a
 * crash repeats lines rather than losing them; while the disk takes nothing, reading
 * waits. */
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "detect/watch.h"
#include "node/detector.h"
#include "node/memory.h"
#include "node/once.h"
#include "node/ways.h"
#include "wire/log_line.h"

#define SEEN_MAX 100000
#define POLL_USEC (50 * 1000)
#define SAVE_EVERY USEC_PER_SEC  /* the place, when nothing was found meanwhile */
#define IDLE_EVERY USEC_PER_SEC  /* correlations wait no longer than they must */
#define AGAIN_EVERY USEC_PER_SEC /* a hit that could not be stored */

struct input {
	struct detector *detector;
	const struct config_input *conf;
	pthread_t thread;
	bool started;
	struct watch *watch;
	struct way *way;           /* its kind NULL: a file, followed here */
	struct once *seen;
	struct buf key;            /* scratch: of once.h */
	bool in_hand, unsettled;   /* an event is in the history and being matched; what was found in it is not recorded and will not be */
	uint64_t offset, inode;
	uint64_t saved_offset, saved_inode, hits_saved; /* when the place was last kept */
	usec saved;
	usec idled;
	struct buf json;
	_Atomic uint64_t ordinal, not_kept;
	_Atomic uint64_t lines, hits, rule_hits, suppressed, bad, cut, held_back;
	_Atomic bool away;         /* the file is not there */
};

struct inputs {
	struct input in[CONFIG_INPUTS_MAX];
	size_t n;
};

static void pause_input(usec span)
{
	struct timespec t = { .tv_sec = span / USEC_PER_SEC, .tv_nsec = span % USEC_PER_SEC * 1000 };

	nanosleep(&t, NULL);
}

/* What may pass by itself: a full disk, a database that is away. */
static bool may_pass(enum rc rc)
{
	return rc == RC_FULL || rc == RC_BUSY || rc == RC_IO || rc == RC_NOMEM;
}

static enum rc store_rule(struct input *in, const void *hit, struct str key, struct err *err)
{
	return in->detector->sink.rule_hit(in->detector->sink.ctx, hit, key, err);
}

static enum rc store_indicator(struct input *in, const void *hit, struct str key, struct err *err)
{
	return in->detector->sink.hit(in->detector->sink.ctx, hit, key, err);
}

/* Until it is stored, the node stops, or what stands in the way will not pass by itself. `what`: "hit on", for the log.
 * RC_CONFLICT: it was stored before, today. */
static enum rc store_surely(struct input *in, enum rc (*store)(struct input *, const void *, struct str, struct err *), const void *hit,
			    struct str key, const char *what, struct str id)
{
	struct err err = { 0 };
	bool said = false;
	enum rc rc;

	while ((rc = store(in, hit, key, &err)) != RC_OK && rc != RC_CONFLICT) {
		bool again = may_pass(rc) && !atomic_load(&in->detector->stopping);

		if (!said || !again)
			log_line(LOG_LEVEL_ERROR, "input", "%s: %s %.*s is not recorded%s: %s", in->conf->name, what, STR(id), again ? " yet" : "",
				 err.text);
		said = true;
		if (!again) {
			in->unsettled = in->unsettled || may_pass(rc);
			return rc;
		}
		pause_input(AGAIN_EVERY);
	}
	return rc;
}

/* The reason is told once a day for each indicator: the best known sites would flood the log. */
static void on_suppressed(struct input *in, const struct hit *h)
{
	char key[96];

	snprintf(key, sizeof key, "suppressed %.*s", STR(str_slice(h->indicator, 0, 80)));
	if (once_has(in->seen, str_of(key)))
		return;
	once_note(in->seen, str_of(key));
	log_line(LOG_LEVEL_INFO, "suppressed", "%s: %.*s meets a value of the warning list '%.*s'", in->conf->name,
		 STR(log_id(h->indicator, h->tlp, 0)), STR(h->suppressed));
}

/* What was found in the event at hand is recorded, so it may be sealed. */
static void settle(struct input *in)
{
	if (in->in_hand && !in->unsettled)
		memory_matched(in->detector->memory);
	in->in_hand = in->in_hand && in->unsettled;
}

/* The history keeps what stands alone: a line of Zeek needs its header, so its JSON is kept. */
static enum rc on_event(void *ctx, struct flat *f, struct str line, uint64_t behind, struct err *err)
{
	struct input *in = ctx;
	struct block_event e = { .line = line, .format = f->format, .source = str_of(in->conf->name), .time = flat_time(f),
				 .ordinal = atomic_load(&in->ordinal) };
	char place[64];
	enum rc rc;

	if (e.time == 0)
		e.time = time_now();
	if (f->format == LOG_ZEEK) {
		buf_clear(&in->json);
		flat_json_print(f, &in->json);
		e.line = buf_view(&in->json);
		e.format = LOG_JSON;
	}
	snprintf(place, sizeof place, "%llu %llu", (unsigned long long)in->inode, (unsigned long long)behind);
	settle(in);
	rc = memory_add(in->detector->memory, &e, f, str_of(place), err);
	in->in_hand = rc == RC_OK;
	atomic_fetch_add(&in->ordinal, rc == RC_OK);
	if (rc == RC_LIMIT) { /* no block can hold it: matched all the same */
		atomic_fetch_add(&in->not_kept, 1);
		return RC_OK;
	}
	return rc;
}

/* True when it is news and stored. in->key tells what is news. */
static bool report(struct input *in, enum rc (*store)(struct input *, const void *, struct str, struct err *), const void *hit, const char *what,
		   struct str id)
{
	struct str key = buf_view(&in->key);
	enum rc rc = once_has(in->seen, key) ? RC_CONFLICT : store_surely(in, store, hit, key, what, id);

	if (rc == RC_CONFLICT)
		atomic_fetch_add(&in->held_back, 1);
	if (rc == RC_OK || rc == RC_CONFLICT)
		once_note(in->seen, key);
	return rc == RC_OK;
}

static void on_hit(void *ctx, const struct hit *h)
{
	struct input *in = ctx;

	if (h->suppressed.n > 0) {
		on_suppressed(in, h);
		return;
	}
	atomic_fetch_add(&in->hits, 1);
	buf_clear(&in->key);
	once_key_hit(&in->key, h->input, h->indicator);
	if (report(in, store_indicator, h, "hit on", log_id(h->indicator, h->tlp, 0)))
		log_line(LOG_LEVEL_INFO, "alert", "%s: %.*s", in->conf->name, STR(log_id(h->indicator, h->tlp, 0)));
}

static void on_rule_hit(void *ctx, const struct rule_hit *h)
{
	struct input *in = ctx;

	atomic_fetch_add(&in->rule_hits, 1);
	buf_clear(&in->key);
	once_key_rule(&in->key, h);
	if (report(in, store_rule, h, "match of rule", h->id))
		log_line(LOG_LEVEL_INFO, "alert", "%s: rule %.*s", in->conf->name, STR(h->id));
}

static void save_place(struct input *in)
{
	const struct sink *to = &in->detector->sink;
	struct err err = { 0 };
	char place[64];
	int n = snprintf(place, sizeof place, "%llu %llu", (unsigned long long)in->inode, (unsigned long long)in->offset);

	if (to->place_put(to->ctx, str_of(in->conf->name), str_make(place, (size_t)n), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "input", "%s: cannot keep its place: %s", in->conf->name, err.text);
}

static enum rc load_place(struct input *in, struct err *err)
{
	const struct sink *from = &in->detector->sink;
	char place[PLACE_TEXT_MAX + 1];
	struct str text = { place, 0 }, inode;

	/* What was read and not yet sealed when a node died is read again: the history's own place counts, where it has one. */
	if (in->detector->memory == NULL || !memory_place(in->detector->memory, str_of(in->conf->name), place, sizeof place)) {
		enum rc rc = from->place_get(from->ctx, str_of(in->conf->name), place, sizeof place, err);

		if (rc != RC_OK)
			return rc == RC_NOTFOUND ? RC_OK : rc;
	}
	text = str_of(place);
	if (!str_next(&text, ' ', &inode) || !str_to_u64(inode, &in->inode) || !str_to_u64(text, &in->offset))
		in->inode = in->offset = 0;
	in->saved_offset = in->offset;
	in->saved_inode = in->inode;
	return RC_OK;
}

/* At once after a hit; else not more often than the disk likes. With a history the place lies in its sealed blocks: one kept here
 * would be ahead of them. */
static void keep_place(struct input *in, bool now)
{
	uint64_t hits = atomic_load(&in->hits);

	if (in->detector->memory != NULL && !now)
		return;
	if (in->offset == in->saved_offset && in->inode == in->saved_inode)
		return;
	if (!now && hits == in->hits_saved && time_mono() - in->saved < SAVE_EVERY)
		return;
	save_place(in);
	in->saved_offset = in->offset;
	in->saved_inode = in->inode;
	in->hits_saved = hits;
	in->saved = time_mono();
}

static void note_state(struct input *in, enum rc rc, const struct err *err)
{
	struct watch_stats st;

	if (rc != RC_OK && !atomic_exchange(&in->away, true))
		log_line(LOG_LEVEL_WARN, "input", "%s: %s", in->conf->name, err->text);
	if (rc == RC_OK && atomic_exchange(&in->away, false))
		log_line(LOG_LEVEL_INFO, "input", "%s: reading %s", in->conf->name, in->conf->path);
	settle(in);
	watch_stats(in->watch, &st);
	atomic_store(&in->lines, st.lines);
	atomic_store(&in->bad, st.bad_lines);
	atomic_store(&in->cut, st.cut);
	atomic_store(&in->suppressed, st.suppressed);
}

static enum rc on_message(void *ctx, const struct input_message *m, struct err *err)
{
	struct input *in = ctx;

	TRY(watch_feed(in->watch, m->bytes, err));
	TRY(watch_end(in->watch, err));
	settle(in);
	return RC_OK;
}

static void listen_for_messages(struct input *in)
{
	while (!atomic_load(&in->detector->stopping)) {
		struct err err = { 0 };
		bool any = false;
		enum rc rc = in->way->kind->run(in->way->self, POLL_USEC, on_message, in, &any, &err);

		note_state(in, rc, &err);
		if (!any && time_mono() - in->idled > IDLE_EVERY) {
			(void)!watch_idle(in->watch, NULL);
			in->idled = time_mono();
		}
		if (rc != RC_OK)
			pause_input(POLL_USEC);
	}
}

static void *run_input(void *ctx)
{
	struct input *in = ctx;

	/* Lines written while the node was away are read once: not before every indicator is live. */
	while (!atomic_load(&in->detector->stopping) && !atomic_load(&in->detector->image_full))
		pause_input(POLL_USEC);
	patterns_settle(in->detector->patterns);
	if (in->way->kind != NULL) {
		listen_for_messages(in);
		return NULL;
	}
	while (!atomic_load(&in->detector->stopping)) {
		struct err err = { 0 };
		bool more = false;
		enum rc rc = follow_read(in->conf->path, &in->offset, &in->inode, in->watch, &more, &err);

		note_state(in, rc, &err);
		if (!more && time_mono() - in->idled > IDLE_EVERY) {
			(void)!watch_idle(in->watch, NULL);
			in->idled = time_mono();
		}
		keep_place(in, false);
		if (!more)
			pause_input(POLL_USEC);
	}
	return NULL;
}

static enum rc start_input(struct detector *d, const struct config_input *conf, struct way *way, struct input *in, struct err *err)
{
	*in = (struct input){ .detector = d, .conf = conf, .way = way };
	buf_init(&in->json, 4 * WATCH_LINE_MAX);
	buf_init(&in->key, 1 << 16);
	in->seen = once_new(SEEN_MAX);
	if (in->seen == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	TRY(watch_new(d->image, str_of(conf->name), on_hit, in, &in->watch, err));
	TRY(watch_patterns(in->watch, d->patterns, err));
	if (!str_eq(str_of(conf->format), S("auto")))
		watch_format(in->watch, log_format_find(str_of(conf->format)));
	if (d->live != NULL)
		TRY(watch_rules(in->watch, d->live, on_rule_hit, err));
	if (d->memory != NULL)
		watch_events(in->watch, on_event);
	if (in->way->kind == NULL)
		TRY(load_place(in, err));
	else if (in->way->self == NULL)
		TRY(in->way->kind->open(&(struct input_opts){ .name = conf->name, .path = conf->path }, S(""), &in->way->self, err));
	if (pthread_create(&in->thread, NULL, run_input, in) != 0)
		return FAIL(err, RC_IO, "input: cannot start a thread");
	in->started = true;
	return RC_OK;
}

enum rc inputs_start(struct detector *d, struct err *err)
{
	d->inputs = mem_alloc(sizeof *d->inputs);
	if (d->inputs == NULL)
		return FAIL(err, RC_NOMEM, "inputs: out of memory");
	for (size_t i = 0; i < d->conf->n_inputs; i++) {
		enum rc rc = start_input(d, &d->conf->inputs[i], &d->ways->way[i], &d->inputs->in[d->inputs->n++], err);

		if (rc != RC_OK) {
			err_prefix(err, "[input %s]", d->conf->inputs[i].name);
			return rc;
		}
	}
	return RC_OK;
}

/* detector.stopping is set by the caller. */
void inputs_stop(struct detector *d)
{
	bool sealed;

	if (d->inputs == NULL)
		return;
	for (size_t i = 0; i < d->inputs->n; i++) {
		struct input *in = &d->inputs->in[i];

		if (in->started)
			pthread_join(in->thread, NULL);
	}
	sealed = d->memory == NULL || memory_seal(d->memory);
	for (size_t i = 0; i < d->inputs->n; i++) {
		struct input *in = &d->inputs->in[i];

		if (sealed && in->started && in->way->kind == NULL)
			keep_place(in, true);
		watch_free(in->watch);
		buf_done(&in->json);
		buf_done(&in->key);
		once_free(in->seen);
	}
	mem_free(d->inputs);
	d->inputs = NULL;
}

void inputs_status(const struct detector *d, struct jsonw *w)
{
	jsonw_name(w, "inputs");
	jsonw_array(w);
	for (size_t i = 0; d->inputs != NULL && i < d->inputs->n; i++) {
		struct input *in = &d->inputs->in[i];

		jsonw_object(w);
		jsonw_m_cstr(w, "name", in->conf->name);
		jsonw_m_cstr(w, "path", in->conf->path);
		if (in->way->self != NULL) {
			struct input_stats st;

			in->way->kind->stats(in->way->self, &st);
			jsonw_m_int(w, "messages", (int64_t)st.messages);
			jsonw_m_int(w, "bytes", (int64_t)st.bytes);
			jsonw_m_int(w, "connections", (int64_t)st.senders);
			jsonw_m_int(w, "refused_connections", (int64_t)st.refused);
			jsonw_m_int(w, "too_long", (int64_t)st.too_long);
			jsonw_m_int(w, "dropped", (int64_t)st.dropped);
		}
		jsonw_m_bool(w, "present", !atomic_load(&in->away));
		jsonw_m_int(w, "lines", (int64_t)atomic_load(&in->lines));
		jsonw_m_int(w, "bad_lines", (int64_t)atomic_load(&in->bad));
		jsonw_m_int(w, "cut", (int64_t)atomic_load(&in->cut));
		jsonw_m_int(w, "hits", (int64_t)atomic_load(&in->hits));
		jsonw_m_int(w, "suppressed", (int64_t)atomic_load(&in->suppressed));
		jsonw_m_int(w, "rule_hits", (int64_t)atomic_load(&in->rule_hits));
		jsonw_m_int(w, "held_back", (int64_t)atomic_load(&in->held_back));
		jsonw_m_int(w, "not_kept", (int64_t)atomic_load(&in->not_kept));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}
