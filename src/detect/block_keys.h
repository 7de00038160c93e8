/* What a block's filter is asked for: the observables of its events as 64-bit
 * keys, such that whatever an indicator can meet in an event has a key that the
 * indicator also asks for. */
#ifndef DETECT_BLOCK_KEYS_H
#define DETECT_BLOCK_KEYS_H

#include "event/hit.h"
#include "wire/flat.h"

#define KEYS_MOST ((size_t)1 << 22)  /* of one block; RC_LIMIT beyond */
#define KEYS_PROBE_MAX 128           /* keys that one value asks for */

struct block_keys;

enum rc block_keys_new(struct block_keys **ret, struct err *err) MUSTUSE;
void block_keys_free(struct block_keys *k);
void block_keys_freep(struct block_keys **k);
void block_keys_clear(struct block_keys *k);
size_t block_keys_count(const struct block_keys *k);
/* All of them, once each, in no order, into `out` of block_keys_count places. */
void block_keys_list(const struct block_keys *k, uint64_t *out);

/* What whoever matched an event found out about it, so that its values are not cut into observables once more. */
#define EVENT_KEYS_MAX 512
struct event_keys {
	const struct flat *f;        /* the event; NULL: nothing is known */
	uint32_t n, n_keys, names;   /* names: as in struct glance_values */
	struct event_value {
		uint64_t hash;       /* keyed, of its text */
		uint32_t from, to;   /* its keys; EVENT_VALUE_UNSEEN: it was not cut */
		uint16_t place;      /* in f->v */
	} value[FLAT_VALUES_MAX];    /* those that are worth a look, all of them */
	uint64_t key[EVENT_KEYS_MAX];
};
#define EVENT_VALUE_UNSEEN UINT32_MAX
/* The keys of one observable, behind those that are there; false: there is no room. */
bool event_keys_put(struct event_keys *k, enum observable_kind kind, struct str value);

/* Adds the keys of one event. `f` is the parsed event, or NULL: then `line` is parsed here when `format` is LOG_JSON and
 * taken as text otherwise. A line that breaks its format gives the keys of its text. *ret_shape is the same for events with
 * the same names in the same order. `known`: of this `f`, or NULL. RC_NOMEM, RC_LIMIT. */
enum rc block_keys_add(struct block_keys *k, struct str line, enum log_format format, struct flat *f, const struct event_keys *known,
		       uint64_t *ret_shape, struct err *err) MUSTUSE;

/* The keys of which a block that holds something for this value (in normal form; an address may be a CIDR block) has at
 * least one: all events that a domain, its children, a URL's host or a block of addresses meet. *ret_all: any block
 * may (a very wide CIDR block); returns 0 then. */
size_t block_keys_of_value(enum observable_kind kind, struct str value, uint64_t out[static KEYS_PROBE_MAX], bool *ret_all);

#endif
