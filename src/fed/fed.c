/* The manager: which workers there should be, and which there are.
 *
 * One thread per link, because a link spends its time waiting for another
 * machine; a stalled peer holds up nothing but its own links. The manager alone
 * starts and stops workers, so that a change of peers, made in an HTTP request,
 * never waits for a peer. */
#include "fed/fed_int.h"

#include "base/mem.h"

#define RECONCILE_MEMORY ((size_t)16 << 20)

/* Takes it out of the list under the lock, then waits for it without. */
static void worker_stop(struct fed *f, size_t i)
{
	struct fed_worker *w = f->workers[i];

	pthread_mutex_lock(&f->lock);
	f->workers[i] = f->workers[--f->n];
	pthread_mutex_unlock(&f->lock);
	fed_worker_join(w);
}

/* All at once, so that their ends do not add up. */
static void stop_all(struct fed *f)
{
	for (size_t i = 0; i < f->n; i++)
		fed_worker_ring(f->workers[i], true);
	while (f->n > 0)
		worker_stop(f, f->n - 1);
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

static bool still_wanted(const struct fed_worker *w, const struct wanted *want)
{
	for (size_t i = 0; i < want->n_links; i++) {
		const struct peer *p = peer_of(want, &want->links[i]);

		if (p != NULL && fed_worker_is(w, p, &want->links[i]))
			return true;
	}
	return false;
}

static bool is_running(const struct fed *f, const struct peer *p, const struct link *l)
{
	for (size_t i = 0; i < f->n; i++)
		if (fed_worker_is(f->workers[i], p, l))
			return true;
	return false;
}

static enum rc start_missing(struct fed *f, const struct wanted *want, struct err *err)
{
	for (size_t i = 0; i < want->n_links; i++) {
		const struct peer *p = peer_of(want, &want->links[i]);
		struct fed_worker *w;

		if (p == NULL || is_running(f, p, &want->links[i]))
			continue;
		if (f->n == FED_WORKERS_MAX)
			return FAIL(err, RC_LIMIT, "more than %d links", FED_WORKERS_MAX);
		TRY(fed_worker_start(f, p, &want->links[i], &w, err));
		pthread_mutex_lock(&f->lock);
		f->workers[f->n++] = w;
		pthread_mutex_unlock(&f->lock);
	}
	return RC_OK;
}

/* Workers borrow the certificate, so they end before it is replaced. */
static void take_keys(struct fed *f)
{
	bool any;

	pthread_mutex_lock(&f->lock);
	any = f->next_cert != NULL;
	pthread_mutex_unlock(&f->lock);
	if (!any)
		return;
	stop_all(f);
	pthread_mutex_lock(&f->lock);
	mem_free(f->cert);
	mem_free(f->key);
	f->cert = f->next_cert;
	f->key = f->next_key;
	f->next_cert = f->next_key = NULL;
	pthread_mutex_unlock(&f->lock);
}

/* Only the manager changes the list, so it reads it without the lock. */
static void reconcile(struct fed *f)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(RECONCILE_MEMORY);
	struct wanted want = { .n_links = 0 };
	struct err err = { 0 };
	enum rc rc = a == NULL ? FAIL(&err, RC_NOMEM, "links: out of memory")
			       : peer_list(f->config.store, a, &want.peers, &want.n_peers, &err);

	take_keys(f);
	if (rc == RC_OK)
		rc = link_list(f->config.store, S(""), a, &want.links, &want.n_links, &err);
	/* First rung, then waited for: one that stands in a transfer does not hold up the next. */
	for (size_t i = 0; rc == RC_OK && i < f->n; i++)
		if (!still_wanted(f->workers[i], &want))
			fed_worker_ring(f->workers[i], true);
	for (size_t i = f->n; rc == RC_OK && i-- > 0;)
		if (!still_wanted(f->workers[i], &want))
			worker_stop(f, i);
	if (rc == RC_OK)
		rc = start_missing(f, &want, &err);
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
	stop_all(f);
	return NULL;
}

static void fed_free(struct fed *f)
{
	mem_free(f->cert);
	mem_free(f->key);
	mem_free(f->next_cert);
	mem_free(f->next_key);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->bell);
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
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->bell, NULL);
	if (f->cert == NULL || f->key == NULL) {
		fed_free(f);
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	}
	if (pthread_create(&f->manager, NULL, manage, f) != 0) {
		fed_free(f);
		return FAIL(err, RC_IO, "exchange: cannot start a thread");
	}
	*ret = f;
	return RC_OK;
}

enum rc fed_set_keys(struct fed *f, const char *cert_pem, const char *key_pem, struct err *err)
{
	char *cert = mem_strdup(cert_pem), *key = mem_strdup(key_pem);

	if (cert == NULL || key == NULL) {
		mem_free(cert);
		mem_free(key);
		return FAIL(err, RC_NOMEM, "exchange: out of memory");
	}
	pthread_mutex_lock(&f->lock);
	mem_free(f->next_cert);
	mem_free(f->next_key);
	f->next_cert = cert;
	f->next_key = key;
	pthread_mutex_unlock(&f->lock);
	fed_reload(f);
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
			fed_worker_ring(f->workers[i], false);
	pthread_mutex_unlock(&f->lock);
}

void fed_stop(struct fed *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	/* The manager may itself be waiting for one of them. */
	for (size_t i = 0; i < f->n; i++)
		fed_worker_ring(f->workers[i], true);
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->manager, NULL);
	fed_free(f);
}

static void write_worker(struct fed_worker *k, struct jsonw *w)
{
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
	jsonw_m_int(w, "repeated", (int64_t)atomic_load(&k->repeated));
	jsonw_m_int(w, "refused", (int64_t)atomic_load(&k->refused));
	jsonw_m_int(w, "failures", (int64_t)atomic_load(&k->failures));
	jsonw_m_cstr(w, "last_error", k->last_error);
	jsonw_m_cstr(w, "cursor", k->cursor);
	jsonw_object_end(w);
	pthread_mutex_unlock(&k->lock);
	buf_done(&link);
}

void fed_status(struct fed *f, struct jsonw *w)
{
	jsonw_name(w, "peers");
	jsonw_array(w);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		write_worker(f->workers[i], w);
	pthread_mutex_unlock(&f->lock);
	jsonw_array_end(w);
}
