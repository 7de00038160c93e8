/* What was handed to the lab of this node: a row each. Bytes and reports lie beside them, in samples.h. */
#ifndef STORE_SUBMISSIONS_H
#define STORE_SUBMISSIONS_H

#include "base/hash.h"
#include "base/uuid.h"
#include "store/store.h"

#define SUBMISSION_NAME_MAX 1024
#define SUBMISSION_PUBLIC "public" /* owner: somebody without an account */
#define UPLOADS_PER_OWNER 16

enum privacy { PRIVACY_HASH, PRIVACY_VERDICT, PRIVACY_GOVERNMENT, PRIVACY_PUBLIC };
const char *privacy_name(enum privacy p);
bool privacy_parse(struct str name, enum privacy *ret);

enum submission_state { SUBMISSION_UPLOADING, SUBMISSION_WAITING, SUBMISSION_DONE, SUBMISSION_DELETED };

struct submission {
	int64_t row;              /* in the order in which they came */
	struct str id;            /* UUID, drawn */
	struct str owner;         /* "user:NAME", "peer:NAME", "local" or SUBMISSION_PUBLIC */
	struct str from;          /* keyed digest of the address (samples_from) or "" */
	struct str name;          /* as its sender calls it: a stranger's UTF-8; "" of what was deleted */
	enum privacy privacy;
	enum submission_state state;
	uint64_t size;            /* of an upload: what was announced */
	struct str sha256;        /* hex; "" while uploading */
	struct str address;       /* of its content in samples.h; "" when that was destroyed */
	struct str verdict;       /* lab_verdict_name; "" before the first */
	struct str generation;    /* that the verdict is of */
	int64_t done;             /* number of the verdict, rising over all; 0: none yet */
	usec at, finished;
	struct str receipt;       /* JSON, of what was deleted; else "" */
};

/* --- quotas: within the hour, by owner and by address --- */
struct quota {
	int64_t owner_files, owner_mb, from_files, from_mb; /* 0: no limit */
	int64_t waiting;                                   /* in all */
	int64_t uploading_mb;                              /* announced by all uploads under way */
};

/* Takes a new one: `r` as far as it is known (id, owner, from, name, privacy, state UPLOADING or WAITING, size, sha256, address), sets row and at; and a fact
 * ("lab.submit") when it waits. RC_DENIED: a quota, and which; RC_BUSY: too many wait, too much is on its way; RC_LIMIT: too many uploads of this owner. `actor` for the chain. */
enum rc submission_add(struct store *s, struct submission *r, const struct quota *q, struct str actor, struct err *err) MUSTUSE;
/* An upload is complete: state, sha256, address of `r`. RC_CONFLICT: it was already. RC_BUSY as above. */
enum rc submission_complete(struct store *s, const struct submission *r, const struct quota *q, struct str actor, struct err *err) MUSTUSE;
/* An upload is given up. */
enum rc submission_drop(struct store *s, struct str id, struct err *err) MUSTUSE;

/* Those that began before `before` and never came to an end. */
enum rc submission_drop_old(struct store *s, usec before, struct err *err) MUSTUSE;

/* RC_NOTFOUND. */
enum rc submission_get(struct store *s, struct str id, struct arena *a, struct submission *ret, struct err *err) MUSTUSE;

struct submission_filter {
	struct str owner;         /* "": any, then of class government and public only, and one's own `or_owner` */
	struct str or_owner;
	bool public_only;         /* of others, class public only */
	bool every_class;         /* not for people: what follows from all of a digest */
	int state;                /* -1: any but uploading */
	struct str verdict, sha256;
	int64_t before;           /* row; 0: from the newest */
	uint32_t limit;
};
enum rc submission_list(struct store *s, const struct submission_filter *f, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Waiting ones of the next owner behind `owner` in the order of names, or again of the first; the oldest first. *ret_n 0: nobody waits. */
enum rc submission_next(struct store *s, struct str owner, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Waiting ones with row > after, the oldest first. */
enum rc submission_waiting(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* How many have their content at this address. */
enum rc submission_count_at(struct store *s, struct str address, uint64_t *ret, struct err *err) MUSTUSE;
uint64_t submission_count_waiting(struct store *s);

/* Verdicts with number > after, in their order: who keeps the last number it dealt with (meta_put) misses none. One that is inspected again gets a new number. */
enum rc submission_done_after(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* Those whose bytes rest here, row > after, the oldest first: for a search of all that is stored. */
enum rc submission_stored(struct store *s, int64_t after, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Its report lies in samples.h already: verdict, generation of `r`; `keep` false: its content is destroyed behind this and has no address any more. Sets done and finished.
 * RC_CONFLICT: it was deleted meanwhile. */
enum rc submission_finish(struct store *s, struct submission *r, bool keep, struct err *err) MUSTUSE;
/* To be inspected again; it keeps report and verdict until then. RC_CONFLICT: its bytes rest here no more. */
enum rc submission_again(struct store *s, struct str id, struct err *err) MUSTUSE;
/* Its content rests here no more (retention). How many others of its owner lie at the same address: 0: the content is to be destroyed. */
enum rc submission_forget_sample(struct store *s, struct str id, uint64_t *ret_others, struct err *err) MUSTUSE;
/* Name, digest's address and verdict go, id and receipt stay; and a fact ("lab.delete"). Call when everything is destroyed. */
enum rc submission_delete(struct store *s, struct str id, struct str receipt, struct str actor, struct err *err) MUSTUSE;

/* Of retention: submissions with content, the oldest first, that came before `before` or lie beyond `bytes` in all. */
enum rc submission_overdue(struct store *s, usec before, uint64_t bytes, uint32_t limit, struct arena *a, struct submission **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
