/* incident bundle, incident take: an incident on media, where no connection goes. */
#include "cli/incident.h"

#define BUNDLE_MAX ((size_t)16 << 20)
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

static const struct cli_opt bundle_opts[] = {
	{ "output", 'o', "FILE", { "write here, replacing it at once (standard output)", "輸出檔（預設為標準輸出）" }, false },
	NO_OPT,
};
static const char *const bundle_examples[] = { "onto a stick", "lianfang incident bundle DIR 2026-000001 -o /media/stick/2026-000001.json", NULL };

static int bundle_run(struct cli *c)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	incident_path(c, "/bundle", &path);
	status = node_get_output(c, path.p);
	buf_done(&path);
	return status;
}

const struct cli_cmd CMD_INCIDENT_BUNDLE = {
	"incident bundle", { "write an incident to a sealed file, for media", "將事件寫成封緘檔案以供媒體傳遞" }, "DIR NUMBER",
	{ "The file holds what would go over the network: each fact signed by who stated it, receipts of what came here, and a seal by the key of\n"
	  "this node's certificate. Any peer that has this certificate takes it in with incident take. The node has to run.",
	  "檔案內容與網路傳遞者相同：各項事實附陳述者之簽章、收件回條，並以本節點憑證金鑰封緘。已釘選此憑證之對等節點可用\n"
	  "incident take 收入。節點須在執行中。" },
	bundle_opts, bundle_examples, 2, 2, bundle_run,
};

static const char *const take_examples[] = { "from a stick", "lianfang incident take DIR /media/stick/2026-000001.json", NULL };

static void show_taken(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "id:ID", "why:WHY", NULL };
	const struct json *refused = json_get(v, S("refused"));
	struct str from = json_get_str(v, S("from")), incident = json_get_str(v, S("incident"));
	int64_t fresh = 0;

	(void)json_int(json_get(v, S("new")), &fresh);
	buf_fmt(out, c->zh ? "%.*s：來自 %.*s，新增 %lld 項事實\n" : "%.*s of %.*s: %lld new facts\n", STR(incident), STR(from),
		(long long)fresh);
	if (json_is(refused, JSON_ARRAY) && refused->n > 0)
		show_table(c, refused, columns, out);
}

static int take_run(struct cli *c)
{
	struct err err = { 0 };
	struct buf text;
	int status;

	if (cli_read(c->operands[1], BUNDLE_MAX, &text, &err) != RC_OK)
		return cli_fail(c, &err);
	c->about = c->operands[1];
	status = node_cmd(c, c->operands[0], "POST", "/incidents/bundles", buf_view(&text), show_taken);
	buf_done(&text);
	return status;
}

const struct cli_cmd CMD_INCIDENT_TAKE = {
	"incident take", { "take in an incident that a peer wrote to a file", "收入對等節點以檔案傳遞之事件" }, "DIR FILE|-",
	{ "What is there already changes nothing, so the same file may come twice. The same rights hold as over the network: what a\n"
	  "peer may not state is refused with the reason. The node has to run.",
	  "已有者不變，同一檔案可重複收入。權限與網路傳遞相同：無權陳述者附理由退回。節點須在執行中。" },
	NULL, take_examples, 2, 2, take_run,
};
