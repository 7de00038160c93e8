/* Documents of files, one after the other: rules, correlations, filters, and the `action:` documents of old. Each leaves
 * a report, whatever became of it. A fault ends its document only. */
#include "base/hash.h"
#include "base/mem.h"
#include "detect/sigma_int.h"

#define SCRATCH_MAX ((size_t)512 << 20)
#define STRINGS_MAX 1000000

enum rc sigma_reader_new(struct arena *a, struct sigma_reader **ret, struct err *err)
{
	struct sigma_reader *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "sigma: no memory");
	r->a = a;
	r->scratch = arena_new(SCRATCH_MAX);
	r->drafts = arena_new(SCRATCH_MAX);
	r->strings = map_new(STRINGS_MAX);
	r->off = map_new(SIGMA_RULES_MAX);
	r->seen = map_new(SIGMA_RULES_MAX);
	if (r->scratch == NULL || r->drafts == NULL || r->strings == NULL || r->off == NULL || r->seen == NULL) {
		sigma_reader_free(r);
		return FAIL(err, RC_NOMEM, "sigma: no memory");
	}
	*ret = r;
	return RC_OK;
}

void sigma_reader_free(struct sigma_reader *r)
{
	if (r == NULL)
		return;
	sigma_pool_done(&r->pool);
	arena_free(r->scratch);
	arena_free(r->drafts);
	map_free(r->strings);
	map_free(r->off);
	map_free(r->seen);
	mem_free(r);
}

void sigma_reader_freep(struct sigma_reader **r)
{
	sigma_reader_free(*r);
}

enum rc sigma_reader_placeholder(struct sigma_reader *r, struct str name, const struct str *values, size_t n, struct err *err)
{
	struct sigma_placeholder *p = arena_alloc(r->a, sizeof *p);
	struct str *copies = arena_array(r->a, n + 1, sizeof *copies);

	if (p == NULL || copies == NULL)
		return FAIL(err, RC_NOMEM, "sigma: no memory");
	for (size_t i = 0; i < n; i++) {
		copies[i] = arena_dup(r->a, values[i]);
		if (copies[i].p == NULL)
			return FAIL(err, RC_NOMEM, "sigma: no memory");
	}
	*p = (struct sigma_placeholder){ arena_dup(r->a, name), copies, n, r->placeholders };
	if (p->name.p == NULL)
		return FAIL(err, RC_NOMEM, "sigma: no memory");
	r->placeholders = p;
	return RC_OK;
}

/* Every document leaves one. */
static enum rc report_new(struct sigma_doc *d, uint32_t line, struct sigma_report **ret)
{
	struct sigma_reader *r = d->r;
	struct sigma_report_item *i = arena_alloc(r->drafts, sizeof *i);

	if (i == NULL)
		return sigma_nomem(d);
	i->report = (struct sigma_report){ .file = d->file, .line = line, .verdict = SIGMA_LOADED, .id = S(""), .title = S(""), .reason = S("") };
	*(r->last_report == NULL ? &r->reports : &r->last_report->next) = i;
	r->last_report = i;
	r->n_reports++;
	*ret = &i->report;
	return RC_OK;
}

static enum rc reason(struct sigma_doc *d, struct sigma_report *report, struct str text)
{
	report->reason = arena_dup(d->a, text);
	return report->reason.p == NULL ? sigma_nomem(d) : RC_OK;
}

/* Verdict and words of a document that was read, well or badly. */
static enum rc conclude(struct sigma_doc *d, enum rc rc, struct sigma_report *report)
{
	if (rc == RC_NOMEM || d->remarks.bad == RC_NOMEM || d->missing.bad == RC_NOMEM)
		return sigma_nomem(d);
	if (rc != RC_OK) {
		report->verdict = SIGMA_REFUSED;
		report->line = d->line > 0 ? d->line : report->line;
		return reason(d, report, str_of(d->err.text));
	}
	if (d->missing.n > 0) {
		report->verdict = SIGMA_NEEDS_LIST;
		report->reason = arena_fmt(d->a, "needs a list for %.*s", STR(buf_view(&d->missing)));
		return report->reason.p == NULL ? sigma_nomem(d) : RC_OK;
	}
	return reason(d, report, buf_view(&d->remarks));
}

static enum rc draft_new(struct sigma_doc *d, const struct yaml *y, struct sigma_report *report, struct sigma_draft **ret)
{
	struct sigma_draft *t = arena_alloc(d->r->drafts, sizeof *t);

	if (t == NULL)
		return sigma_nomem(d);
	t->report = report;
	t->rule.file = d->file;
	t->rule.line = y->line;
	*ret = t;
	TRY(sigma_meta(d, y, &t->rule));
	report->id = t->rule.id;
	report->title = t->rule.title;
	return RC_OK;
}

static void draft_keep(struct sigma_reader *r, struct sigma_draft *t)
{
	*(r->last == NULL ? &r->first : &r->last->next) = t;
	r->last = t;
	r->n_drafts++;
}

enum rc sigma_reader_leave_out(struct sigma_reader *r, struct str id, const char *why, struct err *err)
{
	uint32_t i = 0;

	while (i < r->n_why && strcmp(r->why[i], why) != 0)
		i++;
	if (i == COUNTOF(r->why))
		i--;
	r->why[i] = why;
	r->n_why = i == r->n_why ? i + 1 : r->n_why;
	return map_put(r->off, id, i) == RC_OK ? RC_OK : FAIL(err, RC_LIMIT, "sigma: too many rules are left out");
}

void sigma_reader_layer(struct sigma_reader *r)
{
	r->layer++;
}

/* NULL: it is to be read. */
static const char *left_out(struct sigma_reader *r, struct str id)
{
	uint64_t found;

	if (id.n == 0)
		return NULL;
	if (map_get(r->off, id, &found))
		return r->why[found];
	if (map_get(r->seen, id, &found))
		return found < r->layer ? "another rule of this id goes before it" : NULL;
	(void)!map_put(r->seen, id, r->layer); /* full: both are read, as within one layer */
	return NULL;
}

static enum rc rule(struct sigma_doc *d, const struct yaml *y, struct sigma_report *report)
{
	struct sigma_draft *t;
	const struct yaml *detection = yaml_get(y, S("detection"));
	const char *off;

	TRY(draft_new(d, y, report, &t));
	off = left_out(d->r, t->rule.id.n > 0 ? t->rule.id : t->rule.title);
	if (off != NULL) {
		report->verdict = SIGMA_OFF;
		return reason(d, report, str_of(off));
	}
	/* Kept whatever becomes of it: correlations that name it can say so. */
	draft_keep(d->r, t);
	if (yaml_get(y, S("correlation")) != NULL) {
		TRY(sigma_correlation(d, y, t));
	} else {
		if (detection == NULL)
			return SIGMA_BAD(d, y, 0, "no detection");
		TRY(sigma_source(d, yaml_get(y, S("logsource")), &t->rule.source));
		TRY(sigma_detection(d, detection, NULL, &t->rule.detection));
		t->size = d->size;
	}
	return RC_OK;
}

static enum rc filter(struct sigma_doc *d, const struct yaml *y, struct sigma_report *report)
{
	static const char *const skip[] = { "rules", NULL };
	const struct yaml *map = yaml_get(y, S("filter")), *rules;
	struct sigma_filter *f = arena_alloc(d->a, sizeof *f);
	struct sigma_rule meta = { .file = d->file };

	if (f == NULL)
		return sigma_nomem(d);
	TRY(sigma_meta(d, y, &meta));
	report->id = meta.id;
	report->title = meta.title;
	rules = yaml_get(map, S("rules"));
	if (map->kind != YAML_MAP)
		return SIGMA_BAD(d, map, 0, "the filter is no map");
	if (rules == NULL || rules->kind == YAML_MAP)
		return SIGMA_BAD(d, map, 0, "the filter does not say which rules it is for");
	/* An empty list is "any", as in pySigma. */
	f->any = (rules->kind == YAML_TEXT && str_eq_nocase(rules->text, S("any"))) || (rules->kind == YAML_LIST && rules->n == 0);
	TRY(sigma_strings(d, rules, "rules", &f->rules, &f->n_rules));
	TRY(sigma_source(d, yaml_get(y, S("logsource")), &f->source));
	TRY(sigma_detection(d, map, skip, &f->node));
	f->size = d->size;
	f->report = report;
	if (d->missing.n > 0)
		return RC_OK;
	*(d->r->last_filter == NULL ? &d->r->filters : &d->r->last_filter->next) = f;
	d->r->last_filter = f;
	return RC_OK;
}

static bool looks_like_rule(const struct yaml *y)
{
	static const char *const keys[] = { "detection", "correlation", "filter", "logsource", "title", NULL };

	for (size_t i = 0; y->kind == YAML_MAP && keys[i] != NULL; i++)
		if (yaml_get(y, str_of(keys[i])) != NULL)
			return true;
	return false;
}

/* One document that stands for itself. */
static enum rc document(struct sigma_doc *d, const struct yaml *y)
{
	struct sigma_report *report;
	enum rc rc;

	buf_clear(&d->remarks);
	buf_clear(&d->missing);
	d->line = 0;
	d->size = 0;
	d->before = arena_used(d->scratch);
	TRY(report_new(d, y->line, &report));
	if (!looks_like_rule(y)) {
		report->verdict = SIGMA_IGNORED;
		return reason(d, report, y->kind == YAML_NULL ? S("an empty document") : S("no Sigma rule"));
	}
	rc = yaml_get(y, S("filter")) != NULL && yaml_get(y, S("detection")) == NULL ? filter(d, y, report) : rule(d, y, report);
	return rc == RC_OK && report->verdict == SIGMA_OFF ? RC_OK : conclude(d, rc, report);
}

/* `action: global` lays its keys under all documents that follow, `repeat` takes the document before as base, `reset`
 * forgets the global one. */
struct actions {
	const struct yaml *global, *previous;
};

static enum rc act(struct sigma_doc *d, struct actions *s, const struct yaml *y)
{
	const struct yaml *action = yaml_get(y, S("action"));
	struct str word = action == NULL ? S("") : action->text;
	struct sigma_report *report;

	if (word.n == 0 || str_eq(word, S("repeat"))) {
		bool correlation = yaml_get(y, S("correlation")) != NULL || yaml_get(y, S("filter")) != NULL;

		if (!correlation && y->kind == YAML_MAP)
			s->previous = yaml_join(d->scratch, word.n == 0 ? s->global : s->previous, y);
		if (s->previous == NULL && !correlation && y->kind == YAML_MAP)
			return sigma_nomem(d);
		return document(d, correlation || y->kind != YAML_MAP ? y : s->previous);
	}
	TRY(report_new(d, y->line, &report));
	if (str_eq(word, S("global"))) {
		s->global = s->previous = y;
	} else if (str_eq(word, S("reset"))) {
		s->global = NULL;
	} else {
		report->verdict = SIGMA_REFUSED;
		report->line = action->line;
		return reason(d, report, S("unknown action: expected global, reset or repeat"));
	}
	report->verdict = SIGMA_IGNORED;
	return reason(d, report, S("an action for the documents around it"));
}

static enum rc broken(struct sigma_doc *d, uint32_t line, uint32_t column)
{
	struct sigma_report *report;
	char text[ERR_TEXT_MAX + 32];

	TRY(report_new(d, line, &report));
	report->verdict = SIGMA_REFUSED;
	(void)snprintf(text, sizeof text, "column %u: %s", column, d->err.text);
	return reason(d, report, str_of(text));
}

static enum rc documents(struct sigma_doc *d, struct yaml_reader *yr)
{
	struct actions actions = { 0 };
	uint32_t before = d->r->n_reports;

	for (;;) {
		const struct yaml *y;
		uint32_t line = 0, column = 0;
		enum rc rc = yaml_next(yr, &y, &line, &column, &d->err);

		if (d->r->n_drafts >= SIGMA_RULES_MAX)
			return FAIL(&d->err, RC_LIMIT, "sigma: more than %d rules", SIGMA_RULES_MAX);
		if (rc == RC_NOMEM)
			return rc;
		if (rc != RC_OK)
			TRY(broken(d, line, column));
		else if (y == NULL)
			break;
		else
			TRY(act(d, &actions, y));
	}
	if (d->r->n_reports == before) {
		struct sigma_report *report;

		TRY(report_new(d, 1, &report));
		report->verdict = SIGMA_IGNORED;
		return reason(d, report, S("no document"));
	}
	return RC_OK;
}

enum rc sigma_reader_add(struct sigma_reader *r, struct str file, struct str text, struct err *err)
{
	CLEANUP(yaml_reader_freep) struct yaml_reader *yr = NULL;
	struct sigma_doc d = { .r = r, .a = r->a, .scratch = r->scratch, .file = arena_dup(r->a, file) };
	enum rc rc;

	if (text.n > SIGMA_FILE_MAX)
		return FAIL(err, RC_LIMIT, "%.*s: larger than %zu bytes", STR(file), SIGMA_FILE_MAX);
	if (d.file.p == NULL)
		return FAIL(err, RC_NOMEM, "sigma: no memory");
	TRY(yaml_reader_new(r->scratch, text, &yr, err));
	buf_init(&d.remarks, SIGMA_REASON_MAX);
	buf_init(&d.missing, SIGMA_REASON_MAX);
	rc = documents(&d, yr);
	buf_done(&d.remarks);
	buf_done(&d.missing);
	arena_reset(r->scratch);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "%.*s: %s", STR(file), d.err.text);
}

enum rc sigma_reader_unread(struct sigma_reader *r, struct str file, struct str why, struct err *err)
{
	struct sigma_doc d = { .r = r, .a = r->a, .scratch = r->scratch, .file = arena_dup(r->a, file) };
	struct sigma_report *report;
	enum rc rc = d.file.p == NULL ? sigma_nomem(&d) : report_new(&d, 0, &report);

	if (rc == RC_OK) {
		report->verdict = SIGMA_REFUSED;
		rc = reason(&d, report, why);
	}
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "%s", d.err.text);
}
