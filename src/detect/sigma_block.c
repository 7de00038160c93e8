/* Nine of ten rules are written in a small part of YAML, and libyaml spends most of the time of loading them. This reader
 * knows that part and gives up at the first sign of anything else, faults too: so it decides nothing that libyaml would
 * decide otherwise, and no error text is its own. tests/fuzz/fuzz_yaml.c and test_sigma_yaml.c compare the two trees.
 *
 * It goes by lines. q->bol, eol, indent are those of the line at hand, blank lines and comments passed over; indent is
 * NOWHERE behind the last. Bytes: every access is below q->end, the end of the document. */
#include "detect/sigma_block.h"

#include "base/text.h"
#include "detect/sigma_scalar.h"

#define NOWHERE UINT32_MAX
#define KEY_MAX 1000  /* libyaml's 1024 characters of a simple key, with room to spare */
#define KEYS_MAX 1024 /* of a map, as in sigma_yaml.c */
#define INDENT_MAX 1000

struct quick {
	struct arena *a;
	const char *p;
	size_t end, bol, eol;
	uint32_t line, indent;
	uint32_t nodes;
};

static bool at_end(uint32_t indent)
{
	return indent == NOWHERE;
}

static bool blank_line(const struct quick *q, size_t from)
{
	return from >= q->eol || q->p[from] == '#';
}

static void line_at(struct quick *q, size_t bol)
{
	const char *nl = bol < q->end ? memchr(q->p + bol, '\n', q->end - bol) : NULL;

	q->bol = bol;
	q->eol = nl == NULL ? q->end : (size_t)(nl - q->p);
}

/* From here on (the line at hand itself included), the next line that says something. */
static void settle(struct quick *q)
{
	for (;;) {
		size_t from = q->bol;

		if (q->bol >= q->end) {
			q->indent = NOWHERE;
			return;
		}
		while (from < q->eol && q->p[from] == ' ')
			from++;
		if (!blank_line(q, from)) {
			q->indent = (uint32_t)(from - q->bol);
			return;
		}
		line_at(q, q->eol + 1);
		q->line++;
	}
}

static void next_line(struct quick *q)
{
	line_at(q, q->eol + 1);
	q->line++;
	settle(q);
}

static size_t skip_blanks(const struct quick *q, size_t at)
{
	while (at < q->eol && q->p[at] == ' ')
		at++;
	return at;
}

/* Nothing but blanks and a comment up to the end of the line; `at` stands behind something. */
static bool rest_is_empty(const struct quick *q, size_t at)
{
	size_t to = skip_blanks(q, at);

	return to >= q->eol || (q->p[to] == '#' && to > at);
}

static struct yaml *node_new(struct quick *q, enum yaml_kind kind, size_t at)
{
	struct yaml *y = ++q->nodes > YAML_NODES_MAX ? NULL : arena_alloc(q->a, sizeof *y);
	uint32_t column = 1;

	if (y == NULL)
		return NULL;
	for (size_t i = q->bol; i < at; i++)
		column += ((unsigned char)q->p[i] & 0xc0) != 0x80;
	*y = (struct yaml){ .kind = kind, .line = q->line, .column = column };
	return y;
}

static bool item_add(struct quick *q, struct yaml *to, const struct yaml *key, const struct yaml *value)
{
	struct yaml_item *i = arena_alloc(q->a, sizeof *i);

	if (i == NULL)
		return false;
	*i = (struct yaml_item){ key, value, NULL };
	*(to->last == NULL ? &to->first : &to->last->next) = i;
	to->last = i;
	to->n++;
	return true;
}

/* ---- scalars */

static struct yaml *scalar(struct quick *q, size_t at, struct str text, bool quoted)
{
	struct yaml *y = node_new(q, YAML_TEXT, at);

	if (y == NULL)
		return NULL;
	if (!quoted)
		y->kind = yaml_scalar(text, &y->number);
	y->text = text;
	y->quoted = quoted;
	y->one_line = true;
	y->column += quoted;
	return y;
}

/* The quote that ends the scalar begun at `at`, on the same line; 0: none, or an escape that is not ours. */
static size_t closing(const struct quick *q, size_t at, bool *ret_escaped)
{
	char quote = q->p[at];

	*ret_escaped = false;
	for (size_t i = at + 1; i < q->eol; i++) {
		if (quote == '"' && q->p[i] == '\\') {
			if (i + 1 >= q->eol || strchr("\\\"nt", q->p[i + 1]) == NULL)
				return 0;
			*ret_escaped = true;
			i++;
		} else if (q->p[i] == quote) {
			if (quote == '"' || i + 1 >= q->eol || q->p[i + 1] != '\'')
				return i;
			*ret_escaped = true;
			i++;
		}
	}
	return 0;
}

static struct str unescape(struct quick *q, size_t from, size_t to, char quote)
{
	char *out = arena_alloc(q->a, to - from + 1);
	size_t n = 0;

	for (size_t i = from; out != NULL && i < to; i++) {
		char c = q->p[i];

		/* Both kinds of escape are two characters of which the second tells. */
		if (c == '\\' && quote == '"')
			c = q->p[++i] == 'n' ? '\n' : q->p[i] == 't' ? '\t' : q->p[i];
		else if (c == '\'' && quote == '\'')
			i++;
		out[n++] = c;
	}
	return str_make(out, n);
}

/* Quoted, on one line; *ret_at behind it. */
static struct yaml *quoted(struct quick *q, size_t at, size_t *ret_at)
{
	bool escaped;
	size_t end = closing(q, at, &escaped);
	struct str text = str_make(q->p + at + 1, end - at - 1);

	if (end == 0)
		return NULL;
	if (escaped)
		text = unescape(q, at + 1, end, q->p[at]);
	*ret_at = end + 1;
	return text.p == NULL ? NULL : scalar(q, at, text, true);
}

/* May a plain scalar begin so, and is it surely nothing else? */
static bool plain_start(const struct quick *q, size_t at)
{
	char c = q->p[at];

	if (c == '-' || c == '?' || c == ':')
		return at + 1 < q->eol && q->p[at + 1] != ' ';
	return strchr(",[]{}#&*!|>'\"%@`", c) == NULL;
}

/* Where a plain scalar begun at `at` ends: before ": ", before " #", or with the line; blanks at its end left out. */
static size_t plain_end(const struct quick *q, size_t at)
{
	size_t i = at;

	for (; i < q->eol; i++) {
		if (q->p[i] == ':' && (i + 1 == q->eol || q->p[i + 1] == ' '))
			break;
		if (q->p[i] == '#' && i > at && q->p[i - 1] == ' ')
			break;
	}
	while (i > at && q->p[i - 1] == ' ')
		i--;
	return i;
}

/* ---- block scalars */

struct block {
	bool folded;
	int chomp;       /* -1 strip, 0 clip, 1 keep */
	uint32_t indent; /* of its text */
};

static bool block_header(const struct quick *q, size_t at, struct block *b)
{
	*b = (struct block){ .folded = q->p[at] == '>' };
	if (++at < q->eol && (q->p[at] == '-' || q->p[at] == '+'))
		b->chomp = q->p[at++] == '-' ? -1 : 1;
	return at == q->eol;
}

/* Blanks at the beginning of the line at hand. */
static uint32_t blanks(const struct quick *q)
{
	return (uint32_t)(skip_blanks(q, q->bol) - q->bol);
}

static void raw_line(struct quick *q)
{
	line_at(q, q->eol + 1);
	q->line++;
}

/* The lines of a block scalar as libyaml joins them: `breaks` counts line ends not yet written. */
static size_t block_lines(struct quick *q, const struct block *b, char *out)
{
	bool more_before = false; /* the line before began with a blank of its own */
	size_t n = 0, breaks = 0;
	bool first = true;

	for (;;) {
		uint32_t have = q->bol < q->end ? blanks(q) : 0;
		bool more;

		if (q->bol >= q->end)
			break;
		if (have <= b->indent && q->bol + have == q->eol) {
			breaks += q->eol < q->end;
			raw_line(q);
			continue;
		}
		if (have < b->indent)
			break;
		more = q->p[q->bol + b->indent] == ' ';
		if (!first && b->folded && !more && !more_before) {
			if (breaks == 1)
				out[n++] = ' ';
			breaks--;
		}
		for (; breaks > 0; breaks--)
			out[n++] = '\n';
		memcpy(out + n, q->p + q->bol + b->indent, q->eol - q->bol - b->indent);
		n += q->eol - q->bol - b->indent;
		breaks = q->eol < q->end;
		more_before = more;
		first = false;
		raw_line(q);
	}
	if (b->chomp == 0 && breaks > 1)
		breaks = 1;
	for (; b->chomp >= 0 && breaks > 0; breaks--)
		out[n++] = '\n';
	return n;
}

static const struct yaml *block_scalar(struct quick *q, uint32_t parent, size_t at)
{
	struct yaml *y = node_new(q, YAML_TEXT, at);
	size_t from;
	struct block b;
	char *out;

	if (y == NULL || !block_header(q, at, &b))
		return NULL;
	raw_line(q);
	/* Empty ones, and those that begin with blank lines, are left to libyaml. */
	if (q->bol >= q->end || blanks(q) <= parent || skip_blanks(q, q->bol) == q->eol)
		return NULL;
	b.indent = blanks(q);
	from = q->bol;
	out = arena_alloc(q->a, q->end - from + 1);
	if (out == NULL)
		return NULL;
	y->text = str_make(out, block_lines(q, &b, out));
	if (arena_resize(q->a, out, q->end - from + 1, y->text.n + 1) == NULL)
		return NULL;
	y->quoted = true;
	settle(q);
	return y;
}

/* ---- structure */

static const struct yaml *block(struct quick *q, uint32_t indent, unsigned depth);
static const struct yaml *list(struct quick *q, uint32_t indent, unsigned depth);

static bool dash(const struct quick *q, uint32_t indent)
{
	size_t at = q->bol + indent;

	return !at_end(q->indent) && q->indent == indent && q->p[at] == '-' && (at + 1 == q->eol || q->p[at + 1] == ' ');
}

/* Does "key:" stand at `at`? */
static bool key_at(const struct quick *q, size_t at)
{
	size_t end;
	bool escaped;

	if (q->p[at] == '\'' || q->p[at] == '"') {
		end = closing(q, at, &escaped);
		end = end == 0 ? q->eol : skip_blanks(q, end + 1);
	} else {
		end = skip_blanks(q, plain_end(q, at));
	}
	return end < q->eol && q->p[end] == ':' && (end + 1 == q->eol || q->p[end + 1] == ' ');
}

/* A scalar at `at`, to the end of its line or lines. */
static const struct yaml *scalar_value(struct quick *q, uint32_t parent, size_t at)
{
	const struct yaml *y;
	size_t end;

	if (q->p[at] == '|' || q->p[at] == '>')
		return block_scalar(q, parent, at);
	if (q->p[at] == '\'' || q->p[at] == '"') {
		y = quoted(q, at, &end);
	} else {
		if (!plain_start(q, at))
			return NULL;
		end = plain_end(q, at);
		y = scalar(q, at, str_make(q->p + at, end - at), false);
	}
	if (y == NULL || !rest_is_empty(q, end))
		return NULL;
	next_line(q);
	/* A deeper line would go on with the scalar, or be a fault. */
	return at_end(q->indent) || q->indent <= parent ? y : NULL;
}

/* What stands behind "key:" or "-"; `at` is behind that. */
static const struct yaml *value(struct quick *q, uint32_t indent, size_t at, bool in_map, unsigned depth)
{
	const struct yaml *empty;

	if (!rest_is_empty(q, at))
		return scalar_value(q, indent, skip_blanks(q, at));
	empty = scalar(q, at, S(""), false);
	next_line(q);
	if (!at_end(q->indent) && q->indent > indent)
		return block(q, q->indent, depth);
	if (in_map && dash(q, indent))
		return list(q, indent, depth);
	return empty;
}

/* A map whose first key stands at `at` on the line at hand, in column `indent`. */
static const struct yaml *map(struct quick *q, uint32_t indent, size_t at, unsigned depth)
{
	struct yaml *y = node_new(q, YAML_MAP, at);

	if (y == NULL || depth >= YAML_DEPTH_MAX)
		return NULL;
	for (;;) {
		const struct yaml *key, *v;
		size_t end;

		if (!key_at(q, at))
			return NULL;
		if (q->p[at] == '\'' || q->p[at] == '"') {
			key = quoted(q, at, &end);
		} else {
			if (!plain_start(q, at))
				return NULL;
			end = plain_end(q, at);
			key = scalar(q, at, str_make(q->p + at, end - at), false);
		}
		if (key == NULL || key->text.n > KEY_MAX || str_eq(key->text, S("<<")) || y->n >= KEYS_MAX || yaml_get(y, key->text) != NULL)
			return NULL;
		v = value(q, indent, skip_blanks(q, end) + 1, true, depth + 1);
		if (v == NULL || !item_add(q, y, key, v))
			return NULL;
		if (at_end(q->indent) || q->indent < indent)
			return y;
		if (q->indent > indent || dash(q, indent))
			return NULL;
		at = q->bol + indent;
	}
}

static const struct yaml *list(struct quick *q, uint32_t indent, unsigned depth)
{
	struct yaml *y = node_new(q, YAML_LIST, q->bol + indent);

	if (y == NULL || depth >= YAML_DEPTH_MAX)
		return NULL;
	while (dash(q, indent)) {
		size_t at = skip_blanks(q, q->bol + indent + 1);
		const struct yaml *v;

		if (rest_is_empty(q, q->bol + indent + 1))
			v = value(q, indent, q->bol + indent + 1, false, depth + 1);
		else if (q->p[at] == '-' && (at + 1 == q->eol || q->p[at + 1] == ' '))
			return NULL;
		else if (key_at(q, at))
			v = map(q, (uint32_t)(at - q->bol), at, depth + 1);
		else
			v = scalar_value(q, indent, at);
		if (v == NULL || !item_add(q, y, NULL, v))
			return NULL;
	}
	return at_end(q->indent) || q->indent <= indent ? y : NULL;
}

static const struct yaml *block(struct quick *q, uint32_t indent, unsigned depth)
{
	if (indent > INDENT_MAX)
		return NULL;
	return dash(q, indent) ? list(q, indent, depth) : map(q, indent, q->bol + indent, depth);
}

/* ---- documents */

/* Beyond ASCII: what libyaml would break a line at, or refuse. */
static bool plain_unicode(struct str s)
{
	if (!utf8_valid(s, NULL))
		return false;
	for (size_t i = 0; i < s.n;) {
		uint32_t ch = utf8_next(s, &i);

		if ((ch >= 0x7f && ch < 0xa0) || ch == 0x2028 || ch == 0x2029 || ch == 0xfeff || ch == 0xfffe || ch == 0xffff)
			return false;
	}
	return true;
}

/* The document's end: the next line that begins with "---", or the end of the text. Control characters, tabs and returns
 * are left to libyaml, as are "..." and directives. */
static bool bounds(struct quick *q, struct str text, size_t at)
{
	unsigned char high = 0;
	size_t i = at;

	for (; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		high |= c;
		if (c >= ' ' && c != 0x7f && (c != '-' || i == at || text.p[i - 1] != '\n'))
			continue;
		if (c == '-' && str_starts(str_slice(text, i, text.n), S("---"))) {
			if (i + 3 < text.n && text.p[i + 3] != ' ' && text.p[i + 3] != '\n')
				return false;
			break;
		}
		if (c != '\n' && c != '-')
			return false;
		if (c == '\n' && i + 1 < text.n && (text.p[i + 1] == '.' || text.p[i + 1] == '%'))
			return false;
	}
	q->end = i;
	return (high & 0x80) == 0 || plain_unicode(str_slice(text, at, i));
}

bool yaml_block(struct arena *a, struct str text, size_t at, uint32_t line, const struct yaml **ret, size_t *ret_at, uint32_t *ret_line)
{
	struct quick q = { .a = a, .p = text.p, .line = line + 1 };
	struct str head = str_slice(text, at, text.n);

	if (str_starts(head, S("---"))) {
		if (head.n < 4 || head.p[3] != '\n')
			return false;
		at += 4;
		q.line++;
	}
	/* At once another sign, or an end: an empty document. */
	if (at >= text.n || text.p[at] == '.' || str_starts(str_slice(text, at, text.n), S("---")) || !bounds(&q, text, at))
		return false;
	line_at(&q, at);
	settle(&q);
	*ret = q.indent == 0 ? block(&q, 0, 0) : NULL;
	if (*ret == NULL || !at_end(q.indent))
		return false;
	*ret_at = q.end;
	*ret_line = q.line - 1;
	return true;
}
