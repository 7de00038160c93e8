/* Correlations against a brute force that keeps every hit and asks the
 * definition anew at each one: random rules, random streams, in order and out
 * of it, with a restart in the middle. The brute force shares no code with the
 * correlator: lists, strings and plain loops. */
#include "detect/correlate.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tap.h"

#define BASE_RULES 4u
#define MAX_CORRS 5u
#define MAX_RULES (BASE_RULES + MAX_CORRS)
#define N_EVENTS 260u
#define N_FIELDS 4u
#define SEC USEC_PER_SEC
#define START ((usec)1700000000 * SEC)

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 24) % n;
}

/* --- events --- */

static const char *const field_names[N_FIELDS] = { "user", "host", "value", "bytes" };

struct event {
	uint32_t rules; /* bits */
	usec at, arrival;
	uint64_t number;
	char fields[N_FIELDS][24];
	bool has[N_FIELDS];
};

static bool event_field(void *ctx, struct str field, struct str *ret)
{
	const struct event *e = ctx;

	for (size_t i = 0; i < N_FIELDS; i++)
		if (str_eq(field, str_of(field_names[i])) && e->has[i]) {
			*ret = str_of(e->fields[i]);
			return true;
		}
	return false;
}

/* --- what fired, as a line of text each --- */

static void put_fire(struct buf *out, uint32_t rule, usec at, usec first, double value, const char *group, const uint64_t *events, size_t n)
{
	buf_fmt(out, "%u at %lld first %lld value %.9g group %s events", rule, (long long)(at - START), (long long)(first - START), value, group);
	for (size_t i = 0; i < n; i++)
		buf_fmt(out, " %llu", (unsigned long long)events[i]);
	buf_cstr(out, "\n");
}

static void on_fire(void *ctx, const struct correlation *c)
{
	struct buf group;

	buf_init(&group, 4096);
	for (uint32_t i = 0; i < c->n_group; i++)
		buf_fmt(&group, "[%.*s]", STR(c->group[i]));
	put_fire(ctx, c->rule, c->at, c->first, c->value, buf_view(&group).p, c->events, c->n_events);
	buf_done(&group);
}

/* --- brute force --- */

struct brute_hit {
	usec at;
	uint64_t event;
	uint32_t slot;
	char group[128], value[64];
	double number;
	char carried[N_FIELDS][24]; /* all fields of the event: what outer correlations may ask for */
	char values[2][24];         /* of group-by */
	bool has[N_FIELDS];
};

struct brute_group {
	char group[128];
	bool firing, open;
	usec fired, opened;
	size_t open_order;
	struct brute_hit first; /* of the window */
};

struct brute_corr {
	struct brute_hit *hits;
	size_t n_hits;
	struct brute_group *groups;
	size_t n_groups;
};

struct brute {
	const struct sigma_set *set;
	struct brute_corr corrs[MAX_RULES];
	struct buf *out;
	size_t opened;
};

#define BRUTE_HITS 20000u
#define BRUTE_GROUPS 400u

static void brute_new(struct brute *b, const struct sigma_set *set, struct buf *out)
{
	*b = (struct brute){ .set = set, .out = out };
	for (uint32_t i = BASE_RULES; i < set->n_rules; i++) {
		b->corrs[i].hits = calloc(BRUTE_HITS, sizeof(struct brute_hit));
		b->corrs[i].groups = calloc(BRUTE_GROUPS, sizeof(struct brute_group));
	}
}

static void brute_free(struct brute *b)
{
	for (uint32_t i = 0; i < MAX_RULES; i++) {
		free(b->corrs[i].hits);
		free(b->corrs[i].groups);
	}
}

static bool brute_limits(const struct sigma_corr *corr, double v)
{
	bool good = true;

	for (uint32_t i = 0; i < corr->n_limits; i++) {
		double x = corr->limits[i].value;

		switch (corr->limits[i].cmp) {
		case SIGMA_CMP_GT: good &= v > x; break;
		case SIGMA_CMP_GTE: good &= v >= x; break;
		case SIGMA_CMP_LT: good &= v < x; break;
		case SIGMA_CMP_LTE: good &= v <= x; break;
		case SIGMA_CMP_EQ: good &= fabs(v - x) < 1e-12; break;
		case SIGMA_CMP_NEQ: good &= fabs(v - x) > 1e-12; break;
		}
	}
	return good;
}

static bool brute_condition(const struct sigma_node *n, const bool *seen)
{
	if (n->kind == SIGMA_TEST)
		return seen[(int)n->test->number];
	if (n->kind == SIGMA_NOT)
		return !brute_condition(n->kids[0], seen);
	for (uint32_t i = 0; i < n->n_kids; i++)
		if (brute_condition(n->kids[i], seen) == (n->kind == SIGMA_OR))
			return n->kind == SIGMA_OR;
	return n->kind == SIGMA_AND;
}

static bool has_not(const struct sigma_node *n)
{
	if (n->kind == SIGMA_NOT)
		return true;
	for (uint32_t i = 0; i < n->n_kids; i++)
		if (has_not(n->kids[i]))
			return true;
	return false;
}

static bool by_window(const struct sigma_corr *corr)
{
	for (uint32_t i = 0; i < corr->n_limits; i++)
		if (corr->limits[i].cmp != SIGMA_CMP_GT && corr->limits[i].cmp != SIGMA_CMP_GTE)
			return true;
	return corr->condition != NULL && has_not(corr->condition);
}

static bool counts(const struct sigma_corr *corr)
{
	return corr->type <= SIGMA_TEMPORAL_ORDERED;
}

/* The least whole number that all limits let pass. */
static double least(const struct sigma_corr *corr)
{
	double n = 1;

	if (corr->n_limits == 0)
		return corr->condition != NULL ? 1 : corr->n_rules;
	while (!brute_limits(corr, n))
		n++;
	return n;
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(double *v, size_t n, double percent)
{
	double place = percent / 100 * (double)(n - 1);
	size_t low = (size_t)place;

	qsort(v, n, sizeof *v, double_order);
	return low + 1 >= n ? v[n - 1] : v[low] + (v[low + 1] - v[low]) * (place - (double)low);
}

/* Longest chain of slots in their order among w[from..n), with w[from] as its first. */
static uint32_t chain_from(const struct brute_hit *const *w, size_t from, size_t n)
{
	uint32_t len[BRUTE_HITS], best = 1;

	len[from] = 1;
	for (size_t i = from + 1; i < n; i++) {
		len[i] = 0;
		for (size_t j = from; j < i; j++)
			if (len[j] > 0 && w[j]->slot < w[i]->slot && len[j] + 1 > len[i])
				len[i] = len[j] + 1;
		best = len[i] > best ? len[i] : best;
	}
	return best;
}

/* The hits w[0..n) of one group in one window, in order: value, and the oldest that takes part. */
static bool brute_ask(const struct sigma_corr *corr, const struct brute_hit *const *w, size_t n, bool window, double *value, usec *first)
{
	double numbers[N_EVENTS * 8];
	bool seen[64] = { false };
	size_t kinds = 0;

	*first = w[0]->at;
	for (size_t i = 0; i < n && i < COUNTOF(numbers); i++)
		numbers[i] = w[i]->number;
	switch (corr->type) {
	case SIGMA_EVENT_COUNT:
		*value = (double)n;
		if (!window && *value >= least(corr))
			*first = w[n - (size_t)least(corr)]->at;
		break;
	case SIGMA_VALUE_COUNT:
		for (size_t i = n; i > 0; i--) {
			size_t j = n;

			while (j > i && strcmp(w[j - 1]->value, w[i - 1]->value) != 0)
				j--;
			kinds += j == i;
			if (!window && j == i && kinds <= least(corr))
				*first = w[i - 1]->at;
		}
		*value = (double)kinds;
		break;
	case SIGMA_TEMPORAL:
		*first = w[n - 1]->at;
		for (size_t i = n; i > 0; i--)
			if (!seen[w[i - 1]->slot]) {
				seen[w[i - 1]->slot] = true;
				*first = w[i - 1]->at;
				kinds++;
			}
		*value = (double)kinds;
		if (corr->condition != NULL && !brute_condition(corr->condition, seen))
			return false;
		break;
	case SIGMA_TEMPORAL_ORDERED: {
		uint32_t best = 0;

		for (size_t i = n; i > 0; i--) {
			uint32_t len = chain_from(w, i - 1, n);

			if (!window && len >= least(corr) && best < least(corr))
				*first = w[i - 1]->at;
			best = len > best ? len : best;
		}
		*value = best;
		break;
	}
	case SIGMA_VALUE_SUM:
	case SIGMA_VALUE_AVG:
		*value = 0;
		for (size_t i = 0; i < n; i++)
			*value += numbers[i];
		if (corr->type == SIGMA_VALUE_AVG)
			*value /= (double)n;
		break;
	case SIGMA_VALUE_PERCENTILE:
		*value = quantile(numbers, n, corr->percentile);
		break;
	case SIGMA_VALUE_MEDIAN:
		*value = quantile(numbers, n, 50);
		break;
	}
	if (window)
		*first = w[0]->at;
	if (!window && counts(corr)) {
		double need = least(corr);
		bool good = *value >= need;

		/* Counts go no higher than the condition asks; a plain temporal tells all its slots. */
		if (*value > need && corr->type != SIGMA_TEMPORAL)
			*value = need;
		return good;
	}
	return brute_limits(corr, *value);
}

static void brute_hit(struct brute *b, uint32_t rule, const struct brute_hit *h);

static void brute_fire(struct brute *b, uint32_t rule, const struct brute_hit *key, usec at, usec first, double value,
		       const struct brute_hit *const *w, size_t n)
{
	const struct sigma_corr *corr = b->set->rules[rule].corr;
	struct brute_hit as_event = *key;
	uint64_t events[32];
	size_t k = 0;

	for (size_t i = n; i > 0 && k < 32; i--)
		events[k++] = w[i - 1]->event;
	put_fire(b->out, rule, at, first, value, key->group, events, k);
	/* What it grouped by is its own word; any other field is that of the event. */
	for (uint32_t i = 0; i < corr->n_group_by; i++)
		for (size_t f = 0; f < N_FIELDS; f++)
			if (str_eq(corr->group_by[i], str_of(field_names[f]))) {
				memcpy(as_event.carried[f], key->values[i], sizeof as_event.carried[f]);
				as_event.has[f] = true;
			}
	for (uint32_t outer = rule + 1; outer < b->set->n_rules; outer++) {
		const struct sigma_corr *o = b->set->rules[outer].corr;

		for (uint32_t s = o->n_rules; s > 0; s--) {
			struct brute_hit h = as_event;

			if (o->rules[s - 1] != rule)
				continue;
			h.at = at;
			h.event = events[0];
			h.slot = s - 1;
			brute_hit(b, outer, &h);
		}
	}
}

/* Group and value of a hit by its fields; false: something is absent. */
static bool brute_key(const struct sigma_corr *corr, struct brute_hit *h)
{
	size_t n = 0, v = 0;

	h->group[0] = h->value[0] = '\0';
	for (uint32_t i = 0; i < corr->n_group_by + corr->n_fields; i++) {
		struct str name = i < corr->n_group_by ? corr->group_by[i] : corr->fields[i - corr->n_group_by];
		size_t f = 0;

		for (uint32_t k = 0; k < corr->n_aliases; k++)
			if (str_eq(corr->aliases[k].name, name) && corr->aliases[k].fields[h->slot].n > 0) {
				name = corr->aliases[k].fields[h->slot];
				break;
			}
		while (f < N_FIELDS && !str_eq(name, str_of(field_names[f])))
			f++;
		if (f == N_FIELDS || !h->has[f])
			return false;
		if (i < corr->n_group_by) {
			n += (size_t)snprintf(h->group + n, sizeof h->group - n, "[%s]", h->carried[f]);
			memcpy(h->values[i], h->carried[f], sizeof h->values[i]);
			continue;
		}
		v += (size_t)snprintf(h->value + v, sizeof h->value - v, "<%s>", h->carried[f]);
		if (corr->type != SIGMA_VALUE_COUNT) {
			char *end;

			h->number = strtod(h->carried[f], &end);
			if (*end != '\0')
				return false;
		}
	}
	return true;
}

static struct brute_group *brute_group(struct brute_corr *bc, const char *group)
{
	for (size_t i = 0; i < bc->n_groups; i++)
		if (strcmp(bc->groups[i].group, group) == 0)
			return &bc->groups[i];
	snprintf(bc->groups[bc->n_groups].group, sizeof bc->groups->group, "%s", group);
	return &bc->groups[bc->n_groups++];
}

/* All hits of a group later than `after`. */
static size_t brute_window(const struct brute_corr *bc, const char *group, usec after, const struct brute_hit **w)
{
	size_t n = 0;

	for (size_t i = 0; i < bc->n_hits; i++)
		if (strcmp(bc->hits[i].group, group) == 0 && bc->hits[i].at > after)
			w[n++] = &bc->hits[i];
	return n;
}

static void brute_close(struct brute *b, uint32_t rule, struct brute_group *g)
{
	const struct sigma_corr *corr = b->set->rules[rule].corr;
	const struct brute_hit *w[BRUTE_HITS];
	size_t n = brute_window(&b->corrs[rule], g->group, g->opened - 1, w);
	double value;
	usec first;

	g->open = false;
	if (!brute_ask(corr, w, n, true, &value, &first))
		return;
	/* One more than the highest limit is as much as a count of values is told apart. */
	if (corr->type == SIGMA_VALUE_COUNT) {
		double most = 1;

		for (uint32_t i = 0; i < corr->n_limits; i++)
			most = fmax(most, floor(corr->limits[i].value) + 2);
		value = fmin(value, most);
	}
	brute_fire(b, rule, &g->first, g->opened + corr->timespan, first, value, w, n);
}

/* Closes windows that end at or before `upto`, the earliest end first; of one correlation only, or of all. */
static void brute_ends(struct brute *b, usec upto, uint32_t only)
{
	for (;;) {
		struct brute_group *next = NULL;
		uint32_t of = 0;
		usec end = 0;

		for (uint32_t r = BASE_RULES; r < b->set->n_rules; r++)
			for (size_t i = 0; i < b->corrs[r].n_groups && (only == 0 || only == r); i++) {
				struct brute_group *g = &b->corrs[r].groups[i];
				usec e = g->opened + b->set->rules[r].corr->timespan;

				if (!g->open || e > upto)
					continue;
				if (next == NULL || e < end || (e == end && of == r && g->open_order < next->open_order)) {
					next = g;
					of = r;
					end = e;
				}
			}
		if (next == NULL)
			return;
		brute_close(b, of, next);
	}
}

static void brute_hit(struct brute *b, uint32_t rule, const struct brute_hit *in)
{
	const struct sigma_corr *corr = b->set->rules[rule].corr;
	struct brute_corr *bc = &b->corrs[rule];
	const struct brute_hit *w[BRUTE_HITS];
	struct brute_hit h = *in;
	struct brute_group *g;
	double value;
	usec first;
	size_t n;
	bool holds;

	if (!brute_key(corr, &h))
		return;
	if (by_window(corr))
		brute_ends(b, h.at, rule);
	bc->hits[bc->n_hits++] = h;
	g = brute_group(bc, h.group);
	if (by_window(corr)) {
		if (!g->open) {
			g->open = true;
			g->opened = h.at;
			g->open_order = b->opened++;
			g->first = h;
		}
		return;
	}
	n = brute_window(bc, h.group, h.at - corr->timespan, w);
	holds = brute_ask(corr, w, n, false, &value, &first);
	if (holds && (!g->firing || h.at - g->fired >= corr->timespan)) {
		g->firing = true;
		g->fired = h.at;
		brute_fire(b, rule, &h, h.at, first, value, w, n);
	} else if (!holds) {
		g->firing = false;
	}
}

static void brute_event(struct brute *b, const struct event *e)
{
	brute_ends(b, e->at, 0);
	for (uint32_t r = 0; r < BASE_RULES; r++) {
		if ((e->rules >> r & 1) == 0)
			continue;
		for (uint32_t o = BASE_RULES; o < b->set->n_rules; o++)
			for (uint32_t s = b->set->rules[o].corr->n_rules; s > 0; s--) {
				struct brute_hit h = { .at = e->at, .event = e->number, .slot = s - 1 };

				if (b->set->rules[o].corr->rules[s - 1] != r)
					continue;
				memcpy(h.carried, e->fields, sizeof h.carried);
				memcpy(h.has, e->has, sizeof h.has);
				brute_hit(b, o, &h);
			}
	}
}

/* --- random rules and streams --- */

struct rules {
	struct sigma_set set;
	struct sigma_rule rules[MAX_RULES];
	struct sigma_corr corrs[MAX_CORRS];
	uint32_t slots[MAX_CORRS][4];
	struct str group[MAX_CORRS][2], fields[MAX_CORRS][2];
	struct sigma_limit limits[MAX_CORRS][2];
	struct sigma_alias alias[MAX_CORRS];
	struct str alias_fields[MAX_CORRS][4];
	struct sigma_test tests[MAX_CORRS][3];
	struct sigma_node nodes[MAX_CORRS][6];
	const struct sigma_node *kids[MAX_CORRS][4];
	char ids[MAX_RULES][16];
};

static void rules_begin(struct rules *r, uint32_t n_corrs)
{
	memset(r, 0, sizeof *r);
	r->set.rules = r->rules;
	r->set.n_rules = BASE_RULES + n_corrs;
	for (uint32_t i = 0; i < r->set.n_rules; i++) {
		snprintf(r->ids[i], sizeof r->ids[i], "rule-%u", i);
		r->rules[i].id = str_of(r->ids[i]);
		r->rules[i].kind = i < BASE_RULES ? SIGMA_RULE : SIGMA_CORRELATION;
		if (i < BASE_RULES)
			continue;
		r->rules[i].corr = &r->corrs[i - BASE_RULES];
		r->corrs[i - BASE_RULES].rules = r->slots[i - BASE_RULES];
		r->corrs[i - BASE_RULES].group_by = r->group[i - BASE_RULES];
		r->corrs[i - BASE_RULES].limits = r->limits[i - BASE_RULES];
		r->corrs[i - BASE_RULES].fields = r->fields[i - BASE_RULES];
		r->corrs[i - BASE_RULES].timespan = 10 * SEC;
	}
}

/* "0 and (1 or [not] 2)" */
static void random_condition(struct rules *r, uint32_t i, struct sigma_corr *c)
{
	struct sigma_node *n = r->nodes[i];
	bool negated = draw(2) == 0;

	for (uint32_t k = 0; k < 3; k++) {
		r->tests[i][k].number = k % c->n_rules;
		n[k] = (struct sigma_node){ .kind = SIGMA_TEST, .test = &r->tests[i][k] };
	}
	r->kids[i][0] = &n[2];
	n[3] = (struct sigma_node){ .kind = SIGMA_NOT, .n_kids = 1, .kids = &r->kids[i][0] };
	r->kids[i][1] = &n[1];
	r->kids[i][2] = negated ? &n[3] : &n[2];
	n[4] = (struct sigma_node){ .kind = draw(2) == 0 ? SIGMA_AND : SIGMA_OR, .n_kids = 2, .kids = &r->kids[i][1] };
	c->condition = &n[4];
}

static void random_corr(struct rules *r, uint32_t i)
{
	static const struct str groups[2] = { { "user", 4 }, { "host", 4 } };
	/* Those on either side of the widths of a time in the state are among them. */
	static const int spans[] = { 3, 7, 10, 20, 2147, 2148, 4000, 549755, 549756, 700000 };
	struct sigma_corr *c = &r->corrs[i];
	bool temporal;

	c->condition = NULL;
	c->n_aliases = 0;
	c->type = (enum sigma_corr_type)draw(8);
	temporal = c->type == SIGMA_TEMPORAL || c->type == SIGMA_TEMPORAL_ORDERED;
	c->n_rules = temporal ? 2 + draw(3) : 1 + draw(2);
	for (uint32_t k = 0; k < c->n_rules; k++)
		r->slots[i][k] = draw(3) == 0 ? draw(BASE_RULES + i) : draw(BASE_RULES);
	c->n_group_by = draw(3);
	for (uint32_t k = 0; k < c->n_group_by; k++)
		r->group[i][k] = groups[c->n_group_by == 1 ? draw(2) : k];
	c->timespan = (usec)spans[draw(3) == 0 ? draw(COUNTOF(spans)) : draw(4)] * SEC;
	c->n_limits = temporal ? draw(2) : 1 + (draw(4) == 0);
	for (uint32_t k = 0; k < c->n_limits; k++) {
		bool rising = draw(3) > 0;

		r->limits[i][k].cmp = (enum sigma_cmp)(rising ? draw(2) : draw(6));
		r->limits[i][k].value = temporal ? 1 + draw(2) : counts(c) ? draw(6) + (draw(8) == 0) * 0.5 + (draw(4) == 0) * 18 : draw(40);
	}
	c->percentile = draw(101);
	c->n_fields = counts(c) ? (c->type == SIGMA_VALUE_COUNT ? 1 + draw(2) : 0) : 1;
	r->fields[i][0] = counts(c) ? S("value") : S("bytes");
	r->fields[i][1] = S("host");
	if (c->type == SIGMA_TEMPORAL && draw(3) == 0)
		random_condition(r, i, c);
	if (draw(3) == 0 && c->n_group_by > 0) {
		for (uint32_t k = 0; k < c->n_rules; k++)
			r->alias_fields[i][k] = draw(3) == 0 ? S("") : groups[draw(2)];
		r->alias[i] = (struct sigma_alias){ r->group[i][0], r->alias_fields[i] };
		c->aliases = &r->alias[i];
		c->n_aliases = 1;
	}
}

static void random_events(struct event *e, size_t n)
{
	uint32_t users = 1 + draw(4), values = 2 + draw(30), pace = 1 + draw(4);
	usec at = START, scale = draw(3) > 0 ? 1 : draw(2) > 0 ? 300 : 60000; /* times in the state go round, too */

	for (size_t i = 0; i < n; i++, e++) {
		*e = (struct event){ .number = 100 + i };
		if (draw(40) == 0)
			at += (usec)(draw(60) + 5) * SEC * scale;
		at += (usec)draw(pace) * SEC * scale;
		if (draw(30) == 0)
			at += 1; /* a microsecond decides, too */
		e->at = at;
		e->rules = draw(3) == 0 ? draw(16) : 1u << draw(4);
		snprintf(e->fields[0], sizeof e->fields[0], "u%u", draw(users));
		snprintf(e->fields[1], sizeof e->fields[1], "h%u", draw(2));
		snprintf(e->fields[2], sizeof e->fields[2], "%u", draw(values));
		snprintf(e->fields[3], sizeof e->fields[3], draw(15) == 0 ? "x%d" : "%d", (int)draw(50) - 10);
		for (size_t k = 0; k < N_FIELDS; k++)
			e->has[k] = draw(25) > 0;
	}
}

static int arrival_order(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->arrival != y->arrival)
		return x->arrival < y->arrival ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

struct run {
	const char *name;
	usec tolerance, disorder;
	bool advance, restart;
};

static bool restart(struct correlator **c, const struct sigma_set *set, const struct correlator_opts *o)
{
	struct correlator *next = NULL;
	struct buf saved;
	uint64_t left = 1;
	bool good;

	buf_init(&saved, (size_t)64 << 20);
	good = correlator_save(*c, &saved, NULL) == RC_OK && correlator_new(set, o, &next, NULL) == RC_OK &&
	       correlator_load(next, buf_view(&saved), &left, NULL) == RC_OK && left == 0;
	buf_done(&saved);
	correlator_free(*c);
	*c = next;
	return good;
}

static bool run_stream(const struct sigma_set *set, const struct event *sorted, size_t n, const struct run *run, struct buf *out)
{
	struct event *events = calloc(n, sizeof *events);
	struct correlator_opts o = { .tolerance = run->tolerance };
	struct correlator *c = NULL;
	struct correlator_stats s;
	bool good = correlator_new(set, &o, &c, NULL) == RC_OK;

	memcpy(events, sorted, n * sizeof *events);
	for (size_t i = 0; i < n; i++)
		events[i].arrival = run->disorder == 0 ? 0 : events[i].at + (usec)draw((uint32_t)(run->disorder / SEC)) * SEC;
	qsort(events, n, sizeof *events, arrival_order);
	for (size_t i = 0; i < n && good; i++) {
		for (uint32_t r = 0; r < BASE_RULES && good; r++)
			if ((events[i].rules >> r & 1) != 0)
				good = correlator_add(c, r, events[i].at, events[i].number, event_field, &events[i], on_fire, out, NULL) == RC_OK;
		if (good && run->advance && draw(3) == 0 && run->disorder == 0)
			good = correlator_advance(c, events[i].at, on_fire, out, NULL) == RC_OK;
		if (good && run->restart && draw(60) == 0)
			good = restart(&c, set, &o);
	}
	good = good && correlator_end(c, on_fire, out, NULL) == RC_OK;
	correlator_stats(c, &s);
	good = good && s.late == 0 && s.evicted == 0 && s.ahead == 0 && s.forced == 0;
	correlator_free(c);
	free(events);
	return good;
}

/* --- the same, spread over several correlators --- */

#define SHARDS 3u

struct spread {
	struct correlator *shards[SHARDS];
	struct buf steps[SHARDS]; /* of the block at hand */
	size_t used[SHARDS];
};

static enum rc on_step(void *ctx, uint64_t route, struct str step, struct err *err UNUSED)
{
	struct spread *s = ctx;

	buf_str(&s->steps[route % SHARDS], step);
	s->used[route % SHARDS]++;
	return RC_OK;
}

/* Events in the order of their coming, in blocks; each shard is told what a block holds for it, and its time. */
static bool spread_blocks(struct correlator *maker, struct spread *s, struct event *events, size_t n, const struct sigma_set *set,
			  const struct correlator_opts *o, struct buf *out)
{
	uint64_t unknown = 0;
	bool good = true;

	for (size_t i = 0, end; i < n && good; i = end) {
		usec newest = INT64_MIN;

		for (end = i; end < n && (end == i || draw(20) > 0); end++) {
			newest = events[end].at > newest ? events[end].at : newest;
			for (uint32_t r = 0; r < BASE_RULES && good; r++)
				if ((events[end].rules >> r & 1) != 0)
					good = correlator_steps(maker, r, events[end].at, events[end].number, event_field, &events[end], on_step, s, NULL) == RC_OK;
		}
		for (uint32_t k = 0; k < SHARDS && good; k++) {
			good = correlator_take(s->shards[k], buf_view(&s->steps[k]), &unknown, on_fire, out, NULL) == RC_OK &&
			       correlator_advance(s->shards[k], newest, on_fire, out, NULL) == RC_OK;
			buf_clear(&s->steps[k]);
			if (good && draw(10) == 0)
				good = restart(&s->shards[k], set, o);
		}
	}
	for (uint32_t k = 0; k < SHARDS && good; k++) {
		struct correlator_stats st;

		good = correlator_end(s->shards[k], on_fire, out, NULL) == RC_OK;
		correlator_stats(s->shards[k], &st);
		good = good && st.late == 0 && st.evicted == 0 && st.forced == 0;
	}
	return good && unknown == 0;
}

static int line_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void sort_lines(struct buf *b)
{
	struct str *lines = calloc(b->n + 1, sizeof *lines), rest = buf_view(b);
	struct buf sorted;
	size_t n = 0;

	buf_init(&sorted, (size_t)64 << 20);
	while (str_next(&rest, '\n', &lines[n]))
		n++;
	qsort(lines, n, sizeof *lines, line_order);
	for (size_t i = 0; i < n; i++) {
		buf_str(&sorted, lines[i]);
		buf_char(&sorted, '\n');
	}
	buf_clear(b);
	buf_str(b, buf_view(&sorted));
	buf_done(&sorted);
	free(lines);
}

/* *used counts, by shard, the steps that came to it. */
static bool run_spread(const struct sigma_set *set, const struct event *sorted, size_t n, size_t *used, struct buf *out)
{
	struct event *events = calloc(n, sizeof *events);
	struct correlator_opts o = { .tolerance = 30 * SEC, .seed = 77, .any_time = true };
	struct correlator *maker = NULL;
	struct spread s = { .shards = { NULL } };
	bool good = correlator_new(set, &o, &maker, NULL) == RC_OK;

	for (uint32_t k = 0; k < SHARDS; k++) {
		good = good && correlator_new(set, &o, &s.shards[k], NULL) == RC_OK;
		buf_init(&s.steps[k], (size_t)16 << 20);
	}
	memcpy(events, sorted, n * sizeof *events);
	for (size_t i = 0; i < n; i++)
		events[i].arrival = events[i].at + (usec)draw(30) * SEC;
	qsort(events, n, sizeof *events, arrival_order);
	good = good && spread_blocks(maker, &s, events, n, set, &o, out);
	sort_lines(out);
	for (uint32_t k = 0; k < SHARDS; k++) {
		used[k] += s.used[k];
		correlator_free(s.shards[k]);
		buf_done(&s.steps[k]);
	}
	correlator_free(maker);
	free(events);
	return good;
}

static void show_difference(struct str got, struct str want)
{
	struct str a, b;

	while (str_next(&got, '\n', &a) & str_next(&want, '\n', &b))
		if (!str_eq(a, b)) {
			printf("# got  %.*s\n# want %.*s\n", STR(a), STR(b));
			return;
		}
	printf("# one is longer: got %.*s want %.*s\n", STR(got), STR(want));
}

static void test_random(uint32_t rounds)
{
	static const struct run runs[] = {
		{ "in order, at once", CORRELATE_ORDERED, 0, false, false },
		{ "in order, the clock moved on", CORRELATE_ORDERED, 0, true, false },
		{ "in order, held back", 30 * SEC, 0, true, false },
		{ "out of order within the tolerance", 30 * SEC, 30 * SEC, false, false },
		{ "out of order, restarted", 30 * SEC, 30 * SEC, false, true },
		{ "any order", CORRELATE_ALL_TIME, 4000000 * SEC, false, false },
	};
	static struct event events[N_EVENTS];
	uint32_t bad[COUNTOF(runs)] = { 0 }, bad_spread = 0;
	size_t used[SHARDS] = { 0 };
	size_t fired = 0, by_type[8] = { 0 };
	static struct rules r;

	for (uint32_t round = 0; round < rounds; round++) {
		struct buf want, got;
		struct brute b;

		rules_begin(&r, 1 + draw(MAX_CORRS));
		for (uint32_t i = 0; i + BASE_RULES < r.set.n_rules; i++)
			do
				random_corr(&r, i);
			while (!by_window(&r.corrs[i]) && counts(&r.corrs[i]) && r.corrs[i].type >= SIGMA_TEMPORAL && least(&r.corrs[i]) > r.corrs[i].n_rules);
		random_events(events, N_EVENTS);
		buf_init(&want, (size_t)64 << 20);
		buf_init(&got, (size_t)64 << 20);
		brute_new(&b, &r.set, &want);
		for (size_t i = 0; i < N_EVENTS; i++)
			brute_event(&b, &events[i]);
		brute_ends(&b, INT64_MAX, 0);
		brute_free(&b);
		fired += want.n > 0;
		for (struct str rest = buf_view(&want), line; str_next(&rest, '\n', &line);)
			by_type[r.corrs[(uint32_t)(line.p[0] - '0') - BASE_RULES].type]++;
		for (size_t i = 0; i < COUNTOF(runs); i++) {
			buf_clear(&got);
			if (run_stream(&r.set, events, N_EVENTS, &runs[i], &got) && str_eq(buf_view(&got), buf_view(&want)))
				continue;
			if (bad[i]++ == 0) {
				printf("# round %u, %s\n", round, runs[i].name);
				show_difference(buf_view(&got), buf_view(&want));
			}
		}
		buf_clear(&got);
		sort_lines(&want);
		if (!run_spread(&r.set, events, N_EVENTS, used, &got) || !str_eq(buf_view(&got), buf_view(&want))) {
			if (bad_spread++ == 0) {
				printf("# round %u, spread\n", round);
				show_difference(buf_view(&got), buf_view(&want));
			}
		}
		buf_done(&want);
		buf_done(&got);
	}
	for (size_t i = 0; i < COUNTOF(runs); i++)
		EQ_INT(bad[i], 0, runs[i].name);
	EQ_INT(bad_spread, 0, "out of order, spread over shards that are restarted");
	for (uint32_t k = 0; k < SHARDS; k++)
		OK(used[k] > (used[0] + used[1] + used[2]) / 6, "shard %u has its part (%zu steps)", k, used[k]);
	OK(fired > rounds / 2, "most rounds fire (%zu of %u)", fired, rounds);
	for (size_t i = 0; i < COUNTOF(by_type); i++)
		OK(by_type[i] > rounds, "type %zu fires often (%zu)", i, by_type[i]);
}


/* --- one thing at a time --- */

static void add_at(struct correlator *c, uint32_t rule, int second, const char *user, const char *value, uint64_t number, struct buf *out)
{
	struct event e = { .at = START + second * SEC };

	snprintf(e.fields[0], sizeof e.fields[0], "%s", user);
	snprintf(e.fields[2], sizeof e.fields[2], "%s", value);
	e.has[0] = user[0] != '\0';
	e.has[2] = e.has[3] = value[0] != '\0';
	memcpy(e.fields[3], e.fields[2], sizeof e.fields[3]);
	if (correlator_add(c, rule, e.at, number, event_field, &e, on_fire, out, NULL) != RC_OK)
		buf_cstr(out, "failed\n");
}

/* Rule 0 counted by user within ten seconds: `limit` with `value`. */
static struct sigma_corr *counted(struct rules *r, enum sigma_corr_type type, enum sigma_cmp cmp, double value)
{
	rules_begin(r, 1);
	r->corrs[0].type = type;
	r->corrs[0].n_rules = 1;
	r->corrs[0].n_group_by = 1;
	r->group[0][0] = S("user");
	r->fields[0][0] = S("value");
	r->corrs[0].n_fields = type == SIGMA_EVENT_COUNT ? 0 : 1;
	r->corrs[0].n_limits = 1;
	r->limits[0][0] = (struct sigma_limit){ cmp, value };
	return &r->corrs[0];
}

/* The specification's example: ten failed logins of a user within ten minutes, then a successful one within ten. */
static void test_example(void)
{
	struct correlator_opts o = { .tolerance = CORRELATE_ORDERED };
	struct correlator *c CLEANUP(correlator_freep) = NULL;
	struct rules r;
	struct buf out CLEANUP(buf_done);

	buf_init(&out, 65536);
	rules_begin(&r, 2);
	r.corrs[0] = (struct sigma_corr){ .type = SIGMA_EVENT_COUNT, .rules = r.slots[0], .n_rules = 1, .group_by = r.group[0], .n_group_by = 1,
					  .timespan = 600 * SEC, .limits = r.limits[0], .n_limits = 1 };
	r.limits[0][0] = (struct sigma_limit){ SIGMA_CMP_GTE, 10 };
	r.group[0][0] = r.group[1][0] = S("user");
	r.corrs[1] = (struct sigma_corr){ .type = SIGMA_TEMPORAL_ORDERED, .rules = r.slots[1], .n_rules = 2, .group_by = r.group[1],
					  .n_group_by = 1, .timespan = 600 * SEC };
	r.slots[1][0] = BASE_RULES;
	r.slots[1][1] = 1;
	OK(correlator_new(&r.set, &o, &c, NULL) == RC_OK, "the example's rules");
	OK(correlator_wants(c, 0) && correlator_wants(c, 1) && correlator_wants(c, BASE_RULES) && !correlator_wants(c, 2) &&
		   !correlator_wants(c, BASE_RULES + 1) && !correlator_wants(c, 1000),
	   "who is wanted");
	add_at(c, 1, 0, "eve", "", 1, &out);
	for (int i = 1; i <= 9; i++)
		add_at(c, 0, i * 60, "eve", "", (uint64_t)(10 + i), &out);
	add_at(c, 1, 550, "eve", "", 30, &out);
	EQ_STR(buf_view(&out), S(""), "nine failed ones and a success are nothing");
	add_at(c, 0, 555, "mallory", "", 31, &out);
	add_at(c, 0, 560, "eve", "", 32, &out);
	EQ_STR(buf_view(&out), S("4 at 560000000 first 60000000 value 10 group [eve] events 32 19 18 17 16 15 14 13 12 11\n"), "the tenth fires");
	buf_clear(&out);
	add_at(c, 1, 600, "mallory", "", 33, &out);
	EQ_STR(buf_view(&out), S(""), "a success of someone else");
	add_at(c, 1, 610, "eve", "", 34, &out);
	EQ_STR(buf_view(&out), S("5 at 610000000 first 560000000 value 2 group [eve] events 34 32 30\n"), "the success behind them");
	buf_clear(&out);
	add_at(c, 1, 620, "eve", "", 35, &out);
	EQ_STR(buf_view(&out), S(""), "it stays true: no second alert");
}

/* A chain whose inner correlation groups by another field than the outer one: the outer asks the event. */
static void test_carried(void)
{
	struct correlator_opts o = { .tolerance = CORRELATE_ORDERED };
	struct correlator *c CLEANUP(correlator_freep) = NULL;
	struct rules r;
	struct buf out CLEANUP(buf_done);

	buf_init(&out, 65536);
	rules_begin(&r, 2);
	for (uint32_t i = 0; i < 2; i++) {
		r.corrs[i].type = SIGMA_EVENT_COUNT;
		r.corrs[i].n_rules = r.corrs[i].n_limits = r.corrs[i].n_group_by = 1;
		r.limits[i][0] = (struct sigma_limit){ SIGMA_CMP_GTE, 2 };
	}
	r.group[0][0] = S("value");
	r.group[1][0] = S("user");
	r.slots[1][0] = BASE_RULES;
	OK(correlator_new(&r.set, &o, &c, NULL) == RC_OK, "a chain with another group");
	add_at(c, 0, 1, "a", "x", 1, &out);
	add_at(c, 0, 2, "u", "x", 2, &out);
	add_at(c, 0, 3, "b", "y", 3, &out);
	add_at(c, 0, 4, "u", "y", 4, &out);
	EQ_STR(buf_view(&out),
	       S("4 at 2000000 first 1000000 value 2 group [x] events 2 1\n4 at 4000000 first 3000000 value 2 group [y] events 4 3\n"
		 "5 at 4000000 first 2000000 value 2 group [u] events 4 2\n"),
	       "the user of the event that fired");
}

/* Ends of the window, suppression, what is missing, wrong clocks: one row each. */
static void test_edges(void)
{
	static const struct {
		const char *name;
		enum sigma_corr_type type;
		enum sigma_cmp cmp;
		double value;
		const char *seconds; /* of the events, "second:value" */
		const char *want;    /* seconds of the firings with their values */
	} rows[] = {
		{ "the window is open at its far end", SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 2, "0:a 10:a 19:a", "19=2" },
		{ "more than two is three", SIGMA_EVENT_COUNT, SIGMA_CMP_GT, 2, "0:a 1:a 2:a", "2=3" },
		{ "half an event is a whole one", SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 1.5, "0:a 1:a", "1=2" },
		{ "nothing asked is one", SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 0, "0:a 1:a", "0=1" },
		{ "once while it stays true, again after the timespan", SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 3, "0:a 1:a 2:a 5:a 8:a 11:a 12:a 13:a",
		  "2=3 12=3" },
		{ "again when it has become false", SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 3, "0:a 1:a 2:a 11:a 12:a 13:a", "2=3 13=3" },
		{ "distinct values", SIGMA_VALUE_COUNT, SIGMA_CMP_GTE, 3, "0:a 1:b 2:a 3:b 4:c", "4=3" },
		{ "a value seen again is a recent one", SIGMA_VALUE_COUNT, SIGMA_CMP_GTE, 3, "0:a 1:b 9:a 10:c 11:d", "10=3" },
		{ "the number of small sums", SIGMA_VALUE_SUM, SIGMA_CMP_GT, 10, "0:5 1:5 2:1 30:11", "2=11 30=11" },
		{ "no number", SIGMA_VALUE_SUM, SIGMA_CMP_GTE, 1, "0:x 1:0x10 2:inf 3:nan 4:1e 5: 6:1", "6=1" },
		{ "a large number leaves nothing behind", SIGMA_VALUE_SUM, SIGMA_CMP_GTE, 3, "0:-1e20 5:1 11:1 12:1", "12=3" },
		{ "mean", SIGMA_VALUE_AVG, SIGMA_CMP_GT, 4, "0:4 1:5", "1=4.5" },
		{ "median of two is between", SIGMA_VALUE_MEDIAN, SIGMA_CMP_GTE, 2, "0:1 1:3", "1=2" },
		{ "fewer than three, told at the end", SIGMA_EVENT_COUNT, SIGMA_CMP_LT, 3, "0:a 9:a 10:a 11:a 12:a 40:a", "10=2 50=1" },
		{ "at most two", SIGMA_EVENT_COUNT, SIGMA_CMP_LTE, 2, "0:a 1:a 2:a 20:a 21:a", "30=2" },
		{ "exactly two", SIGMA_EVENT_COUNT, SIGMA_CMP_EQ, 2, "0:a 1:a 20:a 21:a 22:a", "10=2" },
		{ "any but two", SIGMA_EVENT_COUNT, SIGMA_CMP_NEQ, 2, "0:a 1:a 20:a 21:a 22:a", "30=3" },
		{ "at most one value", SIGMA_VALUE_COUNT, SIGMA_CMP_LTE, 1, "0:a 1:a 20:a 21:b", "10=1" },
		{ "a sum below", SIGMA_VALUE_SUM, SIGMA_CMP_LT, 3, "0:1 1:1 20:1 21:2", "10=2" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct correlator_opts o = { .tolerance = CORRELATE_ORDERED };
		struct correlator *c CLEANUP(correlator_freep) = NULL;
		struct buf out CLEANUP(buf_done), got CLEANUP(buf_done);
		struct str rest = str_of(rows[i].seconds), piece, line;
		uint64_t number = 0;
		struct rules r;

		buf_init(&out, 65536);
		buf_init(&got, 65536);
		counted(&r, rows[i].type, rows[i].cmp, rows[i].value);
		if (correlator_new(&r.set, &o, &c, NULL) != RC_OK)
			continue;
		while (str_next(&rest, ' ', &piece)) {
			size_t colon = str_find(piece, S(":"), 0);
			char value[16];

			snprintf(value, sizeof value, "%.*s", STR(str_slice(piece, colon + 1, piece.n)));
			add_at(c, 0, (int)strtol(piece.p, NULL, 10), "u", value, ++number, &out);
		}
		if (correlator_end(c, on_fire, &out, NULL) != RC_OK)
			buf_cstr(&got, "failed");
		for (rest = buf_view(&out); str_next(&rest, '\n', &line);) {
			size_t at = str_find(line, S("at "), 0) + 3, value = str_find(line, S("value "), 0) + 6;

			buf_fmt(&got, "%s%lld=%.*s", got.n > 0 ? " " : "", strtoll(line.p + at, NULL, 10) / SEC,
				STR(str_slice(line, value, str_find(line, S(" group"), 0))));
		}
		EQ_STR(buf_view(&got), str_of(rows[i].want), rows[i].name);
	}
}

static void test_counted_losses(void)
{
	struct correlator_opts o = { .tolerance = 5 * SEC, .max_bytes = 1 };
	struct correlator *c CLEANUP(correlator_freep) = NULL;
	struct correlator_stats s;
	struct rules r;
	struct buf out CLEANUP(buf_done);
	char user[24];
	bool kept = true;

	buf_init(&out, 65536);
	counted(&r, SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 3)->timespan = 86400 * SEC;
	OK(correlator_new(&r.set, &o, &c, NULL) == RC_OK, "a small correlator");
	add_at(c, 0, 100, "a", "", 1, &out);
	add_at(c, 0, 95, "a", "", 2, &out);
	add_at(c, 0, 94, "a", "", 3, &out);
	add_at(c, 0, 101, "", "", 4, &out);
	add_at(c, 0, 2000000000, "a", "", 5, &out);
	correlator_stats(c, &s);
	EQ_INT(s.late, 1, "one came too late");
	EQ_INT(s.without_group, 1, "one had no group");
	EQ_INT(s.ahead, 1, "one claims a time that is not yet");
	EQ_INT(s.pending, 1, "one still waits");
	add_at(c, 0, 106, "a", "", 6, &out);
	EQ_STR(buf_view(&out), S(""), "not before all that may be earlier has come");
	add_at(c, 0, 112, "a", "", 7, &out);
	EQ_STR(buf_view(&out), S("4 at 106000000 first 95000000 value 3 group [a] events 6 1 2\n"), "then in the order of time");
	buf_clear(&out);
	/* Far more groups than a megabyte holds: the one that is asked for all the time stays. */
	for (int i = 0; i < 60000; i++) {
		snprintf(user, sizeof user, "user%d", i);
		add_at(c, 0, 200 + i / 3, user, "", 0, &out);
		if (i % 50 == 0)
			add_at(c, 0, 200 + i / 3, "steady", "", 0, &out);
		correlator_stats(c, &s);
		kept = kept && s.bytes < 1200000;
	}
	OK(kept, "memory stays near its limit");
	OK(s.evicted > 40000 && s.groups > 4000 && s.evicted + s.groups + s.pending >= 60000 && s.evicted + s.groups <= 60002,
	   "what is lost is counted: %llu evicted, %llu kept", (unsigned long long)s.evicted, (unsigned long long)s.groups);
	OK(str_find(buf_view(&out), S("[steady]"), 0) != SIZE_MAX && str_find(buf_view(&out), S("[user"), 0) == SIZE_MAX, "the busy group stays");
	for (int i = 0; i < 10000; i++)
		add_at(c, 0, 30000, "crowd", "", (uint64_t)i, &out);
	correlator_stats(c, &s);
	OK(s.forced > 0 && s.bytes < 1500000, "too many that wait are counted early (%llu)", (unsigned long long)s.forced);
}

/* In order and with more groups than caches hold, a few wait while their groups are fetched: nothing else changes. */
static void test_many_in_order(void)
{
	struct correlator_opts in_order = { .tolerance = CORRELATE_ORDERED, .max_bytes = (size_t)64 << 20 };
	struct correlator_opts held = { .tolerance = SEC, .max_bytes = (size_t)64 << 20 };
	struct correlator *c CLEANUP(correlator_freep) = NULL, *later CLEANUP(correlator_freep) = NULL;
	struct correlator_stats s;
	struct rules r;
	struct buf out CLEANUP(buf_done), want CLEANUP(buf_done);
	uint64_t most = 0;
	char user[24];

	buf_init(&out, (size_t)64 << 20);
	buf_init(&want, (size_t)64 << 20);
	counted(&r, SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 10)->timespan = 600 * SEC;
	OK(correlator_new(&r.set, &in_order, &c, NULL) == RC_OK && correlator_new(&r.set, &held, &later, NULL) == RC_OK, "many in order: made");
	for (int i = 0; i < 400000; i++) {
		snprintf(user, sizeof user, "user%u", draw(30000));
		add_at(c, 0, i / 200, user, "", (uint64_t)i, &out);
		add_at(later, 0, i / 200, user, "", (uint64_t)i, &want);
		correlator_stats(c, &s);
		most = s.pending > most ? s.pending : most;
	}
	OK(correlator_end(c, on_fire, &out, NULL) == RC_OK && correlator_end(later, on_fire, &want, NULL) == RC_OK, "many in order: ended");
	OK(most > 0 && most <= 16, "many in order: %llu waited at most", (unsigned long long)most);
	OK(want.n > 100000 && str_eq(buf_view(&out), buf_view(&want)), "many in order: the same fires in the same order (%zu bytes)", want.n);
}

/* Group values that look alike when put together, and long ones that differ at their end. */
static void test_groups_apart(void)
{
	struct correlator_opts o = { .tolerance = CORRELATE_ORDERED };
	struct correlator *c CLEANUP(correlator_freep) = NULL;
	struct correlator_stats s;
	struct rules r;
	struct buf out CLEANUP(buf_done);
	static const char *const pairs[][2] = { { "a", "bc" }, { "ab", "c" }, { "abc", "" }, { "A", "bc" }, { "a\xc0", "bc" } };

	buf_init(&out, 65536);
	counted(&r, SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 2);
	r.corrs[0].n_group_by = 2;
	r.group[0][1] = S("host");
	OK(correlator_new(&r.set, &o, &c, NULL) == RC_OK, "two fields in group-by");
	for (size_t i = 0; i < COUNTOF(pairs); i++) {
		struct event e = { .at = START, .has = { true, true } };

		snprintf(e.fields[0], sizeof e.fields[0], "%s", pairs[i][0]);
		snprintf(e.fields[1], sizeof e.fields[1], "%s", pairs[i][1]);
		OK(correlator_add(c, 0, e.at, i, event_field, &e, on_fire, &out, NULL) == RC_OK, "pair %zu", i);
	}
	correlator_stats(c, &s);
	EQ_INT(s.groups, COUNTOF(pairs), "each pair is a group of its own");
	EQ_STR(buf_view(&out), S(""), "none fires");
}

static bool long_field(void *ctx, struct str field, struct str *ret)
{
	*ret = *(const struct str *)ctx;
	return str_eq(field, S("user"));
}

static void on_long(void *ctx, const struct correlation *c)
{
	*(size_t *)ctx += c->group[0].n;
}

static void test_long_values(void)
{
	struct correlator_opts o = { .tolerance = CORRELATE_ORDERED };
	struct correlator *c CLEANUP(correlator_freep) = NULL;
	struct correlator_stats s;
	struct rules r;
	char text[5000];
	struct str value = { text, sizeof text };
	size_t shown = 0;

	counted(&r, SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 2);
	OK(correlator_new(&r.set, &o, &c, NULL) == RC_OK, "long values");
	memset(text, 'x', sizeof text);
	for (int i = 0; i < 3; i++) {
		text[sizeof text - 1] = (char)('a' + i % 2);
		OK(correlator_add(c, 0, START, 1, long_field, &value, on_long, &shown, NULL) == RC_OK, "value %d", i);
	}
	correlator_stats(c, &s);
	EQ_INT(s.groups, 2, "they differ in their last byte");
	EQ_INT(shown, CORRELATE_VALUE_MAX, "the one that fires is cut");
}

static void test_refused(void)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{ "threshold", "the threshold is higher than 1000000" },	{ "rules", "a correlation refers to 1 to 64 rules" },
		{ "timespan", "a timespan is longer than nothing and at most 20 years" },
		{ "field", "the condition names no field" },		{ "limits", "no condition" },
		{ "slots", "the threshold is higher than the number of rules" },
		{ "chain", "refers to a correlation that is refused" },	{ "percentile", "a percentile lies between 0 and 100" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct correlator *c CLEANUP(correlator_freep) = NULL;
		const struct correlator_refusal *list;
		struct rules r;
		struct sigma_corr *k = counted(&r, SIGMA_EVENT_COUNT, SIGMA_CMP_GTE, 3);

		switch (i) {
		case 0: r.limits[0][0].value = 1e9; break;
		case 1: k->n_rules = 0; break;
		case 2: k->timespan = 0; break;
		case 3: k->type = SIGMA_VALUE_COUNT; break;
		case 4: k->n_limits = 0; break;
		case 5: k->type = SIGMA_TEMPORAL; break;
		case 6: r.slots[0][0] = BASE_RULES; break;
		default: k->type = SIGMA_VALUE_PERCENTILE; k->n_fields = 1; k->percentile = 101; break;
		}
		if (!OK(correlator_new(&r.set, NULL, &c, NULL) == RC_OK, "refused: %s", rows[i].name))
			continue;
		if (OK(correlator_refused(c, &list) == 1 && list[0].rule == BASE_RULES, "%s is named", rows[i].name))
			EQ_STR(list[0].reason, str_of(rows[i].why), rows[i].name);
		OK(!correlator_wants(c, 0), "%s wants nothing", rows[i].name);
	}
}

/* Every allocation fails once: a clean error, nothing left behind. */
static void test_memory(void)
{
	static struct event events[60];
	static struct rules r;
	int64_t before = mem_live();
	uint64_t n = 0, row = 0; /* of runs in which nothing failed: a trail that does not grow is no error */
	bool clean = true;

	rules_begin(&r, 5);
	for (uint32_t i = 0; i < 5; i++) {
		static const enum sigma_corr_type types[] = { SIGMA_EVENT_COUNT, SIGMA_VALUE_COUNT, SIGMA_VALUE_MEDIAN, SIGMA_VALUE_SUM, SIGMA_EVENT_COUNT };

		r.corrs[i].type = types[i];
		r.corrs[i].n_rules = r.corrs[i].n_limits = r.corrs[i].n_group_by = r.corrs[i].n_fields = 1;
		r.slots[i][0] = i == 4 ? BASE_RULES : i % 2;
		r.group[i][0] = S("user");
		r.fields[i][0] = S("bytes");
		r.limits[i][0] = (struct sigma_limit){ i == 3 ? SIGMA_CMP_LT : SIGMA_CMP_GTE, i == 1 ? 40 : 2 };
	}
	r.corrs[0].n_fields = r.corrs[4].n_fields = 0;
	random_events(events, COUNTOF(events));
	while (row < 50 && ++n < 5000) {
		struct correlator_opts o = { .tolerance = 3 * SEC };
		struct correlator *c = NULL, *next = NULL;
		struct buf out, saved;
		enum rc rc;

		buf_init(&out, 1 << 20);
		buf_init(&saved, 1 << 20);
		/* The lines of text are made in the same memory: they are not what is asked here. */
		mem_fail_at(n, 0);
		rc = correlator_new(&r.set, &o, &c, NULL);
		for (size_t i = 0; i < COUNTOF(events) && rc == RC_OK; i++)
			for (uint32_t k = 0; k < 2 && rc == RC_OK; k++)
				rc = correlator_add(c, k, events[i].at, i, event_field, &events[i], NULL, NULL, NULL);
		if (rc == RC_OK)
			rc = correlator_save(c, &saved, NULL);
		if (rc == RC_OK)
			rc = correlator_new(&r.set, &o, &next, NULL);
		if (rc == RC_OK)
			rc = correlator_load(next, buf_view(&saved), NULL, NULL);
		if (rc == RC_OK)
			rc = correlator_end(next, NULL, NULL, NULL);
		clean = clean && (rc == RC_OK || rc == RC_NOMEM);
		mem_fail_at(1000000, 0);
		mem_fail_at(0, 0);
		row = rc == RC_OK ? row + 1 : 0;
		correlator_free(c);
		correlator_free(next);
		buf_done(&out);
		buf_done(&saved);
		clean = clean && mem_live() == before;
	}
	OK(clean, "each failing allocation is a clean error");
	OK(row == 50 && n > 80, "and behind the last one all goes well (%llu)", (unsigned long long)n);
}

/* A record that was cut or changed is refused, or, its sum made right, at least does no harm. */
static void test_broken_state(void)
{
	static struct event events[N_EVENTS];
	static struct rules r;
	struct correlator_opts o = { .tolerance = 30 * SEC };
	size_t taken = 0, refused = 0;

	for (uint32_t round = 0; round < 60; round++) {
		struct correlator *c = NULL;
		struct buf saved, out;

		rules_begin(&r, MAX_CORRS);
		for (uint32_t i = 0; i < MAX_CORRS; i++)
			random_corr(&r, i);
		random_events(events, N_EVENTS);
		buf_init(&saved, (size_t)16 << 20);
		buf_init(&out, (size_t)16 << 20);
		if (correlator_new(&r.set, &o, &c, NULL) != RC_OK)
			break;
		for (size_t i = 0; i < N_EVENTS; i++)
			for (uint32_t k = 0; k < BASE_RULES; k++)
				(void)!correlator_add(c, k, events[i].at, i, event_field, &events[i], NULL, NULL, NULL);
		(void)!correlator_save(c, &saved, NULL);
		correlator_free(c);
		for (int i = 0; i < 40; i++) {
			struct buf broken;
			uint32_t sum, at;

			buf_init(&broken, (size_t)16 << 20);
			buf_str(&broken, buf_view(&saved));
			at = 12 + draw((uint32_t)saved.n - 12);
			if (i % 8 == 0)
				buf_cut(&broken, at);
			else
				broken.p[at] = (char)draw(256);
			sum = hash_crc32c(0, str_slice(buf_view(&broken), 12, broken.n));
			if (i % 8 != 1)
				memcpy(broken.p + 8, &sum, sizeof sum);
			c = NULL;
			if (correlator_new(&r.set, &o, &c, NULL) == RC_OK && correlator_load(c, buf_view(&broken), NULL, NULL) == RC_OK) {
				taken++;
				for (size_t k = 0; k < 50; k++)
					(void)!correlator_add(c, 0, events[N_EVENTS - 1].at + (usec)k * SEC, k, event_field, &events[k], on_fire, &out, NULL);
				(void)!correlator_end(c, on_fire, &out, NULL);
			} else {
				refused++;
			}
			correlator_free(c);
			buf_done(&broken);
		}
		buf_done(&saved);
		buf_done(&out);
	}
	OK(taken > 100 && refused > 100, "%zu taken without harm, %zu refused", taken, refused);
}

int main(void)
{
	test_example();
	test_carried();
	test_edges();
	test_counted_losses();
	test_many_in_order();
	test_groups_apart();
	test_long_values();
	test_refused();
	test_memory();
	test_broken_state();
	test_random(400);
	return tap_done();
}
