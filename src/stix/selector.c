/* Selectors of granular markings (STIX 2.1 §7.2.3.1). */
#include "stix/marking.h"

/* "[12]" as an index; false for anything else, leading zeros too. */
static bool index_of(struct str step, uint32_t *ret)
{
	uint64_t n;
	struct str digits;

	if (step.n < 3 || step.p[0] != '[' || step.p[step.n - 1] != ']')
		return false;
	digits = str_slice(step, 1, step.n - 1);
	if (!str_to_u64(digits, &n) || n > UINT32_MAX || (digits.n > 1 && digits.p[0] == '0'))
		return false;
	*ret = (uint32_t)n;
	return true;
}

static const struct json *fail(const char **ret_why, const char *why)
{
	if (ret_why != NULL)
		*ret_why = why;
	return NULL;
}

static const struct json *step_into(const struct json *at, struct str step, const char **ret_why)
{
	const struct json *next;
	uint32_t index;

	if (step.n == 0)
		return fail(ret_why, "an empty step");
	if (at->type == JSON_ARRAY) {
		if (!index_of(step, &index))
			return fail(ret_why, "a list needs an index like [0]");
		next = json_item(at, index);
		return next != NULL ? next : fail(ret_why, "the index is outside the list");
	}
	if (step.p[0] == '[')
		return fail(ret_why, "an index on something that is no list");
	if (at->type != JSON_OBJECT)
		return fail(ret_why, "a step into a plain value");
	next = json_get(at, step);
	return next != NULL ? next : fail(ret_why, "no such property");
}

const struct json *stix_selector_find(const struct json *object, struct str selector, const char **ret_why)
{
	const struct json *at = object;
	struct str rest = selector, step;

	if (!json_is(object, JSON_OBJECT) || selector.n == 0)
		return fail(ret_why, "an empty selector");
	if (selector.p[selector.n - 1] == '.')
		return fail(ret_why, "a dot at the end");
	while (str_next(&rest, '.', &step))
		if ((at = step_into(at, step, ret_why)) == NULL)
			return NULL;
	return at;
}
