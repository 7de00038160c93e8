/* Nothing merged is ever stored: a viewer's answer is made of the objects and claims
 * that this viewer may see, so that a count or a score cannot tell of the others. */
#include "intel/view.h"

#include "intel/active.h"
#include "intel/search.h"
#include "stix/marking.h"
#include "stix/object.h"
#include "store/verdicts.h"

#define PARSE_MEMORY ((size_t)64 << 20)

struct viewing {
	struct store *store;
	const struct viewer *viewer;
	const struct view_opts *o;
	struct arena *a;
	usec now;
	uint32_t mask;
};

uint8_t view_merge_confidence(const uint8_t *stated, size_t n)
{
	double doubt = 1;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (stated[i] > 100)
			continue;
		any = true;
		doubt *= 1 - stated[i] / 100.0;
	}
	return any ? (uint8_t)((1 - doubt) * 100 + 0.5) : 255;
}

/* Names of local users are nobody's business outside. */
static struct str source_for(const struct viewing *w, uint32_t source)
{
	struct str name;

	if (w->viewer->kind != VIEWER_USER && w->viewer->kind != VIEWER_LOCAL)
		return arena_fmt(w->a, "source-%u", source);
	if (store_source_name(w->store, source, w->a, &name) != RC_OK)
		return arena_fmt(w->a, "source-%u", source);
	return name;
}

static enum rc add_claims(const struct viewing *w, struct view_object *o, struct err *err)
{
	struct claim *claims;
	size_t n;
	enum rc rc = store_claims(w->store, o->id, w->a, &claims, &n, err);

	if (rc != RC_OK)
		return rc == RC_NOTFOUND ? RC_OK : rc;
	o->claims = arena_array(w->a, n + 1, sizeof *o->claims);
	if (o->claims == NULL)
		return FAIL(err, RC_NOMEM, "view: no memory");
	for (size_t i = 0; i < n; i++) {
		struct view_claim *c = &o->claims[o->n_claims];

		if (claims[i].tlp >= TLP_COUNT || (w->mask >> claims[i].tlp & 1) == 0)
			continue;
		*c = (struct view_claim){ .source = source_for(w, claims[i].source), .version = claims[i].version,
					  .received = claims[i].received, .tlp = claims[i].tlp, .confidence = claims[i].confidence };
		if (c->source.p == NULL)
			return FAIL(err, RC_NOMEM, "view: no memory");
		o->n_claims++;
	}
	return RC_OK;
}

/* What tickets came to is for those who may see tickets of all sorts: a score must not tell others of them. */
static void add_verdict(const struct viewing *w, struct arena *scratch, struct view_object *o, struct decay_facts *f)
{
	struct verdict found;

	if (gate_is_bounded(w->viewer) || verdict_get(w->store, o->id, scratch, &found, NULL) != RC_OK)
		return;
	o->confirmed = f->confirmed = found.confirmed;
	o->false_positives = f->false_positives = found.false_positives;
	f->confirmed_at = found.confirmed > 0 ? found.at : 0;
}

static enum rc add_score(const struct viewing *w, struct view_object *o, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_new(PARSE_MEMORY);
	const struct json *v;
	struct active x;
	usec expiry;

	if (scratch == NULL)
		return FAIL(err, RC_NOMEM, "view: no memory");
	if (!str_eq(o->type, S("indicator")) || json_parse(scratch, o->body, &JSON_LIMITS, &v, err) != RC_OK)
		return RC_OK;
	TRY(active_read(scratch, v, &x, err));
	add_verdict(w, scratch, o, &x.facts);
	expiry = decay_expiry(&x.facts);
	o->active = active_at(&x, v, w->now);
	o->score = o->active ? decay_score(&x.facts, w->now) : 0;
	o->expiry = expiry == INT64_MIN || expiry == INT64_MAX ? 0 : expiry;
	return RC_OK;
}

static enum rc add_object(const struct viewing *w, const struct page_entry *e, struct view *ret, struct err *err)
{
	struct view_object *o = &ret->objects[ret->n];

	*o = (struct view_object){ .id = e->id, .type = e->type, .version = e->version, .body = e->body, .tlp = e->tlp,
				   .flags = e->flags, .confidence = e->confidence };
	TRY(add_claims(w, o, err));
	TRY(add_score(w, o, err));
	ret->n++;
	return RC_OK;
}

/* One vote a source: its latest claim on any of the objects. */
static enum rc merge(const struct viewing *w, struct view *v, struct err *err)
{
	size_t total = 0, n = 0;
	struct str *sources;
	usec *latest;
	uint8_t *stated;

	for (size_t i = 0; i < v->n; i++)
		total += v->objects[i].n_claims;
	sources = arena_array(w->a, total + 1, sizeof *sources);
	latest = arena_array(w->a, total + 1, sizeof *latest);
	stated = arena_array(w->a, total + 1, sizeof *stated);
	if (sources == NULL || latest == NULL || stated == NULL)
		return FAIL(err, RC_NOMEM, "view: no memory");
	for (size_t i = 0; i < v->n; i++) {
		for (size_t k = 0; k < v->objects[i].n_claims; k++) {
			const struct view_claim *c = &v->objects[i].claims[k];
			size_t at = 0;

			while (at < n && !str_eq(sources[at], c->source))
				at++;
			if (at < n && latest[at] > c->received)
				continue;
			sources[at] = c->source;
			latest[at] = c->received;
			stated[at] = c->confidence;
			n += at == n;
		}
		if (v->objects[i].active && v->objects[i].score > v->score)
			v->score = v->objects[i].score;
	}
	v->confidence = view_merge_confidence(stated, n);
	return RC_OK;
}

static enum rc find(const struct viewing *w, struct str subject, bool is_id, struct search_result *ret, struct err *err)
{
	struct search q = { .ids = &subject, .n_ids = is_id, .value = is_id ? S("") : subject, .added_after = INT64_MIN,
			    .limit = is_id ? 1 : VIEW_OBJECTS_MAX, .ceiling = w->o->ceiling, .path = w->o->path };

	return search_run(w->store, w->viewer, &q, w->a, ret, err);
}

/* Warning lists are public knowledge, but they name only what the viewer asked for. */
static enum rc warn(const struct viewing *w, struct str value, struct view *ret, struct err *err)
{
	struct buf plain, normal;
	enum observable_kind kind;
	enum rc rc;

	buf_init(&plain, VALUE_MAX * 2);
	buf_init(&normal, VALUE_MAX * 2);
	value_refang(&plain, value);
	rc = value_detect(buf_view(&plain), &kind, &normal, err);
	if (rc == RC_OK) {
		ret->subject = arena_dup(w->a, buf_view(&normal));
		if (w->o->warn != NULL)
			ret->n_warned = warninglists_find(w->o->warn, kind, buf_view(&normal), ret->warned, WARNINGLIST_NAMES_MAX);
	}
	buf_done(&plain);
	buf_done(&normal);
	return rc;
}

enum rc view_get(struct store *s, const struct viewer *v, const struct view_opts *o, struct str subject,
		 struct arena *a, struct view *ret, struct err *err)
{
	struct viewing w = { .store = s, .viewer = v, .o = o, .a = a, .now = o->now == 0 ? time_now() : o->now,
			     .mask = gate_mask(v, o->ceiling) };
	struct search_result found;
	struct str type;
	struct uuid uuid;
	bool is_id = stix_id_split(subject, &type, &uuid);

	*ret = (struct view){ .subject = subject, .confidence = 255 };
	if (!is_id)
		TRY(warn(&w, subject, ret, err));
	TRY(find(&w, subject, is_id, &found, err));
	if (found.n == 0)
		return FAIL(err, RC_NOTFOUND, "nothing is known about it");
	ret->more = found.more;
	ret->objects = arena_array(a, found.n, sizeof *ret->objects);
	if (ret->objects == NULL)
		return FAIL(err, RC_NOMEM, "view: no memory");
	for (size_t i = 0; i < found.n; i++)
		TRY(add_object(&w, &found.entries[i], ret, err));
	return merge(&w, ret, err);
}

static void write_confidence(struct jsonw *w, uint8_t confidence)
{
	if (confidence <= 100)
		jsonw_m_int(w, "confidence", confidence);
}

static void write_object(const struct view_object *o, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_m_str(w, "id", o->id);
	jsonw_m_str(w, "type", o->type);
	jsonw_m_str(w, "version", o->version);
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)o->tlp));
	if (str_eq(o->type, S("indicator"))) {
		jsonw_m_bool(w, "active", o->active);
		jsonw_m_int(w, "score", o->score);
		if (o->confirmed > 0 || o->false_positives > 0) {
			jsonw_m_int(w, "confirmed", o->confirmed);
			jsonw_m_int(w, "false_positives", o->false_positives);
		}
		if (o->expiry != 0)
			jsonw_m_time(w, "expires", o->expiry);
	}
	jsonw_name(w, "claims");
	jsonw_array(w);
	for (size_t i = 0; i < o->n_claims; i++) {
		const struct view_claim *c = &o->claims[i];

		jsonw_object(w);
		jsonw_m_str(w, "source", c->source);
		jsonw_m_str(w, "version", c->version);
		jsonw_m_time(w, "received", c->received);
		jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)c->tlp));
		write_confidence(w, c->confidence);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_name(w, "object");
	jsonw_raw(w, o->body);
	jsonw_object_end(w);
}

void view_write(const struct view *v, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_m_str(w, "subject", v->subject);
	write_confidence(w, v->confidence);
	jsonw_m_int(w, "score", v->score);
	jsonw_name(w, "warninglists");
	jsonw_array(w);
	for (size_t i = 0; i < v->n_warned; i++)
		jsonw_str(w, v->warned[i]);
	jsonw_array_end(w);
	jsonw_name(w, "objects");
	jsonw_array(w);
	for (size_t i = 0; i < v->n; i++)
		write_object(&v->objects[i], w);
	jsonw_array_end(w);
	jsonw_m_bool(w, "more", v->more);
	jsonw_object_end(w);
}
