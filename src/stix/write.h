/* Members that objects of ours have in common. The object is open in `w`. */
#ifndef STIX_WRITE_H
#define STIX_WRITE_H

#include "base/jsonw.h"
#include "stix/marking.h"

/* What every object but a cyber-observable begins with (STIX 2.1 §3.2), in milliseconds. `creator` "": created_by_ref is left out. */
void stix_write_head(struct jsonw *w, const char *type, struct str id, struct str creator, usec created, usec modified);
/* object_marking_refs with the marking of that level. */
void stix_write_tlp(struct jsonw *w, enum tlp tlp);
/* extensions: what makes an object one of a type of our own (§7.3). `definition`: id of the extension-definition. */
void stix_write_new_sdo(struct jsonw *w, const char *definition);

#endif
