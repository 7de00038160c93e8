/* What the commands about incidents share. */
#ifndef CLI_INCIDENT_H
#define CLI_INCIDENT_H

#include "cli/node_cmd.h"

/* Number, title, and under each law state, level and clocks. */
void show_incident(const struct cli *c, const struct json *v, struct buf *out);

/* "/incidents/NUMBER" and `tail`, of the command's second operand. */
void incident_path(const struct cli *c, const char *tail, struct buf *out);

#endif
