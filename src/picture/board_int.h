/* How a board's mapping speaks: rows, and contributions to them. Inside picture/ only. */
#ifndef PICTURE_BOARD_INT_H
#define PICTURE_BOARD_INT_H

#include "picture/board.h"
#include "picture/picture_int.h"

#define MEASURES_MAX 16
#define NO_MEMBER UINT32_MAX

struct board_run {
	const struct picture *p;
	const struct board_query *q;
	bool failed;              /* a mapping had no memory: what it added is not all */
	/* A row is there, also when nothing contributes to it. */
	void (*row)(struct board_run *r, uint32_t key, bool no_report);
	/* A record counts in a measure of a row; `member`: whose it is, or NO_MEMBER. */
	/* `n` records of nobody in particular at once; NULL: each one is asked for. */
	void (*add_many)(struct board_run *r, uint32_t key, uint8_t measure, int64_t n);
	void (*add)(struct board_run *r, uint32_t key, uint8_t measure, double value, uint32_t member, enum board_record kind, uint32_t index);
};

static inline bool run_within(usec at, usec from, usec until)
{
	return at != PICTURE_NEVER && at >= from && at < until;
}

/* When an incident counts: as somebody became aware, else as it was opened. */
static inline usec incident_when(const struct picture_incident *i)
{
	return i->at[PICTURE_AWARE] != PICTURE_NEVER ? i->at[PICTURE_AWARE] : i->opened;
}

/* The law, the place and the sort of incident that the question is about. */
bool run_wants_member(const struct board_run *r, uint32_t member);
bool run_wants_incident(const struct board_run *r, const struct picture_incident *i);
/* As it is at q->now. */
enum picture_verdict run_verdict(const struct board_run *r, const struct picture_clock *c);
uint32_t run_sector(const struct picture *p, uint32_t member); /* word, or 0 */
uint32_t run_region(const struct picture *p, uint32_t member);
enum picture_state run_state(const struct board_run *r, const struct picture_member *m);

/* Bins: days since 1970 of the first day, in q's zone, that `at` falls into; bins of a week begin on Monday. */
int64_t bin_of(const struct board_query *q, usec at);
usec bin_begin(const struct board_query *q, int64_t day);

#endif
