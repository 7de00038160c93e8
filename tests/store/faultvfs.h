/* A SQLite VFS over the ordinary one whose n-th write, sync or truncation fails:
 * registered as the default, it stands under every database of the test. */
#ifndef TESTS_STORE_FAULTVFS_H
#define TESTS_STORE_FAULTVFS_H

#include <stdbool.h>

enum vfs_fault { VFS_NONE, VFS_IO, VFS_FULL };

bool faultvfs_install(void);
/* The operation number `nth` (1 = the next) fails, and all after it while `forever`. Counts from now. */
void faultvfs_arm(unsigned nth, enum vfs_fault how, bool forever);
/* Operations since the last arming. */
unsigned faultvfs_count(void);
/* True when the failing one was a sync. */
bool faultvfs_hit_sync(void);

#endif
