/* Inside the worker: one file under inspection, and all that a walker (table in walk.h) or a fact maker (make.h) may do to it. A
 * node is the submission or a child of another node; whatever is found in one is a child and is inspected in the same way, to
 * depth 64.
 *
 * The ledger. Every byte of every node is raw food for the rules. Beyond that a node that holds others is inspected only as far
 * as its walker understood it: each range of its bytes is *claimed* (structure, padding, or what a child was made of) or
 * *unseen*, with a reason. What a walker that succeeded neither claimed nor gave up becomes a child of its own ("gap"), so
 * that nothing hides between members. A single unseen byte makes the verdict `incomplete` instead of `no-finding`.
 *
 * All calls are cheap to get wrong safely: ranges beyond the node are cut, names may be any bytes, limits are kept here and
 * nowhere else. Nothing here allocates for long: a child's bytes live until lab_child_close returns. */
#ifndef LAB_NODE_H
#define LAB_NODE_H

#include "base/arena.h"
#include "base/hash.h"
#include "lab/type.h"

#define LAB_DEPTH_MAX 64
#define LAB_NAME_MAX 1024   /* bytes of a child's name that are kept */
#define LAB_VALUE_MAX 4096  /* bytes of a fact's value */
#define LAB_EXCERPT_MAX 64  /* bytes of the file beside a match */

struct lab_work; /* the submission as a whole: limits, budget, output */

/* Where a child comes from. */
struct lab_origin {
	struct str name;     /* as its container says, raw bytes; may be empty */
	const char *how;     /* "member", "stream", "attachment", "object", "macro", "overlay", ...: a word of ours */
	uint64_t at, length; /* which bytes of the parent it was made of: claimed when the child is opened. length 0: none (claimed otherwise) */
};

struct lab_node {
	struct lab_work *work;
	struct lab_node *parent;           /* NULL: the submission itself */
	struct str bytes;                  /* all of it */
	struct lab_origin from;
	uint32_t depth, number;            /* 0 = the submission; in the order in which they are met */
	uint64_t types;                    /* set of enum lab_type */
	unsigned char sha256[SHA256_LEN], sha1[SHA1_LEN], md5[MD5_LEN];
	struct arena *a;                   /* for this node's inspection; forgotten behind it */
	struct lab_ledger *ledger;
};

/* --- the ledger --- */

/* These bytes were understood: headers, tables, padding that was looked at. */
void lab_claim(struct lab_node *n, uint64_t at, uint64_t length);
/* These were not, and why, in English words for people without the position: "encrypted member secret.doc". length UINT64_MAX: to the end. */
void lab_unseen(struct lab_node *n, uint64_t at, uint64_t length, const char *why, ...) PRINTF(4, 5);
/* The next piece at or behind *at that nobody claimed yet; moves *at behind it. False: none. */
bool lab_unclaimed(struct lab_node *n, uint64_t *at, uint64_t *ret_from, uint64_t *ret_to);
/* True: the submission is over (time, bytes or children used up): return RC_OK as soon as you can; what you did not reach must not be
 * claimed, and is entered as unseen for you. Ask it in every loop that may be long. */
bool lab_over(const struct lab_node *n);

/* --- children --- */

struct lab_child;

/* A child whose bytes have to be made (unpacked, decoded). NULL: a limit; the ledger has been told, go on with the next one. */
struct lab_child *lab_child_open(struct lab_node *n, const struct lab_origin *from) MUSTUSE;
/* False: a limit on bytes (actual output, not what a header declares), ratio or memory fired: stop making it, and close. The origin's
 * range is then unseen, not claimed. */
bool lab_child_write(struct lab_child *c, struct str bytes) MUSTUSE;
/* How many packed bytes what was written so far came from. A walker that tells this before it writes has a bomb stopped by what it does
 * and not by the size of the whole submission. */
void lab_child_took(struct lab_child *c, uint64_t packed);
/* The bytes came to an early end by damage or an unknown coding: what there is gets inspected, the origin's range is unseen for this reason. */
void lab_child_broken(struct lab_child *c, const char *why, ...) PRINTF(2, 3);
/* Inspects it, with all that is in it, and forgets it. */
void lab_child_close(struct lab_child *c);
/* A child that stands in the parent as it is: opened, borrowed without a copy, and closed. `bytes` may be anywhere that lives until this returns. */
void lab_child_borrow(struct lab_node *n, const struct lab_origin *from, struct str bytes);

/* Words that may open what is locked: given with the submission, or found in the mail around it; then common ones. .p NULL: no more. */
struct str lab_password(const struct lab_node *n, size_t i);
/* A walker found such a word (in a mail's body): for what is inspected after this. */
void lab_password_add(struct lab_node *n, struct str word);

/* --- facts and matches --- */

/* `name` is dotted and ours ("pe.imphash", "ole.macro.autoexec"); the value is raw bytes, cut at LAB_VALUE_MAX. A name may come several times. */
void lab_fact(struct lab_node *n, const char *name, struct str value);
void lab_fact_u64(struct lab_node *n, const char *name, uint64_t value);
void lab_fact_hex(struct lab_node *n, const char *name, struct str bytes);

enum lab_weight {
	LAB_NOTE,       /* shown, changes nothing */
	LAB_SUSPICIOUS,
	LAB_MALICIOUS,
	LAB_GOOD,       /* known-good, counts only for the submission itself */
};

enum lab_match_kind { LAB_RULE, LAB_HASH, LAB_FEATURE, LAB_CLAMAV };

struct lab_match {
	enum lab_match_kind kind;
	enum lab_weight weight;
	struct str id;      /* rule's name, indicator's id, feature's dotted name ("zip.names-differ") */
	struct str author;  /* of the rule: licences demand that it is shown; may be empty */
	struct str part;    /* "$a" of a rule; may be empty */
	struct str why;     /* one sentence in English; may be empty */
	uint64_t at, length; /* in this node's bytes: the report takes the excerpt from there */
};

void lab_match(struct lab_node *n, const struct lab_match *m);
/* A match of kind feature with this weight. */
void lab_feature(struct lab_node *n, enum lab_weight weight, const char *id, uint64_t at, uint64_t length, const char *why);

#endif
