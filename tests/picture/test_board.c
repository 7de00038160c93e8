/* Statistics against published values, failures of memory, and questions that make no sense. The numbers of boards are
 * compared with a plain recomputation by compare_boards.py. */
#include "picture/board.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "picture/stat.h"
#include "tap.h"

#define DAY BOARD_DAY
#define NOW ((usec)20454 * DAY)

static bool near(double a, double b)
{
	return fabs(a - b) < 5e-5;
}

static void statistics(void)
{
	/* Newcombe 1998, Statistics in Medicine 17, table I, method 3: Wilson score without continuity correction. */
	static const struct { int64_t r, n; double low, high; } wilson[] = {
		{ 81, 263, 0.2553, 0.3662 }, { 15, 148, 0.0624, 0.1605 }, { 0, 20, 0, 0.1611 }, { 1, 29, 0.0061, 0.1718 }, { 29, 29, 0.8830, 1 },
	};
	double v[] = { 9, 1, 8, 2, 7, 3, 6, 4, 5, 10 };
	double low, high;

	for (size_t i = 0; i < COUNTOF(wilson); i++) {
		stat_wilson(wilson[i].r, wilson[i].n, &low, &high);
		OK(near(low, wilson[i].low) && near(high, wilson[i].high), "Wilson %lld of %lld: %.4f to %.4f", (long long)wilson[i].r, (long long)wilson[i].n, low, high);
	}
	OK(near(stat_quantile(v, 10, 0.5), 5) && near(stat_quantile(v, 10, 0.9), 9), "nearest rank of ten");
	OK(near(stat_quantile((double[]){ 4 }, 1, 0.9), 4) && near(stat_quantile((double[]){ 2, 2, 2, 1 }, 4, 0.25), 1), "nearest rank of one, and of equal ones");
	stat_rate(0, 50, 100, &low, &high);
	OK(near(low, 0) && high > 0, "a rate of nothing begins at nought and ends above");
	stat_rate(10, 100, 100, &low, &high);
	OK(near(low, 5.4320) && near(high, 18.4095), "ten in a hundred: %.4f to %.4f", low, high);
}

static enum rc fill(struct picture *p)
{
	struct picture_incident x = { .opened = NOW - DAY, .level = 3 };
	struct picture_clock c = { .start = NOW - DAY, .due = NOW - DAY / 2, .stop = PICTURE_NEVER, .stops = PICTURE_NOTIFIED };
	struct picture_member m = { .listed = true, .linked = true, .heard = NOW - DAY };
	struct err err;

	(void)err;
	for (int t = 0; t < PICTURE_TIMES; t++)
		x.at[t] = PICTURE_NEVER;
	for (uint32_t i = 0; i < 200; i++) {
		char name[24];
		uint32_t word;
		enum rc rc;

		snprintf(name, sizeof name, "m%u", i);
		rc = picture_word(p, str_of(name), &word);
		m.key = m.name = m.sector = m.region = word;
		if (rc == RC_OK)
			rc = picture_put_member(p, &m, &x.member);
		x.number = x.pack = word;
		c.id = c.who = word;
		if (rc == RC_OK)
			rc = picture_put_incident(p, &x, &c, 1);
		if (rc == RC_OK)
			rc = picture_put_sighting(p, word, &(struct picture_seen){ .indicator = word, .member = x.member, .first = NOW - DAY, .last = NOW - DAY, .hits = 1 });
		if (rc == RC_OK)
			rc = picture_put_ticket(p, &(struct picture_ticket){ .number = word, .member = x.member, .first = NOW - DAY, .techniques = { word }, .n_techniques = 1 });
		if (rc == RC_OK)
			rc = picture_delivered(p, word, NOW - DAY, 1);
		if (rc == RC_OK)
			rc = picture_offered(p, word, NOW - DAY + i);
		if (rc == RC_OK)
			rc = picture_loaded(p, x.member, 0, word, NOW - 1);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc all_boards(struct picture *p, size_t *ret_rows)
{
	struct board_query q = { .from = NOW - 14 * DAY, .until = NOW, .now = NOW, .bin_days = 7, .member = UINT32_MAX };

	q.pack = picture_known(p, S("m7"));
	*ret_rows = 0;
	for (const struct board_spec *s = BOARDS; s->id != NULL; s++) {
		struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
		struct err err = { 0 };
		struct board b;
		enum rc rc = a == NULL ? RC_NOMEM : board_make(p, s, &q, a, &b, &err);

		if (rc != RC_OK)
			return rc;
		*ret_rows += b.n;
	}
	return RC_OK;
}

static enum rc once(size_t *ret_rows)
{
	struct picture *p = picture_new();
	enum rc rc = p == NULL ? RC_NOMEM : fill(p);

	if (rc == RC_OK)
		rc = all_boards(p, ret_rows);
	picture_free(p);
	return rc;
}

static void no_memory(void)
{
	int64_t live = mem_live();
	size_t want = 0, rows = 0;
	uint64_t n = 1;
	bool clean = true;
	enum rc rc = once(&want);

	OK(rc == RC_OK && want > 300, "with memory all boards are made: %zu rows", want);
	do {
		mem_fail_at(n++, 0);
		rc = once(&rows);
		mem_fail_at(0, 0);
		clean = clean && mem_live() == live && (rc == RC_OK || rc == RC_NOMEM);
	} while (clean && n < 5000 && rc != RC_OK);
	OK(clean, "no failed allocation of %llu leaves anything behind or is taken for something else", (unsigned long long)n);
	OK(rc == RC_OK && rows == want, "and without one it is as before: %zu", rows);
}

static void questions(void)
{
	static const struct { const char *name; struct board_query q; enum rc want; } cases[] = {
		{ "a week", { .from = NOW - 7 * DAY, .until = NOW, .now = NOW, .bin_days = 7, .member = UINT32_MAX }, RC_OK },
		{ "ends before it begins", { .from = NOW, .until = NOW - DAY, .now = NOW, .bin_days = 7, .member = UINT32_MAX }, RC_BAD },
		{ "nothing", { .from = NOW, .until = NOW, .now = NOW, .bin_days = 7, .member = UINT32_MAX }, RC_BAD },
		{ "bins of a month, which are not equal", { .from = NOW - 90 * DAY, .until = NOW, .now = NOW, .bin_days = 30, .member = UINT32_MAX }, RC_BAD },
		{ "a century", { .from = NOW - 36600 * DAY, .until = NOW, .now = NOW, .bin_days = 7, .member = UINT32_MAX }, RC_BAD },
	};
	struct picture *p = picture_new();

	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
		struct err err = { 0 };
		struct board b;

		OK(board_make(p, board_find(S("incidents")), &cases[i].q, a, &b, &err) == cases[i].want, "a period: %s", cases[i].name);
	}
	picture_free(p);
}

static void replaced(void)
{
	struct picture *p = picture_new();
	struct picture_incident x = { .opened = NOW - DAY };
	struct picture_clock clocks[3] = { { .due = PICTURE_NEVER, .stop = PICTURE_NEVER } };
	struct picture_counts n;
	bool good = true;

	for (int i = 0; i < 40000; i++)
		good = good && picture_put_incident(p, &x, clocks, (size_t)i % 4) == RC_OK;
	picture_count(p, &n);
	OK(good && n.incidents == 1, "an incident that is put forty thousand times is one");
	picture_free(p);
}

int main(void)
{
	statistics();
	questions();
	replaced();
	no_memory();
	return tap_done();
}
