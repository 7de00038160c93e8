/* The manager and the life of the workers.
 *
 * One thread per link, because a link spends its time waiting for another
 * machine; a stalled peer holds up nothing but its own links. The manager alone
 * starts and stops workers, so that a change of peers, made in an HTTP request,
 * never waits for a peer.
 *
 * A worker's failure is written into the peer's record and the log once per
 * cause, and then tried again with growing pauses, for ever: a link is meant to
 * survive a week without a network. */
#include "fed/fed_int.h"

#include <errno.h>
#include <time.h>

#include "base/mem.h"
#include "stix/marking.h"

#define WORKER_MEMORY ((size_t)64 << 10)
#define CONNECT_TIMEOUT (5 * USEC_PER_SEC)
#define TOTAL_TIMEOUT (60 * USEC_PER_SEC)

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

static struct timespec after(usec span)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += span / USEC_PER_SEC;
	t.tv_nsec += (span % USEC_PER_SEC) * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

void fed_rest(struct fed_worker *w, usec span)
{
	struct timespec until = after(span);

	pthread_mutex_lock(&w->lock);
	while (!w->rung && !w->stop && pthread_cond_timedwait(&w->bell, &w->lock, &until) != ETIMEDOUT)
		;
	w->rung = false;
	pthread_mutex_unlock(&w->lock);
}

/* A wait between two tries: the bell does not shorten it. */
void fed_wait(void *ctx, usec span)
{
	struct fed_worker *w = ctx;
	struct timespec until = after(span);

	pthread_mutex_lock(&w->lock);
	while (!w->stop && pthread_cond_timedwait(&w->bell, &w->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&w->lock);
}

uint8_t fed_ceiling(const struct fed_worker *w)
{
	return w->peer.tlp_max < w->link.tlp_max ? w->peer.tlp_max : w->link.tlp_max;
}

enum rc fed_root_url(const struct fed_worker *w, struct buf *out, struct err *err)
{
	struct str url = w->peer.url;

	while (str_ends(url, S("/")))
		url.n--;
	buf_init(out, TAXII_URL_MAX);
	buf_fmt(out, "%.*s/%.*s/", STR(url), STR(w->link.their_root));
	return buf_check(out, err, "peer address");
}

enum rc fed_client(struct fed_worker *w, struct taxii_client **ret, struct err *err)
{
	struct taxii_client_config tc = { .http = w->http, .retries = -1, .wait = fed_wait, .wait_ctx = w };
	struct buf url;
	enum rc rc = fed_root_url(w, &url, err);

	tc.url = url.p;
	if (rc == RC_OK)
		rc = taxii_client_new(&tc, ret, err);
	buf_done(&url);
	return rc;
}

enum rc fed_cursor_load(struct fed_worker *w, char out[static 64], struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;
	enum rc rc;

	out[0] = '\0';
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "cursor: out of memory");
	rc = cursor_get(w->fed->config.store, str_of(w->key), a, &text, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	if (rc == RC_OK && text.n >= 64)
		return FAIL(err, RC_CORRUPT, "%s: cursor is too long", w->key);
	if (rc == RC_OK) {
		memcpy(out, text.p, text.n);
		out[text.n] = '\0';
	}
	return rc;
}

enum rc fed_cursor_save(struct fed_worker *w, const char *text, struct err *err)
{
	TRY(cursor_put(w->fed->config.store, str_of(w->key), str_of(text), err));
	pthread_mutex_lock(&w->lock);
	snprintf(w->cursor, sizeof w->cursor, "%s", text);
	pthread_mutex_unlock(&w->lock);
	return RC_OK;
}

static void say(const struct fed_worker *w, bool bad, const char *text)
{
	char name[80];

	snprintf(name, sizeof name, "%.*s", STR(w->peer.name));
	if (w->fed->config.log != NULL)
		w->fed->config.log(w->fed->config.ctx, name, bad, text);
}

/* Written into the record and said aloud when it changes, not at every try. */
static void note_result(struct fed_worker *w, enum rc rc, const struct err *err)
{
	const char *text = rc == RC_OK ? "" : err->text;
	bool changed;

	pthread_mutex_lock(&w->lock);
	changed = !str_eq(str_slice(str_of(text), 0, sizeof w->last_error - 1), str_of(w->last_error));
	snprintf(w->last_error, sizeof w->last_error, "%s", text);
	pthread_mutex_unlock(&w->lock);
	if (rc != RC_OK)
		atomic_fetch_add(&w->failures, 1);
	if (!changed)
		return;
	say(w, rc != RC_OK, rc == RC_OK ? "exchange works again" : text);
	if (peer_seen(w->fed->config.store, w->peer.name, rc == RC_OK ? time_now() : 0, str_of(text), NULL) != RC_OK)
		say(w, true, "its record cannot be written");
}

static void *work(void *ctx)
{
	struct fed_worker *w = ctx;
	usec backoff = FED_BACKOFF_LEAST;

	while (!w->stop) {
		struct err err = { 0 };
		enum rc rc = w->link.direction == LINK_PULL ? fed_pull_round(w, &err) : fed_push_round(w, &err);

		if (w->stop)
			break;
		note_result(w, rc, &err);
		if (rc == RC_OK) {
			backoff = FED_BACKOFF_LEAST;
			atomic_store(&w->state, "idle");
			fed_rest(w, w->link.direction == LINK_PULL ? FED_POLL : 10 * FED_POLL);
			continue;
		}
		atomic_store(&w->state, "waiting");
		fed_wait(w, backoff);
		backoff = backoff * 2 < FED_BACKOFF_MOST ? backoff * 2 : FED_BACKOFF_MOST;
	}
	return NULL;
}

/* --- starting and stopping --- */

static void worker_free(struct fed_worker *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->bell);
	arena_free(w->memory);
	mem_free(w);
}

static void worker_ring(struct fed_worker *w, bool stop)
{
	pthread_mutex_lock(&w->lock);
	w->rung = true;
	if (stop)
		w->stop = 1;
	pthread_cond_broadcast(&w->bell);
	pthread_mutex_unlock(&w->lock);
}

static bool keep_texts(struct fed_worker *w)
{
	struct str *all[] = { &w->peer.name, &w->peer.relation, &w->peer.url, &w->peer.cert_sha256, &w->link.their_root,
			      &w->link.their_collection };

	for (size_t i = 0; i < COUNTOF(all); i++) {
		*all[i] = arena_dup(w->memory, *all[i]);
		if (all[i]->p == NULL)
			return false;
	}
	return true;
}

static void make_key(const struct peer *p, const struct link *l, char out[static 512])
{
	snprintf(out, 512, "fed:%s:%.*s:%u:%.*s/%.*s", l->direction == LINK_PULL ? "pull" : "push", STR(p->name), l->collection,
		 STR(l->their_root), STR(l->their_collection));
}

static enum rc worker_start(struct fed *f, const struct peer *p, const struct link *l, struct err *err)
{
	struct fed_worker *w;

	if (f->n == FED_WORKERS_MAX)
		return FAIL(err, RC_LIMIT, "more than %d links", FED_WORKERS_MAX);
	w = mem_alloc(sizeof *w);
	if (w == NULL)
		return FAIL(err, RC_NOMEM, "link: out of memory");
	*w = (struct fed_worker){ .fed = f, .peer = *p, .link = *l, .memory = arena_new(WORKER_MEMORY) };
	atomic_store(&w->state, "starting");
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->bell);
	make_key(p, l, w->key);
	if (w->memory == NULL || !keep_texts(w)) {
		worker_free(w);
		return FAIL(err, RC_NOMEM, "link: out of memory");
	}
	/* A peer is who holds the pinned key; which authority signed it adds nothing to that. */
	w->http = (struct httpc_config){ .pin_sha256 = w->peer.cert_sha256.p, .cert_pem = f->cert, .key_pem = f->key,
					 .connect_timeout = CONNECT_TIMEOUT, .total_timeout = TOTAL_TIMEOUT,
					 .max_response = FED_RESPONSE_MAX };
	if (pthread_create(&w->thread, NULL, work, w) != 0) {
		worker_free(w);
		return FAIL(err, RC_IO, "link: cannot start a thread");
	}
	f->workers[f->n++] = w;
	return RC_OK;
}

/* Takes it out of the list under the lock, then waits for it without. */
static void worker_stop(struct fed *f, size_t i)
{
	struct fed_worker *w = f->workers[i];

	pthread_mutex_lock(&f->lock);
	f->workers[i] = f->workers[--f->n];
	pthread_mutex_unlock(&f->lock);
	worker_ring(w, true);
	pthread_join(w->thread, NULL);
	worker_free(w);
}

struct wanted {
	struct peer *peers;
	struct link *links;
	size_t n_peers, n_links;
};

static const struct peer *peer_of(const struct wanted *want, const struct link *l)
{
	for (size_t i = 0; i < want->n_peers; i++)
		if (str_eq(want->peers[i].name, l->peer) && !want->peers[i].disabled && want->peers[i].url.n > 0)
			return &want->peers[i];
	return NULL;
}

static bool is_same(const struct fed_worker *w, const struct peer *p, const struct link *l)
{
	char key[512];

	make_key(p, l, key);
	return str_eq(str_of(key), str_of(w->key)) && str_eq(p->url, w->peer.url) && str_eq(p->cert_sha256, w->peer.cert_sha256) &&
	       p->tlp_max == w->peer.tlp_max && l->tlp_max == w->link.tlp_max;
}

static bool still_wanted(const struct fed_worker *w, const struct wanted *want)
{
	for (size_t i = 0; i < want->n_links; i++) {
		const struct peer *p = peer_of(want, &want->links[i]);

		if (p != NULL && is_same(w, p, &want->links[i]))
			return true;
	}
	return false;
}

static bool is_running(const struct fed *f, const struct peer *p, const struct link *l)
{
	for (size_t i = 0; i < f->n; i++)
		if (is_same(f->workers[i], p, l))
			return true;
	return false;
}

static void reconcile(struct fed *f)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)16 << 20);
	struct wanted want = { .n_links = 0 };
	struct err err = { 0 };
	enum rc rc = a == NULL ? FAIL(&err, RC_NOMEM, "links: out of memory")
			       : peer_list(f->config.store, a, &want.peers, &want.n_peers, &err);

	if (rc == RC_OK)
		rc = link_list(f->config.store, S(""), a, &want.links, &want.n_links, &err);
	for (size_t i = f->n; rc == RC_OK && i-- > 0;)
		if (!still_wanted(f->workers[i], &want))
			worker_stop(f, i);
	for (size_t i = 0; rc == RC_OK && i < want.n_links; i++) {
		const struct peer *p = peer_of(&want, &want.links[i]);

		if (p == NULL || is_running(f, p, &want.links[i]))
			continue;
		pthread_mutex_lock(&f->lock);
		rc = worker_start(f, p, &want.links[i], &err);
		pthread_mutex_unlock(&f->lock);
	}
	if (rc != RC_OK && f->config.log != NULL)
		f->config.log(f->config.ctx, "links", true, err.text);
}

static void *manage(void *ctx)
{
	struct fed *f = ctx;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		if (f->reload) {
			f->reload = false;
			pthread_mutex_unlock(&f->lock);
			reconcile(f);
			pthread_mutex_lock(&f->lock);
			continue;
		}
		pthread_cond_wait(&f->bell, &f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	while (f->n > 0)
		worker_stop(f, f->n - 1);
	return NULL;
}

static void fed_free(struct fed *f)
{
	mem_free(f->cert);
	mem_free(f->key);
	mem_free(f->ca);
	mem_free(f);
}

enum rc fed_start(const struct fed_config *c, struct fed **ret, struct err *err)
{
	struct fed *f = mem_alloc(sizeof *f);

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	f->config = *c;
	f->reload = true;
	f->cert = mem_strdup(c->cert_pem);
	f->key = mem_strdup(c->key_pem);
	f->ca = mem_strdup(c->ca_pem);
	pthread_mutex_init(&f->lock, NULL);
	cond_init(&f->bell);
	if (f->cert == NULL || f->key == NULL || f->ca == NULL || pthread_create(&f->manager, NULL, manage, f) != 0) {
		fed_free(f);
		return FAIL(err, RC_NOMEM, "exchange: cannot start");
	}
	*ret = f;
	return RC_OK;
}

void fed_reload(struct fed *f)
{
	pthread_mutex_lock(&f->lock);
	f->reload = true;
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
}

void fed_wake(struct fed *f, uint32_t collection)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		if (f->workers[i]->link.direction == LINK_PUSH && f->workers[i]->link.collection == collection)
			worker_ring(f->workers[i], false);
	pthread_mutex_unlock(&f->lock);
}

void fed_stop(struct fed *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	/* All at once, so that their ends do not add up. */
	for (size_t i = 0; i < f->n; i++)
		worker_ring(f->workers[i], true);
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->manager, NULL);
	fed_free(f);
}

void fed_status(struct fed *f, struct jsonw *w)
{
	jsonw_name(w, "peers");
	jsonw_array(w);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		struct fed_worker *k = f->workers[i];
		struct buf link;

		buf_init(&link, 1024);
		buf_fmt(&link, "%s %.*s/%.*s", k->link.direction == LINK_PULL ? "pull" : "push", STR(k->link.their_root),
			STR(k->link.their_collection));
		pthread_mutex_lock(&k->lock);
		jsonw_object(w);
		jsonw_m_str(w, "name", k->peer.name);
		jsonw_m_str(w, "link", buf_view(&link));
		jsonw_m_cstr(w, "state", atomic_load(&k->state));
		jsonw_m_int(w, "delivered", (int64_t)atomic_load(&k->delivered));
		jsonw_m_int(w, "failures", (int64_t)atomic_load(&k->failures));
		jsonw_m_cstr(w, "last_error", k->last_error);
		jsonw_m_cstr(w, "cursor", k->cursor);
		jsonw_object_end(w);
		pthread_mutex_unlock(&k->lock);
		buf_done(&link);
	}
	pthread_mutex_unlock(&f->lock);
	jsonw_array_end(w);
}
