/* Boards as plain HTML: tables for reports and for the public pages, from the same JSON that the API gives, so that paper tells what
 * the screen tells. Without script; every byte of it is escaped. Inside web/ only. */
#ifndef WEB_BOARD_HTML_H
#define WEB_BOARD_HTML_H

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"

/* Text between tags or in an attribute in double quotes; what hides or turns text is shown as what it is. */
void html_text(struct buf *out, struct str s);
/* {"en", "zh-TW"} */
void html_words(struct buf *out, const struct json *words, bool zh);

struct board_html {
	bool zh;
	int zone;
	int most;               /* rows */
	struct str link;        /* before "/console/boards/...": numbers become links there; .p NULL: they do not */
	bool formulas;
};
/* `board`: as GET /api/v1/boards/{board} gives it. */
void board_html_table(struct buf *out, const struct json *board, const struct board_html *how);

#endif
