/* Import and export of whole files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/node_cmd.h"
#include "sys/file.h"

#define PIECE ((size_t)4 << 20)
#define CAUSES_MAX 50
#define PROGRESS_EVERY (USEC_PER_SEC / 4)
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static const struct cli_opt import_opts[] = {
	{ "format", 'f', "FORMAT", { "auto, stix, misp, csv or list (auto)", "格式（自動判別）" }, false },
	{ "collection", 'c', "ROOT/COLLECTION", { "put the objects there (in none)", "放入此集合" }, false },
	{ "source", 's', "NAME", { "who says it (the file's name)", "來源名稱" }, false },
	{ "tlp", 0, "LEVEL", { "level of objects that carry none (the node's default)", "未標示者的 TLP" }, false },
	{ "confidence", 0, "N", { "0 to 100, of objects made from lists", "清單所建物件的可信度" }, false },
	{ "columns", 0, "NAMES", { "columns of a CSV file without a header: value,type,,comment", "無標頭 CSV 的欄位" }, false },
	{ "taxii", 0, NULL, { "FILE is a TAXII data set: API roots, collections, objects with date_added", "載入 TAXII 資料集" }, false },
	{ "page-size", 0, "N", { "with --taxii: largest page of the API roots it makes (100)", "搭配 --taxii：每頁上限（100）" }, false },
	NO_OPT,
};
static const char *const import_examples[] = {
	"a STIX bundle into the collection that goes down", "lianfang import bundle.json DIR --collection intel/down",
	"a list of domains, from a pipe", "curl -s https://feed.example/domains.txt | lianfang import - DIR --format list --source feed-x --tlp green",
	"a TAXII test data set", "lianfang import --taxii default_data.json DIR", NULL,
};

struct upload {
	const struct cli *c;
	struct node_conn *conn;
	char path[128]; /* /imports/UUID */
	uint64_t sent, size;
	usec started, shown;
};

static void show_progress(struct upload *u, bool last)
{
	usec now = time_mono();
	double seconds = (double)(now - u->started) / 1e6, rate = seconds > 0 ? (double)u->sent / 1e6 / seconds : 0;

	if (!isatty(STDERR_FILENO) || (!last && now - u->shown < PROGRESS_EVERY))
		return;
	u->shown = now;
	if (u->size > 0 && rate > 0)
		fprintf(stderr, "\r%5.1f %%  %.1f of %.1f MB  %.1f MB/s  %.0f s left ", 100.0 * (double)u->sent / (double)u->size,
			(double)u->sent / 1e6, (double)u->size / 1e6, rate, (double)(u->size - u->sent) / 1e6 / rate);
	else
		fprintf(stderr, "\r%.1f MB  %.1f MB/s ", (double)u->sent / 1e6, rate);
	if (last)
		fputc('\n', stderr);
}

static enum rc call(struct upload *u, const char *path, struct str body, struct buf *reply, struct err *err)
{
	int http = 0;

	TRY(node_conn_do(u->conn, "POST", path, body, &http, reply, err));
	if (http < 300)
		return RC_OK;
	node_reply_error(reply, http, err);
	name_options(u->c, err);
	return err->rc;
}

static enum rc begin(struct upload *u, const char *file, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	const char *slash = strrchr(file, '/');
	const struct json *v;
	struct buf path, reply;
	struct str id;
	enum rc rc;

	buf_init(&path, 65536);
	buf_cstr(&path, "/imports");
	path_query(&path, "format", cli_get(u->c, "format", NULL));
	path_query(&path, "collection", cli_get(u->c, "collection", NULL));
	path_query(&path, "source", cli_get(u->c, "source", strcmp(file, "-") == 0 ? "stdin" : slash == NULL ? file : slash + 1));
	path_query(&path, "tlp", cli_get(u->c, "tlp", NULL));
	path_query(&path, "confidence", cli_get(u->c, "confidence", NULL));
	path_query(&path, "columns", cli_get(u->c, "columns", NULL));
	rc = call(u, path.p, S(""), &reply, err);
	if (rc == RC_OK && (a == NULL || json_parse(a, buf_view(&reply), &JSON_LIMITS, &v, err) != RC_OK))
		rc = RC_INTERNAL;
	if (rc == RC_OK) {
		id = json_get_str(v, S("import"));
		snprintf(u->path, sizeof u->path, "/imports/%.*s", STR(id));
	}
	buf_done(&reply);
	buf_done(&path);
	return rc;
}

static enum rc send_piece(void *ctx, struct str piece, struct err *err)
{
	struct upload *u = ctx;
	struct buf reply;
	enum rc rc = call(u, u->path, piece, &reply, err);

	buf_done(&reply);
	u->sent += piece.n;
	show_progress(u, false);
	if (rc != RC_OK)
		err_prefix(err, "%s", u->c->operands[0]);
	return rc;
}

static void count_lines(const struct cli *c, const struct json *v, struct buf *out)
{
	static const struct { const char *name; struct words label; } rows[] = {
		{ "roots", { "API roots", "API 根" } }, { "collections", { "collections", "集合" } }, { "values", { "values", "值" } },
		{ "objects", { "objects", "物件" } }, { "stored", { "stored", "新存入" } }, { "linked", { "linked", "新入集合" } },
		{ "duplicates", { "known before", "先前已知" } }, { "upgraded", { "upgraded", "已升級" } },
		{ "kept_raw", { "kept as note", "存為註記" } }, { "warned", { "warned of", "警示清單命中" } },
		{ "skipped", { "passed over", "略過" } }, { "failed", { "failed", "失敗" } },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int64_t n = 0;

		if (json_int(json_get(v, str_of(rows[i].name)), &n) && n > 0)
			buf_fmt(out, c->zh ? "%s：%lld\n" : "%-12s %lld\n", cli_say(c, &rows[i].label), (long long)n);
	}
}

struct cause {
	struct str why, first;
	int64_t line;
	size_t n;
};

/* The cause without what it quotes: "'x' is no domain" and "'y' is no domain" are one. */
static bool same_cause(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	for (;;) {
		if (i < a.n && k < b.n && a.p[i] == '\'' && b.p[k] == '\'') {
			size_t ai = str_find(a, S("'"), i + 1), bk = str_find(b, S("'"), k + 1);

			if (ai == SIZE_MAX || bk == SIZE_MAX)
				return false;
			i = ai + 1;
			k = bk + 1;
			continue;
		}
		if (i == a.n || k == b.n)
			return i == a.n && k == b.n;
		if (a.p[i++] != b.p[k++])
			return false;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct cause *x = a, *y = b;

	return x->n < y->n ? 1 : x->n > y->n ? -1 : 0;
}

/* A table of thousand lines tells less than its few causes, each with its number and first place. --json has all. */
static void show_failures(const struct cli *c, const struct json *list, struct buf *out)
{
	static struct cause causes[CAUSES_MAX];
	size_t n = 0, others = 0;

	JSON_EACH(f, list) {
		struct str why = json_get_str(f, S("message"));
		size_t at = 0;

		while (at < n && !same_cause(causes[at].why, why))
			at++;
		if (at == CAUSES_MAX) {
			others++;
			continue;
		}
		if (at == n) {
			causes[n] = (struct cause){ .why = why, .first = json_get_str(f, S("where")) };
			(void)!json_int(json_get(f, S("line")), &causes[n++].line);
		}
		causes[at].n++;
	}
	qsort(causes, n, sizeof causes[0], by_number);
	for (size_t i = 0; i < n; i++) {
		buf_fmt(out, "%6zu  %.*s", causes[i].n, STR(causes[i].why));
		if (causes[i].line > 0)
			buf_fmt(out, c->zh ? "（首見於第 %lld 行）" : "  (first: line %lld)", (long long)causes[i].line);
		else if (causes[i].first.n > 0)
			buf_fmt(out, c->zh ? "（首見於 %.*s）" : "  (first: %.*s)", STR(causes[i].first));
		buf_char(out, '\n');
	}
	if (others > 0)
		buf_fmt(out, c->zh ? "%6zu  其他原因\n" : "%6zu  of other causes\n", others);
}

static void show_report(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const hits[] = { "value:VALUE", "list:WARNING LIST", "id:ID", NULL };
	const struct json *list = json_get(v, S("failures"));

	size_t before = out->n;

	count_lines(c, v, out);
	if (out->n == before)
		buf_cstr(out, c->zh ? "沒有任何物件\n" : "no objects\n");
	if (json_is(list, JSON_ARRAY) && list->n > 0)
		show_failures(c, list, out);
	list = json_get(v, S("warninglist_hits"));
	if (json_is(list, JSON_ARRAY) && list->n > 0)
		show_table(c, list, hits, out);
}

static int report(const struct cli *c, const struct buf *reply)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)256 << 20);
	const struct json *v = NULL;
	int64_t failed = 0;
	struct buf out;
	int status;

	if (a == NULL || json_parse(a, buf_view(reply), &JSON_LIMITS, &v, NULL) != RC_OK)
		return cli_failf(c, c->zh ? "無法讀取節點的報告" : "the node's report is not readable");
	(void)json_int(json_get(v, S("failed")), &failed);
	buf_init(&out, (size_t)64 << 20);
	if (c->json)
		buf_str(&out, buf_view(reply));
	else
		show_report(c, v, &out);
	status = out.n == 0 ? CLI_OK : cli_print(&out);
	buf_done(&out);
	return status != CLI_OK ? status : failed > 0 ? CLI_NO : CLI_OK;
}

static int import_dataset(const struct cli *c)
{
	struct err err = { 0 };
	struct buf text, path;
	int status;

	if (cli_read(c->operands[0], (size_t)512 << 20, &text, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&path, 4096);
	buf_cstr(&path, "/dataset");
	path_query(&path, "page_size", cli_get(c, "page-size", NULL));
	status = node_cmd(c, c->operands[1], "POST", path.p, buf_view(&text), show_report);
	buf_done(&path);
	buf_done(&text);
	return status;
}

static int import_run(struct cli *c)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	int fd CLEANUP(file_closep) = -1;
	struct upload u = { .c = c, .started = time_mono() };
	bool from_stdin = str_eq(str_of(c->operands[0]), S("-"));
	struct err err = { 0 };
	struct buf reply;
	char end[160];
	struct stat st;
	enum rc rc;
	int status;

	if (cli_has(c, "taxii"))
		return import_dataset(c);
	fd = from_stdin ? dup(STDIN_FILENO) : open(c->operands[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_failf(c, "%s: %s", c->operands[0], strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		u.size = (uint64_t)st.st_size;
	rc = node_conn_open(c->operands[1], &conn, &err);
	u.conn = conn;
	if (rc == RC_OK)
		rc = begin(&u, c->operands[0], &err);
	if (rc == RC_OK)
		rc = cli_pieces(fd, c->operands[0], send_piece, &u, &err);
	if (u.sent > 0)
		show_progress(&u, true);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	snprintf(end, sizeof end, "%s/end", u.path);
	rc = call(&u, end, S(""), &reply, &err);
	if (rc != RC_OK)
		err_prefix(&err, "%s", c->operands[0]);
	status = rc == RC_OK ? report(c, &reply) : cli_fail(c, &err);
	buf_done(&reply);
	return status;
}

const struct cli_cmd CMD_IMPORT = {
	"import", { "bring in STIX, MISP, CSV, plain lists or a TAXII data set", "匯入 STIX、MISP、CSV、清單或 TAXII 資料集" }, "FILE|- DIR",
	{ "Reads in pieces, so files of any size come in with bounded memory. What could not be read is reported with its line or\n"
	  "pointer; the rest is stored. 1 when some objects failed.", "分段讀取，大檔亦不佔記憶體。無法讀取者列出行號或位置，其餘照常存入。" },
	import_opts, import_examples, 2, 2, import_run,
};

/* --- export --- */

static const struct cli_opt export_opts[] = {
	{ "format", 'f', "FORMAT", { "stix, misp, csv, plain, hosts, rpz, nftables or ipset (stix)", "格式（stix）" }, false },
	{ "collection", 'c', "ROOT/COLLECTION", { "only what lies there", "限此集合" }, false },
	{ "tlp", 0, "LEVEL", { "clear, green, amber, amber+strict or red: nothing stricter (red, or what the collection may hold)",
	  "clear、green、amber、amber+strict 或 red：不輸出更嚴者（red，或集合的上限）" }, false },
	{ "kinds", 0, "KINDS", { "lists: domain,ipv4,ipv6,url,email,md5,sha1,sha256,sha512", "清單：值的種類" }, false },
	{ "least-score", 0, "N", { "lists: decayed score of at least this (0)", "清單：分數下限" }, false },
	{ "with-expired", 0, NULL, { "lists, CSV and MISP: expired and revoked indicators too", "含已過期者" }, false },
	{ "with-warned", 0, NULL, { "lists, CSV and MISP: values that warning lists name too", "含警示清單所列者" }, false },
	{ "output", 'o', "FILE", { "write here, replacing it at once (standard output)", "輸出檔" }, false },
	NO_OPT,
};
static const char *const export_examples[] = {
	"a DNS blocklist of what may go public", "lianfang export DIR --format rpz --tlp clear -o blocklist.zone",
	"everything as one STIX bundle", "lianfang export DIR > all.json", NULL,
};

static bool is_blocklist(const char *format)
{
	return strcmp(format, "stix") != 0 && strcmp(format, "misp") != 0 && strcmp(format, "csv") != 0;
}

/* Where the output goes is the person's affair, so what may be in it is said aloud, and apart from it. */
static void say_ceiling(const struct cli *c)
{
	char level[16];
	size_t n = 0;

	for (const char *p = cli_get(c, "tlp", ""); *p != '\0' && n + 1 < sizeof level; p++)
		level[n++] = ascii_lower(*p) ? (char)(*p - 32) : *p;
	level[n] = '\0';
	if (n > 0)
		fprintf(stderr, c->zh ? "lianfang export：內容最高為 TLP:%s\n" : "lianfang export: nothing stricter than TLP:%s\n", level);
	else
		fprintf(stderr, c->zh ? "lianfang export：未指定 --tlp，內容可達 TLP:RED（或集合的上限）\n" :
			"lianfang export: no --tlp given, so it may hold up to TLP:RED (or the collection's own limit)\n");
}

static int export_run_cmd(struct cli *c)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	struct buf path, reply;
	int status;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&path, 65536);
	buf_cstr(&path, "/export");
	path_query(&path, "format", cli_get(c, "format", NULL));
	path_query(&path, "collection", cli_get(c, "collection", NULL));
	path_query(&path, "tlp_max", cli_get(c, "tlp", NULL));
	path_query(&path, "kinds", cli_get(c, "kinds", NULL));
	path_query(&path, "least_score", cli_get(c, "least-score", NULL));
	path_query(&path, "with_expired", cli_has(c, "with-expired") ? "true" : NULL);
	path_query(&path, "with_warned", cli_has(c, "with-warned") ? "true" : NULL);
	status = node_get(c, conn, path.p, &reply);
	/* What goes up to TLP:RED is for whoever asked; a blocklist is for the daemon that reads it. */
	if (status == CLI_OK)
		status = write_output_as(c, buf_view(&reply), is_blocklist(cli_get(c, "format", "stix")) ? 0644 : 0600);
	if (status == CLI_OK)
		say_ceiling(c);
	buf_done(&reply);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_EXPORT = {
	"export", { "STIX, MISP, CSV, or lists for firewalls and DNS", "匯出 STIX、MISP、CSV 或防火牆與 DNS 清單" }, "DIR",
	{ "Lists hold only indicators that are active now and that no warning list names. Every release is a fact.",
	  "清單僅含目前有效且不在警示清單上的指標。每次輸出均記為事實。" },
	export_opts, export_examples, 1, 1, export_run_cmd,
};
