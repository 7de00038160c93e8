/* One thread connects and reads; calls of the role (hits, places) wait in a short
 * queue for a few workers, so that findings of several inputs share a commit. When
 * the queue is full the reader waits, and so does the role. A frame that is not what
 * it should be ends the link, which is then made anew after a pause. */
#include "node/detect_link.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/asks.h"
#include "node/core.h"
#include "node/counts.h"
#include "node/link.h"
#include "sys/unixsock.h"

#define WORKERS 4
#define JOBS_MAX 16
#define AGAIN_AFTER (200 * 1000)         /* usec between two attempts to connect, */
#define PENALTY (250 * 1000)              /* and after a link that was misused */
#define HELLO_WITHIN 10                  /* seconds */
#define STATUS_WITHIN USEC_PER_SEC
#define LAST_WORDS (4 * USEC_PER_SEC)    /* for the role to seal and save, when both end */
#define JOB_ARENA ((size_t)1 << 20)

/* What core writes in turn may be no deeper than this. */
static const struct json_limits STATUS_LIMITS = { FRAME_STATUS_MAX, 16, 1u << 18 };

struct job {
	struct buf body;
	uint64_t now;
};

struct detect_link {
	struct core *core;
	pthread_t reader, workers[WORKERS];
	size_t n_workers;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct link *link;          /* or NULL */
	struct link *greeting;      /* not heard of yet, or NULL */
	uint64_t now, count;        /* of the link; how many there were */
	uint32_t busy;              /* threads that use the link, or work for it */
	struct job jobs[JOBS_MAX];  /* ring */
	size_t first, n_jobs;
	bool stop, draining;
	/* what the role said of itself */
	int64_t pid;
	usec knew;
	char fences[512];
	bool ready;
	struct buf status;
	struct counts *counts;      /* of roles that are gone */
	uint32_t asked, told;
	uint32_t rule_asked, rule_told; /* the last question for a rule, and the last that was answered */
	int64_t rule_is;
	struct asks *asks;          /* of people */
	usec status_at, since;      /* since: when the state changed */
	uint64_t refused;           /* links ended because of what came over them */
};

static void wait_change(struct detect_link *l, usec until)
{
	struct timespec t = { .tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000 };

	pthread_cond_clockwait(&l->changed, &l->lock, CLOCK_MONOTONIC, &t);
}

/* --- using the link that stands --- */

static struct link *hold(struct detect_link *l, uint64_t now)
{
	struct link *held = NULL;

	pthread_mutex_lock(&l->lock);
	if (l->link != NULL && l->now == now) {
		held = l->link;
		l->busy++;
	}
	pthread_mutex_unlock(&l->lock);
	return held;
}

static void release(struct detect_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->busy--;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

uint64_t detect_link_now(struct detect_link *l)
{
	uint64_t now;

	pthread_mutex_lock(&l->lock);
	now = l->link == NULL ? 0 : l->now;
	pthread_mutex_unlock(&l->lock);
	return now;
}

usec detect_link_knew(struct detect_link *l)
{
	usec knew;

	pthread_mutex_lock(&l->lock);
	knew = l->knew;
	pthread_mutex_unlock(&l->lock);
	return knew;
}

bool detect_link_tell(struct detect_link *l, uint64_t now, struct str frames)
{
	struct link *held = hold(l, now);
	bool good = held != NULL && link_write(held, frames, NULL) == RC_OK;

	if (held != NULL)
		release(l);
	return good;
}

static void say(struct detect_link *l, uint64_t now, const struct frame *f)
{
	struct link *held = hold(l, now);

	if (held == NULL)
		return;
	(void)!link_say(held, f, NULL);
	release(l);
}

/* --- calls --- */

static enum rc do_call(struct detect_link *l, const struct frame *f, char place[static PLACE_TEXT_MAX + 1], struct err *err)
{
	const struct sink *to = &l->core->sink;

	switch (f->kind) {
	case FRAME_HIT:
		return to->hit(to->ctx, &f->hit, f->key, err);
	case FRAME_RULE_HIT:
		return to->rule_hit(to->ctx, &f->rule_hit, f->key, err);
	case FRAME_PLACE_GET:
		return to->place_get(to->ctx, f->text, place, PLACE_TEXT_MAX + 1, err);
	case FRAME_PLACE_PUT:
		if (f->more.n > PLACE_TEXT_MAX)
			return FAIL(err, RC_LIMIT, "place: %zu bytes", f->more.n);
		return to->place_put(to->ctx, f->text, f->more, err);
	case FRAME_HUNTED:
		return to->hunted(to->ctx, f->value, err);
	case FRAME_HELLO: case FRAME_READY: case FRAME_STATUS: case FRAME_RULE_IS: case FRAME_FOUND: case FRAME_QUERY: case FRAME_QUERY_END: case FRAME_RULE_ASK: case FRAME_ANSWER: case FRAME_LEARN: case FRAME_FORGET: case FRAME_CLEAR:
	case FRAME_FULL: case FRAME_ASK: case FRAME_SETTINGS: case FRAME_KINDS:
		break;
	}
	return FAIL(err, RC_BAD, "link: no call");
}

static void work_on(struct detect_link *l, struct arena *a, struct job *j)
{
	struct frame f, answer = { .kind = FRAME_ANSWER };
	char place[PLACE_TEXT_MAX + 1] = "";
	struct err err = { 0 };
	enum rc rc;

	arena_reset(a);
	rc = frame_get(buf_view(&j->body), a, &f, &err);
	if (rc == RC_OK)
		rc = do_call(l, &f, place, &err);
	answer.number = f.number;
	answer.value = rc;
	answer.text = str_of(rc == RC_OK ? "" : err.text);
	answer.more = str_of(place);
	say(l, j->now, &answer);
}

static void *work(void *ctx)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(JOB_ARENA);
	struct detect_link *l = ctx;

	pthread_mutex_lock(&l->lock);
	while (a != NULL && !l->stop) {
		struct job j;

		uint32_t given_up = asks_given_up(l->asks);

		if (given_up != 0) { /* whoever reads the link must not write to it */
			pthread_mutex_unlock(&l->lock);
			say(l, detect_link_now(l), &(struct frame){ .kind = FRAME_QUERY_END, .number = given_up });
			pthread_mutex_lock(&l->lock);
			continue;
		}
		if (l->n_jobs == 0) {
			pthread_cond_wait(&l->changed, &l->lock);
			continue;
		}
		j = l->jobs[l->first];
		l->first = (l->first + 1) % JOBS_MAX;
		l->n_jobs--;
		l->busy++;
		pthread_cond_broadcast(&l->changed);
		pthread_mutex_unlock(&l->lock);
		work_on(l, a, &j);
		buf_done(&j.body);
		pthread_mutex_lock(&l->lock);
		l->busy--;
		pthread_cond_broadcast(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static enum rc queue_call(struct detect_link *l, struct str body, struct err *err)
{
	struct job j = { .now = l->now };
	enum rc rc;

	buf_init(&j.body, FRAME_MAX);
	buf_str(&j.body, body);
	rc = buf_check(&j.body, err, "link");
	pthread_mutex_lock(&l->lock);
	while (rc == RC_OK && l->n_jobs == JOBS_MAX && !l->stop)
		pthread_cond_wait(&l->changed, &l->lock);
	if (rc == RC_OK && !l->stop)
		l->jobs[(l->first + l->n_jobs++) % JOBS_MAX] = j;
	else
		buf_done(&j.body);
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

/* --- reading --- */

/* JSON of others goes into our own reply only after it was read as such. */
static enum rc take_status(struct detect_link *l, struct arena *a, const struct frame *f, struct err *err)
{
	const struct json *v;

	TRY(json_parse(a, f->text, &STATUS_LIMITS, &v, err));
	if (!json_is(v, JSON_OBJECT))
		return FAIL(err, RC_BAD, "link: a status that is no object");
	pthread_mutex_lock(&l->lock);
	buf_clear(&l->status);
	buf_str(&l->status, f->text);
	l->status_at = time_now();
	if (f->number != 0) /* 0: unasked */
		l->told = f->number;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return RC_OK;
}

static void take_ready(struct detect_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->ready = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void take_rule(struct detect_link *l, const struct frame *f)
{
	pthread_mutex_lock(&l->lock);
	if (f->number == l->rule_asked) {
		l->rule_told = f->number;
		l->rule_is = f->value;
		pthread_cond_broadcast(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
}

static enum rc take_found(struct detect_link *l, struct arena *a, const struct frame *f, struct err *err)
{
	bool last = f->value != 1;
	const struct json *v;

	if (f->value > 1 || f->value < RC_INTERNAL)
		return FAIL(err, RC_BAD, "link: an answer of no known end");
	if (f->value >= RC_OK) {
		TRY(json_parse(a, f->text, &STATUS_LIMITS, &v, err));
		if (!json_is(v, JSON_OBJECT) || memchr(f->text.p, '\n', f->text.n) != NULL || memchr(f->text.p, '\r', f->text.n) != NULL)
			return FAIL(err, RC_BAD, "link: an answer that is no object in one line");
	}
	if (!asks_answer(l->asks, f->number, f->text, last, last ? (enum rc)f->value : RC_OK)) {
		pthread_mutex_lock(&l->lock);
		pthread_cond_broadcast(&l->changed);
		pthread_mutex_unlock(&l->lock);
	}
	return RC_OK;
}

static enum rc take_frame(struct detect_link *l, struct arena *a, struct str body, struct err *err)
{
	struct frame f;

	arena_reset(a);
	TRY(frame_get(body, a, &f, err));
	switch (f.kind) {
	case FRAME_HIT: case FRAME_RULE_HIT: case FRAME_PLACE_GET: case FRAME_PLACE_PUT: case FRAME_HUNTED:
		return queue_call(l, body, err);
	case FRAME_STATUS:
		return take_status(l, a, &f, err);
	case FRAME_READY:
		take_ready(l);
		return RC_OK;
	case FRAME_RULE_IS:
		take_rule(l, &f);
		return RC_OK;
	case FRAME_FOUND:
		return take_found(l, a, &f, err);
	case FRAME_HELLO: case FRAME_ANSWER: case FRAME_LEARN: case FRAME_FORGET: case FRAME_CLEAR: case FRAME_FULL: case FRAME_ASK:
	case FRAME_RULE_ASK: case FRAME_SETTINGS: case FRAME_QUERY: case FRAME_QUERY_END: case FRAME_KINDS:
		break;
	}
	return FAIL(err, RC_BAD, "link: frame %d at the wrong end", (int)f.kind);
}

/* What the last one counted is added to all that come. Called under the lock. */
static void another_role(struct detect_link *l)
{
	counts_fold(l->counts, buf_view(&l->status));
	buf_clear(&l->status);
}

/* Who does not say who it is at once says nothing at all. */
static enum rc take_hello(struct detect_link *l, struct link *link, int fd, struct arena *a, struct err *err)
{
	struct timeval within = { .tv_sec = HELLO_WITHIN }, ever = { 0 };
	struct str body;
	struct frame f;

	arena_reset(a);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within) != 0)
		return FAIL(err, RC_IO, "link: %m");
	TRY(link_read(link, &body, err));
	TRY(frame_get(body, a, &f, err));
	if (f.kind != FRAME_HELLO || f.number != FRAME_VERSION)
		return FAIL(err, RC_BAD, "link: no greeting of version %d", FRAME_VERSION);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &ever, sizeof ever) != 0)
		return FAIL(err, RC_IO, "link: %m");
	pthread_mutex_lock(&l->lock);
	if (f.value != l->pid)
		another_role(l);
	l->pid = f.value;
	if (!str_to_i64(f.more, &l->knew))
		l->knew = INT64_MIN;
	snprintf(l->fences, sizeof l->fences, "%.*s", STR(f.text));
	pthread_mutex_unlock(&l->lock);
	return RC_OK;
}

static void set_link(struct detect_link *l, struct link *link)
{
	pthread_mutex_lock(&l->lock);
	l->link = link;
	l->ready = false;
	l->now = link == NULL ? 0 : ++l->count;
	l->since = time_now();
	/* Calls of a link that is gone are asked again over the next one. */
	for (; link == NULL && l->n_jobs > 0; l->n_jobs--, l->first = (l->first + 1) % JOBS_MAX)
		buf_done(&l->jobs[l->first].body);
	pthread_cond_broadcast(&l->changed);
	while (link == NULL && l->busy > 0)
		pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	if (link == NULL)
		asks_gone(l->asks);
	follower_ring(l->core);
}

/* So that a stop need not wait for it. */
static void set_greeting(struct detect_link *l, struct link *link)
{
	pthread_mutex_lock(&l->lock);
	l->greeting = link;
	if (link != NULL && (l->stop || l->draining))
		link_end(link);
	pthread_mutex_unlock(&l->lock);
}

static enum rc serve_link(struct detect_link *l, struct link *link, struct arena *a, struct err *err)
{
	const struct config *conf = &l->core->node.config;
	struct str body;

	set_link(l, link);
	TRY(link_say(link, &(struct frame){ .kind = FRAME_HELLO, .number = FRAME_VERSION }, err));
	detect_link_settings(l, (int)conf->log_level, str_eq(str_of(conf->log_format), S("json")));
	for (;;) {
		TRY(link_read(link, &body, err));
		TRY(take_frame(l, a, body, err));
	}
}

/* Until the link ends. */
static enum rc connect_once(struct detect_link *l, struct arena *a, struct err *err)
{
	struct link *link;
	int fd;
	enum rc rc;

	TRY(unix_connect(l->core->node.paths.detect, &fd, err));
	rc = unix_check_peer(fd, err);
	if (rc != RC_OK)
		close(fd);
	else
		rc = link_new(fd, &link, err);
	if (rc != RC_OK)
		return rc;
	set_greeting(l, link);
	rc = take_hello(l, link, fd, a, err);
	set_greeting(l, NULL);
	if (rc == RC_OK) {
		log_line(LOG_LEVEL_INFO, "detect", "the detect role is here (process %lld)", (long long)l->pid);
		rc = serve_link(l, link, a, err);
		link_end(link);
		set_link(l, NULL);
	}
	link_free(link);
	return rc;
}

static bool stopping(struct detect_link *l)
{
	bool stop;

	pthread_mutex_lock(&l->lock);
	stop = l->stop || l->draining;
	pthread_mutex_unlock(&l->lock);
	return stop;
}

static void rest(struct detect_link *l, usec span)
{
	usec until = time_mono() + span;

	pthread_mutex_lock(&l->lock);
	while (!l->stop && time_mono() < until)
		wait_change(l, until);
	pthread_mutex_unlock(&l->lock);
}

static void *read_links(void *ctx)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4 * FRAME_STATUS_MAX);
	struct detect_link *l = ctx;
	bool said = false;

	while (a != NULL && !stopping(l)) {
		uint64_t before = l->count;
		struct err err = { 0 };
		enum rc rc = connect_once(l, a, &err);
		bool misused = rc != RC_PEER && rc != RC_IO && rc != RC_NOMEM;

		if (misused)
			l->refused++;
		if (!stopping(l) && (l->count != before || misused || !said))
			log_line(LOG_LEVEL_WARN, "detect", "the detect role is away: %s", err.text);
		said = true;
		if (!stopping(l))
			rest(l, misused ? PENALTY : AGAIN_AFTER);
	}
	return NULL;
}

/* --- life --- */

void detect_link_free(struct detect_link *l)
{
	if (l == NULL)
		return;
	buf_done(&l->status);
	counts_free(l->counts);
	asks_free(l->asks);
	for (; l->n_jobs > 0; l->n_jobs--, l->first = (l->first + 1) % JOBS_MAX)
		buf_done(&l->jobs[l->first].body);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

enum rc detect_link_new(struct core *c, struct detect_link **ret, struct err *err)
{
	struct detect_link *l = mem_alloc(sizeof *l);

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "link: out of memory");
	l->core = c;
	if (counts_new(&l->counts, err) != RC_OK || asks_new(&l->asks, err) != RC_OK) {
		counts_free(l->counts);
		mem_free(l);
		return err->rc;
	}
	l->since = time_now();
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	buf_init(&l->status, FRAME_STATUS_MAX);
	*ret = l;
	return RC_OK;
}

enum rc detect_link_start(struct detect_link *l, struct err *err)
{
	bool good = true;

	while (good && l->n_workers < WORKERS) {
		good = pthread_create(&l->workers[l->n_workers], NULL, work, l) == 0;
		l->n_workers += good;
	}
	l->started = good && pthread_create(&l->reader, NULL, read_links, l) == 0;
	return l->started ? RC_OK : FAIL(err, RC_IO, "link: cannot start a thread");
}

void detect_link_stop(struct detect_link *l, bool wait)
{
	usec until = time_mono() + (wait ? LAST_WORDS : 0);

	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->draining = true;
	if (l->greeting != NULL)
		link_end(l->greeting);
	while (l->link != NULL && time_mono() < until)
		wait_change(l, until);
	l->stop = true;
	if (l->link != NULL)
		link_end(l->link);
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	if (l->started)
		pthread_join(l->reader, NULL);
	for (size_t i = 0; i < l->n_workers; i++)
		pthread_join(l->workers[i], NULL);
}

/* --- what others want to know --- */

static bool told_to_end(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1);
}

bool detect_link_wait(struct detect_link *l, usec wait)
{
	usec until = time_mono() + wait;
	bool ready;

	pthread_mutex_lock(&l->lock);
	while (!l->ready && time_mono() < until && !told_to_end())
		wait_change(l, time_mono() + USEC_PER_SEC / 20);
	ready = l->ready;
	pthread_mutex_unlock(&l->lock);
	return ready;
}

void detect_link_settings(struct detect_link *l, int level, bool json)
{
	struct frame f = { .kind = FRAME_SETTINGS, .value = level, .text = str_of(json ? "json" : "logfmt") };

	say(l, detect_link_now(l), &f);
}

int detect_link_rule(struct detect_link *l, struct str id)
{
	usec until = time_mono() + STATUS_WITHIN;
	struct frame f = { .kind = FRAME_RULE_ASK, .text = id };
	uint64_t now;
	int is = -1;

	pthread_mutex_lock(&l->lock);
	f.number = ++l->rule_asked;
	now = l->now;
	pthread_mutex_unlock(&l->lock);
	say(l, now, &f);
	pthread_mutex_lock(&l->lock);
	/* Whoever asks meanwhile takes the place of this question, which is then answered by "not known". */
	while (l->link != NULL && l->now == now && l->rule_asked == f.number && l->rule_told != f.number && !l->stop && time_mono() < until)
		wait_change(l, until);
	if (l->rule_told == f.number && l->rule_is >= 0)
		is = l->rule_is > 0;
	pthread_mutex_unlock(&l->lock);
	return is;
}

uint32_t detect_link_ask(struct detect_link *l, struct str question, detect_answer fn, void *ctx)
{
	uint64_t now = detect_link_now(l);
	uint32_t number = now == 0 ? 0 : asks_add(l->asks, fn, ctx);
	struct link *held = number == 0 ? NULL : hold(l, now);
	bool asked = held != NULL && link_say(held, &(struct frame){ .kind = FRAME_QUERY, .number = number, .text = question }, NULL) == RC_OK;

	if (held != NULL)
		release(l);
	/* Taken back: else it was answered, that the link has gone, meanwhile. */
	if (number != 0 && !asked && asks_remove(l->asks, number))
		return 0;
	return number;
}

void detect_link_unask(struct detect_link *l, uint32_t number)
{
	if (asks_remove(l->asks, number))
		say(l, detect_link_now(l), &(struct frame){ .kind = FRAME_QUERY_END, .number = number });
}

void detect_link_role(struct detect_link *l, struct jsonw *w)
{
	pthread_mutex_lock(&l->lock);
	jsonw_object(w);
	jsonw_m_cstr(w, "role", "detect");
	jsonw_m_int(w, "pid", l->link == NULL ? 0 : l->pid);
	jsonw_m_cstr(w, "fences", l->link == NULL ? "away" : l->fences);
	jsonw_m_bool(w, "connected", l->link != NULL);
	jsonw_m_time(w, "since", l->since);
	jsonw_m_int(w, "links", (int64_t)l->count);
	jsonw_m_int(w, "links_refused", (int64_t)l->refused);
	if (l->status_at != 0)
		jsonw_m_time(w, "status_of", l->status_at);
	jsonw_object_end(w);
	pthread_mutex_unlock(&l->lock);
}

void detect_link_status(struct detect_link *l, struct jsonw *w)
{
	static const char *const members[] = { "detector", "inputs", "history", "rules" };
	struct arena *a CLEANUP(arena_freep) = arena_new(4 * FRAME_STATUS_MAX);
	usec until = time_mono() + STATUS_WITHIN;
	const struct json *v = NULL, *m;
	struct str text;
	uint32_t number;
	uint64_t now;

	pthread_mutex_lock(&l->lock);
	number = ++l->asked;
	now = l->now;
	pthread_mutex_unlock(&l->lock);
	say(l, now, &(struct frame){ .kind = FRAME_ASK, .number = number });
	pthread_mutex_lock(&l->lock);
	while (l->link != NULL && l->now == now && (int32_t)(l->told - number) < 0 && !l->stop && time_mono() < until)
		wait_change(l, until);
	text = a == NULL ? S("") : arena_dup(a, buf_view(&l->status));
	pthread_mutex_unlock(&l->lock);
	if (a == NULL || json_parse(a, text, &STATUS_LIMITS, &v, NULL) != RC_OK)
		v = NULL;
	for (size_t i = 0; v != NULL && i < COUNTOF(members); i++)
		if ((m = json_get(v, str_of(members[i]))) != NULL) {
			jsonw_name(w, members[i]);
			counts_write(l->counts, members[i], m, w);
		}
}
