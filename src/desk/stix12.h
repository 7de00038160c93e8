/* Bulletins as STIX 1.2 packages, for systems that speak the exchange format in use
 * before STIX 2: one Incident in a package, its TLP as the handling of the whole
 * document, people as CIQ 3.0 identities, technical detail as CybOX objects. What
 * stands where: docs/internals/alerts.md. */
#ifndef DESK_STIX12_H
#define DESK_STIX12_H

#include "desk/bulletin.h"

#define STIX12_MAX ((size_t)8 << 20) /* bytes of a package */

/* Both ways keep the content whole: what is written is read again as it was. */
void stix12_write(const struct bulletin *b, struct str id, struct str number, struct buf *out);

struct stix12_id {
	struct str id;      /* of the bulletin; a package that another system made gets the same each time */
	struct str number;
	size_t left_out;    /* objects and codes that have no place in a bulletin */
};
/* Everything in `a`. RC_BAD names what is wrong; RC_UNSUPPORTED: another version, several incidents; RC_LIMIT. A package without a
 * marking is of `default_tlp`; a colour that is none is refused. */
enum rc stix12_read(struct arena *a, struct str xml, uint8_t default_tlp, struct stix12_id *ret_id, struct bulletin *ret, struct err *err) MUSTUSE;

#endif
