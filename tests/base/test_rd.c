#include "base/rd.h"
#include "tap.h"

static void test_numbers(void)
{
	struct rd r;

	rd_init(&r, S("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26"));
	EQ_INT(rd_u8(&r), 1, "u8");
	EQ_INT(rd_le16(&r), 0x0302, "le16");
	EQ_INT(rd_le32(&r), 0x07060504, "le32");
	EQ_INT(rd_le64(&r), 0x0F0E0D0C0B0A0908, "le64");
	EQ_INT(rd_be16(&r), 0x1011, "be16");
	EQ_INT(rd_be32(&r), 0x12131415, "be32");
	EQ_INT(rd_peek(&r, 0), 0x16, "peek");
	EQ_INT(rd_peek(&r, 1), -1, "peek behind the end");
	OK(!r.bad && rd_left(&r) == 1, "good so far");
	EQ_INT(rd_le16(&r), 0, "half a number is zero");
	OK(r.bad && rd_left(&r) == 0, "and sticks");
	EQ_INT(rd_u8(&r), 0, "nothing is left");
}

static void test_bytes(void)
{
	struct rd r;

	rd_init(&r, S("abcdef"));
	EQ_STR(rd_bytes(&r, 2), S("ab"), "bytes");
	rd_skip(&r, 1);
	EQ_STR(rd_bytes(&r, 3), S("def"), "to the end");
	EQ_STR(rd_bytes(&r, 0), S(""), "none at the end");
	OK(!r.bad, "is no failure");
	EQ_STR(rd_bytes(&r, SIZE_MAX), S(""), "too many");
	OK(r.bad, "is one");
	rd_init(&r, S("abc"));
	rd_skip(&r, 4);
	OK(r.bad && r.pos == 3, "skip past the end");
}

static void test_lines(void)
{
	static const char *want[] = { "a", "", "b\rc", "d\r" };
	struct rd r;
	struct str line;
	size_t n = 0;

	rd_init(&r, S("a\r\n\nb\rc\r\nd\r"));
	while (rd_line(&r, &line) && n < COUNTOF(want))
		EQ_STR(line, str_of(want[n]), "line"), n++;
	EQ_INT(n, COUNTOF(want), "lines");
	rd_init(&r, S(""));
	OK(!rd_line(&r, &line) && !r.bad, "no line in nothing");
}

int main(void)
{
	test_numbers();
	test_bytes();
	test_lines();
	return tap_done();
}
