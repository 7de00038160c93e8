/* Design: one sweep over the observations in the order of first_observed. A
 * state says how far every part of the pattern is filled; an observation turns
 * a state into several: it fills one open leaf, or none. Because each
 * observation is looked at once, no observation is used twice, and the work is
 * (observations) x (states) - linear in the observations.
 *
 * Time. An observation stands for one instant somewhere in [first, last]. Then
 * WITHIN x holds when max(first) < min(last) + x over its observations, and
 * FOLLOWEDBY when max(first) left <= min(last) right: for nested qualifiers
 * these pairwise conditions are closed under composition, so they hold together
 * exactly when instants can be chosen. In order of `first` the newest `first` is
 * always the current one; a state only needs the lowest `last` of each open
 * WITHIN, and of each right side whose left side is not complete.
 *
 * Keeping states few, without losing an answer:
 * - A part that is complete is marked DONE as a whole: what it looked like
 *   inside no longer matters.
 * - Of two states with the same filling, the one whose lowest `last` are all
 *   later is at least as good; the other goes.
 * - Filling a leaf that no window and no unfinished left side depends on is
 *   never worse than passing the observation over.
 * - Copies made by REPEATS are interchangeable: their blocks are kept sorted,
 *   and of equal blocks only the first is filled.
 *
 * The sweep runs with few states first: finding a match needs no completeness,
 * and when no state had to be dropped, finding none is proof as well. Only then
 * more states are allowed. What remains is a step budget: patterns that join
 * many overlapping alternatives are NP-hard (set packing), and for those the
 * answer is RC_LIMIT, never a guess.
 *
 * Recursion follows the tree of slots, which is as deep as the parser allows. */
#include "stix/pattern_assign.h"

#include "base/mem.h"

#define DONE INT64_MIN
#define NO_TIME INT64_MAX
#define NOBODY UINT32_MAX
#define RECORDS_MAX ((size_t)1 << 24)
#define RECORDS_SWEPT ((size_t)1 << 20) /* more than these are swept for what is still needed */
#define LAYER_BYTES_MAX ((size_t)64 << 20)
#define LAYER_STATES_MAX 65536
#define FIRST_STATES 4
#define MORE_STATES 16
#define LEAVE_OUT_MAX 256
#define LEAVE_OUT_STATES 1024

/* How a state came about: which observation was added to which earlier state. */
struct record {
	uint32_t parent, observation;
};

struct layer {
	int64_t *words;
	uint32_t *record;
	uint32_t *next; /* chain in the table, index + 1 */
	bool *dead;
	uint32_t n;
};

struct search {
	struct pat_slot *root;
	const struct stix_observations *o;
	const uint64_t *only; /* consider these observations alone, or NULL */
	uint32_t words;       /* of one state */
	uint64_t *is_time; /* bit w: word w is a time, not a filling */
	struct layer now, then;
	uint64_t *table; /* layer number << 32 | index + 1 */
	uint32_t width, table_mask, number;
	struct record *records;
	size_t n_records, cap_records, sweep_records;
	int64_t *scratch;
	uint64_t budget;
	bool truncated, moved;
	uint32_t found; /* record of a complete state, or NOBODY */
	enum rc rc;
};

/* --- layout ----------------------------------------------------------------- */

/* A node's own word (leaf: units filled; SPAN: lowest last; else a mark), SEQ: one time for each kid but the first;
 * then its kids. */
static uint32_t lay_out(struct pat_slot *s, uint32_t at)
{
	uint32_t rank = 0;

	s->at = at++;
	s->n_kids = 0;
	for (const struct pat_slot *k = s->kids; k != NULL; k = k->next)
		s->n_kids++;
	if (s->kind == SLOT_SEQ)
		at += s->n_kids - 1;
	for (struct pat_slot *k = s->kids; k != NULL; k = k->next) {
		k->parent = s;
		k->rank = rank++;
		at = lay_out(k, at);
	}
	s->words = at - s->at;
	return at;
}

static void set_time(struct search *q, int64_t *state, uint32_t at)
{
	q->is_time[at / 64] |= (uint64_t)1 << at % 64;
	state[at] = NO_TIME;
}

static void first_state(struct search *q, const struct pat_slot *s, int64_t *state)
{
	if (s->kind == SLOT_SPAN)
		set_time(q, state, s->at);
	if (s->kind == SLOT_SEQ)
		for (uint32_t i = 1; i < s->n_kids; i++)
			set_time(q, state, s->at + i);
	for (const struct pat_slot *k = s->kids; k != NULL; k = k->next)
		first_state(q, k, state);
}

/* --- filling ---------------------------------------------------------------- */

static bool is_done(const int64_t *state, const struct pat_slot *s)
{
	return state[s->at] == DONE;
}

static bool all_before_done(const int64_t *state, const struct pat_slot *seq, uint32_t rank)
{
	for (const struct pat_slot *k = seq->kids; k != NULL && k->rank < rank; k = k->next)
		if (!is_done(state, k))
			return false;
	return true;
}

/* Takes the observation's time into the windows and orders above `leaf`. That it violates none has been seen by
 * is_alive. True when nothing above remembers it. */
static bool note_time(int64_t *state, const struct pat_slot *leaf, const struct pat_observed *o)
{
	const struct pat_slot *kid = leaf;
	bool is_free = true;

	for (const struct pat_slot *s = leaf->parent; s != NULL; kid = s, s = s->parent) {
		uint32_t word = s->at;

		if (s->kind == SLOT_SEQ && kid->rank > 0 && !all_before_done(state, s, kid->rank))
			word = s->at + kid->rank;
		else if (s->kind != SLOT_SPAN)
			continue;
		is_free = false;
		if (o->last < state[word])
			state[word] = o->last;
	}
	return is_free;
}

static bool completes(const int64_t *state, const struct pat_slot *s)
{
	if (s->kind == SLOT_ANY || s->kind == SLOT_SPAN)
		return true;
	return all_before_done(state, s, s->n_kids);
}

/* Times of right sides whose left sides are complete play no role any more. */
static void forget_times(int64_t *state, const struct pat_slot *seq)
{
	for (uint32_t rank = 1; rank < seq->n_kids && all_before_done(state, seq, rank); rank++)
		state[seq->at + rank] = NO_TIME;
}

/* Marks `s` and all that is complete by it. */
static void mark_done(int64_t *state, const struct pat_slot *s)
{
	for (; s != NULL; s = s->parent) {
		for (uint32_t i = 0; i < s->words; i++)
			state[s->at + i] = DONE;
		if (s->parent == NULL)
			return;
		if (!completes(state, s->parent)) {
			if (s->parent->kind == SLOT_SEQ)
				forget_times(state, s->parent);
			return;
		}
	}
}

/* Order of two copies: by filling, then by times, so that states that differ in times only look alike. */
static int compare_copies(const struct search *q, const int64_t *state, size_t a, size_t b, uint32_t words)
{
	int by_time = 0;

	for (uint32_t w = 0; w < words; w++) {
		int64_t x = state[a + w], y = state[b + w];

		if (x == y)
			continue;
		if (!pat_set_has(q->is_time, a + w))
			return x < y ? -1 : 1;
		if (by_time == 0)
			by_time = x < y ? -1 : 1;
	}
	return by_time;
}

/* Puts copies `rank` and `rank + 1` in order; false when they are. */
static bool swap_copies(struct search *q, int64_t *state, const struct pat_slot *parent, uint32_t rank)
{
	uint32_t size = parent->kids->words;
	size_t a = parent->at + 1 + (size_t)rank * size, b = a + size;

	if (compare_copies(q, state, a, b, size) >= 0)
		return false;
	memcpy(q->scratch, state + a, size * sizeof *state);
	memcpy(state + a, state + b, size * sizeof *state);
	memcpy(state + b, q->scratch, size * sizeof *state);
	return true;
}

/* Moves the copy that has changed to where it belongs among its equals. */
static void sort_copies(struct search *q, int64_t *state, const struct pat_slot *parent, uint32_t rank)
{
	uint32_t at = rank;

	while (at > 0 && swap_copies(q, state, parent, at - 1))
		at--;
	while (at + 1 < parent->n_kids && swap_copies(q, state, parent, at))
		at++;
}

static void sort_above(struct search *q, int64_t *state, const struct pat_slot *leaf)
{
	const struct pat_slot *kid = leaf;

	for (const struct pat_slot *s = leaf->parent; s != NULL; kid = s, s = s->parent)
		if (s->copies && !is_done(state, s))
			sort_copies(q, state, s, kid->rank);
}

/* --- layers ----------------------------------------------------------------- */

static uint64_t hash_filling(const struct search *q, const int64_t *state)
{
	uint64_t h = 0x9E3779B97F4A7C15;

	for (uint32_t w = 0; w < q->words; w++)
		if (!pat_set_has(q->is_time, w))
			h = (h ^ (uint64_t)state[w]) * 0xD6E8FEB86659FD93, h ^= h >> 32;
	return h;
}

/* How `a` relates to `b`: 0 other filling or not comparable, 1 at least as good, -1 worse. */
static int dominates(const struct search *q, const int64_t *a, const int64_t *b)
{
	bool better = true, worse = true;

	for (uint32_t w = 0; w < q->words; w++) {
		if (a[w] == b[w])
			continue;
		if (!pat_set_has(q->is_time, w))
			return 0;
		if (a[w] < b[w])
			better = false;
		else
			worse = false;
	}
	return better ? 1 : worse ? -1 : 0;
}

static bool grow_records(struct search *q)
{
	size_t cap = q->cap_records == 0 ? 256 : q->cap_records * 2;
	struct record *more = cap > RECORDS_MAX ? NULL : mem_resize(q->records, cap * sizeof *more);

	if (more == NULL) {
		q->rc = cap > RECORDS_MAX ? RC_LIMIT : RC_NOMEM;
		return false;
	}
	q->records = more;
	q->cap_records = cap;
	return true;
}

/* The record of a state made from that of `parent` by one observation. */
static uint32_t add_record(struct search *q, uint32_t parent, uint32_t observation)
{
	if (observation == NOBODY)
		return parent;
	if (q->n_records == q->cap_records && !grow_records(q))
		return NOBODY;
	q->records[q->n_records] = (struct record){ parent, observation };
	return (uint32_t)q->n_records++;
}

/* Adds a state to the next layer unless one there is as good. */
static void add_state(struct search *q, const int64_t *state, uint32_t parent, uint32_t observation)
{
	struct layer *l = &q->then;
	uint64_t *head = &q->table[hash_filling(q, state) & q->table_mask];
	uint32_t first = *head >> 32 == q->number ? (uint32_t)*head : 0;

	for (uint32_t i = first; i != 0; i = l->next[i - 1]) {
		int how = dominates(q, l->words + (size_t)(i - 1) * q->words, state);

		q->budget -= q->budget < q->words ? q->budget : q->words;
		if (how > 0)
			return;
		if (how < 0)
			l->dead[i - 1] = true;
	}
	if (l->n == q->width) {
		q->truncated = true;
		return;
	}
	memcpy(l->words + (size_t)l->n * q->words, state, q->words * sizeof *state);
	l->record[l->n] = add_record(q, parent, observation);
	l->dead[l->n] = false;
	l->next[l->n] = first;
	l->n++;
	*head = (uint64_t)q->number << 32 | l->n;
}

/* Forgets the records that no living state descends from. Parents stand before their children. */
static void sweep_records(struct search *q)
{
	uint32_t *moved = mem_array(q->n_records, sizeof *moved);
	size_t kept = 0;

	if (moved == NULL) {
		q->rc = RC_NOMEM;
		return;
	}
	for (uint32_t i = 0; i < q->now.n; i++)
		for (uint32_t r = q->now.record[i]; r != NOBODY && moved[r] == 0; r = q->records[r].parent)
			moved[r] = 1;
	for (size_t r = 0; r < q->n_records; r++) {
		if (moved[r] == 0)
			continue;
		q->records[kept] = q->records[r];
		if (q->records[kept].parent != NOBODY)
			q->records[kept].parent = moved[q->records[kept].parent];
		moved[r] = (uint32_t)kept++;
	}
	for (uint32_t i = 0; i < q->now.n; i++)
		if (q->now.record[i] != NOBODY)
			q->now.record[i] = moved[q->now.record[i]];
	mem_free(moved);
	q->n_records = kept;
	q->sweep_records = kept * 2 > RECORDS_SWEPT ? kept * 2 : RECORDS_SWEPT;
}

/* --- the sweep -------------------------------------------------------------- */

/* Can this state still be completed by observations from `o` on? No, when an open window is over, or when a right side
 * has begun before what its left side still lacks. (One branch of an OR may be past while others are not; the state
 * that never entered it is there as well.) */
static bool is_alive(const struct pat_slot *s, const int64_t *state, const struct pat_observed *o)
{
	if (is_done(state, s))
		return true;
	if (s->kind == SLOT_SPAN && state[s->at] != NO_TIME && o->first - state[s->at] >= s->span)
		return false;
	if (s->kind == SLOT_SEQ)
		for (uint32_t rank = 1; rank < s->n_kids; rank++)
			if (o->first > state[s->at + rank] && !all_before_done(state, s, rank))
				return false;
	for (const struct pat_slot *k = s->kids; k != NULL; k = k->next)
		if (!is_alive(k, state, o))
			return false;
	return true;
}

/* One way to use observation `i`: in `leaf`, which is open. True when that is as good as passing it over. */
static bool use(struct search *q, const int64_t *from, uint32_t record, const struct pat_slot *leaf, uint32_t i)
{
	int64_t *state = q->scratch + q->words;
	bool is_free;

	memcpy(state, from, q->words * sizeof *state);
	q->budget -= q->budget < q->words ? q->budget : q->words;
	is_free = note_time(state, leaf, &q->o->by_first[i]);
	if ((uint64_t)++state[leaf->at] == leaf->demand)
		mark_done(state, leaf);
	sort_above(q, state, leaf);
	q->moved = true;
	if (is_done(state, q->root))
		q->found = add_record(q, record, i);
	else
		add_state(q, state, record, i);
	return is_free;
}

/* All ways to use observation `i` in a state, below `s`. */
static bool use_below(struct search *q, const int64_t *from, uint32_t record, const struct pat_slot *s, uint32_t i)
{
	bool is_free = false;

	if (is_done(from, s) || q->found != NOBODY || q->rc != RC_OK)
		return false;
	if (s->kind == SLOT_LEAF)
		return pat_set_has(s->set, i) && use(q, from, record, s, i);
	for (const struct pat_slot *k = s->kids; k != NULL; k = k->next) {
		/* An untouched or equal copy behind another one: the same again. */
		if (s->copies && k->rank > 0 &&
		    memcmp(from + k->at, from + k->at - k->words, k->words * sizeof *from) == 0)
			continue;
		is_free |= use_below(q, from, record, k, i);
	}
	return is_free;
}

/* Offers one unit of observation `i` to every state. */
static void offer(struct search *q, uint32_t i)
{
	struct layer old;

	q->moved = false;
	q->then.n = 0;
	q->number++;
	if (q->n_records > q->sweep_records)
		sweep_records(q);
	for (uint32_t k = 0; k < q->now.n && q->found == NOBODY && q->rc == RC_OK; k++) {
		const int64_t *state = q->now.words + (size_t)k * q->words;

		if (q->now.dead[k] || !is_alive(q->root, state, &q->o->by_first[i]))
			continue;
		if (q->budget <= q->words)
			q->rc = RC_LIMIT;
		q->budget -= q->budget < q->words ? q->budget : q->words;
		if (!use_below(q, state, q->now.record[k], q->root, i))
			add_state(q, state, q->now.record[k], NOBODY);
	}
	old = q->now;
	q->now = q->then;
	q->then = old;
}

/* Units of observation `i` that could be put to use at most. */
static uint64_t room_for(const struct pat_slot *s, size_t i)
{
	uint64_t sum = 0;

	if (s->kind == SLOT_LEAF)
		return pat_set_has(s->set, i) ? s->demand : 0;
	for (const struct pat_slot *k = s->kids; k != NULL; k = k->next) {
		uint64_t one = room_for(k, i);

		if (s->copies)
			return one > UINT64_MAX / s->n_kids ? UINT64_MAX : one * s->n_kids;
		sum = sum > UINT64_MAX - one ? UINT64_MAX : sum + one;
	}
	return sum;
}

static void sweep(struct search *q)
{
	for (uint32_t i = 0; i < q->o->n && q->rc == RC_OK && q->found == NOBODY; i++) {
		uint64_t units = q->only == NULL || pat_set_has(q->only, i) ? room_for(q->root, i) : 0;

		/* number_observed n stands for n observations (§4.14). */
		if (units > q->o->by_first[i].count)
			units = q->o->by_first[i].count;
		for (; units > 0 && q->rc == RC_OK && q->found == NOBODY; units--) {
			offer(q, i);
			if (!q->moved)
				break;
		}
		if (q->now.n == 0)
			break;
	}
}

/* --- one search ------------------------------------------------------------- */

static bool layer_new(struct layer *l, uint32_t width, uint32_t words)
{
	l->words = mem_array((size_t)width * words, sizeof *l->words);
	l->record = mem_array(width, sizeof *l->record);
	l->next = mem_array(width, sizeof *l->next);
	l->dead = mem_array(width, sizeof *l->dead);
	l->n = 0;
	return l->words != NULL && l->record != NULL && l->next != NULL && l->dead != NULL;
}

static void layer_free(struct layer *l)
{
	mem_free(l->words);
	mem_free(l->record);
	mem_free(l->next);
	mem_free(l->dead);
	*l = (struct layer){ 0 };
}

static void search_free(struct search *q)
{
	layer_free(&q->now);
	layer_free(&q->then);
	mem_free(q->table);
	mem_free(q->is_time);
	mem_free(q->scratch);
	mem_free(q->records);
	*q = (struct search){ 0 };
}

static bool search_new(struct search *q, uint32_t width)
{
	uint32_t slots = 64;

	while (slots < width * 2)
		slots *= 2;
	q->width = width;
	q->table_mask = slots - 1;
	q->table = mem_array(slots, sizeof *q->table);
	q->is_time = mem_array(q->words / 64 + 1, sizeof *q->is_time);
	q->scratch = mem_array((size_t)q->words * 2, sizeof *q->scratch);
	if (!layer_new(&q->now, width, q->words) || !layer_new(&q->then, width, q->words) || q->table == NULL ||
	    q->is_time == NULL || q->scratch == NULL)
		return false;
	first_state(q, q->root, q->now.words);
	q->now.record[0] = NOBODY;
	q->now.n = 1;
	q->found = NOBODY;
	q->sweep_records = RECORDS_SWEPT;
	return true;
}

static void trace(const struct search *q, uint64_t *used)
{
	for (uint32_t r = q->found; r != NOBODY; r = q->records[r].parent)
		used[q->records[r].observation / 64] |= (uint64_t)1 << q->records[r].observation % 64;
}

/* One sweep with at most `width` states. *ret_sure: the answer is proven. `used` may be NULL. */
static enum rc attempt(struct pat_slot *root, const struct stix_observations *o, const uint64_t *only, uint32_t width,
		       uint64_t *budget, uint64_t *used, bool *ret_match, bool *ret_sure)
{
	struct search q = { .root = root, .o = o, .only = only, .budget = *budget, .words = root->words };
	enum rc rc = search_new(&q, width) ? RC_OK : RC_NOMEM;

	if (rc == RC_OK) {
		sweep(&q);
		rc = q.rc;
		*ret_match = q.found != NOBODY;
		*ret_sure = *ret_match || !q.truncated;
		if (*ret_match && used != NULL)
			trace(&q, used);
	}
	*budget = q.budget;
	search_free(&q);
	return rc;
}

static bool has_any(const struct pat_slot *s)
{
	if (s->kind == SLOT_ANY)
		return true;
	for (const struct pat_slot *k = s->kids; k != NULL; k = k->next)
		if (has_any(k))
			return true;
	return false;
}

/* A match may have filled a bit of an alternative that was not needed in the end. Takes out what can go, one by one;
 * then every assignment that is left uses all of `used`. A set too large for that stays as it is. */
static enum rc leave_out(struct pat_slot *root, const struct stix_observations *o, uint64_t *used, uint64_t *budget)
{
	size_t n = 0;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < o->n; i++)
		n += pat_set_has(used, i);
	for (size_t i = 0; i < o->n && n <= LEAVE_OUT_MAX && rc == RC_OK; i++) {
		bool match = false, sure;

		if (!pat_set_has(used, i))
			continue;
		used[i / 64] ^= (uint64_t)1 << i % 64;
		rc = attempt(root, o, used, LEAVE_OUT_STATES, budget, NULL, &match, &sure);
		if (!match)
			used[i / 64] ^= (uint64_t)1 << i % 64;
	}
	return rc == RC_LIMIT ? RC_OK : rc;
}

enum rc pat_assign(struct pat_slot *root, const struct stix_observations *o, uint64_t *used, bool *ret_match,
		   struct err *err)
{
	uint64_t budget = PAT_ASSIGN_STEPS + o->n * PAT_ASSIGN_STEPS_EACH;
	bool sure = false;
	enum rc rc = RC_OK;

	root->parent = NULL;
	(void)lay_out(root, 0);
	for (uint32_t width = FIRST_STATES; rc == RC_OK && !sure; width *= MORE_STATES) {
		size_t most = LAYER_BYTES_MAX / (root->words * sizeof(int64_t));

		if (most > LAYER_STATES_MAX)
			most = LAYER_STATES_MAX;
		if (width >= most * MORE_STATES)
			rc = RC_LIMIT;
		else
			rc = attempt(root, o, NULL, width > most ? (uint32_t)most : width, &budget, used, ret_match, &sure);
	}
	if (rc == RC_OK && *ret_match && has_any(root))
		rc = leave_out(root, o, used, &budget);
	if (rc == RC_NOMEM)
		return FAIL(err, rc, "pattern: out of memory");
	if (rc != RC_OK)
		return FAIL(err, rc, "pattern: evaluation takes more steps than allowed");
	return RC_OK;
}
