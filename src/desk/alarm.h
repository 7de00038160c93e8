/* The ladder of a clock: at 50, 75 and 90 % of its time, and at its breach, somebody
 * has to be told, each time once. Pure: what was told already is the caller's to know. */
#ifndef DESK_ALARM_H
#define DESK_ALARM_H

#include "desk/derive.h"

#define ALARM_RUNGS 4
extern const uint8_t ALARM_PERCENT[ALARM_RUNGS]; /* 50, 75, 90, 100: the breach */

/* When this rung of a clock is due; NO_TIME: never (no figure, stopped, or void; a breach stays due although the clock was stopped
 * behind it). The rung of a breach is due right behind the due instant, or when the breach came about. */
usec alarm_at(const struct clock_view *v, size_t rung);

/* Whether some rung of some clock is due by then. */
bool alarm_is_due(const struct incident_view *v, usec by);

/* The first instant behind `after` at which some rung of some clock is due, if no fact comes; INT64_MAX: none. */
usec alarm_next(const struct incident_view *v, usec after);

/* Names one clock of an incident for good: "tw-2026 K5 <id of the fact that started it>"; and what such a name says, "" for what
 * it does not. */
struct str alarm_key(struct arena *a, const struct pack *p, const struct clock_view *v);
struct alarm_name { struct str pack, clock, fact; };
struct alarm_name alarm_name(struct str key);

/* What people read of a rung, by percent: "has used 75 %"; short: "75 %". */
struct alarm_words { const char *en, *zh, *brief; };
const struct alarm_words *alarm_words(int percent);

/* The least due instant of those that run; INT64_MAX: none. */
usec alarm_due(const struct incident_view *v);

#endif
