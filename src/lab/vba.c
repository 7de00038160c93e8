#include "lab/vba.h"

#include <string.h>

#include "base/rd.h"
#include "base/text.h"

#define CHUNK 4096u

/* §2.4.1.3.19: the farther a chunk has come, the more bits of a token are its offset. */
static void split_token(unsigned token, size_t have, size_t *ret_offset, size_t *ret_length)
{
	unsigned bits = 4;

	while (((size_t)1 << bits) < have)
		bits++;
	*ret_length = (token & (0xffffu >> bits)) + 3;
	*ret_offset = (size_t)(token >> (16 - bits)) + 1;
}

static bool unpack_chunk(struct str packed, unsigned char out[static CHUNK], size_t *ret_n)
{
	struct rd r;
	size_t n = 0;

	rd_init(&r, packed);
	while (rd_left(&r) > 0) {
		unsigned flags = rd_u8(&r);

		for (int bit = 0; bit < 8 && rd_left(&r) > 0; bit++) {
			size_t offset, length;

			if ((flags >> bit & 1) == 0) {
				if (n == CHUNK)
					return false;
				out[n++] = rd_u8(&r);
				continue;
			}
			split_token(rd_le16(&r), n, &offset, &length);
			if (r.bad || offset > n || length > CHUNK - n)
				return false;
			/* One by one: what is copied may be what was just written. */
			for (; length > 0; length--, n++)
				out[n] = out[n - offset];
		}
	}
	*ret_n = n;
	return true;
}

bool vba_unpack(struct str packed, vba_put put, void *ctx, size_t *ret_read)
{
	unsigned char chunk[CHUNK];
	struct rd r;

	*ret_read = 0;
	rd_init(&r, packed);
	if (rd_u8(&r) != 0x01)
		return false;
	while (rd_left(&r) >= 2) {
		unsigned head = rd_le16(&r);
		struct str body = rd_bytes(&r, (head & 0xfff) + 1);
		size_t n = body.n;

		/* Behind the last chunk other things may stand. */
		if ((head >> 12 & 7) != 3 || r.bad)
			break;
		if ((head & 0x8000) == 0 && n <= CHUNK)
			memcpy(chunk, body.p, n);
		else if ((head & 0x8000) == 0 || !unpack_chunk(body, chunk, &n))
			return false;
		if (!put(ctx, (struct str){ (char *)chunk, n }))
			return false;
		*ret_read = r.pos;
	}
	return *ret_read > 0;
}

/* --- the dir stream: records of id, size, data --- */

enum {
	PROJECT_VERSION = 0x09, MODULE_NAME = 0x19, MODULE_STREAM = 0x1a, MODULE_STREAM_UNICODE = 0x32, MODULE_END = 0x2b, MODULE_OFFSET = 0x31,
};

size_t vba_modules(struct str dir, struct arena *a, struct vba_module *out, size_t max)
{
	struct vba_module m = { .at = 0 };
	struct rd r;
	size_t n = 0;

	rd_init(&r, dir);
	while (n < max && rd_left(&r) >= 6) {
		unsigned id = rd_le16(&r);
		uint32_t size = rd_le32(&r);
		struct str data;

		/* The one record whose size is not its size (§2.3.4.2.1.11). */
		if (id == PROJECT_VERSION)
			size = 6;
		data = rd_bytes(&r, size);
		if (r.bad)
			break;
		if (id == MODULE_NAME) {
			m.name = data;
		} else if (id == MODULE_STREAM) {
			m.stream = data;
		} else if (id == MODULE_STREAM_UNICODE && data.n < 512) {
			char *text = arena_alloc(a, data.n * 3 / 2 + 4);

			if (text != NULL)
				m.stream = (struct str){ text, utf16le_get(text, data) };
		} else if (id == MODULE_OFFSET && data.n == 4) {
			m.at = str_le32(data, 0);
		} else if (id == MODULE_END) {
			out[n++] = m;
			m = (struct vba_module){ .at = 0 };
		}
	}
	return n;
}
