/* The key of a hit: its group values, then those that outer correlations will
 * ask for, one behind the other with their lengths. The group's hash is taken
 * over the first part, so "a","bc" and "ab","c" differ. A value longer than
 * CORRELATE_VALUE_MAX is cut and followed by the hash of all of it. */
#include "detect/correlate_int.h"

#include <math.h>
#include <stdlib.h>

#define ABSENT UINT32_MAX
#define LONG (UINT32_C(1) << 31)
#define NUMBER_TEXT_MAX 64

size_t plan_key_max(const struct plan *p)
{
	return (size_t)(p->n_group + p->n_carried) * (sizeof(uint32_t) + CORRELATE_VALUE_MAX + 2 * sizeof(uint64_t));
}

/* Cut, with the hash of all of it. */
static __attribute__((noinline)) size_t put_long(const struct hash_secret *secret, unsigned char *to, struct str value)
{
	uint32_t head = CORRELATE_VALUE_MAX | LONG;
	uint64_t h[2];

	hash_keyed(secret, value, h);
	memcpy(to, &head, sizeof head);
	memcpy(to + sizeof head, value.p, CORRELATE_VALUE_MAX);
	memcpy(to + sizeof head + CORRELATE_VALUE_MAX, h, sizeof h);
	return sizeof head + CORRELATE_VALUE_MAX + sizeof h;
}

static inline size_t put_value(const struct hash_secret *secret, unsigned char *to, struct str value)
{
	uint32_t n = (uint32_t)value.n;

	if (UNLIKELY(value.n > CORRELATE_VALUE_MAX))
		return put_long(secret, to, value);
	memcpy(to, &n, sizeof n);
	to += sizeof n;
	/* Short ones, the usual case, in two moves that may overlap. */
	if (n >= 8 && n <= 16) {
		memcpy(to, value.p, 8);
		memcpy(to + n - 8, value.p + n - 8, 8);
	} else if (n > 0) {
		memcpy(to, value.p, n);
	}
	return sizeof n + n;
}

bool key_read(struct str key, struct str *out, uint32_t n)
{
	const char *p = key.p, *end = key.p + key.n;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t head;

		if ((size_t)(end - p) < sizeof head)
			return false;
		memcpy(&head, p, sizeof head);
		p += sizeof head;
		if (head == ABSENT) {
			out[i] = (struct str){ NULL, 0 };
			continue;
		}
		size_t len = head & ~LONG, more = (head & LONG) != 0 ? 2 * sizeof(uint64_t) : 0;

		if (len > CORRELATE_VALUE_MAX || (size_t)(end - p) < len + more)
			return false;
		out[i] = str_make(p, len);
		p += len + more;
	}
	return p == end;
}

/* A decimal number as the whole text; no hexadecimal, no infinity, no "nan". */
static bool to_number(struct str text, double *ret)
{
	char copy[NUMBER_TEXT_MAX], *end;

	text = str_trim(text);
	if (text.n == 0 || text.n >= sizeof copy)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'))
			return false;
		copy[i] = c;
	}
	copy[text.n] = '\0';
	*ret = strtod(copy, &end);
	return end == copy + text.n && isfinite(*ret);
}

static bool tuple_value(const struct plan *p, const struct hash_secret *secret, const struct str *fields, correlator_field field,
			void *ctx, uint64_t *ret)
{
	uint64_t parts[CORRELATE_FIELDS_MAX][2] UNINIT, whole[2];

	for (uint32_t i = 0; i < p->n_values; i++) {
		struct str value;

		if (!field(ctx, fields[i], &value))
			return false;
		hash_keyed(secret, value, parts[i]);
	}
	hash_keyed(secret, str_make((const char *)parts, p->n_values * sizeof parts[0]), whole);
	*ret = whole[0];
	return true;
}

/* What the condition counts or adds up. False: absent or no number. */
static bool read_value(const struct plan *p, const struct hash_secret *secret, const struct str *fields, correlator_field field,
		       void *ctx, uint64_t *ret)
{
	uint64_t h[2];
	struct str value;
	double number;

	if (p->n_values > 1)
		return tuple_value(p, secret, fields, field, ctx, ret);
	if (!field(ctx, fields[0], &value))
		return false;
	if (p->corr->type == SIGMA_VALUE_COUNT) {
		hash_keyed(secret, value, h);
		*ret = h[0];
		return true;
	}
	if (!to_number(value, &number))
		return false;
	memcpy(ret, &number, sizeof *ret);
	return true;
}

bool key_build(const struct plan *p, const struct hash_secret *secret, correlator_field field, void *ctx, unsigned char *room,
	       struct hit *hit, struct correlator_stats *stats)
{
	const struct str *fields = p->fields + (size_t)hit->slot * (p->n_group + p->n_values + p->n_carried);
	struct str value;
	size_t n = 0;

	for (uint32_t i = 0; i < p->n_group; i++) {
		if (!field(ctx, fields[i], &value)) {
			stats->without_group++;
			return false;
		}
		n += put_value(secret, room + n, value);
	}
	/* One value needs no length; and bytes that were just written are slow to read. */
	hash_keyed(secret, p->n_group == 1 ? value : str_make((const char *)room, n), hit->h);
	hit->value = 0;
	if (p->n_values > 0 && !read_value(p, secret, fields + p->n_group, field, ctx, &hit->value)) {
		stats->without_value++;
		return false;
	}
	for (uint32_t i = 0; i < p->n_carried; i++) {
		uint32_t absent = ABSENT;

		if (field(ctx, fields[p->n_group + p->n_values + i], &value)) {
			n += put_value(secret, room + n, value);
		} else {
			memcpy(room + n, &absent, sizeof absent);
			n += sizeof absent;
		}
	}
	hit->key = room;
	hit->n_key = (uint32_t)n;
	return true;
}
