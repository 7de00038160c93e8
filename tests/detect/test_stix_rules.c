/* STIX patterns as rules: each operator, each part of a field, each way of standing between observations; and what must be
 * refused. Patterns whose events have an obvious form as cyber-observable objects are also put to the STIX matcher. */
#include "detect/stix_rules.h"

#include "base/mem.h"
#include "detect/correlate.h"
#include "engine_world.h"
#include "stix/pattern_match.h"
#include "tap.h"

#define ID "indicator--00000000-0000-4000-8000-0000000000"

static const struct taxonomy *taxonomy;
static const struct sigma_set none;

static struct image_indicator indicator(const char *id, const char *pattern)
{
	return (struct image_indicator){ .id = str_of(id), .pattern = str_of(pattern), .valid_from = INT64_MIN, .confidence = 80 };
}

/* Fired correlations and plain matches of a run over lines. */
struct run { struct world w; struct correlator *c; unsigned hits; };

static void on_fire(void *ctx, const struct correlation *c)
{
	struct run *r = ctx;

	r->hits += !r->w.set->rules[c->rule].hidden;
}

static bool no_field(void *ctx, struct str field, struct str *ret)
{
	(void)ctx, (void)field, (void)ret;
	return false;
}

static void one_event(struct run *r, struct str line, uint64_t number)
{
	const uint32_t *rules;
	int n = world_run(&r->w, line, &rules);
	usec at = flat_time(r->w.flat);
	struct err err;

	for (int i = 0; i < n; i++) {
		if (!stix_rule_counts(&r->w.set->rules[rules[i]], time_now(), at))
			continue;
		r->hits += !r->w.set->rules[rules[i]].hidden;
		if (correlator_add(r->c, rules[i], at, number, no_field, NULL, on_fire, r, &err) != RC_OK)
			r->hits += 1000;
	}
}

/* How often the pattern was met by the lines; -1: refused, -2: something broke. */
static int run(const char *pattern, const char *lines)
{
	struct correlator_opts co = { .tolerance = CORRELATE_ORDERED };
	struct image_indicator i = indicator(ID "01", pattern);
	struct run r = { .hits = 0 };
	struct stix_rules *rules;
	struct str rest = str_of(lines), line;
	uint64_t number = 0;
	struct err err = { 0 };
	int got = -2;

	if (stix_rules_new(&rules, &err) != RC_OK)
		return -2;
	if (stix_rules_add(rules, &i, S(""), S("test"), &err) != RC_OK) {
		got = err.rc == RC_UNSUPPORTED ? -1 : -2;
		if (got == -2)
			printf("# %s: %s\n", pattern, err.text);
		stix_rules_free(rules);
		return got;
	}
	r.w.arena = arena_new((size_t)64 << 20);
	if (stix_rules_join(rules, r.w.arena, &none, &r.w.set, &err) == RC_OK && world_start(&r.w, taxonomy, &err) == RC_OK &&
	    correlator_new(r.w.set, &co, &r.c, &err) == RC_OK) {
		const struct engine_refusal *list;
		const struct correlator_refusal *corr;

		while (str_next(&rest, '\n', &line))
			if (line.n > 0)
				one_event(&r, line, ++number);
		got = engine_image_refused(r.w.image, &list) + correlator_refused(r.c, &corr) > 0 ? -2 : (int)r.hits;
	}
	if (got == -2)
		printf("# %s: %s\n", pattern, err.text);
	correlator_free(r.c);
	world_done(&r.w);
	stix_rules_free(rules);
	return got;
}

#define SYSMON(id, more) "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":" #id "," more "}\n"
#define PROCESS(image, line) SYSMON(1, "\"Image\":\"" image "\",\"CommandLine\":\"" line "\",\"ProcessId\":\"4242\",\"ParentImage\":\"C:\\\\Windows\\\\explorer.exe\"," \
	"\"Hashes\":\"SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\"")
#define EVE(more) "{\"timestamp\":\"2026-01-02T03:04:05.000000+0000\",\"event_type\":\"flow\",\"proto\":\"TCP\"," more "}\n"
#define HTTP(host, url) EVE("\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"198.51.100.7\",\"http\":{\"hostname\":\"" host "\",\"url\":\"" url "\",\"http_user_agent\":\"Bad/1.0\"}")
#define FLOW EVE("\"src_ip\":\"10.0.0.1\",\"src_port\":50000,\"dest_ip\":\"198.51.100.7\",\"dest_port\":443,\"app_proto\":\"tls\"")
#define EVIL PROCESS("C:\\\\Users\\\\Eve\\\\evil.exe", "evil.exe -x /tmp")

struct row { const char *pattern, *event; int want; };

static const struct row one[] = {
	/* numbers and their order */
	{ "[network-traffic:dst_port = 443 AND network-traffic:src_port > 49151]", FLOW, 1 },
	{ "[network-traffic:dst_port = 443 AND network-traffic:src_port < 1024]", FLOW, 0 },
	{ "[network-traffic:src_port >= 50000]", FLOW, 1 }, { "[network-traffic:src_port <= 49999]", FLOW, 0 },
	{ "[network-traffic:dst_port != 443]", FLOW, 0 }, { "[network-traffic:dst_port != 80]", FLOW, 1 },
	{ "[network-traffic:dst_port != 80]", EVE("\"src_ip\":\"10.0.0.1\""), 0 }, /* no port at all */
	{ "[network-traffic:dst_port NOT IN (80, 8080)]", FLOW, 1 }, { "[network-traffic:dst_port NOT IN (80, 443)]", FLOW, 0 },
	{ "[network-traffic:dst_port IN (80, 443)]", FLOW, 1 },
	/* addresses */
	{ "[ipv4-addr:value ISSUBSET '198.51.100.0/24' AND ipv4-addr:value != '198.51.100.7']", FLOW, 0 }, /* one object: the other is no answer */
	{ "[ipv4-addr:value ISSUBSET '198.51.100.0/24' AND ipv4-addr:value != '198.51.100.8']", FLOW, 1 },
	{ "[ipv4-addr:value NOT ISSUBSET '10.0.0.0/8']", FLOW, 1 },
	{ "[ipv4-addr:value NOT ISSUBSET '0.0.0.0/0']", FLOW, 0 },
	{ "[ipv6-addr:value != '2001:db8::1']", FLOW, 0 }, /* there is none */
	{ "[ipv6-addr:value LIKE '198.%']", FLOW, 0 }, { "[ipv4-addr:value LIKE '198.51.%']", FLOW, 1 },
	{ "[ipv4-addr:value MATCHES '^198\\\\.51\\\\.']", FLOW, 1 },
	{ "[ipv4-addr:value ISSUPERSET '198.51.100.7/32' AND network-traffic:dst_port > 1]", FLOW, 1 },
	{ "[ipv4-addr:value ISSUPERSET '198.51.100.0/24']", FLOW, -1 },
	{ "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:src_port != 1]", FLOW, 1 },
	{ "[network-traffic:src_ref.value = '198.51.100.7' AND network-traffic:src_port != 1]", FLOW, 0 },
	/* lists */
	{ "[network-traffic:protocols[*] = 'tcp' AND network-traffic:protocols[*] = 'tls']", FLOW, 1 },
	{ "[network-traffic:protocols[*] = 'tcp' AND network-traffic:protocols[*] = 'dns']", FLOW, 0 },
	/* strings: to the letter */
	{ "[process:command_line LIKE '%evil.exe%-x%']", EVIL, 1 }, { "[process:command_line LIKE '%EVIL.exe%']", EVIL, 0 },
	{ "[process:command_line LIKE 'evil.ex_ %']", EVIL, 1 }, { "[process:command_line LIKE 'evil.exe']", EVIL, 0 },
	{ "[process:command_line NOT LIKE '%evil%']", EVIL, 0 }, { "[process:command_line NOT LIKE '%good%']", EVIL, 1 },
	{ "[process:command_line MATCHES '-x +/t.p$']", EVIL, 1 }, { "[process:command_line MATCHES '-X']", EVIL, 0 },
	{ "[process:command_line MATCHES '(?i)-X']", EVIL, 1 }, { "[process:command_line NOT MATCHES '-y']", EVIL, 1 },
	{ "[process:command_line MATCHES 'a.b']", PROCESS("C:\\\\x.exe", "a\\nb"), 1 }, /* dotall */
	{ "[process:command_line = 'evil.exe -x /tmp' AND process:pid = 4242]", EVIL, 1 },
	{ "[process:command_line = 'evil.exe -x /tmp' AND process:pid = 4243]", EVIL, 0 },
	{ "[process:command_line = 'evil.exe' OR process:pid = 4242]", EVIL, 1 },
	{ "[process:command_line = 'Evil.exe -x /tmp']", EVIL, 0 },
	{ "[process:command_line = 'a%_*?b']", PROCESS("C:\\\\x.exe", "a%_*?b"), 1 }, { "[process:command_line = 'a*b']", PROCESS("C:\\\\x.exe", "axb"), 0 },
	{ "[process:command_line LIKE 'a*b%']", PROCESS("C:\\\\x.exe", "axb"), 0 },
	/* parts of paths */
	{ "[process:image_ref.name = 'evil.exe' AND process:parent_ref.image_ref.name = 'explorer.exe']", EVIL, 1 },
	{ "[process:image_ref.name = 'vil.exe' AND process:pid > 1]", EVIL, 0 }, { "[process:image_ref.name != 'evil.exe']", EVIL, 0 },
	{ "[file:name LIKE 'ev%.exe' AND file:parent_directory_ref.path = 'C:\\\\Users\\\\Eve']", EVIL, 1 },
	{ "[file:name LIKE 'ev%.exe' AND file:parent_directory_ref.path = 'C:\\\\Windows']", EVIL, 0 }, /* that is another file's */
	{ "[file:name LIKE 'U%evil.exe']", EVIL, 0 }, { "[file:name LIKE '%.exe' AND file:parent_directory_ref.path LIKE 'C:\\\\Users%']", EVIL, 1 },
	{ "[file:name MATCHES '^ev.l\\\\.exe$']", EVIL, 1 }, { "[file:name MATCHES '^vil\\\\.exe$']", EVIL, 0 },
	{ "[file:name MATCHES 'vil\\\\.e']", EVIL, 1 }, { "[file:name MATCHES 'Users']", EVIL, 0 },
	{ "[file:name MATCHES '(^ev|il)']", EVIL, 0 }, /* cannot be told exactly of a part of a field: partial */
	{ "[file:parent_directory_ref.path MATCHES '^C:.+Eve']", EVIL, 1 }, { "[file:parent_directory_ref.path MATCHES 'evil']", EVIL, 0 },
	{ "[file:parent_directory_ref.path = 'C:\\\\Users']", EVIL, 0 },
	/* hashes */
	{ "[file:hashes.'SHA-256' = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' AND file:name != 'good.exe']", EVIL, 1 },
	{ "[file:hashes.'SHA-256' = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' AND file:name = 'explorer.exe']", EVIL, 0 },
	{ "[file:hashes.MD5 != 'd41d8cd98f00b204e9800998ecf8427e']", EVIL, 0 }, /* the event has none */
	{ "[file:hashes.'SHA-1' NOT IN ('d41d8cd98f00b204e9800998ecf8427ed41d8cd9')]", EVIL, 1 },
	/* names of hosts, URLs */
	{ "[domain-name:value = 'EVIL.example' AND network-traffic:dst_port = 80]", EVE("\"dest_port\":80,\"tls\":{\"sni\":\"a.evil.example\"}"), 1 },
	{ "[domain-name:value LIKE 'evil%' AND network-traffic:dst_port = 80]", EVE("\"dest_port\":80,\"tls\":{\"sni\":\"Evil.example\"}"), 1 },
	{ "[domain-name:value != 'evil.example']", EVE("\"tls\":{\"sni\":\"Evil.example\"}"), 0 },
	{ "[domain-name:value != 'evil.example']", EVE("\"tls\":{\"sni\":\"a.evil.example\"}"), 1 },
	{ "[url:value LIKE 'http://evil.example/%.php']", HTTP("Evil.example", "/a/b.php"), 1 },
	{ "[url:value LIKE 'http://evil.example/%.php']", HTTP("good.example", "/a/b.php"), 0 },
	{ "[url:value LIKE '%/gate.php%']", HTTP("evil.example", "/x/gate.php?a"), 1 },
	{ "[url:value LIKE '%evil.example/g%']", HTTP("www.evil.example", "/gate"), 1 }, { "[url:value LIKE '%evil.example/g%']", HTTP("www.evil.example", "/a"), 0 },
	{ "[url:value LIKE '%evil.example/g%']", HTTP("good.example", "/?u=evil.example/gate"), 1 },
	{ "[url:value = 'http://evil.example:80/a?b' AND ipv4-addr:value = '10.0.0.1']", HTTP("evil.example", "/a?b"), 1 },
	{ "[url:value = 'http://evil.example/a' AND ipv4-addr:value = '10.0.0.1']", HTTP("evil.example", "/A"), 0 },
	{ "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' LIKE 'Bad/%']", HTTP("a.example", "/"), 1 },
	/* EXISTS */
	{ "[EXISTS process:command_line]", EVIL, 1 }, { "[EXISTS process:command_line]", FLOW, 0 },
	{ "[NOT EXISTS process:cwd]", EVIL, 1 }, { "[NOT EXISTS process:pid]", EVIL, 0 }, { "[NOT EXISTS process:pid]", FLOW, 0 },
	/* registry */
	{ "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\Run' AND windows-registry-key:values[*].name = 'evil']",
	  SYSMON(13, "\"TargetObject\":\"HKLM\\\\Software\\\\Run\\\\evil\",\"Details\":\"C:\\\\evil.exe\""), 1 },
	{ "[windows-registry-key:key LIKE 'HKEY_LOCAL_MACHINE\\\\%\\\\Run' AND windows-registry-key:values[*].data LIKE '%evil%']",
	  SYSMON(13, "\"TargetObject\":\"HKLM\\\\Software\\\\Run\\\\evil\",\"Details\":\"C:\\\\evil.exe\""), 1 },
	{ "[windows-registry-key:key MATCHES '^HKEY_LOCAL_MACHINE.*Run$']", SYSMON(12, "\"TargetObject\":\"HKLM\\\\Software\\\\Run\""), 1 },
	{ "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software' AND EXISTS windows-registry-key:values[*].name]",
	  SYSMON(13, "\"TargetObject\":\"HKLM\\\\Software\\\\Run\\\\evil\",\"Details\":\"1\""), 0 },
	/* elsewhere */
	{ "[ipv4-addr:value = '203.0.113.9' AND domain-name:value LIKE '%.example']",
	  SYSMON(22, "\"QueryName\":\"evil.example\",\"QueryResults\":\"::ffff:203.0.113.9;\""), 1 },
	{ "[ipv4-addr:value = '203.0.113.9' AND domain-name:value LIKE '%.example']",
	  SYSMON(22, "\"QueryName\":\"evil.example\",\"QueryResults\":\"::ffff:203.0.113.99;\""), 0 },
	{ "[user-account:user_id LIKE 'arn:aws:%:user/eve']",
	  "{\"eventVersion\":\"1.08\",\"eventSource\":\"iam.amazonaws.com\",\"userIdentity\":{\"arn\":\"arn:aws:iam::1:user/eve\"}}\n", 1 },
	{ "[process:image_ref.name = 'evil.exe' AND process:parent_ref.image_ref.name = 'cmd.exe']",
	  "{\"Channel\":\"Security\",\"EventID\":4688,\"NewProcessName\":\"C:\\\\evil.exe\",\"ParentProcessName\":\"C:\\\\cmd.exe\"}\n", 1 },
	{ "[domain-name:value LIKE '%.example' AND network-traffic:dst_port = 53]",
	  "{\"_path\":\"dns\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_p\":53,\"query\":\"a.example\"}\n", 1 },
	/* refused, never half */
	{ "[mutex:name = 'x' AND process:pid = 1]", EVIL, -1 }, { "[process:created_time > t'2026-01-01T00:00:00Z']", EVIL, -1 },
	{ "[process:command_line > 'a']", EVIL, -1 }, { "[process:image_ref.hashes.MD5 LIKE 'a%']", EVIL, -1 },
	/* an alternative that no log shows does not hide the others */
	{ "[mutex:name = 'x' OR process:pid = 4242]", EVIL, 1 },
};

static void test_one(void)
{
	for (size_t i = 0; i < COUNTOF(one); i++) {
		int got = run(one[i].pattern, one[i].event);

		OK(got == one[i].want, "%s: %d of %.*s", one[i].pattern, got, (int)strcspn(one[i].event, "\n"), one[i].event);
	}
}

#define AT(s, more) "{\"timestamp\":\"2026-01-02T03:04:" #s ".000000+0000\",\"event_type\":\"flow\",\"proto\":\"TCP\"," more "}\n"
#define A(s) AT(s, "\"dest_port\":1")
#define B(s) AT(s, "\"src_port\":2")
#define AB(s) AT(s, "\"dest_port\":1,\"src_port\":2")
#define OTHER(s) AT(s, "\"dest_port\":9")
#define PA "[network-traffic:dst_port = 1]"
#define PB "[network-traffic:src_port = 2]"
#define PC "[network-traffic:dst_port = 9]"

static const struct row several[] = {
	{ PA " AND " PB, A(00) B(10), 1 }, { PA " AND " PB, B(00) A(10), 1 }, { PA " AND " PB, A(00) A(10), 0 },
	{ PA " AND " PB, AB(00), 0 }, /* one observation is not two */
	{ PA " AND " PB, AB(00) AB(10), 1 }, { PA " AND " PB, AB(00) OTHER(05) B(10), 1 }, { PA " AND " PA, A(00), 0 }, { PA " AND " PA, A(00) A(01), 1 },
	{ "(" PA " AND " PB ") WITHIN 11 SECONDS", A(00) B(10), 1 }, { "(" PA " AND " PB ") WITHIN 10 SECONDS", A(00) B(10), 0 },
	{ "(" PA " AND " PB ") WITHIN 9 SECONDS", A(00) B(10) A(15), 1 },
	{ "(" PA " AND " PB " AND " PC ") WITHIN 30 SECONDS", AB(00) OTHER(05) B(10), 1 },
	{ "(" PA " AND " PB " AND " PC ") WITHIN 30 SECONDS", AB(00) OTHER(05), 0 },
	{ PA " FOLLOWEDBY " PB, A(00) B(10), 1 }, { PA " FOLLOWEDBY " PB, B(00) A(10), 0 }, { PA " FOLLOWEDBY " PB, AB(00), 0 },
	{ PA " FOLLOWEDBY " PB, AB(00) AB(01), 1 }, { "(" PA " FOLLOWEDBY " PB ") WITHIN 5 SECONDS", A(00) B(10), 0 },
	{ "(" PA " FOLLOWEDBY " PB ") WITHIN 5 SECONDS", A(00) A(07) B(10), 1 },
	{ PA " FOLLOWEDBY " PB " FOLLOWEDBY " PC, A(00) B(10) OTHER(11), 1 }, { PA " FOLLOWEDBY " PB " FOLLOWEDBY " PC, A(00) OTHER(05) B(10), 0 },
	{ PA " REPEATS 3 TIMES", A(00) A(01), 0 }, { PA " REPEATS 3 TIMES", A(00) A(01) A(02), 1 },
	{ PA " REPEATS 3 TIMES WITHIN 11 SECONDS", A(00) A(05) A(10), 1 }, { PA " REPEATS 3 TIMES WITHIN 10 SECONDS", A(00) A(05) A(10), 0 },
	{ "(" PA " OR " PB ") REPEATS 3 TIMES", A(00) B(05) A(10), 1 },
	{ PA " OR " PB, A(00) B(05) OTHER(06), 2 }, { PA " OR (" PB " FOLLOWEDBY " PC ")", B(00) OTHER(05), 1 },
	{ PA " START t'2026-01-02T03:04:05Z' STOP t'2026-01-02T03:04:10Z'", A(04), 0 },
	{ PA " START t'2026-01-02T03:04:05Z' STOP t'2026-01-02T03:04:10Z'", A(05), 1 },
	{ PA " START t'2026-01-02T03:04:05Z' STOP t'2026-01-02T03:04:10Z'", A(10), 0 },
	{ "(" PA " FOLLOWEDBY " PB ") START t'2026-01-02T03:04:05Z' STOP t'2026-01-02T03:04:10Z'", A(04) B(06), 0 },
	{ "(" PA " FOLLOWEDBY " PB ") START t'2026-01-02T03:04:05Z' STOP t'2026-01-02T03:04:10Z'", A(05) B(06), 1 },
	/* what cannot be told exactly */
	{ "(" PA " AND " PB ") FOLLOWEDBY " PC, A(00), -1 }, { PA " REPEATS 2 TIMES AND " PB, A(00), -1 },
	{ "(" PA " AND " PB ") REPEATS 2 TIMES", A(00), -1 },
};

/* The same events as observed-data, for the matcher of STIX. */
static void as_observed(struct buf *b, const char *events)
{
	struct str rest = str_of(events), line;
	unsigned n = 0;

	buf_char(b, '[');
	while (str_next(&rest, '\n', &line)) {
		const char *dst = str_find(line, S("dest_port"), 0) == SIZE_MAX ? "" : str_find(line, S("dest_port\":1"), 0) != SIZE_MAX ? ",\"dst_port\":1" : ",\"dst_port\":9";
		const char *src = str_find(line, S("src_port"), 0) == SIZE_MAX ? "" : ",\"src_port\":2";

		if (line.n == 0)
			continue;
		buf_fmt(b, "%s{\"type\":\"observed-data\",\"id\":\"observed-data--00000000-0000-4000-8000-%012u\",\"number_observed\":1,"
			   "\"first_observed\":\"%.*sZ\",\"last_observed\":\"%.*sZ\",\"objects\":{\"0\":{\"type\":\"network-traffic\"%s%s}}}",
			n > 0 ? "," : "", n, STR(str_slice(line, 14, 33)), STR(str_slice(line, 14, 33)), dst, src);
		n++;
	}
	buf_char(b, ']');
}

static int by_stix(const char *pattern, const char *events)
{
	struct arena *a = arena_new((size_t)64 << 20);
	const struct stix_observations *o;
	struct stix_matcher *m = NULL;
	struct stix_match match = { 0 };
	const struct json *doc;
	struct err err = { 0 };
	struct buf b;
	int got = -2;

	buf_init(&b, 1 << 20);
	as_observed(&b, events);
	if (json_parse(a, buf_view(&b), &JSON_LIMITS, &doc, &err) == RC_OK && stix_observations_index(a, doc, &o, &err) == RC_OK &&
	    stix_matcher_compile(a, str_of(pattern), &STIX_PATTERN_LENIENT, &m, &err) == RC_OK &&
	    stix_matcher_run(m, o, NULL, a, &match, &err) == RC_OK)
		got = match.match;
	if (got == -2)
		printf("# %s: %s\n", pattern, err.text);
	stix_matcher_free(m);
	buf_done(&b);
	arena_free(a);
	return got;
}

static void test_several(void)
{
	for (size_t i = 0; i < COUNTOF(several); i++) {
		int got = run(several[i].pattern, several[i].event);

		OK(got == several[i].want, "%s: %d", several[i].pattern, got);
		if (several[i].want >= 0)
			OK(by_stix(several[i].pattern, several[i].event) == (several[i].want > 0), "the matcher agrees: %s, row %zu", several[i].pattern, i);
	}
}

/* Generated streams: whatever the events and their order in time, the matcher of STIX says the same. */
static void test_generated(void)
{
	static const char *const patterns[] = {
		"(" PA " AND " PB ") WITHIN 7 SECONDS", "(" PA " FOLLOWEDBY " PB ") WITHIN 7 SECONDS", PA " REPEATS 3 TIMES WITHIN 7 SECONDS",
		"(" PA " AND " PB " AND " PC ") WITHIN 9 SECONDS", "(" PA " FOLLOWEDBY " PC " FOLLOWEDBY " PB ") WITHIN 9 SECONDS",
		"(" PA " AND " PA ") WITHIN 4 SECONDS",
	};
	static const char *const kinds[] = { "\"dest_port\":1", "\"src_port\":2", "\"dest_port\":1,\"src_port\":2", "\"dest_port\":9", "\"x\":1" };
	uint32_t random = 12345, wrong = 0, met = 0;

	for (int turn = 0; turn < 60; turn++) {
		char text[4096];
		int n = 0, second = 0;

		for (int e = 0; e < 5; e++) {
			random = random * 1664525u + 1013904223u;
			second += 1 + (int)(random >> 28) % 6;
			n += snprintf(text + n, sizeof text - (size_t)n,
				      "{\"timestamp\":\"2026-01-02T03:04:%02d.000000+0000\",\"event_type\":\"flow\",\"proto\":\"TCP\",%s}\n", second,
				      kinds[(random >> 16) % COUNTOF(kinds)]);
		}
		for (size_t p = 0; p < COUNTOF(patterns); p++) {
			bool ours = run(patterns[p], text) > 0, theirs = by_stix(patterns[p], text) > 0;

			met += theirs;
			if (ours != theirs && wrong++ < 5)
				printf("# turn %d: %s: %d against %d\n", turn, patterns[p], ours, theirs);
		}
	}
	OK(wrong == 0 && met > 20 && met < 340, "generated streams: %u of 360 differ, %u met", wrong, met);
}

static void test_lifetime(void)
{
	struct image_indicator i = indicator(ID "01", "[process:pid != 1]"), bad = indicator(ID "01", "[mutex:name = 'x']");
	struct stix_rules *r = NULL;
	struct stix_rules_stats st;
	const struct sigma_set *set;
	struct arena *a = arena_new(1 << 20);
	struct err err = { 0 };

	if (!OK(stix_rules_new(&r, &err) == RC_OK, "new: %s", err.text))
		return;
	i.valid_until = 2000;
	i.valid_from = 1000;
	OK(stix_rules_add(r, &i, S("a name"), S("f.json"), &err) == RC_OK && stix_rules_join(r, a, &none, &set, &err) == RC_OK && set->n_rules == 1, "added");
	OK(!stix_rule_counts(&set->rules[0], 999, 5) && stix_rule_counts(&set->rules[0], 1000, 5) && stix_rule_counts(&set->rules[0], 1999, 0) &&
	   !stix_rule_counts(&set->rules[0], 2000, 5), "from valid_from on, until valid_until");
	OK(str_eq(set->rules[0].title, S("known pattern: a name")) && str_eq(set->rules[0].author, S("f.json")) && set->rules[0].level == SIGMA_HIGH &&
	   str_eq(set->rules[0].indicator->id, i.id), "name, source, confidence and id travel along");
	OK(stix_rules_add(r, &i, S("again"), S("f.json"), &err) == RC_OK && stix_rules_join(r, a, &none, &set, &err) == RC_OK && set->n_rules == 1 &&
	   str_eq(set->rules[0].title, S("known pattern: again")), "replaced");
	OK(stix_rules_add(r, &bad, S(""), S(""), &err) == RC_UNSUPPORTED && strstr(err.text, "mutex:name") != NULL, "refused with its reason: %s", err.text);
	stix_rules_stats(r, &st);
	OK(st.indicators == 0, "and the older one is gone");
	OK(stix_rules_add(r, &i, S(""), S(""), &err) == RC_OK, "added");
	i.revoked = true;
	OK(stix_rules_add(r, &i, S(""), S(""), &err) == RC_OK && stix_rules_join(r, a, &none, &set, &err) == RC_OK && set->n_rules == 0, "revoked");
	i = indicator(ID "02", "[mutex:name = 'x' OR process:pid = 3]");
	OK(stix_rules_add(r, &i, S(""), S(""), &err) == RC_OK, "partly");
	stix_rules_stats(r, &st);
	OK(st.partial == 1 && strstr(st.first_partial, "mutex:name") != NULL, "what no log shows is told: %s", st.first_partial);
	stix_rules_free(r);
	arena_free(a);
}

static void test_memory(void)
{
	struct image_indicator i = indicator(ID "01", "(" PA " AND " PB ") WITHIN 7 SECONDS");
	int64_t live = mem_live();
	enum rc rc = RC_NOMEM;
	unsigned n = 0;

	while (rc == RC_NOMEM && n < 2000) {
		struct stix_rules *r = NULL;
		struct err err = { 0 };

		mem_fail_at(++n, 0);
		rc = stix_rules_new(&r, &err);
		if (rc == RC_OK)
			rc = stix_rules_add(r, &i, S(""), S(""), &err);
		mem_fail_at(0, 0);
		stix_rules_free(r);
		if (mem_live() != live)
			break;
	}
	if (rc != RC_OK || mem_live() != live)
		printf("# %s: %lld bytes live\n", rc_name(rc), (long long)(mem_live() - live));
	OK(rc == RC_OK && mem_live() == live, "without memory at each of %u places: no leak", n);
}

int main(void)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct err err = { 0 };

	if (taxonomy_load(a, NULL, &taxonomy, &err) != RC_OK)
		printf("# %s\n", err.text);
	test_one();
	test_several();
	test_generated();
	test_lifetime();
	test_memory();
	arena_free(a);
	return tap_done();
}
