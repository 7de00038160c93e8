#include "stix/object.h"
#include "tap.h"

#define PARSE_MAX ((size_t)1 << 20)
#define U "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"

static void test_read(void)
{
	static const struct {
		const char *json;
		enum rc rc;
		enum stix_class class;
		int spec, confidence;
		const char *version;
	} rows[] = {
		{ "{\"type\":\"indicator\",\"id\":\"indicator--" U "\",\"spec_version\":\"2.1\",\"created\":\"c\",\"modified\":\"m\","
		  "\"confidence\":70}", RC_OK, STIX_SDO, 21, 70, "m" },
		{ "{\"type\":\"indicator\",\"id\":\"indicator--" U "\",\"created\":\"c\"}", RC_OK, STIX_SDO, 20, 255, "c" },
		{ "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--" U "\"}", RC_OK, STIX_SCO, 21, 255, "" },
		{ "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--" U "\",\"spec_version\":\"2.0\"}", RC_OK, STIX_SCO, 20, 255, "" },
		{ "{\"type\":\"sighting\",\"id\":\"sighting--" U "\",\"spec_version\":\"2.1\",\"confidence\":101}", RC_OK, STIX_SRO, 21, 255, "" },
		{ "{\"type\":\"bundle\",\"id\":\"bundle--" U "\"}", RC_OK, STIX_BUNDLE, 21, 255, "" },
		{ "{\"type\":\"x-a\",\"id\":\"x-a--" U "\",\"spec_version\":\"2.1\"}", RC_OK, STIX_CUSTOM, 21, 255, "" },
		{ "{\"type\":\"language-content\",\"id\":\"language-content--" U "\",\"spec_version\":\"2.1\"}", RC_OK, STIX_META, 21, 255, "" },
		{ "{\"type\":\"x-a\",\"id\":\"x-a--" U "\",\"spec_version\":\"3\"}", RC_UNSUPPORTED, 0, 0, 0, "" },
		{ "{\"type\":\"tool\",\"id\":\"indicator--" U "\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":\"tool\",\"id\":\"tool--1\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":\"tool\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"id\":\"tool--" U "\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":7,\"id\":\"tool--" U "\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U "\",\"revoked\":\"yes\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U "\",\"object_marking_refs\":\"x\"}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U "\",\"modified\":1}", RC_BAD, 0, 0, 0, "" },
		{ "{\"type\":\"Tool\",\"id\":\"Tool--" U "\"}", RC_BAD, 0, 0, 0, "" },
		{ "[]", RC_BAD, 0, 0, 0, "" },
	};
	struct arena *a = arena_new(PARSE_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct stix_object o = { 0 };
		const struct json *v;
		struct err err = { 0 };
		enum rc rc;

		OK(json_parse(a, str_of(rows[i].json), &JSON_LIMITS, &v, NULL) == RC_OK, "row %zu is JSON", i);
		rc = stix_object_read(v, str_of(rows[i].json), &o, &err);
		OK(rc == rows[i].rc && (rc == RC_OK) == (err.text[0] == '\0'), "rc %d: %s", rc, err.text);
		if (rows[i].rc == RC_OK) {
			OK(o.class == rows[i].class && o.spec == rows[i].spec && o.confidence == rows[i].confidence, "class and numbers");
			EQ_STR(o.version, str_of(rows[i].version), "version");
			EQ_STR(o.raw, str_of(rows[i].json), "raw");
		} else {
			OK(o.id.p == NULL, "untouched on failure");
		}
		arena_reset(a);
	}
	arena_free(a);
}

static void test_ids(void)
{
	static const struct { const char *id, *type; } rows[] = {
		{ "tool--" U, "tool" }, { "x-a-b--" U, "x-a-b" }, { "tool-" U, NULL }, { "tool---" U, NULL }, { "--" U, NULL },
		{ "ab--" U, NULL }, { "tool--8e2e2d2b-17d4-4cbf-038f-98ee46b3cd3f", NULL }, { "tool--", NULL }, { "", NULL },
		{ "a--b--" U, NULL }, { "1ab--" U, NULL }, { "to ol--" U, NULL },
	};
	char type[STIX_TYPE_MAX + 2];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str got = { 0 };
		struct uuid u;
		bool good = stix_id_split(str_of(rows[i].id), &got, &u);

		OK(good == (rows[i].type != NULL) && (!good || str_eq(got, str_of(rows[i].type))), "'%s'", rows[i].id);
	}
	memset(type, 'a', sizeof type);
	OK(stix_type_name_ok(str_make(type, STIX_TYPE_MAX)) && !stix_type_name_ok(str_make(type, STIX_TYPE_MAX + 1)), "250 at most");
}

static void test_versions(void)
{
	static const struct { const char *a, *b; int order; } rows[] = {
		{ "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z", 0 },
		{ "2020-01-01T00:00:00.0001Z", "2020-01-01T00:00:00.00010Z", 0 },
		{ "2020-01-01T00:00:00.1Z", "2020-01-01T00:00:00.01Z", 1 },
		{ "2019-12-31T23:59:59.9999999Z", "2020-01-01T00:00:00Z", -1 },
		{ "2020-01-01T00:00:00.1234567Z", "2020-01-01T00:00:00.1234568Z", -1 },
		{ "", "2020-01-01T00:00:00Z", -1 }, { "2020-01-01T00:00:00Z", "z", 1 }, { "a", "b", -1 }, { "", "", 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int order = stix_version_cmp(str_of(rows[i].a), str_of(rows[i].b));
		int back = stix_version_cmp(str_of(rows[i].b), str_of(rows[i].a));

		OK((order > 0) - (order < 0) == rows[i].order && (back > 0) - (back < 0) == -rows[i].order, "'%s' and '%s'", rows[i].a,
		   rows[i].b);
	}
}

#define TOOL(modified, rest) "{\"type\":\"tool\",\"id\":\"tool--" U "\",\"modified\":\"" modified "\"" rest "}"

static void test_arrival(void)
{
	static const struct { const char *name, *known, *incoming; enum stix_arrival want; } rows[] = {
		{ "newer", TOOL("2020-01-01T00:00:00.000Z", ""), TOOL("2020-01-01T00:00:00.001Z", ""), STIX_NEWER },
		{ "older", TOOL("2020-01-01T00:00:00.001Z", ""), TOOL("2020-01-01T00:00:00.000Z", ""), STIX_OLDER },
		{ "same", TOOL("2020-01-01T00:00:00Z", ",\"a\":1,\"b\":2"), TOOL("2020-01-01T00:00:00Z", ",\"b\":2.0,\"a\":1"), STIX_SAME },
		{ "clash", TOOL("2020-01-01T00:00:00Z", ",\"a\":1"), TOOL("2020-01-01T00:00:00Z", ",\"a\":2"), STIX_CLASH },
		{ "revoked is final", TOOL("2020-01-01T00:00:00Z", ",\"revoked\":true"), TOOL("2021-01-01T00:00:00Z", ""), STIX_REVOKED },
		{ "older than a revocation", TOOL("2020-01-01T00:00:00Z", ",\"revoked\":true"), TOOL("2019-01-01T00:00:00Z", ""), STIX_OLDER },
		{ "another's version", TOOL("2020-01-01T00:00:00Z", ",\"created_by_ref\":\"identity--a\""),
		  TOOL("2021-01-01T00:00:00Z", ",\"created_by_ref\":\"identity--b\""), STIX_FOREIGN },
	};
	struct arena *a = arena_new(PARSE_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct stix_object x = { 0 }, y = { 0 };
		const struct json *v, *w;

		OK(json_parse(a, str_of(rows[i].known), &JSON_LIMITS, &v, NULL) == RC_OK &&
		   json_parse(a, str_of(rows[i].incoming), &JSON_LIMITS, &w, NULL) == RC_OK &&
		   stix_object_read(v, S(""), &x, NULL) == RC_OK && stix_object_read(w, S(""), &y, NULL) == RC_OK &&
		   stix_arrives(&x, &y) == rows[i].want, "%s", rows[i].name);
		arena_reset(a);
	}
	arena_free(a);
}

int main(void)
{
	test_read();
	test_ids();
	test_versions();
	test_arrival();
	return tap_done();
}
