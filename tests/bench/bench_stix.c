/* What one object costs on its way in: read, validate, level, id. The floor is
 * the parse of the same bytes alone. */
#include "bench.h"

#include "base/mem.h"
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/validate.h"

#define OBJECTS 20000

/* 617 bytes: the indicator that the goals of the issue speak of. */
static const char INDICATOR[] =
	"{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\","
	"\"created_by_ref\":\"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff\",\"created\":\"2016-04-06T20:03:48.000Z\","
	"\"modified\":\"2016-04-06T20:03:48.000Z\",\"indicator_types\":[\"malicious-activity\"],\"name\":\"Poison Ivy Malware\","
	"\"description\":\"This file is part of Poison Ivy and was seen twice.\",\"pattern\":"
	"\"[file:hashes.'SHA-256' = '4bac27393bdd9777ce02453256c5577cd02275510b2227f473d03f533924f877']\","
	"\"pattern_type\":\"stix\",\"valid_from\":\"2016-01-01T00:00:00Z\",\"object_marking_refs\":"
	"[\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\"]}";

struct work {
	struct arena *a;
	bool validate, read, shoulds;
	uint64_t good;
};

static void parse_round(void *ctx)
{
	struct work *w = ctx;
	struct stix_validate_opts opts = { .shoulds = w->shoulds };

	for (int i = 0; i < OBJECTS; i++) {
		const struct json *v;
		struct stix_object o;
		struct stix_level l;

		arena_reset(w->a);
		if (json_parse(w->a, str_make(INDICATOR, sizeof INDICATOR - 1), &JSON_LIMITS, &v, NULL) != RC_OK)
			continue;
		if (w->read && stix_object_read(v, str_make(INDICATOR, sizeof INDICATOR - 1), &o, NULL) == RC_OK) {
			stix_level_of(v, NULL, NULL, &l);
			w->good += l.tlp == TLP_GREEN;
		}
		if (w->validate)
			w->good += stix_validate(v, &opts, NULL, NULL, NULL, NULL) == RC_OK;
	}
}

static void id_round(void *ctx)
{
	struct work *w = ctx;
	char out[STIX_ID_MAX + 1];
	const struct json *v;
	struct str id;

	arena_reset(w->a);
	if (json_parse(w->a, S("{\"type\":\"ipv4-addr\",\"value\":\"198.51.100.3\"}"), &JSON_LIMITS, &v, NULL) != RC_OK)
		return;
	for (int i = 0; i < OBJECTS; i++)
		w->good += stix_sco_id(v, out, &id, NULL) == RC_OK;
}

int main(void)
{
	struct work w = { .a = arena_new((size_t)1 << 20) };

	printf("indicator %zu bytes\n", sizeof INDICATOR - 1);
	bench_rate("floor_json_parse", OBJECTS, "objects/s", parse_round, &w);
	w.read = true;
	bench_rate("parse_read_level", OBJECTS, "objects/s", parse_round, &w);
	w.validate = true;
	bench_rate("parse_read_level_validate", OBJECTS, "objects/s", parse_round, &w);
	w.shoulds = true;
	bench_rate("parse_read_level_validate_shoulds", OBJECTS, "objects/s", parse_round, &w);
	bench_rate("sco_id", OBJECTS, "ids/s", id_round, &w);
	arena_free(w.a);
	return w.good == 0;
}
