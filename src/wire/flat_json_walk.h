/* Inside wire/ only, for flat_json_avx2.c and flat_json_avx512.c: what the two
 * have in common. They find the quotes of a line, 64 bytes at a look; this then
 * walks from quote to quote and looks only at the bytes between strings.
 *
 * Every function is inlined into its caller and so compiled for the caller's
 * machine. The walk says false to whatever it does not like; the plain reader
 * decides then. That keeps this one short, and no word of an error depends on
 * the machine.
 *
 * Why no byte behind the line is read: the line is trimmed and ends in '}', so
 * each byte before it that is not '}' has one behind it, and skipping white
 * space stops. Quotes are even in number, so an opening one has a closing one.
 * Every byte outside strings is looked at, so when the walk meets a quote, it
 * is the next one of the index. */
#ifndef WIRE_FLAT_JSON_WALK_H
#define WIRE_FLAT_JSON_WALK_H

#include "base/ascii.h"
#include "base/text.h"
#include "wire/fields_table.h"
#include "wire/flat_work.h"

/* Who includes this defines MACHINE, the attribute that names the machine; machine_name, the first n <= FLAT_NAME_MAX
 * bytes of a name with zeros behind them; and MACHINE_NEAR, how many bytes behind a name must be there for that. */
#define WALK_INLINE MACHINE __attribute__((always_inline)) static inline
#define WALK_APART MACHINE __attribute__((noinline)) static

struct walk {
	const char *s, *end, *p;
	const uint16_t *q;        /* the next quote */
	const struct fields *dict;
	struct flat *f;
	struct flat_work *work;
	struct flat_value *to, *to_end;
	struct flat_level *top;   /* the open object or array */
	uint32_t node, array;     /* of top */
	uint32_t near;            /* from here on the line's end is near */
	/* the member whose value comes next */
	const char *name;
	uint32_t name_n;
	uint32_t found;           /* id, and above it the node inside */
};

WALK_INLINE void walk_put(struct walk *w, enum flat_type type, const char *p, size_t n, unsigned flags)
{
	if (UNLIKELY(w->to == w->to_end)) {
		w->f->left_out++;
		return;
	}
	*w->to++ = (struct flat_value){ .p = p, .name = w->name, .n = (uint32_t)n, .name_n = (uint16_t)w->name_n,
		.field = (uint16_t)w->found, .type = (uint8_t)type, .flags = (uint8_t)flags };
}

WALK_INLINE void walk_space(struct walk *w)
{
	while (UNLIKELY(ascii_json_space(*w->p)))
		w->p++;
}

/* Does the quote at `at` close a string with escapes? */
WALK_INLINE unsigned walk_escaped(const struct walk *w, uint32_t at)
{
	return (unsigned)(w->work->index.escaped[at >> 6] >> (at & 63)) & FLAT_ESCAPED;
}

WALK_INLINE bool walk_string(struct walk *w, unsigned flags)
{
	uint32_t from = (uint32_t)w->q[0] + 1, to = w->q[1];

	walk_put(w, FLAT_STRING, w->s + from, to - from, flags | walk_escaped(w, to));
	w->q += 2;
	w->p = w->s + to + 1;
	return true;
}

/* A few digits and no more, as most numbers are: *ret_n of them, or 0. */
WALK_INLINE uint32_t walk_few_digits(const struct walk *w, const char *p)
{
	uint64_t v, odd;
	uint32_t n;

	if (UNLIKELY(w->end - p < 8))
		return 0;
	v = fields_load(p) ^ 0x3030303030303030u;
	odd = ((v + 0x7676767676767676u) | v) & 0x8080808080808080u;
	n = odd == 0 ? 8 : (uint32_t)__builtin_ctzll(odd) / 8;
	return n == 8 || (n > 1 && p[0] == '0') || p[n] == '.' || (p[n] | 0x20) == 'e' ? 0 : n;
}

/* RFC 8259 §6; the line's last byte ends every loop. */
static inline const char *walk_number_end(const char *p)
{
	const char *from;

	if (*p == '-')
		p++;
	if (*p == '0')
		p++;
	else
		for (from = p; ascii_digit(*p) || p == from; p++)
			if (!ascii_digit(*p))
				return NULL;
	if (*p == '.')
		for (from = ++p; ascii_digit(*p) || p == from; p++)
			if (!ascii_digit(*p))
				return NULL;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		for (from = p; ascii_digit(*p) || p == from; p++)
			if (!ascii_digit(*p))
				return NULL;
	}
	return p;
}

WALK_INLINE bool walk_number(struct walk *w, unsigned flags)
{
	uint32_t n = walk_few_digits(w, w->p);
	const char *end = LIKELY(n > 0) ? w->p + n : walk_number_end(w->p);

	if (UNLIKELY(end == NULL))
		return false;
	walk_put(w, FLAT_NUMBER, w->p, (size_t)(end - w->p), flags);
	w->p = end;
	return true;
}

WALK_INLINE bool walk_word(struct walk *w, unsigned flags)
{
	enum flat_type type = *w->p == 'n' ? FLAT_NULL : *w->p == 't' ? FLAT_TRUE : FLAT_FALSE;
	size_t n = type == FLAT_FALSE ? 5 : 4;

	if ((size_t)(w->end - w->p) < n || memcmp(w->p, type == FLAT_NULL ? "null" : type == FLAT_TRUE ? "true" : "false", n) != 0)
		return false;
	walk_put(w, type, w->p, n, flags);
	w->p += n;
	return true;
}

/* Any value but an object or an array. */
WALK_INLINE bool walk_scalar(struct walk *w, unsigned flags)
{
	if (LIKELY(*w->p == '"'))
		return walk_string(w, flags);
	if (LIKELY(ascii_digit(*w->p) || *w->p == '-'))
		return walk_number(w, flags);
	return walk_word(w, flags);
}

/* At '{' or '['; stops at the first thing inside. */
WALK_INLINE bool walk_open(struct walk *w)
{
	if (UNLIKELY(w->top == &w->work->levels[FLAT_DEPTH_MAX]))
		return false;
	w->node = w->found >> 16;
	w->array = *w->p == '[';
	*++w->top = (struct flat_level){ .node = (uint16_t)w->node, .field = (uint16_t)w->found, .name_n = (uint16_t)w->name_n,
		.array = (uint8_t)w->array, .name = w->name };
	w->p++;
	walk_space(w);
	return true;
}

/* The row of a name in the table of names. */
WALK_INLINE size_t walk_row(const struct walk *w, __m256i name, uint32_t where)
{
	__m128i folded = _mm_xor_si128(_mm256_castsi256_si128(name), _mm256_extracti128_si256(name, 1));
	uint64_t a = (uint64_t)_mm_cvtsi128_si64(folded), b = (uint64_t)_mm_extract_epi64(folded, 1);

	return ((a ^ w->work->secret ^ where) * FIELDS_MIX1 + (b ^ where) * FIELDS_MIX2) >> 54;
}
_Static_assert(FLAT_ROWS == 1024, "a row has ten bits");

WALK_INLINE bool walk_same(__m256i a, const char *b)
{
	__m256i differs = _mm256_xor_si256(a, _mm256_load_si256((const __m256i *)(const void *)b));

	return _mm256_testz_si256(differs, differs);
}

/* What the name means that begins at byte `from` of the line. */
WALK_INLINE bool walk_find(struct walk *w, const char *name, uint32_t from, uint32_t n)
{
	__m256i bytes = machine_name(name, n);
	uint32_t where = fields_where(w->node, n);
	size_t row = walk_row(w, bytes, where);
	const struct flat_name *known = &w->work->names[0][row];
	uint64_t found = known->found;

	w->name = w->s + from;
	w->name_n = n;
	if (UNLIKELY(known->where != where) || UNLIKELY(!walk_same(bytes, known->text))) {
		found = flat_names_find(w->f, w->dict, w->node, str_make(w->name, n), row);
		if (UNLIKELY(found == FLAT_NO_MEMORY))
			return false;
	}
	w->found = (uint32_t)found;
	return true;
}

/* At a name; stops at its value. */
WALK_INLINE bool walk_name(struct walk *w)
{
	uint32_t from = (uint32_t)w->q[0] + 1, to = w->q[1];

	char copy[FLAT_NAME_MAX + MACHINE_NEAR] UNINIT;
	const char *name = w->s + from;

	if (to >= w->near) {
		/* nearer to the line's end than a name may be to be looked at where it stands */
		memcpy(copy, name, to - from < FLAT_NAME_MAX ? to - from : FLAT_NAME_MAX);
		name = copy;
	}
	if (UNLIKELY(!walk_find(w, name, from, to - from)))
		return false;
	w->q += 2;
	w->p = w->s + to + 1;
	walk_space(w);
	if (UNLIKELY(*w->p != ':'))
		return false;
	w->p++;
	walk_space(w);
	return true;
}

/* What the next item of the open array is. */
WALK_INLINE void walk_item(struct walk *w)
{
	w->name = w->top->name;
	w->name_n = w->top->name_n;
	w->found = w->top->field | w->node << 16;
}

enum walk_next { WALK_MORE, WALK_DONE, WALK_BAD };

/* Behind a value: closes what ends here and stops at the next member or item. */
WALK_INLINE enum walk_next walk_behind(struct walk *w)
{
	walk_space(w);
	while (*w->p != ',') {
		if (UNLIKELY(*w->p != (w->array ? ']' : '}')))
			return WALK_BAD;
		w->p++;
		if (--w->top == &w->work->levels[0])
			return w->p == w->end ? WALK_DONE : WALK_BAD;
		if (UNLIKELY(w->p == w->end))
			return WALK_BAD;
		w->node = w->top->node;
		w->array = w->top->array;
		walk_space(w);
	}
	w->p++;
	walk_space(w);
	return WALK_MORE;
}

/* Is it ':' and a quote? At least two bytes can be read. */
WALK_INLINE bool walk_colon_quote(const char *p)
{
	uint16_t both;

	memcpy(&both, p, sizeof both);
	return both == (':' | '"' << 8); /* x86 is little-endian */
}

/* The plain run of members, which is nearly all of a log: "name":"string", or a small number, and a comma. Stops at the
 * first name that is none of these, with nothing of it taken, or (true) behind a value with no comma. */
WALK_INLINE bool walk_members(struct walk *w)
{
	while (LIKELY(*w->p == '"' && w->to < w->to_end)) {
		uint64_t quotes = fields_load((const char *)w->q); /* the next four */
		uint32_t from = (uint16_t)quotes + 1u, to = (uint16_t)(quotes >> 16), value_to, digits;
		const char *value = w->s + to + 2;
		bool text;

		if (UNLIKELY(to >= w->near))
			return false;
		text = walk_colon_quote(value - 1);
		if (UNLIKELY(!text)) {
			if (value[-1] != ':')
				return false;
			value += *value == ' ';
			text = *value == '"';
		}
		if (LIKELY(text)) {
			if (UNLIKELY(!walk_find(w, w->s + from, from, to - from)))
				return false;
			value_to = (uint32_t)(quotes >> 48);
			walk_put(w, FLAT_STRING, value + 1, (size_t)(w->s + value_to - value - 1), walk_escaped(w, value_to));
			w->q += 4;
			w->p = w->s + value_to + 1;
		} else {
			digits = walk_few_digits(w, value);
			if (digits == 0 || UNLIKELY(!walk_find(w, w->s + from, from, to - from)))
				return false;
			walk_put(w, FLAT_NUMBER, value, digits, 0);
			w->q += 2;
			w->p = value + digits;
		}
		if (UNLIKELY(*w->p != ','))
			return true;
		w->p++;
		if (UNLIKELY(*w->p == ' '))
			w->p++;
	}
	return false;
}

/* From the line's '{' to its end. */
WALK_INLINE bool walk_line(struct walk *w)
{
	enum walk_next next = WALK_MORE;

	if (!walk_open(w))
		return false;
	while (next == WALK_MORE) {
		if (LIKELY(!w->array) && LIKELY(walk_members(w))) {
			next = walk_behind(w);
			continue;
		}
		walk_space(w);
		if (UNLIKELY(*w->p == (w->array ? ']' : '}'))) {
			/* an empty one, or a comma too many */
			if (w->p[-1] == ',' || ascii_json_space(w->p[-1]))
				return false;
			next = walk_behind(w);
			continue;
		}
		if (LIKELY(!w->array)) {
			if (UNLIKELY(*w->p != '"' || !walk_name(w)))
				return false;
		} else {
			walk_item(w);
		}
		if (UNLIKELY(*w->p == '{' || *w->p == '[')) {
			if (!w->array)
				flat_hold(w->f, (uint16_t)w->found);
			if (!walk_open(w))
				return false;
			continue;
		}
		if (UNLIKELY(!walk_scalar(w, w->array ? FLAT_ITEM : 0)))
			return false;
		next = walk_behind(w);
	}
	return next == WALK_DONE;
}

/* The line without white space around, when it may be an object. */
WALK_INLINE bool walk_trim(struct str *line)
{
	while (line->n > 0 && ascii_json_space(line->p[line->n - 1]))
		line->n--;
	while (line->n > 0 && ascii_json_space(line->p[0]))
		line->p++, line->n--;
	return line->n >= 2 && line->p[0] == '{' && line->p[line->n - 1] == '}';
}

/* Are the characters behind these backslashes (bits from byte `base`) "u" and four hexadecimal digits? */
WALK_APART bool walk_escapes(struct str line, size_t base, uint64_t odd)
{
	for (; odd != 0; odd &= odd - 1) {
		size_t at = base + (size_t)__builtin_ctzll(odd);

		if (line.n - at < 5 || line.p[at] != 'u')
			return false;
		for (size_t i = at + 1; i < at + 5; i++)
			if (hex_value(line.p[i]) < 0)
				return false;
	}
	return true;
}

/* Well-formed UTF-8 where `high` (bits from byte `base`) says that there are bytes beyond ASCII? A character that began
 * in the block before was looked at there. */
WALK_APART bool walk_utf8(struct str line, size_t base, uint64_t high)
{
	size_t at = base, n;

	while (at > 0 && base - at < 3 && (line.p[at] & 0xC0) == 0x80)
		at--; /* to the beginning of a character that reaches in from the block before */
	while (at < line.n && at < base + 64) {
		if ((unsigned char)line.p[at] >= 0x80) {
			n = utf8_len(line, at);
			if (n == 0)
				return false;
			at += n;
			continue;
		}
		if (at > base)
			high &= ~(uint64_t)0 << (at - base);
		if (high == 0)
			return true;
		at = base + (size_t)__builtin_ctzll(high);
	}
	return true;
}

/* Bits inside strings, given the quotes and whether the block begins inside one. */
WALK_INLINE uint64_t walk_inside(uint64_t quotes, bool began)
{
	for (unsigned by = 1; by < 64; by *= 2)
		quotes ^= quotes << by;
	return began ? ~quotes : quotes;
}

/* What goes from one block of 64 bytes to the next. Never passed by address: it must stay in registers. */
struct walk_carry {
	uint64_t escape;            /* 1: the next block's first byte is escaped */
	unsigned char segment;      /* 1: a backslash since the last quote */
	uint16_t *to;
};

#define WALK_ODD 0xAAAAAAAAAAAAAAAAu

/* The bytes behind a backslash that is not itself escaped. */
WALK_INLINE uint64_t walk_behind_slash(uint64_t *escape, uint64_t slashes)
{
	uint64_t may = slashes & ~*escape;
	uint64_t ends = (((may << 1) | WALK_ODD) - may) ^ WALK_ODD;
	uint64_t escaped = ends ^ (slashes | *escape);

	*escape = (ends & slashes) >> 63;
	return escaped;
}

/* Of `quotes`, those with a backslash between them and the quote before: a bit added anywhere in a run of ones carries
 * to the zero behind it. */
WALK_INLINE uint64_t walk_with_slash(unsigned char *segment, uint64_t quotes, uint64_t slashes)
{
	unsigned long long sum;

	*segment = _addcarry_u64(*segment, ~quotes, slashes, &sum);
	return sum & quotes;
}

/* Walks by the index, which ends at `to`. Only here the line's end is looked at: the way there has brought it near. */
WALK_INLINE bool walk_start(struct flat *f, const struct fields *dict, struct str line, const uint16_t *to)
{
	struct flat_index *x = &f->work->index;
	struct walk w = { .s = line.p, .q = x->quotes, .dict = dict, .f = f, .work = f->work, .to = f->v,
		.to_end = f->v + FLAT_VALUES_MAX, .top = &f->work->levels[0], .name = line.p };
	bool good;

	if (UNLIKELY(!walk_trim(&line)) || UNLIKELY(((to - x->quotes) & 1) != 0))
		return false;
	w.p = line.p;
	w.end = line.p + line.n;
	w.near = w.end - w.s > MACHINE_NEAR + 4 ? (uint32_t)(w.end - w.s) - MACHINE_NEAR - 4 : 0;
	good = walk_line(&w);
	f->n = (uint32_t)(w.to - f->v);
	return good;
}

#endif
