/* Path of a file or folder of the test material of others: $LIANFANG_DATA, else
 * ../shared/data beside the source tree. False when it is not there. */
#ifndef TESTS_DETECT_MATERIAL_H
#define TESTS_DETECT_MATERIAL_H

#include <stdbool.h>
#include <stdio.h>

__attribute__((unused)) static bool material(const char *name, char path[static 4096])
{
	const char *data = getenv("LIANFANG_DATA"), *source = getenv("LIANFANG_SOURCE");

	if (data != NULL)
		snprintf(path, 4096, "%s/%s", data, name);
	else
		snprintf(path, 4096, "%s/../shared/data/%s", source == NULL ? "." : source, name);
	return access(path, R_OK) == 0;
}

#endif
