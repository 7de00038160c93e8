/* Logs as they rest on disks: packed by gzip or zstd, or text in UTF-16, turned
 * into plain bytes piece by piece. Memory is bounded whatever comes: what unpacks
 * to beyond all reason (a bomb) is refused on the way. */
#ifndef WIRE_UNPACK_H
#define WIRE_UNPACK_H

#include "base/err.h"
#include "base/str.h"

#define UNPACK_RATIO_MAX 4096          /* bytes out for one in, once UNPACK_FREE are out */
#define UNPACK_FREE ((uint64_t)1 << 30)

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD, PACKING_UTF16LE, PACKING_UTF16BE };

/* By the first bytes; UTF-16 by its byte order mark. */
enum packing packing_of(struct str head);

struct unpack;
enum rc unpack_new(enum packing packing, struct unpack **ret, struct err *err) MUSTUSE;
void unpack_free(struct unpack *u);
void unpack_freep(struct unpack **u);

#define UNPACK_ROOM_LEAST 8
/* Takes of *in (which moves on) and writes to `out`, at least UNPACK_ROOM_LEAST bytes. *ret_n 0: all of *in was taken and more is
 * needed. Several gzip members or zstd frames one behind the other are one text; zeros behind them are passed over.
 * RC_BAD: broken; RC_LIMIT: a bomb; RC_NOMEM. An unpaired surrogate becomes U+FFFD. */
enum rc unpack_step(struct unpack *u, struct str *in, char *out, size_t room, size_t *ret_n, struct err *err) MUSTUSE;

/* Nothing more comes. RC_BAD: it was cut off. */
enum rc unpack_end(const struct unpack *u, struct err *err) MUSTUSE;

#endif
