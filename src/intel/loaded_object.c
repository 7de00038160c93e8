#include "intel/loaded_object.h"

#include "base/jsonw.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/write.h"

#define EXTENSION "extension-definition--2f5d7a3e-91c4-4c0b-8a6d-5e0f3b7c2d18"
#define OBJECT_MAX ((size_t)256 << 10)

static void put_statement(struct jsonw *w, const struct loaded_statement *s)
{
	if (s->member.n > 0)
		jsonw_m_str(w, "member", s->member);
	jsonw_m_time(w, "since", s->since);
	if (s->out)
		jsonw_m_bool(w, "out", true);
	if (s->n == 0) /* an empty list is no list (STIX 2.1 §3.7.3) */
		return;
	jsonw_m_time(w, "live_since", s->at);
	jsonw_name(w, "indicators");
	jsonw_array(w);
	for (size_t i = 0; i < s->n; i++)
		jsonw_str(w, s->indicators[i]);
	jsonw_array_end(w);
}

enum rc loaded_object(struct arena *a, const struct loaded_statement *s, struct str creator, struct str key, uint8_t tlp, struct str *ret,
		      struct err *err)
{
	char id[STIX_ID_MAX + 1];
	usec at = s->n > 0 ? s->at : s->since;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (s->n > LOADED_INDICATORS_MAX || s->member.n > LOADED_MEMBER_MAX)
		return FAIL(err, RC_LIMIT, "loaded: too much for one statement");
	stix_derived_id(S(LOADED_TYPE), key, id);
	buf_init(&b, OBJECT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	stix_write_head(&w, LOADED_TYPE, str_of(id), creator, at, at);
	stix_write_tlp(&w, (enum tlp)tlp);
	stix_write_new_sdo(&w, EXTENSION);
	put_statement(&w, s);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "loaded");
	if (rc == RC_OK) {
		*ret = arena_dup(a, buf_view(&b));
		rc = ret->p == NULL ? FAIL(err, RC_NOMEM, "loaded: out of memory") : RC_OK;
	}
	buf_done(&b);
	return rc;
}

static enum rc read_indicators(struct arena *a, const struct json *list, struct loaded_statement *ret, struct err *err)
{
	struct str *ids;

	if (!json_is(list, JSON_ARRAY) || list->n > LOADED_INDICATORS_MAX)
		return FAIL(err, RC_BAD, "loaded: at most %d indicators in a list", LOADED_INDICATORS_MAX);
	ids = arena_array(a, list->n + 1, sizeof *ids);
	if (ids == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	JSON_EACH(item, list) {
		struct str id = json_str(item);

		if (!str_starts(id, S("indicator--")) || id.n > STIX_ID_MAX)
			return FAIL(err, RC_BAD, "loaded: what is listed is no indicator");
		ids[ret->n++] = id;
	}
	ret->indicators = ids;
	return RC_OK;
}

enum rc loaded_read(struct arena *a, const struct json *object, struct loaded_statement *ret, struct err *err)
{
	struct str member = json_get_str(object, S("member"));
	const struct json *list = json_get(object, S("indicators"));

	*ret = (struct loaded_statement){ .member = member.p == NULL ? S("") : member };
	if (member.n > LOADED_MEMBER_MAX)
		return FAIL(err, RC_BAD, "loaded: a pseudonym of %zu bytes", member.n);
	if (time_parse(json_get_str(object, S("since")), &ret->since, NULL, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "loaded: since is no time");
	(void)json_bool(json_get(object, S("out")), &ret->out);
	if (list == NULL)
		return RC_OK;
	if (time_parse(json_get_str(object, S("live_since")), &ret->at, NULL, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "loaded: live_since is no time");
	return read_indicators(a, list, ret, err);
}
