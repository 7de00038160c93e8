#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static struct arena *arena;

static const struct json *parse(const char *text)
{
	const struct json *v = NULL;
	struct err err = { 0 };

	if (json_parse(arena, str_of(text), &JSON_LIMITS, &v, &err) != RC_OK)
		printf("# %s: %s\n", text, err.text);
	return v;
}

static void test_find(void)
{
	const struct json *v = parse("{\"a\":{\"b\":{\"c\":7}},\"list\":[10,[20],{\"x\":30}],\"s\":\"t\",\"t\":true,\"e\":{},\"n\":null}");
	int64_t i = 0;
	bool b = false;

	OK(json_int(json_path(v, "a.b.c"), &i) && i == 7, "path");
	OK(json_path(v, "a.x.c") == NULL && json_path(v, "list.b") == NULL && json_path(v, "") == v, "no such path");
	OK(json_get(v, S("b")) == NULL && json_get(NULL, S("a")) == NULL && json_get(json_get(v, S("list")), S("x")) == NULL, "no such member");
	OK(json_int(json_item(json_get(v, S("list")), 0), &i) && i == 10, "item 0");
	OK(json_int(json_path(json_item(json_get(v, S("list")), 2), "x"), &i) && i == 30, "item 2");
	OK(json_item(json_get(v, S("list")), 3) == NULL && json_item(v, 0) == NULL && json_item(NULL, 0) == NULL, "no such item");
	EQ_STR(json_get_str(v, S("s")), S("t"), "string member");
	OK(json_get_str(v, S("t")).p == NULL && json_get_str(v, S("zz")).p == NULL, "no string");
	OK(json_bool(json_get(v, S("t")), &b) && b && !json_bool(json_get(v, S("s")), &b) && !json_bool(NULL, &b), "bool");
	OK(json_first(json_get(v, S("e"))) == NULL && json_first(NULL) == NULL && json_first(json_get(v, S("s"))) == NULL, "nothing inside");
	OK(json_first(v) == v + 1, "first");
	OK(json_is(json_get(v, S("n")), JSON_NULL) && !json_is(NULL, JSON_NULL), "is");
}

static void test_each(void)
{
	const struct json *v = parse("{\"a\":[1,[2,3],{}],\"b\":{\"c\":4},\"d\":5}");
	char seen[20] = "";
	int items = 0;

	JSON_MEMBERS(name, value, v) {
		memcpy(seen + strlen(seen), name->p, 1);
		items += value->type == JSON_NUMBER;
	}
	EQ_STR(str_of(seen), S("abd"), "members");
	EQ_INT(items, 1, "values");
	items = 0;
	JSON_EACH(item, json_get(v, S("a")))
		items++;
	EQ_INT(items, 3, "items");
	JSON_EACH(item, parse("[]"))
		items++;
	JSON_MEMBERS(name, value, parse("{}"))
		items++;
	EQ_INT(items, 3, "nothing in empty ones");
}

static void test_int(void)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 }, { "-0", true, 0 }, { "0.000", true, 0 }, { "0e99999999999999999999", true, 0 },
		{ "1e2", true, 100 }, { "1.0", true, 1 }, { "1.50e1", true, 15 }, { "-12.3400e2", true, -1234 }, { "100e-2", true, 1 },
		{ "9007199254740991", true, 9007199254740991 }, { "-9007199254740991", true, -9007199254740991 },
		{ "9007199254740992", false, 0 }, { "-9007199254740992", false, 0 }, { "9007199254740993", false, 0 },
		{ "9007199254740990.5", false, 0 }, { "1.5", false, 0 }, { "1e-1", false, 0 }, { "1e16", false, 0 }, { "1e15", true, 1000000000000000 },
		{ "18446744073709551616", false, 0 }, { "1e400", false, 0 }, { "1e-400", false, 0 }, { "1e99999999999999999999", false, 0 },
		{ "0.0000000000000000000000000000001e31", true, 1 }, { "\"1\"", false, 0 }, { "true", false, 0 }, { "null", false, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int64_t v = 77;
		bool good = json_int(parse(rows[i].text), &v);

		OK(good == rows[i].good && v == (good ? rows[i].value : 77), "int %s", rows[i].text);
	}
	OK(!json_int(NULL, &(int64_t){ 0 }), "int of nothing");
}

static void test_double(void)
{
	static const struct {
		const char *text;
		bool good;
		double value;
	} rows[] = {
		{ "0", true, 0 }, { "1", true, 1 }, { "-2.5", true, -2.5 }, { "0.1", true, 0.1 }, { "1e-7", true, 1e-7 },
		{ "123456789012345", true, 123456789012345.0 }, { "123456789012345678", true, 123456789012345678.0 },
		{ "9007199254740993", true, 9007199254740992.0 }, { "2.2250738585072011e-308", true, 2.2250738585072011e-308 },
		{ "5e-324", true, 5e-324 }, { "1e-400", true, 0 }, { "1.7976931348623157e308", true, 1.7976931348623157e308 },
		{ "1.7976931348623159e308", false, 0 }, { "1e400", false, 0 }, { "-1e400", false, 0 }, { "\"1\"", false, 0 },
		{ "8.5e22", true, 8.5e22 }, { "1e23", true, 1e23 }, { "333333333.33333329", true, 333333333.33333329 },
		{ "0.000001", true, 1e-6 }, { "4.35", true, 4.35 }, { "-0.3e1", true, -3 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		double v = 77;
		bool good = json_double(parse(rows[i].text), &v), same;
		double want = good ? rows[i].value : 77;

		same = memcmp(&v, &want, sizeof v) == 0;
		OK(good == rows[i].good && same, "double %s", rows[i].text);
	}
	OK(!json_double(NULL, &(double){ 0 }), "double of nothing");
}

static void test_pointer(void)
{
	/* RFC 6901 §5 */
	const struct json *v = parse("{\"foo\":[\"bar\",[{\"baz\":1}]],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8,\"~1\":9,\"\\u00e9\":3}");
	static const char *const names[] = { "foo", "", "a/b", "c%d", "m~n", "~1", "\xC3\xA9" };
	static const char *const pointers[] = { "/foo", "/", "/a~1b", "/c%d", "/m~0n", "/~01", "/\xC3\xA9" };
	const struct json *deep = json_get(json_item(json_item(json_get(v, S("foo")), 1), 0), S("baz"));
	struct buf b;

	buf_init(&b, 1000);
	json_pointer(v, v, &b);
	EQ_STR(buf_view(&b), S(""), "the whole");
	for (size_t i = 0; i < COUNTOF(names); i++) {
		buf_clear(&b);
		json_pointer(v, json_get(v, str_of(names[i])), &b);
		EQ_STR(buf_view(&b), str_of(pointers[i]), "member");
		buf_clear(&b);
		json_pointer(v, json_get(v, str_of(names[i])) - 1, &b);
		EQ_STR(buf_view(&b), str_of(pointers[i]), "by its name");
	}
	buf_clear(&b), json_pointer(v, deep, &b);
	EQ_STR(buf_view(&b), S("/foo/1/0/baz"), "deep");
	buf_clear(&b), json_pointer(json_get(v, S("foo")), deep, &b);
	EQ_STR(buf_view(&b), S("/1/0/baz"), "from the middle");
	buf_done(&b);
}

static void test_same(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] , \"a\" : 1.0 } ", true },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"a\":1,\"b\":2}", true },
		{ "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false }, { "{\"a\":1}", "{\"a\":1,\"b\":2}", false }, { "{\"a\":1}", "{\"a\":2}", false },
		{ "[1,2]", "[2,1]", false }, { "[1]", "[1,1]", false }, { "[]", "{}", false }, { "[[1],2]", "[[1],2]", true }, { "[[1],2]", "[[1,2]]", false },
		{ "\"\\u0061\"", "\"a\"", true }, { "\"a\"", "\"b\"", false }, { "\"a\"", "\"ab\"", false }, { "true", "false", false }, { "null", "null", true },
		{ "1", "1.00", true }, { "100", "1e2", true }, { "0.1", "1e-1", true }, { "0", "-0", true }, { "0e5", "0.0", true }, { "1", "-1", false },
		{ "9007199254740992", "9007199254740993", false }, { "1e400", "10e399", true }, { "1e400", "1e401", false },
		{ "0.1", "0.10000000000000000001", false }, { "1e99999999999999999999", "1e99999999999999999998", false }, { "1", "\"1\"", false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct json *a = parse(rows[i].a), *b = parse(rows[i].b);

		OK(json_same(a, b) == rows[i].same && json_same(b, a) == rows[i].same, "%s and %s", rows[i].a, rows[i].b);
	}
}

/* {"n0":0,..} rising or falling, with one value changed when `odd` is in range. */
static const struct json *many(struct buf *b, int n, bool rising, int odd)
{
	buf_clear(b);
	buf_char(b, '{');
	for (int i = 0; i < n; i++) {
		int k = rising ? i : n - 1 - i;

		buf_fmt(b, "%s\"n%d\":%d", i == 0 ? "" : ",", k, k == odd ? -1 : k);
	}
	buf_char(b, '}');
	return parse(b->p);
}

static void test_same_many(void)
{
	const struct json *a, *b;
	struct buf x, y;

	buf_init(&x, 1 << 20);
	buf_init(&y, 1 << 20);
	for (int n = 15; n < 20; n++) {
		OK(json_same(many(&x, n, true, -1), many(&y, n, false, -1)), "%d members in reverse", n);
		OK(!json_same(many(&x, n, true, -1), many(&y, n, false, n - 1)), "%d members, one other", n);
	}
	OK(json_same(many(&x, 30000, true, -1), many(&y, 30000, false, -1)), "30,000 in reverse");
	OK(!json_same(many(&x, 30000, true, -1), many(&y, 30000, false, 7)), "30,000, one other");
	a = many(&x, 100, true, -1), b = many(&y, 100, false, -1);
	mem_fail_at(1, 1);
	OK(json_same(a, b), "also without memory");
	mem_fail_at(0, 0);
	buf_done(&x);
	buf_done(&y);
}

int main(void)
{
	arena = arena_new((size_t)64 << 20);
	test_find();
	test_each();
	test_int();
	test_double();
	test_pointer();
	test_same();
	test_same_many();
	arena_free(arena);
	return tap_done();
}
