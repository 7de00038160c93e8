/* Logs of any format into sealed blocks, for the commands that store them. */
#ifndef CLI_ADDING_H
#define CLI_ADDING_H

#include "cli/cli.h"

#define CLI_ADDING_OPTS \
	{ "source", 0, "NAME", { "name of the input (the file's name)", "來源名稱" }, false }, \
	{ "format", 0, "NAME", { "what the files hold, when it is not to be found out", "紀錄格式" }, false }, \
	{ "quiet", 'q', NULL, { "no summary", "不顯示摘要" }, false }

/* Takes one sealed block; borrowed during the call. */
typedef enum rc (*adding_take)(void *ctx, struct str block, struct err *err);

struct adding_counts {
	uint64_t events, bad, bytes; /* bad: pieces that are no event */
	uint64_t altered;            /* parts of files that fail their own checksum: read all the same */
};

/* Reads the operands of `c` (files, "-") by its options and hands over block after block. */
enum rc adding_run(const struct cli *c, adding_take take, void *ctx, struct adding_counts *ret, struct err *err) MUSTUSE;

#endif
