#include "stix/marking.h"
#include "stix/object.h"
#include "tap.h"

#define PARSE_MAX ((size_t)1 << 20)
#define OTHER "marking-definition--11111111-1111-4111-8111-111111111111"
#define CUSTOM "marking-definition--22222222-2222-4222-8222-222222222222"

static void test_names(void)
{
	static const struct { const char *text; bool good; enum tlp tlp; } rows[] = {
		{ "TLP:CLEAR", true, TLP_CLEAR }, { "white", true, TLP_CLEAR }, { "tlp:green", true, TLP_GREEN },
		{ "Amber", true, TLP_AMBER }, { "TLP:AMBER+STRICT", true, TLP_AMBER_STRICT },
		{ "amber_strict", true, TLP_AMBER_STRICT }, { "RED", true, TLP_RED }, { "", false, TLP_RED },
		{ "TLP:", false, TLP_RED }, { "purple", false, TLP_RED }, { "TLP:RED ", false, TLP_RED },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		enum tlp t = TLP_RED;

		OK(tlp_parse(str_of(rows[i].text), &t) == rows[i].good && t == rows[i].tlp, "'%s'", rows[i].text);
	}
	for (enum tlp t = TLP_CLEAR; t < TLP_COUNT; t++) {
		enum tlp back = TLP_RED;

		OK(tlp_parse(str_of(tlp_name(t)), &back) && back == t, "%s names itself", tlp_name(t));
	}
	EQ_STR(str_of(tlp_name((enum tlp)99)), S("TLP:RED"), "what is outside the scale is RED");
}

static void test_builtin(void)
{
	static const char *const uuids[] = {
		"613f2e26-407d-48c7-9eca-b8e91df99dc9", "34098fce-860f-48ae-8e50-ebd3cc5e41da",
		"f88d31f6-486f-44da-b317-01333bde0b82", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
		"94868c89-83c2-464b-929b-a1a8aa3c8487", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
		"55d920b0-5e8b-4f79-9ee9-91f868d9b421", "939a9414-2ddd-4d32-a0cd-375ea402b003",
		"e828b379-4e03-4974-9ac4-e53a884c97c1",
	};
	static const enum tlp levels[] = { TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_RED, TLP_CLEAR, TLP_GREEN, TLP_AMBER,
					   TLP_AMBER_STRICT, TLP_RED };
	struct arena *a = arena_new(PARSE_MAX);

	for (size_t i = 0; i < STIX_TLP_MARKINGS; i++) {
		const struct stix_tlp_marking *m = stix_tlp_marking(i);
		struct stix_object o;
		const struct json *v;
		enum tlp tlp = TLP_AMBER_STRICT;
		struct str type;

		OK(str_eq(str_slice(m->id, 20, m->id.n), str_of(uuids[i])) && m->tlp == levels[i] && m->edition == (i < 4 ? 1 : 2),
		   "definition %zu is %s", i, tlp_name(levels[i]));
		OK(stix_tlp_marking_find(m->id) == m && stix_id_split(m->id, &type, NULL), "found by its id");
		OK(json_parse(a, m->json, &JSON_LIMITS, &v, NULL) == RC_OK && stix_object_read(v, m->json, &o, NULL) == RC_OK &&
		   str_eq(o.id, m->id) && o.spec == STIX_SPEC_21 && o.class == STIX_META, "its text is an object of that id");
		OK(stix_marking_read(v, &tlp) == STIX_MARKING_TLP && tlp == levels[i], "and reads as its level");
		arena_reset(a);
	}
	OK(stix_tlp_marking(STIX_TLP_MARKINGS) == NULL && stix_tlp_marking_find(S(OTHER)) == NULL, "no tenth");
	for (enum tlp t = TLP_CLEAR; t < TLP_COUNT; t++)
		OK(stix_tlp_marking_find(stix_tlp_id(t))->tlp == t && stix_tlp_marking_find(stix_tlp_id(t))->edition == 2,
		   "ours for %s is of TLP 2", tlp_name(t));
	arena_free(a);
}

static enum stix_marking_kind known(void *ctx, struct str id, enum tlp *ret)
{
	(*(int *)ctx)++;
	if (str_eq(id, S(OTHER)))
		return STIX_MARKING_OTHER;
	if (str_eq(id, S(CUSTOM))) {
		*ret = TLP_AMBER;
		return STIX_MARKING_TLP;
	}
	return STIX_MARKING_UNKNOWN;
}

#define GREEN "\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\""
#define STRICT "\"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003\""
#define AMBER1 "\"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82\""

static void test_levels(void)
{
	static const struct { const char *name, *json; struct stix_level want; int asked; } rows[] = {
		{ "no marking", "{}", { TLP_CLEAR, false, false, false }, 0 },
		{ "green", "{\"object_marking_refs\":[" GREEN "]}", { TLP_GREEN, true, false, false }, 0 },
		{ "strictest of two", "{\"object_marking_refs\":[" STRICT "," AMBER1 "]}", { TLP_AMBER_STRICT, true, false, false }, 0 },
		{ "a statement says nothing", "{\"object_marking_refs\":[\"" OTHER "\"]}", { TLP_CLEAR, false, false, false }, 1 },
		{ "resolved", "{\"object_marking_refs\":[\"" CUSTOM "\"," GREEN "]}", { TLP_AMBER, true, false, false }, 1 },
		{ "unknown is red", "{\"object_marking_refs\":[" GREEN ",\"marking-definition--x\"]}", { TLP_RED, true, true, false }, 1 },
		{ "granular counts", "{\"object_marking_refs\":[" GREEN "],\"granular_markings\":[{\"marking_ref\":" STRICT
		  ",\"selectors\":[\"name\"]}]}", { TLP_AMBER_STRICT, true, false, true }, 0 },
		{ "language does not", "{\"granular_markings\":[{\"lang\":\"fr\",\"selectors\":[\"name\"]}]}",
		  { TLP_CLEAR, false, false, false }, 0 },
		{ "granular without ref is red", "{\"granular_markings\":[{\"selectors\":[\"name\"]}]}", { TLP_RED, true, true, true }, 0 },
		{ "refs of a wrong type are red", "{\"object_marking_refs\":\"x\"}", { TLP_RED, true, true, false }, 0 },
		{ "a ref of a wrong type is red", "{\"object_marking_refs\":[7]}", { TLP_RED, true, true, false }, 0 },
		{ "granular of a wrong type is red", "{\"granular_markings\":{}}", { TLP_RED, true, true, true }, 0 },
		{ "upper-case uuid is not the fixed one", "{\"object_marking_refs\":[\"marking-definition--34098FCE-860F-48AE-8E50-EBD3CC5E41DA\"]}",
		  { TLP_RED, true, true, false }, 1 },
	};
	struct arena *a = arena_new(PARSE_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct stix_level l = { 0 };
		const struct json *v;
		int asked = 0;

		OK(json_parse(a, str_of(rows[i].json), &JSON_LIMITS, &v, NULL) == RC_OK, "row %zu", i);
		stix_level_of(v, known, &asked, &l);
		OK(l.tlp == rows[i].want.tlp && l.stated == rows[i].want.stated && l.unknown == rows[i].want.unknown &&
		   l.granular == rows[i].want.granular && asked == rows[i].asked, "%s", rows[i].name);
		stix_level_of(v, NULL, NULL, &l);
		OK(l.tlp >= rows[i].want.tlp, "nobody to ask never lowers it: %s", rows[i].name);
		arena_reset(a);
	}
	arena_free(a);
}

static void test_claims(void)
{
	static const struct { const char *json; enum stix_marking_kind kind; } rows[] = {
		{ "{\"type\":\"marking-definition\",\"id\":\"" OTHER "\",\"definition_type\":\"statement\"}", STIX_MARKING_OTHER },
		{ "{\"type\":\"marking-definition\",\"id\":\"" OTHER "\",\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"white\"}}",
		  STIX_MARKING_UNKNOWN },
		{ "{\"type\":\"marking-definition\",\"id\":\"" OTHER "\",\"definition_type\":\"TLP\"}", STIX_MARKING_UNKNOWN },
		{ "{\"type\":\"marking-definition\",\"id\":\"" OTHER "\",\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-"
		  "aab3-9e08dde9e88d\":{\"tlp_2_0\":\"clear\"}}}", STIX_MARKING_UNKNOWN },
		{ "{\"type\":\"identity\",\"id\":\"" OTHER "\"}", STIX_MARKING_UNKNOWN },
		{ "[]", STIX_MARKING_UNKNOWN },
	};
	struct arena *a = arena_new(PARSE_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		enum tlp tlp = TLP_CLEAR;
		const struct json *v;

		OK(json_parse(a, str_of(rows[i].json), &JSON_LIMITS, &v, NULL) == RC_OK && stix_marking_read(v, &tlp) == rows[i].kind,
		   "who claims TLP is not believed, row %zu", i);
		arena_reset(a);
	}
	arena_free(a);
}

static void test_selectors(void)
{
	static const char object[] = "{\"id\":\"x\",\"name\":\"n\",\"labels\":[\"a\",\"b\"],\"refs\":[{\"url\":\"u\"}],"
				     "\"d\":{\"a-b\":1,\"\":2},\"m\":[[7]]}";
	static const struct { const char *selector, *raw; } rows[] = {
		{ "id", "\"x\"" }, { "labels", "[\"a\",\"b\"]" }, { "labels.[1]", "\"b\"" }, { "refs.[0].url", "\"u\"" },
		{ "d.a-b", "1" }, { "m.[0].[0]", "7" }, { "labels.[2]", NULL }, { "labels.1", NULL }, { "labels[0]", NULL },
		{ "name.[0]", NULL }, { "[0]", NULL }, { "refs.url", NULL }, { "name.x", NULL }, { "", NULL }, { "id.", NULL },
		{ ".id", NULL }, { "refs..url", NULL }, { "labels.[01]", NULL }, { "labels.[-1]", NULL }, { "labels.[]", NULL },
		{ "labels.[4294967296]", NULL }, { "nope", NULL }, { "d.", NULL },
	};
	struct arena *a = arena_new(PARSE_MAX);
	const struct json *v;

	OK(json_parse(a, str_of(object), &JSON_LIMITS, &v, NULL) == RC_OK, "object");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const char *why = NULL;
		const struct json *hit = stix_selector_find(v, str_of(rows[i].selector), &why);

		if (rows[i].raw == NULL)
			OK(hit == NULL && why != NULL, "'%s' names nothing: %s", rows[i].selector, why == NULL ? "" : why);
		else
			EQ_STR(hit == NULL ? S("") : json_raw(hit, str_of(object)), str_of(rows[i].raw), rows[i].selector);
	}
	OK(stix_selector_find(NULL, S("id"), NULL) == NULL, "no object");
	arena_free(a);
}

int main(void)
{
	test_names();
	test_builtin();
	test_levels();
	test_claims();
	test_selectors();
	return tap_done();
}
