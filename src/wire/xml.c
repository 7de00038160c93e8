/* The parser builds no tree of its own: its callbacks fill ours, which counts what it takes. A document type ends the reading the
 * moment it begins, before anything in it is looked at, so that there is no entity to expand and nothing outside to fetch. */
#include "wire/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/text.h"

const struct xml_limits XML_LIMITS = { (size_t)8 << 20, 64, 100000, 64 };

struct reading {
	xmlParserCtxtPtr parser;
	struct arena *a;
	const struct xml_limits *limits;
	struct xml_node *root, *path[256]; /* path: what is open */
	uint32_t depth, nodes;
	enum rc rc;
	const char *why;
	int line;
};

static void stop(struct reading *r, enum rc rc, const char *why)
{
	if (r->rc != RC_OK)
		return;
	r->rc = rc;
	r->why = why;
	r->line = r->parser->input == NULL ? 0 : r->parser->input->line;
	xmlStopParser(r->parser);
}

static struct str bytes_of(const xmlChar *from, const xmlChar *to)
{
	return from == NULL ? S("") : str_make((const char *)from, to == NULL ? strlen((const char *)from) : (size_t)(to - from));
}

static bool copy(struct reading *r, struct str s, struct str *ret)
{
	*ret = arena_dup(r->a, s);
	if (ret->p == NULL)
		stop(r, RC_LIMIT, "takes too much memory");
	return ret->p != NULL;
}

static bool copy_attrs(struct reading *r, struct xml_node *n, int count, const xmlChar **list)
{
	struct xml_attr *attrs;

	if (count < 0 || (uint32_t)count > r->limits->attrs) {
		stop(r, RC_LIMIT, "an element has too many attributes");
		return false;
	}
	attrs = arena_array(r->a, (size_t)count + 1, sizeof *attrs);
	if (attrs == NULL) {
		stop(r, RC_LIMIT, "takes too much memory");
		return false;
	}
	/* Five pointers each: local name, prefix, namespace, value, end of the value. */
	for (int i = 0; i < count; i++)
		if (!copy(r, bytes_of(list[5 * i], NULL), &attrs[i].name) || !copy(r, bytes_of(list[5 * i + 2], NULL), &attrs[i].ns) ||
		    !copy(r, bytes_of(list[5 * i + 3], list[5 * i + 4]), &attrs[i].value))
			return false;
	n->attrs = attrs;
	n->n_attrs = (size_t)count;
	return true;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *ns, int n_ns, const xmlChar **namespaces, int n_attrs,
		     int n_defaulted, const xmlChar **attrs)
{
	struct reading *r = ctx;
	struct xml_node *n, *up = r->depth > 0 ? r->path[r->depth - 1] : NULL;

	(void)prefix;
	(void)n_ns;
	(void)namespaces;
	(void)n_defaulted;
	if (r->rc != RC_OK)
		return;
	if (r->depth >= r->limits->depth || r->depth >= COUNTOF(r->path) || r->nodes >= r->limits->nodes) {
		stop(r, RC_LIMIT, r->nodes >= r->limits->nodes ? "has too many elements" : "is nested too deeply");
		return;
	}
	n = arena_alloc(r->a, sizeof *n);
	if (n == NULL) {
		stop(r, RC_LIMIT, "takes too much memory");
		return;
	}
	n->text = S("");
	if (!copy(r, bytes_of(name, NULL), &n->name) || !copy(r, bytes_of(ns, NULL), &n->ns) || !copy_attrs(r, n, n_attrs, attrs))
		return;
	if (up == NULL)
		r->root = n;
	else if (up->last == NULL)
		up->first = up->last = n;
	else
		up->last = up->last->next = n;
	r->nodes++;
	r->path[r->depth++] = n;
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *ns)
{
	struct reading *r = ctx;

	(void)name;
	(void)prefix;
	(void)ns;
	if (r->rc == RC_OK && r->depth > 0)
		r->depth--;
}

/* A text may come in pieces. */
static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct reading *r = ctx;
	struct xml_node *n = r->depth > 0 ? r->path[r->depth - 1] : NULL;
	struct str piece = str_make((const char *)text, len < 0 ? 0 : (size_t)len);
	char *p;

	if (r->rc != RC_OK || n == NULL || piece.n == 0 || (n->first != NULL && str_trim(piece).n == 0))
		return;
	p = arena_resize(r->a, n->text.n == 0 ? NULL : (void *)(uintptr_t)n->text.p, n->text.n, n->text.n + piece.n);
	if (p == NULL) {
		stop(r, RC_LIMIT, "takes too much memory");
		return;
	}
	memcpy(p + n->text.n, piece.p, piece.n);
	n->text = str_make(p, n->text.n + piece.n);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id, const xmlChar *where)
{
	(void)name;
	(void)public_id;
	(void)where;
	stop(ctx, RC_BAD, "has a document type, which is never read");
}

/* No entity is known but those of XML itself, which the parser does not ask for. */
static xmlEntityPtr no_entity(void *ctx, const xmlChar *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

static void on_error(void *ctx, xmlErrorPtr e)
{
	(void)ctx;
	(void)e; /* parser->lastError keeps it */
}

static const char *first_line(const char *message, char out[static 120])
{
	size_t n = message == NULL ? 0 : strcspn(message, "\n");

	snprintf(out, 120, "%.*s", (int)(n > 100 ? 100 : n), message == NULL ? "" : message);
	return out;
}

static enum rc judge(struct reading *r, int parsed, struct err *err)
{
	const xmlError *e = &r->parser->lastError;
	char text[120];

	if (r->rc != RC_OK)
		return FAIL(err, r->rc, "XML: line %d: %s", r->line, r->why);
	if (parsed == 0 && r->parser->wellFormed && r->parser->nsWellFormed && r->root != NULL && r->depth == 0)
		return RC_OK;
	return FAIL(err, e->code == XML_ERR_NO_MEMORY ? RC_NOMEM : RC_BAD, "XML: line %d: %s", e->line, e->message == NULL ? "is no document" : first_line(e->message, text));
}

enum rc xml_parse(struct arena *a, struct str text, const struct xml_limits *limits, const struct xml_node **ret, struct err *err)
{
	const xmlSAXHandler calls = { .initialized = XML_SAX2_MAGIC, .startElementNs = on_start, .endElementNs = on_end, .characters = on_text,
				      .ignorableWhitespace = on_text, .cdataBlock = on_text, .internalSubset = on_doctype, .externalSubset = on_doctype,
				      .getEntity = no_entity, .serror = on_error };
	struct reading r = { .a = a, .limits = limits };
	enum rc rc;

	if (text.n > limits->bytes || text.n > INT32_MAX)
		return FAIL(err, RC_LIMIT, "XML: more than %zu bytes", limits->bytes);
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	if (text.n == 0 || memchr(text.p, 0, text.n) != NULL || !utf8_valid(text, NULL))
		return FAIL(err, RC_BAD, "XML: %s", text.n == 0 ? "is empty" : "is not UTF-8");
	r.parser = xmlCreateMemoryParserCtxt(text.p, (int)text.n);
	if (r.parser == NULL)
		return FAIL(err, RC_NOMEM, "XML: out of memory");
	*r.parser->sax = calls;
	r.parser->userData = &r;
	/* NOENT: attributes come with &amp; read; there is no other entity to put in. IGNORE_ENC: it is UTF-8, whatever it says. */
	xmlCtxtUseOptions(r.parser, XML_PARSE_NOENT | XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	rc = judge(&r, xmlParseDocument(r.parser), err);
	if (r.parser->myDoc != NULL)
		xmlFreeDoc(r.parser->myDoc);
	xmlFreeParserCtxt(r.parser);
	if (rc == RC_OK)
		*ret = r.root;
	return rc;
}

const struct xml_node *xml_path(const struct xml_node *n, const char *path)
{
	struct str rest = str_of(path), name;

	while (n != NULL && str_next(&rest, '/', &name)) {
		n = n->first;
		while (n != NULL && !str_eq(n->name, name))
			n = n->next;
	}
	return n;
}

const struct xml_node *xml_again(const struct xml_node *n)
{
	const struct xml_node *next = n->next;

	while (next != NULL && !str_eq(next->name, n->name))
		next = next->next;
	return next;
}

struct str xml_text(const struct xml_node *n, const char *path)
{
	const struct xml_node *at = xml_path(n, path);

	return at == NULL ? S("") : str_trim(at->text);
}

struct str xml_attr(const struct xml_node *n, const char *name)
{
	for (size_t i = 0; n != NULL && i < n->n_attrs; i++)
		if (str_eq(n->attrs[i].name, str_of(name)))
			return n->attrs[i].value;
	return S("");
}
