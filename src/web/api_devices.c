/* The two sheets of joint monitoring beside the ticket: monitored devices by the month, and an analysis of one ticket's intelligence. */
#include "web/api.h"

#include "gate/gate.h"
#include "stix/marking.h"
#include "store/objects.h"
#include "web/api_records.h"

#define FACTS_MAX 200

static const char DEVICES_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"month\",\"devices\"],\"properties\":{\"month\":{\"type\":\"string\"},"
	"\"devices\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}";
static const char ANALYSIS_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"ticket\",\"subject\"],\"properties\":{\"ticket\":{\"type\":\"string\"},"
	"\"subject\":{\"type\":\"string\"},\"analysis\":{\"type\":\"string\"},\"indicators\":{\"type\":\"array\"},\"suggested_rules\":{\"type\":\"array\"}}}";
static const struct api_param DEVICES_PARAMS[] = {
	{ "month", "string", "2026-11; the month before this one without it" },
	{ NULL, NULL, NULL },
};

static enum rc devices_get(struct api_call *c, struct err *err)
{
	struct str month = api_query(c, "month");

	if (c->api->devices == NULL)
		return FAIL(err, RC_NOTFOUND, "devices: the node does not run");
	return c->api->devices(c->api->ctx, month.p == NULL ? S("") : month, &c->out, err);
}

/* --- analysis --- */

struct notes {
	struct arena *a;
	struct buf *out;
};

/* What people wrote down, in its order. */
static bool add_note(void *ctx, const struct fact *f)
{
	struct notes *n = ctx;
	const struct json *v;
	struct str note;

	if (json_parse(n->a, f->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return true;
	note = json_get_str(v, S("note"));
	if (note.n > 0)
		buf_fmt(n->out, "\n%.*s: %.*s", STR(f->actor), STR(note));
	return true;
}

/* As far as this viewer may see it. Its confidence, or -1. */
static int put_indicator(struct api_call *c, const struct ticket_ref *r)
{
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = &r->value, .n_ids = 1, .limit = 1, .bodies = true };
	const struct json *v = NULL;
	struct page page;
	int64_t confidence = -1;

	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "id", r->value);
	jsonw_m_str(&c->out, "name", r->note);
	if (gate_scan(c->api->store, c->viewer, c->viewer->tlp_max, &q, &page, NULL) == RC_OK) {
		if (page.n > 0 && json_parse(c->req->arena, page.entries[0].body, &JSON_LIMITS, &v, NULL) == RC_OK) {
			jsonw_m_str(&c->out, "pattern", json_get_str(v, S("pattern")));
			if (json_int(json_get(v, S("confidence")), &confidence) && confidence >= 0 && confidence <= 100)
				jsonw_m_int(&c->out, "confidence", confidence);
		}
		page_done(&page);
	}
	jsonw_object_end(&c->out);
	return confidence >= 0 && confidence <= 100 ? (int)confidence : -1;
}

static void put_suggested(struct api_call *c, const struct ticket *t)
{
	jsonw_name(&c->out, "suggested_rules");
	jsonw_array(&c->out);
	for (size_t i = 0; i < t->n_refs; i++) {
		if (!str_eq(t->refs[i].kind, S("rule")))
			continue;
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "rule_id", t->refs[i].value);
		jsonw_m_str(&c->out, "title", t->refs[i].note);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
}

static void put_texts(struct api_call *c, const struct ticket *t, const char *kind, const char *name)
{
	jsonw_name(&c->out, name);
	jsonw_array(&c->out);
	for (size_t i = 0; i < t->n_refs; i++)
		if (str_eq(t->refs[i].kind, str_of(kind)))
			jsonw_str(&c->out, t->refs[i].value);
	jsonw_array_end(&c->out);
}

static enum rc analysis_get(struct api_call *c, struct err *err)
{
	struct notes n = { .a = c->req->arena };
	int confidence = -1;
	struct ticket t;
	struct buf text;
	enum rc rc;

	TRY(api_ticket_find(c, c->params[0], &t, err));
	buf_init(&text, (size_t)4 << 20);
	buf_str(&text, t.description);
	n.out = &text;
	rc = gate_is_bounded(c->viewer) ? RC_OK : ticket_facts(c->api->store, t.number, add_note, &n, err);
	if (rc == RC_OK)
		rc = buf_check(&text, err, "analysis");
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "ticket", t.number);
		jsonw_m_cstr(&c->out, "org", c->api->node_name);
		jsonw_m_str(&c->out, "subject", t.title);
		jsonw_m_str(&c->out, "class", t.class);
		jsonw_m_str(&c->out, "type", t.type);
		jsonw_m_int(&c->out, "impact", t.impact);
		jsonw_m_str(&c->out, "analysis", buf_view(&text));
		jsonw_m_str(&c->out, "disposition", t.disposition);
		jsonw_name(&c->out, "indicators");
		jsonw_array(&c->out);
		for (size_t i = 0; i < t.n_refs; i++)
			if (str_eq(t.refs[i].kind, S("indicator"))) {
				int of = put_indicator(c, &t.refs[i]);

				confidence = of > confidence ? of : confidence;
			}
		jsonw_array_end(&c->out);
		if (confidence >= 0)
			jsonw_m_int(&c->out, "confidence", confidence);
		put_texts(c, &t, "technique", "techniques");
		put_suggested(c, &t);
		jsonw_m_cstr(&c->out, "tlp", tlp_name((enum tlp)t.tlp));
		jsonw_m_time(&c->out, "found", t.opened);
		jsonw_m_time(&c->out, "made", time_now());
		jsonw_object_end(&c->out);
	}
	buf_done(&text);
	return rc;
}

const struct api_route API_ROUTES_DEVICES[] = {
	{ "GET", "/devices", API_ANALYST, devices_get, "Monitored devices in a month: continuity, counts, gaps", DEVICES_PARAMS, NULL, DEVICES_SCHEMA },
	{ "GET", "/tickets/{number}/analysis", API_READER, analysis_get, "The intelligence of a ticket, for the analysis sheet", NULL, NULL, ANALYSIS_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
