/* Objects are parsed once, here; the trees go on to the gate. What we make ourselves
 * meets what is known under the same ids first (import_meet.c). */
#include "base/mem.h"
#include "intel/import_int.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/object.h"
#include "stix/upgrade.h"
#include "stix/validate.h"
#include "stix/write.h"

enum rc sink_init(struct sink *s, struct store *store, const struct import_opts *o, struct import_report *r, struct err *err)
{
	memset(s, 0, sizeof *s);
	s->store = store;
	s->o = o;
	s->report = r;
	s->keep = arena_new(REPORT_MEMORY);
	s->batch = arena_new(SINK_MEMORY);
	if (s->keep != NULL)
		r->failures = arena_array(s->keep, IMPORT_FAILURES_MAX, sizeof *r->failures);
	if (r->failures != NULL)
		r->hits = arena_array(s->keep, IMPORT_HITS_MAX, sizeof *r->hits);
	if (r->hits != NULL)
		r->changes = arena_array(s->keep, IMPORT_CHANGES_MAX, sizeof *r->changes);
	if (s->batch != NULL && r->changes != NULL)
		return RC_OK;
	sink_done(s);
	return FAIL(err, RC_NOMEM, "import: no memory");
}

void sink_done(struct sink *s)
{
	arena_free(s->keep);
	arena_free(s->batch);
	mem_free(s->said);
	s->keep = s->batch = NULL;
	s->said = NULL;
}

void sink_fail(struct sink *s, struct place at, struct str message)
{
	s->report->failed++;
	sink_note(s, at, message);
}

void sink_note(struct sink *s, struct place at, struct str message)
{
	struct import_report *r = s->report;
	struct import_failure *f = &r->failures[r->n_failures];

	if (r->n_failures == IMPORT_FAILURES_MAX)
		return;
	f->line = at.line;
	f->where = arena_dup(s->keep, str_slice(at.where, 0, 400));
	f->message = arena_dup(s->keep, str_slice(message, 0, 1000));
	if (f->where.p != NULL && f->message.p != NULL)
		r->n_failures++;
}

static void count_type(struct sink *s, struct str type)
{
	struct import_report *r = s->report;

	for (size_t i = 0; i < r->n_types; i++) {
		if (str_eq(r->types[i].type, type)) {
			r->types[i].n++;
			return;
		}
	}
	type = arena_dup(s->keep, str_slice(type, 0, STIX_TYPE_MAX));
	if (r->n_types < IMPORT_TYPES_MAX && type.p != NULL) {
		r->types[r->n_types].type = type;
		r->types[r->n_types++].n = 1;
	}
}

static void warn_value(struct sink *s, struct str id, const struct value *v)
{
	struct import_report *r = s->report;
	struct str lists[WARNINGLIST_NAMES_MAX];
	size_t n = warninglists_find(s->o->warn, v->kind, v->text, lists, WARNINGLIST_NAMES_MAX);

	r->warned += n > 0;
	for (size_t i = 0; i < n && r->n_hits < IMPORT_HITS_MAX; i++) {
		struct import_hit *h = &r->hits[r->n_hits];

		h->id = arena_dup(s->keep, id);
		h->value = arena_dup(s->keep, v->text);
		h->list = lists[i];
		r->n_hits += h->id.p != NULL && h->value.p != NULL;
	}
}

/* Looks an indicator's values up in the warning lists. */
static void warn(struct sink *s, const struct json *v, struct str type)
{
	struct str pattern = json_get_str(v, S("pattern")), language = json_get_str(v, S("pattern_type"));
	struct value *values;
	struct err err;
	size_t n;

	if (s->o->warn == NULL || !str_eq(type, S("indicator")) || pattern.n == 0 ||
	    (language.n > 0 && !str_eq(language, S("stix"))))
		return;
	if (value_named_in_pattern(s->batch, pattern, &values, &n, &err) != RC_OK)
		return;
	for (size_t i = 0; i < n; i++)
		warn_value(s, json_get_str(v, S("id")), &values[i]);
}

/* A cyber-observable without an id is given its own (an importer may, a TAXII client must not). */
static enum rc give_id(struct sink *s, struct str *raw, const struct json **v, struct err *err)
{
	char text[STIX_ID_MAX + 1];
	struct str id, rest;

	TRY(stix_sco_id(*v, text, &id, err));
	rest = str_trim(*raw);
	rest = str_slice(rest, 1, rest.n);
	*raw = arena_fmt(s->batch, "{\"id\":\"%.*s\",%.*s", STR(id), STR(rest));
	if (raw->p == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	return json_parse(s->batch, *raw, &JSON_LIMITS, v, err);
}

static enum rc read_one(struct sink *s, struct str *raw, const struct json **v, struct err *err)
{
	struct str type;

	TRY(json_parse(s->batch, *raw, &JSON_LIMITS, v, err));
	if (!json_is(*v, JSON_OBJECT))
		return FAIL(err, RC_BAD, "not a JSON object");
	type = json_get_str(*v, S("type"));
	if (json_get(*v, S("id")) == NULL && stix_class_of(type) == STIX_SCO)
		TRY(give_id(s, raw, v, err));
	return RC_OK;
}

static enum rc put_one(struct sink *s, struct str raw, struct place at, bool made, struct str further, struct err *err);

static void note_changes(struct sink *s, const struct stix_upgraded *up)
{
	struct import_report *r = s->report;

	for (size_t i = 0; i < up->n_changes && r->n_changes < IMPORT_CHANGES_MAX; i++) {
		struct import_change *c = &r->changes[r->n_changes];

		c->id = arena_dup(s->keep, up->changes[i].id);
		c->what = str_of(up->changes[i].what);
		c->note = arena_dup(s->keep, up->changes[i].note);
		r->n_changes += c->id.p != NULL && c->note.p != NULL;
	}
}

/* An object of STIX 2.0 becomes one or more of 2.1. The texts must outlive a batch that fills up meanwhile. */
static enum rc put_upgraded(struct sink *s, const struct json *old, struct place at, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(SINK_MEMORY);
	struct stix_upgraded up;
	struct err why = { 0 };
	struct str where;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	if (stix_upgrade(a, old, &up, &why) != RC_OK) {
		s->report->objects++;
		sink_fail(s, at, str_of(why.text));
		return RC_OK;
	}
	where = arena_dup(a, at.where);
	s->report->upgraded++;
	note_changes(s, &up);
	for (size_t i = 0; i < up.n; i++)
		TRY(put_one(s, up.objects[i], (struct place){ at.line, where }, false, S(""), err));
	return RC_OK;
}

static enum rc put_one(struct sink *s, struct str raw, struct place at, bool made, struct str further, struct err *err)
{
	const struct json *v;
	struct err why = { 0 };
	struct str type;
	enum rc rc;

	if (s->n == SINK_OBJECTS || s->bytes > SINK_BYTES)
		TRY(sink_flush(s, err));
	raw = arena_dup(s->batch, raw);
	at.where = arena_dup(s->batch, at.where);
	further = arena_dup(s->batch, further);
	if (raw.p == NULL || at.where.p == NULL || further.p == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	rc = read_one(s, &raw, &v, &why);
	if (rc == RC_OK && !made && s->o->admit.upgrade_20 && stix_is_20(v))
		return put_upgraded(s, v, at, err);
	s->report->objects++;
	if (rc != RC_OK) {
		sink_fail(s, at, str_of(why.text));
		return RC_OK;
	}
	type = json_get_str(v, S("type"));
	count_type(s, type);
	warn(s, v, type);
	s->raw[s->n] = raw;
	s->trees[s->n] = v;
	s->places[s->n] = at;
	s->further[s->n] = further;
	s->made[s->n] = made || stix_class_of(type) == STIX_SCO;
	s->bytes += raw.n;
	s->n++;
	return RC_OK;
}

enum rc sink_put(struct sink *s, struct str raw, struct place at, bool made, struct err *err)
{
	return put_one(s, raw, at, made, S(""), err);
}

enum rc sink_put_row(struct sink *s, struct str raw, struct place at, struct str further, struct err *err)
{
	return put_one(s, raw, at, true, further, err);
}

static void tally(struct sink *s, size_t i, const struct admitted *a)
{
	struct import_report *r = s->report;
	struct place at = s->places[i];

	switch (a->result) {
	case ADMIT_STORED:
		r->stored++;
		break;
	case ADMIT_LINKED:
		r->linked++;
		break;
	case ADMIT_DUPLICATE:
		r->duplicates++;
		break;
	case ADMIT_FAILED:
		if (a->id.n > 0 && at.line == 0)
			at.where = a->id;
		sink_fail(s, at, a->message);
		break;
	}
}

static enum rc admit_batch(struct sink *s, struct err *err)
{
	struct admit_opts o = s->o->admit;
	struct admitted *done = NULL;

	o.date_added = NULL;
	o.trees = s->trees;
	TRY(sink_meet(s, err));
	TRY(admit_objects(s->store, s->batch, &o, s->raw, s->n, &done, err));
	for (size_t i = 0; i < s->n; i++)
		tally(s, i, &done[i]);
	return RC_OK;
}

/* What would be refused for its own sake; what only the store knows (conflicts, revocations) is not asked. */
static void check_batch(struct sink *s)
{
	struct stix_validate_opts rules = { .strict = s->o->admit.strict };

	for (size_t i = 0; i < s->n; i++) {
		struct err why = { 0 };

		if (stix_validate(s->trees[i], &rules, NULL, NULL, NULL, &why) != RC_OK)
			sink_fail(s, s->places[i], str_of(why.text));
	}
}

enum rc sink_flush(struct sink *s, struct err *err)
{
	if (s->n == 0)
		return RC_OK;
	if (s->o->dry_run)
		check_batch(s);
	else
		TRY(admit_batch(s, err));
	s->n = s->bytes = 0;
	arena_reset(s->batch);
	if (s->o->progress != NULL)
		s->o->progress(s->o->progress_ctx, s->report->bytes, s->report->objects);
	return RC_OK;
}

void made_head(struct jsonw *w, const struct sink *s, const char *type, struct str id, usec created, usec modified)
{
	stix_write_head(w, type, id, s->o->identity, created, modified);
}

void made_marking(struct jsonw *w, uint8_t tlp)
{
	if (tlp < TLP_COUNT)
		stix_write_tlp(w, (enum tlp)tlp);
}
