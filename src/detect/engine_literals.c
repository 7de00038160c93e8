/* Which literals must stand in whatever a regular expression matches? Reads the
 * expression as PCRE2 does as far as that is simple, and answers "unknown" for
 * anything else: a wrong answer would lose matches, no answer only costs time.
 * A sequence needs each of its parts, an alternation the rarest of each branch. */
#include "detect/engine_int.h"

#include "base/ascii.h"
#include "base/fold.h"
#include "base/text.h"

#define LITERALS_MAX 64
#define NEEDS_MAX 8
#define RUN_MAX 48
#define NEST_MAX 20

struct reader {
	struct str s;
	size_t at;
	struct arena *a;
	const struct typical *typical;
	bool bad; /* something that is not read here, or no memory */
};

struct set { /* one of these must stand there */
	struct str lit[LITERALS_MAX];
	uint32_t n;
	float chance;
};

struct needs { /* one of each of these */
	struct set set[NEEDS_MAX];
	uint32_t n;
};

/* A sequence while it is read: the run of characters at hand and what it needs so far. */
struct sequence {
	char run[RUN_MAX];
	uint32_t n;
	struct needs *needs;
};

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

/* How often at least the atom before has to stand, or -1 without a quantifier. */
static int quantifier(struct reader *r)
{
	size_t at = r->at + 1, from = at;
	int least;

	if (r->at >= r->s.n)
		return -1;
	if (r->s.p[r->at] == '*' || r->s.p[r->at] == '?') {
		least = 0;
	} else if (r->s.p[r->at] == '+') {
		least = 1;
	} else if (r->s.p[r->at] == '{') {
		least = 0;
		for (; at < r->s.n && ascii_digit(r->s.p[at]); at++)
			least |= r->s.p[at] != '0';
		if (at == from)
			return -1; /* a plain brace */
		if (at < r->s.n && r->s.p[at] == ',')
			for (at++; at < r->s.n && ascii_digit(r->s.p[at]); at++)
				;
		if (at >= r->s.n || r->s.p[at] != '}')
			return -1;
		at++;
	} else {
		return -1;
	}
	r->at = at;
	if (!accept(r, '?'))
		(void)accept(r, '+');
	return least;
}

/* The rarest stand first; of too many the most common are left out. */
static void need(struct needs *to, const struct set *s)
{
	uint32_t at = 0;

	while (at < to->n && to->set[at].chance <= s->chance)
		at++;
	if (at == NEEDS_MAX)
		return;
	to->n += to->n < NEEDS_MAX;
	memmove(to->set + at + 1, to->set + at, (to->n - at - 1) * sizeof *s);
	to->set[at] = *s;
}

static void flush(struct reader *r, struct sequence *q)
{
	struct set one = { .n = 1 };
	char *to;

	if (q->n == 0)
		return;
	to = arena_alloc(r->a, FOLD_ROOM(q->n));
	if (to == NULL) {
		r->bad = true;
		return;
	}
	one.lit[0] = str_make(to, fold_text(str_make(q->run, q->n), to));
	one.chance = typical_chance(r->typical, one.lit[0], NULL);
	need(q->needs, &one);
	q->n = 0;
}

/* One character, as it stands, and what follows it. */
static void literal(struct reader *r, struct sequence *q, const char *p, size_t n)
{
	int least = quantifier(r);

	if (least == 0 || q->n + n > RUN_MAX)
		flush(r, q);
	if (least == 0)
		return;
	memcpy(q->run + q->n, p, n);
	q->n += (uint32_t)n;
	if (least > 0)
		flush(r, q);
}

/* Something of a kind: it ends the run. */
static void other(struct reader *r, struct sequence *q)
{
	flush(r, q);
	(void)quantifier(r);
}

static void bracket(struct reader *r, struct sequence *q)
{
	(void)accept(r, '^');
	(void)accept(r, ']');
	while (r->at < r->s.n && r->s.p[r->at] != ']') {
		char c = r->s.p[r->at++];

		if (c == '[' && (next_is(r, ':') || next_is(r, '.') || next_is(r, '='))) {
			size_t end = str_find(r->s, S("]"), r->at);

			r->at = end == SIZE_MAX ? r->s.n : end + 1;
		} else if (c == '\\') {
			r->bad |= next_is(r, 'Q');
			r->at++;
		}
	}
	r->bad |= !accept(r, ']');
	other(r, q);
}

static void hexadecimal(struct reader *r, struct sequence *q)
{
	bool braces = accept(r, '{');
	unsigned v = 0, n = 0;
	char c;

	while (r->at < r->s.n && hex_value(r->s.p[r->at]) >= 0 && n < (braces ? 6 : 2)) {
		v = v * 16 + (unsigned)hex_value(r->s.p[r->at++]);
		n++;
	}
	r->bad |= n == 0 || (braces && !accept(r, '}'));
	c = (char)v;
	if (v < 0x80)
		literal(r, q, &c, 1);
	else
		other(r, q);
}

static void escape(struct reader *r, struct sequence *q)
{
	static const char controls[] = "nrtfea", values[] = "\n\r\t\f\x1b\a";
	char c = r->at < r->s.n ? r->s.p[r->at++] : '\0';
	const char *at;

	if (c == '\0' || (unsigned char)c >= 0x80) {
		r->bad = true;
	} else if (!ascii_alnum(c)) {
		literal(r, q, &c, 1);
	} else if (c == 'x') {
		hexadecimal(r, q);
	} else if ((at = strchr(controls, c)) != NULL) {
		literal(r, q, values + (at - controls), 1);
	} else if (strchr("dDwWsShHvVRN", c) != NULL) {
		r->bad |= c == 'N' && next_is(r, '{');
		other(r, q);
	} else if (strchr("bBAZzG", c) == NULL) {
		r->bad = true; /* references, \Q, properties ...; those of the list take no place */
	}
}

static void alternation(struct reader *r, unsigned depth, struct needs *ret);

/* What stands behind "(?": true when a group follows whose content must match. */
static bool group_open(struct reader *r, bool *ret_flags)
{
	*ret_flags = false;
	if (accept(r, ':') || accept(r, '>'))
		return true;
	if (next_is(r, 'P') || next_is(r, '<')) {
		size_t end = str_find(r->s, S(">"), r->at);

		(void)accept(r, 'P');
		if (!accept(r, '<') || next_is(r, '=') || next_is(r, '!') || end == SIZE_MAX) {
			r->bad = true;
			return false;
		}
		r->at = end + 1;
		return true;
	}
	while (next_is(r, 'i') || next_is(r, 'm') || next_is(r, 's') || next_is(r, '-'))
		r->at++;
	if (accept(r, ':'))
		return true;
	*ret_flags = true;
	r->bad |= !accept(r, ')');
	return false;
}

static void group(struct reader *r, struct sequence *q, unsigned depth)
{
	struct needs *inner;
	bool flags = false;
	size_t used = r->at;

	r->bad |= next_is(r, '*');
	if (accept(r, '?') && !group_open(r, &flags))
		return; /* (?i) takes no place */
	inner = depth < NEST_MAX ? mem_alloc(sizeof *inner) : NULL;
	r->bad |= inner == NULL || used >= r->s.n;
	flush(r, q);
	if (!r->bad)
		alternation(r, depth + 1, inner);
	r->bad |= !accept(r, ')');
	if (quantifier(r) != 0 && !r->bad)
		for (uint32_t i = 0; i < inner->n; i++)
			need(q->needs, &inner->set[i]);
	mem_free(inner);
}

static void sequence(struct reader *r, unsigned depth, struct needs *ret)
{
	struct sequence q = { .needs = ret };

	ret->n = 0;
	while (!r->bad && r->at < r->s.n && r->s.p[r->at] != '|' && r->s.p[r->at] != ')') {
		size_t n = utf8_len(r->s, r->at);
		const char *p = r->s.p + r->at;

		r->bad |= n == 0 || (*p == '{' && quantifier(r) >= 0); /* one that repeats nothing */
		r->at += n;
		if (*p == '\\')
			escape(r, &q);
		else if (*p == '(')
			group(r, &q, depth);
		else if (*p == '[')
			bracket(r, &q);
		else if (*p == '.')
			other(r, &q);
		else if (*p == '^' || *p == '$')
			r->bad |= quantifier(r) >= 0;
		else if (*p == '*' || *p == '+' || *p == '?')
			r->bad = true;
		else if (!r->bad)
			literal(r, &q, p, n);
	}
	flush(r, &q);
}

/* To what the branches before need, one of each, comes another. False: not known, or too many. */
static bool branch_add(struct set *any, const struct needs *branch)
{
	if (branch->n == 0 || any->n + branch->set[0].n > LITERALS_MAX)
		return false;
	for (uint32_t i = 0; i < branch->set[0].n; i++)
		any->lit[any->n++] = branch->set[0].lit[i];
	any->chance += branch->set[0].chance;
	return true;
}

static void alternation(struct reader *r, unsigned depth, struct needs *ret)
{
	struct needs *branch;
	struct set any = { .n = 0 };
	bool known;

	sequence(r, depth, ret);
	if (r->bad || !next_is(r, '|'))
		return;
	branch = mem_alloc(sizeof *branch);
	r->bad |= branch == NULL;
	known = branch_add(&any, ret);
	while (!r->bad && accept(r, '|')) {
		sequence(r, depth, branch);
		known = known && branch_add(&any, branch);
	}
	ret->n = 0;
	if (known)
		need(ret, &any);
	mem_free(branch);
}

static bool needs_keep(struct arena *a, const struct needs *needs, const struct regex_need **ret)
{
	struct regex_need *out = arena_array(a, needs->n, sizeof *out);

	for (uint32_t i = 0; out != NULL && i < needs->n; i++) {
		const struct set *s = &needs->set[i];
		struct str *any = arena_array(a, s->n, sizeof *any);

		if (any == NULL)
			return false;
		memcpy(any, s->lit, s->n * sizeof *any);
		out[i] = (struct regex_need){ any, s->n };
	}
	*ret = out;
	return out != NULL;
}

size_t regex_needs(struct arena *a, const struct typical *typical, struct str pattern, const struct regex_need **ret)
{
	struct reader r = { .s = pattern, .a = a, .typical = typical };
	struct needs *needs = mem_alloc(sizeof *needs);
	size_t n = 0;

	if (needs == NULL)
		return 0;
	alternation(&r, 0, needs);
	if (!r.bad && r.at == pattern.n && needs->n > 0 && needs_keep(a, needs, ret))
		n = needs->n;
	mem_free(needs);
	return n;
}
