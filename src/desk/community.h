/* Messages of a community: which values its members have in common, and who they are, without telling whoever carries or collects them.
 *
 * A member is a key made for this community alone; its pseudonym is that key's digest. Everything a member says is signed with it, as the
 * very bytes of `message`, so that the nodes in between can carry it and neither change nor invent it. The one who founded the
 * community admits members by pseudonym (compared out of band, since whoever relays could put a key of its own in between) and
 * seals the community's key for each.
 *
 *   card     a member shows its key, and its name sealed in two halves for two roles
 *   key      the founder to one member: the community's key of a generation, sealed
 *   handles  a member to the collector: keyed digests of its values; those of AMBER+STRICT are only counted
 *   match    the collector to one member: so many others hold this value too; their pseudonyms
 *
 * Hostile here: all bytes of a message. */
#ifndef DESK_COMMUNITY_H
#define DESK_COMMUNITY_H

#include "base/arena.h"
#include "base/json.h"
#include "desk/keyed.h"

#define COMMUNITY_TYPE "x-lianfang-community"
#define COMMUNITY_NAME_MAX 64
#define COMMUNITY_ROLES 2          /* that open an identity together */
#define COMMUNITY_HALF_MAX 512     /* bytes of a name */
#define COMMUNITY_HANDLES_MAX 2000 /* in one message */
#define COMMUNITY_WITH_MAX 100     /* pseudonyms in one match; more are counted */
#define PSEUDONYM_LEN 32

struct community_self {
	unsigned char pub[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN];
};

/* 32 hexadecimal digits of the key's digest. */
struct str community_pseudonym(const unsigned char pub[static SIGN_PUBLIC_LEN], char out[static PSEUDONYM_LEN + 1]);

enum community_kind { COMMUNITY_CARD, COMMUNITY_KEY, COMMUNITY_HANDLES, COMMUNITY_MATCH, COMMUNITY_KINDS };

/* What a message says; only the members of its kind are set. Texts and lists are borrowed from the parsed object or its arena. */
struct community_message {
	enum community_kind kind;
	struct str community;
	unsigned char by[SIGN_PUBLIC_LEN];  /* who signed it; zeros in a match, which comes from the collector */
	struct str to;                      /* key, match: a pseudonym */
	struct str half[COMMUNITY_ROLES];   /* card: sealed halves of the name */
	int64_t generation, epoch;          /* key, handles, match */
	struct str box;                     /* key: sealed */
	const unsigned char *handles;       /* n times KEYED_HANDLE_LEN; the first n_told may be told to others; a match has one */
	size_t n_handles, n_told;
	uint64_t others;                    /* match */
	struct str with[COMMUNITY_WITH_MAX];/* match: pseudonyms */
	size_t n_with;
};

/* The STIX object around it, marked TLP:GREEN, in `a`. `self` NULL: unsigned, for a match. `id`: a STIX id, the message's own. */
enum rc community_write(struct arena *a, const struct community_message *m, const struct community_self *self, struct str id, usec now, struct str *ret,
			struct err *err) MUSTUSE;
/* RC_BAD: no such message, or its signature does not fit. What is in `a` lives as long. */
enum rc community_read(struct arena *a, const struct json *object, struct community_message *ret, struct err *err) MUSTUSE;

/* The community's key for one member. False: no memory, or no key. */
bool community_key_seal(const struct keyed_key *k, const unsigned char pub[static SIGN_PUBLIC_LEN], struct buf *out);
bool community_key_open(const struct community_self *self, struct str box, struct keyed_key *ret);

/* A name in two halves, each by itself random bytes, sealed for the two roles. RC_BAD: too long, or no key. */
enum rc community_name_seal(struct arena *a, struct str name, const unsigned char roles[COMMUNITY_ROLES][SIGN_PUBLIC_LEN],
			    struct str ret[COMMUNITY_ROLES], struct err *err) MUSTUSE;
/* Both opened halves together; RC_BAD: they are not of one name. */
enum rc community_name_join(struct arena *a, const struct str half[COMMUNITY_ROLES], struct str *ret, struct err *err) MUSTUSE;

#endif
