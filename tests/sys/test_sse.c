/* Event streams: every way to tear one into pieces gives the same events. */
#include "sys/sse.h"

#include "base/mem.h"
#include "tap.h"

struct heard {
	struct buf text;
	int stop_at, count;
};

static bool hear(void *ctx, struct str id, struct str event, struct str data)
{
	struct heard *h = ctx;

	buf_fmt(&h->text, "[%.*s|%.*s|%.*s]", STR(id), STR(event), STR(data));
	return ++h->count != h->stop_at;
}

static enum rc feed(struct str bytes, size_t step, struct heard *h)
{
	CLEANUP(sse_done) struct sse s;
	struct err err;
	enum rc rc = RC_OK;

	buf_init(&h->text, 100000);
	sse_init(&s, 2000, hear, h);
	for (size_t at = 0; rc == RC_OK && at < bytes.n; at += step)
		rc = sse_feed(&s, str_slice(bytes, at, at + step), &err);
	return rc;
}

/* The examples of WHATWG HTML §9.2.6 and the corners around them. */
static const struct {
	const char *name, *in, *out;
} ROWS[] = {
	{ "two lines", "data: YHOO\ndata: +2\ndata: 10\n\n", "[|message|YHOO\n+2\n10]" },
	{ "comment, ids", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
	  "[1|message|first event][|message|second event][|message| third event]" },
	{ "empty data", "data\n\ndata\ndata\n\ndata:\n", "[|message|][|message|\n]" },
	{ "space or not", "data:test\n\ndata: test\n\n", "[|message|test][|message|test]" },
	{ "event name", "event: add\ndata: 1\n\ndata: 2\n\n", "[|add|1][|message|2]" },
	{ "event without data", "event: add\nid: 5\n\ndata: 2\n\n", "[5|message|2]" },
	{ "CRLF", "id: 3\r\ndata: a\r\n\r\n", "[3|message|a]" },
	{ "CR", "id: 3\rdata: a\r\r", "[3|message|a]" },
	{ "mixed ends", "data: a\rdata: b\ndata: c\r\n\r", "[|message|a\nb\nc]" },
	{ "byte order mark", "\xEF\xBB\xBF" "data: a\n\n", "[|message|a]" },
	{ "byte order mark later", "data: a\n\xEF\xBB\xBF" "data: b\n\n", "[|message|a]" },
	{ "unfinished", "data: a\n\ndata: b\n", "[|message|a]" },
	{ "unknown fields", "foo: 1\nretry: 10\ndata: a\nbar\n\n", "[|message|a]" },
	{ "colon in data", "data: a: b\n\n", "[|message|a: b]" },
};

static void test_rows(void)
{
	for (size_t i = 0; i < COUNTOF(ROWS); i++) {
		bool same = true;

		for (size_t step = 1; step < 40; step++) {
			struct heard h = { .stop_at = 0 };

			same = feed(str_of(ROWS[i].in), step, &h) == RC_OK && str_eq(buf_view(&h.text), str_of(ROWS[i].out)) && same;
			if (step == 1 && !same)
				printf("# %.*s\n", STR(buf_view(&h.text)));
			buf_done(&h.text);
		}
		OK(same, "%s, torn in every way", ROWS[i].name);
	}
}

static void test_limits(void)
{
	static const struct {
		const char *name;
		int lines, width;
		const char *prefix;
		enum rc want;
	} rows[] = {
		{ "largest line", 1, 1990, "data: ", RC_OK }, { "line too long", 1, 2000, "data: ", RC_LIMIT },
		{ "event too large", 3, 900, "data: ", RC_LIMIT }, { "id too long", 1, 1024, "id:", RC_LIMIT },
		{ "largest id", 1, 1023, "id:", RC_OK }, { "name too long", 1, 128, "event:", RC_LIMIT },
		{ "endless comment", 1, 2001, ":", RC_LIMIT }, { "many comments", 100, 900, ":", RC_OK },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		CLEANUP(buf_done) struct buf in;
		struct heard h = { .stop_at = 0 };

		buf_init(&in, 1 << 20);
		for (int k = 0; k < rows[i].lines; k++)
			buf_fmt(&in, "%s%0*d\n", rows[i].prefix, rows[i].width, 1);
		EQ_INT(feed(buf_view(&in), 100, &h), rows[i].want, rows[i].name);
		buf_done(&h.text);
	}
}

static void test_end(void)
{
	struct heard h = { .stop_at = 2 };

	EQ_INT(feed(S("data: a\n\ndata: b\n\ndata: c\n\n"), 100, &h), RC_NOTFOUND, "the reader has enough");
	EQ_STR(buf_view(&h.text), S("[|message|a][|message|b]"), "and hears no more");
	buf_done(&h.text);
	h = (struct heard){ .stop_at = 0 };
	EQ_INT(feed(S("data: \xff\n\n"), 100, &h), RC_BAD, "not UTF-8");
	buf_done(&h.text);
	for (uint64_t n = 1; n < 20; n++) {
		h = (struct heard){ .stop_at = 0 };
		mem_fail_at(n, 0);
		if (feed(S("data: a\ndata: b\n\n"), 3, &h) == RC_OK && h.text.n > 0)
			n = 100;
		mem_fail_at(0, 0);
		buf_done(&h.text);
	}
}

int main(void)
{
	test_rows();
	test_limits();
	test_end();
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
