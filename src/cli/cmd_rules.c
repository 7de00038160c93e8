/* Commands on detection rules, without a node: what became of each, and what there is. */
#include "cli/rules.h"
#include "detect/rulebook.h"

#define RULES_MEMORY_MAX ((size_t)4 << 30)
#define OUTPUT_MAX ((size_t)1 << 30)

static const struct cli_opt check_opts[] = {
	{ "lists", 0, "DIR", { "NAME.txt holds the values of the placeholder %NAME%, one a line", "NAME.txt 為佔位符 %NAME% 的值，每行一個" }, false },
	{ "sources", 0, "DIR", { "log sources of your own (*.yml), beside those in the program", "自訂的日誌來源（*.yml）" }, false },
	{ "all", 'a', NULL, { "also name the rules that loaded without remark", "一併列出無附註而載入的規則" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const check_examples[] = {
	"a rule set", "lianfang rules check sigma/rules",
	"with lists for placeholders, for a program", "lianfang rules check --lists lists --json sigma/rules", NULL,
};

struct loaded {
	struct arena *a;
	const struct sigma_set *set;
	const struct taxonomy *t;
	struct engine_image *image;
	const struct ruling *rulings;
};

static void loaded_done(struct loaded *l)
{
	engine_image_unref(l->image);
	arena_free(l->a);
}

static enum rc load(const struct cli *c, struct loaded *l, struct err *err)
{
	l->a = arena_new(RULES_MEMORY_MAX);
	if (l->a == NULL)
		return FAIL(err, RC_NOMEM, "rules: no memory");
	TRY(sigma_load(l->a, c->operands, (size_t)c->n_operands, cli_get(c, "lists", NULL), &l->set, err));
	TRY(taxonomy_load(l->a, cli_get(c, "sources", NULL), &l->t, err));
	TRY(engine_image_build(l->set, l->t, &l->image, err));
	return rulebook_judge(l->a, l->set, l->t, l->image, &l->rulings, err);
}

static void put_report(const struct cli *c, const struct ruling *v, struct buf *out)
{
	const struct sigma_report *r = v->report;
	const char *between = v->reason.n > 0 && v->also.n > 0 ? "; " : "";

	if (c->json) {
		struct jsonw w;
		struct buf reason;

		buf_init(&reason, 1 << 20);
		buf_fmt(&reason, "%.*s%s%.*s", STR(v->reason), between, STR(v->also));
		jsonw_init(&w, out);
		jsonw_object(&w);
		jsonw_m_cstr(&w, "verdict", ruling_name(v->verdict));
		jsonw_m_str(&w, "file", r->file);
		jsonw_m_int(&w, "line", r->line);
		jsonw_m_str(&w, "id", r->id);
		jsonw_m_str(&w, "title", r->title);
		jsonw_m_str(&w, "reason", buf_view(&reason));
		jsonw_object_end(&w);
		buf_char(out, '\n');
		buf_done(&reason);
	} else if (v->verdict != SIGMA_LOADED || v->reason.n + v->also.n > 0 || cli_has(c, "all")) {
		buf_fmt(out, "%.*s:%u: %s%s%.*s%s%.*s\n", STR(r->file), r->line, ruling_name(v->verdict), v->reason.n + v->also.n > 0 ? ": " : "",
			STR(v->reason), between, STR(v->also));
	}
}

static void put_sum(const struct cli *c, const uint32_t *count, const struct loaded *l, struct buf *out)
{
	struct engine_image_stats stats;
	struct jsonw w;

	engine_image_stats(l->image, &stats);
	if (!c->json) {
		buf_fmt(out, c->zh ? "%u 條載入，%u 條需要清單，%u 條拒收，%u 份文件非規則；%llu 個測試\n" :
			"%u loaded, %u need a list, %u refused, %u documents are no rules; %llu tests\n", count[SIGMA_LOADED],
			count[SIGMA_NEEDS_LIST], count[SIGMA_REFUSED], count[SIGMA_IGNORED], (unsigned long long)stats.tests);
		return;
	}
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_int(&w, "loaded", count[SIGMA_LOADED]);
	jsonw_m_int(&w, "needs_list", count[SIGMA_NEEDS_LIST]);
	jsonw_m_int(&w, "refused", count[SIGMA_REFUSED]);
	jsonw_m_int(&w, "ignored", count[SIGMA_IGNORED]);
	jsonw_m_int(&w, "tests", (int64_t)stats.tests);
	jsonw_object_end(&w);
	buf_char(out, '\n');
}

/* Prints what `out` has gathered, without its last newline, which cli_print puts. */
static int print(struct buf *out)
{
	int status;

	if (out->n > 0 && out->p[out->n - 1] == '\n')
		buf_cut(out, out->n - 1);
	status = out->n > 0 ? cli_print(out) : CLI_OK;
	buf_done(out);
	return status;
}

static int check_run(struct cli *c)
{
	CLEANUP(loaded_done) struct loaded l = { 0 };
	uint32_t count[SIGMA_OFF + 1] = { 0 };
	struct err err;
	struct buf out;
	int status;

	if (load(c, &l, &err) != RC_OK)
		return cli_fail(c, &err);
	if (l.set->n_reports == 0)
		return cli_failf(c, "no rule to check: there is no document in any *.yml or *.yaml of %s", c->n_operands == 1 ? c->operands[0] : "these");
	buf_init(&out, OUTPUT_MAX);
	for (uint32_t i = 0; i < l.set->n_reports; i++) {
		count[l.rulings[i].verdict]++;
		put_report(c, &l.rulings[i], &out);
	}
	put_sum(c, count, &l, &out);
	status = print(&out);
	return status != CLI_OK ? status : count[SIGMA_REFUSED] + count[SIGMA_NEEDS_LIST] > 0 ? CLI_NO : CLI_OK;
}

const struct cli_cmd CMD_RULES_CHECK = {
	"rules check", { "say of each Sigma rule whether it is loaded, and why not", "逐條檢查 Sigma 規則是否載入及其原因" }, "DIR|FILE...",
	{ "Reads every *.yml below the folders as the detection engine does. Each document is loaded, needs-list (a placeholder has\n"
	  "no values), refused (with line and column), or ignored (no rule, or a filter that was joined to others). Remarks on\n"
	  "loaded rules are shown too. 1 when a rule is not loaded, 2 when there is none at all.",
	  "以偵測引擎的方式讀取資料夾內所有 *.yml。每份文件為 loaded、needs-list（佔位符沒有值）、refused（附行與欄）或 ignored\n"
	  "（非規則，或已併入他條的過濾器）。載入而有附註者一併列出。有規則未載入時結束狀態為 1，完全沒有規則時為 2。" },
	check_opts, check_examples, 1, CLI_OPERANDS_MAX, check_run,
};

/* --- rules list --- */

static const struct cli_opt list_opts[] = {
	{ "level", 0, "LEVEL", { "at least informational, low, medium, high or critical", "最低等級" }, false },
	{ "tag", 0, "TAG", { "only with this tag (attack.t1059; attack.t1059.001 counts too)", "只列含此標籤者" }, false },
	{ "lists", 0, "DIR", { "values of placeholders, as in rules check", "佔位符的值，同 rules check" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const list_examples[] = {
	"what is there against a technique", "lianfang rules list --tag attack.t1003 --level high sigma/rules", NULL,
};

static bool tagged(const struct sigma_rule *r, struct str want)
{
	for (uint32_t i = 0; i < r->n_tags; i++) {
		struct str head = str_slice(r->tags[i], 0, want.n);

		if (str_eq_nocase(head, want) && (r->tags[i].n == want.n || r->tags[i].p[want.n] == '.'))
			return true;
	}
	return want.n == 0;
}

static void put_rule(const struct cli *c, const struct sigma_rule *r, struct buf *out)
{
	struct jsonw w;

	if (!c->json) {
		buf_fmt(out, "%-13s  %-36.*s  %.*s\n", sigma_level_name(r->level), STR(r->id), STR(r->title));
		return;
	}
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_str(&w, "id", r->id);
	jsonw_m_str(&w, "name", r->name);
	jsonw_m_str(&w, "title", r->title);
	jsonw_m_cstr(&w, "kind", r->kind == SIGMA_RULE ? "rule" : "correlation");
	jsonw_m_cstr(&w, "level", sigma_level_name(r->level));
	jsonw_m_str(&w, "status", r->status);
	jsonw_m_str(&w, "author", r->author);
	jsonw_m_str(&w, "product", r->source.product);
	jsonw_m_str(&w, "category", r->source.category);
	jsonw_m_str(&w, "service", r->source.service);
	jsonw_name(&w, "tags");
	jsonw_array(&w);
	for (uint32_t i = 0; i < r->n_tags; i++)
		jsonw_str(&w, r->tags[i]);
	jsonw_array_end(&w);
	jsonw_m_str(&w, "file", r->file);
	jsonw_m_int(&w, "line", r->line);
	jsonw_object_end(&w);
	buf_char(out, '\n');
}

static int list_run(struct cli *c)
{
	CLEANUP(loaded_done) struct loaded l = { 0 };
	const char *level = cli_get(c, "level", "");
	enum sigma_level least = SIGMA_NO_LEVEL;
	struct err err;
	struct buf out;

	while (least <= SIGMA_CRITICAL && strcmp(sigma_level_name(least), level) != 0)
		least++;
	if (least > SIGMA_CRITICAL)
		return cli_failf(c, "--level: expected informational, low, medium, high or critical");
	if (load(c, &l, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, OUTPUT_MAX);
	for (uint32_t i = 0; i < l.set->n_reports; i++) {
		const struct sigma_rule *r = l.rulings[i].rule;

		if (r != NULL && r->level >= least && tagged(r, str_of(cli_get(c, "tag", ""))))
			put_rule(c, r, &out);
	}
	return print(&out);
}

const struct cli_cmd CMD_RULES_LIST = {
	"rules list", { "the rules that load, one a line", "列出可載入的規則" }, "DIR|FILE...",
	{ "Level, id and title; with --json also tags, log source, author and place. rules check tells of those that are missing.",
	  "等級、識別碼與標題；--json 另含標籤、日誌來源、作者與位置。未列出者見 rules check。" },
	list_opts, list_examples, 1, CLI_OPERANDS_MAX, list_run,
};
