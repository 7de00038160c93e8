/* What is CBOR in canonical form (examples of RFC 8949 appendix A), and what is not. */
#include "tap.h"

#include "base/text.h"
#include "wire/cbor.h"

#define MAX_BYTES 256

static struct str bytes_of(const char *hex, char out[static MAX_BYTES])
{
	struct buf b;
	size_t n;

	buf_init(&b, MAX_BYTES);
	OK(hex_get(&b, str_of(hex)), "%s: hexadecimal", hex);
	n = b.n;
	if (n > 0)
		memcpy(out, b.p, n);
	buf_done(&b);
	return str_make(out, n);
}

static const struct {
	const char *hex;
	enum cbor_type type;
	uint64_t n;
	const char *bytes;
} heads[] = {
	{ "00", CBOR_UINT, 0, "" },
	{ "17", CBOR_UINT, 23, "" },
	{ "1818", CBOR_UINT, 24, "" },
	{ "1903e8", CBOR_UINT, 1000, "" },
	{ "1a000f4240", CBOR_UINT, 1000000, "" },
	{ "1bffffffffffffffff", CBOR_UINT, UINT64_MAX, "" },
	{ "29", CBOR_NEGINT, 9, "" },
	{ "3903e7", CBOR_NEGINT, 999, "" },
	{ "4401020304", CBOR_BYTES, 4, "\1\2\3\4" },
	{ "6449455446", CBOR_TEXT, 4, "IETF" },
	{ "80", CBOR_ARRAY, 0, "" },
	{ "a0", CBOR_MAP, 0, "" },
	{ "c1", CBOR_TAG, 1, "" },
	{ "f4", CBOR_SIMPLE, 20, "" },
	{ "f8ff", CBOR_SIMPLE, 255, "" },
	{ "f90000", CBOR_SIMPLE, 0, "" },
};

static const char *const broken[] = {
	"", "18", "1817", "190010", "1900ff", "1a0000ffff", "1b00000000ffffffff", "1c", "1f", "5f", "9f", "bf", "ff", "44010203", "64494554",
	"81", "a101", "f800", "f818", "f81f", "5bffffffffffffffff", "9bffffffffffffffff", "bb7fffffffffffffff",
	"818181818181818181818100", "c1c1c1c1c1c1c1c1c1c100",
};

static const struct {
	const char *hex;
	size_t left;
} whole[] = {
	{ "8301820203820405ff", 1 }, { "a26161016162820203", 0 }, { "8080", 1 }, { "a0", 0 }, { "c11a514b67b0", 0 }, { "fb3ff199999999999a00", 1 },
	{ "818181818181818100", 0 },
};

static const struct {
	const char *hex;
	bool good;
	int64_t n;
} numbers[] = {
	{ "1863", true, 99 }, { "20", true, -1 }, { "3863", true, -100 }, { "1b7fffffffffffffff", true, INT64_MAX },
	{ "3b7fffffffffffffff", true, INT64_MIN }, { "1b8000000000000000", false, 0 }, { "3b8000000000000000", false, 0 }, { "4101", false, 0 },
};

int main(void)
{
	char room[MAX_BYTES];
	struct cbor c;
	struct rd r;

	for (size_t i = 0; i < COUNTOF(heads); i++) {
		rd_init(&r, bytes_of(heads[i].hex, room));
		OK(cbor_next(&r, &c) && c.type == heads[i].type && c.n == heads[i].n && rd_left(&r) == 0, "%s is read", heads[i].hex);
		EQ_STR(c.bytes, str_of(heads[i].bytes), "with what follows");
	}
	for (size_t i = 0; i < COUNTOF(broken); i++) {
		rd_init(&r, bytes_of(broken[i], room));
		OK(!cbor_skip(&r) && r.bad, "'%s' is not", broken[i]);
	}
	for (size_t i = 0; i < COUNTOF(whole); i++) {
		rd_init(&r, bytes_of(whole[i].hex, room));
		OK(cbor_skip(&r) && !r.bad && rd_left(&r) == whole[i].left, "%s: gone over, %zu left", whole[i].hex, rd_left(&r));
	}
	for (size_t i = 0; i < COUNTOF(numbers); i++) {
		int64_t n = 0;

		rd_init(&r, bytes_of(numbers[i].hex, room));
		OK(cbor_next(&r, &c) && cbor_int(&c, &n) == numbers[i].good && n == numbers[i].n, "%s as a number: %lld", numbers[i].hex, (long long)n);
	}
	return tap_done();
}
