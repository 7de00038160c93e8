/* Functions that have hurt others: using one is a compile error. Included last
 * by every .c file through -include; see CONTRIBUTING.md for what to use instead. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok gets
#pragma GCC poison atoi atol atoll atof alloca localtime gmtime ctime asctime
#pragma GCC poison system popen tmpnam tempnam mktemp

#endif
