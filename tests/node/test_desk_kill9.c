/* kill -9 and steps of the clock while incidents are opened, facts are stated and clocks run out. A child is the core of a node: the real REST
 * handlers, the real alarms, the real store, under a clock of its own that runs fast and is set forward and back. It says what
 * was receipted over a pipe; the parent kills it at a random moment. When a node has been through LIFE runs it is opened once more, the
 * clock is set behind everything, and it must be true that
 *   - every fact whose receipt was given is in its incident once and in the chain once, and the chain holds;
 *   - every rung of every clock that is due, worked out here anew from the clocks, was told;
 *   - no rung was told twice.
 * `test-node-desk_kill9 RUNS SEED`; 40 runs without arguments. */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "desk/desk.h"
#include "node/core.h"
#include "store/facts.h"
#include "stix/marking.h"
#include "store/incidents.h"
#include "tap.h"

enum { LIFE = 20, LANES = 2, OPEN_MOST = 40, TEXT = 48 };
#define T0 (INT64_C(1767323045) * USEC_PER_SEC)
#define MINUTE ((usec)60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define MEMORY ((size_t)256 << 20)

static struct core core;
static char base[64], dir[80];

static unsigned draw(unsigned below)
{
	unsigned r;

	random_bytes(&r, sizeof r);
	return r % below;
}

/* --- the core of a node --- */

static void facts_came(void *ctx UNUSED)
{
	alarms_wake(core.alarms);
}

static bool core_up(void)
{
	struct err err = { 0 };

	memset(&core, 0, sizeof core);
	if (node_open(dir, false, &core.node, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return false;
	}
	core_api(&core.node, &core.api);
	core.api.desk_changed = facts_came;
	if (api_start(&core.api, &err) == RC_OK && alarms_start(&core, &core.alarms, &err) == RC_OK)
		return true;
	printf("# %s\n", err.text);
	return false;
}

static void core_down(void)
{
	atomic_store(&core.stopping, true);
	alarms_stop(core.alarms);
	api_stop(&core.api);
	node_close(&core.node);
}

/* The status of a call; *ret_body is borrowed from `res`, for the caller to end. */
static int call(struct arena *a, const char *method, struct str path, struct str body, struct http_res *res)
{
	static const struct viewer local = { .kind = VIEWER_LOCAL, .name = { "local", 5 }, .role = { "admin", 5 }, .tlp_max = TLP_RED };
	struct http_req req = { .method = str_of(method), .path = path, .body = body, .arena = a, .arrived = time_now() };

	*res = (struct http_res){ .status = 200 };
	buf_init(&res->body, API_REPLY_MAX);
	api_handle(&core.api, &local, &req, res);
	return res->status;
}

/* --- the child --- */

struct receipt {
	char fact[24]; /* id; written whole, as it is shorter than PIPE_BUF */
};

struct lane {
	pthread_t thread;
	unsigned number, from;
	int fd;
	char open[OPEN_MOST][TEXT]; /* incidents that this lane states facts of */
	unsigned n_open;
};

static void say(const struct lane *l, struct str fact)
{
	struct receipt r = { 0 };

	memcpy(r.fact, fact.p, fact.n);
	if (write(l->fd, &r, sizeof r) != (ssize_t)sizeof r)
		_exit(3);
}

static void open_one(struct lane *l, struct arena *a, struct str fact)
{
	static const char *const packs[] = { "\"tw-2026\"", "\"tw-2026\",\"eu-nis2\"", "\"generic\"", "\"tw-2021\"" };
	struct http_res res;
	struct str body = arena_fmt(a, "{\"title\":\"t\",\"packs\":[%s],\"facts\":[{\"type\":\"aware\",\"id\":\"%.*s\"}]}", packs[draw(4)], STR(fact));
	const struct json *v;

	if (call(a, "POST", S("/api/v1/incidents"), body, &res) == 201) {
		say(l, fact);
		if (json_parse(a, buf_view(&res.body), &JSON_LIMITS, &v, NULL) != RC_OK)
			_exit(4);
		snprintf(l->open[l->n_open++ % OPEN_MOST], TEXT, "%.*s", STR(json_get_str(v, S("number"))));
	}
	buf_done(&res.body);
}

static void state_one(struct lane *l, struct arena *a, struct str fact)
{
	static const char *const says[] = { "\"type\":\"reported\"", "\"type\":\"note\"", "\"type\":\"level\",\"level\":3", "\"type\":\"contained\"",
					    "\"type\":\"recovered\"", "\"type\":\"reviewed\",\"by\":\"reviewer\",\"level\":2,\"grounds\":\"g\"",
					    "\"type\":\"final_report\"" };
	const char *number = l->open[draw(l->n_open > OPEN_MOST ? OPEN_MOST : l->n_open)];
	struct http_res res;
	struct str body = arena_fmt(a, "{\"id\":\"%.*s\",%s}", STR(fact), says[draw(COUNTOF(says))]);

	if (call(a, "POST", arena_fmt(a, "/api/v1/incidents/%s/facts", number), body, &res) == 200)
		say(l, fact);
	buf_done(&res.body);
}

static void *work(void *ctx)
{
	struct lane *l = ctx;
	struct arena *a = arena_new(MEMORY);

	for (unsigned n = l->from;; n++) {
		struct str fact = arena_fmt(a, "l%u-%u", l->number, n);

		if (l->n_open == 0 || draw(4) == 0)
			open_one(l, a, fact);
		else
			state_one(l, a, fact);
		arena_reset(a);
	}
	return NULL;
}

/* The wall's clock: fast, and set forward and back now and then. */
static void tick_on(void)
{
	for (;;) {
		unsigned what = draw(60);

		usleep(500);
		time_fake_step(what == 0 ? -2 * HOUR : what == 1 ? 3 * HOUR : what == 2 ? -MINUTE : 8 * USEC_PER_SEC);
		if (what < 10)
			alarms_wake(core.alarms); /* its thread looks once a second of the real clock; here a second is hours */
	}
}

static void child(int fd, unsigned from, usec start)
{
	struct lane lanes[LANES] = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	time_fake_set(start);
	if (!core_up()) {
		fflush(stdout);
		_exit(2);
	}
	for (unsigned i = 0; i < LANES; i++) {
		lanes[i] = (struct lane){ .number = i, .from = from, .fd = fd };
		if (pthread_create(&lanes[i].thread, NULL, work, &lanes[i]) != 0)
			_exit(5);
	}
	tick_on();
}

/* --- the parent --- */

struct life {
	struct map *receipts; /* fact id -> 0 */
	size_t n_receipts;
	unsigned next;        /* number of the next fact of each lane */
};

static void take(struct life *f, const struct receipt *r)
{
	struct str id = str_of(r->fact), rest = str_slice(id, 3, id.n);
	uint64_t n;

	if (map_put(f->receipts, id, 0) != RC_OK || !str_to_u64(rest, &n))
		exit(6);
	f->n_receipts++;
	if (n >= f->next)
		f->next = (unsigned)n + 1;
}

/* False: the child ended by itself. */
static bool run_child(struct life *f, usec start)
{
	int fds[2], status;
	struct receipt r;
	unsigned early = draw(5) == 0, millis = draw(early ? 15 : 60);
	pid_t pid;

	if (pipe(fds) != 0)
		return false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(fds[1], f->next + 1, start);
	}
	close(fds[1]);
	if (!early) { /* most are killed at work, the others while they open */
		struct pollfd p = { .fd = fds[0], .events = POLLIN };

		(void)!poll(&p, 1, 30000);
	}
	usleep(millis * 1000);
	kill(pid, SIGKILL);
	while (read(fds[0], &r, sizeof r) == (ssize_t)sizeof r)
		take(f, &r);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[0]);
	f->next += 1000; /* what had no receipt may be there all the same: never the same id again */
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

struct tally {
	size_t lost_facts, doubled_facts, lost_alarms, doubled_alarms, broken, alarms, incidents, facts;
};

struct chain_seen {
	struct map *facts, *alarms; /* how often: ids of facts; "incident clock percent" */
	struct arena *a;
	struct tally *t;
};

static uint64_t count(struct map *m, struct str key)
{
	uint64_t n = 0;

	(void)map_get(m, key, &n);
	if (map_put(m, key, n + 1) != RC_OK)
		exit(6);
	return n + 1;
}

static bool see(void *ctx, const struct fact *f)
{
	struct chain_seen *c = ctx;
	const struct json *v;

	arena_reset(c->a);
	if (json_parse(c->a, f->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return false;
	if (str_eq(f->kind, S("incident.alarm")) || str_eq(f->kind, S("incident.breach"))) {
		int64_t percent = 0;

		(void)json_int(json_get(v, S("percent")), &percent);
		c->t->doubled_alarms += count(c->alarms, arena_fmt(c->a, "%.*s %.*s %lld", STR(f->subject), STR(json_get_str(v, S("clock"))),
									 (long long)percent)) > 1;
		c->t->alarms++;
	} else if (str_eq(json_get_str(v, S("type")), str_slice(f->kind, 9, f->kind.n))) {
		c->t->doubled_facts += count(c->facts, json_get_str(v, S("id"))) > 1;
		c->t->facts++;
	}
	return true;
}

/* The rungs of a clock that are due at `at`, by nothing but its start, due, stop and verdict. */
static void expect_clock(struct chain_seen *c, const struct incident_row *r, const struct pack *p, const struct clock_view *k, usec at)
{
	static const int percents[] = { 50, 75, 90, 100 };
	uint64_t n;

	for (size_t i = 0; i < COUNTOF(percents) && k->due != NO_TIME; i++) {
		usec when = percents[i] == 100 ? k->due + 1 : k->start + (k->due - k->start) / 100 * percents[i];
		bool due = percents[i] == 100 ? k->verdict == CLOCK_BREACHED : k->stop == NO_TIME && k->verdict != CLOCK_VOID && when <= at;
		struct str key = arena_fmt(c->a, "%.*s %.*s %.*s %.*s %d", STR(r->id), STR(p->id), STR(k->clock->term.id), STR(k->started->id), percents[i]);

		if (due && !map_get(c->alarms, key, &n)) {
			if (c->t->lost_alarms++ < 3)
				printf("# not told: %.*s\n", STR(key));
		}
	}
}

static void check_incident(struct chain_seen *c, const struct incident_row *r, struct map *receipts, usec at, size_t *found)
{
	struct desk_view v;
	struct str facts;
	struct err err = { 0 };
	uint64_t n;

	if (incident_facts(core.node.store, r->row, c->a, &facts, &err) != RC_OK || desk_look(core.api.desk, c->a, r->packs, facts, at, &v, &err) != RC_OK) {
		printf("# %.*s: %s\n", STR(r->number), err.text);
		c->t->broken++;
		return;
	}
	for (size_t i = 0; i < v.facts.n; i++) {
		*found += map_get(receipts, v.facts.f[i].id, &n);
		c->t->lost_facts += !map_get(c->facts, v.facts.f[i].id, &n); /* of the incident, not in the chain */
	}
	for (size_t p = 0; p < v.n; p++)
		for (size_t i = 0; i < v.views[p]->n_clocks; i++)
			expect_clock(c, r, v.packs[p], &v.views[p]->clocks[i], at);
}

static bool settled(usec at, struct arena *a)
{
	struct incident_row *rows;
	size_t n;

	for (int i = 0; i < 15000; i++) {
		if (incident_ringing(core.node.store, at, 1, a, &rows, &n, NULL) == RC_OK && n == 0)
			return true;
		alarms_wake(core.alarms);
		usleep(2000);
		arena_reset(a);
	}
	return false;
}

static void check(struct life *f, usec at, struct tally *t)
{
	struct arena *a = arena_new(MEMORY), *mine = arena_new(MEMORY);
	struct chain_seen c = { .facts = map_new(1u << 20), .alarms = map_new(1u << 20), .a = mine, .t = t };
	struct incident_query q = { .all = true, .order = INCIDENT_BY_NEWEST, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY, .limit = 1000 };
	struct incident_row *rows;
	struct fact_verdict v = { 0 };
	size_t n = 0, found = 0;

	time_fake_set(at);
	if (!core_up() || !settled(at, a))
		t->broken++;
	t->broken += fact_verify(core.node.store, core.node.sign_pub, &v, NULL) != RC_OK || v.first_bad != 0;
	t->broken += fact_each(core.node.store, 0, S("incident."), see, &c, NULL) != RC_OK;
	do {
		t->broken += incident_list(core.node.store, &q, a, &rows, &n, NULL) != RC_OK;
		for (size_t i = 0; i < n; i++) {
			arena_reset(mine);
			check_incident(&c, &rows[i], f->receipts, at, &found);
		}
		t->incidents += n;
		q.after_row = n > 0 ? rows[n - 1].row : 0;
	} while (n == q.limit);
	t->lost_facts += f->n_receipts - found;
	core_down();
	time_fake_off();
	map_free(c.facts);
	map_free(c.alarms);
	arena_free(mine);
	arena_free(a);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static bool fresh(void)
{
	char password[32], print[65];
	struct node_init_opts o = { .dir = dir, .name = "Hospital", .tier = "provider", .admin_password = S("correct horse battery") };
	struct err err = { 0 };

	snprintf(base, sizeof base, "/tmp/lianfang-kill9-XXXXXX");
	if (mkdtemp(base) == NULL)
		return false;
	snprintf(dir, sizeof dir, "%s/node", base);
	return OK(node_init(&o, password, print, &err) == RC_OK, "a node");
}

/* One node through `runs` kills. */
static void live(unsigned runs, struct tally *t, unsigned *not_killed, size_t *receipts)
{
	struct life f = { .receipts = map_new(1u << 20) };
	usec at = T0;

	for (unsigned i = 0; i < runs; i++) {
		*not_killed += !run_child(&f, at);
		at += draw(8) == 0 ? -HOUR : 10 * MINUTE;
	}
	/* Behind every clock there is. */
	check(&f, T0 + 400 * 24 * HOUR, t);
	*receipts += f.n_receipts;
	map_free(f.receipts);
}

int main(int argc, char **argv)
{
	uint64_t runs = 2 * LIFE;
	unsigned not_killed = 0;
	size_t receipts = 0;
	struct tally t = { 0 };

	if (argc > 1 && !str_to_u64(str_of(argv[1]), &runs))
		return fputs("usage: test-node-desk_kill9 [RUNS]\n", stderr), 2;
	if (freopen("/dev/null", "w", stderr) == NULL) /* the alarms' own lines, by the ten thousand */
		return 2;
	for (uint64_t done = 0; done < runs; done += LIFE) {
		if (!fresh())
			break;
		live(runs - done < LIFE ? (unsigned)(runs - done) : LIFE, &t, &not_killed, &receipts);
		nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		if (t.lost_facts + t.doubled_facts + t.lost_alarms + t.doubled_alarms + t.broken > 0)
			break;
	}
	printf("# %llu runs: %zu receipts, %zu incidents, %zu facts, %zu alarms\n", (unsigned long long)runs, receipts, t.incidents, t.facts, t.alarms);
	EQ_INT(not_killed, 0, "every child was at work until it was killed");
	EQ_INT(t.broken, 0, "every node opens again, its chain holds and its facts are read");
	EQ_INT(t.lost_facts, 0, "no fact is lost after its receipt, and none of an incident is missing in the chain");
	EQ_INT(t.doubled_facts, 0, "no fact is there twice");
	EQ_INT(t.lost_alarms, 0, "no alarm is lost");
	EQ_INT(t.doubled_alarms, 0, "no alarm is told twice");
	OK(receipts > runs && t.alarms > runs, "there was something to lose");
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
