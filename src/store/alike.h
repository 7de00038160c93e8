/* What files that were handed to the lab look like: digests of similarity and of content of a submission and the files in it, and keys under which
 * what is alike is found without a look at all. What a key means is the caller's affair (web/lab_alike.h). Goes with the submission. */
#ifndef STORE_ALIKE_H
#define STORE_ALIKE_H

#include "store/store.h"

#define ALIKE_PARTS_MAX 32
#define ALIKE_KEYS_MAX 160   /* of one part */
#define ALIKE_FOUND_MAX 20000

struct alike_part {
	int64_t row;                   /* of the submission */
	struct str submission;         /* its id */
	uint32_t part;                 /* 0: the submission itself */
	struct str path;               /* in it; "" of part 0 */
	struct str sha256, sha1, md5;  /* hex; sha1, md5: of part 0, else "" */
	struct str ctph, tlsh;         /* or "" */
	const int64_t *keys;           /* of what is put; not read again */
	size_t n_keys;
};

/* All parts of a submission (`row`, `submission` of the first hold for all) in place of what was there. RC_NOTFOUND: it was deleted. */
enum rc alike_put(struct store *s, const struct alike_part *parts, size_t n, struct err *err) MUSTUSE;

struct alike_keys {
	int64_t first, last;
};
/* Parts that have a key in one of the ranges, each once, at most ALIKE_FOUND_MAX (*ret_cut: there were more). In `a`. */
enum rc alike_near(struct store *s, const struct alike_keys *ranges, size_t n, struct arena *a, struct alike_part **ret, size_t *ret_n, bool *ret_cut,
		   struct err *err) MUSTUSE;
/* Parts with this SHA-256, SHA-1 or MD5 (hex, lower case), at most `limit`. */
enum rc alike_same(struct store *s, struct str digest, uint32_t limit, struct arena *a, struct alike_part **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
