#include "lab/tags.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"

static bool of_name(char c)
{
	return ascii_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || (unsigned char)c >= 0x80;
}

static size_t behind(struct str s, size_t at, struct str mark)
{
	size_t found = str_find(s, mark, at);

	return found == SIZE_MAX ? s.n : found + mark.n;
}

/* Behind the '>' that ends a tag: one in quotes does not. */
static size_t tag_end(struct str s, size_t at)
{
	char quote = '\0';

	for (; at < s.n; at++) {
		char c = s.p[at];

		if (quote != '\0')
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return at + 1;
	}
	return at;
}

static void read_tag(struct str s, size_t begun, size_t end, struct tag *ret)
{
	size_t at = begun + 1, from, stop = end > begun + 1 && s.p[end - 1] == '>' ? end - 1 : end;
	size_t colon;

	ret->closing = at < stop && s.p[at] == '/';
	at += ret->closing;
	from = at;
	while (at < stop && of_name(s.p[at]))
		at++;
	ret->name = str_slice(s, from, at);
	colon = str_find(ret->name, S(":"), 0);
	if (colon != SIZE_MAX)
		ret->name = str_slice(ret->name, colon + 1, ret->name.n);
	ret->inside = str_slice(s, at, stop);
	ret->at = begun;
	ret->length = end - begun;
}

bool tag_next(struct str s, size_t *at, struct tag *ret)
{
	size_t from = *at;

	*ret = (struct tag){ .name = S(""), .inside = S("") };
	for (size_t i = from; i < s.n;) {
		const char *less = memchr(s.p + i, '<', s.n - i);
		struct str rest;

		if (less == NULL)
			break;
		i = (size_t)(less - s.p);
		rest = str_slice(s, i, s.n);
		ret->before = str_slice(s, from, i);
		if (str_starts(rest, S("<!--"))) {
			i = behind(s, i + 4, S("-->"));
		} else if (str_starts(rest, S("<![CDATA["))) {
			size_t end = str_find(s, S("]]>"), i);

			ret->at = i;
			ret->before = str_slice(s, i + 9, end == SIZE_MAX ? s.n : end);
			*at = end == SIZE_MAX ? s.n : end + 3;
			return true;
		} else if (rest.n > 1 && (rest.p[1] == '!' || rest.p[1] == '?')) {
			i = behind(s, i, S(">"));
		} else {
			*at = tag_end(s, i + 1);
			read_tag(s, i, *at, ret);
			return true;
		}
		from = i;
	}
	*at = s.n;
	return false;
}

/* One reference at the '&'; where to go on. What is none stands for itself. */
static size_t reference(struct str s, size_t at, char *to, size_t *n)
{
	static const struct { struct str name; char c; } known[] = { { S("lt;"), '<' }, { S("gt;"), '>' }, { S("amp;"), '&' }, { S("quot;"), '"' }, { S("apos;"), '\'' } };
	struct str rest = str_slice(s, at + 1, at + 12);
	size_t i = 1;
	uint32_t v = 0;
	unsigned base = 10;

	for (size_t k = 0; k < COUNTOF(known); k++)
		if (str_starts(rest, known[k].name)) {
			to[(*n)++] = known[k].c;
			return at + 1 + known[k].name.n;
		}
	if (rest.n < 3 || rest.p[0] != '#')
		goto itself;
	if (rest.p[1] == 'x' || rest.p[1] == 'X') {
		base = 16;
		i = 2;
	}
	for (; i < rest.n && hex_value(rest.p[i]) >= 0 && (unsigned)hex_value(rest.p[i]) < base && v < 0x110000; i++)
		v = v * base + (unsigned)hex_value(rest.p[i]);
	if (i < rest.n && rest.p[i] == ';' && v > 0 && v < 0x110000 && (v < 0xd800 || v > 0xdfff)) {
		*n += utf8_write(to + *n, v);
		return at + 1 + i + 1;
	}
itself:
	to[(*n)++] = '&';
	return at + 1;
}

/* A reference is never shorter than what it stands for. */
struct str tag_text(struct str raw, struct arena *a)
{
	char *to = arena_alloc(a, raw.n + 4);
	size_t n = 0;

	if (to == NULL)
		return S("");
	for (size_t i = 0; i < raw.n;) {
		if (raw.p[i] == '&')
			i = reference(raw, i, to, &n);
		else
			to[n++] = raw.p[i++];
	}
	return (struct str){ to, n };
}

struct str tag_attr(const struct tag *t, const char *name, struct arena *a)
{
	struct str s = t->inside, want = str_of(name);

	for (size_t i = 0; i < s.n;) {
		size_t from, end, to;
		struct str found;

		while (i < s.n && !of_name(s.p[i]))
			i++;
		from = i;
		while (i < s.n && of_name(s.p[i])) {
			from = s.p[i] == ':' ? i + 1 : from;
			i++;
		}
		found = str_slice(s, from, i);
		while (i < s.n && (ascii_space(s.p[i]) || s.p[i] == '='))
			i++;
		if (i >= s.n || (s.p[i] != '"' && s.p[i] != '\''))
			continue;
		end = str_find(s, str_make(s.p + i, 1), i + 1);
		to = end == SIZE_MAX ? s.n : end;
		if (str_eq(found, want))
			return tag_text(str_slice(s, i + 1, to), a);
		i = to + (end != SIZE_MAX);
	}
	return S("");
}

struct str tag_utf8(struct str s, struct arena *a)
{
	bool big = str_starts(s, S("\xfe\xff"));
	char *to, *turned = NULL;

	if (!big && !str_starts(s, S("\xff\xfe")))
		return s;
	s = str_slice(s, 2, s.n);
	if (big) {
		turned = arena_alloc(a, s.n + 1);
		for (size_t i = 0; turned != NULL && i + 1 < s.n; i += 2) {
			turned[i] = s.p[i + 1];
			turned[i + 1] = s.p[i];
		}
		s = turned == NULL ? S("") : (struct str){ turned, s.n };
	}
	to = arena_alloc(a, s.n / 2 * 3 + 1);
	return to == NULL ? S("") : (struct str){ to, utf16le_get(to, s) };
}
