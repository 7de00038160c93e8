/* Hostile text comes in here (lists, CSV, other people's patterns), and what goes
 * out is written into firewall and DNS rules. So a normal form is made only of what
 * was recognised, never a cleaned copy of the input. */
#include "model/observable.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>

#include "base/text.h"

#define DOMAIN_MAX 253
#define LABEL_MAX 63

static const struct {
	const char *stix, *name;
} kinds[OBS_KINDS] = {
	[OBS_IPV4] = { "ipv4-addr", "ipv4" }, [OBS_IPV6] = { "ipv6-addr", "ipv6" },
	[OBS_DOMAIN] = { "domain-name", "domain" }, [OBS_URL] = { "url", "url" },
	[OBS_EMAIL] = { "email-addr", "email" }, [OBS_MD5] = { "file", "md5" }, [OBS_SHA1] = { "file", "sha1" },
	[OBS_SHA256] = { "file", "sha256" }, [OBS_SHA512] = { "file", "sha512" },
};

static const struct {
	const char *name;
	enum observable_kind kind;
} other_names[] = {
	{ "ipv4-addr", OBS_IPV4 }, { "ipv6-addr", OBS_IPV6 }, { "domain-name", OBS_DOMAIN }, { "hostname", OBS_DOMAIN },
	{ "fqdn", OBS_DOMAIN }, { "host", OBS_DOMAIN }, { "uri", OBS_URL }, { "email-addr", OBS_EMAIL }, { "e-mail", OBS_EMAIL },
	{ "mail", OBS_EMAIL }, { "md-5", OBS_MD5 }, { "sha-1", OBS_SHA1 }, { "sha-256", OBS_SHA256 }, { "sha-512", OBS_SHA512 },
	{ "filehash-md5", OBS_MD5 }, { "filehash-sha1", OBS_SHA1 }, { "filehash-sha256", OBS_SHA256 },
	{ "ipv4-cidr", OBS_IPV4 }, { "ipv6-cidr", OBS_IPV6 },
};

const char *value_stix_type(enum observable_kind kind)
{
	return (size_t)kind < OBS_KINDS ? kinds[kind].stix : "";
}

const char *value_kind_name(enum observable_kind kind)
{
	return (size_t)kind < OBS_KINDS ? kinds[kind].name : "pattern";
}

bool value_kind_find(struct str name, enum observable_kind *ret)
{
	for (size_t i = 0; i < OBS_KINDS; i++) {
		if (str_eq_nocase(name, str_of(kinds[i].name))) {
			*ret = (enum observable_kind)i;
			return true;
		}
	}
	for (size_t i = 0; i < COUNTOF(other_names); i++) {
		if (str_eq_nocase(name, str_of(other_names[i].name))) {
			*ret = other_names[i].kind;
			return true;
		}
	}
	return false;
}

/* --- refanging --- */

static const struct {
	const char *fanged, *plain;
} fangs[] = {
	{ "[.]", "." }, { "(.)", "." }, { "{.}", "." }, { "[dot]", "." }, { "(dot)", "." }, { "{dot}", "." }, { "[://]", "://" },
	{ "[:]", ":" }, { "[/]", "/" }, { "[at]", "@" }, { "(at)", "@" }, { "[@]", "@" }, { "(@)", "@" }, { "\\.", "." },
	{ "[.", "." }, { ".]", "." },
};

static size_t defanged_scheme(struct str s, struct buf *out)
{
	static const struct {
		const char *from, *to;
	} schemes[] = { { "hxxps", "https" }, { "hxxp", "http" }, { "h**ps", "https" }, { "h**p", "http" },
			{ "meows", "https" }, { "meow", "http" }, { "fxps", "ftps" }, { "fxp", "ftp" } };

	for (size_t i = 0; i < COUNTOF(schemes); i++) {
		struct str from = str_of(schemes[i].from), rest = str_slice(s, from.n, s.n);

		if (str_eq_nocase(str_slice(s, 0, from.n), from) &&
		    (str_starts(rest, S("://")) || str_starts(rest, S("[:")) || str_starts(rest, S(":")))) {
			buf_cstr(out, schemes[i].to);
			return from.n;
		}
	}
	return 0;
}

/* A value nobody has tampered with: none of the bytes that the table's entries begin with, or that close one. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '[': case ']': case '(': case '{': case '\\':
			return false;
		default:
			break;
		}
	}
	return true;
}

void value_refang(struct buf *out, struct str text)
{
	size_t i;

	text = str_trim(text);
	if (text.n >= 2 && text.p[0] == '<' && text.p[text.n - 1] == '>')
		text = str_slice(text, 1, text.n - 1);
	text = str_slice(text, 0, VALUE_MAX);
	i = str_find(text, S(":"), 0) == SIZE_MAX ? 0 : defanged_scheme(text, out);
	if (is_plain(text)) {
		buf_str(out, str_slice(text, i, text.n));
		return;
	}
	while (i < text.n) {
		size_t k = 0;

		while (k < COUNTOF(fangs) && !str_eq_nocase(str_slice(text, i, i + strlen(fangs[k].fanged)), str_of(fangs[k].fanged)))
			k++;
		/* "[" also opens an IPv6 host, so the half forms count only when no whole one fits. */
		if (k < COUNTOF(fangs)) {
			buf_cstr(out, fangs[k].plain);
			i += strlen(fangs[k].fanged);
		} else {
			buf_char(out, text.p[i++]);
		}
	}
}

/* --- addresses --- */

static bool to_c(struct str s, char *out, size_t max)
{
	if (s.n == 0 || s.n >= max || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

static void mask_bits(unsigned char *addr, size_t bytes, unsigned prefix)
{
	for (size_t i = 0; i < bytes; i++) {
		unsigned keep = prefix > i * 8 ? prefix - (unsigned)(i * 8) : 0;

		if (keep < 8)
			addr[i] &= (unsigned char)(0xff00u >> keep);
	}
}

bool value_ipv4(struct str text, unsigned char out[static 4])
{
	size_t i = 0;

	if (text.n < 7 || text.n > 15)
		return false;
	for (int part = 0; part < 4; part++) {
		size_t from = i;
		unsigned v = 0;

		for (; i < text.n && i < from + 3 && text.p[i] >= '0' && text.p[i] <= '9'; i++)
			v = v * 10 + (unsigned)(text.p[i] - '0');
		if (i == from || v > 255 || (text.p[from] == '0' && i > from + 1))
			return false;
		out[part] = (unsigned char)v;
		if (part < 3 && (i == text.n || text.p[i++] != '.'))
			return false;
	}
	return i == text.n;
}

static enum rc put_address(enum observable_kind kind, struct str text, struct buf *out, struct err *err)
{
	int family = kind == OBS_IPV4 ? AF_INET : AF_INET6;
	unsigned bits = kind == OBS_IPV4 ? 32 : 128;
	size_t slash = str_find(text, S("/"), 0);
	unsigned char addr[16];
	char c[INET6_ADDRSTRLEN];
	uint64_t prefix = bits;

	if (kind == OBS_IPV4 && value_ipv4(text, addr)) {
		buf_str(out, text);
		return RC_OK;
	}
	if (slash != SIZE_MAX &&
	    (!str_to_u64(str_slice(text, slash + 1, text.n), &prefix) || prefix > bits || text.n - slash > 4))
		return FAIL(err, RC_BAD, "the prefix length is not 0..%u", bits);
	if (!to_c(str_slice(text, 0, slash), c, sizeof c) || inet_pton(family, c, addr) != 1)
		return FAIL(err, RC_BAD, "no IPv%c address", kind == OBS_IPV4 ? '4' : '6');
	mask_bits(addr, bits / 8, (unsigned)prefix);
	/* Without inet_ntop where it is easy, for that goes through printf. */
	for (size_t i = 0; kind == OBS_IPV4 && i < 4; i++) {
		if (i > 0)
			buf_char(out, '.');
		buf_u64(out, addr[i]);
	}
	if (kind == OBS_IPV6) {
		if (inet_ntop(family, addr, c, sizeof c) == NULL)
			return FAIL(err, RC_BAD, "no address");
		buf_cstr(out, c);
	}
	if (prefix < bits) {
		buf_char(out, '/');
		buf_u64(out, prefix);
	}
	return RC_OK;
}

/* --- domains --- */

static bool label_ok(struct str label)
{
	if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return true;
}

/* Two labels at least: a bare word in a list is no domain. The last one is not a number (RFC 3696 §2). */
static enum rc check_domain(struct str d, struct err *err)
{
	struct str rest = d, label = S("");
	size_t n = 0;

	if (d.n == 0 || d.n > DOMAIN_MAX)
		return FAIL(err, RC_BAD, "a domain name has 1..%d characters", DOMAIN_MAX);
	if (d.p[d.n - 1] == '.')
		return FAIL(err, RC_BAD, "no domain name: an empty label");
	while (str_next(&rest, '.', &label)) {
		if (!label_ok(label))
			return FAIL(err, RC_BAD, "no domain name: label %zu", n + 1);
		n++;
	}
	if (n < 2)
		return FAIL(err, RC_BAD, "no domain name: a single label");
	return all_digits(label) || label.n < 2 ? FAIL(err, RC_BAD, "no domain name: its last label") : RC_OK;
}

static void put_lower(struct buf *out, struct str s)
{
	char *to = buf_room(out, s.n);

	if (to == NULL)
		return;
	for (size_t i = 0; i < s.n; i++)
		to[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	buf_grew(out, s.n);
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* U-labels to A-labels (RFC 5891) through GnuTLS, which brings libidn2. */
static enum rc put_alabels(struct str text, struct buf *out, struct err *err)
{
	gnutls_datum_t ret = { NULL, 0 };

	if (!utf8_valid(text, NULL) || text.n > DOMAIN_MAX * 4 ||
	    gnutls_idna_map(text.p, (unsigned)text.n, &ret, 0) != 0)
		return FAIL(err, RC_BAD, "no internationalised domain name");
	put_lower(out, str_make((const char *)ret.data, ret.size));
	gnutls_free(ret.data);
	return RC_OK;
}

static enum rc put_domain(struct str text, struct buf *out, struct err *err)
{
	size_t start = out->n;
	enum rc rc = RC_OK;

	if (text.n > 0 && text.p[text.n - 1] == '.')
		text.n--;
	if (is_ascii(text))
		put_lower(out, text);
	else
		rc = put_alabels(text, out, err);
	if (rc == RC_OK)
		rc = buf_check(out, err, "domain name");
	if (rc == RC_OK)
		rc = check_domain(str_slice(buf_view(out), start, out->n), err);
	if (rc != RC_OK)
		buf_cut(out, start);
	return rc;
}

/* --- URLs, e-mail, hashes --- */

static bool scheme_ok(struct str s)
{
	if (s.n == 0 || s.n > 32 || !((s.p[0] | 32) >= 'a' && (s.p[0] | 32) <= 'z'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 32);

		if (!((c >= 'a' && c <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || strchr("+-.", s.p[i]) != NULL))
			return false;
	}
	return true;
}

/* No blanks, controls, or what RFC 3986 never allows raw; non-ASCII stays as it is (an IRI). */
static bool url_bytes_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c == 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
			return false;
	}
	return utf8_valid(s, NULL);
}

struct url_parts {
	struct str scheme, user, host, port, rest; /* user with "@", port with ":", rest from "/", "?" or "#" */
};

static bool split_url(struct str url, struct url_parts *p)
{
	size_t colon = str_find(url, S("://"), 0), end, at = SIZE_MAX, i;
	struct str auth;

	if (colon == SIZE_MAX || !scheme_ok(str_slice(url, 0, colon)))
		return false;
	p->scheme = str_slice(url, 0, colon);
	for (end = colon + 3; end < url.n && strchr("/?#", url.p[end]) == NULL; end++)
		;
	auth = str_slice(url, colon + 3, end);
	p->rest = str_slice(url, end, url.n);
	for (i = 0; i < auth.n; i++) {
		if (auth.p[i] == '@')
			at = i;
	}
	p->user = at == SIZE_MAX ? S("") : str_slice(auth, 0, at + 1);
	auth = str_slice(auth, p->user.n, auth.n);
	i = auth.n;
	while (i > 0 && auth.p[i - 1] >= '0' && auth.p[i - 1] <= '9')
		i--;
	if (i == 0 || auth.p[i - 1] != ':')
		i = auth.n + 1;
	p->host = str_slice(auth, 0, i - 1);
	p->port = str_slice(auth, i - 1, auth.n);
	return true;
}

struct str value_url_host(struct str url)
{
	struct url_parts p;

	if (!split_url(url, &p))
		return S("");
	if (p.host.n >= 2 && p.host.p[0] == '[' && p.host.p[p.host.n - 1] == ']')
		return str_slice(p.host, 1, p.host.n - 1);
	return p.host;
}

size_t value_url_key(struct str url, char *out, size_t room)
{
	struct url_parts p;
	struct str parts[6];
	size_t n = 0;

	if (!split_url(url, &p))
		return 0;
	if (p.port.n == 1 || (str_eq(p.scheme, S("http")) && str_eq(p.port, S(":80"))) ||
	    (str_eq(p.scheme, S("https")) && str_eq(p.port, S(":443"))))
		p.port = S("");
	p.rest = str_slice(p.rest, 0, str_find(p.rest, S("#"), 0));
	parts[0] = str_slice(url, 0, p.scheme.n + 3);
	parts[1] = p.user;
	parts[2] = p.host;
	parts[3] = p.port;
	parts[4] = p.rest.n == 0 || p.rest.p[0] != '/' ? S("/") : S("");
	parts[5] = p.rest;
	for (size_t i = 0; i < COUNTOF(parts); i++) {
		if (parts[i].n > room - n)
			return 0;
		memcpy(out + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	return n;
}

static enum rc put_url(struct str text, struct buf *out, struct err *err)
{
	struct url_parts p;

	if (!split_url(text, &p) || p.host.n == 0)
		return FAIL(err, RC_BAD, "no URL with scheme and host");
	if (!url_bytes_ok(text))
		return FAIL(err, RC_BAD, "a character that no URL may have");
	put_lower(out, p.scheme);
	buf_cstr(out, "://");
	buf_str(out, p.user);
	put_lower(out, p.host);
	buf_str(out, p.port);
	buf_str(out, p.rest);
	return RC_OK;
}

static enum rc put_email(struct str text, struct buf *out, struct err *err)
{
	size_t at = str_find(text, S("@"), 0), start = out->n;
	enum rc rc;

	if (at == 0 || at == SIZE_MAX || at > 64)
		return FAIL(err, RC_BAD, "no e-mail address");
	for (size_t i = 0; i < at; i++) {
		if ((unsigned char)text.p[i] <= 0x20 || text.p[i] == 0x7f || strchr("\"(),:;<>[\\]", text.p[i]) != NULL)
			return FAIL(err, RC_BAD, "no e-mail address: byte %zu", i);
	}
	if (!utf8_valid(text, NULL))
		return FAIL(err, RC_BAD, "no e-mail address: not UTF-8");
	put_lower(out, str_slice(text, 0, at + 1));
	rc = put_domain(str_slice(text, at + 1, text.n), out, err);
	if (rc != RC_OK)
		buf_cut(out, start);
	return rc;
}

static size_t hash_digits(enum observable_kind kind)
{
	return kind == OBS_MD5 ? 32 : kind == OBS_SHA1 ? 40 : kind == OBS_SHA256 ? 64 : 128;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (hex_value(s.p[i]) < 0)
			return false;
	}
	return true;
}

enum rc value_normalise(enum observable_kind kind, struct str text, struct buf *out, struct err *err)
{
	text = str_trim(text);
	if (text.n == 0 || text.n > VALUE_MAX)
		return FAIL(err, RC_BAD, "a value has 1..%d bytes", VALUE_MAX);
	switch (kind) {
	case OBS_IPV4:
	case OBS_IPV6:
		return put_address(kind, text, out, err);
	case OBS_DOMAIN:
		return put_domain(text, out, err);
	case OBS_URL:
		return put_url(text, out, err);
	case OBS_EMAIL:
		return put_email(text, out, err);
	case OBS_MD5:
	case OBS_SHA1:
	case OBS_SHA256:
	case OBS_SHA512:
		if (text.n != hash_digits(kind) || !is_hex(text))
			return FAIL(err, RC_BAD, "no %s: not %zu hexadecimal digits", kinds[kind].name, hash_digits(kind));
		put_lower(out, text);
		return RC_OK;
	case OBS_KINDS:
		break;
	}
	return FAIL(err, RC_UNSUPPORTED, "no such kind of value");
}

/* What bytes of a text tell apart, so that one walk over it does. */
enum { MARK_COLON = 1, MARK_SLASH = 2, MARK_AT = 4, MARK_OTHER = 8 }; /* OTHER: no hexadecimal digit */
static const uint8_t marks[256] = {
	[0 ... '/' - 1] = MARK_OTHER, ['/'] = MARK_SLASH | MARK_OTHER, [':'] = MARK_COLON | MARK_OTHER, [';' ... '?'] = MARK_OTHER,
	['@'] = MARK_AT | MARK_OTHER, ['G' ... '`'] = MARK_OTHER, ['g' ... 255] = MARK_OTHER,
};

static enum observable_kind guess(struct str t)
{
	unsigned seen = 0;
	bool colon, slash;

	for (size_t i = 0; i < t.n; i++)
		seen |= marks[(unsigned char)t.p[i]];
	colon = (seen & MARK_COLON) != 0;
	slash = (seen & MARK_SLASH) != 0;
	if (colon && slash && str_find(t, S("://"), 0) != SIZE_MAX)
		return OBS_URL;
	if ((seen & MARK_AT) != 0)
		return OBS_EMAIL;
	if ((seen & (MARK_OTHER | MARK_COLON)) == 0) {
		switch (t.n) {
		case 32: return OBS_MD5;
		case 40: return OBS_SHA1;
		case 64: return OBS_SHA256;
		case 128: return OBS_SHA512;
		default: break;
		}
	}
	if (colon && str_find(t, S("."), 0) > str_find(t, S(":"), 0))
		return OBS_IPV6;
	if (t.p[0] >= '0' && t.p[0] <= '9' && (all_digits(str_slice(t, t.n - 1, t.n)) || slash))
		return OBS_IPV4;
	return slash || colon ? OBS_KINDS : OBS_DOMAIN;
}

enum rc value_detect(struct str text, enum observable_kind *ret, struct buf *out, struct err *err)
{
	enum observable_kind kind;

	if (text.n == 0)
		return FAIL(err, RC_BAD, "an empty value");
	kind = guess(text);
	if (kind == OBS_KINDS)
		return FAIL(err, RC_BAD, "no address, domain, URL, hash or e-mail (a URL needs its scheme)");
	TRY(value_normalise(kind, text, out, err));
	*ret = kind;
	return RC_OK;
}
