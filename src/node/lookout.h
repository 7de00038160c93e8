/* A node's active indicators for a command beside the running node: the image
 * is filled from a read-only view of the store. */
#ifndef NODE_LOOKOUT_H
#define NODE_LOOKOUT_H

#include "detect/patterns.h"

struct lookout;

/* `record`: hits may be written back; then the node must not be running here (RC_BUSY) -
 * a running node watches by its configured inputs. */
enum rc lookout_open(const char *dir, bool record, struct lookout **ret, struct err *err) MUSTUSE;
void lookout_close(struct lookout *l);
const struct image *lookout_image(const struct lookout *l);
struct patterns *lookout_patterns(const struct lookout *l);
/* Alert and sighting, as for a configured input. */
enum rc lookout_record(struct lookout *l, const struct hit *h, struct err *err) MUSTUSE;

#endif
