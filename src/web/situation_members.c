/* A member is an identity that facts, sightings or tickets name, or an organisation of the register that nobody has named yet. When
 * both turn out to be one - by the peer that the organisation says is its node, or by its name - the identity stands for both,
 * so that a sector's members are counted once. */
#include "web/situation_members.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/cases.h"
#include "store/peers.h"
#include "store/registers.h"

#define ORGANISATIONS_MAX 100000
#define NAMED_MAX PICTURE_MEMBERS_MAX
#define MEMORY ((size_t)256 << 20)
#define NONE UINT32_MAX

struct organisation {
	struct str id, alias, name, name_en, sector, region, tier, peer;
	bool taken;              /* a named member stands for it */
};

struct named {
	struct str identity, peer;
	uint32_t member;         /* index in the picture */
	bool linked;             /* it is that peer */
	uint32_t same;           /* a peer that said who it is: the named one that stands for it; or NONE */
};

struct roll {
	const struct api *api;
	struct picture *picture;
	struct arena *memory;    /* of identities and peers' names: kept */
	struct arena *of_register;
	struct organisation *orgs;
	size_t n_orgs;
	struct map *by_peer, *by_name;    /* into orgs */
	struct named *named;
	size_t n, cap;
	struct map *known;       /* "identity\npeer": into named */
	struct map *heard;       /* peer: when */
	struct map *name_of;     /* identity: word of the picture, as tickets name their victims */
};

enum rc roll_new(const struct api *api, struct picture *p, struct roll **ret, struct err *err)
{
	struct roll *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	*r = (struct roll){ .api = api, .picture = p, .memory = arena_new(MEMORY), .of_register = arena_new(MEMORY), .known = map_new(NAMED_MAX), .heard = map_new(NAMED_MAX),
			    .name_of = map_new(NAMED_MAX) };
	if (r->memory == NULL || r->of_register == NULL || r->known == NULL || r->heard == NULL ||
	    r->name_of == NULL) {
		roll_free(r);
		return FAIL(err, RC_NOMEM, "members: out of memory");
	}
	*ret = r;
	return RC_OK;
}

void roll_free(struct roll *r)
{
	if (r == NULL)
		return;
	arena_free(r->memory);
	arena_free(r->of_register);
	map_free(r->by_peer);
	map_free(r->by_name);
	map_free(r->known);
	map_free(r->heard);
	map_free(r->name_of);
	mem_free(r->named);
	mem_free(r);
}

/* --- the register --- */

static struct str dup_of(struct roll *r, const struct json *body, const char *name)
{
	return arena_dup(r->of_register, json_get_str(body, str_of(name)));
}

static enum rc take_org(struct roll *r, const struct register_entry *e, struct organisation *o, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	const struct json *body;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	TRY(json_parse(a, e->body, &JSON_LIMITS, &body, err));
	*o = (struct organisation){ .id = arena_dup(r->of_register, e->id), .alias = arena_dup(r->of_register, e->alias), .name = arena_dup(r->of_register, e->name),
				    .name_en = dup_of(r, body, "name_en"), .sector = arena_dup(r->of_register, e->sector),
				    .region = arena_dup(r->of_register, e->region), .tier = arena_dup(r->of_register, e->tier), .peer = dup_of(r, body, "peer") };
	if (map_put(r->by_name, o->name, r->n_orgs) != RC_OK || (o->name_en.n > 0 && map_put(r->by_name, o->name_en, r->n_orgs) != RC_OK) ||
	    (o->peer.n > 0 && map_put(r->by_peer, o->peer, r->n_orgs) != RC_OK))
		return FAIL(err, RC_NOMEM, "members: out of memory");
	r->n_orgs++;
	return RC_OK;
}

static enum rc read_page(struct roll *r, struct str after, struct arena *a, struct str *ret_last, size_t *ret_n, struct err *err)
{
	struct register_query q = { .kind = REGISTER_ORGANISATION, .owner = S(""), .sector = S(""), .level = S(""), .tier = S(""), .region = S(""), .after = after,
				    .limit = 1000 };
	struct register_entry *list;

	TRY(register_list(r->api->store, &q, a, &list, ret_n, err));
	for (size_t i = 0; i < *ret_n && r->n_orgs < ORGANISATIONS_MAX; i++)
		TRY(take_org(r, &list[i], &r->orgs[r->n_orgs], err));
	*ret_last = *ret_n > 0 ? arena_dup(r->of_register, list[*ret_n - 1].id) : S("");
	return RC_OK;
}

static enum rc read_register(struct roll *r, struct err *err)
{
	struct str after = S("");
	size_t n;

	arena_reset(r->of_register);
	map_free(r->by_name);
	map_free(r->by_peer);
	r->by_name = map_new((size_t)ORGANISATIONS_MAX * 2);
	r->by_peer = map_new(ORGANISATIONS_MAX);
	r->n_orgs = 0;
	r->orgs = arena_array(r->of_register, ORGANISATIONS_MAX, sizeof *r->orgs);
	if (r->by_name == NULL || r->by_peer == NULL || r->orgs == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	do {
		struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);

		if (a == NULL)
			return FAIL(err, RC_NOMEM, "members: out of memory");
		TRY(read_page(r, after, a, &after, &n, err));
	} while (n == 1000 && r->n_orgs < ORGANISATIONS_MAX);
	return RC_OK;
}

static struct organisation *org_in(struct roll *r, const struct map *m, struct str key)
{
	uint64_t at;

	return m != NULL && key.n > 0 && map_get(m, key, &at) ? &r->orgs[at] : NULL;
}

static struct organisation *own_org(struct roll *r)
{
	for (size_t i = 0; r->api->oid != NULL && r->api->oid[0] != '\0' && i < r->n_orgs; i++)
		if (str_eq(r->orgs[i].alias, str_of(r->api->oid)))
			return &r->orgs[i];
	return org_in(r, r->by_name, str_of(r->api->node_name));
}

/* --- members --- */

/* What the picture is told of one. */
struct telling { struct str key, name, sector, region, tier; bool listed, linked, hidden; struct str peer; };

static enum rc tell(struct roll *r, const struct telling *t, uint32_t *ret, struct err *err)
{
	const struct { struct str text; size_t at; } texts[] = {
		{ t->key, offsetof(struct picture_member, key) }, { t->name, offsetof(struct picture_member, name) }, { t->sector, offsetof(struct picture_member, sector) },
		{ t->region, offsetof(struct picture_member, region) }, { t->tier, offsetof(struct picture_member, tier) },
	};
	struct picture_member m = { .listed = t->listed, .linked = t->linked, .hidden = t->hidden, .heard = PICTURE_NEVER };
	uint64_t heard;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < COUNTOF(texts); i++)
		rc = picture_word(r->picture, texts[i].text, (uint32_t *)(void *)((char *)&m + texts[i].at));
	if (t->linked && map_get(r->heard, t->peer, &heard))
		m.heard = (usec)heard;
	if (rc == RC_OK)
		rc = picture_put_member(r->picture, &m, ret);
	return rc == RC_OK ? RC_OK : FAIL(err, rc, "members: too many");
}

static enum rc put_org(struct roll *r, const struct organisation *o, struct err *err)
{
	char key[96];
	struct telling t = { .name = o->name, .sector = o->sector, .region = o->region, .tier = o->tier, .listed = !o->taken, .hidden = o->taken, .peer = o->peer };
	uint32_t member;

	snprintf(key, sizeof key, "org:%.*s", (int)(o->id.n > 64 ? 64 : o->id.n), o->id.p);
	t.key = str_of(key);
	return tell(r, &t, &member, err);
}

/* What is known of an identity that came by a peer. */
static enum rc describe(struct roll *r, const struct named *n, struct arena *a, struct telling *t, struct err *err)
{
	struct organisation *via = org_in(r, r->by_peer, n->peer), *org;
	struct case_author author = { .name = S(""), .tier = S("") };
	bool known = false, direct = n->identity.n == 0, own = n->identity.n == 0 && n->peer.n == 0;
	enum rc rc = RC_NOTFOUND;
	uint64_t hint;

	if (n->identity.n > 0)
		rc = case_author_get(r->api->store, n->identity, a, &author, err);
	else if (n->peer.n > 0)
		rc = case_author_of(r->api->store, n->peer, a, &author, err);
	if (rc != RC_OK && rc != RC_NOTFOUND && rc != RC_BAD)
		return rc;
	if (author.name.n == 0 && map_get(r->name_of, n->identity, &hint))
		author.name = picture_text(r->picture, (uint32_t)hint);
	if (n->identity.n > 0 && n->peer.n > 0 && case_author_via(r->api->store, n->identity, n->peer, &known, &direct, NULL) != RC_OK)
		direct = false;
	org = own ? own_org(r) : direct && via != NULL ? via : org_in(r, r->by_name, author.name);
	if (org != NULL && !org->taken) {
		org->taken = true;
		TRY(put_org(r, org, err));
	}
	*t = (struct telling){ .key = own ? str_of(r->api->identity) : n->identity.n > 0 ? n->identity : arena_fmt(a, "peer:%.*s", STR(n->peer)),
			       .name = org != NULL ? org->name : author.name.n > 0 ? author.name : own ? str_of(r->api->node_name) : n->identity.n > 0 ? n->identity : n->peer,
			       .sector = org != NULL && org->sector.n > 0 ? org->sector : via != NULL ? via->sector : S(""),
			       .region = org != NULL && org->region.n > 0 ? org->region : via != NULL && org == NULL ? via->region : S(""),
			       .tier = org != NULL && org->tier.n > 0 ? org->tier : own ? str_of(r->api->tier) : author.tier,
			       .listed = org != NULL, .linked = direct && !own, .peer = n->peer };
	return RC_OK;
}

static enum rc put_named(struct roll *r, struct named *n, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct telling t;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	TRY(describe(r, n, a, &t, err));
	if (n->same != NONE) {
		t.hidden = true;
		t.linked = t.listed = false;
	}
	n->linked = t.linked;
	return tell(r, &t, &n->member, err);
}

static bool find_named(const struct roll *r, struct str identity, struct str peer, uint64_t *ret)
{
	char key[400];
	int n = snprintf(key, sizeof key, "%.*s\n%.*s", STR(identity), STR(peer));

	return n > 0 && (size_t)n < sizeof key && map_get(r->known, str_make(key, (size_t)n), ret);
}

/* A peer was known by its name alone and has said who it is since: it counts once. */
static enum rc join(struct roll *r, struct str identity, struct str peer, struct err *err)
{
	uint64_t unnamed, named;

	if (identity.n == 0 || !find_named(r, S(""), peer, &unnamed) || !find_named(r, identity, peer, &named) || r->named[unnamed].same == named)
		return RC_OK;
	r->named[unnamed].same = (uint32_t)named;
	return put_named(r, &r->named[unnamed], err);
}

enum rc roll_peer(struct roll *r, struct str peer, uint32_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct case_author who = { .id = S("") };

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	if (case_author_of(r->api->store, peer, a, &who, NULL) != RC_OK)
		who.id = S("");
	TRY(roll_member(r, who.id, peer, ret, err));
	return join(r, who.id, peer, err);
}

/* A peer that the register ties to an organisation is that organisation, also before it said a word. */
static enum rc note_peers(struct roll *r, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct peer *list;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	TRY(peer_list(r->api->store, a, &list, &n, err));
	for (size_t i = 0; i < n; i++) {
		uint32_t member;

		if (!str_eq(list[i].relation, S("child")) || list[i].disabled)
			continue;
		TRY(roll_heard(r, list[i].name, list[i].last_ok, err));
		TRY(roll_peer(r, list[i].name, &member, err));
	}
	return RC_OK;
}

enum rc roll_again(struct roll *r, struct err *err)
{
	TRY(read_register(r, err));
	TRY(note_peers(r, err));
	for (size_t i = 0; i < r->n; i++)
		TRY(put_named(r, &r->named[i], err));
	for (size_t i = 0; i < r->n_orgs; i++)
		TRY(put_org(r, &r->orgs[i], err));
	return RC_OK;
}

static enum rc add_named(struct roll *r, struct str identity, struct str peer, struct str key, struct err *err)
{
	struct named *n;

	if (r->n == NAMED_MAX)
		return FAIL(err, RC_LIMIT, "members: more than %d", NAMED_MAX);
	if (r->n == r->cap) {
		size_t more = r->cap == 0 ? 64 : r->cap * 2;
		void *p = mem_resize(r->named, more * sizeof *r->named);

		if (p == NULL)
			return FAIL(err, RC_NOMEM, "members: out of memory");
		r->named = p;
		r->cap = more;
	}
	n = &r->named[r->n];
	*n = (struct named){ .identity = arena_dup(r->memory, identity), .peer = arena_dup(r->memory, peer), .same = NONE };
	if (n->identity.p == NULL || n->peer.p == NULL || map_put(r->known, key, r->n) != RC_OK)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	r->n++;
	return put_named(r, n, err);
}

enum rc roll_member(struct roll *r, struct str identity, struct str peer, uint32_t *ret, struct err *err)
{
	char key[400];
	uint64_t at;
	int n;

	if (str_eq(identity, str_of(r->api->identity)) || identity.n > 128 || peer.n > 128)
		identity = peer = S("");
	n = snprintf(key, sizeof key, "%.*s\n%.*s", STR(identity), STR(peer));
	if (!map_get(r->known, str_make(key, (size_t)n), &at)) {
		TRY(add_named(r, identity, peer, str_make(key, (size_t)n), err));
		at = r->n - 1;
	}
	*ret = r->named[r->named[at].same != NONE ? r->named[at].same : at].member;
	return RC_OK;
}

enum rc roll_name(struct roll *r, struct str identity, struct str name, struct err *err)
{
	uint32_t word;
	uint64_t had;
	enum rc rc;

	if (identity.n == 0 || identity.n > 128 || name.n == 0 || map_get(r->name_of, identity, &had))
		return RC_OK;
	rc = picture_word(r->picture, name, &word);
	if (rc == RC_OK)
		rc = map_put(r->name_of, identity, word);
	if (rc != RC_OK)
		return FAIL(err, rc, "members: out of memory");
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->named[i].identity, identity))
			TRY(put_named(r, &r->named[i], err));
	return RC_OK;
}

enum rc roll_listen(struct roll *r, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct peer *list;
	uint64_t at;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "members: out of memory");
	TRY(peer_list(r->api->store, a, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(roll_heard(r, list[i].name, list[i].last_ok, err));
	for (size_t i = 0; i < r->n; i++)
		if (r->named[i].linked && map_get(r->heard, r->named[i].peer, &at))
			picture_member_heard(r->picture, r->named[i].member, (usec)at);
	return RC_OK;
}

enum rc roll_heard(struct roll *r, struct str peer, usec at, struct err *err)
{
	uint64_t had;

	if (at <= 0 || (map_get(r->heard, peer, &had) && (usec)had >= at))
		return RC_OK;
	return map_put(r->heard, peer, (uint64_t)at) == RC_OK ? RC_OK : FAIL(err, RC_NOMEM, "members: out of memory");
}
