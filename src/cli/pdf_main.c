/* lianfang-pdf: a situation report (GET /api/v1/reports/situation) from standard input as a PDF on standard output.
 *
 * A program of its own because fonts and their layout (Pango, cairo, fontconfig and what they bring) have no place in a node: lianfang
 * starts it for one report, and it ends. usage: lianfang-pdf zh-TW|en [BASE] */
#include <pango/pangocairo.h>
#include <cairo-pdf.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "picture/text.h"

#define WIDTH 595.28   /* A4, in points */
#define HEIGHT 841.89
#define MARGIN 42.0
#define FOOT 30.0
#define INPUT_MAX ((size_t)64 << 20)
#define ROWS 15
#define COLUMNS_MAX 17
#define FONT "Noto Sans CJK TC, Noto Sans, sans-serif"

struct paper {
	cairo_t *cr;
	double y;
	int page, zone;
	bool zh;
	const char *base;        /* before links, or NULL */
	struct buf foot;
};

static cairo_status_t write_out(void *closure, const unsigned char *data, unsigned int n)
{
	(void)closure;
	return fwrite(data, 1, n, stdout) == n ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static PangoLayout *layout_of(struct paper *p, struct str text, double width, double size, bool bold, PangoAlignment align)
{
	PangoLayout *l = pango_cairo_create_layout(p->cr);
	PangoFontDescription *f = pango_font_description_from_string(FONT);

	pango_font_description_set_absolute_size(f, size * PANGO_SCALE);
	pango_font_description_set_weight(f, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_layout_set_font_description(l, f);
	pango_font_description_free(f);
	pango_layout_set_width(l, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(l, align);
	pango_layout_set_text(l, text.p == NULL ? "" : text.p, (int)text.n);
	return l;
}

static double height_of(PangoLayout *l)
{
	int h;

	pango_layout_get_size(l, NULL, &h);
	return (double)h / PANGO_SCALE;
}

static void draw(struct paper *p, PangoLayout *l, double x, double y)
{
	cairo_move_to(p->cr, x, y);
	pango_cairo_show_layout(p->cr, l);
}

/* --- pages --- */

static void foot(struct paper *p)
{
	PangoLayout *l;
	struct buf b;

	buf_init(&b, 4096);
	buf_fmt(&b, "%.*s  ·  %d", STR(buf_view(&p->foot)), p->page);
	l = layout_of(p, buf_view(&b), WIDTH - 2 * MARGIN, 8, false, PANGO_ALIGN_CENTER);
	draw(p, l, MARGIN, HEIGHT - FOOT);
	g_object_unref(l);
	buf_done(&b);
}

static void need(struct paper *p, double height)
{
	if (p->y + height <= HEIGHT - MARGIN - FOOT / 2)
		return;
	foot(p);
	cairo_show_page(p->cr);
	p->page++;
	p->y = MARGIN;
}

static void paragraph(struct paper *p, struct str text, double size, bool bold, double behind)
{
	PangoLayout *l = layout_of(p, text, WIDTH - 2 * MARGIN, size, bold, PANGO_ALIGN_LEFT);

	need(p, height_of(l));
	draw(p, l, MARGIN, p->y);
	p->y += height_of(l) + behind;
	g_object_unref(l);
}

static struct str words_of(const struct paper *p, const struct json *words)
{
	struct str s = json_get_str(words, p->zh ? S("zh-TW") : S("en"));

	return s.n > 0 ? s : json_get_str(words, S("en"));
}

static void rule(struct paper *p, double width)
{
	cairo_set_line_width(p->cr, width);
	cairo_move_to(p->cr, MARGIN, p->y);
	cairo_line_to(p->cr, WIDTH - MARGIN, p->y);
	cairo_stroke(p->cr);
}

/* --- tables --- */

struct cells {
	PangoLayout *l[COLUMNS_MAX];
	char link[COLUMNS_MAX][512]; /* "" = none */
	size_t n;
	double first, rest;          /* widths */
};

static void add_cell(struct paper *p, struct cells *c, struct str text, bool bold)
{
	double width = c->n == 0 ? c->first : c->rest;

	c->link[c->n][0] = '\0';
	c->l[c->n] = layout_of(p, text, width - 6, 8, bold, c->n == 0 ? PANGO_ALIGN_LEFT : PANGO_ALIGN_RIGHT);
	c->n++;
}

static double cells_height(const struct cells *c)
{
	double most = 0;

	for (size_t i = 0; i < c->n; i++)
		most = height_of(c->l[i]) > most ? height_of(c->l[i]) : most;
	return most + 4;
}

static void draw_cells(struct paper *p, struct cells *c)
{
	double x = MARGIN, high = cells_height(c);

	need(p, high);
	for (size_t i = 0; i < c->n; i++) {
		if (c->link[i][0] != '\0')
			cairo_tag_begin(p->cr, CAIRO_TAG_LINK, c->link[i]);
		draw(p, c->l[i], x + 3, p->y + 2);
		if (c->link[i][0] != '\0')
			cairo_tag_end(p->cr, CAIRO_TAG_LINK);
		x += i == 0 ? c->first : c->rest;
		g_object_unref(c->l[i]);
	}
	c->n = 0;
	p->y += high;
	rule(p, 0.3);
}

static void head_row(struct paper *p, const struct json *board, struct cells *c)
{
	add_cell(p, c, words_of(p, json_get(board, S("row_title"))), true);
	JSON_EACH(column, json_get(board, S("columns")))
		if (c->n < COLUMNS_MAX)
			add_cell(p, c, words_of(p, json_get(column, S("title"))), true);
	draw_cells(p, c);
	rule(p, 1);
}

static struct str row_name(const struct paper *p, const struct json *board, const struct json *row)
{
	struct str key = json_get_str(row, S("key"));
	const struct json *words = json_get(json_get(board, S("words")), key);

	if (words != NULL)
		return words_of(p, words);
	return json_get_str(row, S("name")).n > 0 ? json_get_str(row, S("name")) : p->zh ? S("未登錄") : S("not registered");
}

static void link_cell(const struct paper *p, char out[static 512], const struct json *board, const struct json *row, const struct json *column)
{
	struct buf b;

	buf_init(&b, 512);
	buf_fmt(&b, "uri='%s/console/boards/%.*s?from=%.*s&until=%.*s&column=%.*s&row=", p->base, STR(json_get_str(board, S("board"))),
		STR(json_get_str(board, S("from"))), STR(json_get_str(board, S("until"))), STR(json_get_str(column, S("id"))));
	percent_put(&b, json_get_str(row, S("key")));
	buf_cstr(&b, "'");
	out[0] = '\0';
	if (b.bad == RC_OK && memchr(b.p + 5, '\'', b.n - 6) == NULL)
		snprintf(out, 512, "%.*s", STR(buf_view(&b)));
	buf_done(&b);
}

static void data_row(struct paper *p, const struct json *board, const struct json *row, struct cells *c)
{
	const struct json *cells = json_get(row, S("cells"));
	int64_t k = 0;
	uint32_t i = 0;

	(void)json_int(json_get(board, S("k")), &k);
	add_cell(p, c, row_name(p, board, row), false);
	JSON_EACH(column, json_get(board, S("columns"))) {
		const struct json *cell = json_item(cells, i++);
		struct buf b;

		if (c->n == COLUMNS_MAX)
			break;
		buf_init(&b, 4096);
		board_cell_text(&b, column, cell, k, p->zone, p->zh);
		add_cell(p, c, buf_view(&b), false);
		buf_done(&b);
		if (p->base != NULL && json_get(cell, S("value")) != NULL)
			link_cell(p, c->link[c->n - 1], board, row, column);
	}
	draw_cells(p, c);
}

static void formulas(struct paper *p, const struct json *board)
{
	struct buf b;

	buf_init(&b, 65536);
	JSON_EACH(column, json_get(board, S("columns")))
		buf_fmt(&b, "%.*s%s%.*s%s", STR(words_of(p, json_get(column, S("title")))), p->zh ? "：" : ": ", STR(words_of(p, json_get(column, S("formula")))),
			p->zh ? "。" : ". ");
	paragraph(p, buf_view(&b), 6.5, false, 2);
	paragraph(p, json_get_str(board, S("query")), 6.5, false, 12);
	buf_done(&b);
}

static void table(struct paper *p, const struct json *board)
{
	const struct json *columns = json_get(board, S("columns")), *rows = json_get(board, S("rows"));
	struct cells c = { .n = 0 };
	double whole = WIDTH - 2 * MARGIN;
	int n = 0;

	c.first = whole * 0.26;
	c.rest = (whole - c.first) / (columns->n > 0 ? (double)columns->n : 1);
	need(p, 70);
	paragraph(p, words_of(p, json_get(board, S("title"))), 11, true, 2);
	head_row(p, board, &c);
	JSON_EACH(row, rows)
		if (n++ < ROWS)
			data_row(p, board, row, &c);
	p->y += 2;
	if (n == 0)
		paragraph(p, p->zh ? S("此期間沒有資料。") : S("Nothing in this period."), 9, false, 2);
	if (n > ROWS)
		paragraph(p, p->zh ? S("其餘各列見 CSV。") : S("For the other rows see the CSV."), 8, false, 2);
	formulas(p, board);
}

/* --- the report --- */

static usec instant_of(const struct json *v, const char *name)
{
	usec at;

	return time_parse(json_get_str(v, str_of(name)), &at, NULL, NULL) == RC_OK ? at : 0;
}

static void head(struct paper *p, const struct json *r)
{
	int64_t members = 0, heard = 0, n;
	struct buf b;

	buf_init(&b, 65536);
	(void)json_int(json_get(r, S("members")), &members);
	(void)json_int(json_get(r, S("heard")), &heard);
	paragraph(p, words_of(p, json_get(r, S("title"))), 20, true, 2);
	buf_fmt(&b, "%.*s  ·  %.*s\n", STR(json_get_str(r, S("node"))), STR(json_get_str(r, S("tlp"))));
	board_time_text(&b, instant_of(r, "from"), p->zone);
	buf_cstr(&b, " – ");
	board_time_text(&b, instant_of(r, "until"), p->zone);
	buf_cstr(&b, p->zh ? "  ·  截至 " : "  ·  as of ");
	board_time_text(&b, instant_of(r, "as_of"), p->zone);
	buf_fmt(&b, p->zh ? "  ·  %lld／%lld 個成員於一小時內有回應" : "  ·  %lld of %lld members were heard within the hour", (long long)heard, (long long)members);
	if (!json_is(json_get(r, S("over")), JSON_TRUE))
		buf_cstr(&b, p->zh ? "\n期間未滿，數字尚會變動" : "\nThe period is not over: numbers will change");
	paragraph(p, buf_view(&b), 9, false, 8);
	JSON_EACH(line, json_get(r, S("summary"))) {
		n = 0;
		(void)json_int(json_get(line, S("value")), &n);
		buf_clear(&b);
		buf_fmt(&b, "•  %lld %.*s", (long long)n, STR(words_of(p, line)));
		paragraph(p, buf_view(&b), 10, false, 1);
	}
	p->y += 8;
	buf_done(&b);
}

static void report(struct paper *p, const struct json *r)
{
	int64_t zone = 0;

	(void)json_int(json_get(r, S("zone")), &zone);
	p->zone = (int)zone;
	buf_fmt(&p->foot, "%.*s  ·  %.*s  ·  %.*s", STR(words_of(p, json_get(r, S("title")))), STR(json_get_str(r, S("node"))), STR(json_get_str(r, S("tlp"))));
	head(p, r);
	JSON_EACH(part, json_get(r, S("parts"))) {
		need(p, 120);
		paragraph(p, words_of(p, json_get(part, S("title"))), 14, true, 2);
		rule(p, 1.5);
		p->y += 8;
		JSON_EACH(board, json_get(part, S("boards")))
			table(p, board);
	}
	foot(p);
}

static bool read_all(struct buf *b)
{
	for (;;) {
		char *room = buf_room(b, 65536);
		ssize_t n = room == NULL ? -1 : read(STDIN_FILENO, room, 65536);

		if (n <= 0)
			return n == 0;
		buf_grew(b, (size_t)n);
	}
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new(INPUT_MAX * 4);
	const struct json *r = NULL;
	struct paper p = { .y = MARGIN, .page = 1, .zh = argc > 1 && strcmp(argv[1], "zh-TW") == 0, .base = argc > 2 ? argv[2] : NULL };
	struct err err = { 0 };
	cairo_surface_t *s;
	struct buf in;
	bool good;

	buf_init(&in, INPUT_MAX);
	buf_init(&p.foot, 4096);
	if (a == NULL || !read_all(&in) || json_parse(a, buf_view(&in), &JSON_LIMITS, &r, &err) != RC_OK) {
		fprintf(stderr, "lianfang-pdf: %s\n", err.text[0] != '\0' ? err.text : "the report cannot be read");
		return 2;
	}
	s = cairo_pdf_surface_create_for_stream(write_out, NULL, WIDTH, HEIGHT);
	p.cr = cairo_create(s);
	report(&p, r);
	cairo_show_page(p.cr);
	good = cairo_status(p.cr) == CAIRO_STATUS_SUCCESS;
	cairo_destroy(p.cr);
	cairo_surface_finish(s);
	good = good && cairo_surface_status(s) == CAIRO_STATUS_SUCCESS && fflush(stdout) == 0;
	cairo_surface_destroy(s);
	buf_done(&in);
	buf_done(&p.foot);
	arena_free(a);
	return good ? 0 : 2;
}
