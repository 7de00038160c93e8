/* What bulletins.c and bulletins_read.c share. */
#ifndef STORE_BULLETINS_INTERNAL_H
#define STORE_BULLETINS_INTERNAL_H

#include "store/bulletins.h"
#include "store/facts_internal.h"

#define SHORT_MAX 200
#define TITLE_MAX 1000
#define REASON_MAX ((size_t)32 << 10)
#define LIST_MAX 1000

#endif
