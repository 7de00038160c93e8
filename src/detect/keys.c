#include "detect/keys.h"

#include <arpa/inet.h>

/* Empty when the text is no address. */
static struct str address_key(enum observable_kind kind, struct str text, char out[static KEY_MAX])
{
	size_t bytes = kind == OBS_IPV4 ? 4 : 16, slash;
	uint64_t prefix = bytes * 8;
	char plain[64];
	struct str host;

	if (kind == OBS_IPV4 && value_ipv4(text, (unsigned char *)out + 2)) {
		out[0] = (char)kind;
		out[1] = 32;
		return str_make(out, 6);
	}
	slash = str_find(text, S("/"), 0);
	host = str_slice(text, 0, slash);
	if (host.n >= sizeof plain || (slash != SIZE_MAX && !str_to_u64(str_slice(text, slash + 1, text.n), &prefix)) || prefix > bytes * 8)
		return S("");
	memcpy(plain, host.p, host.n);
	plain[host.n] = '\0';
	if (inet_pton(kind == OBS_IPV4 ? AF_INET : AF_INET6, plain, out + 2) != 1)
		return S("");
	out[0] = (char)kind;
	out[1] = (char)prefix;
	return str_make(out, bytes + 2);
}

static void mask_key(char *key, size_t bytes, unsigned prefix)
{
	key[1] = (char)prefix;
	for (size_t i = 0; i < bytes; i++) {
		unsigned keep = prefix > i * 8 ? prefix - (unsigned)i * 8 : 0;

		if (keep < 8)
			key[2 + i] = (char)((unsigned char)key[2 + i] & (0xff00u >> keep));
	}
}

static struct str text_key(enum observable_kind kind, struct str text, char out[static KEY_MAX])
{
	size_t n = text.n;

	if (n + 2 > KEY_MAX)
		return S("");
	out[0] = (char)kind;
	out[1] = 0;
	if (kind == OBS_URL && (n = value_url_key(text, out + 2, KEY_MAX - 2)) == 0)
		return S("");
	if (kind != OBS_URL)
		memcpy(out + 2, text.p, n);
	return str_make(out, n + 2);
}

struct str key_of(enum observable_kind kind, struct str normal, char out[static KEY_MAX])
{
	return kind == OBS_IPV4 || kind == OBS_IPV6 ? address_key(kind, normal, out) : text_key(kind, normal, out);
}

void key_note_prefix(struct key_prefixes *p, struct str key)
{
	unsigned prefix = (unsigned char)key.p[1];

	if (key.p[0] == OBS_IPV4)
		atomic_fetch_or(&p->v4, (uint64_t)1 << prefix);
	else if (key.p[0] == OBS_IPV6)
		atomic_fetch_or(&p->v6[prefix / 64], (uint64_t)1 << (prefix % 64));
}

struct asking {
	const struct key_prefixes *p;
	key_probe fn;
	void *ctx;
};

static bool ask_address(const struct asking *q, enum observable_kind kind, struct str value)
{
	char key[KEY_MAX] UNINIT;
	struct str bytes = address_key(kind, value, key);
	unsigned most = bytes.n == 0 ? 0 : (unsigned char)key[1];

	if (bytes.n == 0)
		return true;
	/* From narrow to wide, so that masking only ever takes bits away. */
	for (int prefix = (int)most; prefix >= 0; prefix--) {
		uint64_t word = kind == OBS_IPV4 ? atomic_load(&q->p->v4) : atomic_load(&q->p->v6[prefix / 64]);

		if (((word >> (prefix % 64)) & 1) == 0)
			continue;
		mask_key(key, bytes.n - 2, (unsigned)prefix);
		if (!q->fn(q->ctx, bytes, prefix == (kind == OBS_IPV4 ? 32 : 128) ? value : (struct str){ NULL, 0 }))
			return false;
	}
	return true;
}

static bool ask_domain(const struct asking *q, struct str domain)
{
	char key[KEY_MAX] UNINIT;

	while (domain.n > 0) {
		size_t dot = str_find(domain, S("."), 0);

		if (!q->fn(q->ctx, text_key(OBS_DOMAIN, domain, key), domain))
			return false;
		domain = dot == SIZE_MAX ? S("") : str_slice(domain, dot + 1, domain.n);
	}
	return true;
}

/* A URL is met by itself and by its host. */
static bool ask_url(const struct asking *q, struct str url)
{
	struct str host = value_url_host(url), own;
	char key[KEY_MAX] UNINIT, normal[64];
	struct in_addr in;

	own = text_key(OBS_URL, url, key);
	if (own.n > 0 && !q->fn(q->ctx, own, url))
		return false;
	if (host.n > 0 && host.n < sizeof normal) {
		memcpy(normal, host.p, host.n);
		normal[host.n] = '\0';
		if (memchr(normal, ':', host.n) != NULL)
			return ask_address(q, OBS_IPV6, host);
		if (inet_pton(AF_INET, normal, &in) == 1)
			return ask_address(q, OBS_IPV4, host);
	}
	return ask_domain(q, host);
}

void keys_of(enum observable_kind kind, struct str normal, const struct key_prefixes *p, key_probe fn, void *ctx)
{
	struct asking q = { p, fn, ctx };
	char key[KEY_MAX] UNINIT;

	switch (kind) {
	case OBS_IPV4:
	case OBS_IPV6:
		(void)ask_address(&q, kind, normal);
		return;
	case OBS_DOMAIN:
		(void)ask_domain(&q, normal);
		return;
	case OBS_URL:
		(void)ask_url(&q, normal);
		return;
	case OBS_EMAIL:
	case OBS_MD5:
	case OBS_SHA1:
	case OBS_SHA256:
	case OBS_SHA512:
		(void)fn(ctx, text_key(kind, normal, key), normal);
		return;
	case OBS_KINDS:
		return;
	}
}
