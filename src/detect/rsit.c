/* Reads packs/rsit: a list of entries, of which each is a class, a rule of what is one, a kind of device, or an impact level
 * (the packs say in comments how they are written). Rules are tried in their order; there are few and a match is rare, so
 * nothing is indexed. */
#include "detect/rsit.h"

#include "base/embedded.h"
#include "detect/sigma_int.h"
#include "sys/file.h"

#define CLASSES_MAX 64
#define RULES_MAX 2000
#define DEVICES_MAX 64
#define LEVELS_MAX 32

enum sort { BY_TAG, BY_TYPE, BY_OBSERVABLE };

struct rsit_rule {
	enum sort sort;
	struct str text;
	struct str class, type;
	uint32_t line;
	const char *file;
};

struct rsit_level {
	struct str level;   /* .p NULL: by confidence */
	int64_t confidence;
	uint8_t impact;
};

struct rsit {
	struct rsit_class *classes;
	struct rsit_rule *rules;
	struct rsit_device *devices;
	struct rsit_level *levels;
	uint32_t n_classes, n_rules, n_devices, n_levels;
};

struct packs {
	struct sigma_doc d;
	struct rsit *r;
	const char *file;
};

static struct str keep(struct packs *p, const struct yaml *y)
{
	return y == NULL ? S("") : arena_dup(p->d.a, y->text);
}

/* The text of a member that has to be there. */
static enum rc text_of(struct packs *p, const struct yaml *y, const char *name, struct str *ret)
{
	const struct yaml *v = yaml_get(y, str_of(name));

	if (v == NULL || v->text.n == 0 || v->kind == YAML_MAP || v->kind == YAML_LIST)
		return SIGMA_BAD(&p->d, v == NULL ? y : v, 0, "%s: expected a text", name);
	*ret = keep(p, v);
	return ret->p == NULL ? sigma_nomem(&p->d) : RC_OK;
}

static enum rc types_of(struct packs *p, const struct yaml *y, struct rsit_class *c)
{
	const struct yaml *types = yaml_get(y, S("types"));
	struct rsit_type *list;

	if (types == NULL || types->kind != YAML_MAP)
		return SIGMA_BAD(&p->d, y, 0, "types: expected a map of types");
	list = arena_array(p->d.a, types->n + 1u, sizeof *list);
	if (list == NULL)
		return sigma_nomem(&p->d);
	for (const struct yaml_item *i = types->first; i != NULL; i = i->next) {
		struct rsit_type *t = &list[c->n_types++];

		if (i->value->kind != YAML_MAP)
			return SIGMA_BAD(&p->d, i->key, 0, "%.*s: expected {en, zh}", STR(i->key->text));
		t->id = keep(p, i->key);
		TRY(text_of(p, i->value, "en", &t->en));
		TRY(text_of(p, i->value, "zh", &t->zh));
	}
	c->types = list;
	return RC_OK;
}

static enum rc a_class(struct packs *p, const struct yaml *y)
{
	const struct yaml *older = yaml_get(y, S("older"));
	struct rsit_class c = { 0 };
	uint32_t at = 0;

	TRY(text_of(p, y, "class", &c.id));
	TRY(text_of(p, y, "en", &c.en));
	TRY(text_of(p, y, "zh", &c.zh));
	if (older == NULL || older->kind != YAML_MAP)
		return SIGMA_BAD(&p->d, y, 0, "older: expected {code, en, zh}");
	TRY(text_of(p, older, "code", &c.older));
	TRY(text_of(p, older, "en", &c.older_en));
	TRY(text_of(p, older, "zh", &c.older_zh));
	TRY(types_of(p, y, &c));
	while (at < p->r->n_classes && !str_eq(p->r->classes[at].id, c.id))
		at++;
	if (at == CLASSES_MAX)
		return SIGMA_BAD(&p->d, y, 0, "more than %d classes", CLASSES_MAX);
	/* The user's was read before. */
	if (at == p->r->n_classes)
		p->r->classes[p->r->n_classes++] = c;
	return RC_OK;
}

static enum rc a_rule(struct packs *p, const struct yaml *y)
{
	static const struct { const char *name; enum sort sort; } sorts[] = { { "tag", BY_TAG }, { "indicator_type", BY_TYPE }, { "observable", BY_OBSERVABLE } };
	struct rsit_rule r = { .line = y->line, .file = p->file };
	struct str is;
	size_t slash, s = 0;

	while (s < COUNTOF(sorts) && yaml_get(y, str_of(sorts[s].name)) == NULL)
		s++;
	if (s == COUNTOF(sorts))
		return SIGMA_BAD(&p->d, y, 0, "expected tag, indicator_type or observable");
	r.sort = sorts[s].sort;
	TRY(text_of(p, y, sorts[s].name, &r.text));
	TRY(text_of(p, y, "is", &is));
	slash = str_find(is, S("/"), 0);
	if (slash == SIZE_MAX)
		return SIGMA_BAD(&p->d, y, 0, "is: expected CLASS/TYPE");
	r.class = str_slice(is, 0, slash);
	r.type = str_slice(is, slash + 1, is.n);
	if (p->r->n_rules == RULES_MAX)
		return SIGMA_BAD(&p->d, y, 0, "more than %d rules", RULES_MAX);
	p->r->rules[p->r->n_rules++] = r;
	return RC_OK;
}

static enum rc a_device(struct packs *p, const struct yaml *y)
{
	struct rsit_device d;

	TRY(text_of(p, y, "protection", &d.protection));
	TRY(text_of(p, y, "en", &d.en));
	TRY(text_of(p, y, "zh", &d.zh));
	TRY(text_of(p, y, "field", &d.field));
	if (p->r->n_devices == DEVICES_MAX)
		return SIGMA_BAD(&p->d, y, 0, "more than %d devices", DEVICES_MAX);
	p->r->devices[p->r->n_devices++] = d;
	return RC_OK;
}

static enum rc a_level(struct packs *p, const struct yaml *y)
{
	const struct yaml *impact = yaml_get(y, S("impact")), *confidence = yaml_get(y, S("confidence"));
	struct rsit_level l = { { NULL, 0 }, 0, 0 };

	if (impact->kind != YAML_INT || impact->number < 1 || impact->number > 4)
		return SIGMA_BAD(&p->d, impact, 0, "impact: expected 1 to 4");
	l.impact = (uint8_t)impact->number;
	if (confidence == NULL)
		TRY(text_of(p, y, "level", &l.level));
	else if (confidence->kind != YAML_INT || confidence->number < 0 || confidence->number > 100)
		return SIGMA_BAD(&p->d, confidence, 0, "confidence: expected 0 to 100");
	else
		l.confidence = (int64_t)confidence->number;
	if (p->r->n_levels == LEVELS_MAX)
		return SIGMA_BAD(&p->d, y, 0, "more than %d levels", LEVELS_MAX);
	p->r->levels[p->r->n_levels++] = l;
	return RC_OK;
}

static enum rc entry(void *ctx, const struct yaml *y)
{
	struct packs *p = ctx;

	if (y->kind != YAML_MAP)
		return SIGMA_BAD(&p->d, y, 0, "expected a map");
	if (yaml_get(y, S("class")) != NULL)
		return a_class(p, y);
	if (yaml_get(y, S("protection")) != NULL)
		return a_device(p, y);
	if (yaml_get(y, S("impact")) != NULL)
		return a_level(p, y);
	return a_rule(p, y);
}

static enum rc pack(struct packs *p, const char *name, struct str text, struct err *err)
{
	p->file = name;
	return sigma_pack_read(&p->d, name, text, "expected a list", entry, p, err);
}

static enum rc user_file(struct packs *p, const char *file, struct err *err)
{
	struct buf text;
	enum rc rc;

	if (file == NULL)
		return RC_OK;
	rc = file_read(file, SIGMA_FILE_MAX, &text, err);
	if (rc == RC_OK)
		rc = pack(p, file, buf_view(&text), err);
	buf_done(&text);
	return rc;
}

/* A rule that names a class or type that is nobody's would be a ticket without a name. */
static enum rc check_rules(const struct rsit *r, struct err *err)
{
	for (uint32_t i = 0; i < r->n_rules; i++)
		if (rsit_type_of(r, r->rules[i].class, r->rules[i].type) == NULL)
			return FAIL(err, RC_BAD, "%s:%u: no class and type %.*s/%.*s", r->rules[i].file, r->rules[i].line, STR(r->rules[i].class),
				    STR(r->rules[i].type));
	return rsit_type_of(r, S("other"), S("undetermined")) == NULL ? FAIL(err, RC_BAD, "no class other/undetermined") : RC_OK;
}

enum rc rsit_load(struct arena *a, const char *file, const struct rsit **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *reader = NULL;
	struct rsit *r = arena_alloc(a, sizeof *r);
	struct packs p = { .r = r };

	TRY(sigma_reader_new(a, &reader, err));
	if (r == NULL)
		return FAIL(err, RC_NOMEM, "rsit: no memory");
	*r = (struct rsit){ .classes = arena_array(a, CLASSES_MAX, sizeof *r->classes), .rules = arena_array(a, RULES_MAX, sizeof *r->rules),
			    .devices = arena_array(a, DEVICES_MAX, sizeof *r->devices), .levels = arena_array(a, LEVELS_MAX, sizeof *r->levels) };
	if (r->classes == NULL || r->rules == NULL || r->devices == NULL || r->levels == NULL)
		return FAIL(err, RC_NOMEM, "rsit: no memory");
	p.d = (struct sigma_doc){ .r = reader, .a = a, .scratch = reader->scratch };
	TRY(user_file(&p, file, err));
	for (const struct embedded *e = rsit_packs; e->name != NULL; e++)
		TRY(pack(&p, e->name, str_make(e->text, e->n), err));
	TRY(check_rules(r, err));
	*ret = r;
	return RC_OK;
}

/* "attack.t1059" is met by itself and by what continues it after a dot. */
static bool is_tag(struct str rule, struct str tag)
{
	return str_eq_nocase(rule, str_slice(tag, 0, rule.n)) && (tag.n == rule.n || (tag.n > rule.n && tag.p[rule.n] == '.'));
}

static bool any_tag(struct str text, const struct str *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (is_tag(text, list[i]))
			return true;
	return false;
}

static bool fits(const struct rsit_rule *r, const struct rsit_match *m)
{
	switch (r->sort) {
	case BY_TAG: return any_tag(r->text, m->tags, m->n_tags);
	case BY_TYPE: return any_tag(r->text, m->types, m->n_types);
	case BY_OBSERVABLE: return m->observable.n > 0 && str_eq(r->text, m->observable);
	}
	return false;
}

void rsit_of(const struct rsit *r, const struct rsit_match *m, const struct rsit_class **ret_class, const struct rsit_type **ret_type)
{
	struct str class = S("other"), type = S("undetermined");

	for (uint32_t i = 0; i < r->n_rules; i++)
		if (fits(&r->rules[i], m)) {
			class = r->rules[i].class;
			type = r->rules[i].type;
			break;
		}
	*ret_class = rsit_class_of(r, class);
	*ret_type = rsit_type_of(r, class, type);
}

uint8_t rsit_impact(const struct rsit *r, const struct rsit_match *m)
{
	for (uint32_t i = 0; i < r->n_levels; i++) {
		const struct rsit_level *l = &r->levels[i];

		if (l->level.p != NULL ? m->level.n > 0 && str_eq_nocase(l->level, m->level)
				       : m->level.n == 0 && m->confidence <= 100 && m->confidence >= l->confidence)
			return l->impact;
	}
	return 0;
}

const struct rsit_class *rsit_class_of(const struct rsit *r, struct str id)
{
	for (uint32_t i = 0; i < r->n_classes; i++)
		if (str_eq(r->classes[i].id, id))
			return &r->classes[i];
	return NULL;
}

const struct rsit_type *rsit_type_of(const struct rsit *r, struct str class, struct str id)
{
	const struct rsit_class *c = rsit_class_of(r, class);

	for (uint32_t i = 0; c != NULL && i < c->n_types; i++)
		if (str_eq(c->types[i].id, id))
			return &c->types[i];
	return NULL;
}

const struct rsit_device *rsit_device_of(const struct rsit *r, struct str protection)
{
	for (uint32_t i = 0; i < r->n_devices; i++)
		if (str_eq(r->devices[i].protection, protection))
			return &r->devices[i];
	return NULL;
}

const struct rsit_class *rsit_classes(const struct rsit *r, uint32_t *ret_n)
{
	*ret_n = r->n_classes;
	return r->classes;
}

const struct rsit_device *rsit_devices(const struct rsit *r, uint32_t *ret_n)
{
	*ret_n = r->n_devices;
	return r->devices;
}
