#include "base/jsonw.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void test_all(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(10000);
	const struct json *v;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 10000);
	OK(json_parse(a, S("{\"x\" : [1.0]}"), &JSON_LIMITS, &v, NULL) == RC_OK, "a tree");
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "a", S("x\"y"));
	jsonw_m_cstr(&w, "b", "z");
	jsonw_m_int(&w, "c", -5);
	jsonw_m_bool(&w, "d", true);
	jsonw_m_time(&w, "e", 1);
	jsonw_name(&w, "f"), jsonw_array(&w);
	jsonw_array(&w), jsonw_array_end(&w);
	jsonw_object(&w), jsonw_object_end(&w);
	jsonw_double(&w, 0.5), jsonw_null(&w), jsonw_bool(&w, false), jsonw_int(&w, 0);
	jsonw_cstr(&w, "s"), jsonw_raw(&w, S("[2]")), jsonw_value(&w, v);
	jsonw_array_end(&w);
	jsonw_name_str(&w, S("g\n")), jsonw_object(&w), jsonw_object_end(&w);
	jsonw_object_end(&w);
	EQ_STR(buf_view(&b), S("{\"a\":\"x\\\"y\",\"b\":\"z\",\"c\":-5,\"d\":true,\"e\":\"1970-01-01T00:00:00.000001Z\",\"f\":[[],{},"
			       "0.5,null,false,0,\"s\",[2],{\"x\":[1.0]}],\"g\\n\":{}}"), "all kinds");
	OK(json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL) == RC_OK, "is JSON");
	buf_done(&b);
}

static void value_without_end(struct jsonw *w)
{
	jsonw_object(w);
	jsonw_name(w, "a");
	jsonw_object_end(w);
}

static void name_outside(struct jsonw *w)
{
	jsonw_name(w, "a");
}

static void end_too_many(struct jsonw *w)
{
	jsonw_array(w);
	jsonw_array_end(w);
	jsonw_array_end(w);
}

static void wrong_end(struct jsonw *w)
{
	jsonw_array(w);
	jsonw_object_end(w);
}

static void no_name(struct jsonw *w)
{
	jsonw_object(w);
	jsonw_int(w, 1);
}

static void too_deep(struct jsonw *w)
{
	for (int i = 0; i < JSONW_DEPTH_MAX; i++)
		jsonw_array(w);
}

/* Misuse is our own defect: it stops the program rather than send broken JSON. */
static void test_misuse(void)
{
	static const struct {
		const char *name;
		void (*run)(struct jsonw *w);
	} rows[] = {
		{ "name without value", value_without_end }, { "name outside", name_outside }, { "one end too many", end_too_many },
		{ "wrong end", wrong_end }, { "no name", no_name }, { "too deep", too_deep },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			const struct rlimit none = { 0, 0 };
			struct jsonw w;
			struct buf b;

			setrlimit(RLIMIT_CORE, &none);
			close(STDERR_FILENO);
			signal(SIGABRT, SIG_DFL);
			buf_init(&b, 1000);
			jsonw_init(&w, &b);
			rows[i].run(&w);
			_exit(0);
		}
		OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s", rows[i].name);
	}
}

int main(void)
{
	test_all();
	test_misuse();
	return tap_done();
}
