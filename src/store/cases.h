/* Incidents that several nodes share: which facts came from or went to whom as signed
 * objects (desk/case.h), who said that they arrived, and whose key is whose. The facts
 * themselves lie with their incident (incidents.h). */
#ifndef STORE_CASES_H
#define STORE_CASES_H

#include "store/store.h"

#define CASE_BODY_MAX ((size_t)64 << 10)

/* What all facts of an incident say alike. */
struct case_info {
	struct str incident;
	struct str opened_by;  /* identity of the node that opened it */
	struct str number;     /* that node's own number of it */
	struct str from;       /* peer that brought it; "" = opened here */
};

/* A fact as an object. */
struct case_row {
	int64_t row;           /* grows in the order in which they were put */
	struct str object, incident, fact;
	struct str author;     /* identity */
	int64_t n;             /* the author's n-th in this incident, from 1 */
	struct str hash;       /* 64 hex digits */
	struct str previous;   /* of the author's fact before; "" for the first */
	struct str peer;       /* who delivered it; "" = stated here */
	usec came;
	struct str body;       /* the object's text */
};

/* Durably; sets row and came. An object that is there already stays as it was. RC_CONFLICT: the incident has another fact with this
 * id or with the author's number, its author's facts do not follow from one another, or another node opened the incident. `info` is kept when the incident is new here. */
enum rc case_put(struct store *s, struct case_row *r, const struct case_info *info, struct err *err) MUSTUSE;
/* Those behind `after_row`, in order. */
enum rc case_list(struct store *s, struct str incident, int64_t after_row, struct arena *a, struct case_row **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* By the object's id, without its body. RC_NOTFOUND. */
enum rc case_get(struct store *s, struct str object, struct arena *a, struct case_row *ret, struct err *err) MUSTUSE;
/* RC_NOTFOUND: never shared. */
enum rc case_info_get(struct store *s, struct str incident, struct arena *a, struct case_info *ret, struct err *err) MUSTUSE;

/* A peer with whom the incident is shared. */
struct case_link {
	struct str peer;
	uint32_t collection;   /* that goes to it; another one than before: `sent` is 0 again */
	int64_t sent;          /* row up to which it was sent */
};
enum rc case_link_put(struct store *s, struct str incident, const struct case_link *l, struct err *err) MUSTUSE;
enum rc case_links(struct store *s, struct str incident, struct arena *a, struct case_link **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* A node says that a fact is in its records, or why it is not. */
struct case_receipt {
	struct str object, incident;
	struct str by;         /* identity */
	usec at;
	struct str refused;    /* why; "" = received */
};
/* The first word of a node counts, but "received" replaces a refusal. *ret_fresh: something changed. */
enum rc case_receipt_put(struct store *s, const struct case_receipt *r, bool *ret_fresh, struct err *err) MUSTUSE;
enum rc case_receipts(struct store *s, struct str incident, struct arena *a, struct case_receipt **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* A node that states facts, as it says itself (desk/case.h, struct case_node). */
struct case_author {
	struct str id;         /* identity */
	struct str name, tier;
	struct str key;        /* 64 hex digits: Ed25519 */
	struct str body;       /* its statement */
	usec at;
};
/* `via`: the peer that delivered it. `direct`: it is that peer. One key for an identity: RC_CONFLICT for another one,
 * except from the node itself (`direct`) when it was known in that way before. */
enum rc case_author_put(struct store *s, const struct case_author *n, struct str via, bool direct, struct err *err) MUSTUSE;
enum rc case_author_get(struct store *s, struct str id, struct arena *a, struct case_author *ret, struct err *err) MUSTUSE;
/* Who this peer is. RC_NOTFOUND: it has not said so. */
enum rc case_author_of(struct store *s, struct str peer, struct arena *a, struct case_author *ret, struct err *err) MUSTUSE;
/* Whether this peer brought it, and whether it is this peer. */
enum rc case_author_via(struct store *s, struct str id, struct str peer, bool *ret_known, bool *ret_direct, struct err *err) MUSTUSE;

#endif
