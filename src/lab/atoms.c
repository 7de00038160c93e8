/* The automaton is a table of transitions: state s has its failure link in slot s and the transition for byte c in slot s + c + 1, if that slot
 * says so. Each state has a list of what libyara then verifies: a string, how far back it begins, and for what is no plain text
 * the code of a small machine that runs forwards and backwards from there. All of it is walked with the limits of the tables in hand,
 * breadth first, so that a list is met first at the state it belongs to and not at one that fails over to it.
 *
 * A pattern is the atom's own bytes, and what the code or the text says must stand around them. Plain text may stand as it is, wide, or under a
 * key (xor): the atom shows which; where it does not, the atom alone is the pattern. */
#include "lab/atoms.h"

#include <yara/ahocorasick.h>
#include <yara/re.h>

#include "base/mem.h"
#include "base/str.h"

#define BEFORE 24 /* bytes kept in front of where a machine begins */
#define AFTER 40
#define DEEPEST 255
#define POOL_MAX ((size_t)1 << 26)

struct state {
	uint32_t slot;
	uint8_t depth;
	unsigned char path[YR_MAX_ATOM_LENGTH];
};

struct walk {
	const YR_RULES *rules;
	struct state *queue;
	size_t n, cap;
	unsigned char *met; /* entries of the pool that were */
	size_t n_met;
	struct lab_atoms *out;
};

/* A pattern under way: what stands at -BEFORE .. AFTER of where the string (or its machine) begins. */
struct around {
	unsigned char value[BEFORE + AFTER], mask[BEFORE + AFTER];
};

static void put(struct around *a, int at, unsigned char value, unsigned char mask)
{
	if (at >= -BEFORE && at < AFTER) {
		a->value[at + BEFORE] = value & mask;
		a->mask[at + BEFORE] = mask;
	}
}

static void put_letter(struct around *a, int at, unsigned char c, bool no_case)
{
	put(a, at, c, no_case && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ? 0xdf : 0xff);
}

/* Where a byte of the text stands. Not every libyara looks at the bytes between those of wide text. */
static void put_text(struct around *a, int at, unsigned char c, bool no_case, bool wide)
{
	put_letter(a, wide ? at * 2 : at, c, no_case);
}

/* --- what the machine's code must see, as far as it goes straight on --- */

/* Bytes of the instruction; 0: one that forks, repeats or ends. */
static size_t size_of(unsigned char op)
{
	switch (op) {
	case RE_OPCODE_ANY:
	case RE_OPCODE_WORD_CHAR:
	case RE_OPCODE_NON_WORD_CHAR:
	case RE_OPCODE_SPACE:
	case RE_OPCODE_NON_SPACE:
	case RE_OPCODE_DIGIT:
	case RE_OPCODE_NON_DIGIT:
		return 1;
	case RE_OPCODE_LITERAL:
		return 2;
	case RE_OPCODE_MASKED_LITERAL:
		return 3;
	case RE_OPCODE_CLASS:
		return 1 + sizeof(RE_CLASS);
	default:
		return 0;
	}
}

/* `way` is 1 forwards, -1 backwards; the first byte met backwards stands at -1. */
static void put_code(struct around *a, const uint8_t *code, int way, bool no_case, bool wide)
{
	for (int i = 0; i < AFTER && code != NULL && size_of(*code) != 0; i++) {
		int at = way > 0 ? i : -1 - i;

		if (*code == RE_OPCODE_LITERAL)
			put_text(a, at, code[1], no_case, wide);
		else if (*code == RE_OPCODE_MASKED_LITERAL && !no_case && !wide)
			put(a, at, code[1], code[2]);
		code += size_of(*code);
	}
}

static struct around around_of(const YR_STRING *s, const YR_AC_MATCH *m, bool wide)
{
	bool no_case = STRING_IS_NO_CASE(s);
	struct around a = { 0 };

	if (!STRING_IS_LITERAL(s)) {
		put_code(&a, m->forward_code, 1, no_case, wide);
		put_code(&a, m->backward_code, -1, no_case, wide);
	}
	for (int i = 0; STRING_IS_LITERAL(s) && i < s->length && i < AFTER; i++)
		put_text(&a, i, s->string[i], no_case, wide);
	return a;
}

/* Text under a key: the atom's first byte tells which. */
static struct around around_of_xor(const YR_STRING *s, const struct state *st, int at, bool wide)
{
	struct around a = { 0 };
	int first = wide ? at / 2 : at;
	unsigned char key;

	if (first < 0 || first >= s->length || (wide && at % 2 != 0))
		return a;
	key = st->path[0] ^ s->string[first];
	for (int i = 0; i < s->length && i < AFTER; i++)
		put(&a, wide ? i * 2 : i, s->string[i] ^ key, 0xff);
	return a;
}

/* Could the atom stand there? */
static bool fits(const struct around *a, const struct state *st, int at)
{
	for (int i = 0; i < st->depth; i++) {
		int k = at + i + BEFORE;

		if (k < 0 || k >= BEFORE + AFTER)
			continue;
		if ((st->path[i] & a->mask[k]) != a->value[k])
			return false;
	}
	return true;
}

/* --- patterns --- */

static struct lab_atom *next_atom(struct lab_atoms *out)
{
	size_t cap = out->cap == 0 ? 256 : out->cap * 2;

	if (out->n == out->cap) {
		struct lab_atom *p = cap > POOL_MAX ? NULL : mem_resize(out->p, cap * sizeof *p);

		if (p == NULL)
			return NULL;
		out->p = p;
		out->cap = cap;
	}
	memset(&out->p[out->n], 0, sizeof *out->p);
	return &out->p[out->n++];
}

static void trim(struct lab_atom *to, const struct around *a)
{
	int from = 0, end = BEFORE + AFTER;

	while (from < end && a->mask[from] == 0)
		from++;
	while (end > from && a->mask[end - 1] == 0)
		end--;
	to->n = (uint8_t)(end - from);
	memcpy(to->value, a->value + from, to->n);
	memcpy(to->mask, a->mask + from, to->n);
}

static enum rc add(struct walk *w, const struct state *st, const YR_AC_MATCH *m, struct err *err)
{
	const YR_STRING *s = m->string;
	int at = (int)m->backtrack - st->depth; /* of the atom, from where verification begins */
	bool ascii = STRING_IS_ASCII(s) || !STRING_IS_WIDE(s), wide = STRING_IS_WIDE(s);
	struct around plain = { 0 }, far = { 0 }, a = { 0 };
	struct lab_atom *to = next_atom(w->out);

	if (to == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	if (STRING_IS_XOR(s) && STRING_IS_LITERAL(s) && st->depth > 0) {
		plain = around_of_xor(s, st, at, false);
		far = around_of_xor(s, st, at, true);
	} else if (!STRING_IS_XOR(s)) {
		plain = around_of(s, m, false);
		far = around_of(s, m, true);
	}
	ascii = ascii && fits(&plain, st, at);
	wide = wide && fits(&far, st, at);
	if (ascii != wide)
		a = ascii ? plain : far;
	for (int i = 0; i < st->depth; i++)
		put_letter(&a, at + i, st->path[i], STRING_IS_NO_CASE(s));
	to->string = s->idx;
	trim(to, &a);
	return RC_OK;
}

/* --- the walk --- */

static enum rc queue(struct walk *w, const struct state *from, uint32_t slot, unsigned char c, struct err *err)
{
	struct state *st;

	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 1024 : w->cap * 2;
		struct state *p = cap > POOL_MAX ? NULL : mem_resize(w->queue, cap * sizeof *p);

		if (p == NULL)
			return FAIL(err, RC_NOMEM, "rules: out of memory");
		from = w->cap == 0 ? NULL : p + (from - w->queue);
		w->queue = p;
		w->cap = cap;
	}
	st = &w->queue[w->n++];
	*st = from == NULL ? (struct state){ 0 } : *from;
	st->slot = slot;
	if (from != NULL && st->depth >= YR_MAX_ATOM_LENGTH)
		return FAIL(err, RC_UNSUPPORTED, "rules: the automaton is deeper than atoms are long");
	if (from != NULL)
		st->path[st->depth++] = c;
	return RC_OK;
}

static enum rc list_of(struct walk *w, const struct state *st, struct err *err)
{
	uint32_t first = w->rules->ac_match_table[st->slot];
	const YR_AC_MATCH *m = first == 0 ? NULL : &w->rules->ac_match_pool[first - 1];

	while (m != NULL) {
		size_t k = (size_t)(m - w->rules->ac_match_pool);

		if (k >= w->n_met)
			return FAIL(err, RC_UNSUPPORTED, "rules: a list of the automaton leads elsewhere");
		if (w->met[k] != 0)
			return RC_OK;
		w->met[k] = 1;
		if (m->string < w->rules->strings_table || m->string >= w->rules->strings_table + w->rules->num_strings || m->backtrack < st->depth)
			return FAIL(err, RC_UNSUPPORTED, "rules: a list of the automaton names no string");
		TRY(add(w, st, m, err));
		m = m->next;
	}
	return RC_OK;
}

static enum rc walk_all(struct walk *w, struct err *err)
{
	TRY(queue(w, NULL, YR_AC_ROOT_STATE, 0, err));
	for (size_t i = 0; i < w->n; i++) {
		struct state st = w->queue[i];

		TRY(list_of(w, &st, err));
		for (unsigned c = 0; c < 256; c++) {
			YR_AC_TRANSITION t = w->rules->ac_transition_table[st.slot + c + 1];

			if (!YR_AC_INVALID_TRANSITION(t, c + 1) && YR_AC_NEXT_STATE(t) != YR_AC_ROOT_STATE)
				TRY(queue(w, &w->queue[i], YR_AC_NEXT_STATE(t), (unsigned char)c, err));
		}
	}
	return RC_OK;
}

static int by_content(const void *x, const void *y)
{
	const struct lab_atom *a = x, *b = y;

	if (a->string != b->string)
		return a->string < b->string ? -1 : 1;
	return memcmp(&a->n, &b->n, sizeof *a - offsetof(struct lab_atom, n));
}

static void tidy(struct lab_atoms *a)
{
	size_t n = 0;

	if (a->n > 0)
		qsort(a->p, a->n, sizeof *a->p, by_content);
	for (size_t i = 0; i < a->n; i++)
		if (i == 0 || by_content(&a->p[i], &a->p[n - 1]) != 0)
			a->p[n++] = a->p[i];
	a->n = n;
}

enum rc lab_atoms_of(const YR_RULES *rules, struct lab_atoms *ret, struct err *err)
{
	struct lab_atoms out = { 0 };
	struct walk w = { .rules = rules, .out = &out };
	YR_RULES_STATS stats;
	enum rc rc;

	if (yr_rules_get_stats((YR_RULES *)(uintptr_t)rules, &stats) != ERROR_SUCCESS)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	w.n_met = (size_t)stats.ac_matches + 1;
	w.met = mem_alloc(w.n_met);
	rc = w.met == NULL ? FAIL(err, RC_NOMEM, "rules: out of memory") : walk_all(&w, err);
	mem_free(w.met);
	mem_free(w.queue);
	if (rc != RC_OK) {
		lab_atoms_done(&out);
		return rc;
	}
	tidy(&out);
	*ret = out;
	return RC_OK;
}

void lab_atoms_done(struct lab_atoms *a)
{
	mem_free(a->p);
	*a = (struct lab_atoms){ 0 };
}
