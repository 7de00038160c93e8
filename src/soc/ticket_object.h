/* A monitoring ticket on its way to the tier above, and what that tier says of it
 * on its way back: STIX 2.1 objects of our own types (an extension of kind new-sdo,
 * STIX 2.1 §7.3) for the collections between two desks. */
#ifndef SOC_TICKET_OBJECT_H
#define SOC_TICKET_OBJECT_H

#include "base/json.h"
#include "store/tickets.h"

#define TICKET_TYPE "x-lianfang-ticket"
#define TICKET_FEEDBACK_TYPE "x-lianfang-ticket-feedback"
#define TICKET_OBJECT_MAX ((size_t)1 << 20)

/* The ticket as it is now, but for what only this node's people are concerned with (assignee, suppressions, notes). The same ticket
 * gives the same object, another state of it one with another id: a collection holds versions side by side. `identity`: of this node. */
enum rc ticket_object(struct arena *a, const struct ticket *t, struct str identity, struct str *ret, struct err *err) MUSTUSE;

/* From such an object; row, cluster and entity are the caller's, `number` is that of the node it comes from. Lists hold at most
 * TICKET_REFS_MAX items of a kind. RC_BAD. */
enum rc ticket_of_object(struct arena *a, const struct json *object, struct ticket *ret, struct err *err) MUSTUSE;

/* What a person of the tier above did with a member's ticket. */
struct ticket_feedback {
	struct str number;      /* the member's */
	struct str act;         /* "note", "close", "reopen", "assign", "raise" */
	struct str disposition; /* of "close", or "" */
	struct str note;        /* or "" */
	struct str by;          /* name of the node that says so */
	struct str theirs;      /* its own number of the ticket */
	usec at;
	uint8_t tlp;
};
/* With a new id. */
enum rc ticket_feedback_object(struct arena *a, const struct ticket_feedback *f, struct str identity, struct str *ret, struct err *err) MUSTUSE;
enum rc ticket_feedback_read(const struct json *object, struct ticket_feedback *ret, struct err *err) MUSTUSE;

#endif
