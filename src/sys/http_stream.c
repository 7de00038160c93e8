/* An event stream is a bounded queue between any thread that sends and the event loop
 * that writes. When the queue is empty the connection is suspended, so that thousands of
 * silent readers cost no loop time; a send resumes it. Suspending and resuming happen
 * under the stream's lock: a resume can never get lost between "empty" and "suspended".
 * Lock order: list, then stream, then whatever the HTTP library takes inside. */
#include "base/mem.h"
#include "sys/http_int.h"

#define KEEP_QUEUE ((size_t)4 << 10) /* an empty queue keeps no more memory than this */

struct http_stream {
	pthread_mutex_t lock;
	int refs;
	struct buf queue;
	size_t sent; /* bytes of the queue that are taken already */
	bool closed, overrun, gone, suspended;
	void *conn;
	void (*suspend)(void *conn);
	void (*resume)(void *conn);
	struct http_stream_list *list;
	struct http_stream *prev, *next;
};

struct http_stream_list {
	pthread_mutex_t lock;
	struct http_stream *head;
	size_t count;
	bool ended;
};

struct http_stream *http_stream_new(size_t max_queued_bytes)
{
	struct http_stream *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	buf_init(&s->queue, max_queued_bytes);
	s->refs = 1;
	return s;
}

/* Called with the lock held; releases it. */
static void unref_unlock(struct http_stream *s)
{
	bool last = --s->refs == 0;

	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&s->lock);
	buf_done(&s->queue);
	mem_free(s);
}

static void wake(struct http_stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	s->resume(s->conn);
}

/* Moves what is not yet sent to the front, so that the queue's maximum counts waiting bytes only. */
static void compact(struct http_stream *s)
{
	size_t left = s->queue.n - s->sent;

	if (s->sent == 0)
		return;
	memmove(s->queue.p, s->queue.p + s->sent, left);
	buf_cut(&s->queue, left);
	s->sent = 0;
}

static enum rc send_locked(struct http_stream *s, struct str event)
{
	if (s->overrun)
		return RC_LIMIT;
	if (s->gone || s->closed)
		return RC_NOTFOUND;
	compact(s);
	buf_str(&s->queue, event);
	if (s->queue.bad != RC_OK)
		s->overrun = true;
	wake(s);
	return s->overrun ? RC_LIMIT : RC_OK;
}

enum rc http_stream_send(struct http_stream *s, struct str event)
{
	enum rc rc;

	pthread_mutex_lock(&s->lock);
	rc = send_locked(s, event);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

bool http_stream_gone(struct http_stream *s)
{
	bool gone;

	pthread_mutex_lock(&s->lock);
	gone = s->gone || s->overrun;
	pthread_mutex_unlock(&s->lock);
	return gone;
}

size_t http_stream_queued(struct http_stream *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->queue.n - s->sent;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void http_stream_close(struct http_stream *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	wake(s);
	unref_unlock(s);
}

void http_res_stream(struct http_res *res, struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->refs++;
	pthread_mutex_unlock(&s->lock);
	res->stream = s;
}

void http_stream_abandon(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->gone = true;
	unref_unlock(s);
}

void http_stream_attach(struct http_stream *s, struct http_stream_list *l, void *conn,
			void (*suspend)(void *conn), void (*resume)(void *conn))
{
	pthread_mutex_lock(&l->lock);
	pthread_mutex_lock(&s->lock);
	s->conn = conn;
	s->suspend = suspend;
	s->resume = resume;
	s->closed = s->closed || l->ended;
	s->list = l;
	s->next = l->head;
	if (l->head != NULL)
		l->head->prev = s;
	l->head = s;
	l->count++;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&l->lock);
}

void http_stream_detach(struct http_stream *s)
{
	struct http_stream_list *l = s->list;

	pthread_mutex_lock(&l->lock);
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		l->head = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	l->count--;
	pthread_mutex_unlock(&l->lock);
	pthread_mutex_lock(&s->lock);
	s->gone = true;
	s->suspended = false;
	unref_unlock(s);
}

ssize_t http_stream_take(struct http_stream *s, char *out, size_t n)
{
	size_t left;

	pthread_mutex_lock(&s->lock);
	left = s->queue.n - s->sent;
	if (s->overrun || (left == 0 && s->closed)) {
		ssize_t end = s->overrun ? -2 : -1;

		pthread_mutex_unlock(&s->lock);
		return end;
	}
	if (left == 0) {
		buf_clear(&s->queue);
		if (s->queue.cap > KEEP_QUEUE)
			buf_done(&s->queue);
		s->sent = 0;
		s->suspended = true;
		s->suspend(s->conn);
		pthread_mutex_unlock(&s->lock);
		return 0;
	}
	n = left < n ? left : n;
	memcpy(out, s->queue.p + s->sent, n);
	s->sent += n;
	pthread_mutex_unlock(&s->lock);
	return (ssize_t)n;
}

struct http_stream_list *http_stream_list_new(void)
{
	struct http_stream_list *l = mem_alloc(sizeof *l);

	if (l != NULL)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

void http_stream_list_free(struct http_stream_list *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

void http_stream_list_beat(struct http_stream_list *l)
{
	pthread_mutex_lock(&l->lock);
	for (struct http_stream *s = l->head; s != NULL; s = s->next) {
		pthread_mutex_lock(&s->lock);
		/* A reader that has bytes waiting needs no sign of life, and must not overrun by ours. */
		if (s->queue.n == s->sent)
			(void)!send_locked(s, S(":\n\n"));
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&l->lock);
}

void http_stream_list_end(struct http_stream_list *l)
{
	pthread_mutex_lock(&l->lock);
	l->ended = true;
	for (struct http_stream *s = l->head; s != NULL; s = s->next) {
		pthread_mutex_lock(&s->lock);
		s->closed = true;
		wake(s);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&l->lock);
}

size_t http_stream_list_count(struct http_stream_list *l)
{
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = l->count;
	pthread_mutex_unlock(&l->lock);
	return n;
}
