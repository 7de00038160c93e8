/* situation report: the weekly and the monthly situation report, as HTML, PDF or JSON. The node makes it (GET /reports/situation); a PDF is laid
 * out by a program of its own beside this one (pdf_main.c). */
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/node_cmd.h"
#include "sys/file.h"
#include "sys/proc.h"

#define PDF_MAX ((size_t)64 << 20)
#define HELPER "lianfang-pdf"

static const struct cli_opt opts[] = {
	{ "weekly", 0, NULL, { "of a week, Monday to Monday (this, unless --monthly)", "週報（週一至週一，預設）" }, false },
	{ "monthly", 0, NULL, { "of a calendar month", "月報" }, false },
	{ "date", 0, "DATE", { "a day of the period (of the last one that is over)", "期間內之任一日（預設為最近已結束之期間）" }, false },
	{ "pack", 0, "PACK", { "the law by which levels and clocks are told (the node's own)", "法規資料包（預設為本節點者）" }, false },
	{ "format", 'f', "FORMAT", { "pdf, html or json (by the end of the file's name, else html)", "pdf、html 或 json（預設依檔名）" }, false },
	{ "report-lang", 0, "LANG", { "zh-TW or en (the language of this command)", "zh-TW 或 en" }, false },
	{ "base", 0, "URL", { "what stands before links to the records, as https://node.example", "紀錄連結之網址開頭" }, false },
	{ "output", 'o', "FILE", { "write there (standard output)", "輸出檔案" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const examples[] = {
	"last week, to print", "lianfang situation report DIR --weekly -o week.pdf",
	"January, in English, with links into the console", "lianfang situation report DIR --monthly --date 2026-01-15 --report-lang en --base https://isac.example -o january.html", NULL,
};

static bool one_of(const char *s, const char *a, const char *b, const char *c)
{
	return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

static const char *format_of(const struct cli *c)
{
	const char *out = cli_get(c, "output", ""), *given = cli_get(c, "format", NULL);

	if (given != NULL)
		return given;
	return str_ends(str_of(out), S(".pdf")) ? "pdf" : str_ends(str_of(out), S(".json")) ? "json" : "html";
}

static enum rc memory_file(const char *name, struct str text, int *ret, struct err *err)
{
	*ret = memfd_create(name, MFD_CLOEXEC);
	for (size_t at = 0; *ret >= 0 && at < text.n;) {
		ssize_t n = write(*ret, text.p + at, text.n - at);

		if (n <= 0)
			return FAIL(err, RC_IO, "report: %m");
		at += (size_t)n;
	}
	return *ret >= 0 && lseek(*ret, 0, SEEK_SET) == 0 ? RC_OK : FAIL(err, RC_IO, "report: %m");
}

static enum rc read_back(int fd, struct buf *out, struct err *err)
{
	if (lseek(fd, 0, SEEK_SET) != 0)
		return FAIL(err, RC_IO, "report: %m");
	for (;;) {
		char *room = buf_room(out, 65536);
		ssize_t n = room == NULL ? -1 : read(fd, room, 65536);

		if (n <= 0)
			return n == 0 ? RC_OK : FAIL(err, RC_IO, "report: the PDF cannot be read back");
		buf_grew(out, (size_t)n);
	}
}

/* Beside this program: so in a build's folder as in an installed system. */
static enum rc helper_path(char out[static 4200], struct err *err)
{
	char self[4096], *slash;

	TRY(proc_self_path(self, sizeof self, err));
	slash = strrchr(self, '/');
	snprintf(out, 4200, "%.*s/" HELPER, slash == NULL ? 0 : (int)(slash - self), self);
	return file_exists(out) ? RC_OK : FAIL(err, RC_UNSUPPORTED, "report: %s is not installed; --format html prints from any browser", out);
}

static enum rc run_helper(const char *path, const char *lang, const char *base, int in, int out, struct err *err)
{
	char *const argv[] = { mem_strdup(HELPER), mem_strdup(lang), mem_strdup(base == NULL ? "" : base), NULL };
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int status = 0, failed;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	if (base == NULL && argv[2] != NULL)
		argv[2][0] = '\0';
	failed = posix_spawn(&pid, path, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	for (size_t i = 0; i < 3; i++)
		mem_free(argv[i]);
	if (failed != 0)
		return FAIL(err, RC_IO, "%s: cannot be started", path);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return FAIL(err, RC_INTERNAL, "%s failed", path);
	return RC_OK;
}

static enum rc make_pdf(struct str report, const char *lang, const char *base, struct buf *out, struct err *err)
{
	int in CLEANUP(file_closep) = -1, pdf CLEANUP(file_closep) = -1;
	char path[4200];

	TRY(helper_path(path, err));
	TRY(memory_file("report", report, &in, err));
	TRY(memory_file("pdf", S(""), &pdf, err));
	TRY(run_helper(path, lang, base, in, pdf, err));
	return read_back(pdf, out, err);
}

static int get_pdf(struct cli *c, const char *path, const char *lang)
{
	struct buf reply, pdf;
	struct err err = { 0 };
	struct node_conn *conn = NULL;
	int status;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	status = node_get(c, conn, path, &reply);
	node_conn_close(conn);
	buf_init(&pdf, PDF_MAX);
	if (status == CLI_OK)
		status = make_pdf(buf_view(&reply), lang, cli_get(c, "base", NULL), &pdf, &err) == RC_OK ? write_output(c, buf_view(&pdf)) : cli_fail(c, &err);
	buf_done(&reply);
	buf_done(&pdf);
	return status;
}

static int run(struct cli *c)
{
	const char *format = format_of(c), *lang = cli_get(c, "report-lang", c->zh ? "zh-TW" : "en"), *base = cli_get(c, "base", NULL);
	struct buf path;
	int status;

	if (!one_of(format, "pdf", "html", "json"))
		return cli_failf(c, "--format: pdf, html or json");
	if (!one_of(lang, "zh-TW", "en", "en"))
		return cli_failf(c, "--report-lang: zh-TW or en");
	if (cli_has(c, "weekly") && cli_has(c, "monthly"))
		return cli_failf(c, "--weekly, --monthly: one of them");
	if (strcmp(format, "pdf") == 0 && isatty(STDOUT_FILENO) && !cli_has(c, "output"))
		return cli_failf(c, "--output: a PDF is nothing for a terminal");
	buf_init(&path, 4096);
	buf_cstr(&path, "/reports/situation");
	path_query(&path, "period", cli_has(c, "monthly") ? "month" : "week");
	path_query(&path, "format", strcmp(format, "html") == 0 ? "html" : "json");
	path_query(&path, "lang", lang);
	if (cli_has(c, "date"))
		path_query(&path, "date", cli_get(c, "date", ""));
	if (cli_has(c, "pack"))
		path_query(&path, "pack", cli_get(c, "pack", ""));
	if (base != NULL)
		path_query(&path, "base", base);
	status = strcmp(format, "pdf") == 0 ? get_pdf(c, path.p, lang) : node_get_output(c, path.p);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_SITUATION_REPORT = {
	"situation report", { "the weekly or monthly situation report", "資安態勢週報或月報" }, "DIR",
	{ "Before, during and after: what protects, what happened, how it was answered, as the situation boards tell it. Each table has its formulas\n"
	  "and the question that gives it again; with --base each number links to the records behind it. The node has to run.",
	  "事前、事中、事後：情資與防護、事件與擴散、時限與處置，與態勢看板一致。各表附公式及可重現之查詢；\n"
	  "以 --base 指定網址時，每個數字皆連至其紀錄。節點須在執行中。" },
	opts, examples, 1, 1, run,
};
