/* Observable values as people write them, and as the node keeps and compares
 * them: refanged, typed by their form, in one spelling each, and put into a STIX
 * pattern or taken out of one. */
#ifndef MODEL_OBSERVABLE_H
#define MODEL_OBSERVABLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "event/hit.h"

#define VALUE_MAX 4096 /* longest value that is looked at */

/* "ipv4-addr", "domain-name", "file" ... */
const char *value_stix_type(enum observable_kind kind);
/* "ipv4", "domain", "sha256" ..., and "pattern" for OBS_KINDS; for reports, CSV and the API. */
const char *value_kind_name(enum observable_kind kind);
/* By that name, a STIX type ("ipv4-addr") or a common other spelling ("ip", "hostname", "SHA-256"). False: not known. */
bool value_kind_find(struct str name, enum observable_kind *ret);

/* Undoes what people do so that nobody clicks: hxxp, [.], (dot), [:], [at], <...>. Cuts at VALUE_MAX. */
void value_refang(struct buf *out, struct str text);

/* The one spelling: addresses canonical and CIDR blocks without host bits (a full-length one is
 * an address), domains lower case in A-labels without the last dot, scheme and host of URLs
 * lower case, hashes and e-mail lower case. RC_BAD says what is wrong. Appends to `out`
 * nothing but bytes that are safe in one line of text. */
enum rc value_normalise(enum observable_kind kind, struct str text, struct buf *out, struct err *err) MUSTUSE;

/* The four bytes of an IPv4 address in its normal form ("192.0.2.1", as inet_pton takes it); false: it is none. */
bool value_ipv4(struct str text, unsigned char out[static 4]);

/* Kind by form, then as value_normalise. `text` refanged and trimmed. */
enum rc value_detect(struct str text, enum observable_kind *ret, struct buf *out, struct err *err) MUSTUSE;

/* What two spellings of one web resource share (RFC 3986 §6.2.3): an empty path is "/", the scheme's own port is left
 * out, and so is the fragment, which no request carries. `url` in normal form; it goes into `out` of `room` bytes.
 * 0: too long, or no URL. */
size_t value_url_key(struct str url, char *out, size_t room);

/* The value on one line of a plain list: up to the first blank, or comma outside a URL; quotes around it go. False for an
 * empty line or a comment ('#', ';', "//"). */
bool value_of_line(struct str line, struct str *ret);

/* Host of a URL in normal form ("" when there is none), port and user information left out, [] of IPv6 too. */
struct str value_url_host(struct str url);

/* "[domain-name:value = 'evil.example']". */
void value_pattern(struct buf *out, enum observable_kind kind, struct str value);

/* The id of the indicator that says no more than this value (in normal form): it follows from the value's pattern alone, so
 * lists, hunts and the findings of every node mean the same by it. Objects of sources have ids of their own: two of them say
 * different things of one value, and only its creator may change an object (STIX 2.1 §3.3). */
#define VALUE_ID_MAX 64
struct str value_id(enum observable_kind kind, struct str value, char out[static VALUE_ID_MAX]);
/* The same for what an indicator named; "" when that is no single value. */
struct str value_id_of(struct str matched, char out[static VALUE_ID_MAX]);

struct value {
	enum observable_kind kind;
	struct str text; /* normal form */
};

/* The values of an indicator whose pattern is nothing but alternatives of single values
 * (in `a`). Values of kinds we do not know are left out; *ret_n may be 0 then.
 * RC_UNSUPPORTED: another sort of pattern. */
enum rc value_of_pattern(struct arena *a, struct str pattern, struct value **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Where a value of a conjunction must stand in what was observed. */
enum value_role { ROLE_ANY, ROLE_SRC, ROLE_DST, ROLE_SRC_PORT, ROLE_DST_PORT, ROLE_FILE_NAME };

struct value_term {
	enum value_role role;
	enum observable_kind kind; /* ROLE_ANY, ROLE_SRC, ROLE_DST; otherwise OBS_KINDS */
	struct str text;           /* normal form; ports in decimal */
};

/* The terms of a pattern that is one observation in which all of several simple values must be met, as other
 * systems write "ip|port", "domain|ip" and "filename|hash" ([network-traffic:dst_ref.value = 'x' AND
 * network-traffic:dst_port = 443]): at least one term is an observable of a kind we know, and the first of `ret` is
 * the most telling of them (a single term is fine). A host name as an end of traffic is ROLE_ANY: logs name it elsewhere.
 * RC_UNSUPPORTED: another sort of pattern. */
enum rc value_terms_of_pattern(struct arena *a, struct str pattern, struct value_term **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* Values of which each event that takes part in meeting the pattern holds one, whatever the pattern: for leaving out events and
 * blocks of them. RC_UNSUPPORTED: some observation can be met without any. */
enum rc value_needed_in_pattern(struct arena *a, struct str pattern, struct value **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* The values that a pattern of either sort speaks of, alone or together with others: for finding it and for its
 * lifetime, not for blocking. */
enum rc value_named_in_pattern(struct arena *a, struct str pattern, struct value **ret, size_t *ret_n, struct err *err) MUSTUSE;

/* The value of a cyber-observable object ("domain-name", "ipv4-addr", "url", "email-addr", the hashes of a "file"). */
enum rc value_of_sco(struct arena *a, const struct json *sco, struct value **ret, size_t *ret_n, struct err *err) MUSTUSE;

#endif
