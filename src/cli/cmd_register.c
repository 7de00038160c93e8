/* Registers: organisations, ICT systems, people, duty. The members of an entry come from desk/registry.h; the commands of the four
 * differ in their words only. */
#include "base/text.h"
#include "cli/csv_read.h"
#include "cli/node_cmd.h"
#include "desk/registry.h"

#define BODY_MAX ((size_t)64 << 20)
#define FILE_SIZE_MAX ((size_t)32 << 20)
#define PAGE 1000
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static enum register_kind kind_of(const struct cli *c)
{
	for (int k = 0; k < REGISTER_KINDS; k++) {
		struct str word = str_of(REGISTRY[k].command);

		if (str_starts(str_of(c->cmd->name), word) && c->cmd->name[word.n] == ' ')
			return (enum register_kind)k;
	}
	return REGISTER_ORGANISATION;
}

/* "/organisations", "/organisations/ID/history" */
static void put_path(struct buf *path, const struct cli *c, const char *id, const char *tail)
{
	buf_init(path, 4096);
	buf_fmt(path, "/%s", REGISTRY[kind_of(c)].plural);
	if (id != NULL) {
		buf_char(path, '/');
		percent_put(path, str_of(id));
	}
	buf_cstr(path, tail);
}

/* --- texts of members, as options and CSV have them --- */

static void put_items(struct jsonw *w, struct str text)
{
	struct str piece;

	while (str_next(&text, ';', &piece))
		if (str_trim(piece).n > 0)
			jsonw_str(w, str_trim(piece));
}

static bool is_word(struct str text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (str_eq_nocase(text, str_of(*list)))
			return true;
	return false;
}

/* The member of a text; an empty one takes it away. What is no such thing goes as it is: the node says so. */
static void put_member(struct jsonw *w, const struct registry_field *f, struct str text)
{
	static const char *const yes[] = { "yes", "true", "y", "1", "是", NULL }, *const no[] = { "no", "false", "n", "0", "否", NULL };
	int64_t hours;

	jsonw_name(w, f->name);
	if (text.n == 0) {
		jsonw_null(w);
	} else if (f->type == REGISTRY_LIST || f->type == REGISTRY_CONTACTS) {
		jsonw_array(w);
		put_items(w, text);
		jsonw_array_end(w);
	} else if (f->type == REGISTRY_FLAG && (is_word(text, yes) || is_word(text, no))) {
		jsonw_bool(w, is_word(text, yes));
	} else if (f->type == REGISTRY_HOURS && str_to_i64(text, &hours)) {
		jsonw_int(w, hours);
	} else {
		jsonw_str(w, text);
	}
}

static void text_of_one(const struct json *v, struct buf *out)
{
	struct str verified = json_get_str(v, S("verified"));

	if (v->type != JSON_OBJECT) {
		buf_str(out, json_str(v));
		return;
	}
	buf_fmt(out, "%.*s:%.*s", STR(json_get_str(v, S("kind"))), STR(json_get_str(v, S("value"))));
	if (verified.n > 0)
		buf_fmt(out, " %.*s", STR(verified));
}

/* The other way round. */
static void text_of(const struct json *v, struct buf *out)
{
	if (v == NULL || v->type == JSON_NULL)
		return;
	if (v->type == JSON_ARRAY) {
		JSON_EACH(one, v) {
			if (one != v + 1)
				buf_cstr(out, "; ");
			text_of_one(one, out);
		}
	} else if (v->type == JSON_STRING) {
		buf_str(out, json_str(v));
	} else if (v->type == JSON_TRUE || v->type == JSON_FALSE) {
		buf_cstr(out, v->type == JSON_TRUE ? "yes" : "no");
	} else {
		json_print(v, out);
	}
}

/* --- add, set, show, list, remove --- */

static bool put_options(const struct cli *c, struct jsonw *w)
{
	bool any = false;

	for (const struct registry_field *f = REGISTRY[kind_of(c)].fields; f->name != NULL; f++) {
		bool several = (f->type == REGISTRY_LIST || f->type == REGISTRY_CONTACTS) && cli_get_nth(c, f->option, 1) != NULL;

		if (!cli_has(c, f->option))
			continue;
		any = true;
		if (!several) {
			put_member(w, f, str_of(cli_get(c, f->option, "")));
			continue;
		}
		jsonw_name(w, f->name);
		jsonw_array(w);
		for (int i = 0; cli_get_nth(c, f->option, i) != NULL; i++)
			put_items(w, str_of(cli_get_nth(c, f->option, i)));
		jsonw_array_end(w);
	}
	return any;
}

static void show_entry(const struct cli *c, const struct json *v, struct buf *out)
{
	struct buf text;

	if (json_is(json_get(v, S("retired")), JSON_TRUE))
		buf_cstr(out, c->zh ? "*** 已停用 ***\n" : "*** retired ***\n");
	show_line(c, v, "id", "id", out);
	buf_init(&text, (size_t)1 << 20);
	for (const struct registry_field *f = REGISTRY[kind_of(c)].fields; f->name != NULL; f++) {
		const struct json *m = json_get(v, str_of(f->name));

		if (m == NULL)
			continue;
		buf_clear(&text);
		text_of(m, &text);
		show_text(c, f->type == REGISTRY_LEVEL ? "responsibility" : f->option, buf_view(&text), out);
	}
	buf_done(&text);
	show_line(c, v, "who", "person_name", out);
	show_line(c, v, "version", "version", out);
	show_line(c, v, "changed", "@changed", out);
	show_line(c, v, "changed by", "changed_by", out);
}

static void show_done(const struct cli *c, const struct json *v, struct buf *out)
{
	show_member(v, "id", out);
	buf_cstr(out, "  ");
	show_member(v, json_get(v, S("name")) != NULL ? "name" : "person_name", out);
	if (json_is(json_get(v, S("retired")), JSON_TRUE))
		buf_cstr(out, c->zh ? "（已停用）" : " (retired)");
	buf_char(out, '\n');
}

static int send_entry(struct cli *c, const char *method, const char *id)
{
	struct buf body, path;
	struct jsonw w;
	int status;
	bool any;

	buf_init(&body, BODY_MAX);
	jsonw_init(&w, &body);
	jsonw_object(&w);
	if (cli_has(c, "id"))
		jsonw_m_cstr(&w, "id", cli_get(c, "id", NULL));
	any = put_options(c, &w);
	jsonw_object_end(&w);
	put_path(&path, c, id, "");
	status = !any ? cli_failf(c, c->zh ? "要設定什麼？（見 --help）" : "what is to be set? (--help)") :
		 node_cmd(c, c->operands[0], method, path.p, buf_view(&body), show_done);
	buf_done(&body);
	buf_done(&path);
	return status;
}

static int add_run(struct cli *c)
{
	return send_entry(c, "POST", NULL);
}

static int set_run(struct cli *c)
{
	return send_entry(c, "PATCH", c->operands[1]);
}

static void show_list(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[REGISTER_KINDS][10] = {
		[REGISTER_ORGANISATION] = { "id:ID", "name:NAME", "parent:PARENT", "tier:TIER", "sector:SECTOR", "level:LEVEL", "region:REGION", "peer:PEER" },
		[REGISTER_SYSTEM] = { "id:ID", "name:NAME", "organisation:ORG", "core:CORE", "ci:CI", "secrecy:SECRECY", "mtpd:MTPD" },
		[REGISTER_PERSON] = { "id:ID", "name:NAME", "organisation:ORG", "email:E-MAIL" },
		[REGISTER_DUTY] = { "id:ID", "person:PERSON", "person_name:NAME", "from:FROM", "until:UNTIL", "note:NOTE" },
	};

	show_table(c, json_get(v, S("entries")), columns[kind_of(c)], out);
}

static int list_run(struct cli *c)
{
	static const char *const filters[] = { "parent", "sector", "level", "tier", "region", "person", "at", "unverified", "after", "limit" };
	struct buf path;
	int status;

	put_path(&path, c, NULL, "");
	path_query(&path, "all", cli_has(c, "all") ? "true" : NULL);
	path_query(&path, "organisation", cli_get(c, "org", NULL));
	for (size_t i = 0; i < COUNTOF(filters); i++)
		path_query(&path, filters[i], cli_get(c, filters[i], NULL));
	if (str_eq(str_of(c->cmd->name), S("duty now")))
		path_query(&path, "at", "now");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_list);
	buf_done(&path);
	return status;
}

static void show_history(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "version:VERSION", "@at:TIME", "by:ACTOR", "retired:RETIRED", "entry.name:NAME", NULL };

	show_table(c, json_get(v, S("versions")), columns, out);
}

static int show_run(struct cli *c)
{
	bool history = cli_has(c, "history");
	struct buf path;
	int status;

	put_path(&path, c, c->operands[1], history ? "/history" : "");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), history ? show_history : show_entry);
	buf_done(&path);
	return status;
}

static int remove_run(struct cli *c)
{
	bool undo = cli_has(c, "undo");
	struct buf path;
	int status;

	put_path(&path, c, c->operands[1], undo ? "/restore" : "");
	status = node_cmd(c, c->operands[0], undo ? "POST" : "DELETE", path.p, S(""), show_done);
	buf_done(&path);
	return status;
}

/* --- import --- */

struct importing {
	enum register_kind kind;
	struct jsonw w;
	const struct registry_field *columns[CSV_FIELDS_MAX]; /* NULL: the id, or (skip) nothing */
	bool skip[CSV_FIELDS_MAX];
	size_t n;
	bool started;
};

/* A column is named like a member or its option; what --json and the exports of others add (version, changed) is left alone. */
static enum rc read_header(struct importing *im, const struct csv_record *r, struct err *err)
{
	static const char *const left[] = { "version", "created", "changed", "changed_by", "retired", "person_name", NULL };

	for (size_t i = 0; i < r->n; i++) {
		const struct registry_field *f = REGISTRY[im->kind].fields;

		while (f->name != NULL && !str_eq_nocase(r->fields[i], str_of(f->name)) && !str_eq_nocase(r->fields[i], str_of(f->option)))
			f++;
		im->columns[i] = f->name != NULL ? f : NULL;
		im->skip[i] = f->name == NULL && is_word(r->fields[i], left);
		if (f->name == NULL && !im->skip[i] && !str_eq_nocase(r->fields[i], S("id")))
			return FAIL(err, RC_BAD, "%u: no column is called '%.*s' (an export shows them all)", r->line, STR(str_slice(r->fields[i], 0, 60)));
		for (size_t k = 0; k < i; k++)
			if (im->columns[k] == im->columns[i] && !im->skip[k] && !im->skip[i])
				return FAIL(err, RC_BAD, "%u: two columns are called '%.*s'", r->line, STR(str_slice(r->fields[i], 0, 60)));
	}
	im->n = r->n;
	im->started = true;
	return RC_OK;
}

static enum rc take_record(void *ctx, const struct csv_record *r, struct err *err)
{
	struct importing *im = ctx;

	if (!im->started)
		return read_header(im, r, err);
	if (r->n != im->n)
		return FAIL(err, RC_BAD, "%u: %zu fields, the first line has %zu", r->line, r->n, im->n);
	jsonw_object(&im->w);
	jsonw_m_int(&im->w, "line", r->line);
	for (size_t i = 0; i < r->n; i++) {
		if (im->columns[i] != NULL)
			put_member(&im->w, im->columns[i], r->fields[i]);
		else if (!im->skip[i])
			jsonw_m_str(&im->w, "id", r->fields[i]);
	}
	jsonw_object_end(&im->w);
	return RC_OK;
}

static void show_imported(const struct cli *c, const struct json *v, struct buf *out)
{
	int64_t added = 0, changed = 0, same = 0;

	(void)json_int(json_get(v, S("added")), &added);
	(void)json_int(json_get(v, S("changed")), &changed);
	(void)json_int(json_get(v, S("same")), &same);
	buf_fmt(out, c->zh ? "新增 %lld、變更 %lld、未變 %lld\n" : "added %lld, changed %lld, unchanged %lld\n", (long long)added, (long long)changed,
		(long long)same);
}

/* What the node found, a line each; the exit status. */
static int tell_problems(struct cli *c, const struct buf *reply)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	const struct json *v, *problems;
	struct err err = { 0 };
	struct buf out;
	int status;

	if (a == NULL || json_parse(a, buf_view(reply), &JSON_LIMITS, &v, &err) != RC_OK)
		return cli_failf(c, "the node's reply is not JSON: %s", err.text);
	problems = json_get(v, S("problems"));
	if (json_is(problems, JSON_ARRAY))
		JSON_EACH(one, problems) {
			struct str message = json_get_str(one, S("message"));
			int64_t line = 0;

			(void)json_int(json_get(one, S("line")), &line);
			fprintf(stderr, "%s:%lld: %.*s\n", c->operands[1], (long long)line, STR(message));
		}
	if (json_is(problems, JSON_ARRAY) && problems->n > 0) {
		fprintf(stderr, "%s", c->zh ? "未匯入任何資料\n" : "nothing was imported\n");
		return c->json && cli_print(reply) != CLI_OK ? CLI_ERROR : CLI_NO;
	}
	if (c->json)
		return cli_print(reply);
	buf_init(&out, 65536);
	show_imported(c, v, &out);
	status = cli_print(&out);
	buf_done(&out);
	return status;
}

static int send_import(struct cli *c, struct str body)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	struct buf reply, path;
	int http = 0, status;
	enum rc rc;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	put_path(&path, c, NULL, "/import");
	rc = node_conn_do(conn, "POST", path.p, body, &http, &reply, &err);
	if (rc == RC_OK && http >= 300)
		node_reply_error(&reply, http, &err);
	status = rc != RC_OK || http >= 300 ? cli_fail(c, &err) : tell_problems(c, &reply);
	buf_done(&path);
	buf_done(&reply);
	return status;
}

static int import_run(struct cli *c)
{
	struct importing im = { .kind = kind_of(c) };
	struct buf file, body;
	struct err err = { 0 };
	int status;

	if (cli_read(c->operands[1], FILE_SIZE_MAX, &file, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&body, BODY_MAX);
	jsonw_init(&im.w, &body);
	jsonw_object(&im.w);
	jsonw_name(&im.w, "entries");
	jsonw_array(&im.w);
	if (csv_each(buf_view(&file), take_record, &im, &err) != RC_OK) {
		status = cli_failf(c, "%s:%s", c->operands[1], err.text);
	} else {
		jsonw_array_end(&im.w);
		jsonw_object_end(&im.w);
		status = body.bad != RC_OK ? cli_failf(c, "%s: too large", c->operands[1]) : send_import(c, buf_view(&body));
	}
	buf_done(&file);
	buf_done(&body);
	return status;
}

/* --- export --- */

static void put_header(enum register_kind kind, struct buf *out)
{
	buf_cstr(out, "id");
	for (const struct registry_field *f = REGISTRY[kind].fields; f->name != NULL; f++)
		buf_fmt(out, ",%s", f->name);
	buf_char(out, '\n');
}

static void put_line(enum register_kind kind, const struct json *entry, struct buf *out)
{
	struct buf text;

	buf_init(&text, (size_t)1 << 20);
	cli_csv(out, json_get_str(entry, S("id")));
	for (const struct registry_field *f = REGISTRY[kind].fields; f->name != NULL; f++) {
		buf_clear(&text);
		text_of(json_get(entry, str_of(f->name)), &text);
		buf_char(out, ',');
		cli_csv(out, buf_view(&text));
	}
	buf_char(out, '\n');
	buf_done(&text);
}

/* One page into `out`; `after` gets where the next begins, "" at the end. */
static enum rc export_page(const struct cli *c, struct node_conn *conn, char after[static 256], struct buf *out, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)256 << 20);
	const struct json *v, *entries;
	struct buf path, reply;
	int http = 0;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	put_path(&path, c, NULL, "");
	buf_fmt(&path, "?limit=%d", PAGE);
	path_query(&path, "after", after[0] == '\0' ? NULL : after);
	rc = node_conn_do(conn, "GET", path.p, S(""), &http, &reply, err);
	if (rc == RC_OK && http >= 300) {
		node_reply_error(&reply, http, err);
		rc = err->rc != RC_OK ? err->rc : RC_PEER;
	}
	if (rc == RC_OK)
		rc = json_parse(a, buf_view(&reply), &JSON_LIMITS, &v, err);
	if (rc == RC_OK) {
		entries = json_get(v, S("entries"));
		JSON_EACH(one, entries) {
			if (c->json) {
				json_print(one, out);
				buf_char(out, '\n');
			} else {
				put_line(kind_of(c), one, out);
			}
		}
		snprintf(after, 256, "%.*s", STR(json_get_str(v, S("next"))));
	}
	buf_done(&path);
	buf_done(&reply);
	return rc;
}

static int export_run(struct cli *c)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	char after[256] = "";
	struct buf out;
	enum rc rc;
	int status;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, (size_t)1 << 30);
	if (!c->json)
		put_header(kind_of(c), &out);
	do {
		rc = export_page(c, conn, after, &out, &err);
	} while (rc == RC_OK && after[0] != '\0');
	status = rc != RC_OK ? cli_fail(c, &err) : write_output(c, buf_view(&out));
	buf_done(&out);
	return status;
}

/* --- the commands --- */

#define AGAIN_TEXT false
#define AGAIN_OID false
#define AGAIN_EMAIL false
#define AGAIN_OWNER false
#define AGAIN_FLAG false
#define AGAIN_HOURS false
#define AGAIN_TIME false
#define AGAIN_TLP false
#define AGAIN_TIER false
#define AGAIN_SECTOR false
#define AGAIN_LEVEL false
#define AGAIN_SECRECY false
#define AGAIN_LIST true
#define AGAIN_CONTACTS true
#define OPTION(member, option, type, required, arg, en, zh) { option, 0, arg, { en, zh }, AGAIN_##type },
#define ID_OPTION { "id", 0, "ID", { "its id; without one it gets a number", "代號；未給則自動編號" }, false },
#define PAGE_OPTIONS \
	{ "all", 'a', NULL, { "retired ones too", "含已停用者" }, false }, \
	{ "after", 0, "ID", { "behind this one", "此代號之後" }, false }, \
	{ "limit", 'n', "N", { "at most so many (100)", "筆數上限（100）" }, false }, NO_OPT

static const struct cli_opt org_add_opts[] = { ID_OPTION REGISTRY_ORGANISATION(OPTION) NO_OPT };
static const struct cli_opt org_set_opts[] = { REGISTRY_ORGANISATION(OPTION) NO_OPT };
static const struct cli_opt org_list_opts[] = {
	{ "parent", 0, "ORG", { "right below this one", "直屬此機關" }, false }, { "sector", 0, "SECTOR", { "of this sector", "限此領域" }, false },
	{ "level", 0, "LEVEL", { "of this responsibility level", "限此責任等級" }, false }, { "tier", 0, "TIER", { "of this tier", "限此層級" }, false },
	{ "region", 0, "CODE", { "of this region", "限此區域" }, false },
	{ "unverified", 0, "DAYS", { "only those with fewer than two contacts that were verified within so many days", "近 DAYS 日內經驗證之聯絡方式不足兩項者" }, false },
	PAGE_OPTIONS,
};
static const struct cli_opt ict_add_opts[] = { ID_OPTION REGISTRY_SYSTEM(OPTION) NO_OPT };
static const struct cli_opt ict_set_opts[] = { REGISTRY_SYSTEM(OPTION) NO_OPT };
static const struct cli_opt owned_list_opts[] = { { "org", 0, "ORG", { "of this organisation", "限此機關" }, false }, PAGE_OPTIONS };
static const struct cli_opt person_add_opts[] = { ID_OPTION REGISTRY_PERSON(OPTION) NO_OPT };
static const struct cli_opt person_set_opts[] = { REGISTRY_PERSON(OPTION) NO_OPT };
static const struct cli_opt duty_add_opts[] = { ID_OPTION REGISTRY_DUTY(OPTION) NO_OPT };
static const struct cli_opt duty_set_opts[] = { REGISTRY_DUTY(OPTION) NO_OPT };
static const struct cli_opt duty_list_opts[] = {
	{ "person", 0, "PERSON", { "of this person", "限此人員" }, false }, { "at", 0, "TIME", { "on duty at this instant", "此時值班者" }, false }, PAGE_OPTIONS,
};
static const struct cli_opt no_opts[] = { NO_OPT };
static const struct cli_opt export_opts[] = { { "output", 'o', "FILE", { "write there (standard output)", "輸出檔案（預設為標準輸出）" }, false }, NO_OPT };
static const struct cli_opt show_opts[] = { { "history", 0, NULL, { "what it said before", "歷次內容" }, false }, NO_OPT };
static const struct cli_opt remove_opts[] = { { "undo", 0, NULL, { "take it back", "恢復使用" }, false }, NO_OPT };

#define EXAMPLES(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }
EXAMPLES(org_add_examples, "a hospital and who is reached there",
	 "lianfang org add DIR --id hospital-a --name 'Hospital A' --sector emergency-hospitals --level A --contact 'mail:soc@hospital-a.example 2026-01-05'");
EXAMPLES(org_set_examples, "its responsibility level has changed", "lianfang org set DIR hospital-a --level B");
EXAMPLES(org_list_examples, "all of level A in one sector", "lianfang org list DIR --sector energy --level A",
	 "whose contacts nobody has tried for half a year", "lianfang org list DIR --unverified 180");
EXAMPLES(org_show_examples, "by its OID", "lianfang org show DIR 2.16.886.101.20003");
EXAMPLES(org_remove_examples, "it was merged into another", "lianfang org remove DIR hospital-a");
EXAMPLES(org_import_examples, "from a spreadsheet saved as CSV", "lianfang org import DIR members.csv");
EXAMPLES(org_export_examples, "all of them; of an empty register the line of names", "lianfang org export DIR > members.csv");
EXAMPLES(ict_add_examples, "what keeps the grid running may be out for four hours",
	 "lianfang system add DIR --id historian --name Historian --org grid --core yes --ci yes --secrecy ordinary --mtpd 4");
EXAMPLES(ict_set_examples, "it may be out for two hours only", "lianfang system set DIR historian --mtpd 2");
EXAMPLES(ict_list_examples, "the systems of one organisation", "lianfang system list DIR --org grid");
EXAMPLES(ict_show_examples, "what it said before", "lianfang system show DIR historian --history");
EXAMPLES(ict_remove_examples, "it was switched off for good", "lianfang system remove DIR historian");
EXAMPLES(ict_import_examples, "from a spreadsheet saved as CSV", "lianfang system import DIR systems.csv");
EXAMPLES(ict_export_examples, "all of them", "lianfang system export DIR > systems.csv");
EXAMPLES(person_add_examples, "who answers at night", "lianfang person add DIR --name 'Lin Mei' --org grid --role handler --email mei@grid.example --contact 'mobile:0900 000 000'");
EXAMPLES(person_set_examples, "another address", "lianfang person set DIR person-000001 --email lin@grid.example");
EXAMPLES(person_list_examples, "the people of one organisation", "lianfang person list DIR --org grid");
EXAMPLES(person_show_examples, "how to reach somebody", "lianfang person show DIR person-000001");
EXAMPLES(person_remove_examples, "somebody has left", "lianfang person remove DIR person-000001");
EXAMPLES(person_import_examples, "from a spreadsheet saved as CSV", "lianfang person import DIR people.csv");
EXAMPLES(person_export_examples, "all of them", "lianfang person export DIR > people.csv");
EXAMPLES(duty_add_examples, "a night", "lianfang duty add DIR --person person-000001 --from 2026-02-27T20:00:00+08:00 --until 2026-02-28T08:00:00+08:00");
EXAMPLES(duty_set_examples, "word for the next shift", "lianfang duty set DIR duty-000001 --note '2026-000017 waits for the forensic copy'");
EXAMPLES(duty_list_examples, "who was on duty then", "lianfang duty list DIR --at 2026-02-28T03:00:00+08:00");
EXAMPLES(duty_show_examples, "a turn and its hand-over note", "lianfang duty show DIR duty-000001");
EXAMPLES(duty_remove_examples, "a turn that will not be", "lianfang duty remove DIR duty-000001");
EXAMPLES(duty_import_examples, "a month's roster", "lianfang duty import DIR march.csv");
EXAMPLES(duty_export_examples, "all turns", "lianfang duty export DIR > roster.csv");
EXAMPLES(duty_now_examples, "whom to call", "lianfang duty now");

#define IMPORT_WORDS \
	{ "The first line names the columns, as the export writes them; several texts of one cell have a ';' between, a contact is KIND:VALUE and\n" \
	  "the day when it was verified. A line whose id is there sets what the columns say; an empty cell takes a member away. Every line is\n" \
	  "checked first: when one is wrong, each mistake is told with its line and nothing is imported.", \
	  "首行為欄名（同匯出）；同格多值以「;」分隔，聯絡方式為 KIND:VALUE 加驗證日期。代號已存在者更新所列欄位，空格表示清除。\n" \
	  "先檢查每一行；有誤時逐行指出，且不匯入任何資料。" }
#define SET_WORDS { "An empty text takes a member away ('--region ''). What was said before stays readable (show --history).", "空字串表示清除該欄。先前內容保留（show --history）。" }
#define REMOVE_WORDS \
	{ "It is retired: no list shows it and nothing new may name it, but what names it stays true. Nothing is erased.", \
	  "停用後不再列出、不得再引用，但既有引用仍有效；不刪除任何資料。" }
#define COMMANDS(LOW, UP, word, en, zh, list) \
	const struct cli_cmd CMD_##UP##_ADD = { word " add", { "add " en, "新增" zh }, "DIR", { NULL, NULL }, LOW##_add_opts, LOW##_add_examples, 1, 1, add_run }; \
	const struct cli_cmd CMD_##UP##_SET = { word " set", { "change " en, "變更" zh }, "DIR ID", SET_WORDS, LOW##_set_opts, LOW##_set_examples, 2, 2, set_run }; \
	const struct cli_cmd CMD_##UP##_LIST = { word " list", { "the register of them", "列出" zh }, "DIR", { NULL, NULL }, list, LOW##_list_examples, 1, 1, list_run }; \
	const struct cli_cmd CMD_##UP##_SHOW = { word " show", { "all about " en, "顯示" zh }, "DIR ID", { NULL, NULL }, show_opts, LOW##_show_examples, 2, 2, show_run }; \
	const struct cli_cmd CMD_##UP##_REMOVE = { word " remove", { "retire " en, "停用" zh }, "DIR ID", REMOVE_WORDS, remove_opts, LOW##_remove_examples, 2, 2, remove_run }; \
	const struct cli_cmd CMD_##UP##_IMPORT = { word " import", { "add and set many from CSV", "自 CSV 匯入" zh }, "DIR FILE|-", IMPORT_WORDS, no_opts, LOW##_import_examples, 2, 2, import_run }; \
	const struct cli_cmd CMD_##UP##_EXPORT = { word " export", { "all of them as CSV", "匯出" zh "為 CSV" }, "DIR", { NULL, NULL }, export_opts, LOW##_export_examples, 1, 1, export_run }

COMMANDS(org, ORG, "org", "an organisation", "機關", org_list_opts);
COMMANDS(ict, SYSTEM, "system", "an ICT system", "資通系統", owned_list_opts);
COMMANDS(person, PERSON, "person", "a person", "人員", owned_list_opts);
COMMANDS(duty, DUTY, "duty", "a turn of duty", "值班", duty_list_opts);

const struct cli_cmd CMD_DUTY_NOW = {
	"duty now", { "who is on duty", "目前值班者" }, "DIR", { NULL, NULL }, no_opts, duty_now_examples, 1, 1, list_run,
};
