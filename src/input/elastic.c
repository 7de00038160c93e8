/* Learned from what they send: Beats (GET /, /_license, /_xpack, ILM policies, templates,
 * data streams), Logstash (HEAD /, /_license, X-Elastic-Product), Vector (GET / for the
 * version, /_cluster/health), Fluent Bit (only _bulk, the word "errors":false). The version
 * is one that all of them take: Beats refuse an older one than their own major. */
#include "input/elastic.h"

#include "base/jsonw.h"

#define VERSION "9.0.0"

static const struct {
	const char *path, *body;
} fixed[] = {
	{ "/", "{\"name\":\"lianfang\",\"cluster_name\":\"lianfang\",\"cluster_uuid\":\"bGlhbmZhbmctaW5wdXQ0Mg\",\"version\":{\"number\":\"" VERSION "\","
	       "\"build_flavor\":\"default\",\"build_type\":\"tar\",\"build_hash\":\"0000000000000000000000000000000000000000\","
	       "\"build_date\":\"2025-01-01T00:00:00.000000000Z\",\"build_snapshot\":false,\"lucene_version\":\"10.1.0\","
	       "\"minimum_wire_compatibility_version\":\"8.18.0\",\"minimum_index_compatibility_version\":\"8.0.0\"},"
	       "\"tagline\":\"You Know, for Search\"}" },
	{ "/_license", "{\"license\":{\"status\":\"active\",\"uid\":\"00000000-0000-4000-8000-000000000000\",\"type\":\"basic\",\"mode\":\"basic\","
		       "\"issued_to\":\"lianfang\",\"issuer\":\"lianfang\",\"start_date_in_millis\":-1}}" },
	{ "/_xpack", "{\"build\":{\"hash\":\"0\",\"date\":\"2025-01-01T00:00:00.000000Z\"},\"license\":{\"uid\":\"00000000-0000-4000-8000-000000000000\","
		     "\"type\":\"basic\",\"mode\":\"basic\",\"status\":\"active\"},\"features\":{\"ilm\":{\"available\":true,\"enabled\":true},"
		     "\"data_streams\":{\"available\":true,\"enabled\":true},\"monitoring\":{\"available\":false,\"enabled\":false},"
		     "\"security\":{\"available\":true,\"enabled\":false}},\"tagline\":\"You know, for X\"}" },
	{ "/_cluster/health", "{\"cluster_name\":\"lianfang\",\"status\":\"green\",\"timed_out\":false,\"number_of_nodes\":1,\"number_of_data_nodes\":1,"
			      "\"active_primary_shards\":1,\"active_shards\":1,\"relocating_shards\":0,\"initializing_shards\":0,\"unassigned_shards\":0}" },
	{ "/_nodes/http", "{\"cluster_name\":\"lianfang\",\"nodes\":{}}" },
};

/* Named things that shippers install when they are not there. */
static const char *const furniture[] = {
	"/_template/", "/_index_template/", "/_component_template/", "/_ilm/policy/", "/_alias/", "/_data_stream/", "/_ingest/pipeline/",
};

static bool is_one_of(struct str s, const char *a, const char *b)
{
	return str_eq(s, str_of(a)) || str_eq(s, str_of(b));
}

bool elastic_is_bulk(const struct http_req *r, struct str *ret_index)
{
	struct str p = r->path;
	size_t slash;

	*ret_index = S("");
	if (!is_one_of(r->method, "POST", "PUT") || !str_ends(p, S("/_bulk")))
		return false;
	p = str_slice(p, 1, p.n - (p.n > 6 ? 6 : 5));
	slash = str_find(p, S("/"), 0);
	if (slash != SIZE_MAX && !str_eq(str_slice(p, slash, p.n), S("/_doc")))
		return false;
	*ret_index = str_slice(p, 0, slash == SIZE_MAX ? p.n : slash);
	return !str_starts(*ret_index, S("_"));
}

void elastic_headers(const struct http_req *r, struct http_res *res)
{
	bool vendor = str_find(http_header(r, "accept"), S("vnd.elasticsearch+json"), 0) != SIZE_MAX;

	res->content_type = vendor ? "application/vnd.elasticsearch+json;compatible-with=8" : "application/json; charset=UTF-8";
	http_res_header(res, "X-Elastic-Product", "Elasticsearch");
}

void elastic_error(struct http_res *res, int status, const char *type, const char *reason)
{
	struct jsonw w;

	res->status = status;
	jsonw_init(&w, &res->body);
	jsonw_object(&w);
	jsonw_name(&w, "error");
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", type);
	jsonw_m_cstr(&w, "reason", reason);
	jsonw_object_end(&w);
	jsonw_m_int(&w, "status", status);
	jsonw_object_end(&w);
}

void elastic_answer(const struct http_req *r, struct http_res *res)
{
	bool reads = is_one_of(r->method, "GET", "HEAD");

	for (size_t i = 0; reads && i < COUNTOF(fixed); i++) {
		if (str_eq(r->path, str_of(fixed[i].path))) {
			buf_cstr(&res->body, fixed[i].body);
			return;
		}
	}
	for (size_t i = 0; i < COUNTOF(furniture); i++) {
		if (str_starts(r->path, str_of(furniture[i]))) {
			buf_cstr(&res->body, reads ? "{}" : "{\"acknowledged\":true}");
			return;
		}
	}
	/* An index: it is there, or made. */
	if (r->path.n > 1 && r->path.p[1] != '_' && str_find(r->path, S("/"), 1) == SIZE_MAX && is_one_of(r->method, "HEAD", "PUT"))
		buf_cstr(&res->body, "{\"acknowledged\":true,\"shards_acknowledged\":true}");
	else
		elastic_error(res, 404, "resource_not_found_exception", "this is an input for events: it takes _bulk and searches nothing");
}
