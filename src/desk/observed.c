#include "desk/observed.h"

#include <stdlib.h>

#include "stix/marking.h"

#define TELLING_MIN 3 /* a shorter name stands in too many words */

static const char *const roles[OBSERVED_ROLES] = { "unknown", "attacker", "victim", "other" };

const char *observed_role_name(enum observed_role role)
{
	return roles[role];
}

enum observed_role observed_role_find(struct str name)
{
	unsigned i = 0;

	while (i < OBSERVED_ROLES && !str_eq(name, str_of(roles[i])))
		i++;
	return (enum observed_role)i;
}

static int by_value(const void *a, const void *b)
{
	const struct desk_fact *x = *(const struct desk_fact *const *)a, *y = *(const struct desk_fact *const *)b;
	int order = str_cmp(desk_text(x->source, "kind"), desk_text(y->source, "kind"));

	if (order == 0)
		order = str_cmp(desk_text(x->source, "value"), desk_text(y->source, "value"));
	if (order != 0)
		return order;
	return x->at != y->at ? (x->at < y->at ? -1 : 1) : str_cmp(x->id, y->id);
}

/* Facts about one value in the order in which they were recorded. */
static void take(struct observed *o, const struct desk_fact *f)
{
	struct str note = desk_text(f->source, "note"), indicator = desk_text(f->source, "indicator");
	enum observed_role role = observed_role_find(desk_text(f->source, "role"));
	uint8_t tlp = desk_marking(f->source, OBSERVED_UNMARKED);

	if (role < OBSERVED_ROLES)
		o->role = role;
	if (note.n > 0)
		o->note = note;
	if (indicator.n > 0)
		o->indicator = indicator;
	if (tlp != OBSERVED_UNMARKED && (o->tlp == OBSERVED_UNMARKED || tlp > o->tlp))
		o->tlp = tlp;
	o->last = f->at;
	o->times++;
}

enum rc observed_list(struct arena *a, const struct desk_facts *f, usec at, uint8_t most, struct observed **ret, size_t *ret_n, struct err *err)
{
	const struct desk_fact **list = arena_array(a, f->n + 1, sizeof *list);
	struct observed *out;
	size_t n = 0;

	*ret_n = 0;
	for (size_t i = 0; list != NULL && i < f->n; i++)
		if (f->f[i].type == FACT_OBSERVABLE && f->f[i].at <= at && desk_text(f->f[i].source, "value").n > 0 &&
		    desk_marking(f->f[i].source, TLP_CLEAR) <= most)
			list[n++] = &f->f[i];
	out = arena_array(a, (n < OBSERVED_MAX ? n : OBSERVED_MAX) + 1, sizeof *out);
	if (list == NULL || out == NULL)
		return FAIL(err, RC_NOMEM, "observables: out of memory");
	qsort(list, n, sizeof *list, by_value);
	for (size_t i = 0; i < n; i++) {
		struct str kind = desk_text(list[i]->source, "kind"), value = desk_text(list[i]->source, "value");
		bool same = *ret_n > 0 && str_eq(out[*ret_n - 1].kind, kind) && str_eq(out[*ret_n - 1].value, value);

		if (!same && *ret_n == OBSERVED_MAX)
			break;
		if (!same)
			out[(*ret_n)++] = (struct observed){ .kind = kind, .value = value, .note = S(""), .indicator = S(""), .tlp = OBSERVED_UNMARKED, .first = list[i]->at };
		take(&out[*ret_n - 1], list[i]);
	}
	*ret = out;
	return RC_OK;
}

static bool holds(struct str text, struct str part)
{
	for (size_t i = 0; part.n >= TELLING_MIN && i + part.n <= text.n; i++)
		if (str_eq_nocase(str_slice(text, i, i + part.n), part))
			return true;
	return false;
}

bool observed_tells_victim(const struct observed *list, size_t n, struct str name, struct str text)
{
	if (holds(text, name))
		return true;
	for (size_t i = 0; i < n; i++)
		if (list[i].role == OBSERVED_VICTIM && holds(text, list[i].value))
			return true;
	return false;
}
