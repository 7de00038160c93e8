#include "cli/cli.h"
#include "node/serve.h"

static const struct cli_opt opts[] = {
	{ "listen", 'l', "ADDR:PORT", { "instead of the configuration's address", "取代設定檔中的位址" }, false },
	{ "plain-http", 0, NULL, { "no TLS; loopback only, for tests behind a proxy", "不用 TLS；僅限 loopback，供代理後測試" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

static const char *const examples[] = {
	"run a node in the foreground", "lianfang serve /var/lib/lianfang",
	"behind a TLS proxy on the same machine", "lianfang serve DIR --plain-http --listen 127.0.0.1:8080",
	NULL,
};

static struct serve_opts options(const struct cli *c)
{
	return (struct serve_opts){ .plain_http = cli_has(c, "plain-http"), .listen = cli_get(c, "listen", NULL) };
}

static int run(struct cli *c)
{
	struct serve_opts o = options(c);

	return serve_supervisor(c->operands[0], &o);
}

const struct cli_cmd CMD_SERVE = {
	"serve", { "run a node", "執行節點" }, "DIR",
	{ "Runs in the foreground and logs to standard error. SIGHUP reads certificate, log settings, peers and rules again; SIGTERM\n"
	  "stops cleanly. A second start on the same folder is refused. The supervisor starts the roles core (store, keys,\n"
	  "exchange) and detect (logs, rules, history) as processes of their own, each inside its fence, and again when one dies;\n"
	  "a fence that cannot be installed stops the node with status 78.",
	  "於前景執行並記錄到標準錯誤。SIGHUP 重讀憑證、紀錄設定與對等節點；SIGTERM 正常停止。同一資料夾不可重複啟動。監督行程將 core（紀錄庫、金鑰、交換）與 detect（日誌、規則、歷史）\n"
	  "啟動為各自隔離的行程，異常結束時重新啟動；無法建立隔離時以狀態 78 停止。" },
	opts, examples, 1, 1, run,
};

static int run_role(struct cli *c)
{
	struct serve_opts o = options(c);

	if (str_eq(str_of(c->operands[0]), S("detect")))
		return serve_detect(c->operands[1]);
	if (strcmp(c->operands[0], "lab") == 0)
		return serve_lab(c->operands[1]);
	if (!str_eq(str_of(c->operands[0]), S("core")))
		return cli_failf(c, "'%s' is not a role", c->operands[0]);
	return serve_core(c->operands[1], &o);
}

const struct cli_cmd CMD_ROLE = {
	"role", { "a role's process (started by serve, not by people)", "角色行程（由 serve 啟動）" }, "ROLE FOLDER",
	{ "The supervisor starts this: core or detect. Started by hand core runs without the folder's lock, and detect, which\n"
	  "needs the supervisor's socket, not at all.",
	  "由監督行程啟動；手動啟動時不會取得資料夾鎖。" },
	opts, NULL, 2, 2, run_role,
};
