/* Monitoring tickets over REST.
 *
 * A ticket is as secret as its strictest alert. Who is bounded by collections sees those whose indicators
 * they may know, and none that only rules made: those tell of the node's own hosts. */
#include "web/api.h"

#include "base/text.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/accounts.h"
#include "store/suppressions.h"
#include "web/api_records.h"

#define PAGE 200
#define PAGE_MEMORY ((size_t)64 << 20)
#define ALERTS_SHOWN 100
#define FACTS_SHOWN 1000

static const char TICKETS_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"tickets\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"},\"last\":{\"type\":\"integer\"}}}";
static const char TICKET_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"number\",\"state\",\"title\",\"class\",\"hits\",\"start\",\"end\"],\"properties\":{\"number\":{\"type\":"
	"\"string\"},\"state\":{\"enum\":[\"open\",\"in-progress\",\"closed\"]},\"title\":{\"type\":\"string\"},\"class\":{\"type\":\"string\"},"
	"\"type\":{\"type\":\"string\"},\"hits\":{\"type\":\"integer\"},\"start\":{\"type\":\"string\"},\"end\":{\"type\":\"string\"}}}";
static const char FACTS_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"facts\":{\"type\":\"array\"}}}";
static const char ALERTS_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"alerts\":{\"type\":\"array\"}}}";
static const char ASSIGN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"to\"],\"properties\":{\"to\":{\"type\":\"string\",\"description\":\"user, or empty for nobody\"},"
	"\"note\":{\"type\":\"string\"}}}";
static const char NOTE_REQUEST[] = "{\"type\":\"object\",\"required\":[\"note\"],\"properties\":{\"note\":{\"type\":\"string\"}}}";
static const char REOPEN_REQUEST[] = "{\"type\":\"object\",\"properties\":{\"note\":{\"type\":\"string\"}}}";
static const char RELATE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"number\"],\"properties\":{\"number\":{\"type\":\"string\"},\"note\":{\"type\":\"string\"}}}";
static const char CLOSE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"disposition\"],\"properties\":{\"disposition\":{\"enum\":[\"false-positive\",\"confirmed\","
	"\"undetermined\"]},\"note\":{\"type\":\"string\"},\"scope\":{\"enum\":[\"rule\",\"rule+host\",\"rule+value\",\"indicator\","
	"\"indicator+host\"]},\"value\":{\"type\":\"string\"},\"until\":{\"type\":\"string\"},\"for\":{\"type\":\"string\",\"description\":"
	"\"30d, 12h, 90m\"}}}";
static const struct api_param LIST_PARAMS[] = {
	{ "state", "string", "open, in-progress, closed, or active: not closed" },
	{ "class", "string", "RSIT class, e.g. malicious-code" },
	{ "disposition", "string", "false-positive, confirmed, undetermined, merged" },
	{ "assignee", "string", "user" },
	{ "host", "string", "host or sensor" },
	{ "level", "string", "level of the rule" },
	{ "rule", "string", "id of a rule" },
	{ "technique", "string", "ATT&CK technique, e.g. T1059.001" },
	{ "indicator", "string", "STIX id of an indicator" },
	{ "since", "string", "with events at or after this date or instant" },
	{ "until", "string", "with events before this instant, or by the end of this date" },
	{ "before", "integer", "only tickets with a smaller row number: `last` of the page before" },
	{ "limit", "integer", "at most so many (1 to 1000)" },
	{ NULL, NULL, NULL },
};
static const struct api_param SHEET_PARAMS[] = { { "lang", "string", "zh-TW or en" }, { NULL, NULL, NULL } };

/* --- who may see it --- */

static bool may_see(const struct api_call *c, const struct ticket *t)
{
	bool any = false;

	if (!gate_may(c->viewer, TLP_RED, t->tlp, 0, NULL))
		return false;
	if (!gate_is_bounded(c->viewer))
		return true;
	for (size_t i = 0; i < t->n_refs; i++)
		if (str_eq(t->refs[i].kind, S("indicator"))) {
			if (!gate_knows(c->api->store, c->viewer, t->refs[i].value))
				return false;
			any = true;
		}
	return any;
}

enum rc api_ticket_find(struct api_call *c, struct str number, struct ticket *ret, struct err *err)
{
	enum rc rc = ticket_get(c->api->store, number, c->req->arena, ret, err);

	if (rc == RC_OK && !may_see(c, ret))
		rc = RC_NOTFOUND;
	return rc == RC_NOTFOUND ? FAIL(err, rc, "ticket %.*s: not known", STR(str_slice(number, 0, TICKET_NUMBER_MAX))) : rc;
}

/* --- reading --- */

struct listing {
	struct api_call *c;
	struct ticket_query q;
	struct arena *a;
	int64_t left, last;
	bool more;
};

static bool shown(struct listing *l, struct ticket *t)
{
	struct ticket whole;

	if (!gate_is_bounded(l->c->viewer))
		return may_see(l->c, t);
	return ticket_get(l->c->api->store, t->number, l->a, &whole, NULL) == RC_OK && may_see(l->c, &whole);
}

static enum rc put_page(struct listing *l, bool *ret_end, struct err *err)
{
	struct ticket *list;
	size_t n;

	TRY(ticket_list(l->c->api->store, &l->q, l->a, &list, &n, err));
	for (size_t i = 0; i < n && !l->more; i++) {
		if (!shown(l, &list[i]))
			continue;
		l->more = l->left == 0;
		if (l->more)
			break;
		api_put_ticket(&l->c->out, l->c->api->words, &list[i], false);
		l->last = list[i].row;
		l->left--;
	}
	*ret_end = l->more || n < PAGE;
	if (n > 0)
		l->q.before = list[n - 1].row;
	return RC_OK;
}

static struct str query(const struct api_call *c, const char *name)
{
	struct str v = api_query(c, name);

	return v.p == NULL ? S("") : v;
}

static enum rc read_query(struct listing *l, struct err *err)
{
	static const char *const lists[] = { "rule", "technique", "indicator" }, *const states[] = { "open", "in-progress", "closed", "active", NULL },
		*const dispositions[] = { "false-positive", "confirmed", "undetermined", "merged", NULL },
		*const levels[] = { "informational", "low", "medium", "high", "critical", NULL };
	struct api_call *c = l->c;
	struct ticket_query *q = &l->q;

	*q = (struct ticket_query){ .limit = PAGE, .class = query(c, "class"), .assignee = query(c, "assignee"), .where = query(c, "host"), .kind = S(""),
				    .value = S("") };
	TRY(api_query_word(c, "state", states, &q->state, err));
	TRY(api_query_word(c, "disposition", dispositions, &q->disposition, err));
	TRY(api_query_word(c, "level", levels, &q->level, err));
	for (size_t i = 0; i < COUNTOF(lists); i++) {
		struct str v = query(c, lists[i]);

		if (v.n > 0 && q->kind.n > 0)
			return FAIL(err, RC_BAD, "%s: one of rule, technique and indicator at a time", lists[i]);
		if (v.n > 0) {
			q->kind = str_of(lists[i]);
			q->value = v;
		}
	}
	TRY(api_time(query(c, "since"), "since", false, &q->since, err));
	TRY(api_time(query(c, "until"), "until", true, &q->until, err));
	TRY(api_query_int(c, "before", 0, 0, INT64_MAX, &q->before, err));
	return api_query_int(c, "limit", 100, 1, 1000, &l->left, err);
}

static enum rc tickets_get(struct api_call *c, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(PAGE_MEMORY);
	struct listing l = { .c = c, .a = a };
	bool end = false;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	TRY(read_query(&l, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "tickets");
	jsonw_array(&c->out);
	while (!end) {
		TRY(put_page(&l, &end, err));
		arena_reset(a);
	}
	jsonw_array_end(&c->out);
	if (l.last > 0)
		jsonw_m_int(&c->out, "last", l.last);
	jsonw_m_bool(&c->out, "more", l.more);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc ticket_one(struct api_call *c, struct err *err)
{
	struct ticket t;

	TRY(api_ticket_find(c, c->params[0], &t, err));
	api_put_ticket(&c->out, c->api->words, &t, true);
	return RC_OK;
}

static enum rc alerts_get(struct api_call *c, struct err *err)
{
	struct alert_row *list;
	struct ticket t;
	size_t n;

	TRY(api_ticket_find(c, c->params[0], &t, err));
	TRY(alert_of_ticket(c->api->store, t.row, ALERTS_SHOWN, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "alerts");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		api_put_alert(&c->out, &list[i]);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static bool put_fact(void *ctx, const struct fact *f)
{
	api_put_fact(ctx, f);
	return true;
}

static enum rc facts_get(struct api_call *c, struct err *err)
{
	struct ticket t;

	TRY(api_ticket_find(c, c->params[0], &t, err));
	TRY(fact_flush(c->api->store, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "facts");
	jsonw_array(&c->out);
	TRY(ticket_facts(c->api->store, t.number, put_fact, &c->out, err));
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

struct done_list {
	struct arena *a;
	struct str *lines;
	size_t n;
};

/* "2026-01-02T03:04:05.678Z user:alice ticket.close {"disposition":"confirmed"}" */
static bool keep_fact(void *ctx, const struct fact *f)
{
	struct done_list *d = ctx;
	char at[TIME_TEXT_MAX];

	if (d->n == FACTS_SHOWN)
		return false;
	time_format_ms(f->at, at);
	d->lines[d->n] = arena_fmt(d->a, "%s %.*s %.*s %.*s", at, STR(f->actor), STR(f->kind), STR(str_eq(f->body, S("{}")) ? S("") : f->body));
	return d->lines[d->n++].p != NULL;
}

static enum rc sheet_get(struct api_call *c, struct err *err)
{
	struct done_list d = { .a = c->req->arena, .lines = arena_array(c->req->arena, FACTS_SHOWN, sizeof *d.lines) };
	struct str lang = query(c, "lang");
	struct ticket t;

	if (d.lines == NULL)
		return FAIL(err, RC_NOMEM, "sheet: out of memory");
	if (lang.n > 0 && !str_eq(lang, S("zh-TW")) && !str_eq(lang, S("en")))
		return FAIL(err, RC_BAD, "lang: expected zh-TW or en");
	TRY(api_ticket_find(c, c->params[0], &t, err));
	if (!gate_is_bounded(c->viewer))
		TRY(ticket_facts(c->api->store, t.number, keep_fact, &d, err));
	c->res->content_type = "text/markdown; charset=utf-8";
	api_put_sheet(&c->res->body, c->api->words, &t, d.lines, d.n, str_eq(lang, S("zh-TW")));
	return RC_OK;
}

/* --- acting --- */

static enum rc begin(struct api_call *c, enum ticket_act act, struct ticket *t, struct ticket_change *x, struct err *err)
{
	struct str note;

	TRY(api_ticket_find(c, c->params[0], t, err));
	TRY(api_text(c, "note", act == TICKET_NOTE, &note, err));
	*x = (struct ticket_change){ .act = act, .number = t->number, .actor = api_actor(c), .note = note.p == NULL ? S("") : note, .who = S(""),
				     .other = S(""), .disposition = S("") };
	return x->actor.p == NULL ? FAIL(err, RC_NOMEM, "ticket: out of memory") : RC_OK;
}

/* Does it, and shows the ticket as it is now. */
static enum rc finish(struct api_call *c, const struct ticket_change *x, struct err *err)
{
	struct ticket t;

	TRY(ticket_do(c->api->store, x, err));
	TRY(ticket_get(c->api->store, x->number, c->req->arena, &t, err));
	if (c->api->ticket_changed != NULL && (x->act == TICKET_CLOSE || x->act == TICKET_REOPEN))
		c->api->ticket_changed(c->api->ctx, &t);
	if (c->api->ticket_told != NULL)
		c->api->ticket_told(c->api->ctx, &t, x);
	api_put_ticket(&c->out, c->api->words, &t, true);
	return RC_OK;
}

/* A ticket lies with somebody who can act on it, or with nobody. */
static enum rc can_take(struct api_call *c, struct str name, struct err *err)
{
	struct user u;

	if (name.n == 0)
		return RC_OK;
	TRY(user_get(c->api->store, name, c->req->arena, &u, err));
	if (u.disabled || (!str_eq(u.role, S("analyst")) && !str_eq(u.role, S("admin"))))
		return FAIL(err, RC_CONFLICT, "user '%.*s' %s", STR(u.name), u.disabled ? "is disabled" : "may not act on tickets: give it to an analyst");
	return RC_OK;
}

static enum rc assign_post(struct api_call *c, struct err *err)
{
	struct ticket_change x;
	struct ticket t;

	TRY(begin(c, TICKET_ASSIGN, &t, &x, err));
	TRY(api_text(c, "to", true, &x.who, err));
	TRY(can_take(c, x.who, err));
	return finish(c, &x, err);
}

static enum rc note_post(struct api_call *c, struct err *err)
{
	struct ticket_change x;
	struct ticket t;

	TRY(begin(c, TICKET_NOTE, &t, &x, err));
	return finish(c, &x, err);
}

static enum rc reopen_post(struct api_call *c, struct err *err)
{
	struct ticket_change x;
	struct ticket t;

	TRY(begin(c, TICKET_REOPEN, &t, &x, err));
	return finish(c, &x, err);
}

static enum rc relate_post(struct api_call *c, struct err *err)
{
	struct ticket_change x;
	struct ticket t, other;

	TRY(begin(c, TICKET_RELATE, &t, &x, err));
	TRY(api_text(c, "number", true, &x.other, err));
	TRY(api_ticket_find(c, x.other, &other, err));
	return finish(c, &x, err);
}

/* The items of a list that a scope speaks of. */
static size_t items_of(const struct ticket *t, const char *kind, struct str *list, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_refs && n < max; i++)
		if (str_eq(t->refs[i].kind, str_of(kind)))
			list[n++] = t->refs[i].value;
	return n;
}

/* What matched first, when nobody says which value. */
static struct str first_value(struct api_call *c, const struct ticket *t)
{
	const struct json *v, *fields;
	struct alert_row *list;
	size_t n;

	if (alert_of_ticket(c->api->store, t->row, 1, c->req->arena, &list, &n, NULL) != RC_OK || n == 0 ||
	    json_parse(c->req->arena, list[0].body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return S("");
	fields = json_get(v, S("fields"));
	return json_is(fields, JSON_ARRAY) && fields->n > 0 ? json_get_str(json_item(fields, 0), S("value")) : S("");
}

/* One suppression for each rule, or each indicator, of the ticket. */
static enum rc make_suppressions(struct api_call *c, const struct ticket *t, struct str scope, struct ticket_change *x, struct err *err)
{
	struct str items[TICKET_REFS_MAX], value;
	bool of_rule = str_starts(scope, S("rule")), at_host = str_ends(scope, S("+host")), with_value = str_ends(scope, S("+value"));
	size_t n = items_of(t, of_rule ? "rule" : "indicator", items, COUNTOF(items));
	usec until;

	if (n == 0)
		return FAIL(err, RC_BAD, "scope: this ticket was raised by no %s", of_rule ? "rule" : "indicator");
	if (at_host && t->where.n == 0)
		return FAIL(err, RC_BAD, "scope: this ticket names no host");
	TRY(api_until(c, &until, err));
	TRY(api_text(c, "value", false, &value, err));
	if (with_value && value.n == 0)
		value = first_value(c, t);
	x->suppress = arena_array(c->req->arena, n, sizeof *x->suppress);
	if (x->suppress == NULL)
		return FAIL(err, RC_NOMEM, "suppression: out of memory");
	for (size_t i = 0; i < n; i++)
		x->suppress[i] = (struct suppression){ .scope = scope, .rule = of_rule ? items[i] : S(""), .indicator = of_rule ? S("") : items[i],
						       .where = at_host ? t->where : S(""), .value = with_value ? value : S(""), .until = until,
						       .created_by = x->actor, .ticket = t->number, .note = x->note, .tlp = t->tlp };
	x->n_suppress = n;
	return RC_OK;
}

static enum rc close_post(struct api_call *c, struct err *err)
{
	struct ticket_change x;
	struct ticket t;
	struct str scope;

	TRY(begin(c, TICKET_CLOSE, &t, &x, err));
	TRY(api_text(c, "disposition", true, &x.disposition, err));
	TRY(api_text(c, "scope", false, &scope, err));
	if (scope.n > 0)
		TRY(make_suppressions(c, &t, scope, &x, err));
	else if (json_get(c->body, S("until")) != NULL || json_get(c->body, S("for")) != NULL)
		return FAIL(err, RC_BAD, "scope: is needed for what ends");
	return finish(c, &x, err);
}

const struct api_route API_ROUTES_TICKETS[] = {
	{ "GET", "/tickets", API_READER, tickets_get, "Monitoring tickets, newest first", LIST_PARAMS, NULL, TICKETS_SCHEMA },
	{ "GET", "/tickets/{number}", API_READER, ticket_one, "A monitoring ticket with its lists", NULL, NULL, TICKET_SCHEMA },
	{ "GET", "/tickets/{number}/alerts", API_READER, alerts_get, "Its alerts, oldest first, with what matched", NULL, NULL, ALERTS_SCHEMA },
	{ "GET", "/tickets/{number}/facts", API_ANALYST, facts_get, "What was done with it, from the fact log", NULL, NULL, FACTS_SCHEMA },
	{ "GET", "/tickets/{number}/sheet", API_READER, sheet_get, "The monitoring sheet, as Markdown", SHEET_PARAMS, NULL, NULL },
	{ "POST", "/tickets/{number}/assign", API_ANALYST, assign_post, "Give it to a user, or to nobody", NULL, ASSIGN_REQUEST, TICKET_SCHEMA },
	{ "POST", "/tickets/{number}/note", API_ANALYST, note_post, "Note something", NULL, NOTE_REQUEST, TICKET_SCHEMA },
	{ "POST", "/tickets/{number}/close", API_ANALYST, close_post, "Close it: false positive (and hold back what follows), confirmed, undetermined", NULL, CLOSE_REQUEST, TICKET_SCHEMA },
	{ "POST", "/tickets/{number}/reopen", API_ANALYST, reopen_post, "Open it again; its verdict and suppression are taken back", NULL, REOPEN_REQUEST, TICKET_SCHEMA },
	{ "POST", "/tickets/{number}/related", API_ANALYST, relate_post, "Relate another ticket to it", NULL, RELATE_REQUEST, TICKET_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
