/* Which compiled template belongs to a place of the chunk. Windows repeats the
 * same few templates in every chunk: they are compiled once a file. The GUID only
 * leads to candidates, for a file may say of two templates that they are one: the
 * bytes themselves and the names they refer to are compared. */
#include "wire/evtx_int.h"

#define CANDIDATES_MAX 8 /* of one bucket that are compared */

void evtx_programs_drop(struct evtx *e)
{
	arena_reset(e->programs);
	memset(e->buckets, 0, sizeof e->buckets);
	e->chunk_no++;
}

static bool same_name(const struct evtx *e, const struct hole *h, struct str def, size_t from)
{
	size_t place = str_le32(def, h->at);
	struct str utf16;

	if (h->here)
		return place == from + h->at + 4;
	return place != from + h->at + 4 && evtx_name(e, place, &utf16) && str_eq(utf16, h->utf16);
}

static bool same(const struct evtx *e, const struct program *p, struct str def, size_t from, enum evtx_where where)
{
	size_t at = 0;

	if (p->source.n != def.n || p->where != where)
		return false;
	for (uint32_t i = 0; i < p->n_holes; i++) {
		const struct hole *h = &p->holes[i];

		if (memcmp(p->source.p + at, def.p + at, h->at - at) != 0 || !same_name(e, h, def, from))
			return false;
		at = h->at + (h->here ? 8 : 4); /* a name that stands here begins with the place of the next */
	}
	return memcmp(p->source.p + at, def.p + at, def.n - at) == 0;
}

static const struct program *find(struct evtx *e, uint32_t at, enum evtx_where where, const char **why)
{
	size_t from = (size_t)at + EVTX_DEF_HEAD, n = str_le32(e->chunk, (size_t)at + 20);
	struct str def = str_slice(e->chunk, from, from + n);
	uint64_t mix = (str_le64(e->chunk, (size_t)at + 4) ^ str_le64(e->chunk, (size_t)at + 12)) + n;
	struct program **bucket = &e->buckets[(mix * UINT64_C(0x9E3779B97F4A7C15)) >> 54 & (EVTX_BUCKETS - 1)];
	struct program *p = *bucket;

	if (at < EVTX_CHUNK_HEAD || def.n != n || n == 0) {
		*why = "a template stands nowhere";
		return NULL;
	}
	for (unsigned tried = 0; p != NULL && tried < CANDIDATES_MAX; p = p->next, tried++)
		if (same(e, p, def, from, where))
			return p;
	p = evtx_compile(e, from, from + n, where, true, why);
	if (p != NULL && p->anywhere) {
		p->next = *bucket;
		*bucket = p;
	}
	return p;
}

const struct program *evtx_template(struct evtx *e, uint32_t at, enum evtx_where where, const char **why)
{
	uint32_t key = at << 3 | (uint32_t)where;
	struct evtx_seen *s = &e->seen[(key * UINT32_C(2654435769)) >> 22 & (EVTX_SEEN - 1)];

	if (at >= EVTX_CHUNK) {
		*why = "a template stands nowhere";
		return NULL;
	}
	if (LIKELY(s->chunk == e->chunk_no && s->key == key)) {
		if (s->program == NULL)
			*why = "its template is damaged";
		return s->program;
	}
	*s = (struct evtx_seen){ e->chunk_no, key, find(e, at, where, why) };
	return s->program;
}
