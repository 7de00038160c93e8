/* Identifiers of our making: deterministic ones for cyber-observables, so that
 * two nodes that see the same address speak of the same object, and random ones
 * for everything else (STIX 2.1 §2.9). */
#ifndef STIX_ID_H
#define STIX_ID_H

#include "stix/object.h"

/* UUIDv5 over the RFC 8785 form of the id contributing properties, in the namespace
 * 00abedb4-aa42-466c-9c01-fed23315a9b7; UUIDv4 when none of them is present, and always
 * for a process (STIX 2.1 §2.9, §6). `out` gets "type--uuid" with a NUL, and the result
 * points into it. RC_UNSUPPORTED: the type is no SCO of STIX 2.1. */
enum rc stix_sco_id(const struct json *sco, char out[static STIX_ID_MAX + 1], struct str *ret, struct err *err) MUSTUSE;

/* True when the id of `sco` would be the same for everyone: some contributing property is there. */
bool stix_sco_id_fixed(const struct json *sco);

/* A new random id of this type (1..STIX_TYPE_MAX bytes). */
struct str stix_new_id(struct str type, char out[static STIX_ID_MAX + 1]);

/* The same id for the same (type, name) in our own namespace: for objects derived
 * from another system's records, so that importing twice makes one object. Never in
 * the namespace that STIX keeps for SCOs. */
struct str stix_derived_id(struct str type, struct str name, char out[static STIX_ID_MAX + 1]);

#endif
