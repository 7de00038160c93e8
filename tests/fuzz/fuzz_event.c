/* Any bytes as a log, read at once and in two pieces: the cut changes nothing, every line is matched, passed or counted. */
#include "detect/observe.h"
#include "detect/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_hit(void *ctx, const struct hit *h)
{
	*(uint64_t *)ctx += h->indicator.n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image *m;
	struct image_indicator in = { .id = S("indicator--00000000-0000-4000-8000-000000000001"), .valid_from = INT64_MIN, .pattern =
		S("[domain-name:value = 'evil.example' OR ipv4-addr:value = '198.51.100.0/24' OR url:value = 'http://a.example/']") };
	struct str log = str_make((const char *)data, size);
	struct watch_stats st[2] = { { 0 }, { 0 } };
	uint64_t hits[2] = { 0 };

	if (m == NULL && ((m = image_new(1000)) == NULL || image_update(m, &in, NULL) != RC_OK))
		return 0;
	for (size_t i = 0; i < 2; i++) {
		struct watch *w;

		if (watch_new(m, S("fuzz"), on_hit, &hits[i], &w, NULL) != RC_OK)
			return 0;
		if (watch_feed(w, str_slice(log, 0, size / (i + 1)), NULL) == RC_OK && watch_feed(w, str_slice(log, size / (i + 1), size), NULL) == RC_OK)
			(void)!watch_end(w, NULL);
		watch_stats(w, &st[i]);
		watch_free(w);
	}
	if (hits[0] != hits[1] || st[0].lines != st[1].lines || st[0].bad_lines != st[1].bad_lines)
		__builtin_trap();
	return 0;
}
