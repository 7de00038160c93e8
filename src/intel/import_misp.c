/* MISP events. An attribute that is meant for detection (to_ids) becomes an
 * indicator, any other one with a cyber-observable an observed-data, and the rest a
 * note; the event becomes a report, an object a grouping, the organisation an
 * identity. UUIDs are kept, so that an event read twice is the same event. The MISP
 * record itself travels along as text (x_misp_json), so that export gives back what
 * came in, tags and distribution too.
 *
 * Levels: the strictest of the tlp: tags of event, object and attribute counts.
 * "Your organisation only" counts as AMBER+STRICT at least, and a sharing group,
 * whose members are not known here, as RED. */
#include "base/jsonsplit.h"
#include "base/mem.h"
#include "intel/import_int.h"
#include "intel/misp_types.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/write.h"

#define EVENT_MEMORY ((size_t)2 << 30)
#define EVENT_NODES (48u << 20)
#define REFS_BYTES ((size_t)12 << 20) /* of a report's object_refs: the object must stay below OBJECT_BODY_MAX */

struct event {
	struct import *im;
	struct sink *sink;
	const struct json *v;
	struct str uuid;
	char report[STIX_ID_MAX + 1], identity[STIX_ID_MAX + 1];
	uint8_t tlp;          /* TLP_COUNT: none said */
	usec date;
	struct buf refs;      /* ids with commas, for the report */
	uint64_t n_refs, refs_left_out;
	struct buf out;       /* the object under way */
	struct buf group;     /* ids of the MISP object under way */
};

/* What attribute, object and event have in common. */
struct record {
	const struct json *v;
	struct str uuid;
	uint8_t tlp;
	usec at;              /* timestamp */
	const struct json *tags;
};

static enum rc misp_open(struct import *im, struct err *err)
{
	im->reader = jsonsplit_new(S("response"), ELEMENT_MAX);
	return im->reader == NULL ? FAIL(err, RC_NOMEM, "import: no memory") : RC_OK;
}

static void misp_close(struct import *im)
{
	jsonsplit_free(im->reader);
}

/* --- reading --- */

/* Numbers come as strings in most exports, as numbers in some. */
static bool get_number(const struct json *v, struct str name, int64_t *ret)
{
	const struct json *m = json_get(v, name);

	return json_int(m, ret) || (json_is(m, JSON_STRING) && str_to_i64(json_str(m), ret));
}

static bool get_flag(const struct json *v, struct str name)
{
	const struct json *m = json_get(v, name);
	bool flag = false;
	int64_t n;

	return json_bool(m, &flag) ? flag : get_number(v, name, &n) && n != 0;
}

static uint8_t stricter(uint8_t a, uint8_t b)
{
	if (a >= TLP_COUNT || b >= TLP_COUNT)
		return a >= TLP_COUNT ? b : a;
	return a > b ? a : b;
}

static uint8_t level_of(const struct json *v, uint8_t above)
{
	const struct json *tags = json_get(v, S("Tag"));
	int64_t distribution;
	enum tlp tlp;

	if (json_is(tags, JSON_ARRAY)) {
		JSON_EACH(tag, tags) {
			struct str name = json_get_str(tag, S("name"));

			if (!str_eq_nocase(str_slice(name, 0, 4), S("tlp:")))
				continue;
			/* A level that we do not know is the strictest. */
			above = stricter(above, tlp_parse(name, &tlp) ? (uint8_t)tlp : TLP_RED);
		}
	}
	if (get_number(v, S("distribution"), &distribution)) {
		if (distribution == 0)
			above = stricter(above, TLP_AMBER_STRICT);
		else if (distribution == 4)
			above = stricter(above, TLP_RED);
	}
	return above;
}

static usec time_of(const struct json *v, usec fallback)
{
	int64_t seconds;

	return get_number(v, S("timestamp"), &seconds) && seconds > 0 && seconds < INT64_C(4102444800) ? seconds * USEC_PER_SEC : fallback;
}

static usec date_of(const struct json *event, usec fallback)
{
	struct str date = json_get_str(event, S("date"));
	char text[32];
	usec t;

	if (date.n != 10)
		return fallback;
	snprintf(text, sizeof text, "%.*sT00:00:00Z", STR(date));
	return time_parse(str_of(text), &t, NULL, NULL) == RC_OK ? t : fallback;
}

static struct record read_record(const struct event *e, const struct json *v, uint8_t above)
{
	struct record r = { .v = v, .uuid = json_get_str(v, S("uuid")), .tlp = level_of(v, above), .tags = json_get(v, S("Tag")) };
	struct uuid u;

	r.at = time_of(v, e->date);
	if (!uuid_parse(r.uuid, &u))
		r.uuid = S("");
	return r;
}

/* type--uuid, or one derived from the content where MISP gave none. */
static struct str id_of(const struct event *e, const struct record *r, const char *type, char out[static STIX_ID_MAX + 1])
{
	struct str value = json_get_str(r->v, S("value"));
	struct buf name;
	struct str id;

	if (r->uuid.n > 0) {
		snprintf(out, STIX_ID_MAX + 1, "%s--%.*s", type, STR(r->uuid));
		for (char *c = out; *c != '\0'; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
		return str_of(out);
	}
	buf_init(&name, OBJECT_BODY_MAX);
	buf_fmt(&name, "%.*s\n%.*s\n", STR(e->uuid), STR(json_get_str(r->v, S("type"))));
	buf_str(&name, value);
	id = stix_derived_id(str_of(type), buf_view(&name), out);
	buf_done(&name);
	return id;
}

/* --- writing --- */

static void write_labels(struct jsonw *w, const struct json *tags)
{
	bool open = false;

	if (!json_is(tags, JSON_ARRAY))
		return;
	JSON_EACH(tag, tags) {
		struct str name = json_get_str(tag, S("name"));

		if (name.n == 0)
			continue;
		if (!open) {
			jsonw_name(w, "labels");
			jsonw_array(w);
			open = true;
		}
		jsonw_str(w, name);
	}
	if (open)
		jsonw_array_end(w);
}

/* The MISP record without the lists that are objects of their own here. */
static void write_misp(struct event *e, struct jsonw *w, const struct json *v)
{
	struct buf text;
	struct jsonw inner;

	buf_init(&text, OBJECT_BODY_MAX);
	jsonw_init(&inner, &text);
	jsonw_object(&inner);
	JSON_MEMBERS(name, value, v) {
		if ((str_eq(json_str(name), S("Attribute")) || str_eq(json_str(name), S("Object"))) && value->type == JSON_ARRAY)
			continue;
		jsonw_name_str(&inner, json_str(name));
		jsonw_value(&inner, value);
	}
	jsonw_object_end(&inner);
	if (text.bad == RC_OK)
		jsonw_m_str(w, "x_misp_json", buf_view(&text));
	else
		e->out.bad = text.bad;
	buf_done(&text);
}

static void begin(struct event *e, struct jsonw *w, const char *type, struct str id, const struct record *r)
{
	bool organisation = strcmp(type, "identity") == 0;

	buf_clear(&e->out);
	jsonw_init(w, &e->out);
	jsonw_object(w);
	/* The event's day does not move when an attribute is edited; an organisation stands in events of many days. */
	stix_write_head(w, type, id, organisation ? S("") : str_of(e->identity), organisation ? 0 : e->date < r->at ? e->date : r->at, r->at);
	if (get_flag(r->v, S("deleted")))
		jsonw_m_bool(w, "revoked", true);
	write_labels(w, r->tags);
}

static enum rc finish(struct event *e, struct jsonw *w, const struct record *r, bool made, struct err *err)
{
	struct str uuid = r->uuid;

	made_marking(w, r->tlp < TLP_COUNT ? r->tlp : e->sink->o->tlp);
	jsonw_object_end(w);
	if (e->out.bad == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "import: no memory");
	if (e->out.bad != RC_OK) {
		sink_fail(e->sink, (struct place){ 0, uuid }, S("the object becomes too large"));
		return RC_OK;
	}
	return sink_put(e->sink, buf_view(&e->out), (struct place){ 0, uuid }, made, err);
}

static void add_ref(struct buf *refs, struct str id)
{
	if (refs->n > 0)
		buf_char(refs, ',');
	json_quote(refs, id);
}

static void refer(struct event *e, struct str id)
{
	add_ref(&e->group, id);
	if (e->refs.n > REFS_BYTES) {
		e->refs_left_out++;
		return;
	}
	add_ref(&e->refs, id);
	e->n_refs++;
}

static void write_refs(struct jsonw *w, const struct buf *refs)
{
	jsonw_name(w, "object_refs");
	jsonw_array(w);
	jsonw_raw(w, buf_view(refs));
	jsonw_array_end(w);
}

/* --- attributes --- */

static void write_comment(struct jsonw *w, const char *member, const struct record *r)
{
	struct str comment = json_get_str(r->v, S("comment"));

	if (comment.n > 0)
		jsonw_m_str(w, member, comment);
}

static enum rc put_indicator(struct event *e, const struct record *r, struct str pattern, struct err *err)
{
	char id[STIX_ID_MAX + 1], text[TIME_TEXT_MAX];
	struct jsonw w;

	begin(e, &w, "indicator", id_of(e, r, "indicator", id), r);
	jsonw_m_str(&w, "name", str_slice(json_get_str(r->v, S("value")), 0, 512));
	write_comment(&w, "description", r);
	jsonw_m_str(&w, "pattern", pattern);
	jsonw_m_cstr(&w, "pattern_type", "stix");
	jsonw_m_str(&w, "valid_from", time_format_ms(r->at, text));
	write_misp(e, &w, r->v);
	refer(e, str_of(id));
	return finish(e, &w, r, false, err);
}

/* One cyber-observable of one member. A member "hashes.'SHA-1'" is one in a dictionary. */
static void write_member(struct jsonw *w, const char *member, struct str value)
{
	struct str name = str_of(member), key;

	if (!str_starts(name, S("hashes."))) {
		jsonw_m_str(w, member, value);
		return;
	}
	key = str_slice(name, 7, name.n);
	if (key.p[0] == '\'')
		key = str_slice(key, 1, key.n - 1);
	jsonw_name(w, "hashes");
	jsonw_object(w);
	jsonw_name_str(w, key);
	jsonw_str(w, value);
	jsonw_object_end(w);
}

/* {"type":..., members of the parts...}: both parts when they speak of the same object type. */
static enum rc write_sco(const struct misp_part *const *parts, const struct str *texts, size_t n, uint8_t tlp,
			 struct buf *out, struct err *err)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	for (size_t i = 0; i < n; i++) {
		struct buf value;
		enum rc rc;
		bool v6;

		buf_init(&value, (size_t)1 << 20);
		rc = misp_part_put(parts[i], texts[i], &value, &v6, err);
		if (rc == RC_OK && i == 0)
			jsonw_m_cstr(&w, "type", parts[i]->term == TERM_IP ? (v6 ? "ipv6-addr" : "ipv4-addr") : parts[i]->sco);
		if (rc == RC_OK)
			write_member(&w, parts[i]->member, buf_view(&value));
		buf_done(&value);
		TRY(rc);
	}
	jsonw_m_cstr(&w, "spec_version", "2.1");
	made_marking(&w, tlp);
	jsonw_object_end(&w);
	return buf_check(out, err, "object");
}

static enum rc put_sco(struct event *e, const struct misp_part *const *parts, const struct str *texts, size_t n,
		       const struct record *r, struct buf *refs, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)8 << 20);
	char id[STIX_ID_MAX + 1];
	const struct json *v;
	struct str ref;
	struct buf out;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	buf_init(&out, (size_t)4 << 20);
	rc = write_sco(parts, texts, n, r->tlp < TLP_COUNT ? r->tlp : e->sink->o->tlp, &out, err);
	if (rc == RC_OK)
		rc = json_parse(a, buf_view(&out), &JSON_LIMITS, &v, err);
	if (rc == RC_OK)
		rc = stix_sco_id(v, id, &ref, err);
	if (rc == RC_OK) {
		add_ref(refs, ref);
		rc = sink_put(e->sink, buf_view(&out), (struct place){ 0, r->uuid }, true, err);
	}
	buf_done(&out);
	return rc;
}

/* The attribute's observables; their ids go into `refs`. RC_UNSUPPORTED when it has none. */
static enum rc put_scos(struct event *e, const struct misp_type *t, const struct record *r, struct buf *refs, struct err *err)
{
	const struct misp_part *parts[2];
	struct str texts[2];
	size_t n = 0;

	if (t == NULL || t->a.sco == NULL)
		return FAIL(err, RC_UNSUPPORTED, "no STIX form");
	misp_split(t, json_get_str(r->v, S("value")), &texts[0], &texts[1]);
	parts[n++] = &t->a;
	if (t->b.sco != NULL && strcmp(t->a.sco, t->b.sco) == 0)
		parts[n++] = &t->b;
	TRY(put_sco(e, parts, texts, n, r, refs, err));
	if (n == 1 && t->b.sco != NULL) {
		parts[0] = &t->b;
		return put_sco(e, parts, &texts[1], 1, r, refs, err);
	}
	return RC_OK;
}

static enum rc put_observed(struct event *e, const struct record *r, const struct buf *refs, struct err *err)
{
	char id[STIX_ID_MAX + 1], text[TIME_TEXT_MAX];
	struct jsonw w;

	begin(e, &w, "observed-data", id_of(e, r, "observed-data", id), r);
	jsonw_m_str(&w, "first_observed", time_format_ms(r->at, text));
	jsonw_m_str(&w, "last_observed", str_of(text));
	jsonw_m_int(&w, "number_observed", 1);
	write_refs(&w, refs);
	write_misp(e, &w, r->v);
	refer(e, str_of(id));
	return finish(e, &w, r, false, err);
}

static enum rc put_note(struct event *e, const struct record *r, struct err *err)
{
	struct str type = json_get_str(r->v, S("type")), value = json_get_str(r->v, S("value"));
	char id[STIX_ID_MAX + 1];
	struct buf content, refs;
	struct jsonw w;

	begin(e, &w, "note", id_of(e, r, "note", id), r);
	buf_init(&content, OBJECT_BODY_MAX);
	buf_init(&refs, 1024);
	buf_fmt(&content, "%.*s: ", STR(type));
	buf_str(&content, value);
	jsonw_m_str(&w, "content", buf_view(&content));
	write_comment(&w, "abstract", r);
	add_ref(&refs, str_of(e->report));
	write_refs(&w, &refs);
	buf_done(&content);
	buf_done(&refs);
	write_misp(e, &w, r->v);
	refer(e, str_of(id));
	return finish(e, &w, r, false, err);
}

static enum rc put_sighting(struct event *e, const struct json *s, struct str of, uint8_t tlp, struct err *err)
{
	struct record r = read_record(e, s, tlp);
	char id[STIX_ID_MAX + 1], text[TIME_TEXT_MAX];
	int64_t kind = 0, at;
	const char *type;
	struct buf refs;
	struct jsonw w;

	if (get_number(s, S("date_sighting"), &at) && at > 0 && at < INT64_C(4102444800))
		r.at = at * USEC_PER_SEC;
	(void)!get_number(s, S("type"), &kind);
	type = kind == 0 ? "sighting" : kind == 1 ? "opinion" : "note";
	begin(e, &w, type, id_of(e, &r, type, id), &r);
	if (kind == 0) {
		jsonw_m_str(&w, "first_seen", time_format_ms(r.at, text));
		jsonw_m_str(&w, "last_seen", str_of(text));
		jsonw_m_int(&w, "count", 1);
		jsonw_m_str(&w, "sighting_of_ref", of);
	} else {
		buf_init(&refs, 1024);
		add_ref(&refs, of);
		if (kind == 1)
			jsonw_m_cstr(&w, "opinion", "strongly-disagree");
		else
			jsonw_m_cstr(&w, "content", "expired");
		write_refs(&w, &refs);
		buf_done(&refs);
	}
	write_misp(e, &w, s);
	return finish(e, &w, &r, false, err);
}

static enum rc put_sightings(struct event *e, const struct record *r, struct str of, struct err *err)
{
	const struct json *list = json_get(r->v, S("Sighting"));

	if (!json_is(list, JSON_ARRAY))
		return RC_OK;
	JSON_EACH(s, list) {
		if (s->type == JSON_OBJECT)
			TRY(put_sighting(e, s, of, r->tlp, err));
	}
	return RC_OK;
}

/* Indicator, observed data or note; `why` says why it is only a note. */
static enum rc put_form(struct event *e, const struct record *r, struct err *why, struct err *err)
{
	struct str value = json_get_str(r->v, S("value"));
	const struct misp_type *t = misp_type_find(json_get_str(r->v, S("type")));
	bool ids = get_flag(r->v, S("to_ids"));
	struct buf form;
	enum rc rc;

	buf_init(&form, (size_t)4 << 20);
	rc = ids ? misp_pattern(t, value, &form, why) : put_scos(e, t, r, &form, why);
	if (rc == RC_OK)
		rc = ids ? put_indicator(e, r, buf_view(&form), err) : put_observed(e, r, &form, err);
	else if (rc == RC_BAD || rc == RC_UNSUPPORTED || rc == RC_LIMIT)
		rc = put_note(e, r, err);
	else
		err_set(err, rc, "%s", why->text);
	buf_done(&form);
	return rc;
}

static enum rc put_attribute(struct event *e, const struct json *v, uint8_t above, struct err *err)
{
	struct record r = read_record(e, v, above);
	struct str type = json_get_str(v, S("type"));
	char id[STIX_ID_MAX + 1], message[600];
	struct err why = { 0 };

	if (type.n == 0 || json_get_str(v, S("value")).p == NULL) {
		sink_fail(e->sink, (struct place){ 0, r.uuid }, S("an attribute without type or value"));
		return RC_OK;
	}
	e->sink->report->values++;
	TRY(put_form(e, &r, &why, err));
	if (why.rc != RC_OK)
		e->sink->report->kept_raw++;
	if (why.rc == RC_BAD || why.rc == RC_LIMIT) {
		snprintf(message, sizeof message, "%.*s: %s; kept as a note", STR(str_slice(type, 0, 60)), why.text);
		sink_note(e->sink, (struct place){ 0, r.uuid }, str_of(message));
	}
	return put_sightings(e, &r, id_of(e, &r, why.rc != RC_OK ? "note" : get_flag(v, S("to_ids")) ? "indicator" : "observed-data", id), err);
}

static enum rc put_attributes(struct event *e, const struct json *list, uint8_t above, struct err *err)
{
	if (!json_is(list, JSON_ARRAY))
		return RC_OK;
	JSON_EACH(v, list) {
		if (v->type == JSON_OBJECT)
			TRY(put_attribute(e, v, above, err));
		else
			sink_fail(e->sink, (struct place){ 0, e->uuid }, S("an attribute that is no object"));
	}
	return RC_OK;
}

/* --- objects and the event --- */

static enum rc put_object(struct event *e, const struct json *v, struct err *err)
{
	struct record r = read_record(e, v, e->tlp);
	struct str name = json_get_str(v, S("name"));
	char id[STIX_ID_MAX + 1];
	struct jsonw w;

	buf_clear(&e->group);
	TRY(put_attributes(e, json_get(v, S("Attribute")), r.tlp, err));
	if (e->group.n == 0)
		add_ref(&e->group, str_of(e->report));
	begin(e, &w, "grouping", id_of(e, &r, "grouping", id), &r);
	jsonw_m_str(&w, "name", name.n > 0 ? name : S("object"));
	write_comment(&w, "description", &r);
	jsonw_m_cstr(&w, "context", "unspecified");
	write_refs(&w, &e->group);
	write_misp(e, &w, v);
	refer(e, str_of(id));
	return finish(e, &w, &r, false, err);
}

static enum rc put_objects(struct event *e, struct err *err)
{
	const struct json *list = json_get(e->v, S("Object"));

	if (!json_is(list, JSON_ARRAY))
		return RC_OK;
	JSON_EACH(v, list) {
		if (v->type == JSON_OBJECT)
			TRY(put_object(e, v, err));
		else
			sink_fail(e->sink, (struct place){ 0, e->uuid }, S("an object that is none"));
	}
	return RC_OK;
}

/* The organisation that made the event. Its own record says nothing about when. */
static enum rc put_identity(struct event *e, struct err *err)
{
	const struct json *org = json_get(e->v, S("Orgc"));
	struct str name = json_get_str(org, S("name"));
	struct record r;
	char id[STIX_ID_MAX + 1];
	struct jsonw w;

	if (name.n == 0)
		return RC_OK;
	r = read_record(e, org, TLP_COUNT);
	r.at = e->date;
	r.tlp = e->tlp;
	begin(e, &w, "identity", id_of(e, &r, "identity", id), &r);
	jsonw_m_str(&w, "name", name);
	jsonw_m_cstr(&w, "identity_class", "organization");
	memcpy(e->identity, id, sizeof id);
	return finish(e, &w, &r, true, err);
}

static enum rc put_report(struct event *e, const struct record *r, struct err *err)
{
	struct str info = json_get_str(e->v, S("info"));
	char text[TIME_TEXT_MAX];
	int64_t published;
	struct jsonw w;

	if (e->refs.n == 0 && e->identity[0] != '\0')
		add_ref(&e->refs, str_of(e->identity));
	if (e->refs.n == 0) {
		sink_fail(e->sink, (struct place){ 0, e->uuid }, S("an event without attributes, objects and organisation"));
		return RC_OK;
	}
	begin(e, &w, "report", str_of(e->report), r);
	jsonw_m_str(&w, "name", info.n > 0 ? info : S("MISP event"));
	if (!get_number(e->v, S("publish_timestamp"), &published) || published <= 0 || published >= INT64_C(4102444800))
		published = r->at / USEC_PER_SEC;
	jsonw_m_str(&w, "published", time_format_ms(published * USEC_PER_SEC, text));
	write_refs(&w, &e->refs);
	write_misp(e, &w, e->v);
	if (e->refs_left_out > 0) {
		char message[120];

		snprintf(message, sizeof message, "the report names %llu objects; %llu more are stored without being named",
			 (unsigned long long)e->n_refs, (unsigned long long)e->refs_left_out);
		sink_note(e->sink, (struct place){ 0, e->uuid }, str_of(message));
	}
	return finish(e, &w, r, false, err);
}

static enum rc put_event(struct import *im, const struct json *v, struct err *err)
{
	struct event e = { .im = im, .sink = &im->sink, .v = v };
	struct record r;
	enum rc rc;

	e.date = date_of(v, im->o.now);
	e.tlp = level_of(v, TLP_COUNT);
	r = read_record(&e, v, TLP_COUNT);
	e.uuid = r.uuid;
	buf_init(&e.refs, REFS_BYTES + 1024);
	buf_init(&e.group, REFS_BYTES * 2);
	buf_init(&e.out, OBJECT_BODY_MAX);
	(void)id_of(&e, &r, "report", e.report);
	rc = put_identity(&e, err);
	if (rc == RC_OK)
		rc = put_attributes(&e, json_get(v, S("Attribute")), e.tlp, err);
	if (rc == RC_OK)
		rc = put_objects(&e, err);
	if (rc == RC_OK)
		rc = put_report(&e, &r, err);
	buf_done(&e.refs);
	buf_done(&e.group);
	buf_done(&e.out);
	return rc;
}

/* {"Event": {...}}, the event itself, or {"response": {...}} with either in it. */
static const struct json *event_in(const struct json *v)
{
	const struct json *inner = json_get(v, S("response"));

	if (json_is(inner, JSON_OBJECT))
		v = inner;
	inner = json_get(v, S("Event"));
	if (json_is(inner, JSON_OBJECT))
		v = inner;
	return json_is(json_get(v, S("Attribute")), JSON_ARRAY) || json_is(json_get(v, S("Object")), JSON_ARRAY) ||
	       json_get_str(v, S("info")).n > 0 ? v : NULL;
}

static enum rc element(struct import *im, struct str raw, struct err *err)
{
	static const struct json_limits limits = { .bytes = ELEMENT_MAX, .depth = 64, .nodes = EVENT_NODES };
	CLEANUP(arena_freep) struct arena *a = arena_new(EVENT_MEMORY);
	const struct json *v, *event;
	struct err why = { 0 };
	char where[40];
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	snprintf(where, sizeof where, "/response/%llu", (unsigned long long)(jsonsplit_count(im->reader) - 1));
	rc = json_parse(a, raw, &limits, &v, &why);
	if (rc == RC_NOMEM)
		return FAIL(err, rc, "%s: %s", where, why.text);
	if (rc != RC_OK) {
		sink_fail(&im->sink, (struct place){ 0, str_of(where) }, str_of(why.text));
		return RC_OK;
	}
	event = event_in(v);
	if (event == NULL) {
		sink_fail(&im->sink, (struct place){ 0, str_of(where) }, S("no MISP event"));
		return RC_OK;
	}
	return put_event(im, event, err);
}

static enum rc misp_feed(struct import *im, struct str piece, struct err *err)
{
	jsonsplit_feed(im->reader, piece);
	for (;;) {
		struct str raw;

		TRY(jsonsplit_next(im->reader, &raw, err));
		if (raw.p == NULL)
			return RC_OK;
		TRY(element(im, raw, err));
	}
}

static enum rc misp_end(struct import *im, struct err *err)
{
	return jsonsplit_end(im->reader, err);
}

const struct reader_ops IMPORT_MISP_OPS = { misp_open, misp_feed, misp_end, misp_close };
