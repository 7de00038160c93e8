/* What a node knows of the situation, in tables in memory: incidents as each law sees them, who saw which indicator, tickets,
 * members, sources. Boards (board.h) are computed from it.
 *
 * Rows are put one by one and replaced by key, so a fact costs what it changes and not a new reading of five years. Nothing
 * here reads a clock or a store: the caller brings the rows, so the same rows give the same boards. Texts are kept once, as
 * numbered words. Not thread-safe. */
#ifndef PICTURE_PICTURE_H
#define PICTURE_PICTURE_H

#include "base/str.h"
#include "base/time.h"

#define PICTURE_NEVER INT64_MIN
#define PICTURE_INCIDENTS_MAX 2000000
#define PICTURE_CLOCKS_MAX 20000000
#define PICTURE_MEMBERS_MAX 200000
#define PICTURE_SEEN_MAX 8000000
#define PICTURE_TICKETS_MAX 4000000
#define PICTURE_SOURCES_MAX 100000
#define PICTURE_WORDS_MAX 16000000
#define PICTURE_TECHNIQUES_MAX 8     /* of one ticket */
#define PICTURE_DELIVERIES 32        /* of a source that are remembered for its rhythm */
#define PICTURE_LEVELS 9

struct picture;

struct picture *picture_new(void) MUSTUSE; /* NULL: out of memory */
void picture_free(struct picture *p);      /* accepts NULL */

/* A text as a number, the same for the same text; 0 is the empty one. RC_LIMIT, RC_NOMEM. */
enum rc picture_word(struct picture *p, struct str text, uint32_t *ret) MUSTUSE;
/* 0 when no row ever said it. */
uint32_t picture_known(const struct picture *p, struct str text);
struct str picture_text(const struct picture *p, uint32_t word);

/* Words that every picture has: the spans of the board of times. */
enum picture_fixed { WORD_NONE, WORD_MTTK, WORD_MTTN, WORD_MTTR, WORD_MTTC, WORD_MTTI, WORDS_FIXED };

/* --- members --- */

enum picture_state { PICTURE_UNKNOWN, PICTURE_HEARD, PICTURE_SILENT };

struct picture_member {
	uint32_t key, name, sector, region, tier; /* words; key: who it is */
	bool listed;         /* the register has it: it counts among the members of its sector */
	bool linked;         /* its node exchanges with ours: silence means something */
	bool hidden;         /* it turned out to be another one, which stands for it */
	usec heard;          /* when its node was last heard, or PICTURE_NEVER */
};
/* Replaces one of the same key. *ret: its index, which stays. */
enum rc picture_put_member(struct picture *p, const struct picture_member *m, uint32_t *ret) MUSTUSE;
/* It was heard at `at`, if that is later than what is known. */
void picture_member_heard(struct picture *p, uint32_t member, usec at);
/* UINT32_MAX: none. */
uint32_t picture_find_member(const struct picture *p, uint32_t key);

/* --- incidents --- */

enum picture_verdict { PICTURE_RUNNING, PICTURE_MET, PICTURE_BREACHED, PICTURE_VOID };

struct picture_clock {
	uint32_t id, who;            /* words: the clock of the law, the role that has to act */
	usec start, due, stop;       /* due, stop: PICTURE_NEVER when there is none */
	uint8_t verdict;             /* as derived; one that runs is breached once its due instant is past */
	uint8_t stops;               /* enum picture_time that stops it, or PICTURE_TIMES */
};

/* Instants of an incident; PICTURE_NEVER: not stated. */
enum picture_time { PICTURE_OCCURRED, PICTURE_AWARE, PICTURE_NOTIFIED, PICTURE_REVIEWED, PICTURE_CONTAINED, PICTURE_RECOVERED, PICTURE_REPORTED,
		    PICTURE_CLOSED, PICTURE_TIMES };

/* An incident under one law. */
struct picture_incident {
	uint32_t number, title, pack, member; /* words; member: its index */
	uint8_t level;               /* 0: none yet */
	bool exercise, open, void_;  /* void_: no incident, or merged into another: it counts nowhere */
	uint16_t reopened;           /* how often */
	usec opened;
	usec at[PICTURE_TIMES];
	uint32_t clock_first, n_clocks; /* set by the picture */
};
/* Replaces the one of the same number and pack. */
enum rc picture_put_incident(struct picture *p, const struct picture_incident *i, const struct picture_clock *clocks, size_t n_clocks) MUSTUSE;

/* --- who saw which indicator --- */

struct picture_seen {
	uint32_t indicator, member;  /* word; index */
	usec first, last;
	int64_t hits;
	uint32_t next, head;         /* of the same indicator; set by the picture */
};
/* One telling of one day in one log; `key` (a word) tells them apart, a later telling of the same replaces the earlier. */
enum rc picture_put_sighting(struct picture *p, uint32_t key, const struct picture_seen *s) MUSTUSE;

/* --- tickets --- */

struct picture_ticket {
	uint32_t number, member;
	uint32_t techniques[PICTURE_TECHNIQUES_MAX]; /* words */
	uint8_t n_techniques;
	bool closed, false_alarm;
	usec first, opened;
	int64_t hits;
};
enum rc picture_put_ticket(struct picture *p, const struct picture_ticket *t) MUSTUSE;

/* --- sources of intelligence --- */

struct picture_source {
	uint32_t name;
	int64_t objects;
	usec deliveries[PICTURE_DELIVERIES]; /* a ring, the latest at (n - 1) % PICTURE_DELIVERIES; an hour or more apart */
	uint32_t n;
	usec last;                   /* of the latest object */
};
/* An object came from there. In the order of arrival. */
enum rc picture_delivered(struct picture *p, uint32_t source, usec at, int64_t objects) MUSTUSE;

/* --- what members have loaded --- */

#define PICTURE_OFFERED_MAX 4000000
#define PICTURE_LOADED_MAX 8000000
#define PICTURE_TELLERS_MAX PICTURE_MEMBERS_MAX

/* An indicator was released to members at `at`. Again: the first counts. In the order of `at`. */
enum rc picture_offered(struct picture *p, uint32_t indicator, usec at) MUSTUSE;
/* Who says what its detector has: a member itself (`who` 0), or somebody behind it whom it names by a pseudonym (a word). `since`: from
 * when on it tells of each release, PICTURE_NEVER: of all; `out`: it looks at nothing, so it is not among those to be protected. Again: replaces. */
enum rc picture_teller(struct picture *p, uint32_t member, uint32_t who, usec since, bool out) MUSTUSE;
/* Such a one has had this indicator in its detector since `at`. Again: the first counts. */
enum rc picture_loaded(struct picture *p, uint32_t member, uint32_t who, uint32_t indicator, usec at) MUSTUSE;

/* --- what there is --- */

/* Since when this node keeps records: before it there is no report, which is not nought. PICTURE_NEVER: unknown. */
void picture_since(struct picture *p, usec at);

struct picture_counts { size_t incidents, members, seen, tickets, sources, offered, tellers, loaded; };
void picture_count(const struct picture *p, struct picture_counts *ret);

#endif
