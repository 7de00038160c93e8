/* Whether the node runs is decided by its lock, not by trying the socket: a dead
 * node leaves its socket behind, and a starting one has none yet. While calls are
 * done in this process, the lock is held here, so that no node starts beside. */
#include "node/call.h"

#include "base/mem.h"
#include "node/core.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "sys/file.h"
#include "sys/httpc.h"

#define CALL_ARENA_MAX ((size_t)1 << 30)
#define CALL_REPLY_MAX ((size_t)4 << 30)
#define CALL_TIMEOUT (3600 * USEC_PER_SEC)

struct node_conn {
	struct node_paths paths;
	struct httpc *http; /* live */
	bool open;          /* in this process */
	int lock;
	struct node node;
	struct api api;
	char url[NODE_URL_MAX]; /* of api.url */
	struct warninglists *warn;
};

static enum rc connect_live(struct node_conn *c, struct err *err)
{
	struct httpc_config hc = { .unix_socket = c->paths.socket, .total_timeout = CALL_TIMEOUT, .max_response = CALL_REPLY_MAX,
				   .allow_plain_loopback = true };

	return httpc_new(&hc, &c->http, err);
}

static enum rc row_of(struct node_conn *c, const char *name, uint32_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	size_t slash = str_find(str_of(name), S("/"), 0);
	struct collection k;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "call: out of memory");
	if (slash == SIZE_MAX || collection_get(c->node.store, str_slice(str_of(name), 0, slash), str_of(name + slash + 1), a, &k, NULL) != RC_OK)
		return RC_OK; /* only needed by calls that use it */
	*ret = k.row;
	return RC_OK;
}

static enum rc open_here(struct node_conn *c, struct err *err)
{
	TRY(node_open(c->paths.dir, false, &c->node, err));
	c->open = true;
	core_api(&c->node, &c->api);
	node_url(c->node.config.listen, 0, false, c->url);
	c->api.url = c->url;
	TRY(row_of(c, c->node.config.up, &c->api.up, err));
	TRY(row_of(c, c->node.config.down, &c->api.down, err));
	if (c->node.config.warninglists[0] != '\0')
		TRY(warninglists_load(c->node.config.warninglists, &c->warn, err));
	c->api.warninglists = c->warn;
	return api_start(&c->api, err);
}

enum rc node_conn_open(const char *dir, struct node_conn **ret, struct err *err)
{
	struct node_conn *c = mem_alloc(sizeof *c);
	int pid = 0;
	enum rc rc;

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "call: out of memory");
	c->lock = -1;
	rc = node_paths_of(dir, &c->paths, err);
	if (rc == RC_OK)
		rc = node_present(&c->paths, dir, err);
	if (rc == RC_OK)
		rc = file_lock(c->paths.lock, &c->lock, &pid, err);
	if (rc == RC_BUSY)
		rc = connect_live(c, err);
	else if (rc == RC_OK)
		rc = open_here(c, err);
	if (rc != RC_OK) {
		node_conn_close(c);
		return rc;
	}
	*ret = c;
	return RC_OK;
}

void node_conn_close(struct node_conn *c)
{
	if (c == NULL)
		return;
	httpc_free(c->http);
	if (c->open) {
		api_stop(&c->api);
		node_close(&c->node);
	}
	warninglists_free(c->warn);
	file_closep(&c->lock);
	mem_free(c);
}

void node_conn_closep(struct node_conn **c)
{
	node_conn_close(*c);
}

bool node_conn_live(const struct node_conn *c)
{
	return c->http != NULL;
}

/* It holds the lock: it is starting, stopping, or was too busy. */
static enum rc no_answer(const struct node_conn *c, struct err *err)
{
	char why[ERR_TEXT_MAX];

	snprintf(why, sizeof why, "%s", err == NULL ? "" : err->text);
	return FAIL(err, RC_BUSY, "%s: a node runs here but does not answer (%.200s)", c->paths.dir, why);
}

static enum rc over_socket(struct node_conn *c, const char *method, const char *path, struct str body, int *ret_status,
			   struct buf *reply, struct err *err)
{
	struct httpc_res res = { 0 };
	struct buf url;
	enum rc rc;

	buf_init(&url, 65536);
	buf_fmt(&url, "http://127.0.0.1/api/v1%s", path);
	rc = buf_check(&url, err, "address");
	if (rc == RC_OK)
		rc = httpc_do(c->http, method, url.p, NULL, body, &res, err);
	if (rc == RC_PEER)
		rc = no_answer(c, err);
	if (rc == RC_OK) {
		*ret_status = res.status;
		buf_done(reply);
		*reply = res.body;
		buf_init(&res.body, 0);
	}
	httpc_res_done(&res);
	buf_done(&url);
	return rc;
}

static enum rc in_process(struct node_conn *c, const char *method, const char *path, struct str body, int *ret_status,
			  struct buf *reply, struct err *err)
{
	static const struct viewer local = { .kind = VIEWER_LOCAL, .name = { "local", 5 }, .role = { "admin", 5 }, .tlp_max = TLP_RED };
	struct arena *a CLEANUP(arena_freep) = arena_new(CALL_ARENA_MAX);
	size_t mark = str_find(str_of(path), S("?"), 0);
	struct http_res res = { .status = 200 };
	struct http_req req = { .method = str_of(method), .body = body, .arena = a, .arrived = time_now() };

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "call: out of memory");
	req.path = arena_fmt(a, "/api/v1%.*s", STR(str_slice(str_of(path), 0, mark)));
	if (req.path.p == NULL)
		return FAIL(err, RC_NOMEM, "call: out of memory");
	req.query = mark == SIZE_MAX ? S("") : str_of(path + mark + 1);
	buf_init(&res.body, API_REPLY_MAX);
	api_handle(&c->api, &local, &req, &res);
	*ret_status = res.status;
	buf_str(reply, buf_view(&res.body));
	for (size_t i = 0; i < res.n_pieces; i++)
		buf_put(reply, res.pieces[i].p, res.pieces[i].n);
	if (res.release != NULL)
		res.release(res.release_arg);
	buf_done(&res.body);
	return buf_check(reply, err, "reply");
}

enum rc node_conn_do(struct node_conn *c, const char *method, const char *path, struct str body, int *ret_status,
		     struct buf *reply, struct err *err)
{
	buf_init(reply, CALL_REPLY_MAX);
	return c->http != NULL ? over_socket(c, method, path, body, ret_status, reply, err)
			       : in_process(c, method, path, body, ret_status, reply, err);
}

void node_reply_error(const struct buf *reply, int status, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	const struct json *v = NULL;
	struct str message = { NULL, 0 };

	if (a != NULL && json_parse(a, buf_view(reply), &JSON_LIMITS, &v, NULL) == RC_OK)
		message = json_str(json_path(v, "error.message"));
	if (message.p == NULL)
		message = str_slice(buf_view(reply), 0, 200);
	err_set(err, status == 404 ? RC_NOTFOUND : status == 409 ? RC_CONFLICT : status == 403 ? RC_DENIED : RC_BAD, "%.*s", STR(message));
}
