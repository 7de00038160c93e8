/* What was seen in an incident, and how it becomes intelligence: the attacker's values go into the node's indicators through the same
 * gate as anybody's, marked, under ids that tell nothing, and without a word about the victim. */
#include "web/api_incidents.h"

#include "base/uuid.h"
#include "desk/observed.h"
#include "desk/show.h"
#include "intel/import.h"
#include "model/observable.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/write.h"
#include "store/objects.h"

#define PUBLISH_MAX 500
#define REDACT_MAX 8
#define BUNDLE_MAX ((size_t)4 << 20)
#define NOTE_MAX 1000

static const char OBSERVABLE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"value\"],\"properties\":{\"value\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\",\"description\":"
	"\"ipv4, domain, url, sha256, ... or host; left out: by its form\"},\"role\":{\"enum\":[\"unknown\",\"attacker\",\"victim\",\"other\"]},"
	"\"tlp\":{\"type\":\"string\"},\"note\":{\"type\":\"string\"}}}";
static const char PUBLISH_REQUEST[] =
	"{\"type\":\"object\",\"properties\":{\"tlp\":{\"type\":\"string\"},\"collection\":{\"type\":\"string\"},\"redact\":{\"type\":\"array\","
	"\"items\":{\"enum\":[\"creator\",\"description\",\"time\",\"reference\"]}},\"values\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";

/* --- list and add --- */

static enum rc look(struct api_call *c, struct incident_row *r, struct observed **ret, size_t *ret_n, struct err *err)
{
	struct desk_view v;
	usec at = time_now();

	TRY(incident_find(c, c->params[0], r, err));
	TRY(incident_look(c, r, NULL, 0, at, &v, err));
	return observed_list(c->req->arena, &v.facts, at, TLP_RED, ret, ret_n, err);
}

static bool may_show(const struct api_call *c, const struct observed *o)
{
	return o->tlp == OBSERVED_UNMARKED || incident_may_show(c, o->tlp);
}

static void put_observed(struct jsonw *w, const struct observed *o)
{
	jsonw_object(w);
	jsonw_m_str(w, "kind", o->kind);
	jsonw_m_str(w, "value", o->value);
	jsonw_m_cstr(w, "role", observed_role_name(o->role));
	if (o->tlp != OBSERVED_UNMARKED)
		jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)o->tlp));
	if (o->note.n > 0)
		jsonw_m_str(w, "note", o->note);
	if (o->indicator.n > 0)
		jsonw_m_str(w, "indicator", o->indicator);
	show_time(w, "first", o->first);
	show_time(w, "last", o->last);
	jsonw_m_int(w, "times", o->times);
	jsonw_object_end(w);
}

static enum rc observables_get(struct api_call *c, struct err *err)
{
	struct incident_row r;
	struct observed *list;
	struct desk_view v;
	struct need need;
	usec at = time_now();
	size_t n;

	TRY(incident_find_needed(c, c->params[0], at, &r, &v, &need, err));
	TRY(observed_list(c->req->arena, &v.facts, at, c->viewer->tlp_max, &list, &n, err));
	if (!need_shows(&need, FACT_OBSERVABLE))
		n = 0;
	jsonw_object(&c->out);
	jsonw_name(&c->out, "observables");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		if (may_show(c, &list[i]))
			put_observed(&c->out, &list[i]);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* Kind and value in their one spelling; a host is a name that only its owner knows. */
static enum rc read_value(struct api_call *c, struct str *ret_kind, struct str *ret_value, struct err *err)
{
	struct str text, kind;
	enum observable_kind known;
	struct buf plain, value;
	enum rc rc;

	TRY(api_text(c, "value", true, &text, err));
	TRY(api_text(c, "kind", false, &kind, err));
	text = str_trim(text);
	if (text.n == 0 || text.n > VALUE_MAX)
		return FAIL(err, RC_BAD, "/value: expected 1 to %d bytes", VALUE_MAX);
	*ret_value = text;
	*ret_kind = S("host");
	if (kind.n > 0 && str_eq(kind, S("host")))
		return RC_OK;
	buf_init(&plain, VALUE_MAX * 2);
	buf_init(&value, VALUE_MAX * 2);
	value_refang(&plain, text);
	if (kind.n == 0)
		rc = value_detect(buf_view(&plain), &known, &value, err);
	else if (value_kind_find(kind, &known))
		rc = value_normalise(known, buf_view(&plain), &value, err);
	else
		rc = FAIL(err, RC_BAD, "/kind: nobody knows '%.*s'", STR(str_slice(kind, 0, 60)));
	if (rc == RC_OK) {
		*ret_kind = str_of(value_kind_name(known));
		*ret_value = arena_dup(c->req->arena, buf_view(&value));
	} else if (rc == RC_BAD && kind.n == 0) {
		err_prefix(err, "/value");
	}
	buf_done(&plain);
	buf_done(&value);
	return rc == RC_OK && ret_value->p == NULL ? FAIL(err, RC_NOMEM, "observable: out of memory") : rc;
}

/* {"type": "observable", ...} as the fact will have it. `indicator`: "" or its id. */
static enum rc write_fact(struct api_call *c, const struct incident_row *r, const struct observed *o, struct incident_fact *ret, struct err *err)
{
	struct buf b;
	struct jsonw w;
	struct str text;
	enum rc rc;

	buf_init(&b, INCIDENT_FACT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", "observable");
	jsonw_m_str(&w, "kind", o->kind);
	jsonw_m_str(&w, "value", o->value);
	jsonw_m_cstr(&w, "role", observed_role_name(o->role));
	if (o->tlp != OBSERVED_UNMARKED)
		jsonw_m_cstr(&w, "tlp", tlp_name((enum tlp)o->tlp));
	if (o->note.n > 0)
		jsonw_m_str(&w, "note", o->note);
	if (o->indicator.n > 0)
		jsonw_m_str(&w, "indicator", o->indicator);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "observable");
	text = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	TRY(rc);
	return text.p == NULL ? FAIL(err, RC_NOMEM, "observable: out of memory") : incident_own_fact(c, r->packs, text, ret, err);
}

static enum rc observables_post(struct api_call *c, struct err *err)
{
	struct observed o = { .note = S(""), .indicator = S("") };
	struct incident_row r;
	struct incident_fact f;
	struct desk_view v;
	struct need need;
	struct str role, note;

	TRY(incident_find_needed(c, c->params[0], time_now(), &r, &v, &need, err));
	TRY(read_value(c, &o.kind, &o.value, err));
	TRY(api_text(c, "role", false, &role, err));
	TRY(api_text(c, "note", false, &note, err));
	TRY(api_tlp(c, "tlp", OBSERVED_UNMARKED, &o.tlp, err));
	o.role = role.n > 0 ? observed_role_find(role) : OBSERVED_UNKNOWN;
	if (o.role == OBSERVED_ROLES)
		return FAIL(err, RC_BAD, "/role: expected unknown, attacker, victim or other");
	if (note.n > NOTE_MAX)
		return FAIL(err, RC_BAD, "/note: at most %d bytes", NOTE_MAX);
	if (note.n > 0)
		o.note = note;
	TRY(write_fact(c, &r, &o, &f, err));
	TRY(incident_state(c, &r, &f, 1, &v, err));
	c->res->status = 201;
	o.first = o.last = time_now();
	o.times = 1;
	put_observed(&c->out, &o);
	return RC_OK;
}

/* --- publish --- */

struct redaction { bool creator, description, time, reference; };

struct publishing {
	struct api_call *c;
	struct incident_row r;
	struct observed *all;
	size_t n_all;
	const struct json *values;  /* only these, or NULL */
	uint8_t tlp;
	uint32_t collection;
	uint8_t ceiling;
	struct redaction redact;
	struct observed *out;       /* those that go, with their new ids */
	size_t n_out;
	struct buf bundle;
	struct jsonw w;
};

static enum rc read_redaction(struct api_call *c, struct redaction *ret, struct err *err)
{
	const struct json *list = json_get(c->body, S("redact"));
	struct { const char *name; bool *to; } names[] = {
		{ "creator", &ret->creator }, { "description", &ret->description }, { "time", &ret->time }, { "reference", &ret->reference } };

	*ret = (struct redaction){ .creator = false };
	if (list == NULL)
		return RC_OK;
	if (list->type != JSON_ARRAY || list->n > REDACT_MAX)
		return FAIL(err, RC_BAD, "/redact: expected an array of creator, description, time, reference");
	JSON_EACH(one, list) {
		bool known = false;

		for (size_t i = 0; i < COUNTOF(names); i++)
			if (str_eq(json_str(one), str_of(names[i].name)))
				*names[i].to = known = true;
		if (!known)
			return FAIL(err, RC_BAD, "/redact: there is no field '%.*s'", STR(str_slice(json_str(one), 0, 60)));
	}
	return RC_OK;
}

static bool asked(const struct json *values, struct str value)
{
	if (values == NULL)
		return true;
	JSON_EACH(one, values)
		if (str_eq(json_str(one), value))
			return true;
	return false;
}

/* Why this one does not go, or NULL. */
static const char *why_not(const struct publishing *p, const struct observed *o)
{
	enum observable_kind kind;

	if (o->role != OBSERVED_ATTACKER)
		return "it is not known to be the attacker's";
	if (o->indicator.n > 0)
		return "it is published already";
	if (!value_kind_find(o->kind, &kind))
		return "nothing can be looked for by it";
	if (o->tlp != OBSERVED_UNMARKED && o->tlp > p->tlp)
		return "its marking does not allow that";
	if (observed_tells_victim(p->all, p->n_all, str_of(p->c->api->node_name), o->value))
		return "it names the victim";
	return NULL;
}

/* The day only, when an exact time would tell whose incident it was. */
static usec moment_of(const struct publishing *p)
{
	usec day = 86400 * USEC_PER_SEC, now = time_now();

	return p->redact.time ? now / day * day : now;
}

static void put_reference(struct publishing *p)
{
	/* An incident is as secret as what carries no marking here: who may not see it is not told of it. */
	if (p->redact.reference || p->tlp < p->c->api->default_tlp)
		return;
	jsonw_name(&p->w, "external_references");
	jsonw_array(&p->w);
	jsonw_object(&p->w);
	jsonw_m_cstr(&p->w, "source_name", "lianfang-incident");
	jsonw_m_str(&p->w, "external_id", p->r.number);
	jsonw_object_end(&p->w);
	jsonw_array_end(&p->w);
}

static void put_indicator(struct publishing *p, const struct observed *o)
{
	char text[TIME_TEXT_MAX];
	enum observable_kind kind = OBS_KINDS;
	struct buf pattern;

	buf_init(&pattern, VALUE_MAX * 4);
	if (value_kind_find(o->kind, &kind))
		value_pattern(&pattern, kind, o->value);
	jsonw_object(&p->w);
	stix_write_head(&p->w, "indicator", o->indicator, p->redact.creator ? S("") : str_of(p->c->api->identity), moment_of(p), moment_of(p));
	jsonw_m_str(&p->w, "name", o->value);
	if (!p->redact.description && o->note.n > 0 && !observed_tells_victim(p->all, p->n_all, str_of(p->c->api->node_name), o->note))
		jsonw_m_str(&p->w, "description", o->note);
	jsonw_m_str(&p->w, "pattern", buf_view(&pattern));
	jsonw_m_cstr(&p->w, "pattern_type", "stix");
	jsonw_m_str(&p->w, "valid_from", time_format_ms(moment_of(p), text));
	put_reference(p);
	stix_write_tlp(&p->w, (enum tlp)p->tlp);
	jsonw_object_end(&p->w);
	buf_done(&pattern);
}

/* The same value of the same incident makes the same id, so that whoever publishes again after a crash publishes nothing twice; without
 * the node's key nobody can tell from an id whose it is. */
static enum rc id_for(const struct publishing *p, const struct observed *o, struct str *ret, struct err *err)
{
	struct arena *a = p->c->req->arena;
	struct str name = arena_fmt(a, "indicator\n%.*s\n%.*s\n%.*s", STR(p->r.id), STR(o->kind), STR(o->value));
	unsigned char mac[MAC_LEN];
	char uuid[UUID_TEXT_LEN + 1];
	struct uuid u;

	if (name.p == NULL)
		return FAIL(err, RC_NOMEM, "publish: out of memory");
	mac_sha256(p->c->api->id_key, name, mac);
	memcpy(u.b, mac, sizeof u.b);
	u.b[6] = (uint8_t)((u.b[6] & 0x0F) | 0x40); /* looks like any random one (RFC 9562 §5.4) */
	u.b[8] = (uint8_t)((u.b[8] & 0x3F) | 0x80);
	*ret = arena_fmt(a, "indicator--%s", uuid_format(&u, uuid).p);
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "publish: out of memory") : RC_OK;
}

/* Whether it was admitted before something stopped us. */
static enum rc is_there(const struct publishing *p, struct str id, bool *ret, struct err *err)
{
	struct page_query q = { .collection = p->collection, .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .tlp_mask = UINT32_MAX, .limit = 1 };
	struct page page;

	TRY(store_page(p->c->api->store, &q, &page, err));
	*ret = page.n > 0;
	page_done(&page);
	return RC_OK;
}

/* Chooses what goes, and tells why the rest does not. */
static enum rc choose(struct publishing *p, struct err *err)
{
	struct api_call *c = p->c;

	p->out = arena_array(c->req->arena, PUBLISH_MAX, sizeof *p->out);
	if (p->out == NULL)
		return FAIL(err, RC_NOMEM, "publish: out of memory");
	jsonw_name(&c->out, "left_out");
	jsonw_array(&c->out);
	for (size_t i = 0; i < p->n_all; i++) {
		const struct observed *o = &p->all[i];
		const char *why = p->n_out == PUBLISH_MAX ? "too many at once" : why_not(p, o);

		if (!asked(p->values, o->value) || !may_show(c, o))
			continue;
		if (why != NULL) {
			jsonw_object(&c->out);
			jsonw_m_str(&c->out, "value", o->value);
			jsonw_m_cstr(&c->out, "why", why);
			jsonw_object_end(&c->out);
			continue;
		}
		p->out[p->n_out] = *o;
		TRY(id_for(p, o, &p->out[p->n_out].indicator, err));
		p->n_out++;
	}
	jsonw_array_end(&c->out);
	return RC_OK;
}

/* By the way that any feed comes in: checked, compared with the warning lists, reported. */
static enum rc admit(struct publishing *p, struct err *err)
{
	struct api_call *c = p->c;
	struct import_opts o = { .format = IMPORT_STIX, .warn = c->api->warninglists, .source_name = S("node:desk"), .identity = str_of(c->api->identity),
				 .tlp = p->tlp, .confidence = 255 };
	struct import *im CLEANUP(import_freep) = NULL;
	enum rc rc;

	o.admit = (struct admit_opts){ .collection = p->collection, .tlp_ceiling = p->ceiling, .default_tlp = p->tlp, .strict = c->api->strict };
	TRY(store_source_id(c->api->store, o.source_name, &o.admit.source, err));
	TRY(import_new(c->api->store, &o, &im, err));
	rc = import_feed(im, buf_view(&p->bundle), err);
	if (rc == RC_OK)
		rc = import_end(im, err);
	TRY(rc);
	if (import_report(im)->failed > 0)
		return FAIL(err, RC_CONFLICT, "publish: %.*s", STR(import_report(im)->failures[0].message));
	jsonw_name(&c->out, "report");
	import_report_write(import_report(im), &c->out);
	return RC_OK;
}

static enum rc write_bundle(struct publishing *p, struct err *err)
{
	char id[STIX_ID_MAX + 1];

	jsonw_init(&p->w, &p->bundle);
	jsonw_object(&p->w);
	jsonw_m_cstr(&p->w, "type", "bundle");
	jsonw_m_str(&p->w, "id", stix_new_id(S("bundle"), id));
	jsonw_name(&p->w, "objects");
	jsonw_array(&p->w);
	for (size_t i = 0; i < p->n_out; i++) {
		bool there;

		TRY(is_there(p, p->out[i].indicator, &there, err));
		if (!there)
			put_indicator(p, &p->out[i]);
	}
	jsonw_array_end(&p->w);
	jsonw_object_end(&p->w);
	return buf_check(&p->bundle, err, "publish");
}

/* What was published is stated about the incident, value by value. */
static enum rc state_it(struct publishing *p, struct err *err)
{
	struct incident_fact *f = arena_array(p->c->req->arena, p->n_out + 1, sizeof *f);
	struct desk_view v;

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "publish: out of memory");
	for (size_t i = 0; i < p->n_out; i++)
		TRY(write_fact(p->c, &p->r, &p->out[i], &f[i], err));
	return incident_state(p->c, &p->r, f, p->n_out, &v, err);
}

static enum rc publish(struct publishing *p, struct err *err)
{
	struct jsonw *w = &p->c->out;

	jsonw_object(w);
	jsonw_m_str(w, "incident", p->r.number);
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)p->tlp));
	TRY(choose(p, err));
	if (p->n_out > 0) {
		TRY(write_bundle(p, err));
		TRY(admit(p, err));
		TRY(state_it(p, err));
	}
	jsonw_name(w, "published");
	jsonw_array(w);
	for (size_t i = 0; i < p->n_out; i++)
		put_observed(w, &p->out[i]);
	jsonw_array_end(w);
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc publish_post(struct api_call *c, struct err *err)
{
	struct publishing p = { .c = c, .values = json_get(c->body, S("values")) };
	struct str collection;
	enum rc rc;

	TRY(look(c, &p.r, &p.all, &p.n_all, err));
	if (p.r.exercise)
		return FAIL(err, RC_CONFLICT, "incident: it is an exercise: nothing of it becomes intelligence");
	if (p.values != NULL && p.values->type != JSON_ARRAY)
		return FAIL(err, RC_BAD, "/values: expected an array of texts");
	TRY(api_tlp(c, "tlp", c->api->default_tlp, &p.tlp, err));
	TRY(read_redaction(c, &p.redact, err));
	TRY(api_text(c, "collection", false, &collection, err));
	TRY(api_collection(c, collection.p == NULL ? S("") : collection, &p.collection, &p.ceiling, err));
	if (p.tlp > p.ceiling)
		return FAIL(err, RC_BAD, "/tlp: the collection holds at most %s", tlp_name((enum tlp)p.ceiling));
	buf_init(&p.bundle, BUNDLE_MAX);
	rc = publish(&p, err);
	buf_done(&p.bundle);
	return rc;
}

const struct api_route API_ROUTES_OBSERVABLES[] = {
	{ "GET", "/incidents/{incident}/observables", API_READER, observables_get, "What was seen in an incident", NULL, NULL, ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/observables", API_ANALYST, observables_post, "Add a value that was seen in an incident", NULL, OBSERVABLE_REQUEST,
	  ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/indicators", API_ANALYST, publish_post, "Make indicators of the attacker's values", NULL, PUBLISH_REQUEST, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
