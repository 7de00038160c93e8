/* What the parts of the Sigma reader share: the document at hand, tests shared by
 * pointer, and rules that wait for the end of reading. Inside detect/ only. */
#ifndef DETECT_SIGMA_INT_H
#define DETECT_SIGMA_INT_H

#include "base/buf.h"
#include "base/map.h"
#include "detect/sigma.h"
#include "detect/sigma_yaml.h"

#define SIGMA_REASON_MAX ((size_t)4096)
#define SIGMA_MODIFIERS_MAX 16
#define SIGMA_BYTES_MAX ((size_t)64 << 20)

/* Leaves of the trees of all rules, each distinct test once. */
struct sigma_leaf {
	struct sigma_node node;
	struct sigma_test test;
};
struct sigma_pool {
	struct { uint64_t hash; struct sigma_leaf *leaf; } *slots;
	size_t cap, n;
};
void sigma_pool_done(struct sigma_pool *p);

struct sigma_draft {
	struct sigma_rule rule;
	struct sigma_report *report;
	struct sigma_draft *next;
	struct sigma_wants *wants; /* of a correlation: what it names */
	uint32_t size;             /* nodes of the detection */
	uint32_t slot;             /* place in the set, when `done` */
	enum { DRAFT_NEW, DRAFT_OPEN, DRAFT_DONE } state;
};

/* One line of an alias: in events of this rule it is that field. */
struct sigma_mapped {
	uint32_t alias;
	struct str rule, field;
};

/* A correlation as written: names that the end of reading turns into slots. */
struct sigma_wants {
	struct sigma_corr corr;
	const struct str *names; /* ids or names of rules */
	uint32_t n;
	const struct sigma_mapped *mapped;
	uint32_t n_mapped;
	bool generate;
};

struct sigma_filter {
	struct sigma_logsource source;
	const struct str *rules; /* ids or names */
	uint32_t n_rules;
	bool any;
	const struct sigma_node *node;
	uint32_t size;
	struct sigma_report *report;
	struct sigma_filter *next;
};

struct sigma_report_item {
	struct sigma_report report;
	struct sigma_report_item *next;
};

struct sigma_placeholder {
	struct str name;
	const struct str *values;
	size_t n;
	struct sigma_placeholder *next;
};

struct sigma_reader {
	struct arena *a;       /* the set's */
	struct arena *scratch; /* of one file */
	struct arena *drafts;  /* drafts and reports, until the end lays them out */
	struct sigma_pool pool;
	struct map *strings;   /* texts that come again and again: fields, tags, authors */
	struct sigma_placeholder *placeholders;
	struct sigma_draft *first, *last;
	struct sigma_filter *filters, *last_filter;
	struct sigma_report_item *reports, *last_report;
	uint32_t n_drafts, n_reports;
	struct map *off;       /* ids that are left out: index of `why` */
	const char *why[8];    /* as they came; the last one holds for all further ones */
	uint32_t n_why;
	struct map *seen;      /* ids and the layer they were read in */
	uint32_t layer;
};

/* A file that could not be read: its report. */
enum rc sigma_reader_unread(struct sigma_reader *r, struct str file, struct str why, struct err *err) MUSTUSE;

/* One document being read. A function that returns RC_BAD has filled `err`, `line`, and put the column into the text. */
struct sigma_doc {
	struct sigma_reader *r;
	struct arena *a, *scratch;
	struct str file;
	struct err err;
	uint32_t line;      /* of what is wrong, 0 = of the document */
	struct buf remarks; /* "; " between */
	struct buf missing; /* names of placeholders without a list */
	uint32_t size;      /* nodes so far */
	size_t before;      /* of the scratch, when the document was read and nothing made of it yet */
};

/* RC_BAD (or another) with the place of `y` in front; `offset` characters into its text. */
#define SIGMA_BAD(d, y, offset, ...) (err_set(&(d)->err, RC_BAD, __VA_ARGS__), sigma_bad_at((d), (y), (offset)), RC_BAD)
void sigma_bad_at(struct sigma_doc *d, const struct yaml *y, size_t offset);
/* Something worth knowing that does not stop the rule. */
void sigma_remark(struct sigma_doc *d, const char *fmt, ...) PRINTF(2, 3);
enum rc sigma_nomem(struct sigma_doc *d);

/* The one copy of `s` in the set's arena; .p is NULL on exhaustion. */
struct str sigma_intern(struct sigma_reader *r, struct str s);
/* The strings of a list (or of one scalar), interned. Entries that are no scalars are left out with a remark. */
enum rc sigma_strings(struct sigma_doc *d, const struct yaml *y, const char *what, const struct str **ret, uint32_t *ret_n) MUSTUSE;

/* ---- values and modifiers (sigma_value.c, sigma_modifier.c) ---- */

enum sigma_value_kind {
	VALUE_STRING, VALUE_NUMBER, VALUE_BOOL, VALUE_NULL, VALUE_REGEX, VALUE_CIDR, VALUE_COMPARE, VALUE_FIELDREF, VALUE_EXISTS, VALUE_TIME
};
/* One value on its way through the modifiers; alternatives that it became hang on `next`. */
struct sigma_value {
	enum sigma_value_kind kind;
	const struct sigma_piece *pieces; /* STRING */
	uint32_t n_pieces;
	struct str text;                  /* REGEX, CIDR, FIELDREF */
	double number;                    /* NUMBER, COMPARE, TIME; BOOL, EXISTS: 1 or 0 */
	enum sigma_op op;                 /* COMPARE */
	enum sigma_ref ref;
	enum sigma_part part;
	uint8_t re_flags;
	bool cased, inner;                /* inner: base64offset, meaningful only inside a longer value */
	struct sigma_value *next;
};

struct sigma_key; /* a detection item's "field|modifier|modifier" */
struct sigma_key {
	struct str field;
	uint8_t mods[SIGMA_MODIFIERS_MAX];
	uint16_t offsets[SIGMA_MODIFIERS_MAX];
	unsigned n;
	bool all, neq, expand, raw; /* raw: the value is a regular expression, wildcards in it are none */
	const struct yaml *at;
};

enum rc sigma_key_parse(struct sigma_doc *d, const struct yaml *y, struct sigma_key *ret) MUSTUSE;
/* The alternatives that one value becomes; NULL in *ret when a placeholder has no list. */
enum rc sigma_value_make(struct sigma_doc *d, const struct sigma_key *k, const struct yaml *y, struct sigma_value **ret) MUSTUSE;
/* Wildcards and escapes of a string as written. */
enum rc sigma_pieces(struct sigma_doc *d, struct str text, const struct sigma_piece **ret, uint32_t *ret_n) MUSTUSE;
/* The same pieces with neighbouring literals and ANYs made one. */
enum rc sigma_pieces_tidy(struct sigma_doc *d, const struct sigma_piece *in, uint32_t n, const struct sigma_piece **ret, uint32_t *ret_n) MUSTUSE;

/* Alternatives of every string in the chain of `*v`, in place. */
enum rc sigma_expand(struct sigma_doc *d, const struct yaml *at, struct sigma_value **v) MUSTUSE;
enum rc sigma_windash(struct sigma_doc *d, const struct yaml *at, struct sigma_value *v) MUSTUSE;
/* Text coding modifiers; RC_BAD when the string has wildcards (base64). */
enum sigma_coding { CODING_BASE64, CODING_BASE64OFFSET, CODING_UTF16LE, CODING_UTF16BE, CODING_UTF16 };
enum rc sigma_encode(struct sigma_doc *d, const struct yaml *at, enum sigma_coding how, struct sigma_value *v) MUSTUSE;

/* ---- trees (sigma_tree.c) ---- */

enum rc sigma_leaf(struct sigma_doc *d, const struct sigma_test *t, const struct sigma_node **ret) MUSTUSE;
/* AND or OR of `n` >= 1 (one: itself). */
enum rc sigma_group(struct sigma_doc *d, enum sigma_node_kind kind, const struct sigma_node *const *kids, size_t n, const struct sigma_node **ret) MUSTUSE;
enum rc sigma_not(struct sigma_doc *d, const struct sigma_node *kid, const struct sigma_node **ret) MUSTUSE;
enum rc sigma_count(struct sigma_doc *d, const struct yaml *at, size_t n) MUSTUSE;
/* RC_BAD when the values of the document have grown beyond SIGMA_BYTES_MAX: a short rule can ask for much. */
enum rc sigma_room(struct sigma_doc *d, const struct yaml *at) MUSTUSE;

/* A search identifier's definition (map, list, keywords). */
enum rc sigma_selection(struct sigma_doc *d, const struct yaml *y, const struct sigma_node **ret) MUSTUSE;

/* ---- packs (sigma_pack.c) ---- */

/* Reads YAML documents that are lists, and hands each of their entries to `fn`. `expected` is what an error says of a
 * document that is none; `err` names the pack and the line. d->scratch is empty again when this returns. */
typedef enum rc (*sigma_pack_entry)(void *ctx, const struct yaml *y);
enum rc sigma_pack_read(struct sigma_doc *d, const char *name, struct str text, const char *expected, sigma_pack_entry fn, void *ctx,
			struct err *err) MUSTUSE;

/* ---- conditions (sigma_condition.c) ---- */

struct sigma_named {
	struct str name;
	const struct sigma_node *node;
	uint32_t size;
	bool used;
};
/* A condition, or a list of them (any). */
enum rc sigma_condition(struct sigma_doc *d, const struct yaml *y, struct sigma_named *names, size_t n, const struct sigma_node **ret) MUSTUSE;

/* ---- documents (sigma_rule.c, sigma_corr.c, sigma_end.c) ---- */

/* The tree of `detection:` or `filter:`; keys in `skip` (NULL ends) are no search identifiers. */
enum rc sigma_detection(struct sigma_doc *d, const struct yaml *y, const char *const *skip, const struct sigma_node **ret) MUSTUSE;
enum rc sigma_source(struct sigma_doc *d, const struct yaml *y, struct sigma_logsource *ret) MUSTUSE;
/* Everything but detection and correlation. */
enum rc sigma_meta(struct sigma_doc *d, const struct yaml *y, struct sigma_rule *ret) MUSTUSE;
enum rc sigma_correlation(struct sigma_doc *d, const struct yaml *y, struct sigma_draft *ret) MUSTUSE;

#endif
