/* The supervisor: holds the folder's lock for as long as the node runs, starts
 * the roles as processes of their own and restarts what dies. It reads no bytes
 * of others and has no keys. */
#include "node/serve.h"

#include "base/log.h"
#include "node/node.h"
#include "sys/file.h"
#include "sys/proc.h"

#define STOP_GRACE (10 * USEC_PER_SEC)

int serve_supervisor(const char *dir, const struct serve_opts *o)
{
	const char *argv[10] = { "lianfang", "role", "core" };
	struct proc_role core = { .name = "core", .argv = argv, .pass_fd = -1 };
	struct node_paths paths;
	struct err err = { 0 };
	int lock CLEANUP(file_closep) = -1, pid = 0, n = 3;
	enum rc rc;

	log_setup("supervisor", LOG_LEVEL_INFO, false);
	rc = node_paths_of(dir, &paths, &err);
	if (rc == RC_OK)
		rc = node_present(&paths, dir, &err);
	if (rc == RC_OK)
		rc = file_lock(paths.lock, &lock, &pid, &err);
	if (rc == RC_BUSY)
		log_line(LOG_LEVEL_ERROR, "serve", "%s: a node runs here already (process %d)", dir, pid);
	else if (rc != RC_OK)
		log_line(LOG_LEVEL_ERROR, "serve", "%s", err.text);
	if (rc != RC_OK)
		return rc == RC_BUSY ? 2 : 78;
	argv[n++] = paths.dir;
	if (o->plain_http)
		argv[n++] = "--plain-http";
	if (o->listen != NULL) {
		argv[n++] = "--listen";
		argv[n++] = o->listen;
	}
	argv[n] = NULL;
	return proc_supervise(&core, 1, STOP_GRACE);
}
