/* Parts of Office Open XML (and OpenDocument) that reach out of their document: relations to elsewhere, fields, links and macro sheets
 * (ECMA-376 parts 1 and 2). Each part is looked at by itself, for what it has in it and not for what it is called: only macro sheets
 * are known by their place. */
#include "lab/make.h"

#include <string.h>

#include "lab/dde.h"
#include "lab/tags.h"
#include "lab/words.h"
#include "lab/xlm.h"

#define PART_MAX ((size_t)64 << 20)
#define FIELDS_MAX ((size_t)64 << 10) /* instructions of one part, together */
#define SHOWN_MAX 64u
#define TAGS_EACH 4096u               /* between two looks at the clock */

struct part {
	struct lab_node *n;
	bool sheet;            /* of macros */
	bool instruction;      /* inside instrText */
	char *field;
	size_t n_field;
	unsigned shown, formulas;
	struct xlm_seen xlm;
};

/* What relations to elsewhere do when the document is opened. */
static const struct kind {
	const char *kind; /* last word of the relation's type */
	enum lab_weight weight;
	const char *feature, *why;
} KINDS[] = {
	{ "attachedTemplate", LAB_SUSPICIOUS, "ooxml.template-elsewhere", "opening the document fetches a template, and its macros, from another machine" },
	{ "oleObject", LAB_SUSPICIOUS, "ooxml.object-elsewhere", "an object of the document is fetched from another machine" },
	{ "frame", LAB_SUSPICIOUS, "ooxml.frame-elsewhere", "a frame of the document is fetched from another machine" },
	{ "subDocument", LAB_SUSPICIOUS, "ooxml.frame-elsewhere", "a part of the document is fetched from another machine" },
	{ "aFChunk", LAB_SUSPICIOUS, "ooxml.frame-elsewhere", "a part of the document is fetched from another machine" },
	{ "externalLinkPath", LAB_NOTE, "ooxml.workbook-elsewhere", "cells are linked to a workbook on another machine" },
	{ "image", LAB_NOTE, "ooxml.image-elsewhere", "a picture is fetched from another machine: whoever opens the document is seen" },
	{ "hyperlink", LAB_NOTE, NULL, NULL },
};

static struct str last_word(struct str s)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/')
			return str_slice(s, i, s.n);
	return s;
}

/* Targets that are handed to a handler which runs what they say. */
static bool runs(struct str target)
{
	static const struct str schemes[] = { S("mhtml:"), S("ms-msdt:"), S("search-ms:"), S("javascript:"), S("vbscript:"), S("script:"), S("ms-officecmd:"), S("x-usc:") };

	for (size_t i = 0; i < COUNTOF(schemes); i++)
		if (lab_word_in(target, schemes[i], 0) != SIZE_MAX)
			return true;
	return false;
}

static void relation(struct part *p, const struct tag *t)
{
	struct arena *a = p->n->a;
	struct str target, kind, line;

	if (!str_eq_nocase(tag_attr(t, "TargetMode", a), S("External")))
		return;
	target = tag_attr(t, "Target", a);
	kind = last_word(tag_attr(t, "Type", a));
	line = arena_fmt(a, "%.*s %.*s", STR(kind), STR(target));
	if (line.p != NULL && p->shown++ < SHOWN_MAX)
		lab_fact(p->n, "ooxml.external", line);
	if (runs(target)) {
		lab_feature(p->n, LAB_SUSPICIOUS, "ooxml.target-runs", t->at, t->length, "a relation of the document leads to a handler that runs what it is told");
		return;
	}
	for (size_t i = 0; i < COUNTOF(KINDS); i++)
		if (KINDS[i].feature != NULL && str_eq_nocase(kind, str_of(KINDS[i].kind)) && lab_elsewhere(target))
			lab_feature(p->n, KINDS[i].weight, KINDS[i].feature, t->at, t->length, KINDS[i].why);
}

static void add_field(struct part *p, struct str text)
{
	size_t n = FIELDS_MAX - p->n_field < text.n ? FIELDS_MAX - p->n_field : text.n;

	if (p->field == NULL)
		p->field = arena_alloc(p->n->a, FIELDS_MAX);
	if (p->field == NULL)
		return;
	memcpy(p->field + p->n_field, text.p, n);
	p->n_field += n;
}

/* An instruction is cut into runs at will ("DD", "EAUTO"): what stands between two borders of a field is one. */
static void field(struct part *p, const struct tag *t)
{
	if (p->instruction && t->before.n > 0)
		add_field(p, tag_text(t->before, p->n->a));
	if (str_eq(t->name, S("instrText")))
		p->instruction = !t->closing && !str_ends(t->inside, S("/"));
	else if (str_eq(t->name, S("fldChar")) && !t->closing)
		add_field(p, S(" "));
	else if (str_eq(t->name, S("fldSimple")) && !t->closing)
		lab_dde_field(p->n, tag_attr(t, "instr", p->n->a), t->at, t->length);
}

static void link_of(struct part *p, const struct tag *t)
{
	struct arena *a = p->n->a;

	if (t->closing)
		return;
	if (str_eq(t->name, S("ddeLink")))
		lab_dde_link(p->n, tag_attr(t, "ddeService", a), tag_attr(t, "ddeTopic", a), t->at, t->length);
	else if (str_eq(t->name, S("dde-source")) || str_eq(t->name, S("dde-connection-decl")))
		lab_dde_link(p->n, tag_attr(t, "dde-application", a), tag_attr(t, "dde-topic", a), t->at, t->length);
	else if (str_eq(t->name, S("definedName")) && xlm_by_itself(tag_attr(t, "name", a)))
		lab_feature(p->n, LAB_NOTE, "xlm.by-itself", t->at, t->length, "a name by which a macro sheet runs when the workbook is opened or closed");
	else if (str_eq(t->name, S("sheet")) && str_eq(tag_attr(t, "state", a), S("veryHidden")))
		lab_feature(p->n, LAB_NOTE, "xlm.hidden-sheet", t->at, t->length, "a sheet that no menu of the program shows");
}

static void one_tag(struct part *p, const struct tag *t)
{
	if (!t->closing && str_eq(t->name, S("Relationship")))
		relation(p, t);
	field(p, t);
	link_of(p, t);
	if (p->sheet && t->closing && str_eq(t->name, S("f"))) {
		struct str formula = tag_text(t->before, p->n->a);

		if (p->formulas++ < SHOWN_MAX)
			lab_fact(p->n, "xlm.formula", formula);
		xlm_see_text(&p->xlm, formula, t->at);
	}
}

static bool begins_like_xml(struct str s)
{
	s = str_trim(str_starts(s, S("\xef\xbb\xbf")) ? str_slice(s, 3, 67) : str_slice(s, 0, 64));
	return s.n > 0 && s.p[0] == '<';
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct part p = { .n = n };
	struct str s = tag_utf8(n->bytes, n->a);
	struct tag t;
	size_t at = 0;

	if (!begins_like_xml(s) || ((n->types & LAB_TYPE(LAB_XML)) == 0 && strcmp(n->from.how, "member") != 0))
		return RC_UNSUPPORTED;
	if (s.n > PART_MAX)
		return FAIL(err, RC_LIMIT, "a part of %zu bytes", s.n);
	p.sheet = str_find(n->from.name, S("macrosheets/"), 0) != SIZE_MAX;
	for (unsigned i = 1; tag_next(s, &at, &t); i++) {
		one_tag(&p, &t);
		if (i % TAGS_EACH == 0 && lab_over(n))
			break;
	}
	if (p.n_field > 0)
		lab_dde_field(n, str_make(p.field, p.n_field), 0, 0);
	if (p.sheet)
		lab_feature(n, LAB_NOTE, "xlm.sheet", 0, 0, "a sheet of macros of the older kind (Excel 4.0)");
	xlm_judge(n, &p.xlm);
	return RC_OK;
}

const struct lab_maker LAB_MAKE_OOXML = { "ooxml", LAB_ANY_TYPE, make, NULL };
