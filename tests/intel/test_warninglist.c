/* Every type of list against small lists of ours; then, where the material is
 * there, all real lists against a check that tries every entry. */
#include "base/mem.h"
#include "base/time.h"
#include "intel/warninglist.h"
#include "intel/material.h"
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
