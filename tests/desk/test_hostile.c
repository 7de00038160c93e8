/* An incident whose facts were written to make it costly: however they are shaped, deriving it stays linear in their number. */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "desk/derive.h"
#include "tap.h"

#define MANY 10000
#define FEW (MANY / 8)
#define SECONDS_MAX 2.0     /* of the processor, for MANY facts */
#define GROWTH_MAX 32.0     /* 8 times the facts; a square would be 64 */
#define SMALL 0.4           /* seconds: nobody minds, and no clock tells their growth well */
#define TRIES 3
#define TEXT_MAX ((size_t)64 << 20)

static const char ITEMS[] = "[{\"target\":\"system\",\"coreness\":\"core\",\"effect\":\"outage\",\"recovery\":\"within\"},"
			    "{\"target\":\"information\",\"coreness\":\"core_ci\",\"effect\":\"leak\",\"severity\":\"serious\"}]";

/* Each writes the type and members of fact `i`; `claimed` is what the shape says, `at` is the same for all. */
static void rereviews(struct buf *b, int i) /* another level each millisecond: every one is a span of every clock */
{
	buf_fmt(b, "\"type\":\"rereviewed\",\"level\":%d", 1 + i % 4);
}
static void restarts(struct buf *b, int i) /* as many clocks as there may be, and the rest changes what counts */
{
	if (i < 900)
		buf_fmt(b, i % 2 == 0 ? "\"type\":\"reviewed\",\"level\":%d" : "\"type\":\"note\"", 1 + i % 4);
	else
		buf_fmt(b, "\"type\":\"rereviewed\",\"level\":%d", 1 + i % 4);
}
static void extensions(struct buf *b, int i)
{
	buf_fmt(b, "\"type\":\"%s\",\"until\":\"2026-05-%02dT00:00:00Z\"", i == 1 ? "contained" : "extended", 1 + i % 28);
}
static void claims(struct buf *b, int i)
{
	(void)i;
	buf_fmt(b, "\"type\":\"rereviewed\",\"items\":%s", ITEMS);
}
static void corrections(struct buf *b, int i)
{
	buf_fmt(b, i < 10 ? "\"type\":\"note\"" : "\"type\":\"corrected\",\"ref\":\"f%d\"", i % 10);
}
static void strangers(struct buf *b, int i) /* each is a problem that is told */
{
	buf_fmt(b, "\"type\":\"rereviewed\",\"by\":\"nobody%d\",\"level\":9", i);
}
static void twins(struct buf *b, int i)
{
	buf_fmt(b, "\"type\":\"note\",\"note\":\"%d\"", i);
}

static const struct shape {
	const char *name;
	void (*put)(struct buf *b, int i);
	bool one_instant, one_id;
} SHAPES[] = {
	{ "another level each millisecond", rereviews, false, false },
	{ "another level, all at one instant", rereviews, true, false },
	{ "hundreds of clocks", restarts, false, false },
	{ "hundreds of clocks at one instant", restarts, true, false },
	{ "extensions", extensions, false, false },
	{ "items", claims, false, false },
	{ "corrections of the same facts", corrections, false, false },
	{ "problems", strangers, false, false },
	{ "one id", twins, false, true },
};

/* Seconds of the processor; < 0: it failed. */
static double cost(const struct shape *s, const struct pack *p, int n, size_t *ret_clocks)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct incident_view *v = arena_alloc(a, sizeof *v);
	struct desk_facts f;
	struct err err = { 0 };
	struct buf b;
	clock_t begun;
	usec at;
	bool good;

	buf_init(&b, TEXT_MAX);
	buf_cstr(&b, "{\"id\":\"aware\",\"at\":\"2026-03-02T12:00:00Z\",\"claimed\":\"2026-03-02T11:00:00Z\",\"type\":\"aware\"}\n");
	for (int i = 0; i < n; i++) {
		int ms = s->one_instant ? 0 : i;

		buf_fmt(&b, "{\"id\":\"f%d\",\"at\":\"2026-03-02T12:00:00Z\",\"claimed\":\"2026-03-02T11:00:%02d.%03dZ\",", s->one_id ? 0 : i, ms / 1000 % 60, ms % 1000);
		s->put(&b, i);
		buf_cstr(&b, "}\n");
	}
	begun = clock();
	good = time_parse(S("2026-06-01T00:00:00Z"), &at, NULL, &err) == RC_OK && desk_facts_parse(a, "facts", buf_view(&b), &f, &err) == RC_OK &&
	       derive(a, p, &f, at, v, &err) == RC_OK;
	begun = clock() - begun;
	if (!good)
		printf("# %s: %s\n", s->name, err.text);
	*ret_clocks = v->n_clocks;
	buf_done(&b);
	arena_free(a);
	return good ? (double)begun / CLOCKS_PER_SEC : -1;
}

static double least_cost(const struct shape *s, const struct pack *p, int n, size_t *ret_clocks)
{
	double least = cost(s, p, n, ret_clocks);

	for (int i = 1; i < TRIES; i++) {
		double again = cost(s, p, n, ret_clocks);

		least = again < least ? again : least;
	}
	return least;
}

int main(void)
{
	struct arena *a = arena_new((size_t)1 << 26);
	struct err err = { 0 };
	const struct pack *p;

	if (!OK(pack_load(a, "tw-2026", &p, &err) == RC_OK, "the pack"))
		return tap_done();
	for (size_t i = 0; i < COUNTOF(SHAPES); i++) {
		size_t clocks;
		double few = least_cost(&SHAPES[i], p, FEW, &clocks), many = least_cost(&SHAPES[i], p, MANY, &clocks);

		printf("# %s: %d facts %.3f s, %d facts %.3f s, %zu clocks\n", SHAPES[i].name, FEW, few, MANY, many, clocks);
		OK(few >= 0 && many >= 0 && many < SECONDS_MAX, "%s: in time", SHAPES[i].name);
		OK(many < SMALL || many < few * GROWTH_MAX, "%s: linear", SHAPES[i].name);
	}
	arena_free(a);
	return tap_done();
}
