/* Which other objects an object names: every member ending in _ref or _refs,
 * at any depth, but for created_by_ref and the markings. The id of a
 * cyber-observable is a hash of its value, so naming one discloses it to anybody
 * who can guess; that is why the gate asks (the deterministic ids of STIX 2.1 §2.9). */
#ifndef GATE_REFS_H
#define GATE_REFS_H

#include "base/json.h"

/* Calls `fn` for each id that `object` names, its own id excepted; stops when `fn`
 * returns false. One pass over the tree, no recursion. Repeats are not removed. */
typedef bool (*refs_visit)(void *ctx, struct str id);
void refs_each(const struct json *object, refs_visit fn, void *ctx);

/* True when there is at least one. */
bool refs_any(const struct json *object);

#endif
