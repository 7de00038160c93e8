/* What the commands that look into the history share: where it lies, from when
 * to when, what is looked for, and how a finding is shown. */
#ifndef CLI_HUNTING_H
#define CLI_HUNTING_H

#include "cli/cli.h"
#include "detect/hunt.h"

/* --- the folder --- */

#define CLI_HISTORY_OPTS \
	{ "node", 'n', "DIR", { "the node whose history is meant (LIANFANG_DIR, else /var/lib/lianfang)", "節點資料夾（LIANFANG_DIR，或 /var/lib/lianfang）" }, false }, \
	{ "history", 0, "DIR", { "or any folder of history", "或任一歷史資料夾" }, false }
#define CLI_HUNT_QUEUE_OPT { "queue", 0, "URL|FILE", { "or the blocks that a queue keeps: postgresql://... or a file", "或佇列所保存之區塊" }, false }

/* Path of the history that the options name, into `out`. False: too long. */
bool hunting_dir(const struct cli *c, char *out, size_t n);

/* --- limits --- */

#define CLI_HUNT_OPTS \
	CLI_HISTORY_OPTS, \
	CLI_HUNT_QUEUE_OPT, \
	{ "since", 's', "WHEN", { "events from then on: 2026-11-01, 2026-11-01T08:00:00Z, or 7d, 12h, 30m ago", "起始時間" }, false }, \
	{ "until", 'u', "WHEN", { "events before then", "結束時間" }, false }, \
	{ "source", 0, "NAME", { "events of this input only", "僅此來源" }, false }, \
	{ "limit", 0, "N", { "end after this many", "最多筆數" }, false }, \
	{ "stats", 0, NULL, { "end with one JSON object: blocks, opened, events, found, seconds", "最後輸出統計" }, false }, \
	{ "quiet", 'q', NULL, { "no summary and no progress", "不顯示摘要" }, false }

/* False after telling what was wrong. */
bool hunting_opts(const struct cli *c, struct hunt_opts *ret);

/* --- what is looked for --- */

struct hunting_for {
	struct arena *arena;
	struct hunt_matcher *m;
	uint64_t indicators, rules, refused;
	char first_refused[512];
};

/* The operands: a value as people write it, a CIDR block, a STIX pattern, an id of an indicator of the node, a Sigma rule (.yml)
 * or folder of such, a file of indicators (list or STIX). Rules and indicators do not mix. */
enum rc hunting_for(const struct cli *c, struct hunting_for *ret, struct err *err) MUSTUSE;
void hunting_for_done(struct hunting_for *f);

/* The indicators of files (lists or STIX); *ret is freed by mem_free, what it names lies in `a`. */
enum rc hunting_files(const char *const *paths, size_t n, struct arena *a, struct image_indicator **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Does an operand name Sigma rules? */
bool hunting_is_rules(const char *path);

/* --- showing --- */

/* Runs over the history of the options, prints and sums up. `show` is called for each finding. Returns the exit status: `found` when
 * something was found, `none` when not. */
int hunting_run(const struct cli *c, struct hunt_matcher *m, hunt_fn show, void *ctx, int found, int none);

/* The members of a finding that are the same for all: time, file, record, event. */
void hunting_put_event(struct jsonw *w, const struct hunt_found *f, bool with_event);

#endif
