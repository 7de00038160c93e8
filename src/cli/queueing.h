/* What the commands on a queue of blocks share. */
#ifndef CLI_QUEUEING_H
#define CLI_QUEUEING_H

#include "cli/cli.h"
#include "store/blockq.h"

#define CLI_QUEUE_OPT { "queue", 0, "URL|FILE", { "postgresql://... or a file", "佇列：postgresql://... 或檔案" }, false }
#define CLI_QUEUE_NEW_OPTS \
	{ "shards", 0, "N", { "of a queue that is made now: into how many parts correlations are divided (64)", "新佇列：關聯分片數（64）" }, false }, \
	{ "tolerance", 0, "SECONDS", { "of a queue that is made now: how far behind others an event may come to count in a correlation (300)", \
				       "新佇列：事件可遲到的秒數（300）" }, false }

/* By the option --queue; makes it when `create` and it is not there. */
enum rc queueing_open(const struct cli *c, bool create, struct blockq **ret, struct err *err) MUSTUSE;

#endif
