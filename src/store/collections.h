/* API roots, collections, who may read and write them, and TAXII statuses. */
#ifndef STORE_COLLECTIONS_H
#define STORE_COLLECTIONS_H

#include "store/store.h"

struct api_root {
	struct str name;        /* path segment(s) without slashes at the ends: "intel" */
	struct str title, description;
	int64_t max_content_length; /* bytes, > 0 */
	int64_t page_size;      /* largest page, 1..PAGE_LIMIT_MAX */
	bool is_default, is_public; /* public: discovery shows it to everyone */
};

struct collection {
	uint32_t row;           /* number used by objects.h; never reused */
	struct str root;
	struct str id;          /* UUID */
	struct str alias, title, description;
	struct str media_types; /* JSON array text or "" = application/stix+json;version=2.1 */
	uint8_t tlp_max;        /* strictest TLP that may lie here (writes above are refused) */
	bool all_read, all_write; /* for every signed-in user */
	bool anon_read;         /* without signing in (public data) */
	bool shown;             /* signed-in users without any right may know that it is there (403, not 404) */
};

struct right {
	struct str subject;     /* "user:alice" or "role:analyst" */
	bool can_read, can_write;
};

enum rc root_put(struct store *s, const struct api_root *r, struct err *err) MUSTUSE;
enum rc root_get(struct store *s, struct str name, struct arena *a, struct api_root *ret, struct err *err) MUSTUSE;
enum rc root_list(struct store *s, struct arena *a, struct api_root **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* By (root, id): new or changed; sets c->row. RC_CONFLICT: alias taken in this root. */
enum rc collection_put(struct store *s, struct collection *c, struct err *err) MUSTUSE;
/* `id` may be the alias. */
enum rc collection_get(struct store *s, struct str root, struct str id, struct arena *a, struct collection *ret, struct err *err) MUSTUSE;
/* Stable order: by row. root empty = all roots. */
enum rc collection_list(struct store *s, struct str root, struct arena *a, struct collection **ret, size_t *ret_n, struct err *err) MUSTUSE;
/* With its rights and links. What lay in it stays known to the node (in NO_COLLECTION); store_delete takes objects out. */
enum rc collection_delete(struct store *s, struct str root, struct str id, struct err *err) MUSTUSE;

enum rc right_put(struct store *s, uint32_t collection, const struct right *r, struct err *err) MUSTUSE;
/* What (user, role) may do: the union of its rights, all_* and anon_read (user empty = anonymous). Cached: cheap on the hot path. */
enum rc right_of(struct store *s, const struct collection *c, struct str user, struct str role, bool *ret_read, bool *ret_write, struct err *err) MUSTUSE;
/* The collections of all roots that this user or role may read, as rows in `a`. user "" = anonymous. */
enum rc readable_rows(struct store *s, struct str user, struct str role, struct arena *a, uint32_t **ret, size_t *ret_n,
		      struct err *err) MUSTUSE;
/* All explicit rights of a collection. */
enum rc right_list(struct store *s, uint32_t collection, struct arena *a, struct right **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* TAXII statuses (TAXII 2.1 §4.3): body is the finished JSON; kept for at least 24 hours. */
struct status_row {
	struct str id, root, user, body;
	usec created;
};
enum rc status_put(struct store *s, const struct status_row *r, struct err *err) MUSTUSE;
enum rc status_get(struct store *s, struct str root, struct str id, struct arena *a, struct status_row *ret, struct err *err) MUSTUSE;
enum rc status_expire(struct store *s, usec older_than, struct err *err) MUSTUSE;

#endif
