/* Log sources: the packs in the program read well, say what they should for the sources that matter most, and have a way
 * to recognise nearly every source that SigmaHQ's rules name. */
#include <sys/stat.h>

#include "base/mem.h"
#include "detect/material.h"
#include "detect/sigma_print.h"
#include "detect/taxonomy.h"
#include "tap.h"

static bool applies(struct str rule, struct str variant)
{
	return rule.n == 0 || str_eq_nocase(rule, variant);
}

static bool covers(const struct taxonomy_variant *v, const struct sigma_logsource *rule)
{
	return applies(rule->product, v->source.product) && applies(rule->category, v->source.category) &&
	       applies(rule->service, v->source.service);
}

static const struct taxonomy_variant *by_name(const struct taxonomy *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (str_eq(t->variants[i].name, str_of(name)))
			return &t->variants[i];
	return NULL;
}

static const struct {
	const char *name, *when, *maps;
} known[] = {
	{ "windows-process_creation-sysmon", "(Channel=\"Microsoft-Windows-Sysmon/Operational\" & EventID=#1)", "" },
	{ "windows-process_creation-security", "(Channel=\"Security\" & EventID=#4688)",
	  "Image=NewProcessName ParentImage=ParentProcessName ProcessId=NewProcessId ParentProcessId=ProcessId User=SubjectUserName "
	  "LogonId=SubjectLogonId IntegrityLevel=MandatoryLabel" },
	{ "windows-registry_event-sysmon", "(Channel=\"Microsoft-Windows-Sysmon/Operational\" & (EventID=#12 | EventID=#13 | EventID=#14))", "" },
	{ "windows-registry_add-sysmon", "(Channel=\"Microsoft-Windows-Sysmon/Operational\" & EventID=#12 & EventType=\"CreateKey\")", "" },
	{ "windows-registry_delete-sysmon", "(Channel=\"Microsoft-Windows-Sysmon/Operational\" & EventID=#12 & (EventType=\"DeleteKey\" | "
	  "EventType=\"DeleteValue\"))", "" },
	{ "windows-registry_set-sysmon", "(Channel=\"Microsoft-Windows-Sysmon/Operational\" & EventID=#13)", "" },
	{ "windows-ps_script-powershell", "((Channel=\"Microsoft-Windows-PowerShell/Operational\" | Channel=\"PowerShellCore/Operational\") & "
	  "EventID=#4104)", "" },
	{ "windows-antivirus-defender", "(Channel=\"Microsoft-Windows-Windows Defender/Operational\" & (EventID=#1006 | EventID=#1007 | "
	  "EventID=#1008 | EventID=#1009 | EventID=#1010 | EventID=#1011 | EventID=#1012 | EventID=#1017 | EventID=#1018 | EventID=#1019 | "
	  "EventID=#1115 | EventID=#1116))", "Signature=ThreatName Filename=Path" },
	{ "windows-system", "Channel=\"System\"", "" },
	{ "linux-sshd", "((appname=\"sshd\" | appname=\"sshd-session\") | (SYSLOG_IDENTIFIER=\"sshd\" | SYSLOG_IDENTIFIER=\"sshd-session\"))", "" },
	{ "zeek-http", "(_path=\"http\" | (trans_depth? & request_body_len?) | (trans_depth? & method?))", "c-uri=uri c-useragent=user_agent" },
	{ "zeek-conn", "(_path=\"conn\" | conn_state?)", "" },
	{ "zeek", "(_path? | _format=\"zeek\" | conn_state? | qtype_name? | (rejected? & AA?) | (trans_depth? & request_body_len?) | "
	  "(trans_depth? & method?) | (trans_depth? & tls?) | (timedout? & missing_bytes?) | (established? & resumed?) | certificate.version? | "
	  "(endpoint? & operation?) | (request_type=\"AS\" | request_type=\"TGS\") | cert_count? | action=\"SMB::\"* | share_type? | "
	  "server_nb_computer_name? | auth_attempts? | msg_types?)", "" },
	{ "aws-cloudtrail", "(eventSource=*\".amazonaws.com\" & eventVersion?)", "" },
};

static void test_known(const struct taxonomy *t)
{
	for (size_t i = 0; i < COUNTOF(known); i++) {
		const struct taxonomy_variant *v = by_name(t, known[i].name);
		struct buf b;

		if (!OK(v != NULL, "%s", known[i].name))
			continue;
		buf_init(&b, 1 << 16);
		print_node(&b, v->when);
		EQ_STR(buf_view(&b), str_of(known[i].when), "  when");
		buf_clear(&b);
		for (uint32_t m = 0; m < v->n_maps; m++)
			buf_fmt(&b, "%s%.*s=%.*s", m > 0 ? " " : "", STR(v->maps[m].rule), STR(v->maps[m].event));
		EQ_STR(buf_view(&b), str_of(known[i].maps), "  fields");
		buf_done(&b);
	}
}

static void test_coverage(const struct taxonomy *t, struct arena *a)
{
	static const char *const folders[] = { "sigma/rules", "sigma/rules-emerging-threats", "sigma/rules-threat-hunting",
		"sigma/rules-placeholder", "sigma/rules-compliance" };
	char paths[COUNTOF(folders)][4096];
	const char *list[COUNTOF(folders)];
	const struct sigma_set *set;
	uint32_t without = 0;
	struct err err;

	for (size_t i = 0; i < COUNTOF(folders); i++) {
		list[i] = paths[i];
		if (!material(folders[i], paths[i])) {
			SKIP("no sigma/ in LIANFANG_DATA or ../shared/data", "sources of SigmaHQ's rules");
			return;
		}
	}
	if (!OK(sigma_load(a, list, COUNTOF(list), NULL, &set, &err) == RC_OK, "SigmaHQ's rules"))
		return;
	for (uint32_t i = 0; i < set->n_rules; i++) {
		const struct sigma_rule *r = &set->rules[i];
		bool found = false;

		for (uint32_t v = 0; v < t->n && !found; v++)
			found = covers(&t->variants[v], &r->source);
		without += !found;
		if (!found)
			printf("# no variant: %.*s/%.*s/%.*s %.*s\n", STR(r->source.product), STR(r->source.category), STR(r->source.service), STR(r->file));
	}
	EQ_INT(without, 0, "rules whose source no event is recognised as");
}

static bool put(const char *folder, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/own.yml", folder);
	f = fopen(path, "w");
	return f != NULL && fputs(text, f) >= 0 && fclose(f) == 0;
}

static const struct {
	const char *name, *text, *err;
} bad[] = {
	{ "no list", "a: b\n", ":1: column 1: expected a list of variants" },
	{ "unknown key", "- {source: {product: x}, when: {a: b}, fiedls: {a: b}}\n", ":1: column 40: unknown key \"fiedls\"" },
	{ "no when", "- source: {product: x}\n", ":1: column 3: variant \"x\" does not say when an event is one" },
	{ "no source", "\n- {when: {a: b}}\n", ":2: column 3: a variant without a name and a source" },
	{ "broken YAML", "- {source: [\n", ":2: did not find expected node content while parsing a flow node" },
	{ "field is a list", "- {source: {product: x}, when: {a: b}, fields: {c: [d]}}\n", ":1: column 52: fields: expected the name of a field" },
};

static void test_own(struct arena *a)
{
	char folder[] = "/tmp/taxonomy-XXXXXX", path[200];
	const struct taxonomy *t, *plain;
	struct err err;

	if (!OK(mkdtemp(folder) != NULL && taxonomy_load(a, NULL, &plain, &err) == RC_OK, "folder"))
		return;
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		OK(put(folder, bad[i].text) && taxonomy_load(a, folder, &t, &err) == RC_BAD, "%s is refused", bad[i].name);
		EQ_STR(str_slice(str_of(err.text), strlen(folder) + 8, SIZE_MAX), str_of(bad[i].err), "  with its place");
	}
	OK(put(folder, "- {source: {product: windows, service: system}, when: {Channel: Sys}, fields: {a: b}}\n- {source: {product: own}, when: {x: y}}\n") &&
	   taxonomy_load(a, folder, &t, &err) == RC_OK, "a folder replaces by name and adds");
	EQ_INT(t->n, plain->n + 1, "  one more");
	EQ_INT(by_name(t, "windows-system")->n_maps, 1, "  one replaced");
	OK(by_name(t, "own") != NULL, "  its own");
	EQ_INT(taxonomy_load(a, "/nonexistent/folder", &t, &err), RC_NOTFOUND, "a folder that is not there");
	snprintf(path, sizeof path, "%s/own.yml", folder);
	(void)remove(path);
	(void)rmdir(folder);
}

static void test_assumed(struct arena *a, const struct taxonomy *t)
{
	static const struct { const char *text, *err; } wrong[] = {
		{ "", "an empty log source" },
		{ "linux", "\"linux\" is no part of a log source: expected product=, category= or service=" },
		{ "product=", "\"product=\" is no part of a log source: expected product=, category= or service=" },
		{ "product=a,vendor=b", "\"vendor=b\" is no part of a log source: expected product=, category= or service=" },
		{ "product=a,product=b", "\"product=b\": product is named twice" },
	};
	const struct taxonomy *with = NULL;
	struct sigma_logsource toaster = { S("toaster"), S(""), S("") };
	struct err err = { 0 };

	for (size_t i = 0; i < COUNTOF(wrong); i++) {
		OK(taxonomy_assume(a, t, str_of(wrong[i].text), &with, &err) == RC_BAD, "\"%s\" is refused", wrong[i].text);
		EQ_STR(str_of(err.text), str_of(wrong[i].err), "  with the reason");
	}
	if (!OK(taxonomy_assume(a, t, S("product=toaster"), &with, &err) == RC_OK, "a source that is assumed"))
		return;
	OK(with->n == t->n + 1 && with->variants[t->n].assumed && !with->all_sources, "  stands behind the others");
	OK(taxonomy_applies(&toaster, &with->variants[t->n]) && !taxonomy_knows(with, &toaster), "  and makes no source known");
}

static void test_memory(void)
{
	int64_t before = mem_live();
	bool done = false;

	for (uint64_t n = 1; n < 3000 && !done; n += n < 40 ? 1 : 37) {
		struct arena *a = arena_new((size_t)64 << 20);
		const struct taxonomy *t;
		struct err err;

		mem_fail_at(n, 0);
		done = a != NULL && taxonomy_load(a, NULL, &t, &err) == RC_OK;
		mem_fail_at(0, 0);
		arena_free(a);
	}
	OK(done, "each failed allocation is an error until none fails");
	EQ_INT(mem_live(), before, "nothing is left behind");
}

int main(void)
{
	struct arena *a = arena_new((size_t)256 << 20);
	const struct taxonomy *t = NULL;
	struct err err;
	uint32_t twice = 0;

	if (!OK(taxonomy_load(a, NULL, &t, &err) == RC_OK, "the packs in the program: %u variants", t == NULL ? 0 : t->n)) {
		printf("# %s\n", err.text);
		return tap_done();
	}
	for (uint32_t i = 0; i < t->n; i++)
		twice += by_name(t, t->variants[i].name.p) != &t->variants[i];
	EQ_INT(twice, 0, "names are unique");
	test_known(t);
	test_coverage(t, a);
	test_own(a);
	test_assumed(a, t);
	test_memory();
	arena_free(a);
	return tap_done();
}
