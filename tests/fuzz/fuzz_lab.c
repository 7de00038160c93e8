/* Any bytes as a file that the lab inspects, with all its walkers and fact makers, without the cell around them. What it says of them
 * must be frames, and the ledger must add up. */
#include <fcntl.h>
#include <sys/mman.h>

#include "lab/make.h"
#include "lab/walk.h"
#include "lab/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void prepare(struct lab_stock *stock)
{
	stock->limits = LAB_LIMITS;
	stock->limits.bytes = stock->limits.memory = (uint64_t)16 << 20;
	stock->limits.children = 500;
	stock->limits.seconds = 5;
	for (size_t i = 0; lab_walkers[i] != NULL; i++)
		if (lab_walkers[i]->prepare != NULL && lab_walkers[i]->prepare(NULL) != RC_OK)
			abort();
	/* libmagic is not ours, and would take nine tenths of the time. */
	for (size_t i = 0; lab_makers[i] != NULL; i++)
		if (lab_makers[i]->prepare != NULL && strcmp(lab_makers[i]->name, "magic") != 0 && lab_makers[i]->prepare(NULL) != RC_OK)
			abort();
}

static void check(struct str frames, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct lab_report r;

	lab_report_begin(&r, a, S("fuzz"), S(""), size);
	for (size_t k; (k = lab_frame_size(frames)) != 0; frames = str_slice(frames, k, frames.n))
		if (k == SIZE_MAX || lab_report_take(&r, str_slice(frames, 0, k), NULL) != RC_OK)
			abort();
	if (frames.n != 0 || !r.ended || (r.unseen.n == 0 && r.left_out == 0 && r.bytes_seen != r.bytes_total))
		abort();
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct lab_stock stock;
	static int out = -1;
	size_t said;
	void *p;

	if (out < 0) {
		out = memfd_create("frames", MFD_CLOEXEC);
		prepare(&stock);
	}
	if (ftruncate(out, 0) != 0 || lseek(out, 0, SEEK_SET) != 0)
		abort();
	lab_work_run(&stock, str_make((const char *)bytes, n), S(""), out);
	said = (size_t)lseek(out, 0, SEEK_END);
	p = mmap(NULL, said, PROT_READ, MAP_PRIVATE, out, 0);
	if (p == MAP_FAILED)
		abort();
	check(str_make(p, said), n);
	munmap(p, said);
	return 0;
}
