/* Hidden characters are shown, and JSON with them escaped is the same text. */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "tap.h"

static void test_visible(void)
{
	static const struct { const char *name, *in, *want; } rows[] = {
		{ "plain text stays", "plain, \xE8\x81\xAF\xE9\x98\xB2 \xF0\x9F\x98\x80\n\tx", "plain, \xE8\x81\xAF\xE9\x98\xB2 \xF0\x9F\x98\x80\n\tx" },
		{ "escape and bell", "\x1B[2J\x07", "\\u{001B}[2J\\u{0007}" },
		{ "carriage return and DEL", "a\rb\x7F", "a\\u{000D}b\\u{007F}" },
		{ "C1", "\xC2\x9B" "31m", "\\u{009B}31m" },
		{ "right to left", "\xE2\x80\xAEgpj.exe\xE2\x81\xA6", "\\u{202E}gpj.exe\\u{2066}" },
		{ "no width", "pay\xE2\x80\x8Bpal\xEF\xBB\xBF", "pay\\u{200B}pal\\u{FEFF}" },
		{ "a tag", "\xF3\xA0\x81\x81", "\\u{E0041}" },
		{ "line separator", "\xE2\x80\xA8", "\\u{2028}" },
		{ "no UTF-8", "a\xFFz", "a\\x{FF}z" },
		{ "edges are not hidden", "\xC2\xA0\xE2\x80\x90\xE2\x80\xAF", "\xC2\xA0\xE2\x80\x90\xE2\x80\xAF" },
	};
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		buf_clear(&b);
		utf8_visible(&b, str_of(rows[i].in));
		EQ_STR(buf_view(&b), str_of(rows[i].want), rows[i].name);
	}
	buf_done(&b);
}

/* Every character: what was quoted reads back as itself, and no hidden one is in the bytes. */
static void test_quote(void)
{
	struct arena *a = arena_new((size_t)64 << 20);
	uint32_t wrong = 0, shown = 0;
	struct buf text, quoted;

	buf_init(&text, 64);
	buf_init(&quoted, 256);
	for (uint32_t ch = 1; a != NULL && ch <= 0x10FFFF; ch++) {
		const struct json *v;

		if (ch >= 0xD800 && ch <= 0xDFFF)
			continue;
		buf_clear(&text);
		buf_clear(&quoted);
		utf8_put(&text, ch);
		json_quote_visible(&quoted, buf_view(&text));
		if (ch % 65536 == 0)
			arena_reset(a);
		wrong += json_parse(a, buf_view(&quoted), &JSON_LIMITS, &v, NULL) != RC_OK || !str_eq(json_str(v), buf_view(&text));
		for (size_t at = 0; at < quoted.n;)
			shown += utf8_is_hidden(utf8_next(buf_view(&quoted), &at));
	}
	EQ_INT(wrong, 0, "every character reads back");
	EQ_INT(shown, 0, "no hidden one is in the bytes");
	buf_clear(&quoted);
	json_quote_visible(&quoted, S("a\xFF\"\\\n"));
	EQ_STR(buf_view(&quoted), S("\"a\xEF\xBF\xBD\\\"\\\\\\u000a\""), "a byte that is no character, quotes and line feeds");
	buf_done(&text);
	buf_done(&quoted);
	arena_free(a);
}

int main(void)
{
	test_visible();
	test_quote();
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
