/* Inside fed/: one worker per link. */
#ifndef FED_INT_H
#define FED_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "fed/fed.h"
#include "store/peers.h"
#include "taxii/client.h"

#define FED_WORKERS_MAX 1024
#define FED_BATCH 1000
#define FED_RESPONSE_MAX ((size_t)64 << 20)
#define FED_SILENCE (40 * USEC_PER_SEC) /* a stream sends a comment line every 15 s */
#define FED_STALL (30 * USEC_PER_SEC)   /* a request in which nothing moves any more */
#define FED_BACKOFF_LEAST (USEC_PER_SEC / 4)
#define FED_BACKOFF_MOST (15 * USEC_PER_SEC) /* after any cut a link is tried soon enough for everything to be there within a minute */
#define FED_POLL (30 * USEC_PER_SEC)    /* of peers that have no stream */
#define FED_STREAM_AGAIN (120 * USEC_PER_SEC) /* whether such a peer has one by now */
#define FED_POISON_TRIES 5              /* before the objects of a refused envelope are sent one by one */
#define FED_CURSOR_MAX 48               /* RFC 3339 text and a NUL */
#define FED_KEY_MAX 512

struct fed_worker {
	struct fed *fed;
	struct arena *memory;       /* holds peer and link */
	struct peer peer;
	struct link link;
	char key[FED_KEY_MAX];      /* what this link is: for comparing and for the cursor */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool rung;
	_Atomic int stop;           /* read by the HTTP client too */
	struct httpc_config http;

	/* the worker's own */
	struct taxii_client *taxii; /* kept while it works; NULL after a failure */
	int64_t content_max;        /* the peer's max_content_length */
	uint32_t limit;             /* objects a page; smaller after a page that was too large */
	int poison_tries;
	bool pages_first;           /* the stream failed: what it could not give may come by pages */
	usec no_stream_until;       /* by time_mono */
	usec noted;                 /* when a success was last written into the peer's record */
	bool moved;                 /* the cursor, in this round */
	usec pause;                 /* rest after a round without failure */

	_Atomic uint64_t delivered, repeated, refused, failures;
	const char *_Atomic state;  /* static text: "idle", "pulling", "streaming", "pushing", "waiting" */
	char last_error[300];       /* under lock */
	char cursor[FED_CURSOR_MAX];/* written by the worker under lock */
};

struct fed {
	struct fed_config config;
	char *cert, *key;           /* copies */
	pthread_t manager;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool reload, stop;
	char *next_cert, *next_key; /* under lock: to be used from the next reload on */
	struct fed_worker *workers[FED_WORKERS_MAX];
	size_t n;
};

/* --- worker.c --- */

/* Starts its thread; RC_NOMEM, RC_IO. `p` and `l` are copied. */
enum rc fed_worker_start(struct fed *f, const struct peer *p, const struct link *l, struct fed_worker **ret, struct err *err) MUSTUSE;
/* Wakes it; with `stop` for good. Any thread. */
void fed_worker_ring(struct fed_worker *w, bool stop);
/* Waits for its end (within about a second) and frees it. */
void fed_worker_join(struct fed_worker *w);
/* Same link of the same peer on the same terms. */
bool fed_worker_is(const struct fed_worker *w, const struct peer *p, const struct link *l);

/* Something came through: at most once a minute, or at once after a failure, it is written into the peer's record. */
void fed_note_good(struct fed_worker *w);
/* One line about this peer. */
void fed_say(const struct fed_worker *w, bool bad, const char *fmt, ...) PRINTF(3, 4);

/* "https://host:port/root/" in `out`, which is initialised here. */
enum rc fed_root_url(const struct fed_worker *w, struct buf *out, struct err *err) MUSTUSE;
/* "https://host:port/fed/v1/root/collection/what". */
enum rc fed_own_url(const struct fed_worker *w, const char *what, struct buf *out, struct err *err) MUSTUSE;
/* w->taxii, made when there is none. */
enum rc fed_client(struct fed_worker *w, struct err *err) MUSTUSE;

/* Moves the durable cursor (a date_added of the peer's; "" = from the start) forward.
 * An earlier or equal instant changes nothing: a replay must not take us back.
 * RC_PEER for what is no instant. */
enum rc fed_cursor_move(struct fed_worker *w, struct str text, struct err *err) MUSTUSE;

/* --- one round: returns when there is nothing to do for now or something failed --- */

enum rc fed_pull_round(struct fed_worker *w, struct err *err) MUSTUSE;
enum rc fed_push_round(struct fed_worker *w, struct err *err) MUSTUSE;

#endif
