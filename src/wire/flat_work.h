/* Inside wire/ only: what flat_json keeps between events of one thread. */
#ifndef WIRE_FLAT_WORK_H
#define WIRE_FLAT_WORK_H

#include "wire/flat_json_path.h"

/* One open object or array. */
struct flat_level {
	uint16_t node;     /* where its members stand */
	uint16_t field;    /* array: what its items are */
	uint16_t name_n;
	uint8_t array;
	const char *name;  /* array: the member's */
};

/* Where the quotes of a line stand that open and close its strings. */
struct flat_index {
	uint16_t quotes[FLAT_FAST_MAX + 1 + 64];           /* in order; 64: the last block may write that much too much */
	uint64_t escaped[(FLAT_FAST_MAX + 1) / 64 + 1];    /* a bit each byte: a quote that closes a string with escapes */
};

/* What a name has come to mean: the dictionary's answer, kept with the name's own bytes as they stand in the line
 * (escapes too). A name may take any of the FLAT_WAYS places of its row; the next that needs one takes them in turn. */
#define FLAT_NAME_MAX 32
#define FLAT_WAYS 2
#define FLAT_ROWS 1024
struct flat_name {
	char text[FLAT_NAME_MAX]; /* zeros behind */
	uint32_t where;           /* fields_where; ~0: free */
	uint32_t found;           /* id, and above it the node inside */
	uint64_t pad_[3];
};

struct flat_work {
	_Alignas(64) struct flat_name names[FLAT_WAYS][FLAT_ROWS];
	uint64_t stamp;                     /* of the dictionary that they are from */
	uint64_t secret;                    /* of the hash that finds a name's row */
	uint32_t turn;                      /* which place of a full row goes next */
	struct flat_index index;
	flat_json_fast read_json;
	struct flat_level levels[FLAT_DEPTH_MAX + 1];
	void *room;                         /* what was allocated: this is inside, aligned */
};

struct flat_work *flat_work_new(void) MUSTUSE;
void flat_work_free(struct flat_work *w);

/* Forgets all names when `dict` is another one or has changed. */
void flat_names_for(struct flat_work *w, const struct fields *dict);

/* What `name` (as it stands) in `node` means, when the first place of its row (< FLAT_ROWS) does not tell: id, and above
 * it the node inside. FLAT_NO_MEMORY: out of memory. */
#define FLAT_NO_MEMORY UINT64_MAX
uint64_t flat_names_find(struct flat *f, const struct fields *dict, uint32_t node, struct str name, size_t row);

/* `s` with JSON escapes resolved, in the scratch. .p NULL: out of memory. */
struct str flat_unescape(struct flat *f, struct str s);

#endif
