/* The lab of a node: files in, verdicts out, digests looked up, and what was handed in destroyed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/node_cmd.h"
#include "sys/file.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define FILE_MAX ((size_t)1 << 30)
#define SHOWN 20
#define PREFIX 5 /* hex digits that a look-up tells */

/* --- showing --- */

/* A stranger's name on one line. */
static void put_name(struct str name, struct buf *out)
{
	size_t at = out->n;

	utf8_visible(out, name.n > 0 ? name : S("-"));
	for (size_t i = at; i < out->n; i++)
		if (out->p[i] == '\n' || out->p[i] == '\t' || out->p[i] == '\r')
			out->p[i] = ' ';
}

static void put_verdict(const struct cli *c, const struct json *v, struct buf *out)
{
	struct str verdict = json_get_str(v, S("verdict"));

	buf_str(out, cli_value(c, verdict.n > 0 ? verdict : json_get_str(v, S("state"))));
}

static void put_matches(const struct cli *c, const struct json *report, struct buf *out)
{
	size_t n = 0;

	JSON_EACH(m, json_get(report, S("matches"))) {
		if (n++ >= SHOWN)
			continue;
		buf_cstr(out, "  ");
		put_name(json_get_str(m, S("id")), out);
		buf_cstr(out, c->zh ? "，位置 " : " at ");
		show_member(m, "offset", out);
		buf_cstr(out, c->zh ? "，" : " of ");
		put_name(json_get_str(m, S("path")), out);
		if (json_get_str(m, S("why")).n > 0) {
			buf_cstr(out, ": ");
			put_name(json_get_str(m, S("why")), out);
		}
		buf_char(out, '\n');
	}
	if (n > SHOWN)
		buf_fmt(out, c->zh ? "  另有 %zu 筆（--json）\n" : "  and %zu more (--json)\n", n - SHOWN);
}

static void put_unseen(const struct cli *c, const struct json *report, struct buf *out)
{
	size_t n = 0;

	JSON_EACH(u, json_get(report, S("unseen"))) {
		if (n++ >= SHOWN)
			continue;
		buf_cstr(out, c->zh ? "  未檢視 " : "  not seen: ");
		show_member(u, "length", out);
		buf_cstr(out, c->zh ? " 位元組：" : " bytes of ");
		put_name(json_get_str(u, S("path")), out);
		buf_cstr(out, ": ");
		put_name(json_get_str(u, S("why")), out);
		buf_char(out, '\n');
	}
	if (n > SHOWN)
		buf_fmt(out, c->zh ? "  另有 %zu 處（--json）\n" : "  and %zu more places (--json)\n", n - SHOWN);
}

static void show_one(const struct cli *c, const struct json *v, struct buf *out)
{
	const struct json *report = json_get(v, S("report"));
	struct buf name;

	buf_init(&name, (size_t)1 << 20);
	put_name(json_get_str(v, S("name")), &name);
	show_line(c, v, "submission", "id", out);
	show_text(c, "name", buf_view(&name), out);
	buf_done(&name);
	show_line(c, v, "state", "%state", out);
	show_line(c, v, "verdict", "%verdict", out);
	show_line(c, v, "privacy", "%privacy", out);
	show_line(c, v, "sha256", "sha256", out);
	show_line(c, v, "bytes", "size", out);
	show_line(c, v, "received", "@received", out);
	show_line(c, v, "finished", "@finished", out);
	if (report != NULL) {
		put_matches(c, report, out);
		put_unseen(c, report, out);
	}
	show_line(c, json_get(v, S("receipt")), "deleted by", "by", out);
	show_line(c, json_get(v, S("receipt")), "key destroyed", "key_destroyed", out);
	show_line(c, json_get(v, S("receipt")), "signature", "signature", out);
}

/* "FILE: verdict (ID)": as scan says it, and what to ask with. */
static void show_submitted(const struct cli *c, const struct json *v, struct buf *out)
{
	put_name(json_get_str(v, S("name")), out);
	buf_cstr(out, ": ");
	put_verdict(c, v, out);
	buf_fmt(out, "  %.*s\n", STR(json_get_str(v, S("id"))));
	if (json_get(v, S("report")) != NULL) {
		put_matches(c, json_get(v, S("report")), out);
		put_unseen(c, json_get(v, S("report")), out);
	}
	if (out->n > 0)
		buf_cut(out, out->n - 1);
}

static void show_list(const struct cli *c, const struct json *v, struct buf *out)
{
	JSON_EACH(s, json_get(v, S("submissions"))) {
		char shown[TIME_TEXT_MAX];
		struct buf verdict;

		buf_init(&verdict, 4096);
		put_verdict(c, s, &verdict);
		buf_fmt(out, "%.*s  %s  ", STR(json_get_str(s, S("id"))), when_show(json_get_str(s, S("received")), shown).p);
		show_padded(buf_view(&verdict), 14, out);
		put_name(json_get_str(s, S("name")), out);
		buf_char(out, '\n');
		buf_done(&verdict);
	}
	if (json_get_str(v, S("next")).n > 0)
		buf_fmt(out, "... --before %.*s\n", STR(json_get_str(v, S("next"))));
}

/* --- submit --- */

static const struct cli_opt submit_opts[] = {
	{ "privacy", 'p', "CLASS", { "verdict (for its sender alone; not kept), government or public; default: verdict",
				     "verdict 僅判定（僅送件者可見、不留存）、government 政府共享、public 公開；預設 verdict" }, false },
	{ "password", 0, "WORD", { "a password to try on what is locked", "嘗試之解壓縮密碼" }, true },
	{ "wait", 'w', "SECONDS", { "wait so long for the verdict, 0 to 30 (30)", "等候判定之秒數，0 至 30（30）" }, false },
	NO_OPT,
};
static const char *const submit_examples[] = { "an attachment that nobody else is to see", "lianfang lab submit DIR invoice.zip --password 1234",
					       "one that others may learn from", "lianfang lab submit DIR dropper.exe --privacy government", NULL };

static void add_words(struct cli *c, struct buf *path)
{
	struct buf words;
	const char *word;

	buf_init(&words, 8192);
	for (int i = 0; (word = cli_get_nth(c, "password", i)) != NULL; i++)
		buf_fmt(&words, "%s%s", i == 0 ? "" : "\n", word);
	if (words.n > 0)
		path_query(path, "passwords", words.p);
	buf_done(&words);
}

static int submit_one(struct cli *c, const char *file)
{
	const char *slash = strrchr(file, '/');
	struct err err = { 0 };
	struct buf bytes, path;
	int status;

	if (file_read(file, FILE_MAX, &bytes, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&path, 65536);
	buf_cstr(&path, "/lab/submissions");
	path_query(&path, "wait", cli_get(c, "wait", "30"));
	path_query(&path, "privacy", cli_get(c, "privacy", NULL));
	path_query(&path, "name", slash == NULL ? file : slash + 1);
	add_words(c, &path);
	status = node_cmd(c, c->operands[0], "POST", path.p, buf_view(&bytes), show_submitted);
	buf_done(&path);
	buf_done(&bytes);
	return status;
}

static int submit_run(struct cli *c)
{
	int status = CLI_OK;
	int64_t wait;

	if (!cli_get_int(c, "wait", 30, 0, 30, &wait))
		return CLI_ERROR;
	for (int i = 1; i < c->n_operands; i++) {
		int one = submit_one(c, c->operands[i]);

		status = one > status ? one : status;
	}
	return status;
}

const struct cli_cmd CMD_LAB_SUBMIT = {
	"lab submit", { "hand files to the node's lab", "送交檔案至節點檢測" }, "DIR FILE...",
	{ "Needs a node that runs, with [lab] run = yes. Each file is inspected by a worker process of its own. Prints the verdict and an id; a file whose verdict\n"
	  "takes longer is asked for with lab show. Verdicts are those of lianfang scan.",
	  "節點須執行中且 [lab] run = yes。每個檔案由獨立之工作程序檢視。顯示判定與編號；尚未完成者以 lab show 查詢。判定用語同 lianfang scan。" },
	submit_opts, submit_examples, 2, CLI_OPERANDS_MAX, submit_run,
};

/* --- list, show, delete --- */

static const struct cli_opt list_opts[] = {
	{ "all", 'a', NULL, { "also those of others that are of class government or public", "含他人之政府共享與公開類別" }, false },
	{ "verdict", 0, "WORD", { "malicious, suspicious, no-finding, incomplete, known-good or unsupported", "判定" }, false },
	{ "state", 0, "WORD", { "waiting, done or deleted", "狀態：waiting、done、deleted" }, false },
	{ "sha256", 0, "DIGEST", { "those of this digest", "指定雜湊值" }, false },
	{ "before", 0, "NEXT", { "behind \"next\" of --json", "接續 --json 之 next" }, false },
	{ "limit", 'n', "N", { "at most so many (50)", "筆數上限（50）" }, false },
	NO_OPT,
};
static const char *const list_examples[] = { "what was found lately", "lianfang lab list DIR --all --verdict malicious", NULL };

static int list_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/lab/submissions");
	path_query(&path, "all", cli_has(c, "all") ? "true" : NULL);
	for (const struct cli_opt *o = list_opts + 1; o->name != NULL; o++)
		path_query(&path, o->name, cli_get(c, o->name, NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_list);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_LAB_LIST = {
	"lab list", { "what was handed to the lab", "列出送檢檔案" }, "DIR", { NULL, NULL }, list_opts, list_examples, 1, 1, list_run,
};

static int of_one(struct cli *c, const char *method)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/lab/submissions/");
	percent_put(&path, str_of(c->operands[1]));
	status = node_cmd(c, c->operands[0], method, path.p, S(""), show_one);
	buf_done(&path);
	return status;
}

static const struct cli_opt no_opts[] = { NO_OPT };
static const char *const show_examples[] = { "verdict and reasons", "lianfang lab show DIR 0b4c61c8-6c6e-4f0e-9d4b-0f3a1d0c2e55", NULL };

static int show_run(struct cli *c)
{
	return of_one(c, "GET");
}

const struct cli_cmd CMD_LAB_SHOW = {
	"lab show", { "a submission: verdict and reasons", "顯示判定與理由" }, "DIR ID",
	{ "--json has the whole report, as lianfang scan --json writes it.", "--json 含完整報告，格式同 lianfang scan --json。" }, no_opts, show_examples, 2, 2, show_run,
};

static const char *const delete_examples[] = { "what must not stay", "lianfang lab delete DIR 0b4c61c8-6c6e-4f0e-9d4b-0f3a1d0c2e55 --json > receipt.json", NULL };

static int delete_run(struct cli *c)
{
	return of_one(c, "DELETE");
}

const struct cli_cmd CMD_LAB_DELETE = {
	"lab delete", { "destroy a sample and its report", "銷毀樣本與報告" }, "DIR ID",
	{ "The keys that sample and report are encrypted with are destroyed; what a disk may still hold cannot be read. The receipt is signed by the node\n"
	  "and says what was destroyed, when and by whom.",
	  "銷毀樣本與報告之加密金鑰；磁碟上殘留者無法解讀。收據由節點簽章，載明銷毀之標的、時間與人員。" },
	no_opts, delete_examples, 2, 2, delete_run,
};

/* --- digests --- */

static const char *const hash_examples[] = { "is this file known? only five digits of its digest are told", "lianfang lab hash DIR invoice.doc", NULL };

static bool is_digest(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(s.p[i]) < 0)
			return false;
	return s.n == 2 * SHA256_LEN;
}

/* Lower-case hex of the file, or of the digest that was typed. */
static int digest_of(struct cli *c, const char *what, struct buf *hex)
{
	unsigned char sha256[SHA256_LEN];
	struct err err = { 0 };
	struct buf bytes;

	if (is_digest(str_of(what)) && !file_exists(what)) {
		for (const char *p = what; *p != '\0'; p++)
			buf_char(hex, *p >= 'A' && *p <= 'F' ? (char)(*p | 0x20) : *p);
		return CLI_OK;
	}
	if (file_read(what, FILE_MAX, &bytes, &err) != RC_OK)
		return cli_fail(c, &err);
	hash_sha256(buf_view(&bytes), sha256);
	buf_done(&bytes);
	hex_put(hex, str_make((const char *)sha256, SHA256_LEN));
	return CLI_OK;
}

static int tell_hash(const struct cli *c, const char *what, struct str hex, const struct json *reply)
{
	struct str verdict = S("");
	struct jsonw w;
	struct buf out;
	int status;

	JSON_EACH(h, json_get(reply, S("hashes")))
		if (str_eq(json_get_str(h, S("sha256")), hex))
			verdict = json_get_str(h, S("verdict"));
	buf_init(&out, 65536);
	if (c->json) {
		jsonw_init(&w, &out);
		jsonw_object(&w);
		jsonw_m_str(&w, "sha256", hex);
		jsonw_name(&w, "verdict");
		if (verdict.n > 0)
			jsonw_str(&w, verdict);
		else
			jsonw_null(&w);
		jsonw_object_end(&w);
	} else {
		put_name(str_of(what), &out);
		buf_fmt(&out, ": %.*s", STR(verdict.n > 0 ? cli_value(c, verdict) : c->zh ? S("未知") : S("not known")));
	}
	status = cli_print(&out);
	buf_done(&out);
	return status != CLI_OK ? status : verdict.n > 0 ? CLI_OK : CLI_NO;
}

static int hash_one(struct cli *c, struct node_conn *conn, const char *what)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)256 << 20);
	const struct json *v;
	struct err err = { 0 };
	struct buf hex, path, reply;
	int status;

	if (a == NULL)
		return cli_failf(c, "out of memory");
	buf_init(&hex, 128);
	buf_init(&path, 128);
	status = digest_of(c, what, &hex);
	if (status == CLI_OK) {
		buf_fmt(&path, "/lab/hashes/%.*s", PREFIX, hex.p);
		status = node_get(c, conn, path.p, &reply);
		if (status == CLI_OK)
			status = json_parse(a, buf_view(&reply), &JSON_LIMITS, &v, &err) == RC_OK ? tell_hash(c, what, buf_view(&hex), v) : cli_fail(c, &err);
		buf_done(&reply);
	}
	buf_done(&path);
	buf_done(&hex);
	return status;
}

static int hash_run(struct cli *c)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	int status = CLI_OK;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	for (int i = 1; i < c->n_operands; i++) {
		int one = hash_one(c, conn, c->operands[i]);

		status = one > status ? one : status;
	}
	return status;
}

const struct cli_cmd CMD_LAB_HASH = {
	"lab hash", { "ask what is known of a file without sending it", "僅以雜湊查詢，不送出檔案" }, "DIR FILE|SHA256...",
	{ "The first 20 bits of the digest are asked for, and the answer, all that begin so, is compared here. Exit status 1: not known.",
	  "僅送出雜湊值前 20 位元，於本機比對回覆。結束狀態 1：未知。" },
	no_opts, hash_examples, 2, CLI_OPERANDS_MAX, hash_run,
};
