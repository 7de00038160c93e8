/* Eight bytes an indicator: what a file says of it, as a number. */
#include "cli/queue_news.h"

#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cli/hunting.h"

#define ARENA_MAX ((size_t)4 << 30)

struct stamp { uint64_t ino, size; int64_t sec, nsec; };

struct queue_news {
	const char *paths[QUEUE_NEWS_FILES];
	size_t n;
	struct stamp stamps[QUEUE_NEWS_FILES];
	uint64_t *known; /* sorted; NULL: too many to be told apart, or none */
	size_t n_known;
	bool too_many;
};

static uint64_t stamp(const char *path, struct stamp *ret)
{
	struct stat st;

	*ret = (struct stamp){ 0 };
	if (stat(path, &st) != 0)
		return 0;
	*ret = (struct stamp){ (uint64_t)st.st_ino, (uint64_t)st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
	return ret->size;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->size == b->size && a->sec == b->sec && a->nsec == b->nsec;
}

static int order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t print_of(const struct image_indicator *i)
{
	return hash_stable(i->id) ^ hash_stable(i->pattern) * 3;
}

/* Before they are read: what is written meanwhile is a change. */
static void look(struct queue_news *k)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < k->n; i++)
		bytes += stamp(k->paths[i], &k->stamps[i]);
	k->too_many = bytes > QUEUE_NEWS_BYTES;
}

static enum rc note(struct queue_news *k, const struct image_indicator *list, size_t n, struct err *err)
{
	uint64_t *fresh = mem_array(n + 1, sizeof *fresh);

	if (fresh == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		fresh[i] = print_of(&list[i]);
	qsort(fresh, n, sizeof *fresh, order);
	mem_free(k->known);
	k->known = fresh;
	k->n_known = n;
	return RC_OK;
}

enum rc queue_news_new(const char *const *paths, size_t n, struct queue_news **ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ARENA_MAX);
	struct queue_news *k = mem_alloc(sizeof *k);
	struct image_indicator *none;
	size_t n_none;
	bool many;
	enum rc rc;

	if (a == NULL || k == NULL) {
		mem_free(k);
		return FAIL(err, RC_NOMEM, "out of memory");
	}
	*k = (struct queue_news){ .n = n < QUEUE_NEWS_FILES ? n : QUEUE_NEWS_FILES };
	memcpy(k->paths, paths, k->n * sizeof *paths);
	rc = queue_news_take(k, a, &none, &n_none, &many, err);
	if (rc == RC_OK)
		*ret = k;
	else
		queue_news_free(k);
	return rc;
}

void queue_news_free(struct queue_news *k)
{
	if (k == NULL)
		return;
	mem_free(k->known);
	mem_free(k);
}

bool queue_news_changed(const struct queue_news *k)
{
	struct stamp now;

	for (size_t i = 0; i < k->n; i++) {
		(void)stamp(k->paths[i], &now);
		if (!same(&now, &k->stamps[i]))
			return true;
	}
	return false;
}

enum rc queue_news_take(struct queue_news *k, struct arena *a, struct image_indicator **ret, size_t *ret_n, bool *ret_too_many, struct err *err)
{
	struct stamp before[QUEUE_NEWS_FILES];
	struct image_indicator *list = NULL;
	size_t n = 0, fresh = 0;
	enum rc rc;

	memcpy(before, k->stamps, sizeof before);
	*ret_n = 0;
	look(k);
	*ret_too_many = k->too_many;
	if (k->too_many)
		return RC_OK;
	rc = hunting_files(k->paths, k->n, a, &list, &n, err);
	*ret = arena_array(a, n + 1, sizeof **ret);
	if (rc == RC_OK && *ret == NULL)
		rc = FAIL(err, RC_NOMEM, "out of memory");
	for (size_t i = 0; i < n && rc == RC_OK; i++) {
		uint64_t print = print_of(&list[i]);

		if (k->n_known == 0 || bsearch(&print, k->known, k->n_known, sizeof print, order) == NULL)
			(*ret)[fresh++] = list[i];
	}
	if (rc == RC_OK)
		rc = note(k, list, n, err);
	mem_free(list);
	if (rc == RC_OK)
		*ret_n = fresh;
	else
		memcpy(k->stamps, before, sizeof before);
	return rc;
}
