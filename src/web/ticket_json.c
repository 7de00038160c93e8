/* A ticket as JSON: the fields of the monitoring ticket, flat where there is one of them. */
#include "stix/marking.h"
#include "web/api_records.h"

static void put_name(struct jsonw *w, const char *name, struct str en, struct str zh)
{
	jsonw_name(w, name);
	jsonw_object(w);
	jsonw_m_str(w, "en", en);
	jsonw_m_str(w, "zh", zh);
	jsonw_object_end(w);
}

static void put_class(struct jsonw *w, const struct api_words *words, const struct ticket *t)
{
	const struct rsit_class *c = rsit_class_of(api_words_rsit(words), t->class);
	const struct rsit_type *k = rsit_type_of(api_words_rsit(words), t->class, t->type);

	jsonw_m_str(w, "class", t->class);
	jsonw_m_str(w, "type", t->type);
	if (c != NULL) {
		put_name(w, "class_name", c->en, c->zh);
		jsonw_m_str(w, "class_2018", c->older);
		put_name(w, "class_2018_name", c->older_en, c->older_zh);
	}
	if (k != NULL)
		put_name(w, "type_name", k->en, k->zh);
}

static void put_victim(struct jsonw *w, const struct ticket *t)
{
	jsonw_name(w, "victim");
	jsonw_object(w);
	jsonw_m_str(w, "id", t->victim);
	jsonw_m_str(w, "name", t->victim_name);
	jsonw_m_str(w, "sector", t->sector);
	jsonw_m_str(w, "region", t->region);
	jsonw_object_end(w);
}

static void put_protection(struct jsonw *w, const struct api_words *words, const struct ticket *t)
{
	const struct rsit_device *d = rsit_device_of(api_words_rsit(words), t->protection);

	jsonw_m_str(w, "protection", t->protection);
	if (d != NULL)
		put_name(w, "protection_name", d->en, d->zh);
}

/* `note`: name of the member that the item's note is told as, or NULL: the items are texts. */
static void put_list(struct jsonw *w, const struct ticket *t, const char *kind, const char *name, const char *id, const char *note)
{
	jsonw_name(w, name);
	jsonw_array(w);
	for (size_t i = 0; i < t->n_refs; i++) {
		const struct ticket_ref *r = &t->refs[i];

		if (!str_eq(r->kind, str_of(kind)))
			continue;
		if (note == NULL) {
			jsonw_str(w, r->value);
			continue;
		}
		jsonw_object(w);
		jsonw_m_str(w, id, r->value);
		jsonw_m_str(w, note, r->note);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* Of whom it is, where it is a member's: "PEER NUMBER". */
static void put_members(struct jsonw *w, const struct ticket *t)
{
	jsonw_name(w, "members");
	jsonw_array(w);
	for (size_t i = 0; i < t->n_refs; i++) {
		const struct ticket_ref *r = &t->refs[i];

		if (!str_eq(r->kind, S("member")) || r->value.n <= r->note.n)
			continue;
		jsonw_object(w);
		jsonw_m_str(w, "peer", r->note);
		jsonw_m_str(w, "number", str_slice(r->value, r->note.n + 1, r->value.n));
		jsonw_m_int(w, "hits", r->hits);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_connections(struct jsonw *w, const struct ticket *t)
{
	jsonw_name(w, "connections");
	jsonw_array(w);
	for (size_t i = 0; i < t->n_refs; i++)
		if (str_eq(t->refs[i].kind, S("connection"))) {
			jsonw_object(w);
			jsonw_name(w, "between");
			jsonw_raw(w, t->refs[i].value);
			jsonw_m_int(w, "hits", t->refs[i].hits);
			jsonw_object_end(w);
		}
	jsonw_array_end(w);
}

static void put_lists(struct jsonw *w, const struct ticket *t)
{
	put_list(w, t, "rule", "rules", "id", "title");
	put_list(w, t, "technique", "techniques", NULL, NULL);
	put_list(w, t, "tactic", "tactics", NULL, NULL);
	put_list(w, t, "indicator", "indicators", "id", "name");
	put_list(w, t, "sighting", "sightings", NULL, NULL);
	put_connections(w, t);
	put_list(w, t, "related", "related", "number", "why");
	put_list(w, t, "incident", "incidents", "number", "id");
	put_list(w, t, "device", "devices", "code", "vendor");
	put_members(w, t);
	put_list(w, t, "feedback", "feedback", "id", "text");
	jsonw_m_int(w, "left_out", t->cut);
}

void api_put_ticket(struct jsonw *w, const struct api_words *words, const struct ticket *t, bool lists)
{
	jsonw_object(w);
	jsonw_m_str(w, "number", t->number);
	jsonw_m_int(w, "row", t->row);
	jsonw_m_str(w, "state", t->state);
	jsonw_m_str(w, "title", t->title);
	jsonw_m_str(w, "description", t->description);
	put_class(w, words, t);
	jsonw_m_int(w, "impact", t->impact);
	jsonw_m_str(w, "level", t->level);
	jsonw_m_str(w, "reporter", t->reporter);
	put_victim(w, t);
	put_protection(w, words, t);
	jsonw_m_str(w, "input", t->input);
	jsonw_m_str(w, "host", t->where);
	jsonw_m_int(w, "hits", t->hits);
	jsonw_m_time(w, "start", t->first);
	jsonw_m_time(w, "end", t->last);
	jsonw_m_time(w, "opened", t->opened);
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)t->tlp));
	jsonw_m_str(w, "assignee", t->assignee);
	jsonw_m_str(w, "disposition", t->disposition);
	if (t->closed != 0) {
		jsonw_m_time(w, "closed", t->closed);
		jsonw_m_str(w, "closed_by", t->closed_by);
	}
	if (t->merged_into.n > 0)
		jsonw_m_str(w, "merged_into", t->merged_into);
	if (lists)
		put_lists(w, t);
	jsonw_object_end(w);
}
