/* Sigma rules (sigma-specification 2.1): reading YAML into rules whose
 * detection is one boolean tree over plain tests. All modifiers, lists, maps,
 * conditions, filters and placeholders are resolved here, so that an evaluator
 * knows only the few tests of enum sigma_op. */
#ifndef DETECT_SIGMA_H
#define DETECT_SIGMA_H

#include "base/arena.h"
#include "base/time.h"

#define SIGMA_FILE_MAX ((size_t)8 << 20)
#define SIGMA_RULES_MAX 100000
#define SIGMA_NODES_MAX 200000 /* of one rule, behind all expansions */

enum sigma_level { SIGMA_NO_LEVEL, SIGMA_INFORMATIONAL, SIGMA_LOW, SIGMA_MEDIUM, SIGMA_HIGH, SIGMA_CRITICAL };
const char *sigma_level_name(enum sigma_level l); /* "" for none */

/* A string with wildcards: literal pieces with ANY (*) or ONE (?) between. */
enum sigma_piece_kind { SIGMA_LITERAL, SIGMA_ANY, SIGMA_ONE };
struct sigma_piece {
	enum sigma_piece_kind kind;
	struct str text; /* literal: unescaped, as written (case kept) */
};

enum sigma_op {
	SIGMA_MATCH,    /* whole value = pieces; `cased` tells; no piece = the empty string */
	SIGMA_REGEX,    /* PCRE2, searched for anywhere; flags below */
	SIGMA_CIDR,     /* address inside a block; text holds "10.0.0.0/8" */
	SIGMA_NUMBER,   /* equal to number (also from text: "4688", 4688.0) */
	SIGMA_BOOL,     /* JSON true / false or that word in any case; number is 1 or 0 */
	SIGMA_LT, SIGMA_LE, SIGMA_GT, SIGMA_GE, /* number; a value that is no number fails */
	SIGMA_NULL,     /* field absent or JSON null */
	SIGMA_EXISTS,   /* field present, whatever it holds */
	SIGMA_FIELDREF, /* value relates to that of field `text` (`ref` says how), case folded unless `cased`; absent = false */
	SIGMA_TIME_PART /* a part of the date that the value holds, `part`, equals number */
};

enum sigma_ref { SIGMA_REF_EQUALS, SIGMA_REF_CONTAINS, SIGMA_REF_STARTS, SIGMA_REF_ENDS };
enum sigma_part { SIGMA_MINUTE, SIGMA_HOUR, SIGMA_DAY, SIGMA_WEEK, SIGMA_MONTH, SIGMA_YEAR };
enum { SIGMA_RE_I = 1, SIGMA_RE_M = 2, SIGMA_RE_S = 4 };

/* One test of one field. field .n == 0: keyword, any value of the event or the raw message; MATCH pieces of keywords
 * already carry ANY at both ends. With several values in an event (arrays) one that passes is enough. */
struct sigma_test {
	struct str field;
	enum sigma_op op;
	bool cased;
	uint8_t re_flags;
	enum sigma_ref ref;
	enum sigma_part part;
	struct str text;
	const struct sigma_piece *pieces;
	uint32_t n_pieces;
	double number;
	struct str written; /* the value as it stands in the rule, for telling a person why */
};

enum sigma_node_kind { SIGMA_TEST, SIGMA_AND, SIGMA_OR, SIGMA_NOT, SIGMA_ALWAYS, SIGMA_NEVER };
struct sigma_node {
	enum sigma_node_kind kind;
	uint32_t n_kids;
	const struct sigma_node *const *kids; /* AND, OR: >= 1; NOT: 1 */
	const struct sigma_test *test;
};

struct sigma_logsource {
	struct str product, category, service; /* "" = any */
};

enum sigma_kind { SIGMA_RULE, SIGMA_CORRELATION };

enum sigma_corr_type {
	SIGMA_EVENT_COUNT, SIGMA_VALUE_COUNT, SIGMA_TEMPORAL, SIGMA_TEMPORAL_ORDERED,
	SIGMA_VALUE_SUM, SIGMA_VALUE_AVG, SIGMA_VALUE_PERCENTILE, SIGMA_VALUE_MEDIAN
};
enum sigma_cmp { SIGMA_CMP_GT, SIGMA_CMP_GTE, SIGMA_CMP_LT, SIGMA_CMP_LTE, SIGMA_CMP_EQ, SIGMA_CMP_NEQ };
struct sigma_limit { enum sigma_cmp cmp; double value; };

struct sigma_alias { struct str name; const struct str *fields; }; /* fields: by slot; "" = the alias is not mapped there */

struct sigma_corr {
	enum sigma_corr_type type;
	const uint32_t *rules;         /* slots: indexes into sigma_set.rules, rules or correlations before this one */
	uint32_t n_rules;
	const struct str *group_by;
	uint32_t n_group_by;
	const struct sigma_alias *aliases;
	uint32_t n_aliases;
	usec timespan;                 /* > 0 */
	const struct sigma_limit *limits; /* ANDed; temporal without condition: none = all rules */
	uint32_t n_limits;
	const struct str *fields;      /* value_*: one or more; a tuple for value_count */
	uint32_t n_fields;
	double percentile;
	const struct sigma_node *condition; /* temporal with a boolean condition: tests' number = slot; else NULL */
};

/* A rule that was made of an indicator's pattern (detect/stix_rules.h). */
struct sigma_indicator {
	struct str id, pattern;
	usec valid_from, valid_until; /* until 0 = open */
	usec start, stop;             /* of the pattern's START and STOP: for matches of events, [start, stop) */
	uint8_t tlp, confidence;      /* above 100: not stated */
};

struct sigma_rule {
	enum sigma_kind kind;
	struct str id, name, title, status, author, description, date, modified;
	const struct str *tags, *references, *falsepositives;
	uint32_t n_tags, n_references, n_falsepositives;
	enum sigma_level level;
	struct sigma_logsource source;
	const struct sigma_node *detection; /* SIGMA_RULE; filters are joined in already */
	const struct sigma_corr *corr;      /* SIGMA_CORRELATION */
	const struct sigma_indicator *indicator; /* NULL: written as a rule */
	bool hidden;                        /* only feeds correlations: it makes no match of its own (generate: false) */
	struct str file;
	uint32_t line;                      /* of the document in the file, from 1 */
};

enum sigma_verdict { SIGMA_LOADED, SIGMA_NEEDS_LIST, SIGMA_REFUSED, SIGMA_IGNORED, SIGMA_OFF };
/* What became of each document of each file: nothing is dropped in silence. */
struct sigma_report {
	struct str file, id, title;
	uint32_t line;              /* where the reason lies, else where the document begins */
	enum sigma_verdict verdict; /* IGNORED: no rule at all (empty document, filter that was applied ...); OFF: left out on purpose */
	struct str reason;          /* "" when loaded without remark; else refusal or warnings, "; " between */
};

struct sigma_set {
	const struct sigma_rule *rules; /* correlations stand behind the rules they name */
	uint32_t n_rules;
	const struct sigma_report *reports;
	uint32_t n_reports;
	uint32_t loaded, need_list, refused;
};

struct sigma_reader;

/* All memory of the rules lives in `a`. */
enum rc sigma_reader_new(struct arena *a, struct sigma_reader **ret, struct err *err) MUSTUSE;
void sigma_reader_free(struct sigma_reader *r);
void sigma_reader_freep(struct sigma_reader **r);

/* Values for the placeholder %name% (modifier expand), before the rules that use it are read. */
enum rc sigma_reader_placeholder(struct sigma_reader *r, struct str name, const struct str *values, size_t n, struct err *err) MUSTUSE;

/* One file's text, any number of YAML documents (rules, correlations, filters, `action: global` of old). A bad document
 * is reported and the next one read; only RC_NOMEM and RC_LIMIT end it. */
enum rc sigma_reader_add(struct sigma_reader *r, struct str file, struct str text, struct err *err) MUSTUSE;

/* The rule of this id is left out when it is read (SIGMA_OFF, with `why`, which outlives the reader). */
enum rc sigma_reader_leave_out(struct sigma_reader *r, struct str id, const char *why, struct err *err) MUSTUSE;
/* What is read from here on yields to what was read before: a rule of an id that is there already is left out. */
void sigma_reader_layer(struct sigma_reader *r);
/* Every *.yml, *.yaml below a file or folder, in order of names; `lists`: values of placeholders, NAME.txt. */
enum rc sigma_reader_load(struct sigma_reader *r, const char *path, bool lists, struct err *err) MUSTUSE;

/* Resolves references, filters and chains (a cycle refuses its rules). The set lives in the arena. */
enum rc sigma_reader_end(struct sigma_reader *r, const struct sigma_set **ret, struct err *err) MUSTUSE;

/* Every *.yml, *.yaml below a file or folder, in order of names; placeholders from *.txt of `lists` (may be NULL:
 * one value a line, the file's name is the placeholder's). Detection layer's own convenience over the calls above. */
enum rc sigma_load(struct arena *a, const char *const *paths, size_t n_paths, const char *lists, const struct sigma_set **ret,
		   struct err *err) MUSTUSE;

#endif
