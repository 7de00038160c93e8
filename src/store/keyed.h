/* What a collector knows of a community: who holds which keyed digest, by pseudonym - never a value, a name or a key - and
 * at a member, which of its objects stand behind its own digests. */
#ifndef STORE_KEYED_H
#define STORE_KEYED_H

#include "store/store.h"

#define KEYED_DIGEST_LEN 32
#define KEYED_HOLDERS_MAX 10000

/* --- the collector --- */

struct keyed_member {
	struct str community, member; /* member: a pseudonym */
	struct str key;               /* hexadecimal, public */
	struct str half[2];           /* sealed halves of its name, base64 */
	struct str opened[2];         /* what the two roles opened, base64; or "" */
	usec seen;
};
/* A member shows itself, again or for the first time; what was opened stays. RC_LIMIT: too many members. */
enum rc keyed_member_put(struct store *s, const struct keyed_member *m, struct err *err) MUSTUSE;
/* RC_NOTFOUND. */
enum rc keyed_member_get(struct store *s, struct str member, struct arena *a, struct keyed_member *ret, struct err *err) MUSTUSE;
enum rc keyed_member_list(struct store *s, struct arena *a, struct keyed_member **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* A role opened its half: kept, and a fact of the chain ("community.open") in the same transaction; `actor` for it. */
enum rc keyed_member_open(struct store *s, struct str member, int role, struct str half, struct str actor, struct err *err) MUSTUSE;

/* Digests of one member. */
struct keyed_batch {
	struct str community, member;
	int64_t generation, epoch;
	const unsigned char *digests; /* n times KEYED_DIGEST_LEN */
	size_t n, n_told;             /* the first n_told may be told to others; the rest are counted */
	bool *fresh;                  /* n entries, set: it was not known of this member */
};
enum rc keyed_put(struct store *s, const struct keyed_batch *b, struct err *err) MUSTUSE;

struct keyed_holder {
	struct str member;
	bool told; /* false: this one may only be counted */
};
/* Who holds a digest, in the order of pseudonyms. RC_LIMIT: more than KEYED_HOLDERS_MAX, too common for anything. */
enum rc keyed_holders(struct store *s, struct str community, int64_t generation, int64_t epoch, const unsigned char digest[static KEYED_DIGEST_LEN],
		      struct arena *a, struct keyed_holder **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Forgets digests of weeks before `epoch`. */
enum rc keyed_forget(struct store *s, int64_t epoch, struct err *err) MUSTUSE;

/* --- a member --- */

/* objects[i] stands behind the i-th of n digests of ours, unless another does already. */
enum rc keyed_own_put(struct store *s, int64_t epoch, const unsigned char *digests, const struct str *objects, size_t n, struct err *err) MUSTUSE;

/* Somebody else holds it too: kept, and a fact of the chain ("community.match") when it is news. RC_NOTFOUND: it is none of ours. */
enum rc keyed_own_match(struct store *s, int64_t epoch, const unsigned char digest[static KEYED_DIGEST_LEN], uint64_t others, struct str with,
			bool *ret_fresh, struct err *err) MUSTUSE;

struct keyed_match {
	struct str object, with; /* with: pseudonyms with a blank between */
	int64_t epoch, others;
	usec at;
};
/* Newest first. */
enum rc keyed_matches(struct store *s, uint32_t limit, struct arena *a, struct keyed_match **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
