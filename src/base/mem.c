#include "base/mem.h"

#include <stdatomic.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int64_t live;
static _Atomic uint64_t fail_countdown;
static _Atomic int fail_forever;

/* True when the test harness wants this allocation to fail. The countdown
 * rests at 1 while `forever`, so every later call fails as well. */
static int must_fail(void)
{
	uint64_t n = atomic_load_explicit(&fail_countdown, memory_order_relaxed), after;

	if (LIKELY(n == 0))
		return 0;
	do {
		after = n > 1 ? n - 1 : (uint64_t)(atomic_load(&fail_forever) != 0);
	} while (n != 0 && !atomic_compare_exchange_weak(&fail_countdown, &n, after));
	return n == 1;
}

static void *counted(void *p)
{
	if (p != NULL)
		atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return p;
}

void *mem_alloc(size_t n)
{
	return must_fail() ? NULL : counted(calloc(1, n));
}

void *mem_array(size_t count, size_t size)
{
	size_t n;

	/* Asked here and not left to calloc: a sanitizer's stops the program. */
	return __builtin_mul_overflow(count, size, &n) || must_fail() ? NULL : counted(calloc(1, n));
}

void *mem_resize(void *p, size_t n)
{
	void *grown;

	if (must_fail())
		return NULL;
	grown = realloc(p, n);
	return p == NULL ? counted(grown) : grown;
}

char *mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = mem_alloc(n);

	if (copy != NULL)
		memcpy(copy, s, n);
	return copy;
}

void mem_free(void *p)
{
	if (p == NULL)
		return;
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(p);
}

void *mem_hook_alloc(size_t n, void *tag UNUSED)
{
	return mem_alloc(n == 0 ? 1 : n);
}

void mem_hook_free(void *p, void *tag UNUSED)
{
	mem_free(p);
}

void mem_freep(void *pp)
{
	mem_free(*(void **)pp);
}

void mem_fail_at(uint64_t nth, int forever)
{
	atomic_store(&fail_forever, forever);
	atomic_store(&fail_countdown, nth);
}

int64_t mem_live(void)
{
	return atomic_load(&live);
}

void mem_settle(void)
{
	malloc_trim(0);
}
