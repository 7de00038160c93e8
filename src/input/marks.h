/* Messages are numbered as they are handed over; a queue wants to hear of their offsets in its own partitions once
 * they are safe. This remembers which offset stands behind which number, from being handed over until then. Messages of
 * one partition that follow each other take one mark together. Inside input/ only. */
#ifndef INPUT_MARKS_H
#define INPUT_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct marks;

/* Numbers begin behind `before`. NULL: out of memory. */
struct marks *marks_new(size_t most, uint64_t before) MUSTUSE;
/* Accepts NULL. */
void marks_free(struct marks *m);

/* No room for another mark: what is safe must be told first. */
bool marks_full(const struct marks *m);
/* The next message: `next` is the offset behind it in `part`. Not when full. Its number. */
uint64_t marks_add(struct marks *m, uint32_t part, int64_t next);
/* Of the last message. */
uint64_t marks_last(const struct marks *m);

/* Everything up to `number` is safe: fn for partitions and how far they are, in the order of the messages, maybe several times
 * for one. Numbers that were never given, or were told before, change nothing. */
void marks_settle(struct marks *m, uint64_t number, void (*fn)(void *ctx, uint32_t part, int64_t next), void *ctx);

#endif
