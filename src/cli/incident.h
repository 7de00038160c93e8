/* What the commands about incidents share. */
#ifndef CLI_INCIDENT_H
#define CLI_INCIDENT_H

#include "cli/node_cmd.h"

/* Number, title, and under each law state, level and clocks. */
void show_incident(const struct cli *c, const struct json *v, struct buf *out);

/* "/incidents/NUMBER" and `tail`, of the command's second operand. */
void incident_path(const struct cli *c, const char *tail, struct buf *out);

/* An array of all values of an option that may be repeated; nothing when it is not given. */
void put_repeated(const struct cli *c, struct body *x, const char *option, const char *name);

#endif
