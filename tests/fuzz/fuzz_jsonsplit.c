/* Pieces of any size give the same elements, and the elements that json_parse sees in the whole text. */
#include <stdlib.h>

#include "base/jsonsplit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool split(struct str text, size_t piece, struct buf *out)
{
	CLEANUP(jsonsplit_freep) struct jsonsplit *s = jsonsplit_new(S("objects"), 1 << 16);
	struct str element = { NULL, 0 };
	enum rc rc = RC_OK;

	for (size_t at = 0; rc == RC_OK && at < text.n; at += piece) {
		jsonsplit_feed(s, str_slice(text, at, at + piece));
		while ((rc = jsonsplit_next(s, &element, NULL)) == RC_OK && element.p != NULL)
			buf_str(out, element), buf_char(out, '\n');
	}
	return rc == RC_OK && jsonsplit_end(s, NULL) == RC_OK;
}

static void whole(const struct json *v, struct str text, struct buf *out)
{
	const struct json *objects = json_get(v, S("objects"));

	if (objects != NULL && objects[-1].escaped)
		objects = NULL;
	if (v->type == JSON_ARRAY || json_is(objects, JSON_ARRAY))
		JSON_EACH(item, v->type == JSON_ARRAY ? v : objects)
			buf_str(out, item->type == JSON_OBJECT ? json_raw(item, text) : S("?")), buf_char(out, '\n');
	else
		buf_str(out, json_raw(v, text)), buf_char(out, '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = str_make((const char *)bytes, n);
	struct arena *a = arena_new((size_t)64 << 20);
	struct buf one, few, tree;
	const struct json *v;
	bool good;

	buf_init(&one, 1 << 20), buf_init(&few, 1 << 20), buf_init(&tree, 1 << 20);
	good = split(text, n + 1, &one);
	if (split(text, 1 + n % 7, &few) != good || (good && !str_eq(buf_view(&one), buf_view(&few))))
		abort();
	if (json_parse(a, text, &JSON_LIMITS, &v, NULL) == RC_OK && v->type >= JSON_ARRAY && n < 1 << 16) {
		whole(v, text, &tree);
		if (good ? !str_eq(buf_view(&one), buf_view(&tree)) : str_find(buf_view(&tree), S("?\n"), 0) == SIZE_MAX)
			abort();
	}
	buf_done(&one), buf_done(&few), buf_done(&tree);
	arena_free(a);
	return 0;
}
