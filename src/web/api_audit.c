/* The audit: who did what and when, whether the chain of facts is whole, and what is set. For administrators who may see
 * everything: facts name objects of all levels. */
#include "web/api.h"
#include "web/api_records.h"

#include "base/text.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/facts_find.h"
#include "web/signing.h"

#define PAGE_MAX 10000

static const char FACTS_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"facts\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"}}}";
static const char VERIFY_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"good\":{\"type\":\"boolean\"},\"checked\":{\"type\":\"integer\"},\"first_bad\":{\"type\":\"integer\"},"
	"\"what\":{\"type\":\"string\"}}}";
static const char SETTINGS_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"file\":{\"type\":\"string\"},\"settings\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":"
	"{\"section\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},\"value\":{\"type\":\"string\"},\"usual\":{\"type\":\"string\"},\"meaning\":"
	"{\"type\":\"string\"},\"kind\":{\"enum\":[\"text\",\"number\",\"choice\",\"span\"]},\"least\":{\"type\":\"integer\"},\"most\":{\"type\":\"integer\"},"
	"\"choices\":{\"type\":\"string\"},\"change\":{\"enum\":[\"file\",\"free\",\"second\"],\"description\":\"only in the file; here; here when a second person"
	" approves\"},\"now\":{\"type\":\"boolean\",\"description\":\"a change is in force at once, else at the next start\"},\"next\":{\"type\":\"string\","
	"\"description\":\"what the file says by now, in force from the next start on\"}}}}}}";
static const char SETTING_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"value\"],\"properties\":{\"value\":{\"type\":\"string\"},\"was\":{\"type\":\"string\",\"description\":"
	"\"refuse when it is another one by now\"}}}";
static const char SETTING_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"section\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},\"value\":{\"type\":\"string\"},"
	"\"was\":{\"type\":\"string\"},\"now\":{\"type\":\"boolean\"}}}";

static const struct api_param AUDIT_PARAMS[] = {
	{ "who", "string", "part of the actor: user:alice" }, { "what", "string", "beginning of the kind: user." },
	{ "about", "string", "part of the subject" }, { "text", "string", "part of the body" },
	{ "since", "string", "from this date or instant on" }, { "until", "string", "up to it" },
	{ "before", "integer", "only facts with a smaller number: the next page" }, { "limit", "integer", "at most so many (100)" },
	{ "format", "string", "json (default) or csv" }, { NULL, NULL, NULL },
};

static enum rc sees_all(const struct api_call *c, struct err *err)
{
	if (!gate_is_bounded(c->viewer) || c->viewer->tlp_max >= TLP_RED)
		return RC_OK;
	return FAIL(err, RC_DENIED, "facts name objects of all levels: only for administrators whose TLP is red");
}

static void put_cell(struct buf *b, struct str text, bool last)
{
	csv_put(b, text, true);
	buf_cstr(b, last ? "\r\n" : ",");
}

static void put_csv(struct api_call *c, const struct fact *list, size_t n)
{
	struct buf *b = &c->res->body;

	c->res->content_type = "text/csv; charset=utf-8";
	http_res_header(c->res, "Content-Disposition", "attachment; filename=\"audit.csv\"");
	buf_cstr(b, "seq,at,kind,actor,subject,body\r\n");
	for (size_t i = 0; i < n; i++) {
		char at[TIME_TEXT_MAX];

		buf_fmt(b, "%llu,", (unsigned long long)list[i].seq);
		put_cell(b, time_format(list[i].at, at), false);
		put_cell(b, list[i].kind, false);
		put_cell(b, list[i].actor, false);
		put_cell(b, list[i].subject, false);
		put_cell(b, list[i].body, true);
	}
}

static enum rc audit_get(struct api_call *c, struct err *err)
{
	struct fact_filter f = { .who = api_query(c, "who"), .what = api_query(c, "what"), .about = api_query(c, "about"), .text = api_query(c, "text") };
	struct str format = api_query(c, "format");
	int64_t before, limit;
	struct fact *list;
	bool csv = str_eq(format, S("csv"));
	size_t n;

	TRY(sees_all(c, err));
	if (format.n > 0 && !csv && !str_eq(format, S("json")))
		return FAIL(err, RC_BAD, "format: expected json or csv");
	TRY(api_time(api_query(c, "since"), "since", false, &f.since, err));
	TRY(api_time(api_query(c, "until"), "until", true, &f.until, err));
	TRY(api_query_int(c, "before", 0, 0, INT64_MAX, &before, err));
	TRY(api_query_int(c, "limit", csv ? PAGE_MAX : 100, 1, PAGE_MAX, &limit, err));
	f.before = (uint64_t)before;
	TRY(fact_flush(c->api->store, err));
	TRY(facts_find(c->api->store, &f, (uint32_t)limit, c->req->arena, &list, &n, err));
	if (csv) {
		put_csv(c, list, n);
		return RC_OK;
	}
	jsonw_object(&c->out);
	jsonw_name(&c->out, "facts");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		api_put_fact(&c->out, &list[i]);
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "more", n == (size_t)limit);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc verify_post(struct api_call *c, struct err *err)
{
	struct fact_verdict v;

	TRY(fact_flush(c->api->store, err));
	TRY(fact_verify(c->api->store, c->api->seal_pub, &v, err));
	TRY(api_fact(c, "audit.verify", v.first_bad == 0 ? S("good") : S("bad"), S(""), err));
	jsonw_object(&c->out);
	jsonw_m_bool(&c->out, "good", v.first_bad == 0);
	jsonw_m_int(&c->out, "checked", (int64_t)v.checked);
	if (v.first_bad != 0) {
		jsonw_m_int(&c->out, "first_bad", (int64_t)v.first_bad);
		jsonw_m_cstr(&c->out, "what", v.what);
	}
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc settings_get(struct api_call *c, struct err *err)
{
	TRY(sees_all(c, err));
	if (c->api->settings == NULL)
		return FAIL(err, RC_UNSUPPORTED, "the node does not run");
	c->api->settings(c->api->ctx, &c->out);
	return RC_OK;
}

static enum rc note_change(struct api_call *c, const struct setting_change *x, struct err *err)
{
	struct buf body;
	struct jsonw w;
	struct str subject = arena_fmt(c->req->arena, "%.*s.%.*s", STR(x->section), STR(x->key));
	enum rc rc;

	buf_init(&body, 65536);
	jsonw_init(&w, &body);
	jsonw_object(&w);
	jsonw_m_str(&w, "from", x->from);
	jsonw_m_str(&w, "to", x->to);
	jsonw_object_end(&w);
	rc = subject.p == NULL ? FAIL(err, RC_NOMEM, "settings: out of memory") : buf_check(&body, err, "settings");
	if (rc == RC_OK)
		rc = api_fact(c, "settings.change", subject, buf_view(&body), err);
	buf_done(&body);
	return rc;
}

static enum rc set(struct api_call *c, struct setting_change *x, struct err *err)
{
	TRY(sees_all(c, err));
	if (c->api->setting_put == NULL)
		return FAIL(err, RC_UNSUPPORTED, "the node does not run");
	TRY(c->api->setting_put(c->api->ctx, x, c->req->arena, err));
	if (!str_eq(x->from, x->to))
		TRY(note_change(c, x, err));
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "section", x->section);
	jsonw_m_str(&c->out, "key", x->key);
	jsonw_m_str(&c->out, "value", x->to);
	jsonw_m_str(&c->out, "was", x->from);
	jsonw_m_bool(&c->out, "now", x->now);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc setting_put(struct api_call *c, struct err *err)
{
	struct setting_change x = { .section = c->params[0], .key = c->params[1] };

	TRY(api_text(c, "value", true, &x.value, err));
	TRY(api_text(c, "was", false, &x.was, err));
	return set(c, &x, err);
}

static enum rc setting_delete(struct api_call *c, struct err *err)
{
	struct setting_change x = { .section = c->params[0], .key = c->params[1] };

	return set(c, &x, err);
}

const struct api_route API_ROUTES_AUDIT[] = {
	{ "GET", "/audit", API_ADMIN, audit_get, "The fact log by who, what, about what and when; newest first", AUDIT_PARAMS, NULL, FACTS_SCHEMA },
	{ "POST", "/audit/verify", API_ADMIN, verify_post, "Recompute the chain of facts: whether one was changed, dropped or reordered", NULL, NULL, VERIFY_SCHEMA },
	{ "GET", "/settings", API_ADMIN, settings_get, "What is set in lianfang.conf and what is usual; no secret is told", NULL, NULL, SETTINGS_SCHEMA },
	{ "PUT", "/settings/{section}/{key}", API_ADMIN, setting_put, "Change a setting: in force at once, or at the next start (now)", NULL, SETTING_REQUEST, SETTING_SCHEMA },
	{ "DELETE", "/settings/{section}/{key}", API_ADMIN, setting_delete, "Set it back to what is usual", NULL, NULL, SETTING_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
