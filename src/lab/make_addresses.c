/* Addresses that stand in a file as text, in ASCII or UTF-16LE: URLs, and IPv4 addresses that are not part of a longer number. */
#include "lab/make.h"

#include <string.h>

#include "base/ascii.h"
#include "base/rd.h"

#define URL_BYTES 2048u
#define SHOWN_MAX 256u
#define LOOK_EACH ((size_t)1 << 20)

static bool of_url(unsigned char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

/* Character `i` behind `at` when each takes `width` bytes, or 0. */
static unsigned char char_at(struct str s, size_t at, size_t i, size_t width)
{
	size_t k = at + i * width;

	if (k + width > s.n || (width == 2 && s.p[k + 1] != '\0'))
		return 0;
	return (unsigned char)s.p[k];
}

static size_t copy_url(struct str s, size_t at, size_t width, char *out)
{
	size_t n = 0;

	while (n < URL_BYTES && of_url(char_at(s, at, n, width))) {
		out[n] = (char)char_at(s, at, n, width);
		n++;
	}
	/* What ends a sentence, or the brackets around it, is not of it. */
	while (n > 0 && strchr(".,;:!?)]'", out[n - 1]) != NULL)
		n--;
	return n;
}

/* Where the scheme in front of "://" at `colon` begins; SIZE_MAX: none that is worth telling. */
static size_t scheme_of(struct str s, size_t colon, size_t width)
{
	static const char *const schemes[] = { "https", "http", "ftps", "ftp", "file", "smb", "ldap" };

	for (size_t i = 0; i < COUNTOF(schemes); i++) {
		size_t n = strlen(schemes[i]), k = 0;

		if (colon < n * width)
			continue;
		while (k < n && ascii_to_lower((char)char_at(s, colon - n * width, k, width)) == schemes[i][k])
			k++;
		if (k == n)
			return colon - n * width;
	}
	return SIZE_MAX;
}

static void say_url(struct lab_node *n, size_t colon, size_t width, unsigned *said)
{
	size_t at = scheme_of(n->bytes, colon, width), size;
	char text[URL_BYTES];

	if (at == SIZE_MAX)
		return;
	size = copy_url(n->bytes, at, width, text);
	if (size >= sizeof "ftp://a.b" - 1 && (*said)++ < SHOWN_MAX)
		lab_fact(n, "url", (struct str){ text, size });
}

/* Digits and dots only on both sides tell an address from a version. */
static void say_address(struct lab_node *n, size_t at, unsigned *said)
{
	struct str s = n->bytes;
	unsigned parts = 0, value = 0, digits = 0;
	size_t i = at;

	for (; i < s.n && i < at + sizeof "255.255.255.255"; i++) {
		if (ascii_digit(s.p[i]) && digits < 3) {
			value = value * 10 + (unsigned)(s.p[i] - '0');
			digits++;
		} else if (s.p[i] == '.' && digits > 0 && value < 256 && parts < 3) {
			parts++;
			value = digits = 0;
		} else {
			break;
		}
	}
	if (parts != 3 || digits == 0 || value > 255 || s.p[at] == '0' || (i < s.n && (ascii_digit(s.p[i]) || ascii_alpha(s.p[i]) || s.p[i] == '.' || s.p[i] == '-')))
		return;
	if ((*said)++ < SHOWN_MAX)
		lab_fact(n, "address", (struct str){ s.p + at, i - at });
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct str s = n->bytes;
	unsigned urls = 0, addresses = 0;

	(void)err;
	for (size_t i = 0; i + 2 < s.n; i++) {
		if (i % LOOK_EACH == 0 && lab_over(n))
			break;
		if (s.p[i] == ':' && s.p[i + 1] == '/' && s.p[i + 2] == '/')
			say_url(n, i, 1, &urls);
		else if (s.p[i] == ':' && i + 6 <= s.n && memcmp(s.p + i, ":\0/\0/", 6) == 0)
			say_url(n, i, 2, &urls);
		else if (ascii_digit(s.p[i]) && (i == 0 || (!ascii_digit(s.p[i - 1]) && !ascii_alpha(s.p[i - 1]) && s.p[i - 1] != '.' && s.p[i - 1] != '-')))
			say_address(n, i, &addresses);
	}
	return RC_OK;
}

const struct lab_maker LAB_MAKE_ADDRESSES = { "addresses", LAB_ANY_TYPE, make, NULL };
