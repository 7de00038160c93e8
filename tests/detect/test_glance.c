/* Both ways of looking at bytes against a third that is slow and obvious. */
#include "detect/glance.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "detect/observe.h"
#include "tap.h"

static uint64_t state = 7;

static unsigned draw(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static bool hex(char c)
{
	return ascii_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool has_run(const char *p, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i < n && run < GLANCE_RUN; i++)
		run = hex(p[i]) ? run + 1 : 0;
	return run == GLANCE_RUN;
}

static bool has_mark(const char *p, size_t n)
{
	return memchr(p, '.', n) != NULL || memchr(p, ':', n) != NULL;
}

static bool looks(const struct glance_way *way, const struct flat *f, unsigned place)
{
	static struct glance_values out;

	way->values(f, &out);
	for (size_t i = 0; i < out.n; i++)
		if (out.place[i] == place)
			return out.text[i].p == f->v[place].p && out.text[i].n == f->v[place].n && out.names == (1u << 6 | 1u << 1);
	return false;
}

static struct flat *one(struct flat *f, enum flat_type type, const char *p, size_t n, uint8_t flags)
{
	flat_clear(f);
	flat_put(f, FIELD_NONE, S("before"), FLAT_STRING, S("x"), 0);
	flat_put(f, FIELD_NONE, S("v"), type, str_make(p, n), flags);
	return f;
}

static void test_named(const struct glance_way *way, struct flat *f)
{
	static const struct { const char *text; enum flat_type type; uint8_t flags; bool worth; } rows[] = {
		{ "a.bc", FLAT_STRING, 0, true }, { "a.b", FLAT_STRING, 0, false }, { "10.0.0.1", FLAT_NUMBER, 0, false }, { "::1", FLAT_STRING, 0, false },
		{ "abcd", FLAT_STRING, 0, false }, { "2001:db8::", FLAT_STRING, 0, true }, { "", FLAT_STRING, 0, false },
		{ "2023-08-16 05:00:01.967", FLAT_STRING, 0, false }, { "2023-08-15T10:00:02.053Z", FLAT_STRING, 0, false },
		{ "2023-08-15T10:00:02+08:00", FLAT_STRING, 0, false }, { "2023-08-15T10:00:02", FLAT_STRING, 0, false },
		{ "2023-08-15T10:00:0", FLAT_STRING, 0, true }, { "2023-08-15X10:00:02", FLAT_STRING, 0, true },
		{ "2023-08-15T10:00:02.1.2", FLAT_STRING, 0, true }, { "2023-08-15T10:00:02+08:00:00", FLAT_STRING, 0, true },
		{ "2023-08-15T10:00:02 a.example", FLAT_STRING, 0, true }, { "2023/08/15T10:00:02", FLAT_STRING, 0, true },
		{ "a023-08-15T10:00:02", FLAT_STRING, 0, true },
		{ "44d88612fea8a8f36de82e1278abb02f", FLAT_STRING, 0, true }, { "44d88612fea8a8f36de82e1278abb02", FLAT_STRING, 0, false },
		{ "{81056205-57d1-64dc-0105-000000000800}", FLAT_STRING, 0, false },
		{ "MD5=44D88612FEA8A8F36DE82E1278ABB02F", FLAT_STRING, 0, true },
		{ "evil\\u002eexample", FLAT_STRING, FLAT_ESCAPED, true }, { "evil\\u002eexample", FLAT_STRING, 0, false },
		{ "DOMAIN\\\\name", FLAT_STRING, FLAT_ESCAPED, false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(looks(way, one(f, rows[i].type, rows[i].text, strlen(rows[i].text), rows[i].flags), 1) == rows[i].worth, "%s: %s", way->name,
		   rows[i].text);
}

/* Each value stands at the end of its own memory, so that a look beyond it is seen by whoever watches. */
static void test_values(const struct glance_way *way, struct flat *f)
{
	static const char letters[] = "0123456789abcdefABCDEFghXZ -_\\/";
	int wrong = 0;

	for (int round = 0; round < 20000; round++) {
		size_t n = draw(4) == 0 ? draw(200) : draw(70);
		char *p = mem_alloc(n + 1);
		unsigned kinds = draw(3) == 0 ? 22 : sizeof letters - 1;
		bool want;

		for (size_t i = 0; i < n; i++)
			p[i] = letters[draw(kinds)];
		if (n > 0 && draw(3) == 0)
			p[draw((unsigned)n)] = ".:"[draw(2)];
		p = mem_resize(p, n == 0 ? 1 : n);
		want = n >= GLANCE_LEAST && (has_mark(p, n) || has_run(p, n));
		wrong += looks(way, one(f, FLAT_STRING, p, n, 0), 1) != want;
		mem_free(p);
	}
	OK(wrong == 0, "%s: %d values wrong", way->name, wrong);
}

/* Times with a letter or two changed, cut or longer: all ways say the same of them. */
static void test_times(const struct glance_way *ways, size_t n_ways, struct flat *f)
{
	static const char *const times[] = { "2023-08-16 05:00:01.967", "2023-08-15T10:00:02.053Z", "2023-08-15T10:00:02.0531234+08:00",
					     "2023-08-15T10:00:02+08:00", "2023-08-15 10:00:02" };
	static const char letters[] = "0123456789/.:-+,Z TXaf\xff";
	size_t worth = 0, rounds = 20000;
	int wrong = 0;

	for (size_t round = 0; round < rounds; round++) {
		const char *from = times[draw(COUNTOF(times))];
		size_t n = strlen(from), k = n;
		char *p = mem_alloc(48);
		bool first;

		memcpy(p, from, n);
		if (draw(3) == 0)
			n = draw(40);
		for (; k < n; k++)
			p[k] = letters[draw(sizeof letters - 1)];
		for (unsigned changes = draw(3); changes > 0 && n > 0; changes--)
			p[draw((unsigned)n)] = letters[draw(sizeof letters - 1)];
		p = mem_resize(p, n == 0 ? 1 : n);
		first = looks(&ways[0], one(f, FLAT_STRING, p, n, 0), 1);
		for (size_t w = 1; w < n_ways; w++)
			wrong += looks(&ways[w], f, 1) != first;
		worth += first;
		mem_free(p);
	}
	OK(wrong == 0 && worth > rounds / 8 && worth < rounds * 7 / 8, "times: %d wrong, %zu of %zu none", wrong, worth, rounds);
}

static void test_bytes(const struct glance_way *way)
{
	int wrong = 0;

	for (int round = 0; round < 2000; round++) {
		size_t n = draw(65);
		char *p = mem_alloc(n + 1);
		struct glance g, want = { 0, 0, 0 };

		for (size_t i = 0; i < n; i++)
			p[i] = (char)draw(256);
		p = mem_resize(p, n == 0 ? 1 : n);
		for (size_t i = 0; i < n; i++) {
			want.splits |= (uint64_t)(p[i] != '\0' && strchr(" \t\r\n,;=|\"'()<>{}`", p[i]) != NULL) << i;
			want.dots |= (uint64_t)(p[i] == '.') << i;
			want.colons |= (uint64_t)(p[i] == ':') << i;
		}
		g = way->bytes(p, n);
		wrong += g.splits != want.splits || g.dots != want.dots || g.colons != want.colons;
		mem_free(p);
	}
	OK(wrong == 0, "%s: bytes, %d wrong", way->name, wrong);
}

/* Strings put together from words, names and hashes: exactly these are found, in their order, wherever blocks of bytes end. */
struct told { struct buf want, got; };

static void on_found(void *ctx, enum observable_kind kind, struct str value)
{
	struct told *t = ctx;

	buf_fmt(&t->got, "%d %.*s\n", kind, STR(value));
}

static void put_word(struct buf *text, struct buf *want)
{
	static const struct { enum observable_kind kind; unsigned n; } hashes[] = { { OBS_MD5, 32 }, { OBS_SHA1, 40 }, { OBS_SHA256, 64 } };
	unsigned what = draw(6), n = draw(90);

	if (what == 0) {
		buf_fmt(want, "%d h%u.example\n", OBS_DOMAIN, n);
		buf_fmt(text, "h%u.example", n);
	} else if (what == 1) {
		char hash[65];

		for (unsigned i = 0; i < 64; i++)
			hash[i] = "0123456789abcdef"[draw(16)];
		buf_fmt(text, "%.*s", (int)hashes[n % 3].n, hash);
		buf_fmt(want, "%d %.*s\n", hashes[n % 3].kind, (int)hashes[n % 3].n, hash);
	} else {
		for (unsigned i = 0; i < n; i++)
			buf_fmt(text, "%c", 'g' + (int)draw(16));
	}
}

static void test_tokens(void)
{
	struct told t;
	struct buf text, normal;
	int wrong = 0;

	buf_init(&t.want, 1 << 20);
	buf_init(&t.got, 1 << 20);
	buf_init(&text, 1 << 20);
	buf_init(&normal, OBSERVE_NORMAL_MAX);
	for (int round = 0; round < 5000; round++) {
		buf_clear(&t.want);
		buf_clear(&t.got);
		buf_clear(&text);
		for (unsigned words = draw(12); words > 0; words--) {
			put_word(&text, &t.want);
			buf_fmt(&text, "%c", " \t\r\n,;=|\"'()<>{}`"[draw(17)]);
		}
		if (draw(2) == 0)
			put_word(&text, &t.want);
		wrong += !observe_string(buf_view(&text), &normal, on_found, &t) || !str_eq(buf_view(&t.want), buf_view(&t.got));
	}
	OK(wrong == 0, "tokens: %d strings wrong", wrong);
	buf_done(&t.want);
	buf_done(&t.got);
	buf_done(&text);
	buf_done(&normal);
}

static void count_found(void *ctx, enum observable_kind kind UNUSED, struct str value UNUSED)
{
	++*(size_t *)ctx;
}

/* Each of them might go on to the end of the text: what that takes has a limit, and whoever asked is told. */
static void test_flood(void)
{
	struct buf text, normal;
	size_t found = 0;

	buf_init(&text, (size_t)2 << 20);
	buf_init(&normal, OBSERVE_NORMAL_MAX);
	while (text.n < 1000000)
		buf_cstr(&text, "http://a.example/b=c,");
	OK(!observe_string(buf_view(&text), &normal, count_found, &found), "flood: it is more than is looked at");
	OK(found >= 4096 && found < 8192, "flood: %zu were found", found);
	buf_clear(&text);
	buf_cstr(&text, "see http://a.example/b=c,d=e for more");
	found = 0;
	OK(observe_string(buf_view(&text), &normal, count_found, &found) && found == 2, "flood: one is found short and long, %zu", found);
	buf_done(&text);
	buf_done(&normal);
}

int main(void)
{
	struct glance_way ways[2];
	size_t n = glance_ways(ways);
	struct flat *f = NULL;

	if (flat_new(&f, NULL) != RC_OK)
		return 1;
	for (size_t i = 0; i < n; i++) {
		test_named(&ways[i], f);
		test_values(&ways[i], f);
		test_bytes(&ways[i]);
	}
	test_times(ways, n, f);
	test_tokens();
	test_flood();
	flat_free(f);
	return tap_done();
}
