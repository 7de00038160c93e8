/* Regular expressions in linear time, for those that PCRE2 could be kept busy
 * with: Glushkov's automaton, a position for each character of the expression
 * and a set of positions that goes over the text. It only tells whether there
 * is a match, which for what is read here does not depend on how greedy one
 * is. What is not read (references, assertions, \b, possessive quantifiers,
 * characters beyond ASCII that are named) is left to PCRE2 and its limits.
 *
 * A repeated atom is read again for each copy. Begin and end of the text are
 * symbols of their own, which ^ and $ consume. Characters beyond ASCII are one
 * symbol but for two; bytes that are no UTF-8 end every match, as they do in PCRE2. */
#include "detect/engine_nfa_int.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "base/text.h"

#define READS_MAX 4000 /* atoms read, copies counted */
#define NEST_MAX 20

/* What a part of the expression begins and ends with. */
struct part {
	struct set first, last;
	bool null;
};

struct reader {
	struct str s;
	size_t at;
	struct nfa *n;
	uint32_t positions, reads;
	bool bad, any_case, dot_all, lines;
};

static struct set set_or(struct set a, struct set b)
{
	for (int i = 0; i < WORDS; i++)
		a.w[i] |= b.w[i];
	return a;
}

static void link_parts(struct nfa *n, const struct set *from, const struct set *to)
{
	for (unsigned p = 0; p < POSITIONS_MAX; p++)
		if ((from->w[p / 64] >> (p % 64) & 1) != 0)
			n->follow[p] = set_or(n->follow[p], *to);
}

static struct part join(struct nfa *n, struct part a, struct part b)
{
	link_parts(n, &a.last, &b.first);
	return (struct part){ a.null ? set_or(a.first, b.first) : a.first, b.null ? set_or(a.last, b.last) : b.last, a.null && b.null };
}

static bool next_is(const struct reader *r, char c)
{
	return r->at < r->s.n && r->s.p[r->at] == c;
}

static bool accept(struct reader *r, char c)
{
	if (!next_is(r, c))
		return false;
	r->at++;
	return true;
}

/* ---- atoms */

struct class { bool has[SYMBOLS]; };

static struct part position(struct reader *r, const struct class *c)
{
	struct part p = { 0 };
	unsigned at = r->positions;

	if (at == POSITIONS_MAX) {
		r->bad = true;
		return p;
	}
	r->positions++;
	p.first.w[at / 64] = p.last.w[at / 64] = (uint64_t)1 << (at % 64);
	for (unsigned i = 0; i < SYMBOLS; i++)
		if (c->has[i])
			r->n->has[i] = set_or(r->n->has[i], p.first);
	return p;
}

static void class_add(const struct reader *r, struct class *c, unsigned char ch)
{
	c->has[ch] = true;
	if (!r->any_case || !ascii_alpha((char)ch))
		return;
	c->has[ch ^ 32] = true;
	c->has[SYMBOL_LONG_S] |= (ch | 32) == 's';
	c->has[SYMBOL_KELVIN] |= (ch | 32) == 'k';
}

static bool in_kind(char kind, char ch)
{
	switch (kind) {
	case 'd': return ascii_digit(ch);
	case 'w': return ascii_alnum(ch) || ch == '_';
	default: return ascii_space(ch);
	}
}

/* \d \w \s and their opposites, which hold all beyond ASCII. */
static bool class_kind(struct class *c, char kind)
{
	char small = ascii_to_lower(kind);
	bool not = kind != small;

	if (small != 'd' && small != 'w' && small != 's')
		return false;
	for (int ch = 0; ch < 128; ch++)
		c->has[ch] |= in_kind(small, (char)ch) != not;
	for (int i = SYMBOL_WIDE; i <= SYMBOL_KELVIN; i++)
		c->has[i] |= not;
	return true;
}

/* Behind a backslash: the character that is meant, or -1. */
static int escaped(struct reader *r, char c)
{
	static const char controls[] = "nrtfea", values[] = "\n\r\t\f\x1b\a";
	const char *at;
	int v = 0, n = 0;

	if (c == '\0' || (unsigned char)c >= 0x80)
		return -1;
	if (!ascii_alnum(c))
		return c;
	at = strchr(controls, c);
	if (at != NULL)
		return values[at - controls];
	if (c != 'x' || next_is(r, '{'))
		return -1;
	for (; n < 2 && r->at < r->s.n && hex_value(r->s.p[r->at]) >= 0; n++)
		v = v * 16 + hex_value(r->s.p[r->at++]);
	return n == 0 || v >= 0x80 ? -1 : v;
}

/* One end of a range, or a kind (then -2). */
static int bracket_item(struct reader *r, struct class *c)
{
	char ch = r->s.p[r->at++];
	int v;

	if (ch == '[' && (next_is(r, ':') || next_is(r, '.') || next_is(r, '=')))
		return -1;
	if (ch != '\\')
		return (unsigned char)ch < 0x80 ? ch : -1;
	if (r->at == r->s.n)
		return -1;
	ch = r->s.p[r->at++];
	if (class_kind(c, ch))
		return -2;
	v = escaped(r, ch);
	return ch == 'b' ? '\b' : v;
}

static struct part bracket(struct reader *r)
{
	struct class c = { 0 };
	bool not = accept(r, '^'), first = true;

	for (; r->at < r->s.n && !r->bad && (first || r->s.p[r->at] != ']'); first = false) {
		int low = bracket_item(r, &c), high = low;

		if (low != -2 && next_is(r, '-') && r->at + 1 < r->s.n && r->s.p[r->at + 1] != ']') {
			r->at++;
			high = bracket_item(r, &c);
		}
		r->bad |= low == -1 || high == -1 || (low >= 0 && high < low);
		for (int ch = low; ch >= 0 && ch <= high && !r->bad; ch++)
			class_add(r, &c, (unsigned char)ch);
	}
	r->bad |= !accept(r, ']');
	for (int i = 0; not && i <= SYMBOL_KELVIN; i++)
		c.has[i] = !c.has[i];
	return position(r, &c);
}

static struct part escape(struct reader *r)
{
	struct class c = { 0 };
	char ch = r->at < r->s.n ? r->s.p[r->at++] : '\0';
	int v;

	if (!class_kind(&c, ch)) {
		v = escaped(r, ch);
		r->bad |= v < 0;
		if (v >= 0)
			class_add(r, &c, (unsigned char)v);
	}
	return position(r, &c);
}

static struct part alternation(struct reader *r, unsigned depth);

static struct part group(struct reader *r, unsigned depth)
{
	bool any_case = r->any_case, dot_all = r->dot_all, lines = r->lines;
	struct part p = { .null = true };

	if (accept(r, '?')) {
		for (; next_is(r, 'i') || next_is(r, 's') || next_is(r, 'm'); r->at++) {
			any_case |= r->s.p[r->at] == 'i';
			dot_all |= r->s.p[r->at] == 's';
			lines |= r->s.p[r->at] == 'm';
		}
		if (accept(r, ')')) { /* for the rest of the group around */
			r->any_case = any_case;
			r->dot_all = dot_all;
			r->lines = lines;
			return p;
		}
		r->bad |= !accept(r, ':');
	}
	r->bad |= next_is(r, '*') || depth >= NEST_MAX;
	if (r->bad)
		return p;
	struct { bool any_case, dot_all, lines; } outer = { r->any_case, r->dot_all, r->lines };
	r->any_case = any_case;
	r->dot_all = dot_all;
	r->lines = lines;
	p = alternation(r, depth + 1);
	r->any_case = outer.any_case;
	r->dot_all = outer.dot_all;
	r->lines = outer.lines;
	r->bad |= !accept(r, ')');
	return p;
}

static struct part atom(struct reader *r, unsigned depth)
{
	struct class c = { 0 };
	char ch = r->s.p[r->at++];

	r->bad |= ++r->reads > READS_MAX || (unsigned char)ch >= 0x80 || ch == '*' || ch == '+' || ch == '?';
	if (ch == '(')
		return group(r, depth);
	if (ch == '[')
		return bracket(r);
	if (ch == '\\')
		return escape(r);
	if (ch == '^' || ch == '$') {
		r->bad |= r->lines;
		c.has[ch == '^' ? SYMBOL_BEGIN : SYMBOL_END] = true;
	} else if (ch == '.') {
		for (int i = 0; i <= SYMBOL_KELVIN; i++)
			c.has[i] = r->dot_all || i != '\n';
	} else if (!r->bad) {
		class_add(r, &c, (unsigned char)ch);
	}
	return position(r, &c);
}

/* ---- repetition, sequence, alternation */

#define NO_END UINT32_MAX

/* False: none; a brace that is no quantifier is a character. */
static bool quantifier(struct reader *r, uint32_t *least, uint32_t *most)
{
	size_t at = r->at + 1;
	uint32_t v[2] = { 0, NO_END };
	bool comma = false;

	if (r->at >= r->s.n)
		return false;
	if (r->s.p[r->at] == '*' || r->s.p[r->at] == '+' || r->s.p[r->at] == '?') {
		*least = r->s.p[r->at] == '+';
		*most = r->s.p[r->at] == '?' ? 1 : NO_END;
	} else {
		if (r->s.p[r->at] != '{' || at >= r->s.n || !ascii_digit(r->s.p[at]))
			return false;
		for (; at < r->s.n && (ascii_digit(r->s.p[at]) || (r->s.p[at] == ',' && !comma)); at++) {
			uint32_t *to = &v[comma];

			if (r->s.p[at] == ',')
				comma = true;
			else
				*to = (*to == NO_END ? 0 : *to) * 10 + (uint32_t)(r->s.p[at] - '0');
			if (*to != NO_END && *to > 10000)
				return false;
		}
		if (at >= r->s.n || r->s.p[at] != '}')
			return false;
		at++;
		*least = v[0];
		*most = comma ? v[1] : v[0];
	}
	r->at = at;
	r->bad |= next_is(r, '+') || *most < *least; /* possessive */
	(void)accept(r, '?');
	return true;
}

static struct part repeated(struct reader *r, unsigned depth)
{
	size_t from = r->at, to;
	struct part p, all = { .null = true };
	uint32_t least, most;
	bool once = true;

	r->bad |= next_is(r, '{') && quantifier(r, &least, &most); /* one that repeats nothing */
	r->at = from;
	p = atom(r, depth);
	if (r->bad || !quantifier(r, &least, &most))
		return p;
	to = r->at;
	if (most == 0)
		r->bad = true; /* its positions stand already; seldom enough to be left to PCRE2 */
	for (uint32_t i = 0; i < (most == NO_END ? (least == 0 ? 1 : least) : most) && !r->bad; i++) {
		if (!once) {
			r->at = from;
			p = atom(r, depth);
		}
		once = false;
		if (most == NO_END && i + 1 >= least)
			link_parts(r->n, &p.last, &p.first);
		p.null |= i >= least;
		all = join(r->n, all, p);
	}
	r->at = to;
	return all;
}

static struct part sequence(struct reader *r, unsigned depth)
{
	struct part all = { .null = true };

	while (!r->bad && r->at < r->s.n && r->s.p[r->at] != '|' && r->s.p[r->at] != ')')
		all = join(r->n, all, repeated(r, depth));
	return all;
}

static struct part alternation(struct reader *r, unsigned depth)
{
	struct part all = sequence(r, depth);

	while (!r->bad && accept(r, '|')) {
		struct part p = sequence(r, depth);

		all.first = set_or(all.first, p.first);
		all.last = set_or(all.last, p.last);
		all.null |= p.null;
	}
	return all;
}

/* ^ and $ consume a symbol that is there once: nothing may stand behind a $, and no ^ behind another. */
static bool ends_well(const struct nfa *n)
{
	for (unsigned p = 0; p < POSITIONS_MAX; p++) {
		bool begin = (n->has[SYMBOL_BEGIN].w[p / 64] >> (p % 64) & 1) != 0, end = (n->has[SYMBOL_END].w[p / 64] >> (p % 64) & 1) != 0;

		for (int i = 0; i < WORDS; i++)
			if ((end && n->follow[p].w[i] != 0) || (begin && (n->follow[p].w[i] & n->has[SYMBOL_BEGIN].w[i]) != 0))
				return false;
	}
	return true;
}

/* Symbols that the same positions take are one class. */
static void classes_build(struct nfa *n)
{
	unsigned first[NFA_CLASSES_MAX];

	for (unsigned i = 0; i < NFA_CLASSES_MAX; i++) {
		unsigned k = 0;

		while (k < n->classes && memcmp(&n->has[first[k]], &n->has[i], sizeof n->has[i]) != 0)
			k++;
		if (k == n->classes)
			first[n->classes++] = i;
		n->class_of[i] = (uint8_t)k;
	}
}

static void chains_build(struct nfa *n)
{
	for (unsigned c = 0; c < COUNTOF(n->stop); c++) {
		n->stop[c] = c >= 0x80;
		for (int i = 0; i < WORDS && c < 0x80; i++)
			n->stop[c] |= (n->first.w[i] & n->has[c].w[i]) != 0;
	}
	for (unsigned p = 0; p < POSITIONS_MAX; p++) {
		uint64_t bit = (uint64_t)1 << (p % 64), next = (uint64_t)1 << ((p + 1) % 64), left = 0;

		if (p + 1 < POSITIONS_MAX && (n->follow[p].w[(p + 1) / 64] & next) != 0) {
			n->chain.w[p / 64] |= bit;
			n->follow[p].w[(p + 1) / 64] &= ~next;
		}
		for (int i = 0; i < WORDS; i++)
			left |= n->follow[p].w[i];
		if (left != 0)
			n->more.w[p / 64] |= bit;
	}
}

struct nfa *nfa_new(struct str pattern, bool any_case, bool dot_all, bool lines)
{
	struct nfa *n = mem_alloc(sizeof *n);
	struct reader r = { .s = pattern, .n = n, .any_case = any_case, .dot_all = dot_all, .lines = lines };
	struct part all;

	if (n == NULL)
		return NULL;
	all = alternation(&r, 0);
	n->first = all.first;
	n->last = all.last;
	n->nullable = all.null;
	n->words = (r.positions + 63) / 64;
	if (r.bad || r.at != pattern.n || !ends_well(n)) {
		mem_free(n);
		return NULL;
	}
	chains_build(n);
	classes_build(n);
	return n;
}

void nfa_free(struct nfa *n)
{
	mem_free(n);
}
