/* Inside wire/ only: the table behind fields_find, so that the readers of the
 * hot path can look a name up without a call.
 *
 * One open-addressed table maps (node, name) to (id, node inside). The name's
 * first sixteen bytes stand in the entry itself, zeros behind a shorter name;
 * only longer ones are compared elsewhere. The hash is keyed with a random
 * secret and takes in every byte, so that no set of names makes long chains;
 * the table is at most a quarter full. Events only look up: nothing they
 * carry is ever inserted. */
#ifndef WIRE_FIELDS_TABLE_H
#define WIRE_FIELDS_TABLE_H

#include "wire/fields.h"

struct fields_entry {
	uint64_t head[2];
	uint32_t where;   /* fields_where */
	uint16_t id, in;  /* FIELD_NONE, FIELDS_NOWHERE: nothing there */
	const char *name;
};

struct fields_table {
	struct fields_entry *slots;
	uint8_t *tags;  /* a byte each slot: 0 when it is free, else one of its hash. Most names in events are nobody's, and
			 * this is all that has to be looked at to see it */
	uint32_t mask;
	uint64_t key;
	uint64_t stamp; /* another one for each dictionary and each change of it */
};

/* The first member of struct fields. */
static inline const struct fields_table *fields_table(const struct fields *f)
{
	return (const struct fields_table *)f;
}

/* The node that a name stands in, and the name's length. */
static inline uint32_t fields_where(uint32_t node, size_t n)
{
	return node << 16 | (uint32_t)n;
}

static inline uint64_t fields_mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t fields_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline void fields_head(struct str name, uint64_t head[static 2])
{
	head[0] = head[1] = 0;
	memcpy(head, name.p, name.n < 16 ? name.n : 16);
}

#define FIELDS_MIX1 0x9E3779B97F4A7C15u
#define FIELDS_MIX2 0xD6E8FEB86659FD93u

/* What a name of more than 32 bytes has between its first 16 and its last 16. */
uint64_t fields_hash_middle(uint64_t h, struct str name);

static inline uint64_t fields_hash(const struct fields_table *t, uint32_t where, struct str name, uint64_t head0, uint64_t head1)
{
	uint64_t h = fields_mix(head0 ^ t->key, head1 ^ FIELDS_MIX1 ^ (uint64_t)where << 20);

	if (LIKELY(name.n <= 16))
		return h;
	h = fields_mix(h ^ fields_load(name.p + name.n - 16), fields_load(name.p + name.n - 8) ^ FIELDS_MIX2);
	return LIKELY(name.n <= 32) ? h : fields_hash_middle(h, name);
}

/* Equal behind the head? */
static inline bool fields_same_rest(const char *a, const char *b, size_t n)
{
	if (LIKELY(n <= 16))
		return true;
	if (UNLIKELY(n > 32))
		return memcmp(a + 16, b + 16, n - 16) == 0;
	return ((fields_load(a + n - 16) ^ fields_load(b + n - 16)) | (fields_load(a + n - 8) ^ fields_load(b + n - 8))) == 0;
}

static inline uint8_t fields_tag(uint64_t hash)
{
	return (uint8_t)(hash >> 56 | 1);
}

/* Exactly this name, or NULL. */
static inline const struct fields_entry *fields_probe(const struct fields_table *t, uint32_t where, struct str name, uint64_t head0,
						      uint64_t head1)
{
	uint64_t hash = fields_hash(t, where, name, head0, head1);
	uint32_t at = (uint32_t)hash & t->mask;

	for (; t->tags[at] != 0; at = (at + 1) & t->mask) {
		const struct fields_entry *e = &t->slots[at];

		if (t->tags[at] == fields_tag(hash) && e->head[0] == head0 && e->head[1] == head1 && e->where == where &&
		    fields_same_rest(e->name, name.p, name.n))
			return e;
	}
	return NULL;
}

/* A name that is not in the table as it stands: blanks in it, dots that are steps, a node with a step of any name. */
uint16_t fields_find_odd(const struct fields *f, fields_node node, struct str name, fields_node *ret_in);

/* From here on "X.#attributes.Y" counts as "X_Y", and "X.#text" as "X". */
void fields_attributes(struct fields *f);

#endif
