#include "base/mem.h"
#include "tap.h"
#include "wire/flat_json.h"
#include "wire/flat_json_path.h"

static struct fields *dict;
static struct flat *f;
static struct flat_json_way way;

static enum rc read_line(struct str line, struct err *err)
{
	return flat_json_by(way.read, f, dict, line, err);
}

/* Also as the tail of exactly the bytes it has, for ASan to see a look behind the end. */
static enum rc read_alone(struct str line, struct err *err)
{
	char *alone = mem_alloc(line.n + 1);
	enum rc rc;

	memcpy(alone + 1, line.p, line.n);
	rc = read_line(str_make(alone + 1, line.n), err);
	mem_free(alone);
	return rc;
}

/* "id name type flags text;" for each value: i item, e escaped. */
static void show(struct buf *out)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct flat_value *v = &f->v[i];

		buf_fmt(out, "%u %.*s %c%s%s %.*s;", v->field, (int)v->name_n, v->name, "0ft#s"[v->type],
			(v->flags & FLAT_ITEM) != 0 ? "i" : "", (v->flags & FLAT_ESCAPED) != 0 ? "e" : "", (int)v->n, v->p);
	}
}

static void test_good(void)
{
	static const struct {
		struct str in, out;
	} rows[] = {
		{ S("{}"), S("") },
		{ S(" \t\r\n{ } \n"), S("") },
		{ S("{\"Image\":\"x\"}"), S("1 Image s x;") },
		{ S("{\"Im\\u0061ge\":\"x\"}"), S("1 Im\\u0061ge s x;") },
		{ S("{\"Image\" : \"\" , \"n\":null}"), S("1 Image s ;0 n 0 null;") },
		{ S("{\"Image\":true,\"a\":false,\"b\":-0.5e+10,\"c\":0,\"d\":120}"),
		  S("1 Image t true;0 a f false;0 b # -0.5e+10;0 c # 0;0 d # 120;") },
		{ S("{\"a\":{\"b\":1},\"a.b\":2,\"c\":{\"a\":{\"b\":3}}}"), S("2 b # 1;2 a.b # 2;0 b # 3;") },
		{ S("{\"a\":[{\"b\":1},{\"b\":\"2\"},7]}"), S("2 b # 1;2 b s 2;0 a #i 7;") },
		{ S("{\"Image\":[\"x\",[\"y\",[]],{},null]}"), S("1 Image si x;1 Image si y;1 Image 0i null;") },
		{ S("{\"Image\":\"a\\\\b\",\"Image\":\"c\\\"\"}"), S("1 Image se a\\\\b;1 Image se c\\\";") },
		{ S("{\"\":{},\"x\":[],\"Image\":{\"y\":[]}}"), S("") },
		{ S("{\"x\":\"\xE8\x81\xAF\\u8a0a\"}"), S("0 x se \xE8\x81\xAF\\u8a0a;") },
		{ S("\xEF\xBB\xBF{\"Image\":1}"), S("1 Image # 1;") },
		{ S("{\"Threat Name\":1}"), S("3 Threat Name # 1;") },
		{ S("{\"e\":1E5,\"f\":1e-5,\"g\":1.25}"), S("0 e # 1E5;0 f # 1e-5;0 g # 1.25;") },
		{ S("{\"x\":\"\x7F\"}"), S("0 x s \x7F;") },
	};
	struct buf out;

	buf_init(&out, 65536);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct err err = { 0 };

		buf_clear(&out);
		if (!OK(read_line(rows[i].in, &err) == RC_OK, "good row %zu", i))
			printf("# %s\n", err.text);
		show(&out);
		EQ_STR(buf_view(&out), rows[i].out, "its values");
		OK(str_eq(f->raw, rows[i].in) && f->format == LOG_JSON && f->left_out == 0, "its own bytes");
	}
	buf_done(&out);
}

static void test_bad(void)
{
	static const struct {
		struct str in;
		int byte;
	} rows[] = {
		{ S(""), 0 }, { S(" "), 1 }, { S("[]"), 0 }, { S("1"), 0 }, { S("\"a\""), 0 }, { S("null"), 0 },
		{ S("{"), 1 }, { S("{\""), 2 }, { S("{\"a"), 3 }, { S("{\"a\""), 4 }, { S("{\"a\":"), 5 }, { S("{\"a\":1"), 6 },
		{ S("{\"a\":1,"), 7 }, { S("{\"a\":1,}"), 7 }, { S("{,}"), 1 }, { S("{\"a\" 1}"), 5 }, { S("{\"a\":}"), 5 },
		{ S("{a:1}"), 1 }, { S("{'a':1}"), 1 }, { S("{\"a\":1}}"), 7 }, { S("{\"a\":1} x"), 8 }, { S("{\"a\":1}{"), 7 },
		{ S("{\"a\":[1}"), 7 }, { S("{\"a\":{\"b\":1]"), 11 }, { S("{\"a\":[1,]}"), 8 }, { S("{\"a\":[1 2]}"), 8 },
		{ S("{\"a\":1 \"b\":2}"), 7 }, { S("{\"a\":tru}"), 5 }, { S("{\"a\":True}"), 5 }, { S("{\"a\":nul"), 5 },
		{ S("{\"a\":truex}"), 9 }, { S("{\"a\":01}"), 6 }, { S("{\"a\":-}"), 6 }, { S("{\"a\":+1}"), 5 }, { S("{\"a\":.5}"), 5 },
		{ S("{\"a\":1.}"), 7 }, { S("{\"a\":1e}"), 7 }, { S("{\"a\":1e+}"), 8 }, { S("{\"a\":0x1}"), 6 }, { S("{\"a\":NaN}"), 5 },
		{ S("{\"a\":\"x\ny\"}"), 7 }, { S("{\"a\tb\":1}"), 3 }, { S("{\"a\":\"\\x\"}"), 7 }, { S("{\"a\":\"\\u12g4\"}"), 10 },
		{ S("{\"a\":\"\\u12"), 10 }, { S("{\"a\":\"\\"), 7 }, { S("{\"a\":\"\\\"}"), 9 }, { S("{\"a\":\"x\0y\"}"), 7 },
		{ S("{\"a\":\"\xFF\"}"), 6 }, { S("{\"a\":\"\xC0\xAF\"}"), 6 }, { S("{\"\xED\xA0\x80\":1}"), 2 },
		{ S("{\"a\":\"\xE8\x81\"}"), 6 }, { S("{\"a\":\"\xF4\x90\x80\x80\"}"), 6 }, { S("{\"a\":1}\xFF"), 7 },
		{ S("{\"a\":1\v}"), 6 }, { S("\xEF\xBB{}"), 0 }, { S("{\"a\":\"b\"\"c\":1}"), 8 }, { S("{\"a\"::1}"), 5 },
		{ S("{\"a\":\"b\",,\"c\":1}"), 9 }, { S("{\"a\":\"b\":\"c\"}"), 8 }, { S("{\"a\",\"b\"}"), 4 }, { S("{\"a\":[\"b\":1]}"), 9 },
		{ S("{}\0"), 2 }, { S("{\"a\":1}\0"), 7 }, { S("{\"a\":[]]"), 7 }, { S("{\"a\":\"b\"]"), 8 }, { S("{\"a\":1-2}"), 6 },
	};
	char want[40];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct err err = { 0 };
		int n = snprintf(want, sizeof want, "JSON: byte %d: ", rows[i].byte);

		EQ_INT(read_alone(rows[i].in, &err), RC_BAD, "bad");
		if (!OK(n > 0 && strncmp(err.text, want, (size_t)n) == 0, "bad row %zu: byte %d", i, rows[i].byte))
			printf("# %s\n", err.text);
	}
}

static void nested(struct buf *b, int depth, char open, char close)
{
	buf_clear(b);
	buf_cstr(b, "{\"Image\":");
	for (int i = 0; i < depth; i++)
		buf_cstr(b, open == '{' ? "{\"Image\":" : "[");
	buf_char(b, '1');
	for (int i = 0; i < depth; i++)
		buf_char(b, close);
	buf_char(b, '}');
}

static void test_limits(void)
{
	struct buf b;

	buf_init(&b, (size_t)64 << 20);
	nested(&b, FLAT_DEPTH_MAX - 1, '[', ']');
	OK(read_line(buf_view(&b), NULL) == RC_OK && f->n == 1 && f->v[0].field == 1, "as deep as may be");
	nested(&b, FLAT_DEPTH_MAX, '[', ']');
	EQ_INT(read_line(buf_view(&b), NULL), RC_LIMIT, "one deeper");
	nested(&b, 100000, '{', '}');
	EQ_INT(read_line(buf_view(&b), NULL), RC_LIMIT, "far too deep");
	buf_clear(&b);
	buf_cstr(&b, "{\"a\":1");
	for (int i = 0; i < FLAT_VALUES_MAX; i++)
		buf_fmt(&b, ",\"Image\":%d", i);
	buf_char(&b, '}');
	OK(read_line(buf_view(&b), NULL) == RC_OK && f->n == FLAT_VALUES_MAX && f->left_out == 1, "too many values");
	OK(read_line(S("{}"), NULL) == RC_OK && f->n == 0 && f->left_out == 0, "and none");
	buf_clear(&b);
	buf_cstr(&b, "{\"Image\":\"");
	for (uint32_t i = 0; i < FLAT_VALUE_MAX; i++)
		buf_cstr(&b, "\\n");
	buf_cstr(&b, "\"}");
	OK(read_line(buf_view(&b), NULL) == RC_OK && f->n == 1 && f->v[0].n == FLAT_VALUE_MAX &&
	   f->v[0].flags == (FLAT_ESCAPED | FLAT_CUT), "a value that is cut");
	OK(flat_text(f, &f->v[0]).n == FLAT_VALUE_MAX / 2, "its text");
	buf_clear(&b);
	buf_cstr(&b, "{\"");
	for (int i = 0; i < 70000; i++)
		buf_char(&b, 'n');
	buf_cstr(&b, "\":\"x\"}");
	OK(read_line(buf_view(&b), NULL) == RC_OK && f->n == 1 && f->v[0].name_n == UINT16_MAX && f->v[0].field == 0,
	   "a name that is cut");
	buf_done(&b);
}

int main(void)
{
	int64_t live = mem_live();
	struct flat_json_way ways[3];
	size_t n_ways;
	uint16_t id;

	dict = fields_new();
	if (fields_add(dict, S("Image"), &id, NULL) != RC_OK || fields_add(dict, S("a.b"), &id, NULL) != RC_OK ||
	    fields_add(dict, S("ThreatName"), &id, NULL) != RC_OK || flat_new(&f, NULL) != RC_OK)
		return 1;
	n_ways = flat_json_ways(ways);
	EQ_STR(str_of(flat_json_path()), str_of(ways[0].name), "the best way is taken");
	for (size_t i = 0; i < n_ways; i++) {
		way = ways[i];
		printf("# %s\n", way.name);
		test_good();
		test_bad();
		test_limits();
	}
	flat_free(f);
	fields_free(dict);
	EQ_INT(mem_live(), live, "nothing left behind");
	return tap_done();
}
