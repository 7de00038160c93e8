/* The end of reading: filters are joined to their rules, names in correlations become slots, correlations are ordered
 * behind what they name, and everything is laid out as a set. */
#include "base/mem.h"
#include "detect/sigma_int.h"

#define CHAIN_MAX 100 /* correlations on correlations */

struct end {
	struct sigma_doc d; /* only for its arena and error */
	struct sigma_reader *r;
	struct map *ids, *names;
	struct sigma_rule *rules;
	uint32_t n;
};

static struct sigma_draft *find(const struct end *e, struct str ref)
{
	uint64_t p;

	if (!map_get(e->ids, ref, &p) && !map_get(e->names, ref, &p))
		return NULL;
	return (struct sigma_draft *)(uintptr_t)p;
}

static enum rc add_reason(struct end *e, struct sigma_report *report, struct str text)
{
	report->reason = report->reason.n == 0 ? arena_dup(e->r->a, text) :
		arena_fmt(e->r->a, "%.*s; %.*s", STR(report->reason), STR(text));
	return report->reason.p == NULL ? sigma_nomem(&e->d) : RC_OK;
}

static enum rc refuse(struct end *e, struct sigma_draft *t, enum sigma_verdict verdict, struct str text)
{
	t->report->verdict = verdict;
	t->report->reason = text;
	return text.p == NULL ? sigma_nomem(&e->d) : RC_OK;
}

static enum rc index_draft(struct end *e, struct sigma_draft *t)
{
	struct str keys[2] = { t->rule.id, t->rule.name };

	for (int i = 0; i < 2; i++) {
		struct map *m = i == 0 ? e->ids : e->names;
		uint64_t p;

		if (keys[i].n == 0)
			continue;
		if (map_get(m, keys[i], &p)) {
			const struct sigma_draft *other = (const struct sigma_draft *)(uintptr_t)p;
			struct str text = arena_fmt(e->r->a, "%s is also that of %.*s:%u", i == 0 ? "the id" : "the name", STR(other->rule.file),
				other->rule.line);

			if (text.p == NULL)
				return sigma_nomem(&e->d);
			if (t->report->verdict == SIGMA_LOADED)
				TRY(add_reason(e, t->report, text));
			continue;
		}
		if (map_put(m, keys[i], (uint64_t)(uintptr_t)t) != RC_OK)
			return sigma_nomem(&e->d);
	}
	return RC_OK;
}

/* ---- filters ---- */

static bool covers(const struct sigma_logsource *filter, const struct sigma_logsource *rule)
{
	return (filter->product.n == 0 || str_eq_nocase(filter->product, rule->product)) &&
	       (filter->category.n == 0 || str_eq_nocase(filter->category, rule->category)) &&
	       (filter->service.n == 0 || str_eq_nocase(filter->service, rule->service));
}

static enum rc filter_one(struct end *e, const struct sigma_filter *f, struct sigma_draft *t, uint32_t *count)
{
	const struct sigma_node *both[2] = { t->rule.detection, f->node };

	if (t->rule.kind != SIGMA_RULE || t->report->verdict == SIGMA_REFUSED || !covers(&f->source, &t->rule.source))
		return RC_OK;
	(*count)++;
	if (t->report->verdict != SIGMA_LOADED)
		return RC_OK;
	if (t->size + f->size + 1 > SIGMA_NODES_MAX) {
		struct str text = arena_fmt(e->r->a, "with its filters the rule becomes more than %d tests", SIGMA_NODES_MAX);

		return refuse(e, t, SIGMA_REFUSED, text);
	}
	t->size += f->size + 1;
	return sigma_group(&e->d, SIGMA_AND, both, 2, &t->rule.detection);
}

static enum rc filters(struct end *e)
{
	for (struct sigma_filter *f = e->r->filters; f != NULL; f = f->next) {
		uint32_t count = 0;
		struct str text;

		for (struct sigma_draft *t = f->any ? e->r->first : NULL; t != NULL; t = t->next)
			TRY(filter_one(e, f, t, &count));
		for (uint32_t i = 0; !f->any && i < f->n_rules; i++) {
			struct sigma_draft *t = find(e, f->rules[i]);
			uint32_t before = count;

			if (t != NULL)
				TRY(filter_one(e, f, t, &count));
			if (count > before)
				continue;
			text = arena_fmt(e->r->a, "%s \"%.*s\"", t == NULL ? "there is no rule" : t->rule.kind == SIGMA_CORRELATION ?
				"filters do not apply to correlations:" : "the log source is not that of rule", STR(f->rules[i]));
			if (text.p == NULL)
				return sigma_nomem(&e->d);
			TRY(add_reason(e, f->report, text));
		}
		f->report->verdict = SIGMA_IGNORED;
		text = arena_fmt(e->r->a, "a filter, joined to %u rule%s", count, count == 1 ? "" : "s");
		if (text.p == NULL)
			return sigma_nomem(&e->d);
		TRY(add_reason(e, f->report, text));
	}
	return RC_OK;
}

/* ---- correlations ---- */

static enum rc resolve(struct end *e, struct sigma_draft *t, unsigned depth);

/* The rule that a correlation names is in the set; otherwise the correlation is not. */
static enum rc resolve_name(struct end *e, struct sigma_draft *t, struct str name, unsigned depth, uint32_t *ret)
{
	struct sigma_draft *of = find(e, name);
	struct arena *a = e->r->a;

	if (of == NULL)
		return refuse(e, t, SIGMA_REFUSED, arena_fmt(a, "there is no rule \"%.*s\"", STR(name)));
	if (of->state == DRAFT_OPEN)
		return refuse(e, t, SIGMA_REFUSED, arena_fmt(a, "\"%.*s\" leads back to this correlation", STR(name)));
	if (depth >= CHAIN_MAX)
		return refuse(e, t, SIGMA_REFUSED, arena_fmt(a, "a chain of more than %d correlations", CHAIN_MAX));
	TRY(resolve(e, of, depth + 1));
	if (of->report->verdict != SIGMA_LOADED) {
		bool list = of->report->verdict == SIGMA_NEEDS_LIST;

		return refuse(e, t, of->report->verdict, arena_fmt(a, "rule \"%.*s\", which it names, %s", STR(name), list ? "needs a list" : "is refused"));
	}
	*ret = of->slot;
	return RC_OK;
}

static enum rc alias_fields(struct end *e, struct sigma_draft *t, struct sigma_corr *c)
{
	const struct sigma_wants *w = t->wants;
	struct sigma_alias *list = arena_array(e->r->a, c->n_aliases + 1u, sizeof *list);

	if (list == NULL)
		return sigma_nomem(&e->d);
	for (uint32_t i = 0; i < c->n_aliases; i++) {
		struct str *fields = arena_array(e->r->a, c->n_rules, sizeof *fields);

		if (fields == NULL)
			return sigma_nomem(&e->d);
		for (uint32_t k = 0; k < c->n_rules; k++)
			fields[k] = S("");
		list[i] = (struct sigma_alias){ c->aliases[i].name, fields };
		for (uint32_t m = 0; m < w->n_mapped; m++) {
			const struct sigma_draft *of = find(e, w->mapped[m].rule);
			bool found = false;

			if (w->mapped[m].alias != i)
				continue;
			for (uint32_t k = 0; k < c->n_rules && of != NULL; k++) {
				if (c->rules[k] != of->slot || of->state != DRAFT_DONE || of->report->verdict != SIGMA_LOADED)
					continue;
				fields[k] = w->mapped[m].field;
				found = true;
			}
			if (!found)
				return refuse(e, t, SIGMA_REFUSED, arena_fmt(e->r->a, "alias \"%.*s\": \"%.*s\" is none of its rules", STR(list[i].name),
					STR(w->mapped[m].rule)));
		}
	}
	c->aliases = list;
	return RC_OK;
}

static enum rc resolve_corr(struct end *e, struct sigma_draft *t, unsigned depth)
{
	struct sigma_corr *c = &t->wants->corr;
	uint32_t *slots = arena_array(e->r->a, t->wants->n, sizeof *slots);

	if (slots == NULL)
		return sigma_nomem(&e->d);
	for (uint32_t i = 0; i < t->wants->n && t->report->verdict == SIGMA_LOADED; i++)
		TRY(resolve_name(e, t, t->wants->names[i], depth, &slots[i]));
	if (t->report->verdict != SIGMA_LOADED)
		return RC_OK;
	c->rules = slots;
	c->n_rules = t->wants->n;
	TRY(alias_fields(e, t, c));
	t->rule.corr = t->report->verdict == SIGMA_LOADED ? c : NULL;
	return RC_OK;
}

/* Puts a draft into the set, behind those that it names. */
static enum rc resolve(struct end *e, struct sigma_draft *t, unsigned depth)
{
	if (t->state == DRAFT_DONE)
		return RC_OK;
	t->state = DRAFT_OPEN;
	if (t->wants != NULL && t->report->verdict == SIGMA_LOADED)
		TRY(resolve_corr(e, t, depth));
	t->state = DRAFT_DONE;
	if (t->report->verdict != SIGMA_LOADED)
		return RC_OK;
	t->slot = e->n;
	e->rules[e->n++] = t->rule;
	return RC_OK;
}

/* What a correlation names makes no matches of its own, unless some correlation that names it says `generate`. */
static void hide(struct end *e)
{
	for (int generated = 0; generated < 2; generated++)
		for (const struct sigma_draft *t = e->r->first; t != NULL; t = t->next)
			for (uint32_t i = 0; t->rule.corr != NULL && t->wants->generate == generated && i < t->rule.corr->n_rules; i++)
				e->rules[t->rule.corr->rules[i]].hidden = !generated;
}

static enum rc lay_out(struct end *e, struct sigma_set *set)
{
	struct sigma_report *reports = arena_array(e->r->a, e->r->n_reports + 1u, sizeof *reports);

	if (reports == NULL)
		return sigma_nomem(&e->d);
	for (const struct sigma_report_item *i = e->r->reports; i != NULL; i = i->next) {
		reports[set->n_reports++] = i->report;
		set->loaded += i->report.verdict == SIGMA_LOADED;
		set->need_list += i->report.verdict == SIGMA_NEEDS_LIST;
		set->refused += i->report.verdict == SIGMA_REFUSED;
	}
	set->reports = reports;
	set->rules = e->rules;
	set->n_rules = e->n;
	return RC_OK;
}

static enum rc finish(struct end *e, struct sigma_set *set)
{
	e->rules = arena_array(e->r->a, e->r->n_drafts + 1u, sizeof *e->rules);
	if (set == NULL || e->rules == NULL || e->ids == NULL || e->names == NULL)
		return sigma_nomem(&e->d);
	for (struct sigma_draft *t = e->r->first; t != NULL; t = t->next)
		TRY(index_draft(e, t));
	TRY(filters(e));
	for (int corr = 0; corr < 2; corr++)
		for (struct sigma_draft *t = e->r->first; t != NULL; t = t->next)
			if ((t->wants != NULL) == corr)
				TRY(resolve(e, t, 0));
	hide(e);
	return lay_out(e, set);
}

enum rc sigma_reader_end(struct sigma_reader *r, const struct sigma_set **ret, struct err *err)
{
	CLEANUP(map_freep) struct map *ids = map_new(SIGMA_RULES_MAX + 1);
	CLEANUP(map_freep) struct map *names = map_new(SIGMA_RULES_MAX + 1);
	struct end e = { .d = { .r = r, .a = r->a, .scratch = r->scratch }, .r = r, .ids = ids, .names = names };
	struct sigma_set *set = arena_alloc(r->a, sizeof *set);
	enum rc rc = finish(&e, set);

	if (rc != RC_OK)
		return FAIL(err, rc, "%s", e.d.err.text);
	*ret = set;
	return RC_OK;
}
