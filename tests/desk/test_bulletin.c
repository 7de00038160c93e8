/* The content of a bulletin: what is taken, what is refused, and that it comes back as it went. */
#include "desk/bulletin_object.h"

#include "base/mem.h"
#include "bulletin_full.h"
#include "tap.h"

static enum rc parse(struct arena *a, const char *text, struct bulletin *ret, struct err *err)
{
	const struct json *v;

	TRY(json_parse(a, str_of(text), &JSON_LIMITS, &v, err));
	return bulletin_read(a, v, TLP_GREEN, ret, err);
}

static struct str print(struct arena *a, const struct bulletin *b)
{
	struct jsonw w;
	struct buf out;
	struct str s;

	buf_init(&out, BULLETIN_BODY_MAX);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	bulletin_write(&w, b);
	jsonw_object_end(&w);
	s = arena_dup(a, buf_view(&out));
	buf_done(&out);
	return s;
}

static void whole(struct arena *a)
{
	struct bulletin b;
	struct err err = { 0 };

	OK(parse(a, FULL, &b, &err) == RC_OK, "every member is read: %s", err.text);
	EQ_STR(print(a, &b), str_of(FULL), "and written as it was");
	OK(b.code == BULLETIN_EWA && b.tlp == TLP_AMBER_STRICT && b.impact == 3 && b.exercise, "code, level, impact, drill");
	EQ_STR(bulletin_cell(&b, BL_CONNECTIONS, 0, BC_DESTINATION + BC_PORT), S("443"), "a connection's columns");
	EQ_STR(bulletin_cell(&b, BL_CONNECTIONS, 0, BC_VIA + BC_HOST), S("relay.example"), "with a relay");
	EQ_INT(b.list[BL_AFFECTED].n, 2, "rows of a list");
	OK(parse(a, "{\"code\":\"ANA\",\"title\":\"t\",\"observables\":[{\"value\":\"hxxp://Evil[.]Example/a\"}],\"due\":\"2026-03-01T12:00:00+08:00\"}", &b, &err) == RC_OK,
	   "little is enough: %s", err.text);
	OK(b.tlp == TLP_GREEN && b.impact == 0 && b.text[BT_DESCRIPTION].n == 0, "the rest is the default");
	EQ_STR(bulletin_cell(&b, BL_OBSERVABLES, 0, 0), S("url"), "a value tells its type");
	EQ_STR(bulletin_cell(&b, BL_OBSERVABLES, 0, 1), S("http://evil.example/a"), "in its one spelling");
	EQ_INT(b.at[BW_DUE], (int64_t)1772337600 * USEC_PER_SEC, "times of any offset");
}

static void refused(struct arena *a)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "{\"title\":\"t\"}", "/code" },
		{ "{\"code\":\"XXX\",\"title\":\"t\"}", "/code" },
		{ "{\"code\":7,\"title\":\"t\"}", "/code" },
		{ "{\"code\":\"ANA\"}", "/title: is required" },
		{ "{\"code\":\"ANA\",\"title\":7}", "/title: expected a text" },
		{ "{\"code\":\"ANA\",\"title\":\"a\\nb\"}", "/title: has the character U+000A" },
		{ "{\"code\":\"ANA\",\"title\":\"a\\u202eb\"}", "U+202E" },
		{ "{\"code\":\"ANA\",\"title\":\"a\\u0000b\"}", "U+0000" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"description\":\"\\uffff\"}", "U+FFFF" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"category\":\"20\"}", "/category: expected three digits" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"category\":\"2x0\"}", "/category: expected three digits" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"tlp\":\"pink\"}", "/tlp" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"impact\":5}", "/impact: expected 1 to 4" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"impact\":0}", "/impact: expected 1 to 4" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"exercise\":\"yes\"}", "/exercise" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"due\":\"noon\"}", "/due" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"actions\":\"x\"}", "/actions: expected an array" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"actions\":[7]}", "/actions" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"affected\":[\"x\"]}", "/affected: expected an array of objects" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"targets\":[{\"port\":0}]}", "/targets/port: a port is" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"targets\":[{\"port\":65536}]}", "/targets/port: a port is" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"targets\":[{\"port\":\"80\"}]}", "/targets/port: a port is" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"observables\":[{\"type\":\"soul\",\"value\":\"x\"}]}", "nobody knows 'soul'" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"observables\":[{\"type\":\"ipv4\",\"value\":\"300.1.1.1\"}]}", "/observables/value" },
		{ "{\"code\":\"ANA\",\"title\":\"t\",\"attachments\":[{\"name\":\"a\",\"content\":\"%%%\"}]}", "is not base64" },
		{ "{\"code\":\"FBI\",\"title\":\"t\"}", "/source" },
		{ "{\"code\":\"FBI\",\"title\":\"t\",\"source\":\"s\",\"disposition\":\"maybe\"}", "/disposition" },
		{ "{\"code\":\"FBI\",\"title\":\"t\",\"source\":\"s\",\"disposition\":\"false-positive\"}", "/reason: false-positive needs a reason" },
		{ "{\"code\":\"FBI\",\"title\":\"t\",\"source\":\"s\",\"disposition\":\"undetermined\"}", "/reason: undetermined needs a reason" },
		{ "{\"code\":\"FBI\",\"title\":\"t\",\"source\":\"s\",\"disposition\":\"confirmed\",\"reason\":\"r\"}", "/incident: confirmed needs" },
		{ "{\"code\":\"FBI\",\"title\":\"t\",\"source\":\"s\",\"disposition\":\"false-positive\",\"reason\":\"r\",\"incident\":\"i\"}", "/incident: only" },
		{ "{\"code\":\"FBI\",\"title\":\"t\",\"source\":\"s\",\"reason\":\"r\"}", "/disposition: is needed" },
		{ "{\"code\":\"EWA\",\"title\":\"t\",\"disposition\":\"confirmed\",\"incident\":\"i\"}", "/disposition: only a feedback" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct err err = { 0 };
		struct bulletin b;
		enum rc rc = parse(a, rows[i].text, &b, &err);

		OK(rc == RC_BAD && str_find(str_of(err.text), str_of(rows[i].says), 0) != SIZE_MAX, "%s: %s", rows[i].text, err.text);
	}
}

static void limits(struct arena *a)
{
	struct err err = { 0 };
	struct bulletin b;
	struct buf text;

	bulletin_init(&b);
	b.text[BT_TITLE] = S("t");
	for (int i = 0; i < BULLETIN_ROWS_MAX; i++)
		if (bulletin_add(a, &b, BL_ACTIONS) == NULL)
			OK(false, "row %d", i);
	OK(bulletin_add(a, &b, BL_ACTIONS) == NULL, "no list grows without an end");
	buf_init(&text, BULLETIN_BODY_MAX);
	buf_cstr(&text, "{\"code\":\"ANA\",\"title\":\"t\",\"attachments\":[{\"name\":\"a\",\"content\":\"");
	for (size_t i = 0; i < BULLETIN_ATTACHED_MAX / 3 + 1; i++)
		buf_cstr(&text, "AAAA");
	buf_cstr(&text, "\"}]}");
	OK(parse(a, text.p, &b, &err) == RC_LIMIT, "attachments have a limit: %s", err.text);
	buf_clear(&text);
	buf_cstr(&text, "{\"code\":\"ANA\",\"title\":\"");
	for (size_t i = 0; i < 1001; i++)
		buf_char(&text, 'x');
	buf_cstr(&text, "\"}");
	OK(parse(a, text.p, &b, &err) == RC_LIMIT, "so have texts: %s", err.text);
	buf_done(&text);
}

static void travels(struct arena *a)
{
	struct bulletin_row row = { .id = S("x-lianfang-bulletin--11111111-1111-4111-8111-111111111111"), .number = S("N-EWA-2026-0001") };
	struct bulletin_receipt r = { .bulletin = row.id, .received = 1000000 }, got;
	struct str object, again, id, number, read;
	const struct json *v;
	struct err err = { 0 };
	struct bulletin b, back;

	OK(parse(a, FULL, &b, &err) == RC_OK && bulletin_pack(a, &b, &row, &err) == RC_OK, "packed: %s", err.text);
	row.issued = (int64_t)1772337600 * USEC_PER_SEC + 123456;
	OK(bulletin_object(a, &row, S("identity--11111111-1111-4111-8111-111111111112"), &object, &err) == RC_OK, "an object: %s", err.text);
	OK(json_parse(a, object, &JSON_LIMITS, &v, &err) == RC_OK && bulletin_of_object(a, v, &id, &number, &back, &err) == RC_OK, "read: %s", err.text);
	OK(str_eq(id, row.id) && str_eq(number, row.number) && back.at[BW_ISSUED] == row.issued && back.tlp == TLP_AMBER_STRICT, "id, number, time, level");
	back.at[BW_ISSUED] = 0;
	EQ_STR(print(a, &back), str_of(FULL), "the content came over");
	EQ_STR(json_get_str(v, S("created")), S("2026-03-01T04:00:00.123Z"), "created");
	OK(bulletin_receipt_object(a, &r, TLP_AMBER, S("identity--1"), &object, &err) == RC_OK && json_parse(a, object, &JSON_LIMITS, &v, &err) == RC_OK &&
	   bulletin_receipt_read(v, &got, &err) == RC_OK, "a receipt: %s", err.text);
	OK(str_eq(got.bulletin, row.id) && got.received == 1000000 && got.read == 0, "says received");
	r.read = 2000000;
	OK(bulletin_receipt_object(a, &r, TLP_AMBER, S("identity--1"), &read, &err) == RC_OK && bulletin_receipt_object(a, &r, TLP_AMBER, S("identity--1"), &again, &err) == RC_OK,
	   "another says read");
	EQ_STR(again, read, "the same twice");
	OK(!str_eq(read, object), "not the one before");
	r.bulletin = S("bundle--1");
	OK(bulletin_receipt_object(a, &r, TLP_AMBER, S("identity--1"), &read, &err) == RC_BAD, "of nothing else: %s", err.text);
}

int main(void)
{
	void (*const parts[])(struct arena *) = { whole, refused, limits, travels };

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		struct arena *a = arena_new((size_t)64 << 20);

		if (OK(a != NULL, "memory"))
			parts[i](a);
		arena_free(a);
	}
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
