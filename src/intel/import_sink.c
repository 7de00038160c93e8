/* Objects are parsed once, here; the trees go on to the gate. Objects that we make
 * from lists have an id that follows from source and value, so the same list
 * imported again meets its own objects. When nothing but the time is different,
 * the stored text is offered again: then the source's claim is noted and no new
 * version is made of an old statement. The same goes for cyber-observables, whose
 * ids are everybody's. */
#include "base/map.h"
#include "intel/import_int.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/object.h"
#include "stix/upgrade.h"
#include "stix/validate.h"

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
	s->keep = s->batch = NULL;
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
	if (value_of_pattern(s->batch, pattern, &values, &n, &err) != RC_OK)
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

static enum rc put_one(struct sink *s, struct str raw, struct place at, bool made, struct err *err);

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
		TRY(put_one(s, up.objects[i], (struct place){ at.line, where }, false, err));
	return RC_OK;
}

static enum rc put_one(struct sink *s, struct str raw, struct place at, bool made, struct err *err)
{
	const struct json *v;
	struct err why = { 0 };
	struct str type;
	enum rc rc;

	if (s->n == SINK_OBJECTS || s->bytes > SINK_BYTES)
		TRY(sink_flush(s, err));
	raw = arena_dup(s->batch, raw);
	at.where = arena_dup(s->batch, at.where);
	if (raw.p == NULL || at.where.p == NULL)
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
	s->made[s->n] = made || stix_class_of(type) == STIX_SCO;
	s->bytes += raw.n;
	s->n++;
	return RC_OK;
}

enum rc sink_put(struct sink *s, struct str raw, struct place at, bool made, struct err *err)
{
	return put_one(s, raw, at, made, err);
}

static bool is_time(struct str name)
{
	return str_eq(name, S("created")) || str_eq(name, S("modified")) || str_eq(name, S("valid_from"));
}

static uint32_t members_but_times(const struct json *v)
{
	uint32_t n = 0;

	JSON_MEMBERS(name, value, v) {
		(void)value;
		n += !is_time(json_str(name));
	}
	return n;
}

/* The same statement made at another time. */
static bool says_the_same(const struct json *a, const struct json *b)
{
	if (members_but_times(a) != members_but_times(b))
		return false;
	JSON_MEMBERS(name, value, a) {
		const struct json *other = json_get(b, json_str(name));

		if (!is_time(json_str(name)) && (other == NULL || !json_same(value, other)))
			return false;
	}
	return true;
}

/* `created` never changes between versions (STIX 2.1 §3.2); both are texts of our own making. */
static enum rc keep_created(struct sink *s, size_t i, const struct json *old, struct err *err)
{
	struct str then = json_get_str(old, S("created")), now = json_get_str(s->trees[i], S("created"));
	size_t at;
	char *text;

	if (now.n == 0 || then.n != now.n)
		return RC_OK;
	at = (size_t)(now.p - s->raw[i].p);
	text = arena_alloc(s->batch, s->raw[i].n + 1);
	if (text == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	memcpy(text, s->raw[i].p, s->raw[i].n);
	memcpy(text + at, then.p, then.n);
	s->raw[i].p = text;
	return json_parse(s->batch, s->raw[i], &JSON_LIMITS, &s->trees[i], err);
}

static enum rc meet(struct sink *s, size_t i, const struct page_entry *known, struct err *err)
{
	struct str body = arena_dup(s->batch, known->body);
	const struct json *old;

	/* Whoever imports below this level must not learn it from a refusal. */
	if (known->tlp > s->o->admit.tlp_ceiling)
		return RC_OK;
	if (body.p == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	TRY(json_parse(s->batch, body, &JSON_LIMITS, &old, err));
	if (known->version.n > 0 && !says_the_same(old, s->trees[i]))
		return keep_created(s, i, old, err);
	s->raw[i] = body;
	s->trees[i] = old;
	return RC_OK;
}

/* The objects that may be known already: id -> place in the batch. An id that comes twice keeps its first place. */
static enum rc may_be_known(struct sink *s, struct map *index, struct str *ids, size_t *n, struct err *err)
{
	*n = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct str id = json_get_str(s->trees[i], S("id"));

		if (!s->made[i] || map_get(index, id, NULL))
			continue;
		if (map_put(index, id, i) != RC_OK)
			return FAIL(err, RC_NOMEM, "import: no memory");
		ids[(*n)++] = id;
	}
	return RC_OK;
}

/* A statement that comes again in the same batch goes the way of the first. */
static void follow_first(struct sink *s, const struct map *index)
{
	for (size_t i = 0; i < s->n; i++) {
		uint64_t first;

		if (s->made[i] && map_get(index, json_get_str(s->trees[i], S("id")), &first) && first != i &&
		    says_the_same(s->trees[first], s->trees[i])) {
			s->raw[i] = s->raw[first];
			s->trees[i] = s->trees[first];
		}
	}
}

/* Compares what we made with what is stored under the same ids. */
static enum rc meet_known(struct sink *s, struct err *err)
{
	struct page_query q = { .added_after = INT64_MIN, .tlp_mask = UINT32_MAX, .limit = PAGE_LIMIT_MAX, .bodies = true };
	CLEANUP(map_freep) struct map *index = map_new(SINK_OBJECTS);
	struct str *ids = arena_array(s->batch, s->n + 1, sizeof *ids);
	struct page p = { 0 };
	enum rc rc = RC_OK;

	if (ids == NULL || index == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	TRY(may_be_known(s, index, ids, &q.n_ids, err));
	if (q.n_ids == 0)
		return RC_OK;
	q.ids = ids;
	TRY(store_page(s->store, &q, &p, err));
	for (size_t k = 0; k < p.n && rc == RC_OK; k++) {
		uint64_t i;

		if (map_get(index, p.entries[k].id, &i))
			rc = meet(s, (size_t)i, &p.entries[k], err);
	}
	page_done(&p);
	if (rc == RC_OK)
		follow_first(s, index);
	return rc;
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
	TRY(meet_known(s, err));
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
	char text[TIME_TEXT_MAX];

	jsonw_m_cstr(w, "type", type);
	jsonw_m_cstr(w, "spec_version", "2.1");
	jsonw_m_str(w, "id", id);
	if (s->o->identity.n > 0)
		jsonw_m_str(w, "created_by_ref", s->o->identity);
	jsonw_m_str(w, "created", time_format_ms(created, text));
	jsonw_m_str(w, "modified", time_format_ms(modified, text));
}

void made_marking(struct jsonw *w, uint8_t tlp)
{
	if (tlp >= TLP_COUNT)
		return;
	jsonw_name(w, "object_marking_refs");
	jsonw_array(w);
	jsonw_str(w, stix_tlp_id((enum tlp)tlp));
	jsonw_array_end(w);
}
