/* Cyber-observable objects (STIX 2.1 §6; 2.0 parts 3 and 4). Their predefined
 * extensions are in schema_ext.c. */
#include "stix/rules.h"
#include "stix/schema_ext.h"
#include "stix/vocab.h"

#define STRING(n, ...) { NAME(n), .kind = SK_STRING, __VA_ARGS__ }
#define KIND(n, k, ...) { NAME(n), .kind = (k), __VA_ARGS__ }
#define TIME(n, fl) { NAME(n), .kind = SK_TIME, .flags = (fl) }
#define BOOL(n, fl) { NAME(n), .kind = SK_BOOL, .flags = (fl) }
#define INT(n, ...) { NAME(n), .kind = SK_INT, __VA_ARGS__ }
#define COUNT(n) { NAME(n), .kind = SK_INT, .min = 0, .max = 9007199254740991.0 }
#define REF(n, to, fl) { NAME(n), .kind = SK_ID, .flags = (fl) | INSIDE, .refs = (to) }
#define VALUE(k) { NAME("value"), .kind = (k), .flags = REQ }
#define HASHES KIND("hashes", SK_HASHES)

static const struct stix_prop ARTIFACT[] = {
	KIND("mime_type", SK_MIME), KIND("payload_bin", SK_BINARY), KIND("url", SK_URL), HASHES,
	KIND("encryption_algorithm", SK_ENUM, .flags = ONLY21, .vocab = &VOC_ENCRYPTION),
	STRING("decryption_key", .flags = ONLY21),
};
static const struct stix_rule ARTIFACT_RULES[] = {
	{ SR_ONE_OF, 0, "payload_bin url", NULL }, { SR_NEEDS, 0, "url hashes", NULL },
	{ SR_NEEDS, ONLY21, "decryption_key encryption_algorithm", NULL }, { SR_FN, 0, NULL, rule_artifact_mime },
};

static const struct stix_prop AUTONOMOUS_SYSTEM[] = { INT("number", .flags = REQ), STRING("name"), STRING("rir") };

static const struct stix_prop DIRECTORY[] = {
	STRING("path", .flags = REQ), KIND("path_enc", SK_CHARSET), TIME("ctime", ONLY21), TIME("mtime", ONLY21),
	TIME("atime", ONLY21), TIME("created", ONLY20), TIME("modified", ONLY20), TIME("accessed", ONLY20),
	REF("contains_refs", "file directory", LIST),
};

static const struct stix_prop DOMAIN_NAME[] = {
	VALUE(SK_DOMAIN), REF("resolves_to_refs", "ipv4-addr ipv6-addr domain-name", LIST),
};
static const struct stix_prop EMAIL_ADDR[] = {
	VALUE(SK_EMAIL), STRING("display_name"), REF("belongs_to_ref", "user-account", 0),
};

static const struct stix_prop MIME_PART[] = {
	STRING("body"), REF("body_raw_ref", "artifact file", 0), STRING("content_type"), STRING("content_disposition"),
};
static const struct stix_rule MIME_PART_RULES[] = { { SR_ONE_OF, 0, "body body_raw_ref", NULL } };
static const struct stix_schema MIME_PART_SCHEMA = {
	.type = NAME("email-mime-part-type"), .clause = "STIX 2.1 §6.6.2", .props = MIME_PART,
	.n_props = COUNTOF(MIME_PART), .rules = MIME_PART_RULES, .n_rules = COUNTOF(MIME_PART_RULES),
};
static const struct stix_prop EMAIL_MESSAGE[] = {
	BOOL("is_multipart", REQ), TIME("date", 0), STRING("content_type"), REF("from_ref", "email-addr", 0),
	REF("sender_ref", "email-addr", 0), REF("to_refs", "email-addr", LIST), REF("cc_refs", "email-addr", LIST),
	REF("bcc_refs", "email-addr", LIST), STRING("message_id", .flags = ONLY21), STRING("subject"),
	STRING("received_lines", .flags = LIST), KIND("additional_header_fields", SK_HEADERS), STRING("body"),
	KIND("body_multipart", SK_STRUCT, .flags = LIST, .sub = &MIME_PART_SCHEMA), REF("raw_email_ref", "artifact", 0),
};
static const struct stix_rule EMAIL_MESSAGE_RULES[] = { { SR_FN, 0, NULL, rule_email_parts } };

static const struct stix_prop FILE_[] = {
	KIND("extensions", SK_EXTENSIONS), HASHES, COUNT("size"), STRING("name"), KIND("name_enc", SK_CHARSET),
	KIND("magic_number_hex", SK_HEX), KIND("mime_type", SK_MIME), TIME("ctime", ONLY21), TIME("mtime", ONLY21),
	TIME("atime", ONLY21), TIME("created", ONLY20), TIME("modified", ONLY20), TIME("accessed", ONLY20),
	REF("parent_directory_ref", "directory", 0), BOOL("is_encrypted", ONLY20),
	KIND("encryption_algorithm", SK_VOCAB, .flags = ONLY20, .vocab = &VOC_ENCRYPTION_20),
	STRING("decryption_key", .flags = ONLY20), REF("contains_refs", "@sco", LIST), REF("content_ref", "artifact", 0),
};
static const struct stix_rule FILE_RULES[] = {
	{ SR_ANY_OF, 0, "hashes name", NULL }, { SR_FN, ONLY20, NULL, rule_file_encrypted },
};

static const struct stix_prop IPV4_ADDR[] = {
	VALUE(SK_IPV4), REF("resolves_to_refs", "mac-addr", LIST), REF("belongs_to_refs", "autonomous-system", LIST),
};
static const struct stix_prop IPV6_ADDR[] = {
	VALUE(SK_IPV6), REF("resolves_to_refs", "mac-addr", LIST), REF("belongs_to_refs", "autonomous-system", LIST),
};
static const struct stix_prop MAC_ADDR[] = { VALUE(SK_MAC) };
static const struct stix_prop MUTEX[] = { STRING("name", .flags = REQ) };

#define ENDPOINTS "ipv4-addr ipv6-addr mac-addr domain-name"
static const struct stix_prop NETWORK_TRAFFIC[] = {
	KIND("extensions", SK_EXTENSIONS), TIME("start", 0), TIME("end", 0), BOOL("is_active", 0),
	REF("src_ref", ENDPOINTS, 0), REF("dst_ref", ENDPOINTS, 0), INT("src_port", .min = 0, .max = 65535),
	INT("dst_port", .min = 0, .max = 65535), KIND("protocols", SK_PROTOCOL, .flags = LIST | REQ),
	COUNT("src_byte_count"), COUNT("dst_byte_count"), COUNT("src_packets"), COUNT("dst_packets"),
	KIND("ipfix", SK_DICT_SCALAR), REF("src_payload_ref", "artifact", 0), REF("dst_payload_ref", "artifact", 0),
	REF("encapsulates_refs", "network-traffic", LIST), REF("encapsulated_by_ref", "network-traffic", 0),
};
static const struct stix_rule NETWORK_TRAFFIC_RULES[] = {
	{ SR_ANY_OF, 0, "src_ref dst_ref", NULL }, { SR_GE, 0, "end start", NULL },
	{ SR_FN, 0, NULL, rule_network_traffic },
};

static const struct stix_prop PROCESS[] = {
	KIND("extensions", SK_EXTENSIONS), BOOL("is_hidden", 0), INT("pid"), STRING("name", .flags = ONLY20),
	TIME("created_time", ONLY21), TIME("created", ONLY20), STRING("cwd"), STRING("arguments", .flags = LIST | ONLY20),
	STRING("command_line"), KIND("environment_variables", SK_DICT_STRING),
	REF("opened_connection_refs", "network-traffic", LIST), REF("creator_user_ref", "user-account", 0),
	REF("image_ref", "file", ONLY21), REF("binary_ref", "file", ONLY20), REF("parent_ref", "process", 0),
	REF("child_refs", "process", LIST),
};
static const struct stix_rule ANY_OWN[] = { { SR_ANY_OF, 0, "*", NULL } };

static const struct stix_prop SOFTWARE[] = {
	STRING("name", .flags = REQ), KIND("cpe", SK_CPE), STRING("swid", .flags = ONLY21),
	KIND("languages", SK_LANG_SOFT, .flags = LIST), STRING("vendor"), STRING("version"),
};
static const struct stix_prop URL[] = { VALUE(SK_URL) };

static const struct stix_prop USER_ACCOUNT[] = {
	KIND("extensions", SK_EXTENSIONS), STRING("user_id", .flags = REQ20), STRING("credential", .flags = ONLY21),
	STRING("account_login"), KIND("account_type", SK_VOCAB, .vocab = &VOC_ACCOUNT_TYPE), STRING("display_name"),
	BOOL("is_service_account", 0), BOOL("is_privileged", 0), BOOL("can_escalate_privs", 0), BOOL("is_disabled", 0),
	TIME("account_created", 0), TIME("account_expires", 0), TIME("credential_last_changed", ONLY21),
	TIME("password_last_changed", ONLY20), TIME("account_first_login", 0), TIME("account_last_login", 0),
};

static const struct stix_prop REGISTRY_VALUE[] = {
	STRING("name", .flags = REQ20), STRING("data"), KIND("data_type", SK_ENUM, .vocab = &VOC_REG_TYPE),
};
static const struct stix_schema REGISTRY_VALUE_SCHEMA = {
	.type = NAME("windows-registry-value-type"), .clause = "STIX 2.1 §6.17.2", .props = REGISTRY_VALUE,
	.n_props = COUNTOF(REGISTRY_VALUE), .rules = ANY_OWN, .n_rules = COUNTOF(ANY_OWN),
};
static const struct stix_prop REGISTRY_KEY[] = {
	STRING("key", .flags = REQ20),
	KIND("values", SK_STRUCT, .flags = LIST | MAY_EMPTY, .sub = &REGISTRY_VALUE_SCHEMA), TIME("modified_time", ONLY21),
	TIME("modified", ONLY20), REF("creator_user_ref", "user-account", 0), INT("number_of_subkeys"),
};
static const struct stix_rule REGISTRY_KEY_RULES[] = {
	{ SR_ANY_OF, 0, "*", NULL }, { SR_FN, 0, NULL, rule_registry_hive },
};

static const struct stix_prop X509_V3[] = {
	STRING("basic_constraints"), STRING("name_constraints"), STRING("policy_constraints"), STRING("key_usage"),
	STRING("extended_key_usage"), STRING("subject_key_identifier"), STRING("authority_key_identifier"),
	STRING("subject_alternative_name"), STRING("issuer_alternative_name"), STRING("subject_directory_attributes"),
	STRING("crl_distribution_points"), STRING("inhibit_any_policy"), TIME("private_key_usage_period_not_before", 0),
	TIME("private_key_usage_period_not_after", 0), STRING("certificate_policies"), STRING("policy_mappings"),
};
static const struct stix_schema X509_V3_SCHEMA = {
	.type = NAME("x509-v3-extensions-type"), .clause = "STIX 2.1 §6.18.2", .props = X509_V3,
	.n_props = COUNTOF(X509_V3), .rules = ANY_OWN, .n_rules = COUNTOF(ANY_OWN),
};
static const struct stix_prop X509[] = {
	BOOL("is_self_signed", 0), HASHES, STRING("version"), STRING("serial_number"), STRING("signature_algorithm"),
	STRING("issuer"), TIME("validity_not_before", 0), TIME("validity_not_after", 0), STRING("subject"),
	STRING("subject_public_key_algorithm"), STRING("subject_public_key_modulus"), INT("subject_public_key_exponent"),
	KIND("x509_v3_extensions", SK_STRUCT, .sub = &X509_V3_SCHEMA),
};

#define SCO(t, section, ps, contributing, ...) { .type = NAME(t), .class = STIX_SCO, .clause = "STIX 2.1 §" section, \
	.props = ps, .n_props = COUNTOF(ps), .ids = contributing, __VA_ARGS__ }
#define RULES(rs) .rules = rs, .n_rules = COUNTOF(rs)

const struct stix_schema STIX_SCOS[] = {
	SCO("artifact", "6.1", ARTIFACT, "hashes payload_bin", RULES(ARTIFACT_RULES)),
	SCO("autonomous-system", "6.2", AUTONOMOUS_SYSTEM, "number"),
	SCO("directory", "6.3", DIRECTORY, "path"),
	SCO("domain-name", "6.4", DOMAIN_NAME, "value"),
	SCO("email-addr", "6.5", EMAIL_ADDR, "value"),
	SCO("email-message", "6.6", EMAIL_MESSAGE, "from_ref subject body", RULES(EMAIL_MESSAGE_RULES)),
	SCO("file", "6.7", FILE_, "hashes name extensions parent_directory_ref", RULES(FILE_RULES),
	    .extensions = STIX_EXT_FILE),
	SCO("ipv4-addr", "6.8", IPV4_ADDR, "value"),
	SCO("ipv6-addr", "6.9", IPV6_ADDR, "value"),
	SCO("mac-addr", "6.10", MAC_ADDR, "value"),
	SCO("mutex", "6.11", MUTEX, "name"),
	SCO("network-traffic", "6.12", NETWORK_TRAFFIC,
	    "start end src_ref dst_ref src_port dst_port protocols extensions", RULES(NETWORK_TRAFFIC_RULES),
	    .extensions = STIX_EXT_NETWORK),
	SCO("process", "6.13", PROCESS, NULL, RULES(ANY_OWN), .extensions = STIX_EXT_PROCESS),
	SCO("software", "6.14", SOFTWARE, "name cpe swid vendor version"),
	SCO("url", "6.15", URL, "value"),
	SCO("user-account", "6.16", USER_ACCOUNT, "account_type user_id account_login", RULES(ANY_OWN),
	    .extensions = STIX_EXT_ACCOUNT),
	SCO("windows-registry-key", "6.17", REGISTRY_KEY, "key values", RULES(REGISTRY_KEY_RULES)),
	SCO("x509-certificate", "6.18", X509, "hashes serial_number", RULES(ANY_OWN)),
};
const size_t STIX_SCOS_N = COUNTOF(STIX_SCOS);
