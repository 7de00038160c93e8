/* Inside fed/: one worker per link. */
#ifndef FED_INT_H
#define FED_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "fed/fed.h"
#include "store/peers.h"
#include "taxii/client.h"

#define FED_WORKERS_MAX 512
#define FED_BATCH 1000
#define FED_RESPONSE_MAX ((size_t)64 << 20)
#define FED_SILENCE (40 * USEC_PER_SEC) /* a stream sends a comment line every 15 s */
#define FED_BACKOFF_LEAST (USEC_PER_SEC / 4)
#define FED_BACKOFF_MOST (30 * USEC_PER_SEC)
#define FED_POLL (30 * USEC_PER_SEC)    /* of peers that have no stream */

struct fed_worker {
	struct fed *fed;
	struct arena *memory;       /* holds peer and link */
	struct peer peer;
	struct link link;
	char key[512];              /* what this link is: for comparing and for the cursor */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool rung;
	volatile int stop;          /* read by libcurl's callbacks too */
	struct httpc_config http;
	_Atomic uint64_t delivered, failures;
	const char *_Atomic state;  /* static text: "idle", "pulling", "streaming", "pushing", "waiting" */
	char last_error[200];       /* under lock */
	char cursor[64];            /* under lock: for status */
};

struct fed {
	struct fed_config config;
	char *cert, *key, *ca;      /* copies */
	pthread_t manager;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	bool reload, stop;
	struct fed_worker *workers[FED_WORKERS_MAX];
	size_t n;
};

/* Runs one round and returns when there is nothing to do for now or something failed. */
enum rc fed_pull_round(struct fed_worker *w, struct err *err) MUSTUSE;
enum rc fed_push_round(struct fed_worker *w, struct err *err) MUSTUSE;

/* Sleeps until the bell, the stop or the time-out. */
void fed_rest(struct fed_worker *w, usec span);
/* For taxii_client_config.wait. */
void fed_wait(void *ctx, usec span);

/* Stricter of the peer's and the link's ceiling. */
uint8_t fed_ceiling(const struct fed_worker *w);
/* "https://host:port/root/" in `out`. */
enum rc fed_root_url(const struct fed_worker *w, struct buf *out, struct err *err) MUSTUSE;
enum rc fed_client(struct fed_worker *w, struct taxii_client **ret, struct err *err) MUSTUSE;

/* The durable cursor, a date_added as RFC 3339 text ("" = from the start). */
enum rc fed_cursor_load(struct fed_worker *w, char out[static 64], struct err *err) MUSTUSE;
enum rc fed_cursor_save(struct fed_worker *w, const char *text, struct err *err) MUSTUSE;

#endif
