/* One question at work, for query.c and query_*.c. */
#ifndef NODE_QUERY_INT_H
#define NODE_QUERY_INT_H

#include "base/jsonw.h"
#include "detect/history.h"
#include "node/detector.h"
#include "node/query.h"

struct query_asked {
	struct queries *q;
	struct detector *detector;
	uint32_t number;
	const struct json *body;
	struct arena *arena;
	const char *name;  /* of the list that pieces carry */
	struct buf list;   /* its items that are not sent yet, with commas between */
	usec deadline;     /* 0: none */
};

/* Members of the question; absent: "" and `fallback`. */
struct str query_text(const struct query_asked *a, const char *name);
int64_t query_number(const struct query_asked *a, const char *name, int64_t fallback);

/* `ctx` is the question: does anybody still wait? */
bool query_wanted(void *ctx);
/* `ctx` is the question: one more item of the list, a JSON value. */
void query_row(void *ctx, struct str json);
/* What there is goes now; `state` (or NULL) writes further members. */
typedef void (*query_state)(struct jsonw *w, const void *of);
void query_send(struct query_asked *a, query_state state, const void *of);
/* A reader of the node's history; RC_NOTFOUND: it keeps none. */
enum rc query_history(const struct query_asked *a, struct history **ret, struct err *err) MUSTUSE;

/* The last piece into `out`. */
enum rc query_live(struct query_asked *a, struct buf *out, struct err *err) MUSTUSE;
enum rc query_rules(struct query_asked *a, struct buf *out, struct err *err) MUSTUSE;
enum rc query_rule(struct query_asked *a, struct buf *out, struct err *err) MUSTUSE;
enum rc query_check(struct query_asked *a, struct buf *out, struct err *err) MUSTUSE;
enum rc query_try(struct query_asked *a, struct buf *out, struct err *err) MUSTUSE;
enum rc query_reload(struct query_asked *a, struct buf *out, struct err *err) MUSTUSE;

#endif
