/* The query parameters of TAXII 2.1 §3.4: limit, next, added_after and match[...],
 * read strictly (a known field twice, a malformed value or a field that the
 * endpoint does not know is a bad request) into what store_page takes. */
#ifndef TAXII_FILTER_H
#define TAXII_FILTER_H

#include "store/objects.h"
#include "sys/http.h"

#define FILTER_PARAMS_MAX 64  /* query parameters in one request */
#define FILTER_VALUES_MAX 1000 /* values in one comma list */
#define FILTER_VERSIONS_MAX 100

/* Version of objects that have neither modified nor created (TAXII 2.1 §3.4.1
 * leaves the value to the server, as long as it stays the same). */
#define VERSION_OF_UNVERSIONED "1970-01-01T00:00:00.000000Z"

enum filter_field {
	FIELD_LIMIT = 1, FIELD_NEXT = 2, FIELD_ADDED_AFTER = 4,
	FIELD_ID = 8, FIELD_TYPE = 16, FIELD_VERSION = 32, FIELD_SPEC = 64,
	FIELDS_PAGING = FIELD_LIMIT | FIELD_NEXT | FIELD_ADDED_AFTER,
	FIELDS_ALL = 127,
};

struct filter {
	unsigned given;        /* enum filter_field: which were there */
	uint32_t limit;        /* as asked, at most PAGE_LIMIT_MAX */
	struct str next;
	usec added_after;
	struct str raw[7];     /* decoded value by field (bit number), for the token */
	struct str *ids, *types, *versions;
	size_t n_ids, n_types, n_versions;
	bool last, first, all;
	uint8_t specs[2];
	size_t n_specs;
};

/* Reads the query of `r`; `allowed` are the fields this endpoint knows. Everything
 * lives in r->arena. RC_BAD says which parameter and why, RC_NOMEM. */
enum rc filter_read(const struct http_req *r, unsigned allowed, struct filter *ret, struct err *err) MUSTUSE;

/* Puts the filter into a query (all but collection, limit, tlp_mask and bodies). */
void filter_apply(const struct filter *f, struct page_query *q);

/* Bytes that are the same exactly when all filters but limit and next are the same; .p NULL without memory. */
struct str filter_text(const struct filter *f, struct arena *a);

#endif
