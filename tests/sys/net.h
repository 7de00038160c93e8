/* Raw sockets on loopback for tests that must say exactly which bytes go out. */
#ifndef TESTS_SYS_NET_H
#define TESTS_SYS_NET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/buf.h"

/* A connection to 127.0.0.1:port whose reads end after `seconds`, or -1. */
__attribute__((unused)) static int net_connect(int port, int seconds)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval tv = { .tv_sec = seconds };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof in) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	return fd;
}

__attribute__((unused)) static bool net_send(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		s = str_slice(s, (size_t)n, s.n);
	}
	return true;
}

/* Appends until the peer closes, `stop` was seen (when .n > 0), or time is up; true unless time was up. */
__attribute__((unused)) static bool net_read(int fd, struct buf *b, struct str stop)
{
	char part[4096];
	ssize_t n;

	while ((n = recv(fd, part, sizeof part, 0)) > 0) {
		buf_put(b, part, (size_t)n);
		if (stop.n > 0 && str_find(buf_view(b), stop, 0) != SIZE_MAX)
			return true;
	}
	return n == 0;
}

/* A listening socket on 127.0.0.1, its port in *ret_port. */
__attribute__((unused)) static int net_listen(int *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &n) != 0)
		return -1;
	*ret_port = ntohs(in.sin_port);
	return fd;
}

/* "HTTP/1.1 404 ..." -> 404; 0 when there is no such line. */
__attribute__((unused)) static int net_status(struct str reply)
{
	uint64_t status;

	if (!str_starts(reply, S("HTTP/1.")) || !str_to_u64(str_slice(reply, 9, 12), &status))
		return 0;
	return (int)status;
}

#endif
