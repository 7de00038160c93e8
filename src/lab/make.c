#include "lab/make.h"

/* One line a maker: `extern` and row. */
extern const struct lab_maker LAB_MAKE_EICAR, LAB_MAKE_MAGIC, LAB_MAKE_SIMILAR;

const struct lab_maker *const lab_makers[] = {
	&LAB_MAKE_EICAR,
	&LAB_MAKE_MAGIC,
	&LAB_MAKE_SIMILAR,
	NULL,
};
