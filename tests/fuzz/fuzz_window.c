/* "PATH TYPE\nBODY" into the single window over a real store: always an answer, never a stranger's words in a page. */
#include "web/window.h"

#include <stdlib.h>

#include "gate/folder.h"

static struct folder at;
static struct window *w;

static void leave(void)
{
	window_free(w);
	folder_close(&at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct window_config c = { .name = "N", .per_address = INT64_MAX, .per_hour = INT64_MAX };
	struct str all = str_make((const char *)bytes, n), line, path, rest;
	struct http_header_line type = { S("Content-Type"), S("") };
	struct http_req r = { .method = S("POST"), .headers = &type, .n_headers = 1 };
	struct http_res res = { .status = 200 };

	if (w == NULL && (!folder_open(&at, NULL) || (c.store = at.store, window_new(&c, &w, NULL)) != RC_OK))
		abort();
	if (c.store != NULL)
		atexit(leave);
	rest = all;
	if (!str_next(&rest, '\n', &line) || !str_next(&line, ' ', &path))
		return 0;
	r.path = path;
	type.value = line;
	r.body = rest;
	r.arena = arena_new((size_t)8 << 20);
	buf_init(&res.body, (size_t)1 << 20);
	window_handle(w, &r, &res);
	if (res.status >= 500 || res.body.n == 0 || str_find(buf_view(&res.body), S("<script"), 0) != SIZE_MAX)
		abort();
	buf_done(&res.body);
	arena_free(r.arena);
	return 0;
}
