/* Failpoints for I/O: a call site names itself, and a test (or the environment)
 * makes its n-th passage fail or kill the process there. Costs one predictable
 * branch while nothing is armed.
 *
 *	if (FAULT("store.fsync") || fsync(fd) < 0)
 *		return FAIL(err, RC_IO, "fsync: %s", strerror(errno));
 *
 * LIANFANG_FAULT="name:nth:errno[:kill]" arms one at start; errno is a number or
 * EIO, ENOSPC, EDQUOT, EINTR, EAGAIN, ENOMEM, EPIPE; "nth+" keeps failing from there on.
 * A name that ends in '*' stands for all that begin so. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define FAULT_MAX 8 /* armed at one time */
#define FAULT_NAME_MAX 64

enum fault_how { FAULT_ONCE, FAULT_FROM_THEN_ON, FAULT_KILL };

/* True, with errno set, when the failpoint `name` is to fail now. */
#define FAULT(name) \
	(UNLIKELY(atomic_load_explicit(&fault_armed, memory_order_relaxed) != 0) && fault_hit(name))

/* The passage number `nth` (1 = the next) of `name` fails with `errnum`. False
 * when FAULT_MAX are armed already or the name is too long. */
bool fault_arm(const char *name, uint64_t nth, int errnum, enum fault_how how) MUSTUSE;

/* Disarms all; yields how many failures were made since the last call. */
uint64_t fault_clear(void);

/* For FAULT only. */
extern _Atomic int fault_armed;
bool fault_hit(const char *name);

#endif
