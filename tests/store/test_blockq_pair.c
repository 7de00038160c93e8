/* The block queue on a primary with a synchronous standby, real servers of
 * Debian's package: takers are killed all the time, then the primary with all its
 * processes, and the standby is promoted. Every block that was acknowledged is
 * there, and every block has had its effects once.
 *
 * LIANFANG_PAIR_BLOCKS (default 2000). */
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "blockq_util.h"
#include "engine.h"

enum { TAKERS = 3, PER_PUT = 8, LEASE = 300000 };

static char dir[256], url[700];

struct server {
	char data[300], log[300], port[8];
	int pid;
};
static struct server one = { .port = "5432" }, two = { .port = "5433" };

/* --- servers --- */

static bool finish_program(const char *const *argv, const char *log)
{
	return engine_finished_well(engine_run_as_server(argv, log));
}

static bool answers(const struct server *s)
{
	char conninfo[400];

	snprintf(conninfo, sizeof conninfo, "host=%s port=%s user=lianfang dbname=postgres", dir, s->port);
	for (int i = 0; i < 400; i++) {
		if (PQping(conninfo) == PQPING_OK)
			return true;
		usleep(50000);
	}
	return false;
}

static bool serve(struct server *s)
{
	const char *const argv[] = { ENGINE_PG_BIN "/postgres", "-D", s->data, "-k", dir, "-p", s->port, "-c", "listen_addresses=", "-c", "wal_level=replica",
				     "-c", "max_wal_senders=4", "-c", "hot_standby=on", "-c", "shared_buffers=32MB", NULL };

	s->pid = engine_run_as_server(argv, s->log);
	return answers(s);
}

/* Runs one statement; true when its only value is `want` (NULL: whatever). */
static bool ask(const struct server *s, const char *sql, const char *want)
{
	char conninfo[400];
	PGconn *c;
	PGresult *r;
	bool good;

	snprintf(conninfo, sizeof conninfo, "host=%s port=%s user=lianfang dbname=postgres", dir, s->port);
	c = PQconnectdb(conninfo);
	r = PQexec(c, sql);
	good = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
	if (want != NULL)
		good = good && PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), want) == 0;
	PQclear(r);
	PQfinish(c);
	return good;
}

static bool becomes(const struct server *s, const char *sql, const char *want)
{
	for (int i = 0; i < 400; i++) {
		if (ask(s, sql, want))
			return true;
		usleep(50000);
	}
	return false;
}

static bool start_pair(char why[static WHY_MAX])
{
	const char *const init[] = { ENGINE_PG_BIN "/initdb", "-D", one.data, "-U", "lianfang", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync",
				     NULL };
	const char *const copy[] = { ENGINE_PG_BIN "/pg_basebackup", "-D", two.data, "-h", dir, "-p", one.port, "-U", "lianfang", "-R", "-X", "stream", "-c",
				     "fast", NULL };

	if (!finish_program(init, one.log) || !serve(&one) || !ask(&one, "CREATE DATABASE bq", NULL))
		return snprintf(why, WHY_MAX, "the primary did not start, see %s", one.log), false;
	if (!finish_program(copy, two.log) || !serve(&two))
		return snprintf(why, WHY_MAX, "the standby did not start, see %s", two.log), false;
	if (!ask(&one, "ALTER SYSTEM SET synchronous_standby_names = '*'", NULL) || !ask(&one, "SELECT pg_reload_conf()", "t") ||
	    !becomes(&one, "SELECT sync_state FROM pg_stat_replication", "sync"))
		return snprintf(why, WHY_MAX, "the standby does not follow in step, see %s", two.log), false;
	return true;
}

/* The server and each process it has: nothing of it may write on. */
static void kill_server(struct server *s)
{
	char path[64], list[8192];
	struct str rest, pid;
	FILE *f;
	size_t n;

	kill(s->pid, SIGSTOP);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", s->pid, s->pid);
	f = fopen(path, "r");
	n = f == NULL ? 0 : fread(list, 1, sizeof list - 1, f);
	if (f != NULL)
		fclose(f);
	rest = str_make(list, n);
	while (str_next(&rest, ' ', &pid)) {
		uint64_t number;

		if (str_to_u64(pid, &number) && number > 1)
			kill((pid_t)number, SIGKILL);
	}
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

static bool promote(struct server *s)
{
	const char *const argv[] = { ENGINE_PG_BIN "/pg_ctl", "promote", "-D", s->data, "-w", NULL };

	return finish_program(argv, s->log) && becomes(s, "SELECT pg_is_in_recovery()", "f");
}

/* --- collector and takers, each a process --- */

static struct blockq *connect_queue(bool create)
{
	struct blockq_opts o = { .url = url, .create = create };
	struct blockq *q = NULL;
	struct err err = { 0 };

	for (int i = 0; i < 600; i++) {
		if (blockq_open(&o, &q, &err) == RC_OK)
			return q;
		usleep(100000);
	}
	printf("# open: %s\n", err.text);
	return NULL;
}

/* A server that is away comes back, or another takes its place. Anything else is a defect. */
static void wait_for_server(struct blockq *q, enum rc rc, const struct err *why)
{
	struct err err = { 0 };

	if (rc != RC_PEER && rc != RC_BUSY) {
		fprintf(stderr, "# %s: %s\n", rc_name(rc), why->text);
		_exit(7);
	}
	while (rc == RC_PEER && blockq_reconnect(q, &err) != RC_OK)
		usleep(50000);
}

static void collect(int ack, uint64_t blocks)
{
	struct blockq *q = connect_queue(false);

	for (uint64_t i = 0; q != NULL && i < blocks; i += PER_PUT) {
		struct err err = { 0 };
		uint64_t fresh;
		enum rc rc;

		while ((rc = put_numbers(q, i, PER_PUT, &fresh, &err)) != RC_OK)
			wait_for_server(q, rc, &err);
		if (write(ack, &(uint64_t){ i + PER_PUT }, sizeof i) != (ssize_t)sizeof i)
			_exit(3);
		usleep(20000);
	}
	_exit(0);
}

static void take_on(unsigned number)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct blockq *q = connect_queue(false);
	char name[32];

	snprintf(name, sizeof name, "taker-%u", number);
	for (unsigned turn = number;; turn++) {
		struct blockq_taken t[4];
		struct err err = { 0 };
		size_t n = 0;
		enum rc rc = blockq_take(q, str_of(name), LEASE, 4, a, t, &n, &err);

		if (turn % 5 == 4) /* too slow: somebody else has them by then */
			usleep(LEASE + 100000);
		if (rc == RC_OK && n > 0)
			rc = finish(q, str_of(name), t, n, NULL, &err);
		if (rc != RC_OK)
			wait_for_server(q, rc, &err);
		if (n == 0)
			usleep(20000);
		arena_reset(a);
	}
}

static pid_t start_taker(unsigned number)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		take_on(number);
	}
	return pid;
}

static uint64_t read_acks(int fd, uint64_t before)
{
	uint64_t n;

	while (read(fd, &n, sizeof n) == (ssize_t)sizeof n)
		before = n;
	return before;
}

/* Until `blocks` are done; a taker is killed five times a second, the primary once. */
static void run(uint64_t blocks, int acks)
{
	pid_t takers[TAKERS];
	struct blockq *q = connect_queue(false);
	struct blockq_stats st = { 0 };
	struct err err = { 0 };
	unsigned started = 0;
	uint64_t acked = 0, at_kill = 0;
	bool killed = false;

	for (; started < TAKERS; started++)
		takers[started] = start_taker(started);
	for (int i = 0; i < 1500 && st.done < blocks; i++) {
		usleep(200000);
		kill(takers[i % TAKERS], SIGKILL);
		waitpid(takers[i % TAKERS], NULL, 0);
		takers[i % TAKERS] = start_taker(started++);
		acked = read_acks(acks, acked);
		if (blockq_stats(q, &st, &err) != RC_OK)
			(void)!blockq_reconnect(q, &err);
		if (!killed && acked > blocks / 3 && st.done > blocks / 6) {
			at_kill = acked;
			kill_server(&one);
			killed = true;
			OK(promote(&two), "the primary is killed, the standby promoted (%llu blocks put, %llu done)", (unsigned long long)acked,
			   (unsigned long long)st.done);
			while (blockq_reconnect(q, &err) != RC_OK)
				usleep(50000);
			OK(blockq_stats(q, &st, &err) == RC_OK && st.ready + st.taken + st.done + st.stuck >= at_kill,
			   "every block that was acknowledged is there (%llu)", (unsigned long long)(st.ready + st.taken + st.done + st.stuck));
		}
	}
	for (unsigned i = 0; i < TAKERS; i++) {
		kill(takers[i], SIGKILL);
		waitpid(takers[i], NULL, 0);
	}
	OK(killed && started > 10, "%u takers were killed", started);
	EQ_INT(read_acks(acks, acked), blocks, "the collector put them all");
	check_effects(q, blocks, "after all that");
	blockq_close(q);
}

static void test(uint64_t blocks)
{
	struct blockq *q;
	int fd[2];
	pid_t collector;

	snprintf(url, sizeof url, "postgresql:///bq?host=%s,%s&port=%s,%s&user=lianfang&target_session_attrs=read-write&connect_timeout=3", dir, dir, one.port,
		 two.port);
	q = connect_queue(true);
	blockq_close(q);
	if (pipe2(fd, O_NONBLOCK) != 0)
		return;
	collector = fork();
	if (collector == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		collect(fd[1], blocks);
	}
	run(blocks, fd[0]);
	kill(collector, SIGKILL);
	waitpid(collector, NULL, 0);
}

int main(void)
{
	const char *text = getenv("LIANFANG_PAIR_BLOCKS");
	char why[WHY_MAX];
	uint64_t blocks = 2000;

	if (text != NULL && (!str_to_u64(str_of(text), &blocks) || blocks < 100))
		blocks = 2000;
	blocks -= blocks % PER_PUT;
	if (!engine_server_dir(dir, sizeof dir, why)) {
		SKIP(why, "a primary and a synchronous standby");
		return tap_done();
	}
	for (int i = 0; i < 2; i++) {
		struct server *s = i == 0 ? &one : &two;

		snprintf(s->data, sizeof s->data, "%s/%s", dir, i == 0 ? "one" : "two");
		snprintf(s->log, sizeof s->log, "%s/%s.log", dir, i == 0 ? "one" : "two");
	}
	if (OK(start_pair(why), "a primary and a synchronous standby"))
		test(blocks);
	else
		printf("# %s\n", why);
	for (int i = 0; i < 2; i++) {
		struct server *s = i == 0 ? &one : &two;

		if (s->pid > 0) {
			kill(s->pid, SIGQUIT);
			waitpid(s->pid, NULL, 0);
		}
	}
	engine_remove_dir(dir);
	return tap_done();
}
