/* What members of a community have in common, without telling it: founding, joining, admitting, matches, and names that two roles open. */
#include "base/text.h"
#include "cli/node_cmd.h"
#include "sys/file.h"
#include "sys/seal.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define KEY_FILE_MAX 4096

static void show_part(const struct cli *c, const struct json *v, struct buf *out)
{
	show_line(c, v, c->zh ? "社群" : "community", "community", out);
	show_line(c, v, c->zh ? "身分" : "as", "as", out);
	show_line(c, v, c->zh ? "代號" : "pseudonym", "pseudonym", out);
	show_line(c, v, c->zh ? "發起者" : "founder", "founder", out);
	show_line(c, v, c->zh ? "金鑰世代" : "key", "generation", out);
}

/* --- found, join, collect, show --- */

static const struct cli_opt opener_opts[] = {
	{ "opener", 0, "KEY", { "public key of a role that opens names; twice", "開啟身分角色之公鑰，須給兩次" }, true },
	NO_OPT,
};
static const struct cli_opt join_opts[] = {
	{ "founder", 0, "PSEUDONYM", { "whose keys count, as the founder told it you", "發起者代號（以其他管道核對）" }, false },
	{ "opener", 0, "KEY", { "public key of a role that opens names; twice", "開啟身分角色之公鑰，須給兩次" }, true },
	NO_OPT,
};

static int set(struct cli *c, const char *as)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "community", c->operands[1]);
	body_text(&x, "as", as);
	body_text(&x, "founder", cli_has(c, "founder") ? cli_get(c, "founder", NULL) : NULL);
	if (cli_get_nth(c, "opener", 0) != NULL) {
		jsonw_name(&x.w, "openers");
		jsonw_array(&x.w);
		for (int i = 0; cli_get_nth(c, "opener", i) != NULL; i++)
			jsonw_cstr(&x.w, cli_get_nth(c, "opener", i));
		jsonw_array_end(&x.w);
	}
	return body_send(c, &x, "/community", show_part);
}

static int found_run(struct cli *c)
{
	return set(c, "founder");
}

static int join_run(struct cli *c)
{
	return set(c, "member");
}

static int collect_run(struct cli *c)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "community", c->operands[1]);
	body_text(&x, "as", "collector");
	return body_send(c, &x, "/community", show_part);
}

static int show_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/community", S(""), show_part);
}

const struct cli_cmd CMD_COMMUNITY_FOUND = {
	"community found", { "found a community: its key is drawn here", "發起社群並產生其金鑰" }, "DIR NAME",
	{ "Members' nodes tell the collector above them keyed digests of their TLP:AMBER values; it sees that two hold one value, and not the\n"
	  "value. Tell the pseudonym that is printed to those who join, by another way than this network.",
	  "成員節點將 TLP:AMBER 之值以金鑰雜湊後上傳，彙整者僅知兩成員持有相同之值而不知其值。請以其他管道告知加入者所印出之代號。" },
	opener_opts,
	EXAMPLE("two people may open names together", "lianfang community found DIR water --opener KEY1 --opener KEY2"), 2, 2, found_run,
};

const struct cli_cmd CMD_COMMUNITY_JOIN = {
	"community join", { "join a community; its founder has to admit this node", "加入社群（須經發起者核可）" }, "DIR NAME", { NULL, NULL },
	join_opts,
	EXAMPLE("with the pseudonym that the founder told by telephone", "lianfang community join DIR water --founder PSEUDONYM --opener KEY1 --opener KEY2"), 2, 2, join_run,
};

const struct cli_cmd CMD_COMMUNITY_COLLECT = {
	"community collect", { "collect for a community, without its key", "為社群彙整（不持有金鑰）" }, "DIR NAME", { NULL, NULL }, NULL,
	EXAMPLE("at the sector's node", "lianfang community collect DIR water"), 2, 2, collect_run,
};

const struct cli_cmd CMD_COMMUNITY_SHOW = {
	"community show", { "this node's part in its community", "顯示本節點於社群之身分" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("is this node in, and as whom?", "lianfang community show"), 1, 1, show_run,
};

/* --- members and matches --- */

static void show_members(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "member:MEMBER", "@seen:SEEN", "opened_by_roles:OPENED", "name:NAME", NULL };

	show_table(c, json_get(v, S("members")), columns, out);
}

static void show_matches(const struct cli *c, const struct json *v, struct buf *out)
{
	static const char *const columns[] = { "object:OBJECT", "others:OTHERS", "with:WITH", "@at:AT", NULL };

	show_table(c, json_get(v, S("matches")), columns, out);
}

static int members_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/community/members", S(""), show_members);
}

static int matches_run(struct cli *c)
{
	return node_cmd(c, c->operands[0], "GET", "/community/matches", S(""), show_matches);
}

static int act(struct cli *c, const char *what)
{
	struct buf path;
	int status;

	buf_init(&path, 4096);
	buf_cstr(&path, "/community/members/");
	percent_put(&path, str_of(c->operands[1]));
	buf_fmt(&path, "/%s", what);
	status = node_cmd(c, c->operands[0], "POST", path.p, S("{}"), show_part);
	buf_done(&path);
	return status;
}

static int admit_run(struct cli *c)
{
	return act(c, "admit");
}

static int expel_run(struct cli *c)
{
	return act(c, "expel");
}

const struct cli_cmd CMD_COMMUNITY_MEMBERS = {
	"community members", { "members that have shown themselves, by pseudonym", "列出已現身之成員（代號）" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("who waits to be admitted", "lianfang community members"), 1, 1, members_run,
};

const struct cli_cmd CMD_COMMUNITY_MATCHES = {
	"community matches", { "objects of ours whose values others have too", "列出他成員亦持有其值之物件" }, "DIR", { NULL, NULL }, NULL,
	EXAMPLE("what others have seen, too", "lianfang community matches"), 1, 1, matches_run,
};

const struct cli_cmd CMD_COMMUNITY_ADMIT = {
	"community admit", { "admit a member: the community's key is sealed for it", "核可成員並為其封裝金鑰" }, "DIR MEMBER",
	{ "Compare the pseudonym with the member itself first: whoever carries messages could show a key of its own.",
	  "請先與該成員直接核對代號，以免轉送者以自己的金鑰冒充。" },
	NULL, EXAMPLE("the member told this pseudonym by telephone", "lianfang community admit DIR PSEUDONYM"), 2, 2, admit_run,
};

const struct cli_cmd CMD_COMMUNITY_EXPEL = {
	"community expel", { "expel a member: all others get a new key", "除名成員並更換金鑰" }, "DIR MEMBER", { NULL, NULL }, NULL,
	EXAMPLE("it is no longer trusted", "lianfang community expel DIR PSEUDONYM"), 2, 2, expel_run,
};

/* --- names that two roles open --- */

static int role_key_run(struct cli *c)
{
	unsigned char pub[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN];
	struct buf text, out;
	struct err err;
	int status;
	enum rc rc;

	sign_keypair(pub, sec);
	buf_init(&text, KEY_FILE_MAX);
	hex_put(&text, str_make((const char *)sec, sizeof sec));
	buf_char(&text, '\n');
	rc = file_create(c->operands[0], buf_view(&text), 0600, &err);
	secret_wipe(text.p, text.n);
	secret_wipe(sec, sizeof sec);
	buf_done(&text);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, KEY_FILE_MAX);
	hex_put(&out, str_make((const char *)pub, sizeof pub));
	buf_char(&out, '\n');
	status = cli_print(&out);
	buf_done(&out);
	return status;
}

const struct cli_cmd CMD_COMMUNITY_ROLE_KEY = {
	"community role-key", { "make the key of a role that opens names, and print its public half", "產生開啟身分之角色金鑰並印出公鑰" }, "FILE",
	{ "The file stays with one person, off every node. Two roles, two people, two files.", "檔案由一人保管，不置於任何節點；兩角色、兩人、兩檔。" },
	NULL, EXAMPLE("the director's, on a machine of its own", "lianfang community role-key director.key"), 1, 1, role_key_run,
};

static enum rc read_role_key(const char *path, unsigned char pub[static SIGN_PUBLIC_LEN], unsigned char sec[static SIGN_SECRET_LEN], struct err *err)
{
	struct buf text, bytes;
	enum rc rc = file_read(path, KEY_FILE_MAX, &text, err);

	buf_init(&bytes, KEY_FILE_MAX);
	if (rc == RC_OK && (!hex_get(&bytes, str_trim(buf_view(&text))) || bytes.n != SIGN_SECRET_LEN))
		rc = FAIL(err, RC_BAD, "%s: no key of a role", path);
	if (rc == RC_OK) {
		memcpy(sec, bytes.p, SIGN_SECRET_LEN);
		memcpy(pub, bytes.p + SIGN_SECRET_LEN - SIGN_PUBLIC_LEN, SIGN_PUBLIC_LEN); /* seed, then public key */
	}
	if (bytes.p != NULL)
		secret_wipe(bytes.p, bytes.n);
	if (text.p != NULL)
		secret_wipe(text.p, text.n);
	buf_done(&bytes);
	buf_done(&text);
	return rc;
}

/* Which half this key opens says which role it is. */
static enum rc open_half(const struct json *member, const char *path, int *ret_role, struct buf *out, struct err *err)
{
	unsigned char pub[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN];
	struct buf box;
	enum rc rc = read_role_key(path, pub, sec, err);

	*ret_role = 0;
	buf_init(&box, KEY_FILE_MAX);
	if (rc == RC_OK && json_get(member, S("sealed")) != NULL) {
		int i = 0;

		JSON_EACH(one, json_get(member, S("sealed"))) {
			buf_clear(&box);
			i++;
			if (*ret_role == 0 && base64_get(&box, json_str(one)) && seal_get(out, pub, sec, buf_view(&box)))
				*ret_role = i;
		}
	}
	if (rc == RC_OK && *ret_role == 0)
		rc = FAIL(err, RC_DENIED, "%s opens neither half of this name", path);
	secret_wipe(sec, sizeof sec);
	buf_done(&box);
	return rc;
}

static enum rc fetch_member(struct cli *c, struct arena *a, const char *path, const struct json **ret, struct err *err)
{
	struct node_conn *n CLEANUP(node_conn_closep) = NULL;
	struct str text;
	struct buf reply;
	int status;
	enum rc rc;

	TRY(node_conn_open(c->operands[0], &n, err));
	rc = node_conn_do(n, "GET", path, S(""), &status, &reply, err);
	if (rc == RC_OK && status != 200) {
		node_reply_error(&reply, status, err);
		rc = status == 404 ? RC_NOTFOUND : RC_BAD;
	}
	text = rc == RC_OK ? arena_dup(a, buf_view(&reply)) : S("");
	buf_done(&reply);
	TRY(rc);
	TRY(json_parse(a, text, &JSON_LIMITS, ret, err));
	*ret = json_item(json_get(*ret, S("members")), 0);
	return *ret != NULL ? RC_OK : FAIL(err, RC_NOTFOUND, "no such member");
}

static void show_opened(const struct cli *c, const struct json *v, struct buf *out)
{
	show_line(c, v, c->zh ? "成員" : "member", "member", out);
	show_line(c, v, c->zh ? "已開啟" : "opened by", "opened_by_roles", out);
	show_line(c, v, c->zh ? "名稱" : "name", "name", out);
}

static const struct cli_opt open_opts[] = {
	{ "key", 'k', "FILE", { "the role's key", "角色金鑰檔" }, false },
	NO_OPT,
};

static int open_run(struct cli *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct buf path, half, text;
	const struct json *member;
	struct err err = { 0 };
	struct body x;
	int role, status;
	enum rc rc;

	if (cli_get(c, "key", NULL) == NULL)
		return cli_failf(c, "--key: is required");
	buf_init(&path, 4096);
	buf_init(&half, KEY_FILE_MAX);
	buf_init(&text, 2 * KEY_FILE_MAX);
	buf_cstr(&path, "/community/members");
	path_query(&path, "member", c->operands[1]);
	rc = a == NULL ? FAIL(&err, RC_NOMEM, "out of memory") : fetch_member(c, a, path.p, &member, &err);
	if (rc == RC_OK)
		rc = open_half(member, cli_get(c, "key", NULL), &role, &half, &err);
	if (rc == RC_OK) {
		base64_put(&text, buf_view(&half));
		body_begin(&x);
		jsonw_m_int(&x.w, "role", role);
		jsonw_m_str(&x.w, "half", buf_view(&text));
		buf_clear(&path);
		buf_cstr(&path, "/community/members/");
		percent_put(&path, str_of(c->operands[1]));
		buf_cstr(&path, "/open");
		status = body_send(c, &x, path.p, show_opened);
	} else {
		status = cli_fail(c, &err);
	}
	buf_done(&path);
	buf_done(&half);
	buf_done(&text);
	return status;
}

const struct cli_cmd CMD_COMMUNITY_OPEN = {
	"community open", { "open a role's half of a member's name; a fact of the chain", "以角色金鑰開啟成員名稱之一半（留存事實）" }, "DIR MEMBER",
	{ "When both roles have done so, the node knows the name.", "兩角色皆開啟後，節點方知其名。" }, open_opts,
	EXAMPLE("the first half of a name", "lianfang community open DIR PSEUDONYM --key director.key"), 2, 2, open_run,
};
