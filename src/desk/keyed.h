/* Correlating what members of a community may not show: each sends keyed digests of its values up, under a key that the members share
 * and the collector has not. The collector sees that two members hold one value, and not the value. Pure: no store, no clock.
 *
 * An epoch is a week (of Unix time). Its key follows from the one before and cannot be turned back, so whoever takes a
 * member's key today learns nothing about handles of past weeks. A new generation (another key, drawn) begins when somebody leaves. */
#ifndef DESK_KEYED_H
#define DESK_KEYED_H

#include "base/time.h"
#include "event/hit.h"
#include "sys/seal.h"

#define KEYED_EPOCH (7 * 24 * 3600 * USEC_PER_SEC)
#define KEYED_ROLLS_MAX 520 /* weeks that a key is rolled forward at a time: ten years */
#define KEYED_HANDLE_LEN MAC_LEN
#define KEYED_COMMON_LEAST 5

struct keyed_key {
	int64_t generation, epoch;
	unsigned char key[MAC_KEY_LEN]; /* secret */
};

int64_t keyed_epoch(usec now);
/* A new generation, from the kernel's randomness. */
void keyed_draw(struct keyed_key *k, int64_t generation, usec now);
/* Forward to `epoch`; what it was before is gone. False: it lies behind it already, or further than KEYED_ROLLS_MAX ahead. */
bool keyed_roll(struct keyed_key *k, int64_t epoch);

/* HMAC-SHA-256 over the kind's name, NUL and the value in normal form (model/observable.h), under a key of this epoch for handles alone. */
void keyed_handle(const struct keyed_key *k, enum observable_kind kind, struct str value, unsigned char out[static KEYED_HANDLE_LEN]);

/* Why a value says nothing about anybody, whoever holds it - private and reserved addresses, names of one label or of a house's own network,
 * digests of nothing - or NULL. Known lists of harmless values (intel/warninglist.h) come on top. */
const char *keyed_harmless(enum observable_kind kind, struct str value);

/* True: so many of the members hold it that it links nobody by itself: more than 2 %, and in a small community at least KEYED_COMMON_LEAST. */
bool keyed_is_common(uint64_t holders, uint64_t members);

#endif
