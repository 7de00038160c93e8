/* incident form, incident fill. */
#include "base/text.h"
#include "cli/incident.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define TEXT_MAX ((size_t)16 << 10)

static const struct cli_opt form_opts[] = {
	{ "html", 0, NULL, { "a page for printing", "供列印之網頁" }, false },
	{ "pack", 0, "PACK", { "whose form, when several packs have one of this name", "指定資料包" }, false },
	{ "output", 'o', "FILE", { "write there (standard output)", "輸出檔案" }, false },
	NO_OPT,
};
static const char *const form_examples[] = {
	"which forms there are, and what is missing", "lianfang incident form DIR 2026-000001",
	"the first report, to be printed and posted", "lianfang incident form DIR 2026-000001 first-report --html -o report.html", NULL,
};

static void show_forms(const struct cli *c, const struct json *v, struct buf *out)
{
	const struct json *list = json_get(v, S("forms"));

	if (!json_is(list, JSON_ARRAY))
		return;
	JSON_EACH(f, list) {
		struct str form = json_get_str(f, S("form")), pack = json_get_str(f, S("pack")), title = json_str(json_path(f, c->zh ? "title.zh-TW" : "title.en"));
		int64_t missing = 0;

		(void)!json_int(json_get(f, S("missing")), &missing);
		buf_fmt(out, "%-10.*s %-16.*s %s%3lld  %.*s\n", STR(pack), STR(form), c->zh ? "未填" : "missing", (long long)missing, STR(title));
	}
}

static int form_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	incident_path(c, "/forms", &path);
	if (c->n_operands < 3) {
		status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_forms);
	} else {
		buf_char(&path, '/');
		percent_put(&path, str_of(c->operands[2]));
		path_query(&path, "format", c->json ? "json" : cli_has(c, "html") ? "html" : "text");
		path_query(&path, "pack", cli_get(c, "pack", NULL));
		path_query(&path, "lang", c->zh ? "zh-TW" : "en");
		status = node_get_output(c, path.p);
	}
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_FORM = {
	"incident form", { "a form of the law, filled in from the facts", "由事實填製法定表單" }, "DIR NUMBER [FORM]",
	{ "One base of facts fills the forms of all laws that apply; what is required and missing is marked. incident fill adds what only\n"
	  "people can tell. Without FORM: which forms there are.",
	  "同一事實庫填製各法規之表單，必填而未填者會標示；僅能由人員填寫者以 incident fill 補充。未指定 FORM 時列出表單。" },
	form_opts, form_examples, 2, 3, form_run,
};

static const char *const fill_examples[] = {
	"the cause was found", "lianfang incident fill DIR 2026-000001 cause=\"a password of the supplier\"",
	"a long text from a file", "lianfang incident fill DIR 2026-000001 course=@course.txt", NULL,
};

/* NAME=TEXT, or NAME=@FILE. False after an error message. */
static bool put_entry(struct cli *c, struct body *x, const char *word)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct str rest = str_of(word), name;
	struct err err = { 0 };
	bool file;

	if (!str_next(&rest, '=', &name) || name.n == 0 || name.n == strlen(word)) {
		cli_failf(c, c->zh ? "%s：應為 NAME=TEXT 或 NAME=@FILE" : "%s: expected NAME=TEXT or NAME=@FILE", word);
		return false;
	}
	file = rest.n > 1 && rest.p[0] == '@';
	if (file && cli_read(rest.p + 1, TEXT_MAX, &text, &err) != RC_OK) {
		(void)cli_fail(c, &err);
		return false;
	}
	jsonw_name_str(&x->w, name);
	jsonw_str(&x->w, file ? str_trim(buf_view(&text)) : rest);
	return true;
}

static int fill_run(struct cli *c)
{
	struct body x;
	struct buf path;
	bool good = true;
	int status = CLI_ERROR;

	body_begin(&x);
	jsonw_name(&x.w, "entries");
	jsonw_object(&x.w);
	for (int i = 2; i < c->n_operands && good; i++)
		good = put_entry(c, &x, c->operands[i]);
	jsonw_object_end(&x.w);
	buf_init(&path, 4096);
	incident_path(c, "/entries", &path);
	if (good)
		status = body_send(c, &x, path.p, NULL);
	else
		buf_done(&x.b);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_FILL = {
	"incident fill", { "fill in fields of an incident's forms", "填寫事件表單欄位" }, "DIR NUMBER NAME=TEXT...",
	{ "The name of a field stands in brackets behind its title in incident form; NAME=@FILE takes the text from a file. What is typed\n"
	  "is a fact like any other: the latest holds, the earlier stay. Forms of several laws that ask for the same share it.",
	  "欄位名稱列於 incident form 標題後之括號；NAME=@FILE 自檔案讀取。填寫內容亦為事實：以最新者為準，先前者保留；各法規相同欄位共用。" },
	NULL, fill_examples, 3, 64, fill_run,
};
