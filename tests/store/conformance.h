/* The store's conformance cases: each runs the same on every engine, with a fresh store. */
#ifndef TESTS_STORE_CONFORMANCE_H
#define TESTS_STORE_CONFORMANCE_H

#include "base/arena.h"
#include "engine.h"
#include "tap.h"

struct scene {
	struct engine *engine;
	struct store *s;     /* fresh; a case that closes it sets NULL or the new one */
	struct arena *a;     /* for results */
	struct err err;
};

struct conformance_case {
	const char *name;
	void (*run)(struct scene *sc);
};

/* One table a file, ended by a case without a name. */
extern const struct conformance_case CASES_ALIKE[], CASES_RECORDS[], CASES_FACTS[], CASES_OBJECTS[], CASES_THREADS[], CASES_INCIDENTS[], CASES_TICKETS[],
	CASES_REGISTERS[], CASES_INTAKE[], CASES_BULLETINS[], CASES_CASES[], CASES_SESSIONS[], CASES_SUBMISSIONS[];

/* OK() with the store's own words on failure. */
#define DONE(sc, call, label) \
	do { \
		enum rc done_rc_ = (call); \
		if (!OK(done_rc_ == RC_OK, "%s: %s", (sc)->engine->name, (label))) \
			printf("#   %s: %s\n", rc_name(done_rc_), (sc)->err.text); \
	} while (0)
#define GIVES(sc, want, call, label) \
	do { \
		enum rc gives_rc_ = (call); \
		if (!OK(gives_rc_ == (want), "%s: %s", (sc)->engine->name, (label))) \
			printf("#   got %s (%s), want %s\n", rc_name(gives_rc_), (sc)->err.text, rc_name(want)); \
	} while (0)

#endif
