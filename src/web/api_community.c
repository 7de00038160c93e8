/* A community over REST: founding, joining or collecting for one, admitting members, what they have in common, and opening a
 * name by two roles. Secret keys never leave the node by any of these. */
#include "web/api.h"

#include "base/text.h"
#include "store/keyed.h"
#include "web/community.h"

#define MATCHES_SHOWN 1000

static const char SET_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"community\",\"as\"],\"properties\":{\"community\":{\"type\":\"string\"},\"as\":{\"enum\":[\"founder\","
	"\"member\",\"collector\"]},\"founder\":{\"type\":\"string\"},\"openers\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";
static const char OPEN_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"role\",\"half\"],\"properties\":{\"role\":{\"type\":\"integer\"},\"half\":{\"type\":\"string\"}}}";
static const char NO_REQUEST[] = "{\"type\":\"object\"}";
static const struct api_param MEMBER_PARAMS[] = { { "member", "string", "only this one" }, { NULL, NULL, NULL } };
static const char ANY_SCHEMA[] = "{\"type\":\"object\"}";

/* --- the node's own part --- */

static const char *part_of(const struct community_state *s)
{
	return s->name[0] == '\0' ? "none" : s->collector ? "collector" : community_is_founder(s) ? "founder" : "member";
}

static enum rc load(struct api_call *c, struct community_state **ret, struct err *err)
{
	return community_load(c->api->dir, c->req->arena, ret, err);
}

static enum rc put_state(struct api_call *c, struct err *err)
{
	struct community_state *s;
	char own[PSEUDONYM_LEN + 1];

	TRY(load(c, &s, err));
	jsonw_object(&c->out);
	jsonw_m_cstr(&c->out, "community", s->name);
	jsonw_m_cstr(&c->out, "as", part_of(s));
	if (s->name[0] != '\0' && !s->collector) {
		jsonw_m_str(&c->out, "pseudonym", community_pseudonym(s->self.pub, own));
		jsonw_m_cstr(&c->out, "founder", s->founder);
		jsonw_m_int(&c->out, "generation", s->key.generation);
		jsonw_m_int(&c->out, "epoch", s->key.epoch);
		jsonw_name(&c->out, "admitted");
		jsonw_array(&c->out);
		for (size_t i = 0; i < s->n_admitted; i++)
			jsonw_str(&c->out, community_pseudonym(s->admitted[i].pub, own));
		jsonw_array_end(&c->out);
	}
	jsonw_object_end(&c->out);
	secret_wipe(s, sizeof *s);
	return RC_OK;
}

static enum rc community_get(struct api_call *c, struct err *err)
{
	return put_state(c, err);
}

struct setting {
	struct str name, as, founder;
	unsigned char roles[COMMUNITY_ROLES][SIGN_PUBLIC_LEN];
};

static enum rc set_state(struct community_state *s, void *ctx, bool *ret_changed, struct err *err)
{
	const struct setting *x = ctx;

	if (s->name[0] != '\0')
		return FAIL(err, RC_CONFLICT, "this node is in the community '%s' already", s->name);
	snprintf(s->name, sizeof s->name, "%.*s", STR(x->name));
	s->collector = str_eq(x->as, S("collector"));
	memcpy(s->roles, x->roles, sizeof s->roles);
	if (!s->collector)
		sign_keypair(s->self.pub, s->self.sec);
	if (str_eq(x->as, S("founder"))) {
		community_pseudonym(s->self.pub, s->founder);
		keyed_draw(&s->key, 1, time_now());
	} else {
		snprintf(s->founder, sizeof s->founder, "%.*s", STR(x->founder));
	}
	*ret_changed = true;
	return RC_OK;
}

static enum rc read_openers(struct api_call *c, struct setting *x, struct err *err)
{
	const struct json *list = json_get(c->body, S("openers"));
	size_t n = 0;

	if (list == NULL || list->type != JSON_ARRAY || list->n != COMMUNITY_ROLES)
		return FAIL(err, RC_BAD, "/openers: expected the public keys of %d roles", COMMUNITY_ROLES);
	JSON_EACH(one, list) {
		struct buf b;
		bool good;

		buf_init(&b, 64);
		good = hex_get(&b, json_str(one)) && b.n == SIGN_PUBLIC_LEN;
		if (good)
			memcpy(x->roles[n++], b.p, SIGN_PUBLIC_LEN);
		buf_done(&b);
		if (!good)
			return FAIL(err, RC_BAD, "/openers: expected %d hexadecimal digits", 2 * SIGN_PUBLIC_LEN);
	}
	return memcmp(x->roles[0], x->roles[1], SIGN_PUBLIC_LEN) != 0 ? RC_OK : FAIL(err, RC_BAD, "/openers: two roles have two keys");
}

static enum rc read_setting(struct api_call *c, struct setting *x, struct err *err)
{
	bool member;

	TRY(api_text(c, "community", true, &x->name, err));
	TRY(api_name(x->name, "/community", err));
	TRY(api_text(c, "as", true, &x->as, err));
	TRY(api_text(c, "founder", false, &x->founder, err));
	member = str_eq(x->as, S("member"));
	if (!member && !str_eq(x->as, S("founder")) && !str_eq(x->as, S("collector")))
		return FAIL(err, RC_BAD, "/as: expected founder, member or collector");
	if (member && x->founder.n != PSEUDONYM_LEN)
		return FAIL(err, RC_BAD, "/founder: expected the founder's pseudonym, %d hexadecimal digits", PSEUDONYM_LEN);
	return str_eq(x->as, S("collector")) ? RC_OK : read_openers(c, x, err);
}

static enum rc community_post(struct api_call *c, struct err *err)
{
	struct setting x = { .name = S("") };

	TRY(read_setting(c, &x, err));
	TRY(community_change(c->api->dir, set_state, &x, err));
	TRY(api_fact(c, "community.set", x.name, S("{}"), err));
	if (c->api->desk_changed != NULL)
		c->api->desk_changed(c->api->ctx);
	c->res->status = 201;
	return put_state(c, err);
}

/* --- members --- */

static enum rc put_name(struct api_call *c, const struct keyed_member *m, struct err *err)
{
	struct str half[COMMUNITY_ROLES], name;
	struct buf b;
	bool good = true;

	if (m->opened[0].n == 0 || m->opened[1].n == 0)
		return RC_OK;
	for (size_t i = 0; i < COMMUNITY_ROLES; i++) {
		buf_init(&b, 4096);
		good = good && base64_get(&b, m->opened[i]);
		half[i] = arena_dup(c->req->arena, buf_view(&b));
		buf_done(&b);
	}
	if (!good)
		return RC_OK;
	TRY(community_name_join(c->req->arena, half, &name, err));
	jsonw_m_str(&c->out, "name", name);
	return RC_OK;
}

static enum rc put_member(struct api_call *c, const struct keyed_member *m, struct err *err)
{
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "member", m->member);
	jsonw_m_str(&c->out, "community", m->community);
	jsonw_m_time(&c->out, "seen", m->seen);
	jsonw_name(&c->out, "sealed");
	jsonw_array(&c->out);
	jsonw_str(&c->out, m->half[0]);
	jsonw_str(&c->out, m->half[1]);
	jsonw_array_end(&c->out);
	jsonw_m_int(&c->out, "opened_by_roles", (m->opened[0].n > 0) + (m->opened[1].n > 0));
	TRY(put_name(c, m, err));
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc members_get(struct api_call *c, struct err *err)
{
	struct keyed_member one, *list = &one;
	struct str only = api_query(c, "member");
	size_t n = 1;

	if (only.p != NULL)
		TRY(keyed_member_get(c->api->store, only, c->req->arena, &one, err));
	else
		TRY(keyed_member_list(c->api->store, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "members");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++)
		TRY(put_member(c, &list[i], err));
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

struct admission {
	unsigned char pub[SIGN_PUBLIC_LEN];
	bool out;
};

/* Who goes takes the key along, so those who stay get another. */
static void expel(struct community_state *s, size_t at)
{
	memmove(&s->admitted[at], &s->admitted[at + 1], (s->n_admitted - at - 1) * sizeof s->admitted[0]);
	s->n_admitted--;
	keyed_draw(&s->key, s->key.generation + 1, time_now());
}

static enum rc admit(struct community_state *s, void *ctx, bool *ret_changed, struct err *err)
{
	const struct admission *x = ctx;
	size_t i = 0;

	if (!community_is_founder(s))
		return FAIL(err, RC_DENIED, "only the founder admits and expels");
	while (i < s->n_admitted && memcmp(s->admitted[i].pub, x->pub, sizeof x->pub) != 0)
		i++;
	*ret_changed = x->out ? i < s->n_admitted : i == s->n_admitted;
	if (!*ret_changed)
		return RC_OK;
	if (x->out) {
		expel(s, i);
		return RC_OK;
	}
	if (i == COMMUNITY_ADMITTED_MAX)
		return FAIL(err, RC_LIMIT, "community: more than %d members", COMMUNITY_ADMITTED_MAX);
	s->admitted[s->n_admitted++] = (struct community_admitted){ .granted = 0 };
	memcpy(s->admitted[i].pub, x->pub, sizeof x->pub);
	return RC_OK;
}

static enum rc change_member(struct api_call *c, bool out, struct err *err)
{
	struct admission x = { .out = out };
	struct keyed_member m;
	struct buf b;
	bool good;

	TRY(keyed_member_get(c->api->store, c->params[0], c->req->arena, &m, err));
	buf_init(&b, 64);
	good = hex_get(&b, m.key) && b.n == sizeof x.pub;
	if (good)
		memcpy(x.pub, b.p, sizeof x.pub);
	buf_done(&b);
	if (!good)
		return FAIL(err, RC_CORRUPT, "member: no key");
	TRY(community_change(c->api->dir, admit, &x, err));
	TRY(api_fact(c, out ? "community.expel" : "community.admit", m.member, S("{}"), err));
	if (c->api->desk_changed != NULL)
		c->api->desk_changed(c->api->ctx);
	return put_state(c, err);
}

static enum rc admit_post(struct api_call *c, struct err *err)
{
	return change_member(c, false, err);
}

static enum rc expel_post(struct api_call *c, struct err *err)
{
	return change_member(c, true, err);
}

/* A half that a role opened with a key of its own, somewhere else. Two people, or it is no rule of two. */
static enum rc open_post(struct api_call *c, struct err *err)
{
	struct keyed_member m;
	struct str half;
	int64_t role;

	TRY(keyed_member_get(c->api->store, c->params[0], c->req->arena, &m, err));
	if (!json_int(json_get(c->body, S("role")), &role) || role < 1 || role > COMMUNITY_ROLES)
		return FAIL(err, RC_BAD, "/role: expected 1 to %d", COMMUNITY_ROLES);
	TRY(api_text(c, "half", true, &half, err));
	TRY(keyed_member_open(c->api->store, m.member, (int)role - 1, half, api_actor(c), err));
	TRY(keyed_member_get(c->api->store, c->params[0], c->req->arena, &m, err));
	return put_member(c, &m, err);
}

/* --- what others have too --- */

static enum rc matches_get(struct api_call *c, struct err *err)
{
	struct keyed_match *list;
	size_t n;

	TRY(keyed_matches(c->api->store, MATCHES_SHOWN, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "matches");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "object", list[i].object);
		jsonw_m_int(&c->out, "others", list[i].others);
		jsonw_m_str(&c->out, "with", list[i].with);
		jsonw_m_int(&c->out, "epoch", list[i].epoch);
		jsonw_m_time(&c->out, "at", list[i].at);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

const struct api_route API_ROUTES_COMMUNITY[] = {
	{ "GET", "/community", API_ANALYST, community_get, "This node's part in its community", NULL, NULL, ANY_SCHEMA },
	{ "POST", "/community", API_ADMIN, community_post, "Found a community, join one, or collect for one", NULL, SET_REQUEST, ANY_SCHEMA },
	{ "GET", "/community/members", API_ANALYST, members_get, "Members by pseudonym, with their names when two roles have opened them", MEMBER_PARAMS, NULL,
	  ANY_SCHEMA },
	{ "POST", "/community/members/{member}/admit", API_ADMIN, admit_post, "Admit a member (the founder)", NULL, NO_REQUEST, ANY_SCHEMA },
	{ "POST", "/community/members/{member}/expel", API_ADMIN, expel_post, "Expel a member: the others get another key", NULL, NO_REQUEST, ANY_SCHEMA },
	{ "POST", "/community/members/{member}/open", API_ANALYST, open_post, "Hand in the half of a name that a role has opened", NULL, OPEN_REQUEST, ANY_SCHEMA },
	{ "GET", "/community/matches", API_ANALYST, matches_get, "Objects of ours whose values others in the community have too", NULL, NULL, ANY_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
