/* The small tables - accounts, tokens, API roots, collections, rights, peers,
 * links - kept in memory whole, so that a request's look-ups cost a hash and not SQL.
 *
 * Every change goes through small_change, which also counts a generation in the
 * same transaction: our own readers see the change when its caller does, and other
 * processes on the same records (a command beside the running node) within a second. */
#ifndef STORE_SMALL_H
#define STORE_SMALL_H

#include "base/map.h"
#include "store/accounts.h"
#include "store/collections.h"
#include "store/db.h"
#include "store/internal.h"
#include "store/peers.h"

#define SMALL_ROWS_MAX 1000000 /* in each table */
#define SMALL_BYTES_MAX ((size_t)512 << 20)

struct small_right {
	uint32_t collection;
	struct right right;
};

/* Key to index; keys of two parts by small_key. */
enum small_index {
	USER_BY_NAME, USER_BY_CERT, TOKEN_BY_SECRET, ROOT_BY_NAME, COLLECTION_BY_ID, RIGHT_BY_SUBJECT, PEER_BY_NAME,
	PEER_BY_CERT, SMALL_INDEXES
};

/* One state of the tables, in the order of their names (collections and links: rows). */
struct small_view {
	int64_t generation;
	struct arena *arena;
	struct user *users;
	struct token *tokens;
	struct api_root *roots;
	struct collection *collections;
	struct small_right *rights; /* by collection, subject */
	struct peer *peers;
	struct link *links;
	size_t n_users, n_tokens, n_roots, n_collections, n_rights, n_peers, n_links;
	struct map *by[SMALL_INDEXES];
};

/* A view read from the tables, all in one arena. */
enum rc small_view_load(struct db *d, struct small_view **ret, struct err *err) MUSTUSE;
void small_view_free(struct small_view *v); /* accepts NULL */

/* Key of a two-part name, joined by a byte that no name holds; RC_LIMIT when longer than the buffer. */
#define SMALL_KEY_MAX 512
enum rc small_key(struct str a, struct str b, char out[static SMALL_KEY_MAX], struct str *ret) MUSTUSE;

struct small *small_new(void) MUSTUSE;
void small_free(struct small *m);

/* A current view, held until small_unlock. */
enum rc small_lock(struct store *s, const struct small_view **ret, struct err *err) MUSTUSE;
void small_unlock(struct store *s);

/* Runs a change of a small table on the SQL writer. */
enum rc small_change(struct store *s, writer_job job, void *ctx, struct err *err) MUSTUSE;
/* After a commit or a rollback, on the writer's thread. */
void small_committed(struct store *s);
void small_rolled_back(struct store *s);

/* Notes a token's use, written at the next idle second. */
void small_token_used(struct store *s, struct str id, usec now);
bool small_waiting(struct store *s);
/* Inside the SQL writer's transaction. */
enum rc small_write_used(struct store *s, struct err *err) MUSTUSE;

/* Replaces borrowed strings by copies in `a`; RC_NOMEM when it is full. */
#define SMALL_COPY(a, err, ...) \
	small_copy((a), (struct str *[]){ __VA_ARGS__ }, sizeof((struct str *[]){ __VA_ARGS__ }) / sizeof(struct str *), (err))
/* In a job, before it is written: the password that an account has goes among those it had, and the new one counts from `now`. */
enum rc account_password_changes(struct db *d, struct str name, struct str new_hash, usec now, struct err *err) MUSTUSE;

enum rc small_copy(struct arena *a, struct str **strs, size_t n, struct err *err) MUSTUSE;

#endif
