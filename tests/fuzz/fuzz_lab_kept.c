/* A report that was kept, read again: words, bundle and looks of whatever it says, the bundle sound. */
#include <stdio.h>
#include <stdlib.h>

#include "lab/citizen.h"
#include "lab/report_read.h"
#include "lab/report_stix.h"
#include "stix/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab_stix_how how = { .creator = { "", 0 }, .tlp = TLP_RED };
	struct arena *a = arena_new((size_t)64 << 20);
	const struct json *bundle;
	struct lab_citizen words;
	struct err err;
	struct lab_report r;
	struct buf b;

	buf_init(&b, (size_t)16 << 20);
	if (a != NULL && lab_report_read(a, str_make((const char *)data, size), &r, NULL) == RC_OK) {
		if (lab_citizen_say(a, &r, size % 2 == 0, &words, NULL) == RC_OK)
			lab_citizen_text(&words, &b);
		buf_clear(&b);
		if (lab_stix_bundle(a, &r, &how, &b, NULL) == RC_OK && json_parse(a, buf_view(&b), &JSON_LIMITS, &bundle, NULL) == RC_OK &&
		    stix_validate(bundle, NULL, NULL, NULL, NULL, &err) == RC_BAD && printf("# %s\n", err.text) > 0)
			abort();
	}
	buf_done(&b);
	arena_free(a);
	return 0;
}
