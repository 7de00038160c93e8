/* "udp://127.0.0.1:514", "tls://[::]:6514": the numeric addresses at which inputs listen. */
#ifndef INPUT_ADDRESS_H
#define INPUT_ADDRESS_H

#include "base/err.h"

/* A bound, non-blocking socket; of SOCK_STREAM one that listens. RC_BAD: no such address; RC_CONFLICT: taken; RC_DENIED: a port
 * below 1024 without the right. */
enum rc address_listen(const char *path, int type, int *ret_fd, struct err *err) MUSTUSE;

#endif
