/* Runs every case on every engine that can run here. An argument names the cases to run. */
#include "conformance.h"

#include "base/mem.h"

static void run_case(struct engine *e, const struct conformance_case *c)
{
	struct scene sc = { .engine = e, .s = engine_fresh(e), .a = arena_new((size_t)256 << 20) };

	printf("# %s: %s\n", e->name, c->name);
	if (!OK(sc.s != NULL && sc.a != NULL, "%s: %s: a fresh store", e->name, c->name))
		return;
	c->run(&sc);
	store_close(sc.s);
	arena_free(sc.a);
}

static void run_engine(const char *name, const char *only)
{
	const struct conformance_case *const tables[] = { CASES_RECORDS, CASES_FACTS, CASES_OBJECTS, CASES_THREADS, CASES_INCIDENTS, CASES_TICKETS, CASES_REGISTERS, CASES_INTAKE, CASES_BULLETINS, CASES_CASES, CASES_SESSIONS, CASES_SUBMISSIONS, CASES_ALIKE };
	struct engine e;
	char why[WHY_MAX];

	if (!engine_start(&e, name, why)) {
		SKIP(why, "all cases on %s", name);
		return;
	}
	for (size_t t = 0; t < COUNTOF(tables); t++)
		for (const struct conformance_case *c = tables[t]; c->name != NULL; c++)
			if (only == NULL || strcmp(only, c->name) == 0)
				run_case(&e, c);
	engine_stop(&e);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;

	run_engine("sqlite", only);
	run_engine("postgresql", only);
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
