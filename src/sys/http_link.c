/* The open connections of a server, and the thread that keeps them: it cuts clients that
 * owe a request too long or have left unnoticed, and beats the heart of event streams. */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/bell.h"
#include "base/mem.h"
#include "sys/http_int.h"

#define LOOK_EVERY (USEC_PER_SEC / 2)
#define LINE_LIMIT (2 * USEC_PER_SEC)

struct http_links {
	pthread_mutex_t lock;
	pthread_cond_t ends;
	struct http_link *head;
	size_t count;
	uint64_t timeouts;
	usec request_limit, heartbeat;
	struct http_stream_list *streams;
	bool ending, running;
	pthread_t keeper;
};

/* The other end said that nothing more will come. */
static bool has_left(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Bytes came and the event loop took them, but no request line is in them: the library
 * skips lines that are empty or begin with NUL, and would wait for the idle limit. The
 * first line of a client that speaks HTTP comes in one piece; over TLS nothing of this
 * can be seen, and the idle limit stands. */
static bool speaks_no_line(struct http_link *l, usec now)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof info;
	int unread = 0;

	if (!l->plain || atomic_load_explicit(&l->begun, memory_order_relaxed) ||
	    getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0 || info.tcpi_bytes_received == 0 ||
	    ioctl(l->fd, SIOCINQ, &unread) != 0 || unread > 0)
		return false;
	if (l->heard_since == 0)
		l->heard_since = now;
	return now - l->heard_since > LINE_LIMIT;
}

/* Two kinds of client never look idle or gone to the library: one that feeds its request byte
 * by byte, and one whose end arrived together with its last bytes (edge-triggered epoll
 * reports both as one). A shutdown makes the event loop look again. The fd is valid here: a
 * link leaves the list before its socket is closed. */
static void cut_slow(struct http_links *k, usec now)
{
	for (struct http_link *l = k->head; l != NULL; l = l->next) {
		usec since = atomic_load_explicit(&l->waiting_since, memory_order_relaxed);
		bool slow;

		if (since == 0 || l->fd < 0)
			continue;
		slow = now - since > k->request_limit || speaks_no_line(l, now);
		if (!(slow || (now - since > USEC_PER_SEC && has_left(l->fd))))
			continue;
		shutdown(l->fd, SHUT_RDWR);
		atomic_store_explicit(&l->waiting_since, 0, memory_order_relaxed);
		k->timeouts += slow;
	}
}

static void *keeper(void *arg)
{
	struct http_links *k = arg;
	usec beat = time_mono();

	pthread_mutex_lock(&k->lock);
	while (!k->ending) {
		usec now = time_mono();

		cut_slow(k, now);
		if (now - beat >= k->heartbeat) {
			beat = now;
			pthread_mutex_unlock(&k->lock);
			http_stream_list_beat(k->streams);
			pthread_mutex_lock(&k->lock);
			continue;
		}
		(void)cond_wait_for(&k->ends, &k->lock, LOOK_EVERY);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

enum rc http_links_new(int request_seconds, int heartbeat_seconds, struct http_stream_list *streams, struct http_links **ret,
		       struct err *err)
{
	struct http_links *k = mem_alloc(sizeof *k);
	sigset_t all, old;

	if (k == NULL)
		return FAIL(err, RC_NOMEM, "http: out of memory");
	pthread_mutex_init(&k->lock, NULL);
	cond_init(&k->ends);
	k->request_limit = request_seconds * USEC_PER_SEC;
	k->heartbeat = heartbeat_seconds * USEC_PER_SEC;
	k->streams = streams;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	k->running = pthread_create(&k->keeper, NULL, keeper, k) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!k->running) {
		http_links_free(k);
		return FAIL(err, RC_NOMEM, "http: cannot start a thread");
	}
	*ret = k;
	return RC_OK;
}

void http_links_add(struct http_links *k, struct http_link *l)
{
	atomic_store(&l->waiting_since, time_mono());
	pthread_mutex_lock(&k->lock);
	l->next = k->head;
	if (k->head != NULL)
		k->head->prev = l;
	k->head = l;
	k->count++;
	pthread_mutex_unlock(&k->lock);
}

void http_links_del(struct http_links *k, struct http_link *l)
{
	pthread_mutex_lock(&k->lock);
	if (l->prev != NULL)
		l->prev->next = l->next;
	else
		k->head = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	k->count--;
	pthread_mutex_unlock(&k->lock);
}

void http_links_stats(struct http_links *k, struct http_stats *ret)
{
	pthread_mutex_lock(&k->lock);
	ret->connections = k->count;
	ret->timeouts = k->timeouts;
	pthread_mutex_unlock(&k->lock);
}

void http_links_free(struct http_links *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->ending = true;
	pthread_cond_broadcast(&k->ends);
	pthread_mutex_unlock(&k->lock);
	if (k->running)
		pthread_join(k->keeper, NULL);
	pthread_cond_destroy(&k->ends);
	pthread_mutex_destroy(&k->lock);
	mem_free(k);
}
