/* The desk's packs, read once, and an incident under all packs that apply to it. */
#ifndef DESK_DESK_H
#define DESK_DESK_H

#include "desk/alarm.h"
#include "desk/join.h"

struct desk;

#define DESK_PACKS_MAX 16
#define DESK_INCIDENT_PACKS_MAX 4

/* `folder`: further packs, a folder of folders with a pack.json, or "" or NULL. RC_BAD names the file. */
enum rc desk_new(const char *folder, struct desk **ret, struct err *err) MUSTUSE;
void desk_free(struct desk *d); /* accepts NULL */
/* NULL: no such pack. */
const struct pack *desk_pack(const struct desk *d, struct str id);
const struct pack *desk_pack_at(const struct desk *d, size_t index); /* NULL behind the last */

/* What the packs call `id` in one of their lists of words ("alert_types"): {"en", "zh-TW"}, of the first pack that has it, or NULL. */
const struct json *desk_word(const struct desk *d, const char *list, struct str id);

struct desk_view {
	const struct pack *packs[DESK_INCIDENT_PACKS_MAX];
	struct incident_view *views[DESK_INCIDENT_PACKS_MAX];
	size_t n;
	struct desk_facts facts;
	struct str into;  /* merged into this one, which has its clocks now; or "" */
	struct str *joined, *kin, *origins; /* as struct joined */
	size_t n_joined, n_kin, n_origins;
	usec due;   /* least of all clocks that run, INT64_MAX: none */
	usec alarm; /* when somebody has to be told next */
	bool open;  /* not closed, dismissed or merged */
};

/* `packs`: ids with a blank between. `facts`: lines. All in `a`. RC_BAD: an unknown pack, or a fact that is none. */
enum rc desk_look(const struct desk *d, struct arena *a, struct str packs, struct str facts, usec at, struct desk_view *ret, struct err *err) MUSTUSE;
/* The same of an incident with all that was merged into it. */
enum rc desk_look_joined(const struct desk *d, struct arena *a, struct str packs, struct str incident, const struct join_source *src, usec at,
			 struct desk_view *ret, struct err *err) MUSTUSE;

#endif
