/* Lines from standard input: for a pipe into `lianfang serve`. Its end is the end of the input. */
#include "input/input.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "input/frames.h"

struct pipe_in {
	struct frames frames;
	bool waits, ended;
	_Atomic uint64_t messages, bytes, too_long;
	_Atomic usec last;
	char room[FRAMES_PIECE];
};

static void pipe_close(void *self)
{
	struct pipe_in *p = self;

	if (p == NULL)
		return;
	frames_done(&p->frames);
	mem_free(p);
}

static enum rc pipe_open(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	struct pipe_in *p;

	if (!str_eq(str_of(o->path), S("-")))
		return FAIL(err, RC_BAD, "%s: expected an absolute path, an address, or - for standard input", o->path);
	p = mem_alloc(sizeof *p);
	if (p == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	frames_init(&p->frames, false);
	*ret = p;
	return RC_OK;
}

static enum rc give(struct pipe_in *p, struct str line, input_take take, void *ctx, struct err *err)
{
	struct input_message m = { .bytes = line, .part = S("") };

	TRY(take(ctx, &m, err));
	frames_taken(&p->frames);
	atomic_fetch_add(&p->messages, 1);
	atomic_store(&p->last, time_now());
	return RC_OK;
}

static enum rc take_lines(struct pipe_in *p, input_take take, void *ctx, struct err *err)
{
	struct str line;

	p->waits = true;
	while (frames_next(&p->frames, &line))
		TRY(give(p, line, take, ctx, err));
	if (p->ended && frames_last(&p->frames, &line))
		TRY(give(p, line, take, ctx, err));
	p->waits = false;
	atomic_fetch_add(&p->too_long, p->frames.too_long);
	p->frames.too_long = 0;
	return RC_OK;
}

static enum rc pipe_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct pipe_in *p = self;
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;

	*ret_any = false;
	if (p->waits)
		TRY(take_lines(p, take, ctx, err));
	if (p->ended || poll(&fd, 1, (int)(wait / 1000)) <= 0) {
		if (p->ended)
			nanosleep(&(struct timespec){ .tv_nsec = wait < USEC_PER_SEC ? wait * 1000 : 999999999 }, NULL);
		return RC_OK;
	}
	got = read(STDIN_FILENO, p->room, sizeof p->room);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? RC_OK : FAIL(err, RC_IO, "standard input: %s", strerror(errno));
	*ret_any = true;
	p->ended = got == 0;
	atomic_fetch_add(&p->bytes, (uint64_t)got);
	if (got > 0)
		TRY(frames_put(&p->frames, str_make(p->room, (size_t)got)));
	return take_lines(p, take, ctx, err);
}

static void pipe_place(void *self UNUSED, char out[INPUT_PLACE_MAX + 1])
{
	out[0] = '\0';
}

static void pipe_stats(void *self, struct input_stats *ret)
{
	const struct pipe_in *p = self;

	*ret = (struct input_stats){ .messages = atomic_load(&p->messages), .bytes = atomic_load(&p->bytes), .senders = 1,
				     .too_long = atomic_load(&p->too_long), .lag = -1, .last_message = atomic_load(&p->last) };
}

const struct input_kind INPUT_STDIN = {
	.scheme = "-", .traits = 0, .open = pipe_open, .run = pipe_run, .place = pipe_place, .stats = pipe_stats, .close = pipe_close,
};
