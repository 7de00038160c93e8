/* The forms of a pack:
 *
 *	{"id": "final-report", "title": {...}, "for": "final_report", "source": "...", "fields": [
 *	   {"id": "scope", "title": {...}, "required": true, "entry": "scope"},
 *	   {"id": "times", "title": {...}, "required": true, "parts": [
 *	      {"id": "aware", "title": {...}, "required": true, "from": ["aware.time"]}, ...]}]}
 *
 * What people typed under the name `entry` (default: the field's id) fills a field of any form, of any pack; else the first of
 * `from` that has something. */
#include "desk/pack_read.h"

#define FORMS_MAX 16
#define FIELDS_MAX 64
#define PARTS_MAX 16

/* "incident.number", "organisation.name", "level", "items", "timeline", "observables", or a fact's "TYPE.MEMBER". */
static bool is_source(struct str name)
{
	static const char *const plain[] = { "level", "items", "timeline", "observables", "incident.number", "incident.title" };
	struct str rest = name, root;

	for (size_t i = 0; i < COUNTOF(plain); i++)
		if (str_eq(name, str_of(plain[i])))
			return true;
	return str_find(name, S("."), 0) != SIZE_MAX && str_next(&rest, '.', &root) && rest.n > 0 &&
	       (str_eq(root, S("organisation")) || desk_fact_find(root) != FACT_TYPES);
}

static enum rc read_from(const struct pack_reader *r, const struct json *v, struct pack_field *ret)
{
	const struct json *list = json_get(v, S("from"));

	if (list == NULL)
		return RC_OK;
	if (list->type != JSON_ARRAY || list->n == 0 || list->n > PACK_FROM_MAX)
		return pack_bad(r, list, "expected 1 to %d sources", PACK_FROM_MAX);
	JSON_EACH(one, list) {
		if (!is_source(json_str(one)))
			return pack_bad(r, one, "expected incident.number, incident.title, organisation.MEMBER, level, items, timeline, observables or TYPE.MEMBER");
		ret->from[ret->n_from++] = json_str(one);
	}
	return RC_OK;
}

static enum rc read_fields(const struct pack_reader *r, const struct json *object, const char *name, size_t most, bool nested, const struct pack_field **ret,
			   size_t *ret_n)
{
	static const char *const more[] = { "required", "entry", "from", "parts", "hint", NULL };
	const struct json *list;
	struct pack_field *out;
	void *items;
	size_t n = 0;

	TRY(pack_array(r, object, name, most, sizeof *out, &list, &items));
	out = items;
	JSON_EACH(v, list) {
		struct pack_field *f = &out[n];

		TRY(pack_term(r, v, more, &f->term));
		for (size_t i = 0; i < n; i++)
			if (str_eq(out[i].term.id, f->term.id))
				return pack_bad(r, v, "a second field \"%.*s\"", STR(f->term.id));
		TRY(pack_flag(r, v, "required", &f->required));
		TRY(pack_text(r, v, "entry", true, &f->entry));
		TRY(pack_words(r, v, "hint", true, &f->hint));
		if (f->entry.n == 0)
			f->entry = f->term.id;
		TRY(read_from(r, v, f));
		if (json_get(v, S("parts")) != NULL) {
			if (nested)
				return pack_bad(r, v, "a part has no parts");
			TRY(read_fields(r, v, "parts", PARTS_MAX, true, &f->parts, &f->n_parts));
		}
		n++;
	}
	*ret = out;
	*ret_n = n;
	return RC_OK;
}

enum rc pack_forms_read(const struct pack_reader *r, struct pack *p)
{
	static const char *const more[] = { "for", "source", "fields", "note", NULL };
	const struct json *list, *stated;
	struct pack_form *out;
	void *items;

	if (json_get(r->root, S("forms")) == NULL)
		return RC_OK;
	TRY(pack_array(r, r->root, "forms", FORMS_MAX, sizeof *out, &list, &items));
	out = items;
	p->forms = out;
	JSON_EACH(v, list) {
		struct pack_form *f = &out[p->n_forms];

		TRY(pack_term(r, v, more, &f->term));
		if (pack_form_find(p, f->term.id) != NULL)
			return pack_bad(r, v, "a second form \"%.*s\"", STR(f->term.id));
		TRY(pack_text(r, v, "source", true, &f->source));
		stated = json_get(v, S("for"));
		if (stated != NULL)
			TRY(pack_facts_read(r, stated, &f->facts));
		TRY(read_fields(r, v, "fields", FIELDS_MAX, false, &f->fields, &f->n_fields));
		p->n_forms++;
	}
	return RC_OK;
}

const struct pack_form *pack_form_find(const struct pack *p, struct str id)
{
	for (size_t i = 0; i < p->n_forms; i++)
		if (str_eq(p->forms[i].term.id, id))
			return &p->forms[i];
	return NULL;
}
