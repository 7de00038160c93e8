/* The supervisor: holds the folder's lock for as long as the node runs, starts
 * the roles as processes of their own and restarts what dies. It reads no bytes
 * of others and has no keys. */
#include "node/serve.h"

#include "base/log.h"
#include "node/node.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/unixsock.h"

#define STOP_GRACE (10 * USEC_PER_SEC)
#define DOOR_BACKLOG 4
#define CONF_ARENA ((size_t)4 << 20)

static void tell(const char *role, const char *what, int number)
{
	if (str_eq(str_of(what), S("killed")))
		log_line(LOG_LEVEL_ERROR, "serve", "the %s role was killed by signal %d", role, number);
	else if (str_eq(str_of(what), S("exited")) && number != 0)
		log_line(LOG_LEVEL_ERROR, "serve", "the %s role ended with status %d", role, number);
	else if (str_eq(str_of(what), S("restart")))
		log_line(LOG_LEVEL_WARN, "serve", "the %s role is started again in %d s", role, number);
}

int serve_status(enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return 0;
	case RC_CONFLICT: case RC_BAD: case RC_UNSUPPORTED: case RC_NOTFOUND: case RC_CORRUPT: case RC_DENIED:
		return PROC_EXIT_REFUSED;
	case RC_LIMIT: case RC_BUSY: case RC_NOMEM: case RC_FULL: case RC_IO: case RC_PEER: case RC_INTERNAL:
		break;
	}
	return 1;
}

static enum rc wants_lab(const struct node_paths *paths, bool *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(CONF_ARENA);
	struct config *conf = a == NULL ? NULL : arena_alloc(a, sizeof *conf);

	if (conf == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	TRY(config_read(paths->conf, a, conf, err));
	*ret = conf->lab;
	return RC_OK;
}

int serve_supervisor(const char *dir, const struct serve_opts *o)
{
	const char *argv[10] = { "lianfang", "role", "core" };
	const char *detect_argv[] = { "lianfang", "role", "detect", NULL, NULL };
	struct proc_role roles[] = { { .name = "core", .argv = argv, .pass_fd = -1, .tell = tell }, { .name = "detect", .argv = detect_argv, .tell = tell, .others_stay = true },
				     { .name = "lab", .tell = tell, .others_stay = true } };
	const char *lab_argv[] = { "lianfang", "role", "lab", NULL, NULL };
	struct node_paths paths;
	struct err err = { 0 };
	int lock CLEANUP(file_closep) = -1, door CLEANUP(file_closep) = -1, lab_door CLEANUP(file_closep) = -1, pid = 0, n = 3;
	bool lab = false;
	enum rc rc;

	log_setup("supervisor", LOG_LEVEL_INFO, false);
	rc = node_paths_of(dir, &paths, &err);
	if (rc == RC_OK)
		rc = node_present(&paths, dir, &err);
	if (rc == RC_OK)
		rc = file_lock(paths.lock, &lock, &pid, &err);
	/* It stays open when the detect role dies: whoever connects meanwhile meets the next one. */
	if (rc == RC_OK)
		rc = unix_listen(paths.detect, DOOR_BACKLOG, &door, &err);
	if (rc == RC_OK)
		rc = wants_lab(&paths, &lab, &err);
	if (rc == RC_OK && lab)
		rc = unix_listen(paths.lab, DOOR_BACKLOG, &lab_door, &err);
	if (rc == RC_BUSY)
		log_line(LOG_LEVEL_ERROR, "serve", "%s: a node runs here already (process %d)", dir, pid);
	else if (rc != RC_OK)
		log_line(LOG_LEVEL_ERROR, "serve", "%s", err.text);
	if (rc != RC_OK)
		return rc == RC_BUSY ? 2 : 78;
	argv[n++] = paths.dir;
	detect_argv[3] = paths.dir;
	roles[1].pass_fd = door;
	lab_argv[3] = paths.dir;
	roles[2].argv = lab_argv;
	roles[2].pass_fd = lab_door;
	if (o->plain_http)
		argv[n++] = "--plain-http";
	if (o->listen != NULL) {
		argv[n++] = "--listen";
		argv[n++] = o->listen;
	}
	argv[n] = NULL;
	return proc_supervise(roles, COUNTOF(roles) - !lab, STOP_GRACE);
}
