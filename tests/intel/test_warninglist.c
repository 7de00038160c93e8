/* Every type of list against small lists of ours; then, where the material is
 * there, all real lists against a check that tries every entry. */
#include <arpa/inet.h>
#include <dirent.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "intel/warninglist.h"
#include "intel/material.h"
#include "model/observable.h"
#include "tap.h"

static const char *const lists[] = {
	"{\"name\":\"whole\",\"type\":\"string\",\"matching_attributes\":[\"domain\",\"url\"],\"list\":[\"a.example\",\".b.example\",\"http://c.example/X\"]}",
	"{\"name\":\"host\",\"type\":\"hostname\",\"matching_attributes\":[\"domain\",\"url\"],\"list\":[\"Pop.Example\",\".dot.example\",\"a.example\"]}",
	"{\"name\":\"part\",\"type\":\"substring\",\"matching_attributes\":[\"email-src\"],\"list\":[\"@mail.example\",\"zz\"]}",
	"{\"name\":\"net\",\"type\":\"cidr\",\"list\":[\"198.51.100.0/24\",\"203.0.113.7\",\"2001:db8::/32\",\"nonsense\",\"198.51.100.0/25\"]}",
	"{\"name\":\"regex\",\"type\":\"regex\",\"matching_attributes\":[\"email-dst\"],\"list\":[\"/^(abuse|noc)\\\\@.*$/i\",\"/(/\"]}",
};

static struct warninglists *small_set(void)
{
	struct warninglists *w = warninglists_new();
	struct err err;

	for (size_t i = 0; w != NULL && i < COUNTOF(lists); i++)
		OK(warninglists_add(w, str_of(lists[i]), &err) == RC_OK, "list %zu is read", i);
	OK(w != NULL && warninglists_ready(w, &err) == RC_OK, "ready");
	return w;
}

static void test_types(struct warninglists *w)
{
	static const struct {
		enum observable_kind kind;
		const char *value, *want; /* names joined by a blank */
	} rows[] = {
		{ OBS_DOMAIN, "a.example", "whole host" }, { OBS_DOMAIN, "b.example", "" }, { OBS_DOMAIN, "x.b.example", "" },
		{ OBS_DOMAIN, "x.a.example", "host" }, { OBS_DOMAIN, "xa.example", "" }, { OBS_DOMAIN, "pop.example", "host" },
		{ OBS_DOMAIN, "deep.in.pop.example", "host" }, { OBS_DOMAIN, "example", "" }, { OBS_DOMAIN, "dot.example", "host" },
		{ OBS_URL, "http://c.example/X", "whole" }, { OBS_URL, "http://pop.example/path", "host" },
		{ OBS_URL, "http://evil.example/pop.example", "" }, { OBS_URL, "http://u@www.pop.example:8080/", "host" },
		{ OBS_EMAIL, "x@mail.example", "part" }, { OBS_EMAIL, "x@other.example", "" }, { OBS_EMAIL, "fizz@other.example", "part" },
		{ OBS_EMAIL, "NOC@other.example", "regex" }, { OBS_EMAIL, "abuse@mail.example", "part regex" },
		{ OBS_IPV4, "198.51.100.200", "net" }, { OBS_IPV4, "198.51.101.1", "" }, { OBS_IPV4, "203.0.113.7", "net" },
		{ OBS_IPV4, "203.0.113.8", "" }, { OBS_IPV4, "198.51.100.128/25", "net" }, { OBS_IPV4, "198.51.0.0/16", "" },
		{ OBS_IPV6, "2001:db8:1::1", "net" }, { OBS_IPV6, "2001:db9::1", "" },
		{ OBS_MD5, "d41d8cd98f00b204e9800998ecf8427e", "" }, { OBS_DOMAIN, "mail.example", "" },
		{ OBS_KINDS, "a.example", "whole host" }, { OBS_KINDS, "198.51.100.1", "net" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str names[WARNINGLIST_NAMES_MAX];
		size_t n = warninglists_find(w, rows[i].kind, str_of(rows[i].value), names, WARNINGLIST_NAMES_MAX);
		char got[100] = "";

		for (size_t k = 0; k < n; k++)
			snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", k ? " " : "", STR(names[k]));
		EQ_STR(str_of(got), str_of(rows[i].want), rows[i].value);
	}
}

static void test_figures(struct warninglists *w)
{
	struct warninglists_stats st;
	struct str list;

	warninglists_stats(w, &st);
	EQ_INT(st.lists, COUNTOF(lists), "lists");
	EQ_INT(st.entries, 13, "entries");
	EQ_INT(st.unreadable, 2, "unreadable entries are counted");
	OK(warninglists_suppress(w, OBS_DOMAIN, S("www.pop.example"), &list) && str_eq(list, S("host")), "suppression names its list");
	OK(!warninglists_suppress(w, OBS_DOMAIN, S("evil.example"), &list), "others are not suppressed");
}

static void test_bad_lists(void)
{
	static const struct {
		const char *json;
		enum rc rc;
	} rows[] = {
		{ "{", RC_BAD }, { "[]", RC_BAD }, { "{\"name\":\"x\",\"type\":\"string\"}", RC_BAD },
		{ "{\"type\":\"string\",\"list\":[]}", RC_BAD }, { "{\"name\":\"x\",\"type\":\"magic\",\"list\":[]}", RC_UNSUPPORTED },
		{ "{\"name\":\"x\",\"type\":\"string\",\"list\":[1,null,\"\"]}", RC_OK },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct warninglists *w = warninglists_new();
		struct err err;

		EQ_INT(warninglists_add(w, str_of(rows[i].json), &err), rows[i].rc, rows[i].json);
		OK(warninglists_ready(w, &err) == RC_OK, "  the set is whole");
		warninglists_free(w);
	}
	struct err err;
	struct warninglists *w;
	EQ_INT(warninglists_load("/nonexistent/lists", &w, &err), RC_NOTFOUND, "no folder");
}

static void test_no_memory(void)
{
	int64_t before = mem_live();
	struct err err;
	enum rc rc = RC_NOMEM;
	uint64_t nth;

	for (nth = 1; rc != RC_OK && nth < 1000; nth++) {
		struct warninglists *w;

		mem_fail_at(nth, 1);
		w = warninglists_new();
		rc = w == NULL ? RC_NOMEM : warninglists_add(w, str_of(lists[0]), &err);
		if (rc == RC_OK)
			rc = warninglists_ready(w, &err);
		mem_fail_at(0, 0);
		warninglists_free(w);
		if (rc != RC_OK && rc != RC_NOMEM)
			break;
	}
	OK(rc == RC_OK && nth > 3, "each of %d allocations may fail", (int)nth - 2);
	EQ_INT(mem_live(), before, "nothing is left behind");
}

/* --- the naive check: every entry of every list, by the words of the rules --- */

struct naive_list {
	const struct json *v;
	struct str name, type;
};

static bool naive_applies(const struct json *list, enum observable_kind kind)
{
	static const char *const names[OBS_KINDS][5] = {
		{ "ip-src", "ip-dst", "ip-src|port", "ip-dst|port" }, { "ip-src", "ip-dst", "ip-src|port", "ip-dst|port" },
		{ "domain", "hostname", "domain|ip", "hostname|port" }, { "url", "uri", "link" },
		{ "email", "email-src", "email-dst", "target-email", "whois-registrant-email" }, { "md5", "filename|md5" },
		{ "sha1", "filename|sha1" }, { "sha256", "filename|sha256" }, { "sha512", "filename|sha512" },
	};
	const struct json *attributes = json_get(list, S("matching_attributes"));

	if (!json_is(attributes, JSON_ARRAY) || attributes->n == 0)
		return true;
	JSON_EACH(a, attributes) {
		for (int i = 0; i < 5 && names[kind][i] != NULL; i++) {
			if (str_eq(json_str(a), str_of(names[kind][i])))
				return true;
		}
	}
	return false;
}

static bool naive_net(struct str entry, struct str value)
{
	unsigned char a[16], b[16];
	char x[64], y[64], *slash;
	int bits, own, family = str_find(value, S(":"), 0) == SIZE_MAX ? AF_INET : AF_INET6;

	snprintf(x, sizeof x, "%.*s", STR(entry));
	snprintf(y, sizeof y, "%.*s", STR(value));
	slash = strchr(x, '/');
	bits = slash == NULL ? (family == AF_INET ? 32 : 128) : (int)strtol(slash + 1, NULL, 10);
	if (slash != NULL)
		*slash = '\0';
	slash = strchr(y, '/');
	own = slash == NULL ? 128 : (int)strtol(slash + 1, NULL, 10);
	if (slash != NULL)
		*slash = '\0';
	if (own < bits || inet_pton(family, x, a) != 1 || inet_pton(family, y, b) != 1)
		return false;
	for (int i = 0; i < bits; i++) {
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	}
	return true;
}

static bool naive_entry(struct str type, struct str entry, enum observable_kind kind, struct str value)
{
	if (str_eq(type, S("string")))
		return str_eq_nocase(entry, value);
	if (str_eq(type, S("cidr")))
		return kind <= OBS_IPV6 && naive_net(entry, value);
	if (str_eq(type, S("substring"))) {
		for (size_t i = 0; i + entry.n <= value.n; i++) {
			if (str_eq_nocase(str_slice(value, i, i + entry.n), entry))
				return true;
		}
		return false;
	}
	if (!str_eq(type, S("hostname")) || (kind != OBS_DOMAIN && kind != OBS_URL))
		return false;
	if (kind == OBS_URL)
		value = value_url_host(value);
	while (entry.n > 0 && entry.p[entry.n - 1] == '.')
		entry.n--;
	while (entry.n > 0 && entry.p[0] == '.')
		entry = str_slice(entry, 1, entry.n);
	return entry.n > 0 && value.n >= entry.n && str_eq_nocase(str_slice(value, value.n - entry.n, value.n), entry) &&
	       (value.n == entry.n || value.p[value.n - entry.n - 1] == '.');
}

static size_t naive_find(const struct naive_list *lists_, size_t n, enum observable_kind kind, struct str value, struct str *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!naive_applies(lists_[i].v, kind))
			continue;
		JSON_EACH(e, json_get(lists_[i].v, S("list"))) {
			if (naive_entry(lists_[i].type, json_str(e), kind, value)) {
				ret[found++] = lists_[i].name;
				break;
			}
		}
	}
	return found;
}

static size_t read_lists(const char *dir, struct arena *a, struct naive_list *out)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[4500], *room;
		struct buf text;
		size_t got;
		FILE *f;

		snprintf(path, sizeof path, "%s/%s/list.json", dir, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (f == NULL)
			continue;
		buf_init(&text, 1 << 26);
		while ((room = buf_room(&text, 1 << 16)) != NULL && (got = fread(room, 1, 1 << 16, f)) > 0)
			buf_grew(&text, got);
		fclose(f);
		if (json_parse(a, arena_dup(a, buf_view(&text)), &JSON_LIMITS, &out[n].v, NULL) == RC_OK) {
			out[n].name = json_get_str(out[n].v, S("name"));
			out[n].type = json_get_str(out[n].v, S("type"));
			n++;
		}
		buf_done(&text);
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static uint64_t compared, different;

static void compare(const struct warninglists *w, const struct naive_list *lists_, size_t n, struct str text)
{
	struct str fast[WARNINGLIST_NAMES_MAX], slow[WARNINGLISTS_MAX];
	enum observable_kind kind;
	size_t n_fast, n_slow;
	struct buf b;

	buf_init(&b, VALUE_MAX * 2);
	if (value_detect(str_trim(text), &kind, &b, NULL) == RC_OK && kind != OBS_EMAIL) { /* regular expressions are left out */
		bool same = true;

		n_fast = warninglists_find(w, kind, buf_view(&b), fast, WARNINGLIST_NAMES_MAX);
		n_slow = naive_find(lists_, n, kind, buf_view(&b), slow);
		for (size_t i = 0; i < n_fast; i++) {
			bool there = false;

			for (size_t k = 0; k < n_slow; k++)
				there |= str_eq(fast[i], slow[k]);
			same &= there;
		}
		same &= n_fast == (n_slow < WARNINGLIST_NAMES_MAX ? n_slow : WARNINGLIST_NAMES_MAX);
		compared++;
		different += !same;
		if (!same && different < 10)
			printf("# %.*s: %zu lists, naively %zu\n", STR(buf_view(&b)), n_fast, n_slow);
	}
	buf_done(&b);
}

/* Some values of a feed, and some that are on the lists themselves. */
static void test_naive(const struct warninglists *w, const char *dir)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct naive_list *lists_ = arena_array(a, WARNINGLISTS_MAX, sizeof *lists_);
	size_t n = read_lists(dir, a, lists_);
	char path[4096], line[5000];
	FILE *f = material("feeds/maltrail-half.txt", path) ? fopen(path, "r") : NULL;

	for (size_t i = 0; f != NULL && fgets(line, sizeof line, f) != NULL; i++) {
		if (i % 4001 == 7)
			compare(w, lists_, n, str_of(line));
	}
	if (f != NULL)
		fclose(f);
	for (size_t i = 0; i < n; i++) {
		const struct json *list = json_get(lists_[i].v, S("list"));

		compare(w, lists_, n, json_str(json_item(list, list->n / 2)));
		compare(w, lists_, n, json_str(json_item(list, list->n - 1)));
	}
	OK(compared > 200 && different == 0, "%llu values give the same lists as the naive check: %llu differ", (unsigned long long)compared,
	   (unsigned long long)different);
	arena_free(a);
}

static void test_real(void)
{
	struct warninglists *w = NULL;
	struct warninglists_stats st;
	char path[4096];
	struct err err;
	usec start = time_mono();

	if (!material("misp/warninglists", path)) {
		SKIP("the folder of test material is not here (LIANFANG_DATA)", "real warning lists");
		return;
	}
	if (!OK(warninglists_load(path, &w, &err) == RC_OK, "all real lists load"))
		return;
	warninglists_stats(w, &st);
	printf("# %llu lists, %llu entries, %llu unreadable, %llu bytes, %.0f ms\n", (unsigned long long)st.lists,
	       (unsigned long long)st.entries, (unsigned long long)st.unreadable, (unsigned long long)st.bytes,
	       (double)(time_mono() - start) / 1000);
	EQ_INT(st.lists_failed, 0, "no list fails");
	EQ_INT(st.lists, 136, "136 lists");
	OK(warninglists_suppress(w, OBS_DOMAIN, S("www.google.com"), &(struct str){ 0 }), "www.google.com is on some list");
	OK(warninglists_suppress(w, OBS_IPV4, S("8.8.8.8"), &(struct str){ 0 }), "8.8.8.8 is on some list");
	OK(warninglists_suppress(w, OBS_MD5, S("d41d8cd98f00b204e9800998ecf8427e"), &(struct str){ 0 }), "the empty file is on some list");
	test_naive(w, path);
	warninglists_free(w);
}

int main(void)
{
	struct warninglists *w = small_set();

	test_types(w);
	test_figures(w);
	warninglists_free(w);
	test_bad_lists();
	test_no_memory();
	test_real();
	return tap_done();
}
