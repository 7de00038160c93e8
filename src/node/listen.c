#include "node/listen.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "detect/watch.h"
#include "sys/file.h"

#define DATAGRAMS 64
#define DATAGRAM_MAX 65536
#define ROOM ((size_t)8 << 20) /* asked of the kernel for datagrams that wait */
#define PIECE 65536
#define PIECES_A_TURN 64       /* of one sender before the others have their turn */

struct sender {
	int fd;
	struct buf torn; /* a frame that is not whole yet */
	size_t skip;     /* bytes of a frame that is too long, still to come */
	bool skip_line;  /* the same of a line */
	usec heard;
};

struct listener {
	bool stream;
	int fd;
	struct sender *senders;
	size_t n;
	struct pollfd *polls;
	char *room; /* datagrams, or a piece of a stream */
	uint32_t overflow;
	_Atomic uint64_t messages, bytes, connections, refused, too_long, dropped;
};

bool listen_is_address(const char *path)
{
	return str_starts(str_of(path), S("udp://")) || str_starts(str_of(path), S("tcp://"));
}

/* "127.0.0.1:514" or "[::1]:514" */
static enum rc split_address(const char *address, char host[static 256], char port[static 16], struct err *err)
{
	const char *text = address + 6, *colon = strrchr(text, ':');
	struct str h = str_make(text, colon == NULL ? 0 : (size_t)(colon - text));

	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_slice(h, 1, h.n - 1);
	if (colon == NULL || h.n == 0 || h.n > 255 || strlen(colon + 1) > 5 || strlen(colon + 1) == 0)
		return FAIL(err, RC_BAD, "%s: expected udp://ADDRESS:PORT or tcp://ADDRESS:PORT", address);
	snprintf(host, 256, "%.*s", STR(h));
	snprintf(port, 16, "%s", colon + 1);
	return RC_OK;
}

static enum rc bind_address(struct listener *l, const char *address, struct err *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = l->stream ? SOCK_STREAM : SOCK_DGRAM }, *a;
	char host[256], port[16];
	int one = 1, room = ROOM;
	enum rc rc = RC_OK;

	TRY(split_address(address, host, port, err));
	if (getaddrinfo(host, port, &hints, &a) != 0)
		return FAIL(err, RC_BAD, "%s: the address is a number, like 127.0.0.1 or [::]", address);
	l->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 || bind(l->fd, a->ai_addr, a->ai_addrlen) != 0)
		rc = FAIL(err, errno == EADDRINUSE ? RC_CONFLICT : errno == EACCES ? RC_DENIED : RC_IO, "%s: %s", address, strerror(errno));
	else if (l->stream && listen(l->fd, 128) != 0)
		rc = FAIL(err, RC_IO, "%s: %s", address, strerror(errno));
	if (rc == RC_OK && !l->stream) { /* as much as we may have; what does not fit is counted */
		(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
		(void)setsockopt(l->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
	}
	freeaddrinfo(a);
	return rc;
}

enum rc listener_open(const char *address, struct listener **ret, struct err *err)
{
	struct listener *l = mem_alloc(sizeof *l);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	l->fd = -1;
	l->stream = str_starts(str_of(address), S("tcp://"));
	l->room = mem_alloc(l->stream ? PIECE : (size_t)DATAGRAMS * DATAGRAM_MAX);
	l->senders = l->stream ? mem_array(LISTEN_SENDERS_MAX, sizeof *l->senders) : NULL;
	l->polls = mem_array(LISTEN_SENDERS_MAX + 1, sizeof *l->polls);
	if (l->room == NULL || l->polls == NULL || (l->stream && l->senders == NULL))
		rc = FAIL(err, RC_NOMEM, "input: out of memory");
	else
		rc = bind_address(l, address, err);
	if (rc != RC_OK) {
		listener_close(l);
		return rc;
	}
	*ret = l;
	return RC_OK;
}

static void drop_sender(struct listener *l, size_t i)
{
	close(l->senders[i].fd);
	buf_done(&l->senders[i].torn);
	l->senders[i] = l->senders[--l->n];
}

void listener_close(struct listener *l)
{
	if (l == NULL)
		return;
	while (l->n > 0)
		drop_sender(l, l->n - 1);
	file_closep(&l->fd);
	mem_free(l->senders);
	mem_free(l->polls);
	mem_free(l->room);
	mem_free(l);
}

void listener_stats(const struct listener *l, struct listen_stats *ret)
{
	*ret = (struct listen_stats){ .messages = atomic_load(&l->messages), .bytes = atomic_load(&l->bytes),
				      .connections = atomic_load(&l->connections), .refused = atomic_load(&l->refused),
				      .too_long = atomic_load(&l->too_long), .dropped = atomic_load(&l->dropped) };
}

static enum rc give(struct listener *l, struct str message, listen_message fn, void *ctx, struct err *err)
{
	while (message.n > 0 && strchr("\r\n", message.p[message.n - 1]) != NULL)
		message.n--;
	if (message.n == 0)
		return RC_OK;
	atomic_fetch_add(&l->messages, 1);
	return fn(ctx, message, err);
}

/* --- datagrams --- */

static void count_dropped(struct listener *l, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		uint32_t now;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&now, CMSG_DATA(c), sizeof now);
		atomic_fetch_add(&l->dropped, now - l->overflow); /* the kernel counts in 32 bits */
		l->overflow = now;
	}
}

static enum rc take_datagrams(struct listener *l, listen_message fn, void *ctx, struct err *err)
{
	struct mmsghdr msgs[DATAGRAMS];
	struct iovec iov[DATAGRAMS];
	char control[DATAGRAMS][CMSG_SPACE(sizeof(uint32_t))];
	int n;

	memset(msgs, 0, sizeof msgs);
	for (size_t i = 0; i < DATAGRAMS; i++) {
		iov[i] = (struct iovec){ l->room + i * DATAGRAM_MAX, DATAGRAM_MAX };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i] };
	}
	n = recvmmsg(l->fd, msgs, DATAGRAMS, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? RC_OK : FAIL(err, RC_IO, "receiving: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		atomic_fetch_add(&l->bytes, msgs[i].msg_len);
		count_dropped(l, &msgs[i].msg_hdr);
		TRY(give(l, str_make(iov[i].iov_base, msgs[i].msg_len), fn, ctx, err));
	}
	return RC_OK;
}

/* --- streams --- */

/* RFC 6587 §3.4.1: "123 <34>1 ..." when the frame begins with a digit that is not 0; else a line (§3.4.2). SIZE_MAX: not known yet. */
static size_t frame_length(struct str s, size_t *ret_head)
{
	size_t n = 0, i = 0;

	while (i < s.n && i < 8 && s.p[i] >= '0' && s.p[i] <= '9')
		n = n * 10 + (size_t)(s.p[i++] - '0');
	if (i == s.n && i > 0 && i < 8)
		return SIZE_MAX;
	*ret_head = i > 0 && i < s.n && s.p[i] == ' ' && s.p[0] != '0' ? i + 1 : 0;
	return *ret_head > 0 ? n : 0;
}

/* Takes whole frames off `s`; what is left stays torn. A frame longer than a line may be is skipped. */
static enum rc take_frames(struct listener *l, struct sender *c, struct str *s, listen_message fn, void *ctx, struct err *err)
{
	while (s->n > 0) {
		const char *nl;
		size_t head = 0, n;

		if (c->skip > 0) {
			n = c->skip < s->n ? c->skip : s->n;
			c->skip -= n;
			*s = str_slice(*s, n, s->n);
			continue;
		}
		n = c->skip_line ? 0 : frame_length(*s, &head);
		if (n == SIZE_MAX)
			return RC_OK;
		if (head > 0 && n > WATCH_LINE_MAX) {
			atomic_fetch_add(&l->too_long, 1);
			c->skip = n;
			*s = str_slice(*s, head, s->n);
			continue;
		}
		nl = head > 0 ? NULL : memchr(s->p, '\n', s->n);
		if (head > 0 ? s->n - head < n : nl == NULL)
			return RC_OK;
		n = head > 0 ? n : (size_t)(nl - s->p) + 1;
		if (!c->skip_line)
			TRY(give(l, str_slice(*s, head, head + n), fn, ctx, err));
		c->skip_line = false;
		*s = str_slice(*s, head + n, s->n);
	}
	return RC_OK;
}

/* False: the connection is over. */
static enum rc read_sender(struct listener *l, struct sender *c, listen_message fn, void *ctx, bool *ret_open, struct err *err)
{
	*ret_open = true;
	for (int turn = 0; turn < PIECES_A_TURN; turn++) {
		ssize_t got = recv(c->fd, l->room, PIECE, MSG_DONTWAIT);
		struct str all;

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return RC_OK;
		if (got <= 0) { /* a last line without its end counts too */
			*ret_open = false;
			return c->skip > 0 || c->skip_line ? RC_OK : give(l, buf_view(&c->torn), fn, ctx, err);
		}
		c->heard = time_mono();
		atomic_fetch_add(&l->bytes, (uint64_t)got);
		buf_put(&c->torn, l->room, (size_t)got);
		if (c->torn.bad != RC_OK) {
			*ret_open = false;
			return RC_OK;
		}
		all = buf_view(&c->torn);
		TRY(take_frames(l, c, &all, fn, ctx, err));
		if (all.n > WATCH_LINE_MAX && frame_length(all, &(size_t){ 0 }) == 0) {
			if (!c->skip_line)
				atomic_fetch_add(&l->too_long, 1);
			c->skip_line = true;
			all.n = 0;
		}
		memmove(c->torn.p, all.p, all.n);
		buf_cut(&c->torn, all.n);
	}
	return RC_OK;
}

static void take_sender(struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct sender *c = &l->senders[l->n];

		if (l->n == LISTEN_SENDERS_MAX) {
			atomic_fetch_add(&l->refused, 1);
			close(fd);
			continue;
		}
		*c = (struct sender){ .fd = fd, .heard = time_mono() };
		buf_init(&c->torn, WATCH_LINE_MAX + 2 * PIECE);
		l->n++;
		atomic_fetch_add(&l->connections, 1);
	}
}

static enum rc run_streams(struct listener *l, listen_message fn, void *ctx, struct err *err)
{
	for (size_t i = l->n; i > 0; i--) {
		bool open = true;

		if (l->polls[i].revents != 0)
			TRY(read_sender(l, &l->senders[i - 1], fn, ctx, &open, err));
		if (!open || time_mono() - l->senders[i - 1].heard > LISTEN_IDLE)
			drop_sender(l, i - 1);
	}
	if (l->polls[0].revents != 0)
		take_sender(l);
	return RC_OK;
}

enum rc listener_run(struct listener *l, usec wait, listen_message fn, void *ctx, bool *ret_any, struct err *err)
{
	int n;

	l->polls[0] = (struct pollfd){ .fd = l->fd, .events = POLLIN };
	for (size_t i = 0; i < l->n; i++)
		l->polls[i + 1] = (struct pollfd){ .fd = l->senders[i].fd, .events = POLLIN };
	n = poll(l->polls, l->n + 1, (int)(wait / 1000));
	*ret_any = n > 0;
	if (n < 0 && errno != EINTR)
		return FAIL(err, RC_IO, "waiting: %s", strerror(errno));
	return l->stream ? run_streams(l, fn, ctx, err) : n > 0 ? take_datagrams(l, fn, ctx, err) : RC_OK;
}
