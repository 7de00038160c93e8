/* TAXII 2.1 client, statements C01-C14, against servers that behave and that do not. */
#include "base/buf.h"
#include "fake.h"
#include "store/peers.h"
#include "sys/keys.h"
#include "taxii/client.h"
#include "taxii/request.h"
#include "world.h"

#define ROOT_JSON "{\"title\":\"r\",\"versions\":[\"application/taxii+json;version=2.1\"],\"max_content_length\":1000}"

/* The pauses a client took, instead of taking them. */
struct pauses {
	usec span[64];
	int n;
};

static void take_pause(void *ctx, usec span)
{
	struct pauses *p = ctx;

	if (p->n < 64)
		p->span[p->n++] = span;
}

static struct pauses pauses;

static struct taxii_client *client_to(int port, const struct taxii_client_config *more)
{
	struct taxii_client_config c = { 0 };
	struct taxii_client *t = NULL;
	struct err err = { 0 };
	char url[100];

	if (more != NULL)
		c = *more;
	snprintf(url, sizeof url, "%s://127.0.0.1:%d/taxii2/", more != NULL && (more->http.ca_pem || more->http.pin_sha256) ? "https" : "http", port);
	if (c.url == NULL)
		c.url = url;
	c.http.allow_plain_loopback = true;
	c.wait = take_pause;
	c.wait_ctx = &pauses;
	memset(&pauses, 0, sizeof pauses);
	must(taxii_client_new(&c, &t, &err), &err, "client");
	return t;
}

static struct str root_at(int port, char *out, size_t max)
{
	snprintf(out, max, "http://127.0.0.1:%d/api/", port);
	return str_of(out);
}

static bool has(const struct fake *f, int i, const char *text)
{
	return i < FAKE_LOG && f->log[i] != NULL && strcasestr(f->log[i], text) != NULL;
}

/* Collects ids. */
struct seen {
	char ids[300][80];
	int n, calls, refuse_at;
};

static enum rc see(void *ctx, const struct taxii_page *p, struct err *err)
{
	struct seen *s = ctx;

	if (s->refuse_at > 0 && ++s->calls == s->refuse_at)
		return FAIL(err, RC_FULL, "no room");
	for (size_t i = 0; i < p->n && s->n < 300; i++)
		snprintf(s->ids[s->n++], 80, "%.*s", STR(json_get_str(p->trees[i], S("id"))));
	return RC_OK;
}

static enum rc pull(struct fake *f, struct taxii_client *t, struct taxii_pull *p, struct seen *s, struct taxii_cursor *c,
		    struct taxii_pulled *got, struct err *err)
{
	char url[100];
	enum rc rc;

	p->root_url = root_at(f->port, url, sizeof url);
	p->collection = S("c1");
	rc = taxii_pull_run(t, p, c, see, s, got, err);
	p->root_url = S("");
	return rc;
}

/* --- C01, C02 --- */

static void answer_discovery(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "", "{\"title\":\"d\",\"x_new\":{\"a\":[1]},\"default\":\"/api/\",\"api_roots\":[\"/api/\",\"https://else.example/r/\",\"b/\"]}");
}

struct ca {
	struct buf cert, key, server_cert, server_key;
	char pin[65];
};

static void make_ca(struct ca *ca)
{
	static const char *const addresses[] = { "127.0.0.1", NULL };
	struct keys_cert_request q = { .common_name = "test CA", .valid_from = time_now() - USEC_PER_SEC, .valid_until = time_now() + 3600 * USEC_PER_SEC,
				       .is_ca = true };
	struct err err = { 0 };

	buf_init(&ca->cert, 8192);
	buf_init(&ca->key, 8192);
	buf_init(&ca->server_cert, 8192);
	buf_init(&ca->server_key, 8192);
	must(keys_make_cert(&q, NULL, NULL, &ca->cert, &ca->key, &err), &err, "CA");
	q.is_ca = false;
	q.common_name = "127.0.0.1";
	q.addresses = addresses;
	must(keys_make_cert(&q, ca->cert.p, ca->key.p, &ca->server_cert, &ca->server_key, &err), &err, "certificate");
	must(keys_fingerprint(buf_view(&ca->server_cert), ca->pin, &err), &err, "fingerprint");
}

static void ca_done(struct ca *ca)
{
	buf_done(&ca->cert);
	buf_done(&ca->key);
	buf_done(&ca->server_cert);
	buf_done(&ca->server_key);
}

static void start_tls(struct fake *f, const struct ca *ca, const char *priority)
{
	gnutls_datum_t cert = { (unsigned char *)ca->server_cert.p, (unsigned)ca->server_cert.n };
	gnutls_datum_t key = { (unsigned char *)ca->server_key.p, (unsigned)ca->server_key.n };

	f->priority = priority;
	gnutls_certificate_allocate_credentials(&f->cred);
	gnutls_certificate_set_x509_key_mem(f->cred, &cert, &key, GNUTLS_X509_FMT_PEM);
	fake_start(f, answer_discovery);
}

static enum rc discover_with(int port, const struct taxii_client_config *c)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(1 << 20);
	struct taxii_client *t = client_to(port, c);
	struct taxii_discovery d;
	struct err err = { 0 };
	enum rc rc = taxii_discover(t, a, &d, &err);

	taxii_client_free(t);
	return rc;
}

static void test_tls(void)
{
	struct fake f12 = { 0 }, f = { 0 };
	struct ca ca = { 0 }, other = { 0 };
	char url[100];

	make_ca(&ca);
	make_ca(&other);
	start_tls(&f, &ca, "NORMAL");
	struct taxii_client_config trusted = { .http.ca_pem = ca.cert.p, .retries = -1 }, wrong = { .http.ca_pem = other.cert.p, .retries = -1 },
				   pinned = { .http.pin_sha256 = ca.pin, .retries = -1 }, badpin = { .http.pin_sha256 = other.pin, .retries = -1 },
				   system_store = { .retries = -1 };

	OK(discover_with(f.port, &trusted) == RC_OK, "C01 HTTPS with a certificate of a trusted CA");
	OK(strcmp(f.tls_version, "TLS1.3") == 0, "C02 TLS 1.3 is used where it can be");
	OK(discover_with(f.port, &wrong) == RC_DENIED, "C01 a certificate of another CA is refused");
	snprintf(url, sizeof url, "https://127.0.0.1:%d/taxii2/", f.port);
	system_store.url = url;
	OK(discover_with(f.port, &system_store) == RC_DENIED, "C01 PKIX by the system's store is the default");
	OK(discover_with(f.port, &pinned) == RC_OK && discover_with(f.port, &badpin) == RC_DENIED, "C01 a pinned certificate, and another one");
	snprintf(url, sizeof url, "https://localhost:%d/taxii2/", f.port);
	trusted.url = url;
	OK(discover_with(f.port, &trusted) == RC_DENIED, "C01 the name is checked");
	trusted.url = NULL;
	OK(atomic_load(&f.n) == 2, "C01 nothing is sent to a server that was refused");
	fake_stop(&f);
	start_tls(&f12, &ca, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	OK(discover_with(f12.port, &trusted) == RC_OK && strcmp(f12.tls_version, "TLS1.2") == 0, "C02 TLS 1.2 is spoken");
	fake_stop(&f12);
	trusted.url = "http://192.0.2.1/taxii2/";
	OK(discover_with(0, &trusted) != RC_OK, "C01 no plain HTTP to other hosts");
	gnutls_certificate_free_credentials(f.cred);
	gnutls_certificate_free_credentials(f12.cred);
	ca_done(&ca);
	ca_done(&other);
}

/* --- C03, C05-C08 --- */

static void answer_info(struct fake *f, int i, const char *request)
{
	if (strstr(request, "/taxii2/") != NULL)
		answer_discovery(f, i, request);
	else if (strstr(request, "/collections/ ") != NULL)
		fake_reply(f, 200, "", "{\"collections\":[{\"id\":\"c1\",\"title\":\"C\",\"description\":\"d\",\"alias\":\"al\",\"can_read\":true,\"can_write\":false,"
			   "\"media_types\":[\"application/stix+json;version=2.1\"],\"x_more\":[{}]},{\"id\":\"c2\",\"title\":\"D\",\"can_read\":false,\"can_write\":true}]}");
	else if (strncmp(request, "POST", 4) == 0)
		fake_reply(f, 202, "", "{\"id\":\"s1\",\"status\":\"complete\",\"total_count\":1,\"success_count\":1,\"failure_count\":0,\"pending_count\":0,\"x_y\":1}");
	else if (strstr(request, "/objects/") != NULL)
		fake_reply(f, 200, "", "{\"more\":false,\"objects\":[{\"id\":\"a--1\",\"x\":1}],\"x_z\":null}");
	else
		fake_reply(f, 200, "", ROOT_JSON);
}

static void test_information(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(1 << 20);
	struct taxii_client_config conf = { .http.user = "alice", .http.password = "secret" };
	struct fake f = { 0 };
	struct taxii_client *t;
	struct taxii_discovery d;
	struct taxii_root r;
	struct taxii_collection *list;
	struct taxii_pushed pushed;
	struct taxii_pull p = { 0 };
	struct taxii_pulled got;
	struct taxii_cursor cursor = { .after = "" };
	struct seen s = { .n = 0 };
	struct err err = { 0 };
	struct str object = S("{\"id\":\"a--1\"}");
	char url[100], want[100];
	size_t n = 0;
	bool accept = true, agent = true, basic = true;

	fake_start(&f, answer_info);
	t = client_to(f.port, &conf);
	root_at(f.port, url, sizeof url);
	OK(taxii_discover(t, a, &d, &err) == RC_OK && d.n_roots == 3 && str_eq(d.title, S("d")), "C07 discovery, unknown properties ignored");
	snprintf(want, sizeof want, "http://127.0.0.1:%d/api/", f.port);
	OK(str_eq(d.roots[0], str_of(want)) && str_eq(d.standard, str_of(want)) && str_eq(d.roots[1], S("https://else.example/r/")), "C08 relative and absolute roots");
	OK(taxii_root_info(t, str_of(url), a, &r, &err) == RC_OK && r.speaks_21 && r.max_content_length == 1000, "C07 API root");
	OK(taxii_collections(t, str_of(url), a, &list, &n, &err) == RC_OK && n == 2 && list[0].can_read && !list[0].can_write && str_eq(list[0].alias, S("al"))
	   && list[0].n_media_types == 1 && list[1].can_write && !list[1].can_read && str_eq(list[1].id, S("c2")), "C07 collections");
	OK(pull(&f, t, &p, &s, &cursor, &got, &err) == RC_OK && got.objects == 1 && strcmp(s.ids[0], "a--1") == 0, "C07 envelope");

	struct taxii_push push = { .root_url = str_of(url), .collection = S("c1"), .max_content_length = 1000 };

	OK(taxii_push_run(t, &push, &object, 1, &pushed, &err) == RC_OK && pushed.success == 1, "C07 status");
	for (int i = 0; i < atomic_load(&f.n); i++) {
		accept &= has(&f, i, "\r\nAccept: application/taxii+json;version=2.1\r\n");
		agent &= has(&f, i, "\r\nUser-Agent: lianfang/");
		basic &= has(&f, i, "\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n");
	}
	OK(accept && atomic_load(&f.n) == 5, "C05 Accept with the TAXII type on every request");
	OK(has(&f, 4, "\r\nContent-Type: application/taxii+json;version=2.1\r\n") && has(&f, 4, "POST /api/collections/c1/objects/ "), "C05 Content-Type on POST");
	OK(agent, "C06 User-Agent with name and version");
	OK(basic, "C03 HTTP Basic");
	taxii_client_free(t);
	fake_stop(&f);
}

static void test_resolve(void)
{
	static const struct { const char *base, *ref, *want; } rows[] = {
		{ "https://h:1/taxii2/", "/api/", "https://h:1/api/" }, { "https://h/taxii2/", "/api", "https://h/api/" },
		{ "https://h/taxii2/", "api/", "https://h/taxii2/api/" }, { "https://h/taxii2/", "https://o.example/x/", "https://o.example/x/" },
		{ "https://h", "/api/", "https://h/api/" }, { "https://h", "api/", "https://h/api/" }, { "https://h/a/", "//evil/", NULL },
		{ "https://h/a/", "ftp://x/", NULL }, { "https://h/a/", "javascript:x", NULL }, { "https://h/a/", "/a b/", NULL },
		{ "https://h/a/", "/a\nb/", NULL },
	};
	struct arena *a = arena_new(100000);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str got = taxii_resolve(str_of(rows[i].base), str_of(rows[i].ref), a);

		OK(rows[i].want == NULL ? got.p == NULL : got.p != NULL && str_eq(got, str_of(rows[i].want)), "C08 reference %zu at %s", i, rows[i].base);
	}
	arena_free(a);
}

/* --- C04 --- */

static void put16(struct buf *b, unsigned v)
{
	buf_char(b, (char)(v >> 8));
	buf_char(b, (char)v);
}

static void put_srv(struct buf *b, unsigned priority, unsigned weight, unsigned port, const char *target)
{
	struct str rest = str_of(target), label;

	put16(b, 0xc00c); /* the name asked for */
	put16(b, 33);
	put16(b, 1);
	put16(b, 0);
	put16(b, 60);
	put16(b, (unsigned)(6 + strlen(target) + (target[0] ? 2 : 1)));
	put16(b, priority);
	put16(b, weight);
	put16(b, port);
	while (str_next(&rest, '.', &label)) {
		buf_char(b, (char)label.n);
		buf_str(b, label);
	}
	buf_char(b, '\0');
}

static void put_question(struct buf *b, unsigned answers)
{
	buf_init(b, 4096);
	put16(b, 7);
	put16(b, 0x8180);
	put16(b, 1);
	put16(b, answers);
	put16(b, 0);
	put16(b, 0);
	buf_put(b, "\7_taxii2\4_tcp\7example\3com", 25);
	buf_char(b, '\0');
	put16(b, 33);
	put16(b, 1);
}

static void test_srv(void)
{
	struct err err = { 0 };
	char base[300] = "";
	struct buf b;
	int low = 0;

	put_question(&b, 3);
	put_srv(&b, 20, 0, 443, "late.example.com");
	put_srv(&b, 10, 30, 8443, "one.example.com");
	put_srv(&b, 10, 70, 9443, "two.example.com");
	OK(srv_pick(buf_view(&b), 0, base, sizeof base, &err) == RC_OK, "C04 an SRV answer is read");
	for (uint32_t draw = 0; draw < 1020; draw++) {
		if (srv_pick(buf_view(&b), draw, base, sizeof base, &err) != RC_OK || strstr(base, "late") != NULL)
			low = -100000;
		low += strcmp(base, "https://one.example.com:8443") == 0;
	}
	OK(low == 310, "C04 lowest priority, then by weight, with its port (%d of 1020)", low);
	bool calm = true;

	for (size_t n = 0; n < b.n; n++)
		calm &= srv_pick(str_make(b.p, n), 0, base, sizeof base, &err) != RC_OK;
	OK(calm, "C04 an answer cut anywhere is refused");
	buf_done(&b);
	put_question(&b, 1);
	put_srv(&b, 0, 0, 443, "");
	OK(srv_pick(buf_view(&b), 0, base, sizeof base, &err) == RC_NOTFOUND, "C04 target '.' says that there is no such service");
	buf_done(&b);
	put_question(&b, 1);
	put_srv(&b, 0, 0, 443, "ev\"il/.com");
	OK(srv_pick(buf_view(&b), 0, base, sizeof base, &err) == RC_NOTFOUND, "C04 a target that is no host name is left out");
	buf_done(&b);
	buf_init(&b, 100);
	buf_put(&b, "\0\7\201\200\0\1\0\1\0\0\0\0\xc0\x0c\0\41\0\1", 18);
	OK(srv_pick(buf_view(&b), 0, base, sizeof base, &err) == RC_BAD, "C04 a name that points at itself is refused");
	buf_done(&b);
}

/* --- C09-C11 --- */

static void answer_pages(struct fake *f, int i UNUSED, const char *request)
{
	if (strstr(request, "next=t2") != NULL)
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-03T00:00:00.000000Z\r\n", "{\"more\":false,\"objects\":[{\"id\":\"a--3\"}]}");
	else if (strstr(request, "next=t1%2F%3D") != NULL)
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-02T00:00:00.000000Z\r\n", "{\"more\":true,\"next\":\"t2\",\"objects\":[{\"id\":\"a--2\"}]}");
	else
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-01T00:00:00.000000Z\r\n", "{\"more\":true,\"next\":\"t1/=\",\"objects\":[{\"id\":\"a--1\"}]}");
}

static void test_next(void)
{
	struct taxii_pull p = { .match_type = "indicator,malware", .match_version = "all", .added_after = "2019-01-01T00:00:00Z", .limit = 7 };
	struct taxii_cursor cursor = { .after = "" };
	struct taxii_pulled got;
	struct seen s = { .n = 0 };
	struct err err = { 0 };
	struct fake f = { 0 };
	struct taxii_client *t;
	bool same = true;

	fake_start(&f, answer_pages);
	t = client_to(f.port, NULL);
	OK(pull(&f, t, &p, &s, &cursor, &got, &err) == RC_OK && s.n == 3 && strcmp(s.ids[2], "a--3") == 0 && got.complete, "C09 follows next until more is false");
	for (int i = 0; i < 3; i++)
		same &= has(&f, i, "match%5Btype%5D=indicator%2Cmalware&match%5Bversion%5D=all&added_after=2019-01-01T00%3A00%3A00Z&limit=7");
	OK(same && atomic_load(&f.n) == 3, "C09 with identical filters on each request");
	EQ_STR(str_of(cursor.after), S("2020-01-03T00:00:00.000000Z"), "C09 the cursor stands behind the last page");
	taxii_client_free(t);
	fake_stop(&f);
}

static void answer_by_date(struct fake *f, int i UNUSED, const char *request)
{
	if (strstr(request, "added_after=2020-01-02") != NULL)
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-03T00:00:00.000000Z\r\n", "{\"more\":false,\"objects\":[{\"id\":\"a--3\"}]}");
	else if (strstr(request, "added_after=2020-01-01") != NULL)
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-02T00:00:00.000000Z\r\n", "{\"more\":true,\"objects\":[{\"id\":\"a--2\"}]}");
	else
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-01T00:00:00.000000Z\r\n", "{\"more\":true,\"objects\":[{\"id\":\"a--1\"}]}");
}

static void answer_same_date(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-01T00:00:00.000000Z\r\n", "{\"more\":true,\"objects\":[{\"id\":\"a--1\"}]}");
}

static void answer_same_next(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "", "{\"more\":true,\"next\":\"again\",\"objects\":[{\"id\":\"a--1\"}]}");
}

static void answer_empty(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "", "{\"more\":true}");
}

static void answer_empty_next(struct fake *f, int i, const char *request UNUSED)
{
	char body[100];

	snprintf(body, sizeof body, "{\"more\":true,\"next\":\"n%d\",\"objects\":[]}", i);
	fake_reply(f, 200, "", body);
}

static void test_loops(void)
{
	static const struct {
		const char *name;
		void (*answer)(struct fake *f, int i, const char *request);
		enum rc rc;
		int objects, requests;
	} rows[] = {
		{ "C10 more without next: goes on by added_after", answer_by_date, RC_OK, 3, 3 },
		{ "C11 more with an empty page ends", answer_empty, RC_OK, 0, 1 },
		{ "C11 empty pages with ever new tokens end", answer_empty_next, RC_OK, 0, TAXII_EMPTY_PAGES_MAX },
		{ "C11 the same token again is a fault, not a loop", answer_same_next, RC_PEER, 2, 2 },
		{ "C11 a date that does not rise is a fault, not a loop", answer_same_date, RC_PEER, 2, 2 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct taxii_pull p = { .limit = 0 };
		struct taxii_cursor cursor = { .after = "" };
		struct taxii_pulled got;
		struct seen s = { .n = 0 };
		struct err err = { 0 };
		struct fake f = { 0 };
		struct taxii_client *t;
		enum rc rc;

		fake_start(&f, rows[i].answer);
		t = client_to(f.port, NULL);
		rc = pull(&f, t, &p, &s, &cursor, &got, &err);
		OK(rc == rows[i].rc && s.n == rows[i].objects && atomic_load(&f.n) == rows[i].requests, "%s (%s, %d objects, %d requests)", rows[i].name,
		   rc_name(rc), s.n, atomic_load(&f.n));
		taxii_client_free(t);
		fake_stop(&f);
	}
}

/* --- C12, C13 --- */

static void answer_pending(struct fake *f, int i, const char *request)
{
	if (strncmp(request, "POST", 4) == 0 || i < 4)
		fake_reply(f, strncmp(request, "POST", 4) == 0 ? 202 : 200, "", "{\"id\":\"st/1\",\"status\":\"pending\",\"total_count\":1,\"success_count\":0,\"failure_count\":0,\"pending_count\":1}");
	else
		fake_reply(f, 200, "", "{\"id\":\"st/1\",\"status\":\"complete\",\"total_count\":1,\"success_count\":0,\"failure_count\":1,\"pending_count\":0,"
			   "\"failures\":[{\"id\":\"a--1\",\"version\":\"v\",\"message\":\"no good\"}]}");
}

static void note_failure(void *ctx, struct str id, struct str version, struct str message)
{
	snprintf(ctx, 200, "%.*s %.*s %.*s", STR(id), STR(version), STR(message));
}

static void test_pending(void)
{
	struct str object = S("{\"id\":\"a--1\"}");
	struct taxii_pushed done;
	struct fake f = { 0 };
	struct err err = { 0 };
	struct taxii_client *t;
	char url[100], failure[200] = "";

	fake_start(&f, answer_pending);
	t = client_to(f.port, NULL);

	struct taxii_push push = { .root_url = root_at(f.port, url, sizeof url), .collection = S("c1"), .max_content_length = 1000,
				   .on_failure = note_failure, .ctx = failure };

	OK(taxii_push_run(t, &push, &object, 1, &done, &err) == RC_OK && done.failure == 1 && done.pending == 0, "C12 a pending status is polled until complete");
	OK(has(&f, 1, "GET /api/status/st%2F1/ "), "C12 at its own URL");
	OK(pauses.n == 4 && pauses.span[1] == 2 * pauses.span[0] && pauses.span[3] == 8 * pauses.span[0], "C12 with growing pauses");
	OK(atomic_load(&f.n) == 5, "C12 and never again afterwards");
	EQ_STR(str_of(failure), S("a--1 v no good"), "C12 failures are told");
	taxii_client_free(t);
	fake_stop(&f);
}

/* Takes three objects at most, whatever it says. */
static void answer_small(struct fake *f, int i UNUSED, const char *request)
{
	char body[200];
	int n = 0;

	for (const char *p = request; (p = strstr(p, "\"id\":")) != NULL; p++)
		n++;
	if (strncmp(request, "POST", 4) != 0) {
		fake_reply(f, 200, "", "{\"title\":\"r\",\"versions\":[\"application/taxii+json;version=2.1\"],\"max_content_length\":150}");
		return;
	}
	if (n > 3 || strstr(request, "giant") != NULL) {
		fake_reply(f, 413, "", "{\"title\":\"too much\"}");
		return;
	}
	snprintf(body, sizeof body, "{\"id\":\"s\",\"status\":\"complete\",\"total_count\":%d,\"success_count\":%d,\"failure_count\":0,\"pending_count\":0}", n, n);
	fake_reply(f, 202, "", body);
}

static void test_split(void)
{
	struct str objects[20];
	char text[20][40], url[100], failure[200] = "";
	struct taxii_pushed done;
	struct fake f = { 0 };
	struct err err = { 0 };
	struct taxii_client *t;
	bool small = true;

	for (int i = 0; i < 20; i++) {
		snprintf(text[i], sizeof text[i], "{\"id\":\"a--%05d\"%s}", i, i == 9 ? ",\"giant\":1" : "");
		objects[i] = str_of(text[i]);
	}
	fake_start(&f, answer_small);
	t = client_to(f.port, NULL);

	struct taxii_push push = { .root_url = root_at(f.port, url, sizeof url), .collection = S("c1"), .on_failure = note_failure, .ctx = failure };

	OK(taxii_push_run(t, &push, objects, 20, &done, &err) == RC_OK && done.success == 19 && done.failure == 1, "C13 split and halved until it fits (%d, %d)",
	   (int)done.success, (int)done.failure);
	for (int i = 0; i < atomic_load(&f.n); i++) {
		const char *body = strstr(f.log[i], "\r\n\r\n");

		small &= body == NULL || strlen(body + 4) <= 150;
	}
	OK(small && has(&f, 0, "GET /api/ "), "C13 no envelope is above max_content_length, which was asked for");
	EQ_STR(str_of(failure), S("a--00009  larger than the server takes"), "C13 what is too large by itself fails by itself");
	taxii_client_free(t);
	fake_stop(&f);
}

/* --- C14 --- */

static void answer_no_headers(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "Date: Wed, 01 Jan 2020 00:00:10 GMT\r\n", "{\"more\":false,\"objects\":[{\"id\":\"a--1\"}]}");
}

/* After a restart the server knows no old token. */
static void answer_forgetful(struct fake *f, int i, const char *request)
{
	if (strstr(request, "next=") != NULL)
		fake_reply(f, i == 1 ? 500 : 400, "", "{\"title\":\"what token?\"}");
	else if (strstr(request, "added_after=2020-01-01") != NULL)
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-02T00:00:00.000000Z\r\n", "{\"more\":false,\"objects\":[{\"id\":\"a--2\"}]}");
	else
		fake_reply(f, 200, "X-TAXII-Date-Added-Last: 2020-01-01T00:00:00.000000Z\r\n", "{\"more\":true,\"next\":\"mine\",\"objects\":[{\"id\":\"a--1\"}]}");
}

static enum rc pull_stored(struct fake *f, const char *types, struct seen *s)
{
	struct taxii_client_config conf = { .retries = -1 };
	struct taxii_client *t = client_to(f->port, &conf);
	struct taxii_pulled got;
	struct err err = { 0 };
	char url[100];
	struct taxii_pull p = { .root_url = root_at(f->port, url, sizeof url), .collection = S("c1"), .match_type = types };
	enum rc rc = taxii_pull_stored(t, &p, w.store, see, s, &got, &err);

	taxii_client_free(t);
	return rc;
}

static void test_cursor(void)
{
	struct fake f = { 0 }, g = { 0 }, h = { 0 };
	struct seen s = { .n = 0 };
	struct taxii_cursor cursor = { .after = "" };
	struct taxii_pull p = { .limit = 0 };
	struct taxii_pulled got;
	struct err err = { 0 };
	struct taxii_client *t;

	fake_start(&f, answer_by_date);
	s.refuse_at = 2;
	OK(pull_stored(&f, NULL, &s) == RC_FULL && s.n == 1, "C14 stopped at the second page");
	s.refuse_at = 0;
	OK(pull_stored(&f, NULL, &s) == RC_OK && s.n == 3 && strcmp(s.ids[1], "a--2") == 0 && strcmp(s.ids[2], "a--3") == 0,
	   "C14 a new run goes on there: nothing lost, nothing repeated");
	OK(pull_stored(&f, "malware", &s) == RC_OK && s.n == 6, "C14 another filter has its own cursor");
	fake_stop(&f);

	fake_start(&g, answer_forgetful);
	memset(&s, 0, sizeof s);
	OK(pull_stored(&g, NULL, &s) == RC_PEER && s.n == 1, "C14 cut in the middle");
	OK(pull_stored(&g, NULL, &s) == RC_OK && s.n == 2 && strcmp(s.ids[1], "a--2") == 0, "C14 a token the server forgot gives way to the date");
	fake_stop(&g);

	fake_start(&h, answer_no_headers);
	t = client_to(h.port, NULL);
	memset(&s, 0, sizeof s);
	OK(pull(&h, t, &p, &s, &cursor, &got, &err) == RC_OK, "C14 a server without X-TAXII headers");
	EQ_STR(str_of(cursor.after), S("2020-01-01T00:00:05.000000Z"), "C14 goes by the server's clock, not ours");
	taxii_client_free(t);
	fake_stop(&h);
}

/* --- servers that misbehave --- */

static void answer_patience(struct fake *f, int i, const char *request)
{
	if (i == 0)
		fake_reply(f, 429, "Retry-After: 7\r\n", "");
	else if (i == 1)
		fake_reply(f, 503, "Retry-After: 86400\r\n", "");
	else if (i == 2)
		fake_reply(f, 502, "", "");
	else
		answer_info(f, i, request);
}

static void answer_garbage(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "", "{\"objects\":[{\"id\":\"a--1\"},");
}

static void answer_no_http(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_put(f, "\x16\x03\x01 what?\r\n\r\n", 12);
}

static void answer_cut(struct fake *f, int i, const char *request)
{
	if (i == 0)
		fake_put(f, "HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nContent-Length: 500\r\n\r\n{\"objects\":[", 103);
	else
		answer_info(f, i, request);
}

static void answer_html(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<h1>";

	fake_put(f, page, sizeof page - 1);
}

static void answer_stall(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_put(f, "HTTP/1.1 200 OK\r\n", 17);
	for (int k = 0; k < 30 && !atomic_load(&f->stop); k++)
		poll(NULL, 0, 50);
}

static void answer_huge(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nConnection: close\r\n\r\n{\"objects\":[";

	fake_put(f, head, sizeof head - 1);
	for (int k = 0; k < 200; k++)
		fake_put(f, "                                                                                                    ", 100);
}

static void answer_wrong_kinds(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 200, "", "{\"objects\":{\"id\":1},\"more\":\"yes\",\"next\":[1]}");
}

static void answer_control(struct fake *f, int i UNUSED, const char *request UNUSED)
{
	fake_reply(f, 403, "", "{\"title\":\"no\\u001b[31m\",\"description\":\"go\\u0000 away\"}");
}

static void test_misbehaving(void)
{
	static const struct {
		const char *name;
		void (*answer)(struct fake *f, int i, const char *request);
		enum rc rc;
		int requests;
	} rows[] = {
		{ "429, 503 and 502 are waited out", answer_patience, RC_OK, 4 }, { "cut in the middle of a page: asked again", answer_cut, RC_OK, 2 },
		{ "JSON that breaks off", answer_garbage, RC_PEER, 1 }, { "HTML", answer_html, RC_PEER, 1 },
		{ "no HTTP at all", answer_no_http, RC_PEER, 6 }, { "stalled", answer_stall, RC_PEER, -1 }, { "more than we agreed to read", answer_huge, RC_LIMIT, 1 },
		{ "properties of the wrong kind", answer_wrong_kinds, RC_PEER, 1 }, { "refused", answer_control, RC_DENIED, 1 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct taxii_client_config conf = { .http.max_response = 5000, .http.total_timeout = 300000, .retries = rows[i].requests == -1 ? -1 : 0 };
		struct taxii_cursor cursor = { .after = "2019-01-01T00:00:00Z" };
		struct taxii_pull p = { .limit = 0 };
		struct taxii_pulled got;
		struct seen s = { .n = 0 };
		struct err err = { 0 };
		struct fake f = { 0 };
		struct taxii_client *t;
		enum rc rc;

		fake_start(&f, rows[i].answer);
		t = client_to(f.port, &conf);
		rc = pull(&f, t, &p, &s, &cursor, &got, &err);
		OK(rc == rows[i].rc && (rows[i].requests < 0 || atomic_load(&f.n) == rows[i].requests), "%s: %s after %d requests (%s)", rows[i].name, rc_name(rc),
		   atomic_load(&f.n), err.text);
		if (rows[i].rc != RC_OK)
			OK(s.n == 0 && strcmp(cursor.after, "2019-01-01T00:00:00Z") == 0 && cursor.next[0] == '\0', "%s: the cursor stays", rows[i].name);
		if (i == 0)
			OK(pauses.n == 3 && pauses.span[0] == 7 * USEC_PER_SEC && pauses.span[1] == 60 * USEC_PER_SEC, "Retry-After is honoured, up to a minute");
		if (rows[i].answer == answer_control)
			OK(strchr(err.text, 27) == NULL && strstr(err.text, "HTTP 403") != NULL, "a server's words come without control characters");
		taxii_client_free(t);
		fake_stop(&f);
	}
}

int main(void)
{
	world_open();
	test_tls();
	test_information();
	test_resolve();
	test_srv();
	test_next();
	test_loops();
	test_pending();
	test_split();
	test_cursor();
	test_misbehaving();
	world_close();
	return tap_done();
}
