/* How records are told, where several routes tell of the same. */
#ifndef WEB_API_RECORDS_H
#define WEB_API_RECORDS_H

#include "base/jsonw.h"
#include "store/tickets.h"
#include "web/words.h"

struct api_call;

/* A ticket that the caller may see. RC_NOTFOUND, in the same words whether it is not there or not for this viewer. */
enum rc api_ticket_find(struct api_call *c, struct str number, struct ticket *ret, struct err *err) MUSTUSE;

void api_put_alert(struct jsonw *w, const struct alert_row *a);
void api_put_fact(struct jsonw *w, const struct fact *f);

/* `lists`: with rules, connections, indicators ... */
void api_put_ticket(struct jsonw *w, const struct api_words *words, const struct ticket *t, bool lists);

/* The monitoring sheet (資安監控單) as Markdown; `facts` is what was done, oldest first. */
void api_put_sheet(struct buf *out, const struct api_words *words, const struct ticket *t, const struct str *facts, size_t n_facts, bool zh);

#endif
