/* MISP. Reports that came from MISP carry their event, and what they name carries
 * its attributes, as text; they are put together again. Indicators that came from
 * elsewhere become attributes of one event of our own. What the viewer may not see
 * is simply not among the pages, so an event comes out without it. */
#include "intel/export_int.h"
#include "intel/misp_types.h"
#include "stix/id.h"
#include "stix/marking.h"

#define IDS_AT_ONCE 500
#define EVENT_MEMORY ((size_t)1 << 30)

/* The members of a record of ours that was an imported one; .p NULL otherwise. */
static struct str record_of(const struct json *v)
{
	return json_get_str(v, S("x_misp_json"));
}

/* The record as a tree, or NULL: anybody may send us an object with such a member. */
static const struct json *read_record(struct arena *a, const struct json *v)
{
	struct str record = record_of(v);
	const struct json *m;

	if (record.p == NULL || json_parse(a, record, &JSON_LIMITS, &m, NULL) != RC_OK || m->type != JSON_OBJECT || m->n == 0)
		return NULL;
	return m;
}

/* Writes its members without the braces; the lists are ours to write. */
static void put_members(struct export *x, const struct json *record)
{
	bool begun = false;

	JSON_MEMBERS(name, value, record) {
		if (str_eq(json_str(name), S("Attribute")) || str_eq(json_str(name), S("Object")))
			continue;
		if (begun)
			buf_char(&x->out, ',');
		begun = true;
		json_quote(&x->out, json_str(name));
		buf_char(&x->out, ':');
		json_print(value, &x->out);
	}
}

/* --- one event --- */

struct misp_event {
	struct export *x;
	struct arena *a;
	struct map *in_group;   /* ids of attributes that belong to an object of the event */
	bool begun;             /* something of the list under way is written */
};

typedef enum rc (*named_fn)(struct misp_event *e, const struct page_entry *entry, const struct json *v, struct err *err);

static enum rc page_of_named(struct misp_event *e, struct page_query *q, named_fn fn, bool *ret_more, struct err *err)
{
	struct export *x = e->x;
	struct page p;
	enum rc rc = RC_OK;

	TRY(gate_page(x->store, x->viewer, x->path, x->o->ceiling, x->o->collection_name, q, &p, err));
	for (size_t i = 0; i < p.n && rc == RC_OK; i++) {
		const struct json *v;

		arena_reset(x->scratch);
		if (json_parse(x->scratch, p.entries[i].body, &JSON_LIMITS, &v, NULL) == RC_OK)
			rc = fn(e, &p.entries[i], v, err);
	}
	*ret_more = p.more;
	q->added_after = p.last;
	page_done(&p);
	return rc;
}

/* Everything that `refs` names and the viewer may see. */
static enum rc each_named(struct misp_event *e, const struct json *refs, named_fn fn, struct err *err)
{
	struct str ids[IDS_AT_ONCE];
	const struct json *ref = json_first(refs);

	while (ref != NULL && ref < json_end(refs)) {
		struct page_query q = { .added_after = INT64_MIN, .ids = ids, .limit = EXPORT_PAGE, .max_bytes = EXPORT_PAGE_BYTES, .bodies = true };
		bool more = true;

		for (; ref < json_end(refs) && q.n_ids < IDS_AT_ONCE; ref = json_after(ref)) {
			if (ref->type == JSON_STRING)
				ids[q.n_ids++] = json_str(ref);
		}
		while (more && q.n_ids > 0)
			TRY(page_of_named(e, &q, fn, &more, err));
	}
	return RC_OK;
}

static enum rc note_group(struct misp_event *e, const struct page_entry *entry, const struct json *v, struct err *err)
{
	const struct json *refs = json_get(v, S("object_refs"));

	if (!str_eq(entry->type, S("grouping")) || record_of(v).p == NULL || !json_is(refs, JSON_ARRAY))
		return RC_OK;
	JSON_EACH(ref, refs) {
		if (map_put(e->in_group, json_str(ref), 0) != RC_OK)
			return FAIL(err, RC_NOMEM, "export: no memory");
	}
	return RC_OK;
}

static enum rc put_attribute(struct misp_event *e, const struct json *v, struct err *err)
{
	struct export *x = e->x;
	const struct json *record = read_record(x->scratch, v);

	if (record == NULL) {
		x->stats.other++;
		return RC_OK;
	}
	if (e->begun)
		buf_char(&x->out, ',');
	buf_char(&x->out, '{');
	put_members(x, record);
	buf_char(&x->out, '}');
	e->begun = true;
	x->stats.values++;
	return export_flush(x, false, err);
}

static bool is_attribute(const struct page_entry *entry, const struct json *v)
{
	return record_of(v).p != NULL && (str_eq(entry->type, S("indicator")) || str_eq(entry->type, S("observed-data")) ||
					  str_eq(entry->type, S("note")));
}

static enum rc loose_attribute(struct misp_event *e, const struct page_entry *entry, const struct json *v, struct err *err)
{
	return is_attribute(entry, v) && !map_get(e->in_group, entry->id, NULL) ? put_attribute(e, v, err) : RC_OK;
}

static enum rc group_attribute(struct misp_event *e, const struct page_entry *entry, const struct json *v, struct err *err)
{
	return is_attribute(entry, v) ? put_attribute(e, v, err) : RC_OK;
}

/* A grouping that was a MISP object. Its tree must outlive the reading of what it names. */
static enum rc put_group(struct misp_event *e, const struct page_entry *entry, const struct json *v, struct err *err)
{
	struct export *x = e->x;
	struct misp_event inner = *e;
	const struct json *kept, *record;
	struct str body;

	if (!str_eq(entry->type, S("grouping")) || record_of(v).p == NULL)
		return RC_OK;
	body = arena_dup(e->a, entry->body);
	if (body.p == NULL)
		return FAIL(err, RC_NOMEM, "export: no memory");
	TRY(json_parse(e->a, body, &JSON_LIMITS, &kept, err));
	record = read_record(e->a, kept);
	if (record == NULL) {
		x->stats.other++;
		return RC_OK;
	}
	buf_cstr(&x->out, e->begun ? ",{" : "{");
	e->begun = true;
	put_members(x, record);
	buf_cstr(&x->out, ",\"Attribute\":[");
	inner.begun = false;
	TRY(each_named(&inner, json_get(kept, S("object_refs")), group_attribute, err));
	buf_cstr(&x->out, "]}");
	return RC_OK;
}

static enum rc put_event(struct export *x, struct arena *a, const struct json *report, const struct json *record, struct err *err)
{
	CLEANUP(map_freep) struct map *in_group = map_new(4000000);
	struct misp_event e = { .x = x, .a = a, .in_group = in_group };
	const struct json *refs = json_get(report, S("object_refs"));

	if (in_group == NULL)
		return FAIL(err, RC_NOMEM, "export: no memory");
	TRY(each_named(&e, refs, note_group, err));
	buf_cstr(&x->out, "{\"Event\":{");
	put_members(x, record);
	buf_cstr(&x->out, ",\"Attribute\":[");
	TRY(each_named(&e, refs, loose_attribute, err));
	buf_cstr(&x->out, "],\"Object\":[");
	e.begun = false;
	TRY(each_named(&e, refs, put_group, err));
	buf_cstr(&x->out, "]}}");
	x->stats.objects++;
	return export_flush(x, false, err);
}

static enum rc put_reports(struct export *x, const struct page *p, void *ctx, struct err *err)
{
	bool *begun = ctx;

	for (size_t i = 0; i < p->n; i++) {
		CLEANUP(arena_freep) struct arena *a = arena_new(EVENT_MEMORY);
		const struct json *v, *record;

		if (a == NULL)
			return FAIL(err, RC_NOMEM, "export: no memory");
		if (json_parse(a, p->entries[i].body, &JSON_LIMITS, &v, NULL) != RC_OK)
			continue;
		record = read_record(a, v);
		if (record == NULL)
			continue;
		if (*begun)
			buf_char(&x->out, ',');
		*begun = true;
		TRY(put_event(x, a, v, record, err));
	}
	return RC_OK;
}

/* --- our own indicators --- */

struct own_event {
	bool behind;   /* an event stands before ours */
	bool begun;
};

static struct str uuid_in(struct str id)
{
	return str_slice(id, id.n - UUID_TEXT_LEN, id.n);
}

static void put_tag(struct jsonw *w, struct str name)
{
	jsonw_object(w);
	jsonw_m_str(w, "name", name);
	jsonw_object_end(w);
}

static void put_tags(struct jsonw *w, const struct export_value *v)
{
	const struct json *labels = json_get(v->indicator, S("labels"));
	char tlp[32];

	snprintf(tlp, sizeof tlp, "%s", tlp_name((enum tlp)v->entry->tlp));
	for (char *c = tlp; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	jsonw_name(w, "Tag");
	jsonw_array(w);
	put_tag(w, str_of(tlp));
	if (json_is(labels, JSON_ARRAY)) {
		JSON_EACH(label, labels) {
			if (label->type == JSON_STRING)
				put_tag(w, json_str(label));
		}
	}
	jsonw_array_end(w);
}

static const char *category_of(enum observable_kind kind)
{
	return kind >= OBS_MD5 ? "Payload delivery" : "Network activity";
}

/* Several values of one indicator are an attribute each, always under the same UUID. */
static struct str own_uuid(struct export *x, const struct export_value *v, char id[static STIX_ID_MAX + 1])
{
	struct str name;

	if (v->active->n_values == 1)
		return uuid_in(v->entry->id);
	name = arena_fmt(x->scratch, "%.*s\n%.*s", STR(v->entry->id), STR(v->value->text));
	return uuid_in(stix_derived_id(S("indicator"), name, id));
}

static void open_own_event(struct export *x)
{
	char id[STIX_ID_MAX + 1], text[TIME_TEXT_MAX];
	struct str name = arena_fmt(x->scratch, "%.*s\n%.*s", STR(x->o->node_name), STR(x->o->collection_name));
	struct jsonw w;

	time_format(x->now, text);
	jsonw_init(&w, &x->out);
	jsonw_object(&w);
	jsonw_m_str(&w, "uuid", uuid_in(stix_derived_id(S("report"), name, id)));
	jsonw_m_str(&w, "info", arena_fmt(x->scratch, "Indicators of %.*s", STR(x->o->node_name)));
	jsonw_m_str(&w, "date", str_make(text, 10));
	jsonw_m_str(&w, "timestamp", arena_fmt(x->scratch, "%lld", (long long)(x->now / USEC_PER_SEC)));
	/* "Your organisation only": whoever imports it decides; the tags carry the levels. */
	jsonw_m_cstr(&w, "distribution", "0");
	jsonw_m_cstr(&w, "analysis", "2");
	jsonw_m_cstr(&w, "threat_level_id", "4");
	jsonw_name(&w, "Attribute");
	jsonw_array(&w);
}

static enum rc put_own(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	struct str comment = json_get_str(v->indicator, S("description"));
	char id[STIX_ID_MAX + 1], seconds[32];
	struct own_event *own = ctx;
	struct jsonw w;

	if (record_of(v->indicator).p != NULL)
		return RC_OK; /* it is in the event that it came in */
	if (own->begun) {
		buf_char(&x->out, ',');
	} else {
		buf_cstr(&x->out, own->behind ? ",{\"Event\":" : "{\"Event\":");
		open_own_event(x);
	}
	own->begun = true;
	snprintf(seconds, sizeof seconds, "%lld", (long long)(v->active->facts.seen / USEC_PER_SEC));
	jsonw_init(&w, &x->out);
	jsonw_object(&w);
	jsonw_m_str(&w, "uuid", own_uuid(x, v, id));
	jsonw_m_cstr(&w, "type", misp_type_of(v->value->kind));
	jsonw_m_cstr(&w, "category", category_of(v->value->kind));
	jsonw_m_bool(&w, "to_ids", true);
	jsonw_m_cstr(&w, "timestamp", seconds);
	jsonw_m_cstr(&w, "distribution", "5");
	jsonw_m_str(&w, "comment", comment.p == NULL ? S("") : comment);
	jsonw_m_str(&w, "value", v->value->text);
	put_tags(&w, v);
	jsonw_object_end(&w);
	return buf_check(&x->out, err, "export");
}

enum rc export_misp(struct export *x, struct err *err)
{
	struct own_event own = { false, false };

	buf_cstr(&x->out, "{\"response\":[");
	TRY(export_pages(x, S("report"), put_reports, &own.behind, err));
	TRY(export_values(x, KINDS_ALL, put_own, &own, err));
	buf_cstr(&x->out, own.begun ? "]}}]}\n" : "]}\n");
	return RC_OK;
}
