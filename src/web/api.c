/* Dispatch of the REST interface.
 *
 * A request is matched against the route tables, its viewer's role against the
 * route's, its body parsed where the route takes JSON; then one function writes
 * the reply. Failures become one shape, {"error": {"code", "message"}}, whose text
 * never names what the viewer may not know: routes answer RC_NOTFOUND for both. */
#include "web/api.h"

#include <stdio.h>

#include "base/text.h"
#include "gate/gate.h"
#include "gate/own.h"
#include "store/facts.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/objects.h"
#include "web/second.h"
#include "web/session.h"

#define API_PREFIX "/api/v1"

static const struct api_route *const tables[] = {
	API_ROUTES_FORMS, API_ROUTES_INCIDENT_FACTS,
	API_ROUTES_NODE, API_ROUTES_TODAY, API_ROUTES_ACCOUNTS, API_ROUTES_COLLECTIONS, API_ROUTES_PEERS, API_ROUTES_INTEL,
	API_ROUTES_IMPORT, API_ROUTES_INCIDENTS, API_ROUTES_TICKETS, API_ROUTES_SUPPRESSIONS,
	API_ROUTES_REGISTERS, API_ROUTES_BULLETINS, API_ROUTES_EXPORT, API_ROUTES_WIZARD, API_ROUTES_INTAKE,
	API_ROUTES_CASES,
	API_ROUTES_MERGE, API_ROUTES_OBSERVABLES, API_ROUTES_RAISE,
	API_ROUTES_SESSION, API_ROUTES_PASSKEY, API_ROUTES_PROVIDER, API_ROUTES_SECOND,
	API_ROUTES_BOARDS, API_ROUTES_STREAM, API_ROUTES_REPORT,
	API_ROUTES_AUDIT,
	API_ROUTES_COMMUNITY, API_ROUTES_DEVICES,
	API_ROUTES_EVENTS, API_ROUTES_LAB, API_ROUTES_LAB_READ, API_ROUTES_LAB_SHARE,
	API_ROUTES_PASTE, API_ROUTES_RULES, API_ROUTES_SEARCHES,
};

int api_status(enum rc rc)
{
	switch (rc) {
	case RC_OK: return 200;
	case RC_BAD: return 400;
	case RC_LIMIT: return 413;
	case RC_NOTFOUND: return 404;
	case RC_CONFLICT: return 409;
	case RC_DENIED: return 403;
	case RC_BUSY: return 503;
	case RC_UNSUPPORTED: return 422;
	case RC_FULL: return 507;
	case RC_PEER: return 502;
	case RC_NOMEM:
	case RC_IO:
	case RC_CORRUPT:
	case RC_INTERNAL: return 500;
	}
	return 500;
}

void api_error(struct http_res *res, int status, const char *code, const char *message)
{
	struct jsonw w;

	buf_clear(&res->body);
	jsonw_init(&w, &res->body);
	jsonw_object(&w);
	jsonw_name(&w, "error");
	jsonw_object(&w);
	jsonw_m_cstr(&w, "code", code);
	jsonw_m_cstr(&w, "message", message);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	res->status = status;
	res->content_type = "application/json";
}

/* A peer has no role here: it exchanges collections and does not search our records. */
static enum api_role role_rank(const struct viewer *v)
{
	static const struct { const char *name; enum api_role rank; } ranks[] = {
		{ "admin", API_ADMIN }, { "analyst", API_ANALYST }, { "feeder", API_FEEDER }, { "reader", API_READER },
	};

	if (v->kind == VIEWER_LOCAL)
		return API_ADMIN;
	for (size_t i = 0; i < COUNTOF(ranks); i++)
		if (str_eq(v->role, str_of(ranks[i].name)))
			return ranks[i].rank;
	return API_ANY;
}

/* Matches "/users/{name}" against the path's segments; fills params. */
static bool path_matches(const char *pattern, struct str path, struct str *params)
{
	struct str pat = str_of(pattern), want, got;
	int n = 0;

	for (;;) {
		bool more_want = str_next(&pat, '/', &want);
		bool more_got = str_next(&path, '/', &got);

		if (!more_want || !more_got)
			return more_want == more_got;
		if (want.n > 1 && want.p[0] == '{') {
			if (got.n == 0 || n >= API_PARAMS_MAX)
				return false;
			params[n++] = got;
		} else if (!str_eq(want, got)) {
			return false;
		}
	}
}

static enum rc decode_params(struct api_call *c, struct err *err)
{
	for (int i = 0; i < API_PARAMS_MAX; i++) {
		struct buf b;

		if (c->params[i].p == NULL)
			continue;
		buf_init(&b, 8192);
		if (!percent_get(&b, c->params[i], false) || !utf8_valid(buf_view(&b), NULL)) {
			buf_done(&b);
			return FAIL(err, RC_BAD, "path: bad percent escape");
		}
		c->params[i] = arena_dup(c->req->arena, buf_view(&b));
		buf_done(&b);
		if (c->params[i].p == NULL)
			return FAIL(err, RC_NOMEM, "path: out of memory");
	}
	return RC_OK;
}

static enum rc parse_body(struct api_call *c, struct err *err)
{
	enum rc rc = json_parse(c->req->arena, c->req->body, &JSON_LIMITS, &c->body, err);

	if (rc != RC_OK)
		err_prefix(err, "body");
	else if (!json_is(c->body, JSON_OBJECT))
		rc = FAIL(err, RC_BAD, "body: expected a JSON object");
	return rc;
}

static void run_route(struct api_call *c, const struct api_route *route)
{
	struct err err = { 0 };
	bool held = false;
	enum rc rc = decode_params(c, &err);

	if (rc == RC_OK && route->request != NULL)
		rc = parse_body(c, &err);
	if (rc == RC_OK) {
		jsonw_init(&c->out, &c->res->body);
		c->res->content_type = "application/json";
		rc = second_holds(c, route, &held, &err);
		if (rc == RC_OK && !held)
			rc = route->fn(c, &err);
	}
	if (rc == RC_OK && c->res->body.bad != RC_OK)
		rc = FAIL(&err, RC_LIMIT, "the reply is too large; ask for fewer rows");
	if (rc != RC_OK)
		api_error(c->res, api_status(rc), rc_name(rc), err.text);
}

static const struct api_route *find_route(struct str method, struct str path, struct str *params, bool *ret_path_known)
{
	for (size_t t = 0; t < COUNTOF(tables); t++)
		for (const struct api_route *r = tables[t]; r->method != NULL; r++) {
			struct str found[API_PARAMS_MAX] = { { NULL, 0 } };

			if (!path_matches(r->path, path, found))
				continue;
			*ret_path_known = true;
			if (!str_eq(method, str_of(r->method)) &&
			    !(str_eq(method, S("HEAD")) && str_eq(str_of(r->method), S("GET"))))
				continue;
			memcpy(params, found, sizeof found);
			return r;
		}
	return NULL;
}

static void handle(struct api *api, const struct viewer *v, struct http_req *r, struct http_res *res, bool approved)
{
	struct api_call c = { .api = api, .viewer = v, .req = r, .res = res, .approved = approved };
	struct str path = str_slice(r->path, sizeof API_PREFIX - 1, r->path.n);
	bool path_known = false;
	const struct api_route *route = find_route(r->method, path, c.params, &path_known);

	if (route == NULL && !path_known)
		api_error(res, 404, "not-found", "no such path; GET /api/v1/openapi.json lists them");
	else if (route == NULL)
		api_error(res, 405, "method", "this path does not take that method");
	else if (role_rank(v) < route->role && v->kind == VIEWER_ANONYMOUS)
		api_error(res, 401, "sign-in", "sign in first");
	else if (role_rank(v) < route->role)
		api_error(res, 403, "denied", "your role may not do this");
	else
		run_route(&c, route);
	/* The console has a form of its own; a challenge would open the browser's. */
	if (res->status == 401 && !request_is_console(r))
		http_res_header(res, "WWW-Authenticate", "Basic realm=\"lianfang\", charset=\"UTF-8\", Bearer");
}

void api_handle(struct api *api, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	handle(api, v, r, res, false);
}

void api_handle_approved(struct api *api, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	handle(api, v, r, res, true);
}

struct str api_query(const struct api_call *c, const char *name)
{
	struct str n, v;
	bool bad = false;

	for (size_t i = 0; http_query(c->req, i, &n, &v, &bad) && !bad; i++)
		if (str_eq(n, str_of(name)))
			return v;
	return (struct str){ NULL, 0 };
}

enum rc api_query_int(const struct api_call *c, const char *name, int64_t fallback, int64_t least, int64_t most,
		      int64_t *ret, struct err *err)
{
	struct str v = api_query(c, name);

	*ret = fallback;
	if (v.p == NULL)
		return RC_OK;
	if (!str_to_i64(v, ret) || *ret < least || *ret > most)
		return FAIL(err, RC_BAD, "%s: expected a number from %lld to %lld", name, (long long)least, (long long)most);
	return RC_OK;
}

enum rc api_query_word(const struct api_call *c, const char *name, const char *const *words, struct str *ret, struct err *err)
{
	struct str said = api_query(c, name);
	struct buf b;

	*ret = said.p == NULL ? S("") : said;
	if (ret->n == 0)
		return RC_OK;
	for (size_t i = 0; words[i] != NULL; i++)
		if (str_eq(said, str_of(words[i])))
			return RC_OK;
	buf_init(&b, 4096);
	for (size_t i = 0; words[i] != NULL; i++)
		buf_fmt(&b, "%s%s", i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ", words[i]);
	err_set(err, RC_BAD, "%s: '%.*s' is not one of %.*s", name, STR(str_slice(said, 0, 40)), STR(buf_view(&b)));
	buf_done(&b);
	return RC_BAD;
}

enum rc api_query_bool(const struct api_call *c, const char *name, bool *ret, struct err *err)
{
	struct str text = api_query(c, name);

	*ret = str_eq(text, S("true"));
	if (text.p != NULL && !*ret && !str_eq(text, S("false")))
		return FAIL(err, RC_BAD, "%s: expected true or false", name);
	return RC_OK;
}

enum rc api_text(const struct api_call *c, const char *name, bool required, struct str *ret, struct err *err)
{
	const struct json *v = json_get(c->body, str_of(name));

	*ret = json_str(v);
	if (v == NULL && required)
		return FAIL(err, RC_BAD, "/%s: is required", name);
	if (v != NULL && v->type != JSON_STRING)
		return FAIL(err, RC_BAD, "/%s: expected a string", name);
	return RC_OK;
}

enum rc api_bool(const struct api_call *c, const char *name, bool fallback, bool *ret, struct err *err)
{
	const struct json *v = json_get(c->body, str_of(name));

	*ret = fallback;
	if (v != NULL && !json_bool(v, ret))
		return FAIL(err, RC_BAD, "/%s: expected true or false", name);
	return RC_OK;
}

enum rc api_tlp(const struct api_call *c, const char *name, uint8_t fallback, uint8_t *ret, struct err *err)
{
	struct str text;
	enum tlp tlp;

	*ret = fallback;
	TRY(api_text(c, name, false, &text, err));
	if (text.p == NULL)
		return RC_OK;
	if (!tlp_parse(text, &tlp))
		return FAIL(err, RC_BAD, "/%s: expected clear, green, amber, amber+strict or red", name);
	*ret = (uint8_t)tlp;
	return RC_OK;
}

enum rc api_fingerprint(const struct api_call *c, const char *name, bool required, struct str *ret, struct err *err)
{
	char *hex = arena_alloc(c->req->arena, 64), *end = hex;
	struct str text;

	TRY(api_text(c, name, required, &text, err));
	*ret = text;
	if (!required && text.n == 0)
		return RC_OK;
	if (hex == NULL)
		return FAIL(err, RC_NOMEM, "/%s: out of memory", name);
	for (size_t i = 0; i < text.n; i++) {
		char ch = text.p[i];

		if (ch == ':')
			continue;
		if (ch >= 'A' && ch <= 'F')
			ch = (char)(ch | 0x20);
		if (end == hex + 64 || !((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f')))
			return FAIL(err, RC_BAD, "/%s: expected 64 hex digits (lianfang status shows a node's)", name);
		*end++ = ch;
	}
	*ret = str_make(hex, 64);
	return end == hex + 64 ? RC_OK : FAIL(err, RC_BAD, "/%s: expected 64 hex digits, these are %zu", name, (size_t)(end - hex));
}

enum rc api_name(struct str name, const char *what, struct err *err)
{
	bool good = name.n >= 1 && name.n <= 64;

	for (size_t i = 0; good && i < name.n; i++) {
		char ch = name.p[i];

		good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '_' || ch == '-';
	}
	return good ? RC_OK : FAIL(err, RC_BAD, "%s: expected 1 to 64 of a-z 0-9 . _ -", what);
}

enum rc api_collection(const struct api_call *c, struct str name, uint32_t *ret_row, uint8_t *ret_ceiling, struct err *err)
{
	size_t slash = str_find(name, S("/"), 0);
	struct collection k;

	*ret_row = NO_COLLECTION;
	*ret_ceiling = TLP_RED;
	if (name.n == 0)
		return RC_OK;
	if (slash == SIZE_MAX)
		return FAIL(err, RC_BAD, "collection: expected ROOT/COLLECTION");
	TRY(collection_get(c->api->store, str_slice(name, 0, slash), str_slice(name, slash + 1, name.n), c->req->arena, &k, err));
	if (str_eq(k.root, S(OWN_ROOT)) && !str_eq(c->req->method, S("GET")))
		return FAIL(err, RC_DENIED, "collection %.*s: only the exchange with its peer writes there", STR(str_slice(name, 0, 100)));
	if (gate_is_bounded(c->viewer)) {
		bool can_read, can_write;

		TRY(right_of(c->api->store, &k, c->viewer->name, c->viewer->role, &can_read, &can_write, err));
		/* The same words as for one that is not there. */
		if (str_eq(c->req->method, S("GET")) ? !can_read : !can_write)
			return FAIL(err, RC_NOTFOUND, "collection %.*s: not known", STR(str_slice(name, slash + 1, slash + 65)));
	}
	*ret_row = k.row;
	*ret_ceiling = k.tlp_max;
	return RC_OK;
}

struct str api_actor(struct api_call *c)
{
	return c->viewer->kind == VIEWER_LOCAL ? S("local") : arena_fmt(c->req->arena, "user:%.*s", STR(c->viewer->name));
}

enum rc api_time(struct str text, const char *name, bool end, usec *ret, struct err *err)
{
	char day[32];

	*ret = 0;
	if (text.n == 0)
		return RC_OK;
	if (text.n == 10) {
		snprintf(day, sizeof day, "%.10sT%s", text.p, end ? "23:59:59.999999Z" : "00:00:00Z");
		text = str_of(day);
	}
	return time_parse(text, ret, NULL, NULL) == RC_OK ? RC_OK : FAIL(err, RC_BAD, "%s: expected a date or an instant (RFC 3339)", name);
}

enum rc api_fact(struct api_call *c, const char *kind, struct str subject, struct str body, struct err *err)
{
	struct fact f = { .kind = str_of(kind), .actor = api_actor(c), .subject = subject, .body = body.n > 0 ? body : S("{}") };

	return fact_append(c->api->store, &f, err);
}

static void openapi_params(const struct api_route *r, struct jsonw *w)
{
	struct str rest = str_of(r->path), piece;

	jsonw_name(w, "parameters");
	jsonw_array(w);
	while (str_next(&rest, '/', &piece))
		if (piece.n > 2 && piece.p[0] == '{') {
			jsonw_object(w);
			jsonw_m_str(w, "name", str_slice(piece, 1, piece.n - 1));
			jsonw_m_cstr(w, "in", "path");
			jsonw_m_bool(w, "required", true);
			jsonw_name(w, "schema");
			jsonw_raw(w, S("{\"type\":\"string\"}"));
			jsonw_object_end(w);
		}
	for (const struct api_param *p = r->query; p != NULL && p->name != NULL; p++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "name", p->name);
		jsonw_m_cstr(w, "in", "query");
		jsonw_m_cstr(w, "description", p->meaning);
		jsonw_name(w, "schema");
		jsonw_object(w);
		jsonw_m_cstr(w, "type", p->type);
		jsonw_object_end(w);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void openapi_content(struct jsonw *w, const char *schema)
{
	jsonw_name(w, "content");
	jsonw_object(w);
	jsonw_name(w, "application/json");
	jsonw_object(w);
	jsonw_name(w, "schema");
	jsonw_raw(w, str_of(schema));
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static void openapi_operation(const struct api_route *r, struct jsonw *w)
{
	static const char *const roles[] = { "anyone", "reader", "feeder", "analyst", "admin" };

	jsonw_object(w);
	jsonw_m_cstr(w, "summary", r->summary);
	jsonw_m_cstr(w, "x-least-role", roles[r->role]);
	openapi_params(r, w);
	if (r->request != NULL) {
		jsonw_name(w, "requestBody");
		jsonw_object(w);
		jsonw_m_bool(w, "required", true);
		openapi_content(w, r->request);
		jsonw_object_end(w);
	}
	jsonw_name(w, "responses");
	jsonw_object(w);
	jsonw_name(w, "200");
	jsonw_object(w);
	jsonw_m_cstr(w, "description", "done");
	if (r->response != NULL)
		openapi_content(w, r->response);
	jsonw_object_end(w);
	jsonw_name(w, "default");
	jsonw_object(w);
	jsonw_m_cstr(w, "description", "refused or failed: code and message say why");
	openapi_content(w, "{\"$ref\":\"#/components/schemas/error\"}");
	jsonw_object_end(w);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

/* Methods of one path stand together in OpenAPI: the first row of a path writes all of them. */
static bool path_seen_before(size_t table, const struct api_route *row)
{
	for (const struct api_route *r = tables[table]; r != row; r++)
		if (str_eq(str_of(r->path), str_of(row->path)))
			return true;
	return false;
}

static void openapi_path(const struct api_route *row, struct jsonw *w)
{
	struct buf name;

	buf_init(&name, 512);
	buf_fmt(&name, API_PREFIX "%s", row->path);
	jsonw_name_str(w, buf_view(&name));
	buf_done(&name);
	jsonw_object(w);
	for (const struct api_route *r = row; r->method != NULL; r++)
		if (str_eq(str_of(r->path), str_of(row->path))) {
			char lower[8] = { 0 };

			for (size_t i = 0; r->method[i] != '\0' && i + 1 < sizeof lower; i++)
				lower[i] = (char)(r->method[i] | 0x20);
			jsonw_name(w, lower);
			openapi_operation(r, w);
		}
	jsonw_object_end(w);
}

/* Paths that are no routes of this interface: for people without an account (web/window.h, web/notices.h), each only where the node's
 * configuration has it. A form posts the same members, and is answered with a page. */
static void openapi_outside(struct jsonw *w)
{
#define ANSWER(schema) "\"responses\":{\"200\":{\"description\":\"done\",\"content\":{" schema "}},\"default\":{\"description\":\"refused or failed\"}}"
#define PAGE "\"text/html\":{}"
#define TEXT "{\"type\":\"string\"}"
#define OBJECT(members) "{\"type\":\"object\",\"properties\":{" members "}}"
#define SENT(required, members) "\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":[" required \
	"],\"properties\":{" members "}}},\"application/x-www-form-urlencoded\":{}}},"
	static const struct { const char *path, *text; } paths[] = {
		{ "/window", "{\"get\":{\"summary\":\"The single window: report without an account\",\"security\":[],\"x-least-role\":\"anyone\",\"parameters\":[]," ANSWER(PAGE) "}}" },
		{ "/window/v1/reports", "{\"post\":{\"summary\":\"Report; the reply (201) holds the number and the code to ask with\",\"security\":[],\"x-least-role\":\"anyone\",\"parameters\":[],"
		  SENT("\"what\"", "\"what\":" TEXT ",\"when\":" TEXT ",\"contact\":" TEXT ",\"exercise\":{\"type\":\"boolean\"}")
		  "\"responses\":{\"201\":{\"description\":\"kept\",\"content\":{\"application/json\":{\"schema\":"
		  OBJECT("\"number\":" TEXT ",\"code\":" TEXT ",\"state\":" TEXT ",\"exercise\":{\"type\":\"boolean\"},\"received\":" TEXT)
		  "}}},\"default\":{\"description\":\"refused, or nothing was taken in\"}}}}" },
		{ "/window/v1/status", "{\"post\":{\"summary\":\"What became of a report\",\"security\":[],\"x-least-role\":\"anyone\",\"parameters\":[],"
		  SENT("\"number\",\"code\"", "\"number\":" TEXT ",\"code\":" TEXT)
		  ANSWER("\"application/json\":{\"schema\":" OBJECT("\"number\":" TEXT ",\"state\":" TEXT ",\"words\":" TEXT ",\"exercise\":{\"type\":\"boolean\"},"
		  "\"received\":" TEXT ",\"changed\":" TEXT) "}") "}}" },
		{ "/notices", "{\"get\":{\"summary\":\"What was published of major incidents\",\"security\":[],\"x-least-role\":\"anyone\",\"parameters\":[]," ANSWER(PAGE) "}}" },
		{ "/notices/v1/notices", "{\"get\":{\"summary\":\"What was published of major incidents, the newest first\",\"security\":[],\"x-least-role\":\"anyone\",\"parameters\":[],"
		  ANSWER("\"application/json\":{\"schema\":" OBJECT("\"publisher\":" TEXT ",\"notices\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}") "}") "}}" },
	};
#undef ANSWER
#undef PAGE
#undef TEXT
#undef OBJECT
#undef SENT

	for (size_t i = 0; i < COUNTOF(paths); i++) {
		jsonw_name(w, paths[i].path);
		jsonw_raw(w, str_of(paths[i].text));
	}
}

void api_openapi(struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "openapi", "3.1.0");
	jsonw_name(&w, "info");
	jsonw_raw(&w, S("{\"title\":\"Lianfang node\",\"version\":\"1\",\"license\":{\"name\":\"BSD-2-Clause\"}}"));
	jsonw_name(&w, "paths");
	jsonw_object(&w);
	for (size_t t = 0; t < COUNTOF(tables); t++)
		for (const struct api_route *r = tables[t]; r->method != NULL; r++)
			if (!path_seen_before(t, r))
				openapi_path(r, &w);
	openapi_outside(&w);
	jsonw_object_end(&w);
	jsonw_name(&w, "components");
	jsonw_raw(&w, S("{\"schemas\":{\"error\":{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"object\",\"properties\":"
			"{\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}},\"required\":[\"code\",\"message\"]}}}},"
			"\"securitySchemes\":{\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
			"\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" SESSION_COOKIE "\"},"
			"\"certificate\":{\"type\":\"mutualTLS\"}}}"));
	jsonw_name(&w, "security");
	jsonw_raw(&w, S("[{\"basic\":[]},{\"token\":[]},{\"session\":[]},{\"certificate\":[]}]"));
	jsonw_object_end(&w);
}
