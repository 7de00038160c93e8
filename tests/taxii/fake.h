/* A server that answers as the test tells it, byte for byte: on a real socket, one
 * connection a request, plain or TLS. */
#ifndef TESTS_TAXII_FAKE_H
#define TESTS_TAXII_FAKE_H

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/str.h"

#define FAKE_LOG 256
#define FAKE_REQUEST_MAX 65536

struct fake {
	int listener, port;
	pthread_t thread;
	atomic_int stop, n;          /* requests seen */
	char *log[FAKE_LOG];         /* each with head and body */
	/* Writes the reply to request number `i` (from 0). */
	void (*answer)(struct fake *f, int i, const char *request);
	int fd;                      /* of the connection under way */
	gnutls_session_t tls;        /* NULL = plain */
	gnutls_certificate_credentials_t cred;
	const char *priority;        /* NULL = plain */
	char tls_version[16];
};

UNUSED static void fake_put(struct fake *f, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = f->tls != NULL ? gnutls_record_send(f->tls, p, n) : send(f->fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* A whole reply; `headers` end each in "\r\n". */
UNUSED static void fake_reply(struct fake *f, int status, const char *headers, const char *body)
{
	char head[2000];

	snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/taxii+json;version=2.1\r\nContent-Length: %zu\r\n"
		 "Connection: close\r\n%s\r\n", status, strlen(body), headers);
	fake_put(f, head, strlen(head));
	fake_put(f, body, strlen(body));
}

static ssize_t fake_take(struct fake *f, char *p, size_t n)
{
	return f->tls != NULL ? gnutls_record_recv(f->tls, p, n) : recv(f->fd, p, n, 0);
}

/* Head and body of one request. */
static bool fake_read(struct fake *f, char *buf)
{
	size_t n = 0, want = SIZE_MAX;

	while (n < want && n + 1 < FAKE_REQUEST_MAX) {
		ssize_t k = fake_take(f, buf + n, FAKE_REQUEST_MAX - 1 - n);
		const char *end, *length;

		if (k <= 0)
			return false;
		n += (size_t)k;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strcasestr(buf, "\r\nContent-Length:");
		want = (size_t)(end - buf) + 4 + (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
	}
	return true;
}

static bool fake_shake(struct fake *f)
{
	int rc;

	if (f->priority == NULL)
		return true;
	gnutls_init(&f->tls, GNUTLS_SERVER);
	gnutls_priority_set_direct(f->tls, f->priority, NULL);
	gnutls_credentials_set(f->tls, GNUTLS_CRD_CERTIFICATE, f->cred);
	gnutls_transport_set_int(f->tls, f->fd);
	do
		rc = gnutls_handshake(f->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc == 0)
		snprintf(f->tls_version, sizeof f->tls_version, "%s", gnutls_protocol_get_name(gnutls_protocol_get_version(f->tls)));
	return rc == 0;
}

static void *fake_run(void *arg)
{
	struct fake *f = arg;
	char *buf = malloc(FAKE_REQUEST_MAX);

	while (buf != NULL && !atomic_load(&f->stop)) {
		struct pollfd p = { .fd = f->listener, .events = POLLIN };

		if (poll(&p, 1, 50) != 1)
			continue;
		f->fd = accept(f->listener, NULL, NULL);
		if (f->fd < 0)
			continue;
		struct timeval tv = { .tv_sec = 2 };

		setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
		if (fake_shake(f) && fake_read(f, buf)) {
			int i = atomic_load(&f->n);

			if (i < FAKE_LOG)
				f->log[i] = strdup(buf);
			atomic_fetch_add(&f->n, 1);
			f->answer(f, i, buf);
		}
		if (f->tls != NULL) {
			gnutls_bye(f->tls, GNUTLS_SHUT_WR);
			gnutls_deinit(f->tls);
			f->tls = NULL;
		}
		shutdown(f->fd, SHUT_WR);
		close(f->fd);
	}
	free(buf);
	return NULL;
}

UNUSED static void fake_start(struct fake *f, void (*answer)(struct fake *f, int i, const char *request))
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	f->answer = answer;
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(f->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(f->listener, 16) != 0
	    || getsockname(f->listener, (struct sockaddr *)&a, &n) != 0)
		exit(1);
	f->port = ntohs(a.sin_port);
	pthread_create(&f->thread, NULL, fake_run, f);
}

UNUSED static void fake_stop(struct fake *f)
{
	atomic_store(&f->stop, 1);
	pthread_join(f->thread, NULL);
	close(f->listener);
	for (int i = 0; i < FAKE_LOG; i++)
		free(f->log[i]);
}

#endif
