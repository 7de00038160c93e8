/* Alerts: what a detector saw. Kept with what matched and why. */
#ifndef STORE_ALERTS_H
#define STORE_ALERTS_H

#include "store/store.h"

#define ALERT_BODY_MAX ((size_t)1 << 20)

struct alert_row {
	int64_t row;           /* set by the store */
	usec at;               /* when the event happened */
	usec seen;             /* when we noticed; 0 = now */
	struct str input;      /* which log */
	struct str observable; /* "domain-name:evil.example" */
	struct str indicator;  /* STIX id */
	struct str sighting;   /* STIX id of the sighting made from it, or "" */
	struct str where;      /* host or sensor, or "" */
	struct str body;       /* JSON: the matched field, the event's own bytes (cut), the reason */
	uint8_t tlp;
	struct str rule;       /* id of the Sigma rule, or "" */
	struct str level;      /* as the rule states it, or "" */
	struct str cluster;    /* key of what belongs together (soc/cluster.h), or "" */
	int64_t hits;          /* events that met it; 0 = 1 */
	usec first, last;      /* of those events; 0 = at */
	int64_t ticket;        /* row of its monitoring ticket; 0 = none */
	struct str number;     /* and its number; set by alert_list */
};

enum rc alert_put(struct store *s, struct alert_row *a, size_t n, struct err *err) MUSTUSE;
/* row > after, oldest first, at most `limit`. */
enum rc alert_list(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct alert_row **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Those of one ticket, oldest first. */
enum rc alert_of_ticket(struct store *s, int64_t ticket, uint32_t limit, struct arena *a, struct alert_row **ret, size_t *ret_n,
			struct err *err) MUSTUSE;

#endif
