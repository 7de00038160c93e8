/* The one door to malloc, so that tests can make the n-th allocation fail and
 * count what is still held. Everything that grows goes through here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Zeroed memory of `n` >= 1 bytes, or NULL. Freed with mem_free. */
void *mem_alloc(size_t n) ALLOCATES(1) MUSTUSE;

/* Zeroed array; NULL also when count * size overflows. */
void *mem_array(size_t count, size_t size) ALLOCATES(1, 2) MUSTUSE;

/* Grows or shrinks `p` (may be NULL) to `n` >= 1 bytes; new bytes are not
 * zeroed. On NULL the old block is untouched. */
void *mem_resize(void *p, size_t n) __attribute__((alloc_size(2))) MUSTUSE;

/* NUL-terminated copy, or NULL. */
char *mem_strdup(const char *s) MUSTUSE;

/* Accepts NULL. */
void mem_free(void *p);
/* Before a process begins to fork many times: free pieces are joined now, not in each of its children, where it would touch every page of them. */
void mem_settle(void);

/* The same two in the shape that libraries ask for (PCRE2); `tag` is left alone, and 0 bytes are one. */
void *mem_hook_alloc(size_t n, void *tag);
void mem_hook_free(void *p, void *tag);

/* CLEANUP(mem_freep) char *line = ...; */
void mem_freep(void *pp);

/* Tests only: the allocation number `nth` (1 = the next) fails, as do all
 * after it while `forever`; 0 switches off. Counts over all threads. */
void mem_fail_at(uint64_t nth, int forever);

/* Blocks handed out and not yet freed. */
int64_t mem_live(void);

#endif
