/* Each decoder refuses, or what it gives encodes to a text that decodes to the same. The first byte picks the decoder. */
#include <stdlib.h>

#include "base/text.h"
#include "base/time.h"
#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool plus_percent_get(struct buf *b, struct str s) { return percent_get(b, s, false); }

static void round_trip(struct str text, bool (*get)(struct buf *, struct str), void (*put)(struct buf *, struct str))
{
	struct buf first, again, back;

	buf_init(&first, 1 << 20), buf_init(&again, 1 << 20), buf_init(&back, 1 << 20);
	if (get(&first, text)) {
		put(&again, buf_view(&first));
		if (!get(&back, buf_view(&again)) || !str_eq(buf_view(&first), buf_view(&back)))
			abort();
	} else if (first.n != 0)
		abort();
	buf_done(&first), buf_done(&again), buf_done(&back);
}

static void values(struct str text)
{
	char out[TIME_TEXT_MAX], name[UUID_TEXT_LEN + 1];
	struct uuid u, v;
	usec t, back;
	int digits;

	if (time_parse(text, &t, &digits, NULL) == RC_OK &&
	    (time_parse(time_format(t, out), &back, NULL, NULL) != RC_OK || back != t || time_text_cmp(text, text) != 0))
		abort();
	if (uuid_parse(text, &u) && (!uuid_parse(uuid_format(&u, name), &v) || memcmp(&u, &v, sizeof u) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = str_make((const char *)bytes + 1, n - 1);

	if (n == 0)
		return 0;
	switch (bytes[0] % 5) {
	case 0: round_trip(text, hex_get, hex_put); break;
	case 1: round_trip(text, base64_get, base64_put); break;
	case 2: round_trip(text, base64url_get, base64url_put); break;
	case 3: round_trip(text, plus_percent_get, percent_put); break;
	default: values(text);
	}
	return 0;
}
