/* Nodes in one process: each with a real store, a real HTTPS server with TAXII, streams
 * and certificates, and its own workers; and a relay that counts, cuts and stalls what
 * goes through it. */
#ifndef TESTS_FED_MESH_H
#define TESTS_FED_MESH_H

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "fed/fed.h"
#include "gate/admit.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/objects.h"
#include "store/peers.h"
#include "sys/certs.h"
#include "sys/net.h"
#include "taxii/server.h"
#include "tap.h"
#include "web/auth.h"

#define MESH_POLL 2000 /* microseconds between looks while waiting */

struct node {
	const char *name;
	char dir[64], listen[32];
	struct store *store;
	struct auth *auth;
	struct taxii_server *taxii;
	struct fed_server *fs;
	struct http_server *http;
	struct fed *_Atomic fed;
	struct pem_pair pair;
	int port;
	uint32_t row;            /* of intel/x */
	bool plain_taxii;        /* serves no streams: what another maker's server looks like */
	http_handler instead;    /* a handler of the test's own */
	_Atomic uint64_t requests, http_bytes, streams;
	pthread_mutex_t lock;
	char log[4000];          /* what its workers said, under lock */
};

__attribute__((unused)) static struct pem_pair mesh_ca;

static void must(enum rc rc, const struct err *err, const char *what)
{
	if (rc == RC_OK)
		return;
	printf("Bail out! %s: %s: %s\n", what, rc_name(rc), err->text);
	exit(1);
}

/* --- HTTP --- */

/* What the request and its reply take as HTTP, without TLS. */
static uint64_t http_size(const struct http_req *r, const struct http_res *res)
{
	uint64_t n = r->method.n + r->path.n + r->query.n + 14 + r->body.n;

	for (size_t i = 0; i < r->n_headers; i++)
		n += r->headers[i].name.n + r->headers[i].value.n + 4;
	n += 160 + res->body.n; /* status line, Date, Content-Type, Content-Length, ... */
	for (size_t i = 0; i < res->n_pieces; i++)
		n += res->pieces[i].n;
	return n;
}

static void node_route(struct node *n, struct http_req *r, struct http_res *res)
{
	struct viewer v;

	if (!auth_viewer(n->auth, r, &v, res))
		return;
	if (str_starts(r->path, S("/fed/v1/")) && !n->plain_taxii)
		fed_server_handle(n->fs, &v, r, res);
	else
		taxii_handle(n->taxii, &v, r, res);
}

static void node_handle(void *ctx, struct http_req *r, struct http_res *res)
{
	struct node *n = ctx;

	atomic_fetch_add(&n->requests, 1);
	if (n->instead != NULL)
		n->instead(ctx, r, res);
	else
		node_route(n, r, res);
	if (str_ends(r->path, S("/stream")))
		atomic_fetch_add(&n->streams, 1);
	atomic_fetch_add(&n->http_bytes, http_size(r, res));
}

static bool node_admit(void *ctx, struct http_req *r, size_t *ret_max, struct http_res *res)
{
	(void)ctx, (void)r, (void)res;
	*ret_max = (size_t)32 << 20;
	return true;
}

static void node_serve(struct node *n)
{
	struct http_config c = { .listen = n->listen, .threads = 2, .workers = 4, .max_connections = 200, .idle_seconds = 60,
				 .tls_cert_pem = n->pair.cert.p, .tls_key_pem = n->pair.key.p, .tls_ask_client = true,
				 .max_bodies_bytes = (size_t)256 << 20, .handler = node_handle, .admit = node_admit, .ctx = n };
	struct err err = { 0 };
	enum rc rc = RC_BUSY;

	/* The port of a server that was killed a moment ago may still be held. */
	for (int i = 0; i < 100 && rc != RC_OK; i++) {
		rc = http_server_start(&c, &n->http, &err);
		if (rc != RC_OK)
			usleep(20000);
	}
	must(rc, &err, n->name);
	n->port = http_server_port(n->http);
	snprintf(n->listen, sizeof n->listen, "127.0.0.1:%d", n->port);
}

__attribute__((unused)) static void node_unserve(struct node *n)
{
	http_server_stop(n->http, 0);
	n->http = NULL;
}

/* --- life --- */

static int mesh_remove(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static void node_heard(void *ctx, const struct object_event *e, size_t n)
{
	struct node *node = ctx;
	struct fed *fed = atomic_load(&node->fed);

	for (size_t i = 0; i < n; i++)
		if (i == 0 || e[i].collection != e[i - 1].collection) {
			fed_server_wake(node->fs, e[i].collection);
			if (fed != NULL)
				fed_wake(fed, e[i].collection);
		}
}

static void node_collection(struct node *n, uint8_t tlp_max)
{
	struct api_root root = { .name = S("intel"), .title = S("t"), .description = S(""), .max_content_length = 16 << 20,
				 .page_size = 1000, .is_default = true };
	struct collection k = { .root = S("intel"), .id = S("11111111-1111-4111-8111-111111111111"), .alias = S("x"), .title = S("x"),
				.description = S(""), .media_types = S(""), .tlp_max = tlp_max };
	struct right right = { S("role:peer"), true, true };
	struct err err = { 0 };

	must(root_put(n->store, &root, &err), &err, "root");
	must(collection_put(n->store, &k, &err), &err, "collection");
	must(right_put(n->store, k.row, &right, &err), &err, "right");
	n->row = k.row;
}

__attribute__((unused)) static void node_up(struct node *n, const char *name)
{
	struct store_config sc = { .dir = n->dir, .create = true };
	struct auth_config ac = { .anonymous_tlp = TLP_CLEAR };
	struct taxii_config tc = { .title = name, .default_tlp = TLP_AMBER };
	struct err err = { 0 };

	if (mesh_ca.cert.p == NULL)
		pair_make(&mesh_ca, "federation", NULL, NULL, -3600, 86400, true, NULL);
	n->name = name;
	pthread_mutex_init(&n->lock, NULL);
	snprintf(n->dir, sizeof n->dir, "/tmp/lianfang-fed-XXXXXX");
	snprintf(n->listen, sizeof n->listen, "127.0.0.1:0");
	if (mkdtemp(n->dir) == NULL)
		exit(1);
	if (n->pair.cert.p == NULL)
		pair_make(&n->pair, name, "localhost", "127.0.0.1", -3600, 86400, false, &mesh_ca);
	must(store_open(&sc, &n->store, &err), &err, "store");
	node_collection(n, TLP_RED);
	ac.store = tc.store = n->store;
	must(auth_new(&ac, &n->auth, &err), &err, "auth");
	tc.www_authenticate = auth_challenge(n->auth);
	must(taxii_server_new(&tc, &n->taxii, &err), &err, "taxii");
	must(fed_server_new(n->store, &n->fs, &err), &err, "streams");
	must(store_listen(n->store, node_heard, n, &err), &err, "listen");
	node_serve(n);
}

static void node_log(void *ctx, const char *peer, bool bad, const char *text)
{
	struct node *n = ctx;
	size_t have;

	pthread_mutex_lock(&n->lock);
	have = strlen(n->log);
	snprintf(n->log + have, sizeof n->log - have, "%s%s: %s\n", bad ? "! " : "", peer, text);
	pthread_mutex_unlock(&n->lock);
}

__attribute__((unused)) static void node_start(struct node *n)
{
	struct fed_config c = { .store = n->store, .cert_pem = n->pair.cert.p, .key_pem = n->pair.key.p, .default_tlp = TLP_AMBER,
				.log = node_log, .ctx = n };
	struct fed *fed = NULL;
	struct err err = { 0 };

	must(fed_start(&c, &fed, &err), &err, "fed");
	atomic_store(&n->fed, fed);
}

/* How long it took, in seconds. */
__attribute__((unused)) static double node_stop(struct node *n)
{
	struct fed *fed = atomic_exchange(&n->fed, NULL);
	usec begun = time_mono();

	usleep(1000); /* a commit that took the pointer has rung by now */
	fed_stop(fed);
	return (double)(time_mono() - begun) / 1e6;
}

__attribute__((unused)) static void node_down(struct node *n)
{
	if (atomic_load(&n->fed) != NULL)
		node_stop(n);
	if (n->http != NULL)
		http_server_stop(n->http, 0);
	/* Commits ring until the store is closed; the streams go last but for it. */
	fed_server_free(n->fs);
	taxii_server_free(n->taxii);
	auth_free(n->auth);
	store_close(n->store);
	pair_done(&n->pair);
	pthread_mutex_destroy(&n->lock);
	nftw(n->dir, mesh_remove, 16, FTW_DEPTH | FTW_PHYS);
	*n = (struct node){ 0 };
}

/* --- peers --- */

__attribute__((unused)) static void node_knows_at(struct node *n, const struct node *other, uint8_t tlp, int port, bool disabled)
{
	char url[64];
	struct peer p = { .name = str_of(other->name), .relation = S("partner"), .cert_sha256 = str_of(other->pair.sha256),
			  .user = S(""), .tlp_max = tlp, .last_error = S(""), .disabled = disabled };
	struct err err = { 0 };

	snprintf(url, sizeof url, "https://127.0.0.1:%d", port);
	p.url = str_of(url);
	must(peer_put(n->store, &p, &err), &err, "peer");
}

__attribute__((unused)) static void node_knows(struct node *n, const struct node *other, uint8_t tlp)
{
	node_knows_at(n, other, tlp, other->port, false);
}

__attribute__((unused)) static void node_link(struct node *n, const struct node *other, enum link_direction direction, uint8_t tlp)
{
	struct link l = { .peer = str_of(other->name), .direction = (uint8_t)direction, .collection = n->row, .their_root = S("intel"),
			  .their_collection = S("x"), .tlp_max = tlp };
	struct err err = { 0 };

	must(link_put(n->store, &l, &err), &err, "link");
}

/* --- objects --- */

/* Indicator number `i`; version: seconds behind its creation. */
static void put_indicator(struct buf *b, unsigned i, unsigned version, int tlp, bool revoked)
{
	buf_fmt(b, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--%08x-0000-4000-8000-%012x\","
		   "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:%02u.000Z\",\"name\":\"n%u\","
		   "\"pattern\":\"[domain-name:value = 'host-%u.example']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\"",
		i, i, version, i, i);
	if (tlp >= 0)
		buf_fmt(b, ",\"object_marking_refs\":[\"%.*s\"]", STR(stix_tlp_id((enum tlp)tlp)));
	buf_fmt(b, "%s}", revoked ? ",\"revoked\":true" : "");
}

static size_t node_admit_raw(struct node *n, const struct str *raw, size_t count)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)256 << 20);
	struct admit_opts o = { .collection = n->row, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
	struct admitted *done;
	struct err err = { 0 };
	size_t good = 0;

	must(store_source_id(n->store, S("test"), &o.source, &err), &err, "source");
	must(admit_objects(n->store, a, &o, raw, count, &done, &err), &err, "admit");
	for (size_t i = 0; i < count; i++) {
		good += done[i].result != ADMIT_FAILED;
		if (done[i].result == ADMIT_FAILED)
			printf("# %.*s\n", STR(done[i].message));
	}
	return good;
}

__attribute__((unused)) static void node_add(struct node *n, unsigned i, unsigned version, int tlp, bool revoked)
{
	struct buf b;
	struct str raw;

	buf_init(&b, 4096);
	put_indicator(&b, i, version, tlp, revoked);
	raw = buf_view(&b);
	if (node_admit_raw(n, &raw, 1) != 1)
		OK(false, "indicator %u is taken", i);
	buf_done(&b);
}

/* Indicators from..to-1, TLP:CLEAR. */
__attribute__((unused)) static void node_fill(struct node *n, unsigned from, unsigned to)
{
	static struct str raw[1000];
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	while (from < to) {
		size_t begin[1001], count = 0;

		buf_clear(&b);
		for (; count < 1000 && from < to; from++) {
			begin[count++] = b.n;
			put_indicator(&b, from, 0, TLP_CLEAR, false);
		}
		begin[count] = b.n;
		for (size_t i = 0; i < count; i++)
			raw[i] = str_slice(buf_view(&b), begin[i], begin[i + 1]);
		if (node_admit_raw(n, raw, count) != count)
			OK(false, "filling");
	}
	buf_done(&b);
}

__attribute__((unused)) static uint64_t node_count(struct node *n)
{
	static const uint8_t specs[] = { 20, 21 };
	struct page_query q = { .collection = n->row, .added_after = INT64_MIN, .want_all = true, .tlp_mask = UINT32_MAX, .limit = 1,
				.specs = specs, .n_specs = 2 };
	struct err err = { 0 };
	uint64_t count = 0;

	must(store_count(n->store, &q, &count, &err), &err, "count");
	return count;
}

/* Newest version of indicator `i` in the collection: -1 absent, else its flags. */
__attribute__((unused)) static int node_has(struct node *n, unsigned i)
{
	char id[64];
	struct str ids[1];
	struct page_query q = { .collection = n->row, .added_after = INT64_MIN, .ids = ids, .n_ids = 1, .tlp_mask = UINT32_MAX, .limit = 1 };
	struct page page;
	struct err err = { 0 };
	int flags;

	snprintf(id, sizeof id, "indicator--%08x-0000-4000-8000-%012x", i, i);
	ids[0] = str_of(id);
	must(store_page(n->store, &q, &page, &err), &err, "page");
	flags = page.n == 0 ? -1 : page.entries[0].flags;
	page_done(&page);
	return flags;
}

/* --- waiting and asking --- */

__attribute__((unused)) static bool wait_count(struct node *n, uint64_t want, double seconds)
{
	usec until = time_mono() + (usec)(seconds * 1e6);

	while (node_count(n) < want && time_mono() < until)
		usleep(MESH_POLL);
	return node_count(n) == want;
}

__attribute__((unused)) static bool wait_has(struct node *n, unsigned i, double seconds)
{
	usec until = time_mono() + (usec)(seconds * 1e6);

	while (node_has(n, i) < 0 && time_mono() < until)
		usleep(MESH_POLL);
	return node_has(n, i) >= 0;
}

/* Member `name` of link number `i` of fed_status, as text in `out`. */
__attribute__((unused)) static const char *node_status(struct node *n, uint32_t i, const char *name, char out[static 256])
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	const struct json *v, *m = NULL;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	fed_status(atomic_load(&n->fed), &w);
	jsonw_object_end(&w);
	if (json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL) == RC_OK)
		m = json_get(json_item(json_get(v, S("peers")), i), str_of(name));
	snprintf(out, 256, "%.*s", m == NULL ? 0 : (int)m->n, m == NULL ? "" : m->p);
	buf_done(&b);
	return out;
}

__attribute__((unused)) static long long node_figure(struct node *n, uint32_t i, const char *name)
{
	char text[256];

	return strtoll(node_status(n, i, name, text), NULL, 10);
}

__attribute__((unused)) static bool wait_status(struct node *n, uint32_t i, const char *name, const char *want, double seconds)
{
	usec until = time_mono() + (usec)(seconds * 1e6);
	char text[256];

	while (strstr(node_status(n, i, name, text), want) == NULL && time_mono() < until)
		usleep(MESH_POLL);
	if (strstr(text, want) != NULL)
		return true;
	printf("# %s is '%s', not '%s'\n", name, text, want);
	return false;
}

__attribute__((unused)) static bool wait_figure(struct node *n, uint32_t i, const char *name, long long want, double seconds)
{
	usec until = time_mono() + (usec)(seconds * 1e6);
	long long got;

	while ((got = node_figure(n, i, name)) != want && time_mono() < until)
		usleep(MESH_POLL);
	if (got != want)
		printf("# %s is %lld, not %lld\n", name, got, want);
	return got == want;
}

/* Until `n` has answered so many requests for a stream. */
__attribute__((unused)) static bool wait_streams(struct node *n, uint64_t want, double seconds)
{
	usec until = time_mono() + (usec)(seconds * 1e6);

	while (atomic_load(&n->streams) < want && time_mono() < until)
		usleep(MESH_POLL);
	return atomic_load(&n->streams) >= want;
}

__attribute__((unused)) static bool node_said(struct node *n, const char *what)
{
	bool found;

	pthread_mutex_lock(&n->lock);
	found = strstr(n->log, what) != NULL;
	pthread_mutex_unlock(&n->lock);
	return found;
}

/* --- relay --- */

#define RELAY_PAIRS 32

struct relay {
	int listen, port, target;
	pthread_t thread;
	_Atomic bool stop, stall;
	_Atomic int64_t cut_after;     /* bytes from the server on one connection; 0 = never */
	_Atomic uint64_t up, down, connections;
	int client[RELAY_PAIRS], server[RELAY_PAIRS];
	int64_t got[RELAY_PAIRS];
};

static void relay_end(struct relay *r, int i)
{
	close(r->client[i]);
	close(r->server[i]);
	r->client[i] = r->server[i] = -1;
}

static void relay_accept(struct relay *r)
{
	int fd = accept(r->listen, NULL, NULL), slot = 0;

	while (slot < RELAY_PAIRS && r->client[slot] >= 0)
		slot++;
	if (fd < 0 || slot == RELAY_PAIRS) {
		close(fd);
		return;
	}
	atomic_fetch_add(&r->connections, 1);
	r->client[slot] = fd;
	r->server[slot] = net_connect(r->target, 30);
	r->got[slot] = 0;
	if (r->server[slot] < 0)
		relay_end(r, slot);
}

/* False when one side is gone. */
static bool relay_copy(struct relay *r, int i, bool down)
{
	char part[65536];
	ssize_t n = recv(down ? r->server[i] : r->client[i], part, sizeof part, 0);
	int64_t cut = atomic_load(&r->cut_after);

	if (n <= 0)
		return false;
	atomic_fetch_add(down ? &r->down : &r->up, (uint64_t)n);
	if (down && cut > 0 && (r->got[i] += n) > cut)
		return false;
	return net_send(down ? r->client[i] : r->server[i], str_make(part, (size_t)n));
}

static void *relay_run(void *ctx)
{
	struct relay *r = ctx;

	while (!atomic_load(&r->stop)) {
		struct pollfd p[1 + 2 * RELAY_PAIRS] = { { .fd = r->listen, .events = POLLIN } };
		bool stall = atomic_load(&r->stall);

		for (int i = 0; i < RELAY_PAIRS; i++) {
			p[1 + 2 * i] = (struct pollfd){ .fd = stall ? -1 : r->client[i], .events = POLLIN };
			p[2 + 2 * i] = (struct pollfd){ .fd = stall ? -1 : r->server[i], .events = POLLIN };
		}
		if (poll(p, 1 + 2 * RELAY_PAIRS, 20) <= 0)
			continue;
		for (int i = 0; i < RELAY_PAIRS; i++)
			if ((p[1 + 2 * i].revents != 0 && !relay_copy(r, i, false)) || (p[2 + 2 * i].revents != 0 && !relay_copy(r, i, true)))
				relay_end(r, i);
		if (p[0].revents != 0)
			relay_accept(r);
	}
	return NULL;
}

__attribute__((unused)) static void relay_up(struct relay *r, int target)
{
	*r = (struct relay){ .target = target };
	for (int i = 0; i < RELAY_PAIRS; i++)
		r->client[i] = r->server[i] = -1;
	r->listen = net_listen(&r->port);
	pthread_create(&r->thread, NULL, relay_run, r);
}

__attribute__((unused)) static void relay_down(struct relay *r)
{
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
	for (int i = 0; i < RELAY_PAIRS; i++)
		if (r->client[i] >= 0)
			relay_end(r, i);
	close(r->listen);
}

#endif
