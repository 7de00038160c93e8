/* Registers: organisations, ICT systems, people and their duty. An entry is one JSON object that the desk has checked
 * (desk/registry.h) beside the columns it is found by. Every change is a version of its own and a fact of the chain
 * (version and digest: the chain holds no address of a person); an entry is retired, never erased. */
#ifndef STORE_REGISTERS_H
#define STORE_REGISTERS_H

#include "store/store.h"

#define REGISTER_BODY_MAX ((size_t)32 << 10)
#define REGISTER_NAME_MAX 1000
#define REGISTER_DEPTH_MAX 32      /* organisations above one another */
#define REGISTER_IMPORT_MAX 20000  /* entries of one change */

enum register_kind { REGISTER_ORGANISATION, REGISTER_SYSTEM, REGISTER_PERSON, REGISTER_DUTY, REGISTER_KINDS };

struct register_entry {
	enum register_kind kind;
	struct str id;             /* 1..64 of a-z 0-9 . _ -; "" of a new one: the register gives a number ("org-000017") */
	struct str alias;          /* of an organisation: its OID; or "" */
	struct str owner;          /* the organisation above or of it, of a duty the person: id or alias in, id out; or "" */
	struct str name, body;     /* body: a JSON object */
	struct str sector, level, tier, region; /* what organisations are chosen by; else "" */
	usec starts, ends;         /* of a duty; else 0 */
	int64_t row, version;      /* version 1, 2 ... */
	usec created, changed;
	struct str changed_by;
	bool retired;
};

enum register_how {
	REGISTER_ADD,              /* RC_CONFLICT: the id is there */
	REGISTER_SET,              /* RC_NOTFOUND: it is not; RC_BUSY: `version` is not the newest any more */
	REGISTER_EITHER,           /* one that is there and says the same stays as it is */
};

struct register_done {
	size_t added, set, same;
	size_t which;              /* on failure: the entry that it is about, or SIZE_MAX */
};

/* All of them or none, durably. Refused (RC_BAD): an owner that is not there or is retired, organisations in a circle, an alias
 * that another one has (RC_CONFLICT). Sets id (in `a`), row, version, created and changed. */
enum rc register_put(struct store *s, struct register_entry *list, size_t n, enum register_how how, struct str actor, struct arena *a,
		     struct register_done *ret, struct err *err) MUSTUSE;
/* Retires an entry, or takes that back. RC_CONFLICT: entries in use belong to it, or (back) its owner is retired. */
enum rc register_retire(struct store *s, enum register_kind kind, struct str id, bool retired, struct str actor, struct err *err) MUSTUSE;

/* By id or alias, retired ones too. RC_NOTFOUND. */
enum rc register_get(struct store *s, enum register_kind kind, struct str id, struct arena *a, struct register_entry *ret, struct err *err) MUSTUSE;

struct register_query {
	enum register_kind kind;
	bool retired;              /* retired ones too */
	struct str owner, sector, level, tier, region; /* empty: any */
	usec at;                   /* of duties: those on duty then; 0: any */
	struct str after;          /* behind this id */
	uint32_t limit;            /* 1..1000 */
};
/* In order of their ids. */
enum rc register_list(struct store *s, const struct register_query *q, struct arena *a, struct register_entry **ret, size_t *ret_n,
		      struct err *err) MUSTUSE;

struct register_version {
	int64_t version;
	usec at;
	struct str actor, body;
	bool retired;
};
/* What an entry said, the newest first, at most 1000. */
enum rc register_history(struct store *s, int64_t row, struct arena *a, struct register_version **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* "organisation", "system", "person", "duty". */
const char *register_kind_name(enum register_kind kind);

#endif
