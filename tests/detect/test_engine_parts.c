/* The engine's parts that are fast by some way of their own, against the plain way: texts found many at once, literals of
 * regular expressions, wildcards, the cache. */
#include <stdlib.h>

#include "engine_world.h"
#include "tap.h"

static uint64_t seed = 7;

static uint32_t pick(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

/* ---- a few texts */

static char marks[4096];

static void mark(void *ctx, size_t at)
{
	(void)ctx;
	marks[at]++;
}

static uint32_t quad_of(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static void test_few_scan(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	static const char *const words[] = { "abcd", "-enc", " -e ", "\xc3\xa9zz", "zzzz" };
	uint32_t quads[COUNTOF(words)];
	const struct few *x;
	size_t wrong = 0, found = 0;

	for (size_t i = 0; i < COUNTOF(words); i++)
		quads[i] = quad_of(words[i]);
	OK(few_build(a, quads, COUNTOF(words), &x), "built");
	if (x == NULL) {
		SKIP("no wide vectors here", "few texts");
		return;
	}
	for (int round = 0; round < 4000; round++) {
		char text[300];
		size_t n = pick(sizeof text);

		for (size_t i = 0; i < n; i++)
			text[i] = "abcdz- enE\xc3\xa9"[pick(11)];
		for (int k = 0; k < 3 && n >= 4; k++)
			memcpy(text + pick((uint32_t)n - 3), words[pick(COUNTOF(words))], 4);
		for (size_t i = 0; i < n; i++) /* a folded text has no capitals */
			text[i] = text[i] == 'E' ? 'e' : text[i];
		memset(marks, 0, sizeof marks);
		few_scan(x, str_make(text, n), mark, NULL);
		for (size_t i = 0; i < n; i++) {
			int want = 0;

			for (size_t k = 0; k < COUNTOF(words) && i + 4 <= n; k++)
				want |= memcmp(text + i, words[k], 4) == 0;
			wrong += marks[i] != want;
			found += (size_t)want;
		}
	}
	OK(wrong == 0 && found > 1000, "%zu places, as a plain search finds them", found);
}

static const struct { const char *name, *line; bool absent; } lines[] = {
	{ "nothing there", "{\"a\":\"bcd\"}", true },
	{ "there", "{\"a\":\"xneedx\"}", false },
	{ "in capitals", "{\"a\":\"xNeEDx\"}", false },
	{ "an escape might hide it", "{\"a\":\"\\u006eeed\"}", false },
	{ "an escape anywhere", "{\"a\":\"x\\u00e9\"}", false },
	{ "two backslashes and a u are none", "{\"a\":\"C:\\\\users\"}", true },
	{ "three are", "{\"a\":\"C:\\\\\\u0073ers\"}", false },
	{ "Kelvin sign", "{\"a\":\"as\xe2\x84\xaa\"}", false },
	{ "long s", "{\"a\":\"\xc5\xbf\"}", false },
	{ "other letters", "{\"a\":\"\xe4\xb8\xad\xe6\x96\x87\xc3\xa9\"}", true },
	{ "at the end of a look", "{\"a\":\"0123456789012345678901234567890123456789012345678901234567need\"}", false },
	{ "across looks", "{\"a\":\"012345678901234567890123456789012345678901234567890123456need\"}", false },
	{ "across looks of 32", "{\"a\":\"01234567890123456789012nEEd\"}", false },
	{ "cut at the end", "{\"a\":\"nee", true },
};

static void test_few_absent(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	uint32_t quad = quad_of("need");
	const struct few *x;

	OK(few_build(a, &quad, 1, &x), "built");
	for (size_t i = 0; x != NULL && i < COUNTOF(lines); i++)
		OK(few_absent(x, str_of(lines[i].line)) == lines[i].absent, "%s", lines[i].name);
	OK(few_plain("a-.9") && !few_plain("a\\bc") && !few_plain("a/bc") && !few_plain("a\"bc") && !few_plain("a\nbc"), "what JSON escapes");
}

/* ---- literals of regular expressions */

static const struct { const char *pattern, *want; } patterns[] = {
	{ "abcdef", "abcdef" },
	{ "ABCDEF", "abcdef" },
	{ "abc.*defgh", "defgh" },
	{ "abcdx?", "abcd" },
	{ "abcdx+", "abcdx" },
	{ "x{0}abcd", "abcd" },
	{ "ab{2}cdefg", "cdefg" },
	{ "(abcd)?efgh", "efgh" },
	{ "(abcd|efgh)", "abcd efgh" },
	{ "abcd|efgh", "abcd efgh" },
	{ "abcd|e*", "" },
	{ "abcd|", "" },
	{ "(?:abcd|efgh)+ijklmnop", "ijklmnop" },
	{ "(?i)abcd", "abcd" },
	{ "(?i:ABcd)", "abcd" },
	{ "(?<name>abcd)", "abcd" },
	{ "(?!abcd)efgh", "" },
	{ "(?<!abcd)efgh", "" },
	{ "(?=abcd)", "" },
	{ "(?x)ab cd", "" },
	{ "[abcd]efgh", "efgh" },
	{ "[]x]abcd", "abcd" },
	{ "[^]x]abcd", "abcd" },
	{ "[[:alpha:]]abcd", "abcd" },
	{ "[\\]]abcd", "abcd" },
	{ "C:\\\\Windows", "c:\\windows" },
	{ "\\x41\\x{42}cd", "abcd" },
	{ "ab\\dcdef", "cdef" },
	{ "\\bword\\b", "word" },
	{ "^abcd$", "abcd" },
	{ "(abcd)\\1", "" },
	{ "\\Qab*\\E", "" },
	{ "\\p{L}abcd", "" },
	{ ".*", "" },
	{ "", "" },
	{ "a{,3}bcde", "a{,3}bcde" },
	{ "(*UCP)abcd", "" },
	{ "((((abcd))))", "abcd" },
	{ "abcd(efgh", "" },
};

static void test_literals(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	struct typical *t = typical_new(a);

	for (size_t i = 0; i < COUNTOF(patterns); i++) {
		const struct str *lit;
		char got[200] = "";
		size_t n = regex_literals(a, t, str_of(patterns[i].pattern), &lit), at = 0;

		for (size_t k = 0; k < n; k++)
			at += (size_t)snprintf(got + at, sizeof got - at, "%s%.*s", k == 0 ? "" : " ", STR(lit[k]));
		OK(strcmp(got, patterns[i].want) == 0, "/%s/: \"%s\"", patterns[i].pattern, got);
	}
}

/* ---- wildcards against trying everything */

static bool glob_slow(const struct sigma_piece *p, uint32_t n, struct str s, size_t at)
{
	if (n == 0)
		return at == s.n;
	if (p->kind == SIGMA_LITERAL)
		return s.n - at >= p->text.n && memcmp(s.p + at, p->text.p, p->text.n) == 0 && glob_slow(p + 1, n - 1, s, at + p->text.n);
	if (p->kind == SIGMA_ONE)
		return at < s.n && glob_slow(p + 1, n - 1, s, at + 1);
	for (size_t to = at; to <= s.n; to++)
		if (glob_slow(p + 1, n - 1, s, to))
			return true;
	return false;
}

static void test_globs(void)
{
	static const struct str texts[] = { { "a", 1 }, { "b", 1 }, { "ab", 2 }, { "ba", 2 } };
	size_t wrong = 0, held = 0;

	for (int i = 0; i < 200000; i++) {
		struct sigma_piece p[7] = { 0 };
		struct glob g = { p, 0 };
		char text[10];
		size_t n = pick(sizeof text + 1);
		bool want;

		for (uint32_t k = 1 + pick(6); g.n < k; g.n++) {
			uint32_t kind = pick(4);

			p[g.n].kind = kind == 0 && (g.n == 0 || p[g.n - 1].kind != SIGMA_ANY) ? SIGMA_ANY : kind == 1 ? SIGMA_ONE : SIGMA_LITERAL;
			p[g.n].text = texts[pick(COUNTOF(texts))];
		}
		for (size_t k = 0; k < n; k++)
			text[k] = "ab"[pick(2)];
		want = glob_slow(p, g.n, str_make(text, n), 0);
		held += want;
		wrong += glob_matches(&g, str_make(text, n)) != want;
	}
	OK(wrong == 0 && held > 10000, "200000 patterns, %zu held, as by trying everything", held);
}

/* ---- the cache */

static void test_cache(void)
{
	static const uint64_t secret[2] = { 1, 3 };
	struct cache *c = NULL;
	struct err err;
	size_t wrong = 0, known = 0;

	OK(cache_new(secret, &c, &err) == RC_OK, "new");
	for (int i = 0; i < 300000; i++) {
		char text[64];
		uint32_t what = pick(40000), n;
		struct cache_key k = { .matcher = what % 7, .how = what % 3, .value = { text, 0 } };
		const uint32_t *hits, own[3] = { what, what + 1, what + 2 };

		k.value.n = (size_t)snprintf(text, sizeof text, "%*u", (int)(what % 50), what);
		cache_ask(c, &k);
		cache_near(c, &k);
		if (cache_get(c, &k, &hits, &n)) {
			known++;
			wrong += n != what % 4 || (n > 0 && memcmp(hits, own, n * sizeof *hits) != 0);
		} else {
			cache_put(c, &k, own, what % 4);
		}
	}
	OK(wrong == 0 && known > 30000, "%zu times known, and rightly", known);
	cache_free(c);
}

int main(void)
{
	test_few_scan();
	test_few_absent();
	test_literals();
	test_globs();
	test_cache();
	return tap_done();
}
