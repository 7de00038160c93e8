/* Zeek's ASCII logs: lines of columns behind a header that names and types them.
 *
 * #separator \x09
 * #set_separator	,        #empty_field	(empty)      #unset_field	-
 * #path	conn             #fields	ts	uid	...      #types	time	string	...
 *
 * Logs that were put one behind the other bring their headers along. */
#include "base/ascii.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/line_int.h"

#define HEADER_MAX ((size_t)1 << 20)

enum column_type { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_BOOL, COLUMN_TIME };

struct column {
	struct str name;
	uint16_t field;
	uint8_t type;
	bool several; /* set or vector: of that type */
};

struct zeek {
	struct arena *a;
	char separator, set_separator;
	struct str empty, unset, path;
	struct column *columns;
	uint32_t n, ts; /* ts: the column that tells the event's time, or n */
};

void zeek_free(struct zeek *z)
{
	if (z == NULL)
		return;
	arena_free(z->a);
	mem_free(z);
}

/* "\x09" and "\\"; all else stands for itself. */
static size_t unescape(char *to, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 3 < s.n && s.p[i + 1] == 'x' && hex_value(s.p[i + 2]) >= 0 && hex_value(s.p[i + 3]) >= 0) {
			to[n++] = (char)(hex_value(s.p[i + 2]) << 4 | hex_value(s.p[i + 3]));
			i += 3;
		} else if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '\\') {
			to[n++] = s.p[i++];
		} else {
			to[n++] = s.p[i];
		}
	}
	return n;
}

static bool begin(struct zeek *z)
{
	struct arena *a = z->a == NULL ? arena_new(HEADER_MAX) : z->a;

	if (a == NULL)
		return false;
	arena_reset(a);
	*z = (struct zeek){ .a = a, .separator = '\t', .set_separator = ',', .empty = S("(empty)"), .unset = S("-"), .path = S("") };
	return true;
}

static enum column_type type_of(struct str t)
{
	static const struct str numbers[] = { S("count"), S("int"), S("double"), S("port"), S("interval") };

	if (str_eq(t, S("time")))
		return COLUMN_TIME;
	if (str_eq(t, S("bool")))
		return COLUMN_BOOL;
	for (size_t i = 0; i < COUNTOF(numbers); i++)
		if (str_eq(t, numbers[i]))
			return COLUMN_NUMBER;
	return COLUMN_TEXT;
}

static bool fields_line(const struct log_lines *l, struct zeek *z, struct str rest)
{
	struct str name, count = rest = arena_dup(z->a, rest);
	uint32_t n = 0;

	while (n < FLAT_VALUES_MAX && str_next(&count, z->separator, &name))
		n++;
	if (rest.p == NULL || n == 0 || (z->columns = arena_array(z->a, n, sizeof *z->columns)) == NULL)
		return false;
	z->ts = z->n = n;
	for (uint32_t i = 0; i < n && str_next(&rest, z->separator, &name); i++) {
		z->columns[i] = (struct column){ .name = name, .field = fields_find(l->dict, 0, name, &(fields_node){ 0 }) };
		if (str_eq(name, S("ts")))
			z->ts = i;
	}
	return true;
}

static void types_line(struct zeek *z, struct str rest)
{
	struct str type;

	for (uint32_t i = 0; i < z->n && str_next(&rest, z->separator, &type); i++) {
		size_t open = str_find(type, S("["), 0);

		z->columns[i].several = open != SIZE_MAX;
		if (open != SIZE_MAX)
			type = str_slice(type, open + 1, type.n - 1);
		z->columns[i].type = (uint8_t)type_of(type);
	}
}

/* "#word" and the separator off the front. */
static bool directive(const struct zeek *z, struct str line, struct str word, struct str *ret_rest)
{
	if (!str_starts(line, word) || line.n <= word.n || line.p[word.n] != z->separator)
		return false;
	*ret_rest = str_slice(line, word.n + 1, line.n);
	return true;
}

static enum rc header_line(const struct log_lines *l, struct zeek *z, struct str line, struct err *err)
{
	struct str rest;
	bool good = true;
	char code[8];

	if (str_starts(line, S("#separator ")) && line.n <= 11 + sizeof code) {
		good = begin(z);
		z->separator = unescape(code, str_slice(line, 11, line.n)) == 1 ? code[0] : '\t';
	} else if (directive(z, line, S("#set_separator"), &rest)) {
		z->set_separator = rest.n == 1 ? rest.p[0] : ',';
	} else if (directive(z, line, S("#empty_field"), &rest)) {
		good = (z->empty = arena_dup(z->a, rest)).p != NULL;
	} else if (directive(z, line, S("#unset_field"), &rest)) {
		good = (z->unset = arena_dup(z->a, rest)).p != NULL;
	} else if (directive(z, line, S("#path"), &rest)) {
		good = (z->path = arena_dup(z->a, rest)).p != NULL;
	} else if (directive(z, line, S("#fields"), &rest)) {
		good = fields_line(l, z, rest);
	} else if (directive(z, line, S("#types"), &rest)) {
		types_line(z, rest);
	}
	return good ? RC_OK : FAIL(err, RC_LIMIT, "zeek: the header is larger than %zu bytes or names no column", HEADER_MAX);
}

static bool is_number(struct str s)
{
	size_t i = s.n > 1 && s.p[0] == '-';

	if (i == s.n || !ascii_digit(s.p[i]))
		return false;
	for (; i < s.n; i++)
		if (!ascii_digit(s.p[i]) && memchr(".eE+-", s.p[i], 5) == NULL)
			return false;
	return true;
}

static bool put_one(struct flat *f, const struct column *c, struct str text, uint8_t flags)
{
	enum flat_type type = FLAT_STRING;
	char *to;

	if (c->type == COLUMN_BOOL && text.n == 1 && (text.p[0] == 'T' || text.p[0] == 'F')) {
		type = text.p[0] == 'T' ? FLAT_TRUE : FLAT_FALSE;
		text = type == FLAT_TRUE ? S("true") : S("false");
	} else if (c->type != COLUMN_TEXT && is_number(text)) {
		type = FLAT_NUMBER;
	} else if (text.n > 0 && memchr(text.p, '\\', text.n) != NULL) {
		if ((to = arena_alloc(f->scratch, text.n)) == NULL)
			return false;
		text = str_make(to, unescape(to, text));
	}
	flat_put(f, c->field, c->name, type, text, flags);
	return true;
}

static bool put_column(struct flat *f, const struct zeek *z, const struct column *c, struct str text)
{
	struct str item;
	bool good = true;

	if (str_eq(text, z->unset))
		return true;
	if (!c->several)
		return put_one(f, c, str_eq(text, z->empty) ? S("") : text, 0);
	if (str_eq(text, z->empty))
		return true;
	while (good && str_next(&text, z->set_separator, &item))
		good = str_eq(item, z->unset) || put_one(f, c, str_eq(item, z->empty) ? S("") : item, FLAT_ITEM);
	return good;
}

static enum rc read_columns(struct log_lines *l, struct flat *f, struct str line, struct err *err)
{
	const struct zeek *z = l->zeek;
	size_t at = 0;

	line_put_format(l, f, LOG_ZEEK);
	if (z->path.n > 0)
		line_put_fixed(l, f, NAME_PATH, FLAT_STRING, z->path);
	for (uint32_t i = 0; i < z->n; i++) {
		const char *end = at >= line.n ? NULL : memchr(line.p + at, z->separator, line.n - at);
		struct str text = str_slice(line, at, end == NULL ? line.n : (size_t)(end - line.p));

		if ((end == NULL) != (i + 1 == z->n))
			return FAIL(err, RC_BAD, "zeek: byte %zu: column %u of %u", at, i + 1, z->n);
		if (!put_column(f, z, &z->columns[i], text))
			return line_full(err);
		if (i == z->ts)
			(void)log_time_read(text, &f->time);
		at += text.n + 1;
	}
	return RC_OK;
}

bool zeek_looks(struct str line)
{
	return str_starts(line, S("#separator ")) || str_starts(line, S("#fields\t"));
}

enum rc zeek_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err)
{
	if (l->zeek == NULL) {
		struct zeek *z = mem_alloc(sizeof *z);

		if (z == NULL || !begin(z)) {
			mem_free(z);
			return line_full(err);
		}
		l->zeek = z;
	}
	if (line.p[0] == '#') {
		*ret_event = false;
		return header_line(l, l->zeek, line, err);
	}
	if (l->zeek->n == 0)
		return FAIL(err, RC_BAD, "zeek: byte 0: no header named the columns");
	return read_columns(l, f, line, err);
}
