/* Inside the TAXII server: one call from its route to its reply. Nobody outside
 * taxii/ includes this.
 *
 * The order of the checks decides what a stranger can learn: first who may know
 * that the resource exists (401, 404), then what may be done with it (403), then
 * the method (405), the media types (406, 415), the query (400). */
#ifndef TAXII_SERVE_H
#define TAXII_SERVE_H

#include <stdatomic.h>

#include "gate/gate.h"
#include "store/collections.h"
#include "taxii/filter.h"
#include "taxii/server.h"
#include "taxii/token.h"

enum taxii_endpoint {
	EP_NONE, EP_DISCOVERY, EP_ROOT, EP_STATUS, EP_COLLECTIONS, EP_COLLECTION, EP_MANIFEST, EP_OBJECTS, EP_OBJECT,
	EP_VERSIONS,
};

/* Decoded pieces of a path; all in the request's arena or borrowed from the path. */
struct taxii_route {
	enum taxii_endpoint endpoint;
	struct str root, collection, object, status;
	bool slash; /* the path ends in "/" as it must (TAXII 2.1 §3.1) */
};

struct taxii_server {
	struct taxii_config c;
	unsigned char key[TOKEN_KEY_LEN];
	_Atomic usec expired_at; /* when old statuses were last removed */
};

struct taxii_call {
	struct taxii_server *t;
	struct store *store;
	const struct viewer *v;
	struct http_req *r;
	struct http_res *res;
	struct taxii_route route;
	struct api_root root;
	struct collection coll;
	bool listed, can_read, can_write; /* of coll, for v */
	bool answered;  /* `res` holds a reply already */
};

/* route.c: EP_NONE for anything that is no TAXII path. Pure. */
void route_read(struct str path, struct arena *a, struct taxii_route *ret);

/* reply.c: an error from a failed call below, without its details for causes of ours. */
void reply_failure(struct taxii_call *k, enum rc rc, const struct err *err);
void reply_status(struct taxii_call *k, int status, const char *why);
/* 401 for a stranger, else 404: the same whether the thing exists or not. */
void reply_hidden(struct taxii_call *k);
/* Marks res->body as a TAXII reply (RC_* of the buffer included). */
void reply_json(struct taxii_call *k, int status);
void reply_dates(struct taxii_call *k, usec first, usec last);

/* access.c */
bool viewer_known(const struct viewer *v);
struct str viewer_account(const struct viewer *v);
/* "user:alice", "peer:sector-a": for sources, facts and statuses. */
struct str viewer_actor(const struct viewer *v, struct arena *a);
/* Finds root and collection of the route and what the viewer may do there; replies and returns false when it may not know. */
bool access_check(struct taxii_call *k);
enum rc access_rights(struct taxii_call *k, const struct collection *c, bool *ret_listed, bool *ret_read, bool *ret_write,
		      struct err *err) MUSTUSE;
enum rc access_root_visible(struct taxii_call *k, const struct api_root *root, bool *ret, struct err *err) MUSTUSE;

/* One handler for each endpoint and method. */
void handle_discovery(struct taxii_call *k);
void handle_root(struct taxii_call *k);
void handle_status(struct taxii_call *k);
void handle_collections(struct taxii_call *k);
void handle_collection(struct taxii_call *k);
void handle_manifest(struct taxii_call *k);
void handle_objects(struct taxii_call *k);
void handle_object(struct taxii_call *k);
void handle_versions(struct taxii_call *k);
void handle_add(struct taxii_call *k);
void handle_delete(struct taxii_call *k);

#endif
