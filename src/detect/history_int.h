/* A segment: NUMBER.seg, blocks one behind the other, and NUMBER.idx, of each
 * block its offset (8 bytes) and a copy of its index part, so that filters lie
 * close together and can be mapped. The .idx can always be made again from the
 * .seg. For history.c and history_segment.c. */
#ifndef DETECT_HISTORY_INT_H
#define DETECT_HISTORY_INT_H

#include "detect/history.h"

struct segment {
	uint64_t number;
	int seg, idx;           /* idx: the writer's, or -1 */
	uint64_t seg_n, idx_n;  /* bytes that hold what is known here */
	char *map;              /* of the .idx, as it was at opening */
	size_t map_n;
	struct history_block *blocks;
	size_t n, room;
	char **owned;           /* index bytes that are not in the map: of block i, or NULL */
	uint64_t skipped;
	usec sealed;            /* of its latest block */
};

#define SEGMENT_NAME_MAX 4400

/* DIR/NUMBER.SUFFIX */
void segment_path(const char *dir, uint64_t number, const char *suffix, char out[static SEGMENT_NAME_MAX]);

/* An existing one, or with `create` a new one. A writer (`write`) verifies every block when `last`, cuts off a torn end
 * (*ret_torn bytes) and repairs the .idx. RC_NOTFOUND: it was removed. */
enum rc segment_open(const char *dir, uint64_t number, bool create, bool write, bool last, struct segment **ret, uint64_t *ret_torn,
		     struct err *err) MUSTUSE;
void segment_close(struct segment *s);
/* A reader's look at what was appended since. */
enum rc segment_refresh(struct segment *s, struct err *err) MUSTUSE;
/* Appends; `sync`: durable. On failure the segment is as before; RC_IO of the sync says that it may not be. */
enum rc segment_append(struct segment *s, struct str block, bool sync, struct err *err) MUSTUSE;

#endif
