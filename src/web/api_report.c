/* The weekly and the monthly report: the boards of one period in a fixed order - before, during, after - with what has to be said
 * first. As JSON, from which the command makes a PDF, or as one HTML page that prints. Every number links to its records. */
#include "web/api_boards.h"
#include "picture/text.h"
#include "web/board_html.h"

#include "base/hash.h"
#include "base/text.h"
#include "desk/desk.h"
#include "stix/marking.h"
#include "web/api_incidents.h"

#define ROWS 15
#define PARTS 3
#define PART_BOARDS 5

static const struct part {
	struct board_words title;
	const char *boards[PART_BOARDS];
} PARTS_OF[PARTS] = {
	{ { "Before: what protects", "事前：情資與防護" }, { "feeds", "coverage", "techniques", "members", NULL } },
	{ { "During: what happened", "事中：事件與擴散" }, { "incidents", "sectors", "counties", "spread", NULL } },
	{ { "After: how it was answered", "事後：時限與處置" }, { "clocks", "compliance", "tiers", "times", NULL } },
};

static const struct api_param REPORT_PARAMS[] = {
	{ "period", "string", "week (default; Monday to Monday) or month" },
	{ "date", "string", "a day of the period; without it the last one that is over" },
	{ "pack", "string", "the law by which levels and clocks are told; without it the node's own" },
	{ "format", "string", "json (default) or html" },
	{ "lang", "string", "of the HTML: zh-TW (default) or en" },
	{ "base", "string", "what stands before links, as https://node.example" },
	{ NULL, NULL, NULL },
};

/* --- the period --- */

static void month_of(struct board_query *q, int64_t day)
{
	struct date d = date_of_days(day);

	q->from = date_to_days((struct date){ d.year, d.month, 1 });
	q->until = q->from + date_month_days(d.year, d.month);
}

/* Days since 1970 of the period in which `day` lies. */
static void days_of(struct board_query *q, bool month, int64_t day)
{
	if (month) {
		month_of(q, day);
		return;
	}
	q->from = day - (day + 3) % 7;
	q->until = q->from + 7;
}

static enum rc read_period(struct api_call *c, struct board_query *q, bool *ret_month, struct err *err)
{
	struct str period = api_query(c, "period"), date = api_query(c, "date");
	int64_t today = (q->now + (usec)q->zone * USEC_PER_SEC) / BOARD_DAY;
	usec at;

	*ret_month = str_eq(period, S("month"));
	if (period.n > 0 && !*ret_month && !str_eq(period, S("week")))
		return FAIL(err, RC_BAD, "period: expected week or month");
	if (date.n == 0) {
		days_of(q, *ret_month, today);
		days_of(q, *ret_month, (int64_t)q->from - 1);
	} else {
		TRY(api_time(date, "date", false, &at, err));
		days_of(q, *ret_month, at / BOARD_DAY);
	}
	q->from = q->from * BOARD_DAY - (usec)q->zone * USEC_PER_SEC;
	q->until = q->until * BOARD_DAY - (usec)q->zone * USEC_PER_SEC;
	return RC_OK;
}

/* --- as JSON --- */

struct report {
	struct board_query q;
	struct board boards[PARTS][PART_BOARDS];
	bool month;
};

static const struct board *board_of(const struct report *r, const char *id)
{
	for (size_t p = 0; p < PARTS; p++)
		for (size_t i = 0; i < PART_BOARDS; i++)
			if (r->boards[p][i].spec != NULL && strcmp(r->boards[p][i].spec->id, id) == 0)
				return &r->boards[p][i];
	return NULL;
}

static int64_t sum(const struct report *r, const char *board, const char *column)
{
	const struct board *b = board_of(r, board);
	double n = 0;

	for (size_t c = 0; b != NULL && c < b->n_columns; c++)
		if (strcmp(b->spec->columns[c].id, column) == 0)
			for (size_t i = 0; i < b->n; i++)
				n += b->rows[i].cells[c].state == CELL_VALUE ? b->rows[i].cells[c].value : 0;
	return (int64_t)n;
}

/* What has to be said first. Each line names the board it is a sum of. */
static void put_summary(struct jsonw *w, const struct report *r)
{
	static const struct { const char *board, *column, *en, *zh; } lines[] = {
		{ "sectors", "incidents", "incidents of which somebody became aware", "件知悉之資安事件" },
		{ "sectors", "change", "more (or, with a minus, fewer) than in the period before", "件增減（與等長之前一期相較）" },
		{ "sectors", "major", "of them major (level 3 or above)", "件為重大事件（第 3 級以上）" },
		{ "clocks", "late", "clocks that started in the period and are late", "個期間內起算之時限逾時" },
		{ "clocks", "met", "clocks that started in the period and were met", "個期間內起算之時限準時完成" },
		{ "techniques", "tickets", "sightings of ATT&CK techniques in monitoring tickets", "次監控單中之 ATT&CK 手法" },
	};
	const struct board *spread = board_of(r, "spread");

	jsonw_name(w, "summary");
	jsonw_array(w);
	for (size_t i = 0; i < COUNTOF(lines); i++) {
		jsonw_object(w);
		jsonw_m_int(w, "value", sum(r, lines[i].board, lines[i].column));
		jsonw_m_cstr(w, "board", lines[i].board);
		jsonw_m_cstr(w, "column", lines[i].column);
		jsonw_m_cstr(w, "en", lines[i].en);
		jsonw_m_cstr(w, "zh-TW", lines[i].zh);
		jsonw_object_end(w);
	}
	jsonw_object(w);
	jsonw_m_int(w, "value", spread == NULL ? 0 : (int64_t)spread->n);
	jsonw_m_cstr(w, "board", "spread");
	jsonw_m_cstr(w, "column", "members");
	jsonw_m_cstr(w, "en", "indicators that two or more members saw");
	jsonw_m_cstr(w, "zh-TW", "個指標有二個以上成員目擊");
	jsonw_object_end(w);
	jsonw_array_end(w);
}

static enum rc put_part(struct api_call *c, const struct picture *p, const struct report *r, size_t part, struct err *err)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	board_words_json(w, "title", &PARTS_OF[part].title);
	jsonw_name(w, "boards");
	jsonw_array(w);
	for (size_t i = 0; i < PART_BOARDS && r->boards[part][i].spec != NULL; i++) {
		jsonw_object(w);
		board_json(p, &r->boards[part][i], board_question(c, p, r->boards[part][i].spec, &r->boards[part][i].query), w);
		TRY(board_put_words(c, p, &r->boards[part][i], err));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc put_report(struct api_call *c, const struct picture *p, const struct report *r, struct err *err)
{
	static const struct board_words titles[] = { { "Weekly situation report", "資安態勢週報" }, { "Monthly situation report", "資安態勢月報" } };
	struct jsonw *w = &c->out;
	struct str tlp = str_of(tlp_name((enum tlp)c->api->default_tlp));

	jsonw_object(w);
	board_words_json(w, "title", &titles[r->month]);
	jsonw_m_cstr(w, "node", c->api->node_name);
	jsonw_m_str(w, "tlp", tlp);
	jsonw_m_time(w, "from", r->q.from);
	jsonw_m_time(w, "until", r->q.until);
	jsonw_m_time(w, "as_of", r->q.now);
	jsonw_m_int(w, "zone", r->q.zone);
	jsonw_m_bool(w, "over", r->q.until <= r->q.now);
	jsonw_m_int(w, "members", (int64_t)r->boards[0][3].members);
	jsonw_m_int(w, "heard", (int64_t)r->boards[0][3].heard);
	put_summary(w, r);
	jsonw_name(w, "parts");
	jsonw_array(w);
	for (size_t i = 0; i < PARTS; i++)
		TRY(put_part(c, p, r, i, err));
	jsonw_array_end(w);
	jsonw_object_end(w);
	return RC_OK;
}

/* --- as HTML --- */

static const char STYLE[] =
	"body{font:11pt/1.5 \"Noto Sans CJK TC\",\"Noto Sans TC\",\"Microsoft JhengHei\",sans-serif;color:#111;background:#fff;max-width:60rem;margin:1rem auto;padding:0 1rem}"
	"h1{font-size:1.6rem;margin:.2rem 0}h2{border-bottom:2px solid #0b5c8a;margin-top:2rem}table{border-collapse:collapse;width:100%;margin:1rem 0 .3rem;font-size:.9rem}"
	"caption{text-align:start;font-weight:700}th,td{border-bottom:1px solid #bbb;padding:.2rem .5rem;text-align:end}th:first-child{text-align:start;font-weight:400}"
	"thead th{font-weight:700!important;border-bottom:2px solid #555}td a{color:inherit}.formulas{font-size:.75rem;color:#444;columns:2;margin:.2rem 0 1rem}.formulas dt{font-weight:700}"
	".formulas dd{margin:0 0 .3rem}.tlp{background:#000;color:#ffc000;padding:.1rem .5rem}code{font-size:.7rem;color:#444;overflow-wrap:anywhere}tr{break-inside:avoid}"
	"@media print{body{max-width:none;margin:0}h2{break-after:avoid}}";

static usec instant_of(const struct json *v, const char *name)
{
	usec at;

	return time_parse(json_get_str(v, str_of(name)), &at, NULL, NULL) == RC_OK ? at : 0;
}

static void put_head(struct buf *b, const struct json *r, int zone, bool zh)
{
	usec from = instant_of(r, "from"), until = instant_of(r, "until"), now = instant_of(r, "as_of");
	int64_t members = 0, heard = 0;

	(void)json_int(json_get(r, S("members")), &members);
	(void)json_int(json_get(r, S("heard")), &heard);
	buf_fmt(b, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
		zh ? "zh-Hant-TW" : "en");
	html_words(b, json_get(r, S("title")), zh);
	buf_fmt(b, "</title><style>%s</style></head><body><main><p><span class=\"tlp\">", STYLE);
	html_text(b, json_get_str(r, S("tlp")));
	buf_cstr(b, "</span></p><h1>");
	html_words(b, json_get(r, S("title")), zh);
	buf_cstr(b, "</h1><p><strong>");
	html_text(b, json_get_str(r, S("node")));
	buf_cstr(b, "</strong> · ");
	board_time_text(b, from, zone);
	buf_cstr(b, " – ");
	board_time_text(b, until, zone);
	buf_cstr(b, zh ? " · 截至 " : " · as of ");
	board_time_text(b, now, zone);
	buf_fmt(b, zh ? " · %lld／%lld 個成員於一小時內有回應" : " · %lld of %lld members were heard within the hour", (long long)heard, (long long)members);
	if (!json_is(json_get(r, S("over")), JSON_TRUE))
		buf_cstr(b, zh ? " · <strong>期間未滿，數字尚會變動</strong>" : " · <strong>the period is not over: numbers will change</strong>");
	buf_cstr(b, "</p>\n<ul>");
}

static void put_html(struct buf *b, const struct json *r, struct str base, bool zh)
{
	struct board_html how = { .zh = zh, .most = ROWS, .link = base, .formulas = true };
	int64_t zone = 0, n;

	(void)json_int(json_get(r, S("zone")), &zone);
	how.zone = (int)zone;
	put_head(b, r, how.zone, zh);
	JSON_EACH(line, json_get(r, S("summary"))) {
		n = 0;
		(void)json_int(json_get(line, S("value")), &n);
		buf_fmt(b, "<li><strong>%lld</strong> ", (long long)n);
		html_words(b, line, zh);
		buf_cstr(b, "</li>");
	}
	buf_cstr(b, "</ul>\n");
	JSON_EACH(part, json_get(r, S("parts"))) {
		buf_cstr(b, "<h2>");
		html_words(b, json_get(part, S("title")), zh);
		buf_cstr(b, "</h2>\n");
		JSON_EACH(board, json_get(part, S("boards"))) {
			board_html_table(b, board, &how);
			buf_cstr(b, "<p><code>");
			html_text(b, json_get_str(board, S("query")));
			buf_cstr(b, "</code></p>\n");
		}
	}
	buf_cstr(b, "</main></body></html>\n");
}

/* The page's one style is in it, so that the file stands alone: that style and nothing else may be used. */
static const char *policy(struct api_call *c)
{
	unsigned char sum[SHA256_LEN];
	struct str text;
	struct buf b;

	buf_init(&b, 128);
	hash_sha256(str_of(STYLE), sum);
	base64_put(&b, str_make((const char *)sum, sizeof sum));
	text = arena_fmt(c->req->arena, "default-src 'none'; style-src 'sha256-%.*s'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'", STR(buf_view(&b)));
	buf_done(&b);
	return text.p == NULL ? "default-src 'none'" : text.p;
}

/* --- the route --- */

static enum rc make(struct api_call *c, const struct picture *p, struct report *r, struct err *err)
{
	const struct board_spec *any = board_find(S("clocks"));

	TRY(board_read_query(c, any, p, &r->q, err));
	TRY(read_period(c, &r->q, &r->month, err));
	r->q.bin_days = r->month ? 7 : 1;
	for (size_t part = 0; part < PARTS; part++)
		for (size_t i = 0; i < PART_BOARDS && PARTS_OF[part].boards[i] != NULL; i++) {
			struct board *b = &r->boards[part][i];

			TRY(board_make(p, board_find(str_of(PARTS_OF[part].boards[i])), &r->q, c->req->arena, b, err));
			TRY(board_hide_objects(c, b, err));
			if (b->n > 200 && !b->spec->by_time) {
				b->cut += b->n - 200;
				b->n = 200;
			}
		}
	return put_report(c, p, r, err);
}

static enum rc report_get(struct api_call *c, struct err *err)
{
	struct str format = api_query(c, "format"), lang = api_query(c, "lang"), base = api_query(c, "base"), text;
	struct report *r = arena_alloc(c->req->arena, sizeof *r);
	const struct picture *p;
	const struct json *v;
	struct situation *s;
	enum rc rc;

	TRY(incident_may_see(c, err));
	if (need_is_bounded(c))
		return FAIL(err, RC_DENIED, "report: your role at the desk sees incidents in which it is asked");
	if (r == NULL)
		return FAIL(err, RC_NOMEM, "report: out of memory");
	if ((format.n > 0 && !str_eq(format, S("json")) && !str_eq(format, S("html"))) || (base.n > 0 && !str_starts(base, S("https://"))))
		return FAIL(err, RC_BAD, "format: expected json or html; base: expected https://...");
	TRY(api_boards_situation(c->api, &s, err));
	TRY(situation_lock(s, &p, err));
	rc = make(c, p, r, err);
	situation_unlock(s);
	if (rc != RC_OK || !str_eq(format, S("html")))
		return rc;
	TRY(buf_check(&c->res->body, err, "report"));
	text = arena_dup(c->req->arena, buf_view(&c->res->body));
	if (text.p == NULL)
		return FAIL(err, RC_NOMEM, "report: out of memory");
	TRY(json_parse(c->req->arena, text, &JSON_LIMITS, &v, err));
	buf_clear(&c->res->body);
	c->res->content_type = "text/html; charset=utf-8";
	http_res_header(c->res, "Content-Security-Policy", policy(c));
	put_html(&c->res->body, v, base.p == NULL ? S("") : base, !str_eq(lang, S("en")));
	return RC_OK;
}

static const char REPORT_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"title\",\"from\",\"until\",\"summary\",\"parts\"],\"properties\":{\"parts\":{\"type\":\"array\"}}}";

const struct api_route API_ROUTES_REPORT[] = {
	{ "GET", "/reports/situation", API_READER, report_get, "The weekly or monthly situation report: before, during, after", REPORT_PARAMS, NULL, REPORT_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
