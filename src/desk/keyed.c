#include "desk/keyed.h"

#include <arpa/inet.h>

#include "base/hash.h"
#include "model/observable.h"

int64_t keyed_epoch(usec now)
{
	return now / KEYED_EPOCH;
}

void keyed_draw(struct keyed_key *k, int64_t generation, usec now)
{
	k->generation = generation;
	k->epoch = keyed_epoch(now);
	random_bytes(k->key, sizeof k->key);
}

bool keyed_roll(struct keyed_key *k, int64_t epoch)
{
	if (epoch < k->epoch || epoch - k->epoch > KEYED_ROLLS_MAX)
		return false;
	for (; k->epoch < epoch; k->epoch++) {
		unsigned char next[MAC_LEN];

		mac_sha256(k->key, S("lianfang keyed next epoch"), next);
		memcpy(k->key, next, sizeof k->key);
		secret_wipe(next, sizeof next);
	}
	return true;
}

void keyed_handle(const struct keyed_key *k, enum observable_kind kind, struct str value, unsigned char out[static KEYED_HANDLE_LEN])
{
	unsigned char key[MAC_LEN];
	char message[32 + VALUE_MAX];
	int n = snprintf(message, 32, "%s", value_kind_name(kind)) + 1; /* its NUL stands between: no name runs into a value */
	size_t room = value.n > VALUE_MAX ? VALUE_MAX : value.n;

	memcpy(message + n, value.p, room);
	mac_sha256(k->key, S("lianfang keyed handle"), key);
	mac_sha256(key, str_make(message, (size_t)n + room), out);
	secret_wipe(key, sizeof key);
	secret_wipe(message, (size_t)n + room);
}

/* --- what is harmless --- */

static const struct { uint32_t from; int bits; const char *why; } IPV4[] = {
	{ 0x00000000, 8, "this network" }, { 0x0a000000, 8, "private" }, { 0x64400000, 10, "carrier's own" }, { 0x7f000000, 8, "loopback" },
	{ 0xa9fe0000, 16, "link-local" }, { 0xac100000, 12, "private" }, { 0xc0000000, 24, "protocols" }, { 0xc0a80000, 16, "private" },
	{ 0xc6120000, 15, "benchmarks" }, { 0xe0000000, 4, "multicast" }, { 0xf0000000, 4, "reserved" },
};
static const char *const OWN_NAMES[] = { ".local", ".localhost", ".lan", ".home", ".internal", ".intranet", ".corp", ".arpa", ".test", ".invalid" };
/* Digests of no bytes, of one newline and of one zero byte. */
static const char *const EMPTY[] = {
	"d41d8cd98f00b204e9800998ecf8427e", "68b329da9893e34099c7d8ad5cb9c940", "93b885adfe0da089cdf634904fd59f71",
	"da39a3ee5e6b4b0d3255bfef95601890afd80709", "adc83b19e793491b1c6ea0fd8b46cd9f32e592fc", "5ba93c9db0cff93f52b521d7420e43f6eda2784f",
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
};

static const char *harmless_ipv4(struct str value)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr a;
	uint32_t host;

	if (str_find(value, S("/"), 0) != SIZE_MAX)
		return "a block of addresses";
	snprintf(text, sizeof text, "%.*s", STR(str_slice(value, 0, sizeof text - 1)));
	if (inet_pton(AF_INET, text, &a) != 1)
		return "no address";
	host = ntohl(a.s_addr);
	for (size_t i = 0; i < COUNTOF(IPV4); i++)
		if (host >> (32 - IPV4[i].bits) == IPV4[i].from >> (32 - IPV4[i].bits))
			return IPV4[i].why;
	return NULL;
}

static const char *harmless_ipv6(struct str value)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (str_find(value, S("/"), 0) != SIZE_MAX)
		return "a block of addresses";
	snprintf(text, sizeof text, "%.*s", STR(str_slice(value, 0, sizeof text - 1)));
	if (inet_pton(AF_INET6, text, &a) != 1)
		return "no address";
	/* 2000::/3 is all that is routed between organisations. */
	return a.s6_addr[0] >> 5 != 1 ? "not of the public network" : NULL;
}

static const char *harmless_name(struct str value)
{
	if (str_find(value, S("."), 0) == SIZE_MAX)
		return "a name of one label";
	for (size_t i = 0; i < COUNTOF(OWN_NAMES); i++)
		if (str_ends(value, str_of(OWN_NAMES[i])))
			return "a name of a house's own network";
	return NULL;
}

static const char *harmless_host(struct str host)
{
	struct buf b;
	enum observable_kind kind;
	const char *why;

	buf_init(&b, VALUE_MAX);
	if (value_detect(host, &kind, &b, NULL) == RC_OK && (kind == OBS_IPV4 || kind == OBS_IPV6))
		why = kind == OBS_IPV4 ? harmless_ipv4(buf_view(&b)) : harmless_ipv6(buf_view(&b));
	else
		why = harmless_name(host);
	buf_done(&b);
	return why;
}

const char *keyed_harmless(enum observable_kind kind, struct str value)
{
	size_t at;

	switch (kind) {
	case OBS_IPV4: return harmless_ipv4(value);
	case OBS_IPV6: return harmless_ipv6(value);
	case OBS_DOMAIN: return harmless_name(value);
	case OBS_URL: return harmless_host(value_url_host(value));
	case OBS_EMAIL:
		at = str_find(value, S("@"), 0);
		return at == SIZE_MAX ? "no address" : harmless_name(str_slice(value, at + 1, value.n));
	case OBS_MD5:
	case OBS_SHA1:
	case OBS_SHA256:
	case OBS_SHA512:
		for (size_t i = 0; i < COUNTOF(EMPTY); i++)
			if (str_eq(value, str_of(EMPTY[i])))
				return "the digest of nothing";
		return NULL;
	case OBS_KINDS: break;
	}
	return "no value of a known kind";
}

bool keyed_is_common(uint64_t holders, uint64_t members)
{
	return holders > KEYED_COMMON_LEAST && holders * 50 > members;
}
