/* Each test of Sigma and each trap of its semantics as a row: what stands in the
 * detection, an event, and whether it matches. Every row is run by the witness
 * index and by trying all rules, twice each, so that the second run meets the
 * memories that the first left. */
#include <unistd.h>

#include "engine_world.h"
#include "tap.h"

struct row {
	const char *name, *detection, *event;
	int want;
};

#define ONE(text) "s: {" text "}, condition: s"

static const struct row rows[] = {
	/* whole values, case, numbers */
	{ "whole value", ONE("F: cmd.exe"), "{\"F\":\"cmd.exe\"}", 1 },
	{ "whole value is no substring", ONE("F: cmd.exe"), "{\"F\":\"x cmd.exe\"}", 0 },
	{ "case does not count", ONE("F: CMD.exe"), "{\"F\":\"cmD.EXE\"}", 1 },
	{ "cased", ONE("F|cased: CMD.exe"), "{\"F\":\"cmd.exe\"}", 0 },
	{ "cased, same", ONE("F|cased: CMD.exe"), "{\"F\":\"CMD.exe\"}", 1 },
	{ "cased contains", ONE("F|contains|cased: MD.e"), "{\"F\":\"xCMD.exe\"}", 1 },
	{ "cased contains, other case", ONE("F|contains|cased: MD.e"), "{\"F\":\"xCmd.exe\"}", 0 },
	{ "Kelvin sign is k", ONE("F|contains: task"), "{\"F\":\"xTas\xe2\x84\xaax\"}", 1 },
	{ "long s is s", ONE("F: pass"), "{\"F\":\"pa\xc5\xbf\xc5\xbf\"}", 1 },
	{ "k in the rule as Kelvin sign", ONE("F: tas\xe2\x84\xaa"), "{\"F\":\"TASK\"}", 1 },
	{ "Turkish dotted I stays itself", ONE("F: i"), "{\"F\":\"\xc4\xb0\"}", 0 },
	{ "umlauts fold", ONE("F|startswith: \xc3\xa4\xc3\xb6"), "{\"F\":\"\xc3\x84\xc3\x96X\"}", 1 },
	{ "capital sharp s folds simply", ONE("F: stra\xc3\x9f""e"), "{\"F\":\"STRA\xe1\xba\x9e""E\"}", 1 },
	{ "number", ONE("F: 4688"), "{\"F\":4688}", 1 },
	{ "number as text", ONE("F: 4688"), "{\"F\":\"4688\"}", 1 },
	{ "number with fraction", ONE("F: 4688"), "{\"F\":4688.0}", 1 },
	{ "number is no prefix", ONE("F: 468"), "{\"F\":4688}", 0 },
	{ "number is no prefix of text", ONE("F: 4688"), "{\"F\":\"4688 x\"}", 0 },
	{ "hexadecimal stays text", ONE("F: 4660"), "{\"F\":\"0x1234\"}", 0 },
	{ "text of digits meets a number", ONE("F: '4688'"), "{\"F\":4688}", 1 },
	{ "text of digits contains", ONE("F|contains: '68'"), "{\"F\":4688}", 1 },
	{ "true", ONE("F: true"), "{\"F\":true}", 1 },
	{ "true as text", ONE("F: true"), "{\"F\":\"True\"}", 1 },
	{ "true is not false", ONE("F: true"), "{\"F\":false}", 0 },
	{ "false", ONE("F: false"), "{\"F\":\"FALSE\"}", 1 },
	/* wildcards */
	{ "any run", ONE("F: a*c"), "{\"F\":\"abbbc\"}", 1 },
	{ "any run is anchored", ONE("F: a*c"), "{\"F\":\"abbbcd\"}", 0 },
	{ "any run holds line breaks", ONE("F: a*c"), "{\"F\":\"a\\r\\nb\\nc\"}", 1 },
	{ "one character", ONE("F: a?c"), "{\"F\":\"abc\"}", 1 },
	{ "one character is a code point", ONE("F: a?c"), "{\"F\":\"a\xf0\x9f\x98\x80""c\"}", 1 },
	{ "one character is not none", ONE("F: a?c"), "{\"F\":\"ac\"}", 0 },
	{ "two characters for two bytes", ONE("F: a??c"), "{\"F\":\"a\xc3\xa4""c\"}", 0 },
	{ "pieces in order", ONE("F: '*one*two*'"), "{\"F\":\"x one y two z\"}", 1 },
	{ "pieces out of order", ONE("F: '*one*two*'"), "{\"F\":\"x two y one z\"}", 0 },
	{ "pieces do not overlap", ONE("F: 'aba*aba'"), "{\"F\":\"ababa\"}", 0 },
	{ "? inside a middle piece", ONE("F: '*a?c*e?g*'"), "{\"F\":\"xxacabcxxefefgx\"}", 1 },
	{ "? after a wrong start", ONE("F: '*ab?d*'"), "{\"F\":\"ababxd\"}", 1 },
	{ "? at the ends", ONE("F: '?b*d?'"), "{\"F\":\"abxxde\"}", 1 },
	{ "escaped star is a star", ONE("F: 'a\\*c'"), "{\"F\":\"a*c\"}", 1 },
	{ "escaped star is no wildcard", ONE("F: 'a\\*c'"), "{\"F\":\"abc\"}", 0 },
	{ "backslash before a letter", ONE("F: 'C:\\Windows'"), "{\"F\":\"c:\\\\windows\"}", 1 },
	{ "UNC", ONE("F|startswith: '\\\\\\\\srv'"), "{\"F\":\"\\\\\\\\srv\\\\x\"}", 1 },
	{ "trailing backslash", ONE("F|contains: '\\Temp\\'"), "{\"F\":\"C:\\\\Temp\\\\x\"}", 1 },
	{ "only a star wants a value", ONE("F: '*'"), "{\"F\":\"\"}", 1 },
	{ "only a star, null", ONE("F: '*'"), "{\"F\":null}", 0 },
	{ "only a star, absent", ONE("F: '*'"), "{\"G\":1}", 0 },
	/* contains, startswith, endswith, all */
	{ "contains", ONE("F|contains: mimi"), "{\"F\":\"run MIMIkatz\"}", 1 },
	{ "contains, short", ONE("F|contains: ' e'"), "{\"F\":\"x -e\"}", 0 },
	{ "contains, short hit", ONE("F|contains: ' e'"), "{\"F\":\"x e\"}", 1 },
	{ "contains nothing", ONE("F|contains: ''"), "{\"F\":\"x\"}", 1 },
	{ "contains nothing, empty value", ONE("F|contains: ''"), "{\"F\":\"\"}", 1 },
	{ "contains nothing, absent", ONE("F|contains: ''"), "{\"G\":\"\"}", 0 },
	{ "startswith", ONE("F|startswith: 'C:\\Users\\'"), "{\"F\":\"c:\\\\users\\\\x\"}", 1 },
	{ "startswith not inside", ONE("F|startswith: 'C:\\Users\\'"), "{\"F\":\" c:\\\\users\\\\x\"}", 0 },
	{ "endswith", ONE("F|endswith: '\\cmd.exe'"), "{\"F\":\"c:\\\\CMD.exe\"}", 1 },
	{ "endswith not inside", ONE("F|endswith: '\\cmd.exe'"), "{\"F\":\"c:\\\\CMD.exe \"}", 0 },
	{ "endswith longer than the value", ONE("F|endswith: '\\cmd.exe'"), "{\"F\":\"exe\"}", 0 },
	{ "endswith one byte", ONE("F|endswith: 'e'"), "{\"F\":\"e\"}", 1 },
	{ "startswith two bytes", ONE("F|startswith: 'ab'"), "{\"F\":\"ab\"}", 1 },
	{ "list is or", ONE("F|contains: [aaaa, bbbb]"), "{\"F\":\"xbbbbx\"}", 1 },
	{ "all is and", ONE("F|contains|all: [aaaa, bbbb]"), "{\"F\":\"xbbbbx\"}", 0 },
	{ "all holds", ONE("F|contains|all: [aaaa, bbbb]"), "{\"F\":\"bbbbaaaa\"}", 1 },
	{ "windash", ONE("F|windash|contains: ' -enc'"), "{\"F\":\"x /enc y\"}", 1 },
	{ "windash, en dash", ONE("F|windash|contains: ' -enc'"), "{\"F\":\"x \xe2\x80\x93""enc y\"}", 1 },
	{ "windash, as written", ONE("F|windash|contains: ' -enc'"), "{\"F\":\"x -enc y\"}", 1 },
	{ "windash, no dash", ONE("F|windash|contains: ' -enc'"), "{\"F\":\"x enc y\"}", 0 },
	{ "base64offset", ONE("F|base64offset|contains: 'http://'"), "{\"F\":\"eHhodHRwOi8v\"}", 1 },
	{ "wide base64offset", ONE("F|wide|base64offset|contains: 'http'"), "{\"F\":\"aAB0AHQAcAA=\"}", 1 },
	/* escapes in the event */
	{ "\\u escape", ONE("F: cmd"), "{\"F\":\"\\u0063md\"}", 1 },
	{ "\\u escape of a big letter", ONE("F|contains: 'xcmdx'"), "{\"F\":\"ax\\u0043MDxa\"}", 1 },
	{ "surrogates", ONE("F: \"\\U0001F600\""), "{\"F\":\"\\ud83d\\ude00\"}", 1 },
	{ "escaped slash", ONE("F|contains: 'a/b/c'"), "{\"F\":\"a\\/b\\/c\"}", 1 },
	{ "escaped quote", ONE("F|contains: 'say \"hi\"'"), "{\"F\":\"say \\\"hi\\\"\"}", 1 },
	{ "NUL inside", ONE("F|startswith: 'a'"), "{\"F\":\"a\\u0000b\"}", 1 },
	{ "behind a NUL", ONE("F|endswith: 'bcde'"), "{\"F\":\"a\\u0000bcde\"}", 1 },
	/* null, empty, exists, not */
	{ "null, absent", ONE("F: null"), "{\"G\":1}", 1 },
	{ "null, null", ONE("F: null"), "{\"F\":null}", 1 },
	{ "null, empty", ONE("F: null"), "{\"F\":\"\"}", 0 },
	{ "null, a dash is a value", ONE("F: null"), "{\"F\":\"-\"}", 0 },
	{ "empty", ONE("F: ''"), "{\"F\":\"\"}", 1 },
	{ "empty, absent", ONE("F: ''"), "{\"G\":\"\"}", 0 },
	{ "empty, null", ONE("F: ''"), "{\"F\":null}", 0 },
	{ "exists", ONE("F|exists: true"), "{\"F\":null}", 1 },
	{ "exists, absent", ONE("F|exists: true"), "{\"G\":1}", 0 },
	{ "exists, an object", ONE("F|exists: true"), "{\"F\":{\"x\":1}}", 1 },
	{ "exists, an empty array", ONE("F|exists: true"), "{\"G\":\"F\",\"F\":[]}", 1 },
	{ "exists, within", ONE("A.F|exists: true"), "{\"A\":[{\"G\":\"}\"},{\"F\" : { }}]}", 1 },
	{ "exists, by its whole name", ONE("A.F|exists: true"), "{\"A.F\":{}}", 1 },
	{ "exists, somewhere else", ONE("A.F|exists: true"), "{\"F\":{},\"A\":{\"G\":[\"F\"]}}", 0 },
	{ "null, an object", ONE("F: null"), "{\"F\":{}}", 0 },
	{ "null, an object of that name elsewhere", ONE("F: null"), "{\"G\":{\"F\":{}}}", 1 },
	{ "does not exist, an object", ONE("F|exists: false"), "{\"F\":{\"x\":1}}", 0 },
	{ "does not exist", ONE("F|exists: false"), "{\"G\":1}", 1 },
	{ "does not exist, there", ONE("F|exists: false"), "{\"F\":\"\"}", 0 },
	{ "not of an absent field", "s: {G: 1}, n: {F: x}, condition: s and not n", "{\"G\":1}", 1 },
	{ "not of another value", "s: {G: 1}, n: {F: x}, condition: s and not n", "{\"G\":1,\"F\":\"y\"}", 1 },
	{ "not of the value", "s: {G: 1}, n: {F: x}, condition: s and not n", "{\"G\":1,\"F\":\"X\"}", 0 },
	{ "only not", "n: {F: x}, condition: not n", "{\"F\":\"y\"}", 1 },
	{ "only not, held", "n: {F: x}, condition: not n", "{\"F\":\"x\"}", 0 },
	{ "neq, absent field", ONE("F|neq: x"), "{\"G\":1}", 1 },
	{ "neq", ONE("F|neq: x"), "{\"F\":\"x\"}", 0 },
	/* conditions */
	{ "1 of", "s1: {F: a}, s2: {G: b}, condition: 1 of s*", "{\"G\":\"b\"}", 1 },
	{ "all of", "s1: {F: a}, s2: {G: b}, condition: all of s*", "{\"G\":\"b\"}", 0 },
	{ "all of, both", "s1: {F: a}, s2: {G: b}, condition: all of s*", "{\"G\":\"b\",\"F\":\"a\"}", 1 },
	{ "1 of them skips _", "_s: {F: a}, t: {G: b}, condition: 1 of them", "{\"F\":\"a\"}", 0 },
	{ "not 1 of", "s: {F: a}, f1: {G: b}, f2: {H: c}, condition: s and not 1 of f*", "{\"F\":\"a\",\"H\":\"c\"}", 0 },
	{ "not 1 of, none", "s: {F: a}, f1: {G: b}, f2: {H: c}, condition: s and not 1 of f*", "{\"F\":\"a\",\"H\":\"d\"}", 1 },
	{ "list of maps", "s: [{F: a, G: b}, {H: c}], condition: s", "{\"H\":\"c\"}", 1 },
	{ "list of maps is or of ands", "s: [{F: a, G: b}, {H: c}], condition: s", "{\"F\":\"a\"}", 0 },
	/* regular expressions */
	{ "regex is searched for", ONE("F|re: 'b+c'"), "{\"F\":\"abbbcd\"}", 1 },
	{ "regex has case", ONE("F|re: 'BC'"), "{\"F\":\"abcd\"}", 0 },
	{ "regex without case", ONE("F|re|i: 'BCDE'"), "{\"F\":\"abcdef\"}", 1 },
	{ "regex without case inside", ONE("F|re: '(?i)BCDE'"), "{\"F\":\"abcdef\"}", 1 },
	{ "regex dot stops at a line", ONE("F|re: 'a.c'"), "{\"F\":\"a\\nc\"}", 0 },
	{ "regex with s", ONE("F|re|s: 'a.c'"), "{\"F\":\"a\\nc\"}", 1 },
	{ "regex with m", ONE("F|re|m: '^line$'"), "{\"F\":\"x\\nline\\ny\"}", 1 },
	{ "regex without m", ONE("F|re: '^line$'"), "{\"F\":\"x\\nline\\ny\"}", 0 },
	{ "regex optional character", ONE("F|re: 'colou?r is'"), "{\"F\":\"the color is\"}", 1 },
	{ "regex branches", ONE("F|re: 'first|second'"), "{\"F\":\"the second\"}", 1 },
	{ "regex group none", ONE("F|re: '^(?:pass|word)?$'"), "{\"F\":\"\"}", 1 },
	{ "regex group", ONE("F|re: 'x(?:abcd|efgh)+y'"), "{\"F\":\"xefghabcdy\"}", 1 },
	{ "regex escapes", ONE("F|re: 'C:\\\\Win\\.exe\\s'"), "{\"F\":\"C:\\\\Win.exe \"}", 1 },
	{ "regex count", ONE("F|re: 'ab{2,3}c'"), "{\"F\":\"abbbc\"}", 1 },
	{ "regex count none", ONE("F|re: 'x(wxyz){0,2}x'"), "{\"F\":\"xx\"}", 1 },
	{ "regex dot is a code point", ONE("F|re: '^.$'"), "{\"F\":\"\xe4\xb8\xad\"}", 1 },
	/* addresses */
	{ "cidr", ONE("F|cidr: 10.0.0.0/8"), "{\"F\":\"10.255.3.4\"}", 1 },
	{ "cidr, outside", ONE("F|cidr: 10.0.0.0/8"), "{\"F\":\"11.0.0.1\"}", 0 },
	{ "cidr, odd bits", ONE("F|cidr: 192.168.16.0/20"), "{\"F\":\"192.168.31.255\"}", 1 },
	{ "cidr, odd bits outside", ONE("F|cidr: 192.168.16.0/20"), "{\"F\":\"192.168.32.0\"}", 0 },
	{ "cidr, mapped", ONE("F|cidr: 10.0.0.0/8"), "{\"F\":\"::ffff:10.1.1.1\"}", 1 },
	{ "cidr, a zone", ONE("F|cidr: fe80::/10"), "{\"F\":\"fe80::1%12\"}", 1 },
	{ "cidr, no zone in IPv4", ONE("F|cidr: 10.0.0.0/8"), "{\"F\":\"10.1.1.1%12\"}", 0 },
	{ "cidr, no address", ONE("F|cidr: 10.0.0.0/8"), "{\"F\":\"10.1\"}", 0 },
	{ "cidr 6", ONE("F|cidr: 'fe80::/10'"), "{\"F\":\"FE80:0:0:0:1:2:3:4\"}", 1 },
	{ "cidr 6, outside", ONE("F|cidr: 'fe80::/10'"), "{\"F\":\"2001:db8::1\"}", 0 },
	/* comparisons, dates, other fields */
	{ "lt", ONE("F|lt: 10"), "{\"F\":9.5}", 1 },
	{ "lt, equal", ONE("F|lt: 10"), "{\"F\":10}", 0 },
	{ "lte", ONE("F|lte: 10"), "{\"F\":\"10\"}", 1 },
	{ "gt", ONE("F|gt: 10"), "{\"F\":1e2}", 1 },
	{ "gte, negative", ONE("F|gte: -5"), "{\"F\":-5}", 1 },
	{ "gt, no number", ONE("F|gt: 10"), "{\"F\":\"20 apples\"}", 0 },
	{ "gt, true is no number", ONE("F|gt: 0"), "{\"F\":true}", 0 },
	{ "hour", ONE("F|hour: 23"), "{\"F\":\"2025-01-31T23:05:06Z\"}", 1 },
	{ "minute", ONE("F|minute: 5"), "{\"F\":\"2025-01-31 23:05:06.123\"}", 1 },
	{ "day", ONE("F|day: 31"), "{\"F\":\"2025-01-31\"}", 1 },
	{ "week of last year", ONE("F|week: 53"), "{\"F\":\"2021-01-01T00:00:00Z\"}", 1 },
	{ "week 1 begins in December", ONE("F|week: 1"), "{\"F\":\"2024-12-30T00:00:00Z\"}", 1 },
	{ "month", ONE("F|month: 2"), "{\"F\":\"2025-02-03T00:00:00+09:00\"}", 1 },
	{ "year", ONE("F|year: 2025"), "{\"F\":\"2025-02-03\"}", 1 },
	{ "year, no date", ONE("F|year: 2025"), "{\"F\":\"2025\"}", 0 },
	{ "fieldref", ONE("F|fieldref: G"), "{\"F\":\"abc\",\"G\":\"ABC\"}", 1 },
	{ "fieldref, other", ONE("F|fieldref: G"), "{\"F\":\"abc\",\"G\":\"abd\"}", 0 },
	{ "fieldref, absent", ONE("F|fieldref: G"), "{\"F\":\"abc\"}", 0 },
	{ "fieldref, both absent", ONE("F|fieldref: G"), "{\"H\":1}", 0 },
	{ "fieldref endswith", ONE("F|fieldref|endswith: G"), "{\"F\":\"xabc\",\"G\":\"ABC\"}", 1 },
	/* arrays, nesting, names */
	{ "array, any item", ONE("F: b"), "{\"F\":[\"a\",\"b\"]}", 1 },
	{ "array, no item", ONE("F: c"), "{\"F\":[\"a\",\"b\"]}", 0 },
	{ "array, contains", ONE("F|contains: bcde"), "{\"F\":[\"a\",\"xbcdex\"]}", 1 },
	{ "array, all by different items", ONE("F|contains|all: [aaaa, bbbb]"), "{\"F\":[\"aaaa\",\"bbbb\"]}", 1 },
	{ "array with null", ONE("F: null"), "{\"F\":[\"a\",null]}", 1 },
	{ "nested name", ONE("a.b: x"), "{\"a\":{\"b\":\"X\"}}", 1 },
	{ "literal key with a dot", ONE("a.b: x"), "{\"a.b\":\"X\"}", 1 },
	{ "blanks in names", ONE("ThreatName: x"), "{\"Threat Name\":\"X\"}", 1 },
	{ "order of keys", ONE("F: a, G: b"), "{\"G\":\"b\",\"z\":1,\"F\":\"a\"}", 1 },
	/* keywords */
	{ "keyword in any value", "k: [needle], condition: k", "{\"F\":\"a NEEDLE b\"}", 1 },
	{ "keyword in a nested value", "k: [needle], condition: k", "{\"a\":{\"b\":[1,\"needle\"]}}", 1 },
	{ "keyword is no name", "k: [needle], condition: k", "{\"needle\":\"x\"}", 0 },
	{ "keywords are or", "k: [needle, thread], condition: k", "{\"F\":\"thread\"}", 1 },
	{ "keywords with all", "k: {'|all': [needle, thread]}, condition: k", "{\"F\":\"thread\"}", 0 },
	{ "keywords with all, in two values", "k: {'|all': [needle, thread]}, condition: k", "{\"F\":\"thread\",\"G\":\"needle\"}", 1 },
	{ "keyword and not keyword", "k: [needle], n: [hay], condition: k and not n", "{\"F\":\"needle\",\"G\":\"hay\"}", 0 },
};

static void run_row(const struct row *r)
{
	char yaml[2048];
	struct world w = { 0 };
	struct err err = { 0 };
	const uint32_t *found;
	int n = snprintf(yaml, sizeof yaml, "title: t\nlogsource: {product: x}\ndetection: {%s}\n", r->detection), got[4] = { 0 };
	enum rc rc = world_yaml(&w, str_make(yaml, (size_t)n), NULL, &err);

	if (rc != RC_OK || w.set->loaded != 1 || engine_image_refused(w.image, &(const struct engine_refusal *){ 0 }) != 0) {
		OK(false, "%s: %s %.*s", r->name, err.text, w.set == NULL || w.set->n_reports == 0 ? 0 : (int)w.set->reports[0].reason.n,
		   w.set == NULL || w.set->n_reports == 0 ? "" : w.set->reports[0].reason.p);
		world_done(&w);
		return;
	}
	for (int i = 0; i < 2; i++) {
		got[i] = world_run(&w, str_of(r->event), &found);
		got[i + 2] = (int)engine_run_all(w.engine, w.flat, &found);
	}
	OK(got[0] == r->want && got[1] == r->want && got[2] == r->want && got[3] == r->want, "%s (%d %d %d %d)", r->name, got[0], got[1],
	   got[2], got[3]);
	world_done(&w);
}

/* ---- log sources */

static const struct taxonomy_map security_maps[] = { { { "Image", 5 }, { "NewProcessName", 14 } } };

/* Channel: channel and EventID: id. */
static const struct sigma_node *when(struct arena *a, const char *channel, double id)
{
	struct sigma_test *t = arena_array(a, 2, sizeof *t);
	struct sigma_piece *p = arena_alloc(a, sizeof *p);
	struct sigma_node *n = arena_array(a, 3, sizeof *n);
	const struct sigma_node **kids = arena_array(a, 2, sizeof *kids);

	*p = (struct sigma_piece){ SIGMA_LITERAL, str_of(channel) };
	t[0] = (struct sigma_test){ .field = S("Channel"), .op = SIGMA_MATCH, .pieces = p, .n_pieces = 1 };
	t[1] = (struct sigma_test){ .field = S("EventID"), .op = SIGMA_NUMBER, .number = id };
	for (int i = 0; i < 2; i++) {
		n[i] = (struct sigma_node){ .kind = SIGMA_TEST, .test = &t[i] };
		kids[i] = &n[i];
	}
	n[2] = (struct sigma_node){ .kind = SIGMA_AND, .n_kids = 2, .kids = kids };
	return &n[2];
}

static const char source_rules[] =
	"title: process\nlogsource: {product: windows, category: process_creation}\n"
	"detection: {s: {Image|endswith: '\\cmd.exe'}, condition: s}\n"
	"---\ntitle: security\nlogsource: {product: windows, service: security}\n"
	"detection: {s: {EventID: 4688}, condition: s}\n"
	"---\ntitle: windows\nlogsource: {product: windows}\n"
	"detection: {s: {User|contains: 'admin'}, condition: s}\n"
	"---\ntitle: nowhere\nlogsource: {product: toaster}\n"
	"detection: {s: {User|contains: 'admin'}, condition: s}\n";

static const struct {
	const char *name, *event, *want; /* numbers of the rules */
	size_t variants;
} source_rows[] = {
	{ "Sysmon 1", "{\"Channel\":\"Sysmon\",\"EventID\":1,\"Image\":\"C:\\\\cmd.exe\",\"User\":\"ADMIN\"}", "02", 1 },
	{ "Security 4688 by its own name", "{\"Channel\":\"Security\",\"EventID\":\"4688\",\"NewProcessName\":\"C:\\\\cmd.exe\"}", "01", 2 },
	{ "Security 4688 has no Image", "{\"Channel\":\"Security\",\"EventID\":4688,\"Image\":\"C:\\\\cmd.exe\"}", "1", 2 },
	{ "channel in any case", "{\"Channel\":\"SYSMON\",\"EventID\":1,\"Image\":\"C:\\\\cmd.exe\"}", "0", 1 },
	{ "unknown source: all rules by their own names", "{\"EventID\":4688,\"Image\":\"C:\\\\cmd.exe\",\"User\":\"admin\"}", "0123", 0 },
	{ "unknown source does not rename", "{\"NewProcessName\":\"C:\\\\cmd.exe\"}", "", 0 },
	{ "a format of many products: rules of sources that nobody knows", "{\"Channel\":\"Box\",\"EventID\":7,\"user_name\":\"admin\"}", "3", 1 },
	{ "and none of sources that somebody knows", "{\"Channel\":\"Box\",\"EventID\":7,\"Image\":\"C:\\\\cmd.exe\"}", "", 1 },
	{ "sources do not leak", "{\"Channel\":\"Sysmon\",\"EventID\":2,\"User\":\"administrator\",\"Image\":\"x\"}", "23", 0 },
};

static struct taxonomy *source_taxonomy(struct arena *a)
{
	static const struct taxonomy_map box_maps[] = { { S("User"), S("user_name") } };
	struct taxonomy_variant *v = arena_array(a, 4, sizeof *v);
	struct taxonomy *t = arena_alloc(a, sizeof *t);

	v[0] = (struct taxonomy_variant){ S("sysmon"), { S("windows"), S("process_creation"), S("sysmon") }, when(a, "Sysmon", 1), NULL, 0, false, false };
	v[1] = (struct taxonomy_variant){ S("4688"), { S("windows"), S("process_creation"), S("") }, when(a, "Security", 4688), security_maps,
		1, false, false };
	v[2] = (struct taxonomy_variant){ S("security"), { S("windows"), S(""), S("security") }, when(a, "Security", 4688), NULL, 0, false, false };
	v[3] = (struct taxonomy_variant){ S("box"), { S("box"), S(""), S("") }, when(a, "Box", 7), box_maps, 1, false, true };
	*t = (struct taxonomy){ v, 4, false };
	return t;
}

static void test_sources(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	struct world w = { 0 };
	struct err err = { 0 };
	const struct taxonomy_variant *const *variants;

	OK(world_yaml(&w, str_of(source_rules), source_taxonomy(a), &err) == RC_OK && w.set->loaded == 4, "sources %s", err.text);
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < COUNTOF(source_rows); i++) {
			const uint32_t *found;
			char got[16] = "";
			int n = world_run(&w, str_of(source_rows[i].event), &found);

			for (int k = 0; k < n; k++)
				got[k] = (char)('0' + found[k]);
			OK(strcmp(got, source_rows[i].want) == 0 && engine_variants(w.engine, &variants) == source_rows[i].variants,
			   "%s (%s)", source_rows[i].name, got);
		}
	}
	world_done(&w);
}

/* ---- events of no known source */

static const struct {
	const char *name, *detection, *event;
	bool rests;
} unknown_rows[] = {
	{ "a field that it has", "s: {A: x}, condition: s", "{\"A\":\"x\"}", true },
	{ "words alone", "k: [evil], condition: k", "{\"A\":\"evil\"}", false },
	{ "a field without a value", "s: {A: null}, condition: s", "{\"B\":1}", false },
	{ "null, although the field is there", "s: {A: null}, condition: s", "{\"A\":null}", false },
	{ "an exclusion", "s: {A: x}, condition: not s", "{\"A\":\"y\"}", false },
	{ "an exclusion excluded", "s: {A: x}, condition: not not s", "{\"A\":\"x\"}", true },
	{ "an exclusion excluded, deeper", "s: {A: x}, n: {B: y}, condition: not (not s and not n)", "{\"B\":\"y\"}", true },
	{ "another value", "s: {A|neq: x}, condition: s", "{\"A\":\"y\"}", false },
	{ "that a field is there", "s: {A|exists: true}, condition: s", "{\"A\":\"y\"}", true },
	{ "that a field is absent", "s: {A|exists: false}, condition: s", "{\"B\":\"y\"}", false },
	{ "two fields compared", "s: {A|fieldref: B}, condition: s", "{\"A\":\"y\",\"B\":\"Y\"}", true },
	{ "words and a field", "k: [evil], s: {A: x}, condition: k and s", "{\"A\":\"x\",\"B\":\"evil\"}", true },
	{ "words or a field, by the words", "k: [evil], s: {A: x}, condition: k or s", "{\"A\":\"z\",\"B\":\"evil\"}", false },
	{ "words or a field, by the field", "k: [evil], s: {A: x}, condition: k or s", "{\"A\":\"x\",\"B\":\"fine\"}", true },
	{ "words, and what may be either", "k: [evil], s: {A: x}, l: [bad], condition: k and (s or l)", "{\"A\":\"bad\",\"B\":\"evil\"}", false },
	{ "words, and what may be either, by the field", "k: [evil], s: {A: x}, l: [bad], condition: k and (s or l)",
	  "{\"A\":\"x\",\"B\":\"evil\"}", true },
	{ "a field, and an exclusion", "s: {A: x}, f: {B: y}, condition: s and not f", "{\"A\":\"x\"}", true },
	{ "an exclusion of two, one of which is excluded", "s: {A: x}, f: {B: y}, condition: not (f or not s)", "{\"A\":\"x\"}", true },
};

/* The row's rule over its event. By what an event of no known source is taken for; NULL: a rule that names no source. */
static int unknown_run(size_t row, const char *source, const struct taxonomy *t, uint64_t *ret_by_source)
{
	char yaml[1024];
	struct world w = { 0 };
	struct engine_image_stats stats = { 0 };
	struct err err = { 0 };
	const uint32_t *found;
	int n = snprintf(yaml, sizeof yaml, "title: t\nlogsource: {%s}\ndetection: {%s}\n", source, unknown_rows[row].detection), got = -1;

	if (world_yaml(&w, str_make(yaml, (size_t)n), t, &err) == RC_OK) {
		got = world_run(&w, str_of(unknown_rows[row].event), &found);
		if (got != (int)engine_run_all(w.engine, w.flat, &found))
			got = -2;
		engine_image_stats(w.image, &stats);
	}
	*ret_by_source = stats.by_source;
	world_done(&w);
	return got;
}

static void test_unknown(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	struct taxonomy *t = source_taxonomy(a);
	struct taxonomy all = *t;
	const struct taxonomy *linux_auth, *windows;
	struct err err = { 0 };
	uint64_t by_source, never = 0;

	all.all_sources = true;
	OK(taxonomy_assume(a, t, S("service=auth, product = linux"), &linux_auth, &err) == RC_OK &&
	   taxonomy_assume(a, t, S("product=windows,service=*"), &windows, &err) == RC_OK, "sources that are assumed %s", err.text);
	for (size_t i = 0; i < COUNTOF(unknown_rows); i++) {
		OK(unknown_run(i, "product: linux, service: auth", t, &by_source) == unknown_rows[i].rests, "unknown source: %s", unknown_rows[i].name);
		never += by_source;
		EQ_INT(unknown_run(i, "definition: any", t, &by_source), 1, "  a rule that names no source: whole");
		EQ_INT(unknown_run(i, "product: linux", &all, &by_source), 1, "  all sources: whole");
		EQ_INT(unknown_run(i, "product: linux, service: auth", linux_auth, &by_source), 1, "  assumed: whole");
		EQ_INT(unknown_run(i, "product: linux, category: auth", linux_auth, &by_source), 0, "  another is assumed: not at all");
		EQ_INT(unknown_run(i, "product: windows, service: system", windows, &by_source), 1, "  any service is assumed: whole");
		EQ_INT(unknown_run(i, "product: linux, service: system", windows, &by_source), 0, "  of another product: not at all");
	}
	EQ_INT((long long)never, 6, "rules that can never match there are counted");
}

/* One engine, events of several inputs: each is taken for what its input is said to be. */
static void test_assume(void)
{
	static const char words[] = "title: t\nlogsource: {product: app}\ndetection: {k: [evil], condition: k}\n";
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	const struct taxonomy *t = source_taxonomy(a);
	struct world w = { 0 };
	struct err err = { 0 };
	const uint32_t *found;
	uint32_t other, app;

	OK(taxonomy_assume(a, t, S("product=other"), &t, &err) == RC_OK && taxonomy_assume(a, t, S("product=app"), &t, &err) == RC_OK &&
	   world_yaml(&w, str_of(words), t, &err) == RC_OK, "two sources are assumed %s", err.text);
	other = t->n - 2;
	app = t->n - 1;
	for (int again = 0; again < 2; again++) {
		engine_assume(w.engine, other);
		EQ_INT(world_run(&w, S("{\"A\":\"evil\"}"), &found), 0, "of the other source");
		engine_assume(w.engine, app);
		EQ_INT(world_run(&w, S("{\"A\":\"evil\"}"), &found), 1, "of this source");
		engine_assume(w.engine, ENGINE_ASSUME_NONE);
		EQ_INT(world_run(&w, S("{\"A\":\"evil\"}"), &found), 0, "of none");
		engine_assume(w.engine, 0);
		EQ_INT(world_run(&w, S("{\"A\":\"evil\"}"), &found), 0, "a variant that is not assumed is none");
		engine_assume(w.engine, ENGINE_ASSUME_ALL);
		EQ_INT(world_run(&w, S("{\"A\":\"evil\"}"), &found), 1, "of all that are assumed");
	}
	world_done(&w);
}

static void test_explain(void)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	struct world w = { 0 };
	struct err err = { 0 };
	struct engine_why why[8];
	struct str value;
	const uint32_t *found;
	size_t n;

	OK(world_yaml(&w, str_of(source_rules), source_taxonomy(a), &err) == RC_OK, "built");
	(void)world_run(&w, S("{\"Channel\":\"Security\",\"EventID\":4688,\"NewProcessName\":\"C:\\\\cmd.exe\"}"), &found);
	n = engine_explain(w.engine, w.flat, 0, why, COUNTOF(why));
	EQ_INT((long long)n, 1, "one test held");
	EQ_STR(why[0].field, S("NewProcessName"), "under the event's name");
	EQ_STR(why[0].value, S("C:\\cmd.exe"), "with the value");
	OK(engine_field(w.engine, w.flat, 0, S("Image"), &value), "a field by the rule's name");
	EQ_STR(value, S("C:\\cmd.exe"), "is the event's");
	OK(!engine_field(w.engine, w.flat, 0, S("User"), &value), "absent field");
	EQ_INT((long long)engine_explain(w.engine, w.flat, 2, why, COUNTOF(why)), 0, "nothing to say of a rule that did not match");
	EQ_INT((long long)engine_explain(w.engine, w.flat, 99, why, COUNTOF(why)), 0, "nor of one that is not");
	world_done(&w);
}

static void test_refused(void)
{
	struct world w = { 0 };
	struct err err = { 0 };
	const struct engine_refusal *why;
	const uint32_t *found;
	struct engine_image_stats stats;
	enum rc rc = world_yaml(&w,
		S("title: bad\nlogsource: {product: x}\ndetection: {s: {F|re: 'a(?<=b+)\\\\p{Nope}('}, condition: s}\n"
		  "---\ntitle: good\nlogsource: {product: x}\ndetection: {s: {F: a}, condition: s}\n"), NULL, &err);

	if (rc != RC_OK || w.set->n_rules != 2) {
		SKIP("the reader refuses it already", "bad expression");
		world_done(&w);
		return;
	}
	OK(engine_image_refused(w.image, &why) == 1 && why[0].rule == 0, "the bad rule is refused");
	OK(str_find(why[0].reason, S("regular expression"), 0) != SIZE_MAX, "%.*s", STR(why[0].reason));
	OK(world_run(&w, S("{\"F\":\"a\"}"), &found) == 1 && found[0] == 1, "the good one goes on");
	engine_image_stats(w.image, &stats);
	OK(stats.rules == 1 && stats.bytes > 0, "stats");
	world_done(&w);
}

/* ---- allocations that fail: a clean error, or the exact answer by the slow way */

static const char mixed_rules[] =
	"title: a\nlogsource: {product: x}\ndetection: {s: {F|re: 'ab+cd'}, condition: s}\n"
	"---\ntitle: b\nlogsource: {product: x}\ndetection: {s: {F|contains: bbcd, G|cidr: 10.0.0.0/8}, condition: s}\n"
	"---\ntitle: c\nlogsource: {product: x}\ndetection: {s: {'H|startswith': 'q*r'}, condition: not s}\n"
	"---\ntitle: d\nlogsource: {product: x}\ndetection: {k: [nothing], s: {G: null}, condition: k or s}\n";

static void test_allocations(void)
{
	struct str event = S("{\"F\":\"\\u0061bbcd\",\"G\":\"10.0.0.1\"}");
	uint64_t nth = 0, wrong = 0, refused = 0;
	int64_t live = mem_live();
	bool whole = false;

	while (!whole && nth < 5000) {
		struct world w = { 0 };
		struct err err = { 0 };
		const uint32_t *found;
		enum rc rc;

		mem_fail_at(++nth, 0);
		rc = world_yaml(&w, str_of(mixed_rules), NULL, &err);
		wrong += rc != RC_OK && (rc != RC_NOMEM || err.text[0] == '\0');
		refused += rc != RC_OK;
		if (rc == RC_OK) {
			int n = world_run(&w, event, &found), m;

			whole = n == 3;
			mem_fail_at(0, 0);
			m = world_run(&w, event, &found);
			wrong += m != 3 || found[0] != 0 || found[1] != 1 || found[2] != 2;
			whole = whole && refused > 0 && nth > refused + 20;
		}
		mem_fail_at(0, 0);
		world_done(&w);
	}
	OK(wrong == 0 && refused > 20, "%llu allocations failed in turn, %llu of them ended the building", (unsigned long long)nth,
	   (unsigned long long)refused);
	EQ_INT(mem_live(), live, "nothing is left");
}

/* Many thresholds of one field, in no order and with equal ones among them; each number, as number and as text, against each. */
static void test_thresholds(void)
{
	static const char *const ops[] = { "lt", "lte", "gt", "gte" };
	enum { RULES = 240, SPAN = 41 };
	struct world w = { 0 };
	struct err err = { 0 };
	struct buf yaml;
	double limit[RULES];
	size_t wrong = 0, held = 0;
	enum rc rc;

	buf_init(&yaml, 1 << 20);
	for (int i = 0; i < RULES; i++) {
		limit[i] = (i * 17 % SPAN - SPAN / 2) / 2.0;
		buf_fmt(&yaml, "%stitle: t%d\nlogsource: {product: x}\ndetection: {s: {'F|%s': %g}, condition: s}\n", i == 0 ? "" : "---\n", i, ops[i % 4], limit[i]);
	}
	rc = yaml.bad == RC_OK ? world_yaml(&w, buf_view(&yaml), NULL, &err) : yaml.bad;
	OK(rc == RC_OK && w.set->loaded == RULES, "thresholds: %s", err.text);
	for (int k = -3 * SPAN; k <= 3 * SPAN && rc == RC_OK; k++) {
		double v = k / 4.0;
		char json[64];
		const uint32_t *found;
		int n, want = 0;

		snprintf(json, sizeof json, k % 2 == 0 ? "{\"F\":%g}" : "{\"F\":\"%g\"}", v);
		n = world_run(&w, str_of(json), &found);
		for (int i = 0; i < RULES; i++) {
			bool holds = i % 4 == 0 ? v < limit[i] : i % 4 == 1 ? v <= limit[i] : i % 4 == 2 ? v > limit[i] : v >= limit[i];

			wrong += holds && (want >= n || found[want] != (uint32_t)i);
			want += holds;
		}
		wrong += n != want;
		held += (size_t)want;
	}
	OK(wrong == 0 && held > 1000, "%zu thresholds hold, and no others", held);
	if (rc == RC_OK)
		OK(world_run(&w, S("{\"F\":\"five\"}"), &(const uint32_t *){ NULL }) == 0 && world_run(&w, S("{\"F\":true}"), &(const uint32_t *){ NULL }) == 0 &&
		   world_run(&w, S("{\"F\":null}"), &(const uint32_t *){ NULL }) == 0, "what is no number is neither above nor below");
	buf_done(&yaml);
	world_done(&w);
}

/* Keywords of lines that are no JSON: what stands in the line need not be asked twice, what a parser wrote anew must be. */
static void test_line_keywords(void)
{
	static const char yaml[] = "title: t\nlogsource: {product: x}\ndetection: {k: ['mimidrv', 'Kiwi Legit'], condition: k}\n";
	static const struct { const char *name, *line; size_t from, to; const char *anew; int want; } lines[] = {
		{ "in neither", "<1> host app says nothing", 4, 8, "syslog", 0 },
		{ "in the line, and no value", "<1> host app says MimiDrv", 4, 8, "syslog", 1 },
		{ "in a value of the line", "<1> host mimidrv.sys", 9, 20, "", 1 },
		{ "in a value that was written anew", "<1> host app says nothing", 4, 8, "a\tmimidrv", 1 },
		{ "in one written anew, cased otherwise", "<1> host app says nothing", 4, 8, "KIWI LEGIT", 1 },
		{ "in one with a character that folds", "<1> host app says \xe2\x84\xaaiwi Legit", 4, 8, "6", 1 },
		{ "bytes that JSON would write otherwise", "<1> host app says mimi\\u0064rv", 4, 8, "6", 0 },
		{ "short ones", "<1> host app says nothing", 4, 7, "mim", 0 },
	};
	static const enum log_format formats[] = { LOG_SYSLOG, LOG_KV, LOG_TEXT };
	struct world w = { 0 };
	struct err err = { 0 };
	const uint32_t *found;

	if (!OK(world_yaml(&w, str_of(yaml), NULL, &err) == RC_OK, "line keywords: %s", err.text))
		return;
	for (size_t i = 0; i < COUNTOF(lines) * COUNTOF(formats); i++) {
		size_t k = i / COUNTOF(formats);
		int got, all;

		flat_clear(w.flat);
		w.flat->format = formats[i % COUNTOF(formats)];
		w.flat->raw = str_of(lines[k].line);
		flat_put(w.flat, FIELD_NONE, S("host"), FLAT_STRING, str_slice(w.flat->raw, lines[k].from, lines[k].to), 0);
		flat_put(w.flat, FIELD_NONE, S("anew"), FLAT_STRING, str_of(lines[k].anew), 0);
		got = (int)engine_run(w.engine, w.flat, &found);
		all = (int)engine_run_all(w.engine, w.flat, &found);
		OK(got == lines[k].want && all == got, "%s: %s (%d %d)", log_format_name(w.flat->format), lines[k].name, got, all);
	}
	world_done(&w);
}

int main(void)
{
	for (size_t i = 0; i < COUNTOF(rows); i++)
		run_row(&rows[i]);
	test_thresholds();
	test_line_keywords();
	test_sources();
	test_unknown();
	test_assume();
	test_explain();
	test_refused();
	test_allocations();
	return tap_done();
}
