/* Scaled out by hand: collectors put blocks into a queue, any number of workers
 * match them, on PostgreSQL or on one SQLite file. */
#include <unistd.h>

#include "cli/adding.h"
#include "cli/queueing.h"
#include "detect/block.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define QUEUE_OPT CLI_QUEUE_OPT
#define AWAY_USEC 200000

enum rc queueing_open(const struct cli *c, bool create, struct blockq **ret, struct err *err)
{
	const char *where = cli_get(c, "queue", NULL);
	bool url = where != NULL && strncmp(where, "postgres", 8) == 0;
	struct blockq_opts o = { .path = url ? NULL : where, .url = url ? where : NULL, .create = create };
	int64_t shards = 0, tolerance = 0;

	if (where == NULL)
		return FAIL(err, RC_BAD, "say which queue: --queue URL or FILE");
	if (!cli_get_int(c, "shards", 0, 1, BLOCKQ_SHARDS_MAX, &shards) || !cli_get_int(c, "tolerance", 0, 1, 86400 * 7, &tolerance))
		return FAIL(err, RC_BAD, "such a queue is not made");
	o.shards = (uint32_t)shards;
	o.tolerance = tolerance * USEC_PER_SEC;
	return blockq_open(&o, ret, err);
}

/* --- add --- */

static const struct cli_opt add_opts[] = { QUEUE_OPT, CLI_QUEUE_NEW_OPTS, CLI_ADDING_OPTS, NO_OPT };
static const char *const add_examples[] = { "logs of one collector", "lianfang queue add eve.json --queue 'postgresql:///soc?host=db1,db2&target_session_attrs=read-write'", NULL };

struct putting {
	struct blockq *q;
	uint64_t put, known; /* events */
};

/* The id names what the block holds, whoever puts it and with which other files: the same file again puts nothing twice. */
static enum rc put_block(void *ctx, struct str block, struct str key, struct err *err)
{
	struct putting *p = ctx;
	struct block_head h = { 0 };
	struct blockq_block b;
	uint64_t fresh = 0;
	enum rc rc;

	TRY(block_head_read(block, &h, err));
	b = (struct blockq_block){ .id = key, .bytes = block, .index_n = block_index_n(&h), .events = h.events, .first = h.first, .last = h.last };
	while ((rc = blockq_put(p->q, &b, 1, &fresh, err)) == RC_PEER || rc == RC_BUSY) {
		usleep(AWAY_USEC);
		(void)!blockq_reconnect(p->q, err);
	}
	if (rc == RC_OK)
		*(fresh > 0 ? &p->put : &p->known) += h.events;
	return rc;
}

static int add_run(struct cli *c)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;
	struct adding_counts n = { 0 };
	struct putting p = { 0 };
	struct err err = { 0 };
	enum rc rc = queueing_open(c, true, &q, &err);

	p.q = q;
	if (rc == RC_OK)
		rc = adding_run(c, true, put_block, &p, &n, &err);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (c->json)
		printf("{\"events\":%llu,\"put\":%llu,\"known\":%llu,\"bad\":%llu,\"bytes\":%llu}\n", (unsigned long long)n.events,
		       (unsigned long long)p.put, (unsigned long long)p.known, (unsigned long long)n.bad, (unsigned long long)n.bytes);
	else if (!cli_has(c, "quiet"))
		fprintf(stderr, "%llu events put, %llu were there already, %llu pieces that are none\n", (unsigned long long)p.put,
			(unsigned long long)p.known, (unsigned long long)n.bad);
	return CLI_OK;
}

const struct cli_cmd CMD_QUEUE_ADD = {
	"queue add", { "seal logs into blocks and put them into a queue", "將紀錄封存為區塊並放入佇列" }, "FILE|-...",
	{ "Makes the queue's tables if they are not there. Waits while the database is away. The same file again\n"
	  "puts nothing twice, whatever is added beside it, as long as its name or --source is the same and the queue keeps its blocks;\n"
	  "of one that grew, the blocks that were full are recognised. --json: events read, put now, known already, bad, bytes.",
	  "若佇列不存在則建立；資料庫暫時離線時等待。同一檔案重複加入不會重複放入。" },
	add_opts, add_examples, 1, CLI_OPERANDS_MAX, add_run,
};

/* --- status, alerts --- */

static const struct cli_opt status_opts[] = { QUEUE_OPT, NO_OPT };
static const char *const status_examples[] = { "how far the workers are", "lianfang queue status --queue blocks.db", NULL };

static void show_status(const struct cli *c, const struct blockq_stats *st)
{
	const struct { const char *name; int64_t n; } rows[] = {
		{ "ready", (int64_t)st->ready }, { "taken", (int64_t)st->taken }, { "done", (int64_t)st->done }, { "stuck", (int64_t)st->stuck },
		{ "events", (int64_t)st->events }, { "bytes", (int64_t)st->bytes }, { "alerts", (int64_t)st->alerts }, { "workers", (int64_t)st->workers },
		{ "blocks", st->blocks }, { "correlated", st->saved }, { "late", (int64_t)st->late }, { "left_out", (int64_t)st->left_out },
		{ "waits_seconds", st->oldest / USEC_PER_SEC },
	};

	for (size_t i = 0; i < COUNTOF(rows) && c->json; i++)
		printf("%s\"%s\":%lld%s", i == 0 ? "{" : ",", rows[i].name, (long long)rows[i].n, i + 1 == COUNTOF(rows) ? "}\n" : "");
	if (c->json)
		return;
	printf("%llu blocks ready, %llu taken, %llu done, %llu stuck; %llu events, %llu alerts\n", (unsigned long long)st->ready,
	       (unsigned long long)st->taken, (unsigned long long)st->done, (unsigned long long)st->stuck, (unsigned long long)st->events,
	       (unsigned long long)st->alerts);
	if (st->workers + (uint64_t)st->saved > 0)
		printf("correlated up to block %lld of %lld by %llu workers; %llu steps late, %llu left out\n", (long long)st->saved, (long long)st->blocks,
		       (unsigned long long)st->workers, (unsigned long long)st->late, (unsigned long long)st->left_out);
}

static int status_run(struct cli *c)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;
	struct blockq_stats st = { 0 };
	struct err err = { 0 };
	enum rc rc = queueing_open(c, false, &q, &err);

	if (rc == RC_OK)
		rc = blockq_stats(q, &st, &err);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	show_status(c, &st);
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
	enum rc rc = queueing_open(c, false, &q, &err);

	if (rc == RC_OK)
		rc = blockq_alerts(q, 0, INT64_MAX, print_alert, NULL, &err);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

static const char *const alerts_examples[] = { "all that was found", "lianfang queue alerts --queue blocks.db", NULL };
const struct cli_cmd CMD_QUEUE_ALERTS = {
	"queue alerts", { "the alerts that workers wrote, one JSON object a line", "列出工作者寫入的警示" }, "",
	{ "In the order in which they were written.", "依寫入順序。" }, status_opts, alerts_examples, 0, 0, alerts_run,
};
