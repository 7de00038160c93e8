/* The work of one upgrade, shared by upgrade.c (the object) and upgrade_observed.c
 * (its observables). Nobody else includes this. */
#ifndef STIX_UPGRADE_WORK_H
#define STIX_UPGRADE_WORK_H

#include "base/jsonw.h"
#include "base/map.h"
#include "stix/upgrade.h"

#define UPGRADE_TEXT_MAX ((size_t)64 << 20)  /* text of one upgraded object */
#define UPGRADE_OBSERVABLES_MAX 100000       /* in one observed-data */

struct observable {
	const struct json *name;  /* its key; the value follows */
	struct str id;            /* .p NULL until found */
	bool busy;                /* its id is being found: a reference back is a circle */
};

struct upgrade {
	struct arena *a;
	const struct json *object;
	struct str id;                 /* of the object */
	struct observable *observables;
	size_t n_observables;
	struct map *keys, *ids;        /* of observables: index; ids in their final order */
	struct stix_upgraded out;
	size_t changes_cap;
	struct err *err;
};

/* Notes a change; `detail` is cut at 100 bytes. */
enum rc upgrade_told(struct upgrade *u, struct str id, const char *what, const char *note, struct str detail) MUSTUSE;
/* Takes a finished text over and frees the buffer, also on failure. */
enum rc upgrade_finish(struct upgrade *u, struct buf *text) MUSTUSE;
/* Opens an object and writes type, spec_version and id. */
void upgrade_put_head(struct jsonw *w, struct str type, struct str id);

/* upgrade_observed.c: makes objects of the observables of u->object, whose `objects` is a JSON object. */
enum rc upgrade_observables(struct upgrade *u, const struct json *container) MUSTUSE;
/* "object_refs": [...] to all of them. */
void upgrade_put_object_refs(const struct upgrade *u, struct jsonw *w);
/* "granular_markings" with selectors that follow the observables. */
void upgrade_put_granular(struct jsonw *w, const struct json *granular);

#endif
