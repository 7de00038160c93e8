/* The node itself over REST: status, the fact log, alerts, this interface's own description. */
#include "web/api.h"
#include "web/api_records.h"

#include "gate/gate.h"
#include "stix/marking.h"
#include "store/alerts.h"
#include "store/facts.h"

#define ALERT_PAGE 500
#define ALERT_MEMORY ((size_t)64 << 20)

static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";
static const char FACTS_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"facts\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"}}}";
static const char ALERTS_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"alerts\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"}}}";
static const struct api_param FACT_PARAMS[] = {
	{ "after", "integer", "only facts with a greater number" },
	{ "kind", "string", "only kinds that begin so, e.g. gate." },
	{ "limit", "integer", "at most so many (1 to 10000)" },
	{ NULL, NULL, NULL },
};
static const struct api_param ALERT_PARAMS[] = {
	{ "after", "integer", "only alerts with a greater row number" },
	{ "limit", "integer", "at most so many (1 to 10000)" },
	{ NULL, NULL, NULL },
};

/* Totals count what is hidden too, and the facts name it: they are for administrators who may see everything. */
static bool sees_all(const struct viewer *v)
{
	return (v->kind == VIEWER_LOCAL || str_eq(v->role, S("admin"))) && gate_may(v, TLP_RED, TLP_RED, 0, NULL);
}

static void put_store(struct api_call *c)
{
	struct jsonw *w = &c->out;
	struct store_stats st;

	store_stats(c->api->store, &st);
	jsonw_name(w, "store");
	jsonw_object(w);
	jsonw_m_cstr(w, "engine", st.engine);
	jsonw_m_int(w, "objects", (int64_t)st.objects);
	jsonw_m_int(w, "versions", (int64_t)st.versions);
	jsonw_m_int(w, "collections", (int64_t)st.collections);
	jsonw_m_int(w, "users", (int64_t)st.users);
	jsonw_m_int(w, "facts", (int64_t)st.facts);
	jsonw_m_int(w, "bytes_on_disk", (int64_t)st.bytes_on_disk);
	jsonw_m_bool(w, "disk_full", st.disk_full);
	jsonw_object_end(w);
}

static enum rc status_get(struct api_call *c, struct err *err)
{
	struct jsonw *w = &c->out;

	(void)err;
	jsonw_object(w);
	jsonw_m_cstr(w, "name", c->api->node_name);
	jsonw_m_cstr(w, "tier", c->api->tier);
	jsonw_m_cstr(w, "identity", c->api->identity);
	if (c->api->status != NULL)
		jsonw_m_time(w, "started", c->api->started);
	else /* asked of a folder, not of a process */
		jsonw_m_bool(w, "running", false);
	if (sees_all(c->viewer)) {
		if (c->api->cert_sha256 != NULL)
			jsonw_m_cstr(w, "cert_sha256", c->api->cert_sha256);
		put_store(c);
		if (c->api->status != NULL)
			c->api->status(c->api->ctx, w);
	} else {
		jsonw_m_bool(w, "running", true);
	}
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc health_get(struct api_call *c, struct err *err)
{
	(void)err;
	jsonw_raw(&c->out, S("{\"status\":\"up\"}"));
	return RC_OK;
}

static enum rc openapi_get(struct api_call *c, struct err *err)
{
	(void)err;
	api_openapi(&c->res->body);
	return RC_OK;
}

static void put_hash(struct jsonw *w, const char *name, const unsigned char hash[static SHA256_LEN])
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * SHA256_LEN];

	for (size_t i = 0; i < SHA256_LEN; i++) {
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 15];
	}
	jsonw_m_str(w, name, str_make(hex, sizeof hex));
}

struct fact_list {
	struct jsonw *w;
	int64_t left;
	bool more;
};

void api_put_fact(struct jsonw *w, const struct fact *f)
{
	jsonw_object(w);
	jsonw_m_int(w, "seq", (int64_t)f->seq);
	jsonw_m_time(w, "at", f->at);
	jsonw_m_str(w, "kind", f->kind);
	jsonw_m_str(w, "actor", f->actor);
	jsonw_m_str(w, "subject", f->subject);
	jsonw_name(w, "body");
	jsonw_raw(w, f->body);
	put_hash(w, "hash", f->hash);
	jsonw_object_end(w);
}

static bool put_fact(void *ctx, const struct fact *f)
{
	struct fact_list *l = ctx;

	if (l->left-- == 0) {
		l->more = true;
		return false;
	}
	api_put_fact(l->w, f);
	return true;
}

static enum rc facts_get(struct api_call *c, struct err *err)
{
	struct fact_list l = { .w = &c->out };
	struct str kind = api_query(c, "kind");
	int64_t after;

	if (!sees_all(c->viewer))
		return FAIL(err, RC_DENIED, "facts name objects of all levels: only for administrators whose TLP is red");
	TRY(api_query_int(c, "after", 0, 0, INT64_MAX, &after, err));
	TRY(api_query_int(c, "limit", 100, 1, 10000, &l.left, err));
	TRY(fact_flush(c->api->store, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "facts");
	jsonw_array(&c->out);
	TRY(fact_each(c->api->store, (uint64_t)after, kind.p == NULL ? S("") : kind, put_fact, &l, err));
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "more", l.more);
	jsonw_object_end(&c->out);
	return RC_OK;
}

void api_put_alert(struct jsonw *w, const struct alert_row *a)
{
	jsonw_object(w);
	jsonw_m_int(w, "row", a->row);
	jsonw_m_time(w, "at", a->at);
	jsonw_m_time(w, "seen", a->seen);
	jsonw_m_str(w, "input", a->input);
	jsonw_m_str(w, "observable", a->observable);
	jsonw_m_str(w, "indicator", a->indicator);
	jsonw_m_str(w, "sighting", a->sighting);
	jsonw_m_str(w, "where", a->where);
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)a->tlp));
	jsonw_m_str(w, "rule", a->rule);
	jsonw_m_str(w, "level", a->level);
	jsonw_m_int(w, "hits", a->hits);
	jsonw_m_time(w, "first_seen", a->first);
	jsonw_m_time(w, "last_seen", a->last);
	jsonw_m_str(w, "ticket", a->number);
	jsonw_name(w, "detail");
	jsonw_raw(w, a->body);
	jsonw_object_end(w);
}

struct alert_reply {
	struct api_call *c;
	struct arena *a; /* of one page of rows */
	int64_t after, last, left;
	bool more;
};

/* One page of rows; `*ret_end` when there are no others or enough were seen. */
static enum rc put_alerts(struct alert_reply *l, bool *ret_end, struct err *err)
{
	struct alert_row *list;
	size_t n;

	TRY(alert_list(l->c->api->store, l->after, ALERT_PAGE, l->a, &list, &n, err));
	for (size_t i = 0; i < n && !l->more; i++) {
		if (!gate_may(l->c->viewer, TLP_RED, list[i].tlp, 0, NULL) ||
		    (gate_is_bounded(l->c->viewer) && !gate_knows(l->c->api->store, l->c->viewer, list[i].indicator)))
			continue;
		l->more = l->left == 0;
		if (l->more)
			break;
		api_put_alert(&l->c->out, &list[i]);
		l->last = list[i].row;
		l->left--;
	}
	*ret_end = l->more || n < ALERT_PAGE;
	if (n > 0)
		l->after = list[n - 1].row;
	return RC_OK;
}

/* An alert carries its indicator's TLP and lies where its indicator does: whoever may not see the indicator does not
 * learn of the alert, and neither `more` nor `last` tells of it. */
static enum rc alerts_get(struct api_call *c, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ALERT_MEMORY);
	struct alert_reply l = { .c = c, .a = a };
	bool end = false;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "alerts: out of memory");
	TRY(api_query_int(c, "after", 0, 0, INT64_MAX, &l.after, err));
	TRY(api_query_int(c, "limit", 100, 1, 10000, &l.left, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "alerts");
	jsonw_array(&c->out);
	while (!end) {
		TRY(put_alerts(&l, &end, err));
		arena_reset(a);
	}
	jsonw_array_end(&c->out);
	if (l.last > 0)
		jsonw_m_int(&c->out, "last", l.last);
	jsonw_m_bool(&c->out, "more", l.more);
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_NODE[] = {
	{ "GET", "/health", API_ANY, health_get, "Whether the node answers", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/openapi.json", API_ANY, openapi_get, "This document", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/status", API_READER, status_get, "The node's state; for administrators who may see everything also store, roles, fences, peers, inputs", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/facts", API_ADMIN, facts_get, "The fact log, oldest first", FACT_PARAMS, NULL, FACTS_SCHEMA },
	{ "GET", "/alerts", API_READER, alerts_get, "Alerts, oldest first", ALERT_PARAMS, NULL, ALERTS_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
