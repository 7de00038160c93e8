/* Recomputing the chain: first by several threads, each a stretch of it, as far as all is well; what they do not vouch for is walked
 * fact by fact and named. What an attacker with the database but without the signing
 * key can do - change, drop, exchange, append, cut - leaves one of these traces:
 * a fact whose content does not give its hash, a number that is missing, a fact
 * that does not name its predecessor, or a head that does not fit.
 * (An old database put back whole with its old head is consistent; to find that, compare
 * the head with one that a peer has seen.) */
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/facts_internal.h"
#include "sys/keys.h"

#define PAGE 500
#define STRETCHES_MAX 4         /* each holds a read connection, of DB_POOL_MAX */
#define STRETCH_LEAST 1000      /* facts that are worth a thread */

struct walk {
	uint64_t seq;                        /* checked so far */
	unsigned char hash[SHA256_LEN];      /* of that fact */
	const unsigned char *pub;
	struct fact_verdict *v;
	bool more;
};

static bool bad(struct walk *w, uint64_t seq, const char *fmt, ...) PRINTF(3, 4);

static bool bad(struct walk *w, uint64_t seq, const char *fmt, ...)
{
	va_list ap;

	w->v->first_bad = seq;
	va_start(ap, fmt);
	vsnprintf(w->v->what, sizeof w->v->what, fmt, ap);
	va_end(ap);
	return false;
}

/* The row at `seq` holds another fact whole: which? Its hash gives its true number away, since the
 * number is hashed with it. Looks at all numbers up to the last, as an exchange may be far apart. */
static uint64_t true_number(const struct fact *f, uint64_t last)
{
	struct fact trial = *f;
	unsigned char h[SHA256_LEN];

	for (trial.seq = 1; trial.seq <= last; trial.seq++) {
		if (trial.seq == f->seq)
			continue;
		fact_hash(&trial, h);
		if (memcmp(h, f->hash, sizeof h) == 0)
			return trial.seq;
	}
	return 0;
}

static enum rc last_number(struct db *d, uint64_t *ret, struct err *err)
{
	int64_t n;

	TRY(DB_ONE_INT(d, &n, err, "SELECT coalesce(max(seq), 0) FROM fact"));
	*ret = (uint64_t)n;
	return RC_OK;
}

static enum rc read_last(struct db *d, void *ctx, struct err *err)
{
	return last_number(d, ctx, err);
}

static enum rc name_misfit(struct walk *w, struct db *d, const struct fact *f, struct err *err)
{
	uint64_t last, other;

	TRY(last_number(d, &last, err));
	other = true_number(f, last);
	if (other != 0)
		bad(w, f->seq, "facts %llu and %llu are exchanged", (unsigned long long)f->seq, (unsigned long long)other);
	else
		bad(w, f->seq, "fact %llu: its content was changed", (unsigned long long)f->seq);
	return RC_OK;
}

/* RC_OK also when the fact is bad: then v->first_bad is set. */
static enum rc check_one(struct walk *w, struct db *d, const struct fact *f, struct err *err)
{
	unsigned char h[SHA256_LEN];
	uint64_t want = w->seq + 1;

	if (f->seq != want) {
		if (f->seq == want + 1)
			bad(w, want, "fact %llu is missing", (unsigned long long)want);
		else
			bad(w, want, "facts %llu to %llu are missing", (unsigned long long)want, (unsigned long long)f->seq - 1);
		return RC_OK;
	}
	fact_hash(f, h);
	if (memcmp(h, f->hash, sizeof h) != 0)
		return name_misfit(w, d, f, err);
	if (memcmp(f->prev, w->hash, sizeof f->prev) != 0) {
		/* Both hold in themselves: the earlier one was rewritten with its hash, or this one. */
		if (want == 1)
			bad(w, want, "fact 1 does not begin the chain");
		else
			bad(w, want - 1, "fact %llu was rewritten: fact %llu names another predecessor",
			    (unsigned long long)want - 1, (unsigned long long)want);
		return RC_OK;
	}
	w->seq = want;
	memcpy(w->hash, h, sizeof h);
	w->v->checked = want;
	return RC_OK;
}

static enum rc walk_page(struct db *d, void *ctx, struct err *err)
{
	struct walk *w = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row = true;
	int n = 0;

	TRY(DB_START(d, &q, err, "SELECT " FACT_COLUMNS " FROM fact WHERE seq > $1 ORDER BY seq LIMIT $2",
		     DB_INT(w->seq), DB_INT(PAGE)));
	for (; w->v->first_bad == 0; n++) {
		struct fact f;
		enum rc rc;

		TRY(db_next(q, &row, err));
		if (!row)
			break;
		rc = fact_from_row(q, &f, err);
		if (rc == RC_CORRUPT)
			bad(w, w->seq + 1, "fact %llu: a digest has a wrong length", (unsigned long long)f.seq);
		else if (rc != RC_OK)
			return rc;
		else
			TRY(check_one(w, d, &f, err));
	}
	w->more = w->v->first_bad == 0 && n == PAGE;
	return RC_OK;
}

static void check_signature(struct walk *w, const struct fact_head *h)
{
	char text[FACT_HEAD_TEXT_MAX];

	if (w->pub == NULL)
		return;
	if (!h->is_signed)
		bad(w, h->seq, "the head is not signed");
	else if (!sign_verify(w->pub, fact_head_text(h->seq, h->hash, text), h->signature))
		bad(w, h->seq, "the head's signature does not fit");
}

static void compare_head(struct walk *w, const struct fact_head *h)
{
	if (!h->there && w->seq > 0)
		bad(w, w->seq, "the head is missing");
	else if (h->there && h->seq > w->seq)
		bad(w, w->seq + 1, "head names %llu facts, %llu are there", (unsigned long long)h->seq,
		    (unsigned long long)w->seq);
	else if (h->there && h->seq < w->seq)
		bad(w, h->seq + 1, "fact %llu lies behind the head, which names %llu facts", (unsigned long long)h->seq + 1,
		    (unsigned long long)h->seq);
	else if (h->there && memcmp(h->hash, w->hash, sizeof h->hash) != 0)
		bad(w, h->seq, "fact %llu is not the one that the head names", (unsigned long long)h->seq);
	else if (h->there)
		check_signature(w, h);
}

/* The facts are good as far as they go; do they end where the head says? While the node runs the head
 * may have moved on since: then the new facts are walked, and only if there are none is it a cut. */
static enum rc check_head(struct db *d, void *ctx, struct err *err)
{
	struct walk *w = ctx;
	struct fact_head h;
	uint64_t before;
	enum rc rc;

	do {
		rc = fact_head_read(d, &h, err);
		if (rc == RC_CORRUPT) {
			bad(w, w->seq, "the head's hash has a wrong length");
			return RC_OK;
		}
		TRY(rc);
		before = w->seq;
		for (w->more = h.seq > w->seq; w->more;)
			TRY(walk_page(d, w, err));
	} while (w->v->first_bad == 0 && w->seq > before);
	if (w->v->first_bad == 0)
		compare_head(w, &h);
	return RC_OK;
}

/* --- several stretches at a time --- */

/* The facts behind `from` up to `to`. Whether the first names the fact before it is for join() to say. */
struct stretch {
	struct store *s;
	pthread_t thread;
	uint64_t from, to, at;               /* at: the last that was looked at */
	unsigned char before[SHA256_LEN];    /* what the first names as its predecessor */
	unsigned char hash[SHA256_LEN];      /* of the fact `at` */
	struct fact_memo memo;
	bool good, begun;
};

static bool holds(struct stretch *t, const struct fact *f)
{
	unsigned char h[SHA256_LEN];

	fact_hash_memo(f, &t->memo, h);
	if (f->seq != t->at + 1 || memcmp(h, f->hash, sizeof h) != 0)
		return false;
	if (t->at == t->from)
		memcpy(t->before, f->prev, sizeof t->before);
	else if (memcmp(f->prev, t->hash, sizeof t->hash) != 0)
		return false;
	memcpy(t->hash, h, sizeof h);
	t->at = f->seq;
	return true;
}

/* Good stays false unless the whole stretch was there and held. */
static enum rc stretch_page(struct db *d, void *ctx, struct err *err)
{
	struct stretch *t = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	uint64_t end = t->to - t->at > PAGE ? t->at + PAGE : t->to;
	bool row;

	t->good = false;
	TRY(DB_START(d, &q, err, "SELECT " FACT_COLUMNS " FROM fact WHERE seq > $1 AND seq <= $2 ORDER BY seq", DB_INT(t->at), DB_INT(end)));
	while (t->at < end) {
		struct fact f;

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		TRY(fact_from_row(q, &f, err));
		if (!holds(t, &f))
			return RC_OK;
	}
	t->good = true;
	return RC_OK;
}

static void *stretch_run(void *ctx)
{
	struct stretch *t = ctx;

	/* An error here is found again, and told, by the walk. */
	do
		if (store_read(t->s, stretch_page, t, NULL) != RC_OK)
			t->good = false;
	while (t->good && t->at < t->to);
	return NULL;
}

/* The walk goes on behind the last stretch that is good and hangs on the one before. */
static void join(struct walk *w, const struct stretch *t, size_t n)
{
	for (size_t i = 0; i < n && t[i].good && memcmp(t[i].before, w->hash, sizeof w->hash) == 0; i++) {
		w->seq = w->v->checked = t[i].to;
		memcpy(w->hash, t[i].hash, sizeof w->hash);
	}
}

static enum rc verify_stretches(struct store *s, struct walk *w, struct err *err)
{
	struct stretch *t;
	int64_t n;
	uint64_t last;
	enum rc rc = store_read(s, read_last, &last, err);

	n = sysconf(_SC_NPROCESSORS_ONLN);
	n = n > STRETCHES_MAX ? STRETCHES_MAX : n;
	if (rc != RC_OK || last / STRETCH_LEAST < (uint64_t)n || n < 2)
		return rc;
	t = mem_array((size_t)n, sizeof *t);
	if (t == NULL)
		return FAIL(err, RC_NOMEM, "facts: out of memory");
	for (int64_t i = 0; i < n; i++) {
		t[i].s = s;
		t[i].from = t[i].at = last / (uint64_t)n * (uint64_t)i;
		t[i].to = i == n - 1 ? last : last / (uint64_t)n * (uint64_t)(i + 1);
		t[i].begun = pthread_create(&t[i].thread, NULL, stretch_run, &t[i]) == 0;
	}
	for (int64_t i = 0; i < n; i++)
		if (t[i].begun)
			pthread_join(t[i].thread, NULL);
	join(w, t, (size_t)n);
	mem_free(t);
	return RC_OK;
}

enum rc fact_verify(struct store *s, const unsigned char *pub, struct fact_verdict *ret, struct err *err)
{
	struct walk w = { .pub = pub, .v = ret, .more = true };

	*ret = (struct fact_verdict){ 0 };
	TRY(verify_stretches(s, &w, err));
	while (w.more)
		TRY(store_read(s, walk_page, &w, err));
	return ret->first_bad == 0 ? store_read(s, check_head, &w, err) : RC_OK;
}
