/* The desk: each command is one REST call. */
#include "base/text.h"
#include "cli/incident.h"
#include "cli/wizard.h"

#define ITEMS_MAX ((size_t)256 << 10)
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

/* --- what people see --- */

/* To the second, as clocks here show it. */
static void show_instant(const struct json *v, const char *name, struct buf *out)
{
	struct str s = json_get_str(v, str_of(name));
	char shown[TIME_TEXT_MAX];

	buf_fmt(out, "%-20.*s", STR(s.n > 0 ? when_show(s, shown) : S("-")));
}

static void show_clock(const struct cli *c, const struct json *k, struct buf *out)
{
	struct str id = json_get_str(k, S("id")), verdict = json_get_str(k, S("verdict"));
	struct str title = json_str(json_path(k, c->zh ? "title.zh-TW" : "title.en"));
	int64_t left;

	buf_fmt(out, "    %-14.*s ", STR(id));
	show_padded(cli_value(c, verdict), 9, out);
	buf_cstr(out, c->zh ? " 期限 " : " due ");
	show_instant(k, "due", out);
	if (json_int(json_get(k, S("seconds_left")), &left))
		buf_fmt(out, c->zh ? " 尚餘%3lld:%02lld  " : " %3lld:%02lld left  ", (long long)(left / 3600), (long long)(left / 60 % 60));
	else
		buf_fmt(out, "              ");
	buf_fmt(out, "%.*s\n", STR(title));
}

/* "  merged: 2026-000018, 2026-000021" */
static void show_numbers(const struct cli *c, const struct json *list, const char *label, struct buf *out)
{
	bool first = true;

	if (!json_is(list, JSON_ARRAY))
		return;
	JSON_EACH(one, list) {
		struct str number = json_get_str(one, S("number"));

		if (first)
			buf_fmt(out, "  %s: ", cli_word(c, label));
		buf_fmt(out, "%s%.*s", first ? "" : ", ", STR(number));
		first = false;
	}
	if (!first)
		buf_char(out, '\n');
}

/* "  sector (health-isac): has 5 of 5 of our facts, the last at 2026-02-27T16:31:00Z" */
static void show_sharer(const struct cli *c, const struct json *n, int64_t ours, struct buf *out)
{
	struct str name = json_get_str(n, S("name")), tier = json_get_str(n, S("tier")), why = json_get_str(n, S("refused_because"));
	int64_t received = 0, refused = 0, missing = 0;

	(void)json_int(json_get(n, S("received")), &received);
	(void)json_int(json_get(n, S("refused")), &refused);
	(void)json_int(json_get(n, S("missing")), &missing);
	buf_fmt(out, c->zh ? "  %.*s %.*s：已收到本節點 %lld 項事實中之 %lld 項" : "  %.*s %.*s: has %lld of our %lld facts", STR(cli_value(c, tier)), STR(name),
		(long long)(c->zh ? ours : received), (long long)(c->zh ? received : ours));
	if (received > 0) {
		buf_cstr(out, c->zh ? "，最近於 " : ", the last at ");
		show_instant(n, "last_receipt", out);
	}
	if (missing > 0)
		buf_fmt(out, c->zh ? "；其事實尚缺 %lld 項" : "; %lld of its own are still missing here", (long long)missing);
	if (refused > 0)
		buf_fmt(out, c->zh ? "；退回 %lld 項：%.*s" : "; does not take %lld: %.*s", (long long)refused, STR(why));
	buf_char(out, '\n');
}

/* Where it is, beside here. */
static void show_shared(const struct cli *c, const struct json *v, struct buf *out)
{
	const struct json *opened = json_get(v, S("opened_by")), *nodes = json_get(v, S("nodes")), *peers = json_get(v, S("peers"));
	struct str name = json_get_str(opened, S("name")), number = json_get_str(opened, S("number"));
	int64_t ours = 0;

	if (v == NULL)
		return;
	(void)json_int(json_get(v, S("facts_of_ours")), &ours);
	if (json_get(v, S("from")) != NULL)
		buf_fmt(out, c->zh ? "  由 %.*s 建立，該處編號 %.*s\n" : "  opened by %.*s, where it is %.*s\n", STR(name), STR(number));
	if (json_is(nodes, JSON_ARRAY))
		JSON_EACH(n, nodes)
			show_sharer(c, n, ours, out);
	if (json_is(peers, JSON_ARRAY))
		JSON_EACH(p, peers)
			if (json_is(json_get(p, S("withheld")), JSON_TRUE))
				buf_fmt(out, c->zh ? "  未送往 %.*s：高於其 TLP 上限（見 peer add --tlp）\n" :
					"  does not go to %.*s: above the TLP that it may get (peer add --tlp)\n", STR(json_get_str(p, S("peer"))));
}

void show_incident(const struct cli *c, const struct json *v, struct buf *out)
{
	const struct json *views = json_get(v, S("views"));
	struct str number = json_get_str(v, S("number")), title = json_get_str(v, S("title"));

	if (json_is(json_get(v, S("exercise")), JSON_TRUE))
		buf_cstr(out, "*** EXERCISE 演練 ***\n");
	buf_fmt(out, "%.*s  %.*s\n", STR(number), STR(title));
	show_numbers(c, json_get(v, S("merged")), "holds", out);
	show_numbers(c, json_get(v, S("merged_into")), "merged into", out);
	show_shared(c, json_get(v, S("shared")), out);
	if (views == NULL)
		return;
	JSON_EACH(view, views) {
		const struct json *clocks = json_get(view, S("clocks"));
		struct str pack = json_get_str(view, S("pack")), state = json_get_str(view, S("state"));
		int64_t level;

		buf_fmt(out, "  %.*s%s%.*s", STR(pack), c->zh ? "：" : ": ", STR(cli_value(c, state)));
		if (json_int(json_path(view, "level.overall"), &level))
			buf_fmt(out, c->zh ? "，第 %lld 級" : ", level %lld", (long long)level);
		buf_char(out, '\n');
		if (json_is(json_get(view, S("in_force")), JSON_FALSE))
			show_not_in_force(c, out);
		JSON_EACH(k, clocks)
			show_clock(c, k, out);
	}
}

static void show_list(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "number:NUMBER", "%state:STATE", "level:LEVEL", "@due:DUE", "exercise:EXERCISE", "title:TITLE", NULL };

	(void)c;
	show_table(c, json_get(v, S("incidents")), columns, out);
}

/* --- what they say --- */

/* Members of a fact from the options; false after an error message. */
static bool put_fact(struct cli *c, struct body *x, const char *type)
{
	CLEANUP(buf_done) struct buf items = { 0 };
	struct err err = { 0 };
	int64_t level;

	jsonw_m_cstr(&x->w, "type", type);
	body_option(c, x, "claimed", "claimed");
	body_option(c, x, "by", "by");
	body_option(c, x, "channel", "channel");
	body_option(c, x, "reason", "reason");
	body_option(c, x, "grounds", "grounds");
	body_option(c, x, "stage", "stage");
	body_option(c, x, "until", "until");
	body_option(c, x, "ref", "ref");
	body_option(c, x, "subject", "subject");
	body_option(c, x, "note", "note");
	if (cli_has(c, "to")) {
		jsonw_name(&x->w, "to");
		jsonw_array(&x->w);
		for (int i = 0; cli_get_nth(c, "to", i) != NULL; i++)
			jsonw_cstr(&x->w, cli_get_nth(c, "to", i));
		jsonw_array_end(&x->w);
	}
	if (!cli_get_int(c, "level", 0, 0, 9, &level))
		return false;
	if (level > 0)
		jsonw_m_int(&x->w, "level", level);
	if (cli_get(c, "items", NULL) == NULL)
		return true;
	if (cli_read(cli_get(c, "items", NULL), ITEMS_MAX, &items, &err) != RC_OK) {
		(void)cli_fail(c, &err);
		return false;
	}
	jsonw_name(&x->w, "items");
	jsonw_raw(&x->w, str_trim(buf_view(&items)));
	return true;
}

void incident_path(const struct cli *c, const char *tail, struct buf *out)
{
	buf_cstr(out, "/incidents/");
	percent_put(out, str_of(c->operands[1]));
	buf_cstr(out, tail);
}

void put_repeated(const struct cli *c, struct body *x, const char *option, const char *name)
{
	if (!cli_has(c, option))
		return;
	jsonw_name(&x->w, name);
	jsonw_array(&x->w);
	for (int i = 0; cli_get_nth(c, option, i) != NULL; i++)
		jsonw_cstr(&x->w, cli_get_nth(c, option, i));
	jsonw_array_end(&x->w);
}

/* `found`: what the wizard found out, or NULL. */
static int send_fact_with(struct cli *c, const char *type, const struct wizard_said *found)
{
	struct body x;
	struct buf path;
	int status = CLI_ERROR;

	body_begin(&x);
	buf_init(&path, 4096);
	if (put_fact(c, &x, type)) {
		if (found != NULL) {
			jsonw_name(&x.w, "items");
			jsonw_raw(&x.w, buf_view(&found->items));
		}
		if (found != NULL && !cli_has(c, "grounds"))
			jsonw_m_str(&x.w, "grounds", buf_view(&found->grounds));
		incident_path(c, "/facts", &path);
		status = body_send(c, &x, path.p, show_incident);
	} else {
		buf_done(&x.b);
	}
	buf_done(&path);
	return status;
}

static int send_fact(struct cli *c, const char *type)
{
	return send_fact_with(c, type, NULL);
}

#define FACT_OPTIONS \
	{ "claimed", 0, "TIME", { "when it happened (23:30, 2026-02-27 23:30, 20m); default: now", "發生時間（23:30、2026-02-27 23:30、20m）；預設為現在" }, false }, \
	{ "by", 0, "ROLE", { "who states it, a role of the pack; default: by the node's tier", "陳述者之角色；預設依節點層級" }, false }, \
	{ "note", 0, "TEXT", { "kept with the fact", "附註" }, false }
#define LEVEL_OPTIONS \
	{ "level", 0, "N", { "the level", "等級" }, false }, \
	{ "items", 0, "FILE", { "what is affected, as lianfang pack level reads it", "受影響項目，同 pack level" }, false }, \
	{ "grounds", 0, "TEXT", { "why this level", "判定理由" }, false }

/* --- incident open --- */

static const struct cli_opt open_opts[] = {
	{ "title", 't', "TEXT", { "what happened, in a line", "事件標題" }, false },
	{ "pack", 0, "PACK", { "law that applies (repeat for several); default: [desk] pack", "適用之資料包（可重複）" }, true },
	{ "aware", 0, "TIME", { "when somebody concluded that it is an incident (23:30, 2026-02-27 23:30, 20m); default: now", "知悉時間（23:30、2026-02-27 23:30、20m）；預設為現在" }, false },
	{ "subject", 0, "CLASS", { "class of the organisation: government, non-government, ...", "機關類別" }, false },
	{ "exercise", 0, NULL, { "this is a drill: every text says so", "演練：所有文字均會標示" }, false },
	NO_OPT,
};
static const char *const open_examples[] = {
	"an incident became known just now", "lianfang incident open DIR --title \"historian encrypted\"",
	"under two laws, known since 23:30", "lianfang incident open DIR -t \"mail leak\" --pack tw-2026 --pack eu-nis2 --aware 2026-02-27T23:30:00+08:00",
	NULL,
};

static int open_run(struct cli *c)
{
	struct body x;

	if (cli_get(c, "title", NULL) == NULL)
		return cli_failf(c, c->zh ? "--title：發生何事？" : "--title: what happened?");
	body_begin(&x);
	body_option(c, &x, "title", "title");
	body_switch(c, &x, "exercise", "exercise");
	put_repeated(c, &x, "pack", "packs");
	jsonw_name(&x.w, "facts");
	jsonw_array(&x.w);
	jsonw_object(&x.w);
	jsonw_m_cstr(&x.w, "type", "aware");
	body_option(c, &x, "aware", "claimed");
	body_option(c, &x, "subject", "subject");
	jsonw_object_end(&x.w);
	jsonw_array_end(&x.w);
	return body_send(c, &x, "/incidents", show_incident);
}

const struct cli_cmd CMD_INCIDENT_OPEN = {
	"incident open", { "open an incident: its clocks begin to run", "建立事件並開始計時" }, "DIR",
	{ "Prints its number and its clocks. Awareness is the first fact; everything else is stated as further facts (incident state,\n"
	  "report, review), and state, level and clocks follow from them.",
	  "顯示事件編號與各項時限。知悉為第一項事實；其後以 incident state、report、review 陳述事實，狀態、等級與時限由此推導。" },
	open_opts, open_examples, 1, 1, open_run,
};

/* --- incident list, incident show --- */

static const struct cli_opt list_opts[] = {
	{ "all", 'a', NULL, { "closed ones too", "含已結案者" }, false },
	{ "newest", 0, NULL, { "the newest first, not the least time left", "由新到舊，而非依剩餘時間" }, false },
	{ "order", 0, "ORDER", { "due, newest, changed, level or state", "排序：due、newest、changed、level 或 state" }, false },
	{ "state", 0, "STATE", { "only those in this state", "僅列此狀態" }, false },
	{ "level", 0, "N", { "only those of this level", "僅列此等級" }, false },
	{ "limit", 'n', "N", { "at most so many (100)", "筆數上限（100）" }, false },
	NO_OPT,
};
static const char *const list_examples[] = { "what has to be done next", "lianfang incident list", NULL };

static int list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/incidents");
	path_query(&path, "all", cli_has(c, "all") ? "true" : NULL);
	path_query(&path, "order", cli_get(c, "order", cli_has(c, "newest") ? "newest" : NULL));
	path_query(&path, "state", cli_get(c, "state", NULL));
	path_query(&path, "level", cli_get(c, "level", NULL));
	path_query(&path, "limit", cli_get(c, "limit", NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_list);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_LIST = {
	"incident list", { "open incidents, the least time left first", "未結事件，剩餘時間最少者在前" }, "DIR", { NULL, NULL },
	list_opts, list_examples, 1, 1, list_run,
};

static const struct cli_opt show_opts[] = {
	{ "at", 0, "TIME", { "as it was known then (RFC 3339)", "以該時刻所知為準（RFC 3339）" }, false },
	{ "facts", 0, NULL, { "the facts as they came", "列出所有事實" }, false },
	NO_OPT,
};
static const char *const show_examples[] = { "where it stands", "lianfang incident show DIR 2026-000001", NULL };

static void show_facts(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "@at:RECORDED", "@claimed:HAPPENED", "type:TYPE", "by:BY", "level:LEVEL", "id:ID", NULL };
	static const char *const others[] = { "split_from", "merged" };

	show_table(c, json_get(v, S("facts")), columns, out);
	for (size_t i = 0; i < COUNTOF(others); i++) {
		const struct json *list = json_get(v, str_of(others[i]));

		if (!json_is(list, JSON_ARRAY))
			continue;
		JSON_EACH(one, list) {
			struct str number = json_get_str(one, S("number"));

			buf_fmt(out, "\n%.*s\n", STR(number));
			show_table(c, json_get(one, S("facts")), columns, out);
		}
	}
}

static int show_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	incident_path(c, cli_has(c, "facts") ? "/facts" : "", &path);
	path_query(&path, "at", cli_get(c, "at", NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), cli_has(c, "facts") ? show_facts : show_incident);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_SHOW = {
	"incident show", { "state, level and clocks of an incident", "顯示事件狀態、等級與時限" }, "DIR NUMBER", { NULL, NULL },
	show_opts, show_examples, 2, 2, show_run,
};

/* --- incident state, report, review --- */

static const struct cli_opt state_opts[] = {
	FACT_OPTIONS, LEVEL_OPTIONS,
	{ "channel", 0, "NAME", { "of reported: platform or fallback", "通報管道：platform 或 fallback" }, false },
	{ "reason", 0, "TEXT", { "of a fallback: why the platform could not be used", "無法使用平臺之事由" }, false },
	{ "stage", 0, "NAME", { "of reported: early-warning, notification; of requested, decided, completed: extension, transfer, drill, ...", "通報階段；或申請、核定、完成之事項" }, false },
	{ "until", 0, "DEADLINE", { "of extended: the new end; of dispatched, requested: until when it is wanted", "延長後或要求之期限" }, false },
	{ "ref", 0, "ID", { "of corrected, acknowledged, completed: the fact", "所更正、簽收或完成之事實" }, false },
	{ "subject", 0, "CLASS", { "class of the organisation", "機關類別" }, false },
	{ "to", 0, "PEER", { "of dispatched, warned: the incident is shared with this peer (repeat)", "一併分享予此對等節點（可重複）" }, true },
	NO_OPT,
};
static const char *const state_examples[] = {
	"the damage is contained", "lianfang incident state DIR 2026-000001 contained",
	"it was known earlier", "lianfang incident state DIR 2026-000001 corrected --ref FACT --claimed 2026-02-27T22:00:00+08:00",
	NULL,
};

static int state_run(struct cli *c)
{
	return send_fact(c, c->operands[2]);
}

const struct cli_cmd CMD_INCIDENT_STATE = {
	"incident state", { "state a fact about an incident", "陳述事件之事實" }, "DIR NUMBER TYPE",
	{ "TYPE is one of aware, level, reported, backfilled, reviewed, rereviewed, forwarded, contained, recovered, final_report,\n"
	  "extended, returned, accepted, closed, reopened, corrected, dispatched, acknowledged, warned, evidence, meeting, dismissed,\n"
	  "requested, decided, completed, published, note. Nothing is erased: a mistake is corrected by a further fact. A fact that could not count is refused\n"
	  "with the reason.",
	  "TYPE 為事實類型。事實不會刪除：錯誤以後續事實更正；無法採計者附理由退回。" },
	state_opts, state_examples, 3, 3, state_run,
};

static const struct cli_opt report_opts[] = {
	FACT_OPTIONS, LEVEL_OPTIONS,
	{ "channel", 0, "NAME", { "platform or fallback", "通報管道：platform 或 fallback" }, false },
	{ "reason", 0, "TEXT", { "of a fallback: why the platform could not be used", "無法使用平臺之事由" }, false },
	{ "stage", 0, "NAME", { "early-warning, notification", "通報階段" }, false },
	WIZARD_OPTS,
	NO_OPT,
};
static const char *const report_examples[] = {
	"asked step by step", "lianfang report 2026-000001",
	"report it at level 3", "lianfang report DIR 2026-000001 --level 3",
	"by a script, with what the register says",
	"lianfang report DIR 2026-000001 --system historian --answer effect=tamper --answer severity=serious --grounds 'set points were changed'",
	NULL,
};

/* The law of the incident is the one whose questions are asked. */
static int find_pack(struct cli *c, char pack[static 64])
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)64 << 20);
	CLEANUP(node_conn_closep) struct node_conn *conn = NULL;
	const struct json *v;
	struct err err = { 0 };
	struct buf path, reply;
	int http = 0;
	enum rc rc;

	if (a == NULL)
		return cli_failf(c, "no memory");
	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&path, 4096);
	buf_cstr(&path, "/incidents/");
	percent_put(&path, str_of(c->operands[1]));
	rc = node_conn_do(conn, "GET", path.p, S(""), &http, &reply, &err);
	if (rc == RC_OK && http >= 300) {
		node_reply_error(&reply, http, &err);
		rc = RC_NOTFOUND;
	}
	if (rc == RC_OK)
		rc = json_parse(a, buf_view(&reply), &JSON_LIMITS, &v, &err);
	if (rc == RC_OK)
		snprintf(pack, 64, "%.*s", STR(json_get_str(json_item(json_get(v, S("views")), 0), S("pack"))));
	buf_done(&path);
	buf_done(&reply);
	return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
}

static int report_by_wizard(struct cli *c)
{
	struct wizard_said found = { .incident = false };
	char pack[64] = "";
	int status = find_pack(c, pack);
	bool asked = !cli_has(c, "system") && !cli_has(c, "answer"), so = true;
	struct err err = { 0 };

	if (status == CLI_OK)
		status = wizard_run(c, pack, &found);
	if (status == CLI_OK && found.incident && asked && wizard_yes(c, "Report it so?", "是否依此通報？", &so, &err) != RC_OK)
		status = cli_fail(c, &err);
	if (status == CLI_OK && (!found.incident || !so))
		status = CLI_NO;
	else if (status == CLI_OK)
		status = send_fact_with(c, "reported", &found);
	wizard_said_done(&found);
	return status;
}

static int report_run(struct cli *c)
{
	int status;

	if (!cli_has(c, "level") && !cli_has(c, "items") && wizard_wanted(c))
		return report_by_wizard(c);
	status = send_fact(c, "reported");
	/* The hour is kept, and somebody has to tell the rest. */
	if (status == CLI_OK && !cli_has(c, "level") && !cli_has(c, "items"))
		fprintf(stderr, c->zh ? "lianfang report：未同時陳述等級（--system、--items 或 --level）\n" :
			"lianfang report: no level was told with it (--system, --items or --level)\n");
	return status;
}

const struct cli_cmd CMD_REPORT = {
	"report", { "report an incident", "通報事件" }, "DIR NUMBER",
	{ "The same as incident state NUMBER reported; the level and what is affected may be told with it. At a terminal, or with --system, the\n"
	  "wizard of incident level asks what is left and shows the cells that decide, before anything is sent.",
	  "等同 incident state NUMBER reported，可同時陳述等級與受影響項目。於終端機或使用 --system 時，先逐題判定等級並顯示依據，再行通報。" },
	report_opts, report_examples, 2, 2, report_run,
};

static const struct cli_opt review_opts[] = { FACT_OPTIONS, LEVEL_OPTIONS, NO_OPT };
static const char *const review_examples[] = { "confirm level 3", "lianfang review DIR 2026-000001 --level 3 --grounds \"core system, CI\"", NULL };

static int review_run(struct cli *c)
{
	if (cli_get(c, "level", NULL) == NULL || cli_get(c, "grounds", NULL) == NULL)
		return cli_failf(c, c->zh ? "審核須有 --level 與 --grounds" : "a review needs --level and --grounds");
	return send_fact(c, "reviewed");
}

const struct cli_cmd CMD_REVIEW = {
	"review", { "review the level of a reported incident", "審核事件等級" }, "DIR NUMBER", { NULL, NULL }, review_opts, review_examples, 2, 2, review_run,
};
