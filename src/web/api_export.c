/* Alerts and incidents in the formats of others: STIX 1.2 and IODEF v2 as XML, STIX 2.1 as a bundle. Every export is a fact of the
 * chain that names what and how, never a word of it. */
#include "web/api.h"

#include "desk/bulletin_object.h"
#include "desk/case.h"
#include "desk/iodef.h"
#include "desk/stix12.h"
#include "web/api_bulletins.h"
#include "web/api_incidents.h"

#define IMPORTS_MAX 100

static const struct api_param ALERT_PARAMS[] = { { "format", "string", "stix12 (XML) or stix (a bundle of STIX 2.1)" }, { NULL, NULL, NULL } };
static const struct api_param INCIDENT_PARAMS[] = { { "format", "string", "iodef (XML) or stix (a bundle of STIX 2.1)" }, { NULL, NULL, NULL } };
static const char IMPORT_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"bulletins\"],\"properties\":{\"bulletins\":{\"type\":\"array\"}}}";

static enum rc note(struct api_call *c, const char *kind, struct str subject, const char *format, struct err *err)
{
	struct str body = arena_fmt(c->req->arena, "{\"format\":\"%s\"}", format);

	return body.p == NULL ? FAIL(err, RC_NOMEM, "export: out of memory") : api_fact(c, kind, subject, body, err);
}

/* *ret_xml false: "stix". */
static enum rc read_format(const struct api_call *c, const char *xml, bool *ret_xml, struct err *err)
{
	struct str format = api_query(c, "format");

	*ret_xml = format.n == 0 || str_eq(format, str_of(xml));
	return *ret_xml || str_eq(format, S("stix")) ? RC_OK : FAIL(err, RC_BAD, "format: expected %s or stix", xml);
}

static void start_bundle(struct jsonw *w)
{
	char uuid[UUID_TEXT_LEN + 1], id[sizeof "bundle--" + UUID_TEXT_LEN];
	struct uuid u;

	uuid_v4(&u);
	uuid_format(&u, uuid);
	snprintf(id, sizeof id, "bundle--%s", uuid);
	jsonw_object(w);
	jsonw_m_cstr(w, "type", "bundle");
	jsonw_m_cstr(w, "id", id);
	jsonw_name(w, "objects");
	jsonw_array(w);
}

static void end_bundle(struct api_call *c)
{
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	c->res->content_type = "application/stix+json;version=2.1";
}

/* --- alerts --- */

static enum rc alert_export(struct api_call *c, struct err *err)
{
	struct bulletin_row row;
	struct bulletin b;
	struct str object;
	bool xml;

	TRY(read_format(c, "stix12", &xml, err));
	TRY(alert_find(c, &row, err));
	TRY(note(c, "alert.export", row.id, xml ? "stix12" : "stix", err));
	if (xml) {
		TRY(bulletin_unpack(c->req->arena, &row, &b, err));
		stix12_write(&b, row.id, row.number, &c->res->body);
		c->res->content_type = "application/xml; charset=utf-8";
		return buf_check(&c->res->body, err, "export");
	}
	TRY(bulletin_object(c->req->arena, &row, str_of(c->api->identity), &object, err));
	start_bundle(&c->out);
	jsonw_raw(&c->out, object);
	end_bundle(c);
	return RC_OK;
}

/* A file tells nothing of who sent it: it has no origin, and an answer to it goes back as a file. */
static enum rc keep(struct api_call *c, const struct bulletin *b, const struct stix12_id *id, struct err *err)
{
	struct bulletin_row row = { .id = id->id, .number = id->number, .origin = S("") };
	bool fresh;

	TRY(bulletin_pack(c->req->arena, b, &row, err));
	TRY(bulletin_keep(c->api->store, &row, api_actor(c), &fresh, err));
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "id", row.id);
	jsonw_m_str(&c->out, "number", row.number);
	jsonw_m_cstr(&c->out, "code", bulletin_code_name(b->code));
	jsonw_m_str(&c->out, "title", row.title);
	jsonw_m_bool(&c->out, "exercise", row.exercise);
	jsonw_m_bool(&c->out, "fresh", fresh);
	jsonw_m_int(&c->out, "left_out", (int64_t)id->left_out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc import_object(struct api_call *c, const struct json *object, struct err *err)
{
	struct stix12_id id = { .left_out = 0 };
	struct bulletin b;

	TRY(bulletin_of_object(c->req->arena, object, &id.id, &id.number, &b, err));
	return keep(c, &b, &id, err);
}

static enum rc import_json(struct api_call *c, struct err *err)
{
	const struct json *v, *objects;
	size_t n = 0;

	TRY(json_parse(c->req->arena, c->req->body, &JSON_LIMITS, &v, err));
	if (str_eq(json_get_str(v, S("type")), S(BULLETIN_TYPE)))
		return import_object(c, v, err);
	objects = json_get(v, S("objects"));
	if (!json_is(objects, JSON_ARRAY))
		return FAIL(err, RC_BAD, "expected a bundle, or an object of type " BULLETIN_TYPE);
	JSON_EACH(one, objects) {
		if (!str_eq(json_get_str(one, S("type")), S(BULLETIN_TYPE)))
			continue;
		if (++n > IMPORTS_MAX)
			return FAIL(err, RC_LIMIT, "more than %d alerts at a time", IMPORTS_MAX);
		TRY(import_object(c, one, err));
	}
	return n > 0 ? RC_OK : FAIL(err, RC_BAD, "the bundle has no object of type " BULLETIN_TYPE);
}

static enum rc import_xml(struct api_call *c, struct err *err)
{
	struct stix12_id id;
	struct bulletin b;

	TRY(stix12_read(c->req->arena, c->req->body, c->api->default_tlp, &id, &b, err));
	if (b.at[BW_ISSUED] == 0)
		b.at[BW_ISSUED] = time_now();
	return keep(c, &b, &id, err);
}

static enum rc alerts_import(struct api_call *c, struct err *err)
{
	struct str body = str_trim(c->req->body);

	if (need_is_bounded(c))
		return FAIL(err, RC_DENIED, "alerts: your role at the desk sees the incidents in which it is asked, and no alerts");
	jsonw_object(&c->out);
	jsonw_name(&c->out, "bulletins");
	jsonw_array(&c->out);
	TRY(str_starts(body, S("{")) ? import_json(c, err) : import_xml(c, err));
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- incidents --- */

static int criticality(const struct desk_view *v)
{
	const struct pack *p = v->n > 0 ? v->packs[0] : NULL;

	return p == NULL || v->views[0]->overall == 0 ? -1 :
	       100 * (v->views[0]->overall - p->level_least + 1) / (p->level_most - p->level_least + 1);
}

static void put_stix(struct api_call *c, const struct incident_row *r, const struct desk_view *v)
{
	struct case_incident i = { .id = r->id, .author = str_of(c->api->identity), .title = r->title, .created = r->opened, .modified = r->changed,
				   .open = v->open, .exercise = r->exercise, .criticality = criticality(v), .tlp = c->api->default_tlp };
	struct buf object;

	i.suspected = v->n == 0 || v->views[0]->overall == 0;
	buf_init(&object, CASE_OBJECT_MAX);
	case_incident_write(&i, &object);
	start_bundle(&c->out);
	jsonw_raw(&c->out, buf_view(&object));
	end_bundle(c);
	buf_done(&object);
}

static enum rc incident_export(struct api_call *c, struct err *err)
{
	struct incident_row r;
	struct desk_view v;
	bool xml;

	TRY(read_format(c, "iodef", &xml, err));
	TRY(incident_find(c, c->params[0], &r, err));
	TRY(incident_look(c, &r, NULL, 0, time_now(), &v, err));
	TRY(note(c, "incident.export", r.id, xml ? "iodef" : "stix", err));
	if (!xml) {
		put_stix(c, &r, &v);
		return RC_OK;
	}
	iodef_write(&(struct iodef_incident){ .id = r.id, .number = r.number, .title = r.title, .node = str_of(c->api->node_name), .exercise = r.exercise,
					      .tlp = c->api->default_tlp, .opened = r.opened, .now = time_now(), .view = &v }, &c->res->body);
	c->res->content_type = "application/xml; charset=utf-8";
	return buf_check(&c->res->body, err, "export");
}

const struct api_route API_ROUTES_EXPORT[] = {
	{ "POST", "/bulletins/import", API_ANALYST, alerts_import, "Take in an alert from a file: STIX 1.2 (XML) or our STIX 2.1 objects", NULL, NULL, IMPORT_SCHEMA },
	{ "GET", "/bulletins/{bulletin}/export", API_READER, alert_export, "An alert for other systems", ALERT_PARAMS, NULL, NULL },
	{ "GET", "/incidents/{incident}/export", API_READER, incident_export, "An incident for other systems", INCIDENT_PARAMS, NULL, NULL },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
