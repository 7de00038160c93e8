/* Packed text in pieces of every size; cut off, damaged, padded, several one behind the other. */
#include "wire/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "tap.h"

static char text[20000];

static size_t gzip(const char *from, size_t n, char *to, size_t room)
{
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)from, .avail_in = (uInt)n, .next_out = (Bytef *)to, .avail_out = (uInt)room };

	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK || deflate(&z, Z_FINISH) != Z_STREAM_END)
		return 0;
	n = (size_t)z.total_out;
	deflateEnd(&z);
	return n;
}

/* Unpacks with pieces of `in` and `out` bytes. */
static enum rc unpack_all(struct str packed, size_t in, size_t out, char *to, size_t room, size_t *ret_n)
{
	struct unpack *u CLEANUP(unpack_freep) = NULL;
	struct err err;

	*ret_n = 0;
	TRY(unpack_new(packing_of(packed), &u, &err));
	while (packed.n > 0) {
		struct str piece = str_slice(packed, 0, in);
		size_t got = 1;

		packed = str_slice(packed, piece.n, packed.n);
		while (got > 0 && room - *ret_n >= out) {
			TRY(unpack_step(u, &piece, to + *ret_n, out, &got, &err));
			*ret_n += got;
		}
		if (piece.n > 0)
			return RC_INTERNAL;
	}
	return unpack_end(u, &err);
}

static void same(const char *name, struct str packed, struct str want, enum rc want_rc)
{
	static const size_t sizes[][2] = { { 1, 8 }, { 7, 9 }, { 100000, 100000 }, { 3, 5000 }, { 100000, 11 } };
	static char got[200000];
	bool good = true;

	for (size_t i = 0; i < COUNTOF(sizes); i++) {
		size_t n;
		enum rc rc = unpack_all(packed, sizes[i][0], sizes[i][1], got, sizeof got, &n);

		if (rc == want_rc && (want_rc != RC_OK || str_eq(str_make(got, n), want)))
			continue;
		good = false;
		printf("# pieces of %zu and %zu: %s, %zu bytes\n", sizes[i][0], sizes[i][1], rc_name(rc), n);
	}
	OK(good, "%s", name);
}

static void test_packed(void)
{
	static char a[50000], b[100000], twice[50000];
	size_t n = gzip(text, sizeof text, a, sizeof a), z;

	same("gzip", str_make(a, n), str_make(text, sizeof text), RC_OK);
	same("gzip, cut off", str_make(a, n - 9), S(""), RC_BAD);
	memcpy(b, a, n);
	memset(b + n, 0, 512);
	same("gzip, padded", str_make(b, n + 512), str_make(text, sizeof text), RC_OK);
	memcpy(b + n, a, n);
	memcpy(twice, text, sizeof text);
	memcpy(twice + sizeof text, text, sizeof text);
	same("two members", str_make(b, 2 * n), str_make(twice, 2 * sizeof text), RC_OK);
	b[n / 2] ^= 0x55;
	same("gzip, damaged", str_make(b, n), S(""), RC_BAD);
	memcpy(b, a, n);
	memcpy(b + n, "no gzip at all", 14);
	same("something else behind it", str_make(b, n + 14), S(""), RC_BAD);

	z = ZSTD_compress(a, sizeof a, text, sizeof text, 3);
	same("zstd", str_make(a, z), str_make(text, sizeof text), RC_OK);
	same("zstd, cut off", str_make(a, z - 5), S(""), RC_BAD);
	memcpy(b, a, z);
	memcpy(b + z, a, z);
	same("two frames", str_make(b, 2 * z), str_make(twice, 2 * sizeof text), RC_OK);
}

#define LE(c) c "\0"

static void test_utf16(void)
{
	same("UTF-16LE", str_make("\xff\xfe" LE("a") LE("\n") "\xfc\0" "\x3d\xd8\x00\xde", 12), S("a\n\xc3\xbc\xf0\x9f\x98\x80"), RC_OK);
	same("UTF-16BE", str_make("\xfe\xff\0a\x65\xe5", 6), S("a\xe6\x97\xa5"), RC_OK);
	same("a surrogate alone", str_make("\xff\xfe\x3d\xd8" LE("a"), 6), S("\xef\xbf\xbd" "a"), RC_OK);
	same("the second half alone", str_make("\xff\xfe\x00\xde" LE("a"), 6), S("\xef\xbf\xbd" "a"), RC_OK);
	same("a second mark is a character", str_make("\xff\xfe\xff\xfe" LE("a"), 6), S("\xef\xbb\xbf" "a"), RC_OK);
	same("half a unit", str_make("\xff\xfe" LE("a") "b", 5), S(""), RC_BAD);
	EQ_INT(packing_of(S("{\"a\":1}")), PACKING_NONE, "plain text");
}

/* 3 GiB of zeros in a few kilobytes of zstd. */
static void test_bomb(void)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	static char packed[1 << 20], zeros[1 << 20], out[1 << 20];
	ZSTD_outBuffer to = { packed, sizeof packed, 0 };
	struct unpack *u = NULL;
	struct str in;
	struct err err = { 0 };
	size_t got = 1;
	enum rc rc = RC_OK;

	for (int i = 0; i < 1500; i++) {
		ZSTD_inBuffer from = { zeros, sizeof zeros, 0 };

		while (from.pos < from.size)
			if (ZSTD_isError(ZSTD_compressStream2(c, &to, &from, i == 1499 ? ZSTD_e_end : ZSTD_e_continue)))
				return;
	}
	ZSTD_freeCCtx(c);
	in = str_make(packed, to.pos);
	if (unpack_new(PACKING_ZSTD, &u, &err) != RC_OK)
		return;
	while (rc == RC_OK && got > 0)
		rc = unpack_step(u, &in, out, sizeof out, &got, &err);
	OK(rc == RC_LIMIT, "a bomb is refused: %s", err.text);
	unpack_free(u);
}

int main(void)
{
	int64_t before = mem_live();

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + (i * i / 7 + i / 100) % 26);
	test_packed();
	test_utf16();
	test_bomb();
	EQ_INT(mem_live(), before, "nothing is left");
	return tap_done();
}
