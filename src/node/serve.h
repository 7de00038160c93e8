/* Running a node: the supervisor and its roles. */
#ifndef NODE_SERVE_H
#define NODE_SERVE_H

#include <stdbool.h>

#include "base/rc.h"

struct serve_opts {
	bool plain_http;      /* no TLS; loopback only */
	const char *listen;   /* overrides the configuration, or NULL */
	bool quiet;           /* no line when ready */
};

/* Takes the folder's lock, starts the roles and keeps them running. Returns the exit status. */
int serve_supervisor(const char *dir, const struct serve_opts *o);

/* The core role itself: opens everything, enters its fence, serves until SIGTERM. */
int serve_core(const char *dir, const struct serve_opts *o);

/* The detect role: inputs, rules, indicators, history; what it finds goes to core. */
int serve_detect(const char *dir);

/* The lab role: inspects what core hands it; only with [lab] run = yes. */
int serve_lab(const char *dir);

/* The exit status of a role. Configuration, fences and an address that another program has do not mend themselves: the
 * supervisor gives up on 78. Others may pass. */
int serve_status(enum rc rc);

#endif
