/* The predefined extensions of cyber-observables, each list ending in NULL. */
#ifndef STIX_SCHEMA_EXT_H
#define STIX_SCHEMA_EXT_H

#include "stix/schema.h"

extern const struct stix_schema *const STIX_EXT_FILE[], *const STIX_EXT_NETWORK[], *const STIX_EXT_PROCESS[],
	*const STIX_EXT_ACCOUNT[];

#endif
