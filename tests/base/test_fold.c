#include "base/fold.h"

#include "tap.h"

static const struct {
	const char *name, *in, *want;
} rows[] = {
	{ "empty", "", "" },
	{ "ASCII", "@AZ[`az{09", "@az[`az{09" },
	{ "more than sixteen", "C:\\WINDOWS\\SYSTEM32\\CMD.EXE", "c:\\windows\\system32\\cmd.exe" },
	{ "Latin", "\xc3\x84\xc3\x97\xc3\x9e", "\xc3\xa4\xc3\x97\xc3\xbe" },
	{ "every second letter", "\xc4\x80\xc4\x81\xc4\x82", "\xc4\x81\xc4\x81\xc4\x83" },
	{ "Kelvin, long s", "\xe2\x84\xaa\xc5\xbf", "ks" },
	{ "dotted I stays", "\xc4\xb0", "\xc4\xb0" },
	{ "sharp s", "\xe1\xba\x9e\xc3\x9f", "\xc3\x9f\xc3\x9f" },
	{ "final sigma", "\xcf\x82\xce\xa3", "\xcf\x83\xcf\x83" },
	{ "two bytes to three", "\xc8\xba", "\xe2\xb1\xa5" },
	{ "beyond the first plane", "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8" },
	{ "no UTF-8 stays", "A\xff\xc3", "a\xff\xc3" },
};

int main(void)
{
	char out[FOLD_ROOM(64)];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		size_t n = fold_text(str_of(rows[i].in), out);

		EQ_STR(str_make(out, n), str_of(rows[i].want), rows[i].name);
	}
	for (uint32_t ch = 0; ch < 0x110000; ch++) {
		if (fold_char(fold_char(ch)) != fold_char(ch)) {
			OK(false, "U+%04X folds twice", ch);
			return tap_done();
		}
	}
	OK(true, "folding again changes nothing");
	return tap_done();
}
