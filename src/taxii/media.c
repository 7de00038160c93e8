#include "taxii/media.h"

/* How closely a media range names TAXII 2.1: the closest one decides (RFC 7231 §5.3.2). */
enum closeness { NOT_US, ANYTHING, APPLICATION, TAXII, TAXII_21 };

struct range {
	enum closeness close;
	bool wanted; /* q > 0 */
};

/* Cuts at `sep` outside quoted strings. */
static bool next_unquoted(struct str *rest, char sep, struct str *ret)
{
	bool quoted = false;
	size_t i;

	if (rest->n == 0)
		return false;
	for (i = 0; i < rest->n; i++) {
		if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		else if (rest->p[i] == '"')
			quoted = !quoted;
		else if (rest->p[i] == sep && !quoted)
			break;
	}
	*ret = str_slice(*rest, 0, i);
	*rest = str_slice(*rest, i + 1, rest->n);
	return true;
}

static struct str unquoted(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return str_slice(s, 1, s.n - 1);
	return s;
}

/* RFC 7231 §5.3.1: "0" with up to three zeros refuses; anything else wants it. */
static bool weight_is_zero(struct str q)
{
	for (size_t i = 0; i < q.n; i++)
		if (q.p[i] != '0' && !(i == 1 && q.p[i] == '.'))
			return false;
	return q.n > 0;
}

static struct range read_range(struct str text)
{
	struct range r = { .close = NOT_US, .wanted = true };
	struct str part, name, value;
	bool good = next_unquoted(&text, ';', &part);

	part = good ? str_trim(part) : S("");
	if (str_eq_nocase(part, S("application/taxii+json")))
		r.close = TAXII;
	else if (str_eq_nocase(part, S("application/*")))
		r.close = APPLICATION;
	else if (str_eq(part, S("*/*")))
		r.close = ANYTHING;
	while (next_unquoted(&text, ';', &part)) {
		size_t eq = str_find(part, S("="), 0);

		name = str_trim(str_slice(part, 0, eq));
		value = eq == SIZE_MAX ? S("") : unquoted(str_trim(str_slice(part, eq + 1, part.n)));
		if (str_eq_nocase(name, S("q")))
			r.wanted = !weight_is_zero(value);
		else if (r.close >= TAXII && str_eq_nocase(name, S("version")))
			r.close = str_eq(value, S("2.1")) ? TAXII_21 : NOT_US;
	}
	return r;
}

bool media_accepted(struct str accept)
{
	struct range best = { .close = NOT_US, .wanted = false };
	struct str piece;

	if (accept.p == NULL)
		return true;
	while (next_unquoted(&accept, ',', &piece)) {
		struct range r = read_range(piece);

		if (r.close > best.close)
			best = r;
		else if (r.close == best.close)
			best.wanted |= r.wanted;
	}
	return best.close != NOT_US && best.wanted;
}

bool media_is_taxii(struct str content_type)
{
	struct str text = content_type;
	struct range r = read_range(text);

	return r.close >= TAXII;
}
