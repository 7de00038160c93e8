/* A bulletin as the store keeps it and as it travels between nodes: a STIX 2.1
 * object of our own type (an extension of kind new-sdo, STIX 2.1 §7.3) with the
 * members of desk/bulletin.h beside the common properties; and the small object
 * with which a recipient says how far it came. */
#ifndef DESK_BULLETIN_OBJECT_H
#define DESK_BULLETIN_OBJECT_H

#include "base/uuid.h"
#include "desk/bulletin.h"
#include "store/bulletins.h"

#define BULLETIN_TYPE "x-lianfang-bulletin"
#define BULLETIN_RECEIPT_TYPE "x-lianfang-bulletin-receipt"
#define BULLETIN_OBJECT_MAX (BULLETIN_BODY_MAX + 65536)
#define BULLETIN_ID_MAX (sizeof BULLETIN_TYPE + 2 + UUID_TEXT_LEN)

/* A new id. */
struct str bulletin_new_id(char out[static BULLETIN_ID_MAX]);
/* "x-lianfang-bulletin--" and a UUID. */
bool bulletin_id_ok(struct str id);

/* Columns and body of `ret` from the content; id, number, origin and times of keeping are the caller's. */
enum rc bulletin_pack(struct arena *a, const struct bulletin *b, struct bulletin_row *ret, struct err *err) MUSTUSE;
/* The content again. RC_CORRUPT. */
enum rc bulletin_unpack(struct arena *a, const struct bulletin_row *row, struct bulletin *ret, struct err *err) MUSTUSE;

/* The object that goes to a recipient. `identity`: of this node. */
enum rc bulletin_object(struct arena *a, const struct bulletin_row *row, struct str identity, struct str *ret, struct err *err) MUSTUSE;
/* From such an object. A level that its marking states counts before the member "tlp"; the stricter of both holds. RC_BAD. */
enum rc bulletin_of_object(struct arena *a, const struct json *object, struct str *ret_id, struct str *ret_number, struct bulletin *ret,
			   struct err *err) MUSTUSE;

/* How far a bulletin came at the node that says so; 0: not yet. */
struct bulletin_receipt {
	struct str bulletin; /* its id */
	usec received, read;
};
/* The same receipt gives the same object. `tlp`: of the bulletin. */
enum rc bulletin_receipt_object(struct arena *a, const struct bulletin_receipt *r, uint8_t tlp, struct str identity, struct str *ret,
				struct err *err) MUSTUSE;
enum rc bulletin_receipt_read(const struct json *object, struct bulletin_receipt *ret, struct err *err) MUSTUSE;

#endif
