/* Forms as browsers send them, and what is none. */
#include "tap.h"

#include "base/attr.h"
#include "wire/multipart.h"

#define TYPE "multipart/form-data; boundary=XX"
#define FIELD(name, text) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define PARTS 3

static const struct {
	const char *what, *type;
	struct str body;
	enum rc rc;
	size_t n;
	const char *name, *filename; /* of the last part */
	struct str bytes;
} forms[] = {
	{ "a field", TYPE, S(FIELD("a", "b") "--XX--\r\n"), RC_OK, 1, "a", NULL, S("b") },
	{ "two fields", TYPE, S(FIELD("a", "b") FIELD("c", "") "--XX--"), RC_OK, 2, "c", NULL, S("") },
	{ "a file", TYPE, S("--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a;b.zip\"\r\nContent-Type: application/zip\r\n\r\nPK\0\r\n--X\r\n--XX--"), RC_OK, 1,
	  "file", "a;b.zip", S("PK\0\r\n--X") },
	{ "no file chosen", TYPE, S("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--XX--"), RC_OK, 1, "file", "", S("") },
	{ "a name with an escaped quote", TYPE, S("--XX\r\nContent-Disposition: form-data; filename=\"a\\\"b%22\"; name=f\r\n\r\nx\r\n--XX--"), RC_OK, 1, "f", "a\\\"b%22", S("x") },
	{ "a path of old", TYPE, S("--XX\r\nContent-Disposition: form-data; filename=\"C:\\a\"; name=\"f\"\r\n\r\nx\r\n--XX--"), RC_OK, 1, "f", "C:\\a", S("x") },
	{ "a quoted boundary, blanks behind it", "Multipart/Form-Data;charset=utf-8; BOUNDARY=\"X X\"", S("--X X \t\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--X X--"), RC_OK, 1, "a",
	  NULL, S("b") },
	{ "nothing in it", TYPE, S("--XX--\r\n"), RC_OK, 0, NULL, NULL, S("") },
	{ "another type", "application/x-www-form-urlencoded; boundary=XX", S("--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "no boundary", "multipart/form-data", S("--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "an empty boundary", "multipart/form-data; boundary=", S("----"), RC_BAD, 0, NULL, NULL, S("") },
	{ "a boundary that does not end", "multipart/form-data; boundary=\"XX", S("--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "a long boundary", "multipart/form-data; boundary=00000000001111111111222222222233333333334444444444555555555566666666667", S("--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "an empty body", TYPE, S(""), RC_BAD, 0, NULL, NULL, S("") },
	{ "a preamble", TYPE, S("x\r\n" FIELD("a", "b") "--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "cut in the head", TYPE, S("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n"), RC_BAD, 0, NULL, NULL, S("") },
	{ "cut in the bytes", TYPE, S("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nbcd"), RC_BAD, 0, NULL, NULL, S("") },
	{ "cut behind a delimiter", TYPE, S(FIELD("a", "b") "--XX"), RC_BAD, 1, "a", NULL, S("b") },
	{ "a longer boundary", TYPE, S("--XXY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "a part without a name", TYPE, S("--XX\r\nContent-Disposition: form-data\r\n\r\nb\r\n--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "a part that is no field", TYPE, S("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nb\r\n--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "said twice what it is", TYPE, S("--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nb\r\n--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "a part without a head", TYPE, S("--XX\r\n\r\nb\r\n--XX--"), RC_BAD, 0, NULL, NULL, S("") },
	{ "too many", TYPE, S(FIELD("a", "1") FIELD("b", "2") FIELD("c", "3") FIELD("d", "4") "--XX--"), RC_LIMIT, PARTS, "c", NULL, S("3") },
};

int main(void)
{
	for (size_t i = 0; i < COUNTOF(forms); i++) {
		struct multipart_part parts[PARTS] = { 0 };
		struct err err = { 0 };
		size_t n = 99;
		enum rc rc = multipart_read(str_of(forms[i].type), forms[i].body, parts, PARTS, &n, &err);

		OK(rc == forms[i].rc, "%s: %s", forms[i].what, rc_name(rc));
		OK(n == forms[i].n, "%s: %zu parts", forms[i].what, n);
		if (n == 0 || n > PARTS)
			continue;
		EQ_STR(parts[n - 1].name, str_of(forms[i].name), "its name");
		OK((parts[n - 1].filename.p == NULL) == (forms[i].filename == NULL), "%s: a file or none", forms[i].what);
		EQ_STR(parts[n - 1].filename, str_of(forms[i].filename), "the file's name");
		EQ_STR(parts[n - 1].bytes, forms[i].bytes, "its bytes");
	}
	return tap_done();
}
