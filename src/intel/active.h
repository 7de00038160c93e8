/* What an indicator says about itself, as decay, views and lists need it. */
#ifndef INTEL_ACTIVE_H
#define INTEL_ACTIVE_H

#include "base/json.h"
#include "intel/decay.h"
#include "model/observable.h"

struct active {
	struct decay_facts facts;
	struct value *values;  /* of a pattern that is alternatives of single values; n_values 0 otherwise */
	size_t n_values;
};

/* Reads an indicator object; what is missing or unreadable counts as not stated. All in `a`. */
enum rc active_read(struct arena *a, const struct json *indicator, struct active *ret, struct err *err) MUSTUSE;

/* From valid_from on until it expires or is revoked. */
bool active_at(const struct active *x, const struct json *indicator, usec t);

#endif
