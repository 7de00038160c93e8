/* Elasticsearch's _bulk over HTTP and HTTPS, so that Beats, Vector, Fluent Bit and
 * Logstash ship here unchanged.
 *
 * A request is read and checked by a worker of the server, which then waits; the
 * input's thread takes its documents one by one, and when what it took is durable
 * the worker answers. So a 200 means that the events survive us. While WAITING_MAX
 * requests wait, or too many bytes of them, further ones are told 429 at once, on the
 * event loop: their shippers try again. One that nobody began to read within PATIENCE
 * is told the same. What was begun is finished: a client that gives up meanwhile sends
 * its events again.
 *
 * The socket is bound in open(), before the fence; the server's threads begin with the
 * first run(), behind it.
 *
 * Hostile: the requests, their compression, their number and their timing. */
#include "input/input.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/bell.h"
#include "base/mem.h"
#include "base/text.h"
#include "input/address.h"
#include "input/bulk.h"
#include "input/elastic.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/keys.h"

#define WAITING_MAX 32                          /* requests; each holds a worker */
#define BODY_MAX ((size_t)32 << 20)             /* as it comes */
#define INFLATED_MAX ((size_t)512 << 20)        /* of all requests together; one that is being inflated counts as the largest */
#define PATIENCE (20 * USEC_PER_SEC)
#define BATCH_MAX ((size_t)8 << 20)             /* bytes handed over before those that wait are told */
#define STOP_GRACE (2 * USEC_PER_SEC)

struct request {
	struct request *next;
	struct bulk bulk;
	_Atomic uint32_t at;       /* items before are handed over */
	uint64_t number;           /* when all are: its place */
	bool settled;
	pthread_cond_t changed;
};

struct bulk_in {
	int fd;
	char *cert, *key, *ca, *senders; /* until the server has started; senders for good */
	bool tls, must_know;       /* must_know: a client certificate is asked for */
	struct http_server *server;
	struct fields *dict;
	pthread_mutex_t lock;
	pthread_cond_t bell;       /* something waits */
	struct request *first, **last, *handed; /* to be handed over; handed over and not settled */
	uint64_t number;           /* of the latest request that was handed over whole */
	struct flat *flats[WAITING_MAX]; /* free ones */
	size_t n_flats;
	bool closing;
	_Atomic uint32_t waiting;
	_Atomic size_t inflated;
	_Atomic uint64_t messages, bytes, requests, refused, too_long, dropped;
	_Atomic int64_t lag;
	_Atomic usec heard;
};

/* --- opening --- */

static void wipe_text(char **text)
{
	if (*text != NULL)
		secret_wipe(*text, strlen(*text));
	mem_free(*text);
	*text = NULL;
}

static void bulk_close(void *self)
{
	struct bulk_in *b = self;

	if (b == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	b->closing = true;
	for (struct request *q = b->first; q != NULL; q = q->next)
		pthread_cond_signal(&q->changed);
	for (struct request *q = b->handed; q != NULL; q = q->next)
		pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&b->lock);
	http_server_stop(b->server, STOP_GRACE);
	file_closep(&b->fd);
	wipe_text(&b->key);
	wipe_text(&b->senders);
	mem_free(b->cert);
	mem_free(b->ca);
	for (size_t i = 0; i < b->n_flats; i++)
		flat_free(b->flats[i]);
	fields_free(b->dict);
	pthread_cond_destroy(&b->bell);
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
}

static enum rc keep_text(const char *text, char **ret, struct err *err)
{
	if (text != NULL && (*ret = mem_strdup(text)) == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	return RC_OK;
}

/* What a start of the server would refuse is refused here, where the operator sees it. */
static enum rc check_senders(const char *text, struct err *err)
{
	struct str rest = str_of(text == NULL ? "" : text), line;
	int n = 0;

	while (str_next(&rest, '\n', &line)) {
		size_t colon = str_find(str_trim(line), S(":"), 0);

		n++;
		if (str_trim(line).n > 0 && (colon == SIZE_MAX || colon == 0 || colon + 1 == str_trim(line).n))
			return FAIL(err, RC_BAD, "senders: line %d: expected USER:SECRET", n);
	}
	return RC_OK;
}

static enum rc fill(struct bulk_in *b, const struct input_opts *o, struct err *err)
{
	b->dict = fields_new();
	if (b->dict == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	TRY(check_senders(o->senders, err));
	TRY(keep_text(o->senders, &b->senders, err));
	if (b->tls) {
		TRY(keep_text(o->cert_pem, &b->cert, err));
		TRY(keep_text(o->key_pem, &b->key, err));
		TRY(keep_text(o->client_ca_pem, &b->ca, err));
		if (b->cert == NULL || b->key == NULL)
			return FAIL(err, RC_BAD, "https:// needs a certificate and a key");
		b->must_know = b->ca != NULL;
	}
	return address_listen(o->path, SOCK_STREAM, &b->fd, err);
}

static enum rc bulk_open(const struct input_opts *o, struct str place UNUSED, void **ret, struct err *err)
{
	struct bulk_in *b = mem_alloc(sizeof *b);
	enum rc rc;

	if (b == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	b->fd = -1;
	b->tls = str_starts(str_of(o->path), S("https://"));
	b->last = &b->first;
	pthread_mutex_init(&b->lock, NULL);
	cond_init(&b->bell);
	rc = fill(b, o, err);
	if (rc != RC_OK) {
		bulk_close(b);
		return rc;
	}
	*ret = b;
	return RC_OK;
}

/* --- who asks --- */

/* "Basic" with USER:SECRET, or an Elasticsearch "ApiKey" of the same two. */
static bool may_send(const struct bulk_in *b, const struct http_req *r)
{
	struct str auth = http_header(r, "authorization"), rest = str_of(b->senders == NULL ? "" : b->senders), line;
	size_t space = auth.p == NULL ? SIZE_MAX : str_find(auth, S(" "), 0);
	struct buf pair;
	bool known = false;

	if (b->must_know && !r->peer.cert)
		return false;
	if (b->senders == NULL)
		return true;
	if (space == SIZE_MAX || (!str_eq_nocase(str_slice(auth, 0, space), S("Basic")) && !str_eq_nocase(str_slice(auth, 0, space), S("ApiKey"))))
		return false;
	buf_init(&pair, 4096);
	if (base64_get(&pair, str_trim(str_slice(auth, space, auth.n))))
		while (str_next(&rest, '\n', &line))
			known |= str_trim(line).n > 0 && str_eq_secret(str_trim(line), buf_view(&pair));
	buf_done(&pair);
	return known;
}

/* --- one request; on a worker --- */

static struct flat *take_flat(struct bulk_in *b)
{
	struct flat *f = NULL;

	pthread_mutex_lock(&b->lock);
	if (b->n_flats > 0)
		f = b->flats[--b->n_flats];
	pthread_mutex_unlock(&b->lock);
	return f != NULL || flat_new(&f, NULL) == RC_OK ? f : NULL;
}

static void give_flat(struct bulk_in *b, struct flat *f)
{
	flat_clear(f);
	pthread_mutex_lock(&b->lock);
	if (b->n_flats < WAITING_MAX) {
		b->flats[b->n_flats++] = f;
		f = NULL;
	}
	pthread_mutex_unlock(&b->lock);
	flat_free(f);
}

static void unlink_request(struct bulk_in *b, struct request *q)
{
	struct request **at = &b->first;

	while (*at != NULL && *at != q)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = q->next;
	if (b->last == &q->next)
		b->last = at;
}

static void wait_until(struct request *q, pthread_mutex_t *lock, usec until)
{
	struct timespec t = { .tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000 };

	pthread_cond_clockwait(&q->changed, lock, CLOCK_MONOTONIC, &t);
}

/* True: all of it is durable. False: nothing of it was begun, or the input ends. */
static bool wait_settled(struct bulk_in *b, struct request *q)
{
	usec until = time_mono() + PATIENCE;

	pthread_mutex_lock(&b->lock);
	q->next = NULL;
	*b->last = q;
	b->last = &q->next;
	pthread_cond_signal(&b->bell);
	while (!q->settled && !b->closing) {
		bool untouched = b->first != q && atomic_load(&q->at) == 0;

		if (untouched && time_mono() >= until)
			break;
		wait_until(q, &b->lock, untouched ? until : time_mono() + USEC_PER_SEC);
	}
	if (!q->settled) {
		unlink_request(b, q);
		for (struct request **at = &b->handed; *at != NULL; at = &(*at)->next)
			if (*at == q) {
				*at = q->next;
				break;
			}
	}
	pthread_mutex_unlock(&b->lock);
	return q->settled;
}

static void count_refused(struct bulk_in *b, const struct bulk *k)
{
	for (uint32_t i = 0; i < k->n; i++) {
		if (k->items[i].status == 413)
			atomic_fetch_add(&b->too_long, 1);
		else if (k->items[i].status != 201)
			atomic_fetch_add(&b->dropped, 1);
	}
}

static void behind(struct http_res *res)
{
	elastic_error(res, 429, "es_rejected_execution_exception", "the input is behind: try again");
	http_res_header(res, "Retry-After", "1");
}

static bool wants_brief(const struct http_req *r)
{
	struct str name, value;
	bool bad = false;

	for (size_t i = 0; http_query(r, i, &name, &value, &bad) && !bad; i++)
		if (str_eq(name, S("filter_path")) && str_find(value, S("items"), 0) != SIZE_MAX)
			return true;
	return false;
}

static void ship(struct bulk_in *b, const struct http_req *r, struct http_res *res, struct request *q)
{
	struct jsonw w;

	count_refused(b, &q->bulk);
	pthread_cond_init(&q->changed, NULL);
	if (q->bulk.refused == q->bulk.n || wait_settled(b, q)) {
		jsonw_init(&w, &res->body);
		bulk_answer(&q->bulk, wants_brief(r), (time_now() - r->arrived) / 1000, &w);
	} else if (b->closing) {
		elastic_error(res, 503, "unavailable", "stopping: try again");
	} else {
		behind(res);
	}
	pthread_cond_destroy(&q->changed);
}

static void take_body(struct bulk_in *b, struct http_req *r, struct str body, struct str index, struct http_res *res)
{
	struct flat *f = take_flat(b);
	struct request q = { 0 };
	struct err err = { 0 };
	enum rc rc = f == NULL ? RC_NOMEM : bulk_read(r->arena, body, index, f, b->dict, &q.bulk, &err);

	if (f != NULL)
		give_flat(b, f);
	if (rc == RC_BAD)
		elastic_error(res, 400, "illegal_argument_exception", err.text);
	else if (rc == RC_LIMIT)
		elastic_error(res, 413, "content_too_long_exception", err.text);
	else if (rc != RC_OK)
		behind(res);
	else
		ship(b, r, res, &q);
}

static void take_gzip(struct bulk_in *b, struct http_req *r, struct str index, struct http_res *res)
{
	struct err err = { 0 };
	struct buf body;
	enum rc rc;

	if (atomic_fetch_add(&b->inflated, BULK_BODY_MAX) > INFLATED_MAX) {
		atomic_fetch_sub(&b->inflated, BULK_BODY_MAX);
		behind(res);
		return;
	}
	buf_init(&body, BULK_BODY_MAX);
	rc = bulk_gunzip(r->body, &body, &err);
	atomic_fetch_sub(&b->inflated, BULK_BODY_MAX - body.cap);
	if (rc == RC_OK)
		take_body(b, r, buf_view(&body), index, res);
	else if (rc == RC_LIMIT)
		elastic_error(res, 413, "content_too_long_exception", err.text);
	else if (rc == RC_BAD)
		elastic_error(res, 400, "parse_exception", err.text);
	else
		behind(res);
	atomic_fetch_sub(&b->inflated, body.cap);
	buf_done(&body);
}

static void take_bulk(struct bulk_in *b, struct http_req *r, struct str index, struct http_res *res)
{
	struct str coding = http_header(r, "content-encoding");

	atomic_fetch_add(&b->bytes, r->body.n);
	if (coding.n == 0 || str_eq_nocase(coding, S("identity")))
		take_body(b, r, r->body, index, res);
	else if (str_eq_nocase(coding, S("gzip")))
		take_gzip(b, r, index, res);
	else
		elastic_error(res, 415, "media_type_header_exception", "Content-Encoding: gzip or none");
}

/* The place was reserved by may_wait. */
static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	struct bulk_in *b = ctx;
	struct str index;

	elastic_headers(r, res);
	atomic_fetch_add(&b->requests, 1);
	if (!may_send(b, r)) {
		atomic_fetch_add(&b->refused, 1);
		http_res_header(res, "WWW-Authenticate", "Basic realm=\"lianfang\", charset=\"UTF-8\"");
		elastic_error(res, 401, "security_exception", "missing or wrong credentials");
	} else if (!elastic_is_bulk(r, &index)) {
		elastic_answer(r, res);
	} else if (atomic_fetch_add(&b->waiting, 1) >= WAITING_MAX) {
		behind(res);
		atomic_fetch_sub(&b->waiting, 1);
	} else {
		take_bulk(b, r, index, res);
		atomic_fetch_sub(&b->waiting, 1);
	}
}

/* Runs on the event loop: who would be refused is refused there. */
static bool may_wait(void *ctx, const struct http_req *r)
{
	struct bulk_in *b = ctx;
	struct str index;

	return elastic_is_bulk(r, &index) && atomic_load(&b->waiting) < WAITING_MAX && may_send(b, r);
}

static void refuse(void *ctx, struct http_req *r, int status, const char *why, struct http_res *res)
{
	struct bulk_in *b = ctx;

	atomic_fetch_add(&b->refused, 1);
	elastic_headers(r, res);
	elastic_error(res, status, "illegal_argument_exception", why);
	res->status = status;
}

/* --- the input's thread --- */

static enum rc start(struct bulk_in *b, struct err *err)
{
	struct http_config c = { .listen = "the input's socket", .listen_fd = b->fd, .threads = 1, .workers = WAITING_MAX, .max_connections = INPUT_FILES_MAX - 100,
				 .idle_seconds = 120, .request_seconds = 60, .max_body_bytes = BODY_MAX, .max_bodies_bytes = (size_t)256 << 20,
				 .tls_cert_pem = b->cert, .tls_key_pem = b->key, .tls_client_ca_pem = b->ca, .handler = handle, .blocking = may_wait,
				 .refuse = refuse, .ctx = b };

	TRY(http_server_start(&c, &b->server, err));
	b->fd = -1;
	wipe_text(&b->key);
	return RC_OK;
}

/* The first request that waits; NULL: none within `wait`. */
static struct request *next_request(struct bulk_in *b, usec wait)
{
	struct request *q;
	usec until = time_mono() + wait;

	pthread_mutex_lock(&b->lock);
	while (b->first == NULL && time_mono() < until)
		(void)cond_wait_for(&b->bell, &b->lock, until - time_mono());
	q = b->first;
	pthread_mutex_unlock(&b->lock);
	return q;
}

/* While it is the first of the list and the input is open, its worker waits: its memory stays. */
static enum rc hand_over(struct bulk_in *b, struct request *q, size_t *taken, input_take take, void *ctx, struct err *err)
{
	for (; atomic_load(&q->at) < q->bulk.n; atomic_fetch_add(&q->at, 1)) {
		const struct bulk_item *i = &q->bulk.items[atomic_load(&q->at)];
		struct input_message m = { .bytes = i->document, .part = S(""), .format = LOG_JSON };

		if (i->status != 201)
			continue;
		TRY(take(ctx, &m, err));
		*taken += i->document.n;
		atomic_fetch_add(&b->messages, 1);
	}
	atomic_store(&b->heard, time_now());
	pthread_mutex_lock(&b->lock);
	unlink_request(b, q);
	q->number = ++b->number;
	q->next = b->handed;
	b->handed = q;
	pthread_mutex_unlock(&b->lock);
	return RC_OK;
}

static enum rc bulk_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct bulk_in *b = self;
	size_t taken = 0;
	struct request *q;

	*ret_any = false;
	if (b->server == NULL)
		TRY(start(b, err));
	while (taken < BATCH_MAX && (q = next_request(b, *ret_any ? 0 : wait)) != NULL) {
		*ret_any = true;
		TRY(hand_over(b, q, &taken, take, ctx, err));
	}
	return RC_OK;
}

static void bulk_place(void *self, char out[INPUT_PLACE_MAX + 1])
{
	const struct bulk_in *b = self;

	snprintf(out, INPUT_PLACE_MAX + 1, "%llu", (unsigned long long)b->number);
}

static void bulk_settled(void *self, struct str place)
{
	struct bulk_in *b = self;
	uint64_t upto;

	if (!str_to_u64(place, &upto))
		return;
	pthread_mutex_lock(&b->lock);
	for (struct request **at = &b->handed; *at != NULL;) {
		struct request *q = *at;

		if (q->number > upto) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		q->settled = true;
		pthread_cond_signal(&q->changed);
	}
	pthread_mutex_unlock(&b->lock);
}

static void bulk_stats(void *self, struct input_stats *ret)
{
	struct bulk_in *b = self;
	int64_t lag = 0;

	pthread_mutex_lock(&b->lock);
	for (const struct request *q = b->first; q != NULL; q = q->next)
		lag += q->bulk.n - atomic_load(&q->at);
	pthread_mutex_unlock(&b->lock);
	*ret = (struct input_stats){ .messages = atomic_load(&b->messages), .bytes = atomic_load(&b->bytes), .senders = atomic_load(&b->requests),
				     .refused = atomic_load(&b->refused), .too_long = atomic_load(&b->too_long), .dropped = atomic_load(&b->dropped),
				     .lag = lag, .last_message = atomic_load(&b->heard) };
}

const struct input_kind INPUT_HTTP = {
	.scheme = "http://", .traits = INPUT_LISTENS, .open = bulk_open, .run = bulk_run, .place = bulk_place, .settled = bulk_settled,
	.stats = bulk_stats, .close = bulk_close,
};

const struct input_kind INPUT_HTTPS = {
	.scheme = "https://", .traits = INPUT_LISTENS | INPUT_TLS_KEYS, .open = bulk_open, .run = bulk_run, .place = bulk_place,
	.settled = bulk_settled, .stats = bulk_stats, .close = bulk_close,
};
