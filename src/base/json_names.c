/* Few names: a bit set of cheap marks says "surely new" or "look back once".
 * Many: a table by keyed hash, so that no choice of names makes it quadratic. */
#include "base/json_names.h"

#include "base/hash.h"
#include "base/mem.h"

#define FEW 16

static bool same_name(const struct json *a, const struct json *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* 0-63, from length and three letters. */
static unsigned mark(const struct json *name)
{
	const unsigned char *p = (const unsigned char *)name->p;

	if (name->n == 0)
		return 0;
	return (name->n * 7u + p[0] * 5u + p[name->n / 2] * 3u + p[name->n - 1]) & 63;
}

static bool stands_before(const struct json *object, const struct json *name)
{
	JSON_MEMBERS(other, value, object) {
		if (other == name)
			return false;
		if (same_name(other, name))
			return true;
	}
	return false;
}

static enum rc check_few(const struct json *object, const struct json **ret_twice)
{
	uint64_t seen = 0;

	JSON_MEMBERS(name, value, object) {
		uint64_t bit = (uint64_t)1 << mark(name);

		if ((seen & bit) != 0 && stands_before(object, name)) {
			*ret_twice = name;
			return RC_BAD;
		}
		seen |= bit;
	}
	return RC_OK;
}

/* True when `name` was in the table already; else puts it there. Slots hold
 * node offsets from the object, 0 = free. */
static bool enter(uint32_t *slots, size_t mask, const struct json *object, const struct json *name)
{
	size_t i = hash_table(str_make(name->p, name->n)) & mask;

	for (; slots[i] != 0; i = (i + 1) & mask)
		if (same_name(object + slots[i], name))
			return true;
	slots[i] = (uint32_t)(name - object);
	return false;
}

static enum rc check_many(const struct json *object, const struct json **ret_twice)
{
	size_t size = (size_t)1 << (33 - __builtin_clz(object->n));
	CLEANUP(mem_freep) uint32_t *slots = mem_array(size, sizeof *slots);

	if (slots == NULL)
		return RC_NOMEM;
	JSON_MEMBERS(name, value, object) {
		if (enter(slots, size - 1, object, name)) {
			*ret_twice = name;
			return RC_BAD;
		}
	}
	return RC_OK;
}

enum rc json_names_check(const struct json *object, const struct json **ret_twice)
{
	return object->n <= FEW ? check_few(object, ret_twice) : check_many(object, ret_twice);
}
