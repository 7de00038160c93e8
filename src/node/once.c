#include "node/once.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"

#define DAY ((usec)86400 * USEC_PER_SEC)

struct once {
	pthread_mutex_t lock;
	size_t max;
	struct map *seen;
	int64_t day;
};

struct once *once_new(size_t max)
{
	struct once *o = mem_alloc(sizeof *o);

	if (o == NULL)
		return NULL;
	o->max = max;
	o->seen = map_new(max);
	o->day = time_now() / DAY;
	if (o->seen == NULL) {
		mem_free(o);
		return NULL;
	}
	pthread_mutex_init(&o->lock, NULL);
	return o;
}

void once_free(struct once *o)
{
	if (o == NULL)
		return;
	map_free(o->seen);
	pthread_mutex_destroy(&o->lock);
	mem_free(o);
}

/* Without memory for a new day's, yesterday's goes on. */
static void turn(struct once *o)
{
	int64_t today = time_now() / DAY;
	struct map *fresh = today != o->day ? map_new(o->max) : NULL;

	if (fresh == NULL)
		return;
	map_free(o->seen);
	o->seen = fresh;
	o->day = today;
}

bool once_has(struct once *o, struct str key)
{
	bool has;

	pthread_mutex_lock(&o->lock);
	turn(o);
	has = map_get(o->seen, key, NULL);
	pthread_mutex_unlock(&o->lock);
	return has;
}

void once_note(struct once *o, struct str key)
{
	pthread_mutex_lock(&o->lock);
	turn(o);
	(void)!map_put(o->seen, key, 1);
	pthread_mutex_unlock(&o->lock);
}

void once_key_hit(struct buf *out, struct str input, struct str indicator, struct str where)
{
	buf_fmt(out, "%.*s %.*s at %.*s", STR(input), STR(indicator), STR(where));
}

/* A correlation's fields are its group and, last, the value it reached. */
void once_key_rule(struct buf *out, const struct rule_hit *h)
{
	buf_fmt(out, "%.*s rule %.*s at %.*s", STR(h->input), STR(h->id), STR(h->where));
	for (uint32_t i = 0; h->correlation && i + 1 < h->n_fields; i++)
		buf_fmt(out, " %.*s", STR(h->fields[i].value));
}
