#include "desk/pack_read.h"

#include <stdarg.h>

#define WHY_MAX 256
#define POINTER_MAX 512

enum rc pack_bad(const struct pack_reader *r, const struct json *at, const char *fmt, ...)
{
	char why[WHY_MAX];
	struct buf where;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	buf_init(&where, POINTER_MAX);
	json_pointer(r->root, at, &where);
	err_set(r->err, RC_BAD, "%s: %.*s: %s", r->file, STR(buf_view(&where)), why);
	buf_done(&where);
	return RC_BAD;
}

enum rc pack_members(const struct pack_reader *r, const struct json *object, const char *const *names)
{
	if (object->type != JSON_OBJECT)
		return pack_bad(r, object, "expected an object");
	JSON_MEMBERS(name, value, object) {
		size_t i = 0;

		while (names[i] != NULL && !str_eq(json_str(name), str_of(names[i])))
			i++;
		if (names[i] == NULL)
			return pack_bad(r, value, "unknown member");
	}
	return RC_OK;
}

static const char *type_name(enum json_type type)
{
	static const char *const names[] = { "null", "false", "true", "a number", "a text", "an array", "an object" };

	return names[type];
}

enum rc pack_need(const struct pack_reader *r, const struct json *object, const char *name, enum json_type type, const struct json **ret)
{
	*ret = json_get(object, str_of(name));
	if (*ret == NULL)
		return pack_bad(r, object, "\"%s\" is missing", name);
	return (*ret)->type == type ? RC_OK : pack_bad(r, *ret, "expected %s", type_name(type));
}

enum rc pack_text(const struct pack_reader *r, const struct json *object, const char *name, bool optional, struct str *ret)
{
	const struct json *v;

	*ret = S("");
	if (optional && (json_get(object, str_of(name)) == NULL || json_is(json_get(object, str_of(name)), JSON_NULL)))
		return RC_OK;
	TRY(pack_need(r, object, name, JSON_STRING, &v));
	if (v->n == 0)
		return pack_bad(r, v, "an empty text");
	*ret = json_str(v);
	return RC_OK;
}

enum rc pack_int(const struct pack_reader *r, const struct json *object, const char *name, int64_t least, int64_t most, int64_t *ret)
{
	const struct json *v;

	TRY(pack_need(r, object, name, JSON_NUMBER, &v));
	if (!json_int(v, ret) || *ret < least || *ret > most)
		return pack_bad(r, v, "expected a whole number from %lld to %lld", (long long)least, (long long)most);
	return RC_OK;
}

enum rc pack_flag(const struct pack_reader *r, const struct json *object, const char *name, bool *ret)
{
	const struct json *v = json_get(object, str_of(name));

	*ret = json_is(v, JSON_TRUE);
	return v == NULL || json_bool(v, ret) ? RC_OK : pack_bad(r, v, "expected true or false");
}

enum rc pack_words(const struct pack_reader *r, const struct json *object, const char *name, bool optional, struct pack_words *ret)
{
	static const char *const names[] = { "en", "zh-TW", NULL };
	const struct json *v;

	*ret = (struct pack_words){ S(""), S("") };
	if (optional && json_get(object, str_of(name)) == NULL)
		return RC_OK;
	TRY(pack_need(r, object, name, JSON_OBJECT, &v));
	TRY(pack_members(r, v, names));
	TRY(pack_text(r, v, "en", false, &ret->en));
	return pack_text(r, v, "zh-TW", false, &ret->zh);
}

enum rc pack_array(const struct pack_reader *r, const struct json *object, const char *name, size_t most, size_t size, const struct json **ret,
		   void **ret_items)
{
	TRY(pack_need(r, object, name, JSON_ARRAY, ret));
	if ((*ret)->n == 0 || (*ret)->n > most)
		return pack_bad(r, *ret, "expected 1 to %zu entries", most);
	*ret_items = arena_array(r->a, (*ret)->n, size);
	return *ret_items == NULL ? FAIL(r->err, RC_NOMEM, "%s: out of memory", r->file) : RC_OK;
}

enum rc pack_term(const struct pack_reader *r, const struct json *object, const char *const *more, struct pack_term *ret)
{
	const char *names[24] = { "id", "title" };
	size_t n = 2;

	while (more != NULL && more[n - 2] != NULL && n + 1 < COUNTOF(names)) {
		names[n] = more[n - 2];
		n++;
	}
	TRY(pack_members(r, object, names));
	TRY(pack_text(r, object, "id", false, &ret->id));
	return pack_words(r, object, "title", false, &ret->title);
}

enum rc pack_terms(const struct pack_reader *r, const struct json *object, const char *name, size_t most, const struct pack_term **ret, size_t *ret_n)
{
	static const char *const more[] = { "source", NULL };
	const struct json *list;
	struct pack_term *terms;
	void *items;
	size_t n = 0;

	TRY(pack_array(r, object, name, most, sizeof *terms, &list, &items));
	terms = items;
	JSON_EACH(v, list) {
		TRY(pack_term(r, v, more, &terms[n]));
		if (pack_find(terms, n, terms[n].id) >= 0)
			return pack_bad(r, v, "a second \"%.*s\"", STR(terms[n].id));
		n++;
	}
	*ret = terms;
	*ret_n = n;
	return RC_OK;
}

int pack_find(const struct pack_term *terms, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(terms[i].id, id))
			return (int)i;
	return -1;
}
