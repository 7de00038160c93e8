#include "lab/office_lock.h"

#include <string.h>

#include "base/rd.h"
#include "base/text.h"
#include "lab/tags.h"

#define WORD_MAX 255u            /* §2.3.4.13: letters of a word */
#define SPINS_STANDARD 50000u
#define SPINS_MOST 1000000u      /* Office writes 100,000; more is there to hold us up */
#define SALT_MOST 64u

static struct str text_of(const void *p, size_t n)
{
	return str_make(p, n);
}

/* --- agile: XML --- */

static struct str base64_attr(const struct tag *t, const char *name, struct arena *a)
{
	struct buf b;
	struct str ret = S("");

	buf_init(&b, 4096);
	if (base64_get(&b, tag_attr(t, name, a)))
		ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return ret.p == NULL ? S("") : ret;
}

static bool hash_named(struct str name, enum secret_hash *ret)
{
	static const struct { struct str name; enum secret_hash h; } known[] = {
		{ S("SHA1"), SECRET_SHA1 }, { S("SHA-1"), SECRET_SHA1 }, { S("SHA256"), SECRET_SHA256 }, { S("SHA384"), SECRET_SHA384 }, { S("SHA512"), SECRET_SHA512 }, { S("MD5"), SECRET_MD5 },
	};

	for (size_t i = 0; i < COUNTOF(known); i++)
		if (str_eq_nocase(name, known[i].name)) {
			*ret = known[i].h;
			return true;
		}
	return false;
}

static size_t size_attr(const struct tag *t, const char *name, struct arena *a)
{
	uint64_t v = 0;

	return str_to_u64(tag_attr(t, name, a), &v) && v < 1u << 30 ? (size_t)v : 0;
}

/* AES in chained blocks is all that Office writes. */
static bool known_cipher(const struct tag *t, struct arena *a)
{
	return str_eq(tag_attr(t, "cipherAlgorithm", a), S("AES")) && str_eq(tag_attr(t, "cipherChaining", a), S("ChainingModeCBC")) && size_attr(t, "blockSize", a) == 16;
}

static bool key_size(size_t n)
{
	return n == 16 || n == 24 || n == 32;
}

static bool read_agile(struct str xml, struct arena *a, struct office_lock *l)
{
	bool data = false, word = false;
	size_t at = 0;
	struct tag t;

	l->agile = true;
	while (tag_next(xml, &at, &t)) {
		if (str_eq(t.name, S("keyData")) && !t.closing && !data) {
			data = known_cipher(&t, a) && hash_named(tag_attr(&t, "hashAlgorithm", a), &l->data_hash);
			l->data_salt = base64_attr(&t, "saltValue", a);
			l->key_n = size_attr(&t, "keyBits", a) / 8;
		} else if (str_eq(t.name, S("encryptedKey")) && !t.closing && !word) {
			word = known_cipher(&t, a) && hash_named(tag_attr(&t, "hashAlgorithm", a), &l->word_hash);
			l->word_salt = base64_attr(&t, "saltValue", a);
			l->word_key_n = size_attr(&t, "keyBits", a) / 8;
			l->spins = (uint32_t)size_attr(&t, "spinCount", a);
			l->verifier = base64_attr(&t, "encryptedVerifierHashInput", a);
			l->verifier_digest = base64_attr(&t, "encryptedVerifierHashValue", a);
			l->locked_key = base64_attr(&t, "encryptedKeyValue", a);
		}
	}
	return data && word && key_size(l->key_n) && key_size(l->word_key_n) && l->spins <= SPINS_MOST && l->word_salt.n == 16 && l->data_salt.n >= 1 && l->data_salt.n <= SALT_MOST &&
	       l->verifier.n == 16 && l->verifier_digest.n % 16 == 0 && l->verifier_digest.n >= 16 && l->verifier_digest.n <= 64 && l->locked_key.n % 16 == 0 &&
	       l->locked_key.n >= l->key_n && l->locked_key.n <= 64;
}

/* --- standard: a header and a verifier --- */

static bool read_standard(struct str s, struct office_lock *l)
{
	uint32_t head_n = str_le32(s, 4);
	struct str head = str_slice(s, 8, 8 + (size_t)head_n), verifier = str_slice(s, 8 + (size_t)head_n, s.n);
	uint32_t algorithm = str_le32(head, 8);

	l->key_n = l->word_key_n = str_le32(head, 16) / 8;
	l->word_hash = l->data_hash = SECRET_SHA1;
	l->spins = SPINS_STANDARD;
	l->word_salt = str_slice(verifier, 4, 20);
	l->verifier = str_slice(verifier, 20, 36);
	l->verifier_digest = str_slice(verifier, 40, 72);
	return head.n >= 32 && algorithm >= 0x660e && algorithm <= 0x6610 && key_size(l->key_n) && str_le32(verifier, 0) == 16 && l->verifier_digest.n == 32;
}

bool office_lock_read(struct str info, struct arena *a, struct office_lock *ret)
{
	unsigned major = str_le16(info, 0), minor = str_le16(info, 2);

	*ret = (struct office_lock){ .agile = false };
	if (major == 4 && minor == 4)
		return read_agile(str_slice(info, 8, info.n), a, ret);
	return minor == 2 && major >= 2 && major <= 4 && read_standard(str_slice(info, 4, info.n), ret);
}

/* --- words --- */

/* A word as UTF-16LE; its length in bytes. */
static size_t wide(struct str word, unsigned char to[static 2 * WORD_MAX])
{
	size_t n = 0;

	for (size_t at = 0; at < word.n && n + 4 <= 2 * WORD_MAX;) {
		uint32_t c = utf8_next(word, &at);
		uint32_t unit[2] = { c, 0 };

		if (c >= 0x10000) {
			unit[0] = 0xd800 + ((c - 0x10000) >> 10);
			unit[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		for (int i = 0; i < (c >= 0x10000 ? 2 : 1); i++) {
			to[n++] = (unsigned char)unit[i];
			to[n++] = (unsigned char)(unit[i] >> 8);
		}
	}
	return n;
}

/* A digest as a key or an initial value of that size: cut, or lengthened by 0x36 (§2.3.4.11). */
static void fit(unsigned char digest[static SECRET_DIGEST_MAX], size_t have, size_t want)
{
	if (have < want)
		memset(digest + have, 0x36, want - have);
}

static bool agile_part(const struct office_lock *l, const unsigned char *spun, size_t n, const char purpose[static 8], struct str in, unsigned char *out)
{
	unsigned char key[SECRET_DIGEST_MAX];
	size_t got = secret_digest(l->word_hash, (struct str[]){ text_of(spun, n), text_of(purpose, 8) }, 2, key);

	fit(key, got, l->word_key_n);
	return got > 0 && secret_aes_open(text_of(key, l->word_key_n), (const unsigned char *)l->word_salt.p, in, out);
}

static bool try_agile(struct office_lock *l, unsigned char *spun, size_t n)
{
	unsigned char input[16], said[SECRET_DIGEST_MAX], mine[SECRET_DIGEST_MAX], key[SECRET_DIGEST_MAX];
	size_t digest;

	if (!agile_part(l, spun, n, "\xfe\xa7\xd2\x76\x3b\x4b\x9e\x79", l->verifier, input) ||
	    !agile_part(l, spun, n, "\xd7\xaa\x0f\x6d\x30\x61\x34\x4e", l->verifier_digest, said))
		return false;
	digest = secret_digest(l->word_hash, &(struct str){ (char *)input, 16 }, 1, mine);
	if (digest == 0 || digest > l->verifier_digest.n || memcmp(mine, said, digest) != 0)
		return false;
	if (!agile_part(l, spun, n, "\x14\x6e\x0b\xe7\xab\xac\xd0\xd6", l->locked_key, key))
		return false;
	memcpy(l->key, key, l->key_n);
	return true;
}

/* §2.3.4.7: the digest is written into two paddings, as of a keyed one. */
static bool try_standard(struct office_lock *l, unsigned char *spun, size_t n)
{
	unsigned char last[SECRET_DIGEST_MAX], pad[64], made[2 * SECRET_DIGEST_MAX], said[32], input[16], mine[SECRET_DIGEST_MAX];
	struct str key;

	secret_digest(SECRET_SHA1, (struct str[]){ text_of(spun, n), S("\0\0\0\0") }, 2, last);
	for (size_t k = 0; k < 2; k++) {
		memset(pad, k == 0 ? 0x36 : 0x5c, sizeof pad);
		for (size_t i = 0; i < 20; i++)
			pad[i] ^= last[i];
		secret_digest(SECRET_SHA1, &(struct str){ (char *)pad, sizeof pad }, 1, made + 20 * k);
	}
	key = text_of(made, l->key_n);
	if (!secret_aes_open(key, NULL, l->verifier, input) || !secret_aes_open(key, NULL, l->verifier_digest, said))
		return false;
	secret_digest(SECRET_SHA1, &(struct str){ (char *)input, 16 }, 1, mine);
	if (memcmp(mine, said, 20) != 0)
		return false;
	memcpy(l->key, made, l->key_n);
	return true;
}

bool office_lock_try(struct office_lock *l, struct str word)
{
	unsigned char letters[2 * WORD_MAX], spun[SECRET_DIGEST_MAX];
	size_t n = secret_digest(l->word_hash, (struct str[]){ l->word_salt, text_of(letters, wide(word, letters)) }, 2, spun);

	if (n == 0 || !secret_spin(l->word_hash, spun, n, l->spins))
		return false;
	return l->agile ? try_agile(l, spun, n) : try_standard(l, spun, n);
}

bool office_lock_open(const struct office_lock *l, uint32_t number, struct str in, unsigned char out[static OFFICE_LOCK_PIECE])
{
	uint32_t said = htole32(number);
	unsigned char iv[SECRET_DIGEST_MAX];
	size_t n;

	if (in.n > OFFICE_LOCK_PIECE)
		return false;
	if (!l->agile)
		return secret_aes_open(text_of(l->key, l->key_n), NULL, in, out);
	n = secret_digest(l->data_hash, (struct str[]){ l->data_salt, text_of(&said, 4) }, 2, iv);
	fit(iv, n, 16);
	return n > 0 && secret_aes_open(text_of(l->key, l->key_n), iv, in, out);
}
