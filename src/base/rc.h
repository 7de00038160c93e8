/* What a function reports to the program: one small closed set of causes.
 * What it reports to a person goes into struct err (base/err.h). */
#ifndef BASE_RC_H
#define BASE_RC_H

enum rc {
	RC_OK = 0,
	RC_BAD = -1,         /* the input breaks its format or the standard */
	RC_LIMIT = -2,       /* the input is larger or deeper than we agreed to read */
	RC_NOTFOUND = -3,    /* no such thing, or none that this reader may know of */
	RC_CONFLICT = -4,    /* exists already with other content, or was changed meanwhile */
	RC_DENIED = -5,      /* known, and refused: rights, TLP, lockout */
	RC_BUSY = -6,        /* try again later; nothing was done */
	RC_UNSUPPORTED = -7, /* well formed, but a version or kind we do not speak */
	RC_NOMEM = -8,       /* memory or a memory budget is exhausted */
	RC_FULL = -9,        /* the disk or a quota is full; reads still work */
	RC_IO = -10,         /* the operating system refused; err has its words */
	RC_PEER = -11,       /* the other end of a connection misbehaved or is away */
	RC_CORRUPT = -12,    /* our own records fail their check */
	RC_INTERNAL = -13,   /* a defect of ours, caught before it did harm */
};

/* Short lower-case name of `rc`, for logs and --json ("bad", "limit", ...). Never NULL. */
const char *rc_name(enum rc rc);

#endif
