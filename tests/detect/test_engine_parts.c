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
	{ "abc.*defgh", "defgh & abc" },
	{ "abcdx?", "abcd" },
	{ "abcdx+", "abcdx" },
	{ "x{0}abcd", "abcd" },
	{ "ab{2}cdefg", "cdefg & ab" },
	{ "(abcd)?efgh", "efgh" },
	{ "(abcd|efgh)", "abcd efgh" },
	{ "abcd|efgh", "abcd efgh" },
	{ "abcd|e*", "" },
	{ "(ab(cd)+|ef.gh)i", "ab ef & i" },
	{ "abcd|", "" },
	{ "(?:abcd|efgh)+ijklmnop", "ijklmnop & abcd efgh" },
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
	{ "ab\\dcdef", "cdef & ab" },
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
		const struct regex_need *needs;
		char got[200] = "";
		size_t n = regex_needs(a, t, str_of(patterns[i].pattern), &needs), at = 0;

		for (size_t k = 0; k < n; k++)
			for (uint32_t one = 0; one < needs[k].n; one++)
				at += (size_t)snprintf(got + at, sizeof got - at, "%s%.*s", one > 0 ? " " : k > 0 ? " & " : "",
						       STR(needs[k].any[one]));
		OK(strcmp(got, patterns[i].want) == 0, "/%s/: \"%s\"", patterns[i].pattern, got);
	}
}

/* ---- expressions by the automaton against PCRE2 */

static size_t random_regex(char *out, unsigned depth)
{
	static const char *const atoms[] = { "a", "b", "A", ".", "[ab]", "[^a]", "\\w", "\\s", "\\W", "\\.", "[a-c-]", "\\x41", "[]a]", "\\n", "[^\\s]" };
	static const char *const counts[] = { "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "+?", "*?", "" , "", "", "", "", "" };
	size_t n = 0;

	if (depth == 0 && pick(5) == 0)
		out[n++] = '^';
	for (uint32_t k = 1 + pick(4); k > 0; k--) {
		if (depth < 2 && pick(4) == 0) {
			n += (size_t)snprintf(out + n, 60, "%s", pick(2) == 0 ? "(?:" : pick(3) == 0 ? "(?i:" : "(");
			n += random_regex(out + n, depth + 1);
			out[n++] = ')';
		} else {
			n += (size_t)snprintf(out + n, 60, "%s", atoms[pick(COUNTOF(atoms))]);
		}
		n += (size_t)snprintf(out + n, 60, "%s", counts[pick(COUNTOF(counts))]);
		if (depth < 2 && pick(6) == 0)
			out[n++] = '|';
	}
	if (depth == 0 && pick(5) == 0)
		out[n++] = '$';
	out[n] = '\0';
	return n;
}

static void test_nfa(void)
{
	struct regex_env *env = regex_env_new();
	struct regex_run run;
	struct err err;
	size_t wrong = 0, held = 0, tried = 0, left = 0;

	OK(env != NULL && regex_run_new(env, &run, &err) == RC_OK, "new");
	for (int i = 0; i < 6000; i++) {
		char pattern[400], text[8000];
		struct str p = str_make(pattern, random_regex(pattern, 0));
		unsigned flags = pick(3) == 0 ? SIGMA_RE_I : pick(3) == 0 ? SIGMA_RE_S : 0;
		struct regex *re;
		struct nfa_memo *memo;
		struct nfa *n = nfa_new(p, (flags & SIGMA_RE_I) != 0, (flags & SIGMA_RE_S) != 0, false);

		if (regex_compile(env, p, flags, &re, &err) != RC_OK || n == NULL) {
			left++;
			nfa_free(n);
			continue;
		}
		nfa_free(re->nfa);
		re->nfa = NULL;
		memo = nfa_memo_new();
		for (int k = 0; k < 12; k++) {
			size_t len = 0;
			uint32_t tokens = k < 10 ? pick(12) : 150 + pick(200); /* long enough to be searched by numbers */
			uint64_t was;
			bool want;

			for (uint32_t c = tokens; c > 0; c--) {
				len += (size_t)snprintf(text + len, 4, "%s", (const char *[]){ "a", "b", "c", "A", " ", ".", "\n", "\xc3\xa9", "-" }[pick(9)]);
				if (k >= 10 && pick(8) == 0) /* nothing begins there: passed over in wide looks */
					for (uint32_t skipped = pick(120); skipped > 0 && len < sizeof text - 8; skipped--)
						text[len++] = 'z';
			}
			was = run.limits;
			want = regex_search(re, &(struct text){ .plain = str_make(text, len) }, &run);
			if (run.limits != was)
				continue;
			held += want;
			tried++;
			if (nfa_matches(n, memo, str_make(text, len)) != want && wrong++ == 0)
				printf("# /%.*s/ %u \"%.*s\": %d\n", STR(p), flags, (int)len, text, want);
		}
		nfa_memo_free(memo);
		nfa_free(n);
	}
	OK(wrong == 0 && held > tried / 8 && held < tried && left < 600, "%zu searches, %zu held, as PCRE2 has them (%zu left to it)", tried, held,
	   left);
	regex_run_done(&run);
	regex_env_free(env);
}

/* More sets than there is room for: at each letter a new one, or (few letters that are not b) one now and then. */
static void test_many_sets(void)
{
	static const struct { const char *pattern; size_t between; uint32_t every; } rows[] = { { "a.{90}c", 91, 1 }, { "a.{12}c", 13, 160 } };
	static char text[20000];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct nfa *n = nfa_new(str_of(rows[i].pattern), false, false, false);
		struct nfa_memo *memo = nfa_memo_new();
		size_t wrong = 0, held = 0;

		for (int round = 0; round < 400; round++) {
			size_t len = 5000 + pick(sizeof text - 5000), at = len - 1 - pick(8);
			bool want;

			for (size_t k = 0; k < len; k++)
				text[k] = k % rows[i].every < 6 && pick(2) == 0 ? 'a' : 'b';
			text[at] = 'c';
			if (rows[i].every > 1)
				text[at - rows[i].between] = "ab"[pick(2)];
			want = text[at - rows[i].between] == 'a';
			held += want;
			wrong += nfa_matches(n, memo, str_make(text, len)) != want;
		}
		OK(wrong == 0 && held > 100 && held < 300, "/%s/: %zu of 400 found", rows[i].pattern, held);
		nfa_memo_free(memo);
		nfa_free(n);
	}
}

static const struct { const char *pattern; bool read; } readable[] = {
	{ "a(b|c)*d{2,5}[x-z]+$", true }, { "(?i)^abc", true }, { "", true }, { "(a)\\1", false }, { "\\bword", false }, { "(?=a)b", false },
	{ "a++", false }, { "\xc3\xa9", false }, { "a{300}", false }, { "(?m)^a", false }, { "^^a", false }, { "a$b", false }, { "[[:alpha:]]", false },
};

/* Expressions that are famous for taking for ever. */
static const struct { const char *pattern, *unit; } bombs[] = {
	{ "(a+)+$", "a" }, { "(a|a)*$", "a" }, { "(.*)*x", "ab" }, { ".+\\..+@.+\\.[a-z]+", "a.b@" }, { "(x+x+)+y", "x" }, { "\\b(a+)+\\b!", "a" },
	{ "(a*)*\\1b", "a" },
};

static void test_bombs(void)
{
	struct regex_env *env = regex_env_new();
	struct regex_run run;
	struct err err;
	char *text = mem_alloc(100000);

	for (size_t i = 0; i < COUNTOF(readable); i++) {
		struct nfa *n = nfa_new(str_of(readable[i].pattern), false, false, false);

		OK((n != NULL) == readable[i].read, "/%s/ is %s", readable[i].pattern, readable[i].read ? "read" : "left to PCRE2");
		nfa_free(n);
	}
	OK(text != NULL && regex_run_new(env, &run, &err) == RC_OK, "new");
	for (size_t i = 0; i < COUNTOF(bombs); i++) {
		size_t unit = strlen(bombs[i].unit), n = 0;
		struct regex *re;
		usec start;

		for (; n + unit < 99999; n += unit)
			memcpy(text + n, bombs[i].unit, unit);
		text[n++] = '\n' + 1;
		OK(regex_compile(env, str_of(bombs[i].pattern), 0, &re, &err) == RC_OK, "%s", bombs[i].pattern);
		start = time_mono();
		(void)regex_search(re, &(struct text){ .plain = str_make(text, n) }, &run);
		OK(time_mono() - start < USEC_PER_SEC, "/%s/ ends soon: %lld us", bombs[i].pattern, (long long)(time_mono() - start));
	}
	regex_run_done(&run);
	regex_env_free(env);
	mem_free(text);
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
	struct cache *c = NULL;
	struct err err;
	size_t wrong = 0, known = 0;

	OK(cache_new(&c, &err) == RC_OK, "new");
	for (int i = 0; i < 300000; i++) {
		char text[64];
		uint32_t what = pick(40000), n;
		struct cache_key k = { .matcher = what % 7, .how = what % 3 };
		struct str value;
		const uint32_t *hits, own[3] = { what, what + 1, what + 2 };

		value = str_make(text, (size_t)snprintf(text, sizeof text, "%*u", (int)(what % 50), what));
		cache_ask(c, &value, &k, 1);
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
	test_nfa();
	test_many_sets();
	test_bombs();
	test_globs();
	test_cache();
	return tap_done();
}
