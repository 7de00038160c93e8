/* The exchange between nodes: for each link one worker that pulls a peer's
 * collection into ours or pushes ours to theirs, over mutual TLS with pinned
 * certificates, with a durable cursor, so that it resumes after any cut and
 * every object has its effect once.
 *
 * The outbox is the collection itself: append-only and durable, read behind a
 * durable cursor that moves only after the peer's durable receipt (202, TAXII
 * status complete). What the gate withholds is passed over and stays withheld
 * until a remark gives the object a new place at the end. */
#ifndef FED_FED_H
#define FED_FED_H

#include "base/jsonw.h"
#include "gate/viewer.h"
#include "store/store.h"
#include "sys/http.h"

struct fed;

struct fed_config {
	struct store *store;
	const char *cert_pem, *key_pem; /* ours; copied */
	uint8_t default_tlp;          /* of objects without a marking that come in */
	bool upgrade_20;
	/* Log line about a peer; never carries object content. May be NULL. */
	void (*log)(void *ctx, const char *peer, bool bad, const char *text);
	void *ctx;
};

/* Starts a worker for every enabled link of every enabled peer that has an address. */
enum rc fed_start(const struct fed_config *c, struct fed **ret, struct err *err) MUSTUSE;
/* Peers or links changed: workers are started and stopped accordingly. */
void fed_reload(struct fed *f);
/* Something new lies in a collection: its push workers wake. From any thread, cheap. */
void fed_wake(struct fed *f, uint32_t collection);
/* A new certificate of ours: the workers begin anew with it. */
enum rc fed_set_keys(struct fed *f, const char *cert_pem, const char *key_pem, struct err *err) MUSTUSE;
/* Ends all workers, also amid a transfer, within about a second. Accepts NULL. */
void fed_stop(struct fed *f);
/* "peers": [{name, link, state, delivered, repeated, refused, failures, last_error, cursor}]; delivered counts
 * objects that were news on the receiving side (a pushed repeat counts too), repeated those known before. */
void fed_status(struct fed *f, struct jsonw *w);

/* Serving side, below /fed/v1/:
 *   GET {root}/{collection}/digest  {"count", "digest"} of what `v` may see (objects.h, store_digest)
 *   GET {root}/{collection}/stream  server-sent events behind Last-Event-ID, a date_added: first `begin`, whose id
 *     is where the stream begins, then `objects` with data {"objects": [...]} and as id the date_added of the last.
 *     ?count=N&digest=HEX: for a reader who may hold the same already: 409 when not, else it begins at the end.
 * `v` is the peer (or a user with read rights); an anonymous 401, 404 for what it may not know. */
struct fed_server;
enum rc fed_server_new(struct store *s, struct fed_server **ret, struct err *err) MUSTUSE;
/* Something was stored in a collection: its streams look. From any thread, cheap. */
void fed_server_wake(struct fed_server *f, uint32_t collection);
/* Ends all streams. Accepts NULL. */
void fed_server_free(struct fed_server *f);
void fed_server_handle(struct fed_server *f, const struct viewer *v, struct http_req *r, struct http_res *res);

#endif
