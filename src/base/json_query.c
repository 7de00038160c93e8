#include "base/json.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json_number.h"
#include "base/mem.h"

const struct json *json_first(const struct json *v)
{
	return v == NULL || v->skip == 1 || v->type < JSON_ARRAY ? NULL : v + 1;
}

const struct json *json_get(const struct json *v, struct str name)
{
	if (!json_is(v, JSON_OBJECT))
		return NULL;
	JSON_MEMBERS(key, value, v)
		if (str_eq(str_make(key->p, key->n), name))
			return value;
	return NULL;
}

const struct json *json_path(const struct json *v, const char *dotted)
{
	struct str rest = str_of(dotted), name;

	while (v != NULL && str_next(&rest, '.', &name))
		v = json_get(v, name);
	return v;
}

const struct json *json_item(const struct json *v, uint32_t index)
{
	if (!json_is(v, JSON_ARRAY) || index >= v->n)
		return NULL;
	JSON_EACH(item, v)
		if (index-- == 0)
			return item;
	return NULL;
}

struct str json_get_str(const struct json *v, struct str name)
{
	return json_str(json_get(v, name));
}

bool json_bool(const struct json *v, bool *ret)
{
	if (!json_is(v, JSON_TRUE) && !json_is(v, JSON_FALSE))
		return false;
	*ret = v->type == JSON_TRUE;
	return true;
}

/* Bytes of the string whose opening quote is at `p`; it is known to be well formed. */
static size_t quoted_len(const char *p)
{
	size_t n = 1;

	while (p[n] != '"')
		n += p[n] == '\\' ? 2 : 1;
	return n + 1;
}

struct str json_raw(const struct json *v, struct str text)
{
	const char *first = text.p + v->at;

	switch ((enum json_type)v->type) {
	case JSON_NULL:
	case JSON_TRUE:
		return str_make(first, 4);
	case JSON_FALSE:
		return str_make(first, 5);
	case JSON_NUMBER:
		return str_make(first, v->n);
	case JSON_STRING:
		return str_make(first, v->escaped ? quoted_len(first) : (size_t)v->n + 2);
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return str_make(first, (size_t)(v->p - first));
}

/* RFC 6901 §3: "~" is "~0", "/" is "~1". */
static void put_step(struct buf *out, const struct json *name)
{
	buf_char(out, '/');
	for (uint32_t i = 0; i < name->n; i++) {
		if (name->p[i] == '~' || name->p[i] == '/')
			buf_cstr(out, name->p[i] == '~' ? "~0" : "~1");
		else
			buf_char(out, name->p[i]);
	}
}

/* Writes the step towards `v` and yields the child of `at` that holds it. */
static const struct json *step(const struct json *at, const struct json *v, struct buf *out)
{
	uint64_t index = 0;

	if (at->type == JSON_ARRAY) {
		const struct json *item = at + 1;

		for (; json_after(item) <= v; item = json_after(item))
			index++;
		buf_char(out, '/');
		buf_u64(out, index);
		return item;
	}
	JSON_MEMBERS(name, value, at) {
		if (json_after(value) <= v)
			continue;
		put_step(out, name);
		return v == name ? name : value;
	}
	return v;
}

void json_pointer(const struct json *root, const struct json *v, struct buf *out)
{
	assert(v >= root && v < json_end(root));
	while (root != v)
		root = step(root, v, out);
}

static int name_order(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;

	return str_cmp(str_make(x->p, x->n), str_make(y->p, y->n));
}

/* Member names of `object`, sorted; NULL when out of memory. */
static const struct json **sorted_names(const struct json *object)
{
	const struct json **names = mem_array(object->n + (size_t)1, sizeof *names);
	size_t n = 0;

	if (names == NULL)
		return NULL;
	JSON_MEMBERS(name, value, object)
		names[n++] = name;
	qsort(names, n, sizeof *names, name_order);
	return names;
}

static bool same_string(const struct json *a, const struct json *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* By sorting both: a stranger's object must not cost the square of its members. */
static bool same_many(const struct json *a, const struct json *b, bool *ret_done)
{
	CLEANUP(mem_freep) const struct json **x = sorted_names(a);
	CLEANUP(mem_freep) const struct json **y = sorted_names(b);

	*ret_done = x != NULL && y != NULL;
	for (uint32_t i = 0; *ret_done && i < a->n; i++)
		if (!same_string(x[i], y[i]) || !json_same(x[i] + 1, y[i] + 1))
			return false;
	return true;
}

static bool same_object(const struct json *a, const struct json *b)
{
	const struct json *guess = b + 1;
	bool done = false;

	if (a->n > 16) {
		bool same = same_many(a, b, &done);

		if (done)
			return same;
	}
	JSON_MEMBERS(name, value, a) {
		const struct json *other = guess < json_end(b) && same_string(name, guess)
						   ? guess + 1
						   : json_get(b, str_make(name->p, name->n));

		if (other == NULL || !json_same(value, other))
			return false;
		guess = json_after(other);
	}
	return true;
}

bool json_same(const struct json *a, const struct json *b)
{
	const struct json *other;

	if (a->type != b->type)
		return false;
	switch ((enum json_type)a->type) {
	case JSON_NUMBER:
		return json_number_same(a, b);
	case JSON_STRING:
		return same_string(a, b);
	case JSON_ARRAY:
		if (a->n != b->n)
			return false;
		other = b + 1;
		JSON_EACH(item, a) {
			if (!json_same(item, other))
				return false;
			other = json_after(other);
		}
		return true;
	case JSON_OBJECT:
		return a->n == b->n && same_object(a, b);
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		break;
	}
	return true;
}
