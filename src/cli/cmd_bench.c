/* How fast this machine reads and matches the user's own logs: the floor (events
 * made flat, nothing matched) and the engine, turn by turn in one run. */
#include "base/mem.h"
#include "cli/rules.h"
#include "wire/evtx.h"
#include "wire/flat_json.h"

#define BYTES_MAX ((size_t)2 << 30)
#define ROUNDS_MAX 99
#define ROUND_LEAST 0.02 /* seconds: a small file is read again and again */

static const struct cli_opt flatten_opts[] = {
	{ "rounds", 'n', "N", { "rounds of which the median counts (7)", "輪數" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const struct cli_opt detect_opts[] = {
	CLI_RULES_OPTS,
	{ "rounds", 'n', "N", { "rounds of which the median counts (7)", "輪數" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

struct bench {
	struct cli *c;
	struct buf bytes;
	bool evtx;
	const struct fields *dict;
	struct flat *flat;
	struct engine *engine; /* NULL: the floor */
	uint64_t events, bad, matches, digest;
};

static void take(struct bench *b)
{
	const uint32_t *rules;

	b->events++;
	b->digest += b->flat->n;
	if (b->engine != NULL)
		b->matches += engine_run(b->engine, b->flat, &rules);
}

static enum rc round_lines(struct bench *b)
{
	struct str rest = buf_view(&b->bytes), line;

	while (str_next(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (flat_json(b->flat, b->dict, line, NULL) == RC_OK)
			take(b);
		else
			b->bad++;
	}
	return RC_OK;
}

static enum rc round_evtx(struct bench *b, struct err *err)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_stats st;

	TRY(evtx_open(buf_view(&b->bytes), b->dict, &e, err));
	while (evtx_next(e, b->flat))
		take(b);
	evtx_stats(e, &st);
	b->bad += st.bad_chunks + st.bad_records;
	return RC_OK;
}

/* Seconds of CPU that one reading of the file takes. */
static enum rc one_round(struct bench *b, double *ret, struct err *err)
{
	double begun = time_cpu(), spent = 0;
	int times = 0;

	while (spent < ROUND_LEAST) {
		b->events = b->bad = b->matches = 0;
		TRY(b->evtx ? round_evtx(b, err) : round_lines(b));
		spent = time_cpu() - begun;
		times++;
		if (b->events + b->bad == 0)
			return FAIL(err, RC_BAD, "holds no event");
	}
	*ret = spent / times;
	return RC_OK;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figure { double list[ROUNDS_MAX]; };

static void put_figure(struct jsonw *w, const struct bench *b, const char *name, struct figure *f, size_t n)
{
	double events = (double)b->events, mid;

	qsort(f->list, n, sizeof f->list[0], by_size);
	mid = f->list[n / 2];
	if (!b->c->json) {
		printf("  %-8s %10.0f events/s  %7.1f MB/s  (%.0f-%.0f)\n", name, events / mid, (double)b->bytes.n / mid / 1e6,
		       events / f->list[n - 1], events / f->list[0]);
		return;
	}
	jsonw_name(w, name);
	jsonw_object(w);
	jsonw_name(w, "events_per_second");
	jsonw_double(w, events / mid);
	jsonw_name(w, "least");
	jsonw_double(w, events / f->list[n - 1]);
	jsonw_name(w, "most");
	jsonw_double(w, events / f->list[0]);
	jsonw_name(w, "bytes_per_second");
	jsonw_double(w, (double)b->bytes.n / mid);
	jsonw_object_end(w);
}

/* Floor and engine take turns, so that what else the machine does meets both. */
static enum rc measure(struct bench *b, const char *file, struct engine *engine, size_t rounds, struct err *err)
{
	struct figure floor, match;
	struct jsonw w;
	struct buf out;

	for (size_t i = 0; i <= rounds; i++) { /* the first one warms caches and does not count */
		size_t at = i == 0 ? 0 : i - 1;

		b->engine = NULL;
		TRY(one_round(b, &floor.list[at], err));
		b->engine = engine;
		if (engine != NULL)
			TRY(one_round(b, &match.list[at], err));
	}
	buf_init(&out, 1 << 16);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "file", file);
	jsonw_m_int(&w, "events", (int64_t)b->events);
	jsonw_m_int(&w, "bad", (int64_t)b->bad);
	jsonw_m_int(&w, "bytes", (int64_t)b->bytes.n);
	if (!b->c->json)
		printf("%s: %llu events, %zu bytes, %llu bad; CPU time of one thread, median of %zu (from-to)\n", file, (unsigned long long)b->events,
		       b->bytes.n, (unsigned long long)b->bad, rounds);
	put_figure(&w, b, "floor", &floor, rounds);
	if (engine != NULL) {
		put_figure(&w, b, "engine", &match, rounds);
		jsonw_m_int(&w, "matches", (int64_t)b->matches);
		jsonw_name(&w, "share");
		jsonw_double(&w, floor.list[rounds / 2] / match.list[rounds / 2]);
		if (!b->c->json)
			printf("  share    %.3f of the floor, %llu matches\n", floor.list[rounds / 2] / match.list[rounds / 2],
			       (unsigned long long)b->matches);
	}
	jsonw_object_end(&w);
	if (b->c->json)
		(void)cli_print(&out);
	buf_done(&out);
	return RC_OK;
}

static enum rc bench_file(struct bench *b, const char *file, struct engine *engine, size_t rounds, struct err *err)
{
	enum rc rc = cli_read(file, BYTES_MAX, &b->bytes, err);

	if (rc == RC_OK && b->evtx != str_starts(buf_view(&b->bytes), S("ElfFile")))
		rc = FAIL(err, RC_BAD, "%s: %s", file, b->evtx ? "no event log (EVTX)" : "an event log: see lianfang bench evtx");
	if (rc == RC_OK)
		rc = measure(b, file, engine, rounds, err);
	if (rc == RC_BAD && !str_starts(str_of(err->text), str_of(file)))
		err_prefix(err, "%s", file);
	buf_done(&b->bytes);
	return rc;
}

static int bench(struct cli *c, bool evtx, bool match)
{
	struct bench b = { .c = c, .evtx = evtx };
	struct cli_rules rules = { 0 };
	struct engine *engine = NULL;
	struct err err = { 0 };
	int64_t rounds;
	enum rc rc;

	if (!cli_get_int(c, "rounds", 7, 1, ROUNDS_MAX, &rounds))
		return CLI_ERROR;
	if (match && !evtx && !cli_has(c, "rules"))
		return cli_failf(c, "name the rules: --rules DIR");
	rc = cli_rules_load(c, &rules, &err);
	if (rc == RC_OK)
		rc = flat_new(&b.flat, &err);
	if (rc == RC_OK && cli_has(c, "rules"))
		rc = engine_new(rules.image, &engine, &err);
	if (rc == RC_OK) {
		b.dict = engine_image_fields(rules.image);
		if (cli_has(c, "rules") && !c->json)
			printf("%zu rules loaded in %.3f s, %zu not\n", cli_rules_loaded(&rules), rules.seconds, cli_rules_refused(&rules));
	}
	for (int i = 0; i < c->n_operands && rc == RC_OK; i++)
		rc = bench_file(&b, c->operands[i], engine, (size_t)rounds, &err);
	engine_free(engine);
	flat_free(b.flat);
	cli_rules_done(&rules);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

static int run_flatten(struct cli *c)
{
	return bench(c, false, false);
}

static int run_detect(struct cli *c)
{
	return bench(c, false, true);
}

static int run_evtx(struct cli *c)
{
	return bench(c, true, true);
}

static const char *const flatten_examples[] = { "how fast JSON lines are read here", "lianfang bench flatten eve.json", NULL };
static const char *const detect_examples[] = { "how fast they are matched", "lianfang bench detect --rules sigma/rules sysmon.json", NULL };
static const char *const evtx_examples[] = { "the same for an event log", "lianfang bench evtx --rules sigma/rules Security.evtx", NULL };

const struct cli_cmd CMD_BENCH_FLATTEN = {
	"bench flatten", { "measure how fast JSON lines are made flat events", "測量 JSON 解析速度" }, "FILE...",
	{ "The floor of detection: events are parsed and their fields found, nothing is matched.", "偵測的下限：只解析不比對。" },
	flatten_opts, flatten_examples, 1, CLI_OPERANDS_MAX, run_flatten,
};
const struct cli_cmd CMD_BENCH_DETECT = {
	"bench detect", { "measure the detection engine beside its floor", "測量偵測引擎" }, "FILE...",
	{ "Parses each JSON-lines file, and parses and matches it, turn by turn, and prints both rates and their ratio.", "輪流測量解析與比對的速率與比值。" },
	detect_opts, detect_examples, 1, CLI_OPERANDS_MAX, run_detect,
};
const struct cli_cmd CMD_BENCH_EVTX = {
	"bench evtx", { "measure the reader of Windows event logs, and the engine with --rules", "測量 EVTX 解析速度" }, "FILE...",
	{ "Reads each event log whole into memory, then its records turn by turn with and without the rules.", "輪流測量 EVTX 解析與比對。" },
	detect_opts, evtx_examples, 1, CLI_OPERANDS_MAX, run_evtx,
};
