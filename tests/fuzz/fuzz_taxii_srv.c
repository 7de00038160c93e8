/* Any DNS answer: what comes out of it is an https URL of a host name and nothing else. */
#include <stdlib.h>

#include "taxii/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char base[300] = "";

	if (srv_pick(str_make((const char *)bytes, n), 12345, base, sizeof base, NULL) != RC_OK)
		return 0;
	if (strncmp(base, "https://", 8) != 0)
		abort();
	for (const char *p = base + 8; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:", *p) == NULL)
			abort();
	return 0;
}
