/* The desk over REST: incidents, their facts, and what the packs of law make of them.
 *
 * Nobody edits an incident: a fact is added, and state, level and clocks are derived anew. `at`, the time of recording, is always
 * this node's own; `claimed` is what the person says. A fact that could not count is refused here with the reason. */
#include "web/api_cases.h"
#include "web/api_incidents.h"

#include "base/uuid.h"
#include "desk/show.h"
#include "gate/gate.h"
#include "stix/marking.h"

#define FIRST_FACTS_MAX 50

static const char OPEN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"title\"],\"properties\":{\"title\":{\"type\":\"string\"},\"packs\":{\"type\":\"array\",\"items\":"
	"{\"type\":\"string\"}},\"exercise\":{\"type\":\"boolean\"},\"facts\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}";
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";
static const struct api_param LIST_PARAMS[] = {
	{ "all", "boolean", "closed ones too" },
	{ "order", "string", "due (least time left first), newest, changed, level or state" },
	{ "state", "string", "only those in this state" },
	{ "level", "integer", "only those of this level; 0: those that have none yet" },
	{ "exercise", "boolean", "only drills, or no drills" },
	{ "after", "string", "\"next\" of the reply before" },
	{ "limit", "integer", "at most so many (1 to 1000)" },
	{ NULL, NULL, NULL },
};
static const struct api_param VIEW_PARAMS[] = {
	{ "at", "string", "as it was known then (RFC 3339)" },
	{ NULL, NULL, NULL },
};

enum rc incident_may_see(const struct api_call *c, struct err *err)
{
	return gate_may(c->viewer, TLP_RED, c->api->default_tlp, 0, NULL) ? RC_OK : incident_unknown(c->params[0], err);
}

bool incident_may_show(const struct api_call *c, uint8_t tlp)
{
	return gate_may(c->viewer, TLP_RED, tlp, 0, NULL);
}

enum rc incident_find(struct api_call *c, struct str name, struct incident_row *ret, struct err *err)
{
	struct need need;

	TRY(incident_may_see(c, err));
	TRY(incident_get(c->api->store, name, c->req->arena, ret, err));
	TRY(need_of(c, ret, &need, err));
	return need.view == NULL ? RC_OK : incident_unknown(name, err);
}

enum rc incident_find_needed(struct api_call *c, struct str name, usec at, struct incident_row *ret, struct desk_view *v, struct need *need,
			     struct err *err)
{
	TRY(incident_may_see(c, err));
	TRY(incident_get(c->api->store, name, c->req->arena, ret, err));
	TRY(need_of(c, ret, need, err));
	TRY(incident_look(c, ret, NULL, 0, at, v, err));
	return need_asked(c, need, v, err);
}

enum rc incident_look(struct api_call *c, const struct incident_row *r, const struct casefile_more *more, size_t n_more, usec at,
		      struct desk_view *ret, struct err *err)
{
	return casefile_look(c->api->desk, c->api->store, c->req->arena, r, more, n_more, at, ret, err);
}

void incident_changed(struct api_call *c)
{
	if (c->api->desk_changed != NULL)
		c->api->desk_changed(c->api->ctx);
}

struct str incident_new_id(struct api_call *c)
{
	char uuid[UUID_TEXT_LEN + 1];
	struct uuid u;

	uuid_v4(&u);
	uuid_format(&u, uuid);
	return arena_fmt(c->req->arena, "incident--%s", uuid);
}

void incident_put_row(struct jsonw *w, const struct incident_row *r)
{
	jsonw_m_str(w, "id", r->id);
	jsonw_m_str(w, "number", r->number);
	jsonw_m_str(w, "title", r->title);
	jsonw_m_str(w, "packs", r->packs);
	jsonw_m_bool(w, "exercise", r->exercise);
	jsonw_m_time(w, "opened", r->opened);
	jsonw_m_time(w, "changed", r->changed);
	jsonw_m_int(w, "facts", r->facts);
	jsonw_m_bool(w, "open", r->now.open);
	jsonw_m_str(w, "state", r->now.state);
	jsonw_name(w, "level");
	if (r->now.level > 0)
		jsonw_int(w, r->now.level);
	else
		jsonw_null(w);
	show_time(w, "due", r->now.due == INCIDENT_NEVER ? NO_TIME : r->now.due);
}

static enum rc put_alarms(struct api_call *c, int64_t row, struct err *err)
{
	struct incident_alarm *list;
	size_t n;

	TRY(incident_alarms(c->api->store, row, c->req->arena, &list, &n, err));
	jsonw_name(&c->out, "alarms");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "clock", list[i].clock);
		jsonw_m_int(&c->out, "percent", list[i].percent);
		show_time(&c->out, "due", list[i].due);
		jsonw_m_time(&c->out, "at", list[i].at);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	return RC_OK;
}

/* "merged": [{"id", "number"}] */
static void put_incidents(struct api_call *c, const char *name, const struct str *ids, size_t n)
{
	jsonw_name(&c->out, name);
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		struct incident_row r;

		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "id", ids[i]);
		if (incident_get(c->api->store, ids[i], c->req->arena, &r, NULL) == RC_OK)
			jsonw_m_str(&c->out, "number", r.number);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
}

enum rc incident_put(struct api_call *c, const struct incident_row *r, const struct desk_view *whole, usec at, struct err *err)
{
	struct jsonw *w = &c->out;
	struct desk_view view = *whole, *v = &view;
	struct need need;

	TRY(need_of(c, r, &need, err));
	TRY(need_cut(c, &need, v, err));
	jsonw_object(w);
	incident_put_row(w, r);
	jsonw_name(w, "views");
	jsonw_array(w);
	for (size_t i = 0; i < v->n; i++) {
		jsonw_object(w);
		show_view(w, v->packs[i], v->views[i], at);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	show_problems(w, &v->facts);
	put_incidents(c, "merged", v->joined, v->n_joined);
	put_incidents(c, "merged_into", &v->into, v->into.n > 0);
	if (need.view == NULL) {
		TRY(put_alarms(c, r->row, err));
		TRY(case_put_shared(c, r->id, err));
	}
	jsonw_object_end(w);
	return RC_OK;
}

/* --- routes --- */

enum rc incident_read_packs(struct api_call *c, struct str *ret, struct err *err)
{
	const struct json *list = json_get(c->body, S("packs"));
	struct buf b;

	*ret = str_of(c->api->desk_pack);
	if (list == NULL)
		return RC_OK;
	buf_init(&b, 4096);
	if (list->type == JSON_ARRAY)
		JSON_EACH(one, list)
			buf_fmt(&b, "%s%.*s", b.n > 0 ? " " : "", STR(json_str(one)));
	*ret = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	return ret->n > 0 ? RC_OK : FAIL(err, RC_BAD, "/packs: expected an array of packs");
}

static enum rc read_first_facts(struct api_call *c, struct str packs, struct incident_fact *f, size_t *ret_n, struct err *err)
{
	const struct json *list = json_get(c->body, S("facts"));

	*ret_n = 0;
	if (list == NULL)
		return RC_OK;
	if (list->type != JSON_ARRAY || list->n > FIRST_FACTS_MAX)
		return FAIL(err, RC_BAD, "/facts: expected an array of at most %d facts", FIRST_FACTS_MAX);
	JSON_EACH(one, list)
		TRY(incident_make_fact(c, packs, one, &f[(*ret_n)++], err));
	return RC_OK;
}

static enum rc incidents_post(struct api_call *c, struct err *err)
{
	struct incident_fact f[FIRST_FACTS_MAX];
	struct incident_row r = { .id = incident_new_id(c) };
	struct casefile_more more = { .incident = r.id, .f = f };
	struct desk_view v;
	usec at;

	TRY(incident_may_see(c, err));
	if (r.id.p == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	TRY(api_text(c, "title", true, &r.title, err));
	TRY(api_bool(c, "exercise", false, &r.exercise, err));
	TRY(incident_read_packs(c, &r.packs, err));
	TRY(read_first_facts(c, r.packs, f, &more.n, err));
	at = time_now();
	TRY(incident_look(c, &r, &more, 1, at, &v, err));
	TRY(incident_refuse_idle(&v, f, more.n, err));
	r.now = casefile_derived(&v, casefile_rung(&v, at));
	TRY(incident_open(c->api->store, &r, f, more.n, api_actor(c), err));
	incident_changed(c);
	c->res->status = 201;
	return incident_put(c, &r, &v, at, err);
}

static const char *const ORDER_NAMES[INCIDENT_ORDERS] = { "due", "newest", "changed", "level", "state" };

/* What every order needs of the last one. */
static enum rc put_next(struct api_call *c, const struct incident_row *last)
{
	struct str text = arena_fmt(c->req->arena, "%lld,%lld,%lld,%d,%.*s", (long long)last->row, (long long)last->now.due, (long long)last->changed,
				    last->now.level, STR(last->now.state));

	jsonw_m_str(&c->out, "next", text);
	return RC_OK;
}

static enum rc read_after(struct str text, struct incident_query *q, struct err *err)
{
	struct { int64_t *to; } numbers[] = { { &q->after_row }, { &q->after.due }, { &q->after.changed } };
	struct str piece;
	int64_t level = 0;
	bool good = true;

	for (size_t i = 0; i < COUNTOF(numbers); i++)
		good = good && str_next(&text, ',', &piece) && str_to_i64(piece, numbers[i].to);
	good = good && str_next(&text, ',', &piece) && str_to_i64(piece, &level) && level >= 0 && level < 100 && q->after_row > 0;
	q->after.level = (int)level;
	q->after.state = text;
	return good ? RC_OK : FAIL(err, RC_BAD, "after: expected \"next\" of the reply before");
}

static enum rc read_order(struct str name, struct incident_query *q, struct err *err)
{
	if (name.p == NULL)
		return RC_OK;
	for (size_t i = 0; i < INCIDENT_ORDERS; i++)
		if (str_eq(name, str_of(ORDER_NAMES[i]))) {
			q->order = (enum incident_order)i;
			return RC_OK;
		}
	return FAIL(err, RC_BAD, "order: expected due, newest, changed, level or state");
}

static enum rc read_query(struct api_call *c, struct incident_query *q, struct err *err)
{
	struct str after = api_query(c, "after");
	int64_t limit, level;
	bool exercise;

	TRY(api_query_bool(c, "all", &q->all, err));
	TRY(read_order(api_query(c, "order"), q, err));
	TRY(api_query_word(c, "state", desk_state_names, &q->state, err));
	TRY(api_query_int(c, "level", INCIDENT_ANY, INCIDENT_ANY, 99, &level, err));
	q->level = (int)level;
	TRY(api_query_bool(c, "exercise", &exercise, err));
	q->exercise = api_query(c, "exercise").p == NULL ? INCIDENT_ANY : exercise;
	TRY(api_query_int(c, "limit", 100, 1, 1000, &limit, err));
	q->limit = (uint32_t)limit;
	return after.n > 0 ? read_after(after, q, err) : RC_OK;
}

static enum rc incidents_get(struct api_call *c, struct err *err)
{
	struct incident_query q = { .all = false };
	struct incident_row *list;
	size_t n;

	TRY(incident_may_see(c, err));
	if (need_is_bounded(c))
		return FAIL(err, RC_DENIED, "incidents: your role at the desk sees those in which it is asked, by their number");
	TRY(read_query(c, &q, err));
	TRY(incident_list(c->api->store, &q, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "incidents");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		incident_put_row(&c->out, &list[i]);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	if (n == q.limit)
		TRY(put_next(c, &list[n - 1]));
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc incident_view_get(struct api_call *c, struct err *err)
{
	struct incident_row r;
	struct desk_view v;
	struct need need;
	struct str when = api_query(c, "at");
	usec at = time_now();

	if (when.p != NULL)
		TRY(time_parse_offset(when, &at, err));
	TRY(incident_find_needed(c, c->params[0], at, &r, &v, &need, err));
	return incident_put(c, &r, &v, at, err);
}

static enum rc packs_get(struct api_call *c, struct err *err)
{
	const struct pack *p;

	(void)err;
	jsonw_object(&c->out);
	jsonw_name(&c->out, "packs");
	jsonw_array(&c->out);
	for (size_t i = 0; (p = desk_pack_at(c->api->desk, i)) != NULL; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "id", p->id);
		show_words(&c->out, "title", &p->title);
		jsonw_m_str(&c->out, "valid_from", p->valid_from);
		jsonw_m_str(&c->out, "valid_until", p->valid_until);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc pack_get(struct api_call *c, struct err *err)
{
	const struct pack *p = desk_pack(c->api->desk, c->params[0]);

	if (p == NULL)
		return FAIL(err, RC_NOTFOUND, "no pack '%.*s'", STR(c->params[0]));
	jsonw_value(&c->out, p->source);
	return RC_OK;
}

const struct api_route API_ROUTES_INCIDENTS[] = {
	{ "GET", "/incidents", API_READER, incidents_get, "Incidents, the least time left first", LIST_PARAMS, NULL, ANY_SCHEMA },
	{ "POST", "/incidents", API_ANALYST, incidents_post, "Open an incident", NULL, OPEN_REQUEST, ANY_SCHEMA },
	{ "GET", "/incidents/{incident}", API_READER, incident_view_get, "State, level and clocks of an incident, by id or number", VIEW_PARAMS, NULL, ANY_SCHEMA },
	{ "GET", "/packs", API_READER, packs_get, "Packs of law and words", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/packs/{pack}", API_READER, pack_get, "One pack, as its file has it", NULL, NULL, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
