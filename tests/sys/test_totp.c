/* One-time codes against the test vectors of RFC 4226 (appendix D) and RFC 6238 (appendix B, SHA-1, six digits). */
#include "sys/totp.h"

#include "tap.h"

#define KEY S("12345678901234567890")

static void vectors(void)
{
	static const uint32_t hotp[] = { 755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489 };
	static const struct { int64_t seconds; uint32_t code; } totp[] = {
		{ 59, 287082 }, { 1111111109, 81804 }, { 1111111111, 50471 }, { 1234567890, 5924 }, { 2000000000, 279037 }, { 20000000000, 353130 },
	};

	for (size_t i = 0; i < COUNTOF(hotp); i++)
		OK(totp_code(KEY, (int64_t)i) == hotp[i], "RFC 4226, counter %zu", i);
	for (size_t i = 0; i < COUNTOF(totp); i++)
		OK(totp_code(KEY, totp[i].seconds / 30) == totp[i].code, "RFC 6238 at %lld", (long long)totp[i].seconds);
}

static void windows(void)
{
	static const struct { int64_t at; const char *code; bool good; int64_t step; } rows[] = {
		{ 59, "287082", true, 1 },   { 30, "287082", true, 1 },  { 29, "287082", true, 1 },  { 89, "287082", true, 1 },
		{ 90, "287082", false, -1 }, { 59, "287083", false, -1 }, { 59, "28708", false, -1 }, { 59, "0287082", false, -1 },
		{ 59, "", false, -1 },       { 1111111109, "081804", true, 37037036 }, { 1111111109, "81804", false, -1 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int64_t step = -1;

		OK(totp_check(KEY, str_of(rows[i].code), rows[i].at * USEC_PER_SEC, &step) == rows[i].good, "\"%s\" at %lld", rows[i].code, (long long)rows[i].at);
		EQ_INT(step, rows[i].step, "its step");
	}
}

static void base32(void)
{
	/* RFC 4648 §10, without the padding. */
	static const struct { const char *in, *out; } rows[] = {
		{ "", "" }, { "f", "MY" }, { "fo", "MZXQ" }, { "foo", "MZXW6" }, { "foob", "MZXW6YQ" }, { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;

		buf_init(&b, 100);
		base32_put(&b, str_of(rows[i].in));
		OK(str_eq(buf_view(&b), str_of(rows[i].out)), "base32 of \"%s\"", rows[i].in);
		buf_done(&b);
	}
}

int main(void)
{
	vectors();
	windows();
	base32();
	return tap_done();
}
