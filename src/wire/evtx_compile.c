/* Binary XML ([MS-EVEN6] 2.2.12) into a program: the list of values it yields,
 * each with its name as Sigma has it and the substitution or text it comes from.
 * The tree of elements is walked once, here; records only run the list.
 *
 * A name stands either in the token itself, when it is the first of its kind in
 * the chunk, or elsewhere in the chunk by its place. What compiles from one chunk
 * holds in another when only those places differ: they are noted as holes.
 *
 * Every byte and every place here is hostile: reads go through the cursor or the
 * checked loads, places are looked up once and never followed on, the number of
 * items, parts, levels and bytes is limited. */
#include <stddef.h>

#include "base/text.h"
#include "wire/evtx_int.h"

enum {
	TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE_START, TOKEN_CLOSE_EMPTY, TOKEN_CLOSE, TOKEN_VALUE, TOKEN_ATTRIBUTE, TOKEN_CDATA,
	TOKEN_CHAR, TOKEN_ENTITY, TOKEN_PI_TARGET, TOKEN_PI_DATA, TOKEN_TEMPLATE, TOKEN_SUBSTITUTION, TOKEN_OPTIONAL, TOKEN_FRAGMENT
};
#define TOKEN_MORE 0x40 /* "more follows": tells nothing that the next token does not */

/* An element that is open. */
struct level {
	struct str name;     /* under which its content is given */
	uint16_t name_value; /* with ITEM_NAMED in flags */
	uint8_t flags;
	uint8_t where;       /* of what stands inside */
	bool children, attributes, content;
	enum evtx_where outside;
};

struct compile {
	struct evtx *e;
	struct evtx_draft *d;
	struct rd r; /* over the chunk up to the end of the piece: positions are places of the chunk */
	size_t from;
	uint32_t n_items, n_parts, n_holes, first; /* first: part of the text that is being gathered */
	bool dependency, anywhere;
	enum evtx_where where; /* the piece itself */
	unsigned depth;
	const char *why;
	struct level levels[EVTX_LEVELS_MAX];
};

static bool stop(struct compile *c, const char *why)
{
	if (c->why == NULL)
		c->why = why;
	return false;
}

/* ---- names ---- */

#define NAME_HEAD 8 /* next of the same hash, hash, characters */

bool evtx_name(const struct evtx *e, size_t at, struct str *ret_utf16)
{
	size_t n = str_le16(e->chunk, at + 6);

	if (at > e->chunk.n || e->chunk.n - at < NAME_HEAD + 2 * n || n == 0 || n > EVTX_NAME_MAX)
		return false;
	*ret_utf16 = str_make(e->chunk.p + at + NAME_HEAD, 2 * n);
	return true;
}

/* A name by its place, which is read here; in UTF-8. .p NULL: damaged. */
static struct str read_name(struct compile *c)
{
	size_t at = c->r.pos, place = rd_le32(&c->r);
	bool here = place == at + 4;
	struct str utf16;
	char *to;

	if (c->r.bad || !evtx_name(c->e, place, &utf16)) {
		stop(c, "a name stands nowhere");
		return (struct str){ NULL, 0 };
	}
	if (here)
		rd_skip(&c->r, NAME_HEAD + utf16.n + 2);
	if (c->n_holes == EVTX_PARTS_MAX || (to = arena_alloc(c->e->programs, utf16.n / 2 * 3)) == NULL) {
		stop(c, "too many names");
		return (struct str){ NULL, 0 };
	}
	c->d->holes[c->n_holes++] = (struct hole){ (uint32_t)(at - c->from), here, utf16 };
	return str_make(to, utf16le_get(to, utf16));
}

static struct str join(struct compile *c, struct str a, char with, struct str b)
{
	struct str s = arena_fmt(c->e->programs, "%.*s%c%.*s", STR(a), with, STR(b));

	if (s.p == NULL)
		stop(c, "too many names");
	return s;
}

/* ---- parts and items ---- */

static bool add_part(struct compile *c, struct part part)
{
	if (c->n_parts == EVTX_PARTS_MAX)
		return stop(c, "too many pieces of text");
	c->d->parts[c->n_parts++] = part;
	return true;
}

static bool add_text(struct compile *c, struct str text)
{
	struct str copy = arena_dup(c->e->programs, text);

	return copy.p == NULL ? stop(c, "too much text") : add_part(c, (struct part){ .text = copy, .kind = PART_TEXT });
}

/* UTF-16 with its length before it: values, CDATA. */
static bool text_part(struct compile *c)
{
	size_t n = (size_t)rd_le16(&c->r) * 2;
	struct str utf16 = rd_bytes(&c->r, n);
	char *to = arena_alloc(c->e->programs, utf16.n / 2 * 3 + 1);

	if (c->r.bad || to == NULL)
		return stop(c, "text breaks off");
	return add_part(c, (struct part){ .text = str_make(to, utf16le_get(to, utf16)), .kind = PART_TEXT });
}

static bool value_part(struct compile *c)
{
	return rd_u8(&c->r) == EVTX_STRING ? text_part(c) : stop(c, "a value of the template is no text");
}

static bool char_part(struct compile *c)
{
	uint16_t unit = rd_le16(&c->r);
	char utf16[2] = { (char)(unit & 0xff), (char)(unit >> 8) }, to[3];

	return add_text(c, str_make(to, utf16le_get(to, str_make(utf16, 2))));
}

static bool entity_part(struct compile *c)
{
	static const struct {
		struct str name, text;
	} known[] = { { S("lt"), S("<") }, { S("gt"), S(">") }, { S("amp"), S("&") }, { S("quot"), S("\"") }, { S("apos"), S("'") } };
	struct str name = read_name(c);

	for (size_t i = 0; name.p != NULL && i < COUNTOF(known); i++)
		if (str_eq(name, known[i].name))
			return add_text(c, known[i].text);
	if (name.p != NULL)
		name = arena_fmt(c->e->programs, "&%.*s;", STR(name));
	return name.p != NULL && add_text(c, name);
}

/* Substitution: its number; the type here is only what the template expects, each record tells its own. */
static bool substitution_part(struct compile *c)
{
	uint16_t number = rd_le16(&c->r);

	rd_skip(&c->r, 1);
	return add_part(c, (struct part){ .value = number, .kind = PART_VALUE });
}

static bool blank(const struct compile *c)
{
	for (uint32_t i = c->first; i < c->n_parts; i++)
		if (c->d->parts[i].kind != PART_TEXT || str_trim(c->d->parts[i].text).n > 0)
			return false;
	return true;
}

static bool add_item(struct compile *c, struct item item, struct str name)
{
	if (c->n_items == EVTX_ITEMS_MAX)
		return stop(c, "too many values in a template");
	item.name = name.p;
	item.name_n = (uint16_t)name.n;
	item.field = fields_find(c->e->dict, 0, name, &(fields_node){ 0 });
	c->d->items[c->n_items++] = item;
	return true;
}

/* What was gathered becomes one value. */
static bool add_gathered(struct compile *c, struct str name, uint16_t name_value, uint8_t flags, uint8_t where)
{
	struct item item = { .kind = ITEM_PARTS, .first = c->first, .count = c->n_parts - c->first, .flags = flags,
		.name_value = name_value, .where = where };

	if (item.count == 1 && c->d->parts[c->first].kind == PART_VALUE) {
		item.kind = ITEM_VALUE;
		item.value = c->d->parts[c->first].value;
	}
	c->first = c->n_parts;
	return add_item(c, item, name);
}

/* ---- elements ---- */

/* Text of an element before a child of it or before its end. Blanks between elements are nobody's value. */
static bool end_text(struct compile *c, bool last)
{
	struct level *l = c->depth == 0 ? NULL : &c->levels[c->depth - 1];
	bool none = c->first == c->n_parts;

	if (none || (blank(c) && (l == NULL || l->children || !last))) {
		c->first = c->n_parts;
		return true;
	}
	if (l == NULL) /* between elements of a fragment only a nested one can stand */
		return add_gathered(c, S(""), 0, ITEM_HIDE_NULL, (uint8_t)IN_USER);
	l->content = true;
	return add_gathered(c, l->name, l->name_value, (uint8_t)(l->flags | (l->children ? ITEM_HIDE_NULL : 0)), l->where);
}

static enum evtx_where inside(enum evtx_where where, struct str name)
{
	static const struct {
		struct str name;
		enum evtx_where where;
	} known[] = { { S("System"), IN_SYSTEM }, { S("EventData"), IN_DATA }, { S("UserData"), IN_USER },
		{ S("RenderingInfo"), IN_RENDERING } };

	if (where == IN_NOTHING)
		return str_eq(name, S("Event")) ? IN_EVENT : IN_USER;
	if (where != IN_EVENT)
		return where;
	for (size_t i = 0; i < COUNTOF(known); i++)
		if (str_eq(name, known[i].name))
			return known[i].where;
	return IN_USER;
}

static bool attribute_text(struct compile *c)
{
	for (;;) {
		int token = rd_peek(&c->r, 0);

		switch (token & ~TOKEN_MORE) {
		case TOKEN_VALUE:
			rd_skip(&c->r, 1);
			if (!value_part(c))
				return false;
			break;
		case TOKEN_CHAR:
			rd_skip(&c->r, 1);
			if (!char_part(c))
				return false;
			break;
		case TOKEN_ENTITY:
			rd_skip(&c->r, 1);
			if (!entity_part(c))
				return false;
			break;
		case TOKEN_SUBSTITUTION:
		case TOKEN_OPTIONAL:
			rd_skip(&c->r, 1);
			if (!substitution_part(c))
				return false;
			break;
		default:
			return !c->r.bad;
		}
	}
}

/* EventData's <Data Name="X"> is the value X; its name may come with the record. */
static bool data_name(struct compile *c, struct level *l)
{
	const struct part *p = &c->d->parts[c->first];
	uint32_t n = c->n_parts - c->first;

	c->first = c->n_parts;
	if (n == 1 && p->kind == PART_VALUE) {
		l->flags |= ITEM_NAMED;
		l->name_value = p->value;
	} else if (n == 1 && p->text.n > 0) {
		l->name = p->text.n > FIELD_NAME_MAX ? str_slice(p->text, 0, FIELD_NAME_MAX) : p->text;
	}
	return true;
}

static bool read_attribute(struct compile *c, struct level *l, struct str element)
{
	struct str name = read_name(c);

	if (name.p == NULL || !attribute_text(c))
		return stop(c, "an attribute breaks off");
	if (c->first == c->n_parts)
		return true;
	if ((l->outside == IN_DATA || l->outside == IN_USER) && str_eq(element, S("Data")) && str_eq(name, S("Name")))
		return data_name(c, l);
	if (str_starts(name, S("xmlns"))) {
		c->first = c->n_parts;
		return true;
	}
	l->attributes = true;
	name = join(c, element, '_', name);
	if (name.p != NULL && l->outside == IN_RENDERING)
		name = join(c, S("RenderingInfo"), '.', name);
	return name.p != NULL && add_gathered(c, name, 0, ITEM_HIDE_NULL, (uint8_t)IN_USER);
}

/* Whether an element can begin here, with or without the dependency identifier that only templates have: writers differ. */
static bool plausible(const struct compile *c, bool dependency)
{
	size_t at = c->r.pos + (dependency ? 2 : 0), size = str_le32(c->e->chunk, at);
	struct str name;

	return at + 8 <= c->r.n && size <= c->r.n - at && evtx_name(c->e, str_le32(c->e->chunk, at + 4), &name);
}

static bool open_element(struct compile *c, bool attributes)
{
	struct level *parent = c->depth == 0 ? NULL : &c->levels[c->depth - 1], *l = &c->levels[c->depth];
	enum evtx_where outside = parent == NULL ? c->where : (enum evtx_where)parent->where;
	struct str name;

	if (c->depth == EVTX_LEVELS_MAX)
		return stop(c, "elements too deep");
	if (!end_text(c, false))
		return false;
	if (parent != NULL)
		parent->children = true;
	rd_skip(&c->r, (plausible(c, c->dependency) ? c->dependency : !c->dependency) ? 6 : 4);
	if ((name = read_name(c)).p == NULL)
		return false;
	*l = (struct level){ .name = name, .outside = outside, .where = (uint8_t)inside(outside, name) };
	if (outside == IN_RENDERING && (l->name = join(c, S("RenderingInfo"), '.', name)).p == NULL)
		return false;
	if (outside == IN_NOTHING || outside == IN_EVENT || outside == IN_SYSTEM)
		l->flags |= ITEM_HIDE_NULL;
	c->depth++;
	if (!attributes)
		return true;
	rd_skip(&c->r, 4); /* the list's size */
	while ((rd_peek(&c->r, 0) & ~TOKEN_MORE) == TOKEN_ATTRIBUTE) {
		rd_skip(&c->r, 1);
		if (!read_attribute(c, l, name))
			return false;
	}
	return !c->r.bad || stop(c, "an element breaks off");
}

static bool close_element(struct compile *c)
{
	struct level *l;

	if (c->depth == 0)
		return stop(c, "an element ends that did not begin");
	if (!end_text(c, true))
		return false;
	l = &c->levels[--c->depth];
	if (l->children || l->content || l->attributes || l->flags & ITEM_HIDE_NULL)
		return true;
	if (l->outside == IN_USER && l->where == IN_USER && c->depth == 0)
		return true;
	return add_item(c, (struct item){ .kind = ITEM_NULL, .flags = l->flags, .name_value = l->name_value }, l->name);
}

/* A template instance that stands in the piece itself: run where it stands. */
static bool nested(struct compile *c)
{
	struct level *l = c->depth == 0 ? NULL : &c->levels[c->depth - 1];
	size_t at = c->r.pos - 1, sizes = 0;
	uint32_t definition, count;
	struct str descriptors;

	if (!end_text(c, false) || !evtx_instance(&c->r, &definition, &count))
		return stop(c, "a template within breaks off");
	descriptors = rd_bytes(&c->r, (size_t)count * 4);
	for (size_t i = 0; i < count; i++)
		sizes += str_le16(descriptors, 4 * i);
	rd_skip(&c->r, sizes);
	c->anywhere = false;
	if (l != NULL)
		l->children = true;
	return add_item(c, (struct item){ .kind = ITEM_NESTED, .first = (uint32_t)at, .count = (uint32_t)(c->r.pos - at),
		.where = l == NULL ? (uint8_t)IN_USER : l->where }, S(""));
}

/* ---- the walk ---- */

static bool step(struct compile *c, unsigned token)
{
	switch (token & ~(unsigned)TOKEN_MORE) {
	case TOKEN_OPEN:
		return open_element(c, (token & TOKEN_MORE) != 0);
	case TOKEN_CLOSE_START:
		return true;
	case TOKEN_CLOSE_EMPTY:
	case TOKEN_CLOSE:
		return close_element(c);
	case TOKEN_VALUE:
		return value_part(c);
	case TOKEN_CDATA:
		return text_part(c);
	case TOKEN_CHAR:
		return char_part(c);
	case TOKEN_ENTITY:
		return entity_part(c);
	case TOKEN_PI_TARGET:
		return read_name(c).p != NULL;
	case TOKEN_PI_DATA:
		rd_skip(&c->r, (size_t)rd_le16(&c->r) * 2);
		return true;
	case TOKEN_TEMPLATE:
		return nested(c);
	case TOKEN_SUBSTITUTION:
	case TOKEN_OPTIONAL:
		return substitution_part(c);
	case TOKEN_FRAGMENT:
		rd_skip(&c->r, 3);
		return true;
	default:
		return stop(c, "an unknown token");
	}
}

static const void *keep(struct evtx *e, const void *from, size_t n, size_t size)
{
	void *to = n == 0 ? NULL : arena_array(e->programs, n, size);

	if (to != NULL)
		memcpy(to, from, n * size);
	return to;
}

static struct program *finish(struct compile *c, size_t to, enum evtx_where where)
{
	struct evtx *e = c->e;
	struct program *p = arena_alloc(e->programs, sizeof *p);

	if (p == NULL)
		return NULL;
	*p = (struct program){ .source = str_slice(e->chunk, c->from, to), .n_items = c->n_items, .n_parts = c->n_parts,
		.n_holes = c->n_holes, .where = (uint8_t)where, .anywhere = c->anywhere,
		.items = keep(e, c->d->items, c->n_items, sizeof *p->items), .parts = keep(e, c->d->parts, c->n_parts, sizeof *p->parts),
		.holes = keep(e, c->d->holes, c->n_holes, sizeof *p->holes) };
	if ((p->n_items > 0 && p->items == NULL) || (p->n_parts > 0 && p->parts == NULL) || (p->n_holes > 0 && p->holes == NULL))
		return NULL;
	return p;
}

struct program *evtx_compile(struct evtx *e, size_t from, size_t to, enum evtx_where where, bool dependency, const char **why)
{
	struct compile UNINIT c;
	struct program *p;
	unsigned token;

	memset(&c, 0, offsetof(struct compile, levels));
	c.e = e;
	c.d = e->draft;
	c.from = from;
	c.dependency = dependency;
	c.anywhere = true;
	e->compiled += to - from;
	if (e->compiled > EVTX_COMPILE_MAX) {
		*why = "more templates than a chunk can hold";
		return NULL;
	}
	rd_init(&c.r, str_slice(e->chunk, 0, to));
	rd_skip(&c.r, from);
	c.where = where;
	while (rd_left(&c.r) > 0 && (token = rd_u8(&c.r)) != TOKEN_END)
		if (!step(&c, token) || c.r.bad) {
			*why = c.why != NULL ? c.why : "a template breaks off";
			return NULL;
		}
	if (!end_text(&c, true))
		return NULL;
	if ((p = finish(&c, to, where)) == NULL)
		*why = "out of memory for templates";
	return p;
}
