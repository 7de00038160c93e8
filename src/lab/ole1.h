/* Embedded objects of the older kind (MS-OLEDS): what RTF's \objdata and the stream "\1Ole10Native" hold. */
#ifndef LAB_OLE1_H
#define LAB_OLE1_H

#include "lab/node.h"

/* What packagers write (Ole10Native behind its length): label, path, command, and the file, which becomes a child. False: it is not that. */
bool ole1_package(struct lab_node *n, struct str name, struct str bytes);

/* EmbeddedObject (§2.2.5): version, class, native data, which becomes a child. False: it is not that. */
bool ole1_object(struct lab_node *n, struct str name, struct str bytes);

#endif
