/* Monitoring tickets: list, show, decide, hand on. */
#include <fcntl.h>

#include "base/text.h"
#include "cli/node_cmd.h"
#include "sys/file.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

/* --- list --- */

static const struct cli_opt list_opts[] = {
	{ "state", 0, "STATE", { "open, in-progress, closed, or active: not closed", "狀態：open、in-progress、closed、active（未結案）" }, false },
	{ "class", 0, "CLASS", { "RSIT class: malicious-code, intrusions ...", "RSIT 事件類別" }, false },
	{ "disposition", 0, "WORD", { "false-positive, confirmed, undetermined, merged", "處置結果" }, false },
	{ "assignee", 0, "USER", { "given to this user", "承辦人" }, false },
	{ "host", 0, "HOST", { "at this host or sensor", "主機或感測器" }, false },
	{ "level", 0, "LEVEL", { "level of the rule", "規則等級" }, false },
	{ "rule", 0, "ID", { "raised by this rule", "觸發規則" }, false },
	{ "technique", 0, "ID", { "with this ATT&CK technique (T1059.001)", "ATT&CK 技術" }, false },
	{ "indicator", 0, "ID", { "raised by this indicator", "命中指標" }, false },
	{ "since", 0, "DATE|TIME", { "with events at or after this date or instant", "此時刻之後有事件" }, false },
	{ "until", 0, "DATE|TIME", { "with events before this instant or by the end of this date", "此時刻之前有事件" }, false },
	{ "before", 0, "ROW", { "the page behind this row", "此列之後的一頁" }, false },
	{ "limit", 0, "N", { "at most so many (100)", "筆數上限（100）" }, false },
	{ "csv", 0, NULL, { "comma-separated values with a header", "輸出 CSV" }, false },
	NO_OPT,
};
static const char *const list_examples[] = {
	"what is to be done", "lianfang ticket list DIR --state active",
	"all of a class in January, for a spreadsheet", "lianfang ticket list DIR --class malicious-code --since 2026-01-01 --until 2026-01-31 --limit 1000 --csv", NULL,
};

static void show_more(const struct cli *c, const struct json *v, struct buf *out)
{
	int64_t last;

	if (json_is(json_get(v, S("more")), JSON_TRUE) && json_int(json_get(v, S("last")), &last))
		buf_fmt(out, c->zh ? "（還有更多：--before %lld）\n" : "(there are more: --before %lld)\n", (long long)last);
}

static void show_csv(const struct json *list, struct buf *out)
{
	static const char *const members[] = { "number", "state", "disposition", "title", "class", "type", "impact", "level", "host", "input", "protection",
					       "hits", "start", "end", "opened", "closed", "assignee", "tlp", "reporter", "victim.id", "victim.name",
					       "victim.sector", "victim.region" };
	struct buf cell;

	for (size_t i = 0; i < COUNTOF(members); i++)
		buf_fmt(out, "%s%s", i > 0 ? "," : "", members[i]);
	buf_char(out, '\n');
	buf_init(&cell, 65536);
	JSON_EACH(t, list) {
		for (size_t i = 0; i < COUNTOF(members); i++) {
			const struct json *m = json_path(t, members[i]);

			buf_clear(&cell);
			if (m != NULL && m->type == JSON_STRING)
				buf_str(&cell, json_str(m));
			else if (m != NULL)
				json_print(m, &cell);
			buf_cstr(out, i > 0 ? "," : "");
			cli_csv(out, buf_view(&cell));
		}
		buf_char(out, '\n');
	}
	buf_done(&cell);
	if (out->n > 0)
		buf_cut(out, out->n - 1); /* printing ends the line */
}

static void show_tickets(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const en[] = { "number:NUMBER", "%state:STATE", "impact:IMPACT", "class_name.en:CLASS", "reporter:REPORTER", "host:WHERE", "hits:HITS", "@start:START",
					  "@end:END", "title:TITLE", NULL };
	static const char *const zh[] = { "number:NUMBER", "%state:STATE", "impact:IMPACT", "class_name.zh:CLASS", "reporter:REPORTER", "host:WHERE", "hits:HITS", "@start:START",
					  "@end:END", "title:TITLE", NULL };
	const struct json *list = json_get(v, S("tickets"));

	if (!json_is(list, JSON_ARRAY))
		return;
	if (cli_has(c, "csv")) {
		show_csv(list, out);
		return;
	}
	show_table(c, list, c->zh ? zh : en, out);
	show_more(c, v, out);
}

static int list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 65536);
	buf_cstr(&path, "/tickets");
	for (const struct cli_opt *o = list_opts; o->name != NULL; o++)
		if (o->arg != NULL)
			path_query(&path, o->name, cli_get(c, o->name, NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_tickets);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_TICKET_LIST = {
	"ticket list", { "list monitoring tickets, newest first", "列出資安監控單（新的在前）" }, "DIR",
	{ "A ticket holds the alerts of one host and one rule, or one value that indicators name, that lie no further apart than\n"
	  "[tickets] quiet_minutes, with their number; tickets of one host in the same time name each other.",
	  "同一主機、同一規則（或指標之同一值）且相隔不超過 [tickets] quiet_minutes 的警示併為一張監控單並計數；同主機同時段之監控單互為相關。" },
	list_opts, list_examples, 1, 1, list_run,
};

/* --- show --- */

static void put_list(const struct cli *c, const struct json *v, const char *label, const char *name, struct buf *out)
{
	static const char *const titles[] = { "title", "name", "vendor", "peer", "text" };
	const struct json *list = json_get(v, str_of(name));
	bool any = false;

	if (!json_is(list, JSON_ARRAY) || list->n == 0)
		return;
	buf_fmt(out, "%s: ", cli_word(c, label));
	JSON_EACH(x, list) {
		struct str id = json_is(x, JSON_OBJECT) ? json_get_str(x, S("id")) : json_str(x), title = S("");

		if (json_is(x, JSON_OBJECT)) {
			for (size_t i = 0; i < COUNTOF(titles) && title.n == 0; i++)
				title = json_get_str(x, str_of(titles[i]));
			if (id.p == NULL)
				id = json_get_str(x, json_get(x, S("number")) != NULL ? S("number") : S("code"));
		}
		buf_cstr(out, any ? ", " : "");
		if (title.n > 0 && str_starts(id, S("x-lianfang-"))) /* an id of ours tells nobody anything */
			id = title;
		buf_str(out, id);
		if (title.n > 0 && id.p != title.p)
			buf_fmt(out, " (%.*s)", STR(title));
		any = true;
	}
	buf_char(out, '\n');
}

static void show_ticket(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const connections[] = { "between.src.ip:SOURCE", "between.src.port:PORT", "between.dst.ip:DESTINATION", "between.dst.host:HOST",
						   "between.dst.port:PORT", "hits:HITS", NULL };
	static const struct { const char *label, *member; } lines[] = {
		{ "ticket", "number" }, { "state", "%state" }, { "disposition", "%disposition" }, { "merged into", "merged_into" }, { "title", "title" },
		{ "description", "description" }, { "impact", "impact" }, { "level", "level" }, { "reporter", "reporter" }, { "victim", "victim.name" },
		{ "sector", "victim.sector" }, { "region", "victim.region" }, { "host", "host" }, { "log", "input" }, { "hits", "hits" }, { "start", "@start" },
		{ "end", "@end" }, { "opened", "@opened" }, { "closed", "@closed" }, { "closed by", "closed_by" }, { "assignee", "assignee" }, { "TLP", "tlp" },
	};

	for (size_t i = 0; i < COUNTOF(lines); i++) {
		const char *member = lines[i].member + (lines[i].member[0] == '@' || lines[i].member[0] == '%');

		if (json_is(json_path(v, member), JSON_STRING) && json_path(v, member)->n == 0)
			continue;
		show_line(c, v, lines[i].label, lines[i].member, out);
		if (i == 5) {
			show_line(c, v, "class", c->zh ? "class_name.zh" : "class_name.en", out);
			show_line(c, v, "type", c->zh ? "type_name.zh" : "type_name.en", out);
			show_line(c, v, "protection", c->zh ? "protection_name.zh" : "protection_name.en", out);
		}
	}
	put_list(c, v, "rules", "rules", out);
	put_list(c, v, "techniques", "techniques", out);
	put_list(c, v, "tactics", "tactics", out);
	put_list(c, v, "indicators", "indicators", out);
	put_list(c, v, "sightings", "sightings", out);
	put_list(c, v, "related", "related", out);
	put_list(c, v, "devices", "devices", out);
	put_list(c, v, "member's number", "members", out);
	put_list(c, v, "tier above", "feedback", out);
	if (json_is(json_get(v, S("connections")), JSON_ARRAY) && json_get(v, S("connections"))->n > 0) {
		buf_char(out, '\n');
		show_table(c, json_get(v, S("connections")), connections, out);
	}
}

static void ticket_path(struct buf *path, const char *number, const char *tail)
{
	buf_init(path, 65536);
	buf_cstr(path, "/tickets/");
	percent_put(path, str_of(number));
	buf_cstr(path, tail);
}

static void show_facts(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "@at:TIME", "actor:ACTOR", "kind:KIND", "%body.disposition:DISPOSITION", "body.note:NOTE", NULL };

	show_table(c, json_get(v, S("facts")), columns, out);
}

static void show_alerts(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "row:ROW", "@first_seen:START", "@last_seen:END", "hits:HITS", "where:WHERE", "observable:OBSERVABLE", NULL };

	show_table(c, json_get(v, S("alerts")), columns, out);
}

static const struct cli_opt show_opts[] = {
	{ "facts", 0, NULL, { "what was done with it, from the fact log", "處理經過（事實紀錄）" }, false },
	{ "alerts", 0, NULL, { "its alerts, with what matched", "所含警示" }, false },
	NO_OPT,
};

static int show_run(struct cli *c)
{
	bool facts = cli_has(c, "facts"), alerts = cli_has(c, "alerts");
	struct buf path;
	int status;

	if (facts && alerts)
		return cli_failf(c, "--facts or --alerts, not both");
	ticket_path(&path, c->operands[1], facts ? "/facts" : alerts ? "/alerts" : "");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), facts ? show_facts : alerts ? show_alerts : show_ticket);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_TICKET_SHOW = {
	"ticket show", { "one monitoring ticket, with all that belongs to it", "顯示一張資安監控單" }, "DIR NUMBER", { NULL, NULL }, show_opts,
	EXAMPLE("what happened to whom", "lianfang ticket show 2026-000042"), 2, 2, show_run,
};

/* --- acts --- */

/* {"note": …} and one member more; the options of the command that are members of the request. */
static int act(struct cli *c, const char *tail, const char *member, const char *value, reply_show done)
{
	static const char *const options[] = { "note", "disposition", "scope", "value", "until", "for" };
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	if (member != NULL)
		body_text(&x, member, value);
	for (size_t i = 0; i < COUNTOF(options); i++)
		if (member == NULL || strcmp(member, options[i]) != 0)
			body_option(c, &x, options[i], options[i]);
	ticket_path(&path, c->operands[1], tail);
	status = body_send(c, &x, path.p, done);
	buf_done(&path);
	return status;
}

static const struct cli_opt close_opts[] = {
	{ "disposition", 'd', "WORD", { "false-positive, confirmed or undetermined", "誤判 false-positive、確實事件 confirmed、無法判斷 undetermined" }, false },
	{ "note", 'n', "TEXT", { "why", "理由" }, false },
	{ "scope", 0, "SCOPE", { "with false-positive: hold back what follows from this rule, rule+host, rule+value, indicator or indicator+host", "誤判時：往後抑制的範圍" }, false },
	{ "value", 0, "TEXT", { "with rule+value: the value (what matched first)", "rule+value 之值" }, false },
	{ "until", 0, "DATE", { "hold it back until the end of this day, or this instant", "抑制至此日" }, false },
	{ "for", 0, "SPAN", { "hold it back for 30d, 12h, 90m", "抑制期間：30d、12h、90m" }, false },
	NO_OPT,
};
static const char *const close_examples[] = {
	"an inventory script; not again from this host for a month",
	"lianfang ticket close DIR 2026-000042 --disposition false-positive --note 'inventory' --scope rule+host --for 30d",
	"it was real", "lianfang ticket close DIR 2026-000043 --disposition confirmed --note 'host reinstalled'", NULL,
};

static void show_closed(const struct cli *c, const struct json *v, struct buf *out)
{
	buf_cstr(out, c->zh ? "已結案：" : "closed: ");
	show_member(v, "number", out);
	buf_cstr(out, c->zh ? "，處置結果：" : ", ");
	show_member(v, "disposition", out);
	buf_char(out, '\n');
}

static int close_run(struct cli *c)
{
	if (cli_get(c, "disposition", NULL) == NULL)
		return cli_failf(c, "--disposition: false-positive, confirmed or undetermined");
	return act(c, "/close", NULL, NULL, show_closed);
}

const struct cli_cmd CMD_TICKET_CLOSE = {
	"ticket close", { "close a ticket, and say what it was", "結案並註明處置結果" }, "DIR NUMBER",
	{ "A false positive may hold back what would follow, with a scope and an end; it is counted (lianfang suppress list), never\n"
	  "dropped silently. False positives and confirmations change the score of the indicators that raised the ticket, and go up\n"
	  "as opinions on them as far as TLP lets them. Undetermined is recorded and changes nothing.",
	  "誤判可指定範圍與期限抑制後續警示，被抑制者一律計數（lianfang suppress list）。誤判與確實事件會改變相關指標之分數，並於 TLP 允許時上傳為意見；無法判斷僅留紀錄。" },
	close_opts, close_examples, 2, 2, close_run,
};

static const struct cli_opt note_opts[] = { { "note", 'n', "TEXT", { "why", "理由" }, false }, NO_OPT };

static void show_reopened(const struct cli *c, const struct json *v, struct buf *out)
{
	buf_cstr(out, c->zh ? "已重新開啟：" : "open again: ");
	show_member(v, "number", out);
	buf_char(out, '\n');
}

static int reopen_run(struct cli *c)
{
	return act(c, "/reopen", NULL, NULL, show_reopened);
}

const struct cli_cmd CMD_TICKET_REOPEN = {
	"ticket reopen", { "open a closed ticket again", "重新開啟" }, "DIR NUMBER",
	{ "Its verdict is taken back, and the suppression that was made with it ends.", "撤回其處置結果，並終止隨之建立的抑制。" }, note_opts,
	EXAMPLE("it was no false positive after all", "lianfang ticket reopen 2026-000042 --note 'seen again'"), 2, 2, reopen_run,
};

static int assign_run(struct cli *c)
{
	return act(c, "/assign", "to", c->n_operands > 2 ? c->operands[2] : "", NULL);
}

const struct cli_cmd CMD_TICKET_ASSIGN = {
	"ticket assign", { "give a ticket to a user, or to nobody", "指派承辦人" }, "DIR NUMBER [USER]", { NULL, NULL }, note_opts,
	EXAMPLE("to alice", "lianfang ticket assign DIR 2026-000042 alice"), 2, 3, assign_run,
};

static int note_run(struct cli *c)
{
	return act(c, "/note", "note", c->operands[2], NULL);
}

const struct cli_cmd CMD_TICKET_NOTE = {
	"ticket note", { "note something about a ticket", "新增註記" }, "DIR NUMBER TEXT", { NULL, NULL }, NULL,
	EXAMPLE("what was done", "lianfang ticket note DIR 2026-000042 'called the user'"), 3, 3, note_run,
};

static int relate_run(struct cli *c)
{
	return act(c, "/related", "number", c->operands[2], NULL);
}

const struct cli_cmd CMD_TICKET_RELATE = {
	"ticket relate", { "relate two tickets to each other", "建立相關監控單" }, "DIR NUMBER OTHER", { NULL, NULL }, note_opts,
	EXAMPLE("the same attacker", "lianfang ticket relate DIR 2026-000042 2026-000043"), 3, 3, relate_run,
};

/* --- export --- */

static const struct cli_opt export_opts[] = {
	{ "format", 'f', "FORMAT", { "json, or sheet: the monitoring sheet as Markdown (sheet)", "json，或 sheet：監控單（Markdown）" }, false },
	{ "sheet-lang", 0, "LANG", { "zh-TW or en (the language of this command)", "zh-TW 或 en" }, false },
	{ "output", 'o', "FILE", { "write there (standard output)", "輸出檔案" }, false },
	NO_OPT,
};
static const char *const export_examples[] = {
	"the sheet in Chinese, for printing", "lianfang ticket export DIR 2026-000042 --sheet-lang zh-TW -o ticket.md",
	"for another program", "lianfang ticket export DIR 2026-000042 --format json", NULL,
};

static int export_run(struct cli *c)
{
	struct str format = str_of(cli_get(c, "format", "sheet"));
	bool json = str_eq(format, S("json"));
	struct buf path;
	int status;

	if (!json && !str_eq(format, S("sheet")))
		return cli_failf(c, "--format: json or sheet");
	ticket_path(&path, c->operands[1], json ? "" : "/sheet");
	if (!json)
		path_query(&path, "lang", cli_get(c, "sheet-lang", c->zh ? "zh-TW" : "en"));
	status = node_get_output(c, path.p);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_TICKET_EXPORT = {
	"ticket export", { "one ticket as JSON, or as the monitoring sheet", "匯出監控單" }, "DIR NUMBER",
	{ "The sheet has the fields of the joint monitoring's ticket, in zh-TW or English, and prints.",
	  "監控單具聯防監控之欄位，可輸出中文或英文並列印。" }, export_opts, export_examples, 2, 2, export_run,
};
