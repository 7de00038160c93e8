/* The command line as one table: parser, --help, man pages and completion are
 * all views of the rows in table.c. Adding a subcommand is one file with its
 * `const struct cli_cmd` and one line in that table. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "cli/when.h"

/* Exit statuses, the same for every command (documented in lianfang(1)). */
enum cli_exit {
	CLI_OK = 0,
	CLI_NO = 1,      /* the answer is no: invalid, no match, not verified, a part failed */
	CLI_ERROR = 2,   /* the command could not be done: usage, files, connection, rights */
	CLI_CONFIG = 78, /* the node refuses to start: configuration or fence (sysexits EX_CONFIG) */
};

/* One text in both languages; zh-TW is chosen by LC_ALL, LC_MESSAGES or LANG. */
struct words {
	const char *en, *zh;
};

struct cli_opt {
	const char *name;  /* "listen": --listen; NULL ends the list */
	char letter;       /* 'l', or 0 */
	const char *arg;   /* "ADDR", or NULL for a switch. TIME, DEADLINE (to come) and "DATE|TIME" are read by when_read; a date alone is left as it is */
	struct words help;
	bool repeat;       /* may stand several times */
};

struct cli;

struct cli_cmd {
	const char *name;       /* "serve" or "user add" */
	struct words summary;   /* one line without a full stop */
	const char *usage;      /* operands: "DIR [NAME]". Where the word DIR stands, --dir, LIANFANG_DIR or the default may fill in */
	struct words text;      /* a paragraph or two for --help and the man page */
	const struct cli_opt *opts;
	const char *const *examples; /* pairs: what, command; NULL ends */
	int min_operands, max_operands;
	int (*run)(struct cli *c);
};

/* Of one example. */
#define EXAMPLE(what, command) (const char *const[]){ what, command, NULL }

#define CLI_OPERANDS_MAX 4096
#define CLI_OPTIONS_MAX 64
#define CLI_TIMES_MAX 8

struct cli {
	const struct cli_cmd *cmd;
	const char *operands[CLI_OPERANDS_MAX];
	int n_operands;
	struct {
		const struct cli_opt *opt;
		const char *value;
	} set[CLI_OPTIONS_MAX];
	int n_set;
	char times[CLI_TIMES_MAX][TIME_TEXT_MAX]; /* what the options of times were read as */
	const char *about; /* file that a request is made of: what the node finds wrong is told of it; or NULL */
	bool json;     /* --json: records as JSON on stdout */
	bool zh;       /* texts in zh-TW */
};

/* All commands, in the order of the manual; NULL ends. */
extern const struct cli_cmd *const cli_table[];

/* What somebody wants to do: a heading over the commands from `first` up to the next group's. NULL ends. */
struct cli_group {
	const struct cli_cmd *first;
	struct words title;
};
extern const struct cli_group cli_groups[];
/* The heading that stands before this command, or NULL. */
const struct cli_group *cli_group_at(const struct cli_cmd *cmd);

/* Commands of one first word that the overview shows on one line; `lianfang WORD` lists them. NULL ends. */
struct cli_fold {
	const char *word;
	struct words what;
};
extern const struct cli_fold cli_folds[];

/* Parses, runs, and returns the exit status. */
int cli_main(int argc, char **argv);

/* Value of an option, or `fallback` when it was not given. */
const char *cli_get(const struct cli *c, const char *name, const char *fallback);
bool cli_has(const struct cli *c, const char *name);
/* Value number `i` of a repeatable option, or NULL. */
const char *cli_get_nth(const struct cli *c, const char *name, int i);
/* Number option within [least, most]; false after printing what was wrong. */
bool cli_get_int(const struct cli *c, const char *name, int64_t fallback, int64_t least, int64_t most, int64_t *ret);

/* Text in the user's language. */
const char *cli_say(const struct cli *c, const struct words *w);

/* A word of a table or summary (words.c) in the user's language; `en` itself when it is not known. */
const char *cli_word(const struct cli *c, const char *en);
/* The same of a value that the node speaks of: a state, a verdict, a tier, yes. */
struct str cli_value(const struct cli *c, struct str en);

/* "lianfang: init: what went wrong" on stderr; returns CLI_ERROR. With --json also {"error": ...} on stdout. */
int cli_fail(const struct cli *c, const struct err *err);
int cli_failf(const struct cli *c, const char *fmt, ...) PRINTF(2, 3);

/* Writes a buffer to stdout whole, with a newline; CLI_ERROR when stdout is gone. */
int cli_print(const struct buf *b);

/* A field of a line of CSV, quoted where it has to be; commas are the caller's. */
void cli_csv(struct buf *b, struct str s);

/* A file that the user names, or standard input for "-": symbolic links and pipes are followed,
 * unlike file_read. `b` is initialised here and empty on failure. RC_LIMIT above `max`. */
enum rc cli_read(const char *path, size_t max, struct buf *b, struct err *err) MUSTUSE;

/* All bytes of fd in pieces, as they come, to `take`. An error of its own names `name`. */
enum rc cli_pieces(int fd, const char *name, enum rc (*take)(void *ctx, struct str piece, struct err *err), void *ctx, struct err *err) MUSTUSE;

/* First line of stdin without its newline (--password-stdin, --token-stdin). */
enum rc cli_stdin_line(struct buf *b, struct err *err) MUSTUSE;

/* What a command takes: its usage with DIR in brackets, or without it. */
void cli_operands(const struct cli_cmd *cmd, bool dir, struct buf *out);

/* Help of one command, or of all, into `out`. */
void cli_help(const struct cli_cmd *cmd, bool zh, struct buf *out);
void cli_help_all(bool zh, struct buf *out);
/* The commands that begin with this word ("user"); false when there is none. */
bool cli_print_group(const char *word, bool zh, FILE *to);
/* Says on stderr that these words are no command, and which one may be meant; lists those of the first word. */
void cli_unknown(int n, const char *const *words, bool zh);
/* The table as JSON, and as a completion script for bash. */
void cli_table_json(bool zh, struct buf *out);
void cli_bash(struct buf *out);
/* man(7) source of lianfang-<name>(1), or of lianfang(1) when cmd is NULL. */
void cli_man(const struct cli_cmd *cmd, struct buf *out);

/* Options every command has: --json, --help, --lang. */
extern const struct cli_opt cli_common_opts[];
/* And --dir, of commands that work on a node. */
extern const struct cli_opt cli_dir_opts[];
/* Place of the operand DIR in a command's usage, or -1. */
int cli_dir_place(const struct cli_cmd *cmd);

#endif
