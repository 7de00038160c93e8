/* Elements and attributes in the order of RFC 7970 §3.2 (Incident). A level is the pack's own and has no counterpart: it stands in
 * AdditionalData; what the pack calls major is of high severity. */
#include "desk/iodef.h"

#include <stdio.h>

#include "stix/marking.h"
#include "wire/xml.h"

#define NS "urn:ietf:params:xml:ns:iodef-2.0"

static void put_time(struct xmlw *w, const char *name, usec at)
{
	char text[TIME_TEXT_MAX];

	if (at != NO_TIME && at != 0)
		xmlw_element(w, name, time_format(at, text));
}

/* RFC 7970 §3.3.1. Nothing there is stricter than amber and milder than red. */
static const char *restriction(uint8_t tlp)
{
	switch ((enum tlp)tlp) {
	case TLP_CLEAR: return "white";
	case TLP_GREEN: return "green";
	case TLP_AMBER: return "amber";
	case TLP_AMBER_STRICT:
	case TLP_RED: break;
	}
	return "red";
}

/* When a fact of this type first happened. */
static usec first_of(const struct desk_view *v, enum fact_type type)
{
	usec at = NO_TIME;

	for (size_t i = 0; i < v->facts.n; i++)
		if (v->facts.f[i].type == type && (at == NO_TIME || v->facts.f[i].claimed < at))
			at = v->facts.f[i].claimed;
	return at;
}

static void put_ids(struct xmlw *w, const struct iodef_incident *i)
{
	xmlw_start(w, "IncidentID");
	xmlw_attr(w, "name", i->node);
	xmlw_text(w, i->number);
	xmlw_end(w);
	xmlw_start(w, "AlternativeID");
	xmlw_start(w, "IncidentID");
	xmlw_attr(w, "name", S("STIX"));
	xmlw_text(w, i->id);
	xmlw_end(w);
	xmlw_end(w);
}

static void put_description(struct xmlw *w, const struct iodef_incident *i)
{
	xmlw_start(w, "Description");
	if (i->exercise)
		xmlw_text(w, S("【演練 EXERCISE】"));
	xmlw_text(w, i->title);
	xmlw_end(w);
}

static const char *severity(const struct pack *p, int level)
{
	return level >= p->level_major ? "high" : level > p->level_least ? "medium" : "low";
}

static void put_assessment(struct xmlw *w, const struct desk_view *v)
{
	if (v->n == 0 || v->views[0]->overall == 0)
		return;
	xmlw_start(w, "Assessment");
	xmlw_start(w, "BusinessImpact");
	xmlw_attr(w, "severity", str_of(severity(v->packs[0], v->views[0]->overall)));
	xmlw_attr(w, "type", S("unknown"));
	xmlw_end(w);
	xmlw_end(w);
}

static void put_contact(struct xmlw *w, const struct iodef_incident *i)
{
	xmlw_start(w, "Contact");
	xmlw_attr(w, "role", S("creator"));
	xmlw_attr(w, "type", S("organization"));
	xmlw_element(w, "ContactName", i->node);
	xmlw_end(w);
}

static const char *action_of(enum fact_type type)
{
	if (type == FACT_LEVEL || type == FACT_REVIEWED || type == FACT_REREVIEWED)
		return "status-triage";
	return type == FACT_CONTAINED || type == FACT_RECOVERED ? "remediate-other" : "status-new-info";
}

static void put_fact(struct xmlw *w, const struct desk_fact *f)
{
	const struct { const char *before; struct str text; } parts[] = {
		{ ", ", f->by }, { ": ", f->grounds }, { ": ", f->reason }, { ": ", json_get_str(f->source, S("note")) },
	};

	xmlw_start(w, "HistoryItem");
	xmlw_attr(w, "action", str_of(action_of(f->type)));
	put_time(w, "DateTime", f->claimed);
	xmlw_start(w, "Description");
	xmlw_text(w, str_of(desk_fact_name(f->type)));
	for (size_t i = 0; i < COUNTOF(parts); i++)
		if (parts[i].text.n > 0) {
			xmlw_text(w, str_of(parts[i].before));
			xmlw_text(w, parts[i].text);
		}
	xmlw_end(w);
	xmlw_end(w);
}

/* The file is marked as a whole: what is marked more strictly stays out. */
static void put_history(struct xmlw *w, const struct desk_view *v, uint8_t tlp)
{
	bool open = false;

	for (size_t i = 0; i < v->facts.n; i++) {
		if (desk_marking(v->facts.f[i].source, TLP_CLEAR) > tlp)
			continue;
		if (!open)
			xmlw_start(w, "History");
		open = true;
		put_fact(w, &v->facts.f[i]);
	}
	if (open)
		xmlw_end(w);
}

static void put_more(struct xmlw *w, const char *name, const char *type, struct str value)
{
	xmlw_start(w, "AdditionalData");
	xmlw_attr(w, "name", str_of(name));
	xmlw_attr(w, "dtype", str_of(type));
	xmlw_text(w, value);
	xmlw_end(w);
}

static void put_views(struct xmlw *w, const struct iodef_incident *i)
{
	const struct desk_view *v = i->view;

	put_more(w, "exercise", "boolean", i->exercise ? S("true") : S("false"));
	for (size_t k = 0; k < v->n; k++) {
		char level[16];
		int n = snprintf(level, sizeof level, "%d", v->views[k]->overall);

		put_more(w, "pack", "string", v->packs[k]->id);
		put_more(w, "state", "string", str_of(v->views[k]->state));
		if (v->views[k]->overall > 0)
			put_more(w, "level", "integer", str_make(level, (size_t)n));
	}
}

void iodef_write(const struct iodef_incident *i, struct buf *out)
{
	const struct desk_view *v = i->view;
	struct xmlw w;

	xmlw_init(&w, out);
	xmlw_start(&w, "IODEF-Document");
	xmlw_attr(&w, "version", S("2.00"));
	xmlw_attr(&w, "xml:lang", S("en"));
	xmlw_attr(&w, "xmlns", S(NS));
	xmlw_start(&w, "Incident");
	xmlw_attr(&w, "purpose", S("reporting"));
	xmlw_attr(&w, "status", v->open ? S("in-progress") : S("resolved"));
	xmlw_attr(&w, "restriction", str_of(restriction(i->tlp)));
	put_ids(&w, i);
	put_time(&w, "DetectTime", v->n > 0 ? v->views[0]->aware : NO_TIME);
	put_time(&w, "EndTime", first_of(v, FACT_CONTAINED));
	put_time(&w, "RecoveryTime", first_of(v, FACT_RECOVERED));
	put_time(&w, "ReportTime", first_of(v, FACT_REPORTED));
	put_time(&w, "GenerationTime", i->now);
	put_description(&w, i);
	put_assessment(&w, v);
	put_contact(&w, i);
	put_history(&w, v, i->tlp);
	put_views(&w, i);
	xmlw_end(&w);
	xmlw_end(&w);
	buf_char(out, '\n');
}
