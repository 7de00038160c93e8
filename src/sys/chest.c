#include "sys/chest.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sys/file.h"
#include "sys/keys.h"

#define MAGIC S("LFCHEST1")
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD (8 + NONCE + CHEST_KEY_LEN + TAG)
#define RECORD_HEAD (4 + NONCE)
#define RECORD_MORE (RECORD_HEAD + TAG)

_Static_assert(CHEST_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "libsodium's sizes");

struct record {
	uint64_t plain, file; /* where it begins: in what is kept, and on the disk */
	uint32_t n;
};

struct chest {
	int fd;
	unsigned char key[CHEST_KEY_LEN];
	uint64_t size, end;   /* bytes kept; where the next record goes */
	struct record *records;
	size_t n, cap;
	unsigned char *work;  /* one record as it lies on the disk */
	unsigned char *plain;
};

/* --- the head --- */

static void bytes_of(struct str s, unsigned char *to)
{
	memcpy(to, s.p, s.n);
}

static void make_head(struct chest *c, const unsigned char *master, unsigned char head[static HEAD])
{
	bytes_of(MAGIC, head);
	random_bytes(head + 8, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(head + 8 + NONCE, NULL, c->key, CHEST_KEY_LEN, head, 8, NULL, head + 8, master);
}

static bool open_head(struct chest *c, const unsigned char *master, const unsigned char head[static HEAD])
{
	return memcmp(head, MAGIC.p, 8) == 0 &&
	       crypto_aead_xchacha20poly1305_ietf_decrypt(c->key, NULL, NULL, head + 8 + NONCE, CHEST_KEY_LEN + TAG, head, 8, head + 8, master) == 0;
}

static struct chest *chest_alloc(void)
{
	struct chest *c = mem_alloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->fd = -1;
	c->end = HEAD;
	c->work = mem_alloc(CHEST_RECORD + RECORD_MORE);
	c->plain = mem_alloc(CHEST_RECORD);
	if (c->work != NULL && c->plain != NULL)
		return c;
	chest_close(c);
	return NULL;
}

void chest_close(struct chest *c)
{
	if (c == NULL)
		return;
	if (c->plain != NULL)
		secret_wipe(c->plain, CHEST_RECORD);
	secret_wipe(c->key, sizeof c->key);
	file_closep(&c->fd);
	mem_free(c->records);
	mem_free(c->work);
	mem_free(c->plain);
	mem_free(c);
}

/* A lock of the open file, not of the process: a second thread of this one is refused as well. */
static bool lock(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static enum rc put_head(struct chest *c, const char *path, const unsigned char *master, struct err *err)
{
	unsigned char head[HEAD];

	c->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->fd < 0)
		return FAIL(err, errno == EEXIST ? RC_CONFLICT : errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO, "chest: %m");
	if (!lock(c->fd))
		return FAIL(err, RC_BUSY, "chest: somebody else writes it");
	random_bytes(c->key, sizeof c->key);
	make_head(c, master, head);
	return file_write_at(c->fd, 0, str_make((const char *)head, HEAD), err);
}

enum rc chest_create(const char *path, const unsigned char master[static CHEST_KEY_LEN], struct chest **ret, struct err *err)
{
	struct chest *c = chest_alloc();
	enum rc rc;

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "chest: out of memory");
	rc = put_head(c, path, master, err);
	if (rc != RC_OK) {
		if (c->fd >= 0)
			unlink(path);
		chest_close(c);
		return rc;
	}
	*ret = c;
	return RC_OK;
}

/* --- records --- */

static enum rc add_record(struct chest *c, uint32_t n, struct err *err)
{
	if (c->n == CHEST_RECORDS_MAX)
		return FAIL(err, RC_LIMIT, "chest: more than %d pieces", CHEST_RECORDS_MAX);
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 16 : c->cap * 2;
		struct record *more = mem_resize(c->records, cap * sizeof *more);

		if (more == NULL)
			return FAIL(err, RC_NOMEM, "chest: out of memory");
		c->records = more;
		c->cap = cap;
	}
	c->records[c->n++] = (struct record){ .plain = c->size, .file = c->end, .n = n };
	c->size += n;
	c->end += (uint64_t)n + RECORD_MORE;
	return RC_OK;
}

static void le64(unsigned char *to, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t le32_of(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool read_exactly(int fd, uint64_t at, unsigned char *to, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += (uint64_t)got;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

/* Its bytes into c->plain. */
static bool open_record(struct chest *c, const struct record *r)
{
	unsigned char where[8];

	le64(where, r->plain);
	return read_exactly(c->fd, r->file, c->work, (size_t)r->n + RECORD_MORE) && le32_of(c->work) == r->n &&
	       crypto_aead_xchacha20poly1305_ietf_decrypt(c->plain, NULL, NULL, c->work + RECORD_HEAD, (unsigned long long)r->n + TAG, where, sizeof where,
							  c->work + 4, c->key) == 0;
}

static enum rc walk(struct chest *c, bool prove, struct err *err)
{
	struct stat st;

	if (fstat(c->fd, &st) != 0)
		return FAIL(err, RC_IO, "chest: %m");
	while (c->end + RECORD_MORE <= (uint64_t)st.st_size) {
		unsigned char head[4];
		uint64_t size = c->size, end = c->end;

		if (!read_exactly(c->fd, c->end, head, sizeof head))
			return FAIL(err, RC_IO, "chest: cannot be read");
		if (le32_of(head) == 0 || le32_of(head) > CHEST_RECORD || c->end + RECORD_MORE + le32_of(head) > (uint64_t)st.st_size)
			return RC_OK;
		TRY(add_record(c, le32_of(head), err));
		if (prove && !open_record(c, &c->records[c->n - 1])) {
			c->n--;
			c->size = size;
			c->end = end;
			return RC_OK;
		}
	}
	return RC_OK;
}

static enum rc open_it(struct chest *c, const char *path, const unsigned char *master, bool write, struct err *err)
{
	unsigned char head[HEAD];

	c->fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
	if (c->fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "chest: %m");
	if (write && !lock(c->fd))
		return FAIL(err, RC_BUSY, "chest: somebody else writes it");
	if (!read_exactly(c->fd, 0, head, HEAD) || !open_head(c, master, head))
		return FAIL(err, RC_CORRUPT, "chest: its key is gone, or is none of this node's");
	TRY(walk(c, write, err));
	if (write && ftruncate(c->fd, (off_t)c->end) != 0)
		return FAIL(err, RC_IO, "chest: %m");
	return RC_OK;
}

enum rc chest_open(const char *path, const unsigned char master[static CHEST_KEY_LEN], bool write, struct chest **ret, struct err *err)
{
	struct chest *c = chest_alloc();
	enum rc rc = c == NULL ? FAIL(err, RC_NOMEM, "chest: out of memory") : open_it(c, path, master, write, err);

	if (rc != RC_OK) {
		chest_close(c);
		return rc;
	}
	*ret = c;
	return RC_OK;
}

uint64_t chest_size(const struct chest *c)
{
	return c->size;
}

static enum rc append_one(struct chest *c, struct str bytes, struct err *err)
{
	uint64_t at = c->end;
	unsigned char where[8];

	le64(where, c->size);
	for (int i = 0; i < 4; i++)
		c->work[i] = (unsigned char)(bytes.n >> 8 * i);
	random_bytes(c->work + 4, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(c->work + RECORD_HEAD, NULL, (const unsigned char *)bytes.p, bytes.n, where, sizeof where, NULL,
						   c->work + 4, c->key);
	TRY(add_record(c, (uint32_t)bytes.n, err));
	return file_write_at(c->fd, at, str_make((const char *)c->work, bytes.n + RECORD_MORE), err);
}

enum rc chest_append(struct chest *c, struct str bytes, struct err *err)
{
	const uint64_t size = c->size, end = c->end;
	const size_t n = c->n;
	enum rc rc = RC_OK;

	while (rc == RC_OK && bytes.n > 0) {
		rc = append_one(c, str_slice(bytes, 0, CHEST_RECORD), err);
		bytes = str_slice(bytes, CHEST_RECORD, bytes.n);
	}
	if (rc == RC_OK)
		return RC_OK;
	c->size = size;
	c->end = end;
	c->n = n;
	if (ftruncate(c->fd, (off_t)end) != 0)
		return FAIL(err, RC_IO, "chest: %m");
	return rc;
}

enum rc chest_sync(struct chest *c, struct err *err)
{
	return file_sync_data(c->fd, err);
}

/* --- reading --- */

/* The record that holds `at`, which is below the size. */
static size_t find(const struct chest *c, uint64_t at)
{
	size_t low = 0, high = c->n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (c->records[mid].plain <= at)
			low = mid;
		else
			high = mid;
	}
	return low;
}

enum rc chest_read(struct chest *c, uint64_t at, size_t n, struct buf *out, struct err *err)
{
	for (size_t i = at < c->size ? find(c, at) : c->n; i < c->n && n > 0; i++) {
		const struct record *r = &c->records[i];
		size_t skip = (size_t)(at - r->plain), part = r->n - skip;

		if (!open_record(c, r))
			return FAIL(err, RC_CORRUPT, "chest: byte %llu was changed on the disk", (unsigned long long)r->plain);
		part = part < n ? part : n;
		buf_put(out, c->plain + skip, part);
		at += part;
		n -= part;
	}
	return buf_check(out, err, "chest");
}

enum rc chest_each(struct chest *c, bool (*fn)(void *ctx, struct str piece), void *ctx, struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!open_record(c, &c->records[i]))
			return FAIL(err, RC_CORRUPT, "chest: byte %llu was changed on the disk", (unsigned long long)c->records[i].plain);
		if (!fn(ctx, str_make((const char *)c->plain, c->records[i].n)))
			return FAIL(err, RC_IO, "chest: what was read is not taken");
	}
	return RC_OK;
}

enum rc chest_destroy(const char *path, struct err *err)
{
	CLEANUP(file_closep) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	unsigned char nothing[HEAD] = { 0 };

	if (fd < 0 && errno == ENOENT)
		return RC_OK;
	if (fd < 0)
		return FAIL(err, RC_IO, "chest: %m");
	TRY(file_write_at(fd, 0, str_make((const char *)nothing, HEAD), err));
	TRY(file_sync_data(fd, err));
	if (unlink(path) != 0 && errno != ENOENT)
		return FAIL(err, RC_IO, "chest: %m");
	return RC_OK;
}
