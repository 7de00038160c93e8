/* A witness is found by a key that a value must have for it to hold: the whole
 * value, its first or last bytes, four bytes anywhere in it (the rarest of the
 * literal by what is typical), or its number. A table leads from the key to
 * the witnesses, each of which is then decided exactly; a collision costs time
 * and nothing else. Only what has no key is asked one by one.
 *
 * The pass over a value is linear: four bytes a place against a bitmap that
 * fits the first caches. A witness of wildcards or a regular expression is
 * tried once a value, however often its key stands there. */
#include "detect/engine_match.h"

#include "base/fold.h"

#define QUAD_BITS_MIN 10
#define QUAD_BITS_MAX 18
#define STRIDE_MAX 8
#define FEW_SHORT_MAX 64
#define LITERALS_OF_STRIDE_MAX 400 /* of more the keys would take too much memory */
#define AT_MAX (UINT16_MAX - STRIDE_MAX)
#define PAIRS_DIRECT_MAX 8         /* so many searches for two or three bytes are faster than a look at each two */

static uint64_t load(const char *p, unsigned n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

/* Constant over runs: what is looked up are the operator's rules, and lists have the length that these give them. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd6e8feb86659fd93u);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t key_small(enum key_kind kind, uint64_t bytes)
{
	return mix(bytes, 0xa0761d6478bd642fu * (kind + 1u));
}

static uint64_t key_whole(struct str s)
{
	uint64_t h = key_small(KEY_WHOLE, s.n);
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8)
		h = mix(h, load(s.p + i, 8));
	return i < s.n ? mix(h, load(s.p + i, (unsigned)(s.n - i))) : h;
}

static uint32_t quad_slot(uint32_t bytes, unsigned shift)
{
	return (bytes * 0x9e3779b1u) >> shift;
}

static const struct { enum key_kind kind; unsigned n; } firsts[] = {
	{ KEY_FIRST8, 8 }, { KEY_FIRST4, 4 }, { KEY_FIRST2, 2 }, { KEY_FIRST1, 1 } };

static const struct { enum key_kind kind; unsigned n; } lasts[] = {
	{ KEY_LAST8, 8 }, { KEY_LAST4, 4 }, { KEY_LAST2, 2 }, { KEY_LAST1, 1 } };

/* ---- building */

struct pair { uint64_t key; struct match_entry entry; enum key_kind kind; };

struct literal {
	struct str lit;
	uint32_t witness;
	bool exact;
};

struct builder {
	struct arena *a, *work;
	const struct engine_image *m;
	struct pair *pairs;
	uint32_t n, cap;
	struct literal *literals;
	uint32_t n_literals, cap_literals;
	uint32_t *quads;      /* of the bitmap */
	uint32_t n_quads;
	uint64_t *two;        /* bitmap */
	struct threshold *above, *below;
	uint32_t n_above, n_below, n_witnesses;
	uint32_t *direct;
	uint32_t n_direct, kinds, whole_max;
};

static bool entry_add(struct builder *b, enum key_kind kind, uint64_t key, struct match_entry entry)
{
	if (b->n == b->cap) {
		uint32_t cap = b->cap == 0 ? 64 : b->cap * 2;
		struct pair *more = arena_resize(b->work, b->pairs, b->cap * sizeof *more, cap * sizeof *more);

		if (more == NULL)
			return false;
		b->pairs = more;
		b->cap = cap;
	}
	b->kinds |= 1u << kind;
	b->pairs[b->n++] = (struct pair){ key, entry, kind };
	return true;
}

/* A key behind which the test itself is asked. */
static bool key_add(struct builder *b, enum key_kind kind, uint64_t key, uint32_t witness)
{
	return entry_add(b, kind, key, (struct match_entry){ .witness = witness, .where = MATCH_ALONE });
}

/* A key for "the text holds this literal" (folded, at least two bytes), until it is known in what way values are searched. */
static bool literal_add(struct builder *b, struct str lit, uint32_t witness, bool exact)
{
	if (b->n_literals == b->cap_literals) {
		uint32_t cap = b->cap_literals == 0 ? 64 : b->cap_literals * 2;
		struct literal *more = arena_resize(b->work, b->literals, b->cap_literals * sizeof *more, cap * sizeof *more);

		if (more == NULL)
			return false;
		b->literals = more;
		b->cap_literals = cap;
	}
	b->literals[b->n_literals++] = (struct literal){ lit, witness, exact };
	return true;
}

/* Where in a literal `stride` quads one behind the other are rarest, by the most common of them. */
static size_t rarest(const struct typical *typical, struct str lit, unsigned stride)
{
	float best = 2;
	size_t at = 0;

	for (size_t i = 0; i + stride + 3 <= lit.n && i < AT_MAX; i++) {
		float worst = 0;

		for (unsigned k = 0; k < stride; k++) {
			float chance = typical_chance(typical, str_slice(lit, i + k, i + k + 4), NULL);

			worst = chance > worst ? chance : worst;
		}
		if (worst < best) {
			best = worst;
			at = i;
		}
	}
	return at;
}

static bool quad_add(struct builder *b, const struct literal *l, size_t at, uint32_t *quads, uint32_t *n)
{
	struct match_entry entry = { .witness = l->witness, .at = (uint16_t)at, .where = MATCH_ALONE, .exact = l->exact };
	uint32_t bytes = (uint32_t)load(l->lit.p + at, 4);

	if (l->lit.n > 4) {
		entry.where = at + 8 <= l->lit.n ? 4 : at >= 4 ? -4 : at > 0 ? -(int8_t)at : (int8_t)(l->lit.n - 4);
		entry.beside = (uint32_t)load(l->lit.p + at + entry.where, 4);
	}
	quads[(*n)++] = bytes;
	return entry_add(b, KEY_QUAD, key_small(KEY_QUAD, bytes), entry);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t distinct(uint32_t *all, uint32_t n)
{
	uint32_t kept = 0;

	if (n > 0)
		qsort(all, n, sizeof *all, by_value);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || all[i] != all[kept - 1])
			all[kept++] = all[i];
	return kept;
}

/* The four rarest bytes of each literal that is too short for a stride; distinct. */
static uint32_t shorts(const struct builder *b, unsigned stride, uint32_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_literals; i++) {
		struct str lit = b->literals[i].lit;

		if (lit.n >= 4 && lit.n < stride + 3)
			out[n++] = (uint32_t)load(lit.p + rarest(b->m->typical, lit, 1), 4);
	}
	return distinct(out, n);
}

/* Literals of stride + 3 bytes and more have a quad in every stride-th place, wherever they stand. The shorter ones are
 * searched for by themselves when they are few and the machine can; else the stride is smaller, at last 1. */
static bool literals_build(struct builder *b, struct matcher *ret)
{
	uint32_t *few = arena_array(b->work, b->n_literals + 1, sizeof *few), n_few;

	b->quads = arena_array(b->work, (size_t)b->n_literals * STRIDE_MAX + 1, sizeof *b->quads);
	if (few == NULL || b->quads == NULL)
		return false;
	ret->stride = b->n_literals <= LITERALS_OF_STRIDE_MAX ? STRIDE_MAX : STRIDE_MAX / 2;
	for (; ret->stride > 1; ret->stride /= 2) {
		n_few = shorts(b, ret->stride, few);
		if (n_few > FEW_SHORT_MAX)
			continue;
		if (!few_build(b->a, few, n_few, &ret->few))
			return false;
		if (n_few == 0 || ret->few != NULL)
			break;
	}
	n_few = 0;
	for (uint32_t i = 0; i < b->n_literals; i++) {
		const struct literal *l = &b->literals[i];
		bool alone = l->lit.n < ret->stride + 3;
		unsigned stride = alone ? 1 : ret->stride;
		size_t at = rarest(b->m->typical, l->lit, stride);

		if (l->lit.n < 4)
			continue;
		for (unsigned k = 0; k < stride; k++)
			if (!quad_add(b, l, at + k, alone ? few : b->quads, alone ? &n_few : &b->n_quads))
				return false;
	}
	return true;
}

static void direct_add(struct builder *b, uint32_t witness)
{
	if (b->n_direct == 0 || b->direct[b->n_direct - 1] != witness)
		b->direct[b->n_direct++] = witness;
}

/* Literals of two and three bytes: by their first two, or one by one when there are few. */
static bool pairs_build(struct builder *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_literals; i++)
		n += b->literals[i].lit.n < 4;
	if (n > PAIRS_DIRECT_MAX)
		b->two = arena_array(b->a, 65536 / 64, sizeof *b->two);
	if (n > PAIRS_DIRECT_MAX && b->two == NULL)
		return false;
	for (uint32_t i = 0; i < b->n_literals; i++) {
		const struct literal *l = &b->literals[i];
		uint64_t two = load(l->lit.p, 2);

		if (l->lit.n >= 4)
			continue;
		if (n <= PAIRS_DIRECT_MAX) {
			direct_add(b, l->witness);
			continue;
		}
		b->two[two / 64] |= (uint64_t)1 << (two % 64);
		if (!entry_add(b, KEY_PAIR, key_small(KEY_PAIR, two),
			       (struct match_entry){ .witness = l->witness, .where = MATCH_ALONE, .exact = l->exact }))
			return false;
	}
	return true;
}

static bool first_add(struct builder *b, struct str lit, uint32_t witness)
{
	for (size_t i = 0; i < COUNTOF(firsts); i++)
		if (lit.n >= firsts[i].n)
			return key_add(b, firsts[i].kind, key_small(firsts[i].kind, load(lit.p, firsts[i].n)), witness);
	return true;
}

static bool last_add(struct builder *b, struct str lit, uint32_t witness)
{
	for (size_t i = 0; i < COUNTOF(lasts); i++)
		if (lit.n >= lasts[i].n)
			return key_add(b, lasts[i].kind, key_small(lasts[i].kind, load(lit.p + lit.n - lasts[i].n, lasts[i].n)), witness);
	return true;
}

/* The literal of a pattern with wildcards that is rarest, if it is long enough for a key. */
static bool glob_add(struct builder *b, const struct test *t, uint32_t witness)
{
	struct str best = { NULL, 0 };
	float chance = 2;

	for (uint32_t i = 0; i < t->glob.n; i++) {
		struct str lit = t->glob.pieces[i].text;
		char *to;

		if (t->glob.pieces[i].kind != SIGMA_LITERAL || lit.n < 4)
			continue;
		to = arena_alloc(b->work, FOLD_ROOM(lit.n));
		if (to == NULL)
			return false;
		lit = str_make(to, fold_text(lit, to));
		if (lit.n >= 4 && typical_chance(b->m->typical, lit, NULL) < chance) {
			chance = typical_chance(b->m->typical, lit, NULL);
			best = lit;
		}
	}
	if (best.p != NULL)
		return literal_add(b, best, witness, false);
	direct_add(b, witness);
	return true;
}

static bool regex_add(struct builder *b, const struct test *t, uint32_t witness)
{
	const struct regex_need *need = t->regex->needs;
	bool keyed = t->regex->n_needs > 0;

	for (uint32_t i = 0; keyed && i < need->n; i++)
		keyed = need->any[i].n >= 2;
	if (!keyed)
		direct_add(b, witness);
	for (uint32_t i = 0; keyed && i < need->n; i++)
		if (!literal_add(b, need->any[i], witness, false))
			return false;
	return true;
}

static uint64_t number_key(double v)
{
	uint64_t bits;

	v += 0.0; /* -0 is 0 */
	memcpy(&bits, &v, sizeof bits);
	return key_small(KEY_NUMBER, bits);
}

static bool text_add(struct builder *b, const struct test *t, uint32_t witness)
{
	struct str lit = t->lit;

	if (t->cased) { /* keys are of folded text, whoever asks */
		char *to = arena_alloc(b->work, FOLD_ROOM(lit.n));

		if (to == NULL)
			return false;
		lit = str_make(to, fold_text(lit, to));
	}
	if (t->kind == TEST_WHOLE) {
		b->whole_max = lit.n > b->whole_max ? (uint32_t)lit.n : b->whole_max;
		return key_add(b, KEY_WHOLE, key_whole(lit), witness);
	}
	if (t->kind == TEST_PREFIX)
		return first_add(b, lit, witness);
	if (t->kind == TEST_SUFFIX)
		return last_add(b, lit, witness);
	if (lit.n >= 2)
		return literal_add(b, lit, witness, !t->cased);
	direct_add(b, witness);
	return true;
}

static bool threshold_add(struct builder *b, const struct test *t, uint32_t witness)
{
	bool up = t->kind == TEST_GT || t->kind == TEST_GE;
	struct threshold **list = up ? &b->above : &b->below;
	uint32_t *n = up ? &b->n_above : &b->n_below;

	if (*list == NULL)
		*list = arena_array(b->work, b->n_witnesses, sizeof **list);
	if (*list == NULL)
		return false;
	(*list)[(*n)++] = (struct threshold){ t->number, witness, t->kind == TEST_GE || t->kind == TEST_LE };
	return true;
}

/* Of equal numbers those that hold for the number itself stand first. */
static int ascending(const void *a, const void *b)
{
	const struct threshold *x = a, *y = b;
	int order = (x->number > y->number) - (x->number < y->number);

	return order != 0 ? order : (int)y->or_equal - (int)x->or_equal;
}

static int descending(const void *a, const void *b)
{
	const struct threshold *x = a, *y = b;
	int order = (x->number < y->number) - (x->number > y->number);

	return order != 0 ? order : (int)y->or_equal - (int)x->or_equal;
}

static bool thresholds_keep(struct builder *b, const struct threshold *from, uint32_t n, int (*order)(const void *, const void *),
			    const struct threshold **ret)
{
	struct threshold *to = arena_array(b->a, n + 1, sizeof *to);

	if (to == NULL)
		return false;
	if (n > 0) {
		memcpy(to, from, n * sizeof *to);
		qsort(to, n, sizeof *to, order);
	}
	*ret = to;
	return true;
}

static bool thresholds_build(struct builder *b, struct matcher *ret)
{
	ret->n_above = b->n_above;
	ret->n_below = b->n_below;
	return b->n_above + b->n_below == 0 || (thresholds_keep(b, b->above, b->n_above, ascending, &ret->above) &&
						thresholds_keep(b, b->below, b->n_below, descending, &ret->below));
}

static bool witness_add(struct builder *b, const struct test *t, uint32_t witness)
{
	if (t->kind <= TEST_CONTAINS && t->kind != TEST_NEVER)
		return text_add(b, t, witness);
	if (t->kind == TEST_GLOB)
		return glob_add(b, t, witness);
	if (t->kind == TEST_REGEX)
		return regex_add(b, t, witness);
	if (t->kind == TEST_NUMBER)
		return key_add(b, KEY_NUMBER, number_key(t->number), witness);
	if (t->kind >= TEST_LT && t->kind <= TEST_GE)
		return threshold_add(b, t, witness);
	if (t->kind != TEST_NEVER)
		direct_add(b, witness);
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->entry.witness > y->entry.witness) - (x->entry.witness < y->entry.witness);
}

static bool table_build(struct builder *b, struct matcher *ret)
{
	struct match_entry *entries = arena_array(b->a, b->n + 1, sizeof *entries);
	struct match_bucket *table;
	uint32_t size = 4;

	while (size < b->n * 2)
		size *= 2;
	table = arena_array(b->a, size, sizeof *table);
	if (entries == NULL || table == NULL)
		return false;
	if (b->n > 0)
		qsort(b->pairs, b->n, sizeof *b->pairs, by_key);
	for (uint32_t i = 0, end; i < b->n; i = end) {
		uint32_t at = (uint32_t)b->pairs[i].key & (size - 1);

		for (end = i; end < b->n && b->pairs[end].key == b->pairs[i].key; end++)
			entries[end] = b->pairs[end].entry;
		while (table[at].n > 0)
			at = (at + 1) & (size - 1);
		table[at] = (struct match_bucket){ b->pairs[i].key, i, end - i };
	}
	ret->table = table;
	ret->mask = size - 1;
	ret->entries = entries;
	return true;
}

/* Most values have none of the keys: that is told by a bitmap that stays near, not by the table. */
static bool ends_build(struct builder *b, struct matcher *ret)
{
	uint32_t n = 0, size = 64;
	uint64_t *bits;

	for (uint32_t i = 0; i < b->n; i++)
		n += b->pairs[i].kind != KEY_QUAD && b->pairs[i].kind != KEY_PAIR;
	while (size < n * 16)
		size *= 2;
	bits = arena_array(b->a, size / 64, sizeof *bits);
	if (bits == NULL)
		return false;
	for (uint32_t i = 0; i < b->n; i++)
		if (b->pairs[i].kind != KEY_QUAD && b->pairs[i].kind != KEY_PAIR)
			bits[(b->pairs[i].key & (size - 1)) / 64] |= (uint64_t)1 << (b->pairs[i].key % 64);
	ret->ends = bits;
	ret->ends_mask = size - 1;
	return true;
}

static bool quads_build(struct builder *b, struct matcher *ret)
{
	unsigned bits = QUAD_BITS_MIN;
	uint64_t *map;

	while (bits < QUAD_BITS_MAX && (uint64_t)1 << bits < (uint64_t)b->n_quads * 128)
		bits++;
	map = arena_array(b->a, ((size_t)1 << bits) / 64, sizeof *map);
	if (map == NULL)
		return false;
	ret->quad_shift = 32 - bits;
	for (uint32_t i = 0; i < b->n_quads; i++)
		map[quad_slot(b->quads[i], ret->quad_shift) / 64] |= (uint64_t)1 << quad_slot(b->quads[i], ret->quad_shift) % 64;
	ret->quads = map;
	return true;
}

static bool build(struct builder *b, const uint32_t *tests, uint32_t first, uint32_t n, struct matcher *ret)
{
	uint32_t *direct;

	b->n_witnesses = n;
	b->direct = arena_array(b->work, n + 1, sizeof *b->direct);
	if (b->direct == NULL)
		return false;
	for (uint32_t i = first; i < first + n; i++)
		if (!witness_add(b, &b->m->tests[tests[i]], i))
			return false;
	if (!literals_build(b, ret) || !pairs_build(b) || !table_build(b, ret) || !ends_build(b, ret) || !thresholds_build(b, ret) ||
	    (b->n_quads > 0 && !quads_build(b, ret)))
		return false;
	direct = arena_array(b->a, b->n_direct + 1, sizeof *direct);
	if (direct == NULL)
		return false;
	memcpy(direct, b->direct, b->n_direct * sizeof *direct);
	ret->pairs = b->two;
	ret->kinds = b->kinds;
	ret->whole_max = b->whole_max;
	ret->direct = direct;
	ret->n_direct = b->n_direct;
	return true;
}

bool matcher_build(struct arena *a, const struct engine_image *m, const uint32_t *tests, uint32_t first, uint32_t n, uint32_t id,
		   struct matcher *ret)
{
	CLEANUP(arena_freep) struct arena *work = arena_new((size_t)256 << 20);
	struct builder b = { .a = a, .work = work, .m = m };

	*ret = (struct matcher){ .id = id };
	return work != NULL && build(&b, tests, first, n, ret);
}

/* ---- running */

static void hit(struct match_pass *p, uint32_t witness)
{
	p->tried[witness] = p->pass;
	p->hits[p->n_hits++] = witness;
}

/* Asks the test itself, once a value. */
static void ask(struct match_pass *p, uint32_t witness)
{
	const struct test *t = &p->tests[p->witness_test[witness]];

	if (p->tried[witness] == p->pass)
		return;
	p->tried[witness] = p->pass;
	if (t->kind == TEST_EXISTS || test_value(t, p->type, p->text, p->regex))
		hit(p, witness);
}

static const struct match_bucket *find(const struct matcher *m, uint64_t key)
{
	uint32_t at = (uint32_t)key & m->mask;

	while (m->table[at].n > 0 && m->table[at].key != key)
		at = (at + 1) & m->mask;
	return &m->table[at];
}

static void probe(struct match_pass *p, uint64_t key)
{
	const struct matcher *m = p->matcher;
	const struct match_bucket *b;

	if (LIKELY((m->ends[(key & m->ends_mask) / 64] >> (key % 64) & 1) == 0))
		return;
	b = find(m, key);
	for (uint32_t i = 0; i < b->n; i++)
		ask(p, m->entries[b->first + i].witness);
}

/* Of the literal whose key's bytes stand at `at`: are four others where they should? */
static bool beside(const struct match_entry *entry, struct str s, size_t at)
{
	size_t from = at + (size_t)(ptrdiff_t)entry->where; /* before the text: far behind it */

	return from <= s.n - 4 && load(s.p + from, 4) == entry->beside;
}

/* The bytes of a key stand at `at` of the text. */
static void probe_at(struct match_pass *p, uint64_t key, size_t at)
{
	const struct match_bucket *b = find(p->matcher, key);
	struct str s = p->text->folded;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct match_entry *entry = &p->matcher->entries[b->first + i];
		struct str lit;

		if (entry->where != MATCH_ALONE && !beside(entry, s, at))
			continue;
		if (!entry->exact) {
			ask(p, entry->witness);
			continue;
		}
		if (p->tried[entry->witness] == p->pass)
			continue;
		lit = p->tests[p->witness_test[entry->witness]].lit;
		if (at >= entry->at && s.n - (at - entry->at) >= lit.n && memcmp(s.p + at - entry->at, lit.p, lit.n) == 0)
			hit(p, entry->witness);
	}
}

static void few_hit(void *ctx, size_t at)
{
	struct match_pass *p = ctx;

	probe_at(p, key_small(KEY_QUAD, load(p->text->folded.p + at, 4)), at);
}

/* The lowest bit tells. */
static inline uint64_t quad_set(const uint64_t *map, unsigned shift, const char *p)
{
	uint32_t slot = quad_slot((uint32_t)load(p, 4), shift);

	return map[slot / 64] >> slot % 64;
}

static void run_quads(struct match_pass *p)
{
	const struct matcher *m = p->matcher;
	struct str s = p->text->folded;
	const uint64_t *map = m->quads;
	unsigned shift = m->quad_shift;
	size_t stride = m->stride, i = 0;

	for (; i + 3 * stride + 4 <= s.n; i += 4 * stride) {
		const char *at = s.p + i;

		if (LIKELY(((quad_set(map, shift, at) | quad_set(map, shift, at + stride) | quad_set(map, shift, at + 2 * stride) |
			    quad_set(map, shift, at + 3 * stride)) &
			    1) == 0))
			continue;
		for (size_t k = i; k < i + 4 * stride; k += stride)
			if ((quad_set(map, shift, s.p + k) & 1) != 0)
				probe_at(p, key_small(KEY_QUAD, load(s.p + k, 4)), k);
	}
	for (; i + 4 <= s.n; i += stride)
		if ((quad_set(map, shift, s.p + i) & 1) != 0)
			probe_at(p, key_small(KEY_QUAD, load(s.p + i, 4)), i);
}

static void run_pairs(struct match_pass *p)
{
	struct str s = p->text->folded;

	for (size_t i = 0; i + 2 <= s.n; i++) {
		uint64_t bytes = load(s.p + i, 2);

		if (UNLIKELY((p->matcher->pairs[bytes / 64] >> (bytes % 64) & 1) != 0))
			probe_at(p, key_small(KEY_PAIR, bytes), i);
	}
}

static void run_ends(struct match_pass *p)
{
	uint32_t kinds = p->matcher->kinds;
	struct str s = p->text->folded;

	for (size_t i = 0; i < COUNTOF(firsts); i++)
		if ((kinds & 1u << firsts[i].kind) != 0 && s.n >= firsts[i].n)
			probe(p, key_small(firsts[i].kind, load(s.p, firsts[i].n)));
	for (size_t i = 0; i < COUNTOF(lasts); i++)
		if ((kinds & 1u << lasts[i].kind) != 0 && s.n >= lasts[i].n)
			probe(p, key_small(lasts[i].kind, load(s.p + s.n - lasts[i].n, lasts[i].n)));
}

static void run_thresholds(struct match_pass *p, double number)
{
	const struct matcher *m = p->matcher;

	for (uint32_t i = 0; i < m->n_above; i++) {
		const struct threshold *t = &m->above[i];

		if (number < t->number || (!(number > t->number) && !t->or_equal))
			break;
		hit(p, t->witness);
	}
	for (uint32_t i = 0; i < m->n_below; i++) {
		const struct threshold *t = &m->below[i];

		if (number > t->number || (!(number < t->number) && !t->or_equal))
			break;
		hit(p, t->witness);
	}
}

static void run_number(struct match_pass *p)
{
	const struct matcher *m = p->matcher;
	bool keyed = (m->kinds & 1u << KEY_NUMBER) != 0;
	double number;

	if ((!keyed && m->n_above + m->n_below == 0) || !number_parse(p->text->plain, &number))
		return;
	if (keyed)
		probe(p, number_key(number));
	if (p->type == FLAT_NUMBER || p->type == FLAT_STRING)
		run_thresholds(p, number);
}

void matcher_run(struct match_pass *p)
{
	const struct matcher *m = p->matcher;

	for (uint32_t i = 0; i < m->n_direct; i++)
		ask(p, m->direct[i]);
	if (p->type == FLAT_NULL)
		return;
	if ((m->kinds & 1u << KEY_WHOLE) != 0 && p->text->folded.n <= m->whole_max)
		probe(p, key_whole(p->text->folded));
	run_ends(p);
	run_number(p);
	if (m->quads != NULL)
		run_quads(p);
	if (m->few != NULL)
		few_scan(m->few, p->text->folded, few_hit, p);
	if (m->pairs != NULL)
		run_pairs(p);
}
