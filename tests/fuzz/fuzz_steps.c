/* Steps of correlations from a database that others write: whatever they say, the correlator stays sound, and what it saves can be loaded. */
#include "detect/correlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char text[] =
	"title: a\nid: 00000000-0000-4000-8000-000000000001\nname: a\nstatus: test\nlogsource: {product: x}\ndetection: {s: {k: a}, condition: s}\n"
	"---\ntitle: c\nid: 00000000-0000-4000-8000-000000000002\nname: c\nstatus: test\ncorrelation:\n  type: event_count\n  rules: [a]\n"
	"  group-by: [u, h]\n  timespan: 5m\n  condition: {gte: 2}\n"
	"---\ntitle: d\nid: 00000000-0000-4000-8000-000000000003\nstatus: test\ncorrelation:\n  type: value_avg\n  rules: [a]\n  group-by: [u]\n"
	"  timespan: 5m\n  condition: {lt: 9, field: v}\n"
	"---\ntitle: e\nid: 00000000-0000-4000-8000-000000000004\nstatus: test\ncorrelation:\n  type: temporal_ordered\n  rules: [c, a]\n"
	"  group-by: [u]\n  timespan: 5m\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct correlator_opts o = { .seed = 7, .any_time = true, .tolerance = 1000 };
	static struct arena *rules; /* for the program's life, as the set in it */
	static const struct sigma_set *set;
	struct correlator *c = NULL, *next = NULL;
	struct sigma_reader *r = NULL;
	struct buf state;
	uint64_t unknown = 0;

	if (rules == NULL)
		rules = arena_new(1 << 24);
	if (set == NULL && (rules == NULL || sigma_reader_new(rules, &r, NULL) != RC_OK || sigma_reader_add(r, S("f"), str_of(text), NULL) != RC_OK ||
			    sigma_reader_end(r, &set, NULL) != RC_OK))
		return 0;
	sigma_reader_free(r);
	buf_init(&state, (size_t)1 << 26);
	if (correlator_new(set, &o, &c, NULL) == RC_OK && correlator_new(set, &o, &next, NULL) == RC_OK &&
	    correlator_take(c, str_make((const char *)data, n), &unknown, NULL, NULL, NULL) != RC_NOMEM && correlator_save(c, &state, NULL) == RC_OK &&
	    correlator_load(next, buf_view(&state), NULL, NULL) == RC_OK)
		(void)!correlator_end(next, NULL, NULL, NULL);
	correlator_free(c);
	correlator_free(next);
	buf_done(&state);
	return 0;
}
