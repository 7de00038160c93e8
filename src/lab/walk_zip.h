/* Between walk_zip.c and walk_zip_other.c: members that zlib alone does not open. */
#ifndef LAB_WALK_ZIP_H
#define LAB_WALK_ZIP_H

#include "lab/walk.h"

struct zip_member {
	struct str name;
	uint64_t at, data_at, packed, size; /* at: of its local header */
	uint32_t crc;
	uint16_t flags, method, method_inside;
};

struct zip_others {
	struct zip_member *p; /* in the node's arena */
	size_t n, cap;
	bool lost;
};

void zip_others_add(struct lab_node *n, struct zip_others *o, const struct zip_member *m);
/* Opens them by libarchive with the words at hand; what stays closed is unseen. */
void zip_others_open(struct lab_node *n, struct zip_others *o);

#endif
