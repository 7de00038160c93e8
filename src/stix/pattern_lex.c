/* Design: a hand-written longest-match scanner over the bounded cursor. Names,
 * keywords and numbers are ASCII; white space is the set of STIX 2.1 §9.4
 * (Unicode White_Space as the language's published grammar lists it), and the
 * grammar's comments are skipped with it. A t, b or h directly before a quote
 * belongs to the literal; everywhere else letters make names, and a name that
 * is a keyword (upper case only, §9.4) is that keyword, never a name.
 *
 * Hostile: every byte. The text is checked to be UTF-8 once at the start, so
 * slices between ASCII delimiters are UTF-8 too. */
#include "stix/pattern_lex.h"

#include "base/ascii.h"
#include "base/text.h"

static const struct {
	const char *word;
	enum pat_tok kind;
} KEYWORDS[] = {
	{ "AND", TOK_AND },
	{ "OR", TOK_OR },
	{ "NOT", TOK_NOT },
	{ "FOLLOWEDBY", TOK_FOLLOWEDBY },
	{ "LIKE", TOK_LIKE },
	{ "MATCHES", TOK_MATCHES },
	{ "ISSUPERSET", TOK_ISSUPERSET },
	{ "ISSUBSET", TOK_ISSUBSET },
	{ "EXISTS", TOK_EXISTS },
	{ "IN", TOK_IN },
	{ "START", TOK_START },
	{ "STOP", TOK_STOP },
	{ "SECONDS", TOK_SECONDS },
	{ "WITHIN", TOK_WITHIN },
	{ "REPEATS", TOK_REPEATS },
	{ "TIMES", TOK_TIMES },
	{ "true", TOK_BOOL },
	{ "false", TOK_BOOL },
};

static const char *const TOKEN_NAMES[] = {
	[TOK_END] = "the end", [TOK_NAME] = "a name", [TOK_HYPHENATED] = "a name", [TOK_STRING] = "a string",
	[TOK_INT] = "an integer", [TOK_FLOAT] = "a number", [TOK_BOOL] = "true or false", [TOK_BINARY] = "b'...'",
	[TOK_HEX] = "h'...'", [TOK_TIME] = "t'...'", [TOK_LBRACK] = "'['", [TOK_RBRACK] = "']'", [TOK_LPAREN] = "'('",
	[TOK_RPAREN] = "')'", [TOK_COLON] = "':'", [TOK_DOT] = "'.'", [TOK_COMMA] = "','", [TOK_STAR] = "'*'",
	[TOK_EQ] = "'='", [TOK_NE] = "'!='", [TOK_LT] = "'<'", [TOK_LE] = "'<='", [TOK_GT] = "'>'", [TOK_GE] = "'>='",
	[TOK_AND] = "AND", [TOK_OR] = "OR", [TOK_NOT] = "NOT", [TOK_FOLLOWEDBY] = "FOLLOWEDBY", [TOK_LIKE] = "LIKE",
	[TOK_MATCHES] = "MATCHES", [TOK_ISSUPERSET] = "ISSUPERSET", [TOK_ISSUBSET] = "ISSUBSET",
	[TOK_EXISTS] = "EXISTS", [TOK_IN] = "IN", [TOK_START] = "START", [TOK_STOP] = "STOP",
	[TOK_SECONDS] = "SECONDS", [TOK_WITHIN] = "WITHIN", [TOK_REPEATS] = "REPEATS", [TOK_TIMES] = "TIMES",
};

const char *pat_tok_name(enum pat_tok kind)
{
	return TOKEN_NAMES[kind];
}

enum rc pat_lex_init(struct pat_lexer *lx, struct arena *a, struct str text, struct err *err)
{
	size_t at = 0;

	if (!utf8_valid(text, &at))
		return FAIL(err, RC_BAD, "pattern: byte %zu: no valid UTF-8", at);
	rd_init(&lx->rd, text);
	lx->text = text;
	lx->a = a;
	return RC_OK;
}

/* Of what rd_peek yields: -1 behind the end. */
static bool is_digit(int c)
{
	return c >= 0 && ascii_digit((char)c);
}

static bool is_name_start(int c)
{
	return c >= 0 && (ascii_alpha((char)c) || c == '_');
}

static bool is_wide_space(uint32_t ch)
{
	return ch == 0x85 || ch == 0xA0 || ch == 0x1680 || (ch >= 0x2000 && ch <= 0x200A) || ch == 0x2028 ||
	       ch == 0x2029 || ch == 0x202F || ch == 0x205F || ch == 0x3000;
}

/* Bytes of white space at the cursor, 0 when there is none. */
static size_t space_here(const struct pat_lexer *lx)
{
	int c = rd_peek(&lx->rd, 0);
	size_t pos = lx->rd.pos;

	if (c < 0x80)
		return c >= 0 && ascii_space((char)c);
	return is_wide_space(utf8_next(lx->text, &pos)) ? pos - lx->rd.pos : 0;
}

/* Bytes of the comment at the cursor; 0 when there is none or it does not end. */
static size_t comment_here(const struct pat_lexer *lx)
{
	size_t n = 2;
	size_t end;

	if (rd_peek(&lx->rd, 0) != '/')
		return 0;
	if (rd_peek(&lx->rd, 1) == '*') {
		end = str_find(lx->text, S("*/"), lx->rd.pos + 2);
		return end == SIZE_MAX ? 0 : end + 2 - lx->rd.pos;
	}
	if (rd_peek(&lx->rd, 1) != '/')
		return 0;
	for (int c = rd_peek(&lx->rd, n); c >= 0 && c != '\n' && c != '\r'; c = rd_peek(&lx->rd, n))
		n++;
	return n;
}

static void skip_blank(struct pat_lexer *lx)
{
	size_t n = 1;

	while (n > 0) {
		n = space_here(lx);
		if (n == 0)
			n = comment_here(lx);
		rd_skip(&lx->rd, n);
	}
}

static enum rc finish(struct pat_lexer *lx, struct pat_token *t, enum pat_tok kind, size_t n)
{
	t->kind = kind;
	t->raw = rd_bytes(&lx->rd, n);
	t->value = t->raw;
	return RC_OK;
}

static enum rc lex_name(struct pat_lexer *lx, struct pat_token *t)
{
	size_t n = 0;
	bool hyphen = false;

	for (int c = rd_peek(&lx->rd, 0); is_name_start(c) || is_digit(c) || c == '-'; c = rd_peek(&lx->rd, ++n))
		hyphen |= c == '-';
	(void)finish(lx, t, hyphen ? TOK_HYPHENATED : TOK_NAME, n);
	for (size_t i = 0; i < COUNTOF(KEYWORDS); i++)
		if (str_eq(t->raw, str_of(KEYWORDS[i].word)))
			t->kind = KEYWORDS[i].kind;
	return RC_OK;
}

/* [+-]? (0 | [1-9][0-9]*)  or  [+-]? [0-9]* . [0-9]+ */
static enum rc lex_number(struct pat_lexer *lx, struct pat_token *t, struct err *err)
{
	size_t sign = rd_peek(&lx->rd, 0) == '-' || rd_peek(&lx->rd, 0) == '+';
	size_t whole = 0;
	size_t fraction = 0;

	while (is_digit(rd_peek(&lx->rd, sign + whole)))
		whole++;
	if (rd_peek(&lx->rd, sign + whole) == '.')
		while (is_digit(rd_peek(&lx->rd, sign + whole + 1 + fraction)))
			fraction++;
	if (fraction > 0)
		return finish(lx, t, TOK_FLOAT, sign + whole + 1 + fraction);
	if (whole == 0)
		return FAIL(err, RC_BAD, "pattern: byte %u: expected digits behind the sign", t->at);
	if (whole > 1 && rd_peek(&lx->rd, sign) == '0')
		return FAIL(err, RC_BAD, "pattern: byte %u: an integer must not begin with 0", t->at);
	return finish(lx, t, TOK_INT, sign + whole);
}

/* Removes the backslashes; `quoted` has been scanned and holds only \' and \\. */
static enum rc unescape(struct pat_lexer *lx, struct str quoted, struct str *ret, struct err *err)
{
	char *out = arena_alloc(lx->a, quoted.n + 1);
	size_t n = 0;

	if (out == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	for (size_t i = 0; i < quoted.n; i++) {
		if (quoted.p[i] == '\\')
			i++;
		out[n++] = quoted.p[i];
	}
	*ret = str_make(out, n);
	return RC_OK;
}

/* '...' behind `prefix` bytes. STIX 2.1 §9.2: \' and \\ are the only escapes. */
static enum rc lex_quoted(struct pat_lexer *lx, struct pat_token *t, size_t prefix, struct err *err)
{
	size_t n = prefix + 1;
	bool escaped = false;

	for (int c = rd_peek(&lx->rd, n); c != '\''; c = rd_peek(&lx->rd, ++n)) {
		if (c < 0)
			return FAIL(err, RC_BAD, "pattern: byte %u: the string is not closed", t->at);
		if (c != '\\')
			continue;
		escaped = true;
		c = rd_peek(&lx->rd, ++n);
		if (c != '\'' && c != '\\')
			return FAIL(err, RC_BAD, "pattern: byte %zu: only \\' and \\\\ are escapes", lx->rd.pos + n - 1);
	}
	(void)finish(lx, t, TOK_STRING, n + 1);
	t->value = str_slice(t->raw, prefix + 1, n);
	return escaped ? unescape(lx, t->value, &t->value, err) : RC_OK;
}

/* The published grammar's TimestampLiteral; the calendar (30 February) is not its matter. '0' stands for any
 * digit, all else for itself. */
static bool is_timestamp(struct str s)
{
	struct str shape = S("0000-00-00T00:00:00");
	unsigned part[5];
	static const unsigned at[5] = { 5, 8, 11, 14, 17 };
	static const unsigned low[5] = { 1, 1, 0, 0, 0 };
	static const unsigned high[5] = { 12, 31, 23, 59, 60 };

	if (s.n < shape.n + 1 || s.p[s.n - 1] != 'Z')
		return false;
	for (size_t i = 0; i < shape.n; i++)
		if (shape.p[i] == '0' ? !ascii_digit(s.p[i]) : s.p[i] != shape.p[i])
			return false;
	for (size_t i = 0; i < COUNTOF(part); i++) {
		part[i] = (unsigned)(s.p[at[i]] - '0') * 10 + (unsigned)(s.p[at[i] + 1] - '0');
		if (part[i] < low[i] || part[i] > high[i])
			return false;
	}
	if (s.n == shape.n + 1)
		return true;
	if (s.p[shape.n] != '.' || s.n == shape.n + 2)
		return false;
	for (size_t i = shape.n + 1; i < s.n - 1; i++)
		if (!ascii_digit(s.p[i]))
			return false;
	return true;
}

/* h'..' or b'..' to octets. The grammar wants at least one group in b''. */
static enum rc decode(struct pat_lexer *lx, struct pat_token *t, enum pat_tok kind, struct err *err)
{
	struct buf octets;
	bool good;

	buf_init(&octets, t->value.n);
	good = kind == TOK_HEX ? hex_get(&octets, t->value) : t->value.n > 0 && base64_get(&octets, t->value);
	if (good && octets.bad == RC_OK)
		t->value = arena_dup(lx->a, buf_view(&octets));
	if (octets.bad != RC_OK || (good && t->value.p == NULL)) {
		buf_done(&octets);
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	}
	buf_done(&octets);
	if (!good)
		return FAIL(err, RC_BAD, "pattern: byte %u: no valid %s", t->at,
			    kind == TOK_HEX ? "hexadecimal constant" : "base64 constant");
	t->kind = kind;
	return RC_OK;
}

static enum rc lex_prefixed(struct pat_lexer *lx, struct pat_token *t, int prefix, struct err *err)
{
	TRY(lex_quoted(lx, t, 1, err));
	if (prefix == 'h')
		return decode(lx, t, TOK_HEX, err);
	if (prefix == 'b')
		return decode(lx, t, TOK_BINARY, err);
	if (!is_timestamp(t->value))
		return FAIL(err, RC_BAD, "pattern: byte %u: no valid timestamp, expected t'YYYY-MM-DDThh:mm:ss[.s]Z'",
			    t->at);
	t->kind = TOK_TIME;
	return RC_OK;
}

static enum rc lex_punctuation(struct pat_lexer *lx, struct pat_token *t, struct err *err)
{
	static const struct {
		struct str text;
		enum pat_tok kind;
	} marks[] = {
		{ { "==", 2 }, TOK_EQ }, { { "=", 1 }, TOK_EQ }, { { "!=", 2 }, TOK_NE }, { { "<>", 2 }, TOK_NE },
		{ { "<=", 2 }, TOK_LE }, { { "<", 1 }, TOK_LT }, { { ">=", 2 }, TOK_GE }, { { ">", 1 }, TOK_GT },
		{ { "[", 1 }, TOK_LBRACK }, { { "]", 1 }, TOK_RBRACK }, { { "(", 1 }, TOK_LPAREN },
		{ { ")", 1 }, TOK_RPAREN }, { { ":", 1 }, TOK_COLON }, { { ".", 1 }, TOK_DOT },
		{ { ",", 1 }, TOK_COMMA }, { { "*", 1 }, TOK_STAR },
	};
	struct str rest = str_slice(lx->text, lx->rd.pos, lx->text.n);

	for (size_t i = 0; i < COUNTOF(marks); i++)
		if (str_starts(rest, marks[i].text))
			return finish(lx, t, marks[i].kind, marks[i].text.n);
	return FAIL(err, RC_BAD, "pattern: byte %u: unexpected '%.*s'", t->at, (int)utf8_len(lx->text, lx->rd.pos),
		    rest.p);
}

enum rc pat_lex_next(struct pat_lexer *lx, struct pat_token *ret, struct err *err)
{
	struct pat_token t = { 0 };
	enum rc rc;
	int c, d;

	skip_blank(lx);
	t.at = (uint32_t)lx->rd.pos;
	c = rd_peek(&lx->rd, 0);
	d = rd_peek(&lx->rd, 1);
	if (c < 0)
		rc = finish(lx, &t, TOK_END, 0);
	else if (c == '\'')
		rc = lex_quoted(lx, &t, 0, err);
	else if ((c == 't' || c == 'b' || c == 'h') && d == '\'')
		rc = lex_prefixed(lx, &t, c, err);
	else if (is_name_start(c))
		rc = lex_name(lx, &t);
	else if (is_digit(c) || c == '-' || c == '+' || (c == '.' && is_digit(d)))
		rc = lex_number(lx, &t, err);
	else
		rc = lex_punctuation(lx, &t, err);
	if (rc == RC_OK)
		*ret = t;
	return rc;
}
