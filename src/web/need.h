/* Need to know: what of an incident an account sees by its role at the desk. [desk] roles tells which role an account or an
 * organisation has, the view table of the incident's first pack what that role sees. Who has no role there sees what the markings
 * allow, as ever. */
#ifndef WEB_NEED_H
#define WEB_NEED_H

#include "web/api.h"
#include "web/casefile.h"

/* That there is none of this name, in the words of one that really is not there: who may not see one does not learn that it is. */
enum rc incident_unknown(struct str name, struct err *err) MUSTUSE;

struct need {
	struct str role;                /* "": nobody said */
	const struct pack_view *view;   /* NULL: everything */
};

/* RC_NOTFOUND: the pack knows no such role. */
enum rc need_of(const struct api_call *c, const struct incident_row *r, struct need *ret, struct err *err) MUSTUSE;
/* Whether some pack bounds what the caller sees. */
bool need_is_bounded(const struct api_call *c);

/* What a peer gets of an incident's facts: NULL: all of them. None, when it has a role that the incident's pack does not know. */
const struct pack_view *need_of_peer(const struct api *api, struct str packs, struct str peer);

bool need_shows(const struct need *n, enum fact_type type);
/* RC_NOTFOUND: the view is for those who were asked, and nobody asked the caller. */
enum rc need_asked(const struct api_call *c, const struct need *n, const struct desk_view *v, struct err *err) MUSTUSE;
/* The view without what is not for the caller: problems, kin, clocks of others. In the request's memory. */
enum rc need_cut(struct api_call *c, const struct need *n, struct desk_view *v, struct err *err) MUSTUSE;

#endif
