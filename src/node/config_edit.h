/* Changing lianfang.conf from the console: which keys may be changed there, and one line of the file set anew while all other lines,
 * comments too, stay as they are. */
#ifndef NODE_CONFIG_EDIT_H
#define NODE_CONFIG_EDIT_H

#include "base/buf.h"

/* What may be changed by REST. Paths, addresses, programs, secrets and the fence are not: who can write them could read or run what
 * the node can, so they are for who sits at the node. */
struct config_rule {
	const char *section, *key;
	bool second; /* opens, forgets or lets in: waits for a second person */
	bool now;    /* in force at once; else at the next start */
};
/* NULL: changed in the file only. */
const struct config_rule *config_rule_of(struct str section, struct str key);

/* `text` with `key` of [section] set to `value` in `out`; value.p NULL: the line is taken out, so that the usual holds. The caller checks
 * that the result parses. */
void config_set_line(struct str text, struct str section, struct str key, struct str value, struct buf *out);

#endif
