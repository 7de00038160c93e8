/* Peers of the federation, what is exchanged with them, the durable outbox, and
 * durable cursors of every reader (federation and TAXII client). */
#ifndef STORE_PEERS_H
#define STORE_PEERS_H

#include "store/store.h"

struct peer {
	struct str name;       /* local name, 1..64 of a-z 0-9 . _ - */
	struct str relation;   /* "parent", "child", "partner" */
	struct str url;        /* "https://host:port", or "" when they only call us */
	struct str cert_sha256;/* pinned: theirs for us and ours to accept */
	struct str user;       /* local user whose rights they have here */
	uint8_t tlp_max;       /* strictest TLP that may go to them */
	bool disabled;
	usec last_ok;          /* last successful exchange */
	struct str last_error; /* "" = none */
};

enum link_direction { LINK_PULL = 1, LINK_PUSH = 2 };

/* One collection exchanged with a peer. */
struct link {
	int64_t row;
	struct str peer;
	uint8_t direction;     /* enum link_direction */
	uint32_t collection;   /* ours */
	struct str their_root, their_collection;
	uint8_t tlp_max;       /* ceiling of this link; the stricter of peer's and this counts */
};

enum rc peer_put(struct store *s, const struct peer *p, struct err *err) MUSTUSE;
enum rc peer_get(struct store *s, struct str name, struct arena *a, struct peer *ret, struct err *err) MUSTUSE;
enum rc peer_by_cert(struct store *s, struct str cert_sha256, struct arena *a, struct peer *ret, struct err *err) MUSTUSE;
enum rc peer_list(struct store *s, struct arena *a, struct peer **ret, size_t *ret_n, struct err *err) MUSTUSE;
enum rc peer_delete(struct store *s, struct str name, struct err *err) MUSTUSE;
enum rc peer_seen(struct store *s, struct str name, usec at, struct str error, struct err *err) MUSTUSE;

enum rc link_put(struct store *s, struct link *l, struct err *err) MUSTUSE;
enum rc link_list(struct store *s, struct str peer, struct arena *a, struct link **ret, size_t *ret_n, struct err *err) MUSTUSE; /* peer empty = all */

/* A durable cursor: opaque text by key ("pull:sector-a:3"). */
enum rc cursor_put(struct store *s, struct str key, struct str value, struct err *err) MUSTUSE;
enum rc cursor_get(struct store *s, struct str key, struct arena *a, struct str *ret, struct err *err) MUSTUSE; /* RC_NOTFOUND */

/* Small settings of the node itself ("node.id", "schema"...). */
enum rc meta_put(struct store *s, struct str key, struct str value, struct err *err) MUSTUSE;
enum rc meta_get(struct store *s, struct str key, struct arena *a, struct str *ret, struct err *err) MUSTUSE;

#endif
