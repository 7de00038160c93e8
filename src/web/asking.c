#include "web/asking.h"

#include <pthread.h>

#include "base/mem.h"
#include "gate/gate.h"
#include "stix/marking.h"

#define ANSWER_MAX ((size_t)48 << 20) /* of all pieces */
#define PIECES_MAX 1024
#define STREAM_QUEUE ((size_t)8 << 20)
#define EVENT_MAX ((size_t)5 << 20)

enum rc asking_may(const struct api_call *c, struct err *err)
{
	if (gate_is_bounded(c->viewer) || c->viewer->tlp_max < TLP_AMBER_STRICT)
		return FAIL(err, RC_DENIED, "the logs of this node are for its own analysts, with TLP:AMBER+STRICT");
	return RC_OK;
}

/* --- waiting --- */

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct buf text;          /* all pieces */
	size_t ends[PIECES_MAX];
	size_t n;
	bool done;
	enum rc rc;
};

static bool on_piece(void *ctx, struct str json, bool last, enum rc rc)
{
	struct waiting *x = ctx;
	bool room;

	pthread_mutex_lock(&x->lock);
	buf_str(&x->text, json);
	room = x->text.bad == RC_OK && x->n < PIECES_MAX;
	if (room)
		x->ends[x->n++] = x->text.n;
	if (last || !room) {
		x->rc = last ? rc : RC_LIMIT;
		x->done = true;
		pthread_cond_broadcast(&x->changed);
	}
	pthread_mutex_unlock(&x->lock);
	return room;
}

static struct str piece_at(const struct waiting *x, size_t i)
{
	return str_slice(buf_view(&x->text), i == 0 ? 0 : x->ends[i - 1], x->ends[i]);
}

static bool wait_done(struct waiting *x)
{
	usec until = time_mono() + ASKING_PATIENCE;
	struct timespec t = { .tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000 };
	bool done;

	pthread_mutex_lock(&x->lock);
	while (!x->done && pthread_cond_clockwait(&x->changed, &x->lock, CLOCK_MONOTONIC, &t) == 0)
		;
	done = x->done;
	pthread_mutex_unlock(&x->lock);
	return done;
}

static enum rc read_pieces(struct api_call *c, const struct waiting *x, struct asked *ret, struct err *err)
{
	*ret = (struct asked){ .pieces = arena_array(c->req->arena, x->n, sizeof *ret->pieces), .n = x->n };
	if (ret->pieces == NULL)
		return FAIL(err, RC_NOMEM, "answer: out of memory");
	for (size_t i = 0; i < x->n; i++) {
		struct str text = arena_dup(c->req->arena, piece_at(x, i));

		if (text.p == NULL)
			return FAIL(err, RC_LIMIT, "the answer is too large; ask for less");
		TRY(json_parse(c->req->arena, text, &JSON_LIMITS, &ret->pieces[i], err));
	}
	return RC_OK;
}

static enum rc wait_for(struct api_call *c, struct str question, struct waiting *x, struct asked *ret, struct err *err)
{
	const struct api *api = c->api;
	uint32_t number = api->ask == NULL ? 0 : api->ask(api->ctx, question, on_piece, x);

	if (number == 0)
		return FAIL(err, RC_BUSY, "the process that reads the logs is away; try again");
	if (!wait_done(x)) {
		api->unask(api->ctx, number);
		return FAIL(err, RC_BUSY, "no answer within %d s", (int)(ASKING_PATIENCE / USEC_PER_SEC));
	}
	if (x->rc == RC_LIMIT && x->n == 0)
		return FAIL(err, RC_LIMIT, "the answer is too large; ask for less");
	if (x->rc != RC_OK)
		return FAIL(err, x->rc, "%.*s", STR(x->n > 0 ? piece_at(x, x->n - 1) : S("")));
	return read_pieces(c, x, ret, err);
}

enum rc asking_wait(struct api_call *c, struct str question, struct asked *ret, struct err *err)
{
	struct waiting x = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	enum rc rc;

	buf_init(&x.text, ANSWER_MAX);
	rc = wait_for(c, question, &x, ret, err);
	buf_done(&x.text);
	pthread_cond_destroy(&x.changed);
	pthread_mutex_destroy(&x.lock);
	return rc;
}

enum rc asking_one(struct api_call *c, struct str question, const struct json **ret, struct err *err)
{
	struct asked a;

	TRY(asking_wait(c, question, &a, err));
	*ret = a.pieces[a.n - 1];
	return RC_OK;
}

void asking_put(struct jsonw *w, const struct asked *a, const char *list_name)
{
	jsonw_object(w);
	jsonw_name(w, list_name);
	jsonw_array(w);
	for (size_t i = 0; i + 1 < a->n; i++) {
		const struct json *list = json_get(a->pieces[i], str_of(list_name));

		if (json_is(list, JSON_ARRAY))
			JSON_EACH(e, list)
				jsonw_value(w, e);
	}
	jsonw_array_end(w);
	JSON_MEMBERS(name, value, a->pieces[a->n - 1])
		if (!str_eq(json_str(name), str_of(list_name))) {
			jsonw_name_str(w, json_str(name));
			jsonw_value(w, value);
		}
	jsonw_object_end(w);
}

/* --- streaming --- */

static void put_error(struct buf *b, struct str why, enum rc rc)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "code", rc_name(rc));
	jsonw_m_str(&w, "message", why);
	jsonw_object_end(&w);
}

static bool on_stream(void *ctx, struct str json, bool last, enum rc rc)
{
	struct http_stream *s = ctx;
	struct buf b;
	bool sent;

	buf_init(&b, EVENT_MAX);
	buf_cstr(&b, !last ? "event: piece\ndata: " : rc == RC_OK ? "event: end\ndata: " : "event: error\ndata: ");
	if (last && rc != RC_OK)
		put_error(&b, json, rc);
	else
		buf_str(&b, json);
	buf_cstr(&b, "\n\n");
	sent = b.bad == RC_OK && http_stream_send(s, buf_view(&b)) == RC_OK;
	buf_done(&b);
	if (last || !sent)
		http_stream_close(s);
	return sent;
}

enum rc asking_stream(struct api_call *c, struct str question, struct err *err)
{
	struct http_stream *s = c->api->ask == NULL ? NULL : http_stream_new(STREAM_QUEUE);

	if (s == NULL)
		return FAIL(err, RC_BUSY, "not now; try again");
	c->res->content_type = "text/event-stream; charset=utf-8";
	http_res_stream(c->res, s);
	if (c->api->ask(c->api->ctx, question, on_stream, s) == 0) {
		(void)!on_stream(s, S("the process that reads the logs is away; try again"), true, RC_BUSY);
	}
	return RC_OK;
}
