/* The first line is the Content-Type, what follows is the form. */
#include "wire/multipart.h"

#define PARTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n), type = { NULL, 0 };
	struct multipart_part parts[PARTS];
	size_t found, sum = 0;

	if (!str_next(&in, '\n', &type) || in.p == NULL)
		return 0;
	if (multipart_read(type, in, parts, PARTS, &found, NULL) == RC_OK)
		for (size_t i = 0; i < found; i++)
			sum += parts[i].name.n + parts[i].filename.n + parts[i].bytes.n;
	if (sum > n)
		__builtin_trap();
	return 0;
}
