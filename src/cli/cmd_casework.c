/* From ticket to incident, what was seen in it, and what becomes intelligence: each command is one REST call. */
#include "base/text.h"
#include "cli/incident.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

/* --- ticket raise --- */

static const struct cli_opt raise_opts[] = {
	{ "title", 't', "TEXT", { "what happened, in a line; default: the ticket's title", "事件標題；預設為監控單標題" }, false },
	{ "aware", 0, "TIME", { "when a person concluded that it is an incident (23:30, 2026-02-27 23:30, 20m); default: now", "知悉時間（人員研判確為事件；23:30、2026-02-27 23:30、20m）；預設為現在" }, false },
	{ "pack", 0, "PACK", { "law that applies (repeat for several); default: [desk] pack", "適用之資料包（可重複）" }, true },
	{ "subject", 0, "CLASS", { "class of the organisation", "機關類別" }, false },
	{ "exercise", 0, NULL, { "this is a drill", "演練" }, false },
	{ "note", 'n', "TEXT", { "on what grounds", "研判理由" }, false },
	NO_OPT,
};
static const char *const raise_examples[] = { "it is real", "lianfang ticket raise DIR 2026-000042 --aware 2026-02-27T23:30:00+08:00", NULL };

static int raise_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	body_option(c, &x, "title", "title");
	body_option(c, &x, "aware", "aware");
	body_option(c, &x, "subject", "subject");
	body_option(c, &x, "note", "note");
	body_switch(c, &x, "exercise", "exercise");
	put_repeated(c, &x, "pack", "packs");
	buf_init(&path, 4096);
	buf_cstr(&path, "/tickets/");
	percent_put(&path, str_of(c->operands[1]));
	buf_cstr(&path, "/incident");
	status = body_send(c, &x, path.p, show_incident);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_TICKET_RAISE = {
	"ticket raise", { "make an incident of a ticket", "將監控單轉為資安事件" }, "DIR NUMBER",
	{ "Its evidence goes along: what matched, rules, indicators, and hosts and addresses as observables; ticket and incident refer to\n"
	  "each other. The clocks count from when a person concluded that it is an incident; when the first event happened and when a\n"
	  "detector noticed it is kept beside that.",
	  "證據一併帶入：觸發內容、規則、指標，主機與位址列為觀測值；監控單與事件互相參照。時限自人員知悉起算，並保存首次事件與偵測時間。" },
	raise_opts, raise_examples, 2, 2, raise_run,
};

/* --- incident observable --- */

static void show_observables(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "kind:KIND", "value:VALUE", "role:ROLE", "tlp:TLP", "times:HITS", "indicator:INDICATOR", "note:NOTE", NULL };

	show_table(c, json_get(v, S("observables")), columns, out);
}

static const char *const observable_list_examples[] = { "what was seen", "lianfang incident observable list DIR 2026-000001", NULL };

static int observable_list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	incident_path(c, "/observables", &path);
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_observables);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_OBSERVABLE_LIST = {
	"incident observable list", { "values that were seen in an incident", "列出事件之觀測值" }, "DIR NUMBER", { NULL, NULL }, NULL, observable_list_examples,
	2, 2, observable_list_run,
};

static const struct cli_opt observable_opts[] = {
	{ "kind", 'k', "KIND", { "ipv4, domain, url, sha256, ... or host; default: by its form", "種類；預設依格式判斷" }, false },
	{ "role", 'r', "ROLE", { "attacker, victim, other or unknown (unknown)", "attacker、victim、other 或 unknown" }, false },
	{ "tlp", 0, "LEVEL", { "who may see it", "保密等級" }, false },
	{ "note", 'n', "TEXT", { "what it is", "說明" }, false },
	NO_OPT,
};
static const char *const observable_add_examples[] = {
	"the server that commands came from", "lianfang incident observable add DIR 2026-000001 203.0.113.7 --role attacker --tlp amber",
	"a machine of ours", "lianfang incident observable add DIR 2026-000001 historian-2 --kind host --role victim", NULL,
};

static int observable_add_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	body_text(&x, "value", c->operands[2]);
	body_option(c, &x, "kind", "kind");
	body_option(c, &x, "role", "role");
	body_option(c, &x, "tlp", "tlp");
	body_option(c, &x, "note", "note");
	buf_init(&path, 4096);
	incident_path(c, "/observables", &path);
	status = body_send(c, &x, path.p, NULL);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_OBSERVABLE_ADD = {
	"incident observable add", { "add a value that was seen in an incident", "新增事件觀測值" }, "DIR NUMBER VALUE",
	{ "Stated again, the latest role holds and the strictest marking.", "重複陳述時，以最新之角色與最嚴之保密等級為準。" },
	observable_opts, observable_add_examples, 3, 3, observable_add_run,
};

/* --- dispatch --- */

static const struct cli_opt dispatch_opts[] = {
	{ "to", 0, "NAME", { "the peer or office that is asked (repeat)", "受派之節點或機關（可重複）" }, true },
	{ "action", 'a', "ACTION", { "dispatch, coordinate, direct, warn, forensic_request", "調度 dispatch、協調 coordinate、督導 direct、預警 warn、鑑識請求 forensic_request" }, false },
	{ "until", 0, "DEADLINE", { "until when it is wanted (12:00, 2026-03-01 12:00, 36h)", "要求完成時間（12:00、2026-03-01 12:00、36h）" }, false },
	{ "note", 'n', "TEXT", { "what is asked", "派遣事項" }, false },
	{ "by", 0, "ROLE", { "who asks, a role of the pack; default: by the node's tier", "陳述者之角色；預設依節點層級" }, false },
	NO_OPT,
};
static const char *const dispatch_examples[] = {
	"forensics are asked for", "lianfang dispatch DIR 2026-000001 --action forensic_request --to cib --until 2026-03-01T12:00:00+08:00 --note \"image the historian\"",
	"it is acknowledged, and later done", "lianfang incident state DIR 2026-000001 acknowledged --ref FACT", NULL,
};

static int dispatch_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	if (!cli_has(c, "note"))
		return cli_failf(c, c->zh ? "--note：派遣何事？" : "--note: what is asked?");
	body_begin(&x);
	body_text(&x, "type", "dispatched");
	body_option(c, &x, "action", "action");
	body_option(c, &x, "until", "until");
	body_option(c, &x, "note", "note");
	body_option(c, &x, "by", "by");
	put_repeated(c, &x, "to", "to");
	buf_init(&path, 4096);
	incident_path(c, "/facts", &path);
	status = body_send(c, &x, path.p, show_incident);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_DISPATCH = {
	"dispatch", { "ask another office to act on an incident", "派遣其他機關處理事件" }, "DIR NUMBER",
	{ "The fact of what was asked starts two clocks: its acknowledgement (incident state NUMBER acknowledged --ref FACT) and its end\n"
	  "(completed --ref FACT), which is due at --until. A peer that is named with --to gets the incident.",
	  "派遣事實啟動兩項時限：簽收（acknowledged --ref）與完成（completed --ref，期限為 --until）。--to 所列節點將收到事件。" },
	dispatch_opts, dispatch_examples, 2, 2, dispatch_run,
};

/* --- incident publish-indicators --- */

static const struct cli_opt publish_opts[] = {
	{ "tlp", 0, "LEVEL", { "marking of the indicators; default: [intel] default_tlp", "指標之保密等級；預設 [intel] default_tlp" }, false },
	{ "redact", 0, "FIELDS", { "leave out: creator, description, time, reference (comma-separated)", "略去欄位：creator、description、time、reference（逗號分隔）" }, false },
	{ "value", 'v', "VALUE", { "only this one (repeat)", "僅限此值（可重複）" }, true },
	{ "collection", 'c', "ROOT/NAME", { "put them there", "放入此集合" }, false },
	NO_OPT,
};
static const char *const publish_examples[] = {
	"warn the others without saying whom it hit", "lianfang incident publish-indicators DIR 2026-000001 --tlp green --redact creator,time", NULL,
};

static void show_published(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "indicator:INDICATOR", "kind:KIND", "value:VALUE", NULL }, *const why[] = { "value:VALUE", "why:NOTE", NULL };
	const struct json *left = json_get(v, S("left_out"));

	show_table(c, json_get(v, S("published")), columns, out);
	if (json_is(left, JSON_ARRAY) && left->n > 0) {
		buf_cstr(out, c->zh ? "\n未發布：\n" : "\nnot published:\n");
		show_table(c, left, why, out);
	}
}

static void put_list(const struct cli *c, struct body *x, const char *option)
{
	struct str rest = str_of(cli_get(c, option, "")), one;

	if (!cli_has(c, option))
		return;
	jsonw_name(&x->w, option);
	jsonw_array(&x->w);
	while (str_next(&rest, ',', &one))
		jsonw_str(&x->w, str_trim(one));
	jsonw_array_end(&x->w);
}

static int publish_run(struct cli *c)
{
	struct body x;
	struct buf path;
	int status;

	body_begin(&x);
	body_option(c, &x, "tlp", "tlp");
	body_option(c, &x, "collection", "collection");
	put_list(c, &x, "redact");
	put_repeated(c, &x, "value", "values");
	buf_init(&path, 4096);
	incident_path(c, "/indicators", &path);
	status = body_send(c, &x, path.p, show_published);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_PUBLISH = {
	"incident publish-indicators", { "make indicators of the attacker's values", "將攻擊者觀測值發布為指標" }, "DIR NUMBER",
	{ "Values of the role attacker become indicators of this node, through the same checks as any feed. One that is marked more\n"
	  "strictly than --tlp stays, and so does one that names the victim; a note that does is left out. The incident's number goes\n"
	  "along only where those who may see the indicator may see incidents. Nothing of an exercise is published.",
	  "角色為 attacker 之值經與其他來源相同之檢查成為指標。標記較 --tlp 嚴格或洩漏受害者者不發布；說明若涉受害者則略去。演練不發布。" },
	publish_opts, publish_examples, 2, 2, publish_run,
};
