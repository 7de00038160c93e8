/* Scaled out by hand: collectors put blocks into a queue, any number of workers
 * match them, on PostgreSQL or on one SQLite file. */
#include <signal.h>
#include <unistd.h>

#include "cli/adding.h"
#include "cli/hunting.h"
#include "store/blockq.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define QUEUE_OPT { "queue", 0, "URL|FILE", { "postgresql://... or a file", "佇列：postgresql://... 或檔案" }, false }
#define ARENA_MAX ((size_t)1 << 30)
#define ALERTS_MAX 65536 /* of one block */
#define BATCH 4
#define PAUSE_USEC 50000
#define AWAY_USEC 200000

static enum rc open_queue(const struct cli *c, bool create, struct blockq **ret, struct err *err)
{
	const char *where = cli_get(c, "queue", NULL);
	bool url = where != NULL && strncmp(where, "postgres", 8) == 0;
	struct blockq_opts o = { .path = url ? NULL : where, .url = url ? where : NULL, .create = create };

	return where == NULL ? FAIL(err, RC_BAD, "say which queue: --queue URL or FILE") : blockq_open(&o, ret, err);
}

/* --- add --- */

static const struct cli_opt add_opts[] = { QUEUE_OPT, CLI_ADDING_OPTS, NO_OPT };
static const char *const add_examples[] = { "logs of one collector", "lianfang queue add eve.json --queue 'postgresql:///soc?host=db1,db2&target_session_attrs=read-write'", NULL };

/* The id is the block's own hash: adding the same file again puts nothing twice. */
static enum rc put_block(void *ctx, struct str block, struct err *err)
{
	struct block_head h = { 0 };
	struct blockq_block b;
	uint64_t fresh;
	char id[32];
	enum rc rc;

	TRY(block_head_read(block, &h, err));
	snprintf(id, sizeof id, "%016llx", (unsigned long long)h.id);
	b = (struct blockq_block){ .id = str_of(id), .bytes = block, .index_n = block_index_n(&h), .events = h.events, .first = h.first, .last = h.last };
	while ((rc = blockq_put(ctx, &b, 1, &fresh, err)) == RC_PEER || rc == RC_BUSY) {
		usleep(AWAY_USEC);
		(void)!blockq_reconnect(ctx, err);
	}
	return rc;
}

static int add_run(struct cli *c)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;
	struct adding_counts n = { 0 };
	struct err err = { 0 };
	enum rc rc = open_queue(c, true, &q, &err);

	if (rc == RC_OK)
		rc = adding_run(c, put_block, q, &n, &err);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (c->json)
		printf("{\"events\":%llu,\"bad\":%llu,\"bytes\":%llu}\n", (unsigned long long)n.events, (unsigned long long)n.bad, (unsigned long long)n.bytes);
	else if (!cli_has(c, "quiet"))
		fprintf(stderr, "%llu events put, %llu pieces that are none\n", (unsigned long long)n.events, (unsigned long long)n.bad);
	return CLI_OK;
}

const struct cli_cmd CMD_QUEUE_ADD = {
	"queue add", { "seal logs into blocks and put them into a queue", "將紀錄封存為區塊並放入佇列" }, "FILE|-...",
	{ "Makes the queue's tables if they are not there. Waits while the database is away. The same file again puts nothing twice.",
	  "若佇列不存在則建立；資料庫暫時離線時等待。" },
	add_opts, add_examples, 1, CLI_OPERANDS_MAX, add_run,
};

/* --- work --- */

static const struct cli_opt work_opts[] = {
	QUEUE_OPT,
	{ "name", 0, "NAME", { "of this worker (host and process)", "工作者名稱" }, false },
	{ "lease", 0, "SECONDS", { "how long a block is this worker's (60)", "租用秒數（60）" }, false },
	{ "until-empty", 0, NULL, { "end when nothing is left to take", "佇列清空即結束" }, false },
	{ "lists", 0, "DIR", { "values of placeholders of rules", "佔位符清單資料夾" }, false },
	{ "sources", 0, "DIR", { "further log sources, in the form of packs/sigma", "自訂紀錄來源對應" }, false },
	NO_OPT,
};
static const char *const work_examples[] = { "one of many workers, by rules", "lianfang queue work sigma/rules --queue postgresql://db/soc",
	"and one by indicators, on the same blocks of another queue", "lianfang queue work indicators.txt --queue blocks.db --until-empty", NULL };

struct working {
	struct arena *a;
	const struct blockq_taken *block;
	struct blockq_alert *alerts;
	struct blockq_sighting *sightings;
	size_t n, n_sightings;
	bool failed;
	uint64_t blocks, alerts_done, lost, cut; /* cut: blocks with more alerts than are taken */
};

static struct str body_of(struct working *w, const struct hunt_found *f)
{
	bool indicator = str_starts(f->id, S("indicator--"));
	struct jsonw j;
	struct str copy;
	struct buf b;

	buf_init(&b, (size_t)64 << 20);
	jsonw_init(&j, &b);
	jsonw_object(&j);
	jsonw_m_str(&j, indicator ? "indicator_id" : "rule_id", f->id);
	jsonw_m_str(&j, "title", f->title);
	jsonw_m_str(&j, "level", f->level);
	jsonw_m_str(&j, "author", f->author);
	jsonw_m_str(&j, "matched", f->matched);
	hunting_put_event(&j, f, true);
	jsonw_object_end(&j);
	copy = b.bad == RC_OK ? arena_dup(w->a, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	return copy;
}

static bool on_found(void *ctx, const struct hunt_found *f)
{
	struct working *w = ctx;
	struct blockq_alert *a = &w->alerts[w->n];

	if (f->event == NULL)
		return true;
	if (w->n == ALERTS_MAX) {
		w->cut++;
		fprintf(stderr, "block %.*s: more than %d alerts, the others are left out\n", STR(w->block->id), ALERTS_MAX);
		return false;
	}
	*a = (struct blockq_alert){ f->event->ordinal, arena_dup(w->a, f->id), body_of(w, f) };
	if (str_starts(f->id, S("indicator--")))
		w->sightings[w->n_sightings++] = (struct blockq_sighting){ a->what, arena_dup(w->a, f->event->source), f->at / (86400 * USEC_PER_SEC), 1, f->at,
									   f->at };
	w->failed |= a->what.p == NULL || a->body.p == NULL;
	w->n++;
	return !w->failed;
}

static enum rc match_block(struct working *w, struct hunt_matcher *m, const struct blockq_taken *t, struct blockq_result *ret, struct err *err)
{
	struct hunt_opts o = { .since = INT64_MIN };
	struct hunt_stats st = { 0 };

	w->block = t;
	w->n = w->n_sightings = 0;
	w->alerts = arena_array(w->a, ALERTS_MAX, sizeof *w->alerts);
	w->sightings = arena_array(w->a, ALERTS_MAX, sizeof *w->sightings);
	if (w->alerts == NULL || w->sightings == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	if (hunt_may(m, t->bytes, &o, &st))
		TRY(hunt_block(m, t->bytes, &o, on_found, w, &st, err));
	if (w->failed)
		return FAIL(err, RC_NOMEM, "out of memory");
	*ret = (struct blockq_result){ .block = t, .alerts = w->alerts, .n_alerts = w->n, .sightings = w->sightings, .n_sightings = w->n_sightings };
	return RC_OK;
}

/* *ret_n: blocks that were there to take. */
static enum rc work_once(struct blockq *q, struct working *w, struct hunt_matcher *m, struct str name, usec lease, size_t *ret_n, struct err *err)
{
	struct blockq_taken t[BATCH];
	struct blockq_result r[BATCH];

	arena_reset(w->a);
	TRY(blockq_take(q, name, lease, BATCH, w->a, t, ret_n, err));
	for (size_t i = 0; i < *ret_n; i++)
		TRY(match_block(w, m, &t[i], &r[i], err));
	if (*ret_n == 0)
		return RC_OK;
	TRY(blockq_done(q, name, r, *ret_n, err));
	for (size_t i = 0; i < *ret_n; i++) {
		w->lost += r[i].lost;
		w->blocks += !r[i].lost;
		w->alerts_done += r[i].lost ? 0 : r[i].n_alerts;
	}
	return RC_OK;
}

static enum rc work_on(const struct cli *c, struct blockq *q, struct working *w, struct hunt_matcher *m, usec lease, struct err *err)
{
	char host[64] = "", name[128];

	(void)gethostname(host, sizeof host - 1);
	snprintf(name, sizeof name, "%.40s", cli_get(c, "name", host));
	snprintf(name + strlen(name), sizeof name - strlen(name), ":%d", (int)getpid());
	for (;;) {
		size_t n = 0;
		enum rc rc = work_once(q, w, m, str_of(name), lease, &n, err);

		if (rc == RC_PEER || rc == RC_BUSY) { /* the primary is away: its standby may be promoted */
			usleep(AWAY_USEC);
			if (rc == RC_PEER)
				(void)!blockq_reconnect(q, err);
			continue;
		}
		if (rc != RC_OK || (n == 0 && cli_has(c, "until-empty")))
			return rc;
		if (n == 0)
			usleep(PAUSE_USEC);
	}
}

static int work_run(struct cli *c)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;
	struct working w = { .a = arena_new(ARENA_MAX) };
	struct hunting_for what = { 0 };
	struct err err = { 0 };
	int64_t lease = 60;
	enum rc rc;

	if (!cli_get_int(c, "lease", 60, 1, 86400, &lease)) {
		arena_free(w.a);
		return CLI_ERROR;
	}
	rc = w.a == NULL ? FAIL(&err, RC_NOMEM, "out of memory") : hunting_for(c, &what, &err);
	if (rc == RC_OK && what.rules > 0)
		hunt_without_correlations(what.m);
	if (rc == RC_OK)
		rc = open_queue(c, true, &q, &err);
	if (rc == RC_OK)
		rc = work_on(c, q, &w, what.m, lease * USEC_PER_SEC, &err);
	if (rc == RC_OK && c->json)
		printf("{\"blocks\":%llu,\"alerts\":%llu,\"lost\":%llu,\"cut\":%llu}\n", (unsigned long long)w.blocks, (unsigned long long)w.alerts_done,
		       (unsigned long long)w.lost, (unsigned long long)w.cut);
	else if (rc == RC_OK)
		fprintf(stderr, "%llu blocks, %llu alerts\n", (unsigned long long)w.blocks, (unsigned long long)w.alerts_done);
	hunting_for_done(&what);
	arena_free(w.a);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

const struct cli_cmd CMD_QUEUE_WORK = {
	"queue work", { "take blocks from a queue, match them, write alerts and sightings", "自佇列取出區塊比對並寫入警示" }, "WHAT...",
	{ "WHAT as for lianfang hunt: rules, or indicators. Any number of workers on any number of machines; a block's alerts and sightings\n"
	  "are written in the transaction that marks it done, so a worker may be killed at any time. Correlations are not run here.",
	  "可於多台機器同時執行；警示與區塊完成於同一交易寫入。" },
	work_opts, work_examples, 1, CLI_OPERANDS_MAX, work_run,
};

/* --- status, alerts --- */

static const struct cli_opt status_opts[] = { QUEUE_OPT, NO_OPT };
static const char *const status_examples[] = { "how far the workers are", "lianfang queue status --queue blocks.db", NULL };

static int status_run(struct cli *c)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;
	struct blockq_stats st = { 0 };
	struct err err = { 0 };
	enum rc rc = open_queue(c, false, &q, &err);

	if (rc == RC_OK)
		rc = blockq_stats(q, &st, &err);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	printf(c->json ? "{\"ready\":%llu,\"taken\":%llu,\"done\":%llu,\"stuck\":%llu,\"events\":%llu,\"alerts\":%llu}\n"
		       : "%llu blocks ready, %llu taken, %llu done, %llu stuck; %llu events, %llu alerts\n",
	       (unsigned long long)st.ready, (unsigned long long)st.taken, (unsigned long long)st.done, (unsigned long long)st.stuck,
	       (unsigned long long)st.events, (unsigned long long)st.alerts);
	return st.stuck > 0 ? CLI_NO : CLI_OK;
}

const struct cli_cmd CMD_QUEUE_STATUS = {
	"queue status", { "how many blocks wait, are taken and done", "佇列狀態" }, "",
	{ "0: fine; 1: blocks are stuck, dropped by ten workers; 2: error.", "0 正常，1 有區塊卡住，2 錯誤。" },
	status_opts, status_examples, 0, 0, status_run,
};

static enum rc print_alert(void *ctx UNUSED, const struct blockq_alert_row *a, struct err *err)
{
	return printf("%.*s\n", STR(a->body)) < 0 ? FAIL(err, RC_IO, "standard output is gone") : RC_OK;
}

static int alerts_run(struct cli *c)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;
	struct err err = { 0 };
	enum rc rc = open_queue(c, false, &q, &err);

	if (rc == RC_OK)
		rc = blockq_alerts(q, 0, INT64_MAX, print_alert, NULL, &err);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

static const char *const alerts_examples[] = { "all that was found", "lianfang queue alerts --queue blocks.db", NULL };
const struct cli_cmd CMD_QUEUE_ALERTS = {
	"queue alerts", { "the alerts that workers wrote, one JSON object a line", "列出工作者寫入的警示" }, "",
	{ "In the order in which they were written.", "依寫入順序。" }, status_opts, alerts_examples, 0, 0, alerts_run,
};
