/* Running the automaton of an expression: a set of positions goes over the text.
 * In a long text the sets soon repeat, so each gets a number, and where a class
 * of characters leads from it is remembered: then a character costs one look.
 * Room for numbers is fixed. Text that always makes new sets is searched
 * without them, which takes longer and is linear, too. */
#include "detect/engine_nfa_int.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/mem.h"
#include "base/text.h"

#define NUMBERS 128
#define LONG 192   /* of shorter texts not enough repeats */
#define MATCH 254
#define NOT_YET 255

struct nfa_memo {
	const struct nfa *of;
	uint32_t n;
	uint32_t made;                           /* numbers given in this text */
	uint8_t number_of[2 * NUMBERS];          /* by hash of a set: its number + 1 */
	struct set set[NUMBERS];
	uint8_t next[NUMBERS * NFA_CLASSES_MAX]; /* by number and class */
};

struct nfa_memo *nfa_memo_new(void)
{
	return mem_alloc(sizeof(struct nfa_memo));
}

void nfa_memo_free(struct nfa_memo *m)
{
	mem_free(m);
}

static inline bool none(const struct nfa *n, const struct set *s)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < n->words; i++)
		any |= s->w[i];
	return any == 0;
}

/* step of an automaton of one word, as nearly all are. */
static inline bool step_word(const struct nfa *n, struct set *s, unsigned symbol)
{
	uint64_t now = s->w[0], next = n->first.w[0] | (now & n->chain.w[0]) << 1;

	for (uint64_t w = now & n->more.w[0]; w != 0; w &= w - 1)
		next |= n->follow[(unsigned)__builtin_ctzll(w)].w[0];
	s->w[0] = next & n->has[symbol].w[0];
	return (s->w[0] & n->last.w[0]) != 0;
}

/* The set behind one more symbol; true: the match is there. */
static inline bool step(const struct nfa *n, struct set *s, unsigned symbol)
{
	struct set next = n->first;
	uint64_t done = 0, carry = 0;

	if (n->words == 1)
		return step_word(n, s, symbol);
	for (uint32_t i = 0; i < n->words; i++) {
		uint64_t steps = s->w[i] & n->chain.w[i];

		next.w[i] |= steps << 1 | carry;
		carry = steps >> 63;
	}
	for (uint32_t i = 0; i < n->words; i++) {
		for (uint64_t w = s->w[i] & n->more.w[i]; w != 0; w &= w - 1) {
			const struct set *f = &n->follow[i * 64 + (unsigned)__builtin_ctzll(w)];

			for (uint32_t k = 0; k < n->words; k++)
				next.w[k] |= f->w[k];
		}
	}
	for (uint32_t i = 0; i < n->words; i++) {
		s->w[i] = next.w[i] & n->has[symbol].w[i];
		done |= s->w[i] & n->last.w[i];
	}
	return done != 0;
}

static struct str char_at(struct str text, size_t at)
{
	return str_make(text.p + at, (unsigned char)text.p[at] < 0x80 ? 1 : utf8_len(text, at));
}

static unsigned symbol_of(struct str ch)
{
	if ((unsigned char)ch.p[0] < 0x80)
		return (unsigned char)ch.p[0];
	if (str_eq(ch, S("\xc5\xbf")))
		return SYMBOL_LONG_S;
	return str_eq(ch, S("\xe2\x84\xaa")) ? SYMBOL_KELVIN : SYMBOL_WIDE;
}

/* $ holds at the end, and before a line's end that is the last character. */
static bool ends_here(const struct nfa *n, struct set s)
{
	return step(n, &s, SYMBOL_END);
}

#ifdef __x86_64__
/* Sixty-four at a look; what is beyond ASCII is looked at by itself. */
__attribute__((target("avx512f,avx512bw,avx512vbmi"), noinline)) static size_t skip64(const struct nfa *n, struct str text, size_t at)
{
	__m512i low = _mm512_loadu_si512(n->stop), high = _mm512_loadu_si512(n->stop + 64);

	for (; at + 64 <= text.n; at += 64) {
		__m512i x = _mm512_loadu_si512(text.p + at), stops = _mm512_permutex2var_epi8(low, x, high);
		uint64_t found = _mm512_test_epi8_mask(stops, stops) | _mm512_movepi8_mask(x);

		if (found != 0)
			return at + (size_t)__builtin_ctzll(found);
	}
	return at;
}

#define SKIP_NEAR 16 /* most are found by then */
#endif

/* With nothing begun: to where something may begin. (A $ that asks for nothing before it holds at the end, too.) */
static size_t skip(const struct nfa *n, struct str text, size_t at)
{
#ifdef __x86_64__
	size_t near = at + SKIP_NEAR;

	while (at < text.n && at < near && !n->stop[(unsigned char)text.p[at]])
		at++;
	if (at == near && text.n - at >= 64 && __builtin_cpu_supports("avx512vbmi"))
		at = skip64(n, text, at);
#endif
	while (at < text.n && !n->stop[(unsigned char)text.p[at]])
		at++;
	return at;
}

static bool run_sets(const struct nfa *n, struct set s, struct str text, size_t at)
{
	while (at < text.n) {
		struct str ch;

		if (none(n, &s) && (at = skip(n, text, at)) == text.n)
			break;
		ch = char_at(text, at);
		if (*ch.p == '\n' && at + 1 == text.n && ends_here(n, s))
			return true;
		if (ch.n == 0)
			s = (struct set){ 0 };
		else if (step(n, &s, symbol_of(ch)))
			return true;
		at += ch.n == 0 ? 1 : ch.n;
	}
	return ends_here(n, s);
}

/* ---- by numbers */

static void forget(struct nfa_memo *m, const struct nfa *n)
{
	m->of = n;
	m->n = 1; /* 0 is the empty set */
	memset(m->number_of, 0, sizeof m->number_of);
	memset(m->next, NOT_YET, NUMBERS * n->classes);
	m->set[0] = (struct set){ 0 };
}

static unsigned number_of(struct nfa_memo *m, const struct nfa *n, const struct set *s)
{
	uint64_t h = 0;
	uint32_t at;

	if (none(n, s))
		return 0;
	for (uint32_t i = 0; i < n->words; i++)
		h = (h ^ s->w[i]) * 0x9e3779b97f4a7c15u;
	for (at = (uint32_t)(h >> 56); m->number_of[at % COUNTOF(m->number_of)] != 0; at++) {
		unsigned k = m->number_of[at % COUNTOF(m->number_of)] - 1u;

		if (memcmp(&m->set[k], s, n->words * sizeof *s->w) == 0)
			return k;
	}
	m->made++;
	if (m->n == NUMBERS) {
		forget(m, n);
		at = (uint32_t)(h >> 56);
	}
	m->number_of[at % COUNTOF(m->number_of)] = (uint8_t)(m->n + 1);
	m->set[m->n] = *s;
	return m->n++;
}

static unsigned find_next(struct nfa_memo *m, const struct nfa *n, unsigned from, unsigned symbol)
{
	struct set s = m->set[from];
	uint32_t before = m->n;
	unsigned next = step(n, &s, symbol) ? MATCH : number_of(m, n, &s);

	if (m->n >= before) /* not forgotten meanwhile */
		m->next[from * n->classes + n->class_of[symbol]] = (uint8_t)next;
	return next;
}

/* As far as ASCII leads from number to number that are known. */
static size_t run_known(const struct nfa *n, const struct nfa_memo *m, struct str text, size_t at, unsigned *now)
{
	unsigned in = *now;
	/* Before a line's end that is the last character $ holds. */
	size_t end = text.p[text.n - 1] == '\n' ? text.n - 1 : text.n;

	for (; at < end && in != 0; at++) {
		unsigned char c = (unsigned char)text.p[at];
		unsigned next;

		if (c >= 0x80)
			break;
		next = m->next[in * n->classes + n->class_of[c]];
		if (next >= MATCH)
			break;
		in = next;
	}
	*now = in;
	return at;
}

static bool run_numbers(const struct nfa *n, struct nfa_memo *m, const struct set *begun, struct str text)
{
	unsigned now;
	size_t at = 0;

	if (m->of != n)
		forget(m, n);
	m->made = 0;
	now = number_of(m, n, begun);
	while (at < text.n) {
		struct str ch;
		unsigned symbol, next;

		at = now == 0 ? skip(n, text, at) : run_known(n, m, text, at, &now);
		if (at == text.n)
			break;
		ch = char_at(text, at);
		if (UNLIKELY(*ch.p == '\n') && at + 1 == text.n && ends_here(n, m->set[now]))
			return true;
		if (UNLIKELY(ch.n == 0)) {
			now = 0;
			at++;
			continue;
		}
		symbol = symbol_of(ch);
		next = m->next[now * n->classes + n->class_of[symbol]];
		if (UNLIKELY(next >= MATCH)) {
			if (next == NOT_YET)
				next = find_next(m, n, now, symbol);
			if (next == MATCH)
				return true;
			if (m->made > NUMBERS + at / 8)
				return run_sets(n, m->set[next], text, at + ch.n);
		}
		now = next;
		at += ch.n;
	}
	return ends_here(n, m->set[now]);
}

bool nfa_matches(const struct nfa *n, struct nfa_memo *m, struct str text)
{
	struct set s = { 0 };

	if (n->nullable || step(n, &s, SYMBOL_BEGIN))
		return true;
	return text.n < LONG ? run_sets(n, s, text, 0) : run_numbers(n, m, &s, text);
}
