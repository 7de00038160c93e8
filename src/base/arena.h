/* Memory with one lifetime: many small allocations, one free, and a maximum
 * given at birth. Under ASan the gaps between allocations are poisoned, and
 * alloc_size lets _FORTIFY_SOURCE=3 see each piece. Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"
#include "base/str.h"

struct arena;

/* An arena that will hand out at most `max` bytes (in whole 16s) in all, or NULL. */
struct arena *arena_new(size_t max) MUSTUSE;

/* Accepts NULL. */
void arena_free(struct arena *a);
void arena_freep(struct arena **a);

/* Forgets all allocations; keeps one block of moderate size for reuse. */
void arena_reset(struct arena *a);

/* Zeroed, aligned for any type; NULL when the maximum or memory is exhausted. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, alloc_size(2))) MUSTUSE;
void *arena_array(struct arena *a, size_t count, size_t size) __attribute__((malloc, alloc_size(2, 3))) MUSTUSE;

/* Another size for a piece of `old` bytes (`p` may be NULL: a new one); new bytes
 * are not zeroed. The latest piece grows and shrinks in its place or moves for
 * free, any other is copied and its old place stays lost until the arena is freed.
 * On NULL the piece is untouched. */
void *arena_resize(struct arena *a, void *p, size_t old, size_t n) __attribute__((alloc_size(4))) MUSTUSE;

/* Copy with a NUL behind it (not counted in .n); .p is NULL on exhaustion. */
struct str arena_dup(struct arena *a, struct str s);

/* Formatted copy; .p is NULL on exhaustion. */
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

#endif
