/* The TAXII 2.1 client on the command line, for any server. */
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "sys/file.h"
#include "sys/keys.h"
#include "taxii/client.h"

#define RESPONSE_MAX ((size_t)256 << 20)
#define FILE_MAX ((size_t)1 << 30)
#define PEM_MAX ((size_t)1 << 20)

#define SIGN_IN_OPTS \
	{ "user", 'u', "NAME", { "sign in with HTTP Basic", "使用者（HTTP Basic）" }, false }, \
	{ "password-stdin", 0, NULL, { "read the password from standard input", "自標準輸入讀取密碼" }, false }, \
	{ "token-stdin", 0, NULL, { "sign in with the API token on standard input", "自標準輸入讀取權杖" }, false }, \
	{ "ca", 0, "FILE", { "trust these authorities instead of the system's (PEM)", "信任的 CA（PEM）" }, false }, \
	{ "pin", 0, "SHA256", { "accept exactly this server certificate", "釘選伺服器憑證" }, false }, \
	{ "cert", 0, "FILE", { "client certificate (PEM)", "用戶端憑證" }, false }, \
	{ "key", 0, "FILE", { "its key (PEM)", "憑證金鑰" }, false }, \
	{ "root", 'r', "URL|NAME", { "API root (the server's default)", "API root" }, false }

static const struct cli_opt opts[] = {
	SIGN_IN_OPTS,
	{ "collection", 'c', "ID", { "collection id or alias", "集合" }, false },
	{ "after", 0, "TIME", { "only what was added after this instant", "此時刻之後加入" }, false },
	{ "type", 't', "TYPES", { "match[type], comma-separated", "型別" }, false },
	{ "id", 0, "IDS", { "match[id], comma-separated", "id" }, false },
	{ "version", 0, "V", { "match[version]: last, first, all or instants", "版本" }, false },
	{ "limit", 0, "N", { "objects a page (the server's choice)", "每頁筆數" }, false },
	{ "retries", 0, "N", { "tries after a lost connection or a busy server (5)", "連線中斷或伺服器忙碌時的重試次數（5）" }, false },
	{ "output", 'o', "FILE", { "get: append objects here, one a line; keeps FILE.cursor and resumes", "輸出檔（可續傳）" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

static const struct cli_opt look_opts[] = {
	SIGN_IN_OPTS,
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

static const char *const examples[] = {
	"what a server offers", "lianfang taxii discover https://ti.example/taxii2/ -u alice --password-stdin < secret",
	"fetch a collection; run again later for what is new",
	"lianfang taxii get https://ti.example/taxii2/ -c 472c94ae-3113-4e3e-a4dd-a9f4ac7471d4 -o feed.ndjson",
	"send a bundle", "lianfang taxii push https://ti.example/taxii2/ bundle.json -c inbox",
	NULL,
};

struct session {
	const struct cli *c;
	struct taxii_client *t;
	struct arena *a;
	struct buf secret, ca, cert, key;
};

static void session_close(struct session *s)
{
	taxii_client_free(s->t);
	arena_free(s->a);
	if (s->secret.p != NULL)
		secret_wipe(s->secret.p, s->secret.n);
	if (s->key.p != NULL)
		secret_wipe(s->key.p, s->key.n);
	buf_done(&s->secret);
	buf_done(&s->ca);
	buf_done(&s->cert);
	buf_done(&s->key);
}

static enum rc read_pem(const struct cli *c, const char *option, struct buf *b, const char **ret, struct err *err)
{
	const char *path = cli_get(c, option, NULL);

	buf_init(b, PEM_MAX);
	if (path == NULL)
		return RC_OK;
	TRY(cli_read(path, PEM_MAX, b, err));
	*ret = b->p;
	return RC_OK;
}

static enum rc session_open(const struct cli *c, struct session *s, struct err *err)
{
	struct taxii_client_config tc = { .url = c->operands[0] };
	struct httpc_config *hc = &tc.http;

	int64_t retries;

	*s = (struct session){ .c = c };
	buf_init(&s->secret, 4096);
	if (!str_to_i64(str_of(cli_get(c, "retries", "5")), &retries) || retries < 0 || retries > 100)
		return FAIL(err, RC_BAD, "--retries: '%s' is not a number from 0 to 100", cli_get(c, "retries", ""));
	tc.retries = retries == 0 ? -1 : (int)retries;
	hc->max_response = RESPONSE_MAX;
	hc->allow_plain_loopback = true;
	hc->pin_sha256 = cli_get(c, "pin", NULL);
	hc->user = cli_get(c, "user", NULL);
	s->a = arena_new((size_t)1 << 30);
	if (s->a == NULL)
		return FAIL(err, RC_NOMEM, "taxii: out of memory");
	TRY(read_pem(c, "ca", &s->ca, &hc->ca_pem, err));
	TRY(read_pem(c, "cert", &s->cert, &hc->cert_pem, err));
	TRY(read_pem(c, "key", &s->key, &hc->key_pem, err));
	if (cli_has(c, "password-stdin") || cli_has(c, "token-stdin"))
		TRY(cli_stdin_line(&s->secret, err));
	if (cli_has(c, "token-stdin"))
		hc->bearer = s->secret.p;
	else if (hc->user != NULL)
		hc->password = s->secret.p == NULL ? "" : s->secret.p;
	return taxii_client_new(&tc, &s->t, err);
}

/* The API root: --root as a URL or the last part of one, else the server's default or only one. */
static enum rc find_root(struct session *s, struct str *ret, struct err *err)
{
	const char *wanted = cli_get(s->c, "root", NULL);
	struct taxii_discovery d;

	TRY(taxii_discover(s->t, s->a, &d, err));
	for (size_t i = 0; wanted != NULL && i < d.n_roots; i++) {
		struct str tail = arena_fmt(s->a, "/%s/", wanted);

		if (str_eq(d.roots[i], str_of(wanted)) || (tail.p != NULL && str_ends(d.roots[i], tail))) {
			*ret = d.roots[i];
			return RC_OK;
		}
	}
	if (wanted != NULL)
		return FAIL(err, RC_NOTFOUND, "the server lists no API root '%s'", wanted);
	if (d.standard.n == 0 && d.n_roots == 0)
		return FAIL(err, RC_NOTFOUND, "the server shows no API root to this user");
	*ret = d.standard.n > 0 ? d.standard : d.roots[0];
	return RC_OK;
}

static int finish(struct session *s, enum rc rc, struct buf *out, const struct err *err)
{
	int status = rc != RC_OK ? cli_fail(s->c, err) : out->n == 0 ? CLI_OK : cli_print(out);

	buf_done(out);
	session_close(s);
	return status;
}

static enum rc put_root(struct session *s, struct str url, struct jsonw *w, struct buf *out, struct err *err)
{
	struct taxii_root root;
	enum rc rc = taxii_root_info(s->t, url, s->a, &root, err);

	if (s->c->json) {
		jsonw_object(w);
		jsonw_m_str(w, "url", url);
		if (rc == RC_OK) {
			jsonw_m_str(w, "title", root.title);
			jsonw_m_int(w, "max_content_length", root.max_content_length);
			jsonw_m_bool(w, "speaks_21", root.speaks_21);
		} else {
			jsonw_m_cstr(w, "error", err->text);
		}
		jsonw_object_end(w);
	} else if (rc == RC_OK) {
		buf_fmt(out, "  %.*s  %.*s%s\n", STR(url), STR(root.title), root.speaks_21 ? "" : " (does not speak 2.1)");
	} else {
		buf_fmt(out, "  %.*s  %s\n", STR(url), err->text);
	}
	return rc == RC_NOMEM ? rc : RC_OK;
}

static int discover_run(struct cli *c)
{
	struct err err = { 0 };
	struct taxii_discovery d;
	struct session s;
	struct jsonw w;
	struct buf out;
	enum rc rc = session_open(c, &s, &err);

	buf_init(&out, (size_t)16 << 20);
	jsonw_init(&w, &out);
	if (rc == RC_OK)
		rc = taxii_discover(s.t, s.a, &d, &err);
	if (rc != RC_OK)
		return finish(&s, rc, &out, &err);
	if (c->json) {
		jsonw_object(&w);
		jsonw_m_str(&w, "title", d.title);
		jsonw_m_str(&w, "default", d.standard);
		jsonw_name(&w, "api_roots");
		jsonw_array(&w);
	} else {
		buf_fmt(&out, "%.*s\n", STR(d.title));
	}
	for (size_t i = 0; rc == RC_OK && i < d.n_roots; i++)
		rc = put_root(&s, d.roots[i], &w, &out, &err);
	if (c->json) {
		jsonw_array_end(&w);
		jsonw_object_end(&w);
	}
	return finish(&s, rc, &out, &err);
}

static int collections_run(struct cli *c)
{
	struct taxii_collection *list = NULL;
	struct err err = { 0 };
	struct session s;
	struct str root = { NULL, 0 };
	struct jsonw w;
	struct buf out;
	size_t n = 0;
	enum rc rc = session_open(c, &s, &err);

	buf_init(&out, (size_t)16 << 20);
	if (rc == RC_OK)
		rc = find_root(&s, &root, &err);
	if (rc == RC_OK)
		rc = taxii_collections(s.t, root, s.a, &list, &n, &err);
	jsonw_init(&w, &out);
	if (c->json)
		jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		if (!c->json) {
			buf_fmt(&out, "%.*s  %s%s  %.*s%s%.*s\n", STR(list[i].id), list[i].can_read ? "r" : "-", list[i].can_write ? "w" : "-",
				STR(list[i].title), list[i].alias.n > 0 ? "  alias " : "", STR(list[i].alias));
			continue;
		}
		jsonw_object(&w);
		jsonw_m_str(&w, "id", list[i].id);
		jsonw_m_str(&w, "alias", list[i].alias);
		jsonw_m_str(&w, "title", list[i].title);
		jsonw_m_bool(&w, "can_read", list[i].can_read);
		jsonw_m_bool(&w, "can_write", list[i].can_write);
		jsonw_object_end(&w);
	}
	if (c->json)
		jsonw_array_end(&w);
	return finish(&s, rc, &out, &err);
}

/* --- get --- */

struct sink {
	int fd;            /* where objects go, one a line */
	uint64_t at;       /* end of the file that is durable */
	const char *path;  /* NULL = standard output */
	struct taxii_cursor *cursor;
	char cursor_path[4200];
};

/* The objects first, then the cursor: a cut between repeats a page and loses none. */
static enum rc on_page(void *ctx, const struct taxii_page *page, struct err *err)
{
	struct sink *k = ctx;
	struct buf b;
	enum rc rc = RC_OK;

	buf_init(&b, FILE_MAX);
	for (size_t i = 0; i < page->n; i++) {
		if (!json_is(page->trees[i], JSON_OBJECT)) {
			buf_done(&b);
			return FAIL(err, RC_PEER, "the server sent something among the objects that is no JSON object");
		}
		json_print(page->trees[i], &b);
		buf_char(&b, '\n');
	}
	rc = buf_check(&b, err, "page");
	if (rc == RC_OK && k->path == NULL && fwrite(b.p == NULL ? "" : b.p, 1, b.n, stdout) != b.n)
		rc = FAIL(err, RC_IO, "standard output is gone");
	if (rc == RC_OK && k->path != NULL)
		rc = file_write_at(k->fd, k->at, buf_view(&b), err);
	if (rc == RC_OK && k->path != NULL)
		rc = file_sync_data(k->fd, err);
	if (rc == RC_OK)
		k->at += b.n;
	buf_done(&b);
	return rc;
}

/* FILE.cursor: length of the output that belongs to it, then the cursor. */
static enum rc save_cursor(const struct sink *k, struct err *err)
{
	char text[800];

	snprintf(text, sizeof text, "%llu\n%s\n%s\n", (unsigned long long)k->at, k->cursor->after, k->cursor->next);
	return file_replace(k->cursor_path, str_of(text), 0600, err);
}

static enum rc load_cursor(struct sink *k, struct err *err)
{
	struct buf b;
	struct str rest, length = S(""), after = S(""), next = S("");
	enum rc rc = file_read(k->cursor_path, 4096, &b, err);

	if (rc == RC_NOTFOUND)
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	rest = buf_view(&b);
	(void)(str_next(&rest, '\n', &length) && str_next(&rest, '\n', &after) && str_next(&rest, '\n', &next));
	if (!str_to_u64(length, &k->at) || after.n >= sizeof k->cursor->after || next.n >= sizeof k->cursor->next)
		rc = FAIL(err, RC_CORRUPT, "%s: not a cursor; remove it to begin anew", k->cursor_path);
	if (rc == RC_OK) {
		memcpy(k->cursor->after, after.p, after.n);
		memcpy(k->cursor->next, next.p, next.n);
	}
	buf_done(&b);
	return rc;
}

static enum rc open_sink(struct sink *k, struct err *err)
{
	if (k->path == NULL)
		return RC_OK;
	if (snprintf(k->cursor_path, sizeof k->cursor_path, "%s.cursor", k->path) >= (int)sizeof k->cursor_path)
		return FAIL(err, RC_LIMIT, "%s: path is too long", k->path);
	TRY(load_cursor(k, err));
	k->fd = open(k->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (k->fd < 0)
		return FAIL(err, RC_IO, "%s: %m", k->path);
	/* What lies behind the cursor's length was written by a run that was cut. */
	if (ftruncate(k->fd, (off_t)k->at) != 0)
		return FAIL(err, RC_IO, "%s: %m", k->path);
	return RC_OK;
}

static int get_run(struct cli *c)
{
	struct taxii_cursor cursor = { .after = "" };
	struct sink k = { .fd = -1, .path = cli_get(c, "output", NULL), .cursor = &cursor };
	struct taxii_pull p = { .collection = str_of(cli_get(c, "collection", "")), .match_id = cli_get(c, "id", NULL),
				.match_type = cli_get(c, "type", NULL), .match_version = cli_get(c, "version", NULL),
				.added_after = cli_get(c, "after", NULL) };
	struct taxii_pulled got = { 0 };
	struct err err = { 0 };
	struct session s;
	struct buf none;
	int64_t limit;
	enum rc rc;

	if (p.collection.n == 0)
		return cli_failf(c, c->zh ? "必須有 --collection" : "--collection is required");
	if (!cli_get_int(c, "limit", 0, 0, 100000, &limit))
		return CLI_ERROR;
	p.limit = (uint32_t)limit;
	buf_init(&none, 1);
	rc = session_open(c, &s, &err);
	if (rc == RC_OK)
		rc = find_root(&s, &p.root_url, &err);
	if (rc == RC_OK)
		rc = open_sink(&k, &err);
	if (rc == RC_OK)
		rc = taxii_pull_run(s.t, &p, &cursor, on_page, &k, &got, &err);
	if (rc == RC_OK && !got.complete)
		rc = FAIL(&err, RC_PEER, "the server says that there is more, and not how to ask for it");
	if (k.fd >= 0) {
		struct err save = { 0 };

		if (save_cursor(&k, &save) != RC_OK && rc == RC_OK)
			rc = FAIL(&err, save.rc, "%s", save.text);
		file_closep(&k.fd);
	}
	fprintf(stderr, c->zh ? "%llu 個物件，%llu 頁\n" : "%llu objects in %llu pages\n", (unsigned long long)got.objects, (unsigned long long)got.pages);
	return finish(&s, rc, &none, &err);
}

/* --- push --- */

static void on_refused(void *ctx, struct str id, struct str version, struct str message)
{
	(void)ctx;
	(void)version;
	fprintf(stderr, "refused: %.*s: %.*s\n", STR(id), STR(message));
}

/* The objects of a bundle, envelope or array, or the one object. */
static enum rc list_objects(struct session *s, struct str text, struct str **ret, size_t *ret_n, struct err *err)
{
	const struct json_limits limits = { .bytes = FILE_MAX, .depth = 128, .nodes = UINT32_MAX };
	struct arena *a = s->a;
	const struct json *v, *list;
	size_t n = 0;

	TRY(json_parse(a, text, &limits, &v, err));
	list = json_is(v, JSON_ARRAY) ? v : json_get(v, S("objects"));
	*ret = arena_array(a, json_is(list, JSON_ARRAY) ? (size_t)list->n + 1 : 1, sizeof **ret);
	if (*ret == NULL)
		return FAIL(err, RC_NOMEM, "push: out of memory");
	if (!json_is(list, JSON_ARRAY)) {
		(*ret)[n++] = json_raw(v, text);
	} else {
		JSON_EACH(item, list)
			(*ret)[n++] = json_raw(item, text);
	}
	*ret_n = n;
	return RC_OK;
}

static int push_run(struct cli *c)
{
	struct taxii_push p = { .collection = str_of(cli_get(c, "collection", "")), .on_failure = on_refused };
	struct taxii_pushed done = { 0 };
	struct err err = { 0 };
	struct buf text, out;
	struct session s;
	struct str *objects = NULL;
	size_t n = 0;
	enum rc rc;
	int status;

	if (p.collection.n == 0)
		return cli_failf(c, c->zh ? "必須有 --collection" : "--collection is required");
	buf_init(&out, 4096);
	buf_init(&text, 1);
	rc = session_open(c, &s, &err);
	if (rc == RC_OK)
		rc = cli_read(c->operands[1], FILE_MAX, &text, &err);
	if (rc == RC_OK)
		rc = list_objects(&s, buf_view(&text), &objects, &n, &err);
	if (rc == RC_OK)
		rc = find_root(&s, &p.root_url, &err);
	if (rc == RC_OK)
		rc = taxii_push_run(s.t, &p, objects, n, &done, &err);
	if (rc == RC_OK)
		buf_fmt(&out, c->json ? "{\"success\":%llu,\"failure\":%llu,\"pending\":%llu}" : "%llu taken, %llu refused, %llu pending",
			(unsigned long long)done.success, (unsigned long long)done.failure, (unsigned long long)done.pending);
	status = finish(&s, rc, &out, &err);
	buf_done(&text);
	return status != CLI_OK ? status : done.failure > 0 ? CLI_NO : CLI_OK;
}

const struct cli_cmd CMD_TAXII_DISCOVER = {
	"taxii discover", { "show what a TAXII server offers", "查看 TAXII 伺服器" }, "URL",
	{ "URL is the server's discovery address; a bare host gets /taxii2/.", "URL 為探索位址；僅給主機時加上 /taxii2/。" }, look_opts, examples, 1, 1, discover_run,
};
const struct cli_cmd CMD_TAXII_COLLECTIONS = {
	"taxii collections", { "list the collections of an API root", "列出 API root 的集合" }, "URL", { NULL, NULL }, look_opts, examples, 1, 1,
	collections_run,
};
const struct cli_cmd CMD_TAXII_GET = {
	"taxii get", { "fetch a collection, resuming where the last run stopped", "取得集合內容（可續傳）" }, "URL",
	{ "Prints objects one a line, or appends them to --output and keeps a cursor beside it: run it again to go on.\n"
	  "Waits as long as the server's Retry-After asks, within bounds.",
	  "每行輸出一個物件，或附加到 --output 並於旁保存游標：再次執行即接續。依伺服器的 Retry-After 等候（有上限）。" },
	opts, examples, 1, 1, get_run,
};
const struct cli_cmd CMD_TAXII_PUSH = {
	"taxii push", { "send the objects of a file to a collection", "送出檔案中的物件" }, "URL FILE",
	{ "Splits to stay below the server's max_content_length and waits for its status. 1 when it refused some.",
	  "依伺服器的 max_content_length 分批送出並等候結果。有物件遭拒時結束狀態為 1。" },
	opts, examples, 2, 2,
	push_run,
};
