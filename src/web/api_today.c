/* What a person has to do next, over all incidents; and a cheap question whether anything changed.
 *
 * The clocks are derived from the facts of each open incident that has one with the least time left, so no list of
 * clocks is kept that could tell otherwise than the incident itself. */
#include "web/api_boards.h"
#include "web/api_incidents.h"

#include "desk/show.h"

#define INCIDENTS_READ 200
#define MEMORY ((size_t)64 << 20)

#define BEAT (10 * USEC_PER_SEC)

static const char CLOCKS_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"clocks\"],\"properties\":{\"clocks\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"number\":{\"type\":\"string\"},\"incident_title\":{\"type\":\"string\"},\"exercise\":{\"type\":\"boolean\"},\"state\":{\"type\":\"string\"},"
	"\"incident_level\":{},\"pack\":{\"type\":\"string\"},\"id\":{\"type\":\"string\"},\"title\":{\"type\":\"object\"},\"who\":{\"type\":\"string\"},"
	"\"due\":{\"type\":\"string\"},\"verdict\":{\"type\":\"string\"},\"next\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}},"
	"\"more\":{\"type\":\"boolean\"}}}";
static const char PULSE_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"pulse\"],\"properties\":{\"pulse\":{\"type\":\"string\",\"description\":\"another one when something was stored\"}}}";
static const struct api_param CLOCKS_PARAMS[] = {
	{ "limit", "integer", "at most so many (1 to 1000)" },
	{ NULL, NULL, NULL },
};

/* One clock that nobody has stopped. */
struct waiting {
	const struct incident_row *r;
	const struct pack *pack;
	const struct clock_view *clock;
};

static int by_due(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	return x->clock->due < y->clock->due ? -1 : x->clock->due > y->clock->due;
}

static void put_waiting(struct jsonw *w, const struct waiting *x)
{
	const struct clock_view *v = x->clock;

	jsonw_object(w);
	jsonw_m_str(w, "number", x->r->number);
	jsonw_m_str(w, "incident_title", x->r->title);
	jsonw_m_bool(w, "exercise", x->r->exercise);
	jsonw_m_str(w, "state", x->r->now.state);
	jsonw_name(w, "incident_level");
	if (x->r->now.level > 0)
		jsonw_int(w, x->r->now.level);
	else
		jsonw_null(w);
	jsonw_m_str(w, "pack", x->pack->id);
	jsonw_m_str(w, "id", v->clock->term.id);
	show_words(w, "title", &v->clock->term.title);
	jsonw_m_str(w, "who", v->clock->who);
	show_time(w, "start", v->start);
	show_time(w, "due", v->due);
	jsonw_m_cstr(w, "verdict", clock_verdict_name(v->verdict));
	jsonw_m_int(w, "level", v->level);
	jsonw_m_str(w, "source", v->clock->source);
	jsonw_name(w, "next");
	jsonw_array(w);
	for (int type = 0; type < FACT_TYPES; type++)
		if (v->clock->stop.facts >> type & 1)
			jsonw_str(w, str_of(desk_fact_name((enum fact_type)type)));
	jsonw_array_end(w);
	jsonw_object_end(w);
}

struct waitings {
	struct waiting *list;
	size_t n, cap;
};

static void gather(const struct incident_row *r, const struct desk_view *v, struct waitings *all)
{
	for (size_t p = 0; p < v->n; p++)
		for (size_t i = 0; i < v->views[p]->n_clocks; i++) {
			const struct clock_view *k = &v->views[p]->clocks[i];
			bool waits = k->stop == NO_TIME && k->due != NO_TIME && (k->verdict == CLOCK_RUNNING || k->verdict == CLOCK_BREACHED);

			if (waits && all->n < all->cap)
				all->list[all->n++] = (struct waiting){ r, v->packs[p], k };
		}
}

static enum rc clocks_get(struct api_call *c, struct err *err)
{
	struct incident_query q = { .order = INCIDENT_BY_DUE, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY, .limit = INCIDENTS_READ };
	struct waitings all = { .cap = (size_t)INCIDENTS_READ * DESK_INCIDENT_PACKS_MAX * 8 };
	struct incident_row *list;
	int64_t limit;
	size_t n;

	TRY(incident_may_see(c, err));
	TRY(api_query_int(c, "limit", 100, 1, 1000, &limit, err));
	TRY(incident_list(c->api->store, &q, c->req->arena, &list, &n, err));
	all.list = arena_array(c->req->arena, all.cap, sizeof *all.list);
	if (all.list == NULL)
		return FAIL(err, RC_NOMEM, "clocks: out of memory");
	/* The list is in the order of the least time left: behind it there is nothing that is due sooner. */
	for (size_t i = 0; i < n && list[i].now.due != INCIDENT_NEVER && arena_used(c->req->arena) < MEMORY / 2; i++) {
		struct desk_view *v = arena_alloc(c->req->arena, sizeof *v);

		if (v == NULL)
			return FAIL(err, RC_NOMEM, "clocks: out of memory");
		TRY(incident_look(c, &list[i], NULL, 0, time_now(), v, err));
		gather(&list[i], v, &all);
	}
	qsort(all.list, all.n, sizeof *all.list, by_due);
	jsonw_object(&c->out);
	jsonw_name(&c->out, "clocks");
	jsonw_array(&c->out);
	for (size_t i = 0; i < all.n && i < (size_t)limit; i++)
		put_waiting(&c->out, &all.list[i]);
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "more", n == INCIDENTS_READ || all.n > (size_t)limit);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* Of the number of commits: it says that something was stored, and not what or how much. Who may see no incident is not told when something
 * happens in one either: for him it beats with the clock. */
static enum rc pulse_get(struct api_call *c, struct err *err)
{
	char text[20], beat[24];
	struct err why = { 0 };

	(void)err;
	snprintf(beat, sizeof beat, "%lld", (long long)(time_now() / BEAT));
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "pulse", incident_may_see(c, &why) == RC_OK ? api_pulse(c->api, text) : str_of(beat));
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_TODAY[] = {
	{ "GET", "/clocks", API_READER, clocks_get, "Clocks of open incidents that nobody has stopped, the least time left first, with the facts that stop them",
	  CLOCKS_PARAMS, NULL, CLOCKS_SCHEMA },
	{ "GET", "/pulse", API_READER, pulse_get, "Whether anything was stored since: cheap, for pages that look now and then", NULL, NULL, PULSE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
