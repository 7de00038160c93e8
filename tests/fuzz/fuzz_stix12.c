/* Any bytes as a STIX 1.2 package: refused with a text, or an alert that is written and read again as it was. */
#include "desk/stix12.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct bulletin *b, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	bulletin_write(&w, b);
	jsonw_object_end(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct stix12_id id, again;
	struct bulletin b, back;
	struct buf xml, one, two;
	struct err err = { 0 };

	buf_init(&xml, STIX12_MAX);
	buf_init(&one, BULLETIN_BODY_MAX);
	buf_init(&two, BULLETIN_BODY_MAX);
	if (a != NULL && stix12_read(a, str_make((const char *)data, size), TLP_RED, &id, &b, &err) == RC_OK) {
		stix12_write(&b, id.id, id.number, &xml);
		print(&b, &one);
		if (xml.bad == RC_OK && stix12_read(a, buf_view(&xml), TLP_CLEAR, &again, &back, &err) == RC_OK)
			print(&back, &two);
		if (xml.bad == RC_OK && err.rc != RC_LIMIT && (!str_eq(buf_view(&one), buf_view(&two)) || !str_eq(id.id, again.id)))
			__builtin_trap();
	} else if (a != NULL && err.text[0] == '\0') {
		__builtin_trap();
	}
	buf_done(&xml);
	buf_done(&one);
	buf_done(&two);
	arena_free(a);
	return 0;
}
