/* Observations become rules; what stands between them becomes a correlation over hidden rules.
 *
 * FOLLOWEDBY and AND are about different observations, so one event must not stand for two operands. For an order it is
 * enough that later operands come first in the set: an event is then tried as the end of a chain before it can begin one.
 * AND is any of the orders of its operands. (Counting the events of each group of operands, as Hall's theorem would have
 * it, is not exact: a count that held a while ago may not hold inside the window of the last event.) */
#include "detect/stix_rules.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "detect/stix_rules_int.h"
#include "stix/pattern.h"

#define ARENA_MAX ((size_t)2 << 30)
#define OPERANDS_MAX 4      /* of AND */
#define ORDERS_MAX 24
#define ORDERED_MAX 64
#define REPEATS_MAX 1000000
#define TITLE_BYTES 160
#define DEPTH_MAX 80
#define SPAN_MAX ((usec)20 * 365 * 24 * 3600 * USEC_PER_SEC) /* of a correlation */

struct made { struct sigma_rule rule; struct made *next; };

/* Rules of one indicator; slots of its correlations count from its first rule. */
struct item {
	struct sigma_indicator of;
	struct str title, file;
	struct made *first, *last;
	uint32_t n;
	bool dead, partial;
	struct item *next;
};

struct stix_rules {
	struct arena *a;
	struct sigma_reader *reader;
	const struct stix_map *map;
	struct map *by_id;
	struct item *first, *last;
	uint32_t n_items, n_rules;
	char first_partial[512];
};

struct build {
	struct stix_work w;
	struct stix_rules *r;
	struct item *item;
};

/* Qualifiers on the way down. */
struct qualified {
	const struct pat_obs *obs;
	usec within, start, stop; /* within 0: none */
	uint64_t times;
};

enum rc stix_rules_new(struct stix_rules **ret, struct err *err)
{
	CLEANUP(stix_rules_freep) struct stix_rules *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	r->a = arena_new(ARENA_MAX);
	r->by_id = map_new(IMAGE_INDICATORS_MAX);
	if (r->a == NULL || r->by_id == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	TRY(sigma_reader_new(r->a, &r->reader, err));
	TRY(stix_map_load(r->reader, &r->map, err));
	*ret = r;
	r = NULL;
	return RC_OK;
}

void stix_rules_free(struct stix_rules *r)
{
	if (r == NULL)
		return;
	sigma_reader_free(r->reader);
	map_free(r->by_id);
	arena_free(r->a);
	mem_free(r);
}

void stix_rules_freep(struct stix_rules **r)
{
	stix_rules_free(*r);
}

/* --- making rules --- */

/* An indicator is as serious as it is sure; one that does not say is taken to be half so. */
static enum sigma_level level_of(uint8_t confidence)
{
	return confidence > 100 ? SIGMA_MEDIUM : confidence >= 70 ? SIGMA_HIGH : confidence >= 30 ? SIGMA_MEDIUM : SIGMA_LOW;
}

static enum rc add_rule(struct build *b, const struct sigma_node *detection, const struct sigma_corr *corr, const struct qualified *q,
			bool hidden, uint32_t *ret_slot)
{
	struct item *item = b->item;
	struct made *m = arena_alloc(b->r->a, sizeof *m);
	struct sigma_indicator *of = arena_alloc(b->r->a, sizeof *of);

	if (m == NULL || of == NULL)
		return stix_work_nomem(&b->w);
	*of = item->of;
	of->start = q->start;
	of->stop = q->stop;
	m->rule = (struct sigma_rule){ .kind = corr != NULL ? SIGMA_CORRELATION : SIGMA_RULE, .id = of->id, .name = S(""), .title = item->title,
				       .status = S(""), .author = item->file, .description = S(""), .date = S(""), .modified = S(""),
				       .level = level_of(of->confidence), .source = { S(""), S(""), S("") }, .detection = detection, .corr = corr,
				       .indicator = of, .hidden = hidden, .file = item->file, .line = 1 };
	*(item->last == NULL ? &item->first : &item->last->next) = m;
	item->last = m;
	*ret_slot = item->n++;
	return RC_OK;
}

static enum rc add_corr(struct build *b, struct sigma_corr corr, const uint32_t *slots, uint32_t n, uint32_t least, bool hidden,
			uint32_t *ret_slot)
{
	const struct qualified all = { .start = INT64_MIN, .stop = INT64_MAX };
	struct sigma_corr *c = arena_alloc(b->r->a, sizeof *c);
	struct sigma_limit *limit = arena_alloc(b->r->a, sizeof *limit);
	uint32_t *copy = arena_array(b->r->a, n, sizeof *copy);

	if (corr.timespan > SPAN_MAX)
		return FAIL(b->w.err, RC_UNSUPPORTED, "WITHIN or START-STOP of more than 20 years");
	if (c == NULL || limit == NULL || copy == NULL)
		return stix_work_nomem(&b->w);
	memcpy(copy, slots, n * sizeof *copy);
	*limit = (struct sigma_limit){ SIGMA_CMP_GTE, least };
	*c = corr;
	c->rules = copy;
	c->n_rules = n;
	if (least > 0) {
		c->limits = limit;
		c->n_limits = 1;
	}
	return add_rule(b, NULL, c, &all, hidden, ret_slot);
}

/* --- operators --- */

static usec later(usec a, usec b) { return a > b ? a : b; }
static usec earlier(usec a, usec b) { return a < b ? a : b; }

/* Takes the qualifiers off what they stand behind. WITHIN below REPEATS is about each single time. */
static enum rc peel(struct build *b, struct qualified *q)
{
	for (;; q->obs = q->obs->kids) {
		usec start = INT64_MIN, stop = INT64_MAX;

		if (q->obs->kind == PAT_WITHIN) {
			if (q->times == 1)
				q->within = q->within == 0 ? q->obs->within : earlier(q->within, q->obs->within);
		} else if (q->obs->kind == PAT_REPEATS) {
			if (q->times > 1 && q->obs->times > 1)
				return FAIL(b->w.err, RC_UNSUPPORTED, "REPEATS of REPEATS");
			q->times = q->times > 1 ? q->times : q->obs->times;
		} else if (q->obs->kind == PAT_START_STOP) {
			TRY(time_parse(q->obs->start, &start, NULL, b->w.err));
			TRY(time_parse(q->obs->stop, &stop, NULL, b->w.err));
			q->start = later(q->start, start);
			q->stop = earlier(q->stop, stop);
		} else {
			return RC_OK;
		}
	}
}

/* One event can meet it alone: an observation, or alternatives of such without times of their own. */
static bool is_unit(const struct pat_obs *o)
{
	if (o->kind == PAT_WITHIN)
		return is_unit(o->kids);
	if (o->kind == PAT_OR) {
		for (const struct pat_obs *k = o->kids; k != NULL; k = k->next)
			if (!is_unit(k))
				return false;
		return true;
	}
	return o->kind == PAT_OBSERVATION;
}

static enum rc unit_node(struct build *b, const struct pat_obs *o, const struct sigma_node **ret)
{
	const struct sigma_node **kids;
	uint32_t n = 0;
	bool partial = false;

	while (o->kind == PAT_WITHIN)
		o = o->kids;
	if (o->kind == PAT_OBSERVATION) {
		TRY(stix_observation_node(&b->w, b->r->map, o->test, ret, &partial));
		b->item->partial |= partial;
		return RC_OK;
	}
	for (const struct pat_obs *k = o->kids; k != NULL; k = k->next)
		n++;
	kids = arena_array(b->w.d.scratch, n, sizeof *kids);
	if (kids == NULL)
		return stix_work_nomem(&b->w);
	n = 0;
	for (const struct pat_obs *k = o->kids; k != NULL; k = k->next)
		TRY(unit_node(b, k, &kids[n++]));
	return sigma_group(&b->w.d, SIGMA_OR, kids, n, ret) == RC_OK ? RC_OK : stix_work_nomem(&b->w);
}

/* WITHIN x excludes x, as a correlation's span does its own length. */
static usec span_of(const struct qualified *q)
{
	if (q->within > 0)
		return q->within;
	return q->start > INT64_MIN && q->stop < INT64_MAX && q->stop > q->start ? q->stop - q->start : STIX_WINDOW_DEFAULT;
}

static enum rc repeats(struct build *b, const struct qualified *q)
{
	const struct sigma_node *node;
	uint32_t slot, corr;

	if (q->times > REPEATS_MAX)
		return FAIL(b->w.err, RC_UNSUPPORTED, "REPEATS more than %d times", REPEATS_MAX);
	TRY(unit_node(b, q->obs, &node));
	TRY(add_rule(b, node, NULL, q, true, &slot));
	return add_corr(b, (struct sigma_corr){ .type = SIGMA_EVENT_COUNT, .timespan = span_of(q) }, &slot, 1, (uint32_t)q->times, false, &corr);
}

struct operands {
	const struct sigma_node *node[ORDERED_MAX];
	struct qualified q[ORDERED_MAX];
	uint32_t n;
};

static enum rc operands_of(struct build *b, const struct qualified *q, uint32_t max, struct operands *ret)
{
	for (const struct pat_obs *k = q->obs->kids; k != NULL; k = k->next) {
		struct qualified *one = &ret->q[ret->n];

		if (ret->n == max)
			return FAIL(b->w.err, RC_UNSUPPORTED, "more than %u observations between one operator", max);
		*one = (struct qualified){ .obs = k, .start = q->start, .stop = q->stop, .times = 1 };
		TRY(peel(b, one));
		if (one->times > 1 || !is_unit(one->obs))
			return FAIL(b->w.err, RC_UNSUPPORTED, "operators between observations inside of each other");
		TRY(unit_node(b, one->obs, &ret->node[ret->n++]));
	}
	return RC_OK;
}

/* One order of the operands as a hidden chain. Later ones come first in the set. */
static enum rc chain(struct build *b, const struct operands *x, const uint32_t *order, usec span, bool hidden, uint32_t *ret)
{
	uint32_t slots[ORDERED_MAX];

	for (uint32_t i = x->n; i-- > 0;)
		TRY(add_rule(b, x->node[order[i]], NULL, &x->q[order[i]], true, &slots[i]));
	return add_corr(b, (struct sigma_corr){ .type = SIGMA_TEMPORAL_ORDERED, .timespan = span }, slots, x->n, 0, hidden, ret);
}

/* The next permutation in lexical order; false behind the last. */
static bool permute(uint32_t *p, uint32_t n)
{
	uint32_t i = n - 1, j = n - 1, swap;

	while (i > 0 && p[i - 1] > p[i])
		i--;
	if (i == 0)
		return false;
	while (p[j] < p[i - 1])
		j--;
	swap = p[i - 1], p[i - 1] = p[j], p[j] = swap;
	for (j = n - 1; i < j; i++, j--)
		swap = p[i], p[i] = p[j], p[j] = swap;
	return true;
}

static enum rc together(struct build *b, const struct qualified *q)
{
	struct operands *x = arena_alloc(b->w.d.scratch, sizeof *x);
	uint32_t order[OPERANDS_MAX] = { 0, 1, 2, 3 }, chains[ORDERS_MAX], n = 0, slot;

	if (x == NULL)
		return stix_work_nomem(&b->w);
	TRY(operands_of(b, q, OPERANDS_MAX, x));
	do
		TRY(chain(b, x, order, span_of(q), true, &chains[n++]));
	while (permute(order, x->n));
	return add_corr(b, (struct sigma_corr){ .type = SIGMA_TEMPORAL, .timespan = span_of(q) }, chains, n, 1, false, &slot);
}

static enum rc one_behind_other(struct build *b, const struct qualified *q)
{
	struct operands *x = arena_alloc(b->w.d.scratch, sizeof *x);
	uint32_t order[ORDERED_MAX], slot;

	for (uint32_t i = 0; i < COUNTOF(order); i++)
		order[i] = i;
	if (x == NULL)
		return stix_work_nomem(&b->w);
	TRY(operands_of(b, q, ORDERED_MAX, x));
	return chain(b, x, order, span_of(q), false, &slot);
}

/* Recursion: as deep as alternatives nest. */
static enum rc expression(struct build *b, struct qualified q, unsigned depth)
{
	const struct sigma_node *node;
	uint32_t slot;

	if (depth > DEPTH_MAX)
		return FAIL(b->w.err, RC_UNSUPPORTED, "nested too deep");
	TRY(peel(b, &q));
	if (q.stop <= q.start)
		return FAIL(b->w.err, RC_UNSUPPORTED, "its START-STOP intervals have nothing in common");
	if (q.times > 1)
		return is_unit(q.obs) ? repeats(b, &q) : FAIL(b->w.err, RC_UNSUPPORTED, "REPEATS of several observations together");
	if (is_unit(q.obs)) {
		TRY(unit_node(b, q.obs, &node));
		return add_rule(b, node, NULL, &q, false, &slot);
	}
	if (q.obs->kind == PAT_AND)
		return together(b, &q);
	if (q.obs->kind == PAT_FOLLOWEDBY)
		return one_behind_other(b, &q);
	for (const struct pat_obs *k = q.obs->kids; k != NULL; k = k->next) {
		struct qualified one = q;

		one.obs = k;
		TRY(expression(b, one, depth + 1));
	}
	return RC_OK;
}

/* --- indicators --- */

static bool copy(struct arena *a, struct str from, size_t max, struct str *ret)
{
	*ret = arena_dup(a, str_slice(from, 0, max));
	return ret->p != NULL;
}

static enum rc build_item(struct stix_rules *r, struct item *item, struct err *err)
{
	struct build b = { .w = { .d = { .r = r->reader, .a = r->a, .scratch = r->reader->scratch }, .err = err }, .r = r, .item = item };
	struct qualified q = { .start = INT64_MIN, .stop = INT64_MAX, .times = 1 };
	const struct pattern *p;
	enum rc rc = stix_pattern_check(item->of.pattern, err);

	if (rc == RC_OK)
		rc = stix_pattern_parse(r->reader->scratch, item->of.pattern, &STIX_PATTERN_LENIENT, &p, err);
	if (rc == RC_OK) {
		q.obs = p->root;
		rc = expression(&b, q, 0);
	}
	if (rc == RC_OK && item->partial && r->first_partial[0] == '\0')
		snprintf(r->first_partial, sizeof r->first_partial, "%.*s: %s", STR(str_slice(item->of.id, 0, 64)), b.w.why);
	return rc;
}

void stix_rules_remove(struct stix_rules *r, struct str id)
{
	uint64_t p;

	if (!map_get(r->by_id, id, &p))
		return;
	((struct item *)(uintptr_t)p)->dead = true;
	r->n_items--;
	r->n_rules -= ((struct item *)(uintptr_t)p)->n;
	(void)map_del(r->by_id, id);
}

static enum rc new_item(struct stix_rules *r, const struct image_indicator *i, struct str name, struct str file, struct item **ret)
{
	struct item *x = arena_alloc(r->a, sizeof *x);

	if (x == NULL)
		return RC_NOMEM;
	x->of = (struct sigma_indicator){ .valid_from = i->valid_from, .valid_until = i->valid_until, .tlp = i->tlp, .confidence = i->confidence };
	if (!copy(r->a, i->id, SIZE_MAX, &x->of.id) || !copy(r->a, i->pattern, SIZE_MAX, &x->of.pattern) || !copy(r->a, file, SIZE_MAX, &x->file))
		return RC_NOMEM;
	x->title = arena_fmt(r->a, "known pattern: %.*s", STR(str_slice(name.n > 0 ? name : i->pattern, 0, TITLE_BYTES)));
	*ret = x;
	return x->title.p == NULL ? RC_NOMEM : RC_OK;
}

enum rc stix_rules_add(struct stix_rules *r, const struct image_indicator *i, struct str name, struct str file, struct err *err)
{
	struct uuid uuid;
	struct item *x;
	enum rc rc;

	if (!str_starts(i->id, S("indicator--")) || !uuid_parse(str_slice(i->id, 11, i->id.n), &uuid))
		return FAIL(err, RC_BAD, "'%.*s' is no indicator id", STR(str_slice(i->id, 0, 80)));
	stix_rules_remove(r, i->id);
	if (i->revoked)
		return RC_OK;
	if (new_item(r, i, name, file, &x) != RC_OK)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	rc = build_item(r, x, err);
	arena_reset(r->reader->scratch);
	TRY(rc);
	if (r->n_rules + x->n > STIX_RULES_MAX)
		return FAIL(err, RC_UNSUPPORTED, "more than %d rules of patterns", STIX_RULES_MAX);
	if (map_put(r->by_id, x->of.id, (uint64_t)(uintptr_t)x) != RC_OK)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	*(r->last == NULL ? &r->first : &r->last->next) = x;
	r->last = x;
	r->n_items++;
	r->n_rules += x->n;
	return RC_OK;
}

void stix_rules_stats(const struct stix_rules *r, struct stix_rules_stats *ret)
{
	*ret = (struct stix_rules_stats){ .indicators = r->n_items };
	for (const struct item *x = r->first; x != NULL; x = x->next)
		ret->partial += x->partial && !x->dead;
	memcpy(ret->first_partial, r->first_partial, sizeof ret->first_partial);
}

/* --- joining --- */

static const struct sigma_corr *moved(struct arena *a, const struct sigma_corr *from, uint32_t by)
{
	struct sigma_corr *c = arena_alloc(a, sizeof *c);
	uint32_t *slots = arena_array(a, from->n_rules, sizeof *slots);

	if (c == NULL || slots == NULL)
		return NULL;
	*c = *from;
	for (uint32_t i = 0; i < from->n_rules; i++)
		slots[i] = from->rules[i] + by;
	c->rules = slots;
	return c;
}

enum rc stix_rules_join(const struct stix_rules *r, struct arena *a, const struct sigma_set *set, const struct sigma_set **ret, struct err *err)
{
	struct sigma_set *both = arena_alloc(a, sizeof *both);
	struct sigma_rule *rules = arena_array(a, set->n_rules + r->n_rules + 1u, sizeof *rules);
	uint32_t n = set->n_rules;

	if (both == NULL || rules == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	if (n > 0)
		memcpy(rules, set->rules, n * sizeof *rules);
	for (const struct item *x = r->first; x != NULL; x = x->next) {
		uint32_t first = n;

		for (const struct made *m = x->first; m != NULL && !x->dead; m = m->next) {
			rules[n] = m->rule;
			if (m->rule.corr != NULL)
				rules[n].corr = moved(a, m->rule.corr, first);
			if (m->rule.corr != NULL && rules[n].corr == NULL)
				return FAIL(err, RC_NOMEM, "indicators: out of memory");
			n++;
		}
	}
	*both = *set;
	both->rules = rules;
	both->n_rules = n;
	*ret = both;
	return RC_OK;
}

/* Recursion: as deep as a pack's `when` nests. */
static bool holds_test(const struct sigma_node *n, const struct sigma_test *test, unsigned depth)
{
	if (n->test == test)
		return true;
	for (uint32_t i = 0; depth < DEPTH_MAX && i < n->n_kids; i++)
		if (holds_test(n->kids[i], test, depth + 1))
			return true;
	return false;
}

/* Equal tests are one, so the pointer tells. */
bool stix_rules_is_place(const struct stix_rules *r, const struct sigma_test *test)
{
	for (uint32_t i = 0; test != NULL && i < r->map->n; i++)
		if (holds_test(r->map->views[i].when, test, 0))
			return true;
	return false;
}

bool stix_rule_counts(const struct sigma_rule *rule, usec now, usec at)
{
	const struct sigma_indicator *i = rule->indicator;

	if (i == NULL)
		return true;
	if (now < i->valid_from || (i->valid_until != 0 && now >= i->valid_until))
		return false;
	if (i->start == INT64_MIN && i->stop == INT64_MAX)
		return true;
	return at != 0 && at >= i->start && at < i->stop;
}
