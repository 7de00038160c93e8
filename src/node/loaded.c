/* State is durable cursors and nothing else: how far each collection was told to each parent, since when this node tells it, which
 * children it has named there. A crash repeats statements; whoever counts them knows (member, indicator) already. */
#include "node/loaded.h"

#include <pthread.h>

#include "base/bell.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "intel/loaded_object.h"
#include "node/core.h"
#include "stix/marking.h"
#include "store/peers.h"

#define LOOK_EACH (5 * USEC_PER_SEC)
#define REST (USEC_PER_SEC / 5)      /* between two looks: releases that come together are told together */
#define LIVE_WITHIN (10 * USEC_PER_SEC)
#define MEMORY ((size_t)64 << 20)
#define KEY_MAX 160
#define SALT_LEN 16
#define PSEUDONYM_LEN 16
#define WAYS_MAX 32

struct loaded {
	struct core *core;
	pthread_t thread;
	struct bell bell;
};

/* --- cursors --- */

static enum rc get_text(struct core *c, const char *key, struct arena *a, struct str *ret, struct err *err)
{
	enum rc rc = cursor_get(c->node.store, str_of(key), a, ret, err);

	if (rc == RC_NOTFOUND)
		*ret = S("");
	return rc == RC_NOTFOUND ? RC_OK : rc;
}

static enum rc get_number(struct core *c, const char *key, struct arena *a, int64_t fallback, int64_t *ret, struct err *err)
{
	struct str text;

	*ret = fallback;
	TRY(get_text(c, key, a, &text, err));
	return text.n == 0 || str_to_i64(text, ret) ? RC_OK : FAIL(err, RC_CORRUPT, "loaded: cursor '%.*s'", STR(text));
}

static enum rc put_number(struct core *c, const char *key, int64_t n, struct err *err)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%lld", (long long)n);

	return cursor_put(c->node.store, str_of(key), str_make(text, (size_t)len), err);
}

/* --- what a parent may hear of --- */

/* Collections whose indicators the parent gave us or gets from us. */
struct way {
	uint32_t collection;
	bool push;             /* it gets what lies there up to `tlp` */
	uint8_t tlp;
};

static enum rc ways_of(struct core *c, struct str parent, struct arena *a, struct way *ways, size_t *ret_n, struct err *err)
{
	struct peer peer;
	struct link *links;
	size_t n, kept = 0;

	TRY(peer_get(c->node.store, parent, a, &peer, err));
	TRY(link_list(c->node.store, parent, a, &links, &n, err));
	for (size_t i = 0; i < n && kept < WAYS_MAX - 1; i++)
		if (!str_starts(links[i].their_root, S("desk")))
			ways[kept++] = (struct way){ links[i].collection, links[i].direction == LINK_PUSH, links[i].tlp_max < peer.tlp_max ? links[i].tlp_max : peer.tlp_max };
	ways[kept++] = (struct way){ .collection = c->down }; /* where a parent that calls us puts it */
	*ret_n = kept;
	return RC_OK;
}

/* Did this source state it? */
static bool claimed(struct core *c, struct str id, uint32_t source)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct claim *list;
	bool yes = false;
	size_t n;

	if (a == NULL || store_claims(c->node.store, id, a, &list, &n, NULL) != RC_OK)
		return false;
	for (size_t i = 0; i < n; i++)
		yes = yes || list[i].source == source;
	return yes;
}

static bool may_name(struct core *c, const struct way *w, const struct page_entry *e, uint32_t source)
{
	return (w->push && e->tlp <= w->tlp) || e->source == source || claimed(c, e->id, source);
}

static enum rc source_of(struct core *c, struct str parent, uint32_t *ret, struct err *err)
{
	char name[96];
	int n = snprintf(name, sizeof name, "peer:%.*s", STR(parent));

	return store_source_id(c->node.store, str_make(name, (size_t)n), ret, err);
}

/* --- what is live --- */

struct answer {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct arena *a;
	const struct json *json;
	bool done;
};

static bool on_answer(void *ctx, struct str json, bool last, enum rc rc)
{
	struct answer *x = ctx;

	pthread_mutex_lock(&x->lock);
	if (rc == RC_OK && json.n > 0 && json_parse(x->a, arena_dup(x->a, json), &JSON_LIMITS, &x->json, NULL) != RC_OK)
		x->json = NULL;
	x->done = x->done || last;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	return true;
}

static enum rc ask(struct core *c, struct str question, struct arena *a, const struct json **ret, struct err *err)
{
	struct answer x = { .a = a };
	usec until = time_mono() + LIVE_WITHIN;
	uint32_t number;

	pthread_mutex_init(&x.lock, NULL);
	cond_init(&x.changed);
	number = detect_link_ask(c->link, question, on_answer, &x);
	pthread_mutex_lock(&x.lock);
	while (number != 0 && !x.done && !atomic_load(&c->stopping) && cond_wait_for(&x.changed, &x.lock, until - time_mono()))
		;
	pthread_mutex_unlock(&x.lock);
	if (number != 0 && !x.done)
		detect_link_unask(c->link, number);
	pthread_cond_destroy(&x.changed);
	pthread_mutex_destroy(&x.lock);
	*ret = x.json;
	return x.done && x.json != NULL ? RC_OK : FAIL(err, RC_BUSY, "the detector does not say what is live");
}

/* Those of `ids` that the detector has in force; it was told of all of them before. */
static enum rc live_of(struct core *c, struct arena *a, struct str *ids, size_t *n, struct err *err)
{
	const struct json *answer, *list;
	size_t kept = 0;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, (size_t)1 << 20);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "do", "live");
	jsonw_name(&w, "ids");
	jsonw_array(&w);
	for (size_t i = 0; i < *n; i++)
		jsonw_str(&w, ids[i]);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "loaded");
	if (rc == RC_OK)
		rc = ask(c, buf_view(&b), a, &answer, err);
	buf_done(&b);
	if (rc != RC_OK)
		return rc;
	list = json_get(answer, S("live"));
	if (json_is(list, JSON_ARRAY))
		JSON_EACH(item, list)
			if (kept < *n)
				ids[kept++] = json_str(item);
	*n = kept;
	return RC_OK;
}

/* --- telling --- */

static enum rc send(struct core *c, struct str parent, const struct loaded_statement *s, struct str key, struct arena *a, struct err *err)
{
	struct str object;
	enum rc rc;

	TRY(loaded_object(a, s, str_of(c->node.config.identity), key, (uint8_t)c->node.config.default_tlp, &object, err));
	rc = exchange_send(c, parent, object, err);
	/* Said before a crash, when other indicators could be named: it stands as it was. */
	return rc == RC_BAD ? RC_OK : rc;
}

/* Since when this node tells that parent; the first time, from now on. */
static enum rc since_of(struct core *c, struct str parent, struct arena *a, bool anew, usec *ret, struct err *err)
{
	char key[KEY_MAX];

	snprintf(key, sizeof key, "loaded:since:%.*s", STR(parent));
	TRY(get_number(c, key, a, 0, ret, err));
	if (*ret != 0 && !anew)
		return RC_OK;
	*ret = time_now() / 1000 * 1000; /* objects tell milliseconds */
	return put_number(c, key, *ret, err);
}

/* Whether anything is looked at here: said when it is new to the parent. */
static enum rc tell_scope(struct core *c, struct str parent, usec since, bool anew, struct arena *a, struct err *err)
{
	struct loaded_statement s = { .member = S(""), .since = since, .out = c->node.config.n_inputs == 0 || !c->node.config.match };
	struct str said, now = s.out ? S("out") : S("in");
	char key[KEY_MAX];

	snprintf(key, sizeof key, "loaded:scope:%.*s", STR(parent));
	TRY(get_text(c, key, a, &said, err));
	if (str_eq(said, now) && !anew)
		return RC_OK;
	TRY(send(c, parent, &s, arena_fmt(a, "%s %.*s %lld", c->node.config.identity, STR(parent), (long long)time_now()), a, err));
	return cursor_put(c->node.store, str_of(key), now, err);
}

struct fresh {
	struct str *ids;
	size_t n, seen;
	usec last;       /* cursor behind them */
};

static enum rc read_fresh(struct core *c, const struct way *w, uint32_t source, usec after, struct arena *a, struct fresh *f, struct err *err)
{
	static const struct str types[] = { { "indicator", 9 } };
	struct page_query q = { .collection = w->collection, .added_after = after, .types = types, .n_types = 1, .want_last = true, .tlp_mask = UINT32_MAX,
				.limit = LOADED_INDICATORS_MAX };
	bool more = true;

	*f = (struct fresh){ .ids = arena_array(a, LOADED_BURST + LOADED_INDICATORS_MAX, sizeof *f->ids), .last = after };
	if (f->ids == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	while (more && !atomic_load(&c->stopping)) {
		struct page page;

		q.added_after = f->last;
		TRY(store_page(c->node.store, &q, &page, err));
		for (size_t i = 0; i < page.n; i++) {
			const struct page_entry *e = &page.entries[i];

			if ((e->flags & OBJECT_REVOKED) != 0 || ++f->seen > LOADED_BURST || !may_name(c, w, e, source))
				continue;
			f->ids[f->n++] = arena_dup(a, e->id);
		}
		f->last = page.n > 0 ? page.entries[page.n - 1].added : f->last;
		more = page.more && page.n > 0;
		page_done(&page);
	}
	return RC_OK;
}

static enum rc tell_ids(struct core *c, struct str parent, usec since, const struct fresh *f, struct arena *a, struct err *err)
{
	for (size_t i = 0; i < f->n; i += LOADED_INDICATORS_MAX) {
		size_t n = f->n - i < LOADED_INDICATORS_MAX ? f->n - i : LOADED_INDICATORS_MAX;
		struct loaded_statement s = { .member = S(""), .since = since, .indicators = f->ids + i };

		TRY(live_of(c, a, f->ids + i, &n, err));
		s.n = n;
		s.at = time_now();
		if (n > 0)
			TRY(send(c, parent, &s, arena_fmt(a, "%s %.*s %.*s %lld", c->node.config.identity, STR(parent), STR(s.indicators[0]), (long long)s.at), a, err));
	}
	return RC_OK;
}

/* One collection to one parent. The detector was told of all that was read, once the follower has gone through the store since. */
static enum rc tell_way(struct core *c, struct str parent, const struct way *w, uint32_t source, usec *since, struct arena *a, struct err *err)
{
	char key[KEY_MAX];
	struct fresh f;
	usec after;

	snprintf(key, sizeof key, "loaded:at:%.*s:%u", STR(parent), w->collection);
	TRY(get_number(c, key, a, INT64_MIN, &after, err));
	TRY(read_fresh(c, w, source, after, a, &f, err));
	if (f.last == after)
		return RC_OK;
	if (f.seen > LOADED_BURST) {
		TRY(since_of(c, parent, a, true, since, err));
		TRY(tell_scope(c, parent, *since, true, a, err));
	} else if (f.n > 0) {
		if (!follower_caught_up(c, time_mono() + LIVE_WITHIN))
			return RC_OK; /* later */
		TRY(tell_ids(c, parent, *since, &f, a, err));
	}
	return put_number(c, key, f.last, err);
}

/* --- members behind this node --- */

/* The node's secret for this, drawn once: who knows members' names cannot find their pseudonyms. */
static enum rc salt_of(struct core *c, struct arena *a, struct str *ret, struct err *err)
{
	unsigned char raw[SALT_LEN];
	char text[SALT_LEN * 2 + 1];

	TRY(get_text(c, "loaded:salt", a, ret, err));
	if (ret->n > 0)
		return RC_OK;
	random_bytes(raw, sizeof raw);
	for (size_t i = 0; i < SALT_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", raw[i]);
	*ret = arena_dup(a, str_of(text));
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "loaded: out of memory") : cursor_put(c->node.store, S("loaded:salt"), *ret, err);
}

static enum rc pseudonym(struct core *c, struct str parent, struct str child, struct str member, struct arena *a, struct str *ret, struct err *err)
{
	unsigned char digest[SHA256_LEN];
	char text[PSEUDONYM_LEN + 1];
	struct str salt, all;

	TRY(salt_of(c, a, &salt, err));
	all = arena_fmt(a, "%.*s\n%.*s\n%.*s\n%.*s", STR(salt), STR(parent), STR(child), STR(member));
	if (all.p == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	hash_sha256(all, digest);
	for (size_t i = 0; i < PSEUDONYM_LEN / 2; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	*ret = arena_dup(a, str_make(text, PSEUDONYM_LEN));
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "loaded: out of memory") : RC_OK;
}

/* What a child said last of itself is kept, for parents that come later: negative, it looks at no log. */
static enum rc keep_said(struct core *c, struct str child, const struct loaded_statement *s, struct arena *a, struct err *err)
{
	int64_t now = s->out ? -s->since : s->since, had;
	char key[KEY_MAX];

	snprintf(key, sizeof key, "loaded:said:%.*s", STR(child));
	TRY(get_number(c, key, a, 0, &had, err));
	return had == now ? RC_OK : put_number(c, key, now, err);
}

static enum rc read_said(struct core *c, struct str child, struct loaded_statement *s, struct arena *a, struct err *err)
{
	char key[KEY_MAX];
	int64_t said;

	snprintf(key, sizeof key, "loaded:said:%.*s", STR(child));
	TRY(get_number(c, key, a, 0, &said, err));
	s->out = s->out || said < 0;
	if (said != 0)
		s->since = said < 0 ? -said : said;
	return RC_OK;
}

/* That there is such a member, or that it is gone. */
static enum rc tell_child(struct core *c, struct str parent, struct str child, bool gone, struct arena *a, struct err *err)
{
	struct loaded_statement s = { .since = time_now() / 1000 * 1000, .out = gone };

	usec now = s.since;

	TRY(pseudonym(c, parent, child, S(""), a, &s.member, err));
	TRY(read_said(c, child, &s, a, err));
	return send(c, parent, &s, arena_fmt(a, "%s %.*s %.*s %lld", c->node.config.identity, STR(parent), STR(s.member), (long long)now), a, err);
}

static bool listed(struct str list, struct str name)
{
	size_t at = 0;

	while ((at = str_find(list, name, at)) != SIZE_MAX) {
		bool begins = at == 0 || list.p[at - 1] == '\n', ends = at + name.n == list.n || list.p[at + name.n] == '\n';

		if (begins && ends)
			return true;
		at += name.n;
	}
	return false;
}

/* Children are named when they are linked, so that who never says anything counts, too: as one that has loaded nothing. */
static enum rc tell_children(struct core *c, struct str parent, struct arena *a, struct err *err)
{
	char key[KEY_MAX];
	struct str named, *children, list = S(""), rest, one;
	size_t n;

	snprintf(key, sizeof key, "loaded:children:%.*s", STR(parent));
	TRY(get_text(c, key, a, &named, err));
	TRY(exchange_peers(c, S("child"), a, &children, &n, err));
	for (size_t i = 0; i < n; i++) {
		list = arena_fmt(a, "%.*s%s%.*s", STR(list), i > 0 ? "\n" : "", STR(children[i]));
		if (!listed(named, children[i]))
			TRY(tell_child(c, parent, children[i], false, a, err));
	}
	if (list.p == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	for (rest = named; rest.n > 0; rest = str_slice(rest, one.n + 1 > rest.n ? rest.n : one.n + 1, rest.n)) {
		size_t end = str_find(rest, S("\n"), 0);

		one = str_slice(rest, 0, end == SIZE_MAX ? rest.n : end);
		if (!listed(list, one))
			TRY(tell_child(c, parent, one, true, a, err));
	}
	return str_eq(list, named) ? RC_OK : cursor_put(c->node.store, str_of(key), list, err);
}

/* --- the thread --- */

static enum rc tell_parent(struct core *c, struct str parent, struct arena *a, struct err *err)
{
	struct way ways[WAYS_MAX];
	uint32_t source;
	usec since;
	size_t n;

	TRY(source_of(c, parent, &source, err));
	TRY(since_of(c, parent, a, false, &since, err));
	TRY(tell_scope(c, parent, since, false, a, err));
	TRY(tell_children(c, parent, a, err));
	if (c->node.config.n_inputs == 0 || !c->node.config.match)
		return RC_OK;
	TRY(ways_of(c, parent, a, ways, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(tell_way(c, parent, &ways[i], source, &since, a, err));
	return RC_OK;
}

static void tell_all(struct core *c)
{
	struct arena *list CLEANUP(arena_freep) = arena_new((size_t)4 << 20), *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct err err = { 0 };
	struct str *parents;
	size_t n = 0;

	if (list == NULL || a == NULL || exchange_peers(c, S("parent"), list, &parents, &n, &err) != RC_OK)
		return;
	for (size_t i = 0; i < n && !atomic_load(&c->stopping); i++) {
		enum rc rc;

		arena_reset(a);
		rc = tell_parent(c, parents[i], a, &err);
		if (rc != RC_OK && rc != RC_BUSY) /* busy: the detector is away, which says so itself */
			log_line(LOG_LEVEL_WARN, "loaded", "%.*s is not told what is live here: %s", STR(parents[i]), err.text);
	}
}

static void *run(void *ctx)
{
	struct loaded *l = ctx;

	while (bell_wait(&l->bell, LOOK_EACH) && bell_sleep(&l->bell, REST))
		tell_all(l->core);
	return NULL;
}

enum rc loaded_start(struct core *c, struct loaded **ret, struct err *err)
{
	struct loaded *l = mem_alloc(sizeof *l);

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	l->core = c;
	bell_init(&l->bell);
	if (pthread_create(&l->thread, NULL, run, l) != 0) {
		bell_done(&l->bell);
		mem_free(l);
		return FAIL(err, RC_IO, "loaded: cannot start a thread");
	}
	*ret = l;
	return RC_OK;
}

void loaded_wake(struct loaded *l)
{
	if (l != NULL)
		bell_ring(&l->bell);
}

void loaded_stop(struct loaded *l)
{
	if (l == NULL)
		return;
	bell_stop(&l->bell);
	pthread_join(l->thread, NULL);
	bell_done(&l->bell);
	mem_free(l);
}

/* --- in --- */

/* Of the child's indicators those that this parent knows, too. */
static enum rc known_to(struct core *c, struct str parent, const struct loaded_statement *s, struct arena *a, struct str *ids, size_t *ret_n, struct err *err)
{
	static const struct str types[] = { { "indicator", 9 } };
	struct way ways[WAYS_MAX];
	uint32_t source;
	size_t n, kept = 0;

	TRY(source_of(c, parent, &source, err));
	TRY(ways_of(c, parent, a, ways, &n, err));
	for (size_t i = 0; i < s->n; i++) {
		bool yes = claimed(c, s->indicators[i], source);

		for (size_t k = 0; k < n && !yes; k++) {
			struct page_query q = { .collection = ways[k].collection, .added_after = INT64_MIN, .ids = &s->indicators[i], .n_ids = 1, .types = types, .n_types = 1,
						.tlp_mask = UINT32_MAX, .limit = 1 };
			struct page page;

			if (!ways[k].push)
				continue;
			TRY(store_page(c->node.store, &q, &page, err));
			yes = page.n > 0 && page.entries[0].tlp <= ways[k].tlp;
			page_done(&page);
		}
		if (yes)
			ids[kept++] = s->indicators[i];
	}
	*ret_n = kept;
	return RC_OK;
}

static enum rc pass_on(struct core *c, struct str parent, struct str child, struct str id, const struct loaded_statement *s, struct arena *a, struct err *err)
{
	struct loaded_statement up = *s;
	struct str *ids = arena_array(a, s->n + 1, sizeof *ids);

	if (ids == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	TRY(known_to(c, parent, s, a, ids, &up.n, err));
	up.indicators = ids;
	if (s->n > 0 && up.n == 0)
		return RC_OK;
	TRY(pseudonym(c, parent, child, s->member, a, &up.member, err));
	return send(c, parent, &up, arena_fmt(a, "%s %.*s %.*s", c->node.config.identity, STR(parent), STR(id)), a, err);
}

enum rc loaded_came(struct core *c, const struct exchange_from *from, struct str id, const struct json *object, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct loaded_statement s;
	struct str *parents;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "loaded: out of memory");
	if (!str_eq(from->relation, S("child")))
		return FAIL(err, RC_BAD, "%.*s is no child: what it has loaded is its own matter", STR(from->peer));
	TRY(loaded_read(a, object, &s, err));
	if (s.member.n == 0)
		TRY(keep_said(c, from->peer, &s, a, err));
	TRY(exchange_peers(c, S("parent"), a, &parents, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(pass_on(c, parents[i], from->peer, id, &s, a, err));
	return RC_OK;
}
