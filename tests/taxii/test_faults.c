/* Every allocation of a request fails once: a clean error each time, nothing leaks,
 * and the next request is served as if nothing had been. */
#include "world.h"

#include "gate/gate.h"

#define ONE "indicator--00000000-0000-4000-8000-000000000003"

/* One request with its own arena made beforehand; the status of the reply. */
static int run_once(const char *method, const char *path, const char *query, struct str body, uint64_t fail_at)
{
	struct http_header_line lines[2] = { { S("Accept"), S(TAXII_TYPE) }, { S("Content-Type"), S(TAXII_TYPE) } };
	struct http_req r = { .method = str_of(method), .path = str_of(path), .query = str_of(query), .body = body, .headers = lines, .n_headers = 2 };
	struct http_res res = { .status = 200 };
	int status;

	r.arena = arena_new((size_t)64 << 20);
	buf_init(&res.body, (size_t)64 << 20);
	mem_fail_at(fail_at, 0);
	taxii_handle(w.server, &alice, &r, &res);
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

	OK(gate_flush(w.store, &err) == RC_OK && fact_flush(w.store, &err) == RC_OK, "what waits is written %s", err.text);
}

static void fail_each(const char *name, const char *method, const char *path, const char *query, struct str body, int good)
{
	int64_t before;
	bool clean = true;
	uint64_t n;
	int status = 0;

	run_once(method, path, query, body, 0); /* what is kept for the store's life is made now */
	settle();
	before = mem_live();
	for (n = 1; n < 400; n++) {
		status = run_once(method, path, query, body, n);
		/* An escape that cannot be decoded for want of memory reads like a malformed one. */
		if (status != good && status != 503 && status != 500 && !(status == 400 && strchr(query, '%') != NULL)) {
			clean = false;
			printf("# %s: allocation %d: %d\n", name, (int)n, status);
		}
		if (status == good && n > 60)
			break;
	}
	OK(clean && n < 400, "%s: each failing allocation ends in an error reply (%d, %d times)", name, status, (int)n);
	settle();
	/* Some hundred failures: a leak in any of them would show as more than what a cache may keep. */
	OK(mem_live() <= before + 2, "%s: nothing leaks (%d, %d)", name, (int)before, (int)mem_live());
	OK(run_once(method, path, query, body, 0) == good, "%s: and the next one is served", name);
}

int main(void)
{
	char one[700], body[900];

	world_open();
	post_indicators(&alice, C_MAIN, 0, 25);
	fail_each("objects", "GET", C_MAIN "objects/", "limit=5&match%5Btype%5D=indicator,malware", S(""), 200);
	fail_each("manifest", "GET", C_MAIN "manifest/", "limit=5", S(""), 200);
	fail_each("versions", "GET", C_MAIN "objects/" ONE "/versions/", "", S(""), 200);
	fail_each("object", "GET", C_MAIN "objects/" ONE "/", "match[version]=first,last", S(""), 200);
	fail_each("discovery", "GET", "/taxii2/", "", S(""), 200);
	fail_each("collections", "GET", "/api/collections/", "", S(""), 200);
	snprintf(body, sizeof body, "{\"objects\":[%s]}", indicator(one, sizeof one, 900, "2020-01-01T00:00:00.000Z", "n"));
	fail_each("add", "POST", C_MAIN "objects/", "", str_of(body), 202);
	world_close();
	return tap_done();
}
