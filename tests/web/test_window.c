/* The single window alone: rates by a fake clock, codes as people type them, and every allocation that fails once: an
 * error reply each time, no receipt for what was not kept, and nothing leaks. */
#include "base/json.h"
#include "base/mem.h"
#include "gate/folder.h"
#include "tap.h"
#include "web/window.h"

#define JSON_TYPE "application/json"
#define FORM_TYPE "application/x-www-form-urlencoded"

static struct folder at;
static int kept;

static void count_kept(void *ctx, struct str number)
{
	(void)ctx;
	kept += number.n == 12;
}

static struct window *make(int64_t per_address, int64_t per_hour)
{
	struct window_config c = { .store = at.store, .name = "N", .per_address = per_address, .per_hour = per_hour, .came = count_kept };
	struct window *w = NULL;
	struct err err = { 0 };

	OK(window_new(&c, &w, &err) == RC_OK, "a window");
	return w;
}

/* One request; the beginning of the reply in `ret` when it is not NULL. */
static int ask(struct window *w, const char *address, const char *path, const char *type, const char *body, char *ret, uint64_t fail_at)
{
	struct http_header_line line = { S("Content-Type"), str_of(type) };
	struct http_req r = { .method = S("POST"), .path = str_of(path), .body = str_of(body), .headers = &line, .n_headers = 1 };
	struct http_res res = { .status = 200 };
	int status;

	snprintf(r.peer.addr, sizeof r.peer.addr, "%s", address);
	r.arena = arena_new((size_t)1 << 20);
	buf_init(&res.body, (size_t)1 << 20);
	mem_fail_at(fail_at, 0);
	window_handle(w, &r, &res);
	mem_fail_at(0, 0);
	status = res.body.bad != RC_OK ? 500 : res.status;
	if (ret != NULL)
		snprintf(ret, 512, "%.*s", STR(res.body.bad != RC_OK ? S("") : buf_view(&res.body))); /* the server sends no half page */
	buf_done(&res.body);
	arena_free(r.arena);
	return status;
}

static void test_rates(void)
{
	static const struct { const char *name, *address; int want; } rows[] = {
		{ "the first", "192.0.2.1", 201 }, { "the second", "192.0.2.1", 201 }, { "a third within the hour", "192.0.2.1", 429 },
		{ "another address", "192.0.2.2", 201 }, { "IPv6", "2001:db8:1:2:3:4:5:6", 201 }, { "the same network", "2001:db8:1:2:aaaa:4:5:6", 201 },
		{ "and again", "2001:db8:1:2:bbbb:4:5:6", 429 }, { "all together have sent enough", "192.0.2.3", 429 },
	};
	struct window *w = make(2, 5);

	time_fake_set((usec)1800000000 * USEC_PER_SEC);
	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(ask(w, rows[i].address, "/window/v1/reports", JSON_TYPE, "{\"what\":\"x\"}", NULL, 0), rows[i].want, rows[i].name);
	time_fake_step(3599 * USEC_PER_SEC);
	EQ_INT(ask(w, "192.0.2.3", "/window/v1/reports", JSON_TYPE, "{\"what\":\"x\"}", NULL, 0), 429, "a second before the hour is over");
	time_fake_step(USEC_PER_SEC);
	EQ_INT(ask(w, "192.0.2.1", "/window/v1/reports", JSON_TYPE, "{\"what\":\"x\"}", NULL, 0), 201, "when it is over");
	EQ_INT(ask(w, "192.0.2.1", "/window/v1/reports", JSON_TYPE, "{\"what\":\" \"}", NULL, 0), 400, "what is refused");
	EQ_INT(ask(w, "192.0.2.1", "/window/v1/reports", JSON_TYPE, "{\"what\":\"x\"}", NULL, 0), 201, "does not count");
	time_fake_off();
	window_free(w);
}

static void test_codes(void)
{
	unsigned char digest[SHA256_LEN], typed[SHA256_LEN], other[SHA256_LEN];
	char code[WINDOW_CODE_MAX], again[WINDOW_CODE_MAX], loose[64];
	bool alphabet = true;

	window_code_draw(code, digest);
	window_code_draw(again, other);
	OK(strlen(code) == 19 && code[4] == '-' && strcmp(code, again) != 0 && memcmp(digest, other, sizeof digest) != 0, "two codes: %s %s", code, again);
	for (size_t i = 0; i < 19; i++)
		alphabet = alphabet && (code[i] == '-' || strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", code[i]) != NULL);
	OK(alphabet, "of characters that look like no other");
	for (size_t i = 0; i <= 19; i++)
		loose[i] = (char)(code[i] == '-' ? ' ' : code[i] == '0' ? 'o' : code[i] == '1' ? 'l' : code[i] >= 'A' && code[i] <= 'Z' ? code[i] | 0x20 : code[i]);
	window_code_digest(str_of(loose), typed);
	OK(memcmp(digest, typed, sizeof digest) == 0, "typed loosely: %s", loose);
	window_code_digest(str_slice(str_of(code), 0, 18), typed);
	OK(memcmp(digest, typed, sizeof digest) != 0, "a character short is another");
	window_code_digest(S(""), typed);
	OK(memcmp(digest, typed, sizeof digest) != 0, "nothing is another");
}

/* A receipt, and only a receipt, means that it was kept. */
static void test_memory(void)
{
	static const struct { const char *name, *path, *type, *body; int want; } rows[] = {
		{ "a report as JSON", "/window/v1/reports", JSON_TYPE, "{\"what\":\"x\\u202ey\",\"when\":\"now\",\"contact\":null}", 201 },
		{ "a report by the form", "/window/v1/reports", FORM_TYPE, "what=%E2%80%AEx+y&when=&contact=z", 201 },
		{ "a question", "/window/v1/status", JSON_TYPE, "{\"number\":\"R2026-000001\",\"code\":\"x\"}", 404 },
		{ "a question by the form", "/window/v1/status", FORM_TYPE, "number=R1&code=x", 404 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct window *w = make(100000, 100000);
		int64_t before;
		int good = 0, receipts = 0, wrong = 0;
		char text[512];

		ask(w, "192.0.2.9", rows[i].path, rows[i].type, rows[i].body, text, 0);
		before = mem_live();
		kept = 0;
		for (uint64_t n = 1; n < 400 && good < 8; n++) {
			int status = ask(w, "192.0.2.9", rows[i].path, rows[i].type, rows[i].body, text, n);

			good = status == rows[i].want ? good + 1 : 0;
			receipts += status == 201;
			wrong += status < 400 && status != rows[i].want;
			wrong += status >= 500 && strstr(text, "R20") != NULL;
		}
		OK(good == 8 && wrong == 0, "%s: each failing allocation ends in an error reply", rows[i].name);
		EQ_INT(receipts <= kept, 1, "  no receipt for what was not kept");
		OK(mem_live() <= before + 4, "  nothing leaks (%d, %d)", (int)before, (int)mem_live());
		window_free(w);
	}
}

int main(void)
{
	struct err err = { 0 };

	if (!folder_open(&at, &err))
		return 1;
	test_rates();
	test_codes();
	test_memory();
	folder_close(&at);
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
