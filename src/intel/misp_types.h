/* What each MISP attribute type means in STIX: one row a type. */
#ifndef INTEL_MISP_TYPES_H
#define INTEL_MISP_TYPES_H

#include "base/buf.h"
#include "event/hit.h"

/* How one part of an attribute's value ("a" or "a|b") is written and compared. */
enum misp_term {
	TERM_NONE,
	TERM_TEXT,   /* a string as it is */
	TERM_NUMBER, /* an unsigned number */
	TERM_HEX,    /* a hash of any length, lower case */
	TERM_IP,     /* IPv4 or IPv6 in normal form, CIDR too */
	TERM_REGKEY, /* a registry key, its hive written in full (STIX 2.1 §6.17) */
	TERM_VALUE,  /* an observable of the row's kind, in normal form */
};

struct misp_part {
	enum misp_term term;
	const char *path;        /* of the pattern: "file:name"; for TERM_IP without object type when `path` begins with ':' */
	const char *sco, *member;/* the cyber-observable and its member, "hashes.X" too; NULL: it has none that stands alone */
	enum observable_kind kind; /* TERM_VALUE */
};

struct misp_type {
	const char *name;
	struct misp_part a, b;
};

/* NULL: a type without a STIX form; it is kept as a note. */
const struct misp_type *misp_type_find(struct str name);
/* The MISP type and category for a value of ours; for export. */
const char *misp_type_of(enum observable_kind kind);

/* The pattern for a value; RC_BAD when the value does not fit its type, RC_UNSUPPORTED without a form. */
enum rc misp_pattern(const struct misp_type *t, struct str value, struct buf *out, struct err *err) MUSTUSE;
/* Writes part `b` or `a` of the value in its normal form. */
enum rc misp_part_put(const struct misp_part *p, struct str text, struct buf *out, bool *ret_v6, struct err *err) MUSTUSE;
/* Splits at the row's '|' (the last one: paths may contain others). */
void misp_split(const struct misp_type *t, struct str value, struct str *ret_a, struct str *ret_b);

#endif
