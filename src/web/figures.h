/* What the public may know of the situation in numbers: one page without a script, and the same as JSON, for readers without an
 * account. Only whole weeks, and nothing that fewer than FIGURES_K members stand behind or that would follow from what is told. */
#ifndef WEB_FIGURES_H
#define WEB_FIGURES_H

#include "web/api.h"

#define FIGURES_K 3

struct figures;

/* `api` outlives it. */
enum rc figures_new(struct api *api, struct figures **ret, struct err *err) MUSTUSE;
void figures_free(struct figures *f); /* accepts NULL */

bool figures_is_path(struct str path);
/* Answers a request whose path figures_is_path knows. */
void figures_handle(struct figures *f, struct http_req *r, struct http_res *res);

#endif
