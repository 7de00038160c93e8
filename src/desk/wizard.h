/* The level wizard: which answers about an affected item are known from the register and from what was said, what still
 * has to be asked, and when an outage will change the level. It decides nothing itself: level.h does, by the pack's table. */
#ifndef DESK_WIZARD_H
#define DESK_WIZARD_H

#include "base/jsonw.h"
#include "desk/derive.h"
#include "desk/level.h"

#define WIZARD_SINCE "since" /* the question since when something is out; its answer is an instant */

struct wizard_item {
	/* In: what the register says of the system (an entry's members), or NULL; what was answered: attributes of the pack, "since" and
	 * "back" (RFC 3339, or "now"). Borrowed. */
	const struct json *ict, *given;
	/* Out, by wizard_fill. */
	int8_t answers[PACK_ATTRIBUTES_MAX]; /* by attribute; -1: not answered */
	uint32_t read;             /* 1 << attribute: the register has answered it, or the clock with the register's tolerable time */
	usec since, back;          /* NO_TIME: not said, not back yet */
	int64_t hours;             /* tolerable outage by the register; -1: it does not say */
	usec turns;                /* when the tolerable time ends, if it is still running at `now`; else NO_TIME */
	int ask;                   /* the attribute that has to be asked next; -1: none */
	bool ask_since;            /* that comes before it */
};

/* RC_BAD: "/items/NUMBER/severity: ..." of an answer that the pack does not know, a time that is none or lies ahead of `now`, or a pack
 * whose words.registers are no such thing. */
enum rc wizard_fill(const struct pack *p, struct wizard_item *it, size_t number, usec now, struct err *err) MUSTUSE;

/* The items as facts have them and level_of reads them, at an instant `at` not before wizard_fill's. `names`: of the systems, for "system". */
void wizard_items(const struct pack *p, const struct wizard_item *items, const struct str *names, size_t n, usec at, struct jsonw *w);

#endif
