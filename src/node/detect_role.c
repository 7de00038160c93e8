/* The detect role: reads the logs, which anyone may write into, and so stands apart
 * from the store, the keys and the world. The supervisor gives it a socket that
 * listens; core connects there. So it needs no socket of its own making, and stays
 * when core is restarted.
 *
 * Order matters: the configuration and the inputs' sockets first, then the fence, then
 * whatever reads bytes of others: rules, lists, logs, core's frames. Findings and places
 * are calls to core, which wait for its answer; while core is away, whoever has to ask
 * it waits, and with it the reading. */
#include "node/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/detect_fence.h"
#include "node/detector.h"
#include "node/link.h"
#include "node/memory.h"
#include "node/query.h"
#include "node/ways.h"
#include "sys/keys.h"
#include "sys/proc.h"
#include "sys/unixsock.h"

#define DOOR 3                      /* the descriptor that the supervisor passes on */
#define CONF_ARENA ((size_t)4 << 20)
#define LOOK_EACH (USEC_PER_SEC / 10)

/* A question to core, on the stack of the thread that waits for its answer. */
struct call {
	struct call *next;
	uint32_t number;
	bool answered;
	enum rc rc;
	char *out;      /* for what the answer brings, or NULL */
	size_t room;
	struct err *err;
};

struct role {
	struct detector detector;
	struct queries *queries;
	struct node_paths paths;
	struct ways ways;
	struct arena *arena;
	struct config *conf;
	struct fence_report fences;
	pthread_t talker;
	bool talks;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct link *link;     /* to a core that was greeted, or NULL */
	struct link *guest;    /* to whoever came in, greeted or not, or NULL: what role_close ends */
	uint32_t users;        /* threads that write to it */
	uint64_t links;        /* how many there were */
	struct call *calls;
	uint32_t numbers;
	bool ready, end;
};

/* --- calls to core --- */

/* Whether this process is to end: told so, or about to be. */
static bool ending(struct role *r)
{
	sigset_t set;

	return atomic_load(&r->detector.stopping) ||
	       (sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1));
}

/* Under the lock. */
static void wait_change(struct role *r)
{
	usec until = time_mono() + LOOK_EACH;
	struct timespec t = { .tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000 };

	pthread_cond_clockwait(&r->changed, &r->lock, CLOCK_MONOTONIC, &t);
}

/* The link that stands, held. NULL: there is none, and this process ends. */
static struct link *hold_link(struct role *r, bool wait)
{
	struct link *l;

	pthread_mutex_lock(&r->lock);
	while (wait && r->link == NULL && !r->end && !ending(r))
		wait_change(r);
	l = r->link;
	if (l != NULL)
		r->users++;
	pthread_mutex_unlock(&r->lock);
	return l;
}

static void let_go(struct role *r)
{
	pthread_mutex_lock(&r->lock);
	r->users--;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static void expect(struct role *r, struct call *c, struct frame *f)
{
	pthread_mutex_lock(&r->lock);
	c->number = f->number = ++r->numbers;
	c->answered = false;
	c->next = r->calls;
	r->calls = c;
	pthread_mutex_unlock(&r->lock);
}

/* False: the link ended before the answer. */
static bool await(struct role *r, struct call *c, const struct link *l)
{
	struct call **at = &r->calls;

	pthread_mutex_lock(&r->lock);
	while (!c->answered && r->link == l)
		wait_change(r);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	r->users--;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return c->answered;
}

/* Asked again over the next link, when one ends: core keeps nothing twice. */
static enum rc ask(struct role *r, struct frame *f, char *out, size_t room, struct err *err)
{
	struct call c = { .out = out, .room = room, .err = err };

	for (;;) {
		struct link *l = hold_link(r, true);

		if (l == NULL)
			return FAIL(err, RC_BUSY, "core is away");
		expect(r, &c, f);
		(void)!link_say(l, f, NULL); /* a link that fails ends, which await sees */
		if (await(r, &c, l))
			return c.rc;
	}
}

static void take_answer(struct role *r, const struct frame *f)
{
	struct call *c;

	pthread_mutex_lock(&r->lock);
	for (c = r->calls; c != NULL && c->number != f->number; c = c->next)
		;
	if (c != NULL && !c->answered) {
		c->rc = f->value >= RC_INTERNAL && f->value <= RC_OK ? (enum rc)f->value : RC_INTERNAL;
		if (c->rc != RC_OK)
			err_set(c->err, c->rc, "%.*s", STR(f->text));
		else if (c->out != NULL && f->more.n < c->room)
			snprintf(c->out, c->room, "%.*s", STR(f->more));
		c->answered = true;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
}

static enum rc ask_hit(void *ctx, const struct hit *h, struct str key, struct err *err)
{
	return ask(ctx, &(struct frame){ .kind = FRAME_HIT, .key = key, .hit = *h }, NULL, 0, err);
}

static enum rc ask_rule_hit(void *ctx, const struct rule_hit *h, struct str key, struct err *err)
{
	return ask(ctx, &(struct frame){ .kind = FRAME_RULE_HIT, .key = key, .rule_hit = *h }, NULL, 0, err);
}

static enum rc ask_place(void *ctx, struct str input, char *out, size_t room, struct err *err)
{
	return ask(ctx, &(struct frame){ .kind = FRAME_PLACE_GET, .text = input }, out, room, err);
}

static enum rc tell_place(void *ctx, struct str input, struct str place, struct err *err)
{
	return ask(ctx, &(struct frame){ .kind = FRAME_PLACE_PUT, .text = input, .more = place }, NULL, 0, err);
}

static enum rc tell_hunted(void *ctx, usec upto, struct err *err)
{
	return ask(ctx, &(struct frame){ .kind = FRAME_HUNTED, .value = upto }, NULL, 0, err);
}

/* --- what core says --- */

static void learn(struct role *r, const struct frame *f)
{
	struct err err = { 0 };
	enum rc rc = detector_learn(&r->detector, &f->learn, f->value != 0, &err);

	if (rc != RC_OK && rc != RC_UNSUPPORTED)
		log_line(LOG_LEVEL_WARN, "detect", "%.*s is not live: %s", STR(log_id(f->learn.id, f->learn.tlp, 0)), rc_name(rc));
}

static enum rc tell_status(struct role *r, struct link *l, uint32_t number, struct err *err)
{
	struct frame f = { .kind = FRAME_STATUS, .number = number };
	struct jsonw w;
	struct buf b;
	enum rc rc = RC_OK;

	buf_init(&b, FRAME_STATUS_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	detector_status(&r->detector, &w);
	jsonw_object_end(&w);
	f.text = buf_view(&b);
	if (b.bad == RC_OK) /* core keeps what it knows else */
		rc = link_say(l, &f, err);
	buf_done(&b);
	return rc;
}

/* Unasked, so that core knows them when this role is killed. */
static void tell_counts(void *ctx)
{
	struct role *r = ctx;
	struct link *l = hold_link(r, false);

	if (l == NULL)
		return;
	(void)!tell_status(r, l, 0, NULL);
	let_go(r);
}

/* What people asked for: of a core that is gone nobody waits any more. */
static void tell_found(void *ctx, uint32_t number, struct str text, bool last, enum rc rc)
{
	struct role *r = ctx;
	struct link *l = hold_link(r, false);

	if (l == NULL)
		return;
	(void)!link_say(l, &(struct frame){ .kind = FRAME_FOUND, .number = number, .value = last ? rc : 1, .text = text }, NULL);
	let_go(r);
}

static enum rc obey(struct role *r, struct link *l, const struct frame *f, struct err *err)
{
	switch (f->kind) {
	case FRAME_ANSWER:
		take_answer(r, f);
		return RC_OK;
	case FRAME_LEARN:
		learn(r, f);
		return RC_OK;
	case FRAME_FORGET:
		return detector_forget(&r->detector, f->text, err);
	case FRAME_CLEAR:
		return detector_clear(&r->detector, err);
	case FRAME_FULL:
		memory_learned_upto(r->detector.memory, f->value);
		atomic_store(&r->detector.image_full, true);
		return RC_OK;
	case FRAME_ASK:
		return tell_status(r, l, f->number, err);
	case FRAME_RULE_ASK:
		return link_say(l, &(struct frame){ .kind = FRAME_RULE_IS, .number = f->number, .value = detector_knows(&r->detector, f->text) }, err);
	case FRAME_QUERY:
		queries_ask(r->queries, f->number, f->text);
		return RC_OK;
	case FRAME_QUERY_END:
		queries_end(r->queries, f->number);
		return RC_OK;
	case FRAME_SETTINGS:
		log_setup("detect", (enum log_level)(f->value & 3), str_eq(f->text, S("json")));
		return RC_OK;
	case FRAME_HELLO:
		return f->number == FRAME_VERSION ? RC_OK : FAIL(err, RC_UNSUPPORTED, "link: version %u", f->number);
	case FRAME_READY: case FRAME_HIT: case FRAME_RULE_HIT: case FRAME_PLACE_GET: case FRAME_PLACE_PUT: case FRAME_HUNTED:
	case FRAME_STATUS: case FRAME_RULE_IS: case FRAME_FOUND: case FRAME_KINDS:
		break;
	}
	return FAIL(err, RC_BAD, "link: frame %d at the wrong end", (int)f->kind);
}

static enum rc greet(struct role *r, struct link *l, struct err *err)
{
	struct frame hello = { .kind = FRAME_HELLO, .number = FRAME_VERSION, .value = (int64_t)getpid() };
	char upto[24];
	struct buf b;
	usec known;
	enum rc rc;

	if (memory_upto(r->detector.memory, &known)) {
		snprintf(upto, sizeof upto, "%lld", (long long)known);
		hello.more = str_of(upto);
	}
	buf_init(&b, 4096);
	fence_describe(&r->fences, &b);
	hello.text = buf_view(&b);
	rc = link_say(l, &hello, err);
	buf_done(&b);
	return rc;
}

static void set_link(struct role *r, struct link *l)
{
	pthread_mutex_lock(&r->lock);
	r->link = l;
	r->links += l != NULL;
	pthread_cond_broadcast(&r->changed);
	while (l == NULL && r->users > 0)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

/* Whichever comes last, the link or the start, says it. */
static void say_ready(struct role *r, bool started)
{
	bool ready;

	pthread_mutex_lock(&r->lock);
	r->ready = r->ready || started;
	ready = r->ready;
	pthread_mutex_unlock(&r->lock);
	if (ready) {
		struct link *l = hold_link(r, false);

		if (l == NULL)
			return;
		(void)!link_say(l, &(struct frame){ .kind = FRAME_READY }, NULL);
		let_go(r);
	}
}

static enum rc talk(struct role *r, struct link *l, struct arena *a, struct err *err)
{
	struct str body;
	struct frame f;

	TRY(greet(r, l, err));
	set_link(r, l);
	say_ready(r, false);
	for (;;) {
		arena_reset(a);
		TRY(link_read(l, &body, err));
		TRY(frame_get(body, a, &f, err));
		TRY(obey(r, l, &f, err));
	}
}

/* False: the role has ended, and nobody would end this link. */
static bool host(struct role *r, struct link *l)
{
	bool open;

	pthread_mutex_lock(&r->lock);
	r->guest = l;
	open = !r->end;
	pthread_mutex_unlock(&r->lock);
	return open;
}

/* One core at a time: the next one is heard when this one has gone. */
static void talk_to(struct role *r, int fd, struct arena *a)
{
	struct err err = { 0 };
	struct link *l;

	if (unix_check_peer(fd, &err) != RC_OK) {
		log_line(LOG_LEVEL_WARN, "detect", "%s", err.text);
		close(fd);
		return;
	}
	if (link_new(fd, &l, &err) == RC_OK) {
		enum rc rc = host(r, l) ? talk(r, l, a, &err) : RC_OK;

		link_end(l);
		queries_end(r->queries, QUERIES_ALL);
		set_link(r, NULL);
		(void)host(r, NULL);
		link_free(l);
		if (!ending(r))
			log_line(rc == RC_PEER ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "detect", "core is away: %s", err.text);
	}
}

static void *talk_to_cores(void *ctx)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(2 * FRAME_MAX);
	struct role *r = ctx;

	while (a != NULL) {
		struct pollfd door = { .fd = DOOR, .events = POLLIN };
		bool end;
		int fd;

		pthread_mutex_lock(&r->lock);
		end = r->end;
		pthread_mutex_unlock(&r->lock);
		if (end)
			return NULL;
		if (poll(&door, 1, (int)(LOOK_EACH / 1000)) <= 0)
			continue;
		fd = accept4(DOOR, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			talk_to(r, fd, a);
	}
	return NULL;
}

/* --- the start --- */

static enum rc check_door(struct err *err)
{
	socklen_t n = sizeof(int);
	int listens = 0;

	if (getsockopt(DOOR, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || !listens || fcntl(DOOR, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(DOOR, F_SETFL, O_NONBLOCK) != 0)
		return FAIL(err, RC_BAD, "detect: no socket was passed on: this role is started by serve");
	return RC_OK;
}

static enum rc read_conf(struct role *r, const char *dir, struct err *err)
{
	r->arena = arena_new(CONF_ARENA);
	r->conf = r->arena == NULL ? NULL : arena_alloc(r->arena, sizeof *r->conf);
	if (r->conf == NULL)
		return FAIL(err, RC_NOMEM, "detect: out of memory");
	TRY(node_paths_of(dir, &r->paths, err));
	TRY(config_read(r->paths.conf, r->arena, r->conf, err));
	/* An address of a database may hold its password. */
	r->detector.hands_on = r->conf->history_queue[0] != '\0';
	secret_wipe((void *)(uintptr_t)r->conf->store, strlen(r->conf->store));
	secret_wipe((void *)(uintptr_t)r->conf->history_queue, strlen(r->conf->history_queue));
	secret_wipe((void *)(uintptr_t)r->conf->detect_queue, strlen(r->conf->detect_queue));
	log_setup("detect", (enum log_level)r->conf->log_level, str_eq(str_of(r->conf->log_format), S("json")));
	return RC_OK;
}

static enum rc role_open(struct role *r, const char *dir, struct err *err)
{
	struct detector *d = &r->detector;

	TRY(check_door(err));
	TRY(read_conf(r, dir, err));
	d->conf = r->conf;
	d->history = r->paths.history;
	d->own_rules = r->paths.rules;
	d->sink = (struct sink){ .hit = ask_hit, .rule_hit = ask_rule_hit, .place_get = ask_place, .place_put = tell_place, .hunted = tell_hunted,
				 .counted = tell_counts, .ctx = r };
	TRY(ways_open(r->conf, &r->paths, &r->ways, err));
	d->ways = &r->ways;
	TRY(detect_fence(r->conf, &r->paths, &r->fences, err));
	TRY(detector_open(d, err));
	TRY(detector_start(d, err)); /* before core speaks: what it tells goes into the history's list of hunts too */
	TRY(queries_new(d, tell_found, r, &r->queries, err));
	if (pthread_create(&r->talker, NULL, talk_to_cores, r) != 0)
		return FAIL(err, RC_IO, "detect: cannot start a thread");
	r->talks = true;
	return inputs_start(d, err);
}

static void run(struct role *r)
{
	for (;;) {
		int sig = proc_signal_wait(60 * USEC_PER_SEC);

		if (sig == SIGTERM || sig == SIGINT)
			return;
		if (sig == SIGHUP)
			(void)!detector_reload(&r->detector, &(struct err){ 0 });
	}
}

/* What is in hand is brought to core, if it is there; then the link may go. */
static void role_close(struct role *r)
{
	detector_stop(&r->detector);
	tell_counts(r);
	pthread_mutex_lock(&r->lock);
	r->end = true;
	if (r->guest != NULL)
		link_end(r->guest);
	pthread_mutex_unlock(&r->lock);
	if (r->talks)
		pthread_join(r->talker, NULL);
	queries_free(r->queries);
	detector_close(&r->detector);
	ways_close(&r->ways);
	arena_free(r->arena);
}

int serve_detect(const char *dir)
{
	static struct role r = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }; /* one per process, as in core */
	struct err err = { 0 };
	enum rc rc;

	umask(077);
	log_setup("detect", LOG_LEVEL_INFO, false);
	proc_signals_block();
	rc = role_open(&r, dir, &err);
	if (rc == RC_OK) {
		say_ready(&r, true);
		run(&r);
	} else if (!ending(&r)) {
		log_line(LOG_LEVEL_ERROR, "detect", "%s", err.text);
	}
	role_close(&r);
	return serve_status(rc);
}
