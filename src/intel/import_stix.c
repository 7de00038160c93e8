/* STIX: bundles, TAXII envelopes, lists and JSON lines, cut into objects by
 * jsonsplit, so that a document of any size is read in the memory of one object. */
#include "base/jsonsplit.h"
#include "intel/import_int.h"
#include "stix/upgrade.h"

static enum rc stix_open(struct import *im, struct err *err)
{
	im->reader = jsonsplit_new(S("objects"), ELEMENT_MAX);
	return im->reader == NULL ? FAIL(err, RC_NOMEM, "import: no memory") : RC_OK;
}

static void stix_close(struct import *im)
{
	jsonsplit_free(im->reader);
}

/* A bundle inside a list: its objects count. */
static enum rc put_bundle(struct import *im, struct str raw, uint64_t number, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(SINK_MEMORY);
	struct json_limits limits = { .bytes = ELEMENT_MAX, .depth = JSON_LIMITS.depth, .nodes = 32u << 20 };
	const struct json *bundle, *objects;
	uint64_t i = 0;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	rc = json_parse(a, raw, &limits, &bundle, err);
	if (rc != RC_OK)
		return rc;
	objects = json_get(bundle, S("objects"));
	if (objects == NULL) /* STIX 2.1 §8: a bundle may be empty */
		return RC_OK;
	if (!json_is(objects, JSON_ARRAY))
		return FAIL(err, RC_BAD, "bundle %llu: /objects: expected an array", (unsigned long long)number);
	JSON_EACH(v, objects) {
		char where[64];

		snprintf(where, sizeof where, "/%llu/objects/%llu", (unsigned long long)number, (unsigned long long)i++);
		TRY(sink_put(&im->sink, json_raw(v, raw), (struct place){ 0, str_of(where) }, false, err));
	}
	return RC_OK;
}

/* A cheap look that is right for anything that parses: "bundle" as a value of "type" at the start of the element. */
static bool may_be_bundle(struct str raw)
{
	size_t at = str_find(str_slice(raw, 0, 4096), S("\"bundle\""), 0);

	return at != SIZE_MAX && str_find(raw, S("\"objects\""), 0) != SIZE_MAX;
}

static bool is_bundle(struct str raw)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(SINK_MEMORY);
	struct json_limits limits = { .bytes = ELEMENT_MAX, .depth = JSON_LIMITS.depth, .nodes = 32u << 20 };
	const struct json *v;

	return a != NULL && json_parse(a, raw, &limits, &v, NULL) == RC_OK && str_eq(json_get_str(v, S("type")), S("bundle"));
}

static enum rc stix_feed(struct import *im, struct str piece, struct err *err)
{
	jsonsplit_feed(im->reader, piece);
	for (;;) {
		struct str raw;
		char where[40];
		uint64_t number;

		TRY(jsonsplit_next(im->reader, &raw, err));
		if (raw.p == NULL)
			return RC_OK;
		number = jsonsplit_count(im->reader) - 1;
		snprintf(where, sizeof where, "/objects/%llu", (unsigned long long)number);
		if (may_be_bundle(raw) && is_bundle(raw))
			TRY(put_bundle(im, raw, number, err));
		else
			TRY(sink_put(&im->sink, raw, (struct place){ 0, str_of(where) }, false, err));
	}
}

static enum rc stix_end(struct import *im, struct err *err)
{
	return jsonsplit_end(im->reader, err);
}

const struct reader_ops IMPORT_STIX_OPS = { stix_open, stix_feed, stix_end, stix_close };
