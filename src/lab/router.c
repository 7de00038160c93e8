/* Of each pattern one piece of four bytes is chosen, the rarest by what bytes are common in files. Pieces and file are compared with bit 5 of
 * each byte set, so that letters of either case are one. A bit table of the pieces' hashes (it fits a first-level cache for a few
 * thousand) answers most places in the file; what passes is compared with the whole pattern. Where every pattern of a group is
 * long enough for pieces at two or four places one behind the other, only every second or fourth place is looked at.
 *
 * Vectorscan was not taken: it would be one more dependency and 200 to 330 MB/s with tens of thousands of literals, and this is faster. */
#include "lab/router.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "lab/atoms.h"
#include "lab/maybe.h"
#include "sys/file.h"

#define GROUPS_MAX 16
#define GUARDS_MAX 4096  /* different ones that are counted */
#define IN_RULE 32       /* of one rule that are tried */
#define PIECE 4
#define FOLD 0x20202020u
#define TOO_MANY 1000000u /* matches of a string: libyara says so, whether the rule matches or not */

/* One place of one pattern in the table of its group. */
struct piece {
	uint32_t bytes, atom, next; /* next: 0 ends */
	uint32_t at;                /* of the piece in its pattern */
};

struct group {
	struct lab_guard guard;    /* group 0: none */
	uint32_t first_rule, n_rules;
	uint32_t first_piece, n_pieces;
	uint32_t heads, bits;      /* where they begin in `words` */
	unsigned heads_log, bits_log;
	unsigned step;
};

struct rule_info {
	uint32_t group;
	bool needs_string, off;
};

/* A string that is a part of another one, which matches only where all its parts do. */
struct part {
	uint32_t part, whole;
};

struct lab_router {
	const YR_RULES *rules;
	struct lab_code *codes;
	struct lab_atoms atoms;
	struct rule_info *info;
	uint32_t *by_group;        /* rules, group by group */
	struct group group[GROUPS_MAX];
	size_t n_groups;
	struct piece *pieces;
	size_t n_pieces, cap_pieces;
	uint32_t *words;           /* heads of chains and bits, of all groups */
	size_t n_words;
	uint64_t *anywhere;        /* strings */
	struct part *parts;
	size_t n_parts;
	uint32_t *globals;
	size_t n_globals, n_anywhere, n_always;
	size_t shared, n_shared;   /* bytes; pieces of memory that are */
};

static uint32_t hash_of(uint32_t bytes, unsigned log)
{
	return (bytes * 2654435761u) >> (32 - log);
}

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "rules: out of memory");
}

/* --- groups --- */

struct counted {
	struct lab_guard guard;
	size_t n;
};

static bool same_guard(const struct lab_guard *a, const struct lab_guard *b)
{
	return a->read == b->read && a->at == b->at && a->value == b->value;
}

/* True: without this the rule cannot match. */
static bool needs(const struct lab_router *r, uint32_t rule, const struct lab_guard *g)
{
	struct lab_known k = { .rules = r->rules, .any_bytes = true, .not_so = g };

	return !lab_maybe(&r->codes[rule], &k);
}

static void count_guards(const struct lab_router *r, uint32_t rule, struct counted *list, size_t *n)
{
	struct lab_guard in[IN_RULE];
	size_t found = lab_guards_in(&r->codes[rule], in, IN_RULE);

	for (size_t i = 0; i < found; i++) {
		size_t k = 0;

		while (k < *n && !same_guard(&list[k].guard, &in[i]))
			k++;
		if (k == GUARDS_MAX || !needs(r, rule, &in[i]))
			continue;
		if (k == *n)
			list[(*n)++] = (struct counted){ .guard = in[i] };
		list[k].n++;
	}
}

static int by_count(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	return x->n > y->n ? -1 : x->n < y->n;
}

static uint32_t group_of(const struct lab_router *r, uint32_t rule)
{
	struct lab_guard in[IN_RULE];
	size_t found = lab_guards_in(&r->codes[rule], in, IN_RULE);

	for (uint32_t g = 1; g < r->n_groups; g++)
		for (size_t i = 0; i < found; i++)
			if (same_guard(&r->group[g].guard, &in[i]) && needs(r, rule, &in[i]))
				return g;
	return 0;
}

static enum rc make_groups(struct lab_router *r, struct err *err)
{
	struct counted *list = mem_array(GUARDS_MAX, sizeof *list);
	uint32_t at = 0;
	size_t n = 0;

	if (list == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < r->rules->num_rules; i++)
		count_guards(r, i, list, &n);
	qsort(list, n, sizeof *list, by_count);
	r->n_groups = 1;
	for (size_t i = 0; i < n && r->n_groups < GROUPS_MAX; i++)
		r->group[r->n_groups++].guard = list[i].guard;
	mem_free(list);
	for (uint32_t i = 0; i < r->rules->num_rules; i++) {
		struct lab_known none = { .rules = r->rules, .any_bytes = true, .none_seen = true };

		r->info[i].group = group_of(r, i);
		r->info[i].needs_string = !lab_maybe(&r->codes[i], &none);
		r->n_always += r->info[i].group == 0 && !r->info[i].needs_string && !r->info[i].off;
	}
	for (uint32_t g = 0; g < r->n_groups; g++) {
		r->group[g].first_rule = at;
		for (uint32_t i = 0; i < r->rules->num_rules; i++)
			if (r->info[i].group == g)
				r->by_group[at++] = i;
		r->group[g].n_rules = at - r->group[g].first_rule;
	}
	return RC_OK;
}

/* --- pieces --- */

/* How common a byte is in files of all sorts: the less the better. */
static unsigned common(unsigned char c)
{
	if (c == 0)
		return 60;
	if (c == 0xff || c == ' ' || c == '\n')
		return 24;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return memchr("etaoinsrlETAOINSRL", c, 18) != NULL ? 14 : 10;
	if (c >= '0' && c <= '9')
		return 9;
	return c == 0x8b || c == 0x48 || c == 0xcc || c == 0x90 || c < 4 ? 12 : 5;
}

/* The cost of a piece that begins there; UINT_MAX: none can. */
static unsigned cost_of(const struct lab_atom *a, size_t at)
{
	unsigned cost = 0;
	bool same = true;

	if (at + PIECE > a->n)
		return UINT32_MAX;
	for (size_t i = at; i < at + PIECE; i++) {
		if ((a->mask[i] | 0x20) != 0xff)
			return UINT32_MAX;
		cost += common(a->value[i]);
		same = same && a->value[i] == a->value[at];
	}
	return cost + (same ? 100 : 0);
}

/* Where `step` pieces one behind the other stand best. SIZE_MAX: nowhere. */
static size_t best_place(const struct lab_atom *a, unsigned step)
{
	unsigned least = UINT32_MAX;
	size_t best = SIZE_MAX;

	for (size_t at = 0; at + PIECE <= a->n; at++) {
		unsigned sum = 0;

		for (unsigned k = 0; k < step && sum != UINT32_MAX; k++) {
			unsigned cost = cost_of(a, at + k);

			sum = cost == UINT32_MAX ? UINT32_MAX : sum + cost;
		}
		if (sum < least) {
			least = sum;
			best = at;
		}
	}
	return best;
}

static enum rc add_piece(struct lab_router *r, uint32_t atom, size_t at, struct err *err)
{
	const struct lab_atom *a = &r->atoms.p[atom];
	struct piece *p;

	if (r->n_pieces == r->cap_pieces) {
		size_t cap = r->cap_pieces == 0 ? 1024 : r->cap_pieces * 2;

		p = mem_resize(r->pieces, cap * sizeof *p);
		if (p == NULL)
			return no_memory(err);
		r->pieces = p;
		r->cap_pieces = cap;
	}
	p = &r->pieces[r->n_pieces++];
	*p = (struct piece){ .atom = atom, .at = (uint32_t)at };
	memcpy(&p->bytes, a->value + at, PIECE);
	p->bytes |= FOLD;
	return RC_OK;
}

static uint32_t group_of_atom(const struct lab_router *r, const struct lab_atom *a)
{
	return r->info[r->rules->strings_table[a->string].rule_idx].group;
}

static bool is_off(const struct lab_router *r, const struct lab_atom *a)
{
	return r->info[r->rules->strings_table[a->string].rule_idx].off;
}

static void mark_anywhere(struct lab_router *r, uint32_t string)
{
	uint64_t bit = (uint64_t)1 << (string % 64);

	r->n_anywhere += (r->anywhere[string / 64] & bit) == 0;
	r->anywhere[string / 64] |= bit;
}

static bool is_anywhere(const struct lab_router *r, uint32_t string)
{
	return (r->anywhere[string / 64] >> (string % 64) & 1) != 0;
}

static void mark_all_anywhere(struct lab_router *r)
{
	for (uint32_t i = 0; i < r->atoms.n; i++)
		if (best_place(&r->atoms.p[i], 1) == SIZE_MAX && !is_off(r, &r->atoms.p[i]))
			mark_anywhere(r, r->atoms.p[i].string);
}

static unsigned step_of(const struct lab_router *r, uint32_t g)
{
	unsigned step = 4;

	for (uint32_t i = 0; i < r->atoms.n; i++) {
		const struct lab_atom *a = &r->atoms.p[i];

		if (group_of_atom(r, a) != g || is_anywhere(r, a->string) || is_off(r, a))
			continue;
		while (step > 1 && best_place(a, step) == SIZE_MAX)
			step /= 2;
	}
	return step;
}

static unsigned log_of(size_t n)
{
	unsigned log = 6;

	while (((size_t)1 << log) < n && log < 26)
		log++;
	return log;
}

static enum rc room_for(struct lab_router *r, size_t words, struct err *err)
{
	uint32_t *p = mem_resize(r->words, (r->n_words + words) * sizeof *p);

	if (p == NULL)
		return no_memory(err);
	memset(p + r->n_words, 0, words * sizeof *p);
	r->words = p;
	r->n_words += words;
	return RC_OK;
}

/* Heads of chains, indexed from 1, and the bits before them. */
static enum rc make_table(struct lab_router *r, struct group *g, struct err *err)
{
	g->heads_log = log_of(g->n_pieces * 2);
	g->bits_log = log_of((size_t)g->n_pieces * 32) < 17 ? 17 : log_of((size_t)g->n_pieces * 32);
	if (g->bits_log > 22)
		g->bits_log = 22;
	g->heads = (uint32_t)r->n_words;
	TRY(room_for(r, (size_t)1 << g->heads_log, err));
	g->bits = (uint32_t)r->n_words;
	TRY(room_for(r, (size_t)1 << (g->bits_log - 5), err));
	for (uint32_t i = g->first_piece; i < g->first_piece + g->n_pieces; i++) {
		struct piece *p = &r->pieces[i];
		uint32_t *head = &r->words[g->heads + hash_of(p->bytes, g->heads_log)], bit = hash_of(p->bytes, g->bits_log);

		p->next = *head;
		*head = i + 1;
		r->words[g->bits + bit / 32] |= 1u << (bit % 32);
	}
	return RC_OK;
}

static enum rc fill_group(struct lab_router *r, uint32_t g, struct err *err)
{
	struct group *to = &r->group[g];

	to->step = step_of(r, g);
	to->first_piece = (uint32_t)r->n_pieces;
	for (uint32_t i = 0; i < r->atoms.n; i++) {
		const struct lab_atom *a = &r->atoms.p[i];
		size_t at;

		if (group_of_atom(r, a) != g || is_anywhere(r, a->string) || is_off(r, a))
			continue;
		at = best_place(a, to->step);
		for (unsigned k = 0; k < to->step; k++)
			TRY(add_piece(r, i, at + k, err));
	}
	to->n_pieces = (uint32_t)r->n_pieces - to->first_piece;
	return make_table(r, to, err);
}

/* --- parts of strings, global rules --- */

static enum rc note_parts(struct lab_router *r, struct err *err)
{
	r->parts = mem_array((size_t)r->rules->num_strings + 1, sizeof *r->parts);
	if (r->parts == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < r->rules->num_strings; i++) {
		const YR_STRING *s = &r->rules->strings_table[i], *whole = s;
		unsigned depth = 0;

		while (whole->chained_to != NULL && ++depth < 10000)
			whole = whole->chained_to;
		if (whole != s)
			r->parts[r->n_parts++] = (struct part){ .part = i, .whole = whole->idx };
	}
	return RC_OK;
}

static enum rc note_globals(struct lab_router *r, struct err *err)
{
	r->globals = mem_array((size_t)r->rules->num_rules + 1, sizeof *r->globals);
	if (r->globals == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < r->rules->num_rules; i++)
		if (RULE_IS_GLOBAL(&r->rules->rules_table[i]))
			r->globals[r->n_globals++] = i;
	return RC_OK;
}

/* --- shared memory --- */

/* The piece of memory again, shared and read only. */
static enum rc share(struct lab_router *r, void **p, size_t n, struct err *err)
{
	CLEANUP(file_closep) int fd = memfd_create("router", MFD_CLOEXEC);
	char *to = MAP_FAILED;

	n = n == 0 ? 1 : n;
	if (fd >= 0 && ftruncate(fd, (off_t)n) == 0)
		to = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (to == MAP_FAILED)
		return FAIL(err, RC_NOMEM, "rules: %m");
	if (*p != NULL)
		memcpy(to, *p, n);
	mem_free(*p);
	*p = to;
	r->shared += n;
	r->n_shared++;
	return mprotect(to, n, PROT_READ) == 0 ? RC_OK : FAIL(err, RC_IO, "rules: %m");
}

static size_t bytes_of_anywhere(const struct lab_router *r)
{
	return ((size_t)r->rules->num_strings / 64 + 1) * sizeof(uint64_t);
}

/* Gives each piece of memory to share, or back when `err` is NULL. */
static enum rc share_all(struct lab_router *r, bool give_back, struct err *err)
{
	struct {
		void **p;
		size_t n;
	} all[] = {
		{ (void **)&r->codes, ((size_t)r->rules->num_rules + 1) * sizeof *r->codes },
		{ (void **)&r->atoms.p, r->atoms.n * sizeof *r->atoms.p },
		{ (void **)&r->info, ((size_t)r->rules->num_rules + 1) * sizeof *r->info },
		{ (void **)&r->by_group, ((size_t)r->rules->num_rules + 1) * sizeof *r->by_group },
		{ (void **)&r->pieces, r->n_pieces * sizeof *r->pieces },
		{ (void **)&r->words, r->n_words * sizeof *r->words },
		{ (void **)&r->anywhere, bytes_of_anywhere(r) },
	};

	for (size_t i = 0; i < COUNTOF(all); i++) {
		if (give_back && i < r->n_shared)
			munmap(*all[i].p, all[i].n == 0 ? 1 : all[i].n);
		else if (give_back)
			mem_free(*all[i].p);
		else
			TRY(share(r, all[i].p, all[i].n, err));
	}
	return RC_OK;
}

/* --- life --- */

static enum rc build(struct lab_router *r, const uint8_t *off, struct err *err)
{
	r->info = mem_array((size_t)r->rules->num_rules + 1, sizeof *r->info);
	r->by_group = mem_array((size_t)r->rules->num_rules + 1, sizeof *r->by_group);
	r->anywhere = mem_alloc(bytes_of_anywhere(r));
	if (r->info == NULL || r->by_group == NULL || r->anywhere == NULL)
		return no_memory(err);
	for (uint32_t i = 0; off != NULL && i < r->rules->num_rules; i++)
		r->info[i].off = off[i] != 0;
	TRY(lab_codes_of(r->rules, &r->codes, err));
	TRY(lab_atoms_of(r->rules, &r->atoms, err));
	TRY(make_groups(r, err));
	TRY(note_parts(r, err));
	TRY(note_globals(r, err));
	mark_all_anywhere(r);
	for (uint32_t g = 0; g < r->n_groups; g++)
		TRY(fill_group(r, g, err));
	return share_all(r, false, err);
}

enum rc lab_router_new(const YR_RULES *rules, const uint8_t *off, struct lab_router **ret, struct err *err)
{
	struct lab_router *r = mem_alloc(sizeof *r);
	enum rc rc;

	if (r == NULL)
		return no_memory(err);
	r->rules = rules;
	rc = build(r, off, err);
	if (rc != RC_OK) {
		lab_router_free(r);
		return rc;
	}
	*ret = r;
	return RC_OK;
}

void lab_router_free(struct lab_router *r)
{
	if (r == NULL)
		return;
	(void)!share_all(r, true, NULL);
	mem_free(r->parts);
	mem_free(r->globals);
	mem_free(r);
}

bool lab_router_refers(const struct lab_router *r, uint32_t a, uint32_t b)
{
	uint32_t other;
	size_t it = 0;

	while (r->codes[a].refers && lab_code_refers(&r->codes[a], &it, &other))
		if (other == b || other == UINT32_MAX)
			return true;
	return false;
}

void lab_router_facts(const struct lab_router *r, struct lab_router_facts *ret)
{
	*ret = (struct lab_router_facts){ .groups = r->n_groups, .patterns = r->atoms.n, .pieces = r->n_pieces, .anywhere = r->n_anywhere, .always = r->n_always,
					  .memory = r->shared };
}

/* --- one file --- */

struct looking {
	const struct lab_router *r;
	struct str bytes;
	uint64_t *seen;    /* strings */
	uint32_t *count;   /* of a string */
	uint8_t *rule;     /* what is known of each: */
	uint32_t *touched; /* rules of which a string was seen */
	size_t n_touched;
	struct lab_route *out;
};
enum { TOUCHED = 1, CHOSEN = 2, FORCED = 4 };

static void choose(struct looking *k, uint32_t rule)
{
	if ((k->rule[rule] & CHOSEN) != 0 || k->r->info[rule].off)
		return;
	k->rule[rule] |= CHOSEN;
	k->out->rules[k->out->n++] = rule;
}

static void touch(struct looking *k, uint32_t string)
{
	uint32_t rule = k->r->rules->strings_table[string].rule_idx;

	k->seen[string / 64] |= (uint64_t)1 << (string % 64);
	if ((k->rule[rule] & TOUCHED) == 0)
		k->touched[k->n_touched++] = rule;
	k->rule[rule] |= TOUCHED;
}

static bool stands(const struct lab_atom *a, const unsigned char *p)
{
	for (unsigned i = 0; i < a->n; i++)
		if ((p[i] & a->mask[i]) != a->value[i])
			return false;
	return true;
}

static void check(struct looking *k, const struct group *g, uint32_t bytes, size_t at)
{
	const struct lab_router *r = k->r;

	for (uint32_t i = r->words[g->heads + hash_of(bytes, g->heads_log)]; i != 0; i = r->pieces[i - 1].next) {
		const struct piece *p = &r->pieces[i - 1];
		const struct lab_atom *a = &r->atoms.p[p->atom];

		if (p->bytes != bytes || p->at > at || at - p->at + a->n > k->bytes.n || !stands(a, (const unsigned char *)k->bytes.p + at - p->at))
			continue;
		if (k->count[a->string]++ == 0)
			touch(k, a->string);
		else if (k->count[a->string] == TOO_MANY)
			k->rule[r->rules->strings_table[a->string].rule_idx] |= FORCED;
	}
}

static void look(struct looking *k, const struct group *g)
{
	const uint32_t *bits = k->r->words + g->bits;
	unsigned log = g->bits_log, step = g->step;
	const char *p = k->bytes.p;

	if (g->n_pieces == 0)
		return;
	for (size_t i = 0; i + PIECE <= k->bytes.n; i += step) {
		uint32_t x, h;

		memcpy(&x, p + i, sizeof x);
		x |= FOLD;
		h = hash_of(x, log);
		if (UNLIKELY((bits[h / 32] >> (h % 32) & 1) != 0))
			check(k, g, x, i);
	}
}

/* Rules of the group that may match without any of their strings. */
static void choose_bare(struct looking *k, const struct group *g)
{
	struct lab_known known = { .rules = k->r->rules, .bytes = k->bytes, .none_seen = true };

	for (uint32_t i = g->first_rule; i < g->first_rule + g->n_rules; i++) {
		uint32_t rule = k->r->by_group[i];

		if (!k->r->info[rule].needs_string && lab_maybe(&k->r->codes[rule], &known))
			choose(k, rule);
	}
}

static void look_everywhere(struct looking *k)
{
	const struct lab_router *r = k->r;

	for (uint32_t g = 0; g < r->n_groups; g++) {
		if (g > 0 && !lab_guard_holds(&r->group[g].guard, k->bytes))
			continue;
		look(k, &r->group[g]);
		choose_bare(k, &r->group[g]);
	}
	for (uint32_t i = 0; i < r->rules->num_strings; i++)
		if (r->anywhere[i / 64] == 0)
			i |= 63;
		else if (is_anywhere(r, i))
			touch(k, i);
}

static void judge_touched(struct looking *k)
{
	const struct lab_router *r = k->r;
	struct lab_known known = { .rules = r->rules, .bytes = k->bytes, .seen = k->seen };

	for (size_t i = 0; i < r->n_parts; i++) {
		const struct part *p = &r->parts[i];

		if ((k->seen[p->part / 64] >> (p->part % 64) & 1) == 0)
			k->seen[p->whole / 64] &= ~((uint64_t)1 << (p->whole % 64));
	}
	for (size_t i = 0; i < k->n_touched; i++) {
		uint32_t rule = k->touched[i];

		if ((k->rule[rule] & FORCED) != 0 || lab_maybe(&r->codes[rule], &known))
			choose(k, rule);
	}
}

/* What a chosen rule refers to must be run with it, and global rules decide over all. */
static void add_others(struct looking *k)
{
	const struct lab_router *r = k->r;

	for (size_t i = 0; i < r->n_globals && k->out->n > 0; i++)
		choose(k, r->globals[i]);
	for (size_t i = 0; i < k->out->n; i++) {
		const struct lab_code *c = &r->codes[k->out->rules[i]];
		uint32_t other;
		size_t it = 0;

		while (c->refers && lab_code_refers(c, &it, &other))
			for (uint32_t n = 0; n < r->rules->num_rules; n++)
				if (other == UINT32_MAX || other == n)
					choose(k, n);
	}
}

/* Strings of the chosen must be looked for where one of theirs was seen, or nobody looked: they were chosen for another's sake. */
static void ask_strings(struct looking *k, size_t own)
{
	const struct lab_router *r = k->r;

	for (size_t i = 0; i < k->out->n && !k->out->strings; i++) {
		uint32_t rule = k->out->rules[i];

		k->out->strings = r->codes[rule].entry_point || (k->rule[rule] & TOUCHED) != 0 || (i >= own && r->rules->rules_table[rule].strings != NULL);
	}
}

enum rc lab_router_route(const struct lab_router *r, struct str bytes, struct lab_route *ret, struct err *err)
{
	size_t rules = (size_t)r->rules->num_rules + 1, strings = (size_t)r->rules->num_strings + 1;
	struct lab_route out = { .rules = mem_array(rules, sizeof *out.rules) };
	struct looking k = { .r = r, .bytes = bytes, .out = &out };
	size_t own;

	k.seen = mem_alloc(bytes_of_anywhere(r));
	k.count = mem_array(strings, sizeof *k.count);
	k.rule = mem_alloc(rules);
	k.touched = mem_array(rules, sizeof *k.touched);
	if (out.rules != NULL && k.seen != NULL && k.count != NULL && k.rule != NULL && k.touched != NULL) {
		look_everywhere(&k);
		judge_touched(&k);
		own = out.n;
		add_others(&k);
		ask_strings(&k, own);
	}
	own = k.seen != NULL && k.count != NULL && k.rule != NULL && k.touched != NULL;
	mem_free(k.seen);
	mem_free(k.count);
	mem_free(k.rule);
	mem_free(k.touched);
	if (out.rules == NULL || !own) {
		lab_route_done(&out);
		return no_memory(err);
	}
	*ret = out;
	return RC_OK;
}

void lab_route_done(struct lab_route *route)
{
	mem_free(route->rules);
	*route = (struct lab_route){ 0 };
}
