/* Whom something goes to, chosen from the register of organisations. Inside web/ only. */
#ifndef WEB_API_WHOM_H
#define WEB_API_WHOM_H

#include "web/api.h"

/* JSON Schema of such a choice. */
#define API_WHOM_SCHEMA \
	"{\"type\":\"object\",\"properties\":{\"sector\":{\"type\":\"string\"},\"level\":{\"type\":\"string\"},\"tier\":{\"type\":\"string\"},\"region\":" \
	"{\"type\":\"string\"},\"parent\":{\"type\":\"string\"},\"some\":{\"type\":\"boolean\"}}}"

/* The peers that are the nodes of the organisations that `whom` describes ({"sector": "energy", "level": "A"}), each once; nothing without `whom`.
 * RC_BAD: it describes nobody, or somebody without a node, unless "some" is true. RC_DENIED: one may not have this marking. At most `max`: RC_LIMIT. */
enum rc api_whom(struct api_call *c, const struct json *whom, uint8_t tlp, size_t max, struct str **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
