/* Lines of key=value: logfmt, firewalls, iptables. Values are bare up to the next
 * blank, or stand in double or single quotes in which a backslash escapes. Where a
 * comma, semicolon or bar parts the first pair from the next (a=1,b=2), it parts
 * all of them, and bare values may hold blanks. */
#include "wire/line_int.h"

enum { KEY = 1, GAP = 2, SPACE = 4 };

/* What a byte may be: letters, digits and a few signs make keys; blanks and separators stand between pairs. */
static const uint8_t classes[256] = {
	['0' ... '9'] = KEY, ['A' ... 'Z'] = KEY, ['a' ... 'z'] = KEY, ['_'] = KEY, ['.'] = KEY, ['-'] = KEY, ['@'] = KEY, ['['] = KEY,
	[']'] = KEY, ['/'] = KEY, [','] = GAP, [';'] = GAP, ['|'] = GAP, [' '] = GAP | SPACE, ['\t' ... '\r'] = GAP | SPACE,
};

static inline bool is(char c, unsigned class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

static size_t key_end(struct str s, size_t at)
{
	while (at < s.n && is(s.p[at], KEY))
		at++;
	return at;
}

static bool is_key(struct str s, size_t at)
{
	size_t end = key_end(s, at);

	return end > at && end < s.n && s.p[end] == '=';
}

/* Up to the sign in front of the next key. */
static size_t part_end(struct str s, size_t at, char separator)
{
	while (at < s.n && (s.p[at] != separator || !(at + 1 == s.n || is_key(s, at + 1))))
		at++;
	return at;
}

/* The value at `at`: where it ends, the quotes included. */
static size_t value_end(struct str s, size_t at, char separator, bool escapes, struct kv_pair *p)
{
	char c = at < s.n ? s.p[at] : ' ';
	size_t end = at;

	p->quote = '\0';
	p->escaped = false;
	if (c == '"' || c == '\'') {
		for (end = at + 1; end < s.n && s.p[end] != c; end++)
			if (escapes && s.p[end] == '\\') {
				p->escaped = true;
				end++;
			}
		if (end < s.n) {
			p->quote = c;
			p->value = str_slice(s, at + 1, end);
			return end + 1;
		}
		end = at; /* a quote that never closes is a character */
		p->escaped = false;
	}
	if (separator != '\0') {
		end = part_end(s, at, separator);
		p->value = str_trim(str_slice(s, at, end));
		return end;
	}
	while (end < s.n && !is(s.p[end], SPACE))
		end++;
	p->value = str_slice(s, at, end);
	while (p->value.n > 0 && (end < s.n || p->value.n > 1) && memchr(",;|", p->value.p[p->value.n - 1], 3) != NULL)
		p->value.n--;
	return end;
}

/* Does a blank part some two pairs? */
static bool has_blanks(struct str line)
{
	char quote = '\0';

	for (size_t at = 0; at + 1 < line.n; at++) {
		if (quote != '\0' ? line.p[at] == quote : line.p[at] == '"' || line.p[at] == '\'')
			quote = quote != '\0' ? '\0' : line.p[at];
		else if (quote == '\0' && is(line.p[at], SPACE) && is_key(line, at + 1))
			return true;
	}
	return false;
}

/* '\0': blanks. A first value that holds "=" is one of names (CN=x,OU=y). */
static char separator_of(struct str line)
{
	size_t at = key_end(line, 0);
	struct kv_pair p;

	if (at == 0 || at == line.n || line.p[at] != '=')
		return '\0';
	at++;
	if (at < line.n && (line.p[at] == '"' || line.p[at] == '\''))
		at = value_end(line, at, '\0', true, &p);
	else
		while (at < line.n && !is(line.p[at], GAP) && line.p[at] != '=')
			at++;
	return at < line.n && is(line.p[at], GAP) && !is(line.p[at], SPACE) && is_key(line, at + 1) && !has_blanks(line) ? line.p[at] : '\0';
}

static bool next_pair(struct str *rest, char separator, struct kv_pair *ret, bool escapes, bool *ret_other)
{
	struct str s = *rest;
	size_t at = 0;

	for (;;) {
		size_t key;

		while (at < s.n && is(s.p[at], GAP))
			at++;
		if (at >= s.n)
			return false;
		key = at;
		at = key_end(s, at);
		if (at > key && at < s.n && s.p[at] == '=') {
			ret->key = str_slice(s, key, at);
			*rest = str_slice(s, value_end(s, at + 1, separator, escapes, ret), s.n);
			return true;
		}
		if (ret_other != NULL)
			*ret_other = true;
		while (at < s.n && !is(s.p[at], GAP))
			at++;
	}
}

static unsigned count_words(struct str line)
{
	unsigned words = 0;
	uint8_t before = 0; /* SPACE: the byte before was one */

	for (size_t i = 0; i < line.n && i < 4096; i++) {
		uint8_t space = classes[(unsigned char)line.p[i]] & SPACE;

		words += (before & ~space) != 0;
		before = space;
	}
	return words + (before != 0);
}

bool kv_next(struct str *rest, struct kv_pair *ret, bool escapes, bool *ret_other)
{
	return next_pair(rest, '\0', ret, escapes, ret_other);
}

bool kv_looks(struct str line)
{
	struct kv_pair p;
	struct str rest = line;
	unsigned pairs = 0;
	bool other = false;
	char separator;

	if (line.n == 0 || memchr(line.p, '=', line.n) == NULL)
		return false;
	separator = separator_of(line);
	while (pairs < 64 && next_pair(&rest, separator, &p, true, &other))
		pairs++;
	/* all of it, or enough to be no accident: "user=root" in a sentence is none */
	return pairs >= 2 && (!other || (pairs >= 4 && pairs * 2 >= count_words(line)));
}

enum rc kv_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event UNUSED, struct err *err)
{
	struct kv_pair p;
	struct str rest = line, text;
	unsigned pairs = 0;
	bool other = false;
	char separator = separator_of(line);

	line_put_format(l, f, LOG_KV);
	for (; next_pair(&rest, separator, &p, true, &other); pairs++) {
		text = p.value;
		if (p.escaped && !line_unescape(f, text, S("\"'\\nrt"), &text))
			return line_full(err);
		line_put(l, f, p.key, text, 0);
	}
	if (pairs == 0)
		return FAIL(err, RC_BAD, "key=value: byte 0: no pair");
	if (other)
		line_put_fixed(l, f, NAME_MESSAGE, FLAT_STRING, line);
	return RC_OK;
}
