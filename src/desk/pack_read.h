/* Typed members of a JSON tree for packs: an unknown member, a missing one or one of the
 * wrong kind is an error that names the file and the member. Inside desk/ only. */
#ifndef DESK_PACK_READ_H
#define DESK_PACK_READ_H

#include "desk/pack.h"

struct pack_reader {
	struct arena *a;
	const char *file;
	const struct json *root;
	struct err *err;
};

/* RC_BAD: "FILE: /clocks/3/limit: WHY". */
enum rc pack_bad(const struct pack_reader *r, const struct json *at, const char *fmt, ...) PRINTF(3, 4);
/* `names`: what may stand there, NULL-terminated. */
enum rc pack_members(const struct pack_reader *r, const struct json *object, const char *const *names) MUSTUSE;
/* A member that must be there. */
enum rc pack_need(const struct pack_reader *r, const struct json *object, const char *name, enum json_type type, const struct json **ret) MUSTUSE;
/* A text; "" when `optional` and absent. */
enum rc pack_text(const struct pack_reader *r, const struct json *object, const char *name, bool optional, struct str *ret) MUSTUSE;
enum rc pack_int(const struct pack_reader *r, const struct json *object, const char *name, int64_t least, int64_t most, int64_t *ret) MUSTUSE;
/* true or false; absent: false. */
enum rc pack_flag(const struct pack_reader *r, const struct json *object, const char *name, bool *ret) MUSTUSE;
/* {"en": "...", "zh-TW": "..."}, both wanted. */
enum rc pack_words(const struct pack_reader *r, const struct json *object, const char *name, bool optional, struct pack_words *ret) MUSTUSE;
/* An array of 1..most objects; `*ret_items` of `size` bytes each, zeroed, to be filled by the caller. */
enum rc pack_array(const struct pack_reader *r, const struct json *object, const char *name, size_t most, size_t size, const struct json **ret,
		   void **ret_items) MUSTUSE;
/* Terms {"id", "title"}; `more`: further members that the caller reads, NULL-terminated. */
enum rc pack_term(const struct pack_reader *r, const struct json *object, const char *const *more, struct pack_term *ret) MUSTUSE;
enum rc pack_terms(const struct pack_reader *r, const struct json *object, const char *name, size_t most, const struct pack_term **ret,
		   size_t *ret_n) MUSTUSE;

/* pack_clock.c */
enum rc pack_clock_read(const struct pack_reader *r, const struct pack *p, const struct json *v, struct pack_clock *ret) MUSTUSE;
/* "aware" or ["contained", "recovered"] as a set. */
enum rc pack_facts_read(const struct pack_reader *r, const struct json *v, uint32_t *ret) MUSTUSE;

/* pack_registers.c: what words.registers says is of this pack. */
enum rc pack_registers_check(const struct pack_reader *r, const struct pack *p) MUSTUSE;

/* pack_view.c */
enum rc pack_views_read(const struct pack_reader *r, struct pack *p) MUSTUSE;

/* pack_form.c */
enum rc pack_forms_read(const struct pack_reader *r, struct pack *p) MUSTUSE;

#endif
