/* The demonstration's federation, shared by the loop (cmd_demo.c) and the incident (demo_story.c). */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "base/arena.h"
#include "base/json.h"
#include "cli/node_cmd.h"
#include "node/node.h"

#define DEMO_NODES 6
#define DEMO_TIMEOUT (30 * USEC_PER_SEC)

enum demo_who { NATION, HEALTH, WATER, HOSPITAL_A, HOSPITAL_B, WATER_C };

struct demo {
	const struct cli *c;
	char dir[NODE_PATH_MAX];
	char paths[DEMO_NODES][NODE_PATH_MAX + 32];
	char fingerprints[DEMO_NODES][65];
	int ports[DEMO_NODES];
	int pids[DEMO_NODES];
	struct node_conn *conns[DEMO_NODES];
	char password[32];
	usec t0;
};

/* The text of the demo's language. format_arg: both are checked against the arguments. */
__attribute__((format_arg(2), format_arg(3))) const char *demo_say(const struct demo *d, const char *en, const char *zh);
bool demo_interrupted(void);

/* A call that must succeed; what the node says about a failure goes into `err`. `ret` (may be NULL): the reply, in `a`. */
enum rc demo_post(struct demo *d, int who, const char *path, struct arena *a, const struct json **ret, struct err *err, const char *fmt, ...)
	PRINTF(7, 8) MUSTUSE;
/* The status of the node's answer, and it. */
enum rc demo_get(struct demo *d, int who, const char *path, struct arena *a, int *ret_http, const struct json **ret, struct err *err) MUSTUSE;
/* A line of a provider's log. */
enum rc demo_log(struct demo *d, int who, const char *line, int n, struct err *err) MUSTUSE;

/* An incident at Water Utility C, from its log to the improvement report, at three tiers and under two laws. */
enum rc demo_story(struct demo *d, struct err *err) MUSTUSE;

#endif
