/* The body of Elasticsearch's _bulk: lines in pairs, what is to be done and the
 * document. Pure: no I/O, no clock. */
#ifndef INPUT_BULK_H
#define INPUT_BULK_H

#include "base/arena.h"
#include "base/jsonw.h"
#include "wire/flat.h"

#define BULK_ITEMS_MAX 100000          /* of one request */
#define BULK_BODY_MAX ((size_t)32 << 20) /* inflated */

struct bulk_item {
	const char *op;        /* "create", "index"; also "update", "delete", which are refused */
	struct str index, id;  /* "" where none was given */
	struct str document;   /* borrowed from the body */
	int status;            /* 201, or why it is refused: 400, 413 */
	const char *type, *reason; /* of the refusal, in words of Elasticsearch; else NULL */
};

struct bulk {
	struct bulk_item *items; /* in the arena */
	uint32_t n, refused;
};

/* Reads the whole body. `index`: of the path, or "". `f`, `dict`: with which documents are checked to be JSON objects. RC_BAD: the request
 * itself is malformed, err says it in Elasticsearch's words; RC_LIMIT; RC_NOMEM. */
enum rc bulk_read(struct arena *a, struct str body, struct str index, struct flat *f, const struct fields *dict, struct bulk *ret,
		  struct err *err) MUSTUSE;

/* The reply; `brief`: only what a client needs that asked for errors and statuses (filter_path). */
void bulk_answer(const struct bulk *b, bool brief, int64_t took_ms, struct jsonw *w);

/* Inflates a gzip body of any number of members into `out`, which bounds it. RC_BAD: it is none or is cut; RC_LIMIT: larger than `out`
 * may be; RC_NOMEM. */
enum rc bulk_gunzip(struct str body, struct buf *out, struct err *err) MUSTUSE;

#endif
