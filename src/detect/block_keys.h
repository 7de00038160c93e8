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

/* Adds the keys of one event. `f` is the parsed event, or NULL: then `line` is parsed here when `format` is LOG_JSON and
 * taken as text otherwise. A line that breaks its format gives the keys of its text. *ret_shape is the same for events with
 * the same names in the same order. RC_NOMEM, RC_LIMIT. */
enum rc block_keys_add(struct block_keys *k, struct str line, enum log_format format, struct flat *f, uint64_t *ret_shape, struct err *err) MUSTUSE;

/* The keys of which a block that holds something for this value (in normal form; an address may be a CIDR block) has at
 * least one: all events that a domain, its children, a URL's host or a block of addresses meet. *ret_all: any block
 * may (a very wide CIDR block); returns 0 then. */
size_t block_keys_of_value(enum observable_kind kind, struct str value, uint64_t out[static KEYS_PROBE_MAX], bool *ret_all);

#endif
