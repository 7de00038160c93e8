/* Commands that are REST calls to a node: open, call, show. */
#ifndef CLI_NODE_CMD_H
#define CLI_NODE_CMD_H

#include "base/json.h"
#include "base/jsonw.h"
#include "cli/cli.h"
#include "node/call.h"

/* How a reply is shown to a person; `v` is its JSON. */
typedef void (*reply_show)(const struct cli *c, const struct json *v, struct buf *out);

/* One call; with --json the reply as it is, else through `show` (NULL: nothing). Returns the exit status. */
int node_cmd(const struct cli *c, const char *dir, const char *method, const char *path, struct str body, reply_show show);

/* A GET; `reply` is initialised here and has the reply's bytes. CLI_OK, or the exit status after an error message: CLI_NO when there is no such thing. */
int node_get(const struct cli *c, struct node_conn *conn, const char *path, struct buf *reply);

/* Text to the file of --output, replacing it at once for its owner alone; without it (or for "-") to standard output. Returns the exit status. */
int write_output(const struct cli *c, struct str text);
/* The same with the rights of the file. */
int write_output_as(const struct cli *c, struct str text, unsigned mode);

/* Both: what the node at operand 0 answers, into --output. */
int node_get_output(const struct cli *c, const char *path);

/* The body of a POST: one JSON object, written member by member. */
struct body {
	struct buf b;
	struct jsonw w;
};
void body_begin(struct body *x);
/* Nothing when `value` is NULL. */
void body_text(struct body *x, const char *name, const char *value);
/* The value of an option, or true for one that is given, under `name`. */
void body_option(const struct cli *c, struct body *x, const char *option, const char *name);
void body_switch(const struct cli *c, struct body *x, const char *option, const char *name);
/* Ends and sends it to the node at operand 0. Its memory is wiped, since it may hold a password. */
int body_send(const struct cli *c, struct body *x, const char *path, reply_show show);

/* An error that names a member of the request ("/role: expected ...") names the command's option instead. */
void name_options(const struct cli *c, struct err *err);

/* A table of an array's members: columns "name:header" of members; NULL ends. Before the name may stand "~": seconds
 * as a span ("90s", "15m", "2h", "3d"); "@": an instant as clocks here show it, to the second; "%": a word of the
 * program (a state, a verdict) in the user's language. */
void show_table(const struct cli *c, const struct json *array, const char *const *columns, struct buf *out);

/* "label            value" of one member, when it is there; "@" and "%" before its name as in a table. */
void show_line(const struct cli *c, const struct json *v, const char *label, const char *member, struct buf *out);

/* The same with a text at hand. */
void show_text(const struct cli *c, const char *label, struct str text, struct buf *out);

/* A text, and blanks up to `width` columns of a terminal. */
void show_padded(struct str text, size_t width, struct buf *out);

/* Text of a member for people: strings as they are, numbers and booleans printed, absent "-". */
void show_member(const struct json *v, const char *name, struct buf *out);

/* Appends "&name=value" or "?name=value", escaped; nothing when value is NULL. */
void path_query(struct buf *path, const char *name, const char *value);

/* The line below a pack whose law was not in force when the incident became known. */
void show_not_in_force(const struct cli *c, struct buf *out);

#endif
