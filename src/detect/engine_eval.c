/* Is a test true of this event? Asked once, remembered for the event. Texts are
 * resolved and folded when the first test wants them. */
#include "detect/engine_run.h"

#include "base/fold.h"

#define RELATED_MAX 64 /* values of the other field that a fieldref is compared with: both sides may be long arrays */

const struct text *event_text(struct engine *e, uint32_t i)
{
	const struct flat_value *v = event_value(e, i);
	struct text *x = &e->texts[i];
	char *to;

	if (e->text_gen[i] == e->gen)
		return x;
	x->plain = str_make(v->p, v->n);
	if ((v->flags & FLAT_ESCAPED) != 0) {
		to = scratch_get(e->scratch, v->n + FLAT_RESOLVE_SLACK);
		if (to == NULL)
			return NULL;
		x->plain = str_make(to, flat_resolve(x->plain, to));
	}
	to = scratch_get(e->scratch, FOLD_ROOM(x->plain.n));
	if (to == NULL)
		return NULL;
	x->folded = str_make(to, fold_text(x->plain, to));
	x->is_number = NUMBER_NOT_ASKED;
	e->text_gen[i] = e->gen;
	return x;
}

/* Read once, however many rules ask. */
static bool number_passes(struct engine *e, const struct test *t, uint32_t i)
{
	enum flat_type type = (enum flat_type)event_value(e, i)->type;
	struct text *x = &e->texts[i];

	if ((type != FLAT_NUMBER && type != FLAT_STRING) || event_text(e, i) == NULL)
		return false;
	if (x->is_number == NUMBER_NOT_ASKED)
		x->is_number = number_parse(x->plain, &x->number) ? NUMBER_YES : NUMBER_NO;
	return x->is_number == NUMBER_YES && test_order(t, x->number);
}

bool event_value_passes(struct engine *e, const struct test *t, uint32_t i)
{
	const struct text *x;

	if (t->kind == TEST_NUMBER || (t->kind >= TEST_LT && t->kind <= TEST_GE))
		return number_passes(e, t, i);
	x = event_text(e, i);
	return x != NULL && test_value(t, event_value(e, i)->type, x, &e->regex);
}

static bool keyword(struct engine *e, const struct test *t)
{
	if (t->kind >= TEST_EXISTS)
		return false;
	for (uint32_t i = 0; i < e->f->n; i++)
		if (event_value_passes(e, t, i))
			return true;
	return e->extra[1].p != NULL && event_value_passes(e, t, VALUE_RAW);
}

static bool null(const struct engine *e, uint16_t field)
{
	uint32_t i = event_first(e, field);

	if (i == NO_VALUE)
		return !event_holds(e, field);
	for (; i != NO_VALUE; i = e->next[i])
		if (event_value(e, i)->type == FLAT_NULL)
			return true;
	return false;
}

static bool related(struct engine *e, const struct test *t)
{
	for (uint32_t i = event_first(e, t->field); i != NO_VALUE; i = e->next[i]) {
		uint32_t tried = 0;

		for (uint32_t k = event_first(e, t->other); k != NO_VALUE && tried < RELATED_MAX; k = e->next[k], tried++) {
			const struct text *a = event_text(e, i), *b = event_text(e, k);

			if (a == NULL || b == NULL || event_value(e, i)->type == FLAT_NULL || event_value(e, k)->type == FLAT_NULL)
				continue;
			if (t->cased ? test_related(t->how, a->plain, b->plain) : test_related(t->how, a->folded, b->folded))
				return true;
		}
	}
	return false;
}

static bool find_out(struct engine *e, const struct test *t)
{
	if (t->field == FIELD_NONE)
		return keyword(e, t);
	if (t->kind == TEST_NULL)
		return null(e, t->field);
	if (t->kind == TEST_EXISTS)
		return event_first(e, t->field) != NO_VALUE || event_holds(e, t->field);
	if (t->kind == TEST_FIELDREF)
		return related(e, t);
	for (uint32_t i = event_first(e, t->field); i != NO_VALUE; i = e->next[i])
		if (event_value_passes(e, t, i))
			return true;
	return false;
}

bool event_test(struct engine *e, uint32_t test)
{
	uint32_t known = e->known[test];

	if (known >> 1 != e->gen) {
		if ((e->eager[test / 64] >> (test % 64) & 1) != 0)
			return false;
		known = e->gen << 1 | find_out(e, &e->m->tests[test]);
		e->known[test] = known;
	}
	return (known & 1) != 0;
}

bool event_program(struct engine *e, const struct step *steps, uint32_t entry)
{
	while (entry < STEP_REJECT)
		entry = event_test(e, steps[entry].test) ? steps[entry].yes : steps[entry].no;
	return entry == STEP_ACCEPT;
}
