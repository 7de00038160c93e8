/* The level wizard over REST: a form, a console or a command sends what it knows, and gets the level, the cells of the table that
 * decided, or what still has to be asked. Nothing is kept here: the report that follows is a fact like any other. */
#include "web/api.h"

#include "desk/derive.h"
#include "desk/desk.h"
#include "desk/show.h"
#include "desk/wizard.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/registers.h"

static const char REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"pack\":{\"type\":\"string\"},\"blocked\":{\"type\":\"boolean\"},\"grounds\":{\"type\":"
	"\"string\"},\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"system\":{\"type\":\"string\"},\"since\":{\"type\":\"string\"},"
	"\"back\":{\"type\":\"string\"}}}}}}";
static const char SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"pack\",\"incident\"],\"properties\":{\"pack\":{\"type\":\"string\"},\"incident\":{\"type\":\"boolean\"},\"complete\":"
	"{\"type\":\"boolean\"},\"level\":{\"type\":\"object\"},\"items\":{\"type\":\"array\"},\"known\":{\"type\":\"array\"},\"cells\":{\"type\":\"array\"},"
	"\"changes\":{\"type\":\"array\"},\"questions\":{\"type\":\"array\"},\"further\":{\"type\":\"array\"}}}";

struct wizard {
	struct api_call *c;
	const struct pack *p;
	struct wizard_item items[FACT_ITEMS_MAX];
	struct str systems[FACT_ITEMS_MAX], names[FACT_ITEMS_MAX];
	size_t n;
	usec now;
};

/* The first of the packs that apply; *ret_more: the others. */
static enum rc find_pack(struct api_call *c, const struct pack **ret, struct str *ret_more, struct err *err)
{
	struct str name;

	TRY(api_text(c, "pack", false, &name, err));
	*ret_more = name.n > 0 ? name : str_of(c->api->desk_pack);
	*ret = str_next(ret_more, ' ', &name) ? desk_pack(c->api->desk, name) : NULL;
	return *ret != NULL ? RC_OK : FAIL(err, RC_BAD, "/pack: no pack '%.*s'", STR(str_slice(name, 0, 100)));
}

/* What the register says of the system that the item names. */
static enum rc read_system(struct wizard *z, size_t i, const struct json *item, struct err *err)
{
	const struct json *v = json_get(item, S("system"));
	struct register_entry e;
	enum rc rc;

	z->systems[i] = z->names[i] = S("");
	if (v == NULL || v->type == JSON_NULL || (v->type == JSON_STRING && v->n == 0))
		return RC_OK;
	if (v->type != JSON_STRING)
		return FAIL(err, RC_BAD, "/items/%zu/system: expected a string", i);
	rc = register_get(z->c->api->store, REGISTER_SYSTEM, json_str(v), z->c->req->arena, &e, err);
	if (rc == RC_NOTFOUND)
		return FAIL(err, RC_BAD, "/items/%zu/system: no system '%.*s' in the register", i, STR(str_slice(json_str(v), 0, 64)));
	TRY(rc);
	z->systems[i] = e.id;
	z->names[i] = e.name;
	return json_parse(z->c->req->arena, e.body, &JSON_LIMITS, &z->items[i].ict, err);
}

static enum rc read_items(struct wizard *z, struct err *err)
{
	const struct json *list = json_get(z->c->body, S("items"));

	if (!json_is(list, JSON_ARRAY) || list->n > FACT_ITEMS_MAX)
		return FAIL(err, RC_BAD, "/items: expected an array of at most %d objects", FACT_ITEMS_MAX);
	JSON_EACH(one, list) {
		z->items[z->n].given = one;
		TRY(read_system(z, z->n, one, err));
		TRY(wizard_fill(z->p, &z->items[z->n], z->n, z->now, err));
		z->n++;
	}
	return RC_OK;
}

/* The items at an instant, and their level. */
static enum rc level_at(struct wizard *z, usec at, struct str *ret_items, struct level *ret, struct err *err)
{
	const struct json *items;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, (size_t)1 << 20);
	jsonw_init(&w, &b);
	wizard_items(z->p, z->items, z->systems, z->n, at, &w);
	rc = buf_check(&b, err, "items");
	*ret_items = arena_dup(z->c->req->arena, buf_view(&b));
	buf_done(&b);
	TRY(rc);
	if (ret_items->p == NULL)
		return FAIL(err, RC_NOMEM, "items: out of memory");
	TRY(json_parse(z->c->req->arena, *ret_items, &JSON_LIMITS, &items, err));
	return level_of(z->p, items, ret, err);
}

static void put_level(struct wizard *z, const struct level *l)
{
	struct jsonw *w = &z->c->out;

	jsonw_name(w, "level");
	jsonw_object(w);
	show_levels(w, z->p, l->of, l->overall);
	if (l->overall > 0)
		show_words(w, "title", &z->p->level_titles[l->overall]);
	jsonw_m_bool(w, "major", l->overall >= z->p->level_major);
	jsonw_object_end(w);
}

/* What a cell is about, in words: "Outage, Core, critical infrastructure, Beyond the tolerable interruption time". */
static void put_cell_words(struct wizard *z, const struct pack_cell *cell)
{
	struct jsonw *w = &z->c->out;

	jsonw_name(w, "when");
	jsonw_array(w);
	for (size_t i = 0; i < z->p->n_attributes; i++) {
		const struct pack_attribute *a = &z->p->attributes[i];

		if (cell->want[i] < 0)
			continue;
		jsonw_object(w);
		jsonw_m_str(w, "name", a->term.id);
		jsonw_m_str(w, "answer", a->values[cell->want[i]].id);
		show_words(w, "title", &a->values[cell->want[i]].title);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_cells(struct wizard *z, const struct level *l)
{
	struct jsonw *w = &z->c->out;

	jsonw_name(w, "cells");
	jsonw_array(w);
	for (size_t i = 0; i < l->n_cells; i++) {
		const struct pack_cell *cell = l->cells[i].cell;

		jsonw_object(w);
		jsonw_m_int(w, "item", l->cells[i].item);
		jsonw_m_str(w, "id", cell->id);
		jsonw_m_str(w, "dimension", z->p->dimensions[cell->dimension].id);
		jsonw_m_int(w, "level", cell->level);
		jsonw_m_bool(w, "decides", cell->level == l->overall);
		jsonw_m_str(w, "source", cell->source);
		put_cell_words(z, cell);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_known(struct wizard *z)
{
	static const char *const members[] = { "core", "ci", "secrecy", "mtpd", NULL };
	struct jsonw *w = &z->c->out;

	jsonw_name(w, "known");
	jsonw_array(w);
	for (size_t i = 0; i < z->n; i++) {
		if (z->items[i].ict == NULL)
			continue;
		jsonw_object(w);
		jsonw_m_int(w, "item", (int64_t)i);
		jsonw_m_str(w, "system", z->systems[i]);
		jsonw_m_str(w, "name", z->names[i]);
		for (size_t k = 0; members[k] != NULL; k++)
			if (json_get(z->items[i].ict, str_of(members[k])) != NULL) {
				jsonw_name(w, members[k]);
				jsonw_value(w, json_get(z->items[i].ict, str_of(members[k])));
			}
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_question(struct wizard *z, size_t item)
{
	static const struct pack_words since = { { "Since when is it out?", 21 }, { "自何時起中斷？", 21 } };
	const struct wizard_item *it = &z->items[item];
	struct jsonw *w = &z->c->out;

	jsonw_object(w);
	jsonw_m_int(w, "item", (int64_t)item);
	if (it->ask_since) {
		jsonw_m_cstr(w, "name", WIZARD_SINCE);
		show_words(w, "question", &since);
	} else {
		const struct pack_attribute *a = &z->p->attributes[it->ask];

		jsonw_m_str(w, "name", a->term.id);
		show_words(w, "question", &a->question);
		jsonw_name(w, "values");
		jsonw_array(w);
		for (size_t i = 0; i < a->n_values; i++) {
			jsonw_object(w);
			jsonw_m_str(w, "id", a->values[i].id);
			show_words(w, "title", &a->values[i].title);
			jsonw_object_end(w);
		}
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
}

static bool is_open(const struct wizard_item *it)
{
	return it->ask_since || it->ask >= 0;
}

static bool put_questions(struct wizard *z)
{
	bool any = z->n == 0;

	jsonw_name(&z->c->out, "questions");
	jsonw_array(&z->c->out);
	for (size_t i = 0; i < z->n; i++)
		if (is_open(&z->items[i])) {
			put_question(z, i);
			any = true;
		}
	jsonw_array_end(&z->c->out);
	return any;
}

/* The next end of a tolerable time behind `after`; NO_TIME: none. */
static usec next_turn(const struct wizard *z, usec after)
{
	usec next = NO_TIME;

	for (size_t i = 0; i < z->n; i++)
		if (z->items[i].turns != NO_TIME && z->items[i].turns > after && (next == NO_TIME || z->items[i].turns < next))
			next = z->items[i].turns;
	return next;
}

/* While something is out its tolerable time runs: what the level becomes when that ends, and which system does it. */
static enum rc put_changes(struct wizard *z, uint8_t overall, struct err *err)
{
	jsonw_name(&z->c->out, "changes");
	jsonw_array(&z->c->out);
	for (usec at = next_turn(z, z->now - 1); at != NO_TIME; at = next_turn(z, at)) {
		struct level l;
		struct str items;

		TRY(level_at(z, at + 1, &items, &l, err));
		if (l.overall == overall)
			continue;
		overall = l.overall;
		jsonw_object(&z->c->out);
		show_time(&z->c->out, "at", at);
		for (size_t i = 0; i < z->n; i++)
			if (z->items[i].turns == at && z->systems[i].n > 0) {
				jsonw_m_str(&z->c->out, "system", z->systems[i]);
				break;
			}
		put_level(z, &l);
		put_cells(z, &l);
		jsonw_object_end(&z->c->out);
	}
	jsonw_array_end(&z->c->out);
	return RC_OK;
}

static enum rc put_answer(struct wizard *z, struct err *err)
{
	struct jsonw *w = &z->c->out;
	struct level l;
	struct str items, grounds;
	bool open;

	TRY(api_text(z->c, "grounds", false, &grounds, err));
	TRY(level_at(z, z->now, &items, &l, err));
	jsonw_m_bool(w, "incident", true);
	show_time(w, "at", z->now);
	put_known(z);
	open = put_questions(z);
	jsonw_name(w, "items");
	jsonw_raw(w, items);
	jsonw_m_bool(w, "needs_grounds", str_trim(grounds).n == 0);
	jsonw_m_bool(w, "complete", !open && l.overall > 0 && str_trim(grounds).n > 0);
	put_level(z, &l);
	put_cells(z, &l);
	return open ? RC_OK : put_changes(z, l.overall, err);
}

/* What the other packs make of the same items: a law whose words do not fit says so, and holds up none of the others. */
static enum rc put_further(const struct wizard *z, struct str packs, struct err *err)
{
	struct jsonw *w = &z->c->out;
	struct str name;

	jsonw_name(w, "further");
	jsonw_array(w);
	while (str_next(&packs, ' ', &name)) {
		struct wizard *x = arena_alloc(z->c->req->arena, sizeof *x);
		struct err why = { 0 };
		enum rc rc;

		if (x == NULL)
			return FAIL(err, RC_NOMEM, "wizard: out of memory");
		x->c = z->c;
		x->now = z->now;
		x->p = desk_pack(z->c->api->desk, name);
		if (x->p == NULL)
			return FAIL(err, RC_BAD, "/pack: no pack '%.*s'", STR(str_slice(name, 0, 100)));
		rc = read_items(x, &why);
		if (rc != RC_OK && rc != RC_BAD)
			return FAIL(err, rc, "%s", why.text);
		jsonw_object(w);
		jsonw_m_str(w, "pack", x->p->id);
		if (rc == RC_BAD)
			jsonw_m_cstr(w, "why", why.text);
		else
			TRY(put_answer(x, err));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	return RC_OK;
}

static enum rc level_post(struct api_call *c, struct err *err)
{
	struct wizard *z = arena_alloc(c->req->arena, sizeof *z);
	struct str more;
	bool blocked;
	enum rc rc = RC_OK;

	if (!gate_may(c->viewer, TLP_RED, c->api->default_tlp, 0, NULL))
		return FAIL(err, RC_NOTFOUND, "no such register");
	if (z == NULL)
		return FAIL(err, RC_NOMEM, "wizard: out of memory");
	z->c = c;
	z->now = time_now();
	TRY(find_pack(c, &z->p, &more, err));
	TRY(api_bool(c, "blocked", false, &blocked, err));
	TRY(read_items(z, err));
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "pack", z->p->id);
	if (blocked) {
		jsonw_m_bool(&c->out, "incident", false);
		jsonw_name(&c->out, "why");
		if (json_path(z->p->words, "incident.no") != NULL)
			jsonw_value(&c->out, json_path(z->p->words, "incident.no"));
		else
			jsonw_null(&c->out);
	} else {
		rc = put_answer(z, err);
		if (rc == RC_OK && more.n > 0)
			rc = put_further(z, more, err);
	}
	TRY(rc);
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_WIZARD[] = {
	{ "POST", "/incidents/level", API_READER, level_post, "The level of what is affected, the cells that decide, and what has to be asked", NULL, REQUEST, SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
