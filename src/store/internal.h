/* Inside the store: what its files share. Nobody outside store/ includes this.
 *
 * Small tables and facts go through SQL (db.h) in both modes. Objects go through
 * `struct object_ops`: objlog.c (own append-only log) beside SQLite, objects_pg.c in
 * PostgreSQL. objects.c checks the arguments of the public calls, queues the
 * changes on the object writer and runs the listeners, so an implementation sees
 * only valid arguments, and its changing functions only one thread. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>

#include "store/db.h"
#include "store/objects.h"
#include "store/store.h"
#include "store/writer.h"

#define LISTENERS_MAX 8
#define TLP_LEVELS 8     /* tlp is 0..7; digests and counts are kept apart for each */
#define VERSION_KEY_MAX 64

/* What happened in the group so far; given to the listeners after its commit. */
struct event_list {
	struct object_event *p;
	size_t n, cap;
};

/* Entries and bodies are borrowed until the group is committed and the listeners
 * have run: from the caller's batch (the caller waits), or from the implementation's
 * own memory that lives as long. */
enum rc events_add(struct event_list *l, const struct object_event *e, struct err *err) MUSTUSE;

/* One engine for the objects. `s->objects` is its state.
 *
 * Semantics that both engines share, decided here once:
 * - A version is known by (id, instant of `version`, spec): "…00Z" and "…00.000Z" are the same; "" is the lowest.
 *   object_version_key() gives a text whose byte order is the order of the instants.
 * - Same content: equal bytes, else object_same_json().
 * - PUT_REVOKED: the newest version of the id (any spec, any collection) has OBJECT_REVOKED and the new one is newer.
 * - date_added = max(given or clock, last of this collection + 1), assigned in commit order. Collection 0 (NO_COLLECTION,
 *   everything) has its own ascending clock: there an entry's `added` is when the node first stored the version.
 * - What a reader of (collection, tlp_mask) sees: V = entries with tlp in the mask. Spec: in the list, or without a list
 *   equal to the highest spec among V of that id. Version: last = greatest, first = smallest key among the entries of
 *   that id that passed so far; exact = equal key; all. Then ids, types, and added > added_after. Each is a test on an
 *   entry: added_after does not change which version is the last.
 * - Claims: one for each (version, source); the first `received` stays, tlp and confidence are the latest. Noted for
 *   STORED, LINKED and DUPLICATE.
 * - Delete takes entries from the collection; a version in no collection any more is gone. With NO_COLLECTION: from all.
 * - Remark changes tlp and flags of the version (every spec) everywhere. An entry whose TLP became less strict gets a new
 *   date_added at the end and an event, because readers who have paged past it could not see it before.
 * - Digest: for each (collection, tlp) the count and the 256-bit sum (four 64-bit lanes, each mod 2^64) of
 *   object_fingerprint() of its entries. A mask's digest is the sum over its levels; out = the four lanes little-endian. */
struct object_ops {
	enum rc (*open)(struct store *s, struct err *err);
	void (*close)(struct store *s);

	/* On the object writer's thread. Between begin and commit nothing is visible to readers; after
	 * rollback nothing ever was. commit returns after the sync. */
	enum rc (*begin)(struct store *s, struct err *err);
	enum rc (*put)(struct store *s, struct object_batch *b, struct event_list *events, struct err *err);
	enum rc (*remove)(struct store *s, const struct page_query *q, uint64_t *ret_removed,
			  struct event_list *events, struct err *err);
	enum rc (*remark)(struct store *s, struct str id, struct str version, uint8_t tlp, uint8_t flags,
			  struct event_list *events, struct err *err);
	enum rc (*commit)(struct store *s, struct err *err);
	void (*rollback)(struct store *s);
	/* About once a second while nothing is written: upkeep (seal, compact, checkpoint). May be NULL. */
	void (*idle)(struct store *s);

	/* From any thread, beside the writer. */
	enum rc (*page)(struct store *s, const struct page_query *q, struct page *ret, struct err *err);
	enum rc (*count)(struct store *s, const struct page_query *q, uint64_t *ret, struct err *err);
	enum rc (*claims)(struct store *s, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err);
	enum rc (*digest)(struct store *s, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count,
			  unsigned char out[static 32], struct err *err);
	/* NULL: bodies rest where their keeper guards them. */
	enum rc (*verify)(struct store *s, uint64_t *ret_checked, struct err *err);
	/* Adds its own to objects, versions and bytes_on_disk. */
	void (*stats)(struct store *s, struct store_stats *ret);
};

extern const struct object_ops OBJLOG_OPS, OBJECTS_PG_OPS;

/* A page may hold something back (a mapping, a generation) until page_done:
 * page.hold_ points at one of these, embedded first in the engine's own struct. */
struct page_hold {
	void (*release)(struct page_hold *h);
};

/* Comparable form of a version's text: the instant without "Z" and without trailing zeros of the
 * fraction. Empty for "". Cut at VERSION_KEY_MAX. */
struct str object_version_key(struct str version, char out[static VERSION_KEY_MAX]);
/* SHA-256 over (id, version key, spec). */
void object_fingerprint(struct str id, struct str version_key, uint8_t spec, unsigned char out[static 32]);
bool object_same_json(struct str a, struct str b);

/* Refuses text that one of the engines would refuse or store otherwise: bad UTF-8, NUL, more than `max` bytes. */
enum rc text_check(struct str s, size_t max, const char *what, struct err *err) MUSTUSE;
/* 1..64 of a-z A-Z 0-9 . _ - : what users, peers and collections' aliases are called. */
enum rc name_check(struct str s, const char *what, struct err *err) MUSTUSE;

struct db_pool;
struct db;
struct small;
struct facts;
struct store_sources;

/* objects.c: the object engine and its writer. */
enum rc objects_open(struct store *s, struct err *err) MUSTUSE;
void objects_close(struct store *s); /* also after a failed open */

/* sources.c */
struct store_sources *sources_new(void) MUSTUSE;
void sources_free(struct store_sources *t); /* accepts NULL */

/* Runs `fn` with a read connection. */
typedef enum rc (*store_reader)(struct db *d, void *ctx, struct err *err);
enum rc store_read(struct store *s, store_reader fn, void *ctx, struct err *err) MUSTUSE;

/* Rows of one statement, read into the caller's arena. */
#define LISTING_PARAMS_MAX 12
struct listing {
	const char *what;      /* for messages: "incidents" */
	const char *sql;
	struct dbv v[LISTING_PARAMS_MAX];
	size_t n_v;
	struct arena *a;
	bool (*fill)(struct arena *a, const struct dbq *q, void *row); /* the current row; false: no memory */
	void *rows;            /* set by store_list: at most `max` of `size` bytes, `n` of them filled */
	size_t size, n, max;
};
/* RC_NOMEM: the arena is full. */
enum rc store_list(struct store *s, struct listing *l, size_t max, struct err *err) MUSTUSE;

struct store {
	char *dir;       /* never NULL */
	char *url;       /* NULL = SQLite in dir */
	bool read_only, create; /* as in store_config */
	int lock;        /* of the folder's only writer (SQLite), or -1 */
	struct db_pool *pool;     /* read connections, SQL */
	struct db *write_db;      /* the SQL writer's own connection */
	struct writer *writer;    /* small tables and facts */
	struct small *small;      /* cache of accounts, collections, peers */
	pthread_mutex_t slot_lock;
	struct { void *p; store_slot_done done; } slots[STORE_SLOT_COUNT];
	struct facts *facts;      /* head of the chain, facts on their way */
	struct store_sources *sources; /* names and numbers of sources */

	const struct object_ops *object_ops;
	void *objects;            /* the engine's own state */
	struct writer *object_writer;
	struct event_list events; /* of the group under way; the object writer's thread only */
	pthread_mutex_t listen_lock; /* also held while the listeners run */
	struct { object_listener fn; void *ctx; } listeners[LISTENERS_MAX];
	size_t n_listeners;
};

#endif
