#include "stix/marking.h"

#include "stix/schema.h"

#define ID_LEN (sizeof "marking-definition--" - 1 + UUID_TEXT_LEN)
#define EXT_TLP_2 "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

#define TLP_1(uuid_, upper, lower, level) { \
	NAME("marking-definition--" uuid_), \
	NAME("{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--" uuid_ \
	     "\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\",\"name\":\"TLP:" upper \
	     "\",\"definition\":{\"tlp\":\"" lower "\"}}"), level, 1 }
#define TLP_2(uuid_, upper, lower, level) { \
	NAME("marking-definition--" uuid_), \
	NAME("{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--" uuid_ \
	     "\",\"created\":\"2022-10-01T00:00:00.000Z\",\"name\":\"TLP:" upper "\",\"extensions\":{\"" EXT_TLP_2 \
	     "\":{\"extension_type\":\"property-extension\",\"tlp_2_0\":\"" lower "\"}}}"), level, 2 }

/* STIX 2.1 §7.2.1.4; FIRST's TLP 2.0 as the extension definition of the OASIS CTI TC. */
static const struct stix_tlp_marking TABLE[STIX_TLP_MARKINGS] = {
	TLP_1("613f2e26-407d-48c7-9eca-b8e91df99dc9", "WHITE", "white", TLP_CLEAR),
	TLP_1("34098fce-860f-48ae-8e50-ebd3cc5e41da", "GREEN", "green", TLP_GREEN),
	TLP_1("f88d31f6-486f-44da-b317-01333bde0b82", "AMBER", "amber", TLP_AMBER),
	TLP_1("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "RED", "red", TLP_RED),
	TLP_2("94868c89-83c2-464b-929b-a1a8aa3c8487", "CLEAR", "clear", TLP_CLEAR),
	TLP_2("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "GREEN", "green", TLP_GREEN),
	TLP_2("55d920b0-5e8b-4f79-9ee9-91f868d9b421", "AMBER", "amber", TLP_AMBER),
	TLP_2("939a9414-2ddd-4d32-a0cd-375ea402b003", "AMBER+STRICT", "amber+strict", TLP_AMBER_STRICT),
	TLP_2("e828b379-4e03-4974-9ac4-e53a884c97c1", "RED", "red", TLP_RED),
};

const char *tlp_name(enum tlp tlp)
{
	switch (tlp) {
	case TLP_CLEAR: return "TLP:CLEAR";
	case TLP_GREEN: return "TLP:GREEN";
	case TLP_AMBER: return "TLP:AMBER";
	case TLP_AMBER_STRICT: return "TLP:AMBER+STRICT";
	case TLP_RED: return "TLP:RED";
	}
	return "TLP:RED";
}

bool tlp_parse(struct str text, enum tlp *ret)
{
	static const struct { struct str name; enum tlp tlp; } rows[] = {
		{ NAME("CLEAR"), TLP_CLEAR }, { NAME("WHITE"), TLP_CLEAR }, { NAME("GREEN"), TLP_GREEN },
		{ NAME("AMBER"), TLP_AMBER }, { NAME("AMBER+STRICT"), TLP_AMBER_STRICT },
		{ NAME("AMBER_STRICT"), TLP_AMBER_STRICT }, { NAME("RED"), TLP_RED },
	};

	if (text.n > 4 && str_eq_nocase(str_slice(text, 0, 4), S("TLP:")))
		text = str_slice(text, 4, text.n);
	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (str_eq_nocase(text, rows[i].name)) {
			*ret = rows[i].tlp;
			return true;
		}
	return false;
}

const struct stix_tlp_marking *stix_tlp_marking(size_t i)
{
	return i < STIX_TLP_MARKINGS ? &TABLE[i] : NULL;
}

const struct stix_tlp_marking *stix_tlp_marking_find(struct str id)
{
	if (id.n != ID_LEN)
		return NULL;
	for (size_t i = 0; i < STIX_TLP_MARKINGS; i++)
		if (memcmp(TABLE[i].id.p, id.p, ID_LEN) == 0)
			return &TABLE[i];
	return NULL;
}

struct str stix_tlp_id(enum tlp tlp)
{
	for (size_t i = 4; i < STIX_TLP_MARKINGS; i++)
		if (TABLE[i].tlp == tlp)
			return TABLE[i].id;
	return TABLE[STIX_TLP_MARKINGS - 1].id;
}

enum stix_marking_kind stix_marking_read(const struct json *definition, enum tlp *ret_tlp)
{
	const struct stix_tlp_marking *fixed = stix_tlp_marking_find(json_get_str(definition, S("id")));

	if (fixed != NULL) {
		*ret_tlp = fixed->tlp;
		return STIX_MARKING_TLP;
	}
	if (!str_eq(json_get_str(definition, S("type")), S("marking-definition")))
		return STIX_MARKING_UNKNOWN;
	/* Only the fixed ids may say TLP: whoever else does is not believed. */
	if (str_eq_nocase(json_get_str(definition, S("definition_type")), S("tlp")) ||
	    json_get(json_get(definition, S("extensions")), S(EXT_TLP_2)) != NULL)
		return STIX_MARKING_UNKNOWN;
	return STIX_MARKING_OTHER;
}

static void add_marking(struct stix_level *l, const struct json *ref, stix_marking_fn known, void *ctx)
{
	struct str id = json_str(ref);
	const struct stix_tlp_marking *fixed = stix_tlp_marking_find(id);
	enum stix_marking_kind kind = fixed != NULL ? STIX_MARKING_TLP : STIX_MARKING_UNKNOWN;
	enum tlp tlp = fixed != NULL ? fixed->tlp : TLP_RED;

	if (fixed == NULL && known != NULL && id.p != NULL)
		kind = known(ctx, id, &tlp);
	if (kind == STIX_MARKING_OTHER)
		return;
	if (kind == STIX_MARKING_UNKNOWN) {
		l->unknown = true;
		tlp = TLP_RED;
	}
	l->tlp = tlp_stricter(l->tlp, tlp);
	l->stated = true;
}

void stix_level_of(const struct json *object, stix_marking_fn known, void *ctx, struct stix_level *ret)
{
	struct stix_level l = { .tlp = TLP_CLEAR };
	const struct json *refs = json_get(object, S("object_marking_refs"));
	const struct json *granular = json_get(object, S("granular_markings"));

	if (json_is(refs, JSON_ARRAY)) {
		JSON_EACH(ref, refs)
			add_marking(&l, ref, known, ctx);
	} else if (refs != NULL) {
		add_marking(&l, NULL, known, ctx);
	}
	if (json_is(granular, JSON_ARRAY)) {
		JSON_EACH(g, granular) {
			const struct json *ref = json_get(g, S("marking_ref"));

			if (ref == NULL && json_get(g, S("lang")) != NULL)
				continue;
			l.granular = true;
			add_marking(&l, ref, known, ctx);
		}
	} else if (granular != NULL) {
		l.granular = true;
		add_marking(&l, NULL, known, ctx);
	}
	*ret = l;
}
