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
	const char *cert_pem, *key_pem, *ca_pem; /* ours */
	const char *node_name;
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
/* Accepts NULL. */
void fed_stop(struct fed *f);
/* "peers": [{name, link, state, delivered, failures, last_error, cursor}] */
void fed_status(struct fed *f, struct jsonw *w);

/* Serving side, below /fed/v1/: GET {root}/{collection}/digest and GET
 * {root}/{collection}/stream (server-sent events; id = date_added, data = object).
 * `v` is the peer (or a user with read rights). */
struct fed_server;
enum rc fed_server_new(struct store *s, struct fed_server **ret, struct err *err) MUSTUSE;
/* Something was stored: streams look. From any thread, cheap. */
void fed_server_wake(struct fed_server *f);
/* Ends all streams. Accepts NULL. */
void fed_server_free(struct fed_server *f);
void fed_server_handle(struct fed_server *f, const struct viewer *v, struct http_req *r, struct http_res *res);

#endif
