/* Bulletins (desk/bulletin.h): what was issued here and what came, who is to have
 * each and what became of it there. Content never changes; every act is a fact of
 * the chain (kinds "alert.…", subject the bulletin's id; no text that a marking
 * covers) in the same transaction. */
#ifndef STORE_BULLETINS_H
#define STORE_BULLETINS_H

#include "store/store.h"

#define BULLETIN_TO_MAX 1000           /* recipients of one */
#define BULLETIN_CONTENT_MAX ((size_t)4 << 20)
#define BULLETIN_NUMBER_TEXT 128

struct bulletin_row {
	int64_t row;
	struct str id;           /* x-lianfang-bulletin--uuid */
	struct str number;       /* "NODE-EWA-2026-0001", of a drill "NODE-EWA-EX2026-0001"; of one that is issued here in `number_text` */
	char number_text[BULLETIN_NUMBER_TEXT];
	struct str code, category, title;
	struct str source;       /* number of the bulletin it speaks of, or "" */
	uint8_t tlp, impact;
	bool exercise, is_out;   /* is_out: issued here */
	struct str origin;       /* the peer it came from; "" for one from a file, and for our own */
	usec issued, came, due;  /* due: an answer is expected by then; 0: none */
	struct str body;         /* the content, a JSON object; empty in lists */
	bool tell;               /* bulletin_keep, bulletin_answer: people are to have word of it (bulletin_words) */
	/* in lists and bulletin_get: */
	int64_t recipients, n_received, n_read, n_answered;
};

/* What became of a bulletin at one recipient; `who` "": here. 0 and "": not yet. */
struct bulletin_to {
	struct str who;
	usec queued, sent, received, read, answered;
	struct str disposition, reason, incident;
	struct str feedback;     /* number of the bulletin that said so */
};

/* Issues it: gives the number (by node, code and year), `issued` and `row`, and recipients it is to go to. RC_CONFLICT: the id is there. */
enum rc bulletin_issue(struct store *s, struct str node, struct bulletin_row *b, const struct str *to, size_t n_to, struct str actor,
		       struct err *err) MUSTUSE;
/* One that came, durably. It is there with the same content: *ret_fresh false. RC_CONFLICT: with another,
 * or its number is one of ours. */
enum rc bulletin_keep(struct store *s, struct bulletin_row *b, struct str actor, bool *ret_fresh, struct err *err) MUSTUSE;
/* Further recipients; one that is there stays as it is. RC_NOTFOUND, RC_LIMIT. */
enum rc bulletin_send(struct store *s, struct str id, const struct str *to, size_t n_to, struct str actor, struct err *err) MUSTUSE;

enum bulletin_stage { BULLETIN_SENT, BULLETIN_RECEIVED, BULLETIN_READ };
/* `who` has come that far at `at`; what was noted earlier stays, the earliest counts. RC_NOTFOUND: not a recipient. */
enum rc bulletin_reach(struct store *s, struct str id, struct str who, enum bulletin_stage stage, usec at, struct str actor, struct err *err) MUSTUSE;

struct bulletin_answer {
	struct str id;           /* of the bulletin that is answered */
	struct str who;          /* who answers; "" = here */
	struct str disposition, reason, incident;
	usec at;
};
/* Keeps the answer and the feedback that carries it, in one. `node`: who gives the feedback its number, which goes to the origin of
 * what is answered; "" for one that came with its number. Of several answers the latest counts (of one instant: by number).
 * RC_NOTFOUND: no such bulletin, or `who` did not get it. RC_CONFLICT as bulletin_keep. */
enum rc bulletin_answer(struct store *s, struct str node, const struct bulletin_answer *x, struct bulletin_row *feedback, struct str actor,
			bool *ret_fresh, struct err *err) MUSTUSE;

/* By id or number, with its body. RC_NOTFOUND; RC_CONFLICT: several have this number. */
enum rc bulletin_get(struct store *s, struct str id, struct arena *a, struct bulletin_row *ret, struct err *err) MUSTUSE;
enum rc bulletin_recipients(struct store *s, int64_t row, struct arena *a, struct bulletin_to **ret, size_t *ret_n, struct err *err) MUSTUSE;

struct bulletin_query {
	struct str code, source;     /* "" = any */
	int is_out;                  /* 1: issued here, 0: came, -1: all */
	bool open;                   /* only those that wait for an answer: of those that came, from here; of ours, from somebody */
	uint8_t tlp_most;            /* none that is stricter */
	int64_t before;              /* only rows below; 0 = from the newest */
	uint32_t limit;              /* 1..1000 */
};
/* Newest first, without bodies. */
enum rc bulletin_list(struct store *s, const struct bulletin_query *q, struct arena *a, struct bulletin_row **ret, size_t *ret_n,
		      struct err *err) MUSTUSE;

/* What has to go out: a bulletin to a recipient that has none yet, or word to the origin of how far it came here. */
struct bulletin_errand {
	int64_t row;
	struct str id, number;
	struct str to;               /* peer */
	bool receipt;
	uint8_t tlp;
	usec received, read;         /* receipt: 0 = not yet */
};
/* Oldest first, behind `after` (NULL: all). */
enum rc bulletin_errands(struct store *s, const struct bulletin_errand *after, uint32_t limit, struct arena *a, struct bulletin_errand **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* It lies in the outbox, durably. */
enum rc bulletin_errand_done(struct store *s, const struct bulletin_errand *e, struct err *err) MUSTUSE;

/* Whose answer did not come in time; `who` "": ours. */
struct bulletin_late {
	int64_t row;
	struct str id, number, who;
	usec due;
	bool exercise;
	bool tell;                   /* people are to have word of it */
	bool fresh;                  /* set by bulletin_late_put: nobody noted it before */
};
/* Those that are not noted yet, oldest first. */
enum rc bulletin_late_list(struct store *s, usec now, uint32_t limit, struct arena *a, struct bulletin_late **ret, size_t *ret_n,
			   struct err *err) MUSTUSE;
/* Notes it, once and for good: a fact of the chain. */
enum rc bulletin_late_put(struct store *s, struct bulletin_late *l, struct err *err) MUSTUSE;

/* Word for people that waits to be sent. */
struct bulletin_word {
	int64_t row;
	struct str id, number, code, title, origin, source, who; /* who: of "overdue", whose answer did not come */
	struct str kind;             /* "came", "overdue" */
	uint8_t tlp;
	bool exercise;
	usec due, at;
};
/* Oldest first. */
enum rc bulletin_words(struct store *s, uint32_t limit, struct arena *a, struct bulletin_word **ret, size_t *ret_n, struct err *err) MUSTUSE;
enum rc bulletin_word_done(struct store *s, const struct bulletin_word *w, struct err *err) MUSTUSE;

#endif
