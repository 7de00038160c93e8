/* lianfang queue work: what it looks for, and the loop around detect/work.h. */
#include <signal.h>
#include <unistd.h>

#include "cli/hunting.h"
#include "cli/queueing.h"
#include "cli/rules.h"
#include "detect/taxonomy.h"
#include "detect/work.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define ARENA_MAX ((size_t)4 << 30)
#define FILES_MAX 64
#define PAUSE_USEC 50000
#define AWAY_USEC 200000
#define EXPIRE_EVERY (60 * USEC_PER_SEC)
#define TELL_EVERY (60 * USEC_PER_SEC)

static const struct cli_opt opts[] = {
	CLI_QUEUE_OPT,
	CLI_QUEUE_NEW_OPTS,
	{ "indicators", 'i', "FILE", { "indicators: a plain list, or a STIX bundle with all that it says of validity", "指標清單或 STIX bundle" }, true },
	{ "name", 0, "NAME", { "of this worker (host and process)", "工作者名稱" }, false },
	{ "lease", 0, "SECONDS", { "after how long others take over what a dead worker had (60)", "租用秒數（60）" }, false },
	{ "until-empty", 0, NULL, { "end when everything is done", "全部完成即結束" }, false },
	{ "final", 0, NULL, { "with --until-empty: nothing more will come, correlations are closed", "不再有新資料，結束所有關聯視窗" }, false },
	{ "max-days", 0, "N", { "remove blocks that are done and older than this", "保留天數" }, false },
	{ "max-mb", 0, "N", { "remove the oldest ones that are done while all have more MiB than this", "保留容量（MiB）" }, false },
	{ "lists", 0, "DIR", { "values of placeholders of rules", "佔位符清單資料夾" }, false },
	CLI_SOURCES_OPTS,
	NO_OPT,
};
static const char *const examples[] = { "one of many workers, by rules and indicators", "lianfang queue work sigma/rules -i bundle.json --queue postgresql://db/soc",
	"once over the blocks of a file", "lianfang queue work 203.0.113.0/24 --queue blocks.db --until-empty", NULL };

static volatile sig_atomic_t stop;

static void on_signal(int sig UNUSED)
{
	stop = 1;
}

/* --- what is looked for --- */

struct wanted {
	struct arena *arena;
	struct known known;
	struct hunting_for values;
	const struct sigma_set *rules; /* or NULL */
	struct hunt_matcher *m;
};

static void wanted_done(struct wanted *w)
{
	hunt_matcher_free(w->m);
	hunting_for_done(&w->values);
	known_done(&w->known);
	arena_free(w->arena);
}

static enum rc load_files(const struct cli *c, struct wanted *w, struct err *err)
{
	const char *paths[FILES_MAX];
	size_t n = 0;

	while (n < COUNTOF(paths) && (paths[n] = cli_get_nth(c, "indicators", (int)n)) != NULL)
		n++;
	TRY(known_load(paths, n, &w->known, err));
	if (w->known.refused > 0)
		fprintf(stderr, "lianfang: queue work: %llu indicators left out: %s\n", (unsigned long long)w->known.refused, w->known.first_refused);
	return RC_OK;
}

static void tell_refused(const struct sigma_set *set, uint64_t by_engine)
{
	uint64_t n = set->refused + set->need_list + by_engine;

	for (uint32_t i = 0; i < set->n_reports && n > 0; i++)
		if (set->reports[i].verdict == SIGMA_REFUSED || set->reports[i].verdict == SIGMA_NEEDS_LIST) {
			fprintf(stderr, "lianfang: queue work: %llu rules left out: %.*s:%u: %.*s\n", (unsigned long long)n, STR(set->reports[i].file),
				set->reports[i].line, STR(set->reports[i].reason));
			return;
		}
	if (n > 0)
		fprintf(stderr, "lianfang: queue work: %llu rules cannot be run: lianfang rules check says why\n", (unsigned long long)n);
}

/* Sigma rules of the operands, and patterns of the bundles as rules behind them. */
static enum rc load_rules(const struct cli *c, struct wanted *w, size_t n, struct hunt_matcher **ret, struct err *err)
{
	const struct taxonomy *taxonomy = NULL;
	const struct sigma_set *set = NULL;
	uint64_t refused = 0;

	TRY(sigma_load(w->arena, c->operands, n, cli_get(c, "lists", NULL), &set, err));
	if (w->known.patterns != NULL)
		TRY(stix_rules_join(w->known.patterns, w->arena, set, &set, err));
	if (set->n_rules == 0)
		return n == 0 ? RC_OK : FAIL(err, RC_BAD, "no rule can be run: lianfang rules check says why");
	TRY(cli_taxonomy_load(c, w->arena, &taxonomy, err));
	TRY(hunt_for_rules(set, taxonomy, ret, &refused, err));
	if (w->known.patterns != NULL)
		hunt_rules_from(*ret, w->known.patterns);
	tell_refused(set, refused);
	w->rules = set;
	return RC_OK;
}

static enum rc wanted_load(struct cli *c, struct wanted *w, struct err *err)
{
	bool rules = c->n_operands > 0 && hunting_is_rules(c->operands[0]);
	struct hunt_matcher *by_rules = NULL, *by_known = NULL;

	*w = (struct wanted){ .arena = arena_new(ARENA_MAX) };
	if (w->arena == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	for (int i = 0; i < c->n_operands && rules; i++)
		if (!hunting_is_rules(c->operands[i]))
			return FAIL(err, RC_BAD, "%s: beside rules, indicators are named by --indicators FILE", c->operands[i]);
	if (c->n_operands == 0 && !cli_has(c, "indicators"))
		return FAIL(err, RC_BAD, "say what to look for: rules, indicators");
	TRY(load_files(c, w, err));
	TRY(load_rules(c, w, rules ? (size_t)c->n_operands : 0, &by_rules, err));
	w->m = by_rules;
	if (w->known.lists != NULL || w->known.image != NULL)
		TRY(hunt_for_known(&w->known, &by_known, err));
	TRY(hunt_for_both(by_rules, by_known, &w->m, err));
	if (rules || c->n_operands == 0)
		return RC_OK;
	TRY(hunting_for(c, &w->values, err));
	TRY(hunt_for_both(w->m, w->values.m, &w->m, err));
	w->values.m = NULL;
	return RC_OK;
}

/* --- the loop --- */

struct loop {
	const struct cli *c;
	struct blockq *q;
	struct worker *w;
	usec expired, told;
	int64_t max_days, max_mb;
	bool all;
};

/* The primary is away: its standby may be promoted. RC_OK: try again. */
static enum rc wait_for_database(struct loop *l, enum rc rc, const struct err *why)
{
	struct err err = { 0 };

	if (rc != RC_PEER && rc != RC_BUSY)
		return rc;
	if (time_mono() - l->told > TELL_EVERY) {
		fprintf(stderr, "lianfang: queue work: waits: %s\n", why->text);
		l->told = time_mono();
	}
	usleep(AWAY_USEC);
	if (rc == RC_PEER)
		(void)!blockq_reconnect(l->q, &err);
	return RC_OK;
}

static enum rc expire_now_and_then(struct loop *l, struct err *err)
{
	usec age = l->max_days > 0 ? l->max_days * 86400 * USEC_PER_SEC : INT64_MAX / 4;
	uint64_t gone;

	if ((l->max_days == 0 && l->max_mb == 0) || (l->expired != 0 && time_mono() - l->expired < EXPIRE_EVERY))
		return RC_OK;
	l->expired = time_mono();
	return blockq_expire(l->q, age, (uint64_t)l->max_mb << 20, &gone, err);
}

static enum rc once_around(struct loop *l, struct err *err)
{
	bool any = false;

	TRY(worker_turn(l->w, &any, err));
	TRY(expire_now_and_then(l, err));
	if (any)
		return RC_OK;
	if (cli_has(l->c, "until-empty"))
		TRY(worker_settle(l->w, cli_has(l->c, "final"), &l->all, err));
	if (!l->all)
		usleep(PAUSE_USEC);
	return RC_OK;
}

static enum rc work_on(struct loop *l, struct err *err)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK && stop == 0 && !l->all) {
		rc = once_around(l, err);
		if (rc != RC_OK)
			rc = wait_for_database(l, rc, err);
	}
	if (rc == RC_OK && worker_leave(l->w, err) != RC_OK)
		fprintf(stderr, "lianfang: queue work: %s; others take over when the lease has run out\n", err->text);
	return rc;
}

static void sum_up(const struct cli *c, const struct worker *w, double seconds)
{
	struct work_stats st;

	worker_stats(w, &st);
	if (c->json)
		printf("{\"blocks\":%llu,\"events\":%llu,\"bytes\":%llu,\"alerts\":%llu,\"correlations\":%llu,\"lost\":%llu,\"cut\":%llu,\"seconds\":%.3f}\n",
		       (unsigned long long)st.blocks, (unsigned long long)st.events, (unsigned long long)st.bytes, (unsigned long long)st.alerts,
		       (unsigned long long)st.fired, (unsigned long long)st.lost, (unsigned long long)st.cut, seconds);
	else
		fprintf(stderr, "%llu blocks, %llu events, %llu alerts, %llu of correlations\n", (unsigned long long)st.blocks,
			(unsigned long long)st.events, (unsigned long long)st.alerts, (unsigned long long)st.fired);
}

static enum rc run_worker(struct cli *c, struct wanted *what, struct loop *l, usec lease, struct err *err)
{
	char host[64] = "", name[128];
	struct work_opts o = { .m = what->m, .rules = what->rules, .lease = lease };
	usec start;
	enum rc rc;

	(void)gethostname(host, sizeof host - 1);
	snprintf(name, sizeof name, "%.40s:%d:%llx", cli_get(c, "name", host), (int)getpid(), (unsigned long long)time_now() & 0xffffffff);
	TRY(queueing_open(c, true, &l->q, err));
	o.q = l->q;
	o.name = str_of(name);
	TRY(worker_new(&o, &l->w, err));
	start = time_mono();
	rc = work_on(l, err);
	if (rc == RC_OK)
		sum_up(c, l->w, (double)(time_mono() - start) / 1e6);
	return rc;
}

static int work_run(struct cli *c)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct loop l = { .c = c, .told = INT64_MIN / 2 };
	struct wanted what = { 0 };
	struct err err = { 0 };
	int64_t lease = 60;
	enum rc rc;

	if (!cli_get_int(c, "lease", 60, 1, 86400, &lease) || !cli_get_int(c, "max-days", 0, 0, 36500, &l.max_days) ||
	    !cli_get_int(c, "max-mb", 0, 0, (int64_t)1 << 32, &l.max_mb))
		return CLI_ERROR;
	if (cli_has(c, "final") && !cli_has(c, "until-empty"))
		return cli_failf(c, "--final goes with --until-empty");
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	rc = wanted_load(c, &what, &err);
	if (rc == RC_OK)
		rc = run_worker(c, &what, &l, lease * USEC_PER_SEC, &err);
	worker_free(l.w);
	blockq_close(l.q);
	wanted_done(&what);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

const struct cli_cmd CMD_QUEUE_WORK = {
	"queue work", { "take blocks from a queue, match them, write alerts and sightings", "自佇列取出區塊比對並寫入警示" }, "[WHAT]...",
	{ "WHAT as for lianfang hunt: rules, or indicators. Any number of workers on any number of machines, all with the same rules; a\n"
	  "block's alerts and sightings are written in the transaction that marks it done, so a worker may be killed at any time.\n"
	  "Correlations are divided among the workers by group and counted in the order in which blocks were put; what fires is the same\n"
	  "however many work and whoever dies. SIGTERM ends it after giving back what it has.",
	  "可於多台機器同時執行；警示與區塊完成於同一交易寫入；關聯規則依群組分配給各工作者。" },
	opts, examples, 0, CLI_OPERANDS_MAX, work_run,
};
