/* What is held back: list, add, remove. */
#include "base/text.h"
#include "cli/node_cmd.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static const struct cli_opt list_opts[] = {
	{ "all", 0, NULL, { "also those that are over or were removed", "含已到期或已移除者" }, false },
	{ "after", 0, "ROW", { "only rows behind this one", "此列之後" }, false },
	NO_OPT,
};

static void show_suppressions(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "row:ROW", "state:STATE", "scope:SCOPE", "rule:RULE", "indicator:INDICATOR", "host:WHERE", "value:VALUE",
					       "@until:UNTIL", "held:HELD", "created_by:BY", "ticket:TICKET", "note:NOTE", NULL };

	show_table(c, json_get(v, S("suppressions")), columns, out);
}

static int list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/suppressions");
	path_query(&path, "all", cli_has(c, "all") ? "true" : NULL);
	path_query(&path, "after", cli_get(c, "after", NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_suppressions);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_SUPPRESS_LIST = {
	"suppress list", { "what is held back, until when, and how much of it", "列出抑制及其計數" }, "DIR", { NULL, NULL }, list_opts,
	EXAMPLE("what is held back now", "lianfang suppress list"), 1, 1, list_run,
};

static const struct cli_opt add_opts[] = {
	{ "scope", 0, "SCOPE", { "rule, rule+host, rule+value, indicator, indicator+host", "範圍" }, false },
	{ "rule", 0, "ID", { "the rule", "規則" }, false },
	{ "indicator", 0, "ID", { "the indicator", "指標" }, false },
	{ "host", 0, "HOST", { "the host", "主機" }, false },
	{ "value", 0, "TEXT", { "a value that matched", "相符值" }, false },
	{ "until", 0, "DATE", { "until the end of this day, or this instant", "至此日" }, false },
	{ "for", 0, "SPAN", { "for 30d, 12h, 90m", "期間：30d、12h、90m" }, false },
	{ "note", 'n', "TEXT", { "why", "理由" }, false },
	{ "force", 0, NULL, { "also a rule or an indicator that this node does not know", "不論本節點是否知悉該規則或指標" }, false },
	NO_OPT,
};
static const char *const add_examples[] = {
	"the scanner is ours", "lianfang suppress add DIR --scope rule+host --rule 5c2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21 --host scanner1 --for 90d --note 'our scanner'", NULL,
};

/* Without --scope it is what the other options say. */
static const char *scope_of(const struct cli *c)
{
	bool host = cli_has(c, "host");

	if (cli_get(c, "scope", NULL) != NULL)
		return cli_get(c, "scope", NULL);
	if (cli_has(c, "indicator"))
		return host ? "indicator+host" : "indicator";
	return host ? "rule+host" : cli_has(c, "value") ? "rule+value" : "rule";
}

static void show_added(const struct cli *c, const struct json *v, struct buf *out)
{
	buf_cstr(out, c->zh ? "已新增抑制 " : "suppression ");
	show_member(v, "row", out);
	buf_cstr(out, c->zh ? "：" : " added: ");
	show_member(v, "scope", out);
	buf_cstr(out, c->zh ? "，至 " : ", until ");
	show_member(v, "until", out);
	buf_char(out, '\n');
}

static int add_run(struct cli *c)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "scope", scope_of(c));
	for (const struct cli_opt *o = &add_opts[1]; o->name != NULL; o++)
		if (strcmp(o->name, "force") != 0)
			body_option(c, &x, o->name, o->name);
	body_switch(c, &x, "force", "force");
	return body_send(c, &x, "/suppressions", show_added);
}

const struct cli_cmd CMD_SUPPRESS_ADD = {
	"suppress add", { "hold back matches of a rule or an indicator until an end", "新增抑制（須有期限）" }, "DIR",
	{ "What is held back makes no alert, no ticket and no sighting; it is counted and listed. A rule that is neither in force nor named by\n"
	  "a ticket, and an indicator that this node does not hold, are refused: --force says that they are meant.",
	  "被抑制者不產生警示、監控單與目擊，但一律計數並可列出。未載入且無監控單提及的規則、本節點沒有的指標將被拒絕，除非加上 --force。" },
	add_opts, add_examples, 1, 1, add_run,
};

static void show_removed(const struct cli *c, const struct json *v, struct buf *out)
{
	buf_cstr(out, c->zh ? "已移除抑制 " : "suppression ");
	show_member(v, "row", out);
	buf_cstr(out, c->zh ? "\n" : " removed\n");
}

static int remove_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/suppressions/");
	percent_put(&path, str_of(c->operands[1]));
	status = node_cmd(c, c->operands[0], "DELETE", path.p, S(""), show_removed);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_SUPPRESS_REMOVE = {
	"suppress remove", { "hold back no longer", "移除抑制" }, "DIR ROW", { NULL, NULL }, NULL,
	EXAMPLE("number 3 of suppress list", "lianfang suppress remove DIR 3"), 2, 2, remove_run,
};
