/* The _taxii2._tcp service record (TAXII 2.1 §3.9, RFC 2782), read from the raw DNS
 * answer through the cursor: what a resolver hands us may come from anybody. */
#include <arpa/nameser.h>
#include <resolv.h>

#include "base/hash.h"
#include "base/rd.h"
#include "taxii/request.h"

#define ANSWER_MAX 4096
#define NAME_JUMPS_MAX 16
#define RECORDS_MAX 64
#define TYPE_SRV 33

/* Reads a name at the cursor (RFC 1035 §4.1.4); `out` gets it with dots, NUL-terminated. False: malformed. */
static bool read_name(struct rd *r, char *out, size_t max)
{
	struct rd at = *r;
	size_t n = 0;
	bool jumped = false;

	for (int jumps = 0; jumps < NAME_JUMPS_MAX;) {
		uint8_t len = rd_u8(&at);

		if (len >= 0xc0) {
			size_t to = ((size_t)(len & 0x3f) << 8) | rd_u8(&at);

			if (!jumped)
				r->pos = at.pos;
			jumped = true;
			jumps++;
			if (at.bad || to >= at.n)
				return false;
			at.pos = to;
			continue;
		}
		struct str label = rd_bytes(&at, len);

		if (at.bad || len > 63 || n + len + 2 > max)
			return false;
		if (len == 0)
			break;
		if (n > 0)
			out[n++] = '.';
		memcpy(out + n, label.p, len);
		n += len;
	}
	if (!jumped)
		r->pos = at.pos;
	out[n] = '\0';
	return true;
}

/* Letters, digits, "-" and "." only: the name goes into a URL. */
static bool is_host(const char *name)
{
	if (name[0] == '\0')
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || *p == '-' || *p == '.'))
			return false;
	return true;
}

struct service {
	uint16_t priority, weight, port;
	char target[256];
};

/* Lowest priority first; among equals by weight (RFC 2782). */
static const struct service *choose(const struct service *list, size_t n, uint32_t draw)
{
	uint32_t sum = 0, run = 0, least = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		least = list[i].priority < least ? list[i].priority : least;
	for (size_t i = 0; i < n; i++)
		sum += list[i].priority == least ? list[i].weight + 1u : 0;
	for (size_t i = 0; i < n; i++) {
		run += list[i].priority == least ? list[i].weight + 1u : 0;
		if (list[i].priority == least && run > draw % sum)
			return &list[i];
	}
	return NULL;
}

enum rc srv_pick(struct str answer, uint32_t draw, char *ret_base, size_t max, struct err *err)
{
	static const char bad[] = "DNS answer: malformed";
	struct service found[RECORDS_MAX];
	const struct service *best;
	struct rd r;
	uint16_t questions, answers;
	char name[256];
	size_t n = 0;

	rd_init(&r, answer);
	rd_skip(&r, 4);
	questions = rd_be16(&r);
	answers = rd_be16(&r);
	rd_skip(&r, 4);
	for (uint16_t i = 0; i < questions && !r.bad; i++) {
		if (!read_name(&r, name, sizeof name))
			return FAIL(err, RC_BAD, "%s", bad);
		rd_skip(&r, 4);
	}
	for (uint16_t i = 0; i < answers && n < RECORDS_MAX && !r.bad; i++) {
		uint16_t type, len;
		size_t end;

		if (!read_name(&r, name, sizeof name))
			return FAIL(err, RC_BAD, "%s", bad);
		type = rd_be16(&r);
		rd_skip(&r, 6);
		len = rd_be16(&r);
		end = r.pos + len;
		if (type != TYPE_SRV) {
			rd_skip(&r, len);
			continue;
		}
		found[n] = (struct service){ .priority = rd_be16(&r), .weight = 0, .port = 0 };
		found[n].weight = rd_be16(&r);
		found[n].port = rd_be16(&r);
		if (!read_name(&r, found[n].target, sizeof found[n].target) || r.pos != end)
			return FAIL(err, RC_BAD, "%s", bad);
		n += is_host(found[n].target) && found[n].port != 0; /* target "." says: no such service */
	}
	if (r.bad)
		return FAIL(err, RC_BAD, "%s", bad);
	best = choose(found, n, draw);
	if (best == NULL)
		return FAIL(err, RC_NOTFOUND, "no _taxii2._tcp service");
	if ((size_t)snprintf(ret_base, max, "https://%s:%u", best->target, best->port) >= max)
		return FAIL(err, RC_LIMIT, "DNS answer: name too long");
	return RC_OK;
}

enum rc srv_lookup(const char *host, char *ret_base, size_t max, struct err *err)
{
	unsigned char answer[ANSWER_MAX];
	struct __res_state state = { 0 };
	char name[300];
	uint32_t draw;
	int n;

	if (!is_host(host) || (size_t)snprintf(name, sizeof name, "_taxii2._tcp.%s", host) >= sizeof name)
		return FAIL(err, RC_BAD, "host: not a name");
	if (res_ninit(&state) != 0)
		return FAIL(err, RC_IO, "DNS: no resolver");
	n = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, (int)sizeof answer);
	res_nclose(&state);
	if (n < 0)
		return FAIL(err, RC_NOTFOUND, "no _taxii2._tcp service");
	random_bytes(&draw, sizeof draw);
	return srv_pick(str_make((const char *)answer, (size_t)n < sizeof answer ? (size_t)n : sizeof answer), draw, ret_base, max, err);
}
