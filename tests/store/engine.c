#include "engine.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>

#define PG_BIN ENGINE_PG_BIN

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

/* PostgreSQL refuses to run as root: then its own user takes over. Dies with the test. */
int engine_run_as_server(const char *const *argv, const char *log)
{
	struct passwd *pw = geteuid() == 0 ? getpwnam("postgres") : NULL;
	pid_t test = getpid(), pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (pw != NULL && (initgroups("postgres", pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (getppid() != test)
		_exit(126);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

bool engine_finished_well(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool answers(const char *conninfo)
{
	for (int i = 0; i < 200; i++) {
		if (PQping(conninfo) == PQPING_OK)
			return true;
		usleep(50000);
	}
	return false;
}

static bool pg_start(struct engine *e, char why[static WHY_MAX])
{
	struct passwd *pw = geteuid() == 0 ? getpwnam("postgres") : NULL;
	char data[300], log[300], conninfo[400];

	snprintf(data, sizeof data, "%s/pg", e->dir);
	snprintf(log, sizeof log, "%s/pg.log", e->dir);
	snprintf(conninfo, sizeof conninfo, "host=%s user=lianfang dbname=postgres", e->dir);
	const char *const init[] = { PG_BIN "/initdb", "-D", data, "-U", "lianfang", "-A", "trust", "--locale=C.UTF-8",
				     "-E", "UTF8", "--no-sync", NULL };
	const char *const serve[] = { PG_BIN "/postgres", "-D", data, "-k", e->dir, "-c", "listen_addresses=",
				      "-c", "max_connections=64", "-c", "shared_buffers=64MB", NULL };

	if (access(PG_BIN "/initdb", X_OK) != 0)
		return snprintf(why, WHY_MAX, "the package postgresql-15 is not installed"), false;
	if (geteuid() == 0 && (pw == NULL || chown(e->dir, pw->pw_uid, pw->pw_gid) != 0))
		return snprintf(why, WHY_MAX, "run as root, and there is no user postgres to drop to"), false;
	if (!engine_finished_well(engine_run_as_server(init, log)))
		return snprintf(why, WHY_MAX, "initdb failed, see %s", log), false;
	e->server = engine_run_as_server(serve, log);
	if (!answers(conninfo))
		return snprintf(why, WHY_MAX, "the server did not start, see %s", log), false;
	return true;
}

bool engine_server_dir(char *dir, size_t n, char why[static WHY_MAX])
{
	struct passwd *pw = geteuid() == 0 ? getpwnam("postgres") : NULL;

	if (access(PG_BIN "/initdb", X_OK) != 0)
		return snprintf(why, WHY_MAX, "the package postgresql-15 is not installed"), false;
	snprintf(dir, n, "%s/lianfang-pair-XXXXXX", getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
	if (mkdtemp(dir) == NULL)
		return snprintf(why, WHY_MAX, "no temporary folder: %s", strerror(errno)), false;
	if (geteuid() == 0 && (pw == NULL || chown(dir, pw->pw_uid, pw->pw_gid) != 0))
		return snprintf(why, WHY_MAX, "run as root, and there is no user postgres to drop to"), false;
	return true;
}

void engine_remove_dir(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool engine_start(struct engine *e, const char *name, char why[static WHY_MAX])
{
	*e = (struct engine){ .name = name };
	snprintf(e->dir, sizeof e->dir, "%s/lianfang-store-XXXXXX", getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
	if (mkdtemp(e->dir) == NULL)
		return snprintf(why, WHY_MAX, "no temporary folder: %s", strerror(errno)), false;
	if (strcmp(name, "sqlite") == 0)
		return true;
	if (pg_start(e, why))
		return true;
	engine_stop(e);
	return false;
}

void engine_stop(struct engine *e)
{
	if (e->server > 0) {
		kill(e->server, SIGINT);
		engine_finished_well(e->server);
	}
	if (e->dir[0] != '\0')
		nftw(e->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool pg_run(struct engine *e, const char *dbname, const char *sql)
{
	char conninfo[400];
	PGconn *c;
	PGresult *r;
	bool good;

	snprintf(conninfo, sizeof conninfo, "host=%s user=lianfang dbname=%s", e->dir, dbname);
	c = PQconnectdb(conninfo);
	r = PQexec(c, sql);
	good = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
	if (!good)
		printf("# %s: %s", sql, PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
	return good;
}

enum rc engine_reopen(struct engine *e, bool read_only, struct store **ret, struct err *err)
{
	struct store_config c = { .dir = e->store_dir, .url = e->url, .read_only = read_only };

	return store_open(&c, ret, err);
}

struct store *engine_fresh(struct engine *e)
{
	struct store_config c = { .dir = e->store_dir, .url = e->url, .create = true };
	struct store *s = NULL;
	struct err err = { 0 };
	char sql[64];

	e->n++;
	snprintf(e->store_dir, sizeof e->store_dir, "%s/s%d", e->dir, e->n);
	if (e->server > 0) {
		snprintf(sql, sizeof sql, "CREATE DATABASE s%d", e->n);
		if (!pg_run(e, "postgres", sql))
			return NULL;
		snprintf(e->url, sizeof e->url, "postgresql:///s%d?host=%s&user=lianfang", e->n, e->dir);
	}
	if (store_open(&c, &s, &err) != RC_OK)
		printf("# %s: %s\n", e->name, err.text);
	return s;
}

bool engine_tamper(struct engine *e, const char *sql)
{
	char path[400], *message = NULL;
	sqlite3 *db = NULL;
	bool good;

	if (e->server > 0) {
		snprintf(path, sizeof path, "s%d", e->n);
		return pg_run(e, path, sql);
	}
	snprintf(path, sizeof path, "%s/records.db", e->store_dir);
	good = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK;
	if (!good)
		printf("# %s: %s\n", sql, message == NULL ? "?" : message);
	sqlite3_free(message);
	sqlite3_close(db);
	return good;
}
