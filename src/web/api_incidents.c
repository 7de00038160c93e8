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
static const char FACT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"type\"],\"properties\":{\"type\":{\"type\":\"string\"},\"id\":{\"type\":\"string\"},\"claimed\":"
	"{\"type\":\"string\",\"format\":\"date-time\"},\"by\":{\"type\":\"string\"},\"level\":{\"type\":\"integer\"},\"items\":{\"type\":\"array\"}}}";
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
	return gate_may(c->viewer, TLP_RED, c->api->default_tlp, 0, NULL) ? RC_OK : FAIL(err, RC_NOTFOUND, "no such incident");
}

bool incident_may_show(const struct api_call *c, uint8_t tlp)
{
	return gate_may(c->viewer, TLP_RED, tlp, 0, NULL);
}

enum rc incident_find(struct api_call *c, struct str name, struct incident_row *ret, struct err *err)
{
	TRY(incident_may_see(c, err));
	return incident_get(c->api->store, name, c->req->arena, ret, err);
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

/* Who states something at this tier, when the request does not say: of its own incidents an authority is the reporter. */
static const char *role_here(const struct api *api, struct str packs, enum fact_type type)
{
	const char *role = strcmp(api->tier, "provider") == 0 ? "reporter" : strcmp(api->tier, "nation") == 0 ? "authority" : "reviewer";
	struct str first;
	const struct pack *p = str_next(&packs, ' ', &first) ? desk_pack(api->desk, first) : NULL;

	for (size_t i = 0; p != NULL && i < p->n_roles; i++)
		if (str_eq(p->roles[i].term.id, str_of(role)) && (p->roles[i].facts >> type & 1) == 0)
			return "reporter";
	return role;
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
		return FAIL(err, RC_BAD, "/type: nobody knows a fact of type '%.*s'", STR(str_slice(ret->type, 0, 100)));
	if (json_get(in, S("until")) != NULL)
		TRY(check_instant(in, "until", err));
	uuid_v4(&u);
	uuid_format(&u, uuid);
	snprintf(own, sizeof own, "f-%s", uuid);
	buf_init(&b, INCIDENT_FACT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "id", id.n > 0 ? id : str_of(own));
	jsonw_m_time(&w, "at", time_now());
	jsonw_m_str(&w, "by", by.n > 0 ? by : str_of(role_here(c->api, packs, type)));
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

/* --- views out --- */

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

enum rc incident_put(struct api_call *c, const struct incident_row *r, const struct desk_view *v, usec at, struct err *err)
{
	struct jsonw *w = &c->out;

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
	TRY(put_alarms(c, r->row, err));
	TRY(case_put_shared(c, r->id, err));
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
	r.now = casefile_derived(&v, 0);
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
	q->state = api_query(c, "state");
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
	struct str when = api_query(c, "at");
	usec at = time_now();

	if (when.p != NULL)
		TRY(time_parse_offset(when, &at, err));
	TRY(incident_find(c, c->params[0], &r, err));
	TRY(incident_look(c, &r, NULL, 0, at, &v, err));
	return incident_put(c, &r, &v, at, err);
}

/* A fact that is marked beyond what the caller may see: that it is there, when, and whose. */
static bool withheld(struct api_call *c, struct str line, const struct json **ret, struct str *ret_marking)
{
	enum tlp tlp;

	if (str_find(line, S("\"tlp\""), 0) == SIZE_MAX || json_parse(c->req->arena, line, &JSON_LIMITS, ret, NULL) != RC_OK)
		return false;
	*ret_marking = json_get_str(*ret, S("tlp"));
	if (ret_marking->n == 0)
		return false;
	return !incident_may_show(c, tlp_parse(*ret_marking, &tlp) ? (uint8_t)tlp : TLP_RED);
}

static void put_withheld(struct jsonw *w, const struct json *fact, struct str marking)
{
	static const char *const open[] = { "id", "at", "type", "by" };

	jsonw_object(w);
	for (size_t i = 0; i < COUNTOF(open); i++)
		jsonw_m_str(w, open[i], json_get_str(fact, str_of(open[i])));
	jsonw_m_str(w, "withheld", marking);
	jsonw_object_end(w);
}

static enum rc put_facts(struct api_call *c, int64_t row, struct err *err)
{
	struct str facts, line, marking;
	const struct json *fact;

	TRY(incident_facts(c->api->store, row, c->req->arena, &facts, err));
	jsonw_name(&c->out, "facts");
	jsonw_array(&c->out);
	while (str_next(&facts, '\n', &line))
		if (withheld(c, line, &fact, &marking))
			put_withheld(&c->out, fact, marking);
		else
			jsonw_raw(&c->out, line);
	jsonw_array_end(&c->out);
	return RC_OK;
}

/* Its own, and those of each incident that was merged into it. */
static enum rc incident_facts_get(struct api_call *c, struct err *err)
{
	struct incident_row r;
	struct desk_view v;

	TRY(incident_find(c, c->params[0], &r, err));
	TRY(incident_look(c, &r, NULL, 0, time_now(), &v, err));
	jsonw_object(&c->out);
	TRY(put_facts(c, r.row, err));
	jsonw_name(&c->out, "merged");
	jsonw_array(&c->out);
	for (size_t i = 0; i < v.n_joined; i++) {
		TRY(incident_get(c->api->store, v.joined[i], c->req->arena, &r, err));
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "incident", r.id);
		jsonw_m_str(&c->out, "number", r.number);
		TRY(put_facts(c, r.row, err));
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

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

/* Of the facts under this incident's own name; a new one stands among them once, and twice when it was there. */
static size_t count_own(const struct desk_view *v, struct str id)
{
	size_t n = 0;

	for (size_t i = 0; i < v->facts.n; i++)
		n += v->facts.f[i].origin == 0 && (id.p == NULL || str_eq(v->facts.f[i].id, id));
	return n;
}

static enum rc may_state_here(struct api_call *c, const struct desk_view *v, struct err *err)
{
	struct incident_row into;

	if (v->into.n == 0)
		return RC_OK;
	TRY(incident_get(c->api->store, v->into, c->req->arena, &into, err));
	return FAIL(err, RC_CONFLICT, "incident: it is merged into %.*s: state it there", STR(into.number));
}

/* Derives with the new facts and keeps both; RC_BUSY when others were quicker. */
static enum rc add_once(struct api_call *c, const struct incident_fact *f, size_t n, struct incident_row *r, struct desk_view *v, struct err *err)
{
	struct casefile_more more = { .incident = r->id, .f = f, .n = n };
	size_t added;

	TRY(incident_look(c, r, &more, 1, time_now(), v, err));
	TRY(may_state_here(c, v, err));
	if (n == 1 && count_own(v, f->id) > 1) /* it was stated before under this id: it is not stated again */
		return incident_look(c, r, NULL, 0, time_now(), v, err);
	TRY(incident_refuse_idle(v, f, n, err));
	for (size_t i = 0; i < n; i++)
		TRY(incident_refuse_partial(c, r, v, f[i].type, err));
	if (count_own(v, (struct str){ NULL, 0 }) > INCIDENT_FACTS_MAX)
		return FAIL(err, RC_LIMIT, "incident: more than %d facts", INCIDENT_FACTS_MAX);
	r->now = casefile_derived(v, 0);
	TRY(incident_add(c->api->store, r->row, r->facts, f, n, &r->now, api_actor(c), &added, err));
	r->facts += (int64_t)added;
	r->changed = time_now();
	return RC_OK;
}

enum rc incident_state(struct api_call *c, struct incident_row *r, const struct incident_fact *f, size_t n, struct desk_view *v, struct err *err)
{
	enum rc rc = add_once(c, f, n, r, v, err);

	for (int i = 1; i < INCIDENT_TRIES && rc == RC_BUSY; i++) {
		TRY(incident_find(c, r->id, r, err));
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

static enum rc incident_facts_post(struct api_call *c, struct err *err)
{
	struct incident_fact f;
	struct incident_row r;
	struct desk_view v;

	TRY(incident_find(c, c->params[0], &r, err));
	TRY(api_text(c, "type", true, &f.type, err));
	if (is_link(f.type))
		return FAIL(err, RC_BAD, "/type: '%.*s' is stated in two incidents at once: use merge, unmerge or split", STR(f.type));
	TRY(check_level(c, r.packs, c->body, err));
	TRY(incident_make_fact(c, r.packs, c->body, &f, err));
	TRY(incident_state(c, &r, &f, 1, &v, err));
	return incident_put(c, &r, &v, time_now(), err);
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
	{ "GET", "/incidents/{incident}/facts", API_READER, incident_facts_get, "The facts of an incident, as they came", NULL, NULL, ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/facts", API_ANALYST, incident_facts_post, "State a fact about an incident", NULL, FACT_REQUEST, ANY_SCHEMA },
	{ "GET", "/packs", API_READER, packs_get, "Packs of law and words", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/packs/{pack}", API_READER, pack_get, "One pack, as its file has it", NULL, NULL, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
