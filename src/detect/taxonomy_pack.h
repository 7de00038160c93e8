/* Packs of packs/sigma as the build put them into the program. Inside detect/ only. */
#ifndef DETECT_TAXONOMY_PACK_H
#define DETECT_TAXONOMY_PACK_H

struct taxonomy_pack {
	const char *name, *text;
	unsigned n;
};
extern const struct taxonomy_pack taxonomy_packs[];
extern const unsigned taxonomy_packs_n;

#endif
