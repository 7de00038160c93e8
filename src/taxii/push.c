/* Sending objects: envelopes below max_content_length, halved on 413, and the
 * status polled until it is complete (TAXII 2.1 §4.2.1, 4.3, 5.5). */
#include "base/text.h"
#include "taxii/request.h"

#define OBJECTS_DEFAULT 1000
#define CONTENT_DEFAULT ((int64_t)1 << 20) /* when the root does not say */
#define CONTENT_MAX ((int64_t)256 << 20)
#define FRAME 14 /* {"objects":[]} */
#define ARENA_MAX ((size_t)256 << 20)

struct pushing {
	struct taxii_client *t;
	const struct taxii_push *p;
	struct taxii_pushed *done;
	struct arena *a;  /* of one envelope */
	const char *url;  /* .../objects/ */
	struct buf body;
};

static void tell_failure(struct pushing *ps, struct str id, struct str version, struct str message)
{
	if (ps->p->on_failure != NULL)
		ps->p->on_failure(ps->p->ctx, id, version, message);
}

static void tell_failures(struct pushing *ps, const struct json *status)
{
	const struct json *list = json_get(status, S("failures"));

	if (!json_is(list, JSON_ARRAY))
		return;
	JSON_EACH(item, list)
		tell_failure(ps, json_get_str(item, S("id")), json_get_str(item, S("version")), json_get_str(item, S("message")));
}

static uint64_t count_of(const struct json *status, const char *name)
{
	int64_t v;

	return json_int(json_get(status, str_of(name)), &v) && v > 0 ? (uint64_t)v : 0;
}

static void take_status(struct pushing *ps, const struct json *status)
{
	ps->done->success += count_of(status, "success_count");
	ps->done->failure += count_of(status, "failure_count");
	ps->done->pending += count_of(status, "pending_count");
	tell_failures(ps, status);
}

/* Asks until the status is complete, with growing pauses; never again afterwards. */
static enum rc follow_status(struct pushing *ps, struct str id, struct err *err)
{
	usec waited = 0, wait = USEC_PER_SEC / 2, max = ps->t->c.status_max == 0 ? 600 * USEC_PER_SEC : ps->t->c.status_max;
	struct buf url;
	bool complete = false;
	enum rc rc;

	buf_init(&url, TAXII_URL_MAX + 200);
	buf_str(&url, ps->p->root_url);
	buf_cstr(&url, "status/");
	percent_put(&url, id);
	buf_cstr(&url, "/");
	rc = buf_check(&url, err, "status url");
	while (rc == RC_OK && !complete) {
		struct httpc_res res = { 0 };
		const struct json *status;

		request_wait(ps->t, wait);
		waited += wait;
		wait *= 2;
		rc = request_json(ps->t, url.p, ps->a, &res, &status, err);
		ps->done->requests++;
		if (rc == RC_OK) {
			complete = !str_eq(json_get_str(status, S("status")), S("pending"));
			if (complete || waited >= max)
				take_status(ps, status);
		}
		httpc_res_done(&res);
		if (waited >= max)
			break;
	}
	buf_done(&url);
	return rc;
}

static enum rc take_reply(struct pushing *ps, const struct httpc_res *res, struct err *err)
{
	const struct json *status;
	struct str id;
	enum rc rc = json_parse(ps->a, buf_view(&res->body), &JSON_LIMITS, &status, err);

	if (rc != RC_OK || !json_is(status, JSON_OBJECT))
		return FAIL(err, RC_PEER, "%.200s: the reply is no status", ps->url);
	id = json_get_str(status, S("id"));
	if (!str_eq(json_get_str(status, S("status")), S("pending")) || id.n == 0 || id.n > 100) {
		take_status(ps, status);
		return RC_OK;
	}
	return follow_status(ps, id, err);
}

static enum rc send_one(struct pushing *ps, const struct str *objects, size_t n, struct err *err)
{
	struct httpc_res res = { 0 };
	enum rc rc;

	buf_clear(&ps->body);
	arena_reset(ps->a);
	buf_cstr(&ps->body, "{\"objects\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&ps->body, ',');
		buf_str(&ps->body, objects[i]);
	}
	buf_cstr(&ps->body, "]}");
	TRY(buf_check(&ps->body, err, "envelope"));
	ps->done->requests++;
	rc = request_do(ps->t, "POST", ps->url, buf_view(&ps->body), &res, err);
	if (rc == RC_OK)
		rc = take_reply(ps, &res, err);
	httpc_res_done(&res);
	return rc;
}

/* An object the server will not take even by itself is that object's failure. */
static void too_large(struct pushing *ps, struct str object)
{
	const struct json *v = NULL;
	struct str id = S("");

	arena_reset(ps->a);
	if (json_parse(ps->a, object, &JSON_LIMITS, &v, NULL) == RC_OK)
		id = json_get_str(v, S("id"));
	ps->done->failure++;
	tell_failure(ps, id, S(""), S("larger than the server takes"));
}

/* Sends objects[0..n), halving on 413; the recursion's depth is the logarithm of n. */
static enum rc send_halving(struct pushing *ps, const struct str *objects, size_t n, struct err *err)
{
	enum rc rc = send_one(ps, objects, n, err);

	if (rc != RC_LIMIT)
		return rc;
	if (n == 1) {
		too_large(ps, objects[0]);
		return RC_OK;
	}
	TRY(send_halving(ps, objects, n / 2, err));
	return send_halving(ps, objects + n / 2, n - n / 2, err);
}

/* How many of objects[0..n) fit below `max` bytes; at least one. */
static size_t fitting(const struct str *objects, size_t n, int64_t max)
{
	int64_t bytes = FRAME;
	size_t i;

	for (i = 0; i < n; i++) {
		bytes += (int64_t)objects[i].n + (i > 0);
		if (bytes > max)
			break;
	}
	return i == 0 ? 1 : i;
}

static enum rc content_max(struct taxii_client *t, const struct taxii_push *p, struct arena *a, int64_t *ret, struct err *err)
{
	struct taxii_root info = { .max_content_length = p->max_content_length };

	if (info.max_content_length <= 0)
		TRY(taxii_root_info(t, p->root_url, a, &info, err));
	*ret = info.max_content_length <= 0 ? CONTENT_DEFAULT : info.max_content_length > CONTENT_MAX ? CONTENT_MAX : info.max_content_length;
	return RC_OK;
}

static enum rc push_all(struct pushing *ps, const struct str *objects, size_t n, int64_t max, struct err *err)
{
	size_t most = ps->p->max_objects == 0 ? OBJECTS_DEFAULT : ps->p->max_objects, count;

	for (size_t at = 0; at < n; at += count) {
		count = fitting(objects + at, n - at < most ? n - at : most, max);
		/* What is too large by itself is not sent to be refused. */
		if (count == 1 && (int64_t)objects[at].n + FRAME > max)
			too_large(ps, objects[at]);
		else
			TRY(send_halving(ps, objects + at, count, err));
	}
	return RC_OK;
}

enum rc taxii_push_run(struct taxii_client *t, const struct taxii_push *p, const struct str *objects, size_t n,
		       struct taxii_pushed *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);
	struct pushing ps = { .t = t, .p = p, .done = ret, .a = a };
	struct buf url;
	int64_t max;
	enum rc rc;

	*ret = (struct taxii_pushed){ 0 };
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "push: no memory");
	TRY(content_max(t, p, a, &max, err));
	buf_init(&url, TAXII_URL_MAX + 200);
	buf_str(&url, p->root_url);
	buf_cstr(&url, "collections/");
	percent_put(&url, p->collection);
	buf_cstr(&url, "/objects/");
	buf_init(&ps.body, (size_t)CONTENT_MAX + FRAME);
	rc = buf_check(&url, err, "url");
	ps.url = url.p;
	if (rc == RC_OK)
		rc = push_all(&ps, objects, n, max, err);
	buf_done(&ps.body);
	buf_done(&url);
	return rc;
}
