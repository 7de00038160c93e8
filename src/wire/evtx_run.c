/* A record's substitutions into values: runs what evtx_compile made. The hot
 * path of the reader; a string that is ASCII costs little more than its copy. */
#include "base/text.h"
#include "wire/evtx_int.h"

struct run {
	struct evtx *e;
	struct flat *f;
	const struct program *program;
	const struct evtx_value *values;
	uint32_t n_values;
	unsigned depth;
	const char *why;
};

bool evtx_instance(struct rd *r, uint32_t *ret_definition, uint32_t *ret_count)
{
	struct str head = rd_bytes(r, 9); /* one byte, the template's id, its place */
	uint32_t place = str_le32(head, 5);

	if (place == r->pos) { /* first of the chunk: defined right here */
		struct str def = rd_bytes(r, EVTX_DEF_HEAD);

		rd_skip(r, str_le32(def, 20));
	}
	*ret_definition = place;
	*ret_count = rd_le32(r);
	return !r->bad && *ret_count <= rd_left(r) / 4;
}

/* Room for `n` bytes of text, or NULL. */
static char *room(struct run *run, size_t n)
{
	if (UNLIKELY(n > EVTX_TEXT_MAX - run->e->text_n)) {
		run->why = "more text than a record can hold";
		return NULL;
	}
	return run->e->text + run->e->text_n;
}

static struct str claim(struct run *run, const char *from, size_t n)
{
	run->e->text_n += n;
	return str_make(from, n);
}

static struct str bytes_of(const struct run *run, const struct evtx_value *v)
{
	return str_make(run->e->chunk.p + v->at, v->size);
}

/* The name of a <Data> whose Name is a substitution. */
static void named(struct run *run, const struct item *it, struct str *name, uint16_t *field)
{
	enum flat_type type;
	char *to;

	if (it->name_value >= run->n_values)
		return;
	const struct evtx_value *v = &run->values[it->name_value];
	if (v->size == 0 || v->type == EVTX_NULL || (to = room(run, evtx_text_room(v->size))) == NULL)
		return;
	*name = claim(run, to, evtx_value_text(to, bytes_of(run, v), v->type, &type));
	*field = fields_find(run->e->dict, 0, *name, &(fields_node){ 0 });
}

static void put(struct run *run, const struct item *it, enum flat_type type, struct str text, uint8_t flags)
{
	struct str name = str_make(it->name, it->name_n);
	uint16_t field = it->field;

	if (UNLIKELY(it->flags & ITEM_NAMED))
		named(run, it, &name, &field);
	flat_put(run->f, field, name, type, text, flags);
}

/* The next item of an array: strings end with a NUL, SIDs tell their length, the rest has one size. */
static struct str array_item(struct str *rest, unsigned type)
{
	size_t n = evtx_value_size(type), skip = 0;
	struct str it;

	if (type == EVTX_SIZE)
		n = rest->n % 8 == 0 ? 8 : 4;
	if (type == EVTX_STRING) {
		while (n + 2 <= rest->n && str_le16(*rest, n) != 0)
			n += 2;
		skip = 2;
	} else if (type == EVTX_ANSI) {
		while (n < rest->n && rest->p[n] != '\0')
			n++;
		skip = 1;
	} else if (type == EVTX_SID) {
		n = rest->n < 2 ? rest->n : 8 + 4 * (size_t)(unsigned char)rest->p[1];
	} else if (n == 0) {
		n = rest->n;
	}
	it = str_slice(*rest, 0, n);
	*rest = str_slice(*rest, n + skip, rest->n);
	return it;
}

static void put_array(struct run *run, const struct item *it, const struct evtx_value *v)
{
	struct str rest = bytes_of(run, v);
	unsigned type = v->type & ~(unsigned)EVTX_ARRAY;

	if (type == EVTX_BINARY || type == EVTX_NULL || type == EVTX_XML) /* no such arrays: items could not be told apart */
		type = EVTX_BINARY;
	while (rest.n > 0) {
		struct str item = array_item(&rest, type);
		char *to = room(run, evtx_text_room(item.n));
		enum flat_type kind;

		if (to == NULL)
			return;
		if (++run->e->steps > run->e->steps_max) {
			run->why = "more values than a record can hold";
			return;
		}
		struct str text = claim(run, to, evtx_value_text(to, item, type, &kind));
		put(run, it, kind, text, FLAT_ITEM);
	}
}

/* Half of all values are strings with a name that the template knows. */
static inline bool put_string(struct run *run, const struct item *it)
{
	const struct evtx_value *v;
	char *to;

	if (UNLIKELY(it->value >= run->n_values))
		return false;
	v = &run->values[it->value];
	if (v->type != EVTX_STRING || v->size == 0 || it->flags & ITEM_NAMED)
		return false;
	if (UNLIKELY((to = room(run, evtx_text_room(v->size))) == NULL))
		return true;
	flat_put(run->f, it->field, str_make(it->name, it->name_n), FLAT_STRING,
		claim(run, to, evtx_string_text(to, bytes_of(run, v))), 0);
	return true;
}

static void put_value(struct run *run, const struct item *it)
{
	const struct evtx_value *v = it->value < run->n_values ? &run->values[it->value] : &(struct evtx_value){ .type = EVTX_NULL };
	enum flat_type type = FLAT_STRING;
	const char *why = NULL;
	char *to;
	size_t n;

	if (v->type == EVTX_NULL || (v->size == 0 && it->flags & ITEM_HIDE_NULL)) {
		if (!(it->flags & ITEM_HIDE_NULL))
			put(run, it, FLAT_NULL, S("null"), 0);
		return;
	}
	if (UNLIKELY(v->type == EVTX_XML)) {
		if (v->size > 0 && !evtx_run(run->e, run->f, v->at, v->at + v->size, it->where, run->depth + 1, &why))
			run->why = why;
		return;
	}
	if (UNLIKELY(v->type & EVTX_ARRAY)) {
		put_array(run, it, v);
		return;
	}
	if (UNLIKELY((to = room(run, evtx_text_room(v->size))) == NULL))
		return;
	n = evtx_value_text(to, bytes_of(run, v), v->type, &type);
	put(run, it, type, claim(run, to, n), 0);
}

/* Text and substitutions one behind the other make one value; XML among them stands for itself. */
static void put_parts(struct run *run, const struct item *it)
{
	size_t from = run->e->text_n;
	bool any = false;

	for (uint32_t i = 0; i < it->count; i++) {
		const struct part *p = &run->program->parts[it->first + i];
		const struct evtx_value *v = p->value < run->n_values ? &run->values[p->value] : &(struct evtx_value){ .type = EVTX_NULL };
		struct str text = p->kind == PART_TEXT ? p->text : bytes_of(run, v);
		enum flat_type type;
		char *to;

		if (p->kind == PART_VALUE && (v->type == EVTX_NULL || v->type == EVTX_XML))
			continue;
		if ((to = room(run, evtx_text_room(text.n))) == NULL)
			return;
		any = true;
		if (p->kind == PART_TEXT)
			claim(run, memcpy(to, text.p, text.n), text.n);
		else
			claim(run, to, evtx_value_text(to, text, v->type, &type));
	}
	if (any)
		put(run, it, FLAT_STRING, str_make(run->e->text + from, run->e->text_n - from), 0);
	for (uint32_t i = 0; i < it->count; i++) {
		const struct part *p = &run->program->parts[it->first + i];

		if (p->kind == PART_VALUE && p->value < run->n_values && run->values[p->value].type == EVTX_XML)
			put_value(run, &(struct item){ .value = p->value, .where = it->where, .flags = ITEM_HIDE_NULL });
	}
}

static void put_nested(struct run *run, const struct item *it)
{
	const char *why = NULL;

	if (!evtx_run(run->e, run->f, it->first, it->first + it->count, it->where, run->depth + 1, &why))
		run->why = why;
}

/* A piece that is damaged leaves the others whole: the first reason is kept, the run goes on. */
static bool execute(struct run *run, const char **why)
{
	const struct program *p = run->program;
	const char *first = NULL;

	for (uint32_t i = 0; i < p->n_items; i++) {
		const struct item *it = &p->items[i];

		if (UNLIKELY(++run->e->steps > run->e->steps_max)) {
			*why = "more values than a record can hold";
			return false;
		}
		switch ((enum item_kind)it->kind) {
		case ITEM_VALUE:
			if (!put_string(run, it))
				put_value(run, it);
			break;
		case ITEM_PARTS:
			put_parts(run, it);
			break;
		case ITEM_NULL:
			put(run, it, FLAT_NULL, S("null"), 0);
			break;
		case ITEM_NESTED:
			put_nested(run, it);
			break;
		}
		if (UNLIKELY(run->why != NULL && first == NULL))
			first = run->why;
	}
	*why = first;
	return first == NULL;
}

/* The values' descriptors and where their bytes are; false when they reach beyond the fragment (those are left out). */
static bool read_values(struct evtx *e, struct rd *r, uint32_t count, struct evtx_value *to)
{
	struct str descriptors = rd_bytes(r, (size_t)count * 4);
	size_t at = r->pos;
	bool good = true;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t d = str_le32(descriptors, 4 * (size_t)i);
		size_t size = d & 0xffff;

		if (UNLIKELY(size > r->n - at)) {
			good = false;
			size = r->n - at;
		}
		to[i] = (struct evtx_value){ (uint32_t)at, (uint16_t)size, (uint8_t)(d >> 16) };
		at += size;
	}
	e->n_values += count;
	return good;
}

static bool run_instance(struct evtx *e, struct flat *f, struct rd *r, enum evtx_where where, unsigned depth, const char **why)
{
	struct run run = { .e = e, .f = f, .depth = depth, .values = e->values + e->n_values };
	uint32_t definition, before = e->n_values;
	bool whole;

	if (!evtx_instance(r, &definition, &run.n_values)) {
		*why = "breaks off before its values";
		return false;
	}
	if (run.n_values > EVTX_VALUES_MAX - before) {
		*why = "more values than a record can hold";
		return false;
	}
	whole = read_values(e, r, run.n_values, e->values + before);
	if ((run.program = evtx_template(e, definition, where, why)) == NULL || !execute(&run, why))
		whole = false;
	else if (!whole)
		*why = "values reach beyond their record";
	e->n_values = before;
	return whole;
}

static bool run_direct(struct evtx *e, struct flat *f, size_t from, size_t to, enum evtx_where where, unsigned depth, const char **why)
{
	struct run run = { .e = e, .f = f, .depth = depth };

	run.program = evtx_compile(e, from, to, where, depth == 0, why);
	return run.program != NULL && execute(&run, why);
}

bool evtx_run(struct evtx *e, struct flat *f, size_t from, size_t to, enum evtx_where where, unsigned depth, const char **why)
{
	struct rd r;

	if (depth > EVTX_NEST_MAX) {
		*why = "fragments too deep";
		return false;
	}
	rd_init(&r, str_slice(e->chunk, 0, to));
	rd_skip(&r, from);
	while (rd_peek(&r, 0) == 0x0f)
		rd_skip(&r, 4);
	if (rd_peek(&r, 0) == 0x0c) {
		rd_skip(&r, 1);
		return run_instance(e, f, &r, where, depth, why);
	}
	if (rd_left(&r) == 0 || rd_peek(&r, 0) == 0)
		return true;
	return run_direct(e, f, r.pos, to, where, depth, why);
}
