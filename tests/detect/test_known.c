/* Bundles of indicators: which version counts, what is revoked, how widely each may be told. */
#include "detect/known.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "detect/indicator_json.h"
#include "stix/marking.h"
#include "tap.h"

#define ID "indicator--00000000-0000-4000-8000-00000000000"
#define CUSTOM "marking-definition--00000000-0000-4000-8000-0000000000a1"
#define AMBER2 "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
#define GREEN1 "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
#define INDICATOR(n, modified, more) "{\"type\":\"indicator\",\"id\":\"" ID #n "\",\"modified\":\"" modified "\",\"pattern_type\":\"stix\"," more "}"
#define NAME(n) "\"pattern\":\"[domain-name:value = 'd" #n ".example']\""
#define PROCESS "\"pattern\":\"[process:command_line LIKE '%evil%']\""
/* What a program of another maker writes for TLP:GREEN of its own id (STIX 2.1 section 7.2.1.4 in form). */
#define DEFINES "{\"type\":\"marking-definition\",\"id\":\"" CUSTOM "\",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"ours\"}}"

static char path[2][64];

static bool put(int k, const char *text)
{
	int fd;

	snprintf(path[k], sizeof path[k], "known-%d-%d.json", (int)getpid(), k);
	fd = open(path[k], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return false;
	return close(fd) == 0;
}

/* Level of what a domain meets: -1 nothing. */
static int met(const struct image *m, const char *domain)
{
	struct observable o = { OBS_DOMAIN, str_of(domain), S("f") };
	struct image_match match;
	char scratch[8192];
	struct str list;

	return image_lookup(m, &o, time_now(), &match, 1, scratch, sizeof scratch, &list) == 0 ? -1 : match.tlp;
}

static void test_bundles(void)
{
	static const struct {
		const char *name, *first, *second;
		int want;     /* of d1.example */
		unsigned in_force, refused;
	} rows[] = {
		{ "no marking", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1)), NULL, INDICATOR_TLP_NONE, 1, 0 },
		{ "TLP 2", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" AMBER2 "\"]"), NULL, TLP_AMBER, 1, 0 },
		{ "the strictest of two", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" GREEN1 "\",\"" AMBER2 "\"]"),
		  NULL, TLP_AMBER, 1, 0 },
		{ "a marking nobody defined", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" CUSTOM "\",\"" GREEN1 "\"]"),
		  NULL, TLP_RED, 1, 0 },
		{ "defined before", DEFINES "\n" INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" CUSTOM "\",\"" GREEN1 "\"]"),
		  NULL, TLP_GREEN, 1, 0 },
		{ "defined behind", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" CUSTOM "\",\"" GREEN1 "\"]") "\n" DEFINES,
		  NULL, TLP_GREEN, 1, 0 },
		{ "defined in another file", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" CUSTOM "\"]"), DEFINES,
		  INDICATOR_TLP_NONE, 1, 0 },
		{ "revoked", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"revoked\":true"), NULL, -1, 0, 0 },
		{ "revoked by a newer version", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1)) "\n" INDICATOR(1, "2026-01-02T00:00:00Z", NAME(1) ",\"revoked\":true"),
		  NULL, -1, 0, 0 },
		{ "the older version comes last", INDICATOR(1, "2026-01-02T00:00:00Z", NAME(1) ",\"revoked\":true") "\n" INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1)),
		  NULL, -1, 0, 0 },
		{ "the older version in another file", INDICATOR(1, "2026-01-02T00:00:00Z", NAME(2)), INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1)), -1, 1, 0 },
		{ "another language now", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1)),
		  "{\"type\":\"indicator\",\"id\":\"" ID "1\",\"modified\":\"2026-01-02T00:00:00Z\",\"pattern_type\":\"yara\",\"pattern\":\"rule x {}\"}", -1, 0, 1 },
		{ "an older one in another language", INDICATOR(1, "2026-01-02T00:00:00Z", NAME(1)),
		  "{\"type\":\"indicator\",\"id\":\"" ID "1\",\"modified\":\"2026-01-01T00:00:00Z\",\"pattern_type\":\"yara\",\"pattern\":\"rule x {}\"}",
		  INDICATOR_TLP_NONE, 1, 0 },
		{ "expired", INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"valid_until\":\"2026-01-02T00:00:00Z\""), NULL, -1, 1, 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const char *paths[] = { path[0], path[1] };
		struct known k = { 0 };
		struct err err = { 0 };

		if (!put(0, rows[i].first) || (rows[i].second != NULL && !put(1, rows[i].second)))
			continue;
		if (!OK(known_load(paths, rows[i].second != NULL ? 2 : 1, &k, &err) == RC_OK, "%s: read (%s)", rows[i].name, err.text))
			continue;
		EQ_INT(met(k.image, "d1.example"), rows[i].want, "  its level");
		EQ_INT((int64_t)k.indicators, rows[i].in_force, "  in force");
		EQ_INT((int64_t)k.refused, rows[i].refused, "  refused");
		known_done(&k);
	}
	unlink(path[0]);
	unlink(path[1]);
}

/* A pattern that becomes rules carries the same. */
static void test_pattern(void)
{
	struct arena *a = arena_new((size_t)16 << 20);
	const struct sigma_set none = { 0 }, *set = &none;
	const char *paths[] = { path[0] };
	struct known k = { 0 };
	struct err err = { 0 };

	OK(put(0, INDICATOR(1, "2026-01-01T00:00:00Z", PROCESS ",\"confidence\":85,\"object_marking_refs\":[\"" CUSTOM "\",\"" AMBER2 "\"]") "\n" DEFINES) &&
	   known_load(paths, 1, &k, &err) == RC_OK && stix_rules_join(k.patterns, a, &none, &set, &err) == RC_OK && set->n_rules == 1,
	   "a pattern is a rule (%s)", err.text);
	if (set->n_rules == 1) {
		EQ_INT(set->rules[0].indicator->tlp, TLP_AMBER, "its level, though its other marking is defined behind it");
		EQ_INT(set->rules[0].indicator->confidence, 85, "its confidence");
	}
	EQ_INT((int64_t)k.indicators, 1, "once");
	known_done(&k);
	unlink(path[0]);
	arena_free(a);
}

static void test_memory(void)
{
	const char *paths[] = { path[0] };
	int64_t before = mem_live();
	uint64_t n = 0;
	bool done = false;

	if (!put(0, INDICATOR(1, "2026-01-01T00:00:00Z", NAME(1) ",\"object_marking_refs\":[\"" CUSTOM "\"]") "\n" DEFINES))
		return;
	while (!done && n++ < 2000) {
		struct known k = { 0 };
		struct err err = { 0 };
		enum rc rc;

		mem_fail_at(n, 0);
		rc = known_load(paths, 1, &k, &err);
		mem_fail_at(0, 0);
		done = rc == RC_OK;
		if (!done && rc != RC_NOMEM)
			printf("# allocation %llu: %s\n", (unsigned long long)n, err.text);
		known_done(&k);
		if (mem_live() != before)
			break;
	}
	OK(done && mem_live() == before, "each failing allocation is told and leaks nothing (%llu)", (unsigned long long)n);
	unlink(path[0]);
}

int main(void)
{
	test_bundles();
	test_pattern();
	test_memory();
	return tap_done();
}
