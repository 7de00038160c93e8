#include "base/mem.h"
#include "data.h"
#include "stix/upgrade.h"
#include "stix/validate.h"
#include "tap.h"

#define ARENA_MAX ((size_t)64 << 20)
#define U "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
#define HEAD(type) "{\"type\":\"" type "\",\"id\":\"" type "--" U "\",\"created\":\"2017-01-01T00:00:00.000Z\"," \
	"\"modified\":\"2017-01-01T00:00:00.000Z\","

static const struct json *parsed(struct arena *a, struct str text)
{
	const struct json *v = NULL;
	struct err err = { 0 };

	OK(json_parse(a, text, &JSON_LIMITS, &v, &err) == RC_OK, "JSON %s", err.text);
	return v;
}

static bool has_change(const struct stix_upgraded *up, const char *what)
{
	for (size_t i = 0; i < up->n_changes; i++)
		if (strcmp(up->changes[i].what, what) == 0 && up->changes[i].note.n > 0 && up->changes[i].id.n > 0)
			return true;
	return false;
}

/* One object in, one object out. */
static void test_single(void)
{
	static const struct { const char *name, *from, *to, *change; } rows[] = {
		{ "identity", HEAD("identity") "\"name\":\"x\",\"identity_class\":\"group\",\"x_a_b\":[1.50,{\"k\":\"\\u0000\"}]}",
		  "{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--" U "\",\"created\":\"2017-01-01T00:00:00.000Z\","
		  "\"modified\":\"2017-01-01T00:00:00.000Z\",\"name\":\"x\",\"identity_class\":\"group\",\"x_a_b\":[1.50,{\"k\":\"\\u0000\"}]}",
		  "spec-version" },
		{ "indicator", HEAD("indicator") "\"labels\":[\"benign\"],\"pattern\":\"[a:b=1]\",\"valid_from\":\"2017-01-01T00:00:00Z\"}",
		  "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--" U "\",\"created\":\"2017-01-01T00:00:00.000Z\","
		  "\"modified\":\"2017-01-01T00:00:00.000Z\",\"indicator_types\":[\"benign\"],\"pattern\":\"[a:b=1]\","
		  "\"valid_from\":\"2017-01-01T00:00:00Z\",\"pattern_type\":\"stix\"}", "labels-to-types" },
		{ "pattern of 2.0", HEAD("indicator") "\"pattern\":\"[a:b=1] START '2017-01-01T00:00:00Z' STOP '2018-01-01T00:00:00Z'\"}",
		  "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--" U "\",\"created\":\"2017-01-01T00:00:00.000Z\","
		  "\"modified\":\"2017-01-01T00:00:00.000Z\","
		  "\"pattern\":\"[a:b=1] START '2017-01-01T00:00:00Z' STOP '2018-01-01T00:00:00Z'\","
		  "\"pattern_type\":\"stix\",\"pattern_version\":\"2.0\",\"valid_from\":\"2017-01-01T00:00:00.000Z\"}", "pattern-version" },
		{ "malware", HEAD("malware") "\"labels\":[\"worm\"],\"name\":\"m\"}",
		  "{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"malware--" U "\",\"created\":\"2017-01-01T00:00:00.000Z\","
		  "\"modified\":\"2017-01-01T00:00:00.000Z\",\"malware_types\":[\"worm\"],\"name\":\"m\",\"is_family\":true}",
		  "malware-family" },
		{ "campaign keeps its labels", HEAD("campaign") "\"labels\":[\"l\"],\"name\":\"c\"}",
		  "{\"type\":\"campaign\",\"spec_version\":\"2.1\",\"id\":\"campaign--" U "\",\"created\":\"2017-01-01T00:00:00.000Z\","
		  "\"modified\":\"2017-01-01T00:00:00.000Z\",\"labels\":[\"l\"],\"name\":\"c\"}", "spec-version" },
		{ "TLP:GREEN", "{\"type\":\"marking-definition\",\"id\":\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\","
		  "\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"green\"}}",
		  "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--34098fce-860f-48ae-8e50-"
		  "ebd3cc5e41da\",\"created\":\"2017-01-20T00:00:00.000Z\",\"definition_type\":\"tlp\",\"name\":\"TLP:GREEN\","
		  "\"definition\":{\"tlp\":\"green\"}}", "spec-version" },
		{ "2.1 stays", "{\"type\":\"tool\",\"id\":\"tool--" U "\",\"spec_version\":\"2.1\",\"labels\":[\"x\"]}",
		  "{\"type\":\"tool\",\"id\":\"tool--" U "\",\"spec_version\":\"2.1\",\"labels\":[\"x\"]}", NULL },
		{ "an observable stays", "{\"type\":\"url\",\"id\":\"url--" U "\",\"value\":\"http://a/\"}",
		  "{\"type\":\"url\",\"id\":\"url--" U "\",\"value\":\"http://a/\"}", NULL },
	};
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct json *v = parsed(a, str_of(rows[i].from));
		struct stix_upgraded up = { 0 };
		struct err err = { 0 };

		OK(stix_is_20(v) == (rows[i].change != NULL), "%s: version seen", rows[i].name);
		OK(stix_upgrade(a, v, &up, &err) == RC_OK && up.n == 1, "%s: %s", rows[i].name, err.text);
		EQ_STR(up.n == 1 ? up.objects[0] : S(""), str_of(rows[i].to), rows[i].name);
		OK(rows[i].change == NULL ? up.n_changes == 0 : has_change(&up, rows[i].change), "%s: told", rows[i].name);
		arena_reset(a);
	}
	arena_free(a);
}

#define GREEN "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
#define RED "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"

static const char OBSERVED[] = HEAD("observed-data")
	"\"first_observed\":\"2017-01-01T00:00:00Z\",\"last_observed\":\"2017-01-01T00:00:00Z\",\"number_observed\":1,\"objects\":{"
	"\"0\":{\"type\":\"file\",\"name\":\"a\",\"created\":\"2017-01-01T00:00:00Z\",\"parent_directory_ref\":\"1\","
	"\"is_encrypted\":true,\"hashes\":{\"ssdeep\":\"3:a:b\"},\"extensions\":{\"archive-ext\":{\"contains_refs\":[\"3\"],\"version\":\"5\"}}},"
	"\"1\":{\"type\":\"directory\",\"path\":\"/tmp\",\"modified\":\"2017-01-01T00:00:00Z\"},"
	"\"2\":{\"type\":\"directory\",\"path\":\"/tmp\",\"path_enc\":\"utf-8\"},"
	"\"3\":{\"type\":\"file\",\"name\":\"b\"},"
	"\"4\":{\"type\":\"process\",\"pid\":1,\"name\":\"p\",\"binary_ref\":\"0\",\"child_refs\":[\"5\"]},"
	"\"5\":{\"type\":\"process\",\"pid\":2,\"parent_ref\":\"4\"},"
	"\"6\":{\"type\":\"network-traffic\",\"src_ref\":\"7\",\"protocols\":[\"tcp\"],\"extensions\":{\"http-request-ext\":{"
	"\"request_method\":\"get\",\"request_value\":\"/\",\"request_header\":{\"Host\":\"h\"}}}},"
	"\"7\":{\"type\":\"ipv4-addr\",\"value\":\"198.51.100.3\"}},"
	"\"object_marking_refs\":[\"" GREEN "\"],\"granular_markings\":[{\"marking_ref\":\"" RED "\","
	"\"selectors\":[\"objects.1.path\",\"objects.1\",\"first_observed\"]}]}";

static void test_observed(void)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct stix_upgraded up = { 0 }, again = { 0 };
	struct err err = { 0 };
	const struct json *v = parsed(a, S("[]")), *last;
	bool same = true;

	v = parsed(a, str_of(OBSERVED));
	OK(stix_upgrade(a, v, &up, &err) == RC_OK && stix_upgrade(a, v, &again, &err) == RC_OK, "upgraded %s", err.text);
	EQ_INT(up.n, 8, "seven different observables and the object itself");
	OK(has_change(&up, "observable-to-object") && has_change(&up, "objects-to-refs"), "told");
	for (size_t i = 0; i < up.n; i++) {
		const struct json *o = parsed(a, up.objects[i]);
		struct stix_verdict verdict;

		same = same && again.n == up.n && str_eq(up.objects[i], again.objects[i]);
		OK(stix_validate(o, NULL, NULL, NULL, &verdict, &err) == RC_OK, "object %zu is valid STIX 2.1: %.*s %s", i,
		   STR(json_get_str(o, S("type"))), verdict.musts ? err.text : "");
	}
	OK(same, "upgrading twice gives the same ids");
	OK(str_find(up.objects[1], S("\"path\":\"/tmp\",\"mtime\":\"2017-01-01T00:00:00Z\""), 0) != SIZE_MAX, "directory");
	OK(str_find(up.objects[1], S("\"object_marking_refs\":[\"" GREEN "\",\"" RED "\"]"), 0) != SIZE_MAX &&
	   str_find(up.objects[0], S("\"object_marking_refs\":[\"" GREEN "\"]"), 0) != SIZE_MAX, "markings go along");
	OK(str_find(up.objects[up.n - 1], S("{\"marking_ref\":\"" RED "\",\"selectors\":[\"object_refs\",\"first_observed\"]}"), 0) !=
	   SIZE_MAX, "selectors follow");
	last = parsed(a, up.objects[up.n - 1]);
	EQ_INT(json_get(last, S("object_refs"))->n, 7, "each is referred to once");
	OK(json_get(last, S("objects")) == NULL, "the container is gone");
	OK(str_find(up.objects[0], S("\"ctime\":"), 0) != SIZE_MAX && str_find(up.objects[0], S("x_stix20_is_encrypted"), 0) != SIZE_MAX &&
	   str_find(up.objects[0], S("SSDEEP"), 0) != SIZE_MAX && str_find(up.objects[0], S("x_stix20_version"), 0) != SIZE_MAX,
	   "renamed and kept");
	arena_free(a);
}

/* References that lead in a circle, or nowhere, or are no strings. */
static void test_odd(void)
{
	static const struct { const char *objects; enum rc rc; size_t n; } rows[] = {
		{ "{\"0\":{\"type\":\"file\",\"name\":\"a\",\"parent_directory_ref\":\"1\"},"
		  "\"1\":{\"type\":\"file\",\"name\":\"b\",\"parent_directory_ref\":\"0\"}}", RC_OK, 3 },
		{ "{\"0\":{\"type\":\"file\",\"name\":\"a\",\"parent_directory_ref\":\"0\"}}", RC_OK, 2 },
		{ "{\"0\":{\"type\":\"file\",\"name\":\"a\",\"parent_directory_ref\":\"9\"}}", RC_OK, 2 },
		{ "{\"0\":{\"type\":\"file\",\"name\":\"a\",\"contains_refs\":{\"k\":[[\"0\"]]}}}", RC_OK, 2 },
		{ "{\"0\":{\"type\":\"x-my-thing\",\"a_ref\":\"0\"}}", RC_OK, 2 },
		{ "{\"0\":{\"name\":\"a\"}}", RC_BAD, 0 }, { "{\"0\":[]}", RC_BAD, 0 }, { "{}", RC_BAD, 0 },
		{ "{\"0\":{\"type\":\"file\",\"name\":{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}}",
		  RC_OK, 2 },
	};
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct stix_upgraded up = { 0 };
		struct err err = { 0 };
		struct str text = arena_fmt(a, "%s\"objects\":%s}", HEAD("observed-data"), rows[i].objects);
		enum rc rc = stix_upgrade(a, parsed(a, text), &up, &err);

		OK(rc == rows[i].rc && up.n == rows[i].n, "row %zu: %zu objects %s", i, up.n, err.text);
		for (size_t k = 0; k < up.n; k++)
			(void)parsed(a, up.objects[k]);
		arena_reset(a);
	}
	OK(stix_upgrade(a, parsed(a, S("[]")), &(struct stix_upgraded){ 0 }, NULL) == RC_BAD, "no object");
	arena_free(a);
}

static void test_recognised(void)
{
	static const struct { const char *json; bool is_20; } rows[] = {
		{ "{\"type\":\"bundle\",\"id\":\"b\",\"spec_version\":\"2.0\",\"objects\":[]}", true },
		{ "{\"type\":\"bundle\",\"id\":\"b\",\"objects\":[{\"type\":\"tool\",\"id\":\"t\"}]}", true },
		{ "{\"type\":\"bundle\",\"id\":\"b\",\"objects\":[{\"type\":\"tool\",\"id\":\"t\",\"spec_version\":\"2.1\"}]}", false },
		{ "{\"type\":\"bundle\",\"id\":\"b\"}", false }, { "[]", false }, { "[{\"type\":\"tool\"}]", true }, { "7", false },
		{ "{\"type\":\"x-a\"}", false }, { "{\"type\":\"x-a\",\"created\":\"c\"}", true },
		{ "{\"type\":\"tool\",\"spec_version\":7}", false },
	};
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(stix_is_20(parsed(a, str_of(rows[i].json))) == rows[i].is_20, "row %zu tells its version", i);
	arena_free(a);
}

static void test_no_memory(void)
{
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	uint64_t n;

	for (n = 1; rc != RC_OK && n < 10000; n++) {
		struct arena *a = arena_new(ARENA_MAX);
		const struct json *v = NULL;
		struct stix_upgraded up;

		if (json_parse(a, str_of(OBSERVED), &JSON_LIMITS, &v, NULL) != RC_OK)
			break;
		mem_fail_at(n, 0);
		rc = stix_upgrade(a, v, &up, NULL);
		mem_fail_at(0, 0);
		arena_free(a);
		if (rc != RC_OK && rc != RC_NOMEM)
			break;
	}
	OK(rc == RC_OK && n > 5, "every allocation may fail (%u of them)", (unsigned)n);
	EQ_INT(mem_live(), before, "and nothing is lost");
}

/* Whatever is valid 2.0 becomes valid 2.1. */
static void test_reference_cases(void)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct str rest, line;
	struct buf data;
	unsigned n = 0, good = 0;

	buf_init(&data, ARENA_MAX);
	if (!data_read("stix/cases/validator_v20.jsonl", &data))
		SKIP("no stix/cases in LIANFANG_DATA or ../shared/data", "valid 2.0 becomes valid 2.1");
	for (rest = buf_view(&data); str_next(&rest, '\n', &line);) {
		const struct json *row, *object;
		struct stix_validate_opts as_20 = { .spec = STIX_SPEC_20 }, as_21 = { .spec = STIX_SPEC_21 };
		struct stix_upgraded up;
		struct err err = { 0 };

		arena_reset(a);
		if (json_parse(a, line, &JSON_LIMITS, &row, NULL) != RC_OK)
			continue;
		object = json_get(row, S("object"));
		if (!json_is(object, JSON_OBJECT) || str_eq(json_get_str(object, S("type")), S("bundle")) ||
		    stix_validate(object, &as_20, NULL, NULL, NULL, NULL) != RC_OK)
			continue;
		n++;
		if (stix_upgrade(a, object, &up, &err) == RC_OK) {
			bool all = true;

			for (size_t i = 0; i < up.n; i++) {
				const struct json *v;

				if (json_parse(a, up.objects[i], &JSON_LIMITS, &v, &err) != RC_OK ||
				    stix_validate(v, &as_21, NULL, NULL, NULL, &err) != RC_OK)
					all = false;
			}
			good += all;
		}
		if (err.text[0] != '\0')
			printf("# %.*s: %s\n", STR(json_get_str(row, S("test"))), err.text);
	}
	/* Three hold what 2.1 does not allow: twice a socket option, once a reserved name. */
	OK(good * 100 >= n * 98, "%u of %u valid 2.0 cases are valid 2.1 when upgraded", good, n);
	buf_done(&data);
	arena_free(a);
}

int main(void)
{
	test_single();
	test_observed();
	test_odd();
	test_recognised();
	test_no_memory();
	test_reference_cases();
	return tap_done();
}
