#include "input/bulk.h"

#include <zlib.h>

#include "base/json.h"
#include "input/input.h"
#include "wire/flat_json.h"

#define ACTION_MAX ((size_t)64 << 10)
#define PIECE ((size_t)256 << 10)

static const char *const ops[] = { "create", "index", "update", "delete" };

struct reader {
	struct arena *a;
	struct str rest, index;
	uint32_t line;
	struct str before;        /* the action line before, with what it said: shippers repeat themselves */
	struct bulk_item said;
	struct flat *f;
	const struct fields *dict;
};

static bool next_line(struct reader *r, struct str *ret)
{
	const char *nl = r->rest.n == 0 ? NULL : memchr(r->rest.p, '\n', r->rest.n);
	size_t n = nl == NULL ? r->rest.n : (size_t)(nl - r->rest.p);

	if (r->rest.n == 0)
		return false;
	r->line++;
	*ret = str_slice(r->rest, 0, n);
	r->rest = str_slice(r->rest, n + (nl != NULL), r->rest.n);
	if (ret->n > 0 && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static enum rc malformed(const struct reader *r, struct err *err)
{
	return FAIL(err, RC_BAD, "Malformed action/metadata line [%u], expected one of [create, delete, index, update]", r->line);
}

static enum rc read_action(struct reader *r, struct str line, struct bulk_item *ret, struct err *err)
{
	static const struct json_limits limits = { .bytes = ACTION_MAX, .depth = 8, .nodes = 1000 };
	const struct json *v, *what;
	enum rc rc;

	if (r->before.n > 0 && str_eq(line, r->before)) {
		*ret = r->said;
		return RC_OK;
	}
	rc = json_parse(r->a, line, &limits, &v, NULL);
	if (rc == RC_NOMEM)
		return FAIL(err, rc, "out of memory");
	if (rc != RC_OK || !json_is(v, JSON_OBJECT) || v->n != 1)
		return malformed(r, err);
	*ret = (struct bulk_item){ .index = r->index, .id = S("") };
	for (size_t i = 0; i < COUNTOF(ops); i++)
		if (str_eq(json_str(json_first(v)), str_of(ops[i])))
			ret->op = ops[i];
	what = json_after(json_first(v));
	if (ret->op == NULL || !json_is(what, JSON_OBJECT))
		return malformed(r, err);
	if (json_get_str(what, S("_index")).n > 0)
		ret->index = json_get_str(what, S("_index"));
	if (json_get_str(what, S("_id")).n > 0)
		ret->id = json_get_str(what, S("_id"));
	r->before = line;
	r->said = *ret;
	return RC_OK;
}

static void refuse(struct bulk_item *i, int status, const char *type, const char *reason)
{
	i->status = status;
	i->type = type;
	i->reason = reason;
}

static void check(struct reader *r, struct bulk_item *i)
{
	i->status = 201;
	if (i->op == ops[2] || i->op == ops[3])
		refuse(i, 400, "illegal_argument_exception", "events are taken by create and index only");
	else if (i->document.n > INPUT_MESSAGE_MAX)
		refuse(i, 413, "document_parsing_exception", "the document is longer than 1 MiB");
	else if (flat_json(r->f, r->dict, i->document, NULL) != RC_OK)
		refuse(i, 400, "document_parsing_exception", "the document is not one JSON object");
}

static enum rc read_item(struct reader *r, struct str action, struct bulk_item *ret, struct err *err)
{
	TRY(read_action(r, action, ret, err));
	if (ret->op != ops[3] && !next_line(r, &ret->document))
		return FAIL(err, RC_BAD, "Malformed content, found action without its source behind line [%u]", r->line);
	check(r, ret);
	return RC_OK;
}

enum rc bulk_read(struct arena *a, struct str body, struct str index, struct flat *f, const struct fields *dict, struct bulk *ret,
		  struct err *err)
{
	struct reader r = { .a = a, .rest = body, .index = index, .f = f, .dict = dict };
	struct str line;
	size_t room = 0;

	*ret = (struct bulk){ 0 };
	while (next_line(&r, &line)) {
		if (line.n == 0)
			continue;
		if (ret->n == BULK_ITEMS_MAX)
			return FAIL(err, RC_LIMIT, "more than %d items", BULK_ITEMS_MAX);
		if (ret->n == room) {
			size_t wider = room == 0 ? 64 : room * 2;
			struct bulk_item *items = arena_resize(a, ret->items, room * sizeof *items, wider * sizeof *items);

			if (items == NULL)
				return FAIL(err, RC_NOMEM, "out of memory");
			ret->items = items;
			room = wider;
		}
		TRY(read_item(&r, line, &ret->items[ret->n], err));
		ret->refused += ret->items[ret->n++].status != 201;
	}
	return ret->n > 0 ? RC_OK : FAIL(err, RC_BAD, "request body is required");
}

static void answer_item(const struct bulk_item *i, bool brief, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_name(w, i->op);
	jsonw_object(w);
	if (!brief) {
		jsonw_m_str(w, "_index", i->index);
		jsonw_m_str(w, "_id", i->id);
	}
	if (!brief && i->type == NULL) {
		jsonw_m_int(w, "_version", 1);
		jsonw_m_cstr(w, "result", "created");
	}
	jsonw_m_int(w, "status", i->status);
	if (i->type != NULL) {
		jsonw_name(w, "error");
		jsonw_object(w);
		jsonw_m_cstr(w, "type", i->type);
		jsonw_m_cstr(w, "reason", i->reason);
		jsonw_object_end(w);
	}
	jsonw_object_end(w);
	jsonw_object_end(w);
}

void bulk_answer(const struct bulk *b, bool brief, int64_t took_ms, struct jsonw *w)
{
	jsonw_object(w);
	if (!brief)
		jsonw_m_int(w, "took", took_ms);
	jsonw_m_bool(w, "errors", b->refused > 0);
	jsonw_name(w, "items");
	jsonw_array(w);
	for (uint32_t i = 0; i < b->n; i++)
		answer_item(&b->items[i], brief, w);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

/* --- gzip --- */

static enum rc inflate_all(z_stream *z, struct buf *out, struct err *err)
{
	for (;;) {
		size_t room_n = out->max - out->n < PIECE ? out->max - out->n : PIECE;
		char *room = room_n == 0 ? NULL : buf_room(out, room_n);
		int rc;

		if (room == NULL)
			return FAIL(err, out->bad == RC_NOMEM ? RC_NOMEM : RC_LIMIT, "the inflated body is larger than %zu bytes", out->max);
		z->next_out = (unsigned char *)room;
		z->avail_out = (unsigned)room_n;
		rc = inflate(z, Z_NO_FLUSH);
		buf_grew(out, room_n - z->avail_out);
		if (rc == Z_STREAM_END && z->avail_in == 0)
			return RC_OK;
		if (rc == Z_STREAM_END)
			rc = inflateReset(z); /* RFC 1952 §2.2: another member */
		else if (rc == Z_BUF_ERROR && z->avail_out > 0)
			return FAIL(err, RC_BAD, "the gzip body is cut");
		if (rc == Z_MEM_ERROR)
			return FAIL(err, RC_NOMEM, "out of memory");
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			return FAIL(err, RC_BAD, "not a gzip body");
	}
}

enum rc bulk_gunzip(struct str body, struct buf *out, struct err *err)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)body.p, .avail_in = (unsigned)body.n };
	enum rc rc;

	if (body.n > UINT32_MAX / 2)
		return FAIL(err, RC_LIMIT, "the body is too large");
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return FAIL(err, RC_NOMEM, "out of memory");
	rc = inflate_all(&z, out, err);
	inflateEnd(&z);
	return rc;
}
