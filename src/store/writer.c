#include "store/writer.h"

#include <pthread.h>

#include "base/bell.h"
#include "base/mem.h"
#include "base/time.h"
#include "store/internal.h"

#define UPKEEP_EVERY (10 * USEC_PER_SEC) /* at most so long without upkeep, also while jobs come without a pause */

/* Waits on its caller's stack until `done`. */
struct job {
	writer_job run;
	void *ctx;
	struct job *next;
	enum rc rc;
	struct err err;
	bool done;
};

struct writer {
	struct store *s;
	const struct writer_ops *ops;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job *head, **tail;
	struct writer_stats stats;
	bool stopping;
	usec upkept;     /* when idle() ran last */
};

static enum rc refuse_broken(const struct writer *w, struct err *err)
{
	if (w->stats.broken)
		return FAIL(err, RC_IO, "writer: a sync to disk failed earlier; no write is taken until a restart");
	return RC_OK;
}

static void fail_job(struct job *j, enum rc rc, const struct err *err)
{
	j->rc = rc;
	j->err = *err;
}

static enum rc try_commit(struct writer *w, struct err *err)
{
	enum rc rc = w->ops->commit(w->s, err);

	pthread_mutex_lock(&w->lock);
	w->stats.full = rc == RC_FULL;
	w->stats.broken = w->stats.broken || rc == RC_IO;
	w->stats.commits += rc == RC_OK;
	pthread_mutex_unlock(&w->lock);
	if (rc == RC_OK && w->ops->committed != NULL)
		w->ops->committed(w->s);
	return rc;
}

/* Runs jobs[0..n) in one transaction. False, with *ret_bad set and everything rolled back, when one
 * of them failed; a failure of the transaction itself fails all of them. */
static bool run_together(struct writer *w, struct job **jobs, size_t n, size_t *ret_bad)
{
	struct err err = { 0 };
	enum rc rc = refuse_broken(w, &err);

	if (rc == RC_OK)
		rc = w->ops->begin(w->s, &err);

	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		struct job *j = jobs[i];

		j->err = (struct err){ 0 };
		j->rc = j->run(w->s, j->ctx, &j->err);
		if (j->rc != RC_OK) {
			w->ops->rollback(w->s);
			*ret_bad = i;
			return false;
		}
	}
	if (rc == RC_OK)
		rc = try_commit(w, &err);
	if (rc != RC_OK) {
		w->ops->rollback(w->s);
		for (size_t i = 0; i < n; i++)
			fail_job(jobs[i], rc, &err);
	}
	return true;
}

static void note_full(struct writer *w, enum rc rc)
{
	if (rc != RC_FULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stats.full = true;
	pthread_mutex_unlock(&w->lock);
}

/* After a failure all are run again alone, also the one that failed: it may have been too much only for this group. */
static void run_group(struct writer *w, struct job **jobs, size_t n)
{
	size_t bad = 0;

	if (run_together(w, jobs, n, &bad))
		return;
	if (n == 1)
		note_full(w, jobs[0]->rc);
	for (size_t i = 0; n > 1 && i < n; i++)
		run_group(w, &jobs[i], 1);
}

/* What wants a commit without a waiter stays where it is when the disk refuses, and is tried again. */
static void run_wanted(struct writer *w)
{
	size_t ignored;

	if (w->ops->wants != NULL && w->ops->wants(w->s))
		run_together(w, NULL, 0, &ignored);
}

/* Takes up to a group off the queue; the lock is held. */
static size_t take(struct writer *w, struct job **jobs)
{
	size_t n = 0;

	while (n < WRITER_GROUP_MAX && w->head != NULL) {
		jobs[n++] = w->head;
		w->head = w->head->next;
	}
	if (w->head == NULL)
		w->tail = &w->head;
	return n;
}

static void upkeep(struct writer *w)
{
	w->upkept = time_mono();
	if (w->ops->idle != NULL && !w->stats.broken)
		w->ops->idle(w->s);
}

static void wait_second(struct writer *w)
{
	if (cond_wait_for(&w->work, &w->lock, USEC_PER_SEC) || w->head != NULL || w->stopping)
		return;
	pthread_mutex_unlock(&w->lock);
	run_wanted(w);
	upkeep(w);
	pthread_mutex_lock(&w->lock);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	struct job *jobs[WRITER_GROUP_MAX];

	pthread_setname_np(pthread_self(), w->ops->name);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		size_t n;

		while (w->head == NULL && !w->stopping)
			wait_second(w);
		n = take(w, jobs);
		if (n == 0)
			break;
		pthread_mutex_unlock(&w->lock);
		run_group(w, jobs, n);
		pthread_mutex_lock(&w->lock);
		for (size_t i = 0; i < n; i++)
			jobs[i]->done = true;
		w->stats.waiting -= n;
		pthread_cond_broadcast(&w->done);
		if (time_mono() - w->upkept < UPKEEP_EVERY)
			continue;
		pthread_mutex_unlock(&w->lock);
		upkeep(w);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	run_wanted(w);
	return NULL;
}

static void writer_free(struct writer *w)
{
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

enum rc writer_start(struct store *s, const struct writer_ops *ops, struct writer **ret, struct err *err)
{
	struct writer *w = mem_alloc(sizeof *w);
	int failed;

	if (w == NULL)
		return FAIL(err, RC_NOMEM, "writer: no memory");
	w->s = s;
	w->ops = ops;
	w->tail = &w->head;
	w->upkept = time_mono();
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->work);
	pthread_cond_init(&w->done, NULL);
	failed = pthread_create(&w->thread, NULL, writer_main, w);
	if (failed != 0) {
		writer_free(w);
		return FAIL(err, RC_NOMEM, "writer: no thread: %s", strerror(failed));
	}
	*ret = w;
	return RC_OK;
}

void writer_stop(struct writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	writer_free(w);
}

static enum rc may_queue(const struct writer *w, struct err *err)
{
	TRY(refuse_broken(w, err));
	if (w->stopping)
		return FAIL(err, RC_BUSY, "writer: the store is closing");
	if (w->stats.waiting >= WRITER_QUEUE_MAX)
		return FAIL(err, RC_BUSY, "writer: %d changes wait already", WRITER_QUEUE_MAX);
	return RC_OK;
}

enum rc writer_do(struct writer *w, writer_job job, void *ctx, struct err *err)
{
	struct job j = { .run = job, .ctx = ctx };
	enum rc rc;

	if (w == NULL)
		return FAIL(err, RC_DENIED, "store: opened for reading only");
	pthread_mutex_lock(&w->lock);
	rc = may_queue(w, err);
	if (rc == RC_OK) {
		*w->tail = &j;
		w->tail = &j.next;
		w->stats.waiting++;
		pthread_cond_signal(&w->work);
		while (!j.done)
			pthread_cond_wait(&w->done, &w->lock);
		rc = j.rc;
		/* A job that succeeds may still have a word on part of it. */
		if (err != NULL && (rc != RC_OK || j.err.rc != RC_OK))
			*err = j.err;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

void writer_stats(struct writer *w, struct writer_stats *ret)
{
	*ret = (struct writer_stats){ 0 };
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	*ret = w->stats;
	pthread_mutex_unlock(&w->lock);
}
