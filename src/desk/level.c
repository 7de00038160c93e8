#include "desk/level.h"

/* Members of an item that are not answers. */
static bool is_remark(struct str name)
{
	static const char *const remarks[] = { "id", "name", "note", "system", "since", "back" };

	for (size_t i = 0; i < COUNTOF(remarks); i++)
		if (str_eq(name, str_of(remarks[i])))
			return true;
	return false;
}

static enum rc read_answers(const struct pack *p, const struct json *item, uint32_t number, int8_t *ret, struct err *err)
{
	memset(ret, -1, PACK_ATTRIBUTES_MAX);
	if (item->type != JSON_OBJECT)
		return FAIL(err, RC_BAD, "item %u: expected an object", number + 1);
	JSON_MEMBERS(name, value, item) {
		size_t i = 0;
		int at;

		while (i < p->n_attributes && !str_eq(p->attributes[i].term.id, json_str(name)))
			i++;
		if (i == p->n_attributes && is_remark(json_str(name)))
			continue;
		if (i == p->n_attributes)
			return FAIL(err, RC_BAD, "item %u: pack %.*s asks nothing of the name \"%.*s\"", number + 1, STR(p->id), STR(json_str(name)));
		if (value->type == JSON_NULL)
			continue;
		at = pack_find(p->attributes[i].values, p->attributes[i].n_values, json_str(value));
		if (at < 0)
			return FAIL(err, RC_BAD, "item %u: \"%.*s\": pack %.*s knows no answer \"%.*s\"", number + 1, STR(json_str(name)), STR(p->id),
				    STR(str_slice(json_str(value), 0, 100)));
		ret[i] = (int8_t)at;
	}
	return RC_OK;
}

static bool meets(const struct pack *p, const struct pack_cell *c, const int8_t *answers)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (c->want[i] >= 0 && c->want[i] != answers[i])
			return false;
	return true;
}

static void mark_deciding(struct level *l)
{
	for (size_t i = 0; i < l->n_cells; i++)
		l->cells[i].decides = l->cells[i].cell->level == l->of[l->cells[i].cell->dimension];
}

enum rc level_of(const struct pack *p, const struct json *items, struct level *ret, struct err *err)
{
	uint32_t number = 0;

	*ret = (struct level){ 0 };
	if (items->type != JSON_ARRAY || items->n > FACT_ITEMS_MAX)
		return FAIL(err, RC_BAD, "items: expected an array of at most %d objects", FACT_ITEMS_MAX);
	JSON_EACH(item, items) {
		int8_t answers[PACK_ATTRIBUTES_MAX];
		bool any = false;

		TRY(read_answers(p, item, number, answers, err));
		for (size_t i = 0; i < p->n_cells; i++) {
			const struct pack_cell *c = &p->cells[i];

			if (!meets(p, c, answers))
				continue;
			any = true;
			if (c->level > ret->of[c->dimension])
				ret->of[c->dimension] = c->level;
			if (c->level > ret->overall)
				ret->overall = c->level;
			if (ret->n_cells < LEVEL_CELLS_MAX)
				ret->cells[ret->n_cells++] = (struct level_cell){ .cell = c, .item = number };
		}
		if (!any)
			ret->unmet |= (uint64_t)1 << number;
		number++;
	}
	mark_deciding(ret);
	return RC_OK;
}
