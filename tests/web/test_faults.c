/* Every allocation of a REST call and of signing in fails once: an error reply each time, nothing leaks, and the next
 * call is served as if nothing had been. */
#include "base/mem.h"
#include "gate/admit.h"
#include "gate/folder.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/accounts.h"
#include "store/collections.h"
#include "store/facts.h"
#include "web/api.h"
#include "web/auth.h"
#include "tap.h"

#define INDICATOR "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-000000000001\"," \
	"\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"pattern\":\"[domain-name:value = 'a.example']\"," \
	"\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\"," \
	"\"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"]}"

#define ORGANISATION "{\"id\":\"o\",\"name\":\"O\",\"sector\":\"energy\",\"contacts\":[\"mail:a@o.example 2026-01-05\"]}"

static struct folder at;
static struct api api;
static const struct viewer admin = { .kind = VIEWER_USER, .name = { "root", 4 }, .account = { "", 0 }, .role = { "admin", 5 }, .org = { "", 0 },
				     .tlp_max = TLP_RED };
static const struct viewer reader = { .kind = VIEWER_USER, .name = { "bob", 3 }, .account = { "", 0 }, .role = { "reader", 6 }, .org = { "", 0 },
				      .tlp_max = TLP_RED };

static int run_once(const struct viewer *v, const char *method, const char *path, const char *query, const char *body, uint64_t fail_at)
{
	struct http_header_line line = { S("Content-Type"), S("application/json") };
	struct http_req r = { .method = str_of(method), .path = str_of(path), .query = str_of(query), .body = str_of(body), .headers = &line, .n_headers = 1 };
	struct http_res res = { .status = 200 };
	int status;

	r.arena = arena_new((size_t)64 << 20);
	buf_init(&res.body, (size_t)64 << 20);
	mem_fail_at(fail_at, 0);
	api_handle(&api, v, &r, &res);
	mem_fail_at(0, 0);
	status = res.body.bad != RC_OK ? 500 : res.status;
	if (res.release != NULL)
		res.release(res.release_arg);
	buf_done(&res.body);
	arena_free(r.arena);
	return status;
}

/* Writes what waits in memory on purpose: merged releases, facts on their way. */
static void settle(void)
{
	struct err err = { 0 };

	OK(gate_flush(at.store, &err) == RC_OK && fact_flush(at.store, &err) == RC_OK, "what waits is written %s", err.text);
}

static void test_calls(void)
{
	static const struct {
		const struct viewer *v;
		const char *method, *path, *query, *body;
	} rows[] = {
		{ &admin, "GET", "/api/v1/objects", "type=indicator&limit=5", "" }, { &reader, "GET", "/api/v1/objects", "value=a.example", "" },
		{ &admin, "GET", "/api/v1/values/a.example", "", "" }, { &admin, "GET", "/api/v1/export", "format=csv", "" },
		{ &admin, "GET", "/api/v1/export", "format=misp", "" }, { &admin, "GET", "/api/v1/users", "", "" },
		{ &admin, "GET", "/api/v1/collections", "", "" }, { &admin, "GET", "/api/v1/peers", "", "" }, { &admin, "GET", "/api/v1/facts", "limit=3", "" },
		{ &admin, "GET", "/api/v1/openapi.json", "", "" }, { &reader, "POST", "/api/v1/validate", "", INDICATOR },
		{ &admin, "POST", "/api/v1/import", "format=stix", "[" INDICATOR "]" }, { &admin, "GET", "/api/v1/alerts", "", "" },
		{ &admin, "GET", "/api/v1/organisations", "sector=energy", "" }, { &admin, "PATCH", "/api/v1/systems/s", "", "{\"mtpd\":4,\"core\":true,\"ci\":true}" },
		{ &admin, "POST", "/api/v1/organisations/import", "", "{\"entries\":[" ORGANISATION "]}" }, { &admin, "GET", "/api/v1/organisations/o/history", "", "" },
		{ &admin, "POST", "/api/v1/incidents/level", "", "{\"items\":[{\"system\":\"s\",\"effect\":\"outage\",\"since\":\"2026-01-01T00:00:00Z\"}]}" },
		{ &admin, "GET", "/api/v1/intake", "", "" }, { &admin, "GET", "/api/v1/session", "", "" }, { &admin, "GET", "/api/v1/pulse", "", "" },
		{ &admin, "GET", "/api/v1/clocks", "", "" }, { &admin, "GET", "/api/v1/duty", "at=now", "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int64_t before;
		bool clean = true;
		int status = 0, whole = 0;
		uint64_t n;

		run_once(rows[i].v, rows[i].method, rows[i].path, rows[i].query, rows[i].body, 0); /* what stays for good is made now */
		settle();
		before = mem_live();
		/* Threads beside us allocate, too, so one good reply is not yet the end. */
		for (n = 1; n < 1500 && whole < 12; n++) {
			status = run_once(rows[i].v, rows[i].method, rows[i].path, rows[i].query, rows[i].body, n);
			whole = status == 200 ? whole + 1 : 0;
			/* What no memory was left for may also read like something malformed or absent. */
			if (status != 200 && status < 400) {
				clean = false;
				printf("# allocation %d: %d\n", (int)n, status);
			}
		}
		OK(clean && whole == 12, "%s %s: each failing allocation ends in an error reply (%d, %d times)", rows[i].method, rows[i].path, status, (int)n);
		settle();
		OK(mem_live() <= before + 4, "  nothing leaks (%d, %d)", (int)before, (int)mem_live());
		EQ_INT(run_once(rows[i].v, rows[i].method, rows[i].path, rows[i].query, rows[i].body, 0), 200, "  and the next one is served");
	}
}

/* Signing in by password, wrong password and unknown token. */
static void test_auth(void)
{
	static const char *const headers[] = { "Basic Ym9iOnB3", "Basic Ym9iOng=", "Bearer nonsense", "Basic !!!" };
	int64_t live = mem_live();
	bool made = false;
	uint64_t nth;

	for (nth = 1; nth < 200 && !made; nth++) {
		struct auth_config c = { .store = at.store, .realm = "x" };
		struct auth *auth = NULL;
		struct err err = { 0 };

		mem_fail_at(nth, 0);
		made = auth_new(&c, &auth, &err) == RC_OK;
		for (size_t i = 0; made && i < COUNTOF(headers); i++) {
			struct http_header_line line = { S("Authorization"), str_of(headers[i]) };
			struct http_res res = { .status = 200 };
			struct http_req r = { .headers = &line, .n_headers = 1 };
			struct viewer v;

			mem_fail_at(0, 0);
			r.arena = arena_new((size_t)1 << 20);
			buf_init(&res.body, 10000);
			for (uint64_t k = 1; k < 30; k++) {
				mem_fail_at(k, 0);
				if (auth_viewer(auth, &r, &v, &res) && i > 0)
					OK(false, "%s lets nobody in", headers[i]);
				mem_fail_at(0, 0);
				buf_clear(&res.body);
				res.n_headers = 0;
			}
			buf_done(&res.body);
			arena_free(r.arena);
		}
		mem_fail_at(0, 0);
		auth_free(auth);
	}
	settle();
	OK(made, "signing in is made in the end, %d allocations", (int)nth - 1);
	OK(mem_live() <= live + 4, "  nothing leaks (%d, %d)", (int)live, (int)mem_live());
}

/* A user, two collections, an object in one of them. */
static void fill(void)
{
	struct user bob = { .name = S("bob"), .role = S("reader"), .org = S(""), .cert_sha256 = S(""), .pass_hash = S(""), .tlp_max = TLP_RED };
	struct api_root root = { .name = S("r"), .title = S("r"), .max_content_length = 1000, .page_size = 10 };
	struct collection c = { .root = S("r"), .id = S("00000000-0000-4000-8000-00000000c001"), .title = S("c"), .tlp_max = TLP_RED, .all_read = true };
	struct admit_opts o = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
	struct arena *a = arena_new(1 << 24);
	struct str raw = S(INDICATOR);
	struct admitted *done;
	struct err err = { 0 };

	OK(user_put(at.store, &bob, &err) == RC_OK && root_put(at.store, &root, &err) == RC_OK && collection_put(at.store, &c, &err) == RC_OK, "set up %s", err.text);
	o.collection = c.row;
	OK(admit_objects(at.store, a, &o, &raw, 1, &done, &err) == RC_OK && done[0].result == ADMIT_STORED, "an object %s", err.text);
	arena_free(a);
	EQ_INT(run_once(&admin, "POST", "/api/v1/organisations", "", ORGANISATION, 0), 201, "an organisation");
	EQ_INT(run_once(&admin, "POST", "/api/v1/systems", "", "{\"id\":\"s\",\"name\":\"S\",\"organisation\":\"o\"}", 0), 201, "a system");
	EQ_INT(run_once(&admin, "POST", "/api/v1/intake", "", "{\"what\":\"x\"}", 0), 201, "a report");
}

int main(void)
{
	struct err err = { 0 };

	if (!folder_open(&at, &err))
		return 1;
	api = (struct api){ .store = at.store, .node_name = "n", .tier = "sector", .identity = "", .default_tlp = TLP_AMBER, .dir = at.path, .desk_packs = "", .desk_pack = "tw-2026" };
	OK(api_start(&api, &err) == RC_OK, "the interface %s", err.text);
	fill();
	test_calls();
	test_auth();
	api_stop(&api);
	folder_close(&at);
	return tap_done();
}
