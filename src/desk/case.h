/* Facts of an incident as signed objects that travel between nodes, and what a peer may
 * state. STIX 2.1 objects of types of our own (§7.3, extension-definition with "new-sdo"), each immutable:
 *
 *   x-lianfang-fact     one fact, with what all facts of the incident say alike, the number that its author gave it (1, 2, ... in
 *                       this incident) and the hash of the author's fact before
 *   x-lianfang-receipt  a node has it in its records, or does not take it in, and why
 *   x-lianfang-node     who a node is: its identity, tier, key of signature and certificate
 *
 *   x-lianfang-seal     the last object of a bundle on media: who wrote it, proved by the key of its certificate, since no connection does
 *
 * `signature` is Ed25519 over "lianfang case\n" and the RFC 8785 form of the object without that member (of a seal, by
 * the certificate's key); the hash of a fact is SHA-256 of the same. */
#ifndef DESK_CASE_H
#define DESK_CASE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"
#include "sys/keys.h"

#define CASE_FACT "x-lianfang-fact"
#define CASE_RECEIPT "x-lianfang-receipt"
#define CASE_NODE "x-lianfang-node"
#define CASE_SEAL "x-lianfang-seal"
#define CASE_EXTENSION "extension-definition--d319152c-ca5f-4e7f-9aa5-6178a2ea5ed4"
#define CASE_INCIDENT_CORE "extension-definition--ef765651-680c-498d-9894-99799f2fa126" /* the common extension of incidents */
#define CASE_OBJECT_MAX ((size_t)60 << 10)
#define CASE_HASH_LEN 64  /* hex digits, also of a key and a fingerprint */
#define CASE_N_MAX 100000

struct case_fact {
	struct str id;         /* of the object; written: from author, incident and fact */
	struct str author;     /* identity */
	struct str incident, opened_by, number, title;
	struct str packs;      /* ids with a blank between */
	bool exercise;
	int64_t n;
	struct str previous;   /* hash of the author's fact n-1; "" for the first */
	struct str fact;       /* its JSON text as it is kept, one line */
	struct str fact_id, fact_type, fact_by; /* of it; read only */
	usec fact_at;          /* of it; read only */
	uint8_t tlp;           /* of its marking; written */
};

struct case_receipt_word {
	struct str id, author, incident;
	struct str object;     /* the fact's */
	usec at;
	struct str refused;    /* why; "" = received */
	uint8_t tlp;
};

struct case_node {
	struct str id, author; /* author: the identity */
	struct str name, tier;
	struct str key, cert;  /* 64 lower-case hex digits each */
	usec at;
};

/* What is written goes to `out`; RC_LIMIT: too large. `ret_hash` (may be NULL): of the fact. */
enum rc case_fact_write(const struct case_fact *f, const unsigned char sec[static SIGN_SECRET_LEN], struct buf *out, char *ret_hash,
			struct err *err) MUSTUSE;
enum rc case_receipt_write(const struct case_receipt_word *r, const unsigned char sec[static SIGN_SECRET_LEN], struct buf *out, struct err *err) MUSTUSE;
enum rc case_node_write(const struct case_node *n, const unsigned char sec[static SIGN_SECRET_LEN], struct buf *out, struct err *err) MUSTUSE;

/* RC_BAD: not such an object, and why. Texts live in `a` or are borrowed from the object. The signature is another question. */
enum rc case_fact_read(struct arena *a, const struct json *object, struct case_fact *ret, char ret_hash[static CASE_HASH_LEN + 1], struct err *err) MUSTUSE;
enum rc case_receipt_read(struct arena *a, const struct json *object, struct case_receipt_word *ret, struct err *err) MUSTUSE;
enum rc case_node_read(struct arena *a, const struct json *object, struct case_node *ret, struct err *err) MUSTUSE;

/* Whether the owner of the key (64 hex digits) signed this object. */
bool case_signed_by(struct arena *a, const struct json *object, struct str key);

/* The end of a bundle. */
struct case_seal {
	struct str author;     /* identity */
	struct str incident;
	struct str cert;       /* PEM */
	usec at;
	uint8_t tlp;
};
/* `objects`: JSON texts. Writes the whole bundle to `out`, the seal behind them, signed by `key_pem`. */
enum rc case_bundle_write(const struct case_seal *s, const char *key_pem, const struct str *objects, size_t n, struct buf *out, struct err *err) MUSTUSE;
/* Proves that the owner of ret->cert wrote this bundle as it is. *ret_n: the objects before the seal. RC_BAD: it did not, or it is none. */
enum rc case_bundle_read(struct arena *a, const struct json *bundle, struct case_seal *ret, uint32_t *ret_n, struct err *err) MUSTUSE;

/* The STIX incident object that other makers' programs read; not signed. */
struct case_incident {
	struct str id, author, title;
	usec created, modified;
	bool open, suspected, exercise; /* suspected: nobody has confirmed it */
	int criticality;                /* 0..100, or -1 */
	uint8_t tlp;
};
void case_incident_write(const struct case_incident *i, struct buf *out);

/* The definition of our extension, and the identity that made it: two objects. */
void case_definition_write(struct buf *out_identity, struct buf *out_definition);

/* --- rights --- */

enum case_relation { CASE_PARENT, CASE_CHILD, CASE_PARTNER };

/* Who delivers a fact of whom, about an incident of whom. */
struct case_side {
	enum case_relation relation; /* of the peer that delivers it */
	bool direct;       /* the author is that peer; else it vouches for the author */
	bool above;        /* the author's tier is a region or sector: it reviews others */
	bool by_opener;    /* the author opened the incident */
	bool opened_below; /* that peer, or somebody for whom it vouches, opened it */
	bool opened_here;
	bool known;        /* this incident is shared with that peer already */
	bool of_other;     /* it corrects what another node stated */
	bool has_role;     /* a pack of the incident knows the role in which it is stated */
};

/* NULL when such a fact may be stated from there; else why not, for people. */
const char *case_refused(const struct case_side *s, struct str role, struct str type);

#endif
