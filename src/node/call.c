/* REST calls by the command line, with or without a running node.
 *
 * Whether the node runs is decided by its lock, not by trying the socket: a dead
 * node leaves its socket behind, and a starting one has none yet. While the call
 * is done in this process, the lock is held here, so that no node starts beside. */
#include "node/call.h"

#include "node/core.h"
#include "stix/marking.h"
#include "sys/file.h"
#include "sys/httpc.h"

#define CALL_ARENA_MAX ((size_t)1 << 30)
#define CALL_TIMEOUT (3600 * USEC_PER_SEC)

static enum rc over_socket(const struct node_paths *p, const char *method, const char *path, struct str body, int *ret_status,
			   struct buf *reply, struct err *err)
{
	struct httpc_config hc = { .unix_socket = p->socket, .total_timeout = CALL_TIMEOUT, .max_response = API_REPLY_MAX,
				   .allow_plain_loopback = true };
	struct httpc_res res = { 0 };
	struct httpc *h = NULL;
	struct buf url;
	enum rc rc;

	buf_init(&url, 65536);
	buf_fmt(&url, "http://localhost/api/v1%s", path);
	rc = buf_check(&url, err, "address");
	if (rc == RC_OK)
		rc = httpc_new(&hc, &h, err);
	if (rc == RC_OK)
		rc = httpc_do(h, method, url.p, NULL, body, &res, err);
	if (rc == RC_PEER)
		rc = FAIL(err, RC_BUSY, "%s: a node runs here but does not answer", p->dir);
	if (rc == RC_OK) {
		*ret_status = res.status;
		buf_str(reply, buf_view(&res.body));
		rc = buf_check(reply, err, "reply");
	}
	httpc_res_done(&res);
	httpc_free(h);
	buf_done(&url);
	return rc;
}

static void answer(struct node *n, struct http_req *r, struct http_res *res)
{
	static const struct viewer local = { .kind = VIEWER_LOCAL, .name = { "local", 5 }, .role = { "admin", 5 }, .tlp_max = TLP_RED };
	struct api api;

	core_api(n, &api);
	api_handle(&api, &local, r, res);
}

static enum rc in_process(const char *dir, const char *method, const char *path, struct str body, int *ret_status,
			  struct buf *reply, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(CALL_ARENA_MAX);
	size_t mark = str_find(str_of(path), S("?"), 0);
	struct http_res res = { .status = 200 };
	struct http_req req = { .method = str_of(method), .body = body, .arena = a, .arrived = time_now() };
	struct node n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "call: out of memory");
	req.path = arena_fmt(a, "/api/v1%.*s", STR(str_slice(str_of(path), 0, mark)));
	if (req.path.p == NULL)
		return FAIL(err, RC_NOMEM, "call: out of memory");
	req.query = mark == SIZE_MAX ? S("") : str_of(path + mark + 1);
	TRY(node_open(dir, false, &n, err));
	buf_init(&res.body, API_REPLY_MAX);
	answer(&n, &req, &res);
	*ret_status = res.status;
	for (size_t i = 0; i < res.n_pieces; i++)
		buf_put(&res.body, res.pieces[i].p, res.pieces[i].n);
	if (res.release != NULL)
		res.release(res.release_arg);
	buf_str(reply, buf_view(&res.body));
	buf_done(&res.body);
	node_close(&n);
	return buf_check(reply, err, "reply");
}

enum rc node_call(const char *dir, const char *method, const char *path, struct str body, int *ret_status, struct buf *reply,
		  struct err *err)
{
	struct node_paths paths;
	int lock CLEANUP(file_closep) = -1, pid = 0;
	enum rc rc;

	buf_init(reply, API_REPLY_MAX);
	TRY(node_paths_of(dir, &paths, err));
	if (!file_exists(paths.conf))
		return FAIL(err, RC_NOTFOUND, "%s: no node here (lianfang init makes one)", dir);
	rc = file_lock(paths.lock, &lock, &pid, err);
	if (rc == RC_BUSY)
		return over_socket(&paths, method, path, body, ret_status, reply, err);
	if (rc != RC_OK)
		return rc;
	return in_process(dir, method, path, body, ret_status, reply, err);
}
