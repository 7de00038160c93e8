/* Facts as they are stored, as server-sent events (WHATWG HTML §9.2): boards and lists read again when something came, and not
 * every few seconds.
 *
 * One thread serves all listeners: while there are any it compares the count of commits, and when that moved, what the chain has
 * more goes to each as far as it may know: administrators get each fact's kind and subject, those who see the desk only which parts
 * of the node changed, anybody else only that something did. A stream ends after a while in good order, so that whoever comes
 * again shows who it is again. */
#include "web/api_boards.h"

#include <stdio.h>

#include "base/bell.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/accounts.h"
#include "store/facts.h"
#include "web/api_incidents.h"

#define LISTENERS_AT_ONCE 2000
#define LOOK_EVERY (USEC_PER_SEC / 10)
#define REST (10 * USEC_PER_SEC)       /* while nobody listens */
#define LIFE (300 * USEC_PER_SEC)
#define CHECK_EVERY (10 * USEC_PER_SEC)
#define QUEUE_MAX ((size_t)256 << 10)
#define EVENT_MAX ((size_t)64 << 10)
#define FACTS_TOLD 200                  /* told one by one in an event */
#define TOPICS_MAX 16

enum sees { SEES_PULSE, SEES_TOPICS, SEES_FACTS };

struct listener {
	struct http_stream *stream;
	enum sees sees;
	usec until, checked;
	char account[72];        /* "" = the machine's own administrator */
	char role[16];
};

struct listeners {
	const struct api *api;
	pthread_t thread;
	pthread_mutex_t lock;
	struct bell bell;
	struct listener all[LISTENERS_AT_ONCE];
	size_t n;
	uint64_t commits, fact;
};

struct str api_pulse(const struct api *api, char out[static 20])
{
	uint64_t seen[2] = { 0, (uint64_t)api->started };
	struct store_stats st;

	store_stats(api->store, &st);
	seen[0] = st.commits;
	return str_make(out, (size_t)snprintf(out, 20, "%016llx", (unsigned long long)hash_table(str_make((const char *)seen, sizeof seen))));
}

/* --- what came --- */

struct news {
	struct jsonw w;
	size_t n;
	uint64_t last;
	char topics[TOPICS_MAX][24];
	size_t n_topics;
};

static void note_topic(struct news *x, struct str kind)
{
	struct str topic;

	if (!str_next(&kind, '.', &topic) || topic.n >= sizeof x->topics[0])
		return;
	for (size_t i = 0; i < x->n_topics; i++)
		if (str_eq(topic, str_of(x->topics[i])))
			return;
	if (x->n_topics < TOPICS_MAX)
		snprintf(x->topics[x->n_topics++], sizeof x->topics[0], "%.*s", STR(topic));
}

static bool note_fact(void *ctx, const struct fact *f)
{
	struct news *x = ctx;

	x->last = f->seq;
	note_topic(x, f->kind);
	if (x->n++ >= FACTS_TOLD)
		return true;
	jsonw_object(&x->w);
	jsonw_m_int(&x->w, "seq", (int64_t)f->seq);
	jsonw_m_time(&x->w, "at", f->at);
	jsonw_m_str(&x->w, "kind", f->kind);
	jsonw_m_str(&x->w, "subject", f->subject);
	jsonw_object_end(&x->w);
	return true;
}

static void begin_event(struct buf *b, struct jsonw *w, struct str pulse)
{
	buf_cstr(b, "event: change\ndata: ");
	jsonw_init(w, b);
	jsonw_object(w);
	jsonw_m_str(w, "pulse", pulse);
}

static void put_topics(struct jsonw *w, const struct news *x)
{
	jsonw_name(w, "topics");
	jsonw_array(w);
	for (size_t i = 0; i < x->n_topics; i++)
		jsonw_cstr(w, x->topics[i]);
	jsonw_array_end(w);
}

static void end_event(struct buf *b, struct jsonw *w)
{
	jsonw_object_end(w);
	buf_cstr(b, "\n\n");
}

/* One event for each of the three sorts of listeners. */
static enum rc make_events(struct listeners *l, struct buf events[static 3])
{
	char text[20];
	struct str pulse = api_pulse(l->api, text);
	struct news x = { .n = 0 };
	struct jsonw w;
	struct buf *b = &events[SEES_FACTS];
	enum rc rc;

	buf_cstr(b, "event: change\ndata: ");
	jsonw_init(&x.w, b);
	jsonw_object(&x.w);
	jsonw_m_str(&x.w, "pulse", pulse);
	jsonw_name(&x.w, "facts");
	jsonw_array(&x.w);
	rc = fact_each(l->api->store, l->fact, S(""), note_fact, &x, NULL);
	jsonw_array_end(&x.w);
	jsonw_m_bool(&x.w, "more", x.n > FACTS_TOLD);
	put_topics(&x.w, &x);
	end_event(b, &x.w);
	if (rc != RC_OK)
		return rc;
	if (x.last > 0)
		l->fact = x.last;
	begin_event(&events[SEES_TOPICS], &w, pulse);
	put_topics(&w, &x);
	end_event(&events[SEES_TOPICS], &w);
	begin_event(&events[SEES_PULSE], &w, pulse);
	end_event(&events[SEES_PULSE], &w);
	return RC_OK;
}

/* --- who listens --- */

static bool stands(struct listeners *l, struct listener *x, usec now)
{
	struct arena *a CLEANUP(arena_freep) = NULL;
	struct user u;

	if (now > x->until || http_stream_gone(x->stream))
		return false;
	if (x->account[0] == '\0' || now - x->checked < CHECK_EVERY)
		return true;
	x->checked = now;
	a = arena_new(65536);
	return a != NULL && user_get(l->api->store, str_of(x->account), a, &u, NULL) == RC_OK && user_is_open(&u, time_now()) && str_eq(u.role, str_of(x->role));
}

/* Under the lock: queueing does not wait for anybody. `events` NULL: only who is gone is let go. */
static void tell_all(struct listeners *l, const struct buf *events)
{
	usec now = time_mono();

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->n;) {
		struct listener *x = &l->all[i];
		bool good = stands(l, x, now);

		if (good && events != NULL)
			good = http_stream_send(x->stream, buf_view(&events[x->sees])) == RC_OK;
		if (good) {
			i++;
			continue;
		}
		http_stream_close(x->stream);
		l->all[i] = l->all[--l->n];
	}
	pthread_mutex_unlock(&l->lock);
}

static void look(struct listeners *l)
{
	struct buf events[3];
	struct store_stats st;
	bool any;

	store_stats(l->api->store, &st);
	pthread_mutex_lock(&l->lock);
	any = l->n > 0;
	pthread_mutex_unlock(&l->lock);
	if (!any || st.commits == l->commits) {
		tell_all(l, NULL);
		return;
	}
	for (int i = 0; i < 3; i++)
		buf_init(&events[i], EVENT_MAX);
	if (make_events(l, events) == RC_OK) {
		l->commits = st.commits;
		tell_all(l, events);
	}
	for (int i = 0; i < 3; i++)
		buf_done(&events[i]);
}

static void *pump(void *ctx)
{
	struct listeners *l = ctx;
	bool some = false;

	while (bell_wait(&l->bell, some ? LOOK_EVERY : REST)) {
		look(l);
		pthread_mutex_lock(&l->lock);
		some = l->n > 0;
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

enum rc listeners_new(const struct api *api, struct listeners **ret, struct err *err)
{
	struct listeners *l = mem_alloc(sizeof *l);

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "stream: out of memory");
	l->api = api;
	pthread_mutex_init(&l->lock, NULL);
	bell_init(&l->bell);
	if (pthread_create(&l->thread, NULL, pump, l) != 0) {
		bell_done(&l->bell);
		mem_free(l);
		return FAIL(err, RC_NOMEM, "stream: cannot start");
	}
	*ret = l;
	return RC_OK;
}

void listeners_free(struct listeners *l)
{
	if (l == NULL)
		return;
	bell_stop(&l->bell);
	pthread_join(l->thread, NULL);
	for (size_t i = 0; i < l->n; i++)
		http_stream_close(l->all[i].stream);
	bell_done(&l->bell);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

static enum rc listeners_add(struct listeners *l, struct api_call *c, enum sees sees, struct err *err)
{
	usec now = time_mono();
	struct listener x = { .stream = http_stream_new(QUEUE_MAX), .sees = sees, .until = now + LIFE, .checked = now };
	struct store_stats st;
	char text[20], first[80];
	bool room;
	int n;

	if (x.stream == NULL)
		return FAIL(err, RC_NOMEM, "stream: out of memory");
	if (c->viewer->kind == VIEWER_USER)
		snprintf(x.account, sizeof x.account, "%.*s", STR(c->viewer->name));
	snprintf(x.role, sizeof x.role, "%.*s", STR(c->viewer->role));
	n = snprintf(first, sizeof first, "event: change\ndata: {\"pulse\":\"%.*s\"}\n\n", STR(api_pulse(c->api, text)));
	room = http_stream_send(x.stream, str_make(first, (size_t)n)) == RC_OK;
	pthread_mutex_lock(&l->lock);
	room = room && l->n < LISTENERS_AT_ONCE;
	if (room) {
		if (l->n == 0) { /* what came while nobody listened is told to nobody */
			store_stats(l->api->store, &st);
			l->commits = st.commits;
			l->fact = st.facts;
		}
		http_res_stream(c->res, x.stream);
		l->all[l->n++] = x;
	}
	pthread_mutex_unlock(&l->lock);
	if (!room) {
		http_stream_close(x.stream);
		return FAIL(err, RC_BUSY, "stream: too many listeners");
	}
	bell_ring(&l->bell);
	return RC_OK;
}

static enum rc stream_get(struct api_call *c, struct err *err)
{
	bool all = c->viewer->kind == VIEWER_LOCAL || (str_eq(c->viewer->role, S("admin")) && incident_may_see(c, NULL) == RC_OK);
	enum sees sees = all ? SEES_FACTS : incident_may_see(c, NULL) == RC_OK && !need_is_bounded(c) ? SEES_TOPICS : SEES_PULSE;
	struct listeners *l;

	c->res->content_type = "text/event-stream";
	if (str_eq(c->req->method, S("HEAD")))
		return RC_OK;
	TRY(api_boards_listeners(c->api, &l, err));
	return listeners_add(l, c, sees, err);
}

const struct api_route API_ROUTES_STREAM[] = {
	{ "GET", "/stream", API_READER, stream_get,
	  "Server-sent events: \"change\" within a second of what is stored, with \"pulse\", for those who see the desk \"topics\" (incident, ticket, ...), for administrators \"facts\"; "
	  "ends after five minutes: come again", NULL, NULL, NULL },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
