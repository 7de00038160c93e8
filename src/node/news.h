/* One piece of word for people, in all the forms in which it goes out: what a mail
 * says, and what programs read. */
#ifndef NODE_NEWS_H
#define NODE_NEWS_H

#include "desk/desk.h"
#include "store/bulletins.h"
#include "store/incidents.h"

struct news {
	char key[600];       /* the same word has the same */
	char id[256];        /* of the mail: printable ASCII */
	usec at;
	struct buf subject, body, json;
};

void news_init(struct news *n);
void news_done(struct news *n);

/* A rung of a clock's ladder. `n` is empty. RC_LIMIT. */
enum rc news_of_alarm(const struct desk *d, const struct incident_untold *u, struct news *n, struct err *err) MUSTUSE;
/* An alert that came, or an answer that did not; of RED no word of what it says. `packs`: by the wall of the first one's place. */
enum rc news_of_bulletin(const struct desk *d, struct str packs, const struct bulletin_word *b, struct news *n, struct err *err) MUSTUSE;

#endif
