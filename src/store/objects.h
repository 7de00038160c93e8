/* STIX objects: every version of every object, its membership in collections,
 * and who claimed it. Bodies are kept byte for byte as they came.
 *
 * Inside a collection each entry has a date_added that is unique and grows in
 * commit order (TAXII 2.1 §3.3), also under concurrent writers, so that a reader
 * who pages by it loses and repeats nothing. */
#ifndef STORE_OBJECTS_H
#define STORE_OBJECTS_H

#include "store/store.h"

#define OBJECT_BODY_MAX ((size_t)16 << 20)
#define PAGE_LIMIT_MAX 10000
#define NO_COLLECTION 0u

enum object_flag {
	OBJECT_REVOKED = 1,
	OBJECT_MARKING_UNKNOWN = 2, /* refers to a marking whose definition is not known: RED until it is */
	OBJECT_GRANULAR = 4,        /* has granular markings; `tlp` already counts them */
	OBJECT_HAS_REFS = 8,        /* names other objects (created_by_ref and markings apart): the gate looks whether those may be known */
};
/* Bits 4-6 of the flags, with OBJECT_MARKING_UNKNOWN: the level that the source gives to unmarked
 * objects, needed again when the marking turns out not to be one of TLP. */
#define OBJECT_DEFAULT_SHIFT 4

/* One object version on its way in. All strings are borrowed for the call. */
struct object_in {
	struct str id;       /* "indicator--<uuid>" */
	struct str type;
	struct str version;  /* modified, else created, else "": the text as in the object */
	struct str body;     /* JSON text without surrounding white space and without raw newlines (compact it before) */
	uint8_t spec;        /* 20 or 21 */
	uint8_t tlp;         /* enum tlp as computed by the caller, the strictest of all its markings */
	uint8_t flags;       /* enum object_flag */
	uint8_t confidence;  /* 0..100, or 255 when not stated */
};

enum put_result {
	PUT_STORED,      /* new version, and in the collection now */
	PUT_LINKED,      /* known version, newly in this collection */
	PUT_DUPLICATE,   /* known here already with the same content; the source's claim is noted */
	PUT_CONFLICT,    /* same id and version, other content (STIX 2.1 §3.6): not stored */
	PUT_REVOKED,     /* a later version of an object whose newest version is revoked: not stored */
	PUT_REFUSED,     /* anything else; see the batch's error */
};

struct object_batch {
	uint32_t collection;          /* row number, or NO_COLLECTION: kept, but in none */
	uint32_t source;              /* who says it: store_source_id() */
	usec received;                /* 0 = now */
	const usec *date_added;       /* per object, ascending, for data sets that bring their own; NULL = the store's clock.
	                               * One that is not behind the collection's last is moved to a microsecond behind it */
	const struct object_in *objects;
	size_t n;                     /* 1..10000 */
	enum put_result *results;     /* n entries, filled */
	usec *ret_added;              /* n entries or NULL: date_added in the collection */
};

/* Stores a batch in one durable transaction. RC_FULL: nothing stored, reads go on. */
enum rc store_put(struct store *s, struct object_batch *b, struct err *err) MUSTUSE;

/* Number of a source by name ("user:alice", "peer:sector-a", "feed:x"); made when new. */
enum rc store_source_id(struct store *s, struct str name, uint32_t *ret, struct err *err) MUSTUSE;
enum rc store_source_name(struct store *s, uint32_t id, struct arena *a, struct str *ret) MUSTUSE;

enum version_match { VERSION_LAST, VERSION_FIRST, VERSION_ALL, VERSION_LIST };

/* What a reader asks for (TAXII 2.1 §3.4). Lists are OR, fields are AND. */
struct page_query {
	uint32_t collection;             /* NO_COLLECTION = everything the node holds */
	usec added_after;                /* exclusive; INT64_MIN = from the start. A cursor is the last entry's date_added */
	const struct str *ids; size_t n_ids;
	const struct str *types; size_t n_types;
	const uint8_t *specs; size_t n_specs; /* none = only the newest spec version of each object */
	bool want_last, want_first, want_all; /* match[version]; all false and n_versions == 0 means last */
	const struct str *versions; size_t n_versions; /* exact instants as RFC 3339 text */
	uint32_t tlp_mask;               /* bit t set: objects of TLP t may be seen; others do not exist for this reader */
	uint8_t flags_all;               /* only entries that have all these flags (enum object_flag); 0 = any */
	uint32_t limit;                  /* 1..PAGE_LIMIT_MAX */
	size_t max_bytes;                /* stop before the bodies exceed this (at least one object is given); 0 = as much as the
	                                  * engine gives in one piece */
	bool bodies;                     /* false: manifest */
};

struct page_entry {
	struct str id, type, version;
	struct str body;     /* empty unless query.bodies */
	usec added;
	uint32_t source;
	uint8_t spec, tlp, flags, confidence;
};

/* A page: entries in ascending date_added. `runs` are the same bodies already
 * joined by ',' in as few pieces as possible, for sending without touching them
 * (the pieces themselves are to be joined by ',' too). All memory belongs to the
 * page until page_done. */
struct page {
	struct page_entry *entries;
	size_t n;
	bool more;            /* something is left behind the last entry */
	usec last;            /* date_added of the last entry that store_page gave, also when the gate took it out again:
	                       * where the next page begins. 0 in an empty page */
	struct str *runs;
	size_t n_runs;
	struct arena *arena_;
	void *hold_;
};

enum rc store_page(struct store *s, const struct page_query *q, struct page *ret, struct err *err) MUSTUSE;
void page_done(struct page *p);

/* How many entries the query would give in all pages (limit and cursor ignored). */
enum rc store_count(struct store *s, const struct page_query *q, uint64_t *ret, struct err *err) MUSTUSE;

/* Removes the versions that the query names (ids required) from its collection,
 * durably. RC_NOTFOUND when none matched. A body that is in no collection any more is not found again. */
enum rc store_delete(struct store *s, const struct page_query *q, uint64_t *ret_removed, struct err *err) MUSTUSE;

/* Takes every entry out of a collection, in pieces that are each durable. For collections that are deleted. */
enum rc store_clear(struct store *s, uint32_t collection, uint64_t *ret_removed, struct err *err) MUSTUSE;

/* One source's statement about an object version. */
struct claim {
	uint32_t source;
	usec received;
	uint8_t tlp, confidence;
	struct str version;
};
/* All claims on an object id, oldest first, in `a`. RC_NOTFOUND for an unknown id. */
enum rc store_claims(struct store *s, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Lowers or raises the effective TLP of stored versions whose marking became known. */
enum rc store_remark(struct store *s, struct str id, struct str version, uint8_t tlp, uint8_t flags, struct err *err) MUSTUSE;

/* Reads every stored body and checks it against its hash, beside readers and writers. RC_CORRUPT names the first bad one;
 * RC_UNSUPPORTED: PostgreSQL keeps them, with checksums of its own. */
enum rc store_verify(struct store *s, uint64_t *ret_checked, struct err *err) MUSTUSE;

/* What a subscriber learns after a commit, in commit order. */
struct object_event {
	uint32_t collection, source;
	struct page_entry entry; /* with body unless removed; borrowed for the call */
	bool removed;            /* deleted from the collection */
};
typedef void (*object_listener)(void *ctx, const struct object_event *events, size_t n);
/* Called on the writer's thread after each durable commit: must be quick and must not call the store's changing functions. At most 8. */
enum rc store_listen(struct store *s, object_listener fn, void *ctx, struct err *err) MUSTUSE;

/* A short digest of a collection's whole content as one reader sees it (ids,
 * versions; order-independent): two nodes that hold the same answer the same. O(1). */
enum rc store_digest(struct store *s, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count,
		     unsigned char out[static 32], struct err *err) MUSTUSE;

#endif
