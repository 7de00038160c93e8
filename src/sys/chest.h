/* A file at rest: encrypted under a key of its own, which lies in the file's head, wrapped by a master key. Appended to in records, read
 * at any offset, and destroyed by its key. What it holds is inert: no program opens it, no scanner of the machine meets it.
 *
 * Records of at most CHEST_RECORD bytes, XChaCha20-Poly1305 with a random nonce, bound to their place; a record that a crash cut off
 * is dropped when the file is opened to write. Whoever holds the master key and cuts off whole records at the end is found out only by who
 * knows the size. */
#ifndef SYS_CHEST_H
#define SYS_CHEST_H

#include "base/buf.h"

#define CHEST_KEY_LEN 32
#define CHEST_RECORD ((size_t)64 << 10)
#define CHEST_RECORDS_MAX 65536 /* in a file: 4 GiB in whole records */

struct chest;

/* Makes it, with a new key; RC_CONFLICT when there is a file. Nothing is on the disk before chest_sync. */
enum rc chest_create(const char *path, const unsigned char master[static CHEST_KEY_LEN], struct chest **ret, struct err *err) MUSTUSE;
/* To read: record heads are walked, each record proves itself when it is read. To write: every record is proved, what is behind the last good one is cut off,
 * and nobody else writes it: RC_BUSY. RC_NOTFOUND; RC_CORRUPT: not ours, or destroyed. */
enum rc chest_open(const char *path, const unsigned char master[static CHEST_KEY_LEN], bool write, struct chest **ret, struct err *err) MUSTUSE;
void chest_close(struct chest *c); /* accepts NULL */

uint64_t chest_size(const struct chest *c);
/* RC_LIMIT: too many records. RC_FULL, RC_IO: what was appended is undone. */
enum rc chest_append(struct chest *c, struct str bytes, struct err *err) MUSTUSE;
enum rc chest_sync(struct chest *c, struct err *err) MUSTUSE;

/* Appends bytes [at, at + n) to `out`, fewer at the end. RC_CORRUPT: changed on the disk; RC_LIMIT: `out` is full. */
enum rc chest_read(struct chest *c, uint64_t at, size_t n, struct buf *out, struct err *err) MUSTUSE;
/* All of it, piece by piece in order; `fn` false ends it with RC_IO. */
enum rc chest_each(struct chest *c, bool (*fn)(void *ctx, struct str piece), void *ctx, struct err *err) MUSTUSE;

/* Overwrites the wrapped key, syncs, unlinks. RC_OK also when there is none any more. The folder is not synced. */
enum rc chest_destroy(const char *path, struct err *err) MUSTUSE;

#endif
