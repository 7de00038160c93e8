#include "lab/similar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SIZE_MIN_BYTES 50
#define BUCKETS 128 /* of 256 only these are shown */
#define CODE_BYTES (BUCKETS / 4)
#define DIGEST_BYTES (3 + CODE_BYTES)

static const char DIGITS[] = "0123456789ABCDEF";

/* P. K. Pearson, Fast hashing of variable-length text strings, 1990; also RFC 3074 §6. */
static const unsigned char PEARSON[256] = {
	1, 87, 49, 12, 176, 178, 102, 166, 121, 193, 6, 84, 249, 230, 44, 163, 14, 197, 213, 181, 161, 85, 218, 80, 64, 239, 24, 226, 236, 142,
	38, 200, 110, 177, 104, 103, 141, 253, 255, 50, 77, 101, 81, 18, 45, 96, 31, 222, 25, 107, 190, 70, 86, 237, 240, 34, 72, 242, 20, 214,
	244, 227, 149, 235, 97, 234, 57, 22, 60, 250, 82, 175, 208, 5, 127, 199, 111, 62, 135, 248, 174, 169, 211, 58, 66, 154, 106, 195, 245,
	171, 17, 187, 182, 179, 0, 243, 132, 56, 148, 75, 128, 133, 158, 100, 130, 126, 91, 13, 153, 246, 216, 219, 119, 68, 223, 78, 83, 88,
	201, 99, 122, 11, 92, 32, 136, 114, 52, 10, 138, 30, 48, 183, 156, 35, 61, 26, 143, 74, 251, 94, 129, 162, 63, 152, 170, 7, 115, 167,
	241, 206, 3, 150, 55, 59, 151, 220, 90, 53, 23, 131, 125, 173, 15, 238, 79, 95, 89, 16, 105, 137, 225, 224, 217, 160, 37, 123, 118, 73,
	2, 157, 46, 116, 9, 145, 134, 228, 207, 212, 202, 215, 69, 229, 27, 188, 67, 124, 168, 252, 42, 4, 29, 108, 21, 247, 19, 205, 39, 203,
	233, 40, 186, 147, 198, 192, 155, 33, 164, 191, 98, 204, 165, 180, 117, 76, 140, 36, 210, 172, 41, 54, 159, 8, 185, 232, 113, 196, 231,
	47, 146, 120, 51, 65, 28, 144, 254, 221, 93, 189, 194, 139, 112, 43, 71, 109, 184, 209,
};

static unsigned char mapped(unsigned salted, unsigned char a, unsigned char b, unsigned char c)
{
	return PEARSON[PEARSON[PEARSON[salted ^ a] ^ b] ^ c];
}

void tlsh_begin(struct tlsh *t)
{
	memset(t, 0, sizeof *t);
}

void tlsh_add(struct tlsh *t, struct str bytes)
{
	unsigned char a = t->window[0], b = t->window[1], c = t->window[2], d = t->window[3];

	/* The window holds the last four; the salts of the six triplets are 2, 3, 5, 7, 11 and 13. */
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char now = (unsigned char)bytes.p[i];

		if (t->size + i >= TLSH_WINDOW) {
			t->checksum = mapped(PEARSON[0], now, a, t->checksum);
			t->bucket[mapped(PEARSON[2], now, a, b)]++;
			t->bucket[mapped(PEARSON[3], now, a, c)]++;
			t->bucket[mapped(PEARSON[5], now, b, c)]++;
			t->bucket[mapped(PEARSON[7], now, b, d)]++;
			t->bucket[mapped(PEARSON[11], now, a, d)]++;
			t->bucket[mapped(PEARSON[13], now, c, d)]++;
		}
		d = c;
		c = b;
		b = a;
		a = now;
	}
	t->window[0] = a;
	t->window[1] = b;
	t->window[2] = c;
	t->window[3] = d;
	t->size += bytes.n;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The length on a scale of logarithms that is finer where files are large. */
static unsigned char length_code(uint64_t size)
{
	double l = log((double)size);

	if (size <= 656)
		return (unsigned char)(int)floor(l / 0.4054651);
	if (size <= 3199)
		return (unsigned char)(int)floor(l / 0.26236426 - 8.72777);
	return (unsigned char)((unsigned)floor(l / 0.095310180 - 62.5472) & 0xff);
}

static unsigned char swapped(unsigned char b)
{
	return (unsigned char)(b << 4 | b >> 4);
}

static unsigned ratio(uint32_t part, uint32_t whole)
{
	return (unsigned)((float)((uint64_t)part * 100) / (float)whole) % 16;
}

bool tlsh_end(const struct tlsh *t, char out[static TLSH_TEXT_MAX])
{
	uint32_t sorted[BUCKETS], q1, q2, q3;
	unsigned char digest[DIGEST_BYTES];
	size_t filled = 0;

	if (t->size < SIZE_MIN_BYTES)
		return false;
	memcpy(sorted, t->bucket, sizeof sorted);
	for (size_t i = 0; i < BUCKETS; i++)
		filled += sorted[i] > 0;
	qsort(sorted, BUCKETS, sizeof *sorted, by_size);
	q1 = sorted[BUCKETS / 4 - 1];
	q2 = sorted[BUCKETS / 2 - 1];
	q3 = sorted[BUCKETS * 3 / 4 - 1];
	if (filled <= BUCKETS / 2 || q3 == 0)
		return false;
	digest[0] = swapped(t->checksum);
	digest[1] = swapped(length_code(t->size));
	digest[2] = (unsigned char)(ratio(q1, q3) << 4 | ratio(q2, q3));
	for (size_t i = 0; i < CODE_BYTES; i++) {
		unsigned code = 0;

		for (size_t j = 0; j < 4; j++) {
			uint32_t k = t->bucket[4 * i + j];

			code |= (k > q3 ? 3u : k > q2 ? 2u : k > q1 ? 1u : 0u) << 2 * j;
		}
		digest[DIGEST_BYTES - 1 - i] = (unsigned char)code;
	}
	memcpy(out, "T1", 2);
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out[2 + 2 * i] = DIGITS[digest[i] >> 4];
		out[3 + 2 * i] = DIGITS[digest[i] & 15];
	}
	out[2 + 2 * DIGEST_BYTES] = '\0';
	return true;
}

/* --- distance --- */

static bool read_digest(struct str text, unsigned char out[static DIGEST_BYTES])
{
	size_t skip = text.n == 2 + 2 * DIGEST_BYTES && text.p[0] == 'T' && text.p[1] == '1' ? 2 : 0;

	if (text.n != skip + 2 * DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = hex_value(text.p[skip + 2 * i]), low = hex_value(text.p[skip + 2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* Around a circle of `size`. */
static int apart(int a, int b, int size)
{
	int d = abs(a - b);

	return d < size - d ? d : size - d;
}

static int of_ratio(int a, int b)
{
	int d = apart(a, b, 16);

	return d <= 1 ? d : (d - 1) * 12;
}

int tlsh_distance(struct str a, struct str b)
{
	unsigned char x[DIGEST_BYTES], y[DIGEST_BYTES];
	int d, length;

	if (!read_digest(a, x) || !read_digest(b, y))
		return -1;
	length = apart(swapped(x[1]), swapped(y[1]), 256);
	d = (x[0] != y[0]) + (length <= 1 ? length : length * 12);
	d += of_ratio(x[2] >> 4, y[2] >> 4) + of_ratio(x[2] & 15, y[2] & 15);
	for (size_t i = 3; i < DIGEST_BYTES; i++) {
		for (int shift = 0; shift < 8; shift += 2) {
			int k = abs((x[i] >> shift & 3) - (y[i] >> shift & 3));

			d += k == 3 ? 6 : k;
		}
	}
	return d;
}

/* --- places --- */

int tlsh_place(struct str text)
{
	unsigned char x[DIGEST_BYTES];

	return read_digest(text, x) ? swapped(x[1]) << TLSH_SHELF_BITS | x[2] : -1;
}

/* What tlsh_distance adds for length and ratios, and nothing of the rest. */
int tlsh_place_distance(int a, int b)
{
	int length = apart(a >> TLSH_SHELF_BITS & 255, b >> TLSH_SHELF_BITS & 255, 256);

	return (length <= 1 ? length : length * 12) + of_ratio(a >> 4 & 15, b >> 4 & 15) + of_ratio(a & 15, b & 15);
}
