/* STIX 2.1 §10.7 (hash algorithm vocabulary). Names are compared without case,
 * '-' and '_', since 2.0 data writes MD5, md5, SHA256 and SHA-256. */
#include "stix/pattern_hash.h"

#include "base/text.h"

#define HASH_NAME_MAX 16

static const struct {
	const char *name;
	size_t digits;
} HASHES[] = {
	{ "MD5", 32 },      { "RIPEMD160", 40 }, { "SHA1", 40 },     { "SHA224", 56 },   { "SHA256", 64 },
	{ "SHA384", 96 },   { "SHA512", 128 },   { "SHA3224", 56 },  { "SHA3256", 64 },  { "SHA3384", 96 },
	{ "SHA3512", 128 }, { "WHIRLPOOL", 128 },
};

/* Hexadecimal digits of the algorithm, or 0 when we know none. */
static size_t digits_of(struct str name)
{
	char plain[HASH_NAME_MAX];
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '-' || name.p[i] == '_')
			continue;
		if (n == sizeof plain)
			return 0;
		plain[n++] = name.p[i];
	}
	for (size_t i = 0; i < COUNTOF(HASHES); i++)
		if (str_eq_nocase(str_make(plain, n), str_of(HASHES[i].name)))
			return HASHES[i].digits;
	return 0;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(s.p[i]) < 0)
			return false;
	return true;
}

enum rc pat_hash_check(const struct pat_cmp *cmp, struct err *err)
{
	const struct pat_step *last = &cmp->steps[cmp->n_steps - 1];
	size_t digits;

	if (cmp->n_steps < 2 || last->kind != PAT_KEY || !str_eq(last[-1].key, S("hashes")) ||
	    (cmp->op != PAT_EQ && cmp->op != PAT_NE && cmp->op != PAT_IN))
		return RC_OK;
	digits = digits_of(last->key);
	for (uint32_t i = 0; digits > 0 && i < cmp->n_consts; i++) {
		const struct pat_const *c = &cmp->consts[i];

		if (c->type == PAT_STRING && (c->text.n != digits || !is_hex(c->text)))
			return FAIL(err, RC_BAD, "pattern: byte %u: no %.*s hash: it has %zu hexadecimal digits", c->at,
				    STR(last->key), digits);
	}
	return RC_OK;
}
