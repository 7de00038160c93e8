/* The exchange with bad peers and bad lines: garbage, replays, stalls, wrong certificates, refusals, wrong
 * clocks, other makers' servers. Each must be counted, hold up nobody else and hurt nothing. */
#include <signal.h>

#include "fed/mesh.h"
#include "store/facts.h"
#include "taxii/media.h"

#define HUGE_PIECES 66 /* of 1 MiB: more than a worker reads */

static struct node a, b;

/* What the scripted peer does. */
enum script {
	P_HTML, P_CUT_JSON, P_NO_LIST, P_500, P_SAME_NEXT, P_BAD_DATE, P_NO_ARRAY, P_BAD_OBJECT, P_HUGE, P_429,
	S_GARBAGE, S_BAD_ID, S_NO_ID, S_NO_OBJECTS, S_BACK, S_ENDS, S_HTML, S_401, S_500, S_OTHER, S_UNKNOWN_DATA,
};

static _Atomic int script;

static void put_one(struct buf *out, unsigned i)
{
	put_indicator(out, i, 0, TLP_CLEAR, false);
}

static void envelope(struct http_res *res, const char *date)
{
	res->content_type = TAXII_MEDIA;
	if (date != NULL)
		http_res_header(res, "X-TAXII-Date-Added-Last", date);
}

static void give_huge(struct http_req *r, struct http_res *res)
{
	static char spaces[1 << 20];

	memset(spaces, ' ', sizeof spaces);
	res->pieces = arena_array(r->arena, HUGE_PIECES, sizeof *res->pieces);
	for (size_t i = 0; i < HUGE_PIECES; i++)
		res->pieces[i] = (struct http_piece){ spaces, sizeof spaces };
	res->n_pieces = HUGE_PIECES;
}

static void give_page(struct http_req *r, struct http_res *res)
{
	bool first = str_find(r->query, S("added_after"), 0) == SIZE_MAX;

	envelope(res, NULL);
	switch (atomic_load(&script)) {
	case P_HTML:
		res->content_type = "text/html";
		buf_cstr(&res->body, "<html>welcome</html>");
		return;
	case P_CUT_JSON:
		buf_cstr(&res->body, "{\"objects\":[{\"type\":");
		return;
	case P_NO_LIST:
		buf_cstr(&res->body, "{\"objects\":7}");
		return;
	case P_NO_ARRAY:
		buf_cstr(&res->body, "[]");
		return;
	case P_500:
		res->status = 500;
		buf_cstr(&res->body, "{}");
		return;
	case P_429:
		res->status = 429;
		http_res_header(res, "Retry-After", "3600");
		buf_cstr(&res->body, "{}");
		return;
	case P_SAME_NEXT:
		buf_cstr(&res->body, "{\"more\":true,\"next\":\"7\"}");
		return;
	case P_BAD_DATE:
		envelope(res, "yesterday");
		break;
	case P_BAD_OBJECT:
		envelope(res, "2026-01-01T00:00:01.000000Z");
		if (first) {
			buf_cstr(&res->body, "{\"objects\":[{\"type\":\"indicator\",\"id\":\"x\"},17,");
			put_one(&res->body, 1);
			buf_cstr(&res->body, "]}");
			return;
		}
		break;
	case P_HUGE:
		if (str_find(r->query, S("limit=1000"), 0) != SIZE_MAX) {
			give_huge(r, res);
			return;
		}
		envelope(res, "2026-01-01T00:00:01.000000Z");
		break;
	default:
		buf_cstr(&res->body, "{}");
		return;
	}
	buf_cstr(&res->body, "{\"objects\":[");
	put_one(&res->body, 1);
	buf_cstr(&res->body, "]}");
}

static void put_event(struct buf *out, const char *id, const char *event, unsigned object)
{
	if (id != NULL)
		buf_fmt(out, "id: %s\n", id);
	buf_fmt(out, "event: %s\ndata: {\"objects\":[", event);
	put_one(out, object);
	buf_cstr(out, "]}\n\n");
}

static void fill_stream(struct buf *out)
{
	buf_cstr(out, "event: begin\ndata: {}\n\n");
	switch (atomic_load(&script)) {
	case S_GARBAGE:
		buf_cstr(out, "id: 2026-01-01T00:00:01Z\nevent: objects\ndata: {\"objects\":[\n\n");
		break;
	case S_BAD_ID:
		put_event(out, "tomorrow", "objects", 1);
		break;
	case S_NO_ID:
		put_event(out, NULL, "objects", 1);
		break;
	case S_NO_OBJECTS:
		buf_cstr(out, "id: 2026-01-01T00:00:01Z\nevent: objects\ndata: {\"objects\":\"many\"}\n\n");
		break;
	case S_BACK: /* a replay: older than what came */
		put_event(out, "2026-01-01T00:00:02Z", "objects", 1);
		put_event(out, "2026-01-01T00:00:01Z", "objects", 1);
		put_event(out, "2026-01-01T00:00:02Z", "objects", 1);
		break;
	case S_OTHER:
		buf_cstr(out, "event: surprise\ndata: {]\n\n");
		put_event(out, "2026-01-01T00:00:01Z", "objects", 1);
		break;
	case S_UNKNOWN_DATA: /* objects that are none, beside a good one */
		buf_cstr(out, "id: 2026-01-01T00:00:01Z\nevent: objects\ndata: {\"objects\":[null,[],\"x\",{}]}\n\n");
		put_event(out, "2026-01-01T00:00:02Z", "objects", 1);
		break;
	default:
		break;
	}
}

static struct http_stream *open_streams[64];
static _Atomic unsigned n_open;

static void give_stream(struct http_res *res)
{
	int how = atomic_load(&script);
	struct http_stream *s;
	unsigned slot;
	struct buf out;

	if (how == S_HTML || how == S_401 || how == S_500) {
		res->status = how == S_HTML ? 200 : how == S_401 ? 401 : 500;
		res->content_type = "text/html";
		buf_cstr(&res->body, "<p>no</p>");
		return;
	}
	s = http_stream_new(1 << 20);
	http_res_stream(res, s);
	buf_init(&out, 1 << 20);
	if (how != S_ENDS)
		fill_stream(&out);
	if (out.n > 0 && http_stream_send(s, buf_view(&out)) != RC_OK)
		OK(false, "the scripted peer speaks");
	buf_done(&out);
	slot = atomic_fetch_add(&n_open, 1);
	if (how == S_ENDS || slot >= COUNTOF(open_streams))
		http_stream_close(s);
	else
		open_streams[slot] = s;
}

static void close_streams(void)
{
	for (size_t i = 0; i < COUNTOF(open_streams); i++) {
		http_stream_close(open_streams[i]);
		open_streams[i] = NULL;
	}
	atomic_store(&n_open, 0);
}

static void scripted(void *ctx, struct http_req *r, struct http_res *res)
{
	(void)ctx;
	if (str_ends(r->path, S("/stream")))
		give_stream(res);
	else if (str_ends(r->path, S("/objects/")))
		give_page(r, res);
	else
		res->status = 404;
}

static void pull_pair(void)
{
	node_up(&a, "a");
	node_up(&b, "b");
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&b, &a, LINK_PULL, TLP_RED);
}

static void pair_down(void)
{
	node_down(&b);
	node_down(&a);
}

static void test_scripts(void)
{
	static const struct {
		const char *name;
		enum script script;
		const char *state, *error, *cursor; /* reached within the time */
		bool fails;
		int objects;
		long long refused;
	} rows[] = {
		{ "a web page", P_HTML, "waiting", "no TAXII 2.1", "", true, 0, 0 },
		{ "cut JSON", P_CUT_JSON, "waiting", "byte", "", true, 0, 0 },
		{ "objects that are no list", P_NO_LIST, "waiting", "no list", "", true, 0, 0 },
		{ "no envelope", P_NO_ARRAY, "waiting", "object is needed", "", true, 0, 0 },
		{ "500", P_500, "waiting", "500", "", true, 0, 0 },
		{ "429 with a long Retry-After", P_429, "waiting", "429", "", true, 0, 0 },
		{ "a token that never ends", P_SAME_NEXT, "waiting", "never end", "", true, 0, 0 },
		{ "a date that is none", P_BAD_DATE, "waiting", "date", "", true, 1, 0 },
		{ "objects that break the rules", P_BAD_OBJECT, "streaming", "", "2026-01-01T00:00:01", false, 1, 2 },
		{ "a page that is too large", P_HUGE, "streaming", "", "2026-01-01T00:00:01", true, 1, 0 },
		{ "an event that is no JSON", S_GARBAGE, "waiting", "stream", "", true, 0, 0 },
		{ "an event with a bad id", S_BAD_ID, "waiting", "no date_added", "", true, 1, 0 },
		{ "an event without id", S_NO_ID, "waiting", "no date_added", "", true, 1, 0 },
		{ "an event without objects", S_NO_OBJECTS, "waiting", "without objects", "", true, 0, 0 },
		{ "events from the past", S_BACK, "streaming", "", "2026-01-01T00:00:02", false, 1, 0 },
		{ "an event of another kind", S_OTHER, "streaming", "", "2026-01-01T00:00:01", false, 1, 0 },
		{ "events of no objects", S_UNKNOWN_DATA, "streaming", "", "2026-01-01T00:00:02", false, 1, 4 },
		{ "a stream that ends at once", S_ENDS, "waiting", "as soon as it begins", "", true, 0, 0 },
		{ "a web page for a stream", S_HTML, "idle", "", "", false, 0, 0 },
		{ "401 for a stream", S_401, "idle", "", "", false, 0, 0 },
		{ "500 for a stream", S_500, "waiting", "500", "", true, 0, 0 },
	};

	pull_pair();
	a.instead = scripted;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		char text[256];

		if (i > 0) {
			node_down(&b);
			node_up(&b, "b");
			node_knows(&b, &a, TLP_RED);
			node_link(&b, &a, LINK_PULL, TLP_RED);
		}
		atomic_store(&script, (int)rows[i].script);
		node_start(&b);
		OK(rows[i].error[0] == '\0' || wait_status(&b, 0, "last_error", rows[i].error, 10), "%s: said", rows[i].name);
		OK(rows[i].cursor[0] == '\0' || wait_status(&b, 0, "cursor", rows[i].cursor, 10), "%s: how far", rows[i].name);
		OK(wait_status(&b, 0, "state", rows[i].state, 10), "%s: then %s", rows[i].name, rows[i].state);
		OK((node_figure(&b, 0, "failures") > 0) == rows[i].fails, "%s: failures counted", rows[i].name);
		EQ_INT(node_count(&b), rows[i].objects, rows[i].name);
		EQ_INT(node_figure(&b, 0, "refused"), rows[i].refused, rows[i].name);
		if (rows[i].cursor[0] == '\0')
			EQ_STR(str_of(node_status(&b, 0, "cursor", text)), S(""), "its cursor is left alone");
		OK(node_stop(&b) < 2, "%s: stops", rows[i].name);
		close_streams();
	}
	a.instead = NULL;
	pair_down();
}

/* A line that stands still. */
static void test_stall(void)
{
	struct relay r;

	pull_pair();
	node_fill(&a, 0, 20000);
	relay_up(&r, a.port);
	atomic_store(&r.stall, true);
	node_knows_at(&b, &a, TLP_RED, r.port, false);
	node_start(&b);
	usleep(600000);
	OK(node_stop(&b) < 2, "stall in the handshake: stops within two seconds");
	atomic_store(&r.stall, false);
	node_start(&b);
	while (node_count(&b) < 1000)
		usleep(MESH_POLL);
	atomic_store(&r.stall, true);
	usleep(300000);
	OK(node_count(&b) < 20000, "stall amid the transfer");
	OK(node_stop(&b) < 2, "stall amid the transfer: stops within two seconds");
	atomic_store(&r.stall, false);
	node_start(&b);
	OK(wait_count(&b, 20000, 60), "stall over: all comes");
	relay_down(&r);
	pair_down();
}

static bool seen_refusal(void *ctx, const struct fact *f)
{
	(void)f;
	*(int *)ctx += 1;
	return true;
}

static int facts_of(struct node *n, const char *kind)
{
	struct err err = { 0 };
	int seen = 0;

	must(gate_flush(n->store, &err), &err, "facts");
	must(fact_flush(n->store, &err), &err, "facts");
	must(fact_each(n->store, 0, str_of(kind), seen_refusal, &seen, &err), &err, "facts");
	return seen;
}

enum fault { EXPIRED_SERVER, FUTURE_SERVER, WRONG_PIN, UNKNOWN_CLIENT, EXPIRED_CLIENT, FUTURE_CLIENT, DISABLED, SELF_SIGNED };

static void test_certificates(void)
{
	static const struct {
		const char *name;
		enum fault fault;
		const char *error, *fact; /* what the other side writes down */
		bool works;
	} rows[] = {
		{ "expired server", EXPIRED_SERVER, "outside its dates", NULL, false },
		{ "server's certificate from tomorrow", FUTURE_SERVER, "outside its dates", NULL, false },
		{ "wrong pin", WRONG_PIN, "not the pinned one", NULL, false },
		{ "unknown client", UNKNOWN_CLIENT, "401", "gate.refuse", false },
		{ "expired client", EXPIRED_CLIENT, "401", "gate.refuse", false },
		{ "client's certificate from tomorrow", FUTURE_CLIENT, "401", "gate.refuse", false },
		{ "disabled peer", DISABLED, "401", "login.fail", false },
		{ "self-signed but pinned on both sides", SELF_SIGNED, "", NULL, true },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		enum fault f = rows[i].fault;
		int a_from = f == FUTURE_SERVER ? 86400 : -7200, a_until = f == EXPIRED_SERVER ? -3600 : 172800;
		int b_from = f == FUTURE_CLIENT ? 86400 : -7200, b_until = f == EXPIRED_CLIENT ? -3600 : 172800;

		pair_make(&a.pair, "a", "localhost", "127.0.0.1", a_from, a_until, false, f == SELF_SIGNED ? NULL : &mesh_ca);
		pair_make(&b.pair, "b", "localhost", "127.0.0.1", b_from, b_until, false, f == SELF_SIGNED ? NULL : &mesh_ca);
		pull_pair();
		node_fill(&a, 0, 3);
		if (f == WRONG_PIN)
			a.pair.sha256[0] = a.pair.sha256[0] == '0' ? '1' : '0';
		if (f == UNKNOWN_CLIENT)
			b.pair.sha256[0] = b.pair.sha256[0] == '0' ? '1' : '0';
		node_knows_at(&a, &b, TLP_RED, b.port, f == DISABLED);
		node_knows(&b, &a, TLP_RED);
		node_start(&b);
		if (rows[i].works) {
			OK(wait_count(&b, 3, 10), "%s: works", rows[i].name);
		} else {
			OK(wait_status(&b, 0, "last_error", rows[i].error, 10), "%s: refused", rows[i].name);
			OK(node_figure(&b, 0, "failures") > 0, "%s: counted", rows[i].name);
			EQ_INT(node_count(&b), 0, rows[i].name);
		}
		if (rows[i].fact != NULL)
			OK(facts_of(&a, rows[i].fact) > 0, "%s: a fact at the refusing side", rows[i].name);
		pair_down();
	}
}

/* The peer's clock is a day ahead: its own dates are what counts. */
static void test_skew(void)
{
	CLEANUP(arena_freep) struct arena *arena = arena_new((size_t)64 << 20);
	usec tomorrow = time_now() + 86400 * USEC_PER_SEC;
	struct admit_opts o = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER, .date_added = &tomorrow };
	struct admitted *done;
	struct err err = { 0 };
	struct str raw;
	struct buf one;

	pull_pair();
	buf_init(&one, 4096);
	put_one(&one, 1);
	raw = buf_view(&one);
	o.collection = a.row;
	must(store_source_id(a.store, S("t"), &o.source, &err), &err, "source");
	must(admit_objects(a.store, arena, &o, &raw, 1, &done, &err), &err, "admit");
	buf_done(&one);
	node_start(&b);
	OK(wait_count(&b, 1, 10), "skew: what is dated tomorrow comes");
	node_add(&a, 2, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 2, 10), "skew: and what comes after it");
	node_stop(&b);
	node_add(&a, 3, 0, TLP_CLEAR, false);
	node_start(&b);
	OK(wait_count(&b, 3, 10), "skew: also after a restart");
	EQ_INT(node_figure(&b, 0, "repeated"), 0, "skew: nothing twice");
	node_down(&b);
	/* The digest finds the same place although it lies in the future. */
	node_up(&b, "b");
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&b, &a, LINK_PULL, TLP_RED);
	node_fill(&b, 1, 4);
	node_start(&b);
	OK(wait_status(&b, 0, "cursor", "20", 10), "skew: equal digests");
	node_add(&a, 4, 0, TLP_CLEAR, false);
	OK(wait_count(&b, 4, 10), "skew: what comes later is not missed");
	EQ_INT(node_figure(&b, 0, "repeated"), 0, "skew: nothing was transferred twice");
	pair_down();
}

/* Another maker's TAXII server: no streams. */
static void test_plain_taxii(void)
{
	pull_pair();
	a.plain_taxii = true;
	node_fill(&a, 0, 2500);
	node_start(&b);
	OK(wait_count(&b, 2500, 20), "plain TAXII: all pages come");
	OK(wait_status(&b, 0, "state", "idle", 10), "plain TAXII: then it rests until the next poll");
	EQ_INT(node_figure(&b, 0, "failures"), 0, "plain TAXII: no stream is no failure");
	EQ_INT(atomic_load(&a.requests), 4, "plain TAXII: three pages and one look for a stream");
	node_stop(&b);
	node_fill(&a, 2500, 2501);
	node_start(&b);
	OK(wait_count(&b, 2501, 10), "plain TAXII: goes on from its cursor");
	OK(wait_figure(&b, 0, "delivered", 1, 10), "plain TAXII: one object was new");
	pair_down();
}

/* A server that refuses whole envelopes. */
static _Atomic int poison; /* 1: what names n7, 2: everything */

static void poisoned(void *ctx, struct http_req *r, struct http_res *res)
{
	bool hit = str_eq(r->method, S("POST")) && (atomic_load(&poison) == 2 || (atomic_load(&poison) == 1 && str_find(r->body, S("\"n7\""), 0) != SIZE_MAX));

	if (!hit) {
		node_route(ctx, r, res);
		return;
	}
	res->status = 422;
	res->content_type = TAXII_MEDIA;
	buf_cstr(&res->body, "{\"title\":\"Cannot process\",\"http_status\":\"422\"}");
}

static void test_poison(void)
{
	char text[256];

	node_up(&a, "a");
	node_up(&b, "b");
	b.instead = poisoned;
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&a, &b, LINK_PUSH, TLP_RED);
	node_fill(&a, 0, 20);
	atomic_store(&poison, 2);
	node_start(&a);
	for (int i = 0; i < 600 && node_figure(&a, 0, "failures") < 7; i++)
		usleep(50000);
	OK(node_figure(&a, 0, "failures") >= 7, "a peer that takes nothing: tried again and again");
	EQ_STR(str_of(node_status(&a, 0, "cursor", text)), S(""), "a peer that takes nothing: nothing is passed over");
	EQ_INT(node_figure(&a, 0, "refused"), 0, "a peer that takes nothing: the objects are not blamed");
	node_stop(&a);
	atomic_store(&poison, 1);
	node_start(&a);
	OK(wait_count(&b, 19, 30), "one poisonous object: the others go");
	OK(wait_figure(&a, 0, "refused", 1, 10), "one poisonous object: counted");
	OK(node_said(&a, "refuses 1 objects"), "one poisonous object: said");
	node_add(&a, 30, 0, TLP_CLEAR, false);
	OK(wait_has(&b, 30, 5), "one poisonous object: what comes later goes at once");
	pair_down();
}

/* What the peer refuses one by one is passed at once. */
static void test_refused_singly(void)
{
	node_up(&a, "a");
	node_up(&b, "b");
	node_collection(&b, TLP_GREEN);
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&a, &b, LINK_PUSH, TLP_RED);
	node_add(&a, 1, 0, TLP_GREEN, false);
	node_add(&a, 2, 0, TLP_AMBER, false);
	node_add(&a, 3, 0, TLP_GREEN, false);
	node_start(&a);
	OK(wait_count(&b, 2, 10), "a milder collection there: what may lie there goes");
	OK(wait_figure(&a, 0, "refused", 1, 5), "a milder collection there: the other is counted");
	EQ_INT(node_figure(&a, 0, "failures"), 0, "a milder collection there: no failure of the line");
	OK(node_said(&a, "TLP:AMBER"), "a milder collection there: the peer's words are in the log");
	pair_down();
}

/* A bad peer holds up nobody else. */
static void test_beside(void)
{
	struct node c = { 0 };
	struct relay r;

	pull_pair();
	node_up(&c, "c");
	node_knows(&c, &b, TLP_RED);
	relay_up(&r, c.port);
	atomic_store(&r.stall, true);
	node_knows_at(&b, &c, TLP_RED, r.port, false);
	node_link(&b, &c, LINK_PULL, TLP_RED);
	node_fill(&a, 0, 1);
	node_start(&b);
	OK(wait_count(&b, 1, 5), "beside a stalled peer the good one works");
	OK(node_stop(&b) < 2, "and all stops within two seconds");
	relay_down(&r);
	node_down(&c);
	pair_down();
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_scripts();
	test_stall();
	test_certificates();
	test_skew();
	test_plain_taxii();
	test_poison();
	test_refused_singly();
	test_beside();
	pair_done(&mesh_ca);
	EQ_INT(mem_live(), 0, "everything given back");
	return tap_done();
}
