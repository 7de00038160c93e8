/* Bulletins over REST: the alerts that want an answer (ANA, EWA, INT, DEF, FBI).
 *
 * A bulletin is as secret as its marking; who may not see it gets the words of one that is not there. Answering makes a
 * feedback (FBI) that goes back to where the bulletin came from; what carries it is the node's exchange. */
#include "web/api_bulletins.h"

#include "desk/bulletin_object.h"
#include "desk/desk.h"
#include "desk/show.h"
#include "gate/gate.h"
#include "store/incidents.h"
#include "store/peers.h"
#include "web/api_incidents.h"
#include "web/api_whom.h"

static const char NEW_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"code\",\"title\"],\"properties\":{\"code\":{\"enum\":[\"ANA\",\"EWA\",\"INT\",\"DEF\",\"FBI\"]},"
	"\"category\":{\"type\":\"string\",\"description\":\"three digits\"},\"title\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},"
	"\"tlp\":{\"type\":\"string\"},\"impact\":{\"type\":\"integer\"},\"exercise\":{\"type\":\"boolean\"},\"due\":{\"type\":\"string\",\"format\":"
	"\"date-time\"},\"affected\":{\"type\":\"array\"},\"actions\":{\"type\":\"array\"},\"references\":{\"type\":\"array\"},\"observables\":{\"type\":"
	"\"array\"},\"connections\":{\"type\":\"array\"},\"attachments\":{\"type\":\"array\"},\"source\":{\"type\":\"string\"},\"to\":{\"type\":\"array\","
	"\"items\":{\"type\":\"string\"},\"description\":\"peers that get it\"},\"whom\":" API_WHOM_SCHEMA "}}";
static const char SEND_REQUEST[] =
	"{\"type\":\"object\",\"properties\":{\"to\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"whom\":" API_WHOM_SCHEMA "}}";
static const char ANSWER_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"disposition\"],\"properties\":{\"disposition\":{\"enum\":[\"false-positive\",\"confirmed\","
	"\"undetermined\"]},\"reason\":{\"type\":\"string\"},\"incident\":{\"type\":\"string\",\"description\":\"number or id of an incident here\"}}}";
static const char LIST_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"bulletins\"],\"properties\":{\"bulletins\":{\"type\":\"array\"},\"last\":{\"type\":\"integer\"}}}";
static const char ONE_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"id\",\"number\",\"code\",\"title\",\"tlp\",\"recipients\"],\"properties\":{\"id\":{\"type\":\"string\"},"
	"\"number\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"tlp\":{\"type\":\"string\"},\"recipients\":"
	"{\"type\":\"array\"},\"here\":{\"type\":\"object\"}}}";
static const struct api_param LIST_PARAMS[] = {
	{ "code", "string", "ANA, EWA, INT, DEF or FBI" },
	{ "direction", "string", "in (they came here) or out (issued here)" },
	{ "open", "boolean", "only those that wait for an answer" },
	{ "source", "string", "that speak of the bulletin with this number" },
	{ "before", "integer", "only rows below: `last` of the page before" },
	{ "limit", "integer", "at most so many (1 to 1000)" },
	{ NULL, NULL, NULL },
};

/* --- who may see it --- */

bool alert_may_see(const struct api_call *c, uint8_t tlp)
{
	return !need_is_bounded(c) && gate_may(c->viewer, TLP_RED, tlp, 0, NULL);
}

enum rc alert_find(struct api_call *c, struct bulletin_row *ret, struct err *err)
{
	if (!need_is_bounded(c)) {
		TRY(bulletin_get(c->api->store, c->params[0], c->req->arena, ret, err));
		if (alert_may_see(c, ret->tlp))
			return RC_OK;
	}
	return FAIL(err, RC_NOTFOUND, "no alert '%.*s'", STR(str_slice(c->params[0], 0, 64)));
}

/* --- views --- */

static void put_word(struct api_call *c, const char *name, const char *list, struct str id)
{
	const struct json *title = desk_word(c->api->desk, list, id);

	if (title != NULL) {
		jsonw_name(&c->out, name);
		jsonw_value(&c->out, title);
	}
}

static void put_head(struct api_call *c, const struct bulletin_row *b)
{
	struct jsonw *w = &c->out;

	jsonw_m_str(w, "id", b->id);
	jsonw_m_str(w, "number", b->number);
	jsonw_m_cstr(w, "direction", b->is_out ? "out" : "in");
	if (!b->is_out)
		jsonw_m_str(w, "origin", b->origin);
	jsonw_m_time(w, "came", b->came);
	put_word(c, "code_name", "alert_types", b->code);
	put_word(c, "category_name", "alert_categories", b->category);
}

static void put_time(struct jsonw *w, const char *name, usec t)
{
	if (t > 0)
		show_time(w, name, t);
}

static const char *state_of(const struct bulletin_to *t)
{
	return t->answered > 0 ? disposition_name(disposition_find(t->disposition)) : t->read > 0 ? "read" : t->received > 0 ? "received" :
	       t->sent > 0 ? "sent" : "queued";
}

static void put_to(struct api_call *c, const struct bulletin_row *b, const struct bulletin_to *t)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	if (t->who.n > 0)
		jsonw_m_str(w, "to", t->who);
	jsonw_m_cstr(w, "state", state_of(t));
	if (b->is_out)
		put_time(w, "queued", t->queued);
	put_time(w, "sent", t->sent);
	put_time(w, "received", t->received);
	put_time(w, "read", t->read);
	put_time(w, "answered", t->answered);
	if (b->due > 0) {
		show_time(w, "due", b->due);
		jsonw_m_bool(w, "late", t->answered == 0 ? time_now() > b->due : t->answered > b->due);
	}
	if (t->answered > 0) {
		jsonw_m_str(w, "disposition", t->disposition);
		put_word(c, "disposition_name", "dispositions", t->disposition);
		if (t->reason.n > 0)
			jsonw_m_str(w, "reason", t->reason);
		if (t->incident.n > 0)
			jsonw_m_str(w, "incident", t->incident);
		jsonw_m_str(w, "feedback", t->feedback);
	}
	jsonw_object_end(w);
}

static enum rc put_bulletin(struct api_call *c, const struct bulletin_row *row, struct err *err)
{
	struct bulletin_to *to;
	struct bulletin b;
	size_t n;

	TRY(bulletin_unpack(c->req->arena, row, &b, err));
	TRY(bulletin_recipients(c->api->store, row->row, c->req->arena, &to, &n, err));
	jsonw_object(&c->out);
	put_head(c, row);
	bulletin_write(&c->out, &b);
	jsonw_name(&c->out, "recipients");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		if (to[i].who.n > 0)
			put_to(c, row, &to[i]);
	jsonw_array_end(&c->out);
	if (n > 0 && to[0].who.n == 0) {
		jsonw_name(&c->out, "here");
		put_to(c, row, &to[0]);
	}
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- reading --- */

static uint8_t tlp_most(const struct api_call *c)
{
	uint8_t tlp = TLP_RED;

	while (tlp > TLP_CLEAR && !alert_may_see(c, tlp))
		tlp--;
	return tlp;
}

static enum rc read_query(struct api_call *c, struct bulletin_query *q, struct err *err)
{
	struct str code = api_query(c, "code"), direction = api_query(c, "direction"), source = api_query(c, "source");
	int64_t limit;

	*q = (struct bulletin_query){ .tlp_most = tlp_most(c), .code = code.p == NULL ? S("") : code, .source = source.p == NULL ? S("") : source, .is_out = -1 };
	if (q->code.n > 0 && bulletin_code_find(q->code) == BULLETIN_CODES)
		return FAIL(err, RC_BAD, "code: expected ANA, EWA, INT, DEF or FBI");
	if (str_eq(direction, S("in")) || str_eq(direction, S("out")))
		q->is_out = direction.n == 3;
	else if (direction.n > 0)
		return FAIL(err, RC_BAD, "direction: expected in or out");
	TRY(api_query_bool(c, "open", &q->open, err));
	TRY(api_query_int(c, "before", 0, 0, INT64_MAX, &q->before, err));
	TRY(api_query_int(c, "limit", 100, 1, 1000, &limit, err));
	q->limit = (uint32_t)limit;
	return RC_OK;
}

static void put_row(struct api_call *c, const struct bulletin_row *b)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	put_head(c, b);
	jsonw_m_str(w, "code", b->code);
	if (b->category.n > 0)
		jsonw_m_str(w, "category", b->category);
	jsonw_m_str(w, "title", b->title);
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)b->tlp));
	if (b->impact > 0)
		jsonw_m_int(w, "impact", b->impact);
	jsonw_m_bool(w, "exercise", b->exercise);
	if (b->source.n > 0)
		jsonw_m_str(w, "source", b->source);
	jsonw_m_time(w, "issued", b->issued);
	put_time(w, "due", b->due);
	jsonw_m_int(w, "recipients", b->recipients);
	jsonw_m_int(w, "received", b->n_received);
	jsonw_m_int(w, "read", b->n_read);
	jsonw_m_int(w, "answered", b->n_answered);
	jsonw_object_end(w);
}

static enum rc bulletins_get(struct api_call *c, struct err *err)
{
	struct bulletin_query q;
	struct bulletin_row *list;
	size_t n;

	if (need_is_bounded(c))
		return FAIL(err, RC_DENIED, "alerts: your role at the desk sees the incidents in which it is asked, and no alerts");
	TRY(read_query(c, &q, err));
	TRY(bulletin_list(c->api->store, &q, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "bulletins");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		if (alert_may_see(c, list[i].tlp))
			put_row(c, &list[i]);
	jsonw_array_end(&c->out);
	if (n == q.limit)
		jsonw_m_int(&c->out, "last", list[n - 1].row);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc bulletin_view(struct api_call *c, struct err *err)
{
	struct bulletin_row b;

	TRY(alert_find(c, &b, err));
	return put_bulletin(c, &b, err);
}

/* --- issuing and sending --- */

/* A peer that may have it: known, enabled, and trusted with its marking. */
static enum rc check_to(struct api_call *c, struct str name, uint8_t tlp, struct err *err)
{
	struct peer p;

	TRY(api_name(name, "to", err));
	if (peer_get(c->api->store, name, c->req->arena, &p, NULL) != RC_OK || p.disabled)
		return FAIL(err, RC_BAD, "/to: no peer '%.*s'", STR(name));
	if (tlp > p.tlp_max)
		return FAIL(err, RC_DENIED, "/to: %.*s may have %s at most, this is %s", STR(name), tlp_name((enum tlp)p.tlp_max), tlp_name((enum tlp)tlp));
	return RC_OK;
}

/* By name, and those that the register has of a sector, a level, ... */
static enum rc read_to(struct api_call *c, uint8_t tlp, struct str **ret, size_t *ret_n, struct err *err)
{
	const struct json *list = json_get(c->body, S("to"));
	struct str *to, *chosen;
	size_t n = 0, more;

	*ret_n = 0;
	*ret = NULL;
	if (list != NULL && (list->type != JSON_ARRAY || list->n > BULLETIN_TO_MAX))
		return FAIL(err, RC_BAD, "/to: expected an array of at most %d peers", BULLETIN_TO_MAX);
	TRY(api_whom(c, json_get(c->body, S("whom")), tlp, BULLETIN_TO_MAX, &chosen, &more, err));
	to = arena_array(c->req->arena, (list == NULL ? 0 : list->n) + more + 1, sizeof *to);
	if (to == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	if (list != NULL)
		JSON_EACH(one, list)
			to[n++] = json_str(one);
	for (size_t i = 0; i < more; i++)
		to[n++] = chosen[i];
	for (size_t i = 0; i < n; i++)
		TRY(check_to(c, to[i], tlp, err));
	*ret = to;
	*ret_n = n;
	return RC_OK;
}

static void tell(struct api_call *c)
{
	if (c->api->desk_changed != NULL)
		c->api->desk_changed(c->api->ctx);
}

/* Whose it is, where it says nothing. */
static void sign(const struct api *api, struct bulletin *b)
{
	b->at[BW_ISSUED] = 0;
	if (b->text[BT_PRODUCER].n > 0)
		return;
	b->text[BT_PRODUCER] = str_of(api->node_name);
	b->text[BT_PRODUCER_ID] = str_of(api->identity);
}

static enum rc bulletins_post(struct api_call *c, struct err *err)
{
	struct bulletin_row row = { .is_out = true };
	char id[BULLETIN_ID_MAX];
	struct bulletin b;
	struct str *to;
	size_t n;

	TRY(bulletin_read(c->req->arena, c->body, c->api->default_tlp, &b, err));
	if (!alert_may_see(c, b.tlp))
		return FAIL(err, RC_DENIED, "/tlp: you may not see %s yourself", tlp_name((enum tlp)b.tlp));
	TRY(read_to(c, b.tlp, &to, &n, err));
	sign(c->api, &b);
	TRY(bulletin_pack(c->req->arena, &b, &row, err));
	row.id = bulletin_new_id(id);
	row.number = row.origin = S("");
	TRY(bulletin_issue(c->api->store, str_of(c->api->node_name), &row, to, n, api_actor(c), err));
	tell(c);
	c->res->status = 201;
	return put_bulletin(c, &row, err);
}

static enum rc send_post(struct api_call *c, struct err *err)
{
	struct bulletin_row b;
	struct str *to;
	size_t n;

	TRY(alert_find(c, &b, err));
	if (json_get(c->body, S("to")) == NULL && json_get(c->body, S("whom")) == NULL)
		return FAIL(err, RC_BAD, "/to: to or whom is required");
	if (!b.is_out)
		return FAIL(err, RC_DENIED, "alert %.*s was issued elsewhere: only its maker sends it on", STR(b.number));
	TRY(read_to(c, b.tlp, &to, &n, err));
	TRY(bulletin_send(c->api->store, b.id, to, n, api_actor(c), err));
	tell(c);
	return put_bulletin(c, &b, err);
}

/* --- at a recipient --- */

static enum rc came_here(const struct bulletin_row *b, struct err *err)
{
	return b->is_out ? FAIL(err, RC_CONFLICT, "alert %.*s was issued here: others read and answer it", STR(b->number)) : RC_OK;
}

static enum rc read_post(struct api_call *c, struct err *err)
{
	struct bulletin_row b;

	TRY(alert_find(c, &b, err));
	TRY(came_here(&b, err));
	TRY(bulletin_reach(c->api->store, b.id, S(""), BULLETIN_READ, time_now(), api_actor(c), err));
	tell(c);
	return put_bulletin(c, &b, err);
}

/* The incident that an answer names is one of ours; its number is what the other side gets to see. */
static enum rc check_incident(struct api_call *c, struct bulletin_answer *x, struct err *err)
{
	struct incident_row r;
	enum rc rc;

	if (x->incident.n == 0)
		return RC_OK;
	rc = incident_find(c, x->incident, &r, err);
	if (rc == RC_NOTFOUND)
		return FAIL(err, RC_BAD, "/incident: no incident '%.*s' here", STR(str_slice(x->incident, 0, 60)));
	if (rc == RC_OK)
		x->incident = r.number;
	return rc;
}

static enum rc read_answer(struct api_call *c, const struct bulletin_row *b, struct bulletin_answer *x, struct err *err)
{
	enum disposition d;

	*x = (struct bulletin_answer){ .id = b->id, .who = S(""), .at = time_now() };
	TRY(api_text(c, "disposition", true, &x->disposition, err));
	TRY(api_text(c, "reason", false, &x->reason, err));
	TRY(api_text(c, "incident", false, &x->incident, err));
	x->reason = x->reason.p == NULL ? S("") : x->reason;
	x->incident = x->incident.p == NULL ? S("") : x->incident;
	d = disposition_find(x->disposition);
	if (d == DISPOSITION_NONE)
		d = DISPOSITIONS;
	TRY(disposition_check(d, x->reason, x->incident, err));
	return check_incident(c, x, err);
}

static enum rc make_feedback(struct api_call *c, const struct bulletin_row *b, const struct bulletin_answer *x, struct bulletin_row *ret, struct err *err)
{
	struct bulletin f;

	bulletin_init(&f);
	f.code = BULLETIN_FBI;
	f.tlp = b->tlp;
	f.exercise = b->exercise;
	f.text[BT_TITLE] = arena_fmt(c->req->arena, "%.*s: %.*s", STR(b->number), STR(x->disposition));
	if (f.text[BT_TITLE].p == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	f.text[BT_CATEGORY] = b->category;
	f.text[BT_SOURCE] = b->number;
	f.text[BT_DISPOSITION] = x->disposition;
	f.text[BT_REASON] = x->reason;
	f.text[BT_INCIDENT] = x->incident;
	f.at[BW_REPORTED] = x->at;
	sign(c->api, &f);
	TRY(bulletin_check(&f, err));
	return bulletin_pack(c->req->arena, &f, ret, err);
}

static enum rc answer_post(struct api_call *c, struct err *err)
{
	struct bulletin_row b, feedback = { .is_out = true };
	struct bulletin_answer x;
	char id[BULLETIN_ID_MAX];
	bool fresh;

	TRY(alert_find(c, &b, err));
	TRY(came_here(&b, err));
	TRY(read_answer(c, &b, &x, err));
	TRY(make_feedback(c, &b, &x, &feedback, err));
	feedback.id = bulletin_new_id(id);
	feedback.number = feedback.origin = S("");
	TRY(bulletin_reach(c->api->store, b.id, S(""), BULLETIN_READ, x.at, api_actor(c), err));
	TRY(bulletin_answer(c->api->store, str_of(c->api->node_name), &x, &feedback, api_actor(c), &fresh, err));
	tell(c);
	return put_bulletin(c, &b, err);
}

const struct api_route API_ROUTES_BULLETINS[] = {
	{ "GET", "/bulletins", API_READER, bulletins_get, "Alerts that want an answer (ANA, EWA, INT, DEF, FBI), newest first", LIST_PARAMS, NULL, LIST_SCHEMA },
	{ "POST", "/bulletins", API_ANALYST, bulletins_post, "Issue one, and send it", NULL, NEW_REQUEST, ONE_SCHEMA },
	{ "GET", "/bulletins/{bulletin}", API_READER, bulletin_view, "One, by number or id, with its recipients' receipts and answers", NULL, NULL, ONE_SCHEMA },
	{ "POST", "/bulletins/{bulletin}/send", API_ANALYST, send_post, "Send it to further peers", NULL, SEND_REQUEST, ONE_SCHEMA },
	{ "POST", "/bulletins/{bulletin}/read", API_ANALYST, read_post, "Say that somebody here has read it", NULL, NULL, ONE_SCHEMA },
	{ "POST", "/bulletins/{bulletin}/answer", API_ANALYST, answer_post, "Answer it: false positive, confirmed or undetermined", NULL, ANSWER_REQUEST, ONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
