/* Which rules are worth running on a file. Beside a compiled rule set stand tables of short pieces of its patterns (lab/atoms.h): the bytes are
 * gone through once, and only rules whose condition could hold with the strings that may stand there (lab/maybe.h) are left. Rules that
 * ask for a sort of file by its first bytes are a group of their own, and are not looked for in others. */
#ifndef LAB_ROUTER_H
#define LAB_ROUTER_H

#include <yara.h>

#include "base/err.h"
#include "base/str.h"

struct lab_router;

/* `rules` stay the caller's and outlive it; where `off` (NULL: none) is not 0, that rule is never chosen. RC_UNSUPPORTED: these tables tell nothing, run all rules. Afterwards all memory that
 * a scan reads is shared and read only. */
enum rc lab_router_new(const YR_RULES *rules, const uint8_t *off, struct lab_router **ret, struct err *err) MUSTUSE;
void lab_router_free(struct lab_router *r);

struct lab_route {
	uint32_t *rules;   /* in no order; mem_array memory */
	size_t n;
	bool strings;      /* some string of them may stand in the file: it must be looked for */
};

/* Every rule that libyara would find to match, and those they depend on, are among those of the route. RC_NOMEM. */
enum rc lab_router_route(const struct lab_router *r, struct str bytes, struct lab_route *ret, struct err *err) MUSTUSE;
void lab_route_done(struct lab_route *route);

bool lab_router_refers(const struct lab_router *r, uint32_t a, uint32_t b);

struct lab_router_facts {
	size_t groups, patterns, pieces; /* pieces: places in the tables */
	size_t anywhere;                 /* strings that are taken to stand in every file */
	size_t always;                   /* rules that need neither a string nor a sort of file */
	size_t memory;                   /* bytes, shared */
};
void lab_router_facts(const struct lab_router *r, struct lab_router_facts *ret);

#endif
