#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static void test_quote(void)
{
	static const struct {
		struct str text;
		const char *quoted;
	} rows[] = {
		{ S(""), "\"\"" },
		{ S("plain /"), "\"plain /\"" },
		{ S("\"\\"), "\"\\\"\\\\\"" },
		{ S("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ S("\0\1\x1F\x7F"), "\"\\u0000\\u0001\\u001f\x7F\"" },
		{ S("\xE8\x81\xAF\xF0\x9F\x98\x80\xE2\x80\xA8"), "\"\xE8\x81\xAF\xF0\x9F\x98\x80\xE2\x80\xA8\"" },
		{ S("a\xFF" "b\xE8\x81"), "\"a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD\"" },
		{ S("0123456789abcdef0123456789abcdef\"0123456789abcdef"), "\"0123456789abcdef0123456789abcdef\\\"0123456789abcdef\"" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;

		buf_init(&b, 1000);
		json_quote(&b, rows[i].text);
		EQ_STR(buf_view(&b), str_of(rows[i].quoted), "quoted");
		buf_done(&b);
	}
}

/* RFC 8785 Appendix B, and doubles at powers of two where the nearest decimal of the shortest length misses. */
static void test_doubles(void)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} rows[] = {
		{ 0x0000000000000000, "0" },
		{ 0x8000000000000000, "0" },
		{ 0x0000000000000001, "5e-324" },
		{ 0x8000000000000001, "-5e-324" },
		{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
		{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
		{ 0x4340000000000000, "9007199254740992" },
		{ 0xc340000000000000, "-9007199254740992" },
		{ 0x4430000000000000, "295147905179352830000" },
		{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
		{ 0x44b52d02c7e14af6, "1e+23" },
		{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
		{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
		{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
		{ 0x444b1ae4d6e2ef50, "1e+21" },
		{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
		{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
		{ 0x41b3de4355555553, "333333333.3333332" },
		{ 0x41b3de4355555554, "333333333.33333325" },
		{ 0x41b3de4355555555, "333333333.3333333" },
		{ 0x41b3de4355555556, "333333333.3333334" },
		{ 0x41b3de4355555557, "333333333.33333343" },
		{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
		{ 0x43143ff3c1cb0959, "1424953923781206.2" },
		{ 0x3ff0000000000000, "1" },
		{ 0x4012000000000000, "4.5" },
		{ 0x3f60624dd2f1a9fc, "0.002" },
		{ 0x3d30000000000000, "5.684341886080802e-14" },
		{ 0x2160000000000000, "6.256509672447191e-148" }, /* the nearest of its length ends in 0 and misses */
		{ 0x0010000000000000, "2.2250738585072014e-308" },
		{ 0x000fffffffffffff, "2.225073858507201e-308" },
		{ 0x0000000000000003, "1.5e-323" },
		{ 0x433fffffffffffff, "9007199254740991" },
		{ 0x3fe0000000000000, "0.5" },
		{ 0x3fb999999999999a, "0.1" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;
		double d;

		memcpy(&d, &rows[i].bits, sizeof d);
		buf_init(&b, 100);
		json_put_double(&b, d);
		EQ_STR(buf_view(&b), str_of(rows[i].text), "double");
		buf_done(&b);
	}
}

/* Significant digits of the text. */
static int digits(const char *text)
{
	int n = 0, zeros = 0;

	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
			continue;
		zeros = *text == '0' ? zeros + 1 : 0;
		n++;
	}
	return n - zeros;
}

/* A decimal of `n` digits, the nearest to `d` or its neighbour on either side, reads back as `d`. */
static bool shorter_hits(double d, int n)
{
	char text[60], mantissa[20] = "";
	long long units;
	int exponent;

	snprintf(text, sizeof text, "%.*e", n - 1, fabs(d));
	for (const char *p = text; *p != 'e'; p++)
		if (*p != '.')
			memcpy(mantissa + strlen(mantissa), p, 1);
	units = strtoll(mantissa, NULL, 10);
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10) - (n - 1);
	for (long long step = -1; step <= 1; step++) {
		snprintf(text, sizeof text, "%llde%d", units + step, exponent);
		if (strtod(text, NULL) == fabs(d))
			return true;
	}
	return false;
}

/* Reads back, and nothing with one digit less does. */
static bool is_shortest(struct buf *b, double d)
{
	buf_clear(b);
	json_put_double(b, d);
	return strtod(b->p, NULL) == d && (digits(b->p) == 1 || !shorter_hits(d, digits(b->p) - 1));
}

static void test_shortest(void)
{
	uint64_t seed = 42, bits, wrong = 0;
	struct buf b;
	double d;

	buf_init(&b, 100);
	for (uint64_t exponent = 0; exponent < 0x7FF; exponent++) {
		bits = exponent == 0 ? 1 : exponent << 52;
		memcpy(&d, &bits, sizeof d);
		wrong += !is_shortest(&b, d);
	}
	EQ_INT(wrong, 0, "every power of two has its shortest decimal");
	for (int i = 0; i < 40000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bits = seed ^ seed >> 29;
		memcpy(&d, &bits, sizeof d);
		wrong += isfinite(d) && d != 0 && !is_shortest(&b, d);
	}
	EQ_INT(wrong, 0, "and so have random doubles");
	buf_done(&b);
}

static void test_canonical(void)
{
	static const struct {
		const char *name, *text;
		enum rc rc;
		const char *canonical;
	} rows[] = {
		{ "RFC 8785 §3.2.2",
		  "{\n  \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],\n"
		  "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n  \"literals\": [null, true, false]\n}",
		  RC_OK,
		  "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
		  "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}" },
		{ "RFC 8785 §3.2.3",
		  "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
		  "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
		  RC_OK,
		  "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\","
		  "\"\xE2\x82\xAC\":\"Euro Sign\",\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}" },
		{ "surrogates sort below E000", "{\"\\uffff\":1,\"\\ue000\":2,\"\\udbff\\udfff\":3,\"\\ud800\\udc00\":4,\"\\ud7ff\":5}", RC_OK,
		  "{\"\xED\x9F\xBF\":5,\"\xF0\x90\x80\x80\":4,\"\xF4\x8F\xBF\xBF\":3,\"\xEE\x80\x80\":2,\"\xEF\xBF\xBF\":1}" },
		{ "same beginning", "{\"ab\":1,\"a\":2,\"\":3,\"aa\":4,\"b\":5,\"A\":6}", RC_OK, "{\"\":3,\"A\":6,\"a\":2,\"aa\":4,\"ab\":1,\"b\":5}" },
		{ "inner objects", "[{\"b\":{\"d\":1,\"c\":2},\"a\":[]}]", RC_OK, "[{\"a\":[],\"b\":{\"c\":2,\"d\":1}}]" },
		{ "numbers", "[-0,0.0,1.0,1e21,1e-7,100e-2,9007199254740993,18446744073709551616,123456789012345,1e-400,0e9]", RC_OK,
		  "[0,0,1,1e+21,1e-7,1,9007199254740992,18446744073709552000,123456789012345,0,0]" },
		{ "beyond a double", "{\"a\":[1e400]}", RC_BAD, "" },
		{ "below it", "-1e309", RC_BAD, "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		CLEANUP(arena_freep) struct arena *a = arena_new(100000);
		const struct json *v = NULL;
		struct err err = { 0 };
		struct buf b, again;

		buf_init(&b, 10000), buf_init(&again, 10000);
		OK(json_parse(a, str_of(rows[i].text), &JSON_LIMITS, &v, &err) == RC_OK, "%s: parses", rows[i].name);
		EQ_INT(json_canonical(v, &b, &err), rows[i].rc, "canonical");
		EQ_INT(err.rc, rows[i].rc, "err");
		if (rows[i].rc == RC_OK) {
			EQ_STR(buf_view(&b), str_of(rows[i].canonical), rows[i].name);
			OK(json_parse(a, buf_view(&b), &JSON_LIMITS, &v, &err) == RC_OK && json_canonical(v, &again, &err) == RC_OK &&
				   str_eq(buf_view(&b), buf_view(&again)), "%s: is its own canonical form", rows[i].name);
		}
		buf_done(&b), buf_done(&again);
	}
}

/* `n` members "n<i>" counted from the last to the first. */
static const struct json *falling(struct arena *a, struct buf *text, int n)
{
	const struct json *v = NULL;

	buf_clear(text);
	buf_char(text, '{');
	for (int i = n - 1; i >= 0; i--)
		buf_fmt(text, "\"n%05d\":%d%s", i, i, i == 0 ? "" : ",");
	buf_char(text, '}');
	return json_parse(a, buf_view(text), &JSON_LIMITS, &v, NULL) == RC_OK ? v : NULL;
}

static void test_many(void)
{
	static const int counts[] = { 31, 32, 33, 5000 };
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)16 << 20);
	struct buf text, out, want;
	const struct json *v;
	struct err err = { 0 };
	int64_t live;

	buf_init(&text, 1 << 20), buf_init(&out, 1 << 20), buf_init(&want, 1 << 20);
	for (size_t i = 0; i < COUNTOF(counts); i++) {
		buf_clear(&out), buf_clear(&want);
		buf_char(&want, '{');
		for (int k = 0; k < counts[i]; k++)
			buf_fmt(&want, "%s\"n%05d\":%d", k == 0 ? "" : ",", k, k);
		buf_char(&want, '}');
		OK(json_canonical(falling(a, &text, counts[i]), &out, &err) == RC_OK && str_eq(buf_view(&out), buf_view(&want)),
		   "%d members", counts[i]);
	}
	buf_clear(&out);
	v = falling(a, &text, 33);
	live = mem_live();
	mem_fail_at(1, 0);
	EQ_INT(json_canonical(v, &out, &err), RC_NOMEM, "many members without memory");
	mem_fail_at(0, 0);
	EQ_INT(mem_live(), live, "nothing is kept");
	buf_done(&text), buf_done(&out), buf_done(&want);
}

int main(void)
{
	test_quote();
	test_doubles();
	test_shortest();
	test_canonical();
	test_many();
	return tap_done();
}
