/* Views of the desk as JSON: one shape for the command line and for REST. */
#ifndef DESK_SHOW_H
#define DESK_SHOW_H

#include "base/jsonw.h"
#include "desk/derive.h"

/* "title": {"en": ..., "zh-TW": ...} */
void show_words(struct jsonw *w, const char *name, const struct pack_words *words);
/* "due": "2026-02-27T16:30:00Z", without a fraction that is nought; NO_TIME: null. */
void show_time(struct jsonw *w, const char *name, usec t);
/* "2026-02-28 00:30", by the clock on the wall in the pack's place. */
void show_wall(struct buf *out, const struct pack *p, usec t);
/* "c": 3, "i": null, ... "overall": 3 */
void show_levels(struct jsonw *w, const struct pack *p, const uint8_t *of, uint8_t overall);
/* Whether the pack's law was in force on the day on which the incident became known; not known yet: at `at`. */
bool show_in_force(const struct pack *p, const struct incident_view *v, usec at);
/* Members of an open object: pack, at, in_force, state, subject, level, clocks, facts. */
void show_view(struct jsonw *w, const struct pack *p, const struct incident_view *v, usec at);
/* "problems": [...] */
void show_problems(struct jsonw *w, const struct desk_facts *f);

#endif
