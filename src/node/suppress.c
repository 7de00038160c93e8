/* One map from what a suppression names to its place in a list; a hit asks for each of the few things it could be
 * suppressed by. The list is replaced whole; what was counted for the old one is written first. */
#include "node/suppress.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/suppressions.h"

#define SUPPRESSIONS_MAX 10000u
#define KEY_MAX ((size_t)16384)
#define LIST_MEMORY ((size_t)64 << 20)

struct entry {
	int64_t row, held;
	usec until, last;
};

struct suppress {
	struct store *store;
	pthread_mutex_t lock;
	struct map *by_key;
	struct entry *list;
	size_t n;
	uint64_t held; /* since the start */
};

static void make_key(struct buf *b, struct str scope, struct str id, struct str more)
{
	buf_clear(b);
	buf_str(b, scope);
	buf_char(b, '\0');
	buf_str(b, id);
	buf_char(b, '\0');
	for (size_t i = 0; i < more.n; i++) {
		char c = more.p[i];

		buf_char(b, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
	}
}

static void key_of(struct buf *b, const struct suppression *s)
{
	make_key(b, s->scope, s->rule.n > 0 ? s->rule : s->indicator, s->where.n > 0 ? s->where : s->value);
}

/* Of two that name the same, the later end counts. */
static enum rc add(struct suppress *x, const struct suppression *s, struct err *err)
{
	struct buf key;
	uint64_t at;
	enum rc rc = RC_OK;

	buf_init(&key, KEY_MAX);
	key_of(&key, s);
	if (!map_get(x->by_key, buf_view(&key), &at) || x->list[at].until < s->until) {
		x->list[x->n] = (struct entry){ .row = s->row, .until = s->until };
		rc = map_put(x->by_key, buf_view(&key), x->n++);
	}
	buf_done(&key);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "suppressions: out of memory");
}

static enum rc read_all(struct suppress *x, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(LIST_MEMORY);
	struct suppression *list;
	size_t n;

	if (a == NULL || x->by_key == NULL || x->list == NULL)
		return FAIL(err, RC_NOMEM, "suppressions: out of memory");
	TRY(suppression_list(x->store, true, time_now(), 0, SUPPRESSIONS_MAX, a, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(add(x, &list[i], err));
	return RC_OK;
}

enum rc suppress_reload(struct suppress *x, struct err *err)
{
	struct suppress fresh = { .store = x->store, .by_key = map_new(SUPPRESSIONS_MAX), .list = mem_array(SUPPRESSIONS_MAX, sizeof *fresh.list) };
	enum rc rc = read_all(&fresh, err);

	if (rc == RC_OK)
		rc = suppress_flush(x, err);
	if (rc == RC_OK) {
		struct suppress old;

		pthread_mutex_lock(&x->lock);
		old = *x;
		x->by_key = fresh.by_key;
		x->list = fresh.list;
		x->n = fresh.n;
		/* What was counted since the flush goes with the entry that counted it. */
		for (size_t i = 0; i < old.n; i++)
			for (size_t j = 0; old.list[i].held > 0 && j < x->n; j++)
				if (x->list[j].row == old.list[i].row) {
					x->list[j].held = old.list[i].held;
					x->list[j].last = old.list[i].last;
				}
		pthread_mutex_unlock(&x->lock);
		fresh.by_key = old.by_key;
		fresh.list = old.list;
	}
	map_free(fresh.by_key);
	mem_free(fresh.list);
	return rc;
}

enum rc suppress_new(struct store *s, struct suppress **ret, struct err *err)
{
	struct suppress *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "suppressions: out of memory");
	x->store = s;
	pthread_mutex_init(&x->lock, NULL);
	rc = suppress_reload(x, err);
	if (rc != RC_OK) {
		suppress_free(x);
		return rc;
	}
	*ret = x;
	return RC_OK;
}

void suppress_free(struct suppress *x)
{
	if (x == NULL)
		return;
	map_free(x->by_key);
	mem_free(x->list);
	pthread_mutex_destroy(&x->lock);
	mem_free(x);
}

enum rc suppress_flush(struct suppress *x, struct err *err)
{
	struct suppression_held *held;
	size_t n = 0;
	bool any = false;
	enum rc rc;

	pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < x->n && !any; i++)
		any = x->list[i].held > 0;
	pthread_mutex_unlock(&x->lock);
	if (!any)
		return RC_OK;
	held = mem_array(SUPPRESSIONS_MAX, sizeof *held);
	if (held == NULL)
		return FAIL(err, RC_NOMEM, "suppressions: out of memory");
	pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < x->n; i++)
		if (x->list[i].held > 0)
			held[n++] = (struct suppression_held){ x->list[i].row, x->list[i].held, x->list[i].last };
	pthread_mutex_unlock(&x->lock);
	rc = suppression_count(x->store, held, n, err);
	pthread_mutex_lock(&x->lock);
	for (size_t i = 0, h = 0; rc == RC_OK && i < x->n && h < n; i++)
		if (x->list[i].row == held[h].row)
			x->list[i].held -= held[h++].held;
	pthread_mutex_unlock(&x->lock);
	mem_free(held);
	return rc;
}

struct question {
	struct suppress *x;
	struct buf key;
	uint64_t count;
	usec now, last;
	bool covered;
};

/* The lock is held. One hit is counted once, by the first that covers it. */
static void ask(struct question *q, struct str scope, struct str id, struct str more)
{
	struct entry *e;
	uint64_t at;

	if (q->covered || id.n == 0)
		return;
	make_key(&q->key, scope, id, more);
	if (q->key.bad != RC_OK || !map_get(q->x->by_key, buf_view(&q->key), &at))
		return;
	e = &q->x->list[at];
	if (e->until <= q->now)
		return;
	e->held += (int64_t)q->count;
	e->last = q->now;
	q->x->held += q->count;
	q->covered = true;
}

static void begin(struct question *q, struct suppress *x, uint64_t count)
{
	*q = (struct question){ .x = x, .count = count == 0 ? 1 : count, .now = time_now() };
	buf_init(&q->key, KEY_MAX);
	pthread_mutex_lock(&x->lock);
}

static bool end(struct question *q)
{
	pthread_mutex_unlock(&q->x->lock);
	buf_done(&q->key);
	return q->covered;
}

bool suppress_rule_hit(struct suppress *x, const struct rule_hit *h)
{
	struct question q;

	begin(&q, x, h->count);
	if (x->n > 0) {
		ask(&q, S("rule"), h->id, S(""));
		if (h->where.n > 0)
			ask(&q, S("rule+host"), h->id, h->where);
		for (uint32_t i = 0; i < h->n_fields; i++)
			ask(&q, S("rule+value"), h->id, h->fields[i].value);
	}
	return end(&q);
}

bool suppress_hit(struct suppress *x, const struct hit *h)
{
	struct question q;

	begin(&q, x, h->count);
	if (x->n > 0) {
		ask(&q, S("indicator"), h->indicator, S(""));
		if (h->where.n > 0)
			ask(&q, S("indicator+host"), h->indicator, h->where);
	}
	return end(&q);
}

void suppress_status(struct suppress *x, struct jsonw *w)
{
	pthread_mutex_lock(&x->lock);
	jsonw_m_int(w, "suppressions", (int64_t)x->n);
	jsonw_m_int(w, "held_by_suppressions", (int64_t)x->held);
	pthread_mutex_unlock(&x->lock);
}
