/* The body of _bulk and its reply, gzip, and what shippers ask beside it. */
#include <zlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "input/bulk.h"
#include "input/elastic.h"
#include "input/input.h"
#include "tap.h"

struct row {
	const char *name, *body, *index, *want; /* op index id status document| ... or the error */
};

static const struct row rows[] = {
	{ "create and index", "{\"create\":{\"_index\":\"a\"}}\n{\"x\":1}\n{\"index\":{\"_index\":\"b\",\"_id\":\"7\"}}\n{\"y\":2}\n", "",
	  "create a - 201 {\"x\":1}|index b 7 201 {\"y\":2}|" },
	{ "the index of the path", "{\"create\":{}}\n{}\n{\"create\":{\"_index\":\"own\"}}\n{}\n", "path", "create path - 201 {}|create own - 201 {}|" },
	{ "the same action many times", "{\"create\":{}}\n{\"a\":1}\n{\"create\":{}}\n{\"a\":2}\n", "i", "create i - 201 {\"a\":1}|create i - 201 {\"a\":2}|" },
	{ "no line end at the end, CRLF, empty lines between", "\n{\"create\":{}}\r\n{\"a\":1}\r\n\n{\"create\":{}}\n{\"a\":2}", "i",
	  "create i - 201 {\"a\":1}|create i - 201 {\"a\":2}|" },
	{ "a delete has no document", "{\"delete\":{\"_id\":\"1\"}}\n{\"create\":{}}\n{}\n", "i", "delete i 1 400 |create i - 201 {}|" },
	{ "an update is refused, its document passed over", "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n{\"create\":{}}\n{}\n", "i",
	  "update i 1 400 {\"doc\":{}}|create i - 201 {}|" },
	{ "a document that is no object costs itself", "{\"create\":{}}\n[1]\n{\"create\":{}}\n{\"a\":\n{\"create\":{}}\n{}\n", "i",
	  "create i - 400 [1]|create i - 400 {\"a\":|create i - 201 {}|" },
	{ "Elastic's own members", "{\"create\":{\"_index\":\"a\",\"_type\":\"_doc\",\"pipeline\":\"p\",\"dynamic_templates\":{\"f\":\"t\"}}}\n{}\n", "",
	  "create a - 201 {}|" },
	{ "an unknown action", "{\"put\":{}}\n{}\n", "", "Malformed action/metadata line [1], expected one of [create, delete, index, update]" },
	{ "two actions in a line", "{\"create\":{},\"index\":{}}\n{}\n", "", "Malformed action/metadata line [1], expected one of [create, delete, index, update]" },
	{ "an action that is no object", "{\"create\":1}\n{}\n", "", "Malformed action/metadata line [1], expected one of [create, delete, index, update]" },
	{ "no JSON in the third line", "{\"create\":{}}\n{}\nnonsense\n{}\n", "", "Malformed action/metadata line [3], expected one of [create, delete, index, update]" },
	{ "an action without its document", "{\"create\":{}}\n", "", "Malformed content, found action without its source behind line [1]" },
	{ "nothing", "", "", "request body is required" },
	{ "empty lines only", "\n\n", "", "request body is required" },
};

static void describe(const struct bulk *k, struct buf *out)
{
	for (uint32_t i = 0; i < k->n; i++) {
		const struct bulk_item *t = &k->items[i];

		buf_fmt(out, "%s %.*s %.*s %d %.*s|", t->op, STR(t->index), STR(t->id.n == 0 ? S("-") : t->id), t->status, STR(t->document));
		if ((t->status == 201) != (t->type == NULL))
			buf_cstr(out, "REASON");
	}
}

static void test_read(void)
{
	struct fields *dict = fields_new();
	struct flat *f = NULL;

	OK(dict != NULL && flat_new(&f, NULL) == RC_OK, "a reader");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new(1 << 24);
		struct err err = { 0 };
		struct bulk k;
		struct buf out;

		buf_init(&out, 1 << 16);
		if (bulk_read(a, str_of(rows[i].body), str_of(rows[i].index), f, dict, &k, &err) == RC_OK)
			describe(&k, &out);
		else
			buf_cstr(&out, err.text);
		EQ_STR(buf_view(&out), str_of(rows[i].want), rows[i].name);
		buf_done(&out);
	}
	flat_free(f);
	fields_free(dict);
}

static void test_limits(void)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct fields *dict = fields_new();
	struct flat *f = NULL;
	struct err err = { 0 };
	struct bulk k;
	struct buf body;

	OK(dict != NULL && flat_new(&f, NULL) == RC_OK, "a reader");
	buf_init(&body, (size_t)32 << 20);
	buf_cstr(&body, "{\"create\":{}}\n{\"a\":\"");
	for (size_t i = 0; i < INPUT_MESSAGE_MAX; i++)
		buf_char(&body, 'x');
	buf_cstr(&body, "\"}\n{\"create\":{}}\n{}\n");
	OK(bulk_read(a, buf_view(&body), S(""), f, dict, &k, &err) == RC_OK && k.n == 2 && k.refused == 1 && k.items[0].status == 413 && k.items[1].status == 201,
	   "a document longer than a message costs itself");
	buf_clear(&body);
	for (size_t i = 0; i <= BULK_ITEMS_MAX; i++)
		buf_cstr(&body, "{\"create\":{}}\n{}\n");
	EQ_INT(bulk_read(a, buf_view(&body), S(""), f, dict, &k, &err), RC_LIMIT, "too many items");
	buf_cut(&body, body.n - 17);
	arena_reset(a);
	OK(bulk_read(a, buf_view(&body), S(""), f, dict, &k, &err) == RC_OK && k.n == BULK_ITEMS_MAX, "as many as may be");
	buf_done(&body);
	flat_free(f);
	fields_free(dict);
}

static void test_answer(void)
{
	struct bulk_item items[] = { { .op = "create", .index = S("a"), .id = S("\"1"), .status = 201 },
				     { .op = "index", .index = S("b"), .id = S(""), .status = 400, .type = "t", .reason = "r" } };
	struct bulk k = { items, 2, 1 };
	struct jsonw w;
	struct buf out;

	buf_init(&out, 1 << 16);
	jsonw_init(&w, &out);
	bulk_answer(&k, false, 5, &w);
	EQ_STR(buf_view(&out), S("{\"took\":5,\"errors\":true,\"items\":[{\"create\":{\"_index\":\"a\",\"_id\":\"\\\"1\",\"_version\":1,\"result\":\"created\",\"status\":201}},"
				 "{\"index\":{\"_index\":\"b\",\"_id\":\"\",\"status\":400,\"error\":{\"type\":\"t\",\"reason\":\"r\"}}}]}"), "in full");
	buf_clear(&out);
	jsonw_init(&w, &out);
	k.refused = 0;
	k.n = 1;
	bulk_answer(&k, true, 5, &w);
	EQ_STR(buf_view(&out), S("{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}"), "in brief");
	buf_done(&out);
}

static void deflate_into(struct str s, struct buf *out)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)s.p, .avail_in = (unsigned)s.n };
	char *room = buf_room(out, s.n / 2 + 4096);

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_out = (unsigned char *)room;
	z.avail_out = (unsigned)(s.n / 2 + 4096);
	if (room == NULL || deflate(&z, Z_FINISH) != Z_STREAM_END)
		OK(false, "deflate");
	buf_grew(out, z.total_out);
	deflateEnd(&z);
}

static void test_gunzip(void)
{
	size_t big = (size_t)3 << 20;
	struct err err = { 0 };
	struct buf in, out, text;
	unsigned wrong = 0;

	buf_init(&in, 1 << 24);
	buf_init(&out, 1 << 24);
	buf_init(&text, 1 << 24);
	deflate_into(S("one\n"), &in);
	OK(bulk_gunzip(buf_view(&in), &out, &err) == RC_OK && str_eq(buf_view(&out), S("one\n")), "one member");
	deflate_into(S("two\n"), &in);
	buf_clear(&out);
	OK(bulk_gunzip(buf_view(&in), &out, &err) == RC_OK && str_eq(buf_view(&out), S("one\ntwo\n")), "two members");
	for (size_t cut = 0; cut < in.n; cut++) {
		enum rc rc;

		buf_clear(&out);
		rc = bulk_gunzip(str_slice(buf_view(&in), 0, cut), &out, &err);
		wrong += rc == RC_OK ? !str_eq(buf_view(&out), S("one\n")) : rc != RC_BAD;
	}
	OK(wrong == 0, "cut anywhere it is bad, or the first member alone");
	buf_clear(&out);
	EQ_INT(bulk_gunzip(S("plain text"), &out, &err), RC_BAD, "plain text is none");
	while (text.n < big)
		buf_cstr(&text, "0000000000000000");
	buf_clear(&in);
	deflate_into(buf_view(&text), &in);
	buf_clear(&out);
	OK(in.n < 10000 && bulk_gunzip(buf_view(&in), &out, &err) == RC_OK && str_eq(buf_view(&out), buf_view(&text)), "3 MiB out of %zu bytes", in.n);
	buf_done(&out);
	buf_init(&out, big - 1);
	EQ_INT(bulk_gunzip(buf_view(&in), &out, &err), RC_LIMIT, "a bomb ends at the limit");
	buf_done(&in);
	buf_done(&out);
	buf_done(&text);
}

static void test_ways(void)
{
	static const struct {
		const char *method, *path, *index; /* index NULL: not _bulk */
		int status;
	} asked[] = {
		{ "POST", "/_bulk", "", 0 }, { "PUT", "/_bulk", "", 0 }, { "POST", "/logs-x/_bulk", "logs-x", 0 }, { "POST", "/x/_doc/_bulk", "x", 0 },
		{ "GET", "/_bulk", NULL, 404 }, { "POST", "/x/y/_bulk", NULL, 404 }, { "POST", "/_monitoring/_bulk", NULL, 404 }, { "POST", "/_bulky", NULL, 404 },
		{ "GET", "/", NULL, 200 }, { "HEAD", "/", NULL, 200 }, { "GET", "/_license", NULL, 200 }, { "GET", "/_xpack", NULL, 200 },
		{ "GET", "/_cluster/health", NULL, 200 }, { "HEAD", "/_index_template/filebeat-8.11.0", NULL, 200 }, { "PUT", "/_index_template/x", NULL, 200 },
		{ "GET", "/_ilm/policy/filebeat", NULL, 200 }, { "HEAD", "/_alias/x", NULL, 200 }, { "PUT", "/filebeat-000001", NULL, 200 },
		{ "POST", "/", NULL, 404 }, { "GET", "/x/_search", NULL, 404 }, { "DELETE", "/x", NULL, 404 }, { "GET", "/_unknown", NULL, 404 },
	};

	for (size_t i = 0; i < COUNTOF(asked); i++) {
		struct arena *a CLEANUP(arena_freep) = arena_new(1 << 20);
		struct http_req r = { .method = str_of(asked[i].method), .path = str_of(asked[i].path), .arena = a };
		struct http_res res = { .status = 200 };
		const struct json *v;
		struct str index;
		bool bulk = elastic_is_bulk(&r, &index);

		OK(bulk == (asked[i].index != NULL) && (!bulk || str_eq(index, str_of(asked[i].index))), "%s %s", asked[i].method, asked[i].path);
		if (bulk)
			continue;
		buf_init(&res.body, 1 << 16);
		elastic_headers(&r, &res);
		elastic_answer(&r, &res);
		OK(res.status == asked[i].status && json_parse(a, buf_view(&res.body), &JSON_LIMITS, &v, NULL) == RC_OK && json_is(v, JSON_OBJECT), "  %d", asked[i].status);
		buf_done(&res.body);
	}
}

static enum rc one_life(void)
{
	struct arena *a = arena_new(1 << 20);
	struct fields *dict = fields_new();
	struct flat *f = NULL;
	struct bulk k;
	enum rc rc = a == NULL || dict == NULL || flat_new(&f, NULL) != RC_OK ? RC_NOMEM : RC_OK;

	if (rc == RC_OK)
		rc = bulk_read(a, S("{\"create\":{\"_index\":\"a\\u0041\"}}\n{\"x\":1}\n"), S(""), f, dict, &k, NULL);
	if (rc == RC_OK && k.refused > 0)
		rc = RC_NOMEM; /* a document that memory does not suffice for */
	flat_free(f);
	fields_free(dict);
	arena_free(a);
	return rc;
}

static void test_no_memory(void)
{
	int64_t live = mem_live();
	enum rc rc = RC_NOMEM;
	int n = 0;

	while (rc != RC_OK && n < 1000 && mem_live() == live) {
		mem_fail_at((uint64_t)++n, 0);
		rc = one_life();
		mem_fail_at(0, 0);
		if (rc != RC_OK && rc != RC_NOMEM)
			break;
	}
	OK(rc == RC_OK && n > 3 && mem_live() == live, "every allocation may fail: %d", n);
}

int main(void)
{
	test_read();
	test_limits();
	test_answer();
	test_gunzip();
	test_ways();
	test_no_memory();
	return tap_done();
}
