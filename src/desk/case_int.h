/* Inside desk/: what case.c and case_bundle.c share. */
#ifndef DESK_CASE_INT_H
#define DESK_CASE_INT_H

#include "base/jsonw.h"
#include "desk/case.h"

#define CASE_ID_MAX 120

/* What is signed: a prefix and the canonical form of the object without "signature". */
enum rc case_signed_bytes(struct arena *a, const struct json *object, struct buf *out, struct err *err) MUSTUSE;
/* SHA-256 of the same without the prefix, as 64 hex digits. */
enum rc case_hash(struct arena *a, const struct json *object, char ret[static CASE_HASH_LEN + 1], struct err *err) MUSTUSE;

/* One id for one (author, name, more): whoever writes the object again writes the same. False: the author is no identity. */
bool case_make_id(const char *type, struct str author, struct str name, struct str more, char out[static CASE_ID_MAX]);
enum rc case_check_id(struct str id, const char *type, struct str author, struct str name, struct str more, struct err *err) MUSTUSE;

/* The members that all have, before and behind their own. */
void case_begin(struct jsonw *w, struct buf *out, const char *type, struct str id, struct str author, usec created, usec modified);
void case_end(struct jsonw *w, uint8_t tlp);
enum rc case_read_head(const struct json *v, const char *type, struct str *ret_id, struct str *ret_author, usec *ret_at, struct err *err) MUSTUSE;
enum rc case_read_id(const struct json *v, const char *name, const char *type, struct str *ret, struct err *err) MUSTUSE;

#endif
