/* A connection to servers of NATS that is made again and again until it stands, for the inputs that read from it.
 * Inside input/ only. One thread, but for what the library's threads say of errors. */
#ifndef INPUT_NATS_LINK_H
#define INPUT_NATS_LINK_H

#include <nats/nats.h>
#include <pthread.h>

#include "input/input.h"

#define NATS_SERVERS_MAX 16
#define NATS_SUBJECT_MAX 255

struct nats_link {
	natsConnection *nc;      /* NULL: none */
	char *servers[NATS_SERVERS_MAX];
	int n_servers;
	bool tls;
	char *ca_pem, *cert_pem, *key_pem, *user, *secret; /* NULL: none */
	struct str jwt, seed;    /* in `secret` when it is a file of credentials */
	usec again;              /* not tried before */
	pthread_mutex_t lock;
	char said[200];          /* what the library last said of an error */
	bool refused;            /* the server refused what we asked for */
	struct err trouble;
};

/* Copies all it needs. Before nats_link_done on failure too. RC_BAD. */
enum rc nats_link_init(struct nats_link *l, const struct input_opts *o, struct str hosts, struct err *err) MUSTUSE;
void nats_link_done(struct nats_link *l);

/* RC_OK: it stands. RC_PEER: it does not (any more), and why. Starts the library's threads. */
enum rc nats_link_up(struct nats_link *l, struct err *err) MUSTUSE;
/* True once after the server refused something (rights), which the library does not say where it was asked for. */
bool nats_link_refused(struct nats_link *l);
/* What was asked for on it failed: RC_PEER with the reason, always. */
enum rc nats_link_failed(struct nats_link *l, const char *what, natsStatus s, struct err *err) MUSTUSE;

#endif
