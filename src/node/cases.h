/* Incidents that live at several tiers: what is stated here goes as signed objects
 * (desk/case.h) to the nodes that share the incident, and what they state comes in. */
#ifndef NODE_CASES_H
#define NODE_CASES_H

#include "base/jsonw.h"
#include "node/exchange.h"
#include "store/cases.h"

enum rc cases_start(struct core *c, struct err *err) MUSTUSE;
/* A fact was stated here. Any thread; also when there is no thread. */
void cases_wake(struct core *c);
/* Peers changed. Any thread. */
void cases_reload(struct core *c);
void cases_stop(struct core *c);

/* Of the table of kinds (exchange.h). */
enum rc case_node_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;
enum rc case_fact_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;
/* The STIX incident: on to who shares it, when it comes from where the incident came. */
enum rc case_incident_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;
enum rc case_receipt_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err) MUSTUSE;

/* All facts of the incident as objects, those that were stated here too, with their texts; and who this node is. In `a`. */
enum rc case_objects(struct core *c, struct str incident, struct arena *a, struct case_row **ret, size_t *ret_n, struct str *ret_own, struct err *err) MUSTUSE;

/* For api.h: an incident on media, and what comes on media. */
enum rc case_media_out(void *ctx, struct str incident, struct buf *out, struct err *err) MUSTUSE;
enum rc case_media_in(void *ctx, const struct json *bundle, struct jsonw *out, struct err *err) MUSTUSE;

/* The word of this node that a fact is in its records, as an object. */
enum rc case_receipt_text(struct core *c, const struct case_row *fact, const char *refused, struct buf *out, struct err *err) MUSTUSE;

/* Counts one more incident that this peer opens here; false: enough for this hour. A restart forgives. */
bool case_may_open(struct core *c, struct str peer);

/* The statement of who `author` is goes to this peer, so that it can check what follows by this lane. */
enum rc case_introduce(struct core *c, enum share_lane lane, struct str author, struct str peer, struct err *err) MUSTUSE;

#endif
