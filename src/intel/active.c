#include "intel/active.h"

static bool get_time(const struct json *v, struct str name, usec *ret)
{
	struct str text = json_get_str(v, name);

	return text.n > 0 && time_parse(text, ret, NULL, NULL) == RC_OK;
}

enum rc active_read(struct arena *a, const struct json *indicator, struct active *ret, struct err *err)
{
	struct str language = json_get_str(indicator, S("pattern_type"));
	struct value *named = NULL;
	int64_t confidence;
	size_t n = 0;
	usec t;
	enum rc rc = RC_OK;

	*ret = (struct active){ .facts = { .kind = OBS_KINDS, .confidence = CONFIDENCE_NONE } };
	if (json_int(json_get(indicator, S("confidence")), &confidence) && confidence >= 0 && confidence <= 100)
		ret->facts.confidence = (uint8_t)confidence;
	if (get_time(indicator, S("modified"), &t))
		ret->facts.seen = t;
	if (get_time(indicator, S("valid_from"), &t) && t > ret->facts.seen)
		ret->facts.seen = t;
	(void)!get_time(indicator, S("valid_until"), &ret->facts.valid_until);
	(void)!json_bool(json_get(indicator, S("revoked")), &ret->facts.revoked);
	if (language.n == 0 || str_eq(language, S("stix")))
		rc = value_of_pattern(a, json_get_str(indicator, S("pattern")), &ret->values, &ret->n_values, err);
	if (rc == RC_UNSUPPORTED) /* its values do not stand alone, but they tell how long it lives */
		rc = value_named_in_pattern(a, json_get_str(indicator, S("pattern")), &named, &n, err);
	else
		named = ret->values, n = ret->n_values;
	if (rc == RC_NOMEM)
		return rc;
	if (rc == RC_OK && n > 0)
		ret->facts.kind = named[0].kind;
	if (rc != RC_OK)
		ret->n_values = 0;
	return RC_OK;
}

bool active_at(const struct active *x, const struct json *indicator, usec t)
{
	usec from;

	if (get_time(indicator, S("valid_from"), &from) && t < from)
		return false;
	return t < decay_expiry(&x->facts);
}
