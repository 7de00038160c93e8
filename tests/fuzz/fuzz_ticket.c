/* What a child or a parent may put into the collection between two desks: a ticket, and what is said of one. What is taken in can be
 * written again, and says the same. */
#include "base/mem.h"
#include "soc/ticket_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct str me = S("identity--aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"), text;
	struct ticket_feedback f, g;
	struct ticket t, u;
	const struct json *v, *w;

	if (a != NULL && json_parse(a, str_make((const char *)data, n), &JSON_LIMITS, &v, NULL) == RC_OK) {
		if (ticket_of_object(a, v, &t, NULL) == RC_OK && ticket_object(a, &t, me, &text, NULL) == RC_OK &&
		    (json_parse(a, text, &JSON_LIMITS, &w, NULL) != RC_OK || ticket_of_object(a, w, &u, NULL) != RC_OK || u.hits != t.hits))
			__builtin_trap();
		if (ticket_feedback_read(v, &f, NULL) == RC_OK && ticket_feedback_object(a, &f, me, &text, NULL) == RC_OK &&
		    (json_parse(a, text, &JSON_LIMITS, &w, NULL) != RC_OK || ticket_feedback_read(w, &g, NULL) != RC_OK))
			__builtin_trap();
	}
	arena_free(a);
	return 0;
}
