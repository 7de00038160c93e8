/* Facts of an incident over REST: what was stated, and stating more.
 *
 * `at`, the time of recording, is always this node's own; `claimed` is what the person says. A fact that could not count is refused
 * with the reason. */
#include "web/api_cases.h"
#include "web/api_incidents.h"

#include "base/uuid.h"
#include "stix/marking.h"
#include "store/cases.h"

static const char FACT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"type\"],\"properties\":{\"type\":{\"type\":\"string\"},\"id\":{\"type\":\"string\"},\"claimed\":"
	"{\"type\":\"string\",\"format\":\"date-time\"},\"by\":{\"type\":\"string\"},\"action\":{\"type\":\"string\"},\"level\":{\"type\":\"integer\"},\"items\":{\"type\":\"array\"}}}";
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";

/* Who states something at this tier, when the request does not say: of its own incidents an authority is the reporter. */
static const char *role_here(const struct api *api, struct str packs, enum fact_type type)
{
	const char *role = strcmp(api->tier, "provider") == 0 ? "reporter" : strcmp(api->tier, "nation") == 0 ? "authority" : "reviewer";
	struct str first;
	const struct pack *p = str_next(&packs, ' ', &first) ? desk_pack(api->desk, first) : NULL;
	const struct pack_role *own = p == NULL ? NULL : pack_role_find(p, str_of(role));

	return own != NULL && (own->facts >> type & 1) == 0 ? "reporter" : role;
}

/* What another node's pack calls its offices is heard (desk/derive.h); whoever states something here has a role of these packs. */
static enum rc check_role(const struct desk *d, struct str packs, struct str role, struct err *err)
{
	struct str left = packs, id;
	const struct pack *p;

	while (str_next(&left, ' ', &id))
		if ((p = desk_pack(d, id)) != NULL && pack_role_find(p, role) != NULL)
			return RC_OK;
	return FAIL(err, RC_BAD, "/by: %.*s knows no role '%.*s'", STR(packs), STR(str_slice(role, 0, 64)));
}

/* Whoever has a role at the desk states as that role, and as no other. */
static enum rc state_as(const struct api_call *c, struct str packs, enum fact_type type, struct str asked, struct str *ret, struct err *err)
{
	struct incident_row r = { .packs = packs };
	struct need need;

	TRY(need_of(c, &r, &need, err));
	if (need.role.n > 0 && asked.n > 0 && !str_eq(asked, need.role))
		return FAIL(err, RC_DENIED, "/by: you are %.*s at this desk", STR(need.role));
	if (asked.n > 0)
		TRY(check_role(c->api->desk, packs, asked, err));
	*ret = need.role.n > 0 ? need.role : asked.n > 0 ? asked : str_of(c->role != NULL ? c->role : role_here(c->api, packs, type));
	return RC_OK;
}

/* --- facts in --- */

static bool skipped(struct str name)
{
	return str_eq(name, S("at")) || str_eq(name, S("id")) || str_eq(name, S("by"));
}

static enum rc check_instant(const struct json *in, const char *name, struct err *err)
{
	struct str text = json_get_str(in, str_of(name));
	usec t;

	return text.n > 0 && time_parse_offset(text, &t, NULL) == RC_OK ? RC_OK : FAIL(err, RC_BAD, "/%s: expected an instant (RFC 3339)", name);
}

static enum rc no_type(struct str said, struct err *err)
{
	struct buf b;

	buf_init(&b, 4096);
	for (int i = 0; i < FACT_TYPES; i++)
		buf_fmt(&b, "%s%s", i > 0 ? ", " : "", desk_fact_name((enum fact_type)i));
	err_set(err, RC_BAD, "/type: no fact is called '%.*s': %.*s", STR(str_slice(said, 0, 40)), STR(buf_view(&b)));
	buf_done(&b);
	return RC_BAD;
}

enum rc incident_make_fact(struct api_call *c, struct str packs, const struct json *in, struct incident_fact *ret, struct err *err)
{
	struct str id = json_get_str(in, S("id")), by = json_get_str(in, S("by"));
	enum fact_type type = desk_fact_find(json_get_str(in, S("type")));
	char own[2 + UUID_TEXT_LEN + 1], uuid[UUID_TEXT_LEN + 1];
	struct uuid u;
	struct buf b;
	struct jsonw w;
	enum rc rc;

	if (in->type != JSON_OBJECT)
		return FAIL(err, RC_BAD, "fact: expected an object");
	ret->type = json_get_str(in, S("type"));
	if (ret->type.n == 0)
		return FAIL(err, RC_BAD, "/type: is required");
	if (type == FACT_TYPES)
		return no_type(ret->type, err);
	if (json_get(in, S("until")) != NULL)
		TRY(check_instant(in, "until", err));
	if (json_get(in, S("claimed")) != NULL)
		TRY(check_instant(in, "claimed", err));
	TRY(state_as(c, packs, type, by, &by, err));
	uuid_v4(&u);
	uuid_format(&u, uuid);
	snprintf(own, sizeof own, "f-%s", uuid);
	buf_init(&b, INCIDENT_FACT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "id", id.n > 0 ? id : str_of(own));
	jsonw_m_time(&w, "at", time_now());
	jsonw_m_str(&w, "by", by);
	JSON_MEMBERS(name, value, in)
		if (!skipped(json_str(name))) {
			jsonw_name_str(&w, json_str(name));
			jsonw_value(&w, value);
		}
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "fact");
	ret->id = arena_dup(c->req->arena, id.n > 0 ? id : str_of(own));
	ret->body = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	return rc == RC_OK && (ret->id.p == NULL || ret->body.p == NULL) ? FAIL(err, RC_NOMEM, "fact: out of memory") : rc;
}

enum rc incident_own_fact(struct api_call *c, struct str packs, struct str text, struct incident_fact *ret, struct err *err)
{
	const struct json *in;

	TRY(json_parse(c->req->arena, text, &JSON_LIMITS, &in, err));
	return incident_make_fact(c, packs, in, ret, err);
}

enum rc incident_refuse_idle(const struct desk_view *v, const struct incident_fact *f, size_t n, struct err *err)
{
	for (size_t i = 0; i < v->facts.n_problems; i++)
		for (size_t k = 0; k < n && !v->facts.problems[i].counted; k++)
			if (str_eq(v->facts.problems[i].id, f[k].id))
				return FAIL(err, RC_BAD, "%.*s: %.*s", STR(f[k].type), STR(v->facts.problems[i].why));
	return RC_OK;
}

/* --- facts out --- */

/* A fact that is marked beyond what the caller may see: that it is there, when, and whose. */
static bool withheld(struct api_call *c, struct str line, const struct json **ret)
{
	return str_find(line, S("\"tlp\""), 0) != SIZE_MAX && json_parse(c->req->arena, line, &JSON_LIMITS, ret, NULL) == RC_OK &&
	       !incident_may_show(c, desk_marking(*ret, TLP_CLEAR));
}

static void put_withheld(struct jsonw *w, const struct json *fact)
{
	static const char *const open[] = { "id", "at", "type", "by" };

	jsonw_object(w);
	for (size_t i = 0; i < COUNTOF(open); i++)
		jsonw_m_str(w, open[i], json_get_str(fact, str_of(open[i])));
	jsonw_m_cstr(w, "withheld", tlp_name((enum tlp)desk_marking(fact, TLP_RED)));
	jsonw_object_end(w);
}

static bool is_needed(struct api_call *c, const struct need *need, struct str line)
{
	const struct json *fact;

	if (need->view == NULL)
		return true;
	return json_parse(c->req->arena, line, &JSON_LIMITS, &fact, NULL) == RC_OK && need_shows(need, desk_fact_find(json_get_str(fact, S("type"))));
}

static void put_tree(struct api_call *c, const struct json *fact)
{
	if (!incident_may_show(c, desk_marking(fact, TLP_CLEAR)))
		put_withheld(&c->out, fact);
	else
		jsonw_value(&c->out, fact);
}

static enum rc put_facts(struct api_call *c, const struct need *need, int64_t row, struct err *err)
{
	struct str facts, line;
	const struct json *fact;

	TRY(incident_facts(c->api->store, row, c->req->arena, &facts, err));
	jsonw_name(&c->out, "facts");
	jsonw_array(&c->out);
	while (str_next(&facts, '\n', &line))
		if (!is_needed(c, need, line))
			continue;
		else if (withheld(c, line, &fact))
			put_withheld(&c->out, fact);
		else
			jsonw_raw(&c->out, line);
	jsonw_array_end(&c->out);
	return RC_OK;
}

/* Facts that were split off from others, by where they were stated. */
static enum rc put_taken(struct api_call *c, const struct need *need, const struct desk_view *v, struct err *err)
{
	jsonw_name(&c->out, "split_from");
	jsonw_array(&c->out);
	for (uint32_t o = 1; o < v->n_origins; o++) {
		bool joined = false, any = false;
		struct incident_row r;

		for (size_t i = 0; i < v->n_joined; i++)
			joined |= str_eq(v->joined[i], v->origins[o]);
		for (size_t i = 0; i < v->facts.n && !joined; i++)
			any |= v->facts.f[i].origin == o;
		if (!any)
			continue;
		TRY(incident_get(c->api->store, v->origins[o], c->req->arena, &r, err));
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "incident", r.id);
		jsonw_m_str(&c->out, "number", r.number);
		jsonw_name(&c->out, "facts");
		jsonw_array(&c->out);
		for (size_t i = 0; i < v->facts.n; i++)
			if (v->facts.f[i].origin == o && need_shows(need, v->facts.f[i].type))
				put_tree(c, v->facts.f[i].source);
		jsonw_array_end(&c->out);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	return RC_OK;
}

/* Its own, and those of each incident that was merged into it. */
static enum rc incident_facts_get(struct api_call *c, struct err *err)
{
	struct need need;
	struct incident_row r;
	struct desk_view v;

	TRY(incident_find_needed(c, c->params[0], time_now(), &r, &v, &need, err));
	jsonw_object(&c->out);
	TRY(put_facts(c, &need, r.row, err));
	TRY(put_taken(c, &need, &v, err));
	jsonw_name(&c->out, "merged");
	jsonw_array(&c->out);
	for (size_t i = 0; i < v.n_joined; i++) {
		TRY(incident_get(c->api->store, v.joined[i], c->req->arena, &r, err));
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "incident", r.id);
		jsonw_m_str(&c->out, "number", r.number);
		TRY(put_facts(c, &need, r.row, err));
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- stating --- */

/* A level is one of the first pack's; other packs that have other levels go by the items. */
static enum rc check_level(const struct api_call *c, struct str packs, const struct json *fact, struct err *err)
{
	const struct json *v = json_get(fact, S("level"));
	struct str first;
	const struct pack *p;
	int64_t level;

	if (v == NULL || !str_next(&packs, ' ', &first) || (p = desk_pack(c->api->desk, first)) == NULL)
		return RC_OK;
	return json_int(v, &level) && level >= p->level_least && level <= p->level_most ? RC_OK :
	       FAIL(err, RC_BAD, "/level: pack %.*s has the levels %d to %d", STR(p->id), p->level_least, p->level_most);
}

/* A slip in what is affected must not become a report without a level: one of the packs has to understand it. */
static enum rc check_items(const struct api_call *c, struct str packs, const struct json *fact, struct err *err)
{
	const struct json *items = json_get(fact, S("items"));
	struct err first = { 0 };
	struct str id;

	if (items == NULL)
		return RC_OK;
	while (str_next(&packs, ' ', &id)) {
		const struct pack *p = desk_pack(c->api->desk, id);
		struct err why = { 0 };
		struct level l;

		if (p == NULL || level_of(p, items, &l, &why) == RC_OK)
			return RC_OK;
		if (first.text[0] == '\0')
			first = why;
	}
	return FAIL(err, RC_BAD, "/items: %s", first.text);
}

/* What is asked of another office is one of the packs' actions. */
static enum rc check_action(const struct api_call *c, struct err *err)
{
	struct str action;

	TRY(api_text(c, "action", false, &action, err));
	if (action.n == 0 || desk_word(c->api->desk, "actions", action) != NULL)
		return RC_OK;
	return FAIL(err, RC_BAD, "/action: no pack has the action '%.*s' (lianfang pack show PACK --json: words.actions)", STR(str_slice(action, 0, 64)));
}

/* Of the facts under this incident's own name; a new one stands among them once, and twice when it was there. */
static size_t count_own(const struct desk_view *v, struct str id)
{
	size_t n = 0;

	for (size_t i = 0; i < v->facts.n; i++)
		n += v->facts.f[i].origin == 0 && (id.p == NULL || str_eq(v->facts.f[i].id, id));
	return n;
}

/* Alike but for the instant at which each came. */
static bool says_same(const struct json *a, const struct json *b)
{
	JSON_MEMBERS(name, value, a)
		if (!str_eq(json_str(name), S("at")) && (json_get(b, json_str(name)) == NULL || !json_same(value, json_get(b, json_str(name)))))
			return false;
	return true;
}

/* Under an id that is taken, something else: whoever sends it would believe that it was kept. */
static enum rc refuse_other(const struct desk_view *v, struct str id, struct err *err)
{
	const struct desk_fact *had = NULL;

	for (size_t i = 0; i < v->facts.n; i++) {
		const struct desk_fact *f = &v->facts.f[i];

		if (f->origin != 0 || !str_eq(f->id, id))
			continue;
		if (had != NULL && !(says_same(had->source, f->source) && says_same(f->source, had->source)))
			return FAIL(err, RC_CONFLICT, "/id: another fact of this incident has the id '%.*s' and says something else", STR(str_slice(id, 0, 64)));
		had = f;
	}
	return RC_OK;
}

static enum rc may_state_here(struct api_call *c, const struct desk_view *v, struct err *err)
{
	struct incident_row into;

	if (v->into.n == 0)
		return RC_OK;
	TRY(incident_get(c->api->store, v->into, c->req->arena, &into, err));
	return FAIL(err, RC_CONFLICT, "incident: it is merged into %.*s: state it there", STR(into.number));
}

/* What the reporter states of another node's incident, that node states itself, and would refuse from here: both would never agree again. */
static enum rc refuse_for_others(struct api_call *c, const struct incident_row *r, const struct desk_view *v, const struct incident_fact *f, struct err *err)
{
	struct case_info info;
	enum rc rc;

	for (size_t i = 0; i < v->facts.n; i++) {
		const struct desk_fact *x = &v->facts.f[i];

		if (x->origin != 0 || !str_eq(x->id, f->id) || !str_eq(x->by, S("reporter")))
			continue;
		rc = case_info_get(c->api->store, r->id, c->req->arena, &info, err);
		if (rc == RC_OK && info.from.n > 0 && !str_eq(info.opened_by, str_of(c->api->identity)))
			return FAIL(err, RC_DENIED, "%.*s: only the node that opened it states '%.*s'; ask it to (lianfang dispatch)", STR(r->number), STR(f->type));
		return rc == RC_NOTFOUND ? RC_OK : rc;
	}
	return RC_OK;
}

/* Derives with the new facts and keeps both; RC_BUSY when others were quicker. */
static enum rc add_once(struct api_call *c, const struct incident_fact *f, size_t n, struct incident_row *r, struct desk_view *v, struct err *err)
{
	struct casefile_more more = { .incident = r->id, .f = f, .n = n };
	const usec at = time_now();
	size_t added;

	TRY(incident_look(c, r, &more, 1, at, v, err));
	TRY(may_state_here(c, v, err));
	if (n == 1 && count_own(v, f->id) > 1) { /* it was stated before under this id: it is not stated again */
		TRY(refuse_other(v, f->id, err));
		return incident_look(c, r, NULL, 0, at, v, err);
	}
	TRY(incident_refuse_idle(v, f, n, err));
	for (size_t i = 0; i < n; i++)
		TRY(refuse_for_others(c, r, v, &f[i], err));
	for (size_t i = 0; i < n; i++)
		TRY(incident_refuse_partial(c, r, v, f[i].type, err));
	if (count_own(v, (struct str){ NULL, 0 }) > INCIDENT_FACTS_MAX)
		return FAIL(err, RC_LIMIT, "incident: more than %d facts", INCIDENT_FACTS_MAX);
	r->now = casefile_derived(v, casefile_rung(v, at));
	TRY(incident_add(c->api->store, r->row, r->facts, f, n, &r->now, api_actor(c), &added, err));
	r->facts += (int64_t)added;
	r->changed = time_now();
	return RC_OK;
}

enum rc incident_state(struct api_call *c, struct incident_row *r, const struct incident_fact *f, size_t n, struct desk_view *v, struct err *err)
{
	enum rc rc = add_once(c, f, n, r, v, err);

	for (int i = 1; i < INCIDENT_TRIES && rc == RC_BUSY; i++) {
		TRY(incident_get(c->api->store, r->id, c->req->arena, r, err));
		rc = add_once(c, f, n, r, v, err);
	}
	TRY(rc);
	incident_changed(c);
	return RC_OK;
}

static bool is_link(struct str type)
{
	return str_eq(type, S("merged")) || str_eq(type, S("unmerged")) || str_eq(type, S("split"));
}

/* Facts are read and derived once for most: only those whose role has to be asked are looked at before. */
static enum rc find_to_state(struct api_call *c, struct str name, struct incident_row *r, struct err *err)
{
	struct desk_view v;
	struct need need;

	TRY(incident_may_see(c, err));
	TRY(incident_get(c->api->store, name, c->req->arena, r, err));
	TRY(need_of(c, r, &need, err));
	if (need.view == NULL || !need.view->asked)
		return RC_OK;
	TRY(incident_look(c, r, NULL, 0, time_now(), &v, err));
	return need_asked(c, &need, &v, err);
}

static enum rc incident_facts_post(struct api_call *c, struct err *err)
{
	struct incident_fact f;
	struct incident_row r;
	struct desk_view v;

	TRY(find_to_state(c, c->params[0], &r, err));
	TRY(api_text(c, "type", true, &f.type, err));
	if (is_link(f.type))
		return FAIL(err, RC_BAD, "/type: '%.*s' is stated in two incidents at once: use merge, unmerge or split", STR(f.type));
	TRY(check_level(c, r.packs, c->body, err));
	TRY(check_items(c, r.packs, c->body, err));
	TRY(check_action(c, err));
	c->role = case_role(c, r.id);
	TRY(incident_make_fact(c, r.packs, c->body, &f, err));
	TRY(incident_state(c, &r, &f, 1, &v, err));
	return incident_put(c, &r, &v, time_now(), err);
}

const struct api_route API_ROUTES_INCIDENT_FACTS[] = {
	{ "GET", "/incidents/{incident}/facts", API_READER, incident_facts_get, "The facts of an incident, as they came", NULL, NULL, ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/facts", API_ANALYST, incident_facts_post, "State a fact about an incident", NULL, FACT_REQUEST, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
