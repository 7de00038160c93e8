/* Running a node: the supervisor and the core role. */
#ifndef NODE_SERVE_H
#define NODE_SERVE_H

#include <stdbool.h>

struct serve_opts {
	bool plain_http;      /* no TLS; loopback only */
	const char *listen;   /* overrides the configuration, or NULL */
	bool quiet;           /* no line when ready */
};

/* Takes the folder's lock, starts the core role and keeps it running. Returns the exit status. */
int serve_supervisor(const char *dir, const struct serve_opts *o);

/* The core role itself: opens everything, enters its fence, serves until SIGTERM. */
int serve_core(const char *dir, const struct serve_opts *o);

#endif
