/* The lab's part of the REST interface: what the node lends it, and what its files share. docs/internals/lab-node.md has the shapes. */
#ifndef WEB_API_LAB_H
#define WEB_API_LAB_H

#include "store/samples.h"
#include "store/submissions.h"
#include "web/api.h"
#include "web/lab_known.h"

#define LAB_WAIT_MAX 30          /* seconds */
#define LAB_BYTES_MAX 65536      /* of a sample in one reply */
#define LAB_LIST_MAX 200

struct api_lab {
	struct samples *samples;
	struct lab_known *known;
	bool open;                       /* also to people without an account */
	uint64_t size_max, piece_max;
	int64_t keep_days;
	int waits_max;                   /* calls that wait for a verdict at a time: each holds a thread */
	struct quota account, address;   /* of who has an account; of who has none */
	void (*wake)(void *ctx);         /* something waits for the lab */
	bool (*wait)(void *ctx, struct str id, usec until); /* until it has a verdict: true */
	bool (*inspects)(void *ctx, struct str id);
	void (*state)(void *ctx, struct jsonw *w);
	void *ctx;
};

/* False: the reply says why (no lab runs; sign in first). */
bool api_lab_ready(struct api_call *c);
/* Who hands in: "user:NAME", "local", SUBMISSION_PUBLIC. .p NULL: out of memory. */
struct str api_lab_owner(struct api_call *c);
/* May this viewer see report and bytes of it? Else RC_NOTFOUND, as for what is not there. */
enum rc api_lab_find(struct api_call *c, struct submission *ret, struct err *err) MUSTUSE;
bool api_lab_owns(struct api_call *c, const struct submission *s);
/* Who reads what is not his own is written down: a fact, `what` a word of ours. */
enum rc api_lab_note_read(struct api_call *c, const struct submission *s, const char *what, struct err *err) MUSTUSE;
/* A new submission of this caller: id, owner, from, privacy of the word (default verdict). */
enum rc api_lab_begin(struct api_call *c, struct str privacy, struct str name, uint64_t size, enum submission_state state, struct submission *ret,
		      struct err *err) MUSTUSE;
const struct quota *api_lab_quota(struct api_call *c);
/* A failure of submission_add in the lab's own words: 429 for a quota; else RC_* goes on. */
enum rc api_lab_refused(struct api_call *c, enum rc rc, struct err *err) MUSTUSE;

#endif
