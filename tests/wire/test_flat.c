#include "base/mem.h"
#include "tap.h"
#include "wire/flat.h"
#include "wire/flat_json.h"

static struct fields *dict;

static void test_text(void)
{
	static const struct {
		struct str in, out;
	} rows[] = {
		{ S("plain"), S("plain") },
		{ S("C:\\\\Windows\\\\x"), S("C:\\Windows\\x") },
		{ S("\\\"\\/\\b\\f\\n\\r\\t"), S("\"/\b\f\n\r\t") },
		{ S("\\u0041\\u00e9\\u8a0A"), S("A\xC3\xA9\xE8\xA8\x8A") },
		{ S("\\ud83d\\ude00!"), S("\xF0\x9F\x98\x80!") },
		{ S("\\ud83d!"), S("\xEF\xBF\xBD!") },
		{ S("\\ud83d\\u0041"), S("\xEF\xBF\xBD" "A") },
		{ S("\\ude00\\ud83d"), S("\xEF\xBF\xBD\xEF\xBF\xBD") },
		{ S("a\\u0000b"), S("a\0b") },
		{ S("cut\\"), S("cut") },
		{ S("cut\\u00"), S("cut") },
	};
	CLEANUP(flat_freep) struct flat *f = NULL;

	if (!OK(flat_new(&f, NULL) == RC_OK, "new"))
		return;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct flat_value v = { .p = rows[i].in.p, .n = (uint32_t)rows[i].in.n, .type = FLAT_STRING, .flags = FLAT_ESCAPED };

		EQ_STR(flat_text(f, &v), rows[i].out, "escapes resolved");
	}
	flat_clear(f);
	EQ_INT(arena_used(f->scratch), 0, "cleared");
}

/* Escapes at each place of texts longer than a look, against the same text resolved in pieces shorter than one. */
static void test_resolve_long(void)
{
	static const char *const parts[] = { "a", "bcdefghijklmnopqrstuvwxyz", "\\\\", "\\n", "\\u0041", "\\\"", "\xc3\xa9", "\\t", "\\/", "\\ud83d\\ude00", "u" };
	static const char *const meant[] = { "a", "bcdefghijklmnopqrstuvwxyz", "\\", "\n", "A", "\"", "\xc3\xa9", "\t", "/", "\xf0\x9f\x98\x80", "u" };
	uint64_t seed = 1;
	size_t wrong = 0;

	for (int round = 0; round < 20000; round++) {
		char in[400], want[400], out[400 + FLAT_RESOLVE_SLACK];
		size_t n = 0, n_want = 0, room = 20 + (size_t)round % 330;

		while (n < room) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			size_t k = (seed >> 33) % COUNTOF(parts);

			memcpy(in + n, parts[k], strlen(parts[k]));
			n += strlen(parts[k]);
			memcpy(want + n_want, meant[k], strlen(meant[k]));
			n_want += strlen(meant[k]);
		}
		size_t got = flat_resolve(str_make(in, n), out);

		wrong += got != n_want || memcmp(out, want, n_want) != 0;
	}
	OK(wrong == 0, "long texts, escapes at every place");
}

static void test_path(void)
{
	static const struct {
		const char *line, *paths; /* of its values, one behind the other */
	} rows[] = {
		{ "{\"a\":1,\"tls\":{\"sni\":\"x\",\"n\": 2},\"z\":\"tls\"}", "a tls.sni tls.n z" },
		{ "{\"dns\":{\"query\":[{\"rrname\":\"a\"},{\"rrname\":\"b\"}],\"id\":1}}", "dns.query.rrname dns.query.rrname dns.id" },
		{ "{\"list\":[\"x\",[\"y\"],{\"k\":true}],\"after\":null}", "list list list.k after" },
		{ "{ \"a.b\" : { \"c\" :\t\"\\\\\\\" : {\" , \"d\":\"{\" } }", "a.b.c a.b.d" },
		{ "{\"a\":{},\"b\":[],\"c\":3}", "c" },
	};
	CLEANUP(flat_freep) struct flat *f = NULL;
	struct buf b;
	char deep[600];
	size_t n = 0;

	if (!OK(flat_new(&f, NULL) == RC_OK, "new"))
		return;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		buf_init(&b, 1000);
		if (OK(flat_json(f, dict, str_of(rows[i].line), NULL) == RC_OK, "reads %s", rows[i].line))
			for (uint32_t k = 0; k < f->n; k++)
				buf_fmt(&b, "%s%.*s", k > 0 ? " " : "", STR(flat_path(f, &f->v[k])));
		EQ_STR(buf_view(&b), str_of(rows[i].paths), "where its values stand");
		buf_done(&b);
	}
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(deep + n, sizeof deep - n, "{\"a\":");
	n += (size_t)snprintf(deep + n, sizeof deep - n, "1");
	memset(deep + n, '}', 30);
	memset(deep + n + 30, '}', 30);
	OK(flat_json(f, dict, str_make(deep, n + 60), NULL) == RC_OK && str_eq(flat_path(f, &f->v[0]), S("a")), "far down: its own name");
}

static void test_put(void)
{
	CLEANUP(flat_freep) struct flat *f = NULL;
	uint16_t id = 3;
	static char big[FLAT_VALUE_MAX + 1];

	if (flat_new(&f, NULL) != RC_OK)
		return;
	flat_put(f, id, S("n"), FLAT_STRING, S("first"), 0);
	flat_put(f, id, S("n"), FLAT_STRING, S("second"), 0);
	OK(flat_get(f, id) == f->v && flat_get(f, 4) == NULL && flat_get(f, FIELD_NONE) == NULL, "the first value of a field");
	flat_put(f, id, S("big"), FLAT_STRING, str_make(big, sizeof big), 0);
	OK(f->v[2].n == FLAT_VALUE_MAX && f->v[2].flags == FLAT_CUT, "cut");
	while (f->n < FLAT_VALUES_MAX)
		flat_put(f, id, S("n"), FLAT_NULL, S("null"), 0);
	flat_put(f, id, S("n"), FLAT_NULL, S("null"), 0);
	OK(f->n == FLAT_VALUES_MAX && f->left_out == 1, "a full list counts");
	EQ_STR(str_of(log_format_name(LOG_LEEF)), S("leef"), "name of a format");
	EQ_STR(str_of(log_format_name(LOG_TEXT)), S("text"), "name of the last format");
}

static void test_time(void)
{
	static const struct {
		const char *text;
		usec t;
	} rows[] = {
		{ "2025-11-27T07:40:10.165324Z", 1764229210165324 },
		{ "2025-11-27 07:40:10.132", 1764229210132000 },
		{ "2025-11-27 07:40:10", 1764229210000000 },
		{ "2025/11/27 07:40:10", 1764229210000000 },
		{ "2025-11-27T08:40:10.5+01:00", 1764229210500000 },
		{ "2025-11-27T06:10:10.500000-0130", 1764229210500000 },
		{ "2025-11-27T07:40:10+00", 1764229210000000 },
		{ "1764229210", 1764229210000000 },
		{ "1764229210.25", 1764229210250000 },
		{ "1764229210250", 1764229210250000 },
		{ "1764229210250001", 1764229210250001 },
		{ "1764229210250001999", 1764229210250001 },
		{ "5", -1 }, { "", -1 }, { "yesterday", -1 }, { "2025-13-27T07:40:10Z", -1 }, { "2025-11-27T07:40:10 CET", -1 },
		{ "2025-11-27T07:40:10+0:00", -1 }, { "2025-11-27T07:40:10+24:00", -1 }, { "1764229210.2x", -1 }, { "2025-11-27", -1 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		usec t = -1;
		bool good = log_time_read(str_of(rows[i].text), &t);

		OK(good == (rows[i].t != -1) && t == rows[i].t, "time \"%s\"", rows[i].text);
	}
}

static void test_event_time(void)
{
	CLEANUP(flat_freep) struct flat *f = NULL;

	if (flat_new(&f, NULL) != RC_OK)
		return;
	OK(flat_json(f, dict, S("{\"@timestamp\":\"2025-11-27T08:00:00Z\",\"UtcTime\":\"2025-11-27 07:40:10.132\"}"), NULL) == RC_OK &&
	   flat_time(f) == 1764229210132000, "when it happened, not when it was sent");
	OK(flat_json(f, dict, S("{\"UtcTime\":\"-\",\"ts\":1764229210.25}"), NULL) == RC_OK && flat_time(f) == 1764229210250000,
	   "one that reads as a time");
	OK(flat_json(f, dict, S("{\"date\":\"2026-01-02\",\"time\":\"03:04:05\",\"tz\":\"+0800\"}"), NULL) == RC_OK && flat_time(f) == 1767294245000000,
	   "in two fields, with a zone");
	OK(flat_json(f, dict, S("{\"date\":\"2026-01-02\",\"time\":\"03:04:05\",\"tz\":\"Asia/Taipei\"}"), NULL) == RC_OK &&
	   flat_time(f) == 1767323045000000, "a zone by a name that nobody knows is none");
	OK(flat_json(f, dict, S("{\"date\":\"2026-01-02\",\"time\":\"noon\"}"), NULL) == RC_OK && flat_time(f) == 0, "half a time is none");
	OK(flat_json(f, dict, S("{\"a\":1}"), NULL) == RC_OK && flat_time(f) == 0, "none");
	f->time = 5;
	EQ_INT(flat_time(f), 5, "the format's own");
}

static void test_print(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "{ \"a\" : 1 , \"b\" : \"x\\ny\" }", "{\"a\":1,\"b\":\"x\\ny\"}" },
		{ "{\"a\":{\"b\":[1,\"2\",null]},\"c\":true,\"d\":[]}", "{\"b\":[1,\"2\",null],\"c\":true}" },
		{ "{\"a\":[{\"b\":1},{\"b\":2}]}", "{\"b\":[1,2]}" },
		{ "{\"a\":[1],\"a\":[2]}", "{\"a\":[1,2]}" },
		{ "{\"n\\\"\":false}", "{\"n\\\"\":false}" },
		{ "{}", "{}" },
	};
	CLEANUP(flat_freep) struct flat *f = NULL;
	struct buf out;

	buf_init(&out, 4096);
	if (flat_new(&f, NULL) != RC_OK)
		return;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		buf_clear(&out);
		OK(flat_json(f, dict, str_of(rows[i].in), NULL) == RC_OK, "reads %s", rows[i].in);
		flat_json_print(f, &out);
		EQ_STR(buf_view(&out), str_of(rows[i].out), "and prints");
	}
	buf_clear(&out);
	flat_clear(f);
	f->format = LOG_CEF;
	flat_put(f, 0, S("act\"ion"), FLAT_STRING, S("a\\b\x01"), 0);
	flat_put(f, 0, (struct str){ NULL, 0 }, FLAT_NUMBER, S("17"), 0);
	flat_json_print(f, &out);
	EQ_STR(buf_view(&out), S("{\"act\\\"ion\":\"a\\\\b\\u0001\",\"\":17}"), "a format that is no JSON");
	buf_done(&out);
}

int main(void)
{
	int64_t live = mem_live();
	uint64_t n = 0;
	enum rc rc;

	dict = fields_new();
	test_text();
	test_resolve_long();
	test_path();
	test_put();
	test_time();
	test_event_time();
	test_print();
	fields_free(dict);
	do {
		struct flat *f = NULL;

		mem_fail_at(++n, 0);
		rc = flat_new(&f, NULL);
		mem_fail_at(0, 0);
		flat_free(f);
	} while (rc == RC_NOMEM && n < 100);
	OK(rc == RC_OK && n > 3, "each of %llu allocations failed once", (unsigned long long)n);
	EQ_INT(mem_live(), live, "nothing left behind");
	return tap_done();
}
