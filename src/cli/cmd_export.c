/* Alerts and incidents in the formats of others: files out and in. */
#include "base/text.h"
#include "cli/node_cmd.h"

#define IMPORT_MAX ((size_t)8 << 20)
#define PAGES_MAX 10000
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

/* One thing in one format, as the node gives it. */
static int export_one(struct cli *c, const char *what, const char *format)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_fmt(&path, "/%s/", what);
	percent_put(&path, str_of(c->operands[1]));
	buf_cstr(&path, "/export");
	path_query(&path, "format", format);
	status = node_get_output(c, path.p);
	buf_done(&path);
	return status;
}

/* --- CSV --- */

/* Text that a spreadsheet would take for a formula begins with an apostrophe, which makes it text there. */
static void put_cell(struct buf *out, struct str s)
{
	struct buf guarded;
	bool risky = s.n > 0 && memchr("=+-@\t\r", s.p[0], 6) != NULL;

	buf_init(&guarded, s.n + 2);
	if (risky)
		buf_char(&guarded, '\'');
	buf_str(&guarded, s);
	cli_csv(out, buf_view(&guarded));
	buf_done(&guarded);
}

static void put_rows(const struct json *list, const char *const *members, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, (size_t)1 << 20);
	JSON_EACH(one, list) {
		for (size_t i = 0; members[i] != NULL; i++) {
			const struct json *m = json_path(one, members[i]);

			buf_clear(&cell);
			if (m != NULL && m->type == JSON_STRING)
				buf_str(&cell, json_str(m));
			else if (m != NULL && m->type != JSON_NULL)
				json_print(m, &cell);
			buf_cstr(out, i > 0 ? "," : "");
			put_cell(out, buf_view(&cell));
		}
		buf_char(out, '\n');
	}
	buf_done(&cell);
}

struct table {
	const char *path, *list;       /* with its query; the array in the reply */
	const char *next, *parameter;  /* member that names the next page, and where it goes */
	const char *const *members;
};

/* The rows of one page; *ret_next is where the next begins, empty at the end. False: not what we expect. */
static bool put_page(const struct table *t, struct str reply, struct buf *out, char next[static 128])
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)256 << 20);
	const struct json *v = NULL, *list, *more;
	struct buf text;

	next[0] = '\0';
	if (a == NULL || json_parse(a, reply, &JSON_LIMITS, &v, NULL) != RC_OK)
		return false;
	list = json_get(v, str_of(t->list));
	if (!json_is(list, JSON_ARRAY))
		return false;
	put_rows(list, t->members, out);
	more = json_get(v, str_of(t->next));
	if (more == NULL || more->type == JSON_NULL)
		return true;
	buf_init(&text, 128);
	if (more->type == JSON_STRING)
		buf_str(&text, json_str(more));
	else
		json_print(more, &text);
	snprintf(next, 128, "%.*s", STR(buf_view(&text)));
	buf_done(&text);
	return true;
}

static int export_table(struct cli *c, const struct table *t)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	char next[128] = "";
	struct buf out;
	int status = CLI_OK;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, (size_t)1 << 30);
	for (size_t i = 0; t->members[i] != NULL; i++)
		buf_fmt(&out, "%s%s", i > 0 ? "," : "", t->members[i]);
	buf_char(&out, '\n');
	for (int page = 0; status == CLI_OK && page < PAGES_MAX && (page == 0 || next[0] != '\0'); page++) {
		struct buf path, reply;

		buf_init(&path, 4096);
		buf_cstr(&path, t->path);
		path_query(&path, t->parameter, page == 0 ? NULL : next);
		status = node_get(c, conn, path.p, &reply);
		if (status == CLI_OK && !put_page(t, buf_view(&reply), &out, next))
			status = cli_failf(c, "the node's reply is not the list that was asked for");
		buf_done(&path);
		buf_done(&reply);
	}
	if (status == CLI_OK)
		status = write_output(c, buf_view(&out));
	buf_done(&out);
	return status;
}

/* --- alert export --- */

#define OUTPUT_OPTION { "output", 'o', "FILE", { "write there (standard output)", "輸出檔案（預設為標準輸出）" }, false }

static const struct cli_opt alert_opts[] = {
	{ "format", 'f', "FORMAT", { "stix12 (XML), stix (a bundle of STIX 2.1) or csv: all of them, without NUMBER (stix12)", "stix12（XML）、stix（STIX 2.1）或 csv（全部，不給 NUMBER）" }, false },
	OUTPUT_OPTION,
	NO_OPT,
};
static const char *const alert_examples[] = {
	"for a system that speaks STIX 1.2", "lianfang alert export DIR NATION-EWA-2026-0007 -o warning.xml",
	"all of them, for a spreadsheet", "lianfang alert export DIR --format csv -o alerts.csv", NULL,
};

static int alert_run(struct cli *c)
{
	static const char *const members[] = { "number", "direction", "origin", "code", "category", "title", "tlp", "impact", "exercise", "source", "issued",
					       "came", "due", "recipients", "received", "read", "answered", "id", NULL };
	static const struct table all = { "/bulletins?limit=1000", "bulletins", "last", "before", members };
	const char *format = cli_get(c, "format", "stix12");

	if (strcmp(format, "csv") == 0)
		return c->n_operands > 1 ? cli_failf(c, c->zh ? "--format csv：為全部，不帶 NUMBER" : "--format csv: all of them, without NUMBER") : export_table(c, &all);
	return c->n_operands < 2 ? cli_failf(c, c->zh ? "NUMBER：哪一則情資？" : "NUMBER: which alert?") : export_one(c, "bulletins", format);
}

const struct cli_cmd CMD_ALERT_EXPORT = {
	"alert export", { "an alert as STIX 1.2 or STIX 2.1, or all as CSV", "匯出情資：STIX 1.2、STIX 2.1 或 CSV" }, "DIR [NUMBER]",
	{ "STIX 1.2 knows no AMBER+STRICT: it goes as RED, with a statement by which lianfang knows it again. In CSV a text that a\n"
	  "spreadsheet would take for a formula begins with an apostrophe.",
	  "STIX 1.2 無 AMBER+STRICT，匯出為 RED 並附註；CSV 中可能被試算表視為公式之文字，前方加上單引號。" },
	alert_opts, alert_examples, 1, 2, alert_run,
};

/* --- alert import --- */

static const char *const import_examples[] = { "what another system wrote", "lianfang alert import DIR warning.xml", NULL };

static void show_imported(const struct cli *c, const struct json *v, struct buf *out)
{
	const struct json *list = json_get(v, S("bulletins"));

	if (!json_is(list, JSON_ARRAY))
		return;
	JSON_EACH(one, list) {
		bool drill = json_is(json_get(one, S("exercise")), JSON_TRUE), fresh = json_is(json_get(one, S("fresh")), JSON_TRUE);
		struct str number = json_get_str(one, S("number")), title = json_get_str(one, S("title"));
		int64_t left = 0;

		buf_fmt(out, "%s%.*s  %.*s%s", drill ? "*** EXERCISE 演練 *** " : "", STR(number), STR(title), fresh ? "" : c->zh ? "（先前已知）" : " (known before)");
		if (json_int(json_get(one, S("left_out")), &left) && left > 0)
			buf_fmt(out, c->zh ? "（%lld 項無對應欄位，未匯入）" : " (%lld items have no place here and were left out)", (long long)left);
		buf_char(out, '\n');
	}
}

static int import_run(struct cli *c)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct err err = { 0 };

	if (cli_read(c->operands[1], IMPORT_MAX, &text, &err) != RC_OK)
		return cli_fail(c, &err);
	c->about = c->operands[1];
	return node_cmd(c, c->operands[0], "POST", "/bulletins/import", buf_view(&text), show_imported);
}

const struct cli_cmd CMD_ALERT_IMPORT = {
	"alert import", { "take in an alert from a file: STIX 1.2 or STIX 2.1", "自檔案匯入情資：STIX 1.2 或 STIX 2.1" }, "DIR FILE",
	{ "A file tells nothing of who sent it: the answer becomes a feedback (FBI) that you export and hand back yourself.",
	  "檔案不含送件管道：回復所成之回饋情資（FBI）須自行匯出送回。" },
	NULL, import_examples, 2, 2, import_run,
};

/* --- incident export --- */

static const struct cli_opt incident_opts[] = {
	{ "format", 'f', "FORMAT", { "iodef (XML), stix (a bundle of STIX 2.1) or csv: all of them, without NUMBER (iodef)", "iodef（XML）、stix（STIX 2.1）或 csv（全部，不給 NUMBER）" }, false },
	OUTPUT_OPTION,
	NO_OPT,
};
static const char *const incident_examples[] = {
	"for a team that exchanges incidents as IODEF", "lianfang incident export DIR 2026-000003 -o incident.xml",
	"all of them, for a spreadsheet", "lianfang incident export DIR --format csv -o incidents.csv", NULL,
};

static int incident_run(struct cli *c)
{
	static const char *const members[] = { "number", "title", "state", "level", "open", "due", "opened", "changed", "packs", "exercise", "facts", "id", NULL };
	static const struct table all = { "/incidents?all=true&order=newest&limit=1000", "incidents", "next", "after", members };
	const char *format = cli_get(c, "format", "iodef");

	if (strcmp(format, "csv") == 0)
		return c->n_operands > 1 ? cli_failf(c, c->zh ? "--format csv：為全部，不帶 NUMBER" : "--format csv: all of them, without NUMBER") : export_table(c, &all);
	return c->n_operands < 2 ? cli_failf(c, c->zh ? "NUMBER：哪一事件？" : "NUMBER: which incident?") : export_one(c, "incidents", format);
}

const struct cli_cmd CMD_INCIDENT_EXPORT = {
	"incident export", { "an incident as IODEF or STIX 2.1, or all as CSV", "匯出事件：IODEF、STIX 2.1 或 CSV" }, "DIR [NUMBER]",
	{ "IODEF is version 2 (RFC 7970): each fact is an item of the history. It is written for whoever may see incidents here; whether\n"
	  "it may leave the house is yours to decide.",
	  "IODEF 為第 2 版（RFC 7970），每項事實為一筆歷程。匯出限有權檢視事件者；能否對外提供由您判斷。" },
	incident_opts, incident_examples, 1, 2, incident_run,
};
