/* Plain search. A line that lacks a piece of plain letters and digits which each
 * term needs is not read as an event at all; that piece is the longest run in the
 * term without anything JSON may write in another way. Where a line has "\u", any
 * letter may be written so, and it is read.
 *
 * A term that is one observable of a field ("src_ip=198.51.100.7") is asked of
 * the filters as well; URLs are not, because their case counts there. */
#include "base/ascii.h"
#include "base/mem.h"
#include "detect/block_keys.h"
#include "detect/hunt_int.h"
#include "model/observable.h"

struct term {
	struct str field, value;
	struct str needed;   /* of the line; may be empty */
	uint16_t id;
	bool without;
	bool keyed;          /* `key` is asked of filters */
	uint64_t key;
};

struct terms {
	struct hunt_matcher base;
	struct fields *dict;
	struct arena *a;
	struct term term[HUNT_TERMS_MAX];
	size_t n;
};

static struct terms *of(const struct hunt_matcher *m)
{
	return (struct terms *)(uintptr_t)m;
}

/* --- text --- */

static size_t find_nocase(struct str s, struct str needle)
{
	char low = needle.n == 0 ? '\0' : ascii_to_lower(needle.p[0]);

	if (needle.n == 0)
		return 0;
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (ascii_to_lower(s.p[i]) == low && str_eq_nocase(str_make(s.p + i, needle.n), needle))
			return i;
	return SIZE_MAX;
}

/* Bytes of the character at s.p[at], for "?". */
static size_t character(struct str s, size_t at)
{
	size_t n = 1;

	while (at + n < s.n && n < 4 && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Whole value; of several "*" only the latest is ever gone back to, so the cost is at most the product of the lengths. */
static bool glob(struct str pattern, struct str s)
{
	size_t p = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = i;
		} else if (p < pattern.n && pattern.p[p] == '?') {
			i += character(s, i);
			p++;
		} else if (p < pattern.n && ascii_to_lower(pattern.p[p]) == ascii_to_lower(s.p[i])) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* Always itself in a line, unless written as \u. */
static bool plain(char c)
{
	return ascii_alnum(c) || c == '.' || c == '-' || c == '_' || c == ' ';
}

static struct str longest_plain(struct str s)
{
	struct str best = S("");
	size_t from = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && plain(s.p[i]))
			continue;
		if (i - from > best.n)
			best = str_slice(s, from, i);
		from = i + 1;
	}
	return best;
}

/* --- matching --- */

static bool may(const struct hunt_matcher *m, const struct fuse *filter)
{
	const struct terms *x = of(m);

	for (size_t i = 0; i < x->n; i++)
		if (x->term[i].keyed && !fuse_has(filter, x->term[i].key))
			return false;
	return true;
}

static bool line(const struct hunt_matcher *m, const struct block_event *e)
{
	const struct terms *x = of(m);

	if (e->format != LOG_JSON) /* others have values that do not stand in the line: a syslog priority's names */
		return true;
	for (size_t i = 0; i < x->n; i++)
		if (!x->term[i].without && find_nocase(e->line, x->term[i].needed) == SIZE_MAX)
			return str_find(e->line, S("\\u"), 0) != SIZE_MAX;
	return true;
}

static bool field_meets(const struct term *t, struct flat *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->v[i].field == t->id && f->v[i].type != FLAT_NULL && glob(t->value, flat_text(f, &f->v[i])))
			return true;
	return false;
}

static bool text_meets(const struct term *t, const struct block_event *e, struct flat *f)
{
	bool json = e->format == LOG_JSON;

	if (find_nocase(e->line, t->value) != SIZE_MAX)
		return true;
	for (uint32_t i = 0; f != NULL && i < f->n; i++)
		if (f->v[i].type == FLAT_STRING && (!json || (f->v[i].flags & FLAT_ESCAPED)) && find_nocase(flat_text(f, &f->v[i]), t->value) != SIZE_MAX)
			return true;
	return false;
}

static enum rc event(struct hunt_matcher *m, const struct block_event *e, struct flat *f, struct hunt_sink *s, struct err *err UNUSED)
{
	const struct terms *x = of(m);
	struct hunt_found found = { .event = e, .at = e->time, .id = S(""), .title = S(""), .author = S(""), .level = S(""), .source = e->source, .matched = S(""),
				    .tlp = UINT8_MAX, .confidence = UINT8_MAX, .f = f };

	for (size_t i = 0; i < x->n; i++) {
		const struct term *t = &x->term[i];
		bool meets = t->field.n > 0 ? f != NULL && field_meets(t, f) : text_meets(t, e, f);

		if (meets == t->without)
			return RC_OK;
	}
	hunt_tell(s, &found);
	return RC_OK;
}

static void free_it(struct hunt_matcher *m)
{
	struct terms *x = of(m);

	fields_free(x->dict);
	arena_free(x->a);
	mem_free(x);
}

/* --- as people write it --- */

static bool field_byte(char c)
{
	return ascii_alnum(c) || c == '.' || c == '_' || c == '-' || c == '@' || (unsigned char)c >= 0x80;
}

struct hunt_term hunt_term_of(struct str s)
{
	size_t at = str_find(s, S("="), 0), name = at;

	if (at == 0)
		return (struct hunt_term){ S(""), str_slice(s, 1, s.n), false };
	if (at != SIZE_MAX && at > 1 && s.p[at - 1] == '!')
		name = at - 1;
	for (size_t i = 0; at != SIZE_MAX && i < name; i++)
		if (!field_byte(s.p[i]))
			at = SIZE_MAX;
	if (at == SIZE_MAX)
		return (struct hunt_term){ S(""), s, false };
	return (struct hunt_term){ str_slice(s, 0, name), str_slice(s, at + 1, s.n), name < at };
}

/* One piece up to a blank outside quotes, without its quotes. */
static enum rc next_piece(struct str *rest, struct buf *out, struct err *err)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->n && (quoted || rest->p[i] != ' '); i++) {
		char c = rest->p[i];

		if (c == '"' && (quoted || i == 0 || rest->p[i - 1] == '='))
			quoted = !quoted;
		else if (quoted && c == '\\' && i + 1 < rest->n && (rest->p[i + 1] == '"' || rest->p[i + 1] == '\\'))
			buf_char(out, rest->p[++i]);
		else
			buf_char(out, c);
	}
	*rest = str_slice(*rest, i, rest->n);
	return quoted ? FAIL(err, RC_BAD, "search: a quote (\") does not end") : buf_check(out, err, "search");
}

enum rc hunt_terms_of(struct arena *a, struct str text, struct hunt_term *list, size_t *ret_n, struct err *err)
{
	struct str rest = str_trim(text);
	enum rc rc = RC_OK;
	struct buf piece;

	*ret_n = 0;
	buf_init(&piece, text.n + 1);
	while (rc == RC_OK && rest.n > 0) {
		/* What begins with a quote is text, whatever signs it holds. */
		bool plain_text = rest.p[0] == '"';
		struct str kept;

		buf_clear(&piece);
		rc = next_piece(&rest, &piece, err);
		kept = rc == RC_OK ? arena_dup(a, buf_view(&piece)) : S("");
		if (rc == RC_OK && kept.p == NULL)
			rc = FAIL(err, RC_NOMEM, "search: out of memory");
		else if (rc == RC_OK && *ret_n == HUNT_TERMS_MAX)
			rc = FAIL(err, RC_LIMIT, "search: more than %d terms", HUNT_TERMS_MAX);
		if (rc == RC_OK)
			list[(*ret_n)++] = plain_text ? (struct hunt_term){ S(""), kept, false } : hunt_term_of(kept);
		rest = str_trim(rest);
	}
	buf_done(&piece);
	return rc;
}

/* --- making --- */

static bool has_letter(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return true;
	return false;
}

/* One observable whose normal form does not know case, so that equal values have equal keys. */
static void find_key(struct term *t)
{
	enum observable_kind kind;
	uint64_t keys[KEYS_PROBE_MAX];
	struct buf normal;
	bool all = false;

	if (t->field.n == 0 || t->without || memchr(t->value.p, '*', t->value.n) != NULL || memchr(t->value.p, '?', t->value.n) != NULL ||
	    memchr(t->value.p, '/', t->value.n) != NULL || str_starts(t->value, S("::")) || !has_letter(t->value))
		return;
	buf_init(&normal, 2 * VALUE_MAX);
	if (value_detect(t->value, &kind, &normal, NULL) == RC_OK && kind != OBS_URL)
		t->keyed = block_keys_of_value(kind, buf_view(&normal), keys, &all) == 1;
	t->key = keys[0];
	buf_done(&normal);
}

static enum rc add(struct terms *x, const struct hunt_term *in, struct err *err)
{
	struct term *t = &x->term[x->n];

	if (x->n == HUNT_TERMS_MAX)
		return FAIL(err, RC_LIMIT, "search: more than %d terms", HUNT_TERMS_MAX);
	*t = (struct term){ .field = arena_dup(x->a, in->field), .value = arena_dup(x->a, in->value), .without = in->without };
	if (t->field.p == NULL || t->value.p == NULL)
		return FAIL(err, RC_NOMEM, "search: out of memory");
	t->needed = longest_plain(t->value);
	if (t->field.n > 0)
		TRY(fields_add(x->dict, t->field, &t->id, err));
	find_key(t);
	if (t->keyed)
		x->base.may = may;
	x->n++;
	return RC_OK;
}

static enum rc fill(struct terms *x, const struct hunt_term *list, size_t n, struct err *err)
{
	x->dict = fields_new();
	x->a = arena_new((size_t)1 << 20);
	if (x->dict == NULL || x->a == NULL)
		return FAIL(err, RC_NOMEM, "search: out of memory");
	TRY(fields_add_windows(x->dict, err));
	for (size_t i = 0; i < n; i++)
		TRY(add(x, &list[i], err));
	x->base.dict = x->dict;
	return RC_OK;
}

enum rc hunt_for_terms(const struct hunt_term *list, size_t n, struct hunt_matcher **ret, struct err *err)
{
	struct terms *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "search: out of memory");
	x->base = (struct hunt_matcher){ .line = line, .event = event, .free = free_it, .broken_too = true };
	rc = fill(x, list, n, err);
	if (rc == RC_OK)
		*ret = &x->base;
	else
		hunt_matcher_free(&x->base);
	return rc;
}
