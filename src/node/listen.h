/* Inputs that come over the network: syslog datagrams (RFC 5426) and streams
 * (RFC 6587: octet counting, or lines), from any number of senders. */
#ifndef NODE_LISTEN_H
#define NODE_LISTEN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/time.h"

struct listener;

#define LISTEN_SENDERS_MAX 1024 /* connections of one stream input; further ones are closed at once, counted */
#define LISTEN_IDLE (600 * USEC_PER_SEC) /* a connection that says nothing for so long is closed */

/* Is this path of an [input] an address ("udp://127.0.0.1:514", "tcp://[::]:601") and not a file? */
bool listen_is_address(const char *path);

/* Binds. RC_BAD: no such address; RC_CONFLICT: taken; RC_DENIED: a port below 1024 without the right. */
enum rc listener_open(const char *address, struct listener **ret, struct err *err) MUSTUSE;
void listener_close(struct listener *l);

/* One message without its frame. Not RC_OK ends listener_run. */
typedef enum rc (*listen_message)(void *ctx, struct str message, struct err *err);
/* Takes what comes for up to `wait`; *ret_any false: nothing came. RC_IO. */
enum rc listener_run(struct listener *l, usec wait, listen_message fn, void *ctx, bool *ret_any, struct err *err) MUSTUSE;

struct listen_stats {
	uint64_t messages, bytes, connections, refused; /* refused: connections beyond LISTEN_SENDERS_MAX */
	uint64_t too_long;                              /* frames longer than a line may be: skipped */
	uint64_t dropped;                               /* datagrams that the kernel had no room for */
};
void listener_stats(const struct listener *l, struct listen_stats *ret);

#endif
