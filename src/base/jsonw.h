/* Writes JSON piece by piece into a buffer; commas and nesting are kept right
 * by construction (assert on misuse). Failures stick in the buffer. */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"

#define JSONW_DEPTH_MAX 32

struct jsonw {
	struct buf *out;
	uint32_t depth;
	uint8_t level[JSONW_DEPTH_MAX]; /* of each level: object or not, and whether it holds something */
	uint8_t after_name;
};

void jsonw_init(struct jsonw *w, struct buf *out);

void jsonw_object(struct jsonw *w);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_array_end(struct jsonw *w);

/* Inside an object: the next call writes this member's value. */
void jsonw_name(struct jsonw *w, const char *name);
void jsonw_name_str(struct jsonw *w, struct str name);

void jsonw_str(struct jsonw *w, struct str s);
void jsonw_cstr(struct jsonw *w, const char *s);
void jsonw_int(struct jsonw *w, int64_t v);
void jsonw_double(struct jsonw *w, double v);
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
/* Six-digit RFC 3339. */
void jsonw_time(struct jsonw *w, usec t);
/* Bytes that are JSON already. */
void jsonw_raw(struct jsonw *w, struct str json);
void jsonw_value(struct jsonw *w, const struct json *v);

/* name + value in one call, for the common members. */
void jsonw_m_str(struct jsonw *w, const char *name, struct str s);
void jsonw_m_cstr(struct jsonw *w, const char *name, const char *s);
void jsonw_m_int(struct jsonw *w, const char *name, int64_t v);
void jsonw_m_bool(struct jsonw *w, const char *name, bool v);
void jsonw_m_time(struct jsonw *w, const char *name, usec t);

#endif
