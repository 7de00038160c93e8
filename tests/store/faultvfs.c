#include "faultvfs.h"

#include <sqlite3.h>
#include <stdatomic.h>

static _Atomic unsigned count, fail_at;
static _Atomic int fail_how;
static _Atomic bool fail_forever, hit_sync;
static sqlite3_vfs *real, mine;

/* Ours first, the real file behind it. */
struct file {
	sqlite3_file base;
	sqlite3_file *inner;
};

static sqlite3_file *inner(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->inner;
}

static int outcome(int io_code, bool is_sync)
{
	unsigned n = atomic_fetch_add(&count, 1) + 1, at = atomic_load(&fail_at);

	if (at == 0 || (n != at && !(n > at && atomic_load(&fail_forever))))
		return SQLITE_OK;
	atomic_store(&hit_sync, is_sync);
	return atomic_load(&fail_how) == VFS_FULL ? SQLITE_FULL : io_code;
}

static int f_close(sqlite3_file *f) { return inner(f)->pMethods == NULL ? SQLITE_OK : inner(f)->pMethods->xClose(inner(f)); }
static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return inner(f)->pMethods->xRead(inner(f), p, n, at); }
static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int code = outcome(SQLITE_IOERR_WRITE, false);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xWrite(inner(f), p, n, at);
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int code = outcome(SQLITE_IOERR_TRUNCATE, false);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xTruncate(inner(f), n);
}
static int f_sync(sqlite3_file *f, int flags)
{
	int code = outcome(SQLITE_IOERR_FSYNC, true);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xSync(inner(f), flags);
}
static int f_size(sqlite3_file *f, sqlite3_int64 *n) { return inner(f)->pMethods->xFileSize(inner(f), n); }
static int f_lock(sqlite3_file *f, int how) { return inner(f)->pMethods->xLock(inner(f), how); }
static int f_unlock(sqlite3_file *f, int how) { return inner(f)->pMethods->xUnlock(inner(f), how); }
static int f_reserved(sqlite3_file *f, int *r) { return inner(f)->pMethods->xCheckReservedLock(inner(f), r); }
static int f_control(sqlite3_file *f, int op, void *p) { return inner(f)->pMethods->xFileControl(inner(f), op, p); }
static int f_sector(sqlite3_file *f) { return inner(f)->pMethods->xSectorSize(inner(f)); }
static int f_traits(sqlite3_file *f) { return inner(f)->pMethods->xDeviceCharacteristics(inner(f)); }
static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	return inner(f)->pMethods->xShmMap(inner(f), page, size, extend, p);
}
static int f_shm_lock(sqlite3_file *f, int at, int n, int flags) { return inner(f)->pMethods->xShmLock(inner(f), at, n, flags); }
static void f_shm_barrier(sqlite3_file *f) { inner(f)->pMethods->xShmBarrier(inner(f)); }
static int f_shm_unmap(sqlite3_file *f, int del) { return inner(f)->pMethods->xShmUnmap(inner(f), del); }

static const sqlite3_io_methods METHODS = {
	.iVersion = 2, .xClose = f_close, .xRead = f_read, .xWrite = f_write, .xTruncate = f_truncate, .xSync = f_sync,
	.xFileSize = f_size, .xLock = f_lock, .xUnlock = f_unlock, .xCheckReservedLock = f_reserved, .xFileControl = f_control,
	.xSectorSize = f_sector, .xDeviceCharacteristics = f_traits, .xShmMap = f_shm_map, .xShmLock = f_shm_lock,
	.xShmBarrier = f_shm_barrier, .xShmUnmap = f_shm_unmap,
};

static int v_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
	struct file *file = (struct file *)(void *)f;
	int code;

	(void)v;
	file->inner = (sqlite3_file *)(void *)(file + 1);
	code = real->xOpen(real, name, file->inner, flags, out);
	file->base.pMethods = code == SQLITE_OK ? &METHODS : NULL;
	return code;
}

bool faultvfs_install(void)
{
	real = sqlite3_vfs_find(NULL);
	if (real == NULL)
		return false;
	mine = *real;
	mine.zName = "fault";
	mine.szOsFile = (int)sizeof(struct file) + real->szOsFile;
	mine.xOpen = v_open;
	return sqlite3_vfs_register(&mine, 1) == SQLITE_OK;
}

void faultvfs_arm(unsigned nth, enum vfs_fault how, bool forever)
{
	atomic_store(&hit_sync, false);
	atomic_store(&fail_how, how);
	atomic_store(&fail_forever, forever);
	atomic_store(&fail_at, nth);
	atomic_store(&count, 0);
}

unsigned faultvfs_count(void)
{
	return atomic_load(&count);
}

bool faultvfs_hit_sync(void)
{
	return atomic_load(&hit_sync);
}
