#include "store/samples.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/seal.h"

#define NAME_LEAST 8
#define SWEPT_AT_ONCE 10000
#define LOCKS 64

struct samples {
	unsigned char key[CHEST_KEY_LEN], name_key[MAC_KEY_LEN];
	char dir[PATH_MAX - 128];
	pthread_rwlock_t locks[LOCKS]; /* of addresses */
};

static const struct kind {
	const char *folder;
	bool split; /* into 256 by the first two digits */
} KINDS[] = {
	[SAMPLE_UPLOAD] = { "uploads", false }, [SAMPLE_CONTENT] = { "samples", true }, [SAMPLE_WORDS] = { "words", false }, [SAMPLE_REPORT] = { "reports", true },
};

/* --- opening --- */

static enum rc read_key(const char *path, unsigned char key[static CHEST_KEY_LEN], struct err *err)
{
	struct buf b;
	enum rc rc;

	TRY(file_read(path, CHEST_KEY_LEN, &b, err));
	rc = b.n == CHEST_KEY_LEN ? RC_OK : FAIL(err, RC_CORRUPT, "%s: expected %d bytes", path, CHEST_KEY_LEN);
	if (rc == RC_OK)
		memcpy(key, b.p, CHEST_KEY_LEN);
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	return rc;
}

static enum rc make_key(const char *path, struct err *err)
{
	unsigned char key[CHEST_KEY_LEN];
	enum rc rc;

	random_bytes(key, sizeof key);
	rc = file_create(path, str_make((const char *)key, sizeof key), 0600, err);
	secret_wipe(key, sizeof key);
	return rc == RC_CONFLICT ? RC_OK : rc;
}

static enum rc make_folders(const struct samples *s, struct err *err)
{
	char path[PATH_MAX];

	TRY(file_mkdir(s->dir, 0700, err));
	for (size_t k = 0; k < COUNTOF(KINDS); k++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, KINDS[k].folder);
		if (file_exists(path))
			continue;
		TRY(file_mkdir(path, 0700, err));
		for (unsigned i = 0; KINDS[k].split && i < 256; i++) {
			snprintf(path, sizeof path, "%s/%s/%02x", s->dir, KINDS[k].folder, i);
			TRY(file_mkdir(path, 0700, err));
		}
	}
	return RC_OK;
}

static enum rc open_all(struct samples *s, const char *dir, struct err *err)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(s->dir, sizeof s->dir, "%s/lab", dir) >= sizeof s->dir)
		return FAIL(err, RC_LIMIT, "lab: the node's path is too long");
	snprintf(path, sizeof path, "%s/lab.key", dir);
	if (!file_exists(path))
		TRY(make_key(path, err));
	TRY(read_key(path, s->key, err));
	mac_sha256(s->key, S("lianfang lab names"), s->name_key);
	return make_folders(s, err);
}

enum rc samples_open(const char *dir, struct samples **ret, struct err *err)
{
	struct samples *s = mem_alloc(sizeof *s);
	enum rc rc = s == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : open_all(s, dir, err);

	if (rc != RC_OK) {
		mem_free(s);
		return rc;
	}
	for (size_t i = 0; i < LOCKS; i++)
		pthread_rwlock_init(&s->locks[i], NULL);
	*ret = s;
	return RC_OK;
}

void samples_close(struct samples *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_rwlock_destroy(&s->locks[i]);
	secret_wipe(s, sizeof *s);
	mem_free(s);
}

void samples_share(struct samples *s, struct str address)
{
	pthread_rwlock_rdlock(&s->locks[hash_table(address) % LOCKS]);
}

void samples_hold(struct samples *s, struct str address)
{
	pthread_rwlock_wrlock(&s->locks[hash_table(address) % LOCKS]);
}

void samples_release(struct samples *s, struct str address)
{
	pthread_rwlock_unlock(&s->locks[hash_table(address) % LOCKS]);
}

/* --- names --- */

static void put_hex(const unsigned char *bytes, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

void samples_address(const struct samples *s, struct str owner, const unsigned char sha256[static SHA256_LEN], char ret[static SAMPLE_ADDRESS_LEN + 1])
{
	unsigned char mac[MAC_LEN];
	struct buf b;

	buf_init(&b, 8192);
	buf_put(&b, sha256, SHA256_LEN);
	buf_str(&b, str_slice(owner, 0, 4096));
	mac_sha256(s->name_key, buf_view(&b), mac);
	buf_done(&b);
	put_hex(mac, MAC_LEN, ret);
}

/* A network of IPv6 (/64) is one customer. */
static struct str customer(struct str address)
{
	int colons = 0;

	for (size_t i = 0; i < address.n; i++) {
		if (address.p[i] != ':')
			continue;
		if (++colons == 4 || (i + 1 < address.n && address.p[i + 1] == ':'))
			return str_slice(address, 0, i);
	}
	return address;
}

void samples_from(const struct samples *s, struct str address, char ret[static 33])
{
	unsigned char mac[MAC_LEN];

	mac_sha256(s->name_key, customer(address), mac);
	put_hex(mac, 16, ret);
}

/* Names are ours: hex digits and hyphens; whatever else asks is refused before it becomes a path. */
static enum rc path_of(const struct samples *s, enum sample_kind kind, struct str name, char path[static PATH_MAX], struct err *err)
{
	if (name.n < NAME_LEAST || name.n > SAMPLE_ADDRESS_LEN)
		return FAIL(err, RC_BAD, "lab: no such name");
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != '-' && !(name.p[i] >= '0' && name.p[i] <= '9') && !(name.p[i] >= 'a' && name.p[i] <= 'f'))
			return FAIL(err, RC_BAD, "lab: no such name");
	if (KINDS[kind].split)
		snprintf(path, PATH_MAX, "%s/%s/%.2s/%.*s", s->dir, KINDS[kind].folder, name.p, STR(name));
	else
		snprintf(path, PATH_MAX, "%s/%s/%.*s", s->dir, KINDS[kind].folder, STR(name));
	return RC_OK;
}

static enum rc sync_folder(const char *path, struct err *err)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
	return file_sync_dir(folder, err);
}

/* --- chests --- */

enum rc samples_get(const struct samples *s, enum sample_kind kind, struct str name, bool write, struct chest **ret, struct err *err)
{
	char path[PATH_MAX];

	TRY(path_of(s, kind, name, path, err));
	return chest_open(path, s->key, write, ret, err);
}

enum rc samples_new(const struct samples *s, enum sample_kind kind, struct str name, struct chest **ret, struct err *err)
{
	char path[PATH_MAX];

	TRY(path_of(s, kind, name, path, err));
	TRY(chest_create(path, s->key, ret, err));
	return sync_folder(path, err);
}

static enum rc fill(const struct samples *s, const char *path, struct str bytes, struct err *err)
{
	struct chest *c;
	enum rc rc;

	TRY(chest_create(path, s->key, &c, err));
	rc = chest_append(c, bytes, err);
	if (rc == RC_OK)
		rc = chest_sync(c, err);
	chest_close(c);
	if (rc != RC_OK)
		(void)!chest_destroy(path, NULL);
	return rc;
}

static enum rc fill_new(const struct samples *s, const char *path, char fresh[static PATH_MAX + 32], struct str bytes, struct err *err)
{
	uint64_t salt;

	random_bytes(&salt, sizeof salt);
	snprintf(fresh, PATH_MAX + 32, "%s.%016llx", path, (unsigned long long)salt);
	return fill(s, fresh, bytes, err);
}

/* A crash between leaves the old one, none, or the new one. Where there was none it may be cut short, and whoever put it knows that it is not done: that
 * spares the disk a second journal entry for the name. */
static enum rc put_new(const struct samples *s, const char *path, struct str bytes, struct err *err)
{
	char fresh[PATH_MAX + 32];
	enum rc rc;

	if (!file_exists(path)) {
		rc = fill(s, path, bytes, err);
		return rc == RC_OK ? sync_folder(path, err) : rc;
	}
	rc = fill_new(s, path, fresh, bytes, err);
	/* In one step, so that who reads meanwhile finds one of the two; what goes is destroyed, not merely replaced. */
	if (rc == RC_OK && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) != 0)
		return errno == ENOENT && rename(fresh, path) == 0 ? sync_folder(path, err) : FAIL(err, RC_IO, "lab: %m");
	if (rc == RC_OK)
		rc = chest_destroy(fresh, err);
	return rc == RC_OK ? sync_folder(path, err) : rc;
}

enum rc samples_put(const struct samples *s, enum sample_kind kind, struct str name, struct str bytes, struct err *err)
{
	char path[PATH_MAX];

	TRY(path_of(s, kind, name, path, err));
	return put_new(s, path, bytes, err);
}

enum rc samples_put_once(const struct samples *s, struct str address, struct str bytes, struct err *err)
{
	char path[PATH_MAX], fresh[PATH_MAX + 32];

	TRY(path_of(s, SAMPLE_CONTENT, address, path, err));
	TRY(fill_new(s, path, fresh, bytes, err));
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return sync_folder(path, err);
	if (errno != EEXIST) {
		err_set(err, RC_IO, "lab: %m");
		(void)!chest_destroy(fresh, NULL);
		return RC_IO;
	}
	TRY(chest_destroy(fresh, err));
	return sync_folder(path, err); /* that of whoever came first is as durable as his */
}

enum rc samples_read(const struct samples *s, enum sample_kind kind, struct str name, struct buf *out, struct err *err)
{
	struct chest *c;
	enum rc rc;

	rc = samples_get(s, kind, name, false, &c, err);
	if (rc == RC_CORRUPT) /* destroyed between its opening and the look into it: another one has taken its place, or none */
		rc = samples_get(s, kind, name, false, &c, err);
	TRY(rc);
	rc = chest_read(c, 0, SIZE_MAX, out, err);
	chest_close(c);
	return rc;
}

enum rc samples_keep(const struct samples *s, struct str upload, struct str address, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	TRY(path_of(s, SAMPLE_UPLOAD, upload, from, err));
	TRY(path_of(s, SAMPLE_CONTENT, address, to, err));
	if (file_exists(to))
		return samples_destroy(s, SAMPLE_UPLOAD, upload, err);
	if (rename(from, to) != 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "lab: %m");
	return sync_folder(to, err);
}

enum rc samples_destroy(const struct samples *s, enum sample_kind kind, struct str name, struct err *err)
{
	char path[PATH_MAX];

	TRY(path_of(s, kind, name, path, err));
	if (!file_exists(path))
		return RC_OK;
	TRY(chest_destroy(path, err));
	return sync_folder(path, err);
}

/* --- to a worker --- */

struct pouring {
	int fd;
	uint64_t at;
	struct hash_sha256_ctx *hash;
};

static bool pour(void *ctx, struct str piece)
{
	struct pouring *p = ctx;

	if (file_write_at(p->fd, p->at, piece, NULL) != RC_OK)
		return false;
	p->at += piece.n;
	hash_sha256_add(p->hash, piece);
	return true;
}

static enum rc pour_all(struct chest *c, int fd, uint64_t size, unsigned char *ret_sha256, struct err *err)
{
	struct pouring p = { .fd = fd, .hash = hash_sha256_new() };
	enum rc rc = p.hash == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : chest_each(c, pour, &p, err);

	if (p.hash != NULL)
		hash_sha256_end(p.hash, ret_sha256);
	hash_sha256_free(p.hash);
	if (rc == RC_OK && p.at != size)
		rc = FAIL(err, RC_CORRUPT, "lab: %llu of %llu bytes are there", (unsigned long long)p.at, (unsigned long long)size);
	if (rc == RC_OK && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		rc = FAIL(err, RC_IO, "lab: %m");
	return rc;
}

enum rc samples_memfd(const struct samples *s, enum sample_kind kind, struct str name, uint64_t size, int *ret_fd, unsigned char ret_sha256[static SHA256_LEN],
		      struct err *err)
{
	struct chest *c;
	enum rc rc;
	int fd;

	TRY(samples_get(s, kind, name, false, &c, err));
	fd = memfd_create("sample", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rc = fd < 0 ? FAIL(err, RC_IO, "lab: %m") : pour_all(c, fd, size, ret_sha256, err);
	chest_close(c);
	if (rc != RC_OK)
		file_closep(&fd);
	else
		*ret_fd = fd;
	return rc;
}

/* --- upkeep --- */

/* What lies in one folder since before `before` and is not wanted. `wanted` NULL: nothing is. */
static enum rc sweep_folder(const char *folder, usec before, bool (*wanted)(void *ctx, struct str name), void *ctx, uint64_t *ret_n, struct err *err)
{
	uint64_t n = 0;
	char path[PATH_MAX + 256];
	const struct dirent *e;
	struct stat st;
	enum rc rc = RC_OK;
	DIR *d = opendir(folder);

	if (d == NULL)
		return FAIL(err, RC_IO, "lab: %m");
	while (rc == RC_OK && *ret_n < SWEPT_AT_ONCE && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || (usec)st.st_mtime * USEC_PER_SEC >= before || (wanted != NULL && wanted(ctx, str_of(e->d_name))))
			continue;
		rc = chest_destroy(path, err);
		n++;
	}
	closedir(d);
	*ret_n += n;
	return rc == RC_OK && n > 0 ? file_sync_dir(folder, err) : rc;
}

enum rc samples_sweep(const struct samples *s, usec before, uint64_t *ret_n, struct err *err)
{
	char folder[PATH_MAX];

	*ret_n = 0;
	snprintf(folder, sizeof folder, "%s/%s", s->dir, KINDS[SAMPLE_UPLOAD].folder);
	return sweep_folder(folder, before, NULL, NULL, ret_n, err);
}

enum rc samples_sweep_content(const struct samples *s, usec before, bool (*wanted)(void *ctx, struct str address), void *ctx, uint64_t *ret_n, struct err *err)
{
	char folder[PATH_MAX];

	*ret_n = 0;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(folder, sizeof folder, "%s/%s/%02x", s->dir, KINDS[SAMPLE_CONTENT].folder, i);
		TRY(sweep_folder(folder, before, wanted, ctx, ret_n, err));
	}
	return RC_OK;
}
