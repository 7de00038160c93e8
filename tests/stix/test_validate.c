/* STIX 2.1, clause by clause: a row is a document, the first MUST or SHOULD that it breaks, and where. */
#include "base/mem.h"
#include "stix/object.h"
#include "stix/validate.h"
#include "tap.h"

#define ARENA_MAX ((size_t)8 << 20)
#define U4 "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
#define U5 "bedb4899-d24b-5401-bc86-8f6b4cc18ec7"
#define T "\"2016-04-06T20:03:48.000Z\""
#define V(type, rest) "{\"type\":\"" type "\",\"spec_version\":\"2.1\",\"id\":\"" type "--" U4 "\",\"created\":" T ",\"modified\":" T rest "}"
#define O(type, rest) "{\"type\":\"" type "\",\"id\":\"" type "--" U5 "\"" rest "}"
#define NAME ",\"name\":\"n\""
#define INDICATOR ",\"pattern\":\"[file:size = 1]\",\"pattern_type\":\"stix\",\"valid_from\":" T
#define OBSERVED ",\"first_observed\":" T ",\"last_observed\":" T ",\"number_observed\":1"
#define REL ",\"relationship_type\":\"uses\",\"source_ref\":\"malware--" U4 "\",\"target_ref\":\"tool--" U4 "\""
#define GREEN "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
#define MARKING(rest) "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--" U4 "\",\"created\":" T rest "}"
#define STATEMENT ",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"c\"}"
#define EXT "extension-definition--" U4
#define EXTDEF(rest) V("extension-definition", NAME ",\"created_by_ref\":\"identity--" U4 "\",\"schema\":\"s\",\"version\":\"1\"" rest)
#define LANG(contents) V("language-content", ",\"object_ref\":\"tool--" U4 "\",\"contents\":" contents)
#define FILE1(rest) O("file", ",\"name\":\"n\"" rest)
#define TRAFFIC(rest) O("network-traffic", ",\"src_ref\":\"ipv4-addr--" U5 "\",\"protocols\":[\"tcp\"]" rest)
#define EMAIL(rest) O("email-message", ",\"subject\":\"s\"" rest)
#define TV(modified, created, rest) "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":" created ",\"modified\":\"" modified \
	"\"" NAME rest "}"
#define BUNDLE(rest) "{\"type\":\"bundle\",\"id\":\"bundle--" U4 "\"" rest "}"

/* rule NULL: valid. */
static const struct row { const char *json, *rule, *pointer; } MUSTS[] = {
	/* §3.2 common properties */
	{ V("tool", NAME), NULL, "" },
	{ "7", "type", "" }, { "[7]", "type", "/0" }, { "[]", NULL, "" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"modified\":" T NAME "}", "required", "" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":" T NAME "}", "required", "" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"created\":" T ",\"modified\":" T NAME "}", "required", "" },
	{ "{\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":" T ",\"modified\":" T NAME "}", "required", "" },
	{ "{\"type\":\"grouping\",\"id\":\"grouping--" U4 "\",\"created\":" T ",\"modified\":" T ",\"context\":\"unspecified\",\"object_refs\":[\"tool--" U4 "\"]}",
	  "required", "" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.2\",\"id\":\"tool--" U4 "\",\"created\":" T ",\"modified\":" T NAME "}", "spec-version", "/spec_version" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"malware--" U4 "\",\"created\":" T ",\"modified\":" T NAME "}", "identifier", "/id" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--1\",\"created\":" T ",\"modified\":" T NAME "}", "identifier", "/id" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":\"2016-04-06T20:03:48.00Z\",\"modified\":" T NAME "}",
	  "timestamp-precision", "/created" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":\"2016-04-06T20:03:48.000Z\",\"modified\":\"2016-04-06T20:03:47.999Z\"" NAME "}",
	  "time-order", "/modified" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":\"2016-04-31T20:03:48.000Z\",\"modified\":" T NAME "}",
	  "timestamp", "/created" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":\"2016-04-06T20:03:48.000+00:00\",\"modified\":" T NAME "}",
	  "timestamp", "/created" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":\"2016-04-06T20:03:48.1234567Z\",\"modified\":\"2016-04-06T20:03:48.1234568Z\"" NAME "}",
	  NULL, "" },
	{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U4 "\",\"created\":\"2016-12-31T23:59:60.000Z\",\"modified\":\"2016-12-31T23:59:60.000Z\"" NAME "}",
	  NULL, "" },
	{ V("tool", NAME ",\"revoked\":\"false\""), "boolean", "/revoked" },
	{ V("tool", NAME ",\"confidence\":101"), "range", "/confidence" }, { V("tool", NAME ",\"confidence\":-1"), "range", "/confidence" },
	{ V("tool", NAME ",\"confidence\":1.5"), "integer", "/confidence" }, { V("tool", NAME ",\"confidence\":100"), NULL, "" },
	{ V("tool", NAME ",\"lang\":\"zh-Hant-TW\""), NULL, "" }, { V("tool", NAME ",\"lang\":\"xx\""), "language", "/lang" },
	{ V("tool", NAME ",\"lang\":\"english\""), "language", "/lang" },
	{ V("tool", NAME ",\"labels\":[]"), "empty-list", "/labels" }, { V("tool", NAME ",\"labels\":\"x\""), "list", "/labels" },
	{ V("tool", NAME ",\"labels\":[1]"), "type", "/labels/0" }, { V("tool", NAME ",\"description\":null"), "null", "/description" },
	{ V("tool", NAME ",\"x\":1"), "property-name", "/x" }, { V("tool", NAME ",\"1abc\":1"), "property-name", "/1abc" },
	{ V("tool", NAME ",\"Abc\":1"), "property-name", "/Abc" }, { V("tool", NAME ",\"foo_bar\":{\"K\":null}"), NULL, "" },
	{ V("tool", NAME ",\"foo_bar\":[]"), "empty-list", "/foo_bar" }, { V("tool", NAME ",\"foo_hex\":\"abc\""), "hex", "/foo_hex" },
	{ V("tool", NAME ",\"foo_bin\":\"a\""), "binary", "/foo_bin" }, { V("tool", NAME ",\"severity\":1"), "reserved", "/severity" },
	{ V("tool", NAME ",\"username\":\"a\""), "reserved", "/username" }, { V("tool", NAME ",\"phone_numbers\":\"a\""), "reserved", "/phone_numbers" },
	{ V("tool", NAME ",\"action\":\"a\""), "reserved", "/action" }, { V("x-foo-bar", ",\"any_thing\":1"), NULL, "" },
	{ V("action", ""), "reserved", "/type" },
	{ "{\"type\":\"x--foo\",\"spec_version\":\"2.1\",\"id\":\"x--foo--" U4 "\",\"created\":" T ",\"modified\":" T "}", "type-name", "/type" },
	{ V("tool", NAME ",\"created_by_ref\":\"x\""), "identifier", "/created_by_ref" },
	{ V("tool", NAME ",\"object_marking_refs\":[\"tool--" U4 "\"]"), "reference-type", "/object_marking_refs/0" },
	/* §2.5 external references */
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"s\"}]"), "at-least-one", "/external_references/0" },
	{ V("tool", NAME ",\"external_references\":[{\"url\":\"http://a/\"}]"), "required", "/external_references/0" },
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"cve\",\"external_id\":\"CVE-2016-1234\"}]"), NULL, "" },
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"cve\",\"external_id\":\"CVE-2016-123\"}]"), "external-id",
	  "/external_references/0/external_id" },
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"nvd\",\"external_id\":\"CVE-2016-1234\"}]"), "external-id",
	  "/external_references/0/external_id" },
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"capec\",\"description\":\"d\"}]"), "external-id", "/external_references/0" },
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"s\",\"url\":\"http://a/\",\"hashes\":{\"MD5\":\"x\"}}]"), "hash",
	  "/external_references/0/hashes/MD5" },
	{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"s\",\"url\":\"http://a/\",\"hashes\":{\"OWN-HASH\":\"x\"}}]"), "hash-key",
	  "/external_references/0/hashes/OWN-HASH" },
	{ V("tool", NAME ",\"external_references\":[7]"), "type", "/external_references/0" },
	/* §2.11 kill chain phases */
	{ V("tool", NAME ",\"kill_chain_phases\":[{\"kill_chain_name\":\"k\"}]"), "required", "/kill_chain_phases/0" },
	/* §4 domain objects: what each requires, one rule each */
	{ V("attack-pattern", ""), "required", "" }, { V("campaign", ""), "required", "" }, { V("course-of-action", ""), "required", "" },
	{ V("identity", ""), "required", "" }, { V("incident", ""), "required", "" }, { V("infrastructure", ""), "required", "" },
	{ V("intrusion-set", ""), "required", "" }, { V("threat-actor", ""), "required", "" }, { V("tool", ""), "required", "" },
	{ V("vulnerability", ""), "required", "" }, { V("identity", NAME), NULL, "" },
	{ V("campaign", NAME ",\"first_seen\":\"2017-01-01T00:00:00Z\",\"last_seen\":\"2016-01-01T00:00:00Z\""), "time-order", "/last_seen" },
	{ V("campaign", NAME ",\"first_seen\":\"2016-01-01T00:00:00Z\",\"last_seen\":\"2016-01-01T00:00:00Z\""), NULL, "" },
	{ V("grouping", ",\"context\":\"unspecified\",\"object_refs\":[\"tool--" U4 "\"]"), NULL, "" },
	{ V("grouping", ",\"object_refs\":[\"tool--" U4 "\"]"), "required", "" }, { V("grouping", ",\"context\":\"unspecified\""), "required", "" },
	{ V("grouping", ",\"context\":\"unspecified\",\"object_refs\":[]"), "empty-list", "/object_refs" },
	{ V("indicator", INDICATOR), NULL, "" }, { V("indicator", ",\"pattern\":\"x\",\"pattern_type\":\"yara\",\"valid_from\":" T), NULL, "" },
	{ V("indicator", ",\"pattern\":\"[file:size = ]\",\"pattern_type\":\"stix\",\"valid_from\":" T), "pattern", "/pattern" },
	{ V("indicator", ",\"pattern\":\"[file:name MATCHES '(']\",\"pattern_type\":\"stix\",\"valid_from\":" T), "pattern", "/pattern" },
	{ V("indicator", ",\"pattern\":\"[ab:size = 1]\",\"pattern_type\":\"stix\",\"valid_from\":" T), "pattern", "/pattern" },
	{ V("indicator", ",\"pattern\":\"[file:s = 1]\",\"pattern_type\":\"stix\",\"valid_from\":" T), "pattern", "/pattern" },
	{ V("indicator", ",\"pattern\":\"[file:size = 1]\",\"valid_from\":" T), "required", "" },
	{ V("indicator", ",\"pattern\":\"[file:size = 1]\",\"pattern_type\":\"stix\""), "required", "" },
	{ V("indicator", INDICATOR ",\"valid_until\":" T), "time-order", "/valid_until" },
	{ V("indicator", INDICATOR ",\"valid_until\":\"2016-04-06T20:03:48.000001Z\""), NULL, "" },
	{ V("location", ",\"country\":\"tw\""), NULL, "" }, { V("location", NAME), "at-least-one", "" },
	{ V("location", ",\"latitude\":25.0"), "needs", "/latitude" }, { V("location", ",\"region\":\"asia\",\"longitude\":121"), "needs", "/longitude" },
	{ V("location", ",\"latitude\":90.1,\"longitude\":1"), "range", "/latitude" }, { V("location", ",\"latitude\":-90,\"longitude\":180"), NULL, "" },
	{ V("location", ",\"latitude\":1,\"longitude\":-180.5"), "range", "/longitude" },
	{ V("location", ",\"region\":\"asia\",\"precision\":1"), "needs", "/precision" }, { V("location", ",\"latitude\":\"1\",\"longitude\":1"), "float", "/latitude" },
	{ V("malware", ",\"is_family\":false"), NULL, "" }, { V("malware", ",\"is_family\":true"), "malware-family", "" },
	{ V("malware", NAME), "required", "" }, { V("malware", ",\"is_family\":true" NAME), NULL, "" },
	{ V("malware", ",\"is_family\":false,\"sample_refs\":[\"url--" U5 "\"]"), "reference-type", "/sample_refs/0" },
	{ V("malware", ",\"is_family\":false,\"operating_system_refs\":[\"tool--" U4 "\"]"), "reference-type", "/operating_system_refs/0" },
	{ V("malware-analysis", ",\"product\":\"p\""), "at-least-one", "" }, { V("malware-analysis", ",\"result\":\"benign\""), "required", "" },
	{ V("malware-analysis", ",\"product\":\"p\",\"analysis_sco_refs\":[\"tool--" U4 "\"]"), "reference-type", "/analysis_sco_refs/0" },
	{ V("malware-analysis", ",\"product\":\"p\",\"result\":\"benign\",\"sample_ref\":\"file--" U5 "\""), NULL, "" },
	{ V("malware-analysis", ",\"product\":\"p\",\"result\":\"benign\",\"analysis_started\":\"2017-01-01T00:00:00Z\",\"analysis_ended\":\"2016-01-01T00:00:00Z\""),
	  "time-order", "/analysis_ended" },
	{ V("note", ",\"content\":\"c\""), "required", "" }, { V("note", ",\"content\":\"c\",\"object_refs\":[\"tool--" U4 "\"]"), NULL, "" },
	{ V("observed-data", OBSERVED ",\"object_refs\":[\"url--" U5 "\",\"relationship--" U4 "\",\"x-foo--" U4 "\"]"), NULL, "" },
	{ V("observed-data", OBSERVED), "exactly-one", "" },
	{ V("observed-data", OBSERVED ",\"object_refs\":[\"url--" U5 "\"],\"objects\":{\"0\":{\"type\":\"url\",\"id\":\"url--" U5 "\",\"value\":\"http://a/\"}}"),
	  "exactly-one", "/object_refs" },
	{ V("observed-data", OBSERVED ",\"object_refs\":[\"tool--" U4 "\"]"), "reference-type", "/object_refs/0" },
	{ V("observed-data", OBSERVED ",\"objects\":{\"0\":{\"type\":\"url\",\"id\":\"url--" U5 "\",\"value\":\"http://a/\"}}"), NULL, "" },
	{ V("observed-data", OBSERVED ",\"objects\":{\"0\":{\"type\":\"url\",\"id\":\"url--" U5 "\",\"value\":\"\"}}"), "uri", "/objects/0/value" },
	{ V("observed-data", OBSERVED ",\"objects\":{\"0\":{\"type\":\"email-addr\",\"id\":\"email-addr--" U5 "\",\"value\":\"a@b\",\"belongs_to_ref\":\"1\"}}"),
	  "object-reference", "/objects/0/belongs_to_ref" },
	{ V("observed-data", OBSERVED ",\"objects\":{\"0\":{\"type\":\"email-addr\",\"id\":\"email-addr--" U5 "\",\"value\":\"a@b\",\"belongs_to_ref\":\"user-account--" U5 "\"}}"),
	  NULL, "" },
	{ V("observed-data", OBSERVED ",\"objects\":{\"0\":{\"type\":\"email-addr\",\"id\":\"email-addr--" U5 "\",\"value\":\"a@b\",\"belongs_to_ref\":\"url--" U5 "\"}}"),
	  "reference-type", "/objects/0/belongs_to_ref" },
	{ V("observed-data", OBSERVED ",\"objects\":{}"), "dictionary", "/objects" },
	{ V("observed-data", ",\"first_observed\":" T ",\"last_observed\":\"2015-01-01T00:00:00Z\",\"number_observed\":1,\"object_refs\":[\"url--" U5 "\"]"),
	  "time-order", "/last_observed" },
	{ V("observed-data", ",\"first_observed\":" T ",\"last_observed\":" T ",\"number_observed\":0,\"object_refs\":[\"url--" U5 "\"]"), "range", "/number_observed" },
	{ V("observed-data", ",\"first_observed\":" T ",\"last_observed\":" T ",\"number_observed\":1000000000,\"object_refs\":[\"url--" U5 "\"]"),
	  "range", "/number_observed" },
	{ V("opinion", ",\"opinion\":\"agree\",\"object_refs\":[\"tool--" U4 "\"]"), NULL, "" },
	{ V("opinion", ",\"opinion\":\"maybe\",\"object_refs\":[\"tool--" U4 "\"]"), "enum", "/opinion" },
	{ V("report", NAME ",\"object_refs\":[\"tool--" U4 "\"]"), "required", "" },
	{ V("report", NAME ",\"published\":" T), "required", "" }, { V("report", NAME ",\"published\":" T ",\"object_refs\":[\"tool--" U4 "\"]"), NULL, "" },
	/* §5 relationships */
	{ V("relationship", REL), NULL, "" }, { V("relationship", REL ",\"start_time\":" T ",\"stop_time\":" T), "time-order", "/stop_time" },
	{ V("relationship", ",\"relationship_type\":\"Uses\",\"source_ref\":\"malware--" U4 "\",\"target_ref\":\"tool--" U4 "\""), "relationship-type",
	  "/relationship_type" },
	{ V("relationship", ",\"relationship_type\":\"uses\",\"source_ref\":\"relationship--" U4 "\",\"target_ref\":\"tool--" U4 "\""), "reference-type", "/source_ref" },
	{ V("relationship", ",\"relationship_type\":\"uses\",\"source_ref\":\"tool--" U4 "\",\"target_ref\":\"" GREEN "\""), "reference-type", "/target_ref" },
	{ V("relationship", ",\"relationship_type\":\"uses\",\"source_ref\":\"tool--" U4 "\""), "required", "" },
	{ V("relationship", ",\"relationship_type\":\"resolves-to\",\"source_ref\":\"domain-name--" U5 "\",\"target_ref\":\"ipv4-addr--" U5 "\""), NULL, "" },
	{ V("sighting", ",\"sighting_of_ref\":\"indicator--" U4 "\""), NULL, "" }, { V("sighting", ",\"sighting_of_ref\":\"url--" U5 "\""), "reference-type", "/sighting_of_ref" },
	{ V("sighting", ",\"sighting_of_ref\":\"relationship--" U4 "\""), "reference-type", "/sighting_of_ref" },
	{ V("sighting", ",\"sighting_of_ref\":\"tool--" U4 "\",\"count\":1000000000"), "range", "/count" },
	{ V("sighting", ",\"sighting_of_ref\":\"tool--" U4 "\",\"count\":0"), NULL, "" },
	{ V("sighting", ",\"sighting_of_ref\":\"tool--" U4 "\",\"observed_data_refs\":[\"tool--" U4 "\"]"), "reference-type", "/observed_data_refs/0" },
	{ V("sighting", ",\"sighting_of_ref\":\"tool--" U4 "\",\"where_sighted_refs\":[\"location--" U4 "\",\"tool--" U4 "\"]"), "reference-type", "/where_sighted_refs/1" },
	{ V("sighting", ",\"sighting_of_ref\":\"tool--" U4 "\",\"first_seen\":\"2017-01-01T00:00:00Z\",\"last_seen\":\"2016-01-01T00:00:00Z\""), "time-order", "/last_seen" },
	/* §6 observables */
	{ O("artifact", ",\"payload_bin\":\"AAAA\""), NULL, "" }, { O("artifact", ",\"payload_bin\":\"AAA\""), "binary", "/payload_bin" },
	{ O("artifact", ",\"hashes\":{\"SHA-256\":\"x\"}"), "hash", "/hashes/SHA-256" },
	{ O("artifact", ",\"hashes\":{\"MD5\":\"00000000000000000000000000000000\"},\"url\":\"http://a/\",\"payload_bin\":\"AAAA\""), "exactly-one", "/url" },
	{ O("artifact", ",\"payload_bin\":\"AAAA\",\"mime_type\":\"bla/x\""), "mime-type", "/mime_type" },
	{ O("artifact", ",\"payload_bin\":\"AAAA\",\"decryption_key\":\"x\""), "needs", "/decryption_key" },
	{ O("artifact", ",\"payload_bin\":\"AAAA\",\"encryption_algorithm\":\"ROT13\""), "enum", "/encryption_algorithm" },
	{ O("autonomous-system", ",\"number\":1"), NULL, "" }, { O("autonomous-system", ",\"number\":\"1\""), "integer", "/number" },
	{ O("directory", ",\"path\":\"/\",\"path_enc\":\"bla.bla\""), "character-set", "/path_enc" }, { O("directory", ",\"path\":\"/\",\"path_enc\":\"windows-1252\""), NULL, "" },
	{ O("directory", ",\"path\":\"/\",\"contains_refs\":[\"url--" U5 "\"]"), "reference-type", "/contains_refs/0" },
	{ O("domain-name", ",\"value\":\"example.com\""), NULL, "" }, { O("domain-name", ",\"value\":\"a..b\""), "domain", "/value" },
	{ O("domain-name", ",\"value\":\"a b\""), "domain", "/value" }, { O("domain-name", ",\"value\":\"http://a\""), "domain", "/value" },
	{ O("domain-name", ",\"value\":\"_dmarc.b\xc3\xbc" "cher.example.\""), NULL, "" },
	{ O("domain-name", ",\"value\":\"a.b\",\"resolves_to_refs\":[\"mac-addr--" U5 "\"]"), "reference-type", "/resolves_to_refs/0" },
	{ O("email-addr", ",\"value\":\"a@b.c\""), NULL, "" }, { O("email-addr", ",\"value\":\"A <a@b.c>\""), "email", "/value" },
	{ EMAIL(",\"is_multipart\":false,\"body\":\"b\""), NULL, "" }, { EMAIL(""), "required", "" },
	{ EMAIL(",\"is_multipart\":true,\"body\":\"b\""), "email-parts", "/body" },
	{ EMAIL(",\"is_multipart\":false,\"body_multipart\":[{\"body\":\"b\"}]"), "email-parts", "/body_multipart" },
	{ EMAIL(",\"is_multipart\":true,\"body_multipart\":[{\"content_type\":\"t\"}]"), "exactly-one", "/body_multipart/0" },
	{ EMAIL(",\"is_multipart\":true,\"body_multipart\":[{\"body_raw_ref\":\"url--" U5 "\"}]"), "reference-type", "/body_multipart/0/body_raw_ref" },
	{ EMAIL(",\"is_multipart\":false,\"from_ref\":\"url--" U5 "\""), "reference-type", "/from_ref" },
	{ EMAIL(",\"is_multipart\":false,\"additional_header_fields\":{\"X\":7}"), "dictionary", "/additional_header_fields/X" },
	{ EMAIL(",\"is_multipart\":false,\"additional_header_fields\":{\"X\":[\"a\",\"b\"],\"Y\":\"a\"}"), NULL, "" },
	{ FILE1(""), NULL, "" }, { "{\"type\":\"file\",\"id\":\"file--" U4 "\",\"size\":1}", "at-least-one", "" },
	{ "{\"type\":\"file\",\"id\":\"file--" U5 "\",\"size\":1}", "uuid-check", "/id" }, { FILE1(",\"size\":-1"), "range", "/size" },
	{ FILE1(",\"hashes\":{\"SHA-1\":\"00\"}"), "hash", "/hashes/SHA-1" }, { FILE1(",\"hashes\":{}"), "dictionary", "/hashes" },
	{ FILE1(",\"hashes\":{\"ab\":\"0\"}"), "hash-key", "/hashes/ab" }, { FILE1(",\"hashes\":{\"own\":7}"), "hash", "/hashes/own" },
	{ FILE1(",\"magic_number_hex\":\"0g\""), "hex", "/magic_number_hex" }, { FILE1(",\"content_ref\":\"file--" U5 "\""), "reference-type", "/content_ref" },
	{ FILE1(",\"extensions\":{\"archive-ext\":{\"comment\":\"c\"}}"), "required", "/extensions/archive-ext" },
	{ FILE1(",\"extensions\":{\"ntfs-ext\":{}}"), "at-least-one", "/extensions/ntfs-ext" },
	{ FILE1(",\"extensions\":{\"ntfs-ext\":{\"alternate_data_streams\":[{\"size\":1}]}}"), "required", "/extensions/ntfs-ext/alternate_data_streams/0" },
	{ FILE1(",\"extensions\":{\"pdf-ext\":{\"document_info_dict\":{\"Title\":1}}}"), "dictionary", "/extensions/pdf-ext/document_info_dict/Title" },
	{ FILE1(",\"extensions\":{\"raster-image-ext\":{\"exif_tags\":{\"A\":[1]}}}"), "dictionary", "/extensions/raster-image-ext/exif_tags/A" },
	{ FILE1(",\"extensions\":{\"windows-pebinary-ext\":{\"pe_type\":\"dll\",\"time_date_stamp\":\"2016-01-01T00:00:00.1Z\"}}"), "timestamp-precision",
	  "/extensions/windows-pebinary-ext/time_date_stamp" },
	{ FILE1(",\"extensions\":{\"windows-pebinary-ext\":{\"imphash\":\"x\"}}"), "required", "/extensions/windows-pebinary-ext" },
	{ FILE1(",\"extensions\":{\"windows-pebinary-ext\":{\"pe_type\":\"dll\",\"optional_header\":{\"magic_hex\":\"0\"}}}"), "hex",
	  "/extensions/windows-pebinary-ext/optional_header/magic_hex" },
	{ FILE1(",\"extensions\":{\"foo\":{\"a\":1}}"), "extension", "/extensions/foo" }, { FILE1(",\"extensions\":{\"foo-ext\":{\"abc\":1}}"), NULL, "" },
	{ FILE1(",\"extensions\":{\"foo-ext\":{}}"), "extension", "/extensions/foo-ext" }, { FILE1(",\"extensions\":{}"), "dictionary", "/extensions" },
	{ FILE1(",\"extensions\":{\"" EXT "\":{\"a\":1}}"), "extension", "/extensions/" EXT },
	{ FILE1(",\"extensions\":{\"" EXT "\":{\"extension_type\":\"new-thing\"}}"), "enum", "/extensions/" EXT "/extension_type" },
	{ FILE1(",\"extensions\":{\"" EXT "\":{\"extension_type\":\"property-extension\",\"anything\":null}}"), "null", "/extensions/" EXT "/anything" },
	{ O("ipv4-addr", ",\"value\":\"198.51.100.3/24\""), NULL, "" }, { O("ipv4-addr", ",\"value\":\"198.51.100.256\""), "ipv4", "/value" },
	{ O("ipv4-addr", ",\"value\":\"198.51.100.3/33\""), "ipv4", "/value" }, { O("ipv4-addr", ",\"value\":\"1.2.3\""), "ipv4", "/value" },
	{ O("ipv4-addr", ",\"value\":\"1.2.3.04\""), "ipv4", "/value" }, { O("ipv4-addr", ",\"value\":\"1.2.3.4.\""), "ipv4", "/value" },
	{ O("ipv6-addr", ",\"value\":\"::\""), NULL, "" }, { O("ipv6-addr", ",\"value\":\"2001:db8::/32\""), NULL, "" },
	{ O("ipv6-addr", ",\"value\":\"::ffff:198.51.100.3\""), NULL, "" }, { O("ipv6-addr", ",\"value\":\"1:2:3:4:5:6:7:8\""), NULL, "" },
	{ O("ipv6-addr", ",\"value\":\"1:2:3:4:5:6:7\""), "ipv6", "/value" }, { O("ipv6-addr", ",\"value\":\"1::2::3\""), "ipv6", "/value" },
	{ O("ipv6-addr", ",\"value\":\"1:2:3:4:5:6:7:8::\""), "ipv6", "/value" }, { O("ipv6-addr", ",\"value\":\"::12345\""), "ipv6", "/value" },
	{ O("ipv6-addr", ",\"value\":\"::/129\""), "ipv6", "/value" }, { O("ipv6-addr", ",\"value\":\":1\""), "ipv6", "/value" },
	{ O("mac-addr", ",\"value\":\"d2:fb:49:24:37:18\""), NULL, "" }, { O("mac-addr", ",\"value\":\"D2:FB:49:24:37:18\""), "mac", "/value" },
	{ O("mac-addr", ",\"value\":\"d2-fb-49-24-37-18\""), "mac", "/value" }, { O("mutex", ",\"name\":7"), "type", "/name" },
	{ TRAFFIC(""), NULL, "" }, { O("network-traffic", ",\"protocols\":[\"tcp\"]"), "at-least-one", "" },
	{ O("network-traffic", ",\"src_ref\":\"ipv4-addr--" U5 "\""), "required", "" }, { TRAFFIC(",\"src_port\":65536"), "range", "/src_port" },
	{ TRAFFIC(",\"is_active\":true,\"end\":" T), "excludes", "/end" }, { TRAFFIC(",\"is_active\":false,\"end\":" T), NULL, "" },
	{ TRAFFIC(",\"start\":\"2017-01-01T00:00:00Z\",\"end\":\"2016-01-01T00:00:00Z\""), "time-order", "/end" },
	{ TRAFFIC(",\"dst_ref\":\"url--" U5 "\""), "reference-type", "/dst_ref" }, { TRAFFIC(",\"src_packets\":-1"), "range", "/src_packets" },
	{ TRAFFIC(",\"ipfix\":{\"a\":[1]}"), "dictionary", "/ipfix/a" }, { TRAFFIC(",\"ipfix\":{\"a b\":1}"), "dictionary-key", "/ipfix/a b" },
	{ TRAFFIC(",\"extensions\":{\"http-request-ext\":{\"request_method\":\"get\",\"request_value\":\"/\",\"request_header\":{\"Host\":\"h\"}}}"), "dictionary",
	  "/extensions/http-request-ext/request_header/Host" },
	{ TRAFFIC(",\"extensions\":{\"http-request-ext\":{\"request_method\":\"get\",\"request_value\":\"/\",\"request_header\":{\"Host\":[\"h\"]}}}"), NULL, "" },
	{ TRAFFIC(",\"extensions\":{\"icmp-ext\":{\"icmp_type_hex\":\"08\"}}"), "required", "/extensions/icmp-ext" },
	{ TRAFFIC(",\"extensions\":{\"socket-ext\":{\"address_family\":\"AF_FOO\"}}"), "enum", "/extensions/socket-ext/address_family" },
	{ TRAFFIC(",\"extensions\":{\"socket-ext\":{\"address_family\":\"AF_INET\",\"options\":{\"SO_TEST\":1}}}"), NULL, "" },
	{ TRAFFIC(",\"extensions\":{\"socket-ext\":{\"address_family\":\"AF_INET\",\"options\":{\"foo\":1}}}"), "socket-options", "/extensions/socket-ext/options/foo" },
	{ TRAFFIC(",\"extensions\":{\"tcp-ext\":{}}"), "at-least-one", "/extensions/tcp-ext" },
	{ "{\"type\":\"process\",\"id\":\"process--" U4 "\",\"pid\":1}", NULL, "" }, { "{\"type\":\"process\",\"id\":\"process--" U4 "\"}", "at-least-one", "" },
	{ O("process", ",\"pid\":1"), "uuid-check", "/id" },
	{ "{\"type\":\"process\",\"id\":\"process--" U4 "\",\"image_ref\":\"url--" U5 "\"}", "reference-type", "/image_ref" },
	{ "{\"type\":\"process\",\"id\":\"process--" U4 "\",\"environment_variables\":{\"A\":1}}", "dictionary", "/environment_variables/A" },
	{ "{\"type\":\"process\",\"id\":\"process--" U4 "\",\"extensions\":{\"windows-process-ext\":{\"integrity_level\":\"top\"}}}", "enum",
	  "/extensions/windows-process-ext/integrity_level" },
	{ "{\"type\":\"process\",\"id\":\"process--" U4 "\",\"extensions\":{\"windows-service-ext\":{\"start_type\":\"x\"}}}", "enum",
	  "/extensions/windows-service-ext/start_type" },
	{ O("software", ",\"name\":\"n\",\"cpe\":\"cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*\""), NULL, "" },
	{ O("software", ",\"name\":\"n\",\"cpe\":\"cpe:/a:x\""), "cpe", "/cpe" }, { O("software", ",\"name\":\"n\",\"languages\":[\"en-US\"]"), NULL, "" },
	{ O("software", ",\"name\":\"n\",\"languages\":[\"zza\"]"), NULL, "" }, { O("software", ",\"name\":\"n\",\"languages\":[\"xx\"]"), "language", "/languages/0" },
	{ O("url", ",\"value\":\"https://example.com/a?b#c\""), NULL, "" }, { O("url", ",\"value\":\"foo\""), "uri", "/value" },
	{ O("url", ",\"value\":\"http://a b/\""), "uri", "/value" }, { O("user-account", ",\"user_id\":\"1\""), NULL, "" },
	{ "{\"type\":\"user-account\",\"id\":\"user-account--" U4 "\"}", "at-least-one", "" },
	{ "{\"type\":\"user-account\",\"id\":\"user-account--" U4 "\",\"extensions\":{\"unix-account-ext\":{\"gid\":\"x\"}}}", "integer",
	  "/extensions/unix-account-ext/gid" },
	{ O("windows-registry-key", ",\"key\":\"HKEY_LOCAL_MACHINE\\\\x\""), NULL, "" }, { O("windows-registry-key", ",\"key\":\"HKLM\\\\x\""), "registry-hive", "/key" },
	{ O("windows-registry-key", ",\"key\":\"hkcu\\\\x\""), "registry-hive", "/key" },
	{ O("windows-registry-key", ",\"key\":\"k\",\"values\":[{}]"), "at-least-one", "/values/0" },
	{ O("windows-registry-key", ",\"key\":\"k\",\"values\":[{\"data_type\":\"REG_X\"}]"), "enum", "/values/0/data_type" },
	{ "{\"type\":\"x509-certificate\",\"id\":\"x509-certificate--" U4 "\",\"issuer\":\"i\"}", NULL, "" },
	{ "{\"type\":\"x509-certificate\",\"id\":\"x509-certificate--" U4 "\"}", "at-least-one", "" },
	{ "{\"type\":\"x509-certificate\",\"id\":\"x509-certificate--" U4 "\",\"x509_v3_extensions\":{}}", "at-least-one", "/x509_v3_extensions" },
	{ O("domain-name", ",\"value\":\"example.com\",\"created\":" T), "sco-versioning", "/created" }, { O("domain-name", ",\"value\":\"a.com\",\"created\":" T), NULL, "" },
	{ "{\"type\":\"domain-name\",\"value\":\"a.b\"}", "required", "" }, { O("domain-name", ",\"value\":\"a.b\",\"spec_version\":\"2.1\",\"defanged\":true"), NULL, "" },
	{ O("domain-name", ",\"value\":\"a.b\",\"defanged\":1"), "boolean", "/defanged" },
	{ FILE1(",\"severity\":1"), "reserved", "/severity" }, { FILE1(",\"extensions\":{\"foo-ext\":{\"a\":1}}"), "property-name", "/extensions/foo-ext/a" },
	/* §7.1 language content */
	{ LANG("{\"de\":{\"name\":\"n\"}}"), NULL, "" }, { LANG("{\"Deutsch\":{\"name\":\"n\"}}"), "language", "/contents/Deutsch" },
	{ LANG("{\"de\":\"n\"}"), "dictionary", "/contents/de" }, { LANG("{\"de\":{\"N\":\"n\"}}"), "property-name", "/contents/de/N" },
	{ LANG("{}"), "dictionary", "/contents" }, { V("language-content", ",\"contents\":{\"de\":{\"name\":\"n\"}}"), "required", "" },
	{ V("language-content", ",\"object_ref\":\"bundle--" U4 "\",\"contents\":{\"de\":{\"name\":\"n\"}}"), "reference-type", "/object_ref" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME ",\"labels\":[\"a\",\"b\"]") "," LANG("{\"de\":{\"labels\":[\"x\"]}}") "]"), "translation", "/objects/1/contents/de/labels" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME) "," LANG("{\"de\":{\"name\":7}}") "]"), "translation", "/objects/1/contents/de/name" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME) "," LANG("{\"de\":{\"aliases\":[\"x\"]}}") "]"), "translation", "/objects/1/contents/de/aliases" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME) "," LANG("{\"de\":{\"name\":\"x\"}}") "]"), NULL, "" },
	/* §7.2 markings */
	{ MARKING(STATEMENT), NULL, "" }, { MARKING(""), "required", "" }, { MARKING(",\"definition_type\":\"statement\",\"definition\":{}"), "required", "/definition" },
	{ MARKING(",\"definition_type\":\"statement\",\"definition\":7"), "type", "/definition" },
	{ MARKING(",\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"white\"},\"name\":\"TLP:WHITE\""), "tlp-marking", "" },
	{ "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"" GREEN "\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\","
	  "\"name\":\"TLP:GREEN\",\"definition\":{\"tlp\":\"green\"}}", NULL, "" },
	{ "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"" GREEN "\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\","
	  "\"name\":\"TLP:GREEN\",\"definition\":{\"tlp\":\"white\"}}", "tlp-marking", "" },
	{ "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"" GREEN "\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\","
	  "\"definition\":{\"tlp\":\"green\"}}", "tlp-marking", "" },
	{ "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"" GREEN "\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\","
	  "\"name\":\"TLP:GREEN\",\"definition\":{\"tlp\":\"green\"},\"created_by_ref\":\"identity--" U4 "\"}", "tlp-marking", "" },
	{ MARKING(",\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d\":{\"extension_type\":\"property-extension\",\"tlp_2_0\":\"red\"}}"),
	  "tlp-marking", "" },
	{ MARKING(",\"extensions\":{\"" EXT "\":{\"extension_type\":\"property-extension\",\"abc\":1}}"), NULL, "" },
	{ MARKING(STATEMENT ",\"object_marking_refs\":[\"marking-definition--" U4 "\"]"), "circular-marking", "/object_marking_refs" },
	{ MARKING(STATEMENT ",\"granular_markings\":[{\"marking_ref\":\"marking-definition--" U4 "\",\"selectors\":[\"id\"]}]"), "circular-marking", "/granular_markings/0" },
	{ BUNDLE(",\"objects\":[{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--11111111-1111-4111-8111-111111111111\",\"created\":" T
		 STATEMENT ",\"object_marking_refs\":[\"marking-definition--" U4 "\"]},"
		 MARKING(STATEMENT ",\"object_marking_refs\":[\"marking-definition--11111111-1111-4111-8111-111111111111\"]") "]"),
	  "circular-marking", "/objects/0" },
	{ V("tool", NAME ",\"granular_markings\":[{\"marking_ref\":\"" GREEN "\",\"selectors\":[\"name\",\"id\"]}]"), NULL, "" },
	{ V("tool", NAME ",\"granular_markings\":[{\"marking_ref\":\"" GREEN "\",\"selectors\":[\"nope\"]}]"), "selector", "/granular_markings/0/selectors/0" },
	{ V("tool", NAME ",\"granular_markings\":[{\"marking_ref\":\"" GREEN "\",\"lang\":\"en\",\"selectors\":[\"name\"]}]"), "exactly-one",
	  "/granular_markings/0/marking_ref" },
	{ V("tool", NAME ",\"granular_markings\":[{\"selectors\":[\"name\"]}]"), "exactly-one", "/granular_markings/0" },
	{ V("tool", NAME ",\"granular_markings\":[{\"lang\":\"en\",\"selectors\":[\"name\"]}]"), NULL, "" },
	{ V("tool", NAME ",\"granular_markings\":[{\"lang\":\"en\"}]"), "required", "/granular_markings/0" },
	{ V("tool", NAME ",\"granular_markings\":[{\"lang\":\"en\",\"selectors\":[]}]"), "empty-list", "/granular_markings/0/selectors" },
	/* §7.3 extensions */
	{ EXTDEF(",\"extension_types\":[\"new-sdo\"]"), NULL, "" }, { EXTDEF(",\"extension_types\":[\"new\"]"), "enum", "/extension_types/0" },
	{ EXTDEF(""), "required", "" }, { V("extension-definition", NAME ",\"schema\":\"s\",\"version\":\"1\",\"extension_types\":[\"new-sdo\"]"), "required", "" },
	{ EXTDEF(",\"extension_types\":[\"new-sdo\"],\"extension_properties\":[\"foo_bar\"]"), "extension", "/extension_properties" },
	{ EXTDEF(",\"extension_types\":[\"toplevel-property-extension\"],\"extension_properties\":[\"foo_bar\"]"), NULL, "" },
	{ EXTDEF(",\"extension_types\":[\"toplevel-property-extension\"],\"extension_properties\":[\"F\"]"), "property-name", "/extension_properties/0" },
	{ V("x-new", ",\"extensions\":{\"" EXT "\":{\"extension_type\":\"new-sdo\"}},\"foo_bar\":1"), NULL, "" },
	{ "{\"type\":\"x-new\",\"id\":\"x-new--" U4 "\",\"extensions\":{\"" EXT "\":{\"extension_type\":\"new-sco\"}}}", NULL, "" },
	{ "{\"type\":\"x-new\",\"id\":\"x-new--" U4 "\",\"extensions\":{\"" EXT "\":{\"extension_type\":\"new-sdo\"}}}", "required", "" },
	/* §8 bundles, §3.6 versions */
	{ BUNDLE(""), NULL, "" }, { BUNDLE(",\"objects\":[]"), "empty-list", "/objects" }, { "{\"type\":\"bundle\",\"objects\":[" V("tool", NAME) "]}", "required", "" },
	{ BUNDLE(",\"objects\":[" V("tool", "") "]"), "required", "/objects/0" }, { BUNDLE(",\"objects\":[" BUNDLE("") "]"), "bundle", "/objects/0" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME) "," V("tool", NAME) "]"), NULL, "" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME) "," V("tool", ",\"name\":\"m\"") "]"), "duplicate-ids", "/objects/1" },
	{ BUNDLE(",\"objects\":[7]"), "type", "/objects/0" },
	{ BUNDLE(",\"objects\":[" TV("2016-04-06T20:03:48.000Z", T, "") "," TV("2016-04-06T20:03:48.0000Z", T, ",\"description\":\"d\"") "]"), "duplicate-ids",
	  "/objects/1" },
	{ BUNDLE(",\"objects\":[" TV("2016-04-06T20:03:48.000Z", T, "") "," TV("2016-04-06T20:03:48.001Z", T, ",\"description\":\"d\"") "]"), NULL, "" },
	{ BUNDLE(",\"objects\":[" TV("2016-04-06T20:03:48.000Z", T, "") "," TV("2016-04-06T20:03:48.001Z", "\"2016-04-06T20:03:47.000Z\"", "") "]"),
	  "version-constant", "/objects/1" },
	{ BUNDLE(",\"objects\":[" TV("2016-04-06T20:03:48.000Z", T, "") "," TV("2016-04-06T20:03:48.001Z", T, ",\"created_by_ref\":\"identity--" U4 "\"") "]"),
	  "version-constant", "/objects/1" },
	{ BUNDLE(",\"objects\":[" V("tool", NAME ",\"created_by_ref\":\"identity--" U4 "\"") "," V("campaign", NAME ",\"created_by_ref\":\"identity--" U4 "\"") "]"),
	  "uuid-reused", "/objects/1" },
	{ "[" V("tool", NAME) "," V("tool", "") "]", "required", "/1" },
};

struct first {
	char rule[40], pointer[300], clause[80];
	unsigned musts, shoulds;
	enum stix_level_of_rule want;
};

static void keep_first(void *ctx, const struct stix_problem *p)
{
	struct first *f = ctx;

	if (p->level == STIX_MUST)
		f->musts++;
	else
		f->shoulds++;
	if (p->level != f->want || f->rule[0] != '\0')
		return;
	snprintf(f->rule, sizeof f->rule, "%s", p->rule);
	snprintf(f->clause, sizeof f->clause, "%s", p->clause);
	snprintf(f->pointer, sizeof f->pointer, "%.*s", STR(p->pointer));
}

static void judge(struct arena *a, const struct row *r, const struct stix_validate_opts *opts, enum stix_level_of_rule level)
{
	struct first f = { .want = level };
	struct stix_verdict v = { 0 };
	struct err err = { 0 };
	const struct json *doc;
	enum rc rc;

	arena_reset(a);
	if (json_parse(a, str_of(r->json), &JSON_LIMITS, &doc, &err) != RC_OK) {
		OK(false, "row is no JSON: %s: %s", err.text, r->json);
		return;
	}
	rc = stix_validate(doc, opts, keep_first, &f, &v, &err);
	OK(rc == (v.musts > 0 ? RC_BAD : RC_OK) && v.musts == f.musts && v.shoulds == f.shoulds && (rc == RC_OK) == (err.text[0] == '\0'),
	   "counts and code agree");
	if (r->rule == NULL)
		OK(f.rule[0] == '\0', "valid, but: %s %s %s: %.150s", f.rule, f.pointer, err.text, r->json);
	else
		OK(strcmp(f.rule, r->rule) == 0 && strcmp(f.pointer, r->pointer) == 0 && strncmp(f.clause, "STIX 2.", 7) == 0,
		   "%s at '%s' (got %s at '%s', %s): %.150s", r->rule, r->pointer, f.rule, f.pointer, f.clause, r->json);
}

static void test_musts(void)
{
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(MUSTS); i++)
		judge(a, &MUSTS[i], NULL, STIX_MUST);
	arena_free(a);
}

static void test_shoulds(void)
{
	static const struct row rows[] = {
		{ V("tool", NAME), NULL, "" }, { V("tool", NAME ",\"foo_bar\":1"), "custom-prefix", "/foo_bar" }, { V("tool", NAME ",\"x_foo_bar\":1"), NULL, "" },
		{ V("tool", NAME ",\"tool_types\":[\"Own Type\"]"), "tool-types", "/tool_types/0" },
		{ V("tool", NAME ",\"tool_types\":[\"remote-access\"]"), NULL, "" }, { V("foo", ""), "custom-prefix", "/type" },
		{ V("tool", NAME ",\"kill_chain_phases\":[{\"kill_chain_name\":\"K K\",\"phase_name\":\"p\"}]"), "kill-chain-names",
		  "/kill_chain_phases/0/kill_chain_name" },
		{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"s\",\"url\":\"http://a/\"}]"), "extref-hashes", "/external_references/0" },
		{ V("tool", NAME ",\"external_references\":[{\"source_name\":\"s\",\"url\":\"no url\",\"hashes\":{\"MD5\":\"00000000000000000000000000000000\"}}]"),
		  "uri", "/external_references/0/url" },
		{ V("tool", NAME ",\"created_by_ref\":\"tool--" U4 "\""), "reference-type", "/created_by_ref" },
		{ V("relationship", ",\"relationship_type\":\"eats\",\"source_ref\":\"malware--" U4 "\",\"target_ref\":\"tool--" U4 "\""), "relationship-types",
		  "/relationship_type" },
		{ V("relationship", REL), NULL, "" },
		{ V("relationship", ",\"relationship_type\":\"related-to\",\"source_ref\":\"malware--" U4 "\",\"target_ref\":\"url--" U5 "\""), NULL, "" },
		{ V("relationship", ",\"relationship_type\":\"consists-of\",\"source_ref\":\"infrastructure--" U4 "\",\"target_ref\":\"url--" U5 "\""), NULL, "" },
		{ V("relationship", ",\"relationship_type\":\"derived-from\",\"source_ref\":\"malware--" U4 "\",\"target_ref\":\"tool--" U4 "\""), "relationship-types",
		  "/relationship_type" },
		{ "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--" U5 "\",\"created\":" T ",\"modified\":" T NAME "}", "uuid-check", "/id" },
		{ "{\"type\":\"url\",\"id\":\"url--" U4 "\",\"value\":\"http://a/\"}", "uuid-check", "/id" },
		{ FILE1(",\"hashes\":{\"OWN-HASH\":\"x\"}"), "hash-algo", "/hashes/OWN-HASH" }, { FILE1(",\"mime_type\":\"bla\""), "mime-type", "/mime_type" },
		{ FILE1(",\"magic_number_hex\":\"AB\""), "hex-case", "/magic_number_hex" }, { TRAFFIC(""), "network-traffic-ports", "" },
		{ TRAFFIC(",\"src_port\":1,\"dst_port\":2,\"encapsulated_by_ref\":\"network-traffic--" U5 "\""), NULL, "" },
		{ BUNDLE(",\"objects\":[" V("tool", NAME) "," V("tool", NAME) "]"), "duplicate-ids", "/objects/1" },
		{ V("indicator", ",\"pattern\":\"[foo:bar_a = 1]\",\"pattern_type\":\"stix\",\"valid_from\":" T), "custom-prefix", "/pattern" },
		{ V("indicator", ",\"pattern\":\"[file:my_prop = 1]\",\"pattern_type\":\"stix\",\"valid_from\":" T), "custom-prefix", "/pattern" },
		{ MARKING(STATEMENT ",\"modified\":" T), "marking-versioned", "/modified" },
		{ "{\"type\":\"process\",\"id\":\"process--" U4 "\",\"extensions\":{\"windows-process-ext\":{\"priority\":\"HIGH\"}}}", "windows-process-priority-format",
		  "/extensions/windows-process-ext/priority" },
	};
	struct stix_validate_opts opts = { .shoulds = true };
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		judge(a, &rows[i], &opts, STIX_SHOULD);
		judge(a, &(struct row){ rows[i].json, NULL, "" }, NULL, STIX_MUST);
	}
	arena_free(a);
}

static void test_options(void)
{
	static const struct { struct row row; struct stix_validate_opts opts; } rows[] = {
		{ { V("tool", NAME ",\"foo_bar\":1"), "unknown-property", "/foo_bar" }, { .strict = true } },
		{ { V("x-foo-bar", ",\"foo_bar\":1"), "unknown-type", "/type" }, { .strict = true } },
		{ { V("x-foo", ",\"extensions\":{\"" EXT "\":{\"extension_type\":\"new-sdo\"}},\"foo_bar\":1"), NULL, "" }, { .strict = true } },
		{ { V("tool", NAME ",\"foo_bar\":1,\"extensions\":{\"" EXT "\":{\"extension_type\":\"toplevel-property-extension\"}}"), NULL, "" }, { .strict = true } },
		{ { V("indicator", ",\"pattern\":\"[x-foo:bar_a = 1]\",\"pattern_type\":\"stix\",\"valid_from\":" T), "unknown-type", "/pattern" }, { .strict = true } },
		{ { V("tool", ""), NULL, "" }, { .without = "foo, required" } }, { { V("tool", ""), "required", "" }, { .without = "requir" } },
		{ { V("tool", NAME), NULL, "" }, { .spec = STIX_SPEC_21 } }, { { V("tool", NAME), "required", "" }, { .spec = STIX_SPEC_20 } },
		{ { BUNDLE(",\"objects\":[" V("relationship", REL) "]"), "enforce-refs", "/objects/0/source_ref" }, { .refs_inside = true } },
	};
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++)
		judge(a, &rows[i].row, &rows[i].opts, STIX_MUST);
	arena_free(a);
}

/* A document that is 2.0 is judged as 2.0, also inside a bundle of 2.1. */
static void test_versions(void)
{
	static const struct row rows[] = {
		{ "{\"type\":\"tool\",\"id\":\"tool--" U4 "\",\"created\":" T ",\"modified\":" T ",\"name\":\"n\",\"labels\":[\"remote-access\"]}", NULL, "" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U4 "\",\"created\":" T ",\"modified\":" T ",\"name\":\"n\"}", "required", "" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U5 "\",\"created\":" T ",\"modified\":" T ",\"name\":\"n\",\"labels\":[\"a\"]}", "identifier", "/id" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U4 "\",\"created\":" T ",\"modified\":" T ",\"name\":\"n\",\"labels\":[\"a\"],\"confidence\":1}", "reserved", "/confidence" },
		{ "{\"type\":\"tool\",\"id\":\"tool--" U4 "\",\"created\":" T ",\"modified\":" T ",\"name\":\"n\",\"tool_types\":[\"a\"]}", "required", "" },
		{ "{\"type\":\"bundle\",\"id\":\"bundle--" U4 "\",\"spec_version\":\"2.0\",\"objects\":[{\"type\":\"identity\",\"id\":\"identity--" U4
		  "\",\"created\":" T ",\"modified\":" T ",\"name\":\"n\"}]}", "required", "/objects/0" },
		{ "{\"type\":\"observed-data\",\"id\":\"observed-data--" U4 "\",\"created\":" T ",\"modified\":" T OBSERVED
		  ",\"objects\":{\"0\":{\"type\":\"file\",\"name\":\"f\",\"created\":\"2016-01-01T00:00:00Z\"}}}", NULL, "" },
	};
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++)
		judge(a, &rows[i], NULL, STIX_MUST);
	arena_free(a);
}

static void test_limits(void)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct first f = { .want = STIX_MUST };
	struct stix_verdict v;
	const struct json *doc;
	struct buf text;

	buf_init(&text, 8 << 20);
	buf_cstr(&text, "[0");
	for (int i = 1; i < 20000; i++)
		buf_cstr(&text, ",0");
	buf_cstr(&text, "]");
	OK(json_parse(a, buf_view(&text), &JSON_LIMITS, &doc, NULL) == RC_OK && stix_validate(doc, NULL, keep_first, &f, &v, NULL) == RC_BAD, "20,000 problems");
	EQ_INT(v.musts, 20000, "all are counted");
	EQ_INT(f.musts, 1000, "and the first thousand told");
	buf_done(&text);
	arena_free(a);
}

static void test_no_memory(void)
{
	static const char doc[] = BUNDLE(",\"objects\":[" V("indicator", INDICATOR) "," V("tool", "") "," V("relationship", REL) "]");
	struct stix_validate_opts opts = { .shoulds = true, .refs_inside = true };
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	uint64_t n;

	for (n = 1; rc != RC_BAD && n < 1000; n++) {
		struct arena *a = arena_new(ARENA_MAX);
		const struct json *v = NULL;

		if (json_parse(a, str_of(doc), &JSON_LIMITS, &v, NULL) != RC_OK)
			break;
		mem_fail_at(n, 1);
		rc = stix_validate(v, &opts, NULL, NULL, NULL, NULL);
		mem_fail_at(0, 0);
		arena_free(a);
		if (rc != RC_NOMEM && rc != RC_BAD)
			break;
	}
	OK(rc == RC_BAD && n > 3, "every allocation may fail (%u of them)", (unsigned)n);
	EQ_INT(mem_live(), before, "and nothing is lost");
}

int main(void)
{
	test_musts();
	test_shoulds();
	test_options();
	test_versions();
	test_limits();
	test_no_memory();
	return tap_done();
}
