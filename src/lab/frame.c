#include "lab/frame.h"

size_t lab_frame_begin(struct buf *b, enum lab_frame_kind kind)
{
	size_t begun = b->n;

	buf_le32(b, 0);
	buf_char(b, (char)kind);
	return begun;
}

void lab_frame_end(struct buf *b, size_t begun)
{
	uint32_t n;

	if (b->bad != RC_OK)
		return;
	n = htole32((uint32_t)(b->n - begun - LAB_FRAME_HEAD));
	memcpy(b->p + begun, &n, sizeof n);
}

void lab_frame_text(struct buf *b, struct str s, size_t max)
{
	s = str_slice(s, 0, max);
	buf_le32(b, (uint32_t)s.n);
	buf_str(b, s);
}

size_t lab_frame_size(struct str bytes)
{
	uint32_t n = str_le32(bytes, 0);

	if (bytes.n >= 4 && n > LAB_FRAME_MAX - LAB_FRAME_HEAD)
		return SIZE_MAX;
	return bytes.n < LAB_FRAME_HEAD || bytes.n - LAB_FRAME_HEAD < n ? 0 : LAB_FRAME_HEAD + n;
}

struct str lab_frame_text_read(struct rd *r, size_t max)
{
	uint32_t n = rd_le32(r);

	if (n > max)
		r->bad = true;
	return rd_bytes(r, r->bad ? 0 : n);
}
