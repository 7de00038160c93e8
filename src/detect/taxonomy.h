/* Log sources: how events of a Sigma log source are recognised, and how the
 * fields of its rules are named there. Data, read from the packs built
 * into the program; a folder of the user's may add to it or replace it. */
#ifndef DETECT_TAXONOMY_H
#define DETECT_TAXONOMY_H

#include "detect/sigma.h"

struct taxonomy_map { struct str rule, event; }; /* "Image" is called "NewProcessName" here */

/* One way in which events of a source appear; a source may have several (process_creation: Sysmon 1, Security 4688). */
struct taxonomy_variant {
	struct str name;                /* "windows-process_creation-security" */
	struct sigma_logsource source;
	const struct sigma_node *when;  /* over the event's own fields: Channel, EventID, _path, _format ... */
	const struct taxonomy_map *maps;
	uint32_t n_maps;
	bool assumed;                   /* what no other variant knows is taken for this; `when` is never */
	bool open;                      /* a format of many products: rules of log sources that no variant is apply to it too */
};

struct taxonomy {
	const struct taxonomy_variant *variants;
	uint32_t n;
	bool all_sources; /* events of no variant are put to whole rules; else a match there has to rest on a field of the event */
};

/* The built-in packs and, behind them, those of `folder` (may be NULL). RC_BAD names file and line. Lives in `a`. */
enum rc taxonomy_load(struct arena *a, const char *folder, const struct taxonomy **ret, struct err *err) MUSTUSE;

/* Takes events that no variant knows for those of the source `text`: "product=linux,service=auth", in any order, "*" for any
 * value of a part. RC_BAD: it is none. The copy lives in `a`, like what it points to. */
enum rc taxonomy_assume(struct arena *a, const struct taxonomy *t, struct str text, const struct taxonomy **ret, struct err *err) MUSTUSE;

/* A rule applies to a variant when each part of its own log source is empty or the same. */
bool taxonomy_applies(const struct sigma_logsource *rule, const struct taxonomy_variant *variant);

/* Is there a variant that rules of this source apply to? If not, they only meet events of no known source and of open variants. */
bool taxonomy_knows(const struct taxonomy *t, const struct sigma_logsource *source);

#endif
