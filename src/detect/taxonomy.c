/* Packs of log sources: a YAML list, one entry a variant:
 *
 *	- name: windows-process_creation-security     (left out: the parts of the source, "-" between)
 *	  source: {product: windows, category: process_creation, service: security}
 *	  when: {Channel: Security, EventID: 4688}    (a search identifier as in rules, over the event's own fields)
 *	  fields: {Image: NewProcessName}             (rule's name: event's name)
 *
 * A later entry of the same name replaces the earlier one: that is how a folder of the user's overrules us. What an event
 * is gets remembered by the values of all fields that some `when` asks for, so these have to be fields with few values. */
#include "detect/taxonomy.h"

#include <dirent.h>
#include <errno.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "detect/sigma_int.h"
#include "sys/file.h"

#define VARIANTS_MAX 1000
#define NAME_MAX_BYTES ((size_t)512)
#define PATH_MAX_BYTES ((size_t)4096)

struct packs {
	struct sigma_doc d;
	struct taxonomy_variant *v;
	uint32_t n;
};

static enum rc known_keys(struct sigma_doc *d, const struct yaml *y)
{
	static const char *const known[] = { "name", "source", "when", "fields", "open", NULL };

	for (const struct yaml_item *i = y->first; i != NULL; i = i->next) {
		size_t k = 0;

		while (known[k] != NULL && !str_eq(i->key->text, str_of(known[k])))
			k++;
		if (known[k] == NULL)
			return SIGMA_BAD(d, i->key, 0, "unknown key \"%.*s\"", STR(i->key->text));
	}
	return RC_OK;
}

static enum rc name_of(struct sigma_doc *d, const struct yaml *y, struct taxonomy_variant *v)
{
	const struct yaml *name = yaml_get(y, S("name"));
	const struct str parts[] = { v->source.product, v->source.category, v->source.service };
	struct buf b;

	buf_init(&b, NAME_MAX_BYTES);
	if (name != NULL)
		buf_str(&b, name->text);
	for (size_t i = 0; name == NULL && i < COUNTOF(parts); i++)
		if (parts[i].n > 0)
			buf_fmt(&b, "%s%.*s", b.n > 0 ? "-" : "", STR(parts[i]));
	v->name = b.bad == RC_OK ? arena_dup(d->a, buf_view(&b)) : S("");
	buf_done(&b);
	if (v->name.p == NULL)
		return sigma_nomem(d);
	return v->name.n == 0 ? SIGMA_BAD(d, y, 0, "a variant without a name and a source") : RC_OK;
}

static enum rc maps_of(struct sigma_doc *d, const struct yaml *y, struct taxonomy_variant *v)
{
	const struct yaml *fields = yaml_get(y, S("fields"));
	struct taxonomy_map *maps;

	if (fields == NULL)
		return RC_OK;
	if (fields->kind != YAML_MAP)
		return SIGMA_BAD(d, fields, 0, "fields: expected a map of names");
	maps = arena_array(d->a, fields->n + 1u, sizeof *maps);
	if (maps == NULL)
		return sigma_nomem(d);
	for (const struct yaml_item *i = fields->first; i != NULL; i = i->next) {
		if (i->value->text.n == 0 || i->value->kind == YAML_MAP || i->value->kind == YAML_LIST)
			return SIGMA_BAD(d, i->value, 0, "fields: expected the name of a field");
		maps[v->n_maps] = (struct taxonomy_map){ sigma_intern(d->r, i->key->text), sigma_intern(d->r, i->value->text) };
		if (maps[v->n_maps].rule.p == NULL || maps[v->n_maps++].event.p == NULL)
			return sigma_nomem(d);
	}
	v->maps = maps;
	return RC_OK;
}

static enum rc variant(void *ctx, const struct yaml *y)
{
	struct packs *p = ctx;
	struct sigma_doc *d = &p->d;
	struct taxonomy_variant v = { 0 };
	const struct yaml *open = yaml_get(y, S("open"));
	uint32_t at = 0;

	if (y->kind != YAML_MAP)
		return SIGMA_BAD(d, y, 0, "a variant is a map of name, source, when, fields");
	TRY(known_keys(d, y));
	TRY(sigma_source(d, yaml_get(y, S("source")), &v.source));
	TRY(name_of(d, y, &v));
	TRY(maps_of(d, y, &v));
	if (open != NULL && !str_eq(open->text, S("true")) && !str_eq(open->text, S("false")))
		return SIGMA_BAD(d, open, 0, "open: expected true or false");
	v.open = open != NULL && str_eq(open->text, S("true"));
	if (yaml_get(y, S("when")) == NULL)
		return SIGMA_BAD(d, y, 0, "variant \"%.*s\" does not say when an event is one", STR(v.name));
	d->size = 0;
	d->before = arena_used(d->scratch);
	TRY(sigma_selection(d, yaml_get(y, S("when")), &v.when));
	if (d->remarks.n > 0)
		return SIGMA_BAD(d, y, 0, "%.*s", STR(buf_view(&d->remarks)));
	while (at < p->n && !str_eq(p->v[at].name, v.name))
		at++;
	if (at == VARIANTS_MAX)
		return SIGMA_BAD(d, y, 0, "more than %d variants", VARIANTS_MAX);
	p->v[at] = v;
	p->n += at == p->n;
	return RC_OK;
}

static enum rc pack(struct packs *p, const char *name, struct str text, struct err *err)
{
	return sigma_pack_read(&p->d, name, text, "expected a list of variants", variant, p, err);
}

static int is_pack(const struct dirent *e)
{
	struct str name = str_of(e->d_name);

	return name.p[0] != '.' && (str_ends(name, S(".yml")) || str_ends(name, S(".yaml")));
}

static enum rc pack_file(struct packs *p, const char *path, struct err *err)
{
	struct buf text;
	enum rc rc = file_read(path, SIGMA_FILE_MAX, &text, err);

	if (rc == RC_OK)
		rc = pack(p, path, buf_view(&text), err);
	buf_done(&text);
	return rc;
}

static enum rc pack_folder(struct packs *p, const char *folder, struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_pack, alphasort);
	enum rc rc = RC_OK;

	if (n < 0)
		return FAIL(err, errno == ENOMEM ? RC_NOMEM : errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX_BYTES];

		if (rc == RC_OK && (size_t)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) >= sizeof path)
			rc = FAIL(err, RC_LIMIT, "%s: path too long", folder);
		if (rc == RC_OK)
			rc = pack_file(p, path, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

enum rc taxonomy_load(struct arena *a, const char *folder, const struct taxonomy **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;
	struct taxonomy *t = arena_alloc(a, sizeof *t);
	struct packs p = { .v = arena_array(a, VARIANTS_MAX, sizeof *p.v) };

	TRY(sigma_reader_new(a, &r, err));
	if (t == NULL || p.v == NULL)
		return FAIL(err, RC_NOMEM, "taxonomy: no memory");
	p.d = (struct sigma_doc){ .r = r, .a = a, .scratch = r->scratch };
	for (const struct embedded *e = taxonomy_packs; e->name != NULL; e++)
		TRY(pack(&p, e->name, str_make(e->text, e->n), err));
	if (folder != NULL)
		TRY(pack_folder(&p, folder, err));
	*t = (struct taxonomy){ p.v, p.n, false };
	*ret = t;
	return RC_OK;
}

/* --- sources that are assumed --- */

static enum rc assumed_part(struct arena *a, struct str part, struct sigma_logsource *s, struct err *err)
{
	struct { const char *name; struct str *to; } parts[] = {
		{ "product", &s->product }, { "category", &s->category }, { "service", &s->service },
	};
	struct str value = part, name = S("");

	(void)str_next(&value, '=', &name);
	name = str_trim(name);
	value = str_trim(value);
	for (size_t i = 0; i < COUNTOF(parts); i++) {
		if (!str_eq(name, str_of(parts[i].name)) || value.n == 0)
			continue;
		if (parts[i].to->n > 0)
			return FAIL(err, RC_BAD, "\"%.*s\": %s is named twice", STR(part), parts[i].name);
		*parts[i].to = arena_dup(a, value);
		return parts[i].to->p == NULL ? FAIL(err, RC_NOMEM, "taxonomy: no memory") : RC_OK;
	}
	return FAIL(err, RC_BAD, "\"%.*s\" is no part of a log source: expected product=, category= or service=", STR(part));
}

enum rc taxonomy_assume(struct arena *a, const struct taxonomy *t, struct str text, const struct taxonomy **ret, struct err *err)
{
	static const struct sigma_node never = { .kind = SIGMA_NEVER };
	struct taxonomy_variant *v = arena_array(a, t->n + 1, sizeof *v);
	struct taxonomy *copy = arena_alloc(a, sizeof *copy);
	struct sigma_logsource source = { S(""), S(""), S("") };
	struct str rest = text, part;

	if (v == NULL || copy == NULL)
		return FAIL(err, RC_NOMEM, "taxonomy: no memory");
	while (str_next(&rest, ',', &part))
		TRY(assumed_part(a, part, &source, err));
	if (source.product.n + source.category.n + source.service.n == 0)
		return FAIL(err, RC_BAD, "an empty log source");
	if (t->n > 0)
		memcpy(v, t->variants, t->n * sizeof *v);
	v[t->n] = (struct taxonomy_variant){ .name = S("assumed"), .source = source, .when = &never, .assumed = true };
	*copy = (struct taxonomy){ v, t->n + 1, t->all_sources };
	*ret = copy;
	return RC_OK;
}

static bool part_applies(struct str rule, struct str variant, bool assumed)
{
	return rule.n == 0 || str_eq(rule, variant) || (assumed && str_eq(variant, S("*")));
}

bool taxonomy_applies(const struct sigma_logsource *rule, const struct taxonomy_variant *v)
{
	return part_applies(rule->product, v->source.product, v->assumed) && part_applies(rule->category, v->source.category, v->assumed) &&
	       part_applies(rule->service, v->source.service, v->assumed);
}

bool taxonomy_knows(const struct taxonomy *t, const struct sigma_logsource *source)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->variants[i].assumed && taxonomy_applies(source, &t->variants[i]))
			return true;
	return false;
}
