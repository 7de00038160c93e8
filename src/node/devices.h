/* The monthly sheet of monitored devices (監控設備狀況單): how well each input was
 * heard, sampled once a minute while core runs, kept for each month in the records.
 *
 * A sample stands for the time since the one before it, at most two minutes; what no sample stands for, node and core were down.
 * Months are those of the desk's pack by the wall's clock ([desk] pack), of UTC without one. */
#ifndef NODE_DEVICES_H
#define NODE_DEVICES_H

#include "base/err.h"
#include "base/jsonw.h"

struct core;
struct devices;

enum rc devices_new(struct core *c, struct devices **ret, struct err *err) MUSTUSE;
void devices_free(struct devices *d); /* accepts NULL */

/* Samples when a minute has passed. Accepts NULL. */
void devices_run(struct devices *d);

/* The sheet of a month "2026-11", "" = the one before this one, as one object; samples first. RC_BAD: no month. Thread-safe. */
enum rc devices_sheet(struct devices *d, struct str month, struct jsonw *w, struct err *err) MUSTUSE;

#endif
