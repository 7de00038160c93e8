/* Looking into the node's own logs. */
#include "web/api.h"
#include "web/asking.h"

#define GIVE_UP (20 * USEC_PER_SEC)   /* of one page: what there is by then */
#define STREAM_GIVE_UP (120 * USEC_PER_SEC)
#define COUNT_WITHIN (10 * USEC_PER_SEC)
#define QUESTION_MAX ((size_t)64 << 10)

static const struct api_param EVENTS_PARAMS[] = {
	{ "q", "string", "terms with blanks between: FIELD=VALUE (* and ? stand for any), FIELD!=VALUE, or text; quotes hold blanks" },
	{ "since", "string", "events at or after this date or instant" },
	{ "until", "string", "events before this instant, or by the end of this date" },
	{ "source", "string", "of this input, or this file of it, only" },
	{ "limit", "integer", "at most so many (0 to 2000; 100)" },
	{ "before", "string", "older ones: `next` of the page before" },
	{ "after", "string", "what came since, oldest first: `end` of a reply, then `next` of each; \"end\": nothing, but where the end is" },
	{ "buckets", "integer", "how many parts of [since, until) to count in (0 to 400; 0)" },
	{ NULL, NULL, NULL },
};
static const char EVENTS_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"events\",\"more\",\"found\"],\"properties\":{\"events\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
	"\"properties\":{\"time\":{\"type\":\"string\"},\"source\":{\"type\":\"string\"},\"record\":{\"type\":\"integer\"},\"format\":{\"type\":"
	"\"string\"},\"fields\":{\"type\":\"object\",\"description\":\"value, or list of values, by path\"},\"event\":{\"type\":\"string\"},\"cut\":"
	"{\"type\":\"boolean\"}}}},\"more\":{\"type\":\"boolean\"},\"next\":{\"type\":\"string\"},\"end\":{\"type\":\"string\"},\"whole\":{\"type\":"
	"\"boolean\",\"description\":\"everything was looked at and counted\"},\"found\":{\"type\":\"integer\"},\"buckets\":{\"type\":\"array\"},"
	"\"estimated\":{\"type\":\"boolean\"},\"blocks\":{\"type\":\"integer\"},\"blocks_done\":{\"type\":\"integer\"},\"opened\":{\"type\":"
	"\"integer\"},\"looked_at\":{\"type\":\"integer\"},\"seconds\":{\"type\":\"number\"}}}";

static struct str query(const struct api_call *c, const char *name)
{
	struct str v = api_query(c, name);

	return v.p == NULL ? S("") : v;
}

/* The question in the words of node/query.h. */
static enum rc put_question(struct api_call *c, usec give_up, struct buf *out, struct err *err)
{
	struct str after = query(c, "after"), before = query(c, "before");
	int64_t limit, buckets;
	usec since, until;
	struct jsonw w;

	TRY(asking_may(c, err));
	TRY(api_time(query(c, "since"), "since", false, &since, err));
	TRY(api_time(query(c, "until"), "until", true, &until, err));
	TRY(api_query_int(c, "limit", 100, 0, 2000, &limit, err));
	TRY(api_query_int(c, "buckets", 0, 0, 400, &buckets, err));
	if (after.n > 0 && before.n > 0)
		return FAIL(err, RC_BAD, "before or after, not both");
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "do", "search");
	jsonw_m_str(&w, "q", query(c, "q"));
	if (since != 0)
		jsonw_m_int(&w, "since", since);
	jsonw_m_int(&w, "until", until);
	jsonw_m_str(&w, "source", query(c, "source"));
	jsonw_m_int(&w, "limit", limit);
	jsonw_m_int(&w, "buckets", buckets);
	jsonw_m_bool(&w, "onward", after.n > 0);
	jsonw_m_str(&w, "from", after.n == 0 ? before : str_eq(after, S("end")) ? S("") : after);
	jsonw_m_int(&w, "within", COUNT_WITHIN);
	jsonw_m_int(&w, "give_up", give_up);
	jsonw_object_end(&w);
	return buf_check(out, err, "search");
}

static enum rc events_get(struct api_call *c, struct err *err)
{
	struct asked a;
	struct buf b;
	enum rc rc;

	buf_init(&b, QUESTION_MAX);
	rc = put_question(c, GIVE_UP, &b, err);
	if (rc == RC_OK)
		rc = asking_wait(c, buf_view(&b), &a, err);
	if (rc == RC_OK)
		asking_put(&c->out, &a, "events");
	buf_done(&b);
	return rc;
}

static enum rc stream_get(struct api_call *c, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, QUESTION_MAX);
	rc = put_question(c, STREAM_GIVE_UP, &b, err);
	if (rc == RC_OK)
		rc = asking_stream(c, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

const struct api_route API_ROUTES_EVENTS[] = {
	{ "GET", "/events", API_ANALYST, events_get, "Events of the node's own logs, newest first, by field, text and time", EVENTS_PARAMS, NULL, EVENTS_SCHEMA },
	{ "GET", "/events/stream", API_ANALYST, stream_get,
	  "The same as server-sent events while it is found: \"piece\" with events and counts so far, then \"end\", or \"error\"", EVENTS_PARAMS, NULL, NULL },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
