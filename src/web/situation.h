/* Keeps the picture (picture/picture.h) as the store has it: reads everything once, then only what facts and new objects say
 * has changed. Where the desk's derivations, registers, peers and STIX objects become rows is here and in situation_members.h. */
#ifndef WEB_SITUATION_H
#define WEB_SITUATION_H

#include "picture/picture.h"
#include "web/api.h"

struct situation;

/* `api` outlives it. Reads nothing yet. */
enum rc situation_new(const struct api *api, struct situation **ret, struct err *err) MUSTUSE;
void situation_free(struct situation *s); /* accepts NULL */

/* Reads everything now and what comes as it comes, on a thread of its own, so that whoever looks at a board finds it read. Once. */
enum rc situation_keep(struct situation *s, struct err *err) MUSTUSE;

/* The picture as of now; nobody else changes it until situation_unlock, which is called on RC_OK only. */
enum rc situation_lock(struct situation *s, const struct picture **ret, struct err *err) MUSTUSE;
void situation_unlock(struct situation *s);

#endif
