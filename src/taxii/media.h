/* TAXII media types: what a client accepts and what it sends (TAXII 2.1 §3.1,
 * RFC 7231 §5.3.2). Pure functions over header values. */
#ifndef TAXII_MEDIA_H
#define TAXII_MEDIA_H

#include "base/str.h"

#define TAXII_MEDIA "application/taxii+json;version=2.1"
#define STIX_MEDIA_21 "application/stix+json;version=2.1"
#define STIX_MEDIA_20 "application/stix+json;version=2.0"

/* True when a reply labelled TAXII_MEDIA fits this Accept value. An absent header
 * (.p NULL) accepts anything. The most specific range that names us decides. */
bool media_accepted(struct str accept);

/* True for a Content-Type of TAXII 2.1, with or without the version parameter. */
bool media_is_taxii(struct str content_type);

#endif
