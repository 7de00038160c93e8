/* Finds the command, reads its options and runs it.
 *
 * Options may stand anywhere behind the command's words; "--" ends them. An
 * unknown option or a wrong number of operands is refused before anything runs,
 * with the nearest usage line, because these commands change security records. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/file.h"

#define STDIN_LINE_MAX 4096
#define READ_PIECE ((size_t)1 << 20)

const struct cli_opt cli_common_opts[] = {
	{ "json", 0, NULL, { "print records as JSON on standard output", "以 JSON 輸出紀錄" }, false },
	{ "lang", 0, "en|zh", { "language of texts (default: from LC_ALL, LC_MESSAGES, LANG)", "文字語言（預設依環境變數）" }, false },
	{ "help", 'h', NULL, { "show this help", "顯示本說明" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

const struct cli_opt cli_dir_opts[] = {
	{ "dir", 'd', "DIR", { "the node's folder (LIANFANG_DIR, else /var/lib/lianfang)", "節點資料夾（LIANFANG_DIR，或 /var/lib/lianfang）" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

int cli_dir_place(const struct cli_cmd *cmd)
{
	struct str rest = str_of(cmd->usage), word;

	for (int i = 0; str_next(&rest, ' ', &word); i++)
		if (str_eq(word, S("DIR")))
			return i;
	return -1;
}

static bool lang_is_zh(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && v[0] != '\0')
			return str_starts(str_of(v), S("zh"));
	}
	return false;
}

/* Words of `name` that argv begins with: 0 = not this command. */
static int words_matched(const char *name, int argc, char **argv)
{
	struct str rest = str_of(name), word;
	int n = 0;

	while (str_next(&rest, ' ', &word)) {
		if (n >= argc || !str_eq(word, str_of(argv[n])))
			return 0;
		n++;
	}
	return n;
}

static const struct cli_cmd *find_command(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		int n = words_matched(cli_table[i]->name, argc, argv);

		if (n > 0) {
			*ret_words = n;
			return cli_table[i];
		}
	}
	return NULL;
}

static const struct cli_opt *find_in(const struct cli_opt *opts, struct str name, char letter)
{
	for (; opts != NULL && opts->name != NULL; opts++)
		if (letter != 0 ? opts->letter == letter : str_eq(str_of(opts->name), name))
			return opts;
	return NULL;
}

static const struct cli_opt *find_option(const struct cli *c, struct str name, char letter)
{
	const struct cli_opt *o = find_in(c->cmd->opts, name, letter);

	if (o == NULL && cli_dir_place(c->cmd) >= 0)
		o = find_in(cli_dir_opts, name, letter);
	return o != NULL ? o : find_in(cli_common_opts, name, letter);
}

static int usage_error(const struct cli *c, const char *fmt, ...) PRINTF(2, 3);
static int usage_error(const struct cli *c, const char *fmt, ...)
{
	struct err err = { .rc = RC_BAD };
	struct buf operands;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof err.text, fmt, ap);
	va_end(ap);
	cli_fail(c, &err);
	buf_init(&operands, 4096);
	cli_operands(c->cmd, true, &operands);
	fprintf(stderr, c->zh ? "用法：lianfang %s %.*s\n（lianfang %s --help）\n" : "usage: lianfang %s %.*s\n(lianfang %s --help)\n", c->cmd->name,
		STR(buf_view(&operands)), c->cmd->name);
	buf_done(&operands);
	return CLI_ERROR;
}

/* Before the options are read: a program that asked for JSON gets its usage errors as JSON, too. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 0; i < argc && !str_eq(str_of(argv[i]), S("--")); i++)
		if (str_eq(str_of(argv[i]), S("--json")))
			return true;
	return false;
}

/* And who asked for a language gets usage errors in it. */
static bool wants_zh(int argc, char **argv)
{
	bool zh = lang_is_zh();

	for (int i = 0; i < argc && !str_eq(str_of(argv[i]), S("--")); i++) {
		struct str word = str_of(argv[i]);

		if (str_starts(word, S("--lang=")) && word.n > 7)
			zh = str_starts(word, S("--lang=zh"));
		else if (str_eq(word, S("--lang")) && i + 1 < argc)
			zh = str_starts(str_of(argv[i + 1]), S("zh"));
	}
	return zh;
}

/* Takes one option at argv[*at]; moves *at to its value when that is apart. */
static int take_option(struct cli *c, int argc, char **argv, int *at)
{
	struct str word = str_of(argv[*at]);
	bool is_long = str_starts(word, S("--"));
	size_t eq = is_long ? str_find(word, S("="), 0) : SIZE_MAX;
	struct str name = str_slice(word, is_long ? 2 : 1, eq == SIZE_MAX ? word.n : eq);
	const struct cli_opt *o = find_option(c, name, is_long ? 0 : word.p[1]);
	const char *value = eq == SIZE_MAX ? NULL : word.p + eq + 1;

	if (o == NULL || (!is_long && word.n != 2))
		return usage_error(c, c->zh ? "沒有選項「%s」" : "unknown option '%s'", argv[*at]);
	if (o->arg == NULL && value != NULL)
		return usage_error(c, c->zh ? "--%s 不接受值" : "--%s takes no value", o->name);
	if (o->arg != NULL && value == NULL) {
		if (*at + 1 >= argc)
			return usage_error(c, c->zh ? "--%s 需要 %s" : "--%s needs %s", o->name, o->arg);
		value = argv[++*at];
	}
	if (!o->repeat && cli_has(c, o->name))
		return usage_error(c, c->zh ? "--%s 重複" : "--%s is given twice", o->name);
	if (c->n_set >= CLI_OPTIONS_MAX)
		return usage_error(c, c->zh ? "選項太多" : "too many options");
	c->set[c->n_set].opt = o;
	c->set[c->n_set++].value = value;
	return CLI_OK;
}

static int take_words(struct cli *c, int argc, char **argv)
{
	bool only_operands = false;

	for (int i = 0; i < argc; i++) {
		if (!only_operands && str_eq(str_of(argv[i]), S("--"))) {
			only_operands = true;
		} else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
			int status = take_option(c, argc, argv, &i);

			if (status != CLI_OK)
				return status;
		} else if (c->n_operands >= CLI_OPERANDS_MAX) {
			return usage_error(c, c->zh ? "運算元超過 %d 個" : "more than %d operands", CLI_OPERANDS_MAX);
		} else {
			c->operands[c->n_operands++] = argv[i];
		}
	}
	return CLI_OK;
}

/* Whoever types "23:30" is told as what it is taken. */
static int read_times(struct cli *c)
{
	size_t n = 0;

	for (int i = 0; i < c->n_set; i++) {
		const char *arg = c->set[i].opt->arg;
		bool coming = arg != NULL && str_eq(str_of(arg), S("DEADLINE")), dated = arg != NULL && str_eq(str_of(arg), S("DATE|TIME"));
		struct str said = str_of(c->set[i].value == NULL ? "" : c->set[i].value);
		struct err err = { 0 };
		char shown[TIME_TEXT_MAX];

		if (!coming && !dated && (arg == NULL || !str_eq(str_of(arg), S("TIME"))))
			continue;
		if (dated && said.n == 10)
			continue;
		if (n == CLI_TIMES_MAX)
			return usage_error(c, c->zh ? "選項太多" : "too many options");
		if (when_read(said, coming, time_now(), c->times[n], &err) != RC_OK)
			return cli_failf(c, "--%s: %s", c->set[i].opt->name, err.text);
		if (!str_eq(str_of(c->times[n]), said) && !str_eq(said, S("now")))
			fprintf(stderr, c->zh ? "lianfang %s：--%s %.*s 即 %.*s\n" : "lianfang %s: --%s %.*s is taken as %.*s\n", c->cmd->name, c->set[i].opt->name,
				STR(said), STR(when_show(str_of(c->times[n]), shown)));
		c->set[i].value = c->times[n++];
	}
	return CLI_OK;
}

static bool is_node(const char *dir)
{
	char path[4200];

	/* What may not be looked into is told as such later. */
	return snprintf(path, sizeof path, "%s/lianfang.conf", dir) < (int)sizeof path && (access(path, F_OK) == 0 || errno == EACCES);
}

/* `user add NAME --dir DIR` is `user add DIR NAME`: the folder goes to its place, wherever it came from. An operand
 * there that is a node's folder is taken as such; so is one that is needed to make the operands complete. */
static void fill_dir(struct cli *c)
{
	const char *env = getenv("LIANFANG_DIR"), *dir = cli_get(c, "dir", NULL), *usual = env != NULL ? env : "/var/lib/lianfang";
	int at = cli_dir_place(c->cmd);
	bool complete = c->n_operands >= c->cmd->min_operands && env == NULL;

	if (at < 0 || at > c->n_operands || c->n_operands >= CLI_OPERANDS_MAX)
		return;
	if (complete && c->n_operands < c->cmd->max_operands && is_node(usual))
		complete = false; /* the last one may be left out: there is room for the folder where nodes usually are */
	if (dir == NULL && at < c->n_operands && (is_node(c->operands[at]) || complete))
		return;
	if (dir == NULL)
		dir = usual;
	memmove(&c->operands[at + 1], &c->operands[at], (size_t)(c->n_operands - at) * sizeof c->operands[0]);
	c->operands[at] = dir;
	c->n_operands++;
}

static int check_operands(const struct cli *c)
{
	if (c->n_operands < c->cmd->min_operands) {
		struct buf operands;
		int status;

		buf_init(&operands, 4096);
		cli_operands(c->cmd, false, &operands); /* the folder is known by now */
		status = usage_error(c, c->zh ? "需要 %.*s" : "needs %.*s", STR(buf_view(&operands)));
		buf_done(&operands);
		return status;
	}
	if (c->n_operands > c->cmd->max_operands)
		return usage_error(c, c->zh ? "不知如何處理「%s」" : "does not know what to do with '%s'", c->operands[c->cmd->max_operands]);
	return CLI_OK;
}

static int print_and_free(struct buf *b)
{
	int status = cli_print(b);

	buf_done(b);
	return status;
}

static int run_command(const struct cli_cmd *cmd, int argc, char **argv)
{
	static struct cli c; /* large, and there is one command per process */
	const char *lang;
	int status;

	c.cmd = cmd;
	c.json = wants_json(argc, argv);
	c.zh = wants_zh(argc, argv);
	status = take_words(&c, argc, argv);
	if (status != CLI_OK)
		return status;
	lang = cli_get(&c, "lang", NULL);
	if (lang != NULL && !str_starts(str_of(lang), S("en")) && !str_starts(str_of(lang), S("zh")))
		return cli_failf(&c, c.zh ? "--lang：應為 en 或 zh" : "--lang: expected en or zh");
	c.zh = lang != NULL ? str_starts(str_of(lang), S("zh")) : lang_is_zh();
	c.json = cli_has(&c, "json");
	if (cli_has(&c, "help")) {
		struct buf b;

		buf_init(&b, (size_t)1 << 20);
		cli_help(cmd, c.zh, &b);
		return print_and_free(&b);
	}
	fill_dir(&c);
	status = check_operands(&c);
	if (status == CLI_OK)
		status = read_times(&c);
	return status == CLI_OK ? cmd->run(&c) : status;
}

static int print_overview(bool zh)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	cli_help_all(zh, &b);
	return print_and_free(&b);
}

/* How many words before the command are options that every command has: "--lang zh", "--lang=zh", "--json". */
static int count_leading(int argc, char **argv, bool *zh)
{
	int n = 1;

	while (n < argc) {
		struct str word = str_of(argv[n]);

		if (str_eq(word, S("--lang")) && n + 1 < argc)
			*zh = str_starts(str_of(argv[++n]), S("zh"));
		else if (str_starts(word, S("--lang=")))
			*zh = str_starts(word, S("--lang=zh"));
		else if (!str_eq(word, S("--json")))
			break;
		n++;
	}
	return n - 1;
}

/* "--lang zh user add X" becomes "user add --lang zh X". */
static void put_behind(char **argv, int leading, int words)
{
	for (int w = 0; w < words; w++) {
		char *word = argv[leading + w];

		memmove(&argv[w + 1], &argv[w], (size_t)leading * sizeof *argv);
		argv[w] = word;
	}
}

int cli_main(int argc, char **argv)
{
	static char version[] = "version";
	const struct cli_cmd *cmd;
	bool zh = lang_is_zh();
	int words = 0, leading;

	/* A file that may not grow is a full disk: an error to be told, not an end. Roles inherit it. */
	signal(SIGXFSZ, SIG_IGN);
	leading = count_leading(argc, argv, &zh);
	argc -= 1 + leading;
	argv += 1 + leading;
	if (argc < 1 || str_eq(str_of(argv[0]), S("--help")) || str_eq(str_of(argv[0]), S("-h")))
		return print_overview(zh);
	if (str_eq(str_of(argv[0]), S("--version")))
		argv[0] = version;
	cmd = find_command(argc, argv, &words);
	if (cmd != NULL) {
		put_behind(argv - leading, leading, words);
		return run_command(cmd, argc + leading - words, argv - leading + words);
	}
	if (argc == 2 && (str_eq(str_of(argv[1]), S("--help")) || str_eq(str_of(argv[1]), S("-h"))) && cli_print_group(argv[0], zh, stdout))
		return CLI_OK;
	cli_unknown(argc, (const char *const *)argv, zh);
	return CLI_ERROR;
}

bool cli_has(const struct cli *c, const char *name)
{
	return cli_get_nth(c, name, 0) != NULL;
}

const char *cli_get_nth(const struct cli *c, const char *name, int i)
{
	for (int k = 0; k < c->n_set; k++)
		if (str_eq(str_of(c->set[k].opt->name), str_of(name)) && i-- == 0)
			return c->set[k].value == NULL ? "" : c->set[k].value;
	return NULL;
}

const char *cli_get(const struct cli *c, const char *name, const char *fallback)
{
	const char *v = cli_get_nth(c, name, 0);

	return v != NULL ? v : fallback;
}

bool cli_get_int(const struct cli *c, const char *name, int64_t fallback, int64_t least, int64_t most, int64_t *ret)
{
	const char *text = cli_get(c, name, NULL);

	*ret = fallback;
	if (text == NULL)
		return true;
	if (str_to_i64(str_of(text), ret) && *ret >= least && *ret <= most)
		return true;
	cli_failf(c, c->zh ? "--%s：「%s」不是 %lld 到 %lld 的數字" : "--%s: '%s' is not a number from %lld to %lld", name, text, (long long)least, (long long)most);
	return false;
}

const char *cli_say(const struct cli *c, const struct words *w)
{
	return c->zh && w->zh != NULL ? w->zh : w->en;
}

int cli_fail(const struct cli *c, const struct err *err)
{
	fprintf(stderr, "lianfang %s: %s\n", c->cmd->name, err->text[0] != '\0' ? err->text : rc_name(err->rc));
	if (c->json) {
		struct buf b;
		struct jsonw w;

		buf_init(&b, 65536);
		jsonw_init(&w, &b);
		jsonw_object(&w);
		jsonw_m_cstr(&w, "error", err->text);
		jsonw_m_cstr(&w, "code", rc_name(err->rc));
		jsonw_object_end(&w);
		print_and_free(&b);
	}
	return CLI_ERROR;
}

int cli_failf(const struct cli *c, const char *fmt, ...)
{
	struct err err = { .rc = RC_BAD };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof err.text, fmt, ap);
	va_end(ap);
	return cli_fail(c, &err);
}

int cli_print(const struct buf *b)
{
	bool newline = b->n > 0 && b->p[b->n - 1] == '\n';

	if (b->bad != RC_OK) {
		fprintf(stderr, "lianfang: the output is too large to print\n");
		return CLI_ERROR;
	}
	if (fwrite(b->p == NULL ? "" : b->p, 1, b->n, stdout) != b->n || (!newline && putchar('\n') == EOF) || fflush(stdout) != 0) {
		fprintf(stderr, "lianfang: cannot write to standard output: %s\n", strerror(errno));
		return CLI_ERROR;
	}
	return CLI_OK;
}

static enum rc read_to_end(int fd, const char *path, size_t max, struct buf *b, struct err *err)
{
	for (;;) {
		char *room = buf_room(b, READ_PIECE);
		ssize_t got = room == NULL ? 0 : read(fd, room, READ_PIECE);

		if (room == NULL)
			return FAIL(err, RC_NOMEM, "%s: out of memory", path);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "%s: %s", path, strerror(errno));
		if (got == 0)
			return RC_OK;
		buf_grew(b, (size_t)got);
		if (b->n > max)
			return FAIL(err, RC_LIMIT, "%s: larger than %zu bytes", path, max);
	}
}

enum rc cli_read(const char *path, size_t max, struct buf *b, struct err *err)
{
	bool from_stdin = str_eq(str_of(path), S("-"));
	int fd CLEANUP(file_closep) = from_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	enum rc rc;

	buf_init(b, max + 2 * READ_PIECE);
	if (fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	rc = read_to_end(fd, path, max, b, err);
	if (rc != RC_OK)
		buf_done(b);
	return rc;
}

enum rc cli_pieces(int fd, const char *name, enum rc (*take)(void *ctx, struct str piece, struct err *err), void *ctx, struct err *err)
{
	struct buf piece;
	enum rc rc = RC_OK;

	buf_init(&piece, READ_PIECE);
	while (rc == RC_OK) {
		char *room;
		ssize_t got;

		buf_clear(&piece);
		room = buf_room(&piece, READ_PIECE);
		got = room == NULL ? -1 : read(fd, room, READ_PIECE);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = FAIL(err, RC_IO, "%s: %s", name, strerror(errno));
		if (got <= 0)
			break;
		buf_grew(&piece, (size_t)got);
		rc = take(ctx, buf_view(&piece), err);
	}
	buf_done(&piece);
	return rc;
}

enum rc cli_stdin_line(struct buf *b, struct err *err)
{
	char ch;

	buf_init(b, STDIN_LINE_MAX);
	for (;;) {
		ssize_t got = read(STDIN_FILENO, &ch, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "standard input: %s", strerror(errno));
		if (got == 0 || ch == '\n')
			break;
		buf_char(b, ch);
	}
	if (b->n > 0 && b->p[b->n - 1] == '\r')
		buf_cut(b, b->n - 1);
	return buf_check(b, err, "standard input");
}
