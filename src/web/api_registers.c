/* Registers over REST: organisations, systems, people, duty. One set of routes for all four; which one it is, the path says. */
#include "web/api.h"

#include "desk/desk.h"
#include "desk/registry.h"
#include "desk/show.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/peers.h"

#define TRIES 20           /* somebody else changed the entry meanwhile */
#define PROBLEMS_MAX 100
#define CONTACTS_LEAST 2
#define DAY (24 * 3600 * USEC_PER_SEC)

/* Schemas from the table of members. */
#define SCHEMA_TEXT "{\"type\":\"string\"}"
#define SCHEMA_OID SCHEMA_TEXT
#define SCHEMA_EMAIL "{\"type\":\"string\",\"format\":\"email\"}"
#define SCHEMA_OWNER SCHEMA_TEXT
#define SCHEMA_FLAG "{\"type\":\"boolean\"}"
#define SCHEMA_HOURS "{\"type\":\"integer\",\"minimum\":0}"
#define SCHEMA_TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define SCHEMA_TLP SCHEMA_TEXT
#define SCHEMA_TIER "{\"type\":\"string\",\"enum\":[\"provider\",\"region\",\"sector\",\"nation\",\"partner\"]}"
#define SCHEMA_SECTOR SCHEMA_TEXT
#define SCHEMA_LEVEL SCHEMA_TEXT
#define SCHEMA_SECRECY SCHEMA_TEXT
#define SCHEMA_LIST "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define SCHEMA_CONTACTS \
	"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"kind\":{\"type\":\"string\"},\"value\":{\"type\":\"string\"}," \
	"\"verified\":{\"type\":\"string\",\"format\":\"date\"}}}}"
#define MEMBER(member, option, type, required, arg, en, zh) ",\"" #member "\":" SCHEMA_##type
#define MEMBERS(table) "\"properties\":{\"id\":{\"type\":\"string\"}" table(MEMBER) "}"
static const char ORGANISATION_ADD[] = "{\"type\":\"object\",\"required\":[\"name\"]," MEMBERS(REGISTRY_ORGANISATION) "}";
static const char ORGANISATION_SET[] = "{\"type\":\"object\"," MEMBERS(REGISTRY_ORGANISATION) "}";
static const char SYSTEM_ADD[] = "{\"type\":\"object\",\"required\":[\"name\",\"organisation\"]," MEMBERS(REGISTRY_SYSTEM) "}";
static const char SYSTEM_SET[] = "{\"type\":\"object\"," MEMBERS(REGISTRY_SYSTEM) "}";
static const char PERSON_ADD[] = "{\"type\":\"object\",\"required\":[\"name\",\"organisation\"]," MEMBERS(REGISTRY_PERSON) "}";
static const char PERSON_SET[] = "{\"type\":\"object\"," MEMBERS(REGISTRY_PERSON) "}";
static const char DUTY_ADD[] = "{\"type\":\"object\",\"required\":[\"person\",\"from\",\"until\"]," MEMBERS(REGISTRY_DUTY) "}";
static const char DUTY_SET[] = "{\"type\":\"object\"," MEMBERS(REGISTRY_DUTY) "}";
static const char IMPORT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"entries\"],\"properties\":{\"entries\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}";
static const char IMPORT_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"added\",\"changed\",\"same\",\"problems\"],\"properties\":{\"added\":{\"type\":\"integer\"},\"changed\":"
	"{\"type\":\"integer\"},\"same\":{\"type\":\"integer\"},\"problems\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"line\":"
	"{\"type\":\"integer\"},\"message\":{\"type\":\"string\"}}}}}}";
static const char LIST_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"entries\"],\"properties\":{\"entries\":{\"type\":\"array\"},\"next\":{\"type\":\"string\"}}}";
static const char HISTORY_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"versions\"],\"properties\":{\"versions\":{\"type\":\"array\"}}}";

#define PAGE_PARAMS \
	{ "all", "boolean", "retired ones too" }, { "after", "string", "\"next\" of the reply before" }, { "limit", "integer", "at most so many (1 to 1000)" }, \
	{ NULL, NULL, NULL }
static const struct api_param ORGANISATION_PARAMS[] = {
	{ "parent", "string", "right below this one" }, { "sector", "string", "of this sector" }, { "level", "string", "of this responsibility level" },
	{ "tier", "string", "of this tier" }, { "region", "string", "of this region" },
	{ "unverified", "integer", "only those with fewer than two contacts that were verified within so many days" }, PAGE_PARAMS,
};
static const struct api_param OWNED_PARAMS[] = { { "organisation", "string", "of this organisation" }, PAGE_PARAMS };
static const struct api_param DUTY_PARAMS[] = {
	{ "person", "string", "of this person" }, { "at", "string", "on duty at this instant (RFC 3339), or now" }, PAGE_PARAMS,
};

/* --- who and what --- */

/* Names and telephone numbers of people are as secret as what carries no marking. */
static enum rc may_see(const struct api_call *c, struct err *err)
{
	return gate_may(c->viewer, TLP_RED, c->api->default_tlp, 0, NULL) ? RC_OK : FAIL(err, RC_NOTFOUND, "no such entry");
}

static enum register_kind kind_of(const struct api_call *c)
{
	for (int k = 0; k < REGISTER_KINDS; k++)
		if (str_find(c->req->path, str_of(REGISTRY[k].plural), 0) == sizeof "/api/v1/" - 1)
			return (enum register_kind)k;
	return REGISTER_ORGANISATION;
}

/* The packs whose words count here: those of [desk] pack. */
static size_t packs_here(const struct api *api, const struct pack *list[static DESK_PACKS_MAX])
{
	struct str names = str_of(api->desk_pack), name;
	size_t n = 0;

	while (n < DESK_PACKS_MAX && str_next(&names, ' ', &name)) {
		list[n] = desk_pack(api->desk, name);
		n += list[n] != NULL;
	}
	return n;
}

static enum rc check_peer(struct api_call *c, const struct json *in, struct err *err)
{
	struct str name = json_get_str(in, S("peer"));
	struct peer p;
	enum rc rc;

	if (name.n == 0 || kind_of(c) != REGISTER_ORGANISATION)
		return RC_OK;
	rc = peer_get(c->api->store, name, c->req->arena, &p, err);
	return rc == RC_NOTFOUND ? FAIL(err, RC_BAD, "/peer: no peer '%.*s'", STR(str_slice(name, 0, 64))) : rc;
}

static enum rc read_entry(struct api_call *c, const struct json *in, const struct register_entry *had, struct register_entry *ret, struct err *err)
{
	const struct pack *packs[DESK_PACKS_MAX];
	size_t n = packs_here(c->api, packs);

	TRY(check_peer(c, in, err));
	return registry_entry(kind_of(c), packs, n, in, had, c->req->arena, ret, err);
}

/* --- views --- */

static void put_entry(struct api_call *c, const struct register_entry *e)
{
	struct jsonw *w = &c->out;
	const struct json *body;
	struct register_entry who;
	struct err err;

	jsonw_object(w);
	jsonw_m_str(w, "id", e->id);
	if (json_parse(c->req->arena, e->body, &JSON_LIMITS, &body, &err) == RC_OK)
		for (const struct registry_field *f = REGISTRY[e->kind].fields; f->name != NULL; f++) {
			const struct json *v = json_get(body, str_of(f->name));

			if (f->type == REGISTRY_OWNER && e->owner.n > 0)
				jsonw_m_str(w, f->name, e->owner);
			if (v != NULL) {
				jsonw_name(w, f->name);
				jsonw_value(w, v);
			}
		}
	if (e->kind == REGISTER_DUTY && register_get(c->api->store, REGISTER_PERSON, e->owner, c->req->arena, &who, &err) == RC_OK)
		jsonw_m_str(w, "person_name", who.name);
	jsonw_m_int(w, "version", e->version);
	jsonw_m_time(w, "created", e->created);
	jsonw_m_time(w, "changed", e->changed);
	jsonw_m_str(w, "changed_by", e->changed_by);
	jsonw_m_bool(w, "retired", e->retired);
	jsonw_object_end(w);
}

static enum rc put_again(struct api_call *c, struct str id, struct err *err)
{
	struct register_entry e;

	TRY(register_get(c->api->store, kind_of(c), id, c->req->arena, &e, err));
	put_entry(c, &e);
	return RC_OK;
}

/* --- routes --- */

static enum rc instant(struct api_call *c, usec *ret, struct err *err)
{
	struct str at = api_query(c, "at");

	*ret = 0;
	if (at.p == NULL)
		return RC_OK;
	if (str_eq(at, S("now"))) {
		*ret = time_now();
		return RC_OK;
	}
	return time_parse_offset(at, ret, NULL) == RC_OK && *ret > 0 ? RC_OK : FAIL(err, RC_BAD, "at: expected an instant (RFC 3339) or now");
}

/* What it belongs to, as its own id. */
static enum rc owner_query(struct api_call *c, enum register_kind kind, struct str *ret, struct err *err)
{
	static const struct { const char *name; enum register_kind kind; } owners[REGISTER_KINDS] = {
		[REGISTER_ORGANISATION] = { "parent", REGISTER_ORGANISATION }, [REGISTER_SYSTEM] = { "organisation", REGISTER_ORGANISATION },
		[REGISTER_PERSON] = { "organisation", REGISTER_ORGANISATION }, [REGISTER_DUTY] = { "person", REGISTER_PERSON },
	};
	struct str name = api_query(c, owners[kind].name);
	struct register_entry e;

	*ret = S("");
	if (name.n == 0)
		return RC_OK;
	TRY(register_get(c->api->store, owners[kind].kind, name, c->req->arena, &e, err));
	*ret = e.id;
	return RC_OK;
}

/* Two ways that somebody has tried lately: one of them is always on holiday. */
static bool is_verified(struct api_call *c, const struct register_entry *e, usec since)
{
	const struct json *body, *contacts;
	int good = 0;

	if (json_parse(c->req->arena, e->body, &JSON_LIMITS, &body, NULL) != RC_OK)
		return false;
	contacts = json_get(body, S("contacts"));
	if (json_is(contacts, JSON_ARRAY))
		JSON_EACH(one, contacts) {
			struct str verified = json_get_str(one, S("verified"));
			usec day = 0;

			if (verified.n > 0 && api_time(verified, "verified", true, &day, NULL) == RC_OK && day >= since)
				good++;
		}
	return good >= CONTACTS_LEAST;
}

static enum rc list_get(struct api_call *c, struct err *err)
{
	struct register_query q = { .kind = kind_of(c), .sector = api_query(c, "sector"), .level = api_query(c, "level"), .tier = api_query(c, "tier"),
				    .region = api_query(c, "region"), .after = api_query(c, "after") };
	struct register_entry *list;
	int64_t limit, days;
	size_t n;

	TRY(may_see(c, err));
	TRY(api_query_bool(c, "all", &q.retired, err));
	TRY(api_query_int(c, "limit", 100, 1, 1000, &limit, err));
	TRY(api_query_int(c, "unverified", 0, 1, 36500, &days, err));
	TRY(owner_query(c, q.kind, &q.owner, err));
	if (q.kind == REGISTER_DUTY)
		TRY(instant(c, &q.at, err));
	q.limit = (uint32_t)limit;
	TRY(register_list(c->api->store, &q, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "entries");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		if (days == 0 || !is_verified(c, &list[i], time_now() - days * DAY))
			put_entry(c, &list[i]);
	jsonw_array_end(&c->out);
	if (n == q.limit)
		jsonw_m_str(&c->out, "next", list[n - 1].id);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc add_post(struct api_call *c, struct err *err)
{
	struct register_entry e;
	struct register_done done;

	TRY(may_see(c, err));
	TRY(read_entry(c, c->body, NULL, &e, err));
	TRY(register_put(c->api->store, &e, 1, REGISTER_ADD, api_actor(c), c->req->arena, &done, err));
	c->res->status = 201;
	return put_again(c, e.id, err);
}

static enum rc one_get(struct api_call *c, struct err *err)
{
	TRY(may_see(c, err));
	return put_again(c, c->params[0], err);
}

static enum rc set_once(struct api_call *c, struct str *ret_id, struct err *err)
{
	struct register_entry had, e;
	struct register_done done;

	TRY(register_get(c->api->store, kind_of(c), c->params[0], c->req->arena, &had, err));
	TRY(read_entry(c, c->body, &had, &e, err));
	*ret_id = had.id;
	return register_put(c->api->store, &e, 1, REGISTER_SET, api_actor(c), c->req->arena, &done, err);
}

static enum rc set_patch(struct api_call *c, struct err *err)
{
	struct str id = S("");
	enum rc rc = RC_BUSY;

	TRY(may_see(c, err));
	for (int i = 0; i < TRIES && rc == RC_BUSY; i++)
		rc = set_once(c, &id, err);
	TRY(rc);
	return put_again(c, id, err);
}

static enum rc retire_delete(struct api_call *c, struct err *err)
{
	TRY(may_see(c, err));
	TRY(register_retire(c->api->store, kind_of(c), c->params[0], true, api_actor(c), err));
	return put_again(c, c->params[0], err);
}

static enum rc restore_post(struct api_call *c, struct err *err)
{
	TRY(may_see(c, err));
	TRY(register_retire(c->api->store, kind_of(c), c->params[0], false, api_actor(c), err));
	return put_again(c, c->params[0], err);
}

static enum rc history_get(struct api_call *c, struct err *err)
{
	struct register_version *list;
	struct register_entry e;
	size_t n;

	TRY(may_see(c, err));
	TRY(register_get(c->api->store, kind_of(c), c->params[0], c->req->arena, &e, err));
	TRY(register_history(c->api->store, e.row, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "versions");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_int(&c->out, "version", list[i].version);
		jsonw_m_time(&c->out, "at", list[i].at);
		jsonw_m_str(&c->out, "by", list[i].actor);
		jsonw_m_bool(&c->out, "retired", list[i].retired);
		jsonw_name(&c->out, "entry");
		jsonw_raw(&c->out, list[i].body);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- many at a time --- */

struct import {
	struct register_entry *list;
	int64_t *lines;
	size_t n, problems;
};

static void put_problem(struct api_call *c, int64_t line, const char *message)
{
	jsonw_object(&c->out);
	jsonw_m_int(&c->out, "line", line);
	jsonw_m_cstr(&c->out, "message", message[0] == '/' ? message + 1 : message);
	jsonw_object_end(&c->out);
}

/* One that is there keeps what the line does not name. */
static enum rc read_known(struct api_call *c, const struct json *in, struct register_entry *ret, struct err *err)
{
	struct str id = json_get_str(in, S("id"));
	struct register_entry had;
	enum rc rc = id.n == 0 ? RC_NOTFOUND : register_get(c->api->store, kind_of(c), id, c->req->arena, &had, err);

	return rc == RC_OK ? read_entry(c, in, &had, ret, err) : rc == RC_NOTFOUND ? read_entry(c, in, NULL, ret, err) : rc;
}

static enum rc read_entries(struct api_call *c, const struct json *entries, struct import *im, struct err *err)
{
	im->list = arena_array(c->req->arena, (size_t)entries->n + 1, sizeof *im->list);
	im->lines = arena_array(c->req->arena, (size_t)entries->n + 1, sizeof *im->lines);
	if (im->list == NULL || im->lines == NULL)
		return FAIL(err, RC_NOMEM, "entries: out of memory");
	JSON_EACH(one, entries) {
		struct err why = { 0 };
		int64_t line;
		enum rc rc;

		if (!json_int(json_get(one, S("line")), &line))
			line = (int64_t)im->n + 1;
		im->lines[im->n] = line;
		rc = read_known(c, one, &im->list[im->n], &why);
		if (rc != RC_OK && rc != RC_BAD && rc != RC_LIMIT)
			return FAIL(err, rc, "%s", why.text);
		if (rc != RC_OK && im->problems++ < PROBLEMS_MAX)
			put_problem(c, line, why.text);
		im->n++;
	}
	return RC_OK;
}

/* All entries or none: what is wrong with a line is told with the line, and the reply is one of success only by its counts. */
static enum rc import_post(struct api_call *c, struct err *err)
{
	const struct json *entries = json_get(c->body, S("entries"));
	struct register_done done = { .which = SIZE_MAX };
	struct import im = { .n = 0 };
	struct err why = { 0 };
	enum rc rc = RC_OK;

	TRY(may_see(c, err));
	if (!json_is(entries, JSON_ARRAY) || entries->n > REGISTER_IMPORT_MAX)
		return FAIL(err, RC_BAD, "/entries: expected an array of at most %d entries", REGISTER_IMPORT_MAX);
	jsonw_object(&c->out);
	jsonw_name(&c->out, "problems");
	jsonw_array(&c->out);
	TRY(read_entries(c, entries, &im, err));
	if (im.problems == 0) {
		rc = register_put(c->api->store, im.list, im.n, REGISTER_EITHER, api_actor(c), c->req->arena, &done, &why);
		if (rc != RC_OK && done.which >= im.n)
			return FAIL(err, rc, "%s", why.text);
		if (rc != RC_OK)
			put_problem(c, im.lines[done.which], why.text);
	}
	jsonw_array_end(&c->out);
	if (im.problems > 0 || rc != RC_OK)
		done = (struct register_done){ .added = 0 };
	jsonw_m_int(&c->out, "added", (int64_t)done.added);
	jsonw_m_int(&c->out, "changed", (int64_t)done.set);
	jsonw_m_int(&c->out, "same", (int64_t)done.same);
	jsonw_object_end(&c->out);
	return RC_OK;
}

#define ROUTES(plural, one, params, add, set, what, whats) \
	{ "GET", "/" plural, API_READER, list_get, "Register of " whats ", by id", params, NULL, LIST_SCHEMA }, \
	{ "POST", "/" plural, API_ANALYST, add_post, "Add " what, NULL, add, set }, \
	{ "POST", "/" plural "/import", API_ANALYST, import_post, "Add and set many " whats ": all of them, or none when a line is wrong", NULL, \
	  IMPORT_REQUEST, IMPORT_SCHEMA }, \
	{ "GET", "/" plural "/{" one "}", API_READER, one_get, "One of the register of " whats, NULL, NULL, set }, \
	{ "PATCH", "/" plural "/{" one "}", API_ANALYST, set_patch, "Set members of " what "; null takes one away", NULL, set, set }, \
	{ "DELETE", "/" plural "/{" one "}", API_ANALYST, retire_delete, "Retire " what ": nothing is erased", NULL, NULL, set }, \
	{ "POST", "/" plural "/{" one "}/restore", API_ANALYST, restore_post, "Take back that " what " is retired", NULL, NULL, set }, \
	{ "GET", "/" plural "/{" one "}/history", API_READER, history_get, "What an entry said, the newest first", NULL, NULL, HISTORY_SCHEMA }

const struct api_route API_ROUTES_REGISTERS[] = {
	ROUTES("organisations", "organisation", ORGANISATION_PARAMS, ORGANISATION_ADD, ORGANISATION_SET, "an organisation", "organisations"),
	ROUTES("systems", "system", OWNED_PARAMS, SYSTEM_ADD, SYSTEM_SET, "an ICT system", "ICT systems"),
	ROUTES("people", "person", OWNED_PARAMS, PERSON_ADD, PERSON_SET, "a person", "people"),
	ROUTES("duty", "duty", DUTY_PARAMS, DUTY_ADD, DUTY_SET, "a turn of duty", "duty"),
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
