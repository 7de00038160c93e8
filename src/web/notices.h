/* What the public is told of major incidents: pages without a script, and JSON, for readers without an account.
 *
 * A notice is a fact `published` that was stated on this node, with the form that its pack wants for it. It says what was typed and known
 * when it was published, in the order in which facts came here: nothing that is stated or that arrives later changes it. Only the fields of that
 * form go out; neither title nor number of the incident does, nor anything that is marked above CLEAR. Drills are not for the public. */
#ifndef WEB_NOTICES_H
#define WEB_NOTICES_H

#include "desk/desk.h"
#include "store/store.h"
#include "sys/http.h"
#include "sys/seal.h"

#define NOTICES_MAX 200 /* the newest */

struct notices;

struct notices_config {
	struct store *store;
	const struct desk *desk;
	const char *name;          /* who publishes, for people */
	const unsigned char *key;  /* MAC_KEY_LEN bytes: of ids that tell nothing */
};

/* Texts and key of `c` are copied. */
enum rc notices_new(const struct notices_config *c, struct notices **ret, struct err *err) MUSTUSE;
void notices_free(struct notices *n); /* accepts NULL */

bool notices_is_path(struct str path);
/* Answers a request whose path notices_is_path knows. */
void notices_handle(struct notices *n, struct http_req *r, struct http_res *res);

#endif
