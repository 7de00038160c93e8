#include "stix/format.h"

#include "stix/lang.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_alpha(char c) { return is_lower((char)(c | 0x20)); }
static bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
static bool is_ascii(char c) { return (unsigned char)c < 0x80; }

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool all_of(struct str s, bool (*fits)(char))
{
	for (size_t i = 0; i < s.n; i++)
		if (!fits(s.p[i]))
			return false;
	return true;
}

/* "a|b" holds s, case folded. */
static bool among(const char *words, struct str s)
{
	struct str rest = str_of(words), word;

	while (str_next(&rest, '|', &word))
		if (str_eq_nocase(word, s))
			return true;
	return false;
}

const char *format_uri(struct str s)
{
	size_t colon = str_find(s, S(":"), 0);

	if (colon == SIZE_MAX || colon == 0 || !is_alpha(s.p[0]))
		return "a URI begins with a scheme and a colon";
	for (size_t i = 1; i < colon; i++)
		if (!is_alnum(s.p[i]) && !is_one_of(s.p[i], "+-."))
			return "a character that no URI scheme has";
	if (colon + 1 == s.n)
		return "nothing behind the scheme";
	for (size_t i = colon + 1; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || is_one_of(s.p[i], "<>\"{}|\\^`\x7f"))
			return "a character that a URI must escape";
	return NULL;
}

const char *format_hex(struct str s)
{
	if (s.n == 0 || s.n % 2 != 0)
		return "an even number of hexadecimal digits is needed";
	return all_of(s, is_hex) ? NULL : "a character that is no hexadecimal digit";
}

static bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/'; }

const char *format_base64(struct str s)
{
	size_t end = s.n;

	if (s.n == 0 || s.n % 4 != 0)
		return "base64 comes in groups of four with padding";
	for (int pad = 0; pad < 2 && s.p[end - 1] == '='; pad++)
		end--;
	return all_of(str_slice(s, 0, end), is_base64) ? NULL : "a character outside the base64 alphabet";
}

/* Cuts "/n" off and checks it; false when there is one and it is not 0..max. */
static bool prefix_ok(struct str *s, uint64_t max)
{
	size_t slash = str_find(*s, S("/"), 0);
	struct str digits;
	uint64_t n;

	if (slash == SIZE_MAX)
		return true;
	digits = str_slice(*s, slash + 1, s->n);
	*s = str_slice(*s, 0, slash);
	return str_to_u64(digits, &n) && n <= max && (digits.n == 1 || digits.p[0] != '0');
}

static bool dotted_quad(struct str s)
{
	struct str rest = s, part;
	uint64_t v;
	int n = 0;

	if (s.n == 0 || s.p[s.n - 1] == '.')
		return false;
	for (; str_next(&rest, '.', &part); n++)
		if (!str_to_u64(part, &v) || v > 255 || part.n > 3 || (part.n > 1 && part.p[0] == '0'))
			return false;
	return n == 4;
}

const char *format_ipv4(struct str s)
{
	if (!prefix_ok(&s, 32))
		return "the CIDR prefix is not 0 to 32";
	return dotted_quad(s) ? NULL : "not an IPv4 address";
}

/* Groups of one side of "::"; SIZE_MAX when one is malformed. An IPv4 tail counts as two. */
static size_t count_groups(struct str s, bool may_end_in_quad)
{
	struct str rest = s, part;
	size_t n = 0;

	if (s.n == 0)
		return 0;
	if (s.p[0] == ':' || s.p[s.n - 1] == ':')
		return SIZE_MAX;
	while (str_next(&rest, ':', &part)) {
		if (rest.p == NULL && may_end_in_quad && dotted_quad(part))
			return n + 2;
		if (part.n == 0 || part.n > 4 || !all_of(part, is_hex))
			return SIZE_MAX;
		n++;
	}
	return n;
}

const char *format_ipv6(struct str s)
{
	static const char bad[] = "not an IPv6 address";
	size_t zone, gap, left, right;

	if (!prefix_ok(&s, 128))
		return "the CIDR prefix is not 0 to 128";
	zone = str_find(s, S("%"), 0);
	if (zone != SIZE_MAX) {
		if (zone + 1 == s.n)
			return bad;
		s = str_slice(s, 0, zone);
	}
	gap = str_find(s, S("::"), 0);
	if (gap == SIZE_MAX)
		return count_groups(s, true) == 8 ? NULL : bad;
	left = count_groups(str_slice(s, 0, gap), false);
	right = count_groups(str_slice(s, gap + 2, s.n), true);
	return left != SIZE_MAX && right != SIZE_MAX && left + right <= 7 ? NULL : bad;
}

const char *format_mac(struct str s)
{
	if (s.n != 17)
		return "a MAC address is six pairs with colons";
	for (size_t i = 0; i < s.n; i++)
		if (i % 3 == 2 ? s.p[i] != ':' : !is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return "a MAC address is lower-case pairs with colons";
	return NULL;
}

const char *format_email(struct str s)
{
	size_t at = SIZE_MAX;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '@')
			at = i;
		if ((unsigned char)s.p[i] <= ' ' || is_one_of(s.p[i], "<>()[]:;,\x7f"))
			return "a character that no plain e-mail address has";
	}
	if (at == SIZE_MAX || at == 0 || at + 1 == s.n)
		return "an e-mail address is local-part@domain";
	return NULL;
}

const char *format_domain(struct str s)
{
	struct str rest, label;

	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0 || s.n > 253)
		return "a domain name has 1 to 253 characters";
	for (rest = s; str_next(&rest, '.', &label);) {
		if (label.n == 0 || label.n > 63)
			return "a label has 1 to 63 characters";
		if (label.p[0] == '-' || label.p[label.n - 1] == '-')
			return "a label neither begins nor ends with a hyphen";
		for (size_t i = 0; i < label.n; i++)
			if (is_ascii(label.p[i]) && !is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
				return "a character that no domain name has";
	}
	return NULL;
}

static bool is_mime(char c) { return is_alnum(c) || is_one_of(c, ".+_-!#$&^"); }

const char *format_mime(struct str s)
{
	size_t slash = str_find(s, S("/"), 0);
	struct str sub;

	if (slash == SIZE_MAX)
		return "a media type is type/subtype";
	if (!among("application|audio|example|font|haptics|image|message|model|multipart|text|video", str_slice(s, 0, slash)))
		return "not a registered top-level media type";
	sub = str_slice(s, slash + 1, str_find(s, S(";"), 0));
	sub = str_trim(sub);
	return sub.n > 0 && all_of(sub, is_mime) ? NULL : "a subtype is missing or malformed";
}

static bool is_charset(char c) { return is_alnum(c) || is_one_of(c, "/.+_:()'-"); }

const char *format_charset(struct str s)
{
	/* The registry's names by family: they are many and grow, the families do not. */
	static const char families[] =
		"us-ascii|ansi_|iso-|iso_|utf-|unicode-|windows-|ibm|ebcdic-|koi|"
		"macintosh|gb|big5|euc-|extended_unix_code|shift_jis|ms_kanji|hz-|tis-|tscii|viscii|viqr|hp-|dec-|adobe-|ventura-|pc8-|pcq|"
		"latin|greek|cyrillic|arabic|hebrew|thai|korean|ks_c|ksc|jis_|jus_|nats-|nf_z|bs_|din_|dk-us|ds_2089|inis|"
		"invariant|iec_p27|kz-1048|nc_nc|ns_|osd_|ptcp154|scsu|bocu-1|cesu-8|sen_|t.61|us-dk|videotex|asmo_|csn_|"
		"amiga-|ecma-|gost_|csa_|msz_";
	struct str rest = str_of(families), family;

	if (s.n < 2 || s.n > 250 || !all_of(s, is_charset))
		return "not a character set name";
	while (str_next(&rest, '|', &family))
		if (family.n <= s.n && str_eq_nocase(family, str_slice(s, 0, family.n)))
			return NULL;
	return "not a registered character set";
}

const char *format_cpe(struct str s)
{
	size_t fields = 0, length = 0;
	struct str body;

	if (!str_starts(s, S("cpe:2.3:")))
		return "a CPE begins with cpe:2.3:";
	body = str_slice(s, 8, s.n);
	if (body.n < 2 || !is_one_of(body.p[0], "aho*-") || body.p[1] != ':')
		return "the part of a CPE is a, h, o, * or -";
	for (size_t i = 0; i <= body.n; i++) {
		if (i < body.n && body.p[i] != ':') {
			if ((unsigned char)body.p[i] <= ' ' || !is_ascii(body.p[i]))
				return "a character that no CPE has";
			if (body.p[i] == '\\')
				i++;
			length++;
			continue;
		}
		if (length == 0)
			return "an empty component in a CPE";
		fields++;
		length = 0;
	}
	return fields == 11 ? NULL : "a CPE has eleven components";
}

const char *format_lang(struct str s)
{
	struct str rest = s, tag;
	size_t n = 0;
	char lower[3];

	if (s.n == 0 || s.p[s.n - 1] == '-')
		return "not an RFC 5646 language tag";
	for (; str_next(&rest, '-', &tag); n++) {
		if (tag.n == 0 || tag.n > 8 || !all_of(tag, is_alnum))
			return "a subtag has 1 to 8 letters or digits";
		if (n > 0)
			continue;
		if (tag.n == 1 ? !among("x|i", tag) : tag.n > 3 || !all_of(tag, is_alpha))
			return "a language is two or three letters";
		for (size_t i = 0; i < tag.n; i++)
			lower[i] = (char)(tag.p[i] | 0x20);
		if (tag.n > 1 && !lang_known(str_make(lower, tag.n)))
			return "no such language";
	}
	return n > 1 || s.n > 1 ? NULL : "not an RFC 5646 language tag";
}

const char *format_lang_639_2(struct str s)
{
	return lang_known_639_2(s) ? NULL : "not a language code of ISO 639-2";
}

static bool is_key(char c) { return is_alnum(c) || c == '_' || c == '-'; }

const char *format_dict_key(struct str s, size_t min, size_t max)
{
	if (s.n < min || s.n > max)
		return "a key has the wrong length";
	return all_of(s, is_key) ? NULL : "a key has characters other than a-z, A-Z, 0-9, _ and -";
}

static bool is_ssdeep(char c) { return is_alnum(c) || is_one_of(c, "/+:."); }

const char *format_hash(struct str algorithm, struct str value)
{
	static const struct { const char *name; size_t digits; } rows[] = {
		{ "MD5", 32 }, { "MD6", 32 }, { "RIPEMD-160", 40 }, { "SHA-1", 40 }, { "SHA-224", 56 }, { "SHA-256", 64 },
		{ "SHA-384", 96 }, { "SHA-512", 128 }, { "SHA3-224", 56 }, { "SHA3-256", 64 }, { "SHA3-384", 96 },
		{ "SHA3-512", 128 }, { "WHIRLPOOL", 128 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (str_eq(algorithm, str_of(rows[i].name)))
			return value.n == rows[i].digits && all_of(value, is_hex) ? NULL : "not a digest of this algorithm";
	if (str_eq_nocase(algorithm, S("ssdeep")))
		return value.n > 0 && value.n <= 250 && all_of(value, is_ssdeep) ? NULL : "not an ssdeep digest";
	if (str_eq(algorithm, S("TLSH")))
		return (value.n == 70 || value.n == 72) && all_of(value, is_alnum) ? NULL : "not a TLSH digest";
	return NULL;
}

bool format_is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-')
			return false;
	return s.n > 0;
}

bool format_is_property(struct str s, bool letter_first)
{
	if (str_eq(s, S("id")))
		return true;
	if (s.n < 3 || s.n > 250 || (letter_first && !is_lower(s.p[0])))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}
