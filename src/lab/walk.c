#include "lab/walk.h"

/* One line a walker: `extern` and row. */
extern const struct lab_walker LAB_WALK_ZIP, LAB_WALK_MAIL, LAB_WALK_MAILBOX, LAB_WALK_OLE, LAB_WALK_PDF, LAB_WALK_RTF, LAB_WALK_TNEF, LAB_WALK_LNK, LAB_WALK_ONENOTE, LAB_WALK_UU, LAB_WALK_DATA, LAB_WALK_SZDD,
	LAB_WALK_PE, LAB_WALK_ARCHIVE;

const struct lab_walker *const lab_walkers[] = {
	&LAB_WALK_ZIP,
	&LAB_WALK_OLE,
	&LAB_WALK_PDF,
	&LAB_WALK_MAIL,
	&LAB_WALK_MAILBOX,
	&LAB_WALK_RTF,
	&LAB_WALK_TNEF,
	&LAB_WALK_LNK,
	&LAB_WALK_ONENOTE,
	&LAB_WALK_UU,
	&LAB_WALK_DATA,
	&LAB_WALK_SZDD,
	&LAB_WALK_PE,
	&LAB_WALK_ARCHIVE,
	NULL,
};

uint64_t lab_walkers_types(void)
{
	uint64_t types = 0;

	for (size_t i = 0; lab_walkers[i] != NULL; i++)
		types |= lab_walkers[i]->types;
	return types;
}
