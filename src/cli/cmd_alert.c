/* Alerts that want an answer (ANA, EWA, INT, DEF, FBI): each command is one REST call (/bulletins). */
#include <stdlib.h>

#include "base/text.h"
#include "cli/node_cmd.h"

#define BODY_MAX ((size_t)8 << 20)
#define FILE_MAX ((size_t)2 << 20)
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static void alert_path(struct buf *path, const char *number, const char *tail)
{
	buf_init(path, 4096);
	buf_cstr(path, "/bulletins/");
	percent_put(path, str_of(number));
	buf_cstr(path, tail);
}

/* --- what people see --- */

static void put_exercise(const struct json *v, struct buf *out)
{
	if (json_is(json_get(v, S("exercise")), JSON_TRUE))
		buf_cstr(out, "*** EXERCISE 演練 ***\n");
}

static void put_named(const struct cli *c, const struct json *v, const char *label, const char *member, const char *name, struct buf *out)
{
	struct str id = json_get_str(v, str_of(member)), title = json_get_str(json_get(v, str_of(name)), c->zh ? S("zh-TW") : S("en"));
	char text[200];

	if (id.n == 0)
		return;
	snprintf(text, sizeof text, "%.*s%s%.*s", STR(id), title.n > 0 ? "  " : "", STR(title.p == NULL ? S("") : title));
	show_text(c, label, str_of(text), out);
}

static bool has_text(const struct json *v, const char *marked)
{
	const struct json *m = json_get(v, str_of(marked[0] == '@' || marked[0] == '%' ? marked + 1 : marked));

	return m != NULL && m->n > 0;
}

static void put_texts(const struct cli *c, const struct json *v, const char *label, const char *member, struct buf *out)
{
	const struct json *list = json_get(v, str_of(member));

	if (!json_is(list, JSON_ARRAY))
		return;
	buf_fmt(out, "%s:\n", cli_word(c, label));
	JSON_EACH(one, list)
		buf_fmt(out, "  - %.*s\n", STR(json_str(one)));
}

static void put_table(const struct cli *c, const struct json *v, const char *member, const char *const *columns, struct buf *out)
{
	const struct json *list = json_get(v, str_of(member));

	if (!json_is(list, JSON_ARRAY) || list->n == 0)
		return;
	buf_char(out, '\n');
	show_table(c, list, columns, out);
}

static void show_recipients(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "to:TO", "%state:STATE", "@sent:SENT", "@received:RECEIVED", "@read:READ", "@answered:ANSWERED",
					       "incident:INCIDENT", "reason:REASON", NULL };

	put_table(c, v, "recipients", columns, out);
}

static void show_alert(const struct cli *c, const struct json *v, struct buf *out)
{
	static const struct { const char *label, *member; } lines[] = {
		{ "number", "number" }, { "title", "title" }, { "TLP", "tlp" }, { "impact", "impact" }, { "source", "source" }, { "issued", "@issued" },
		{ "found", "@found" }, { "answer by", "@due" }, { "producer", "producer" }, { "from", "origin" }, { "description", "description" },
		{ "method", "method" }, { "disposition", "%disposition" }, { "reason", "reason" }, { "incident", "incident" },
	};
	static const char *const affected[] = { "product:AFFECTED", "vendor:VENDOR", "version:VERSION", NULL };
	static const char *const observables[] = { "type:TYPE", "value:OBSERVABLE", NULL };
	static const char *const targets[] = { "address:TARGET", "port:PORT", "protocol:PROTOCOL", NULL };
	static const char *const connections[] = { "source_address:SOURCE", "via_address:VIA", "destination_address:DESTINATION",
						   "destination_host:HOST", "destination_port:PORT", NULL };
	static const char *const attached[] = { "name:ATTACHMENT", "media_type:TYPE", NULL };

	put_exercise(v, out);
	put_named(c, v, "code", "code", "code_name", out);
	put_named(c, v, "category", "category", "category_name", out);
	for (size_t i = 0; i < COUNTOF(lines); i++)
		if (has_text(v, lines[i].member))
			show_line(c, v, lines[i].label, lines[i].member, out);
	put_texts(c, v, "actions", "actions", out);
	put_texts(c, v, "references", "references", out);
	put_table(c, v, "affected", affected, out);
	put_table(c, v, "observables", observables, out);
	put_table(c, v, "targets", targets, out);
	put_table(c, v, "connections", connections, out);
	put_table(c, v, "attachments", attached, out);
	show_recipients(c, v, out);
	if (json_get(v, S("here")) != NULL) {
		show_line(c, v, "state", "%here.state", out);
		show_line(c, v, "answered", "@here.answered", out);
		show_line(c, v, "reason", "here.reason", out);
		show_line(c, v, "incident", "here.incident", out);
		show_line(c, v, "feedback", "here.feedback", out);
	}
}

/* After an act: what it is, and how far it came. */
static void show_done(const struct cli *c, const struct json *v, struct buf *out)
{
	put_exercise(v, out);
	show_member(v, "number", out);
	buf_cstr(out, "  ");
	show_member(v, "title", out);
	buf_char(out, '\n');
	show_recipients(c, v, out);
	if (json_get(v, S("here")) != NULL)
		show_line(c, v, "state", "%here.state", out);
	if (json_path(v, "here.feedback") != NULL)
		show_line(c, v, "feedback", "here.feedback", out);
}

static void show_list(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "number:NUMBER", "%direction:DIRECTION", "tlp:TLP", "impact:IMPACT", "@due:DUE", "recipients:TO", "read:READ",
					       "answered:ANSWERED", "exercise:EXERCISE", "title:TITLE", NULL };
	int64_t last;

	show_table(c, json_get(v, S("bulletins")), columns, out);
	if (json_int(json_get(v, S("last")), &last))
		buf_fmt(out, c->zh ? "（還有更多：--before %lld）\n" : "(there are more: --before %lld)\n", (long long)last);
}

/* --- alert new --- */

#define TO_OPTION { "to", 0, "PEER", { "a peer that gets it (repeat for several)", "收件之對等節點（可重複）" }, true }, \
	{ "to-sector", 0, "SECTOR", { "the nodes of all organisations of this sector in the register", "登錄中此領域所有機關之節點" }, false }, \
	{ "to-level", 0, "LEVEL", { "and of this responsibility level", "且為此責任等級" }, false }, \
	{ "to-tier", 0, "TIER", { "and of this tier", "且為此層級" }, false }, \
	{ "to-region", 0, "CODE", { "and of this region", "且為此區域" }, false }, \
	{ "to-parent", 0, "ORG", { "and right below this one", "且直屬此機關" }, false }, \
	{ "to-some", 0, NULL, { "though some of them have no node here", "部分機關尚無節點時仍送交其餘" }, false }

static const struct cli_opt new_opts[] = {
	{ "code", 'c', "CODE", { "ANA announcement, EWA early warning, INT intrusion, DEF defacement, FBI feedback", "ANA 訊息、EWA 預警、INT 入侵、DEF 網頁攻擊、FBI 回饋" }, false },
	{ "title", 't', "TEXT", { "subject, in a line", "主旨" }, false },
	{ "category", 0, "DIGITS", { "code of the kind of event, three digits", "事件類別代碼（三碼）" }, false },
	{ "description", 'd', "TEXT", { "what it is about", "內容說明" }, false },
	{ "method", 0, "TEXT", { "how it is done", "攻擊手法" }, false },
	{ "tlp", 0, "TLP", { "clear, green, amber, amber+strict, red", "保密程度" }, false },
	{ "impact", 0, "N", { "impact, 1 to 4", "影響等級 1 至 4" }, false },
	{ "found", 0, "TIME", { "when it was discovered (RFC 3339)", "發現時間（RFC 3339）" }, false },
	{ "due", 0, "DEADLINE", { "an answer is expected by then (12:00, 2026-03-01 12:00, 36h)", "回復期限（12:00、2026-03-01 12:00、36h）" }, false },
	{ "affected", 0, "PRODUCT", { "affected platform (repeat)", "影響平臺（可重複）" }, true },
	{ "action", 0, "TEXT", { "recommended measure (repeat)", "建議措施（可重複）" }, true },
	{ "reference", 0, "URL", { "reference (repeat)", "參考資料（可重複）" }, true },
	{ "observable", 0, "VALUE", { "address, domain, URL, hash (repeat)", "觀測值：位址、網域、網址、雜湊（可重複）" }, true },
	{ "attach", 0, "FILE", { "attachment (repeat)", "附件（可重複）" }, true },
	{ "source", 0, "NUMBER", { "the alert that this one speaks of", "來源編號" }, false },
	{ "content", 0, "FILE", { "all members as JSON, instead of the options above", "以 JSON 檔提供全部內容" }, false },
	{ "exercise", 0, NULL, { "this is a drill: every text says so", "演練：所有文字均會標示" }, false },
	TO_OPTION,
	NO_OPT,
};
static const char *const new_examples[] = {
	"warn two members, and ask for an answer by noon",
	"lianfang alert new DIR --code EWA --title \"your host may be a relay\" --tlp amber --due 2026-03-01T12:00:00+08:00 --observable 198.51.100.7 --to north --to south",
	"with all members of a file", "lianfang alert new DIR --content warning.json --to north", NULL,
};

static void put_each(const struct cli *c, struct body *x, const char *option, const char *list, const char *member)
{
	if (!cli_has(c, option))
		return;
	jsonw_name(&x->w, list);
	jsonw_array(&x->w);
	for (int i = 0; cli_get_nth(c, option, i) != NULL; i++) {
		if (member == NULL) {
			jsonw_cstr(&x->w, cli_get_nth(c, option, i));
			continue;
		}
		jsonw_object(&x->w);
		jsonw_m_cstr(&x->w, member, cli_get_nth(c, option, i));
		jsonw_object_end(&x->w);
	}
	jsonw_array_end(&x->w);
}

static bool chooses(const struct cli *c)
{
	return cli_has(c, "to-sector") || cli_has(c, "to-level") || cli_has(c, "to-tier") || cli_has(c, "to-region") || cli_has(c, "to-parent");
}

/* Recipients by name, and by what the register says of them. */
static void put_to(const struct cli *c, struct body *x)
{
	static const char *const by[][2] = { { "to-sector", "sector" }, { "to-level", "level" }, { "to-tier", "tier" }, { "to-region", "region" }, { "to-parent", "parent" } };

	put_each(c, x, "to", "to", NULL);
	if (!chooses(c))
		return;
	jsonw_name(&x->w, "whom");
	jsonw_object(&x->w);
	for (size_t i = 0; i < COUNTOF(by); i++)
		body_option(c, x, by[i][0], by[i][1]);
	body_switch(c, x, "to-some", "some");
	jsonw_object_end(&x->w);
}

/* False after an error message. */
static bool put_attachments(struct cli *c, struct body *x)
{
	if (!cli_has(c, "attach"))
		return true;
	jsonw_name(&x->w, "attachments");
	jsonw_array(&x->w);
	for (int i = 0; cli_get_nth(c, "attach", i) != NULL; i++) {
		const char *file = cli_get_nth(c, "attach", i), *slash = strrchr(file, '/');
		struct buf bytes, text;
		struct err err = { 0 };

		if (cli_read(file, FILE_MAX, &bytes, &err) != RC_OK)
			return cli_fail(c, &err) == CLI_OK;
		buf_init(&text, BODY_MAX);
		base64_put(&text, buf_view(&bytes));
		jsonw_object(&x->w);
		jsonw_m_cstr(&x->w, "name", slash == NULL ? file : slash + 1);
		jsonw_m_str(&x->w, "content", buf_view(&text));
		jsonw_object_end(&x->w);
		buf_done(&bytes);
		buf_done(&text);
	}
	jsonw_array_end(&x->w);
	return true;
}

static bool put_content(struct cli *c, struct body *x)
{
	static const char *const texts[] = { "code", "title", "category", "description", "method", "tlp", "found", "due", "source" };
	int64_t impact;

	for (size_t i = 0; i < COUNTOF(texts); i++)
		if (cli_get(c, texts[i], NULL) != NULL)
			jsonw_m_cstr(&x->w, texts[i], cli_get(c, texts[i], NULL));
	if (!cli_get_int(c, "impact", 0, 1, 4, &impact))
		return false;
	if (impact > 0)
		jsonw_m_int(&x->w, "impact", impact);
	if (cli_has(c, "exercise"))
		jsonw_m_bool(&x->w, "exercise", true);
	put_each(c, x, "affected", "affected", "product");
	put_each(c, x, "action", "actions", NULL);
	put_each(c, x, "reference", "references", NULL);
	put_each(c, x, "observable", "observables", "value");
	return put_attachments(c, x);
}

/* The members of the file, and what the command adds to them. */
static bool put_file(struct cli *c, struct body *x)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4 * BODY_MAX);
	CLEANUP(buf_done) struct buf text = { 0 };
	const struct json *v = NULL;
	struct err err = { 0 };

	if (a == NULL)
		return cli_failf(c, "out of memory") == CLI_OK;
	if (cli_read(cli_get(c, "content", NULL), BODY_MAX, &text, &err) != RC_OK || json_parse(a, buf_view(&text), &JSON_LIMITS, &v, &err) != RC_OK)
		return cli_fail(c, &err) == CLI_OK;
	if (v->type != JSON_OBJECT)
		return cli_failf(c, c->zh ? "--content：應為 JSON 物件" : "--content: expected a JSON object") == CLI_OK;
	JSON_MEMBERS(name, value, v)
		if (!str_eq(json_str(name), S("to")) && !str_eq(json_str(name), S("whom"))) {
			jsonw_name_str(&x->w, json_str(name));
			jsonw_value(&x->w, value);
		}
	return true;
}

static int new_run(struct cli *c)
{
	bool file = cli_has(c, "content");
	struct body x;
	int status = CLI_ERROR;

	if (!file && (cli_get(c, "code", NULL) == NULL || cli_get(c, "title", NULL) == NULL))
		return cli_failf(c, c->zh ? "須有 --code 與 --title，或 --content" : "--code and --title, or --content, say what it is");
	if (file && (cli_has(c, "code") || cli_has(c, "title")))
		return cli_failf(c, c->zh ? "--content 已含全部，不可再帶 --code 或 --title" : "--content has it all: no --code and no --title with it");
	body_begin(&x);
	if (file ? put_file(c, &x) : put_content(c, &x)) {
		put_to(c, &x);
		jsonw_object_end(&x.w);
		status = x.b.bad != RC_OK ? cli_failf(c, c->zh ? "情資過大" : "the alert is too large")
					  : node_cmd(c, c->operands[0], "POST", "/bulletins", buf_view(&x.b), show_done);
		if (status == CLI_OK && !cli_has(c, "to") && !chooses(c))
			fprintf(stderr, c->zh ? "lianfang alert new：尚未送交任何節點（alert send 送交）\n" : "lianfang alert new: nobody has it yet (alert send)\n");
	}
	buf_done(&x.b);
	return status;
}

const struct cli_cmd CMD_ALERT_NEW = {
	"alert new", { "issue an alert, and send it to chosen peers", "發布情資並送交指定節點" }, "DIR",
	{ "It gets a number (NODE-EWA-2026-0001) and never changes from then on. Each recipient's receipts - sent, received, read - and\n"
	  "its answer stand in alert show. Without --to it waits for alert send. It is refused where its marking (--tlp) is stricter than\n"
	  "what a peer may have.",
	  "發布後取得編號（NODE-EWA-2026-0001）且內容不再變更。各收件者之送達、收到、已讀與回復見 alert show。未指定 --to 時以 alert send 送出；\n"
	  "保密程度超過對等節點上限者拒絕發送。" },
	new_opts, new_examples, 1, 1, new_run,
};

/* --- alert send --- */

static const struct cli_opt send_opts[] = { TO_OPTION, NO_OPT };
static const char *const send_examples[] = { "to one member more", "lianfang alert send DIR SECTOR-EWA-2026-0001 --to east",
					     "to all of level A in one sector", "lianfang alert send DIR SECTOR-EWA-2026-0001 --to-sector energy --to-level A", NULL };

static int send_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	if (!cli_has(c, "to") && !chooses(c))
		return cli_failf(c, c->zh ? "--to：送往哪個節點？" : "--to: which peer?");
	body_begin(&x);
	put_to(c, &x);
	jsonw_object_end(&x.w);
	alert_path(&path, c->operands[1], "/send");
	status = node_cmd(c, c->operands[0], "POST", path.p, buf_view(&x.b), show_done);
	buf_done(&path);
	buf_done(&x.b);
	return status;
}

const struct cli_cmd CMD_ALERT_SEND = {
	"alert send", { "send an alert to further peers", "將情資送交其他節點" }, "DIR NUMBER", { NULL, NULL }, send_opts, send_examples, 2, 2, send_run,
};

/* --- alert list, show, read --- */

static const struct cli_opt list_opts[] = {
	{ "code", 'c', "CODE", { "ANA, EWA, INT, DEF or FBI", "情資類型" }, false },
	{ "direction", 0, "WAY", { "in: came here; out: issued here", "in：收到；out：發布" }, false },
	{ "open", 0, NULL, { "only those that wait for an answer", "僅列尚待回復者" }, false },
	{ "source", 0, "NUMBER", { "that speak of this alert", "回饋此編號者" }, false },
	{ "before", 0, "ROW", { "the page behind this row", "此列之後的一頁" }, false },
	{ "limit", 'n', "N", { "at most so many (100)", "筆數上限（100）" }, false },
	NO_OPT,
};
static const char *const list_examples[] = {
	"what we have to answer", "lianfang alert list DIR --direction in --open",
	"what was said to one of ours", "lianfang alert list DIR --source SECTOR-EWA-2026-0001", NULL,
};

static int list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/bulletins");
	for (const struct cli_opt *o = list_opts; o->name != NULL; o++)
		path_query(&path, o->name, o->arg == NULL ? (cli_has(c, o->name) ? "true" : NULL) : cli_get(c, o->name, NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_list);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_ALERT_LIST = {
	"alert list", { "alerts that were issued here or came here, newest first", "列出發布與收到之情資（新的在前）" }, "DIR",
	{ "The columns READ and ANSWERED count recipients.", "READ 與 ANSWERED 欄為收件者數。" }, list_opts, list_examples, 1, 1, list_run,
};

static const char *const show_examples[] = { "who has read it, and what they said", "lianfang alert show DIR SECTOR-EWA-2026-0001", NULL };

static int show_run(struct cli *c)
{
	struct buf path;
	int status;

	alert_path(&path, c->operands[1], "");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_alert);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_ALERT_SHOW = {
	"alert show", { "one alert, with its receipts and answers", "顯示一則情資及其回條與回復" }, "DIR NUMBER", { NULL, NULL }, NULL, show_examples, 2, 2, show_run,
};

static const char *const read_examples[] = { "say so, and see it", "lianfang alert read DIR NATION-EWA-2026-0007", NULL };

static int read_run(struct cli *c)
{
	struct buf path;
	int status;

	alert_path(&path, c->operands[1], "/read");
	status = node_cmd(c, c->operands[0], "POST", path.p, S(""), show_alert);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_ALERT_READ = {
	"alert read", { "show an alert that came, and tell its maker that it was read", "閱讀情資並回報已讀" }, "DIR NUMBER", { NULL, NULL },
	NULL, read_examples, 2, 2, read_run,
};

/* --- alert answer --- */

static const struct cli_opt answer_opts[] = {
	{ "reason", 'r', "TEXT", { "why: with false-positive and undetermined", "理由：誤判與無法判斷時必填" }, false },
	{ "incident", 'i', "NUMBER", { "with confirmed: the number of the incident here", "確實事件時必填：本機事件編號" }, false },
	NO_OPT,
};
static const char *const answer_examples[] = {
	"it was real", "lianfang alert answer DIR NATION-EWA-2026-0007 confirmed --incident 2026-000003",
	"it was not", "lianfang alert answer DIR NATION-EWA-2026-0007 false-positive --reason \"our own scanner\"", NULL,
};

static int answer_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	jsonw_m_cstr(&x.w, "disposition", c->operands[2]);
	if (cli_get(c, "reason", NULL) != NULL)
		jsonw_m_cstr(&x.w, "reason", cli_get(c, "reason", NULL));
	if (cli_get(c, "incident", NULL) != NULL)
		jsonw_m_cstr(&x.w, "incident", cli_get(c, "incident", NULL));
	jsonw_object_end(&x.w);
	alert_path(&path, c->operands[1], "/answer");
	status = node_cmd(c, c->operands[0], "POST", path.p, buf_view(&x.b), show_done);
	buf_done(&path);
	buf_done(&x.b);
	return status;
}

const struct cli_cmd CMD_ALERT_ANSWER = {
	"alert answer", { "answer an alert: false positive, confirmed, undetermined", "回復情資：誤判、確實事件、無法判斷" }, "DIR NUMBER DISPOSITION",
	{ "DISPOSITION is false-positive (with a reason), confirmed (with the number of the incident that was opened for it) or\n"
	  "undetermined (with a reason). The answer becomes a feedback (FBI) of its own number that goes back to the maker. A later\n"
	  "answer counts in place of the one before; both are kept.",
	  "DISPOSITION 為 false-positive（誤判，須附理由）、confirmed（確實事件，須附事件編號）或 undetermined（無法判斷，須附理由）。\n"
	  "回復會成為一則回饋情資（FBI）送回發布者；後次回復取代前次，兩者均保留。" },
	answer_opts, answer_examples, 3, 3, answer_run,
};
