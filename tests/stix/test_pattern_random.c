/* Observation expressions against an oracle that tries everything: random trees
 * over a few observations, each binding enumerated as a set of units with its
 * earliest `last` and latest `first`. The matcher must agree on the verdict,
 * and what it says it used must be one of the bindings. */
#include "base/arena.h"
#include "base/json.h"
#include "stix/pattern_match.h"
#include "tap.h"

#define ROUNDS 30000
#define UNITS_MAX 8
#define BINDINGS_MAX 4096

enum kind { PROP, AND, OR, FOLLOWEDBY, WITHIN, REPEATS, START_STOP };

struct node {
	enum kind kind;
	int prop, n, start, stop;
	struct node *left, *right;
};

struct unit {
	int observation, first, last, props;
};

struct binding {
	unsigned mask;
	int lo, hi;
};

struct set {
	struct binding *b;
	size_t n;
	bool overflow;
};

static uint64_t seed = 20260101;

static int roll(int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((seed >> 33) % (uint64_t)n);
}

/* --- the oracle --------------------------------------------------------------- */

static void add(struct set *s, struct binding b)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->b[i].mask == b.mask && s->b[i].lo == b.lo && s->b[i].hi == b.hi)
			return;
	if (s->n == BINDINGS_MAX)
		s->overflow = true;
	else
		s->b[s->n++] = b;
}

static struct set new_set(struct arena *a)
{
	return (struct set){ .b = arena_array(a, BINDINGS_MAX, sizeof(struct binding)) };
}

static void join(struct set *out, const struct set *l, const struct set *r, bool ordered)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < r->n; k++) {
			struct binding a = l->b[i], b = r->b[k];

			if ((a.mask & b.mask) != 0 || (ordered && a.hi > b.lo))
				continue;
			add(out, (struct binding){ a.mask | b.mask, a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi });
		}
}

/* All bindings of `n` inside of the window [start, stop). */
static struct set bindings(struct arena *a, const struct node *n, const struct unit *u, int units, int start, int stop)
{
	struct set out = new_set(a), l, r;

	if (n->kind == PROP) {
		for (int i = 0; i < units; i++)
			if ((u[i].props >> n->prop & 1) != 0 && start < stop && u[i].first < stop && u[i].last >= start)
				add(&out, (struct binding){ 1u << i, u[i].last, u[i].first });
		return out;
	}
	if (n->kind == START_STOP) {
		start = n->start > start ? n->start : start;
		stop = n->stop < stop ? n->stop : stop;
		return bindings(a, n->left, u, units, start, stop);
	}
	l = bindings(a, n->left, u, units, start, stop);
	if (n->kind == WITHIN) {
		for (size_t i = 0; i < l.n; i++)
			if (l.b[i].hi - l.b[i].lo < n->n)
				add(&out, l.b[i]);
		return out;
	}
	if (n->kind == REPEATS) {
		out = l;
		for (int i = 1; i < n->n; i++) {
			struct set more = new_set(a);

			join(&more, &out, &l, false);
			out = more;
		}
		return out;
	}
	r = bindings(a, n->right, u, units, start, stop);
	if (n->kind == OR) {
		for (size_t i = 0; i < r.n; i++)
			add(&l, r.b[i]);
		return l;
	}
	join(&out, &l, &r, n->kind == FOLLOWEDBY);
	return out;
}

/* --- random input ------------------------------------------------------------- */

static struct node *random_node(struct arena *a, int depth)
{
	struct node *n = arena_alloc(a, sizeof *n);

	n->kind = depth == 0 ? PROP : (enum kind)roll(7);
	n->prop = roll(3);
	n->n = n->kind == REPEATS ? 1 + roll(3) : 1 + roll(6);
	n->start = roll(8);
	n->stop = n->start + roll(8);
	if (n->kind != PROP)
		n->left = random_node(a, depth - 1);
	if (n->kind == AND || n->kind == OR || n->kind == FOLLOWEDBY)
		n->right = random_node(a, depth - 1);
	return n;
}

static void put_node(struct buf *b, const struct node *n)
{
	static const char *const names[] = { "", " AND ", " OR ", " FOLLOWEDBY " };

	if (n->kind == PROP) {
		buf_fmt(b, "[x:%c = true]", 'a' + n->prop);
		return;
	}
	buf_cstr(b, "(");
	put_node(b, n->left);
	if (n->right != NULL) {
		buf_cstr(b, names[n->kind]);
		put_node(b, n->right);
	}
	buf_cstr(b, ")");
	if (n->kind == WITHIN)
		buf_fmt(b, " WITHIN %d SECONDS", n->n);
	if (n->kind == REPEATS)
		buf_fmt(b, " REPEATS %d TIMES", n->n);
	if (n->kind == START_STOP)
		buf_fmt(b, " START t'2020-01-01T00:00:%02dZ' STOP t'2020-01-01T00:00:%02dZ'", n->start, n->stop);
}

/* Observations in no order of time; the units they stand for. */
static int put_document(struct buf *b, struct unit *u)
{
	int units = 0;
	int want = 1 + roll(UNITS_MAX);

	buf_cstr(b, "[");
	for (int o = 0; units < want; o++) {
		int count = roll(4) == 0 && units + 2 <= want ? 2 : 1;
		int first = roll(10), last = first + (roll(3) == 0 ? roll(5) : 0), props = roll(8);

		buf_fmt(b, "%s{\"type\":\"observed-data\",\"first_observed\":\"2020-01-01T00:00:%02dZ\","
			   "\"last_observed\":\"2020-01-01T00:00:%02dZ\",\"number_observed\":%d,\"objects\":{\"0\":"
			   "{\"type\":\"x\",\"a\":%s,\"b\":%s,\"c\":%s}}}", o == 0 ? "" : ",", first, last, count,
			props & 1 ? "true" : "false", props & 2 ? "true" : "false", props & 4 ? "true" : "false");
		while (count-- > 0)
			u[units++] = (struct unit){ o, first, last, props };
	}
	buf_cstr(b, "]");
	return units;
}

/* --- comparing ---------------------------------------------------------------- */

static bool is_a_binding(const struct set *s, const struct unit *u, int units, const struct stix_match *m)
{
	for (size_t i = 0; i < s->n; i++) {
		unsigned have = 0, used = 0;

		for (int k = 0; k < units; k++)
			if ((s->b[i].mask >> k & 1) != 0)
				have |= 1u << u[k].observation;
		for (size_t k = 0; k < m->n_used; k++)
			used |= 1u << m->used[k];
		if (have == used)
			return true;
	}
	return false;
}

/* NULL when the matcher agrees, else what is wrong. */
static const char *round_trip(struct arena *a, struct str pattern, struct str text, const struct set *truth,
			      const struct unit *u, int units)
{
	const struct stix_observations *o;
	struct stix_matcher *m;
	struct stix_match match;
	const struct json *doc;
	struct err err;
	enum rc rc;

	if (json_parse(a, text, &JSON_LIMITS, &doc, &err) != RC_OK ||
	    stix_observations_index(a, doc, &o, &err) != RC_OK ||
	    stix_matcher_compile(a, pattern, &STIX_PATTERN_STRICT, &m, &err) != RC_OK)
		return "not read";
	rc = stix_matcher_run(m, o, NULL, a, &match, &err);
	stix_matcher_free(m);
	if (rc != RC_OK)
		return "not decided";
	if (match.match != (truth->n > 0))
		return match.match ? "match that is none" : "missed match";
	return match.match && !is_a_binding(truth, u, units, &match) ? "used is no binding" : NULL;
}

int main(void)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct buf pattern, text;
	int bad = 0, compared = 0, matched = 0;

	buf_init(&pattern, 1 << 20);
	buf_init(&text, 1 << 20);
	for (int i = 0; i < ROUNDS && bad < 5; i++) {
		struct unit u[UNITS_MAX + 1];
		const char *wrong;
		struct node *n;
		struct set truth;
		int units;

		arena_reset(a);
		buf_clear(&pattern);
		buf_clear(&text);
		n = random_node(a, 1 + roll(4));
		put_node(&pattern, n);
		units = put_document(&text, u);
		truth = bindings(a, n, u, units, -1, 1000);
		if (truth.overflow)
			continue;
		compared++;
		matched += truth.n > 0;
		wrong = round_trip(a, buf_view(&pattern), buf_view(&text), &truth, u, units);
		if (wrong != NULL) {
			bad++;
			printf("# %s\n#   %.*s\n#   %.*s\n", wrong, STR(buf_view(&pattern)), STR(buf_view(&text)));
		}
	}
	printf("# %d compared, %d match\n", compared, matched);
	OK(bad == 0 && compared > ROUNDS / 2 && matched > compared / 20 && matched < compared,
	   "verdicts and bindings agree with the oracle");
	buf_done(&pattern);
	buf_done(&text);
	arena_free(a);
	return tap_done();
}
