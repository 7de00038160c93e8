/* Clusters lie in shards by their key, each with a lock that is held while its tickets are written: hits of one matter are
 * counted in their order, those of others do not wait. */
#include "node/tickets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/bell.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/core.h"
#include "node/devices.h"
#include "node/matter.h"
#include "node/opinions.h"
#include "node/sightings.h"
#include "node/ticket_share.h"
#include "soc/cluster.h"

#define SHARDS 16
#define SHARD_CLUSTERS 1024u
#define WRITE_EVERY USEC_PER_SEC
#define RELOAD_EVERY 5              /* suppressions that another node of the same records made */
#define GROW_BATCH 64
#define NEAR_MAX 8
#define PACK_MEMORY ((size_t)16 << 20)
#define READ_MEMORY ((size_t)16 << 20)
#define MINUTE ((usec)60 * USEC_PER_SEC)

struct shard {
	pthread_mutex_t lock;
	struct clusters *clusters;
	uint64_t generation;        /* of what is remembered */
	bool dirty;                 /* something waits to be written */
};

struct tickets {
	struct core *core;
	struct store *store;
	usec quiet;
	struct arena *packs;
	const struct rsit *rsit;
	struct suppress *suppress;
	struct ticket_share *share;
	pthread_mutex_t reader_lock;
	struct connection_reader *reader;
	struct connection_device *devices;
	struct shard shards[SHARDS];
	pthread_t thread;
	bool started;
	struct bell bell;           /* only ever stopped */
	_Atomic uint64_t generation;
	_Atomic uint64_t opened, joined, merged, hits;
};

static usec sooner(usec t, usec by)
{
	usec r;

	return __builtin_sub_overflow(t, by, &r) ? INT64_MIN : r;
}

static usec later(usec t, usec by)
{
	usec r;

	return __builtin_add_overflow(t, by, &r) ? INT64_MAX : r;
}

static uint64_t hash_of(const struct matter *m)
{
	return hash_table(m->alert.rule.n > 0 ? m->alert.rule : m->alert.indicator);
}

/* --- writing what was counted; the shard's lock is held --- */

struct batch {
	struct ticket_growth growth[GROW_BATCH];
	struct cluster *clusters[GROW_BATCH];
	struct alert_growth alerts[GROW_BATCH][CLUSTER_ALERTS_MAX];
	struct ticket_ref refs[GROW_BATCH][CLUSTER_ITEMS_MAX];
	size_t n;
};

static void add_to_batch(struct batch *b, struct cluster *x)
{
	struct ticket_growth *g = &b->growth[b->n];

	*g = (struct ticket_growth){ .ticket = x->ticket, .hits = x->hits, .first = x->hits > 0 ? x->fresh_first : x->first,
				     .last = x->hits > 0 ? x->fresh_last : x->last, .tlp = x->tlp, .refs = b->refs[b->n],
				     .alerts = b->alerts[b->n] };
	for (uint8_t i = 0; i < x->n_items; i++)
		b->refs[b->n][g->n_refs++] = (struct ticket_ref){ S("connection"), str_of(x->items[i].text), S(""), x->items[i].hits };
	for (uint8_t i = 0; i < x->n_alerts; i++)
		if (x->alerts[i].hits > 0)
			b->alerts[b->n][g->n_alerts++] = (struct alert_growth){ x->alerts[i].row, x->alerts[i].hits, x->alerts[i].first, x->alerts[i].last };
	b->clusters[b->n++] = x;
}

static enum rc write_batch(struct tickets *t, struct batch *b, struct err *err)
{
	TRY(ticket_grow(t->store, b->growth, b->n, err));
	for (size_t i = 0; i < b->n; i++) {
		ticket_share_note(t->share, b->clusters[i]->ticket);
		cluster_clean(b->clusters[i]);
	}
	b->n = 0;
	return RC_OK;
}

static enum rc write_shard(struct tickets *t, struct shard *s, struct err *err)
{
	struct batch *b = s->dirty ? mem_alloc(sizeof *b) : NULL;
	struct cluster *x;
	uint32_t it = 0;
	enum rc rc = RC_OK;

	if (!s->dirty)
		return RC_OK;
	if (b == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	while (rc == RC_OK && (x = clusters_each(s->clusters, &it)) != NULL) {
		if (cluster_is_dirty(x))
			add_to_batch(b, x);
		if (b->n == GROW_BATCH)
			rc = write_batch(t, b, err);
	}
	if (rc == RC_OK)
		rc = write_batch(t, b, err);
	s->dirty = rc != RC_OK;
	mem_free(b);
	return rc;
}

/* Nothing is remembered that a person may have changed meanwhile. */
static enum rc be_current(struct tickets *t, struct shard *s, struct err *err)
{
	uint64_t now = atomic_load(&t->generation);
	struct cluster *x;
	uint32_t it = 0;

	if (s->generation == now)
		return RC_OK;
	TRY(write_shard(t, s, err));
	while ((x = clusters_each(s->clusters, &it)) != NULL)
		clusters_drop(s->clusters, x);
	s->generation = now;
	return RC_OK;
}

/* --- finding --- */

static enum rc remember(struct tickets *t, struct shard *s, struct str key, usec first, usec last, int64_t ticket, struct cluster **ret,
			struct err *err)
{
	enum rc rc = clusters_add(s->clusters, key, first, last, ticket, ret, err);

	if (rc != RC_BUSY)
		return rc;
	TRY(write_shard(t, s, err));
	return clusters_add(s->clusters, key, first, last, ticket, ret, err);
}

/* Alerts of a ticket, so that what is known is counted and not made again. */
static enum rc remember_alerts(struct tickets *t, struct cluster *x, struct arena *a, struct err *err)
{
	struct alert_row *rows;
	size_t n;

	TRY(alert_of_ticket(t->store, x->ticket, CLUSTER_ALERTS_MAX, a, &rows, &n, err));
	for (size_t i = 0; i < n; i++)
		if (cluster_alert(x, hash_table(rows[i].rule.n > 0 ? rows[i].rule : rows[i].indicator)) == NULL)
			(void)cluster_add_alert(x, hash_table(rows[i].rule.n > 0 ? rows[i].rule : rows[i].indicator), rows[i].row);
	return RC_OK;
}

/* What is not in memory may be in the store: from before a restart, or forgotten for others. */
static enum rc look_in_store(struct tickets *t, struct shard *s, const struct matter *m, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(READ_MEMORY);
	struct ticket *list;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	TRY(ticket_near(t->store, m->ticket.cluster, sooner(m->first, t->quiet), later(m->last, t->quiet), NEAR_MAX, a, &list, &n, err));
	for (size_t i = 0; i < n; i++) {
		struct cluster *x;

		if (clusters_by_ticket(s->clusters, m->ticket.cluster, list[i].row) != NULL)
			continue;
		TRY(remember(t, s, m->ticket.cluster, list[i].first, list[i].last, list[i].row, &x, err));
		TRY(remember_alerts(t, x, a, err));
	}
	return RC_OK;
}

/* --- counting --- */

static enum rc open_new(struct tickets *t, struct shard *s, struct matter *m, struct err *err)
{
	struct cluster *x;

	TRY(matter_fill(t->core, m, err));
	m->ticket.hits = m->alert.hits = m->hits;
	m->ticket.first = m->alert.first = m->first;
	m->ticket.last = m->alert.last = m->last;
	TRY(ticket_open(t->store, &m->ticket, &m->alert, 1, t->quiet, err));
	atomic_fetch_add(&t->opened, 1);
	ticket_share_note(t->share, m->ticket.row);
	log_line(LOG_LEVEL_INFO, "ticket", "%.*s opened (%.*s)", STR(m->ticket.number), STR(m->ticket.class));
	/* It is in the store; without memory for it, it is found there again. */
	if (remember(t, s, m->ticket.cluster, m->first, m->last, m->ticket.row, &x, NULL) == RC_OK)
		(void)cluster_add_alert(x, hash_of(m), m->alert.row);
	return RC_OK;
}

/* Another rule or indicator of the same family: an alert of its own in the same ticket. */
static enum rc add_alert(struct tickets *t, struct cluster *x, struct matter *m, struct err *err)
{
	struct ticket_growth g = { .ticket = x->ticket, .hits = m->hits, .first = m->first, .last = m->last, .tlp = m->ticket.tlp,
				   .fresh = &m->alert, .n_fresh = 1 };

	TRY(matter_fill(t->core, m, err));
	g.refs = m->ticket.refs;
	g.n_refs = m->ticket.n_refs;
	m->alert.hits = m->hits;
	m->alert.first = m->first;
	m->alert.last = m->last;
	TRY(ticket_grow(t->store, &g, 1, err));
	ticket_share_note(t->share, x->ticket);
	(void)cluster_add_alert(x, hash_of(m), m->alert.row);
	x->first = x->first < m->first ? x->first : m->first;
	x->last = x->last > m->last ? x->last : m->last;
	atomic_fetch_add(&t->joined, 1);
	return RC_OK;
}

static enum rc count(struct tickets *t, struct shard *s, struct cluster *x, struct matter *m, bool *ret_new, struct err *err)
{
	struct cluster_alert *a = cluster_alert(x, hash_of(m));

	*ret_new = a == NULL && x->n_alerts < CLUSTER_ALERTS_MAX;
	if (*ret_new)
		return add_alert(t, x, m, err);
	s->dirty = true;
	cluster_count(x, m->first, m->last, m->hits, m->ticket.tlp);
	if (a != NULL)
		cluster_count_alert(a, m->first, m->last, m->hits);
	if (m->connection.n > 0) /* a full list counts no more of them until it is written */
		(void)cluster_add_item(x, m->connection, m->hits);
	return RC_OK;
}

/* The hit that was just counted closes the gap between two tickets. */
static enum rc merge(struct tickets *t, struct shard *s, struct cluster *into, struct cluster *from, struct err *err)
{
	TRY(write_shard(t, s, err));
	TRY(ticket_merge(t->store, into->ticket, from->ticket, err));
	ticket_share_note(t->share, into->ticket);
	ticket_share_note(t->share, from->ticket);
	clusters_join(s->clusters, into, from);
	atomic_fetch_add(&t->merged, 1);
	return RC_OK;
}

static enum rc take(struct tickets *t, struct shard *s, struct matter *m, bool *ret_new, struct err *err)
{
	struct cluster *other, *x;

	TRY(be_current(t, s, err));
	x = clusters_find(s->clusters, m->ticket.cluster, m->first, m->last, &other);
	if (x == NULL) {
		TRY(look_in_store(t, s, m, err));
		x = clusters_find(s->clusters, m->ticket.cluster, m->first, m->last, &other);
	}
	if (x == NULL) {
		*ret_new = true;
		return open_new(t, s, m, err);
	}
	TRY(count(t, s, x, m, ret_new, err));
	/* It is counted: whatever becomes of the other, it is not to be taken again. */
	if (other != NULL && merge(t, s, x, other, err) != RC_OK)
		log_line(LOG_LEVEL_WARN, "ticket", "two that are one are not merged: %s", err == NULL ? "" : err->text);
	return RC_OK;
}

enum rc tickets_take(struct tickets *t, struct matter *m, bool *ret_new, struct err *err)
{
	struct shard *s = &t->shards[hash_table(m->ticket.cluster) % SHARDS];
	bool news = false;
	enum rc rc;

	pthread_mutex_lock(&s->lock);
	rc = take(t, s, m, &news, err);
	pthread_mutex_unlock(&s->lock);
	if (rc == RC_OK)
		atomic_fetch_add(&t->hits, (uint64_t)m->hits);
	if (ret_new != NULL)
		*ret_new = news;
	return rc;
}

enum rc tickets_flush(struct tickets *t, struct err *err)
{
	for (size_t i = 0; i < SHARDS; i++) {
		enum rc rc;

		pthread_mutex_lock(&t->shards[i].lock);
		rc = write_shard(t, &t->shards[i], err);
		pthread_mutex_unlock(&t->shards[i].lock);
		if (rc != RC_OK)
			return rc;
	}
	TRY(suppress_flush(t->suppress, err));
	return sightings_flush(t->core, err);
}

void tickets_changed(struct tickets *t)
{
	struct err err = { 0 };

	if (t == NULL)
		return;
	atomic_fetch_add(&t->generation, 1);
	if (suppress_reload(t->suppress, &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "ticket", "suppressions are as they were: %s", err.text);
}

/* --- the thread --- */

static void *run(void *ctx)
{
	struct tickets *t = ctx;
	bool bad = false;

	opinions_catch_up(t->core);
	for (unsigned n = 1; bell_wait(&t->bell, WRITE_EVERY); n++) {
		struct err err = { 0 };
		enum rc rc = tickets_flush(t, &err);

		if (rc == RC_OK)
			rc = sightings_tell(t->core, false, &err);
		if (rc == RC_OK && n % RELOAD_EVERY == 0)
			rc = suppress_reload(t->suppress, &err);
		ticket_share_run(t->share);
		devices_run(t->core->devices);
		if (rc != RC_OK && !bad)
			log_line(LOG_LEVEL_ERROR, "ticket", "counts wait: %s", err.text);
		bad = rc != RC_OK;
	}
	return NULL;
}

static enum rc open_reader(struct tickets *t, struct err *err)
{
	const struct rsit_device *d;
	uint32_t n;

	d = rsit_devices(t->rsit, &n);
	t->devices = arena_array(t->packs, n + 1, sizeof *t->devices);
	if (t->devices == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	for (uint32_t i = 0; i < n; i++)
		t->devices[i] = (struct connection_device){ d[i].field, d[i].protection };
	return connection_reader_new(t->devices, n, &t->reader, err);
}

bool tickets_connection(struct tickets *t, struct str event, struct arena *a, struct connection *ret, struct str *ret_protection)
{
	struct str *const parts[] = { &ret->src_ip, &ret->src_port, &ret->src_host, &ret->dst_ip, &ret->dst_port, &ret->dst_host };
	bool found;

	pthread_mutex_lock(&t->reader_lock);
	found = connection_read(t->reader, event, ret, ret_protection);
	for (size_t i = 0; i < COUNTOF(parts); i++) {
		*parts[i] = arena_dup(a, *parts[i]);
		found = found && parts[i]->p != NULL;
	}
	pthread_mutex_unlock(&t->reader_lock);
	return found;
}

static enum rc open_shards(struct tickets *t, const struct config *conf, struct err *err)
{
	t->quiet = conf->quiet_minutes * MINUTE;
	for (size_t i = 0; i < SHARDS; i++)
		TRY(clusters_new(t->quiet, conf->max_hours * 60 * MINUTE, SHARD_CLUSTERS, &t->shards[i].clusters, err));
	t->packs = arena_new(PACK_MEMORY);
	if (t->packs == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	TRY(rsit_load(t->packs, conf->rsit[0] == '\0' ? NULL : conf->rsit, &t->rsit, err));
	TRY(open_reader(t, err));
	TRY(ticket_share_new(t->core, &t->share, err));
	return suppress_new(t->store, &t->suppress, err);
}

static void tickets_free(struct tickets *t)
{
	for (size_t i = 0; i < SHARDS; i++) {
		clusters_free(t->shards[i].clusters);
		pthread_mutex_destroy(&t->shards[i].lock);
	}
	suppress_free(t->suppress);
	ticket_share_free(t->share);
	connection_reader_free(t->reader);
	pthread_mutex_destroy(&t->reader_lock);
	arena_free(t->packs);
	bell_done(&t->bell);
	mem_free(t);
}

enum rc tickets_start(struct core *c, struct tickets **ret, struct err *err)
{
	struct tickets *t = mem_alloc(sizeof *t);
	enum rc rc;

	if (t == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	t->core = c;
	t->store = c->node.store;
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&t->shards[i].lock, NULL);
	pthread_mutex_init(&t->reader_lock, NULL);
	bell_init(&t->bell);
	rc = open_shards(t, &c->node.config, err);
	if (rc == RC_OK)
		rc = sightings_open(c, err);
	if (rc == RC_OK && pthread_create(&t->thread, NULL, run, t) != 0)
		rc = FAIL(err, RC_IO, "tickets: cannot start a thread");
	t->started = rc == RC_OK;
	*ret = t;
	if (rc != RC_OK) {
		*ret = NULL;
		sightings_close(c);
		tickets_free(t);
	}
	return rc;
}

void tickets_stop(struct tickets *t)
{
	struct err err = { 0 };

	if (t == NULL)
		return;
	bell_stop(&t->bell);
	if (t->started)
		pthread_join(t->thread, NULL);
	if (tickets_flush(t, &err) != RC_OK || sightings_tell(t->core, true, &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "ticket", "last counts: %s", err.text);
	sightings_close(t->core);
	tickets_free(t);
}

void tickets_touch(struct tickets *t, int64_t row)
{
	if (t != NULL)
		ticket_share_note(t->share, row);
}

struct suppress *tickets_suppress(struct tickets *t)
{
	return t->suppress;
}

const struct rsit *tickets_rsit(const struct tickets *t)
{
	return t->rsit;
}

void tickets_status(struct tickets *t, struct jsonw *w)
{
	struct ticket_stats st;
	uint64_t open = 0;

	if (t == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&t->shards[i].lock);
		open += clusters_count(t->shards[i].clusters);
		pthread_mutex_unlock(&t->shards[i].lock);
	}
	jsonw_name(w, "tickets");
	jsonw_object(w);
	if (ticket_count(t->store, &st, NULL) == RC_OK) {
		jsonw_m_int(w, "open", (int64_t)st.open);
		jsonw_m_int(w, "in_progress", (int64_t)st.in_progress);
		jsonw_m_int(w, "closed", (int64_t)st.closed);
	}
	jsonw_m_int(w, "hits", (int64_t)atomic_load(&t->hits));
	jsonw_m_int(w, "opened", (int64_t)atomic_load(&t->opened));
	jsonw_m_int(w, "alerts_joined", (int64_t)atomic_load(&t->joined));
	jsonw_m_int(w, "merged", (int64_t)atomic_load(&t->merged));
	jsonw_m_int(w, "clusters", (int64_t)open);
	suppress_status(t->suppress, w);
	jsonw_object_end(w);
}
