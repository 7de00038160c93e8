/* From detection to desk: a monitoring ticket becomes an incident. What the ticket saw goes along as evidence, what it names as
 * observables; both refer to each other. The clocks count from when a person concluded that it is an incident; when the first event
 * happened and when a detector noticed it stand beside it in the same fact. */
#include "web/api_incidents.h"

#include "desk/observed.h"
#include "model/observable.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "web/api_records.h"

#define ALERTS_MAX 40        /* whose evidence goes along; more are counted */
#define EVENT_MAX ((size_t)12 << 10)
#define FACTS_MAX_HERE (2 + ALERTS_MAX + 2 * TICKET_REFS_MAX)

static const char RAISE_REQUEST[] =
	"{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"},\"packs\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"aware\":{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"when a person concluded that it is an incident; default: now\"},"
	"\"subject\":{\"type\":\"string\"},\"exercise\":{\"type\":\"boolean\"},\"note\":{\"type\":\"string\"}}}";
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";

struct raising {
	struct api_call *c;
	struct ticket t;
	struct incident_row r;
	struct incident_fact *f;
	size_t n;
	struct buf text;     /* of the fact under way */
	struct jsonw w;
};

static void begin_fact(struct raising *x, const char *type)
{
	buf_clear(&x->text);
	jsonw_init(&x->w, &x->text);
	jsonw_object(&x->w);
	jsonw_m_cstr(&x->w, "type", type);
	jsonw_m_str(&x->w, "ticket", x->t.number);
}

static enum rc end_fact(struct raising *x, struct err *err)
{
	struct str text;

	jsonw_object_end(&x->w);
	TRY(buf_check(&x->text, err, "ticket: a fact"));
	text = arena_dup(x->c->req->arena, buf_view(&x->text));
	if (text.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	return x->n == FACTS_MAX_HERE ? RC_OK : incident_own_fact(x->c, x->r.packs, text, &x->f[x->n++], err);
}

static void put_tlp(struct raising *x, uint8_t tlp)
{
	jsonw_m_cstr(&x->w, "tlp", tlp_name((enum tlp)tlp));
}

static enum rc put_aware(struct raising *x, struct err *err)
{
	struct str aware, subject;

	TRY(api_text(x->c, "aware", false, &aware, err));
	TRY(api_text(x->c, "subject", false, &subject, err));
	begin_fact(x, "aware");
	if (aware.p != NULL)
		jsonw_m_str(&x->w, "claimed", aware);
	if (subject.p != NULL)
		jsonw_m_str(&x->w, "subject", subject);
	jsonw_m_time(&x->w, "first_event", x->t.first);
	jsonw_m_time(&x->w, "detected", x->t.opened);
	return end_fact(x, err);
}

static void put_refs(struct raising *x, const char *kind, const char *name)
{
	jsonw_name(&x->w, name);
	jsonw_array(&x->w);
	for (size_t i = 0; i < x->t.n_refs; i++)
		if (str_eq(x->t.refs[i].kind, str_of(kind)))
			jsonw_str(&x->w, x->t.refs[i].value);
	jsonw_array_end(&x->w);
}

/* What the ticket says as a whole. */
static enum rc put_summary(struct raising *x, size_t alerts, struct err *err)
{
	struct str note;

	TRY(api_text(x->c, "note", false, &note, err));
	begin_fact(x, "evidence");
	put_tlp(x, x->t.tlp);
	jsonw_m_str(&x->w, "title", x->t.title);
	jsonw_m_str(&x->w, "class", x->t.class);
	jsonw_m_str(&x->w, "host", x->t.where);
	jsonw_m_int(&x->w, "hits", x->t.hits);
	jsonw_m_time(&x->w, "start", x->t.first);
	jsonw_m_time(&x->w, "end", x->t.last);
	put_refs(x, "rule", "rules");
	put_refs(x, "technique", "techniques");
	put_refs(x, "indicator", "indicators");
	put_refs(x, "sighting", "sightings");
	jsonw_m_int(&x->w, "left_out", alerts > ALERTS_MAX ? (int64_t)(alerts - ALERTS_MAX) : 0);
	if (note.p != NULL)
		jsonw_m_str(&x->w, "note", note);
	return end_fact(x, err);
}

/* One alert: what matched, where, and the event's own bytes, as the alert keeps them. */
static enum rc put_alert(struct raising *x, const struct alert_row *al, struct err *err)
{
	begin_fact(x, "evidence");
	put_tlp(x, al->tlp);
	jsonw_m_int(&x->w, "alert", al->row);
	jsonw_m_time(&x->w, "happened", al->at);
	jsonw_m_str(&x->w, "input", al->input);
	jsonw_m_str(&x->w, "host", al->where);
	jsonw_m_str(&x->w, "rule", al->rule);
	jsonw_m_str(&x->w, "indicator", al->indicator);
	jsonw_m_int(&x->w, "hits", al->hits);
	jsonw_name(&x->w, "matched");
	if (al->body.n > 0 && al->body.n <= EVENT_MAX)
		jsonw_raw(&x->w, al->body);
	else
		jsonw_str(&x->w, al->observable);
	return end_fact(x, err);
}

static bool put_before(const struct raising *x, struct str kind, struct str value)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct json *v;

		if (!str_eq(x->f[i].type, S("observable")) || json_parse(x->c->req->arena, x->f[i].body, &JSON_LIMITS, &v, NULL) != RC_OK)
			continue;
		if (str_eq(json_get_str(v, S("kind")), kind) && str_eq(json_get_str(v, S("value")), value))
			return true;
	}
	return false;
}

static enum rc put_observable(struct raising *x, struct str kind, struct str value, enum observed_role role, uint8_t tlp, struct err *err)
{
	if (value.n == 0 || value.n > VALUE_MAX || put_before(x, kind, value))
		return RC_OK;
	begin_fact(x, "observable");
	jsonw_m_str(&x->w, "kind", kind);
	jsonw_m_str(&x->w, "value", value);
	jsonw_m_cstr(&x->w, "role", observed_role_name(role));
	put_tlp(x, tlp);
	return end_fact(x, err);
}

/* "domain-name:evil.example": what an indicator named is the attacker's. */
static enum rc put_matched(struct raising *x, const struct alert_row *al, struct err *err)
{
	struct str rest = al->observable, kind;
	enum observable_kind known;

	if (al->indicator.n == 0 || !str_next(&rest, ':', &kind) || !value_kind_find(kind, &known))
		return RC_OK;
	return put_observable(x, str_of(value_kind_name(known)), rest, OBSERVED_ATTACKER, al->tlp, err);
}

/* The ends of connections: nobody said yet whose they are. */
static enum rc put_ends(struct raising *x, const struct ticket_ref *ref, struct err *err)
{
	static const char *const ends[] = { "src", "dst" };
	enum observable_kind kind;
	const struct json *v;

	if (json_parse(x->c->req->arena, ref->value, &JSON_LIMITS, &v, NULL) != RC_OK)
		return RC_OK;
	for (size_t i = 0; i < COUNTOF(ends); i++) {
		struct str ip = json_get_str(json_get(v, str_of(ends[i])), S("ip"));
		struct buf plain;

		buf_init(&plain, VALUE_MAX);
		if (ip.n > 0 && value_detect(ip, &kind, &plain, NULL) == RC_OK) {
			struct str value = arena_dup(x->c->req->arena, buf_view(&plain));
			enum rc rc = put_observable(x, str_of(value_kind_name(kind)), value, OBSERVED_UNKNOWN, x->t.tlp, err);

			buf_done(&plain);
			TRY(rc);
			continue;
		}
		buf_done(&plain);
	}
	return RC_OK;
}

static enum rc put_facts(struct raising *x, struct err *err)
{
	struct alert_row *alerts;
	size_t n;

	TRY(alert_of_ticket(x->c->api->store, x->t.row, 1000, x->c->req->arena, &alerts, &n, err));
	TRY(put_aware(x, err));
	TRY(put_summary(x, n, err));
	TRY(put_observable(x, S("host"), x->t.where, OBSERVED_VICTIM, x->t.tlp, err));
	for (size_t i = 0; i < n && i < ALERTS_MAX; i++) {
		TRY(put_alert(x, &alerts[i], err));
		TRY(put_observable(x, S("host"), alerts[i].where, OBSERVED_VICTIM, alerts[i].tlp, err));
		TRY(put_matched(x, &alerts[i], err));
	}
	for (size_t i = 0; i < x->t.n_refs; i++)
		if (str_eq(x->t.refs[i].kind, S("connection")))
			TRY(put_ends(x, &x->t.refs[i], err));
	return RC_OK;
}

/* The incident of a ticket is always the same one, so that a second try finds what the first one made. */
static enum rc name_it(struct raising *x, struct err *err)
{
	struct api_call *c = x->c;
	char id[STIX_ID_MAX + 1];
	struct str name = arena_fmt(c->req->arena, "%s\nticket %.*s", c->api->identity, STR(x->t.number)), title;

	x->r.id = name.p == NULL ? name : arena_dup(c->req->arena, stix_derived_id(S("incident"), name, id));
	if (x->r.id.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	TRY(api_text(c, "title", false, &title, err));
	if (title.n == 0 && x->t.tlp > c->api->default_tlp)
		return FAIL(err, RC_BAD, "/title: is required: the ticket is %s, its title is not for all who see incidents", tlp_name((enum tlp)x->t.tlp));
	x->r.title = title.n > 0 ? title : x->t.title;
	TRY(api_bool(c, "exercise", false, &x->r.exercise, err));
	return incident_read_packs(c, &x->r.packs, err);
}

static enum rc raise_it(struct raising *x, struct err *err)
{
	struct api_call *c = x->c;
	struct casefile_more more = { .incident = x->r.id, .f = x->f };
	struct ticket_change refer = { .act = TICKET_RAISE, .number = x->t.number, .actor = api_actor(c), .note = S(""), .who = S(""), .disposition = S("") };
	struct incident_row there;
	struct desk_view v;
	usec at;
	enum rc rc;

	TRY(put_facts(x, err));
	more.n = x->n;
	at = time_now();
	TRY(incident_look(c, &x->r, &more, 1, at, &v, err));
	TRY(incident_refuse_idle(&v, x->f, x->n, err));
	x->r.now = casefile_derived(&v, casefile_rung(&v, at));
	rc = incident_open(c->api->store, &x->r, x->f, x->n, api_actor(c), err);
	if (rc == RC_CONFLICT) { /* made before, but the ticket was not told */
		TRY(incident_get(c->api->store, x->r.id, c->req->arena, &there, err));
		x->r = there;
		rc = RC_OK;
	}
	TRY(rc);
	refer.other = x->r.number;
	refer.other_id = x->r.id;
	TRY(ticket_do(c->api->store, &refer, err));
	incident_changed(c);
	TRY(incident_look(c, &x->r, NULL, 0, time_now(), &v, err));
	c->res->status = 201;
	return incident_put(c, &x->r, &v, at, err);
}

static enum rc raise_post(struct api_call *c, struct err *err)
{
	struct raising x = { .c = c, .f = arena_array(c->req->arena, FACTS_MAX_HERE, sizeof *x.f) };
	enum rc rc;

	TRY(incident_may_see(c, err));
	TRY(api_ticket_find(c, c->params[0], &x.t, err));
	for (size_t i = 0; i < x.t.n_refs; i++)
		if (str_eq(x.t.refs[i].kind, S("incident")))
			return FAIL(err, RC_CONFLICT, "ticket %.*s: is incident %.*s already", STR(x.t.number), STR(x.t.refs[i].value));
	if (x.f == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	TRY(name_it(&x, err));
	buf_init(&x.text, INCIDENT_FACT_MAX);
	rc = raise_it(&x, err);
	buf_done(&x.text);
	return rc;
}

const struct api_route API_ROUTES_RAISE[] = {
	{ "POST", "/tickets/{number}/incident", API_ANALYST, raise_post, "Make an incident of a monitoring ticket, with its evidence", NULL, RAISE_REQUEST,
	  ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
