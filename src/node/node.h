/* A node: its folder, its configuration, its keys and its open store. node/ is
 * where the parts meet: whoever wants to follow a record from a log line to a
 * neighbour's detector reads the files of this folder. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/config.h"
#include "sys/keys.h"

#define NODE_PATH_MAX 4096

/* The files of a node's folder. */
struct node_paths {
	char dir[NODE_PATH_MAX];      /* absolute */
	char conf[NODE_PATH_MAX];     /* lianfang.conf */
	char cert[NODE_PATH_MAX];     /* tls/node.crt, own certificate */
	char key[NODE_PATH_MAX];      /* tls/node.key, 0600 */
	char ca[NODE_PATH_MAX];       /* tls/ca.crt: the federation's, or the node's own */
	char sign[NODE_PATH_MAX];     /* sign.key: Ed25519 secret, 0600 */
	char lock[NODE_PATH_MAX];     /* lock: held while the node runs */
	char history[NODE_PATH_MAX];  /* history/: events of the inputs, for searches and hunts */
	char rules[NODE_PATH_MAX];    /* rules/: rules that people add here, and which are turned off */
	char detect[NODE_PATH_MAX];   /* detect.sock: where core meets the detect role */
	char lab[NODE_PATH_MAX];      /* lab.sock: where core meets the lab role */
	char socket[NODE_PATH_MAX];   /* control.sock: the same REST interface for local administration */
};

enum rc node_paths_of(const char *dir, struct node_paths *ret, struct err *err) MUSTUSE;

struct node_init_opts {
	const char *dir, *name, *tier;
	const char *listen;          /* NULL = 127.0.0.1:8443 */
	const char *store;           /* NULL = "sqlite" */
	const char *federation;      /* folder made by node_federation_init whose CA signs this node's certificate; NULL = own CA */
	const char *const *hosts;    /* further DNS names or addresses in the certificate; NULL-terminated, or NULL */
	struct str admin_password;   /* empty = one is drawn and given back */
};

/* Makes a node's folder: keys, certificate, identity, configuration, store with
 * the collections intel/up and intel/down and the user "admin". RC_CONFLICT when
 * there is a node already; on any failure the folder is left as it was found.
 * `ret_password` (>= 32 bytes) gets the drawn password or "". `ret_fingerprint`: what peers pin. */
enum rc node_init(const struct node_init_opts *o, char ret_password[static 32], char ret_fingerprint[static 65],
		  struct err *err) MUSTUSE;

/* Makes a federation's own certificate authority in `dir` (ca.crt, ca.key 0600). */
enum rc node_federation_init(const char *dir, const char *name, struct err *err) MUSTUSE;

struct node {
	struct node_paths paths;
	struct arena *arena;
	struct config config;
	struct store *store;
	char cert_sha256[65];
	unsigned char sign_pub[SIGN_PUBLIC_LEN], sign_sec[SIGN_SECRET_LEN];
};

/* Opens configuration, keys and store. `read_only` for tools beside a running node. */
/* RC_NOTFOUND, and what to do about it. */
enum rc node_absent(const char *dir, struct err *err) MUSTUSE;
/* RC_NOTFOUND: no node lies in dir, whose paths are p; RC_IO: this user may not look. */
enum rc node_present(const struct node_paths *p, const char *dir, struct err *err) MUSTUSE;
enum rc node_open(const char *dir, bool read_only, struct node *ret, struct err *err) MUSTUSE;
void node_close(struct node *n);

#endif
