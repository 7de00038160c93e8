/* The sheets of joint monitoring beside the ticket: devices by the month, and the analysis of a ticket's intelligence. */
#include "base/text.h"
#include "cli/node_cmd.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

struct column { const char *member, *en, *zh; };

/* Text as it is, lists with "; " between (of objects: the first text that there is), all else as JSON. */
static void put_cell(const struct json *m, struct buf *cell)
{
	static const char *const firsts[] = { "pattern", "title", "name", "id" };
	size_t n = 0;

	if (json_is(m, JSON_STRING)) {
		buf_str(cell, json_str(m));
	} else if (json_is(m, JSON_ARRAY)) {
		JSON_EACH(item, m) {
			struct str text = json_str(item);

			for (size_t i = 0; i < COUNTOF(firsts) && text.n == 0; i++)
				text = json_get_str(item, str_of(firsts[i]));
			buf_fmt(cell, "%s%.*s", n++ > 0 ? "; " : "", STR(text));
		}
	} else if (m != NULL && !json_is(m, JSON_NULL)) {
		json_print(m, cell);
	}
}

static void put_header(const struct cli *c, const struct column *columns, struct buf *out)
{
	for (const struct column *k = columns; k->member != NULL; k++) {
		buf_cstr(out, k > columns ? "," : "");
		cli_csv(out, str_of(c->zh ? k->zh : k->en));
	}
	buf_char(out, '\n');
}

/* A member that begins with '^' is of the whole sheet. */
static void put_row(const struct column *columns, const struct json *sheet, const struct json *row, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, (size_t)4 << 20);
	for (const struct column *k = columns; k->member != NULL; k++) {
		buf_clear(&cell);
		put_cell(k->member[0] == '^' ? json_path(sheet, k->member + 1) : json_path(row, k->member), &cell);
		buf_cstr(out, k > columns ? "," : "");
		cli_csv(out, buf_view(&cell));
	}
	buf_char(out, '\n');
	buf_done(&cell);
}

/* --- devices --- */

static const struct cli_opt devices_opts[] = {
	{ "month", 0, "MONTH", { "2026-11; without it the month before this one", "月份（預設為上個月）" }, false },
	{ "csv", 0, NULL, { "comma-separated values with a header", "輸出 CSV" }, false },
	NO_OPT,
};
static const char *const devices_examples[] = {
	"last month's sheet, due by the fifth", "lianfang ticket devices DIR --csv >devices.csv",
	"how it stands this month", "lianfang ticket devices DIR --month 2026-11", NULL,
};

static void show_devices(const struct cli *c, const struct json *v, struct buf *out)
{
	static const struct column columns[] = {
		{ "^month", "month", "月份" }, { "^org", "org", "機關名稱" }, { "^org_id", "org_id", "機關OID" }, { "code", "device_code", "設備代碼" },
		{ "type", "type", "防護類型" }, { "type_name.zh", "type_name", "防護類型名稱" }, { "vendor", "vendor", "設備廠牌" },
		{ "since", "monitored_since", "監控起始" }, { "continuity", "continuity_percent", "紀錄連續性（%）" },
		{ "last_message", "last_event", "最後事件時間" }, { "messages", "messages", "訊息數" }, { "events", "events", "事件數" },
		{ "lost", "lost", "遺失數" }, { "gaps", "gaps", "中斷次數" }, { "longest_gap_seconds", "longest_gap_seconds", "最長中斷（秒）" },
		{ "reasons", "reason_for_gap", "中斷原因" }, { NULL, NULL, NULL },
	};
	static const char *const en[] = { "code:DEVICE", "type_name.en:TYPE", "vendor:VENDOR", "continuity:CONTINUITY %", "gaps:GAPS", "~longest_gap_seconds:LONGEST",
					  "events:EVENTS", "lost:LOST", "last_message:LAST EVENT", NULL };
	static const char *const zh[] = { "code:DEVICE", "type_name.zh:TYPE", "vendor:VENDOR", "continuity:CONTINUITY %", "gaps:GAPS", "~longest_gap_seconds:LONGEST",
					  "events:EVENTS", "lost:LOST", "last_message:LAST EVENT", NULL };
	const struct json *list = json_get(v, S("devices"));

	if (!json_is(list, JSON_ARRAY))
		return;
	if (!cli_has(c, "csv")) {
		buf_fmt(out, c->zh ? "監控設備狀況單 %.*s（%.*s），%.*s 前提報\n" : "monitored devices in %.*s (%.*s); due by %.*s\n", STR(json_get_str(v, S("month"))),
			STR(json_get_str(v, S("org"))), STR(str_slice(json_get_str(v, S("due")), 0, 10)));
		show_table(c, list, c->zh ? zh : en, out);
		return;
	}
	put_header(c, columns, out);
	JSON_EACH(row, list)
		put_row(columns, v, row, out);
	buf_cut(out, out->n - 1); /* printing ends the line */
}

static int devices_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/devices");
	path_query(&path, "month", cli_get(c, "month", NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_devices);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_TICKET_DEVICES = {
	"ticket devices", { "the monthly sheet of monitored devices", "監控設備狀況單（每月）" }, "DIR",
	{ "For each input: code, type and vendor of its device ([input] device, protection, vendor), since when it is monitored, how much of the\n"
	  "time it was heard, what was counted, and why it was not heard: silent, source away, detector away, node down. A device that\n"
	  "falls quiet is noticed by [input] silence. Samples are taken each minute; months are those of the desk's pack.",
	  "各輸入之設備代碼、防護類型、廠牌、監控起始、紀錄連續性、計數與中斷原因（靜默、來源中斷、偵測停止、節點停止）。須以 [input] silence 設定靜默門檻。" },
	devices_opts, devices_examples, 1, 1, devices_run,
};

/* --- analysis --- */

static const struct cli_opt analysis_opts[] = {
	{ "csv", 0, NULL, { "comma-separated values with a header", "輸出 CSV" }, false },
	NO_OPT,
};
static const char *const analysis_examples[] = {
	"what was learned from a ticket, as JSON", "lianfang ticket analysis DIR 2026-000042 --json", NULL,
};

static void put_line(const struct cli *c, const struct json *v, const char *en, const char *zh, const char *member, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, (size_t)4 << 20);
	put_cell(json_path(v, member), &cell);
	if (cell.n > 0)
		buf_fmt(out, "%s%s%.*s\n", c->zh ? zh : en, c->zh ? "：" : ": ", STR(buf_view(&cell)));
	buf_done(&cell);
}

static void show_analysis(const struct cli *c, const struct json *v, struct buf *out)
{
	static const struct column columns[] = {
		{ "ticket", "ticket", "監控單編號" }, { "org", "org", "機關名稱" }, { "subject", "subject", "主旨" }, { "class", "class", "事件類別" },
		{ "impact", "impact", "影響等級" }, { "analysis", "analysis", "分析內容" }, { "indicators", "indicators", "指標" },
		{ "confidence", "confidence", "可信度" }, { "techniques", "techniques", "技術" }, { "suggested_rules", "suggested_rules", "建議規則" },
		{ "disposition", "disposition", "處置結果" }, { "tlp", "tlp", "保密程度" }, { "found", "found", "發現時間" }, { "made", "made", "製表時間" },
		{ NULL, NULL, NULL },
	};

	if (cli_has(c, "csv")) {
		put_header(c, columns, out);
		put_row(columns, v, v, out);
		buf_cut(out, out->n - 1);
		return;
	}
	for (const struct column *k = columns; k->member != NULL; k++)
		put_line(c, v, k->en, k->zh, k->member, out);
}

static int analysis_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/tickets/");
	percent_put(&path, str_of(c->operands[1]));
	buf_cstr(&path, "/analysis");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_analysis);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_TICKET_ANALYSIS = {
	"ticket analysis", { "the intelligence of a ticket: subject, analysis, indicators, rules", "情資分析單" }, "DIR NUMBER",
	{ "Made of the ticket, of what people noted in it, of its indicators as this user may see them, and of the rules that found it.",
	  "彙整監控單內容、處理註記、可見之指標與觸發規則。" },
	analysis_opts, analysis_examples, 2, 2, analysis_run,
};
