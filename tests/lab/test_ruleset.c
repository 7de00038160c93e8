/* Generations of rules: what tests put off, who signed, what is live, and a lab that follows. */
#include "lab/ruleset.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "lab/lab.h"
#include "sys/file.h"
#include "tap.h"

static char base[] = "/tmp/lab-ruleset-XXXXXX", store[64], good[64], rules[64];

static const char *in(const char *folder, const char *name)
{
	static char path[4][4200];
	static unsigned k;

	snprintf(path[++k % 4], sizeof path[0], "%s/%s", folder, name);
	return path[k % 4];
}

static bool put(const char *folder, const char *name, struct str bytes)
{
	return file_replace(in(folder, name), bytes, 0600, NULL) == RC_OK;
}

static enum rc build(const char *text, const char *good_folder, uint64_t budget, struct ruleset *ret, struct err *err)
{
	const char *paths[] = { rules, NULL };
	struct ruleset_build b = { .store = store, .rules = paths, .good = good_folder, .budget_us_per_mib = budget, .worst_ms = RULESET_WORST };

	*ret = (struct ruleset){ 0 };
	*err = (struct err){ 0 };
	return put(base, "rules.yar", str_of(text)) ? ruleset_make(&b, ret, err) : RC_IO;
}

static const char *why_off(const struct ruleset *s, const char *name)
{
	for (size_t i = 0; i < s->n_off; i++)
		if (strcmp(s->off[i].name, name) == 0)
			return s->off[i].why;
	return "";
}

/* --- tests of a build --- */

#define RULES \
	"rule fine { meta: author = \"A\" strings: $s = \"needle in hay\" condition: $s }\n" \
	"rule false_alarm { strings: $s = \"honest words\" condition: $s }\n" \
	"private rule hidden { strings: $s = \"honest words\" condition: $s }\n" \
	"rule behind { condition: hidden }\n" \
	"rule relies { strings: $s = \"needle in hay\" condition: $s and not false_alarm }\n" \
	"rule note_only { meta: score = 10 strings: $s = \"honest words\" condition: $s }\n" \
	"rule slow { strings: $s = /a.*b.*c.*d.*e.*z/ condition: #s > 1000000 }\n"

static void builds(void)
{
	struct ruleset s;
	struct err err;

	if (!OK(build(RULES, good, 300, &s, &err) == RC_OK, "a generation is built %s", err.text))
		return;
	EQ_INT(s.number, 1, "it is the first");
	EQ_INT(s.rules, 7, "all its rules are in it");
	EQ_INT(s.good_files, 2, "the good files were counted");
	OK(strncmp(why_off(&s, "false_alarm"), "matches a known good file", 25) == 0, "a rule that matches a good file is off: %s", why_off(&s, "false_alarm"));
	OK(strncmp(why_off(&s, "behind"), "matches a known good file", 25) == 0, "also by a private rule that it refers to: %s", why_off(&s, "behind"));
	OK(strncmp(why_off(&s, "relies"), "refers to false_alarm", 21) == 0, "and one that refers to one that is off: %s", why_off(&s, "relies"));
	OK(why_off(&s, "slow")[0] != '\0', "a slow one is off: %s", why_off(&s, "slow"));
	OK(why_off(&s, "fine")[0] == '\0' && why_off(&s, "note_only")[0] == '\0', "others are on");
	OK(!s.live, "it is not live");
	ruleset_done(&s);
	OK(build("rule broken { condition: }", good, 300, &s, &err) == RC_BAD, "what does not compile is refused: %s", err.text);
	OK(build("global rule g { strings: $s = \"honest\" condition: $s }", good, 300, &s, &err) == RC_BAD, "a global rule that would be off is refused: %s", err.text);
	OK(build("rule two { strings: $s = \"second\" condition: $s }", NULL, RULESET_BUDGET, &s, &err) == RC_OK, "one without good files %s", err.text);
	EQ_INT(s.number, 2, "is the second");
	ruleset_done(&s);
}

/* --- live --- */

static uint32_t live(void)
{
	struct ruleset s = { 0 };
	uint32_t n = ruleset_open(store, &s, NULL) == RC_OK ? s.number : 0;

	ruleset_done(&s);
	return n;
}

static void publishes(void)
{
	uint32_t n = 0;
	struct err err = { 0 };

	EQ_INT(live(), 0, "nothing is live");
	OK(ruleset_rollback(store, &n, &err) == RC_NOTFOUND, "and there is nothing to go back to: %s", err.text);
	OK(ruleset_publish(store, 1, false, &err) == RC_OK, "the first is published");
	EQ_INT(live(), 1, "and live");
	OK(ruleset_publish(store, 2, false, &err) == RC_DENIED, "the second is refused: %s", err.text);
	OK(ruleset_publish(store, 2, true, &err) == RC_OK && live() == 2, "unless it is meant");
	OK(ruleset_publish(store, 9, true, &err) != RC_OK && live() == 2, "one that is not there is refused");
	OK(ruleset_rollback(store, &n, &err) == RC_OK && n == 1 && live() == 1, "back to the first");
	OK(ruleset_rollback(store, &n, &err) == RC_NOTFOUND && live() == 1, "and no further");
}

/* --- a lab that follows --- */

static int word(struct lab *l, const char *text, char *generation, size_t n)
{
	CLEANUP(file_closep) int fd = memfd_create("sample", MFD_CLOEXEC);
	struct lab_submission s = { .fd = fd, .path = S("sample") };
	struct arena *a = arena_new((size_t)16 << 20);
	struct lab_report r;
	int found = -1;
	void *tag;

	if (file_write_at(fd, 0, str_of(text), NULL) == RC_OK && lab_submit(l, &s, NULL) == RC_OK && lab_next(l, a, 60 * USEC_PER_SEC, &r, &tag, NULL) == RC_OK) {
		found = (int)r.matches.n;
		snprintf(generation, n, "%.*s", STR(r.generation));
	}
	arena_free(a);
	return found;
}

static void follows(void)
{
	const char *paths[] = { store, NULL };
	struct lab_setup setup = { .rules = paths, .only_rules = true, .limits = LAB_LIMITS, .version = "test" };
	char generation[64], first[64];
	uint32_t n;
	struct err err = { 0 };
	struct lab *l;

	if (!OK(lab_open(&setup, &l, &err) == RC_OK, "a lab takes the store as its rules %s", err.text))
		return;
	EQ_INT(word(l, "a needle in hay", first, sizeof first), 1, "rules that are on match, those that are off do not");
	OK(strncmp(first, "1-", 2) == 0, "the report names the generation: %s", first);
	EQ_INT(word(l, "second honest words", generation, sizeof generation), 1, "a note is left of what is off");
	OK(ruleset_publish(store, 2, true, &err) == RC_OK, "the second is published");
	EQ_INT(word(l, "second honest words", generation, sizeof generation), 1, "and is in force for the next file");
	OK(strncmp(generation, "2-", 2) == 0, "which says so: %s", generation);
	OK(ruleset_rollback(store, &n, &err) == RC_OK, "back");
	EQ_INT(word(l, "second needle in hay", generation, sizeof generation), 1, "and the first is in force");
	OK(strcmp(generation, first) == 0, "by the same name: %s", generation);
	OK(put(store, "live", S("2 1\n")) && put(in(store, "2"), "rules.yarac", S("YARA and no more")), "a generation is damaged and made live");
	EQ_INT(word(l, "a needle in hay", generation, sizeof generation), 1, "the lab stays with the one it has");
	OK(strcmp(generation, first) == 0, "and says so: %s", generation);
	lab_close(l);
	OK(lab_open(&setup, &l, &err) == RC_DENIED, "a new lab does not begin with it: %s", err.text);
}

static void refuses(void)
{
	struct ruleset s = { 0 };
	struct buf manifest;
	struct err err = { 0 };

	OK(file_read(in(store, "1/manifest"), 1 << 20, &manifest, &err) == RC_OK, "a manifest");
	buf_cstr(&manifest, "off 0 fine because\n");
	OK(put(in(store, "1"), "manifest", buf_view(&manifest)) && ruleset_open(in(store, "1"), &s, &err) == RC_DENIED, "that was changed is refused: %s", err.text);
	buf_done(&manifest);
}

static int gone(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

int main(void)
{
	if (mkdtemp(base) == NULL)
		return 1;
	snprintf(store, sizeof store, "%s/store", base);
	snprintf(good, sizeof good, "%s/good", base);
	snprintf(rules, sizeof rules, "%s/rules.yar", base);
	if (mkdir(good, 0700) != 0 || !put(good, "a", S("honest words")) || !put(good, "b", S("more")))
		return 1;
	builds();
	publishes();
	follows();
	refuses();
	nftw(base, gone, 16, FTW_PHYS | FTW_DEPTH);
	return tap_done();
}
