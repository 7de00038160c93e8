#include "model/observable.h"
#include "tap.h"

static void test_detect(void)
{
	static const struct {
		const char *text, *kind, *want; /* kind NULL: refused */
	} rows[] = {
		{ "198.51.100.7", "ipv4", "198.51.100.7" },
		{ "198.51.100.7/24", "ipv4", "198.51.100.0/24" },
		{ "198.51.100.7/32", "ipv4", "198.51.100.7" },
		{ "0.0.0.0/0", "ipv4", "0.0.0.0/0" },
		{ "198.51.100.7/33", NULL, "" },
		{ "198.51.100.256", NULL, "" },
		{ "198.51.100", NULL, "" },
		{ "010.1.2.3", NULL, "" }, /* octal to some, decimal to others */
		{ "198.51.100.7:8080", NULL, "" },
		{ "2001:DB8::1", "ipv6", "2001:db8::1" },
		{ "2001:db8:0:0:0:0:0:1", "ipv6", "2001:db8::1" },
		{ "2001:db8::1/32", "ipv6", "2001:db8::/32" },
		{ "::ffff:198.51.100.7", "ipv6", "::ffff:198.51.100.7" },
		{ "2001:db8::1/129", NULL, "" },
		{ "Evil.Example.", "domain", "evil.example" },
		{ "_dmarc.evil.example", "domain", "_dmarc.evil.example" },
		{ "localhost", NULL, "" },
		{ "-bad.example", NULL, "" },
		{ "a..example", NULL, "" },
		{ "evil.example..", NULL, "" },
		{ "evil.123", NULL, "" },
		{ "evil.example/x", NULL, "" },
		{ "b\303\274cher.example", "domain", "xn--bcher-kva.example" },
		{ "\351\246\226\351\240\201.\345\217\260\347\201\243", "domain", "xn--fx5a34a.xn--kpry57d" },
		{ "evil\n.example", NULL, "" },
		{ "HTTP://User@Evil.Example:80/Path?Q=A#F", "url", "http://User@evil.example:80/Path?Q=A#F" },
		{ "https://[2001:DB8::1]:8443/", "url", "https://[2001:db8::1]:8443/" },
		{ "http://", NULL, "" },
		{ "http://evil.example/a b", NULL, "" },
		{ "Bad.Guy@Evil.Example", "email", "bad.guy@evil.example" },
		{ "@evil.example", NULL, "" },
		{ "a@b", NULL, "" },
		{ "D41D8CD98F00B204E9800998ECF8427E", "md5", "d41d8cd98f00b204e9800998ecf8427e" },
		{ "da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256",
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "d41d8cd98f00b204e9800998ecf8427", NULL, "" },
		{ "", NULL, "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		enum observable_kind kind = OBS_KINDS;
		struct err err = { 0 };
		struct buf out;
		enum rc rc;

		buf_init(&out, 10000);
		rc = value_detect(str_of(rows[i].text), &kind, &out, &err);
		OK((rc == RC_OK) == (rows[i].kind != NULL), "'%s' is %s (%s)", rows[i].text, rows[i].kind ? "known" : "refused", err.text);
		EQ_STR(str_of(rc == RC_OK ? value_kind_name(kind) : ""), str_of(rows[i].kind ? rows[i].kind : ""), "  kind");
		EQ_STR(buf_view(&out), str_of(rows[i].want), "  normal form");
		if (rc != RC_OK)
			OK(err.rc == rc && err.text[0] != '\0', "  says why");
		buf_done(&out);
	}
}

static void test_refang(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "hxxp://evil[.]example/a", "http://evil.example/a" }, { "hxxps[://]evil(.)example", "https://evil.example" },
		{ "HXXP://evil.example", "http://evil.example" }, { "evil[dot]example", "evil.example" },
		{ "198.51.100[.]7", "198.51.100.7" }, { "2001[:]db8::1", "2001:db8::1" }, { "bad[at]evil.example", "bad@evil.example" },
		{ "<http://evil.example>", "http://evil.example" }, { " evil.example \t", "evil.example" },
		{ "evil[.example", "evil.example" }, { "http://[2001:db8::1]/", "http://[2001:db8::1]/" }, { "", "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf out;

		buf_init(&out, 10000);
		value_refang(&out, str_of(rows[i].text));
		EQ_STR(buf_view(&out), str_of(rows[i].want), rows[i].text);
		buf_done(&out);
	}
}

static void test_patterns(void)
{
	static const struct {
		enum observable_kind kind;
		const char *value, *want;
	} rows[] = {
		{ OBS_DOMAIN, "evil.example", "[domain-name:value = 'evil.example']" },
		{ OBS_IPV4, "198.51.100.0/24", "[ipv4-addr:value = '198.51.100.0/24']" },
		{ OBS_URL, "http://evil.example/it's", "[url:value = 'http://evil.example/it\\'s']" },
		{ OBS_MD5, "d41d8cd98f00b204e9800998ecf8427e", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']" },
		{ OBS_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		  "[file:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709']" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct value *values;
		struct buf out;
		struct err err;
		size_t n = 0;

		buf_init(&out, 10000);
		value_pattern(&out, rows[i].kind, str_of(rows[i].value));
		EQ_STR(buf_view(&out), str_of(rows[i].want), rows[i].value);
		OK(value_of_pattern(a, buf_view(&out), &values, &n, &err) == RC_OK && n == 1 && values[0].kind == rows[i].kind &&
		   str_eq(values[0].text, str_of(rows[i].value)), "  and back");
		buf_done(&out);
		arena_free(a);
	}
}

/* Everywhere and for ever the same: it must not change when the program does. */
static void test_ids(void)
{
	static const struct { const char *matched, *id; } rows[] = {
		{ "198.51.100.7", "indicator--19b24431-f216-5080-bcd9-21dd3de2599c" },
		{ "198.51.100.0/24", "indicator--1ffd2c03-e40c-58ba-9059-a77defe69d6b" },
		{ "evil.example", "indicator--9dfa5458-400c-5ce1-80ec-c87ad05bf21c" },
		{ "EVIL.example.", "indicator--9dfa5458-400c-5ce1-80ec-c87ad05bf21c" },
		{ "[domain-name:value = 'evil.example']", "" },
		{ "no value at all", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		char out[VALUE_ID_MAX];

		EQ_STR(value_id_of(str_of(rows[i].matched), out), str_of(rows[i].id), rows[i].matched);
	}
}

static void test_terms(void)
{
	static const struct {
		const char *pattern;
		enum rc rc;
		size_t n;
		const char *first; /* "" = any */
	} rows[] = {
		{ "[network-traffic:src_port = 53 AND network-traffic:src_ref.value = '2001:DB8::1']", RC_OK, 2, "2001:db8::1" },
		{ "[ipv4-addr:value = '198.51.100.7' AND domain-name:value = 'A.Example']", RC_OK, 2, "a.example" },
		{ "[network-traffic:dst_ref.value = 'A.Example']", RC_OK, 1, "a.example" },
		{ "[network-traffic:dst_port = 443]", RC_UNSUPPORTED, 0, "" },
		{ "[file:name = 'x']", RC_UNSUPPORTED, 0, "" },
		{ "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port > 443]", RC_UNSUPPORTED, 0, "" },
		{ "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port NOT = 443]", RC_UNSUPPORTED, 0, "" },
		{ "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port = 70000]", RC_UNSUPPORTED, 0, "" },
		{ "[network-traffic:dst_ref.value = 'no host' AND network-traffic:dst_port = 1]", RC_UNSUPPORTED, 0, "" },
		{ "[a:b = 'c' AND domain-name:value = 'a.example']", RC_UNSUPPORTED, 0, "" },
		{ "[domain-name:value = 'a.example' OR (url:value = 'http://a.example/' AND file:name = 'x')]", RC_UNSUPPORTED, 0, "" },
		{ "[domain-name:value = 'a.example'] AND [file:name = 'x']", RC_UNSUPPORTED, 0, "" },
		{ "[domain-name:value = 'a.example' AND file:name = 'x'] REPEATS 2 TIMES", RC_UNSUPPORTED, 0, "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct value_term *terms = NULL;
		struct err err;
		size_t n = 0;

		EQ_INT(value_terms_of_pattern(a, str_of(rows[i].pattern), &terms, &n, &err), rows[i].rc, rows[i].pattern);
		EQ_INT(n, rows[i].n, "  terms");
		if (n > 0)
			EQ_STR(terms[0].text, str_of(rows[i].first), "  the most telling first");
		arena_free(a);
	}
}

static void test_foreign_patterns(void)
{
	static const struct {
		const char *pattern;
		enum rc rc;
		size_t n;
		const char *first;
	} rows[] = {
		{ "[domain-name:value = 'A.Example' OR domain-name:value = 'b.example']", RC_OK, 2, "a.example" },
		{ "[file:hashes.'MD5' = 'D41D8CD98F00B204E9800998ECF8427E']", RC_OK, 1, "d41d8cd98f00b204e9800998ecf8427e" },
		{ "[file:name = 'x.exe']", RC_OK, 0, "" },
		{ "[domain-name:value = 'a.example' AND domain-name:value = 'b.example']", RC_UNSUPPORTED, 0, "" },
		{ "[domain-name:value = ", RC_BAD, 0, "" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct value *values = NULL;
		struct err err;
		size_t n = 0;

		EQ_INT(value_of_pattern(a, str_of(rows[i].pattern), &values, &n, &err), rows[i].rc, rows[i].pattern);
		EQ_INT(n, rows[i].n, "  values");
		if (n > 0)
			EQ_STR(values[0].text, str_of(rows[i].first), "  first");
		arena_free(a);
	}
}

static void test_names(void)
{
	enum observable_kind kind;

	for (int k = 0; k < OBS_KINDS; k++)
		OK(value_kind_find(str_of(value_kind_name((enum observable_kind)k)), &kind) && (int)kind == k, "kind %d by name", k);
	OK(value_kind_find(S("SHA-256"), &kind) && kind == OBS_SHA256, "SHA-256");
	OK(!value_kind_find(S("mutex"), &kind), "unknown kind");
	EQ_STR(value_url_host(S("http://u:p@evil.example:8080/x")), S("evil.example"), "host of a URL");
	EQ_STR(value_url_host(S("http://[2001:db8::1]:80")), S("2001:db8::1"), "host of a URL with brackets");
	EQ_STR(value_url_host(S("evil.example")), S(""), "no URL, no host");
}

int main(void)
{
	test_detect();
	test_refang();
	test_patterns();
	test_ids();
	test_terms();
	test_foreign_patterns();
	test_names();
	return tap_done();
}
