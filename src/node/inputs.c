/* The configured inputs: one thread follows one log, keeps its place durably and
 * hands hits on. A place is kept after the hits of what was read are stored, so a
 * crash repeats lines rather than losing them; while the disk takes nothing, reading
 * waits. What comes again and again is held for a second and handed on with its count. */
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "detect/watch.h"
#include "node/detector.h"
#include "node/memory.h"
#include "node/once.h"
#include "node/repeats.h"
#include "node/ways.h"
#include "wire/log_line.h"

#define SEEN_MAX 100000
#define POLL_USEC (50 * 1000)
#define SAVE_EVERY USEC_PER_SEC  /* the place, when nothing was found meanwhile */
#define IDLE_EVERY USEC_PER_SEC  /* correlations wait no longer than they must */
#define TELL_EVERY USEC_PER_SEC  /* the counts, while they grow */
#define AGAIN_EVERY USEC_PER_SEC /* a hit that could not be stored */

struct counts {
	struct watch_stats watch;
	struct input_stats way;
	uint64_t hits, rule_hits, held_back, kept, not_kept;
};

struct input {
	struct detector *detector;
	const struct config_input *conf;
	pthread_t thread;
	bool started;
	struct watch *watch;
	const struct event_keys *known; /* of the event at hand, for the history */
	struct way *way;
	struct once *seen;
	struct repeats *repeats;   /* what comes again and again */
	struct buf key;            /* scratch: of once.h */
	bool unsettled;            /* what was found in the event at hand is not recorded and will not be: it must come again */
	const struct input_message *message; /* the one at hand */
	bool inside;               /* a line of it, and not the last: its place is not reached yet */
	char part[INPUT_PART_MAX + 1], place[INPUT_PLACE_MAX + 1]; /* of the latest message, while place_due */
	bool place_due;
	uint64_t hits_saved;       /* when the place was last kept */
	usec saved;
	usec idled;
	uint64_t settled;          /* messages, when its senders were last told */
	uint64_t told_lines;       /* when the counts were last told, */
	usec told;                 /* and when that was */
	bool untold;               /* what came is not durable, for a while: said in the log */
	usec begun;
	struct buf json;
	_Atomic uint64_t ordinal, not_kept;
	_Atomic uint64_t hits, rule_hits, held_back, kept;
	pthread_mutex_t lock;      /* of `shown` */
	struct counts shown;       /* as of the last message: what belongs together was counted together */
	_Atomic bool away;         /* its source is not there */
	_Atomic bool silent;       /* nothing came for longer than it may */
};

struct inputs {
	struct input in[CONFIG_INPUTS_MAX];
	_Atomic size_t n; /* of those that were started */
	pthread_mutex_t replay_lock;
	bool replayed;    /* memory_replay, under the lock */
};

static void pause_input(usec span)
{
	struct timespec t = { .tv_sec = span / USEC_PER_SEC, .tv_nsec = span % USEC_PER_SEC * 1000 };

	nanosleep(&t, NULL);
}

/* Only the input's own thread writes these; others look on. */
static void count(_Atomic uint64_t *n)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
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

/* "firewall", or "app:web.log" for a file of many. */
static struct str source_name(const struct input *in, struct str part, char out[static BLOCK_NAME_MAX + 1])
{
	int n;

	if (part.n == 0) /* each event asks */
		return str_of(in->conf->name);
	n = snprintf(out, BLOCK_NAME_MAX + 1, "%.*s:%.*s", BLOCK_NAME_MAX - INPUT_PART_MAX - 1, in->conf->name, STR(part));

	return str_make(out, n > BLOCK_NAME_MAX ? BLOCK_NAME_MAX : (size_t)n);
}

/* The history keeps what stands alone: a line of Zeek needs its header, so its JSON is kept. */
static enum rc on_event(void *ctx, struct flat *f, struct str line, struct err *err)
{
	struct input *in = ctx;
	char name[BLOCK_NAME_MAX + 1] UNINIT, place[INPUT_PLACE_MAX + 1] UNINIT;
	struct block_event e = { .line = line, .format = f->format, .source = source_name(in, in->message->part, name), .time = flat_time(f),
				 .ordinal = atomic_load(&in->ordinal) + 1, .known = in->known };
	enum rc rc;

	place[0] = '\0';
	if (in->unsettled)
		return FAIL(err, RC_BUSY, "what was found in it is not recorded");
	if (in->detector->memory == NULL)
		return RC_OK;
	if (e.time == 0)
		e.time = time_now();
	if (f->format == LOG_ZEEK) {
		buf_clear(&in->json);
		flat_json_print(f, &in->json);
		e.line = buf_view(&in->json);
		e.format = LOG_JSON;
	}
	if (!in->inside)
		in->way->kind->place(in->way->self, place);
	rc = memory_add(in->detector->memory, &e, f, str_of(place), err);
	if (rc == RC_OK) {
		count(&in->ordinal);
		count(&in->kept);
	}
	if (rc == RC_LIMIT) { /* no block can hold it: matched all the same */
		count(&in->not_kept);
		return RC_OK;
	}
	return rc;
}

static void hand_on(void *ctx, const struct hit *h, const struct rule_hit *rule)
{
	struct input *in = ctx;

	/* The log tells what is not recorded. */
	if (rule != NULL)
		(void)!store_surely(in, store_rule, rule, S(""), "matches of rule", rule->id);
	else
		(void)!store_surely(in, store_indicator, h, S(""), "hits on", log_id(h->indicator, h->tlp, 0));
}

/* True when it is news and stored. in->key tells what is news; what is not is counted. */
static bool report(struct input *in, enum rc (*store)(struct input *, const void *, struct str, struct err *), const void *hit, const char *what,
		   struct str id)
{
	struct str key = buf_view(&in->key);
	enum rc rc = once_has(in->seen, key) ? RC_CONFLICT : store_surely(in, store, hit, key, what, id);

	if (rc == RC_OK || rc == RC_CONFLICT)
		once_note(in->seen, key);
	if (rc != RC_CONFLICT)
		return rc == RC_OK;
	atomic_fetch_add(&in->held_back, 1);
	if (!(store == store_rule ? repeats_hold_rule(in->repeats, key, hit) : repeats_hold_hit(in->repeats, key, hit)))
		(void)!store_surely(in, store, hit, S(""), what, id);
	return false;
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
	once_key_hit(&in->key, h->input, h->indicator, h->where);
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

/* --- places: the history's own, where there is one; else the records' --- */

static void save_place(struct input *in)
{
	const struct sink *to = &in->detector->sink;
	char name[BLOCK_NAME_MAX + 1];
	struct err err = { 0 };

	if (!in->place_due)
		return;
	repeats_hand_on(in->repeats, hand_on, in); /* a place is behind what was found before it */
	if (to->place_put(to->ctx, source_name(in, str_of(in->part), name), str_of(in->place), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "input", "%s: cannot keep its place: %s", in->conf->name, err.text);
	in->place_due = false;
	in->hits_saved = atomic_load(&in->hits);
	in->saved = time_mono();
}

/* At once after a hit; else not more often than the disk likes. With a history the place lies in its journal and blocks. */
static void keep_place(struct input *in)
{
	if (in->detector->memory == NULL && in->place_due && (atomic_load(&in->hits) != in->hits_saved || time_mono() - in->saved > SAVE_EVERY))
		save_place(in);
}

static void note_place(struct input *in, struct str part)
{
	if ((in->way->kind->traits & INPUT_HAS_PLACE) == 0)
		return;
	if (!str_eq(part, str_of(in->part))) {
		if (in->detector->memory == NULL)
			save_place(in);
		snprintf(in->part, sizeof in->part, "%.*s", STR(part));
	}
	in->way->kind->place(in->way->self, in->place);
	in->place_due = true;
}

/* What was read and not yet sealed when a node died is read again: the history's own place counts, where it has one. RC_NOTFOUND: there
 * is none. */
static enum rc known_place(struct input *in, struct str part, char out[INPUT_PLACE_MAX + 1], struct err *err)
{
	const struct sink *from = &in->detector->sink;
	char text[BLOCK_NAME_MAX + 1];
	struct str name = source_name(in, part, text);

	if (in->detector->memory != NULL && memory_place(in->detector->memory, name, out, INPUT_PLACE_MAX + 1))
		return RC_OK;
	return from->place_get(from->ctx, name, out, INPUT_PLACE_MAX + 1, err);
}

static bool part_place(void *ctx, struct str part, char out[INPUT_PLACE_MAX + 1])
{
	if (((struct input *)ctx)->detector->memory == NULL)
		save_place(ctx);
	return known_place(ctx, part, out, NULL) == RC_OK;
}

/* --- health --- */

/* Between two messages. Who is told of the counts is told again soon: a role that is killed takes the latest ones with it. */
static void note_counts(struct input *in)
{
	struct counts now = { .hits = atomic_load(&in->hits), .rule_hits = atomic_load(&in->rule_hits), .held_back = atomic_load(&in->held_back),
			      .kept = atomic_load(&in->kept), .not_kept = atomic_load(&in->not_kept) };
	const struct sink *to = &in->detector->sink;

	watch_stats(in->watch, &now.watch);
	in->way->kind->stats(in->way->self, &now.way);
	pthread_mutex_lock(&in->lock);
	in->shown = now;
	pthread_mutex_unlock(&in->lock);
	if (to->counted == NULL || now.watch.lines == in->told_lines || time_mono() - in->told < TELL_EVERY)
		return;
	in->told = time_mono();
	in->told_lines = now.watch.lines;
	to->counted(to->ctx);
}

static void note_state(struct input *in, enum rc rc, const struct err *err)
{
	if (rc != RC_OK && !atomic_exchange(&in->away, true))
		log_line(LOG_LEVEL_WARN, "input", "%s: %s", in->conf->name, err->text);
	if (rc == RC_OK && atomic_exchange(&in->away, false))
		log_line(LOG_LEVEL_INFO, "input", "%s: reading %s", in->conf->name, in->conf->path);
	note_counts(in);
}

/* What an input's silence tells goes the way of a rule's match: people look there. */
static void tell_silence(struct input *in, usec last)
{
	static const struct str tags[] = { S("lianfang.health") };
	char since[TIME_TEXT_MAX];
	struct rule_hit_field fields[] = { { S("input"), str_of(in->conf->name) }, { S("last_message"), S("never") } };
	struct rule_hit h = { .id = S(RULE_SILENT_ID), .title = S("An input is silent"), .level = S("high"), .author = S("Lianfang"),
			      .tags = tags, .n_tags = COUNTOF(tags), .fields = fields, .n_fields = COUNTOF(fields), .at = time_now(),
			      .where = str_of(in->conf->name), .input = str_of(in->conf->name), .event = S("") };
	struct err err = { 0 };

	if (last > 0) {
		time_format(last, since);
		fields[1].value = str_of(since);
	}
	log_line(LOG_LEVEL_WARN, "silence", "%s: nothing came for %lld s; the last message: %.*s", in->conf->name,
		 (long long)(in->conf->silence / USEC_PER_SEC), STR(fields[1].value));
	if (store_rule(in, &h, S(""), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "silence", "%s: the alarm is not recorded: %s", in->conf->name, err.text);
}

static void listen_for_silence(struct input *in)
{
	struct input_stats st;
	usec since;
	bool silent;

	if (in->conf->silence == 0)
		return;
	in->way->kind->stats(in->way->self, &st);
	since = st.last_message > in->begun ? st.last_message : in->begun;
	silent = time_now() - since > in->conf->silence;
	if (silent == atomic_load(&in->silent))
		return;
	atomic_store(&in->silent, silent);
	if (silent)
		tell_silence(in, st.last_message);
	else
		log_line(LOG_LEVEL_INFO, "silence", "%s: messages come again", in->conf->name);
}

/* --- the thread --- */

static enum rc do_message(struct input *in, const struct input_message *m, struct err *err)
{
	struct str rest = m->bytes, line;

	in->message = m;
	in->unsettled = false;
	/* Queues bring several events of JSON in one message; other formats have messages of several lines. */
	while (rest.p[0] == '{' && (in->inside = str_find(rest, S("\n{"), 0) != SIZE_MAX) && str_next(&rest, '\n', &line))
		TRY(watch_message(in->watch, m->part, m->format, line, err));
	in->inside = false;
	TRY(watch_message(in->watch, m->part, m->format, rest, err));
	note_place(in, m->part);
	return RC_OK;
}

static enum rc on_message(void *ctx, const struct input_message *m, struct err *err)
{
	struct input *in = ctx;
	_Atomic uint64_t *turn = &in->detector->turn[in->way - in->detector->ways->way];
	enum rc rc;

	/* Odd before the first look at the indicators (let_pass of memory.c), even after the last. */
	atomic_fetch_add(turn, 1);
	rc = do_message(in, m, err);
	atomic_store_explicit(turn, atomic_load_explicit(turn, memory_order_relaxed) + 1, memory_order_release);
	return rc;
}

/* Tells the senders, when what they sent is durable here. */
static void settle(struct input *in)
{
	const struct input_kind *kind = in->way->kind;
	char place[INPUT_PLACE_MAX + 1];
	struct input_stats st;
	struct err err = { 0 };
	enum rc rc = RC_OK;

	if (kind->settled == NULL)
		return;
	kind->stats(in->way->self, &st);
	if (st.messages == in->settled)
		return;
	repeats_hand_on(in->repeats, hand_on, in);
	kind->place(in->way->self, place);
	if (in->detector->memory != NULL)
		rc = memory_settle(in->detector->memory, &err);
	if (rc == RC_OK) {
		kind->settled(in->way->self, str_of(place));
		in->settled = st.messages;
	} else if (!in->untold) {
		log_line(LOG_LEVEL_ERROR, "input", "%s: its senders are not told yet: %s", in->conf->name, err.text);
	}
	in->untold = rc != RC_OK;
}

/* By the first input that may read; the others wait for it. */
static void replay_once(struct detector *d)
{
	pthread_mutex_lock(&d->inputs->replay_lock);
	if (!d->inputs->replayed && !atomic_load(&d->stopping))
		memory_replay(d->memory);
	d->inputs->replayed = true;
	pthread_mutex_unlock(&d->inputs->replay_lock);
}

static void *run_input(void *ctx)
{
	struct input *in = ctx;

	/* Lines written while the node was away are read once: not before every indicator is live. */
	while (!atomic_load(&in->detector->stopping) && !atomic_load(&in->detector->image_full))
		pause_input(POLL_USEC);
	patterns_settle(in->detector->patterns);
	replay_once(in->detector);
	in->begun = time_now();
	while (!atomic_load(&in->detector->stopping)) {
		struct err err = { 0 };
		bool any = false;
		enum rc rc = in->way->kind->run(in->way->self, POLL_USEC, on_message, in, &any, &err);

		note_state(in, rc, &err);
		settle(in);
		if (!any && time_mono() - in->idled > IDLE_EVERY) {
			(void)!watch_idle(in->watch, NULL);
			in->idled = time_mono();
		}
		if (repeats_due(in->repeats))
			repeats_hand_on(in->repeats, hand_on, in);
		listen_for_silence(in);
		keep_place(in);
		if (rc != RC_OK)
			pause_input(POLL_USEC);
	}
	repeats_hand_on(in->repeats, hand_on, in);
	settle(in);
	return NULL;
}

static enum rc open_way(struct input *in, struct err *err)
{
	struct input_opts more = { .part_place = part_place, .ctx = in };
	char place[INPUT_PLACE_MAX + 1] = "";
	enum rc rc = RC_NOTFOUND;

	if (in->way->self != NULL)
		return RC_OK;
	if ((in->way->kind->traits & INPUT_HAS_PLACE) != 0)
		rc = known_place(in, S(""), place, err);
	if (rc == RC_NOTFOUND)
		place[0] = '\0';
	return rc == RC_OK || rc == RC_NOTFOUND ? way_open(in->way, in->conf, &more, str_of(place), err) : rc;
}

static enum rc start_input(struct detector *d, const struct config_input *conf, struct way *way, struct input *in, struct err *err)
{
	*in = (struct input){ .detector = d, .conf = conf, .way = way, .shown.way.lag = -1 };
	pthread_mutex_init(&in->lock, NULL);
	buf_init(&in->json, 4 * WATCH_LINE_MAX);
	buf_init(&in->key, 1 << 16);
	in->seen = once_new(SEEN_MAX);
	if (in->seen == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	TRY(repeats_new(&in->repeats, err));
	TRY(watch_new(d->image, str_of(conf->name), on_hit, in, &in->watch, err));
	TRY(watch_patterns(in->watch, d->patterns, err));
	if (!str_eq(str_of(conf->format), S("auto")))
		watch_format(in->watch, log_format_find(str_of(conf->format)));
	if (d->live != NULL)
		TRY(watch_rules(in->watch, d->live, on_rule_hit, err));
	watch_events(in->watch, on_event);
	if (d->memory != NULL)
		TRY(watch_note_keys(in->watch, &in->known, err));
	TRY(open_way(in, err));
	if (pthread_create(&in->thread, NULL, run_input, in) != 0)
		return FAIL(err, RC_IO, "input: cannot start a thread");
	in->started = true;
	return RC_OK;
}

enum rc inputs_new(struct detector *d, struct err *err)
{
	d->inputs = mem_alloc(sizeof *d->inputs);
	if (d->inputs == NULL)
		return FAIL(err, RC_NOMEM, "inputs: out of memory");
	pthread_mutex_init(&d->inputs->replay_lock, NULL);
	return RC_OK;
}

enum rc inputs_start(struct detector *d, struct err *err)
{
	for (size_t i = 0; i < d->conf->n_inputs; i++) {
		enum rc rc = start_input(d, &d->conf->inputs[i], &d->ways->way[i], &d->inputs->in[i], err);

		atomic_store(&d->inputs->n, i + 1); /* of one that failed there is something to free */
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

		if (sealed && in->started)
			save_place(in);
	}
}

void inputs_free(struct inputs *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->n; i++) {
		struct input *in = &list->in[i];

		watch_free(in->watch);
		buf_done(&in->json);
		buf_done(&in->key);
		once_free(in->seen);
		repeats_free(in->repeats);
		pthread_mutex_destroy(&in->lock);
	}
	pthread_mutex_destroy(&list->replay_lock);
	mem_free(list);
}

static const char *state_of(const struct input *in)
{
	return atomic_load(&in->silent) ? "silent" : atomic_load(&in->away) ? "away" : "reading";
}

static struct counts counts_of(struct input *in)
{
	struct counts now;

	pthread_mutex_lock(&in->lock);
	now = in->shown;
	pthread_mutex_unlock(&in->lock);
	return now;
}

/* lag: what waits at the source, in bytes of files or messages of queues; behind: seconds from the latest event's own time to now. */
static void write_way(const struct input *in, const struct counts *x, struct jsonw *w)
{
	bool files = (in->way->kind->traits & INPUT_READS_FILES) != 0;
	usec now = time_now();

	jsonw_m_cstr(w, "state", state_of(in));
	jsonw_m_bool(w, "present", !atomic_load(&in->away));
	jsonw_m_bool(w, "silent", atomic_load(&in->silent));
	jsonw_m_int(w, "messages", (int64_t)x->way.messages);
	jsonw_m_int(w, "bytes", (int64_t)x->way.bytes);
	jsonw_m_int(w, files ? "files" : "connections", (int64_t)x->way.senders);
	jsonw_m_int(w, files ? "left_out" : "refused_connections", (int64_t)x->way.refused);
	jsonw_m_int(w, "too_long", (int64_t)x->way.too_long);
	jsonw_m_int(w, "dropped", (int64_t)x->way.dropped);
	if (x->way.repeated > 0)
		jsonw_m_int(w, "repeated", (int64_t)x->way.repeated);
	if (x->way.lag >= 0)
		jsonw_m_int(w, "lag", x->way.lag);
	if (x->way.last_message > 0)
		jsonw_m_time(w, "last_message", x->way.last_message);
	if (x->watch.latest > 0)
		jsonw_m_int(w, "behind", x->watch.latest < now ? (now - x->watch.latest) / USEC_PER_SEC : 0); /* clocks differ */
}

/* messages = lines, lines = events + bad_lines + comments of a format, events = kept + not_kept where there is a history. */
static void write_matching(const struct counts *x, struct jsonw *w)
{
	jsonw_m_int(w, "lines", (int64_t)x->watch.lines);
	jsonw_m_int(w, "events", (int64_t)x->watch.events);
	jsonw_m_int(w, "bad_lines", (int64_t)x->watch.bad_lines);
	jsonw_m_int(w, "cut", (int64_t)x->watch.cut);
	jsonw_m_int(w, "hits", (int64_t)x->hits);
	jsonw_m_int(w, "suppressed", (int64_t)x->watch.suppressed);
	jsonw_m_int(w, "rule_hits", (int64_t)x->rule_hits);
	jsonw_m_int(w, "held_back", (int64_t)x->held_back);
	jsonw_m_int(w, "kept", (int64_t)x->kept);
	jsonw_m_int(w, "not_kept", (int64_t)x->not_kept);
	jsonw_m_int(w, "lost", (int64_t)(x->way.too_long + x->way.dropped + x->watch.bad_lines + x->not_kept));
}

void inputs_status(const struct detector *d, struct jsonw *w)
{
	jsonw_name(w, "inputs");
	jsonw_array(w);
	for (size_t i = 0; d->inputs != NULL && i < d->inputs->n; i++) {
		struct input *in = &d->inputs->in[i];
		struct counts now = counts_of(in);

		jsonw_object(w);
		jsonw_m_cstr(w, "name", in->conf->name);
		jsonw_m_cstr(w, "path", in->conf->path);
		write_way(in, &now, w);
		write_matching(&now, w);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}
