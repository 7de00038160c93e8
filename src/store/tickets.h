/* Monitoring tickets: what a person decides about, made of alerts that belong
 * together. A ticket changes only together with a fact that says so (kinds
 * "ticket.…", subject "ticket:NUMBER"), in one transaction; what grows by itself -
 * hits and their times - is counted without a fact until the ticket is closed. */
#ifndef STORE_TICKETS_H
#define STORE_TICKETS_H

#include "store/alerts.h"
#include "store/facts.h"

#define TICKET_REFS_MAX 64   /* of one kind in a ticket; more are counted in `cut` */
#define TICKET_NUMBER_MAX 24 /* "2026-000042" and room to grow */
#define TICKET_NOTE_MAX ((size_t)16 << 10)

/* An item of one of the ticket's lists. Kinds: "rule" (note: its title), "technique", "tactic", "indicator", "sighting",
 * "connection" (value: JSON, soc/connection.h), "related" (a ticket's number; note: why), "incident" (its number; note: its id),
 * "device" (its code; note: its vendor); of a ticket that a member has (node/ticket_share.h): "member" ("PEER NUMBER"; note: PEER; hits:
 * as the member counts), "member-state"; of one that the tier above spoke of: "feedback" (id of what was said; note: its text). */
struct ticket_ref {
	struct str kind, value, note;
	int64_t hits;
};

struct ticket {
	int64_t row;              /* set by the store, as number, opened and state */
	struct str number;        /* "2026-000042": of this store, by the year in which it was opened */
	struct str cluster;       /* key of the alerts that belong here (soc/cluster.h) */
	struct str entity;        /* whom it happened to: tickets of one entity in one window are related */
	struct str title, description;
	struct str class, type;   /* RSIT: "malicious-code", "c2-server" */
	struct str level;         /* the gravest of its rules, or "" */
	uint8_t impact;           /* 0..4; 0 = not rated */
	struct str reporter;      /* the monitoring unit */
	struct str victim, victim_name, sector, region; /* identity (STIX id or OID), name ... */
	struct str protection;    /* kind of device that saw it: "ids-ips", "edr", ... or "" */
	struct str input, where;  /* the device: which log, which host or sensor */
	uint8_t tlp;              /* the strictest of its alerts */
	int64_t hits, cut;        /* cut: items of lists that are not kept */
	usec first, last;         /* of the events */
	usec opened;              /* when we noticed */
	struct str state;         /* "open", "in-progress", "closed" */
	struct str assignee;      /* or "" */
	struct str disposition;   /* "", "false-positive", "confirmed", "undetermined", "merged" */
	usec closed;              /* 0: it is not */
	struct str closed_by;
	struct str merged_into;   /* number, or "" */
	struct ticket_ref *refs;
	size_t n_refs;
	char number_[TICKET_NUMBER_MAX]; /* what `number` of a ticket_open points to */
};

/* Makes a ticket with its first alerts, whose `ticket` and rows are set, and relates it to the tickets that the same entity
 * had within `near` of it. Facts: ticket.open, ticket.relate. `t` gets row, number, opened, state. */
enum rc ticket_open(struct store *s, struct ticket *t, struct alert_row *alerts, size_t n_alerts, usec near, struct err *err) MUSTUSE;

/* What was counted since the last time. */
struct ticket_growth {
	int64_t ticket;               /* 0: only the alerts */
	int64_t hits;
	usec first, last;             /* of these hits; 0 and 0: no hits */
	uint8_t tlp;
	const struct ticket_ref *refs;/* new items, or more hits of known ones */
	size_t n_refs;
	struct alert_row *fresh;      /* alerts that are new in it; rows are set */
	size_t n_fresh;
	const struct alert_growth { int64_t row, hits; usec first, last; } *alerts;
	size_t n_alerts;
};
/* All in one transaction. */
enum rc ticket_grow(struct store *s, struct ticket_growth *g, size_t n, struct err *err) MUSTUSE;

/* `from` turns out to be the same as `into`: its alerts, hits and lists go there and it is closed as "merged". */
enum rc ticket_merge(struct store *s, int64_t into, int64_t from, struct err *err) MUSTUSE;

/* Tickets of a cluster's key that are not closed and have events within [from, to], latest first, without their lists. */
enum rc ticket_near(struct store *s, struct str cluster, usec from, usec to, uint32_t limit, struct arena *a, struct ticket **ret,
		    size_t *ret_n, struct err *err) MUSTUSE;

/* With its lists. RC_NOTFOUND. */
enum rc ticket_get(struct store *s, struct str number, struct arena *a, struct ticket *ret, struct err *err) MUSTUSE;

/* Empty text and 0 ask for nothing. */
struct ticket_query {
	int64_t before;          /* only rows below; 0 = from the newest */
	uint32_t limit;          /* 1..1000 */
	struct str state;        /* "open", "in-progress", "closed", or "active": not closed */
	struct str class, disposition, assignee, where, level;
	struct str kind, value;  /* that has this item in a list */
	usec since, until;       /* with events at or after, before */
};
/* Newest first, without their lists. */
enum rc ticket_list(struct store *s, const struct ticket_query *q, struct arena *a, struct ticket **ret, size_t *ret_n,
		    struct err *err) MUSTUSE;

struct ticket_stats { uint64_t tickets, open, in_progress, closed, hits; };
enum rc ticket_count(struct store *s, struct ticket_stats *ret, struct err *err) MUSTUSE;

/* What people do. `actor` as in facts. All RC_NOTFOUND without such a ticket. */
enum ticket_act { TICKET_ASSIGN, TICKET_NOTE, TICKET_CLOSE, TICKET_REOPEN, TICKET_RELATE, TICKET_RAISE };
struct suppression;
struct ticket_change {
	enum ticket_act act;
	struct str number, actor;
	struct str note;               /* NOTE; why, in the others; or "" */
	struct str who;                /* ASSIGN: user, or "" for nobody */
	struct str other_id;           /* RAISE: its id */
	struct str other;              /* RELATE: number; RAISE: the number of the incident that was made of it */
	struct str disposition;        /* CLOSE: "false-positive", "confirmed", "undetermined" */
	struct suppression *suppress;  /* CLOSE as false-positive: made with it */
	size_t n_suppress;
};
/* CLOSE counts a verdict for each of its indicators (store/verdicts.h); REOPEN takes it back and ends the suppression that
 * was made with it. RC_CONFLICT: closed already, or not closed (REOPEN), or merged. */
enum rc ticket_do(struct store *s, const struct ticket_change *c, struct err *err) MUSTUSE;

/* Facts of one ticket, oldest first. */
enum rc ticket_facts(struct store *s, struct str number, fact_visit fn, void *ctx, struct err *err) MUSTUSE;

#endif
