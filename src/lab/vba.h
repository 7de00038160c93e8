/* The source text of macros as Office keeps it (MS-OVBA). */
#ifndef LAB_VBA_H
#define LAB_VBA_H

#include "base/arena.h"

/* CompressedContainer (§2.4.1): hands on at most 4096 bytes at a time; `put` returns false to stop. `ret_read`: how many bytes of `packed`
 * were understood. False: damaged, or stopped. */
typedef bool (*vba_put)(void *ctx, struct str bytes);
bool vba_unpack(struct str packed, vba_put put, void *ctx, size_t *ret_read);

#define VBA_MODULES_MAX 1024

struct vba_module {
	struct str name, stream; /* raw bytes in the project's code page; the stream's name in UTF-8 */
	uint32_t at;             /* the text begins here in its stream */
};

/* Modules that an unpacked "dir" stream (§2.3.4.2) lists. Returns how many. */
size_t vba_modules(struct str dir, struct arena *a, struct vba_module *out, size_t max);

#endif
