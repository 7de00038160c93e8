/* Dynamic data exchange: a field, link or formula that makes its reader start another program. The same judgement wherever it stands. */
#ifndef LAB_DDE_H
#define LAB_DDE_H

#include "lab/node.h"

/* What a field of a text document does, by its instruction ("DDEAUTO c:\\...\\cmd.exe \"/c ...\""), with what stands for letters in it
 * (QUOTE 68 68 69) read. Nothing is said of harmless ones. `at`, `length`: where it stands in the node; 0, 0: in several places. */
void lab_dde_field(struct lab_node *n, struct str instruction, uint64_t at, uint64_t length);
/* A link of a spreadsheet: the program and what it is asked for. */
void lab_dde_link(struct lab_node *n, struct str service, struct str topic, uint64_t at, uint64_t length);
/* True: from another machine: by a scheme with an authority, or by \\server. A file by its path is not. */
bool lab_elsewhere(struct str target);

#endif
