/* The fact log's part in the SQL writer's transaction, and the hash both writer
 * and verifier compute. */
#ifndef STORE_FACTS_INTERNAL_H
#define STORE_FACTS_INTERNAL_H

#include "store/db.h"
#include "store/facts.h"
#include "store/internal.h"

#define FACT_KIND_MAX 64
#define FACT_NAME_MAX 1024
#define FACT_BODY_MAX ((size_t)64 << 10)

struct facts *facts_new(void) MUSTUSE; /* NULL without memory */
void facts_free(struct facts *f);

/* Inside a transaction of the SQL writer, together with what the fact is about; `at` is set, texts are checked. */
enum rc fact_append_here(struct store *s, const struct fact *in, struct err *err) MUSTUSE;

/* Inside the transaction: what fact_append_soon left goes first. */
enum rc facts_begin(struct store *s, struct err *err) MUSTUSE;
/* Before COMMIT: signs and writes the head when facts were added. */
enum rc facts_seal(struct store *s, struct err *err) MUSTUSE;
void facts_committed(struct store *s);
void facts_rolled_back(struct store *s);
/* True when something of fact_append_soon waits. */
bool facts_waiting(struct store *s);

/* SHA-256 over seq and at (little-endian), the SHA-256 of each of the four texts, and prev: a fixed
 * 176 bytes, so that no text can run into the next, and a fact can be proven without showing its body. */
void fact_hash(const struct fact *f, unsigned char out[static SHA256_LEN]);
/* The same with a memory of the digests of short texts that repeat (kinds, actors, a subject several facts long): begins as zeros, one thread's own. */
#define FACT_MEMO_SLOTS 16
#define FACT_MEMO_TEXT 56
struct fact_memo {
	struct { unsigned char digest[SHA256_LEN]; bool there; uint8_t n; char text[FACT_MEMO_TEXT]; } slots[FACT_MEMO_SLOTS];
};
void fact_hash_memo(const struct fact *f, struct fact_memo *m, unsigned char out[static SHA256_LEN]);
/* What the signature covers: "lianfang fact head <seq> <hex hash>". */
#define FACT_HEAD_TEXT_MAX 128
struct str fact_head_text(uint64_t seq, const unsigned char hash[static SHA256_LEN], char out[static FACT_HEAD_TEXT_MAX]);

/* Fills `f` from a row of FACT_COLUMNS; strings are borrowed from the statement. RC_CORRUPT when a digest has a wrong length. */
#define FACT_COLUMNS "seq, at, kind, actor, subject, body, prev, hash"
enum rc fact_from_row(const struct dbq *q, struct fact *f, struct err *err) MUSTUSE;

struct fact_head {
	uint64_t seq;
	unsigned char hash[SHA256_LEN];
	unsigned char signature[64];
	bool there, is_signed;
};
enum rc fact_head_read(struct db *d, struct fact_head *h, struct err *err) MUSTUSE;

#endif
