/* A chain of blocks, newest first. Blocks double up to BLOCK_MAX; a piece that
 * is larger gets a block of its own size. Memory comes zeroed from mem_alloc;
 * only what was used before a reset has to be cleared again (`dirty`).
 * Under ASan everything not handed out is poisoned, and GAP bytes stay poisoned
 * behind each piece, so that an overrun by one byte is seen. */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define GAP 16
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define GAP 0
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN _Alignof(max_align_t)
#define BLOCK_FIRST ((size_t)4096 - sizeof(struct block))
#define BLOCK_MAX ((size_t)1 << 20)
#define KEEP_MAX ((size_t)128 << 10)

struct block {
	struct block *older;
	size_t size, used, dirty;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *newest;
	size_t max, taken; /* both in whole ALIGNs */
};

static size_t round_up(size_t n)
{
	return (n + ALIGN - 1) & ~(ALIGN - 1);
}

struct arena *arena_new(size_t max)
{
	struct arena *a = mem_alloc(sizeof *a);

	if (a != NULL)
		a->max = round_up(max > SIZE_MAX / 4 ? SIZE_MAX / 4 : max);
	return a;
}

static void block_free(struct block *b)
{
	SHOW(b->bytes, b->size);
	mem_free(b);
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct block *b = a->newest, *older; b != NULL; b = older) {
		older = b->older;
		block_free(b);
	}
	mem_free(a);
}

void arena_freep(struct arena **a)
{
	arena_free(*a);
}

/* Keeps the largest block of ordinary size: an arena that is reset after each
 * message soon asks for no memory any more. */
void arena_reset(struct arena *a)
{
	struct block *kept = NULL;

	for (struct block *b = a->newest, *older; b != NULL; b = older) {
		older = b->older;
		if (b->size <= KEEP_MAX && (kept == NULL || b->size > kept->size)) {
			struct block *smaller = kept;

			kept = b;
			b = smaller;
		}
		if (b != NULL)
			block_free(b);
	}
	a->newest = kept;
	a->taken = 0;
	if (kept == NULL)
		return;
	kept->older = NULL;
	kept->dirty = kept->used > kept->dirty ? kept->used : kept->dirty;
	kept->used = 0;
	HIDE(kept->bytes, kept->size);
}

/* A new newest block with room for `whole` bytes and the gap behind them. */
static struct block *block_add(struct arena *a, size_t whole)
{
	size_t size = a->newest == NULL ? BLOCK_FIRST : a->newest->size * 2;
	struct block *b;

	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < whole + GAP)
		size = whole + GAP;
	b = mem_alloc(sizeof *b + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	b->older = a->newest;
	a->newest = b;
	HIDE(b->bytes, size);
	return b;
}

/* `n` bytes, not cleared; *ret_dirty of them, from the front, hold old content. */
static unsigned char *take(struct arena *a, size_t n, size_t *ret_dirty)
{
	struct block *b = a->newest;
	size_t whole = round_up(n);
	unsigned char *p;

	if (n > a->max || whole > a->max - a->taken)
		return NULL;
	if (b == NULL || whole + GAP > b->size - b->used)
		b = block_add(a, whole);
	if (b == NULL)
		return NULL;
	p = b->bytes + b->used;
	*ret_dirty = b->dirty > b->used ? b->dirty - b->used : 0;
	b->used += whole + GAP;
	a->taken += whole;
	SHOW(p, n);
	return p;
}

static bool is_latest(const struct block *b, const unsigned char *p, size_t was)
{
	return b != NULL && p >= b->bytes && p + was + GAP == b->bytes + b->used;
}

/* A block that holds one piece only grows with it; a large one is moved by
 * remapping its pages. */
static struct block *block_grow(struct arena *a, size_t whole)
{
	struct block *b = a->newest, *grown;
	size_t size = whole + GAP;

	SHOW(b->bytes, b->size);
	grown = mem_resize(b, sizeof *b + size);
	if (grown == NULL)
		return NULL;
	grown->size = grown->dirty = size;
	a->newest = grown;
	return grown;
}

/* Changes the latest piece where it stands, or with its whole block. */
static unsigned char *resize_latest(struct arena *a, unsigned char *p, size_t was, size_t whole, size_t n)
{
	struct block *b = a->newest;
	size_t at = (size_t)(p - b->bytes);

	if (whole + GAP > b->size - at)
		b = at == 0 ? block_grow(a, whole) : NULL;
	if (b == NULL)
		return NULL;
	p = b->bytes + at;
	if (b->used > b->dirty)
		b->dirty = b->used;
	b->used = at + whole + GAP;
	a->taken = a->taken - was + whole;
	HIDE(p, b->size - at);
	SHOW(p, n);
	return p;
}

void *arena_resize(struct arena *a, void *p, size_t old, size_t n)
{
	size_t was = round_up(old), whole = round_up(n), dirty;
	unsigned char *moved = NULL;

	if (p != NULL && n <= a->max && is_latest(a->newest, p, was) && whole <= a->max - (a->taken - was))
		moved = resize_latest(a, p, was, whole, n);
	if (moved != NULL)
		return moved;
	moved = take(a, n, &dirty);
	if (moved != NULL && p != NULL)
		memcpy(moved, p, old < n ? old : n);
	return moved;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t dirty = 0;
	unsigned char *p = take(a, n, &dirty);

	if (p != NULL && dirty > 0)
		memset(p, 0, dirty < n ? dirty : n);
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	return __builtin_mul_overflow(count, size, &n) ? NULL : arena_alloc(a, n);
}

struct str arena_dup(struct arena *a, struct str s)
{
	size_t dirty;
	char *p = (char *)take(a, s.n + 1, &dirty);

	if (p == NULL)
		return (struct str){ NULL, 0 };
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return str_make(p, s.n);
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	size_t dirty;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n >= 0)
		p = (char *)take(a, (size_t)n + 1, &dirty);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_make(p, p == NULL ? 0 : (size_t)n);
}

size_t arena_used(const struct arena *a)
{
	return a->taken;
}
