/* An incident as an IODEF document (RFC 7970, version 2) for teams that exchange
 * incidents in it: what it is, when, how grave, and each fact as an item of its
 * history. */
#ifndef DESK_IODEF_H
#define DESK_IODEF_H

#include "desk/desk.h"

#define IODEF_MAX ((size_t)32 << 20)

struct iodef_incident {
	struct str id, number, title;
	struct str node;         /* who wrote the document: name of this node */
	bool exercise;
	uint8_t tlp;             /* enum tlp: restriction of the document */
	usec opened, now;        /* now: when the document is made */
	const struct desk_view *view;
};

/* Failures stick in the buffer. */
void iodef_write(const struct iodef_incident *i, struct buf *out);

#endif
