#include "stix/schema_ext.h"

#include "stix/rules.h"
#include "stix/vocab.h"

#define STRING(n, ...) { NAME(n), .kind = SK_STRING, __VA_ARGS__ }
#define KIND(n, k, ...) { NAME(n), .kind = (k), __VA_ARGS__ }
#define BOOL(n) { NAME(n), .kind = SK_BOOL }
#define INT(n) { NAME(n), .kind = SK_INT }
#define HEX(n, ...) { NAME(n), .kind = SK_HEX, __VA_ARGS__ }
#define COUNT(n) { NAME(n), .kind = SK_INT, .min = 0, .max = 9007199254740991.0 }
#define REF(n, to, fl) { NAME(n), .kind = SK_ID, .flags = (fl) | INSIDE, .refs = (to) }
#define ENUM(n, voc, fl) { NAME(n), .kind = SK_ENUM, .flags = (fl), .vocab = &(voc) }
#define SCHEMA(n, section, ps, ...) { .type = NAME(n), .clause = "STIX 2.1 §" section, .props = ps, \
	.n_props = COUNTOF(ps), __VA_ARGS__ }
#define RULES(rs) .rules = rs, .n_rules = COUNTOF(rs)

static const struct stix_rule ANY_OWN[] = { { SR_ANY_OF, 0, "*", NULL } };

static const struct stix_prop ARCHIVE[] = {
	REF("contains_refs", "file", LIST | REQ | ONLY20), REF("contains_refs", "file directory", LIST | REQ | ONLY21),
	STRING("version", .flags = ONLY20), STRING("comment"),
};
static const struct stix_schema ARCHIVE_EXT = SCHEMA("archive-ext", "6.7.2", ARCHIVE);

static const struct stix_prop STREAM[] = {
	STRING("name", .flags = REQ), KIND("hashes", SK_HASHES), COUNT("size"),
};
static const struct stix_schema STREAM_SCHEMA = SCHEMA("alternate-data-stream-type", "6.7.3", STREAM);
static const struct stix_prop NTFS[] = {
	STRING("sid"), KIND("alternate_data_streams", SK_STRUCT, .flags = LIST, .sub = &STREAM_SCHEMA),
};
static const struct stix_schema NTFS_EXT = SCHEMA("ntfs-ext", "6.7.3", NTFS, RULES(ANY_OWN));

static const struct stix_prop PDF[] = {
	STRING("version"), BOOL("is_optimized"), KIND("document_info_dict", SK_DICT_STRING, .vocab = &VOC_PDF_KEYS),
	STRING("pdfid0"), STRING("pdfid1"),
};
static const struct stix_schema PDF_EXT = SCHEMA("pdf-ext", "6.7.4", PDF, RULES(ANY_OWN));

static const struct stix_prop RASTER[] = {
	INT("image_height"), INT("image_width"), INT("bits_per_pixel"),
	STRING("image_compression_algorithm", .flags = ONLY20), KIND("exif_tags", SK_DICT_SCALAR),
};
static const struct stix_schema RASTER_EXT = SCHEMA("raster-image-ext", "6.7.5", RASTER, RULES(ANY_OWN));

static const struct stix_prop PE_OPTIONAL[] = {
	HEX("magic_hex"), INT("major_linker_version"), INT("minor_linker_version"), COUNT("size_of_code"),
	COUNT("size_of_initialized_data"), COUNT("size_of_uninitialized_data"), INT("address_of_entry_point"),
	INT("base_of_code"), INT("base_of_data"), INT("image_base"), INT("section_alignment"), INT("file_alignment"),
	INT("major_os_version"), INT("minor_os_version"), INT("major_image_version"), INT("minor_image_version"),
	INT("major_subsystem_version"), INT("minor_subsystem_version"), HEX("win32_version_value_hex"),
	COUNT("size_of_image"), COUNT("size_of_headers"), HEX("checksum_hex"), HEX("subsystem_hex"),
	HEX("dll_characteristics_hex"), COUNT("size_of_stack_reserve"), COUNT("size_of_stack_commit"),
	COUNT("size_of_heap_reserve"), COUNT("size_of_heap_commit"), HEX("loader_flags_hex"),
	INT("number_of_rva_and_sizes"), KIND("hashes", SK_HASHES),
};
static const struct stix_schema PE_OPTIONAL_SCHEMA =
	SCHEMA("windows-pe-optional-header-type", "6.7.6", PE_OPTIONAL, RULES(ANY_OWN));
static const struct stix_prop PE_SECTION[] = {
	STRING("name", .flags = REQ), COUNT("size"), KIND("entropy", SK_FLOAT), KIND("hashes", SK_HASHES),
};
static const struct stix_schema PE_SECTION_SCHEMA = SCHEMA("windows-pe-section-type", "6.7.6", PE_SECTION);
static const struct stix_prop PE[] = {
	KIND("pe_type", SK_VOCAB, .flags = REQ, .vocab = &VOC_PE_TYPE), STRING("imphash"), HEX("machine_hex"),
	COUNT("number_of_sections"), KIND("time_date_stamp", SK_TIME_S), HEX("pointer_to_symbol_table_hex"),
	COUNT("number_of_symbols"), COUNT("size_of_optional_header"), HEX("characteristics_hex"),
	KIND("file_header_hashes", SK_HASHES), KIND("optional_header", SK_STRUCT, .sub = &PE_OPTIONAL_SCHEMA),
	KIND("sections", SK_STRUCT, .flags = LIST, .sub = &PE_SECTION_SCHEMA),
};
static const struct stix_schema PE_EXT = SCHEMA("windows-pebinary-ext", "6.7.6", PE);

static const struct stix_prop HTTP[] = {
	STRING("request_method", .flags = REQ), STRING("request_value", .flags = REQ), STRING("request_version"),
	KIND("request_header", SK_DICT_STRING, .flags = ONLY20), KIND("request_header", SK_DICT_LISTS, .flags = ONLY21),
	INT("message_body_length"), REF("message_body_data_ref", "artifact", 0),
};
static const struct stix_schema HTTP_EXT = SCHEMA("http-request-ext", "6.12.2", HTTP);

static const struct stix_prop ICMP[] = { HEX("icmp_type_hex", .flags = REQ), HEX("icmp_code_hex", .flags = REQ) };
static const struct stix_schema ICMP_EXT = SCHEMA("icmp-ext", "6.12.3", ICMP);

static const struct stix_prop SOCKET[] = {
	ENUM("address_family", VOC_ADDRESS_FAMILY, REQ), BOOL("is_blocking"), BOOL("is_listening"),
	STRING("protocol_family", .flags = ONLY20), KIND("options", SK_DICT, .flags = ONLY20), KIND("options", SK_DICT_INT, .flags = ONLY21),
	ENUM("socket_type", VOC_SOCKET_TYPE, 0), COUNT("socket_descriptor"), INT("socket_handle"),
};
static const struct stix_rule SOCKET_RULES[] = { { SR_FN, 0, NULL, rule_socket_options } };
static const struct stix_schema SOCKET_EXT = SCHEMA("socket-ext", "6.12.4", SOCKET, RULES(SOCKET_RULES));

static const struct stix_prop TCP[] = { HEX("src_flags_hex"), HEX("dst_flags_hex") };
static const struct stix_schema TCP_EXT = SCHEMA("tcp-ext", "6.12.5", TCP, RULES(ANY_OWN));

static const struct stix_prop WINDOWS_PROCESS[] = {
	BOOL("aslr_enabled"), BOOL("dep_enabled"), STRING("priority"), STRING("owner_sid"), STRING("window_title"),
	KIND("startup_info", SK_DICT), ENUM("integrity_level", VOC_INTEGRITY, ONLY21),
};
static const struct stix_rule WINDOWS_PROCESS_RULES[] = {
	{ SR_ANY_OF, 0, "*", NULL }, { SR_FN, 0, NULL, rule_process_priority },
};
static const struct stix_schema WINDOWS_PROCESS_EXT =
	SCHEMA("windows-process-ext", "6.13.2", WINDOWS_PROCESS, RULES(WINDOWS_PROCESS_RULES));

static const struct stix_prop WINDOWS_SERVICE[] = {
	STRING("service_name", .flags = REQ20), STRING("descriptions", .flags = LIST), STRING("display_name"),
	STRING("group_name"), ENUM("start_type", VOC_SERVICE_START, 0), REF("service_dll_refs", "file", LIST),
	ENUM("service_type", VOC_SERVICE_TYPE, 0), ENUM("service_status", VOC_SERVICE_STATUS, 0),
};
static const struct stix_schema WINDOWS_SERVICE_EXT =
	SCHEMA("windows-service-ext", "6.13.3", WINDOWS_SERVICE, RULES(ANY_OWN));

static const struct stix_prop UNIX_ACCOUNT[] = {
	INT("gid"), STRING("groups", .flags = LIST), STRING("home_dir"), STRING("shell"),
};
static const struct stix_schema UNIX_ACCOUNT_EXT = SCHEMA("unix-account-ext", "6.16.2", UNIX_ACCOUNT, RULES(ANY_OWN));

const struct stix_schema *const STIX_EXT_FILE[] = { &ARCHIVE_EXT, &NTFS_EXT, &PDF_EXT, &RASTER_EXT, &PE_EXT, NULL };
const struct stix_schema *const STIX_EXT_NETWORK[] = { &HTTP_EXT, &ICMP_EXT, &SOCKET_EXT, &TCP_EXT, NULL };
const struct stix_schema *const STIX_EXT_PROCESS[] = { &WINDOWS_PROCESS_EXT, &WINDOWS_SERVICE_EXT, NULL };
const struct stix_schema *const STIX_EXT_ACCOUNT[] = { &UNIX_ACCOUNT_EXT, NULL };
