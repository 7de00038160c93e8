/* Each side links both of its collections in the direction that it can reach: who has the other's address pulls from the
 * other's `out` and pushes to its `in`. When both have one, what comes the second way is known and changes nothing. */
#include "fed/share.h"

#include "base/uuid.h"
#include "gate/own.h"
#include "stix/marking.h"
#include "store/peers.h"

#define NAME_MAX_ 128
#define MEMORY ((size_t)1 << 20)

static enum rc make_root(struct store *s, struct arena *a, struct err *err)
{
	struct api_root root = { .name = S(OWN_ROOT), .title = S("Desk"), .description = S("What the desks of two nodes tell each other"),
				 .max_content_length = 16 << 20, .page_size = 1000 };
	struct api_root there;
	enum rc rc = root_get(s, root.name, a, &there, err);

	return rc == RC_NOTFOUND ? root_put(s, &root, err) : rc;
}

static enum rc make_collection(struct store *s, struct arena *a, const char *way, struct str peer, uint32_t *ret, struct err *err)
{
	char alias[NAME_MAX_], title[NAME_MAX_ + 40], id[UUID_TEXT_LEN + 1];
	struct collection k;
	struct uuid u;
	enum rc rc;

	snprintf(alias, sizeof alias, "%s-%.*s", way, STR(peer));
	rc = collection_get(s, S(OWN_ROOT), str_of(alias), a, &k, err);
	if (rc == RC_NOTFOUND) {
		uuid_v4(&u);
		snprintf(title, sizeof title, way[0] == 'i' ? "From %.*s" : "To %.*s", STR(peer));
		k = (struct collection){ .root = S(OWN_ROOT), .id = uuid_format(&u, id), .alias = str_of(alias), .title = str_of(title),
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

enum rc share_with(struct store *s, struct str peer, uint32_t *ret_in, uint32_t *ret_out, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "peer: out of memory");
	TRY(make_root(s, a, err));
	TRY(make_collection(s, a, "in", peer, ret_in, err));
	TRY(make_collection(s, a, "out", peer, ret_out, err));
	TRY(make_link(s, a, peer, LINK_PULL, *ret_in, S("out"), err));
	return make_link(s, a, peer, LINK_PUSH, *ret_out, S("in"), err);
}

enum rc share_end(struct store *s, struct str peer, struct err *err)
{
	char alias[NAME_MAX_];

	for (int i = 0; i < 2; i++) {
		enum rc rc;

		snprintf(alias, sizeof alias, "%s-%.*s", i == 0 ? "in" : "out", STR(peer));
		rc = collection_delete(s, S(OWN_ROOT), str_of(alias), err);
		if (rc != RC_OK && rc != RC_NOTFOUND)
			return rc;
	}
	return RC_OK;
}
