/* An incident of the store through the eyes of the desk, with all that was merged into it: one way to look for
 * REST, alarms and exchange. */
#ifndef WEB_CASEFILE_H
#define WEB_CASEFILE_H

#include "desk/desk.h"
#include "store/incidents.h"

/* Facts that are not kept yet, as if they were: what would become of it? */
struct casefile_more {
	struct str incident;  /* id */
	const struct incident_fact *f;
	size_t n;
};

/* As known at `at`; r->id, row and packs count. All in `a`. */
enum rc casefile_look(const struct desk *d, struct store *s, struct arena *a, const struct incident_row *r, const struct casefile_more *more,
		      size_t n_more, usec at, struct desk_view *ret, struct err *err) MUSTUSE;

/* When somebody has to look at the alarms of what was derived at `at`: 0, at once, when a rung is due (perhaps it was told already), or when
 * other incidents have a part in it; else the instant of the next rung, so that an ordinary fact costs one commit and not two. */
usec casefile_rung(const struct desk_view *v, usec at);
/* The instant at which this view may be another one, if no fact comes and what is due now was told. */
usec casefile_next(const struct desk_view *v, usec at);

/* What the store keeps of a view. */
struct incident_derived casefile_derived(const struct desk_view *v, usec rung);

#endif
