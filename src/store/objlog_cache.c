/* Bodies that were read alone. A type of which each batch holds one costs a system
 * call for each object of its pages, and whoever follows such a type asks for the
 * same ones as the next reader: a few thousand short bodies are kept. Places never
 * change their content while anybody holds them, so nothing here can be stale;
 * a segment written anew reuses the places of its file before last, and empties all. */
#include "base/mem.h"
#include "store/objlog_int.h"

#define SLOTS 4096u
#define STRIPES 64u
#define BODY_MAX 2048u /* 8 MiB when every slot is full */

struct kept {
	uint64_t pos; /* 0 = free */
	char *body;
	uint32_t len, room;
};

struct body_cache {
	pthread_mutex_t locks[STRIPES];
	struct kept slots[SLOTS];
};

enum rc objlog_cache_new(struct objlog *l, struct err *err)
{
	l->cache = mem_alloc(sizeof *l->cache);
	if (l->cache == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for bodies");
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&l->cache->locks[i], NULL);
	return RC_OK;
}

void objlog_cache_free(struct objlog *l)
{
	for (size_t i = 0; l->cache != NULL && i < SLOTS; i++)
		mem_free(l->cache->slots[i].body);
	for (size_t i = 0; l->cache != NULL && i < STRIPES; i++)
		pthread_mutex_destroy(&l->cache->locks[i]);
	mem_free(l->cache);
	l->cache = NULL;
}

void objlog_cache_clear(struct objlog *l)
{
	for (size_t i = 0; i < SLOTS; i++) {
		pthread_mutex_lock(&l->cache->locks[i % STRIPES]);
		l->cache->slots[i].pos = 0;
		pthread_mutex_unlock(&l->cache->locks[i % STRIPES]);
	}
}

static size_t slot_of(uint64_t pos)
{
	return (size_t)(pos * UINT64_C(0x9e3779b97f4a7c15) >> 52);
}
_Static_assert(SLOTS == 1u << (64 - 52), "the hash's upper bits name a slot");

static bool copy_kept(struct kept *k, uint64_t pos, uint32_t len, char *to)
{
	if (k->pos != pos || k->len != len)
		return false;
	memcpy(to, k->body, len);
	return true;
}

static void keep(struct kept *k, uint64_t pos, uint32_t len, const char *body)
{
	if (k->room < len) {
		char *bigger = mem_resize(k->body, len);

		if (bigger == NULL)
			return;
		k->body = bigger;
		k->room = len;
	}
	memcpy(k->body, body, len);
	k->pos = pos;
	k->len = len;
}

enum rc objlog_read_alone(struct objlog *l, uint64_t pos, uint32_t len, char *to, struct err *err)
{
	size_t slot = slot_of(pos);
	struct kept *k = &l->cache->slots[slot];
	pthread_mutex_t *lock = &l->cache->locks[slot % STRIPES];
	bool there;

	if (len > BODY_MAX)
		return objlog_read(l, pos, to, len, err);
	pthread_mutex_lock(lock);
	there = copy_kept(k, pos, len, to);
	pthread_mutex_unlock(lock);
	if (there)
		return RC_OK;
	TRY(objlog_read(l, pos, to, len, err));
	pthread_mutex_lock(lock);
	keep(k, pos, len, to);
	pthread_mutex_unlock(lock);
	return RC_OK;
}
