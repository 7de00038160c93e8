/* The forms of the packs, filled in from what is known of an incident, and what people type into them. A report that the law wants whole
 * is not taken in while something required is missing. */
#include "web/api_incidents.h"

#include "desk/form.h"
#include "desk/show.h"
#include "store/registers.h"

#define ENTRY_MAX ((size_t)16 << 10)
#define ORGANISATIONS_MAX 1000

static const char ENTRIES_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"entries\"],\"properties\":{\"entries\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}}}";
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";
static const struct api_param FORM_PARAMS[] = {
	{ "format", "string", "json, html or text" },
	{ "pack", "string", "whose form; default: the first of the incident's packs that has one of this name" },
	{ "lang", "string", "of the text: zh-TW or en" },
	{ NULL, NULL, NULL },
};

/* The node's own organisation as the register has it: by its OID, else by its name. NULL: not there. */
static enum rc own_organisation(struct api_call *c, const struct json **ret, struct err *err)
{
	struct register_query q = { .kind = REGISTER_ORGANISATION, .owner = S(""), .sector = S(""), .level = S(""), .tier = S(""), .region = S(""), .after = S(""),
				    .limit = ORGANISATIONS_MAX };
	struct register_entry one, *list;
	size_t n;

	*ret = NULL;
	if (c->api->oid != NULL && c->api->oid[0] != '\0' &&
	    register_get(c->api->store, REGISTER_ORGANISATION, str_of(c->api->oid), c->req->arena, &one, NULL) == RC_OK)
		return json_parse(c->req->arena, one.body, &JSON_LIMITS, ret, err);
	TRY(register_list(c->api->store, &q, c->req->arena, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].name, str_of(c->api->node_name)))
			return json_parse(c->req->arena, list[i].body, &JSON_LIMITS, ret, err);
	return RC_OK;
}

static enum rc about(struct api_call *c, const struct incident_row *r, const struct desk_view *v, size_t pack, struct form_about *ret, struct err *err)
{
	*ret = (struct form_about){ .pack = v->packs[pack], .facts = &v->facts, .view = v->views[pack], .number = r->number, .title = r->title,
				    .exercise = r->exercise, .organisation_name = str_of(c->api->node_name), .at = time_now(), .tlp = c->api->default_tlp };
	return own_organisation(c, &ret->organisation, err);
}

/* --- a report that is not whole --- */

static enum rc refuse_one(struct api_call *c, const struct form_about *x, const struct pack_form *which, const char *fact, struct err *err)
{
	struct form f;
	struct buf b;
	enum rc rc;

	TRY(form_fill(c->req->arena, x, which, &f, err));
	if (f.missing == 0)
		return RC_OK;
	buf_init(&b, 4096);
	form_missing(&f, false, &b);
	rc = FAIL(err, RC_BAD, "%s: %.*s of pack %.*s lacks %.*s", fact, STR(which->term.id), STR(x->pack->id), STR(buf_view(&b)));
	buf_done(&b);
	return rc;
}

enum rc incident_refuse_partial(struct api_call *c, const struct incident_row *r, const struct desk_view *v, struct str type, struct err *err)
{
	enum fact_type fact = desk_fact_find(type);
	struct form_about x;

	for (size_t p = 0; fact == FACT_PUBLISHED && p < v->n; p++)
		if (v->views[p]->overall < v->packs[p]->level_major)
			return FAIL(err, RC_BAD, "published: under pack %.*s a major incident is published, from level %d on; this one has level %d",
				    STR(v->packs[p]->id), v->packs[p]->level_major, v->views[p]->overall);
	for (size_t p = 0; fact != FACT_TYPES && p < v->n; p++)
		for (size_t i = 0; i < v->packs[p]->n_forms; i++) {
			if ((v->packs[p]->forms[i].facts >> fact & 1) == 0)
				continue;
			TRY(about(c, r, v, p, &x, err));
			TRY(refuse_one(c, &x, &v->packs[p]->forms[i], desk_fact_name(fact), err));
		}
	return RC_OK;
}

/* --- routes --- */

static enum rc look(struct api_call *c, struct incident_row *r, struct desk_view *v, struct err *err)
{
	TRY(incident_find(c, c->params[0], r, err));
	return incident_look(c, r, NULL, 0, time_now(), v, err);
}

static enum rc forms_get(struct api_call *c, struct err *err)
{
	struct jsonw *w = &c->out;
	struct incident_row r;
	struct desk_view v;

	TRY(look(c, &r, &v, err));
	jsonw_object(w);
	jsonw_name(w, "forms");
	jsonw_array(w);
	for (size_t p = 0; p < v.n; p++)
		for (size_t i = 0; i < v.packs[p]->n_forms; i++) {
			struct form_about x;
			struct form f;

			TRY(about(c, &r, &v, p, &x, err));
			TRY(form_fill(c->req->arena, &x, &v.packs[p]->forms[i], &f, err));
			jsonw_object(w);
			jsonw_m_str(w, "form", f.form->term.id);
			jsonw_m_str(w, "pack", x.pack->id);
			show_words(w, "title", &f.form->term.title);
			form_put_facts(f.form, w);
			jsonw_m_int(w, "missing", (int64_t)f.missing);
			jsonw_m_bool(w, "complete", f.missing == 0);
			jsonw_object_end(w);
		}
	jsonw_array_end(w);
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc find_form(struct api_call *c, const struct desk_view *v, size_t *ret_pack, const struct pack_form **ret, struct err *err)
{
	struct str pack = api_query(c, "pack");

	for (size_t p = 0; p < v->n; p++) {
		*ret = pack_form_find(v->packs[p], c->params[1]);
		*ret_pack = p;
		if (*ret != NULL && (pack.n == 0 || str_eq(pack, v->packs[p]->id)))
			return RC_OK;
	}
	return FAIL(err, RC_NOTFOUND, "incident: its packs have no form '%.*s'", STR(str_slice(c->params[1], 0, 64)));
}

static enum rc form_get(struct api_call *c, struct err *err)
{
	struct str format = api_query(c, "format"), lang = api_query(c, "lang");
	const struct pack_form *which;
	struct incident_row r;
	struct desk_view v;
	struct form_about x;
	struct form f;
	size_t pack;

	TRY(look(c, &r, &v, err));
	TRY(find_form(c, &v, &pack, &which, err));
	TRY(about(c, &r, &v, pack, &x, err));
	TRY(form_fill(c->req->arena, &x, which, &f, err));
	if (str_eq(format, S("html"))) {
		c->res->content_type = "text/html; charset=utf-8";
		http_res_header(c->res, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
		form_html(&f, &c->res->body);
	} else if (str_eq(format, S("text"))) {
		c->res->content_type = "text/plain; charset=utf-8";
		form_text(&f, str_eq(lang, S("zh-TW")), &c->res->body);
	} else if (format.n == 0 || str_eq(format, S("json"))) {
		jsonw_object(&c->out);
		form_json(&f, &c->out);
		jsonw_object_end(&c->out);
	} else {
		return FAIL(err, RC_BAD, "format: expected json, html or text");
	}
	return RC_OK;
}

static bool is_entry(const struct desk_view *v, struct str name)
{
	for (size_t p = 0; p < v->n; p++)
		for (size_t i = 0; i < v->packs[p]->n_forms; i++) {
			const struct pack_form *f = &v->packs[p]->forms[i];

			for (size_t k = 0; k < f->n_fields; k++) {
				if (str_eq(f->fields[k].entry, name))
					return true;
				for (size_t j = 0; j < f->fields[k].n_parts; j++)
					if (str_eq(f->fields[k].parts[j].entry, name))
						return true;
			}
		}
	return false;
}

static enum rc check_entries(const struct api_call *c, const struct desk_view *v, struct err *err)
{
	const struct json *entries = json_get(c->body, S("entries"));

	if (!json_is(entries, JSON_OBJECT) || entries->n == 0)
		return FAIL(err, RC_BAD, "/entries: expected an object of texts");
	JSON_MEMBERS(name, value, entries) {
		if (!is_entry(v, json_str(name)))
			return FAIL(err, RC_BAD, "/entries: no form of the incident's packs asks for '%.*s'", STR(str_slice(json_str(name), 0, 64)));
		if (value->type != JSON_STRING || json_str(value).n > ENTRY_MAX)
			return FAIL(err, RC_BAD, "/entries/%.*s: expected a text of at most %zu bytes", STR(json_str(name)), ENTRY_MAX);
	}
	return RC_OK;
}

static enum rc entries_post(struct api_call *c, struct err *err)
{
	struct incident_row r;
	struct incident_fact f;
	struct desk_view v;
	struct str text;
	struct buf b;
	struct jsonw w;

	TRY(look(c, &r, &v, err));
	TRY(check_entries(c, &v, err));
	buf_init(&b, INCIDENT_FACT_MAX * 2);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", "entry");
	jsonw_name(&w, "entries");
	jsonw_value(&w, json_get(c->body, S("entries")));
	jsonw_object_end(&w);
	text = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	if (text.p == NULL || text.n == 0)
		return FAIL(err, RC_LIMIT, "/entries: too much text for one time");
	TRY(incident_own_fact(c, r.packs, text, &f, err));
	TRY(incident_state(c, &r, &f, 1, &v, err));
	c->res->status = 201;
	return incident_put(c, &r, &v, time_now(), err);
}

const struct api_route API_ROUTES_FORMS[] = {
	{ "GET", "/incidents/{incident}/forms", API_READER, forms_get, "The forms of an incident's packs, and how much is missing in each", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/incidents/{incident}/forms/{form}", API_READER, form_get, "A form, filled in from the facts", FORM_PARAMS, NULL, ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/entries", API_ANALYST, entries_post, "Fill in fields of the forms", NULL, ENTRIES_REQUEST, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
