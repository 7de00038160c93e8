#include "web/api_whom.h"

#include "stix/marking.h"
#include "store/registers.h"

#define PAGE 1000
#define NAMED_MAX 5   /* organisations that an error names */

struct choice {
	struct api_call *c;
	uint8_t tlp;
	struct str *peers;
	size_t n, max, fitting, without;
	struct buf named;     /* the first of those without a node */
};

static enum rc read_choice(struct api_call *c, const struct json *whom, struct register_query *q, bool *ret_some, struct err *err)
{
	struct str parent = S("");
	const struct { const char *name; struct str *to; } texts[] = {
		{ "sector", &q->sector }, { "level", &q->level }, { "tier", &q->tier }, { "region", &q->region }, { "parent", &parent },
	};
	struct register_entry above;

	if (whom->type != JSON_OBJECT)
		return FAIL(err, RC_BAD, "/whom: expected an object");
	*ret_some = false;
	JSON_MEMBERS(name, value, whom) {
		size_t i = 0;

		while (i < COUNTOF(texts) && !str_eq(json_str(name), str_of(texts[i].name)))
			i++;
		if (i < COUNTOF(texts) && value->type == JSON_STRING)
			*texts[i].to = json_str(value);
		else if (!str_eq(json_str(name), S("some")) || !json_bool(value, ret_some))
			return FAIL(err, RC_BAD, "/whom/%.*s: expected texts of sector, level, tier, region, parent", STR(str_slice(json_str(name), 0, 60)));
	}
	if (parent.n > 0) {
		TRY(register_get(c->api->store, REGISTER_ORGANISATION, parent, c->req->arena, &above, err));
		q->owner = above.id;
	}
	return q->sector.n + q->level.n + q->tier.n + q->region.n + q->owner.n > 0 ? RC_OK : FAIL(err, RC_BAD, "/whom: whom? (sector, level, tier, region, parent)");
}

static enum rc take(struct choice *x, const struct register_entry *e, struct err *err)
{
	const struct json *body;
	struct str peer, ceiling;
	enum tlp most;

	TRY(json_parse(x->c->req->arena, e->body, &JSON_LIMITS, &body, err));
	peer = json_get_str(body, S("peer"));
	ceiling = json_get_str(body, S("tlp"));
	x->fitting++;
	if (peer.n == 0) {
		if (x->without++ < NAMED_MAX)
			buf_fmt(&x->named, "%s%.*s", x->named.n > 0 ? ", " : "", STR(e->id));
		return RC_OK;
	}
	if (ceiling.n > 0 && tlp_parse(ceiling, &most) && x->tlp > most)
		return FAIL(err, RC_DENIED, "/whom: %.*s may have %s at most, this is %s", STR(e->id), tlp_name(most), tlp_name((enum tlp)x->tlp));
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->peers[i], peer))
			return RC_OK;
	if (x->n == x->max)
		return FAIL(err, RC_LIMIT, "/whom: more than %zu nodes", x->max);
	x->peers[x->n++] = peer;
	return RC_OK;
}

static enum rc take_all(struct choice *x, struct register_query *q, struct err *err)
{
	struct register_entry *list;
	size_t n;

	do {
		TRY(register_list(x->c->api->store, q, x->c->req->arena, &list, &n, err));
		for (size_t i = 0; i < n; i++)
			TRY(take(x, &list[i], err));
		q->after = n > 0 ? list[n - 1].id : q->after;
	} while (n == PAGE);
	return RC_OK;
}

enum rc api_whom(struct api_call *c, const struct json *whom, uint8_t tlp, size_t max, struct str **ret, size_t *ret_n, struct err *err)
{
	struct register_query q = { .kind = REGISTER_ORGANISATION, .limit = PAGE };
	struct choice x = { .c = c, .tlp = tlp, .max = max };
	bool some;
	enum rc rc;

	*ret = NULL;
	*ret_n = 0;
	if (whom == NULL || whom->type == JSON_NULL)
		return RC_OK;
	TRY(read_choice(c, whom, &q, &some, err));
	x.peers = arena_array(c->req->arena, max + 1, sizeof *x.peers);
	if (x.peers == NULL)
		return FAIL(err, RC_NOMEM, "whom: out of memory");
	buf_init(&x.named, 1024);
	rc = take_all(&x, &q, err);
	if (rc == RC_OK && x.fitting == 0)
		rc = FAIL(err, RC_BAD, "/whom: no organisation of the register fits");
	else if (rc == RC_OK && x.n == 0)
		rc = FAIL(err, RC_BAD, "/whom: none of the %zu organisations has a node here (org set ID --peer PEER)", x.fitting);
	else if (rc == RC_OK && x.without > 0 && !some)
		rc = FAIL(err, RC_BAD, "/whom: %zu of %zu organisations have no node here (%.*s%s): \"some\" sends it to the others", x.without, x.fitting,
			  STR(buf_view(&x.named)), x.without > NAMED_MAX ? ", ..." : "");
	buf_done(&x.named);
	*ret = x.peers;
	*ret_n = x.n;
	return rc;
}
