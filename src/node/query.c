#include "node/query_int.h"

#include <pthread.h>

#include "base/mem.h"
#include "detect/look.h"

#define WORKERS 2
#define ARENA_MAX ((size_t)64 << 20)
#define PIECE ((size_t)256 << 10) /* bytes of a list that are sent together, */
#define PIECE_MAX ((size_t)3 << 20) /* and of the longest piece */

struct query {
	uint32_t number;
	bool busy, end;
	struct buf text;
};

struct queries {
	struct detector *detector;
	query_answer answer;
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t workers[WORKERS];
	size_t n_workers;
	struct query list[QUERIES_MAX]; /* in the order in which they came */
	size_t n;
	bool stop;
};

/* --- which are wanted --- */

static struct query *find(struct queries *q, uint32_t number)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->list[i].number == number)
			return &q->list[i];
	return NULL;
}

bool query_wanted(void *ctx)
{
	const struct query_asked *a = ctx;
	const struct query *x;
	bool yes;

	pthread_mutex_lock(&a->q->lock);
	x = find(a->q, a->number);
	yes = !a->q->stop && x != NULL && !x->end;
	pthread_mutex_unlock(&a->q->lock);
	return yes && (a->deadline == 0 || time_mono() < a->deadline);
}

/* --- looking into the history --- */

static void put_place(struct jsonw *w, const char *name, const struct look_place *p)
{
	char text[LOOK_PLACE_MAX];

	jsonw_m_str(w, name, look_place_print(p, text));
}

static void put_state(struct jsonw *w, const void *of)
{
	const struct look *s = of;

	jsonw_m_int(w, "blocks", (int64_t)s->all);
	jsonw_m_int(w, "blocks_done", (int64_t)s->done);
	jsonw_m_int(w, "opened", (int64_t)s->stats.opened);
	jsonw_m_int(w, "looked_at", (int64_t)s->stats.events);
	jsonw_m_int(w, "unreadable", (int64_t)s->stats.unreadable);
	jsonw_m_int(w, "found", (int64_t)s->matched);
	jsonw_name(w, "seconds");
	jsonw_double(w, s->seconds);
	if (s->buckets == 0)
		return;
	jsonw_m_bool(w, "estimated", s->estimated);
	jsonw_name(w, "buckets");
	jsonw_array(w);
	for (uint32_t i = 0; i < s->buckets; i++)
		jsonw_int(w, (int64_t)s->bucket[i]);
	jsonw_array_end(w);
}

void query_send(struct query_asked *a, query_state state, const void *of)
{
	struct buf b;
	struct jsonw w;

	buf_init(&b, PIECE_MAX + (64 << 10));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_name(&w, a->name);
	jsonw_array(&w);
	if (a->list.n > 0)
		jsonw_raw(&w, buf_view(&a->list));
	jsonw_array_end(&w);
	if (state != NULL)
		state(&w, of);
	jsonw_object_end(&w);
	if (b.bad == RC_OK)
		a->q->answer(a->q->ctx, a->number, buf_view(&b), false, RC_OK);
	buf_clear(&a->list);
	buf_done(&b);
}

void query_row(void *ctx, struct str json)
{
	struct query_asked *a = ctx;

	if (a->list.n > 0 && a->list.n + json.n > PIECE)
		query_send(a, NULL, NULL);
	if (a->list.n > 0)
		buf_char(&a->list, ',');
	buf_str(&a->list, json);
}

static void on_progress(void *ctx, const struct look *s)
{
	query_send(ctx, put_state, s);
}

static void put_end(struct jsonw *w, const struct look *s)
{
	jsonw_object(w);
	put_state(w, s);
	jsonw_m_bool(w, "more", s->more);
	if (s->more || s->onward)
		put_place(w, "next", &s->next);
	if (s->from == NULL || s->onward)
		put_place(w, "end", &s->end);
	jsonw_m_bool(w, "whole", s->whole);
	jsonw_object_end(w);
}

int64_t query_number(const struct query_asked *a, const char *name, int64_t fallback)
{
	int64_t n;

	return json_int(json_get(a->body, str_of(name)), &n) ? n : fallback;
}

struct str query_text(const struct query_asked *a, const char *name)
{
	struct str s = json_get_str(a->body, str_of(name));

	return s.p == NULL ? S("") : s;
}

static enum rc read_place(const struct query_asked *a, const char *name, struct look *s, struct look_place *place, struct err *err)
{
	struct str text = query_text(a, name);

	if (text.n == 0)
		return RC_OK;
	s->from = place;
	return look_place_read(text, place, err);
}

enum rc query_history(const struct query_asked *a, struct history **ret, struct err *err)
{
	struct history_opts o = { .dir = a->detector->history };
	enum rc rc = o.dir == NULL ? RC_NOTFOUND : history_open(&o, ret, err);

	return rc == RC_NOTFOUND ? FAIL(err, rc, "this node keeps no history: it has no input, or [history] max_mb is 0") : rc;
}

static enum rc do_search(struct query_asked *a, struct buf *out, struct err *err)
{
	struct hunt_term terms[HUNT_TERMS_MAX];
	struct look_place place;
	struct look *s = arena_alloc(a->arena, sizeof *s);
	struct history *h CLEANUP(history_closep) = NULL;
	struct jsonw w;
	bool onward = false;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "search: out of memory");
	a->name = "events";
	(void)json_bool(json_get(a->body, S("onward")), &onward);
	*s = (struct look){ .terms = terms, .since = query_number(a, "since", INT64_MIN), .until = query_number(a, "until", 0), .source = query_text(a, "source"),
			      .most = (uint32_t)query_number(a, "limit", 100), .onward = onward, .buckets = (uint32_t)query_number(a, "buckets", 0),
			      .within = query_number(a, "within", 0), .go_on = query_wanted, .event = query_row, .progress = on_progress, .ctx = a };
	TRY(hunt_terms_of(a->arena, query_text(a, "q"), terms, &s->n_terms, err));
	TRY(read_place(a, "from", s, &place, err));
	TRY(query_history(a, &h, err));
	TRY(look_run(h, s, err));
	if (a->list.n > 0)
		query_send(a, NULL, NULL);
	jsonw_init(&w, out);
	put_end(&w, s);
	return RC_OK;
}

/* --- work --- */

static const struct {
	const char *name;
	enum rc (*fn)(struct query_asked *a, struct buf *out, struct err *err);
} tasks[] = {
	{ "search", do_search }, { "rules", query_rules }, { "rule", query_rule }, { "check", query_check }, { "try", query_try }, { "reload", query_reload },
	{ "live", query_live },
};

static enum rc work_on(struct query_asked *a, struct str text, struct buf *out, struct err *err)
{
	struct str what;
	int64_t within;

	TRY(json_parse(a->arena, text, &JSON_LIMITS, &a->body, err));
	what = query_text(a, "do");
	within = query_number(a, "give_up", 0);
	a->deadline = within > 0 ? time_mono() + within : 0;
	for (size_t i = 0; i < COUNTOF(tasks); i++)
		if (str_eq(what, str_of(tasks[i].name)))
			return tasks[i].fn(a, out, err);
	return FAIL(err, RC_UNSUPPORTED, "no such question");
}

static void answer_one(struct queries *q, uint32_t number, struct str text)
{
	struct arena *arena CLEANUP(arena_freep) = arena_new(ARENA_MAX);
	struct query_asked a = { .q = q, .detector = q->detector, .number = number, .arena = arena };
	struct err err = { 0 };
	struct buf out;
	enum rc rc;

	buf_init(&a.list, PIECE_MAX);
	buf_init(&out, PIECE_MAX);
	rc = arena == NULL ? FAIL(&err, RC_NOMEM, "out of memory") : work_on(&a, text, &out, &err);
	if (rc == RC_OK)
		rc = buf_check(&out, &err, "the answer");
	q->answer(q->ctx, number, rc == RC_OK ? buf_view(&out) : str_of(err.text), true, rc);
	buf_done(&a.list);
	buf_done(&out);
}

static void remove_query(struct queries *q, struct query *x)
{
	size_t i = (size_t)(x - q->list);

	buf_done(&x->text);
	memmove(x, x + 1, (q->n - i - 1) * sizeof *x);
	q->n--;
}

/* The first that nobody works on. */
static struct query *next_query(struct queries *q)
{
	for (size_t i = 0; i < q->n; i++)
		if (!q->list[i].busy)
			return &q->list[i];
	return NULL;
}

static void *work(void *ctx)
{
	struct queries *q = ctx;

	pthread_mutex_lock(&q->lock);
	while (!q->stop) {
		struct query *x = next_query(q);
		struct buf text;
		uint32_t number;

		if (x == NULL) {
			pthread_cond_wait(&q->changed, &q->lock);
			continue;
		}
		x->busy = true;
		text = x->text;
		buf_init(&x->text, 0);
		number = x->number;
		pthread_mutex_unlock(&q->lock);
		answer_one(q, number, buf_view(&text));
		buf_done(&text);
		pthread_mutex_lock(&q->lock);
		x = find(q, number);
		if (x != NULL)
			remove_query(q, x);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* --- life --- */

enum rc queries_new(struct detector *d, query_answer fn, void *ctx, struct queries **ret, struct err *err)
{
	struct queries *q = mem_alloc(sizeof *q);

	if (q == NULL)
		return FAIL(err, RC_NOMEM, "queries: out of memory");
	q->detector = d;
	q->answer = fn;
	q->ctx = ctx;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	while (q->n_workers < WORKERS && pthread_create(&q->workers[q->n_workers], NULL, work, q) == 0)
		q->n_workers++;
	if (q->n_workers == 0) {
		queries_free(q);
		return FAIL(err, RC_IO, "queries: cannot start a thread");
	}
	*ret = q;
	return RC_OK;
}

void queries_ask(struct queries *q, uint32_t number, struct str json)
{
	struct query x = { .number = number };
	bool room;

	buf_init(&x.text, QUERY_TEXT_MAX);
	buf_str(&x.text, json);
	pthread_mutex_lock(&q->lock);
	room = q->n < QUERIES_MAX && x.text.bad == RC_OK && find(q, number) == NULL;
	if (room)
		q->list[q->n++] = x;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
	if (room)
		return;
	buf_done(&x.text);
	q->answer(q->ctx, number, S("too many questions at once; try again"), true, RC_BUSY);
}

void queries_end(struct queries *q, uint32_t number)
{
	pthread_mutex_lock(&q->lock);
	for (size_t i = q->n; i-- > 0;) {
		struct query *x = &q->list[i];

		if (number != QUERIES_ALL && x->number != number)
			continue;
		if (x->busy)
			x->end = true;
		else
			remove_query(q, x);
	}
	pthread_mutex_unlock(&q->lock);
}

void queries_free(struct queries *q)
{
	if (q == NULL)
		return;
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
	for (size_t i = 0; i < q->n_workers; i++)
		pthread_join(q->workers[i], NULL);
	for (size_t i = 0; i < q->n; i++)
		buf_done(&q->list[i].text);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	mem_free(q);
}
