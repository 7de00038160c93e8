/* The witness index finds what trying every rule finds: over events that are made of the rules' own values (all
 * SigmaHQ rules when they are there, else a few of ours), whole, cut, in other case, escaped otherwise, in arrays. */
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "engine_world.h"
#include "material.h"
#include "tap.h"

#define EVENTS 12000
#define FIELDS_IN_EVENT 24

static uint64_t seed = 20260101;

static uint32_t pick(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

struct draft {
	struct { struct str name; char value[600]; size_t n; int form; } f[FIELDS_IN_EVENT];
	size_t n;
};

static void put(struct draft *d, size_t at, struct str s)
{
	size_t room = sizeof d->f[0].value - d->f[at].n, n = s.n < room ? s.n : room;

	memcpy(d->f[at].value + d->f[at].n, s.p, n);
	d->f[at].n += n;
}

static size_t field_of(struct draft *d, struct str name)
{
	for (size_t i = 0; i < d->n; i++)
		if (str_eq(d->f[i].name, name))
			return i;
	if (d->n == FIELDS_IN_EVENT)
		return SIZE_MAX;
	d->f[d->n].name = name;
	d->f[d->n].n = 0;
	d->f[d->n].form = (int)pick(12);
	return d->n++;
}

static struct str renamed(const struct taxonomy_variant *v, struct str name)
{
	for (uint32_t i = 0; v != NULL && i < v->n_maps; i++)
		if (str_eq(v->maps[i].rule, name))
			return v->maps[i].event;
	return name;
}

/* Makes the test hold, mostly. */
static void draft_test(struct draft *d, const struct sigma_test *t, const struct taxonomy_variant *v)
{
	static const char *const fillers[] = { "", "", "x", " ", "C:\\x ", "\xc3\xa9", "--" };
	size_t at = field_of(d, t->field.n == 0 ? S("Message") : renamed(v, t->field));
	char number[40];

	if (at == SIZE_MAX)
		return;
	if (t->op == SIGMA_NUMBER || t->op == SIGMA_BOOL) {
		d->f[at].n = 0;
		put(d, at, t->op == SIGMA_BOOL ? (t->number != 0 ? S("true") : S("false")) :
			   str_make(number, (size_t)snprintf(number, sizeof number, "%.15g", t->number)));
		return;
	}
	if (t->op == SIGMA_CIDR)
		put(d, at, str_slice(t->text, 0, str_find(t->text, S("/"), 0)));
	if (t->op == SIGMA_REGEX)
		put(d, at, t->text);
	for (uint32_t i = 0; t->op == SIGMA_MATCH && i < t->n_pieces; i++) {
		if (t->pieces[i].kind == SIGMA_LITERAL)
			put(d, at, pick(40) == 0 ? str_slice(t->pieces[i].text, 1, t->pieces[i].text.n) : t->pieces[i].text);
		else if (t->pieces[i].kind == SIGMA_ONE)
			put(d, at, S("\xc3\xa9"));
		else
			put(d, at, str_of(fillers[pick(COUNTOF(fillers))]));
	}
}

static void draft_tree(struct draft *d, const struct sigma_node *n, const struct taxonomy_variant *v, unsigned depth)
{
	if (n->kind == SIGMA_TEST)
		draft_test(d, n->test, v);
	if (n->kind == SIGMA_NOT && pick(8) > 0)
		return;
	if (depth > 20 || n->n_kids == 0)
		return;
	if (n->kind == SIGMA_OR)
		draft_tree(d, n->kids[pick(n->n_kids)], v, depth + 1);
	else
		for (uint32_t i = 0; i < n->n_kids; i++)
			if (pick(30) > 0)
				draft_tree(d, n->kids[i], v, depth + 1);
}

static void print_value(struct buf *b, struct str s, int form)
{
	buf_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (form == 1 && c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		if (form == 2 && (unsigned char)c < 128 && i % 3 == 0)
			buf_fmt(b, "\\u%04x", (unsigned)c);
		else if (c == '"' || c == '\\')
			buf_fmt(b, "\\%c", c);
		else if ((unsigned char)c < ' ')
			buf_fmt(b, "\\u%04X", (unsigned)c);
		else
			buf_char(b, c);
	}
	buf_char(b, '"');
}

static bool is_number(struct str s)
{
	double v;

	return number_parse(s, &v);
}

static void print_draft(struct buf *b, const struct draft *d)
{
	buf_char(b, '{');
	for (size_t i = 0; i < d->n; i++) {
		struct str s = str_make(d->f[i].value, d->f[i].n);

		if (!utf8_valid(s, NULL))
			s.n = 0;
		if (i > 0)
			buf_char(b, ',');
		print_value(b, d->f[i].name, 0);
		buf_char(b, ':');
		if (d->f[i].form == 3)
			buf_cstr(b, "[null,1,");
		if (d->f[i].form == 4 && pick(4) == 0)
			buf_cstr(b, "null");
		else if (d->f[i].form == 5 && is_number(s) && s.p[0] != '0')
			buf_str(b, s);
		else
			print_value(b, s, d->f[i].form);
		if (d->f[i].form == 3)
			buf_char(b, ']');
	}
	buf_char(b, '}');
}

static void make_event(const struct world *w, const struct taxonomy *t, struct buf *out)
{
	static struct draft d;
	const struct taxonomy_variant *v = t == NULL || t->n == 0 || pick(4) == 0 ? NULL : &t->variants[pick(t->n)];

	d.n = 0;
	for (uint32_t rules = 1 + pick(2), tries = 0; rules > 0 && tries < 4000; tries++) {
		const struct sigma_rule *r = &w->set->rules[pick(w->set->n_rules)];

		if (r->kind != SIGMA_RULE || (v != NULL && !taxonomy_applies(&r->source, v)))
			continue;
		draft_tree(&d, r->detection, v, 0);
		rules--;
	}
	if (v != NULL)
		draft_tree(&d, v->when, NULL, 0);
	buf_clear(out);
	print_draft(out, &d);
}

static bool same(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof *a) == 0);
}

static void run_events(struct world *w, const struct taxonomy *t)
{
	static uint32_t first[ENGINE_MATCHES_MAX];
	struct buf line;
	size_t wrong = 0, matches = 0, bad = 0, with = 0;
	struct engine_stats stats;

	buf_init(&line, (size_t)1 << 20);
	for (int i = 0; i < EVENTS; i++) {
		const uint32_t *found;
		int n, m;

		make_event(w, t, &line);
		n = world_run(w, buf_view(&line), &found);
		if (n < 0) {
			bad++;
			continue;
		}
		memcpy(first, found, (size_t)n * sizeof *found);
		m = (int)engine_run_all(w->engine, w->flat, &found);
		matches += (size_t)n;
		with += n > 0;
		if (!same(first, (size_t)n, found, (size_t)m)) {
			if (wrong++ == 0)
				printf("# %d matches and not %d: %.*s\n", n, m, STR(buf_view(&line)));
		}
		if (i % 3 == 0) { /* again, from the memories */
			n = world_run(w, buf_view(&line), &found);
			wrong += !same(found, (size_t)n, first, (size_t)n) || n != m;
		}
	}
	engine_stats(w->engine, &stats);
	OK(bad == 0, "events are well formed");
	OK(wrong == 0, "%zu matches in %zu of %d events, the same by both ways", matches, with, EVENTS);
	OK(with > EVENTS / 3, "most events match something");
	OK(stats.unrouted > 0 && stats.cache_hits > 0 && stats.cache_misses > 0, "all paths were taken");
	buf_done(&line);
}

int main(void)
{
	static const char *const names[] = { "sigma/rules", "sigma/rules-emerging-threats", "sigma/rules-threat-hunting" };
	static char paths[3][4096];
	const char *list[3] = { paths[0], paths[1], paths[2] };
	const struct taxonomy *t = NULL;
	struct world w = { .arena = arena_new((size_t)1 << 30) };
	struct err err = { 0 };

	for (int i = 0; i < 3; i++) {
		if (!material(names[i], paths[i])) {
			SKIP("../shared/data is not there", "all rules");
			return tap_done();
		}
	}
	OK(sigma_load(w.arena, list, 3, NULL, &w.set, &err) == RC_OK && taxonomy_load(w.arena, NULL, &t, &err) == RC_OK &&
	   world_start(&w, t, &err) == RC_OK, "%u rules %s", w.set == NULL ? 0 : w.set->loaded, err.text);
	if (w.flat != NULL)
		run_events(&w, t);
	world_done(&w);
	return tap_done();
}
