/* Log sources: how events of a Sigma log source are recognised, and how the
 * fields of its rules are named there. Data, read from the packs built
 * into the program; a folder of the user's may add to it or replace it. */
#ifndef DETECT_TAXONOMY_H
#define DETECT_TAXONOMY_H

#include "detect/sigma.h"

struct taxonomy_map { struct str rule, event; }; /* "Image" is called "NewProcessName" here */

/* One way in which events of a source appear; a source may have several (process_creation: Sysmon 1, Security 4688).
 * A rule applies to a variant when each part of its own log source is empty or the same. */
struct taxonomy_variant {
	struct str name;                /* "windows-process_creation-security" */
	struct sigma_logsource source;
	const struct sigma_node *when;  /* over the event's own fields: Channel, EventID, _path, _format ... */
	const struct taxonomy_map *maps;
	uint32_t n_maps;
	bool open;                      /* a format of many products: rules of log sources that no variant is apply to it too */
};

struct taxonomy {
	const struct taxonomy_variant *variants;
	uint32_t n;
};

/* The built-in packs and, behind them, those of `folder` (may be NULL). RC_BAD names file and line. Lives in `a`. */
enum rc taxonomy_load(struct arena *a, const char *folder, const struct taxonomy **ret, struct err *err) MUSTUSE;

/* Is there a variant that rules of this source apply to? If not, they only meet events of no known source and of open variants. */
bool taxonomy_knows(const struct taxonomy *t, const struct sigma_logsource *source);

#endif
