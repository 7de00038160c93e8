/* What the node knows of marking definitions beyond the nine built in, and what
 * happens when one arrives that objects have been waiting for. Thread-safe. */
#ifndef GATE_MARKINGS_H
#define GATE_MARKINGS_H

#include "stix/marking.h"
#include "store/objects.h"

#define MARKINGS_KNOWN_MAX 65536 /* definitions remembered in memory; others are looked up each time */

/* For stix_level_of: `ctx` is the struct store. Looks into the store for what is not remembered. */
enum stix_marking_kind markings_known(void *ctx, struct str id, enum tlp *ret_tlp);

/* The level and the marking flags of an object from a source whose unmarked objects are `fallback`. */
void markings_level(struct store *s, const struct json *object, uint8_t fallback, uint8_t *ret_tlp, uint8_t *ret_flags);

/* Looks again at stored objects with an unknown marking - those of ids[0..n), or all
 * when n is 0 - and remarks those whose markings are known by now. */
enum rc markings_remark(struct store *s, const struct str *ids, size_t n, struct err *err) MUSTUSE;

#endif
