/* Merging, un-merging and splitting of incidents over REST. Each is a fact in both incidents, kept in one transaction
 * (desk/join.h tells what they mean); no fact is moved or erased, so that each has its inverse. */
#include "web/api_incidents.h"

static const char MERGE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"into\"],\"properties\":{\"into\":{\"type\":\"string\",\"description\":\"id or number\"},\"note\":"
	"{\"type\":\"string\"}}}";
static const char UNMERGE_REQUEST[] = "{\"type\":\"object\",\"properties\":{\"note\":{\"type\":\"string\"}}}";
static const char SPLIT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"title\",\"facts\"],\"properties\":{\"title\":{\"type\":\"string\"},\"facts\":{\"type\":\"array\","
	"\"items\":{\"type\":\"string\"}},\"note\":{\"type\":\"string\"}}}";
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";

/* Two incidents that each get one fact about the other. */
struct pair {
	struct incident_row a, b;       /* a takes in */
	struct incident_fact fa, fb;
	struct desk_view va, vb;        /* with these facts */
};

/* {"type", "ref" or "from", "note", "facts"} */
static enum rc make_link(struct api_call *c, const struct incident_row *in, const char *type, const char *side, struct str other,
			 const struct json *facts, struct incident_fact *ret, struct err *err)
{
	struct str note, text;
	struct buf b;
	struct jsonw w;
	enum rc rc;

	TRY(api_text(c, "note", false, &note, err));
	buf_init(&b, INCIDENT_FACT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", type);
	jsonw_m_str(&w, side, other);
	if (note.p != NULL)
		jsonw_m_str(&w, "note", note);
	if (facts != NULL) {
		jsonw_name(&w, "facts");
		jsonw_value(&w, facts);
	}
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "fact");
	text = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	TRY(rc);
	return text.p == NULL ? FAIL(err, RC_NOMEM, "fact: out of memory") : incident_own_fact(c, in->packs, text, ret, err);
}

/* What would become of both, and whether it may be. */
static enum rc look_at_both(struct api_call *c, struct pair *p, struct err *err)
{
	struct casefile_more more[2] = { { p->a.id, &p->fa, 1 }, { p->b.id, &p->fb, 1 } };

	TRY(incident_look(c, &p->a, more, 2, time_now(), &p->va, err));
	TRY(incident_look(c, &p->b, more, 2, time_now(), &p->vb, err));
	TRY(incident_refuse_idle(&p->va, &p->fa, 1, err));
	return incident_refuse_idle(&p->vb, &p->fb, 1, err);
}

/* `fresh`: b is a new one. */
static enum rc keep_both(struct api_call *c, struct pair *p, bool fresh, struct err *err)
{
	struct incident_addition list[2] = {
		{ .row = p->a.row, .had = p->a.facts, .f = &p->fa, .n = 1 },
		{ .fresh = fresh ? &p->b : NULL, .row = p->b.row, .had = p->b.facts, .f = &p->fb, .n = 1 },
	};

	list[0].now = p->a.now = casefile_derived(&p->va, 0);
	list[1].now = p->b.now = casefile_derived(&p->vb, 0);
	TRY(incident_add_all(c->api->store, list, 2, api_actor(c), err));
	p->a.facts += (int64_t)list[0].added;
	p->b.facts += fresh ? 0 : (int64_t)list[1].added;
	incident_changed(c);
	return RC_OK;
}

/* Repeats `once` while others are quicker. */
static enum rc insist(struct api_call *c, struct pair *p, enum rc (*once)(struct api_call *c, struct pair *p, struct err *err), struct err *err)
{
	enum rc rc = RC_BUSY;

	for (int i = 0; i < INCIDENT_TRIES && rc == RC_BUSY; i++)
		rc = once(c, p, err);
	return rc;
}

static enum rc not_merged(struct api_call *c, const struct incident_row *r, struct err *err)
{
	struct incident_row into;
	struct desk_view v;

	TRY(incident_look(c, r, NULL, 0, time_now(), &v, err));
	if (v.into.n == 0)
		return RC_OK;
	TRY(incident_get(c->api->store, v.into, c->req->arena, &into, err));
	return FAIL(err, RC_CONFLICT, "incident: %.*s is merged into %.*s", STR(r->number), STR(into.number));
}

static bool holds(const struct desk_view *v, struct str id)
{
	for (size_t i = 0; i < v->n_joined; i++)
		if (str_eq(v->joined[i], id))
			return true;
	return false;
}

static enum rc merge_once(struct api_call *c, struct pair *p, struct err *err)
{
	struct str into;

	TRY(api_text(c, "into", true, &into, err));
	TRY(incident_find(c, c->params[0], &p->b, err));
	TRY(incident_find(c, into, &p->a, err));
	if (str_eq(p->a.id, p->b.id))
		return FAIL(err, RC_BAD, "/into: an incident is not merged into itself");
	if (p->a.exercise != p->b.exercise)
		return FAIL(err, RC_CONFLICT, "/into: one of the two is an exercise, the other is not");
	TRY(not_merged(c, &p->b, err));
	TRY(not_merged(c, &p->a, err));
	TRY(make_link(c, &p->a, "merged", "from", p->b.id, NULL, &p->fa, err));
	TRY(make_link(c, &p->b, "merged", "ref", p->a.id, NULL, &p->fb, err));
	TRY(look_at_both(c, p, err));
	if (!p->va.open)
		return FAIL(err, RC_CONFLICT, "/into: %.*s is closed: reopen it first", STR(p->a.number));
	if (!holds(&p->va, p->b.id))
		return FAIL(err, RC_LIMIT, "/into: more than %d incidents would be merged", JOIN_MAX);
	return keep_both(c, p, false, err);
}

static enum rc merge_post(struct api_call *c, struct err *err)
{
	struct pair p;

	TRY(insist(c, &p, merge_once, err));
	return incident_put(c, &p.a, &p.va, time_now(), err);
}

static enum rc unmerge_once(struct api_call *c, struct pair *p, struct err *err)
{
	TRY(incident_find(c, c->params[0], &p->b, err));
	TRY(incident_look(c, &p->b, NULL, 0, time_now(), &p->vb, err));
	if (p->vb.into.n == 0)
		return FAIL(err, RC_CONFLICT, "incident: %.*s is not merged into another", STR(p->b.number));
	TRY(incident_find(c, p->vb.into, &p->a, err));
	TRY(make_link(c, &p->a, "unmerged", "from", p->b.id, NULL, &p->fa, err));
	TRY(make_link(c, &p->b, "unmerged", "ref", p->a.id, NULL, &p->fb, err));
	TRY(look_at_both(c, p, err));
	return keep_both(c, p, false, err);
}

static enum rc unmerge_post(struct api_call *c, struct err *err)
{
	struct pair p;

	TRY(insist(c, &p, unmerge_once, err));
	return incident_put(c, &p.b, &p.vb, time_now(), err);
}

/* --- split --- */

static const struct desk_fact *own_fact(const struct desk_view *v, struct str id)
{
	for (size_t i = 0; i < v->facts.n; i++) {
		const struct desk_fact *f = &v->facts.f[i];

		if (f->origin == 0 && str_eq(f->id, id))
			return f;
	}
	return NULL;
}

static bool named(const struct json *list, struct str id)
{
	JSON_EACH(one, list)
		if (str_eq(json_str(one), id))
			return true;
	return false;
}

/* The facts asked for, and with each what corrects it. */
static enum rc list_moved(struct api_call *c, const struct desk_view *v, const struct json **ret, struct err *err)
{
	const struct json *asked = json_get(c->body, S("facts"));
	struct str text;
	struct buf b;
	struct jsonw w;

	if (!json_is(asked, JSON_ARRAY) || asked->n == 0)
		return FAIL(err, RC_BAD, "/facts: expected the ids of the facts that go");
	buf_init(&b, INCIDENT_FACT_MAX);
	jsonw_init(&w, &b);
	jsonw_array(&w);
	JSON_EACH(one, asked) {
		const struct desk_fact *f = own_fact(v, json_str(one));

		if (f == NULL || f->type == FACT_MERGED || f->type == FACT_UNMERGED || f->type == FACT_SPLIT) {
			buf_done(&b);
			return FAIL(err, RC_BAD, "/facts: the incident has no fact '%.*s' that could go", STR(str_slice(json_str(one), 0, 100)));
		}
		jsonw_str(&w, f->id);
	}
	for (size_t i = 0; i < v->facts.n; i++) {
		const struct desk_fact *f = &v->facts.f[i];

		if (f->origin == 0 && f->type == FACT_CORRECTED && named(asked, f->ref) && !named(asked, f->id))
			jsonw_str(&w, f->id);
	}
	jsonw_array_end(&w);
	text = arena_dup(c->req->arena, buf_view(&b));
	if (b.bad != RC_OK || text.p == NULL) {
		buf_done(&b);
		return FAIL(err, RC_LIMIT, "/facts: so many facts cannot go at once");
	}
	buf_done(&b);
	return json_parse(c->req->arena, text, &JSON_LIMITS, ret, err);
}

static enum rc split_once(struct api_call *c, struct pair *p, struct err *err)
{
	const struct json *moved;

	TRY(incident_find(c, c->params[0], &p->a, err));
	TRY(not_merged(c, &p->a, err));
	TRY(incident_look(c, &p->a, NULL, 0, time_now(), &p->va, err));
	TRY(list_moved(c, &p->va, &moved, err));
	p->b = (struct incident_row){ .id = incident_new_id(c), .packs = p->a.packs, .exercise = p->a.exercise };
	if (p->b.id.p == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	TRY(api_text(c, "title", true, &p->b.title, err));
	TRY(make_link(c, &p->a, "split", "ref", p->b.id, moved, &p->fa, err));
	TRY(make_link(c, &p->b, "split", "from", p->a.id, moved, &p->fb, err));
	TRY(look_at_both(c, p, err));
	return keep_both(c, p, true, err);
}

static enum rc split_post(struct api_call *c, struct err *err)
{
	struct pair p;

	TRY(insist(c, &p, split_once, err));
	c->res->status = 201;
	return incident_put(c, &p.b, &p.vb, time_now(), err);
}

const struct api_route API_ROUTES_MERGE[] = {
	{ "POST", "/incidents/{incident}/merge", API_ANALYST, merge_post, "Merge an incident into another, which then has the facts of both", NULL,
	  MERGE_REQUEST, ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/unmerge", API_ANALYST, unmerge_post, "Take an incident out of the one that it was merged into", NULL,
	  UNMERGE_REQUEST, ANY_SCHEMA },
	{ "POST", "/incidents/{incident}/split", API_ANALYST, split_post, "Make a new incident of some facts of this one", NULL, SPLIT_REQUEST, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
