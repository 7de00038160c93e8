/* Instants as microseconds since 1970-01-01T00:00:00Z, RFC 3339 text, and a
 * clock that tests can set. No other module reads the system's clock. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/err.h"
#include "base/str.h"

typedef int64_t usec; /* an instant or a span, in microseconds */

#define USEC_PER_SEC ((usec)1000000)
#define TIME_TEXT_MAX 40 /* "9999-12-31T23:59:59.999999Z" and a NUL */

/* Now, by the real clock or by the fake one. */
usec time_now(void);

/* Never goes back, unrelated to the calendar: for spans and time-outs. */
usec time_mono(void);

/* Sleeps for about so long; a signal may end it early. */
void time_nap(usec span);

/* CPU time that this thread has used, in seconds: for benchmarks. */
double time_cpu(void);

/* Tests: from here on time_now() is `now`, and time_mono() moves with it. */
void time_fake_set(usec now);
void time_fake_step(usec span);
void time_fake_off(void);

/* Parses RFC 3339 with "T" and "Z" as STIX 2.1 §2.16 wants it: a real calendar
 * date, second 60 read as 59.999999 and digits behind microseconds cut; years
 * 0001-9999. RC_BAD names the byte. `ret_digits` (may be NULL) gets the number of
 * fraction digits. */
enum rc time_parse(struct str text, usec *ret, int *ret_digits, struct err *err) MUSTUSE;

/* The same with any offset that RFC 3339 §5.6 allows ("+08:00"), "t", "z" and a space instead of "T". */
enum rc time_parse_offset(struct str text, usec *ret, struct err *err) MUSTUSE;

/* Compares two such texts as instants with all their digits: <0, 0, >0. Both must parse. */
int time_text_cmp(struct str a, struct str b);

/* "2026-11-22T01:02:03.000004Z": always six digits (TAXII 2.1 §2). */
struct str time_format(usec t, char out[static TIME_TEXT_MAX]);

/* The same with three digits (STIX created/modified): microseconds are cut. */
struct str time_format_ms(usec t, char out[static TIME_TEXT_MAX]);

/* A date of the proleptic Gregorian calendar, years 1..9999, and days since 1970-01-01. */
struct date { int year, month, day; };
int64_t date_to_days(struct date d);
struct date date_of_days(int64_t days);
int date_month_days(int year, int month);

#endif
