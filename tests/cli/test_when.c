/* Times as people type and read them, in zones with and without summer time. */
#include "cli/when.h"

#include "tap.h"

static const struct {
	const char *zone, *now, *typed;
	bool coming;
	const char *want; /* NULL: refused */
} reads[] = {
	/* UTC+8: 01:30 on the 28th there */
	{ "CST-8", "2026-02-27T17:30:00.5Z", "23:30", false, "2026-02-27T15:30:00.000000Z" },   /* yesterday's, there */
	{ "CST-8", "2026-02-27T17:30:00Z", "01:30", false, "2026-02-27T17:30:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "01:31", false, "2026-02-26T17:31:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "01:30", true, "2026-02-28T17:30:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "12:00", true, "2026-02-28T04:00:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "2026-02-27 23:30", false, "2026-02-27T15:30:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", " 2026-02-27T23:30:05 ", false, "2026-02-27T15:30:05.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "2026-02-27T23:30:00+08:00", false, "2026-02-27T23:30:00+08:00" },
	{ "CST-8", "2026-02-27T17:30:00Z", "2026-02-27T15:30:00.123456789Z", true, "2026-02-27T15:30:00.123456789Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "now", true, "2026-02-27T17:30:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "20m", false, "2026-02-27T17:10:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "36h", true, "2026-03-01T05:30:00.000000Z" },
	{ "CST-8", "2026-02-27T17:30:00Z", "1w", false, "2026-02-20T17:30:00.000000Z" },
	/* summer time begins on 2026-03-29 at 02:00 and ends on 2026-10-25 at 03:00 */
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T06:00:00Z", "01:00", false, "2026-03-29T00:00:00.000000Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T06:00:00Z", "04:00", false, "2026-03-29T02:00:00.000000Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-24T12:00:00Z", "12:00", true, "2026-10-25T11:00:00.000000Z" },
	{ "UTC0", "2026-03-01T00:10:00Z", "23:30", false, "2026-02-28T23:30:00.000000Z" },
	{ "UTC0", "2026-03-01T00:10:00Z", "2026-02-28 24:00", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "2026-02-30 10:00", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "2026-02-28", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "2026-2-28 10:00", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "18:61", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "8:15", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "10:15x", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "20", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "999999d", false, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "tomorrow", true, NULL },
	{ "UTC0", "2026-03-01T00:10:00Z", "", false, NULL },
};

static const struct { const char *zone, *text, *want; } shows[] = {
	{ "CST-8", "2026-02-27T16:30:00.123456Z", "2026-02-28T00:30:00+08:00" },
	{ "CST-8", "2026-02-28T00:30:00+08:00", "2026-02-28T00:30:00+08:00" },
	{ "UTC0", "2026-02-27T16:30:00.999999Z", "2026-02-27T16:30:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01T00:00:00Z", "2026-07-01T02:00:00+02:00" },
	{ "NST3:30", "2026-02-27T16:30:00Z", "2026-02-27T13:00:00-03:30" },
	{ "CST-8", "1969-12-31T23:59:59.5Z", "1970-01-01T07:59:59+08:00" },
	{ "CST-8", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z" }, /* would be of the year 10000 there */
	{ "CST-8", "soon", "soon" },
	{ "CST-8", "", "" },
};

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

int main(void)
{
	for (size_t i = 0; i < COUNTOF(reads); i++) {
		char got[TIME_TEXT_MAX] = "";
		struct err err = { 0 };
		usec now;
		enum rc rc;

		zone(reads[i].zone);
		if (time_parse(str_of(reads[i].now), &now, NULL, &err) != RC_OK)
			return 1;
		rc = when_read(str_of(reads[i].typed), reads[i].coming, now, got, &err);
		OK(rc == (reads[i].want == NULL ? RC_BAD : RC_OK) && (rc == RC_OK || str_find(str_of(err.text), S("is no time"), 0) != SIZE_MAX),
		   "%s '%s'%s: %s", reads[i].zone, reads[i].typed, reads[i].coming ? " to come" : "", reads[i].want == NULL ? "refused" : "read");
		if (reads[i].want != NULL)
			EQ_STR(str_of(got), str_of(reads[i].want), reads[i].want);
	}
	for (size_t i = 0; i < COUNTOF(shows); i++) {
		char out[TIME_TEXT_MAX];

		zone(shows[i].zone);
		EQ_STR(when_show(str_of(shows[i].text), out), str_of(shows[i].want), shows[i].want);
	}
	return tap_done();
}
