#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "tap.h"

/* What one call writes to stderr. */
static size_t caught(char *out, size_t max, enum log_level level, const char *message)
{
	int saved = dup(STDERR_FILENO), fd[2];
	ssize_t n;

	if (pipe2(fd, O_NONBLOCK) != 0)
		return 0;
	dup2(fd[1], STDERR_FILENO);
	log_line(level, "http", "%s", message);
	dup2(saved, STDERR_FILENO);
	n = read(fd[0], out, max);
	close(saved), close(fd[0]), close(fd[1]);
	return n < 0 ? 0 : (size_t)n;
}

int main(void)
{
	static char long_message[5000];
	static char out[20000];
	struct arena *a = arena_new(100000);
	const struct json *v = NULL;
	struct str line;

	time_fake_set(0);
	log_setup("core", LOG_LEVEL_INFO, false);
	line = str_make(out, caught(out, sizeof out, LOG_LEVEL_INFO, "a \"b\"\nc"));
	EQ_STR(line, S("time=1970-01-01T00:00:00.000000Z level=info role=core subject=http msg=\"a \\\"b\\\"\\nc\"\n"), "logfmt");
	EQ_INT(caught(out, sizeof out, LOG_LEVEL_DEBUG, "x"), 0, "below the least level");
	log_setup("detect", LOG_LEVEL_DEBUG, true);
	line = str_make(out, caught(out, sizeof out, LOG_LEVEL_ERROR, "x\xFF\ny"));
	EQ_STR(line, S("{\"time\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"error\",\"role\":\"detect\",\"subject\":\"http\","
		       "\"msg\":\"x\xEF\xBF\xBD\\ny\"}\n"), "JSON, whatever the message holds");
	memset(long_message, '\1', sizeof long_message - 1);
	line = str_make(out, caught(out, sizeof out, LOG_LEVEL_WARN, long_message));
	OK(line.n > 2048 && json_parse(a, line, &JSON_LIMITS, &v, NULL) == RC_OK, "a long message is cut, the line stays whole");
	mem_fail_at(1, 1);
	line = str_make(out, caught(out, sizeof out, LOG_LEVEL_WARN, "x"));
	mem_fail_at(0, 0);
	EQ_STR(line, S("level=error subject=log msg=\"out of memory for a line\"\n"), "out of memory is told as well");
	arena_free(a);
	return tap_done();
}
