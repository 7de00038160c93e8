/* Cells of a board, as its JSON has them, in words: for reports and pages without a script. Plain text, not escaped. */
#ifndef PICTURE_TEXT_H
#define PICTURE_TEXT_H

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"

/* A number as people read it: "83 % (70 to 91 %)", "2 d 4 h", "no report". Times by a clock `zone` seconds ahead of UTC. */
void board_cell_text(struct buf *out, const struct json *column, const struct json *cell, int64_t k, int zone, bool zh);
/* An instant, "2026-01-05 08:30". */
void board_time_text(struct buf *out, usec at, int zone);

#endif
