#include "wire/cbor.h"

#define MAJOR_SHIFT 5
#define INFO_MASK 0x1f
#define INFO_ONE 24 /* a byte follows; 25 two, 26 four, 27 eight: RFC 8949 §3 */
#define INFO_EIGHT 27

static bool broken(struct rd *r)
{
	r->bad = true;
	return false;
}

/* The argument of a head. `exact`: a float's bits, which have no shorter form. */
static bool argument(struct rd *r, unsigned info, bool exact, uint64_t *ret)
{
	size_t width;
	uint64_t v = 0;

	*ret = info;
	if (info < INFO_ONE)
		return true;
	if (info > INFO_EIGHT) /* reserved, or of unknown length */
		return broken(r);
	width = (size_t)1 << (info - INFO_ONE);
	for (size_t i = 0; i < width; i++)
		v = v << 8 | rd_u8(r);
	*ret = v;
	if (r->bad)
		return false;
	if (!exact && (width == 1 ? v < INFO_ONE : v >> (width * 4) == 0))
		return broken(r);
	return true;
}

bool cbor_next(struct rd *r, struct cbor *ret)
{
	uint8_t head = rd_u8(r);
	unsigned info = head & INFO_MASK;

	*ret = (struct cbor){ .type = (enum cbor_type)(head >> MAJOR_SHIFT), .bytes = S("") };
	if (r->bad || !argument(r, info, ret->type == CBOR_SIMPLE && info > INFO_ONE, &ret->n))
		return false;
	if (ret->type == CBOR_SIMPLE && info == INFO_ONE && ret->n < 32) /* RFC 8949 §3.3 */
		return broken(r);
	if (ret->type == CBOR_BYTES || ret->type == CBOR_TEXT) {
		if (ret->n > rd_left(r))
			return broken(r);
		ret->bytes = rd_bytes(r, (size_t)ret->n);
	}
	/* Each thing inside has a byte of its own at least: a count that promises more is a lie. */
	if ((ret->type == CBOR_ARRAY && ret->n > rd_left(r)) || (ret->type == CBOR_MAP && ret->n > rd_left(r) / 2))
		return broken(r);
	return true;
}

bool cbor_skip(struct rd *r)
{
	uint64_t left[CBOR_DEPTH + 1] = { 1 };
	int depth = 0;

	while (depth >= 0) {
		struct cbor c;

		if (left[depth] == 0) {
			depth--;
			continue;
		}
		left[depth]--;
		if (!cbor_next(r, &c))
			return false;
		if (c.type != CBOR_ARRAY && c.type != CBOR_MAP && c.type != CBOR_TAG)
			continue;
		if (depth == CBOR_DEPTH)
			return broken(r);
		left[++depth] = c.type == CBOR_TAG ? 1 : c.type == CBOR_MAP ? 2 * c.n : c.n;
	}
	return true;
}

bool cbor_int(const struct cbor *c, int64_t *ret)
{
	if ((c->type != CBOR_UINT && c->type != CBOR_NEGINT) || c->n > INT64_MAX)
		return false;
	*ret = c->type == CBOR_UINT ? (int64_t)c->n : -1 - (int64_t)c->n;
	return true;
}
