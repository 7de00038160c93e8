/* What the gate let go and what it refused, merged in memory and written to the
 * fact log about once a second: a reader of 15,000 pages a second makes one fact
 * a second that counts them, not 15,000. Hangs on the store; thread-safe. */
#ifndef GATE_LEDGER_H
#define GATE_LEDGER_H

#include "gate/gate.h"

#define LEDGER_TALLIES_MAX 8192 /* different (viewer, path, subject, filter) between two writings */
#define LEDGER_RANGES 16        /* separate stretches of a collection in one fact; more are joined, and the fact says so */
#define LEDGER_IDS 128          /* object ids named in one fact */
#define LEDGER_SMALL_PAGE 8     /* pages up to this size are recorded by id, larger ones as a stretch of the collection */

struct ledger;

/* The store's ledger, made at the first call. NULL: no memory, and then nothing may be released. */
struct ledger *ledger_of(struct store *s);

/* A page of the query `q` (with the cursor it began at) was released. RC_BUSY: the
 * ledger is full and the fact log does not take it: the page must not go. */
enum rc ledger_page(struct ledger *l, const struct viewer *v, enum gate_path path, struct str collection,
		    const struct page_query *q, const struct page *p, struct err *err) MUSTUSE;
enum rc ledger_object(struct ledger *l, const struct viewer *v, enum gate_path path, struct str collection,
		      const struct page_entry *e, struct err *err) MUSTUSE;
/* A refusal that cannot be written is counted in the next fact that can. */
void ledger_refuse(struct ledger *l, const struct viewer *v, enum gate_path path, struct str subject, const char *why);

enum rc ledger_flush(struct ledger *l, struct err *err) MUSTUSE;

/* Some object here names others (OBJECT_HAS_REFS); until one was seen, the gate need not look ahead for them. */
bool ledger_refs_seen(struct ledger *l);
void ledger_refs_note(struct ledger *l);

/* "taxii", "rest", ... */
const char *gate_path_name(enum gate_path path);

#endif
