/* Several writers and a pager at a time. What the pager reads by cursor while
 * they write must in the end be everything, once, in order (TAXII 2.1 §3.3, §3.5). */
#include "conformance.h"

#include <pthread.h>
#include <stdatomic.h>

#include "objects_make.h"
#include "store/alerts.h"
#include "store/facts.h"
#include "store/peers.h"

enum { WRITERS = 4, BATCHES = 25, PER_BATCH = 20, TOTAL = WRITERS * BATCHES * PER_BATCH };

struct writer_thread {
	pthread_t thread;
	struct store *s;
	unsigned number;
	unsigned failed;
	_Atomic unsigned *done;
};

static void *write_objects(void *arg)
{
	struct writer_thread *w = arg;
	struct arena *a = arena_new((size_t)64 << 20);
	struct object_in in[PER_BATCH];
	enum put_result r[PER_BATCH];
	struct err err;

	for (unsigned b = 0; b < BATCHES && a != NULL; b++) {
		struct object_batch batch = { .collection = 1, .source = w->number + 1, .objects = in, .n = PER_BATCH, .results = r };

		for (unsigned i = 0; i < PER_BATCH; i++)
			in[i] = make_object(a, "indicator", (w->number * BATCHES + b) * PER_BATCH + i, "2026-01-01T00:00:00Z", "x");
		if (store_put(w->s, &batch, &err) != RC_OK)
			w->failed++;
		for (unsigned i = 0; i < PER_BATCH; i++)
			w->failed += r[i] != PUT_STORED;
	}
	arena_free(a);
	atomic_fetch_add(w->done, 1);
	return NULL;
}

struct reading {
	bool *seen;
	uint64_t n, repeated;
	usec last;
	bool in_order;
};

static enum rc read_on(struct store *s, struct page_query *q, struct reading *r, bool *ret_more, struct err *err)
{
	struct page p;

	TRY(store_page(s, q, &p, err));
	for (size_t i = 0; i < p.n; i++) {
		uint64_t number = 0;
		struct str id = p.entries[i].id;

		str_to_u64(str_slice(id, id.n - 12, id.n), &number);
		r->in_order = r->in_order && p.entries[i].added > r->last;
		r->last = p.entries[i].added;
		r->repeated += number < TOTAL && r->seen[number];
		r->n++;
		if (number < TOTAL)
			r->seen[number] = true;
	}
	if (p.n > 0)
		q->added_after = p.last;
	*ret_more = p.more;
	page_done(&p);
	return RC_OK;
}

/* `stores`: where the writers write; the first is also read. */
static void run_writers(struct scene *sc, struct store *stores[WRITERS])
{
	struct writer_thread w[WRITERS];
	_Atomic unsigned done = 0;
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .tlp_mask = ALL_TLP, .limit = 37, .bodies = true };
	struct reading r = { .in_order = true, .seen = arena_alloc(sc->a, TOTAL) };
	unsigned failed = 0;
	enum rc rc = RC_OK;
	bool finished = false, more = true;

	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer_thread){ .s = stores[i], .number = i, .done = &done };
		if (pthread_create(&w[i].thread, NULL, write_objects, &w[i]) != 0)
			OK(false, "a thread");
	}
	/* Ends with the first empty page after all writers have ended. */
	while (rc == RC_OK && (more || !finished)) {
		finished = atomic_load(&done) == WRITERS;
		rc = read_on(sc->s, &q, &r, &more, &sc->err);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(w[i].thread, NULL);
		failed += w[i].failed;
	}
	DONE(sc, rc, "read beside the writers");
	EQ_INT(failed, 0, "every object was stored");
	EQ_INT(r.n, TOTAL, "nothing is lost");
	EQ_INT(r.repeated, 0, "nothing is repeated");
	OK(r.in_order, "dates grow");
}

static void writers(struct scene *sc)
{
	struct store *stores[WRITERS] = { sc->s, sc->s, sc->s, sc->s };
	struct store_stats st;

	run_writers(sc, stores);
	store_stats(sc->s, &st);
	OK(st.commits <= WRITERS * BATCHES, "commits are shared when writers wait (%llu for %d batches)",
	   (unsigned long long)st.commits, WRITERS * BATCHES);
	OK(st.versions == TOTAL && st.objects == TOTAL && !st.disk_full && st.bytes_on_disk > 0, "the figures fit");
}

/* Two nodes on one database. The object log is one process's own. */
static void two_nodes(struct scene *sc)
{
	struct store *second = NULL;

	if (sc->engine->server == 0)
		return;
	DONE(sc, engine_reopen(sc->engine, false, &second, &sc->err), "a second node opens the database");
	if (second == NULL)
		return;
	run_writers(sc, (struct store *[WRITERS]){ sc->s, second, sc->s, second });
	store_close(second);
}

static void *write_records(void *arg)
{
	struct writer_thread *w = arg;
	struct err err;

	for (int i = 0; i < 50; i++) {
		struct fact f = { .kind = S("test"), .actor = S("node"), .subject = S("x"), .body = S("{}") };
		struct alert_row alert = { .at = i };
		char key[32];
		int n = snprintf(key, sizeof key, "k%u.%d", w->number, i);

		w->failed += fact_append(w->s, &f, &err) != RC_OK;
		w->failed += fact_append_soon(w->s, &f, &err) != RC_OK;
		w->failed += alert_put(w->s, &alert, 1, &err) != RC_OK;
		w->failed += cursor_put(w->s, str_make(key, (size_t)n), S("v"), &err) != RC_OK;
		/* Refused inside a shared transaction: the others must not notice. */
		w->failed += peer_delete(w->s, S("nobody"), &err) != RC_NOTFOUND;
	}
	return NULL;
}

static void records(struct scene *sc)
{
	struct writer_thread w[WRITERS] = { 0 };
	struct fact_verdict v = { 0 };
	struct alert_row *alerts;
	unsigned failed = 0;
	bool in_order = true;
	size_t n = 0;

	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer_thread){ .s = sc->s, .number = i };
		if (pthread_create(&w[i].thread, NULL, write_records, &w[i]) != 0)
			OK(false, "a thread");
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(w[i].thread, NULL);
		failed += w[i].failed;
	}
	EQ_INT(failed, 0, "every record was stored, every refused change was refused alone");
	DONE(sc, fact_flush(sc->s, &sc->err), "flush");
	DONE(sc, fact_verify(sc->s, NULL, &v, &sc->err), "verify");
	OK(v.checked == WRITERS * 100 && v.first_bad == 0, "one chain of all facts: %s", v.what);
	DONE(sc, alert_list(sc->s, 0, 1000, sc->a, &alerts, &n, &sc->err), "alerts");
	for (size_t i = 1; i < n; i++)
		in_order = in_order && alerts[i].row == alerts[i - 1].row + 1;
	OK(n == WRITERS * 50 && in_order, "numbered without gaps");
}

const struct conformance_case CASES_THREADS[] = {
	{ "writers", writers }, { "two nodes", two_nodes }, { "records", records }, { NULL, NULL },
};
