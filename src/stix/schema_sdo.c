/* Domain objects, relationships and meta objects (STIX 2.1 §4, §5, §7, §8; 2.0 part 2). */
#include "stix/rules.h"
#include "stix/vocab.h"

#define STRING(n, ...) { NAME(n), .kind = SK_STRING, __VA_ARGS__ }
#define STRINGS(n, ...) { NAME(n), .kind = SK_STRING, .flags = LIST __VA_ARGS__ }
#define TIME(n, ...) { NAME(n), .kind = SK_TIME, __VA_ARGS__ }
#define OPEN(n, voc, fl) { NAME(n), .kind = SK_VOCAB, .flags = (fl), .vocab = &(voc) }
#define REF(n, to, fl) { NAME(n), .kind = SK_ID, .flags = (fl), .refs = (to) }
#define PHASES { NAME("kill_chain_phases"), .kind = SK_STRUCT, .flags = LIST, .sub = &STIX_KILL_CHAIN }
#define DESCRIPTION STRING("description")
#define ALIASES(...) STRINGS("aliases", __VA_ARGS__)
#define NAME_REQ STRING("name", .flags = REQ)

static const struct stix_rule SEEN[] = { { SR_GE, 0, "last_seen first_seen", NULL } };

static const struct stix_prop ATTACK_PATTERN[] = { NAME_REQ, DESCRIPTION, ALIASES(| ONLY21), PHASES };

static const struct stix_prop CAMPAIGN[] = {
	NAME_REQ, DESCRIPTION, ALIASES(), TIME("first_seen"), TIME("last_seen"), STRING("objective"),
};

static const struct stix_prop COURSE_OF_ACTION[] = { NAME_REQ, DESCRIPTION };

static const struct stix_prop GROUPING[] = {
	STRING("name"), DESCRIPTION, OPEN("context", VOC_GROUPING, REQ), REF("object_refs", NULL, LIST | REQ),
};

static const struct stix_prop IDENTITY[] = {
	NAME_REQ, DESCRIPTION, STRINGS("roles", | ONLY21), OPEN("identity_class", VOC_IDENTITY_CLASS, REQ20),
	OPEN("sectors", VOC_INDUSTRY, LIST), STRING("contact_information"),
};

static const struct stix_prop INCIDENT[] = { NAME_REQ, DESCRIPTION };

static const struct stix_prop INDICATOR[] = {
	STRING("name"), DESCRIPTION,
	{ NAME("labels"), .kind = SK_VOCAB, .flags = LIST | REQ20 | ONLY20, .vocab = &VOC_INDICATOR_LABEL_20 },
	OPEN("indicator_types", VOC_INDICATOR_TYPE, LIST | ONLY21), STRING("pattern", .flags = REQ),
	OPEN("pattern_type", VOC_PATTERN_TYPE, REQ21 | ONLY21), STRING("pattern_version", .flags = ONLY21),
	TIME("valid_from", .flags = REQ), TIME("valid_until"), PHASES,
};
static const struct stix_rule INDICATOR_RULES[] = {
	{ SR_GT, 0, "valid_until valid_from", NULL }, { SR_FN, 0, NULL, rule_pattern },
};

static const struct stix_prop INFRASTRUCTURE[] = {
	NAME_REQ, DESCRIPTION, OPEN("infrastructure_types", VOC_INFRASTRUCTURE, LIST), ALIASES(), PHASES,
	TIME("first_seen"), TIME("last_seen"),
};

static const struct stix_prop INTRUSION_SET[] = {
	NAME_REQ, DESCRIPTION, ALIASES(), TIME("first_seen"), TIME("last_seen"), STRINGS("goals"),
	OPEN("resource_level", VOC_RESOURCE_LEVEL, 0), OPEN("primary_motivation", VOC_ATTACK_MOTIVATION, 0),
	OPEN("secondary_motivations", VOC_ATTACK_MOTIVATION, LIST),
};

static const struct stix_prop LOCATION[] = {
	STRING("name"), DESCRIPTION,
	{ NAME("latitude"), .kind = SK_FLOAT, .min = -90, .max = 90 },
	{ NAME("longitude"), .kind = SK_FLOAT, .min = -180, .max = 180 },
	{ NAME("precision"), .kind = SK_FLOAT }, OPEN("region", VOC_REGION, 0), STRING("country"),
	STRING("administrative_area"), STRING("city"), STRING("street_address"), STRING("postal_code"),
};
static const struct stix_rule LOCATION_RULES[] = {
	{ SR_ANY_OF, 0, "region country latitude", NULL }, { SR_NEEDS, 0, "latitude longitude", NULL },
	{ SR_NEEDS, 0, "longitude latitude", NULL }, { SR_NEEDS, 0, "precision latitude longitude", NULL },
};

static const struct stix_prop MALWARE[] = {
	STRING("name", .flags = REQ20), DESCRIPTION,
	{ NAME("labels"), .kind = SK_VOCAB, .flags = LIST | REQ20 | ONLY20, .vocab = &VOC_MALWARE_LABEL_20 },
	OPEN("malware_types", VOC_MALWARE_TYPE, LIST | ONLY21),
	{ NAME("is_family"), .kind = SK_BOOL, .flags = REQ21 | ONLY21 }, ALIASES(| ONLY21), PHASES,
	TIME("first_seen", .flags = ONLY21), TIME("last_seen", .flags = ONLY21),
	REF("operating_system_refs", "software", LIST | ONLY21),
	OPEN("architecture_execution_envs", VOC_ARCHITECTURE, LIST | ONLY21),
	OPEN("implementation_languages", VOC_LANGUAGE, LIST | ONLY21), OPEN("capabilities", VOC_CAPABILITY, LIST | ONLY21),
	REF("sample_refs", "file artifact", LIST | ONLY21),
};
static const struct stix_rule MALWARE_RULES[] = {
	{ SR_GE, 0, "last_seen first_seen", NULL }, { SR_FN, ONLY21, NULL, rule_malware_family },
};

static const struct stix_prop MALWARE_ANALYSIS[] = {
	STRING("product", .flags = REQ), STRING("version"), REF("host_vm_ref", "software", 0),
	REF("operating_system_ref", "software", 0), REF("installed_software_refs", "software", LIST),
	STRING("configuration_version"), STRINGS("modules"), STRING("analysis_engine_version"),
	STRING("analysis_definition_version"), TIME("submitted"), TIME("analysis_started"), TIME("analysis_ended"),
	STRING("result_name"), OPEN("result", VOC_MALWARE_RESULT, 0), REF("analysis_sco_refs", "@sco", LIST),
	REF("sample_ref", "file artifact network-traffic", 0),
};
static const struct stix_rule MALWARE_ANALYSIS_RULES[] = {
	{ SR_ANY_OF, 0, "result analysis_sco_refs", NULL }, { SR_GE, 0, "analysis_ended analysis_started", NULL },
};

static const struct stix_prop NOTE[] = {
	STRING("abstract"), STRING("content", .flags = REQ), STRINGS("authors"), REF("object_refs", NULL, LIST | REQ),
};

static const struct stix_prop OBSERVED_DATA[] = {
	TIME("first_observed", .flags = REQ), TIME("last_observed", .flags = REQ),
	{ NAME("number_observed"), .kind = SK_INT, .flags = REQ, .min = 1, .max = 999999999 },
	{ NAME("objects"), .kind = SK_OBSERVABLES, .flags = REQ20 }, REF("object_refs", "@sco @sro", LIST | ONLY21),
};
static const struct stix_rule OBSERVED_DATA_RULES[] = {
	{ SR_GE, 0, "last_observed first_observed", NULL }, { SR_ONE_OF, ONLY21, "objects object_refs", NULL },
};

static const struct stix_prop OPINION[] = {
	STRING("explanation"), STRINGS("authors"),
	{ NAME("opinion"), .kind = SK_ENUM, .flags = REQ, .vocab = &VOC_OPINION }, REF("object_refs", NULL, LIST | REQ),
};

static const struct stix_prop REPORT[] = {
	NAME_REQ, DESCRIPTION,
	{ NAME("labels"), .kind = SK_VOCAB, .flags = LIST | REQ20 | ONLY20, .vocab = &VOC_REPORT_TYPE },
	OPEN("report_types", VOC_REPORT_TYPE, LIST | ONLY21), TIME("published", .flags = REQ),
	REF("object_refs", NULL, LIST | REQ),
};

static const struct stix_prop THREAT_ACTOR[] = {
	NAME_REQ, DESCRIPTION,
	{ NAME("labels"), .kind = SK_VOCAB, .flags = LIST | REQ20 | ONLY20, .vocab = &VOC_ACTOR_LABEL_20 },
	OPEN("threat_actor_types", VOC_ACTOR_TYPE, LIST | ONLY21), ALIASES(), TIME("first_seen", .flags = ONLY21),
	TIME("last_seen", .flags = ONLY21), OPEN("roles", VOC_ACTOR_ROLE, LIST), STRINGS("goals"),
	OPEN("sophistication", VOC_SOPHISTICATION, 0), OPEN("resource_level", VOC_RESOURCE_LEVEL, 0),
	OPEN("primary_motivation", VOC_ATTACK_MOTIVATION, 0), OPEN("secondary_motivations", VOC_ATTACK_MOTIVATION, LIST),
	OPEN("personal_motivations", VOC_ATTACK_MOTIVATION, LIST),
};

static const struct stix_prop TOOL[] = {
	NAME_REQ, DESCRIPTION,
	{ NAME("labels"), .kind = SK_VOCAB, .flags = LIST | REQ20 | ONLY20, .vocab = &VOC_TOOL_LABEL_20 },
	OPEN("tool_types", VOC_TOOL_TYPE, LIST | ONLY21), ALIASES(| ONLY21), PHASES, STRING("tool_version"),
};

static const struct stix_prop VULNERABILITY[] = { NAME_REQ, DESCRIPTION };

#define SDO(t, section, ps, ...) { .type = NAME(t), .class = STIX_SDO, .clause = "STIX 2.1 §" section, .props = ps, \
	.n_props = COUNTOF(ps), __VA_ARGS__ }
#define RULES(rs) .rules = rs, .n_rules = COUNTOF(rs)

const struct stix_schema STIX_SDOS[] = {
	SDO("attack-pattern", "4.1", ATTACK_PATTERN),
	SDO("campaign", "4.2", CAMPAIGN, RULES(SEEN)),
	SDO("course-of-action", "4.3", COURSE_OF_ACTION),
	SDO("grouping", "4.4", GROUPING, .flags = ONLY21),
	SDO("identity", "4.5", IDENTITY),
	SDO("incident", "4.6", INCIDENT, .flags = ONLY21),
	SDO("indicator", "4.7", INDICATOR, RULES(INDICATOR_RULES)),
	SDO("infrastructure", "4.8", INFRASTRUCTURE, RULES(SEEN), .flags = ONLY21),
	SDO("intrusion-set", "4.9", INTRUSION_SET, RULES(SEEN)),
	SDO("location", "4.10", LOCATION, RULES(LOCATION_RULES), .flags = ONLY21),
	SDO("malware", "4.11", MALWARE, RULES(MALWARE_RULES)),
	SDO("malware-analysis", "4.12", MALWARE_ANALYSIS, RULES(MALWARE_ANALYSIS_RULES), .flags = ONLY21),
	SDO("note", "4.13", NOTE, .flags = ONLY21),
	SDO("observed-data", "4.14", OBSERVED_DATA, RULES(OBSERVED_DATA_RULES)),
	SDO("opinion", "4.15", OPINION, .flags = ONLY21),
	SDO("report", "4.16", REPORT),
	SDO("threat-actor", "4.17", THREAT_ACTOR, RULES(SEEN)),
	SDO("tool", "4.18", TOOL),
	SDO("vulnerability", "4.19", VULNERABILITY),
};
const size_t STIX_SDOS_N = COUNTOF(STIX_SDOS);

#define NOT_RELATED "!relationship sighting bundle marking-definition language-content extension-definition"

static const struct stix_prop RELATIONSHIP[] = {
	{ NAME("relationship_type"), .kind = SK_REL_TYPE, .flags = REQ }, DESCRIPTION,
	REF("source_ref", NOT_RELATED, REQ), REF("target_ref", NOT_RELATED, REQ), TIME("start_time", .flags = ONLY21),
	TIME("stop_time", .flags = ONLY21),
};
static const struct stix_rule RELATIONSHIP_RULES[] = {
	{ SR_GT, 0, "stop_time start_time", NULL }, { SR_FN, 0, NULL, rule_relation },
};

static const struct stix_prop SIGHTING[] = {
	STRING("description", .flags = ONLY21), TIME("first_seen"), TIME("last_seen"),
	{ NAME("count"), .kind = SK_INT, .min = 0, .max = 999999999 }, REF("sighting_of_ref", "@sdo", REQ),
	REF("observed_data_refs", "observed-data", LIST), REF("where_sighted_refs", "identity", LIST | ONLY20),
	REF("where_sighted_refs", "identity location", LIST | ONLY21), { NAME("summary"), .kind = SK_BOOL },
};

const struct stix_schema STIX_SROS[] = {
	{ .type = NAME("relationship"), .class = STIX_SRO, .clause = "STIX 2.1 §5.1", .props = RELATIONSHIP,
	  .n_props = COUNTOF(RELATIONSHIP), RULES(RELATIONSHIP_RULES) },
	{ .type = NAME("sighting"), .class = STIX_SRO, .clause = "STIX 2.1 §5.2", .props = SIGHTING,
	  .n_props = COUNTOF(SIGHTING), RULES(SEEN) },
};
const size_t STIX_SROS_N = COUNTOF(STIX_SROS);

/* A marking definition has few of the common properties (STIX 2.1 §3.2, §7.2.1), so it names them itself. */
static const struct stix_prop MARKING_DEFINITION[] = {
	{ NAME("type"), .kind = SK_TYPE, .flags = REQ }, { NAME("id"), .kind = SK_OWN_ID, .flags = REQ },
	{ NAME("spec_version"), .kind = SK_SPEC, .flags = REQ21 | ONLY21 }, TIME("created", .flags = REQ),
	REF("created_by_ref", "?identity", 0), STRING("name", .flags = ONLY21),
	OPEN("definition_type", VOC_MARKING_TYPE, REQ20), { NAME("definition"), .kind = SK_ANY, .flags = REQ20 },
	{ NAME("external_references"), .kind = SK_STRUCT, .flags = LIST, .sub = &STIX_EXTERNAL_REFERENCE },
	REF("object_marking_refs", "marking-definition", LIST),
	{ NAME("granular_markings"), .kind = SK_STRUCT, .flags = LIST, .sub = &STIX_GRANULAR },
	{ NAME("extensions"), .kind = SK_EXTENSIONS, .flags = ONLY21 },
};
static const struct stix_rule MARKING_DEFINITION_RULES[] = { { SR_FN, 0, NULL, rule_marking_definition } };

static const struct stix_prop LANGUAGE_CONTENT[] = {
	REF("object_ref", "!bundle language-content", REQ), TIME("object_modified"),
	{ NAME("contents"), .kind = SK_DICT, .flags = REQ },
};
static const struct stix_rule LANGUAGE_CONTENT_RULES[] = { { SR_FN, 0, NULL, rule_language_content } };

static const struct stix_prop EXTENSION_DEFINITION[] = {
	NAME_REQ, DESCRIPTION, STRING("schema", .flags = REQ), STRING("version", .flags = REQ),
	{ NAME("extension_types"), .kind = SK_ENUM, .flags = LIST | REQ, .vocab = &VOC_EXTENSION_TYPE },
	STRINGS("extension_properties"), REF("created_by_ref", "?identity", REQ),
};
static const struct stix_rule EXTENSION_DEFINITION_RULES[] = { { SR_FN, 0, NULL, rule_extension_definition } };

static const struct stix_prop BUNDLE[] = {
	{ NAME("type"), .kind = SK_TYPE, .flags = REQ }, { NAME("id"), .kind = SK_OWN_ID, .flags = REQ },
	{ NAME("spec_version"), .kind = SK_SPEC, .flags = REQ20 | ONLY20 }, { NAME("objects"), .kind = SK_ANY, .flags = LIST },
};

const struct stix_schema STIX_METAS[] = {
	{ .type = NAME("marking-definition"), .class = STIX_META, .clause = "STIX 2.1 §7.2.1",
	  .props = MARKING_DEFINITION, .n_props = COUNTOF(MARKING_DEFINITION), RULES(MARKING_DEFINITION_RULES) },
	{ .type = NAME("language-content"), .class = STIX_META, .clause = "STIX 2.1 §7.1", .flags = ONLY21,
	  .props = LANGUAGE_CONTENT, .n_props = COUNTOF(LANGUAGE_CONTENT), RULES(LANGUAGE_CONTENT_RULES) },
	{ .type = NAME("extension-definition"), .class = STIX_META, .clause = "STIX 2.1 §7.3", .flags = ONLY21,
	  .props = EXTENSION_DEFINITION, .n_props = COUNTOF(EXTENSION_DEFINITION), RULES(EXTENSION_DEFINITION_RULES) },
	{ .type = NAME("bundle"), .class = STIX_BUNDLE, .clause = "STIX 2.1 §8", .props = BUNDLE,
	  .n_props = COUNTOF(BUNDLE) },
};
const size_t STIX_METAS_N = COUNTOF(STIX_METAS);

/* Embedded types of the common properties (§2.5, §2.11, §7.2.3). */
static const struct stix_prop KILL_CHAIN[] = {
	{ NAME("kill_chain_name"), .kind = SK_PHASE, .flags = REQ }, { NAME("phase_name"), .kind = SK_PHASE, .flags = REQ },
};
const struct stix_schema STIX_KILL_CHAIN = {
	.type = NAME("kill-chain-phase"), .clause = "STIX 2.1 §2.11", .props = KILL_CHAIN, .n_props = COUNTOF(KILL_CHAIN),
};

static const struct stix_prop EXTERNAL_REFERENCE[] = {
	STRING("source_name", .flags = REQ), DESCRIPTION, { NAME("url"), .kind = SK_LINK },
	{ NAME("hashes"), .kind = SK_HASHES, .vocab = &VOC_HASH }, STRING("external_id"),
};
static const struct stix_rule EXTERNAL_REFERENCE_RULES[] = {
	{ SR_ANY_OF, 0, "description url external_id", NULL }, { SR_FN, 0, NULL, rule_external_id },
};
const struct stix_schema STIX_EXTERNAL_REFERENCE = {
	.type = NAME("external-reference"), .clause = "STIX 2.1 §2.5", .props = EXTERNAL_REFERENCE,
	.n_props = COUNTOF(EXTERNAL_REFERENCE), RULES(EXTERNAL_REFERENCE_RULES),
};

static const struct stix_prop GRANULAR[] = {
	{ NAME("lang"), .kind = SK_LANG, .flags = ONLY21 }, REF("marking_ref", "marking-definition", REQ20),
	{ NAME("selectors"), .kind = SK_SELECTOR, .flags = LIST | REQ },
};
static const struct stix_rule GRANULAR_RULES[] = { { SR_ONE_OF, ONLY21, "lang marking_ref", NULL } };
const struct stix_schema STIX_GRANULAR = {
	.type = NAME("granular-marking"), .clause = "STIX 2.1 §7.2.3", .props = GRANULAR, .n_props = COUNTOF(GRANULAR),
	RULES(GRANULAR_RULES),
};
