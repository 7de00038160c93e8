/* The identity provider of [sign_in]. */
#ifndef NODE_PROVIDER_H
#define NODE_PROVIDER_H

#include "node/config.h"
#include "web/oidc.h"

/* `*ret` NULL: none is configured. */
enum rc provider_open(const struct config *c, struct oidc **ret, struct err *err) MUSTUSE;

#endif
