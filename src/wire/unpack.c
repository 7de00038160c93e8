#include "wire/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/text.h"

#define GZIP_BITS (15 + 16) /* largest window, gzip's frame only */

struct unpack {
	enum packing packing;
	uint64_t in, out;
	bool whole;          /* nothing is begun that has not ended */
	z_stream gzip;
	bool gzip_begun;
	ZSTD_DStream *zstd;
	/* UTF-16 */
	bool mark_seen, has_half, has_high;
	unsigned char half;  /* first byte of a unit */
	uint16_t high;       /* surrogate */
};

enum packing packing_of(struct str head)
{
	static const struct { struct str magic; enum packing packing; } table[] = {
		{ { "\x1f\x8b", 2 }, PACKING_GZIP }, { { "\x28\xb5\x2f\xfd", 4 }, PACKING_ZSTD },
		{ { "\xff\xfe", 2 }, PACKING_UTF16LE }, { { "\xfe\xff", 2 }, PACKING_UTF16BE },
	};

	for (size_t i = 0; i < COUNTOF(table); i++)
		if (str_starts(head, table[i].magic))
			return table[i].packing;
	return PACKING_NONE;
}

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "unpacking: out of memory");
}

enum rc unpack_new(enum packing packing, struct unpack **ret, struct err *err)
{
	struct unpack *u CLEANUP(unpack_freep) = mem_alloc(sizeof *u);

	if (u == NULL)
		return no_memory(err);
	u->packing = packing;
	u->whole = true;
	if (packing == PACKING_GZIP) {
		if (inflateInit2(&u->gzip, GZIP_BITS) != Z_OK)
			return no_memory(err);
		u->gzip_begun = true;
	}
	if (packing == PACKING_ZSTD && (u->zstd = ZSTD_createDStream()) == NULL)
		return no_memory(err);
	*ret = u;
	u = NULL;
	return RC_OK;
}

void unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	if (u->gzip_begun)
		inflateEnd(&u->gzip);
	ZSTD_freeDStream(u->zstd);
	mem_free(u);
}

void unpack_freep(struct unpack **u)
{
	unpack_free(*u);
}

/* Tapes and block devices pad with zeros behind the last member. */
static void pass_zeros(struct str *in)
{
	while (in->n > 0 && in->p[0] == '\0') {
		in->p++;
		in->n--;
	}
}

static enum rc step_gzip(struct unpack *u, struct str *in, char *out, size_t room, size_t *ret_n, struct err *err)
{
	z_stream *z = &u->gzip;
	int status = Z_OK;

	while (*ret_n == 0) {
		if (u->whole)
			pass_zeros(in);
		if (in->n == 0)
			return RC_OK;
		z->next_in = (z_const Bytef *)(uintptr_t)in->p;
		z->avail_in = in->n > UINT32_MAX ? UINT32_MAX : (uInt)in->n;
		z->next_out = (Bytef *)out;
		z->avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
		u->whole = false;
		status = inflate(z, Z_NO_FLUSH);
		*ret_n = (size_t)((char *)z->next_out - out);
		*in = str_slice(*in, (size_t)((const char *)z->next_in - in->p), in->n);
		if (status == Z_STREAM_END) {
			u->whole = true;
			if (inflateReset2(z, GZIP_BITS) != Z_OK)
				return no_memory(err);
		} else if (status == Z_MEM_ERROR) {
			return no_memory(err);
		} else if (status != Z_OK && status != Z_BUF_ERROR) {
			return FAIL(err, RC_BAD, "gzip: %s", z->msg != NULL ? z->msg : "broken");
		}
	}
	return RC_OK;
}

static enum rc step_zstd(struct unpack *u, struct str *in, char *out, size_t room, size_t *ret_n, struct err *err)
{
	ZSTD_outBuffer to = { out, room, 0 };

	for (;;) {
		ZSTD_inBuffer from = { in->p, in->n, 0 };
		size_t left;

		if (u->whole)
			pass_zeros(in);
		from = (ZSTD_inBuffer){ in->p, in->n, 0 };
		if (u->whole && in->n == 0)
			return RC_OK;
		left = ZSTD_decompressStream(u->zstd, &to, &from);
		*in = str_slice(*in, from.pos, in->n);
		if (ZSTD_isError(left))
			return FAIL(err, RC_BAD, "zstd: %s", ZSTD_getErrorName(left));
		u->whole = left == 0;
		*ret_n = to.pos;
		if (to.pos > 0 || in->n == 0)
			return RC_OK;
	}
}

/* One unit of 16 bits. False: half of one is left. */
static bool next_unit(struct unpack *u, struct str *in, uint16_t *ret)
{
	unsigned char a, b;

	if (!u->has_half && in->n > 0) {
		u->half = (unsigned char)in->p[0];
		u->has_half = true;
		*in = str_slice(*in, 1, in->n);
	}
	if (in->n == 0)
		return false;
	a = u->half;
	b = (unsigned char)in->p[0];
	*in = str_slice(*in, 1, in->n);
	u->has_half = false;
	*ret = (uint16_t)(u->packing == PACKING_UTF16LE ? a | b << 8 : a << 8 | b);
	return true;
}

static enum rc step_utf16(struct unpack *u, struct str *in, char *out, size_t room, size_t *ret_n)
{
	uint16_t unit;

	/* Two characters may come of one unit: U+FFFD for a surrogate alone, and what follows it. */
	while (*ret_n + UNPACK_ROOM_LEAST <= room && next_unit(u, in, &unit)) {
		bool mark = !u->mark_seen && unit == 0xfeff;

		u->mark_seen = true;
		if (mark)
			continue;
		if (u->has_high && unit >= 0xdc00 && unit <= 0xdfff) {
			u->has_high = false;
			*ret_n += utf8_write(out + *ret_n, 0x10000 + ((uint32_t)(u->high - 0xd800) << 10) + (unit - 0xdc00u));
			continue;
		}
		if (u->has_high)
			*ret_n += utf8_write(out + *ret_n, 0xfffd);
		u->has_high = unit >= 0xd800 && unit <= 0xdbff;
		u->high = unit;
		if (!u->has_high)
			*ret_n += utf8_write(out + *ret_n, unit >= 0xdc00 && unit <= 0xdfff ? 0xfffd : unit);
	}
	u->whole = !u->has_half && !u->has_high;
	return RC_OK;
}

enum rc unpack_step(struct unpack *u, struct str *in, char *out, size_t room, size_t *ret_n, struct err *err)
{
	size_t before = in->n;
	enum rc rc;

	*ret_n = 0;
	if (u->packing == PACKING_GZIP)
		rc = step_gzip(u, in, out, room, ret_n, err);
	else if (u->packing == PACKING_ZSTD)
		rc = step_zstd(u, in, out, room, ret_n, err);
	else
		rc = step_utf16(u, in, out, room, ret_n);
	u->in += before - in->n;
	u->out += *ret_n;
	if (rc == RC_OK && u->out > UNPACK_FREE && u->out / UNPACK_RATIO_MAX > u->in)
		return FAIL(err, RC_LIMIT, "unpacks to more than %d times its size", UNPACK_RATIO_MAX);
	return rc;
}

enum rc unpack_end(const struct unpack *u, struct err *err)
{
	return u->whole ? RC_OK : FAIL(err, RC_BAD, "%s is cut off", u->packing == PACKING_GZIP ? "gzip" : u->packing == PACKING_ZSTD ? "zstd" : "UTF-16 text");
}
