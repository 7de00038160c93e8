/* Known files by digest (SHA-256, SHA-1 or MD5), bad ones and good ones: a sorted table in shared memory, made once and only read
 * after that. */
#ifndef LAB_HASHES_H
#define LAB_HASHES_H

#include "base/buf.h"
#include "base/hash.h"

struct lab_hashes;

struct lab_hash_hit {
	struct str name; /* of the indicator; borrowed from the table */
	bool good;
};

/* Takes lists of lines: "HEX", "HEX name", "HEX,name" or as sha256sum prints; "#" begins a comment. RC_BAD names file and line. Appends
 * what identifies the list to `generation`. Call for each list, then lab_hashes_seal once. */
enum rc lab_hashes_new(struct lab_hashes **ret, struct err *err) MUSTUSE;
enum rc lab_hashes_add(struct lab_hashes *h, const char *path, bool good, struct buf *generation, struct err *err) MUSTUSE;
enum rc lab_hashes_seal(struct lab_hashes *h, struct err *err) MUSTUSE;
/* A sealed table as a file, that lab_hashes_add takes in place of a list, when it is the only one: it is mapped, so that ten million digests are there in
 * the time of one digest over them, and shared by all who map it. */
enum rc lab_hashes_save(const struct lab_hashes *h, const char *path, struct err *err) MUSTUSE;
void lab_hashes_free(struct lab_hashes *h);
size_t lab_hashes_count(const struct lab_hashes *h);

/* Of a sealed table only. digest of `n` = SHA256_LEN, SHA1_LEN or MD5_LEN bytes. False: not known. */
bool lab_hashes_find(const struct lab_hashes *h, const unsigned char *digest, size_t n, struct lab_hash_hit *ret);

#endif
