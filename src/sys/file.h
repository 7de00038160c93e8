/* Files, safely: no symbolic links followed in the last component, close-on-exec,
 * whole reads with a maximum, replacement that is durable (write, fsync, rename,
 * fsync of the folder), advisory locks. Paths are NUL-terminated. */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "base/buf.h"

/* Whole file; RC_LIMIT above `max`, RC_NOTFOUND, RC_IO. `b` is initialised here. */
enum rc file_read(const char *path, size_t max, struct buf *b, struct err *err) MUSTUSE;
/* Durable replacement with these permission bits. RC_FULL when the disk is full. */
enum rc file_replace(const char *path, struct str bytes, unsigned mode, struct err *err) MUSTUSE;
/* Creates only: RC_CONFLICT when it exists. */
enum rc file_create(const char *path, struct str bytes, unsigned mode, struct err *err) MUSTUSE;
enum rc file_mkdir(const char *path, unsigned mode, struct err *err) MUSTUSE; /* existing folder is fine */
bool file_exists(const char *path);
/* Takes an exclusive lock on `path` (created) until the fd is closed; RC_BUSY when held by another process; `ret_pid` gets its pid. */
enum rc file_lock(const char *path, int *ret_fd, int *ret_pid, struct err *err) MUSTUSE;
enum rc file_sync_dir(const char *path, struct err *err) MUSTUSE;
/* pwrite/fdatasync loops with EINTR handling and failpoints; RC_FULL, RC_IO. */
enum rc file_write_at(int fd, uint64_t offset, struct str bytes, struct err *err) MUSTUSE;
enum rc file_sync_data(int fd, struct err *err) MUSTUSE;
void file_closep(int *fd); /* CLEANUP(file_closep) int fd = ...; */

#endif
