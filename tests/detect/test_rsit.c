#include "base/mem.h"
#include "detect/rsit.h"
#include "sys/file.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static struct str TAGS[8];

static struct rsit_match of_tags(const char *list)
{
	struct str rest = str_of(list), tag;
	struct rsit_match m = { .tags = TAGS, .confidence = 255 };

	while (str_next(&rest, ' ', &tag))
		TAGS[m.n_tags++] = tag;
	return m;
}

static const struct { const char *tags, *class, *type; } RULES[] = {
	{ "attack.t1566.001", "fraud", "phishing" },
	{ "attack.initial-access attack.t1566", "fraud", "phishing" },
	{ "attack.T1110.003", "intrusion-attempts", "brute-force" },
	{ "attack.execution attack.exfiltration", "information-content-security", "leak-of-confidential-information" },
	{ "attack.command-and-control", "malicious-code", "c2-server" },
	{ "attack.privilege_escalation", "intrusions", "privileged-account-compromise" },
	{ "attack.t1033", "information-gathering", "scanner" },
	{ "attack.t10331", "other", "undetermined" },
	{ "cve.2021-44228", "intrusion-attempts", "ids-alert" },
	{ "attack.impact attack.t1486", "malicious-code", "infected-system" },
	{ "", "other", "undetermined" },
};

static const struct { const char *type, *observable; uint8_t confidence; const char *class; uint8_t impact; } INDICATORS[] = {
	{ "malicious-activity", "domain-name", 90, "malicious-code", 3 }, { "compromised", "domain-name", 40, "intrusions", 2 },
	{ "", "file", 10, "malicious-code", 1 },                         { "malicious-activity", "email-addr", 255, "fraud", 0 },
	{ "unknown", "", 79, "other", 2 },
};

static void classes(const struct rsit *r)
{
	static const char *const zh[] = { "惡意內容", "惡意程式", "資訊蒐集", "入侵嘗試", "入侵攻擊", "服務阻斷", "資訊內容安全", "詐欺攻擊", "系統弱點", "其他", "測試" };
	const struct rsit_class *list;
	uint32_t n, older = 0;

	list = rsit_classes(r, &n);
	EQ_INT(n, COUNTOF(zh), "the ten classes, and test");
	for (uint32_t i = 0; i < n && i < COUNTOF(zh); i++) {
		bool first = true;

		EQ_STR(list[i].zh, str_of(zh[i]), "its name");
		for (uint32_t j = 0; j < i; j++)
			first = first && !str_eq(list[j].older, list[i].older);
		older += first;
	}
	EQ_INT(older, 8, "the eight classes of 2018");
	EQ_STR(rsit_class_of(r, S("intrusion-attempts"))->older_zh, S("入侵攻擊類"), "an older name");
	EQ_STR(rsit_type_of(r, S("malicious-code"), S("c2-server"))->zh, S("中繼站"), "a type's name");
	OK(rsit_class_of(r, S("x")) == NULL && rsit_type_of(r, S("fraud"), S("x")) == NULL && rsit_device_of(r, S("x")) == NULL, "unknown ones");
	EQ_STR(rsit_device_of(r, S("edr"))->zh, S("端點偵測及應變機制"), "a protection type");
}

static void rules(const struct rsit *r)
{
	const struct rsit_class *c;
	const struct rsit_type *t;

	for (size_t i = 0; i < COUNTOF(RULES); i++) {
		struct rsit_match m = of_tags(RULES[i].tags);

		rsit_of(r, &m, &c, &t);
		EQ_STR(c->id, str_of(RULES[i].class), RULES[i].tags);
		EQ_STR(t->id, str_of(RULES[i].type), "type");
	}
	for (size_t i = 0; i < COUNTOF(INDICATORS); i++) {
		struct str type = str_of(INDICATORS[i].type);
		struct rsit_match m = { .types = &type, .n_types = type.n > 0, .observable = str_of(INDICATORS[i].observable), .level = S(""),
					.confidence = INDICATORS[i].confidence };

		rsit_of(r, &m, &c, &t);
		EQ_STR(c->id, str_of(INDICATORS[i].class), "class of an indicator");
		EQ_INT(rsit_impact(r, &m), INDICATORS[i].impact, "its impact");
	}
	EQ_INT(rsit_impact(r, &(struct rsit_match){ .level = S("critical"), .confidence = 255 }), 4, "a critical rule");
	EQ_INT(rsit_impact(r, &(struct rsit_match){ .level = S("strange"), .confidence = 255 }), 0, "a level that nobody knows");
}

static void users_file(void)
{
	static const struct { const char *name, *text, *says; } bad[] = {
		{ "no list", "a: b\n", "expected a list" }, { "a class that is none", "- {tag: a, is: x/y}\n", "no class and type x/y" },
		{ "no slash", "- {tag: a, is: x}\n", "CLASS/TYPE" },    { "an impact that is none", "- {level: low, impact: 9}\n", "1 to 4" },
		{ "nothing to go by", "- {is: other/other}\n", "expected tag" },
	};
	char path[] = "/tmp/lianfang-rsit.XXXXXX";
	struct rsit_match m = of_tags("attack.t1566 own.tag");
	const struct rsit_class *c;
	const struct rsit_type *t;
	const struct rsit *r;
	struct err err = { 0 };
	int fd = mkstemp(path);

	close(fd);
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		struct arena *a = arena_new((size_t)16 << 20);

		OK(file_replace(path, str_of(bad[i].text), 0600, &err) == RC_OK && rsit_load(a, path, &r, &err) == RC_BAD &&
		   str_find(str_of(err.text), str_of(bad[i].says), 0) != SIZE_MAX && str_find(str_of(err.text), str_of(path), 0) != SIZE_MAX,
		   "%s: %s", bad[i].name, err.text);
		arena_free(a);
	}
	{
		struct arena *a = arena_new((size_t)16 << 20);

		OK(file_replace(path, S("- {tag: own.tag, is: test/test}\n"), 0600, &err) == RC_OK && rsit_load(a, path, &r, &err) == RC_OK, "a good one");
		rsit_of(r, &m, &c, &t);
		EQ_STR(c->id, S("test"), "goes before ours");
		arena_free(a);
	}
	unlink(path);
}

static void no_memory(void)
{
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	int n = 0;

	while (rc != RC_OK && ++n < 5000) {
		struct arena *a;
		const struct rsit *r;

		mem_fail_at((uint64_t)n, 0);
		a = arena_new((size_t)16 << 20);
		rc = a == NULL ? RC_NOMEM : rsit_load(a, NULL, &r, NULL);
		mem_fail_at(0, 0);
		arena_free(a);
		if (mem_live() != before)
			break;
	}
	OK(rc == RC_OK && n > 3 && mem_live() == before, "each allocation may fail: %d tries", n);
}

int main(void)
{
	struct arena *a = arena_new((size_t)16 << 20);
	const struct rsit *r;
	struct err err = { 0 };

	if (OK(a != NULL && rsit_load(a, NULL, &r, &err) == RC_OK, "the packs in the program: %s", err.text)) {
		classes(r);
		rules(r);
	}
	arena_free(a);
	users_file();
	no_memory();
	return tap_done();
}
