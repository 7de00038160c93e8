/* The digests use libcrypto's plain functions on a context of our own: they
 * need no memory and no provider look-up (which costs more than hashing a
 * short text) and therefore cannot fail. OpenSSL 3 marks them as old; the
 * compatibility level below says that we know. */
#define OPENSSL_API_COMPAT 0x10100000L
#define XXH_INLINE_ALL

#include "base/hash.h"

#include <errno.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/hash_wide.h"
#include "base/mem.h"

struct hash_sha256_ctx {
	SHA256_CTX sha;
};

/* Drawn before main() so that no thread sees two values; never changes after. */
static uint64_t table_seed;

__attribute__((constructor)) static void draw_seed(void)
{
	random_bytes(&table_seed, sizeof table_seed);
}

void hash_sha256(struct str bytes, unsigned char out[static SHA256_LEN])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, bytes.p, bytes.n);
	SHA256_Final(out, &c);
}

void hash_sha1(struct str bytes, unsigned char out[static SHA1_LEN])
{
	hash_sha1_joined((struct str){ "", 0 }, bytes, out);
}

void hash_sha1_joined(struct str first, struct str second, unsigned char out[static SHA1_LEN])
{
	SHA_CTX c;

	SHA1_Init(&c);
	SHA1_Update(&c, first.p, first.n);
	SHA1_Update(&c, second.p, second.n);
	SHA1_Final(out, &c);
}

void hash_md5(struct str bytes, unsigned char out[static MD5_LEN])
{
	MD5_CTX c;

	MD5_Init(&c);
	MD5_Update(&c, bytes.p, bytes.n);
	MD5_Final(out, &c);
}

struct hash_sha256_ctx *hash_sha256_new(void)
{
	struct hash_sha256_ctx *c = mem_alloc(sizeof *c);

	if (c != NULL)
		SHA256_Init(&c->sha);
	return c;
}

void hash_sha256_add(struct hash_sha256_ctx *c, struct str bytes)
{
	SHA256_Update(&c->sha, bytes.p, bytes.n);
}

void hash_sha256_end(struct hash_sha256_ctx *c, unsigned char out[static SHA256_LEN])
{
	SHA256_Final(out, &c->sha);
	SHA256_Init(&c->sha);
}

void hash_sha256_free(struct hash_sha256_ctx *c)
{
	mem_free(c);
}

uint64_t hash_table(struct str bytes)
{
	return XXH3_64bits_withSeed(bytes.p, bytes.n, table_seed);
}

void hash_secret_draw(struct hash_secret *s, uint64_t seed)
{
	if (seed == 0)
		random_bytes(s->bytes, sizeof s->bytes);
	else
		XXH3_generateSecret_fromSeed(s->bytes, seed);
}

void hash_keyed(const struct hash_secret *s, struct str bytes, uint64_t out[static 2])
{
	XXH128_hash_t h = XXH3_128bits_withSecret(bytes.p, bytes.n, s->bytes, sizeof s->bytes);

	out[0] = h.low64;
	/* Else both halves go through the stack into one wide store, which waits for them. */
	__asm__("" : "+r"(h.high64));
	out[1] = h.high64;
}

#define WIDE_LEAST 241 /* up to 240 bytes xxhash uses no vectors */

uint64_t hash_keyed_short(const struct hash_secret *s, struct str bytes)
{
#ifdef __x86_64__
	if (bytes.n >= WIDE_LEAST && __builtin_cpu_supports("avx2"))
		return hash_keyed_short_wide(s, bytes);
#endif
	return XXH3_64bits_withSecret(bytes.p, bytes.n, s->bytes, sizeof s->bytes);
}

void hash_keyed_each(const struct hash_secret *s, const struct str *texts, size_t n, uint64_t (*out)[2])
{
#if defined __x86_64__ && !defined __clang__ /* clang 14 has no name for VAES: the fuzzers go the plain way */
	if (__builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
		hash_keyed_each_wide(s, texts, n, out);
		return;
	}
#endif
	for (size_t i = 0; i < n; i++)
		hash_keyed(s, texts[i], out[i]);
}

uint64_t hash_stable(struct str bytes)
{
	return XXH3_64bits(bytes.p, bytes.n);
}

/* Half a byte at a step: what the processor's instruction leaves over, or all. */
static uint32_t crc32c_plain(uint32_t crc, const unsigned char *p, size_t n)
{
	static const uint32_t steps[16] = {
		0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
		0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
	};

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ steps[crc & 15];
		crc = crc >> 4 ^ steps[crc & 15];
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof word);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	return crc32c_plain((uint32_t)wide, p, n);
}

static uint32_t crc32c(uint32_t crc, const unsigned char *p, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, p, n) : crc32c_plain(crc, p, n);
}
#else
#define crc32c crc32c_plain
#endif

uint32_t hash_crc32c(uint32_t crc, struct str bytes)
{
	return ~crc32c(~crc, (const unsigned char *)bytes.p, bytes.n);
}

void random_bytes(void *out, size_t n)
{
	unsigned char *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* Without the kernel's randomness nothing that follows would be safe. */
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}
