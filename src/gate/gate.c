/* Deciding is pure: a level against the viewer's and the exit's. What reads pages
 * adds the reference rule (an object that names another one held here which the
 * viewer may not see is withheld, since a cyber-observable's id discloses its
 * value) and the record of what went. Objects that are not held here are no
 * secret of ours: naming them is let through.
 *
 * Rejected: folding the level of what is named into the stored level at admission.
 * The named object may come later, or get a milder version, and then thousands of
 * stored levels would be wrong until corrected. Asking at reading time costs one
 * look-up for pages that hold such objects and nothing for all others. */
#include "gate/gate.h"

#include "base/map.h"
#include "gate/ledger.h"
#include "store/collections.h"
#include "gate/refs.h"
#include "stix/marking.h"

#define REFS_AT_ONCE 512         /* ids asked of the store in one query */
#define REFS_PAGE_MAX 200000     /* different ids named in one page; more are refused */
#define REFS_MEMORY ((size_t)64 << 20)

uint32_t gate_mask(const struct viewer *v, uint8_t ceiling)
{
	uint8_t top = TLP_CLEAR;

	switch (v->kind) {
	case VIEWER_ANONYMOUS:
		break;
	case VIEWER_USER:
	case VIEWER_PEER:
	case VIEWER_LOCAL:
		top = v->tlp_max;
		break;
	default:
		return 0;
	}
	if (ceiling < top)
		top = ceiling;
	if (top >= TLP_COUNT)
		return 0;
	return (2u << top) - 1;
}

bool gate_may(const struct viewer *v, uint8_t ceiling, uint8_t tlp, uint8_t flags, const char **ret_why)
{
	static const char *const over[TLP_COUNT] = {
		"TLP:CLEAR is above what may be seen here", "TLP:GREEN is above what may be seen here",
		"TLP:AMBER is above what may be seen here", "TLP:AMBER+STRICT is above what may be seen here",
		"TLP:RED is above what may be seen here",
	};
	const char *why = NULL;

	if (flags & OBJECT_MARKING_UNKNOWN)
		tlp = TLP_RED;
	if (tlp >= TLP_COUNT)
		why = "no such TLP level";
	else if ((gate_mask(v, ceiling) >> tlp & 1) == 0)
		why = over[tlp];
	if (ret_why != NULL)
		*ret_why = why == NULL ? "" : why;
	return why == NULL;
}

/* The ids named in a page, and which of them are held here but hidden from the viewer. */
struct named {
	struct arena *arena;
	struct map *ids;    /* id -> NAMED_* */
	struct str *list;
	size_t n, cap;
	bool bad;
};

enum { NAMED_ABSENT, NAMED_SEEN, NAMED_HIDDEN };

static bool note_id(void *ctx, struct str id)
{
	struct named *d = ctx;

	if (map_get(d->ids, id, NULL))
		return true;
	if (d->n == d->cap) {
		size_t cap = d->cap == 0 ? 256 : d->cap * 2;
		struct str *list = arena_array(d->arena, cap, sizeof *list);

		if (list == NULL)
			return !(d->bad = true);
		if (d->n > 0)
			memcpy(list, d->list, d->n * sizeof *list);
		d->list = list;
		d->cap = cap;
	}
	id = arena_dup(d->arena, id);
	if (id.p == NULL || map_put(d->ids, id, NAMED_ABSENT) != RC_OK)
		return !(d->bad = true);
	d->list[d->n++] = id;
	return true;
}

static void named_done(struct named *d)
{
	arena_free(d->arena);
	map_free(d->ids);
}

static enum rc named_init(struct named *d, struct err *err)
{
	*d = (struct named){ .arena = arena_new(REFS_MEMORY), .ids = map_new(REFS_PAGE_MAX) };
	if (d->arena != NULL && d->ids != NULL)
		return RC_OK;
	named_done(d);
	return FAIL(err, RC_NOMEM, "gate: no memory");
}

/* Marks which of list[0..n) are held here, in any version the mask shows. */
static enum rc ask_some(struct store *s, struct named *d, const struct str *list, size_t n, uint32_t mask,
			uint64_t answer, struct err *err)
{
	struct page_query q = { .added_after = INT64_MIN, .ids = list, .n_ids = n, .want_all = true,
				.tlp_mask = mask, .limit = PAGE_LIMIT_MAX };
	static const uint8_t specs[] = { 20, 21 };
	bool more = true;

	q.specs = specs;
	q.n_specs = COUNTOF(specs);
	while (more) {
		struct page p = { 0 };

		TRY(store_page(s, &q, &p, err));
		for (size_t i = 0; i < p.n; i++) {
			if (map_put(d->ids, p.entries[i].id, answer) != RC_OK)
				d->bad = true;
		}
		more = p.more && p.n > 0;
		if (more)
			q.added_after = p.entries[p.n - 1].added;
		page_done(&p);
	}
	return RC_OK;
}

/* First everything that is held counts as hidden, then what the viewer may see does not. */
static enum rc ask(struct store *s, struct named *d, uint32_t mask, struct err *err)
{
	for (size_t at = 0; at < d->n; at += REFS_AT_ONCE) {
		size_t n = d->n - at < REFS_AT_ONCE ? d->n - at : REFS_AT_ONCE;

		TRY(ask_some(s, d, d->list + at, n, UINT32_MAX, NAMED_HIDDEN, err));
		TRY(ask_some(s, d, d->list + at, n, mask, NAMED_SEEN, err));
	}
	return d->bad ? FAIL(err, RC_NOMEM, "gate: no memory") : RC_OK;
}

static bool is_open(void *ctx, struct str id)
{
	struct named *d = ctx;
	uint64_t state = NAMED_HIDDEN;

	if (!map_get(d->ids, id, &state) || state == NAMED_HIDDEN)
		d->bad = true;
	return !d->bad;
}

/* Walks what the entry's body names. A body that we cannot read hides the entry. */
static bool walk(struct arena *scratch, const struct page_entry *e, refs_visit fn, struct named *d)
{
	const struct json *v;

	arena_reset(scratch);
	if (json_parse(scratch, e->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return false;
	refs_each(v, fn, d);
	return true;
}

static bool wants_look(const struct page_entry *e)
{
	return (e->flags & OBJECT_HAS_REFS) != 0;
}

/* Fills hide[0..n): true for entries that name something hidden. Bodies must be there. */
static enum rc hidden_by_refs(struct store *s, const struct page_entry *e, size_t n, uint32_t mask, bool *hide, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_new((size_t)256 << 20);
	struct named d;
	enum rc rc;

	if (scratch == NULL)
		return FAIL(err, RC_NOMEM, "gate: no memory");
	TRY(named_init(&d, err));
	for (size_t i = 0; i < n; i++)
		hide[i] = wants_look(&e[i]) && !walk(scratch, &e[i], note_id, &d);
	rc = d.bad ? FAIL(err, RC_LIMIT, "gate: a page names too many objects") : ask(s, &d, mask, err);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		if (!wants_look(&e[i]) || hide[i])
			continue;
		d.bad = false;
		hide[i] = !walk(scratch, &e[i], is_open, &d) || d.bad;
	}
	named_done(&d);
	return rc;
}

/* Drops the marked entries; the bodies that are left are sent one by one. */
static enum rc drop(struct page *p, const bool *hide, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (!hide[i])
			p->entries[n++] = p->entries[i];
	}
	if (n == p->n)
		return RC_OK;
	p->n = n;
	if (p->n_runs == 0)
		return RC_OK;
	p->n_runs = 0;
	if (n == 0)
		return RC_OK;
	if (p->arena_ == NULL) /* an engine may keep its pages elsewhere; page_done frees this one all the same */
		p->arena_ = arena_new((size_t)1 << 20);
	p->runs = p->arena_ == NULL ? NULL : arena_array(p->arena_, n, sizeof *p->runs);
	if (p->runs == NULL)
		return FAIL(err, RC_NOMEM, "gate: no memory");
	for (size_t i = 0; i < n; i++)
		p->runs[p->n_runs++] = p->entries[i].body;
	return RC_OK;
}

bool gate_is_bounded(const struct viewer *v)
{
	return v->kind != VIEWER_LOCAL && !str_eq(v->role, S("admin")) && !str_eq(v->role, S("analyst"));
}

/* Clears hide[i] of the entries that lie in this collection, in this version. */
static enum rc show_members(struct store *s, uint32_t row, const struct page *p, uint32_t mask, bool *hide, struct arena *a, struct err *err)
{
	struct str *ids = arena_array(a, p->n + 1, sizeof *ids);
	struct page_query q = { .collection = row, .added_after = INT64_MIN, .tlp_mask = mask, .want_all = true, .limit = PAGE_LIMIT_MAX, .ids = ids };
	bool more = true;

	if (ids == NULL)
		return FAIL(err, RC_NOMEM, "gate: no memory");
	for (size_t i = 0; i < p->n; i++)
		if (hide[i])
			ids[q.n_ids++] = p->entries[i].id;
	while (more && q.n_ids > 0) {
		struct page in;

		TRY(store_page(s, &q, &in, err));
		for (size_t k = 0; k < in.n; k++)
			for (size_t i = 0; i < p->n; i++)
				if (hide[i] && p->entries[i].spec == in.entries[k].spec && str_eq(p->entries[i].id, in.entries[k].id) &&
				    str_eq(p->entries[i].version, in.entries[k].version))
					hide[i] = false;
		more = in.more && in.n > 0;
		q.added_after = in.last;
		page_done(&in);
	}
	return RC_OK;
}

static enum rc readable(struct store *s, const struct viewer *v, struct arena *a, uint32_t **ret, size_t *ret_n, struct err *err)
{
	bool known = v->kind != VIEWER_ANONYMOUS;

	return readable_rows(s, !known ? S("") : v->account.n > 0 ? v->account : v->name, known ? v->role : S(""), a, ret, ret_n, err);
}

/* Hides what lies in no collection that the viewer may read. */
static enum rc hide_foreign(struct store *s, const struct viewer *v, const struct page *p, uint32_t mask, bool *hide, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)64 << 20);
	uint32_t *rows;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "gate: no memory");
	TRY(readable(s, v, a, &rows, &n, err));
	for (size_t i = 0; i < p->n; i++)
		hide[i] = true;
	for (size_t i = 0; i < n; i++)
		TRY(show_members(s, rows[i], p, mask, hide, a, err));
	return RC_OK;
}

struct asked {
	struct store *store;
	struct ledger *ledger;
	const struct viewer *viewer;
	enum gate_path path;
	uint8_t ceiling;
	bool bounded; /* the query is over everything and the viewer's rights are not */
};

/* Reads a page with the bodies that the reference rule needs. */
static enum rc read_page(const struct asked *a, struct page_query *q, struct page *p, bool *ret_look, struct err *err)
{
	bool bodies = q->bodies, look = false;
	size_t max_bytes = q->max_bytes;
	enum rc rc;

	TRY(store_page(a->store, q, p, err));
	for (size_t i = 0; i < p->n && !look; i++)
		look = wants_look(&p->entries[i]);
	*ret_look = look;
	if (!look || bodies)
		return RC_OK;
	page_done(p);
	q->bodies = true;
	q->max_bytes = 0;
	rc = store_page(a->store, q, p, err);
	q->bodies = bodies;
	q->max_bytes = max_bytes;
	return rc;
}

static void forget_bodies(struct page *p)
{
	p->n_runs = 0;
	for (size_t i = 0; i < p->n; i++)
		p->entries[i].body = S("");
}

/* Both checks on every entry. Says in the facts what was held back by the second one. */
static enum rc screen(const struct asked *a, const struct page_query *q, struct page *p, bool look, struct err *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new((size_t)1 << 20);
	bool *hide = mem == NULL ? NULL : arena_array(mem, p->n + 1, sizeof *hide);
	bool *foreign = mem == NULL ? NULL : arena_array(mem, p->n + 1, sizeof *foreign);
	bool any = false;

	if (hide == NULL || foreign == NULL)
		return FAIL(err, RC_NOMEM, "gate: no memory");
	if (a->bounded && p->n > 0)
		TRY(hide_foreign(a->store, a->viewer, p, q->tlp_mask, foreign, err));
	if (look) {
		ledger_refs_note(a->ledger);
		TRY(hidden_by_refs(a->store, p->entries, p->n, q->tlp_mask, hide, err));
	}
	for (size_t i = 0; i < p->n; i++) {
		const char *why = "names an object that may not be seen here";

		if (!gate_may(a->viewer, a->ceiling, p->entries[i].tlp, p->entries[i].flags, hide[i] ? NULL : &why))
			hide[i] = true;
		if (hide[i] && !foreign[i])
			ledger_refuse(a->ledger, a->viewer, a->path, p->entries[i].id, why);
		hide[i] |= foreign[i]; /* as if it were not there: what is refused is what was asked of */
		any |= hide[i];
	}
	return any ? drop(p, hide, err) : RC_OK;
}

/* One page as the viewer may see it; may be empty although more follows. `*ret_last`
 * is where the next one begins. On failure the page is done. */
static enum rc screened(const struct asked *a, struct page_query *q, struct page *p, usec *ret_last, struct err *err)
{
	bool look = false;
	enum rc rc = read_page(a, q, p, &look, err);

	if (rc != RC_OK) {
		page_done(p);
		memset(p, 0, sizeof *p);
		return rc;
	}
	*ret_last = p->n > 0 ? p->entries[p->n - 1].added : q->added_after;
	rc = screen(a, q, p, look, err);
	if (rc != RC_OK) {
		page_done(p);
		memset(p, 0, sizeof *p);
		return rc;
	}
	if (look && !q->bodies)
		forget_bodies(p);
	return RC_OK;
}

/* `more` must not tell of objects that are withheld: looks ahead until one shows. */
static enum rc settle_more(const struct asked *a, const struct page_query *q, struct page *p, usec last, struct err *err)
{
	struct page_query ahead = *q;
	bool more = p->more && (a->bounded || ledger_refs_seen(a->ledger));

	ahead.limit = a->bounded ? 1000 : 16; /* long stretches may lie in other people's collections */
	ahead.max_bytes = 0;
	ahead.added_after = last;
	while (more) {
		struct page next = { 0 };

		TRY(screened(a, &ahead, &next, &ahead.added_after, err));
		p->more = next.n > 0;
		more = next.n == 0 && next.more;
		page_done(&next);
	}
	return RC_OK;
}

/* A viewer without any collection need not be led through the whole store. */
static enum rc has_nothing(const struct asked *a, bool *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new((size_t)1 << 20);
	uint32_t *rows;
	size_t n = 1;

	if (mem == NULL)
		return FAIL(err, RC_NOMEM, "gate: no memory");
	if (a->bounded)
		TRY(readable(a->store, a->viewer, mem, &rows, &n, err));
	*ret = n == 0;
	return RC_OK;
}

static enum rc first_visible(const struct asked *a, struct page_query *q, struct page *p, struct err *err)
{
	usec last = q->added_after;
	bool nothing;
	enum rc rc;

	TRY(has_nothing(a, &nothing, err));
	if (nothing)
		return RC_OK;

	for (;;) {
		struct page_query now = *q;

		now.added_after = last;
		TRY(screened(a, &now, p, &last, err));
		if (p->n > 0 || !p->more)
			break;
		page_done(p);
		memset(p, 0, sizeof *p);
	}
	rc = settle_more(a, q, p, last, err);
	if (rc != RC_OK) {
		page_done(p);
		memset(p, 0, sizeof *p);
	}
	return rc;
}

static enum rc begin(struct store *s, const struct viewer *v, enum gate_path path, uint8_t ceiling,
		     struct page_query *q, struct asked *ret, struct err *err)
{
	*ret = (struct asked){ s, ledger_of(s), v, path, ceiling, q->collection == NO_COLLECTION && gate_is_bounded(v) };
	q->tlp_mask = gate_mask(v, ceiling);
	if (ret->ledger == NULL)
		return FAIL(err, RC_NOMEM, "gate: releases cannot be recorded");
	return RC_OK;
}

enum rc gate_page(struct store *s, const struct viewer *v, enum gate_path path, uint8_t ceiling,
		  struct str collection_name, struct page_query *q, struct page *ret, struct err *err)
{
	struct asked a;
	enum rc rc;

	memset(ret, 0, sizeof *ret);
	TRY(begin(s, v, path, ceiling, q, &a, err));
	if (q->tlp_mask == 0)
		return RC_OK;
	TRY(first_visible(&a, q, ret, err));
	rc = ledger_page(a.ledger, v, path, collection_name, q, ret, err);
	if (rc != RC_OK) {
		page_done(ret);
		memset(ret, 0, sizeof *ret);
	}
	return rc;
}

enum rc gate_scan(struct store *s, const struct viewer *v, uint8_t ceiling, struct page_query *q, struct page *ret,
		  struct err *err)
{
	struct asked a;

	memset(ret, 0, sizeof *ret);
	TRY(begin(s, v, PATH_COUNT, ceiling, q, &a, err));
	return q->tlp_mask == 0 ? RC_OK : first_visible(&a, q, ret, err);
}

/* How many of the query's entries the reference rule withholds. */
static enum rc count_withheld(const struct asked *a, const struct page_query *q, uint64_t *ret, struct err *err)
{
	struct page_query refs = *q;
	bool more = true;

	refs.added_after = INT64_MIN;
	refs.limit = 1000;
	refs.bodies = true;
	refs.max_bytes = (size_t)32 << 20;
	if (!a->bounded)
		refs.flags_all = q->flags_all | OBJECT_HAS_REFS;
	*ret = 0;
	while (more) {
		struct page p = { 0 };
		size_t n;
		enum rc rc;

		TRY(store_page(a->store, &refs, &p, err));
		n = p.n;
		more = p.more && n > 0;
		if (n > 0)
			refs.added_after = p.entries[n - 1].added;
		rc = screen(a, &refs, &p, true, err);
		*ret += n - p.n;
		page_done(&p);
		TRY(rc);
	}
	return RC_OK;
}

bool gate_knows(struct store *s, const struct viewer *v, struct str id)
{
	struct page_query q = { .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .limit = 1 };
	struct page p;
	struct err err;
	bool known;

	if (gate_scan(s, v, v->tlp_max, &q, &p, &err) != RC_OK)
		return false;
	known = p.n > 0;
	page_done(&p);
	return known;
}

enum rc gate_count(struct store *s, const struct viewer *v, uint8_t ceiling, struct page_query *q,
		   uint64_t *ret, struct err *err)
{
	struct asked a;
	uint64_t all, withheld = 0;

	TRY(begin(s, v, PATH_COUNT, ceiling, q, &a, err));
	*ret = 0;
	if (q->tlp_mask == 0)
		return RC_OK;
	TRY(store_count(s, q, &all, err));
	if (a.bounded || ledger_refs_seen(a.ledger))
		TRY(count_withheld(&a, q, &withheld, err));
	*ret = all > withheld ? all - withheld : 0;
	return RC_OK;
}

/* The body is needed to see what the entry names. */
static enum rc with_body(struct store *s, const struct page_entry *e, struct page *ret, struct err *err)
{
	struct page_query q = { .added_after = INT64_MIN, .ids = &e->id, .n_ids = 1, .versions = &e->version, .n_versions = 1,
				.specs = &e->spec, .n_specs = 1, .tlp_mask = UINT32_MAX, .limit = 1, .bodies = true };

	q.want_all = e->version.n == 0;
	TRY(store_page(s, &q, ret, err));
	return ret->n == 1 ? RC_OK : RC_NOTFOUND;
}

static bool names_hidden(struct store *s, const struct page_entry *e, uint32_t mask)
{
	struct page p = { 0 };
	struct err err;
	bool hide = true;

	if (e->body.n > 0)
		return hidden_by_refs(s, e, 1, mask, &hide, &err) != RC_OK || hide;
	if (with_body(s, e, &p, &err) == RC_OK && hidden_by_refs(s, p.entries, 1, mask, &hide, &err) != RC_OK)
		hide = true;
	page_done(&p);
	return hide;
}

bool gate_release(struct store *s, const struct viewer *v, enum gate_path path, uint8_t ceiling, const struct page_entry *e)
{
	struct ledger *l = ledger_of(s);
	const char *why;
	struct err err;
	bool may;

	if (l == NULL)
		return false;
	may = gate_may(v, ceiling, e->tlp, e->flags, &why);
	if (may && wants_look(e)) {
		ledger_refs_note(l);
		may = !names_hidden(s, e, gate_mask(v, ceiling));
		why = "names an object that may not be seen here";
	}
	if (!may) {
		ledger_refuse(l, v, path, e->id, why);
		return false;
	}
	return ledger_object(l, v, path, S(""), e, &err) == RC_OK;
}

void gate_refused(struct store *s, const struct viewer *v, enum gate_path path, struct str subject, const char *why)
{
	struct ledger *l = ledger_of(s);

	if (l != NULL)
		ledger_refuse(l, v, path, subject, why);
}

enum rc gate_flush(struct store *s, struct err *err)
{
	struct ledger *l = ledger_of(s);

	return l == NULL ? FAIL(err, RC_NOMEM, "record of releases: no memory") : ledger_flush(l, err);
}
