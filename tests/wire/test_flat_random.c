/* Every way to read a line against the plain one, on random lines good and bad;
 * and the plain one against itself: a line written in another way says the same. */
#include "base/json.h"
#include "base/mem.h"
#include "tap.h"
#include "wire/flat_json.h"
#include "wire/flat_json_path.h"

#define LINES 30000
#define LINE_MAX_BYTES (1 << 18)

static struct fields *dict;
static struct flat *plain, *fast;
static uint64_t seed = 20260101;

static uint32_t below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

/* --- random text ------------------------------------------------------------- */

static const char *const names[] = {
	"Image", "CommandLine", "a", "b", "EventID", "a.b", "Threat Name", "ParentProcessGuid", "SomeVeryLongNameOfAFieldThatNobodyAsksFor",
	"AnotherLongNameThatIsAskedForOften", "x y", "Event", "EventData", "winlog", "event_data", "", "Threat\\u0020Name", "Im\\u0061ge",
	"\xE8\x81\xAF\xE9\x98\xB2", "Hashes", "UserName",
};
static const char *const pieces[] = {
	"\\\\", "\\\"", "\\n", "\\r\\n", "\\t", "\\u00e9", "\\ud83d\\ude00", "\xC2\xAE", "\xE8\x81\xAF", "\xF0\x9F\x98\x80", "\\/", "/", "{", "}",
	"[", "]", ",", ":", " ", "C:\\\\Windows\\\\System32\\\\cmd.exe", "\\\\\\\\", "\x7F", "'", "plain text that goes on for a while ",
};
static const char *const numbers[] = {
	"0", "-0", "1", "4688", "12345678", "123456789012345678901234567890", "1.5", "-2.25e10", "1E+3", "0.1", "7e-3", "10",
};

static void put_space(struct buf *b, uint32_t how)
{
	static const char spaces[] = " \t\r\n";

	for (uint32_t n = how == 0 ? 0 : how == 1 ? below(2) : below(6); n > 0; n--)
		buf_char(b, how == 1 ? ' ' : spaces[below(4)]);
}

static void put_text(struct buf *b)
{
	uint32_t shape = below(10), n = shape < 6 ? below(4) : shape < 9 ? below(20) : below(200);

	buf_char(b, '"');
	for (; n > 0; n--)
		if (below(3) == 0)
			buf_cstr(b, pieces[below(COUNTOF(pieces))]);
		else
			for (uint32_t k = below(12); k > 0; k--)
				buf_char(b, (char)('a' + below(26)));
	buf_char(b, '"');
}

static void put_value(struct buf *b, uint32_t depth, uint32_t how);

static void put_object(struct buf *b, uint32_t depth, uint32_t how)
{
	uint32_t n = below(depth == 0 ? 25 : 5);

	buf_char(b, '{');
	put_space(b, how);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0) {
			buf_char(b, ',');
			put_space(b, how);
		}
		buf_char(b, '"');
		buf_cstr(b, names[below(COUNTOF(names))]);
		buf_char(b, '"');
		put_space(b, how);
		buf_char(b, ':');
		put_space(b, how);
		put_value(b, depth + 1, how);
		put_space(b, how);
	}
	buf_char(b, '}');
}

static void put_array(struct buf *b, uint32_t depth, uint32_t how)
{
	uint32_t n = below(5);

	buf_char(b, '[');
	put_space(b, how);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0) {
			buf_char(b, ',');
			put_space(b, how);
		}
		put_value(b, depth + 1, how);
		put_space(b, how);
	}
	buf_char(b, ']');
}

static void put_value(struct buf *b, uint32_t depth, uint32_t how)
{
	uint32_t kind = below(depth > 6 ? 16 : 20);

	if (kind < 10)
		put_text(b);
	else if (kind < 14)
		buf_cstr(b, numbers[below(COUNTOF(numbers))]);
	else if (kind < 16)
		buf_cstr(b, (const char *const[]){ "true", "false", "null" }[below(3)]);
	else if (kind < 18)
		put_object(b, depth, how);
	else
		put_array(b, depth, how);
}

/* Breaks the line somewhere, or perhaps not. */
static void damage(struct buf *b)
{
	static const char bytes[] = "\"\\{}[]:, \n\x00\x1F\x80\xC3\xFFtn019.-eEu";
	uint32_t at = below((uint32_t)b->n);

	switch (below(5)) {
	case 0:
		buf_cut(b, at);
		break;
	case 1:
		memmove(b->p + at, b->p + at + 1, b->n - at - 1);
		buf_cut(b, b->n - 1);
		break;
	case 2:
		buf_char(b, bytes[below(sizeof bytes - 1)]);
		break;
	default:
		b->p[at] = bytes[below(sizeof bytes - 1)];
	}
}

/* --- agreement --------------------------------------------------------------- */

static bool same_values(const struct flat *a, const struct flat *b)
{
	if (a->n_held != b->n_held || memcmp(a->held, b->held, (a->n_held < FLAT_HELD_MAX ? a->n_held : FLAT_HELD_MAX) * sizeof *a->held) != 0)
		return false;
	if (a->n != b->n || a->left_out != b->left_out || a->format != b->format || !str_eq(a->raw, b->raw))
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct flat_value *x = &a->v[i], *y = &b->v[i];

		if (x->p != y->p || x->name != y->name || x->n != y->n || x->name_n != y->name_n || x->field != y->field ||
		    x->type != y->type || x->flags != y->flags)
			return false;
	}
	return true;
}

/* The line lies at the end of a piece of exactly its size, at any alignment. */
static bool agree(flat_json_fast way, struct str text, bool *ret_good)
{
	size_t before = below(64);
	char *room = mem_alloc(before + text.n + 1);
	struct str line = str_make(room + 1 + before, text.n);
	struct err a = { 0 }, b = { 0 };
	enum rc x, y;
	bool good;

	memcpy(room + 1 + before, text.p, text.n);
	x = flat_json_plain(plain, dict, line, &a);
	y = flat_json_by(way, fast, dict, line, &b);
	good = x == y && strcmp(a.text, b.text) == 0 && (x != RC_OK || same_values(plain, fast));
	*ret_good = x == RC_OK;
	mem_free(room);
	return good;
}

static void test_agreement(const struct flat_json_way *way)
{
	uint32_t differ = 0, well = 0;
	struct buf b;
	bool good;

	buf_init(&b, LINE_MAX_BYTES);
	for (uint32_t i = 0; i < LINES; i++) {
		buf_clear(&b);
		put_space(&b, i % 3);
		put_object(&b, 0, i % 3);
		put_space(&b, i % 3);
		if (i % 2 == 1 && b.n > 0)
			damage(&b);
		if (!agree(way->read, buf_view(&b), &good) && differ++ < 3)
			printf("# differs: %.*s\n", STR(buf_view(&b)));
		well += good;
		if (i % 2 == 0 && !good && differ++ < 3)
			printf("# a good line is bad: %.*s\n", STR(buf_view(&b)));
	}
	EQ_INT(differ, 0, way->name);
	OK(well >= LINES / 2 && well < LINES, "good and bad lines were tried: %u of %u", well, LINES);
	buf_done(&b);
}

/* Strings that end, and quotes that stand, at every place of two blocks. */
static void test_edges(const struct flat_json_way *way)
{
	static const char *const tails[] = { "\"}", "\\\\\"}", "\\\"\"}", "\\\\\\\"\"}", "\xE8\x81\xAF\"}", "\",\"Image\":1}", "\":2,\"b\":\"\"}", "\"",
		"\\u00e9\"}", "\\u00e\"}", "\\x\"}", "\xE8\x81\"}", "\x1F\"}", "\"\x1F}", "\"}\n", "\" , \"a\" : [ \"\\\\\" , 1 ] }" };
	uint32_t differ = 0;
	struct buf b;
	bool good;

	buf_init(&b, LINE_MAX_BYTES);
	for (uint32_t n = 0; n < 200; n++)
		for (size_t k = 0; k < COUNTOF(tails); k++) {
			buf_clear(&b);
			buf_cstr(&b, "{\"a\":\"");
			for (uint32_t i = 0; i < n; i++)
				buf_char(&b, 'x');
			buf_cstr(&b, tails[k]);
			if (!agree(way->read, buf_view(&b), &good) && differ++ < 3)
				printf("# differs: %.*s\n", STR(buf_view(&b)));
		}
	EQ_INT(differ, 0, "at every place of a block");
	for (uint32_t n = 0; n < 200; n++)
		for (size_t k = 0; k < 6; k++) {
			buf_clear(&b);
			buf_cstr(&b, "{\"a\":\"");
			for (uint32_t i = 0; i < n; i++)
				buf_char(&b, 'x');
			buf_cstr(&b, tails[k]);
			flat_clear(fast);
			differ += !way->read(fast, dict, buf_view(&b));
		}
	EQ_INT(differ, 0, "and these without the plain way's help");
	for (uint32_t n = FLAT_FAST_MAX - 70; n < FLAT_FAST_MAX + 70; n++) {
		buf_clear(&b);
		buf_cstr(&b, "{\"a\":\"");
		while (b.n < n)
			buf_char(&b, 'x');
		buf_cstr(&b, "\\\\\"}");
		differ += !agree(way->read, buf_view(&b), &good) || !good;
	}
	EQ_INT(differ, 0, "around the longest line of the fast way");
	buf_clear(&b);
	buf_cstr(&b, "{\"\":\"");
	while (b.n < FLAT_FAST_MAX - 8)
		buf_cstr(&b, "\",\"\":\"");
	buf_cstr(&b, "\"}");
	OK(agree(way->read, buf_view(&b), &good) && good, "nothing but quotes");
	buf_done(&b);
}

/* --- the same said otherwise -------------------------------------------------- */

/* One value a line, "id text", in any order: the order of members means nothing. */
static uint64_t meaning(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < fast->n; i++) {
		struct str text = flat_text(fast, &fast->v[i]);
		uint64_t h = 1469598103934665603u ^ fast->v[i].field;

		for (size_t k = 0; k < text.n; k++)
			h = (h ^ (unsigned char)text.p[k]) * 1099511628211u;
		sum += h * h;
	}
	return sum + fast->n;
}

static void put_unit(struct buf *b, uint32_t unit)
{
	buf_fmt(b, below(2) == 0 ? "\\u%04x" : "\\u%04X", unit);
}

/* A string with random characters of it written as escapes. */
static void put_disguised(struct buf *b, struct str s)
{
	size_t at = 0;

	buf_char(b, '"');
	while (at < s.n) {
		size_t from = at;
		uint32_t c = s.p[at] < 0 ? 0x80 : (uint32_t)s.p[at];

		if (c == 0x80) { /* beyond ASCII: as it stands */
			do
				at++;
			while (at < s.n && (s.p[at] & 0xC0) == 0x80);
			buf_put(b, s.p + from, at - from);
			continue;
		}
		at++;
		if (c < ' ' || c == '"' || c == '\\' || below(4) == 0)
			put_unit(b, c);
		else
			buf_char(b, (char)c);
	}
	buf_char(b, '"');
}

struct member {
	struct str name, value;
};

/* `order` 1: as given, else turned round; `nest`: inside the wrappers of evtx_dump. */
static void put_members(struct buf *b, const struct member *m, size_t n, bool turned, bool nest, bool disguised, uint32_t space)
{
	buf_cstr(b, nest ? "{ \"Event\" : {\"EventData\":\t" : "");
	buf_char(b, '{');
	for (size_t i = 0; i < n; i++) {
		const struct member *x = &m[turned ? n - 1 - i : i];

		put_space(b, space);
		if (disguised) {
			put_disguised(b, x->name);
		} else {
			json_quote(b, x->name);
		}
		put_space(b, space);
		buf_char(b, ':');
		put_space(b, space);
		if (disguised)
			put_disguised(b, x->value);
		else
			json_quote(b, x->value);
		put_space(b, space);
		if (i + 1 < n)
			buf_char(b, ',');
	}
	buf_cstr(b, nest ? "}}}" : "}");
}

static void test_metamorphic(flat_json_fast way)
{
	static const char *const known[] = { "Image", "CommandLine", "EventID", "ThreatName", "AnotherLongNameThatIsAskedForOften", "Hashes" };
	static const char *const values[] = { "C:\\Windows\\x.exe", "say \"no\"", "", "\xE8\x81\xAF\xE9\x98\xB2 C2", "line\r\nline\tend", "\x01",
		"a value that goes on for longer than one block of sixty-four bytes, and then some more" };
	uint32_t differ = 0;
	struct member m[6];
	struct buf b;

	buf_init(&b, LINE_MAX_BYTES);
	for (uint32_t i = 0; i < 3000; i++) {
		size_t n = 1 + below(6);
		uint64_t first = 0;

		for (size_t k = 0; k < n; k++)
			m[k] = (struct member){ str_of(known[below(COUNTOF(known))]), str_of(values[below(COUNTOF(values))]) };
		for (uint32_t how = 0; how < 24; how++) {
			buf_clear(&b);
			put_members(&b, m, n, (how & 1) != 0, (how & 2) != 0, (how & 4) != 0, how / 8);
			if (flat_json_by(way, fast, dict, buf_view(&b), NULL) != RC_OK)
				differ++;
			first = how == 0 ? meaning() : first;
			if (meaning() != first && differ++ < 3)
				printf("# another meaning: %.*s\n", STR(buf_view(&b)));
		}
	}
	EQ_INT(differ, 0, "order, nesting, escapes and white space change nothing");
	buf_done(&b);
}

/* A flat event remembers names: not beyond a change of the dictionary, nor when there are more than it has room for. */
static void test_names(flat_json_fast way)
{
	CLEANUP(fields_freep) struct fields *other = fields_new();
	struct str line = S("{\"later\":1,\"Image\":\"x\",\"o\":{\"later\":2,\"Image\":3}}");
	uint16_t id = 0, image = fields_id(dict, S("Image"));
	uint32_t differ = 0;
	struct buf b;
	bool good;

	OK(flat_json_by(way, fast, other, line, NULL) == RC_OK && fast->v[0].field == 0 && fast->v[1].field == 0, "nobody asks");
	OK(fields_add(other, S("later"), &id, NULL) == RC_OK && flat_json_by(way, fast, other, line, NULL) == RC_OK &&
	   fast->v[0].field == id && fast->v[2].field == 0, "now somebody does");
	OK(fields_add(other, S("o.later"), &id, NULL) == RC_OK && flat_json_by(way, fast, other, line, NULL) == RC_OK &&
	   fast->v[0].field == 1 && fast->v[2].field == id, "the same name elsewhere");
	OK(fields_alias(other, S("Image"), id, NULL) == RC_OK && flat_json_by(way, fast, other, line, NULL) == RC_OK &&
	   fast->v[1].field == id && fast->v[3].field == 0, "an alias");
	OK(flat_json_by(way, fast, dict, line, NULL) == RC_OK && fast->v[1].field == image && fast->v[0].field == 0, "another dictionary");
	buf_init(&b, LINE_MAX_BYTES);
	for (uint32_t i = 0; i < 300; i++) {
		buf_clear(&b);
		buf_cstr(&b, "{\"Image\":0");
		for (uint32_t k = 0; k < 100; k++)
			buf_fmt(&b, ",\"%.*s%u\":%u", (int)below(40), "a name that makes no sense but is long ..", below(3000), k);
		buf_cstr(&b, ",\"Image\":1}");
		differ += !agree(way, buf_view(&b), &good) || !good;
	}
	EQ_INT(differ, 0, "thousands of names");
	buf_done(&b);
}

int main(void)
{
	static const char *const asked[] = { "Image", "CommandLine", "EventID", "a.b", "Threat Name", "ParentProcessGuid", "Hashes",
		"AnotherLongNameThatIsAskedForOften", "User_Name" };
	struct flat_json_way ways[3];
	size_t n = flat_json_ways(ways);
	uint16_t id;

	dict = fields_new();
	if (fields_add_windows(dict, NULL) != RC_OK || flat_new(&plain, NULL) != RC_OK || flat_new(&fast, NULL) != RC_OK)
		return 1;
	for (size_t i = 0; i < COUNTOF(asked); i++)
		if (fields_add(dict, str_of(asked[i]), &id, NULL) != RC_OK)
			return 1;
	for (size_t i = 0; i < n; i++) {
		printf("# %s\n", ways[i].name);
		test_metamorphic(ways[i].read);
		if (ways[i].read == NULL)
			continue;
		test_agreement(&ways[i]);
		test_edges(&ways[i]);
		test_names(ways[i].read);
	}
	flat_free(plain);
	flat_free(fast);
	fields_free(dict);
	return tap_done();
}
