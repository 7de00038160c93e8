/* Reports of people without an account. Their words are strangers': what a terminal would act on is shown as an escape, and every
 * line of theirs stands behind a stroke, so that none can pass for ours. */
#include "base/text.h"
#include "cli/node_cmd.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static void put_path(struct buf *path, const struct cli *c, const char *tail)
{
	buf_init(path, 4096);
	buf_cstr(path, "/intake/");
	percent_put(path, str_of(c->operands[1]));
	buf_cstr(path, tail);
}

static void show_words(const struct cli *c, const char *label, struct str text, struct buf *out)
{
	struct buf seen;
	struct str rest, line;

	if (text.n == 0)
		return;
	buf_init(&seen, (size_t)1 << 20);
	utf8_visible(&seen, text);
	buf_fmt(out, "%s\n", cli_word(c, label));
	rest = buf_view(&seen);
	while (str_next(&rest, '\n', &line))
		buf_fmt(out, "  | %.*s\n", STR(line));
	buf_done(&seen);
}

static void show_report(const struct cli *c, const struct json *v, struct buf *out)
{
	struct str code = json_get_str(v, S("code"));

	if (json_is(json_get(v, S("exercise")), JSON_TRUE))
		buf_cstr(out, "*** EXERCISE 演練 ***\n");
	show_line(c, v, "report", "number", out);
	if (code.n > 0)
		show_text(c, "code", code, out);
	show_line(c, v, "state", "state", out);
	show_line(c, v, "channel", "channel", out);
	show_line(c, v, "received", "@received", out);
	if (json_get_str(v, S("incident")).n > 0)
		show_line(c, v, "incident", "incident", out);
	if (json_get_str(v, S("duplicate_of")).n > 0)
		show_line(c, v, "duplicate of", "duplicate_of", out);
	if (json_get_str(v, S("reason")).n > 0)
		show_line(c, v, "reason", "reason", out);
	show_words(c, "what happened", json_get_str(v, S("what")), out);
	show_words(c, "when", json_get_str(v, S("when")), out);
	show_words(c, "contact", json_get_str(v, S("contact")), out);
}

static void show_list(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "number:REPORT", "state:STATE", "@received:RECEIVED", "channel:CHANNEL", "incident:INCIDENT", "summary:SUMMARY", NULL };

	show_table(c, json_get(v, S("reports")), columns, out);
}

static const struct cli_opt list_opts[] = {
	{ "state", 0, "STATE", { "received, opened, duplicate or dismissed", "received、opened、duplicate 或 dismissed" }, false },
	{ "after", 0, "NEXT", { "behind \"next\" of --json", "接續 --json 之 next" }, false },
	{ "limit", 'n', "N", { "at most so many (100)", "筆數上限（100）" }, false },
	NO_OPT,
};
static const char *const list_examples[] = { "what nobody has read yet", "lianfang intake list --state received", NULL };

static int list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/intake");
	path_query(&path, "state", cli_get(c, "state", NULL));
	path_query(&path, "after", cli_get(c, "after", NULL));
	path_query(&path, "limit", cli_get(c, "limit", NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_list);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INTAKE_LIST = {
	"intake list", { "reports of people without an account", "列出免帳號通報" }, "DIR", { NULL, NULL }, list_opts, list_examples, 1, 1, list_run,
};

static const struct cli_opt no_opts[] = { NO_OPT };
static const char *const show_examples[] = { "one in its own words", "lianfang intake show R2026-000017", NULL };

static int show_run(struct cli *c)
{
	struct buf path;
	int status;

	put_path(&path, c, "");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_report);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INTAKE_SHOW = {
	"intake show", { "a report in its own words", "顯示通報原文" }, "DIR REPORT",
	{ "Characters that show nothing and do something (controls, directions of writing) are shown as \\u{202E}; --json has them as escapes.",
	  "控制字元與書寫方向字元以 \\u{202E} 形式顯示；--json 亦以跳脫表示。" },
	no_opts, show_examples, 2, 2, show_run,
};

static const struct cli_opt add_opts[] = {
	{ "what", 0, "TEXT", { "what happened, in the reporter's words", "發生何事（通報者原話）" }, false },
	{ "when", 0, "TEXT", { "when, in the reporter's words", "何時（通報者原話）" }, false },
	{ "contact", 0, "TEXT", { "how to reach the reporter", "聯絡方式" }, false },
	{ "channel", 0, "NAME", { "phone, mail, fax, paper, counter or other", "管道：phone、mail、fax、paper、counter、other" }, false },
	{ "exercise", 0, NULL, { "this is a drill: every text says so", "演練：所有文字均會標示" }, false },
	NO_OPT,
};
static const char *const add_examples[] = { "somebody telephoned", "lianfang intake add --channel phone --what 'screens at the counter show a ransom note' --contact '0900 000 000'", NULL };

static int add_run(struct cli *c)
{
	struct body x;

	body_begin(&x);
	for (const struct cli_opt *o = add_opts; o->name != NULL; o++)
		if (o->arg != NULL)
			body_option(c, &x, o->name, o->name);
	body_switch(c, &x, "exercise", "exercise");
	return body_send(c, &x, "/intake", show_report);
}

const struct cli_cmd CMD_INTAKE_ADD = {
	"intake add", { "write a report down for somebody", "代為登錄通報" }, "DIR",
	{ "Prints the number and the code that the reporter can ask with.", "顯示編號與通報者查詢用之查詢碼。" }, add_opts, add_examples, 1, 1, add_run,
};

static const struct cli_opt open_opts[] = {
	{ "title", 't', "TEXT", { "title of the new incident; default: the report's beginning", "新事件標題；預設為通報開頭" }, false },
	{ "incident", 0, "NUMBER", { "add it to this incident instead", "併入既有事件" }, false },
	{ "exercise", 0, NULL, { "this is a drill: every text says so", "演練：所有文字均會標示" }, false },
	NO_OPT,
};
static const char *const open_examples[] = {
	"it is one", "lianfang intake open R2026-000017 --title 'counter encrypted'", "another word of one that is known", "lianfang intake open R2026-000018 --incident 2026-000004", NULL,
};

static int open_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	body_option(c, &x, "title", "title");
	body_option(c, &x, "incident", "incident");
	body_switch(c, &x, "exercise", "exercise");
	put_path(&path, c, "/open");
	status = body_send(c, &x, path.p, show_report);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INTAKE_OPEN = {
	"intake open", { "make an incident of a report", "由通報建立事件" }, "DIR REPORT",
	{ "At a sector's or a nation's node the incident begins with the fact reported, by the report's channel, when it came in. At a provider's node it\n"
	  "begins with the fact aware, now: the provider's own report is still to be made, and its clock runs.",
	  "於領域或國家層級，事件自 reported 事實起（管道與收件時間依通報）。於提供者層級自 aware 事實起：其自身通報時限開始計算。" },
	open_opts, open_examples, 2, 2, open_run,
};

static const struct cli_opt dismiss_opts[] = {
	{ "reason", 0, "TEXT", { "why it becomes no incident", "不列為事件之理由" }, false },
	{ "duplicate-of", 0, "REPORT", { "it tells what this one told before", "與此通報重複" }, false },
	NO_OPT,
};
static const char *const dismiss_examples[] = {
	"an attempt that was blocked", "lianfang intake dismiss R2026-000019 --reason 'phishing mail that nobody opened; indicators taken'",
	"somebody else reported it first", "lianfang intake dismiss R2026-000020 --duplicate-of R2026-000017", NULL,
};

static int dismiss_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	body_text(&x, "reason", cli_get(c, "reason", cli_has(c, "duplicate-of") ? "" : NULL));
	body_option(c, &x, "duplicate-of", "duplicate_of");
	put_path(&path, c, "/dismiss");
	status = body_send(c, &x, path.p, show_report);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INTAKE_DISMISS = {
	"intake dismiss", { "say why a report becomes no incident", "不列為事件" }, "DIR REPORT",
	{ "The reporter sees that it was read, not the reason. A report that was dismissed can still be opened.", "通報者僅見已審閱，不見理由。已結案之通報仍可再建立事件。" },
	dismiss_opts, dismiss_examples, 2, 2, dismiss_run,
};
