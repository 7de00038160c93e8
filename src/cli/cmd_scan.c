/* Files to the lab, offline: no node, no network, no account. Reports come back in the order in which workers end and are printed in
 * the order in which files were met, so that the same folder prints the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "lab/citizen.h"
#include "lab/clamd.h"
#include "lab/lab.h"
#include "lab/report_stix.h"
#include "sys/file.h"

#define PATHS_MAX 16
#define REPORT_ARENA ((size_t)256 << 20)
#define STDIN_MAX ((uint64_t)4 << 30)
#define FOLDERS_DEEP 256
#define PATH_BYTES 4096
#define SHOWN_MATCHES 20
#define HELD_MAX 1024                     /* reports that wait for one in front of them */
#define BUNDLE_FILE ((int64_t)2 << 20)    /* files of up to this size go to a worker together, under rules alone */
#define BUNDLE_BYTES ((uint64_t)16 << 20)
#define SHOWN_UNSEEN 5

static const struct cli_opt scan_opts[] = {
	{ "yara", 'y', "RULES", { "a file or folder of YARA rules, compiled rules, or a store of generations (ruleset build)", "YARA 規則檔、資料夾、已編譯規則或規則庫（ruleset build）" }, true },
	{ "only-rules", 0, NULL, { "rules on the raw files and nothing else, as the yara program", "僅以規則比對原始檔案，如同 yara 程式" }, false },
	{ "bad", 0, "LIST", { "digests of bad files: SHA-256, SHA-1 or MD5, one a line, a name behind", "惡意檔案雜湊清單" }, true },
	{ "good", 0, "LIST", { "digests of known good files", "已知良好檔案雜湊清單" }, true },
	{ "clamd", 0, "SOCKET", { "also ask the clamd at this socket (ClamAV), as /run/clamav/clamd.ctl", "併詢問此通訊端之 clamd（ClamAV），如 /run/clamav/clamd.ctl" }, false },
	{ "password", 'p', "WORD", { "may open an encrypted archive", "嘗試開啟加密壓縮檔的密碼" }, true },
	{ "jobs", 'j', "N", { "files at once (one a processor)", "同時檢測檔案數（預設為處理器數）" }, false },
	{ "seconds", 0, "N", { "for one file (30)", "單一檔案時限（30 秒）" }, false },
	{ "found", 0, NULL, { "leave out files of verdict no-finding and known-good", "不列 no-finding 與 known-good 的檔案" }, false },
	{ "citizen", 0, NULL, { "say it in words for everybody: what was found, what was not seen, what to do, whom to tell", "以一般人看得懂的話說明：發現什麼、未檢視什麼、該怎麼做、向誰通報" }, false },
	{ "stix", 0, NULL, { "one STIX 2.1 bundle a file", "每個檔案輸出一份 STIX 2.1 bundle" }, false },
	{ "tlp", 0, "LEVEL", { "marking of what --stix writes (TLP:AMBER)", "--stix 輸出的分享標示（TLP:AMBER）" }, false },
	{ "fences", 0, NULL, { "say on standard error what keeps the workers in", "於標準錯誤列出生效中的隔離" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const scan_examples[] = {
	"a file", "lianfang scan attachment.zip",
	"a folder with rules, for a program", "lianfang scan --json --yara rules/ /srv/samples",
	"for a person, in Chinese", "lianfang scan --citizen --lang zh attachment.zip",
	"for a threat intelligence platform", "lianfang scan --stix --tlp green attachment.zip > bundle.json",
	"from a pipe", "curl -s https://example/x | lianfang scan -",
	"and what ClamAV says", "lianfang scan --clamd /run/clamav/clamd.ctl attachment.zip",
	"as yara -r -s rules.yar folder", "lianfang scan --yara rules.yar --only-rules --json folder", NULL,
};

struct held {
	bool busy, done;
	struct arena *a;
	struct lab_report report;
	struct clamd_says clamd;
};

/* Small files of a folder that go to one worker: with nothing but rules to run, a worker for each would cost more than the rules. */
struct bundle {
	int fd; /* -1: none is begun */
	uint64_t bytes;
	struct lab_piece parts[LAB_PARTS_MAX];
	char *paths[LAB_PARTS_MAX];
	size_t n;
};

struct scan {
	const struct cli *c;
	struct lab *lab;
	struct held held[HELD_MAX];
	struct bundle bundle;
	const char *clamd; /* its socket, or NULL */
	usec clamd_timeout;
	uint64_t handed, printed; /* files in, reports out */
	size_t jobs;
	uint64_t by_verdict[LAB_V_MALICIOUS + 1];
	bool trouble, only_rules, only_found, progress, citizen, stix;
	enum tlp tlp;
	usec last_shown;
};

/* --- printing --- */

static const char *verdict_word(const struct cli *c, enum lab_verdict v)
{
	static const char *const zh[] = { "未發現", "已知良好", "不支援", "未完整檢視", "可疑", "惡意" };

	return c->zh ? zh[v] : lab_verdict_name(v);
}

static void put_where(struct buf *b, const struct lab_report *r, struct str path)
{
	utf8_visible(b, r->path);
	if (path.n > 0) {
		buf_cstr(b, "//");
		utf8_visible(b, path);
	}
}

static void put_matches(const struct cli *c, const struct lab_report *r, struct buf *b)
{
	for (size_t i = 0; i < r->matches.n && i < SHOWN_MATCHES; i++) {
		const struct lab_report_match *m = &r->matches.p[i];

		buf_cstr(b, "  ");
		utf8_visible(b, m->m.id);
		if (m->m.part.n > 0) {
			buf_char(b, ' ');
			utf8_visible(b, m->m.part);
		}
		buf_fmt(b, c->zh ? "，位置 %llu，" : " at %llu in ", (unsigned long long)m->m.at);
		put_where(b, r, m->path);
		if (m->m.author.n > 0) {
			buf_cstr(b, c->zh ? "（作者 " : " (by ");
			utf8_visible(b, m->m.author);
			buf_cstr(b, c->zh ? "）" : ")");
		}
		if (m->m.why.n > 0) {
			buf_cstr(b, ": ");
			utf8_visible(b, m->m.why);
		}
		buf_char(b, '\n');
	}
	if (r->matches.n > SHOWN_MATCHES)
		buf_fmt(b, c->zh ? "  另有 %zu 筆\n" : "  and %zu more\n", r->matches.n - SHOWN_MATCHES);
}

static void put_unseen(const struct cli *c, const struct lab_report *r, struct buf *b)
{
	for (size_t i = 0; i < r->unseen.n && i < SHOWN_UNSEEN; i++) {
		const struct lab_report_unseen *u = &r->unseen.p[i];

		buf_fmt(b, c->zh ? "  未檢視 %llu 位元組，位置 %llu，" : "  not seen: %llu bytes at %llu of ", (unsigned long long)u->length, (unsigned long long)u->at);
		put_where(b, r, u->path);
		buf_cstr(b, ": ");
		utf8_visible(b, u->why);
		buf_char(b, '\n');
	}
	if (r->unseen.n > SHOWN_UNSEEN)
		buf_fmt(b, c->zh ? "  另有 %zu 處\n" : "  and %zu more places\n", r->unseen.n - SHOWN_UNSEEN);
}

/* As the yara program: a line a rule. */
static void put_rules(const struct lab_report *r, struct buf *b)
{
	for (size_t i = 0; i < r->matches.n; i++) {
		const struct lab_report_match *m = &r->matches.p[i];

		if (i == 0 || !str_eq(m->m.id, m[-1].m.id)) {
			buf_str(b, m->m.id);
			buf_char(b, ' ');
			utf8_visible(b, r->path);
			buf_char(b, '\n');
		}
	}
}

static enum rc put_stix(const struct scan *s, const struct lab_report *r, struct buf *b, struct err *err)
{
	struct lab_stix_how how = { .creator = S(""), .tlp = s->tlp };

	return lab_stix_bundle(r->a, r, &how, b, err);
}

static enum rc put_citizen(const struct scan *s, const struct lab_report *r, struct buf *b, struct err *err)
{
	struct lab_citizen words;

	TRY(lab_citizen_say(r->a, r, s->c->zh, &words, err));
	lab_citizen_text(&words, b);
	return RC_OK;
}

static enum rc put_report(struct scan *s, const struct lab_report *r, enum lab_verdict v, struct buf *b, struct err *err)
{
	struct jsonw w;

	if (s->stix)
		return put_stix(s, r, b, err);
	if (s->c->json) {
		jsonw_init(&w, b);
		lab_report_json(r, &w);
		return RC_OK;
	}
	if (s->only_rules) {
		put_rules(r, b);
		return RC_OK;
	}
	if (s->citizen)
		return put_citizen(s, r, b, err);
	put_where(b, r, S(""));
	buf_fmt(b, ": %s\n", verdict_word(s->c, v));
	put_matches(s->c, r, b);
	put_unseen(s->c, r, b);
	buf_cut(b, b->n - 1); /* cli_print ends the line */
	return RC_OK;
}

static enum rc print_report(struct scan *s, const struct lab_report *r, struct err *err)
{
	enum lab_verdict v = lab_verdict_of(r);
	struct buf b;
	enum rc rc = RC_OK;

	s->by_verdict[v]++;
	if (s->only_found && v <= LAB_V_KNOWN_GOOD)
		return RC_OK;
	buf_init(&b, (size_t)1 << 30);
	rc = put_report(s, r, v, &b, err);
	if (rc == RC_OK && b.bad != RC_OK)
		rc = FAIL(err, b.bad, "scan: the report is too long");
	else if (rc == RC_OK && b.n > 0 && !(s->only_rules && !s->c->json) && cli_print(&b) != CLI_OK)
		rc = FAIL(err, RC_IO, "scan: standard output is gone");
	else if (rc == RC_OK && s->only_rules && !s->c->json)
		(void)!fwrite(b.p == NULL ? "" : b.p, 1, b.n, stdout);
	buf_done(&b);
	return rc;
}

static void show_progress(struct scan *s)
{
	usec now = time_mono();

	if (!s->progress || now - s->last_shown < USEC_PER_SEC / 4)
		return;
	s->last_shown = now;
	fprintf(stderr, s->c->zh ? "\r已檢測 %llu 個檔案" : "\r%llu files", (unsigned long long)s->printed);
}

/* --- in and out --- */

static enum rc print_in_order(struct scan *s, struct err *err)
{
	struct held *h;
	enum rc rc = RC_OK;

	while (rc == RC_OK && s->printed < s->handed && (h = &s->held[s->printed % HELD_MAX])->done) {
		rc = print_report(s, &h->report, err);
		arena_free(h->a);
		*h = (struct held){ 0 };
		s->printed++;
		show_progress(s);
	}
	return rc;
}

/* Waits for one more report. */
static enum rc take_one(struct scan *s, struct err *err)
{
	struct arena *a = arena_new(REPORT_ARENA);
	struct lab_report r;
	struct held *h;
	void *tag;
	enum rc rc = a == NULL ? FAIL(err, RC_NOMEM, "scan: out of memory") : RC_BUSY;

	while (rc == RC_BUSY) {
		show_progress(s);
		rc = lab_next(s->lab, a, USEC_PER_SEC, &r, &tag, err);
	}
	if (rc != RC_OK) {
		arena_free(a);
		return rc;
	}
	h = tag;
	clamd_tell(&h->clamd, &r);
	*h = (struct held){ .busy = true, .done = true, .a = a, .report = r };
	return print_in_order(s, err);
}

static enum rc hand_in(struct scan *s, struct lab_submission *sub, struct err *err)
{
	const char *word;
	enum rc rc;

	while (lab_under_way(s->lab) >= s->jobs)
		TRY(take_one(s, err));
	while (sub->n_passwords < LAB_PASSWORDS_MAX && (word = cli_get_nth(s->c, "password", (int)sub->n_passwords)) != NULL)
		sub->passwords[sub->n_passwords++] = str_of(word);
	while ((rc = lab_submit(s->lab, sub, err)) == RC_LIMIT && lab_under_way(s->lab) > 0)
		TRY(take_one(s, err));
	return rc;
}

static enum rc flush_bundle(struct scan *s, struct err *err)
{
	struct bundle *b = &s->bundle;
	struct lab_submission sub = { .fd = b->fd, .parts = b->parts, .n_parts = b->n };
	enum rc rc = b->n == 0 ? RC_OK : hand_in(s, &sub, err);

	for (size_t i = 0; i < b->n; i++)
		mem_free(b->paths[i]);
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->n = 0;
	b->bytes = 0;
	return rc;
}

/* The place of the next report. */
static enum rc next_place(struct scan *s, struct held **ret, struct err *err)
{
	struct held *h = &s->held[s->handed % HELD_MAX];

	if (h->busy)
		TRY(flush_bundle(s, err));
	while (h->busy)
		TRY(take_one(s, err));
	h->busy = true;
	s->handed++;
	*ret = h;
	return RC_OK;
}

static enum rc submit(struct scan *s, int fd, const char *path, struct err *err)
{
	struct lab_submission sub = { .fd = fd, .path = str_of(path) };
	struct held *h;
	struct stat st;

	TRY(next_place(s, &h, err));
	sub.tag = h;
	TRY(hand_in(s, &sub, err));
	/* While the worker inspects it; not from within its fence, and not with its eyes. */
	if (s->clamd != NULL && fstat(fd, &st) == 0)
		clamd_ask(s->clamd, fd, (uint64_t)st.st_size, s->clamd_timeout, &h->clamd);
	return RC_OK;
}

/* Appends what the file holds now: whoever changes it meanwhile changes what is inspected, and nothing else. */
static enum rc append(struct bundle *b, int fd, uint64_t *ret_size, struct err *err)
{
	char piece[65536];
	uint64_t at = b->bytes + LAB_PART_BYTES;
	struct buf head;
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FAIL(err, RC_IO, "%m");
		TRY(file_write_at(b->fd, at, str_make(piece, (size_t)n), err));
		at += (uint64_t)n;
		if (at > 2 * BUNDLE_BYTES)
			return FAIL(err, RC_LIMIT, "grows while it is read");
	}
	*ret_size = at - b->bytes - LAB_PART_BYTES;
	buf_init(&head, LAB_PART_BYTES);
	buf_le64(&head, *ret_size);
	TRY(file_write_at(b->fd, b->bytes, buf_view(&head), err));
	buf_done(&head);
	b->bytes = at;
	return RC_OK;
}

static enum rc bundle_up(struct scan *s, int fd, const char *path, struct err *err)
{
	struct bundle *b = &s->bundle;
	char *copy = mem_strdup(path);
	struct held *h = NULL;
	uint64_t size = 0;
	enum rc rc = copy == NULL ? FAIL(err, RC_NOMEM, "scan: out of memory") : next_place(s, &h, err);

	if (rc == RC_OK && b->fd < 0) {
		b->fd = memfd_create("bundle", MFD_CLOEXEC);
		rc = b->fd < 0 ? FAIL(err, RC_IO, "scan: %m") : RC_OK;
	}
	/* One that cannot be copied goes alone: the lab says what is wrong with it. */
	if (rc == RC_OK && append(b, fd, &size, err) != RC_OK) {
		struct lab_submission sub = { .fd = fd, .path = str_of(path), .tag = h };

		mem_free(copy);
		return hand_in(s, &sub, err);
	}
	if (rc != RC_OK) {
		mem_free(copy);
		return rc;
	}
	b->parts[b->n] = (struct lab_piece){ .path = str_of(copy), .size = size, .tag = h };
	b->paths[b->n++] = copy;
	return b->n == LAB_PARTS_MAX || b->bytes >= BUNDLE_BYTES ? flush_bundle(s, err) : RC_OK;
}

/* One file that cannot be read is told and does not end the rest. */
static void tell(struct scan *s, const char *path, const char *why)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	utf8_visible(&b, str_of(path));
	fprintf(stderr, "lianfang: scan: %.*s: %s\n", STR(buf_view(&b)), why);
	buf_done(&b);
	s->trouble = true;
}

static enum rc scan_file(struct scan *s, const char *path, struct err *err)
{
	CLEANUP(file_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		tell(s, path, strerrordesc_np(errno));
		return RC_OK;
	}
	if (!S_ISREG(st.st_mode)) {
		tell(s, path, s->c->zh ? "不是一般檔案" : "is no regular file");
		return RC_OK;
	}
	return s->only_rules && st.st_size <= BUNDLE_FILE ? bundle_up(s, fd, path, err) : submit(s, fd, path, err);
}

static int is_other(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static enum rc scan_folder(struct scan *s, const char *path, int depth, struct err *err);

/* Symbolic links inside a folder are not followed: what they lead to is met where it lies, or is none of this folder's. */
static enum rc scan_inside(struct scan *s, const char *path, int depth, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		tell(s, path, strerrordesc_np(errno));
		return RC_OK;
	}
	if (S_ISDIR(st.st_mode))
		return scan_folder(s, path, depth + 1, err);
	return S_ISREG(st.st_mode) ? scan_file(s, path, err) : RC_OK;
}

static enum rc scan_folder(struct scan *s, const char *path, int depth, struct err *err)
{
	struct dirent **list;
	int n = depth > FOLDERS_DEEP ? -1 : scandir(path, &list, is_other, alphasort);
	enum rc rc = RC_OK;

	if (n < 0) {
		tell(s, path, depth > FOLDERS_DEEP ? "folders are nested too deep" : strerrordesc_np(errno));
		return RC_OK;
	}
	for (int i = 0; i < n; i++) {
		char inside[PATH_BYTES];
		const char *slash = str_ends(str_of(path), S("/")) ? "" : "/";

		if (rc == RC_OK && snprintf(inside, sizeof inside, "%s%s%s", path, slash, list[i]->d_name) < (int)sizeof inside)
			rc = scan_inside(s, inside, depth, err);
		free(list[i]);
	}
	free(list);
	return rc;
}

static enum rc scan_stdin(struct scan *s, struct err *err)
{
	CLEANUP(file_closep) int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t all = 0;
	char piece[65536];
	ssize_t n;

	if (fd < 0)
		return FAIL(err, RC_IO, "scan: %m");
	while ((n = read(STDIN_FILENO, piece, sizeof piece)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FAIL(err, RC_IO, "standard input: %m");
		all += (uint64_t)n;
		if (all > STDIN_MAX)
			return FAIL(err, RC_LIMIT, "standard input: more than %llu bytes", (unsigned long long)STDIN_MAX);
		TRY(file_write_at(fd, all - (uint64_t)n, str_make(piece, (size_t)n), err));
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		return FAIL(err, RC_IO, "scan: %m");
	return submit(s, fd, "-", err);
}

static enum rc scan_all(struct scan *s, struct err *err)
{
	for (int i = 0; i < s->c->n_operands; i++) {
		const char *path = s->c->operands[i];
		struct stat st;

		if (strcmp(path, "-") == 0)
			TRY(scan_stdin(s, err));
		else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			TRY(scan_folder(s, path, 0, err));
		else
			TRY(scan_file(s, path, err));
	}
	TRY(flush_bundle(s, err));
	while (lab_under_way(s->lab) > 0)
		TRY(take_one(s, err));
	return RC_OK;
}

/* --- the command --- */

static const char *const *paths_of(const struct cli *c, const char *name, const char *list[PATHS_MAX + 1])
{
	int n = 0;

	while (n < PATHS_MAX && cli_get_nth(c, name, n) != NULL) {
		list[n] = cli_get_nth(c, name, n);
		n++;
	}
	list[n] = NULL;
	return list;
}

static void tell_fences(struct scan *s)
{
	struct buf b;

	buf_init(&b, 4096);
	lab_describe(s->lab, &b);
	fprintf(stderr, "lianfang: scan: %.*s\n", STR(buf_view(&b)));
	buf_done(&b);
}

static void tell_sum(const struct scan *s)
{
	if (s->progress)
		fprintf(stderr, "\r\033[K");
	if (s->c->json || s->only_rules || s->handed < 2)
		return;
	fprintf(stderr, s->c->zh ? "%llu 個檔案" : "%llu files", (unsigned long long)s->handed);
	for (int v = LAB_V_MALICIOUS; v >= 0; v--)
		if (s->by_verdict[v] > 0)
			fprintf(stderr, ", %s %llu", verdict_word(s->c, (enum lab_verdict)v), (unsigned long long)s->by_verdict[v]);
	fputc('\n', stderr);
}

/* 1: something was found. 2: not, and something was not wholly inspected or could not be read. */
static int status_of(const struct scan *s)
{
	if (s->by_verdict[LAB_V_MALICIOUS] + s->by_verdict[LAB_V_SUSPICIOUS] > 0)
		return CLI_NO;
	return s->trouble || s->by_verdict[LAB_V_INCOMPLETE] + s->by_verdict[LAB_V_UNSUPPORTED] > 0 ? CLI_ERROR : CLI_OK;
}

static int scan_run(struct cli *c)
{
	const char *rules[PATHS_MAX + 1], *bad[PATHS_MAX + 1], *good[PATHS_MAX + 1];
	struct lab_setup setup = { .rules = paths_of(c, "yara", rules), .bad_hashes = paths_of(c, "bad", bad), .good_hashes = paths_of(c, "good", good),
				   .only_rules = cli_has(c, "only-rules"), .limits = LAB_LIMITS, .version = LIANFANG_VERSION };
	struct scan s = { .c = c, .bundle = { .fd = -1 }, .only_rules = setup.only_rules, .only_found = cli_has(c, "found"), .progress = isatty(STDERR_FILENO) == 1,
			  .citizen = cli_has(c, "citizen"), .stix = cli_has(c, "stix"), .tlp = TLP_AMBER };
	int64_t jobs, seconds;
	struct err err;
	enum rc rc;

	if (!cli_get_int(c, "jobs", sysconf(_SC_NPROCESSORS_ONLN), 1, LAB_AT_ONCE, &jobs) || !cli_get_int(c, "seconds", setup.limits.seconds, 1, 3600, &seconds))
		return CLI_ERROR;
	if (s.only_rules && rules[0] == NULL)
		return cli_failf(c, c->zh ? "--only-rules 需要 --yara" : "--only-rules: expected --yara with it");
	if (s.only_rules && (s.citizen || s.stix))
		return cli_failf(c, c->zh ? "--only-rules 不能與 --citizen、--stix 並用" : "--only-rules: neither --citizen nor --stix goes with it");
	if (cli_has(c, "tlp") && !tlp_parse(str_of(cli_get(c, "tlp", "")), &s.tlp))
		return cli_failf(c, c->zh ? "--tlp：應為 clear、green、amber、amber+strict 或 red" : "--tlp: expected clear, green, amber, amber+strict or red");
	if (s.only_rules && cli_has(c, "clamd"))
		return cli_failf(c, c->zh ? "--only-rules 不能與 --clamd 並用" : "--only-rules: --clamd does not go with it");
	s.clamd = cli_get(c, "clamd", NULL);
	s.clamd_timeout = seconds * USEC_PER_SEC;
	setup.limits.seconds = (uint32_t)seconds;
	if (s.only_rules)
		setup.limits.output = (uint64_t)256 << 20;
	s.jobs = (size_t)jobs;
	rc = lab_open(&setup, &s.lab, &err);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (cli_has(c, "fences"))
		tell_fences(&s);
	rc = scan_all(&s, &err);
	for (size_t i = 0; i < HELD_MAX; i++)
		arena_free(s.held[i].a);
	lab_close(s.lab);
	tell_sum(&s);
	return rc == RC_OK ? status_of(&s) : cli_fail(c, &err);
}

const struct cli_cmd CMD_SCAN = {
	"scan", { "inspect files: verdict with reasons, offline", "檢測檔案：離線判定並說明理由" }, "FILE|FOLDER|-...",
	{ "Each file is inspected, with all that is packed in it, by a worker process of its own that can reach nothing: no file, no network.\n"
	  "Verdicts: malicious, suspicious, known-good, no-finding, incomplete, unsupported. no-finding is said only when every byte of\n"
	  "every part was seen; else the verdict is incomplete and says what was not. Nothing is ever executed or sent anywhere.\n"
	  "\n"
	  "Folders are searched to their depths; symbolic links in them are not followed. With --json one object a file and line: path, sha256,\n"
	  "verdict, bytes_total, bytes_seen, children, unseen, matches, facts, tree, generation. A part is called FILE//part//part.\n"
	  "--citizen says the same to people, --stix writes a bundle: file, malware-analysis, malware, indicators of what is malicious, note of what\n"
	  "was not seen; the same file and generation give the same bytes and ids.\n"
	  "\n"
	  "Exit status: 0 nothing found, 1 something malicious or suspicious, 2 neither, but a file was not wholly inspected or not read.",
	  "每個檔案與其中所含一切，皆由獨立的工作程序檢視；該程序無法存取任何檔案與網路。\n"
	  "判定：malicious 惡意、suspicious 可疑、known-good 已知良好、no-finding 未發現、incomplete 未完整檢視、unsupported 不支援。\n"
	  "唯有每一部分的每一位元組皆已檢視，才會判定 no-finding；否則為 incomplete 並列出未檢視之處。檔案不會被執行，也不會外傳。\n"
	  "\n"
	  "資料夾會逐層檢測，其中的符號連結不跟隨。--json 時每個檔案一行一個物件：path、sha256、verdict、bytes_total、bytes_seen、\n"
	  "children、unseen、matches、facts、tree、generation。檔中之檔以 檔名//內層//內層 表示。\n"
	  "--citizen 以白話說明同一結果；--stix 輸出 bundle：file、malware-analysis、malware、惡意部分的 indicator，以及未檢視之處的 note；\n"
	  "同一檔案與同一世代，輸出與識別碼完全相同。\n"
	  "\n"
	  "結束狀態：0 未發現；1 有惡意或可疑；2 皆無，但有檔案未完整檢視或無法讀取。" },
	scan_opts, scan_examples, 1, CLI_OPERANDS_MAX, scan_run,
};
