/* The life of one link's worker: rounds, rests between them, and what is told of them.
 *
 * A failure is written into the peer's record and the log once per cause, and then
 * tried again with growing pauses, for ever: a link is meant to survive a week without
 * a network. Pauses are drawn at random around their length, so that the members of a
 * node that was away do not all come back in the same millisecond. */
#include "fed/fed_int.h"

#include "base/bell.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/keys.h"

#define WORKER_MEMORY ((size_t)64 << 10)
#define CONNECT_TIMEOUT (5 * USEC_PER_SEC)
#define TOTAL_TIMEOUT (900 * USEC_PER_SEC) /* a slow line may take its time; one that stands still is ended by FED_STALL */
#define NOTE_EVERY (60 * USEC_PER_SEC)

/* Until the bell, the stop or the time-out. */
static void rest(struct fed_worker *w, usec span)
{
	usec until = time_mono() + span;

	pthread_mutex_lock(&w->lock);
	while (!w->rung && !w->stop && cond_wait_for(&w->bell, &w->lock, until - time_mono()))
		;
	w->rung = false;
	pthread_mutex_unlock(&w->lock);
}

/* A wait between two tries, for the TAXII client too: the bell does not shorten it. */
static void wait_span(void *ctx, usec span)
{
	struct fed_worker *w = ctx;
	usec until = time_mono() + span;

	pthread_mutex_lock(&w->lock);
	while (!w->stop && cond_wait_for(&w->bell, &w->lock, until - time_mono()))
		;
	pthread_mutex_unlock(&w->lock);
}

/* From three quarters to five quarters of it. */
static usec around(usec span)
{
	uint32_t draw;

	random_bytes(&draw, sizeof draw);
	return span * 3 / 4 + (usec)(draw % 1024) * span / 2048;
}

/* --- addresses --- */

enum rc fed_root_url(const struct fed_worker *w, struct buf *out, struct err *err)
{
	struct str url = w->peer.url;

	while (str_ends(url, S("/")))
		url.n--;
	buf_init(out, TAXII_URL_MAX);
	buf_fmt(out, "%.*s/%.*s/", STR(url), STR(w->link.their_root));
	return buf_check(out, err, "peer address");
}

enum rc fed_own_url(const struct fed_worker *w, const char *what, struct buf *out, struct err *err)
{
	size_t host = str_find(w->peer.url, S("://"), 0);
	size_t end = host == SIZE_MAX ? SIZE_MAX : str_find(w->peer.url, S("/"), host + 3);

	buf_init(out, TAXII_URL_MAX);
	buf_fmt(out, "%.*s/fed/v1/%.*s/", STR(str_slice(w->peer.url, 0, end)), STR(w->link.their_root));
	percent_put(out, w->link.their_collection);
	buf_fmt(out, "/%s", what);
	return buf_check(out, err, "peer address");
}

enum rc fed_client(struct fed_worker *w, struct err *err)
{
	struct taxii_client_config tc = { .http = w->http, .retries = -1, .wait = wait_span, .wait_ctx = w };
	struct buf url;
	enum rc rc;

	if (w->taxii != NULL)
		return RC_OK;
	w->content_max = 0;
	rc = fed_root_url(w, &url, err);
	tc.url = url.p;
	if (rc == RC_OK)
		rc = taxii_client_new(&tc, &w->taxii, err);
	buf_done(&url);
	return rc;
}

/* --- the cursor --- */

static enum rc cursor_load(struct fed_worker *w, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "cursor: out of memory");
	rc = cursor_get(w->fed->config.store, str_of(w->key), a, &text, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	if (rc == RC_OK && text.n >= sizeof w->cursor)
		return FAIL(err, RC_CORRUPT, "%s: cursor is too long", w->key);
	if (rc == RC_OK) {
		pthread_mutex_lock(&w->lock);
		memcpy(w->cursor, text.p, text.n);
		w->cursor[text.n] = '\0';
		pthread_mutex_unlock(&w->lock);
	}
	return rc;
}

enum rc fed_cursor_move(struct fed_worker *w, struct str text, struct err *err)
{
	usec at;

	if (text.n >= sizeof w->cursor || time_parse(text, &at, NULL, NULL) != RC_OK)
		return FAIL(err, RC_PEER, "'%.*s' is no date_added", STR(str_slice(text, 0, 40)));
	if (w->cursor[0] != '\0' && time_text_cmp(text, str_of(w->cursor)) <= 0)
		return RC_OK;
	TRY(cursor_put(w->fed->config.store, str_of(w->key), text, err));
	w->moved = true;
	pthread_mutex_lock(&w->lock);
	memcpy(w->cursor, text.p, text.n);
	w->cursor[text.n] = '\0';
	pthread_mutex_unlock(&w->lock);
	return RC_OK;
}

/* --- what is told --- */

void fed_say(const struct fed_worker *w, bool bad, const char *fmt, ...)
{
	char name[80], text[ERR_TEXT_MAX];
	va_list ap;

	if (w->fed->config.log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(name, sizeof name, "%.*s", STR(w->peer.name));
	w->fed->config.log(w->fed->config.ctx, name, bad, text);
}

static bool set_error(struct fed_worker *w, const char *text)
{
	char cut[sizeof w->last_error];
	bool changed;

	snprintf(cut, sizeof cut, "%.*s", (int)sizeof cut - 1, text);
	pthread_mutex_lock(&w->lock);
	changed = strcmp(cut, w->last_error) != 0;
	memcpy(w->last_error, cut, sizeof cut);
	pthread_mutex_unlock(&w->lock);
	return changed;
}

static void record(struct fed_worker *w, const char *error)
{
	struct err err = { 0 };

	w->noted = time_mono();
	if (peer_seen(w->fed->config.store, w->peer.name, error[0] == '\0' ? time_now() : 0, str_of(error), &err) != RC_OK)
		fed_say(w, true, "its record cannot be written: %s", err.text);
}

void fed_note_good(struct fed_worker *w)
{
	bool changed = set_error(w, "");

	if (changed)
		fed_say(w, false, "exchange works again");
	if (changed || w->noted == 0 || time_mono() - w->noted >= NOTE_EVERY)
		record(w, "");
}

static void note_bad(struct fed_worker *w, const struct err *err)
{
	atomic_fetch_add(&w->failures, 1);
	if (!set_error(w, err->text))
		return;
	fed_say(w, true, "%s", err->text);
	record(w, w->last_error);
}

/* --- rounds --- */

/* A refusal that a person there can mend is told with the command that mends it. */
static void explain(const struct fed_worker *w, struct err *err)
{
	int status = w->taxii == NULL ? 0 : taxii_client_status(w->taxii);
	bool pull = w->link.direction == LINK_PULL;
	char print[65] = "";

	if (status == 401 && w->fed->cert != NULL && keys_fingerprint(str_of(w->fed->cert), print, NULL) == RC_OK)
		err_set(err, err->rc, "HTTP 401: it does not know this node, or has it disabled; there: lianfang peer add DIR NAME --relation %s --cert %s",
			str_eq(w->peer.relation, S("child")) ? "parent" : str_eq(w->peer.relation, S("parent")) ? "child" : "partner", print);
	else if (status == 403 || status == 404)
		err_set(err, err->rc, "HTTP %d: no %.*s/%.*s there that we may %s; there: lianfang collection grant DIR ROOT/COLLECTION user:NAME --%s",
			status, STR(w->link.their_root), STR(w->link.their_collection), pull ? "read" : "write", pull ? "read" : "write");
}

static enum rc one_round(struct fed_worker *w, struct err *err)
{
	enum rc rc;

	w->moved = false;
	rc = w->link.direction == LINK_PULL ? fed_pull_round(w, err) : fed_push_round(w, err);
	if (rc == RC_OK) {
		fed_note_good(w);
	} else if (!w->stop) {
		explain(w, err);
		note_bad(w, err);
	}
	if (rc != RC_OK) {
		taxii_client_free(w->taxii);
		w->taxii = NULL;
	}
	return rc;
}

static void *work(void *ctx)
{
	struct fed_worker *w = ctx;
	usec backoff = FED_BACKOFF_LEAST;
	bool loaded = false;

	while (!w->stop) {
		struct err err = { 0 };
		enum rc rc = RC_OK;

		if (!loaded) {
			rc = cursor_load(w, &err);
			loaded = rc == RC_OK;
			if (rc != RC_OK)
				note_bad(w, &err);
		}
		if (rc == RC_OK)
			rc = one_round(w, &err);
		if (rc == RC_OK) {
			backoff = FED_BACKOFF_LEAST;
			atomic_store(&w->state, "idle");
			rest(w, w->pause);
		} else {
			atomic_store(&w->state, "waiting");
			/* A line that breaks again and again but brings something each time is worth its tries. */
			if (w->moved)
				backoff = FED_BACKOFF_LEAST;
			wait_span(w, around(backoff));
			backoff = backoff * 2 < FED_BACKOFF_MOST ? backoff * 2 : FED_BACKOFF_MOST;
		}
	}
	return NULL;
}

/* --- starting and stopping --- */

static void worker_free(struct fed_worker *w)
{
	taxii_client_free(w->taxii);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->bell);
	arena_free(w->memory);
	mem_free(w);
}

static bool keep_texts(struct fed_worker *w)
{
	struct str *all[] = { &w->peer.name, &w->peer.relation, &w->peer.url, &w->peer.cert_sha256, &w->peer.user, &w->link.their_root,
			      &w->link.their_collection };

	for (size_t i = 0; i < COUNTOF(all); i++) {
		*all[i] = arena_dup(w->memory, *all[i]);
		if (all[i]->p == NULL)
			return false;
	}
	w->link.peer = w->peer.name;
	w->peer.last_error = S("");
	return true;
}

/* The ceiling is part of it: what lay above the old one is behind the old cursor. */
static uint8_t ceiling_of(const struct peer *p, const struct link *l)
{
	return l->direction == LINK_PUSH && p->tlp_max < l->tlp_max ? p->tlp_max : l->tlp_max;
}

static void make_key(const struct peer *p, const struct link *l, char out[static FED_KEY_MAX])
{
	snprintf(out, FED_KEY_MAX, "fed:%s:%.*s:%u:%u:%.*s/%.*s", l->direction == LINK_PULL ? "pull" : "push", STR(p->name),
		 l->collection, ceiling_of(p, l), STR(l->their_root), STR(l->their_collection));
}

bool fed_worker_is(const struct fed_worker *w, const struct peer *p, const struct link *l)
{
	char key[FED_KEY_MAX];

	make_key(p, l, key);
	return strcmp(key, w->key) == 0 && str_eq(p->url, w->peer.url) && str_eq(p->cert_sha256, w->peer.cert_sha256) &&
	       p->tlp_max == w->peer.tlp_max;
}

static enum rc worker_init(struct fed_worker *w, struct err *err)
{
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->bell);
	atomic_store(&w->state, "starting");
	make_key(&w->peer, &w->link, w->key);
	if (w->memory == NULL || !keep_texts(w))
		return FAIL(err, RC_NOMEM, "link: out of memory");
	/* A peer is who holds the pinned key; which authority signed it adds nothing to that. */
	w->http = (struct httpc_config){ .pin_sha256 = w->peer.cert_sha256.p, .cert_pem = w->fed->cert, .key_pem = w->fed->key,
					 .connect_timeout = CONNECT_TIMEOUT, .total_timeout = TOTAL_TIMEOUT, .stall_timeout = FED_STALL,
					 .max_response = FED_RESPONSE_MAX, .stop = &w->stop };
	return RC_OK;
}

enum rc fed_worker_start(struct fed *f, const struct peer *p, const struct link *l, struct fed_worker **ret, struct err *err)
{
	struct fed_worker *w = mem_alloc(sizeof *w);
	enum rc rc;

	if (w == NULL)
		return FAIL(err, RC_NOMEM, "link: out of memory");
	w->fed = f;
	w->peer = *p;
	w->link = *l;
	w->limit = FED_BATCH;
	w->memory = arena_new(WORKER_MEMORY);
	rc = worker_init(w, err);
	if (rc == RC_OK && pthread_create(&w->thread, NULL, work, w) != 0)
		rc = FAIL(err, RC_IO, "link: cannot start a thread");
	if (rc != RC_OK) {
		worker_free(w);
		return rc;
	}
	*ret = w;
	return RC_OK;
}

void fed_worker_ring(struct fed_worker *w, bool stop)
{
	pthread_mutex_lock(&w->lock);
	w->rung = true;
	if (stop)
		w->stop = 1;
	pthread_cond_broadcast(&w->bell);
	pthread_mutex_unlock(&w->lock);
}

void fed_worker_join(struct fed_worker *w)
{
	fed_worker_ring(w, true);
	pthread_join(w->thread, NULL);
	worker_free(w);
}
