/* TAXII 2.1 client: speaks to any server, also to those that page without `next`,
 * loop, stall or ask for patience. Objects come page by page; a cursor that may be
 * kept durably lets a later run go on where the last one stopped. */
#ifndef TAXII_CLIENT_H
#define TAXII_CLIENT_H

#include "base/json.h"
#include "store/store.h"
#include "sys/httpc.h"

#define TAXII_URL_MAX 1024
#define TAXII_PAGES_MAX 1000000   /* in one run */
#define TAXII_EMPTY_PAGES_MAX 8   /* in a row, before a server that says `more` is left */

struct taxii_client;

struct taxii_client_config {
	const char *url;          /* "https://host[:port]/taxii2/", or a bare host: its _taxii2._tcp SRV record, else https */
	struct httpc_config http;
	int retries;              /* on 429, 5xx and lost connections: 0 = 5, -1 = none */
	usec wait_max;            /* longest wait between two tries, also when the server asks for more; 0 = 60 s */
	usec status_max;          /* how long a pending status is polled; 0 = 10 min */
	void (*wait)(void *ctx, usec span); /* NULL = sleep */
	void *wait_ctx;
};

enum rc taxii_client_new(const struct taxii_client_config *c, struct taxii_client **ret, struct err *err) MUSTUSE;
void taxii_client_free(struct taxii_client *t);
/* HTTP status of the last reply, 0 when none came. */
int taxii_client_status(const struct taxii_client *t);
/* Discovery URL in use. */
const char *taxii_client_url(const struct taxii_client *t);

/* What servers tell (TAXII 2.1 §4.1.1, 4.2.1, 5.2.1); unknown properties are ignored. All in the caller's arena. */
struct taxii_discovery {
	struct str title, description, contact;
	struct str standard;      /* default root, absolute, or "" */
	struct str *roots;        /* absolute URLs that end in "/" */
	size_t n_roots;
};
struct taxii_root {
	struct str title, description;
	bool speaks_21;
	int64_t max_content_length;
};
struct taxii_collection {
	struct str id, alias, title, description;
	bool can_read, can_write;
	struct str *media_types;
	size_t n_media_types;
};
enum rc taxii_discover(struct taxii_client *t, struct arena *a, struct taxii_discovery *ret, struct err *err) MUSTUSE;
enum rc taxii_root_info(struct taxii_client *t, struct str root_url, struct arena *a, struct taxii_root *ret, struct err *err) MUSTUSE;
enum rc taxii_collections(struct taxii_client *t, struct str root_url, struct arena *a, struct taxii_collection **ret,
			  size_t *ret_n, struct err *err) MUSTUSE;
/* `ref` resolved against `base` (RFC 3986 §5, what TAXII needs of it); .p NULL when it leads elsewhere than http(s). */
struct str taxii_resolve(struct str base, struct str ref, struct arena *a);

/* --- reading (pull.c) --- */

struct taxii_pull {
	struct str root_url;      /* ends in "/" */
	struct str collection;    /* id or alias */
	/* Filters as comma lists; NULL = none. */
	const char *match_id, *match_type, *match_version, *match_spec_version;
	const char *added_after;  /* where a first run begins; NULL = from the start */
	uint32_t limit;           /* objects a page; 0 = the server's choice */
};

/* One page. `objects` are the objects' own bytes, `trees` the same parsed; both only for the call. */
struct taxii_page {
	const struct str *objects;
	const struct json *const *trees;
	size_t n;
	const char *added_last;   /* X-TAXII-Date-Added-Last, or "" */
};
/* Anything but RC_OK ends the pull with that code; the cursor then stays before this page. */
typedef enum rc (*taxii_on_page)(void *ctx, const struct taxii_page *page, struct err *err);

struct taxii_pulled {
	uint64_t pages, objects, bytes, requests;
	bool complete;            /* the server has no more for now */
};

/* Where a run stopped. Printable; "" = at the start. */
struct taxii_cursor {
	char after[48];           /* date_added behind which to go on */
	char next[512];           /* the server's token, when it gave one */
};

/* Reads all pages behind `cursor` and moves it after each page that `fn` took. */
enum rc taxii_pull_run(struct taxii_client *t, const struct taxii_pull *p, struct taxii_cursor *cursor, taxii_on_page fn,
		       void *ctx, struct taxii_pulled *ret, struct err *err) MUSTUSE;

/* The same with the cursor kept durably in `s`, by server, root, collection and filters. */
enum rc taxii_pull_stored(struct taxii_client *t, const struct taxii_pull *p, struct store *s, taxii_on_page fn,
			  void *ctx, struct taxii_pulled *ret, struct err *err) MUSTUSE;

/* --- writing (push.c) --- */

struct taxii_push {
	struct str root_url, collection;
	int64_t max_content_length; /* 0 = asked from the root */
	size_t max_objects;         /* in one envelope; 0 = 1000 */
	/* Told of each object that the server refused; may be NULL. */
	void (*on_failure)(void *ctx, struct str id, struct str version, struct str message);
	void *ctx;
};
struct taxii_pushed {
	uint64_t requests, success, failure, pending; /* pending: not done when status_max was over */
};
/* Sends objects (JSON texts) in as many envelopes as it takes. */
enum rc taxii_push_run(struct taxii_client *t, const struct taxii_push *p, const struct str *objects, size_t n,
		       struct taxii_pushed *ret, struct err *err) MUSTUSE;

#endif
