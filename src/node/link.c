#include "node/link.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rd.h"
#include "base/time.h"
#include "sys/file.h"

#define PIECE ((size_t)256 << 10) /* read at once */
#define KEPT ((size_t)1 << 20)    /* memory that stays with an idle link */

struct link {
	int fd;
	pthread_mutex_t write_lock;
	struct buf in;
	size_t taken; /* bytes at the front of `in` that were handed out */
};

enum rc link_new(int fd, struct link **ret, struct err *err)
{
	struct timeval stall = { .tv_sec = LINK_STALL / USEC_PER_SEC };
	struct link *l = mem_alloc(sizeof *l);

	if (l == NULL || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall) != 0) {
		mem_free(l);
		close(fd);
		return FAIL(err, RC_NOMEM, "link: out of memory");
	}
	l->fd = fd;
	pthread_mutex_init(&l->write_lock, NULL);
	buf_init(&l->in, FRAME_MAX + 2 * PIECE);
	*ret = l;
	return RC_OK;
}

void link_free(struct link *l)
{
	if (l == NULL)
		return;
	file_closep(&l->fd);
	buf_done(&l->in);
	pthread_mutex_destroy(&l->write_lock);
	mem_free(l);
}

static enum rc fill(struct link *l, struct err *err)
{
	char *room = buf_room(&l->in, PIECE);
	ssize_t got;

	if (room == NULL)
		return FAIL(err, RC_NOMEM, "link: out of memory");
	do
		got = recv(l->fd, room, PIECE, 0);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got == 0 ? FAIL(err, RC_PEER, "link: closed by the other end") : FAIL(err, RC_PEER, "link: %m");
	buf_grew(&l->in, (size_t)got);
	return RC_OK;
}

/* What was handed out goes; the rest moves to the front. */
static void tidy(struct link *l)
{
	size_t left = l->in.n - l->taken;

	if (left == 0 && l->in.cap > KEPT) {
		buf_done(&l->in);
	} else if (l->taken > 0) {
		memmove(l->in.p, l->in.p + l->taken, left);
		buf_cut(&l->in, left);
	}
	l->taken = 0;
}

enum rc link_read(struct link *l, struct str *ret_body, struct err *err)
{
	for (;;) {
		struct str all = str_slice(buf_view(&l->in), l->taken, l->in.n);
		uint32_t n = str_le32(all, 0);

		if (all.n >= 4 && n > FRAME_MAX)
			return FAIL(err, RC_LIMIT, "link: a frame of %u bytes", n);
		if (all.n >= 4 && all.n - 4 >= n) {
			*ret_body = str_slice(all, 4, 4 + (size_t)n);
			l->taken += 4 + (size_t)n;
			return RC_OK;
		}
		tidy(l);
		TRY(fill(l, err));
	}
}

enum rc link_write(struct link *l, struct str frames, struct err *err)
{
	enum rc rc = RC_OK;

	pthread_mutex_lock(&l->write_lock);
	while (frames.n > 0) {
		ssize_t sent = send(l->fd, frames.p, frames.n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) { /* half a frame may be out: nothing may follow it */
			rc = FAIL(err, RC_PEER, "link: %m");
			shutdown(l->fd, SHUT_RDWR);
			break;
		}
		frames = str_slice(frames, (size_t)sent, frames.n);
	}
	pthread_mutex_unlock(&l->write_lock);
	return rc;
}

enum rc link_say(struct link *l, const struct frame *f, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, FRAME_MAX + 4);
	frame_put(&b, f);
	rc = buf_check(&b, err, "link");
	if (rc == RC_OK)
		rc = link_write(l, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

void link_end(struct link *l)
{
	shutdown(l->fd, SHUT_RDWR);
}
