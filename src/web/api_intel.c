/* Intelligence over REST: search, views, export, release, validation. What a
 * reply shows has passed the gate inside intel/; nothing here decides about TLP. */
#include "web/api.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "gate/gate.h"
#include "intel/export.h"
#include "model/observable.h"
#include "intel/search.h"
#include "intel/view.h"
#include "stix/marking.h"
#include "stix/validate.h"
#include "store/collections.h"
#include "sys/file.h"

#define LIST_MAX 64

static const char OBJECTS_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"objects\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"},\"next\":{\"type\":"
	"\"string\"}}}";
static const char VIEW_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"objects\":{\"type\":\"array\"}}}";
static const char RELEASE_REQUEST[] = "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":{\"type\":\"string\"}}}";
static const char VALIDATE_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"valid\":{\"type\":\"boolean\"},\"problems\":{\"type\":\"array\"}}}";
static const struct api_param SEARCH_PARAMS[] = {
	{ "id", "string", "STIX ids, comma-separated" },
	{ "type", "string", "STIX types, comma-separated" },
	{ "value", "string", "an observable value, also defanged" },
	{ "q", "string", "text anywhere in the object" },
	{ "collection", "string", "ROOT/COLLECTION; without it everything the node holds" },
	{ "added_after", "string", "RFC 3339 instant, exclusive" },
	{ "added_before", "string", "RFC 3339 instant, exclusive" },
	{ "all_versions", "boolean", "true: older versions too" },
	{ "limit", "integer", "at most so many (1 to 1000)" },
	{ "next", "string", "from the reply before" },
	{ NULL, NULL, NULL },
};
static const struct api_param EXPORT_PARAMS[] = {
	{ "format", "string", "stix, misp, csv, plain, hosts, rpz, nftables or ipset" },
	{ "collection", "string", "ROOT/COLLECTION; without it everything the node holds" },
	{ "tlp_max", "string", "nothing stricter than this" },
	{ "kinds", "string", "lists only: ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512, comma-separated" },
	{ "least_score", "integer", "lists only: decayed score of at least this (0 to 100)" },
	{ "with_expired", "boolean", "lists only: expired and revoked indicators too" },
	{ "with_warned", "boolean", "lists only: values that warning lists name too" },
	{ NULL, NULL, NULL },
};

static enum rc split_list(struct str text, struct str *out, size_t *ret_n, const char *what, struct err *err)
{
	struct str one;

	*ret_n = 0;
	while (text.p != NULL && str_next(&text, ',', &one)) {
		if (*ret_n == LIST_MAX)
			return FAIL(err, RC_LIMIT, "%s: more than %d items", what, LIST_MAX);
		if (one.n > 0)
			out[(*ret_n)++] = one;
	}
	return RC_OK;
}

static enum rc query_time(const struct api_call *c, const char *name, usec fallback, usec *ret, struct err *err)
{
	struct str text = api_query(c, name);

	*ret = fallback;
	if (text.p == NULL)
		return RC_OK;
	if (time_parse(text, ret, NULL, err) != RC_OK) {
		err_prefix(err, "%s", name);
		return RC_BAD;
	}
	return RC_OK;
}

static enum rc search_get(struct api_call *c, struct err *err)
{
	struct str ids[LIST_MAX], types[LIST_MAX], next = api_query(c, "next");
	struct search q = { .ids = ids, .types = types, .path = PATH_REST };
	struct search_result found;
	int64_t limit;

	q.collection_name = api_query(c, "collection");
	if (q.collection_name.p == NULL)
		q.collection_name = S("");
	TRY(api_collection(c, q.collection_name, &q.collection, &q.ceiling, err));
	TRY(split_list(api_query(c, "id"), ids, &q.n_ids, "id", err));
	TRY(split_list(api_query(c, "type"), types, &q.n_types, "type", err));
	q.value = api_query(c, "value");
	q.text = api_query(c, "q");
	TRY(query_time(c, "added_after", INT64_MIN, &q.added_after, err));
	TRY(query_time(c, "added_before", 0, &q.added_before, err));
	if (next.p != NULL && time_parse(next, &q.added_after, NULL, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "next: expected what the reply before gave");
	TRY(api_query_bool(c, "all_versions", &q.all_versions, err));
	TRY(api_query_int(c, "limit", 100, 1, SEARCH_LIMIT_MAX, &limit, err));
	q.limit = (uint32_t)limit;
	TRY(search_run(c->api->store, c->viewer, &q, c->req->arena, &found, err));
	search_write(&found, &c->out);
	return RC_OK;
}

static enum rc view_reply(struct api_call *c, struct err *err)
{
	struct view_opts o = { .ceiling = TLP_RED, .path = PATH_REST, .warn = c->api->warninglists };
	struct view view;

	TRY(view_get(c->api->store, c->viewer, &o, c->params[0], c->req->arena, &view, err));
	view_write(&view, &c->out);
	return RC_OK;
}

/* A large reply waits in an unnamed file of the node's folder, so that memory stays bounded. */
struct spool {
	int fd;
	uint64_t n;
	void *map;
};

static enum rc spool_write(void *ctx, struct str piece, struct err *err)
{
	struct spool *s = ctx;

	TRY(file_write_at(s->fd, s->n, piece, err));
	s->n += piece.n;
	return RC_OK;
}

static void spool_done(void *arg)
{
	struct spool *s = arg;

	if (s->map != NULL)
		munmap(s->map, s->n);
	file_closep(&s->fd);
	mem_free(s);
}

static enum rc spool_send(struct api_call *c, struct spool *s, struct err *err)
{
	struct http_piece *piece = arena_alloc(c->req->arena, sizeof *piece);

	if (piece == NULL)
		return FAIL(err, RC_NOMEM, "export: out of memory");
	c->res->release = spool_done;
	c->res->release_arg = s;
	if (s->n == 0)
		return RC_OK;
	s->map = mmap(NULL, s->n, PROT_READ, MAP_PRIVATE, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		c->res->release = NULL;
		return FAIL(err, RC_NOMEM, "export: cannot map the reply");
	}
	*piece = (struct http_piece){ s->map, s->n };
	c->res->pieces = piece;
	c->res->n_pieces = 1;
	return RC_OK;
}

static enum rc export_options(struct api_call *c, struct export_opts *o, struct err *err)
{
	struct str format = api_query(c, "format"), tlp = api_query(c, "tlp_max"), kinds[LIST_MAX];
	int64_t score;
	size_t n;
	enum tlp most;

	*o = (struct export_opts){ .warn = c->api->warninglists, .node_name = str_of(c->api->node_name) };
	if (format.p != NULL && !export_format_find(format, &o->format))
		return FAIL(err, RC_BAD, "format: expected stix, misp, csv, plain, hosts, rpz, nftables or ipset");
	o->collection_name = api_query(c, "collection");
	if (o->collection_name.p == NULL)
		o->collection_name = S("");
	TRY(api_collection(c, o->collection_name, &o->collection, &o->ceiling, err));
	if (tlp.p != NULL && !tlp_parse(tlp, &most))
		return FAIL(err, RC_BAD, "tlp_max: expected clear, green, amber, amber+strict or red");
	if (tlp.p != NULL && (uint8_t)most < o->ceiling)
		o->ceiling = (uint8_t)most;
	TRY(split_list(api_query(c, "kinds"), kinds, &n, "kinds", err));
	for (size_t i = 0; i < n; i++) {
		enum observable_kind kind;

		if (!value_kind_find(kinds[i], &kind))
			return FAIL(err, RC_BAD, "kinds: '%.*s' is none of domain, ipv4, ipv6, url, email, md5, sha1, sha256, sha512", STR(kinds[i]));
		o->kinds |= 1u << kind;
	}
	TRY(api_query_int(c, "least_score", 0, 0, 100, &score, err));
	o->least_score = (uint8_t)score;
	TRY(api_query_bool(c, "with_expired", &o->with_expired, err));
	return api_query_bool(c, "with_warned", &o->with_warned, err);
}

static enum rc export_get(struct api_call *c, struct err *err)
{
	struct export_opts o;
	struct spool *s;
	enum rc rc;

	TRY(export_options(c, &o, err));
	s = mem_alloc(sizeof *s);
	if (s == NULL)
		return FAIL(err, RC_NOMEM, "export: out of memory");
	s->fd = open(c->api->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	rc = s->fd < 0 ? FAIL(err, RC_IO, "export: %s: %m", c->api->dir) : RC_OK;
	if (rc == RC_OK)
		rc = export_run(c->api->store, c->viewer, PATH_EXPORT, &o, spool_write, s, NULL, err);
	if (rc == RC_OK)
		rc = spool_send(c, s, err);
	if (rc != RC_OK) {
		spool_done(s);
		return rc;
	}
	c->res->content_type = export_media_type(o.format);
	return RC_OK;
}

/* A person decides that an object may go to the tiers below. */
static enum rc release_post(struct api_call *c, struct err *err)
{
	struct str ids[1];
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = ids, .n_ids = 1, .tlp_mask = UINT32_MAX,
				.limit = 1, .bodies = true };
	enum put_result result;
	struct object_in in;
	struct object_batch b = { .collection = c->api->down, .objects = &in, .n = 1, .results = &result };
	struct page page;
	enum rc rc;

	TRY(api_text(c, "id", true, &ids[0], err));
	TRY(store_source_id(c->api->store, S("node:release"), &b.source, err));
	TRY(gate_page(c->api->store, c->viewer, PATH_REST, TLP_RED, S(""), &q, &page, err));
	if (page.n == 0) {
		page_done(&page);
		return FAIL(err, RC_NOTFOUND, "no object '%.*s'", STR(str_slice(ids[0], 0, 128)));
	}
	in = (struct object_in){ .id = page.entries[0].id, .type = page.entries[0].type, .version = page.entries[0].version,
				 .body = page.entries[0].body, .spec = page.entries[0].spec, .tlp = page.entries[0].tlp,
				 .flags = page.entries[0].flags, .confidence = page.entries[0].confidence };
	rc = store_put(c->api->store, &b, err);
	page_done(&page);
	if (rc == RC_OK)
		rc = api_fact(c, "intel.release", ids[0], S("{\"policy\":\"manual\"}"), err);
	if (rc != RC_OK)
		return rc;
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "id", ids[0]);
	jsonw_m_bool(&c->out, "released", true);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static void put_problem(void *ctx, const struct stix_problem *p)
{
	struct jsonw *w = ctx;

	jsonw_object(w);
	jsonw_m_cstr(w, "level", p->level == STIX_MUST ? "must" : "should");
	jsonw_m_str(w, "pointer", p->pointer);
	jsonw_m_cstr(w, "rule", p->rule);
	jsonw_m_cstr(w, "clause", p->clause);
	jsonw_m_str(w, "message", p->message);
	jsonw_object_end(w);
}

static enum rc validate_post(struct api_call *c, struct err *err)
{
	struct stix_validate_opts o = { .shoulds = true };
	enum rc rc;

	jsonw_object(&c->out);
	jsonw_name(&c->out, "problems");
	jsonw_array(&c->out);
	rc = stix_validate(c->body, &o, put_problem, &c->out, NULL, err);
	if (rc != RC_OK && rc != RC_BAD)
		return rc;
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "valid", rc == RC_OK);
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_INTEL[] = {
	{ "GET", "/objects", API_READER, search_get, "Search objects", SEARCH_PARAMS, NULL, OBJECTS_SCHEMA },
	{ "GET", "/objects/{id}", API_READER, view_reply, "One object with every source's claim", NULL, NULL, VIEW_SCHEMA },
	{ "GET", "/values/{value}", API_READER, view_reply, "All that is known about an observable value", NULL, NULL, VIEW_SCHEMA },
	{ "GET", "/export", API_READER, export_get, "Objects or lists in the formats of others", EXPORT_PARAMS, NULL, NULL },
	{ "POST", "/release", API_ANALYST, release_post, "Let an object go to the tiers below", NULL, RELEASE_REQUEST, VIEW_SCHEMA },
	{ "POST", "/validate", API_READER, validate_post, "Judge a STIX document", NULL, VIEW_SCHEMA, VALIDATE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
