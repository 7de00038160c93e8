/* "METHOD TARGET\nHeader: value\n...\n\nBODY" into the server over a real store: any answer but none, and TAXII in form. */
#include "taxii/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct viewer *const who[] = { &nobody, &alice, &bob, &root };
	struct str all = str_make((const char *)bytes, n), line, head;
	size_t end = str_find(all, S("\n\n"), 0), space;
	char method[16], target[4096], headers[4096];
	struct got g;

	if (w.store == NULL) {
		world_open();
		atexit(world_close);
		post_indicators(&alice, C_MAIN, 0, 12);
	}
	head = str_slice(all, 0, end);
	if (!str_next(&head, '\n', &line) || (space = str_find(line, S(" "), 0)) == SIZE_MAX)
		return 0;
	snprintf(method, sizeof method, "%.*s", STR(str_slice(line, 0, space)));
	snprintf(target, sizeof target, "%.*s", STR(str_slice(line, space + 1, line.n)));
	snprintf(headers, sizeof headers, "%.*s", STR(head));
	g = ask(who[n % COUNTOF(who)], method, target, headers, end == SIZE_MAX ? S("") : str_slice(all, end + 2, n));
	if (g.status < 200 || g.status == 500 || (g.n > 0 && g.j == NULL))
		abort();
	got_done(&g);
	return 0;
}
