/* Strings of rules: escapes and wildcards, placeholders, dashes, codings. A string is read into pieces before any
 * modifier adds a wildcard, so that a backslash at its end never swallows the star of `contains`. */
#include "base/ascii.h"
#include "base/text.h"
#include "detect/sigma_int.h"

#define DASHES_MAX 16

/* `\*`, `\?` and `\\` stand for the second character; a backslash before anything else, or at the end, for itself. */
enum rc sigma_pieces(struct sigma_doc *d, struct str text, const struct sigma_piece **ret, uint32_t *ret_n)
{
	char *literal = arena_alloc(d->scratch, text.n + 1);
	size_t specials = 0, n = 0, at = 0, from = 0;
	struct sigma_piece *p;

	for (size_t i = 0; i < text.n; i++)
		specials += text.p[i] == '*' || text.p[i] == '?';
	p = arena_array(d->scratch, 2 * specials + 1, sizeof *p);
	if (p == NULL || literal == NULL)
		return sigma_nomem(d);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool escape = c == '\\' && i + 1 < text.n && (text.p[i + 1] == '*' || text.p[i + 1] == '?' || text.p[i + 1] == '\\');

		if (escape)
			c = text.p[++i];
		if (escape || (c != '*' && c != '?')) {
			literal[at++] = c;
			continue;
		}
		if (at > from)
			p[n++] = (struct sigma_piece){ SIGMA_LITERAL, str_make(literal + from, at - from) };
		from = at;
		p[n++].kind = c == '*' ? SIGMA_ANY : SIGMA_ONE;
	}
	if (at > from)
		p[n++] = (struct sigma_piece){ SIGMA_LITERAL, str_make(literal + from, at - from) };
	*ret = p;
	*ret_n = (uint32_t)n;
	return RC_OK;
}

static bool tidy_already(const struct sigma_piece *p, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n; i++)
		if (p[i].kind == p[i + 1].kind && p[i].kind != SIGMA_ONE)
			return false;
	return true;
}

enum rc sigma_pieces_tidy(struct sigma_doc *d, const struct sigma_piece *in, uint32_t n, const struct sigma_piece **ret, uint32_t *ret_n)
{
	struct sigma_piece *p;
	uint32_t k = 0;

	*ret = in;
	*ret_n = n;
	if (tidy_already(in, n))
		return RC_OK;
	p = arena_array(d->scratch, n, sizeof *p);
	if (p == NULL)
		return sigma_nomem(d);
	for (uint32_t i = 0; i < n; i++) {
		char *both;

		if (k == 0 || p[k - 1].kind != in[i].kind || in[i].kind == SIGMA_ONE) {
			p[k++] = in[i];
			continue;
		}
		if (in[i].kind == SIGMA_ANY || in[i].text.n == 0)
			continue;
		both = arena_alloc(d->scratch, p[k - 1].text.n + in[i].text.n);
		if (both == NULL)
			return sigma_nomem(d);
		memcpy(both, p[k - 1].text.p, p[k - 1].text.n);
		memcpy(both + p[k - 1].text.n, in[i].text.p, in[i].text.n);
		p[k - 1].text = str_make(both, p[k - 1].text.n + in[i].text.n);
	}
	*ret = p;
	*ret_n = k;
	return RC_OK;
}

/* ---- windash ---- */

/* What \w means to the regular expression that defines windash: letters, digits, underscore, of any script. */
static bool word_char(uint32_t ch)
{
	if (ch < 0x80)
		return ascii_alnum((char)ch) || ch == '_';
	if (ch < 0xc0)
		return ch == 0xaa || ch == 0xb2 || ch == 0xb3 || ch == 0xb5 || ch == 0xb9 || ch == 0xba || (ch >= 0xbc && ch <= 0xbe);
	return !(ch == 0xd7 || ch == 0xf7 || (ch >= 0x2000 && ch <= 0x206f) || (ch >= 0x20a0 && ch <= 0x20cf) ||
		 (ch >= 0x2190 && ch <= 0x245f) || (ch >= 0x2500 && ch <= 0x2bff) || (ch >= 0x3000 && ch <= 0x3004) ||
		 (ch >= 0x3008 && ch <= 0x3020) || (ch >= 0xfe10 && ch <= 0xfe6f) || (ch >= 0xff00 && ch <= 0xff0f));
}

static bool word_at(struct str s, size_t i)
{
	return i < s.n && utf8_len(s, i) > 0 && word_char(utf8_next(s, &i));
}

static bool word_before(struct str s, size_t i)
{
	size_t from = i;

	if (i == 0)
		return false;
	for (from--; from > 0 && i - from < 4 && ((unsigned char)s.p[from] & 0xc0) == 0x80; from--)
		;
	return word_at(s, from);
}

/* \B[-/]\b */
static bool dash_at(struct str s, size_t i)
{
	return (s.p[i] == '-' || s.p[i] == '/') && !word_before(s, i) && word_at(s, i + 1);
}

static const struct str dashes[] = { { "-", 1 }, { "/", 1 }, { "\xe2\x80\x93", 3 }, { "\xe2\x80\x94", 3 }, { "\xe2\x80\x95", 3 } };

/* Combination `which` (a number in base five, one digit a dash) of the string `v`. */
static enum rc dash_combination(struct sigma_doc *d, const struct sigma_value *v, size_t which, struct sigma_value *out)
{
	struct sigma_piece *p = arena_array(d->scratch, v->n_pieces + 1u, sizeof *p);

	if (p == NULL)
		return sigma_nomem(d);
	for (uint32_t i = 0; i < v->n_pieces; i++) {
		struct str s = v->pieces[i].text;
		char *to;
		size_t n = 0;

		p[i] = v->pieces[i];
		if (p[i].kind != SIGMA_LITERAL)
			continue;
		to = arena_alloc(d->scratch, s.n + 2 * DASHES_MAX);
		if (to == NULL)
			return sigma_nomem(d);
		for (size_t k = 0; k < s.n; k++) {
			struct str put = str_slice(s, k, k + 1);

			if (dash_at(s, k)) {
				put = dashes[which % COUNTOF(dashes)];
				which /= COUNTOF(dashes);
			}
			memcpy(to + n, put.p, put.n);
			n += put.n;
		}
		p[i].text = str_make(to, n);
	}
	out->pieces = p;
	return RC_OK;
}

enum rc sigma_windash(struct sigma_doc *d, const struct yaml *at, struct sigma_value *v)
{
	struct sigma_value original = *v, *last = v;
	size_t total = 1, count = 0;

	for (uint32_t i = 0; i < v->n_pieces; i++)
		for (size_t k = 0; k < v->pieces[i].text.n; k++)
			count += dash_at(v->pieces[i].text, k);
	if (count > DASHES_MAX)
		return SIGMA_BAD(d, at, 0, "windash: %zu dashes in one value make too many combinations", count);
	for (size_t i = 0; i < count; i++)
		total *= COUNTOF(dashes);
	if (total > SIGMA_NODES_MAX)
		return SIGMA_BAD(d, at, 0, "windash: %zu dashes make %zu combinations, more than %d", count, total, SIGMA_NODES_MAX);
	for (size_t i = 0; count > 0 && i < total; i++) {
		struct sigma_value *to = i == 0 ? v : arena_alloc(d->scratch, sizeof *to);

		if (to == NULL)
			return sigma_nomem(d);
		*to = original;
		TRY(sigma_room(d, at));
		TRY(dash_combination(d, &original, i, to));
		if (i > 0)
			last->next = to;
		to->next = original.next;
		last = to;
	}
	return RC_OK;
}

/* ---- placeholders ---- */

/* The placeholder that begins at s.p[i] ("%name%"): its name, or nothing. */
static struct str placeholder_at(struct str s, size_t i)
{
	size_t k = i + 1;

	if (s.p[i] != '%' || (i > 0 && s.p[i - 1] == '\\'))
		return S("");
	while (k < s.n && (ascii_alnum(s.p[k]) || s.p[k] == '_' || s.p[k] == '-' || s.p[k] == '.' || (unsigned char)s.p[k] >= 0x80))
		k++;
	return k < s.n && s.p[k] == '%' ? str_slice(s, i + 1, k) : S("");
}

static const struct sigma_placeholder *placeholder_find(const struct sigma_reader *r, struct str name)
{
	for (const struct sigma_placeholder *p = r->placeholders; p != NULL; p = p->next)
		if (str_eq_nocase(p->name, name))
			return p;
	return NULL;
}

static void missing(struct sigma_doc *d, struct str name)
{
	struct str rest = buf_view(&d->missing), one;

	while (str_next(&rest, ' ', &one))
		if (str_eq(str_slice(one, 1, one.n - 1), name))
			return;
	buf_fmt(&d->missing, "%s%%%.*s%%", d->missing.n == 0 ? "" : " ", STR(name));
}

/* `\%` is a plain percent sign where placeholders are read. */
static struct str unescape_percent(struct sigma_doc *d, struct str s)
{
	char *to;
	size_t n = 0;

	if (str_find(s, S("\\%"), 0) == SIZE_MAX)
		return s;
	to = arena_alloc(d->scratch, s.n);
	if (to == NULL)
		return str_make(NULL, 0);
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '%'))
			to[n++] = s.p[i];
	return str_make(to, n);
}

/* Pieces [0, i) of `v`, then `in`, then the rest. */
static enum rc splice(struct sigma_doc *d, const struct sigma_value *v, uint32_t i, struct str head, const struct sigma_piece *in, uint32_t n,
		      struct str tail, struct sigma_value *out)
{
	struct sigma_piece *p = arena_array(d->scratch, v->n_pieces + n + 2u, sizeof *p);
	uint32_t k = 0;

	if (p == NULL)
		return sigma_nomem(d);
	for (uint32_t j = 0; j < i; j++)
		p[k++] = v->pieces[j];
	if (head.n > 0)
		p[k++] = (struct sigma_piece){ SIGMA_LITERAL, head };
	for (uint32_t j = 0; j < n; j++)
		p[k++] = in[j];
	if (tail.n > 0)
		p[k++] = (struct sigma_piece){ SIGMA_LITERAL, tail };
	for (uint32_t j = i + 1; j < v->n_pieces; j++)
		p[k++] = v->pieces[j];
	*out = *v;
	out->pieces = p;
	out->n_pieces = k;
	return RC_OK;
}

struct spot {
	uint32_t piece;
	size_t from, to;
	struct str name;
};

static bool first_placeholder(const struct sigma_value *v, struct spot *ret)
{
	for (uint32_t i = 0; i < v->n_pieces; i++) {
		struct str s = v->pieces[i].text;

		for (size_t k = 0; k < s.n; k++) {
			struct str name = placeholder_at(s, k);

			if (name.n > 0) {
				*ret = (struct spot){ i, k, k + name.n + 2, name };
				return true;
			}
		}
	}
	return false;
}

/* Values of lists may bring percent signs of their own: they are hidden behind NUL until all places are filled. */
static enum rc put_value(struct sigma_doc *d, const struct sigma_value *v, const struct spot *at, struct str value, struct sigma_value *out)
{
	struct str s = v->pieces[at->piece].text;
	const struct sigma_piece *in;
	struct sigma_piece *hidden;
	uint32_t n;

	TRY(sigma_pieces(d, value, &in, &n));
	hidden = arena_array(d->scratch, n + 1u, sizeof *hidden);
	if (hidden == NULL)
		return sigma_nomem(d);
	for (uint32_t i = 0; i < n; i++) {
		struct str copy = arena_dup(d->scratch, in[i].text);

		if (copy.p == NULL)
			return sigma_nomem(d);
		hidden[i] = in[i];
		for (size_t k = 0; k < copy.n; k++)
			if (copy.p[k] == '%')
				((char *)(uintptr_t)copy.p)[k] = '\0';
		hidden[i].text = copy;
	}
	return splice(d, v, at->piece, str_slice(s, 0, at->from), hidden, n, str_slice(s, at->to, s.n), out);
}

static enum rc finish_expanded(struct sigma_doc *d, struct sigma_value *v)
{
	struct sigma_piece *p = arena_array(d->scratch, v->n_pieces + 1u, sizeof *p);

	if (p == NULL)
		return sigma_nomem(d);
	for (uint32_t i = 0; i < v->n_pieces; i++) {
		struct str s = unescape_percent(d, v->pieces[i].text);
		char *to = arena_alloc(d->scratch, s.n + 1);

		if (to == NULL || (s.p == NULL && s.n > 0))
			return sigma_nomem(d);
		for (size_t k = 0; k < s.n; k++)
			to[k] = s.p[k] == '\0' ? '%' : s.p[k];
		p[i] = (struct sigma_piece){ v->pieces[i].kind, str_make(to, s.n) };
	}
	v->pieces = p;
	return RC_OK;
}

enum rc sigma_expand(struct sigma_doc *d, const struct yaml *at, struct sigma_value **head)
{
	size_t made = 0;
	bool any = false;

	for (struct sigma_value **v = head; *v != NULL;) {
		const struct sigma_placeholder *list;
		struct sigma_value *old = *v, **end = v;
		struct spot spot;

		if (!first_placeholder(old, &spot)) {
			TRY(finish_expanded(d, old));
			v = &old->next;
			continue;
		}
		any = true;
		list = placeholder_find(d->r, spot.name);
		if (list == NULL)
			missing(d, spot.name);
		/* The old value goes; what it becomes stands in its place and is looked at again. */
		*v = old->next;
		for (size_t i = 0; list != NULL && i < list->n; i++) {
			struct sigma_value *to = arena_alloc(d->scratch, sizeof *to);

			if (to == NULL)
				return sigma_nomem(d);
			if (++made > SIGMA_NODES_MAX)
				return SIGMA_BAD(d, at, 0, "expand: more than %d combinations", SIGMA_NODES_MAX);
			TRY(sigma_room(d, at));
			TRY(put_value(d, old, &spot, list->values[i], to));
			to->next = *end;
			*end = to;
			end = &to->next;
		}
	}
	if (!any)
		sigma_remark(d, "line %u: expand without a %%placeholder%%", at->line);
	return RC_OK;
}

/* ---- codings ---- */

static struct str kept(struct sigma_doc *d, struct buf *b)
{
	struct str s = b->bad == RC_OK ? arena_dup(d->scratch, buf_view(b)) : str_make(NULL, 0);

	buf_done(b);
	return s;
}

static enum rc plain_bytes(struct sigma_doc *d, const struct yaml *at, const struct sigma_value *v, struct str *ret)
{
	*ret = S("");
	if (v->n_pieces > 1 || (v->n_pieces == 1 && v->pieces[0].kind != SIGMA_LITERAL))
		return SIGMA_BAD(d, at, 0, "base64 of a value with wildcards has no meaning");
	if (v->n_pieces == 1)
		*ret = v->pieces[0].text;
	return RC_OK;
}

static enum rc set_literal(struct sigma_doc *d, struct sigma_value *v, struct str s)
{
	struct sigma_piece *p = arena_alloc(d->scratch, sizeof *p);

	if (p == NULL || s.p == NULL)
		return sigma_nomem(d);
	*p = (struct sigma_piece){ SIGMA_LITERAL, s };
	v->pieces = p;
	v->n_pieces = s.n > 0;
	return RC_OK;
}

/* The part of the base64 text that stays the same when `shift` unknown bytes stand before the value. */
static enum rc base64_shifted(struct sigma_doc *d, struct str bytes, unsigned shift, struct sigma_value *v)
{
	static const size_t from[] = { 0, 2, 3 }, cut[] = { 0, 3, 2 };
	struct buf padded, coded;
	struct str s;

	buf_init(&padded, bytes.n + 3);
	buf_init(&coded, bytes.n * 2 + 16);
	buf_put(&padded, "  ", shift);
	buf_str(&padded, bytes);
	base64_put(&coded, buf_view(&padded));
	buf_done(&padded);
	s = kept(d, &coded);
	if (s.p == NULL)
		return sigma_nomem(d);
	s = str_slice(s, from[shift], s.n - (s.n > cut[(bytes.n + shift) % 3] ? cut[(bytes.n + shift) % 3] : s.n));
	return set_literal(d, v, s);
}

static enum rc base64_offsets(struct sigma_doc *d, const struct yaml *at, struct sigma_value *v)
{
	struct sigma_value *last = v;
	struct str bytes;

	TRY(plain_bytes(d, at, v, &bytes));
	if (bytes.n == 0)
		return SIGMA_BAD(d, at, 0, "base64offset of an empty value has no meaning");
	v->inner = true;
	for (unsigned shift = 0; shift < 3; shift++) {
		struct sigma_value *to = shift == 0 ? v : arena_alloc(d->scratch, sizeof *to);

		if (to == NULL)
			return sigma_nomem(d);
		if (shift > 0) {
			*to = *v;
			to->next = last->next;
			last->next = to;
		}
		TRY(base64_shifted(d, bytes, shift, to));
		last = to;
	}
	return RC_OK;
}

static enum rc utf16(struct sigma_doc *d, const struct yaml *at, enum sigma_coding how, bool mark, struct str s, struct str *ret)
{
	struct buf b;
	unsigned hi = how == CODING_UTF16BE ? 8 : 0;

	if (!utf8_valid(s, NULL))
		return SIGMA_BAD(d, at, 0, "UTF-16 of a value that is coded already");
	buf_init(&b, s.n * 2 + 4);
	if (mark)
		buf_str(&b, S("\xff\xfe"));
	for (size_t i = 0; i < s.n;) {
		uint32_t ch = utf8_next(s, &i), unit[2] = { ch, 0 };
		int n = 1;

		if (ch >= 0x10000) {
			unit[0] = 0xd800 + ((ch - 0x10000) >> 10);
			unit[1] = 0xdc00 + ((ch - 0x10000) & 0x3ff);
			n = 2;
		}
		for (int k = 0; k < n; k++) {
			buf_char(&b, (char)(unsigned char)(unit[k] >> hi));
			buf_char(&b, (char)(unsigned char)(unit[k] >> (8 - hi)));
		}
	}
	*ret = kept(d, &b);
	return ret->p == NULL ? sigma_nomem(d) : RC_OK;
}

enum rc sigma_encode(struct sigma_doc *d, const struct yaml *at, enum sigma_coding how, struct sigma_value *v)
{
	struct sigma_piece *p;
	struct str bytes;
	struct buf b;
	bool mark = how == CODING_UTF16;

	if (how == CODING_BASE64OFFSET)
		return base64_offsets(d, at, v);
	if (how == CODING_BASE64) {
		TRY(plain_bytes(d, at, v, &bytes));
		buf_init(&b, bytes.n * 2 + 8);
		base64_put(&b, bytes);
		return set_literal(d, v, kept(d, &b));
	}
	p = arena_array(d->scratch, v->n_pieces + 1u, sizeof *p);
	if (p == NULL)
		return sigma_nomem(d);
	for (uint32_t i = 0; i < v->n_pieces; i++) {
		p[i] = v->pieces[i];
		if (p[i].kind != SIGMA_LITERAL)
			continue;
		TRY(utf16(d, at, how, mark, v->pieces[i].text, &p[i].text));
		mark = false;
	}
	v->pieces = p;
	return RC_OK;
}
