#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

static void test_numbers(void)
{
	static const struct {
		int64_t i;
		uint64_t u;
		const char *itext, *utext;
	} rows[] = {
		{ 0, 0, "0", "0" },
		{ -1, 10, "-1", "10" },
		{ INT64_MIN, UINT64_MAX, "-9223372036854775808", "18446744073709551615" },
		{ INT64_MAX, 1, "9223372036854775807", "1" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;

		buf_init(&b, 100);
		buf_i64(&b, rows[i].i);
		EQ_STR(buf_view(&b), str_of(rows[i].itext), "signed");
		buf_clear(&b);
		buf_u64(&b, rows[i].u);
		EQ_STR(buf_view(&b), str_of(rows[i].utext), "unsigned");
		buf_done(&b);
	}
}

static void test_limit(void)
{
	struct buf b;
	struct err err = { 0 };

	buf_init(&b, 5);
	EQ_STR(buf_view(&b), S(""), "empty at birth");
	buf_cstr(&b, "abc");
	buf_cstr(&b, "de");
	OK(buf_check(&b, &err, "x") == RC_OK && strcmp(b.p, "abcde") == 0, "full to the last byte, NUL behind");
	buf_char(&b, 'f');
	OK(b.bad == RC_LIMIT, "one more is too many");
	buf_put(&b, "", 0);
	EQ_STR(buf_view(&b), S("abcde"), "what was there stays");
	OK(buf_check(&b, &err, "thing") == RC_LIMIT && err.rc == RC_LIMIT, "check tells");
	EQ_STR(str_of(err.text), S("thing: larger than the agreed 5 bytes"), "and names it");
	OK(buf_room(&b, 1) == NULL, "no room after a failure");
	buf_clear(&b);
	buf_fmt(&b, "%d-%s", 1, "xy");
	EQ_STR(buf_view(&b), S("1-xy"), "clear forgets the failure");
	buf_fmt(&b, "%d", 22);
	OK(b.bad == RC_LIMIT && b.n == 4, "formatting respects the maximum");
	buf_done(&b);
	OK(b.p == NULL && b.max == 5 && b.bad == RC_OK, "done keeps the maximum");
	buf_init(&b, 0);
	buf_put(&b, "", 0);
	OK(b.bad == RC_OK, "nothing fits into nothing");
	buf_char(&b, 'x');
	OK(b.bad == RC_LIMIT, "a byte does not");
	buf_done(&b);
}

static void test_room(void)
{
	struct buf b;
	char *to;

	buf_init(&b, SIZE_MAX);
	for (size_t i = 0; i < 1000; i++) {
		to = buf_room(&b, 3);
		if (to == NULL)
			break;
		to[0] = to[1] = to[2] = (char)('a' + i % 26);
		buf_grew(&b, 3);
	}
	OK(b.n == 3000 && b.p[2999] == 'a' + 999 % 26 && b.p[3000] == '\0', "a thousand times three bytes");
	buf_cut(&b, 2);
	EQ_STR(buf_view(&b), S("aa"), "cut");
	buf_cut(&b, 5);
	EQ_INT(b.n, 2, "cut does not lengthen");
	OK(buf_room(&b, SIZE_MAX) == NULL && b.bad == RC_LIMIT, "an absurd wish");
	buf_done(&b);
}

static void test_little_endian(void)
{
	struct buf b;

	buf_init(&b, 12);
	buf_le32(&b, 0x04030201);
	buf_le64(&b, 0x0C0B0A0908070605);
	EQ_STR(buf_view(&b), S("\1\2\3\4\5\6\7\10\11\12\13\14"), "least first");
	buf_done(&b);
}

static void test_no_memory(void)
{
	struct buf b;
	struct err err = { 0 };
	int64_t live = mem_live();

	buf_init(&b, 1000);
	mem_fail_at(2, 0);
	buf_cstr(&b, "abc");
	for (int i = 0; i < 100; i++)
		buf_char(&b, 'x');
	mem_fail_at(0, 0);
	OK(buf_check(&b, &err, "line") == RC_NOMEM, "failure sticks");
	OK(str_starts(buf_view(&b), S("abcxxx")) && b.n == 63, "what fitted before stays");
	buf_done(&b);
	EQ_INT(mem_live(), live, "nothing is kept");
}

int main(void)
{
	test_numbers();
	test_limit();
	test_room();
	test_little_endian();
	test_no_memory();
	return tap_done();
}
