/* What a node tells of itself: status, search, alerts, facts, audit, release. */
#include <string.h>

#include "base/text.h"
#include "cli/node_cmd.h"
#include "node/node.h"
#include "store/facts.h"
#include "store/objects.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static void show_status(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const roles[] = { "role:ROLE", "pid:PID", "fences:FENCES", NULL };
	static const char *const inputs[] = { "name:INPUT", "path:PATH", "state:STATE", "messages:MESSAGES", "last_message:LAST", "~behind:BEHIND", "lag:LAG", "lost:LOST",
		"bad_lines:BAD", "hits:HITS", "rule_hits:RULES", NULL };
	static const char *const peers[] = { "name:PEER", "link:LINK", "state:STATE", "delivered:DELIVERED", "failures:FAILURES",
					     "last_error:LAST ERROR", NULL };

	(void)c;
	show_line(c, v, "name", "name", out);
	show_line(c, v, "tier", "%tier", out);
	show_line(c, v, "identity", "identity", out);
	show_line(c, v, "running", "running", out);
	show_line(c, v, "started", "@started", out);
	show_line(c, v, "port", "http.port", out);
	show_line(c, v, "certificate", "cert_sha256", out);
	show_line(c, v, "store", "store.engine", out);
	show_line(c, v, "objects", "store.objects", out);
	show_line(c, v, "versions", "store.versions", out);
	show_line(c, v, "facts", "store.facts", out);
	show_line(c, v, "bytes on disk", "store.bytes_on_disk", out);
	show_line(c, v, "disk full", "store.disk_full", out);
	show_line(c, v, "live indicators", "detector.indicators", out);
	show_line(c, v, "live values", "detector.values", out);
	show_line(c, v, "live patterns", "detector.patterns", out);
	show_line(c, v, "not matchable", "detector.unsupported", out);
	show_line(c, v, "suppressed", "detector.suppressed", out);
	show_line(c, v, "open tickets", "tickets.open", out);
	show_line(c, v, "tickets in progress", "tickets.in_progress", out);
	show_line(c, v, "suppressions", "tickets.suppressions", out);
	show_line(c, v, "held by them", "tickets.held_by_suppressions", out);
	show_line(c, v, "requests", "http.requests", out);
	show_line(c, v, "answered 4xx", "http.client_errors", out);
	show_line(c, v, "malformed", "http.refused_malformed", out);
	show_line(c, v, "too large", "http.refused_size", out);
	show_line(c, v, "TLS failures", "http.tls_failures", out);
	if (json_get(v, S("roles")) != NULL) {
		buf_char(out, '\n');
		show_table(c, json_get(v, S("roles")), roles, out);
	}
	if (json_is(json_get(v, S("inputs")), JSON_ARRAY) && json_get(v, S("inputs"))->n > 0) {
		buf_char(out, '\n');
		show_table(c, json_get(v, S("inputs")), inputs, out);
	}
	if (json_is(json_get(v, S("peers")), JSON_ARRAY) && json_get(v, S("peers"))->n > 0) {
		buf_char(out, '\n');
		show_table(c, json_get(v, S("peers")), peers, out);
	}
}

static int status_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/status", S(""), show_status);
}

const struct cli_cmd CMD_STATUS = {
	"status", { "what the node is doing: store, roles and their fences, peers, inputs", "節點狀態：紀錄庫、角色與隔離、對等節點、輸入" }, "DIR",
	{ "Works on a stopped node too; `running` tells which. Each role is listed with its process and the fences it stands in.",
	  "節點停止時亦可使用，由 `running` 分辨。並列出各角色的行程與其所在的隔離。" }, NULL, EXAMPLE("is all well?", "lianfang status"), 1, 1, status_run,
};

/* --- search --- */

static const struct cli_opt search_opts[] = {
	{ "id", 0, "ID", { "STIX ids, comma-separated", "STIX id" }, false },
	{ "type", 't', "TYPE", { "STIX types, comma-separated", "STIX 型別" }, false },
	{ "text", 0, "TEXT", { "text anywhere in the object", "物件中的文字" }, false },
	{ "collection", 'c', "ROOT/COLLECTION", { "in this collection only", "限此集合" }, false },
	{ "after", 0, "TIME", { "added after this instant (RFC 3339)", "此時刻之後加入" }, false },
	{ "before", 0, "TIME", { "added before this instant", "此時刻之前加入" }, false },
	{ "limit", 0, "N", { "at most so many (100)", "筆數上限（100）" }, false },
	{ "all-versions", 0, NULL, { "older versions too", "含舊版本" }, false },
	NO_OPT,
};
static const char *const search_examples[] = {
	"what is known about a domain", "lianfang search DIR 'evil[.]example'",
	"all malware objects as JSON", "lianfang search DIR --type malware --json", NULL,
};

static void show_objects(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "id:ID", "modified:MODIFIED", "name:NAME", "pattern:PATTERN", NULL };
	const struct json *more = json_get(v, S("more"));

	(void)c;
	show_table(c, json_get(v, S("objects")), columns, out);
	if (json_is(more, JSON_TRUE))
		buf_cstr(out, c->zh ? "（還有更多：--limit 或 --after）\n" : "(there are more: --limit, or --after)\n");
}

static int search_run_cmd(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 65536);
	buf_cstr(&path, "/objects");
	path_query(&path, "value", c->n_operands > 1 ? c->operands[1] : NULL);
	path_query(&path, "id", cli_get(c, "id", NULL));
	path_query(&path, "type", cli_get(c, "type", NULL));
	path_query(&path, "q", cli_get(c, "text", NULL));
	path_query(&path, "collection", cli_get(c, "collection", NULL));
	path_query(&path, "added_after", cli_get(c, "after", NULL));
	path_query(&path, "added_before", cli_get(c, "before", NULL));
	path_query(&path, "limit", cli_get(c, "limit", NULL));
	path_query(&path, "all_versions", cli_has(c, "all-versions") ? "true" : NULL);
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_objects);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_SEARCH = {
	"search", { "find objects by value, id, type, text or time", "依值、id、型別、文字或時間搜尋" }, "DIR [VALUE]",
	{ "VALUE is an observable value, also defanged (hxxp://evil[.]example): a domain, URL, address, hash or e-mail address.",
	  "VALUE 為可觀測值，亦可為去活化寫法（hxxp://evil[.]example）：網域、URL、位址、雜湊或電子郵件。" },
	search_opts,
	search_examples, 1, 2, search_run_cmd,
};

static void show_view(const struct cli *c, const struct json *v, struct buf *out)
{
	const struct json *objects = json_get(v, S("objects")), *lists = json_get(v, S("warninglists"));

	(void)c;
	show_line(c, v, "subject", "subject", out);
	show_line(c, v, "confidence", "confidence", out);
	show_line(c, v, "score", "score", out);
	if (json_is(lists, JSON_ARRAY))
		JSON_EACH(list, lists)
			buf_fmt(out, c->zh ? "警示清單：%.*s\n" : "on warning list      %.*s\n", STR(json_str(list)));
	if (!json_is(objects, JSON_ARRAY))
		return;
	JSON_EACH(o, objects) {
		static const char *const claims[] = { "source:SOURCE", "@received:RECEIVED", "tlp:TLP", "confidence:CONFIDENCE", NULL };

		buf_char(out, '\n');
		show_member(o, "id", out);
		buf_char(out, '\n');
		show_table(c, json_get(o, S("claims")), claims, out);
	}
}

static int show_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 65536);
	buf_cstr(&path, "/values/");
	percent_put(&path, str_of(c->operands[1]));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_view);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_SHOW = {
	"show", { "all that is known about a value or object, with every source's claim", "顯示某值或物件的所有說法與來源" }, "DIR VALUE|ID",
	{ "The view is computed from what the reader may see: every source's claim with its time, TLP and confidence, and the\n"
	  "score that decays with age.",
	  "依讀者可見的內容計算：各來源的說法、時間、TLP、可信度，以及隨時間衰減的分數。" },
	NULL, EXAMPLE("who says what of an address", "lianfang show 203.0.113.7"), 2, 2, show_run,
};

static int release_run(struct cli *c)
{
	struct buf b;
	struct jsonw w;
	int status;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "id", c->operands[1]);
	jsonw_object_end(&w);
	status = node_cmd(c, c->operands[0], "POST", "/release", buf_view(&b), NULL);
	buf_done(&b);
	return status;
}

const struct cli_cmd CMD_RELEASE = {
	"release", { "let an object go to the tiers below", "將物件發布給下層" }, "DIR ID",
	{ "Puts the object into the collection that goes down. The gate still decides for each peer by TLP.",
	  "將物件放入向下的集合；仍由 TLP 閘門依各對等節點決定是否放行。" },
	NULL, EXAMPLE("let the members have it", "lianfang release DIR indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"), 2, 2, release_run,
};

/* --- alerts --- */

static const struct cli_opt list_opts[] = {
	{ "after", 0, "N", { "only rows behind this one", "此列之後" }, false },
	{ "limit", 0, "N", { "at most so many (100)", "筆數上限（100）" }, false },
	NO_OPT,
};

/* A list that goes on says so, and how to see it. */
static void say_more(const struct cli *c, const struct json *v, const char *list, const char *key)
{
	const struct json *rows = json_get(v, str_of(list));
	bool more = false;
	int64_t last = 0;

	if (!json_is(rows, JSON_ARRAY) || !json_bool(json_get(v, S("more")), &more) || !more)
		return;
	JSON_EACH(row, rows)
		(void)json_int(json_get(row, str_of(key)), &last);
	fprintf(stderr, c->zh ? "尚有更多：--after %lld\n" : "there is more: --after %lld\n", (long long)last);
}

static void show_alerts(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "row:ROW", "@at:TIME", "hits:HITS", "ticket:TICKET", "input:INPUT", "where:WHERE", "observable:OBSERVABLE",
					       "detail.matched:MATCHED", "indicator:INDICATOR", NULL };

	show_table(c, json_get(v, S("alerts")), columns, out);
	say_more(c, v, "alerts", "row");
}

static int list_call(struct cli *c, const char *base, reply_show show)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, base);
	path_query(&path, "after", cli_get(c, "after", NULL));
	path_query(&path, "limit", cli_get(c, "limit", NULL));
	path_query(&path, "kind", c->n_operands > 1 ? c->operands[1] : NULL);
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show);
	buf_done(&path);
	return status;
}

static int alerts_run(struct cli *c)
{
	return list_call(c, "/alerts", show_alerts);
}

const struct cli_cmd CMD_ALERTS = { "alerts", { "what the logs of this node met (what others warn of: alert list)", "本節點紀錄之命中（他人警訊見 alert list）" }, "DIR", { NULL, NULL }, list_opts,
	EXAMPLE("the latest hits", "lianfang alerts"), 1, 1, alerts_run };

static void show_facts(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "seq:SEQ", "@at:TIME", "kind:KIND", "actor:ACTOR", "subject:SUBJECT", NULL };

	show_table(c, json_get(v, S("facts")), columns, out);
	say_more(c, v, "facts", "seq");
}

static int facts_run(struct cli *c)
{
	return list_call(c, "/facts", show_facts);
}

static const char *const audit_examples[] = { "releases and refusals by the gate", "lianfang audit list DIR gate.", NULL };

const struct cli_cmd CMD_AUDIT_LIST = {
	"audit list", { "list facts, by kind", "列出事實紀錄" }, "DIR [KIND]",
	{ "KIND is the beginning of a kind: login. node. intel. gate. and so on.", "KIND 為種類的開頭：login.、node.、intel.、gate. 等。" }, list_opts, audit_examples, 1, 2, facts_run,
};

/* What both checks found. */
struct verdict {
	struct fact_verdict facts;
	uint64_t objects;
	bool objects_kept_elsewhere, objects_bad;
	char what[ERR_TEXT_MAX]; /* which object file is damaged */
};

static void put_verdict(const struct cli *c, const struct verdict *v, struct buf *out)
{
	struct jsonw w;

	if (!c->json) {
		if (v->facts.first_bad == 0)
			buf_fmt(out, c->zh ? "%llu 筆事實，全部相符\n" : "%llu facts, all as they were written\n", (unsigned long long)v->facts.checked);
		else
			buf_fmt(out, "%s\n", v->facts.what);
		if (v->objects_bad)
			buf_fmt(out, "%s\n", v->what);
		else if (!v->objects_kept_elsewhere)
			buf_fmt(out, c->zh ? "%llu 個物件，全部相符\n" : "%llu objects, all as they were written\n", (unsigned long long)v->objects);
		return;
	}
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_bool(&w, "valid", v->facts.first_bad == 0 && !v->objects_bad);
	jsonw_m_int(&w, "checked", (int64_t)v->facts.checked);
	if (v->facts.first_bad != 0) {
		jsonw_m_int(&w, "first_bad", (int64_t)v->facts.first_bad);
		jsonw_m_cstr(&w, "message", v->facts.what);
	}
	if (!v->objects_kept_elsewhere)
		jsonw_m_int(&w, "objects_checked", (int64_t)v->objects);
	if (v->objects_bad)
		jsonw_m_cstr(&w, "objects_message", v->what);
	jsonw_object_end(&w);
}

static enum rc verify_objects(struct store *s, struct verdict *v, struct err *err)
{
	struct err why = { 0 };
	enum rc rc = store_verify(s, &v->objects, &why);

	v->objects_kept_elsewhere = rc == RC_UNSUPPORTED;
	v->objects_bad = rc == RC_CORRUPT;
	snprintf(v->what, sizeof v->what, "%s", why.text);
	return rc == RC_OK || rc == RC_UNSUPPORTED || rc == RC_CORRUPT ? RC_OK : FAIL(err, rc, "%s", why.text);
}

static int audit_verify_run(struct cli *c)
{
	struct verdict v = { .objects = 0 };
	struct err err = { 0 };
	struct node n;
	struct buf out;
	enum rc rc;
	int status;

	if (node_open(c->operands[0], true, &n, &err) != RC_OK)
		return cli_fail(c, &err);
	rc = fact_verify(n.store, n.sign_pub, &v.facts, &err);
	if (rc == RC_OK)
		rc = verify_objects(n.store, &v, &err);
	node_close(&n);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, 4096);
	put_verdict(c, &v, &out);
	status = cli_print(&out);
	buf_done(&out);
	return status != CLI_OK ? status : v.facts.first_bad == 0 && !v.objects_bad ? CLI_OK : CLI_NO;
}

const struct cli_cmd CMD_AUDIT_VERIFY = {
	"audit verify", { "check facts and objects, and name the first that was changed", "驗證全部事實與物件" }, "DIR",
	{ "Recomputes the hash of every fact and the signed head, then reads every object against its hash (on SQLite; PostgreSQL\n"
	  "keeps its own). 1 when a fact was changed, dropped or reordered, the tail was cut, or an object is damaged. Works beside\n"
	  "a running node.",
	  "重新計算每筆事實的雜湊並驗證已簽署的鏈首，再逐一核對物件與其雜湊（SQLite；PostgreSQL 自行保證）。事實遭變更、刪除、調換或截尾，\n"
	  "或物件損壞時，結束狀態為 1。節點執行中亦可使用。" },
	NULL, EXAMPLE("was anything changed?", "lianfang audit verify"), 1, 1, audit_verify_run,
};
