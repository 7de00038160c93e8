/* XML 1.0 with namespaces, as far as records of other systems need it: a document
 * read whole into a tree in an arena, and one written piece by piece. Reading is by
 * libxml2's parser (SAX2), which here gets UTF-8 alone, no document type, no
 * entity but the five of XML itself, no file and no network. */
#ifndef WIRE_XML_H
#define WIRE_XML_H

#include "base/arena.h"
#include "base/buf.h"

struct xml_attr {
	struct str ns, name, value;
};

struct xml_node {
	struct str ns, name;  /* ns "": none */
	struct str text;      /* of its own, without that of its children; white space between children is left out */
	const struct xml_attr *attrs;
	size_t n_attrs;
	struct xml_node *first, *last, *next;
};

struct xml_limits {
	size_t bytes;
	uint32_t depth, nodes, attrs; /* attrs: of one element */
};
/* 8 MiB, 64 deep, 100,000 elements, 64 attributes. */
extern const struct xml_limits XML_LIMITS;

/* RC_BAD: not well formed, not UTF-8, or with a document type; names the line. RC_LIMIT. The tree lies in `a` and borrows nothing. */
enum rc xml_parse(struct arena *a, struct str text, const struct xml_limits *limits, const struct xml_node **ret, struct err *err) MUSTUSE;

/* By local names, whatever their prefix: "STIX_Header/Handling". The first of each; NULL: there is none. Accepts NULL. */
const struct xml_node *xml_path(const struct xml_node *n, const char *path);
/* The next sibling of the same name, or NULL. */
const struct xml_node *xml_again(const struct xml_node *n);
/* Text at that path without white space at its ends; "" when there is none. */
struct str xml_text(const struct xml_node *n, const char *path);
/* Value of an attribute by its local name, or "". Accepts NULL. */
struct str xml_attr(const struct xml_node *n, const char *name);

#define XMLW_DEPTH_MAX 32

struct xmlw {
	struct buf *out;
	const char *open[XMLW_DEPTH_MAX];
	uint32_t depth;
	bool in_tag, plain; /* a start tag is not closed yet; the element holds text */
};

/* Writes the declaration. Names are the caller's constants, with their prefix. Failures stick in the buffer. */
void xmlw_init(struct xmlw *w, struct buf *out);
void xmlw_start(struct xmlw *w, const char *name);
/* Behind xmlw_start, before anything else of the element. */
void xmlw_attr(struct xmlw *w, const char *name, struct str value);
/* Characters that XML has no place for become U+FFFD. */
void xmlw_text(struct xmlw *w, struct str text);
void xmlw_end(struct xmlw *w);
/* <name>text</name>. */
void xmlw_element(struct xmlw *w, const char *name, struct str text);

#endif
