#include "detect/salvage.h"

#include "base/ascii.h"

void salvage_init(struct salvage *s, size_t column, size_t max, salvage_fn fn, void *ctx)
{
	*s = (struct salvage){ .fn = fn, .ctx = ctx, .column = column };
	buf_init(&s->line, max);
	buf_init(&s->piece, max);
}

void salvage_done(struct salvage *s)
{
	buf_done(&s->line);
	buf_done(&s->piece);
}

/* Without what stands between two elements, or behind the last: "},", "}]", "}]}". A bracket that belongs to the event
 * closes one that it opened, so only what is too much goes. */
static struct str trimmed(struct str text)
{
	size_t end = text.n, depth = 0;
	bool string = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (string && c == '\\')
			i++;
		else if (c == '"')
			string = !string;
		else if (!string && (c == '{' || c == '['))
			depth++;
		else if (!string && (c == '}' || c == ']') && depth > 0 && --depth == 0) {
			end = i + 1;
			break;
		}
	}
	for (size_t i = end; i < text.n; i++)
		if (!ascii_json_space(text.p[i]) && memchr(",]}", text.p[i], 3) == NULL)
			return str_trim(text);
	return str_slice(text, 0, end);
}

static void hand_over(struct salvage *s)
{
	if (s->open && !s->ended && (s->piece.n > 0 || s->piece.bad != RC_OK))
		s->ended = !s->fn(s->ctx, s->piece.bad == RC_OK ? trimmed(buf_view(&s->piece)) : str_make(NULL, 0));
	buf_clear(&s->piece);
	s->open = false;
}

static bool begins(const struct salvage *s, struct str line)
{
	size_t at = 0;

	while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	return at < line.n && line.p[at] == '{' && at <= s->column;
}

/* A line whose end has come. One that is longer than an event may be makes the piece so too. */
static void take_line(struct salvage *s)
{
	struct str line = buf_view(&s->line);

	if (s->line.bad != RC_OK) {
		s->piece.bad = s->line.bad;
		s->open = true;
	} else if (begins(s, line)) {
		hand_over(s);
		s->open = true;
	}
	if (s->open) {
		buf_str(&s->piece, s->piece.n == 0 ? str_trim(line) : line);
		buf_char(&s->piece, '\n');
	}
	buf_clear(&s->line);
}

bool salvage_feed(struct salvage *s, struct str text, bool open)
{
	s->open = s->open || open;
	while (text.n > 0 && !s->ended) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl == NULL ? text.n : (size_t)(nl - text.p);

		buf_str(&s->line, str_make(text.p, n));
		text = str_slice(text, n + 1, text.n);
		if (nl != NULL)
			take_line(s);
	}
	return !s->ended;
}

bool salvage_end(struct salvage *s)
{
	if (s->line.n > 0 || s->line.bad != RC_OK)
		take_line(s);
	hand_over(s);
	return !s->ended;
}
