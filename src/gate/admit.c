/* Each object goes through: parse, identity, upgrade (when asked), the rules of the
 * standard, level, ceiling; what is left is stored in one durable batch.
 *
 * The tree of an object lives only while that object is looked at (its memory is
 * used again for the next one and stays in the processor's cache); what is kept of
 * it are pieces of the sender's own text.
 *
 * Marking definitions that come in the same batch as the objects that need them are
 * stored first, so that "known" always means "held here": a definition that the
 * store refuses must not lower anything.
 *
 * A large batch is stored by type, links last; how it was ordered is not kept. */
#include "gate/admit.h"

#include "base/buf.h"
#include "gate/compact.h"
#include "gate/ledger.h"
#include "gate/markings.h"
#include "gate/refs.h"
#include "stix/object.h"
#include "stix/upgrade.h"
#include "stix/validate.h"

#define SCRATCH_MAX ((size_t)512 << 20) /* the tree of one object */
#define BATCH_MAX 10000                 /* objects in one store_put */
#define GATHER_FROM 64                  /* objects in a batch from which types are gathered */
#define GROUPS_MAX 64                   /* types told apart while gathering; the rest stay together in their order */

/* One object on its way: an input, or one of several that an upgrade made of it. */
struct item {
	struct object_in in;
	size_t input;        /* which of the caller's */
	bool definition;     /* a marking-definition */
	bool ready;          /* to be stored; otherwise failed or stored */
};

struct admission {
	struct store *store;
	struct arena *arena;   /* the caller's: results */
	struct arena *scratch; /* one object's tree */
	const struct admit_opts *o;
	struct item *items;
	size_t n, cap;
	struct admitted *out;
	struct buf compact;
	bool definitions;      /* some item is a marking definition */
	bool unknown;          /* some item has a marking that is not known */
	bool arrived;          /* a definition was stored that was not here before */
};

static void fail(struct admission *ad, size_t input, const char *why)
{
	struct admitted *r = &ad->out[input];

	if (r->result == ADMIT_FAILED && r->message.n > 0)
		return;
	r->result = ADMIT_FAILED;
	r->message = arena_dup(ad->arena, str_of(why));
	if (r->message.p == NULL)
		r->message = S("out of memory");
}

/* `s` if it lies in the caller's text, else a copy (it was unescaped in the scratch). */
static struct str keep(struct admission *ad, struct str text, struct str s)
{
	if (s.n == 0)
		return S("");
	if (s.p >= text.p && s.p < text.p + text.n)
		return s;
	s = arena_dup(ad->arena, s);
	return s.p == NULL ? S("") : s;
}

static struct item *add_item(struct admission *ad)
{
	if (ad->n == ad->cap) {
		size_t cap = ad->cap * 2;
		struct item *more = arena_resize(ad->arena, ad->items, ad->cap * sizeof *more, cap * sizeof *more);

		if (more == NULL)
			return NULL;
		ad->items = more;
		ad->cap = cap;
	}
	memset(&ad->items[ad->n], 0, sizeof ad->items[0]);
	return &ad->items[ad->n++];
}

static struct str compacted(struct admission *ad, struct str text)
{
	if (!compact_needed(text))
		return text;
	buf_clear(&ad->compact);
	compact_put(&ad->compact, text);
	return ad->compact.bad == RC_OK ? arena_dup(ad->arena, buf_view(&ad->compact)) : (struct str){ NULL, 0 };
}

static void over_ceiling(struct admission *ad, size_t input, const struct object_in *in)
{
	char text[200];

	snprintf(text, sizeof text, "the object is %s and at most %s may lie here%s", tlp_name((enum tlp)in->tlp),
		 tlp_name((enum tlp)ad->o->tlp_ceiling),
		 in->flags & OBJECT_MARKING_UNKNOWN ? "; a marking whose definition is not known here counts as TLP:RED" : "");
	fail(ad, input, text);
}

static uint8_t fallback_of(const struct admission *ad, const struct stix_object *o)
{
	return stix_tlp_marking_find(o->id) != NULL ? TLP_CLEAR : ad->o->default_tlp;
}

/* The object's own flags and level; also for a second look when definitions have come in. */
static void classify(struct admission *ad, const struct stix_object *o, struct object_in *in)
{
	uint8_t flags;

	markings_level(ad->store, o->json, fallback_of(ad, o), &in->tlp, &flags);
	if (o->revoked)
		flags |= OBJECT_REVOKED;
	if (refs_any(o->json))
		flags |= OBJECT_HAS_REFS;
	in->flags = flags;
}

/* One parsed object that is to be stored as `text`. */
static enum rc take(struct admission *ad, size_t input, const struct json *v, struct str text, struct err *err)
{
	struct stix_validate_opts rules = { .strict = ad->o->strict };
	struct stix_object o;
	struct item *it;

	TRY(stix_object_read(v, text, &o, err));
	ad->out[input].id = keep(ad, text, o.id);
	ad->out[input].version = keep(ad, text, o.version);
	if (o.class == STIX_BUNDLE)
		return FAIL(err, RC_BAD, "a bundle is not an object; send what is in it");
	if (!ad->o->lenient)
		TRY(stix_validate(v, &rules, NULL, NULL, NULL, err));
	it = add_item(ad);
	if (it == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	it->input = input;
	it->definition = str_eq(o.type, S("marking-definition"));
	it->in = (struct object_in){ .id = ad->out[input].id, .type = keep(ad, text, o.type),
				     .version = ad->out[input].version, .spec = o.spec, .confidence = o.confidence };
	it->in.body = compacted(ad, text);
	if (it->in.body.p == NULL || it->in.id.n == 0)
		return FAIL(err, RC_NOMEM, "out of memory");
	if (it->in.body.n > OBJECT_BODY_MAX)
		return FAIL(err, RC_LIMIT, "the object is larger than %zu bytes", OBJECT_BODY_MAX);
	classify(ad, &o, &it->in);
	it->ready = true;
	ad->definitions |= it->definition;
	ad->unknown |= (it->in.flags & OBJECT_MARKING_UNKNOWN) != 0;
	return RC_OK;
}

/* A 2.0 object becomes one or more of 2.1; when one breaks a rule, none goes on. */
static enum rc take_upgraded(struct admission *ad, size_t input, const struct json *old, struct err *err)
{
	struct stix_upgraded up;
	size_t first = ad->n;

	TRY(stix_upgrade(ad->arena, old, &up, err));
	for (size_t i = 0; i < up.n; i++) {
		const struct json *v;
		enum rc rc;

		arena_reset(ad->scratch);
		rc = json_parse(ad->scratch, up.objects[i], &JSON_LIMITS, &v, err);
		if (rc == RC_OK)
			rc = take(ad, input, v, up.objects[i], err);
		if (rc != RC_OK) {
			ad->n = first;
			return rc;
		}
	}
	return RC_OK;
}

static enum rc take_raw(struct admission *ad, size_t input, struct str raw, struct err *err)
{
	const struct json *v;

	arena_reset(ad->scratch);
	if (ad->o->trees != NULL)
		v = ad->o->trees[input];
	else
		TRY(json_parse(ad->scratch, raw, &JSON_LIMITS, &v, err));
	raw = str_trim(raw);
	if (ad->o->upgrade_20 && stix_is_20(v))
		return take_upgraded(ad, input, v, err);
	return take(ad, input, v, raw, err);
}

static const char *refusal(enum put_result r, const struct err *err)
{
	switch (r) {
	case PUT_CONFLICT:
		return "this version of the object is known with other content (STIX 2.1 \302\2473.6)";
	case PUT_REVOKED:
		return "the object is revoked, which is final (STIX 2.1 \302\2473.6)";
	case PUT_REFUSED:
		return err->rc == RC_OK || err->text[0] == '\0' ? "refused by the store" : err->text;
	case PUT_STORED:
	case PUT_LINKED:
	case PUT_DUPLICATE:
		break;
	}
	return NULL;
}

static enum admit_result result_of(enum put_result r)
{
	return r == PUT_STORED ? ADMIT_STORED : r == PUT_LINKED ? ADMIT_LINKED : ADMIT_DUPLICATE;
}

/* Of several objects made of one input the strongest result counts: stored, linked, duplicate. */
static void note(struct admission *ad, const struct item *it, enum put_result r, const struct err *err)
{
	const char *why = refusal(r, err);
	struct admitted *out = &ad->out[it->input];

	ad->arrived |= it->definition && r == PUT_STORED;
	if (why != NULL)
		fail(ad, it->input, why);
	else if (out->result != ADMIT_FAILED && result_of(r) < out->result)
		out->result = result_of(r);
}

struct run {
	struct object_in *in;
	enum put_result *results;
	usec *added;
	size_t *items; /* which item each of `in` is */
	size_t n;
};

static enum rc run_init(struct admission *ad, struct run *r, struct err *err)
{
	size_t n = ad->n < BATCH_MAX ? ad->n : BATCH_MAX;

	r->in = arena_array(ad->arena, n + 1, sizeof *r->in);
	r->results = arena_array(ad->arena, n + 1, sizeof *r->results);
	r->added = arena_array(ad->arena, n + 1, sizeof *r->added);
	r->items = arena_array(ad->arena, n + 1, sizeof *r->items);
	r->n = 0;
	return r->in == NULL || r->results == NULL || r->added == NULL || r->items == NULL ?
	       FAIL(err, RC_NOMEM, "out of memory") : RC_OK;
}

/* Which group of `types` the object belongs to: in the order in which types appear, but links behind what they link. */
static size_t group_of(struct str *types, size_t *n, struct str type)
{
	size_t i = 0;

	if (str_eq(type, S("relationship")) || str_eq(type, S("sighting")))
		return GROUPS_MAX + 1;
	while (i < *n && !str_eq(types[i], type))
		i++;
	if (i == *n && *n < GROUPS_MAX)
		types[(*n)++] = type;
	return i;
}

/* Objects that came in one envelope came at the same time: which gets the earlier date is ours to say. Gathered by type
 * they lie together in the store, so that a page of one type is read in one piece from a mixed collection. */
static enum rc gather(struct admission *ad, struct run *r, struct err *err)
{
	struct str types[GROUPS_MAX];
	size_t place[GROUPS_MAX + 3] = { 0 }, n_types = 0;
	uint8_t *group = arena_array(ad->arena, r->n, sizeof *group);
	struct run to;

	TRY(run_init(ad, &to, err));
	if (group == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	for (size_t i = 0; i < r->n; i++) {
		group[i] = (uint8_t)group_of(types, &n_types, r->in[i].type);
		place[group[i] + 1]++;
	}
	for (size_t i = 1; i < COUNTOF(place); i++)
		place[i] += place[i - 1];
	for (size_t i = 0; i < r->n; i++) {
		size_t at = place[group[i]]++;

		to.in[at] = r->in[i];
		to.items[at] = r->items[i];
	}
	r->in = to.in;
	r->items = to.items;
	return RC_OK;
}

static bool one_type(const struct run *r);

/* Objects of one envelope get their dates level by level, the mildest first, and within a level by type: so neither the dates nor the order of
 * what a reader sees tell whether, how many or what objects above its level came with them. */
static enum rc by_level(struct admission *ad, struct run *r, struct err *err)
{
	struct run to;
	size_t from = 0;

	TRY(run_init(ad, &to, err));
	for (unsigned level = 0; level <= UINT8_MAX && from < r->n; level++) {
		struct run part = { .in = to.in + from, .items = to.items + from };

		for (size_t i = 0; i < r->n; i++)
			if (r->in[i].tlp == level) {
				part.in[part.n] = r->in[i];
				part.items[part.n++] = r->items[i];
			}
		if (part.n >= GATHER_FROM && !one_type(&part)) {
			TRY(gather(ad, &part, err));
			memcpy(to.in + from, part.in, part.n * sizeof *part.in);
			memcpy(to.items + from, part.items, part.n * sizeof *part.items);
		}
		from += part.n;
	}
	r->in = to.in;
	r->items = to.items;
	return RC_OK;
}

static bool one_level(const struct run *r)
{
	size_t i = 1;

	while (i < r->n && r->in[i].tlp == r->in[0].tlp)
		i++;
	return i >= r->n;
}

static bool one_type(const struct run *r)
{
	size_t i = 1;

	while (i < r->n && str_eq(r->in[i].type, r->in[0].type))
		i++;
	return i >= r->n;
}

/* Cyber-observables have no versions, and their ids are everybody's (STIX 2.1 §2.9): two sources may state the same
 * one with other markings or remarks. The first text stays, at its level; the other source's statement becomes its
 * claim, with that source's own level and confidence. */
static enum rc claim_one(struct admission *ad, struct object_in in, enum put_result *ret, struct err *err)
{
	struct page_query q = { .added_after = INT64_MIN, .tlp_mask = UINT32_MAX, .limit = 1, .bodies = true, .ids = &in.id, .n_ids = 1 };
	struct object_batch b = { .collection = ad->o->collection, .source = ad->o->source, .objects = &in, .n = 1, .results = ret };
	struct page p = { 0 };
	enum rc rc;

	TRY(store_page(ad->store, &q, &p, err));
	if (p.n == 1 && p.entries[0].version.n == 0) {
		in.body = p.entries[0].body;
		in.spec = p.entries[0].spec;
		/* What may not lie in the collection does not come into it this way. */
		if (p.entries[0].tlp > ad->o->tlp_ceiling)
			b.collection = NO_COLLECTION;
		rc = store_put(ad->store, &b, err);
	} else {
		rc = RC_OK;
	}
	page_done(&p);
	return rc;
}

static enum rc claim_conflicts(struct admission *ad, struct run *r, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->results[i] == PUT_CONFLICT && r->in[i].version.n == 0)
			TRY(claim_one(ad, r->in[i], &r->results[i], err));
	}
	return RC_OK;
}

static enum rc put(struct admission *ad, struct run *r, struct err *err)
{
	struct err why = { 0 };
	struct object_batch b;
	enum rc rc;

	if (r->n == 0)
		return RC_OK;
	if (ad->o->date_added == NULL && ((r->n >= GATHER_FROM && !one_type(r)) || !one_level(r)))
		TRY(by_level(ad, r, err));
	b = (struct object_batch){ .collection = ad->o->collection, .source = ad->o->source, .objects = r->in, .n = r->n,
				   .results = r->results, .date_added = ad->o->date_added == NULL ? NULL : r->added };
	rc = store_put(ad->store, &b, &why);
	if (rc != RC_OK)
		return FAIL(err, rc, "%s", why.text);
	TRY(claim_conflicts(ad, r, err));
	for (size_t i = 0; i < r->n; i++)
		note(ad, &ad->items[r->items[i]], r->results[i], &why);
	r->n = 0;
	return RC_OK;
}

static enum rc store_items(struct admission *ad, bool only_definitions, struct err *err)
{
	struct run r;

	TRY(run_init(ad, &r, err));
	for (size_t i = 0; i < ad->n; i++) {
		struct item *it = &ad->items[i];

		if (!it->ready || (only_definitions && !it->definition))
			continue;
		it->ready = false;
		if (it->in.tlp > ad->o->tlp_ceiling &&
		    !(ad->o->keep_unknown && (it->in.flags & OBJECT_MARKING_UNKNOWN) != 0)) {
			over_ceiling(ad, it->input, &it->in);
			continue;
		}
		r.items[r.n] = i;
		r.added[r.n] = ad->o->date_added == NULL ? 0 : ad->o->date_added[it->input];
		r.in[r.n++] = it->in;
		if (r.n == BATCH_MAX)
			TRY(put(ad, &r, err));
	}
	return put(ad, &r, err);
}

/* The definitions of this batch are held now: look at those again that waited for one. */
static enum rc classify_again(struct admission *ad, struct err *err)
{
	ad->unknown = false;
	for (size_t i = 0; i < ad->n; i++) {
		struct object_in *in = &ad->items[i].in;
		struct stix_object o;
		const struct json *v;

		if (!ad->items[i].ready || (in->flags & OBJECT_MARKING_UNKNOWN) == 0)
			continue;
		arena_reset(ad->scratch);
		TRY(json_parse(ad->scratch, in->body, &JSON_LIMITS, &v, err));
		TRY(stix_object_read(v, in->body, &o, err));
		classify(ad, &o, in);
		ad->unknown |= (in->flags & OBJECT_MARKING_UNKNOWN) != 0;
	}
	return RC_OK;
}

static void note_refs(struct admission *ad)
{
	struct ledger *l = NULL;

	for (size_t i = 0; i < ad->n && l == NULL; i++) {
		if ((ad->items[i].in.flags & OBJECT_HAS_REFS) != 0)
			l = ledger_of(ad->store);
	}
	if (l != NULL)
		ledger_refs_note(l);
}

/* A definition that another batch stored between our look and our commit did not see
 * our objects waiting. */
static enum rc look_once_more(struct admission *ad, struct err *err)
{
	struct str *ids = arena_array(ad->arena, ad->n, sizeof *ids);
	size_t n = 0;

	if (ids == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	for (size_t i = 0; i < ad->n; i++) {
		if (ad->items[i].in.flags & OBJECT_MARKING_UNKNOWN)
			ids[n++] = ad->items[i].in.id;
	}
	return n == 0 ? RC_OK : markings_remark(ad->store, ids, n, err);
}

static enum rc store_all(struct admission *ad, struct err *err)
{
	note_refs(ad);
	if (ad->definitions && ad->unknown) {
		TRY(store_items(ad, true, err));
		TRY(classify_again(ad, err));
	}
	TRY(store_items(ad, false, err));
	if (ad->arrived)
		return markings_remark(ad->store, NULL, 0, err);
	return ad->unknown ? look_once_more(ad, err) : RC_OK;
}

/* Want of memory is no fault of an object: told as one, a peer's object would be passed over for ever. */
static enum rc take_all(struct admission *ad, const struct str *raw, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		ad->out[i] = (struct admitted){ .result = ADMIT_DUPLICATE, .id = S(""), .version = S(""), .message = S("") };
		if (take_raw(ad, i, raw[i], &why) == RC_OK)
			continue;
		if (why.rc == RC_NOMEM)
			return FAIL(err, RC_NOMEM, "%s", why.text);
		fail(ad, i, why.text);
	}
	return RC_OK;
}

enum rc admit_objects(struct store *s, struct arena *a, const struct admit_opts *o, const struct str *raw, size_t n,
		      struct admitted **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_new(SCRATCH_MAX);
	struct admission ad = { .store = s, .arena = a, .scratch = scratch, .o = o, .cap = n + 16 };
	enum rc rc;

	ad.items = arena_array(a, ad.cap, sizeof *ad.items);
	ad.out = arena_array(a, n + 1, sizeof *ad.out);
	if (scratch == NULL || ad.items == NULL || ad.out == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	buf_init(&ad.compact, OBJECT_BODY_MAX);
	rc = take_all(&ad, raw, n, err);
	if (rc == RC_OK)
		rc = store_all(&ad, err);
	buf_done(&ad.compact);
	if (rc == RC_OK)
		*ret = ad.out;
	return rc;
}
