/* Each side links all of its collections in the direction that it can reach: who has the other's address pulls from the
 * other's `out` and pushes to its `in`. When both have one, what comes the second way is known and changes nothing. */
#include "fed/share.h"

#include "base/uuid.h"
#include "gate/own.h"
#include "stix/marking.h"
#include "store/peers.h"

#define MEMORY ((size_t)1 << 20)

static enum rc make_root(struct store *s, struct arena *a, struct err *err)
{
	struct api_root root = { .name = S(OWN_ROOT), .title = S("Desk"), .description = S("What the desks of two nodes tell each other"),
				 .max_content_length = 16 << 20, .page_size = 1000 };
	struct api_root there;
	enum rc rc = root_get(s, root.name, a, &there, err);

	return rc == RC_NOTFOUND ? root_put(s, &root, err) : rc;
}

static const char *const LANES[SHARE_LANES] = { "", "urgent-" };

struct str share_out(enum share_lane lane, struct str peer, struct arena *a)
{
	return arena_fmt(a, "%sout-%.*s", LANES[lane], STR(peer));
}

struct str share_in(enum share_lane lane, struct str peer, struct arena *a)
{
	return arena_fmt(a, "%sin-%.*s", LANES[lane], STR(peer));
}

static enum rc make_collection(struct store *s, struct arena *a, struct str alias, struct str title, uint32_t *ret, struct err *err)
{
	char id[UUID_TEXT_LEN + 1];
	struct collection k;
	struct uuid u;
	enum rc rc;

	if (alias.p == NULL || title.p == NULL)
		return FAIL(err, RC_NOMEM, "peer: out of memory");
	rc = collection_get(s, S(OWN_ROOT), alias, a, &k, err);
	if (rc == RC_NOTFOUND) {
		uuid_v4(&u);
		k = (struct collection){ .root = S(OWN_ROOT), .id = uuid_format(&u, id), .alias = alias, .title = title,
					 .description = S(""), .media_types = S(""), .tlp_max = TLP_RED };
		rc = collection_put(s, &k, err);
	}
	*ret = k.row;
	return rc;
}

static enum rc make_link(struct store *s, struct arena *a, struct str peer, uint8_t direction, uint32_t collection, struct str theirs,
			 struct err *err)
{
	struct link l = { .peer = peer, .direction = direction, .collection = collection, .their_root = S(OWN_ROOT),
			  .their_collection = theirs, .tlp_max = TLP_RED };
	struct link *list;
	size_t n;

	TRY(link_list(s, peer, a, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		if (list[i].direction == direction && list[i].collection == collection)
			return RC_OK;
	return link_put(s, &l, err);
}

static enum rc make_lane(struct store *s, struct arena *a, enum share_lane lane, struct str peer, struct share *ret, struct err *err)
{
	const char *urgent = lane == SHARE_URGENT ? ", urgent" : "";

	TRY(make_collection(s, a, share_in(lane, peer, a), arena_fmt(a, "From %.*s%s", STR(peer), urgent), &ret->in, err));
	TRY(make_collection(s, a, share_out(lane, peer, a), arena_fmt(a, "To %.*s%s", STR(peer), urgent), &ret->out, err));
	TRY(make_link(s, a, peer, LINK_PULL, ret->in, arena_fmt(a, "%sout", LANES[lane]), err));
	return make_link(s, a, peer, LINK_PUSH, ret->out, arena_fmt(a, "%sin", LANES[lane]), err);
}

enum rc share_with(struct store *s, struct str peer, struct share ret[static SHARE_LANES], struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "peer: out of memory");
	TRY(make_root(s, a, err));
	for (enum share_lane lane = SHARE_PLAIN; lane < SHARE_LANES; lane++)
		TRY(make_lane(s, a, lane, peer, &ret[lane], err));
	return RC_OK;
}

enum rc share_end(struct store *s, struct str peer, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "peer: out of memory");
	for (enum share_lane lane = SHARE_PLAIN; lane < SHARE_LANES; lane++)
		for (int i = 0; i < 2; i++) {
			enum rc rc = collection_delete(s, S(OWN_ROOT), i == 0 ? share_in(lane, peer, a) : share_out(lane, peer, a), err);

			if (rc != RC_OK && rc != RC_NOTFOUND)
				return rc;
		}
	return RC_OK;
}
