/* Users, tokens, collections and peers: each command is one REST call. */
#include "base/text.h"
#include "cli/node_cmd.h"
#include "sys/keys.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static int with_name(const struct cli *c, const char *method, const char *prefix, const char *name, const char *suffix, reply_show show)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, prefix);
	percent_put(&path, str_of(name));
	buf_cstr(&path, suffix);
	status = node_cmd(c, c->operands[0], method, path.p, S(""), show);
	buf_done(&path);
	return status;
}

/* --- users --- */

static const struct cli_opt user_opts[] = {
	{ "role", 'r', "ROLE", { "admin, analyst, feeder, reader or peer", "角色：admin、analyst、feeder、reader、peer" }, false },
	{ "org", 0, "NAME", { "organisation", "所屬機關" }, false },
	{ "tlp", 0, "LEVEL", { "strictest TLP the user may see (admin red, peer green, others amber)", "可見的最嚴 TLP（admin 為 red，peer 為 green，其餘 amber）" }, false },
	{ "cert", 0, "SHA256", { "fingerprint of a client certificate that signs this user in", "用戶端憑證指紋" }, false },
	{ "password-stdin", 0, NULL, { "read the password from standard input", "自標準輸入讀取密碼" }, false },
	{ "disable", 0, NULL, { "the user may not sign in", "停用" }, false },
	{ "until", 0, "DATE", { "the account is shut by itself after this date (2026-12-31) or instant; 'never' takes that back", "帳號於此日期（2026-12-31）或時刻後自動停用；never 為取消" }, false },
	NO_OPT,
};
static const char *const user_examples[] = {
	"an analyst", "printf '%s\\n' \"$PASSWORD\" | lianfang user add DIR alice --role analyst --password-stdin",
	"a contractor until the end of the year", "lianfang user add DIR bob --role reader --until 2026-12-31", NULL,
};

static int user_add(struct cli *c)
{
	struct err err = { 0 };
	struct body x;
	struct buf password;
	bool given = cli_has(c, "password-stdin");
	const char *until = cli_get(c, "until", NULL);

	buf_init(&password, 4096);
	if (given && cli_stdin_line(&password, &err) != RC_OK)
		return cli_fail(c, &err);
	body_begin(&x);
	body_text(&x, "name", c->operands[1]);
	body_text(&x, "role", cli_get(c, "role", NULL));
	body_text(&x, "org", cli_get(c, "org", NULL));
	body_text(&x, "tlp_max", cli_get(c, "tlp", NULL));
	body_text(&x, "cert_sha256", cli_get(c, "cert", NULL));
	body_switch(c, &x, "disable", "disabled");
	if (until != NULL)
		jsonw_m_cstr(&x.w, "expires", strcmp(until, "never") == 0 ? "" : until);
	if (given)
		jsonw_m_str(&x.w, "password", buf_view(&password));
	if (password.p != NULL)
		secret_wipe(password.p, password.n);
	buf_done(&password);
	return body_send(c, &x, "/users", NULL);
}

static void show_users(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "name:NAME", "role:ROLE", "org:ORG", "tlp_max:TLP", "has_password:PASSWORD",
					       "disabled:DISABLED", "@locked_until:LOCKED UNTIL", "@expires:SHUT FROM", NULL };

	(void)c;
	show_table(c, json_get(v, S("users")), columns, out);
}

static int user_list_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/users", S(""), show_users);
}

static int user_remove(struct cli *c)
{
	return with_name(c, "DELETE", "/users/", c->operands[1], "", NULL);
}

const struct cli_cmd CMD_USER_ADD = {
	"user add", { "add a user, or change the one of that name", "新增或變更使用者" }, "DIR NAME",
	{ "Works on a running node and on a stopped one. Passwords never stand on the command line; set over the network they\n"
	  "have 12 to 1024 bytes.\n"
	  "What is not given stays as it is. Five wrong passwords in a row lock the user out for 15 minutes; giving a new password\n"
	  "ends that at once.",
	  "節點執行中或停止時皆可使用。密碼不可寫在命令列上；經網路設定時為 12 至 1024 位元組。未給的項目維持不變。\n"
	  "連續五次密碼錯誤即鎖定 15 分鐘；設定新密碼則立即解除。" },
	user_opts, user_examples, 2, 2, user_add,
};
const struct cli_cmd CMD_USER_LIST = { "user list", { "list users", "列出使用者" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("who may sign in, and who is locked", "lianfang user list"), 1, 1, user_list_run };
const struct cli_cmd CMD_USER_REMOVE = { "user remove", { "remove a user", "移除使用者" }, "DIR NAME", { NULL, NULL }, NULL,
	EXAMPLE("alice has left", "lianfang user remove alice"), 2, 2, user_remove };

static void show_link(const struct cli *c, const struct json *v, struct buf *out)
{
	buf_fmt(out, c->zh ? "%.*s\n（限用一次，效期至 %.*s）" : "%.*s\n(once, until %.*s)", STR(json_get_str(v, S("url"))), STR(json_get_str(v, S("expires"))));
}

static int user_link(struct cli *c)
{
	return with_name(c, "POST", "/users/", c->operands[1], "/link", show_link);
}

static int user_reset_code(struct cli *c)
{
	return with_name(c, "DELETE", "/users/", c->operands[1], "/factor", NULL);
}

static int user_identity(struct cli *c)
{
	struct buf path;
	struct body x;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/users/");
	percent_put(&path, str_of(c->operands[1]));
	buf_cstr(&path, "/identities");
	body_begin(&x);
	body_text(&x, "subject", c->operands[2]);
	status = body_send(c, &x, path.p, NULL);
	buf_done(&path);
	return status;
}

static const char *const identity_examples[] = {
	"who alice is at the provider of [sign_in]", "lianfang user identity DIR alice 5f3c9a1e-alice", NULL,
};

const struct cli_cmd CMD_USER_IDENTITY = {
	"user identity", { "say who a user is at the identity provider", "指定使用者在身分提供者的身分" }, "DIR NAME SUBJECT",
	{ "SUBJECT is the claim `sub` of the provider in lianfang.conf, [sign_in] provider: the only thing there that never means another\n"
	  "person. Users may also link their own in the console, under My account.",
	  "SUBJECT 為 lianfang.conf 的 [sign_in] provider 所給的 `sub`，是唯一不會指向他人的項目。使用者也可在主控台「我的帳號」自行連結。" },
	NULL, identity_examples, 3, 3, user_identity,
};
const struct cli_cmd CMD_USER_LINK = {
	"user link", { "make a link by which a user sets a password, once", "產生一次性設定密碼連結" }, "DIR NAME",
	{ "For a new user, or one who forgot the password. The link is valid for a day; a new one makes the old one void. When it is\n"
	  "used, the user's sessions end.",
	  "供新使用者或忘記密碼者使用。連結效期一天，新連結使舊連結失效；使用後該使用者的所有登入階段即結束。" },
	NULL, EXAMPLE("mei is new, or has forgotten her password: hand her the link", "lianfang user link mei"), 2, 2, user_link,
};
const struct cli_cmd CMD_USER_RESET_CODE = {
	"user reset-code", { "remove a user's second factor (the phone is lost)", "移除使用者的第二因子（手機遺失）" }, "DIR NAME",
	{ NULL, NULL }, NULL, EXAMPLE("mei has lost her phone", "lianfang user reset-code mei"), 2, 2, user_reset_code,
};

/* --- tokens --- */

static const struct cli_opt token_opts[] = {
	{ "note", 0, "TEXT", { "what it is for", "用途" }, false },
	{ "role", 'r', "ROLE", { "may do no more than this role", "權限不超過此角色" }, false },
	{ "tlp", 0, "LEVEL", { "may see no more than this", "可見的最嚴 TLP" }, false },
	{ "days", 0, "N", { "valid for so many days; 0 never ends (90)", "有效天數；0 為永久（90）" }, false },
	NO_OPT,
};

static const char *const token_examples[] = {
	"for a firewall that fetches lists", "lianfang token add DIR firewall --note 'edge firewall' --role reader --tlp green --days 365", NULL,
};

static void show_token(const struct cli *c, const struct json *v, struct buf *out)
{
	(void)c;
	buf_str(out, json_get_str(v, S("secret")));
}

static int token_add(struct cli *c)
{
	struct body x;
	int64_t days;

	if (!cli_get_int(c, "days", 90, 0, 3650, &days))
		return CLI_ERROR;
	body_begin(&x);
	body_text(&x, "user", c->operands[1]);
	body_text(&x, "note", cli_get(c, "note", NULL));
	body_text(&x, "role", cli_get(c, "role", NULL));
	body_text(&x, "tlp_max", cli_get(c, "tlp", NULL));
	jsonw_m_int(&x.w, "days", days);
	return body_send(c, &x, "/tokens", show_token);
}

static void show_tokens(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "id:ID", "user:USER", "note:NOTE", "role:ROLE", "tlp_max:TLP", "@created:CREATED", "@expires:EXPIRES", NULL };

	(void)c;
	show_table(c, json_get(v, S("tokens")), columns, out);
}

static int token_list_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/tokens", S(""), show_tokens);
}

static int token_remove(struct cli *c)
{
	return with_name(c, "DELETE", "/tokens/", c->operands[1], "", NULL);
}

const struct cli_cmd CMD_TOKEN_ADD = {
	"token add", { "make an API token for a user; prints its secret once", "為使用者建立 API 權杖（僅顯示一次）" }, "DIR USER",
	{ "The secret is sent as `Authorization: Bearer SECRET`. The node keeps only its hash; a lost secret is replaced, not\n"
	  "recovered.",
	  "權杖以 `Authorization: Bearer 權杖` 送出。節點僅保存雜湊；遺失時請另建新權杖。" },
	token_opts, token_examples, 2, 2, token_add,
};
const struct cli_cmd CMD_TOKEN_LIST = { "token list", { "list tokens", "列出權杖" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("which programs may sign in as whom", "lianfang token list"), 1, 1, token_list_run };
const struct cli_cmd CMD_TOKEN_REMOVE = { "token remove", { "withdraw a token", "撤銷權杖" }, "DIR ID", { NULL, NULL }, NULL,
	EXAMPLE("a program is no longer used", "lianfang token remove ID"), 2, 2, token_remove };

/* --- collections --- */

static const struct cli_opt root_opts[] = {
	{ "title", 0, "TEXT", { "title", "標題" }, false },
	{ "description", 0, "TEXT", { "description", "說明" }, false },
	{ "page-size", 0, "N", { "largest page (1000)", "每頁上限（1000）" }, false },
	{ "max-content-length", 0, "BYTES", { "largest request body (16777216)", "請求本文上限" }, false },
	{ "default", 0, NULL, { "the default API root", "預設 API root" }, false },
	{ "public", 0, NULL, { "discovery shows it to everyone", "公開顯示" }, false },
	NO_OPT,
};

static const char *const root_examples[] = {
	"an API root for partners with small pages", "lianfang root add DIR partners --title 'Partner exchange' --page-size 100", NULL,
};

static int root_add(struct cli *c)
{
	struct body x;
	int64_t page, length;

	if (!cli_get_int(c, "page-size", 1000, 1, 10000, &page) ||
	    !cli_get_int(c, "max-content-length", 16 << 20, 1024, (int64_t)1 << 30, &length))
		return CLI_ERROR;
	body_begin(&x);
	body_text(&x, "name", c->operands[1]);
	body_text(&x, "title", cli_get(c, "title", NULL));
	body_text(&x, "description", cli_get(c, "description", NULL));
	jsonw_m_int(&x.w, "page_size", page);
	jsonw_m_int(&x.w, "max_content_length", length);
	body_switch(c, &x, "default", "default");
	body_switch(c, &x, "public", "public");
	return body_send(c, &x, "/roots", NULL);
}

const struct cli_cmd CMD_ROOT_ADD = {
	"root add", { "add or change a TAXII API root", "新增或變更 TAXII API root" }, "DIR NAME",
	{ "An API root is a group of collections with one address, https://host:port/NAME/ (TAXII 2.1 §4).",
	  "API root 為一組集合，位址為 https://主機:埠/NAME/（TAXII 2.1 §4）。" },
	root_opts, root_examples, 2, 2, root_add,
};

static const struct cli_opt collection_opts[] = {
	{ "id", 0, "UUID", { "the collection's id (drawn)", "集合 id（自動產生）" }, false },
	{ "alias", 0, "NAME", { "short name usable in addresses", "別名" }, false },
	{ "description", 0, "TEXT", { "description", "說明" }, false },
	{ "tlp", 0, "LEVEL", { "strictest TLP that may lie in it (red)", "可存放的最嚴 TLP（red）" }, false },
	{ "all-read", 0, NULL, { "every signed-in user may read", "所有登入者可讀" }, false },
	{ "all-write", 0, NULL, { "every signed-in user may write", "所有登入者可寫" }, false },
	{ "anonymous", 0, NULL, { "anyone may read what is TLP:CLEAR", "任何人可讀 TLP:CLEAR" }, false },
	NO_OPT,
};
static const char *const collection_examples[] = {
	"a collection that members may read", "lianfang collection add DIR intel 'Phishing' --alias phishing --all-read",
	"one user may write", "lianfang collection grant DIR intel/phishing user:alice --read --write", NULL,
};

static void show_collection(const struct cli *c, const struct json *v, struct buf *out)
{
	(void)c;
	buf_str(out, json_get_str(v, S("id")));
}

static int collection_add(struct cli *c)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "root", c->operands[1]);
	body_text(&x, "title", c->operands[2]);
	body_text(&x, "id", cli_get(c, "id", NULL));
	body_text(&x, "alias", cli_get(c, "alias", NULL));
	body_text(&x, "description", cli_get(c, "description", NULL));
	body_text(&x, "tlp_max", cli_get(c, "tlp", NULL));
	body_switch(c, &x, "all-read", "all_read");
	body_switch(c, &x, "all-write", "all_write");
	body_switch(c, &x, "anonymous", "anon_read");
	return body_send(c, &x, "/collections", show_collection);
}

static void show_collections(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "root:ROOT", "id:ID", "alias:ALIAS", "title:TITLE", "tlp_max:TLP", "all_read:ALL READ",
					       "all_write:ALL WRITE", NULL };

	(void)c;
	show_table(c, json_get(v, S("collections")), columns, out);
}

static int collection_list_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/collections", S(""), show_collections);
}

static const struct cli_opt grant_opts[] = {
	{ "read", 0, NULL, { "may read", "可讀" }, false },
	{ "write", 0, NULL, { "may write", "可寫" }, false },
	NO_OPT,
};

static int collection_grant(struct cli *c)
{
	struct buf path;
	struct body x;
	int status;

	buf_init(&path, 4096);
	buf_fmt(&path, "/collections/%s/rights", c->operands[1]);
	body_begin(&x);
	body_text(&x, "subject", c->operands[2]);
	jsonw_m_bool(&x.w, "read", cli_has(c, "read"));
	jsonw_m_bool(&x.w, "write", cli_has(c, "write"));
	status = body_send(c, &x, path.p, NULL);
	buf_done(&path);
	return status;
}

static int collection_remove(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_fmt(&path, "/collections/%s", c->operands[1]);
	status = node_cmd(c, c->operands[0], "DELETE", path.p, S(""), NULL);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_COLLECTION_ADD = {
	"collection add", { "add a collection to an API root; prints its id", "新增集合" }, "DIR ROOT TITLE",
	{ "Without switches nobody but this node's administrators has rights: see `collection grant`.",
	  "未給權限選項時僅管理者可用：見 `collection grant`。" },
	collection_opts,
	collection_examples, 3, 3, collection_add,
};
const struct cli_cmd CMD_COLLECTION_LIST = {
	"collection list", { "list collections", "列出集合" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("what TAXII clients and peers may see", "lianfang collection list"), 1, 1, collection_list_run,
};
const struct cli_cmd CMD_COLLECTION_GRANT = {
	"collection grant", { "set the rights of a user or role; without switches none", "設定使用者或角色的權限（未給選項則移除權限）" },
	"DIR ROOT/COLLECTION user:NAME|role:ROLE", { NULL, NULL }, grant_opts, collection_examples, 3, 3, collection_grant,
};
const struct cli_cmd CMD_COLLECTION_REMOVE = {
	"collection remove", { "remove a collection and its entries", "移除集合" }, "DIR ROOT/COLLECTION", { NULL, NULL }, NULL,
	EXAMPLE("nobody reads it any more", "lianfang collection remove DIR intel/phishing"), 2, 2, collection_remove,
};

/* --- peers --- */

static const struct cli_opt peer_opts[] = {
	{ "relation", 'r', "RELATION", { "parent, child or partner", "關係：parent、child、partner" }, false },
	{ "url", 'u', "URL", { "https://host:port; without it the peer only calls us", "對等節點網址" }, false },
	{ "cert", 0, "SHA256", { "fingerprint of its certificate (shown by its `init` and `status`)", "憑證指紋" }, false },
	{ "tlp", 0, "LEVEL", { "strictest TLP that may go to it (green)", "可送出的最嚴 TLP（green）" }, false },
	{ "disable", 0, NULL, { "exchange nothing for now", "停用" }, false },
	NO_OPT,
};
static const char *const peer_examples[] = {
	"our sector centre", "lianfang peer add DIR health-isac --relation parent --url https://isac.example:8443 --cert 3f1c...",
	"reports go up to it, released intelligence comes down from it",
	"lianfang peer link DIR health-isac push intel/up intel/up && lianfang peer link DIR health-isac pull intel/down intel/down", NULL,
};

static int peer_add(struct cli *c)
{
	struct body x;

	if (!cli_has(c, "relation") || !cli_has(c, "cert"))
		return cli_failf(c, c->zh ? "必須有 --relation 與 --cert" : "--relation and --cert are required");
	body_begin(&x);
	body_text(&x, "name", c->operands[1]);
	body_text(&x, "relation", cli_get(c, "relation", NULL));
	body_text(&x, "url", cli_get(c, "url", NULL));
	body_text(&x, "cert_sha256", cli_get(c, "cert", NULL));
	body_text(&x, "tlp_max", cli_get(c, "tlp", NULL));
	body_switch(c, &x, "disable", "disabled");
	return body_send(c, &x, "/peers", NULL);
}

static const struct cli_opt link_opts[] = {
	{ "tlp", 0, "LEVEL", { "stricter ceiling for this link alone", "此連結的 TLP 上限" }, false },
	NO_OPT,
};

static int peer_link(struct cli *c)
{
	struct buf path;
	struct body x;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/peers/");
	percent_put(&path, str_of(c->operands[1]));
	buf_cstr(&path, "/links");
	body_begin(&x);
	body_text(&x, "direction", c->operands[2]);
	body_text(&x, "collection", c->operands[3]);
	body_text(&x, "their_collection", c->operands[4]);
	body_text(&x, "tlp_max", cli_get(c, "tlp", NULL));
	status = body_send(c, &x, path.p, NULL);
	buf_done(&path);
	return status;
}

static void show_peers(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "name:NAME", "%relation:RELATION", "url:URL", "tlp_max:TLP", "@last_ok:LAST EXCHANGE",
					       "last_error:LAST ERROR", NULL };

	(void)c;
	show_table(c, json_get(v, S("peers")), columns, out);
}

static int peer_list_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/peers", S(""), show_peers);
}

static int peer_remove(struct cli *c)
{
	return with_name(c, "DELETE", "/peers/", c->operands[1], "", NULL);
}

const struct cli_cmd CMD_PEER_ADD = {
	"peer add", { "add or change a peer node, pinned by its certificate", "新增或變更對等節點（釘選憑證）" }, "DIR NAME",
	{ "What is stricter than --tlp never goes to the peer. Give the same command on the other side with the fingerprints\nexchanged.",
	  "嚴於 --tlp 者絕不送往對等節點。請於對方以交換後的指紋執行同一指令。" },
	peer_opts, peer_examples, 2, 2, peer_add,
};
const struct cli_cmd CMD_PEER_LINK = {
	"peer link", { "exchange a collection with a peer", "與對等節點交換集合" }, "DIR PEER pull|push OUR/COLLECTION THEIR/COLLECTION",
	{ "push: what enters OUR/COLLECTION goes to THEIR/COLLECTION. pull: what enters THEIR/COLLECTION comes to OUR/COLLECTION,\n"
	  "pushed to us by a stream of events, with polling when the stream is cut.",
	  "push：進入 OUR/COLLECTION 者送往 THEIR/COLLECTION。pull：進入 THEIR/COLLECTION 者取回 OUR/COLLECTION，\n"
	  "平時以事件串流即時接收，串流中斷時改為輪詢。" },
	link_opts, peer_examples, 5, 5, peer_link,
};
const struct cli_cmd CMD_PEER_LIST = { "peer list", { "list peers and how the exchange goes", "列出對等節點" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("does the exchange go well?", "lianfang peer list"), 1, 1, peer_list_run };
const struct cli_cmd CMD_PEER_REMOVE = { "peer remove", { "remove a peer", "移除對等節點" }, "DIR NAME", { NULL, NULL }, NULL,
	EXAMPLE("a member has left", "lianfang peer remove hospital-a"), 2, 2, peer_remove };
