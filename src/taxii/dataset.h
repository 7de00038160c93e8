/* Loads a TAXII data set: one JSON document with "/discovery" and, by name, API
 * roots with their collections, rights, objects, manifest (date_added) and
 * statuses - the shape in which the reference server keeps its data. */
#ifndef TAXII_DATASET_H
#define TAXII_DATASET_H

#include "base/buf.h"
#include "store/objects.h"

#define DATASET_MAX ((size_t)512 << 20)

struct dataset_opts {
	uint32_t page_size;   /* of the roots it makes; 0 = 100 */
	uint8_t default_tlp;  /* enum tlp for objects without any TLP marking */
	uint8_t tlp_max;      /* enum tlp: strictest level its collections may hold */
};

struct dataset_report {
	uint32_t roots, collections, statuses;
	uint64_t stored, known, failed;
	struct buf problems;  /* a line for each object that was not taken, cut at 64 kB; free with buf_done */
};

/* Collections are open to every signed-in user as their can_read and can_write say;
 * one that allows neither is shown to them all the same. Known roots
 * and collections are changed, known objects stay. RC_BAD when the document has
 * another shape; what came before the fault is kept. */
enum rc dataset_load(struct store *s, struct str text, const struct dataset_opts *o, struct dataset_report *ret, struct err *err) MUSTUSE;

#endif
