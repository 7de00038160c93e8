/* The process that runs a command: what the command gets, what comes back, and that nothing of it stays. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sys/file.h"
#include "sys/runner.h"
#include "tap.h"

#define LIMIT (2 * USEC_PER_SEC)

static char folder[64] = "/tmp/lianfang-runner-XXXXXX";

static const char *script(const char *name, const char *text)
{
	static char path[4][128];
	static int turn;
	char *p = path[turn++ % 4];
	struct err err = { 0 };
	char all[1024];

	snprintf(p, sizeof path[0], "%s/%s", folder, name);
	snprintf(all, sizeof all, "#!/bin/sh\ncd %s || exit 9\n%s\n", folder, text);
	if (file_replace(p, str_of(all), 0700, &err) != RC_OK)
		printf("# %s\n", err.text);
	return p;
}

static struct str said(const char *name, struct buf *b)
{
	char path[160];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return file_read(path, 1 << 20, b, NULL) == RC_OK ? buf_view(b) : S("");
}

static enum rc once(const char *path, struct str input, usec limit, struct err *err)
{
	struct runner *r;
	enum rc rc = runner_start(path, limit, &r, err);

	if (rc == RC_OK) {
		rc = runner_do(r, input, NULL, err);
		runner_stop(r);
	}
	return rc;
}

static void replies(void)
{
	static const struct { const char *name, *text; enum rc rc; const char *says; } rows[] = {
		{ "good", "cat > out", RC_OK, "" },
		{ "deaf", "exit 0", RC_OK, "" },
		{ "bad", "exit 3", RC_PEER, "status 3" },
		{ "killed", "kill -9 $$", RC_PEER, "signal 9" },
		{ "slow", "sleep 60", RC_PEER, "longer than 2 s" },
	};
	int64_t before = mem_live();

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct err err = { 0 };
		enum rc rc = once(script(rows[i].name, rows[i].text), S("hello"), LIMIT, &err);

		EQ_INT(rc, rows[i].rc, rows[i].name);
		OK(str_find(str_of(err.text), str_of(rows[i].says), 0) != SIZE_MAX, "%s: '%s'", rows[i].name, err.text);
	}
	EQ_INT(mem_live(), before, "no memory stays");
}

static void what_it_gets(void)
{
	struct buf b = { 0 }, big;
	struct runner *r;
	struct err err = { 0 };
	struct str text;
	int open_one = open("/dev/null", O_RDONLY); /* without O_CLOEXEC: the program must not get it */

	setenv("SECRET", "x", 1);
	OK(runner_start(script("look", "env > env; ls /proc/$$/fd | grep -c '^[3-9]$' > fds; cat > in; echo $# > args; pwd > where"), LIMIT, &r, &err) == RC_OK,
	   "started");
	OK(runner_do(r, S("$(touch x); 事件\n"), NULL, &err) == RC_OK, "run: %s", err.text);
	EQ_STR(said("in", &b), S("$(touch x); 事件\n"), "its input, byte for byte");
	buf_done(&b);
	EQ_STR(said("args", &b), S("0\n"), "no argument");
	buf_done(&b);
	text = said("env", &b);
	OK(str_find(text, S("SECRET"), 0) == SIZE_MAX && str_find(text, S("PATH=/usr/bin:/bin\n"), 0) != SIZE_MAX, "a fixed environment");
	buf_done(&b);
	OK(open_one > 2, "a descriptor of ours is open");
	EQ_STR(said("fds", &b), S("0\n"), "the program has none of them");
	buf_done(&b);
	buf_init(&big, RUNNER_INPUT_MAX * 2);
	for (size_t i = 0; i < RUNNER_INPUT_MAX - 1; i++)
		buf_char(&big, (char)('a' + i % 26));
	OK(runner_do(r, buf_view(&big), NULL, &err) == RC_OK, "as much as it takes");
	EQ_INT(said("in", &b).n, RUNNER_INPUT_MAX - 1, "arrives whole");
	buf_done(&b);
	buf_char(&big, 'x');
	EQ_INT(runner_do(r, buf_view(&big), NULL, &err), RC_LIMIT, "more is refused");
	OK(runner_do(r, S("again"), NULL, &err) == RC_OK, "and it still runs");
	buf_done(&big);
	runner_stop(r);
	close(open_one);
	unsetenv("SECRET");
}

static bool alive(const char *name)
{
	struct buf b = { 0 };
	struct str text = str_trim(said(name, &b));
	char path[64];
	bool there;

	snprintf(path, sizeof path, "/proc/%.20s", text.n > 0 ? text.p : "none");
	path[6 + (text.n < 20 ? text.n : 20)] = '\0';
	there = text.n > 0 && file_exists(path);
	buf_done(&b);
	return there;
}

static bool gone(const char *name)
{
	for (int i = 0; i < 200 && alive(name); i++)
		usleep(10000);
	return !alive(name);
}

static void nothing_stays(void)
{
	_Atomic int stop = 1;
	struct runner *r;
	struct err err = { 0 };

	EQ_INT(once(script("child", "sleep 60 & echo $! > left; exit 0"), S(""), LIMIT, &err), RC_OK, "a program that leaves another behind");
	OK(gone("left"), "which ends with it");
	EQ_INT(once(script("tree", "sleep 60 & echo $! > slow; wait"), S(""), USEC_PER_SEC / 2, &err), RC_PEER, "too slow");
	OK(gone("slow"), "with all that it started");
	OK(runner_start(script("long", "echo $$ > long.pid; sleep 60"), 60 * USEC_PER_SEC, &r, &err) == RC_OK, "a long one");
	EQ_INT(runner_do(r, S(""), &stop, &err), RC_BUSY, "given up on");
	runner_stop(r);
	OK(gone("long.pid"), "ends with the runner");
}

static void out_of_memory(void)
{
	const char *path = script("memory", "exit 0");
	int64_t before = mem_live();
	struct runner *r;
	struct err err = { 0 };

	mem_fail_at(1, 0);
	EQ_INT(runner_start(path, LIMIT, &r, &err), RC_NOMEM, "no memory for the runner");
	mem_fail_at(0, 0);
	OK(runner_start(path, LIMIT, &r, &err) == RC_OK, "then one");
	mem_fail_at(1, 0);
	EQ_INT(runner_do(r, S("x"), NULL, &err), RC_NOMEM, "no memory for what is said");
	mem_fail_at(0, 0);
	OK(runner_do(r, S("x"), NULL, &err) == RC_OK, "then it runs");
	runner_stop(r);
	EQ_INT(mem_live(), before, "nothing stays");
}

static void refused(void)
{
	struct err err = { 0 };
	char open_to_all[128], plain[128];
	const char *path = script("world", "exit 0");

	snprintf(open_to_all, sizeof open_to_all, "%s", path);
	chmod(open_to_all, 0777);
	snprintf(plain, sizeof plain, "%s", script("plain", ""));
	chmod(plain, 0600);
	for (size_t i = 0; i < 5; i++) {
		const char *paths[] = { "relative", "/nonexistent/x", folder, open_to_all, plain };

		if (i == 4 && geteuid() == 0) {
			SKIP("root", "a file that may not be run");
			continue;
		}
		EQ_INT(once(paths[i], S(""), LIMIT, &err), RC_BAD, paths[i]);
	}
}

static void sweep(void)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	char path[400];

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		unlink(path);
	}
	closedir(d);
	OK(rmdir(folder) == 0, "swept up");
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	replies();
	what_it_gets();
	nothing_stays();
	out_of_memory();
	refused();
	sweep();
	return tap_done();
}
