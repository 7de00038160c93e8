/* Boards: tables of indicators, each a pure function of (picture, question). A board says for every record to which row and
 * measure it contributes; from the same words come the number, the records behind it, its CSV and its formula, so none of
 * them can tell otherwise than the others.
 *
 * What keeps boards honest is here and not in the pages that show them: bins of equal length, the bin that still runs is
 * marked, no report is another thing than nought, a share has its interval, one law per board, and for the public nothing
 * that fewer than `k` members stand behind. */
#ifndef PICTURE_BOARD_H
#define PICTURE_BOARD_H

#include "base/arena.h"
#include "base/jsonw.h"
#include "picture/picture.h"

#define BOARD_ROWS_MAX 20000
#define BOARD_COLUMNS_MAX 16
#define BOARD_DAY ((usec)86400 * USEC_PER_SEC)
#define BOARD_SILENT_AFTER ((usec)3600 * USEC_PER_SEC)

struct board_words { const char *en, *zh; };

enum board_op {
	BOARD_COUNT,      /* records in a */
	BOARD_MEMBERS,    /* different members in a */
	BOARD_SECTORS,    /* different sectors of the members in a */
	BOARD_MEDIAN, BOARD_P90, BOARD_LEAST, BOARD_MOST, /* of the values in a */
	BOARD_SHARE,      /* records of a / records of b, with its interval */
	BOARD_SHARE_OF,   /* members in a / records of b, with its interval */
	BOARD_PER_100,    /* 100 * records of a / records of b, with its interval */
	BOARD_CHANGE,     /* records of a - records of b */
};
/* What the value is to people. */
enum board_unit { UNIT_COUNT, UNIT_SHARE, UNIT_RATE, UNIT_SPAN, UNIT_TIME, UNIT_STATE, UNIT_RATIO };

struct board_column {
	const char *id;
	struct board_words title, formula;
	enum board_op op;
	uint8_t a, b;              /* measures */
	enum board_unit unit;
};

/* Which kind of record stands behind a number. */
enum board_record { RECORD_INCIDENT, RECORD_TICKET, RECORD_SEEN, RECORD_MEMBER, RECORD_SOURCE, RECORD_OFFERED, RECORD_TELLER };

struct board_query {
	usec from, until, now;     /* [from, until) */
	usec before;               /* the period of equal length before; set by board_make */
	int bin_days;              /* 1, 7 or 28 */
	int zone;                  /* seconds ahead of UTC: where days begin */
	uint32_t pack, sector, region, member; /* words, member an index; 0 / 0 / 0 / UINT32_MAX: all */
	bool exercise;             /* drills, and nothing but drills */
	int k;                     /* 0: for members of the desk; else what fewer members stand behind is not told */
};

struct board_run; /* what a board's mapping speaks to */
typedef void (*board_map)(struct board_run *r);

struct board_spec {
	const char *id;
	struct board_words title, rows; /* rows: what one row is */
	const struct board_column *columns; /* ends with id NULL */
	board_map map;
	const char *order;         /* column by which rows are sorted, the largest first; NULL: as they come */
	bool by_law;               /* one law at a time */
	bool by_time;              /* rows are bins */
	bool public_;              /* a board for the public, too */
	bool by_member;            /* rows are members */
};
/* All boards; ends with id NULL. */
extern const struct board_spec BOARDS[];
const struct board_spec *board_find(struct str id); /* NULL */

enum board_cell_state { CELL_VALUE, CELL_EMPTY /* nothing to compute it from */, CELL_NO_REPORT, CELL_HIDDEN /* fewer than k */ };

struct board_cell {
	enum board_cell_state state;
	double value, low, high;   /* low, high: of shares and rates */
};

struct board_row {
	uint32_t word;             /* what the row is; or of a bin: */
	usec from, until;
	struct str key;            /* for links: the word's text, or the bin's first day */
	bool running, no_report;
	struct board_cell cells[BOARD_COLUMNS_MAX];
};

struct board {
	const struct board_spec *spec;
	struct board_query query;
	struct board_row *rows;
	size_t n, n_columns;
	size_t cut;                /* rows that were left out at BOARD_ROWS_MAX */
	size_t members, heard;     /* members whose silence would mean something, and those heard within BOARD_SILENT_AFTER */
	size_t hidden;             /* cells that were suppressed */
};

/* The first instant of the bin in which `at` lies. */
usec board_bin_begin(const struct board_query *q, usec at);

/* All in `a`. RC_NOMEM; RC_BAD: the question makes no sense. */
enum rc board_make(const struct picture *p, const struct board_spec *spec, const struct board_query *q, struct arena *a, struct board *ret,
		   struct err *err) MUSTUSE;

/* A record behind a number. */
struct board_record_ref {
	enum board_record kind;
	uint32_t index;            /* in its table */
	bool in_a, in_b;
	double value;
};
/* Those behind one cell; a row of .p NULL: of all rows, a column of .p NULL: the first. RC_NOTFOUND: no such row or column; RC_DENIED: a cell that may not be told. */
enum rc board_behind(const struct picture *p, const struct board_spec *spec, const struct board_query *q, struct str row, struct str column,
		     struct arena *a, struct board_record_ref **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Members of an open object: "board", "title", "columns", "rows", ... */
void board_json(const struct picture *p, const struct board *b, struct str query_text, struct jsonw *w);
/* RFC 4180 with a header line; every line ends with the question and the instant it was answered. */
void board_csv(const struct picture *p, const struct board *b, struct str query_text, bool zh, struct buf *out);
/* name: {"en", "zh-TW"} */
void board_words_json(struct jsonw *w, const char *name, const struct board_words *words);
/* A record, as an object. */
void board_record_json(const struct picture *p, const struct board_record_ref *r, struct jsonw *w);

#endif
