/* What people call the rows of a board. */
#include "web/api_boards.h"

#include "base/map.h"
#include "desk/desk.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/objects.h"

#define OBJECTS_AT_ONCE 500

static void put_term(struct jsonw *w, struct str key, struct str en, struct str zh)
{
	jsonw_name_str(w, key);
	jsonw_object(w);
	jsonw_m_str(w, "en", en);
	jsonw_m_str(w, "zh-TW", zh);
	jsonw_object_end(w);
}

static bool put_from(struct jsonw *w, const struct pack_term *list, size_t n, struct str key)
{
	int i = pack_find(list, n, key);

	if (i < 0)
		return false;
	put_term(w, key, list[i].title.en, list[i].title.zh.n > 0 ? list[i].title.zh : list[i].title.en);
	return true;
}

static void put_clock(struct jsonw *w, const struct pack *pack, struct str key)
{
	for (size_t i = 0; i < pack->n_clocks; i++)
		if (str_eq(pack->clocks[i].term.id, key)) {
			put_term(w, key, pack->clocks[i].term.title.en, pack->clocks[i].term.title.zh);
			return;
		}
}

/* Sectors are the words of whichever pack has them. */
static void put_sector(struct api_call *c, struct str key)
{
	const struct pack *pack;

	for (size_t i = 0; (pack = desk_pack_at(c->api->desk, i)) != NULL; i++)
		if (put_from(&c->out, pack->sectors, pack->n_sectors, key))
			return;
}

/* --- indicators --- */

static bool is_about_objects(const struct board *b)
{
	return strcmp(b->spec->id, "spread") == 0 || strcmp(b->spec->id, "coverage") == 0;
}

/* Newest versions of the rows' objects that the viewer may see, a piece of the rows at a time. */
static enum rc read_objects(struct api_call *c, const struct board *b, size_t from, bool bodies, struct page *ret, struct err *err)
{
	struct str *ids = arena_array(c->req->arena, OBJECTS_AT_ONCE, sizeof *ids);
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = ids, .tlp_mask = gate_mask(c->viewer, TLP_RED),
				.limit = OBJECTS_AT_ONCE, .bodies = bodies };

	if (ids == NULL)
		return FAIL(err, RC_NOMEM, "board: out of memory");
	for (size_t i = from; i < b->n && q.n_ids < OBJECTS_AT_ONCE; i++)
		ids[q.n_ids++] = b->rows[i].key;
	return store_page(c->api->store, &q, ret, err);
}

enum rc board_hide_objects(struct api_call *c, struct board *b, struct err *err)
{
	struct map *seen CLEANUP(map_freep) = NULL;
	size_t kept = 0;

	if (!is_about_objects(b))
		return RC_OK;
	seen = map_new(BOARD_ROWS_MAX);
	if (seen == NULL)
		return FAIL(err, RC_NOMEM, "board: out of memory");
	for (size_t at = 0; at < b->n; at += OBJECTS_AT_ONCE) {
		struct page page;
		bool good = true;

		TRY(read_objects(c, b, at, false, &page, err));
		for (size_t i = 0; i < page.n; i++)
			good = good && map_put(seen, page.entries[i].id, 1) == RC_OK;
		page_done(&page);
		if (!good)
			return FAIL(err, RC_NOMEM, "board: out of memory");
	}
	for (size_t i = 0; i < b->n; i++)
		if (map_get(seen, b->rows[i].key, NULL))
			b->rows[kept++] = b->rows[i];
	b->n = kept;
	return RC_OK;
}

static enum rc put_objects(struct api_call *c, const struct board *b, struct err *err)
{
	struct page page;

	TRY(read_objects(c, b, 0, true, &page, err));
	for (size_t i = 0; i < page.n; i++) {
		const struct json *v;

		if (json_parse(c->req->arena, page.entries[i].body, &JSON_LIMITS, &v, NULL) == RC_OK) {
			struct str name = json_get_str(v, S("pattern"));

			name = arena_dup(c->req->arena, name.n > 0 ? name : json_get_str(v, S("name")));
			put_term(&c->out, page.entries[i].id, name, name);
		}
	}
	page_done(&page);
	return RC_OK;
}

static void put_span(struct jsonw *w, struct str key)
{
	static const struct { const char *key, *en, *zh; } spans[] = {
		{ "MTTK", "MTTK: occurred to known", "MTTK：發生至知悉" },         { "MTTN", "MTTN: known to notified", "MTTN：知悉至通報" },
		{ "MTTR", "MTTR: notified to reviewed", "MTTR：通報至審核" },      { "MTTC", "MTTC: known to controlled", "MTTC：知悉至損害控制" },
		{ "MTTI", "MTTI: controlled to improvement report", "MTTI：損害控制至改善報告" },
	};

	for (size_t i = 0; i < COUNTOF(spans); i++)
		if (str_eq(key, str_of(spans[i].key)))
			put_term(w, key, str_of(spans[i].en), str_of(spans[i].zh));
}

enum rc board_put_words(struct api_call *c, const struct picture *p, const struct board *b, struct err *err)
{
	const struct pack *pack = desk_pack(c->api->desk, b->query.pack == UINT32_MAX ? str_of(c->api->desk_pack) : picture_text(p, b->query.pack));
	const char *id = b->spec->id;
	enum rc rc = RC_OK;

	jsonw_name(&c->out, "words");
	jsonw_object(&c->out);
	if (is_about_objects(b))
		rc = put_objects(c, b, err);
	for (size_t i = 0; pack != NULL && i < b->n; i++) {
		struct str key = b->rows[i].key;

		if (strcmp(id, "clocks") == 0)
			put_clock(&c->out, pack, key);
		else if (strcmp(id, "sectors") == 0 || strcmp(id, "compliance") == 0 || strcmp(id, "reach") == 0)
			put_sector(c, key);
		else if (strcmp(id, "times") == 0)
			put_span(&c->out, key);
		else if (strcmp(id, "tiers") == 0)
			for (size_t r = 0; r < pack->n_roles; r++)
				if (str_eq(pack->roles[r].term.id, key))
					put_term(&c->out, key, pack->roles[r].term.title.en, pack->roles[r].term.title.zh);
	}
	jsonw_object_end(&c->out);
	return rc;
}
