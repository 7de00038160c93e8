/* Strangers ask as often as they like, so what they get is made once a minute and kept. */
#include "web/figures.h"

#include <pthread.h>

#include "base/mem.h"
#include "desk/desk.h"
#include "web/api_boards.h"
#include "picture/text.h"
#include "web/board_html.h"
#include "web/window_pages.h"

#define KEEP (60 * USEC_PER_SEC)
#define WEEKS 26
#define TECHNIQUES 10
#define BYTES_MAX ((size_t)4 << 20)
#define MEMORY ((size_t)128 << 20)

enum form { FORM_ZH, FORM_EN, FORM_JSON, FORMS };

struct figures {
	struct api *api;
	pthread_mutex_t lock;
	struct buf made[FORMS];
	usec at;                 /* by time_mono; 0: never */
};

enum rc figures_new(struct api *api, struct figures **ret, struct err *err)
{
	struct figures *f = mem_alloc(sizeof *f);

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "figures: out of memory");
	f->api = api;
	pthread_mutex_init(&f->lock, NULL);
	for (size_t i = 0; i < FORMS; i++)
		buf_init(&f->made[i], BYTES_MAX);
	*ret = f;
	return RC_OK;
}

void figures_free(struct figures *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < FORMS; i++)
		buf_done(&f->made[i]);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
}

bool figures_is_path(struct str path)
{
	return str_eq(path, S("/public")) || str_starts(path, S("/public/"));
}

/* --- made --- */

static enum rc put_board(const struct picture *p, const struct board_spec *spec, const struct board_query *q, size_t most, struct arena *a, struct jsonw *w,
			 struct err *err)
{
	struct board b;

	TRY(board_make(p, spec, q, a, &b, err));
	if (!spec->by_time && b.n > most)
		b.n = most;
	jsonw_object(w);
	board_json(p, &b, S(""), w);
	jsonw_object_end(w);
	return RC_OK;
}

/* Whole weeks only: a running one would tell, from one look to the next, who came. */
static enum rc put_all(struct figures *f, const struct picture *p, struct arena *a, struct buf *out, struct err *err)
{
	const struct pack *pack = desk_pack(f->api->desk, str_of(f->api->desk_pack));
	struct board_query q = { .now = time_now(), .bin_days = 7, .member = UINT32_MAX, .k = FIGURES_K };
	struct jsonw w;

	q.zone = pack == NULL ? 0 : zone_offset(&pack->calendar.zone, q.now);
	q.pack = pack == NULL ? 0 : picture_known(p, pack->id);
	q.pack = q.pack == 0 ? UINT32_MAX : q.pack;
	q.until = board_bin_begin(&q, q.now);
	q.from = q.until - WEEKS * 7 * BOARD_DAY;
	q.now = q.until; /* the page tells the week's end as its instant, and is the same for a week */
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "node", f->api->node_name);
	jsonw_m_time(&w, "from", q.from);
	jsonw_m_time(&w, "until", q.until);
	jsonw_m_int(&w, "zone", q.zone);
	jsonw_m_int(&w, "k", FIGURES_K);
	jsonw_name(&w, "boards");
	jsonw_array(&w);
	TRY(put_board(p, board_find(S("incidents")), &q, WEEKS, a, &w, err));
	TRY(put_board(p, board_find(S("techniques")), &q, TECHNIQUES, a, &w, err));
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	return buf_check(out, err, "figures");
}

static void put_page(struct buf *b, const struct json *v, bool zh)
{
	struct board_html how = { .zh = zh, .most = WEEKS, .formulas = true };
	int64_t zone = 0;
	usec until;

	(void)json_int(json_get(v, S("zone")), &zone);
	if (time_parse(json_get_str(v, S("until")), &until, NULL, NULL) != RC_OK)
		until = 0;
	how.zone = (int)zone;
	buf_fmt(b, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<link rel=\"stylesheet\" href=\"/public/style.css\">\n<title>%s</title>\n</head>\n<body>\n<main>\n"
		"<p class=\"lang\"><a href=\"/public?lang=zh\" lang=\"zh-Hant-TW\">中文</a> <a href=\"/public?lang=en\" lang=\"en\">English</a> <a href=\"/public/figures.json\">JSON</a></p>\n<h1>%s</h1>\n<p>",
		zh ? "zh-Hant-TW" : "en", zh ? "資安態勢公開統計" : "Cyber security in figures", zh ? "資安態勢公開統計" : "Cyber security in figures");
	html_text(b, json_get_str(v, S("node")));
	buf_cstr(b, zh ? "，統計至 " : ", until ");
	board_time_text(b, until, how.zone);
	buf_fmt(b, zh ? "。僅列完整週；背後成員少於 %d 者不公布，能由其他數字推得者亦同。不含演練。</p>\n" :
		".</p>\n<p>Whole weeks only. What fewer than %d members stand behind is not told, nor what would follow from other numbers. Drills are not counted.</p>\n", FIGURES_K);
	JSON_EACH(board, json_get(v, S("boards")))
		board_html_table(b, board, &how);
	buf_cstr(b, "</main>\n</body>\n</html>\n");
}

static enum rc make_again(struct figures *f, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	const struct picture *p;
	const struct json *v;
	struct situation *s;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "figures: out of memory");
	for (size_t i = 0; i < FORMS; i++)
		buf_clear(&f->made[i]);
	f->at = 0;
	TRY(api_boards_situation(f->api, &s, err));
	TRY(situation_lock(s, &p, err));
	rc = put_all(f, p, a, &f->made[FORM_JSON], err);
	situation_unlock(s);
	TRY(rc);
	TRY(json_parse(a, buf_view(&f->made[FORM_JSON]), &JSON_LIMITS, &v, err));
	put_page(&f->made[FORM_ZH], v, true);
	put_page(&f->made[FORM_EN], v, false);
	f->at = time_mono();
	return RC_OK;
}

/* --- given --- */

static const char STYLE[] =
	"table{border-collapse:collapse;width:100%;margin:1.5rem 0 .5rem;font-size:.95rem}caption{text-align:start;font-weight:bold;font-size:1.2rem}"
	"th,td{border-bottom:1px solid #999;padding:.2rem .5rem;text-align:end}th:first-child{text-align:start}tbody th{font-weight:normal}"
	".formulas{font-size:.85rem}.formulas dt,.formulas dd{font-family:inherit;font-size:.9rem;margin:0}main{max-width:60rem!important}\n";

static void refuse(struct http_res *res, int status, const char *text)
{
	res->status = status;
	res->content_type = "text/plain; charset=utf-8";
	buf_cstr(&res->body, text);
}

static void give(struct figures *f, enum form which, struct http_res *res)
{
	struct err err = { 0 };
	enum rc rc = RC_OK;

	pthread_mutex_lock(&f->lock);
	if (f->at == 0 || time_mono() - f->at > KEEP)
		rc = make_again(f, &err);
	if (rc == RC_OK)
		buf_str(&res->body, buf_view(&f->made[which]));
	pthread_mutex_unlock(&f->lock);
	res->content_type = which == FORM_JSON ? "application/json" : "text/html; charset=utf-8";
	if (rc != RC_OK)
		refuse(res, 503, "the figures cannot be read now\n");
}

void figures_handle(struct figures *f, struct http_req *r, struct http_res *res)
{
	page_headers(res);
	if (!str_eq(r->method, S("GET")) && !str_eq(r->method, S("HEAD"))) {
		refuse(res, 405, "only GET and HEAD\n");
		http_res_header(res, "Allow", "GET, HEAD");
	} else if (str_eq(r->path, S("/public/style.css"))) {
		page_style(res);
		buf_cstr(&res->body, STYLE);
	} else if (str_eq(r->path, S("/public/figures.json"))) {
		give(f, FORM_JSON, res);
	} else if (str_eq(r->path, S("/public"))) {
		give(f, page_is_zh(r) ? FORM_ZH : FORM_EN, res);
	} else {
		refuse(res, 404, "no such page\n");
	}
}
