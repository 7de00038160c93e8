/* What staff do with reports of people without an account: read them, write one down for somebody who telephoned, make an incident
 * of one, or say why not. The words of strangers go out with every hidden character as an escape of JSON. */
#include "web/api_incidents.h"

#include "base/text.h"
#include "base/uuid.h"
#include "stix/marking.h"
#include "store/intake.h"
#include "sys/keys.h"
#include "web/window.h"

#define SUMMARY_MAX 120

static const char ADD_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"what\"],\"properties\":{\"what\":{\"type\":\"string\"},\"when\":{\"type\":\"string\"},\"contact\":{\"type\":"
	"\"string\"},\"channel\":{\"type\":\"string\",\"enum\":[\"phone\",\"mail\",\"fax\",\"paper\",\"counter\",\"other\"]},"
	"\"exercise\":{\"type\":\"boolean\"}}}";
static const char OPEN_REQUEST[] =
	"{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"},\"packs\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"incident\":"
	"{\"type\":\"string\"},\"exercise\":{\"type\":\"boolean\"}}}";
static const char DISMISS_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"reason\"],\"properties\":{\"reason\":{\"type\":\"string\"},\"duplicate_of\":{\"type\":\"string\"}}}";
static const char ONE_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"number\",\"state\"],\"properties\":{\"number\":{\"type\":\"string\"},\"state\":{\"type\":\"string\"},\"what\":{\"type\":"
	"\"string\"},\"when\":{\"type\":\"string\"},\"contact\":{\"type\":\"string\"},\"incident\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
	"\"exercise\":{\"type\":\"boolean\"}}}";
static const char LIST_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"reports\"],\"properties\":{\"reports\":{\"type\":\"array\"},\"next\":{\"type\":\"string\"}}}";
static const struct api_param LIST_PARAMS[] = {
	{ "state", "string", "only those: received, opened, duplicate, dismissed" },
	{ "after", "integer", "\"next\" of the reply before" },
	{ "limit", "integer", "at most so many (1 to 1000)" },
	{ NULL, NULL, NULL },
};

/* --- views --- */

static void put_text(struct jsonw *w, const char *name, struct str text)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	json_quote_visible(&b, text);
	jsonw_name(w, name);
	jsonw_raw(w, buf_view(&b));
	buf_done(&b);
}

/* The beginning on one line, with hidden characters made visible: for lists and titles. */
static struct str summary_of(struct arena *a, struct str what)
{
	struct buf b;
	struct str s;

	buf_init(&b, (size_t)1 << 20);
	utf8_visible(&b, str_slice(str_trim(what), 0, 2 * SUMMARY_MAX));
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\n' || b.p[i] == '\t')
			b.p[i] = ' ';
	if (b.n > SUMMARY_MAX) {
		size_t cut = SUMMARY_MAX;

		while (cut > 0 && ((unsigned char)b.p[cut] & 0xC0) == 0x80)
			cut--;
		buf_cut(&b, cut);
		buf_cstr(&b, "…");
	}
	s = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return s;
}

static void put_row(struct api_call *c, const struct intake_report *r)
{
	struct jsonw *w = &c->out;

	jsonw_m_str(w, "number", r->number);
	jsonw_m_str(w, "state", r->state);
	jsonw_m_bool(w, "exercise", r->exercise);
	jsonw_m_str(w, "channel", r->channel);
	jsonw_m_time(w, "received", r->at);
	jsonw_m_str(w, "summary", summary_of(c->req->arena, r->what));
	jsonw_m_str(w, "incident", r->incident);
	jsonw_m_str(w, "duplicate_of", r->duplicate_of);
}

static void put_report(struct api_call *c, const struct intake_report *r, const char *code)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	put_row(c, r);
	put_text(w, "what", r->what);
	put_text(w, "when", r->when);
	put_text(w, "contact", r->contact);
	jsonw_m_str(w, "reason", r->reason);
	jsonw_m_time(w, "changed", r->changed);
	jsonw_m_str(w, "changed_by", r->changed_by);
	if (code != NULL)
		jsonw_m_cstr(w, "code", code);
	jsonw_object_end(w);
}

static enum rc find(struct api_call *c, struct intake_report *ret, struct err *err)
{
	TRY(incident_may_see(c, err));
	return intake_get(c->api->store, c->params[0], c->req->arena, ret, err);
}

static enum rc put_again(struct api_call *c, struct err *err)
{
	struct intake_report r;

	TRY(find(c, &r, err));
	put_report(c, &r, NULL);
	return RC_OK;
}

/* --- routes --- */

static enum rc list_get(struct api_call *c, struct err *err)
{
	static const char *const states[] = { "received", "opened", "duplicate", "dismissed", NULL };
	struct str state;
	struct intake_report *list;
	int64_t limit, after;
	size_t n;

	TRY(incident_may_see(c, err));
	TRY(api_query_int(c, "limit", 100, 1, 1000, &limit, err));
	TRY(api_query_int(c, "after", 0, 0, INT64_MAX, &after, err));
	TRY(api_query_word(c, "state", states, &state, err));
	TRY(intake_list(c->api->store, state, after, (uint32_t)limit, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "reports");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		put_row(c, &list[i]);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	if (n == (size_t)limit) {
		char next[24];

		snprintf(next, sizeof next, "%lld", (long long)list[n - 1].row);
		jsonw_m_cstr(&c->out, "next", next);
	}
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc one_get(struct api_call *c, struct err *err)
{
	return put_again(c, err);
}

static enum rc text(const struct api_call *c, const char *name, bool required, struct str *ret, struct err *err)
{
	TRY(api_text(c, name, required, ret, err));
	if (ret->p == NULL)
		*ret = S("");
	return required && str_trim(*ret).n == 0 ? FAIL(err, RC_BAD, "/%s: is required", name) : RC_OK;
}

static enum rc add_post(struct api_call *c, struct err *err)
{
	static const char *const channels[] = { "phone", "mail", "fax", "paper", "counter", "other" };
	struct intake_report r = { .row = 0 };
	char code[WINDOW_CODE_MAX];
	bool known = false;

	TRY(incident_may_see(c, err));
	TRY(text(c, "what", true, &r.what, err));
	TRY(text(c, "when", false, &r.when, err));
	TRY(text(c, "contact", false, &r.contact, err));
	TRY(text(c, "channel", false, &r.channel, err));
	TRY(api_bool(c, "exercise", false, &r.exercise, err));
	if (r.channel.n == 0)
		r.channel = S("other");
	for (size_t i = 0; i < COUNTOF(channels); i++)
		known |= str_eq(r.channel, str_of(channels[i]));
	if (!known)
		return FAIL(err, RC_BAD, "/channel: expected phone, mail, fax, paper, counter or other");
	window_code_draw(code, r.code);
	TRY(intake_put(c->api->store, &r, api_actor(c), err));
	c->res->status = 201;
	put_report(c, &r, code);
	secret_wipe(code, sizeof code);
	return RC_OK;
}

/* One incident for one report, however often somebody tries: its id comes from the report's number on this node. */
static struct str id_of(struct api_call *c, const struct intake_report *r)
{
	static const struct uuid space = { { 0x5f, 0x0e, 0x6a, 0x2c, 0x91, 0x7d, 0x4b, 0x38, 0xa4, 0x63, 0x1c, 0x88, 0xe2, 0x95, 0x07, 0xbd } };
	char uuid[UUID_TEXT_LEN + 1];
	struct str name = arena_fmt(c->req->arena, "%s %.*s", c->api->identity, STR(r->number));
	struct uuid u;

	if (name.p == NULL)
		return name;
	uuid_v5(&space, name, &u);
	uuid_format(&u, uuid);
	return arena_fmt(c->req->arena, "incident--%s", uuid);
}

/* Who is told of an incident by somebody else has a report; a provider who is told of one at home has become aware of it, and
 * its own report is still to be made. */
static enum rc first_fact(struct api_call *c, const struct intake_report *r, struct str packs, struct incident_fact *ret, struct err *err)
{
	bool provider = strcmp(c->api->tier, "provider") == 0;
	struct buf b;
	struct jsonw w;
	struct str note = arena_fmt(c->req->arena, "report %.*s by %.*s", STR(r->number), STR(r->channel)), body;
	enum rc rc;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "id", arena_fmt(c->req->arena, "intake-%.*s", STR(r->number)));
	jsonw_m_cstr(&w, "type", provider ? "aware" : "reported");
	if (!provider) {
		jsonw_m_str(&w, "channel", r->channel);
		jsonw_m_time(&w, "claimed", r->at);
	}
	jsonw_m_str(&w, "note", note);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "fact");
	body = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	TRY(rc);
	return incident_own_fact(c, packs, body, ret, err);
}

static enum rc open_new(struct api_call *c, const struct intake_report *r, struct incident_row *ret, struct err *err)
{
	struct incident_fact f;
	struct casefile_more more = { .f = &f, .n = 1 };
	struct desk_view v;
	usec at;
	enum rc rc;

	*ret = (struct incident_row){ .id = id_of(c, r) };
	more.incident = ret->id;
	TRY(text(c, "title", false, &ret->title, err));
	if (ret->title.n == 0)
		ret->title = summary_of(c->req->arena, r->what);
	if (ret->id.p == NULL || ret->title.p == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	TRY(api_bool(c, "exercise", r->exercise, &ret->exercise, err));
	if (r->exercise && !ret->exercise)
		return FAIL(err, RC_CONFLICT, "report %.*s: is of a drill", STR(r->number));
	TRY(incident_read_packs(c, &ret->packs, err));
	TRY(first_fact(c, r, ret->packs, &f, err));
	at = time_now(); /* not before the fact was recorded */
	TRY(incident_look(c, ret, &more, 1, at, &v, err));
	TRY(incident_refuse_idle(&v, &f, 1, err));
	ret->now = casefile_derived(&v, casefile_rung(&v, at));
	rc = incident_open(c->api->store, ret, &f, 1, api_actor(c), err);
	/* Somebody was here before, and only the report does not know yet. */
	return rc == RC_CONFLICT ? incident_get(c->api->store, ret->id, c->req->arena, ret, err) : rc;
}

static enum rc open_post(struct api_call *c, struct err *err)
{
	struct intake_report r;
	struct incident_row row;
	struct str incident;

	TRY(find(c, &r, err));
	TRY(text(c, "incident", false, &incident, err));
	if (str_eq(r.state, S("opened")))
		return FAIL(err, RC_CONFLICT, "report %.*s: is part of incident %.*s already", STR(r.number), STR(r.incident));
	if (incident.n > 0) {
		TRY(incident_find(c, incident, &row, err));
		if (r.exercise && !row.exercise)
			return FAIL(err, RC_CONFLICT, "report %.*s: is of a drill, and the incident is none", STR(r.number));
	} else {
		TRY(open_new(c, &r, &row, err));
	}
	r.state = S("opened");
	r.incident = row.number;
	r.duplicate_of = r.reason = S("");
	TRY(intake_settle(c->api->store, &r, api_actor(c), err));
	incident_changed(c);
	return put_again(c, err);
}

static enum rc dismiss_post(struct api_call *c, struct err *err)
{
	struct intake_report r;

	TRY(find(c, &r, err));
	TRY(text(c, "duplicate_of", false, &r.duplicate_of, err));
	TRY(text(c, "reason", r.duplicate_of.n == 0, &r.reason, err));
	r.state = r.duplicate_of.n > 0 ? S("duplicate") : S("dismissed");
	r.incident = S("");
	TRY(intake_settle(c->api->store, &r, api_actor(c), err));
	return put_again(c, err);
}

const struct api_route API_ROUTES_INTAKE[] = {
	{ "GET", "/intake", API_ANALYST, list_get, "Reports of people without an account, the newest first", LIST_PARAMS, NULL, LIST_SCHEMA },
	{ "POST", "/intake", API_ANALYST, add_post, "Write a report down for somebody; the reply holds the code that the reporter asks with", NULL, ADD_REQUEST, ONE_SCHEMA },
	{ "GET", "/intake/{report}", API_ANALYST, one_get, "A report, in its own words", NULL, NULL, ONE_SCHEMA },
	{ "POST", "/intake/{report}/open", API_ANALYST, open_post, "Make an incident of a report, or add it to one", NULL, OPEN_REQUEST, ONE_SCHEMA },
	{ "POST", "/intake/{report}/dismiss", API_ANALYST, dismiss_post, "Say why a report becomes no incident, or of which one it is a duplicate", NULL,
	  DISMISS_REQUEST, ONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
