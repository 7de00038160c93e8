/* lianfang queue work: what it looks for, and the loop around detect/work.h. */
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/hunting.h"
#include "cli/queue_news.h"
#include "cli/queueing.h"
#include "cli/rules.h"
#include "detect/taxonomy.h"
#include "detect/work.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define ARENA_MAX ((size_t)4 << 30)
#define FILES_MAX QUEUE_NEWS_FILES
#define PAUSE_USEC 50000
#define AWAY_USEC 200000
#define EXPIRE_EVERY (60 * USEC_PER_SEC)
#define TELL_EVERY (60 * USEC_PER_SEC)
#define LOOK_EVERY (2 * USEC_PER_SEC) /* at the files of indicators */

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

static volatile sig_atomic_t stop, anew;

static void on_signal(int sig)
{
	*(sig == SIGHUP ? &anew : &stop) = 1;
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

static size_t files_of(const struct cli *c, const char *paths[static FILES_MAX])
{
	size_t n = 0;

	while (n < FILES_MAX && (paths[n] = cli_get_nth(c, "indicators", (int)n)) != NULL)
		n++;
	return n;
}

static enum rc load_files(const struct cli *c, struct wanted *w, struct err *err)
{
	const char *paths[FILES_MAX];
	size_t n = files_of(c, paths);

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
	struct cli *c;
	struct blockq *q;
	struct worker *w;
	struct wanted what;
	char name[128];
	usec lease, expired, looked;
	usec told, told_files;         /* when it was said last that the database is away, that a file cannot be read */
	int64_t max_days, max_mb;
	bool all;
	struct work_stats before;      /* of workers with other rules and indicators */
	struct queue_news *news;       /* NULL: no files, or what comes over standard input */
	struct arena *past_arena;
	struct hunt_matcher *past;     /* what became known and was not looked for yet; NULL: nothing */
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

static enum rc start_worker(struct loop *l, struct err *err)
{
	struct work_opts o = { .q = l->q, .m = l->what.m, .rules = l->what.rules, .name = str_of(l->name), .lease = l->lease };

	return worker_new(&o, &l->w, err);
}

static void end_worker(struct loop *l)
{
	struct work_stats st;
	struct err err = { 0 };

	worker_stats(l->w, &st);
	l->before.blocks += st.blocks;
	l->before.events += st.events;
	l->before.bytes += st.bytes;
	l->before.alerts += st.alerts;
	l->before.fired += st.fired;
	l->before.lost += st.lost;
	l->before.cut += st.cut;
	if (worker_leave(l->w, &err) != RC_OK)
		fprintf(stderr, "lianfang: queue work: %s; others take over when the lease has run out\n", err.text);
	worker_free(l->w);
	l->w = NULL;
}

static void on_left_out(void *ctx, size_t i UNUSED, const struct err *why UNUSED)
{
	++*(size_t *)ctx;
}

/* What the files say now that they did not say before is to be looked for in the blocks that are done. */
static enum rc note_news(struct loop *l, struct err *err)
{
	struct image_indicator *list;
	size_t n, left_out = 0;
	bool many;
	enum rc rc;

	if (l->news == NULL || l->past != NULL)
		return RC_OK;
	arena_free(l->past_arena);
	l->past_arena = arena_new(ARENA_MAX);
	if (l->past_arena == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	TRY(queue_news_take(l->news, l->past_arena, &list, &n, &many, err));
	if (many)
		fprintf(stderr, "lianfang: queue work: the files of indicators are too large to tell what is new in them: lianfang hunt --queue looks for it\n");
	if (n == 0)
		return RC_OK;
	rc = hunt_for_indicators(list, n, on_left_out, &left_out, &l->past, err);
	if (rc == RC_UNSUPPORTED)
		return RC_OK;
	TRY(rc);
	fprintf(stderr, "lianfang: queue work: %zu new indicators are looked for in the blocks that are done\n", n - left_out);
	return RC_OK;
}

/* Rules and indicators as they are now. What cannot be read leaves those before in force. */
static enum rc read_anew(struct loop *l, struct err *err)
{
	struct wanted fresh;
	struct err why = { 0 };

	if (wanted_load(l->c, &fresh, &why) != RC_OK) {
		wanted_done(&fresh);
		if (time_mono() - l->told_files > TELL_EVERY) {
			fprintf(stderr, "lianfang: queue work: goes on with what it had: %s\n", why.text);
			l->told_files = time_mono();
		}
		return RC_OK;
	}
	anew = 0;
	end_worker(l);
	wanted_done(&l->what);
	l->what = fresh;
	TRY(start_worker(l, err));
	return note_news(l, err);
}

static enum rc look_for_news(struct loop *l, struct err *err)
{
	struct hunt_stats st;
	uint64_t fresh;

	if (l->past != NULL) {
		TRY(worker_past(l->w, l->past, &st, &fresh, err));
		fprintf(stderr, "lianfang: queue work: %llu of %llu blocks opened, %llu alerts of the past\n", (unsigned long long)st.opened,
			(unsigned long long)st.blocks, (unsigned long long)fresh);
		hunt_matcher_free(l->past);
		l->past = NULL;
	}
	if (anew == 0 && (l->news == NULL || (l->looked != 0 && time_mono() - l->looked < LOOK_EVERY)))
		return RC_OK;
	l->looked = time_mono();
	return anew != 0 || queue_news_changed(l->news) ? read_anew(l, err) : RC_OK;
}

static enum rc once_around(struct loop *l, struct err *err)
{
	bool any = false;
	enum rc rc;

	TRY(look_for_news(l, err));
	rc = worker_turn(l->w, &any, err);
	if (rc == RC_IO && l->news != NULL && queue_news_changed(l->news)) { /* a list that is read where it lies */
		l->looked = 0;
		usleep(PAUSE_USEC);
		return RC_OK;
	}
	TRY(rc);
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

static void sum_up(const struct loop *l, double seconds)
{
	struct work_stats st;
	const struct work_stats *before = &l->before;

	worker_stats(l->w, &st);
	if (l->c->json)
		printf("{\"blocks\":%llu,\"events\":%llu,\"bytes\":%llu,\"alerts\":%llu,\"correlations\":%llu,\"lost\":%llu,\"cut\":%llu,\"seconds\":%.3f}\n",
		       (unsigned long long)(st.blocks + before->blocks), (unsigned long long)(st.events + before->events),
		       (unsigned long long)(st.bytes + before->bytes), (unsigned long long)(st.alerts + before->alerts),
		       (unsigned long long)(st.fired + before->fired), (unsigned long long)(st.lost + before->lost),
		       (unsigned long long)(st.cut + before->cut), seconds);
	else
		fprintf(stderr, "%llu blocks, %llu events, %llu alerts, %llu of correlations\n", (unsigned long long)(st.blocks + before->blocks),
			(unsigned long long)(st.events + before->events), (unsigned long long)(st.alerts + before->alerts),
			(unsigned long long)(st.fired + before->fired));
}

/* Files over standard input are read once. */
static enum rc begin_news(struct loop *l, struct err *err)
{
	const char *paths[FILES_MAX];
	size_t n = files_of(l->c, paths);

	for (size_t i = 0; i < n; i++)
		if (strcmp(paths[i], "-") == 0)
			return RC_OK;
	return n == 0 || cli_has(l->c, "until-empty") ? RC_OK : queue_news_new(paths, n, &l->news, err);
}

static enum rc run_worker(struct loop *l, struct err *err)
{
	char host[64] = "";
	usec start;
	enum rc rc;

	(void)gethostname(host, sizeof host - 1);
	snprintf(l->name, sizeof l->name, "%.40s:%d:%llx", cli_get(l->c, "name", host), (int)getpid(), (unsigned long long)time_now() & 0xffffffff);
	TRY(queueing_open(l->c, true, &l->q, err));
	TRY(start_worker(l, err));
	start = time_mono();
	rc = work_on(l, err);
	if (rc == RC_OK)
		sum_up(l, (double)(time_mono() - start) / 1e6);
	return rc;
}

static int work_run(struct cli *c)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct loop l = { .c = c, .told = INT64_MIN / 2, .told_files = INT64_MIN / 2 };
	struct err err = { 0 };
	int64_t lease = 60;
	enum rc rc;

	if (!cli_get_int(c, "lease", 60, 1, 86400, &lease) || !cli_get_int(c, "max-days", 0, 0, 36500, &l.max_days) ||
	    !cli_get_int(c, "max-mb", 0, 0, (int64_t)1 << 32, &l.max_mb))
		return CLI_ERROR;
	if (cli_has(c, "final") && !cli_has(c, "until-empty"))
		return cli_failf(c, "--final goes with --until-empty");
	l.lease = lease * USEC_PER_SEC;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	rc = begin_news(&l, &err); /* before they are loaded: what is written meanwhile is news */
	if (rc == RC_OK)
		rc = wanted_load(c, &l.what, &err);
	if (rc == RC_OK)
		rc = run_worker(&l, &err);
	worker_free(l.w);
	blockq_close(l.q);
	wanted_done(&l.what);
	hunt_matcher_free(l.past);
	arena_free(l.past_arena);
	queue_news_free(l.news);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

const struct cli_cmd CMD_QUEUE_WORK = {
	"queue work", { "take blocks from a queue, match them, write alerts and sightings", "自佇列取出區塊比對並寫入警示" }, "[WHAT]...",
	{ "WHAT as for lianfang hunt: rules, or indicators. Any number of workers on any number of machines, all with the same rules; a\n"
	  "block's alerts and sightings are written in the transaction that marks it done, so a worker may be killed at any time.\n"
	  "Correlations are divided among the workers by group and counted in the order in which blocks were put; what fires is the same\n"
	  "however many work and whoever dies. SIGTERM ends it after giving back what it has.\n"
	  "Files of --indicators that change are read anew within seconds, and what is new in them is looked for in the blocks that are done\n"
	  "too. SIGHUP reads rules and indicators anew (all workers of a queue together, where rules changed).",
	  "可於多台機器同時執行；警示與區塊完成於同一交易寫入；關聯規則依群組分配給各工作者。指標檔變更時自動重新讀取，並回溯比對已完成區塊；SIGHUP 重新讀取規則。" },
	opts, examples, 0, CLI_OPERANDS_MAX, work_run,
};
