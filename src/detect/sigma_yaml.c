/* Documents in the plain part of YAML are read by sigma_block.c; for all others events of libyaml are built into trees.
 * Hostile: everything. Nesting, nodes and keys of a map are bounded; an alias is a pointer to the tree it names, so a
 * "billion laughs" file stays as small as it is written, and whoever walks a tree counts what it makes of it. An anchor
 * that contains itself is refused. */
#include "detect/sigma_yaml.h"

#include <yaml.h>

#include "base/map.h"
#include "base/mem.h"
#include "detect/sigma_block.h"
#include "detect/sigma_scalar.h"

#define KEYS_MAX 1024
#define ANCHORS_MAX 10000

struct yaml_reader {
	struct arena *a;
	struct str text;
	size_t at;          /* where libyaml was started */
	uint32_t line_base; /* lines before that */
	bool started, ended;
	bool slow;          /* something was not plain: libyaml reads the rest */
	yaml_parser_t parser;
	struct map *anchors; /* of the document being read */
	uint32_t nodes;
	uint32_t bad_line, bad_column;
	bool broken; /* libyaml's error, not ours */
};

enum rc yaml_reader_new(struct arena *a, struct str text, struct yaml_reader **ret, struct err *err)
{
	struct yaml_reader *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "yaml: no memory");
	r->a = a;
	r->text = text;
	*ret = r;
	return RC_OK;
}

void yaml_reader_free(struct yaml_reader *r)
{
	if (r == NULL)
		return;
	if (r->started)
		yaml_parser_delete(&r->parser);
	map_free(r->anchors);
	mem_free(r);
}

void yaml_reader_freep(struct yaml_reader **r)
{
	yaml_reader_free(*r);
}

void yaml_reader_by_libyaml(struct yaml_reader *r)
{
	r->slow = true;
}

static enum rc start(struct yaml_reader *r, struct err *err)
{
	if (!yaml_parser_initialize(&r->parser))
		return FAIL(err, RC_NOMEM, "yaml: no memory");
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text.p + r->at, r->text.n - r->at);
	r->started = true;
	return RC_OK;
}

/* After an error: libyaml cannot go on, but a line "---" begins a new document whatever stood before it, and may be
 * itself what was not expected. */
static void restart(struct yaml_reader *r)
{
	size_t at = r->at, eol;
	uint32_t n = r->line_base, line = r->bad_line - (r->broken && r->bad_column == 1);

	yaml_parser_delete(&r->parser);
	r->started = false;
	r->ended = true;
	for (; at < r->text.n; at = eol + 1) {
		struct str rest = str_slice(r->text, at, r->text.n);

		if (n >= line && str_starts(rest, S("---")) && at > r->at) {
			r->at = at;
			r->line_base = n;
			r->ended = false;
			return;
		}
		eol = str_find(r->text, S("\n"), at);
		if (eol == SIZE_MAX)
			return;
		n++;
	}
}

static enum rc next_event(struct yaml_reader *r, yaml_event_t *ev, struct err *err)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, ev))
		return RC_OK;
	if (p->error == YAML_MEMORY_ERROR)
		return FAIL(err, RC_NOMEM, "yaml: no memory");
	r->broken = true;
	r->bad_line = r->line_base + (uint32_t)(p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line) + 1;
	r->bad_column = (uint32_t)(p->error == YAML_READER_ERROR ? p->mark.column : p->problem_mark.column) + 1;
	return FAIL(err, RC_BAD, "%s%s%s", p->problem == NULL ? "broken YAML" : p->problem, p->context == NULL ? "" : " ",
		p->context == NULL ? "" : p->context);
}

static enum rc bad_at(struct yaml_reader *r, const yaml_mark_t *m, enum rc rc)
{
	r->broken = false;
	r->bad_line = r->line_base + (uint32_t)m->line + 1;
	r->bad_column = (uint32_t)m->column + 1;
	return rc;
}

static struct yaml *node_new(struct yaml_reader *r, const yaml_event_t *ev, struct err *err)
{
	struct yaml *y;

	if (++r->nodes > YAML_NODES_MAX) {
		(void)bad_at(r, &ev->start_mark, FAIL(err, RC_LIMIT, "yaml: more than %d nodes in one document", YAML_NODES_MAX));
		return NULL;
	}
	y = arena_alloc(r->a, sizeof *y);
	if (y == NULL) {
		err_set(err, RC_NOMEM, "yaml: no memory");
		return NULL;
	}
	y->line = r->line_base + (uint32_t)ev->start_mark.line + 1;
	y->column = (uint32_t)ev->start_mark.column + 1;
	return y;
}

static enum rc anchor(struct yaml_reader *r, const yaml_char_t *name, struct yaml *y, struct err *err)
{
	if (name == NULL)
		return RC_OK;
	if (r->anchors == NULL)
		r->anchors = map_new(ANCHORS_MAX);
	if (r->anchors == NULL || map_put(r->anchors, str_of((const char *)name), (uint64_t)(uintptr_t)y) != RC_OK)
		return FAIL(err, RC_NOMEM, "yaml: too many anchors");
	return RC_OK;
}

/* An explicit tag overrules the form of the scalar. */
static enum rc scalar_kind(struct yaml_reader *r, const yaml_event_t *ev, struct yaml *y, struct err *err)
{
	const char *tag = (const char *)ev->data.scalar.tag;
	enum yaml_kind formed = yaml_scalar(y->text, &y->number);

	y->kind = tag == NULL && y->quoted ? YAML_TEXT : formed;
	if (tag == NULL || strcmp(tag, "!") == 0 || strcmp(tag, "tag:yaml.org,2002:str") == 0)
		y->kind = tag == NULL ? y->kind : YAML_TEXT;
	else if (strcmp(tag, "tag:yaml.org,2002:null") == 0)
		y->kind = YAML_NULL;
	else if (strcmp(tag, "tag:yaml.org,2002:bool") != 0 && strcmp(tag, "tag:yaml.org,2002:int") != 0 &&
		 strcmp(tag, "tag:yaml.org,2002:float") != 0)
		return bad_at(r, &ev->start_mark, FAIL(err, RC_BAD, "unknown YAML tag \"%s\"", tag));
	if (y->kind == YAML_TEXT)
		y->number = 0;
	return RC_OK;
}

static enum rc scalar(struct yaml_reader *r, const yaml_event_t *ev, struct yaml **ret, struct err *err)
{
	yaml_scalar_style_t style = ev->data.scalar.style;
	struct yaml *y = node_new(r, ev, err);

	if (y == NULL)
		return err->rc;
	y->text = arena_dup(r->a, str_make((const char *)ev->data.scalar.value, ev->data.scalar.length));
	if (y->text.p == NULL)
		return FAIL(err, RC_NOMEM, "yaml: no memory");
	y->quoted = style != YAML_PLAIN_SCALAR_STYLE;
	y->one_line = ev->start_mark.line == ev->end_mark.line;
	if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
		y->column++;
	*ret = y;
	TRY(scalar_kind(r, ev, y, err));
	return anchor(r, ev->data.scalar.anchor, y, err);
}

static enum rc item_add(struct yaml_reader *r, struct yaml *to, const struct yaml *key, const struct yaml *value, struct err *err)
{
	struct yaml_item *i = arena_alloc(r->a, sizeof *i);

	if (i == NULL)
		return FAIL(err, RC_NOMEM, "yaml: no memory");
	*i = (struct yaml_item){ key, value, NULL };
	if (to->last == NULL)
		to->first = i;
	else
		to->last->next = i;
	to->last = i;
	to->n++;
	return RC_OK;
}

const struct yaml *yaml_get(const struct yaml *map, struct str key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_item *i = map->first; i != NULL; i = i->next)
		if (str_eq(i->key->text, key))
			return i->value;
	return NULL;
}

static enum rc node(struct yaml_reader *r, yaml_event_t *ev, unsigned depth, struct yaml **ret, struct err *err);

/* `<<`: the keys of other maps that this one has not itself; earlier maps win. */
static enum rc merge(struct yaml_reader *r, struct yaml *to, const struct yaml *from, struct err *err)
{
	if (from->kind == YAML_LIST) {
		for (const struct yaml_item *i = from->first; i != NULL; i = i->next)
			if (i->value->kind == YAML_MAP)
				TRY(merge(r, to, i->value, err));
		return RC_OK;
	}
	for (const struct yaml_item *i = from->first; i != NULL; i = i->next) {
		if (yaml_get(to, i->key->text) != NULL)
			continue;
		if (to->n >= KEYS_MAX)
			return FAIL(err, RC_LIMIT, "yaml: more than %d keys in a map", KEYS_MAX);
		TRY(item_add(r, to, i->key, i->value, err));
	}
	return RC_OK;
}

static enum rc pair(struct yaml_reader *r, struct yaml *map, yaml_event_t *ev, unsigned depth, const struct yaml **merged, struct err *err)
{
	yaml_event_t value_ev;
	struct yaml *key, *value;
	enum rc rc;

	TRY(node(r, ev, depth, &key, err));
	if (key->kind == YAML_LIST || key->kind == YAML_MAP)
		return bad_at(r, &ev->start_mark, FAIL(err, RC_BAD, "the key of a map is no plain text"));
	if (yaml_get(map, key->text) != NULL)
		return bad_at(r, &ev->start_mark, FAIL(err, RC_BAD, "key \"%.*s\" stands twice in one map", STR(key->text)));
	if (map->n >= KEYS_MAX)
		return bad_at(r, &ev->start_mark, FAIL(err, RC_LIMIT, "yaml: more than %d keys in a map", KEYS_MAX));
	TRY(next_event(r, &value_ev, err));
	rc = node(r, &value_ev, depth, &value, err);
	yaml_event_delete(&value_ev);
	if (rc != RC_OK)
		return rc;
	if (!key->quoted && str_eq(key->text, S("<<")) && (value->kind == YAML_MAP || value->kind == YAML_LIST)) {
		*merged = value;
		return RC_OK;
	}
	return item_add(r, map, key, value, err);
}

static enum rc items(struct yaml_reader *r, struct yaml *to, unsigned depth, struct err *err)
{
	const struct yaml *merged = NULL;
	enum rc rc = RC_OK;

	for (bool end = false; !end && rc == RC_OK;) {
		yaml_event_t ev;
		struct yaml *kid;

		TRY(next_event(r, &ev, err));
		end = ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT;
		if (!end && to->kind == YAML_MAP) {
			rc = pair(r, to, &ev, depth, &merged, err);
		} else if (!end) {
			rc = node(r, &ev, depth, &kid, err);
			if (rc == RC_OK)
				rc = item_add(r, to, NULL, kid, err);
		}
		yaml_event_delete(&ev);
	}
	if (rc == RC_OK && merged != NULL)
		rc = merge(r, to, merged, err);
	return rc;
}

static enum rc collection(struct yaml_reader *r, const yaml_event_t *ev, unsigned depth, struct yaml **ret, struct err *err)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	struct yaml *y;

	if (depth >= YAML_DEPTH_MAX)
		return bad_at(r, &ev->start_mark, FAIL(err, RC_LIMIT, "yaml: nested deeper than %d", YAML_DEPTH_MAX));
	y = node_new(r, ev, err);
	if (y == NULL)
		return err->rc;
	y->kind = map ? YAML_MAP : YAML_LIST;
	y->open = true;
	TRY(anchor(r, map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor, y, err));
	TRY(items(r, y, depth + 1, err));
	y->open = false;
	*ret = y;
	return RC_OK;
}

static enum rc alias(struct yaml_reader *r, const yaml_event_t *ev, struct yaml **ret, struct err *err)
{
	uint64_t found;

	if (r->anchors == NULL || !map_get(r->anchors, str_of((const char *)ev->data.alias.anchor), &found))
		return bad_at(r, &ev->start_mark, FAIL(err, RC_BAD, "alias *%s names no anchor", (const char *)ev->data.alias.anchor));
	*ret = (struct yaml *)(uintptr_t)found;
	if ((*ret)->open)
		return bad_at(r, &ev->start_mark, FAIL(err, RC_BAD, "alias *%s stands inside its own anchor", (const char *)ev->data.alias.anchor));
	return RC_OK;
}

static enum rc node(struct yaml_reader *r, yaml_event_t *ev, unsigned depth, struct yaml **ret, struct err *err)
{
	switch ((int)ev->type) {
	case YAML_SCALAR_EVENT: return scalar(r, ev, ret, err);
	case YAML_ALIAS_EVENT: return alias(r, ev, ret, err);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT: return collection(r, ev, depth, ret, err);
	default: return bad_at(r, &ev->start_mark, FAIL(err, RC_BAD, "broken YAML"));
	}
}

/* One event at document level; *ret when it was a document's content. */
static enum rc step(struct yaml_reader *r, struct yaml **ret, struct err *err)
{
	yaml_event_t ev;
	enum rc rc;

	TRY(next_event(r, &ev, err));
	rc = RC_OK;
	if (ev.type == YAML_STREAM_END_EVENT)
		r->ended = true;
	else if (ev.type == YAML_SCALAR_EVENT || ev.type == YAML_ALIAS_EVENT || ev.type == YAML_SEQUENCE_START_EVENT ||
		 ev.type == YAML_MAPPING_START_EVENT)
		rc = node(r, &ev, 0, ret, err);
	yaml_event_delete(&ev);
	return rc;
}

enum rc yaml_next(struct yaml_reader *r, const struct yaml **ret, uint32_t *ret_line, uint32_t *ret_column, struct err *err)
{
	struct yaml *found = NULL;
	enum rc rc = RC_OK;

	map_free(r->anchors);
	r->anchors = NULL;
	r->nodes = 0;
	*ret = NULL;
	if (!r->slow && !r->ended && yaml_block(r->a, r->text, r->at, r->line_base, ret, &r->at, &r->line_base)) {
		r->ended = r->at >= r->text.n;
		return RC_OK;
	}
	r->slow = true;
	if (!r->started && !r->ended)
		rc = start(r, err);
	while (rc == RC_OK && !r->ended && found == NULL)
		rc = step(r, &found, err);
	if (rc == RC_BAD || rc == RC_LIMIT) {
		*ret_line = r->bad_line;
		*ret_column = r->bad_column;
		restart(r);
		return rc;
	}
	*ret = found;
	return rc;
}

static const struct yaml *join(struct arena *a, const struct yaml *base, const struct yaml *over, unsigned depth)
{
	struct yaml *y;

	if (base == NULL || over == NULL || base->kind != YAML_MAP || over->kind != YAML_MAP || depth > YAML_DEPTH_MAX)
		return over == NULL ? base : over;
	y = arena_alloc(a, sizeof *y);
	if (y == NULL)
		return NULL;
	*y = *over;
	y->first = y->last = NULL;
	y->n = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (const struct yaml_item *i = pass == 0 ? base->first : over->first; i != NULL; i = i->next) {
			const struct yaml *other = yaml_get(pass == 0 ? over : base, i->key->text);
			struct yaml_item *copy;

			if (pass == 1 && other != NULL)
				continue;
			copy = arena_alloc(a, sizeof *copy);
			if (copy == NULL)
				return NULL;
			*copy = (struct yaml_item){ i->key, pass == 0 ? join(a, i->value, other, depth + 1) : i->value, NULL };
			if (copy->value == NULL)
				return NULL;
			*(y->last == NULL ? &y->first : &y->last->next) = copy;
			y->last = copy;
			y->n++;
		}
	}
	return y;
}

const struct yaml *yaml_join(struct arena *a, const struct yaml *base, const struct yaml *over)
{
	return join(a, base, over, 0);
}
