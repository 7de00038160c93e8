/* A message as it goes over the wire: headers that cannot be forged, words and lines of the right length. */
#include "sys/mail.h"

#include "base/text.h"
#include "tap.h"

static const struct mail_config C = { .url = "smtp://127.0.0.1:25", .from = "desk@a.example" };

static struct str compose(const struct mail *m, struct buf *out, enum rc want)
{
	struct err err = { 0 };

	buf_init(out, 4 * MAIL_BODY_MAX);
	EQ_INT(mail_compose(&C, m, out, &err), want, "composed as expected");
	return buf_view(out);
}

static bool has(struct str text, const char *part)
{
	return str_find(text, str_of(part), 0) != SIZE_MAX;
}

static void headers(void)
{
	struct mail m = { .to = { "a@b.example", "c@d.example" }, .subject = S("x\r\nBcc: e@f.example"), .body = S("line\n.\nend\n"), .id = S("1@x"),
			  .date = 1772236800 * USEC_PER_SEC, .automatic = true };
	struct buf b;
	struct str text = compose(&m, &b, RC_OK);

	OK(has(text, "From: <desk@a.example>\r\nTo: <a@b.example>,\r\n <c@d.example>\r\nSubject: =?UTF-8?B?"), "from, to, subject");
	OK(has(text, "Date: Sat, 28 Feb 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\nAuto-Submitted: auto-generated\r\n"), "date, id, automatic");
	OK(!has(text, "Bcc"), "a line end in a subject makes no header");
	OK(has(text, "\r\n\r\nbGluZQ0KLg0KZW5kDQo=\r\n"), "the body is CRLF inside base64");
	buf_done(&b);
	m.subject = S("");
	OK(has(compose(&m, &b, RC_OK), "Subject: -\r\nDate"), "an empty subject");
	buf_done(&b);
}

static void lengths(void)
{
	struct buf subject, body, b;
	struct mail m = { .to = { "a@b.example" }, .id = S("1@x") };
	struct str text, line;
	size_t longest = 0, words = 0;
	bool whole = true;

	buf_init(&subject, 4096);
	buf_init(&body, 4096);
	for (int i = 0; i < 100; i++) {
		buf_cstr(&subject, "演");
		buf_cstr(&body, "0123456789");
	}
	m.subject = buf_view(&subject);
	m.body = buf_view(&body);
	text = compose(&m, &b, RC_OK);
	while (str_next(&text, '\n', &line)) {
		size_t from = str_find(line, S("?B?"), 0);

		if (line.n > longest)
			longest = line.n;
		if (from != SIZE_MAX) {
			struct buf word;

			buf_init(&word, 4096);
			whole = whole && base64_get(&word, str_slice(line, from + 3, str_find(line, S("?="), from))) && utf8_valid(buf_view(&word), NULL);
			buf_done(&word);
			words++;
		}
	}
	OK(longest <= 85, "no line is too long (%zu)", longest);
	OK(words == 7 && whole, "seven words, each of whole characters (%zu)", words);
	buf_done(&b);
	buf_done(&subject);
	buf_done(&body);
}

static void addresses(void)
{
	static const struct { const char *text; bool good; } rows[] = {
		{ "a@b", true }, { "first.last+tag@mail.example", true }, { "a", false }, { "@b", false }, { "a@", false }, { "a@b@c", false }, { "a b@c", false },
		{ "a@b\r\nRCPT TO:<x@y>", false }, { "<a@b>", false }, { "a@b,c@d", false }, { "ä@b", false }, { "", false },
	};
	struct mail m = { .to = { "a@b\r\nBcc: x@y" }, .id = S("1@x") };
	struct buf b;

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(mail_address_good(str_of(rows[i].text)) == rows[i].good, "address %zu", i);
	(void)compose(&m, &b, RC_BAD);
	buf_done(&b);
	m.to[0] = "a@b";
	m.id = S("1@x>\r\nBcc: y");
	(void)compose(&m, &b, RC_BAD);
	buf_done(&b);
}

int main(void)
{
	headers();
	lengths();
	addresses();
	return tap_done();
}
