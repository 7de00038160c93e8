#include "base/uuid.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/text.h"

#define POOL_BYTES 1024

/* One system call serves 64 identifiers. Per thread, so no lock; emptied in a
 * forked child, or parent and child would hand out the same ones. */
static _Thread_local struct {
	unsigned char bytes[POOL_BYTES];
	size_t left;
} pool;

static void pool_empty(void)
{
	pool.left = 0;
}

__attribute__((constructor)) static void watch_fork(void)
{
	(void)pthread_atfork(NULL, NULL, pool_empty);
}

static bool is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

bool uuid_parse(struct str text, struct uuid *ret)
{
	struct uuid u;
	size_t byte = 0;

	if (text.n != UUID_TEXT_LEN)
		return false;
	for (size_t i = 0; i < UUID_TEXT_LEN;) {
		int high, low;

		if (is_dash(i)) {
			if (text.p[i++] != '-')
				return false;
			continue;
		}
		high = hex_value(text.p[i]);
		low = hex_value(text.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		u.b[byte++] = (unsigned char)(high << 4 | low);
		i += 2;
	}
	if ((u.b[8] & 0xC0) != 0x80 || uuid_version(&u) < 1 || uuid_version(&u) > 8)
		return false;
	*ret = u;
	return true;
}

struct str uuid_format(const struct uuid *u, char out[static UUID_TEXT_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	char *to = out;

	for (size_t i = 0; i < sizeof u->b; i++) {
		if (is_dash((size_t)(to - out)))
			*to++ = '-';
		*to++ = hex[u->b[i] >> 4];
		*to++ = hex[u->b[i] & 15];
	}
	*to = '\0';
	return str_make(out, UUID_TEXT_LEN);
}

int uuid_version(const struct uuid *u)
{
	return u->b[6] >> 4;
}

static void stamp(struct uuid *u, int version)
{
	u->b[6] = (unsigned char)((u->b[6] & 0x0F) | version << 4);
	u->b[8] = (unsigned char)((u->b[8] & 0x3F) | 0x80);
}

void uuid_v4(struct uuid *ret)
{
	if (pool.left < sizeof ret->b) {
		random_bytes(pool.bytes, sizeof pool.bytes);
		pool.left = sizeof pool.bytes;
	}
	pool.left -= sizeof ret->b;
	memcpy(ret->b, pool.bytes + pool.left, sizeof ret->b);
	stamp(ret, 4);
}

void uuid_v5(const struct uuid *space, struct str name, struct uuid *ret)
{
	unsigned char digest[SHA1_LEN];

	hash_sha1_joined(str_make((const char *)space->b, sizeof space->b), name, digest);
	memcpy(ret->b, digest, sizeof ret->b);
	stamp(ret, 5);
}
