/* The fact log: append-only, hash-linked, for everything that must be provable.
 * Fact n carries SHA-256 over (n, time, kind, actor, subject, body, hash of n-1);
 * the head is kept apart, signed, so that a cut tail shows as well. */
#ifndef STORE_FACTS_H
#define STORE_FACTS_H

#include "base/hash.h"
#include "store/store.h"

struct fact {
	uint64_t seq;        /* 1, 2, 3 ... without gaps */
	usec at;
	struct str kind;     /* "gate.release", "gate.refuse", "login.ok", "login.fail", "config.change", ... */
	struct str actor;    /* "user:alice", "peer:sector-a", "node" */
	struct str subject;  /* what it is about: an object id, a collection, a user */
	struct str body;     /* JSON object text; never a secret, never a marked value */
	unsigned char prev[SHA256_LEN], hash[SHA256_LEN];
};

/* Appends durably; seq, at (when 0), prev and hash are set by the store. */
enum rc fact_append(struct store *s, const struct fact *f, struct err *err) MUSTUSE;

/* Appends in order but returns before the disk has it (flushed within a second
 * and on close): for releases on the read path, where a crash loses at most that second. RC_BUSY when the queue is full. */
enum rc fact_append_soon(struct store *s, const struct fact *f, struct err *err) MUSTUSE;
enum rc fact_flush(struct store *s, struct err *err) MUSTUSE;

/* Walks facts with seq > after, oldest first; stops when `fn` returns false. `kind` prefix filters (empty = all). */
typedef bool (*fact_visit)(void *ctx, const struct fact *f);
enum rc fact_each(struct store *s, uint64_t after, struct str kind, fact_visit fn, void *ctx, struct err *err) MUSTUSE;

/* Called with the head's bytes; returns an Ed25519 signature in `sig`. Set by node/ at start. */
typedef bool (*fact_signer)(void *ctx, struct str head, unsigned char sig[static 64]);
void fact_set_signer(struct store *s, fact_signer fn, void *ctx);

struct fact_verdict {
	uint64_t checked;
	uint64_t first_bad;   /* 0 = all good */
	char what[200];       /* "fact 17: body changed", "fact 18 is missing", "facts 3 and 4 are exchanged", "head names 20 facts, 19 are there" */
};
/* Recomputes the whole chain. RC_OK even when something is wrong: look at the verdict. `pub` NULL: signatures are not checked. */
enum rc fact_verify(struct store *s, const unsigned char *pub, struct fact_verdict *ret, struct err *err) MUSTUSE;

#endif
