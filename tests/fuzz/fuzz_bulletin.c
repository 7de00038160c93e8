/* Any JSON as an alert of a peer: refused with a text, or one that is kept and travels on as it was. */
#include "desk/bulletin_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct bulletin_row row = { .row = 0 }, again = { .row = 0 };
	struct bulletin_receipt receipt;
	const struct json *v, *back;
	struct bulletin b, c;
	struct err err = { 0 };
	struct str object;

	if (a != NULL && json_parse(a, str_make((const char *)data, size), &JSON_LIMITS, &v, &err) == RC_OK) {
		if (bulletin_receipt_read(v, &receipt, &err) != RC_OK && err.text[0] == '\0')
			__builtin_trap();
		err.text[0] = '\0';
		if (bulletin_of_object(a, v, &row.id, &row.number, &b, &err) != RC_OK) {
			if (err.text[0] == '\0')
				__builtin_trap();
		} else if (bulletin_pack(a, &b, &row, &err) == RC_OK && bulletin_object(a, &row, S("identity--1"), &object, &err) == RC_OK) {
			if (json_parse(a, object, &JSON_LIMITS, &back, &err) != RC_OK || bulletin_of_object(a, back, &again.id, &again.number, &c, &err) != RC_OK ||
			    bulletin_pack(a, &c, &again, &err) != RC_OK || !str_eq(row.body, again.body) || !str_eq(row.id, again.id) || row.issued != again.issued)
				__builtin_trap();
		}
	}
	arena_free(a);
	return 0;
}
