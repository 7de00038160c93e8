#include "base/map.h"
#include "base/mem.h"
#include "tap.h"

#define MANY 5000

static struct str key(char *out, uint64_t i)
{
	return str_make(out, (size_t)snprintf(out, 32, "key-%llu", (unsigned long long)i));
}

static void test_basics(void)
{
	CLEANUP(map_freep) struct map *m = map_new(3);
	uint64_t v = 77;

	OK(!map_get(m, S("a"), &v) && v == 77 && !map_del(m, S("a")), "empty");
	OK(map_put(m, S("a"), 1) == RC_OK && map_put(m, S(""), 2) == RC_OK && map_put(m, S("a\0b"), 3) == RC_OK, "three");
	OK(map_put(m, S("d"), 4) == RC_LIMIT && map_count(m) == 3, "no fourth");
	OK(map_put(m, S("a"), 5) == RC_OK && map_count(m) == 3, "replacing is no fourth");
	OK(map_get(m, S("a"), &v) && v == 5 && map_get(m, S(""), &v) && v == 2 && map_get(m, S("a\0b"), &v) && v == 3, "all there");
	OK(map_get(m, S("a"), NULL), "value is optional");
	OK(map_del(m, S("a")) && !map_get(m, S("a"), NULL) && map_count(m) == 2, "deleted");
	OK(map_put(m, S("d"), 4) == RC_OK, "room again");
}

/* Against a plain array as the model, with deletions that shift entries back. */
static void test_many(void)
{
	CLEANUP(map_freep) struct map *m = map_new(SIZE_MAX);
	static bool there[MANY];
	uint64_t seed = 1, wrong = 0, left = 0, walked = 0, v;
	size_t it = 0;
	struct str k;
	char out[32];

	for (int i = 0; i < 60000; i++) {
		uint64_t n;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		n = (seed >> 33) % MANY;
		if ((seed >> 20) % 5 < 3) {
			wrong += map_put(m, key(out, n), n) != RC_OK;
			there[n] = true;
		} else {
			wrong += map_del(m, key(out, n)) != there[n];
			there[n] = false;
		}
	}
	for (uint64_t n = 0; n < MANY; n++) {
		wrong += map_get(m, key(out, n), &v) != there[n] || (there[n] && v != n);
		left += there[n];
	}
	while (map_each(m, &it, &k, &v)) {
		wrong += !str_eq(k, key(out, v)) || !there[v];
		walked++;
	}
	OK(wrong == 0, "like the model after 60,000 changes");
	OK(left == map_count(m) && walked == left && left > 0, "count and walk agree (%llu)", (unsigned long long)left);
}

static void test_no_memory(void)
{
	int64_t live = mem_live();
	bool clean = true, done = false;
	uint64_t nth = 0;

	while (!done && nth < 100) {
		struct map *m;
		char out[32];
		uint64_t put = 0, v;

		mem_fail_at(++nth, 0);
		m = map_new(100);
		while (m != NULL && put < 20 && map_put(m, key(out, put), put) == RC_OK)
			put++;
		mem_fail_at(0, 0);
		done = put == 20;
		for (uint64_t i = 0; m != NULL && i < put; i++)
			clean = clean && map_get(m, key(out, i), &v) && v == i;
		clean = clean && (m == NULL || map_count(m) == put);
		map_free(m);
		clean = clean && mem_live() == live;
	}
	OK(clean && done && nth > 20, "nothing changes when memory is short, wherever (%llu)", (unsigned long long)nth - 1);
}

int main(void)
{
	test_basics();
	test_many();
	test_no_memory();
	return tap_done();
}
