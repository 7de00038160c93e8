/* JSON (RFC 8259) read strictly as I-JSON (RFC 7493) into a tree in an arena:
 * well-formed UTF-8, no duplicate names, no unpaired surrogates, bounded depth,
 * size and node count. Numbers keep their text, so nothing is lost in passing on.
 *
 * A tree is an array of 24-byte nodes in document order: children follow their
 * parent, `next` jumps over a subtree. Strings without escapes point into the
 * input, which must outlive the tree. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	const char *p;   /* string: decoded bytes; number: its text; array, object: behind its last byte in the input */
	uint32_t n;      /* string, number: bytes of p; array: items; object: members */
	uint32_t skip;   /* nodes in this subtree with itself: the next sibling is this + skip */
	uint32_t at;     /* byte offset in the input */
	uint8_t type;    /* enum json_type */
	uint8_t escaped; /* string: the input held escapes, so p is a decoded copy in the arena */
	uint16_t pad_;
};

#define JSON_DEPTH_MAX 512   /* whatever the limits say: printing recurses */
#define JSON_NUMBER_MAX 1024 /* bytes of one number's text */

struct json_limits {
	size_t bytes;   /* longest input, <= 4 GiB - 1 */
	uint32_t depth; /* nested arrays and objects, <= JSON_DEPTH_MAX */
	uint32_t nodes;
};

/* 16 MiB, depth 64, 4 Mi nodes: for one message or one object. */
extern const struct json_limits JSON_LIMITS;

/* Reads exactly one value with only white space around it. RC_BAD or RC_LIMIT
 * names line, column and byte. The tree lives in `a` and borrows from `text`. */
enum rc json_parse(struct arena *a, struct str text, const struct json_limits *limits,
		   const struct json **ret, struct err *err) MUSTUSE;

/* First child of an array or object, or NULL. Members come as name, value, name, value. */
const struct json *json_first(const struct json *v);
/* What follows `v` at the same level, where `end` = json_end(parent); NULL behind the last. */
static inline const struct json *json_end(const struct json *parent) { return parent + parent->skip; }
static inline const struct json *json_after(const struct json *v) { return v + v->skip; }

/* JSON_EACH(item, array) { ... }: nothing for an empty one or a scalar. */
#define JSON_EACH(item, array) \
	for (const struct json *item = (array) + 1, *item##_end = json_end(item - 1); item < item##_end; \
	     item = json_after(item))
/* JSON_MEMBERS(name, value, object) { ... } */
#define JSON_MEMBERS(name, value, object) \
	for (const struct json *name = (object) + 1, *value = name + 1, *name##_end = json_end(name - 1); \
	     name < name##_end; name = json_after(value), value = name + 1)

/* Member by name, or NULL (also when `v` is NULL or no object). */
const struct json *json_get(const struct json *v, struct str name);
/* "a.b.c" through objects. */
const struct json *json_path(const struct json *v, const char *dotted);
/* Array item, or NULL. */
const struct json *json_item(const struct json *v, uint32_t index);

static inline bool json_is(const struct json *v, enum json_type t) { return v != NULL && v->type == t; }
static inline struct str json_str(const struct json *v)
{
	return json_is(v, JSON_STRING) ? str_make(v->p, v->n) : (struct str){ NULL, 0 };
}
/* Text of a string member, or an empty string with .p NULL. */
struct str json_get_str(const struct json *v, struct str name);
/* Integer value: true only for a number without loss within +-(2^53-1) ("1e2" and "1.0" count). */
bool json_int(const struct json *v, int64_t *ret);
bool json_double(const struct json *v, double *ret);
bool json_bool(const struct json *v, bool *ret);

/* The value's own bytes in the input, from its first to its last. */
struct str json_raw(const struct json *v, struct str text);

/* RFC 6901 pointer of `v` inside `root`, e.g. "/objects/3/name". */
void json_pointer(const struct json *root, const struct json *v, struct buf *out);

/* Same JSON value: order of members ignored, numbers by value. */
bool json_same(const struct json *a, const struct json *b);

/* Compact text of the tree, member order kept, numbers by their text. */
void json_print(const struct json *v, struct buf *out);
/* RFC 8785 canonical form: members by UTF-16 units, ECMAScript numbers. RC_BAD for a number beyond a double. */
enum rc json_canonical(const struct json *v, struct buf *out, struct err *err) MUSTUSE;
/* ECMAScript Number::toString of a finite double (RFC 8785 §3.2.2.3). */
void json_put_double(struct buf *out, double d);

/* Quoted string with the fewest escapes (RFC 8785 §3.2.2.2); bytes that are not UTF-8 become U+FFFD. */
void json_quote(struct buf *out, struct str s);

#endif
