#include "web/board_html.h"

#include <stdio.h>

#include "base/text.h"
#include "picture/text.h"

#define TEXT_MAX ((size_t)1 << 20)

void html_text(struct buf *out, struct str s)
{
	struct buf seen;

	buf_init(&seen, TEXT_MAX);
	utf8_visible(&seen, s);
	for (size_t i = 0; i < seen.n; i++) {
		char c = seen.p[i];

		switch (c) {
		case '<': buf_cstr(out, "&lt;"); break;
		case '>': buf_cstr(out, "&gt;"); break;
		case '&': buf_cstr(out, "&amp;"); break;
		case '"': buf_cstr(out, "&quot;"); break;
		case '\'': buf_cstr(out, "&#39;"); break;
		default: buf_char(out, c);
		}
	}
	buf_done(&seen);
}

static struct str words_of(const struct json *words, bool zh)
{
	struct str text = json_get_str(words, zh ? S("zh-TW") : S("en"));

	return text.n > 0 ? text : json_get_str(words, S("en"));
}

void html_words(struct buf *out, const struct json *words, bool zh)
{
	html_text(out, words_of(words, zh));
}

/* --- the table --- */

static void put_name(struct buf *out, const struct json *board, const struct json *row, const struct board_html *how)
{
	struct str key = json_get_str(row, S("key"));
	const struct json *words = json_get(json_get(board, S("words")), key);
	bool running = false;

	if (words != NULL)
		html_words(out, words, how->zh);
	else if (json_get_str(row, S("name")).n > 0)
		html_text(out, json_get_str(row, S("name")));
	else
		buf_cstr(out, how->zh ? "未登錄" : "not registered");
	(void)json_bool(json_get(row, S("running")), &running);
	if (running)
		buf_cstr(out, how->zh ? "（期間未滿）" : " (still running)");
}

/* Where the console shows the records behind this number. */
static void put_link(struct buf *out, const struct json *board, const struct json *row, const struct json *column, const struct board_html *how)
{
	struct buf raw;

	buf_init(&raw, 4096);
	buf_fmt(&raw, "%.*s/console/boards/%.*s?from=%.*s&until=%.*s&column=%.*s&row=", STR(how->link), STR(json_get_str(board, S("board"))),
		STR(json_get_str(board, S("from"))), STR(json_get_str(board, S("until"))), STR(json_get_str(column, S("id"))));
	percent_put(&raw, json_get_str(row, S("key")));
	buf_cstr(out, "<a href=\"");
	html_text(out, buf_view(&raw));
	buf_cstr(out, "\">");
	buf_done(&raw);
}

static void put_row(struct buf *out, const struct json *board, const struct json *row, const struct board_html *how)
{
	const struct json *columns = json_get(board, S("columns")), *cells = json_get(row, S("cells"));
	int64_t k = 0;
	uint32_t i = 0;

	(void)json_int(json_get(board, S("k")), &k);
	buf_cstr(out, "<tr><th scope=\"row\">");
	put_name(out, board, row, how);
	buf_cstr(out, "</th>");
	JSON_EACH(column, columns) {
		const struct json *cell = json_item(cells, i++);
		bool links = how->link.p != NULL && json_get(cell, S("value")) != NULL;

		buf_cstr(out, "<td>");
		if (links)
			put_link(out, board, row, column, how);
		board_cell_text(out, column, cell, k, how->zone, how->zh);
		buf_cstr(out, links ? "</a></td>" : "</td>");
	}
	buf_cstr(out, "</tr>\n");
}

static void put_formulas(struct buf *out, const struct json *board, bool zh)
{
	buf_cstr(out, "<dl class=\"formulas\">");
	JSON_EACH(column, json_get(board, S("columns"))) {
		buf_cstr(out, "<dt>");
		html_words(out, json_get(column, S("title")), zh);
		buf_cstr(out, "</dt><dd>");
		html_words(out, json_get(column, S("formula")), zh);
		buf_cstr(out, "</dd>");
	}
	buf_cstr(out, "</dl>\n");
}

void board_html_table(struct buf *out, const struct json *board, const struct board_html *how)
{
	const struct json *rows = json_get(board, S("rows"));
	int n = 0;

	buf_cstr(out, "<table><caption>");
	html_words(out, json_get(board, S("title")), how->zh);
	buf_cstr(out, "</caption><thead><tr><th scope=\"col\">");
	html_words(out, json_get(board, S("row_title")), how->zh);
	buf_cstr(out, "</th>");
	JSON_EACH(column, json_get(board, S("columns"))) {
		buf_cstr(out, "<th scope=\"col\">");
		html_words(out, json_get(column, S("title")), how->zh);
		buf_cstr(out, "</th>");
	}
	buf_cstr(out, "</tr></thead><tbody>\n");
	JSON_EACH(row, rows)
		if (n++ < how->most)
			put_row(out, board, row, how);
	buf_cstr(out, "</tbody></table>\n");
	if (rows->n == 0)
		buf_fmt(out, "<p>%s</p>\n", how->zh ? "此期間沒有資料。" : "Nothing in this period.");
	if (n > how->most)
		buf_fmt(out, how->zh ? "<p>另有 %d 列未列出。</p>\n" : "<p>%d more rows are not listed.</p>\n", n - how->most);
	if (how->formulas)
		put_formulas(out, board, how->zh);
}
