/* One sorted array of 20-byte rows: 16 bytes of the digest (of a SHA-256 or SHA-1 its first ones: two that share them by chance are
 * not to be expected in 2^64 files) and the place of a name. A table of first two bytes says where a binary search begins.
 *
 * Sealed, all of it lies in shared memory that nobody may write: the zygote's forks then cost the same with ten million rows as with
 * none, because the kernel copies no page tables of shared memory. */
#include "lab/hashes.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"

#define LIST_BYTES ((size_t)2 << 30)
#define ROWS_MAX ((size_t)64 << 20)
#define NAMES_MAX ((size_t)1 << 30)
#define KEY 16
#define PLACES 65537
#define GOOD (1u << 31) /* in a row's name */

struct row {
	unsigned char key[KEY];
	uint32_t name; /* where in `names` its text begins; GOOD set for a good file */
};

struct lab_hashes {
	struct row *rows;
	size_t n, cap;
	struct buf names; /* texts with a NUL behind each */
	uint32_t first[PLACES];
	char *shared; /* once sealed: the places, the rows, the names */
	size_t n_shared;
};

/* Where the parts lie, sealed. */
static const uint32_t *places_of(const struct lab_hashes *h)
{
	return (const uint32_t *)(const void *)h->shared;
}

static const struct row *rows_of(const struct lab_hashes *h)
{
	return (const struct row *)(const void *)(h->shared + PLACES * sizeof(uint32_t));
}

static const char *names_of(const struct lab_hashes *h)
{
	return h->shared + PLACES * sizeof(uint32_t) + h->n * sizeof(struct row);
}

enum rc lab_hashes_new(struct lab_hashes **ret, struct err *err)
{
	*ret = mem_alloc(sizeof **ret);
	if (*ret == NULL)
		return FAIL(err, RC_NOMEM, "hashes: out of memory");
	buf_init(&(*ret)->names, NAMES_MAX);
	buf_char(&(*ret)->names, '\0');
	return RC_OK;
}

void lab_hashes_free(struct lab_hashes *h)
{
	if (h == NULL)
		return;
	mem_free(h->rows);
	buf_done(&h->names);
	if (h->shared != NULL)
		munmap(h->shared, h->n_shared);
	mem_free(h);
}

size_t lab_hashes_count(const struct lab_hashes *h)
{
	return h->n;
}

static struct row *next_row(struct lab_hashes *h)
{
	size_t cap = h->cap == 0 ? 1024 : h->cap + h->cap / 2;
	struct row *p;

	if (h->n == h->cap) {
		p = cap > ROWS_MAX ? NULL : mem_resize(h->rows, cap * sizeof *p);
		if (p == NULL)
			return NULL;
		h->rows = p;
		h->cap = cap;
	}
	return &h->rows[h->n++];
}

/* "name" of "HEX name", "HEX,name", "HEX  *name". */
static struct str name_of(struct str line, size_t hex)
{
	struct str name = str_trim(str_slice(line, hex, line.n));

	while (name.n > 0 && (name.p[0] == ',' || name.p[0] == '*' || name.p[0] == ' '))
		name = str_slice(name, 1, name.n);
	return name;
}

static enum rc add_line(struct lab_hashes *h, struct str line, bool good, uint32_t unnamed, struct err *err)
{
	size_t hex = 0;
	struct str name;
	struct row *r;

	while (hex < line.n && hex_value(line.p[hex]) >= 0)
		hex++;
	if (hex != 2 * SHA256_LEN && hex != 2 * SHA1_LEN && hex != 2 * MD5_LEN)
		return FAIL(err, RC_BAD, "expected a SHA-256, SHA-1 or MD5 in hexadecimal");
	name = name_of(line, hex);
	r = next_row(h);
	if (r == NULL)
		return FAIL(err, RC_LIMIT, "too many digests");
	for (size_t i = 0; i < KEY; i++)
		r->key[i] = (unsigned char)(hex_value(line.p[2 * i]) << 4 | hex_value(line.p[2 * i + 1]));
	r->name = (name.n == 0 ? unnamed : (uint32_t)h->names.n) | (good ? GOOD : 0);
	if (name.n > 0) {
		buf_str(&h->names, str_slice(name, 0, 255));
		buf_char(&h->names, '\0');
	}
	return buf_check(&h->names, err, "hashes");
}

enum rc lab_hashes_add(struct lab_hashes *h, const char *path, bool good, struct buf *generation, struct err *err)
{
	unsigned char sum[SHA256_LEN];
	struct str rest, line;
	struct buf text;
	uint32_t unnamed = (uint32_t)h->names.n;
	enum rc rc = file_read(path, LIST_BYTES, &text, err);

	if (rc != RC_OK)
		return rc;
	/* A digest without a name is called by its list. */
	buf_cstr(&h->names, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
	buf_char(&h->names, '\0');
	rest = buf_view(&text);
	for (size_t n = 1; rc == RC_OK && str_next(&rest, '\n', &line); n++) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		rc = add_line(h, line, good, unnamed, err);
		if (rc != RC_OK)
			err_prefix(err, "%s: line %zu", path, n);
	}
	hash_sha256(buf_view(&text), sum);
	buf_cstr(generation, good ? "good " : "bad ");
	hex_put(generation, str_make((const char *)sum, sizeof sum));
	buf_char(generation, '\n');
	buf_done(&text);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(x->key, y->key, KEY);

	/* Of a digest on both sorts of lists the bad one is found. */
	return order != 0 ? order : (x->name & GOOD) < (y->name & GOOD) ? -1 : (x->name & GOOD) > (y->name & GOOD);
}

static enum rc move_to_shared(struct lab_hashes *h, struct err *err)
{
	size_t n = sizeof h->first + h->n * sizeof *h->rows + h->names.n;
	CLEANUP(file_closep) int fd = memfd_create("hashes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *p = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)n) == 0)
		p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return FAIL(err, RC_NOMEM, "hashes: %m");
	memcpy(p, h->first, sizeof h->first);
	if (h->n > 0)
		memcpy(p + sizeof h->first, h->rows, h->n * sizeof *h->rows);
	memcpy(p + sizeof h->first + h->n * sizeof *h->rows, h->names.p, h->names.n);
	h->shared = p;
	h->n_shared = n;
	mem_free(h->rows);
	h->rows = NULL;
	buf_done(&h->names);
	return mprotect(p, n, PROT_READ) == 0 ? RC_OK : FAIL(err, RC_IO, "hashes: %m");
}

enum rc lab_hashes_seal(struct lab_hashes *h, struct err *err)
{
	size_t at = 0;

	if (h->n > UINT32_MAX)
		return FAIL(err, RC_LIMIT, "hashes: too many");
	if (h->n > 0)
		qsort(h->rows, h->n, sizeof *h->rows, by_key);
	for (uint32_t two = 0; two <= 65536; two++) {
		while (at < h->n && (uint32_t)(h->rows[at].key[0] << 8 | h->rows[at].key[1]) < two)
			at++;
		h->first[two] = (uint32_t)at;
	}
	return move_to_shared(h, err);
}

bool lab_hashes_find(const struct lab_hashes *h, const unsigned char *digest, size_t n, struct lab_hash_hit *ret)
{
	uint32_t two = (uint32_t)(digest[0] << 8 | digest[1]);
	const struct row *rows = rows_of(h);
	size_t low = places_of(h)[two], high = places_of(h)[two + 1], end = high;

	if (n < KEY)
		return false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(rows[mid].key, digest, KEY) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low >= end || memcmp(rows[low].key, digest, KEY) != 0)
		return false;
	ret->good = (rows[low].name & GOOD) != 0;
	ret->name = str_of(names_of(h) + (rows[low].name & ~GOOD));
	return true;
}
