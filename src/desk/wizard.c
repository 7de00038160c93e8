#include "desk/wizard.h"

#include "desk/show.h"

/* What the pack says about outages: which answers make one, and what its length answers. */
struct outage {
	int attribute, value;      /* {"effect": "outage"} */
	int answer;                /* the attribute that the length answers */
	int within, beyond;
};

static int attribute_of(const struct pack *p, struct str name)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (str_eq(p->attributes[i].term.id, name))
			return (int)i;
	return -1;
}

static int value_of(const struct pack *p, int attribute, struct str value)
{
	return attribute < 0 ? -1 : pack_find(p->attributes[attribute].values, p->attributes[attribute].n_values, value);
}

static bool read_outage(const struct pack *p, struct outage *ret)
{
	const struct json *o = json_path(p->words, "registers.outage"), *when = json_get(o, S("when")), *name = when != NULL ? json_first(when) : NULL;

	if (!json_is(when, JSON_OBJECT) || name == NULL)
		return false;
	ret->attribute = attribute_of(p, json_str(name));
	ret->value = value_of(p, ret->attribute, json_str(name + 1));
	ret->answer = attribute_of(p, json_get_str(o, S("answer")));
	ret->within = value_of(p, ret->answer, json_get_str(o, S("within")));
	ret->beyond = value_of(p, ret->answer, json_get_str(o, S("beyond")));
	return ret->value >= 0 && ret->within >= 0 && ret->beyond >= 0;
}

/* --- what was said --- */

static enum rc read_instant(const struct json *v, size_t number, const char *name, usec now, usec *ret, struct err *err)
{
	if (v == NULL || v->type == JSON_NULL || (v->type == JSON_STRING && v->n == 0))
		return RC_OK;
	if (str_eq(json_str(v), S("now"))) {
		*ret = now;
		return RC_OK;
	}
	if (v->type != JSON_STRING || time_parse_offset(json_str(v), ret, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "/items/%zu/%s: expected an instant (2026-02-27T23:30:00+08:00) or now", number, name);
	return *ret <= now ? RC_OK : FAIL(err, RC_BAD, "/items/%zu/%s: lies in the future", number, name);
}

static enum rc no_answer(const struct pack *p, int attribute, size_t number, struct str said, struct err *err)
{
	const struct pack_attribute *of = &p->attributes[attribute];
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < of->n_values; i++)
		buf_fmt(&b, "%s%.*s", i > 0 ? ", " : "", STR(of->values[i].id));
	err_set(err, RC_BAD, "/items/%zu/%.*s: pack %.*s knows no answer '%.*s' (%.*s)", number, STR(of->term.id), STR(p->id), STR(str_slice(said, 0, 60)),
		STR(buf_view(&b)));
	buf_done(&b);
	return RC_BAD;
}

static enum rc read_given(const struct pack *p, struct wizard_item *it, size_t number, usec now, struct err *err)
{
	if (!json_is(it->given, JSON_OBJECT))
		return FAIL(err, RC_BAD, "/items/%zu: expected an object", number);
	JSON_MEMBERS(name, value, it->given) {
		int i = attribute_of(p, json_str(name));

		if (i < 0 && (str_eq(json_str(name), S("system")) || str_eq(json_str(name), S(WIZARD_SINCE)) || str_eq(json_str(name), S("back"))))
			continue;
		if (i < 0)
			return FAIL(err, RC_BAD, "/items/%zu/%.*s: pack %.*s asks nothing of this name", number, STR(str_slice(json_str(name), 0, 60)), STR(p->id));
		if (value->type == JSON_NULL || (value->type == JSON_STRING && value->n == 0))
			continue;
		it->answers[i] = (int8_t)value_of(p, i, json_str(value));
		if (it->answers[i] < 0)
			return no_answer(p, i, number, json_str(value), err);
	}
	TRY(read_instant(json_get(it->given, S(WIZARD_SINCE)), number, WIZARD_SINCE, now, &it->since, err));
	TRY(read_instant(json_get(it->given, S("back")), number, "back", now, &it->back, err));
	if (it->back != NO_TIME && (it->since == NO_TIME || it->back < it->since))
		return FAIL(err, RC_BAD, "/items/%zu/back: lies before since", number);
	return RC_OK;
}

/* --- what the register knows --- */

static void answer(struct wizard_item *it, int attribute, int value)
{
	if (attribute < 0 || value < 0 || it->answers[attribute] >= 0)
		return;
	it->answers[attribute] = (int8_t)value;
	it->read |= 1u << attribute;
}

static bool fits(const struct json *ict, const struct json *want)
{
	if (!json_is(want, JSON_OBJECT))
		return false;
	JSON_MEMBERS(name, value, want) {
		const struct json *has = json_get(ict, json_str(name));

		if (has == NULL || !json_same(has, value))
			return false;
	}
	return true;
}

static void read_register(const struct pack *p, struct wizard_item *it)
{
	const struct json *rules = json_path(p->words, "registers.answers");
	int secrecy = attribute_of(p, json_str(json_path(p->words, "registers.secrecy")));

	if (it->ict == NULL)
		return;
	if (json_is(rules, JSON_ARRAY))
		JSON_EACH(rule, rules) {
			const struct json *item = json_get(rule, S("item"));

			if (json_is(item, JSON_OBJECT) && fits(it->ict, json_get(rule, S("system"))))
				JSON_MEMBERS(name, value, item)
					answer(it, attribute_of(p, json_str(name)), value_of(p, attribute_of(p, json_str(name)), json_str(value)));
		}
	answer(it, secrecy, value_of(p, secrecy, json_get_str(it->ict, S("secrecy"))));
	if (!json_int(json_get(it->ict, S("mtpd")), &it->hours))
		it->hours = -1;
}

/* --- what follows --- */

/* No answer so far speaks against it. */
static bool possible(const struct pack *p, const struct pack_cell *c, const int8_t *answers)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (c->want[i] >= 0 && answers[i] >= 0 && c->want[i] != answers[i])
			return false;
	return true;
}

/* The one answer that every possible cell wants; -1: they differ, or some do not care. */
static int only_answer(const struct pack *p, const int8_t *answers, size_t attribute)
{
	int only = -1;

	for (size_t i = 0; i < p->n_cells; i++) {
		int want = p->cells[i].want[attribute];

		if (!possible(p, &p->cells[i], answers))
			continue;
		if (want < 0 || (only >= 0 && want != only))
			return -1;
		only = want;
	}
	return only;
}

/* A leak is one of information because the table has no other: nobody is asked what has one answer. */
static void conclude(const struct pack *p, struct wizard_item *it)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (it->answers[i] < 0)
			it->answers[i] = (int8_t)only_answer(p, it->answers, i);
}

static bool matters(const struct pack *p, const int8_t *answers, size_t attribute)
{
	for (size_t i = 0; i < p->n_cells; i++)
		if (p->cells[i].want[attribute] >= 0 && possible(p, &p->cells[i], answers))
			return true;
	return false;
}

static bool is_outage(const struct wizard_item *it, const struct outage *o)
{
	return it->answers[o->attribute] == o->value;
}

/* An outage is as long as it has lasted: within what the register tolerates, up to and on its end. */
static void measure(struct wizard_item *it, const struct outage *o, usec now)
{
	usec end;

	if (!is_outage(it, o) || it->hours < 0 || it->answers[o->answer] >= 0)
		return;
	it->ask_since = it->since == NO_TIME;
	if (it->ask_since)
		return;
	end = it->since + it->hours * 3600 * USEC_PER_SEC;
	answer(it, o->answer, (it->back == NO_TIME ? now : it->back) <= end ? o->within : o->beyond);
	if (it->back == NO_TIME && now <= end)
		it->turns = end;
}

enum rc wizard_fill(const struct pack *p, struct wizard_item *it, size_t number, usec now, struct err *err)
{
	struct outage o = { .attribute = 0 };

	if (json_path(p->words, "registers.outage") == NULL)
		o.attribute = -1; /* a pack that knows nothing of registers: everything is asked */
	else if (!read_outage(p, &o))
		return FAIL(err, RC_BAD, "pack %.*s: /words/registers/outage: does not say what an outage is", STR(p->id));
	memset(it->answers, -1, sizeof it->answers);
	it->read = 0;
	it->since = it->back = it->turns = NO_TIME;
	it->hours = -1;
	it->ask = -1;
	it->ask_since = false;
	TRY(read_given(p, it, number, now, err));
	read_register(p, it);
	if (o.attribute >= 0 && it->answers[o.attribute] < 0) {
		it->ask = o.attribute;
		return RC_OK;
	}
	conclude(p, it);
	if (o.attribute >= 0)
		measure(it, &o, now);
	if (it->ask_since)
		return RC_OK;
	for (size_t i = p->n_attributes; i > 0; i--)
		if (it->answers[i - 1] < 0 && matters(p, it->answers, i - 1))
			it->ask = (int)i - 1;
	return RC_OK;
}

static void put_item(const struct pack *p, const struct wizard_item *it, struct str name, usec at, struct jsonw *w)
{
	struct outage o = { .attribute = 0 };
	bool known = read_outage(p, &o);

	jsonw_object(w);
	if (name.n > 0)
		jsonw_m_str(w, "system", name);
	for (size_t i = 0; i < p->n_attributes; i++) {
		int value = it->answers[i];

		if (known && (int)i == o.answer && it->turns != NO_TIME && at > it->turns)
			value = o.beyond;
		if (value >= 0) {
			jsonw_name_str(w, p->attributes[i].term.id);
			jsonw_str(w, p->attributes[i].values[value].id);
		}
	}
	if (it->since != NO_TIME)
		show_time(w, WIZARD_SINCE, it->since);
	if (it->back != NO_TIME)
		show_time(w, "back", it->back);
	jsonw_object_end(w);
}

void wizard_items(const struct pack *p, const struct wizard_item *items, const struct str *names, size_t n, usec at, struct jsonw *w)
{
	jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		put_item(p, &items[i], names[i], at, w);
	jsonw_array_end(w);
}
