/* What a calendar and a clock on the wall say in one jurisdiction: its zone, its
 * days off, and the end of a period that begins at an instant. Pure. */
#ifndef DESK_CALENDAR_H
#define DESK_CALENDAR_H

#include "base/arena.h"
#include "base/time.h"

/* POSIX.1-2017 §8.3 TZ: "CST-8", "CET-1CEST,M3.5.0,M10.5.0/3". */
struct zone_change {
	int month, week, day; /* Mm.w.d: 1..12, 1..5 (5 = the last), 0 = Sunday .. 6 */
	int32_t at;           /* seconds after midnight, by the clock before the change */
};
struct zone {
	int32_t standard, summer; /* seconds ahead of UTC */
	bool has_summer;
	struct zone_change to_summer, to_standard;
};

/* RC_BAD names the byte. Names of zones are letters, or anything in <>. Only rules of the form Mm.w.d are read. */
enum rc zone_parse(struct str text, struct zone *ret, struct err *err) MUSTUSE;
/* Seconds ahead of UTC at this instant. */
int32_t zone_offset(const struct zone *z, usec at);

struct calendar {
	struct zone zone;
	uint8_t weekend;         /* bit d set: day d of the week (0 = Sunday) is off */
	const int64_t *holidays; /* days since 1970-01-01, ascending */
	size_t n_holidays;
	const int64_t *workdays; /* days of work although they fall on a weekend, ascending */
	size_t n_workdays;
};

bool calendar_works(const struct calendar *c, int64_t day);
/* The day an instant falls on here, and an instant of a day here (`of_day` from midnight by the wall). */
int64_t calendar_day(const struct calendar *c, usec at, usec *ret_of_day);
usec calendar_instant(const struct calendar *c, int64_t day, usec of_day);

/* A period as ISO 8601 says it: "PT1H", "P1M", "P3D", "P1Y2M3DT4H". */
struct period {
	int32_t months, days;
	usec time;
};
enum rc period_parse(struct str text, struct period *ret, struct err *err) MUSTUSE;
void period_print(const struct period *p, char out[static 48]);

enum period_end {
	PERIOD_ROLL = 1,    /* a last day that is off: the next day of work */
	PERIOD_WHOLE_DAY = 2/* ends with the last second of that day, not at the same time of day */
};
/* `from` and then months (the same day of the month, or its last), days and time. `how` counts for periods of days and months
 * only: hours run around the clock. */
usec calendar_end(const struct calendar *c, usec from, const struct period *p, unsigned how);

#endif
