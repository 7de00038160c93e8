/* What became known in the files of indicators of a worker that runs on: when one
 * changes, which indicators are in it that were not before. */
#ifndef CLI_QUEUE_NEWS_H
#define CLI_QUEUE_NEWS_H

#include "cli/cli.h"
#include "detect/image.h"

#define QUEUE_NEWS_FILES 64
#define QUEUE_NEWS_BYTES ((uint64_t)512 << 20) /* of all files; of more it is only known that they changed */

struct queue_news;

/* Reads the files. `paths` outlive the result. */
enum rc queue_news_new(const char *const *paths, size_t n, struct queue_news **ret, struct err *err) MUSTUSE;
void queue_news_free(struct queue_news *k); /* accepts NULL */

/* Is a file another than when it was read? */
bool queue_news_changed(const struct queue_news *k);

/* Reads them anew. *ret: those that were in none before, in `a`; *ret_too_many: the files are too large to tell which they are. */
enum rc queue_news_take(struct queue_news *k, struct arena *a, struct image_indicator **ret, size_t *ret_n, bool *ret_too_many, struct err *err) MUSTUSE;

#endif
