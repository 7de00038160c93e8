#include "stix/rules.h"

#include "stix/format.h"
#include "stix/id.h"
#include "stix/vocab.h"

void rule_malware_family(struct stix_check *c, const struct json *o)
{
	bool family = false;

	if (json_bool(json_get(o, S("is_family")), &family) && family && json_get(o, S("name")) == NULL)
		MUST(c, o, "malware-family", "a malware family needs a name");
}

void rule_relation(struct stix_check *c, const struct json *o)
{
	struct str source, target, relation = json_get_str(o, S("relationship_type"));

	if (!c->opts->shoulds || !stix_id_split(json_get_str(o, S("source_ref")), &source, NULL) ||
	    !stix_id_split(json_get_str(o, S("target_ref")), &target, NULL) || relation.p == NULL)
		return;
	if (stix_class_of(source) == STIX_CUSTOM || stix_class_of(target) == STIX_CUSTOM)
		return;
	if (!stix_relation_suggested(c->spec, source, relation, target))
		SHOULD(c, json_get(o, S("relationship_type")), "relationship-types",
		       "'%.*s' is no suggested relationship from %.*s to %.*s", STR(str_slice(relation, 0, 60)), STR(source),
		       STR(target));
}

/* "CVE-2024-12345": four digits, then four or more without leading zeros beyond four. */
static bool is_cve(struct str s)
{
	struct str year, number;
	uint64_t n;

	if (!str_starts(s, S("CVE-")) || s.n < 13 || s.p[8] != '-')
		return false;
	year = str_slice(s, 4, 8);
	number = str_slice(s, 9, s.n);
	return str_to_u64(year, &n) && str_to_u64(number, &n) && (number.n == 4 || number.p[0] != '0');
}

static bool is_capec(struct str s)
{
	uint64_t n;

	return str_starts(s, S("CAPEC-")) && str_to_u64(str_slice(s, 6, s.n), &n);
}

void rule_external_id(struct stix_check *c, const struct json *o)
{
	static const struct { const char *source; bool (*fits)(struct str); const char *form; } rows[] = {
		{ "cve", is_cve, "CVE-YYYY-NNNN" }, { "capec", is_capec, "CAPEC-N" },
	};
	struct str source = json_get_str(o, S("source_name")), id = json_get_str(o, S("external_id"));
	const struct json *at = json_get(o, S("external_id"));

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		bool named = str_eq(source, str_of(rows[i].source)), fits = rows[i].fits(id);

		if (named && !fits)
			MUST_BY(c, at != NULL ? at : o, "external-id", "STIX 2.1 §2.5.2", "a reference to '%s' needs an external_id %s",
				rows[i].source, rows[i].form);
		if (!named && fits)
			MUST_BY(c, at, "external-id", "STIX 2.1 §2.5.2", "the external_id %s belongs to the source_name '%s'",
				rows[i].form, rows[i].source);
	}
	if (json_get(o, S("url")) != NULL && json_get(o, S("hashes")) == NULL)
		SHOULD(c, o, "extref-hashes", "a reference with a url should have hashes of what is there");
}

/* Names that would make a deterministic object a versioned one (STIX 2.1 §3.6). */
static void sco_versioning(struct stix_check *c, const struct json *o)
{
	static const char *const names[] = { "created", "modified", "revoked", "created_by_ref" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		const struct json *v = json_get(o, str_of(names[i]));

		if (v != NULL)
			MUST_BY(c, v, "sco-versioning", "STIX 2.1 §3.6", "'%s' may not be on an observable with a deterministic id",
				names[i]);
	}
}

void rule_sco_identity(struct stix_check *c, const struct json *o)
{
	char own[STIX_ID_MAX + 1];
	struct str type, expected, id = json_get_str(o, S("id"));
	struct uuid uuid;
	int version;

	if (stix_class_of(json_get_str(o, S("type"))) != STIX_SCO || !stix_id_split(id, &type, &uuid))
		return;
	version = uuid_version(&uuid);
	if (!stix_sco_id_fixed(o)) {
		if (version != 4)
			MUST_BY(c, json_get(o, S("id")), "uuid-check", "STIX 2.1 §2.9",
				"without an id contributing property the id must hold a UUIDv4");
		return;
	}
	if (version == 5 && (json_get(o, S("created")) != NULL || json_get(o, S("modified")) != NULL ||
			     json_get(o, S("revoked")) != NULL || json_get(o, S("created_by_ref")) != NULL)) {
		if (stix_sco_id(o, own, &expected, NULL) == RC_OK && str_eq_nocase(expected, id))
			sco_versioning(c, o);
	}
	if (version != 5)
		SHOULD(c, json_get(o, S("id")), "uuid-check", "the id should hold a UUIDv5 of the contributing properties");
}

void rule_artifact_mime(struct stix_check *c, const struct json *o)
{
	const struct json *v = json_get(o, S("mime_type"));

	if (json_is(v, JSON_STRING) && format_mime(json_str(v)) != NULL)
		MUST(c, v, "mime-type", "'mime_type' is '%.*s': %s", STR(str_slice(json_str(v), 0, 60)),
		     format_mime(json_str(v)));
}

void rule_email_parts(struct stix_check *c, const struct json *o)
{
	bool multipart = false;
	const char *wrong;

	if (!json_bool(json_get(o, S("is_multipart")), &multipart))
		return;
	wrong = multipart ? "body" : "body_multipart";
	if (json_get(o, str_of(wrong)) != NULL)
		MUST(c, json_get(o, str_of(wrong)), "email-parts", "'%s' may not be used when is_multipart is %s", wrong,
		     multipart ? "true" : "false");
}

void rule_file_encrypted(struct stix_check *c, const struct json *o)
{
	bool encrypted = false;

	(void)json_bool(json_get(o, S("is_encrypted")), &encrypted);
	if (!encrypted && (json_get(o, S("encryption_algorithm")) != NULL || json_get(o, S("decryption_key")) != NULL))
		MUST(c, o, "file-encrypted", "'encryption_algorithm' and 'decryption_key' need is_encrypted to be true");
}

void rule_network_traffic(struct stix_check *c, const struct json *o)
{
	bool active = false;

	if (json_bool(json_get(o, S("is_active")), &active) && active && json_get(o, S("end")) != NULL)
		MUST(c, json_get(o, S("end")), "excludes", "'end' may not be used while is_active is true");
	if (json_get(o, S("src_port")) == NULL || json_get(o, S("dst_port")) == NULL)
		SHOULD(c, o, "network-traffic-ports", "network traffic should have both src_port and dst_port");
}

/* "SO_KEEPALIVE": one of the families, then words of capitals. */
static bool is_socket_option(struct str s)
{
	static const char *const families[] = { "SO", "ICMP", "ICMP6", "IP", "IPV6", "MCAST", "TCP", "IRLMP" };
	size_t bar = str_find(s, S("_"), 0);
	bool known = false;

	if (bar == SIZE_MAX || s.p[s.n - 1] == '_')
		return false;
	for (size_t i = 0; i < COUNTOF(families); i++)
		known = known || str_eq(str_slice(s, 0, bar), str_of(families[i]));
	for (size_t i = bar; i < s.n; i++)
		if (s.p[i] != '_' && (s.p[i] < 'A' || s.p[i] > 'Z'))
			return false;
	return known;
}

void rule_socket_options(struct stix_check *c, const struct json *o)
{
	const struct json *options = json_get(o, S("options"));

	if (!json_is(options, JSON_OBJECT))
		return;
	JSON_MEMBERS(name, value, options) {
		struct str key = str_slice(json_str(name), 0, 60);

		if (is_socket_option(json_str(name)))
			continue;
		if (c->spec == STIX_SPEC_20)
			SHOULD(c, value, "socket-options", "'%.*s' is no socket option", STR(key));
		else
			MUST(c, value, "socket-options", "'%.*s' is no socket option", STR(key));
	}
}

void rule_process_priority(struct stix_check *c, const struct json *o)
{
	const struct json *v = json_get(o, S("priority"));

	if (json_is(v, JSON_STRING) && !str_ends(json_str(v), S("_CLASS")))
		SHOULD(c, v, "windows-process-priority-format", "'priority' should end in _CLASS");
}

void rule_registry_hive(struct stix_check *c, const struct json *o)
{
	static const char *const short_hives[] = { "HKLM", "HKCC", "HKCR", "HKCU", "HKU" };
	const struct json *key = json_get(o, S("key"));
	struct str hive = str_slice(json_str(key), 0, str_find(json_str(key), S("\\"), 0));

	for (size_t i = 0; json_is(key, JSON_STRING) && i < COUNTOF(short_hives); i++)
		if (str_eq_nocase(hive, str_of(short_hives[i])))
			MUST(c, key, "registry-hive", "the hive must be written in full, not as '%s'", short_hives[i]);
}
