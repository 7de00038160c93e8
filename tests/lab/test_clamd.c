/* A clamd that means well, if one is installed, and others that do not: each answer that may come, and none. */
#include "lab/clamd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/unixsock.h"
#include "tap.h"

#define WANTED "what this test calls bad\n"

static char base[] = "/tmp/lab-clamd-XXXXXX";

static const char *in(const char *name)
{
	static char path[4][128];
	static unsigned k;

	snprintf(path[++k % 4], sizeof path[0], "%s/%s", base, name);
	return path[k % 4];
}

static int file_of(struct str bytes)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	return fd >= 0 && file_write_at(fd, 0, bytes, NULL) == RC_OK ? fd : -1;
}

/* --- strangers --- */

struct stranger {
	const char *name;
	struct str answer;
	bool reads, stays; /* takes what is sent first; keeps the connection open */
	bool found;
	const char *says;
};

static void serve(int listener, const struct stranger *s)
{
	char piece[4096];
	int fd = accept(listener, NULL, NULL);
	size_t tail = 0;
	ssize_t n;

	/* To the piece of no length. */
	while (s->reads && tail < 4 && (n = read(fd, piece, sizeof piece)) > 0)
		for (ssize_t i = 0; i < n; i++)
			tail = piece[i] == '\0' ? tail + 1 : 0;
	(void)!write(fd, s->answer.p, s->answer.n);
	while (s->stays)
		pause();
	_exit(0);
}

static void strangers(void)
{
	static char longer[5000];
	const struct stranger rows[] = {
		{ "nothing found", S("stream: OK\0"), true, false, false, "" },
		{ "found", S("stream: Bad.Thing-1 FOUND\0"), true, false, true, "Bad.Thing-1" },
		{ "found, by a name of control characters", S("stream: Bad\x1b[2J\n<b> FOUND\0"), true, false, true, "Bad?[2J?<b>" },
		{ "an error", S("stream: Can't allocate memory ERROR\0"), true, false, false, "clamd: an answer that is none" },
		{ "too long a file", S("INSTREAM size limit exceeded. ERROR\0"), false, true, false, "clamd: the file is longer than it takes" },
		{ "something else", S("HTTP/1.1 200 OK\r\n\r\n\0"), true, false, false, "clamd: an answer that is none" },
		{ "of another file", S("/etc/passwd: X FOUND\0"), true, false, false, "clamd: an answer that is none" },
		{ "closes at once", S(""), false, false, false, "clamd: " },
		{ "closes without a word", S(""), true, false, false, "clamd: closed without an answer" },
		{ "without end", { longer, sizeof longer }, true, true, false, "clamd: an answer that is too long" },
		{ "never answers", S(""), true, true, false, "clamd: no answer in time" },
		{ "never reads", S(""), false, true, false, "clamd: no answer in time" },
	};
	static char bytes[1 << 20];
	int fd;

	memset(longer, 'x', sizeof longer);
	memset(bytes, 'y', sizeof bytes);
	fd = file_of(str_make(bytes, sizeof bytes));
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct clamd_says says;
		int listener = -1;
		usec begun;
		pid_t pid;

		if (unix_listen(in("stranger"), 4, &listener, NULL) != RC_OK)
			return;
		pid = fork();
		if (pid == 0)
			serve(listener, &rows[i]);
		close(listener);
		begun = time_mono();
		clamd_ask(in("stranger"), fd, sizeof bytes, strstr(rows[i].says, "in time") != NULL ? USEC_PER_SEC / 5 : 60 * USEC_PER_SEC, &says);
		OK(says.asked && says.found == rows[i].found, "%s: %s", rows[i].name, says.found ? "found" : "not found");
		OK(strncmp(says.found ? says.name : says.trouble, rows[i].says, strlen(rows[i].says)) == 0, "%s: \"%s\"", rows[i].name, says.found ? says.name : says.trouble);
		OK((says.trouble[0] != '\0') == (strncmp(rows[i].says, "clamd:", 6) == 0), "%s: trouble or none", rows[i].name);
		OK(time_mono() - begun < 50 * USEC_PER_SEC, "%s: within its time", rows[i].name);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fd);
}

static void nobody(void)
{
	struct clamd_says says;
	int fd = file_of(S("x"));

	clamd_ask(in("nobody"), fd, 1, USEC_PER_SEC, &says);
	OK(says.asked && !says.found && says.trouble[0] != '\0', "nobody listens: %s", says.trouble);
	close(fd);
}

static void tells(void)
{
	struct arena *a = arena_new(1 << 20);
	struct lab_report r;

	lab_report_begin(&r, a, S("f"), S("g"), 0);
	clamd_tell(&(struct clamd_says){ .asked = true }, &r);
	OK(r.matches.n == 0 && r.unseen.n == 0, "nothing found adds nothing");
	clamd_tell(&(struct clamd_says){ .asked = true, .found = true, .name = "Bad" }, &r);
	OK(r.matches.n == 1 && r.matches.p[0].m.kind == LAB_CLAMAV && lab_verdict_of(&r) == LAB_V_MALICIOUS, "what was found is a match that makes it malicious");
	lab_report_begin(&r, a, S("f"), S("g"), 0);
	clamd_tell(&(struct clamd_says){ .asked = true, .trouble = "clamd: gone" }, &r);
	OK(r.unseen.n == 1 && lab_verdict_of(&r) == LAB_V_INCOMPLETE, "no answer is incomplete");
	arena_free(a);
}

/* --- the program itself, with one signature of our own --- */

static bool write_conf(void)
{
	unsigned char sum[SHA256_LEN];
	struct buf conf, list;
	bool good;

	buf_init(&conf, 4096);
	buf_init(&list, 4096);
	hash_sha256(S(WANTED), sum);
	hex_put(&list, str_make((const char *)sum, sizeof sum));
	buf_fmt(&list, ":%zu:Test.Bad\n", sizeof WANTED - 1);
	buf_fmt(&conf, "DatabaseDirectory %s\nLocalSocket %s/clamd.ctl\nForeground yes\nUser root\nStreamMaxLength 2M\nBytecode no\n", base, base);
	good = file_replace(in("local.hsb"), buf_view(&list), 0644, NULL) == RC_OK && file_replace(in("clamd.conf"), buf_view(&conf), 0644, NULL) == RC_OK;
	buf_done(&conf);
	buf_done(&list);
	return good;
}

static void real(void)
{
	static char large[3 << 20];
	struct clamd_says says = { .trouble = "clamd: not yet" };
	int bad = file_of(S(WANTED)), good = file_of(S("harmless")), big = file_of(str_make(large, sizeof large));
	pid_t pid;

	if (access("/usr/sbin/clamd", X_OK) != 0 || geteuid() != 0) {
		SKIP("clamd is not installed, or this is not root", "a real clamd");
		return;
	}
	if (!OK(write_conf(), "a configuration and one signature"))
		return;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execl("/usr/sbin/clamd", "clamd", "-c", in("clamd.conf"), (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 600 && says.trouble[0] != '\0' && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		time_nap(USEC_PER_SEC / 10);
		clamd_ask(in("clamd.ctl"), good, 8, 10 * USEC_PER_SEC, &says);
	}
	OK(says.trouble[0] == '\0' && !says.found, "a real clamd finds nothing in what is harmless: %s", says.trouble);
	clamd_ask(in("clamd.ctl"), bad, sizeof WANTED - 1, 60 * USEC_PER_SEC, &says);
	OK(says.found && strncmp(says.name, "Test.Bad", 8) == 0, "and what its signature says: %s %s", says.name, says.trouble);
	clamd_ask(in("clamd.ctl"), big, sizeof large, 60 * USEC_PER_SEC, &says);
	OK(!says.found && says.trouble[0] != '\0', "a file longer than it takes is told: %s", says.trouble);
	clamd_ask(in("clamd.ctl"), good, 0, 60 * USEC_PER_SEC, &says);
	OK(!says.found && says.trouble[0] == '\0', "nothing at all is fine: %s", says.trouble);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	static const char *const names[] = { "stranger", "local.hsb", "clamd.conf", "clamd.ctl" };

	if (mkdtemp(base) == NULL)
		return 1;
	chmod(base, 0755);
	signal(SIGPIPE, SIG_IGN);
	strangers();
	nobody();
	tells();
	real();
	for (size_t i = 0; i < COUNTOF(names); i++)
		unlink(in(names[i]));
	rmdir(base);
	return tap_done();
}
