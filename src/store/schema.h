/* The schema: numbered migrations that only go upward, one text for both engines. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/db.h"

/* Brings the database to the newest schema, each migration in a transaction of its own.
 * RC_UNSUPPORTED: made by a newer version; RC_CORRUPT: half of a schema. */
enum rc schema_migrate(struct db *d, struct err *err) MUSTUSE;

/* RC_NOTFOUND when there is no schema, RC_UNSUPPORTED when it is newer than ours, or older and `exact`. */
enum rc schema_check(struct db *d, bool exact, struct err *err) MUSTUSE;

#endif
