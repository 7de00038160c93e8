/* What stands around detections: documents and their reports, actions of old, metadata, filters, correlations. Each row is
 * a file; what is expected of it is written as one line a report and one line a rule. */
#include <ftw.h>
#include <sys/stat.h>

#include "sigma_print.h"
#include "tap.h"

struct row {
	const char *name, *text, *want;
};

#define DET "detection: {s: {f: a}, condition: s}\n"
#define RULE(title) "title: " title "\nname: " title "\nlogsource: {product: p}\n" DET
#define CORR(name, rest) "title: " name "\nname: " name "\ncorrelation: {group-by: [u], timespan: 5m, " rest "}\n"

/* Reports: "L1" loaded, "N" needs a list, "R" refused, "I" ignored, with the line and the reason. Rules: "name tree", "-"
 * before one that is hidden; correlations: "name type(rules by slot) timespan limits fields ...". */
static const struct row documents[] = {
	{ "one rule", RULE("a"), "L1|a f=\"a\"" },
	{ "two rules", RULE("a") "---\n" RULE("b"), "L1|L6|a f=\"a\"|b f=\"a\"" },
	{ "an empty file", "", "I1 no document" },
	{ "comments only", "# nothing\n", "I1 no document" },
	{ "an empty document between", RULE("a") "---\n---\n" RULE("b"), "L1|I6 an empty document|L7|a f=\"a\"|b f=\"a\"" },
	{ "a list", "- a\n- b\n", "I1 no Sigma rule" },
	{ "other YAML", "key: value\n", "I1 no Sigma rule" },
	{ "a rule without detection", "title: x\nlogsource: {product: p}\n", "R1 column 1: no detection" },
	{ "no title, no log source", DET, "L1 no title; no log source: it is tried on events of every kind| f=\"a\"" },
	{ "a log source of nothing", "title: x\nlogsource: {definition: d}\n" DET,
	  "L1 line 2: the log source names nothing: it is tried on events of every kind| f=\"a\"" },
	{ "unknown keys", "title: x\nlogsource: {product: p, os: q}\ncolour: red\n" DET,
	  "L1 line 3: unknown key \"colour\"; line 2: unknown key \"os\" of the log source| f=\"a\"" },
	{ "odd metadata", "title: [x]\nid: 5\nlevel: loud\nstatus: new\ntags: {a: b}\nlogsource: {product: p}\n" DET,
	  "L1 line 1: title: no text; line 5: tags: no list of texts; line 3: unknown level \"loud\"; no title; line 2: the id is no UUID; "
	  "unknown status \"new\"| f=\"a\"" },
	{ "another taxonomy", "title: x\ntaxonomy: ocsf\nlogsource: {product: p}\n" DET,
	  "L1 line 2: taxonomy \"ocsf\" is not known here: fields are taken by the names they have| f=\"a\"" },
	{ "broken YAML in the middle", RULE("a") "---\ntitle: [x\n---\n" RULE("b"),
	  "L1|R7 column 1: did not find expected ',' or ']' while parsing a flow sequence|L8|a f=\"a\"|b f=\"a\"" },
	{ "a refused rule between", RULE("a") "---\ntitle: x\n" "detection: {s: {f|x: a}, condition: s}\n---\n" RULE("b"),
	  "L1|R7 column 19: unknown modifier \"x\"|L9|a f=\"a\"|b f=\"a\"" },
	{ "a key twice, then a good rule", "title: x\ntitle: y\n---\n" RULE("b"), "R2 column 1: key \"title\" stands twice in one map|L4|b f=\"a\"" },
	{ "bytes that are no text", "title: \x01\n---\n" RULE("b"), "R1 column 1: control characters are not allowed|L3|b f=\"a\"" },
	{ "Windows line ends and a mark", "\xef\xbb\xbftitle: a\r\nname: a\r\nlogsource: {product: p}\r\n" "detection: {s: {f: a}, condition: s}\r\n",
	  "L1|a f=\"a\"" },
	{ "the same id twice", "id: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c01\n" RULE("a") "---\nid: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c01\n" RULE("b"),
	  "L1|L7 the id is also that of f.yml:1|a f=\"a\"|b f=\"a\"" },
	{ "global", "action: global\nlogsource: {product: p}\ndetection: {s: {f: a}}\n---\ntitle: a\nname: a\ndetection: {condition: s}\n---\n"
	  "title: b\nname: b\ndetection: {t: {g: b}, condition: s or t}\n",
	  "I1 an action for the documents around it|L5|L9|a f=\"a\"|b (f=\"a\" | g=\"b\")" },
	{ "reset", "action: global\nlogsource: {product: p}\ndetection: {s: {f: a}}\n---\naction: reset\n---\ntitle: a\n",
	  "I1 an action for the documents around it|I5 an action for the documents around it|R7 column 1: no detection" },
	{ "repeat", RULE("a") "---\naction: repeat\nname: b\ndetection: {s: {f: b}}\n", "L1|L6|a f=\"a\"|b f=\"b\"" },
	{ "an unknown action", "action: forget\ntitle: x\n", "R1 unknown action: expected global, reset or repeat" },
};

static const struct row filters[] = {
	{ "for any rule", RULE("a") "---\ntitle: f\nlogsource: {product: p}\nfilter: {rules: any, x: {g: b}, condition: not x}\n",
	  "L1|I6 a filter, joined to 1 rule|a (f=\"a\" & not(g=\"b\"))" },
	{ "an empty list of rules is any", RULE("a") "---\ntitle: f\nlogsource: {product: p}\nfilter: {rules: [], x: {g: b}, condition: not x}\n",
	  "L1|I6 a filter, joined to 1 rule|a (f=\"a\" & not(g=\"b\"))" },
	{ "verbatim: what it says, not its opposite", RULE("a") "---\ntitle: f\nlogsource: {product: p}\nfilter: {rules: any, x: {g: b}, condition: x}\n",
	  "L1|I6 a filter, joined to 1 rule|a (f=\"a\" & g=\"b\")" },
	{ "by name, before the rule, and only that", "title: f\nlogsource: {}\nfilter: {rules: [b], x: {g: b}, condition: not x}\n---\n" RULE("a") "---\n" RULE("b"),
	  "I1 line 2: the log source names nothing: it is tried on events of every kind; a filter, joined to 1 rule|L5|L10|a f=\"a\"|"
	  "b (f=\"a\" & not(g=\"b\"))" },
	{ "by id", "id: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c01\n" RULE("a") "---\ntitle: f\nlogsource: {product: p}\n"
	  "filter: {rules: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c01, x: {g: b}, condition: not x}\n",
	  "L1|I7 a filter, joined to 1 rule|a (f=\"a\" & not(g=\"b\"))" },
	{ "its names are its own", RULE("a") "---\ntitle: f\nlogsource: {product: p}\nfilter: {rules: [a], s: {g: b}, condition: not 1 of them}\n",
	  "L1|I6 a filter, joined to 1 rule|a (f=\"a\" & not(g=\"b\"))" },
	{ "another log source", RULE("a") "---\ntitle: f\nlogsource: {product: q}\nfilter: {rules: any, x: {g: b}, condition: x}\n",
	  "L1|I6 a filter, joined to 0 rules|a f=\"a\"" },
	{ "another log source, by name", RULE("a") "---\ntitle: f\nlogsource: {product: q}\nfilter: {rules: [a], x: {g: b}, condition: x}\n",
	  "L1|I6 the log source is not that of rule \"a\"; a filter, joined to 0 rules|a f=\"a\"" },
	{ "no such rule", "title: f\nlogsource: {product: q}\nfilter: {rules: [a], x: {g: b}, condition: x}\n",
	  "I1 there is no rule \"a\"; a filter, joined to 0 rules" },
	{ "for nothing", "title: f\nlogsource: {product: q}\nfilter: {x: {g: b}, condition: x}\n",
	  "R3 column 9: the filter does not say which rules it is for" },
	{ "two filters", RULE("a") "---\ntitle: f\nlogsource: {product: p}\nfilter: {rules: any, x: {g: b}, condition: not x}\n---\n"
	  "title: g\nlogsource: {product: p}\nfilter: {rules: any, x: {h: c}, condition: not x}\n",
	  "L1|I6 a filter, joined to 1 rule|I10 a filter, joined to 1 rule|a ((f=\"a\" & not(g=\"b\")) & not(h=\"c\"))" },
	{ "a filter without its list", "title: f\nlogsource: {product: p}\nfilter: {rules: any, x: {g|expand: '%l%'}, condition: not x}\n---\n" RULE("a"),
	  "N1 needs a list for %l%|L5|a f=\"a\"" },
};

static const struct row correlations[] = {
	{ "event_count", RULE("a") "---\n" CORR("c", "type: event_count, rules: [a], condition: {gte: 10}"),
	  "L1|L6|-a f=\"a\"|c event_count(0) by u 300s >=10" },
	{ "all limits", RULE("a") "---\n" CORR("c", "type: event_count, rules: a, condition: {gt: 1, lt: 9, lte: 8, eq: 2, neq: 3, gte: 1.5}"),
	  "L1|L6|-a f=\"a\"|c event_count(0) by u 300s >1 <9 <=8 =2 !=3 >=1.5" },
	{ "value_count over a tuple", RULE("a") "---\n" CORR("c", "type: value_count, rules: [a], condition: {field: [x, y], gt: 3}"),
	  "L1|L6|-a f=\"a\"|c value_count(0) by u 300s >3 of x,y" },
	{ "field beside the condition", RULE("a") "---\n" CORR("c", "type: value_count, rules: [a], field: x, condition: {gt: 3}"),
	  "L1|L6|-a f=\"a\"|c value_count(0) by u 300s >3 of x" },
	{ "temporal, all", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal, rules: [b, a]"),
	  "L1|L6|L11|-a f=\"a\"|-b f=\"a\"|c temporal(1,0) by u 300s" },
	{ "temporal, a number of them", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal, rules: [b, a], condition: {gte: 1}"),
	  "L1|L6|L11|-a f=\"a\"|-b f=\"a\"|c temporal(1,0) by u 300s >=1" },
	{ "temporal, boolean", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal, rules: [a, b], condition: a and not b"),
	  "L1|L6|L11|-a f=\"a\"|-b f=\"a\"|c temporal(0,1) by u 300s (#0 & not(#1))" },
	{ "temporal, boolean, rules from the condition", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal, condition: b and (a or not b)"),
	  "L1|L6|L11|-a f=\"a\"|-b f=\"a\"|c temporal(1,0) by u 300s (#0 & (#1 | not(#0)))" },
	{ "temporal, boolean, an unknown name", RULE("a") "---\n" CORR("c", "type: temporal, rules: [a], condition: a and b"),
	  "L1|R8 column 89: no search identifier is called \"b\"|a f=\"a\"" },
	{ "temporal_ordered", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal_ordered, rules: [a, b]"),
	  "L1|L6|L11|-a f=\"a\"|-b f=\"a\"|c temporal_ordered(0,1) by u 300s" },
	{ "sums, averages, percentiles, medians", RULE("a") "---\n" CORR("c", "type: value_sum, rules: [a], condition: {field: x, gt: 3}") "---\n"
	  CORR("d", "type: value_avg, rules: [a], condition: {field: x, gt: 3}") "---\n"
	  CORR("e", "type: value_percentile, rules: [a], condition: {field: x, percentile: 95, gt: 3}") "---\n"
	  CORR("f", "type: value_median, rules: [a], condition: {field: x, gt: 3}"),
	  "L1|L6|L10|L14|L18|-a f=\"a\"|c value_sum(0) by u 300s >3 of x|d value_avg(0) by u 300s >3 of x|"
	  "e value_percentile(0) by u 300s >3 of x 95%|f value_median(0) by u 300s >3 of x" },
	{ "a percentile that is not given", RULE("a") "---\n" CORR("e", "type: value_percentile, rules: [a], condition: {field: x, gt: 3}"),
	  "L1|L6 line 8: no percentile given, 50 is taken|-a f=\"a\"|e value_percentile(0) by u 300s >3 of x 50%" },
	{ "aliases", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal, rules: [b, a], aliases: {u: {a: x, b: y}, v: {a: z}}"),
	  "L1|L6|L11|-a f=\"a\"|-b f=\"a\"|c temporal(1,0) by u 300s u={y,x} v={,z}" },
	{ "an alias of another rule", RULE("a") "---\n" RULE("b") "---\n" CORR("c", "type: temporal, rules: [a], aliases: {u: {b: x}}"),
	  "L1|L6|R11 alias \"u\": \"b\" is none of its rules|a f=\"a\"|b f=\"a\"" },
	{ "correlations before their rules, and on correlations", CORR("d", "type: temporal_ordered, rules: [c, a]") "---\n"
	  CORR("c", "type: event_count, rules: [a], condition: {gte: 10}") "---\n" RULE("a"),
	  "L1|L5|L9|-a f=\"a\"|-c event_count(0) by u 300s >=10|d temporal_ordered(1,0) by u 300s" },
	{ "generate", RULE("a") "---\n" CORR("c", "type: event_count, rules: [a], generate: true, condition: {gte: 10}"),
	  "L1|L6|a f=\"a\"|c event_count(0) by u 300s >=10" },
	{ "generate by one of two", RULE("a") "---\ngenerate: true\n" CORR("c", "type: event_count, rules: [a], condition: {gte: 10}") "---\n"
	  CORR("d", "type: event_count, rules: [a], condition: {gte: 2}"),
	  "L1|L6|L11|a f=\"a\"|c event_count(0) by u 300s >=10|d event_count(0) by u 300s >=2" },
	{ "a rule that is not there", CORR("c", "type: event_count, rules: [a], condition: {gte: 10}"), "R1 there is no rule \"a\"" },
	{ "a refused rule", "title: a\nname: a\nlogsource: {product: p}\n" "detection: {s: {f|x: a}, condition: s}\n---\n"
	  CORR("c", "type: event_count, rules: [a], condition: {gte: 10}"), "R4 column 19: unknown modifier \"x\"|R6 rule \"a\", which it names, is refused" },
	{ "a rule that waits for a list", "title: a\nname: a\nlogsource: {product: p}\n" "detection: {s: {f|expand: '%l%'}, condition: s}\n---\n"
	  CORR("c", "type: event_count, rules: [a], condition: {gte: 10}"), "N1 needs a list for %l%|N6 rule \"a\", which it names, needs a list" },
	{ "a cycle", CORR("c", "type: temporal, rules: [d]") "---\n" CORR("d", "type: temporal, rules: [c]"),
	  "R1 rule \"d\", which it names, is refused|R5 \"c\" leads back to this correlation" },
	{ "on itself", CORR("c", "type: temporal, rules: [c]"), "R1 \"c\" leads back to this correlation" },
	{ "no type", CORR("c", "rules: [a]"), "R3 column 14: correlation without a type" },
	{ "an unknown type", CORR("c", "type: near, rules: [a]"), "R3 column 50: unknown type of correlation \"near\"" },
	{ "no rules", CORR("c", "type: temporal"), "R3 column 14: correlation without rules" },
	{ "no condition", CORR("c", "type: event_count, rules: [a]"), "R3 column 14: correlation without a condition" },
	{ "a condition without limits", CORR("c", "type: event_count, rules: [a], condition: {field: x}"),
	  "R3 column 86: the condition has no limit (gt, gte, lt, lte, eq, neq)" },
	{ "an unknown limit", CORR("c", "type: event_count, rules: [a], condition: {ge: 1}"),
	  "R3 column 87: condition: expected gt, gte, lt, lte, eq, neq or field instead of \"ge\"" },
	{ "a limit that is no number", CORR("c", "type: event_count, rules: [a], condition: {gt: many}"), "R3 column 91: expected a number" },
	{ "value_count without a field", CORR("c", "type: value_count, rules: [a], condition: {gt: 1}"), "R3 column 86: the condition names no field" },
	{ "value_sum of two fields", CORR("c", "type: value_sum, rules: [a], condition: {field: [x, y], gt: 1}"),
	  "R3 column 84: more than one field: only value_count takes several" },
	{ "a percentile beyond 100", CORR("c", "type: value_percentile, rules: [a], condition: {field: x, percentile: 101, gt: 1}"),
	  "R3 column 114: a percentile is between 0 and 100" },
};

static void print_corr(struct buf *b, const struct sigma_corr *c)
{
	static const char *const types[] = { "event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile",
		"value_median" };
	static const char *const cmps[] = { ">", ">=", "<", "<=", "=", "!=" };

	buf_fmt(b, "%s(", types[c->type]);
	for (uint32_t i = 0; i < c->n_rules; i++)
		buf_fmt(b, "%s%u", i > 0 ? "," : "", c->rules[i]);
	buf_cstr(b, ")");
	for (uint32_t i = 0; i < c->n_group_by; i++)
		buf_fmt(b, "%s%.*s", i > 0 ? "," : " by ", STR(c->group_by[i]));
	buf_fmt(b, " %llds", (long long)(c->timespan / USEC_PER_SEC));
	for (uint32_t i = 0; i < c->n_limits; i++)
		buf_fmt(b, " %s%g", cmps[c->limits[i].cmp], c->limits[i].value);
	for (uint32_t i = 0; i < c->n_fields; i++)
		buf_fmt(b, "%s%.*s", i > 0 ? "," : " of ", STR(c->fields[i]));
	if (c->type == SIGMA_VALUE_PERCENTILE)
		buf_fmt(b, " %g%%", c->percentile);
	for (uint32_t i = 0; i < c->n_aliases; i++) {
		buf_fmt(b, " %.*s={", STR(c->aliases[i].name));
		for (uint32_t k = 0; k < c->n_rules; k++)
			buf_fmt(b, "%s%.*s", k > 0 ? "," : "", STR(c->aliases[i].fields[k]));
		buf_cstr(b, "}");
	}
}

/* Of a boolean condition: its tests are numbers of rules. */
static void print_slots(struct buf *b, const struct sigma_node *n)
{
	if (n->kind == SIGMA_TEST) {
		buf_fmt(b, "#%g", n->test->number);
		return;
	}
	buf_cstr(b, n->kind == SIGMA_NOT ? "not(" : "(");
	for (uint32_t i = 0; i < n->n_kids; i++) {
		if (i > 0)
			buf_cstr(b, n->kind == SIGMA_AND ? " & " : " | ");
		print_slots(b, n->kids[i]);
	}
	buf_cstr(b, ")");
}

static void print_set(struct buf *b, const struct sigma_set *set)
{
	for (uint32_t i = 0; i < set->n_reports; i++)
		buf_fmt(b, "%s%c%u%s%.*s", i > 0 ? "|" : "", "LNRI"[set->reports[i].verdict], set->reports[i].line, set->reports[i].reason.n > 0 ? " " : "",
			STR(set->reports[i].reason));
	for (uint32_t i = 0; i < set->n_rules; i++) {
		const struct sigma_rule *r = &set->rules[i];

		buf_fmt(b, "|%s%.*s ", r->hidden ? "-" : "", STR(r->name));
		if (r->kind == SIGMA_RULE) {
			print_node(b, r->detection);
			continue;
		}
		print_corr(b, r->corr);
		if (r->corr->condition != NULL) {
			buf_cstr(b, " ");
			print_slots(b, r->corr->condition);
		}
	}
}

static enum rc read_one(struct arena *a, struct str text, const struct sigma_set **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;

	TRY(sigma_reader_new(a, &r, err));
	TRY(sigma_reader_add(r, S("f.yml"), text, err));
	return sigma_reader_end(r, ret, err);
}

static void run(const char *table, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new((size_t)64 << 20);
		const struct sigma_set *set;
		struct err err;
		struct buf got;
		char name[200];

		buf_init(&got, 1 << 20);
		if (read_one(a, str_of(rows[i].text), &set, &err) == RC_OK)
			print_set(&got, set);
		else
			buf_cstr(&got, err.text);
		snprintf(name, sizeof name, "%s: %s", table, rows[i].name);
		EQ_STR(buf_view(&got), str_of(rows[i].want), name);
		buf_done(&got);
		arena_free(a);
	}
}

static void test_meta(void)
{
	static const char text[] = "title: T\nid: 6F1D9C7E-3b0a-4c53-9f0e-2d7f5a1b8c01\nname: n\nstatus: test\nauthor: ' A, B '\ndescription: |\n  one\n  two\n"
				   "date: 2024-01-02\nmodified: 2024/02/03\ntags: [attack.t1, attack.t2]\nreferences: https://a.example\n"
				   "falsepositives: [x, [y], z]\nlevel: High\nlogsource: {product: p, category: c, service: s}\n" DET;
	struct arena *a = arena_new((size_t)16 << 20);
	const struct sigma_set *set;
	const struct sigma_rule *r;
	struct err err;

	if (OK(read_one(a, str_of(text), &set, &err) == RC_OK && set->n_rules == 1, "a rule with everything")) {
		r = &set->rules[0];
		EQ_STR(r->title, S("T"), "title");
		EQ_STR(r->id, S("6F1D9C7E-3b0a-4c53-9f0e-2d7f5a1b8c01"), "id");
		EQ_STR(r->name, S("n"), "name");
		EQ_STR(r->status, S("test"), "status");
		EQ_STR(r->author, S("A, B"), "author");
		EQ_STR(r->description, S("one\ntwo"), "description");
		EQ_STR(r->date, S("2024-01-02"), "date");
		EQ_STR(r->modified, S("2024/02/03"), "modified");
		OK(r->n_tags == 2 && str_eq(r->tags[1], S("attack.t2")), "tags");
		OK(r->n_references == 1 && str_eq(r->references[0], S("https://a.example")), "one reference without a list");
		OK(r->n_falsepositives == 2 && str_eq(r->falsepositives[1], S("z")), "false positives, what is no text left out");
		EQ_STR(set->reports[0].reason, S("line 13: falsepositives: an entry is no text"), "and said");
		EQ_INT(r->level, SIGMA_HIGH, "level in any case");
		EQ_STR(r->source.product, S("p"), "product");
		EQ_STR(r->source.category, S("c"), "category");
		EQ_STR(r->source.service, S("s"), "service");
		EQ_STR(r->file, S("f.yml"), "file");
		EQ_INT(r->line, 1, "line");
		EQ_STR(str_of(sigma_level_name(r->level)), S("high"), "name of the level");
	}
	arena_free(a);
}

static void test_timespans(void)
{
	static const struct {
		const char *text;
		long long seconds; /* 0: refused */
	} rows[] = {
		{ "1s", 1 }, { "90m", 5400 }, { "2h", 7200 }, { "3d", 259200 }, { "1w", 604800 }, { "1M", 2592000 }, { "1y", 31536000 },
		{ "0s", 0 }, { "5", 0 }, { "m", 0 }, { "5 m", 0 }, { "5min", 0 }, { "-5m", 0 }, { "1.5h", 0 }, { "5H", 0 }, { "101y", 0 },
		{ "18446744073709551615d", 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a = arena_new((size_t)16 << 20);
		const struct sigma_set *set;
		struct err err;
		struct buf b;

		buf_init(&b, 4096);
		buf_fmt(&b, RULE("a") "---\ncorrelation: {type: event_count, rules: [a], timespan: '%s', condition: {gte: 2}}\n", rows[i].text);
		if (OK(read_one(a, buf_view(&b), &set, &err) == RC_OK && (set->n_rules == 2) == (rows[i].seconds > 0), "timespan %s", rows[i].text) &&
		    set->n_rules == 2)
			EQ_INT(set->rules[1].corr->timespan, rows[i].seconds * USEC_PER_SEC, "  in microseconds");
		buf_done(&b);
		arena_free(a);
	}
}

static bool put(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	return f != NULL && fputs(text, f) >= 0 && fclose(f) == 0;
}

static bool made(const char *folder, const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return mkdir(path, 0700) == 0;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

/* What is in `folder` as print_set writes it; the folder itself is left out of the text. */
static void loaded(const char *folder, const char *lists, struct buf *got)
{
	struct arena *a = arena_new((size_t)64 << 20);
	const char *paths[] = { folder };
	const struct sigma_set *set;
	struct str rest;
	struct err err;
	struct buf whole;
	size_t at;

	buf_init(&whole, 1 << 20);
	buf_clear(got);
	if (sigma_load(a, paths, 1, lists, &set, &err) == RC_OK)
		print_set(&whole, set);
	else
		buf_cstr(&whole, err.text);
	rest = buf_view(&whole);
	while ((at = str_find(rest, str_of(folder), 0)) != SIZE_MAX) {
		buf_str(got, str_slice(rest, 0, at));
		rest = str_slice(rest, at + strlen(folder), rest.n);
	}
	buf_str(got, rest);
	buf_done(&whole);
	arena_free(a);
}

static void test_load(void)
{
	char top[] = "/tmp/sigma-XXXXXX", path[300], to[300], lists[300];
	struct buf got;

	if (!OK(mkdtemp(top) != NULL && made(top, "b") && made(top, "b/deep") && made(top, ".git") && made(top, "lists"), "folders"))
		return;
	OK(put(top, "c.yml", RULE("c")) && put(top, "b/deep/a.yaml", RULE("a")) && put(top, "b/x.txt", "no rule") && put(top, ".git/z.yml", RULE("z")) &&
	   put(top, "lists/l.txt", "\n# a remark\n one \r\ntwo\n") && put(top, "a.yml", RULE("first")) &&
	   put(top, "d.yml", "title: l\nname: l\nlogsource: {product: p}\ndetection: {s: {f|expand: '%l%'}, condition: s}\n"), "files");
	buf_init(&got, 1 << 20);
	loaded(top, NULL, &got);
	EQ_STR(buf_view(&got), S("L1|L1|L1|N1 needs a list for %l%|first f=\"a\"|a f=\"a\"|c f=\"a\""), "in the order of names, hidden ones and others left out");
	snprintf(lists, sizeof lists, "%s/lists", top);
	loaded(top, lists, &got);
	EQ_STR(buf_view(&got), S("L1|L1|L1|L1|first f=\"a\"|a f=\"a\"|c f=\"a\"|l (f=\"one\" | f=\"two\")"), "lists: blanks and remarks left out");
	snprintf(path, sizeof path, "%s/c.yml", top);
	snprintf(to, sizeof to, "%s/b/deep/link.yml", top);
	OK(symlink(path, to) == 0, "a symbolic link");
	snprintf(to, sizeof to, "%s/e.yml", top);
	OK(symlink("/nonexistent", to) == 0, "a broken one");
	loaded(top, lists, &got);
	EQ_STR(buf_view(&got), S("L1|L1|L1|L1 the name is also that of /b/deep/link.yml:1|L1|R0 No such file or directory|first f=\"a\"|a f=\"a\"|c f=\"a\"|"
				 "c f=\"a\"|l (f=\"one\" | f=\"two\")"), "links are followed, a file that cannot be read is reported");
	buf_done(&got);
	OK(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "cleared away");
}

static void test_limits(void)
{
	struct arena *a = arena_new((size_t)64 << 20);
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;
	struct str large = { NULL, SIGMA_FILE_MAX + 1 };
	struct err err;

	OK(sigma_reader_new(a, &r, &err) == RC_OK, "a reader");
	EQ_INT(sigma_reader_add(r, S("f.yml"), large, &err), RC_LIMIT, "a file larger than 8 MiB");
	arena_free(a);
}

int main(void)
{
	run("documents", documents, COUNTOF(documents));
	run("filters", filters, COUNTOF(filters));
	run("correlations", correlations, COUNTOF(correlations));
	test_meta();
	test_timespans();
	test_load();
	test_limits();
	return tap_done();
}
