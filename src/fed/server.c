/* What peers ask of us beside TAXII: the digest of a collection as they may see
 * it, and its event stream.
 *
 * A subscriber is a cursor. One thread serves them all: when something was stored
 * it reads for each what lies behind its cursor, through the gate, and queues it
 * on the stream. A reader that is too slow keeps its place and gets the rest
 * later, or is closed by the queue's limit and comes again with its last id;
 * nothing is kept for it in memory meanwhile. */
#include "fed/fed.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/collections.h"

#define SUBSCRIBERS_MAX 5000
#define QUEUE_MAX ((size_t)8 << 20)
#define EVENT_OBJECTS 250
#define EVENT_BYTES ((size_t)2 << 20)
#define LOOK_EVERY (2 * USEC_PER_SEC) /* should a ring be lost */

struct subscriber {
	struct http_stream *stream;
	struct arena *memory;    /* holds the viewer's texts */
	struct viewer viewer;
	struct str name;         /* "root/collection" for facts */
	uint32_t collection;
	uint8_t ceiling;
	usec after;
};

struct fed_server {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool rung, stop;
	struct subscriber *subs[SUBSCRIBERS_MAX];
	size_t n;
};

static void subscriber_free(struct subscriber *s)
{
	http_stream_close(s->stream);
	arena_free(s->memory);
	mem_free(s);
}

/* {"objects": [...]} as one event whose id is the place behind its last object. */
static enum rc send_page(struct subscriber *s, const struct page *page)
{
	char id[TIME_TEXT_MAX];
	struct buf b;
	enum rc rc;

	buf_init(&b, QUEUE_MAX);
	time_format(page->last, id);
	buf_fmt(&b, "id: %s\nevent: objects\ndata: {\"objects\":[", id);
	for (size_t i = 0; i < page->n_runs; i++) {
		if (i > 0)
			buf_char(&b, ',');
		buf_str(&b, page->runs[i]);
	}
	buf_cstr(&b, "]}\n\n");
	rc = b.bad != RC_OK ? b.bad : http_stream_send(s->stream, buf_view(&b));
	buf_done(&b);
	return rc;
}

/* Everything behind the cursor, as far as the stream's queue takes it. False: the reader is gone. */
static bool serve(struct fed_server *f, struct subscriber *s)
{
	for (bool more = true; more;) {
		struct page_query q = { .collection = s->collection, .added_after = s->after, .want_all = true, .limit = EVENT_OBJECTS,
					.max_bytes = EVENT_BYTES, .bodies = true };
		struct page page;
		enum rc rc;

		if (http_stream_gone(s->stream))
			return false;
		if (gate_page(f->store, &s->viewer, PATH_STREAM, s->ceiling, s->name, &q, &page, NULL) != RC_OK)
			return true;
		rc = page.n > 0 ? send_page(s, &page) : RC_OK;
		if (rc == RC_OK && page.last != 0)
			s->after = page.last;
		more = page.more && rc == RC_OK && page.last != 0;
		page_done(&page);
		if (rc == RC_NOTFOUND || rc == RC_LIMIT)
			return false;
	}
	return true;
}

static void wait_for_bell(struct fed_server *f)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_EVERY / USEC_PER_SEC;
	pthread_mutex_lock(&f->lock);
	while (!f->rung && !f->stop && pthread_cond_timedwait(&f->bell, &f->lock, &until) != ETIMEDOUT)
		;
	f->rung = false;
	pthread_mutex_unlock(&f->lock);
}

static struct subscriber *subscriber_at(struct fed_server *f, size_t i)
{
	struct subscriber *s;

	pthread_mutex_lock(&f->lock);
	s = i < f->n ? f->subs[i] : NULL;
	pthread_mutex_unlock(&f->lock);
	return s;
}

static void drop(struct fed_server *f, size_t i)
{
	struct subscriber *s;

	pthread_mutex_lock(&f->lock);
	s = f->subs[i];
	f->subs[i] = f->subs[--f->n];
	pthread_mutex_unlock(&f->lock);
	subscriber_free(s);
}

/* Only this thread takes subscribers out, so an index stays good while it is served. */
static void *pump(void *ctx)
{
	struct fed_server *f = ctx;
	struct subscriber *s;

	while (!f->stop) {
		for (size_t i = 0; (s = subscriber_at(f, i)) != NULL;) {
			if (serve(f, s))
				i++;
			else
				drop(f, i);
		}
		wait_for_bell(f);
	}
	return NULL;
}

enum rc fed_server_new(struct store *s, struct fed_server **ret, struct err *err)
{
	struct fed_server *f = mem_alloc(sizeof *f);
	pthread_condattr_t attr;

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "streams: out of memory");
	f->store = s;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->bell, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&f->thread, NULL, pump, f) != 0) {
		mem_free(f);
		return FAIL(err, RC_IO, "streams: cannot start a thread");
	}
	*ret = f;
	return RC_OK;
}

void fed_server_wake(struct fed_server *f)
{
	pthread_mutex_lock(&f->lock);
	f->rung = true;
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
}

void fed_server_free(struct fed_server *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->bell);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	for (size_t i = 0; i < f->n; i++)
		subscriber_free(f->subs[i]);
	mem_free(f);
}

/* --- requests --- */

static void refuse(struct http_res *res, int status, const char *message)
{
	res->status = status;
	res->content_type = "application/json";
	buf_clear(&res->body);
	buf_fmt(&res->body, "{\"error\":{\"message\":\"%s\"}}", message);
}

/* Unknown and forbidden look the same from outside. */
static bool find(struct fed_server *f, const struct viewer *v, struct http_req *r, struct str root, struct str name,
		 struct collection *ret, struct http_res *res)
{
	bool can_read = false, can_write = false;

	if (collection_get(f->store, root, name, r->arena, ret, NULL) == RC_OK &&
	    right_of(f->store, ret, v->account.n > 0 ? v->account : v->name, v->role, &can_read, &can_write, NULL) == RC_OK && can_read)
		return true;
	gate_refused(f->store, v, PATH_STREAM, name, "no such collection, or no right to read it");
	refuse(res, v->kind == VIEWER_ANONYMOUS ? 401 : 404, "no such collection, or no right to read it");
	return false;
}

static void answer_digest(struct fed_server *f, const struct viewer *v, const struct collection *k, struct http_res *res)
{
	unsigned char digest[32];
	char now[TIME_TEXT_MAX];
	uint64_t count;
	struct buf hex;

	/* Taken before the digest: what the digest does not hold gets a later date_added. */
	time_format(time_now(), now);
	if (store_digest(f->store, k->row, gate_mask(v, v->tlp_max), &count, digest, NULL) != RC_OK) {
		refuse(res, 500, "the digest cannot be read");
		return;
	}
	buf_init(&hex, 128);
	hex_put(&hex, str_make((char *)digest, sizeof digest));
	res->content_type = "application/json";
	buf_fmt(&res->body, "{\"count\":%llu,\"digest\":\"%.*s\",\"last\":\"%s\"}", (unsigned long long)count, STR(buf_view(&hex)), now);
	buf_done(&hex);
}

static enum rc subscribe(struct fed_server *f, const struct viewer *v, const struct collection *k, usec after, struct http_res *res)
{
	struct subscriber *s = mem_alloc(sizeof *s);
	bool room;

	if (s == NULL)
		return RC_NOMEM;
	s->memory = arena_new(16384);
	s->stream = http_stream_new(QUEUE_MAX);
	if (s->memory == NULL || s->stream == NULL) {
		subscriber_free(s);
		return RC_NOMEM;
	}
	s->viewer = *v;
	s->viewer.name = arena_dup(s->memory, v->name);
	s->viewer.account = arena_dup(s->memory, v->account);
	s->viewer.role = arena_dup(s->memory, v->role);
	s->viewer.org = arena_dup(s->memory, v->org);
	s->name = arena_fmt(s->memory, "%.*s/%.*s", STR(k->root), STR(k->alias.n > 0 ? k->alias : k->id));
	s->collection = k->row;
	s->ceiling = v->tlp_max;
	s->after = after;
	pthread_mutex_lock(&f->lock);
	room = f->n < SUBSCRIBERS_MAX;
	if (room) {
		res->stream = s->stream;
		f->subs[f->n++] = s;
		f->rung = true;
		pthread_cond_signal(&f->bell);
	}
	pthread_mutex_unlock(&f->lock);
	if (!room)
		subscriber_free(s);
	return room ? RC_OK : RC_BUSY;
}

static void answer_stream(struct fed_server *f, const struct viewer *v, struct http_req *r, const struct collection *k, struct http_res *res)
{
	struct str last = http_header(r, "Last-Event-ID");
	usec after = INT64_MIN;

	if (last.n > 0 && time_parse(last, &after, NULL, NULL) != RC_OK)
		refuse(res, 400, "Last-Event-ID: expected an RFC 3339 instant");
	else if (subscribe(f, v, k, after, res) != RC_OK)
		refuse(res, 503, "too many streams");
}

void fed_server_handle(struct fed_server *f, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	struct str rest = str_slice(r->path, sizeof "/fed/v1/" - 1, r->path.n), root, name, what;
	struct collection k;

	if (!str_next(&rest, '/', &root) || !str_next(&rest, '/', &name) || !str_next(&rest, '/', &what) || rest.n > 0) {
		refuse(res, 404, "no such path");
	} else if (!str_eq(r->method, S("GET"))) {
		refuse(res, 405, "only GET");
	} else if (find(f, v, r, root, name, &k, res)) {
		if (str_eq(what, S("digest")))
			answer_digest(f, v, &k, res);
		else if (str_eq(what, S("stream")))
			answer_stream(f, v, r, &k, res);
		else
			refuse(res, 404, "no such path");
	}
}
