/* The rules as people see and try them. A text that somebody writes is read by the
 * same reader and judged by the same judge as the rules in force and as
 * `lianfang rules check`; a correlation may name any of the node's rules. */
#include "node/query_int.h"

#include "detect/hunt.h"
#include "detect/rulebook.h"
#include "sys/file.h"

#define RULES_ARENA ((size_t)1 << 30)
#define ROW_MAX ((size_t)256 << 10)
#define EVENT_SHOWN ((size_t)64 << 10)
#define TOLD_MAX 200
#define BUCKETS_MAX 400
#define PROGRESS_EVERY (USEC_PER_SEC / 4)

/* --- one rule as JSON --- */

/* Where it stands, as people know it: behind the folder that the node reads. */
static struct str shown_file(const struct query_asked *a, struct str file, bool *ret_own)
{
	const char *roots[2] = { a->detector->own_rules, a->detector->conf->rules };

	*ret_own = false;
	for (int i = 0; i < 2; i++) {
		struct str root = roots[i] == NULL ? S("") : str_of(roots[i]);

		if (root.n == 0 || !str_starts(file, root) || file.n <= root.n || file.p[root.n] != '/')
			continue;
		*ret_own = i == 0;
		return str_slice(file, root.n + 1, file.n);
	}
	return file;
}

static void put_source(struct jsonw *w, const struct sigma_rule *r)
{
	jsonw_m_str(w, "product", r->source.product);
	jsonw_m_str(w, "category", r->source.category);
	jsonw_m_str(w, "service", r->source.service);
	jsonw_m_cstr(w, "level", sigma_level_name(r->level));
	jsonw_m_str(w, "status", r->status);
	jsonw_m_str(w, "author", r->author);
	jsonw_m_cstr(w, "kind", r->kind == SIGMA_RULE ? "rule" : "correlation");
	jsonw_name(w, "tags");
	jsonw_array(w);
	for (uint32_t i = 0; i < r->n_tags; i++)
		jsonw_str(w, r->tags[i]);
	jsonw_array_end(w);
}

static void put_ruling(const struct query_asked *a, struct jsonw *w, const struct ruling *r)
{
	struct buf reason;
	bool own;

	buf_init(&reason, 1 << 20);
	buf_fmt(&reason, "%.*s%s%.*s", STR(r->reason), r->reason.n > 0 && r->also.n > 0 ? "; " : "", STR(r->also));
	jsonw_object(w);
	jsonw_m_str(w, "id", r->report->id);
	jsonw_m_str(w, "title", r->report->title);
	jsonw_m_cstr(w, "verdict", ruling_name(r->verdict));
	jsonw_m_str(w, "reason", buf_view(&reason));
	jsonw_m_str(w, "file", shown_file(a, r->report->file, &own));
	jsonw_m_int(w, "line", r->report->line);
	jsonw_m_bool(w, "own", own);
	if (r->rule != NULL)
		put_source(w, r->rule);
	jsonw_object_end(w);
	buf_done(&reason);
}

/* --- the catalogue --- */

struct listing {
	struct query_asked *a;
	uint32_t count[SIGMA_OFF + 1];
	struct buf row;
};

static void on_ruling(void *ctx, const struct ruling *r)
{
	struct listing *l = ctx;
	struct jsonw w;

	l->count[r->verdict]++;
	if (r->verdict == SIGMA_IGNORED)
		return;
	buf_clear(&l->row);
	jsonw_init(&w, &l->row);
	put_ruling(l->a, &w, r);
	if (l->row.bad == RC_OK)
		query_row(l->a, buf_view(&l->row));
}

static void put_counts(struct jsonw *w, const uint32_t *count)
{
	for (int v = 0; v <= SIGMA_OFF; v++)
		jsonw_m_int(w, v == SIGMA_NEEDS_LIST ? "needs_list" : ruling_name((enum sigma_verdict)v), count[v]);
}

enum rc query_rules(struct query_asked *a, struct buf *out, struct err *err)
{
	struct listing l = { .a = a };
	struct jsonw w;
	enum rc rc = RC_OK;

	a->name = "rules";
	buf_init(&l.row, ROW_MAX);
	if (a->detector->live != NULL)
		rc = live_rulings(a->detector->live, on_ruling, &l, err);
	buf_done(&l.row);
	TRY(rc);
	if (a->list.n > 0)
		query_send(a, NULL, NULL);
	jsonw_init(&w, out);
	jsonw_object(&w);
	put_counts(&w, l.count);
	jsonw_object_end(&w);
	return RC_OK;
}

/* --- the text of one --- */

struct finding {
	struct str id;
	char file[4200];
	uint32_t line;
	bool found;
	const struct query_asked *a;
	struct buf json;
};

static void on_wanted(void *ctx, const struct ruling *r)
{
	struct finding *f = ctx;
	struct jsonw w;

	/* The first one is in force or was meant to be; what yields to it stands behind. */
	if (f->found || !str_eq(r->report->id.n > 0 ? r->report->id : r->report->title, f->id) || r->report->file.n >= sizeof f->file)
		return;
	f->found = true;
	snprintf(f->file, sizeof f->file, "%.*s", STR(r->report->file));
	f->line = r->report->line;
	jsonw_init(&w, &f->json);
	put_ruling(f->a, &w, r);
}

/* Of a file of several documents the one that the line is in. */
static struct str document_at(struct str text, uint32_t line)
{
	struct str rest = text, one;
	size_t from = 0, at = 0;

	for (uint32_t n = 1; rest.n > 0 && str_next(&rest, '\n', &one); n++) {
		bool border = str_starts(one, S("---"));

		if (border && n > line)
			return str_slice(text, from, at);
		at += one.n + 1;
		if (border)
			from = at < text.n ? at : text.n;
	}
	return str_slice(text, from, text.n);
}

static enum rc put_text(struct finding *f, struct buf *out, struct err *err)
{
	struct buf text;
	struct jsonw w;

	TRY(file_read(f->file, SIGMA_FILE_MAX, &text, err));
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_name(&w, "rule");
	jsonw_raw(&w, buf_view(&f->json));
	jsonw_m_str(&w, "text", document_at(buf_view(&text), f->line));
	jsonw_object_end(&w);
	buf_done(&text);
	return RC_OK;
}

enum rc query_rule(struct query_asked *a, struct buf *out, struct err *err)
{
	struct finding f = { .id = query_text(a, "id"), .a = a };
	enum rc rc = RC_OK;

	buf_init(&f.json, ROW_MAX);
	if (a->detector->live != NULL)
		rc = live_rulings(a->detector->live, on_wanted, &f, err);
	if (rc == RC_OK && !f.found)
		rc = FAIL(err, RC_NOTFOUND, "rule %.*s: there is none of that id", STR(str_slice(f.id, 0, 80)));
	if (rc == RC_OK)
		rc = put_text(&f, out, err);
	buf_done(&f.json);
	return rc;
}

/* --- a text, judged --- */

struct draft {
	struct arena *arena;
	const struct sigma_set *set;
	const struct taxonomy *taxonomy;
	struct engine_image *image;
	const struct ruling *rulings;
};

static void draft_done(struct draft *d)
{
	engine_image_unref(d->image);
	arena_free(d->arena);
}

/* Only a correlation can name others: then all the node's rules are read behind it. */
static enum rc draft_read(const struct query_asked *a, struct draft *d, struct err *err)
{
	struct live_opts live = detector_rules(a->detector);
	struct rulebook_opts o = { .lists = live.lists, .draft = query_text(a, "text") };

	d->arena = arena_new(RULES_ARENA);
	if (d->arena == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	if (str_find(o.draft, S("correlation:"), 0) != SIZE_MAX) {
		o.rules = live.rules;
		o.own = live.own;
	}
	if (str_trim(o.draft).n == 0)
		return FAIL(err, RC_BAD, "the text is empty");
	TRY(rulebook_read(d->arena, &o, &d->set, err));
	TRY(taxonomy_load(d->arena, live.packs, &d->taxonomy, err));
	TRY(engine_image_build(d->set, d->taxonomy, &d->image, err));
	return rulebook_judge(d->arena, d->set, d->taxonomy, d->image, &d->rulings, err);
}

static bool of_draft(struct str file)
{
	return str_eq(file, S(RULEBOOK_DRAFT));
}

enum rc query_check(struct query_asked *a, struct buf *out, struct err *err)
{
	CLEANUP(draft_done) struct draft d = { 0 };
	uint32_t count[SIGMA_OFF + 1] = { 0 };
	struct jsonw w;

	TRY(draft_read(a, &d, err));
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_name(&w, "rules");
	jsonw_array(&w);
	for (uint32_t i = 0; i < d.set->n_reports; i++) {
		if (!of_draft(d.rulings[i].report->file))
			continue;
		count[d.rulings[i].verdict]++;
		put_ruling(a, &w, &d.rulings[i]);
	}
	jsonw_array_end(&w);
	put_counts(&w, count);
	jsonw_object_end(&w);
	return RC_OK;
}

/* --- a text, tried on the past --- */

struct trial {
	struct query_asked *a;
	struct history *h;
	struct hunt_matcher *m;
	struct hunt_opts o;
	struct hunt_stats st;
	struct buf row;
	uint64_t found, bucket[BUCKETS_MAX];
	uint32_t buckets;
	size_t done, all;
	usec began, said;
};

static void put_why(struct jsonw *w, const struct hunt_found *f)
{
	jsonw_name(w, "why");
	jsonw_array(w);
	for (size_t i = 0; i < f->n_why; i++) {
		jsonw_object(w);
		jsonw_m_str(w, "name", f->why[i].field);
		jsonw_m_str(w, "value", str_slice(f->why[i].value, 0, 4096));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_match(struct jsonw *w, const struct hunt_found *f)
{
	jsonw_object(w);
	jsonw_m_time(w, "time", f->at);
	jsonw_m_str(w, "source", f->source);
	jsonw_m_str(w, "rule", f->id);
	jsonw_m_str(w, "title", f->title);
	put_why(w, f);
	if (f->event != NULL) {
		jsonw_m_int(w, "record", (int64_t)f->event->ordinal);
		jsonw_m_cstr(w, "format", log_format_name(f->event->format));
		jsonw_m_str(w, "event", str_slice(f->event->line, 0, EVENT_SHOWN));
	}
	if (f->made != NULL)
		correlated_put(f->made, w);
	jsonw_object_end(w);
}

static bool on_match(void *ctx, const struct hunt_found *f)
{
	struct trial *t = ctx;
	struct jsonw w;

	if (f->rule != NULL && !of_draft(f->rule->file))
		return true;
	if (t->buckets > 0 && f->at >= t->o.since && f->at < t->o.until)
		t->bucket[(uint64_t)((double)(f->at - t->o.since) / (double)(t->o.until - t->o.since) * t->buckets) % t->buckets]++;
	if (t->found++ >= TOLD_MAX)
		return true;
	buf_clear(&t->row);
	jsonw_init(&w, &t->row);
	put_match(&w, f);
	if (t->row.bad == RC_OK)
		query_row(t->a, buf_view(&t->row));
	return true;
}

static void put_trial(struct jsonw *w, const void *of)
{
	const struct trial *t = of;

	jsonw_m_int(w, "blocks", (int64_t)t->all);
	jsonw_m_int(w, "blocks_done", (int64_t)t->done);
	jsonw_m_int(w, "looked_at", (int64_t)t->st.events);
	jsonw_m_int(w, "found", (int64_t)t->found);
	jsonw_name(w, "seconds");
	jsonw_double(w, (double)(time_mono() - t->began) / 1e6);
	if (t->buckets == 0)
		return;
	jsonw_name(w, "buckets");
	jsonw_array(w);
	for (uint32_t i = 0; i < t->buckets; i++)
		jsonw_int(w, (int64_t)t->bucket[i]);
	jsonw_array_end(w);
}

static enum rc try_block(struct trial *t, size_t i, struct buf *bytes, struct err *err)
{
	enum rc rc;

	if (!hunt_may(t->m, history_block(t->h, i)->index, &t->o, &t->st))
		return RC_OK;
	rc = history_read(t->h, i, bytes, err);
	if (rc == RC_CORRUPT || rc == RC_NOTFOUND) {
		t->st.unreadable++;
		return RC_OK;
	}
	TRY(rc);
	return hunt_block(t->m, buf_view(bytes), &t->o, on_match, t, &t->st, err);
}

/* In the order of the history, for correlations count in it. */
static enum rc try_all(struct trial *t, struct err *err)
{
	struct buf bytes;
	enum rc rc = RC_OK;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	for (t->all = history_blocks(t->h); rc == RC_OK && t->done < t->all && query_wanted(t->a); t->done++) {
		rc = try_block(t, t->done, &bytes, err);
		if (time_mono() - t->said < PROGRESS_EVERY)
			continue;
		t->said = time_mono();
		query_send(t->a, put_trial, t);
	}
	buf_done(&bytes);
	return rc == RC_OK ? hunt_end(t->m, on_match, t, &t->st, err) : rc;
}

static enum rc check_draft(const struct draft *d, struct err *err)
{
	bool any = false;

	for (uint32_t i = 0; i < d->set->n_reports; i++) {
		const struct ruling *r = &d->rulings[i];

		if (!of_draft(r->report->file))
			continue;
		if (r->verdict != SIGMA_LOADED && r->verdict != SIGMA_IGNORED)
			return FAIL(err, RC_BAD, "line %u: %.*s", r->report->line, STR(r->reason.n > 0 ? r->reason : r->also));
		any = any || r->rule != NULL;
	}
	return any ? RC_OK : FAIL(err, RC_BAD, "there is no rule in the text");
}

enum rc query_try(struct query_asked *a, struct buf *out, struct err *err)
{
	CLEANUP(draft_done) struct draft d = { 0 };
	struct history *h CLEANUP(history_closep) = NULL;
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	struct trial *t = arena_alloc(a->arena, sizeof *t);
	struct jsonw w;
	enum rc rc;

	if (t == NULL)
		return FAIL(err, RC_NOMEM, "try: out of memory");
	TRY(draft_read(a, &d, err));
	TRY(check_draft(&d, err));
	TRY(query_history(a, &h, err));
	TRY(hunt_for_rules(d.set, d.taxonomy, &m, NULL, err));
	a->name = "matches";
	*t = (struct trial){ .a = a, .h = h, .m = m, .began = time_mono(), .buckets = (uint32_t)query_number(a, "buckets", 0),
			     .o = { .since = query_number(a, "since", INT64_MIN), .until = query_number(a, "until", 0), .source = query_text(a, "source") } };
	if (t->buckets > BUCKETS_MAX || (t->buckets > 0 && (t->o.since == INT64_MIN || t->o.until <= t->o.since)))
		return FAIL(err, RC_BAD, "counting over time needs a beginning and a later end, and at most %d parts", BUCKETS_MAX);
	buf_init(&t->row, ROW_MAX);
	rc = try_all(t, err);
	buf_done(&t->row);
	TRY(rc);
	if (a->list.n > 0)
		query_send(a, NULL, NULL);
	jsonw_init(&w, out);
	jsonw_object(&w);
	put_trial(&w, t);
	jsonw_m_bool(&w, "whole", t->done == t->all);
	jsonw_object_end(&w);
	return RC_OK;
}

/* --- in force --- */

enum rc query_reload(struct query_asked *a, struct buf *out, struct err *err)
{
	struct live_stats st = { 0 };
	struct jsonw w;

	TRY(detector_reload(a->detector, err));
	if (a->detector->live != NULL)
		live_stats(a->detector->live, &st);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_int(&w, "loaded", (int64_t)st.rules);
	jsonw_m_int(&w, "refused", (int64_t)st.refused);
	jsonw_object_end(&w);
	return RC_OK;
}
