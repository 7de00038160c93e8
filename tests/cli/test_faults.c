/* Every allocation of a command fails once, each time in a process of its own: the command says so and ends with a
 * documented status, never by a signal, and leaves no block behind. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "tap.h"

#define LEFT_BEHIND 99

static char dir[] = "/tmp/lianfang-cli-XXXXXX", file[64], list[64];

static void write_file(char path[static 64], const char *name, const char *text)
{
	FILE *f;

	snprintf(path, 64, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		exit(1);
}

/* The command's exit status in a child, 256 + signal when it died of one. */
static int run_once(const char *const *words, uint64_t nth)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char *argv[16];
		int argc = 0, null = open("/dev/null", O_RDWR);

		for (; words[argc] != NULL; argc++)
			argv[argc] = strdup(words[argc]);
		argv[argc] = NULL;
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		mem_fail_at(nth, 0);
		status = cli_main(argc, argv);
		mem_fail_at(0, 0);
		_exit(mem_live() > 0 ? LEFT_BEHIND : status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int main(void)
{
	static const struct {
		const char *words[8];
		int status;
	} rows[] = {
		{ { "lianfang", "pattern", "check", "[domain-name:value = 'a.example' AND ipv4-addr:value ISSUBSET '10.0.0.0/8']" }, 0 },
		{ { "lianfang", "pattern", "check", "--json", "[broken" }, 1 }, { { "lianfang", "validate", "--json", file }, 1 },
		{ { "lianfang", "validate", file }, 1 }, { { "lianfang", "id", file }, 0 },
		{ { "lianfang", "pattern", "match", "[domain-name:value = 'a.example']", file }, 1 }, { { "lianfang", "help", "--lang", "zh" }, 0 },
		{ { "lianfang", "help", "--man", "user-add" }, 0 }, { { "lianfang", "commands", "--bash" }, 0 }, { { "lianfang", "commands", "--json" }, 0 },
		{ { "lianfang", "status", dir }, 2 }, { { "lianfang", "import", list, dir }, 2 }, { { "lianfang", "user", "add" }, 2 },
	};

	if (mkdtemp(dir) == NULL)
		return 1;
	write_file(file, "bundle.json", "{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000001\",\"objects\":["
		   "{\"type\":\"domain-name\",\"value\":\"a.example\"},{\"type\":\"indicator\",\"name\":\"no pattern\"}]}");
	write_file(list, "list.txt", "a.example\n");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int want = run_once(rows[i].words, 0), status = -1, whole = 0;
		bool clean = true;
		uint64_t nth;

		OK(want == rows[i].status, "%s %s: %d", rows[i].words[1], rows[i].words[2], want);
		for (nth = 1; nth < 3000 && whole < 4 && clean; nth++) {
			status = run_once(rows[i].words, nth);
			whole = status == want ? whole + 1 : 0;
			clean = status >= 0 && status <= 2;
		}
		OK(clean && whole == 4, "  each of %d allocations may fail (%d)", (int)nth - 5, status);
	}
	unlink(file);
	unlink(list);
	rmdir(dir);
	return tap_done();
}
