/* What the routes about incidents share. Inside web/ only. */
#ifndef WEB_API_INCIDENTS_H
#define WEB_API_INCIDENTS_H

#include "web/api.h"
#include "web/casefile.h"
#include "web/need.h"

#define INCIDENT_TRIES 20 /* somebody else added a fact meanwhile */

/* Incidents are as secret as what carries no marking here. RC_NOTFOUND. */
enum rc incident_may_see(const struct api_call *c, struct err *err) MUSTUSE;
/* By id or number, of the path or a member; for those whose role at the desk sees all of it. RC_NOTFOUND. */
enum rc incident_find(struct api_call *c, struct str name, struct incident_row *ret, struct err *err) MUSTUSE;
/* For routes that show no more than *need allows. *v: as it is at `at`. */
enum rc incident_find_needed(struct api_call *c, struct str name, usec at, struct incident_row *ret, struct desk_view *v, struct need *need,
			     struct err *err) MUSTUSE;
/* As it is now, with facts that are not kept yet. */
enum rc incident_look(struct api_call *c, const struct incident_row *r, const struct casefile_more *more, size_t n_more, usec at,
		      struct desk_view *ret, struct err *err) MUSTUSE;

/* The fact as it will be kept: members of `in`, an id, who states it and when this node recorded it. RC_BAD: no type, or one that
 * nobody knows. */
enum rc incident_make_fact(struct api_call *c, struct str packs, const struct json *in, struct incident_fact *ret, struct err *err) MUSTUSE;
/* The same of JSON text that the node itself wrote. */
enum rc incident_own_fact(struct api_call *c, struct str packs, struct str text, struct incident_fact *ret, struct err *err) MUSTUSE;
/* RC_BAD with the reason: a new fact that would not count is not taken in. */
enum rc incident_refuse_idle(const struct desk_view *v, const struct incident_fact *f, size_t n, struct err *err) MUSTUSE;

/* Keeps facts about an incident, however many others do so at a time; *r and *v are as they are then. An id that is there already is
 * not added again. RC_CONFLICT: it is merged into another. */
enum rc incident_state(struct api_call *c, struct incident_row *r, const struct incident_fact *f, size_t n, struct desk_view *v, struct err *err) MUSTUSE;
/* RC_BAD names what a form of the packs lacks that must be whole before a fact of this type is stated. */
enum rc incident_refuse_partial(struct api_call *c, const struct incident_row *r, const struct desk_view *v, struct str type, struct err *err) MUSTUSE;
/* Packs that a request names, else the node's own. */
enum rc incident_read_packs(struct api_call *c, struct str *ret, struct err *err) MUSTUSE;
/* Whether the caller may see what is marked so. */
bool incident_may_show(const struct api_call *c, uint8_t tlp);

/* A fact came: whoever tells of alarms looks again. */
void incident_changed(struct api_call *c);
/* "incident--uuid", in the request's memory; .p NULL: none. */
struct str incident_new_id(struct api_call *c);

void incident_put_row(struct jsonw *w, const struct incident_row *r);
/* Row, views, problems, alarms and what it was merged with. */
enum rc incident_put(struct api_call *c, const struct incident_row *r, const struct desk_view *v, usec at, struct err *err) MUSTUSE;

#endif
