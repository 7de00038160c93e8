/* The two engines of the store for tests: SQLite in a temporary folder, and a
 * private PostgreSQL of Debian's package, on a Unix socket in that folder, that is
 * gone with the test. */
#ifndef TESTS_STORE_ENGINE_H
#define TESTS_STORE_ENGINE_H

#include "store/store.h"

#define WHY_MAX 512

struct engine {
	const char *name;      /* "sqlite" or "postgresql" */
	char dir[256];         /* temporary, removed by engine_stop */
	int server;            /* pid of the server, or 0 */
	int n;                 /* stores made so far */
	char store_dir[320];   /* of the last fresh store */
	char url[512];         /* of the last fresh store, or "" */
};

/* False, with a reason in `why`, when the engine cannot run here. */
bool engine_start(struct engine *e, const char *name, char why[static WHY_MAX]);
void engine_stop(struct engine *e);

/* A new, empty store; prints why and returns NULL when that fails. */
struct store *engine_fresh(struct engine *e);
/* The last fresh one opened again (it must be closed). */
enum rc engine_reopen(struct engine *e, bool read_only, struct store **ret, struct err *err);
/* Runs a statement on the records behind the store's back. */
bool engine_tamper(struct engine *e, const char *sql);

/* For tests with servers of their own: a program of the server's package as the user it may run as, its output appended to `log`;
 * it dies with the test. And its end: true when it exited with 0. */
#define ENGINE_PG_BIN "/usr/lib/postgresql/15/bin"
int engine_run_as_server(const char *const *argv, const char *log);
bool engine_finished_well(int pid);
/* A temporary folder that this user owns. False, with a reason. */
bool engine_server_dir(char *dir, size_t n, char why[static WHY_MAX]);
void engine_remove_dir(const char *dir);

#endif
