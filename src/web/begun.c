#include "web/begun.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/keys.h"

#define ID_BYTES 24

struct place {
	struct begun what;
	char id[BEGUN_ID_MAX];
	uint64_t address;
	usec at;
};

struct begun_table {
	pthread_mutex_t lock;
	struct place places[BEGUN_PLACES];
};

struct begun_table *begun_new(void)
{
	struct begun_table *t = mem_alloc(sizeof *t);

	if (t != NULL)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

void begun_free(struct begun_table *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	secret_wipe(t, sizeof *t);
	mem_free(t);
}

static bool is_over(const struct place *p, usec now)
{
	return p->what.kind == BEGUN_NOTHING || now - p->at >= BEGUN_SPAN;
}

/* An empty place, or the oldest; of this address, when it has its share. With the lock held. */
static struct place *place_for(struct begun_table *t, uint64_t address, usec now)
{
	struct place *empty = NULL, *oldest = &t->places[0], *own = NULL;
	int of_address = 0;

	for (size_t i = 0; i < BEGUN_PLACES; i++) {
		struct place *p = &t->places[i];

		if (is_over(p, now)) {
			empty = p;
			continue;
		}
		if (p->at < oldest->at)
			oldest = p;
		if (p->address == address) {
			of_address++;
			if (own == NULL || p->at < own->at)
				own = p;
		}
	}
	if (of_address >= BEGUN_AN_ADDRESS)
		return own;
	return empty != NULL ? empty : oldest;
}

void begun_put(struct begun_table *t, const struct begun *x, struct str address, usec now, char ret_id[static BEGUN_ID_MAX])
{
	struct place place = { .what = *x, .address = hash_table(address), .at = now };
	unsigned char raw[ID_BYTES];
	struct buf text;

	random_bytes(raw, sizeof raw);
	buf_init(&text, BEGUN_ID_MAX);
	base64url_put(&text, str_make((const char *)raw, sizeof raw));
	snprintf(place.id, sizeof place.id, "%.*s", STR(buf_view(&text)));
	buf_done(&text);
	memcpy(ret_id, place.id, sizeof place.id);
	pthread_mutex_lock(&t->lock);
	*place_for(t, place.address, now) = place;
	pthread_mutex_unlock(&t->lock);
	secret_wipe(&place, sizeof place);
}

bool begun_take(struct begun_table *t, struct str id, enum begun_kind kind, usec now, struct begun *ret)
{
	bool found = false;

	if (id.n == 0)
		return false;
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < BEGUN_PLACES && !found; i++) {
		struct place *p = &t->places[i];

		found = !is_over(p, now) && str_eq_secret(str_of(p->id), id);
		if (!found)
			continue;
		*ret = p->what;
		secret_wipe(p, sizeof *p);
	}
	pthread_mutex_unlock(&t->lock);
	return found && ret->kind == kind;
}
