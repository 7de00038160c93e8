/* Loads what all workers share, closes its cell, says so, and from then on only forks: a job comes in with three descriptors
 * (the file, the pipe for frames, the pipe for how it ended), a worker goes out. It is the first process of its PID name space,
 * so that all workers die with it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/rd.h"
#include "lab/make.h"
#include "lab/walk.h"
#include "lab/work.h"
#include "sys/file.h"

#define IN_FD 3
#define OUT_FD 4
#define KEEP_BELOW 5
#define GENERATION_TEXT ((size_t)1 << 20)

/* A worker that runs this long makes way for those that begin, step by step: bombs do not hold small files up, and what is merely large still
 * has its share of a busy machine before its deadline. */
static const struct {
	usec after;
	int niceness;
} STEPS[] = { { 15000, 5 }, { 60000, 10 }, { USEC_PER_SEC, 15 } };

struct running {
	pid_t pid;
	int tell_fd;
	usec begun, until;
	size_t step; /* of STEPS, already taken */
	bool late;
};

struct zygote {
	struct lab_stock stock;
	int sock, child_fd;
	struct running run[LAB_AT_ONCE];
};

/* --- loading --- */

static enum rc prepare_all(struct err *err)
{
	for (size_t i = 0; lab_walkers[i] != NULL; i++)
		if (lab_walkers[i]->prepare != NULL)
			TRY(lab_walkers[i]->prepare(err));
	for (size_t i = 0; lab_makers[i] != NULL; i++)
		if (lab_makers[i]->prepare != NULL)
			TRY(lab_makers[i]->prepare(err));
	return RC_OK;
}

static bool any(const char *const *list)
{
	return list != NULL && list[0] != NULL;
}

static enum rc load_hashes(const struct lab_setup *s, struct lab_stock *st, struct buf *generation, struct err *err)
{
	if (!any(s->bad_hashes) && !any(s->good_hashes))
		return RC_OK;
	TRY(lab_hashes_new(&st->hashes, err));
	for (const char *const *p = s->bad_hashes; p != NULL && *p != NULL; p++)
		TRY(lab_hashes_add(st->hashes, *p, false, generation, err));
	for (const char *const *p = s->good_hashes; p != NULL && *p != NULL; p++)
		TRY(lab_hashes_add(st->hashes, *p, true, generation, err));
	return lab_hashes_seal(st->hashes, err);
}

static enum rc load(const struct lab_setup *s, struct lab_stock *st, struct buf *generation, struct err *err)
{
	buf_fmt(generation, "lianfang %s\n", s->version != NULL ? s->version : "");
	st->only_rules = s->only_rules;
	st->limits = s->limits;
	st->work = s->work != NULL ? s->work : lab_work_run;
	if (!s->only_rules)
		TRY(prepare_all(err));
	TRY(load_hashes(s, st, generation, err));
	if (any(s->rules))
		TRY(lab_rules_load(s->rules, s->only_rules, generation, &st->rules, err));
	return buf_check(generation, err, "generation");
}

/* --- workers --- */

/* Several files of one owner in one worker: each is inspected as if alone, with frames of its own that end with an end. */
static void work_parts(const struct zygote *z, const struct lab_job_head *head, struct str bytes, struct str passwords)
{
	struct rd r;

	rd_init(&r, bytes);
	for (uint32_t i = 0; i < head->parts && !r.bad; i++) {
		struct str part = rd_bytes(&r, (size_t)rd_le64(&r));

		if (i >= head->from && !r.bad)
			z->stock.work(&z->stock, part, passwords, OUT_FD);
	}
}

__attribute__((noreturn)) static void work(struct zygote *z, const struct lab_job_head *head, struct str passwords, int in, int out)
{
	struct cell_limits l = { .memory = z->stock.limits.memory, .input = head->size, .seconds = z->stock.limits.seconds };
	struct stat st;
	struct str bytes = S("");
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, "lab-worker");
	/* Out of the way first: either may sit where the other one goes. */
	in = fcntl(in, F_DUPFD, 64);
	out = fcntl(out, F_DUPFD, 64);
	if (in < 0 || out < 0 || dup2(in, IN_FD) < 0 || dup2(out, OUT_FD) < 0 || fstat(IN_FD, &st) != 0)
		_exit(2);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != head->size)
		_exit(2);
	if (st.st_size > 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, IN_FD, 0);

		if (p == MAP_FAILED)
			_exit(2);
		bytes = str_make(p, (size_t)st.st_size);
	}
	if (cell_lock(&z->stock.cell, KEEP_BELOW, &l, NULL) != RC_OK)
		_exit(2);
	if (head->parts > 0)
		work_parts(z, head, bytes, passwords);
	else
		z->stock.work(&z->stock, bytes, passwords, OUT_FD);
	_exit(0);
}

static struct running *free_slot(struct zygote *z)
{
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (z->run[i].pid == 0)
			return &z->run[i];
	return NULL;
}

static void tell(int fd, int status)
{
	(void)!write(fd, &status, sizeof status);
	close(fd);
}

static void start(struct zygote *z, const char *message, size_t n, const int fds[3])
{
	struct running *r = free_slot(z);
	struct lab_job_head head = { 0 };
	pid_t pid = -1;

	if (n >= sizeof head)
		memcpy(&head, message, sizeof head);
	if (r != NULL && n >= sizeof head && head.passwords == n - sizeof head)
		pid = fork();
	if (pid == 0)
		work(z, &head, str_make(message + sizeof head, head.passwords), fds[0], fds[1]);
	close(fds[0]);
	close(fds[1]);
	if (pid < 0) {
		tell(fds[2], 2 << 8);
		return;
	}
	*r = (struct running){ .pid = pid, .tell_fd = fds[2], .begun = time_mono() };
	r->until = r->begun + (usec)z->stock.limits.seconds * USEC_PER_SEC;
}

static void reap(struct zygote *z)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < LAB_AT_ONCE; i++)
			if (z->run[i].pid == pid) {
				tell(z->run[i].tell_fd, status | (z->run[i].late ? LAB_LATE : 0));
				z->run[i].pid = 0;
			}
}

/* Ends who is late, slows who is long; milliseconds until the next one may be either, or -1. */
static int end_late(struct zygote *z)
{
	usec now = time_mono(), least = INT64_MAX, next;

	for (size_t i = 0; i < LAB_AT_ONCE; i++) {
		struct running *r = &z->run[i];

		if (r->pid == 0 || r->late)
			continue;
		if (now >= r->until) {
			r->late = kill(r->pid, SIGKILL) == 0;
			continue;
		}
		while (r->step < COUNTOF(STEPS) && now - r->begun >= STEPS[r->step].after)
			(void)setpriority(PRIO_PROCESS, (id_t)r->pid, STEPS[r->step++].niceness);
		next = r->step == COUNTOF(STEPS) || r->begun + STEPS[r->step].after > r->until ? r->until : r->begun + STEPS[r->step].after;
		least = next - now < least ? next - now : least;
	}
	return least == INT64_MAX ? -1 : (int)(least / 1000) + 1;
}

/* False: the caller is gone. */
static bool take(struct zygote *z)
{
	static char message[LAB_JOB_MAX];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))];
	struct iovec iov = { message, sizeof message };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(z->sock, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	int fds[3];

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof fds))
		return true;
	memcpy(fds, CMSG_DATA(c), sizeof fds);
	start(z, message, (size_t)n, fds);
	return true;
}

__attribute__((noreturn)) static void serve(struct zygote *z)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = z->sock, .events = POLLIN }, { .fd = z->child_fd, .events = POLLIN } };
		struct signalfd_siginfo info;

		if (poll(p, 2, end_late(z)) < 0 && errno != EINTR)
			_exit(1);
		if ((p[1].revents & POLLIN) != 0)
			(void)!read(z->child_fd, &info, sizeof info);
		reap(z);
		if ((p[0].revents & (POLLIN | POLLHUP)) != 0 && !take(z))
			_exit(0);
	}
}

static void say_ready(struct zygote *z, enum rc rc, const struct err *err, const struct buf *generation)
{
	struct lab_ready r = { .rc = rc };
	int at = 0;
	unsigned char sum[SHA256_LEN];
	struct buf b;

	if (rc != RC_OK)
		snprintf(r.text, sizeof r.text, "%s", err->text);
	hash_sha256(buf_view(generation), sum);
	/* A generation of rules has a number that people know it by. */
	if (z->stock.rules != NULL && lab_rules_number(z->stock.rules) != 0)
		at = snprintf(r.generation, sizeof r.generation, "%u-", lab_rules_number(z->stock.rules));
	snprintf(r.generation + at, sizeof r.generation - (size_t)at, "%02x%02x%02x%02x%02x%02x%02x%02x", sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]);
	buf_init(&b, sizeof r.cell - 1);
	cell_describe(&z->stock.cell, &b);
	memcpy(r.cell, buf_view(&b).p, b.n);
	buf_done(&b);
	r.rules = z->stock.rules == NULL ? 0 : lab_rules_count(z->stock.rules);
	r.hashes = z->stock.hashes == NULL ? 0 : lab_hashes_count(z->stock.hashes);
	if (send(z->sock, &r, sizeof r, MSG_NOSIGNAL) != (ssize_t)sizeof r)
		_exit(1);
}

/* Only what is needed stays open, and standard input, output and error lead nowhere. */
static enum rc own_descriptors(struct zygote *z, int sock, struct err *err)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t child;

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return FAIL(err, RC_IO, "lab: /dev/null: %m");
	z->sock = fcntl(sock, F_DUPFD_CLOEXEC, 64);
	if (z->sock < 0 || dup2(z->sock, 3) < 0 || close_range(4, ~0U, 0) != 0)
		return FAIL(err, RC_IO, "lab: descriptors: %m");
	z->sock = 3;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	z->child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return z->child_fd < 0 ? FAIL(err, RC_IO, "lab: signalfd: %m") : RC_OK;
}

/* What libraries set up at their first use is set up once, here, with bytes of our own, and not in every worker anew: of a
 * small file that was most of the time. Standard output leads nowhere. */
static void warm_up(struct zygote *z)
{
	static const struct str samples[] = { S("From: a\nTo: b\nSubject: warm\n\nhttp://example.org\n"), S("\x7f" "ELF"), S("MZ"), S("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") };

	for (size_t i = 0; i < COUNTOF(samples) && z->stock.work == lab_work_run; i++)
		lab_work_run(&z->stock, samples[i], S(""), 1);
	mem_settle();
}

void lab_zygote(const struct lab_setup *s, struct cell *cell, int sock)
{
	static struct zygote z;
	struct sigaction plain = { .sa_handler = SIG_DFL };
	struct err err = { 0 };
	struct buf generation;
	enum rc rc;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	prctl(PR_SET_NAME, "lab-zygote");
	buf_init(&generation, GENERATION_TEXT);
	z.stock.cell = *cell;
	rc = own_descriptors(&z, sock, &err);
	if (rc == RC_OK)
		rc = load(s, &z.stock, &generation, &err);
	if (rc == RC_OK)
		warm_up(&z);
	if (rc == RC_OK)
		rc = cell_shut(&z.stock.cell, s->without, &err);
	say_ready(&z, rc, &err, &generation);
	if (rc != RC_OK)
		_exit(1);
	buf_done(&generation);
	serve(&z);
}
