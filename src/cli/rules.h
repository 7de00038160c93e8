/* Rules as commands name them: read, compiled, and what became of each. */
#ifndef CLI_RULES_H
#define CLI_RULES_H

#include "cli/cli.h"
#include "detect/engine.h"
#include "detect/stix_rules.h"

struct cli_rules {
	struct arena *arena;
	const struct sigma_set *set;
	const struct taxonomy *taxonomy;
	struct engine_image *image;
	const struct engine_refusal *refused; /* rules that read well and cannot be run: the engine's and the correlator's word */
	size_t n_refused;
	double seconds; /* that loading took */
};

/* The log sources by --sources, --assume and --all-sources. */
enum rc cli_taxonomy_load(const struct cli *c, struct arena *a, const struct taxonomy **ret, struct err *err) MUSTUSE;

/* By the options --rules (several), --lists and --sources of `c`. No --rules is an empty set. */
enum rc cli_rules_load(const struct cli *c, struct cli_rules *ret, struct err *err) MUSTUSE;
/* The same, and the patterns of indicators (may be NULL), which must outlive the result. */
enum rc cli_rules_load_with(const struct cli *c, const struct stix_rules *patterns, struct cli_rules *ret, struct err *err) MUSTUSE;
void cli_rules_done(struct cli_rules *r);

/* Rules that came into the image, and those that did not for whatever reason. */
size_t cli_rules_loaded(const struct cli_rules *r);
size_t cli_rules_refused(const struct cli_rules *r);
/* Each refused rule on a line of `to`: file, line, title, reason. */
void cli_rules_print_refused(const struct cli_rules *r, FILE *to);

/* How events are told apart by log source, for the tables of options. */
#define CLI_SOURCES_OPTS \
	{ "sources", 0, "DIR", { "further log sources, in the form of packs/sigma", "自訂紀錄來源對應" }, false }, \
	{ "assume", 0, "SOURCE", { "take events of no known log source for this one: product=linux,service=auth (* for any part)", \
				   "將來源不明的事件視為此紀錄來源" }, true }, \
	{ "all-sources", 0, NULL, { "try whole rules on events of no known log source, those of keywords and exclusions too", \
				    "來源不明的事件也比對關鍵字與排除型規則" }, false }
/* "Sigma rules: a file or a folder" and so on. */
#define CLI_RULES_OPTS \
	{ "rules", 'r', "PATH", { "Sigma rules: a file, or a folder with all below it", "Sigma 規則檔或資料夾" }, true }, \
	{ "lists", 0, "DIR", { "values of placeholders: NAME.txt holds those of %NAME%, one a line", "佔位符清單資料夾" }, false }, \
	CLI_SOURCES_OPTS

#endif
