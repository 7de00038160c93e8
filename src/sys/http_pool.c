/* Threads for handlers that wait. The queue needs no limit of its own: a job is one
 * request, a connection has one at a time, and connections are limited. */
#include <assert.h>
#include <signal.h>

#include "base/mem.h"
#include "sys/http_int.h"

struct http_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct http_job *head, **tail;
	void (*run)(struct http_job *job);
	bool stopping;
	int reserved; /* jobs promised or queued or running */
	int n_threads;
	pthread_t threads[];
};

static struct http_job *next_job(struct http_pool *p)
{
	struct http_job *job;

	while (p->head == NULL && !(p->stopping && p->reserved == 0))
		pthread_cond_wait(&p->work, &p->lock);
	job = p->head;
	if (job == NULL)
		return NULL;
	p->head = job->next;
	if (p->head == NULL)
		p->tail = &p->head;
	return job;
}

static void *worker(void *arg)
{
	struct http_pool *p = arg;
	struct http_job *job;

	pthread_mutex_lock(&p->lock);
	while ((job = next_job(p)) != NULL) {
		pthread_mutex_unlock(&p->lock);
		p->run(job);
		pthread_mutex_lock(&p->lock);
		/* The last one of a stopping pool wakes those that wait for more. */
		if (--p->reserved == 0 && p->stopping)
			pthread_cond_broadcast(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

enum rc http_pool_new(int workers, void (*run)(struct http_job *job), struct http_pool **ret, struct err *err)
{
	struct http_pool *p = mem_alloc(sizeof *p + (size_t)workers * sizeof p->threads[0]);
	sigset_t all, old;

	if (p == NULL)
		return FAIL(err, RC_NOMEM, "http: out of memory");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	p->tail = &p->head;
	p->run = run;
	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->n_threads < workers && pthread_create(&p->threads[p->n_threads], NULL, worker, p) == 0)
		p->n_threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (p->n_threads < workers) {
		http_pool_stop(p);
		http_pool_free(p);
		return FAIL(err, RC_NOMEM, "http: cannot start %d worker threads", workers);
	}
	*ret = p;
	return RC_OK;
}

bool http_pool_reserve(struct http_pool *p)
{
	bool good;

	pthread_mutex_lock(&p->lock);
	good = !p->stopping;
	if (good)
		p->reserved++;
	pthread_mutex_unlock(&p->lock);
	return good;
}

void http_pool_submit(struct http_pool *p, struct http_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&p->lock);
	assert(p->reserved > 0);
	*p->tail = job;
	p->tail = &job->next;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void http_pool_stop(struct http_pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	p->n_threads = 0;
}

void http_pool_free(struct http_pool *p)
{
	if (p == NULL)
		return;
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}
