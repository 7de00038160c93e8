/* What goes in through each format, what the report says, and that a second time
 * changes nothing. */
#include <fcntl.h>

#include "base/mem.h"
#include "gate/folder.h"
#include "intel/import.h"
#include "intel/material.h"
#include "stix/marking.h"
#include "tap.h"

static struct folder at;
static struct warninglists *warn;
static int now_days; /* on which day the next import happens */

struct outcome {
	enum rc rc;
	struct import_report r; /* strings are not to be used */
	char json[20000];
	char error[500];
};

/* Imports `text` in pieces of `piece` bytes. */
static struct outcome import_text(enum import_format f, struct str text, size_t piece, const char *columns)
{
	static struct outcome out;
	struct import_opts o = { .format = f, .warn = warn, .source_name = S("feed:test"), .tlp = TLP_GREEN, .confidence = 60,
				 .columns = str_of(columns), .now = INT64_C(1767225600000000) + now_days * 86400 * USEC_PER_SEC,
				 .admit = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER, .upgrade_20 = true } };
	struct import *im;
	struct err err = { 0 };
	struct jsonw w;
	struct buf b;

	memset(&out, 0, sizeof out);
	if (import_new(at.store, &o, &im, &err) != RC_OK)
		exit(1);
	while (out.rc == RC_OK && text.n > 0) {
		out.rc = import_feed(im, str_slice(text, 0, piece), &err);
		text = str_slice(text, piece, text.n);
	}
	if (out.rc == RC_OK)
		out.rc = import_end(im, &err);
	else
		(void)!import_end(im, NULL);
	out.r = *import_report(im);
	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	import_report_write(import_report(im), &w);
	snprintf(out.json, sizeof out.json, "%.*s", STR(buf_view(&b)));
	snprintf(out.error, sizeof out.error, "%s", err.text);
	buf_done(&b);
	import_free(im);
	return out;
}

/* The one object whose body contains `text`; its body, or "". In static memory. */
static struct str body_with(const char *text)
{
	static char body[10000];
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = PAGE_LIMIT_MAX, .bodies = true, .tlp_mask = 0x1f };
	struct page p;
	struct err err;
	int n = 0;

	body[0] = '\0';
	if (store_page(at.store, &q, &p, &err) != RC_OK)
		return S("");
	for (size_t i = 0; i < p.n; i++) {
		if (str_find(p.entries[i].body, str_of(text), 0) == SIZE_MAX)
			continue;
		snprintf(body, sizeof body, "%.*s", STR(p.entries[i].body));
		n++;
	}
	page_done(&p);
	return n == 1 ? str_of(body) : S("");
}

static void begin(void)
{
	struct err err;

	if (!folder_open(&at, &err)) {
		OK(false, "a store: %s", err.text);
		exit(1);
	}
}

static void test_list(void)
{
	static const char list[] = "\xEF\xBB\xBF# a comment\r\nevil[.]example\r\n198.51.100.7\t10\n; other\n\nhxxp://Evil.example/a 77\nnonsense\n"
				   "2001:DB8::1\n198.51.100.0/24\n// third\nd41d8cd98f00b204e9800998ecf8427e\nbad@evil.example\nxx\xff.example\nwww.pop.example";

	for (size_t piece = 1; piece < 80; piece += 13) {
		struct outcome o;

		begin();
		o = import_text(IMPORT_LIST, str_of(list), piece, "");
		EQ_INT(o.rc, RC_OK, "a list");
		EQ_INT(o.r.lines, 14, "  lines");
		EQ_INT(o.r.skipped, 4, "  comments and empty lines");
		EQ_INT(o.r.values, 8, "  values");
		EQ_INT(o.r.stored, 8, "  stored");
		EQ_INT(o.r.failed, 2, "  failed");
		OK(strstr(o.json, "{\"line\":7,") != NULL && strstr(o.json, "{\"line\":13,\"message\":\"not UTF-8\"}") != NULL, "  failures with lines");
		EQ_INT(o.r.warned, 1, "  warned");
		OK(strstr(o.json, "\"value\":\"www.pop.example\",\"list\":\"host\"") != NULL, "  hit with its list");
		OK(strstr(o.json, "\"types\":{\"indicator\":8}") != NULL, "  types");
		o = import_text(IMPORT_LIST, str_of(list), piece, "");
		EQ_INT(o.r.duplicates, 8, "  again: nothing new");
		EQ_INT(o.r.stored, 0, "  again: nothing stored");
		folder_close(&at);
	}
}

static void test_list_forms(void)
{
	static const struct {
		const char *line, *pattern;
	} rows[] = {
		{ "198.51.100.7:4444", "[ipv4-addr:value = '198.51.100.7']" },
		{ "[2001:DB8::1]:53", "[ipv6-addr:value = '2001:db8::1']" },
		{ "Evil[.]example:8080", "[domain-name:value = 'evil.example']" },
		{ "198.51.100.7:65536", NULL },
		{ "evil.example/go.php", "[url:value = 'http://evil.example/go.php']" },
		{ "http://evil.example/a,b", "[url:value = 'http://evil.example/a,b']" },
		{ "/go.php", NULL },
		{ "a b:80", NULL },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct outcome o;

		begin();
		o = import_text(IMPORT_LIST, str_of(rows[i].line), 1000, "");
		EQ_INT(o.r.stored, rows[i].pattern != NULL ? 1 : 0, rows[i].line);
		if (rows[i].pattern != NULL)
			OK(body_with(rows[i].pattern).n > 0, "  %s", rows[i].pattern);
		folder_close(&at);
	}
}

/* Twice in one list, and the list twice. */
static void test_repeats(void)
{
	struct outcome o;

	begin();
	for (int turn = 0; turn < 2; turn++) {
		o = import_text(IMPORT_LIST, S("198.51.100.7:80\na.example\n198.51.100.7:81\nA.example\n"), 1000, "");
		EQ_INT(o.r.stored, turn == 0 ? 2 : 0, "stored once");
		EQ_INT(o.r.duplicates, turn == 0 ? 2 : 4, "  the others are duplicates");
		EQ_INT(o.r.failed, 0, "  nothing failed");
	}
	folder_close(&at);
}

/* How many objects of the collection have `text` in their body. */
static int count_with(const char *text)
{
	struct page_query q = { .collection = 1, .added_after = INT64_MIN, .limit = PAGE_LIMIT_MAX, .bodies = true, .tlp_mask = 0x1f };
	struct page p;
	struct err err;
	int n = 0;

	if (store_page(at.store, &q, &p, &err) != RC_OK)
		return -1;
	for (size_t i = 0; i < p.n; i++)
		n += str_find(p.entries[i].body, str_of(text), 0) != SIZE_MAX;
	page_done(&p);
	return n;
}

/* Rows that say different things of one value are claims side by side; also when thousands of rows lie between them,
 * and nothing is new when the table comes again, even a day later. */
static void test_further_claims(void)
{
	static char table[200000];
	struct str near = S("value,comment,tlp,confidence\na.example,seen by A,,\na.example,seen by B,,\nA.example,seen by A,,\n"
			    "a.example,seen by A,red,\na.example,seen by A,,90\na.example,seen by B,,\n");
	struct outcome o;
	size_t n = 0;

	begin();
	for (int turn = 0; turn < 2; turn++) {
		now_days = turn;
		o = import_text(IMPORT_CSV, near, 1000, "");
		OK(o.r.failed == 0 && o.r.stored == (turn == 0 ? 4 : 0) && o.r.duplicates == (turn == 0 ? 2 : 6),
		   "near, turn %d: %llu stored, %llu duplicates, %llu failed", turn, (unsigned long long)o.r.stored,
		   (unsigned long long)o.r.duplicates, (unsigned long long)o.r.failed);
	}
	EQ_INT(count_with("seen by A"), 3, "  level and confidence are statements too");
	EQ_INT(count_with("seen by B"), 1, "  the other remark");
	folder_close(&at);
	begin();
	n += (size_t)snprintf(table + n, sizeof table - n, "value,comment\na.example,first\n");
	for (int i = 0; i < 2500; i++)
		n += (size_t)snprintf(table + n, sizeof table - n, "h%d.example,x\n", i);
	n += (size_t)snprintf(table + n, sizeof table - n, "a.example,second\na.example,first\n");
	for (int turn = 0; turn < 2; turn++) {
		now_days = turn;
		o = import_text(IMPORT_CSV, (struct str){ table, n }, 5000, "");
		OK(o.r.failed == 0 && o.r.stored == (turn == 0 ? 2502 : 0), "far, turn %d: %llu stored, %llu failed", turn,
		   (unsigned long long)o.r.stored, (unsigned long long)o.r.failed);
	}
	OK(count_with("\"first\"") == 1 && count_with("\"second\"") == 1, "  both are there");
	now_days = 2;
	o = import_text(IMPORT_CSV, S("value,comment\na.example,third\n"), 100, "");
	OK(o.r.stored == 1 && count_with("\"first\"") == 0 && count_with("\"third\"") == 1, "  another day another statement: a new version");
	now_days = 0;
	folder_close(&at);
}

static void test_guess(void)
{
	struct outcome o;

	begin();
	o = import_text(IMPORT_AUTO, S("^x{1,3}\\.example$\na.example\nb.example\n\"c.example\n"), 1000, "");
	OK(o.r.format == IMPORT_LIST && o.r.stored == 3, "a comma in one odd line makes no table");
	o = import_text(IMPORT_AUTO, S("# x\nvalue,comment\nd.example,1\ne.example,2\n"), 1000, "");
	OK(o.r.format == IMPORT_CSV && o.r.stored == 2, "one in every line does");
	folder_close(&at);
}

static void test_made(void)
{
	struct outcome o;
	struct str body;

	begin();
	o = import_text(IMPORT_CSV, S("value,type,tlp,confidence,valid_from,valid_until,comment,tags\n"
				      "evil.example,domain,amber,80,2026-01-01,2026-06-01,\"a \"\"quoted\"\", thing\nwith a line end\",c2;apt\n"), 7, "");
	EQ_INT(o.r.stored, 1, "a table of one row");
	body = body_with("evil.example");
	OK(str_find(body, S("\"pattern\":\"[domain-name:value = 'evil.example']\""), 0) != SIZE_MAX, "  pattern");
	OK(str_find(body, S("\"confidence\":80"), 0) != SIZE_MAX, "  confidence");
	OK(str_find(body, S("\"description\":\"a \\\"quoted\\\", thing\\nwith a line end\""), 0) != SIZE_MAX, "  description: %.*s", STR(body));
	OK(str_find(body, S("\"labels\":[\"c2\",\"apt\"]"), 0) != SIZE_MAX, "  labels");
	OK(str_find(body, S("\"valid_from\":\"2026-01-01T00:00:00.000Z\",\"valid_until\":\"2026-06-01T00:00:00.000Z\""), 0) != SIZE_MAX, "  validity");
	OK(str_find(body, S("55d920b0-5e8b-4f79-9ee9-91f868d9b421"), 0) != SIZE_MAX, "  marking");
	o = import_text(IMPORT_CSV, S("value,confidence\nevil.example,20\n"), 7, "");
	EQ_INT(o.r.stored, 0, "the same instant again with other content is no new version");
	folder_close(&at);
}

static void test_csv(void)
{
	static const struct {
		const char *name, *text, *columns;
		int stored, failed, skipped;
	} rows[] = {
		{ "header", "type,value\ndomain,a.example\nipv4,198.51.100.1\n", "", 2, 0, 1 },
		{ "semicolons, CRLF", "IOC;Comment\r\na.example;x\r\nb.example;y\r\n", "", 2, 0, 1 },
		{ "tabs", "indicator\tdescription\na.example\tx\n", "", 1, 0, 1 },
		{ "no header: the column that holds a value", "1,a.example,x\n2,b.example,y\n", "", 2, 0, 0 },
		{ "one column", "a.example\nb.example\n", "", 2, 0, 0 },
		{ "columns given", "x,a.example,80\n", ",value,confidence", 1, 0, 0 },
		{ "comments", "# x\nvalue,type\n# y\na.example,domain\n", "", 1, 0, 3 },
		{ "bad rows", "value,type,tlp,confidence,valid_until\na.example,ipv4,,,\na.example,magic,,,\na.example,domain,purple,,\n"
			      "a.example,domain,,101,\na.example,domain,,,1999-01-01\nb.example,domain,,,\n", "", 1, 5, 1 },
		{ "open quote", "value,comment\na.example,\"x\n", "", 0, 1, 1 },
		{ "empty rows", "value,type\n\n\na.example,domain\n", "", 1, 0, 3 },
		{ "no last line end", "value\na.example", "", 1, 0, 1 },
		{ "quoted separators", "value,comment\n\"a.example\",\"x,y\"\n", "", 1, 0, 1 },
		{ "MISP-like spellings", "ioc_value,ioc_type,first_seen_utc,tags\na.example,hostname,2026-01-01 10:11:12,a|b\n", "", 1, 0, 1 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (size_t piece = 1; piece < 60; piece += 19) {
			struct outcome o;

			begin();
			o = import_text(IMPORT_CSV, str_of(rows[i].text), piece, rows[i].columns);
			OK(o.rc == RC_OK && (int)o.r.stored == rows[i].stored && (int)o.r.failed == rows[i].failed && (int)o.r.skipped == rows[i].skipped,
			   "%s: %d stored, %d failed, %d skipped %s", rows[i].name, (int)o.r.stored, (int)o.r.failed, (int)o.r.skipped,
			   strstr(o.json, "\"failures\""));
			folder_close(&at);
		}
	}
	begin();
	struct import_opts o = { .format = IMPORT_CSV, .columns = S("value,magic") };
	struct import *im;
	struct err err;
	EQ_INT(import_new(at.store, &o, &im, &err), RC_BAD, "an unknown column name");
	folder_close(&at);
}

#define WHEN "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\""
#define PERSON(n) "{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-00000000000" #n "\"," WHEN ",\"name\":\"x\"}"
#define SIGN "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-000000000001\"," WHEN \
	",\"pattern\":\"[domain-name:value = 'pop.example' OR domain-name:value = 'evil.example']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\"}"

static void test_stix(void)
{
	static const struct {
		const char *name, *text;
		enum rc rc;
		int objects, stored, failed, warned;
	} rows[] = {
		{ "bundle", "{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000001\",\"objects\":[" PERSON(1) "," PERSON(2) "]}", RC_OK, 2, 2, 0, 0 },
		{ "envelope", "{\"more\":false,\"objects\":[" PERSON(1) "]}", RC_OK, 1, 1, 0, 0 },
		{ "list", "[" PERSON(1) ",\n" PERSON(2) "]", RC_OK, 2, 2, 0, 0 },
		{ "lines", PERSON(1) "\n" PERSON(2) "\n", RC_OK, 2, 2, 0, 0 },
		{ "list of bundles", "[{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000001\",\"objects\":[" PERSON(1) "]},"
				     "{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000002\",\"objects\":[" PERSON(2) "," PERSON(3) "]}]",
		  RC_OK, 3, 3, 0, 0 },
		{ "bad ones between good ones", "[" PERSON(1) ",{},7," PERSON(2) ",{\"type\":\"identity\"}]", RC_BAD, 2, 1, 1, 0 },
		{ "bad objects between good ones", "[" PERSON(1) ",{}," PERSON(2) ",{\"type\":\"identity\"}]", RC_OK, 4, 2, 2, 0 },
		{ "torn", "{\"type\":\"bundle\",\"objects\":[" PERSON(1) ",{\"type\"", RC_BAD, 1, 1, 0, 0 },
		{ "an observable without an id gets its own", "[{\"type\":\"domain-name\",\"value\":\"a.example\"}]", RC_OK, 1, 1, 0, 0 },
		{ "warning list", "[" SIGN "]", RC_OK, 1, 1, 0, 1 },
		{ "no STIX", "[1,2]", RC_BAD, 0, 0, 0, 0 },
		{ "nothing", " ", RC_BAD, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (size_t piece = 3; piece < 2000; piece += 700) {
			struct outcome o;

			begin();
			o = import_text(piece > 1000 ? IMPORT_AUTO : IMPORT_STIX, str_of(rows[i].text), piece, "");
			if (piece > 1000 && rows[i].rc == RC_BAD && rows[i].text[0] == ' ') {
				folder_close(&at); /* nothing looks like a list */
				continue;
			}
			OK(o.rc == rows[i].rc, "%s: %s", rows[i].name, o.error);
			OK((int)o.r.objects == rows[i].objects && (int)o.r.stored == rows[i].stored && (int)o.r.failed == rows[i].failed &&
			   (int)o.r.warned == rows[i].warned, "  %d objects, %d stored, %d failed, %d warned", (int)o.r.objects, (int)o.r.stored,
			   (int)o.r.failed, (int)o.r.warned);
			folder_close(&at);
		}
	}
}

static void test_upgrade(void)
{
	struct outcome o;

	begin();
	o = import_text(IMPORT_STIX, S("{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000001\",\"spec_version\":\"2.0\",\"objects\":["
		"{\"type\":\"observed-data\",\"id\":\"observed-data--00000000-0000-4000-8000-000000000001\"," WHEN ",\"first_observed\":"
		"\"2026-01-01T00:00:00Z\",\"last_observed\":\"2026-01-01T00:00:00Z\",\"number_observed\":1,\"objects\":{\"0\":"
		"{\"type\":\"domain-name\",\"value\":\"a.example\"}}}]}"), 40, "");
	EQ_INT(o.rc, RC_OK, "a bundle of STIX 2.0");
	OK(o.r.upgraded == 1 && o.r.objects == 2 && o.r.stored == 2 && o.r.failed == 0, "  is upgraded: %llu objects, %llu stored %s",
	   (unsigned long long)o.r.objects, (unsigned long long)o.r.stored, strstr(o.json, "\"failures\""));
	OK(strstr(o.json, "\"upgrades\":[{\"id\":\"domain-name--") != NULL, "  and the report says how: %s", strstr(o.json, "\"upgrades\""));
	OK(body_with("\"type\":\"observed-data\"").n > 0 && str_find(body_with("\"type\":\"observed-data\""), S("\"object_refs\""), 0) != SIZE_MAX,
	   "  what it observed are objects of their own");
	folder_close(&at);
}

static void test_dry_run(void)
{
	struct import_opts o = { .format = IMPORT_STIX, .dry_run = true };
	struct import *im;
	struct err err;

	OK(import_new(NULL, &o, &im, &err) == RC_OK && import_feed(im, S("[" PERSON(1) ",{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":"
	   "\"identity--00000000-0000-4000-8000-000000000009\"}]"), &err) == RC_OK && import_end(im, &err) == RC_OK, "a dry run needs no store");
	OK(import_report(im)->objects == 2 && import_report(im)->stored == 0 && import_report(im)->failed == 1, "  and says what is wrong");
	import_free(im);
}

#define ATTRIBUTE(n, type, ids, value, more) "{\"uuid\":\"00000000-0000-4000-8000-0000000000" n "\",\"type\":\"" type "\",\"to_ids\":" ids \
	",\"category\":\"x\",\"distribution\":\"5\",\"timestamp\":\"1767225600\",\"comment\":\"c\",\"value\":\"" value "\"" more "}"
static const char event[] = "{\"Event\":{\"uuid\":\"00000000-0000-4000-8000-000000000000\",\"info\":\"A \\\"test\\\"\",\"date\":\"2026-01-01\","
	"\"timestamp\":\"1767225601\",\"distribution\":\"1\",\"Orgc\":{\"name\":\"Org\",\"uuid\":\"00000000-0000-4000-8000-0000000000ff\"},"
	"\"Tag\":[{\"name\":\"tlp:green\"},{\"name\":\"apt\"}],\"Attribute\":["
	ATTRIBUTE("01", "domain", "true", "evil.example", ",\"Tag\":[{\"name\":\"tlp:red\"}],\"Sighting\":[{\"uuid\":\"00000000-0000-4000-8000-0000000000e1\",\"type\":\"0\",\"date_sighting\":\"1767225700\"}]") ","
	ATTRIBUTE("02", "ip-dst|port", "true", "198.51.100.7|443", "") ","
	ATTRIBUTE("03", "sha1", "false", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "") ","
	ATTRIBUTE("04", "text", "false", "some words", "") ","
	ATTRIBUTE("05", "domain", "true", "not a domain", "") ","
	ATTRIBUTE("06", "unheard-of", "true", "x", "") ","
	ATTRIBUTE("07", "filename|md5", "false", "a.exe|d41d8cd98f00b204e9800998ecf8427e", "") ","
	ATTRIBUTE("08", "domain|ip", "false", "evil.example|198.51.100.7", ",\"deleted\":true") ","
	"{\"type\":\"domain\"}],"
	"\"Object\":[{\"uuid\":\"00000000-0000-4000-8000-0000000000b1\",\"name\":\"file\",\"timestamp\":\"1767225600\",\"distribution\":\"0\",\"Attribute\":["
	ATTRIBUTE("11", "md5", "true", "D41D8CD98F00B204E9800998ECF8427E", ",\"object_relation\":\"md5\"") "]}]}}";

static void test_misp(void)
{
	struct outcome o;
	struct str body;

	begin();
	o = import_text(IMPORT_AUTO, str_of(event), 100, "");
	EQ_INT(o.rc, RC_OK, "an event");
	EQ_INT(o.r.format, IMPORT_MISP, "  is recognised");
	EQ_INT(o.r.values, 9, "  attributes");
	EQ_INT(o.r.failed, 1, "  one without a value");
	EQ_INT(o.r.kept_raw, 3, "  kept as notes");
	OK(strstr(o.json, "kept as a note") != NULL, "  with a remark: %s", strstr(o.json, "\"failures\""));
	OK(strstr(o.json, "\"indicator\":3,") != NULL && strstr(o.json, "\"observed-data\":3") != NULL && strstr(o.json, "\"note\":3") != NULL &&
	   strstr(o.json, "\"report\":1") != NULL && strstr(o.json, "\"grouping\":1") != NULL && strstr(o.json, "\"identity\":1") != NULL &&
	   strstr(o.json, "\"sighting\":1") != NULL && strstr(o.json, "\"file\":2") != NULL, "  types: %s", strstr(o.json, "\"types\""));
	EQ_INT(o.r.stored, o.r.objects, "  all stored");
	body = body_with("\"id\":\"indicator--00000000-0000-4000-8000-000000000001\"");
	OK(str_find(body, S("[domain-name:value = 'evil.example']"), 0) != SIZE_MAX, "  pattern");
	OK(str_find(body, S("e828b379-4e03-4974-9ac4-e53a884c97c1"), 0) != SIZE_MAX, "  the attribute's own tlp:red is the stricter");
	OK(str_find(body, S("\"created_by_ref\":\"identity--00000000-0000-4000-8000-0000000000ff\""), 0) != SIZE_MAX, "  creator");
	body = body_with("\"id\":\"indicator--00000000-0000-4000-8000-000000000002\"");
	OK(str_find(body, S("[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port = 443]"), 0) != SIZE_MAX, "  composite");
	OK(str_find(body, S("bab4a63c-aed9-4cf5-a766-dfca5abac2bb"), 0) != SIZE_MAX, "  the event's tlp:green");
	body = body_with("\"id\":\"observed-data--00000000-0000-4000-8000-000000000008\"");
	OK(str_find(body, S("\"revoked\":true"), 0) != SIZE_MAX, "  a deleted attribute is revoked");
	body = body_with("\"id\":\"indicator--00000000-0000-4000-8000-000000000011\"");
	OK(str_find(body, S("939a9414-2ddd-4d32-a0cd-375ea402b003"), 0) != SIZE_MAX, "  'your organisation only' is AMBER+STRICT");
	body = body_with("\"id\":\"report--00000000-0000-4000-8000-000000000000\"");
	OK(str_find(body, S("\"labels\":[\"tlp:green\",\"apt\"]"), 0) != SIZE_MAX, "  tags: %.*s", STR(body));
	o = import_text(IMPORT_MISP, str_of(event), 10000, "");
	EQ_INT(o.r.duplicates, o.r.objects, "  again: nothing new");
	folder_close(&at);
}

static void test_bad_misp(void)
{
	static const struct {
		const char *text;
		int failed;
	} rows[] = {
		{ "{\"response\":[{},{\"Event\":7},{\"Event\":{\"info\":\"x\"}}]}", 3 }, { "{\"Event\":{\"Attribute\":[1,{\"type\":\"a\",\"value\":7}]}}", 3 },
		{ "{\"Event\":{\"Attribute\":{}}}", 1 }, { "[{\"Event\":{\"info\":\"x\",\"Object\":[3]}}]", 2 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct outcome o;

		begin();
		o = import_text(IMPORT_MISP, str_of(rows[i].text), 9, "");
		OK(o.rc == RC_OK && (int)o.r.failed == rows[i].failed && o.r.stored == 0, "%s: %d failed", rows[i].text, (int)o.r.failed);
		folder_close(&at);
	}
}

/* The n-th allocation fails, and all behind it: a clean error, and nothing left behind. */
static void test_no_memory(void)
{
	static const struct {
		const char *name;
		enum import_format f;
		const char *text;
	} rows[] = {
		{ "list", IMPORT_LIST, "a.example\nnonsense\nb\303\274cher.example\n" }, { "csv", IMPORT_CSV, "value,comment\na.example,\"x\"\n" },
		{ "stix", IMPORT_STIX, "[" PERSON(1) ",{\"type\":\"domain-name\",\"value\":\"a.example\"}," SIGN "]" }, { "misp", IMPORT_AUTO, event },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		uint64_t nth, clean = 0, objects = 0, failed = 0;
		int64_t before = mem_live();
		enum rc rc = RC_NOMEM;

		/* Number 0 makes nothing fail and says what there is to read. */
		for (nth = 0; (rc != RC_OK || nth == 1) && nth < 20000; nth++) {
			struct import_opts o = { .format = rows[i].f, .dry_run = true, .warn = warn, .confidence = 255, .now = 1,
						 .admit = { .upgrade_20 = true } };
			struct import *im = NULL;
			struct err err = { 0 };

			mem_fail_at(nth, 1);
			rc = import_new(NULL, &o, &im, &err);
			if (rc == RC_OK)
				rc = import_feed(im, str_of(rows[i].text), &err);
			if (rc == RC_OK)
				rc = import_end(im, &err);
			mem_fail_at(0, 0);
			if (nth == 0) {
				objects = import_report(im)->objects;
				failed = import_report(im)->failed;
			}
			/* What cannot be held may also end as a failure in the report; then the run goes on to its end. */
			if (rc == RC_OK && (import_report(im)->failed != failed || import_report(im)->objects != objects))
				rc = RC_NOMEM;
			clean += rc == RC_OK || rc == RC_NOMEM || rc == RC_BAD;
			import_free(im);
		}
		OK(rc == RC_OK && clean == nth, "%s: each of %d allocations may fail", rows[i].name, (int)nth - 2);
		EQ_INT(mem_live(), before, "  nothing is left behind");
	}
}

static void import_path(const char *path, enum import_format f, struct import_report *r, char *json, size_t max)
{
	struct import_opts o = { .format = f, .source_name = S("feed:real"), .tlp = TLP_GREEN, .confidence = 255,
				 .admit = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER } };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct import *im;
	struct err err = { 0 };
	struct jsonw w;
	struct buf b;

	OK(fd >= 0 && import_new(at.store, &o, &im, &err) == RC_OK, "open %s", path);
	OK(import_fd(im, fd, &err) == RC_OK && import_end(im, &err) == RC_OK, "import %s: %s", path, err.text);
	*r = *import_report(im);
	buf_init(&b, 1 << 24);
	jsonw_init(&w, &b);
	import_report_write(r, &w);
	snprintf(json, max, "%.*s", STR(buf_view(&b)));
	buf_done(&b);
	close(fd);
	import_free(im);
}

static void test_real_events(void)
{
	char dir[4096], path[4500], json[4000];
	struct dirent *e;
	DIR *d;
	uint64_t values = 0;

	if (!material("misp/events", dir)) {
		SKIP("the folder of test material is not here (LIANFANG_DATA)", "real MISP events");
		return;
	}
	begin();
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		struct import_report r;

		if (strstr(e->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		import_path(path, IMPORT_AUTO, &r, json, sizeof json);
		OK(r.failed == 0 && r.values > 0, "  %llu attributes, %llu kept as notes: %s", (unsigned long long)r.values,
		   (unsigned long long)r.kept_raw, strstr(json, "\"failures\""));
		values += r.values;
	}
	if (d != NULL)
		closedir(d);
	EQ_INT(values, 683, "all attributes of all events");
	folder_close(&at);
}

static void test_real_feed(void)
{
	char path[4096], json[4000];
	struct import_report r;

	if (!material("feeds/ipsum.txt", path)) {
		SKIP("the folder of test material is not here (LIANFANG_DATA)", "a real feed");
		return;
	}
	begin();
	import_path(path, IMPORT_AUTO, &r, json, sizeof json);
	OK(r.failed == 0 && r.stored > 100000, "%llu addresses %.300s", (unsigned long long)r.stored, json);
	folder_close(&at);
}

int main(void)
{
	struct err err;

	warn = warninglists_new();
	if (warn == NULL || warninglists_add(warn, S("{\"name\":\"host\",\"type\":\"hostname\",\"list\":[\"pop.example\"]}"), &err) != RC_OK ||
	    warninglists_ready(warn, &err) != RC_OK)
		return 1;
	test_list();
	test_list_forms();
	test_repeats();
	test_further_claims();
	test_guess();
	test_made();
	test_csv();
	test_stix();
	test_upgrade();
	test_dry_run();
	test_misp();
	test_bad_misp();
	test_no_memory();
	test_real_events();
	test_real_feed();
	warninglists_free(warn);
	return tap_done();
}
