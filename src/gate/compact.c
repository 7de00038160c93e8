/* Works on text that has been parsed already, so strings end where a quote without
 * an odd run of backslashes stands. Numbers, escapes and member order stay. */
#include "gate/compact.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Behind the string that begins at text.p[at] == '"'. */
static size_t string_end(struct str text, size_t at)
{
	size_t i = at + 1;

	for (;;) {
		const char *q = i < text.n ? memchr(text.p + i, '"', text.n - i) : NULL;
		size_t end, slashes = 0;

		if (q == NULL)
			return text.n;
		end = (size_t)(q - text.p);
		while (slashes < end - i && text.p[end - 1 - slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			return end + 1;
		i = end + 1;
	}
}

bool compact_needed(struct str text)
{
	size_t i = 0;

	while (i < text.n) {
		if (text.p[i] == '"')
			i = string_end(text, i);
		else if (is_space(text.p[i++]))
			return true;
	}
	return false;
}

void compact_put(struct buf *out, struct str text)
{
	size_t i = 0, from = 0;

	while (i < text.n) {
		if (text.p[i] == '"') {
			i = string_end(text, i);
		} else if (is_space(text.p[i])) {
			buf_put(out, text.p + from, i - from);
			from = ++i;
		} else {
			i++;
		}
	}
	buf_put(out, text.p + from, text.n - from);
}
