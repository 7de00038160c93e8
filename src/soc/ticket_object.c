#include "soc/ticket_object.h"

#include <stdio.h>

#include "base/jsonw.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/write.h"

#define EXTENSION "extension-definition--7c1d52a0-3b9e-4d6a-9f52-6f3c0a8e41bd"
#define FEEDBACK_MAX (TICKET_NOTE_MAX + 8192)

/* Lists of a ticket that travel: kind of the item, member of the object, whether notes go with them. */
static const struct { const char *kind, *member; } lists[] = {
	{ "rule", "rules" }, { "technique", "techniques" }, { "tactic", "tactics" }, { "indicator", "indicators" }, { "connection", "connections" },
	{ "device", "devices" },
};

static void put_head(struct jsonw *w, const char *type, struct str id, struct str identity, usec at, uint8_t tlp)
{
	stix_write_head(w, type, id, identity, at, at);
	stix_write_tlp(w, (enum tlp)tlp);
	stix_write_new_sdo(w, EXTENSION);
}

static void put_text(struct jsonw *w, const char *name, struct str text)
{
	if (text.n > 0)
		jsonw_m_str(w, name, text);
}

/* An empty list is no list (STIX 2.1 §3.7.3). */
static void put_list(struct jsonw *w, const struct ticket *t, const char *kind, const char *member)
{
	bool any = false;

	for (size_t i = 0; i < t->n_refs; i++) {
		const struct ticket_ref *r = &t->refs[i];

		if (!str_eq(r->kind, str_of(kind)) || r->value.n == 0)
			continue;
		if (!any) {
			jsonw_name(w, member);
			jsonw_array(w);
			any = true;
		}
		jsonw_object(w);
		jsonw_m_str(w, "value", r->value);
		put_text(w, "note", r->note);
		jsonw_m_int(w, "hits", r->hits);
		jsonw_object_end(w);
	}
	if (any)
		jsonw_array_end(w);
}

static void put_ticket(struct jsonw *w, const struct ticket *t)
{
	jsonw_name(w, "ticket");
	jsonw_object(w);
	jsonw_m_str(w, "number", t->number);
	jsonw_m_str(w, "state", t->state);
	jsonw_m_str(w, "title", t->title);
	put_text(w, "description", t->description);
	jsonw_m_str(w, "class", t->class);
	put_text(w, "event_type", t->type);
	put_text(w, "level", t->level);
	jsonw_m_int(w, "impact", t->impact);
	put_text(w, "reporter", t->reporter);
	put_text(w, "victim", t->victim);
	put_text(w, "victim_name", t->victim_name);
	put_text(w, "sector", t->sector);
	put_text(w, "region", t->region);
	put_text(w, "protection", t->protection);
	put_text(w, "input", t->input);
	put_text(w, "host", t->where);
	put_text(w, "disposition", t->disposition);
	put_text(w, "merged_into", t->merged_into);
	jsonw_m_int(w, "hits", t->hits);
	jsonw_m_time(w, "start", t->first);
	jsonw_m_time(w, "end", t->last);
	jsonw_m_time(w, "opened", t->opened);
	for (size_t i = 0; i < COUNTOF(lists); i++)
		put_list(w, t, lists[i].kind, lists[i].member);
	jsonw_object_end(w);
}

static enum rc finish(struct arena *a, struct buf *b, struct str *ret, struct err *err)
{
	enum rc rc = buf_check(b, err, "ticket");

	if (rc == RC_OK) {
		*ret = arena_dup(a, buf_view(b));
		rc = ret->p == NULL ? FAIL(err, RC_NOMEM, "ticket: out of memory") : RC_OK;
	}
	buf_done(b);
	return rc;
}

enum rc ticket_object(struct arena *a, const struct ticket *t, struct str identity, struct str *ret, struct err *err)
{
	char id[STIX_ID_MAX + 1];
	struct buf said, b;
	struct jsonw w;

	/* The id follows from all that is said, so that the same is never said twice. */
	buf_init(&said, TICKET_OBJECT_MAX);
	jsonw_init(&w, &said);
	jsonw_object(&w);
	jsonw_m_str(&w, "by", identity);
	jsonw_m_int(&w, "tlp", t->tlp);
	put_ticket(&w, t);
	jsonw_object_end(&w);
	stix_derived_id(S(TICKET_TYPE), buf_view(&said), id);
	buf_done(&said);
	buf_init(&b, TICKET_OBJECT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	put_head(&w, TICKET_TYPE, str_of(id), identity, t->opened, t->tlp);
	put_ticket(&w, t);
	jsonw_object_end(&w);
	return finish(a, &b, ret, err);
}

/* --- read --- */

static struct str text_of(const struct json *v, const char *name)
{
	struct str s = json_get_str(v, str_of(name));

	return s.p == NULL ? S("") : s;
}

static enum rc time_of(const struct json *v, const char *name, usec *ret, struct err *err)
{
	if (time_parse(text_of(v, name), ret, NULL, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "ticket: %s is no time", name);
	return RC_OK;
}

static size_t count_items(const struct json *v)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNTOF(lists); i++) {
		const struct json *list = json_get(v, str_of(lists[i].member));

		if (json_is(list, JSON_ARRAY))
			JSON_EACH(item, list)
				n += item != NULL;
	}
	return n;
}

static enum rc read_lists(struct arena *a, const struct json *v, struct ticket *ret, struct err *err)
{
	ret->refs = arena_array(a, count_items(v) + 1, sizeof *ret->refs);
	if (ret->refs == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	for (size_t i = 0; i < COUNTOF(lists); i++) {
		const struct json *list = json_get(v, str_of(lists[i].member));
		size_t n = 0;

		if (!json_is(list, JSON_ARRAY))
			continue;
		JSON_EACH(item, list) {
			struct ticket_ref r = { str_of(lists[i].kind), text_of(item, "value"), text_of(item, "note"), 0 };

			if (r.value.n == 0 || n++ >= TICKET_REFS_MAX)
				continue;
			if (!json_int(json_get(item, S("hits")), &r.hits) || r.hits < 0)
				r.hits = 0;
			ret->refs[ret->n_refs++] = r;
		}
	}
	return RC_OK;
}

static bool one_of(struct str s, const char *const *words)
{
	while (*words != NULL && !str_eq(s, str_of(*words)))
		words++;
	return *words != NULL;
}

/* What is printed raw later must be what it says it is. */
static bool connections_are_json(struct arena *a, const struct ticket *t)
{
	const struct json *v;

	for (size_t i = 0; i < t->n_refs; i++)
		if (str_eq(t->refs[i].kind, S("connection")) &&
		    (json_parse(a, t->refs[i].value, &JSON_LIMITS, &v, NULL) != RC_OK || !json_is(v, JSON_OBJECT)))
			return false;
	return true;
}

enum rc ticket_of_object(struct arena *a, const struct json *object, struct ticket *ret, struct err *err)
{
	static const char *const states[] = { "open", "in-progress", "closed", NULL };
	static const char *const dispositions[] = { "", "false-positive", "confirmed", "undetermined", "merged", NULL };
	const struct json *v = json_get(object, S("ticket"));
	struct stix_level level;
	int64_t impact = 0;

	if (!json_is(v, JSON_OBJECT))
		return FAIL(err, RC_BAD, "ticket: expected an object");
	stix_level_of(object, NULL, NULL, &level);
	*ret = (struct ticket){ .number = text_of(v, "number"), .state = text_of(v, "state"), .title = text_of(v, "title"),
				.description = text_of(v, "description"), .class = text_of(v, "class"), .type = text_of(v, "event_type"),
				.level = text_of(v, "level"), .reporter = text_of(v, "reporter"), .victim = text_of(v, "victim"),
				.victim_name = text_of(v, "victim_name"), .sector = text_of(v, "sector"), .region = text_of(v, "region"),
				.protection = text_of(v, "protection"), .input = text_of(v, "input"), .where = text_of(v, "host"),
				.disposition = text_of(v, "disposition"), .merged_into = text_of(v, "merged_into"), .assignee = S(""),
				.closed_by = S(""), .tlp = (uint8_t)(level.stated ? level.tlp : TLP_RED) };
	if (ret->number.n == 0 || ret->number.n >= TICKET_NUMBER_MAX || ret->title.n == 0)
		return FAIL(err, RC_BAD, "ticket: without a number or a title");
	if (!one_of(ret->state, states) || !one_of(ret->disposition, dispositions))
		return FAIL(err, RC_BAD, "ticket: state \"%.*s\", disposition \"%.*s\"", STR(str_slice(ret->state, 0, 40)), STR(str_slice(ret->disposition, 0, 40)));
	if (!json_int(json_get(v, S("hits")), &ret->hits) || ret->hits < 0)
		return FAIL(err, RC_BAD, "ticket: no count of hits");
	if (!json_int(json_get(v, S("impact")), &impact) || impact < 0 || impact > 4)
		return FAIL(err, RC_BAD, "ticket: impact is not 0 to 4");
	ret->impact = (uint8_t)impact;
	TRY(time_of(v, "start", &ret->first, err));
	TRY(time_of(v, "end", &ret->last, err));
	TRY(time_of(v, "opened", &ret->opened, err));
	TRY(read_lists(a, v, ret, err));
	return connections_are_json(a, ret) ? RC_OK : FAIL(err, RC_BAD, "ticket: a connection that is no object");
}

/* --- feedback --- */

enum rc ticket_feedback_object(struct arena *a, const struct ticket_feedback *f, struct str identity, struct str *ret, struct err *err)
{
	char id[STIX_ID_MAX + 1];
	struct jsonw w;
	struct buf b;

	buf_init(&b, FEEDBACK_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	put_head(&w, TICKET_FEEDBACK_TYPE, stix_new_id(S(TICKET_FEEDBACK_TYPE), id), identity, f->at, f->tlp);
	jsonw_m_str(&w, "ticket_number", f->number);
	jsonw_m_str(&w, "act", f->act);
	put_text(&w, "disposition", f->disposition);
	put_text(&w, "note", f->note);
	put_text(&w, "said_by", f->by);
	put_text(&w, "their_number", f->theirs);
	jsonw_m_time(&w, "said_at", f->at);
	jsonw_object_end(&w);
	return finish(a, &b, ret, err);
}

enum rc ticket_feedback_read(const struct json *object, struct ticket_feedback *ret, struct err *err)
{
	static const char *const acts[] = { "note", "close", "reopen", "assign", "raise", NULL };
	struct ticket_feedback f = { .number = text_of(object, "ticket_number"), .act = text_of(object, "act"), .disposition = text_of(object, "disposition"),
				     .note = text_of(object, "note"), .by = text_of(object, "said_by"), .theirs = text_of(object, "their_number") };

	if (f.number.n == 0 || f.number.n >= TICKET_NUMBER_MAX || !one_of(f.act, acts))
		return FAIL(err, RC_BAD, "feedback: of no ticket, or no act that is known");
	if (f.note.n > TICKET_NOTE_MAX / 2 || f.by.n > 256 || f.theirs.n >= TICKET_NUMBER_MAX || f.disposition.n > 64)
		return FAIL(err, RC_BAD, "feedback: too long");
	TRY(time_of(object, "said_at", &f.at, err));
	*ret = f;
	return RC_OK;
}
