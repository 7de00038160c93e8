/* Lists of indicators, and indicators met in flat events. */
#include "detect/spot.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tap.h"
#include "wire/flat_json.h"

static char folder[] = "/tmp/lianfang-spot-XXXXXX";

static const char *write_list(const char *name, const char *text)
{
	static char path[8][256];
	static int turn;
	char *p = path[turn++ % 8];
	FILE *f;

	snprintf(p, 256, "%s/%s", folder, name);
	f = fopen(p, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	return p;
}

static int ask(const struct iocs *t, enum observable_kind kind, const char *value, const char *want)
{
	struct ioc_match m[IOCS_MATCHES_MAX];
	struct observable o = { .kind = kind, .value = str_of(value) };
	char scratch[8192];
	struct err err = { 0 };
	size_t n = 0;

	if (iocs_lookup(t, &o, m, COUNTOF(m), &n, scratch, sizeof scratch, &err) != RC_OK)
		return -1;
	if (n > 0 && want != NULL && !str_eq(m[0].matched, str_of(want)))
		printf("# matched %.*s\n", STR(m[0].matched));
	return n > 0 && want != NULL && !str_eq(m[0].matched, str_of(want)) ? -2 : (int)n;
}

static const char list[] = "# a list\n"
			   "Evil.example\n"
			   "198.51.100.0/24\tnoise 7\n"
			   "203.0.113.9,remark\n"
			   "2001:DB8::1\n"
			   "\n"
			   "hxxp://bad[.]example/a,b\n"
			   "; old comment\n"
			   "44d88612fea8a8f36de82e1278abb02f\n"
			   "not a value at all\n"
			   "Someone@mail.example\n"
			   "last.example";

static void test_list(void)
{
	static const struct { enum observable_kind kind; const char *value, *want; int n; } rows[] = {
		{ OBS_DOMAIN, "evil.example", "evil.example", 1 }, { OBS_DOMAIN, "a.b.evil.example", "evil.example", 1 },
		{ OBS_DOMAIN, "notevil.example", NULL, 0 }, { OBS_DOMAIN, "example", NULL, 0 },
		{ OBS_IPV4, "198.51.100.77", "198.51.100.0/24", 1 }, { OBS_IPV4, "198.51.101.1", NULL, 0 },
		{ OBS_IPV4, "203.0.113.9", "203.0.113.9", 1 }, { OBS_IPV6, "2001:db8::1", "2001:db8::1", 1 },
		{ OBS_URL, "http://bad.example/a,b", "http://bad.example/a,b", 1 }, { OBS_URL, "http://bad.example/other", NULL, 0 },
		{ OBS_URL, "http://x.evil.example/", "evil.example", 1 }, { OBS_URL, "http://198.51.100.3/x", "198.51.100.0/24", 1 },
		{ OBS_MD5, "44d88612fea8a8f36de82e1278abb02f", "44d88612fea8a8f36de82e1278abb02f", 1 },
		{ OBS_MD5, "44d88612fea8a8f36de82e1278abb02e", NULL, 0 }, { OBS_SHA1, "44d88612fea8a8f36de82e1278abb02f", NULL, 0 },
		{ OBS_EMAIL, "someone@mail.example", "someone@mail.example", 1 }, { OBS_DOMAIN, "last.example", "last.example", 1 },
	};
	const char *path = write_list("list", list);
	struct iocs_stats st;
	struct iocs *t = NULL;
	struct err err = { 0 };

	OK(iocs_load(&path, 1, &t, &err) == RC_OK, "list: loads %s", err.text);
	iocs_stats(t, &st);
	EQ_INT((long long)st.values, 8, "list: values");
	EQ_INT((long long)st.skipped, 3, "list: comments and empty lines");
	EQ_INT((long long)st.bad, 1, "list: no value");
	OK(str_find(st.first_bad, S("list:10: "), 0) != SIZE_MAX, "list: names the first bad line: %.*s", STR(st.first_bad));
	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(ask(t, rows[i].kind, rows[i].value, rows[i].want) == rows[i].n, "list: %s", rows[i].value);
	write_list("list", "changed.example\n");
	OK(ask(t, OBS_DOMAIN, "evil.example", NULL) == -1, "list: a changed file is an error, no silence");
	OK(ask(t, OBS_DOMAIN, "unknown.example", NULL) == 0, "list: but only where a hit must be confirmed");
	iocs_free(t);
	path = "/nowhere/at/all";
	OK(iocs_load(&path, 1, &t, &err) == RC_NOTFOUND && str_find(str_of(err.text), str_of(path), 0) != SIZE_MAX, "list: absent");
}

/* Every value of a large list is found, none beside it, within ten bytes each. */
static void test_many(void)
{
	enum { N = 200000 };
	struct buf text;
	const char *path;
	struct iocs_stats st;
	struct iocs *t = NULL;
	struct err err = { 0 };
	int found = 0, wrong = 0;
	char name[64];

	buf_init(&text, (size_t)64 << 20);
	for (int i = 0; i < N; i++)
		buf_fmt(&text, i % 2 == 0 ? "host%d.example.net\n" : "10.%d.%d.%d\n", i % 2 == 0 ? i : i >> 16, (i >> 8) & 255, i & 255);
	path = write_list("many", text.p);
	OK(iocs_load(&path, 1, &t, &err) == RC_OK, "many: loads %s", err.text);
	iocs_stats(t, &st);
	EQ_INT((long long)st.values, N, "many: values");
	OK(st.bytes <= N * 10, "many: %.2f bytes each", (double)st.bytes / N);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, i % 2 == 0 ? "host%d.example.net" : "10.%d.%d.%d", i % 2 == 0 ? i : i >> 16, (i >> 8) & 255, i & 255);
		found += ask(t, i % 2 == 0 ? OBS_DOMAIN : OBS_IPV4, name, name) == 1;
		snprintf(name, sizeof name, "guest%d.example.net", i);
		wrong += ask(t, OBS_DOMAIN, name, NULL) != 0;
	}
	EQ_INT(found, N, "many: each is found");
	EQ_INT(wrong, 0, "many: no other is");
	iocs_free(t);
	buf_done(&text);
}

static size_t spots(struct spotter *s, struct flat *f, const struct fields *dict, const char *event, const struct spot **ret)
{
	struct err err = { 0 };
	size_t n = 0;

	OK(flat_json(f, dict, str_of(event), &err) == RC_OK && spotter_run(s, f, time_now(), ret, &n, &err) == RC_OK, "spot: runs %s", err.text);
	return n;
}

static void test_events(void)
{
	const char *path = write_list("events", "evil.example\n44d88612fea8a8f36de82e1278abb02f\nhttp://site.example/path\n198.51.100.0/24\n");
	struct image_indicator in = { .id = S("indicator--00000000-0000-4000-8000-000000000001"),
				      .pattern = S("[domain-name:value = 'stix.example']"), .valid_from = INT64_MIN, .tlp = 2, .confidence = 80 };
	const struct spot *out;
	struct image *image = image_new(1000);
	struct spotter *s = NULL;
	struct iocs *t = NULL;
	struct fields *dict = fields_new();
	struct flat *f = NULL;
	struct spotter_stats before, after;

	OK(iocs_load(&path, 1, &t, NULL) == RC_OK && image_update(image, &in, NULL) == RC_OK && flat_new(&f, NULL) == RC_OK &&
	   spotter_new(t, image, &s, NULL) == RC_OK, "spot: made");
	EQ_INT((long long)spots(s, f, dict, "{\"dns\":{\"rrname\":\"www.evil.example\"},\"n\":1}", &out), 1, "spot: nested domain");
	EQ_STR(out[0].what.field, S("dns.rrname"), "spot: its field");
	EQ_STR(out[0].matched, S("evil.example"), "spot: the list's value");
	EQ_INT((long long)spots(s, f, dict, "{\"Hashes\":\"SHA1=0000000000000000000000000000000000000000,MD5=44D88612FEA8A8F36DE82E1278ABB02F\"}", &out), 1,
	       "spot: hash token");
	EQ_INT((long long)spots(s, f, dict, "{\"http\":{\"hostname\":\"site.example\",\"url\":\"/path\"}}", &out), 1, "spot: host and path");
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"x stix.example y\",\"b\":\"evil.example\",\"c\":\"198.51.100.4:80\"}", &out), 3, "spot: both tables");
	for (size_t i = 0; i < 3; i++)
		EQ_INT((long long)out[i].suppressed.n, 0, "spot: a hit that no list holds back");
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"evi\\u006c.example\"}", &out), 1, "spot: an escaped letter");
	for (int pad = 0; pad < 20; pad++) {
		char line[200];

		snprintf(line, sizeof line, "{\"a\":\"%.*s evil\\u002eexample\"}", pad, "aaaaaaaaaaaaaaaaaaaaaaaa");
		EQ_INT((long long)spots(s, f, dict, line, &out), 1, "spot: an escaped dot, wherever it stands");
		snprintf(line, sizeof line, "{\"a\":\"%.*s 44d88612fea8a8f36de82e1278abb02f %.*s\"}", pad * 2, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", pad,
			 "-----------------------");
		EQ_INT((long long)spots(s, f, dict, line, &out), 1, "spot: a hash in a line of no dots");
		snprintf(line, sizeof line, "{\"a\":\"%.*s evil.example %.*s\"}", pad, "zzzzzzzzzzzzzzzzzzzzzzzz", pad * 2, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
		EQ_INT((long long)spots(s, f, dict, line, &out), 1, "spot: a dot, wherever it stands");
	}
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"2026-01-02T03:04:05 evil.example\"}", &out), 1, "spot: behind a time");
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"2026-01-02 198.51.100.4\"}", &out), 1, "spot: behind a date");
	spotter_stats(s, &before);
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"2026-01-02T03:04:05.678Z\",\"b\":\"2026-01-02 03:04:05\",\"c\":\"2026-01-02T03:04:05.678901+0000\","
				"\"d\":\"{81056205-57d1-64dc-0105-000000000800}\"}", &out), 0, "spot: times and GUIDs");
	spotter_stats(s, &after);
	EQ_INT((long long)(after.values - before.values), 0, "spot: are not looked at");
	spotter_stats(s, &before);
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"C:\\\\Windows\\\\System32\\\\svchost.exe\"}", &out), 0, "spot: nothing");
	EQ_INT((long long)spots(s, f, dict, "{\"a\":\"C:\\\\Windows\\\\System32\\\\svchost.exe\"}", &out), 0, "spot: nothing again");
	spotter_stats(s, &after);
	EQ_INT((long long)(after.looked_at - before.looked_at), 1, "spot: what held nothing is remembered");
	in.pattern = S("[domain-name:value = 'svchost.exe']");
	in.id = S("indicator--00000000-0000-4000-8000-000000000002");
	OK(image_update(image, &in, NULL) == RC_OK, "spot: the image changes");
	spotter_forget(s);
	in.pattern = S("[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 443]");
	in.id = S("indicator--00000000-0000-4000-8000-000000000003");
	OK(image_update(image, &in, NULL) == RC_OK, "spot: one that asks for more");
	EQ_INT((long long)spots(s, f, dict, "{\"destination\":{\"ip\":\"203.0.113.7\",\"port\":80}}", &out), 0, "spot: another port");
	EQ_INT((long long)spots(s, f, dict, "{\"destination\":{\"ip\":\"203.0.113.7\",\"port\":443}}", &out), 1, "spot: its port, by the same address");
	spotter_free(s);
	flat_free(f);
	fields_free(dict);
	image_free(image);
	iocs_free(t);
}

static void test_allocations(void)
{
	const char *path = write_list("alloc", list);
	int64_t live = mem_live();

	for (uint64_t n = 1; n < 10000; n++) {
		struct iocs *t = NULL;
		struct spotter *s = NULL;
		enum rc rc;

		mem_fail_at(n, 0);
		rc = iocs_load(&path, 1, &t, NULL);
		if (rc == RC_OK)
			rc = spotter_new(t, NULL, &s, NULL);
		mem_fail_at(0, 0);
		spotter_free(s);
		iocs_free(t);
		if (mem_live() != live) {
			OK(false, "allocation %d: leaks", (int)n);
			return;
		}
		if (rc == RC_OK) {
			OK(n > 3, "each of %d allocations fails cleanly", (int)n - 1);
			return;
		}
	}
	OK(false, "allocations: never succeeds");
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	test_list();
	test_many();
	test_events();
	test_allocations();
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = { "list", "many", "events", "alloc" };
		char path[300];

		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	return tap_done();
}
