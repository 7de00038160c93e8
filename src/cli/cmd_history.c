/* The folder of stored events: filling it by hand, searching it, looking after it. */
#include "cli/adding.h"
#include "cli/hunting.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

/* --- add --- */

static const struct cli_opt add_opts[] = {
	{ "to", 0, "DIR", { "folder of history; made if it is not there", "歷史資料夾" }, false },
	{ "node", 'n', "DIR", { "or the history of this node, which is not running", "或未執行之節點" }, false },
	CLI_ADDING_OPTS,
	NO_OPT,
};
static const char *const add_examples[] = {
	"a few old logs, to hunt in them", "lianfang history add --to ./history eve.json Security.evtx",
	"a stream", "zcat old/*.gz | lianfang history add --to ./history --source archive -", NULL,
};

static void add_summary(const struct cli *c, const struct adding_counts *n, const struct history *h, usec start)
{
	double seconds = (double)(time_mono() - start) / 1e6;
	struct history_stats st;

	history_stats(h, &st);
	if (c->json)
		printf("{\"events\":%llu,\"bad\":%llu,\"bytes\":%llu,\"blocks\":%llu,\"disk\":%llu,\"seconds\":%.3f}\n", (unsigned long long)n->events,
		       (unsigned long long)n->bad, (unsigned long long)n->bytes, (unsigned long long)st.blocks, (unsigned long long)st.disk, seconds);
	else
		fprintf(stderr, "%llu events added, %llu pieces that are none, %.1f MB/s; the history holds %llu events in %.1f MB\n",
			(unsigned long long)n->events, (unsigned long long)n->bad, seconds > 0 ? (double)n->bytes / 1e6 / seconds : 0,
			(unsigned long long)st.events, (double)st.disk / 1e6);
}

static enum rc take_block(void *ctx, struct str block, struct str key UNUSED, struct err *err)
{
	return history_append(ctx, block, err);
}

static int add_run(struct cli *c)
{
	struct history_opts o = { .write = true, .unsynced = true };
	struct history *h CLEANUP(history_closep) = NULL;
	struct adding_counts n = { 0 };
	struct err err = { 0 };
	char dir[4096];
	usec start = time_mono();
	enum rc rc;

	if (cli_has(c, "to") == cli_has(c, "node"))
		return cli_failf(c, "say where to: --to DIR or --node DIR");
	snprintf(dir, sizeof dir, "%s%s", cli_get(c, "to", cli_get(c, "node", "")), cli_has(c, "node") ? "/history" : "");
	o.dir = dir;
	rc = history_open(&o, &h, &err);
	if (rc == RC_OK)
		rc = adding_run(c, false, take_block, h, &n, &err);
	if (rc == RC_OK)
		rc = history_sync(h, &err);
	if (rc == RC_OK && !cli_has(c, "quiet"))
		add_summary(c, &n, h, start);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

const struct cli_cmd CMD_HISTORY_ADD = {
	"history add", { "put logs into a history, to hunt and search in them", "將紀錄檔加入歷史資料夾" }, "FILE|-...",
	{ "Reads what lianfang detect reads and seals it into blocks, as a node does with its inputs. Adding a file again adds its events\n"
	  "again. A node that is running holds its history; give it the log as an input instead.",
	  "讀取各種紀錄格式並封存為區塊。" },
	add_opts, add_examples, 1, CLI_OPERANDS_MAX, add_run,
};

/* --- search --- */

static const struct cli_opt search_opts[] = { CLI_HUNT_OPTS, NO_OPT };
static const char *const search_examples[] = {
	"all that one address did on a day", "lianfang history search src_ip=198.51.100.7 --since 2026-11-01 --until 2026-11-02",
	"two conditions", "lianfang history search EventID=4688 'CommandLine=*whoami*'",
	"but not of one user", "lianfang history search EventID=4688 'User!=svc-backup'",
	"any text", "lianfang history search 'Failed password' --source auth.log --limit 20", NULL,
};

static bool show_line(void *ctx, const struct hunt_found *f)
{
	const struct cli *c = ctx;
	struct buf b;
	struct jsonw w;
	int status;

	buf_init(&b, (size_t)128 << 20);
	if (c->json) {
		jsonw_init(&w, &b);
		jsonw_object(&w);
		hunting_put_event(&w, f, true);
		jsonw_object_end(&w);
	} else {
		buf_str(&b, f->event->line);
	}
	status = cli_print(&b);
	buf_done(&b);
	return status == CLI_OK;
}

static int search_run(struct cli *c)
{
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	struct hunt_term terms[HUNT_TERMS_MAX];
	struct err err = { 0 };

	for (int i = 0; i < c->n_operands; i++)
		terms[i] = hunt_term_of(str_of(c->operands[i]));
	if (hunt_for_terms(terms, (size_t)c->n_operands, &m, &err) != RC_OK)
		return cli_fail(c, &err);
	return hunting_run(c, m, show_line, c, CLI_OK, CLI_NO);
}

const struct cli_cmd CMD_HISTORY_SEARCH = {
	"history search", { "events of the history by field, text and time", "依欄位、文字與時間搜尋歷史紀錄" }, "[FIELD=VALUE|FIELD!=VALUE|TEXT]...",
	{ "Prints every event that meets all conditions, as it came, as soon as it is found; without a condition every event of the time.\n"
	  "FIELD is a path (dns.rrname) or a name as Sigma rules use it; VALUE is the whole value, with * and ?; FIELD!=VALUE: it\n"
	  "is not that; TEXT stands anywhere;\n"
	  "\"=TEXT\" is text that holds an equals sign. Capital letters do not count. 0: found; 1: nothing; 2: error.",
	  "列出符合所有條件的事件。FIELD 為欄位路徑，VALUE 可用 * 與 ?，!= 為排除。0 有結果，1 無結果。" },
	search_opts, search_examples, 0, HUNT_TERMS_MAX, search_run,
};

/* --- status --- */

static const struct cli_opt status_opts[] = { CLI_HISTORY_OPTS, NO_OPT };
static const char *const status_examples[] = { "how much is there, from when to when", "lianfang history status --node /var/lib/lianfang", NULL };

static enum rc open_for_reading(const struct cli *c, char *dir, size_t n, struct history **ret, struct err *err)
{
	struct history_opts o = { .dir = dir };

	if (!hunting_dir(c, dir, n))
		return FAIL(err, RC_LIMIT, "the folder's name is too long");
	return history_open(&o, ret, err);
}

static void status_json(const struct history_stats *st)
{
	struct buf b;
	struct jsonw w;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_int(&w, "segments", (int64_t)st->segments);
	jsonw_m_int(&w, "blocks", (int64_t)st->blocks);
	jsonw_m_int(&w, "events", (int64_t)st->events);
	jsonw_m_int(&w, "bytes", (int64_t)st->raw);
	jsonw_m_int(&w, "disk", (int64_t)st->disk);
	jsonw_m_int(&w, "index", (int64_t)st->index);
	jsonw_m_int(&w, "observables", (int64_t)st->keys);
	jsonw_m_int(&w, "skipped", (int64_t)st->skipped);
	if (st->events > 0) {
		jsonw_m_time(&w, "first", st->first);
		jsonw_m_time(&w, "last", st->last);
	}
	jsonw_object_end(&w);
	(void)cli_print(&b);
	buf_done(&b);
}

static int status_run(struct cli *c)
{
	struct history *h CLEANUP(history_closep) = NULL;
	char dir[4096], first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
	struct history_stats st;
	struct err err = { 0 };

	if (open_for_reading(c, dir, sizeof dir, &h, &err) != RC_OK)
		return cli_fail(c, &err);
	history_stats(h, &st);
	if (c->json) {
		status_json(&st);
		return CLI_OK;
	}
	printf("%llu events in %llu blocks, %llu segments\n", (unsigned long long)st.events, (unsigned long long)st.blocks,
	       (unsigned long long)st.segments);
	if (st.events > 0)
		printf("from %.*s to %.*s\n%.1f MB on disk for %.1f MB of logs: %.1f bytes an event, %.2f of them index\n",
		       STR(time_format(st.first, first)), STR(time_format(st.last, last)), (double)st.disk / 1e6, (double)st.raw / 1e6,
		       (double)st.disk / (double)st.events, (double)st.index / (double)st.events);
	if (st.skipped > 0)
		printf("%llu bytes are no sound block\n", (unsigned long long)st.skipped);
	return CLI_OK;
}

const struct cli_cmd CMD_HISTORY_STATUS = {
	"history status", { "how much the history holds, from when to when", "歷史紀錄的數量與時間範圍" }, "",
	{ "Works beside a running node.", "可與執行中的節點並存。" }, status_opts, status_examples, 0, 0, status_run,
};

/* --- verify --- */

static const char *const verify_examples[] = { "after a crash of the disk", "lianfang history verify --node /var/lib/lianfang", NULL };

static int verify_run(struct cli *c)
{
	struct history *h CLEANUP(history_closep) = NULL;
	uint64_t bad = 0, events = 0;
	struct history_stats st;
	struct err err = { 0 };
	struct buf bytes;
	char dir[4096];

	if (open_for_reading(c, dir, sizeof dir, &h, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&bytes, BLOCK_BYTES_MAX);
	for (size_t i = 0; i < history_blocks(h); i++) {
		struct block *b CLEANUP(block_closep) = NULL;
		enum rc rc = history_read(h, i, &bytes, &err);

		if (rc == RC_OK)
			rc = block_open(buf_view(&bytes), &b, &err);
		if (rc == RC_OK) {
			events += block_of(b)->events;
			continue;
		}
		bad++;
		fprintf(stderr, "segment %llu, byte %llu: %s\n", (unsigned long long)history_block(h, i)->segment,
			(unsigned long long)history_block(h, i)->at, err.text);
	}
	buf_done(&bytes);
	history_stats(h, &st);
	if (c->json)
		printf("{\"valid\":%s,\"blocks\":%llu,\"bad\":%llu,\"events\":%llu,\"skipped\":%llu}\n", bad + st.skipped == 0 ? "true" : "false",
		       (unsigned long long)st.blocks, (unsigned long long)bad, (unsigned long long)events, (unsigned long long)st.skipped);
	else
		printf("%llu events in %llu sound blocks; %llu damaged, %llu bytes between blocks\n", (unsigned long long)events,
		       (unsigned long long)(st.blocks - bad), (unsigned long long)bad, (unsigned long long)st.skipped);
	return bad + st.skipped == 0 ? CLI_OK : CLI_NO;
}

const struct cli_cmd CMD_HISTORY_VERIFY = {
	"history verify", { "read every block of the history and check it", "檢查歷史紀錄的每個區塊" }, "",
	{ "0: all is sound; 1: something is damaged, and where; 2: error.", "0 完好，1 有損壞，2 錯誤。" },
	status_opts, verify_examples, 0, 0, verify_run,
};
