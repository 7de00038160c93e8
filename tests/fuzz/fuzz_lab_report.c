/* What a worker that was taken over may say: frames to a report, and the report to JSON, whatever the bytes. */
#include <stdlib.h>

#include "lab/frame.h"
#include "lab/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct str rest = str_make((const char *)data, size);
	const struct json *v;
	struct lab_report r;
	struct jsonw w;
	struct buf b;

	buf_init(&b, (size_t)64 << 20);
	lab_report_begin(&r, a, S("fuzz"), S("generation"), 10);
	for (size_t n; (n = lab_frame_size(rest)) != 0 && n != SIZE_MAX; rest = str_slice(rest, n, rest.n))
		if (lab_report_take(&r, str_slice(rest, 0, n), NULL) != RC_OK)
			lab_report_broken(&r, "no frame");
	jsonw_init(&w, &b);
	lab_report_json(&r, &w);
	if (b.bad == RC_OK && json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL) == RC_BAD)
		abort();
	if (!r.ended && lab_verdict_of(&r) == LAB_V_NO_FINDING)
		abort();
	buf_done(&b);
	arena_free(a);
	return 0;
}
