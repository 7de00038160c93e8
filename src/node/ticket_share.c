/* What was told last lies in memory only: after a restart each ticket that is not closed is told once more, which is the same object
 * if nothing became of it. A ticket of a member is kept as a ticket of this node with an item "member" ("PEER NUMBER"), whose hits are
 * those that the member counted: what a later telling has more is what it grew by, so that a telling that comes twice adds nothing. */
#include "node/ticket_share.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "node/core.h"
#include "node/tickets.h"
#include "soc/ticket_object.h"

#define KNOWN_MAX 4096
#define PAGE 200
#define ONE_MEMORY ((size_t)16 << 20)
#define LIST_MEMORY ((size_t)64 << 20)

struct known {
	int64_t row, hits;   /* told; hits 0: not yet */
	usec at;             /* time_mono of it */
	uint64_t rest;       /* hash of all but hits and times */
	bool due;
};

struct ticket_share {
	struct core *core;
	pthread_mutex_t lock;
	struct known *list;
	size_t n;
	bool all;            /* each that is not closed is due: at the start, and when more than KNOWN_MAX were at once */
};

enum rc ticket_share_new(struct core *c, struct ticket_share **ret, struct err *err)
{
	struct ticket_share *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	pthread_mutex_init(&s->lock, NULL);
	s->core = c;
	s->all = true;
	s->list = mem_array(KNOWN_MAX, sizeof *s->list);
	if (s->list == NULL) {
		ticket_share_free(s);
		return FAIL(err, RC_NOMEM, "tickets: out of memory");
	}
	*ret = s;
	return RC_OK;
}

void ticket_share_free(struct ticket_share *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	mem_free(s->list);
	mem_free(s);
}

/* Under the lock. NULL: all places are taken by what is due. */
static struct known *place_of(struct ticket_share *s, int64_t row)
{
	struct known *oldest = NULL;

	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].row == row)
			return &s->list[i];
		if (!s->list[i].due && (oldest == NULL || s->list[i].at < oldest->at))
			oldest = &s->list[i];
	}
	if (s->n < KNOWN_MAX)
		oldest = &s->list[s->n++];
	if (oldest != NULL)
		*oldest = (struct known){ .row = row };
	return oldest;
}

void ticket_share_note(struct ticket_share *s, int64_t row)
{
	struct known *k;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	k = place_of(s, row);
	if (k != NULL)
		k->due = true;
	s->all = s->all || k == NULL;
	pthread_mutex_unlock(&s->lock);
}

/* --- out --- */

static uint64_t rest_of(const struct ticket *t)
{
	const struct str texts[] = { t->state, t->disposition, t->merged_into, t->title, t->description, t->level };
	uint64_t h = t->n_refs ^ (uint64_t)t->tlp << 32;

	for (size_t i = 0; i < COUNTOF(texts); i++)
		h = (h ^ hash_table(texts[i])) * 0x9e3779b97f4a7c15u;
	return h;
}

static bool worth_telling(const struct ticket_share *s, const struct known *k, const struct ticket *t)
{
	if (k->hits == 0 || k->rest != rest_of(t))
		return true;
	return t->hits > k->hits && (t->hits >= 2 * k->hits || time_mono() - k->at >= s->core->node.config.sighting_seconds * USEC_PER_SEC);
}

static enum rc by_row(struct store *store, int64_t row, struct arena *a, struct ticket *ret, struct err *err)
{
	struct ticket_query q = { .before = row + 1, .limit = 1, .state = S(""), .class = S(""), .disposition = S(""), .assignee = S(""),
				  .where = S(""), .level = S(""), .kind = S(""), .value = S("") };
	struct ticket *list;
	size_t n;

	TRY(ticket_list(store, &q, a, &list, &n, err));
	if (n == 0 || list[0].row != row)
		return RC_NOTFOUND;
	return ticket_get(store, list[0].number, a, ret, err);
}

static enum rc tell(struct ticket_share *s, struct arena *a, const struct ticket *t, const struct str *parents, size_t n, struct err *err)
{
	struct str object;

	TRY(ticket_object(a, t, str_of(s->core->node.config.identity), &object, err));
	for (size_t i = 0; i < n; i++)
		TRY(exchange_send(s->core, parents[i], object, err));
	return RC_OK;
}

/* True: done with it for now. */
static bool tell_one(struct ticket_share *s, int64_t row, const struct str *parents, size_t n)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ONE_MEMORY);
	struct known *k, was = { .row = row };
	struct err err = { 0 };
	struct ticket t;
	enum rc rc = a == NULL ? RC_NOMEM : by_row(s->core->node.store, row, a, &t, &err);

	if (rc == RC_NOTFOUND)
		return true;
	pthread_mutex_lock(&s->lock);
	k = place_of(s, row);
	if (k != NULL)
		was = *k;
	pthread_mutex_unlock(&s->lock);
	if (rc == RC_OK && !worth_telling(s, &was, &t))
		return t.hits == was.hits; /* what it grew by is told later */
	if (rc == RC_OK)
		rc = tell(s, a, &t, parents, n, &err);
	if (rc != RC_OK && rc != RC_BAD) {
		log_line(LOG_LEVEL_WARN, "ticket", "not told to the tier above yet: %s", err.text);
		return false;
	}
	if (rc == RC_BAD) /* it will be no better next time */
		log_line(LOG_LEVEL_ERROR, "ticket", "%.*s cannot be told to the tier above: %s", STR(t.number), err.text);
	pthread_mutex_lock(&s->lock);
	k = place_of(s, row);
	if (k != NULL)
		*k = (struct known){ .row = row, .hits = t.hits, .at = time_mono(), .rest = rest_of(&t), .due = k->due };
	pthread_mutex_unlock(&s->lock);
	return true;
}

/* At the start: those that are not closed. A closed one was told when it was closed, or will be when a person touches it. */
static bool note_all(struct ticket_share *s)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(LIST_MEMORY);
	struct ticket_query q = { .limit = PAGE, .state = S("active"), .class = S(""), .disposition = S(""), .assignee = S(""), .where = S(""),
				  .level = S(""), .kind = S(""), .value = S("") };
	struct ticket *list;
	size_t n = PAGE, seen = 0;

	while (a != NULL && n == PAGE && seen < KNOWN_MAX / 2) {
		arena_reset(a);
		if (ticket_list(s->core->node.store, &q, a, &list, &n, NULL) != RC_OK)
			return false;
		for (size_t i = 0; i < n; i++)
			ticket_share_note(s, list[i].row);
		seen += n;
		if (n > 0)
			q.before = list[n - 1].row;
	}
	return a != NULL;
}

/* The next row that is due above `after`, which is so no more; 0: none. */
static int64_t next_due(struct ticket_share *s, int64_t after)
{
	struct known *found = NULL;
	int64_t row;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].due && s->list[i].row > after && (found == NULL || s->list[i].row < found->row))
			found = &s->list[i];
	row = found == NULL ? 0 : found->row;
	if (found != NULL)
		found->due = false;
	pthread_mutex_unlock(&s->lock);
	return row;
}

void ticket_share_run(struct ticket_share *s)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct str *parents;
	size_t n;
	bool all;

	if (a == NULL || !s->core->node.config.share_tickets)
		return;
	pthread_mutex_lock(&s->lock);
	all = s->all;
	s->all = false;
	pthread_mutex_unlock(&s->lock);
	if (all && !note_all(s))
		s->all = true;
	if (exchange_peers(s->core, S("parent"), a, &parents, &n, NULL) != RC_OK || n == 0)
		return;
	for (int64_t row = 0; (row = next_due(s, row)) != 0 && !atomic_load(&s->core->stopping);)
		if (!tell_one(s, row, parents, n))
			ticket_share_note(s, row);
}

/* --- in: a child's ticket --- */

/* Refused for good, or to be tried again. */
static enum rc for_good(enum rc rc)
{
	return rc == RC_OK || rc == RC_NOMEM || rc == RC_FULL || rc == RC_BUSY || rc == RC_IO ? rc : RC_BAD;
}

static const struct ticket_ref *find_ref(const struct ticket *t, struct str kind, struct str value)
{
	for (size_t i = 0; i < t->n_refs; i++)
		if (str_eq(t->refs[i].kind, kind) && str_eq(t->refs[i].value, value))
			return &t->refs[i];
	return NULL;
}

/* The ticket that this node keeps of the peer's one; RC_NOTFOUND. */
static enum rc kept_of(struct core *c, struct str member, struct arena *a, struct ticket *ret, struct err *err)
{
	struct ticket_query q = { .limit = 1, .state = S(""), .class = S(""), .disposition = S(""), .assignee = S(""), .where = S(""), .level = S(""),
				  .kind = S("member"), .value = member };
	struct ticket *list;
	size_t n;

	TRY(ticket_list(c->node.store, &q, a, &list, &n, err));
	return n == 0 ? RC_NOTFOUND : ticket_get(c->node.store, list[0].number, a, ret, err);
}

/* "closed, confirmed" */
static struct str state_words(struct arena *a, const struct ticket *t)
{
	return arena_fmt(a, "%.*s%s%.*s", STR(t->state), t->disposition.n > 0 ? ", " : "", STR(t->disposition));
}

static enum rc open_member(struct core *c, const struct exchange_from *from, struct str member, struct ticket *t, struct arena *a, struct err *err)
{
	struct ticket_ref *refs = arena_array(a, t->n_refs + 2, sizeof *refs);
	struct str entity = arena_fmt(a, "member:%.*s|%.*s", STR(from->peer), STR(str_slice(t->where.n > 0 ? t->where : t->input, 0, 1024)));

	t->cluster = arena_fmt(a, "member:%.*s", STR(member));
	if (refs == NULL || entity.p == NULL || t->cluster.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	t->entity = entity;
	refs[0] = (struct ticket_ref){ S("member"), member, from->peer, t->hits };
	memcpy(refs + 1, t->refs, t->n_refs * sizeof *refs);
	refs[t->n_refs + 1] = (struct ticket_ref){ S("member-state"), state_words(a, t), S(""), 0 };
	t->refs = refs;
	t->n_refs += 2;
	/* Whom it is of is what the peer's certificate says, whatever the object calls itself. */
	t->reporter = from->peer;
	if (t->victim_name.n == 0)
		t->victim_name = from->peer;
	t->disposition = t->merged_into = S("");
	TRY(ticket_open(c->node.store, t, NULL, 0, c->node.config.quiet_minutes * 60 * USEC_PER_SEC, err));
	log_line(LOG_LEVEL_INFO, "ticket", "%.*s opened: %.*s of %.*s", STR(t->number), STR(str_slice(member, from->peer.n + 1, member.n)), STR(from->peer));
	return RC_OK;
}

static enum rc say(struct core *c, struct str number, struct str peer, struct str note, struct arena *a, struct err *err)
{
	struct ticket_change x = { .act = TICKET_NOTE, .number = number, .actor = arena_fmt(a, "peer:%.*s", STR(peer)), .note = note, .who = S(""),
				   .other = S(""), .other_id = S(""), .disposition = S("") };

	if (x.actor.p == NULL || note.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	return ticket_do(c->node.store, &x, err);
}

static enum rc grow_member(struct core *c, const struct exchange_from *from, struct str member, const struct ticket *kept, const struct ticket *t,
			   struct arena *a, struct err *err)
{
	const struct ticket_ref *was = find_ref(kept, S("member"), member);
	struct ticket_ref *refs = arena_array(a, t->n_refs + 2, sizeof *refs);
	struct ticket_growth g = { .ticket = kept->row, .hits = was == NULL || t->hits <= was->hits ? 0 : t->hits - was->hits, .first = t->first,
				   .last = t->last, .tlp = t->tlp, .refs = refs };
	struct str words = state_words(a, t);

	if (refs == NULL || words.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	if (was != NULL && t->hits < was->hits)
		return RC_OK; /* older than what is known */
	for (size_t i = 0; i < t->n_refs; i++) {
		const struct ticket_ref *r = &t->refs[i], *old = find_ref(kept, r->kind, r->value);

		if (old == NULL)
			refs[g.n_refs++] = *r;
		else if (r->hits > old->hits && str_eq(r->kind, S("connection")))
			refs[g.n_refs++] = (struct ticket_ref){ r->kind, r->value, r->note, r->hits - old->hits };
	}
	if (find_ref(kept, S("member-state"), words) == NULL) {
		TRY(say(c, kept->number, from->peer, arena_fmt(a, "at %.*s: %.*s", STR(from->peer), STR(words)), a, err));
		refs[g.n_refs++] = (struct ticket_ref){ S("member-state"), words, S(""), 0 };
	}
	if (g.hits > 0)
		refs[g.n_refs++] = (struct ticket_ref){ S("member"), member, from->peer, g.hits };
	return g.n_refs == 0 && g.hits == 0 ? RC_OK : ticket_grow(c->node.store, &g, 1, err);
}

static enum rc take_ticket(struct core *c, const struct exchange_from *from, struct arena *a, const struct json *object, int64_t *ret_row,
			   struct err *err)
{
	struct ticket t, kept;
	struct str member;
	enum rc rc;

	if (!str_eq(from->relation, S("child")))
		return FAIL(err, RC_BAD, "%.*s is no child: its tickets are not taken in", STR(from->peer));
	TRY(ticket_of_object(a, object, &t, err));
	member = arena_fmt(a, "%.*s %.*s", STR(from->peer), STR(t.number));
	if (member.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	rc = kept_of(c, member, a, &kept, err);
	if (rc == RC_NOTFOUND) {
		TRY(open_member(c, from, member, &t, a, err));
		*ret_row = t.row;
		return RC_OK;
	}
	if (rc != RC_OK)
		return rc;
	*ret_row = kept.row;
	return grow_member(c, from, member, &kept, &t, a, err);
}

enum rc ticket_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ONE_MEMORY);
	int64_t row = 0;
	enum rc rc;

	(void)id;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	rc = take_ticket(c, from, a, object, &row, err);
	if (rc == RC_OK) /* and on to the tier above */
		tickets_touch(c->tickets, row);
	return for_good(rc);
}

/* --- feedback --- */

/* To each member whose ticket this is. */
static void send_feedback(struct core *c, const struct ticket *t, struct ticket_feedback f)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ONE_MEMORY);
	struct err err = { 0 };

	for (size_t i = 0; i < t->n_refs && a != NULL; i++) {
		const struct ticket_ref *r = &t->refs[i];
		struct str object;
		enum rc rc;

		if (!str_eq(r->kind, S("member")) || r->value.n <= r->note.n + 1)
			continue;
		f.number = str_slice(r->value, r->note.n + 1, r->value.n);
		f.theirs = t->number;
		f.tlp = t->tlp;
		rc = ticket_feedback_object(a, &f, str_of(c->node.config.identity), &object, &err);
		if (rc == RC_OK)
			rc = exchange_send(c, r->note, object, &err);
		if (rc != RC_OK)
			log_line(LOG_LEVEL_ERROR, "ticket", "%.*s: what was said of it does not reach %.*s: %s", STR(t->number), STR(r->note), err.text);
	}
}

void ticket_share_feedback(struct core *c, const struct ticket *t, const struct ticket_change *x)
{
	static const char *const acts[] = { [TICKET_ASSIGN] = "assign", [TICKET_NOTE] = "note", [TICKET_CLOSE] = "close", [TICKET_REOPEN] = "reopen",
					    [TICKET_RELATE] = NULL, [TICKET_RAISE] = "raise" };

	if (acts[x->act] == NULL)
		return;
	send_feedback(c, t, (struct ticket_feedback){ .act = str_of(acts[x->act]), .disposition = x->disposition, .note = x->note,
						      .by = str_of(c->node.config.name), .at = time_now() });
}

static enum rc take_feedback(struct core *c, const struct exchange_from *from, struct str id, const struct ticket_feedback *f, struct arena *a,
			     struct ticket *t, bool *ret_fresh, struct err *err)
{
	struct ticket_ref ref = { S("feedback"), id, S(""), 0 };
	struct ticket_growth g = { .refs = &ref, .n_refs = 1 };
	struct str text = arena_fmt(a, "%.*s (%.*s): %.*s%s%.*s%s%.*s", STR(f->by.n > 0 ? f->by : from->peer), STR(f->theirs), STR(f->act),
				    f->disposition.n > 0 ? ", " : "", STR(f->disposition), f->note.n > 0 ? ": " : "", STR(f->note));

	TRY(ticket_get(c->node.store, f->number, a, t, err));
	*ret_fresh = find_ref(t, S("feedback"), id) == NULL;
	if (!*ret_fresh)
		return RC_OK;
	if (text.p == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	TRY(say(c, t->number, from->peer, text, a, err));
	ref.note = str_slice(text, 0, 1000);
	while (ref.note.n > 0 && ref.note.n < text.n && ((unsigned char)text.p[ref.note.n] & 0xC0) == 0x80)
		ref.note.n--; /* not within a character */
	g.ticket = t->row;
	return ticket_grow(c->node.store, &g, 1, err);
}

enum rc ticket_feedback_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ONE_MEMORY);
	struct ticket_feedback f;
	struct ticket t;
	bool fresh = false;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "ticket: out of memory");
	if (!str_eq(from->relation, S("parent")))
		return FAIL(err, RC_BAD, "%.*s is no parent: what it says of tickets is not taken in", STR(from->peer));
	rc = ticket_feedback_read(object, &f, err);
	if (rc == RC_OK)
		rc = take_feedback(c, from, id, &f, a, &t, &fresh, err);
	if (rc == RC_OK && fresh) /* a ticket of a member of ours: it is for it, too */
		send_feedback(c, &t, f);
	return for_good(rc);
}
