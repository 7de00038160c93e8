/* Each table is an array in order of appearance beside a map from key to index: boards walk arrays, puts go by key. */
#include "picture/picture_int.h"

#include "base/mem.h"

#define TEXTS_MAX ((size_t)2 << 30)
#define DELIVERY_APART (3600 * USEC_PER_SEC)

/* Room for one more of `size` bytes. */
static enum rc grow(void *pp, size_t n, size_t *cap, size_t size, size_t max)
{
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void **p = pp, *fresh;

	if (n < *cap)
		return RC_OK;
	if (n >= max)
		return RC_LIMIT;
	if (more > max)
		more = max;
	fresh = mem_resize(*p, more * size);
	if (fresh == NULL)
		return RC_NOMEM;
	*p = fresh;
	*cap = more;
	return RC_OK;
}

#define GROW(table, max) grow(&(table).p, (table).n, &(table).cap, sizeof *(table).p, (max))

static struct str key32(const uint32_t *k, size_t n)
{
	return str_make((const char *)k, n * sizeof *k);
}

static uint32_t index_of(const struct map *m, struct str key)
{
	uint64_t v;

	return map_get(m, key, &v) ? (uint32_t)v : NO_ROW;
}

static bool make_maps(struct picture *p)
{
	const struct { struct map **m; size_t max; } all[] = {
		{ &p->word_of, PICTURE_WORDS_MAX }, { &p->member_of, PICTURE_MEMBERS_MAX }, { &p->incident_of, PICTURE_INCIDENTS_MAX },
		{ &p->seen_of, PICTURE_SEEN_MAX }, { &p->telling_of, PICTURE_SEEN_MAX }, { &p->ticket_of, PICTURE_TICKETS_MAX },
		{ &p->source_of, PICTURE_SOURCES_MAX }, { &p->offered_of, PICTURE_OFFERED_MAX }, { &p->head_of, PICTURE_SEEN_MAX },
		{ &p->teller_of, PICTURE_TELLERS_MAX }, { &p->loaded_of, PICTURE_LOADED_MAX }, { &p->loads_of, PICTURE_OFFERED_MAX },
	};

	for (size_t i = 0; i < COUNTOF(all); i++)
		if ((*all[i].m = map_new(all[i].max)) == NULL)
			return false;
	return true;
}

static bool make_words(struct picture *p)
{
	static const char *const fixed[WORDS_FIXED] = { "", "MTTK", "MTTN", "MTTR", "MTTC", "MTTI" };
	uint32_t word;

	for (uint32_t i = 0; i < WORDS_FIXED; i++)
		if (picture_word(p, str_of(fixed[i]), &word) != RC_OK)
			return false;
	return true;
}

struct picture *picture_new(void)
{
	struct picture *p = mem_alloc(sizeof *p);

	if (p == NULL)
		return NULL;
	p->since = PICTURE_NEVER;
	p->texts = arena_new(TEXTS_MAX);
	if (p->texts != NULL && make_maps(p) && make_words(p))
		return p;
	picture_free(p);
	return NULL;
}

void picture_free(struct picture *p)
{
	if (p == NULL)
		return;
	void *const blocks[] = { p->words.p, p->members.p, p->incidents.p, p->clocks.p, p->seen.p, p->tellings.p, p->heads.p, p->tickets.p, p->sources.p,
				 p->offered.p, p->tellers.p, p->loaded.p };
	struct map *const maps[] = { p->word_of, p->member_of, p->incident_of, p->seen_of, p->telling_of, p->ticket_of, p->source_of, p->offered_of, p->head_of,
				     p->teller_of, p->loaded_of, p->loads_of };

	for (size_t i = 0; i < COUNTOF(blocks); i++)
		mem_free(blocks[i]);
	for (size_t i = 0; i < COUNTOF(maps); i++)
		map_free(maps[i]);
	arena_free(p->texts);
	mem_free(p);
}

/* --- words --- */

enum rc picture_word(struct picture *p, struct str text, uint32_t *ret)
{
	uint32_t had = index_of(p->word_of, text);
	enum rc rc;

	*ret = had;
	if (had != NO_ROW)
		return RC_OK;
	rc = GROW(p->words, PICTURE_WORDS_MAX);
	if (rc != RC_OK)
		return rc;
	p->words.p[p->words.n] = arena_dup(p->texts, text);
	if (p->words.p[p->words.n].p == NULL)
		return RC_NOMEM;
	rc = map_put(p->word_of, text, p->words.n);
	if (rc == RC_OK)
		*ret = (uint32_t)p->words.n++;
	return rc;
}

uint32_t picture_known(const struct picture *p, struct str text)
{
	uint32_t had = index_of(p->word_of, text);

	return had == NO_ROW ? 0 : had;
}

struct str picture_text(const struct picture *p, uint32_t word)
{
	return word < p->words.n ? p->words.p[word] : S("");
}

/* --- members --- */

uint32_t picture_find_member(const struct picture *p, uint32_t key)
{
	return index_of(p->member_of, key32(&key, 1));
}

enum rc picture_put_member(struct picture *p, const struct picture_member *m, uint32_t *ret)
{
	uint32_t at = picture_find_member(p, m->key);
	enum rc rc = RC_OK;

	if (at == NO_ROW) {
		rc = GROW(p->members, PICTURE_MEMBERS_MAX);
		if (rc == RC_OK)
			rc = map_put(p->member_of, key32(&m->key, 1), p->members.n);
		if (rc != RC_OK)
			return rc;
		at = (uint32_t)p->members.n++;
	}
	p->members.p[at] = *m;
	*ret = at;
	return rc;
}

void picture_member_heard(struct picture *p, uint32_t member, usec at)
{
	if (member < p->members.n && at > p->members.p[member].heard)
		p->members.p[member].heard = at;
}

/* --- incidents --- */

/* Clocks that no incident has any more are left behind by replacing; once they are half, the rest moves together. */
static void pack_clocks(struct picture *p)
{
	struct picture_clock *fresh;
	size_t n = 0;

	if (p->clocks_lost < 4096 || p->clocks_lost * 2 < p->clocks.n)
		return;
	fresh = mem_array(p->clocks.cap, sizeof *fresh);
	if (fresh == NULL)
		return; /* later, then */
	for (size_t i = 0; i < p->incidents.n; i++) {
		struct picture_incident *x = &p->incidents.p[i];

		if (x->n_clocks > 0)
			memcpy(fresh + n, p->clocks.p + x->clock_first, x->n_clocks * sizeof *fresh);
		x->clock_first = (uint32_t)n;
		n += x->n_clocks;
	}
	mem_free(p->clocks.p);
	p->clocks.p = fresh;
	p->clocks.n = n;
	p->clocks_lost = 0;
}

static enum rc put_clocks(struct picture *p, struct picture_incident *x, const struct picture_clock *clocks, size_t n)
{
	if (n > x->n_clocks) {
		size_t first = p->clocks.n;

		for (size_t i = 0; i < n; i++) {
			enum rc rc = GROW(p->clocks, PICTURE_CLOCKS_MAX);

			if (rc != RC_OK) {
				p->clocks.n = first;
				return rc;
			}
			p->clocks.n++;
		}
		p->clocks_lost += x->n_clocks;
		x->clock_first = (uint32_t)first;
	} else {
		p->clocks_lost += x->n_clocks - n;
	}
	if (n > 0)
		memcpy(p->clocks.p + x->clock_first, clocks, n * sizeof *clocks);
	x->n_clocks = (uint32_t)n;
	return RC_OK;
}

enum rc picture_put_incident(struct picture *p, const struct picture_incident *i, const struct picture_clock *clocks, size_t n_clocks)
{
	const uint32_t key[2] = { i->number, i->pack };
	uint32_t at = index_of(p->incident_of, key32(key, 2));
	struct picture_incident x = *i;
	enum rc rc = RC_OK;

	x.clock_first = at == NO_ROW ? 0 : p->incidents.p[at].clock_first;
	x.n_clocks = at == NO_ROW ? 0 : p->incidents.p[at].n_clocks;
	if (at == NO_ROW)
		rc = GROW(p->incidents, PICTURE_INCIDENTS_MAX);
	if (rc == RC_OK)
		rc = put_clocks(p, &x, clocks, n_clocks);
	if (rc == RC_OK && at == NO_ROW)
		rc = map_put(p->incident_of, key32(key, 2), p->incidents.n);
	if (rc != RC_OK)
		return rc;
	p->incidents.p[at == NO_ROW ? p->incidents.n++ : at] = x;
	pack_clocks(p);
	return RC_OK;
}

/* --- sightings --- */

/* The row of (indicator, member), new ones in the chain of their indicator. */
static enum rc seen_row(struct picture *p, const struct picture_seen *s, uint32_t *ret)
{
	const uint32_t key[2] = { s->indicator, s->member };
	uint32_t head;
	enum rc rc;

	*ret = index_of(p->seen_of, key32(key, 2));
	if (*ret != NO_ROW)
		return RC_OK;
	rc = GROW(p->seen, PICTURE_SEEN_MAX);
	if (rc == RC_OK)
		rc = GROW(p->heads, PICTURE_SEEN_MAX);
	if (rc == RC_OK)
		rc = map_put(p->seen_of, key32(key, 2), p->seen.n);
	if (rc != RC_OK)
		return rc;
	head = index_of(p->head_of, key32(&s->indicator, 1));
	if (head == NO_ROW) {
		rc = map_put(p->head_of, key32(&s->indicator, 1), p->heads.n);
		if (rc != RC_OK)
			return rc;
		head = (uint32_t)p->heads.n++;
		p->heads.p[head] = (struct head){ .first = NO_ROW };
	}
	*ret = (uint32_t)p->seen.n;
	p->seen.p[p->seen.n++] = (struct picture_seen){ .indicator = s->indicator, .member = s->member, .first = INT64_MAX, .last = INT64_MIN, .next = p->heads.p[head].first, .head = head };
	p->heads.p[head].first = *ret;
	p->heads.p[head].n++;
	return RC_OK;
}

enum rc picture_put_sighting(struct picture *p, uint32_t key, const struct picture_seen *s)
{
	uint32_t at = index_of(p->telling_of, key32(&key, 1)), row;
	struct picture_seen *x;
	struct telling *t;
	enum rc rc = RC_OK;

	if (at == NO_ROW) {
		rc = seen_row(p, s, &row);
		if (rc == RC_OK)
			rc = GROW(p->tellings, PICTURE_SEEN_MAX);
		if (rc == RC_OK)
			rc = map_put(p->telling_of, key32(&key, 1), p->tellings.n);
		if (rc != RC_OK)
			return rc;
		at = (uint32_t)p->tellings.n++;
		p->tellings.p[at] = (struct telling){ .seen = row };
	}
	/* A day only grows: its times widen and its hits are those of the newest telling. */
	t = &p->tellings.p[at];
	x = &p->seen.p[t->seen];
	x->hits += s->hits - t->hits;
	x->first = s->first < x->first ? s->first : x->first;
	x->last = s->last > x->last ? s->last : x->last;
	t->hits = s->hits;
	return RC_OK;
}

/* --- tickets, sources, loads --- */

enum rc picture_put_ticket(struct picture *p, const struct picture_ticket *t)
{
	uint32_t at = index_of(p->ticket_of, key32(&t->number, 1));

	if (at == NO_ROW) {
		enum rc rc = GROW(p->tickets, PICTURE_TICKETS_MAX);

		if (rc == RC_OK)
			rc = map_put(p->ticket_of, key32(&t->number, 1), p->tickets.n);
		if (rc != RC_OK)
			return rc;
		at = (uint32_t)p->tickets.n++;
	}
	p->tickets.p[at] = *t;
	return RC_OK;
}

enum rc picture_delivered(struct picture *p, uint32_t source, usec at, int64_t objects)
{
	uint32_t i = index_of(p->source_of, key32(&source, 1));
	struct picture_source *s;

	if (i == NO_ROW) {
		enum rc rc = GROW(p->sources, PICTURE_SOURCES_MAX);

		if (rc == RC_OK)
			rc = map_put(p->source_of, key32(&source, 1), p->sources.n);
		if (rc != RC_OK)
			return rc;
		i = (uint32_t)p->sources.n++;
		p->sources.p[i] = (struct picture_source){ .name = source, .last = PICTURE_NEVER };
	}
	s = &p->sources.p[i];
	s->objects += objects;
	if (s->n == 0 || at - s->deliveries[(s->n - 1) % PICTURE_DELIVERIES] >= DELIVERY_APART)
		s->deliveries[s->n++ % PICTURE_DELIVERIES] = at;
	s->last = at > s->last ? at : s->last;
	return RC_OK;
}

enum rc picture_offered(struct picture *p, uint32_t indicator, usec at)
{
	enum rc rc;

	if (index_of(p->offered_of, key32(&indicator, 1)) != NO_ROW)
		return RC_OK;
	rc = GROW(p->offered, PICTURE_OFFERED_MAX);
	if (rc == RC_OK)
		rc = map_put(p->offered_of, key32(&indicator, 1), p->offered.n);
	if (rc == RC_OK)
		p->offered.p[p->offered.n++] = (struct offered){ indicator, at };
	return rc;
}

static enum rc teller_row(struct picture *p, uint32_t member, uint32_t who, uint32_t *ret)
{
	const uint32_t key[2] = { member, who };
	enum rc rc;

	*ret = index_of(p->teller_of, key32(key, 2));
	if (*ret != NO_ROW)
		return RC_OK;
	rc = GROW(p->tellers, PICTURE_TELLERS_MAX);
	if (rc == RC_OK)
		rc = map_put(p->teller_of, key32(key, 2), p->tellers.n);
	if (rc != RC_OK)
		return rc;
	*ret = (uint32_t)p->tellers.n++;
	p->tellers.p[*ret] = (struct teller){ .member = member, .who = who, .since = PICTURE_NEVER };
	return RC_OK;
}

enum rc picture_teller(struct picture *p, uint32_t member, uint32_t who, usec since, bool out)
{
	uint32_t t;
	enum rc rc = teller_row(p, member, who, &t);

	if (rc == RC_OK)
		p->tellers.p[t] = (struct teller){ .member = member, .who = who, .since = since, .out = out };
	return rc;
}

enum rc picture_loaded(struct picture *p, uint32_t member, uint32_t who, uint32_t indicator, usec at)
{
	uint32_t key[2] = { 0, indicator }, before;
	enum rc rc = teller_row(p, member, who, &key[0]);

	if (rc != RC_OK || index_of(p->loaded_of, key32(key, 2)) != NO_ROW)
		return rc;
	before = index_of(p->loads_of, key32(&indicator, 1));
	rc = GROW(p->loaded, PICTURE_LOADED_MAX);
	if (rc == RC_OK)
		rc = map_put(p->loaded_of, key32(key, 2), p->loaded.n);
	if (rc == RC_OK)
		rc = map_put(p->loads_of, key32(&indicator, 1), p->loaded.n);
	if (rc == RC_OK)
		p->loaded.p[p->loaded.n++] = (struct loaded){ .teller = key[0], .indicator = indicator, .at = at, .next = before };
	return rc;
}

void picture_since(struct picture *p, usec at)
{
	p->since = at;
}

void picture_count(const struct picture *p, struct picture_counts *ret)
{
	*ret = (struct picture_counts){ p->incidents.n, p->members.n, p->seen.n, p->tickets.n, p->sources.n, p->offered.n, p->tellers.n, p->loaded.n };
}
