/* Generations of the lab's rules: build with tests, publish, go back, list. All on a folder, without a node; a lab whose rules are that folder
 * takes the live one. */
#include "base/mem.h"
#include "cli/cli.h"
#include "lab/hashes.h"
#include "lab/ruleset.h"

#define RULES_MAX 16
#define NUMBERS_MAX 65536
#define SHOWN_OFF 20

static const struct cli_opt build_opts[] = {
	{ "good", 'g', "DIR", { "known good files: what matches one of them is put off", "已知良好檔案資料夾：比中其中檔案之規則停用" }, false },
	{ "budget", 0, "N", { "microseconds of processor time a MiB that one rule may cost (20000)", "單一規則每 MiB 可用之處理器時間（微秒，預設 20000）" }, false },
	{ "worst", 0, "N", { "milliseconds that one rule may take on one file (2000)", "單一規則處理單一檔案之時限（毫秒，預設 2000）" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const build_examples[] = {
	"rules, tested on what is known to be good", "lianfang ruleset build --good /usr/bin store rules/",
	"and then live", "lianfang ruleset publish store 1", NULL,
};
static const struct cli_opt publish_opts[] = {
	{ "untested", 0, NULL, { "though it was tested on no known good file", "即使未以已知良好檔案測試" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const struct cli_opt no_opts[] = { { NULL, 0, NULL, { NULL, NULL }, false } };

static void put_json(struct buf *b, const struct ruleset *s)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_object(&w);
	jsonw_m_int(&w, "generation", s->number);
	jsonw_m_bool(&w, "live", s->live);
	jsonw_m_cstr(&w, "made", s->made);
	jsonw_m_int(&w, "rules", s->rules);
	jsonw_m_int(&w, "good_files", (int64_t)s->good_files);
	jsonw_m_int(&w, "good_bytes", (int64_t)s->good_bytes);
	jsonw_name(&w, "off");
	jsonw_array(&w);
	for (size_t i = 0; i < s->n_off; i++) {
		jsonw_object(&w);
		jsonw_m_int(&w, "rule", s->off[i].rule);
		jsonw_m_cstr(&w, "name", s->off[i].name);
		jsonw_m_cstr(&w, "why", s->off[i].why);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
}

static void put_set(const struct cli *c, struct buf *b, const struct ruleset *s, bool all)
{
	if (c->json) {
		put_json(b, s);
		return;
	}
	buf_fmt(b, c->zh ? "第 %u 版%s：%u 條規則，%zu 條停用，以 %llu 個良好檔案測試，%s" : "generation %u%s: %u rules, %zu off, tested on %llu good files, %s", s->number,
		s->live ? (c->zh ? "（使用中）" : " (live)") : "", s->rules, s->n_off, (unsigned long long)s->good_files, s->made);
	for (size_t i = 0; all && i < s->n_off && i < SHOWN_OFF; i++)
		buf_fmt(b, "\n  %s: %s", s->off[i].name, s->off[i].why);
	if (all && s->n_off > SHOWN_OFF)
		buf_fmt(b, c->zh ? "\n  另有 %zu 條" : "\n  and %zu more", s->n_off - SHOWN_OFF);
}

static int print_set(const struct cli *c, const struct ruleset *s, bool all)
{
	struct buf b;
	int status;

	buf_init(&b, (size_t)256 << 20);
	put_set(c, &b, s, all);
	status = cli_print(&b);
	buf_done(&b);
	return status;
}

static int build_run(struct cli *c)
{
	const char *rules[RULES_MAX + 1] = { NULL };
	struct ruleset_build b = { .store = c->operands[0], .rules = rules, .good = cli_get(c, "good", NULL) };
	CLEANUP(ruleset_done) struct ruleset s = { 0 };
	int64_t budget, worst;
	struct err err = { 0 };

	for (int i = 1; i < c->n_operands; i++)
		rules[i - 1] = c->operands[i];
	if (!cli_get_int(c, "budget", RULESET_BUDGET, 1, 1000000000, &budget) || !cli_get_int(c, "worst", RULESET_WORST, 1, 600000, &worst))
		return CLI_ERROR;
	b.budget_us_per_mib = (uint64_t)budget;
	b.worst_ms = (uint64_t)worst;
	if (ruleset_make(&b, &s, &err) != RC_OK)
		return cli_fail(c, &err);
	return print_set(c, &s, true);
}

static int show_one(const struct cli *c, const char *store, uint32_t number)
{
	CLEANUP(ruleset_done) struct ruleset s = { 0 };
	char path[4096];
	struct err err = { 0 };

	if (snprintf(path, sizeof path, "%s/%u", store, number) >= (int)sizeof path || ruleset_open(path, &s, &err) != RC_OK)
		return cli_fail(c, &err);
	return print_set(c, &s, false);
}

static int publish_run(struct cli *c)
{
	struct err err = { 0 };
	uint64_t number;

	if (!str_to_u64(str_of(c->operands[1]), &number) || number == 0 || number > UINT32_MAX)
		return cli_failf(c, c->zh ? "版次應為數字：%s" : "expected the number of a generation: %s", c->operands[1]);
	if (ruleset_publish(c->operands[0], (uint32_t)number, cli_has(c, "untested"), &err) != RC_OK)
		return cli_fail(c, &err);
	return show_one(c, c->operands[0], (uint32_t)number);
}

static int rollback_run(struct cli *c)
{
	struct err err = { 0 };
	uint32_t number;

	if (ruleset_rollback(c->operands[0], &number, &err) != RC_OK)
		return cli_fail(c, &err);
	return show_one(c, c->operands[0], number);
}

static int list_run(struct cli *c)
{
	uint32_t *numbers = mem_array(NUMBERS_MAX, sizeof *numbers);
	struct err err = { 0 };
	int status = CLI_OK;
	size_t n = 0;

	if (numbers == NULL || ruleset_numbers(c->operands[0], numbers, NUMBERS_MAX, &n, &err) != RC_OK) {
		mem_free(numbers);
		return cli_fail(c, &err);
	}
	/* One that does not hold is told and does not hide the others. */
	for (size_t i = 0; i < n; i++) {
		int one = show_one(c, c->operands[0], numbers[i]);

		status = one != CLI_OK ? one : status;
	}
	mem_free(numbers);
	return status;
}

const struct cli_cmd CMD_RULESET_BUILD = {
	.name = "ruleset build",
	.summary = { "a new generation of the lab's rules, measured and signed", "編譯、測試並簽署新一版檔案檢測規則" },
	.usage = "STORE RULES...",
	.text = { "Compiles YARA rules, runs each on known good files and on samples made to be slow, and puts off what costs more than the budget or "
		  "matches a good file: it stays in the set and is never run, with the reason beside it. The generation is signed by the store's "
		  "key, made at the first build, and is not live before it is published. ledger.tsv in its folder says what each rule cost.",
		  "編譯 YARA 規則，以已知良好檔案及刻意耗時之樣本逐條測試；超過時間預算或比中良好檔案之規則保留但停用，並註明原因。新版由規則庫之金鑰簽署（首次建立時產生），發布後才會使用。各規則之成本列於該版資料夾之 ledger.tsv。" },
	.opts = build_opts, .examples = build_examples, .min_operands = 2, .max_operands = RULES_MAX + 1, .run = build_run,
};

const struct cli_cmd CMD_RULESET_PUBLISH = {
	.name = "ruleset publish",
	.summary = { "make a generation of the lab's rules the live one", "發布檔案檢測規則之某一版" },
	.usage = "STORE NUMBER",
	.text = { "A lab whose rules are this folder takes it for the next file it inspects. One that was tested on no known good file is refused, "
		  "unless that is meant. Before, a generation can be tried: lianfang scan --yara STORE/NUMBER.",
		  "以此資料夾為規則來源之檢測環境，自下一個檔案起使用該版。未以已知良好檔案測試者不予發布，除非明示。發布前可試用：lianfang scan --yara STORE/NUMBER。" },
	.opts = publish_opts, .examples = EXAMPLE("the second one", "lianfang ruleset publish store 2"), .min_operands = 2, .max_operands = 2, .run = publish_run,
};

const struct cli_cmd CMD_RULESET_ROLLBACK = {
	.name = "ruleset rollback",
	.summary = { "go back to the generation that was live before", "退回前一版檔案檢測規則" },
	.usage = "STORE",
	.text = { "Takes effect as publishing does. Again goes one further back.", "生效方式同發布；再次執行則再退一版。" },
	.opts = no_opts, .examples = EXAMPLE("after a false alarm", "lianfang ruleset rollback store"), .min_operands = 1, .max_operands = 1, .run = rollback_run,
};

const struct cli_cmd CMD_RULESET_LIST = {
	.name = "ruleset list",
	.summary = { "generations of the lab's rules, and which is live", "列出檔案檢測規則之各版" },
	.usage = "STORE",
	.text = { "Each is checked: signature, and the compiled rules against it.", "逐一查驗簽章與規則內容。" },
	.opts = no_opts, .examples = EXAMPLE("all", "lianfang ruleset list store"), .min_operands = 1, .max_operands = 1, .run = list_run,
};

static const struct cli_opt hashes_opts[] = {
	{ "bad", 0, "LIST", { "digests of bad files", "惡意檔案雜湊清單" }, true },
	{ "good", 0, "LIST", { "digests of known good files", "已知良好檔案雜湊清單" }, true },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

static enum rc add_lists(const struct cli *c, const char *opt, bool good, struct lab_hashes *h, struct err *err)
{
	struct buf generation;
	enum rc rc = RC_OK;

	buf_init(&generation, 1 << 20);
	for (int i = 0; rc == RC_OK && cli_get_nth(c, opt, i) != NULL; i++)
		rc = lab_hashes_add(h, cli_get_nth(c, opt, i), good, &generation, err);
	buf_done(&generation);
	return rc;
}

static int hashes_run(struct cli *c)
{
	struct lab_hashes *h = NULL;
	struct err err = { 0 };
	struct buf b;
	int status;
	enum rc rc = lab_hashes_new(&h, &err);

	if (rc == RC_OK)
		rc = add_lists(c, "bad", false, h, &err);
	if (rc == RC_OK)
		rc = add_lists(c, "good", true, h, &err);
	if (rc == RC_OK)
		rc = lab_hashes_seal(h, &err);
	if (rc == RC_OK)
		rc = lab_hashes_save(h, c->operands[0], &err);
	if (rc != RC_OK) {
		lab_hashes_free(h);
		return cli_fail(c, &err);
	}
	buf_init(&b, 256);
	buf_fmt(&b, c->json ? "{\"digests\": %zu}" : c->zh ? "%zu 筆雜湊" : "%zu digests", lab_hashes_count(h));
	lab_hashes_free(h);
	status = cli_print(&b);
	buf_done(&b);
	return status;
}

const struct cli_cmd CMD_RULESET_HASHES = {
	.name = "ruleset hashes",
	.summary = { "lists of digests as one table, there at once however long", "將雜湊清單編成單一對照表" },
	.usage = "TABLE",
	.text = { "The table stands where a list may: lianfang scan --bad TABLE. It holds both sorts of digests, and is replaced as a whole.",
		  "對照表可用於任何清單之處：lianfang scan --bad TABLE。其內兼含惡意與良好雜湊，並以整檔方式更新。" },
	.opts = hashes_opts, .examples = EXAMPLE("both sorts", "lianfang ruleset hashes --bad bad.txt --good good.txt table"), .min_operands = 1, .max_operands = 1,
	.run = hashes_run,
};
