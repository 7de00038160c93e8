/* Any bytes as a file that the lab inspects, with all its walkers and fact makers, without the cell around them. */
#include <fcntl.h>
#include <stdlib.h>

#include "lab/make.h"
#include "lab/walk.h"
#include "lab/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct lab_stock stock;
	static int out = -1;

	if (out < 0) {
		out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		stock.limits = LAB_LIMITS;
		stock.limits.bytes = stock.limits.memory = (uint64_t)16 << 20;
		stock.limits.children = 500;
		stock.limits.seconds = 5;
		for (size_t i = 0; lab_walkers[i] != NULL; i++)
			if (lab_walkers[i]->prepare != NULL && lab_walkers[i]->prepare(NULL) != RC_OK)
				abort();
		for (size_t i = 0; lab_makers[i] != NULL; i++)
			if (lab_makers[i]->prepare != NULL && lab_makers[i]->prepare(NULL) != RC_OK)
				abort();
	}
	lab_work_run(&stock, str_make((const char *)bytes, n), S(""), out);
	return 0;
}
