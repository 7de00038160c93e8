/* Sign-ins that were begun and wait for the browser to come back: what was asked of it, once and for five minutes. In memory: after
 * a restart people begin anew. */
#ifndef WEB_BEGUN_H
#define WEB_BEGUN_H

#include "base/str.h"
#include "base/time.h"

#define BEGUN_PLACES 1024
#define BEGUN_AN_ADDRESS 64 /* one address cannot push the others' out */
#define BEGUN_SPAN (5 * 60 * USEC_PER_SEC)
#define BEGUN_ID_MAX 48
#define BEGUN_SECRET 32

enum begun_kind { BEGUN_NOTHING, BEGUN_PASSKEY_NEW, BEGUN_PASSKEY, BEGUN_PROVIDER };

struct begun {
	enum begun_kind kind;
	char user[72];                       /* who is signed in already and adds a way to sign in; "" for a sign-in */
	unsigned char challenge[BEGUN_SECRET]; /* passkey: challenge; provider: what the nonce and the verifier are made of */
	unsigned char browser[BEGUN_SECRET]; /* SHA-256 of the cookie that the same browser must bring; zeros: none */
};

struct begun_table;

struct begun_table *begun_new(void) MUSTUSE;
void begun_free(struct begun_table *t); /* accepts NULL */

/* Keeps it under a new random name; the oldest makes room. `now` from time_mono(). */
void begun_put(struct begun_table *t, const struct begun *x, struct str address, usec now, char ret_id[static BEGUN_ID_MAX]);
/* Takes it out, whatever comes of it: false when it is not there, of another kind, or over. */
bool begun_take(struct begun_table *t, struct str id, enum begun_kind kind, usec now, struct begun *ret);

#endif
