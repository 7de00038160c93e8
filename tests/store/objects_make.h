/* Small objects for the tests of the store. */
#ifndef TESTS_STORE_OBJECTS_MAKE_H
#define TESTS_STORE_OBJECTS_MAKE_H

#include "base/arena.h"
#include "store/objects.h"

#define ALL_TLP 0xffu

/* "indicator--00000000-0000-4000-8000-<number>" */
struct str make_id(struct arena *a, const char *type, unsigned number);
/* An object with that id; `version` may be "". `note` makes the content differ. */
struct object_in make_object(struct arena *a, const char *type, unsigned number, const char *version, const char *note);

/* One object into a collection: its result, or PUT_REFUSED + 1 when the call failed. */
int put_one(struct store *s, uint32_t collection, uint32_t source, const struct object_in *o, usec *ret_added, struct err *err);

#endif
