/* Files written as text: blocks of uuencode (POSIX), wherever in the text they begin, and base64 in "data:" addresses (RFC 2397), by which
 * pages and letters carry a program past whoever looks at attachments. */
#include "lab/walk.h"

#include "base/ascii.h"

#define PIECE 4096u
#define BLOCKS_MAX 10000u

/* The text around is text, where it is nothing else: what holds others says itself what of it is structure. */
static void claim_text(struct lab_node *n, uint64_t texts)
{
	for (unsigned t = 0; t < LAB_TYPES; t++)
		if ((n->types & ~texts & LAB_TYPE(t)) != 0 && lab_type_holds((enum lab_type)t))
			return;
	lab_claim(n, 0, UINT64_MAX);
}

/* --- uuencode --- */

static unsigned six(char c)
{
	return ((unsigned)(unsigned char)c - 0x20) & 0x3f;
}

/* One line's bytes; false: it is none of a block. What Windows' and mail's programs cut off at the end of a line is blanks. */
static bool put_line(struct lab_child *c, struct str line)
{
	unsigned char out[64];
	size_t want = six(line.p[0]), n = 0;

	for (size_t i = 1; n < want; i += 4) {
		unsigned v = 0;

		for (size_t k = 0; k < 4; k++) {
			char letter = i + k < line.n ? line.p[i + k] : ' ';

			if (letter < 0x20 || letter > 0x60)
				return false;
			v = v << 6 | six(letter);
		}
		for (int shift = 16; shift >= 0 && n < want; shift -= 8)
			out[n++] = (unsigned char)(v >> shift);
	}
	return lab_child_write(c, str_make((const char *)out, n));
}

static struct str without_return(struct str line)
{
	return line.n > 0 && line.p[line.n - 1] == '\r' ? str_slice(line, 0, line.n - 1) : line;
}

/* "end", or the line of no bytes before it: some leave one of them out. */
static bool ends_block(struct str line)
{
	return str_eq(line, S("end")) || (line.n > 0 && six(line.p[0]) == 0);
}

/* The block whose first line is `first`; `rest` goes behind it. */
static void open_block(struct lab_node *n, struct str first, struct str *rest)
{
	size_t begun = (size_t)(first.p - n->bytes.p), end = begun + first.n;
	struct str walk = *rest, line;
	struct lab_origin from = { .name = str_trim(str_slice(first, 10, first.n)), .how = "attachment", .at = begun };
	struct lab_child *c;
	bool whole = false, sound = true;

	/* Where it ends has to be known before its child is opened. */
	while (!whole && str_next(&walk, '\n', &line)) {
		line = without_return(line);
		whole = ends_block(line);
		end = (size_t)(line.p - n->bytes.p) + line.n;
	}
	from.length = end - begun;
	c = lab_child_open(n, &from);
	while (c != NULL && sound && str_next(rest, '\n', &line)) {
		line = without_return(line);
		if (ends_block(line))
			break;
		if (line.n > 0 && !put_line(c, line))
			sound = false;
	}
	*rest = walk;
	if (c == NULL)
		return;
	if (!sound || !whole)
		lab_child_broken(c, sound ? "a block of uuencode has no end" : "a block of uuencode is damaged");
	lab_child_close(c);
}

static enum rc walk_uu(struct lab_node *n, struct err *err)
{
	struct str rest = n->bytes, line;
	unsigned blocks = 0;

	while (str_next(&rest, '\n', &line) && !lab_over(n)) {
		line = without_return(line);
		if (!str_starts(line, S("begin ")) || line.n < 11 || !ascii_digit(line.p[6]) || line.p[9] != ' ')
			continue;
		if (blocks++ == BLOCKS_MAX)
			return FAIL(err, RC_LIMIT, "more than %u blocks", BLOCKS_MAX);
		open_block(n, line, &rest);
	}
	claim_text(n, LAB_TYPE(LAB_UU));
	return blocks > 0 ? RC_OK : RC_UNSUPPORTED;
}

const struct lab_walker LAB_WALK_UU = { "uu", LAB_TYPE(LAB_UU), walk_uu, NULL };

/* --- data addresses --- */

static int value_of(char c)
{
	if (ascii_upper(c))
		return c - 'A';
	if (ascii_lower(c))
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Base64 from `at` on, to the first letter that is none; %-signs and line ends are read past. Where it ends. */
static size_t put_base64(struct lab_child *c, struct str s, size_t at)
{
	char out[PIECE];
	size_t n = 0, bits = 0;
	unsigned v = 0;

	for (; at < s.n; at++) {
		int six_bits = value_of(s.p[at]);

		if (s.p[at] == '\r' || s.p[at] == '\n')
			continue;
		if (six_bits < 0)
			break;
		v = v << 6 | (unsigned)six_bits;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits);
		}
		if (n == sizeof out) {
			if (!lab_child_write(c, str_make(out, n)))
				return at;
			n = 0;
		}
	}
	(void)!lab_child_write(c, str_make(out, n));
	return at;
}

static enum rc walk_data(struct lab_node *n, struct err *err)
{
	unsigned found = 0;

	for (size_t at = 0; (at = str_find(n->bytes, S(";base64,"), at)) != SIZE_MAX && !lab_over(n);) {
		struct lab_origin from = { .how = "data", .at = at, .length = 8 };
		struct lab_child *c;

		at += 8;
		if (value_of(at < n->bytes.n ? n->bytes.p[at] : '\0') < 0)
			continue;
		if (found++ == BLOCKS_MAX)
			return FAIL(err, RC_LIMIT, "more than %u addresses with data", BLOCKS_MAX);
		c = lab_child_open(n, &from);
		if (c == NULL)
			continue;
		at = put_base64(c, n->bytes, at);
		lab_child_close(c);
	}
	claim_text(n, 0);
	return found > 0 ? RC_OK : RC_UNSUPPORTED;
}

const struct lab_walker LAB_WALK_DATA = { "data", LAB_TYPE(LAB_TEXT) | LAB_TYPE(LAB_HTML) | LAB_TYPE(LAB_XML), walk_data, NULL };
