/* An event speaks of one flow, so its address and its port need not be asked for in
 * pairs: they are met side by side or the pattern is not. */
#include "detect/also.h"

#include <arpa/inet.h>

#include "base/rd.h"

#define DEPTH 8

enum rc also_put(const struct value_term *terms, size_t n, struct buf *out, struct err *err)
{
	for (size_t i = terms[0].role == ROLE_ANY ? 1 : 0; i < n; i++) {
		if (out->n + terms[i].text.n + 4 > ALSO_MAX)
			return FAIL(err, RC_UNSUPPORTED, "pattern: more than %d bytes beside its first value", ALSO_MAX);
		buf_char(out, (char)terms[i].role);
		buf_char(out, (char)terms[i].kind);
		buf_char(out, (char)(terms[i].text.n >> 8));
		buf_char(out, (char)terms[i].text.n);
		buf_str(out, terms[i].text);
	}
	return buf_check(out, err, "pattern");
}

/* --- what two values share --- */

static bool read_address(enum observable_kind kind, struct str text, unsigned char out[static 16], unsigned *ret_prefix)
{
	size_t slash = str_find(text, S("/"), 0);
	uint64_t prefix = kind == OBS_IPV4 ? 32 : 128;
	struct str host = str_slice(text, 0, slash);
	char plain[64];

	if (host.n >= sizeof plain || (slash != SIZE_MAX && !str_to_u64(str_slice(text, slash + 1, text.n), &prefix)))
		return false;
	memcpy(plain, host.p, host.n);
	plain[host.n] = '\0';
	*ret_prefix = (unsigned)prefix;
	return inet_pton(kind == OBS_IPV4 ? AF_INET : AF_INET6, plain, out) == 1 && prefix <= (kind == OBS_IPV4 ? 32 : 128);
}

static bool in_block(enum observable_kind kind, struct str block, struct str address)
{
	unsigned char a[16], b[16];
	unsigned prefix, narrow;

	if (!read_address(kind, block, a, &prefix) || !read_address(kind, address, b, &narrow) || narrow < prefix)
		return false;
	return memcmp(a, b, prefix / 8) == 0 && (prefix % 8 == 0 || ((a[prefix / 8] ^ b[prefix / 8]) & (0xff00u >> prefix % 8) & 0xff) == 0);
}

static bool covers(enum observable_kind kind, struct str wanted, struct str seen)
{
	if (kind == OBS_IPV4 || kind == OBS_IPV6)
		return in_block(kind, wanted, seen);
	if (kind == OBS_DOMAIN && seen.n > wanted.n && seen.p[seen.n - wanted.n - 1] == '.')
		seen = str_slice(seen, seen.n - wanted.n, seen.n);
	return str_eq(wanted, seen);
}

static bool seen_anywhere(const struct event_view *e, enum observable_kind kind, struct str wanted)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct observable *o = &e->list[i];

		if (o->kind == kind && covers(kind, wanted, o->value))
			return true;
		if (o->kind == OBS_URL && kind <= OBS_DOMAIN && covers(kind, wanted, value_url_host(o->value)))
			return true;
	}
	return false;
}

/* --- ends of traffic --- */

static const struct {
	const char *holder, *name; /* `holder`: the object that the member stands in; NULL = any */
	enum value_role role;
} ends[] = {
	{ NULL, "src_ip", ROLE_SRC }, { NULL, "dest_ip", ROLE_DST }, { NULL, "dst_ip", ROLE_DST },
	{ NULL, "src_port", ROLE_SRC_PORT }, { NULL, "dest_port", ROLE_DST_PORT }, { NULL, "dst_port", ROLE_DST_PORT },
	{ NULL, "id.orig_h", ROLE_SRC }, { NULL, "id.resp_h", ROLE_DST }, { NULL, "id.orig_p", ROLE_SRC_PORT }, { NULL, "id.resp_p", ROLE_DST_PORT },
	{ "id", "orig_h", ROLE_SRC }, { "id", "resp_h", ROLE_DST }, { "id", "orig_p", ROLE_SRC_PORT }, { "id", "resp_p", ROLE_DST_PORT },
	{ NULL, "SourceIp", ROLE_SRC }, { NULL, "DestinationIp", ROLE_DST }, { NULL, "DestinationHostname", ROLE_DST },
	{ NULL, "SourcePort", ROLE_SRC_PORT }, { NULL, "DestinationPort", ROLE_DST_PORT },
	{ NULL, "SourceAddress", ROLE_SRC }, { NULL, "DestAddress", ROLE_DST }, { NULL, "DestPort", ROLE_DST_PORT },
	{ "source", "ip", ROLE_SRC }, { "destination", "ip", ROLE_DST }, { "source", "port", ROLE_SRC_PORT }, { "destination", "port", ROLE_DST_PORT },
	{ NULL, "source.ip", ROLE_SRC }, { NULL, "destination.ip", ROLE_DST }, { NULL, "source.port", ROLE_SRC_PORT },
	{ NULL, "destination.port", ROLE_DST_PORT },
	{ NULL, "src", ROLE_SRC }, { NULL, "dst", ROLE_DST }, { NULL, "spt", ROLE_SRC_PORT }, { NULL, "dpt", ROLE_DST_PORT }, /* CEF */
	{ NULL, "c6a2", ROLE_SRC }, { NULL, "c6a3", ROLE_DST },
	{ NULL, "srcPort", ROLE_SRC_PORT }, { NULL, "dstPort", ROLE_DST_PORT }, /* LEEF */
	{ NULL, "srcip", ROLE_SRC }, { NULL, "dstip", ROLE_DST }, { NULL, "srcport", ROLE_SRC_PORT }, { NULL, "dstport", ROLE_DST_PORT }, /* firewalls */
	{ NULL, "SRC", ROLE_SRC }, { NULL, "DST", ROLE_DST }, { NULL, "SPT", ROLE_SRC_PORT }, { NULL, "DPT", ROLE_DST_PORT }, /* netfilter */
	{ NULL, "sourceIPAddress", ROLE_SRC }, /* CloudTrail */
};

static bool is_end(struct str holder, struct str name, enum value_role role)
{
	for (size_t i = 0; i < COUNTOF(ends); i++) {
		if (ends[i].role == role && str_eq(name, str_of(ends[i].name)) && (ends[i].holder == NULL || str_eq(holder, str_of(ends[i].holder))))
			return true;
	}
	return false;
}

static bool end_is(const struct json *v, enum observable_kind kind, struct str wanted)
{
	const struct str mapped = S("::ffff:");
	struct str text;
	int64_t port, seen;

	if (kind == OBS_KINDS) /* a port, as number or text */
		return str_to_i64(wanted, &port) && (json_int(v, &seen) || (v->type == JSON_STRING && str_to_i64(json_str(v), &seen))) && seen == port;
	if (v->type != JSON_STRING)
		return false;
	text = json_str(v);
	if (kind == OBS_IPV4 && text.n > mapped.n && str_eq_nocase(str_slice(text, 0, mapped.n), mapped))
		text = str_slice(text, mapped.n, text.n);
	return in_block(kind, wanted, text);
}

struct question {
	enum value_role role;
	enum observable_kind kind;
	struct str wanted;
};

/* The last step of a path, of either sort of separator. */
static bool names_file(struct str path, struct str name)
{
	if (path.n < name.n || !str_eq(str_slice(path, path.n - name.n, path.n), name))
		return false;
	return path.n == name.n || path.p[path.n - name.n - 1] == '/' || path.p[path.n - name.n - 1] == '\\';
}

static bool stands_in(const struct json *v, struct str holder, struct str name, const struct question *q, int depth)
{
	if (depth > DEPTH)
		return false;
	if (v->type == JSON_OBJECT) {
		JSON_MEMBERS(key, value, v) {
			if (stands_in(value, name, json_str(key), q, depth + 1))
				return true;
		}
		return false;
	}
	if (v->type == JSON_ARRAY) {
		JSON_EACH(item, v) {
			if (stands_in(item, holder, name, q, depth + 1))
				return true;
		}
		return false;
	}
	if (q->role == ROLE_FILE_NAME)
		return v->type == JSON_STRING && names_file(json_str(v), q->wanted);
	return is_end(holder, name, q->role) && end_is(v, q->kind, q->wanted);
}

bool also_met(struct str also, const struct event_view *e)
{
	while (also.n >= 4) {
		const unsigned char *head = (const unsigned char *)also.p;
		size_t n = (size_t)head[2] << 8 | head[3];
		struct question q = { (enum value_role)head[0], (enum observable_kind)head[1], str_slice(also, 4, 4 + n) };

		if (!(q.role == ROLE_ANY ? seen_anywhere(e, q.kind, q.wanted) : stands_in(e->tree, S(""), S(""), &q, 0)))
			return false;
		also = str_slice(also, 4 + n, also.n);
	}
	return true;
}
