/* The node's own REST interface under /api/v1: one table of routes from which
 * dispatch, rights and the OpenAPI 3.1 document come. The command line uses the
 * same routes, so whatever a person can do, a script can. */
#ifndef WEB_API_H
#define WEB_API_H

#include "base/jsonw.h"
#include "gate/viewer.h"
#include "store/store.h"
#include "sys/http.h"
#include "sys/seal.h"

#define API_PARAMS_MAX 4
#define API_REPLY_MAX ((size_t)64 << 20)

struct ticket;

/* One key of lianfang.conf set anew. */
struct setting_change {
	struct str section, key;
	struct str value;    /* .p NULL: as usual */
	struct str was;      /* what the asker saw; .p NULL: whatever */
	struct str from, to; /* out: what was in the file and what is */
	bool now;            /* out: in force already; else at the next start */
};

/* What the node lends to its routes. All pointers outlive the API. */
struct ticket_change;

struct api {
	struct store *store;
	const char *node_name, *tier, *identity;
	const char *oid;             /* of the organisation, or "" */
	_Atomic(const char *) url;   /* where people open this node, "https://host:port"; NULL: its door is not open yet */
	const char *cert_sha256;     /* what peers pin; or NULL */
	uint8_t default_tlp;
	bool strict, upgrade_20;
	struct warninglists *warninglists; /* or NULL */
	unsigned char id_key[MAC_KEY_LEN]; /* of ids that follow from what they name, and tell nobody what that is */
	uint32_t up, down;           /* rows of the collections that go up and down the tiers */
	struct desk *desk;           /* api_start reads the packs of law */
	const char *desk_packs, *desk_pack; /* folder of further ones, or ""; the pack of an incident that names none */
	const char *desk_roles;      /* "NAME=ROLE ...": what accounts and organisations are at the desk; or NULL */
	void (*desk_changed)(void *ctx);    /* a fact came; may be NULL */
	/* An incident as a bundle for media, and such a bundle of another node: {"incident", "objects", "new", "refused": [{"id", "why"}]}.
	 * NULL: the node does not run. */
	enum rc (*case_out)(void *ctx, struct str incident, struct buf *out, struct err *err);
	enum rc (*case_in)(void *ctx, const struct json *bundle, struct jsonw *out, struct err *err);
	const char *dir;             /* the node's folder: large replies wait there in an unnamed file */
	const char *rsit;            /* file of further classes of events, or NULL */
	struct api_imports *imports; /* imports under way; api_start */
	struct auth *auth;           /* for signing in by a form; NULL in a node that does not run */
	struct api_boards *boards;   /* the picture, and who listens to it; api_start */
	/* What seals the keys of second factors; the node's own signing key. NULL in a test without one. */
	const unsigned char *seal_pub, *seal_sec;
	usec password_least;         /* a password is changed again only after so long */
	bool second_person_on, second_person_auto; /* whether dangerous changes wait (web/second.h) */
	struct oidc *provider;       /* where people may sign in, too; or NULL */
	const struct api_lab *lab;   /* web/api_lab.h; NULL: no lab runs here */
	struct api_words *words;     /* names of classes and devices; api_start */
	/* Writes the role-specific part of GET /status (fences, roles, inputs, peers). */
	void (*status)(void *ctx, struct jsonw *w);
	/* {"file", "settings": [...]}: what is set. May be NULL. */
	void (*settings)(void *ctx, struct jsonw *w);
	/* Does the change of this one wait for a second person? And changes it: RC_BAD, RC_NOTFOUND, RC_DENIED (in the file alone), RC_CONFLICT
	 * (`was`); texts in `a`. NULL: the node does not run. */
	bool (*setting_second)(void *ctx, struct str section, struct str key);
	enum rc (*setting_put)(void *ctx, struct setting_change *x, struct arena *a, struct err *err);
	/* Something in peers, links or users changed: the node looks again. May be NULL. */
	void (*changed)(void *ctx);
	/* A ticket was closed or reopened, or (NULL) a suppression changed: what is in force is read again. May be NULL. */
	void (*ticket_changed)(void *ctx, const struct ticket *t);
	/* A person did this with this ticket: whose ticket it is, at another node, hears of it. May be NULL. */
	void (*ticket_told)(void *ctx, const struct ticket *t, const struct ticket_change *x);
	/* Writes the sheet of monitored devices of a month ("" = the last one). May be NULL. */
	enum rc (*devices)(void *ctx, struct str month, struct jsonw *w, struct err *err);
	/* Is a rule of this id in force? 1, 0; -1: not to be found out now. May be NULL. */
	int (*rule_known)(void *ctx, struct str id);
	/* Asks the process that reads logs and rules a question, {"do": ...} (docs/internals/node.md). Pieces of the answer, JSON objects
	 * in one line each, come from another thread to `fn`, which must not block; the last one with `rc`, and why when it is not RC_OK.
	 * False of `fn`: enough. Returns its number; 0: not to be had now, and `fn` is not called. NULL: the node does not run. */
	uint32_t (*ask)(void *ctx, struct str question, bool (*fn)(void *fn_ctx, struct str json, bool last, enum rc rc), void *fn_ctx);
	/* Nobody waits for that answer any more: `fn` is not called behind this. */
	void (*unask)(void *ctx, uint32_t number);
	void *ctx;
	usec started;
};

/* Least role a route asks for, in this order. */
enum api_role { API_ANY, API_READER, API_FEEDER, API_ANALYST, API_ADMIN };

/* One call under way. */
struct api_call {
	struct api *api;
	const struct viewer *viewer;
	struct http_req *req;
	struct http_res *res;
	struct str params[API_PARAMS_MAX]; /* {…} of the path, decoded, in order */
	const struct json *body;           /* parsed JSON body, for routes that take one; else NULL */
	struct jsonw out;                  /* writes into res->body */
	bool approved;                     /* a second person said yes (web/second.h) */
	const char *role;                  /* who states facts, when the request does not say; NULL: by the node's tier */
};

typedef enum rc (*api_fn)(struct api_call *c, struct err *err);

struct api_param {
	const char *name;   /* query parameter */
	const char *type;   /* "string", "integer", "boolean" */
	const char *meaning;
};

struct api_route {
	const char *method, *path;   /* "/users/{name}" below /api/v1 */
	enum api_role role;
	api_fn fn;
	const char *summary;
	const struct api_param *query; /* ends with name NULL; or NULL */
	const char *request;         /* JSON Schema text of the body, or NULL = no JSON body */
	const char *response;        /* JSON Schema text of the 200 reply, or NULL = not JSON */
};

/* Tables of the api_*.c files; each ends with method NULL. */
extern const struct api_route API_ROUTES_FORMS[], API_ROUTES_INCIDENT_FACTS[];
extern const struct api_route API_ROUTES_ACCOUNTS[], API_ROUTES_TODAY[], API_ROUTES_COLLECTIONS[], API_ROUTES_PEERS[], API_ROUTES_INTEL[],
	API_ROUTES_IMPORT[], API_ROUTES_NODE[], API_ROUTES_INCIDENTS[],
	API_ROUTES_TICKETS[], API_ROUTES_SUPPRESSIONS[], API_ROUTES_REGISTERS[], API_ROUTES_BULLETINS[], API_ROUTES_EXPORT[], API_ROUTES_WIZARD[], API_ROUTES_INTAKE[],
	API_ROUTES_CASES[],
	API_ROUTES_MERGE[], API_ROUTES_OBSERVABLES[], API_ROUTES_RAISE[],
	API_ROUTES_SESSION[], API_ROUTES_PASSKEY[], API_ROUTES_PROVIDER[], API_ROUTES_SECOND[],
	API_ROUTES_BOARDS[], API_ROUTES_STREAM[], API_ROUTES_REPORT[],
	API_ROUTES_AUDIT[],
	API_ROUTES_COMMUNITY[], API_ROUTES_DEVICES[],
	API_ROUTES_EVENTS[], API_ROUTES_LAB[], API_ROUTES_LAB_READ[], API_ROUTES_LAB_SHARE[],
	API_ROUTES_PASTE[], API_ROUTES_RULES[], API_ROUTES_SEARCHES[];

/* Makes what the routes keep between calls; api_stop frees it (accepts what api_start never saw). */
enum rc api_start(struct api *api, struct err *err) MUSTUSE;
void api_stop(struct api *api);

/* Answers any request whose path begins with /api/v1. */
void api_handle(struct api *api, const struct viewer *v, struct http_req *r, struct http_res *res);

/* The same for a request that a second person approved; `v` is who asked for it. */
void api_handle_approved(struct api *api, const struct viewer *v, struct http_req *r, struct http_res *res);

/* The OpenAPI 3.1 document of all routes. */
void api_openapi(struct buf *out);

/* First value of a query parameter; .p NULL when absent. */
struct str api_query(const struct api_call *c, const char *name);
/* Integer query parameter in [least, most]; `fallback` when absent; RC_BAD otherwise. */
enum rc api_query_int(const struct api_call *c, const char *name, int64_t fallback, int64_t least, int64_t most,
		      int64_t *ret, struct err *err) MUSTUSE;

/* One of `words` (NULL ends), empty when absent; RC_BAD names them: a slip must not look like an empty list. */
enum rc api_query_word(const struct api_call *c, const char *name, const char *const *words, struct str *ret, struct err *err) MUSTUSE;

/* Absent: false. RC_BAD: neither true nor false. */
enum rc api_query_bool(const struct api_call *c, const char *name, bool *ret, struct err *err) MUSTUSE;

/* Member of the JSON body as text: required ones give RC_BAD when absent or of another type; .p NULL otherwise. */
enum rc api_text(const struct api_call *c, const char *name, bool required, struct str *ret, struct err *err) MUSTUSE;
enum rc api_bool(const struct api_call *c, const char *name, bool fallback, bool *ret, struct err *err) MUSTUSE;
/* TLP by name ("amber+strict"); `fallback` when absent. */
enum rc api_tlp(const struct api_call *c, const char *name, uint8_t fallback, uint8_t *ret, struct err *err) MUSTUSE;
/* SHA-256 of a certificate: 64 hex digits, also as openssl prints them (capitals, colons); given back in
 * lower case without colons. Empty text only where it is not required: there it means none. */
enum rc api_fingerprint(const struct api_call *c, const char *name, bool required, struct str *ret, struct err *err) MUSTUSE;
/* Name rule of accounts and peers: 1..64 of a-z 0-9 . _ - */
enum rc api_name(struct str name, const char *what, struct err *err) MUSTUSE;

/* "root/alias-or-id" of a query parameter or member; empty gives NO_COLLECTION. RC_NOTFOUND, also for one that this
 * viewer may neither read nor write. */
enum rc api_collection(const struct api_call *c, struct str name, uint32_t *ret_row, uint8_t *ret_ceiling, struct err *err) MUSTUSE;

/* A fact about a change of the node's settings; failure is the caller's failure. */
enum rc api_fact(struct api_call *c, const char *kind, struct str subject, struct str body, struct err *err) MUSTUSE;

/* "user:alice" or "local": who acts, as facts name them. .p NULL: out of memory. */
struct str api_actor(struct api_call *c);
/* An instant in RFC 3339, or a date that begins then; 0 when `text` is empty. `end`: of a date, its end. */
enum rc api_time(struct str text, const char *name, bool end, usec *ret, struct err *err) MUSTUSE;

/* The end of a suppression: "until" or "for" of the body, exactly one. */
enum rc api_until(struct api_call *c, usec *ret, struct err *err) MUSTUSE;

/* A link by which `user` sets a password, once, within a day; an earlier one is void. `first`: it is drawn anew at each start
 * of the node until it is used. The token in `a`. */
enum rc api_link_make(struct store *s, struct arena *a, struct str user, bool first, struct str *ret_token, usec *ret_expires,
		      struct err *err) MUSTUSE;

/* HTTP status for a return code. */
int api_status(enum rc rc);
/* {"error": {...}} with that status. */
void api_error(struct http_res *res, int status, const char *code, const char *message);

#endif
