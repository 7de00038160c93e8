/* The level wizard at a terminal, or by options for scripts: `incident level`, and `report` without a level. */
#ifndef CLI_WIZARD_H
#define CLI_WIZARD_H

#include "cli/cli.h"

#define WIZARD_OPTS \
	{ "system", 's', "ID", { "the system that is affected, of the register", "受影響之資通系統（登錄代號）" }, false }, \
	{ "answer", 0, "NAME=VALUE", { "an answer to a question of the pack: effect=leak, severity=serious (repeat)", "回答資料包問題：effect=leak、severity=serious（可重複）" }, true }, \
	{ "since", 0, "TIME", { "of an outage: since when (23:30, 2026-02-27 23:30, or now)", "中斷起始時間（23:30、2026-02-27 23:30，或 now）" }, false }, \
	{ "back", 0, "TIME", { "of an outage: when it was back; without it, it is still out", "恢復時間；未給表示仍中斷" }, false }, \
	{ "blocked", 0, NULL, { "the attempt was blocked: it is no incident", "已遭阻擋，未得逞" }, false }

struct wizard_said {
	struct buf items;    /* JSON array as facts have it */
	struct buf grounds;
	bool incident;       /* false: it is none; that was told */
};

/* True when the options name what happened, or somebody sits at a terminal. */
bool wizard_wanted(const struct cli *c);
/* Asks what the options leave open, shows the level and the cells that decide. `pack` NULL: the node's. CLI_OK: `ret` is set, to be freed with
 * wizard_said_done in every case. */
int wizard_run(struct cli *c, const char *pack, struct wizard_said *ret);
void wizard_said_done(struct wizard_said *s);
/* A question with yes or no, asked until it is one of them. RC_BAD: it was never one. */
enum rc wizard_yes(const struct cli *c, const char *en, const char *zh, bool *ret, struct err *err) MUSTUSE;

#endif
