/* Packs of packs/stix as the build put them into the program. Inside detect/ only. */
#ifndef DETECT_STIX_PACK_H
#define DETECT_STIX_PACK_H

struct stix_pack {
	const char *name, *text;
	unsigned n;
};
extern const struct stix_pack stix_packs[];
extern const unsigned stix_packs_n;

#endif
