/* Merging, un-merging and splitting: whatever was done, taking it all back gives what never was touched; nothing is lost on the way;
 * and one side alone changes nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "desk/desk.h"
#include "tap.h"

#define PEOPLE 5             /* incidents at the start */
#define INCIDENTS_MAX 40
#define FACTS_EACH 12
#define ROUNDS 300
#define STEPS 12

struct incident {
	char id[40];
	char facts[64][400];
	size_t n;
	int into;            /* -1: none */
	int from;            /* split from, or -1 */
	int moved_to[64];    /* by fact; -1: it is still here */
};

struct world {
	struct incident i[INCIDENTS_MAX];
	size_t n;
	int clock;           /* seconds since the start; every fact is recorded a second later */
	bool mute;           /* the incident under test's partner says nothing */
	int muted;
};

static unsigned seed = 7;
static unsigned rnd(unsigned below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static const char *instant(int s)
{
	static char text[4][32];
	static unsigned turn;
	char *out = text[turn++ % 4];

	snprintf(out, sizeof text[0], "2026-03-%02dT%02d:%02d:%02dZ", 2 + s / 86400 % 28, s / 3600 % 24, s / 60 % 60, s % 60);
	return out;
}

static void state(struct world *w, size_t i, const char *fmt, ...) PRINTF(3, 4);
static void state(struct world *w, size_t i, const char *fmt, ...)
{
	struct incident *x = &w->i[i];
	char members[330], text[sizeof x->facts[0]];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(members, sizeof members, fmt, ap);
	va_end(ap);
	snprintf(text, sizeof text, "{\"id\":\"%.23s-%zu\",\"at\":\"%.23s\",%s}", x->id, x->n, instant(w->clock), members);
	memcpy(x->facts[x->n], text, sizeof text);
	x->moved_to[x->n++] = -1;
	w->clock += 60;
}

static void random_fact(struct world *w, size_t i)
{
	static const char *const plain[] = { "reported", "contained", "final_report", "forwarded", "note", "recovered" };
	unsigned kind = rnd(10);
	const char *when = instant(w->clock > 7200 ? w->clock - (int)rnd(7200) : w->clock);

	if (kind < 4)
		state(w, i, "\"type\":\"%s\",\"claimed\":\"%s\"", plain[rnd(COUNTOF(plain))], when);
	else if (kind < 6)
		state(w, i, "\"type\":\"level\",\"level\":%u", 1 + rnd(4));
	else if (kind < 8)
		state(w, i, "\"type\":\"reviewed\",\"level\":%u,\"claimed\":\"%s\"", 1 + rnd(4), when);
	else if (kind == 8 && w->i[i].n > 0)
		state(w, i, "\"type\":\"corrected\",\"ref\":\"%s-%u\",\"claimed\":\"%s\"", w->i[i].id, rnd((unsigned)w->i[i].n), when);
	else
		state(w, i, "\"type\":\"aware\",\"claimed\":\"%s\"", when);
}

static enum rc read_facts(void *ctx, struct str id, struct arena *a, struct str *ret, struct err *err)
{
	const struct world *w = ctx;
	struct buf b;

	(void)err;
	*ret = S("");
	for (size_t i = 0; i < w->n; i++) {
		const struct incident *x = &w->i[i];

		if (!str_eq(id, str_of(x->id)) || (w->mute && (int)i == w->muted))
			continue;
		buf_init(&b, 1 << 20);
		for (size_t k = 0; k < x->n; k++) /* in an order of its own: it must not matter */
			buf_fmt(&b, "%s\n", x->facts[(k * 7 + i) % x->n]);
		for (size_t k = 0; k < x->n && x->n % 7 == 0; k++)
			buf_fmt(&b, "%s\n", x->facts[k]);
		*ret = arena_dup(a, buf_view(&b));
		buf_done(&b);
	}
	return RC_OK;
}

/* State, level and clocks as one text. */
static struct str told(struct arena *a, const struct desk_view *v)
{
	const struct incident_view *x = v->views[0];
	struct str s = arena_fmt(a, "%s %d:", x->state, x->overall);

	for (size_t i = 0; i < x->n_clocks; i++)
		s = arena_fmt(a, "%.*s %.*s,%lld,%lld,%lld,%d,%.*s", STR(s), STR(x->clocks[i].clock->term.id), (long long)x->clocks[i].start, (long long)x->clocks[i].due,
			      (long long)x->clocks[i].stop, (int)x->clocks[i].verdict, STR(x->clocks[i].started->id));
	return s;
}

static const struct desk *desk;

static struct desk_view look(struct world *w, size_t i, struct arena *a)
{
	struct join_source src = { .ctx = w, .facts = read_facts };
	struct desk_view v = { .n = 0 };
	struct err err = { 0 };
	usec at = 0;

	(void)!time_parse(str_of(instant(w->clock + 86400)), &at, NULL, &err);
	if (desk_look_joined(desk, a, S("tw-2026"), str_of(w->i[i].id), &src, at, &v, &err) != RC_OK) {
		printf("# %s\n", err.text);
		exit(1);
	}
	return v;
}

static int root(const struct world *w, int i)
{
	while (w->i[i].into >= 0)
		i = w->i[i].into;
	return i;
}

static void merge(struct world *w, int b, int a)
{
	if (w->i[b].into >= 0 || w->i[a].into >= 0 || a == b)
		return;
	w->i[b].into = a;
	state(w, (size_t)a, "\"type\":\"merged\",\"from\":\"%s\"", w->i[b].id);
	state(w, (size_t)b, "\"type\":\"merged\",\"ref\":\"%s\"", w->i[a].id);
}

static void unmerge(struct world *w, int b)
{
	int a = w->i[b].into;

	if (a < 0)
		return;
	w->i[b].into = -1;
	state(w, (size_t)a, "\"type\":\"unmerged\",\"from\":\"%s\"", w->i[b].id);
	state(w, (size_t)b, "\"type\":\"unmerged\",\"ref\":\"%s\"", w->i[a].id);
}

static void split(struct world *w, int a)
{
	struct incident *x = &w->i[a], *y = &w->i[w->n];
	char list[240] = "";
	int n = 0;

	if (w->n == INCIDENTS_MAX || x->into >= 0)
		return;
	for (size_t k = 0; k < x->n && n < 180; k++) {
		bool link = strstr(x->facts[k], "merged\"") != NULL || strstr(x->facts[k], "split\"") != NULL;

		if (x->moved_to[k] >= 0 || link || rnd(3) > 0)
			continue;
		x->moved_to[k] = (int)w->n;
		n += snprintf(list + n, sizeof list - (size_t)n, "%s\"%s-%zu\"", n > 0 ? "," : "", x->id, k);
	}
	if (n == 0)
		return;
	memset(y, 0, sizeof *y);
	snprintf(y->id, sizeof y->id, "incident-%zu", w->n);
	y->into = -1;
	y->from = a;
	w->n++;
	state(w, (size_t)a, "\"type\":\"split\",\"ref\":\"%s\",\"facts\":[%s]", y->id, list);
	state(w, w->n - 1, "\"type\":\"split\",\"from\":\"%s\",\"facts\":[%s]", x->id, list);
}

/* Facts that count in the view of `i`, by the model: its root is i. */
static size_t expected(const struct world *w, int i)
{
	size_t n = 0;

	for (size_t k = 0; k < w->n; k++)
		for (size_t f = 0; f < w->i[k].n; f++) {
			const char *text = w->i[k].facts[f];
			bool link = strstr(text, "merged\"") != NULL || strstr(text, "\"split\"") != NULL;
			int holder = w->i[k].moved_to[f] >= 0 ? w->i[k].moved_to[f] : (int)k;

			n += link ? (int)k == i : root(w, holder) == i;
		}
	return n;
}

static size_t distinct_ids(const struct desk_view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->facts.n; i++) {
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = str_eq(v->facts.f[k].id, v->facts.f[i].id);
		n += !again;
	}
	return n;
}

struct tally { unsigned lost, differ, undone, alone, steps; };

static void one_round(struct arena *a, struct tally *t)
{
	static struct world w, untouched;
	struct str before;

	memset(&w, 0, sizeof w);
	w.n = PEOPLE;
	for (size_t i = 0; i < w.n; i++) {
		snprintf(w.i[i].id, sizeof w.i[i].id, "incident-%zu", i);
		w.i[i].into = w.i[i].from = -1;
		for (unsigned k = 0; k < 2 + rnd(FACTS_EACH); k++)
			random_fact(&w, i);
	}
	untouched = w;
	for (int step = 0; step < STEPS; step++) {
		int x = (int)rnd((unsigned)w.n), y = (int)rnd((unsigned)w.n);
		unsigned what = rnd(8);

		if (what < 4)
			merge(&w, x, y);
		else if (what < 6)
			unmerge(&w, x);
		else
			split(&w, x);
		for (size_t i = 0; i < w.n; i++) {
			struct desk_view v = look(&w, i, a);

			t->steps++;
			if (w.i[i].into < 0)
				t->lost += distinct_ids(&v) != expected(&w, (int)i);
			t->differ += (v.into.n > 0) != (w.i[i].into >= 0) || (v.into.n > 0 && !str_eq(v.into, str_of(w.i[w.i[i].into].id)));
		}
	}
	/* One side alone: what the other says is unheard, as if it had said nothing. */
	for (size_t i = 0; i < PEOPLE; i++)
		if (w.i[i].into >= 0) {
			struct desk_view v;

			w.mute = true;
			w.muted = w.i[i].into;
			v = look(&w, i, a);
			t->alone += v.into.n > 0;
			w.muted = (int)i;
			v = look(&w, (size_t)w.i[i].into, a);
			for (size_t k = 0; k < v.n_joined; k++)
				t->alone += str_eq(v.joined[k], str_of(w.i[i].id));
			w.mute = false;
		}
	/* All of it taken back, the latest first: a part that was split off goes back into what it came from. */
	for (size_t i = 0; i < w.n; i++)
		unmerge(&w, (int)i);
	for (size_t i = w.n; i-- > PEOPLE;)
		merge(&w, (int)i, w.i[i].from);
	for (size_t i = 0; i < PEOPLE; i++) {
		struct desk_view v;

		untouched.clock = w.clock;
		v = look(&untouched, i, a);
		before = told(a, &v);
		v = look(&w, i, a);
		if (!str_eq(before, told(a, &v))) {
			t->undone++;
			printf("# was %.*s\n# is  %.*s\n", STR(before), STR(told(a, &v)));
		}
	}
}

/* Two incidents that have a fact of one id each, and one that both have word by word. */
static void same_ids(struct arena *a)
{
	static struct world w;
	struct desk_view v;

	memset(&w, 0, sizeof w);
	w.n = 2;
	for (int i = 0; i < 2; i++) {
		snprintf(w.i[i].id, sizeof w.i[i].id, "incident-%d", i);
		w.i[i].into = -1;
		snprintf(w.i[i].facts[0], sizeof w.i[i].facts[0], "{\"id\":\"n1\",\"at\":\"2026-03-02T00:00:0%dZ\",\"type\":\"%s\"}", i, i == 0 ? "aware" : "level");
		snprintf(w.i[i].facts[1], sizeof w.i[i].facts[1], "{\"id\":\"n2\",\"at\":\"2026-03-02T00:00:05Z\",\"type\":\"reported\"}");
		snprintf(w.i[i].facts[2], sizeof w.i[i].facts[2], "{\"id\":\"c%d\",\"at\":\"2026-03-02T00:00:06Z\",\"type\":\"corrected\",\"ref\":\"n1\",\"claimed\":\"2026-03-01T0%d:00:00Z\"}", i, 1 + i);
		w.i[i].n = 3;
	}
	w.clock = 100;
	merge(&w, 1, 0);
	v = look(&w, 0, a);
	EQ_INT(v.views[0]->n_facts, 2 + 1 + 1, "facts of one id count for each incident, one that both have counts once");
	OK(v.views[0]->aware == 1772326800 * USEC_PER_SEC, "and each is corrected by its own");
	EQ_INT(v.facts.n_problems, 0, "without a problem");
}

static void two(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->n = 2;
	for (size_t i = 0; i < 2; i++) {
		snprintf(w->i[i].id, sizeof w->i[i].id, "incident-%zu", i);
		w->i[i].into = -1;
		state(w, i, "\"type\":\"aware\"");
		state(w, i, "\"type\":\"note\"");
	}
}

static void one_side(struct arena *a)
{
	static struct world w;

	for (size_t who = 0; who < 2; who++) {
		two(&w);
		merge(&w, 1, 0);
		EQ_INT(look(&w, 0, a).n_joined, 1, "merged");
		state(&w, who, "\"type\":\"unmerged\",\"%s\":\"incident-%zu\"", who == 0 ? "from" : "ref", 1 - who);
		EQ_INT(look(&w, 0, a).n_joined, 0, who == 0 ? "given back by the one that took in" : "taken back by the one that was merged");
		OK(look(&w, 1, a).into.n == 0, "for both");
	}
	two(&w);
	state(&w, 1, "\"type\":\"closed\"");
	merge(&w, 1, 0);
	EQ_STR(str_of(look(&w, 0, a).views[0]->state), S("aware"), "the end of the one is not the end of both");
	two(&w);
	merge(&w, 1, 0);
	w.clock -= 120; /* of one instant an un-merge holds */
	unmerge(&w, 1);
	EQ_INT(look(&w, 0, a).n_joined, 0, "merged and un-merged at one instant");
	two(&w);
	do
		split(&w, 0);
	while (w.n == 2);
	w.mute = true;
	w.muted = 2;
	EQ_INT(distinct_ids(&(struct desk_view[]){ look(&w, 0, a) }[0]), 3, "what is split off stays where nobody took it");
}

int main(void)
{
	struct arena *a = arena_new((size_t)1 << 28);
	struct tally t = { 0 };
	struct desk *d;
	struct err err = { 0 };

	if (!OK(desk_new(NULL, &d, &err) == RC_OK, "a desk"))
		return tap_done();
	desk = d;
	for (int i = 0; i < ROUNDS; i++) {
		one_round(a, &t);
		arena_reset(a);
	}
	printf("# %u views\n", t.steps);
	EQ_INT(t.lost, 0, "every fact counts in one view, and only there");
	EQ_INT(t.differ, 0, "who is merged into whom");
	EQ_INT(t.alone, 0, "one side alone changes nothing");
	EQ_INT(t.undone, 0, "all taken back: as if it had never been");
	same_ids(a);
	one_side(a);
	desk_free(d);
	arena_free(a);
	return tap_done();
}
