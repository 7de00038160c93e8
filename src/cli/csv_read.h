/* CSV (RFC 4180) as spreadsheets write it: UTF-8 with or without a mark at its head, lines that end in LF or CRLF. */
#ifndef CLI_CSV_READ_H
#define CLI_CSV_READ_H

#include "base/arena.h"

#define CSV_FIELDS_MAX 64

struct csv_record {
	struct str fields[CSV_FIELDS_MAX]; /* without white space around them */
	size_t n;
	uint32_t line;                     /* where it begins, from 1 */
};

/* Takes one record; its texts are borrowed during the call. */
typedef enum rc (*csv_take)(void *ctx, const struct csv_record *r, struct err *err);

/* All records that hold something, in order. RC_BAD, RC_LIMIT: "LINE: why". */
enum rc csv_each(struct str text, csv_take take, void *ctx, struct err *err) MUSTUSE;

#endif
