/* One sorted array: of each digest the 16 first bytes (of a SHA-256 or SHA-1: two that share them by chance are not to be expected in 2^64 files)
 * and the place of a name. The two bytes that a table of places tells are not kept: 18 bytes a row, ten million in 180 MB.
 *
 * It is gathered, sorted and pressed together where it stays, in shared memory that nobody may write once it is sealed: no second copy
 * is ever there, and the zygote's forks cost the same with ten million rows as with none, because the kernel copies no page tables of
 * shared memory. Sorted by the first byte, then by the second, then each small rest: library sorts would take as much memory again. */
#include "lab/hashes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"

#define ROWS_MAX ((size_t)64 << 20)
#define NAMES_MAX ((size_t)1 << 30)
#define KEY 16
#define PLACES 65537
#define PLACES_BYTES (PLACES * sizeof(uint32_t))
#define GROW ((size_t)1 << 16) /* rows */
#define GOOD (1u << 31) /* in a row's name */

struct row {
	unsigned char key[KEY];
	uint32_t name; /* where in `names` its text begins; GOOD set for a good file */
};

/* The same pressed together: the key without its two first bytes, the name. */
#define PRESSED (KEY - 2 + sizeof(uint32_t))

/* At the end of a table that is a file. */
struct tail {
	uint64_t rows, names;
	char magic[16];
};
#define MAGIC "lianfang-hashes1"

struct lab_hashes {
	int fd;
	char *shared;     /* rows while they are gathered; once sealed the places, the pressed rows, the names */
	size_t n_shared;
	size_t n, cap, n_names; /* n_names: bytes, once sealed */
	struct buf names; /* texts with a NUL behind each; until it is sealed */
	bool sealed;
};

/* Where the parts lie, sealed. */
static const uint32_t *places_of(const struct lab_hashes *h)
{
	return (const uint32_t *)(const void *)h->shared;
}

static const unsigned char *row_of(const struct lab_hashes *h, size_t i)
{
	return (const unsigned char *)h->shared + PLACES_BYTES + i * PRESSED;
}

static const char *names_of(const struct lab_hashes *h)
{
	return h->shared + PLACES_BYTES + h->n * PRESSED;
}

/* Where they are gathered: behind the places, so that what is pressed never overtakes what is read. */
static struct row *rows_of(const struct lab_hashes *h)
{
	return (struct row *)(void *)(h->shared + PLACES_BYTES);
}

static enum rc resize(struct lab_hashes *h, size_t n, struct err *err)
{
	char *p = MAP_FAILED;

	if (ftruncate(h->fd, (off_t)n) == 0)
		p = h->shared == NULL ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0) : mremap(h->shared, h->n_shared, n, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return FAIL(err, RC_NOMEM, "hashes: %m");
	h->shared = p;
	h->n_shared = n;
	return RC_OK;
}

enum rc lab_hashes_new(struct lab_hashes **ret, struct err *err)
{
	struct lab_hashes *h = mem_alloc(sizeof *h);
	enum rc rc;

	if (h == NULL)
		return FAIL(err, RC_NOMEM, "hashes: out of memory");
	buf_init(&h->names, NAMES_MAX);
	buf_char(&h->names, '\0');
	h->fd = memfd_create("hashes", MFD_CLOEXEC);
	rc = h->fd < 0 ? FAIL(err, RC_IO, "hashes: %m") : resize(h, PLACES_BYTES, err);
	if (rc != RC_OK) {
		lab_hashes_free(h);
		return rc;
	}
	*ret = h;
	return RC_OK;
}

void lab_hashes_free(struct lab_hashes *h)
{
	if (h == NULL)
		return;
	buf_done(&h->names);
	if (h->shared != NULL)
		munmap(h->shared, h->n_shared);
	file_closep(&h->fd);
	mem_free(h);
}

size_t lab_hashes_count(const struct lab_hashes *h)
{
	return h->n;
}

static struct row *next_row(struct lab_hashes *h)
{
	if (h->n == h->cap) {
		size_t cap = h->cap + GROW + h->cap / 8;

		if (cap > ROWS_MAX || resize(h, PLACES_BYTES + cap * sizeof(struct row), NULL) != RC_OK)
			return NULL;
		h->cap = cap;
	}
	return &rows_of(h)[h->n++];
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

static enum rc add_lines(struct lab_hashes *h, const char *path, struct str text, bool good, uint32_t unnamed, struct err *err)
{
	struct str line;
	enum rc rc = RC_OK;

	for (size_t n = 1; rc == RC_OK && str_next(&text, '\n', &line); n++) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		rc = add_line(h, line, good, unnamed, err);
		if (rc != RC_OK)
			err_prefix(err, "%s: line %zu", path, n);
	}
	return rc;
}

/* Mapped and not read: a list of ten million lines is longer than the table. */
static enum rc map_list(const char *path, struct str *ret, struct err *err)
{
	CLEANUP(file_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) != 0)
		return FAIL(err, RC_NOTFOUND, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return FAIL(err, RC_BAD, "%s: is no regular file", path);
	*ret = S("");
	if (st.st_size == 0)
		return RC_OK;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		return FAIL(err, RC_IO, "%s: %m", path);
	*ret = str_make(p, (size_t)st.st_size);
	return RC_OK;
}

/* Is it a table of ours, and whole? Its own places and names are checked once, so that a look-up need not. */
static bool is_table(struct str text, struct tail *t)
{
	const uint32_t *places = (const uint32_t *)(const void *)text.p;

	if (text.n < PLACES_BYTES + sizeof *t)
		return false;
	memcpy(t, text.p + text.n - sizeof *t, sizeof *t);
	if (memcmp(t->magic, MAGIC, sizeof t->magic) != 0 || t->rows > ROWS_MAX || t->names == 0 || t->names > NAMES_MAX ||
	    text.n != PLACES_BYTES + t->rows * PRESSED + t->names + sizeof *t || text.p[text.n - sizeof *t - 1] != '\0' || places[65536] != t->rows)
		return false;
	for (size_t i = 0; i < 65536; i++)
		if (places[i] > places[i + 1])
			return false;
	for (size_t i = 0; i < t->rows; i++) {
		uint32_t name;

		memcpy(&name, text.p + PLACES_BYTES + i * PRESSED + KEY - 2, sizeof name);
		if ((name & ~GOOD) >= t->names)
			return false;
	}
	return true;
}

/* The table takes the place of what is gathered, of which there is nothing yet. */
static void adopt(struct lab_hashes *h, struct str text, const struct tail *t)
{
	munmap(h->shared, h->n_shared);
	file_closep(&h->fd);
	buf_done(&h->names);
	h->shared = (char *)(uintptr_t)text.p;
	h->n_shared = text.n;
	h->n = (size_t)t->rows;
	h->n_names = (size_t)t->names;
	h->sealed = true;
}

enum rc lab_hashes_save(const struct lab_hashes *h, const char *path, struct err *err)
{
	struct tail t = { .rows = h->n, .names = h->n_names };
	char next[4096];
	enum rc rc;

	if (!h->sealed || snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
		return FAIL(err, RC_LIMIT, "%s: cannot be written", path);
	memcpy(t.magic, MAGIC, sizeof t.magic);
	{
		CLEANUP(file_closep) int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		rc = fd < 0 ? FAIL(err, RC_IO, "%s: %m", next) : file_write_at(fd, 0, str_make(h->shared, PLACES_BYTES + h->n * PRESSED + h->n_names), err);
		if (rc == RC_OK)
			rc = file_write_at(fd, PLACES_BYTES + h->n * PRESSED + h->n_names, str_make((const char *)&t, sizeof t), err);
		if (rc == RC_OK)
			rc = file_sync_data(fd, err);
	}
	if (rc == RC_OK && rename(next, path) != 0)
		rc = FAIL(err, RC_IO, "%s: %m", path);
	return rc;
}

enum rc lab_hashes_add(struct lab_hashes *h, const char *path, bool good, struct buf *generation, struct err *err)
{
	unsigned char sum[SHA256_LEN];
	uint32_t unnamed = (uint32_t)h->names.n;
	struct str text;
	struct tail t;
	enum rc rc;

	if (h->sealed)
		return FAIL(err, RC_BAD, "%s: a table of digests goes with no other list", path);
	TRY(map_list(path, &text, err));
	hash_sha256(text, sum);
	buf_cstr(generation, good ? "good " : "bad ");
	hex_put(generation, str_make((const char *)sum, sizeof sum));
	buf_char(generation, '\n');
	if (h->n == 0 && is_table(text, &t)) {
		adopt(h, text, &t);
		return RC_OK;
	}
	/* A digest without a name is called by its list. */
	buf_cstr(&h->names, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
	buf_char(&h->names, '\0');
	rc = add_lines(h, path, text, good, unnamed, err);
	if (text.n > 0)
		munmap((void *)(uintptr_t)text.p, text.n);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(x->key, y->key, KEY);

	/* Of a digest on both sorts of lists the bad one is found. */
	return order != 0 ? order : (x->name & GOOD) < (y->name & GOOD) ? -1 : (x->name & GOOD) > (y->name & GOOD);
}

/* By one byte of the key, in place; ends[b] is where the rows of byte b end. */
static void sort_by_byte(struct row *rows, size_t n, size_t byte, size_t ends[static 256])
{
	size_t next[256], count[256] = { 0 }, at = 0;

	for (size_t i = 0; i < n; i++)
		count[rows[i].key[byte]]++;
	for (size_t b = 0; b < 256; b++) {
		next[b] = at;
		at += count[b];
		ends[b] = at;
	}
	for (size_t b = 0; b < 256; b++)
		while (next[b] < ends[b]) {
			struct row r = rows[next[b]];

			while (r.key[byte] != b) {
				size_t to = next[r.key[byte]]++;
				struct row other = rows[to];

				rows[to] = r;
				r = other;
			}
			rows[next[b]++] = r;
		}
}

/* Short ranges: most hold a hundred rows of equal first bytes. */
static void sort_rest(struct row *rows, size_t n)
{
	if (n > 1)
		qsort(rows, n, sizeof *rows, by_key);
}

static void sort(struct row *rows, size_t n, uint32_t *places)
{
	size_t first[256], second[256], from = 0;

	sort_by_byte(rows, n, 0, first);
	for (size_t a = 0; a < 256; from = first[a++]) {
		size_t at = 0;

		sort_by_byte(rows + from, first[a] - from, 1, second);
		for (size_t b = 0; b < 256; at = second[b++]) {
			places[a << 8 | b] = (uint32_t)(from + at);
			sort_rest(rows + from + at, second[b] - at);
		}
	}
	places[65536] = (uint32_t)n;
}

static void press(struct lab_hashes *h)
{
	const char *from = h->shared + PLACES_BYTES;
	char *to = h->shared + PLACES_BYTES;

	for (size_t i = 0; i < h->n; i++, from += sizeof(struct row), to += PRESSED)
		memmove(to, from + 2, PRESSED);
}

enum rc lab_hashes_seal(struct lab_hashes *h, struct err *err)
{
	size_t rows;

	if (h->sealed)
		return RC_OK;
	if (h->n > UINT32_MAX)
		return FAIL(err, RC_LIMIT, "hashes: too many");
	sort(rows_of(h), h->n, (uint32_t *)(void *)h->shared);
	press(h);
	rows = PLACES_BYTES + h->n * PRESSED;
	TRY(resize(h, rows + h->names.n, err));
	memcpy(h->shared + rows, h->names.p, h->names.n);
	h->n_names = h->names.n;
	buf_done(&h->names);
	h->sealed = true;
	file_closep(&h->fd);
	return mprotect(h->shared, h->n_shared, PROT_READ) == 0 ? RC_OK : FAIL(err, RC_IO, "hashes: %m");
}

bool lab_hashes_find(const struct lab_hashes *h, const unsigned char *digest, size_t n, struct lab_hash_hit *ret)
{
	uint32_t two = (uint32_t)(digest[0] << 8 | digest[1]), name;
	size_t low, high, end;

	if (n < KEY || !h->sealed)
		return false;
	low = places_of(h)[two];
	end = high = places_of(h)[two + 1];
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(row_of(h, mid), digest + 2, KEY - 2) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low >= end || memcmp(row_of(h, low), digest + 2, KEY - 2) != 0)
		return false;
	memcpy(&name, row_of(h, low) + KEY - 2, sizeof name);
	ret->good = (name & GOOD) != 0;
	ret->name = str_of(names_of(h) + (name & ~GOOD));
	return true;
}
