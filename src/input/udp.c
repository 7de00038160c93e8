/* Syslog datagrams (RFC 5426), up to 64 a system call. What the kernel had no room
 * for it counts itself; that count is ours to report. */
#include "input/input.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "input/address.h"
#include "sys/file.h"

#define DATAGRAMS 64
#define DATAGRAM_MAX 65536
#define ROOM ((size_t)8 << 20) /* asked of the kernel for datagrams that wait */

struct udp {
	int fd;
	char *room;               /* DATAGRAMS of DATAGRAM_MAX */
	uint32_t sizes[DATAGRAMS];
	int at, got;              /* those that were not taken yet */
	uint32_t overflow;
	_Atomic uint64_t messages, bytes, dropped;
	_Atomic usec last;
};

static void udp_close(void *self)
{
	struct udp *u = self;

	if (u == NULL)
		return;
	file_closep(&u->fd);
	mem_free(u->room);
	mem_free(u);
}

static enum rc udp_open(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	struct udp *u = mem_alloc(sizeof *u);
	int room = ROOM;
	enum rc rc;

	if (u == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	u->fd = -1;
	u->room = mem_alloc((size_t)DATAGRAMS * DATAGRAM_MAX);
	rc = u->room == NULL ? FAIL(err, RC_NOMEM, "input: out of memory") : address_listen(o->path, SOCK_DGRAM, &u->fd, err);
	if (rc != RC_OK) {
		udp_close(u);
		return rc;
	}
	/* As much as we may have; what does not fit is counted. */
	(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	*ret = u;
	return RC_OK;
}

/* Asked of the socket and not told with a datagram (SO_RXQ_OVFL): the last of a burst have none behind them that could tell. */
static void count_dropped(struct udp *u)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t n = sizeof memory;

	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, memory, &n) != 0 || n <= SK_MEMINFO_DROPS * sizeof *memory)
		return;
	atomic_fetch_add(&u->dropped, memory[SK_MEMINFO_DROPS] - u->overflow); /* the kernel counts in 32 bits */
	u->overflow = memory[SK_MEMINFO_DROPS];
}

static enum rc receive(struct udp *u, struct err *err)
{
	struct mmsghdr msgs[DATAGRAMS];
	struct iovec iov[DATAGRAMS];
	int n;

	memset(msgs, 0, sizeof msgs);
	for (size_t i = 0; i < DATAGRAMS; i++) {
		iov[i] = (struct iovec){ u->room + i * DATAGRAM_MAX, DATAGRAM_MAX };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(u->fd, msgs, DATAGRAMS, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? RC_OK : FAIL(err, RC_IO, "receiving: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		u->sizes[i] = msgs[i].msg_len;
	u->at = 0;
	u->got = n;
	return RC_OK;
}

static enum rc give(struct udp *u, struct str bytes, input_take take, void *ctx, struct err *err)
{
	struct input_message m = { .bytes = bytes, .part = S("") };

	while (m.bytes.n > 0 && (m.bytes.p[m.bytes.n - 1] == '\r' || m.bytes.p[m.bytes.n - 1] == '\n'))
		m.bytes.n--;
	if (m.bytes.n > 0) {
		TRY(take(ctx, &m, err));
		atomic_fetch_add(&u->messages, 1);
		atomic_store(&u->last, time_now());
	}
	atomic_fetch_add(&u->bytes, bytes.n);
	return RC_OK;
}

static enum rc udp_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct udp *u = self;
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	if (u->at == u->got) {
		if (poll(&p, 1, (int)(wait / 1000)) < 0 && errno != EINTR)
			return FAIL(err, RC_IO, "waiting: %s", strerror(errno));
		TRY(receive(u, err));
		count_dropped(u);
	}
	*ret_any = u->at < u->got;
	for (; u->at < u->got; u->at++)
		TRY(give(u, str_make(u->room + (size_t)u->at * DATAGRAM_MAX, u->sizes[u->at]), take, ctx, err));
	return RC_OK;
}

static void udp_place(void *self UNUSED, char out[INPUT_PLACE_MAX + 1])
{
	out[0] = '\0';
}

static void udp_stats(void *self, struct input_stats *ret)
{
	const struct udp *u = self;

	*ret = (struct input_stats){ .messages = atomic_load(&u->messages), .bytes = atomic_load(&u->bytes), .dropped = atomic_load(&u->dropped),
				     .lag = -1, .last_message = atomic_load(&u->last) };
}

const struct input_kind INPUT_UDP = {
	.scheme = "udp://", .traits = INPUT_LISTENS, .open = udp_open, .run = udp_run, .place = udp_place, .stats = udp_stats, .close = udp_close,
};
