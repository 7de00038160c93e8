/* Logs of any format into sealed blocks, for the commands that store them. */
#ifndef CLI_ADDING_H
#define CLI_ADDING_H

#include "cli/cli.h"

#define CLI_ADDING_OPTS \
	{ "source", 0, "NAME", { "name of the input (the file's name)", "來源名稱" }, false }, \
	{ "format", 0, "NAME", { "what the files hold, when it is not to be found out", "紀錄格式" }, false }, \
	{ "quiet", 'q', NULL, { "no summary", "不顯示摘要" }, false }

#define ADDING_KEY 32 /* hexadecimal digits */

/* Takes one sealed block; borrowed during the call. With `apart` below, `key` says which events these are: a digest of the source's
 * name and of the events of this one file from its beginning to the end of the block; else "". */
typedef enum rc (*adding_take)(void *ctx, struct str block, struct str key, struct err *err);

struct adding_counts {
	uint64_t events, bad, bytes; /* bad: pieces that are no event */
	uint64_t altered;            /* parts of files that fail their own checksum: read all the same */
};

/* Reads the operands of `c` (files, "-") by its options and hands over block after block. `apart`: no block holds events of two
 * files, so that a file gives the same blocks and keys whatever is read beside it. */
enum rc adding_run(const struct cli *c, bool apart, adding_take take, void *ctx, struct adding_counts *ret, struct err *err) MUSTUSE;

#endif
