/* Core's side of the lab. One thread hands in: whose turn it is among the owners that wait, so that ten thousand files of one do not stand before the one of
 * another. A few threads take reports, each a whole one at a time from the socket, and keep them: report on the disk, row, listeners. What was
 * handed in and not reported when the link ends is handed in again; the row says so, not this file's memory. */
#include "node/lab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/core.h"
#include "node/lab_wire.h"
#include "store/facts.h"
#include "sys/file.h"
#include "sys/unixsock.h"

#define TAKERS 8
#define TRIES_MAX 20                    /* of one that the role, or its workers, died under */
#define TRIED_KEPT 256
#define LOOK_EACH (USEC_PER_SEC)
#define CONNECT_EACH (USEC_PER_SEC / 10)
#define UPKEEP_EACH (60 * USEC_PER_SEC)
#define UPLOAD_IDLE (24 * 3600 * USEC_PER_SEC)
#define LEFT_OVER (3600 * USEC_PER_SEC)
#define DAY (24 * 3600 * USEC_PER_SEC)
#define UPKEEP_AT_ONCE 500
#define ARENA ((size_t)64 << 20)

struct job {
	bool used;
	uint64_t number;
	char id[UUID_TEXT_LEN + 1];
	usec began;
};

struct waiter {
	struct waiter *next;
	struct str id;
	bool over;
};

struct lab_desk {
	struct core *core;
	struct samples *samples;
	struct { void (*fn)(void *ctx, const struct submission *s); void *ctx; } listeners[LAB_LISTENERS_MAX];
	size_t n_listeners;
	pthread_t feeder, takers[TAKERS];
	size_t n_takers;
	bool feeds;
	pthread_mutex_t lock, read_lock;
	pthread_cond_t changed;
	_Atomic bool stopping;
	bool wake, reload;
	int fd;              /* to the role, or -1 */
	uint64_t link;       /* how many there were */
	_Atomic bool link_ended;
	size_t at_once;
	struct job jobs[LAB_AT_ONCE];
	uint64_t numbers;
	struct waiter *waiters;
	struct { char id[UUID_TEXT_LEN + 1]; int n; } tried[TRIED_KEPT];
	size_t next_tried;
	char generation[LAB_WIRE_TEXT_MAX + 1], fences[LAB_WIRE_TEXT_MAX + 1];
	uint64_t inspected;
	usec longest;
	char owner[256];     /* whose turn it was last; the feeder's own */
};

/* --- small things under the lock --- */

static void wait_change(struct lab_desk *d, usec span)
{
	usec until = time_mono() + span;
	struct timespec t = { .tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000 };

	pthread_cond_clockwait(&d->changed, &d->lock, CLOCK_MONOTONIC, &t);
}

static size_t under_way(const struct lab_desk *d)
{
	size_t n = 0;

	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		n += d->jobs[i].used;
	return n;
}

static struct job *job_of(struct lab_desk *d, struct str id)
{
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (d->jobs[i].used && str_eq(str_of(d->jobs[i].id), id))
			return &d->jobs[i];
	return NULL;
}

/* How often it was tried in vain, this time counted. */
static int count_try(struct lab_desk *d, const char *id)
{
	size_t i;

	for (i = 0; i < TRIED_KEPT; i++)
		if (strcmp(d->tried[i].id, id) == 0)
			return ++d->tried[i].n;
	i = d->next_tried++ % TRIED_KEPT;
	snprintf(d->tried[i].id, sizeof d->tried[i].id, "%s", id);
	return d->tried[i].n = 1;
}

static int tries_of(const struct lab_desk *d, const char *id)
{
	for (size_t i = 0; i < TRIED_KEPT; i++)
		if (strcmp(d->tried[i].id, id) == 0)
			return d->tried[i].n;
	return 0;
}

/* --- keeping what came of one --- */

static void tell_listeners(struct lab_desk *d, const struct submission *s)
{
	for (size_t i = 0; i < d->n_listeners; i++)
		d->listeners[i].fn(d->listeners[i].ctx, s);
}

static void wake_waiters(struct lab_desk *d, struct str id)
{
	pthread_mutex_lock(&d->lock);
	for (struct waiter *w = d->waiters; w != NULL; w = w->next)
		w->over = w->over || str_eq(w->id, id);
	d->inspected++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

/* Content that must not rest here goes; a crash before that is made good by upkeep. */
static enum rc let_go(struct lab_desk *d, const struct submission *s, struct err *err)
{
	uint64_t others;
	enum rc rc;

	samples_hold(d->samples, s->address);
	rc = submission_forget_sample(d->core->node.store, s->id, &others, err);
	if (rc == RC_OK && others == 0)
		rc = samples_destroy(d->samples, SAMPLE_CONTENT, s->address, err);
	samples_release(d->samples, s->address);
	return rc;
}

/* It was deleted meanwhile, and so is this; or it was handed in twice, and the other report, of the same bytes, came first. */
static enum rc keep_no_more(struct lab_desk *d, struct str id, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct submission s;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	TRY(submission_get(d->core->node.store, id, a, &s, err));
	return s.state == SUBMISSION_DELETED ? samples_destroy(d->samples, SAMPLE_REPORT, id, err) : RC_OK;
}

static enum rc keep(struct lab_desk *d, struct submission *s, struct str report, struct err *err)
{
	struct store *store = d->core->node.store;
	enum rc rc;

	TRY(samples_put(d->samples, SAMPLE_REPORT, s->id, report, err));
	rc = submission_finish(store, s, true, err);
	if (rc == RC_CONFLICT)
		return keep_no_more(d, s->id, err);
	TRY(rc);
	TRY(samples_destroy(d->samples, SAMPLE_WORDS, s->id, err));
	if (s->privacy == PRIVACY_VERDICT && s->address.n > 0)
		TRY(let_go(d, s, err));
	tell_listeners(d, s);
	wake_waiters(d, s->id);
	return RC_OK;
}

static enum rc keep_report(struct lab_desk *d, const char *id, enum lab_verdict v, struct str generation, struct str report, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ARENA);
	struct submission s;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	TRY(submission_get(d->core->node.store, str_of(id), a, &s, err));
	s.verdict = str_of(lab_verdict_name(v));
	s.generation = generation;
	return keep(d, &s, report, err);
}

/* A verdict without an inspection: why there is none is what was not seen. */
static enum rc keep_unseen(struct lab_desk *d, struct submission *s, const char *why, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ARENA);
	struct lab_report r;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	lab_report_begin(&r, a, s->name, S(""), s->size);
	lab_report_broken(&r, why);
	buf_init(&b, (size_t)1 << 20);
	jsonw_init(&w, &b);
	lab_report_json(&r, &w);
	s->verdict = str_of(lab_verdict_name(LAB_V_INCOMPLETE));
	s->generation = S("");
	rc = buf_check(&b, err, "report");
	if (rc == RC_OK)
		rc = keep(d, s, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

/* --- the link --- */

static void end_link(struct lab_desk *d, uint64_t link)
{
	pthread_mutex_lock(&d->lock);
	if (d->fd >= 0 && d->link == link && !d->link_ended) {
		shutdown(d->fd, SHUT_RDWR);
		d->link_ended = true;
	}
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

/* What was under way is handed in again; the takers are out of the socket, because they hold read_lock while they read. */
static void drop_link(struct lab_desk *d)
{
	pthread_mutex_lock(&d->read_lock);
	pthread_mutex_lock(&d->lock);
	file_closep(&d->fd);
	d->fd = -1;
	d->link_ended = false;
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (d->jobs[i].used) {
			(void)count_try(d, d->jobs[i].id);
			d->jobs[i].used = false;
		}
	pthread_mutex_unlock(&d->lock);
	pthread_mutex_unlock(&d->read_lock);
}

static enum rc hear_hello(struct lab_desk *d, int fd, struct err *err)
{
	struct lab_say head;
	struct buf b;
	enum rc rc = lab_wire_take(fd, &head, sizeof head, NULL, err);

	if (rc == RC_OK && (head.magic != LAB_WIRE_MAGIC || head.kind != LAB_SAY_HELLO || head.generation > LAB_WIRE_TEXT_MAX || head.text > LAB_WIRE_TEXT_MAX))
		rc = FAIL(err, RC_PEER, "lab: the role says what it may not");
	TRY(rc);
	buf_init(&b, (size_t)2 * LAB_WIRE_TEXT_MAX);
	rc = lab_wire_more(fd, &b, (size_t)head.generation + head.text, err);
	if (rc == RC_OK) {
		pthread_mutex_lock(&d->lock);
		snprintf(d->generation, sizeof d->generation, "%.*s", STR(str_slice(buf_view(&b), 0, head.generation)));
		snprintf(d->fences, sizeof d->fences, "%.*s", STR(str_slice(buf_view(&b), head.generation, b.n)));
		pthread_mutex_unlock(&d->lock);
	}
	buf_done(&b);
	return rc;
}

static enum rc connect_role(struct lab_desk *d, struct err *err)
{
	struct timeval stall = { .tv_sec = 60 }, first = { .tv_usec = 500000 };
	int fd;
	enum rc rc;

	TRY(unix_connect(d->core->node.paths.lab, &fd, err));
	/* Until the role has its rules nobody takes us in: a short wait, so that the end of the node is not held up. */
	rc = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall) == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &first, sizeof first) == 0
		     ? hear_hello(d, fd, err) : FAIL(err, RC_IO, "lab: %m");
	if (rc != RC_OK) {
		close(fd);
		return rc;
	}
	first.tv_usec = 0;
	(void)!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &first, sizeof first);
	pthread_mutex_lock(&d->lock);
	d->fd = fd;
	d->link++;
	d->link_ended = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	return RC_OK;
}

/* --- handing in --- */

/* Its number; 0: there are too many. */
static uint64_t begin_job(struct lab_desk *d, const struct submission *s)
{
	uint64_t number = 0;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < LAB_AT_ONCE && number == 0; i++) {
		if (d->jobs[i].used)
			continue;
		number = ++d->numbers;
		d->jobs[i] = (struct job){ .used = true, .number = number, .began = time_mono() };
		snprintf(d->jobs[i].id, sizeof d->jobs[i].id, "%.*s", STR(s->id));
	}
	pthread_mutex_unlock(&d->lock);
	return number;
}

static enum rc send_job(struct lab_desk *d, const struct submission *s, int sample, struct err *err)
{
	struct lab_ask head = { .magic = LAB_WIRE_MAGIC, .kind = LAB_ASK_JOB };
	struct str name = str_slice(s->name, 0, LAB_WIRE_NAME_MAX);
	struct buf words;
	enum rc rc;

	buf_init(&words, LAB_WIRE_WORDS_MAX);
	rc = samples_read(d->samples, SAMPLE_WORDS, s->id, &words, err);
	if (rc != RC_OK && rc != RC_NOTFOUND) {
		buf_done(&words);
		return rc;
	}
	head.number = begin_job(d, s);
	head.name = (uint32_t)name.n;
	head.words = (uint32_t)words.n;
	rc = lab_wire_send(d->fd, &head, sizeof head, name, buf_view(&words), sample, err);
	buf_done(&words);
	if (rc != RC_OK)
		end_link(d, d->link);
	return rc;
}

static enum rc hand_in(struct lab_desk *d, struct submission *s, struct err *err)
{
	unsigned char sha256[SHA256_LEN];
	int sample CLEANUP(file_closep) = -1, tries;
	enum rc rc;

	pthread_mutex_lock(&d->lock);
	tries = tries_of(d, s->id.p);
	pthread_mutex_unlock(&d->lock);
	if (tries >= TRIES_MAX)
		return keep_unseen(d, s, "the lab ended again and again while it was inspected", err);
	rc = samples_memfd(d->samples, SAMPLE_CONTENT, s->address, s->size, &sample, sha256, err);
	/* A core that was killed between the row and the name. */
	if (rc == RC_NOTFOUND && samples_keep(d->samples, s->id, s->address, err) == RC_OK)
		rc = samples_memfd(d->samples, SAMPLE_CONTENT, s->address, s->size, &sample, sha256, err);
	if (rc == RC_NOTFOUND || rc == RC_CORRUPT || rc == RC_BAD) {
		log_line(LOG_LEVEL_ERROR, "lab", "submission %.*s: %s", STR(s->id), err->text);
		return keep_unseen(d, s, "its bytes do not rest here any more as they came", err);
	}
	TRY(rc);
	return send_job(d, s, sample, err);
}

/* The next one that is in nobody's hands; true when there was one. */
static bool feed_one(struct lab_desk *d, struct arena *a)
{
	struct submission *list;
	struct err err = { 0 };
	size_t n, busy, i = 0;
	enum rc rc = RC_OK;

	pthread_mutex_lock(&d->lock);
	busy = under_way(d);
	pthread_mutex_unlock(&d->lock);
	/* Of one owner all may be in hand: then it is the next one's turn, once round. */
	for (int round = 0; round < 64 && rc == RC_OK; round++) {
		rc = submission_next(d->core->node.store, str_of(d->owner), (uint32_t)busy + 1, a, &list, &n, &err);
		if (rc != RC_OK || n == 0)
			break;
		snprintf(d->owner, sizeof d->owner, "%.*s", STR(list[0].owner));
		pthread_mutex_lock(&d->lock);
		for (i = 0; i < n && job_of(d, list[i].id) != NULL; i++)
			;
		pthread_mutex_unlock(&d->lock);
		if (i == n)
			continue;
		rc = hand_in(d, &list[i], &err);
		if (rc == RC_OK)
			return true;
	}
	if (rc != RC_OK && rc != RC_PEER)
		log_line(LOG_LEVEL_WARN, "lab", "a submission waits: %s", err.text);
	return false;
}

/* --- upkeep --- */

static void forget_old(struct lab_desk *d, struct arena *a)
{
	const struct config *conf = &d->core->node.config;
	struct submission *list;
	struct err err = { 0 };
	size_t n = 0;
	enum rc rc = submission_overdue(d->core->node.store, time_now() - conf->lab_keep_days * DAY, (uint64_t)conf->lab_keep_mb << 20, UPKEEP_AT_ONCE, a, &list, &n, &err);

	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = let_go(d, &list[i], &err);
	if (rc == RC_OK && n > 0)
		log_line(LOG_LEVEL_INFO, "lab", "%zu samples were destroyed: they are old, or too much", n);
	if (rc == RC_OK)
		rc = submission_stored(d->core->node.store, 0, UPKEEP_AT_ONCE, a, &list, &n, &err);
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		if (list[i].privacy == PRIVACY_VERDICT)
			rc = let_go(d, &list[i], &err);
	if (rc != RC_OK)
		log_line(LOG_LEVEL_WARN, "lab", "upkeep: %s", err.text);
}

/* When in doubt it is. */
static bool is_wanted(void *ctx, struct str name)
{
	struct lab_desk *d = ctx;
	uint64_t n;

	return submission_count_at(d->core->node.store, name, &n, NULL) != RC_OK || n > 0;
}

/* Once at the start, of what came an hour ago and earlier: nothing of now is near it. */
static void clear_up(struct lab_desk *d)
{
	struct err err = { 0 };
	uint64_t n = 0;

	if (samples_sweep_content(d->samples, time_now() - LEFT_OVER, is_wanted, d, &n, &err) != RC_OK)
		log_line(LOG_LEVEL_WARN, "lab", "upkeep: %s", err.text);
	if (n > 0)
		log_line(LOG_LEVEL_INFO, "lab", "%llu samples that belong to no submission were destroyed", (unsigned long long)n);
}

static void upkeep(struct lab_desk *d, struct arena *a)
{
	struct err err = { 0 };
	uint64_t n;

	forget_old(d, a);
	if (samples_sweep(d->samples, time_now() - UPLOAD_IDLE, &n, &err) != RC_OK || submission_drop_old(d->core->node.store, time_now() - 7 * UPLOAD_IDLE, &err) != RC_OK)
		log_line(LOG_LEVEL_WARN, "lab", "upkeep: %s", err.text);
	arena_reset(a);
}

/* --- threads --- */

static bool reload_wanted(struct lab_desk *d)
{
	bool is;

	pthread_mutex_lock(&d->lock);
	is = d->reload;
	d->reload = false;
	pthread_mutex_unlock(&d->lock);
	return is;
}

static void send_reload(struct lab_desk *d)
{
	const struct lab_ask head = { .magic = LAB_WIRE_MAGIC, .kind = LAB_ASK_RELOAD };

	if (lab_wire_send(d->fd, &head, sizeof head, S(""), S(""), -1, NULL) != RC_OK)
		end_link(d, d->link);
}

static void *feed(void *arg)
{
	struct lab_desk *d = arg;
	struct arena *a = arena_new(ARENA);
	usec next_upkeep = 0;
	struct err err;

	clear_up(d);
	while (a != NULL && !atomic_load(&d->stopping)) {
		bool more = false, full;

		if (d->fd >= 0 && d->link_ended)
			drop_link(d);
		if (d->fd >= 0 && reload_wanted(d))
			send_reload(d);
		if (time_mono() >= next_upkeep) {
			upkeep(d, a);
			next_upkeep = time_mono() + UPKEEP_EACH;
		}
		if (d->fd < 0 && connect_role(d, &err) != RC_OK) {
			pthread_mutex_lock(&d->lock);
			wait_change(d, CONNECT_EACH);
			pthread_mutex_unlock(&d->lock);
			continue;
		}
		pthread_mutex_lock(&d->lock);
		full = under_way(d) >= d->at_once;
		if (!full)
			d->wake = false;
		pthread_mutex_unlock(&d->lock);
		if (!full)
			more = feed_one(d, a);
		arena_reset(a);
		pthread_mutex_lock(&d->lock);
		while (!more && !atomic_load(&d->stopping) && !d->link_ended && (under_way(d) >= d->at_once || !d->wake)) {
			bool was_full = under_way(d) >= d->at_once;

			wait_change(d, LOOK_EACH);
			if (!was_full || under_way(d) < d->at_once)
				break;
		}
		pthread_mutex_unlock(&d->lock);
	}
	arena_free(a);
	return NULL;
}

/* One whole report from the socket, under read_lock. */
static enum rc read_report(int fd, struct lab_say *head, struct buf *b, struct err *err)
{
	TRY(lab_wire_take(fd, head, sizeof *head, NULL, err));
	if (head->magic != LAB_WIRE_MAGIC || head->kind != LAB_SAY_REPORT || head->generation > LAB_WIRE_TEXT_MAX || head->text > LAB_WIRE_REPORT_MAX ||
	    head->verdict > LAB_V_MALICIOUS)
		return FAIL(err, RC_PEER, "lab: the role says what it may not");
	return lab_wire_more(fd, b, (size_t)head->generation + head->text, err);
}

static void end_job(struct lab_desk *d, uint64_t number)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (d->jobs[i].number == number)
			d->jobs[i].used = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static struct job *job_numbered(struct lab_desk *d, uint64_t number)
{
	for (size_t i = 0; i < LAB_AT_ONCE; i++)
		if (d->jobs[i].used && d->jobs[i].number == number)
			return &d->jobs[i];
	return NULL;
}

static void take(struct lab_desk *d, const struct lab_say *head, const struct buf *b)
{
	struct str all = buf_view(b), generation = str_slice(all, 0, head->generation), report = str_slice(all, head->generation, all.n);
	char id[UUID_TEXT_LEN + 1] = "";
	struct err err = { 0 };
	enum rc rc = RC_OK;
	const struct job *j;
	bool again;

	pthread_mutex_lock(&d->lock);
	j = job_numbered(d, head->number);
	if (j != NULL)
		memcpy(id, j->id, sizeof id);
	again = j != NULL && (head->lost != 0 || report.n == 0) && count_try(d, id) < TRIES_MAX;
	if (j != NULL && time_mono() - j->began > d->longest)
		d->longest = time_mono() - j->began;
	pthread_mutex_unlock(&d->lock);
	if (id[0] == '\0')
		return;
	if (!again)
		rc = keep_report(d, id, (enum lab_verdict)head->verdict, generation, report, &err);
	if (rc != RC_OK && rc != RC_NOTFOUND) { /* a full disk passes; the submission waits on */
		log_line(LOG_LEVEL_ERROR, "lab", "a report is not kept: %s", err.text);
		time_nap(USEC_PER_SEC);
	}
	end_job(d, head->number);
}

static void *take_reports(void *arg)
{
	struct lab_desk *d = arg;
	struct err err;
	struct buf b;

	buf_init(&b, (size_t)LAB_WIRE_REPORT_MAX + LAB_WIRE_TEXT_MAX);
	while (!atomic_load(&d->stopping)) {
		struct lab_say head;
		uint64_t link;
		enum rc rc;
		int fd;

		pthread_mutex_lock(&d->read_lock);
		pthread_mutex_lock(&d->lock);
		fd = d->link_ended ? -1 : d->fd;
		link = d->link;
		if (fd < 0) {
			pthread_mutex_unlock(&d->read_lock);
			wait_change(d, LOOK_EACH);
			pthread_mutex_unlock(&d->lock);
			continue;
		}
		pthread_mutex_unlock(&d->lock);
		buf_clear(&b);
		rc = read_report(fd, &head, &b, &err);
		pthread_mutex_unlock(&d->read_lock);
		if (rc == RC_OK)
			take(d, &head, &b);
		else
			end_link(d, link);
	}
	buf_done(&b);
	return NULL;
}

/* --- the public side --- */

enum rc lab_desk_new(struct core *c, struct lab_desk **ret, struct err *err)
{
	struct lab_desk *d;
	enum rc rc;

	*ret = NULL;
	if (!c->node.config.lab)
		return RC_OK;
	d = mem_alloc(sizeof *d);
	if (d == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	d->core = c;
	d->fd = -1;
	d->at_once = (size_t)c->node.config.lab_jobs;
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->read_lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	rc = samples_open(c->node.paths.dir, &d->samples, err);
	if (rc != RC_OK) {
		lab_desk_free(d);
		return rc;
	}
	*ret = d;
	return RC_OK;
}

enum rc lab_desk_listen(struct lab_desk *d, void (*fn)(void *ctx, const struct submission *s), void *ctx, struct err *err)
{
	if (d == NULL)
		return RC_OK;
	if (d->n_listeners == LAB_LISTENERS_MAX)
		return FAIL(err, RC_LIMIT, "lab: too many listeners");
	d->listeners[d->n_listeners].fn = fn;
	d->listeners[d->n_listeners++].ctx = ctx;
	return RC_OK;
}

enum rc lab_desk_start(struct lab_desk *d, struct err *err)
{
	if (d == NULL)
		return RC_OK;
	if (pthread_create(&d->feeder, NULL, feed, d) != 0)
		return FAIL(err, RC_IO, "lab: cannot start a thread");
	d->feeds = true;
	for (; d->n_takers < TAKERS; d->n_takers++)
		if (pthread_create(&d->takers[d->n_takers], NULL, take_reports, d) != 0)
			return FAIL(err, RC_IO, "lab: cannot start a thread");
	return RC_OK;
}

void lab_desk_stop(struct lab_desk *d)
{
	if (d == NULL)
		return;
	atomic_store(&d->stopping, true);
	pthread_mutex_lock(&d->lock);
	if (d->fd >= 0)
		shutdown(d->fd, SHUT_RDWR);
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	if (d->feeds)
		pthread_join(d->feeder, NULL);
	d->feeds = false;
	while (d->n_takers > 0)
		pthread_join(d->takers[--d->n_takers], NULL);
}

void lab_desk_free(struct lab_desk *d)
{
	if (d == NULL)
		return;
	lab_desk_stop(d);
	file_closep(&d->fd);
	samples_close(d->samples);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->read_lock);
	pthread_mutex_destroy(&d->lock);
	mem_free(d);
}

struct samples *lab_desk_samples(struct lab_desk *d)
{
	return d == NULL ? NULL : d->samples;
}

void lab_desk_wake(struct lab_desk *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->wake = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

enum rc lab_desk_again(struct lab_desk *d, struct str id, struct err *err)
{
	if (d == NULL)
		return FAIL(err, RC_UNSUPPORTED, "no lab runs here");
	TRY(submission_again(d->core->node.store, id, err));
	lab_desk_wake(d);
	return RC_OK;
}

void lab_desk_reload(struct lab_desk *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->reload = d->wake = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static bool has_verdict(struct lab_desk *d, struct str id)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct submission s;

	/* What cannot be asked is not waited for. */
	return a == NULL || submission_get(d->core->node.store, id, a, &s, NULL) != RC_OK || s.state == SUBMISSION_DONE || s.state == SUBMISSION_DELETED;
}

bool lab_desk_wait(struct lab_desk *d, struct str id, usec until)
{
	struct waiter w = { .id = id }, **at;
	bool over;

	if (d == NULL)
		return false;
	pthread_mutex_lock(&d->lock);
	w.next = d->waiters;
	d->waiters = &w;
	pthread_mutex_unlock(&d->lock);
	over = has_verdict(d, id);
	pthread_mutex_lock(&d->lock);
	while (!over && !w.over && !atomic_load(&d->stopping) && time_mono() < until) {
		usec left = until - time_mono();

		wait_change(d, left < LOOK_EACH ? left : LOOK_EACH);
	}
	for (at = &d->waiters; *at != &w; at = &(*at)->next)
		;
	*at = w.next;
	over = over || w.over;
	pthread_mutex_unlock(&d->lock);
	return over;
}

bool lab_desk_inspects(struct lab_desk *d, struct str id)
{
	bool is;

	if (d == NULL)
		return false;
	pthread_mutex_lock(&d->lock);
	is = job_of(d, id) != NULL;
	pthread_mutex_unlock(&d->lock);
	return is;
}

void lab_desk_generation(struct lab_desk *d, char *out, size_t room)
{
	out[0] = '\0';
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	snprintf(out, room, "%s", d->generation);
	pthread_mutex_unlock(&d->lock);
}

void lab_desk_state(struct lab_desk *d, struct jsonw *w)
{
	pthread_mutex_lock(&d->lock);
	jsonw_m_bool(w, "running", d->fd >= 0 && !d->link_ended);
	jsonw_m_cstr(w, "generation", d->generation);
	jsonw_m_cstr(w, "fences", d->fences);
	jsonw_m_int(w, "at_work", (int64_t)under_way(d));
	jsonw_m_int(w, "inspected", (int64_t)d->inspected);
	jsonw_m_int(w, "longest_ms", d->longest / 1000);
	pthread_mutex_unlock(&d->lock);
	jsonw_m_int(w, "waiting", (int64_t)submission_count_waiting(d->core->node.store));
}

void lab_desk_role(struct lab_desk *d, struct jsonw *w)
{
	if (d == NULL)
		return;
	jsonw_object(w);
	jsonw_m_cstr(w, "role", "lab");
	pthread_mutex_lock(&d->lock);
	jsonw_m_bool(w, "running", d->fd >= 0 && !d->link_ended);
	jsonw_m_cstr(w, "fences", d->fences);
	pthread_mutex_unlock(&d->lock);
	jsonw_object_end(w);
}

void lab_desk_status(struct lab_desk *d, struct jsonw *w)
{
	if (d == NULL)
		return;
	jsonw_name(w, "lab");
	jsonw_object(w);
	lab_desk_state(d, w);
	jsonw_object_end(w);
}
