/* Syslog streams: TCP (RFC 6587) and TLS (RFC 5425), from any number of senders.
 *
 * One thread polls all of them. Nobody can hold up the others: each has its turn of
 * PIECES_A_TURN, a handshake its time, and when all places are taken, who never said
 * anything makes room. What was not taken stays with its sender, whose window then
 * closes: the kernel's back-pressure is ours.
 *
 * Hostile: every byte, its timing, and the number of connections. */
#include "input/input.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "input/address.h"
#include "input/frames.h"
#include "sys/file.h"
#include "sys/tls.h"

#define SENDERS_MAX 1024                     /* connections of one input; further ones are closed at once, counted */
#define IDLE_MAX (600 * USEC_PER_SEC)        /* a connection that says nothing for so long is closed */
#define HANDSHAKE_MAX (10 * USEC_PER_SEC)
#define MUTE_MAX (5 * USEC_PER_SEC)          /* who never said anything for so long makes room for another */
#define HELD_MAX ((size_t)128 << 20)         /* unfinished messages of all senders; the one that goes beyond is skipped */
#define PIECES_A_TURN 64                     /* of one sender before the others have their turn */

struct sender {
	int fd;
	struct tls_link *tls;  /* or NULL */
	bool handshaking;
	bool waits;            /* something is here of which the socket does not tell: messages not taken, bytes decrypted */
	bool ended;            /* the other end has closed */
	bool spoke;            /* a whole message came */
	struct frames frames;
	size_t held;           /* its part of stream->held */
	usec since, heard;
};

struct stream {
	int fd;
	struct tls_server *tls; /* or NULL */
	struct sender *senders;
	size_t n;
	struct pollfd *polls;
	char *room;             /* FRAMES_PIECE */
	size_t held;
	uint64_t taken;         /* messages; `messages` tells others */
	_Atomic uint64_t messages, bytes, connections, refused, too_long;
	_Atomic usec last;
};

static void drop_sender(struct stream *s, size_t i)
{
	struct sender *c = &s->senders[i];

	tls_link_free(c->tls);
	close(c->fd);
	s->held -= c->held;
	frames_done(&c->frames);
	*c = s->senders[--s->n];
}

static void stream_close(void *self)
{
	struct stream *s = self;

	if (s == NULL)
		return;
	while (s->n > 0)
		drop_sender(s, s->n - 1);
	file_closep(&s->fd);
	tls_server_free(s->tls);
	mem_free(s->senders);
	mem_free(s->polls);
	mem_free(s->room);
	mem_free(s);
}

static enum rc fill(struct stream *s, const struct input_opts *o, bool tls, struct err *err)
{
	s->room = mem_alloc(FRAMES_PIECE);
	s->senders = mem_array(SENDERS_MAX, sizeof *s->senders);
	s->polls = mem_array(SENDERS_MAX + 1, sizeof *s->polls);
	if (s->room == NULL || s->polls == NULL || s->senders == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	if (tls)
		TRY(tls_server_new(o->cert_pem, o->key_pem, o->client_ca_pem, &s->tls, err));
	return address_listen(o->path, SOCK_STREAM, &s->fd, err);
}

static enum rc stream_open(const struct input_opts *o, bool tls, void **ret, struct err *err)
{
	struct stream *s = mem_alloc(sizeof *s);
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	s->fd = -1;
	rc = fill(s, o, tls, err);
	if (rc != RC_OK) {
		stream_close(s);
		return rc;
	}
	*ret = s;
	return RC_OK;
}

static enum rc tcp_open(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	return stream_open(o, false, ret, err);
}

static enum rc tls_open(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	return stream_open(o, true, ret, err);
}

/* --- one sender --- */

static void count_held(struct stream *s, struct sender *c)
{
	s->held += frames_held(&c->frames) - c->held;
	c->held = frames_held(&c->frames);
	if (s->held > HELD_MAX && c->held > 0) {
		frames_give_up(&c->frames);
		s->held -= c->held;
		c->held = 0;
	}
	atomic_fetch_add(&s->too_long, c->frames.too_long);
	c->frames.too_long = 0;
}

static enum rc give(struct stream *s, struct sender *c, struct str message, input_take take, void *ctx, struct err *err)
{
	struct input_message m = { .bytes = message, .part = S("") };

	TRY(take(ctx, &m, err));
	frames_taken(&c->frames);
	c->spoke = true;
	s->taken++;
	return RC_OK;
}

/* Others read these counts: not for each message. */
static void tell_taken(struct stream *s)
{
	if (atomic_load_explicit(&s->messages, memory_order_relaxed) == s->taken)
		return;
	atomic_store(&s->messages, s->taken);
	atomic_store(&s->last, time_now());
}

static enum rc take_whole(struct stream *s, struct sender *c, input_take take, void *ctx, struct err *err)
{
	struct str message;
	enum rc rc = RC_OK;

	c->waits = true;
	while (rc == RC_OK && frames_next(&c->frames, &message))
		rc = give(s, c, message, take, ctx, err);
	tell_taken(s);
	TRY(rc);
	c->waits = false;
	count_held(s, c);
	return RC_OK;
}

static ssize_t read_piece(struct stream *s, struct sender *c)
{
	ssize_t got;

	if (c->tls != NULL)
		return tls_link_read(c->tls, s->room, FRAMES_PIECE);
	got = recv(c->fd, s->room, FRAMES_PIECE, MSG_DONTWAIT);
	return got >= 0 ? got : errno == EAGAIN || errno == EINTR ? -1 : 0;
}

/* Takes what is there; sets ended at the end of the stream. */
static enum rc read_pieces(struct stream *s, struct sender *c, input_take take, void *ctx, struct err *err)
{
	for (int turn = 0; turn < PIECES_A_TURN; turn++) {
		ssize_t got = read_piece(s, c);

		if (got < 0) {
			frames_rest(&c->frames);
			return RC_OK;
		}
		if (got == 0 || frames_put(&c->frames, str_make(s->room, (size_t)got)) != RC_OK) {
			c->ended = true;
			return RC_OK;
		}
		c->heard = time_mono();
		atomic_fetch_add(&s->bytes, (uint64_t)got);
		TRY(take_whole(s, c, take, ctx, err));
	}
	c->waits = c->tls != NULL && tls_link_waits(c->tls);
	return RC_OK;
}

/* *ret_open false: the connection is over, and all it brought was taken. */
static enum rc serve(struct stream *s, struct sender *c, input_take take, void *ctx, bool *ret_open, struct err *err)
{
	struct str last;

	*ret_open = true;
	if (c->handshaking) {
		enum rc rc = tls_link_handshake(c->tls);

		c->handshaking = rc == RC_BUSY;
		if (rc == RC_PEER) {
			atomic_fetch_add(&s->refused, 1);
			*ret_open = false;
		}
		if (rc != RC_OK)
			return RC_OK;
	}
	TRY(take_whole(s, c, take, ctx, err));
	if (!c->ended)
		TRY(read_pieces(s, c, take, ctx, err));
	if (!c->ended)
		return RC_OK;
	if (frames_last(&c->frames, &last))
		TRY(give(s, c, last, take, ctx, err));
	tell_taken(s);
	*ret_open = false;
	return RC_OK;
}

static bool is_over_time(struct stream *s, const struct sender *c)
{
	usec now = time_mono();

	if (c->handshaking && now - c->since > HANDSHAKE_MAX) {
		atomic_fetch_add(&s->refused, 1);
		return true;
	}
	return now - c->heard > IDLE_MAX;
}

/* --- all of them --- */

static bool make_room(struct stream *s)
{
	size_t mute = SIZE_MAX;

	for (size_t i = 0; i < s->n; i++)
		if (!s->senders[i].spoke && (mute == SIZE_MAX || s->senders[i].since < s->senders[mute].since))
			mute = i;
	if (mute == SIZE_MAX || time_mono() - s->senders[mute].since < MUTE_MAX)
		return false;
	drop_sender(s, mute);
	return true;
}

static void take_senders(struct stream *s)
{
	int fd;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct sender *c;
		bool full = s->n == SENDERS_MAX;

		if (full)
			atomic_fetch_add(&s->refused, 1);
		if (full && !make_room(s)) {
			close(fd);
			continue;
		}
		c = &s->senders[s->n];
		*c = (struct sender){ .fd = fd, .handshaking = s->tls != NULL, .since = time_mono(), .heard = time_mono() };
		if (s->tls != NULL && tls_link_new(s->tls, fd, &c->tls) != RC_OK) {
			atomic_fetch_add(&s->refused, 1);
			close(fd);
			continue;
		}
		frames_init(&c->frames, true);
		s->n++;
		atomic_fetch_add(&s->connections, 1);
	}
}

static enum rc wait_for_any(struct stream *s, usec wait, bool *ret_any, struct err *err)
{
	int n;

	s->polls[0] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
	for (size_t i = 0; i < s->n; i++) {
		const struct sender *c = &s->senders[i];

		s->polls[i + 1] = (struct pollfd){ .fd = c->fd, .events = c->handshaking && tls_link_writes(c->tls) ? POLLOUT : POLLIN };
		if (c->waits || c->ended)
			wait = 0;
	}
	n = poll(s->polls, s->n + 1, (int)(wait / 1000));
	*ret_any = n > 0;
	return n < 0 && errno != EINTR ? FAIL(err, RC_IO, "waiting: %s", strerror(errno)) : RC_OK;
}

static enum rc stream_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct stream *s = self;

	TRY(wait_for_any(s, wait, ret_any, err));
	/* From the last to the first: who goes is replaced by the last, which had its turn. */
	for (size_t i = s->n; i > 0; i--) {
		struct sender *c = &s->senders[i - 1];
		bool open = true;

		if (s->polls[i].revents != 0 || c->waits || c->ended)
			TRY(serve(s, c, take, ctx, &open, err));
		if (!open || is_over_time(s, c))
			drop_sender(s, i - 1);
	}
	if (s->polls[0].revents != 0)
		take_senders(s);
	return RC_OK;
}

static void stream_place(void *self UNUSED, char out[INPUT_PLACE_MAX + 1])
{
	out[0] = '\0';
}

static void stream_stats(void *self, struct input_stats *ret)
{
	const struct stream *s = self;

	*ret = (struct input_stats){ .messages = atomic_load(&s->messages), .bytes = atomic_load(&s->bytes), .senders = atomic_load(&s->connections),
				     .refused = atomic_load(&s->refused), .too_long = atomic_load(&s->too_long), .lag = -1,
				     .last_message = atomic_load(&s->last) };
}

const struct input_kind INPUT_TCP = {
	.scheme = "tcp://", .traits = INPUT_LISTENS, .open = tcp_open, .run = stream_run, .place = stream_place, .stats = stream_stats,
	.close = stream_close,
};

const struct input_kind INPUT_TLS = {
	.scheme = "tls://", .traits = INPUT_LISTENS | INPUT_TLS_KEYS, .open = tls_open, .run = stream_run, .place = stream_place, .stats = stream_stats,
	.close = stream_close,
};
