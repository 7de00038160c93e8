/* Indicators as STIX objects: what one says of itself, with the markings that came
 * along with it. The same for every file of indicators, whoever reads it. */
#ifndef DETECT_INDICATOR_JSON_H
#define DETECT_INDICATOR_JSON_H

#include "base/json.h"
#include "detect/image.h"

#define INDICATOR_MARKINGS_MAX 100000 /* definitions of one's own that are kept; others count as unknown */
#define INDICATOR_TLP_NONE UINT8_MAX  /* no marking says how widely it may be told */

/* Marking definitions and versions that were read so far. */
struct indicator_context;
struct indicator_context *indicator_context_new(void) MUSTUSE;
void indicator_context_free(struct indicator_context *c);
void indicator_context_freep(struct indicator_context **c);

/* Keeps what `v` defines, if it is a marking definition. RC_NOMEM. */
enum rc indicator_marking(struct indicator_context *c, const struct json *v, struct err *err) MUSTUSE;

struct indicator_told {
	struct image_indicator i; /* strings borrowed from the object; tlp INDICATOR_TLP_NONE, confidence UINT8_MAX: not said */
	struct str name;
	bool unknown_marking;     /* of a marking nobody has defined yet: i.tlp is TLP:RED, and may change with the definition */
};

/* RC_NOTFOUND: no indicator. RC_UNSUPPORTED: its pattern is in another language; ret->i.id is set. */
enum rc indicator_read(const struct indicator_context *c, const struct json *v, struct indicator_told *ret, struct err *err) MUSTUSE;

/* Is there a newer version of it (STIX 2.1 §3.6)? If not, this one is now the newest. RC_NOMEM. */
enum rc indicator_newest(struct indicator_context *c, const struct json *v, bool *ret, struct err *err) MUSTUSE;

#endif
