/* Objects in presentations (MS-PPT §2.10.34 and on): macros and embedded files stand in the stream "PowerPoint Document" as compound files,
 * packed more often than not. */
#ifndef LAB_PPT_H
#define LAB_PPT_H

#include "lab/node.h"

/* Each object of the stream becomes a child. */
void ppt_objects(struct lab_node *n, struct str name, struct str stream);

#endif
