/* What shippers of logs ask an Elasticsearch before and beside _bulk, and the
 * answers with which they go on. Pure. */
#ifndef INPUT_ELASTIC_H
#define INPUT_ELASTIC_H

#include "sys/http.h"

/* "/_bulk", "/INDEX/_bulk", "/INDEX/_doc/_bulk", by POST or PUT; *ret_index: of the path, or "". */
bool elastic_is_bulk(const struct http_req *r, struct str *ret_index);
/* Answers everything else: version, license, cluster health; templates, policies and aliases are there already, and whoever puts
 * them anew is told that it was done. What would need a search is 404. */
void elastic_answer(const struct http_req *r, struct http_res *res);
/* {"error":{"type","reason"},"status"} */
void elastic_error(struct http_res *res, int status, const char *type, const char *reason);
/* The headers that its clients look for. */
void elastic_headers(const struct http_req *r, struct http_res *res);

#endif
