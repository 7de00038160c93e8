/* A trie whose edges are (node, name). A node stands for the steps walked so
 * far, so every way to write a path - nested, one literal key with dots, or a
 * mixture - ends at the same node; the edges for all of them are laid when the
 * path is asked for. A transparent path simply ends at node 0 again.
 *
 * Paths come from rules, names from events: the first are limited in number,
 * the second only looked up. */
#include "wire/fields_table.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"

#define SLOTS_FIRST 1024
#define EDGES_MAX ((uint32_t)1 << 18)
#define NODES_MAX 0xfff0
#define NAMES_MAX ((size_t)64 << 20) /* bytes of all names */
#define RENAMES_MAX 4096

struct rename {
	struct str path, name;
};

struct fields {
	struct fields_table t; /* first: fields_table() */
	uint32_t edges;
	struct arena *names;
	struct str *ids;     /* [FIELDS_MAX + 1] */
	size_t n_ids;
	uint16_t *star;      /* node -> what a step of any name leads to */
	uint32_t n_nodes;
	struct rename *renames;
	size_t n_renames;
	bool attributes;     /* "Provider.#attributes.Name" counts as "Provider_Name", "X.#text" as "X" */
};

struct fields *fields_new(void)
{
	struct fields *f = mem_alloc(sizeof *f);

	if (f == NULL)
		return NULL;
	f->names = arena_new(NAMES_MAX);
	f->t.slots = mem_array(SLOTS_FIRST, sizeof *f->t.slots);
	f->t.tags = mem_alloc(SLOTS_FIRST);
	f->ids = mem_array(FIELDS_MAX + 1, sizeof *f->ids);
	f->star = mem_array(NODES_MAX, sizeof *f->star);
	f->renames = mem_array(RENAMES_MAX, sizeof *f->renames);
	if (f->names == NULL || f->t.slots == NULL || f->t.tags == NULL || f->ids == NULL || f->star == NULL || f->renames == NULL) {
		fields_free(f);
		return NULL;
	}
	f->t.mask = SLOTS_FIRST - 1;
	random_bytes(&f->t.key, sizeof f->t.key);
	random_bytes(&f->t.stamp, sizeof f->t.stamp);
	f->n_nodes = 1;
	memset(f->star, 0xff, NODES_MAX * sizeof *f->star);
	return f;
}

void fields_free(struct fields *f)
{
	if (f == NULL)
		return;
	arena_free(f->names);
	mem_free(f->t.slots);
	mem_free(f->t.tags);
	mem_free(f->ids);
	mem_free(f->star);
	mem_free(f->renames);
	mem_free(f);
}

void fields_freep(struct fields **f)
{
	fields_free(*f);
}

uint64_t fields_hash_middle(uint64_t h, struct str name)
{
	for (size_t at = 16; at + 16 < name.n; at += 8)
		h = fields_mix(h ^ fields_load(name.p + at), FIELDS_MIX1);
	return h;
}

static const struct fields_entry *probe(const struct fields *f, fields_node node, struct str name)
{
	uint64_t head[2];

	if (name.n == 0 || name.n > FIELD_NAME_MAX)
		return NULL;
	fields_head(name, head);
	return fields_probe(&f->t, fields_where(node, name.n), name, head[0], head[1]);
}

static struct fields_entry *insert(struct fields_table *t, const struct fields_entry *e)
{
	struct str name = str_make(e->name, e->where & 0xffff);
	uint64_t hash = fields_hash(t, e->where, name, e->head[0], e->head[1]);
	uint32_t at = (uint32_t)hash & t->mask;

	while (t->tags[at] != 0)
		at = (at + 1) & t->mask;
	t->tags[at] = fields_tag(hash);
	t->slots[at] = *e;
	return &t->slots[at];
}

static enum rc grow(struct fields *f, struct err *err)
{
	struct fields_table bigger = { .mask = f->t.mask * 2 + 1, .key = f->t.key, .stamp = f->t.stamp };

	bigger.slots = mem_array((size_t)bigger.mask + 1, sizeof *bigger.slots);
	bigger.tags = mem_alloc((size_t)bigger.mask + 1);
	if (bigger.slots == NULL || bigger.tags == NULL) {
		mem_free(bigger.slots);
		mem_free(bigger.tags);
		return FAIL(err, RC_NOMEM, "fields: out of memory");
	}
	for (uint32_t i = 0; i <= f->t.mask; i++)
		if (f->t.tags[i] != 0)
			(void)insert(&bigger, &f->t.slots[i]);
	mem_free(f->t.slots);
	mem_free(f->t.tags);
	f->t = bigger;
	return RC_OK;
}

/* The entry of (node, name), made when there is none. */
static enum rc edge(struct fields *f, fields_node node, struct str name, struct fields_entry **ret, struct err *err)
{
	const struct fields_entry *found = probe(f, node, name);
	struct fields_entry e = { .where = fields_where(node, name.n), .id = FIELD_NONE, .in = FIELDS_NOWHERE };

	f->t.stamp++; /* who asks for an edge here is going to change it */
	if (found != NULL) {
		*ret = &f->t.slots[found - f->t.slots];
		return RC_OK;
	}
	if (f->edges == EDGES_MAX)
		return FAIL(err, RC_LIMIT, "fields: more than %u steps of paths", EDGES_MAX);
	if (f->edges * 4 >= f->t.mask)
		TRY(grow(f, err));
	e.name = arena_dup(f->names, name).p;
	if (e.name == NULL)
		return FAIL(err, RC_NOMEM, "fields: out of memory");
	fields_head(name, e.head);
	*ret = insert(&f->t, &e);
	f->edges++;
	return RC_OK;
}

static enum rc new_node(struct fields *f, fields_node *ret, struct err *err)
{
	if (f->n_nodes == NODES_MAX)
		return FAIL(err, RC_LIMIT, "fields: more than %d objects on the way to fields", NODES_MAX);
	*ret = (fields_node)f->n_nodes++;
	return RC_OK;
}

/* Cuts `path` at its dots. An empty step ("a..b", ".a") makes the whole path one literal name. */
static size_t steps_of(struct str path, struct str steps[static FIELD_DEPTH_MAX])
{
	struct str rest = path, piece;
	size_t n = 0;

	while (str_next(&rest, '.', &piece)) {
		if (piece.n == 0 || n == FIELD_DEPTH_MAX)
			n = FIELD_DEPTH_MAX + 1;
		if (n > FIELD_DEPTH_MAX)
			break;
		steps[n++] = piece;
	}
	if (n == 0 || n > FIELD_DEPTH_MAX || path.p[path.n - 1] == '.') {
		steps[0] = path;
		return 1;
	}
	return n;
}

static struct str joined(const struct str *from, const struct str *to)
{
	return str_make(from->p, (size_t)(to->p + to->n - from->p));
}

static bool is_star(struct str step)
{
	return step.n == 1 && step.p[0] == '*';
}

/* The node that step `step` in `node` leads to; `force` (or FIELDS_NOWHERE) is what it shall be. */
static enum rc descend(struct fields *f, fields_node node, struct str step, fields_node force, fields_node *ret, struct err *err)
{
	struct fields_entry *e = NULL;
	fields_node in;

	if (!is_star(step))
		TRY(edge(f, node, step, &e, err));
	in = e != NULL ? e->in : f->star[node];
	if (force != FIELDS_NOWHERE)
		in = force;
	else if (in == FIELDS_NOWHERE)
		TRY(new_node(f, &in, err));
	if (e != NULL)
		e->in = in;
	else
		f->star[node] = in, f->t.stamp++;
	*ret = in;
	return RC_OK;
}

/* Lays every edge of the path but those of its last step: nodes[i] is where the first `i` steps lead. */
static enum rc lay(struct fields *f, const struct str *steps, size_t n, fields_node nodes[static FIELD_DEPTH_MAX + 1], struct err *err)
{
	struct fields_entry *e;

	nodes[0] = 0;
	for (size_t to = 1; to < n; to++) {
		TRY(descend(f, nodes[to - 1], steps[to - 1], FIELDS_NOWHERE, &nodes[to], err));
		for (size_t from = to - 1; from-- > 0 && !is_star(steps[to - 1]) && !is_star(steps[from]);) {
			TRY(edge(f, nodes[from], joined(&steps[from], &steps[to - 1]), &e, err));
			if (e->in == FIELDS_NOWHERE)
				e->in = nodes[to];
		}
	}
	return RC_OK;
}

/* `path` yields `id` in all its spellings. A spelling that has an id keeps it. */
static enum rc point(struct fields *f, struct str path, uint16_t id, struct err *err)
{
	fields_node nodes[FIELD_DEPTH_MAX + 1];
	struct str steps[FIELD_DEPTH_MAX];
	size_t n = steps_of(path, steps);
	struct fields_entry *e;

	TRY(lay(f, steps, n, nodes, err));
	for (size_t from = n; from-- > 0;) {
		TRY(edge(f, nodes[from], joined(&steps[from], &steps[n - 1]), &e, err));
		if (e->id == FIELD_NONE)
			e->id = id;
	}
	return RC_OK;
}

static enum rc check_path(struct str path, struct err *err)
{
	if (path.n == 0 || path.n > FIELD_NAME_MAX)
		return FAIL(err, RC_LIMIT, "fields: a name of %zu bytes; 1 to %d are read", path.n, FIELD_NAME_MAX);
	return RC_OK;
}

/* Writes `name` without blanks. */
static struct str squeeze(struct str name, char out[static FIELD_NAME_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < FIELD_NAME_MAX; i++)
		if (name.p[i] != ' ')
			out[n++] = name.p[i];
	return str_make(out, n);
}

static enum rc point_joined(struct fields *f, uint16_t id, struct str element, const char *between, struct str attribute, struct err *err)
{
	char path[2 * FIELD_NAME_MAX];
	int n = snprintf(path, sizeof path, "%.*s%s%.*s", STR(element), between, STR(attribute));

	if (n < 0 || n > FIELD_NAME_MAX)
		return RC_OK; /* a name so long that no event has it */
	return point(f, str_make(path, (size_t)n), id, err);
}

/* How evtx_dump writes what the schema of Windows has as an element's attribute or text. */
static enum rc point_attributes(struct fields *f, struct str name, uint16_t id, struct err *err)
{
	TRY(point_joined(f, id, name, ".#text", S(""), err));
	for (size_t i = 1; i + 1 < name.n; i++) {
		if (name.p[i] != '_')
			continue;
		TRY(point_joined(f, id, str_slice(name, 0, i), ".#attributes.", str_slice(name, i + 1, name.n), err));
		TRY(point_joined(f, id, str_slice(name, 0, i), "_attributes.", str_slice(name, i + 1, name.n), err));
	}
	return RC_OK;
}

/* All paths that were renamed to `name` yield its id too. */
static enum rc point_renamed(struct fields *f, struct str name, uint16_t id, struct err *err)
{
	for (size_t i = 0; i < f->n_renames; i++)
		if (str_eq(f->renames[i].name, name))
			TRY(point(f, f->renames[i].path, id, err));
	return RC_OK;
}

static struct str renamed(const struct fields *f, struct str path)
{
	for (size_t i = 0; i < f->n_renames; i++)
		if (str_eq(f->renames[i].path, path))
			return f->renames[i].name;
	return path;
}

enum rc fields_add(struct fields *f, struct str path, uint16_t *ret, struct err *err)
{
	char squeezed[FIELD_NAME_MAX];
	uint16_t id = fields_id(f, path);
	struct str name;

	if (id != FIELD_NONE) {
		*ret = id;
		return RC_OK;
	}
	TRY(check_path(path, err));
	name = renamed(f, squeeze(path, squeezed));
	if (name.n == 0)
		name = path; /* blanks only: that literal name */
	if (f->n_ids == FIELDS_MAX)
		return FAIL(err, RC_LIMIT, "fields: more than %d names", FIELDS_MAX);
	f->ids[f->n_ids + 1] = arena_dup(f->names, path);
	if (f->ids[f->n_ids + 1].p == NULL)
		return FAIL(err, RC_NOMEM, "fields: out of memory");
	id = (uint16_t)++f->n_ids;
	TRY(point(f, name, id, err));
	if (!str_eq(name, path))
		TRY(point(f, path, id, err));
	TRY(point_renamed(f, name, id, err));
	if (f->attributes)
		TRY(point_attributes(f, name, id, err));
	*ret = id;
	return RC_OK;
}

enum rc fields_alias(struct fields *f, struct str path, uint16_t id, struct err *err)
{
	if (id == FIELD_NONE || id > f->n_ids)
		return FAIL(err, RC_NOTFOUND, "fields: no field has the number %u", id);
	TRY(check_path(path, err));
	return point(f, path, id, err);
}

enum rc fields_rename(struct fields *f, struct str path, struct str name, struct err *err)
{
	uint16_t id = fields_id(f, name);
	struct rename *r = &f->renames[f->n_renames];

	TRY(check_path(path, err));
	TRY(check_path(name, err));
	if (f->n_renames == RENAMES_MAX)
		return FAIL(err, RC_LIMIT, "fields: more than %d other names", RENAMES_MAX);
	r->path = arena_dup(f->names, path);
	r->name = arena_dup(f->names, name);
	if (r->path.p == NULL || r->name.p == NULL)
		return FAIL(err, RC_NOMEM, "fields: out of memory");
	f->n_renames++;
	return id == FIELD_NONE ? RC_OK : point(f, path, id, err);
}

enum rc fields_transparent(struct fields *f, struct str path, struct err *err)
{
	fields_node nodes[FIELD_DEPTH_MAX + 1];
	struct str steps[FIELD_DEPTH_MAX];
	size_t n;

	TRY(check_path(path, err));
	if (f->n_ids > 0)
		return FAIL(err, RC_CONFLICT, "fields: \"%.*s\" comes too late: fields were asked for already", STR(path));
	n = steps_of(path, steps);
	TRY(lay(f, steps, n, nodes, err));
	TRY(descend(f, nodes[n - 1], steps[n - 1], 0, &nodes[n], err));
	for (size_t from = n - 1; from-- > 0 && !is_star(steps[n - 1]) && !is_star(steps[from]);)
		TRY(descend(f, nodes[from], joined(&steps[from], &steps[n - 1]), 0, &nodes[n], err));
	return RC_OK;
}

/* Without its blanks, when it has any. */
static uint16_t find_squeezed(const struct fields *f, fields_node node, struct str name, fields_node *ret_in)
{
	char squeezed[FIELD_NAME_MAX];
	struct str without;

	if (memchr(name.p, ' ', name.n) == NULL)
		return FIELD_NONE;
	without = squeeze(name, squeezed);
	return without.n == 0 ? FIELD_NONE : fields_find(f, node, without, ret_in);
}

/* "winlog.event_data.Image": the longest beginning that leads somewhere, then the rest from there. No way back, and at
 * most FIELD_DEPTH_MAX dots are tried, so that a name made of dots costs no more than its length. */
static uint16_t find_dotted(const struct fields *f, fields_node node, struct str name, fields_node *ret_in)
{
	size_t at[FIELD_DEPTH_MAX], n = 0;

	for (size_t i = 1; i + 1 < name.n; i++) {
		if (name.p[i] != '.')
			continue;
		if (n == FIELD_DEPTH_MAX)
			return FIELD_NONE;
		at[n++] = i;
	}
	while (n-- > 0) {
		const struct fields_entry *e = probe(f, node, str_slice(name, 0, at[n]));

		if (e != NULL && e->in != FIELDS_NOWHERE)
			return fields_find(f, e->in, str_slice(name, at[n] + 1, name.n), ret_in);
	}
	return FIELD_NONE;
}

uint16_t fields_find_odd(const struct fields *f, fields_node node, struct str name, fields_node *ret_in)
{
	uint16_t id;

	*ret_in = FIELDS_NOWHERE;
	if (node == FIELDS_NOWHERE || name.n == 0 || name.n > FIELD_NAME_MAX)
		return FIELD_NONE;
	id = find_squeezed(f, node, name, ret_in);
	if (id == FIELD_NONE && *ret_in == FIELDS_NOWHERE)
		id = find_dotted(f, node, name, ret_in);
	if (id == FIELD_NONE && *ret_in == FIELDS_NOWHERE)
		*ret_in = f->star[node];
	return id;
}

uint16_t fields_find(const struct fields *f, fields_node node, struct str name, fields_node *ret_in)
{
	const struct fields_entry *e = node == FIELDS_NOWHERE ? NULL : probe(f, node, name);

	if (e == NULL)
		return fields_find_odd(f, node, name, ret_in);
	*ret_in = e->in;
	return e->id;
}

uint16_t fields_id(const struct fields *f, struct str path)
{
	fields_node in;

	return path.n == 0 ? FIELD_NONE : fields_find(f, 0, path, &in);
}

struct str fields_name(const struct fields *f, uint16_t id)
{
	return id == FIELD_NONE || id > f->n_ids ? str_make("", 0) : f->ids[id];
}

size_t fields_count(const struct fields *f)
{
	return f->n_ids;
}

void fields_attributes(struct fields *f)
{
	f->attributes = true;
}
