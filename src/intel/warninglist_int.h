/* Between warninglist.c and its loader; nobody else includes this. */
#ifndef INTEL_WARNINGLIST_INT_H
#define INTEL_WARNINGLIST_INT_H

#include "intel/warninglist.h"

/* A list could not be read. */
void warninglists_count_failed(struct warninglists *w);

#endif
