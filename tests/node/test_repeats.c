/* What comes again and again: the first of a second as they are, the others as one with a count. */
#include "base/mem.h"
#include "node/repeats.h"
#include "tap.h"

#define T0 (INT64_C(1767323045) * USEC_PER_SEC)

struct seen {
	uint64_t rules, hits, count;
	usec first, last;
	char event[64], title[64], tag[64], value[64];
};

/* Before the memory that held it is used again. */
static void keep(char out[static 64], struct str s)
{
	memcpy(out, s.p, s.n < 63 ? s.n : 63);
	out[s.n < 63 ? s.n : 63] = '\0';
}

static void on_held(void *ctx, const struct hit *h, const struct rule_hit *rule)
{
	struct seen *s = ctx;

	s->rules += rule != NULL;
	s->hits += h != NULL;
	s->count += rule != NULL ? rule->count : h->count;
	s->first = rule != NULL ? rule->at : h->at;
	s->last = rule != NULL ? rule->last : h->last;
	keep(s->event, rule != NULL ? rule->event : h->event);
	if (rule == NULL)
		return;
	keep(s->title, rule->title);
	keep(s->tag, rule->tags[0]);
	keep(s->value, rule->fields[0].value);
}

static struct rule_hit rule_at(usec at)
{
	static const struct str tags[] = { S("attack.t1033") };
	static const struct rule_hit_field fields[] = { { S("Image"), S("x.exe") } };

	return (struct rule_hit){ .id = S("r"), .title = S("Title"), .level = S("high"), .author = S("A"), .tags = tags, .n_tags = 1,
				  .fields = fields, .n_fields = 1, .at = at, .where = S("pc"), .input = S("win"), .event = S("{\"a\":1}") };
}

static struct hit hit_at(usec at)
{
	return (struct hit){ .indicator = S("indicator--1"), .what = { OBS_DOMAIN, S("evil.example"), S("dns") }, .matched = S("evil.example"),
			     .at = at, .where = S("pc"), .input = S("fw"), .event = S("{}"), .suppressed = S("") };
}

static void counting(void)
{
	struct repeats *r;
	struct seen s = { 0 };
	struct rule_hit h;
	int whole = 0;

	OK(repeats_new(&r, NULL) == RC_OK && !repeats_due(r), "nothing is held");
	for (int i = 0; i < 1000; i++) {
		h = rule_at(T0 + i * 1000);
		whole += !repeats_hold_rule(r, S("k"), &h);
	}
	EQ_INT(whole, REPEATS_WHOLE, "the first are handed on as they are");
	repeats_hand_on(r, on_held, &s);
	OK(s.rules == 1 && s.hits == 0 && s.count == 1000 - REPEATS_WHOLE, "the others as one, counted");
	OK(s.first == T0 + REPEATS_WHOLE * 1000 && s.last == T0 + 999 * 1000, "from the first of them to the last");
	OK(strcmp(s.event, "{\"a\":1}") == 0 && strcmp(s.title, "Title") == 0 && strcmp(s.tag, "attack.t1033") == 0 && strcmp(s.value, "x.exe") == 0, "whole");
	s = (struct seen){ 0 };
	repeats_hand_on(r, on_held, &s);
	EQ_INT(s.rules, 0, "once");
	h = rule_at(T0);
	OK(!repeats_hold_rule(r, S("k"), &h), "then it begins anew");
	repeats_free(r);
}

static void apart(void)
{
	struct repeats *r;
	struct seen s = { 0 };
	struct hit h;
	int held = 0;

	OK(repeats_new(&r, NULL) == RC_OK, "new");
	for (int i = 0; i < REPEATS_WHOLE + 5; i++) {
		h = hit_at(T0);
		held += repeats_hold_hit(r, S("a"), &h);
		held += repeats_hold_hit(r, S("b"), &h);
	}
	EQ_INT(held, 10, "sorts are counted apart");
	h = hit_at(T0 + REPEATS_GAP + 1);
	OK(!repeats_hold_hit(r, S("a"), &h), "what lies further apart is not held with them");
	h = hit_at(T0 + REPEATS_GAP);
	OK(repeats_hold_hit(r, S("a"), &h), "what lies as near is");
	h = hit_at(INT64_MIN);
	OK(!repeats_hold_hit(r, S("a"), &h), "nor what any clock says");
	repeats_hand_on(r, on_held, &s);
	OK(s.hits == 2 && s.count == 11, "each is handed on");
	for (int i = 0; i < REPEATS_SORTS; i++) {
		char key[16];

		snprintf(key, sizeof key, "%d", i);
		(void)repeats_hold_hit(r, str_of(key), &h);
	}
	held = 0;
	for (int i = 0; i < 100; i++)
		held += repeats_hold_hit(r, S("more"), &h);
	EQ_INT(held, 0, "sorts beyond its room are handed on");
	repeats_free(r);
}

static void one_sort(void)
{
	struct repeats *r;
	struct seen s = { 0 };
	struct hit h = hit_at(T0), later = hit_at(T0 + 10 * REPEATS_GAP);
	int held = 0;

	OK(repeats_new(&r, NULL) == RC_OK && !repeats_hand_on_one(r, S("a"), on_held, &s), "nothing is held of a sort nobody knows");
	for (int i = 0; i < REPEATS_WHOLE + 5; i++) {
		held += repeats_hold_hit(r, S("a"), &h);
		held += repeats_hold_hit(r, S("b"), &h);
	}
	OK(held == 10 && !repeats_hold_hit(r, S("a"), &later), "what is far off is not held with the others");
	OK(repeats_hand_on_one(r, S("a"), on_held, &s) && s.hits == 1 && s.count == 5 && s.last == T0, "one sort is handed on");
	OK(!repeats_hand_on_one(r, S("a"), on_held, &s), "once");
	OK(repeats_hold_hit(r, S("a"), &later), "then what is far off begins anew");
	repeats_hand_on(r, on_held, &s);
	OK(s.hits == 3 && s.count == 11, "the other and the new are handed on at the end");
	repeats_free(r);
}

static void due(void)
{
	struct repeats *r;
	struct hit h = hit_at(T0);

	time_fake_set(T0);
	OK(repeats_new(&r, NULL) == RC_OK, "new");
	(void)repeats_hold_hit(r, S("a"), &h);
	OK(!repeats_due(r), "not at once");
	time_fake_step(USEC_PER_SEC);
	OK(repeats_due(r), "after a second");
	repeats_free(r);
	time_fake_off();
}

/* Without memory nothing is held and nothing is lost: what is not held is handed on by the caller. */
static void no_memory(void)
{
	int64_t before = mem_live();
	bool good = true;

	for (uint64_t n = 1; n < 60 && good; n++) {
		struct repeats *r = NULL;
		struct seen s = { 0 };
		uint64_t on = 0;
		enum rc rc;

		mem_fail_at(n, 0);
		rc = repeats_new(&r, NULL);
		for (int i = 0; rc == RC_OK && i < 100; i++) {
			struct rule_hit h = rule_at(T0);

			on += !repeats_hold_rule(r, S("key"), &h);
		}
		if (rc == RC_OK)
			repeats_hand_on(r, on_held, &s);
		mem_fail_at(0, 0);
		good = rc == RC_NOMEM || on + s.count == 100;
		repeats_free(r);
		good = good && mem_live() == before;
	}
	OK(good, "whichever allocation fails, each is counted once");
}

int main(void)
{
	counting();
	apart();
	one_sort();
	due();
	no_memory();
	return tap_done();
}
