/* Inside the TAXII client: one request with its patience. Nobody outside taxii/ includes this. */
#ifndef TAXII_REQUEST_H
#define TAXII_REQUEST_H

#include "taxii/client.h"

struct taxii_client {
	struct taxii_client_config c;
	struct httpc *http;
	char url[TAXII_URL_MAX];
	int status; /* of the last reply, 0 = none came */
};

/* GET or POST with the TAXII headers; tries again on 429, 5xx and lost connections.
 * RC_OK only for 200 and 202 with a TAXII body; otherwise the status as rc and the
 * server's words in err. `res` must be freed with httpc_res_done in every case. */
enum rc request_do(struct taxii_client *t, const char *method, const char *url, struct str body, struct httpc_res *res,
		   struct err *err) MUSTUSE;
/* GET and parse; the tree borrows from res->body. */
enum rc request_json(struct taxii_client *t, const char *url, struct arena *a, struct httpc_res *res,
		     const struct json **ret, struct err *err) MUSTUSE;
/* Waits `span`, at most wait_max. */
void request_wait(struct taxii_client *t, usec span);

/* srv.c: "https://target:port" of the best _taxii2._tcp record of `host`; RC_NOTFOUND when there is none. */
enum rc srv_lookup(const char *host, char *ret_base, size_t max, struct err *err) MUSTUSE;
/* The same from a DNS answer (RFC 1035 §4, RFC 2782); `draw` picks among equal priorities (0..65535). */
enum rc srv_pick(struct str answer, uint32_t draw, char *ret_base, size_t max, struct err *err) MUSTUSE;

#endif
