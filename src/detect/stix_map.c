/* Reading packs/stix; network.yml there tells the form. A path in a pack is read as a pattern is, so that both come out in
 * one spelling. */
#include "detect/stix_map.h"

#include "base/ascii.h"
#include "base/embedded.h"
#include "stix/pattern.h"

#define VIEWS_MAX 200
#define FIELDS_MAX 16
#define PATH_BYTES_MAX ((size_t)512)

struct reading {
	struct sigma_doc d;
	struct stix_view *views;
	uint32_t n;
};

static bool is_hashes(const struct pat_cmp *cmp, uint32_t i)
{
	return i > 0 && cmp->steps[i - 1].kind == PAT_KEY && str_eq(cmp->steps[i - 1].key, S("hashes"));
}

/* Names of hashes are written with and without a dash, in either case. */
static void put_key(struct buf *b, struct str key, bool hash)
{
	for (size_t i = 0; i < key.n; i++)
		if (!hash)
			buf_char(b, key.p[i]);
		else if (key.p[i] != '-')
			buf_char(b, ascii_to_lower(key.p[i]));
}

struct str stix_path(struct arena *a, const struct pat_cmp *cmp)
{
	struct str path = { NULL, 0 };
	struct buf b;

	buf_init(&b, PATH_BYTES_MAX);
	for (uint32_t i = 0; i < cmp->n_steps; i++) {
		const struct pat_step *s = &cmp->steps[i];

		if (s->kind == PAT_INDEX) {
			buf_fmt(&b, "[%llu]", (unsigned long long)s->index);
		} else if (s->kind == PAT_ANY) {
			buf_cstr(&b, "[*]");
		} else {
			if (i > 0)
				buf_char(&b, '.');
			put_key(&b, s->key, is_hashes(cmp, i));
		}
	}
	if (b.bad != RC_NOMEM)
		path = b.bad == RC_LIMIT ? S("(too long)") : arena_dup(a, buf_view(&b));
	buf_done(&b);
	return path;
}

const struct stix_entry *stix_view_find(const struct stix_view *v, struct str type, struct str path)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (str_eq(v->entries[i].path, path) && str_eq(v->entries[i].type, type))
			return &v->entries[i];
	return NULL;
}

static enum rc path_of(struct sigma_doc *d, const struct yaml *key, struct stix_entry *e)
{
	struct str text = arena_fmt(d->scratch, "[EXISTS %.*s]", STR(key->text));
	const struct pattern *p;
	struct err why;
	enum rc rc = text.p == NULL ? RC_NOMEM : stix_pattern_parse(d->scratch, text, &STIX_PATTERN_LENIENT, &p, &why);

	if (rc == RC_NOMEM)
		return sigma_nomem(d);
	if (rc != RC_OK)
		return SIGMA_BAD(d, key, 0, "\"%.*s\": %s", STR(key->text), why.text);
	e->type = sigma_intern(d->r, p->root->test->cmp.object_type);
	e->path = stix_path(d->a, &p->root->test->cmp);
	e->list = e->path.p != NULL && str_find(e->path, S("[*]"), 0) != SIZE_MAX;
	return e->type.p == NULL || e->path.p == NULL ? sigma_nomem(d) : RC_OK;
}

static enum rc modifier(struct sigma_doc *d, const struct yaml *y, struct str word, struct stix_field *f)
{
	static const struct { const char *name; enum stix_part part; } parts[] = {
		{ "basename", PART_BASE }, { "dirname", PART_DIR }, { "tokens", PART_TOKENS }, { "url", PART_URL },
	};

	if (str_eq(word, S("fold"))) {
		f->fold = true;
	} else if (str_eq(word, S("hive"))) {
		f->hive = true;
	} else if (str_starts(word, S("token:"))) {
		f->part = PART_TOKEN;
		f->second = arena_fmt(d->a, "%.*s=", STR(str_slice(word, 6, word.n)));
		return f->second.p == NULL ? sigma_nomem(d) : RC_OK;
	} else {
		size_t i = 0;

		while (i < COUNTOF(parts) && !str_eq(word, str_of(parts[i].name)))
			i++;
		if (i == COUNTOF(parts))
			return SIGMA_BAD(d, y, 0, "unknown modifier \"%.*s\"", STR(word));
		f->part = parts[i].part;
	}
	return RC_OK;
}

static enum rc field_of(struct sigma_doc *d, const struct yaml *y, struct stix_field *f)
{
	struct str rest = y->text, word;
	size_t plus;

	if (y->kind == YAML_MAP || y->kind == YAML_LIST || y->text.n == 0)
		return SIGMA_BAD(d, y, 0, "expected the name of a field");
	(void)str_next(&rest, '|', &word);
	if (str_eq(word, S("-")))
		return RC_OK;
	plus = str_find(word, S("+"), 0);
	f->name = sigma_intern(d->r, str_slice(word, 0, plus));
	if (plus != SIZE_MAX)
		f->second = sigma_intern(d->r, str_slice(word, plus + 1, word.n));
	if (f->name.p == NULL || (plus != SIZE_MAX && f->second.p == NULL))
		return sigma_nomem(d);
	while (str_next(&rest, '|', &word))
		TRY(modifier(d, y, word, f));
	return (plus != SIZE_MAX) == (f->part == PART_URL) ? RC_OK : SIGMA_BAD(d, y, 0, "two fields are for url, and url is of two fields");
}

static enum rc entry_of(struct sigma_doc *d, const struct yaml_item *i, struct stix_entry *e)
{
	const struct yaml *v = i->value;
	struct stix_field *fields;

	TRY(path_of(d, i->key, e));
	e->n = v->kind == YAML_LIST ? v->n : 1;
	if (e->n == 0 || e->n > FIELDS_MAX)
		return SIGMA_BAD(d, v, 0, "1 to %d fields", FIELDS_MAX);
	fields = arena_array(d->a, e->n, sizeof *fields);
	if (fields == NULL)
		return sigma_nomem(d);
	e->fields = fields;
	if (v->kind != YAML_LIST)
		return field_of(d, v, fields);
	for (const struct yaml_item *k = v->first; k != NULL; k = k->next)
		TRY(field_of(d, k->value, fields++));
	return RC_OK;
}

static enum rc view_of(void *ctx, const struct yaml *y)
{
	struct reading *p = ctx;
	struct sigma_doc *d = &p->d;
	const struct yaml *name = yaml_get(y, S("name")), *when = yaml_get(y, S("when")), *fields = yaml_get(y, S("fields"));
	struct stix_view *v = &p->views[p->n];
	struct stix_entry *entries;

	if (name == NULL || when == NULL || fields == NULL || fields->kind != YAML_MAP || y->n != 3)
		return SIGMA_BAD(d, y, 0, "an entry is a map of name, when, fields");
	if (p->n == VIEWS_MAX)
		return SIGMA_BAD(d, y, 0, "more than %d entries", VIEWS_MAX);
	v->name = sigma_intern(d->r, name->text);
	entries = arena_array(d->a, fields->n + 1u, sizeof *entries);
	if (v->name.p == NULL || entries == NULL)
		return sigma_nomem(d);
	d->size = 0;
	TRY(sigma_selection(d, when, &v->when));
	if (d->remarks.n > 0)
		return SIGMA_BAD(d, y, 0, "%.*s", STR(buf_view(&d->remarks)));
	for (const struct yaml_item *i = fields->first; i != NULL; i = i->next)
		TRY(entry_of(d, i, &entries[v->n++]));
	v->entries = entries;
	p->n++;
	return RC_OK;
}

static enum rc pack(struct reading *p, const char *name, struct str text, struct err *err)
{
	return sigma_pack_read(&p->d, name, text, "expected a list", view_of, p, err);
}

enum rc stix_map_load(struct sigma_reader *r, const struct stix_map **ret, struct err *err)
{
	struct stix_map *map = arena_alloc(r->a, sizeof *map);
	struct reading p = { .d = { .r = r, .a = r->a, .scratch = r->scratch }, .views = arena_array(r->a, VIEWS_MAX, sizeof *p.views) };

	if (map == NULL || p.views == NULL)
		return FAIL(err, RC_NOMEM, "STIX packs: no memory");
	for (const struct embedded *e = stix_packs; e->name != NULL; e++)
		TRY(pack(&p, e->name, str_make(e->text, e->n), err));
	*map = (struct stix_map){ p.views, p.n };
	*ret = map;
	return RC_OK;
}
