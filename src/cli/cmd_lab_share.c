/* What follows from a verdict of a node's lab: said in words, as STIX, its relatives; shared as indicators, and taken back. */
#include "base/text.h"
#include "cli/node_cmd.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static void put_path(struct buf *path, const struct cli *c, const char *what)
{
	buf_init(path, 4096);
	buf_cstr(path, "/lab/submissions/");
	percent_put(path, str_of(c->operands[1]));
	buf_cstr(path, what);
}

static void show_shared(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "state:STATE", "id:INDICATOR", "sha256:SHA256", NULL };

	show_table(c, json_get(v, S("indicators")), columns, out);
}

/* --- share --- */

static const struct cli_opt share_opts[] = {
	{ "tlp", 0, "LEVEL", { "marking; no wider than the class it was handed in with", "分享標示，不得寬於送件時的類別" }, false },
	NO_OPT,
};

static int share_run(struct cli *c)
{
	struct buf path;
	struct body x;
	int status;

	put_path(&path, c, "/indicators");
	body_begin(&x);
	body_option(c, &x, "tlp", "tlp");
	status = body_send(c, &x, path.p, show_shared);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_LAB_SHARE = {
	"lab share", { "make indicators of what a submission was found malicious for", "將判定為惡意者分享為指標" }, "DIR SUBMISSION",
	{ "Digests of the file, and of files in it that were found malicious themselves, go into the collections up and down the tiers; no name and no\n"
	  "byte of a file does. Done again it changes nothing. What was taken back does not come back.",
	  "該檔案及其中本身即屬惡意之檔案的雜湊值，會進入往上層與往下層的集合；檔名與檔案內容不會外流。重複執行不會改變結果；已撤回者不會再出現。" },
	share_opts, EXAMPLE("one's own", "lianfang lab share DIR 9b2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21"), 2, 2, share_run,
};

/* --- take back --- */

static const struct cli_opt revoke_opts[] = {
	{ "why", 0, "TEXT", { "the reason, for the chain of facts", "理由（記入事實鏈）" }, false },
	{ "submission", 0, "ID", { "what was shared of this submission", "此送件所分享者" }, false },
	{ "sha256", 0, "DIGEST", { "of this file; with --submission: of it only this file", "此檔案" }, false },
	{ "indicator", 0, "ID", { "this indicator of this node", "本節點的此指標" }, false },
	NO_OPT,
};

static int revoke_run(struct cli *c)
{
	struct body x;

	body_begin(&x);
	for (const struct cli_opt *o = revoke_opts; o->name != NULL; o++)
		body_option(c, &x, o->name, o->name);
	return body_send(c, &x, "/lab/revocations", show_shared);
}

const struct cli_cmd CMD_LAB_REVOKE = {
	"lab revoke", { "take back what the lab shared: it was a mistake", "撤回誤判而分享的指標" }, "DIR",
	{ "A newer version of each indicator says that it is revoked, and travels as the indicator did: every detector that had it lets go of it.",
	  "各指標會發出已撤銷的新版本，循原路徑傳遞；所有載入該指標的偵測器都會停用它。" },
	revoke_opts, EXAMPLE("all of a submission", "lianfang lab revoke DIR --submission 9b2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21 --why 'our own installer'"), 1, 1, revoke_run,
};

/* --- reading --- */

static void show_list(const struct cli *c, const struct json *v, const char *en, const char *zh, const char *member, struct buf *out)
{
	const struct json *list = json_get(v, str_of(member));

	buf_fmt(out, "\n%s", c->zh ? zh : en);
	if (json_is(list, JSON_ARRAY))
		JSON_EACH(line, list)
			buf_fmt(out, "\n  - %.*s", STR(json_str(line)));
}

static void show_words(const struct cli *c, const struct json *v, struct buf *out)
{
	buf_str(out, json_get_str(v, S("verdict")));
	show_list(c, v, "What was found:", "發現了什麼：", "found", out);
	show_list(c, v, "What was not looked at:", "未檢視之處：", "not_seen", out);
	show_list(c, v, "What to do:", "請這樣做：", "to_do", out);
	show_list(c, v, "Whom to tell:", "向誰通報：", "tell", out);
	buf_char(out, '\n');
}

static int say_run(struct cli *c)
{
	struct buf path;
	int status;

	put_path(&path, c, "/words");
	path_query(&path, "lang", c->zh ? "zh" : "en");
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_words);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_LAB_SAY = {
	"lab say", { "what became of a submission, in words for everybody", "以白話說明送件的檢測結果" }, "DIR SUBMISSION", { NULL, NULL }, NULL,
	EXAMPLE("in Chinese", "lianfang lab say DIR 9b2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21 --lang zh"), 2, 2, say_run,
};

static const struct cli_opt stix_opts[] = {
	{ "output", 'o', "FILE", { "into this file", "輸出至此檔案" }, false },
	NO_OPT,
};

static int stix_run(struct cli *c)
{
	struct buf path;
	int status;

	put_path(&path, c, "/stix");
	status = node_get_output(c, path.p);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_LAB_STIX = {
	"lab stix", { "the report of a submission as a STIX bundle", "以 STIX bundle 輸出檢測報告" }, "DIR SUBMISSION", { NULL, NULL }, stix_opts,
	EXAMPLE("into a file", "lianfang lab stix DIR 9b2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21 -o report.json"), 2, 2, stix_run,
};

static const struct cli_opt similar_opts[] = {
	{ "limit", 'n', "N", { "at most so many, 1 to 200 (20)", "至多列出筆數，1 至 200（預設 20）" }, false },
	NO_OPT,
};

static void show_similar(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "ctph:CTPH", "tlsh:TLSH", "same:SAME", "verdict:VERDICT", "name:NAME", "path:PATH", "submission:SUBMISSION", NULL };

	show_table(c, json_get(v, S("similar")), columns, out);
}

static int similar_run(struct cli *c)
{
	struct buf path;
	int status;

	put_path(&path, c, "/similar");
	path_query(&path, "limit", cli_get(c, "limit", NULL));
	status = node_cmd(c, c->operands[0], "GET", path.p, S(""), show_similar);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_LAB_SIMILAR = {
	"lab similar", { "stored files that are like this submission, the most alike first", "列出與此送件相似的檔案，最相似者在前" }, "DIR SUBMISSION",
	{ "CTPH is a score as of ssdeep (0 to 100, more is nearer), TLSH a distance (0 to 60, less is nearer).", "CTPH 為 ssdeep 分數（0 至 100，越高越近）；TLSH 為距離（0 至 60，越低越近）。" },
	similar_opts, EXAMPLE("five", "lianfang lab similar DIR 9b2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21 -n 5"), 2, 2, similar_run,
};
