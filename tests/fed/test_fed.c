/* The exchange between good nodes: pull, push, stream, digest, cuts, levels, recall, loops, rights. */
#include <signal.h>

#include "fed/mesh.h"

#define GOODLY 20000 /* objects in a transfer that is cut */

static struct node a, b, c;

/* b pulls from a. */
static void pull_pair(uint8_t at_a, uint8_t at_b)
{
	node_up(&a, "a");
	node_up(&b, "b");
	node_knows(&a, &b, at_a);
	node_knows(&b, &a, TLP_RED);
	node_link(&b, &a, LINK_PULL, at_b);
}

static void pair_down(void)
{
	node_down(&b);
	node_down(&a);
}

static void test_pull(void)
{
	char text[256];
	usec begun;

	pull_pair(TLP_RED, TLP_RED);
	node_fill(&a, 0, 3);
	node_start(&b);
	OK(wait_count(&b, 3, 10), "pull: what is there comes");
	OK(wait_status(&b, 0, "state", "streaming", 10), "pull: then the stream is open");
	OK(wait_figure(&b, 0, "delivered", 3, 5), "pull: three delivered");
	EQ_INT(node_figure(&b, 0, "repeated"), 0, "pull: none repeated");
	EQ_INT(node_figure(&b, 0, "failures"), 0, "pull: no failure");
	begun = time_mono();
	node_add(&a, 3, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 4, 10), "pull: what is new comes by the stream");
	printf("# stream latency %.1f ms\n", (double)(time_mono() - begun) / 1e3);
	OK(time_mono() - begun < 2 * USEC_PER_SEC, "pull: within two seconds");
	EQ_INT(atomic_load(&a.streams), 1, "pull: it is still the first stream");
	OK(strlen(node_status(&b, 0, "cursor", text)) > 20, "pull: the cursor stands at %s", text);
	OK(node_stop(&b) < 2, "pull: stops within two seconds amid a stream");
	pair_down();
}

static void test_empty(void)
{
	pull_pair(TLP_RED, TLP_RED);
	node_start(&b);
	OK(wait_status(&b, 0, "state", "streaming", 10), "empty: a stream is open before anything is there");
	node_add(&a, 1, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 1, 5), "empty: the first object comes by the stream");
	pair_down();
	pull_pair(TLP_RED, TLP_RED);
	node_add(&b, 7, 0, TLP_CLEAR, false);
	node_start(&b);
	OK(wait_status(&b, 0, "state", "streaming", 10), "empty there, not here: a stream is open");
	node_add(&a, 1, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 2, 5), "empty there, not here: the first object comes");
	pair_down();
}

static void test_push(void)
{
	usec begun;

	node_up(&a, "a");
	node_up(&b, "b");
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&a, &b, LINK_PUSH, TLP_RED);
	node_fill(&a, 0, 2500);
	node_start(&a);
	OK(wait_count(&b, 2500, 20), "push: what is there goes");
	OK(wait_status(&a, 0, "state", "idle", 5), "push: then it rests");
	OK(wait_figure(&a, 0, "delivered", 2500, 5), "push: all delivered");
	begun = time_mono();
	node_add(&a, 2500, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 2501, 5), "push: what is new goes at once");
	printf("# push latency %.1f ms\n", (double)(time_mono() - begun) / 1e3);
	OK(time_mono() - begun < 2 * USEC_PER_SEC, "push: within two seconds");
	OK(wait_status(&a, 0, "state", "idle", 5), "push: rests again");
	EQ_INT(atomic_load(&b.requests), 5, "push: limits asked once, one request each page");
	OK(node_stop(&a) < 2, "push: stops within two seconds");
	node_start(&a);
	OK(wait_status(&a, 0, "state", "idle", 5), "push: a restart finds nothing to send");
	EQ_INT(node_figure(&a, 0, "delivered"), 0, "push: and sends nothing");
	pair_down();
}

/* One request and few bytes when both hold the same. */
static void test_idle(void)
{
	uint64_t requests, bytes;

	pull_pair(TLP_RED, TLP_RED);
	node_fill(&a, 0, 5000);
	node_start(&b);
	OK(wait_count(&b, 5000, 20) && wait_streams(&a, 1, 10), "idle: both hold the same");
	node_stop(&b);
	requests = atomic_load(&a.requests);
	bytes = atomic_load(&a.http_bytes);
	node_start(&b);
	OK(wait_streams(&a, 2, 10), "idle: begins again");
	usleep(300000);
	EQ_INT(atomic_load(&a.requests) - requests, 1, "idle with a cursor: one request");
	printf("# idle sync with a cursor: %llu bytes of HTTP\n", (unsigned long long)(atomic_load(&a.http_bytes) - bytes));
	OK(atomic_load(&a.http_bytes) - bytes <= 2048, "idle with a cursor: at most 2 kB");
	EQ_INT(node_figure(&b, 0, "repeated"), 0, "idle: nothing came twice");
	node_up(&c, "c");
	node_knows(&a, &c, TLP_RED);
	node_knows(&c, &a, TLP_RED);
	node_link(&c, &a, LINK_PULL, TLP_RED);
	node_fill(&c, 0, 5000);
	requests = atomic_load(&a.requests);
	bytes = atomic_load(&a.http_bytes);
	node_start(&c);
	OK(wait_status(&c, 0, "cursor", "20", 5), "idle without a cursor: the digest gives one");
	usleep(300000);
	EQ_INT(atomic_load(&a.requests) - requests, 1, "idle without a cursor: one request");
	printf("# idle sync by digest: %llu bytes of HTTP\n", (unsigned long long)(atomic_load(&a.http_bytes) - bytes));
	OK(atomic_load(&a.http_bytes) - bytes <= 2048, "idle without a cursor: at most 2 kB");
	EQ_INT(node_figure(&c, 0, "repeated") + node_figure(&c, 0, "delivered"), 0, "idle: nothing was transferred");
	node_fill(&a, 5000, 5001);
	OK(wait_count(&c, 5001, 5), "idle: what is new comes all the same");
	OK(wait_count(&b, 5001, 5), "idle: to both");
	node_down(&c);
	pair_down();
}

static void test_digest_differs(void)
{
	pull_pair(TLP_RED, TLP_RED);
	node_fill(&a, 0, 50);
	node_fill(&b, 1, 51);
	node_start(&b);
	OK(wait_count(&b, 51, 10), "digests differ: what is missing comes");
	OK(wait_figure(&b, 0, "delivered", 1, 5), "digests differ: one was missing");
	OK(wait_figure(&b, 0, "repeated", 49, 5), "digests differ: the others have no effect");
	EQ_INT(node_count(&a), 50, "digests differ: nothing flows back");
	pair_down();
}

static void test_cuts(void)
{
	struct relay r;
	uint64_t connections;
	char text[256];

	pull_pair(TLP_RED, TLP_RED);
	relay_up(&r, a.port);
	node_knows_at(&b, &a, TLP_RED, r.port, false);
	node_fill(&a, 0, GOODLY);
	atomic_store(&r.cut_after, 1 << 20);
	node_start(&b);
	OK(wait_count(&b, GOODLY, 120), "cuts: all %d objects come over a line that breaks", GOODLY);
	connections = atomic_load(&r.connections);
	printf("# %llu connections, %llu bytes, repeated %lld\n", (unsigned long long)connections, (unsigned long long)atomic_load(&r.down),
	       node_figure(&b, 0, "repeated"));
	OK(connections > 5, "cuts: it did break");
	OK(wait_figure(&b, 0, "delivered", GOODLY, 5), "cuts: each had its effect once");
	OK(node_figure(&b, 0, "failures") > 3, "cuts: counted");
	atomic_store(&r.cut_after, 0);
	OK(wait_status(&b, 0, "state", "streaming", 10), "cuts: the stream comes");
	EQ_STR(str_of(node_status(&b, 0, "last_error", text)), S(""), "cuts: no error is left");
	node_stop(&b);
	relay_down(&r);
	pair_down();
}

/* The server goes away amid a transfer and comes back at the same address. */
static void test_server_killed(void)
{
	pull_pair(TLP_RED, TLP_RED);
	node_fill(&a, 0, GOODLY);
	node_start(&b);
	for (int i = 0; i < 1000 && node_count(&b) == 0; i++)
		usleep(MESH_POLL);
	node_unserve(&a);
	OK(node_count(&b) < GOODLY, "killed: amid the transfer, at %llu", (unsigned long long)node_count(&b));
	usleep(400000);
	node_add(&a, GOODLY, 0, TLP_CLEAR, false);
	node_serve(&a);
	OK(wait_count(&b, GOODLY + 1, 60), "killed: the rest comes when it is back, and what was new meanwhile");
	OK(wait_figure(&b, 0, "delivered", GOODLY + 1, 5), "killed: each once");
	OK(wait_status(&b, 0, "state", "streaming", 10), "killed: streaming again");
	node_unserve(&a);
	node_serve(&a);
	node_add(&a, GOODLY + 1, 0, TLP_CLEAR, false);
	OK(wait_count(&b, GOODLY + 2, 10), "killed amid a stream: it resumes");
	OK(node_said(&b, "works again"), "killed: the log says when it works again");
	pair_down();
}

/* Levels: outgoing by peer and link, incoming by link and collection; unknown markings wait. */
static void test_levels(void)
{
	static const struct { const char *name; uint8_t peer_at_a, link_at_b; int reaches; long long refused; } rows[] = {
		{ "red peer, red link", TLP_RED, TLP_RED, TLP_RED, 0 },
		{ "amber peer, red link", TLP_AMBER, TLP_RED, TLP_AMBER, 0 },
		{ "green peer, red link", TLP_GREEN, TLP_RED, TLP_GREEN, 0 },
		{ "red peer, green link", TLP_RED, TLP_GREEN, TLP_GREEN, 3 },
		{ "clear peer, clear link", TLP_CLEAR, TLP_CLEAR, TLP_CLEAR, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		bool right = true;

		pull_pair(rows[i].peer_at_a, rows[i].link_at_b);
		for (int t = 0; t < TLP_COUNT; t++)
			node_add(&a, (unsigned)t, 0, t, false);
		node_add(&a, 100, 0, TLP_CLEAR, false);
		node_start(&b);
		OK(wait_has(&b, 100, 10), "levels, pull, %s: what may go goes", rows[i].name);
		for (int t = 0; t < TLP_COUNT; t++)
			right = right && (node_has(&b, (unsigned)t) >= 0) == (t <= rows[i].reaches);
		OK(right, "levels, pull, %s: up to %.*s and no further", rows[i].name, STR(str_of(tlp_name((enum tlp)rows[i].reaches))));
		/* Counted after the objects of the same page are kept. */
		for (int turn = 0; turn < 500 && node_figure(&b, 0, "refused") != rows[i].refused; turn++)
			usleep(10000);
		EQ_INT(node_figure(&b, 0, "refused"), rows[i].refused, "levels, pull: refused here");
		pair_down();
	}
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int most = rows[i].peer_at_a < rows[i].link_at_b ? rows[i].peer_at_a : rows[i].link_at_b;
		bool right = true;

		node_up(&a, "a");
		node_up(&b, "b");
		node_knows(&a, &b, rows[i].peer_at_a);
		node_knows(&b, &a, TLP_RED);
		node_link(&a, &b, LINK_PUSH, rows[i].link_at_b);
		for (int t = 0; t < TLP_COUNT; t++)
			node_add(&a, (unsigned)t, 0, t, false);
		node_add(&a, 100, 0, TLP_CLEAR, false);
		node_start(&a);
		OK(wait_has(&b, 100, 10), "levels, push, %s: what may go goes", rows[i].name);
		for (int t = 0; t < TLP_COUNT; t++)
			right = right && (node_has(&b, (unsigned)t) >= 0) == (t <= most);
		OK(right, "levels, push, %s: up to %.*s and no further", rows[i].name, STR(str_of(tlp_name((enum tlp)most))));
		pair_down();
	}
}

/* a -> b -> c, the second link milder. */
static void test_three_hops(void)
{
	usec begun;

	pull_pair(TLP_AMBER, TLP_AMBER);
	node_up(&c, "c");
	node_knows(&b, &c, TLP_GREEN);
	node_knows(&c, &b, TLP_RED);
	node_link(&c, &b, LINK_PULL, TLP_RED);
	node_start(&b);
	node_start(&c);
	OK(wait_streams(&a, 1, 10) && wait_streams(&b, 1, 10), "hops: both streams stand");
	node_add(&a, 1, 0, TLP_AMBER, false);
	node_add(&a, 2, 0, -1, false); /* unmarked: AMBER by default */
	begun = time_mono();
	node_add(&a, 3, 0, TLP_GREEN, false);
	OK(wait_has(&c, 3, 10), "hops: GREEN reaches the third");
	printf("# two hops %.1f ms\n", (double)(time_mono() - begun) / 1e3);
	OK(node_has(&b, 1) >= 0 && node_has(&b, 2) >= 0, "hops: AMBER reaches the second");
	OK(node_has(&c, 1) < 0 && node_has(&c, 2) < 0, "hops: AMBER never crosses a GREEN link");
	/* Recall. */
	begun = time_mono();
	node_add(&a, 3, 5, TLP_GREEN, true);
	while ((node_has(&c, 3) & OBJECT_REVOKED) == 0 && time_mono() - begun < 10 * USEC_PER_SEC)
		usleep(MESH_POLL);
	OK((node_has(&c, 3) & OBJECT_REVOKED) != 0, "recall: a revoked indicator is revoked two hops on");
	printf("# recall over two hops %.1f ms\n", (double)(time_mono() - begun) / 1e3);
	/* Raised ceiling: what was withheld before goes now. */
	node_knows(&b, &c, TLP_AMBER);
	node_add(&b, 9, 0, TLP_GREEN, false);
	OK(wait_has(&c, 9, 10) && node_has(&c, 1) < 0, "hops: a raised ceiling leaves the old cursor where it is");
	node_down(&c);
	pair_down();
}

static void test_unknown_marking(void)
{
	static const char marked[] =
		"{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-000000000001\","
		"\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"name\":\"n\",\"object_marking_refs\":"
		"[\"marking-definition--00000000-0000-4000-8000-000000000002\",\"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487\"]}";
	static const char definition[] =
		"{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--00000000-0000-4000-8000-000000000002\","
		"\"created\":\"2026-01-01T00:00:00.000Z\",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"Copyright\"},"
		"\"object_marking_refs\":[\"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487\"]}";
	struct str raw[2] = { str_of(marked), str_of(definition) };

	pull_pair(TLP_RED, TLP_AMBER);
	node_up(&c, "c");
	node_knows(&b, &c, TLP_AMBER);
	node_knows(&c, &b, TLP_RED);
	node_link(&c, &b, LINK_PULL, TLP_RED);
	node_start(&b);
	node_start(&c);
	node_admit_raw(&a, raw, 1);
	OK(wait_count(&b, 1, 10), "unknown marking: kept below the link's ceiling");
	usleep(200000);
	EQ_INT(node_count(&c), 0, "unknown marking: not passed on");
	node_admit_raw(&a, raw + 1, 1);
	OK(wait_count(&b, 2, 10), "unknown marking: the definition comes");
	OK(wait_count(&c, 2, 10), "unknown marking: and both go on");
	node_down(&c);
	pair_down();
}

/* Each pulls from the other what the other pulled from it. */
static void test_loop(void)
{
	uint64_t before = 0, after = 1;

	pull_pair(TLP_RED, TLP_RED);
	node_link(&a, &b, LINK_PULL, TLP_RED);
	node_link(&a, &b, LINK_PUSH, TLP_RED);
	node_fill(&a, 0, 10);
	node_fill(&b, 100, 110);
	node_start(&a);
	node_start(&b);
	OK(wait_count(&a, 20, 10) && wait_count(&b, 20, 10), "loop: both hold both");
	node_add(&a, 50, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 21, 10), "loop: what is new comes once");
	for (int i = 0; i < 20; i++) {
		before = atomic_load(&a.requests) + atomic_load(&b.requests);
		usleep(700000);
		after = atomic_load(&a.requests) + atomic_load(&b.requests);
		if (after == before)
			break;
	}
	EQ_INT(after - before, 0, "loop: then all is quiet");
	EQ_INT(node_count(&a), 21, "loop: nothing was doubled");
	pair_down();
}

static void test_rights_end(void)
{
	pull_pair(TLP_RED, TLP_RED);
	node_start(&b);
	OK(wait_streams(&a, 1, 10), "rights: a stream stands");
	node_knows_at(&a, &b, TLP_RED, b.port, true);
	node_add(&a, 1, 0, TLP_CLEAR, false);
	OK(wait_status(&b, 0, "state", "waiting", 10), "rights: a disabled peer's stream ends");
	OK(wait_status(&b, 0, "last_error", "401", 5), "rights: and it is told no");
	OK(wait_status(&b, 0, "last_error", "lianfang peer add", 5), "rights: and what to do about it");
	EQ_INT(node_count(&b), 0, "rights: nothing more went");
	node_knows(&a, &b, TLP_RED);
	OK(wait_count(&b, 1, 10), "rights: given again, it goes on");
	/* A ceiling that is lowered while the stream stands. */
	node_knows(&a, &b, TLP_GREEN);
	node_add(&a, 2, 0, TLP_AMBER, false);
	node_add(&a, 3, 0, TLP_GREEN, false);
	OK(wait_has(&b, 3, 10) && node_has(&b, 2) < 0, "rights: a lowered ceiling counts at once");
	pair_down();
}

/* Links and certificates change while workers run. */
static void test_reload(void)
{
	struct pem_pair fresh;
	struct err err = { 0 };

	pull_pair(TLP_RED, TLP_RED);
	node_fill(&a, 0, 5);
	node_start(&b);
	OK(wait_count(&b, 5, 10), "reload: exchange runs");
	node_knows_at(&b, &a, TLP_RED, a.port, true);
	fed_reload(atomic_load(&b.fed));
	usleep(1500000);
	EQ_INT(node_figure(&b, 0, "delivered"), 0, "reload: a disabled peer has no worker");
	node_fill(&a, 5, 6);
	node_knows(&b, &a, TLP_RED);
	fed_reload(atomic_load(&b.fed));
	OK(wait_count(&b, 6, 10), "reload: enabled again, it goes on where it was");
	EQ_INT(node_figure(&b, 0, "repeated"), 0, "reload: from its cursor");
	pair_make(&fresh, "b", "localhost", "127.0.0.1", -3600, 86400, false, &mesh_ca);
	must(fed_set_keys(atomic_load(&b.fed), fresh.cert.p, fresh.key.p, &err), &err, "keys");
	OK(wait_status(&b, 0, "last_error", "40", 10), "new certificate: unknown to the peer as yet");
	pair_done(&b.pair);
	b.pair = fresh;
	node_knows(&a, &b, TLP_RED);
	node_fill(&a, 6, 7);
	OK(wait_count(&b, 7, 10), "new certificate: pinned there, it works");
	pair_down();
}

static void test_much(void)
{
	usec begun;
	const unsigned n = 100000;
	double seconds;

	pull_pair(TLP_RED, TLP_RED);
	node_fill(&a, 0, n);
	begun = time_mono();
	node_start(&b);
	OK(wait_count(&b, n, 120), "much: %u objects come", n);
	seconds = (double)(time_mono() - begun) / 1e6;
	printf("# full pull of %u objects: %.2f s, %.0f objects/s\n", n, seconds, n / seconds);
	pair_down();
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_pull();
	test_empty();
	test_push();
	test_idle();
	test_digest_differs();
	test_cuts();
	test_server_killed();
	test_levels();
	test_three_hops();
	test_unknown_marking();
	test_loop();
	test_rights_end();
	test_reload();
	test_much();
	pair_done(&mesh_ca);
	EQ_INT(mem_live(), 0, "everything given back");
	return tap_done();
}
