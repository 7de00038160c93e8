/* Packs of packs/rsit as the build put them into the program. Inside detect/ only. */
#ifndef DETECT_RSIT_PACK_H
#define DETECT_RSIT_PACK_H

struct rsit_pack {
	const char *name, *text;
	unsigned n;
};
extern const struct rsit_pack rsit_packs[];
extern const unsigned rsit_packs_n;

#endif
