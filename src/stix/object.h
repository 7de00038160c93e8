/* One STIX object seen cheaply: the members that a store, a TAXII server or the
 * gate need on every object, found in one pass over its parsed JSON. Nothing is
 * copied and nothing is judged beyond what makes it an object with an identity;
 * stix/validate.h judges the rest. */
#ifndef STIX_OBJECT_H
#define STIX_OBJECT_H

#include "base/json.h"
#include "base/time.h"
#include "base/uuid.h"

/* Longest id: a type name of 250 characters, "--" and a UUID (STIX 2.1 §2.9, §11.2). */
#define STIX_TYPE_MAX 250
#define STIX_ID_MAX (STIX_TYPE_MAX + 2 + UUID_TEXT_LEN)

enum stix_class { STIX_CUSTOM, STIX_SDO, STIX_SRO, STIX_SCO, STIX_META, STIX_BUNDLE };

#define STIX_SPEC_20 20
#define STIX_SPEC_21 21

struct stix_object {
	struct str id, type;
	struct str created, modified;   /* text as it came, "" when absent */
	struct str version;             /* modified, else created, else "" (TAXII 2.1 §3.4.1) */
	struct str created_by_ref;      /* "" when absent */
	struct uuid uuid;
	enum stix_class class;
	uint8_t spec;                   /* STIX_SPEC_20 or STIX_SPEC_21; a missing spec_version means 2.0,
					   but on an SCO 2.1 (STIX 2.1 §3.2, TAXII 2.1 §3.4.1) */
	bool revoked;
	uint8_t confidence;             /* 0..100, or 255 when not stated or out of range */
	const struct json *markings;    /* object_marking_refs when it is a list, else NULL */
	const struct json *granular;    /* granular_markings when it is a list, else NULL */
	const struct json *json;        /* the object */
	struct str raw;                 /* its bytes as they came, as given by the caller */
};

/* Reads `v` into `ret`, which borrows from `v` and `raw` (may be empty). RC_BAD when it
 * is no JSON object, type or id is missing, malformed or of different types, or one of
 * the members above has another JSON type. RC_UNSUPPORTED for a spec_version that is
 * neither "2.0" nor "2.1". */
enum rc stix_object_read(const struct json *v, struct str raw, struct stix_object *ret, struct err *err) MUSTUSE;

/* Class by type name; STIX_CUSTOM for a name that STIX 2.1 does not define. */
enum stix_class stix_class_of(struct str type);

/* Splits "type--uuid". False when the type name breaks STIX 2.1 §11.2 or the UUID RFC 4122. */
bool stix_id_split(struct str id, struct str *ret_type, struct uuid *ret_uuid);

/* Type names: 3..250 of a-z 0-9 and single hyphens, a letter first (STIX 2.1 §3.1, §11.2). */
bool stix_type_name_ok(struct str type);

/* Which of two versions of one id is newer, as instants: <0, 0, >0. Texts that are no
 * timestamps count as older than any and compare by bytes. */
int stix_version_cmp(struct str a, struct str b);

/* What a version that comes in is, next to the newest one known (STIX 2.1 §3.6). */
enum stix_arrival {
	STIX_NEWER,    /* takes over */
	STIX_OLDER,    /* kept as history, never rolls back */
	STIX_SAME,     /* same version, same content */
	STIX_CLASH,    /* same version, other content: refused */
	STIX_REVOKED,  /* the known one is revoked, which is final */
	STIX_FOREIGN,  /* another creator's new version: only the creator may make one (§3.5) */
};
enum stix_arrival stix_arrives(const struct stix_object *known, const struct stix_object *incoming);

#endif
