/* JSON beside its floors: memcpy and utf8_valid over the same bytes in the same
 * run. The text is indicators of 617 bytes, as a TAXII feed carries them. */
#include "base/jsonsplit.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "bench.h"

#define OBJECTS 20000

struct work {
	struct buf lines, bundle, out, big;
	struct arena *arena;
	struct str objects[OBJECTS];
	const struct json *trees[OBJECTS];
	struct arena *kept;
	const struct json *report;
	volatile size_t sink;
};

static const char *const shapes[] = {
	"[domain-name:value = 'c2-%05d.bad.example']",
	"[url:value = 'http://bad.example/path/%05d']",
	"[ipv4-addr:value = '198.51.100.0/%05d']",
};

static void put_indicator(struct buf *b, int i)
{
	char id[UUID_TEXT_LEN + 1], by[UUID_TEXT_LEN + 1], pattern[100];
	size_t start = b->n;
	struct uuid u;

	uuid_v4(&u), uuid_format(&u, id);
	uuid_v4(&u), uuid_format(&u, by);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(pattern, sizeof pattern, shapes[i % 3], i);
#pragma GCC diagnostic pop
	buf_fmt(b, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--%s\",\"created_by_ref\":\"identity--%s\","
		   "\"created\":\"2026-04-06T20:03:48.000Z\",\"modified\":\"2026-04-06T20:03:48.000Z\",\"indicator_types\":"
		   "[\"malicious-activity\"],\"name\":\"Bad thing %d\",\"pattern\":\"%s\",\"pattern_type\":\"stix\","
		   "\"pattern_version\":\"2.1\",\"valid_from\":\"2026-01-01T00:00:00Z\",\"confidence\":85,\"labels\":[\"c2\",\"apt\"],"
		   "\"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"],\"description\":\"", id, by, i, pattern);
	while (b->n - start < 617 - 2)
		buf_char(b, (char)('a' + (b->n - start) % 26));
	buf_cstr(b, "\"}");
}

/* Reports in Chinese with escapes among the text. */
static void put_report(struct buf *b)
{
	static const char text[] = "\xE8\x81\xAF\xE9\x98\xB2\xE7\xAF\x80\xE9\xBB\x9E\xE9\x80\x9A\xE5\xA0\xB1\xEF\xBC\x9A"
				   "\xE6\x83\xA1\xE6\x84\x8F\xE7\xB6\xB2\xE5\x9F\x9F C2 \\\"bad.example\\\" \\n";

	buf_char(b, '[');
	while (b->n < 8000000)
		buf_fmt(b, "%s{\"name\":\"%s\",\"description\":\"%s%s%s%s\"}", b->n == 1 ? "" : ",", text, text, text, text, text);
	buf_char(b, ']');
}

static void prepare(struct work *w)
{
	size_t at[OBJECTS + 1];

	buf_init(&w->lines, (size_t)64 << 20), buf_init(&w->bundle, (size_t)64 << 20);
	buf_init(&w->out, (size_t)64 << 20), buf_init(&w->big, (size_t)64 << 20);
	for (int i = 0; i < OBJECTS; i++) {
		at[i] = w->lines.n;
		put_indicator(&w->lines, i);
		buf_char(&w->lines, '\n');
	}
	at[OBJECTS] = w->lines.n;
	buf_cstr(&w->bundle, "{\"type\":\"bundle\",\"id\":\"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\",\"objects\":[");
	for (int i = 0; i < OBJECTS; i++) {
		w->objects[i] = str_make(w->lines.p + at[i], at[i + 1] - at[i] - 1);
		buf_str(&w->bundle, w->objects[i]);
		buf_char(&w->bundle, i + 1 < OBJECTS ? ',' : ']');
	}
	buf_char(&w->bundle, '}');
	put_report(&w->big);
	w->arena = arena_new((size_t)512 << 20);
	w->kept = arena_new((size_t)512 << 20);
	for (int i = 0; i < OBJECTS; i++)
		if (json_parse(w->kept, w->objects[i], &JSON_LIMITS, &w->trees[i], NULL) != RC_OK)
			exit(1);
}

static void do_memcpy(void *ctx)
{
	struct work *w = ctx;

	buf_clear(&w->out);
	buf_str(&w->out, buf_view(&w->bundle));
	w->sink += (size_t)w->out.p[w->out.n / 2];
}

static void do_utf8(void *ctx)
{
	struct work *w = ctx;

	w->sink += utf8_valid(buf_view(&w->bundle), NULL);
}

static void do_parse_each(void *ctx)
{
	struct work *w = ctx;
	const struct json *v;

	for (int i = 0; i < OBJECTS; i++) {
		arena_reset(w->arena);
		if (json_parse(w->arena, w->objects[i], &JSON_LIMITS, &v, NULL) != RC_OK)
			exit(1);
		w->sink += v->skip;
	}
}

static void do_parse_bundle(void *ctx)
{
	struct work *w = ctx;
	const struct json *v;

	arena_reset(w->arena);
	if (json_parse(w->arena, buf_view(&w->bundle), &JSON_LIMITS, &v, NULL) != RC_OK)
		exit(1);
	w->sink += v->skip;
}

static void do_parse_report(void *ctx)
{
	struct work *w = ctx;

	arena_reset(w->arena);
	if (json_parse(w->arena, buf_view(&w->big), &JSON_LIMITS, &w->report, NULL) != RC_OK)
		exit(1);
}

static void do_print_report(void *ctx)
{
	struct work *w = ctx;

	buf_clear(&w->out);
	json_print(w->report, &w->out);
}

static void do_print(void *ctx)
{
	struct work *w = ctx;

	buf_clear(&w->out);
	for (int i = 0; i < OBJECTS; i++)
		json_print(w->trees[i], &w->out);
}

static void do_canonical(void *ctx)
{
	struct work *w = ctx;

	buf_clear(&w->out);
	for (int i = 0; i < OBJECTS; i++)
		if (json_canonical(w->trees[i], &w->out, NULL) != RC_OK)
			exit(1);
}

static void split(struct work *w, struct str text)
{
	CLEANUP(jsonsplit_freep) struct jsonsplit *s = jsonsplit_new(S("objects"), 1 << 20);
	struct str element;

	for (size_t at = 0; at < text.n; at += 65536) {
		jsonsplit_feed(s, str_slice(text, at, at + 65536));
		while (jsonsplit_next(s, &element, NULL) == RC_OK && element.p != NULL)
			w->sink += element.n;
	}
	if (jsonsplit_end(s, NULL) != RC_OK || jsonsplit_count(s) != OBJECTS)
		exit(1);
}

static void do_split(void *ctx)
{
	struct work *w = ctx;

	split(w, buf_view(&w->bundle));
}

static void do_split_lines(void *ctx)
{
	struct work *w = ctx;

	split(w, buf_view(&w->lines));
}

int main(void)
{
	static struct work w;
	double mb, parse, floor;

	prepare(&w);
	mb = (double)w.bundle.n / 1e6;
	bench_rate("json.memcpy", mb, "MB/s", do_memcpy, &w);
	floor = bench_rate("json.utf8_valid", mb, "MB/s", do_utf8, &w);
	parse = bench_rate("json.parse_objects", mb, "MB/s", do_parse_each, &w);
	bench_rate("json.parse_bundle", mb, "MB/s", do_parse_bundle, &w);
	bench_rate("json.print", mb, "MB/s", do_print, &w);
	bench_rate("json.canonical", mb, "MB/s", do_canonical, &w);
	bench_rate("json.split_bundle", mb, "MB/s", do_split, &w);
	bench_rate("json.split_lines", mb, "MB/s", do_split_lines, &w);
	mb = (double)w.big.n / 1e6;
	bench_rate("json.parse_chinese", mb, "MB/s", do_parse_report, &w);
	bench_rate("json.print_chinese", mb, "MB/s", do_print_report, &w);
	printf("json.parse_of_utf8_valid %.2f ratio\n", parse / floor);
	return 0;
}
