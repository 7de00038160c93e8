#include "desk/pack.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/embedded.h"
#include "desk/pack_read.h"
#include "sys/file.h"

#define SCHEMA "lianfang-pack-1"
#define SUBJECTS_MAX 31
#define ROLES_MAX 64
#define SECTORS_MAX 64
#define VALUES_MAX 16
#define CELLS_MAX 256
#define DAYS_MAX 4000
#define PATH_MAX_BYTES 4096

/* --- time --- */

static enum rc read_date(const struct pack_reader *r, const struct json *v, struct str text, int64_t *ret)
{
	char instant[24];
	usec t;

	snprintf(instant, sizeof instant, "%.10sT00:00:00Z", text.n == 10 ? text.p : "----------");
	if (time_parse(str_of(instant), &t, NULL, NULL) != RC_OK)
		return pack_bad(r, v, "expected a date, YYYY-MM-DD");
	*ret = t / (86400 * USEC_PER_SEC);
	return RC_OK;
}

static enum rc read_days(const struct pack_reader *r, const struct json *object, const char *name, const int64_t **ret, size_t *ret_n)
{
	const struct json *list;
	void *items;
	int64_t *days;
	size_t n = 0;

	if (json_get(object, str_of(name)) == NULL)
		return RC_OK;
	TRY(pack_array(r, object, name, DAYS_MAX, sizeof *days, &list, &items));
	days = items;
	JSON_EACH(v, list) {
		TRY(read_date(r, v, json_str(v), &days[n]));
		if (n > 0 && days[n] <= days[n - 1])
			return pack_bad(r, v, "days stand in order, each once");
		n++;
	}
	*ret = days;
	*ret_n = n;
	return RC_OK;
}

static enum rc read_weekend(const struct pack_reader *r, const struct json *object, uint8_t *ret)
{
	static const char names[] = "sunmontuewedthufrisat";
	const struct json *list;

	TRY(pack_need(r, object, "weekend", JSON_ARRAY, &list));
	JSON_EACH(v, list) {
		size_t at = json_str(v).n == 3 ? str_find(str_of(names), json_str(v), 0) : SIZE_MAX;

		if (at == SIZE_MAX || at % 3 != 0)
			return pack_bad(r, v, "expected sun, mon, tue, wed, thu, fri or sat");
		*ret = (uint8_t)(*ret | 1u << at / 3);
	}
	return *ret == 127 ? pack_bad(r, list, "a week needs a day of work") : RC_OK;
}

static enum rc read_time(const struct pack_reader *r, struct pack *p)
{
	static const char *const names[] = { "zone", "posix", "years", "weekend", "holidays", "workdays", "note", NULL };
	const struct json *v;
	struct str posix, years;

	TRY(pack_need(r, r->root, "time", JSON_OBJECT, &v));
	TRY(pack_members(r, v, names));
	TRY(pack_text(r, v, "zone", false, &p->zone_name));
	TRY(pack_text(r, v, "posix", false, &posix));
	if (zone_parse(posix, &p->calendar.zone, r->err) != RC_OK)
		return pack_bad(r, json_get(v, S("posix")), "expected a POSIX zone, like CST-8 or CET-1CEST,M3.5.0,M10.5.0/3");
	TRY(pack_text(r, v, "years", true, &years));
	if (years.n > 0 && !str_eq(years, S("roc")) && !str_eq(years, S("gregorian")))
		return pack_bad(r, json_get(v, S("years")), "expected gregorian or roc");
	p->roc_years = str_eq(years, S("roc"));
	TRY(read_weekend(r, v, &p->calendar.weekend));
	TRY(read_days(r, v, "holidays", &p->calendar.holidays, &p->calendar.n_holidays));
	return read_days(r, v, "workdays", &p->calendar.workdays, &p->calendar.n_workdays);
}

/* --- levels --- */

static enum rc read_attributes(const struct pack_reader *r, const struct json *levels, struct pack *p)
{
	static const char *const more[] = { "question", "values", NULL };
	const struct json *list;
	struct pack_attribute *out;
	void *items;

	TRY(pack_array(r, levels, "attributes", PACK_ATTRIBUTES_MAX, sizeof *out, &list, &items));
	out = items;
	p->attributes = out;
	JSON_EACH(v, list) {
		struct pack_attribute *to = &out[p->n_attributes++];

		TRY(pack_term(r, v, more, &to->term));
		TRY(pack_words(r, v, "question", true, &to->question));
		TRY(pack_terms(r, v, "values", VALUES_MAX, &to->values, &to->n_values));
	}
	return RC_OK;
}

static enum rc read_wants(const struct pack_reader *r, const struct pack *p, const struct json *when, struct pack_cell *c)
{
	memset(c->want, -1, sizeof c->want);
	JSON_MEMBERS(name, value, when) {
		size_t i = 0;
		int at;

		while (i < p->n_attributes && !str_eq(p->attributes[i].term.id, json_str(name)))
			i++;
		if (i == p->n_attributes)
			return pack_bad(r, value, "no attribute has this name");
		at = pack_find(p->attributes[i].values, p->attributes[i].n_values, json_str(value));
		if (at < 0)
			return pack_bad(r, value, "no answer of this attribute");
		c->want[i] = (int8_t)at;
	}
	return RC_OK;
}

static enum rc read_cells(const struct pack_reader *r, const struct json *levels, struct pack *p)
{
	static const char *const names[] = { "id", "dimension", "when", "level", "source", NULL };
	const struct json *list, *when;
	struct pack_cell *out;
	void *items;

	TRY(pack_array(r, levels, "cells", CELLS_MAX, sizeof *out, &list, &items));
	out = items;
	p->cells = out;
	JSON_EACH(v, list) {
		struct pack_cell *to = &out[p->n_cells++];
		struct str dimension;
		int64_t level;
		int at;

		TRY(pack_members(r, v, names));
		TRY(pack_text(r, v, "id", false, &to->id));
		TRY(pack_text(r, v, "source", true, &to->source));
		TRY(pack_text(r, v, "dimension", false, &dimension));
		at = pack_find(p->dimensions, p->n_dimensions, dimension);
		if (at < 0)
			return pack_bad(r, v, "no dimension \"%.*s\"", STR(dimension));
		to->dimension = (uint8_t)at;
		TRY(pack_int(r, v, "level", p->level_least, p->level_most, &level));
		to->level = (uint8_t)level;
		TRY(pack_need(r, v, "when", JSON_OBJECT, &when));
		TRY(read_wants(r, p, when, to));
	}
	return RC_OK;
}

static enum rc read_level_titles(const struct pack_reader *r, const struct json *levels, struct pack *p)
{
	const struct json *titles;

	TRY(pack_need(r, levels, "titles", JSON_OBJECT, &titles));
	for (int i = p->level_least; i <= p->level_most; i++) {
		char name[4];

		snprintf(name, sizeof name, "%d", i % 100);
		TRY(pack_words(r, titles, name, false, &p->level_titles[i]));
	}
	return RC_OK;
}

static enum rc read_levels(const struct pack_reader *r, struct pack *p)
{
	static const char *const names[] = { "least", "most", "unknown", "major", "titles", "dimensions", "attributes", "cells", "note", NULL };
	const struct json *v;
	int64_t least, most, unknown, major;

	TRY(pack_need(r, r->root, "levels", JSON_OBJECT, &v));
	TRY(pack_members(r, v, names));
	TRY(pack_int(r, v, "least", 1, PACK_LEVELS_MAX, &least));
	TRY(pack_int(r, v, "most", least, PACK_LEVELS_MAX, &most));
	TRY(pack_int(r, v, "unknown", least, most, &unknown));
	TRY(pack_int(r, v, "major", least, most, &major));
	p->level_least = (uint8_t)least;
	p->level_most = (uint8_t)most;
	p->level_unknown = (uint8_t)unknown;
	p->level_major = (uint8_t)major;
	TRY(read_level_titles(r, v, p));
	TRY(pack_terms(r, v, "dimensions", PACK_DIMENSIONS_MAX, &p->dimensions, &p->n_dimensions));
	TRY(read_attributes(r, v, p));
	return read_cells(r, v, p);
}

/* --- the rest --- */

static enum rc read_roles(const struct pack_reader *r, struct pack *p)
{
	static const char *const more[] = { "may", "tier", NULL };
	const struct json *list, *may;
	struct pack_role *out;
	void *items;

	TRY(pack_array(r, r->root, "roles", ROLES_MAX, sizeof *out, &list, &items));
	out = items;
	p->roles = out;
	JSON_EACH(v, list) {
		struct pack_role *to = &out[p->n_roles++];

		TRY(pack_term(r, v, more, &to->term));
		TRY(pack_need(r, v, "may", JSON_ARRAY, &may));
		TRY(pack_facts_read(r, may, &to->facts));
	}
	return RC_OK;
}

static enum rc role_known(const struct pack_reader *r, const struct pack *p, const struct json *at, struct str role)
{
	for (size_t i = 0; i < p->n_roles; i++)
		if (str_eq(p->roles[i].term.id, role))
			return RC_OK;
	return pack_bad(r, at, "no role \"%.*s\"", STR(role));
}

static enum rc read_clocks(const struct pack_reader *r, struct pack *p)
{
	const struct json *list;
	struct pack_clock *out;
	void *items;

	TRY(pack_array(r, r->root, "clocks", PACK_CLOCKS_MAX, sizeof *out, &list, &items));
	out = items;
	p->clocks = out;
	JSON_EACH(v, list) {
		TRY(pack_clock_read(r, p, v, &out[p->n_clocks]));
		TRY(role_known(r, p, v, out[p->n_clocks].who));
		for (size_t i = 0; i < p->n_clocks; i++)
			if (str_eq(out[i].term.id, out[p->n_clocks].term.id))
				return pack_bad(r, v, "a second clock \"%.*s\"", STR(out[i].term.id));
		p->n_clocks++;
	}
	return RC_OK;
}

static enum rc read_head(const struct pack_reader *r, struct pack *p)
{
	static const char *const names[] = { "schema", "id", "title", "country", "valid_from", "valid_until", "sources", "time", "subjects", "roles",
					     "sectors", "levels", "clocks", "forms", "views", "words", "note", NULL };
	struct str schema;
	int64_t day;

	TRY(pack_members(r, r->root, names));
	TRY(pack_text(r, r->root, "schema", false, &schema));
	if (!str_eq(schema, S(SCHEMA)))
		return pack_bad(r, json_get(r->root, S("schema")), "this program reads %s", SCHEMA);
	TRY(pack_text(r, r->root, "id", false, &p->id));
	TRY(pack_words(r, r->root, "title", false, &p->title));
	TRY(pack_text(r, r->root, "country", false, &p->country));
	TRY(pack_text(r, r->root, "valid_from", false, &p->valid_from));
	TRY(read_date(r, json_get(r->root, S("valid_from")), p->valid_from, &day));
	TRY(pack_text(r, r->root, "valid_until", true, &p->valid_until));
	if (p->valid_until.n > 0)
		TRY(read_date(r, json_get(r->root, S("valid_until")), p->valid_until, &day));
	return RC_OK;
}

enum rc pack_parse(struct arena *a, const char *file, struct str text, const struct pack **ret, struct err *err)
{
	struct pack_reader r = { .a = a, .file = file, .err = err };
	struct pack *p = arena_alloc(a, sizeof *p);
	enum rc rc;

	if (p == NULL)
		return FAIL(err, RC_NOMEM, "%s: out of memory", file);
	rc = json_parse(a, text, &JSON_LIMITS, &r.root, err);
	if (rc != RC_OK) {
		err_prefix(err, "%s", file);
		return rc;
	}
	TRY(read_head(&r, p));
	TRY(read_time(&r, p));
	TRY(pack_terms(&r, r.root, "subjects", SUBJECTS_MAX, &p->subjects, &p->n_subjects));
	TRY(read_roles(&r, p));
	TRY(pack_terms(&r, r.root, "sectors", SECTORS_MAX, &p->sectors, &p->n_sectors));
	TRY(read_levels(&r, p));
	TRY(read_clocks(&r, p));
	TRY(pack_forms_read(&r, p));
	TRY(pack_views_read(&r, p));
	p->words = json_get(r.root, S("words"));
	TRY(pack_registers_check(&r, p));
	p->source = r.root;
	*ret = p;
	return RC_OK;
}

const char *pack_builtin(size_t index)
{
	for (size_t i = 0; desk_packs[i].name != NULL; i++)
		if (i == index)
			return desk_packs[i].name;
	return NULL;
}

static enum rc load_file(struct arena *a, const char *path, const struct pack **ret, struct err *err)
{
	struct buf b;
	struct str text;
	enum rc rc = file_read(path, PACK_BYTES_MAX, &b, err);

	if (rc != RC_OK)
		return rc;
	text = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return text.p == NULL ? FAIL(err, RC_NOMEM, "%s: out of memory", path) : pack_parse(a, path, text, ret, err);
}

enum rc pack_load(struct arena *a, const char *name, const struct pack **ret, struct err *err)
{
	char path[PATH_MAX_BYTES];
	struct stat st;

	for (const struct embedded *e = desk_packs; e->name != NULL; e++)
		if (strcmp(e->name, name) == 0)
			return pack_parse(a, name, str_make(e->text, e->n), ret, err);
	if (stat(name, &st) != 0)
		return FAIL(err, RC_NOTFOUND, "no pack '%s': neither in this program (lianfang pack list) nor a folder or file", name);
	if (!S_ISDIR(st.st_mode))
		return load_file(a, name, ret, err);
	if (snprintf(path, sizeof path, "%s/pack.json", name) >= (int)sizeof path)
		return FAIL(err, RC_BAD, "%s: too long", name);
	return load_file(a, path, ret, err);
}
