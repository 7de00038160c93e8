#include "stix/id.h"

#include "stix/schema.h"

/* STIX 2.1 §2.9: kept for deterministic ids of cyber-observables. */
static const struct uuid SCO_SPACE = { { 0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15,
					 0xa9, 0xb7 } };
/* Ours, drawn once: f0a85f4c-6a6e-4d0b-9b0e-3b1f5a1f1c7d. */
static const struct uuid OWN_SPACE = { { 0xf0, 0xa8, 0x5f, 0x4c, 0x6a, 0x6e, 0x4d, 0x0b, 0x9b, 0x0e, 0x3b, 0x1f, 0x5a, 0x1f,
					 0x1c, 0x7d } };

/* Canonical text of the contributing properties; a SCO larger than this has no business being hashed. */
#define NAME_MAX_BYTES ((size_t)32 << 20)
#define CONTRIBUTING_MAX 16

struct part {
	struct str name;
	const struct json *value;
};

static struct str put_id(struct str type, const struct uuid *u, char out[static STIX_ID_MAX + 1])
{
	char text[UUID_TEXT_LEN + 1];

	if (type.n > STIX_TYPE_MAX)
		type.n = STIX_TYPE_MAX;
	uuid_format(u, text);
	if (type.n > 0)
		memcpy(out, type.p, type.n);
	memcpy(out + type.n, "--", 2);
	memcpy(out + type.n + 2, text, UUID_TEXT_LEN + 1);
	return str_make(out, type.n + 2 + UUID_TEXT_LEN);
}

/* One hash stands for all: MD5 before SHA-1 before SHA-256 before SHA-512 (STIX 2.1 §2.9),
 * else the first by name, so that the order of writing does not matter. */
static const struct json *choose_hash(const struct json *hashes)
{
	static const char *const preferred[] = { "MD5", "SHA-1", "SHA-256", "SHA-512" };
	const struct json *best = NULL;

	for (size_t i = 0; i < COUNTOF(preferred); i++)
		JSON_MEMBERS(name, value, hashes)
			if (str_eq(json_str(name), str_of(preferred[i])))
				return name;
	JSON_MEMBERS(name, value, hashes)
		if (best == NULL || str_cmp(json_str(name), json_str(best)) < 0)
			best = name;
	return best;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct part *)a)->name, ((const struct part *)b)->name);
}

/* The contributing properties that are there, sorted as RFC 8785 sorts (the names are ASCII). */
static size_t collect(const struct json *sco, struct part parts[static CONTRIBUTING_MAX], struct str *ret_type)
{
	struct str rest, name;
	const struct stix_schema *s;
	size_t n = 0;

	*ret_type = json_get_str(sco, S("type"));
	s = stix_schema_find(*ret_type);
	if (s == NULL || s->class != STIX_SCO)
		return SIZE_MAX;
	rest = str_of(s->ids);
	while (n < CONTRIBUTING_MAX && str_next(&rest, ' ', &name)) {
		const struct json *value = json_get(sco, name);

		if (value == NULL || (str_eq(name, S("hashes")) && (value->type != JSON_OBJECT || value->n == 0)))
			continue;
		parts[n++] = (struct part){ name, value };
	}
	qsort(parts, n, sizeof parts[0], by_name);
	return n;
}

static enum rc put_name(struct buf *out, const struct part *parts, size_t n, struct err *err)
{
	buf_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		const struct json *hash = NULL;

		if (i > 0)
			buf_char(out, ',');
		json_quote(out, parts[i].name);
		buf_char(out, ':');
		if (str_eq(parts[i].name, S("hashes"))) {
			hash = choose_hash(parts[i].value);
			buf_char(out, '{');
			json_quote(out, json_str(hash));
			buf_char(out, ':');
		}
		TRY(json_canonical(hash != NULL ? hash + 1 : parts[i].value, out, err));
		if (hash != NULL)
			buf_char(out, '}');
	}
	buf_char(out, '}');
	return buf_check(out, err, "id contributing properties");
}

enum rc stix_sco_id(const struct json *sco, char out[static STIX_ID_MAX + 1], struct str *ret, struct err *err)
{
	struct part parts[CONTRIBUTING_MAX];
	struct str type;
	struct uuid uuid;
	struct buf name;
	size_t n = collect(sco, parts, &type);
	enum rc rc;

	if (n == SIZE_MAX)
		return FAIL(err, RC_UNSUPPORTED, "type '%.*s' is no cyber-observable of STIX 2.1",
			    STR(str_slice(type, 0, 100)));
	if (n == 0) {
		*ret = stix_new_id(type, out);
		return RC_OK;
	}
	buf_init(&name, NAME_MAX_BYTES);
	rc = put_name(&name, parts, n, err);
	if (rc == RC_OK) {
		uuid_v5(&SCO_SPACE, buf_view(&name), &uuid);
		*ret = put_id(type, &uuid, out);
	}
	buf_done(&name);
	return rc;
}

bool stix_sco_id_fixed(const struct json *sco)
{
	struct part parts[CONTRIBUTING_MAX];
	struct str type;
	size_t n = collect(sco, parts, &type);

	return n != SIZE_MAX && n > 0;
}

struct str stix_new_id(struct str type, char out[static STIX_ID_MAX + 1])
{
	struct uuid uuid;

	uuid_v4(&uuid);
	return put_id(type, &uuid, out);
}

/* "type:name" is hashed in two steps, so that no choice of name can imitate another type. */
struct str stix_derived_id(struct str type, struct str name, char out[static STIX_ID_MAX + 1])
{
	struct uuid space, uuid;

	uuid_v5(&OWN_SPACE, type, &space);
	uuid_v5(&space, name, &uuid);
	return put_id(type, &uuid, out);
}
