#include "cli/cli.h"
#include "node/node.h"

static const struct cli_opt opts[] = {
	{ "tier", 't', "TIER", { "provider, region, sector, nation or partner", "層級：provider、region、sector、nation、partner" }, false },
	{ "name", 'n', "NAME", { "name of the organisation, as peers see it", "機關名稱" }, false },
	{ "listen", 'l', "ADDR:PORT", { "where it will listen (127.0.0.1:8443)", "監聽位址（127.0.0.1:8443）" }, false },
	{ "store", 0, "URL", { "sqlite, or postgresql://... (sqlite)", "sqlite 或 postgresql://…" }, false },
	{ "ca", 0, "DIR", { "federation made by `init --federation`, whose CA signs the certificate", "以該聯盟的 CA 簽發憑證" }, false },
	{ "host", 0, "NAME", { "further DNS name or address in the certificate", "憑證中另加的主機名稱或位址" }, true },
	{ "federation", 0, NULL, { "make a federation's certificate authority instead of a node", "建立聯盟憑證機構而非節點" }, false },
	{ "password-stdin", 0, NULL, { "read the first admin's password from standard input", "自標準輸入讀取 admin 密碼" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

static const char *const examples[] = {
	"a hospital's node", "lianfang init /var/lib/lianfang --tier provider --name 'Hospital A'",
	"a federation and a sector centre in it",
	"lianfang init ca --federation --name Health && lianfang init sector --tier sector --name 'Health ISAC' --ca ca",
	NULL,
};

static int report(const struct cli *c, const char *password, const char *fingerprint)
{
	struct buf b;
	struct jsonw w;
	int status;

	buf_init(&b, 65536);
	if (c->json) {
		jsonw_init(&w, &b);
		jsonw_object(&w);
		jsonw_m_cstr(&w, "dir", c->operands[0]);
		jsonw_m_cstr(&w, "cert_sha256", fingerprint);
		jsonw_m_cstr(&w, "user", "admin");
		if (password[0] != '\0')
			jsonw_m_cstr(&w, "password", password);
		jsonw_object_end(&w);
	} else {
		buf_fmt(&b, c->zh ? "節點已建立於 %s\n憑證指紋（供對等節點釘選）: %s\n" : "node made in %s\ncertificate fingerprint for peers to pin: %s\n",
			c->operands[0], fingerprint);
		if (password[0] != '\0')
			buf_fmt(&b, c->zh ? "使用者 admin 的密碼（僅顯示一次）: %s\n" : "password of user admin (shown once): %s\n", password);
		buf_fmt(&b, c->zh ? "啟動: lianfang serve %s\n" : "start it: lianfang serve %s\n", c->operands[0]);
	}
	status = cli_print(&b);
	buf_done(&b);
	return status;
}

static int run(struct cli *c)
{
	const char *hosts[33] = { NULL };
	char password[32] = "", fingerprint[65] = "";
	struct node_init_opts o = { .dir = c->operands[0], .name = cli_get(c, "name", NULL), .tier = cli_get(c, "tier", NULL),
				    .listen = cli_get(c, "listen", NULL), .store = cli_get(c, "store", NULL),
				    .federation = cli_get(c, "ca", NULL), .hosts = hosts };
	struct err err = { 0 };
	struct buf given;
	enum rc rc;

	if (o.name == NULL)
		return cli_failf(c, c->zh ? "必須有 --name" : "--name is required");
	if (cli_has(c, "federation")) {
		rc = node_federation_init(o.dir, o.name, &err);
		return rc == RC_OK ? CLI_OK : cli_fail(c, &err);
	}
	if (o.tier == NULL)
		return cli_failf(c, c->zh ? "必須有 --tier（provider、region、sector、nation 或 partner）" : "--tier is required (provider, region, sector, nation or partner)");
	for (int i = 0; i < 32; i++)
		hosts[i] = cli_get_nth(c, "host", i);
	buf_init(&given, 4096);
	rc = cli_has(c, "password-stdin") ? cli_stdin_line(&given, &err) : RC_OK;
	if (rc == RC_OK && cli_has(c, "password-stdin") && given.n == 0)
		rc = FAIL(&err, RC_BAD, "standard input holds no password");
	o.admin_password = buf_view(&given);
	if (rc == RC_OK)
		rc = node_init(&o, password, fingerprint, &err);
	if (given.p != NULL)
		secret_wipe(given.p, given.n);
	buf_done(&given);
	return rc == RC_OK ? report(c, password, fingerprint) : cli_fail(c, &err);
}

const struct cli_cmd CMD_INIT = {
	"init", { "make a node in a new folder, or a federation's certificate authority", "在新資料夾建立節點或聯盟憑證機構" }, "NEW-DIR",
	{ "Makes keys, a certificate, the STIX identity, the configuration lianfang.conf, an empty store with the collections\n"
	  "intel/up and intel/down, and the user admin. Without --password-stdin a password is drawn and shown once.\n"
	  "Without --ca the node signs its certificate by a CA of its own; peers pin the fingerprint in both cases.",
	  "建立金鑰、憑證、STIX 身分、設定檔 lianfang.conf、空的紀錄庫（含 intel/up 與 intel/down 集合）以及使用者 admin。\n"
	  "未給 --password-stdin 時隨機產生密碼並只顯示一次。" },
	opts, examples, 1, 1, run,
};
