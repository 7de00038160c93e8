/* Which alerts are one matter: hits of one key (an entity and a family of rules or
 * indicators) whose times lie close together. Pure bookkeeping in memory of a fixed
 * size; who uses it keeps the rest and decides what to write when.
 *
 * Two hits of a key are one matter when no gap longer than `quiet` lies between them and
 * the whole is not longer than `max`; what goes on longer is cut where `max` is reached.
 * Without that cut the clusters do not depend on the order in which hits come, however
 * late: one that closes the gap between two joins them (clusters_find's `other`). With it
 * they do not as long as a hit is late by less than `quiet` and no gap is open at the cut. */
#ifndef SOC_CLUSTER_H
#define SOC_CLUSTER_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#define CLUSTER_ALERTS_MAX 8 /* kinds of alert that one cluster counts apart; more are counted in the cluster only */
#define CLUSTER_ITEMS_MAX 8  /* items that wait for the next write */

/* One alert of a cluster, and what came to it since the last write. */
struct cluster_alert {
	uint64_t hash;      /* of its rule or indicator */
	int64_t row;
	int64_t hits;
	usec first, last;
};

struct cluster_item {
	char *text;         /* owned */
	int64_t hits;
};

struct cluster {
	struct str key;     /* owned */
	usec first, last;
	int64_t ticket;
	/* What came since the last write. */
	int64_t hits;
	usec fresh_first, fresh_last;
	uint8_t tlp;
	struct cluster_alert alerts[CLUSTER_ALERTS_MAX];
	struct cluster_item items[CLUSTER_ITEMS_MAX];
	uint8_t n_alerts, n_items;
	bool used, recent;  /* the table's own */
	uint32_t next;
};

struct clusters;

/* At most `most` at a time. Not thread-safe. */
enum rc clusters_new(usec quiet, usec max, uint32_t most, struct clusters **ret, struct err *err) MUSTUSE;
void clusters_free(struct clusters *c); /* accepts NULL */

/* The cluster that hits of `key` from `first` to `last` belong to, or NULL. *ret_other: a later one that is now the same. */
struct cluster *clusters_find(struct clusters *c, struct str key, usec first, usec last, struct cluster **ret_other);

/* Is known already, by its ticket. */
struct cluster *clusters_by_ticket(struct clusters *c, struct str key, int64_t ticket);

/* A new one. When all places are taken, the one longest out of use that has nothing to write makes room; RC_BUSY: each has. */
enum rc clusters_add(struct clusters *c, struct str key, usec first, usec last, int64_t ticket, struct cluster **ret, struct err *err) MUSTUSE;

/* Counts hits: the cluster now reaches from `first` to `last` too. */
void cluster_count(struct cluster *x, usec first, usec last, int64_t hits, uint8_t tlp);
/* The alert of this hash, or NULL. */
struct cluster_alert *cluster_alert(struct cluster *x, uint64_t hash);
/* False: as many as fit are there. */
bool cluster_add_alert(struct cluster *x, uint64_t hash, int64_t row);
void cluster_count_alert(struct cluster_alert *a, usec first, usec last, int64_t hits);
/* Counts an item that is to be written; false: no room or no memory, nothing is noted. */
bool cluster_add_item(struct cluster *x, struct str text, int64_t hits);

/* `from` goes into `into`, with what waits to be written, and is gone. */
void clusters_join(struct clusters *c, struct cluster *into, struct cluster *from);
/* Gone, with what waits. */
void clusters_drop(struct clusters *c, struct cluster *x);

/* What waits was written. */
void cluster_clean(struct cluster *x);
bool cluster_is_dirty(const struct cluster *x);

/* All of them: start with *it = 0. NULL at the end. They may be cleaned and dropped meanwhile. */
struct cluster *clusters_each(struct clusters *c, uint32_t *it);
uint32_t clusters_count(const struct clusters *c);

#endif
