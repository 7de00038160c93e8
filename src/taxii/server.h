/* TAXII 2.1 server: answers every endpoint of sections 4 and 5 for one viewer.
 * The transport (sys/http.h) and the authentication (web/auth.h) stand in front;
 * every object leaves through gate/gate.h and comes in through gate/admit.h. */
#ifndef TAXII_SERVER_H
#define TAXII_SERVER_H

#include "gate/viewer.h"
#include "store/store.h"
#include "sys/http.h"

#define TAXII_STATUS_KEPT (25 * 3600 * USEC_PER_SEC) /* TAXII 2.1 §4.3: at least 24 hours */
#define TAXII_STATUS_LISTED 256 /* envelopes up to this size have their successes listed one by one */

struct taxii_server;

struct taxii_config {
	struct store *store;
	const char *title, *description, *contact; /* NULL or "": what the store's meta holds (dataset.h), else the program's name */
	const char *public_url;     /* "https://ti.example": api_roots are absolute then; NULL = relative */
	const char *www_authenticate; /* the schemes of a 401 (RFC 7235), from web/auth.h */
	uint8_t default_tlp;        /* enum tlp for posted objects without any TLP marking */
	bool strict, upgrade_20;    /* as in gate/admit.h, for what is posted */
	size_t max_response;        /* bytes of bodies in one page; 0 = 16 MiB */
};

/* The strings of `c` are borrowed for the server's life. The key of the paging
 * tokens is kept in the store, so tokens outlive a restart. */
enum rc taxii_server_new(const struct taxii_config *c, struct taxii_server **ret, struct err *err) MUSTUSE;
void taxii_server_free(struct taxii_server *t);

/* Answers one request; never fails: an error is an error object in `res`. Thread-safe.
 * Any path that is no TAXII endpoint gets 404, so it may be the last route of all. */
void taxii_handle(struct taxii_server *t, const struct viewer *v, struct http_req *r, struct http_res *res);

/* For http_config.admit: the largest body this request may carry (the root's
 * max_content_length). False: `res` holds the answer, the body is not wanted.
 * `v` may be NULL when the viewer is not known yet. */
bool taxii_admit(struct taxii_server *t, const struct viewer *v, struct http_req *r, size_t *ret_max_body,
		 struct http_res *res);

/* An error object (TAXII 2.1 §3.6.1) with the usual title of `status`. */
void taxii_error(struct http_req *r, struct http_res *res, int status, const char *fmt, ...) PRINTF(4, 5);

#endif
