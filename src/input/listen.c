/* Syslog over the network: datagrams (RFC 5426) and streams (RFC 6587: octet
 * counting, or lines), from any number of senders. */
#include "input/input.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"

#define SENDERS_MAX 1024                  /* connections of one input; further ones are closed at once, counted */
#define IDLE_MAX (600 * USEC_PER_SEC)     /* a connection that says nothing for so long is closed */

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
	bool waits;      /* whole frames that were not taken */
	bool ended;      /* the other end has closed */
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
	int at, got;   /* datagrams in `room` that were not taken yet */
	uint32_t sizes[DATAGRAMS];
	_Atomic uint64_t messages, bytes, connections, refused, too_long, dropped;
	_Atomic usec last;
};

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

static void drop_sender(struct listener *l, size_t i)
{
	close(l->senders[i].fd);
	buf_done(&l->senders[i].torn);
	l->senders[i] = l->senders[--l->n];
}

static void listener_close(void *self)
{
	struct listener *l = self;

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

static enum rc listener_open(const char *address, bool stream, void **ret, struct err *err)
{
	struct listener *l = mem_alloc(sizeof *l);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	l->fd = -1;
	l->stream = stream;
	l->room = mem_alloc(l->stream ? PIECE : (size_t)DATAGRAMS * DATAGRAM_MAX);
	l->senders = l->stream ? mem_array(SENDERS_MAX, sizeof *l->senders) : NULL;
	l->polls = mem_array(SENDERS_MAX + 1, sizeof *l->polls);
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

static enum rc open_udp(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	return listener_open(o->path, false, ret, err);
}

static enum rc open_tcp(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	return listener_open(o->path, true, ret, err);
}

static void listener_stats(void *self, struct input_stats *ret)
{
	const struct listener *l = self;

	*ret = (struct input_stats){ .messages = atomic_load(&l->messages), .bytes = atomic_load(&l->bytes),
				     .senders = atomic_load(&l->connections), .refused = atomic_load(&l->refused),
				     .too_long = atomic_load(&l->too_long), .dropped = atomic_load(&l->dropped), .lag = -1,
				     .last_message = atomic_load(&l->last) };
}

static enum rc give(struct listener *l, struct str message, input_take take, void *ctx, struct err *err)
{
	struct input_message m = { .part = S("") };

	while (message.n > 0 && (message.p[message.n - 1] == '\r' || message.p[message.n - 1] == '\n'))
		message.n--;
	if (message.n == 0)
		return RC_OK;
	m.bytes = message;
	TRY(take(ctx, &m, err));
	atomic_fetch_add(&l->messages, 1);
	atomic_store(&l->last, time_now());
	return RC_OK;
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

static enum rc receive_datagrams(struct listener *l, struct err *err)
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
		l->sizes[i] = msgs[i].msg_len;
		atomic_fetch_add(&l->bytes, msgs[i].msg_len);
		count_dropped(l, &msgs[i].msg_hdr);
	}
	l->at = 0;
	l->got = n;
	return RC_OK;
}

static enum rc take_datagrams(struct listener *l, input_take take, void *ctx, struct err *err)
{
	if (l->at == l->got)
		TRY(receive_datagrams(l, err));
	for (; l->at < l->got; l->at++)
		TRY(give(l, str_make(l->room + (size_t)l->at * DATAGRAM_MAX, l->sizes[l->at]), take, ctx, err));
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
static enum rc take_frames(struct listener *l, struct sender *c, struct str *s, input_take take, void *ctx, struct err *err)
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
		if (head > 0 && n > INPUT_MESSAGE_MAX) {
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
			TRY(give(l, str_slice(*s, head, head + n), take, ctx, err));
		c->skip_line = false;
		*s = str_slice(*s, head + n, s->n);
	}
	return RC_OK;
}

/* What is whole is taken; the rest stays, torn. */
static enum rc take_whole(struct listener *l, struct sender *c, input_take take, void *ctx, struct err *err)
{
	struct str all = buf_view(&c->torn);
	enum rc rc = take_frames(l, c, &all, take, ctx, err);

	c->waits = rc != RC_OK;
	if (rc == RC_OK && all.n > INPUT_MESSAGE_MAX && frame_length(all, &(size_t){ 0 }) == 0) {
		if (!c->skip_line)
			atomic_fetch_add(&l->too_long, 1);
		c->skip_line = true;
		all.n = 0;
	}
	memmove(c->torn.p, all.p, all.n);
	buf_cut(&c->torn, all.n);
	return rc;
}

/* A last line without its end counts too. */
static enum rc take_last(struct listener *l, struct sender *c, input_take take, void *ctx, struct err *err)
{
	if (c->skip == 0 && !c->skip_line)
		TRY(give(l, buf_view(&c->torn), take, ctx, err));
	buf_clear(&c->torn);
	return RC_OK;
}

/* *ret_open false: the connection is over, and all it brought was taken. */
static enum rc read_sender(struct listener *l, struct sender *c, input_take take, void *ctx, bool *ret_open, struct err *err)
{
	*ret_open = true;
	if (c->waits)
		TRY(take_whole(l, c, take, ctx, err));
	for (int turn = 0; turn < PIECES_A_TURN && !c->ended; turn++) {
		ssize_t got = recv(c->fd, l->room, PIECE, MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return RC_OK;
		if (got <= 0)
			break;
		c->heard = time_mono();
		atomic_fetch_add(&l->bytes, (uint64_t)got);
		buf_put(&c->torn, l->room, (size_t)got);
		if (c->torn.bad != RC_OK) {
			*ret_open = false;
			return RC_OK;
		}
		TRY(take_whole(l, c, take, ctx, err));
		if (turn == PIECES_A_TURN - 1)
			return RC_OK;
	}
	c->ended = true;
	TRY(take_last(l, c, take, ctx, err));
	*ret_open = false;
	return RC_OK;
}

static void take_sender(struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct sender *c = &l->senders[l->n];

		if (l->n == SENDERS_MAX) {
			atomic_fetch_add(&l->refused, 1);
			close(fd);
			continue;
		}
		*c = (struct sender){ .fd = fd, .heard = time_mono() };
		buf_init(&c->torn, INPUT_MESSAGE_MAX + 2 * PIECE);
		l->n++;
		atomic_fetch_add(&l->connections, 1);
	}
}

static enum rc run_streams(struct listener *l, input_take take, void *ctx, struct err *err)
{
	for (size_t i = l->n; i > 0; i--) {
		bool open = true;

		if (l->polls[i].revents != 0 || l->senders[i - 1].waits || l->senders[i - 1].ended)
			TRY(read_sender(l, &l->senders[i - 1], take, ctx, &open, err));
		if (!open || time_mono() - l->senders[i - 1].heard > IDLE_MAX)
			drop_sender(l, i - 1);
	}
	if (l->polls[0].revents != 0)
		take_sender(l);
	return RC_OK;
}

static enum rc run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct listener *l = self;
	int n;

	for (size_t i = 0; i < l->n; i++)
		if (l->senders[i].waits || l->senders[i].ended)
			wait = 0;
	if (l->at < l->got)
		wait = 0;
	l->polls[0] = (struct pollfd){ .fd = l->fd, .events = POLLIN };
	for (size_t i = 0; i < l->n; i++)
		l->polls[i + 1] = (struct pollfd){ .fd = l->senders[i].fd, .events = POLLIN };
	n = poll(l->polls, l->n + 1, (int)(wait / 1000));
	*ret_any = n > 0;
	if (n < 0 && errno != EINTR)
		return FAIL(err, RC_IO, "waiting: %s", strerror(errno));
	return l->stream ? run_streams(l, take, ctx, err) : take_datagrams(l, take, ctx, err);
}

static void no_place(void *self UNUSED, char out[INPUT_PLACE_MAX + 1])
{
	out[0] = '\0';
}

const struct input_kind INPUT_UDP = {
	.scheme = "udp://", .traits = INPUT_LISTENS, .open = open_udp, .run = run, .place = no_place, .stats = listener_stats, .close = listener_close,
};

const struct input_kind INPUT_TCP = {
	.scheme = "tcp://", .traits = INPUT_LISTENS, .open = open_tcp, .run = run, .place = no_place, .stats = listener_stats, .close = listener_close,
};
