/* Reports of people without an account, as they came: the single window's, and those that staff wrote down for somebody. The
 * text is kept verbatim and never changed; what was made of it is beside it, and each step is a fact of the chain. */
#ifndef STORE_INTAKE_H
#define STORE_INTAKE_H

#include "base/hash.h"
#include "store/store.h"

#define INTAKE_WHAT_MAX 8000
#define INTAKE_SHORT_MAX 500

struct intake_report {
	int64_t row;
	struct str number;        /* "R2026-000017", of a drill "EXR2026-000001"; of intake_put in `number_text` */
	char number_text[24];
	bool exercise;            /* kept in the number */
	struct str channel;       /* "window", "phone", ... */
	struct str what, when, contact; /* verbatim; when and contact may be "" */
	unsigned char code[SHA256_LEN]; /* digest of the secret code */
	usec at, changed;
	struct str state;         /* "received", "opened", "duplicate", "dismissed" */
	struct str incident;      /* opened: its number */
	struct str duplicate_of;  /* duplicate: number of the report that was first */
	struct str reason, changed_by;
};

/* Keeps it, durably; sets row, number and at. RC_BAD: no UTF-8, a NUL, too long. `actor` for the chain. */
enum rc intake_put(struct store *s, struct intake_report *r, struct str actor, struct err *err) MUSTUSE;
/* RC_NOTFOUND. */
enum rc intake_get(struct store *s, struct str number, struct arena *a, struct intake_report *ret, struct err *err) MUSTUSE;
/* The newest first; `state` empty: any; behind `before` (0: from the start). */
enum rc intake_list(struct store *s, struct str state, int64_t before, uint32_t limit, struct arena *a, struct intake_report **ret, size_t *ret_n,
		    struct err *err) MUSTUSE;
/* What was made of it: number, state, incident, duplicate_of, reason of `r`. RC_CONFLICT: it was opened before; a duplicate of itself or of one that is a
 * duplicate too. RC_NOTFOUND: no such report, or none that it could be a duplicate of. */
enum rc intake_settle(struct store *s, const struct intake_report *r, struct str actor, struct err *err) MUSTUSE;

#endif
