/* Messages out of a stream: each case is fed whole, byte by byte and in odd pieces, and must give the same. */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "input/frames.h"
#include "input/input.h"

struct row {
	const char *name, *stream, *want; /* messages, each followed by '|' */
	uint64_t too_long;
};

static const struct row rows[] = {
	{ "lines", "one\ntwo\r\nthree\n", "one|two|three|", 0 },
	{ "a last line without its end", "one\ntwo", "one|two|", 0 },
	{ "empty lines are nothing", "\n\r\n\none\n\n", "one|", 0 },
	{ "octet counting", "3 one5 three", "one|three|", 0 },
	{ "a count and a line in turn", "3 onetwo\n5 threefour\n", "one|two|three|four|", 0 },
	{ "a message with line ends inside", "7 one\ntwo3 six", "one\ntwo|six|", 0 },
	{ "line ends behind a counted message are not of it", "5 one\r\n3 two", "one|two|", 0 },
	{ "a counted message cut short is none", "3 one10 two", "one|", 0 },
	{ "a number that is no count", "2026-01-02 x\n17:00 y\n", "2026-01-02 x|17:00 y|", 0 },
	{ "a count begins with no zero", "03 one\n", "03 one|", 0 },
	{ "more digits than a count has", "123456789 one\n3 two", "123456789 one|two|", 0 },
	{ "a lone number at the end is a line", "one\n12", "one|12|", 0 },
	{ "nothing", "", "", 0 },
};

static void read_all(struct frames *f, struct buf *out)
{
	struct str m, again;

	while (frames_next(f, &m)) {
		if (!frames_next(f, &again) || !str_eq(m, again))
			buf_cstr(out, "CHANGED");
		buf_str(out, m);
		buf_char(out, '|');
		frames_taken(f);
	}
}

static void feed(struct str stream, size_t piece, struct buf *out, uint64_t *ret_too_long)
{
	struct frames f;
	struct str m;

	frames_init(&f, true);
	for (size_t at = 0; at < stream.n; at += piece) {
		if (frames_put(&f, str_slice(stream, at, at + piece)) != RC_OK)
			buf_cstr(out, "FAILED");
		read_all(&f, out);
	}
	if (frames_last(&f, &m)) {
		buf_str(out, m);
		buf_char(out, '|');
	}
	*ret_too_long = f.too_long;
	frames_done(&f);
}

static void run_rows(void)
{
	static const size_t pieces[] = { FRAMES_PIECE, 1, 2, 3, 7 };

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (size_t k = 0; k < COUNTOF(pieces); k++) {
			struct buf out;
			uint64_t too_long;

			buf_init(&out, 1 << 16);
			feed(str_of(rows[i].stream), pieces[k], &out, &too_long);
			EQ_STR(buf_view(&out), str_of(rows[i].want), rows[i].name);
			OK(too_long == rows[i].too_long, "%s: too long", rows[i].name);
			buf_done(&out);
		}
	}
}

/* `n` bytes that are too many, counted or not, between two that are not. */
static void test_long(const char *name, bool counted, size_t n, bool fits)
{
	struct buf in, out;
	uint64_t too_long;

	buf_init(&in, 8 << 20);
	buf_init(&out, 8 << 20);
	buf_cstr(&in, "3 one");
	if (counted)
		buf_fmt(&in, "%zu ", n);
	for (size_t i = 0; i < n; i++)
		buf_char(&in, 'x');
	buf_cstr(&in, counted ? "" : "\n");
	buf_cstr(&in, "3 two");
	feed(buf_view(&in), FRAMES_PIECE, &out, &too_long);
	OK(too_long == (fits ? 0 : 1), "%s: counted", name);
	OK(out.n == 8 + (fits ? n + 1 : 0) && str_ends(buf_view(&out), S("|two|")), "%s: what is behind it comes", name);
	buf_done(&in);
	buf_done(&out);
}

static void test_give_up(void)
{
	struct frames f;
	struct str m;

	frames_init(&f, true);
	OK(frames_put(&f, S("10 abc")) == RC_OK && !frames_next(&f, &m) && frames_held(&f) == 6, "an unfinished message is held");
	frames_give_up(&f);
	OK(frames_held(&f) == 0 && f.too_long == 1, "and given up");
	OK(frames_put(&f, S("defghij3 one")) == RC_OK && frames_next(&f, &m) && str_eq(m, S("one")), "its rest is passed over");
	frames_taken(&f);
	OK(frames_put(&f, S("abc")) == RC_OK && !frames_next(&f, &m), "a line likewise");
	frames_give_up(&f);
	OK(frames_put(&f, S("def\nx\n")) == RC_OK && frames_next(&f, &m) && str_eq(m, S("x")), "up to its end");
	frames_taken(&f);
	frames_rest(&f);
	OK(f.held.p == NULL && frames_put(&f, S("4 to")) == RC_OK && !frames_next(&f, &m), "an empty one gives its memory back");
	frames_rest(&f);
	OK(frames_put(&f, S("rn")) == RC_OK && frames_next(&f, &m) && str_eq(m, S("torn")), "one that holds something does not");
	frames_done(&f);
}

static void test_memory(void)
{
	int64_t before = mem_live();
	struct frames f;
	struct str m;

	frames_init(&f, true);
	mem_fail_at(1, 1);
	OK(frames_put(&f, S("x\n")) == RC_NOMEM, "no memory is said");
	mem_fail_at(0, 0);
	frames_done(&f);
	frames_init(&f, false);
	OK(frames_put(&f, S("3 one\n")) == RC_OK && frames_next(&f, &m) && str_eq(m, S("3 one")), "lines only, where nothing counts");
	frames_done(&f);
	OK(mem_live() == before, "nothing is left");
}

int main(void)
{
	run_rows();
	test_long("a long counted message", true, INPUT_MESSAGE_MAX + 1, false);
	test_long("a long line", false, INPUT_MESSAGE_MAX + 1, false);
	test_long("a very long line", false, 5 * INPUT_MESSAGE_MAX, false);
	test_long("the longest counted message", true, INPUT_MESSAGE_MAX, true);
	test_long("the longest line", false, INPUT_MESSAGE_MAX, true);
	test_give_up();
	test_memory();
	return tap_done();
}
