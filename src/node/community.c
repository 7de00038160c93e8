/* What a member tells: of every object of this node's own - not of peers - at TLP:AMBER or AMBER+STRICT the values, digested under the week's
 * key. TLP:RED is not even read: the store's mask leaves it out, so it can neither be sent nor change what is. What others may have in
 * plain (CLEAR, GREEN) goes the ordinary ways.
 *
 * A cursor remembers up to where; it stands still while this node has no key yet. A new week or a new key tells the last week again under the
 * new digests, so that what two members see in one week meets also across its end. */
#include "node/community.h"

#include <stdatomic.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "intel/warninglist.h"
#include "model/observable.h"
#include "node/core.h"
#include "stix/marking.h"
#include "store/facts.h"
#include "store/keyed.h"
#include "store/peers.h"
#include "web/community.h"

#define LOOK_EACH (30 * USEC_PER_SEC)
#define AGAIN (2 * USEC_PER_SEC)
#define GATHER (USEC_PER_SEC / 5)
#define FORGET_EACH (3600 * USEC_PER_SEC)
#define PAGE 400
#define PAGE_BYTES ((size_t)8 << 20)
#define MEMORY ((size_t)128 << 20)
#define ONE_MEMORY ((size_t)64 << 20)
#define CURSOR S("community")
#define WEEKS_KEPT 5

struct community {
	struct core *core;
	pthread_t thread;
	struct bell bell;
	_Atomic bool is_member; /* what is stored matters */
	usec forget;            /* when old weeks are forgotten next (time_mono) */
};

/* --- sending --- */

/* The id follows from who says what, so that the same message again is the same object. */
static enum rc send(struct core *c, struct arena *a, const struct community_message *m, const struct community_self *self, struct str relation,
		    struct err *err)
{
	static const struct uuid space = { { 0x5d, 0x2f, 0x70, 0x1e, 0x61, 0x0d, 0x4f, 0x7b, 0x9e, 0x21, 0xc4, 0x4a, 0x0b, 0x93, 0x6e, 0x58 } };
	char uuid[UUID_TEXT_LEN + 1];
	struct str *peers, text;
	struct uuid u;
	size_t n;

	TRY(community_write(a, m, self, S(COMMUNITY_TYPE "--00000000-0000-4000-8000-000000000000"), 0, &text, err));
	uuid_v5(&space, text, &u);
	TRY(community_write(a, m, self, arena_fmt(a, COMMUNITY_TYPE "--%.*s", STR(uuid_format(&u, uuid))), time_now(), &text, err));
	TRY(exchange_peers(c, relation, a, &peers, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(exchange_send(c, peers[i], text, err));
	return RC_OK;
}

static enum rc pass_on(struct core *c, struct arena *a, const struct json *object, struct str relation, struct err *err)
{
	struct str *peers;
	struct jsonw w;
	struct buf b;
	size_t n;
	enum rc rc;

	TRY(exchange_peers(c, relation, a, &peers, &n, err));
	buf_init(&b, (size_t)4 << 20);
	jsonw_init(&w, &b);
	jsonw_value(&w, object);
	rc = buf_check(&b, err, "message");
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = exchange_send(c, peers[i], buf_view(&b), err);
	buf_done(&b);
	return rc;
}

/* --- a member: what it shows --- */

static enum rc mark_shown(struct community_state *s, void *ctx UNUSED, bool *ret_changed, struct err *err UNUSED)
{
	s->shown = *ret_changed = true;
	return RC_OK;
}

static enum rc show_card(struct core *c, struct arena *a, const struct community_state *s, struct err *err)
{
	struct community_message m = { .kind = COMMUNITY_CARD, .community = str_of(s->name) };
	struct str *peers;
	size_t n;

	TRY(exchange_peers(c, S("parent"), a, &peers, &n, err));
	if (n == 0)
		return RC_OK; /* nobody to show it to yet */
	TRY(community_name_seal(a, str_of(c->node.config.name), s->roles, m.half, err));
	TRY(send(c, a, &m, &s->self, S("parent"), err));
	return community_change(c->node.paths.dir, mark_shown, NULL, err);
}

struct granted {
	unsigned char pub[SIGN_PUBLIC_LEN];
	int64_t generation;
};

static enum rc mark_granted(struct community_state *s, void *ctx, bool *ret_changed, struct err *err UNUSED)
{
	const struct granted *g = ctx;

	for (size_t i = 0; i < s->n_admitted; i++)
		if (memcmp(s->admitted[i].pub, g->pub, sizeof g->pub) == 0 && s->admitted[i].granted < g->generation) {
			s->admitted[i].granted = g->generation;
			*ret_changed = true;
		}
	return RC_OK;
}

static enum rc grant_one(struct core *c, struct arena *a, const struct community_state *s, const struct community_admitted *to, struct err *err)
{
	struct community_message m = { .kind = COMMUNITY_KEY, .community = str_of(s->name), .generation = s->key.generation, .epoch = s->key.epoch };
	struct granted g = { .generation = s->key.generation };
	char name[PSEUDONYM_LEN + 1];
	struct buf box;
	bool good;

	m.to = community_pseudonym(to->pub, name);
	buf_init(&box, 4096);
	good = community_key_seal(&s->key, to->pub, &box);
	m.box = arena_dup(a, buf_view(&box));
	buf_done(&box);
	if (!good || m.box.p == NULL)
		return FAIL(err, RC_BAD, "member %.*s has a key that is none", STR(m.to));
	TRY(send(c, a, &m, &s->self, S("parent"), err));
	memcpy(g.pub, to->pub, sizeof g.pub);
	return community_change(c->node.paths.dir, mark_granted, &g, err);
}

static enum rc grant(struct core *c, struct arena *a, const struct community_state *s, struct err *err)
{
	for (size_t i = 0; i < s->n_admitted; i++)
		if (s->admitted[i].granted < s->key.generation)
			TRY(grant_one(c, a, s, &s->admitted[i], err));
	return RC_OK;
}

/* --- a member: its digests --- */

struct digests {
	const struct community_state *s;
	struct core *core;
	unsigned char told[COMMUNITY_HANDLES_MAX * KEYED_HANDLE_LEN]; /* both sorts, each from the front of its own half */
	unsigned char counted[COMMUNITY_HANDLES_MAX * KEYED_HANDLE_LEN];
	struct str told_of[COMMUNITY_HANDLES_MAX], counted_of[COMMUNITY_HANDLES_MAX]; /* ids of objects */
	size_t n_told, n_counted;
};

static enum rc send_digests(struct digests *d, struct arena *a, struct err *err)
{
	struct community_message m = { .kind = COMMUNITY_HANDLES, .community = str_of(d->s->name), .generation = d->s->key.generation,
				       .epoch = d->s->key.epoch, .n_told = d->n_told, .n_handles = d->n_told + d->n_counted };
	unsigned char *all = arena_alloc(a, (m.n_handles + 1) * KEYED_HANDLE_LEN);
	struct store *s = d->core->node.store;

	if (m.n_handles == 0)
		return RC_OK;
	if (all == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	memcpy(all, d->told, d->n_told * KEYED_HANDLE_LEN);
	memcpy(all + d->n_told * KEYED_HANDLE_LEN, d->counted, d->n_counted * KEYED_HANDLE_LEN);
	m.handles = all;
	/* Ours first: a match may come back at once. */
	TRY(keyed_own_put(s, m.epoch, d->told, d->told_of, d->n_told, err));
	TRY(keyed_own_put(s, m.epoch, d->counted, d->counted_of, d->n_counted, err));
	TRY(send(d->core, a, &m, &d->s->self, S("parent"), err));
	d->n_told = d->n_counted = 0;
	return RC_OK;
}

static bool is_harmless(const struct core *c, const struct value *v)
{
	struct str list;

	return keyed_harmless(v->kind, v->text) != NULL || (c->warninglists != NULL && warninglists_find(c->warninglists, v->kind, v->text, &list, 1) > 0);
}

static enum rc add_value(struct digests *d, struct arena *a, const struct value *v, const struct page_entry *e, struct err *err)
{
	bool strict = e->tlp == TLP_AMBER_STRICT;
	size_t *n = strict ? &d->n_counted : &d->n_told;

	if (is_harmless(d->core, v))
		return RC_OK;
	if (d->n_told + d->n_counted == COMMUNITY_HANDLES_MAX)
		TRY(send_digests(d, a, err));
	keyed_handle(&d->s->key, v->kind, v->text, (strict ? d->counted : d->told) + *n * KEYED_HANDLE_LEN);
	(strict ? d->counted_of : d->told_of)[*n] = e->id;
	++*n;
	return RC_OK;
}

/* Said by this node, its people, its feeds or its detector: what peers told is theirs to tell. */
static bool is_own(struct core *c, struct arena *a, const struct page_entry *e)
{
	struct str source;

	return store_source_name(c->node.store, e->source, a, &source) == RC_OK && !str_starts(source, S("peer:"));
}

static enum rc add_object(struct digests *d, struct arena *a, const struct page_entry *e, struct err *err)
{
	const struct json *v;
	struct value *values;
	size_t n = 0;
	enum rc rc;

	if ((e->flags & OBJECT_REVOKED) != 0 || !is_own(d->core, a, e) || json_parse(a, e->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return RC_OK;
	if (str_eq(e->type, S("indicator")))
		rc = value_of_pattern(a, json_get_str(v, S("pattern")), &values, &n, NULL);
	else
		rc = value_of_sco(a, v, &values, &n, NULL);
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		TRY(add_value(d, a, &values[i], e, err));
	return RC_OK;
}

/* Where the cursor stands, for this generation and week; behind the start of the last week when either is new. */
static enum rc read_cursor(struct core *c, struct arena *a, const struct keyed_key *k, usec *ret, struct err *err)
{
	struct str text, generation, epoch;
	int64_t g = 0, e = 0;
	enum rc rc = cursor_get(c->node.store, CURSOR, a, &text, err);

	if (rc == RC_OK && str_next(&text, ' ', &generation) && str_next(&text, ' ', &epoch) && str_to_i64(generation, &g) && str_to_i64(epoch, &e) &&
	    g == k->generation && e == k->epoch && str_to_i64(text, ret))
		return RC_OK;
	*ret = g == 0 ? INT64_MIN : time_now() - KEYED_EPOCH;
	return rc == RC_NOTFOUND ? RC_OK : rc;
}

static enum rc keep_cursor(struct core *c, struct arena *a, const struct keyed_key *k, usec at, struct err *err)
{
	return cursor_put(c->node.store, CURSOR, arena_fmt(a, "%lld %lld %lld", (long long)k->generation, (long long)k->epoch, (long long)at), err);
}

static enum rc tell_page(struct digests *d, struct arena *a, usec *at, bool *ret_more, struct err *err)
{
	static const struct str types[] = { S("indicator"), S("domain-name"), S("ipv4-addr"), S("ipv6-addr"), S("url"), S("email-addr"), S("file") };
	struct page_query q = { .collection = NO_COLLECTION, .added_after = *at, .types = types, .n_types = COUNTOF(types), .want_last = true,
				.tlp_mask = 1u << TLP_AMBER | 1u << TLP_AMBER_STRICT, .limit = PAGE, .max_bytes = PAGE_BYTES, .bodies = true };
	struct page page;
	enum rc rc = RC_OK;

	TRY(store_page(d->core->node.store, &q, &page, err));
	for (size_t i = 0; i < page.n && rc == RC_OK; i++)
		rc = add_object(d, a, &page.entries[i], err);
	if (rc == RC_OK)
		rc = send_digests(d, a, err);
	if (page.n > 0)
		*at = page.last;
	*ret_more = page.more;
	page_done(&page);
	return rc;
}

static enum rc tell(struct core *c, struct arena *a, const struct community_state *s, struct err *err)
{
	struct digests *d = mem_alloc(sizeof *d);
	bool more = true;
	usec at, had;
	enum rc rc;

	if (d == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	*d = (struct digests){ .s = s, .core = c };
	rc = read_cursor(c, a, &s->key, &at, err);
	while (rc == RC_OK && more && !atomic_load(&c->stopping)) {
		struct arena *page CLEANUP(arena_freep) = arena_new(ONE_MEMORY);

		had = at;
		rc = page == NULL ? FAIL(err, RC_NOMEM, "community: out of memory") : tell_page(d, page, &at, &more, err);
		if (rc == RC_OK && at != had)
			rc = keep_cursor(c, a, &s->key, at, err);
	}
	mem_free(d);
	return rc;
}

static enum rc roll(struct community_state *s, void *ctx, bool *ret_changed, struct err *err UNUSED)
{
	int64_t epoch = keyed_epoch(time_now());

	(void)ctx;
	*ret_changed = s->key.generation > 0 && epoch > s->key.epoch && keyed_roll(&s->key, epoch);
	return RC_OK;
}

/* --- the thread --- */

static enum rc forget_old(struct community *k, struct err *err)
{
	if (time_mono() < k->forget)
		return RC_OK;
	k->forget = time_mono() + FORGET_EACH;
	return keyed_forget(k->core->node.store, keyed_epoch(time_now()) - WEEKS_KEPT, err);
}

static enum rc look(struct community *k, struct arena *a, struct err *err)
{
	struct core *c = k->core;
	struct community_state *s;

	TRY(community_load(c->node.paths.dir, a, &s, err));
	atomic_store(&k->is_member, s->name[0] != '\0' && !s->collector);
	if (s->name[0] == '\0')
		return RC_OK;
	TRY(forget_old(k, err));
	if (s->collector)
		return RC_OK;
	TRY(community_change(c->node.paths.dir, roll, NULL, err));
	TRY(community_load(c->node.paths.dir, a, &s, err));
	if (!s->shown)
		TRY(show_card(c, a, s, err));
	if (community_is_founder(s))
		TRY(grant(c, a, s, err));
	return s->key.generation > 0 ? tell(c, a, s, err) : RC_OK;
}

static void *run(void *ctx)
{
	struct community *k = ctx;
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	bool on = a != NULL;

	if (!on)
		log_line(LOG_LEVEL_ERROR, "community", "out of memory: it waits for the next start");
	while (on) {
		struct err err = { 0 };
		enum rc rc = look(k, a, &err);

		if (rc != RC_OK)
			log_line(LOG_LEVEL_WARN, "community", "%s", err.text);
		arena_reset(a);
		/* A burst of commits is one look. */
		on = bell_wait(&k->bell, rc == RC_OK ? LOOK_EACH : AGAIN) && bell_sleep(&k->bell, GATHER);
	}
	return NULL;
}

enum rc community_start(struct core *c, struct community **ret, struct err *err)
{
	struct community *k = mem_alloc(sizeof *k);

	if (k == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	k->core = c;
	bell_init(&k->bell);
	if (pthread_create(&k->thread, NULL, run, k) != 0) {
		bell_done(&k->bell);
		mem_free(k);
		return FAIL(err, RC_IO, "community: cannot start a thread");
	}
	*ret = k;
	return RC_OK;
}

void community_wake(struct community *k)
{
	if (k != NULL)
		bell_ring(&k->bell);
}

void community_stored(struct community *k)
{
	if (k != NULL && atomic_load(&k->is_member))
		bell_ring(&k->bell);
}

void community_stop(struct community *k)
{
	if (k == NULL)
		return;
	bell_stop(&k->bell);
	pthread_join(k->thread, NULL);
	bell_done(&k->bell);
	mem_free(k);
}

/* --- the collector --- */

static enum rc keep_card(struct core *c, struct arena *a, const struct community_message *m, struct err *err)
{
	char name[PSEUDONYM_LEN + 1];
	struct keyed_member k = { .community = m->community, .member = community_pseudonym(m->by, name), .seen = time_now() };
	struct buf b;

	buf_init(&b, 65536);
	hex_put(&b, str_make((const char *)m->by, sizeof m->by));
	k.key = arena_dup(a, buf_view(&b));
	for (size_t i = 0; i < COMMUNITY_ROLES; i++) {
		buf_clear(&b);
		base64_put(&b, m->half[i]);
		k.half[i] = arena_dup(a, buf_view(&b));
	}
	buf_done(&b);
	return keyed_member_put(c->node.store, &k, err);
}

/* Each of those who hold it and may be told hears how many others do. */
static enum rc tell_holders(struct core *c, struct arena *a, const struct community_message *in, const unsigned char *handle, uint64_t members,
			    struct err *err)
{
	struct community_message m = { .kind = COMMUNITY_MATCH, .community = in->community, .generation = in->generation, .epoch = in->epoch,
				       .handles = handle, .n_handles = 1, .n_told = 1 };
	struct keyed_holder *h;
	size_t n;
	enum rc rc = keyed_holders(c->node.store, in->community, in->generation, in->epoch, handle, a, &h, &n, err);

	if (rc == RC_LIMIT)
		return RC_OK;
	TRY(rc);
	if (n < 2 || keyed_is_common(n, members))
		return RC_OK;
	for (size_t i = 0; i < n; i++) {
		if (!h[i].told)
			continue;
		m.to = h[i].member;
		m.others = n - 1;
		m.n_with = 0;
		for (size_t k = 0; k < n && m.n_with < COMMUNITY_WITH_MAX; k++)
			if (k != i && h[k].told)
				m.with[m.n_with++] = h[k].member;
		TRY(send(c, a, &m, NULL, S("child"), err));
	}
	return RC_OK;
}

static enum rc collect(struct core *c, struct arena *a, const struct community_message *m, struct err *err)
{
	struct keyed_batch b = { .community = m->community, .generation = m->generation, .epoch = m->epoch, .digests = m->handles, .n = m->n_handles,
				 .n_told = m->n_told };
	char name[PSEUDONYM_LEN + 1];
	struct keyed_member *members, who;
	size_t n;
	int64_t now = keyed_epoch(time_now());

	b.member = community_pseudonym(m->by, name);
	if (keyed_member_get(c->node.store, b.member, a, &who, err) != RC_OK || !str_eq(who.community, m->community))
		return FAIL(err, RC_BAD, "'%.*s' is no member of '%.*s' that has shown itself", STR(b.member), STR(m->community));
	if (m->epoch > now + 1 || m->epoch < now - WEEKS_KEPT)
		return FAIL(err, RC_BAD, "digests of a week that is not now");
	b.fresh = arena_array(a, b.n + 1, sizeof *b.fresh);
	if (b.fresh == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	TRY(keyed_put(c->node.store, &b, err));
	TRY(keyed_member_list(c->node.store, a, &members, &n, err));
	/* Not only the fresh ones: a crash may have come between their being kept and being told. What was told is not told twice,
	 * because the same words are the same object. */
	for (size_t i = 0; i < m->n_handles; i++) {
		struct arena *one CLEANUP(arena_freep) = arena_new(ONE_MEMORY);

		if (one == NULL)
			return FAIL(err, RC_NOMEM, "community: out of memory");
		TRY(tell_holders(c, one, m, m->handles + i * KEYED_HANDLE_LEN, n, err));
	}
	return RC_OK;
}

/* --- a member: what it hears --- */

struct offered {
	const struct community_message *m;
	bool fresh;
};

static enum rc take_key(struct community_state *s, void *ctx, bool *ret_changed, struct err *err)
{
	struct offered *o = ctx;
	const struct community_message *m = o->m;
	char name[PSEUDONYM_LEN + 1];
	struct keyed_key k;

	if (!str_eq(community_pseudonym(m->by, name), str_of(s->founder)))
		return FAIL(err, RC_BAD, "a key of '%s', who is not the founder", name);
	if (m->generation <= s->key.generation)
		return RC_OK; /* an older one, or again */
	if (!community_key_open(&s->self, m->box, &k) || k.generation != m->generation || k.epoch != m->epoch)
		return FAIL(err, RC_BAD, "a key that this member cannot open");
	s->key = k;
	secret_wipe(&k, sizeof k);
	*ret_changed = o->fresh = true;
	return RC_OK;
}

static enum rc hear_match(struct core *c, struct arena *a, const struct community_message *m, struct err *err)
{
	struct buf with;
	bool fresh = false;
	enum rc rc;

	buf_init(&with, COMMUNITY_WITH_MAX * (PSEUDONYM_LEN + 1) + 1);
	for (size_t i = 0; i < m->n_with; i++)
		buf_fmt(&with, "%s%.*s", i > 0 ? " " : "", STR(m->with[i]));
	rc = keyed_own_match(c->node.store, m->epoch, m->handles, m->others, buf_view(&with), &fresh, err);
	buf_done(&with);
	if (rc == RC_OK && fresh)
		log_line(LOG_LEVEL_INFO, "community", "%llu in %.*s have a value that this node holds too (lianfang community matches)",
			 (unsigned long long)m->others, STR(m->community));
	(void)a;
	return rc == RC_NOTFOUND ? RC_BAD : rc;
}

static enum rc hear(struct core *c, struct arena *a, const struct community_state *s, const struct community_message *m, struct err *err)
{
	struct offered o = { .m = m };
	char own[PSEUDONYM_LEN + 1];

	if (m->kind == COMMUNITY_CARD)
		return community_is_founder(s) ? keep_card(c, a, m, err) : RC_OK;
	if (!str_eq(m->to, community_pseudonym(s->self.pub, own)))
		return RC_OK;
	if (m->kind == COMMUNITY_MATCH)
		return hear_match(c, a, m, err);
	if (m->kind == COMMUNITY_KEY)
		TRY(community_change(c->node.paths.dir, take_key, &o, err));
	if (o.fresh) {
		log_line(LOG_LEVEL_INFO, "community", "this node has the key of %.*s, generation %lld", STR(m->community), (long long)m->generation);
		community_wake(c->community);
	}
	return RC_OK;
}

/* --- routing --- */

/* From below: to the collector, which is here or further up. Cards and keys are for members, so the collector hands them down, also
 * to where they came from: there are other members behind a sector. */
static enum rc from_below(struct core *c, struct arena *a, const struct community_state *s, const struct community_message *m,
			  const struct json *object, struct err *err)
{
	if (m->kind == COMMUNITY_MATCH)
		return FAIL(err, RC_BAD, "only the collector tells of matches");
	if (!s->collector || !str_eq(str_of(s->name), m->community))
		return pass_on(c, a, object, S("parent"), err);
	if (m->kind == COMMUNITY_HANDLES)
		return collect(c, a, m, err);
	if (m->kind == COMMUNITY_CARD)
		TRY(keep_card(c, a, m, err));
	return pass_on(c, a, object, S("child"), err);
}

static enum rc from_above(struct core *c, struct arena *a, const struct community_state *s, const struct community_message *m,
			  const struct json *object, struct err *err)
{
	if (m->kind == COMMUNITY_HANDLES)
		return FAIL(err, RC_BAD, "digests do not come from above");
	TRY(pass_on(c, a, object, S("child"), err));
	return !s->collector && str_eq(str_of(s->name), m->community) ? hear(c, a, s, m, err) : RC_OK;
}

enum rc community_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct community_message *m;
	struct community_state *s;

	(void)id;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	m = arena_alloc(a, sizeof *m);
	if (m == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	TRY(community_read(a, object, m, err));
	TRY(community_load(c->node.paths.dir, a, &s, err));
	if (str_eq(from->relation, S("child")))
		return from_below(c, a, s, m, object, err);
	return str_eq(from->relation, S("parent")) ? from_above(c, a, s, m, object, err) : FAIL(err, RC_BAD, "a community's messages go up and down");
}
