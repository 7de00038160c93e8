/* What the server makes of a request head after the library's parser: the gate's verdict, the
 * target's two halves, and every query parameter. The first line is the target, each other
 * one "name: value". */
#include "base/rd.h"
#include "sys/http_gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(1 << 20);
	struct http_header_line lines[HTTP_HEADERS_MAX];
	struct http_head h = { S("GET"), S(""), S("HTTP/1.1"), lines, 0 };
	struct http_req r = { .arena = a, .headers = lines };
	struct str line, name, value;
	struct rd rd;
	const char *why;
	bool bad;

	rd_init(&rd, str_make((const char *)data, size));
	(void)!rd_line(&rd, &h.target);
	while (h.n_headers < HTTP_HEADERS_MAX && rd_line(&rd, &line)) {
		size_t colon = str_find(line, S(":"), 0);

		lines[h.n_headers].name = str_slice(line, 0, colon);
		lines[h.n_headers++].value = colon == SIZE_MAX ? S("") : str_slice(line, colon + 1, line.n);
	}
	(void)http_gate_whole((const char *)data, size, &h);
	if (a == NULL || http_gate(&h, &why) != 0 || !http_gate_target(h.target, &r.path, &r.query))
		return 0;
	(void)http_gate_length(&h);
	for (size_t i = 0; i < 100 && http_query(&r, i, &name, &value, &bad); i++)
		;
	return 0;
}
