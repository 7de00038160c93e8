/* Ids and versions are kept as 16 bytes and an instant; the few that this form
 * cannot give back byte for byte keep their text beside (struct odd). */
#include "base/hash.h"
#include "base/mem.h"
#include "store/objlog_int.h"

#define UUID_CHARS 36

static int digit16(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

/* Any lower-case 8-4-4-4-12: unlike uuid_parse, whatever its version and variant. */
static bool uuid_read(struct str s, unsigned char uuid[static 16])
{
	size_t n = 0;

	if (s.n != UUID_CHARS)
		return false;
	for (size_t i = 0; i < UUID_CHARS; i++) {
		int high, low;

		if (is_dash(i)) {
			if (s.p[i] != '-')
				return false;
			continue;
		}
		high = digit16(s.p[i]);
		low = digit16(s.p[++i]);
		if (high < 0 || low < 0)
			return false;
		uuid[n++] = (unsigned char)(high << 4 | low);
	}
	return true;
}

bool objlog_id_split(struct str id, struct str *ret_type, unsigned char uuid[static 16], bool *ret_odd)
{
	size_t at = str_find(id, S("--"), 0);
	unsigned char digest[SHA256_LEN];
	struct str rest;

	if (at == SIZE_MAX || at == 0 || at + 2 == id.n)
		return false;
	*ret_type = str_slice(id, 0, at);
	rest = str_slice(id, at + 2, id.n);
	*ret_odd = !uuid_read(rest, uuid);
	if (*ret_odd) {
		hash_sha256(rest, digest);
		memcpy(uuid, digest, 16);
	}
	return true;
}

enum rc objlog_version_read(struct str text, struct object *o, bool *ret_odd, struct err *err)
{
	int digits = 0;
	usec at;

	*ret_odd = false;
	if (text.n == 0) {
		o->version = NO_VERSION;
		o->digits = DIGITS_NONE;
		return RC_OK;
	}
	TRY(time_parse(text, &at, &digits, err));
	if (text.n > ODD_VERSION_MAX)
		return FAIL(err, RC_LIMIT, "version: longer than %u bytes", ODD_VERSION_MAX);
	/* A second of 60 and a seventh digit are lost in microseconds. */
	*ret_odd = digits > 6 || str_eq(str_slice(text, 17, 19), S("60"));
	o->version = at;
	o->digits = digits > 6 ? 6u : (unsigned)digits & 7u;
	return RC_OK;
}

size_t objlog_id_write(const struct object *o, struct str type, const struct odd *odd, char *out)
{
	static const char hex[] = "0123456789abcdef";
	char *to = out;

	if (odd != NULL && odd->id_n > 0) {
		memcpy(out, odd->bytes, odd->id_n);
		return odd->id_n;
	}
	memcpy(to, type.p, type.n);
	to += type.n;
	*to++ = '-';
	*to++ = '-';
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = hex[o->uuid[i] >> 4];
		*to++ = hex[o->uuid[i] & 15];
	}
	return (size_t)(to - out);
}

size_t objlog_version_write(const struct object *o, const struct odd *odd, char *out)
{
	char text[TIME_TEXT_MAX];
	struct str whole;
	size_t n;

	if (odd != NULL && odd->version_n > 0) {
		memcpy(out, odd->bytes + odd->id_n, odd->version_n);
		return odd->version_n;
	}
	if (o->version == NO_VERSION)
		return 0;
	whole = time_format(o->version, text);
	/* "…SS.ffffffZ" without the digits that the object does not have, and without a bare point. */
	n = o->digits == 0 ? whole.n - 8 : whole.n - 7 + o->digits;
	memcpy(out, whole.p, n);
	out[n] = 'Z';
	return n + 1;
}

void objlog_print(const struct objlog *l, const struct object *o, const struct odd *odd, unsigned char out[static 32])
{
	const struct type_name *t = &l->types[o->type];
	char id[ID_TEXT_MAX], version[VERSION_TEXT_MAX], key[VERSION_KEY_MAX];
	struct str i = str_make(id, objlog_id_write(o, str_make(t->p, t->n), odd, id));
	struct str v = str_make(version, objlog_version_write(o, odd, version));

	object_fingerprint(i, object_version_key(v, key), o->spec21 ? 21 : 20, out);
}

enum rc objlog_odd_new(struct str id, struct str version, struct odd **ret, struct err *err)
{
	struct odd *odd = mem_alloc(sizeof *odd + id.n + version.n);

	if (odd == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for an unusual id or version");
	odd->id_n = (uint16_t)id.n;
	odd->version_n = (uint16_t)version.n;
	if (id.n > 0)
		memcpy(odd->bytes, id.p, id.n);
	if (version.n > 0)
		memcpy(odd->bytes + id.n, version.p, version.n);
	*ret = odd;
	return RC_OK;
}
