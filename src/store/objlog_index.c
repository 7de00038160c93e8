/* Objects by number and by id. The id table is cut into shards that grow one by
 * one, so no single batch pays for moving a million slots; a slot carries 32
 * bits of the hash, so neither growing nor a miss touches the objects. Linear
 * probing up to three quarters full; deletion closes the gap, so there are no
 * tombstones to sweep. */
#include "base/hash.h"
#include "base/mem.h"
#include "store/objlog_int.h"

#define SHARD_FIRST 16u

enum rc objlog_room(struct objlog *l, void *array, uint32_t *cap, uint64_t need, size_t size, uint64_t max,
		    const char *what, struct err *err)
{
	void **at = array;
	uint64_t grown = *cap + (uint64_t)*cap / 2;
	void *old = *at, *p;

	if (LIKELY(need <= *cap))
		return RC_OK;
	if (need > max)
		return FAIL(err, RC_LIMIT, "object log: more than %llu %s", (unsigned long long)max, what);
	grown = grown < need ? need : grown;
	grown = grown < 8 ? 8 : grown;
	grown = grown > max ? max : grown;
	p = mem_array((size_t)grown, size);
	if (p == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for %llu %s", (unsigned long long)grown, what);
	if (old != NULL)
		memcpy(p, old, *cap * size);
	pthread_rwlock_wrlock(&l->lock);
	*at = p;
	*cap = (uint32_t)grown;
	pthread_rwlock_unlock(&l->lock);
	mem_free(old);
	return RC_OK;
}

enum rc objlog_objects_room(struct objlog *l, uint32_t extra, struct err *err)
{
	uint64_t need = (uint64_t)l->n_objects + l->staged_objects + extra;
	uint64_t blocks = (need + BLOCK_OBJECTS - 1) / BLOCK_OBJECTS;

	if (need > OBJECTS_MAX)
		return FAIL(err, RC_LIMIT, "object log: more than %u object versions", OBJECTS_MAX);
	TRY(objlog_room(l, &l->blocks, &l->cap_blocks, blocks, sizeof *l->blocks, OBJECTS_MAX / BLOCK_OBJECTS,
			"object blocks", err));
	while (l->n_blocks < blocks) {
		struct object *block = mem_array(BLOCK_OBJECTS, sizeof *block);

		if (block == NULL)
			return FAIL(err, RC_NOMEM, "object log: no memory for more objects");
		/* A reader never looks behind n_objects, so this place is not seen yet. */
		l->blocks[l->n_blocks++] = block;
	}
	return RC_OK;
}

uint64_t objlog_id_hash(uint32_t type, const unsigned char uuid[static 16])
{
	char key[18];

	memcpy(key, uuid, 16);
	key[16] = (char)(type & 255);
	key[17] = (char)(type >> 8);
	return hash_table(str_make(key, sizeof key));
}

static uint32_t home(const struct shard *s, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * s->cap >> 32);
}

static const struct shard *shard_of(const struct objlog *l, uint64_t hash)
{
	return &l->shards[hash >> 56];
}

/* The slot whose chain belongs to the id, or NULL. */
static struct slot *slot_find(const struct objlog *l, uint64_t hash, uint32_t type, const unsigned char *uuid)
{
	const struct shard *s = shard_of(l, hash);
	uint32_t at;

	if (s->cap == 0)
		return NULL;
	for (at = home(s, (uint32_t)hash); s->slots[at].object != 0; at = at + 1 == s->cap ? 0 : at + 1) {
		const struct object *o;

		if (s->slots[at].hash != (uint32_t)hash)
			continue;
		o = objlog_object(l, s->slots[at].object - 1);
		if (o->type == type && memcmp(o->uuid, uuid, 16) == 0)
			return &s->slots[at];
	}
	return NULL;
}

uint32_t objlog_find(const struct objlog *l, uint64_t hash, uint32_t type, const unsigned char uuid[static 16])
{
	const struct slot *slot = slot_find(l, hash, type, uuid);

	return slot == NULL ? NONE : slot->object - 1;
}

static void slot_put(struct shard *s, struct slot slot)
{
	uint32_t at = home(s, slot.hash);

	while (s->slots[at].object != 0)
		at = at + 1 == s->cap ? 0 : at + 1;
	s->slots[at] = slot;
}

enum rc objlog_id_room(struct objlog *l, uint64_t hash, struct err *err)
{
	struct shard *s = &l->shards[hash >> 56], bigger = *s;
	struct slot *old = s->slots;

	if ((uint64_t)(s->used + s->staged + 1) * 4 <= (uint64_t)s->cap * 3)
		return RC_OK;
	bigger.cap = s->cap == 0 ? SHARD_FIRST : s->cap + s->cap / 2;
	bigger.slots = mem_array(bigger.cap, sizeof *bigger.slots);
	if (bigger.slots == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for more ids");
	for (uint32_t i = 0; i < s->cap; i++)
		if (old[i].object != 0)
			slot_put(&bigger, old[i]);
	pthread_rwlock_wrlock(&l->lock);
	*s = bigger;
	pthread_rwlock_unlock(&l->lock);
	mem_free(old);
	return RC_OK;
}

/* Frees the slot and pulls back those behind it that would no longer be found. */
static void slot_free(struct shard *s, uint32_t gap)
{
	uint32_t at = gap;

	for (;;) {
		uint32_t from_home, from_gap;

		at = at + 1 == s->cap ? 0 : at + 1;
		if (s->slots[at].object == 0)
			break;
		from_home = (at + s->cap - home(s, s->slots[at].hash)) % s->cap;
		from_gap = (at + s->cap - gap) % s->cap;
		if (from_home < from_gap)
			continue;
		s->slots[gap] = s->slots[at];
		gap = at;
	}
	s->slots[gap] = (struct slot){ 0, 0 };
	s->used--;
}

const struct odd *objlog_odd(const struct objlog *l, uint32_t object)
{
	uint32_t low = 0, high = l->n_odds;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->odds[mid]->object < object)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n_odds && l->odds[low]->object == object ? l->odds[low] : NULL;
}

int objlog_version_cmp(const struct object *a, const struct odd *odd_a, const struct object *b, const struct odd *odd_b)
{
	char text_a[VERSION_TEXT_MAX], text_b[VERSION_TEXT_MAX], key_a[VERSION_KEY_MAX], key_b[VERSION_KEY_MAX];
	struct str va, vb;

	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	if (LIKELY((odd_a == NULL || odd_a->version_n == 0) && (odd_b == NULL || odd_b->version_n == 0)))
		return 0;
	va = str_make(text_a, objlog_version_write(a, odd_a, text_a));
	vb = str_make(text_b, objlog_version_write(b, odd_b, text_b));
	return str_cmp(object_version_key(va, key_a), object_version_key(vb, key_b));
}

/* Newest first; of equal instants the higher specification first. */
static bool goes_before(const struct objlog *l, const struct object *o, const struct odd *odd, uint32_t other)
{
	const struct object *x = objlog_object(l, other);
	int order = objlog_version_cmp(o, odd, x, x->odd ? objlog_odd(l, other) : NULL);

	return order > 0 || (order == 0 && o->spec21 > x->spec21);
}

uint32_t objlog_chain_in(struct objlog *l, uint64_t hash, uint32_t n)
{
	struct object *o = objlog_object(l, n);
	const struct odd *odd = o->odd ? objlog_odd(l, n) : NULL;
	struct slot *slot = slot_find(l, hash, o->type, o->uuid);
	uint32_t at;

	if (slot == NULL) {
		struct shard *s = &l->shards[hash >> 56];

		slot_put(s, (struct slot){ (uint32_t)hash, n + 1 });
		s->used++;
		l->ids++;
		o->next = NONE;
		return n;
	}
	at = slot->object - 1;
	if (goes_before(l, o, odd, at)) {
		o->next = at;
		slot->object = n + 1;
		return n;
	}
	while (objlog_object(l, at)->next != NONE && !goes_before(l, o, odd, objlog_object(l, at)->next))
		at = objlog_object(l, at)->next;
	o->next = objlog_object(l, at)->next;
	objlog_object(l, at)->next = n;
	return slot->object - 1;
}

void objlog_chain_out(struct objlog *l, uint64_t hash, uint32_t n)
{
	struct object *o = objlog_object(l, n);
	struct slot *slot = slot_find(l, hash, o->type, o->uuid);
	uint32_t at;

	if (slot == NULL)
		return;
	at = slot->object - 1;
	if (at == n && o->next == NONE) {
		slot_free(&l->shards[hash >> 56], (uint32_t)(slot - l->shards[hash >> 56].slots));
		l->ids--;
		return;
	}
	if (at == n) {
		slot->object = o->next + 1;
		return;
	}
	while (at != NONE && objlog_object(l, at)->next != n)
		at = objlog_object(l, at)->next;
	if (at != NONE)
		objlog_object(l, at)->next = o->next;
}

uint32_t objlog_version_find(const struct objlog *l, uint32_t newest, const struct object *o, const struct odd *odd)
{
	uint32_t steps = 0;

	for (uint32_t at = newest; at != NONE; at = objlog_object(l, at)->next) {
		const struct object *x = objlog_object(l, at);
		int order = objlog_version_cmp(x, x->odd ? objlog_odd(l, at) : NULL, o, odd);

		if (order < 0)
			break;
		/* Whoever sends versions backwards must not make each put dearer than the last for ever. */
		if (++steps > CHAIN_WALK_MAX)
			return TOO_DEEP;
		if (order == 0 && x->spec21 == o->spec21)
			return at;
	}
	return NONE;
}

uint32_t objlog_type_find(const struct objlog *l, struct str name)
{
	for (uint32_t i = 0; i < l->n_types; i++)
		if (str_eq(str_make(l->types[i].p, l->types[i].n), name))
			return i;
	return NONE;
}

enum rc objlog_type_add(struct objlog *l, struct str name, uint32_t *ret, struct err *err)
{
	char *copy;

	*ret = objlog_type_find(l, name);
	if (*ret != NONE)
		return RC_OK;
	if (name.n == 0 || name.n > TYPE_NAME_MAX)
		return FAIL(err, RC_LIMIT, "object type: 1 to %u bytes, not %zu", TYPE_NAME_MAX, name.n);
	if (l->n_types == TYPES_MAX)
		return FAIL(err, RC_LIMIT, "object log: more than %u object types", TYPES_MAX);
	copy = mem_alloc(name.n + 1);
	if (copy == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a type name");
	memcpy(copy, name.p, name.n);
	pthread_rwlock_wrlock(&l->lock);
	l->types[l->n_types] = (struct type_name){ .p = copy, .n = (uint8_t)name.n };
	*ret = l->n_types++;
	pthread_rwlock_unlock(&l->lock);
	return RC_OK;
}
