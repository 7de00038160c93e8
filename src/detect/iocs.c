/* Buckets of one cache line: nine slots of 16 bits of the key's hash and 40 bits of the place of its line. A bucket that
 * is full overflows into the next, so that a look-up that misses reads one line, seldom two. A mark that fits is no hit
 * yet: the line is read from the file and compared. */
#include "detect/iocs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "detect/keys.h"
#include "sys/file.h"

#define SLOTS 9
#define FILL 8            /* slots of nine that are meant to be used on average, less a little */
#define PIECE ((size_t)1 << 20)
#define LINE_READ (VALUE_MAX + 64)
#define PLACE_BYTES 5

struct bucket {
	uint16_t mark[SLOTS];
	unsigned char place[SLOTS][PLACE_BYTES];
	unsigned char n; /* slots in use; SLOTS + 1: and it overflowed */
};
_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct list {
	const char *path;
	int fd;
	uint64_t base, size; /* place of its first byte among all lists */
	struct timespec changed;
};

struct iocs {
	struct list lists[IOCS_FILES_MAX];
	size_t n_lists;
	struct bucket *buckets;
	uint64_t n_buckets;
	struct key_prefixes prefixes;
	struct iocs_stats stats;
	char first_bad[ERR_TEXT_MAX];
};

static uint64_t bucket_of(const struct iocs *t, uint64_t hash)
{
	return (uint64_t)((unsigned __int128)hash * t->n_buckets >> 64);
}

static void put_place(unsigned char out[static PLACE_BYTES], uint64_t place)
{
	for (size_t i = 0; i < PLACE_BYTES; i++)
		out[i] = (unsigned char)(place >> (8 * i));
}

static uint64_t get_place(const unsigned char in[static PLACE_BYTES])
{
	uint64_t place = 0;

	for (size_t i = 0; i < PLACE_BYTES; i++)
		place |= (uint64_t)in[i] << (8 * i);
	return place;
}

static void insert(struct iocs *t, uint64_t hash, uint64_t place)
{
	for (uint64_t i = bucket_of(t, hash);; i = i + 1 == t->n_buckets ? 0 : i + 1) {
		struct bucket *b = &t->buckets[i];

		if (b->n >= SLOTS) {
			b->n = SLOTS + 1;
			continue;
		}
		b->mark[b->n] = (uint16_t)hash;
		put_place(b->place[b->n++], place);
		return;
	}
}

/* The value on a line as kind, normal form and key. False: a comment (`*ret_bad` false) or no value. */
static bool read_line(struct str line, struct buf *plain, struct buf *normal, char key[static KEY_MAX], enum observable_kind *ret_kind,
		      struct str *ret_key, bool *ret_bad, struct err *why)
{
	struct str value;

	*ret_bad = false;
	if (!value_of_line(line, &value))
		return false;
	*ret_bad = true;
	buf_clear(plain);
	buf_clear(normal);
	value_refang(plain, value);
	if (value_detect(buf_view(plain), ret_kind, normal, why) != RC_OK)
		return false;
	*ret_key = key_of(*ret_kind, buf_view(normal), key);
	if (ret_key->n == 0)
		return false;
	*ret_bad = false;
	return true;
}

struct loading {
	struct iocs *t;
	struct list *l;
	struct buf plain, normal, piece;
	uint64_t at, line; /* offset of the next line in this list; lines before it */
	bool counting;
};

static void take_line(struct loading *w, struct str line)
{
	char key[KEY_MAX] UNINIT;
	enum observable_kind kind;
	struct err why = { 0 };
	struct str bytes;
	bool bad;

	w->line++;
	w->t->stats.lines++;
	if (read_line(line, &w->plain, &w->normal, key, &kind, &bytes, &bad, &why)) {
		key_note_prefix(&w->t->prefixes, bytes);
		insert(w->t, hash_table(bytes), w->l->base + w->at);
		w->t->stats.values++;
	} else if (!bad) {
		w->t->stats.skipped++;
	} else if (w->t->stats.bad++ == 0) {
		snprintf(w->t->first_bad, sizeof w->t->first_bad, "%.200s:%llu: %.150s", w->l->path, (unsigned long long)w->line, why.text);
	}
}

/* Lines of a list in pieces; one longer than LINE_READ is cut there: no value is so long. */
static enum rc each_line(struct loading *w, struct err *err)
{
	uint64_t next = 0;

	w->at = 0;
	w->line = 0;
	buf_clear(&w->piece);
	for (;;) {
		size_t used = 0;
		char *room = buf_room(&w->piece, PIECE);
		ssize_t got;

		if (room == NULL)
			return FAIL(err, RC_NOMEM, "indicators: out of memory");
		got = pread(w->l->fd, room, PIECE, (off_t)next);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "%s: %s", w->l->path, strerror(errno));
		buf_grew(&w->piece, (size_t)got);
		next += (uint64_t)got;
		while (used < w->piece.n) {
			char *nl = memchr(w->piece.p + used, '\n', w->piece.n - used);
			size_t n = nl == NULL ? w->piece.n - used : (size_t)(nl - w->piece.p) - used;

			if (nl == NULL && got > 0)
				break;
			if (w->counting)
				w->t->stats.lines++;
			else
				take_line(w, str_make(w->piece.p + used, n < LINE_READ ? n : LINE_READ));
			w->at += n + (nl != NULL);
			used += n + (nl != NULL);
		}
		if (got == 0)
			return RC_OK;
		if (used == 0 && w->piece.n > 8 * PIECE)
			return FAIL(err, RC_LIMIT, "%s: the line at byte %llu is too long for a list of values", w->l->path, (unsigned long long)w->at);
		memmove(w->piece.p, w->piece.p + used, w->piece.n - used);
		buf_cut(&w->piece, w->piece.n - used);
	}
}

int iocs_open(const char *path)
{
	return open(strcmp(path, "-") == 0 ? "/dev/stdin" : path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static enum rc spool(int to, struct err *err)
{
	CLEANUP(mem_freep) char *piece = mem_alloc(PIECE);
	uint64_t size = 0;

	while (piece != NULL) {
		ssize_t got = read(STDIN_FILENO, piece, PIECE), put = 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			return RC_OK;
		while (put < got) {
			ssize_t n = write(to, piece + put, (size_t)(got - put));

			if (n < 0 && errno != EINTR)
				return FAIL(err, errno == ENOSPC || errno == ENOMEM ? RC_NOMEM : RC_IO, "standard input: %s", strerror(errno));
			put += n < 0 ? 0 : n;
		}
		size += got > 0 ? (uint64_t)got : 0;
		if (got < 0 || size > IOCS_STDIN_MAX)
			return got < 0 ? FAIL(err, RC_IO, "standard input: %s", strerror(errno)) :
				FAIL(err, RC_LIMIT, "standard input: more than %llu bytes of indicators; a file may be longer", (unsigned long long)IOCS_STDIN_MAX);
	}
	return FAIL(err, RC_NOMEM, "indicators: out of memory");
}

enum rc iocs_stdin(struct err *err)
{
	int fd CLEANUP(file_closep) = -1;
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		return RC_OK;
	fd = memfd_create("indicators", MFD_CLOEXEC);
	if (fd < 0)
		return FAIL(err, RC_IO, "standard input: %s", strerror(errno));
	TRY(spool(fd, err));
	return dup2(fd, STDIN_FILENO) >= 0 ? RC_OK : FAIL(err, RC_IO, "standard input: %s", strerror(errno));
}

static enum rc open_list(struct iocs *t, const char *path, struct err *err)
{
	struct list *l = &t->lists[t->n_lists];
	struct stat st;

	l->path = path;
	l->fd = iocs_open(path);
	if (l->fd < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	t->n_lists++;
	if (fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return FAIL(err, RC_IO, "%s: no regular file", path);
	l->size = (uint64_t)st.st_size;
	l->changed = st.st_mtim;
	l->base = t->n_lists == 1 ? 0 : l[-1].base + l[-1].size + 1;
	return l->base + l->size < IOCS_BYTES_MAX ? RC_OK : FAIL(err, RC_LIMIT, "the lists are longer than 1 TiB");
}

static enum rc all_lines(struct loading *w, bool counting, struct err *err)
{
	w->counting = counting;
	for (size_t i = 0; i < w->t->n_lists; i++) {
		w->l = &w->t->lists[i];
		TRY(each_line(w, err));
	}
	return RC_OK;
}

static enum rc load(struct loading *w, struct err *err)
{
	struct iocs *t = w->t;

	TRY(all_lines(w, true, err));
	t->n_buckets = t->stats.lines / (FILL - 1) + 2;
	t->stats.lines = 0;
	t->buckets = mem_array(t->n_buckets, sizeof *t->buckets);
	if (t->buckets == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	TRY(all_lines(w, false, err));
	t->stats.bytes = t->n_buckets * sizeof *t->buckets;
	t->stats.first_bad = str_of(t->first_bad);
	return RC_OK;
}

enum rc iocs_load(const char *const *paths, size_t n, struct iocs **ret, struct err *err)
{
	CLEANUP(iocs_freep) struct iocs *t = mem_alloc(sizeof *t);
	struct loading w = { .t = t };
	enum rc rc = RC_OK;

	if (t == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	if (n > IOCS_FILES_MAX)
		return FAIL(err, RC_LIMIT, "more than %d lists of indicators", IOCS_FILES_MAX);
	buf_init(&w.plain, 2 * VALUE_MAX);
	buf_init(&w.normal, 2 * VALUE_MAX);
	buf_init(&w.piece, 16 * PIECE);
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = open_list(t, paths[i], err);
	if (rc == RC_OK)
		rc = load(&w, err);
	buf_done(&w.plain);
	buf_done(&w.normal);
	buf_done(&w.piece);
	if (rc == RC_OK) {
		*ret = t;
		t = NULL;
	}
	return rc;
}

void iocs_free(struct iocs *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_lists; i++)
		file_closep(&t->lists[i].fd);
	mem_free(t->buckets);
	mem_free(t);
}

void iocs_freep(struct iocs **t)
{
	iocs_free(*t);
}

void iocs_stats(const struct iocs *t, struct iocs_stats *ret)
{
	*ret = t->stats;
}

/* --- looking up --- */

struct looking {
	const struct iocs *t;
	struct ioc_match *out;
	size_t n, max;
	char *scratch;
	size_t scratch_n, used;
	enum rc rc;
	struct err *err;
};

static const struct list *list_of(const struct iocs *t, uint64_t place)
{
	size_t i = t->n_lists - 1;

	while (t->lists[i].base > place)
		i--;
	return &t->lists[i];
}

static bool unchanged(const struct list *l)
{
	struct stat st;

	return fstat(l->fd, &st) == 0 && (uint64_t)st.st_size == l->size && st.st_mtim.tv_sec == l->changed.tv_sec &&
	       st.st_mtim.tv_nsec == l->changed.tv_nsec;
}

static void found(struct looking *q, const struct list *l, enum observable_kind kind, struct str normal)
{
	struct ioc_match *m = &q->out[q->n];

	if (q->scratch_n - q->used < normal.n)
		return;
	(void)value_id(kind, normal, m->id);
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->out[i].id, m->id) == 0)
			return;
	memcpy(q->scratch + q->used, normal.p, normal.n);
	m->matched = str_make(q->scratch + q->used, normal.n);
	m->file = l->path;
	q->used += normal.n;
	q->n++;
}

/* Is the line at `place` the value that `key` stands for? */
static void confirm(struct looking *q, uint64_t place, struct str key)
{
	const struct list *l = list_of(q->t, place);
	char line[LINE_READ], own[KEY_MAX] UNINIT;
	struct buf plain, normal;
	enum observable_kind kind;
	struct str bytes;
	const char *nl;
	ssize_t got;
	bool bad;

	do
		got = pread(l->fd, line, sizeof line, (off_t)(place - l->base));
	while (got < 0 && errno == EINTR);
	if (got <= 0 || !unchanged(l)) {
		q->rc = FAIL(q->err, RC_IO, "%s: the list changed while it is in use; start again", l->path);
		return;
	}
	nl = memchr(line, '\n', (size_t)got);
	buf_init(&plain, 2 * VALUE_MAX);
	buf_init(&normal, 2 * VALUE_MAX);
	if (read_line(str_make(line, nl == NULL ? (size_t)got : (size_t)(nl - line)), &plain, &normal, own, &kind, &bytes, &bad, NULL) &&
	    str_eq(bytes, key))
		found(q, l, kind, buf_view(&normal));
	buf_done(&plain);
	buf_done(&normal);
}

static bool probe(void *ctx, struct str key, struct str matched)
{
	struct looking *q = ctx;
	uint64_t hash = hash_table(key);

	(void)matched;
	for (uint64_t i = bucket_of(q->t, hash);; i = i + 1 == q->t->n_buckets ? 0 : i + 1) {
		const struct bucket *b = &q->t->buckets[i];

		for (size_t k = 0; k < SLOTS && k < b->n && q->n < q->max && q->rc == RC_OK; k++)
			if (b->mark[k] == (uint16_t)hash)
				confirm(q, get_place(b->place[k]), key);
		if (b->n <= SLOTS)
			break;
	}
	return q->n < q->max && q->rc == RC_OK;
}

enum rc iocs_lookup(const struct iocs *t, const struct observable *o, struct ioc_match *out, size_t max, size_t *ret_n, char *scratch,
		    size_t scratch_n, struct err *err)
{
	struct looking q = { .t = t, .out = out, .max = max, .scratch = scratch, .scratch_n = scratch_n, .err = err };

	if (t->stats.values > 0)
		keys_of(o->kind, o->value, &t->prefixes, probe, &q);
	*ret_n = q.n;
	return q.rc;
}
