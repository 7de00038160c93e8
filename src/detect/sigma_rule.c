/* One document: what every rule has around its detection, the log source, the detection itself. Only what changes the
 * meaning of a rule refuses it; all else is a remark. */
#include "base/uuid.h"
#include "detect/sigma_int.h"

#define STRINGS_MAX 10000

void sigma_bad_at(struct sigma_doc *d, const struct yaml *y, size_t offset)
{
	d->line = y->line;
	if (y->column > 0 && y->one_line)
		err_prefix(&d->err, "column %zu", y->column + offset);
	else if (y->column > 0 && offset > 0)
		err_prefix(&d->err, "character %zu", offset + 1);
	else if (y->column > 0)
		err_prefix(&d->err, "column %u", y->column);
}

void sigma_remark(struct sigma_doc *d, const char *fmt, ...)
{
	va_list ap;
	size_t before = d->remarks.n;

	if (before > SIGMA_REASON_MAX / 2)
		return;
	if (before > 0)
		buf_cstr(&d->remarks, "; ");
	va_start(ap, fmt);
	buf_vfmt(&d->remarks, fmt, ap);
	va_end(ap);
	if (d->remarks.bad != RC_OK) {
		d->remarks.bad = RC_OK;
		buf_cut(&d->remarks, before);
	}
}

enum rc sigma_nomem(struct sigma_doc *d)
{
	return FAIL(&d->err, RC_NOMEM, "sigma: no memory left");
}

struct str sigma_intern(struct sigma_reader *r, struct str s)
{
	uint64_t found;
	struct str copy;

	if (s.n == 0)
		return S("");
	if (map_get(r->strings, s, &found))
		return str_make((const char *)(uintptr_t)found, s.n);
	copy = arena_dup(r->a, s);
	/* A full table only means that later copies are not shared. */
	if (copy.p != NULL && map_put(r->strings, s, (uint64_t)(uintptr_t)copy.p) == RC_NOMEM)
		copy.p = NULL;
	return copy;
}

static bool scalar(const struct yaml *y)
{
	return y->kind != YAML_LIST && y->kind != YAML_MAP;
}

enum rc sigma_strings(struct sigma_doc *d, const struct yaml *y, const char *what, const struct str **ret, uint32_t *ret_n)
{
	struct str *list;
	uint32_t n = 0, room = y == NULL ? 0 : y->kind == YAML_LIST ? y->n : 1;

	*ret = NULL;
	*ret_n = 0;
	if (y == NULL || y->kind == YAML_NULL)
		return RC_OK;
	if (room > STRINGS_MAX || y->kind == YAML_MAP) {
		sigma_remark(d, "line %u: %s: no list of texts", y->line, what);
		return RC_OK;
	}
	list = arena_array(d->a, room + 1u, sizeof *list);
	if (list == NULL)
		return sigma_nomem(d);
	if (y->kind != YAML_LIST)
		list[n++] = sigma_intern(d->r, y->text);
	for (const struct yaml_item *i = y->first; i != NULL && y->kind == YAML_LIST; i = i->next) {
		if (scalar(i->value) && i->value->kind != YAML_NULL)
			list[n++] = sigma_intern(d->r, i->value->text);
		else
			sigma_remark(d, "line %u: %s: an entry is no text", i->value->line, what);
	}
	for (uint32_t i = 0; i < n; i++)
		if (list[i].p == NULL)
			return sigma_nomem(d);
	*ret = list;
	*ret_n = n;
	return RC_OK;
}

static enum rc text_of(struct sigma_doc *d, const struct yaml *map, struct str key, bool shared, struct str *ret)
{
	const struct yaml *y = yaml_get(map, key);

	*ret = S("");
	if (y == NULL || y->kind == YAML_NULL)
		return RC_OK;
	if (!scalar(y)) {
		sigma_remark(d, "line %u: %.*s: no text", y->line, STR(key));
		return RC_OK;
	}
	*ret = shared ? sigma_intern(d->r, str_trim(y->text)) : arena_dup(d->a, str_trim(y->text));
	return ret->p == NULL ? sigma_nomem(d) : RC_OK;
}

static const char *const levels[] = { "", "informational", "low", "medium", "high", "critical" };

const char *sigma_level_name(enum sigma_level l)
{
	return (size_t)l < COUNTOF(levels) ? levels[l] : "";
}

static void level(struct sigma_doc *d, const struct yaml *y, struct sigma_rule *r)
{
	if (y == NULL || y->kind == YAML_NULL)
		return;
	for (size_t i = 1; scalar(y) && i < COUNTOF(levels); i++)
		if (str_eq_nocase(str_trim(y->text), str_of(levels[i])))
			r->level = (enum sigma_level)i;
	if (r->level == SIGMA_NO_LEVEL)
		sigma_remark(d, "line %u: unknown level \"%.*s\"", y->line, STR(y->text));
}

static bool one_of(struct str s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_eq_nocase(s, str_of(*words)))
			return true;
	return false;
}

static void unknown_keys(struct sigma_doc *d, const struct yaml *y)
{
	static const char *const known[] = { "title", "id", "name", "related", "taxonomy", "status", "description", "license", "references",
		"author", "date", "modified", "logsource", "detection", "fields", "falsepositives", "level", "tags", "scope", "correlation",
		"filter", "action", "generate", "regression_tests_path", "simulation", NULL };

	for (const struct yaml_item *i = y->first; i != NULL; i = i->next)
		if (!one_of(i->key->text, known))
			sigma_remark(d, "line %u: unknown key \"%.*s\"", i->key->line, STR(i->key->text));
		else if (str_eq(i->key->text, S("taxonomy")) && !str_eq_nocase(i->value->text, S("sigma")))
			sigma_remark(d, "line %u: taxonomy \"%.*s\" is not known here: fields are taken by the names they have", i->key->line,
				STR(i->value->text));
}

enum rc sigma_meta(struct sigma_doc *d, const struct yaml *y, struct sigma_rule *ret)
{
	static const char *const statuses[] = { "", "stable", "test", "experimental", "deprecated", "unsupported", NULL };
	struct uuid id;

	TRY(text_of(d, y, S("id"), false, &ret->id));
	TRY(text_of(d, y, S("name"), false, &ret->name));
	TRY(text_of(d, y, S("title"), false, &ret->title));
	TRY(text_of(d, y, S("status"), true, &ret->status));
	TRY(text_of(d, y, S("author"), true, &ret->author));
	TRY(text_of(d, y, S("description"), false, &ret->description));
	TRY(text_of(d, y, S("date"), true, &ret->date));
	TRY(text_of(d, y, S("modified"), true, &ret->modified));
	TRY(sigma_strings(d, yaml_get(y, S("tags")), "tags", &ret->tags, &ret->n_tags));
	TRY(sigma_strings(d, yaml_get(y, S("references")), "references", &ret->references, &ret->n_references));
	TRY(sigma_strings(d, yaml_get(y, S("falsepositives")), "falsepositives", &ret->falsepositives, &ret->n_falsepositives));
	level(d, yaml_get(y, S("level")), ret);
	if (ret->title.n == 0)
		sigma_remark(d, "no title");
	if (ret->id.n > 0 && !uuid_parse(ret->id, &id))
		sigma_remark(d, "line %u: the id is no UUID", yaml_get(y, S("id"))->line);
	if (!one_of(ret->status, statuses))
		sigma_remark(d, "unknown status \"%.*s\"", STR(ret->status));
	unknown_keys(d, y);
	return RC_OK;
}

enum rc sigma_source(struct sigma_doc *d, const struct yaml *y, struct sigma_logsource *ret)
{
	static const char *const known[] = { "product", "category", "service", "definition", NULL };

	*ret = (struct sigma_logsource){ { "", 0 }, { "", 0 }, { "", 0 } };
	if (y == NULL || y->kind != YAML_MAP) {
		sigma_remark(d, "no log source: it is tried on events of every kind");
		return RC_OK;
	}
	TRY(text_of(d, y, S("product"), true, &ret->product));
	TRY(text_of(d, y, S("category"), true, &ret->category));
	TRY(text_of(d, y, S("service"), true, &ret->service));
	for (const struct yaml_item *i = y->first; i != NULL; i = i->next)
		if (!one_of(i->key->text, known))
			sigma_remark(d, "line %u: unknown key \"%.*s\" of the log source", i->key->line, STR(i->key->text));
	if (ret->product.n + ret->category.n + ret->service.n == 0)
		sigma_remark(d, "line %u: the log source names nothing: it is tried on events of every kind", y->line);
	return RC_OK;
}

/* Keys of `detection` that are no search identifiers, beside the caller's. */
static bool skipped(struct str key, const char *const *skip)
{
	static const char *const always[] = { "condition", "timeframe", NULL };

	return one_of(key, always) || (skip != NULL && one_of(key, skip));
}

enum rc sigma_detection(struct sigma_doc *d, const struct yaml *y, const char *const *skip, const struct sigma_node **ret)
{
	const struct yaml *condition;
	struct sigma_named *names;
	uint32_t before;
	size_t n = 0;

	if (y->kind != YAML_MAP)
		return SIGMA_BAD(d, y, 0, "the detection is no map");
	condition = yaml_get(y, S("condition"));
	if (condition == NULL)
		return SIGMA_BAD(d, y, 0, "no condition");
	if (yaml_get(y, S("timeframe")) != NULL)
		sigma_remark(d, "line %u: timeframe has no meaning without an aggregation", yaml_get(y, S("timeframe"))->line);
	names = arena_array(d->scratch, y->n, sizeof *names);
	if (names == NULL)
		return sigma_nomem(d);
	for (const struct yaml_item *i = y->first; i != NULL; i = i->next) {
		if (skipped(i->key->text, skip))
			continue;
		before = d->size;
		names[n].name = i->key->text;
		TRY(sigma_selection(d, i->value, &names[n].node));
		names[n++].size = d->size - before;
	}
	if (n == 0)
		return SIGMA_BAD(d, y, 0, "no search identifier");
	d->size = 0; /* what counts from here on is the tree, with each use of an identifier */
	TRY(sigma_condition(d, condition, names, n, ret));
	for (size_t i = 0; i < n; i++)
		if (!names[i].used && !str_starts(names[i].name, S("_")))
			sigma_remark(d, "\"%.*s\" is not used in the condition", STR(names[i].name));
	return RC_OK;
}
