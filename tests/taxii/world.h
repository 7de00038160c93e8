/* A store with API roots, collections and people in it, and requests made by hand:
 * what the TAXII server tests share. */
#ifndef TESTS_TAXII_WORLD_H
#define TESTS_TAXII_WORLD_H

#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "gate/viewer.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/engine.h"
#include "store/objects.h"
#include "sys/http.h"
#include "taxii/server.h"
#include "tap.h"

#define MAIN_ID "11111111-1111-4111-8111-111111111111"
#define READ_ID "22222222-2222-4222-8222-222222222222"
#define WRITE_ID "33333333-3333-4333-8333-333333333333"
#define HIDDEN_ID "44444444-4444-4444-8444-444444444444"
#define SHOWN_ID "55555555-5555-4555-8555-555555555555"
#define PUBLIC_ID "66666666-6666-4666-8666-666666666666"
#define SECRET_ID "77777777-7777-4777-8777-777777777777"
#define C_MAIN "/api/collections/" MAIN_ID "/"
#define C_READ "/api/collections/" READ_ID "/"
#define C_WRITE "/api/collections/" WRITE_ID "/"
#define C_HIDDEN "/api/collections/" HIDDEN_ID "/"
#define C_SHOWN "/api/collections/" SHOWN_ID "/"
#define C_PUBLIC "/pub/collections/" PUBLIC_ID "/"
#define NO_ID "99999999-9999-4999-8999-999999999999"
#define ACCEPT "Accept: application/taxii+json;version=2.1\n"
#define SEND ACCEPT "Content-Type: application/taxii+json;version=2.1\n"
#define TAXII_TYPE "application/taxii+json;version=2.1"

struct world {
	struct engine engine;
	struct store *store;
	struct taxii_server *server;
};

/* One reply, copied out. */
struct got {
	int status;
	char type[80], first[48], last[48], allow[80], location[300], challenge[200];
	char *body;
	size_t n;
	struct arena *a;
	const struct json *j; /* parsed body or NULL */
};

static struct world w;
static const struct viewer nobody = { .kind = VIEWER_ANONYMOUS, .name = { "", 0 }, .account = { "", 0 }, .role = { "", 0 }, .org = { "", 0 }, .tlp_max = TLP_CLEAR };
static const struct viewer alice = { .kind = VIEWER_USER, .name = { "alice", 5 }, .account = { "", 0 }, .role = { "analyst", 7 }, .org = { "a", 1 }, .tlp_max = TLP_RED };
static const struct viewer bob = { .kind = VIEWER_USER, .name = { "bob", 3 }, .account = { "", 0 }, .role = { "reader", 6 }, .org = { "b", 1 }, .tlp_max = TLP_GREEN };
static const struct viewer root = { .kind = VIEWER_USER, .name = { "root", 4 }, .account = { "", 0 }, .role = { "admin", 5 }, .org = { "a", 1 }, .tlp_max = TLP_RED };

static void must(enum rc rc, const struct err *err, const char *what)
{
	if (rc == RC_OK)
		return;
	printf("Bail out! %s: %s: %s\n", what, rc_name(rc), err->text);
	exit(1);
}

static void make_root(const char *name, bool standard, bool is_public, int64_t page)
{
	struct err err = { 0 };
	struct api_root r = { .name = str_of(name), .title = str_of(name), .description = S("for tests"), .max_content_length = 200000,
			      .page_size = page, .is_default = standard, .is_public = is_public };

	must(root_put(w.store, &r, &err), &err, name);
}

static void make_collection(const char *in, const char *id, const char *alias, bool can_read, bool can_write, bool anon)
{
	struct err err = { 0 };
	struct collection c = { .root = str_of(in), .id = str_of(id), .alias = str_of(alias), .title = str_of(id), .description = S(""),
				.media_types = S(""), .tlp_max = TLP_RED, .all_read = can_read, .all_write = can_write, .anon_read = anon, .shown = strcmp(id, SHOWN_ID) == 0 };

	must(collection_put(w.store, &c, &err), &err, id);
}

UNUSED static void open_server(void)
{
	struct taxii_config c = { .store = w.store, .title = "Test server", .contact = "tests", .default_tlp = TLP_CLEAR,
				  .www_authenticate = "Basic realm=\"lianfang\", charset=\"UTF-8\", Bearer realm=\"lianfang\"" };
	struct err err = { 0 };

	must(taxii_server_new(&c, &w.server, &err), &err, "server");
}

/* An empty store of the engine that TAXII_ENGINE names ("sqlite", "postgresql"). */
UNUSED static void world_open_empty(void)
{
	const char *name = getenv("TAXII_ENGINE");
	char why[WHY_MAX];

	if (!engine_start(&w.engine, name == NULL ? "sqlite" : name, why)) {
		printf("1..0 # SKIP %s\n", why);
		exit(0);
	}
	w.store = engine_fresh(&w.engine);
	if (w.store == NULL)
		exit(1);
}

UNUSED static void world_open(void)
{
	world_open_empty();
	make_root("api", true, false, 10);
	make_root("secret", false, false, 10);
	make_root("pub", false, true, 10);
	make_root("empty", false, false, 10);
	make_root("deep/er", false, false, 10);
	make_collection("api", MAIN_ID, "main", true, true, false);
	make_collection("api", READ_ID, "", true, false, false);
	make_collection("api", WRITE_ID, "", false, true, false);
	make_collection("api", HIDDEN_ID, "", false, false, false);
	make_collection("api", SHOWN_ID, "", false, false, false);
	make_collection("pub", PUBLIC_ID, "open", true, true, true);
	make_collection("secret", SECRET_ID, "", false, false, false);
	open_server();
}

UNUSED static void world_close(void)
{
	taxii_server_free(w.server);
	store_close(w.store);
	w.store = NULL;
	engine_stop(&w.engine);
}

/* "Name: value\nName: value\n" into header lines. */
static size_t header_lines(const char *text, struct http_header_line *out, size_t max)
{
	struct str rest = str_of(text), line;
	size_t n = 0;

	while (n < max && str_next(&rest, '\n', &line)) {
		size_t colon = str_find(line, S(":"), 0);

		if (line.n == 0)
			continue;
		out[n].name = str_slice(line, 0, colon);
		out[n++].value = str_trim(str_slice(line, colon + 1, line.n));
	}
	return n;
}

static void copy_reply(struct http_res *res, struct got *g)
{
	struct buf all;

	buf_init(&all, (size_t)64 << 20);
	if (res->pieces != NULL)
		for (size_t i = 0; i < res->n_pieces; i++)
			buf_put(&all, res->pieces[i].p, res->pieces[i].n);
	else
		buf_str(&all, buf_view(&res->body));
	g->n = all.n;
	g->body = mem_strdup(all.n > 0 ? all.p : "");
	buf_done(&all);
	g->status = res->status;
	snprintf(g->type, sizeof g->type, "%s", res->content_type == NULL ? "" : res->content_type);
	for (size_t i = 0; i < res->n_headers; i++) {
		const struct { const char *name; char *to; size_t max; } rows[] = {
			{ "X-TAXII-Date-Added-First", g->first, sizeof g->first }, { "X-TAXII-Date-Added-Last", g->last, sizeof g->last },
			{ "Allow", g->allow, sizeof g->allow }, { "Location", g->location, sizeof g->location },
			{ "WWW-Authenticate", g->challenge, sizeof g->challenge },
		};

		for (size_t k = 0; k < COUNTOF(rows); k++)
			if (strcmp(rows[k].name, res->headers[i].name) == 0)
				snprintf(rows[k].to, rows[k].max, "%s", res->headers[i].value);
	}
	if (res->release != NULL)
		res->release(res->release_arg);
	buf_done(&res->body);
}

/* Whatever the reply is, it must keep what TAXII asks of every reply. */
static void check_reply(const struct got *g, const char *target)
{
	bool good = g->status == 204 || strcmp(g->type, TAXII_TYPE) == 0;

	if (g->n > 0)
		good = good && g->j != NULL && strstr(g->body, "[]") == NULL;
	if (!good)
		OK(good, "reply to %s: %d %s %s", target, g->status, g->type, g->body);
}

UNUSED static struct got ask(const struct viewer *v, const char *method, const char *target, const char *headers, struct str body)
{
	struct http_header_line lines[16];
	struct got g = { 0 };
	struct http_req r = { .method = str_of(method), .arena = arena_new((size_t)64 << 20), .arrived = time_now(), .headers = lines };
	struct http_res res = { .status = 200 };
	struct str t = str_of(target);
	size_t q = str_find(t, S("?"), 0);

	buf_init(&res.body, (size_t)64 << 20);
	r.n_headers = header_lines(headers, lines, COUNTOF(lines));
	r.path = str_slice(t, 0, q);
	r.query = q == SIZE_MAX ? S("") : str_slice(t, q + 1, t.n);
	r.body = body;
	taxii_handle(w.server, v, &r, &res);
	copy_reply(&res, &g);
	arena_free(r.arena);
	g.a = arena_new((size_t)64 << 20);
	if (g.n == 0 || json_parse(g.a, str_make(g.body, g.n), &JSON_LIMITS, &g.j, NULL) != RC_OK)
		g.j = NULL;
	check_reply(&g, target);
	return g;
}

UNUSED static struct got get(const struct viewer *v, const char *target)
{
	return ask(v, "GET", target, ACCEPT, S(""));
}

UNUSED static struct got post(const struct viewer *v, const char *target, const char *body)
{
	return ask(v, "POST", target, SEND, str_of(body));
}

static void got_done(struct got *g)
{
	arena_free(g->a);
	mem_free(g->body);
}

/* Status alone. */
UNUSED static int status_of(struct got g)
{
	int status = g.status;

	got_done(&g);
	return status;
}

UNUSED static struct str got_str(const struct got *g, const char *name)
{
	return json_get_str(g->j, str_of(name));
}

UNUSED static int64_t got_int(const struct got *g, const char *name)
{
	int64_t v = -1;

	json_int(json_get(g->j, str_of(name)), &v);
	return v;
}

UNUSED static bool got_more(const struct got *g)
{
	bool more = false;

	json_bool(json_get(g->j, S("more")), &more);
	return more;
}

/* Items of a list member; 0 when it is not there. */
UNUSED static uint32_t got_count(const struct got *g, const char *name)
{
	const struct json *v = json_get(g->j, str_of(name));

	return json_is(v, JSON_ARRAY) ? v->n : 0;
}

/* String member of item number i of a list. */
UNUSED static struct str got_item(const struct got *g, const char *list, uint32_t i, const char *name)
{
	const struct json *v = json_get(g->j, str_of(list));
	const struct json *item = json_is(v, JSON_ARRAY) ? json_item(v, i) : NULL;

	return name == NULL ? json_str(item) : json_get_str(item, str_of(name));
}

/* An indicator: number k gives the id, `modified` the version. */
UNUSED static const char *indicator(char *out, size_t max, int k, const char *modified, const char *name)
{
	snprintf(out, max, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-%012d\","
		 "\"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"%s\",\"name\":\"%s\",\"pattern\":\"[domain-name:value = 'x%d.example']\","
		 "\"pattern_type\":\"stix\",\"valid_from\":\"2020-01-01T00:00:00Z\"}", k, modified, name, k);
	return out;
}

/* Posts indicators from..to-1, one version each. */
UNUSED static void post_indicators(const struct viewer *v, const char *collection, int from, int to)
{
	struct buf b;
	char one[600], path[200];
	struct got g;

	buf_init(&b, (size_t)32 << 20);
	buf_cstr(&b, "{\"objects\":[");
	for (int i = from; i < to; i++) {
		if (i > from)
			buf_char(&b, ',');
		buf_cstr(&b, indicator(one, sizeof one, i, "2020-01-01T00:00:00.000Z", "n"));
	}
	buf_cstr(&b, "]}");
	snprintf(path, sizeof path, "%sobjects/", collection);
	g = post(v, path, b.p);
	if (g.status != 202 || got_int(&g, "failure_count") != 0)
		OK(false, "posting %d objects to %s: %d %s", to - from, collection, g.status, g.body);
	got_done(&g);
	buf_done(&b);
}

#endif
