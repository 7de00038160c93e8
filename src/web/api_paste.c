/* A text that somebody pastes, a report or a mail, gives the values that stand in it,
 * with what the node knows of each; and to whom an object was released. */
#include "base/map.h"
#include "detect/observe.h"
#include "gate/gate.h"
#include "intel/view.h"
#include "model/observable.h"
#include "stix/marking.h"
#include "store/facts.h"
#include "web/api.h"
#include "web/api_records.h"

#define TEXT_MAX ((size_t)1 << 20)
#define VALUES_MAX 1000
#define LOOKED_UP_MAX 200       /* values of which the reply says what is known */
#define WORD_MAX 3000           /* bytes that are looked at together */
#define RELEASES_MAX 500

static const char EXTRACT_REQUEST[] = "{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"}}}";
static const char EXTRACT_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"values\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"kind\":{\"type\":\"string\"},"
	"\"value\":{\"type\":\"string\"},\"count\":{\"type\":\"integer\"},\"objects\":{\"type\":\"integer\",\"description\":\"that speak of it, as far as "
	"you may see\"},\"score\":{\"type\":\"integer\"},\"warninglists\":{\"type\":\"array\"}}}},\"more\":{\"type\":\"boolean\"}}}";
static const char RELEASES_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"facts\":{\"type\":\"array\"},\"more\":{\"type\":\"boolean\"}}}";

struct found {
	enum observable_kind kind;
	struct str value;
	uint64_t count;
};

struct extraction {
	struct arena *arena;
	struct map *places;     /* kind and value: index of `list` */
	struct found list[VALUES_MAX];
	size_t n;
	bool more;
	enum rc rc;
};

static void on_value(void *ctx, enum observable_kind kind, struct str value)
{
	struct extraction *x = ctx;
	struct str key = arena_fmt(x->arena, "%s %.*s", value_kind_name(kind), STR(value));
	uint64_t at;

	if (x->rc != RC_OK || key.p == NULL) {
		x->rc = RC_NOMEM;
		return;
	}
	if (map_get(x->places, key, &at)) {
		x->list[at].count++;
		return;
	}
	if (x->n == VALUES_MAX) {
		x->more = true;
		return;
	}
	x->list[x->n] = (struct found){ kind, arena_dup(x->arena, value), 1 };
	x->rc = x->list[x->n].value.p == NULL ? RC_NOMEM : map_put(x->places, key, x->n);
	x->n++;
}

/* The next run of characters of ASCII without blanks: values stand beside Chinese without one, and each is undone by itself. A name in
 * other letters is found in its A-labels. Longer ones are cut. */
static bool next_word(struct str *rest, struct str *ret)
{
	size_t from = 0, n;

	while (from < rest->n && (unsigned char)(rest->p[from] - 0x21) > 0x7e - 0x21)
		from++;
	for (n = from; n < rest->n && n - from < WORD_MAX && (unsigned char)(rest->p[n] - 0x21) <= 0x7e - 0x21;)
		n++;
	*ret = str_slice(*rest, from, n);
	*rest = str_slice(*rest, n, rest->n);
	return ret->n > 0;
}

static enum rc extract(struct extraction *x, struct str text, struct err *err)
{
	struct buf fanged, normal;
	struct str word;

	buf_init(&fanged, 2 * VALUE_MAX);
	buf_init(&normal, OBSERVE_NORMAL_MAX);
	while (x->rc == RC_OK && next_word(&text, &word)) {
		buf_clear(&fanged);
		value_refang(&fanged, word);
		x->more = !observe_string(buf_view(&fanged), &normal, on_value, x) || x->more;
	}
	buf_done(&fanged);
	buf_done(&normal);
	return x->rc == RC_OK ? RC_OK : FAIL(err, x->rc, "extract: out of memory");
}

static void put_known(struct api_call *c, const struct found *f)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct view_opts o = { .ceiling = TLP_RED, .path = PATH_REST, .warn = c->api->warninglists };
	struct view view;

	if (a == NULL || view_get(c->api->store, c->viewer, &o, f->value, a, &view, NULL) != RC_OK) {
		jsonw_m_int(&c->out, "objects", 0);
		return;
	}
	jsonw_m_int(&c->out, "objects", (int64_t)view.n);
	if (view.n > 0)
		jsonw_m_int(&c->out, "score", view.score);
	jsonw_name(&c->out, "warninglists");
	jsonw_array(&c->out);
	for (size_t i = 0; i < view.n_warned; i++)
		jsonw_str(&c->out, view.warned[i]);
	jsonw_array_end(&c->out);
}

static enum rc put_values(struct api_call *c, const struct extraction *x)
{
	jsonw_object(&c->out);
	jsonw_name(&c->out, "values");
	jsonw_array(&c->out);
	for (size_t i = 0; i < x->n; i++) {
		jsonw_object(&c->out);
		jsonw_m_cstr(&c->out, "kind", value_kind_name(x->list[i].kind));
		jsonw_m_str(&c->out, "value", x->list[i].value);
		jsonw_m_int(&c->out, "count", (int64_t)x->list[i].count);
		if (i < LOOKED_UP_MAX)
			put_known(c, &x->list[i]);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "more", x->more);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc extract_post(struct api_call *c, struct err *err)
{
	struct extraction *x = arena_alloc(c->req->arena, sizeof *x);
	struct map *places CLEANUP(map_freep) = map_new(VALUES_MAX);
	struct str text;

	if (x == NULL || places == NULL)
		return FAIL(err, RC_NOMEM, "extract: out of memory");
	TRY(api_text(c, "text", true, &text, err));
	if (text.n > TEXT_MAX)
		return FAIL(err, RC_LIMIT, "/text: more than %zu bytes", TEXT_MAX);
	*x = (struct extraction){ .arena = c->req->arena, .places = places };
	TRY(extract(x, text, err));
	return put_values(c, x);
}

/* --- to whom it went --- */

struct releases {
	struct jsonw *w;
	struct str id;
	size_t n;
	bool more;
};

static bool on_fact(void *ctx, const struct fact *f)
{
	struct releases *r = ctx;

	if (!str_eq(f->subject, r->id) && str_find(f->body, r->id, 0) == SIZE_MAX)
		return true;
	if (r->n == RELEASES_MAX) {
		r->more = true;
		return false;
	}
	api_put_fact(r->w, f);
	r->n++;
	return true;
}

static enum rc releases_get(struct api_call *c, struct err *err)
{
	struct releases r = { .w = &c->out, .id = c->params[0] };

	if (gate_is_bounded(c->viewer) || c->viewer->tlp_max < TLP_RED)
		return FAIL(err, RC_DENIED, "facts name objects of all levels: only for administrators whose TLP is red");
	TRY(fact_flush(c->api->store, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "facts");
	jsonw_array(&c->out);
	TRY(fact_each(c->api->store, 0, S("gate."), on_fact, &r, err));
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "more", r.more);
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_PASTE[] = {
	{ "POST", "/extract", API_READER, extract_post, "The observable values in a text, defanged ones too, and what is known of each", NULL, EXTRACT_REQUEST, EXTRACT_SCHEMA },
	{ "GET", "/objects/{id}/releases", API_ADMIN, releases_get, "To whom the gate let this object go, oldest first, and whom it refused", NULL, NULL, RELEASES_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
