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
	const char *name; /* NULL: free */
	uint16_t n, node; /* node that the name stands in */
	uint16_t id, in;  /* FIELD_NONE, FIELDS_NOWHERE: nothing there */
};

struct fields_table {
	struct fields_entry *slots;
	uint32_t mask;
	uint64_t key;
};

/* The first member of struct fields. */
static inline const struct fields_table *fields_table(const struct fields *f)
{
	return (const struct fields_table *)f;
}

static inline uint64_t fields_mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The first `n` <= 8 bytes as one word with zeros behind. */
static inline uint64_t fields_word(const char *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static inline void fields_head(struct str name, uint64_t head[static 2])
{
	if (LIKELY(name.n >= 16)) {
		memcpy(head, name.p, 16);
	} else if (name.n >= 8) {
		uint64_t last;

		memcpy(&head[0], name.p, 8);
		memcpy(&last, name.p + name.n - 8, 8);
		head[1] = name.n == 8 ? 0 : last >> (8 * (16 - name.n));
	} else {
		head[0] = fields_word(name.p, name.n);
		head[1] = 0;
	}
}

uint64_t fields_hash_rest(uint64_t h, struct str name);

static inline uint64_t fields_hash(const struct fields_table *t, fields_node node, struct str name, const uint64_t head[static 2])
{
	uint64_t h = fields_mix(head[0] ^ t->key, head[1] ^ (t->key >> 7 | (uint64_t)node << 48 | name.n));

	return LIKELY(name.n <= 16) ? h : fields_hash_rest(h, name);
}

/* Exactly this name, or NULL. */
static inline const struct fields_entry *fields_probe(const struct fields_table *t, fields_node node, struct str name,
						      const uint64_t head[static 2], uint64_t hash)
{
	for (uint32_t at = (uint32_t)hash & t->mask;; at = (at + 1) & t->mask) {
		const struct fields_entry *e = &t->slots[at];

		if (e->name == NULL)
			return NULL;
		if (e->head[0] == head[0] && e->head[1] == head[1] && e->n == name.n && e->node == node &&
		    (name.n <= 16 || memcmp(e->name + 16, name.p + 16, name.n - 16) == 0))
			return e;
	}
}

/* A name that is not in the table as it stands: blanks in it, dots that are steps, a node with a step of any name. */
uint16_t fields_find_odd(const struct fields *f, fields_node node, struct str name, fields_node *ret_in);

/* From here on "X.#attributes.Y" counts as "X_Y", and "X.#text" as "X". */
void fields_attributes(struct fields *f);

#endif
