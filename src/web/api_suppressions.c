/* What is held back, until when, and how much of it. */
#include "web/api.h"

#include "event/rule_hit.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/suppressions.h"
#include "store/tickets.h"

#define LIST_MAX 1000
#define SPAN_MAX ((usec)3660 * 24 * 3600 * USEC_PER_SEC)

static const char LIST_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"suppressions\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"}}}";
static const char ONE_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"row\":{\"type\":\"integer\"}}}";
static const char ADD_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"scope\"],\"properties\":{\"scope\":{\"enum\":[\"rule\",\"rule+host\",\"rule+value\",\"indicator\","
	"\"indicator+host\"]},\"rule\":{\"type\":\"string\"},\"host\":{\"type\":\"string\"},\"value\":{\"type\":\"string\"},\"indicator\":"
	"{\"type\":\"string\"},\"until\":{\"type\":\"string\"},\"for\":{\"type\":\"string\"},\"note\":{\"type\":\"string\"},\"force\":{\"type\":\"boolean\"}}}";
static const struct api_param LIST_PARAMS[] = {
	{ "all", "boolean", "also those that are over or were removed" },
	{ "after", "integer", "only those with a greater row number" },
	{ NULL, NULL, NULL },
};

/* "30d", "12h", "90m", "20s" */
static bool read_span(struct str text, usec *ret)
{
	static const struct { char unit; usec span; } units[] = {
		{ 'd', 24 * 3600 * USEC_PER_SEC }, { 'h', 3600 * USEC_PER_SEC }, { 'm', 60 * USEC_PER_SEC }, { 's', USEC_PER_SEC },
	};
	int64_t n;

	if (text.n < 2 || !str_to_i64(str_slice(text, 0, text.n - 1), &n) || n <= 0)
		return false;
	for (size_t i = 0; i < COUNTOF(units); i++)
		if (text.p[text.n - 1] == units[i].unit)
			return !__builtin_mul_overflow(n, units[i].span, ret) && *ret <= SPAN_MAX;
	return false;
}

enum rc api_until(struct api_call *c, usec *ret, struct err *err)
{
	struct str until, span;
	usec d;

	TRY(api_text(c, "until", false, &until, err));
	TRY(api_text(c, "for", false, &span, err));
	if ((until.n > 0) == (span.n > 0))
		return FAIL(err, RC_BAD, "/until: a suppression has an end: either until or for");
	if (until.n > 0)
		return api_time(until, "/until", true, ret, err);
	if (!read_span(span, &d))
		return FAIL(err, RC_BAD, "/for: expected a span of up to ten years: 30d, 12h, 90m");
	*ret = time_now() + d;
	return RC_OK;
}

static void put_part(struct jsonw *w, const char *name, struct str part)
{
	if (part.n > 0)
		jsonw_m_str(w, name, part);
}

static void put_one(struct jsonw *w, const struct suppression *x)
{
	usec now = time_now();

	jsonw_object(w);
	jsonw_m_int(w, "row", x->row);
	jsonw_m_str(w, "scope", x->scope);
	put_part(w, "rule", x->rule);
	put_part(w, "host", x->where);
	put_part(w, "value", x->value);
	put_part(w, "indicator", x->indicator);
	jsonw_m_cstr(w, "state", x->removed != 0 ? "removed" : x->until <= now ? "over" : "in force");
	jsonw_m_time(w, "until", x->until);
	jsonw_m_int(w, "held", x->held);
	if (x->last != 0)
		jsonw_m_time(w, "last", x->last);
	jsonw_m_time(w, "created", x->created);
	jsonw_m_str(w, "created_by", x->created_by);
	put_part(w, "ticket", x->ticket);
	put_part(w, "note", x->note);
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)x->tlp));
	jsonw_object_end(w);
}

static bool may_see(const struct api_call *c, const struct suppression *x)
{
	return gate_may(c->viewer, TLP_RED, x->tlp, 0, NULL);
}

static enum rc list_get(struct api_call *c, struct err *err)
{
	bool all = false;
	struct suppression *list;
	int64_t after;
	size_t n;

	TRY(api_query_bool(c, "all", &all, err));
	TRY(api_query_int(c, "after", 0, 0, INT64_MAX, &after, err));
	TRY(suppression_list(c->api->store, !all, time_now(), after, LIST_MAX, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "suppressions");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		if (may_see(c, &list[i]))
			put_one(&c->out, &list[i]);
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "more", n == LIST_MAX);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc part(struct api_call *c, const char *name, struct str *ret, struct err *err)
{
	TRY(api_text(c, name, false, ret, err));
	if (ret->p == NULL)
		*ret = S("");
	return RC_OK;
}

static void changed(struct api_call *c)
{
	if (c->api->ticket_changed != NULL)
		c->api->ticket_changed(c->api->ctx, NULL);
}

/* In force here, or seen: rules of a queue's workers are known by what they found, and so is the alarm of a silent input. */
static bool rule_known(struct api_call *c, struct str id)
{
	struct ticket_query q = { .limit = 1, .kind = S("rule"), .value = id, .state = S(""), .class = S(""), .disposition = S(""),
				  .assignee = S(""), .where = S(""), .level = S("") };
	struct ticket *list;
	size_t n = 0;

	if (c->api->rule_known == NULL || c->api->rule_known(c->api->ctx, id) != 0 || str_eq(id, S(RULE_SILENT_ID)))
		return true;
	return ticket_list(c->api->store, &q, c->req->arena, &list, &n, NULL) != RC_OK || n > 0;
}

/* What nobody has heard of is most likely a slip of the hand, and would hold back nothing. */
static enum rc check_known(struct api_call *c, const struct suppression *x, struct err *err)
{
	bool force = false;

	TRY(api_bool(c, "force", false, &force, err));
	if (force)
		return RC_OK;
	if (x->rule.n > 0 && !rule_known(c, x->rule))
		return FAIL(err, RC_BAD, "/rule: no rule in force and no ticket knows '%.*s' (force: hold it back all the same)", STR(str_slice(x->rule, 0, 100)));
	if (x->indicator.n > 0 && !gate_knows(c->api->store, c->viewer, x->indicator))
		return FAIL(err, RC_BAD, "/indicator: this node does not know '%.*s' (force: hold it back all the same)",
			    STR(str_slice(x->indicator, 0, 100)));
	return RC_OK;
}

static enum rc add_post(struct api_call *c, struct err *err)
{
	struct suppression x = { .created_by = api_actor(c), .ticket = S(""), .tlp = c->viewer->tlp_max };

	TRY(api_text(c, "scope", true, &x.scope, err));
	TRY(part(c, "rule", &x.rule, err));
	TRY(part(c, "host", &x.where, err));
	TRY(part(c, "value", &x.value, err));
	TRY(part(c, "indicator", &x.indicator, err));
	TRY(part(c, "note", &x.note, err));
	TRY(api_until(c, &x.until, err));
	TRY(check_known(c, &x, err));
	TRY(suppression_add(c->api->store, &x, err));
	changed(c);
	put_one(&c->out, &x);
	return RC_OK;
}

/* One that this viewer may not see is not known to him. */
static enum rc find(struct api_call *c, int64_t row, struct err *err)
{
	struct suppression *list;
	size_t n;

	TRY(suppression_list(c->api->store, true, time_now(), row - 1, 1, c->req->arena, &list, &n, err));
	return n == 1 && list[0].row == row && may_see(c, &list[0]) ? RC_OK : FAIL(err, RC_NOTFOUND, "suppression %lld: not in force", (long long)row);
}

static enum rc remove_delete(struct api_call *c, struct err *err)
{
	int64_t row;

	if (!str_to_i64(c->params[0], &row) || row < 1)
		return FAIL(err, RC_NOTFOUND, "suppression: no such number");
	TRY(find(c, row, err));
	TRY(suppression_remove(c->api->store, row, api_actor(c), err));
	changed(c);
	jsonw_object(&c->out);
	jsonw_m_int(&c->out, "row", row);
	jsonw_m_cstr(&c->out, "state", "removed");
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_SUPPRESSIONS[] = {
	{ "GET", "/suppressions", API_ANALYST, list_get, "What is held back, and how much of it", LIST_PARAMS, NULL, LIST_SCHEMA },
	{ "POST", "/suppressions", API_ANALYST, add_post, "Hold back matches of a rule or an indicator until an end", NULL, ADD_REQUEST, ONE_SCHEMA },
	{ "DELETE", "/suppressions/{row}", API_ANALYST, remove_delete, "Hold back no longer", NULL, NULL, ONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
