/* A form of a pack, filled in from the facts of an incident: many forms, one base of facts. What people type is a fact too, of the
 * type "entry": {"entries": {"scope": "..."}}; the latest holds. Texts on their way to a printer lose what could
 * turn or hide other text. */
#ifndef DESK_FORM_H
#define DESK_FORM_H

#include "base/jsonw.h"
#include "desk/derive.h"

#define FORM_TEXT_MAX ((size_t)64 << 10) /* of one field; more is cut */

struct form_about {
	const struct pack *pack;
	const struct desk_facts *facts;
	const struct incident_view *view;
	struct str number, title;
	bool exercise;
	const struct json *organisation; /* its entry in the register, or NULL */
	struct str organisation_name;    /* when the register has none */
	usec at;
	uint8_t tlp;               /* what is marked more strictly stays out */
};

struct form_value {
	const struct pack_field *field;
	struct str text;           /* "": nothing */
	bool missing;              /* it, or a part of it, is required and empty */
	const struct form_value *parts; /* of field->n_parts */
};

struct form {
	const struct form_about *about;
	const struct pack_form *form;
	const struct form_value *values; /* of form->n_fields */
	size_t missing;            /* how many fields */
};

enum rc form_fill(struct arena *a, const struct form_about *about, const struct pack_form *which, struct form *ret, struct err *err) MUSTUSE;
/* "scope, root cause": what is missing, for people; `zh`: in Chinese. */
void form_missing(const struct form *f, bool zh, struct buf *out);

/* Member "facts": what may be stated only when nothing of the form is missing. */
void form_put_facts(const struct pack_form *f, struct jsonw *w);
/* Members of an open object: form, pack, title, incident, facts, fields, missing, complete. */
void form_json(const struct form *f, struct jsonw *w);
/* One page that can be printed, in both languages; no script, nothing from elsewhere. */
void form_html(const struct form *f, struct buf *out);
void form_text(const struct form *f, bool zh, struct buf *out);

#endif
