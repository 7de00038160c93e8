/* The collections that we share with one peer alone (API root "desk"): "out-NAME" is
 * written by this node and read by that peer, "in-NAME" is written by that peer and
 * read by this node. The peer calls them "out" and "in", since it cannot know our
 * name for it. A second pair, "urgent-out-NAME" and "urgent-in-NAME" ("urgent-out", "urgent-in"), is
 * the lane of what must not wait behind the rest. No right that somebody grants opens them to anybody else. */
#ifndef GATE_OWN_H
#define GATE_OWN_H

#include "base/arena.h"
#include "gate/viewer.h"
#include "store/collections.h"

#define OWN_ROOT "desk"

/* The collection that `v` means: of a peer the four names of the root become its own; any other name stays. .p NULL: out of memory. */
struct str own_name(const struct viewer *v, struct str root, struct str name, struct arena *a);

/* Whether `c` is such a collection. Then *ret_read and *ret_write are what `v` may do, whatever rights_of says. */
bool own_rights(const struct viewer *v, const struct collection *c, bool *ret_read, bool *ret_write);

/* right_of, except for such collections. */
enum rc own_or_right(struct store *s, const struct viewer *v, const struct collection *c, bool *ret_read, bool *ret_write, struct err *err) MUSTUSE;

#endif
