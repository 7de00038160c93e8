/* Borrowed bytes: a pointer and a length, never NUL-terminated, never owned.
 * All functions take any bytes, UTF-8 or not. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct str {
	const char *p;
	size_t n;
};

/* S("literal") */
#define S(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
/* printf("%.*s", STR(s)) */
#define STR(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), (s).p

static inline struct str str_of(const char *cstr)
{
	return (struct str){ cstr, cstr == NULL ? 0 : strlen(cstr) };
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){ p, n };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte order, shorter first on a tie: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

/* ASCII case folded. */
bool str_eq_nocase(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Index of the first `needle` at or after `from`, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle, size_t from);

/* s[from, to); both ends are clamped to the string. */
struct str str_slice(struct str s, size_t from, size_t to);

/* What there is of the `n` bytes from `at` on: no sum that could overflow. */
struct str str_part(struct str s, size_t at, size_t n);

/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);

/* Cuts the next piece off `*rest` at `sep`; false when nothing is left.
 * "a,,b" gives "a", "", "b"; "" gives nothing. */
bool str_next(struct str *rest, char sep, struct str *ret_piece);

/* Whole-string decimal; false on empty, sign (u64), overflow or other bytes. */
bool str_to_u64(struct str s, uint64_t *ret);
bool str_to_i64(struct str s, int64_t *ret);

/* Same bytes in time that depends on the length only: for secrets. */
bool str_eq_secret(struct str a, struct str b);

#endif
