/* Time-based one-time codes: RFC 6238 over HMAC-SHA-1, six digits, steps of 30 seconds; what every authenticator app does. */
#ifndef SYS_TOTP_H
#define SYS_TOTP_H

#include "base/buf.h"
#include "base/time.h"

#define TOTP_DIGITS 6
#define TOTP_STEP (30 * USEC_PER_SEC)
#define TOTP_WINDOW 1 /* steps that a clock may be off, each way (RFC 6238 §5.2 recommends one for delay) */

/* The code of a step (RFC 4226 §5.3). `key` 1 to 128 bytes. */
uint32_t totp_code(struct str key, int64_t step);
/* Whether `code` (six digits) is right now, give or take the window; then the step it is of. Takes the same time for each wrong code. */
bool totp_check(struct str key, struct str code, usec now, int64_t *ret_step);
/* RFC 4648 §6 without padding: how a key is written for people and in otpauth URIs. */
void base32_put(struct buf *b, struct str bytes);

#endif
