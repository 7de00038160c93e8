/* The lab from the caller's side: real zygote, real workers, archives made here. */
#include <fcntl.h>
#include <sys/mman.h>

#include "base/json.h"
#include "lab/lab.h"
#include "sys/file.h"
#include "tap.h"
#include "lab/zipmake.h"

#define MARK "MARK-of-the-lab-test-5512"
#define EICAR_A "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-"
#define EICAR_B "ANTIVIRUS-TEST-FILE!$H+H*"

static struct lab *lab;
static struct arena *a;

static int memfd_of(struct str bytes)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	if (fd < 0 || file_write_at(fd, 0, bytes, NULL) != RC_OK)
		return -1;
	return fd;
}

static bool run_with(struct lab *l, struct str bytes, struct str password, struct lab_report *r)
{
	CLEANUP(file_closep) int fd = memfd_of(bytes);
	struct lab_submission s = { .fd = fd, .path = S("sample"), .passwords = { password }, .n_passwords = password.n > 0, .tag = r };
	struct err err = { 0 };
	void *tag = NULL;

	if (lab_submit(l, &s, &err) != RC_OK || lab_next(l, a, 60 * USEC_PER_SEC, r, &tag, &err) != RC_OK) {
		printf("# %s\n", err.text);
		return false;
	}
	return tag == r;
}

static enum lab_verdict judge(struct str bytes, struct lab_report *r)
{
	memset(r, 0, sizeof *r);
	return run_with(lab, bytes, S(""), r) ? lab_verdict_of(r) : (enum lab_verdict)99;
}

static bool matched(const struct lab_report *r, const char *id)
{
	for (size_t i = 0; i < r->matches.n; i++)
		if (str_eq(r->matches.p[i].m.id, str_of(id)))
			return true;
	return false;
}

static bool unseen_for(const struct lab_report *r, const char *why)
{
	for (size_t i = 0; i < r->unseen.n; i++)
		if (str_find(r->unseen.p[i].why, str_of(why), 0) != SIZE_MAX)
			return true;
	return false;
}

/* --- verdicts --- */

static void plain_files(void)
{
	static const struct {
		const char *name;
		struct str bytes;
		enum lab_verdict verdict;
		const char *match;
	} rows[] = {
		{ "nothing at all", S(""), LAB_V_NO_FINDING, NULL },
		{ "a text", S("hello\n"), LAB_V_NO_FINDING, NULL },
		{ "EICAR", S(EICAR_A EICAR_B), LAB_V_MALICIOUS, "EICAR-Test-File" },
		{ "EICAR and white space", S(EICAR_A EICAR_B "\r\n \x1a"), LAB_V_MALICIOUS, "EICAR-Test-File" },
		{ "EICAR and something behind", S(EICAR_A EICAR_B "x"), LAB_V_NO_FINDING, NULL },
		{ "EICAR later in the file", S(" " EICAR_A EICAR_B), LAB_V_NO_FINDING, NULL },
		{ "the rule's mark", S("say " MARK " now"), LAB_V_MALICIOUS, "mark" },
		{ "a rule without a score", S("one doubtful word: perhaps-bad-4711"), LAB_V_SUSPICIOUS, "doubt" },
		{ "a digest on the bad list", S("known bad\n"), LAB_V_MALICIOUS, "Bad.Sample" },
		{ "a digest on the good list", S("known good\n"), LAB_V_KNOWN_GOOD, "good.list" },
		{ "a container that nothing opens", S("ITSF\3\0\0\0rest of it"), LAB_V_UNSUPPORTED, NULL },
		{ "a cut gzip", S("\x1f\x8b\x08\0\0\0\0\0\0\3\xcb\x48\xcd"), LAB_V_INCOMPLETE, NULL },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct lab_report r;
		enum lab_verdict v = judge(rows[i].bytes, &r);

		OK(v == rows[i].verdict, "%s: %s", rows[i].name, lab_verdict_name(v));
		OK(rows[i].match == NULL ? r.matches.n == 0 : matched(&r, rows[i].match), "%s: %zu matches", rows[i].name, r.matches.n);
		OK((v == LAB_V_NO_FINDING) <= (r.bytes_seen == r.bytes_total && r.bytes_total >= rows[i].bytes.n), "%s: its bytes are accounted for", rows[i].name);
	}
}

/* --- nests --- */

static struct buf nest(int levels)
{
	struct buf inner;

	buf_init(&inner, (size_t)1 << 24);
	buf_cstr(&inner, MARK);
	for (int i = 0; i < levels; i++) {
		struct zip_make z;

		zip_begin(&z);
		zip_add(&z, S("inner"), buf_view(&inner));
		zip_end(&z);
		buf_done(&inner);
		inner = z.out;
	}
	return inner;
}

static void nests(void)
{
	static const int levels[] = { 1, 5, 16, 17, 40, 63, 64, 65, 100 };

	for (size_t i = 0; i < COUNTOF(levels); i++) {
		struct buf b = nest(levels[i]);
		struct lab_report r;
		enum lab_verdict v = judge(buf_view(&b), &r);
		bool within = levels[i] <= LAB_DEPTH_MAX;

		OK(v == (within ? LAB_V_MALICIOUS : LAB_V_INCOMPLETE), "%d levels: %s", levels[i], lab_verdict_name(v));
		OK(r.n_children == (uint64_t)(within ? levels[i] : LAB_DEPTH_MAX), "%d levels: %llu children", levels[i], (unsigned long long)r.n_children);
		OK(within || unseen_for(&r, "deeper"), "%d levels: says why", levels[i]);
		OK(!within || (r.unseen.n == 0 && r.bytes_seen == r.bytes_total), "%d levels: all seen", levels[i]);
		buf_done(&b);
	}
}

static void many(void)
{
	struct zip_make z;
	struct lab_report r;
	char name[32], text[32];

	zip_begin(&z);
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(name, sizeof name, "f%05d", i), m = snprintf(text, sizeof text, "text %d", i);

		zip_add_as(&z, str_make(name, (size_t)n), str_make(name, (size_t)n), str_make(text, (size_t)m), true, 0);
	}
	zip_add(&z, S("last"), S(MARK));
	zip_end(&z);
	OK(judge(buf_view(&z.out), &r) == LAB_V_MALICIOUS && r.n_children == 20001, "the last of 20,001 members is found");
	OK(r.unseen.n == 0 && r.bytes_seen == r.bytes_total, "and all of them were seen");
	OK(r.left_out > 0 && r.children.n == LAB_SHOWN_MAX, "a thousand are shown, the rest counted");
	buf_done(&z.out);
}

/* 8^6 equal leaves cost one, 256 MiB of nothing stop early, and both say what they are. */
static void bombs(void)
{
	struct zip_make z;
	struct lab_report r;
	struct buf b, zeros;
	usec begun;

	buf_init(&b, (size_t)1 << 24);
	buf_cstr(&b, "leaf");
	for (int level = 0; level < 6; level++) {
		zip_begin(&z);
		for (int i = 0; i < 8; i++)
			zip_add(&z, str_make("abcdefgh" + i, 1), buf_view(&b));
		zip_end(&z);
		buf_done(&b);
		b = z.out;
	}
	begun = time_mono();
	OK(judge(buf_view(&b), &r) == LAB_V_NO_FINDING && r.bytes_seen == r.bytes_total, "262,144 equal leaves were seen");
	OK(time_mono() - begun < 2 * USEC_PER_SEC, "in little time");
	buf_done(&b);

	buf_init(&zeros, (size_t)1 << 28);
	while (zeros.n < (size_t)200 << 20 && buf_room(&zeros, (size_t)1 << 20) != NULL) {
		memset(zeros.p + zeros.n, 0, (size_t)1 << 20);
		buf_grew(&zeros, (size_t)1 << 20);
	}
	zip_begin(&z);
	zip_add(&z, S("zeros"), buf_view(&zeros));
	zip_end(&z);
	buf_done(&zeros);
	begun = time_mono();
	OK(judge(buf_view(&z.out), &r) == LAB_V_INCOMPLETE && unseen_for(&r, "bomb"), "200 MiB of zeros out of 200 KiB: a bomb");
	OK(r.bytes_seen < r.bytes_total, "not all of it counts as seen");
	OK(time_mono() - begun < 2 * USEC_PER_SEC, "stopped early");
	buf_done(&z.out);
}

/* --- what hides --- */

static void hiding(void)
{
	struct zip_make z;
	struct lab_report r;
	struct buf b;

	zip_begin(&z);
	zip_add_as(&z, S("local.txt"), S("listed.txt"), S("x"), false, 0);
	zip_end(&z);
	OK(judge(buf_view(&z.out), &r) == LAB_V_SUSPICIOUS && matched(&r, "zip.names-differ"), "two names for one member");
	buf_done(&z.out);

	zip_begin(&z);
	zip_add(&z, S("../../etc/passwd"), S("x"));
	zip_end(&z);
	OK(judge(buf_view(&z.out), &r) == LAB_V_SUSPICIOUS && matched(&r, "zip.leaves-folder"), "a name that leaves the folder");
	buf_done(&z.out);

	/* A member that the directory does not list: packed, so that no rule sees it in the raw bytes. */
	zip_begin(&z);
	zip_add(&z, S("hidden"), S(MARK MARK MARK));
	buf_clear(&z.directory);
	z.n = 0;
	zip_add(&z, S("shown"), S("harmless"));
	zip_end(&z);
	OK(judge(buf_view(&z.out), &r) == LAB_V_MALICIOUS && matched(&r, "mark"), "a member outside of the directory is found");
	buf_done(&z.out);

	buf_init(&b, (size_t)1 << 24);
	buf_cstr(&b, "MZ a program before the archive ");
	z.out = nest(1);
	buf_str(&b, buf_view(&z.out));
	buf_cstr(&b, "tail");
	OK(judge(buf_view(&b), &r) == LAB_V_MALICIOUS && matched(&r, "mark"), "an archive behind a program, with a tail");
	buf_done(&z.out);
	buf_done(&b);
}

static void locked(void)
{
	struct zip_make z;
	struct lab_report r;

	zip_begin(&z);
	zip_add_as(&z, S("locked"), S("locked"), S("0123456789abcdef which is no cipher text"), true, 1);
	zip_end(&z);
	OK(judge(buf_view(&z.out), &r) == LAB_V_INCOMPLETE && unseen_for(&r, "encrypted"), "an encrypted member is not seen, and said so");
	OK(r.unseen.n == 1 && r.unseen.p[0].length == 40 && r.unseen.p[0].path.n == 0, "with its place");
	buf_done(&z.out);
}

/* --- the report --- */

static void same_twice(void)
{
	struct buf b = nest(3), first, second;
	struct lab_report r;
	struct jsonw w;
	const struct json *v = NULL;
	static const char *const members[] = { "path", "sha256", "verdict", "bytes_total", "bytes_seen", "children", "unseen", "matches", "generation" };
	static const char *const of_match[] = { "kind", "id", "author", "path", "offset", "length" };

	buf_init(&first, (size_t)1 << 24);
	buf_init(&second, (size_t)1 << 24);
	(void)judge(buf_view(&b), &r);
	jsonw_init(&w, &first);
	lab_report_json(&r, &w);
	(void)judge(buf_view(&b), &r);
	jsonw_init(&w, &second);
	lab_report_json(&r, &w);
	OK(str_eq(buf_view(&first), buf_view(&second)), "same submission and generation, same bytes");
	OK(json_parse(a, buf_view(&first), &JSON_LIMITS, &v, NULL) == RC_OK, "the report is JSON");
	for (size_t i = 0; i < COUNTOF(members); i++)
		OK(json_get(v, str_of(members[i])) != NULL, "it has %s", members[i]);
	for (size_t i = 0; i < COUNTOF(of_match); i++)
		OK(json_get(json_item(json_get(v, S("matches")), 0), str_of(of_match[i])) != NULL, "a match has %s", of_match[i]);
	EQ_STR(json_get_str(json_item(json_get(v, S("matches")), 0), S("path")), S("sample//inner//inner//inner"), "and its path down");
	EQ_STR(json_get_str(json_item(json_get(v, S("matches")), 0), S("author")), S("A. Uthor"), "and its author");
	buf_done(&b);
	buf_done(&first);
	buf_done(&second);
}

static void refusals(void)
{
	static const char *const no_rules[] = { "/nonexistent.yar", NULL };
	struct lab_setup s = { .limits = LAB_LIMITS, .rules = no_rules };
	struct lab *l = NULL;
	struct err err = { 0 };

	OK(lab_open(&s, &l, &err) == RC_NOTFOUND && l == NULL, "rules that are not there: %s", err.text);
	s.rules = NULL;
	s.without = CELL_CALLS;
	OK(lab_open(&s, &l, &err) == RC_UNSUPPORTED && l == NULL, "without a list of calls nothing starts: %s", err.text);
	s.without = CELL_LIMITS;
	OK(lab_open(&s, &l, &err) == RC_UNSUPPORTED && l == NULL, "without limits neither");
	s.without = CELL_USER | CELL_UID;
	OK(geteuid() != 0 || lab_open(&s, &l, &err) == RC_UNSUPPORTED, "as root without a user name space neither");
	s.without = CELL_LANDLOCK | CELL_NET | CELL_MOUNT | CELL_PID | CELL_IPC;
	OK(lab_open(&s, &l, &err) == RC_OK, "without Landlock and name spaces it does");
	lab_close(l);
}

/* A worker that runs into its limit on memory says so, and the next one is served. */
static void little_memory(void)
{
	struct lab_setup s = { .limits = LAB_LIMITS };
	struct lab_report r;
	struct lab *l = NULL;
	struct zip_make z;
	struct buf b;

	buf_init(&b, (size_t)1 << 24);
	for (int i = 0; b.n < (size_t)4 << 20; i++)
		buf_fmt(&b, "%d times %d is %d\n", i, i, i * 7);
	zip_begin(&z);
	zip_add(&z, S("large"), buf_view(&b));
	zip_end(&z);
	s.limits.memory = (uint64_t)4 << 20;
	if (OK(lab_open(&s, &l, NULL) == RC_OK, "a lab with little memory")) {
		OK(run_with(l, buf_view(&z.out), S(""), &r) && lab_verdict_of(&r) == LAB_V_INCOMPLETE, "a worker that needs more says so");
		OK(r.unseen.n > 0 && r.unseen.p[0].why.n > 0, "and why: %.*s", STR(r.unseen.p[0].why));
		OK(run_with(l, S("x"), S(""), &r) && lab_verdict_of(&r) == LAB_V_NO_FINDING, "the next one is served");
	}
	lab_close(l);
	buf_done(&z.out);
	buf_done(&b);
}

static enum rc write_files(const char *dir, const char *rules[2], const char *bad[2], const char *good[2])
{
	static char paths[3][300];
	unsigned char sum[SHA256_LEN];
	struct buf b;

	snprintf(paths[0], sizeof paths[0], "%s/rules.yar", dir);
	snprintf(paths[1], sizeof paths[1], "%s/bad.list", dir);
	snprintf(paths[2], sizeof paths[2], "%s/good.list", dir);
	rules[0] = paths[0];
	bad[0] = paths[1];
	good[0] = paths[2];
	TRY(file_replace(paths[0], S("rule mark { meta: author = \"A. Uthor\" score = 90 strings: $m = \"" MARK "\" condition: $m }\n"
				     "rule doubt { strings: $d = \"perhaps-bad-4711\" condition: $d }\n"), 0600, NULL));
	buf_init(&b, 4096);
	hash_sha1(S("known bad\n"), sum);
	for (int i = 0; i < SHA1_LEN; i++)
		buf_fmt(&b, "%02x", sum[i]);
	buf_cstr(&b, ",Bad.Sample\n");
	TRY(file_replace(paths[1], buf_view(&b), 0600, NULL));
	buf_clear(&b);
	buf_cstr(&b, "# good ones\n");
	hash_sha256(S("known good\n"), sum);
	for (int i = 0; i < SHA256_LEN; i++)
		buf_fmt(&b, "%02x", sum[i]);
	buf_cstr(&b, "\n");
	TRY(file_replace(paths[2], buf_view(&b), 0600, NULL));
	buf_done(&b);
	return RC_OK;
}

int main(void)
{
	char dir[] = "/tmp/lab-scan-XXXXXX";
	const char *rules[2] = { NULL }, *bad[2] = { NULL }, *good[2] = { NULL };
	struct lab_setup s = { .rules = rules, .bad_hashes = bad, .good_hashes = good, .limits = LAB_LIMITS, .version = "test" };
	struct err err = { 0 };
	struct buf fences;

	a = arena_new((size_t)1 << 30);
	if (mkdtemp(dir) == NULL || write_files(dir, rules, bad, good) != RC_OK || lab_open(&s, &lab, &err) != RC_OK) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	buf_init(&fences, 4096);
	lab_describe(lab, &fences);
	printf("# %.*s\n", STR(buf_view(&fences)));
	OK(str_find(buf_view(&fences), S("seccomp("), 0) != SIZE_MAX, "active fences are told");
	plain_files();
	nests();
	many();
	bombs();
	hiding();
	locked();
	same_twice();
	lab_close(lab);
	refusals();
	little_memory();
	for (int i = 0; i < 3; i++)
		unlink(i == 0 ? rules[0] : i == 1 ? bad[0] : good[0]);
	rmdir(dir);
	buf_done(&fences);
	arena_free(a);
	return tap_done();
}
