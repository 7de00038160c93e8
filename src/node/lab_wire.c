#include "node/lab_wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

static enum rc send_rest(int fd, struct str bytes, struct err *err)
{
	while (bytes.n > 0) {
		ssize_t sent = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return FAIL(err, RC_PEER, "lab: %m");
		bytes = str_slice(bytes, (size_t)sent, bytes.n);
	}
	return RC_OK;
}

enum rc lab_wire_send(int fd, const void *head, size_t n, struct str a, struct str b, int pass_fd, struct err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)head, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (pass_fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = sizeof control;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent != (ssize_t)n) /* a head goes whole or the link is of no use */
		return FAIL(err, RC_PEER, "lab: %m");
	TRY(send_rest(fd, a, err));
	return send_rest(fd, b, err);
}

static void take_fds(struct msghdr *m, int *pass_fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
			continue;
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
		if (pass_fd != NULL && *pass_fd < 0)
			*pass_fd = fd;
		else
			close(fd);
	}
}

enum rc lab_wire_take(int fd, void *head, size_t n, int *pass_fd, struct err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	size_t got = 0;

	if (pass_fd != NULL)
		*pass_fd = -1;
	while (got < n) {
		struct iovec iov = { (char *)head + got, n - got };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
		ssize_t k = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k == 0 ? FAIL(err, RC_PEER, "lab: closed by the other end") : FAIL(err, RC_PEER, "lab: %m");
		take_fds(&m, pass_fd);
		got += (size_t)k;
	}
	return RC_OK;
}

enum rc lab_wire_more(int fd, struct buf *b, size_t n, struct err *err)
{
	while (n > 0) {
		size_t want = n < PIECE ? n : PIECE;
		char *room = buf_room(b, want);
		ssize_t k;

		if (room == NULL)
			return FAIL(err, RC_NOMEM, "lab: out of memory");
		k = recv(fd, room, want, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return FAIL(err, RC_PEER, "lab: closed by the other end");
		buf_grew(b, (size_t)k);
		n -= (size_t)k;
	}
	return RC_OK;
}
