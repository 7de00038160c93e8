/* Office documents locked with a word (MS-OFFCRYPTO §2.3.4): "standard" and "agile" encryption of a package in a compound file. */
#ifndef LAB_OFFICE_LOCK_H
#define LAB_OFFICE_LOCK_H

#include "base/arena.h"
#include "lab/secret.h"

#define OFFICE_LOCK_PIECE 4096u /* bytes of the package that are opened at once */

struct office_lock {
	bool agile;
	enum secret_hash word_hash, data_hash;
	size_t key_n;            /* bytes */
	size_t word_key_n;
	uint32_t spins;
	struct str word_salt, data_salt, verifier, verifier_digest, locked_key;
	unsigned char key[32];
};

/* The stream "EncryptionInfo". False: of a kind that is not known, or damaged. Borrows from `info` and from `a`. */
bool office_lock_read(struct str info, struct arena *a, struct office_lock *ret);
/* True: it is this word (UTF-8), and `key` is set. Dear by design: a tenth of a second. */
bool office_lock_try(struct office_lock *l, struct str word);
/* Piece `number` of the package, behind its eight bytes of length: a multiple of 16 bytes, OFFICE_LOCK_PIECE at most. */
bool office_lock_open(const struct office_lock *l, uint32_t number, struct str in, unsigned char out[static OFFICE_LOCK_PIECE]);

#endif
