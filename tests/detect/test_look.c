/* A look into the history for people: terms as they write them, places, and that pages of any size tell each event once. */
#include <ftw.h>

#include "base/mem.h"
#include "detect/look.h"
#include "tap.h"

#define EVENTS 900
#define PER_BLOCK 70
#define START (INT64_C(1700000000) * USEC_PER_SEC)

static char dir[64];
static struct arena *arena;

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

/* --- terms --- */

static const struct { const char *text, *want; } terms[] = {
	{ "", "" },
	{ "a=b", "[a=b]" },
	{ "  a=b   c ", "[a=b][c]" },
	{ "a!=b", "[a!=b]" },
	{ "dns.rrname=*.example", "[dns.rrname=*.example]" },
	{ "a=\"b c\" d", "[a=b c][d]" },
	{ "\"b c=d\"", "[b c=d text]" },
	{ "\"a \\\"b\\\" \\\\ c\\d\"", "[a \"b\" \\ c\\d]" },
	{ "=a=b", "[a=b text]" },
	{ "a b=c=d", "[a][b=c=d]" },
	{ "x/y=z", "[x/y=z text]" },
	{ "a=", "[a=]" },
	{ "!=x", "[!=x text]" },
	{ "it's", "[it's]" },
	{ "a=\"b", NULL },
	{ "\"", NULL },
};

static void test_terms(void)
{
	struct hunt_term list[HUNT_TERMS_MAX];
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNTOF(terms); i++) {
		struct err err = { 0 };
		size_t n = 0;
		enum rc rc = hunt_terms_of(arena, str_of(terms[i].text), list, &n, &err);

		buf_clear(&b);
		for (size_t k = 0; rc == RC_OK && k < n; k++) {
			bool text = list[k].field.n == 0;

			buf_fmt(&b, "[%.*s%s%.*s%s]", STR(list[k].field), text ? "" : list[k].without ? "!=" : "=", STR(list[k].value),
				text && str_find(list[k].value, S("="), 0) != SIZE_MAX ? " text" : "");
		}
		if (terms[i].want == NULL)
			OK(rc == RC_BAD, "%s: refused", terms[i].text);
		else
			OK(rc == RC_OK && str_eq(buf_view(&b), str_of(terms[i].want)), "%s: %s", terms[i].text, buf_view(&b).p);
	}
	buf_clear(&b);
	for (int i = 0; i <= HUNT_TERMS_MAX; i++)
		buf_cstr(&b, "a ");
	OK(hunt_terms_of(arena, buf_view(&b), list, &(size_t){ 0 }, NULL) == RC_LIMIT, "more than %d terms are refused", HUNT_TERMS_MAX);
	buf_done(&b);
}

static void test_places(void)
{
	static const char *const bad[] = { "", ".", "-", "-.", "-.x", "1.2", "1.2.3.4", "1.2.-3", "x.2.3", "1.2.4294967296", "-.1.2" };
	struct look_place p = { .segment = 7, .at = 1234567, .n = 42 }, back;
	char text[LOOK_PLACE_MAX];

	OK(look_place_read(look_place_print(&p, text), &back, NULL) == RC_OK && !back.first && back.segment == 7 && back.at == 1234567 && back.n == 42, "a place: %s", text);
	p = (struct look_place){ .first = true, .n = 3 };
	OK(look_place_read(look_place_print(&p, text), &back, NULL) == RC_OK && back.first && back.n == 3, "before the oldest block: %s", text);
	for (size_t i = 0; i < COUNTOF(bad); i++)
		OK(look_place_read(str_of(bad[i]), &back, NULL) == RC_BAD, "'%s' is no place", bad[i]);
}

/* --- pages --- */

static struct history *make_history(void)
{
	struct history_opts o = { .dir = dir, .write = true, .unsynced = true, .segment_bytes = 8000 };
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct history *h = NULL;
	bool good = history_open(&o, &h, NULL) == RC_OK && block_maker_new(&m, NULL) == RC_OK;

	for (uint64_t i = 0; good && i < EVENTS; i++) {
		struct str line = arena_fmt(arena, "{\"n\":%llu,\"kind\":\"%s\"}", (unsigned long long)i, i % 9 == 4 ? "rare" : "usual");
		struct block_event e = { .line = line, .format = LOG_JSON, .source = S("app"), .time = START + (usec)i * USEC_PER_SEC, .ordinal = i + 1 };
		struct buf out;

		good = block_maker_add(m, &e, NULL, NULL) == RC_OK;
		if (!good || (block_maker_events(m) < PER_BLOCK && i + 1 < EVENTS))
			continue;
		buf_init(&out, BLOCK_BYTES_MAX);
		good = block_maker_seal(m, 1, 0, &out, NULL) == RC_OK && history_append(h, buf_view(&out), NULL) == RC_OK;
		buf_done(&out);
	}
	OK(good, "a history of %d events", EVENTS);
	return h;
}

struct told { uint32_t record[EVENTS * 2]; size_t n; };

static void on_event(void *ctx, struct str json)
{
	struct told *t = ctx;
	const struct json *v;
	int64_t n;

	if (t->n < COUNTOF(t->record) && json_parse(arena, json, &JSON_LIMITS, &v, NULL) == RC_OK && json_int(json_get(v, S("record")), &n))
		t->record[t->n++] = (uint32_t)n;
}

static bool go_on(void *ctx UNUSED)
{
	return true;
}

static bool wanted(uint64_t i, bool rare)
{
	return !rare || i % 9 == 4;
}

static bool all_in_order(const struct told *t, bool rare, bool onward)
{
	size_t n = 0;

	for (uint64_t k = 0; k < EVENTS; k++) {
		uint64_t i = onward ? k : EVENTS - 1 - k;

		if (wanted(i, rare) && (n == t->n || t->record[n++] != i + 1))
			return false;
	}
	return n == t->n;
}

static void test_pages(struct history *h, bool rare, bool onward)
{
	static const uint32_t sizes[] = { 1, 7, 69, 70, 71, 500, LOOK_EVENTS_MAX };
	struct hunt_term term = { S("kind"), S("rare"), false };

	for (size_t i = 0; i < COUNTOF(sizes); i++) {
		struct look_place from = { .first = true };
		struct told *t = arena_alloc(arena, sizeof *t);
		struct look l = { .terms = &term, .n_terms = rare, .since = INT64_MIN, .source = S(""), .most = sizes[i], .onward = onward, .from = onward ? &from : NULL,
				  .go_on = go_on, .event = on_event, .ctx = t };
		bool good = t != NULL;

		do {
			good = good && look_run(h, &l, NULL) == RC_OK && l.told <= sizes[i];
			from = l.next;
			l.from = &from;
		} while (good && l.more);
		OK(good && all_in_order(t, rare, onward), "%s events, %s, by %u: each once (%zu)", rare ? "rare" : "all", onward ? "onward" : "newest first", sizes[i], t->n);
	}
}

static void test_counts(struct history *h)
{
	struct hunt_term term = { S("kind"), S("rare"), false };
	struct told t = { 0 };
	struct look l = { .terms = &term, .n_terms = 1, .since = START, .until = START + EVENTS * USEC_PER_SEC, .source = S(""), .most = 3, .buckets = 10, .go_on = go_on,
			  .event = on_event, .ctx = &t };
	bool good = look_run(h, &l, NULL) == RC_OK;

	for (uint32_t i = 0; good && i < 10; i++)
		good = l.bucket[i] == 10;
	OK(good && l.whole && !l.estimated && l.matched == 100 && t.n == 3, "what meets terms is counted exactly over time, behind what is told");
	l.n_terms = 0;
	OK(look_run(h, &l, NULL) == RC_OK && l.estimated && l.stats.opened == 1, "all events are counted by the blocks' heads");
	l.buckets = 3;
	l.until = l.since;
	OK(look_run(h, &l, NULL) == RC_BAD, "no time to count over is refused");
	l.buckets = 0;
	l.most = LOOK_EVENTS_MAX + 1;
	OK(look_run(h, &l, NULL) == RC_LIMIT, "too many events at once are refused");
}

/* Whatever allocation fails, the look ends with it and leaves nothing behind. */
static void test_memory(struct history *h)
{
	struct hunt_term term = { S("kind"), S("rare"), false };
	bool good = true;
	uint64_t n;

	for (n = 1; good && n < 4000; n++) {
		struct told t = { 0 };
		struct look l = { .terms = &term, .n_terms = 1, .since = INT64_MIN, .source = S(""), .most = 2, .go_on = go_on, .event = on_event, .ctx = &t };
		int64_t before = mem_live();
		enum rc rc;

		mem_fail_at(n, 0);
		rc = look_run(h, &l, NULL);
		mem_fail_at(0, 0);
		good = (rc == RC_OK || rc == RC_NOMEM) && mem_live() == before;
		if (rc == RC_OK && t.n == 2)
			break;
	}
	OK(good && n > 1 && n < 4000, "of %llu allocations each may fail", (unsigned long long)n - 1);
}

int main(void)
{
	struct history *h;

	snprintf(dir, sizeof dir, "/tmp/lianfang-look.XXXXXX");
	arena = arena_new((size_t)256 << 20);
	if (arena == NULL || mkdtemp(dir) == NULL)
		return 1;
	test_terms();
	test_places();
	h = make_history();
	if (h != NULL) {
		for (int i = 0; i < 4; i++)
			test_pages(h, (i & 1) != 0, (i & 2) != 0);
		test_counts(h);
		test_memory(h);
	}
	history_close(h);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(arena);
	return tap_done();
}
