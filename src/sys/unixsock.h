/* Sockets between processes of one machine: files whose permissions say who may
 * connect, of any length of path, and who it is on the other side. */
#ifndef SYS_UNIXSOCK_H
#define SYS_UNIXSOCK_H

#include "base/err.h"

/* Listens at `path` with mode 0600. Replaces a socket file left by a process that died: the caller holds the folder's
 * lock. RC_BAD: no absolute path; RC_IO. */
enum rc unix_listen(const char *path, int backlog, int *ret_fd, struct err *err) MUSTUSE;
/* A blocking stream. RC_PEER: nobody listens there. */
enum rc unix_connect(const char *path, int *ret_fd, struct err *err) MUSTUSE;
/* Is the other end a process of our own user (SO_PEERCRED)? RC_DENIED when not. */
enum rc unix_check_peer(int fd, struct err *err) MUSTUSE;

#endif
