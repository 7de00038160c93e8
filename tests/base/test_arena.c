#include "base/arena.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tap.h"

static bool all(const unsigned char *p, size_t n, unsigned char c)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != c)
			return false;
	return true;
}

static void test_alloc(void)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 4000, 100, 9000, 1, 2000000, 3, 0 };
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)16 << 20);
	unsigned char *p[COUNTOF(sizes)];
	bool zeroed = true, aligned = true, kept = true;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNTOF(sizes); i++) {
			p[i] = arena_alloc(a, sizes[i]);
			zeroed = zeroed && p[i] != NULL && all(p[i], sizes[i], 0);
			aligned = aligned && (uintptr_t)p[i] % 16 == 0;
			memset(p[i], (int)i + 1, sizes[i]);
		}
		for (size_t i = 0; i < COUNTOF(sizes); i++)
			kept = kept && all(p[i], sizes[i], (unsigned char)(i + 1));
		arena_reset(a);
		EQ_INT(arena_used(a), 0, "empty after a reset");
	}
	OK(zeroed, "pieces are zeroed, also after a reset");
	OK(aligned, "and aligned");
	OK(kept, "and apart from each other");
}

static void test_limit(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(100);
	volatile size_t huge = SIZE_MAX;

	OK(arena_alloc(a, 60) != NULL, "60 of 100");
	OK(arena_alloc(a, 60) == NULL, "60 more are too many");
	OK(arena_alloc(a, 40) != NULL, "40 more are not");
	OK(arena_alloc(a, 16) == NULL, "now it is full");
	OK(arena_alloc(a, huge) == NULL && arena_array(a, huge / 2, 3) == NULL, "overflow");
	OK(arena_dup(a, S("0123456789abcdef")).p == NULL && arena_fmt(a, "%s", "0123456789abcdef").p == NULL, "copies are counted");
	arena_reset(a);
	OK(arena_alloc(a, 112) != NULL, "whole sixteens");
}

static void test_copies(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(1000);
	struct str s = arena_dup(a, S("abc"));

	EQ_STR(s, S("abc"), "dup");
	EQ_INT(s.p[3], 0, "NUL behind it");
	EQ_STR(arena_fmt(a, "%d/%s", 7, "x"), S("7/x"), "fmt");
	EQ_STR(arena_dup(a, (struct str){ NULL, 0 }), S(""), "nothing");
	OK(arena_dup(a, (struct str){ NULL, 0 }).p != NULL, "is a string");
}

static void test_resize(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(100000);
	char *p = arena_resize(a, NULL, 0, 10), *grown, *other;

	memcpy(p, "123456789", 10);
	grown = arena_resize(a, p, 10, 1000);
	OK(grown == p, "the latest piece grows in place");
	grown[999] = 'x';
	OK(arena_resize(a, p, 1000, 20) == p && arena_used(a) == 32, "and shrinks");
	other = arena_alloc(a, 1000);
	OK(other >= p + 20 && all((unsigned char *)other, 1000, 0), "what it gave back is zeroed");
	grown = arena_resize(a, p, 20, 40);
	OK(grown != p && strcmp(grown, "123456789") == 0, "an older one is copied");
	p = arena_resize(a, grown, 40, 50000);
	OK(p != NULL && strcmp(p, "123456789") == 0, "also into another block");
	grown = arena_resize(a, p, 50000, 98000);
	OK(grown != NULL && strcmp(grown, "123456789") == 0, "a piece alone in its block takes the block along");
	OK(arena_used(a) < 98000 + 2000, "and is counted once");
	p = arena_resize(a, grown, 98000, 50000);
	OK(arena_resize(a, p, 50000, 100001) == NULL && strcmp(p, "123456789") == 0, "untouched beyond the maximum");
	arena_reset(a);
	OK(all(arena_alloc(a, 50000), 50000, 0), "all is zeroed after a reset");
}

static void test_no_memory(void)
{
	int64_t live = mem_live();
	struct arena *a;

	mem_fail_at(1, 0);
	a = arena_new(100);
	OK(a == NULL, "birth may fail");
	arena_free(NULL);
	a = arena_new(1000000);
	mem_fail_at(1, 0);
	OK(arena_alloc(a, 10) == NULL, "the first block may fail");
	OK(arena_alloc(a, 10) != NULL, "and come later");
	mem_fail_at(1, 0);
	OK(arena_alloc(a, 100000) == NULL && arena_alloc(a, 10) != NULL, "a later block may fail");
	mem_fail_at(0, 0);
	arena_free(a);
	EQ_INT(mem_live(), live, "nothing is kept");
}

#if defined(__SANITIZE_ADDRESS__)
/* Whether touching `p` is caught; tried in a child. */
static bool caught(volatile char *p)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		close(STDERR_FILENO);
		*p = 'x';
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && status != 0;
}

static void test_poison(void)
{
	struct arena *a = arena_new(100000);
	char *p = arena_alloc(a, 20), *q = arena_alloc(a, 20), *big;

	OK(!caught(p + 19) && caught(p + 20), "one byte behind a piece");
	OK(caught(q - 1) && caught(q + 20), "before and behind the next");
	p = arena_resize(a, q, 20, 40);
	OK(!caught(p + 39) && caught(p + 40), "grown");
	p = arena_resize(a, q, 40, 10);
	OK(!caught(p + 9) && caught(p + 10), "shrunk");
	big = arena_alloc(a, 50000);
	OK(!caught(big + 49999) && caught(big + 50000), "in a block of its own");
	arena_reset(a);
	OK(caught(q), "after a reset");
	arena_free(a);
}
#else
static void test_poison(void)
{
	SKIP("no AddressSanitizer in this build", "overruns inside an arena are caught");
}
#endif

int main(void)
{
	test_poison();
	test_alloc();
	test_limit();
	test_copies();
	test_resize();
	test_no_memory();
	return tap_done();
}
