#include "store/small.h"

#include <stdatomic.h>

#include "base/mem.h"

/* How long a change made by another process may go unnoticed. */
#define LOOK_EVERY USEC_PER_SEC
#define USED_MAX 256
#define HOUR (3600 * USEC_PER_SEC)

struct used {
	char id[128];
	size_t n;
	usec at;
};

struct small {
	pthread_rwlock_t lock;    /* the view: held for reading while a look-up uses it */
	struct small_view *view;
	_Atomic bool stale;       /* a change of ours was committed */
	_Atomic usec looked;      /* time_mono() of the last look at the generation */
	bool changed;             /* in the transaction under way; the SQL writer's thread only */
	pthread_mutex_t used_lock;
	struct used used[USED_MAX];
	size_t n_used, n_writing;
};

struct small *small_new(void)
{
	struct small *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return NULL;
	pthread_rwlock_init(&m->lock, NULL);
	pthread_mutex_init(&m->used_lock, NULL);
	return m;
}

void small_free(struct small *m)
{
	if (m == NULL)
		return;
	small_view_free(m->view);
	pthread_rwlock_destroy(&m->lock);
	pthread_mutex_destroy(&m->used_lock);
	mem_free(m);
}

static bool current(struct small *m)
{
	return m->view != NULL && !atomic_load_explicit(&m->stale, memory_order_acquire) &&
	       time_mono() - atomic_load_explicit(&m->looked, memory_order_relaxed) < LOOK_EVERY;
}

/* The write lock is held. Loads when another state than ours is in the tables. */
static enum rc refresh(struct db *d, void *ctx, struct err *err)
{
	struct small *m = ctx;
	struct small_view *fresh = NULL;
	usec now = time_mono();
	int64_t generation;

	/* Cleared before reading: a commit during the load makes the next look-up load again. */
	if (!atomic_exchange(&m->stale, false) && m->view != NULL) {
		TRY(DB_ONE_INT(d, &generation, err, "SELECT coalesce(max(n), 0) FROM counter WHERE name = 'generation'"));
		if (generation == m->view->generation) {
			atomic_store(&m->looked, now);
			return RC_OK;
		}
	}
	TRY(small_view_load(d, &fresh, err));
	small_view_free(m->view);
	m->view = fresh;
	atomic_store(&m->looked, now);
	return RC_OK;
}

enum rc small_lock(struct store *s, const struct small_view **ret, struct err *err)
{
	struct small *m = s->small;
	enum rc rc = RC_OK;

	for (;;) {
		pthread_rwlock_rdlock(&m->lock);
		if (current(m)) {
			*ret = m->view;
			return RC_OK;
		}
		pthread_rwlock_unlock(&m->lock);

		pthread_rwlock_wrlock(&m->lock);
		if (!current(m)) {
			rc = store_read(s, refresh, m, err);
			if (rc != RC_OK)
				atomic_store(&m->stale, true);
		}
		pthread_rwlock_unlock(&m->lock);
		if (rc != RC_OK)
			return rc;
	}
}

void small_unlock(struct store *s)
{
	pthread_rwlock_unlock(&s->small->lock);
}

struct change {
	writer_job job;
	void *ctx;
};

static enum rc counted_change(struct store *s, void *ctx, struct err *err)
{
	struct change *c = ctx;
	int64_t generation;

	TRY(c->job(s, c->ctx, err));
	s->small->changed = true;
	return db_count_on(s->write_db, S("generation"), 1, &generation, err);
}

enum rc small_change(struct store *s, writer_job job, void *ctx, struct err *err)
{
	struct change c = { job, ctx };

	return writer_do(s->writer, counted_change, &c, err);
}

void small_committed(struct store *s)
{
	struct small *m = s->small;

	if (m->changed)
		atomic_store_explicit(&m->stale, true, memory_order_release);
	m->changed = false;
	pthread_mutex_lock(&m->used_lock);
	m->n_used -= m->n_writing;
	memmove(m->used, m->used + m->n_writing, m->n_used * sizeof *m->used);
	m->n_writing = 0;
	pthread_mutex_unlock(&m->used_lock);
}

void small_rolled_back(struct store *s)
{
	s->small->changed = false;
	s->small->n_writing = 0;
}

/* When too many wait, one is forgotten: the hour of a token's last use is a courtesy. */
void small_token_used(struct store *s, struct str id, usec now)
{
	struct small *m = s->small;
	bool known = false;

	if (s->writer == NULL || id.n > sizeof m->used[0].id)
		return;
	pthread_mutex_lock(&m->used_lock);
	for (size_t i = 0; i < m->n_used && !known; i++)
		known = str_eq(str_make(m->used[i].id, m->used[i].n), id);
	if (!known && m->n_used < USED_MAX) {
		struct used *u = &m->used[m->n_used++];

		memcpy(u->id, id.p, id.n);
		u->n = id.n;
		u->at = now - now % HOUR;
	}
	pthread_mutex_unlock(&m->used_lock);
}

bool small_waiting(struct store *s)
{
	bool waiting;

	pthread_mutex_lock(&s->small->used_lock);
	waiting = s->small->n_used > 0;
	pthread_mutex_unlock(&s->small->used_lock);
	return waiting;
}

enum rc small_write_used(struct store *s, struct err *err)
{
	struct small *m = s->small;
	int64_t generation;
	size_t n;

	pthread_mutex_lock(&m->used_lock);
	n = m->n_used;
	pthread_mutex_unlock(&m->used_lock);
	/* Others only append behind the first n, and only this thread takes them off. */
	for (size_t i = 0; i < n; i++)
		TRY(DB_RUN(s->write_db, err, "UPDATE token SET last_used = $1 WHERE id = $2", DB_INT(m->used[i].at),
			   DB_TEXT(str_make(m->used[i].id, m->used[i].n))));
	m->n_writing = n;
	m->changed = m->changed || n > 0;
	return n == 0 ? RC_OK : db_count_on(s->write_db, S("generation"), 1, &generation, err);
}

enum rc small_copy(struct arena *a, struct str **strs, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		*strs[i] = arena_dup(a, *strs[i]);
		if (strs[i]->p == NULL)
			return FAIL(err, RC_NOMEM, "records: the caller's memory is full");
	}
	return RC_OK;
}
