/* What people ask of the detect role over core: looks into the history, and rules.
 * The role that reads logs and rules answers them, so that core reads neither. A few
 * questions are worked on beside the inputs, the others wait; each is answered piece
 * by piece, and is given up when nobody waits for it any more. */
#ifndef NODE_QUERY_H
#define NODE_QUERY_H

#include "base/err.h"
#include "base/str.h"

#define QUERIES_MAX 16         /* at work and waiting */
#define QUERY_TEXT_MAX ((size_t)1 << 20)

struct detector;
struct queries;

/* A piece of the answer of question `number`, a JSON object; `last`: nothing follows. `rc` of the last: why there is no answer. */
typedef void (*query_answer)(void *ctx, uint32_t number, struct str json, bool last, enum rc rc);

enum rc queries_new(struct detector *d, query_answer fn, void *ctx, struct queries **ret, struct err *err) MUSTUSE;
/* A question: {"do": "search", ...}. Too many: answered with RC_BUSY. Copies. */
void queries_ask(struct queries *q, uint32_t number, struct str json);
/* Nobody waits for its answer; ALL: for any. */
#define QUERIES_ALL 0
void queries_end(struct queries *q, uint32_t number);
/* Gives up what is at work and ends the threads. Accepts NULL. */
void queries_free(struct queries *q);

#endif
