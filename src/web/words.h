/* Names of classes, types and devices, for what people read (packs/rsit). */
#ifndef WEB_WORDS_H
#define WEB_WORDS_H

#include "detect/rsit.h"

struct api_words;

enum rc api_words_new(const char *rsit_file, struct api_words **ret, struct err *err) MUSTUSE;
void api_words_free(struct api_words *w); /* accepts NULL */
const struct rsit *api_words_rsit(const struct api_words *w);

#endif
