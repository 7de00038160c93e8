/* What a worker says to the caller: frames of a length, a kind and a body, over a pipe. Written by worker code, read by the caller as the
 * hostile bytes they are. Little-endian; texts are le32 length and bytes. */
#ifndef LAB_FRAME_H
#define LAB_FRAME_H

#include "base/buf.h"
#include "base/rd.h"

#define LAB_FRAME_MAX ((uint32_t)128 << 10) /* one frame with its head */
#define LAB_FRAME_HEAD 5                    /* le32 bytes behind the head, u8 kind */

enum lab_frame_kind {
	LAB_F_DIGESTS = 1, /* sha256, sha1, md5 of the submission; le64 types */
	LAB_F_CHILD,       /* path, how, le64 at, length, size, types, le32 depth, sha256 */
	LAB_F_FACT,        /* path, name, value */
	LAB_F_MATCH,       /* path, u8 kind, u8 weight, id, author, part, why, excerpt, le64 at, length */
	LAB_F_UNSEEN,      /* path, why, le64 at, length */
	LAB_F_END,         /* le64 children, bytes_total, bytes_seen, left_out */
};

/* Between begin and end the body is appended to `b`; frame_text appends a text, cut at `max`. */
size_t lab_frame_begin(struct buf *b, enum lab_frame_kind kind);
void lab_frame_end(struct buf *b, size_t begun);
void lab_frame_text(struct buf *b, struct str s, size_t max);

/* Bytes of the whole frame at the start of `bytes`; 0: not all there yet; SIZE_MAX: it is none. */
size_t lab_frame_size(struct str bytes);
struct str lab_frame_text_read(struct rd *r, size_t max); /* sets bad when longer */

#endif
