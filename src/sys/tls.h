/* The server's end of TLS on non-blocking sockets, for those who read streams
 * themselves: one credential, many links. HTTP has its own (sys/http.h). */
#ifndef SYS_TLS_H
#define SYS_TLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct tls_server;
struct tls_link;

/* `client_ca_pem` NULL: no client certificate is asked for; else every client must show one that is valid now and signed by it.
 * The texts are not needed afterwards. RC_BAD: they are no certificate, no key, or do not belong together. */
enum rc tls_server_new(const char *cert_pem, const char *key_pem, const char *client_ca_pem, struct tls_server **ret, struct err *err) MUSTUSE;
void tls_server_free(struct tls_server *s); /* after all its links; accepts NULL */

/* `fd` stays the caller's to close, after the link. */
enum rc tls_link_new(struct tls_server *s, int fd, struct tls_link **ret) MUSTUSE;
/* Says goodbye if the handshake was over; never waits. Accepts NULL. */
void tls_link_free(struct tls_link *l);

/* RC_OK: done; RC_BUSY: call again when the socket is ready (tls_link_writes tells for what); RC_PEER: it failed. */
enum rc tls_link_handshake(struct tls_link *l) MUSTUSE;
bool tls_link_writes(const struct tls_link *l);
/* Bytes read, 0 at the orderly or disorderly end, -1: nothing there now. */
ssize_t tls_link_read(struct tls_link *l, void *out, size_t n);
/* Bytes were decrypted and not read yet: the socket itself will not tell. */
bool tls_link_waits(const struct tls_link *l);

#endif
