/* Both directions are a durable place and a thread that goes on from there.
 *
 * Out: the folder of history is the spool. The detect role seals blocks into it and
 * answers to its senders; the thread here reads what was appended and puts it, by an
 * id that says which block it is, so a repetition after a crash is passed over.
 *
 * In: alerts are read in the order of their commits, kept, and then the place is kept
 * with the number of the newest alert here. A node that died between the two finds
 * those it has kept already among the alerts behind that number, and keeps them not
 * again; what was only counted with a ticket since then is counted twice. */
#include "node/blocks.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "detect/history.h"
#include "model/observable.h"
#include "node/core.h"
#include "node/tickets.h"
#include "store/alerts.h"
#include "store/blockq.h"
#include "store/peers.h"

#define LOOK_EACH (USEC_PER_SEC / 5)
#define AWAY_EACH (2 * USEC_PER_SEC)
#define AGAIN_EACH USEC_PER_SEC
#define PUT_BATCH 8
#define PUT_ARENA ((size_t)PUT_BATCH * BLOCK_BYTES_MAX)
#define TAKE_BATCH 32
#define ROWS_PAGE 500
#define HIT_FIELDS_MAX 64
#define BASE_MAX 64
#define TAGS_MAX 64
#define BODY_ARENA ((size_t)512 << 20)

static const struct json_limits body_limits = { .bytes = (size_t)64 << 20, .depth = 8, .nodes = 100000 };

struct blocks {
	struct core *core;
	pthread_t out, in;
	bool out_runs, in_runs;
	_Atomic bool out_away, in_away;
	_Atomic uint64_t put, put_events, put_before, damaged, missed;
	_Atomic uint64_t read, kept, held_back, not_kept;
};

static bool stopping(const struct blocks *b)
{
	return atomic_load(&b->core->stopping);
}

static void nap(const struct blocks *b, usec span)
{
	struct timespec t = { .tv_nsec = USEC_PER_SEC / 10 * 1000 };

	for (; span > 0 && !stopping(b); span -= USEC_PER_SEC / 10)
		nanosleep(&t, NULL);
}

/* Said once when it goes and once when it is back. */
static void note_away(_Atomic bool *away, bool now, const char *what, const struct err *err)
{
	if (now && !atomic_exchange(away, true))
		log_line(LOG_LEVEL_WARN, "queue", "%s: %s", what, err->text);
	else if (!now && atomic_exchange(away, false))
		log_line(LOG_LEVEL_INFO, "queue", "%s: goes on", what);
}

static enum rc open_queue(const char *where, bool create, struct blockq **ret, struct err *err)
{
	bool url = str_starts(str_of(where), S("postgres"));
	struct blockq_opts o = { .path = url ? NULL : where, .url = url ? where : NULL, .create = create };

	return blockq_open(&o, ret, err);
}

/* The place belongs to the queue, whatever its address. */
static void cursor_name(const struct blockq *q, const char *what, char out[static 64])
{
	snprintf(out, 64, "%s:%016llx", what, (unsigned long long)blockq_seed(q));
}

/* Two numbers. False: none is kept yet. */
static enum rc load_numbers(struct blocks *b, const char *key, uint64_t n[static 3], bool *ret_known, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text, one;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "queue: out of memory");
	*ret_known = false;
	rc = cursor_get(b->core->node.store, str_of(key), a, &text, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	for (int i = 0; i < 3; i++)
		if (!str_next(&text, ' ', &one) || !str_to_u64(one, &n[i]))
			return FAIL(err, RC_CORRUPT, "queue: the place %s cannot be read", key);
	*ret_known = true;
	return RC_OK;
}

static enum rc save_numbers(struct blocks *b, const char *key, const uint64_t n[static 3], struct err *err)
{
	char text[96];

	snprintf(text, sizeof text, "%llu %llu %llu", (unsigned long long)n[0], (unsigned long long)n[1], (unsigned long long)n[2]);
	return cursor_put(b->core->node.store, str_of(key), str_of(text), err);
}

/* --- out --- */

struct outgoing {
	struct blocks *b;
	struct blockq *q;
	struct history *h;
	struct arena *a;
	char key[64];
	uint64_t place[3]; /* segment and offset of the last block that was put; blocks sealed before this time are no business of the queue */
};

static enum rc out_open(struct outgoing *x, struct err *err)
{
	struct core *c = x->b->core;
	struct history_opts o = { .dir = c->node.paths.history };
	bool known;

	if (x->q == NULL) {
		TRY(open_queue(c->node.config.history_queue, true, &x->q, err));
		cursor_name(x->q, "blocks", x->key);
		TRY(load_numbers(x->b, x->key, x->place, &known, err));
		if (!known) {
			x->place[2] = (uint64_t)c->started;
			TRY(save_numbers(x->b, x->key, x->place, err));
		}
	}
	return x->h == NULL ? history_open(&o, &x->h, err) : RC_OK;
}

/* What is not sealed yet is shown as a last block of no segment. */
static size_t n_sealed(const struct outgoing *x)
{
	size_t n = history_blocks(x->h);

	while (n > 0 && history_block(x->h, n - 1)->segment == 0)
		n--;
	return n;
}

static bool is_behind(const struct history_block *k, const uint64_t place[static 3])
{
	return k->segment > place[0] || (k->segment == place[0] && k->at > place[1]);
}

/* Number of the first block behind the place. */
static size_t first_behind(const struct outgoing *x)
{
	size_t low = 0, high = n_sealed(x);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (is_behind(history_block(x->h, mid), x->place))
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static enum rc read_block(struct outgoing *x, size_t i, struct blockq_block *ret, struct err *err)
{
	const struct history_block *k = history_block(x->h, i);
	struct buf bytes CLEANUP(buf_done);
	char id[BLOCKQ_ID_MAX];
	int n = snprintf(id, sizeof id, "%.100s:%016llx:%llu:%llu", x->b->core->node.config.name, (unsigned long long)k->head.id,
			 (unsigned long long)k->segment, (unsigned long long)k->at);

	buf_init(&bytes, BLOCK_BYTES_MAX);
	TRY(history_read(x->h, i, &bytes, err));
	*ret = (struct blockq_block){ .id = arena_dup(x->a, str_make(id, (size_t)n)), .bytes = arena_dup(x->a, buf_view(&bytes)),
				      .index_n = block_index_n(&k->head), .events = k->head.events, .first = k->head.first, .last = k->head.last };
	return ret->id.p == NULL || ret->bytes.p == NULL ? FAIL(err, RC_NOMEM, "queue: out of memory") : RC_OK;
}

/* One batch from number `i` on; *ret_next is the number behind it. */
static enum rc put_batch(struct outgoing *x, size_t i, size_t *ret_next, struct err *err)
{
	struct blockq_block list[PUT_BATCH];
	uint64_t fresh = 0, events = 0;
	size_t n = 0;

	arena_reset(x->a);
	for (; i < n_sealed(x) && n < PUT_BATCH; i++) {
		enum rc rc;

		if ((uint64_t)history_block(x->h, i)->head.sealed < x->place[2])
			continue;
		rc = read_block(x, i, &list[n], err);
		if (rc == RC_NOTFOUND || rc == RC_CORRUPT) {
			atomic_fetch_add(&x->b->damaged, 1);
			continue;
		}
		TRY(rc);
		events += list[n++].events;
	}
	if (n > 0)
		TRY(blockq_put(x->q, list, n, &fresh, err));
	x->place[0] = history_block(x->h, i - 1)->segment;
	x->place[1] = history_block(x->h, i - 1)->at;
	atomic_fetch_add(&x->b->put, fresh);
	atomic_fetch_add(&x->b->put_before, n - fresh);
	atomic_fetch_add(&x->b->put_events, events);
	*ret_next = i;
	return save_numbers(x->b, x->key, x->place, err);
}

/* Retention took what was not put yet: the queue was away for too long. */
static void note_missed(struct outgoing *x, size_t i)
{
	uint64_t first = i < n_sealed(x) ? history_block(x->h, i)->segment : 0;

	if (x->place[0] == 0 || first <= x->place[0] + 1)
		return;
	atomic_fetch_add(&x->b->missed, first - x->place[0] - 1);
	log_line(LOG_LEVEL_ERROR, "queue", "%llu segments of the history were removed before their blocks could be put",
		 (unsigned long long)(first - x->place[0] - 1));
}

static enum rc out_turn(struct outgoing *x, bool *ret_any, struct err *err)
{
	size_t i;

	TRY(out_open(x, err));
	TRY(history_refresh(x->h, err));
	i = first_behind(x);
	note_missed(x, i);
	while (i < n_sealed(x) && !stopping(x->b)) {
		TRY(put_batch(x, i, &i, err));
		*ret_any = true;
	}
	return RC_OK;
}

static void *run_out(void *ctx)
{
	struct outgoing x = { .b = ctx, .a = arena_new(PUT_ARENA) };

	while (x.a != NULL && !stopping(x.b)) {
		struct err err = { 0 };
		bool any = false;
		enum rc rc = out_turn(&x, &any, &err);

		if (rc == RC_NOTFOUND && x.h == NULL && x.q != NULL) /* the detect role makes the folder */
			rc = RC_OK;
		note_away(&x.b->out_away, rc != RC_OK, "blocks cannot be put, they wait in the history", &err);
		if (rc == RC_PEER && x.q != NULL)
			(void)!blockq_reconnect(x.q, &err);
		if (rc != RC_OK || !any)
			nap(x.b, rc != RC_OK ? AWAY_EACH : LOOK_EACH);
	}
	history_close(x.h);
	blockq_close(x.q);
	arena_free(x.a);
	return NULL;
}

/* --- in --- */

struct incoming {
	struct blocks *b;
	struct blockq *q;
	struct arena *a; /* of one alert */
	char key[64];
	uint64_t place[3]; /* number of the last alert that was kept; the newest alert of this node by then; 0 */
	uint64_t seen[TAKE_BATCH * 4]; /* prints of alerts of this node behind that, after a start */
	size_t n_seen, to_check;       /* alerts that may be among them */
};

/* What tells an alert from others, as the records keep it. */
static uint64_t print_of(usec at, struct str input, struct str indicator, struct str observable)
{
	struct buf b;
	uint64_t h;

	buf_init(&b, 1 << 16);
	buf_fmt(&b, "%lld\n%.*s\n%.*s\n%.*s", (long long)at, STR(input), STR(indicator), STR(indicator.n > 0 ? S("") : str_slice(observable, 0, 1024)));
	h = hash_stable(buf_view(&b));
	buf_done(&b);
	return h;
}

/* Moves place[1] to the newest alert of this node; `prints`: and notes what they are. */
static enum rc to_newest(struct incoming *x, bool prints, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(BODY_ARENA);
	struct alert_row *rows;
	size_t n = ROWS_PAGE;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "queue: out of memory");
	while (n == ROWS_PAGE) {
		arena_reset(a);
		TRY(alert_list(x->b->core->node.store, (int64_t)x->place[1], ROWS_PAGE, a, &rows, &n, err));
		for (size_t i = 0; i < n; i++) {
			x->place[1] = (uint64_t)rows[i].row;
			if (prints && x->n_seen < COUNTOF(x->seen))
				x->seen[x->n_seen++] = print_of(rows[i].at, rows[i].input, rows[i].indicator, rows[i].observable);
		}
	}
	return RC_OK;
}

static bool was_kept(struct incoming *x, uint64_t print)
{
	if (x->to_check == 0)
		return false;
	x->to_check--;
	for (size_t i = 0; i < x->n_seen; i++)
		if (x->seen[i] == print) {
			x->seen[i] = x->seen[--x->n_seen];
			return true;
		}
	return false;
}

static usec time_of(const struct json *v, struct str name)
{
	usec t = 0;

	return time_parse(json_get_str(v, name), &t, NULL, NULL) == RC_OK ? t : 0;
}

/* As long as the node does not stop, what stands in the way may pass. What is no news is counted with its ticket. */
static enum rc keep_surely(struct incoming *x, const struct rule_hit *rule, const struct hit *hit, struct err *err)
{
	const struct sink *to = &x->b->core->sink;
	bool said = false;

	for (;;) {
		enum rc rc = rule != NULL ? to->rule_hit(to->ctx, rule, S(""), err) : to->hit(to->ctx, hit, S(""), err);

		if (rc != RC_FULL && rc != RC_BUSY && rc != RC_IO && rc != RC_NOMEM)
			return rc;
		if (!said)
			log_line(LOG_LEVEL_ERROR, "queue", "an alert is not recorded yet: %s", err->text);
		said = true;
		if (stopping(x->b))
			return RC_BUSY;
		nap(x->b, AGAIN_EACH);
	}
}

static size_t read_fields(const struct json *v, struct rule_hit_field *out)
{
	const struct json *fields = json_get(v, S("fields"));
	size_t n = 0;

	if (json_is(fields, JSON_OBJECT))
		JSON_MEMBERS(name, value, fields)
			if (n < HIT_FIELDS_MAX && json_is(value, JSON_STRING))
				out[n++] = (struct rule_hit_field){ json_str(name), json_str(value) };
	return n;
}

static size_t read_tags(const struct json *v, struct str *out)
{
	const struct json *tags = json_get(v, S("tags"));
	size_t n = 0;

	if (json_is(tags, JSON_ARRAY))
		JSON_EACH(tag, tags)
			if (n < TAGS_MAX && json_is(tag, JSON_STRING))
				out[n++] = json_str(tag);
	return n;
}

static uint32_t read_base(const struct json *v, struct rule_hit_base out[static BASE_MAX])
{
	const struct json *rules = json_get(v, S("rules"));
	uint32_t n = 0;

	if (json_is(rules, JSON_ARRAY))
		JSON_EACH(rule, rules)
			if (n < BASE_MAX)
				out[n++] = (struct rule_hit_base){ json_get_str(rule, S("rule_id")), json_get_str(rule, S("title")) };
	return n;
}

static enum rc take_rule(struct incoming *x, const struct json *v, bool correlation, struct err *err)
{
	struct rule_hit_field fields[HIT_FIELDS_MAX + 1];
	struct rule_hit_base base[BASE_MAX];
	struct str tags[TAGS_MAX];
	struct rule_hit h = { .id = json_get_str(v, S("rule_id")), .title = json_get_str(v, S("title")), .level = json_get_str(v, S("level")),
			      .author = json_get_str(v, S("author")), .tags = tags, .fields = fields, .at = time_of(v, S("time")),
			      .where = json_get_str(v, S("host")), .input = json_get_str(v, S("file")), .event = json_get_str(v, S("event")),
			      .correlation = correlation };
	struct buf what CLEANUP(buf_done);
	char value[32];
	double number = 0;

	buf_init(&what, 1 << 16);
	h.n_tags = (uint32_t)read_tags(v, tags);
	h.n_fields = (uint32_t)read_fields(v, fields);
	if (correlation) { /* the value it reached stands last */
		h.base = base;
		h.n_base = read_base(v, base);
		h.first = time_of(v, S("first"));
		(void)json_double(json_get(v, S("value")), &number);
		snprintf(value, sizeof value, "%.15g", number);
		fields[h.n_fields++] = (struct rule_hit_field){ S("value"), str_of(value) };
		h.input = S("queue");
	}
	buf_fmt(&what, "rule:%.*s", STR(str_slice(h.title, 0, 1024)));
	if (was_kept(x, print_of(h.at, h.input, S(""), buf_view(&what))))
		return RC_CONFLICT;
	return keep_surely(x, &h, NULL, err);
}

static enum rc take_indicator(struct incoming *x, const struct json *v, struct err *err)
{
	struct rule_hit_field fields[HIT_FIELDS_MAX];
	struct buf normal CLEANUP(buf_done);
	struct hit h = { .indicator = json_get_str(v, S("indicator_id")), .matched = json_get_str(v, S("matched")), .at = time_of(v, S("time")),
			 .where = json_get_str(v, S("host")), .input = json_get_str(v, S("file")), .event = json_get_str(v, S("event")), .suppressed = S(""),
			 .tlp = UINT8_MAX, .confidence = UINT8_MAX };
	int64_t confidence;

	buf_init(&normal, 2 * VALUE_MAX);
	h.what = (struct observable){ .kind = OBS_KINDS, .field = S(""), .value = S("") };
	if (h.input.n == 0) /* a pattern over several events, of whatever collectors */
		h.input = S("queue");
	if (read_fields(v, fields) > 0) {
		h.what.field = fields[0].name;
		h.what.value = fields[0].value;
	}
	if (json_int(json_get(v, S("confidence")), &confidence) && confidence >= 0 && confidence <= 100)
		h.confidence = (uint8_t)confidence;
	if (value_detect(h.what.value, &h.what.kind, &normal, NULL) != RC_OK)
		h.what.kind = OBS_KINDS;
	if (was_kept(x, print_of(h.at, h.input, h.indicator, S(""))))
		return RC_CONFLICT;
	return keep_surely(x, NULL, &h, err);
}

static enum rc take_alert(struct incoming *x, const struct blockq_alert_row *row, struct err *err)
{
	const struct json *v;
	struct str type;

	arena_reset(x->a);
	TRY(json_parse(x->a, row->body, &body_limits, &v, err));
	type = json_get_str(v, S("type"));
	if (str_eq(type, S("indicator")))
		return take_indicator(x, v, err);
	if (str_eq(type, S("rule")) || str_eq(type, S("correlation")))
		return take_rule(x, v, str_eq(type, S("correlation")), err);
	return FAIL(err, RC_UNSUPPORTED, "an alert of type %.*s", STR(str_slice(type, 0, 32)));
}

static enum rc on_alert(void *ctx, const struct blockq_alert_row *row, struct err *err)
{
	struct incoming *x = ctx;
	enum rc rc = take_alert(x, row, err);

	if (rc == RC_BUSY)
		return rc;
	atomic_fetch_add(rc == RC_OK ? &x->b->kept : rc == RC_CONFLICT ? &x->b->held_back : &x->b->not_kept, 1);
	if (rc != RC_OK && rc != RC_CONFLICT)
		log_line(LOG_LEVEL_WARN, "queue", "alert %lld of the queue is not recorded: %s", (long long)row->seq, err->text);
	atomic_fetch_add(&x->b->read, 1);
	x->place[0] = (uint64_t)row->seq;
	return RC_OK;
}

static enum rc in_open(struct incoming *x, struct err *err)
{
	bool known;

	if (x->q != NULL)
		return RC_OK;
	TRY(open_queue(x->b->core->node.config.detect_queue, false, &x->q, err));
	cursor_name(x->q, "alerts", x->key);
	TRY(load_numbers(x->b, x->key, x->place, &known, err));
	if (known) {
		x->to_check = TAKE_BATCH;
		TRY(to_newest(x, true, err));
	}
	return RC_OK;
}

static enum rc in_turn(struct incoming *x, bool *ret_any, struct err *err)
{
	uint64_t before;
	enum rc rc;

	TRY(in_open(x, err));
	before = x->place[0];
	rc = blockq_alerts(x->q, (int64_t)before, TAKE_BATCH, on_alert, x, err);
	*ret_any = x->place[0] != before;
	if (!*ret_any)
		return rc;
	/* What was counted up to this place must not be lost with the process. */
	TRY(tickets_flush(x->b->core->tickets, err));
	TRY(to_newest(x, false, err));
	TRY(save_numbers(x->b, x->key, x->place, err));
	return rc;
}

static void *run_in(void *ctx)
{
	struct incoming *x = mem_alloc(sizeof *x);

	if (x != NULL)
		*x = (struct incoming){ .b = ctx, .a = arena_new(BODY_ARENA) };
	while (x != NULL && x->a != NULL && !stopping(x->b)) {
		struct err err = { 0 };
		bool any = false;
		enum rc rc = in_turn(x, &any, &err);

		if (rc == RC_BUSY && stopping(x->b))
			break;
		note_away(&x->b->in_away, rc != RC_OK, "its alerts cannot be read", &err);
		if (rc == RC_PEER && x->q != NULL)
			(void)!blockq_reconnect(x->q, &err);
		if (rc != RC_OK || !any)
			nap(x->b, rc != RC_OK ? AWAY_EACH : LOOK_EACH);
	}
	if (x != NULL) {
		blockq_close(x->q);
		arena_free(x->a);
		mem_free(x);
	}
	return NULL;
}

/* --- the whole --- */

enum rc blocks_start(struct core *c, struct blocks **ret, struct err *err)
{
	const struct config *conf = &c->node.config;
	bool out = conf->history_queue[0] != '\0' && conf->n_inputs > 0, in = conf->detect_queue[0] != '\0';
	struct blocks *b;

	*ret = NULL;
	if (!conf->match && conf->history_queue[0] == '\0')
		return FAIL(err, RC_BAD, "[detect] match = no: nobody would match the inputs without [history] queue");
	if (out && conf->history_mb == 0)
		return FAIL(err, RC_BAD, "[history] queue: blocks are kept here until they are put; max_mb must not be 0");
	if (!out && !in)
		return RC_OK;
	b = mem_alloc(sizeof *b);
	if (b == NULL)
		return FAIL(err, RC_NOMEM, "queue: out of memory");
	b->core = c;
	*ret = b;
	b->out_runs = out && pthread_create(&b->out, NULL, run_out, b) == 0;
	b->in_runs = in && pthread_create(&b->in, NULL, run_in, b) == 0;
	return b->out_runs == out && b->in_runs == in ? RC_OK : FAIL(err, RC_IO, "queue: cannot start a thread");
}

void blocks_stop(struct blocks *b)
{
	if (b == NULL)
		return;
	if (b->out_runs)
		pthread_join(b->out, NULL);
	if (b->in_runs)
		pthread_join(b->in, NULL);
	mem_free(b);
}

void blocks_status(struct blocks *b, struct jsonw *w)
{
	if (b == NULL)
		return;
	jsonw_name(w, "queue");
	jsonw_object(w);
	if (b->out_runs) {
		jsonw_m_bool(w, "blocks_away", atomic_load(&b->out_away));
		jsonw_m_int(w, "blocks_put", (int64_t)atomic_load(&b->put));
		jsonw_m_int(w, "blocks_known", (int64_t)atomic_load(&b->put_before));
		jsonw_m_int(w, "events_put", (int64_t)atomic_load(&b->put_events));
		jsonw_m_int(w, "blocks_damaged", (int64_t)atomic_load(&b->damaged));
		jsonw_m_int(w, "segments_missed", (int64_t)atomic_load(&b->missed));
	}
	if (b->in_runs) {
		jsonw_m_bool(w, "alerts_away", atomic_load(&b->in_away));
		jsonw_m_int(w, "alerts_read", (int64_t)atomic_load(&b->read));
		jsonw_m_int(w, "alerts_kept", (int64_t)atomic_load(&b->kept));
		jsonw_m_int(w, "alerts_held_back", (int64_t)atomic_load(&b->held_back));
		jsonw_m_int(w, "alerts_not_kept", (int64_t)atomic_load(&b->not_kept));
	}
	jsonw_object_end(w);
}
