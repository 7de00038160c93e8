#include "desk/form.h"

#include "base/text.h"
#include "desk/observed.h"
#include "desk/show.h"
#include "stix/marking.h"

#define FORM_TIMELINE_MAX 500

/* --- which facts say it --- */

static bool counts(const struct form_about *x, const struct desk_fact *f)
{
	if (f->at > x->at || desk_marking(f->source, TLP_CLEAR) > x->tlp)
		return false;
	for (size_t i = 0; i < x->facts->n_problems; i++)
		if (!x->facts->problems[i].counted && str_eq(x->facts->problems[i].id, f->id))
			return false;
	return true;
}

/* When it happened, as last corrected. */
static usec time_of(const struct form_about *x, const struct desk_fact *f)
{
	const struct desk_fact *by = NULL;

	for (size_t i = 0; i < x->facts->n; i++) {
		const struct desk_fact *c = &x->facts->f[i];

		if (c->type == FACT_CORRECTED && str_eq(c->ref, f->id) && c->at <= x->at && (by == NULL || c->at >= by->at))
			by = c;
	}
	return by != NULL ? by->claimed : f->claimed;
}

/* The first fact of a type, by when it happened. */
static const struct desk_fact *first_of(const struct form_about *x, enum fact_type type)
{
	const struct desk_fact *found = NULL;

	for (size_t i = 0; i < x->facts->n; i++) {
		const struct desk_fact *f = &x->facts->f[i];

		if (f->type == type && counts(x, f) && (found == NULL || time_of(x, f) < time_of(x, found)))
			found = f;
	}
	return found;
}

/* The latest fact of a type (FACT_TYPES: any) that has this member with something in it. */
static const struct json *latest(const struct form_about *x, enum fact_type type, struct str object, struct str member)
{
	const struct desk_fact *by = NULL;
	const struct json *found = NULL;

	for (size_t i = 0; i < x->facts->n; i++) {
		const struct desk_fact *f = &x->facts->f[i];
		const struct json *v = object.n > 0 ? json_get(json_get(f->source, object), member) : json_get(f->source, member);

		if ((type != FACT_TYPES && f->type != type) || v == NULL || v->type == JSON_NULL || !counts(x, f))
			continue;
		if (by != NULL && (f->at < by->at || (f->at == by->at && str_cmp(f->id, by->id) < 0)))
			continue;
		by = f;
		found = v;
	}
	return found;
}

/* --- what the sources say --- */

/* "2026-02-27 23:30 (Asia/Taipei)", and where years are counted so "民國 115 年". */
static void put_time(const struct form_about *x, usec t, struct buf *out)
{
	usec of_day;
	struct date d = date_of_days(calendar_day(&x->pack->calendar, t, &of_day));

	show_wall(out, x->pack, t);
	buf_fmt(out, " (%.*s)", STR(x->pack->zone_name));
	if (x->pack->roc_years && d.year > 1911)
		buf_fmt(out, " 民國 %d 年 %d 月 %d 日", d.year - 1911, d.month, d.day);
}

static void put_one(const struct json *v, struct buf *out)
{
	if (v->type == JSON_STRING)
		buf_str(out, json_str(v));
	else
		json_print(v, out);
}

static void put_value(const struct json *v, struct buf *out)
{
	bool first = true;

	if (v->type != JSON_ARRAY) {
		put_one(v, out);
		return;
	}
	JSON_EACH(one, v) {
		buf_cstr(out, first ? "" : ", ");
		put_one(one, out);
		first = false;
	}
}

static void put_level(const struct form_about *x, struct buf *out)
{
	const struct incident_view *v = x->view;
	const struct json *grounds = latest(x, FACT_TYPES, S(""), S("grounds"));

	if (v->overall == 0)
		return;
	buf_fmt(out, "%.*s / %.*s", STR(x->pack->level_titles[v->overall].zh), STR(x->pack->level_titles[v->overall].en));
	for (size_t i = 0; i < x->pack->n_dimensions; i++)
		if (v->of[i] > 0)
			buf_fmt(out, "; %.*s %d", STR(x->pack->dimensions[i].title.zh), v->of[i]);
	if (json_is(grounds, JSON_STRING))
		buf_fmt(out, "\n%.*s", STR(json_str(grounds)));
}

static struct str answer(const struct pack_attribute *a, struct str id)
{
	int at = pack_find(a->values, a->n_values, id);

	return at < 0 ? id : a->values[at].title.zh;
}

static void put_items(const struct form_about *x, struct buf *out)
{
	const struct json *items = latest(x, FACT_TYPES, S(""), S("items"));

	if (!json_is(items, JSON_ARRAY))
		return;
	JSON_EACH(item, items) {
		struct str note = json_get_str(item, S("note"));
		bool first = true;

		if (out->n > 0)
			buf_char(out, '\n');
		for (size_t i = 0; i < x->pack->n_attributes; i++) {
			const struct pack_attribute *a = &x->pack->attributes[i];
			struct str v = json_get_str(item, a->term.id);
			struct str said = answer(a, v);

			if (v.n > 0)
				buf_fmt(out, "%s%.*s：%.*s", first ? "" : "；", STR(a->term.title.zh), STR(said));
			first &= v.n == 0;
		}
		if (note.n > 0)
			buf_fmt(out, "（%.*s）", STR(note));
	}
}

/* The course of things, as it was recorded: one line a fact, in the order of time. */
static enum rc put_timeline(struct arena *a, const struct form_about *x, struct buf *out, struct err *err)
{
	static const uint32_t hidden = 1u << FACT_CORRECTED | 1u << FACT_OBSERVABLE | 1u << FACT_ENTRY | 1u << FACT_SPLIT;
	struct event { usec at; const struct desk_fact *f; } *list = arena_array(a, x->facts->n + 1, sizeof *list);
	size_t n = 0;

	if (list == NULL)
		return FAIL(err, RC_NOMEM, "form: out of memory");
	for (size_t i = 0; i < x->facts->n && n < FORM_TIMELINE_MAX; i++) {
		const struct desk_fact *f = &x->facts->f[i];
		struct event e = { .f = f };
		size_t at = n;

		if ((hidden >> f->type & 1) != 0 || json_get(f->source, S("ticket")) != NULL || !counts(x, f))
			continue;
		e.at = time_of(x, f);
		for (; at > 0 && list[at - 1].at > e.at; at--)
			list[at] = list[at - 1];
		list[at] = e;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		struct str note = json_get_str(list[i].f->source, S("note"));

		if (i > 0)
			buf_char(out, '\n');
		show_wall(out, x->pack, list[i].at);
		buf_fmt(out, "  %s", desk_fact_name(list[i].f->type));
		if (note.n > 0)
			buf_fmt(out, "  %.*s", STR(note));
	}
	return RC_OK;
}

/* The attacker's, as far as markings allow. */
static enum rc put_observables(struct arena *a, const struct form_about *x, struct buf *out, struct err *err)
{
	struct observed *list;
	size_t n;

	TRY(observed_list(a, x->facts, x->at, x->tlp, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		if (list[i].role == OBSERVED_ATTACKER)
			buf_fmt(out, "%s%.*s %.*s", out->n > 0 ? "\n" : "", STR(list[i].kind), STR(list[i].value));
	return RC_OK;
}

static void put_organisation(const struct form_about *x, struct str member, struct buf *out)
{
	const struct json *v = json_get(x->organisation, member);

	if (v != NULL)
		put_value(v, out);
	else if (str_eq(member, S("name")))
		buf_str(out, x->organisation_name);
}

static void put_fact(const struct form_about *x, enum fact_type type, struct str member, struct buf *out)
{
	const struct desk_fact *f = str_eq(member, S("time")) ? first_of(x, type) : NULL;
	const struct json *v = f == NULL ? latest(x, type, S(""), member) : NULL;

	if (f != NULL)
		put_time(x, time_of(x, f), out);
	else if (v != NULL)
		put_value(v, out);
}

static enum rc put_source(struct arena *a, const struct form_about *x, struct str name, struct buf *out, struct err *err)
{
	struct str rest = name, root = name;

	if (str_eq(name, S("timeline")))
		return put_timeline(a, x, out, err);
	if (str_eq(name, S("observables")))
		return put_observables(a, x, out, err);
	if (str_eq(name, S("level")))
		put_level(x, out);
	else if (str_eq(name, S("items")))
		put_items(x, out);
	else if (str_eq(name, S("incident.number")))
		buf_str(out, x->number);
	else if (str_eq(name, S("incident.title")))
		buf_str(out, x->title);
	else if (str_next(&rest, '.', &root) && str_eq(root, S("organisation")))
		put_organisation(x, rest, out);
	else if (desk_fact_find(root) != FACT_TYPES)
		put_fact(x, desk_fact_find(root), rest, out);
	return RC_OK;
}

/* --- fields --- */

/* Characters that are no text: controls, and those that turn the direction of what stands beside them or hide (Unicode
 * TR36 §2.6): a form must read as it prints. */
static bool is_trick(uint32_t ch)
{
	return (ch < 0x20 && ch != '\n' && ch != '\t') || (ch >= 0x7F && ch <= 0x9F) || ch == 0x061C || (ch >= 0x200B && ch <= 0x200F) ||
	       (ch >= 0x2028 && ch <= 0x202E) || (ch >= 0x2060 && ch <= 0x206F) || ch == 0xFEFF || (ch >= 0xE0000 && ch <= 0xE007F);
}

static struct str clean(struct arena *a, struct str text)
{
	struct buf b;
	struct str out;

	buf_init(&b, FORM_TEXT_MAX);
	for (size_t at = 0; at < text.n && b.n + 8 < FORM_TEXT_MAX;) {
		uint32_t ch = utf8_next(text, &at);

		if (!is_trick(ch))
			utf8_put(&b, ch);
	}
	out = arena_dup(a, str_trim(buf_view(&b)));
	buf_done(&b);
	return out;
}

static enum rc fill_text(struct arena *a, const struct form_about *x, const struct pack_field *f, struct form_value *ret, struct err *err)
{
	const struct json *typed = latest(x, FACT_TYPES, S("entries"), f->entry);
	enum rc rc = RC_OK;
	struct buf b;

	buf_init(&b, FORM_TEXT_MAX * 4);
	if (json_is(typed, JSON_STRING))
		buf_str(&b, json_str(typed));
	for (size_t i = 0; i < f->n_from && str_trim(buf_view(&b)).n == 0 && rc == RC_OK; i++)
		rc = put_source(a, x, f->from[i], &b, err);
	ret->text = clean(a, buf_view(&b));
	buf_done(&b);
	TRY(rc);
	return ret->text.p == NULL ? FAIL(err, RC_NOMEM, "form: out of memory") : RC_OK;
}

static enum rc fill(struct arena *a, const struct form_about *x, const struct pack_field *fields, size_t n, const struct form_value **ret, size_t *ret_missing,
		    struct err *err)
{
	struct form_value *out = arena_array(a, n + 1, sizeof *out);

	if (out == NULL)
		return FAIL(err, RC_NOMEM, "form: out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t parts_missing = 0;

		out[i].field = &fields[i];
		TRY(fill_text(a, x, &fields[i], &out[i], err));
		if (fields[i].n_parts > 0)
			TRY(fill(a, x, fields[i].parts, fields[i].n_parts, &out[i].parts, &parts_missing, err));
		out[i].missing = fields[i].required && out[i].text.n == 0 && (fields[i].n_parts == 0 || parts_missing > 0);
		*ret_missing += out[i].missing;
	}
	*ret = out;
	return RC_OK;
}

enum rc form_fill(struct arena *a, const struct form_about *about, const struct pack_form *which, struct form *ret, struct err *err)
{
	*ret = (struct form){ .about = about, .form = which };
	return fill(a, about, which->fields, which->n_fields, &ret->values, &ret->missing, err);
}

void form_missing(const struct form *f, bool zh, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < f->form->n_fields; i++) {
		const struct pack_field *field = f->values[i].field;

		if (!f->values[i].missing)
			continue;
		buf_fmt(out, "%s%.*s (%.*s)", first ? "" : zh ? "、" : ", ", STR(zh ? field->term.title.zh : field->term.title.en), STR(field->term.id));
		first = false;
	}
}
