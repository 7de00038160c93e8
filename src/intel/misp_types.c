/* Types that are not listed here (comments, links, wallets, phone numbers, free
 * text ...) say something about an event but have no cyber-observable of STIX 2.1. */
#include "intel/misp_types.h"

#include "base/text.h"
#include "model/observable.h"

#define NONE { TERM_NONE, NULL, NULL, NULL, OBS_KINDS }
#define VALUE(path, sco, kind) { TERM_VALUE, path, sco, "value", kind }
#define TEXT(path, sco, member) { TERM_TEXT, path, sco, member, OBS_KINDS }
#define HASH(name) { TERM_HEX, "file:hashes." name, "file", "hashes." name, OBS_KINDS }
#define CERT(name) { TERM_HEX, "x509-certificate:hashes." name, "x509-certificate", "hashes." name, OBS_KINDS }
#define IP { TERM_IP, ":value", "ip", "value", OBS_KINDS }
#define DOMAIN VALUE("domain-name:value", "domain-name", OBS_DOMAIN)
#define URL VALUE("url:value", "url", OBS_URL)
#define EMAIL VALUE("email-addr:value", "email-addr", OBS_EMAIL)
#define FILENAME TEXT("file:name", "file", "name")
#define REGKEY { TERM_REGKEY, "windows-registry-key:key", "windows-registry-key", "key", OBS_KINDS }

static const struct misp_type types[] = {
	{ "ip-src", IP, NONE }, { "ip-dst", IP, NONE }, { "ip", IP, NONE },
	{ "domain", DOMAIN, NONE }, { "hostname", DOMAIN, NONE }, { "url", URL, NONE },
	{ "email", EMAIL, NONE }, { "email-src", EMAIL, NONE }, { "email-dst", EMAIL, NONE }, { "target-email", EMAIL, NONE },
	{ "email-reply-to", EMAIL, NONE },
	{ "md5", HASH("MD5"), NONE }, { "sha1", HASH("'SHA-1'"), NONE }, { "sha256", HASH("'SHA-256'"), NONE },
	{ "sha512", HASH("'SHA-512'"), NONE }, { "sha224", HASH("'SHA-224'"), NONE }, { "sha384", HASH("'SHA-384'"), NONE },
	{ "sha3-256", HASH("'SHA3-256'"), NONE }, { "sha3-512", HASH("'SHA3-512'"), NONE },
	{ "ssdeep", TEXT("file:hashes.SSDEEP", "file", "hashes.SSDEEP"), NONE },
	{ "tlsh", TEXT("file:hashes.TLSH", "file", "hashes.TLSH"), NONE },
	{ "imphash", { TERM_HEX, "file:extensions.'windows-pebinary-ext'.imphash", NULL, NULL, OBS_KINDS }, NONE },
	{ "filename", FILENAME, NONE },
	{ "filename|md5", FILENAME, HASH("MD5") }, { "filename|sha1", FILENAME, HASH("'SHA-1'") },
	{ "filename|sha256", FILENAME, HASH("'SHA-256'") }, { "filename|sha512", FILENAME, HASH("'SHA-512'") },
	{ "filename|sha224", FILENAME, HASH("'SHA-224'") }, { "filename|sha384", FILENAME, HASH("'SHA-384'") },
	{ "filename|ssdeep", FILENAME, TEXT("file:hashes.SSDEEP", "file", "hashes.SSDEEP") },
	{ "filename|tlsh", FILENAME, TEXT("file:hashes.TLSH", "file", "hashes.TLSH") },
	{ "malware-sample", FILENAME, HASH("MD5") }, { "attachment", FILENAME, NONE },
	{ "domain|ip", DOMAIN, { TERM_IP, "domain-name:resolves_to_refs[*].value", "ip", "value", OBS_KINDS } },
	{ "ip-src|port", { TERM_IP, "network-traffic:src_ref.value", "ip", "value", OBS_KINDS },
	  { TERM_NUMBER, "network-traffic:src_port", NULL, NULL, OBS_KINDS } },
	{ "ip-dst|port", { TERM_IP, "network-traffic:dst_ref.value", "ip", "value", OBS_KINDS },
	  { TERM_NUMBER, "network-traffic:dst_port", NULL, NULL, OBS_KINDS } },
	{ "hostname|port", VALUE("network-traffic:dst_ref.value", "domain-name", OBS_DOMAIN),
	  { TERM_NUMBER, "network-traffic:dst_port", NULL, NULL, OBS_KINDS } },
	{ "mutex", TEXT("mutex:name", "mutex", "name"), NONE },
	{ "regkey", REGKEY, NONE },
	{ "regkey|value", REGKEY, { TERM_TEXT, "windows-registry-key:values[*].data", NULL, NULL, OBS_KINDS } },
	{ "mac-address", TEXT("mac-addr:value", NULL, NULL), NONE },
	{ "email-subject", { TERM_TEXT, "email-message:subject", NULL, NULL, OBS_KINDS }, NONE },
	{ "email-attachment", FILENAME, NONE },
	{ "user-agent", { TERM_TEXT, "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'", NULL, NULL, OBS_KINDS }, NONE },
	{ "port", { TERM_NUMBER, "network-traffic:dst_port", NULL, NULL, OBS_KINDS }, NONE },
	{ "x509-fingerprint-md5", CERT("MD5"), NONE }, { "x509-fingerprint-sha1", CERT("'SHA-1'"), NONE },
	{ "x509-fingerprint-sha256", CERT("'SHA-256'"), NONE },
	{ "windows-service-name", { TERM_TEXT, "process:extensions.'windows-service-ext'.service_name", NULL, NULL, OBS_KINDS }, NONE },
};

const struct misp_type *misp_type_find(struct str name)
{
	for (size_t i = 0; i < COUNTOF(types); i++) {
		if (str_eq(name, str_of(types[i].name)))
			return &types[i];
	}
	return NULL;
}

const char *misp_type_of(enum observable_kind kind)
{
	static const char *const names[OBS_KINDS] = { "ip-dst", "ip-dst", "domain", "url", "email", "md5", "sha1", "sha256", "sha512" };

	return (size_t)kind < OBS_KINDS ? names[kind] : "other";
}

void misp_split(const struct misp_type *t, struct str value, struct str *ret_a, struct str *ret_b)
{
	size_t at = value.n;

	*ret_a = value;
	*ret_b = S("");
	if (t->b.term == TERM_NONE && strchr(t->name, '|') == NULL && strcmp(t->name, "malware-sample") != 0)
		return;
	while (at > 0 && value.p[at - 1] != '|')
		at--;
	if (at == 0)
		return;
	*ret_a = str_slice(value, 0, at - 1);
	*ret_b = str_slice(value, at, value.n);
}

static enum rc put_hex(struct str text, struct buf *out, struct err *err)
{
	struct buf raw;
	bool good;

	buf_init(&raw, 1024);
	text = str_trim(text);
	good = text.n >= 32 && text.n <= 256 && hex_get(&raw, text);
	if (good)
		hex_put(out, buf_view(&raw));
	buf_done(&raw);
	return good ? RC_OK : FAIL(err, RC_BAD, "not a hash in hexadecimal");
}

static enum rc put_number(struct str text, struct buf *out, struct err *err)
{
	uint64_t n;

	if (!str_to_u64(str_trim(text), &n) || n > UINT32_MAX)
		return FAIL(err, RC_BAD, "not a number");
	buf_u64(out, n);
	return RC_OK;
}

static void put_regkey(struct str text, struct buf *out)
{
	static const struct {
		const char *brief, *full;
	} hives[] = { { "HKLM", "HKEY_LOCAL_MACHINE" }, { "HKCU", "HKEY_CURRENT_USER" }, { "HKCR", "HKEY_CLASSES_ROOT" },
		      { "HKU", "HKEY_USERS" }, { "HKCC", "HKEY_CURRENT_CONFIG" }, { "HKPD", "HKEY_PERFORMANCE_DATA" } };
	struct str hive;

	text = str_trim(text);
	hive = str_slice(text, 0, str_find(text, S("\\"), 0));
	for (size_t i = 0; i < COUNTOF(hives); i++) {
		if (str_eq_nocase(hive, str_of(hives[i].brief))) {
			buf_cstr(out, hives[i].full);
			text = str_slice(text, hive.n, text.n);
			break;
		}
	}
	buf_str(out, text);
}

enum rc misp_part_put(const struct misp_part *p, struct str text, struct buf *out, bool *ret_v6, struct err *err)
{
	*ret_v6 = false;
	switch (p->term) {
	case TERM_TEXT:
	case TERM_REGKEY:
		if (str_trim(text).n == 0)
			return FAIL(err, RC_BAD, "an empty value");
		if (p->term == TERM_REGKEY)
			put_regkey(text, out);
		else
			buf_str(out, text);
		return buf_check(out, err, "value");
	case TERM_NUMBER:
		return put_number(text, out, err);
	case TERM_HEX:
		return put_hex(text, out, err);
	case TERM_IP:
		*ret_v6 = str_find(text, S(":"), 0) != SIZE_MAX;
		return value_normalise(*ret_v6 ? OBS_IPV6 : OBS_IPV4, text, out, err);
	case TERM_VALUE:
		return value_normalise(p->kind, text, out, err);
	case TERM_NONE:
		break;
	}
	return FAIL(err, RC_UNSUPPORTED, "no STIX form");
}

static void put_path(const struct misp_part *p, bool v6, struct buf *out)
{
	if (p->path[0] == ':')
		buf_cstr(out, v6 ? "ipv6-addr" : "ipv4-addr");
	buf_cstr(out, p->path);
}

/* STIX 2.1 §9.3. */
static void put_literal(struct str s, struct buf *out)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'' || s.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
	buf_char(out, '\'');
}

static enum rc put_test(const struct misp_part *p, struct str text, struct buf *out, struct err *err)
{
	struct buf value;
	bool v6;
	enum rc rc;

	buf_init(&value, (size_t)1 << 20);
	rc = misp_part_put(p, text, &value, &v6, err);
	if (rc == RC_OK) {
		put_path(p, v6, out);
		buf_cstr(out, " = ");
		if (p->term == TERM_NUMBER)
			buf_str(out, buf_view(&value));
		else
			put_literal(buf_view(&value), out);
		rc = buf_check(out, err, "pattern");
	}
	buf_done(&value);
	return rc;
}

enum rc misp_pattern(const struct misp_type *t, struct str value, struct buf *out, struct err *err)
{
	struct str a, b;

	if (t == NULL)
		return FAIL(err, RC_UNSUPPORTED, "no STIX form");
	misp_split(t, value, &a, &b);
	buf_char(out, '[');
	TRY(put_test(&t->a, a, out, err));
	if (t->b.term != TERM_NONE) {
		buf_cstr(out, " AND ");
		TRY(put_test(&t->b, b, out, err));
	}
	buf_char(out, ']');
	return buf_check(out, err, "pattern");
}
