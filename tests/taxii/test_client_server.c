/* Our client at our server over real sockets: push, pull, cursors, TLS, refused rights. */
#include "gate/gate.h"
#include "store/accounts.h"
#include "sys/keys.h"
#include "taxii/client.h"
#include "web/auth.h"
#include "world.h"

static struct auth *auth;

static void handle(void *ctx UNUSED, struct http_req *r, struct http_res *res)
{
	struct viewer v;

	if (auth_viewer(auth, r, &v, res))
		taxii_handle(w.server, &v, r, res);
}

static bool admit(void *ctx UNUSED, struct http_req *r, size_t *ret_max_body, struct http_res *res)
{
	return taxii_admit(w.server, NULL, r, ret_max_body, res);
}

struct counted {
	uint64_t objects, pages, stop_after;
	char seen[3000];
	bool repeated;
};

static enum rc count(void *ctx, const struct taxii_page *p, struct err *err)
{
	struct counted *c = ctx;

	if (c->stop_after > 0 && c->pages == c->stop_after)
		return FAIL(err, RC_BUSY, "cut");
	c->pages++;
	for (size_t i = 0; i < p->n; i++) {
		struct str id = json_get_str(p->trees[i], S("id"));
		uint64_t k = 0;

		str_to_u64(str_slice(id, id.n - 12, id.n), &k);
		if (k < sizeof c->seen)
			c->repeated |= c->seen[k]++ > 0;
		c->objects++;
	}
	return RC_OK;
}

static void test_push_and_pull(struct taxii_client *t, const char *at)
{
	static char text[1500][600];
	struct str objects[1500];
	struct taxii_pushed pushed;
	struct taxii_pulled got;
	struct counted c = { .objects = 0 };
	struct err err = { 0 };
	struct taxii_push push = { .root_url = str_of(at), .collection = S(MAIN_ID) };
	struct taxii_pull pull = { .root_url = str_of(at), .collection = S("main"), .match_type = "indicator", .limit = 10 };

	for (int i = 0; i < 1500; i++)
		objects[i] = str_of(indicator(text[i], sizeof text[i], i, "2020-01-01T00:00:00.000Z", "n"));
	enum rc rc = taxii_push_run(t, &push, objects, 1500, &pushed, &err);

	OK(rc == RC_OK && pushed.success == 1500 && pushed.failure == 0 && pushed.requests > 2,
	   "1,500 objects in as many envelopes as max_content_length asks for (%d requests) %s", (int)pushed.requests, err.text);
	c.stop_after = 37;
	OK(taxii_pull_stored(t, &pull, w.store, count, &c, &got, &err) == RC_BUSY && c.objects == 370, "cut after 37 pages");
	c.stop_after = 0;
	rc = taxii_pull_stored(t, &pull, w.store, count, &c, &got, &err);
	OK(rc == RC_OK && c.objects == 1500 && !c.repeated && got.complete,
	   "the next run brings the rest, nothing twice (%d)", (int)c.objects);
	rc = taxii_pull_stored(t, &pull, w.store, count, &c, &got, &err);
	OK(rc == RC_OK && c.objects == 1500 && got.requests == 1 && got.bytes < 100,
	   "when nothing is new: one request, %d bytes", (int)got.bytes);
	objects[0] = str_of(indicator(text[0], sizeof text[0], 2000, "2020-01-01T00:00:00.000Z", "n"));
	OK(taxii_push_run(t, &push, objects, 1, &pushed, &err) == RC_OK && taxii_pull_stored(t, &pull, w.store, count, &c, &got, &err) == RC_OK
	   && c.objects == 1501 && got.objects == 1, "one new object comes alone");
}

static void test_rights(struct taxii_client *t, const char *at)
{
	struct taxii_pull pull = { .root_url = str_of(at), .collection = S(WRITE_ID) };
	struct taxii_push push = { .root_url = str_of(at), .collection = S(READ_ID), .max_content_length = 1000 };
	struct taxii_cursor cursor = { .after = "" };
	struct taxii_pushed pushed;
	struct taxii_pulled got;
	struct counted c = { .objects = 0 };
	struct str object = S("{}");
	struct err err = { 0 };

	OK(taxii_pull_run(t, &pull, &cursor, count, &c, &got, &err) == RC_DENIED && strstr(err.text, "may not read") != NULL, "no right to read: %s", err.text);
	OK(taxii_push_run(t, &push, &object, 1, &pushed, &err) == RC_DENIED, "no right to write");
	pull.collection = S(HIDDEN_ID);
	OK(taxii_pull_run(t, &pull, &cursor, count, &c, &got, &err) == RC_NOTFOUND, "hidden");
}

static void test_information(struct taxii_client *t)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	struct taxii_discovery d;
	struct taxii_collection *list;
	struct err err = { 0 };
	size_t n;

	OK(taxii_discover(t, a, &d, &err) == RC_OK && d.n_roots >= 3 && str_ends(d.standard, S("/api/")), "discovery %s", err.text);
	OK(taxii_collections(t, d.standard, a, &list, &n, &err) == RC_OK && n == 4 && list[0].can_read && list[0].can_write, "collections");
}

int main(void)
{
	static const char *const addresses[] = { "127.0.0.1", NULL };
	struct keys_cert_request q = { .common_name = "127.0.0.1", .addresses = addresses, .valid_from = time_now() - USEC_PER_SEC,
				       .valid_until = time_now() + 3600 * USEC_PER_SEC };
	struct http_config hc = { .listen = "127.0.0.1:0", .threads = 1, .max_connections = 16, .handler = handle, .admit = admit };
	struct user u = { .name = S("alice"), .role = S("analyst"), .org = S("a"), .cert_sha256 = S(""), .tlp_max = TLP_RED };
	struct taxii_client_config cc = { .http.user = "alice", .http.password = "secret", .retries = -1 };
	struct http_server *server;
	struct taxii_client *t;
	struct buf cert, key;
	struct err err = { 0 };
	char hash[PASSWORD_HASH_MAX], url[100], root_url[100], pin[65];

	world_open();
	buf_init(&cert, 8192);
	buf_init(&key, 8192);
	must(keys_make_cert(&q, NULL, NULL, &cert, &key, &err), &err, "certificate");
	must(keys_fingerprint(buf_view(&cert), pin, &err), &err, "fingerprint");
	must(password_hash(S("secret"), hash, &err), &err, "password");
	u.pass_hash = str_of(hash);
	must(user_put(w.store, &u, &err), &err, "user");
	must(auth_new(&(struct auth_config){ .store = w.store }, &auth, &err), &err, "auth");
	hc.tls_cert_pem = cert.p;
	hc.tls_key_pem = key.p;
	must(http_server_start(&hc, &server, &err), &err, "http");
	snprintf(url, sizeof url, "https://127.0.0.1:%d/taxii2/", http_server_port(server));
	snprintf(root_url, sizeof root_url, "https://127.0.0.1:%d/api/", http_server_port(server));
	cc.url = url;
	cc.http.pin_sha256 = pin;
	must(taxii_client_new(&cc, &t, &err), &err, "client");
	test_information(t);
	test_push_and_pull(t, root_url);
	test_rights(t, root_url);
	taxii_client_free(t);
	http_server_stop(server, USEC_PER_SEC);
	auth_free(auth);
	buf_done(&cert);
	buf_done(&key);
	world_close();
	return tap_done();
}
