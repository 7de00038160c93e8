/* Forms: what fills a field, what is missing, what a page may hold; observables; and packs whose forms or views are wrong. */
#include <stdio.h>

#include "base/buf.h"
#include "desk/desk.h"
#include "desk/form.h"
#include "desk/observed.h"
#include "stix/marking.h"
#include "tap.h"

static struct arena *a;
static struct desk *desk;

static struct desk_view view_of(const char *facts)
{
	struct desk_view v = { .n = 0 };
	struct err err = { 0 };
	usec at = 0;

	if (time_parse(S("2026-03-02T00:00:00Z"), &at, NULL, &err) != RC_OK || desk_look(desk, a, S("tw-2026"), str_of(facts), at, &v, &err) != RC_OK)
		printf("# %s\n", err.text);
	return v;
}

static struct form fill(const struct desk_view *v, const char *name, struct form_about *x)
{
	struct form f = { .missing = 99 };
	const struct json *org = NULL;
	struct err err = { 0 };

	(void)!json_parse(a, S("{\"name\":\"\\u5e02\\u7acb\\u91ab\\u9662\",\"sector\":\"health\"}"), &JSON_LIMITS, &org, &err);
	*x = (struct form_about){ .pack = v->packs[0], .facts = &v->facts, .view = v->views[0], .number = S("2026-000001"), .title = S("a <b>"), .organisation = org,
				  .organisation_name = S("n"), .tlp = TLP_AMBER };
	(void)!time_parse(S("2026-03-02T00:00:00Z"), &x->at, NULL, &err);
	if (form_fill(a, x, pack_form_find(v->packs[0], str_of(name)), &f, &err) != RC_OK)
		printf("# %s\n", err.text);
	return f;
}

static struct str value(const struct form *f, const char *id)
{
	for (size_t i = 0; i < f->form->n_fields; i++) {
		if (str_eq(f->values[i].field->term.id, str_of(id)))
			return f->values[i].text;
		for (size_t k = 0; k < f->values[i].field->n_parts; k++)
			if (str_eq(f->values[i].parts[k].field->term.id, str_of(id)))
				return f->values[i].parts[k].text;
	}
	return S("?");
}

static void missing_of(const struct form *f, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < f->form->n_fields; i++)
		if (f->values[i].missing)
			buf_fmt(&b, "%.*s ", STR(f->values[i].field->term.id));
	EQ_STR(buf_view(&b), str_of(want), name);
	buf_done(&b);
}

static void fields(void)
{
	static const char facts[] =
		"{\"id\":\"a\",\"at\":\"2026-02-27T16:00:00Z\",\"claimed\":\"2026-02-27T15:30:00Z\",\"type\":\"aware\",\"first_event\":\"e1\"}\n"
		"{\"id\":\"c\",\"at\":\"2026-02-27T17:00:00Z\",\"type\":\"corrected\",\"ref\":\"a\",\"claimed\":\"2026-02-27T15:00:00Z\"}\n"
		"{\"id\":\"r\",\"at\":\"2026-02-27T16:10:00Z\",\"type\":\"reported\",\"note\":\"by telephone\",\"level\":3}\n"
		"{\"id\":\"e1\",\"at\":\"2026-02-28T00:00:00Z\",\"type\":\"entry\",\"entries\":{\"scope\":\"old\",\"cause\":\"x\"}}\n"
		"{\"id\":\"e2\",\"at\":\"2026-02-28T00:00:01Z\",\"type\":\"entry\",\"entries\":{\"scope\":\"new\"}}\n"
		"{\"id\":\"e3\",\"at\":\"2026-02-28T00:00:02Z\",\"type\":\"entry\",\"tlp\":\"red\",\"entries\":{\"scope\":\"secret\"}}\n"
		"{\"id\":\"e4\",\"at\":\"2026-02-28T00:00:03Z\",\"type\":\"entry\",\"by\":\"reporter\",\"claimed\":\"2027-01-01T00:00:00Z\",\"entries\":{\"scope\":\"future\"}}\n";
	struct desk_view v = view_of(facts);
	struct form_about x;
	struct form f = fill(&v, "first-report", &x);

	EQ_STR(value(&f, "organisation"), S("市立醫院"), "from the register");
	EQ_STR(value(&f, "claimed"), S("2026-02-27 23:00 (Asia/Taipei) 民國 115 年 2 月 27 日"), "a time as corrected, by the wall there, in its own years");
	EQ_STR(value(&f, "description"), S("by telephone"), "the first source that has something");
	OK(str_starts(value(&f, "level"), S("第三級")), "the level: %.*s", STR(value(&f, "level")));
	missing_of(&f, "measures support ", "what nobody can derive is missing");
	f = fill(&v, "final-report", &x);
	EQ_STR(value(&f, "scope"), S("new"), "the latest entry, but none that is marked beyond incidents, and none that does not count");
	EQ_STR(value(&f, "occurred"), S("e1"), "a member of a fact");
	missing_of(&f, "times control measures schedule ", "times lack the end of the damage");
	v = view_of("{\"id\":\"a\",\"at\":\"2026-02-27T16:00:00Z\",\"type\":\"aware\"}\n{\"id\":\"d\",\"at\":\"2026-02-27T17:00:00Z\",\"type\":\"recovered\"}\n");
	f = fill(&v, "final-report", &x);
	missing_of(&f, "scope control cause measures schedule ", "recovered ends it too");
}

static void pages(void)
{
	struct desk_view v = view_of("{\"id\":\"e\",\"at\":\"2026-02-28T00:00:00Z\",\"type\":\"entry\",\"entries\":{\"scope\":\"<img src=x onerror=alert(1)>\\u202e\\u0007&\\\"'\"}}\n");
	struct form_about x;
	struct form f = fill(&v, "final-report", &x);
	struct buf b;

	x.exercise = true;
	buf_init(&b, 1 << 20);
	form_html(&f, &b);
	OK(str_find(buf_view(&b), S("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;"), 0) != SIZE_MAX && str_find(buf_view(&b), S("<img"), 0) == SIZE_MAX, "escaped");
	OK(str_find(buf_view(&b), S("\xE2\x80\xAE"), 0) == SIZE_MAX && str_find(buf_view(&b), S("\a"), 0) == SIZE_MAX, "nothing turns or rings");
	OK(str_find(buf_view(&b), S("演練 EXERCISE"), 0) != SIZE_MAX, "a drill says so");
	OK(str_find(buf_view(&b), S("未填 / missing"), 0) != SIZE_MAX, "and what is missing");
	buf_clear(&b);
	form_text(&f, true, &b);
	OK(str_find(buf_view(&b), S("*** EXERCISE 演練 ***\n調查"), 0) == 0 && str_find(buf_view(&b), S("影響之範圍及損害評估 (scope)\n"), 0) != SIZE_MAX, "as text");
	buf_done(&b);
}

static void observables(void)
{
	static const char facts[] =
		"{\"id\":\"1\"," "\"at\":\"2026-03-01T00:00:01Z\",\"type\":\"observable\",\"kind\":\"ipv4\",\"value\":\"203.0.113.1\",\"role\":\"attacker\",\"tlp\":\"red\"}\n"
		"{\"id\":\"2\",\"at\":\"2026-03-01T00:00:02Z\",\"type\":\"observable\",\"kind\":\"ipv4\",\"value\":\"203.0.113.1\",\"role\":\"other\",\"tlp\":\"green\",\"indicator\":\"indicator--x\"}\n"
		"{\"id\":\"3\",\"at\":\"2026-03-01T00:00:03Z\",\"type\":\"observable\",\"kind\":\"host\",\"value\":\"HIS-db\",\"role\":\"victim\"}\n"
		"{\"id\":\"4\",\"at\":\"2026-03-01T00:00:04Z\",\"type\":\"observable\",\"kind\":\"host\",\"value\":\"pc\",\"role\":\"victim\",\"tlp\":\"pink\"}\n"
		"{\"id\":\"5\",\"at\":\"2026-03-01T00:00:05Z\",\"type\":\"observable\",\"kind\":\"host\"}\n"
		"{\"id\":\"6\",\"at\":\"2026-03-03T00:00:00Z\",\"type\":\"observable\",\"kind\":\"host\",\"value\":\"later\"}\n";
	struct desk_view v = view_of(facts);
	struct observed *o;
	struct err err = { 0 };
	size_t n = 0;
	usec at = 0;

	(void)!time_parse(S("2026-03-02T00:00:00Z"), &at, NULL, &err);
	OK(observed_list(a, &v.facts, at, TLP_RED, &o, &n, &err) == RC_OK && n == 3, "each value once, and only what was known: %zu", n);
	OK(o[2].role == OBSERVED_OTHER && o[2].tlp == TLP_RED && o[2].times == 2 && str_eq(o[2].indicator, S("indicator--x")), "the latest role, the strictest marking");
	OK(o[1].tlp == TLP_RED && o[0].tlp == OBSERVED_UNMARKED, "a marking that is none is the strictest");
	OK(observed_tells_victim(o, n, S("Mill"), S("seen at his-DB.local")), "a victim's host inside a text");
	OK(observed_tells_victim(o, n, S("Mill"), S("the mill's door")), "and its name");
	OK(!observed_tells_victim(o, n, S("Mill"), S("203.0.113.1 of pc makers")) && !observed_tells_victim(o, n, S(""), S("")), "but nothing else");
}

/* A pack of the program with another text in one place. */
static void wrong(const char *part, const char *from, const char *to, const char *says)
{
	const struct pack *p = desk_pack(desk, S("generic"));
	struct err err = { 0 };
	struct buf b, c;
	size_t at;

	buf_init(&b, PACK_BYTES_MAX);
	buf_init(&c, PACK_BYTES_MAX);
	json_print(p->source, &b);
	at = str_find(buf_view(&b), str_of(from), 0);
	if (!OK(at != SIZE_MAX, "%s: %s is there", part, from))
		return;
	buf_str(&c, str_slice(buf_view(&b), 0, at));
	buf_cstr(&c, to);
	buf_str(&c, str_slice(buf_view(&b), at + strlen(from), b.n));
	OK(pack_parse(a, "p", buf_view(&c), &p, &err) == RC_BAD && str_find(str_of(err.text), str_of(says), 0) != SIZE_MAX, "%s: %s", part, err.text);
	buf_done(&b);
	buf_done(&c);
}

int main(void)
{
	struct err err = { 0 };

	a = arena_new((size_t)1 << 28);
	if (!OK(desk_new(NULL, &desk, &err) == RC_OK, "a desk"))
		return tap_done();
	fields();
	pages();
	observables();
	wrong("source", "\"from\":[\"aware.time\"]", "\"from\":[\"nobody.time\"]", "expected incident.number");
	wrong("fact", "\"for\":\"final_report\"", "\"for\":\"dreamt\"", "expected the name of a fact");
	wrong("field twice", "\"id\":\"claimed\"", "\"id\":\"organisation\"", "a second field");
	wrong("form twice", "\"id\":\"final-report\"", "\"id\":\"first-report\"", "a second form");
	wrong("member", "\"required\":true", "\"requird\":true", "requird");
	wrong("view of nobody", "\"role\":\"investigator\"", "\"role\":\"spy\"", "no role");
	wrong("view twice", "\"role\":\"responder\",\"facts\"", "\"role\":\"investigator\",\"facts\"", "a second row");
	wrong("clocks", "\"clocks\":\"own\"", "\"clocks\":\"some\"", "expected own or all");
	wrong("refers", "\"on\":\"acknowledged\",\"refers\":true},\"each\":true", "\"on\":\"acknowledged\",\"refers\":true},\"each\":false", "refers");
	desk_free(desk);
	arena_free(a);
	return tap_done();
}
