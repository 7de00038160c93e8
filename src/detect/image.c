/* The image.
 *
 * A value becomes a key: its kind and its normal form, addresses as binary with
 * their prefix length. Keys stand in one open-addressing table of entry numbers;
 * an event's address asks once for each prefix length in use, a domain once for
 * each of its parents. So a look-up costs a few probes whatever the image holds,
 * and it is exact: the stored key is compared, not a fingerprint.
 *
 * One writer (a lock), many readers without one: entries, indicators and keys lie
 * in chunks that never move, and the table is replaced whole when it grows.
 * Replaced tables and, after compaction, replaced shelves are freed when no
 * reader can hold them any more: readers count themselves in and out of one of
 * two epochs, and the writer waits for the old epoch to empty, twice, because a
 * reader may have read the epoch's number just before it changed. */
#include "detect/image.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "detect/also.h"
#include "detect/keys.h"

#define CHUNK 65536u
#define CHUNKS_MAX 2048u               /* 134 M entries */
#define KEY_CHUNK ((size_t)1 << 20)
#define KEY_CHUNKS_MAX 4096u           /* 4 GiB of keys */
#define TABLE_LEAST 4096u
#define VALUES_OF_ONE 4096             /* alternatives in one pattern */
#define COMPACT_LEAST 200000u          /* dead entries before compaction is worth it */
#define PATTERN_ARENA ((size_t)16 << 20)

struct entry {
	uint32_t hash, indicator;
	uint32_t key;  /* offset over all key chunks */
	uint16_t len;
	_Atomic uint8_t dead;
};

struct indicator {
	struct uuid id;
	_Atomic usec from, until;
	uint64_t pattern; /* stable hash of the pattern's text: same pattern, same entries */
	uint32_t first, n;
	uint32_t also;    /* offset over all key chunks */
	uint16_t also_n;
	_Atomic uint8_t tlp, confidence, dead;
};

struct table {
	uint32_t mask;
	_Atomic uint32_t slot[]; /* number + 1, 0 = empty */
};

struct shelf {
	struct table *_Atomic table; /* by key */
	struct table *by_id;         /* indicators; writer only */
	struct entry *entries[CHUNKS_MAX];
	struct indicator *indicators[CHUNKS_MAX];
	char *keys[KEY_CHUNKS_MAX];
	uint32_t n_entries, n_indicators, n_dead;
	size_t key_end;
	struct key_prefixes prefixes;
};

struct image {
	struct shelf *_Atomic shelf;
	_Atomic uint32_t epoch;
	_Atomic int64_t inside[2];
	pthread_mutex_t lock;
	size_t max_values;
	struct arena *scratch; /* writer's */
	uint64_t live, unsupported;
	_Atomic uint64_t suppressed, version;
	image_suppress suppress;
	void *suppress_ctx;
};

/* --- memory --- */

static struct entry *entry_at(const struct shelf *s, uint32_t i)
{
	return &s->entries[i / CHUNK][i % CHUNK];
}

static struct indicator *indicator_at(const struct shelf *s, uint32_t i)
{
	return &s->indicators[i / CHUNK][i % CHUNK];
}

static const char *key_at(const struct shelf *s, uint32_t offset)
{
	return &s->keys[offset / KEY_CHUNK][offset % KEY_CHUNK];
}

static struct table *table_new(uint32_t slots)
{
	struct table *t = mem_alloc(sizeof *t + slots * sizeof t->slot[0]);

	if (t != NULL)
		t->mask = slots - 1;
	return t;
}

static void shelf_free(struct shelf *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < CHUNKS_MAX; i++) {
		mem_free(s->entries[i]);
		mem_free(s->indicators[i]);
	}
	for (size_t i = 0; i < KEY_CHUNKS_MAX; i++)
		mem_free(s->keys[i]);
	mem_free(atomic_load(&s->table));
	mem_free(s->by_id);
	mem_free(s);
}

static struct shelf *shelf_new(void)
{
	struct shelf *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	atomic_store(&s->table, table_new(TABLE_LEAST));
	s->by_id = table_new(TABLE_LEAST);
	if (atomic_load(&s->table) == NULL || s->by_id == NULL) {
		shelf_free(s);
		return NULL;
	}
	return s;
}

struct image *image_new(size_t max_values)
{
	struct image *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	m->max_values = max_values < IMAGE_INDICATORS_MAX ? max_values : IMAGE_INDICATORS_MAX;
	m->scratch = arena_new(PATTERN_ARENA);
	atomic_store(&m->shelf, shelf_new());
	if (m->scratch == NULL || atomic_load(&m->shelf) == NULL) {
		image_free(m);
		return NULL;
	}
	return m;
}

void image_free(struct image *m)
{
	if (m == NULL)
		return;
	shelf_free(atomic_load(&m->shelf));
	arena_free(m->scratch);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

/* Returns when every reader that could see what was replaced before the call is gone. */
static void wait_for_readers(struct image *m)
{
	for (int turn = 0; turn < 2; turn++) {
		uint32_t old = atomic_fetch_add(&m->epoch, 1) & 1;

		while (atomic_load(&m->inside[old]) != 0)
			sched_yield();
	}
}

/* --- changing; under the lock --- */

static void put_slot(struct table *t, uint32_t hash, uint32_t number)
{
	uint32_t i = hash & t->mask;

	while (atomic_load_explicit(&t->slot[i], memory_order_relaxed) != 0)
		i = (i + 1) & t->mask;
	atomic_store_explicit(&t->slot[i], number + 1, memory_order_release);
}

static uint32_t id_hash(const struct uuid *id)
{
	return (uint32_t)hash_table(str_make((const char *)id->b, sizeof id->b));
}

/* Half full at most. */
static enum rc grow_entries(struct image *m, struct shelf *s, uint32_t more, struct err *err)
{
	struct table *old = atomic_load(&s->table), *t;
	uint32_t slots = old->mask + 1;

	while ((uint64_t)(s->n_entries + more) * 2 > slots)
		slots *= 2;
	if (slots == old->mask + 1)
		return RC_OK;
	t = table_new(slots);
	if (t == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	for (uint32_t i = 0; i < s->n_entries; i++)
		if (!atomic_load(&entry_at(s, i)->dead))
			put_slot(t, entry_at(s, i)->hash, i);
	atomic_store(&s->table, t);
	wait_for_readers(m);
	mem_free(old);
	return RC_OK;
}

static enum rc grow_indicators(struct shelf *s, struct err *err)
{
	uint32_t slots = s->by_id->mask + 1;
	struct table *t;

	if ((uint64_t)(s->n_indicators + 1) * 2 <= slots)
		return RC_OK;
	t = table_new(slots * 2);
	if (t == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	for (uint32_t i = 0; i < s->n_indicators; i++)
		if (!atomic_load(&indicator_at(s, i)->dead))
			put_slot(t, id_hash(&indicator_at(s, i)->id), i);
	mem_free(s->by_id);
	s->by_id = t;
	return RC_OK;
}

static struct indicator *find_indicator(const struct shelf *s, const struct uuid *id, uint32_t *ret_number)
{
	for (uint32_t i = id_hash(id) & s->by_id->mask;; i = (i + 1) & s->by_id->mask) {
		uint32_t number = atomic_load_explicit(&s->by_id->slot[i], memory_order_relaxed);
		struct indicator *found;

		if (number == 0)
			return NULL;
		found = indicator_at(s, number - 1);
		if (!atomic_load(&found->dead) && memcmp(found->id.b, id->b, sizeof id->b) == 0) {
			*ret_number = number - 1;
			return found;
		}
	}
}

static enum rc room_for(uint32_t number, size_t size, void **chunks, struct err *err)
{
	if (number / CHUNK >= CHUNKS_MAX)
		return FAIL(err, RC_LIMIT, "indicators: the image is full");
	if (chunks[number / CHUNK] == NULL)
		chunks[number / CHUNK] = mem_array(CHUNK, size);
	return chunks[number / CHUNK] != NULL ? RC_OK : FAIL(err, RC_NOMEM, "indicators: out of memory");
}

/* A key lies within one chunk. */
static enum rc store_key(struct shelf *s, struct str key, uint32_t *ret, struct err *err)
{
	size_t at = s->key_end;

	if (at % KEY_CHUNK + key.n > KEY_CHUNK)
		at += KEY_CHUNK - at % KEY_CHUNK;
	if (at / KEY_CHUNK >= KEY_CHUNKS_MAX || at > UINT32_MAX)
		return FAIL(err, RC_LIMIT, "indicators: the image is full");
	if (s->keys[at / KEY_CHUNK] == NULL)
		s->keys[at / KEY_CHUNK] = mem_alloc(KEY_CHUNK);
	if (s->keys[at / KEY_CHUNK] == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	memcpy(&s->keys[at / KEY_CHUNK][at % KEY_CHUNK], key.p, key.n);
	s->key_end = at + key.n;
	*ret = (uint32_t)at;
	return RC_OK;
}

static enum rc add_entry(struct shelf *s, struct str key, uint32_t indicator, struct err *err)
{
	struct entry *e;

	TRY(room_for(s->n_entries, sizeof *e, (void **)s->entries, err));
	e = entry_at(s, s->n_entries);
	TRY(store_key(s, key, &e->key, err));
	e->hash = (uint32_t)hash_table(key);
	e->len = (uint16_t)key.n;
	e->indicator = indicator;
	key_note_prefix(&s->prefixes, key);
	put_slot(atomic_load(&s->table), e->hash, s->n_entries++);
	return RC_OK;
}

static void kill_indicator(struct image *m, struct shelf *s, struct indicator *i)
{
	atomic_store(&i->dead, 1);
	for (uint32_t k = 0; k < i->n; k++)
		atomic_store(&entry_at(s, i->first + k)->dead, 1);
	s->n_dead += i->n;
	m->live--;
}

static void set_terms(struct indicator *to, const struct image_indicator *from)
{
	atomic_store(&to->from, from->valid_from);
	atomic_store(&to->until, from->valid_until == 0 ? INT64_MAX : from->valid_until);
	atomic_store(&to->tlp, from->tlp);
	atomic_store(&to->confidence, from->confidence);
}

struct wanted {
	const struct value *values;
	size_t n;
	struct str also;
};

/* The indicator is complete before its first entry is published: a reader follows an entry to it. */
static enum rc add_indicator(struct image *m, struct shelf *s, const struct image_indicator *in, const struct uuid *id, uint64_t pattern,
			     const struct wanted *w, struct err *err)
{
	uint32_t number = s->n_indicators;
	struct indicator *i;
	char key[KEY_MAX];

	TRY(grow_entries(m, s, (uint32_t)w->n, err));
	TRY(grow_indicators(s, err));
	TRY(room_for(number, sizeof *i, (void **)s->indicators, err));
	i = indicator_at(s, number);
	TRY(store_key(s, w->also, &i->also, err));
	i->also_n = (uint16_t)w->also.n;
	i->id = *id;
	i->pattern = pattern;
	i->first = s->n_entries;
	set_terms(i, in);
	for (size_t k = 0; k < w->n; k++) {
		struct str bytes = key_of(w->values[k].kind, w->values[k].text, key);

		if (bytes.n > 0)
			TRY(add_entry(s, bytes, number, err));
		i->n = s->n_entries - i->first;
	}
	put_slot(s->by_id, id_hash(id), number);
	s->n_indicators++;
	m->live++;
	return RC_OK;
}

/* A new shelf with the living only. */
static enum rc compact(struct image *m, struct err *err)
{
	struct shelf *old = atomic_load(&m->shelf), *s = shelf_new();
	enum rc rc = s == NULL ? FAIL(err, RC_NOMEM, "indicators: out of memory") : grow_entries(m, s, old->n_entries - old->n_dead, err);

	for (uint32_t k = 0; rc == RC_OK && k < old->n_indicators; k++) {
		const struct indicator *i = indicator_at(old, k);
		struct indicator *copy;

		if (atomic_load(&i->dead))
			continue;
		rc = grow_indicators(s, err);
		if (rc == RC_OK)
			rc = room_for(s->n_indicators, sizeof *i, (void **)s->indicators, err);
		if (rc != RC_OK)
			break;
		copy = indicator_at(s, s->n_indicators);
		memcpy(copy, i, sizeof *copy);
		copy->first = s->n_entries;
		rc = store_key(s, str_make(key_at(old, i->also), i->also_n), &copy->also, err);
		for (uint32_t e = 0; rc == RC_OK && e < i->n; e++) {
			const struct entry *from = entry_at(old, i->first + e);

			rc = add_entry(s, str_make(key_at(old, from->key), from->len), s->n_indicators, err);
		}
		put_slot(s->by_id, id_hash(&copy->id), s->n_indicators++);
	}
	if (rc != RC_OK) {
		shelf_free(s);
		return rc;
	}
	atomic_store(&m->shelf, s);
	wait_for_readers(m);
	shelf_free(old);
	return RC_OK;
}

static enum rc parse_id(struct str id, struct uuid *ret, struct err *err)
{
	if (!str_starts(id, S("indicator--")) || !uuid_parse(str_slice(id, 11, id.n), ret))
		return FAIL(err, RC_BAD, "'%.*s' is no indicator id", STR(str_slice(id, 0, 80)));
	return RC_OK;
}

/* What the pattern asks for: alternatives, or one value and more beside it. */
static enum rc read_pattern(struct image *m, struct str pattern, struct wanted *ret, struct buf *also, struct err *err)
{
	struct value_term *terms;
	struct value *values;
	size_t n;
	enum rc rc = value_of_pattern(m->scratch, pattern, &values, &n, err);

	if (rc == RC_UNSUPPORTED) {
		TRY(value_terms_of_pattern(m->scratch, pattern, &terms, &n, err));
		TRY(also_put(terms, n, also, err));
		values = arena_array(m->scratch, 1, sizeof *values);
		if (values == NULL)
			return FAIL(err, RC_NOMEM, "indicators: out of memory");
		values[0] = (struct value){ terms[0].kind, terms[0].text };
		n = 1;
	} else if (rc != RC_OK) {
		return rc;
	}
	*ret = (struct wanted){ values, n, buf_view(also) };
	return n == 0 ? FAIL(err, RC_UNSUPPORTED, "no simple value in the pattern") : RC_OK;
}

static enum rc replace(struct image *m, struct indicator *old, const struct image_indicator *in, const struct uuid *id, uint64_t pattern,
		       struct err *err)
{
	struct shelf *s = atomic_load(&m->shelf);
	struct wanted w = { .n = 0 };
	struct buf also;
	enum rc rc;

	buf_init(&also, ALSO_MAX);
	arena_reset(m->scratch);
	rc = read_pattern(m, in->pattern, &w, &also, err);
	if (rc == RC_UNSUPPORTED)
		m->unsupported++;
	if (rc == RC_OK && (w.n > VALUES_OF_ONE || s->n_entries - s->n_dead + w.n > m->max_values))
		rc = FAIL(err, RC_LIMIT, "indicators: more values than the image may hold");
	if (old != NULL)
		kill_indicator(m, s, old);
	if (rc == RC_OK)
		rc = add_indicator(m, s, in, id, pattern, &w, err);
	buf_done(&also);
	return rc;
}

static enum rc update(struct image *m, const struct image_indicator *in, struct err *err)
{
	struct shelf *s = atomic_load(&m->shelf);
	uint64_t pattern = hash_stable(in->pattern);
	struct indicator *old;
	struct uuid id;
	uint32_t number;

	TRY(parse_id(in->id, &id, err));
	old = find_indicator(s, &id, &number);
	if (in->revoked) {
		if (old != NULL)
			kill_indicator(m, s, old);
		return RC_OK;
	}
	if (old != NULL && old->pattern == pattern) {
		set_terms(old, in);
		return RC_OK;
	}
	return replace(m, old, in, &id, pattern, err);
}

static enum rc tidy(struct image *m, struct err *err)
{
	const struct shelf *s = atomic_load(&m->shelf);

	return s->n_dead >= COMPACT_LEAST && s->n_dead > s->n_entries / 2 ? compact(m, err) : RC_OK;
}

enum rc image_update(struct image *m, const struct image_indicator *i, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&m->lock);
	rc = update(m, i, err);
	if (rc == RC_OK)
		rc = tidy(m, err);
	atomic_fetch_add(&m->version, 1); /* even of half a change */
	pthread_mutex_unlock(&m->lock);
	return rc;
}

bool image_knows(struct image *m, struct str id, usec at)
{
	const struct indicator *found;
	struct uuid u;
	uint32_t number;
	bool yes;

	if (parse_id(id, &u, NULL) != RC_OK)
		return false;
	pthread_mutex_lock(&m->lock);
	found = find_indicator(atomic_load(&m->shelf), &u, &number);
	yes = found != NULL && at >= atomic_load(&found->from) && at < atomic_load(&found->until);
	pthread_mutex_unlock(&m->lock);
	return yes;
}

enum rc image_remove(struct image *m, struct str id, struct err *err)
{
	struct image_indicator gone = { .id = id, .pattern = S(""), .revoked = true };

	return image_update(m, &gone, err);
}

enum rc image_clear(struct image *m, struct err *err)
{
	struct shelf *fresh = shelf_new(), *old;

	if (fresh == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	pthread_mutex_lock(&m->lock);
	old = atomic_exchange(&m->shelf, fresh);
	m->live = m->unsupported = 0;
	atomic_fetch_add(&m->version, 1);
	wait_for_readers(m);
	pthread_mutex_unlock(&m->lock);
	shelf_free(old);
	return RC_OK;
}

void image_set_suppress(struct image *m, image_suppress fn, void *ctx)
{
	m->suppress = fn;
	m->suppress_ctx = ctx;
}

/* --- looking up --- */

struct lookup {
	const struct image *m;
	const struct shelf *s;
	usec at;
	struct image_match *out;
	size_t n, max;
	char *scratch;
	size_t scratch_n, scratch_used;
	enum observable_kind kind;
	struct str value; /* the event's, in normal form */
};

static void put_id(const struct uuid *id, char out[static 64])
{
	memcpy(out, "indicator--", 11);
	uuid_format(id, out + 11);
}

static struct str keep(struct lookup *l, struct str text)
{
	char *to = l->scratch + l->scratch_used;

	if (l->scratch_n - l->scratch_used < text.n)
		return S("");
	memcpy(to, text.p, text.n);
	l->scratch_used += text.n;
	return str_make(to, text.n);
}

/* "198.51.100.0/24", written only for a block that is met. */
static struct str keep_block(struct lookup *l, const char *key)
{
	char text[64], whole[80];

	if (inet_ntop(key[0] == OBS_IPV4 ? AF_INET : AF_INET6, key + 2, text, sizeof text) == NULL)
		return S("");
	snprintf(whole, sizeof whole, "%s/%u", text, (unsigned char)key[1]);
	return keep(l, str_of(whole));
}

/* `matched`.p NULL: the entry's own block. */
static void found(struct lookup *l, const struct entry *e, struct str matched)
{
	const struct indicator *i = indicator_at(l->s, e->indicator);
	struct image_match *out = &l->out[l->n];

	if (atomic_load(&i->dead) || l->at < atomic_load(&i->from) || l->at >= atomic_load(&i->until))
		return;
	put_id(&i->id, out->id);
	for (size_t k = 0; k < l->n; k++) /* the domain and its parent may both be named by one indicator */
		if (strcmp(l->out[k].id, out->id) == 0)
			return;
	out->tlp = atomic_load(&i->tlp);
	out->confidence = atomic_load(&i->confidence);
	out->matched = matched.p == NULL ? keep_block(l, key_at(l->s, e->key)) : keep(l, matched);
	out->also = keep(l, str_make(key_at(l->s, i->also), i->also_n));
	l->n += out->also.n == i->also_n; /* without room for what it asks for it would match too much */
}

/* The next living entry of that key at or behind slot *at; NULL: there is none. */
static const struct entry *next_entry(const struct shelf *s, const struct table *t, struct str key, uint32_t hash, uint32_t *at)
{
	for (;; *at = (*at + 1) & t->mask) {
		uint32_t number = atomic_load_explicit(&t->slot[*at], memory_order_acquire);
		const struct entry *e;

		if (number == 0)
			return NULL;
		e = entry_at(s, number - 1);
		if (e->hash == hash && e->len == key.n && memcmp(key_at(s, e->key), key.p, key.n) == 0 && !atomic_load(&e->dead))
			return e;
	}
}

static bool probe(void *ctx, struct str key, struct str matched)
{
	struct lookup *l = ctx;
	const struct table *t = atomic_load_explicit(&l->s->table, memory_order_acquire);
	uint32_t hash = (uint32_t)hash_table(key), at = hash & t->mask;
	const struct entry *e;

	for (; l->n < l->max && (e = next_entry(l->s, t, key, hash, &at)) != NULL; at = (at + 1) & t->mask)
		found(l, e, matched);
	return l->n < l->max;
}

static bool probe_any(void *ctx, struct str key, struct str matched UNUSED)
{
	struct lookup *l = ctx;
	const struct table *t = atomic_load_explicit(&l->s->table, memory_order_acquire);
	uint32_t hash = (uint32_t)hash_table(key), at = hash & t->mask;

	l->n = next_entry(l->s, t, key, hash, &at) != NULL;
	return l->n == 0;
}

/* What readers look at stays until they have gone. */
static uint32_t enter(struct image *m)
{
	uint32_t epoch = atomic_load(&m->epoch) & 1;

	atomic_fetch_add(&m->inside[epoch], 1);
	return epoch;
}

bool image_has(const struct image *cm, const struct observable *o)
{
	struct image *m = (struct image *)(uintptr_t)cm; /* the counters of readers are not part of what is const */
	struct lookup l = { .m = cm };
	uint32_t epoch = enter(m);

	l.s = atomic_load(&m->shelf);
	keys_of(o->kind, o->value, &l.s->prefixes, probe_any, &l);
	atomic_fetch_sub(&m->inside[epoch], 1);
	return l.n > 0;
}

uint64_t image_version(const struct image *m)
{
	return atomic_load(&m->version);
}

size_t image_lookup(const struct image *cm, const struct observable *o, usec at, struct image_match *out, size_t max, char *scratch,
		    size_t scratch_n, struct str *ret_list)
{
	struct image *m = (struct image *)(uintptr_t)cm;
	struct lookup l = { .m = cm, .at = at, .out = out, .max = max, .scratch = scratch, .scratch_n = scratch_n, .kind = o->kind,
			    .value = o->value };
	uint32_t epoch = enter(m);
	struct str list = S("");

	l.s = atomic_load(&m->shelf);
	keys_of(o->kind, o->value, &l.s->prefixes, probe, &l);
	atomic_fetch_sub(&m->inside[epoch], 1);
	*ret_list = S("");
	if (l.n > 0 && m->suppress != NULL && m->suppress(m->suppress_ctx, o->kind, o->value, &list)) {
		atomic_fetch_add(&m->suppressed, 1);
		*ret_list = list.n > 0 ? list : S("(a list without a name)");
	}
	return l.n;
}

void image_stats(const struct image *cm, struct image_stats *ret)
{
	struct image *m = (struct image *)(uintptr_t)cm;
	const struct shelf *s;

	pthread_mutex_lock(&m->lock);
	s = atomic_load(&m->shelf);
	*ret = (struct image_stats){ .indicators = m->live, .values = s->n_entries - s->n_dead, .unsupported = m->unsupported,
				     .suppressed = atomic_load(&m->suppressed) };
	ret->bytes = (uint64_t)(s->n_entries / CHUNK + 1) * CHUNK * sizeof(struct entry) +
		     (uint64_t)(s->n_indicators / CHUNK + 1) * CHUNK * sizeof(struct indicator) + s->key_end +
		     (atomic_load(&s->table)->mask + s->by_id->mask + 2) * sizeof(uint32_t);
	pthread_mutex_unlock(&m->lock);
}
