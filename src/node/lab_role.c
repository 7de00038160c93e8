/* The lab role: holds the lab (lab/lab.h) and nothing else of the node: no store, no key, no socket but the one that core comes through.
 *
 * Two processes. The keeper only starts the second one again, at once when it ends, because a zygote that died cannot be replaced from
 * inside the fence; it reads no byte of anybody. The second opens the lab, enters its fence, and runs one loop. */
#include "node/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "node/lab_wire.h"
#include "node/node.h"
#include "sys/fence.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/unixsock.h"

#define DOOR 3
#define CONF_ARENA ((size_t)4 << 20)
#define REPORT_ARENA ((size_t)128 << 20)
#define OUTPUT_MAX ((uint64_t)4 << 20)
#define STALL_SECONDS 60
#define DELAY_FIRST (USEC_PER_SEC / 20)
#define DELAY_MAX (5 * USEC_PER_SEC)
#define STEADY (10 * USEC_PER_SEC)
#define LAB_FILES 1024

struct lab_role {
	struct lab *lab;
	const char *rules[2], *bad[2], *good[2]; /* each zygote reads them again; NULL behind the last */
	int guest;               /* core, or -1 */
	uint64_t visit;          /* what an earlier core asked for is answered to nobody */
	struct buf fences, name;
};

/* What goes with a submission and comes back with its report: two numbers beside each other. */
struct tag {
	uint64_t number, visit;
	bool used;
};

static struct tag *free_tag(struct tag *tags)
{
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (!tags[i].used)
			return &tags[i];
	return NULL;
}

/* --- core comes and goes --- */

static void send_off(struct lab_role *r)
{
	file_closep(&r->guest);
	r->guest = -1;
	r->visit++;
}

static enum rc greet(struct lab_role *r, struct err *err)
{
	struct str generation = lab_generation(r->lab);
	struct lab_say head = { .magic = LAB_WIRE_MAGIC, .kind = LAB_SAY_HELLO, .generation = (uint32_t)generation.n, .text = (uint32_t)r->fences.n };

	return lab_wire_send(r->guest, &head, sizeof head, generation, buf_view(&r->fences), -1, err);
}

static void let_in(struct lab_role *r)
{
	struct timeval stall = { .tv_sec = STALL_SECONDS };
	int fd = accept4(DOOR, NULL, NULL, SOCK_CLOEXEC);
	struct err err = { 0 };

	if (fd < 0)
		return;
	if (unix_check_peer(fd, &err) != RC_OK || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof stall) != 0) {
		close(fd);
		return;
	}
	send_off(r);
	r->guest = fd;
	if (greet(r, &err) != RC_OK)
		send_off(r);
}

/* --- a job in --- */

static void split_words(struct str words, struct lab_submission *s)
{
	struct str line;

	while (s->n_passwords < LAB_PASSWORDS_MAX && str_next(&words, '\n', &line))
		if (line.n > 0)
			s->passwords[s->n_passwords++] = line;
}

static enum rc take_job(struct lab_role *r, const struct lab_ask *ask, int fd, struct tag *tags, struct err *err)
{
	struct lab_submission s = { .fd = fd, .tag = free_tag(tags) };

	if (ask->name > LAB_WIRE_NAME_MAX || ask->words > LAB_WIRE_WORDS_MAX || fd < 0 || s.tag == NULL)
		return FAIL(err, RC_PEER, "lab: core asked for what it may not");
	buf_clear(&r->name);
	TRY(lab_wire_more(r->guest, &r->name, (size_t)ask->name + ask->words, err));
	s.path = str_slice(buf_view(&r->name), 0, ask->name);
	split_words(str_slice(buf_view(&r->name), ask->name, r->name.n), &s);
	*(struct tag *)s.tag = (struct tag){ .number = ask->number, .visit = r->visit, .used = true };
	return lab_submit(r->lab, &s, err);
}

/* True: go on. */
static bool hear(struct lab_role *r, struct tag *tags, struct err *err)
{
	struct lab_ask ask;
	int fd;
	enum rc rc = lab_wire_take(r->guest, &ask, sizeof ask, &fd, err);

	if (rc == RC_OK && ask.magic == LAB_WIRE_MAGIC && ask.kind == LAB_ASK_RELOAD)
		return false;
	if (rc == RC_OK)
		rc = ask.magic == LAB_WIRE_MAGIC && ask.kind == LAB_ASK_JOB ? take_job(r, &ask, fd, tags, err) : RC_PEER;
	if (fd >= 0)
		close(fd);
	if (rc != RC_OK)
		send_off(r); /* it comes again, with all that it has no report of */
	return true;
}

/* --- a report out --- */

static enum rc answer(struct lab_role *r, const struct tag *t, const struct lab_report *report, struct err *err)
{
	struct lab_say head = { .magic = LAB_WIRE_MAGIC, .kind = LAB_SAY_REPORT, .number = t->number, .verdict = lab_verdict_of(report), .lost = report->lost };
	struct str generation = str_slice(report->generation, 0, LAB_WIRE_TEXT_MAX);
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, LAB_WIRE_REPORT_MAX);
	jsonw_init(&w, &b);
	lab_report_json(report, &w);
	head.generation = (uint32_t)generation.n;
	head.text = b.bad == RC_OK ? (uint32_t)b.n : 0;
	rc = lab_wire_send(r->guest, &head, sizeof head, generation, str_slice(buf_view(&b), 0, head.text), -1, err);
	buf_done(&b);
	return rc;
}

/* All that have come to their end. RC_PEER: the zygote is gone, and this process with it. */
static enum rc take_reports(struct lab_role *r, struct arena *a, struct err *err)
{
	for (;;) {
		struct lab_report report;
		void *tag;
		enum rc rc = lab_next(r->lab, a, 0, &report, &tag, err);

		if (rc == RC_BUSY || rc == RC_NOTFOUND)
			return RC_OK;
		if (rc != RC_OK)
			return rc;
		((struct tag *)tag)->used = false;
		if (r->guest >= 0 && ((struct tag *)tag)->visit == r->visit && answer(r, tag, &report, err) != RC_OK)
			send_off(r);
		arena_reset(a);
	}
}

static enum rc run(struct lab_role *r, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(REPORT_ARENA);
	struct tag tags[LAB_AT_ONCE] = { { 0 } };

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	for (;;) {
		struct pollfd p[] = { { .fd = DOOR, .events = POLLIN }, { .fd = r->guest, .events = POLLIN }, { .fd = lab_fd(r->lab), .events = POLLIN } };
		bool full = lab_under_way(r->lab) >= LAB_AT_ONCE || free_tag(tags) == NULL;

		if (full)
			p[1].fd = -1;
		if (poll(p, COUNTOF(p), 1000) < 0 && errno != EINTR)
			return FAIL(err, RC_IO, "lab: poll: %m");
		if (p[0].revents != 0)
			let_in(r);
		else if (p[1].revents != 0 && !hear(r, tags, err))
			return RC_OK;
		TRY(take_reports(r, a, err));
	}
}

/* --- the second process --- */

static enum rc open_lab(struct lab_role *r, const struct config *conf, struct err *err)
{
	struct lab_setup setup = { .rules = r->rules, .bad_hashes = r->bad, .good_hashes = r->good, .limits = LAB_LIMITS, .version = LIANFANG_VERSION };
	struct fence fence = { .role = "lab", .rw_paths = (const char *const[]){ NULL }, .ro_paths = (const char *const[]){ NULL }, .max_files = LAB_FILES };
	struct fence_report report;

	r->rules[0] = conf->lab_rules[0] != '\0' ? conf->lab_rules : NULL;
	r->bad[0] = conf->lab_bad[0] != '\0' ? conf->lab_bad : NULL;
	r->good[0] = conf->lab_good[0] != '\0' ? conf->lab_good : NULL;
	setup.limits.output = OUTPUT_MAX;
	setup.limits.seconds = (uint32_t)conf->lab_seconds;
	TRY(lab_open(&setup, &r->lab, err));
	TRY(fence_enter(&fence, !conf->require_landlock, &report, err));
	lab_describe(r->lab, &r->fences);
	buf_cstr(&r->fences, "; role: ");
	fence_describe(&report, &r->fences);
	buf_cut(&r->fences, r->fences.n < LAB_WIRE_TEXT_MAX ? r->fences.n : LAB_WIRE_TEXT_MAX);
	return RC_OK;
}

__attribute__((noreturn)) static void second(const struct config *conf, pid_t keeper)
{
	static struct lab_role r; /* what the setup points to lives as long as the process */
	struct err err = { 0 };
	enum rc rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(1);
	proc_signals_default();
	r.guest = -1;
	buf_init(&r.fences, (size_t)64 << 10);
	buf_init(&r.name, LAB_WIRE_NAME_MAX + LAB_WIRE_WORDS_MAX);
	rc = open_lab(&r, conf, &err);
	if (rc == RC_OK) {
		log_line(LOG_LEVEL_INFO, "lab", "ready: %.*s", STR(buf_view(&r.fences)));
		rc = run(&r, &err);
	}
	if (rc != RC_OK)
		log_line(LOG_LEVEL_ERROR, "lab", "%s", err.text);
	_exit(rc == RC_UNSUPPORTED || rc == RC_BAD || rc == RC_NOTFOUND ? PROC_EXIT_REFUSED : rc == RC_OK ? 0 : 1);
}

/* --- the keeper --- */

/* The signal, or 0 when `span` is over (negative: without end). */
static int wait_signal(usec span)
{
	struct timespec t = { .tv_sec = span / USEC_PER_SEC, .tv_nsec = span % USEC_PER_SEC * 1000 };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sig = span < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &t);
	return sig < 0 ? 0 : sig;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* Until it ends (its status) or this process is told to (-1), or new rules are to be read (0). */
static int watch(pid_t pid)
{
	for (;;) {
		int sig = wait_signal(-1), status;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return sig == SIGTERM || sig == SIGINT ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP) {
			end_child(pid);
			return sig == SIGHUP ? 0 : -1;
		}
	}
}

/* What it refuses does not mend itself, but the node has other work: it waits for new rules (SIGHUP) or its end. */
static bool rest(usec span)
{
	usec until = time_mono() + span;

	for (;;) {
		usec left = span < 0 ? -1 : until - time_mono();
		int sig = span >= 0 && left <= 0 ? SIGHUP : wait_signal(left);

		if (sig == SIGTERM || sig == SIGINT)
			return false;
		if (sig == SIGHUP)
			return true;
	}
}

static int keep_running(const struct config *conf)
{
	usec delay = DELAY_FIRST;

	for (;;) {
		usec began = time_mono();
		pid_t keeper = getpid(), pid;
		int status;

		fflush(NULL);
		pid = fork();
		if (pid == 0)
			second(conf, keeper);
		status = pid < 0 ? 1 : watch(pid);
		if (status < 0)
			return 0;
		delay = time_mono() - began > STEADY ? DELAY_FIRST : delay * 2 < DELAY_MAX ? delay * 2 : DELAY_MAX;
		if (status == PROC_EXIT_REFUSED)
			log_line(LOG_LEVEL_ERROR, "lab", "the lab does not run; the rest of the node does");
		if (status != 0 && !rest(status == PROC_EXIT_REFUSED ? -1 : delay))
			return 0;
	}
}

int serve_lab(const char *dir)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(CONF_ARENA);
	struct config *conf = a == NULL ? NULL : arena_alloc(a, sizeof *conf);
	struct node_paths paths;
	struct err err = { 0 };
	sigset_t set;
	enum rc rc;

	umask(077);
	log_setup("lab", LOG_LEVEL_INFO, false);
	proc_signals_block();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	rc = conf == NULL ? FAIL(&err, RC_NOMEM, "lab: out of memory") : node_paths_of(dir, &paths, &err);
	if (rc == RC_OK)
		rc = config_read(paths.conf, a, conf, &err);
	if (rc != RC_OK) {
		log_line(LOG_LEVEL_ERROR, "lab", "%s", err.text);
		return serve_status(rc);
	}
	log_setup("lab", (enum log_level)conf->log_level, str_eq(str_of(conf->log_format), S("json")));
	return keep_running(conf);
}
