/* A tally collects what is the same for (kind, viewer, path, subject, filter). A
 * page is recorded as the stretch (after, last] of the collection's clock that was
 * read, with the filter and the TLP mask: date_added is unique in a collection, so
 * this names the released objects exactly without listing them. Neighbouring and
 * repeated stretches join. Single objects and small pages are listed by id.
 *
 * Written by a thread of its own once a second while there is something to write,
 * by ledger_flush, when full, and when the store closes. A crash loses at most
 * that second, as fact_append_soon says too. */
#include "gate/ledger.h"

#include <pthread.h>
#include <sys/prctl.h>

#include "base/bell.h"
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#define LEDGER_MEMORY ((size_t)64 << 20)
#define FILTER_MAX 512
#define COLLECT_FOR USEC_PER_SEC
#define FACT_BODY_MAX ((size_t)64 << 10)

struct stretch {
	usec after, last;
};

struct tally {
	struct str actor, subject, filter, why;
	enum gate_path path;
	bool refusal, joined; /* joined: stretches were merged over a gap */
	uint32_t mask;
	uint64_t times, objects;
	struct stretch stretches[LEDGER_RANGES];
	uint32_t n_stretches;
	struct str *ids;      /* LEDGER_IDS, made with the first */
	uint32_t n_ids;
};

struct ledger {
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool stop, dirty, have_thread;
	_Atomic bool refs;
	struct arena *arena;       /* texts of the tallies, until the next writing */
	struct map *index;         /* key -> tally number; "number/id@version" -> seen */
	struct tally *tallies;
	uint32_t n;
	uint64_t refusals_lost;    /* refusals for which there was no room */
	struct buf key, body;
};

const char *gate_path_name(enum gate_path path)
{
	static const char *const names[] = { "taxii", "rest", "export", "push", "log", "count", "stream" };

	return (size_t)path < COUNTOF(names) ? names[path] : "unknown";
}

static void put_actor(struct buf *b, const struct viewer *v)
{
	static const char *const kinds[] = { "anonymous", "user:", "peer:", "local:" };

	buf_cstr(b, (size_t)v->kind < COUNTOF(kinds) ? kinds[v->kind] : "unknown:");
	if (v->kind != VIEWER_ANONYMOUS)
		buf_str(b, v->name);
}

static void put_list(struct jsonw *w, const char *name, const struct str *list, size_t n)
{
	if (n == 0)
		return;
	jsonw_name(w, name);
	jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		jsonw_str(w, list[i]);
	jsonw_array_end(w);
}

/* The query's filter as JSON; a long one as its SHA-256, which whoever has the request can compare. */
static void put_filter(struct buf *b, const struct page_query *q)
{
	struct jsonw w;
	size_t start = b->n;
	unsigned char sum[SHA256_LEN];

	jsonw_init(&w, b);
	jsonw_object(&w);
	put_list(&w, "ids", q->ids, q->n_ids);
	put_list(&w, "types", q->types, q->n_types);
	put_list(&w, "versions", q->versions, q->n_versions);
	if (q->want_all || q->want_first || q->want_last) {
		jsonw_name(&w, "match");
		jsonw_array(&w);
		if (q->want_all)
			jsonw_cstr(&w, "all");
		if (q->want_first)
			jsonw_cstr(&w, "first");
		if (q->want_last)
			jsonw_cstr(&w, "last");
		jsonw_array_end(&w);
	}
	if (q->n_specs > 0) {
		jsonw_name(&w, "specs");
		jsonw_array(&w);
		for (size_t i = 0; i < q->n_specs; i++)
			jsonw_int(&w, q->specs[i]);
		jsonw_array_end(&w);
	}
	if (!q->bodies)
		jsonw_m_bool(&w, "manifest", true);
	jsonw_object_end(&w);
	if (b->n - start <= FILTER_MAX)
		return;
	hash_sha256(str_make(b->p + start, b->n - start), sum);
	buf_cut(b, start);
	buf_cstr(b, "{\"sha256\":\"");
	hex_put(b, str_make((const char *)sum, sizeof sum));
	buf_cstr(b, "\"}");
}

static void forget(struct ledger *l)
{
	l->n = 0;
	arena_reset(l->arena);
	map_free(l->index);
	l->index = map_new(LEDGER_TALLIES_MAX * 8);
}

static void put_ranges(struct jsonw *w, const struct tally *t)
{
	jsonw_name(w, "stretches");
	jsonw_array(w);
	for (uint32_t i = 0; i < t->n_stretches; i++) {
		jsonw_array(w);
		if (t->stretches[i].after == INT64_MIN)
			jsonw_null(w);
		else
			jsonw_time(w, t->stretches[i].after);
		jsonw_time(w, t->stretches[i].last);
		jsonw_array_end(w);
	}
	jsonw_array_end(w);
	if (t->joined)
		jsonw_m_bool(w, "joined", true);
	jsonw_name(w, "filter");
	jsonw_raw(w, t->filter);
}

static void put_body(struct buf *b, const struct tally *t)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "path", gate_path_name(t->path));
	jsonw_m_int(&w, "times", (int64_t)t->times);
	if (t->refusal) {
		jsonw_m_str(&w, "why", t->why);
	} else {
		jsonw_m_int(&w, "objects", (int64_t)t->objects);
		if (t->n_stretches > 0) {
			jsonw_m_int(&w, "tlp_mask", t->mask);
			put_ranges(&w, t);
		}
		put_list(&w, "ids", t->ids, t->n_ids);
	}
	jsonw_object_end(&w);
}

static enum rc write_tally(struct ledger *l, struct tally *t, struct err *err)
{
	struct fact f = { .subject = t->subject, .actor = t->actor };

	f.kind = t->refusal ? S("gate.refuse") : S("gate.release");
	buf_clear(&l->body);
	put_body(&l->body, t);
	TRY(buf_check(&l->body, err, "fact of the gate"));
	f.body = buf_view(&l->body);
	TRY(fact_append_soon(l->store, &f, err));
	t->times = t->objects = 0;
	t->n_stretches = t->n_ids = 0;
	t->joined = false;
	return RC_OK;
}

static enum rc write_lost(struct ledger *l, struct err *err)
{
	struct fact f = { .kind = S("gate.refuse"), .actor = S("node"), .subject = S("refusals without room") };

	if (l->refusals_lost == 0)
		return RC_OK;
	buf_clear(&l->body);
	buf_fmt(&l->body, "{\"times\":%llu}", (unsigned long long)l->refusals_lost);
	TRY(buf_check(&l->body, err, "fact of the gate"));
	f.body = buf_view(&l->body);
	TRY(fact_append_soon(l->store, &f, err));
	l->refusals_lost = 0;
	return RC_OK;
}

/* With the lock held. What was written is out of the tallies even when a later one fails. */
static enum rc flush(struct ledger *l, struct err *err)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->tallies[i].times > 0)
			TRY(write_tally(l, &l->tallies[i], err));
	}
	TRY(write_lost(l, err));
	forget(l);
	l->dirty = false;
	return l->index == NULL ? FAIL(err, RC_NOMEM, "record of releases: no memory") : RC_OK;
}

enum rc ledger_flush(struct ledger *l, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&l->lock);
	rc = flush(l, err);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

/* With the lock held: a second of collecting, or less when the store closes. */
static void collect(struct ledger *l)
{
	usec until = time_mono() + COLLECT_FOR;

	while (!l->stop && cond_wait_for(&l->wake, &l->lock, until - time_mono()))
		;
}

static void *write_each_second(void *p)
{
	struct ledger *l = p;
	struct err err;

	(void)prctl(PR_SET_NAME, "gate-facts");
	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		while (!l->dirty && !l->stop)
			pthread_cond_wait(&l->wake, &l->lock);
		collect(l);
		/* A failure leaves the tallies as they are, and the next second tries again. */
		if (l->dirty && !l->stop)
			(void)!flush(l, &err);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	arena_free(l->arena);
	map_free(l->index);
	mem_free(l->tallies);
	buf_done(&l->key);
	buf_done(&l->body);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

static void done(struct store *s, void *p)
{
	struct ledger *l = p;
	struct err err;

	(void)s;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	(void)!flush(l, &err);
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (l->have_thread)
		pthread_join(l->thread, NULL);
	ledger_free(l);
}

/* Does anything here name others? Asked once, when the ledger is made. */
static bool any_refs(struct store *s)
{
	struct page_query q = { .added_after = INT64_MIN, .want_all = true, .tlp_mask = UINT32_MAX, .limit = 1,
				.flags_all = OBJECT_HAS_REFS };
	struct page p = { 0 };
	struct err err;
	bool any;

	if (store_page(s, &q, &p, &err) != RC_OK)
		return true;
	any = p.n > 0;
	page_done(&p);
	return any;
}

static void *make(struct store *s)
{
	struct ledger *l = mem_alloc(sizeof *l);

	if (l == NULL)
		return NULL;
	l->store = s;
	pthread_mutex_init(&l->lock, NULL);
	cond_init(&l->wake);
	buf_init(&l->key, FACT_BODY_MAX);
	buf_init(&l->body, FACT_BODY_MAX);
	l->arena = arena_new(LEDGER_MEMORY);
	l->index = map_new(LEDGER_TALLIES_MAX * 8);
	l->tallies = mem_array(LEDGER_TALLIES_MAX, sizeof *l->tallies);
	if (l->arena == NULL || l->index == NULL || l->tallies == NULL) {
		ledger_free(l);
		return NULL;
	}
	l->refs = any_refs(s);
	l->have_thread = pthread_create(&l->thread, NULL, write_each_second, l) == 0;
	if (!l->have_thread) {
		ledger_free(l);
		return NULL;
	}
	return l;
}

struct ledger *ledger_of(struct store *s)
{
	return store_slot(s, STORE_SLOT_GATE, make, done);
}

bool ledger_refs_seen(struct ledger *l)
{
	return l->refs;
}

void ledger_refs_note(struct ledger *l)
{
	l->refs = true;
}

static struct tally *new_tally(struct ledger *l, struct str key, struct err *err)
{
	struct tally *t = &l->tallies[l->n];

	if (map_put(l->index, key, l->n) != RC_OK) {
		err_set(err, RC_NOMEM, "record of releases: no memory");
		return NULL;
	}
	l->n++;
	memset(t, 0, sizeof *t);
	return t;
}

/* The tally of this key, or a new one that still lacks its texts (t->times == 0
 * and actor.p == NULL). NULL with `err` when full and the facts are not taken. */
static struct tally *tally_of(struct ledger *l, struct err *err)
{
	struct str key = buf_view(&l->key);
	uint64_t i;

	if (buf_check(&l->key, err, "record of releases") != RC_OK)
		return NULL;
	if (l->index != NULL && map_get(l->index, key, &i))
		return &l->tallies[i];
	if (l->index == NULL || l->n == LEDGER_TALLIES_MAX || map_count(l->index) >= LEDGER_TALLIES_MAX * 8 - 64 ||
	    arena_used(l->arena) > LEDGER_MEMORY / 2) {
		if (flush(l, err) != RC_OK)
			return NULL;
	}
	return new_tally(l, key, err);
}

struct key_parts {
	const struct viewer *viewer;
	enum gate_path path;
	struct str subject, why;
	const struct page_query *q; /* NULL: listed by id, or a refusal */
};

/* Key: kind, path, mask, actor, subject, why, filter, each ended by NUL. */
static struct tally *find(struct ledger *l, const struct key_parts *k, bool refusal, struct err *err)
{
	struct buf *b = &l->key;
	size_t at[4];
	struct tally *t;
	struct str all;

	buf_clear(b);
	buf_fmt(b, "%c%d %x", refusal ? 'x' : k->q == NULL ? 'i' : 's', (int)k->path, k->q == NULL ? 0 : k->q->tlp_mask);
	buf_char(b, '\0');
	at[0] = b->n;
	put_actor(b, k->viewer);
	buf_char(b, '\0');
	at[1] = b->n;
	buf_str(b, k->subject);
	buf_char(b, '\0');
	at[2] = b->n;
	buf_str(b, k->why);
	buf_char(b, '\0');
	at[3] = b->n;
	if (k->q != NULL)
		put_filter(b, k->q);
	t = tally_of(l, err);
	if (t == NULL || t->actor.p != NULL)
		return t;
	all = arena_dup(l->arena, buf_view(b));
	if (all.p == NULL) {
		/* The key stays in the index and points at a tally without texts: the next call fills it. */
		err_set(err, RC_NOMEM, "record of releases: no memory");
		return NULL;
	}
	t->actor = str_slice(all, at[0], at[1] - 1);
	t->subject = str_slice(all, at[1], at[2] - 1);
	t->why = str_slice(all, at[2], at[3] - 1);
	t->filter = str_slice(all, at[3], all.n);
	t->path = k->path;
	t->refusal = refusal;
	t->mask = k->q == NULL ? 0 : k->q->tlp_mask;
	return t;
}

static void touched(struct ledger *l)
{
	if (!l->dirty) {
		l->dirty = true;
		pthread_cond_signal(&l->wake);
	}
}

/* (after, last] joins a stretch that it meets or overlaps: the union has no gap then. */
static void add_stretch(struct tally *t, usec after, usec last)
{
	struct stretch *s;

	for (uint32_t i = 0; i < t->n_stretches; i++) {
		s = &t->stretches[i];
		if (after > s->last || last < s->after)
			continue;
		s->after = after < s->after ? after : s->after;
		s->last = last > s->last ? last : s->last;
		return;
	}
	if (t->n_stretches < LEDGER_RANGES) {
		t->stretches[t->n_stretches++] = (struct stretch){ after, last };
		return;
	}
	s = &t->stretches[LEDGER_RANGES - 1];
	s->after = after < s->after ? after : s->after;
	s->last = last > s->last ? last : s->last;
	t->joined = true;
}

/* Names the object in the tally unless it is named already. */
static enum rc add_id(struct ledger *l, struct tally *t, const struct page_entry *e, struct err *err)
{
	struct str name, seen;

	if (t->n_ids == LEDGER_IDS)
		TRY(write_tally(l, t, err));
	if (t->ids == NULL)
		t->ids = arena_array(l->arena, LEDGER_IDS, sizeof *t->ids);
	seen = arena_fmt(l->arena, "%td/%.*s@%.*s", t - l->tallies, STR(e->id), STR(e->version));
	if (t->ids == NULL || seen.p == NULL)
		return FAIL(err, RC_NOMEM, "record of releases: no memory");
	if (map_get(l->index, seen, NULL))
		return RC_OK;
	if (map_put(l->index, seen, 0) != RC_OK)
		return FAIL(err, RC_BUSY, "record of releases: full");
	name = str_slice(seen, str_find(seen, S("/"), 0) + 1, seen.n);
	t->ids[t->n_ids++] = name;
	return RC_OK;
}

static enum rc add_entries(struct ledger *l, const struct key_parts *k, const struct page_entry *e, size_t n, struct err *err)
{
	struct tally *t = find(l, k, false, err);

	if (t == NULL)
		return err->rc;
	for (size_t i = 0; i < n; i++)
		TRY(add_id(l, t, &e[i], err));
	t->times++;
	t->objects += n;
	touched(l);
	return RC_OK;
}

static enum rc add_page(struct ledger *l, const struct key_parts *k, const struct page *p, struct err *err)
{
	struct tally *t = find(l, k, false, err);

	if (t == NULL)
		return err->rc;
	add_stretch(t, k->q->added_after, p->last > p->entries[p->n - 1].added ? p->last : p->entries[p->n - 1].added);
	t->times++;
	t->objects += p->n;
	touched(l);
	return RC_OK;
}

enum rc ledger_page(struct ledger *l, const struct viewer *v, enum gate_path path, struct str collection,
		    const struct page_query *q, const struct page *p, struct err *err)
{
	struct key_parts k = { .viewer = v, .path = path, .subject = collection };
	struct err own;
	enum rc rc;

	if (err == NULL)
		err = &own;
	if (p->n == 0)
		return RC_OK;
	if (p->n > LEDGER_SMALL_PAGE)
		k.q = q;
	pthread_mutex_lock(&l->lock);
	rc = k.q == NULL ? add_entries(l, &k, p->entries, p->n, err) : add_page(l, &k, p, err);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

enum rc ledger_object(struct ledger *l, const struct viewer *v, enum gate_path path, struct str collection,
		      const struct page_entry *e, struct err *err)
{
	struct key_parts k = { .viewer = v, .path = path, .subject = collection };
	struct err own;
	enum rc rc;

	pthread_mutex_lock(&l->lock);
	rc = add_entries(l, &k, e, 1, err == NULL ? &own : err);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

void ledger_refuse(struct ledger *l, const struct viewer *v, enum gate_path path, struct str subject, const char *why)
{
	struct key_parts k = { .viewer = v, .path = path, .subject = str_slice(subject, 0, 256), .why = str_of(why) };
	struct tally *t;
	struct err err;

	pthread_mutex_lock(&l->lock);
	t = find(l, &k, true, &err);
	if (t == NULL)
		l->refusals_lost++;
	else
		t->times++;
	touched(l);
	pthread_mutex_unlock(&l->lock);
}
