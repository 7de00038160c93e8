/* The caller's side. Each submission under way has two pipes: frames, and how its worker ended. Frames are gathered up to the limit on
 * output and read when the worker is dead; an epoll descriptor watches all of them. */
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "lab/work.h"

#define PIECE ((size_t)64 << 10)
#define GRACE (3 * USEC_PER_SEC) /* behind the zygote's deadline */
#define ZYGOTE UINT32_MAX
#define START_MS 60000 /* rules by the ten thousand on a busy machine */
#define NAP (50 * USEC_PER_SEC / 1000) /* between two zygotes that die before they speak */

const struct lab_limits LAB_LIMITS = {
	.depth = LAB_DEPTH_MAX, .children = 100000, .bytes = (uint64_t)16 << 30, .ratio = 100, .ratio_from = (uint64_t)24 << 20,
	.memory = (uint64_t)512 << 20, .output = (uint64_t)8 << 20, .seconds = 30,
};

#define TRIES 5 /* of one submission, when workers or zygotes die under it by no fault that can be seen */

struct run {
	bool used, frames_over, dead;
	int in_fd, out_fd, tell_fd, status, tries;
	uint64_t size;
	usec until;
	struct buf frames, message;
	char *path;
	void *tag;
	struct lab_piece *parts; /* or NULL */
	size_t n_parts, part, from; /* the next to be reported; the first that this worker inspects */
	size_t read;                /* bytes of frames that were reported */
};

struct lab {
	pid_t pid;
	int sock, poll_fd;
	bool gone;
	uint64_t live; /* what says which generation of rules is live, as it was when the zygote began */
	struct lab_setup setup;
	struct lab_limits limits;
	struct lab_ready ready;
	struct run run[LAB_AT_ONCE];
	size_t n;
};

static enum rc wait_ready(struct lab *l, struct err *err)
{
	struct pollfd p = { .fd = l->sock, .events = POLLIN };
	ssize_t n = -1;
	int rc;

	do {
		rc = poll(&p, 1, START_MS);
	} while (rc < 0 && errno == EINTR);
	if (rc > 0)
		n = recv(l->sock, &l->ready, sizeof l->ready, MSG_DONTWAIT);
	if (n != (ssize_t)sizeof l->ready)
		return FAIL(err, RC_IO, "lab: the zygote did not start%s", rc == 0 ? " in time" : "");
	l->ready.text[sizeof l->ready.text - 1] = l->ready.generation[sizeof l->ready.generation - 1] = l->ready.cell[sizeof l->ready.cell - 1] = '\0';
	return l->ready.rc == RC_OK ? RC_OK : FAIL(err, (enum rc)l->ready.rc, "%s", l->ready.text);
}

static enum rc start(struct lab *l, const struct lab_setup *s, struct err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = ZYGOTE };
	struct cell cell;
	int ends[2];

	l->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->poll_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return FAIL(err, RC_IO, "lab: %m");
	fflush(NULL);
	l->sock = ends[0];
	l->pid = cell_fork(s->without, &cell, err);
	if (l->pid == 0)
		lab_zygote(s, &cell, ends[1]);
	close(ends[1]);
	if (l->pid < 0)
		return RC_IO;
	TRY(wait_ready(l, err));
	return epoll_ctl(l->poll_fd, EPOLL_CTL_ADD, l->sock, &ev) == 0 ? RC_OK : FAIL(err, RC_IO, "lab: epoll: %m");
}

/* A publication or a roll-back replaces the file, so that it is another one. 0: rules have no generations. */
static uint64_t live_now(const struct lab_setup *s)
{
	char path[4096];
	struct stat st;

	if (s->rules == NULL || s->rules[0] == NULL || s->rules[1] != NULL || snprintf(path, sizeof path, "%s/live", s->rules[0]) >= (int)sizeof path)
		return 0;
	return stat(path, &st) == 0 ? (uint64_t)st.st_ino ^ (uint64_t)st.st_mtim.tv_nsec << 20 ^ (uint64_t)st.st_mtim.tv_sec << 40 : 0;
}

enum rc lab_open(const struct lab_setup *s, struct lab **ret, struct err *err)
{
	struct lab *l = mem_alloc(sizeof *l);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	l->sock = l->poll_fd = -1;
	l->setup = *s;
	l->limits = s->limits;
	l->live = live_now(s);
	rc = start(l, s, err);
	if (rc != RC_OK) {
		lab_close(l);
		return rc;
	}
	*ret = l;
	return RC_OK;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void forget(struct lab *l, struct run *r)
{
	close_fd(&r->in_fd);
	close_fd(&r->out_fd);
	close_fd(&r->tell_fd);
	buf_done(&r->frames);
	buf_done(&r->message);
	mem_free(r->path);
	for (size_t i = 0; i < r->n_parts && r->parts != NULL; i++)
		mem_free((void *)(uintptr_t)r->parts[i].path.p);
	mem_free(r->parts);
	*r = (struct run){ 0 };
	l->n--;
}

static void end_zygote(struct lab *l)
{
	close_fd(&l->sock);
	close_fd(&l->poll_fd);
	if (l->pid > 0) {
		kill(l->pid, SIGKILL);
		while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	l->pid = 0;
}

void lab_close(struct lab *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (l->run[i].used)
			forget(l, &l->run[i]);
	end_zygote(l);
	mem_free(l);
}

void lab_describe(const struct lab *l, struct buf *out)
{
	buf_cstr(out, l->ready.cell);
}

struct str lab_generation(const struct lab *l)
{
	return str_of(l->ready.generation);
}

size_t lab_under_way(const struct lab *l)
{
	return l->n;
}

int lab_fd(const struct lab *l)
{
	return l->poll_fd;
}

/* A new zygote for one that died. Those under way come to it one by one, by ended(). Only while there are no threads, because it is forked.
 * RC_IO: it died before it spoke, again and again till `until`; nothing is lost, and the next call tries again. */
static enum rc revive(struct lab *l, usec until, struct err *err)
{
	enum rc rc = RC_IO;
	struct stat st;

	if (stat("/proc/self/task", &st) != 0 || st.st_nlink > 3)
		return FAIL(err, RC_PEER, "lab: the zygote is gone");
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (l->run[i].used) {
			close_fd(&l->run[i].out_fd);
			close_fd(&l->run[i].tell_fd);
			if (!l->run[i].dead || !l->run[i].frames_over) {
				l->run[i].status = -1;
				l->run[i].tries -= l->run[i].tries > 0; /* no worker of it was killed for its own sake */
			}
			l->run[i].dead = l->run[i].frames_over = true;
		}
	/* Whatever kills may kill this one before it speaks, too. */
	for (int i = 0; rc == RC_IO && (i < TRIES || time_mono() < until); i++) {
		end_zygote(l);
		if (i >= TRIES)
			time_nap(NAP);
		rc = start(l, &l->setup, err);
	}
	l->gone = rc != RC_OK;
	return rc;
}

/* --- handing in --- */

static enum rc put_message(const struct lab_submission *s, uint64_t size, struct buf *b, struct err *err)
{
	struct lab_job_head head = { .size = size, .parts = (uint32_t)s->n_parts };
	size_t at;

	buf_put(b, &head, sizeof head);
	at = b->n;
	for (size_t i = 0; i < s->n_passwords; i++)
		lab_frame_text(b, s->passwords[i], 64);
	head.passwords = (uint32_t)(b->n - at);
	TRY(buf_check(b, err, "lab: passwords"));
	memcpy(b->p, &head, sizeof head);
	return RC_OK;
}

static enum rc send_job(struct lab *l, const struct buf *message, const int fds[3], struct err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = { 0 };
	struct iovec iov = { message->p, message->n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(3 * sizeof(int));
	memcpy(CMSG_DATA(c), fds, 3 * sizeof(int));
	if (sendmsg(l->sock, &m, MSG_NOSIGNAL) != (ssize_t)message->n) {
		l->gone = true;
		return FAIL(err, RC_PEER, "lab: the zygote is gone");
	}
	return RC_OK;
}

static enum rc watch(struct lab *l, size_t slot, struct err *err)
{
	struct epoll_event out = { .events = EPOLLIN, .data.u64 = slot * 2 }, told = { .events = EPOLLIN, .data.u64 = slot * 2 + 1 };

	if (epoll_ctl(l->poll_fd, EPOLL_CTL_ADD, l->run[slot].out_fd, &out) != 0 || epoll_ctl(l->poll_fd, EPOLL_CTL_ADD, l->run[slot].tell_fd, &told) != 0)
		return FAIL(err, RC_IO, "lab: epoll: %m");
	return RC_OK;
}

/* A worker for what stands in the slot: the first, or one more after the one before was lost. */
static enum rc begin_run(struct lab *l, size_t slot, struct err *err)
{
	struct run *r = &l->run[slot];
	int out[2], told[2], fds[3];
	enum rc rc;

	if (pipe2(out, O_CLOEXEC) != 0)
		return FAIL(err, RC_IO, "lab: %m");
	if (pipe2(told, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return FAIL(err, RC_IO, "lab: %m");
	}
	r->out_fd = out[0];
	r->tell_fd = told[0];
	r->frames_over = r->dead = false;
	r->from = r->part;
	r->read = 0;
	((struct lab_job_head *)(void *)r->message.p)->from = (uint32_t)r->part;
	r->tries++;
	r->until = time_mono() + (usec)l->limits.seconds * USEC_PER_SEC + GRACE;
	buf_clear(&r->frames);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fds[0] = r->in_fd;
	fds[1] = out[1];
	fds[2] = told[1];
	rc = watch(l, slot, err);
	if (rc == RC_OK)
		rc = send_job(l, &r->message, fds, err);
	close(out[1]);
	close(told[1]);
	return rc;
}

static enum rc copy_parts(struct run *r, const struct lab_submission *s, struct err *err)
{
	if (s->n_parts == 0)
		return RC_OK;
	r->parts = s->n_parts > LAB_PARTS_MAX ? NULL : mem_array(s->n_parts, sizeof *r->parts);
	if (r->parts == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	r->n_parts = s->n_parts;
	for (size_t i = 0; i < s->n_parts; i++) {
		char *path = mem_alloc(s->parts[i].path.n + 1);

		if (path == NULL)
			return FAIL(err, RC_NOMEM, "lab: out of memory");
		if (s->parts[i].path.n > 0)
			memcpy(path, s->parts[i].path.p, s->parts[i].path.n);
		r->parts[i] = (struct lab_piece){ .path = str_make(path, s->parts[i].path.n), .size = s->parts[i].size, .tag = s->parts[i].tag };
	}
	return RC_OK;
}

static enum rc fill_slot(struct lab *l, struct run *r, const struct lab_submission *s, uint64_t size, struct err *err)
{
	*r = (struct run){ .used = true, .in_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3), .out_fd = -1, .tell_fd = -1, .size = size, .tag = s->tag };
	l->n++;
	buf_init(&r->frames, l->limits.output + LAB_FRAME_MAX);
	buf_init(&r->message, LAB_JOB_MAX);
	r->path = mem_alloc(s->path.n + 1);
	if (r->path == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	if (s->path.n > 0)
		memcpy(r->path, s->path.p, s->path.n);
	if (r->in_fd < 0)
		return FAIL(err, RC_IO, "lab: %m");
	TRY(copy_parts(r, s, err));
	return put_message(s, size, &r->message, err);
}

static enum rc hand_in(struct lab *l, size_t slot, const struct lab_submission *s, uint64_t size, struct err *err)
{
	enum rc rc = fill_slot(l, &l->run[slot], s, size, err);

	if (rc == RC_OK)
		rc = begin_run(l, slot, err);
	/* With the zygote gone it stays: it is among those that lab_next brings to a new one. */
	if (rc == RC_PEER)
		return RC_OK;
	if (rc != RC_OK)
		forget(l, &l->run[slot]);
	return rc;
}

/* Another generation of rules is live: another zygote, when nothing is under way with the one before. If it does not begin, the one before
 * stays, and the next publication is the next try. */
static enum rc take_generation(struct lab *l, struct err *err)
{
	struct lab old = *l;
	struct stat st;
	uint64_t live = live_now(&l->setup);

	if (live == l->live || live == 0 || stat("/proc/self/task", &st) != 0 || st.st_nlink > 3)
		return RC_OK;
	if (l->n > 0)
		return FAIL(err, RC_LIMIT, "lab: a new generation of rules waits for what is under way");
	l->live = old.live = live;
	l->pid = 0;
	l->sock = l->poll_fd = -1;
	if (start(l, &l->setup, NULL) == RC_OK) {
		end_zygote(&old);
		return RC_OK;
	}
	end_zygote(l);
	l->pid = old.pid;
	l->sock = old.sock;
	l->poll_fd = old.poll_fd;
	l->ready = old.ready;
	return RC_OK;
}

enum rc lab_submit(struct lab *l, const struct lab_submission *s, struct err *err)
{
	struct stat st;

	TRY(take_generation(l, err));

	if (l->gone && l->n == 0)
		TRY(revive(l, 0, err));
	if (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return FAIL(err, RC_BAD, "%.*s: is no regular file", STR(s->path));
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (!l->run[i].used)
			return hand_in(l, i, s, (uint64_t)st.st_size, err);
	return FAIL(err, RC_LIMIT, "lab: %d submissions are under way", LAB_AT_ONCE);
}

/* --- taking out --- */

static void end_frames(struct run *r)
{
	close_fd(&r->out_fd);
	r->frames_over = true;
}

/* Closing our end stops a worker that says more than it may: nobody listens any more. */
static void read_frames(struct run *r)
{
	char *to = buf_room(&r->frames, PIECE);
	ssize_t n = to == NULL ? 0 : read(r->out_fd, to, PIECE);

	if (n > 0)
		buf_grew(&r->frames, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_frames(r);
}

static void read_told(struct run *r)
{
	int status = 2 << 8;
	ssize_t n = read(r->tell_fd, &status, sizeof status);

	if (n < 0 && errno == EINTR)
		return;
	close(r->tell_fd);
	r->tell_fd = -1;
	r->dead = true;
	r->status = n == (ssize_t)sizeof status ? status : -1;
}

static void explain(const struct run *r, char *why, size_t n)
{
	if (r->frames.bad != RC_OK)
		snprintf(why, n, "the worker said more than the limit");
	else if (r->status < 0)
		snprintf(why, n, "the worker was lost");
	else if ((r->status & LAB_LATE) != 0)
		snprintf(why, n, "the worker was ended at its deadline");
	else if (WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGSYS)
		snprintf(why, n, "the worker was ended: it asked for what it may not");
	else if (WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGXCPU)
		snprintf(why, n, "the worker was ended: too much processor time");
	else if (WIFSIGNALED(r->status))
		snprintf(why, n, "the worker was killed by signal %d", WTERMSIG(r->status));
	else
		snprintf(why, n, "the worker ended with status %d", WEXITSTATUS(r->status));
}

/* Killed by nobody of ours, or without a word how it ended. */
static bool lost(const struct run *r)
{
	return r->status < 0 || (WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGKILL && (r->status & LAB_LATE) == 0);
}

/* Takes frames up to the end of one report; false: there is none that is a frame. */
static bool take_frames(struct run *r, struct lab_report *ret)
{
	struct str rest = str_slice(buf_view(&r->frames), r->read, SIZE_MAX);
	struct err err;
	size_t n;

	while (!(r->n_parts > 0 && ret->ended) && (n = lab_frame_size(rest)) != 0) {
		if (n == SIZE_MAX || lab_report_take(ret, str_slice(rest, 0, n), &err) != RC_OK)
			return false;
		rest = str_slice(rest, n, rest.n);
	}
	r->read = r->frames.n - rest.n;
	return true;
}

static void make_report(struct lab *l, struct run *r, struct arena *a, struct lab_report *ret)
{
	const struct lab_piece *part = r->n_parts > 0 ? &r->parts[r->part] : NULL;
	char why[96];
	bool good;

	lab_report_begin(ret, a, part != NULL ? part->path : str_of(r->path), lab_generation(l), part != NULL ? part->size : r->size);
	good = take_frames(r, ret);
	explain(r, why, sizeof why);
	ret->lost = lost(r) && !(part != NULL && ret->ended);
	if (!good)
		lab_report_broken(ret, "the worker said what is no frame");
	else if (!ret->ended || (r->status != 0 && part == NULL))
		lab_report_broken(ret, why);
}

static bool overdue(struct lab *l)
{
	usec now = time_mono();

	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (l->run[i].used && now >= l->run[i].until)
			return true;
	return false;
}

/* Without its zygote nothing under way comes to an end by itself. `late`: it was there and did nothing, which may be some submission's doing. */
static void give_up(struct lab *l, bool late)
{
	l->gone = true;
	if (l->pid > 0)
		kill(l->pid, SIGKILL);
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (l->run[i].used) {
			/* Of one that ended well its last words may stand in the pipe still: it is tried again rather than believed to be broken. */
			if (!l->run[i].dead || !l->run[i].frames_over) {
				l->run[i].status = -1;
				l->run[i].tries -= !late && l->run[i].tries > 0;
			}
			end_frames(&l->run[i]);
			l->run[i].dead = true;
		}
}

/* One that is over, unless it was lost and may be tried again. */
static struct run *ended(struct lab *l)
{
	for (size_t i = 0; i < LAB_AT_ONCE; i++) {
		struct run *r = &l->run[i];

		if (!r->used || !r->dead || !r->frames_over)
			continue;
		if (!lost(r) || r->tries >= TRIES || r->part > r->from)
			return r;
		if (!l->gone && begin_run(l, i, NULL) != RC_OK) {
			close_fd(&r->out_fd);
			close_fd(&r->tell_fd);
			r->dead = r->frames_over = true;
			r->status = -1;
		}
	}
	return NULL;
}

static void look(struct lab *l, int wait_ms)
{
	struct epoll_event ev[32];
	int n = epoll_wait(l->poll_fd, ev, COUNTOF(ev), wait_ms);

	for (int i = 0; i < n; i++) {
		struct run *r = ev[i].data.u64 == ZYGOTE ? NULL : &l->run[ev[i].data.u64 / 2];

		if (r == NULL)
			give_up(l, false); /* it never speaks: this is its end */
		else if (ev[i].data.u64 % 2 == 0 && r->used && r->out_fd >= 0)
			read_frames(r);
		else if (ev[i].data.u64 % 2 == 1 && r->used && r->tell_fd >= 0)
			read_told(r);
	}
	if (overdue(l))
		give_up(l, true);
}

/* One report of a worker that is over. False: it ended in the middle of a part that was not its first, and another one begins with that. */
static bool report_next(struct lab *l, struct run *r, struct arena *a, struct lab_report *ret, void **ret_tag)
{
	bool died;

	make_report(l, r, a, ret);
	died = !ret->ended;
	*ret_tag = r->n_parts > 0 ? r->parts[r->part].tag : r->tag;
	if (r->n_parts > 0 && died && r->part > r->from) {
		r->tries = 0;
		if (!l->gone && begin_run(l, (size_t)(r - l->run), NULL) == RC_OK)
			return false;
		close_fd(&r->out_fd);
		close_fd(&r->tell_fd);
		r->dead = r->frames_over = true;
		r->status = -1;
	}
	r->part++;
	if (r->part >= r->n_parts) {
		forget(l, r);
		return true;
	}
	if (died) {
		r->tries = 0;
		if (l->gone || begin_run(l, (size_t)(r - l->run), NULL) != RC_OK) {
			close_fd(&r->out_fd);
			close_fd(&r->tell_fd);
			r->dead = r->frames_over = true;
			r->status = -1;
		}
	}
	return true;
}

enum rc lab_next(struct lab *l, struct arena *a, usec timeout, struct lab_report *ret, void **ret_tag, struct err *err)
{
	usec until = time_mono() + timeout;
	struct run *r;

	if (l->n == 0)
		return FAIL(err, RC_NOTFOUND, "lab: nothing is under way");
	for (bool looked = false;; looked = true) {
		usec left = until - time_mono();

		r = ended(l);
		if (r != NULL && report_next(l, r, a, ret, ret_tag))
			return RC_OK;
		if (r != NULL)
			continue;
		if (left <= 0 && looked)
			return FAIL(err, RC_BUSY, "lab: not yet");
		if (l->gone)
			TRY(revive(l, until, err));
		look(l, left <= 0 ? 0 : (int)(left / 1000 > 1000 ? 1000 : left / 1000 + 1));
	}
}
