#include "base/mem.h"

#include <pthread.h>

#include "tap.h"

static void test_fail_at(void)
{
	void *p[4];

	mem_fail_at(2, 0);
	for (int i = 0; i < 4; i++)
		p[i] = mem_alloc(1);
	OK(p[0] != NULL && p[1] == NULL && p[2] != NULL && p[3] != NULL, "only the second fails");
	for (int i = 0; i < 4; i++)
		mem_free(p[i]);
	mem_fail_at(2, 1);
	p[0] = mem_alloc(1);
	OK(mem_alloc(1) == NULL && mem_strdup("x") == NULL && mem_array(1, 1) == NULL && mem_resize(NULL, 1) == NULL, "all from the second on");
	OK(mem_resize(p[0], 100) == NULL, "a resize as well");
	mem_fail_at(0, 0);
	mem_free(p[0]);
}

static void test_live(void)
{
	int64_t live = mem_live();
	volatile size_t huge = SIZE_MAX / 2;
	char *s = mem_strdup("abc");
	void *p = mem_resize(NULL, 10);

	EQ_INT(mem_live(), live + 2, "two blocks");
	p = mem_resize(p, 100000);
	EQ_INT(mem_live(), live + 2, "a resized block is the same one");
	OK(mem_array(huge, 4) == NULL, "overflow");
	mem_free(p);
	mem_freep(&s);
	mem_free(NULL);
	EQ_INT(mem_live(), live, "none");
}

static void *many(void *failed)
{
	for (int i = 0; i < 10000; i++) {
		void *p = mem_alloc(8);

		*(int *)failed += p == NULL;
		mem_free(p);
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t thread[4];
	int failed[4] = { 0 };
	int64_t live = mem_live();

	mem_fail_at(20000, 0);
	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, many, &failed[i]) != 0)
			return;
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	EQ_INT(failed[0] + failed[1] + failed[2] + failed[3], 1, "one failure over all threads");
	EQ_INT(mem_live(), live, "and none is lost");
}

int main(void)
{
	test_threads();
	test_fail_at();
	test_live();
	return tap_done();
}
