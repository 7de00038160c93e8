/* TAXII 2.1 server, statements T37-T62: collections, manifest, objects, paging. */
#include <pthread.h>

#include "world.h"

#define ID(k) "indicator--00000000-0000-4000-8000-0000000000" k

static void test_collections(void)
{
	struct got g = get(&alice, "/empty/collections/");

	OK(g.status == 200 && strcmp(g.body, "{}") == 0, "T37 without entries it is {}");
	got_done(&g);
	g = get(&alice, "/api/collections/");

	struct got again = get(&alice, "/api/collections/");

	OK(strcmp(g.body, again.body) == 0 && got_count(&g, "collections") == 4, "T37 the order is the same in every request");
	OK(str_eq(got_item(&g, "collections", 0, "id"), S(MAIN_ID)) && got_item(&g, "collections", 0, "title").n > 0
	   && strstr(g.body, "\"can_read\":true,\"can_write\":true") != NULL, "T38 id, title and this client's rights");
	OK(strstr(g.body, HIDDEN_ID) == NULL && strstr(g.body, SHOWN_ID) != NULL, "T38 hidden ones are not there, shown ones are");
	got_done(&g);
	got_done(&again);
	g = get(&bob, C_WRITE);
	OK(strstr(g.body, "\"can_read\":false,\"can_write\":true") != NULL, "T38 rights are those of the client");
	got_done(&g);
	g = get(&alice, "/api/collections/main/");
	OK(g.status == 200 && str_eq(got_str(&g, "id"), S(MAIN_ID)) && str_eq(got_str(&g, "alias"), S("main")), "T39 the alias is shown and works in the URL");
	OK(status_of(get(&alice, "/api/collections/main/objects/")) == 200, "T39 on every endpoint");
	got_done(&g);

	struct collection other = { .root = S("api"), .id = S("88888888-8888-4888-8888-888888888888"), .alias = S("main"), .title = S("x"),
				    .description = S(""), .media_types = S(""), .tlp_max = TLP_RED };

	OK(collection_put(w.store, &other, NULL) == RC_CONFLICT, "T39 an alias is unique in its root");
	g = get(&alice, C_MAIN);
	OK(str_eq(got_item(&g, "media_types", 0, NULL), S("application/stix+json;version=2.1"))
	   && str_eq(got_item(&g, "media_types", 1, NULL), S("application/stix+json;version=2.0")), "T40 media_types names all that may lie there");
	got_done(&g);
}

static void test_rights(void)
{
	static const char *const tails[] = { "manifest/", "objects/", "objects/" ID("01") "/", "objects/" ID("01") "/versions/" };
	char path[300];

	for (size_t i = 0; i < COUNTOF(tails); i++) {
		snprintf(path, sizeof path, C_WRITE "%s", tails[i]);
		OK(status_of(get(&alice, path)) == 403, "T41 can_read=false: %s is 403", tails[i]);
		snprintf(path, sizeof path, C_SHOWN "%s", tails[i]);
		OK(status_of(get(&alice, path)) == 403, "T41 shown but closed: %s is 403", tails[i]);
		snprintf(path, sizeof path, C_HIDDEN "%s", tails[i]);
		OK(status_of(get(&alice, path)) == 404, "T41 hidden: %s is 404", tails[i]);
	}
	OK(status_of(post(&alice, C_READ "objects/", "{\"objects\":[{}]}")) == 403, "T42 can_write=false: POST is 403");
	OK(status_of(post(&alice, C_HIDDEN "objects/", "{\"objects\":[{}]}")) == 404, "T42 hidden: POST is 404");
}

/* Follows `next` from a first target and counts; `*ret_good` stays true while order and bounds hold. */
static int walk(const struct viewer *v, const char *collection, const char *filters, int limit, bool *ret_good)
{
	char target[900], last[48] = "";
	struct str next = S("");
	struct got g;
	int count = 0;
	bool more = true;
	char kept[200] = "";

	while (more && count < 100000) {
		snprintf(target, sizeof target, "%sobjects/?limit=%d%s%s%s%s", collection, limit, filters[0] ? "&" : "", filters,
			 kept[0] ? "&next=" : "", kept);
		g = get(v, target);
		*ret_good &= g.status == 200 && got_count(&g, "objects") > 0 && got_count(&g, "objects") <= (uint32_t)limit;
		if (got_count(&g, "objects") > 0) {
			*ret_good &= strcmp(g.first, last) > 0 && strcmp(g.last, g.first) >= 0;
			snprintf(last, sizeof last, "%s", g.last);
		}
		count += (int)got_count(&g, "objects");
		more = got_more(&g);
		next = got_str(&g, "next");
		*ret_good &= more == (next.n > 0);
		snprintf(kept, sizeof kept, "%.*s", STR(next));
		got_done(&g);
	}
	return count;
}

static void test_paging(void)
{
	bool good = true;
	struct got g, m;

	post_indicators(&alice, C_MAIN, 0, 25);
	OK(walk(&alice, C_MAIN, "", 7, &good) == 25 && good, "T43 ascending date_added inside and across pages");
	good = true;
	OK(walk(&alice, C_MAIN, "", 10, &good) == 25 && good, "T49 the union of the pages is the whole set without repeats");
	good = true;
	OK(walk(&alice, C_MAIN, "", 5, &good) == 25 && good, "T46 more is true exactly when something is left (25 by 5)");
	g = get(&alice, C_MAIN "objects/");
	OK(got_count(&g, "objects") == 10 && got_more(&g), "T46 also by the server's own maximum");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?limit=1000");
	OK(got_count(&g, "objects") == 10 && got_more(&g), "T47 never more than the server's maximum");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?limit=99999999999999999999999");
	OK(g.status == 200 && got_count(&g, "objects") == 10, "T47 a limit beyond all numbers is a wish for everything");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?limit=10&match[id]=" ID("03"));
	OK(got_count(&g, "objects") == 1 && !got_more(&g), "T47 all of them when there are fewer");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?limit=3");
	m = get(&alice, C_MAIN "manifest/?limit=3");
	OK(str_eq(got_item(&m, "objects", 0, "date_added"), str_of(g.first)) && str_eq(got_item(&m, "objects", 2, "date_added"), str_of(g.last))
	   && strcmp(m.first, g.first) == 0 && strcmp(m.last, g.last) == 0, "T44 the X-TAXII headers are the first and last date_added");
	got_done(&g);
	got_done(&m);
	g = get(&alice, C_MAIN "objects/" ID("03") "/");
	m = get(&alice, C_MAIN "objects/" ID("03") "/versions/");
	OK(g.first[0] != '\0' && strcmp(g.first, g.last) == 0 && strcmp(m.first, g.first) == 0, "T44 also on object and versions");
	got_done(&g);
	got_done(&m);
	g = get(&alice, C_MAIN "objects/?match[type]=malware");
	OK(g.status == 200 && strcmp(g.body, "{}") == 0 && g.first[0] == '\0', "T45 an empty page is an empty envelope");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/");
	OK(str_eq(got_item(&g, "objects", 0, "id"), S(ID("00"))), "T53 without added_after the oldest come first");
	got_done(&g);
}

static void test_bad_limits(void)
{
	static const char *const bad[] = { "limit=0", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=5&limit=5", "limit=+5", "limit=%205",
					   "limit=000", "limit=5%00" };

	for (size_t i = 0; i < COUNTOF(bad); i++) {
		char path[200];

		snprintf(path, sizeof path, C_MAIN "objects/?%s", bad[i]);
		OK(status_of(get(&alice, path)) == 400, "T48 %s is 400", bad[i]);
		snprintf(path, sizeof path, C_MAIN "manifest/?%s", bad[i]);
		OK(status_of(get(&alice, path)) == 400, "T48 %s is 400 on the manifest", bad[i]);
	}
}

static void next_of(const struct viewer *v, const char *target, char *out, size_t max)
{
	struct got g = get(v, target);

	snprintf(out, max, "%.*s", STR(got_str(&g, "next")));
	got_done(&g);
}

static int status_with(const struct viewer *v, const char *target, const char *next)
{
	char path[600];

	snprintf(path, sizeof path, "%s&next=%s", target, next);
	return status_of(get(v, path));
}

static void test_foreign_next(void)
{
	static const char *const garbage[] = { "a", "AAAA", "%00", "..%2f..%2f", "1", "\xc3\xbc", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%ff" };
	char token[200], changed[200];

	post_indicators(&alice, C_PUBLIC, 0, 25);
	next_of(&alice, C_MAIN "objects/?limit=5", token, sizeof token);
	OK(token[0] != '\0' && status_with(&alice, C_MAIN "objects/?limit=5", token) == 200, "T50 our own token is taken");
	OK(status_with(&alice, C_MAIN "objects/?limit=7", token) == 200, "T50 another limit is no other filter");
	OK(status_with(&alice, C_PUBLIC "objects/?limit=5", token) == 400, "T50 on another collection it is 400");
	OK(status_with(&bob, C_MAIN "objects/?limit=5", token) == 400, "T50 for another user it is 400");
	struct viewer other = alice;

	other.name = S("alica");
	OK(status_with(&other, C_MAIN "objects/?limit=5", token) == 400, "T50 also for one whose name is nearly the same");
	OK(status_with(&alice, C_MAIN "manifest/?limit=5", token) == 400, "T50 on another endpoint it is 400");
	OK(status_with(&alice, C_MAIN "objects/?limit=5&match[type]=indicator", token) == 400, "T50 with another filter it is 400");
	OK(status_with(&alice, C_MAIN "objects/?limit=5&added_after=2020-01-01T00:00:00Z", token) == 400, "T50 with another added_after it is 400");
	for (size_t i = 0; i < COUNTOF(garbage); i++)
		OK(status_with(&alice, C_MAIN "objects/?limit=5", garbage[i]) == 400, "T50 garbage number %zu is 400", i);
	int taken = 0;

	for (size_t i = 0; token[i] != '\0'; i++) {
		snprintf(changed, sizeof changed, "%s", token);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		taken += status_with(&alice, C_MAIN "objects/?limit=5", changed) == 200;
	}
	OK(taken == 0, "T50 no changed character goes unnoticed");
	taxii_server_free(w.server);
	open_server();
	OK(status_with(&alice, C_MAIN "objects/?limit=5", token) == 200, "T50 the token outlives a restart");
	OK(status_of(get(&alice, C_MAIN "objects/?next=")) == 400, "T50 an empty one is 400");
}

/* T51: four writers, one reader that pages by added_after alone, one by next. */
struct writer_arg {
	int number;
};

static void *write_some(void *arg)
{
	struct writer_arg *a = arg;

	for (int i = 0; i < 40; i++)
		post_indicators(&alice, C_PUBLIC, 100000 + a->number * 10000 + i * 25, 100000 + a->number * 10000 + i * 25 + 25);
	return NULL;
}

/* Reads what is behind `last` until nothing is; marks the objects seen. */
static int read_behind(char last[48], unsigned char *seen, bool *ret_repeat)
{
	char path[300];
	bool more = true;
	int count = 0;

	while (more) {
		struct got g;

		snprintf(path, sizeof path, C_PUBLIC "objects/?limit=9%s%s", last[0] ? "&added_after=" : "", last);
		g = get(&alice, path);
		for (uint32_t i = 0; i < got_count(&g, "objects"); i++) {
			struct str id = got_item(&g, "objects", i, "id");
			uint64_t k = 0;

			str_to_u64(str_slice(id, id.n - 12, id.n), &k);
			*ret_repeat |= k < 200000 && seen[k]++ != 0;
			count++;
		}
		more = got_more(&g) && g.last[0] != '\0';
		if (g.last[0] != '\0')
			snprintf(last, 48, "%s", g.last);
		got_done(&g);
	}
	return count;
}

static void test_concurrent(void)
{
	pthread_t threads[4];
	struct writer_arg args[4];
	unsigned char *seen = mem_alloc(200000);
	char last[48] = "";
	bool repeat = false;
	int count = 0, rounds = 0;

	if (seen == NULL)
		return;
	for (int i = 0; i < 4; i++) {
		args[i].number = i;
		pthread_create(&threads[i], NULL, write_some, &args[i]);
	}
	while (count < 25 + 4000 && rounds++ < 20000)
		count += read_behind(last, seen, &repeat);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	count += read_behind(last, seen, &repeat);
	OK(count == 25 + 4000 && !repeat, "T51 paging by added_after beside four writers loses and repeats nothing (%d, repeat %d)", count, repeat);
	mem_free(seen);
}

static void test_added_after(void)
{
	static const char *const bad[] = { "added_after=x", "added_after=", "added_after=2020-01-01", "added_after=2020-13-01T00:00:00Z",
					   "added_after=2020-01-01T00:00:00Z&added_after=2020-01-01T00:00:00Z", "added_after=2020-01-01T00:00:00%2b01:00",
					   "added_after=2020-04-31T00:00:00Z" };
	char path[300], third[48];
	struct got g = get(&alice, C_MAIN "objects/?limit=3");

	snprintf(third, sizeof third, "%s", g.last);
	got_done(&g);
	snprintf(path, sizeof path, C_MAIN "objects/?added_after=%s", third);
	g = get(&alice, path);
	OK(str_eq(got_item(&g, "objects", 0, "id"), S(ID("03"))), "T52 added_after is exclusive");
	got_done(&g);
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		snprintf(path, sizeof path, C_MAIN "objects/?%s", bad[i]);
		OK(status_of(get(&alice, path)) == 400, "T52 %s is 400", bad[i]);
	}
	g = get(&alice, C_MAIN "objects/?added_after=2999-01-01T00:00:00Z");
	OK(g.status == 200 && strcmp(g.body, "{}") == 0, "T52 in the future there is nothing");
	got_done(&g);
}

static uint32_t count_of(const char *filter)
{
	char path[900];
	struct got g;
	uint32_t n;

	snprintf(path, sizeof path, C_MAIN "objects/?%s", filter);
	g = get(&alice, path);
	n = g.status == 200 ? got_count(&g, "objects") : 1000u + (uint32_t)g.status;
	got_done(&g);
	return n;
}

static void test_match(void)
{
	static const char *const types[] = {
		"attack-pattern", "campaign", "course-of-action", "grouping", "identity", "incident", "indicator", "infrastructure",
		"intrusion-set", "location", "malware", "malware-analysis", "note", "observed-data", "opinion", "report", "threat-actor", "tool",
		"vulnerability", "relationship", "sighting", "artifact", "autonomous-system", "directory", "domain-name", "email-addr",
		"email-message", "file", "ipv4-addr", "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process", "software", "url",
		"user-account", "windows-registry-key", "x509-certificate", "marking-definition", "language-content", "extension-definition",
		"x-custom", "no-such-type",
	};
	bool all = true;

	OK(count_of("match[id]=" ID("03")) == 1, "T54 match[id]");
	OK(count_of("match[id]=" ID("03") "," ID("04")) == 2, "T54 a comma list is OR");
	OK(count_of("match%5Bid%5D=" ID("03")) == 1, "T54 escaped brackets");
	OK(count_of("match[id]=" ID("03") "&match[type]=indicator") == 1 && count_of("match[id]=" ID("03") "&match[type]=malware") == 0,
	   "T54 different fields are AND");
	for (size_t i = 0; i < COUNTOF(types); i++) {
		char f[100];

		snprintf(f, sizeof f, "match[type]=%s&limit=1", types[i]);
		all &= count_of(f) == (strcmp(types[i], "indicator") == 0 ? 1 : 0);
	}
	OK(all, "T55 match[type] takes every type; unknown ones give nothing");
	OK(count_of("match[color]=red") == 1400, "T60 an unknown match field is 400");
	OK(count_of("color=red") == 10, "T60 other names are free");
	OK(count_of("match[id]=a&match[id]=b") == 1400 && count_of("match[type]=a&match[type]=a") == 1400
	   && count_of("match[version]=all&match[version]=all") == 1400 && count_of("match[spec_version]=2.1&match[spec_version]=2.1") == 1400,
	   "T60 a known field twice is 400");
	OK(count_of("match[id]=") == 1400 && count_of("match[id]=a,,b") == 1400 && count_of("match[id]=a,") == 1400, "T60 empty values are 400");
	OK(count_of("match[type]=%zz") == 1400 && count_of("match[type]=%ff") == 1400, "T60 bad escapes and bad UTF-8 are 400");
}

static void post_version(int k, const char *modified, const char *name)
{
	char one[700], body[800];

	snprintf(body, sizeof body, "{\"objects\":[%s]}", indicator(one, sizeof one, k, modified, name));
	OK(status_of(post(&alice, C_MAIN "objects/", body)) == 202, "posted version %s", modified);
}

static struct str version_of(struct got *g, const char *filter)
{
	char path[900];

	snprintf(path, sizeof path, C_MAIN "objects/?match[id]=" ID("50") "&%s", filter);
	*g = get(&alice, path);
	return got_item(g, "objects", 0, "modified");
}

static void test_versions(void)
{
	static const struct { const char *filter; uint32_t n; const char *first; } rows[] = {
		{ "", 1, "2021-03-01T00:00:00.000Z" }, { "match[version]=last", 1, "2021-03-01T00:00:00.000Z" },
		{ "match[version]=first", 1, "2021-01-01T00:00:00.000Z" }, { "match[version]=all", 3, "2021-01-01T00:00:00.000Z" },
		{ "match[version]=first,last", 2, "2021-01-01T00:00:00.000Z" }, { "match[version]=2021-02-01T00:00:00.000Z", 1, "2021-02-01T00:00:00.000Z" },
		{ "match[version]=2021-02-01T00:00:00Z", 1, "2021-02-01T00:00:00.000Z" },
		{ "match[version]=2021-02-01T00:00:00.000000Z,last", 2, "2021-02-01T00:00:00.000Z" },
		{ "match[version]=2021-02-01T00:00:00.001Z", 0, "" },
	};
	static const struct { const char *name, *filter; } bad[] = {
		{ "T57 all with a timestamp", "match[version]=all,2021-02-01T00:00:00Z" }, { "T57 all with last", "match[version]=last,all" },
		{ "T57 last twice", "match[version]=last,last" }, { "T57 a timestamp twice", "match[version]=2021-02-01T00:00:00Z,2021-02-01T00:00:00Z" },
		{ "T57 the same instant in two spellings", "match[version]=2021-02-01T00:00:00Z,2021-02-01T00:00:00.000Z" },
		{ "T58 a word", "match[version]=newest" }, { "T58 a date without time", "match[version]=2021-02-01" },
		{ "T58 another zone", "match[version]=2021-02-01T00:00:00%2B08:00" }, { "T58 LAST in capitals", "match[version]=LAST" },
	};

	post_version(50, "2021-01-01T00:00:00.000Z", "one");
	post_version(50, "2021-02-01T00:00:00.000Z", "two");
	post_version(50, "2021-03-01T00:00:00.000Z", "three");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct got g;
		struct str first = version_of(&g, rows[i].filter);

		OK(got_count(&g, "objects") == rows[i].n && str_eq(first, str_of(rows[i].first)), "T56 '%s' gives %u", rows[i].filter, rows[i].n);
		got_done(&g);
	}
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		struct got g;

		version_of(&g, bad[i].filter);
		OK(g.status == 400, "%s is 400", bad[i].name);
		got_done(&g);
	}
}

#define ID20 "malware--00000000-0000-4000-8000-000000002020"

static void test_spec_version(void)
{
	static const char old[] = "{\"objects\":[{\"type\":\"malware\",\"id\":\"" ID20 "\",\"created\":\"2018-01-01T00:00:00.000Z\",\"modified\":"
		"\"2018-02-01T00:00:00.000Z\",\"name\":\"m\",\"labels\":[\"worm\"]},{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"" ID20 "\","
		"\"created\":\"2018-01-01T00:00:00.000Z\",\"modified\":\"2018-01-01T00:00:00.000Z\",\"name\":\"m\",\"is_family\":false}]}";
	struct got g = post(&alice, C_MAIN "objects/", old);

	OK(g.status == 202 && got_int(&g, "success_count") == 2, "T59 posted one object in both spec versions");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?match[id]=" ID20);
	OK(got_count(&g, "objects") == 1 && str_eq(got_item(&g, "objects", 0, "spec_version"), S("2.1")), "T59 by default only the newest spec version");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?match[spec_version]=2.0");
	OK(got_count(&g, "objects") == 1 && got_item(&g, "objects", 0, "spec_version").n == 0, "T59 match[spec_version]=2.0 gives that");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?match[spec_version]=2.0,2.1&match[id]=" ID20 "&match[version]=all");
	OK(got_count(&g, "objects") == 2, "T59 both together");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/?match[spec_version]=2.0,2.1&match[id]=" ID20);
	OK(got_count(&g, "objects") == 1 && str_eq(got_item(&g, "objects", 0, "modified"), S("2018-02-01T00:00:00.000Z")),
	   "T59 the last version is found among the spec versions asked for");
	got_done(&g);
	OK(count_of("match[spec_version]=3.0") == 0, "T59 an unknown one gives nothing");
	g = get(&alice, C_MAIN "manifest/?match[spec_version]=2.0,2.1&match[version]=all&match[type]=malware");
	OK(got_count(&g, "objects") == 2 && str_eq(got_item(&g, "objects", 0, "media_type"), S("application/stix+json;version=2.0"))
	   && str_eq(got_item(&g, "objects", 1, "media_type"), S("application/stix+json;version=2.1")), "T61 the manifest tells the media type");
	OK(str_eq(got_item(&g, "objects", 0, "id"), S(ID20)) && str_eq(got_item(&g, "objects", 0, "version"), S("2018-02-01T00:00:00.000Z"))
	   && got_item(&g, "objects", 0, "date_added").n == 27, "T61 and id, version, date_added");
	got_done(&g);
	g = get(&alice, C_MAIN "manifest/?match[id]=" ID("50") "&match[version]=all");
	OK(got_count(&g, "objects") == 3, "T61 the filters act on the object");
	got_done(&g);
}

static void test_deleted_between(void)
{
	char token[200], path[500];
	struct got g;

	post_indicators(&alice, C_MAIN, 60, 64);
	next_of(&alice, C_MAIN "objects/?limit=2&match[id]=" ID("60") "," ID("61") "," ID("62") "," ID("63"), token, sizeof token);
	OK(status_of(ask(&alice, "DELETE", C_MAIN "objects/" ID("62") "/", ACCEPT, S(""))) == 200
	   && status_of(ask(&alice, "DELETE", C_MAIN "objects/" ID("63") "/", ACCEPT, S(""))) == 200, "T62 the rest is deleted");
	snprintf(path, sizeof path, C_MAIN "objects/?limit=2&match[id]=" ID("60") "," ID("61") "," ID("62") "," ID("63") "&next=%s", token);
	g = get(&alice, path);
	OK(token[0] != '\0' && g.status == 200 && strcmp(g.body, "{}") == 0, "T62 the next page is empty, not an error");
	got_done(&g);
}

/* What may not be seen is not counted, not paged over and not hinted at. */
static void test_tlp(void)
{
	static const char red[] = "{\"objects\":[{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--00000000-0000-4000-8000-00000000dead\","
		"\"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"r\",\"identity_class\":\"group\","
		"\"object_marking_refs\":[\"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed\"]}]}";
	static const char path[] = C_MAIN "objects/identity--00000000-0000-4000-8000-00000000dead/";
	struct got g = post(&alice, C_MAIN "objects/", red), h, a;

	OK(g.status == 202 && got_int(&g, "success_count") == 1, "a TLP:RED object is stored");
	got_done(&g);
	OK(status_of(get(&alice, path)) == 200, "who may see RED gets it");
	h = get(&bob, path);
	a = get(&bob, C_MAIN "objects/identity--" NO_ID "/");
	OK(h.status == 404 && strcmp(h.body, a.body) == 0, "T20 a hidden object is answered like one that is not there");
	got_done(&h);
	got_done(&a);
	g = get(&bob, C_MAIN "manifest/?match[type]=identity");
	OK(g.status == 200 && strcmp(g.body, "{}") == 0, "T20 nor is it in the manifest");
	got_done(&g);
	OK(status_of(ask(&bob, "DELETE", path, ACCEPT, S(""))) == 404 && status_of(get(&alice, path)) == 200, "T20 nor can it be deleted blindly");
}

int main(void)
{
	world_open();
	test_collections();
	test_rights();
	test_paging();
	test_bad_limits();
	test_foreign_next();
	test_added_after();
	test_match();
	test_versions();
	test_spec_version();
	test_deleted_between();
	test_tlp();
	test_concurrent();
	world_close();
	return tap_done();
}
