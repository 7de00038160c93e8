/* Situation boards over REST: which there are, one of them as JSON or CSV, and the records behind a number. */
#include "web/api_boards.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/text.h"
#include "desk/desk.h"
#include "gate/gate.h"
#include "web/api_incidents.h"

#define DAYS_DEFAULT 28
#define BINS_DEFAULT 26
#define ROWS_DEFAULT 200

struct api_boards {
	pthread_mutex_t lock;
	struct situation *situation;
	struct listeners *live;
};

enum rc api_boards_new(struct api *api, struct err *err)
{
	api->boards = mem_alloc(sizeof *api->boards);
	if (api->boards == NULL)
		return FAIL(err, RC_NOMEM, "boards: out of memory");
	pthread_mutex_init(&api->boards->lock, NULL);
	return RC_OK;
}

void api_boards_free(struct api *api)
{
	if (api->boards == NULL)
		return;
	listeners_free(api->boards->live);
	situation_free(api->boards->situation);
	pthread_mutex_destroy(&api->boards->lock);
	mem_free(api->boards);
	api->boards = NULL;
}

enum rc api_boards_situation(struct api *api, struct situation **ret, struct err *err)
{
	enum rc rc = RC_OK;

	pthread_mutex_lock(&api->boards->lock);
	if (api->boards->situation == NULL)
		rc = situation_new(api, &api->boards->situation, err);
	*ret = api->boards->situation;
	pthread_mutex_unlock(&api->boards->lock);
	return rc;
}

enum rc api_boards_keep(struct api *api, struct err *err)
{
	struct situation *s;

	if (str_eq(str_of(api->tier), S("provider")))
		return RC_OK;
	TRY(api_boards_situation(api, &s, err));
	return situation_keep(s, err);
}

enum rc api_boards_listeners(struct api *api, struct listeners **ret, struct err *err)
{
	enum rc rc = RC_OK;

	pthread_mutex_lock(&api->boards->lock);
	if (api->boards->live == NULL)
		rc = listeners_new(api, &api->boards->live, err);
	*ret = api->boards->live;
	pthread_mutex_unlock(&api->boards->lock);
	return rc;
}

/* --- the question --- */

static const struct api_param BOARD_PARAMS[] = {
	{ "from", "string", "the period's beginning (date or RFC 3339); without it 28 days, or 26 bins, before its end" },
	{ "until", "string", "the period's end, which does not belong to it; without it now" },
	{ "bin", "integer", "days of a bin: 1, 7 (default) or 28" },
	{ "pack", "string", "the law by which levels and clocks are told; without it the node's own" },
	{ "sector", "string", "only members of this sector" },
	{ "region", "string", "only members of this county or region" },
	{ "exercise", "boolean", "drills, and nothing but drills" },
	{ "limit", "integer", "at most so many rows (200)" },
	{ "format", "string", "json (default) or csv" },
	{ "lang", "string", "of the CSV's header: en (default) or zh-TW" },
	{ NULL, NULL, NULL },
};
static const struct api_param BEHIND_PARAMS[] = {
	{ "row", "string", "the row's key; without it all rows" },
	{ "column", "string", "the column's id; without it the first" },
	{ "from", "string", "as of the board" },
	{ "until", "string", "as of the board" },
	{ "bin", "integer", "as of the board" },
	{ "pack", "string", "as of the board" },
	{ "sector", "string", "as of the board" },
	{ "region", "string", "as of the board" },
	{ "exercise", "boolean", "as of the board" },
	{ "limit", "integer", "at most so many records (1000)" },
	{ NULL, NULL, NULL },
};

/* Days begin where the law is. A date is one there. */
static enum rc read_instant(struct api_call *c, const char *name, int zone, usec *ret, struct err *err)
{
	struct str text = api_query(c, name);

	if (text.n == 0)
		return RC_OK;
	if (text.n != 10)
		return time_parse_offset(text, ret, NULL) == RC_OK ? RC_OK : FAIL(err, RC_BAD, "%s: expected a date or an instant (RFC 3339)", name);
	TRY(api_time(text, name, false, ret, err));
	*ret -= (usec)zone * USEC_PER_SEC;
	return RC_OK;
}

/* A word that no row ever said finds nothing; 0 would find everything. */
static uint32_t read_word(struct api_call *c, const struct picture *p, const char *name)
{
	struct str text = api_query(c, name);
	uint32_t word = picture_known(p, text);

	return text.n == 0 ? 0 : word == 0 ? UINT32_MAX : word;
}

enum rc board_read_query(struct api_call *c, const struct board_spec *spec, const struct picture *p, struct board_query *q, struct err *err)
{
	struct str name = api_query(c, "pack");
	const struct pack *pack = desk_pack(c->api->desk, name.n > 0 ? name : str_of(c->api->desk_pack));
	int64_t days;

	if (pack == NULL)
		return FAIL(err, RC_BAD, "pack: there is none of this name");
	*q = (struct board_query){ .now = time_now(), .member = UINT32_MAX };
	q->pack = picture_known(p, pack->id);
	q->pack = q->pack == 0 ? UINT32_MAX : q->pack;
	q->zone = zone_offset(&pack->calendar.zone, q->now);
	TRY(api_query_int(c, "bin", 7, 1, 28, &days, err));
	q->bin_days = (int)days;
	q->until = q->now;
	TRY(read_instant(c, "until", q->zone, &q->until, err));
	q->from = spec->by_time ? board_bin_begin(q, q->until - (BINS_DEFAULT - 1) * q->bin_days * BOARD_DAY) : q->until - DAYS_DEFAULT * BOARD_DAY;
	TRY(read_instant(c, "from", q->zone, &q->from, err));
	q->sector = read_word(c, p, "sector");
	q->region = read_word(c, p, "region");
	return api_query_bool(c, "exercise", &q->exercise, err);
}

/* --- routes --- */

/* Boards tell of all incidents: who is bounded at the desk sees those in which it is asked, and no boards. */
static enum rc may_see(struct api_call *c, struct err *err)
{
	TRY(incident_may_see(c, err));
	return need_is_bounded(c) ? FAIL(err, RC_DENIED, "boards: your role at the desk sees incidents in which it is asked") : RC_OK;
}

static enum rc find_board(struct api_call *c, const struct board_spec **ret, struct err *err)
{
	*ret = board_find(c->params[0]);
	return *ret == NULL ? FAIL(err, RC_NOTFOUND, "no such board; GET /api/v1/boards lists them") : may_see(c, err);
}

static enum rc boards_get(struct api_call *c, struct err *err)
{
	struct jsonw *w = &c->out;

	TRY(may_see(c, err));
	jsonw_object(w);
	jsonw_name(w, "boards");
	jsonw_array(w);
	for (const struct board_spec *b = BOARDS; b->id != NULL; b++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "id", b->id);
		board_words_json(w, "title", &b->title);
		jsonw_m_bool(w, "by_time", b->by_time);
		jsonw_m_bool(w, "by_law", b->by_law);
		jsonw_name(w, "columns");
		jsonw_array(w);
		for (const struct board_column *k = b->columns; k->id != NULL; k++) {
			jsonw_object(w);
			jsonw_m_cstr(w, "id", k->id);
			board_words_json(w, "title", &k->title);
			board_words_json(w, "formula", &k->formula);
			jsonw_object_end(w);
		}
		jsonw_array_end(w);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
	return RC_OK;
}

/* All that was left out is written out. */
struct str board_question(struct api_call *c, const struct picture *p, const struct board_spec *spec, const struct board_query *q)
{
	char from[TIME_TEXT_MAX], until[TIME_TEXT_MAX];
	struct buf b;
	struct str text;

	time_format(q->from, from);
	time_format(q->until, until);
	buf_init(&b, 4096);
	buf_fmt(&b, "/api/v1/boards/%s?from=%s&until=%s", spec->id, from, until);
	if (spec->by_time)
		buf_fmt(&b, "&bin=%d", q->bin_days);
	if (spec->by_law && q->pack != UINT32_MAX)
		buf_fmt(&b, "&pack=%.*s", STR(picture_text(p, q->pack)));
	if (q->sector != 0) {
		buf_cstr(&b, "&sector=");
		percent_put(&b, api_query(c, "sector"));
	}
	if (q->region != 0) {
		buf_cstr(&b, "&region=");
		percent_put(&b, api_query(c, "region"));
	}
	if (q->exercise)
		buf_cstr(&b, "&exercise=true");
	text = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	return text;
}

static enum rc answer(struct api_call *c, const struct picture *p, const struct board_spec *spec, struct err *err)
{
	struct str format = api_query(c, "format"), text;
	struct board_query q;
	struct board b;
	int64_t limit;

	TRY(board_read_query(c, spec, p, &q, err));
	TRY(api_query_int(c, "limit", ROWS_DEFAULT, 1, BOARD_ROWS_MAX, &limit, err));
	TRY(board_make(p, spec, &q, c->req->arena, &b, err));
	TRY(board_hide_objects(c, &b, err));
	text = board_question(c, p, spec, &q);
	if (b.n > (size_t)limit && !spec->by_time) {
		b.cut += b.n - (size_t)limit;
		b.n = (size_t)limit;
	}
	if (str_eq(format, S("csv"))) {
		c->res->content_type = "text/csv; charset=utf-8";
		http_res_header(c->res, "Content-Disposition", arena_fmt(c->req->arena, "attachment; filename=\"%s.csv\"", spec->id).p);
		board_csv(p, &b, text, str_eq(api_query(c, "lang"), S("zh-TW")), &c->res->body);
		return RC_OK;
	}
	if (format.n > 0 && !str_eq(format, S("json")))
		return FAIL(err, RC_BAD, "format: expected json or csv");
	jsonw_object(&c->out);
	board_json(p, &b, text, &c->out);
	TRY(board_put_words(c, p, &b, err));
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc with_picture(struct api_call *c, enum rc (*fn)(struct api_call *, const struct picture *, const struct board_spec *, struct err *), struct err *err)
{
	const struct board_spec *spec;
	const struct picture *p;
	struct situation *s;
	enum rc rc;

	TRY(find_board(c, &spec, err));
	TRY(api_boards_situation(c->api, &s, err));
	TRY(situation_lock(s, &p, err));
	rc = fn(c, p, spec, err);
	situation_unlock(s);
	return rc;
}

static enum rc board_get(struct api_call *c, struct err *err)
{
	return with_picture(c, answer, err);
}

static enum rc answer_behind(struct api_call *c, const struct picture *p, const struct board_spec *spec, struct err *err)
{
	struct board_record_ref *list = NULL;
	struct board_query q;
	int64_t limit;
	size_t n = 0;

	TRY(board_read_query(c, spec, p, &q, err));
	TRY(api_query_int(c, "limit", 1000, 1, 100000, &limit, err));
	TRY(board_behind(p, spec, &q, api_query(c, "row"), api_query(c, "column"), c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_m_int(&c->out, "count", (int64_t)n);
	jsonw_m_bool(&c->out, "more", n > (size_t)limit);
	jsonw_name(&c->out, "records");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		board_record_json(p, &list[i], &c->out);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc behind_get(struct api_call *c, struct err *err)
{
	return with_picture(c, answer_behind, err);
}

static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";
static const char BOARD_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"board\",\"columns\",\"rows\",\"query\",\"as_of\"],\"properties\":{\"board\":{\"type\":\"string\"},\"as_of\":{\"type\":\"string\"},"
	"\"query\":{\"type\":\"string\",\"description\":\"the same question again\"},\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"id\":{\"type\":\"string\"},\"title\":{\"type\":\"object\"},\"formula\":{\"type\":\"object\"},\"unit\":{\"enum\":[\"count\",\"share\",\"rate\",\"span\",\"time\",\"state\",\"ratio\"]}}}},"
	"\"rows\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"key\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"running\":{\"type\":\"boolean\"},"
	"\"cells\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"value\":{},\"low\":{\"type\":\"number\"},\"high\":{\"type\":\"number\"},"
	"\"why\":{\"enum\":[\"empty\",\"no-report\",\"hidden\"]}}}}}}}}}";

const struct api_route API_ROUTES_BOARDS[] = {
	{ "GET", "/boards", API_READER, boards_get, "Situation boards, with the formula of each of their numbers", NULL, NULL, ANY_SCHEMA },
	{ "GET", "/boards/{board}", API_READER, board_get, "A situation board", BOARD_PARAMS, NULL, BOARD_SCHEMA },
	{ "GET", "/boards/{board}/rows", API_READER, behind_get, "The records behind one number of a board", BEHIND_PARAMS, NULL, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
