/* Rules over raw bytes. libyara has the last word on what a rule means; how a file finds the rules worth running on it is this
 * module's own affair, so that nothing around it knows more than: load once in the zygote, run on each node. */
#ifndef LAB_RULES_H
#define LAB_RULES_H

#include "base/buf.h"
#include "lab/node.h"

#define LAB_RULES_AT_ONCE 16 /* matches shown of one string of a rule, but in plain mode all */

struct lab_rules;

/* Of each path (NULL ends) compiles a file of rules, or all *.yar and *.yara files of a folder (each in a namespace of its own, its path), or loads compiled
 * rules. `plain`: as the yara program runs one file. RC_BAD with file and line of the first rule that does not compile. Appends what
 * identifies the set to `generation`. In the zygote: memory stays to be shared with workers. */
enum rc lab_rules_load(const char *const *paths, bool plain, struct buf *generation, struct lab_rules **ret, struct err *err) MUSTUSE;
void lab_rules_free(struct lab_rules *r);
size_t lab_rules_count(const struct lab_rules *r);
/* The rule set without its router: every rule on every file, as libyara does. Slower, and the same matches (tests, measurements). */
void lab_rules_unroute(struct lab_rules *r);
/* Of a generation of a rule set its number, otherwise 0. */
uint32_t lab_rules_number(const struct lab_rules *r);

/* Compiled, as yarac writes it. */
enum rc lab_rules_save(const struct lab_rules *r, const char *path, struct err *err) MUSTUSE;

/* What each rule that the router chooses for these bytes costs when it is the only one: for measuring before rules are published.
 * `nanoseconds` of processor time. Where `skip` (one a rule) is not 0 it is left out. */
struct lab_rule_cost {
	uint32_t rule;
	const char *name;
	int64_t nanoseconds;
	bool is_global;
};
typedef void lab_rules_told(void *ctx, const struct lab_rule_cost *c);
enum rc lab_rules_cost(const struct lab_rules *r, struct str bytes, int seconds, const uint8_t *skip, lab_rules_told *fn, void *ctx, struct err *err) MUSTUSE;
/* Does rule `a` refer to rule `b`? */
bool lab_rules_refers(const struct lab_rules *r, uint32_t a, uint32_t b);
const char *lab_rules_name(const struct lab_rules *r, uint32_t rule);

/* Runs on the node's bytes, says matches by lab_match. In the worker. RC_LIMIT: `seconds` were not enough. */
enum rc lab_rules_run(const struct lab_rules *r, struct lab_node *n, int seconds, struct err *err) MUSTUSE;

/* The same on any bytes. Texts of a match live as long as `r`. `*ret_too_many`: a string matched more often than libyara counts. */
typedef void lab_rules_match(void *ctx, const struct lab_match *m);
enum rc lab_rules_scan(const struct lab_rules *r, struct str bytes, int seconds, lab_rules_match *fn, void *ctx, bool *ret_too_many, struct err *err) MUSTUSE;

#endif
