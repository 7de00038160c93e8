/* What is stated here goes out.
 *
 * Every fact stands in the node's chain in the order of commits, so a durable cursor into the chain is the whole outbox of this
 * part: behind it each incident that got a fact is looked at, its facts become objects, and these go to whoever shares the incident. All
 * of that may be done again: objects have the same id and bytes, and what a peer has it has.
 *
 * Who shares an incident:
 * - the tiers above the node that opened it, once it is reported;
 * - from there on upwards, once it is forwarded, or is major by its pack, or a clock of it is breached (so that whoever may take
 *   over knows of it);
 * - the tiers above, once one goes there with which it was merged or from which it was split: it is part of that case;
 * - whoever delivered a fact of it, and whom a fact names in "to".
 * Notes, and facts with "local": true, stay here.
 *
 * An incident that is major goes by the urgent lane, and is looked at before others whose facts stand before its own in the chain. */
#include "node/cases.h"

#include <pthread.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "desk/case.h"
#include "desk/desk.h"
#include "node/core.h"
#include "stix/marking.h"
#include "gate/own.h"
#include "store/cases.h"
#include "store/collections.h"
#include "store/facts.h"
#include "store/incidents.h"
#include "store/peers.h"
#include "web/need.h"

#define CURSOR S("cases")
#define AT_A_TIME 500
#define MEMORY ((size_t)256 << 20)
#define LOOK_EACH (30 * USEC_PER_SEC) /* looks by itself so often, should a ring be lost */
#define AGAIN_AFTER USEC_PER_SEC
#define TOLD_MAX 100000
#define ID_MAX 120
#define KIN_DEPTH 4 /* of incidents that were merged with one another */
#define HOUR (3600 * USEC_PER_SEC)

struct cases {
	struct core *core;
	pthread_t thread;
	struct bell bell;
	pthread_mutex_t making;  /* who makes objects of facts: one at a time, since they are numbered */
	_Atomic bool reload;     /* peers are looked at again */
	pthread_mutex_t lock;
	struct map *told;        /* under lock: "peer collection identity" whose statement went there in this run */
	struct map *opened;      /* under lock: how many incidents each peer opened since `hour` (time_mono) */
	usec hour;
	usec began;
	uint64_t at;             /* of the chain: what is behind it was not looked at yet */
	uint64_t urgent_at;      /* up to here at least what is major was */
};

/* --- who is who --- */

static bool was_told(struct cases *x, struct str key, bool note)
{
	bool told;

	pthread_mutex_lock(&x->lock);
	told = map_get(x->told, key, NULL);
	if (note)
		(void)!map_put(x->told, key, 1); /* else it is told again */
	pthread_mutex_unlock(&x->lock);
	return told;
}

static enum rc write_own(struct cases *x, struct buf *out, struct err *err)
{
	const struct node *n = &x->core->node;
	char key[CASE_HASH_LEN + 1];
	struct case_node own = { .author = str_of(n->config.identity), .name = str_of(n->config.name), .tier = str_of(n->config.tier),
				 .cert = str_of(n->cert_sha256), .at = x->began };

	for (size_t i = 0; i < SIGN_PUBLIC_LEN; i++)
		snprintf(key + 2 * i, 3, "%02x", n->sign_pub[i]);
	own.key = str_of(key);
	return case_node_write(&own, n->sign_sec, out, err);
}

static enum rc statement_of(struct cases *x, struct arena *a, struct str author, struct buf *out, struct err *err)
{
	struct case_author n;

	if (str_eq(author, str_of(x->core->node.config.identity)))
		return write_own(x, out, err);
	TRY(case_author_get(x->core->node.store, author, a, &n, err));
	buf_str(out, n.body);
	return buf_check(out, err, "case");
}

enum rc case_introduce(struct core *c, enum share_lane lane, struct str author, struct str peer, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
	char key[ID_MAX * 2];
	uint32_t way;
	struct buf b;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(exchange_way(c, lane, peer, &way, err));
	snprintf(key, sizeof key, "%u %.*s", way, STR(str_slice(author, 0, ID_MAX)));
	if (was_told(c->cases, str_of(key), false))
		return RC_OK;
	buf_init(&b, CASE_BODY_MAX);
	rc = statement_of(c->cases, a, author, &b, err);
	if (rc == RC_OK)
		rc = exchange_send_by(c, lane, peer, buf_view(&b), err);
	buf_done(&b);
	if (rc == RC_OK)
		(void)was_told(c->cases, str_of(key), true);
	return rc;
}

bool case_may_open(struct core *c, struct str peer)
{
	struct cases *x = c->cases;
	uint64_t n = 0;
	bool may;

	pthread_mutex_lock(&x->lock);
	if (x->opened == NULL || time_mono() - x->hour >= HOUR) {
		map_free(x->opened);
		x->opened = map_new(TOLD_MAX);
		x->hour = time_mono();
	}
	if (x->opened != NULL)
		(void)!map_get(x->opened, peer, &n);
	may = n < (uint64_t)c->node.config.peer_incidents;
	if (may && x->opened != NULL)
		(void)!map_put(x->opened, peer, n + 1); /* else it is not counted */
	pthread_mutex_unlock(&x->lock);
	return may;
}

/* --- one incident --- */

struct incident {
	struct cases *x;
	struct arena *a;
	struct incident_row row;
	struct case_info info;     /* opened here and not shared yet: made up */
	struct desk_view view;
	struct case_row *rows;     /* facts that are objects */
	size_t n_rows;
};

static bool opened_here(const struct incident *i)
{
	return str_eq(i->info.opened_by, str_of(i->x->core->node.config.identity));
}

static enum rc read_incident(struct incident *i, struct str id, struct err *err)
{
	struct store *s = i->x->core->node.store;
	struct str facts;
	enum rc rc;

	TRY(incident_get(s, id, i->a, &i->row, err));
	TRY(incident_facts(s, i->row.row, i->a, &facts, err));
	TRY(desk_look(i->x->core->api.desk, i->a, i->row.packs, facts, time_now(), &i->view, err));
	TRY(case_list(s, i->row.id, 0, i->a, &i->rows, &i->n_rows, err));
	rc = case_info_get(s, i->row.id, i->a, &i->info, err);
	if (rc == RC_NOTFOUND) {
		i->info = (struct case_info){ .incident = i->row.id, .opened_by = str_of(i->x->core->node.config.identity), .number = i->row.number,
					      .from = S("") };
		return RC_OK;
	}
	return rc;
}

static bool has_fact(const struct incident *i, enum fact_type type)
{
	for (size_t k = 0; k < i->view.facts.n; k++)
		if (i->view.facts.f[k].type == type)
			return true;
	return false;
}

static bool is_major(const struct incident *i)
{
	for (size_t k = 0; k < i->view.n; k++)
		if (i->view.views[k]->overall >= i->view.packs[k]->level_major || i->view.views[k]->claimed >= i->view.packs[k]->level_major)
			return true;
	return false;
}

static enum rc is_breached(const struct incident *i, bool *ret, struct err *err)
{
	struct incident_alarm *list;
	size_t n;

	TRY(incident_alarms(i->x->core->node.store, i->row.row, i->a, &list, &n, err));
	*ret = false;
	for (size_t k = 0; k < n; k++)
		*ret |= list[k].percent == 100;
	return RC_OK;
}

/* Whether the tiers above this one get it from here for a reason of its own. */
static enum rc goes_up(const struct incident *i, bool *ret, struct err *err)
{
	*ret = opened_here(i) ? has_fact(i, FACT_REPORTED) : has_fact(i, FACT_FORWARDED) || is_major(i);
	return *ret || opened_here(i) ? RC_OK : is_breached(i, ret, err);
}

/* Opened here, or by somebody below. */
static bool may_go_up(const struct incident *i)
{
	struct peer from;

	return opened_here(i) ||
	       (peer_get(i->x->core->node.store, i->info.from, i->a, &from, NULL) == RC_OK && str_eq(from.relation, S("child")));
}

/* The other incident that a merge or split names, or "". */
static struct str kin_of(const struct desk_fact *f)
{
	struct str ref = json_get_str(f->source, S("ref")), from = json_get_str(f->source, S("from"));

	if (f->type != FACT_MERGED && f->type != FACT_SPLIT)
		return S("");
	return str_starts(from, S("incident--")) ? from : str_starts(ref, S("incident--")) ? ref : S("");
}

static enum rc has_link(const struct incident *i, struct str id, struct str peer, bool *ret, struct err *err)
{
	struct case_link *links;
	size_t n;

	*ret = false;
	TRY(case_links(i->x->core->node.store, id, i->a, &links, &n, err));
	for (size_t k = 0; k < n; k++)
		*ret |= str_eq(links[k].peer, peer);
	return RC_OK;
}

/* Whether one that it was merged with or split from is with this peer. */
static enum rc kin_is_with(const struct incident *i, struct str peer, bool *ret, struct err *err)
{
	*ret = false;
	for (size_t k = 0; k < i->view.facts.n && !*ret; k++) {
		struct str kin = kin_of(&i->view.facts.f[k]);

		if (kin.n > 0)
			TRY(has_link(i, kin, peer, ret, err));
	}
	return RC_OK;
}

static enum rc share_with_peer(const struct incident *i, struct str peer, struct err *err)
{
	struct case_link l = { .peer = peer };

	TRY(exchange_way(i->x->core, SHARE_PLAIN, peer, &l.collection, err));
	return case_link_put(i->x->core->node.store, i->row.id, &l, err);
}

/* "to": a peer's name, or several. A name that is nobody's is left alone. */
static enum rc share_with_named(const struct incident *i, const struct json *to, struct err *err)
{
	struct peer p;

	if (json_is(to, JSON_STRING) && peer_get(i->x->core->node.store, json_str(to), i->a, &p, NULL) == RC_OK)
		return share_with_peer(i, p.name, err);
	if (json_is(to, JSON_ARRAY))
		JSON_EACH(one, to)
			if (json_is(one, JSON_STRING) && peer_get(i->x->core->node.store, json_str(one), i->a, &p, NULL) == RC_OK)
				TRY(share_with_peer(i, p.name, err));
	return RC_OK;
}

static bool is_object(const struct incident *i, struct str fact)
{
	for (size_t k = 0; k < i->n_rows; k++)
		if (str_eq(i->rows[k].fact, fact))
			return true;
	return false;
}

static enum rc find_sharers(const struct incident *i, struct err *err)
{
	struct str *parents;
	size_t n = 0;
	bool up, kin;

	TRY(goes_up(i, &up, err));
	if (may_go_up(i))
		TRY(exchange_peers(i->x->core, S("parent"), i->a, &parents, &n, err));
	for (size_t k = 0; k < n; k++) {
		TRY(kin_is_with(i, parents[k], &kin, err));
		if (up || kin)
			TRY(share_with_peer(i, parents[k], err));
	}
	for (size_t k = 0; k < i->view.facts.n; k++)
		if (!is_object(i, i->view.facts.f[k].id))
			TRY(share_with_named(i, json_get(i->view.facts.f[k].source, S("to")), err));
	return RC_OK;
}

/* --- facts that were stated here become objects --- */

/* So does what is marked more strictly than the objects that facts become. */
static bool stays_here(const struct incident *i, const struct desk_fact *f)
{
	const struct json *local = json_get(f->source, S("local"));
	bool is_local = f->type == FACT_NOTE;

	if (desk_marking(f->source, TLP_CLEAR) > i->x->core->node.config.default_tlp)
		return true;
	if (local != NULL)
		(void)!json_bool(local, &is_local);
	return is_local;
}

static enum rc make_object(struct incident *i, const struct desk_fact *fact, int64_t n, struct str previous, struct case_row *ret, struct err *err)
{
	struct core *c = i->x->core;
	struct case_fact f = { .author = str_of(c->node.config.identity), .incident = i->row.id, .opened_by = i->info.opened_by,
			       .number = i->row.number, .title = i->row.title, .packs = i->row.packs, .exercise = i->row.exercise, .n = n,
			       .previous = previous, .tlp = (uint8_t)c->node.config.default_tlp };
	char hash[CASE_HASH_LEN + 1];
	const struct json *tree;
	struct buf b, text;
	enum rc rc;

	buf_init(&b, CASE_OBJECT_MAX);
	buf_init(&text, INCIDENT_FACT_MAX * 2);
	json_print(fact->source, &text);
	f.fact = buf_view(&text);
	rc = buf_check(&text, err, "fact");
	if (rc == RC_OK)
		rc = case_fact_write(&f, c->node.sign_sec, &b, hash, err);
	*ret = (struct case_row){ .incident = i->row.id, .fact = fact->id, .author = f.author, .n = n, .hash = arena_dup(i->a, str_of(hash)),
				  .previous = previous, .peer = S(""), .body = arena_dup(i->a, buf_view(&b)) };
	buf_done(&b);
	buf_done(&text);
	TRY(rc);
	if (ret->hash.p == NULL || ret->body.p == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(json_parse(i->a, ret->body, &JSON_LIMITS, &tree, err));
	ret->object = json_get_str(tree, S("id"));
	return case_put(c->node.store, ret, &i->info, err);
}

/* In the order in which they were stated; `making` is held. */
static enum rc make_numbered(struct incident *i, struct err *err)
{
	struct str own = str_of(i->x->core->node.config.identity), previous = S("");
	int64_t n = 0;

	for (size_t k = 0; k < i->n_rows; k++)
		if (str_eq(i->rows[k].author, own) && i->rows[k].n > n) {
			n = i->rows[k].n;
			previous = i->rows[k].hash;
		}
	for (size_t k = 0; k < i->view.facts.n; k++) {
		const struct desk_fact *f = &i->view.facts.f[k];
		struct case_row row;

		if (is_object(i, f->id) || stays_here(i, f))
			continue;
		TRY(make_object(i, f, ++n, previous, &row, err));
		previous = row.hash;
	}
	return RC_OK;
}

static enum rc make_objects(struct incident *i, struct err *err)
{
	enum rc rc;

	pthread_mutex_lock(&i->x->making);
	rc = case_list(i->x->core->node.store, i->row.id, 0, i->a, &i->rows, &i->n_rows, err); /* another may have made some meanwhile */
	if (rc == RC_OK)
		rc = make_numbered(i, err);
	pthread_mutex_unlock(&i->x->making);
	return rc;
}

enum rc case_objects(struct core *c, struct str incident, struct arena *a, struct case_row **ret, size_t *ret_n, struct str *ret_own, struct err *err)
{
	struct incident i = { .x = c->cases, .a = a };
	struct buf b;
	enum rc rc;

	TRY(read_incident(&i, incident, err));
	TRY(make_objects(&i, err));
	TRY(case_list(c->node.store, i.row.id, 0, a, ret, ret_n, err));
	buf_init(&b, CASE_BODY_MAX);
	rc = write_own(c->cases, &b, err);
	*ret_own = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return rc == RC_OK && ret_own->p == NULL ? FAIL(err, RC_NOMEM, "case: out of memory") : rc;
}

/* --- objects go to who shares the incident --- */

/* A peer that has a role at this desk gets what the pack's view table has for it. By the object: its fact may have come after the
 * incident was read. */
static bool is_needed(const struct incident *i, const struct pack_view *view, const struct case_row *row)
{
	struct need need = { .view = view };
	const struct json *object;
	enum fact_type type;

	if (view == NULL)
		return true;
	if (json_parse(i->a, row->body, &JSON_LIMITS, &object, NULL) != RC_OK)
		return false;
	type = desk_fact_find(json_get_str(json_get(object, S("fact")), S("type")));
	return type != FACT_TYPES && need_shows(&need, type);
}

/* Who opened it counts for what an author may state, so the receiver has to know that, too. Who is not known here is not there either. */
static enum rc introduce(const struct incident *i, enum share_lane lane, struct str author, struct str peer, struct err *err)
{
	enum rc rc = lane == SHARE_PLAIN || str_eq(author, i->info.opened_by) || str_eq(peer, i->info.from)
			     ? RC_OK : case_introduce(i->x->core, lane, i->info.opened_by, peer, err);

	return rc == RC_OK || rc == RC_NOTFOUND ? case_introduce(i->x->core, lane, author, peer, err) : rc;
}

static enum rc send_to(const struct incident *i, const struct case_link *had, struct err *err)
{
	const enum share_lane lane = is_major(i) ? SHARE_URGENT : SHARE_PLAIN;
	struct core *c = i->x->core;
	struct case_link l = *had;
	struct case_row *rows;
	struct peer p;
	size_t n;

	if (peer_get(c->node.store, l.peer, i->a, &p, NULL) != RC_OK || p.disabled)
		return RC_OK;
	TRY(exchange_way(c, SHARE_PLAIN, l.peer, &l.collection, err));
	if (l.collection != had->collection)
		l.sent = 0;
	TRY(case_list(c->node.store, i->row.id, l.sent, i->a, &rows, &n, err));
	for (size_t k = 0; k < n; k++) {
		l.sent = rows[k].row;
		if (str_eq(rows[k].peer, l.peer) || !is_needed(i, need_of_peer(&c->api, i->row.packs, l.peer), &rows[k]))
			continue;
		TRY(introduce(i, lane, rows[k].author, l.peer, err));
		TRY(exchange_send_by(c, lane, l.peer, rows[k].body, err));
	}
	return n == 0 && l.collection == had->collection ? RC_OK : case_link_put(c->node.store, i->row.id, &l, err);
}

/* --- the STIX incident, for other makers' programs --- */

/* Whoever opened it writes it: a version for each change here. */
static enum rc write_incident(const struct incident *i, struct str *ret, struct err *err)
{
	const struct incident_view *v = i->view.views[0];
	struct case_incident o = { .id = i->row.id, .author = i->info.opened_by, .title = i->row.title, .created = i->row.opened, .modified = i->row.changed,
				   .open = i->view.open, .suspected = !has_fact(i, FACT_REVIEWED) && !has_fact(i, FACT_REREVIEWED),
				   .exercise = i->row.exercise, .criticality = v->overall == 0 ? -1 : v->overall * 100 / i->view.packs[0]->level_most,
				   .tlp = (uint8_t)i->x->core->node.config.default_tlp };
	struct buf b;
	enum rc rc;

	buf_init(&b, CASE_OBJECT_MAX);
	case_incident_write(&o, &b);
	rc = buf_check(&b, err, "incident");
	*ret = arena_dup(i->a, buf_view(&b));
	buf_done(&b);
	return rc == RC_OK && ret->p == NULL ? FAIL(err, RC_NOMEM, "incident: out of memory") : rc;
}

/* As the peer wrote it that brought the incident; .p NULL: it has not yet. */
static enum rc read_from(const struct incident *i, struct str *ret, struct err *err)
{
	struct str id = i->row.id;
	struct page_query q = { .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .tlp_mask = UINT32_MAX, .limit = 1, .bodies = true };
	struct collection k;
	struct page page;

	*ret = (struct str){ NULL, 0 };
	if (collection_get(i->x->core->node.store, S(OWN_ROOT), arena_fmt(i->a, "in-%.*s", STR(i->info.from)), i->a, &k, NULL) != RC_OK)
		return RC_OK;
	q.collection = k.row;
	TRY(store_page(i->x->core->node.store, &q, &page, err));
	if (page.n > 0)
		*ret = arena_dup(i->a, page.entries[0].body);
	page_done(&page);
	return RC_OK;
}

static enum rc send_incident(const struct incident *i, const struct case_link *links, size_t n, struct err *err)
{
	struct str text;

	TRY(opened_here(i) ? write_incident(i, &text, err) : read_from(i, &text, err));
	for (size_t k = 0; k < n && text.p != NULL; k++) {
		enum rc rc = str_eq(links[k].peer, i->info.from) ? RC_OK : exchange_send(i->x->core, links[k].peer, text, err);

		/* RC_BAD: two changes in one millisecond; the next one goes. RC_NOTFOUND: the peer is gone. */
		if (rc != RC_OK && rc != RC_BAD && rc != RC_NOTFOUND)
			return rc;
	}
	return RC_OK;
}

static enum rc look_at(struct cases *x, struct str id, unsigned depth, struct err *err);

/* What was merged with it or split from it may have to go where it goes, now. */
static enum rc look_at_kin(const struct incident *i, const struct case_link *links, size_t n, unsigned depth, struct err *err)
{
	for (size_t k = 0; k < i->view.facts.n && depth < KIN_DEPTH; k++) {
		struct str kin = kin_of(&i->view.facts.f[k]);
		struct incident_row there;
		bool has = true;

		for (size_t l = 0; l < n && kin.n > 0 && has; l++)
			TRY(has_link(i, kin, links[l].peer, &has, err));
		if (!has && incident_get(i->x->core->node.store, kin, i->a, &there, NULL) == RC_OK)
			TRY(look_at(i->x, kin, depth + 1, err));
	}
	return RC_OK;
}

static enum rc look_at(struct cases *x, struct str id, unsigned depth, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct incident i = { .x = x, .a = a };
	struct case_link *links;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(read_incident(&i, id, err));
	TRY(find_sharers(&i, err));
	TRY(case_links(x->core->node.store, i.row.id, a, &links, &n, err));
	if (n == 0)
		return RC_OK;
	TRY(make_objects(&i, err));
	for (size_t k = 0; k < n; k++)
		TRY(send_to(&i, &links[k], err));
	TRY(send_incident(&i, links, n, err));
	return look_at_kin(&i, links, n, depth, err);
}

/* What is wrong with one incident must not hold up the others; what is wrong with the node is tried again. */
static enum rc look_or_say(struct cases *x, struct str id, struct err *err)
{
	enum rc rc = look_at(x, id, 0, err);

	if (rc == RC_BAD || rc == RC_LIMIT || rc == RC_NOTFOUND || rc == RC_CONFLICT || rc == RC_UNSUPPORTED) {
		log_line(LOG_LEVEL_ERROR, "case", "%.*s does not go to the nodes that share it: %s", STR(id), err->text);
		return RC_OK;
	}
	return rc;
}

/* --- behind the cursor --- */

struct stretch {
	struct arena *a;
	struct str *ids;
	size_t n;
	uint64_t at;
};

static bool note_fact(void *ctx, const struct fact *f)
{
	struct stretch *p = ctx;
	struct str id;

	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->ids[i], f->subject)) {
			p->at = f->seq;
			return true;
		}
	if (p->n == AT_A_TIME)
		return false;
	id = arena_dup(p->a, f->subject);
	if (id.p == NULL)
		return false;
	p->ids[p->n++] = id;
	p->at = f->seq;
	return true;
}

static enum rc keep_cursor(struct cases *x, struct err *err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)x->at);

	return cursor_put(x->core->node.store, CURSOR, str_make(text, (size_t)n), err);
}

/* By what is kept of it: whoever looks at it decides. */
static bool seems_major(struct cases *x, struct arena *a, struct str id)
{
	struct incident_row r;
	struct str packs, one;
	bool major = false;

	if (incident_get(x->core->node.store, id, a, &r, NULL) != RC_OK)
		return false;
	packs = r.packs;
	while (str_next(&packs, ' ', &one)) {
		const struct pack *p = desk_pack(x->core->api.desk, one);

		major |= p != NULL && r.now.level >= p->level_major;
	}
	return major;
}

/* All of it that has come by now, however much of what is lesser waits before it. It is met again in its place, where nothing is left to do. */
static enum rc follow_urgent(struct cases *x, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)8 << 20);
	uint64_t had;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	do {
		struct stretch p = { .a = a, .at = x->urgent_at, .ids = arena_array(a, AT_A_TIME, sizeof *p.ids) };

		had = x->urgent_at;
		if (p.ids == NULL)
			return FAIL(err, RC_NOMEM, "case: out of memory");
		TRY(fact_each(x->core->node.store, had, S("incident."), note_fact, &p, err));
		for (size_t i = 0; i < p.n && !atomic_load(&x->core->stopping); i++)
			if (seems_major(x, a, p.ids[i]))
				TRY(look_or_say(x, p.ids[i], err));
		x->urgent_at = p.at;
		arena_reset(a);
	} while (x->urgent_at != had && !atomic_load(&x->core->stopping));
	return RC_OK;
}

/* RC_OK with *ret_more: there is more behind it. */
static enum rc follow_chain(struct cases *x, bool *ret_more, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)8 << 20);
	struct stretch p = { .a = a, .at = x->at };

	*ret_more = false;
	if (a == NULL || (p.ids = arena_array(a, AT_A_TIME, sizeof *p.ids)) == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(fact_each(x->core->node.store, x->at, S("incident."), note_fact, &p, err));
	for (size_t i = 0; i < p.n; i++) {
		if (p.n > 1)
			TRY(follow_urgent(x, err));
		if (atomic_load(&x->core->stopping))
			return RC_OK;
		TRY(look_or_say(x, p.ids[i], err));
	}
	if (x->urgent_at < p.at)
		x->urgent_at = p.at;
	if (p.at == x->at)
		return RC_OK;
	x->at = p.at;
	*ret_more = true;
	return keep_cursor(x, err);
}

/* --- peers that are new --- */

/* All incidents, for a peer that was not there when they were stated. */
static enum rc look_at_all(struct cases *x, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)16 << 20);
	struct incident_query q = { .all = true, .order = INCIDENT_BY_NEWEST, .level = INCIDENT_ANY, .exercise = INCIDENT_ANY, .limit = AT_A_TIME };
	struct incident_row *list;
	size_t n = AT_A_TIME;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	while (n == AT_A_TIME && !atomic_load(&x->core->stopping)) {
		TRY(incident_list(x->core->node.store, &q, a, &list, &n, err));
		for (size_t i = 0; i < n && !atomic_load(&x->core->stopping); i++) {
			q.after_row = list[i].row;
			TRY(look_or_say(x, list[i].id, err));
		}
		arena_reset(a);
	}
	return RC_OK;
}

/* What our types mean, for programs that meet them. */
static enum rc define(struct core *c, struct str peer, struct err *err)
{
	CLEANUP(buf_done) struct buf maker = { 0 }, definition = { 0 };

	buf_init(&maker, CASE_OBJECT_MAX);
	buf_init(&definition, CASE_OBJECT_MAX);
	case_definition_write(&maker, &definition);
	TRY(exchange_send(c, peer, buf_view(&maker), err));
	return exchange_send(c, peer, buf_view(&definition), err);
}

static enum rc greet(struct cases *x, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)16 << 20);
	struct str *peers, text;
	bool fresh = false;
	char key[40];
	uint32_t way;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(exchange_peers(x->core, S(""), a, &peers, &n, err));
	for (size_t i = 0; i < n; i++) {
		TRY(define(x->core, peers[i], err));
		for (enum share_lane lane = SHARE_PLAIN; lane < SHARE_LANES; lane++)
			TRY(case_introduce(x->core, lane, str_of(x->core->node.config.identity), peers[i], err));
		TRY(exchange_way(x->core, SHARE_PLAIN, peers[i], &way, err));
		snprintf(key, sizeof key, "cases:%u", way);
		fresh |= cursor_get(x->core->node.store, str_of(key), a, &text, NULL) == RC_NOTFOUND;
	}
	if (!fresh)
		return RC_OK;
	TRY(look_at_all(x, err));
	for (size_t i = 0; i < n && !atomic_load(&x->core->stopping); i++) {
		TRY(exchange_way(x->core, SHARE_PLAIN, peers[i], &way, err));
		snprintf(key, sizeof key, "cases:%u", way);
		TRY(cursor_put(x->core->node.store, str_of(key), S("1"), err));
	}
	return RC_OK;
}

/* --- the thread --- */

static void *run(void *ctx)
{
	struct cases *x = ctx;
	bool reload = true, more = true;

	while (!atomic_load(&x->core->stopping)) {
		struct err err = { 0 };
		enum rc rc;

		reload |= atomic_exchange(&x->reload, false);
		rc = reload ? greet(x, &err) : RC_OK;
		reload &= rc != RC_OK;
		more = true;
		while (rc == RC_OK && more && !atomic_load(&x->core->stopping))
			rc = follow_chain(x, &more, &err);
		if (rc != RC_OK && !atomic_load(&x->core->stopping))
			log_line(LOG_LEVEL_ERROR, "case", "what is stated here waits: %s", err.text);
		if (rc == RC_OK)
			(void)bell_wait(&x->bell, LOOK_EACH);
		else
			(void)bell_sleep(&x->bell, AGAIN_AFTER);
	}
	return NULL;
}

void cases_wake(struct core *c)
{
	if (c->cases != NULL)
		bell_ring(&c->cases->bell);
}

void cases_reload(struct core *c)
{
	if (c->cases == NULL)
		return;
	atomic_store(&c->cases->reload, true);
	bell_ring(&c->cases->bell);
}

static enum rc read_cursor(struct cases *x, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	rc = cursor_get(x->core->node.store, CURSOR, a, &text, err);
	if (rc == RC_NOTFOUND)
		return RC_OK;
	if (rc == RC_OK && !str_to_u64(text, &x->at))
		return FAIL(err, RC_CORRUPT, "case: cursor '%.*s'", STR(text));
	x->urgent_at = x->at;
	return rc;
}

enum rc cases_start(struct core *c, struct err *err)
{
	struct cases *x = mem_alloc(sizeof *x);
	enum rc rc;

	if (x == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	*x = (struct cases){ .core = c, .told = map_new(TOLD_MAX), .began = time_now() };
	pthread_mutex_init(&x->lock, NULL);
	pthread_mutex_init(&x->making, NULL);
	bell_init(&x->bell);
	rc = x->told == NULL ? FAIL(err, RC_NOMEM, "case: out of memory") : read_cursor(x, err);
	c->cases = x;
	if (rc == RC_OK && pthread_create(&x->thread, NULL, run, x) != 0)
		rc = FAIL(err, RC_IO, "case: cannot start a thread");
	if (rc != RC_OK) {
		c->cases = NULL;
		map_free(x->told);
		mem_free(x);
	}
	return rc;
}

void cases_stop(struct core *c)
{
	struct cases *x = c->cases;

	if (x == NULL)
		return;
	bell_stop(&x->bell);
	pthread_join(x->thread, NULL);
	c->cases = NULL;
	bell_done(&x->bell);
	pthread_mutex_destroy(&x->making);
	pthread_mutex_destroy(&x->lock);
	map_free(x->told);
	map_free(x->opened);
	mem_free(x);
}
