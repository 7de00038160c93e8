/* ZIP archives as the tests want them: honest ones, and ones whose two headers disagree. */
#ifndef TESTS_LAB_ZIPMAKE_H
#define TESTS_LAB_ZIPMAKE_H

#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

struct zip_make {
	struct buf out, directory;
	unsigned n;
};

__attribute__((unused)) static void zip_begin(struct zip_make *z)
{
	*z = (struct zip_make){ 0 };
	buf_init(&z->out, (size_t)1 << 30);
	buf_init(&z->directory, (size_t)1 << 28);
}

__attribute__((unused)) static void zip_le16(struct buf *b, unsigned v)
{
	buf_char(b, (char)(v & 255));
	buf_char(b, (char)(v >> 8 & 255));
}

/* What a header says from the method on. `listed` is the name in the directory, `name` the one in the local header. */
__attribute__((unused)) static void zip_add_as(struct zip_make *z, struct str name, struct str listed, struct str data, bool stored, unsigned flags)
{
	uLong room = compressBound((uLong)data.n) + 64;
	unsigned char *packed = mem_alloc(room);
	z_stream s = { 0 };
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)data.p, (uInt)data.n), at = (uint32_t)z->out.n;
	size_t n = data.n;

	if (!stored && deflateInit2(&s, 6, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK) {
		s.next_in = (Bytef *)(uintptr_t)data.p;
		s.avail_in = (uInt)data.n;
		s.next_out = packed;
		s.avail_out = (uInt)room;
		deflate(&s, Z_FINISH);
		n = s.total_out;
		deflateEnd(&s);
	}
	buf_put(&z->out, "PK\3\4\24\0", 6);
	zip_le16(&z->out, flags);
	zip_le16(&z->out, stored ? 0 : 8);
	buf_le32(&z->out, 0x58210000);
	buf_le32(&z->out, crc);
	buf_le32(&z->out, (uint32_t)n);
	buf_le32(&z->out, (uint32_t)data.n);
	zip_le16(&z->out, (unsigned)name.n);
	zip_le16(&z->out, 0);
	buf_str(&z->out, name);
	buf_put(&z->out, stored ? (const void *)data.p : packed, n);
	buf_put(&z->directory, "PK\1\2\24\0\24\0", 8);
	zip_le16(&z->directory, flags);
	zip_le16(&z->directory, stored ? 0 : 8);
	buf_le32(&z->directory, 0x58210000);
	buf_le32(&z->directory, crc);
	buf_le32(&z->directory, (uint32_t)n);
	buf_le32(&z->directory, (uint32_t)data.n);
	zip_le16(&z->directory, (unsigned)listed.n);
	buf_put(&z->directory, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	buf_le32(&z->directory, at);
	buf_str(&z->directory, listed);
	z->n++;
	mem_free(packed);
}

__attribute__((unused)) static void zip_add(struct zip_make *z, struct str name, struct str data)
{
	zip_add_as(z, name, name, data, false, 0);
}

/* The archive stays in z->out. */
__attribute__((unused)) static void zip_end(struct zip_make *z)
{
	uint32_t at = (uint32_t)z->out.n;

	buf_str(&z->out, buf_view(&z->directory));
	buf_put(&z->out, "PK\5\6\0\0\0\0", 8);
	zip_le16(&z->out, z->n);
	zip_le16(&z->out, z->n);
	buf_le32(&z->out, (uint32_t)z->directory.n);
	buf_le32(&z->out, at);
	zip_le16(&z->out, 0);
	buf_done(&z->directory);
}

#endif
