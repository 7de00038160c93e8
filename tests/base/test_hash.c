#include "base/hash.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "tap.h"

static struct str hex(struct buf *b, const unsigned char *p, size_t n)
{
	buf_clear(b);
	hex_put(b, str_make((const char *)p, n));
	return buf_view(b);
}

/* FIPS 180-2 and RFC 1321 examples. */
static void test_digests(void)
{
	unsigned char out[32];
	struct buf b;

	buf_init(&b, 100);
	hash_sha256(S("abc"), out);
	EQ_STR(hex(&b, out, 32), S("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "SHA-256 abc");
	hash_sha256((struct str){ NULL, 0 }, out);
	EQ_STR(hex(&b, out, 32), S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), "SHA-256 of nothing");
	hash_sha1(S("abc"), out);
	EQ_STR(hex(&b, out, 20), S("a9993e364706816aba3e25717850c26c9cd0d89d"), "SHA-1 abc");
	hash_sha1_joined(S("a"), S("bc"), out);
	EQ_STR(hex(&b, out, 20), S("a9993e364706816aba3e25717850c26c9cd0d89d"), "SHA-1 a + bc");
	hash_md5(S("message digest"), out);
	EQ_STR(hex(&b, out, 16), S("f96b697d7cb7938d525a2f31aaf161d0"), "MD5");
	buf_done(&b);
}

static void test_pieces(void)
{
	struct hash_sha256_ctx *c = hash_sha256_new();
	unsigned char whole[32], pieces[32];

	hash_sha256(S("hello, world"), whole);
	for (int round = 0; round < 2; round++) {
		hash_sha256_add(c, S("hello,"));
		hash_sha256_add(c, S(""));
		hash_sha256_add(c, S(" world"));
		hash_sha256_end(c, pieces);
		OK(memcmp(whole, pieces, sizeof whole) == 0, "pieces make the whole, round %d", round);
	}
	hash_sha256_free(c);
	mem_fail_at(1, 0);
	OK(hash_sha256_new() == NULL, "no memory");
	mem_fail_at(0, 0);
}

static void test_table(void)
{
	OK(hash_table(S("a")) == hash_table(S("a")) && hash_table(S("a")) != hash_table(S("b")), "table hash");
	OK(hash_table(S("a")) != hash_stable(S("a")), "is seeded");
	OK(hash_stable(S("")) == 0x2d06800538d394c2, "stable hash is XXH3 of nothing");
	EQ_INT(hash_stable(S("abc")), 0x78af5f94892f3950, "stable hash is XXH3 of abc");
}

/* RFC 3720 B.4 */
static void test_crc(void)
{
	char zeros[32] = { 0 }, ones[32], up[32];

	memset(ones, 0xFF, sizeof ones);
	for (size_t i = 0; i < sizeof up; i++)
		up[i] = (char)i;
	EQ_INT(hash_crc32c(0, S("123456789")), 0xE3069283, "123456789");
	EQ_INT(hash_crc32c(0, str_make(zeros, 32)), 0x8A9136AA, "zeros");
	EQ_INT(hash_crc32c(0, str_make(ones, 32)), 0x62A8AB43, "ones");
	EQ_INT(hash_crc32c(0, str_make(up, 32)), 0x46DD794E, "rising");
	EQ_INT(hash_crc32c(hash_crc32c(0, S("1234")), S("56789")), 0xE3069283, "continued");
	EQ_INT(hash_crc32c(0, S("")), 0, "nothing");
}

/* Of every length, wherever it stands and whatever is beside it; each bit counts, and so do zeros at the end. */
static void test_keyed_each(void)
{
	enum { LENGTHS = 400 };
	struct hash_secret one, two;
	struct str texts[LENGTHS];
	uint64_t out[LENGTHS][2], again[LENGTHS][2];
	size_t moved = 0, flipped = 0, met = 0, secret = 0;

	/* Far apart: of neighbours parts of the secrets are the same where two words meet (XXH3, nothing hashed). */
	hash_secret_draw(&one, 0x9e3779b97f4a7c15u);
	hash_secret_draw(&two, 0xc2b2ae3d27d4eb4fu);
	for (size_t n = 0; n < LENGTHS; n++) {
		char *p = mem_alloc(n == 0 ? 1 : n);

		memset(p, 0, n);
		texts[n] = str_make(p, n);
	}
	hash_keyed_each(&one, texts, LENGTHS, out);
	hash_keyed_each(&two, texts, LENGTHS, again);
	for (size_t n = 0; n < LENGTHS; n++) {
		secret += out[n][0] == again[n][0] || out[n][1] == again[n][1];
		for (size_t k = 0; k < n; k++)
			met += out[n][0] == out[k][0] || out[n][1] == out[k][1];
	}
	for (size_t n = 1; n < LENGTHS; n++) {
		char *p = mem_alloc(n + 1), *at = p + 1;
		struct str other = str_make(at, n);
		uint64_t h[2], changed[2];

		memset(at, 0, n);
		p[0] = 'x';
		hash_keyed_each(&one, &other, 1, &h);
		moved += h[0] != out[n][0] || h[1] != out[n][1];
		at[n * 5 / 7] = (char)(1 << n % 8);
		hash_keyed_each(&one, &other, 1, &h);
		flipped += h[0] == out[n][0] || h[1] == out[n][1];
		at[n * 5 / 7] = 0;
		at[n - 1] = (char)0x80;
		hash_keyed_each(&one, &other, 1, &changed);
		flipped += changed[0] == out[n][0] || changed[1] == out[n][1];
		mem_free(p);
	}
	for (size_t n = 0; n < LENGTHS; n++)
		mem_free((char *)(uintptr_t)texts[n].p);
	EQ_INT((long long)met, 0, "zeros of different lengths differ");
	EQ_INT((long long)secret, 0, "another secret, another hash");
	EQ_INT((long long)moved, 0, "the same bytes elsewhere are the same");
	EQ_INT((long long)flipped, 0, "one bit more and it is another");
}

static void test_random(void)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };

	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	OK(memcmp(a, b, sizeof a) != 0, "two draws differ");
}

int main(void)
{
	test_digests();
	test_pieces();
	test_table();
	test_crc();
	test_keyed_each();
	test_random();
	return tap_done();
}
