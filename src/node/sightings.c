/* A hit becomes an alert of a ticket for this node's people and a sighting for the
 * tier above. The indicator itself goes into the same collection, so that whoever
 * receives the sighting knows what was seen; the gate decides on the way out
 * whether either may go.
 *
 * A sighting's id is made of indicator, log and day (UUIDv5 in the node's own name
 * space), its figures lie in the records (store/tallies.h): so it grows across
 * restarts, and a find in the past joins the sighting of its own day. The first hit is
 * told at once; later ones are counted here and written with the tickets' counts. */
#include "node/sightings.h"

#include <pthread.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "gate/admit.h"
#include "node/core.h"
#include "node/matter.h"
#include "node/tickets.h"
#include "stix/marking.h"
#include "stix/write.h"
#include "store/tallies.h"

#define DAY ((usec)86400 * USEC_PER_SEC)
#define PENDING_MAX 1024
#define KNOWN_MAX 100000u
#define ID_MAX 64
#define TELL_MAX 200
#define HIT_MEMORY ((size_t)24 << 20)

/* One whose first version is out, and what came to it since the last write. */
struct pending {
	char id[ID_MAX], indicator[ID_MAX], input[128];
	struct tally t;
};

struct sightings {
	pthread_mutex_t lock;
	struct map *known;    /* ids that are in the records and told */
	struct map *at;       /* id → place in `list` */
	struct pending *list;
	size_t n;
	usec told;
};

enum rc sightings_open(struct core *c, struct err *err)
{
	struct sightings *s = mem_alloc(sizeof *s);

	c->sightings = s;
	if (s == NULL)
		return FAIL(err, RC_NOMEM, "sightings: out of memory");
	pthread_mutex_init(&s->lock, NULL);
	s->known = map_new(KNOWN_MAX);
	s->at = map_new(PENDING_MAX);
	s->list = mem_array(PENDING_MAX, sizeof *s->list);
	return s->known == NULL || s->at == NULL || s->list == NULL ? FAIL(err, RC_NOMEM, "sightings: out of memory") : RC_OK;
}

void sightings_close(struct core *c)
{
	struct sightings *s = c->sightings;

	if (s == NULL)
		return;
	map_free(s->known);
	map_free(s->at);
	mem_free(s->list);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
	c->sightings = NULL;
}

static int64_t day_of(usec at)
{
	return at >= 0 ? at / DAY : -((-(at + 1)) / DAY) - 1;
}

/* The same for the same indicator, log and day, on this node. */
static void sighting_id(const struct core *c, const struct hit *h, char id[static ID_MAX])
{
	struct str identity = str_of(c->node.config.identity);
	size_t at = str_find(identity, S("--"), 0);
	char text[UUID_TEXT_LEN + 1];
	struct uuid space, u;
	struct buf name;

	if (at == SIZE_MAX || !uuid_parse(str_slice(identity, at + 2, identity.n), &space))
		uuid_v5(&(struct uuid){ { 0 } }, identity, &space);
	buf_init(&name, 8192);
	buf_fmt(&name, "sighting %.*s %lld ", STR(h->indicator), (long long)day_of(h->at));
	buf_str(&name, h->input);
	uuid_v5(&space, buf_view(&name), &u);
	buf_done(&name);
	snprintf(id, ID_MAX, "sighting--%s", uuid_format(&u, text).p);
}

static void write_sighting(const struct core *c, const struct tally *t, usec now, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	stix_write_head(&w, "sighting", t->id, str_of(c->node.config.identity), t->created, now > t->created ? now : t->created);
	jsonw_m_time(&w, "first_seen", t->first);
	jsonw_m_time(&w, "last_seen", t->last);
	jsonw_m_int(&w, "count", t->hits > 999999999 ? 999999999 : t->hits); /* STIX 2.1 §5.2: at most this */
	jsonw_m_str(&w, "sighting_of_ref", t->indicator);
	jsonw_name(&w, "where_sighted_refs");
	jsonw_array(&w);
	jsonw_cstr(&w, c->node.config.identity);
	jsonw_array_end(&w);
	stix_write_tlp(&w, (enum tlp)t->tlp);
	jsonw_object_end(&w);
}

/* The newest version of the indicator, linked into `collection`. */
static enum rc link_indicator(struct core *c, struct str indicator, uint32_t collection, uint32_t source, struct err *err)
{
	struct str ids[1] = { indicator };
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = ids, .n_ids = 1, .tlp_mask = UINT32_MAX,
				.limit = 1, .bodies = true };
	struct object_in in;
	enum put_result result;
	struct object_batch b = { .collection = collection, .source = source, .objects = &in, .n = 1, .results = &result };
	struct page page;
	enum rc rc;

	TRY(store_page(c->node.store, &q, &page, err));
	if (page.n == 0) {
		page_done(&page);
		return FAIL(err, RC_NOTFOUND, "the indicator was deleted meanwhile");
	}
	in = (struct object_in){ .id = page.entries[0].id, .type = page.entries[0].type, .version = page.entries[0].version,
				 .body = page.entries[0].body, .spec = page.entries[0].spec, .tlp = page.entries[0].tlp,
				 .flags = page.entries[0].flags, .confidence = page.entries[0].confidence };
	rc = store_put(c->node.store, &b, err);
	page_done(&page);
	return rc;
}

/* One version, as the tally stands; and the tally knows. */
static enum rc tell_one(struct core *c, const struct tally *t, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct admit_opts o = { .collection = t->collection, .tlp_ceiling = TLP_RED, .default_tlp = t->tlp };
	usec now = time_now();
	struct admitted *done;
	struct buf b;
	struct str raw;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "sighting: out of memory");
	buf_init(&b, 4096);
	write_sighting(c, t, now, &b);
	raw = buf_view(&b);
	rc = buf_check(&b, err, "sighting");
	if (rc == RC_OK)
		rc = store_source_id(c->node.store, S("node:detect"), &o.source, err);
	if (rc == RC_OK && t->sent == 0)
		rc = link_indicator(c, t->indicator, t->collection, o.source, err);
	if (rc == RC_OK)
		rc = admit_objects(c->node.store, a, &o, &raw, 1, &done, err);
	if (rc == RC_OK && done[0].result == ADMIT_FAILED)
		rc = FAIL(err, RC_INTERNAL, "sighting: %.*s", STR(done[0].message));
	buf_done(&b);
	return rc == RC_OK ? tally_sent(c->node.store, t->id, t->hits, now, err) : rc;
}

/* --- counting --- */

/* The lock is held. */
static enum rc write_pending(struct core *c, struct err *err)
{
	struct sightings *s = c->sightings;
	struct tally *list;
	struct map *fresh;
	enum rc rc;

	if (s->n == 0)
		return RC_OK;
	list = mem_array(s->n, sizeof *list);
	fresh = map_new(PENDING_MAX);
	if (list == NULL || fresh == NULL) {
		mem_free(list);
		map_free(fresh);
		return FAIL(err, RC_NOMEM, "sightings: out of memory");
	}
	for (size_t i = 0; i < s->n; i++) {
		list[i] = s->list[i].t;
		list[i].id = str_of(s->list[i].id);
		list[i].indicator = str_of(s->list[i].indicator);
		list[i].input = str_of(s->list[i].input);
	}
	rc = tally_add(c->node.store, list, s->n, err);
	mem_free(list);
	if (rc != RC_OK) {
		map_free(fresh);
		return rc;
	}
	map_free(s->at);
	s->at = fresh;
	s->n = 0;
	return RC_OK;
}

enum rc sightings_flush(struct core *c, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&c->sightings->lock);
	rc = write_pending(c, err);
	pthread_mutex_unlock(&c->sightings->lock);
	return rc;
}

static void widen(struct tally *t, usec first, usec last, int64_t hits)
{
	t->first = first < t->first ? first : t->first;
	t->last = last > t->last ? last : t->last;
	t->hits += hits;
}

/* One more of a sighting that is told already; the lock is held. */
static enum rc count_known(struct core *c, const struct tally *t, struct err *err)
{
	struct sightings *s = c->sightings;
	struct pending *p;
	uint64_t at;

	if (map_get(s->at, t->id, &at)) {
		widen(&s->list[at].t, t->first, t->last, t->hits);
		return RC_OK;
	}
	if (s->n == PENDING_MAX)
		TRY(write_pending(c, err));
	if (map_put(s->at, t->id, s->n) != RC_OK)
		return FAIL(err, RC_NOMEM, "sightings: out of memory");
	p = &s->list[s->n++];
	snprintf(p->id, sizeof p->id, "%.*s", STR(t->id));
	snprintf(p->indicator, sizeof p->indicator, "%.*s", STR(t->indicator));
	snprintf(p->input, sizeof p->input, "%.*s", STR(t->input));
	p->t = *t;
	return RC_OK;
}

/* The lock is held while the first version is written: a second hit must not make it again. */
static enum rc count_first(struct core *c, const struct tally *t, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct sightings *s = c->sightings;
	struct tally all;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "sightings: out of memory");
	/* After a failure behind this line the hit comes again and is counted twice; before it, it would not be told at all. */
	TRY(tally_add(c->node.store, t, 1, err));
	TRY(tally_get(c->node.store, t->id, a, &all, err));
	if (all.sent == 0)
		TRY(tell_one(c, &all, err));
	if (map_count(s->known) == KNOWN_MAX) {
		struct map *fresh = map_new(KNOWN_MAX);

		if (fresh == NULL)
			return RC_OK;
		map_free(s->known);
		s->known = fresh;
	}
	(void)!map_put(s->known, t->id, 1); /* else it is looked up again */
	return RC_OK;
}

static enum rc count_sighting(struct core *c, const struct hit *h, uint32_t collection, const char *id, struct err *err)
{
	struct tally t = { .id = str_of(id), .indicator = h->indicator, .input = str_slice(h->input, 0, sizeof c->sightings->list->input - 1),
			   .day = day_of(h->at), .collection = collection, .tlp = h->tlp, .first = h->at, .last = h->last > h->at ? h->last : h->at,
			   .hits = h->count == 0 ? 1 : (int64_t)(h->count & INT64_MAX) };
	enum rc rc;

	pthread_mutex_lock(&c->sightings->lock);
	rc = map_get(c->sightings->known, t.id, NULL) ? count_known(c, &t, err) : count_first(c, &t, err);
	pthread_mutex_unlock(&c->sightings->lock);
	return rc;
}

enum rc sightings_tell(struct core *c, bool all, struct err *err)
{
	usec now = time_now(), before = all ? INT64_MAX : now - c->node.config.sighting_seconds * USEC_PER_SEC;
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
	struct tally *list;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "sightings: out of memory");
	TRY(tally_due(c->node.store, before, day_of(now), TELL_MAX, a, &list, &n, err));
	for (size_t i = 0; i < n; i++) {
		enum rc rc = tell_one(c, &list[i], err);

		/* Its indicator was deleted, or it is not what STIX allows: it is not tried for ever. */
		if (rc == RC_NOTFOUND || rc == RC_INTERNAL || rc == RC_BAD)
			rc = tally_sent(c->node.store, list[i].id, list[i].hits, now, err);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* --- hits --- */

enum rc sighting_from_hit(struct core *c, const struct hit *h, uint32_t collection, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(HIT_MEMORY);
	struct matter m;
	char id[ID_MAX];

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	if (suppress_hit(tickets_suppress(c->tickets), h))
		return RC_OK;
	sighting_id(c, h, id);
	TRY(count_sighting(c, h, collection, id, err));
	TRY(matter_of_hit(c, a, h, id, &m, err));
	return tickets_take(c->tickets, &m, NULL, err);
}

enum rc alert_from_rule(struct core *c, const struct rule_hit *h, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(HIT_MEMORY);
	struct matter m;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	if (suppress_rule_hit(tickets_suppress(c->tickets), h))
		return RC_OK;
	TRY(matter_of_rule(c, a, h, &m, err));
	return tickets_take(c->tickets, &m, NULL, err);
}
