/* Values of binary XML as text ([MS-EVEN6] 2.2.12, 2.2.13), in the spelling
 * that Windows shows and that Sigma rules are written for. */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "wire/evtx_int.h"

static const char LOWER[] = "0123456789abcdef";
static const char UPPER[] = "0123456789ABCDEF";
/* Two digits at a time: half the divisions. */
static const char PAIRS[] =
	"00010203040506070809101112131415161718192021222324"
	"25262728293031323334353637383940414243444546474849"
	"50515253545556575859606162636465666768697071727374"
	"75767778798081828384858687888990919293949596979899";

static size_t put_text(char *to, struct str s)
{
	memcpy(to, s.p, s.n);
	return s.n;
}

static size_t put_u64(char *to, uint64_t v)
{
	char UNINIT digits[2 * 20];
	size_t at = 20;

	if (v < 10) {
		to[0] = (char)('0' + v);
		return 1;
	}
	for (; v >= 100; v /= 100)
		memcpy(digits + (at -= 2), PAIRS + 2 * (v % 100), 2);
	if (v >= 10)
		memcpy(digits + (at -= 2), PAIRS + 2 * v, 2);
	else
		digits[--at] = (char)('0' + v);
	memcpy(to, digits + at, 20); /* of one size: cheaper than what is needed */
	return 20 - at;
}

static size_t put_i64(char *to, int64_t v)
{
	if (v >= 0)
		return put_u64(to, (uint64_t)v);
	to[0] = '-';
	return 1 + put_u64(to + 1, 0 - (uint64_t)v);
}

static size_t put_hex(char *to, uint64_t v)
{
	unsigned digits = 1;

	while (digits < 16 && v >> (4 * digits) != 0)
		digits++;
	to[0] = '0';
	to[1] = 'x';
	for (unsigned i = 0; i < digits; i++)
		to[2 + i] = LOWER[v >> (4 * (digits - 1 - i)) & 15];
	return 2 + digits;
}

static size_t put_bytes(char *to, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		to[2 * i] = UPPER[(unsigned char)bytes.p[i] >> 4];
		to[2 * i + 1] = UPPER[bytes.p[i] & 15];
	}
	return 2 * bytes.n;
}

/* The lowest digits, an even number of them, with zeros before. */
static inline size_t put_fixed(char *to, unsigned v, unsigned digits)
{
	for (unsigned i = digits; i > 0; i -= 2, v /= 100)
		memcpy(to + i - 2, PAIRS + 2 * (v % 100), 2);
	return digits;
}

static inline void put_byte(char *to, char byte)
{
	to[0] = UPPER[(unsigned char)byte >> 4];
	to[1] = UPPER[byte & 15];
}

static size_t put_guid(char *to, struct str b)
{
	static const struct {
		uint8_t from, to;
	} order[16] = { { 3, 1 }, { 2, 3 }, { 1, 5 }, { 0, 7 }, { 5, 10 }, { 4, 12 }, { 7, 15 }, { 6, 17 }, { 8, 20 }, { 9, 22 },
		{ 10, 25 }, { 11, 27 }, { 12, 29 }, { 13, 31 }, { 14, 33 }, { 15, 35 } };

	memcpy(to, "{        -    -    -    -            }", 38);
	for (size_t i = 0; i < COUNTOF(order); i++)
		put_byte(to + order[i].to, b.p[order[i].from]);
	return 38;
}

/* [MS-DTYP] 2.4.2.2; 2.4.2.1 for the text. */
static size_t put_sid(char *to, struct str b)
{
	uint64_t authority = 0;
	size_t n, count = b.n < 8 ? 0 : (unsigned char)b.p[1];

	if (b.n < 8 || b.n < 8 + 4 * count)
		return put_bytes(to, b);
	n = put_text(to, S("S-"));
	n += put_u64(to + n, (unsigned char)b.p[0]);
	for (size_t i = 2; i < 8; i++)
		authority = authority << 8 | (unsigned char)b.p[i];
	to[n++] = '-';
	n += authority >> 32 == 0 ? put_u64(to + n, authority) : put_hex(to + n, authority);
	for (size_t i = 0; i < count; i++) {
		to[n++] = '-';
		n += put_u64(to + n, str_le32(b, 8 + 4 * i));
	}
	return n;
}

static size_t put_date(char *to, unsigned year, unsigned month, unsigned day)
{
	size_t n = put_fixed(to, year, 4);

	to[n++] = '-';
	n += put_fixed(to + n, month, 2);
	to[n++] = '-';
	n += put_fixed(to + n, day, 2);
	to[n++] = 'T';
	return n;
}

static size_t put_clock(char *to, unsigned hour, unsigned minute, unsigned second)
{
	size_t n = put_fixed(to, hour, 2);

	to[n++] = ':';
	n += put_fixed(to + n, minute, 2);
	to[n++] = ':';
	return n + put_fixed(to + n, second, 2);
}

/* Days since 1601-01-01 as a date of the Gregorian calendar, which begins a cycle of 400 years there. */
static size_t put_days(char *to, uint32_t days)
{
	uint32_t d = days + 306; /* from 1600-03-01, so that leap days end the year */
	uint32_t cycle = d / 146097, of_cycle = d % 146097;
	uint32_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
	uint32_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
	uint32_t m = (5 * of_year + 2) / 153, day = of_year - (153 * m + 2) / 5 + 1;
	uint32_t month = m < 10 ? m + 3 : m - 9;

	return put_date(to, 1600 + cycle * 400 + year + (month <= 2), month, day);
}

#define FILETIME_MAX UINT64_C(2650467743999999999) /* the end of year 9999 */

static size_t put_filetime(char *to, uint64_t ft)
{
	uint64_t us = ft / 10, seconds = us / 1000000;
	uint32_t of_day = (uint32_t)(seconds % 86400);
	size_t n;

	if (ft > FILETIME_MAX)
		return put_u64(to, ft);
	n = put_days(to, (uint32_t)(seconds / 86400));
	n += put_clock(to + n, of_day / 3600, of_day / 60 % 60, of_day % 60);
	to[n++] = '.';
	n += put_fixed(to + n, (unsigned)(us % 1000000), 6);
	to[n++] = 'Z';
	return n;
}

/* SYSTEMTIME: eight 16-bit numbers, the third is the day of the week. */
static size_t put_systime(char *to, struct str b)
{
	size_t n;

	if (b.n != 16)
		return put_bytes(to, b);
	n = put_date(to, str_le16(b, 0), str_le16(b, 2), str_le16(b, 6));
	n += put_clock(to + n, str_le16(b, 8), str_le16(b, 10), str_le16(b, 12));
	to[n++] = '.';
	to[n++] = (char)('0' + str_le16(b, 14) / 100 % 10);
	n += put_fixed(to + n, str_le16(b, 14), 2);
	to[n++] = 'Z';
	return n;
}

static size_t put_float(char *to, double v, int digits, enum flat_type *ret)
{
	char text[48];
	int n = snprintf(text, sizeof text, "%.*g", digits, v);

	*ret = isfinite(v) ? FLAT_NUMBER : FLAT_STRING;
	return n > 0 && (size_t)n < sizeof text ? put_text(to, str_make(text, (size_t)n)) : 0;
}

static size_t put_f32(char *to, struct str b, enum flat_type *ret)
{
	uint32_t bits = str_le32(b, 0);
	float v;

	memcpy(&v, &bits, sizeof v);
	return put_float(to, (double)v, 9, ret);
}

static size_t put_f64(char *to, struct str b, enum flat_type *ret)
{
	uint64_t bits = str_le64(b, 0);
	double v;

	memcpy(&v, &bits, sizeof v);
	return put_float(to, v, 17, ret);
}

/* Strings often bring their terminator along. */
size_t evtx_string_text(char *to, struct str b)
{
	while (b.n >= 2 && str_le16(b, b.n / 2 * 2 - 2) == 0)
		b.n = b.n / 2 * 2 - 2;
	return utf16le_get(to, b);
}

/* Bytes of an unnamed code page: as they are when they are UTF-8, else as Latin-1. */
static size_t put_ansi(char *to, struct str b)
{
	size_t n = 0;

	while (b.n > 0 && b.p[b.n - 1] == '\0')
		b.n--;
	if (utf8_valid(b, NULL))
		return put_text(to, b);
	for (size_t i = 0; i < b.n; i++) {
		unsigned char c = (unsigned char)b.p[i];

		if (c >= 0x80)
			to[n++] = (char)(0xC0 | c >> 6);
		to[n++] = c < 0x80 ? (char)c : (char)(0x80 | (c & 0x3F));
	}
	return n;
}

static uint64_t number(struct str b)
{
	switch (b.n) {
	case 1:
		return (unsigned char)b.p[0];
	case 2:
		return str_le16(b, 0);
	case 4:
		return str_le32(b, 0);
	default:
		return str_le64(b, 0);
	}
}

size_t evtx_value_size(unsigned type)
{
	static const uint8_t size[] = { [EVTX_I8] = 1, [EVTX_U8] = 1, [EVTX_I16] = 2, [EVTX_U16] = 2, [EVTX_I32] = 4, [EVTX_U32] = 4,
		[EVTX_I64] = 8, [EVTX_U64] = 8, [EVTX_F32] = 4, [EVTX_F64] = 8, [EVTX_BOOL] = 4, [EVTX_GUID] = 16, [EVTX_SIZE] = 8,
		[EVTX_FILETIME] = 8, [EVTX_SYSTIME] = 16, [EVTX_HEX32] = 4, [EVTX_HEX64] = 8 };

	return type < COUNTOF(size) ? size[type] : 0;
}

/* Sizes that the type does not have: the bytes are shown as they are. */
static bool sized(unsigned type, size_t n)
{
	size_t want = evtx_value_size(type);

	if (type == EVTX_SIZE)
		return n == 4 || n == 8;
	if (type == EVTX_BOOL)
		return n == 1 || n == 2 || n == 4;
	return want == 0 || n == want;
}

static size_t put_signed(char *to, struct str b)
{
	uint64_t v = number(b);
	unsigned spare = 64 - 8 * (unsigned)b.n;

	return put_i64(to, (int64_t)(v << spare) >> spare);
}

size_t evtx_value_text(char *to, struct str bytes, unsigned type, enum flat_type *ret)
{
	*ret = FLAT_STRING;
	if (UNLIKELY(!sized(type, bytes.n)))
		return put_bytes(to, bytes);
	switch ((enum evtx_type)type) {
	case EVTX_NULL:
		*ret = FLAT_NULL;
		return put_text(to, S("null"));
	case EVTX_STRING:
		return evtx_string_text(to, bytes);
	case EVTX_ANSI:
		return put_ansi(to, bytes);
	case EVTX_I8:
	case EVTX_I16:
	case EVTX_I32:
	case EVTX_I64:
		*ret = FLAT_NUMBER;
		return put_signed(to, bytes);
	case EVTX_U8:
	case EVTX_U16:
	case EVTX_U32:
	case EVTX_U64:
		*ret = FLAT_NUMBER;
		return put_u64(to, number(bytes));
	case EVTX_F32:
		return put_f32(to, bytes, ret);
	case EVTX_F64:
		return put_f64(to, bytes, ret);
	case EVTX_BOOL:
		*ret = number(bytes) != 0 ? FLAT_TRUE : FLAT_FALSE;
		return put_text(to, number(bytes) != 0 ? S("true") : S("false"));
	case EVTX_GUID:
		return put_guid(to, bytes);
	case EVTX_FILETIME:
		return put_filetime(to, number(bytes));
	case EVTX_SYSTIME:
		return put_systime(to, bytes);
	case EVTX_SID:
		return put_sid(to, bytes);
	case EVTX_SIZE:
	case EVTX_HEX32:
	case EVTX_HEX64:
		return put_hex(to, number(bytes));
	case EVTX_BINARY:
	case EVTX_HANDLE:
	case EVTX_XML:
	case EVTX_EVTXML:
		break;
	}
	return put_bytes(to, bytes);
}
