/* Jobs that tickets, alerts, suppressions and verdicts do inside one transaction
 * of the SQL writer. Inside store/ only. */
#ifndef STORE_TICKETS_INTERNAL_H
#define STORE_TICKETS_INTERNAL_H

#include "store/db.h"
#include "store/facts_internal.h"
#include "store/suppressions.h"
#include "store/tickets.h"

#define TICKET_TEXT_MAX 4096

enum rc alert_check(const struct alert_row *a, struct err *err) MUSTUSE;
/* Numbers and writes them. */
enum rc alerts_insert(struct db *d, struct alert_row *rows, size_t n, struct err *err) MUSTUSE;

enum rc suppression_check(const struct suppression *x, struct err *err) MUSTUSE;
enum rc suppression_insert(struct store *s, struct suppression *x, struct err *err) MUSTUSE;
/* Those that were made with this ticket end. */
enum rc suppressions_end(struct store *s, struct str ticket, struct str actor, struct err *err) MUSTUSE;

/* Counts a ticket's disposition for its indicators; `by` -1 takes it back. */
enum rc verdicts_count(struct store *s, int64_t ticket, struct str disposition, int by, struct err *err) MUSTUSE;

/* One item more, or more hits of one that is there. */
enum rc ticket_ref_put(struct db *d, int64_t ticket, const struct ticket_ref *r, struct err *err) MUSTUSE;

/* The columns of a ticket as ticket_fill reads them. */
#define TICKET_COLUMNS \
	"row, impact, tlp, hits, cut, first, last, opened, closed, number, cluster, entity, title, description, class, type, level," \
	" reporter, victim, victim_name, sector, region, protection, input, place, state, assignee, disposition, closed_by, merged_into"
enum rc ticket_fill(struct arena *a, const struct dbq *q, struct ticket *t, struct err *err) MUSTUSE;

/* A fact about a ticket; `body` is JSON. */
enum rc ticket_fact(struct store *s, const char *kind, struct str actor, struct str number, struct str body, struct err *err) MUSTUSE;

#endif
