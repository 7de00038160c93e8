#include "wire/flat.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/flat_work.h"

#define SCRATCH_MAX ((size_t)64 << 20) /* bytes decoded for one event */
#define PATH_NAMES_MAX 32              /* of a path that is told; a deeper value has its own name only */

const char *log_format_name(enum log_format f)
{
	static const char *const names[LOG_FORMATS] = {
		"unknown", "json", "evtx", "zeek", "syslog", "cef", "leef", "kv", "auditd", "text",
	};

	return (unsigned)f < LOG_FORMATS ? names[f] : names[LOG_UNKNOWN];
}

enum rc flat_new(struct flat **ret, struct err *err)
{
	struct flat *f = mem_alloc(sizeof *f);
	struct flat_json_way ways[3];

	if (f != NULL) {
		f->v = mem_array(FLAT_VALUES_MAX + 1, sizeof *f->v);
		f->scratch = arena_new(SCRATCH_MAX);
		f->work = flat_work_new();
	}
	if (f == NULL || f->v == NULL || f->scratch == NULL || f->work == NULL) {
		flat_free(f);
		return FAIL(err, RC_NOMEM, "event: out of memory");
	}
	(void)flat_json_ways(ways);
	f->work->read_json = ways[0].read;
	*ret = f;
	return RC_OK;
}

void flat_free(struct flat *f)
{
	if (f == NULL)
		return;
	mem_free(f->v);
	arena_free(f->scratch);
	flat_work_free(f->work);
	mem_free(f);
}

void flat_freep(struct flat **f)
{
	flat_free(*f);
}

void flat_clear(struct flat *f)
{
	f->n = f->left_out = f->n_held = 0;
	f->format = LOG_UNKNOWN;
	f->raw = str_make("", 0);
	f->time = 0;
	f->host = S("");
	if (arena_used(f->scratch) > 0)
		arena_reset(f->scratch);
}

struct str flat_unescape(struct flat *f, struct str s)
{
	char *to = arena_alloc(f->scratch, s.n + FLAT_RESOLVE_SLACK);

	return to == NULL ? (struct str){ NULL, 0 } : str_make(to, flat_resolve(s, to));
}

struct str flat_text(struct flat *f, const struct flat_value *v)
{
	struct str s = str_make(v->p, v->n);

	return (v->flags & FLAT_ESCAPED) == 0 ? s : flat_unescape(f, s);
}

struct path {
	struct str names[PATH_NAMES_MAX]; /* of the objects and arrays around; "" for one without a name of its own */
	size_t depth;
	struct str name;                  /* of what comes next */
};

static void enter(struct path *x)
{
	if (x->depth < PATH_NAMES_MAX)
		x->names[x->depth] = x->name;
	x->depth++;
	x->name = S("");
}

/* From the quote that opens a string to behind the one that ends it. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

/* One token of JSON that is known to be whole. */
static const char *step(struct path *x, const char *p, const char *end)
{
	const char *from = p;

	switch (*p) {
	case '{': case '[':
		enter(x);
		return p + 1;
	case '}': case ']':
		x->depth -= x->depth > 0;
		return p + 1;
	case ',':
		x->name = S("");
		return p + 1;
	case '"':
		p = string_end(p, end);
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p < end && *p == ':')
			x->name = str_make(from + 1, (size_t)(string_end(from, end) - from) - 2);
		return p;
	default:
		return p + 1;
	}
}

struct str flat_path(struct flat *f, const struct flat_value *v)
{
	struct str own = str_make(v->name == NULL ? "" : v->name, v->name == NULL ? 0 : v->name_n);
	const char *p = f->raw.p, *at = v->p;
	struct path x = { .name = S("") };
	struct buf b CLEANUP(buf_done);

	if (f->format != LOG_JSON || at <= p || at > p + f->raw.n)
		return own;
	at -= v->type == FLAT_STRING; /* its quote */
	while (p < at)
		p = step(&x, p, at);
	if (x.depth > PATH_NAMES_MAX)
		return own;
	buf_init(&b, PATH_NAMES_MAX * (UINT16_MAX + 1));
	for (size_t i = 0; i < x.depth; i++)
		if (x.names[i].n > 0)
			buf_fmt(&b, "%s%.*s", b.n > 0 ? "." : "", STR(x.names[i]));
	if (x.name.n > 0)
		buf_fmt(&b, "%s%.*s", b.n > 0 ? "." : "", STR(x.name));
	return b.bad == RC_OK ? arena_dup(f->scratch, buf_view(&b)) : own;
}

const struct flat_value *flat_get(const struct flat *f, uint16_t field)
{
	if (field == FIELD_NONE)
		return NULL;
	for (uint32_t i = 0; i < f->n; i++)
		if (f->v[i].field == field)
			return &f->v[i];
	return NULL;
}

/* A cut text must end where a character and an escape end. */
static struct str whole_characters(struct str s)
{
	size_t at = s.n, back = 0;

	while (back < 12 && back < s.n && s.p[s.n - 1 - back] != '\\')
		back++;
	if (back < 12 && back < s.n)
		at = s.n - 1 - back;
	while (at > 0 && s.p[at - 1] == '\\')
		at--; /* whether the last of a row of them is whole is not worth counting */
	while (at > 0 && at == s.n && ((unsigned char)s.p[at - 1] & 0xC0) == 0x80)
		s.n = --at;
	if (at > 0 && at == s.n && ((unsigned char)s.p[at - 1] & 0x80) != 0)
		at--;
	return str_make(s.p, at);
}

static void put_name(const struct flat *f, const struct flat_value *v, struct buf *out)
{
	struct str name = str_make(v->name == NULL ? "" : v->name, v->name == NULL ? 0 : v->name_n);

	if (f->format == LOG_JSON && name.n < UINT16_MAX) {
		buf_char(out, '"');
		buf_str(out, name);
		buf_char(out, '"');
	} else {
		json_quote(out, f->format == LOG_JSON ? whole_characters(name) : name);
	}
}

static void put_value(const struct flat_value *v, struct buf *out)
{
	struct str s = str_make(v->p, v->n);

	if (v->type != FLAT_STRING) {
		buf_str(out, s);
		return;
	}
	if ((v->flags & FLAT_CUT) != 0)
		s = whole_characters(s);
	if ((v->flags & FLAT_ESCAPED) == 0) {
		json_quote(out, s);
		return;
	}
	buf_char(out, '"');
	buf_str(out, s);
	buf_char(out, '"');
}

/* Values of one name stand together, as an array under it: a JSON object has each name once. */
struct same_names {
	uint32_t *slots, *next; /* slots: number + 1 of the first value of a name; next: of the name's next value, 0 = none */
	uint32_t mask;
};

static struct str name_of(const struct flat_value *v)
{
	return str_make(v->name == NULL ? "" : v->name, v->name == NULL ? 0 : v->name_n);
}

/* True: the first of its name. `last` holds for each first value its latest one. */
static bool note_name(const struct flat *f, struct same_names *s, uint32_t *last, uint32_t i)
{
	struct str name = name_of(&f->v[i]);

	for (uint64_t at = hash_table(name);; at++) {
		uint32_t first = s->slots[at & s->mask];

		if (first == 0) {
			s->slots[at & s->mask] = i + 1;
			last[i] = i;
			return true;
		}
		if (str_eq(name_of(&f->v[first - 1]), name)) {
			s->next[last[first - 1]] = i + 1;
			last[first - 1] = i;
			return false;
		}
	}
}

static void put_member(const struct flat *f, const struct same_names *s, uint32_t i, struct buf *out)
{
	bool array = (f->v[i].flags & FLAT_ITEM) != 0 || s->next[i] != 0;

	put_name(f, &f->v[i], out);
	buf_cstr(out, array ? ":[" : ":");
	put_value(&f->v[i], out);
	for (uint32_t k = s->next[i]; k != 0; k = s->next[k - 1]) {
		buf_char(out, ',');
		put_value(&f->v[k - 1], out);
	}
	if (array)
		buf_char(out, ']');
}

void flat_json_print(struct flat *f, struct buf *out)
{
	struct same_names s = { .mask = 15 };
	uint32_t *last;
	bool *first, any = false;

	while (s.mask < 2 * f->n)
		s.mask = s.mask * 2 + 1;
	s.slots = arena_array(f->scratch, s.mask + 1, sizeof *s.slots);
	s.next = arena_array(f->scratch, f->n + 1, sizeof *s.next);
	last = arena_array(f->scratch, f->n + 1, sizeof *last);
	first = arena_array(f->scratch, f->n + 1, sizeof *first);
	if (s.slots == NULL || s.next == NULL || last == NULL || first == NULL) {
		out->bad = RC_NOMEM;
		return;
	}
	for (uint32_t i = 0; i < f->n; i++)
		first[i] = note_name(f, &s, last, i);
	buf_char(out, '{');
	for (uint32_t i = 0; i < f->n; i++) {
		if (!first[i])
			continue;
		if (any)
			buf_char(out, ',');
		any = true;
		put_member(f, &s, i, out);
	}
	buf_char(out, '}');
}
