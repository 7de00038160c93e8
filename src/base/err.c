#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf may cut inside a UTF-8 sequence: drop the torn tail. */
static void trim_torn(char *text)
{
	size_t n = strlen(text);
	size_t lead = n;

	if (n + 1 < ERR_TEXT_MAX)
		return;
	while (lead > 0 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
		lead--;
	if (lead > 0 && ((unsigned char)text[lead - 1] & 0x80) != 0)
		text[lead - 1] = '\0';
}

void err_set(struct err *err, enum rc rc, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return;
	err->rc = rc;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	trim_torn(err->text);
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	int used;
	va_list ap;

	if (err == NULL)
		return;
	memcpy(old, err->text, sizeof old);
	va_start(ap, fmt);
	used = vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	if (used >= 0 && (size_t)used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", old);
	trim_torn(err->text);
}
