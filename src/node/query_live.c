/* Which of these indicators the detector has in force now. */
#include "node/query_int.h"

static bool in_force(struct detector *d, struct str id, usec at)
{
	return d->conf->match && (image_knows(d->image, id, at) || patterns_in_force(d->patterns, id, at));
}

enum rc query_live(struct query_asked *a, struct buf *out, struct err *err)
{
	const struct json *ids = json_get(a->body, S("ids"));
	usec now = time_now();
	struct jsonw w;

	if (!json_is(ids, JSON_ARRAY))
		return FAIL(err, RC_BAD, "ids: a list is needed");
	patterns_settle(a->detector->patterns);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_name(&w, "live");
	jsonw_array(&w);
	JSON_EACH(id, ids)
		if (in_force(a->detector, json_str(id), now))
			jsonw_str(&w, json_str(id));
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	return RC_OK;
}
