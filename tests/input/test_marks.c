/* Which offset of which partition is safe, when all messages up to a number are. */
#include "base/mem.h"
#include "input/marks.h"
#include "tap.h"

static int64_t safe[4];

static void on_safe(void *ctx, uint32_t part, int64_t next)
{
	(void)ctx;
	safe[part] = next;
}

static void runs(void)
{
	/* Number, partition, offset behind it: 1-3 a run, 4 another partition, 5 a gap, 6-7 a run. */
	static const struct { uint32_t part; int64_t next; } given[] = { { 0, 11 }, { 0, 12 }, { 0, 13 }, { 1, 101 }, { 0, 20 }, { 0, 21 }, { 0, 22 } };
	static const struct { uint64_t number; int64_t p0, p1; const char *name; } rows[] = {
		{ 0, -1, -1, "nothing yet" },
		{ 2, 12, -1, "within a run" },
		{ 2, 12, -1, "the same again" },
		{ 1, 12, -1, "an older one" },
		{ 4, 13, 101, "over the end of a run into another partition" },
		{ 99, 13, 101, "a number that was never given" },
		{ 5, 20, 101, "over a gap" },
		{ 7, 22, 101, "to the end" },
	};
	struct marks *m = marks_new(8, 1000);

	safe[0] = safe[1] = -1;
	for (size_t i = 0; i < COUNTOF(given); i++)
		EQ_INT(marks_add(m, given[i].part, given[i].next), 1001 + i, "numbered");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		marks_settle(m, 1000 + rows[i].number, on_safe, NULL);
		OK(safe[0] == rows[i].p0 && safe[1] == rows[i].p1, "%s: %lld %lld", rows[i].name, (long long)safe[0], (long long)safe[1]);
	}
	marks_free(m);
}

static void room(void)
{
	struct marks *m = marks_new(2, 0);

	safe[2] = safe[3] = -1;
	(void)marks_add(m, 2, 1);
	OK(!marks_full(m), "room for one more");
	(void)marks_add(m, 3, 1);
	OK(marks_full(m), "none");
	marks_settle(m, 1, on_safe, NULL);
	OK(!marks_full(m) && safe[2] == 1 && safe[3] == -1, "room again");
	(void)marks_add(m, 2, 2);
	marks_settle(m, marks_last(m), on_safe, NULL);
	OK(safe[2] == 2 && safe[3] == 1, "around the ring");
	marks_free(m);
}

static void memory(void)
{
	int64_t live = mem_live();
	struct marks *m = NULL;

	for (uint64_t n = 1; m == NULL && n < 10; n++) {
		mem_fail_at(n, 0);
		m = marks_new(8, 0);
		mem_fail_at(0, 0);
	}
	OK(m != NULL, "without memory: none, and with it one");
	marks_free(m);
	EQ_INT(mem_live(), live, "nothing is left");
}

int main(void)
{
	runs();
	room();
	memory();
	return tap_done();
}
