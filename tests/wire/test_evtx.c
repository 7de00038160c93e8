#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "evtx_make.h"
#include "intel/material.h"
#include "sys/file.h"
#include "tap.h"
#include "wire/evtx.h"
#include "wire/flat_json.h"

static struct fields *dict;
static struct flat *f;
static uint16_t image_id;

/* "name=text;" for each value: text of strings, # before numbers, ! before true and false, ~ before null; * an item. */
static void show(struct buf *out)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct flat_value *v = &f->v[i];

		buf_fmt(out, "%.*s=%s%s%.*s;", (int)v->name_n, v->name, (v->flags & FLAT_ITEM) != 0 ? "*" : "",
			v->type == FLAT_STRING ? "" : v->type == FLAT_NUMBER ? "#" : v->type == FLAT_NULL ? "~" : "!", (int)v->n, v->p);
	}
}

/* All records of a file: their values, each record on a line of its own. */
static struct evtx_stats read_all(struct str file, struct buf *out)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_stats s = { 0 };
	struct err err;

	if (evtx_open(file, dict, &e, &err) != RC_OK)
		return s;
	while (evtx_next(e, f)) {
		show(out);
		buf_char(out, '\n');
	}
	evtx_stats(e, &s);
	OK(evtx_record(e) == s.records, "the last record's number is their count");
	OK((s.bad_chunks + s.bad_records + s.bad_checksums > 0) == (evtx_last_error(e)[0] != '\0'), "damage has a reason");
	return s;
}

/* <Event><System><Provider Name="P"/><EventID>%0</EventID>...</System><EventData><Data Name="Image">%1</Data></EventData></Event> */
static uint32_t event_template(struct evtx_make *m)
{
	uint32_t place = make_template(m);

	make_element(m, "Event", true, true);
	make_attribute(m, "xmlns");
	make_text(m, "http://schemas.microsoft.com/win/2004/08/events/event");
	make_start_end(m);
	make_element(m, "System", false, true);
	make_start_end(m);
	make_element(m, "Provider", true, true);
	make_attribute(m, "Name");
	make_text(m, "P");
	make_empty(m);
	make_leaf(m, "EventID", 0);
	make_element(m, "Correlation", false, true);
	make_empty(m);
	make_end(m);
	make_element(m, "EventData", false, true);
	make_start_end(m);
	make_element(m, "Data", true, true);
	make_attribute(m, "Name");
	make_text(m, "Image");
	make_start_end(m);
	make_substitution(m, 1, 1);
	make_end(m);
	make_element(m, "Data", false, true);
	make_start_end(m);
	make_substitution(m, 2, 1);
	make_end(m);
	make_end(m);
	make_end(m);
	make_template_end(m);
	return place;
}

static void event_values(struct evtx_make *m, uint16_t id, unsigned type, struct str value)
{
	char number[2] = { (char)(id & 0xff), (char)(id >> 8) };
	struct make_value v[] = { { 6, str_make(number, 2) }, { type, value }, { 0, S("") } };

	make_values(m, v, COUNTOF(v));
}

static void test_types(void)
{
	static const struct {
		unsigned type;
		struct str bytes, text;
	} rows[] = {
		{ 0x01, S("a\0b\0"), S("Image=ab") },
		{ 0x01, S("a\0\0\0\0\0"), S("Image=a") },
		{ 0x01, S("\x6f\x80\x32\x96\x3d\xd8\x00\xde"), S("Image=\xE8\x81\xAF\xE9\x98\xB2\xF0\x9F\x98\x80") },
		{ 0x01, S("\x3d\xd8x\0"), S("Image=\xEF\xBF\xBDx") },
		{ 0x01, S("0\0001\0002\0003\0004\0005\0006\0007\0008\0009\0a\0b\0c\0d\0e\0f\0g\0h\0i\0\xe9\0j\0"), S("Image=0123456789abcdefghi\xC3\xA9j") },
		{ 0x01, S(""), S("Image=") },
		{ 0x00, S(""), S("Image=~null") },
		{ 0x02, S("plain\0"), S("Image=plain") },
		{ 0x02, S("\xe9t\xe9"), S("Image=\xC3\xA9t\xC3\xA9") },
		{ 0x03, S("\x80"), S("Image=#-128") },
		{ 0x04, S("\xff"), S("Image=#255") },
		{ 0x05, S("\xff\xff"), S("Image=#-1") },
		{ 0x06, S("\x39\x30"), S("Image=#12345") },
		{ 0x07, S("\0\0\0\x80"), S("Image=#-2147483648") },
		{ 0x08, S("\0\0\0\0"), S("Image=#0") },
		{ 0x09, S("\0\0\0\0\0\0\0\x80"), S("Image=#-9223372036854775808") },
		{ 0x0a, S("\xff\xff\xff\xff\xff\xff\xff\xff"), S("Image=#18446744073709551615") },
		{ 0x0b, S("\0\0\xc0\x3f"), S("Image=#1.5") },
		{ 0x0c, S("\0\0\0\0\0\0\xf8\xbf"), S("Image=#-1.5") },
		{ 0x0c, S("\0\0\0\0\0\0\xf0\x7f"), S("Image=inf") },
		{ 0x0d, S("\1\0\0\0"), S("Image=!true") },
		{ 0x0d, S("\0\0\0\0"), S("Image=!false") },
		{ 0x0e, S("\xde\xad\0"), S("Image=DEAD00") },
		{ 0x0f, S("\x33\x22\x11\0\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"), S("Image={00112233-4455-6677-8899-AABBCCDDEEFF}") },
		{ 0x10, S("\x10\0\0\0"), S("Image=0x10") },
		{ 0x10, S("\0\0\0\0\0\0\0\1"), S("Image=0x100000000000000") },
		{ 0x11, S("\x15\x03\x78\x65\x32\xdf\xd6\x01"), S("Image=2020-12-31T05:04:19.773109Z") },
		{ 0x11, S("\0\0\0\0\0\0\0\0"), S("Image=1601-01-01T00:00:00.000000Z") },
		{ 0x12, S("\xe4\x07\x02\0\6\0\x1d\0\x17\0\x3b\0\x3a\0\x7b\0"), S("Image=2020-02-29T23:59:58.123Z") },
		{ 0x13, S("\1\1\0\0\0\0\0\5\x12\0\0\0"), S("Image=S-1-5-18") },
		{ 0x13, S("\1\2\0\0\0\0\0\5\x20\0\0\0\x20\2\0\0"), S("Image=S-1-5-32-544") },
		{ 0x13, S("\1\5\0\0"), S("Image=01050000") },
		{ 0x14, S("\x64\0\0\xc0"), S("Image=0xc0000064") },
		{ 0x15, S("\0\0\0\0\0\0\0\x80"), S("Image=0x8000000000000000") },
		{ 0x15, S("\0\0\0\0\0\0\0\0"), S("Image=0x0") },
		{ 0x81, S("a\0\0\0b\0c\0\0\0"), S("Image=*a;Image=*bc") },
		{ 0x88, S("\1\0\0\0\2\0\0\0"), S("Image=*#1;Image=*#2") },
		{ 0x93, S("\1\1\0\0\0\0\0\5\x12\0\0\0\1\1\0\0\0\0\0\5\x13\0\0\0"), S("Image=*S-1-5-18;Image=*S-1-5-19") },
		{ 0x06, S("\1\2\3"), S("Image=010203") },
		{ 0x77, S("\1\2"), S("Image=0102") },
	};
	struct evtx_make m;
	struct buf out, want;
	uint32_t place = 0;
	struct evtx_stats s;

	make_open(&m);
	buf_init(&out, 1 << 20);
	buf_init(&want, 1 << 20);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		make_record(&m);
		if (i == 0)
			place = event_template(&m);
		else
			make_instance(&m, place);
		event_values(&m, (uint16_t)i, rows[i].type, rows[i].bytes);
		make_record_end(&m);
		buf_fmt(&want, "Provider_Name=P;EventID=#%zu;%.*s;Data=~null;\n", i, STR(rows[i].text));
	}
	make_chunk_end(&m);
	s = read_all(buf_view(&m.file), &out);
	EQ_INT((long long)s.records, COUNTOF(rows), "all records");
	EQ_INT((long long)(s.bad_records + s.bad_chunks + s.bad_checksums), 0, "none damaged");
	for (struct str g = buf_view(&out), w = buf_view(&want), a, b; str_next(&w, '\n', &b);) {
		a = S("(none)");
		(void)str_next(&g, '\n', &a);
		EQ_STR(a, b, "a value of each type");
	}
	buf_done(&m.file);
	buf_done(&out);
	buf_done(&want);
}

static void test_header_of_record(void)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_make m;
	struct err err;

	make_open(&m);
	make_record(&m);
	(void)event_template(&m);
	event_values(&m, 1, 1, S("x\0"));
	make_record_end(&m);
	make_chunk_end(&m);
	OK(evtx_open(buf_view(&m.file), dict, &e, &err) == RC_OK && evtx_next(e, f), "a record");
	EQ_INT(f->time, (usec)1609459201 * USEC_PER_SEC, "when it was written");
	OK(f->format == LOG_EVTX && f->raw.n % 8 == 0 && f->raw.p == m.file.p + m.record, "its own bytes");
	EQ_INT(f->v[2].field, image_id, "a field that is asked for");
	EQ_INT(f->v[3].field, FIELD_NONE, "and one that is not");
	EQ_INT((long long)evtx_record(e), 1, "the first");
	OK(!evtx_next(e, f) && !evtx_next(e, f), "there are no more");
	buf_done(&m.file);
}

/* System/TimeCreated and EventData's UtcTime, where given. */
static void timed_event(struct evtx_make *m, const char *created, const char *utc)
{
	make_record(m);
	make_element(m, "Event", false, true);
	make_start_end(m);
	make_element(m, "System", false, true);
	make_start_end(m);
	if (created != NULL) {
		make_element(m, "TimeCreated", true, true);
		make_attribute(m, "SystemTime");
		make_text(m, created);
		make_empty(m);
	}
	make_element(m, "EventID", false, true);
	make_start_end(m);
	make_text(m, "1");
	make_end(m);
	make_end(m);
	make_element(m, "EventData", false, true);
	make_start_end(m);
	if (utc != NULL) {
		make_element(m, "Data", true, true);
		make_attribute(m, "Name");
		make_text(m, "UtcTime");
		make_start_end(m);
		make_text(m, utc);
		make_end(m);
	}
	make_element(m, "Data", true, true);
	make_attribute(m, "Name");
	make_text(m, "timestamp"); /* data of the event, not its time */
	make_start_end(m);
	make_text(m, "2001-01-01 00:00:00");
	make_end(m);
	make_end(m);
	make_end(m);
	make_int(m, 0, 1);
	make_record_end(m);
}

/* When it happened goes before when the record was written, as in the JSON of the same event. */
static void test_time(void)
{
	static const struct {
		const char *created, *utc, *json, *name;
		usec at;
	} rows[] = {
		{ "2020-12-30T23:35:07.524123Z", NULL,
		  "{\"Event\":{\"System\":{\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2020-12-30T23:35:07.524123Z\"}}},\"EventData\":"
		  "{\"timestamp\":\"2001-01-01 00:00:00\"}}}", "TimeCreated", 1609371307524123 },
		{ "2020-12-30T23:35:07.524123Z", "2020-12-30 23:35:07.001",
		  "{\"Event\":{\"System\":{\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2020-12-30T23:35:07.524123Z\"}}},\"EventData\":"
		  "{\"UtcTime\":\"2020-12-30 23:35:07.001\",\"timestamp\":\"2001-01-01 00:00:00\"}}}", "Sysmon's UtcTime", 1609371307001000 },
		{ "2020-12-30T23:35:07.524123Z", "-",
		  "{\"Event\":{\"System\":{\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2020-12-30T23:35:07.524123Z\"}}},\"EventData\":"
		  "{\"UtcTime\":\"-\",\"timestamp\":\"2001-01-01 00:00:00\"}}}", "a UtcTime that is none", 1609371307524123 },
		{ "1601-01-01T00:00:00.000000Z", NULL, NULL, "1601 is no time: the record's", 1609459201000000 },
		{ NULL, NULL, NULL, "the event says none: the record's", 1609459201000000 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		CLEANUP(evtx_closep) struct evtx *e = NULL;
		struct evtx_make m;

		make_open(&m);
		timed_event(&m, rows[i].created, rows[i].utc);
		make_chunk_end(&m);
		OK(evtx_open(buf_view(&m.file), dict, &e, NULL) == RC_OK && evtx_next(e, f), "%s", rows[i].name);
		EQ_INT(flat_time(f), rows[i].at, "  its time");
		if (rows[i].json != NULL)
			OK(flat_json(f, dict, str_of(rows[i].json), NULL) == RC_OK && flat_time(f) == rows[i].at, "  the same as JSON");
		buf_done(&m.file);
	}
}

static void test_open(void)
{
	struct evtx *e = NULL;
	struct err err;

	OK(evtx_open(S(""), dict, &e, &err) == RC_BAD, "nothing");
	OK(evtx_open(S("ElfFilx"), dict, &e, &err) == RC_BAD, "another file");
	for (uint64_t n = 1;; n++) {
		int64_t live = mem_live();
		enum rc rc;

		mem_fail_at(n, 1);
		rc = evtx_open(S("ElfFile\0"), dict, &e, &err);
		mem_fail_at(0, 0);
		if (rc == RC_OK)
			break;
		OK(rc == RC_NOMEM && mem_live() == live, "allocation %d fails", (int)n);
	}
	OK(!evtx_next(e, f), "a header and no more");
	evtx_close(e);
}

static void one_event(struct evtx_make *m, uint32_t *place, uint16_t id)
{
	make_record(m);
	if (*place == 0)
		*place = event_template(m);
	else
		make_instance(m, *place);
	event_values(m, id, 1, S("x\0"));
	make_record_end(m);
}

/* Whichever allocation fails while records are read: the record is counted as damaged, and nothing is lost for good. */
static void test_memory(void)
{
	struct evtx_make m;
	uint32_t place = 0;

	make_open(&m);
	one_event(&m, &place, 1);
	one_event(&m, &place, 2);
	make_chunk_end(&m);
	for (uint64_t n = 1;; n++) {
		int64_t live = mem_live();
		struct evtx_stats s = { 0 };
		struct evtx *e = NULL;
		struct err err;

		if (evtx_open(buf_view(&m.file), dict, &e, &err) != RC_OK)
			break;
		mem_fail_at(n, 1);
		while (evtx_next(e, f))
			;
		mem_fail_at(0, 0);
		evtx_stats(e, &s);
		evtx_close(e);
		OK(mem_live() == live && (s.records == 2) == (s.bad_records == 0), "allocation %d fails while reading", (int)n);
		if (s.records == 2)
			break;
	}
	buf_done(&m.file);
}

/* Every byte wrong once, and the file cut everywhere: it ends, and nothing is read that is not there (sanitizers tell). */
static void test_damage(void)
{
	struct evtx_make m;
	struct buf out;
	uint64_t records = 0, bad = 0;
	uint32_t place;

	make_open(&m);
	for (int i = 0; i < 3; i++) {
		make_record(&m);
		if (i == 0)
			place = event_template(&m);
		else
			make_instance(&m, place);
		event_values(&m, (uint16_t)i, 1, S("x\0y\0z\0"));
		make_record_end(&m);
	}
	size_t end = m.file.n;
	make_chunk_end(&m);
	buf_init(&out, 1 << 20);
	for (size_t i = 4096; i < end; i++) {
		struct evtx *e = NULL;
		struct evtx_stats s;
		struct err err;
		char was = m.file.p[i];

		m.file.p[i] = (char)(was ^ (i % 3 == 0 ? 0xff : i % 3 == 1 ? 0x01 : 0x80));
		if (evtx_open(i % 2 == 0 ? buf_view(&m.file) : str_make(m.file.p, i), dict, &e, &err) == RC_OK) {
			while (evtx_next(e, f))
				records++;
			evtx_stats(e, &s);
			bad += s.bad_records + s.bad_chunks;
		}
		evtx_close(e);
		m.file.p[i] = was;
	}
	OK(records > (end - 4096) / 2, "most records are saved (%d of %d)", (int)records, (int)(3 * (end - 4096)));
	OK(bad > 0, "damage is counted (%d)", (int)bad);
	buf_done(&out);
	buf_done(&m.file);
}

/* What one record yields. */
static void expect(struct evtx_make *m, struct str want, uint64_t bad, const char *name)
{
	struct evtx_stats s;
	struct buf out;

	make_record_end(m);
	make_chunk_end(m);
	buf_init(&out, 1 << 20);
	s = read_all(buf_view(&m->file), &out);
	EQ_STR(buf_view(&out), want, name);
	EQ_INT((long long)s.bad_records, (long long)bad, "records that are damaged");
	buf_done(&out);
	buf_done(&m->file);
}

/* No template: elements in the record itself, with every kind of text. */
static void test_direct(void)
{
	static const bool dependency[] = { true, false };

	for (size_t i = 0; i < COUNTOF(dependency); i++) {
		struct evtx_make m;
		bool d = dependency[i];

		make_open(&m);
		make_record(&m);
		make_element(&m, "Event", false, d);
		make_start_end(&m);
		make_element(&m, "UserData", false, d);
		make_start_end(&m);
		make_element(&m, "X", true, d);
		make_attribute(&m, "xmlns:y");
		make_text(&m, "urn:x");
		make_attribute(&m, "a");
		make_text(&m, "b");
		make_int(&m, 0x09, 1);
		make_name(&m, "lt");
		make_start_end(&m);
		make_text(&m, "\n  ");
		make_element(&m, "Y", false, d);
		make_start_end(&m);
		make_text(&m, "c");
		make_int(&m, 0x08, 1); /* &#225; */
		make_int(&m, 225, 2);
		make_int(&m, 0x07, 1); /* CDATA */
		make_int(&m, 3, 2);
		make_utf16(&m, "<d>");
		make_int(&m, 0x09, 1);
		make_name(&m, "amp");
		make_int(&m, 0x09, 1);
		make_name(&m, "else");
		make_int(&m, 0x0a, 1); /* <?pi e?> */
		make_name(&m, "pi");
		make_int(&m, 0x0b, 1);
		make_int(&m, 1, 2);
		make_utf16(&m, "e");
		make_end(&m);
		make_element(&m, "Z", false, d);
		make_empty(&m);
		make_end(&m);
		make_end(&m);
		make_element(&m, "RenderingInfo", true, d);
		make_attribute(&m, "Culture");
		make_text(&m, "en-US");
		make_start_end(&m);
		make_element(&m, "Level", false, d);
		make_start_end(&m);
		make_text(&m, "Information");
		make_end(&m);
		make_end(&m);
		make_end(&m);
		make_int(&m, 0, 1);
		expect(&m, S("X_a=b<;Y=c\xC3\xA1<d>&&else;;Z=~null;RenderingInfo_Culture=en-US;RenderingInfo.Level=Information;\n"), 0,
			"elements without a template");
	}
}

/* <Event><System><EventID>%0</EventID></System>%1</Event>, where %1 is XML: <EventData><Data Name="%0">%1</Data></EventData> */
static void test_nested(void)
{
	struct evtx_make m;
	size_t sizes, from;
	static const struct make_value inner[] = { { 1, S("I\0m\0a\0g\0e\0") }, { 1, S("x\0") } };

	make_open(&m);
	make_record(&m);
	(void)make_template(&m);
	make_element(&m, "Event", false, true);
	make_start_end(&m);
	make_element(&m, "System", false, true);
	make_start_end(&m);
	make_leaf(&m, "EventID", 0);
	make_end(&m);
	make_substitution(&m, 1, 0x21);
	make_end(&m);
	make_template_end(&m);
	make_int(&m, 2, 4);
	make_int(&m, 2, 2);
	make_int(&m, 6, 2);
	sizes = m.file.n;
	make_int(&m, 0, 2);
	make_int(&m, 0x21, 2);
	make_int(&m, 7, 2);
	from = m.file.n;
	buf_put(&m.file, "\x0f\x01\x01\x00", 4);
	(void)make_template(&m);
	make_element(&m, "EventData", false, true);
	make_start_end(&m);
	make_element(&m, "Data", true, true);
	make_attribute(&m, "Name");
	make_substitution(&m, 0, 1);
	make_start_end(&m);
	make_substitution(&m, 1, 1);
	make_end(&m);
	make_element(&m, "Data", false, true);
	make_start_end(&m);
	make_text(&m, "<");
	make_substitution(&m, 1, 1);
	make_text(&m, ">");
	make_substitution(&m, 9, 1);
	make_end(&m);
	make_end(&m);
	make_template_end(&m);
	make_values(&m, inner, COUNTOF(inner));
	make_set(&m, sizes, m.file.n - from, 2);
	expect(&m, S("EventID=#7;Image=x;Data=<x>;\n"), 0, "a template within a value");
	OK(f->v[1].field == image_id, "a name from the record is a field");
}

/* A template that holds an instance of itself. */
static void test_loop(void)
{
	struct evtx_make m;
	uint32_t place;

	make_open(&m);
	make_record(&m);
	place = make_template(&m);
	make_element(&m, "Event", false, true);
	make_start_end(&m);
	make_element(&m, "X", false, true);
	make_start_end(&m);
	make_text(&m, "y");
	make_end(&m);
	make_instance(&m, place);
	make_int(&m, 0, 4);
	make_end(&m);
	make_template_end(&m);
	make_int(&m, 0, 4);
	expect(&m, S("X=y;X=y;X=y;X=y;X=y;X=y;X=y;X=y;X=y;\n"), 1, "a template in itself ends");
}

/* Each value refers to the next, eight deep: work is limited, and what was read before is kept. */
static void test_bomb(void)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_make m;
	struct evtx_stats s;
	struct err err;
	uint32_t place;

	make_open(&m);
	make_record(&m);
	place = make_template(&m);
	for (int i = 0; i < 200; i++) {
		make_substitution(&m, 0, 0x21);
		make_element(&m, "X", false, true);
		make_empty(&m);
	}
	make_template_end(&m);
	for (uint32_t deep = 7; deep > 0; deep--) {
		make_int(&m, 1, 4);
		make_int(&m, deep * 18 - 8, 2);
		make_int(&m, 0x21, 2);
		make_instance(&m, place);
	}
	make_int(&m, 0, 4);
	make_record_end(&m);
	make_chunk_end(&m);
	OK(evtx_open(buf_view(&m.file), dict, &e, &err) == RC_OK, "a file");
	while (evtx_next(e, f))
		;
	evtx_stats(e, &s);
	EQ_INT((long long)s.bad_records, 1, "XML in XML in XML is cut off");
	buf_done(&m.file);
}

#define EVENT(id) "Provider_Name=P;EventID=#" #id ";Image=x;Data=~null;\n"

/* A log whose header was not written yet, and one that holds remains of older records. */
static void test_behind_the_end(void)
{
	static const struct {
		uint64_t step;
		struct str want;
	} rows[] = { { 0, S(EVENT(1) EVENT(2) EVENT(3)) }, { 1, S(EVENT(1)) } };

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct evtx_make m;
		struct evtx_stats s;
		struct buf out;
		uint32_t place = 0, end;

		make_open(&m);
		one_event(&m, &place, 1);
		end = make_place(&m);
		m.id += rows[i].step;
		one_event(&m, &place, 2);
		one_event(&m, &place, 3);
		make_chunk_end(&m);
		make_set(&m, m.chunk + 48, end, 4);
		buf_init(&out, 1 << 20);
		s = read_all(buf_view(&m.file), &out);
		EQ_STR(buf_view(&out), rows[i].want, "records behind the end that the header tells");
		EQ_INT((long long)(s.bad_records + s.bad_chunks), 0, "are no damage");
		buf_done(&out);
		buf_done(&m.file);
	}
}

static void test_damaged_chunk(void)
{
	struct evtx_make m;
	struct evtx_stats s;
	struct buf out;
	uint32_t place = 0, second;

	make_open(&m);
	one_event(&m, &place, 1);
	second = make_place(&m);
	one_event(&m, &place, 2);
	one_event(&m, &place, 3);
	make_chunk_end(&m);
	m.file.p[m.chunk] = '?';
	m.file.p[m.chunk + second] = '?';
	buf_init(&out, 1 << 20);
	s = read_all(buf_view(&m.file), &out);
	EQ_STR(buf_view(&out), S(EVENT(1) EVENT(3)), "a chunk without its header, a record without its mark");
	EQ_INT((long long)s.bad_chunks, 1, "are counted");
	memset(m.file.p + m.chunk, 0, 512);
	buf_clear(&out);
	s = read_all(buf_view(&m.file), &out);
	EQ_STR(buf_view(&out), S(EVENT(1) EVENT(3)), "a chunk whose header is zeros, with records");
	EQ_INT((long long)s.bad_chunks, 1, "is no unused one");
	buf_done(&out);
	buf_done(&m.file);
}

/* Nothing but the chunks says what it is. */
static void test_no_header(void)
{
	struct evtx_make m;
	struct evtx_stats s;
	struct buf out;
	uint32_t place = 0;

	make_open(&m);
	one_event(&m, &place, 1);
	make_chunk_end(&m);
	m.file.p[0] = '?';
	buf_init(&out, 1 << 20);
	OK(evtx_looks(buf_view(&m.file)), "a file without its header is an event log by its chunks");
	s = read_all(buf_view(&m.file), &out);
	EQ_STR(buf_view(&out), S(EVENT(1)), "and is read");
	EQ_INT((long long)s.bad_checksums, 1, "the header is told");
	m.file.p[m.chunk] = '?';
	OK(!evtx_looks(buf_view(&m.file)), "without both it is none");
	buf_done(&out);
	buf_done(&m.file);
}

/* Templates are kept for the file: the same one with names at other places, and another that claims the same GUID. */
/* A copy that broke off shows it only by what the header tells. */
static void test_cut(void)
{
	static const struct {
		size_t size;
		bool dirty, wrong; /* the log was being written; the header fails its checksum */
		uint64_t gone;
	} rows[] = {
		{ 4096 + 3 * 65536, false, false, 0 }, { 4096 + 4 * 65536, false, false, 0 },
		{ 4096 + 2 * 65536 + 1, false, false, 0 }, /* the chunk itself tells */
		{ 4096 + 2 * 65536, false, false, 1 }, { 4096, false, false, 3 },
		{ 4096, true, false, 0 }, { 4096, false, true, 0 },
		{ 4095, true, true, 1 }, { 60, false, false, 1 },
	};
	struct evtx_make m;

	make_open(&m);
	make_set(&m, 42, 3, 2);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		m.file.p[120] = rows[i].dirty;
		make_set(&m, 124, make_sum(0, str_make(m.file.p, 120)) ^ rows[i].wrong, 4);
		EQ_INT(evtx_chunks_gone(str_slice(buf_view(&m.file), 0, rows[i].size), rows[i].size), rows[i].gone, "chunks that are gone");
	}
	buf_done(&m.file);
}

static void test_checksums(void)
{
	static const struct {
		size_t at; /* of the byte that is changed, from the beginning of the file; 0: none */
		unsigned char by;
		bool dirty;
		uint64_t bad;
		const char *why;
	} rows[] = {
		{ 0, 0, false, 0, "" },
		{ 30, 1, false, 1, "evtx: header at byte 0: fails its checksum" },
		{ 4096 + 16, 0xff, false, 1, "evtx: chunk at byte 4096: its header fails its checksum" },
		{ 4096 + 300, 0x80, false, 1, "evtx: chunk at byte 4096: its header fails its checksum" },
		{ 4096 + 124, 1, false, 1, "evtx: chunk at byte 4096: its header fails its checksum" },
		{ 4096 + 120, 1, false, 0, "" }, /* flags are not covered */
		{ 4096 + 52, 1, false, 2, "evtx: chunk at byte 4096: its records fail their checksum" },
		{ 4096 + 512 + 16, 1, false, 1, "evtx: chunk at byte 4096: its records fail their checksum" },
		{ 4096 + 512 + 16, 1, true, 1, "evtx: chunk at byte 4096: its records fail their checksum (the log was being written)" },
		{ 4096 + 60000, 1, false, 0, "" }, /* behind the records */
	};
	struct evtx_make m;
	uint32_t place = 0;

	make_open(&m);
	one_event(&m, &place, 1);
	one_event(&m, &place, 2);
	make_chunk_end(&m);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		CLEANUP(evtx_closep) struct evtx *e = NULL;
		struct evtx_stats s = { 0 };

		m.file.p[rows[i].at] ^= (char)(rows[i].at == 0 ? 0 : rows[i].by);
		m.file.p[120] = rows[i].dirty;
		if (evtx_open(buf_view(&m.file), dict, &e, NULL) == RC_OK)
			while (evtx_next(e, f))
				;
		evtx_stats(e, &s);
		OK(s.records == 2 && s.bad_checksums == rows[i].bad && s.bad_chunks + s.bad_records == 0, "byte %zu: %llu checksums fail, all records are read",
		   rows[i].at, (unsigned long long)rows[i].bad);
		EQ_STR(str_of(evtx_last_error(e)), str_of(rows[i].why), "and why");
		m.file.p[rows[i].at] ^= (char)(rows[i].at == 0 ? 0 : rows[i].by);
		m.file.p[120] = 0;
	}
	buf_done(&m.file);
}

/* A part of a file, read by itself: places are the file's, and the header is the first reader's affair. */
static void test_parts(void)
{
	struct evtx_make m;
	struct evtx_stats s;
	uint32_t place = 0;

	make_open(&m);
	one_event(&m, &place, 1);
	make_chunk_end(&m);
	m.file.p[30] ^= 1;
	m.file.p[4096 + 512 + 16] ^= 1;
	for (uint64_t before = 0; before <= 131072; before += 131072) {
		CLEANUP(evtx_closep) struct evtx *e = NULL;

		if (evtx_open(buf_view(&m.file), dict, &e, NULL) != RC_OK)
			return;
		evtx_begins(e, before);
		while (evtx_next(e, f))
			;
		evtx_stats(e, &s);
		EQ_INT((long long)s.bad_checksums, before == 0 ? 2 : 1, "checksums of this part");
		EQ_STR(str_of(evtx_last_error(e)), before == 0 ? S("evtx: chunk at byte 4096: its records fail their checksum")
							       : S("evtx: chunk at byte 135168: its records fail their checksum"), "and the place");
	}
	buf_done(&m.file);
}

static void test_chunks(void)
{
	struct evtx_make m;
	struct evtx_stats s;
	struct buf out;
	uint32_t place = 0;

	make_open(&m);
	one_event(&m, &place, 1);
	make_chunk_end(&m);
	make_chunk(&m);
	make_pad(&m, m.file.n + 64);
	place = 0;
	m.templates = 0;
	one_event(&m, &place, 2);
	make_chunk_end(&m);
	make_chunk(&m);
	place = 0;
	m.templates = 0;
	one_event(&m, &place, 3);
	make_chunk_end(&m);
	m.file.p[m.chunk + 512 + 24 + 14 + 24 + 4 + 1 + 2 + 4 + 4 + 8] = 'e'; /* "event": no Event, all else the same */
	make_chunk(&m);
	place = 0;
	m.templates = 0;
	one_event(&m, &place, 4);
	make_chunk_end(&m);
	m.file.p[m.chunk + 512 + 24 + 14 + 24 + 4 + 1 + 2 + 4] ^= 1; /* the name is said to stand one byte on: all else the same */
	buf_init(&out, 1 << 20);
	s = read_all(buf_view(&m.file), &out);
	EQ_STR(buf_view(&out), S(EVENT(1) EVENT(2) "Provider_Name=P;EventID=#3;Correlation=~null;Image=x;Data=~null;\n"), "four chunks");
	EQ_INT((long long)s.chunks, 4, "are counted");
	EQ_INT((long long)s.bad_records, 2, "one has a gap before its record, one is damaged");
	buf_done(&out);
	buf_done(&m.file);
}

/* ---- real logs ---- */

static struct {
	uint64_t files, records, bad;
} logs;

static int one_log(const char *path, const struct stat *st UNUSED, int kind, struct FTW *at UNUSED)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_stats s;
	struct buf file;
	struct err err;

	if (kind != FTW_F || !str_ends(str_of(path), S(".evtx")))
		return 0;
	if (file_read(path, (size_t)1 << 30, &file, &err) != RC_OK || evtx_open(buf_view(&file), dict, &e, &err) != RC_OK) {
		OK(false, "%s: %s", path, err.text);
		return 0;
	}
	while (evtx_next(e, f))
		;
	evtx_stats(e, &s);
	logs.files++;
	logs.records += s.records;
	logs.bad += s.bad_records + s.bad_chunks + s.bad_checksums;
	buf_done(&file);
	return 0;
}

static void test_logs(void)
{
	char folder[4096];

	if (!material("logs/evtx-attack-samples", folder)) {
		SKIP("no folder of logs", "event logs that others recorded");
		return;
	}
	nftw(folder, one_log, 8, FTW_PHYS);
	printf("# %llu files, %llu records\n", (unsigned long long)logs.files, (unsigned long long)logs.records);
	OK(logs.files > 0 && logs.bad == 0, "logs that others recorded are read whole");
	if (logs.files == 277)
		EQ_INT((long long)logs.records, 8255, "and each record of them, as libevtx counts");
}

int main(void)
{
	struct err err;

	dict = fields_new();
	if (dict == NULL || fields_add_windows(dict, &err) != RC_OK || fields_add(dict, S("Image"), &image_id, &err) != RC_OK ||
		flat_new(&f, &err) != RC_OK)
		return 1;
	test_open();
	test_header_of_record();
	test_time();
	test_types();
	test_direct();
	test_nested();
	test_loop();
	test_bomb();
	test_behind_the_end();
	test_damaged_chunk();
	test_no_header();
	test_cut();
	test_checksums();
	test_parts();
	test_chunks();
	test_memory();
	test_damage();
	test_logs();
	flat_free(f);
	fields_free(dict);
	EQ_INT(mem_live(), 0, "all memory is given back");
	return tap_done();
}
