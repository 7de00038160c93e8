/* A pack: the law and the words of one jurisdiction from one day on, as data.
 * Levels, clocks, sectors, roles, forms and calendar come from its file; nothing
 * legal is in C. Schema: docs/internals/packs.md. A pack never changes once read. */
#ifndef DESK_PACK_H
#define DESK_PACK_H

#include "base/json.h"
#include "desk/calendar.h"
#include "desk/fact.h"

#define PACK_LEVELS_MAX 9
#define PACK_DIMENSIONS_MAX 8
#define PACK_ATTRIBUTES_MAX 12
#define PACK_CLOCKS_MAX 64
#define PACK_LIMITS_MAX 16  /* of one clock */
#define PACK_BYTES_MAX ((size_t)1 << 20)

/* A text in the languages of people; `en` is never empty. */
struct pack_words { struct str en, zh; };

struct pack_term {
	struct str id;
	struct pack_words title;
};

/* What is asked of an affected item ("coreness"), and the answers. */
struct pack_attribute {
	struct pack_term term;
	struct pack_words question;
	const struct pack_term *values;
	size_t n_values;
};

/* One cell of the table of levels: it applies to an item that gives all these answers. */
struct pack_cell {
	uint8_t dimension;                   /* of pack.dimensions */
	uint8_t level;
	int8_t want[PACK_ATTRIBUTES_MAX];    /* by attribute: which answer; -1: any, or none */
	struct str id, source;
};

/* Which facts start or stop a clock. */
struct pack_event {
	uint32_t facts;       /* 1u << enum fact_type */
	struct str channel;   /* only those of this channel; "" = any */
	struct str stage;     /* only those of this stage ("notification"); "" = any */
	bool refers;          /* stop: only those whose `ref` names the fact that started the clock */
	bool reason;          /* only those that state a reason */
	bool changed;         /* only those that make another level known than the one before (a re-report) */
	uint8_t nth;          /* with `stage`: a fact that states no stage counts as this one of its kind, from 1; 0 = never */
};

/* How long, for whom and for which levels. */
struct pack_limit {
	uint32_t subjects;    /* 1u << index of pack.subjects */
	uint16_t levels;      /* 1u << level */
	bool none;            /* the law gives no figure: it is open until it is stopped */
	bool off;             /* the clock does not run for these */
	struct period period;
	bool capped;          /* no extension goes behind `most` */
	struct period most;
};

struct pack_clock {
	struct pack_term term;
	struct str who;       /* role that has to act */
	struct str source;    /* the clause */
	struct pack_event start, stop;
	struct pack_event when; /* the clock exists only if there is such a fact; no facts named: always */
	bool each;            /* every start is a clock of its own; else the first is the only one */
	unsigned how;         /* enum period_end */
	const struct pack_limit *limits; /* the first that fits counts; none fits: as `off` */
	size_t n_limits;
	bool stated;          /* it is due when the fact that starts it says (`until`), if that says so */
	struct pack_event extended_by; /* facts that move the due instant to their `until`; no facts named: none */
};

struct pack_role {
	struct pack_term term;
	uint32_t facts;       /* what it may state: 1u << enum fact_type */
};

#define PACK_FROM_MAX 4

/* A field of a form, and what fills it (pack_form.c). */
struct pack_field {
	struct pack_term term;
	struct pack_words hint;
	bool required;        /* it, or each of its parts that is required */
	struct str entry;     /* under which name people fill it in */
	struct str from[PACK_FROM_MAX]; /* else the first of these that has something */
	size_t n_from;
	const struct pack_field *parts;
	size_t n_parts;
};

struct pack_form {
	struct pack_term term;
	struct str source;    /* the clause, or "" */
	uint32_t facts;       /* that may be stated only when nothing is missing: 1u << enum fact_type */
	const struct pack_field *fields;
	size_t n_fields;
};

/* What a role sees of an incident; a role without one sees everything (pack_view.c). */
struct pack_view {
	struct str role;
	uint32_t facts;       /* 1u << enum fact_type */
	bool all_clocks;      /* else only those on which the role has to act */
	bool asked;           /* only incidents in which somebody dispatched it */
};

struct pack {
	struct str id, country, valid_from, valid_until; /* dates "2026-01-05"; until "" = in force */
	struct pack_words title;
	struct str zone_name;
	struct calendar calendar;
	bool roc_years;       /* people write years as since 1912 */
	uint8_t level_least, level_most, level_unknown, level_major; /* unknown: what counts until one is stated; major: from here on */
	struct pack_words level_titles[PACK_LEVELS_MAX + 1];
	const struct pack_term *dimensions;
	size_t n_dimensions;
	const struct pack_attribute *attributes;
	size_t n_attributes;
	const struct pack_cell *cells;
	size_t n_cells;
	const struct pack_clock *clocks;
	size_t n_clocks;
	const struct pack_term *subjects; /* classes of organisations; the first is the default */
	size_t n_subjects;
	const struct pack_role *roles;
	size_t n_roles;
	const struct pack_term *sectors;
	size_t n_sectors;
	const struct pack_form *forms;
	size_t n_forms;
	const struct pack_view *views;
	size_t n_views;
	const struct json *words;         /* as the file has them, or NULL */
	const struct json *source;        /* the whole file */
};

/* `name`: a pack of the program ("tw-2026"), a folder with a pack.json, or such a file. It lives in `a`.
 * RC_NOTFOUND; RC_BAD names the file and the member ("pack.json: /clocks/3/limit: ..."). */
enum rc pack_load(struct arena *a, const char *name, const struct pack **ret, struct err *err) MUSTUSE;
enum rc pack_parse(struct arena *a, const char *file, struct str text, const struct pack **ret, struct err *err) MUSTUSE;

/* The packs in the program, in order of their names; NULL behind the last. */
const char *pack_builtin(size_t index);

/* NULL: there is none. */
const struct pack_role *pack_role_find(const struct pack *p, struct str id);
const struct pack_view *pack_view_find(const struct pack *p, struct str role);
const struct pack_form *pack_form_find(const struct pack *p, struct str id);

/* Index of a term, or -1. */
int pack_find(const struct pack_term *terms, size_t n, struct str id);

#endif
