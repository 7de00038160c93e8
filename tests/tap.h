/* Test Anything Protocol in one header: OK(cond, "name %d", n), plan printed
 * at the end by tap_done(). A test program is: int main(void) { ...; return tap_done(); } */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

/* Weak, so that the files of one program share them. */
__attribute__((weak)) int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define OK(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

/* Says aloud what was not run and why. */
#define SKIP(why, ...) \
	do { \
		printf("ok %d - ", ++tap_count); \
		printf(__VA_ARGS__); \
		printf(" # SKIP %s\n", why); \
	} while (0)

__attribute__((unused)) static bool tap_eq_str(struct str got, struct str want, const char *file, int line, const char *name)
{
	bool good = str_eq(got, want);

	tap_ok(good, file, line, "%s", name);
	if (!good)
		printf("#   got  %.*s\n#   want %.*s\n", STR(got), STR(want));
	return good;
}

#define EQ_STR(got, want, name) tap_eq_str((got), (want), __FILE__, __LINE__, (name))

__attribute__((unused)) static bool tap_eq_int(long long got, long long want, const char *file, int line, const char *name)
{
	bool good = got == want;

	tap_ok(good, file, line, "%s", name);
	if (!good)
		printf("#   got  %lld\n#   want %lld\n", got, want);
	return good;
}

#define EQ_INT(got, want, name) tap_eq_int((long long)(got), (long long)(want), __FILE__, __LINE__, (name))

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
