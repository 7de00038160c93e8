#include "detect/indicator_json.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "stix/marking.h"

struct indicator_context {
	struct map *markings; /* id -> kind and level */
	struct map *versions; /* uuid -> modified */
};

struct indicator_context *indicator_context_new(void)
{
	struct indicator_context *c = mem_alloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->markings = map_new(INDICATOR_MARKINGS_MAX);
	c->versions = map_new(IMAGE_INDICATORS_MAX);
	if (c->markings == NULL || c->versions == NULL) {
		indicator_context_free(c);
		return NULL;
	}
	return c;
}

void indicator_context_free(struct indicator_context *c)
{
	if (c == NULL)
		return;
	map_free(c->markings);
	map_free(c->versions);
	mem_free(c);
}

void indicator_context_freep(struct indicator_context **c)
{
	indicator_context_free(*c);
}

enum rc indicator_marking(struct indicator_context *c, const struct json *v, struct err *err)
{
	struct str id = json_get_str(v, S("id"));
	enum stix_marking_kind kind;
	enum tlp tlp = TLP_RED;

	if (!str_eq(json_get_str(v, S("type")), S("marking-definition")) || id.n == 0)
		return RC_OK;
	kind = stix_marking_read(v, &tlp);
	return map_put(c->markings, id, (uint64_t)kind << 8 | (uint64_t)tlp) == RC_NOMEM ? FAIL(err, RC_NOMEM, "indicators: out of memory") : RC_OK;
}

static enum stix_marking_kind find_marking(void *ctx, struct str id, enum tlp *ret)
{
	const struct indicator_context *c = ctx;
	uint64_t found;

	if (!map_get(c->markings, id, &found))
		return STIX_MARKING_UNKNOWN;
	*ret = (enum tlp)(found & 0xff);
	return (enum stix_marking_kind)(found >> 8);
}

static usec instant_of(const struct json *v, struct str name, usec fallback)
{
	usec t;

	return time_parse(json_get_str(v, name), &t, NULL, NULL) == RC_OK ? t : fallback;
}

enum rc indicator_read(const struct indicator_context *c, const struct json *v, struct indicator_told *ret, struct err *err)
{
	struct indicator_context *markings = (struct indicator_context *)(uintptr_t)c; /* only read, through a void pointer */
	struct stix_level level;
	int64_t confidence;
	bool revoked;

	if (!str_eq(json_get_str(v, S("type")), S("indicator")))
		return FAIL(err, RC_NOTFOUND, "no indicator");
	stix_level_of(v, find_marking, markings, &level);
	*ret = (struct indicator_told){ .name = json_get_str(v, S("name")), .unknown_marking = level.unknown };
	ret->i = (struct image_indicator){ .id = json_get_str(v, S("id")), .pattern = json_get_str(v, S("pattern")), .confidence = UINT8_MAX,
					   .valid_from = instant_of(v, S("valid_from"), INT64_MIN),
					   .valid_until = instant_of(v, S("valid_until"), 0),
					   .tlp = level.stated ? (uint8_t)level.tlp : INDICATOR_TLP_NONE };
	ret->i.revoked = json_bool(json_get(v, S("revoked")), &revoked) && revoked;
	if (json_int(json_get(v, S("confidence")), &confidence) && confidence >= 0 && confidence <= 100)
		ret->i.confidence = (uint8_t)confidence;
	if (json_get(v, S("pattern_type")) != NULL && !str_eq(json_get_str(v, S("pattern_type")), S("stix")))
		return FAIL(err, RC_UNSUPPORTED, "its pattern is not of the type stix");
	return RC_OK;
}

enum rc indicator_newest(struct indicator_context *c, const struct json *v, bool *ret, struct err *err)
{
	usec modified = instant_of(v, S("modified"), INT64_MIN);
	struct str id = json_get_str(v, S("id")), key = id;
	struct uuid uuid;
	uint64_t known;

	if (str_starts(id, S("indicator--")) && uuid_parse(str_slice(id, 11, id.n), &uuid))
		key = str_make((const char *)uuid.b, sizeof uuid.b);
	*ret = !map_get(c->versions, key, &known) || (usec)known <= modified;
	if (*ret && map_put(c->versions, key, (uint64_t)modified) == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	return RC_OK;
}
