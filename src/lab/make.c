#include "lab/make.h"

/* One line a maker: `extern` and row. */
extern const struct lab_maker LAB_MAKE_ADDRESSES, LAB_MAKE_EICAR, LAB_MAKE_ELF, LAB_MAKE_MACRO, LAB_MAKE_MAGIC, LAB_MAKE_PE, LAB_MAKE_SIGN, LAB_MAKE_SIMILAR;

const struct lab_maker *const lab_makers[] = {
	&LAB_MAKE_EICAR,
	&LAB_MAKE_MAGIC,
	&LAB_MAKE_SIMILAR,
	&LAB_MAKE_PE,
	&LAB_MAKE_SIGN,
	&LAB_MAKE_ELF,
	&LAB_MAKE_ADDRESSES,
	&LAB_MAKE_MACRO,
	NULL,
};
