/* The embedded object store: STIX objects in an append-only log of segment
 * files, with an index in memory that is rebuilt from the log at start. Used in
 * SQLite mode through OBJLOG_OPS (internal.h); tests and tools open it alone.
 *
 * Bodies stay on disk and are read into the reply. The meaning of every call is
 * that of `struct object_ops`; the format is in docs/internals/objlog.md. */
#ifndef STORE_OBJLOG_H
#define STORE_OBJLOG_H

#include "store/internal.h"

struct objlog;

struct objlog_config {
	const char *dir;         /* folder of the segment files */
	bool create;             /* make the folder and the first segment where there is none */
	bool read_only;          /* changes nothing on disk; an unfinished tail is passed over */
	uint32_t segment_bytes;  /* a segment is closed when it would grow beyond; 0 = 256 MiB */
};

/* RC_NOTFOUND without a log, RC_CORRUPT names file and offset, RC_UNSUPPORTED for a newer format. */
enum rc objlog_open(const struct objlog_config *c, struct objlog **ret, struct err *err) MUSTUSE;
/* Marks the end as clean. Accepts NULL. */
void objlog_close(struct objlog *l);

/* One thread changes: begin, then either any number of put or one remove or one
 * remark, then commit (synced, then visible) or rollback. RC_BUSY: this change
 * cannot share the transaction; run it in one of its own. `events` may be NULL. */
enum rc objlog_begin(struct objlog *l, struct err *err) MUSTUSE;
enum rc objlog_put(struct objlog *l, struct object_batch *b, struct event_list *events, struct err *err) MUSTUSE;
enum rc objlog_remove(struct objlog *l, const struct page_query *q, uint64_t *ret_removed,
		      struct event_list *events, struct err *err) MUSTUSE;
enum rc objlog_remark(struct objlog *l, struct str id, struct str version, uint8_t tlp, uint8_t flags,
		      struct event_list *events, struct err *err) MUSTUSE;
enum rc objlog_commit(struct objlog *l, struct err *err) MUSTUSE;
void objlog_rollback(struct objlog *l);

/* From any thread, beside the writer. */
enum rc objlog_page(struct objlog *l, const struct page_query *q, struct page *ret, struct err *err) MUSTUSE;
enum rc objlog_count(struct objlog *l, const struct page_query *q, uint64_t *ret, struct err *err) MUSTUSE;
enum rc objlog_claims(struct objlog *l, struct str id, struct arena *a, struct claim **ret, size_t *ret_n,
		      struct err *err) MUSTUSE;
enum rc objlog_digest(struct objlog *l, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count,
		      unsigned char out[static 32], struct err *err) MUSTUSE;

struct objlog_stats {
	uint64_t ids, versions;   /* held now */
	uint64_t bytes, dead;     /* in the segment files; of these in bodies that nothing names any more */
	uint64_t cut;             /* bytes of an unfinished tail that open took away */
};
void objlog_stats(struct objlog *l, struct objlog_stats *ret);

/* One piece of the work of giving back the room of removed objects: a segment that is for more than half dead bodies is
 * written anew, and takes the old one's place when it is complete and synced. From the thread that changes, between
 * transactions. `*ret_more`: there is more to do at once. A failure (RC_FULL, RC_IO, RC_CORRUPT) leaves all as it was, and
 * the next attempt waits for ten minutes. */
enum rc objlog_compact(struct objlog *l, bool *ret_more, struct err *err) MUSTUSE;

/* Reads every body and checks it against its hash: RC_CORRUPT names the first bad one. */
enum rc objlog_verify(struct objlog *l, uint64_t *ret_checked, struct err *err) MUSTUSE;

#endif
