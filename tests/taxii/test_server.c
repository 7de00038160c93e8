/* TAXII 2.1 server, statements T01-T36: transport, headers, negotiation, information.
 * (T03-T05 and the chunked half of T29 need real sockets: test_server_wire.c.) */
#include "world.h"

#define ENVELOPE "{\"objects\":[{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-0000000000aa\"," \
	"\"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"i\",\"identity_class\":\"group\"}]}"

static void test_discovery(void)
{
	struct got g = get(&alice, "/taxii2/");

	OK(g.status == 200 && g.j != NULL, "T01 discovery is at /taxii2/ at the root of the server");
	OK(got_count(&g, "api_roots") >= 1, "T02 at least one API root exists");
	EQ_STR(got_str(&g, "title"), S("Test server"), "T25 discovery has a title");
	OK(json_get(g.j, S("default")) != NULL && str_eq(got_str(&g, "default"), S("/api/")), "T25 default is set");
	bool listed = false, relative = true, secret = false;

	for (uint32_t i = 0; i < got_count(&g, "api_roots"); i++) {
		struct str url = got_item(&g, "api_roots", i, NULL);

		listed |= str_eq(url, got_str(&g, "default"));
		relative &= url.n > 1 && url.p[0] == '/' && url.p[1] != '/' && memchr(url.p, '?', url.n) == NULL && url.p[url.n - 1] == '/';
		secret |= str_eq(url, S("/secret/"));
	}
	OK(listed, "T25 default is one of api_roots");
	OK(relative, "T26 relative api_roots start with one slash and have no query");
	OK(!secret, "T27 a root whose collections are all hidden from this client is not listed");
	got_done(&g);
	g = get(&root, "/taxii2/");
	OK(strstr(g.body, "\"/secret/\"") != NULL, "T27 another client sees it");
	got_done(&g);
	g = get(&nobody, "/taxii2/");
	OK(g.status == 200 && got_count(&g, "api_roots") == 1 && str_eq(got_item(&g, "api_roots", 0, NULL), S("/pub/")),
	   "T27 a stranger sees only public roots");
	OK(json_get(g.j, S("default")) == NULL, "T25 a default that is not among them is left out");
	got_done(&g);
}

static void test_absolute_roots(void)
{
	struct taxii_config c = { .store = w.store, .title = "Abs", .public_url = "https://ti.example" };
	struct taxii_server *relative = w.server;
	struct err err = { 0 };
	struct got g;

	must(taxii_server_new(&c, &w.server, &err), &err, "server");
	g = get(&alice, "/taxii2/");
	OK(str_eq(got_item(&g, "api_roots", 0, NULL), S("https://ti.example/api/")), "T26 with a public URL they are absolute and HTTPS");
	got_done(&g);
	taxii_server_free(w.server);
	w.server = relative;
}

static void test_slashes(void)
{
	static const struct { const char *path, *to; } rows[] = {
		{ "/taxii2", "/taxii2/" }, { "/api", "/api/" }, { "/api/collections", "/api/collections/" },
		{ "/api/collections/" MAIN_ID "/objects?limit=3", C_MAIN "objects/?limit=3" }, { "/deep/er", "/deep/er/" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct got g = get(&alice, rows[i].path);

		OK(g.status == 308 && strcmp(g.location, rows[i].to) == 0, "T07 %s without its slash is sent to %s", rows[i].path, rows[i].to);
		got_done(&g);
	}
	OK(status_of(get(&alice, "//evil.example/taxii2")) == 404, "T07 no redirect for a path with an empty segment");
	OK(status_of(get(&alice, "/api/collections/\\evil/objects")) == 404, "T07 no redirect with odd bytes");
}

/* Every kind of reply, good and bad. world.h looks at the type of each one. */
static void test_types(void)
{
	static const struct { const char *method, *path, *headers; int status; } rows[] = {
		{ "GET", "/taxii2/", ACCEPT, 200 }, { "GET", "/api/", ACCEPT, 200 }, { "GET", "/api/collections/", ACCEPT, 200 },
		{ "GET", C_MAIN, ACCEPT, 200 }, { "GET", C_MAIN "objects/", ACCEPT, 200 }, { "GET", C_MAIN "manifest/", ACCEPT, 200 },
		{ "GET", "/nothing/", ACCEPT, 404 }, { "GET", C_MAIN "objects/?limit=0", ACCEPT, 400 }, { "PUT", C_MAIN "objects/", ACCEPT, 405 },
		{ "GET", C_WRITE "objects/", ACCEPT, 403 }, { "POST", C_MAIN "objects/", ACCEPT, 415 }, { "GET", "/", ACCEPT, 404 },
		{ "GET", "/taxii2/", "Accept: text/html\n", 406 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct got g = ask(&alice, rows[i].method, rows[i].path, rows[i].headers, S(""));
		char digits[8];

		snprintf(digits, sizeof digits, "%d", rows[i].status);
		OK(g.status == rows[i].status && strcmp(g.type, TAXII_TYPE) == 0, "T08 %s %s is %d and labelled as TAXII 2.1", rows[i].method,
		   rows[i].path, rows[i].status);
		if (rows[i].status >= 400)
			OK(got_str(&g, "title").n > 0 && str_eq(got_str(&g, "http_status"), str_of(digits)),
			   "T19 the error object of %d has a title, and its http_status is the status as a string", rows[i].status);
		got_done(&g);
	}
}

static void test_accept(void)
{
	static const struct { const char *name, *headers; int status; } rows[] = {
		{ "T09 the full media type", "Accept: application/taxii+json;version=2.1\n", 200 },
		{ "T09 with a space", "Accept: application/taxii+json; version=2.1\n", 200 },
		{ "T09 with a quoted version", "Accept: application/taxii+json;version=\"2.1\"\n", 200 },
		{ "T09 in capitals", "Accept: Application/TAXII+JSON;VERSION=2.1\n", 200 },
		{ "T10 without a version", "Accept: application/taxii+json\n", 200 },
		{ "T11 a list with weights and spaces", "Accept: text/html , application/taxii+json; version=2.1;q=0.5\n", 200 },
		{ "T11 a comma in quotes is no separator", "Accept: text/html;x=\"a,b\", application/taxii+json\n", 200 },
		{ "T11 anything", "Accept: */*\n", 200 },
		{ "T11 any application", "Accept: application/*\n", 200 },
		{ "T11 no Accept at all", "", 200 },
		{ "T12 version 2.0 only", "Accept: application/taxii+json;version=2.0\n", 406 },
		{ "T12 unknown types only", "Accept: text/html, application/xml\n", 406 },
		{ "T12 STIX is not TAXII", "Accept: application/stix+json;version=2.1\n", 406 },
		{ "T12 refused by weight", "Accept: application/taxii+json;version=2.1;q=0\n", 406 },
		{ "T12 refused by weight although all else goes", "Accept: */*, application/taxii+json;q=0.000\n", 406 },
		{ "T12 empty", "Accept: \n", 406 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct got g = ask(&alice, "GET", "/api/", rows[i].headers, S(""));

		OK(g.status == rows[i].status && strcmp(g.type, TAXII_TYPE) == 0, "%s", rows[i].name);
		got_done(&g);
	}
}

static void test_content_type(void)
{
	static const struct { const char *name, *headers; int status; } rows[] = {
		{ "T13 POST with the full Content-Type", SEND, 202 },
		{ "T13 POST without the version", ACCEPT "Content-Type: application/taxii+json\n", 202 },
		{ "T13 POST with a space", ACCEPT "Content-Type: application/taxii+json; version=2.1\n", 202 },
		{ "T13 POST of version 2.0", ACCEPT "Content-Type: application/taxii+json;version=2.0\n", 415 },
		{ "T13 POST of plain JSON", ACCEPT "Content-Type: application/json\n", 415 },
		{ "T13 POST of any type", ACCEPT "Content-Type: */*\n", 415 },
		{ "T14 POST without Content-Type", ACCEPT, 415 },
		{ "T14 POST with a wrong Accept", "Accept: text/html\nContent-Type: application/taxii+json;version=2.1\n", 406 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(status_of(ask(&alice, "POST", C_MAIN "objects/", rows[i].headers, S(ENVELOPE))) == rows[i].status, "%s", rows[i].name);
}

static void test_strangers(void)
{
	static const char *const paths[] = {
		"/api/collections/", C_MAIN, C_MAIN "manifest/", C_MAIN "objects/", C_MAIN "objects/indicator--" NO_ID "/",
		C_MAIN "objects/indicator--" NO_ID "/versions/", "/api/status/" NO_ID "/", C_HIDDEN, "/nothing/collections/",
		"/api/collections/" NO_ID "/objects/", C_MAIN "objects", C_MAIN "objects/?limit=0",
	};
	static const char *const methods[] = { "GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS" };
	bool only = true;

	for (size_t i = 0; i < COUNTOF(paths); i++)
		for (size_t m = 0; m < COUNTOF(methods); m++) {
			struct got g = ask(&nobody, methods[m], paths[i], SEND, S(ENVELOPE));

			if (g.status != 401 && g.status != 404) {
				only = false;
				printf("#   %s %s: %d\n", methods[m], paths[i], g.status);
			}
			got_done(&g);
		}
	OK(only, "T16 every endpoint of section 5 answers a stranger with 401 or 404, whatever the method");

	struct got g = get(&nobody, C_MAIN "objects/");

	OK(g.status == 401 && strstr(g.challenge, "Basic realm=") != NULL && strstr(g.challenge, "Bearer realm=") != NULL,
	   "T15 the 401 lists the schemes in WWW-Authenticate");
	OK(str_eq(got_str(&g, "http_status"), S("401")), "T15 and says so in an error object");
	got_done(&g);
	g = get(&nobody, C_PUBLIC "objects/");
	OK(g.status == 200, "T16 a collection that is open to all is");
	got_done(&g);
	OK(status_of(post(&nobody, C_PUBLIC "objects/", ENVELOPE)) == 401, "T16 but not for writing");
	OK(status_of(ask(&alice, "GET", "/api/", ACCEPT, S(""))) == 200, "T18 a request without User-Agent is served");
}

/* The same answer for what is hidden and what is not there, but for the id that was asked. */
static void test_no_hints(void)
{
	static const struct { const char *hidden, *absent; } rows[] = {
		{ C_HIDDEN, "/api/collections/" NO_ID "/" }, { C_HIDDEN "objects/", "/api/collections/" NO_ID "/objects/" },
		{ C_HIDDEN "manifest/", "/api/collections/" NO_ID "/manifest/" }, { "/secret/", "/absent/" },
		{ "/secret/collections/" SECRET_ID "/", "/absent/collections/" SECRET_ID "/" },
		{ "/secret/status/" NO_ID "/", "/absent/status/" NO_ID "/" },
	};
	const struct viewer *who[] = { &alice, &nobody };

	for (size_t i = 0; i < COUNTOF(rows); i++)
		for (size_t k = 0; k < COUNTOF(who); k++) {
			struct got h = get(who[k], rows[i].hidden), a = get(who[k], rows[i].absent);

			OK(h.status == a.status && strcmp(h.body, a.body) == 0 && strcmp(h.challenge, a.challenge) == 0,
			   "T20 %s is answered like %s", rows[i].hidden, rows[i].absent);
			got_done(&h);
			got_done(&a);
		}
	struct got h = post(&alice, C_HIDDEN "objects/", ENVELOPE), a = post(&alice, "/api/collections/" NO_ID "/objects/", ENVELOPE);

	OK(h.status == 404 && strcmp(h.body, a.body) == 0, "T20 also for POST");
	got_done(&h);
	got_done(&a);
}

static bool has_micros(struct str t)
{
	return t.n == 27 && t.p[19] == '.' && t.p[26] == 'Z';
}

static void test_forms(void)
{
	struct got g = post(&alice, C_MAIN "objects/", ENVELOPE), m = get(&alice, C_MAIN "manifest/"), o = get(&alice, C_MAIN "objects/");
	struct uuid u;

	OK(has_micros(got_str(&g, "request_timestamp")) && has_micros(got_item(&m, "objects", 0, "date_added"))
	   && has_micros(str_of(o.first)) && has_micros(str_of(o.last)), "T21 our timestamps have six digits and Z");
	OK(g.status == 202 && json_get(g.j, S("failures")) == NULL && json_get(g.j, S("pendings")) == NULL, "T22 no empty lists: the keys are left out");
	OK(uuid_parse(got_str(&g, "id"), &u) && uuid_version(&u) == 4, "T23 ids we make are UUIDv4");
	OK(got_int(&g, "total_count") == 1 && json_is(json_get(o.j, S("more")), JSON_FALSE), "T23 integers and booleans are literals");
	got_done(&g);
	got_done(&m);
	got_done(&o);
}

/* All names in a reply, of the envelope and of our own resources (not of STIX objects). */
static bool names_good(const struct json *v)
{
	static const char *const known[] = {
		"title", "description", "contact", "default", "api_roots", "versions", "max_content_length", "id", "alias", "can_read",
		"can_write", "media_types", "collections", "more", "next", "objects", "date_added", "version", "media_type", "status",
		"request_timestamp", "total_count", "success_count", "successes", "failure_count", "failures", "pending_count", "pendings",
		"message", "http_status",
	};

	if (json_is(v, JSON_ARRAY))
		JSON_EACH(item, v)
			if (!names_good(item))
				return false;
	if (json_is(v, JSON_OBJECT))
		JSON_MEMBERS(name, value, v) {
			bool found = false;

			for (size_t i = 0; i < COUNTOF(known); i++)
				found |= str_eq(json_str(name), str_of(known[i]));
			if (!found || !names_good(value))
				return false;
		}
	return true;
}

static void test_names(void)
{
	static const char *const paths[] = { "/taxii2/", "/api/", "/api/collections/", C_MAIN, C_MAIN "manifest/", "/nothing/",
					     C_MAIN "objects/identity--00000000-0000-4000-8000-0000000000aa/versions/" };

	for (size_t i = 0; i < COUNTOF(paths); i++) {
		struct got g = get(&alice, paths[i]);

		OK(g.j != NULL && names_good(g.j), "T24 %s uses only names of the standard, in its case", paths[i]);
		got_done(&g);
	}
	struct got g = get(&alice, C_MAIN);

	OK(json_get(g.j, S("id")) && json_get(g.j, S("title")) && json_get(g.j, S("can_read")) && json_get(g.j, S("can_write")),
	   "T24 required names are there");
	got_done(&g);
}

static void test_root(void)
{
	struct got g = get(&alice, "/api/");

	OK(got_str(&g, "title").n > 0 && str_eq(got_item(&g, "versions", 0, NULL), S("application/taxii+json;version=2.1")),
	   "T28 an API root has title and versions");
	EQ_INT(got_int(&g, "max_content_length"), 200000, "T28 and a positive max_content_length");
	got_done(&g);
	OK(status_of(get(&alice, "/deep/er/")) == 200, "T28 a root may have several segments");
	OK(status_of(get(&alice, "/nothing/")) == 404 && status_of(get(&alice, "/nothing/collections/")) == 404, "T30 an unknown root is 404");
}

static void test_size(void)
{
	struct http_header_line lines[4] = { { S("Accept"), S("*/*") }, { S("Content-Type"), S(TAXII_TYPE) }, { S("Content-Length"), S("200000") } };
	struct http_req r = { .method = S("POST"), .path = S(C_MAIN "objects/"), .headers = lines, .n_headers = 3, .arena = arena_new(1 << 20) };
	struct http_res res = { .status = 200 };
	size_t max = 0;

	buf_init(&res.body, 10000);
	OK(taxii_admit(w.server, &alice, &r, &max, &res) && max == 200000, "T29 a body of max_content_length is let in");
	lines[2].value = S("200001");
	OK(!taxii_admit(w.server, &alice, &r, &max, &res) && res.status == 413, "T29 a longer one is 413 before it is read");
	OK(res.content_type != NULL && strcmp(res.content_type, TAXII_TYPE) == 0, "T29 with an error object");
	res.status = 0;
	OK(!taxii_admit(w.server, &nobody, &r, &max, &res) && res.status == 401, "T29 a stranger learns nothing by it");
	buf_done(&res.body);
	arena_free(r.arena);

	struct buf b;

	buf_init(&b, 1 << 20);
	buf_cstr(&b, ENVELOPE);
	while (b.n < 200000)
		buf_char(&b, ' ');
	OK(status_of(ask(&alice, "POST", C_MAIN "objects/", SEND, buf_view(&b))) == 202, "T29 exactly max_content_length is accepted");
	buf_char(&b, ' ');
	OK(status_of(ask(&alice, "POST", C_MAIN "objects/", SEND, buf_view(&b))) == 413, "T29 one byte more is 413");
	buf_done(&b);
}

static void test_status(void)
{
	struct got g = post(&alice, C_MAIN "objects/", "{\"objects\":[{\"type\":\"nonsense\"}," "{\"type\":\"identity\",\"spec_version\":\"2.1\","
			    "\"id\":\"identity--00000000-0000-4000-8000-0000000000ab\",\"created\":\"2020-01-01T00:00:00.000Z\","
			    "\"modified\":\"2020-01-02T00:00:00.000Z\",\"name\":\"i\",\"identity_class\":\"group\"}]}");
	char path[200], before[4000];
	struct got again;

	OK(g.status == 202 && got_str(&g, "id").n == 36 && str_eq(got_str(&g, "status"), S("complete")), "T31 a status has id and state");
	OK(got_int(&g, "total_count") == 2 && got_int(&g, "success_count") == 1 && got_int(&g, "failure_count") == 1 && got_int(&g, "pending_count") == 0,
	   "T31 and all four counts");
	OK(got_int(&g, "total_count") == got_int(&g, "success_count") + got_int(&g, "failure_count") + got_int(&g, "pending_count"),
	   "T32 total is the sum of the others");
	OK(str_eq(got_item(&g, "successes", 0, "id"), S("identity--00000000-0000-4000-8000-0000000000ab"))
	   && str_eq(got_item(&g, "successes", 0, "version"), S("2020-01-02T00:00:00.000Z")), "T33 successes name id and modified");
	OK(got_item(&g, "failures", 0, "id").n > 0 && got_item(&g, "failures", 0, "version").n > 0 && got_item(&g, "failures", 0, "message").n > 0,
	   "T33 failures name id, version and why");
	snprintf(path, sizeof path, "/api/status/%.*s/", STR(got_str(&g, "id")));
	snprintf(before, sizeof before, "%s", g.body);
	got_done(&g);
	again = get(&alice, path);
	OK(again.status == 200 && strcmp(again.body, before) == 0, "T35 a complete status reads the same later");
	got_done(&again);
	OK(status_of(get(&bob, path)) == 404, "T36 another user gets 404");
	OK(status_of(get(&root, path)) == 200, "T36 an administrator may look");
	OK(status_of(get(&nobody, path)) == 401, "T36 a stranger gets 401");

	usec now = time_now();

	time_fake_set(now + 24 * 3600 * USEC_PER_SEC);
	OK(status_of(post(&alice, C_MAIN "objects/", ENVELOPE)) == 202 && status_of(get(&alice, path)) == 200, "T34 after 24 hours a status is still there");
	time_fake_set(now + 26 * 3600 * USEC_PER_SEC);
	OK(status_of(post(&alice, C_MAIN "objects/", ENVELOPE)) == 202 && status_of(get(&alice, path)) == 404, "T34 later it is 404");
	time_fake_off();
	OK(status_of(get(&alice, "/api/status/" NO_ID "/")) == 404, "T34 as is one that never was");
}

static void test_body_forms(void)
{
	static const struct { const char *name, *body; } rows[] = {
		{ "duplicate keys", "{\"objects\":[{\"type\":\"a\"}],\"objects\":[]}" },
		{ "a duplicate key inside an object", "{\"objects\":[{\"type\":\"a\",\"type\":\"b\"}]}" },
		{ "broken UTF-8", "{\"objects\":[{\"type\":\"a\xff\"}]}" },
		{ "an unpaired surrogate", "{\"objects\":[{\"type\":\"\\ud800\"}]}" },
		{ "two values", "{\"objects\":[{\"type\":\"a\"}]}{}" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(status_of(post(&alice, C_MAIN "objects/", rows[i].body)) == 400, "T06 a body with %s is no I-JSON: 400", rows[i].name);
}

int main(void)
{
	world_open();
	test_discovery();
	test_absolute_roots();
	test_body_forms();
	test_slashes();
	test_types();
	test_accept();
	test_content_type();
	test_strangers();
	test_no_hints();
	test_forms();
	test_names();
	test_root();
	test_size();
	test_status();
	world_close();
	return tap_done();
}
