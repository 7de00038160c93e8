/* PDF's standard security handler (ISO 32000-1 §7.6, ISO 32000-2 §7.6.4): revisions 2 to 6, RC4 and AES. A document that opens without a
 * word is locked with the empty one. */
#ifndef LAB_PDF_LOCK_H
#define LAB_PDF_LOCK_H

#include "base/arena.h"

struct pdf_lock {
	unsigned version, revision; /* V, R */
	uint32_t rights;            /* P */
	struct str owner, user, owner_key, user_key, id; /* O, U, OE, UE; the first part of the file's ID */
	size_t key_n;
	bool open_metadata;         /* descriptions of the document are not locked */
	enum { PDF_PLAIN, PDF_RC4, PDF_AES } streams;
	unsigned char key[32];
};

/* The lock that the document names: its dictionary is looked for in `file`. False: none, or of a kind that is not known; *ret_why says which. */
bool pdf_lock_read(struct str file, struct arena *a, struct pdf_lock *ret, const char **ret_why);
/* True: it is this word, and `key` is set. */
bool pdf_lock_try(struct pdf_lock *l, struct str word);
/* The bytes of a stream of that object. Their number is never greater than in.n; SIZE_MAX: they are no sound ones. */
size_t pdf_lock_open(const struct pdf_lock *l, uint32_t object, uint32_t generation, struct str in, unsigned char *out);

#endif
