#include "lab/pdf_lock.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"
#include "lab/secret.h"

#define WORD_MAX 127u
#define BLOCK 16u
#define DICTIONARY_MAX ((size_t)64 << 10)

static const unsigned char PADDING[33] = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a";

static struct str text_of(const void *p, size_t n)
{
	return str_make(p, n);
}

/* --- the dictionary --- */

static bool blank(char c)
{
	return ascii_space(c) || c == '\0';
}

static size_t skip(struct str s, size_t at)
{
	while (at < s.n && blank(s.p[at]))
		at++;
	return at;
}

/* Behind a text in parentheses that begins at `at`. */
static size_t behind_text(struct str s, size_t at)
{
	int depth = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return s.n;
}

/* Where the value of the name stands, not looking into texts: they are any bytes here. SIZE_MAX: nowhere. */
static size_t value(struct str d, const char *name, size_t at)
{
	size_t n = strlen(name);

	while (at < d.n) {
		if (d.p[at] == '(') {
			at = behind_text(d, at);
		} else if (d.p[at] == '/' && str_eq(str_slice(d, at + 1, at + 1 + n), str_of(name)) && at + 1 + n < d.n && !ascii_alnum(d.p[at + 1 + n])) {
			return skip(d, at + 1 + n);
		} else {
			at++;
		}
	}
	return SIZE_MAX;
}

static int64_t number(struct str d, const char *name, int64_t other)
{
	size_t at = value(d, name, 0), to = at;
	int64_t v;

	if (at == SIZE_MAX)
		return other;
	while (to < d.n && (ascii_digit(d.p[to]) || (to == at && d.p[to] == '-')))
		to++;
	return str_to_i64(str_slice(d, at, to), &v) ? v : other;
}

static struct str plain_text(struct str s, size_t at, struct arena *a)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	size_t end = behind_text(s, at), n = 0;
	char *out = arena_alloc(a, end - at + 1);

	for (size_t i = at + 1; out != NULL && i + 1 < end; i++) {
		const char *known;
		unsigned v = 0;
		int k = 0;

		if (s.p[i] != '\\') {
			out[n++] = s.p[i];
			continue;
		}
		for (i++; k < 3 && i < end && s.p[i] >= '0' && s.p[i] <= '7'; k++, i++)
			v = v * 8 + (unsigned)(s.p[i] - '0');
		if (k > 0) {
			out[n++] = (char)v;
			i--;
			continue;
		}
		known = memchr(from, s.p[i], sizeof from - 1);
		if (s.p[i] == '\r' || s.p[i] == '\n')
			i += s.p[i] == '\r' && i + 1 < end && s.p[i + 1] == '\n';
		else
			out[n++] = known != NULL ? to[known - from] : s.p[i];
	}
	return out == NULL ? S("") : str_make(out, n);
}

static struct str hex_text(struct str s, size_t at, struct arena *a)
{
	size_t end = str_find(s, S(">"), at), n = 0;
	char *out = arena_alloc(a, (end == SIZE_MAX ? s.n : end) - at + 1);
	int high = -1;

	for (size_t i = at + 1; out != NULL && i < s.n && i < end; i++) {
		int v = hex_value(s.p[i]);

		if (v < 0)
			continue;
		if (high < 0) {
			high = v;
		} else {
			out[n++] = (char)(high << 4 | v);
			high = -1;
		}
	}
	return out == NULL ? S("") : str_make(out, n);
}

static struct str text_at(struct str s, size_t at, struct arena *a)
{
	if (at >= s.n)
		return S("");
	return s.p[at] == '(' ? plain_text(s, at, a) : s.p[at] == '<' ? hex_text(s, at, a) : S("");
}

/* The dictionary that "/Encrypt" leads to: "12 0 R", or itself. */
static struct str dictionary(struct str file)
{
	for (size_t at = 0; (at = str_find(file, S("/Encrypt"), at)) != SIZE_MAX; at += 8) {
		size_t from = skip(file, at + 8), to = from;
		char head[32];
		int n;

		if (str_eq(str_slice(file, from, from + 2), S("<<")))
			return str_slice(file, from, from + DICTIONARY_MAX);
		while (to < file.n && ascii_digit(file.p[to]))
			to++;
		if (to == from || to - from > 9)
			continue;
		n = snprintf(head, sizeof head, "%.*s 0 obj", STR(str_slice(file, from, to)));
		for (size_t k = 0; (k = str_find(file, str_make(head, (size_t)n), k)) != SIZE_MAX; k++) {
			size_t end;

			if (k > 0 && ascii_digit(file.p[k - 1]))
				continue;
			end = str_find(file, S("endobj"), k);
			end = end == SIZE_MAX || end - k > DICTIONARY_MAX ? k + DICTIONARY_MAX : end;
			return str_slice(file, k + (size_t)n, end);
		}
	}
	return S("");
}

static struct str id_of(struct str file, struct arena *a)
{
	for (size_t at = 0; (at = str_find(file, S("/ID"), at)) != SIZE_MAX; at += 3) {
		size_t from = skip(file, at + 3);

		if (from < file.n && file.p[from] == '[')
			return text_at(file, skip(file, from + 1), a);
	}
	return S("");
}

/* How streams are locked from version 4 on: by the filter that /StmF names. */
static void read_filter(struct str d, struct pdf_lock *l)
{
	size_t at = value(d, "StmF", 0), to, filter, method;
	char name[64];

	l->streams = PDF_PLAIN;
	if (at == SIZE_MAX || at >= d.n || d.p[at] != '/')
		return;
	for (to = at + 1; to < d.n && (ascii_alnum(d.p[to]) || d.p[to] == '_' || d.p[to] == '-'); to++)
		continue;
	snprintf(name, sizeof name, "%.*s", STR(str_slice(d, at + 1, to)));
	if (strcmp(name, "Identity") == 0)
		return;
	filter = value(d, "CF", 0);
	filter = filter == SIZE_MAX ? SIZE_MAX : value(d, name, filter);
	method = filter == SIZE_MAX ? SIZE_MAX : value(d, "CFM", filter);
	if (method == SIZE_MAX)
		return;
	if (str_starts(str_slice(d, method, d.n), S("/AESV")))
		l->streams = PDF_AES;
	else if (str_starts(str_slice(d, method, d.n), S("/V2")))
		l->streams = PDF_RC4;
}

bool pdf_lock_read(struct str file, struct arena *a, struct pdf_lock *ret, const char **ret_why)
{
	struct str d = dictionary(file);
	size_t handler = value(d, "Filter", 0), meta = value(d, "EncryptMetadata", 0);
	int64_t bits = number(d, "Length", 40);

	*ret = (struct pdf_lock){ .version = (unsigned)number(d, "V", 0), .revision = (unsigned)number(d, "R", 0), .rights = (uint32_t)number(d, "P", 0) };
	*ret_why = "the document is encrypted, and does not say how";
	if (d.n == 0)
		return false;
	*ret_why = "the document is encrypted in a way that is not known here";
	if (handler == SIZE_MAX || !str_starts(str_slice(d, handler, d.n), S("/Standard")))
		return false;
	ret->owner = text_at(d, value(d, "O", 0), a);
	ret->user = text_at(d, value(d, "U", 0), a);
	ret->owner_key = text_at(d, value(d, "OE", 0), a);
	ret->user_key = text_at(d, value(d, "UE", 0), a);
	ret->id = id_of(file, a);
	ret->open_metadata = meta != SIZE_MAX && str_starts(str_slice(d, meta, d.n), S("false"));
	ret->streams = PDF_RC4;
	if (ret->version >= 4)
		read_filter(d, ret);
	ret->key_n = ret->version == 1 ? 5 : ret->version == 4 ? 16 : ret->version == 5 ? 32 : (size_t)(bits < 40 || bits > 128 ? 40 : bits) / 8;
	if (ret->version < 1 || ret->version > 5 || ret->revision < 2 || ret->revision > 6 || (ret->version == 5) != (ret->revision >= 5))
		return false;
	return ret->revision >= 5 ? ret->user.n >= 48 && ret->owner.n >= 48 && ret->user_key.n >= 32 && ret->owner_key.n >= 32 : ret->user.n >= 32 && ret->owner.n >= 32;
}

/* --- words --- */

/* Algorithm 2, and 4 or 5 to see whether it was right. */
static bool try_old(struct pdf_lock *l, struct str word)
{
	char padded[32];
	uint32_t rights = l->rights;
	unsigned char said[4] = { (unsigned char)rights, (unsigned char)(rights >> 8), (unsigned char)(rights >> 16), (unsigned char)(rights >> 24) };
	unsigned char digest[SECRET_DIGEST_MAX], key[16], mine[32];
	size_t n = word.n < 32 ? word.n : 32, rounds = l->revision >= 3 ? 50 : 0;
	struct str parts[5] = { { padded, 32 }, str_slice(l->owner, 0, 32), text_of(said, 4), l->id, S("\xff\xff\xff\xff") };

	memcpy(padded, word.p, n);
	memcpy(padded + n, PADDING, 32 - n);
	secret_digest(SECRET_MD5, parts, l->revision >= 4 && l->open_metadata ? 5 : 4, digest);
	for (size_t i = 0; i < rounds; i++)
		secret_digest(SECRET_MD5, &(struct str){ (char *)digest, l->key_n }, 1, digest);
	memcpy(l->key, digest, l->key_n);
	if (l->revision == 2) {
		secret_rc4(text_of(l->key, l->key_n), text_of(PADDING, 32), mine);
		return memcmp(mine, l->user.p, 32) == 0;
	}
	secret_digest(SECRET_MD5, (struct str[]){ text_of(PADDING, 32), l->id }, 2, digest);
	for (unsigned i = 0; i < 20; i++) {
		for (size_t k = 0; k < l->key_n; k++)
			key[k] = l->key[k] ^ (unsigned char)i;
		memcpy(mine, digest, 16);
		secret_rc4(text_of(key, l->key_n), text_of(mine, 16), digest);
	}
	return memcmp(digest, l->user.p, 16) == 0;
}

/* Algorithm 2.B: of revision 6; revision 5 stops at its first line. */
static bool hash_new(const struct pdf_lock *l, struct str word, struct str salt, struct str more, unsigned char out[static SECRET_DIGEST_MAX])
{
	static const enum secret_hash kinds[] = { SECRET_SHA256, SECRET_SHA384, SECRET_SHA512 };
	unsigned char once[WORD_MAX + SECRET_DIGEST_MAX + 48], many[64 * sizeof once];
	size_t n = secret_digest(SECRET_SHA256, (struct str[]){ word, salt, more }, 3, out);

	for (unsigned i = 0; l->revision >= 6 && n > 0; i++) {
		size_t once_n = word.n + n + more.n;
		unsigned sum = 0;

		memcpy(once, word.p, word.n);
		memcpy(once + word.n, out, n);
		memcpy(once + word.n + n, more.p, more.n);
		for (size_t k = 0; k < 64; k++)
			memcpy(many + k * once_n, once, once_n);
		if (!secret_aes_close(text_of(out, 16), out + 16, text_of(many, 64 * once_n), many))
			return false;
		for (size_t k = 0; k < 16; k++)
			sum += many[k];
		n = secret_digest(kinds[sum % 3], &(struct str){ (char *)many, 64 * once_n }, 1, out);
		if (i >= 63 && many[64 * once_n - 1] <= i - 31)
			break;
	}
	return n >= 32;
}

static bool try_new(struct pdf_lock *l, struct str word, struct str check, struct str locked, struct str more)
{
	static const unsigned char no_iv[16];
	unsigned char out[SECRET_DIGEST_MAX];

	return hash_new(l, word, str_slice(check, 32, 40), more, out) && memcmp(out, check.p, 32) == 0 && hash_new(l, word, str_slice(check, 40, 48), more, out) &&
	       secret_aes_open(text_of(out, 32), no_iv, str_slice(locked, 0, 32), l->key);
}

bool pdf_lock_try(struct pdf_lock *l, struct str word)
{
	word = str_slice(word, 0, WORD_MAX);
	if (l->revision < 5)
		return try_old(l, word);
	return try_new(l, word, l->user, l->user_key, S("")) || try_new(l, word, l->owner, l->owner_key, str_slice(l->user, 0, 48));
}

/* --- streams --- */

size_t pdf_lock_open(const struct pdf_lock *l, uint32_t object, uint32_t generation, struct str in, unsigned char *out)
{
	unsigned char key[SECRET_DIGEST_MAX], number[5] = { (unsigned char)object, (unsigned char)(object >> 8), (unsigned char)(object >> 16), (unsigned char)generation, (unsigned char)(generation >> 8) };
	struct str parts[3] = { text_of(l->key, l->key_n), text_of(number, 5), S("sAlT") };
	size_t key_n = l->key_n + 5 < 16 ? l->key_n + 5 : 16, n;

	if (l->streams == PDF_PLAIN) {
		memcpy(out, in.p, in.n);
		return in.n;
	}
	if (l->version == 5) {
		memcpy(key, l->key, 32);
		key_n = 32;
	} else {
		secret_digest(SECRET_MD5, parts, l->streams == PDF_AES ? 3 : 2, key);
	}
	if (l->streams == PDF_RC4) {
		secret_rc4(text_of(key, key_n), in, out);
		return in.n;
	}
	if (in.n < BLOCK)
		return in.n == 0 ? 0 : SIZE_MAX;
	n = (in.n - BLOCK) / BLOCK * BLOCK;
	if (!secret_aes_open(text_of(key, key_n), (const unsigned char *)in.p, str_slice(in, BLOCK, BLOCK + n), out))
		return SIZE_MAX;
	return n > 0 && out[n - 1] >= 1 && out[n - 1] <= BLOCK ? n - out[n - 1] : n;
}
